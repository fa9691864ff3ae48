"""
Which view of a Flask application a request is for: if no view answers, below a mount, and with layers in between.
"""

import gc
import weakref
from wsgiref.validate import validator

import pytest
from flask import Request, abort, current_app, redirect
from kit.flask_requests import (
    APP,
    EVIL,
    OTHER,
    REFUSED,
    UNTOUCHED,
    Answer,
    ask,
    ask_preflight,
    make_app,
    preflight_answer,
    shared_with,
)
from kit.flask_views import LISTED, OTHERS, WRITES, add, app_with_tag, messages_of, named
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.routing import BaseConverter, Rule
from werkzeug.test import EnvironBuilder, run_wsgi_app

from corsguard import Policy
from corsguard_flask import CORSGuard, cors

THIRD = "https://third.example.org"


@pytest.fixture
def app():
    return app_with_tag()


# Responses that no view made


def test_errors_of_a_tagged_view_carry_its_policy(app, caplog):
    @app.get("/broken")
    @cors(OTHERS)
    def broken():
        raise ZeroDivisionError

    @app.get("/aborted")
    @cors(OTHERS)
    def aborted():
        abort(404)

    CORSGuard(app, LISTED)
    assert ask(app, "/broken", origin=OTHER)[:2] == (500, shared_with(OTHER))
    assert ask(app, "/aborted", origin=OTHER)[:2] == (404, shared_with(OTHER))
    app.before_request_funcs[None] = [lambda: abort(401)]
    assert ask(app, "/tagged")[:2] == (401, shared_with())


def test_a_404_has_the_policy_of_its_path(app):
    CORSGuard(app, {"/api": OTHERS})
    assert ask(app, "/api/missing", origin=OTHER)[:2] == (404, shared_with(OTHER))
    assert ask_preflight(app, "/api/missing", origin=OTHER) == preflight_answer(OTHER)
    assert ask(app, "/missing")[:2] == (404, UNTOUCHED)
    assert ask_preflight(app, "/missing")[:2] == (404, UNTOUCHED)


def redirecting(app):
    add(app, "/slash/", "slash", OTHERS, methods=["GET", "PUT"])
    add(app, "/a/b", "merged", OTHERS, methods=["GET", "PUT"])
    add(app, "/old", "old", LISTED, redirect_to="/slash/", methods=["GET", "PUT"])
    add(app, "/older", "older", LISTED, redirect_to="slash", methods=["GET", "PUT"])
    add(app, "/page/<int:number>", "page", OTHERS, methods=["GET", "PUT"])
    app.add_url_rule("/page", "page", app.view_functions["page"], defaults={"number": 1}, methods=["GET", "PUT"])
    app.add_url_rule("/alias", "page", defaults={"number": 2}, alias=True, methods=["GET", "PUT"])
    add(app, "/loop", "loop", LISTED, redirect_to="/loop", methods=["GET", "PUT"])
    add(app, "/away", "away", LISTED, redirect_to="https://away.example/slash/", methods=["GET", "PUT"])
    add(app, "/sub", "sub", LISTED, redirect_to="http://sub.localhost/slash/", methods=["GET", "PUT"])
    add(app, "/outside", "outside", LISTED, redirect_to="/other/slash/", methods=["GET", "PUT"])
    add(app, "/café/", "encoded", OTHERS, methods=["GET", "PUT"])
    add(app, "/lost", "lost", LISTED, redirect_to="/nowhere", methods=["GET", "PUT"])
    add(app, "/invalid", "invalid", LISTED, redirect_to="http://[", methods=["GET", "PUT"])


@pytest.mark.parametrize("path", ["/slash", "/a//b", "/older", "/page/1", "/alias", "/slash?x=1", "/caf%C3%A9"])
@pytest.mark.parametrize("mounted", [False, True], ids=["at the root", "mounted"])
def test_a_redirecting_rule_has_the_policy_of_its_target(app, path, mounted):
    redirecting(app)
    CORSGuard(app, LISTED)
    asked = DispatcherMiddleware(make_app("root"), {"/mount": app}) if mounted else app
    path = f"/mount{path}" if mounted else path
    status, lines, _ = ask(asked, path, origin=OTHER)
    assert (status in (301, 302, 308), lines) == (True, shared_with(OTHER))
    assert ask_preflight(asked, path, origin=OTHER) == preflight_answer(OTHER)


