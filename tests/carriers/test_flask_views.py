"""
`@cors` in Flask: a tag on a view takes the place of the policy of its path. Views that share a path have their own
answers.
"""

import functools
import logging

import pytest
from flask import Blueprint, views
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
from kit.flask_views import LISTED, OTHERS, WRITES, add, app_with_tag, messages_of, named
from werkzeug.routing import Rule

from corsguard import Policy
from corsguard_flask import CORSGuard, cors

WRITES_PREFLIGHT = [*preflight_answer(OTHER, "PUT, DELETE").cors]
WRITES_PREFLIGHT.insert(0, ("access-control-allow-headers", "Content-Type"))


@pytest.fixture
def app():
    return app_with_tag()


def test_the_decorator_returns_the_view_itself():
    view = named("view")
    assert cors(LISTED)(view) is view


def test_without_a_guard_a_tag_changes_nothing(app):
    assert ask(app, "/tagged") == Answer(200, UNTOUCHED, "tagged")


def test_without_another_policy_only_tagged_views_share(app):
    CORSGuard(app)
    assert ask(app, "/tagged") == Answer(200, shared_with(), "tagged")
    assert ask(app, "/tagged", origin=EVIL) == Answer(200, REFUSED, "tagged")
    assert ask_preflight(app, "/tagged") == preflight_answer()
    assert ask_preflight(app, "/tagged", origin=EVIL) == REFUSED_PREFLIGHT
    assert ask(app) == Answer(200, UNTOUCHED, "index")
    assert ask_preflight(app) == Answer(200, UNTOUCHED, "")


def test_a_tag_takes_the_place_of_the_policy_of_the_path(app):
    add(app, "/api/tagged", "api_tagged", LISTED)
    add(app, "/api/untagged", "api_untagged")
    CORSGuard(app, {"/api": OTHERS})
    assert ask(app, "/api/tagged") == Answer(200, shared_with(), "api_tagged")
    assert ask_preflight(app, "/api/tagged") == preflight_answer()
    assert ask(app, "/api/untagged", origin=OTHER) == Answer(200, shared_with(OTHER), "api_untagged")
    assert ask_preflight(app, "/api/untagged", origin=OTHER) == preflight_answer(OTHER)


def test_a_closed_view_shares_nothing_and_gets_its_own_preflights(app):
    add(app, "/closed", "closed", None)
    CORSGuard(app, LISTED)
    assert ask(app, "/closed") == Answer(200, UNTOUCHED, "closed")
    assert ask_preflight(app, "/closed") == Answer(200, UNTOUCHED, "")


def test_an_options_request_that_is_not_a_preflight_reaches_a_tagged_view(app):
    add(app, "/own", "own", LISTED, methods=["OPTIONS"], provide_automatic_options=False)
    CORSGuard(app)
    assert ask(app, "/own", "OPTIONS") == Answer(200, shared_with(), "own")
    assert ask_preflight(app, "/own", "OPTIONS") == preflight_answer()


def test_keywords_make_the_policy(app):
    app.add_url_rule("/keywords", "keywords", cors(allow_origins=[OTHER])(named("keywords")))
    CORSGuard(app, LISTED)
    assert ask(app, "/keywords", origin=OTHER) == Answer(200, shared_with(OTHER), "keywords")


def test_outer_decorators_with_wraps_carry_the_tag_outwards(app):
    def decorated(view):
        @functools.wraps(view)
        def wrapper(**arguments):
            return view(**arguments)

        return wrapper

    app.add_url_rule("/wrapped", "wrapped", decorated(decorated(cors(OTHERS)(named("wrapped")))))
    CORSGuard(app)
    assert ask(app, "/wrapped", origin=OTHER) == Answer(200, shared_with(OTHER), "wrapped")


def test_asynchronous_views_can_be_tagged(app):
    @app.get("/async")
    @cors(OTHERS)
    async def asynchronous():
        return "async"

    CORSGuard(app)
    assert ask(app, "/async", origin=OTHER) == Answer(200, shared_with(OTHER), "async")


