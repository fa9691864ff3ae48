"""
WebSocket handshakes through every carrier: which ones are let in, what is sent, and what is reported.
"""

import asyncio
import logging
import runpy
from pathlib import Path

import flask
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path as django_path
from kit.adapters import MIDDLEWARE, Application, ASGIApplication, Undecided, environ_of, scope_of, serve, serve_asgi
from kit.cases import ANYONE, APP, EVIL, LISTED, OK, Request
from kit.hearing import Heard, heard_of_django, heard_of_flask

import corsguard_django
from corsguard import CORSMiddleware, Policy, PolicyError
from corsguard.asgi import CORSMiddleware as ASGIMiddleware
from corsguard_flask import CORSGuard, cors

OWN = "https://api.example.com"
TRUSTING = {"allow_origins": [APP], "allow_credentials": True}
BODY = b"CORS: this origin may not open a WebSocket here.\n"
CROSS = {"Sec-Fetch-Site": "cross-site"}


def handshake(origin=None, **headers):
    lines = {"Host": "api.example.com", "Connection": "Upgrade", "Upgrade": "websocket"}
    lines |= {} if origin is None else {"Origin": origin}
    return Request("GET", lines | {name.replace("_", "-"): value for name, value in headers.items()})


# The application's own answer. An inner layer sets the first header.
SET = [("Access-Control-Allow-Origin", "*"), ("Vary", "Cookie"), ("X-Total", "7")]


def application(ran):
    def answer(environ, start_response):
        ran.append(True)
        start_response("200 OK", [*SET, ("Content-Type", "text/plain")])
        return [b"content"]

    return answer


def wsgi(policy, request, path="/", websockets="guard", *, views=None):
    ran, events = [], []
    guarded = CORSMiddleware(application(ran), policy, on_event=events.append, websockets=websockets)
    guarded.views = views
    status, headers, body = serve(guarded, environ_of(request, path))
    return Heard(status, headers, body, bool(ran), events)


def carried_wsgi(policy, request, path="/", websockets="guard"):
    return wsgi(policy, request, path, websockets, views=Undecided())


def falcon_example(policy, request, path="/", websockets="guard"):
    import falcon

    ran, events = [], []
    example = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "falcon_guard.py"))
    middleware = example["CORSMiddleware"](policy, on_event=events.append)
    middleware.guard = type(middleware.guard)(middleware.guard.policies, middleware.guard.journal, websockets)

    def sink(req, resp):
        ran.append(True)
        resp.set_headers(SET)
        resp.data = b"content"

    app = falcon.App(middleware=[middleware])
    app.add_sink(sink, "/")
    status, headers, body = serve(app, environ_of(request, path))
    return Heard(status, headers, body, bool(ran), events)


def flask_app(ran, view=None):
    app = flask.Flask("handshakes")

    def any_view(path=""):
        ran.append(True)
        return flask.Response("content", headers=SET)

    app.add_url_rule("/", "root", any_view, websocket=True)
    app.add_url_rule("/<path:path>", "any", any_view, websocket=True)
    return app


def flask_extension(policy, request, path="/", websockets="guard"):
    ran = []
    app = flask_app(ran)
    CORSGuard(app, policy, websockets=websockets)
    return heard_of_flask(app, request, path, ran)


ran_in_django: list[bool] = []


def django_view(request, path=""):
    ran_in_django.append(True)
    return HttpResponse("content", headers=dict(SET))


async def async_django_view(request, path=""):
    return django_view(request)


@corsguard_django.cors(**TRUSTING)
def tagged_view(request):
    return django_view(request)


@corsguard_django.cors(None)
def closed_view(request):
    return django_view(request)


urlpatterns = [
    django_path("tagged", tagged_view),
    django_path("tagged-closed", closed_view),
    django_path("", django_view),
    django_path("<path:path>", django_view),
]


def django(policy, websockets, ask):
    settings = {} if websockets == "guard" else {"CORSGUARD_WEBSOCKETS": websockets}
    return heard_of_django(__name__, {"CORSGUARD": policy, **settings}, ran_in_django, ask)


def django_sync(policy, request, path="/", websockets="guard"):
    return django(policy, websockets, lambda: serve(WSGIHandler(), environ_of(request, path)))


