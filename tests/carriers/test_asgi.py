"""
The middleware is ASGI on both sides: whatever an application may do, it may still do when it is guarded.

What is sent is in the table of cases; here is how it is sent. The faults of other libraries have a test each.
"""

import asyncio
import contextvars
import functools
import gc
import logging
import threading
import weakref

import pytest
import trio
from asgiref.compatibility import guarantee_single_callable
from asgiref.wsgi import WsgiToAsgi
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from falcon import App as FalconWSGI
from falcon.asgi import App as FalconASGI
from fastapi import FastAPI
from flask import Flask
from kit.adapters import ASGIApplication, CarriedASGI, bytes_of, scope_of, serve_asgi
from kit.cases import ANYONE, APP, EVIL, LISTED, OK, SHOP, Reply, get, preflight, request
from kit.naming import steady
from quart import Quart
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware as TheirCORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route

from corsguard import Configuration, Event, Policies, Policy, PolicyError, asgi
from corsguard.adapters import Journal
from corsguard.asgi import CORSMiddleware

OTHER = "https://other.example"
ALLOW_ORIGIN = b"access-control-allow-origin"
SHARED = [(ALLOW_ORIGIN, APP.encode()), (b"vary", b"Origin")]
TEXT = (b"content-type", b"text/plain")
START = "http.response.start"
BODY = {"type": "http.response.body", "body": b"content"}

# Both ways through the carrier.
either_path = pytest.mark.parametrize("middleware", [CORSMiddleware, CarriedASGI], ids=["short path", "long path"])


def scope(asked, path="/", **more):
    return {**scope_of(asked, path), **more}


def drive(app, scope, *requests):
    """
    Return the messages that *app* sends for *scope*, as they are.
    """
    return asyncio.run(messages_of(app, scope, *requests))


async def messages_of(app, scope, *requests):
    sent = []
    waiting = [*requests] or [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


def sending(*messages):
    """
    Return an application that sends *messages*.
    """

    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app


def start(*lines, status=200, **more):
    return {"type": START, "status": status, "headers": [*lines], **more}


def headers_of(app, scope):
    first = drive(app, scope)[0]
    assert first["type"] == START
    return first["headers"]


def granted(middleware, asked_path, origin, **more):
    headers = dict(headers_of(middleware, scope(get(origin), asked_path, **more)))
    allowed = headers.get(ALLOW_ORIGIN)
    assert allowed in (None, origin.encode())
    # A guarded resource says so on every response.
    return None if b"vary" not in headers else allowed is not None


# What is passed on.


def test_the_application_gets_the_very_scope_and_receive_that_the_server_made():
    seen = []

    async def app(*arguments):
        seen.extend(arguments)

    async def receive():
        raise AssertionError("nobody reads the body")

    async def send(message):
        raise AssertionError("nothing is sent")

    asked = scope(get(APP))
    before = dict(asked)
    asyncio.run(CORSMiddleware(app, LISTED)(asked, receive, send))
    assert seen[0] is asked
    assert asked == before
    assert seen[1] is receive


@pytest.mark.parametrize("kind", ["lifespan", "webtransport", "x"])
def test_other_scopes_pass_untouched(kind):
    class Boom(Exception):
        pass

    arguments = ({"type": kind}, object(), object())

    async def app(*got):
        assert all(mine is theirs for mine, theirs in zip(got, arguments, strict=True))
        raise Boom

    with pytest.raises(Boom):
        CORSMiddleware(app, LISTED)(*arguments).send(None)


def test_19_a_lifespan_that_fails_reaches_the_server():
    def talk(guard):
        @contextmanager_of(LookupError("no database"))
        async def lifespan(app):
            yield

        app = Starlette(lifespan=lifespan)
        return run_lifespan(CORSMiddleware(app, LISTED) if guard else app)

    assert talk(guard=True)[0] == talk(guard=False)[0]
    assert "no database" in talk(guard=True)[0][0]["message"]
    assert talk(guard=True)[1] is LookupError


def contextmanager_of(error):
    def decorator(function):
        class Manager:
            def __init__(self, app):
                pass

            async def __aenter__(self):
                raise error

            async def __aexit__(self, *_):
                pass

        return Manager

    return decorator


def run_lifespan(app):
    sent = []

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        sent.append({**message, "message": message.get("message", "").splitlines()[-1]})

    try:
        asyncio.run(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, receive, send))
    except LookupError as error:
        return sent, type(error)
    return sent, None


@either_path
def test_17_what_is_no_start_passes_in_order_and_as_it_is(middleware):
    sent = [
        {"type": "http.response.debug", "info": {}},
        {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]},
        {"type": "http.response.push", "path": "/x", "headers": [(b"vary", b"x")]},
        start(TEXT, trailers=True),
        {"type": "http.response.pathsend", "path": "/etc/hosts"},
        {"type": "http.response.zerocopysend", "file": 3},
        BODY,
        {"type": "http.response.trailers", "headers": [(b"access-control-allow-origin", b"*")], "more_trailers": False},
        {"type": "of tomorrow"},
    ]
    got = drive(middleware(sending(*sent), LISTED), scope(get(APP)))
    assert got[3] == start(TEXT, *SHARED, trailers=True)
    for ours, theirs in zip(got, sent, strict=True):
        assert ours is theirs or theirs is sent[3]


