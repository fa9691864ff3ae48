import contextlib
import gc
import logging
import threading
import weakref
from wsgiref.validate import validator

import pytest
from django.core.handlers.wsgi import WSGIHandler
from fastapi import FastAPI
from flask import Blueprint, Flask, Response, abort, current_app, jsonify, request, send_file
from kit.flask_requests import (
    APP,
    EVIL,
    OTHER,
    REFUSED,
    REFUSED_PREFLIGHT,
    UNTOUCHED,
    Answer,
    ask,
    ask_preflight,
    make_app,
    preflight_answer,
    shared_with,
)
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from corsguard import CORSMiddleware, Policies, Policy, PolicyError
from corsguard_flask import CORSGuard, cors

LISTED = {"allow_origins": [APP]}
OTHERS = {"allow_origins": [OTHER]}


@pytest.fixture
def app():
    app = make_app()

    @app.route("/", methods=["GET", "PUT"])
    def index():
        return "index"

    return app


def problems_of(error):
    return [problem.code for problem in error.value.problems]


@pytest.mark.parametrize("policy", [Policy(**LISTED), LISTED, {"/": Policy(**LISTED)}, {"paths": {"/": LISTED}}])
@pytest.mark.parametrize(
    "guard",
    [
        CORSGuard,
        lambda app, policy: CORSGuard(policy=policy).init_app(app),
        lambda app, policy: CORSGuard().init_app(app, policy),
        lambda app, policy: (app.config.update(CORSGUARD=policy), CORSGuard(app)),
        lambda app, policy: (app.config.update(CORSGUARD=policy), CORSGuard().init_app(app)),
    ],
    ids=["constructor", "init_app", "argument of init_app", "config", "config and init_app"],
)
def test_a_policy_is_taken_in_every_form_from_every_place(app, guard, policy):
    guard(app, policy)
    assert ask(app) == Answer(200, shared_with(), "index")
    assert ask_preflight(app) == preflight_answer()


def test_an_argument_is_used_before_the_guards_own_policy_and_that_before_config(app):
    app.config["CORSGUARD"] = LISTED
    guard = CORSGuard(app, OTHERS)
    assert ask(app, origin=OTHER).cors == shared_with(OTHER)
    second = make_app()
    guard.init_app(second, LISTED)
    assert ask(second).cors == shared_with()


def test_without_a_policy_nothing_is_touched_and_preflights_reach_the_application(app):
    CORSGuard(app)
    assert ask(app) == Answer(200, UNTOUCHED, "index")
    assert ask_preflight(app) == Answer(200, UNTOUCHED, "")


def test_prefixes_guard_blueprints_and_nothing_else(app):
    blueprint = Blueprint("api", __name__)
    blueprint.add_url_rule("/items", "items", lambda: "items")
    app.register_blueprint(blueprint, url_prefix="/api")
    app.register_blueprint(blueprint, name="bare")
    CORSGuard(app, {"/api": LISTED, "/api/closed": None})
    assert ask(app, "/api/items") == Answer(200, shared_with(), "items")
    assert ask_preflight(app, "/api/items") == preflight_answer()
    assert ask(app, "/items") == Answer(200, UNTOUCHED, "items")
    assert ask(app, "/api/missing").cors == shared_with()
    assert ask(app, "/api/closed/x").cors == UNTOUCHED
    assert ask(app, "/apiary").cors == UNTOUCHED


def test_a_closed_path_removes_headers_of_the_application_and_an_unguarded_one_keeps_them(app, caplog):
    headers = {"Access-Control-Allow-Origin": "*", "Vary": "Cookie"}
    for path in "/api/closed", "/api/open", "/else":
        app.add_url_rule(path, path, lambda: Response("own", headers=headers))
    CORSGuard(app, {"/api": LISTED, "/api/closed": None, "/api/open": "unguarded"})
    own = [("access-control-allow-origin", "*"), ("vary", "Cookie")]
    assert ask(app, "/api/open") == Answer(200, own, "own")
    assert ask(app, "/else") == Answer(200, own, "own")
    assert caplog.records == []
    assert ask(app, "/api/closed") == Answer(200, [("vary", "Cookie")], "own")
    assert ask_preflight(app, "/api/closed") == Answer(200, UNTOUCHED, "")
    (record,) = caplog.records
    assert (record.cors_event.reason, record.cors_event.policy) == ("two-layers", None)