def django_async(policy, request, path="/", websockets="guard"):
    return django(policy, websockets, lambda: asyncio.run(serve_asgi(ASGIHandler(), scope_of(request, path))))


def asgi(policy, request, path="/", websockets="guard"):
    """
    An application that accepts every connection. Its response to any other request is empty.
    """
    ran, events, sent = [], [], []
    is_handshake = request.method == "GET" and request.headers["Upgrade"].lower() == "websocket"
    scope = scope_of(request, path)
    if is_handshake:
        scope |= {"type": "websocket", "extensions": {"websocket.http.response": {}}}

    async def application(scope, receive, send):
        ran.append(True)
        message = {"type": "websocket.accept"} if is_handshake else {"type": "http.response.start", "status": 200}
        await send(message)

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    guarded = ASGIMiddleware(application, policy, on_event=events.append, websockets=websockets)
    asyncio.run(guarded(scope, receive, send))
    if sent[0]["type"] != "websocket.http.response.start":
        return Heard(200, SET, b"content", bool(ran), events)
    headers = [(name.decode(), value.decode()) for name, value in sent[0]["headers"]]
    return Heard(sent[0]["status"], headers, sent[1]["body"], bool(ran), events)


CARRIERS = {
    "wsgi": wsgi,
    "asgi": asgi,
    "carried wsgi": carried_wsgi,
    "flask": flask_extension,
    "django sync": django_sync,
    "django async": django_async,
    "falcon example": falcon_example,
}


@pytest.fixture(params=CARRIERS.values(), ids=CARRIERS.keys())
def carrier(request):
    return request.param


class Source:
    """
    An origin source that may block, and fails for one origin.
    """

    def __contains__(self, origin):
        if origin == "https://broken.example":
            raise LookupError("the store is away")
        return origin == APP


class Kind(Source):
    may_block = False


BY_PATH = {"/": TRUSTING, "/listed": LISTED, "/closed": None, "/free": "unguarded", "/open": ANYONE}