@either_path
@pytest.mark.parametrize("lines", [(TEXT,), (TEXT, (b"vary", b"cookie"))], ids=len)
def test_05_unknown_keys_of_the_start_survive(middleware, lines):
    app = sending(start(*lines, trailers=True, of_tomorrow=[1]), BODY)
    first, _ = drive(middleware(app, LISTED), scope(get(APP)))
    assert (first["trailers"], first["of_tomorrow"], first["status"]) == (True, [1], 200)


@either_path
def test_18_bodies_are_untouched_whatever_the_status(middleware):
    for status in (200, 204, 206, 304, 307, 404, 500):
        chunks = [{"type": "http.response.body", "body": bytes([n]), "more_body": n < 2} for n in range(3)]
        first, *rest = drive(middleware(sending(start(TEXT, status=status), *chunks), LISTED), scope(get(APP)))
        assert (first["status"], first["headers"]) == (status, [TEXT, *SHARED])
        assert all(mine is theirs for mine, theirs in zip(rest, chunks, strict=True))


@either_path
def test_a_response_without_headers_gets_those_of_the_policy(middleware):
    for message in ({"type": START, "status": 200}, {"type": START, "status": 200, "headers": None}):
        assert headers_of(middleware(sending(message, BODY), LISTED), scope(get(APP))) == SHARED


def test_an_application_that_answers_nothing_sends_nothing():
    assert drive(CORSMiddleware(sending(), LISTED), scope(get(APP))) == []


@either_path
def test_an_exception_passes_through_untouched(middleware):
    class Boom(Exception):
        pass

    for messages in ([], [start(TEXT)]):

        async def app(scope, receive, send, messages=messages):
            for message in messages:
                await send(message)
            raise Boom

        with pytest.raises(Boom) as raised:
            drive(middleware(app, LISTED), scope(get(APP)))
        assert raised.value.__cause__ is raised.value.__context__ is None


@either_path
def test_what_the_server_raises_reaches_the_application(middleware):
    async def app(scope, receive, send):
        with pytest.raises(ConnectionResetError):
            await send(start(TEXT))
        raise LookupError

    async def send(message):
        raise ConnectionResetError

    with pytest.raises(LookupError):
        asyncio.run(middleware(app, LISTED)(scope(get(APP)), None, send))


# Headers of requests.


@either_path
@pytest.mark.parametrize("name", [b"origin", b"Origin", b"ORIGIN", b"oRiGiN"])
@pytest.mark.parametrize("kind", [list, tuple, iter, lambda pairs: (list(pair) for pair in pairs)])
def test_20_names_in_any_case_and_any_iterable_of_pairs(middleware, name, kind):
    pairs = [(b"Host", b"a.example"), (name, APP.encode()), (b"Access-Control-Request-METHOD", b"PUT")]
    for method, status in (("GET", 200), ("OPTIONS", 204)):
        first = drive(middleware(ASGIApplication(OK), LISTED), scope(request(method), headers=kind(pairs)))[0]
        assert (first["status"], (ALLOW_ORIGIN, APP.encode()) in first["headers"]) == (status, True)


@either_path
def test_20_headers_that_can_be_read_once_are_read_by_the_application_too(middleware):
    pairs = [(b"origin", APP.encode()), (b"x-a", b"b")]
    read = []

    async def app(scope, receive, send):
        read.extend(scope["headers"])
        await send(start(TEXT))

    assert headers_of(middleware(app, LISTED), scope(get(), headers=iter(pairs))) == [TEXT, *SHARED]
    assert read == pairs


@either_path
def test_20_a_scope_without_headers_has_no_origin(middleware):
    asked = scope(get())
    del asked["headers"]
    assert headers_of(middleware(sending(start(TEXT)), LISTED), asked) == [TEXT, (b"vary", b"Origin")]


@either_path
@pytest.mark.parametrize(
    "origins",
    [
        [APP.encode(), APP.encode()],
        [APP.encode(), EVIL.encode()],
        [EVIL.encode(), APP.encode()],
        [APP.encode(), b""],
        [b"", APP.encode()],
        [b""],
        [APP.encode() + b"\xff"],
        [APP.encode() + b"\xc3\xa9"],
        [b"\xff" * 100],
        [b"https://" + b"a" * 2**20],
        [APP.encode() + b" " * 2**20],
        [APP.encode()] * 10_000,
    ],
    ids=lambda origins: repr(origins)[:40],
)
def test_20_an_origin_that_is_repeated_empty_huge_or_no_text_is_refused(middleware, origins):
    names = [b"origin", b"Origin"]
    headers = [(names[number % 2], value) for number, value in enumerate(origins)]
    asks = [*headers, (b"access-control-request-method", b"PUT")]
    guarded = middleware(sending(start(TEXT)), {**SHOP, "allow_origins": [APP, "https://*.example.com"]})
    assert headers_of(guarded, scope(get(), headers=headers)) == [TEXT, (b"vary", b"Origin")]
    first = drive(guarded, scope(request("OPTIONS"), headers=asks))[0]
    assert first["status"] == 403
    assert not [name for name, _ in first["headers"] if name.startswith(b"access-control")]