def test_a_path_of_several_readings_has_the_policy_of_all_of_them_or_none(app, caplog):
    caplog.set_level(logging.INFO, "corsguard")
    app.add_url_rule("/<path:path>", "any", lambda path: path)
    CORSGuard(app, {"/api": LISTED, "/api/open": {"allow_origins": "*"}})
    assert ask(app, "/api//x").cors == shared_with()
    assert caplog.records == []
    assert ask(app, "/api/%2e%2e/x").cors == REFUSED
    assert ask_preflight(app, "/api/%2e%2e/x").cors == REFUSED
    assert ask(app, "/api/open/%252e%252e/x").cors == REFUSED
    assert {record.cors_event.reason for record in caplog.records} == {"odd-path"}


@pytest.mark.parametrize("config", [None, [APP], "*", 7])
def test_a_config_value_that_is_not_a_policy_stops_init_app(app, config):
    app.config["CORSGUARD"] = config
    with pytest.raises(PolicyError) as error:
        CORSGuard(app)
    assert problems_of(error) == ["E801"]
    assert error.value.__notes__ == [f"This is app.config['CORSGUARD'] of {app.name!r}."]


def test_a_blueprint_is_refused_with_how_to_guard_it():
    with pytest.raises(TypeError, match="Guard a blueprint by its prefix"):
        CORSGuard(Blueprint("api", "api"))


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (FastAPI(), "Write `from corsguard.asgi import CORSGuard`."),
        (WSGIHandler.__new__(WSGIHandler), 'Write `MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"'),
        (lambda environ, start_response: [], "Write `CORSMiddleware(app, policy)` for any other WSGI application"),
    ],
    ids=["FastAPI", "Django", "WSGI"],
)
def test_an_application_with_another_guard_is_refused_with_the_name_of_that_guard(app, said):
    with pytest.raises(TypeError) as refused:
        CORSGuard(app, LISTED)
    assert said in str(refused.value)


def test_a_bad_config_stops_init_app_with_all_problems_and_changes_nothing(app):
    app.config["CORSGUARD"] = {"paths": {"/api/": {"allow_origins": ["https://a.example/"], "max_age": -1}, "/b": {}}}
    inside = app.wsgi_app
    with pytest.raises(PolicyError) as error:
        CORSGuard().init_app(app)
    assert sorted(problems_of(error)) == ["E101", "E203", "E703", "E802"]
    assert app.wsgi_app is inside
    assert "corsguard" not in app.extensions


def test_the_constructor_refuses_a_bad_policy_without_an_application():
    with pytest.raises(PolicyError) as error:
        CORSGuard(policy={"allow_origins": "*", "allow_credentials": True})
    assert problems_of(error) == ["E301"]


def test_a_guarded_application_cannot_be_guarded_again(app):
    CORSGuard(app, LISTED)
    inside = app.wsgi_app
    with pytest.raises(RuntimeError, match=r"assign guard\.policy"):
        CORSGuard().init_app(app, OTHERS)
    assert app.wsgi_app is inside


def test_the_guard_keeps_no_application_alive():
    """
    It is among the extensions of the application.
    """
    app = Flask("short-lived")
    guard = CORSGuard(app, LISTED)
    assert app.extensions["corsguard"] is guard
    gone = weakref.ref(app)
    del app
    gc.collect()
    assert gone() is None
    guard.policy = OTHERS


def test_refused_origins_get_no_headers_though_the_view_runs(app):
    CORSGuard(app, LISTED)
    assert ask(app, origin=EVIL) == Answer(200, REFUSED, "index")
    assert ask(app, origin=None) == Answer(200, REFUSED, "index")
    assert ask_preflight(app, origin=EVIL) == REFUSED_PREFLIGHT