def test_a_tagged_view_of_a_blueprint_keeps_its_policy_wherever_it_is_mounted(app):
    blueprint = Blueprint("api", __name__)
    add(blueprint, "/items", "items", OTHERS)
    app.register_blueprint(blueprint)
    app.register_blueprint(blueprint, url_prefix="/api", name="prefixed")
    CORSGuard(app, LISTED)
    for path in "/items", "/api/items":
        assert ask(app, path, origin=OTHER) == Answer(200, shared_with(OTHER), "items")
        assert ask_preflight(app, path, origin=OTHER) == preflight_answer(OTHER)


class Items(views.MethodView):
    decorators = [cors(OTHERS)]  # noqa: RUF012 - as Flask documents it

    def get(self):
        return "get"

    def put(self):
        return "put"


class Bare(views.MethodView):
    def get(self):
        return "get"


def test_a_method_view_is_tagged_by_its_decorators(app):
    app.add_url_rule("/items", view_func=Items.as_view("items"))
    CORSGuard(app)
    assert ask(app, "/items", "PUT", origin=OTHER) == Answer(200, shared_with(OTHER), "put")
    assert ask_preflight(app, "/items", origin=OTHER) == preflight_answer(OTHER)


def test_each_result_of_as_view_can_be_tagged_differently(app):
    app.add_url_rule("/one", view_func=cors(LISTED)(Bare.as_view("one")))
    app.add_url_rule("/two", view_func=cors(OTHERS)(Bare.as_view("two")))
    CORSGuard(app)
    assert ask(app, "/one") == Answer(200, shared_with(), "get")
    assert ask(app, "/two", origin=OTHER) == Answer(200, shared_with(OTHER), "get")


@pytest.mark.parametrize("base", [views.MethodView, Bare], ids=["own method", "inherited class"])
def test_a_tag_on_a_handler_method_closes_the_view_and_is_logged_once(app, base, caplog):
    class Misplaced(base):
        @cors(OTHERS)
        def get(self):
            return "get"

    class Inherited(Misplaced):
        pass

    app.add_url_rule("/misplaced", view_func=Inherited.as_view("misplaced"))
    CORSGuard(app, LISTED)
    for _ in range(2):
        assert ask(app, "/misplaced") == Answer(200, UNTOUCHED, "get")
        assert ask(app, "/misplaced", origin=OTHER) == Answer(200, UNTOUCHED, "get")
        assert ask_preflight(app, "/misplaced").cors == UNTOUCHED
        cors(LISTED)(named("a new tag, for which all views are looked over again"))
    assert len(messages_of(caplog, logging.ERROR)) == 1
    assert "(get) of the class-based view misplaced" in caplog.text


@pytest.mark.parametrize("kind", [staticmethod, classmethod])
def test_a_tag_on_a_static_method_is_misplaced_too(app, caplog, kind):
    class Static(views.MethodView):
        get = kind(cors(OTHERS)(lambda *cls: "get"))

    app.add_url_rule("/misplaced", view_func=Static.as_view("misplaced"))
    CORSGuard(app, LISTED)
    assert ask(app, "/misplaced") == Answer(200, UNTOUCHED, "get")
    assert "(get) of the class-based view misplaced" in caplog.text


def test_a_handler_method_that_calls_a_tagged_view_is_not_tagged(app):
    tagged = app.view_functions["tagged"]

    class Calling(views.MethodView):
        def get(self):
            return tagged()

    app.add_url_rule("/calling", view_func=Calling.as_view("calling"))
    CORSGuard(app, OTHERS)
    assert ask(app, "/calling", origin=OTHER) == Answer(200, shared_with(OTHER), "tagged")


def test_a_tag_in_the_wrong_place_closes_a_tagged_view(app):
    class Misplaced(views.MethodView):
        @cors(OTHERS)
        def get(self):
            return "get"

    app.add_url_rule("/misplaced", view_func=cors(LISTED)(Misplaced.as_view("misplaced")))
    CORSGuard(app)
    assert ask(app, "/misplaced") == Answer(200, UNTOUCHED, "get")