def test_a_huge_origin_is_bounded_before_it_is_decoded():
    class Header(bytes):
        def decode(self, *_):
            raise AssertionError("decoded whole")

    huge = Header(b"https://" + b"a" * 2**20)
    for middleware in (CORSMiddleware, CarriedASGI):
        guarded = middleware(sending(start(TEXT)), LISTED)
        assert headers_of(guarded, scope(get(), headers=[(b"origin", huge)])) == [TEXT, (b"vary", b"Origin")]


def test_an_event_about_a_repeated_origin_shows_both():
    events = []
    guarded = CORSMiddleware(sending(start(TEXT)), LISTED, on_event=events.append)
    drive(guarded, scope(get(), headers=[(b"origin", b"a"), (b"origin", b"b")]))
    assert [event.origin for event in events] == ["a,b"]


# Headers of responses.


@either_path
@pytest.mark.parametrize("kind", [list, tuple, iter, lambda pairs: (list(pair) for pair in pairs)])
@pytest.mark.parametrize("lines", [[TEXT], [TEXT, (b"x-unheard-of", b"1")]], ids=len)
def test_headers_may_be_any_iterable_of_pairs(middleware, kind, lines):
    message = {"type": START, "status": 200, "headers": kind(lines)}
    sent = headers_of(middleware(sending(message), LISTED), scope(get(APP)))
    assert [tuple(pair) for pair in sent] == [*lines, *SHARED]
    assert type(sent) is list


@either_path
@pytest.mark.parametrize("lines", [[TEXT], [TEXT, (b"vary", b"cookie")], [TEXT, (ALLOW_ORIGIN, b"*")]], ids=repr)
def test_01_a_response_that_is_sent_twice_has_the_headers_of_each_request(middleware, lines):
    message = start(*lines)
    guarded = middleware(sending(message, BODY), SHOP | {"allow_origins": [APP, OTHER]})
    for origin in (APP, OTHER, EVIL, None):
        headers = headers_of(guarded, scope(get(origin)))
        allowed = [value for name, value in headers if name == ALLOW_ORIGIN]
        assert allowed == ([origin.encode()] if origin in (APP, OTHER) else [])
    assert message == start(*lines)


def test_01_a_starlette_response_that_is_a_constant():
    response = PlainTextResponse("content")
    app = Starlette(routes=[Route("/", lambda request: response)])
    guarded = CORSMiddleware(app, {"allow_origins": [APP, OTHER]})
    for origin in (APP, OTHER, None):
        headers = headers_of(guarded, scope(get(origin)))
        assert [value for name, value in headers if name == ALLOW_ORIGIN] == ([origin.encode()] if origin else [])


@either_path
@pytest.mark.parametrize("policy", [LISTED, SHOP, ANYONE], ids=["listed", "shop", "anyone"])
def test_02_applied_twice_equals_applied_once(middleware, policy):
    for asked in (get(), get(APP), get(EVIL), preflight(APP, "PUT"), preflight(EVIL, "PUT")):
        once = drive(middleware(sending(start(TEXT), BODY), policy), scope(asked))
        twice = drive(middleware(middleware(sending(start(TEXT), BODY), policy), policy), scope(asked))
        assert sorted(once[0]["headers"]) == sorted(twice[0]["headers"])
        assert once[1:] == twice[1:]


@either_path
def test_03_the_grant_of_an_inner_layer_does_not_survive_a_refusal(middleware, caplog):
    inner = TheirCORSMiddleware(ASGIApplication(OK), allow_origins=[EVIL], allow_credentials=True)
    guarded = middleware(inner, LISTED)
    for _ in range(2):
        headers = headers_of(guarded, scope(get(EVIL)))
        assert [line for line in headers if line[0] in (ALLOW_ORIGIN, b"access-control-allow-credentials")] == []
    (record,) = [record for record in caplog.records if "Two layers" in record.getMessage()]
    assert record.cors_event[0] == "two-layers"


def test_04_the_outermost_guard_answers_the_preflight():
    inner = TheirCORSMiddleware(ASGIApplication(OK), allow_origins=[EVIL])
    assert drive(CORSMiddleware(inner, LISTED), scope(preflight(APP, "PUT")))[0]["status"] == 204
    assert drive(CORSMiddleware(inner, LISTED), scope(preflight(EVIL, "PUT")))[0]["status"] == 403