@pytest.mark.parametrize("path", ["/loop", "/away", "/sub", "/lost"])
def test_a_redirect_to_no_view_of_the_application_has_the_policy_of_its_path(app, path):
    redirecting(app)
    CORSGuard(app, {"/": Policy(allow_origins=[THIRD])})
    assert ask(app, path, origin=THIRD)[:2] == (308, shared_with(THIRD))
    for method in "PUT", "DELETE":
        assert ask_preflight(app, path, method, origin=THIRD) == preflight_answer(THIRD)


def test_a_redirect_out_of_the_mount_has_the_policy_of_its_path(app):
    redirecting(app)
    CORSGuard(app, LISTED)
    mounted = DispatcherMiddleware(make_app("root"), {"/mount": app})
    assert ask_preflight(app, "/old", origin=OTHER) == preflight_answer(OTHER)
    for path in "/mount/old", "/mount/outside":
        assert ask(mounted, path)[:2] == (308, shared_with())
        assert ask_preflight(mounted, path) == preflight_answer()


def test_a_redirect_that_a_view_makes_has_the_policy_of_the_view(app):
    app.add_url_rule("/moved", "moved", cors(OTHERS)(lambda: redirect("/tagged")))
    CORSGuard(app)
    assert ask(app, "/moved", origin=OTHER)[:2] == (302, shared_with(OTHER))


def test_a_preflight_for_a_method_without_redirect_has_the_policy_of_the_target(app):
    redirecting(app)
    CORSGuard(app, LISTED)
    assert ask_preflight(app, "/old", "DELETE", origin=OTHER) == preflight_answer(OTHER)


def test_converters_and_defaults_decide_which_view_is_found(app):
    add(app, "/items/<int:number>", "by_number", LISTED)
    add(app, "/items/<string:name>", "by_name", OTHERS)
    add(app, "/files/<path:rest>", "files", OTHERS)
    app.add_url_rule("/defaults/<x>", "by_default", cors(OTHERS)(named("by_default")), defaults={"y": 1})
    CORSGuard(app)
    assert ask_preflight(app, "/items/7", "GET") == preflight_answer()
    assert ask_preflight(app, "/items/seven", "GET", OTHER) == preflight_answer(OTHER)
    assert ask_preflight(app, "/files/a/b/é", "GET", OTHER) == preflight_answer(OTHER)
    assert ask_preflight(app, "/defaults/1", "GET", OTHER) == preflight_answer(OTHER)


def test_hosts_decide_if_the_application_matches_hosts():
    app = make_app(host_matching=True, static_folder=None)
    add(app, "/", "api", LISTED, host="api.example.com", methods=["GET", "PUT"])
    add(app, "/", "www", OTHERS, host="www.example.com", methods=["GET", "PUT"])
    add(app, "/slash/", "slash", OTHERS, host="www.example.com", methods=["GET", "PUT"])
    add(app, "/old", "old", LISTED, host="api.example.com", redirect_to="http://www.example.com/slash", methods=["PUT"])
    CORSGuard(app)
    api, www = "http://api.example.com/", "http://www.example.com/"
    assert ask(app, base_url=api) == Answer(200, shared_with(), "api")
    assert ask_preflight(app, base_url=api) == preflight_answer()
    assert ask(app, base_url=www, origin=OTHER) == Answer(200, shared_with(OTHER), "www")
    assert ask_preflight(app, base_url=www, origin=OTHER) == preflight_answer(OTHER)
    assert ask_preflight(app, "/slash", base_url=www, origin=OTHER) == preflight_answer(OTHER)
    assert ask_preflight(app, "/old", base_url=api, origin=OTHER) == preflight_answer(OTHER)
    assert ask_preflight(app, base_url="http://else.example.com/")[:2] == (404, UNTOUCHED)