@pytest.fixture
def shared(app):
    """
    `/shared` is read under one policy and written under another.
    """
    add(app, "/shared", "read", LISTED)
    add(app, "/shared", "write", WRITES, methods=["PUT", "POST"])
    CORSGuard(app)
    return app


def test_a_preflight_is_answered_for_the_view_of_its_method(shared):
    assert ask_preflight(shared, "/shared", "GET") == preflight_answer()
    assert ask_preflight(shared, "/shared", "HEAD") == preflight_answer()
    assert ask_preflight(shared, "/shared", "PUT") == REFUSED_PREFLIGHT
    assert ask_preflight(shared, "/shared", "PUT", OTHER) == Answer(204, WRITES_PREFLIGHT, "")
    assert ask_preflight(shared, "/shared", "put", OTHER) == Answer(204, WRITES_PREFLIGHT, "")
    assert ask_preflight(shared, "/shared", "GET", OTHER) == REFUSED_PREFLIGHT


def test_a_response_has_the_policy_of_the_view_that_answered(shared):
    assert ask(shared, "/shared") == Answer(200, shared_with(), "read")
    assert ask(shared, "/shared", "PUT") == Answer(200, REFUSED, "write")
    assert ask(shared, "/shared", "PUT", OTHER) == Answer(200, shared_with(OTHER), "write")


@pytest.mark.parametrize("method", ["DELETE", "delete", "GETS", "", "-", "é", "PUT, GET", "x" * 100_000])
def test_a_preflight_for_an_unserved_method_has_the_policy_of_the_first_view(shared, method):
    assert ask_preflight(shared, "/shared", method) == preflight_answer()


@pytest.mark.parametrize("method", ["", "PATCH"])
def test_an_empty_or_unserved_method_has_the_policy_of_the_first_view(app, method):
    add(app, "/both", "first", LISTED, provide_automatic_options=False)
    add(app, "/both", "second", OTHERS, methods=["OPTIONS"])
    CORSGuard(app)
    assert ask_preflight(app, "/both", method) == preflight_answer()


def test_a_405_has_the_policy_of_the_view_that_was_registered_first(shared):
    # It is not the policy of the more specific rule, nor of the first name or method.
    add(shared, "/mixed/<name>", "zulu", LISTED, methods=["PUT"])
    add(shared, "/mixed/name", "alpha", WRITES, methods=["DELETE"])
    assert ask(shared, "/shared", "DELETE")[:2] == (405, shared_with())
    assert ask(shared, "/mixed/name", "PATCH")[:2] == (405, shared_with())


def test_a_405_of_a_closed_view_is_closed(app):
    add(app, "/closed", "closed", None)
    CORSGuard(app, LISTED)
    answer = ask(app, "/closed", "PUT")
    assert (answer.status, answer.cors) == (405, UNTOUCHED)
    assert ask_preflight(app, "/closed", "PUT").cors == UNTOUCHED


@pytest.mark.parametrize("first", [WRITES, Policy(allow_origins=[APP], allow_methods="*")], ids=["listed", "all"])
@pytest.mark.parametrize("second", [LISTED, None, ...], ids=["tagged", "closed", "untagged"])
def test_opening_the_method_of_another_view_gets_one_warning(app, caplog, first, second):
    add(app, "/mixed/<int:number>", "first", first, methods=["PUT"])
    add(app, "/mixed/<string:name>", "second", second, methods=["DELETE", "GET"])
    CORSGuard(app)
    for _ in range(2):
        ask(app)
        cors(LISTED)(named("a new tag, for which all views are looked over again"))
    (message,) = [message for message in messages_of(caplog) if "preflight cache" in message]
    assert "/mixed/<int:number>" in message
    assert "first grants DELETE, which second serves" in message


@pytest.mark.parametrize(
    ("rule", "policy", "methods"),
    [
        ("/mixed", WRITES, ["DELETE"]),
        ("/mixed", LISTED, ["GET", "POST"]),
        ("/mixed", LISTED, ["PATCH"]),
        ("/mixed/", LISTED, ["DELETE"]),
    ],
    ids=["one policy", "safelisted", "not granted", "another path"],
)
def test_a_policy_that_opens_nothing_of_other_views_gets_no_warning(app, caplog, rule, policy, methods):
    add(app, "/mixed", "first", WRITES, methods=["PUT"])
    add(app, rule, "second", policy, methods=methods)
    CORSGuard(app)
    ask(app)
    assert messages_of(caplog) == []