def test_an_options_request_that_is_not_a_preflight_reaches_the_application(app):
    CORSGuard(app, LISTED)
    app.add_url_rule("/own", "own", lambda: "own", methods=["OPTIONS"], provide_automatic_options=False)
    assert ask(app, "/own", "OPTIONS") == Answer(200, shared_with(), "own")
    assert ask(app, "/own", "OPTIONS", origin=None, Access_Control_Request_Method="PUT") == Answer(200, REFUSED, "own")


def test_a_guarded_preflight_runs_no_hooks(app):
    seen = []
    app.before_request(lambda: seen.append("before"))
    app.teardown_request(lambda error: seen.append("teardown"))
    CORSGuard(app, LISTED)
    assert ask_preflight(app) == preflight_answer()
    assert seen == []
    ask(app)
    assert seen == ["before", "teardown"]


def test_what_before_request_aborts_carries_the_headers(app):
    app.before_request(lambda: abort(401))
    CORSGuard(app, LISTED)
    answer = ask(app)
    assert (answer.status, answer.cors) == (401, shared_with())


@pytest.mark.parametrize("path", ["/missing", "/%ff%00", "/" + "x/" * 3000])
def test_a_404_carries_the_headers(app, path):
    CORSGuard(app, LISTED)
    answer = ask(app, path)
    assert (answer.status, answer.cors) == (404, shared_with())


def test_a_405_carries_the_headers_and_its_preflight_is_answered(app):
    CORSGuard(app, LISTED)
    answer = ask(app, method="DELETE")
    assert (answer.status, answer.cors) == (405, shared_with())
    assert ask_preflight(app, method="DELETE") == preflight_answer()


def test_a_redirect_to_the_slash_carries_the_headers(app):
    app.add_url_rule("/slash/", "slash", lambda: "slash")
    CORSGuard(app, LISTED)
    answer = ask(app, "/slash")
    assert (answer.status, answer.cors) == (308, shared_with())


def test_the_500_of_an_unhandled_exception_carries_the_headers(app, caplog):
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    CORSGuard(app, LISTED)
    answer = ask(app, "/broken")
    assert (answer.status, answer.cors) == (500, shared_with())
    assert "ZeroDivisionError" in caplog.text


def test_the_response_of_an_error_handler_carries_the_headers(app):
    app.add_url_rule("/broken", "broken", lambda: 1 / 0)
    app.register_error_handler(ZeroDivisionError, lambda error: (jsonify(text="handled"), 418))
    CORSGuard(app, LISTED)
    answer = ask(app, "/broken")
    assert (answer.status, answer.cors) == (418, shared_with())


@pytest.mark.parametrize("key", ["PROPAGATE_EXCEPTIONS", "TESTING", "DEBUG"])
def test_an_exception_that_flask_lets_through_passes_untouched(app, key):
    app.config[key] = True
    error = RuntimeError("mine")

    @app.get("/broken")
    def broken():
        raise error

    CORSGuard(app, LISTED)
    with pytest.raises(RuntimeError) as caught:
        ask(app, "/broken")
    assert caught.value is error


def test_a_304_of_a_file_carries_the_headers(app, tmp_path):
    file = tmp_path / "file.txt"
    file.write_text("content")

    @app.get("/file")
    def show():
        return send_file(file)

    CORSGuard(app, LISTED)
    assert ask(app, "/file") == Answer(200, shared_with(), "content")
    with Client(app).get("/file") as response:
        etag = response.headers["ETag"]
    assert ask(app, "/file", If_None_Match=etag) == Answer(304, shared_with(), "")


def test_head_carries_the_headers_of_get(app):
    CORSGuard(app, LISTED)
    assert ask(app, method="HEAD") == Answer(200, shared_with(), "")


def test_a_stream_is_not_consumed_before_it_is_sent(app):
    steps = []

    def chunks():
        try:
            for number in "12":
                steps.append(number)
                yield number
        finally:
            steps.append("closed")

    app.add_url_rule("/stream", "stream", lambda: Response(chunks(), mimetype="text/plain"))
    CORSGuard(app, LISTED)
    environ = EnvironBuilder("/stream", headers={"Origin": APP}).get_environ()
    body, _, headers = run_wsgi_app(app, environ)
    assert headers["Access-Control-Allow-Origin"] == APP
    assert "2" not in steps
    assert next(iter(body)) == b"1"
    body.close()
    assert steps == ["1", "closed"]