# Policy, path and handshake. Then whether it reaches the application, and the reasons of the events.
CASES = {
    # 1. An origin of a policy with credentials.
    "listed with credentials": (TRUSTING, "/", handshake(APP), True, []),
    "listed with credentials, and cross-site": (TRUSTING, "/", handshake(APP, **CROSS), True, []),
    "a wildcard with credentials": (
        {"allow_origins": ["https://*.example.com"], "allow_credentials": True},
        "/",
        handshake("https://a.example.com"),
        True,
        [],
    ),
    "foreign": (TRUSTING, "/", handshake(EVIL), False, ["websocket"]),
    "foreign, and cross-site": (TRUSTING, "/", handshake(EVIL, **CROSS), False, ["websocket"]),
    "null": (TRUSTING, "/", handshake("null"), False, ["websocket"]),
    "listed without credentials": (LISTED, "/", handshake(APP), False, ["websocket"]),
    "anyone": (ANYONE, "/", handshake(APP), False, ["websocket"]),
    # 2. The same origin.
    "the own origin": (LISTED, "/", handshake(OWN), True, []),
    "the own origin with its port": (LISTED, "/", handshake(OWN, Host="api.example.com:443"), True, []),
    "the own origin, for anyone": (ANYONE, "/", handshake(OWN), True, []),
    "another port of the own host": (LISTED, "/", handshake(f"{OWN}:8443"), False, ["websocket"]),
    "same-origin": (LISTED, "/", handshake(EVIL, Sec_Fetch_Site="same-origin"), True, []),
    "same-origin without Origin": (LISTED, "/", handshake(Sec_Fetch_Site="same-origin"), True, []),
    "same-site": (LISTED, "/", handshake("https://b.example.com", Sec_Fetch_Site="same-site"), False, ["websocket"]),
    # 3. Not a browser.
    "neither Origin nor Sec-Fetch-Site": (TRUSTING, "/", handshake(), True, []),
    # 4. All other requests.
    "a proxy that strips Origin": (TRUSTING, "/", handshake(**CROSS), False, ["websocket"]),
    "an empty Origin": (TRUSTING, "/", handshake(""), False, ["websocket"]),
    "an Origin sent twice": (TRUSTING, "/", handshake(f"{APP},{APP}"), False, ["websocket"]),
    "two Origins": (TRUSTING, "/", handshake(f"{EVIL}, {APP}"), False, ["websocket"]),
    "a malformed Origin": (TRUSTING, "/", handshake(f"{APP}/"), False, ["websocket"]),
    "an empty Origin of the same origin": (
        TRUSTING,
        "/",
        handshake("", Sec_Fetch_Site="same-origin"),
        False,
        ["websocket"],
    ),
    # The name in any case.
    "WebSocket": (TRUSTING, "/", handshake(EVIL, Upgrade="WebSocket"), False, ["websocket"]),
    # By path.
    "by path, trusting": (BY_PATH, "/x", handshake(APP), True, []),
    "by path, listed": (BY_PATH, "/listed/x", handshake(APP), False, ["websocket"]),
    "by path, open": (BY_PATH, "/open", handshake(APP), False, ["websocket"]),
    "closed, foreign": (BY_PATH, "/closed", handshake(APP), False, ["websocket"]),
    "closed, its own": (BY_PATH, "/closed", handshake(OWN), True, []),
    "closed, not a browser": (BY_PATH, "/closed", handshake(), True, []),
    "unguarded": (BY_PATH, "/free", handshake(EVIL), True, []),
    "uncovered": ({"/api": TRUSTING}, "/other", handshake(EVIL), True, []),
    "odd, one policy": (TRUSTING, "//x/../y", handshake(APP), True, []),
    "odd, foreign": (TRUSTING, "//x/../y", handshake(EVIL), False, ["websocket"]),
    "odd, several policies": (BY_PATH, "/x/../closed", handshake(APP), False, ["odd-path", "websocket"]),
    "odd, its own": (BY_PATH, "/x/../closed", handshake(OWN), True, ["odd-path"]),
    # Sources.
    "a source grants": ({"allow_origins": Source(), "allow_credentials": True}, "/", handshake(APP), True, []),
    "a quick source grants": ({"allow_origins": Kind(), "allow_credentials": True}, "/", handshake(APP), True, []),
    "a source refuses": (
        {"allow_origins": Source(), "allow_credentials": True},
        "/",
        handshake(EVIL),
        False,
        ["websocket"],
    ),
    "a source fails": (
        {"allow_origins": Source(), "allow_credentials": True},
        "/",
        handshake("https://broken.example"),
        False,
        ["source"],
    ),
    "a source without credentials": ({"allow_origins": Source()}, "/", handshake(APP), False, ["websocket"]),
}


def assert_refused(outcome):
    assert (outcome.status, outcome.body, outcome.ran) == (403, BODY, False)
    named = {name.lower(): value for name, value in outcome.headers}
    assert named["content-type"] == "text/plain"
    assert named["content-length"] == str(len(BODY))
    assert not any(name.startswith("access-control-") or name == "vary" for name in named)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_handshake_is_let_in_as_the_table_says(carrier, case):
    policy, path, request, reaches, reasons = case
    outcome = carrier(policy, request, path)
    # The removed header of the application is an event of two layers.
    assert [event.reason for event in outcome.events if event.reason != "two-layers"] == reasons
    if reaches:
        assert (outcome.status, outcome.body, outcome.ran) == (200, b"content", True)
        sent = {name.lower(): value for name, value in outcome.headers}
        assert (sent["vary"], sent["x-total"]) == ("Cookie", "7")
        # An accepted connection has no headers that a page could read.
        is_guarded = carrier is not asgi and not (policy is BY_PATH and path == "/free") and path != "/other"
        assert ("access-control-allow-origin" in sent) is not is_guarded
    else:
        assert_refused(outcome)


def test_the_event_has_the_fix_that_lets_a_listed_origin_in(carrier):
    (event,) = carrier(LISTED, handshake(APP), "/feed").events
    assert (event.reason, event.method, event.path, event.origin) == ("websocket", "GET", "/feed", APP)
    assert event.policy == Policy(**LISTED)
    assert event.fix.policy == {"allow_credentials": True}
    assert [event.fix.policy for event in carrier(LISTED, handshake(EVIL)).events] == [{}]
    assert [event.fix.policy for event in carrier(ANYONE, handshake(APP)).events] == [{}]


