"""
Requests that may act, through every carrier: which of them run, what is sent in their place, and what is reported.
"""

import asyncio
import logging
import sys
from itertools import count

import flask
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import path as django_path
from django.views.decorators.csrf import csrf_exempt
from fastapi import FastAPI
from kit.adapters import (
    FALCON,
    MIDDLEWARE,
    Application,
    ASGIApplication,
    CarriedASGI,
    Undecided,
    environ_of,
    scope_of,
    serve,
    serve_asgi,
)
from kit.cases import ANYONE, APP, EVIL, LISTED, OK, Reply, Request, preflight
from kit.hearing import Heard, heard_of_django, heard_of_flask
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response

import corsguard_django
from corsguard import CORSMiddleware, CrossOriginProtection, Policies, Policy, PolicyError
from corsguard.asgi import CORSGuard as ASGIGuard
from corsguard.asgi import CORSMiddleware as ASGIMiddleware
from corsguard.configuration import Configuration
from corsguard.protection import REMEDIES
from corsguard_django.checks import problems as django_problems
from corsguard_flask import CORSGuard, cors

OWN = "https://api.example.com"
TRUSTING = {"allow_origins": [APP], "allow_methods": ["GET", "POST", "DELETE"], "allow_credentials": True}
CROSS, SAME = {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-origin"}
ON = {}
REPORT = {"mode": "report"}
ALL = {"methods": "all"}
WEBHOOKS = {"exempt": ["/webhooks"]}
# The application's own answer. An inner layer sets the first header.
SET = (("Access-Control-Allow-Origin", "*"), ("Vary", "Cookie"), ("X-Total", "7"))
METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


def sent(method, origin=None, **headers):
    lines = {"Host": "api.example.com"} | ({} if origin is None else {"Origin": origin})
    return Request(method, lines | {name.replace("_", "-"): value for name, value in headers.items()})


def post(origin=None, **headers):
    return sent("POST", origin, **headers)


def wsgi(policy, request, path="/", protection=None, *, views=None):
    app, events = Application(Reply(200, SET)), []
    guarded = CORSMiddleware(app, policy, on_event=events.append, protection=protection)
    guarded.views = views
    status, headers, body = serve(guarded, environ_of(request, path))
    return Heard(status, headers, body, app.ran, events)


def carried_wsgi(policy, request, path="/", protection=None):
    return wsgi(policy, request, path, protection, views=Undecided())


def asgi(policy, request, path="/", protection=None, *, kind=ASGIMiddleware):
    app, events = ASGIApplication(Reply(200, SET)), []
    guarded = kind(app, policy, on_event=events.append, protection=protection)
    # The first request takes the long path.
    asyncio.run(serve_asgi(guarded, scope_of(sent("GET"), path)))
    app.ran = False
    events.clear()
    status, headers, body = asyncio.run(serve_asgi(guarded, scope_of(request, path)))
    return Heard(status, headers, body, app.ran, events)


def carried_asgi(policy, request, path="/", protection=None):
    return asgi(policy, request, path, protection, kind=CarriedASGI)


def fastapi(policy, request, path="/", protection=None):
    ran, events = [], []
    app = FastAPI(openapi_url=None)

    async def endpoint(request: StarletteRequest) -> Response:
        ran.append(True)
        return Response("content", headers=dict(SET))

    app.add_api_route("/{path:path}", endpoint, methods=METHODS)
    ASGIGuard(app, policy, on_event=events.append, protection=protection)
    status, headers, body = asyncio.run(serve_asgi(app, scope_of(request, path)))
    return Heard(status, headers, body, bool(ran), events)


def falcon_example(policy, request, path="/", protection=None):
    import falcon

    ran, events = [], []

    def sink(req, resp):
        ran.append(True)
        resp.set_headers(SET)
        resp.data = b"content"

    app = falcon.App(middleware=[FALCON["CORSMiddleware"](policy, on_event=events.append, protection=protection)])
    app.add_sink(sink, "/")
    status, headers, body = serve(app, environ_of(request, path))
    return Heard(status, headers, body, bool(ran), events)


def flask_app(ran):
    app = flask.Flask("acting")

    def view(path=""):
        ran.append(True)
        return flask.Response("content", headers=SET)

    for rule in ("/", "/<path:path>"):
        app.add_url_rule(rule, rule, view, methods=METHODS, provide_automatic_options=False)
    return app


def flask_extension(policy, request, path="/", protection=None):
    ran = []
    app = flask_app(ran)
    CORSGuard(app, policy, protection=protection)
    return heard_of_flask(app, request, path, ran)


ran_in_django: list[bool] = []


@csrf_exempt
def django_view(request, path=""):
    ran_in_django.append(True)
    return HttpResponse("content", headers=dict(SET))


@corsguard_django.cors(**TRUSTING)
def tagged_view(request):
    return django_view(request)


@corsguard_django.cors(None)
def closed_view(request):
    return django_view(request)


def checked_view(request):
    return HttpResponse("checked")


urlpatterns = [
    django_path("tagged", tagged_view),
    django_path("tagged-closed", closed_view),
    django_path("checked", checked_view),
    django_path("", django_view),
    django_path("<path:path>", django_view),
]


def django(policy, protection, ask):
    settings = {} if protection is None else {"CORSGUARD_PROTECTION": protection}
    return heard_of_django(__name__, {"CORSGUARD": policy, **settings}, ran_in_django, ask)


def django_sync(policy, request, path="/", protection=None):
    return django(policy, protection, lambda: serve(WSGIHandler(), environ_of(request, path)))


def django_async(policy, request, path="/", protection=None):
    return django(policy, protection, lambda: asyncio.run(serve_asgi(ASGIHandler(), scope_of(request, path))))


CARRIERS = {
    "wsgi": wsgi,
    "carried wsgi": carried_wsgi,
    "asgi": asgi,
    "carried asgi": carried_asgi,
    "fastapi": fastapi,
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

    def __init__(self):
        self.asked = []

    def __contains__(self, origin):
        self.asked.append(origin)
        if origin == "https://broken.example":
            raise LookupError("the store is away")
        return origin == APP


SOURCE = {"allow_origins": Source(), "allow_credentials": True}
BY_PATH = {"/": TRUSTING, "/listed": LISTED, "/closed": None, "/free": "unguarded", "/open": ANYONE}

# Policy, path, request and protection. Then the reason of the refusal, or None.
CASES = {
    # 1. Safe methods.
    "GET, foreign": (TRUSTING, "/", sent("GET", EVIL, **CROSS), ON, None),
    "HEAD, foreign": (TRUSTING, "/", sent("HEAD", EVIL, **CROSS), ON, None),
    "OPTIONS, foreign": (TRUSTING, "/", sent("OPTIONS", EVIL, **CROSS), ON, None),
    # 2. Exempt.
    "exempt": (TRUSTING, "/webhooks", post(EVIL, **CROSS), WEBHOOKS, None),
    "below an exempt path": (TRUSTING, "/webhooks/pay", post(EVIL, **CROSS), WEBHOOKS, None),
    "almost exempt": (TRUSTING, "/webhooksx", post(EVIL, **CROSS), WEBHOOKS, "cross-site"),
    "exempt in one reading": (TRUSTING, "/webhooks/../api", post(EVIL, **CROSS), WEBHOOKS, "cross-site"),
    "exempt with an empty segment": (TRUSTING, "/webhooks//x", post(EVIL, **CROSS), WEBHOOKS, "cross-site"),
    # 3. Trusted.
    "listed with credentials": (TRUSTING, "/", post(APP), ON, None),
    "listed with credentials, and cross-site": (TRUSTING, "/", post(APP, **CROSS), ON, None),
    "DELETE, listed": (TRUSTING, "/", sent("DELETE", APP, **CROSS), ON, None),
    "PUT, not listed": (TRUSTING, "/", sent("PUT", APP, **CROSS), ON, "cross-site"),
    "listed without credentials": (LISTED, "/", post(APP, **CROSS), ON, "cross-site"),
    "anyone": (ANYONE, "/", post(APP, **CROSS), ON, "cross-site"),
    "foreign": (TRUSTING, "/", post(EVIL), ON, "other-origin"),
    "foreign, and cross-site": (TRUSTING, "/", post(EVIL, **CROSS), ON, "cross-site"),
    "a sibling": (TRUSTING, "/", post("https://b.example.com", Sec_Fetch_Site="same-site"), ON, "same-site"),
    # 4. to 9.
    "same-origin": (TRUSTING, "/", post(OWN, **SAME), ON, None),
    "same-origin, for anyone": (ANYONE, "/", post(OWN, **SAME), ON, None),
    "same-origin under no-referrer": (TRUSTING, "/", post("null", **SAME), ON, None),
    "the user": (TRUSTING, "/", post("null", Sec_Fetch_Site="none"), ON, None),
    "not a browser": (TRUSTING, "/", post(), ON, None),
    "the own origin": (LISTED, "/", post(OWN), ON, None),
    "the own origin with its port": (LISTED, "/", post(OWN, Host="api.example.com:443"), ON, None),
    "the own origin behind a proxy that changes Host": (LISTED, "/", post(OWN, Host="app:8000"), ON, "other-origin"),
    "null": (TRUSTING, "/", post("null"), ON, "null-origin"),
    "null, and cross-site": (TRUSTING, "/", post("null", **CROSS), ON, "cross-site"),
    "an unknown value of Sec-Fetch-Site": (TRUSTING, "/", post(OWN, Sec_Fetch_Site="Same-Origin"), ON, "unknown"),
    "an Origin sent twice": (TRUSTING, "/", post(f"{APP},{APP}"), ON, "other-origin"),
    "an empty Origin": (TRUSTING, "/", post(""), ON, "other-origin"),
    # By path.
    "by path, trusting": (BY_PATH, "/x", post(APP, **CROSS), ON, None),
    "by path, listed": (BY_PATH, "/listed/x", post(APP, **CROSS), ON, "cross-site"),
    "by path, open": (BY_PATH, "/open", post(APP, **CROSS), ON, "cross-site"),
    "closed, foreign": (BY_PATH, "/closed", post(APP, **CROSS), ON, "cross-site"),
    "closed, its own": (BY_PATH, "/closed", post(OWN), ON, None),
    "unguarded, foreign": (BY_PATH, "/free", post(APP, **CROSS), ON, "cross-site"),
    "unguarded, its own": (BY_PATH, "/free", post(OWN, **SAME), ON, None),
    "uncovered, foreign": ({"/api": TRUSTING}, "/other", post(APP, **CROSS), ON, "cross-site"),
    "uncovered, not a browser": ({"/api": TRUSTING}, "/other", post(), ON, None),
    "odd, several policies": (BY_PATH, "/x/../closed", post(APP, **CROSS), ON, "cross-site"),
    # Sources.
    "a source grants": (SOURCE, "/", post(APP, **CROSS), ON, None),
    "a source refuses": (SOURCE, "/", post(EVIL, **CROSS), ON, "cross-site"),
    "a source is not asked about the own origin": (SOURCE, "/", post(OWN, **SAME), ON, None),
    "a source without credentials": ({"allow_origins": Source()}, "/", post(APP, **CROSS), ON, "cross-site"),
    "a source without the method": (SOURCE, "/", sent("PUT", APP, **CROSS), ON, "cross-site"),
    # All methods.
    "all, GET, foreign": (LISTED, "/", sent("GET", EVIL), ALL, "other-origin"),
    "all, HEAD, foreign": (LISTED, "/", sent("HEAD", EVIL, **SAME), ALL, "other-origin"),
    "all, GET of its own": (LISTED, "/", sent("GET", OWN), ALL, None),
    "all, GET of a listed page": (LISTED, "/", sent("GET", APP), ALL, None),
    "all, GET without Origin": (LISTED, "/", sent("GET", **CROSS), ALL, None),
    "all, GET for anyone": (ANYONE, "/", sent("GET", EVIL), ALL, None),
    "all, GET, foreign, uncovered": ({"/api": LISTED}, "/other", sent("GET", EVIL), ALL, "other-origin"),
    "all, GET, a source grants": (SOURCE, "/", sent("GET", APP), ALL, None),
    "all, GET, a source refuses": (SOURCE, "/", sent("GET", EVIL), ALL, "other-origin"),
    "all, POST of a listed page": (LISTED, "/", post(APP, **CROSS), ALL, "cross-site"),
}


def told_of_protection(outcome):
    return [event.reason for event in outcome.events if event.reason in REMEDIES]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_request_runs_as_the_table_says(carrier, case):
    policy, path, request, protection, reason = case
    outcome = carrier(policy, request, path, protection)
    if reason is None:
        assert (outcome.status, outcome.ran, outcome.named["x-total"]) == (200, True, "7")
        assert told_of_protection(outcome) == []
        return
    body = f"Cross-origin protection ({reason}): {REMEDIES[reason]}\n".encode()
    assert (outcome.status, outcome.ran) == (403, False)
    assert outcome.body == (b"" if request.method == "HEAD" else body)
    assert (outcome.named["content-type"], outcome.named["content-length"]) == ("text/plain", str(len(body)))
    assert "x-total" not in outcome.named
    # A path that leads to several policies is an event too. That the page may not read is not one.
    assert [event.reason for event in outcome.events if event.reason != "odd-path"] == [reason]
    assert not outcome.events[-1].would_refuse


def of_cors(outcome):
    named = sorted((name.lower(), value) for name, value in outcome.headers)
    return [line for line in named if line[0].startswith("access-control-") or line[0] == "vary"]


def test_a_page_that_may_read_can_read_the_403(carrier):
    """
    The 403 has the headers of the decision: a page that may read can read it, and a foreign one gets only `Vary`.
    """
    granted = [("access-control-allow-origin", APP), ("vary", "Origin")]
    assert of_cors(carrier(LISTED, post(APP, **CROSS), "/", ON)) == granted
    assert of_cors(carrier(LISTED, post(EVIL, **CROSS), "/", ON)) == [("vary", "Origin")]
    assert of_cors(carrier(ANYONE, post(EVIL, **CROSS), "/", ON)) == [("access-control-allow-origin", "*")]
    assert of_cors(carrier(BY_PATH, post(EVIL, **CROSS), "/free", ON)) == []
    assert of_cors(carrier(BY_PATH, post(EVIL, **CROSS), "/closed", ON)) == []
    assert of_cors(carrier(BY_PATH, post(EVIL, **CROSS), "/x/../closed", ON)) == [("vary", "Origin")]
    of_source = carrier({"allow_origins": Source()}, post(APP, **CROSS), "/", ON)
    assert of_cors(of_source) == granted


def test_preflights_are_answered_before_protection_judges(carrier):
    for origin, status in ((APP, 204), (EVIL, 403)):
        asked = preflight(origin, "PUT")
        asked = Request(asked.method, {**asked.headers, "Host": "api.example.com", "Sec-Fetch-Site": "cross-site"})
        bare, protected = (carrier(TRUSTING, asked, "/", protection) for protection in (None, ALL))
        assert (bare.status, bare.headers, bare.body) == (protected.status, protected.headers, protected.body)
        assert (protected.status, protected.ran) == (status, False)


# The refused requests without methods="all", because responses vary with it.
REPORTED = {name: case for name, case in CASES.items() if case[3] is not ALL and case[4] is not None}


@pytest.mark.parametrize("case", REPORTED.values(), ids=REPORTED.keys())
def test_report_mode_changes_no_response_and_makes_events(carrier, case):
    policy, path, request, protection, reason = case
    bare, reported = (carrier(policy, request, path, given) for given in (None, {**protection, **REPORT}))
    assert bare[:4] == reported[:4]
    assert reported.ran
    assert [event for event in reported.events if not event.would_refuse] == bare.events
    assert [event.reason for event in reported.events if event.would_refuse] == [reason]


def test_the_event_has_what_a_rollout_needs(carrier):
    request = post(EVIL, **CROSS, Cookie="sid=secret")
    (event,) = [e for e in carrier(TRUSTING, request, "/orders", REPORT).events if e.would_refuse]
    assert event[:6] == ("cross-site", Policy(**TRUSTING), "policy", "POST", "/orders", EVIL)
    assert event[7:] == (True, "cross-site", True)
    (event,) = carrier(LISTED, post(APP), "/orders", ON).events
    assert event[7:] == (False, "", False)
    assert event.fix.policy == {"allow_credentials": True}


@pytest.mark.parametrize(
    ("keywords", "fix"),
    [
        ({"allow_origins": [APP]}, {"allow_credentials": True}),
        (
            {"allow_origins": [APP], "allow_methods": ["GET"]},
            {"allow_credentials": True, "allow_methods": ["GET", "POST"]},
        ),
        ({"allow_origins": [APP], "allow_methods": "*"}, {"allow_credentials": True, "allow_methods": ["POST"]}),
        (
            {"allow_origins": [APP], "allow_credentials": True, "allow_methods": ["PUT"]},
            {"allow_methods": ["PUT", "POST"]},
        ),
        ({"allow_origins": ["https://other.example"], "allow_credentials": True}, {}),
        ({"allow_origins": "*"}, {}),
        ({"allow_origins": Source()}, {}),
    ],
)
def test_the_event_says_what_a_listed_origin_needs(keywords, fix):
    (event,) = wsgi(keywords, post(APP, **CROSS), "/", ON).events
    assert event.fix.policy == fix
    assert event.fix.words == REMEDIES["cross-site"].fix
    if fix:
        assert wsgi({**keywords, **fix}, post(APP, **CROSS), "/", ON).ran


def test_a_refusal_is_logged(carrier, caplog):
    caplog.set_level(logging.INFO, logger="corsguard")
    carrier(TRUSTING, post(OWN, Host="app:8000", Cookie="sid=secret"), "/orders", ON)
    assert (
        "Protection refused 'POST' '/orders' from a page on 'https://api.example.com' to Host 'app:8000'" in caplog.text
    )
    assert "proxy_set_header Host $host" in caplog.text
    assert "secret" not in caplog.text


def test_a_source_that_fails_refuses(carrier):
    outcome = carrier(SOURCE, post("https://broken.example", **CROSS), "/", ON)
    assert (outcome.status, outcome.ran, [event.reason for event in outcome.events]) == (403, False, ["source"])
    outcome = carrier(SOURCE, post("https://broken.example", **CROSS), "/", REPORT)
    assert (outcome.status, outcome.ran) == (200, True)
    assert {event.reason for event in outcome.events} - {"two-layers"} == {"source", "cross-site"}


def test_a_source_is_asked_once(carrier):
    source = Source()
    for protection in (ON, REPORT):
        carrier({"allow_origins": source, "allow_credentials": True}, post(APP, **CROSS), "/", protection)
    assert source.asked == [APP, APP]


class Awaited:
    """
    An origin source that is awaited.
    """

    async def allows(self, origin):
        await asyncio.sleep(0)
        return origin == APP


@pytest.mark.parametrize("ask", [asgi, fastapi, django_async], ids=["asgi", "fastapi", "django"])
def test_an_awaited_source_is_asked(ask):
    policy = {"allow_origins": Awaited(), "allow_credentials": True}
    assert ask(policy, post(APP, **CROSS), "/", ON).ran
    assert ask(policy, post(EVIL, **CROSS), "/", ON).status == 403


def vary_of(carrier, policy, request, path, protection):
    names = carrier(policy, request, path, protection).named.get("vary", "").split(",")
    return {name.strip() for name in names if name.strip()}


def test_with_all_methods_responses_have_vary_origin(carrier):
    for policy, path in ((LISTED, "/"), (ANYONE, "/"), (BY_PATH, "/free"), (BY_PATH, "/closed")):
        for request in (sent("GET"), sent("GET", OWN), sent("HEAD", OWN), sent("GET", EVIL)):
            assert "Origin" in vary_of(carrier, policy, request, path, ALL)
        assert ("Origin" in vary_of(carrier, policy, post(OWN, **SAME), path, ALL)) is (policy is LISTED)
    # CORS headers of an unguarded application are left alone.
    assert ("access-control-allow-origin", "*") in of_cors(carrier(BY_PATH, sent("GET", OWN), "/free", ALL))
    assert vary_of(carrier, ANYONE, sent("GET", OWN), "/", ON) == {"Cookie"}


def handshake(origin=None, **headers):
    return sent("GET", origin, Connection="Upgrade", Upgrade="websocket", **headers)


@pytest.mark.parametrize("ask", [wsgi, carried_wsgi, django_sync, falcon_example])
def test_with_protection_a_handshake_without_a_policy_is_judged(ask):
    """
    Without protection it is not.
    """
    for path in ("/free", "/other"):
        policies = {"/api": TRUSTING, "/free": "unguarded"}
        assert ask(policies, handshake(EVIL), path).ran
        assert ask(policies, handshake(OWN), path, ON).ran
        refused = ask(policies, handshake(EVIL), path, ON)
        assert (refused.status, refused.ran, [e.reason for e in refused.events]) == (403, False, ["websocket"])
        reported = ask(policies, handshake(EVIL), path, REPORT)
        assert (reported.status, reported.ran) == (200, True)
        assert [(e.reason, e.would_refuse) for e in reported.events] == [("websocket", True)]
        assert ask(policies, handshake(EVIL), path, {"exempt": [path]}).ran
    # The policy judges handshakes with or without protection.
    assert not ask(policies, handshake(EVIL), "/api", REPORT).ran
    assert ask(policies, handshake(APP), "/api", ON).ran


def test_over_asgi_a_handshake_without_a_policy_is_judged():
    for protection, expected in ((None, "accept"), (ON, "close"), (REPORT, "accept")):
        messages, events = [], []

        async def application(scope, receive, send):
            await send({"type": "websocket.accept"})

        async def receive():
            return {"type": "websocket.connect"}

        async def send(message):
            messages.append(message["type"])  # noqa: B023 - run at once

        guarded = ASGIMiddleware(application, {"/api": TRUSTING}, on_event=events.append, protection=protection)
        scope = scope_of(handshake(EVIL), "/feed") | {"type": "websocket", "scheme": "ws"}
        asyncio.run(guarded(scope, receive, send))
        assert messages == [f"websocket.{expected}"]
        assert [event.reason for event in events] == ([] if protection is None else ["websocket"])


def tagged_flask(tag, policy, request, protection=None):
    ran = []
    app = flask_app(ran)

    @tag
    def view():
        ran.append(True)
        return flask.Response("content", headers=SET)

    app.add_url_rule("/tagged", view_func=view, methods=["GET", "POST"])
    CORSGuard(app, policy, protection=ON if protection is None else protection)
    return heard_of_flask(app, request, "/tagged", ran)


def test_the_tag_of_a_flask_view_takes_the_place_of_the_path():
    trusted, closed = cors(**TRUSTING), cors(None)
    outcome = tagged_flask(trusted, LISTED, post(APP, **CROSS))
    assert outcome.ran
    assert ("access-control-allow-credentials", "true") in of_cors(outcome)
    assert tagged_flask(trusted, None, post(APP, **CROSS)).ran
    assert not tagged_flask(trusted, None, post(EVIL, **CROSS)).ran
    refused = tagged_flask(closed, TRUSTING, post(APP, **CROSS))
    assert (refused.status, refused.ran, of_cors(refused)) == (403, False, [])
    assert [event.name for event in tagged_flask(trusted, ANYONE, post(EVIL, **CROSS)).events] == ["view"]
    assert tagged_flask(closed, TRUSTING, post(APP, **CROSS), REPORT).ran


def test_the_tag_is_found_within_another_request_to_the_same_application():
    ran, inner = [], []
    app = flask.Flask("nested")

    @app.post("/orders")
    @cors(None)
    def orders():
        ran.append(True)
        return ""

    @app.post("/batch")
    @cors(**TRUSTING)
    def batch():
        inner.append(serve(app, environ_of(post(APP, **CROSS), "/orders"))[0])
        return ""

    CORSGuard(app, TRUSTING, protection=ON)
    assert serve(app, environ_of(post(APP, **CROSS), "/batch"))[0] == 200
    assert (inner, ran) == ([403], [])


def tagged_fastapi(tag, policy, request, protection=None):
    ran, events = [], []
    app = FastAPI(openapi_url=None)

    @app.post("/tagged")
    @app.get("/tagged")
    @tag
    async def endpoint() -> Response:
        ran.append(True)
        return Response("content", headers=dict(SET))

    ASGIGuard(app, policy, on_event=events.append, protection=ON if protection is None else protection)
    status, headers, body = asyncio.run(serve_asgi(app, scope_of(request, "/tagged")))
    return Heard(status, headers, body, bool(ran), events)


def test_the_tag_of_an_endpoint_takes_the_place_of_the_path():
    trusted, closed = cors(**TRUSTING), cors(None)
    outcome = tagged_fastapi(trusted, LISTED, post(APP, **CROSS))
    assert outcome.ran
    assert ("access-control-allow-credentials", "true") in of_cors(outcome)
    assert tagged_fastapi(trusted, None, post(APP, **CROSS)).ran
    assert not tagged_fastapi(trusted, None, post(EVIL, **CROSS)).ran
    refused = tagged_fastapi(closed, TRUSTING, post(APP, **CROSS))
    assert (refused.status, refused.ran, of_cors(refused)) == (403, False, [])
    assert tagged_fastapi(closed, TRUSTING, post(APP, **CROSS), REPORT).ran


@pytest.mark.parametrize("ask", [django_sync, django_async], ids=["sync", "async"])
def test_the_tag_of_a_django_view_takes_the_place_of_the_path(ask):
    assert ask(LISTED, post(APP, **CROSS), "/tagged", ON).ran
    assert not ask(ANYONE, post(EVIL, **CROSS), "/tagged", ON).ran
    refused = ask(TRUSTING, post(APP, **CROSS), "/tagged-closed", ON)
    assert (refused.status, refused.ran, of_cors(refused)) == (403, False, [])
    assert ask(TRUSTING, post(OWN), "/tagged-closed", ON).ran
    assert ask(TRUSTING, post(APP, **CROSS), "/tagged-closed", REPORT).ran


class Counting(Undecided):
    """
    Views that record, at each lookup, whether the application was running.
    """

    def __init__(self):
        self.looks = []

    def view_at(self, environ, method, path, *, is_running):
        self.looks.append("response" if is_running else "entry")


def test_a_view_is_looked_up_once():
    """
    The lookup comes at entry for unsafe methods under protection, and later for all other requests.
    """
    for request, protection, when in (
        (post(OWN), None, "response"),
        (sent("GET", OWN), ON, "response"),
        (sent("GET", OWN), ALL, "entry"),
        (post(OWN), ON, "entry"),
        (post(OWN), REPORT, "entry"),
    ):
        views = Counting()
        assert wsgi(TRUSTING, request, "/", protection, views=views).ran
        assert views.looks == [when]


class Late(Undecided):
    """
    Views where another one answers than was found at entry.
    """

    def __init__(self, late):
        self.late = late

    def view_at(self, environ, method, path, *, is_running):
        return self.late if is_running else None


def test_a_decision_at_entry_stays_though_another_view_answers():
    from corsguard.adapters import Assignment

    late = Late(Assignment(Policy(**ANYONE), "late"))
    assert of_cors(wsgi(LISTED, post(OWN), "/", ON, views=late)) == [("vary", "Cookie, Origin")]
    refused = wsgi(LISTED, post(EVIL, **CROSS), "/", ON, views=late)
    assert (refused.status, of_cors(refused)) == (403, [("vary", "Origin")])


def test_without_a_decision_at_entry_the_answering_view_says_who_may_read():
    from corsguard.adapters import Assignment

    late = Late(Assignment(Policy(**ANYONE), "late"))
    nothing = {"paths": {}}
    assert of_cors(wsgi(nothing, post(OWN), "/", ON, views=late)) == [
        ("access-control-allow-origin", "*"),
        ("vary", "Cookie"),
    ]


def test_flask_sees_nothing_of_a_refused_request():
    """
    Neither `before_request` nor an error handler runs.
    """
    seen, ran = [], []
    app = flask_app(ran)
    app.before_request(lambda: seen.append("before"))
    app.register_error_handler(403, lambda error: seen.append("handler"))
    CORSGuard(app, TRUSTING, protection=ON)
    assert heard_of_flask(app, post(EVIL, **CROSS), "/", ran).status == 403
    assert seen == []
    assert heard_of_flask(app, post(OWN, **SAME), "/", ran).status == 200
    assert seen == ["before"]


def test_the_csrf_middleware_of_django_works_as_before():
    """
    A request of a client that is not a browser gets Django's own protection, and not ours.
    """
    with override_settings(
        CORSGUARD=TRUSTING,
        CORSGUARD_PROTECTION={},
        MIDDLEWARE=[*MIDDLEWARE, "django.middleware.csrf.CsrfViewMiddleware"],
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["*"],
    ):
        assert b"CSRF" in Client(enforce_csrf_checks=True).post("/checked").content
        assert Client().post("/checked").content == b"checked"
        refused = Client().post("/checked", headers={"origin": EVIL, "sec-fetch-site": "cross-site"})
        assert refused.content.startswith(b"Cross-origin protection (cross-site):")


@pytest.mark.parametrize("given", [{"mode": "off"}, {"exempt": ["/"]}, True], ids=["word", "slash", "bool"])
def test_a_mistake_is_refused_in_every_place(given):
    for build in (
        lambda: CORSMiddleware(Application(OK), TRUSTING, protection=given),
        lambda: ASGIMiddleware(ASGIApplication(OK), TRUSTING, protection=given),
        lambda: CORSGuard(protection=given),
        lambda: ASGIGuard(FastAPI(), TRUSTING, protection=given),
    ):
        with pytest.raises(PolicyError) as caught:
            build()
        assert [p.code for p in caught.value.problems] in (["E806"], ["E807"])


def test_a_bad_setting_stops_django_and_is_reported_by_its_checks(monkeypatch):
    with (
        pytest.raises(PolicyError) as caught,
        override_settings(CORSGUARD=TRUSTING, CORSGUARD_PROTECTION={"mode": "off"}),
    ):
        pass  # the change of the setting is refused
    assert "This is CORSGUARD_PROTECTION in the settings." in caught.value.__notes__
    with override_settings(CORSGUARD=TRUSTING, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=__name__):
        from django.conf import settings

        monkeypatch.setattr(settings, "CORSGUARD_PROTECTION", {"mode": "off"}, raising=False)
        found = [(p.code, p.field) for p in django_problems() if p.is_error]
    assert found == [("E806", "CORSGUARD_PROTECTION")]


def test_one_assignment_swaps_both_halves():
    app = Application(OK)
    guarded = CORSMiddleware(app, LISTED, protection=ON)
    asked = post(APP, **CROSS)
    assert serve(guarded, environ_of(asked))[0] == 403
    guarded.policy = TRUSTING
    assert serve(guarded, environ_of(asked))[0] == 200
    guarded.policy = LISTED
    assert serve(guarded, environ_of(asked))[0] == 403


def configured(**protection):
    return Configuration.from_mapping({**TRUSTING, "protection": protection})


def test_a_configuration_brings_its_protection(carrier):
    assert carrier(configured(), post(EVIL, **CROSS)).status == 403
    assert carrier(configured(), post(APP, **CROSS)).ran
    assert carrier(configured(exempt=["/webhooks"]), post(EVIL, **CROSS), "/webhooks").ran
    assert carrier(configured(mode="report"), post(EVIL, **CROSS)).ran
    # The keyword in the code takes the place of the file.
    assert carrier(configured(mode="report"), post(EVIL, **CROSS), "/", ON).status == 403


def test_a_swap_takes_protection_over_and_never_removes_it():
    """
    A configuration brings its protection when it is assigned. A policy says nothing about it and leaves it as it is.
    """
    guarded = CORSMiddleware(Application(OK), TRUSTING)
    asked = environ_of(post(EVIL, **CROSS))
    assert serve(guarded, {**asked})[0] == 200
    guarded.policy = configured()
    assert serve(guarded, {**asked})[0] == 403
    guarded.policy = TRUSTING
    assert serve(guarded, {**asked})[0] == 403
    guarded.policy = configured(mode="report")
    assert serve(guarded, {**asked})[0] == 200


# The policy and the protection before and after a swap. In the end, pages of EVIL may read and act.
CLOSED, OPENED = TRUSTING, {**TRUSTING, "allow_origins": [EVIL]}
HALVES = {
    "both let it run": ({**CLOSED, "protection": REPORT}, {**OPENED, "protection": {}}),
    "the old refuses it": ({**CLOSED, "protection": {}}, {**OPENED, "protection": REPORT}),
}


def in_wsgi(views=None):
    guarded = CORSMiddleware(Application(Reply(200, SET)), CLOSED)
    guarded.views = views
    return guarded, lambda request: serve(guarded, environ_of(request, "/"))


def in_asgi():
    guarded = ASGIMiddleware(ASGIApplication(Reply(200, SET)), CLOSED)

    def ask(request):
        # Nothing in it waits, and an event loop would cost more than everything else here.
        with pytest.raises(StopIteration) as over:
            serve_asgi(guarded, scope_of(request, "/")).send(None)
        return over.value.value

    return guarded, ask


@pytest.mark.parametrize(
    "build", [in_wsgi, lambda: in_wsgi(Undecided()), in_asgi], ids=["wsgi", "carried wsgi", "asgi"]
)
@pytest.mark.parametrize("halves", HALVES.values(), ids=HALVES.keys())
def test_no_request_is_judged_half_by_the_old_policy_and_half_by_the_new_one(build, halves):
    """
    Wherever in a request a swap comes, the policy and the protection are both old or both new.
    """
    guarded, ask = build()
    old, new = (Policies(Configuration.from_mapping(half)) for half in halves)
    request = post(EVIL, **CROSS)
    wholly = []
    for policies in (old, new):
        guarded.policy = policies
        wholly.append(ask(request))
    assert wholly[0] != wholly[1]

    rooms, was, left = ("corsguard/guard.py", "corsguard/wsgi.py", "corsguard/asgi.py"), sys.gettrace(), 0

    def swap_at_step(frame, event, _):
        nonlocal left
        if not frame.f_code.co_filename.endswith(rooms):
            return None
        # Another thread may run between any two steps of the interpreter.
        frame.f_trace_opcodes = True
        left -= event == "opcode"
        if left == 0:
            guarded.policy = new
        return swap_at_step

    for steps in count(1):
        guarded.policy, left = old, steps
        sys.settrace(swap_at_step)
        try:
            answer = ask(request)
        finally:
            sys.settrace(was)
        assert answer in wholly, f"the swap at step {steps}"
        if left > 0:
            break
    assert answer == wholly[0]


def test_the_value_of_protection_can_be_read_back():
    protection = CrossOriginProtection(mode="report")
    assert CORSMiddleware(Application(OK), TRUSTING, protection=protection).guard.protection is protection