def test_asynchronous_views_are_guarded(app):
    @app.get("/async")
    async def asynchronous():
        return "async"

    CORSGuard(app, LISTED)
    assert ask(app, "/async") == Answer(200, shared_with(), "async")


def test_headers_of_the_application_are_replaced_and_logged_once(app, caplog):
    @app.after_request
    def set_headers(response):
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Vary"] = "Accept-Encoding, origin"
        return response

    CORSGuard(app, LISTED)
    for _ in range(2):
        assert ask(app).cors == [("access-control-allow-origin", APP), ("vary", "Accept-Encoding, origin")]
    assert [record.name for record in caplog.records] == ["corsguard"]
    assert "Access-Control-Allow-Credentials" in caplog.text


def test_guarding_twice_through_wsgi_equals_guarding_once(app):
    CORSGuard(app, LISTED)
    app.wsgi_app = CORSMiddleware(app.wsgi_app, LISTED)
    assert ask(app) == Answer(200, shared_with(), "index")
    assert ask_preflight(app) == preflight_answer()


def test_warnings_are_logged_when_the_application_is_guarded(app, caplog):
    CORSGuard(app, {"allow_origins": ["http://app.example.com"]})
    assert ["W103" in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize("given", [tuple, iter], ids=["tuple", "generator"])
@pytest.mark.parametrize("origin", [APP, EVIL, None])
@pytest.mark.parametrize("is_tagged", [False, True], ids=["untagged", "tagged"])
def test_headers_of_a_middleware_need_not_be_a_list(app, given, origin, is_tagged):
    inside = app.wsgi_app

    def respelling(environ, start_response):
        return inside(environ, lambda status, headers, *more: start_response(status, given(headers), *more))

    app.wsgi_app = respelling
    CORSGuard(app, LISTED)
    if is_tagged:
        app.add_url_rule("/tagged", "tagged", cors(allow_origins=[OTHER])(lambda: "tagged"))
    answer = ask(app, origin=origin)
    assert answer == Answer(200, shared_with() if origin == APP else REFUSED, "index")


def test_one_guard_guards_two_applications_with_two_policies(app):
    second = make_app("second")
    second.add_url_rule("/", "index", lambda: "second")
    app.config["CORSGUARD"] = LISTED
    second.config["CORSGUARD"] = OTHERS
    guard = CORSGuard()
    guard.init_app(app)
    guard.init_app(second)
    assert (ask(app).cors, ask(app, origin=OTHER).cors) == (shared_with(), REFUSED)
    assert (ask(second).cors, ask(second, origin=OTHER).cors) == (REFUSED, shared_with(OTHER))


def test_the_config_of_one_application_does_not_reach_the_next(app):
    app.config["CORSGUARD"] = LISTED
    guard = CORSGuard(app)
    second = make_app("second")
    guard.init_app(second)
    assert ask(app).cors == shared_with()
    assert ask(second).cors == UNTOUCHED


def test_mounted_applications_have_guards_of_their_own(app):
    inner = make_app("inner")
    inner.add_url_rule("/", "index", lambda: "inner")
    CORSGuard(inner, OTHERS)
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/inner": inner})
    guard = CORSGuard(app, {"/inner": "unguarded", "/": LISTED})
    assert ask(app, "/inner/", origin=OTHER) == Answer(200, shared_with(OTHER), "inner")
    assert ask_preflight(app, "/inner/", origin=OTHER) == preflight_answer(OTHER)
    assert ask(app) == Answer(200, shared_with(), "index")
    # None closes, even with an inner guard. The rest shows that the inner guard would have asked for the origin.
    guard.policy = {"/inner": None, "/": LISTED}
    assert ask(app, "/inner/", origin=OTHER) == Answer(200, [("vary", "Origin")], "inner")


def test_assigning_swaps_the_policy_of_all_applications_and_of_later_ones(app):
    second, third = make_app("second"), make_app("third")
    guard = CORSGuard(app, LISTED)
    guard.init_app(second)
    guard.policy = OTHERS
    guard.init_app(third)
    for guarded in (app, second, third):
        assert ask(guarded, origin=OTHER).cors == shared_with(OTHER)
        assert ask(guarded).cors == REFUSED


def test_assigning_does_not_change_applications_with_a_policy_of_their_own(app):
    second, third = make_app("second"), make_app("third")
    second.config["CORSGUARD"] = LISTED
    guard = CORSGuard(app)
    guard.init_app(second)
    guard.init_app(third, LISTED)
    assert guard.policy is None
    guard.policy = OTHERS
    assert guard.policy == Policy(**OTHERS)
    assert ask(app, origin=OTHER).cors == shared_with(OTHER)
    assert (ask(second).cors, ask(third).cors) == (shared_with(), shared_with())


def test_the_policy_of_one_application_can_be_set(app):
    second = make_app("second")
    guard = CORSGuard(app, LISTED)
    guard.init_app(second)
    guard.set_policy(second, OTHERS)
    assert (ask(app).cors, ask(second, origin=OTHER).cors) == (shared_with(), shared_with(OTHER))
    # From then on it has its own policy, and the policy of the guard is not used for it.
    guard.policy = {"allow_origins": "*"}
    assert (guard.policy, ask(second, origin=OTHER).cors) == (Policy(allow_origins="*"), shared_with(OTHER))
    guard.set_policy(second, None)
    assert ask(second, origin=OTHER).cors == UNTOUCHED
    with pytest.raises(PolicyError):
        guard.set_policy(second, {"allow_origins": ["app.example.com"]})
    with pytest.raises(RuntimeError, match="does not guard 'third'"):
        guard.set_policy(make_app("third"), LISTED)


def test_the_policy_that_was_read_can_be_assigned_again(app):
    guard = CORSGuard(app, {"/": LISTED})
    before = guard.policy
    guard.policy = None
    assert (guard.policy, ask(app).cors) == (None, UNTOUCHED)
    guard.policy = before
    assert (guard.policy, ask(app).cors) == (before, shared_with())


def test_a_bad_policy_is_not_swapped_in(app):
    guard = CORSGuard(app, LISTED)
    before = guard.policy
    with pytest.raises(PolicyError):
        guard.policy = {"allow_origins": ["app.example.com"]}
    assert guard.policy is before
    assert ask(app).cors == shared_with()


def test_a_running_request_finishes_with_the_old_policy(app):
    @app.get("/swap")
    def swap():
        current_app.extensions["corsguard"].policy = OTHERS
        return "swapped"

    CORSGuard(app, LISTED)
    assert ask(app, "/swap") == Answer(200, shared_with(), "swapped")
    assert ask(app).cors == REFUSED


@pytest.mark.parametrize("wrapped", [lambda policy: policy, lambda policy: {"/": policy}], ids=["policy", "paths"])
def test_every_answer_with_threads_has_wholly_one_policy(app, wrapped):
    one = wrapped({"allow_origins": [APP], "expose_headers": ["X-One"], "max_age": 1})
    two = wrapped({"allow_origins": "*", "expose_headers": ["X-Two"], "max_age": 2})
    guard = CORSGuard(app, one)

    def answers():
        return repr(ask(app)), repr(ask_preflight(app))

    whole = {answers()}
    guard.policy = two
    whole.add(answers())
    assert len(whole) == 2
    responses, preflights = (set(column) for column in zip(*whole, strict=True))
    seen, stop = set(), threading.Event()

    def swap():
        while not stop.is_set():
            guard.policy = one
            guard.policy = two

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        for _ in range(300):
            seen.update(answers())
    finally:
        stop.set()
        swapping.join()
    assert seen == responses | preflights


def test_a_middleware_that_delays_start_response_changes_nothing(app):
    inside = app.wsgi_app

    def delaying(environ, start_response):
        started = []
        body = inside(environ, lambda *arguments: started.append(arguments) or (lambda data: None))
        chunks = list(body)
        body.close()
        start_response(*started[0])
        return chunks

    app.wsgi_app = validator(delaying)
    CORSGuard(app, LISTED)
    assert ask(app) == Answer(200, shared_with(), "index")


def test_the_path_is_read_below_the_mount(app):
    CORSGuard(app, {"/": LISTED, "/api": OTHERS})
    app.add_url_rule("/where", "where", lambda: request.script_root)
    mounted = DispatcherMiddleware(Flask("root"), {"/api": app})
    assert ask(mounted, "/api/where") == Answer(200, shared_with(), "/api")


def test_refusals_are_logged_without_text_that_a_client_could_forge(app, caplog):
    caplog.set_level(logging.INFO, "corsguard")
    CORSGuard(app, LISTED)
    ask_preflight(app, "/a%0d%0ab", origin="https://evil.example")
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 1
    assert "\n" not in messages[0]
    assert r"/a\r\nb" in messages[0]


def test_empty_policies_take_the_place_of_the_config_and_can_be_swapped():
    app = make_app("given")
    app.config["CORSGUARD"] = LISTED
    policies = Policies()
    CORSGuard(app, policies)
    assert ask(app, origin=APP).cors == []
    policies.policy = LISTED
    assert ask(app, origin=APP).cors != []


def test_a_handler_of_the_log_may_send_a_request_to_the_application():
    app = make_app("asked")
    app.add_url_rule("/risky", "risky", cors(allow_origins=["http://risky.example"])(lambda: "risky"))
    CORSGuard(app)
    asked = []

    class Handler(logging.Handler):
        def emit(self, record):
            asked.append(ask(app, "/risky", origin=APP).status)

    handler = Handler()
    logging.getLogger("corsguard").addHandler(handler)
    try:
        assert ask(app, "/risky", origin="http://risky.example").status == 200
    finally:
        logging.getLogger("corsguard").removeHandler(handler)
    assert asked == [200]


def test_a_path_outside_of_latin_1_raises_nothing():
    app = make_app("odd")
    app.add_url_rule("/tagged", "tagged", cors(None)(lambda: "tagged"))
    guard = CORSGuard(app, LISTED)
    assert guard.policy_for(app, {"REQUEST_METHOD": "GET", "PATH_INFO": "/\u65e5"}) == guard.policy


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        (
            {"origins": ["https://app.example.com"]},
            'CORSGuard got "origins". It takes a policy as one argument. Write CORSGuard(app, {"allow_origins": ...}).',
        ),
        ({"allow_origins": "*", "allow_credential": True}, '"allow_origins": ..., "allow_credentials": ...}'),
        ({"debug": True}, 'CORSGuard got "debug", which it does not know.'),
    ],
)
def test_keywords_of_a_policy_in_a_mapping_are_refused_by_name(keywords, said):
    app = Flask("shop")
    with pytest.raises(TypeError) as refused:
        CORSGuard(app, **keywords)
    assert said in str(refused.value)
    # Nothing guards it.
    CORSGuard(app, {"allow_origins": "*"})


@pytest.mark.parametrize(
    ("settings", "origin", "records"),
    [
        ({"DEBUG": True}, APP, 1),
        ({"PROPAGATE_EXCEPTIONS": True}, APP, 1),
        ({"DEBUG": True, "PROPAGATE_EXCEPTIONS": False}, APP, 0),
        ({}, APP, 0),
        # A test client gets the exception itself. Without an Origin, no page waits for headers.
        ({"TESTING": True}, APP, 0),
        ({"DEBUG": True}, None, 0),
    ],
)
def test_an_exception_that_leaves_flask_gets_one_warning(caplog, settings, origin, records):
    """
    A layer outside of the guard answers it. So the browser reports CORS, and the log says why.
    """
    app = Flask("raising")
    app.config.update(settings)
    app.add_url_rule("/", view_func=lambda: 1 / 0)
    CORSGuard(app, {"allow_origins": [APP]})
    for _ in range(2):
        with contextlib.suppress(ZeroDivisionError):
            app.test_client().get("/", headers={"Origin": origin} if origin else {})
    told = [record.getMessage() for record in caplog.records if record.name == "corsguard"]
    assert len(told) == records
    assert all("app.config['PROPAGATE_EXCEPTIONS'] = False" in message for message in told)