def test_a_refusal_is_logged(carrier, caplog):
    caplog.set_level(logging.INFO, logger="corsguard")
    carrier(LISTED, handshake(APP), "/feed")
    assert "The WebSocket handshake 'GET' '/feed' was refused" in caplog.text
    assert "allow_credentials=True" in caplog.text


def test_other_requests_are_not_judged_as_handshakes(carrier):
    for request in (
        handshake(EVIL, Upgrade="h2c"),
        Request("POST", handshake(EVIL).headers),
    ):
        policy = TRUSTING
        if request.method == "POST" and carrier is flask_extension:
            # Its only view serves GET, and is that of a WebSocket.
            continue
        outcome = carrier(policy, request)
        assert outcome.status != 403


def test_with_websockets_pass_no_handshake_is_judged(carrier):
    for path in ("/", "/feed", "/x/../feed"):
        outcome = carrier(TRUSTING, handshake(EVIL), path, "pass")
        assert (outcome.status, outcome.ran, outcome.events) == (200, True, [])
        assert ("access-control-allow-origin", "*") in {(name.lower(), value) for name, value in outcome.headers}


@pytest.mark.parametrize(
    ("path", "reaches"),
    {"/feed": True, "/feed/1": True, "/feeds": False, "/": False, "/x/../feed": False, "//feed": False}.items(),
)
def test_handshakes_to_listed_prefixes_are_not_judged(carrier, path, reaches):
    assert carrier(TRUSTING, handshake(EVIL), path, ["/feed", "/live/chat"]).ran is reaches
    assert carrier(TRUSTING, handshake(APP), path, ["/feed", "/live/chat"]).ran


def test_policy_for_returns_unguarded_for_a_handshake_that_is_not_judged():
    asked = environ_of(handshake(EVIL), "/feed")
    scope = {"type": "websocket", "path": "/feed", "headers": []}
    policy = Policy.from_mapping(TRUSTING)
    for websockets, of_handshake in (("guard", policy), ("pass", "unguarded"), (["/feed"], "unguarded")):
        wsgi_guard = CORSMiddleware(application([]), policy, websockets=websockets)
        asgi_guard = ASGIMiddleware(lambda scope, receive, send: None, policy, websockets=websockets)
        assert (wsgi_guard.policy_for(asked), asgi_guard.policy_for(scope)) == (of_handshake, of_handshake)
        assert wsgi_guard.policy_for(environ_of(Request("GET", {}), "/feed")) == policy
        assert asgi_guard.policy_for({"type": "http", "path": "/feed"}) == policy


MISTAKES = {
    "False": (False, [("E805", "websockets", "pass")]),
    "None": (None, [("E805", "websockets", "pass")]),
    "off": ("off", [("E805", "websockets", "pass")]),
    "True": (True, [("E805", "websockets", "guard")]),
    "a typing mistake": ("guarded", [("E805", "websockets", "guard")]),
    "a bare prefix": ("/feed", [("E805", "websockets", ("/feed",))]),
    "another word": ("anyone", [("E805", "websockets", ("/feed",))]),
    "a mapping": ({"/feed": None}, [("E805", "websockets", ("/feed",))]),
    "a wildcard and a slash": (
        ["/feed/*", "/live", "/chat/"],
        [("E802", "websockets[0]", "/feed"), ("E802", "websockets[2]", "/chat")],
    ),
    "not a text": ([1], [("E802", "websockets[0]", "/1")]),
}