def test_views_on_one_path_of_two_hosts_get_no_warning(caplog):
    app = make_app(host_matching=True, static_folder=None)
    add(app, "/mixed", "first", WRITES, host="a.example", methods=["PUT"])
    add(app, "/mixed", "second", LISTED, host="b.example", methods=["DELETE"])
    CORSGuard(app)
    ask(app)
    assert messages_of(caplog) == []


@pytest.mark.parametrize("guarded", [WRITES, {"/mixed": WRITES, "/": LISTED}], ids=["everything", "by path"])
def test_untagged_views_count_with_the_policy_of_their_path(app, caplog, guarded):
    add(app, "/mixed/same", "tagged_same", WRITES, methods=["PUT"])
    add(app, "/mixed/same", "untagged_same", methods=["DELETE"])
    add(app, "/mixed/<name>", "untagged", methods=["PUT"])
    add(app, "/mixed/<number>", "closed", None, methods=["DELETE"])
    CORSGuard(app, guarded)
    ask(app)
    (message,) = messages_of(caplog)
    assert "untagged grants DELETE, which closed serves" in message


def test_a_view_that_serves_every_method_gets_a_warning(app, caplog):
    app.url_map.add(Rule("/any", endpoint="any"))
    app.view_functions["any"] = named("any")
    add(app, "/any", "writes", WRITES, methods=["PUT"])
    CORSGuard(app)
    ask(app)
    (message,) = messages_of(caplog)
    assert "writes grants DELETE, PUT, which any serves" in message


def test_the_warnings_of_a_tags_policy_are_logged_once(app, caplog):
    risky = Policy(allow_origins=["http://app.example.com"])
    add(app, "/one", "one", risky)
    add(app, "/two", "two", risky)
    CORSGuard(app)
    ask(app)
    assert [message[:4] for message in messages_of(caplog)] == ["W103"]
    cors(risky)(app.view_functions["index"])
    ask(app)
    assert len(messages_of(caplog)) == 1


def test_the_warnings_of_a_policy_for_views_and_paths_are_logged_once(app, caplog):
    risky = Policy(allow_origins=["http://app.example.com"])
    add(app, "/one", "one", risky)
    CORSGuard(app, risky)
    ask(app)
    assert [message[:4] for message in messages_of(caplog)] == ["W103"]


def test_views_registered_after_a_preflight_are_found(app):
    CORSGuard(app)
    assert ask_preflight(app, "/tagged") == preflight_answer()
    add(app, "/late", "late", OTHERS, methods=["PUT"])
    assert ask_preflight(app, "/late", origin=OTHER) == preflight_answer(OTHER)


def test_the_first_tag_of_an_application_is_found_whenever_it_is_made(app):
    untagged = make_app("untagged")
    add(untagged, "/", "index", methods=["GET", "PUT"])
    CORSGuard(untagged)
    assert ask(untagged).cors == UNTOUCHED
    cors(LISTED)(untagged.view_functions["index"])
    assert ask(untagged).cors == shared_with()
    assert ask_preflight(untagged) == preflight_answer()


def test_replaced_and_removed_views_are_noticed(app):
    CORSGuard(app, LISTED)
    closed = cors(None)(named("closed"))
    assert ask(app).cors == shared_with()
    before, app.view_functions["index"] = app.view_functions["index"], closed
    assert ask(app) == Answer(200, UNTOUCHED, "closed")
    app.view_functions["index"] = before
    assert ask(app) == Answer(200, shared_with(), "index")


def test_swapping_the_policy_does_not_change_tagged_views(app):
    guard = CORSGuard(app, LISTED)
    guard.policy = OTHERS
    assert ask(app, "/tagged") == Answer(200, shared_with(), "tagged")
    assert ask(app, origin=OTHER) == Answer(200, shared_with(OTHER), "index")