def test_06_and_07_all_that_answers_a_preflight_is_bytes_and_complete():
    first, body = drive(CORSMiddleware(sending(), {**SHOP, "max_age": 600}), scope(preflight(APP, "PUT")))
    assert all(type(part) is bytes for line in first["headers"] for part in line)
    assert (b"access-control-max-age", b"600") in first["headers"]
    assert (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers") in first["headers"]
    assert body == {"type": "http.response.body", "body": b""}
    assert first.keys() == {"type", "status", "headers"}


@either_path
@pytest.mark.parametrize("policy", [LISTED, ANYONE], ids=["listed", "anyone"])
def test_a_preflight_is_one_start_and_one_body(middleware, policy):
    for status in (200, 204):
        guarded = middleware(sending(), {**policy, "preflight_status": status})
        first, body = drive(guarded, scope(preflight(APP, "PUT")))
        content = {line for line in first["headers"] if line[0].startswith(b"content")}
        assert (first["status"], body["body"]) == (status, b"")
        assert content == ({TEXT, (b"content-length", b"0")} if status == 200 else set())


@either_path
def test_a_refused_preflight_has_its_short_text(middleware):
    first, body = drive(middleware(sending(), LISTED), scope(preflight(EVIL, "PUT")))
    assert first["status"] == 403
    assert (b"content-length", str(len(body["body"])).encode()) in first["headers"]
    assert body["body"].startswith(b"CORS: this origin may not read")


@either_path
def test_what_a_server_does_to_a_header_list_reaches_nobody_else(middleware):
    guarded = middleware(sending(start(TEXT)), LISTED)
    for asked in (get(), get(APP), get(EVIL), preflight(APP, "PUT"), preflight(EVIL, "PUT")):
        headers = headers_of(guarded, scope(asked))
        before = [*headers]
        headers.clear()
        assert headers_of(guarded, scope(asked)) == before != []


@either_path
def test_08_an_options_request_that_is_no_preflight_reaches_the_application(middleware):
    app = ASGIApplication(OK)
    for asked in (request("OPTIONS", APP), request("OPTIONS", Access_Control_Request_Method="PUT")):
        app.ran = False
        drive(middleware(app, LISTED), scope(asked))
        assert app.ran


@either_path
def test_09_vary_of_the_application_survives(middleware):
    app = GZipMiddleware(sending(start(TEXT), {**BODY, "body": b"x" * 5000}))
    asked = get(APP, Accept_Encoding="gzip")
    assert (b"vary", b"Accept-Encoding, Origin") in headers_of(middleware(app, LISTED), scope(asked))


def test_10_the_lists_of_a_preflight_are_on_no_other_response():
    names = [name for name, _ in headers_of(CORSMiddleware(sending(start()), SHOP), scope(get(APP)))]
    assert b"access-control-allow-methods" not in names
    assert b"access-control-allow-headers" not in names


@pytest.mark.parametrize(
    ("keywords", "code"),
    [
        ({"allow_origins": ["https://a.*.example"]}, "E211"),
        ({"allow_origins": "https://a.example"}, "E102"),
        ({"allow_origins": "*", "allow_credentials": True}, "E301"),
        ({"allow_origins": ["https://app.*.eastus2.azurecontainerapps.io"]}, "E211"),
    ],
)
def test_11_12_14_and_15_what_matches_nothing_or_too_much_is_refused_when_it_is_built(keywords, code):
    with pytest.raises(PolicyError) as refused:
        CORSMiddleware(sending(), keywords)
    assert [problem.code for problem in refused.value.problems] == [code]


def test_13_a_swap_is_seen_by_the_next_request():
    guarded = CORSMiddleware(sending(start(TEXT)), LISTED)
    assert granted(guarded, "/", APP) is True
    guarded.policy = {"allow_origins": [OTHER]}
    assert granted(guarded, "/", APP) is False
    assert granted(guarded, "/", OTHER) is True


variable = contextvars.ContextVar("variable", default="outside")


@either_path
def test_16_the_guard_adds_no_task_of_its_own(middleware):
    seen = []

    async def app(scope, receive, send):
        seen.append(asyncio.current_task())
        variable.set("inside")
        await send(start(TEXT, (b"x-unheard-of", b"1")))

    async def serve():
        async def send(message):
            seen.append(asyncio.current_task())

        await middleware(app, LISTED)(scope(get(APP)), None, send)
        assert seen == [asyncio.current_task()] * 2
        assert variable.get() == "inside"
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(serve())


@either_path
def test_21_a_guard_inside_a_mount_sees_the_paths_of_the_mount_and_the_outer_one_decides(middleware):
    async def view(scope, receive, send):
        await send(start(TEXT))
        await send(BODY)

    inner = middleware(view, {"/api": {"allow_origins": [OTHER]}})
    app = Starlette(routes=[Mount("/sub", app=inner)])
    assert granted(app, "/sub/api", OTHER) is True
    assert granted(app, "/sub/x", OTHER) is None
    outer = middleware(app, {"/sub": LISTED})
    assert granted(outer, "/sub/api", OTHER) is False
    assert granted(outer, "/sub/api", APP) is True


@either_path
def test_22_concurrent_requests_share_nothing(middleware):
    async def app(scope, receive, send):
        await asyncio.sleep(0)
        await send(start(TEXT, (b"x-path", scope["path"].encode())))
        await asyncio.sleep(0)
        await send(BODY)

    origins = [f"https://t{number}.example.com" for number in range(50)]
    guarded = middleware(app, {"allow_origins": ["https://*.example.com"]})

    async def serve():
        return await asyncio.gather(
            *(messages_of(guarded, scope(get(origin), f"/{origin[8:]}")) for origin in [*origins, EVIL] * 4)
        )

    for origin, sent in zip([*origins, EVIL] * 4, asyncio.run(serve()), strict=True):
        headers = dict(sent[0]["headers"])
        assert headers.get(ALLOW_ORIGIN) == (None if origin == EVIL else origin.encode())
        assert headers[b"x-path"] == f"/{origin[8:]}".encode()


def test_23_a_wsgi_application_inside_a_mount_gets_the_headers_it_gets_alone():
    def wsgi(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Vary", "Cookie")])
        return [b"content"]

    app = Starlette(routes=[Mount("/old", app=WsgiToAsgi(wsgi))])
    headers = headers_of(CORSMiddleware(app, {"/old": LISTED}), scope(get(APP), "/old/x"))
    assert dict(headers) == {TEXT[0]: TEXT[1], ALLOW_ORIGIN: APP.encode(), b"vary": b"Cookie, Origin"}


@either_path
@pytest.mark.parametrize("lines", [(TEXT,), (TEXT, (b"vary", b"cookie"))], ids=len)
def test_24_a_request_in_flight_finishes_under_the_old_policy(middleware, lines):
    async def app(scope, receive, send):
        guarded.policy = {"/": {"allow_origins": [OTHER]}, "/x": None}
        # What lies further in writes into the scope.
        scope.update(path="/x", root_path="/y", method="PUT", headers=[])
        await send(start(*lines))

    guarded = middleware(app, {"/": LISTED, "/x": None})
    headers = headers_of(guarded, scope(get(APP)))
    assert (ALLOW_ORIGIN, APP.encode()) in headers
    assert granted(guarded, "/", APP) is False


@either_path
def test_a_record_of_two_layers_shows_the_request_as_it_came_in(middleware):
    async def app(scope, receive, send):
        scope.update(path="/elsewhere", root_path="/else", method="PUT", headers=[])
        await send(start((ALLOW_ORIGIN, b"*")))

    for origin in (APP, EVIL, None):
        events = []
        guarded = middleware(app, {"/api": LISTED}, on_event=events.append)
        assert headers_of(guarded, scope(get(origin), "/px/api/a", root_path="/px"))[-1] == (b"vary", b"Origin")
        event = events[-1]
        assert event == Event("two-layers", event.policy, "/api", "GET", "/api/a", origin or "")


# Paths.


@pytest.mark.parametrize(
    ("root_path", "path", "expected"),
    [
        ("", "/api", "/api"),
        ("", "", ""),
        ("/px", "/px/api", "/api"),
        ("/px", "/api", "/api"),
        ("/px", "/px", "/"),
        ("/px", "/px/", "/"),
        ("/px/", "/px/api", "/api"),
        ("/px/", "/px", "/"),
        ("/p", "/px/api", "/px/api"),
        ("/px", "/px//api", "//api"),
        ("/", "/api", "/api"),
        ("/élève", "/élève/api", "/api"),
        ("/a b", "/a b/api", "/api"),
        ("/px", "/x/px/api", "/x/px/api"),
        ("px", "/px/api", "/px/api"),
        (None, "/api", "/api"),
    ],
)
def test_a_path_is_taken_below_its_root_path_as_starlette_takes_it(root_path, path, expected):
    assert asgi.path_of({"path": path, "root_path": root_path}) == expected
    middleware = CORSMiddleware(sending(), {"/api": LISTED})
    asked = scope(get(APP), path, root_path=root_path)
    policy = Policy(**LISTED) if expected in ("/api", "//api") else "unguarded"
    assert middleware.policy_for(asked) == (None if expected == "//api" else policy)


def test_a_scope_without_a_root_path_has_none():
    assert asgi.path_of({"path": "/api"}) == "/api"


@pytest.mark.parametrize("root_path", ["", "/px"])
@pytest.mark.parametrize(
    ("path", "expected"),
    {
        "/api": True,
        "/api/x": True,
        "/apiary": False,
        "/": False,
        "/closed/x": None,
        # ASGI has text, decoded once; it is not decoded again.
        "/élève/1": True,
        "/élève/1".encode().decode("latin-1"): False,
        "/api//x": True,
        "/api/../x": None,
        "/%61pi": None,
        "*": False,
        "api": True,
    }.items(),
    ids=ascii,
)
def test_a_path_has_the_policy_of_its_prefix(path, expected, root_path):
    by_path = {"/": {"allow_origins": [OTHER]}, "/api": LISTED, "/closed": None, "/élève": LISTED}
    for middleware in (CORSMiddleware, CarriedASGI):
        guarded = middleware(sending(start(TEXT)), by_path)
        below = f"{root_path}{path}" if path.startswith("/") else path
        if expected is None and "closed" not in path:
            # One of several readings is a list.
            assert granted(guarded, below, APP, root_path=root_path) is False
            assert guarded.find(scope(get(APP), below, root_path=root_path)).is_odd
        else:
            assert granted(guarded, below, APP, root_path=root_path) is expected


def test_what_fastapi_and_a_mount_write_into_the_scope_changes_nothing():
    app = FastAPI()
    app.root_path = "/px"
    app.mount("/sub", sending(start(TEXT), BODY))
    guarded = CORSMiddleware(app, {"/sub": LISTED})
    assert granted(guarded, "/sub/x", APP) is True


@either_path
def test_a_closed_path_shares_nothing_and_an_unguarded_one_is_left_alone(middleware):
    theirs = [(ALLOW_ORIGIN, b"*"), (b"vary", b"cookie")]
    guarded = middleware(sending(start(*theirs)), {"/": LISTED, "/closed": None, "/own": "unguarded"})
    for asked in (get(), get(APP), preflight(APP, "PUT")):
        assert headers_of(guarded, scope(asked, "/closed")) == [(b"vary", b"cookie")]
        assert headers_of(guarded, scope(asked, "/own")) == theirs


# What is taken, and how it is swapped.


def test_the_policy_may_be_anything_that_says_one_and_is_swapped_by_one_assignment():
    guarded = CORSMiddleware(sending(start(TEXT)), None)
    assert granted(guarded, "/", APP) is None
    for new, expected in (
        (LISTED, True),
        ({"allow_origins": [OTHER]}, False),
        (Policy(allow_origins=[APP]), True),
        ({"/": LISTED, "/api": None}, True),
        ({"paths": {"/api": LISTED}}, None),
        ({"/": "unguarded"}, None),
        (Policies({"allow_origins": [OTHER]}), False),
        (Configuration.from_mapping(LISTED), True),
        (None, None),
    ):
        guarded.policy = new
        assert granted(guarded, "/", APP) is expected
        assert granted(CORSMiddleware(sending(start(TEXT)), new), "/", APP) is expected
    guarded.policy = LISTED
    for bad in ({"allow_origins": []}, {"/api/": LISTED}, [APP]):
        with pytest.raises(PolicyError):
            guarded.policy = bad
        assert guarded.policy == Policy(**LISTED)


def test_policies_that_are_shared_are_swapped_for_all():
    policies = Policies(LISTED)
    guards = [CORSMiddleware(sending(start(TEXT)), policies) for _ in range(2)]
    guards[0].policy = {"allow_origins": [OTHER]}
    assert [granted(guard, "/", OTHER) for guard in guards] == [True, True]
    policies.policy = None
    assert [granted(guard, "/", OTHER) for guard in guards] == [None, None]


def test_each_of_many_policies_is_answered_as_it_says_and_none_is_kept():
    policies = []
    guarded = CORSMiddleware(sending(start(TEXT)), LISTED)
    for number in range(100):
        guarded.policy = {"/": {"allow_origins": [APP], "expose_headers": [f"X-{number}"]}, "/x": ANYONE}
        policies.append(weakref.ref(guarded.policy["/"]))
        assert headers_of(guarded, scope(get(APP), "/x")) == [TEXT, (ALLOW_ORIGIN, b"*")]
        for origin in (APP, EVIL):
            headers = dict(headers_of(guarded, scope(get(origin))))
            assert headers.get(b"access-control-expose-headers") == (f"X-{number}".encode() if origin == APP else None)
    gc.collect()
    assert [policy() is None for policy in policies] == [True] * 99 + [False]


def test_what_guards_a_request_can_be_asked_for_with_its_name():
    guarded = CORSMiddleware(sending(), {"/api": LISTED, "/closed": None})
    assert guarded.find({"path": "/api/x"})[:2] == (Policy(**LISTED), "/api")
    assert guarded.policy_for({"path": "/closed"}) is None
    assert guarded.policy_for({"path": "/x"}) == "unguarded"


def test_warnings_are_written_once(caplog):
    policies = Policies({"allow_origins": ["http://app.example.com"]})
    guarded = CORSMiddleware(sending(start(TEXT)), policies)
    policies.policy = {"allow_origins": ["http://other.example.com"]}
    for _ in range(2):
        drive(guarded, scope(get(APP)))
    assert [record.getMessage()[:4] for record in caplog.records] == ["W103", "W103"]


# What is no ASGI application.


class Instance:
    async def __call__(self, scope, receive, send):
        pass


class OfASGI2:
    def __init__(self, scope):
        pass

    async def __call__(self, receive, send):
        pass


def wsgi_function(environ, start_response):
    return []


def handing_on(*arguments):
    return sending(start(TEXT))(*arguments)


@functools.wraps(wsgi_function)
def as_if_wsgi(*arguments):
    return wsgi_function(*arguments)


@functools.wraps(wsgi_function)
async def asgi_made_of_wsgi(scope, receive, send):
    await send(start(TEXT))


@pytest.mark.parametrize(
    "app",
    [
        wsgi_function,
        Flask("x"),
        WSGIHandler(),
        FalconWSGI(),
        as_if_wsgi,
        functools.partial(lambda settings, environ, start_response: [], {}),
    ],
    ids=steady,
)
def test_a_wsgi_application_is_refused_with_the_import_to_write(app):
    with pytest.raises(TypeError, match=r"which is a WSGI one\. Write `from corsguard import CORSMiddleware`"):
        CORSMiddleware(app, LISTED)


@pytest.mark.parametrize("app", [OfASGI2, lambda scope: None, functools.partial(OfASGI2)], ids=steady)
def test_an_asgi_2_application_is_refused_with_what_wraps_it(app):
    with pytest.raises(TypeError, match=r"of ASGI 2.*guarantee_single_callable"):
        CORSMiddleware(app, LISTED)


def test_an_asgi_2_application_that_is_wrapped_is_guarded():
    class Old(OfASGI2):
        async def __call__(self, receive, send):
            await send(start(TEXT))

    assert granted(CORSMiddleware(guarantee_single_callable(Old), LISTED), "/", APP) is True


@pytest.mark.parametrize(
    "app", [Instance, Starlette, Quart, type("One", (), {"__init__": lambda self, config: None})], ids=steady
)
def test_a_class_is_refused_with_its_instance(app):
    with pytest.raises(TypeError, match=rf"the class .*Write `{app.__name__}\(\)`"):
        CORSMiddleware(app, LISTED)


@pytest.mark.parametrize("app", [None, "module:app", 7, {"/": 1}])
def test_what_cannot_be_called_is_refused(app):
    with pytest.raises(TypeError, match="cannot be called"):
        CORSMiddleware(app, LISTED)


async def of_four(scope, receive, send, more):
    pass


async def of_two(scope, send):
    pass


@pytest.mark.parametrize("app", [of_four, of_two, lambda: None], ids=steady)
def test_what_takes_other_arguments_is_refused(app):
    with pytest.raises(TypeError, match="does not take these three"):
        CORSMiddleware(app, LISTED)


class Endpoint(HTTPEndpoint):
    async def get(self, request):
        return PlainTextResponse("content")


class Compiled:
    """
    What has no signature, as some compiled callables.
    """

    __signature__ = "none"

    def __call__(self, *arguments):
        return sending(start(TEXT))(*arguments)


class Proxy:
    def __call__(self, *arguments):
        return sending(start(TEXT))(*arguments)

    @property
    def __signature__(self):
        raise RuntimeError("unbound")


async def with_more(settings, scope, receive, send):
    await send(start(TEXT))


def returning(scope, receive, send):
    return sending(start(TEXT))(scope, receive, send)


@pytest.mark.parametrize(
    "app",
    [
        Endpoint,
        Compiled(),
        Proxy(),
        functools.partial(with_more, {}),
        returning,
        handing_on,
        asgi_made_of_wsgi,
        CORSMiddleware(returning, None),
        Starlette(routes=[Route("/", lambda request: PlainTextResponse(""))]),
    ],
    ids=steady,
)
def test_what_may_be_an_asgi_application_is_guarded(app):
    assert granted(CORSMiddleware(app, LISTED), "/", APP) is True


@pytest.mark.parametrize("app", [Quart("x"), FastAPI(), FalconASGI(), ASGIHandler()], ids=steady)
def test_the_applications_of_frameworks_are_taken(app):
    assert CORSMiddleware(app, LISTED).app is app


def test_frameworks_are_not_imported():
    import subprocess
    import sys

    program = "import corsguard.asgi, sys; print([name for name in ('starlette', 'anyio', 'asyncio', 'trio', 'fastapi')"
    program += " if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"[]\n"


# In a framework, wrapped.


def raising(request):
    raise HTTPException(401)


def broken(request):
    raise LookupError("an unhandled exception")


async def streamed(request):
    async def chunks():
        yield b"one"
        yield b"two"

    return StreamingResponse(chunks())


@either_path
@pytest.mark.parametrize(
    ("path", "status"), [("/401", 401), ("/404", 404), ("/500", 500), ("/stream", 200), ("/405", 405)]
)
def test_every_response_of_a_framework_has_the_headers(middleware, path, status):
    routes = [
        Route("/401", raising),
        Route("/500", broken),
        Route("/stream", streamed),
        Route("/405", raising, methods=["PUT"]),
    ]
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        await asyncio.Event().wait()

    async def serve():
        asked = scope(get(APP), path)
        try:
            await middleware(Starlette(routes=routes), LISTED)(asked, receive, send)
        except LookupError:
            assert status == 500

    asyncio.run(serve())
    assert sent[0]["status"] == status
    assert (ALLOW_ORIGIN, APP.encode()) in sent[0]["headers"]


# Listeners.


def test_a_listener_may_block_and_runs_in_a_thread_before_the_answer():
    seen = []
    heard = threading.Event()

    def listener(event):
        seen.append((event.reason, threading.current_thread() is threading.main_thread(), variable.get()))
        heard.set()

    async def send(message):
        assert heard.is_set()

    async def serve(asked):
        heard.clear()
        variable.set("of the request")
        await CORSMiddleware(sending(start(TEXT)), LISTED, on_event=listener)(scope(asked), None, send)

    for asked in (get(EVIL), preflight(EVIL, "PUT")):
        asyncio.run(serve(asked))
    assert seen == [("origin", False, "of the request")] * 2


def test_a_listener_that_fails_is_logged_and_stops_nobody(caplog):
    def listener(event):
        raise LookupError

    guarded = CORSMiddleware(sending(start(TEXT)), LISTED, on_event=listener)
    assert granted(guarded, "/", EVIL) is False
    assert "The listener to events failed" in caplog.text


def test_an_asynchronous_listener_is_refused_when_it_is_given():
    async def listener(event):
        pass

    with pytest.raises(TypeError, match=r"on_event=.*which is asynchronous"):
        CORSMiddleware(sending(), LISTED, on_event=listener)


def test_a_journal_of_ones_own_may_be_given_and_explains_in_development(caplog):
    caplog.set_level(logging.WARNING)
    journal = Journal(is_debug=lambda: True)
    guarded = CORSMiddleware(sending(start(TEXT)), LISTED, journal=journal)
    assert guarded.guard.journal is journal
    # The browser will refuse the method.
    assert drive(guarded, scope(preflight(APP, "DELETE")))[0]["status"] == 204
    assert "is blocked by CORS" in caplog.text
    assert "DELETE" in caplog.text


# WebSockets.


def handshake(path="/", extensions=None, **headers):
    lines = [(name.lower().replace("_", "-").encode(), bytes_of(value)) for name, value in headers.items()]
    asked = {"type": "websocket", "scheme": "wss", "path": path, "headers": lines, "query_string": b""}
    return asked | ({} if extensions is None else {"extensions": extensions})


CONNECT = {"type": "websocket.connect"}


def test_a_handshake_is_shown_to_the_guard_as_a_wsgi_server_would():
    seen = []
    guarded = CORSMiddleware(sending(), LISTED)
    enter = guarded.guard.enter
    guarded.guard.enter = lambda *arguments: seen.append(arguments) or enter(*arguments)
    asked = handshake("/px/feed", Origin=EVIL, Host="api.example.com", Sec_Fetch_Site="cross-site", Cookie="a=b")
    drive(guarded, asked | {"root_path": "/px"}, CONNECT)
    assert seen == [
        (
            {
                "REQUEST_METHOD": "GET",
                "PATH_INFO": "/feed",
                "HTTP_UPGRADE": "websocket",
                "HTTP_ORIGIN": EVIL,
                "HTTP_HOST": "api.example.com",
                "HTTP_SEC_FETCH_SITE": "cross-site",
                "wsgi.url_scheme": "https",
            },
            "/feed",
        )
    ]
    assert asgi.environ_of(handshake() | {"scheme": "ws"}, "/")["wsgi.url_scheme"] == "http"


def test_a_repeated_host_is_named_by_neither():
    asked = handshake() | {"headers": [(b"host", b"a.example"), (b"Host", b"b.example")]}
    assert asgi.environ_of(asked, "/")["HTTP_HOST"] == "a.example,b.example"


def test_a_refused_handshake_is_answered_by_the_extension_where_it_is_offered():
    asked = handshake(extensions={"websocket.http.response": {}}, Origin=EVIL)
    first, body = drive(CORSMiddleware(sending(BODY), LISTED), asked, CONNECT)
    assert (first["type"], first["status"]) == ("websocket.http.response.start", 403)
    assert (b"content-length", str(len(body["body"])).encode()) in first["headers"]
    assert body["type"] == "websocket.http.response.body"


@pytest.mark.parametrize("extensions", [None, {}, {"tls": {}}])
def test_a_refused_handshake_is_closed_before_it_is_accepted_elsewhere(extensions):
    asked = handshake(extensions=extensions, Origin=EVIL)
    sent = drive(CORSMiddleware(sending(BODY), LISTED), asked, CONNECT)
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]


def test_a_refused_handshake_is_received_before_it_is_refused():
    steps = []

    async def receive():
        steps.append("received")
        return CONNECT

    async def send(message):
        steps.append(message["type"])

    asyncio.run(CORSMiddleware(sending(BODY), LISTED)(handshake(Origin=EVIL), receive, send))
    assert steps == ["received", "websocket.close"]


def test_a_handshake_that_is_let_in_gets_the_very_arguments_of_the_server():
    arguments = (handshake(Origin=APP), object(), object())

    async def app(*got):
        assert all(mine is theirs for mine, theirs in zip(got, arguments, strict=True))
        raise LookupError

    for websockets in ("guard", "pass", ["/"]):
        with pytest.raises(LookupError):
            CORSMiddleware(app, {**SHOP}, websockets=websockets)(*arguments).send(None)


# Other loops, and what a source may do on them, is in test_awaited_origins.py.


def test_a_server_on_trio_is_served():
    sent = []

    async def send(message):
        sent.append(message)

    guarded = CORSMiddleware(sending(start(TEXT), BODY), LISTED, on_event=lambda event: sent.append(event.reason))
    trio.run(guarded, scope(get(EVIL)), None, send)
    assert sent == ["origin", start(TEXT, (b"vary", b"Origin")), BODY]


def test_one_middleware_serves_several_loops_at_once():
    guarded = CORSMiddleware(ASGIApplication(Reply(200)), LISTED)
    results = []

    def serve():
        results.extend(asyncio.run(serve_asgi(guarded, scope(get(APP)))) for _ in range(20))

    threads = [threading.Thread(target=serve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 80
    assert all(("access-control-allow-origin", APP) in headers for _, headers, _ in results)