@pytest.mark.parametrize(("given", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_wrong_value_is_refused_with_its_name(given, expected):
    for build in (
        lambda: CORSMiddleware(Application(OK), TRUSTING, websockets=given),
        lambda: ASGIMiddleware(ASGIApplication(OK), TRUSTING, websockets=given),
        lambda: CORSGuard(websockets=given),
    ):
        with pytest.raises(PolicyError) as caught:
            build()
        found = [(p.code, p.field, *p.fix.entries) for p in caught.value.problems]
        assert [(code, field) for code, field, _ in found] == [(code, field) for code, field, _ in expected]
        for (_, _, entry), (_, _, near) in zip(found, expected, strict=True):
            assert entry == (list(near) if isinstance(near, tuple) else near)
            # The warning says that it lets every site in.
            assert ("every site" in str(caught.value)) == (near == "pass")


def test_a_bad_setting_stops_django_and_is_reported_by_its_checks():
    from corsguard_django.checks import problems

    with (
        pytest.raises(PolicyError, match="websockets") as caught,
        override_settings(CORSGUARD=TRUSTING, CORSGUARD_WEBSOCKETS=False),
    ):
        pass  # the change of the setting is refused
    assert "This is CORSGUARD_WEBSOCKETS in the settings." in caught.value.__notes__
    with override_settings(CORSGUARD=TRUSTING, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=__name__):
        from django.conf import settings

        settings.CORSGUARD_WEBSOCKETS = "/feed"
        found = [(p.code, p.field) for p in problems() if p.is_error]
        del settings.CORSGUARD_WEBSOCKETS
    assert found == [("E805", "CORSGUARD_WEBSOCKETS")]


def tagged_flask(tag, policy, request, *, websocket=True):
    ran = []
    app = flask.Flask("tagged")

    @tag
    def view():
        ran.append(True)
        return "content"

    app.add_url_rule("/feed", view_func=view, websocket=websocket)
    CORSGuard(app, policy)
    return heard_of_flask(app, request, "/feed", ran)


def test_the_tag_of_a_websocket_rule_takes_the_place_of_the_path():
    assert tagged_flask(cors(**TRUSTING), LISTED, handshake(APP)).ran
    assert tagged_flask(cors(**TRUSTING), None, handshake(APP)).ran
    outcome = tagged_flask(cors(**TRUSTING), ANYONE, handshake(EVIL))
    assert_refused(outcome)
    assert [event.name for event in outcome.events] == ["view"]
    assert_refused(tagged_flask(cors(None), TRUSTING, handshake(APP)))
    assert tagged_flask(cors(None), TRUSTING, handshake(OWN)).ran


def test_the_tag_is_found_within_another_request_to_the_same_application():
    ran = []
    app = flask.Flask("nested")

    @cors(None)
    def feed():
        ran.append(True)
        return ""

    app.add_url_rule("/feed", view_func=feed, websocket=True)
    inner = []

    @app.get("/batch")
    @cors(**TRUSTING)
    def batch():
        inner.append(serve(app, environ_of(handshake(APP), "/feed"))[0])
        return ""

    CORSGuard(app, TRUSTING)
    serve(app, environ_of(Request("GET", {}), "/batch"))
    assert (inner, ran) == ([403], [])


@pytest.mark.parametrize("ask", [django_sync, django_async], ids=["sync", "async"])
def test_the_tag_of_a_django_view_takes_the_place_of_the_path(ask):
    assert ask(LISTED, handshake(APP), "/tagged").ran
    assert_refused(ask(ANYONE, handshake(EVIL), "/tagged"))
    assert_refused(ask(TRUSTING, handshake(APP), "/tagged-closed"))
    assert ask(TRUSTING, handshake(OWN), "/tagged-closed").ran


def test_a_swap_has_its_effect_on_the_next_handshake():
    app = Application(OK)
    guarded = CORSMiddleware(app, TRUSTING)
    assert serve(guarded, environ_of(handshake(APP)))[0] == 200
    guarded.policy = LISTED
    assert serve(guarded, environ_of(handshake(APP)))[0] == 403


@pytest.mark.parametrize(
    ("scheme", "origin", "status"),
    [
        ("http", OWN, 200),
        ("https", OWN, 200),
        ("https", "http://api.example.com", 403),
        ("http", "http://api.example.com", 200),
    ],
)
def test_the_own_origin_with_https_is_let_in_behind_a_proxy_that_ends_tls(scheme, origin, status):
    environ = {**environ_of(handshake(origin)), "wsgi.url_scheme": scheme}
    assert serve(CORSMiddleware(Application(OK), LISTED), environ)[0] == status


def test_without_a_host_no_origin_is_the_own_one():
    environ = environ_of(handshake(OWN))
    del environ["HTTP_HOST"]
    assert serve(CORSMiddleware(Application(OK), LISTED), environ)[0] == 403