def test_subdomains_decide_if_the_application_matches_subdomains():
    app = make_app(subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    add(app, "/", "index", LISTED, methods=["GET", "PUT"])
    add(app, "/", "api", OTHERS, subdomain="api", methods=["GET", "PUT"])
    add(app, "/slash/", "slash", OTHERS, subdomain="api", methods=["GET", "PUT"])
    add(app, "/old", "old", LISTED, redirect_to="http://api.example.com/slash", methods=["GET", "PUT"])
    CORSGuard(app)
    api = "http://api.example.com/"
    assert ask_preflight(app, base_url="http://example.com/") == preflight_answer()
    assert ask_preflight(app, base_url=api, origin=OTHER) == preflight_answer(OTHER)
    assert ask_preflight(app, "/slash", base_url=api, origin=OTHER) == preflight_answer(OTHER)
    assert ask_preflight(app, "/old", base_url="http://example.com/", origin=OTHER) == preflight_answer(OTHER)


def test_a_server_name_and_an_application_root_change_nothing(app):
    app.config.update(SERVER_NAME="localhost", APPLICATION_ROOT="/root")
    add(app, "/slash/", "slash", OTHERS, methods=["GET", "PUT"])
    CORSGuard(app)
    assert ask(app, "/tagged") == Answer(200, shared_with(), "tagged")
    assert ask_preflight(app, "/tagged") == preflight_answer()
    assert ask_preflight(app, "/slash", origin=OTHER) == preflight_answer(OTHER)


def test_the_application_is_matched_below_its_mount(app):
    CORSGuard(app)
    mounted = DispatcherMiddleware(make_app("root"), {"/mount": app})
    assert ask(mounted, "/mount/tagged") == Answer(200, shared_with(), "tagged")
    assert ask_preflight(mounted, "/mount/tagged") == preflight_answer()
    assert ask_preflight(mounted, "/tagged")[:2] == (404, UNTOUCHED)


def test_websocket_rules_are_not_views_of_http(app, caplog):
    app.url_map.add(Rule("/socket", endpoint="socket", websocket=True))
    app.url_map.add(Rule("/tagged", endpoint="socket", websocket=True))
    app.view_functions["socket"] = cors(WRITES)(named("socket"))
    CORSGuard(app, OTHERS)
    assert ask(app, "/socket", origin=OTHER)[:2] == (400, shared_with(OTHER))
    assert ask_preflight(app, "/socket", origin=OTHER) == preflight_answer(OTHER)
    assert ask_preflight(app, "/tagged") == preflight_answer()
    assert messages_of(caplog) == []


def test_rules_without_methods_or_without_a_view_are_matched_too(app, caplog):
    app.url_map.add(Rule("/any", endpoint="any"))
    app.view_functions["any"] = cors(LISTED)(named("any"))
    app.url_map.add(Rule("/any", endpoint="nobody", methods=["DELETE"]))
    app.url_map.add(Rule("/nobody", endpoint="nobody"))
    CORSGuard(app, OTHERS)
    assert ask_preflight(app, "/any", "PATCH") == preflight_answer()
    assert ask_preflight(app, "/nobody", origin=OTHER) == preflight_answer(OTHER)


class Raising(BaseConverter):
    def to_python(self, value):
        raise LookupError(value)


class Aborting(BaseConverter):
    def to_python(self, value):
        abort(410)


def test_an_error_of_a_converter_stays_in_the_application(app, caplog):
    app.url_map.converters.update(raising=Raising, aborting=Aborting)
    add(app, "/raising/<raising:x>", "raising", LISTED, methods=["GET", "PUT"])
    add(app, "/aborting/<aborting:x>", "aborting", LISTED, methods=["GET", "PUT"])
    CORSGuard(app, OTHERS)
    assert ask(app, "/raising/1", origin=OTHER)[:2] == (500, UNTOUCHED)
    assert ask_preflight(app, "/raising/1", origin=OTHER)[:2] == (500, UNTOUCHED)
    assert "LookupError" in caplog.text
    assert ask(app, "/aborting/1", origin=OTHER)[:2] == (410, shared_with(OTHER))
    assert ask_preflight(app, "/aborting/1", origin=OTHER) == preflight_answer(OTHER)


def test_a_redirect_that_cannot_be_parsed_stays_in_the_application(app, caplog):
    redirecting(app)
    CORSGuard(app, OTHERS)
    assert ask(app, "/invalid", origin=OTHER)[:2] == (500, UNTOUCHED)
    assert ask_preflight(app, "/invalid", origin=OTHER)[:2] == (500, UNTOUCHED)


@pytest.mark.parametrize(
    "path",
    [
        "/%ff%fe",
        "/%00",
        "/tagged%2f..%2ftagged",
        "/../tagged",
        "/tagged/.",
        "/" + "a/" * 4000,
        "/%F0%9F%92%A9",
        "/tagged%0d%0a",
    ],
)
@pytest.mark.parametrize("host", ["localhost", "localhost:99999", "[::1", "a b", "é", "x" * 5000, ""])
def test_no_url_and_no_host_raises_in_the_guard(app, path, host):
    CORSGuard(app, OTHERS)
    environ = {"HTTP_HOST": host}
    for method in "GET", "OPTIONS":
        status, lines = raw(app, path, method, environ)
        assert status < 500
        # If one reading of a path leads to the tagged view and another one does not, the path has no policy.
        assert lines in ([], REFUSED, shared_with(OTHER), preflight_answer(OTHER).cors)


def raw(app, path, method, environ):
    headers = {"Origin": OTHER, "Access-Control-Request-Method": "GET"}
    environ = EnvironBuilder(path, method=method, headers=headers).get_environ() | environ
    body, status, headers = run_wsgi_app(app, environ)
    getattr(body, "close", list)()
    named = [(name.lower(), value) for name, value in headers]
    lines = sorted(line for line in named if line[0] == "vary" or line[0].startswith("access-control-"))
    return int(status[:3]), lines


def test_an_untrusted_host_gets_the_policy_of_the_path(app):
    app.config["TRUSTED_HOSTS"] = ["localhost"]
    CORSGuard(app, OTHERS)
    assert ask_preflight(app, "/tagged") == preflight_answer()
    if "TRUSTED_HOSTS" in type(app).default_config:
        evil = "http://evil.example/"
        assert ask(app, "/tagged", base_url=evil, origin=OTHER)[:2] == (400, shared_with(OTHER))
        assert ask_preflight(app, "/tagged", base_url=evil, origin=OTHER) == preflight_answer(OTHER)


def test_a_middleware_that_delays_start_response_changes_nothing(app):
    inside = app.wsgi_app

    def delaying(environ, start_response):
        started = []
        body = inside(environ, lambda *arguments: started.append(arguments) or (lambda data: None))
        chunks = list(body)
        body.close()
        environ["PATH_INFO"], environ["HTTP_ORIGIN"] = "/", EVIL
        start_response(*started[0])
        return chunks

    app.wsgi_app = validator(delaying)
    CORSGuard(app)
    assert ask(app, "/tagged") == Answer(200, shared_with(), "tagged")
    assert ask(app) == Answer(200, UNTOUCHED, "index")


def test_a_rewritten_path_has_the_policy_of_the_view_that_answers(app):
    inside = app.wsgi_app

    def rewriting(environ, start_response):
        environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/en")
        return inside(environ, start_response)

    app.wsgi_app = rewriting
    CORSGuard(app)
    assert ask(app, "/en/tagged") == Answer(200, shared_with(), "tagged")


def test_the_context_of_another_application_is_not_used(app):
    inner = make_app("inner")
    add(inner, "/tagged", "tagged", LISTED)
    add(inner, "/", "index", None)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/inner": inner})
    add(app, "/inner/", "shadow", OTHERS)
    CORSGuard(app)
    assert ask(app, "/inner/tagged") == Answer(200, UNTOUCHED, "tagged")
    assert ask(app, "/inner/", origin=OTHER) == Answer(200, shared_with(OTHER), "index")


def test_a_preflight_is_matched_by_its_url_whatever_context_is_active(app):
    add(app, "/other", "other", OTHERS, methods=["GET", "PUT"])
    CORSGuard(app)
    with app.test_request_context("/tagged"):
        assert ask_preflight(app, "/other", origin=OTHER) == preflight_answer(OTHER)
        assert ask(app, "/other", "OPTIONS", origin=OTHER)[:2] == (200, shared_with(OTHER))
        assert ask(app, "/other", origin=OTHER) == Answer(200, shared_with(OTHER), "other")


def test_a_view_that_sends_a_request_to_its_application_keeps_its_own_policy(app):
    add(app, "/closed", "closed", None)

    @app.get("/asking")
    @cors(OTHERS)
    def asking():
        inner = ask(current_app.wsgi_app, "/closed")
        return f"{inner.body} {len(inner.cors)}"

    CORSGuard(app)
    assert ask(app, "/asking", origin=OTHER) == Answer(200, shared_with(OTHER), "closed 0")


def test_a_preflight_leaves_no_garbage_for_the_collector(app):
    made = []

    class Remembering(Request):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(weakref.ref(self))

    app.request_class = Remembering
    # Without a name of the server, no request can be made.
    app.config["SERVER_NAME"] = "localhost"
    CORSGuard(app)
    gc.disable()
    try:
        assert ask_preflight(app, "/tagged") == preflight_answer()
        assert [reference() for reference in made] == [None]
    finally:
        gc.enable()


@pytest.mark.parametrize("mounted", ["http://localhost/", "http://localhost/sub/", "https://api.example:8443/b%C3%A9/"])
@pytest.mark.parametrize(
    "path",
    [
        "/tagged", "/nowhere", "/slash", "/slash/", "//slash", "/slash//", "/moved", "/old", "/out", "/items/7",
        "/items/x", "/caf%C3%A9", "/caf%E9", "/%2e%2e/tagged", "/tagged%00", "/a%2Fb", "/tagged?next=/slash", "/socket",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "PUT", "BREW", ""])
def test_a_preflight_is_matched_as_flask_matches_the_request(app, monkeypatch, mounted, path, method):
    add(app, "/slash/", "slash", OTHERS)
    add(app, "/items/<int:number>", "items", OTHERS)
    add(app, "/caf\u00e9", "coffee", OTHERS)
    add(app, "/a/b", "deep", OTHERS)
    app.url_map.add(Rule("/moved", endpoint="moved", redirect_to="/tagged"))
    app.url_map.add(Rule("/out", endpoint="out", redirect_to="https://elsewhere.example/tagged"))
    app.url_map.add(Rule("/old", endpoint="tagged", alias=True))
    app.url_map.add(Rule("/socket", endpoint="slash", websocket=True))
    CORSGuard(app, Policy(allow_origins=[THIRD]))
    asked = [ask_preflight(app, path, method, origin, base_url=mounted) for origin in (APP, OTHER, THIRD)]
    monkeypatch.setattr(app, "create_url_adapter", lambda request: type(app).create_url_adapter(app, request))
    assert asked == [ask_preflight(app, path, method, origin, base_url=mounted) for origin in (APP, OTHER, THIRD)]
    # Flask serves no view at `/../tagged`, but a proxy may. So this path has no policy.
    expected = [404, 404, 404] if path == "/%2e%2e/tagged" else [204, 403, 403]
    assert sorted(answer.status for answer in asked) == expected


def test_a_path_whose_readings_lead_to_different_policies_has_none(app):
    add(app, "/items/<path:rest>", "items", LISTED, methods=["GET", "PUT"])
    add(app, "/items/open/<path:rest>", "open", OTHERS, methods=["GET", "PUT"])
    CORSGuard(app, LISTED)
    assert ask(app, "/items/%2e/7") == Answer(200, shared_with(), "items")
    assert ask_preflight(app, "/items/%2e/7") == preflight_answer()
    assert ask(app, "/items/x/%2e%2e/open/7") == Answer(200, REFUSED, "items")
    assert ask(app, "/items/x/%2e%2e/open/7", origin=OTHER) == Answer(200, REFUSED, "items")
    assert ask_preflight(app, "/items/x/%2e%2e/open/7") == Answer(200, REFUSED, "")


def test_a_preflight_of_a_websocket_is_matched_with_websocket_rules(app):
    add(app, "/socket", "plain", LISTED)
    app.view_functions["socket"] = cors(OTHERS)(named("socket"))
    app.url_map.add(Rule("/socket", endpoint="socket", websocket=True))
    CORSGuard(app)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    assert ask_preflight(app, "/socket", "GET") == preflight_answer()
    assert ask_preflight(app, "/socket", "GET", OTHER, **upgrade) == preflight_answer(OTHER)


def test_without_a_server_name_no_host_has_the_default_subdomain():
    app = make_app(subdomain_matching=True)
    app.url_map.default_subdomain = "www"
    add(app, "/tagged", "tagged", LISTED)
    CORSGuard(app, OTHERS)
    assert ask(app, "/tagged").status == 404
    assert ask_preflight(app, "/tagged", "GET", OTHER) == preflight_answer(OTHER)


def test_without_url_matching_the_policy_is_that_of_the_path(app):
    app.create_url_adapter = lambda request: None
    CORSGuard(app, OTHERS)
    assert ask_preflight(app, "/tagged", origin=OTHER) == preflight_answer(OTHER)
