"""
The middleware is ASGI on both sides: an application may do under a guard what it may do without one.

The table of cases has what is sent. The tests here are about how it is sent. Each fault of another library has a test.
"""

import asyncio
import contextvars
import threading

import pytest
import trio
from asgiref.wsgi import WsgiToAsgi
from kit.adapters import ASGIApplication, CarriedASGI, serve_asgi
from kit.asgi_sending import (
    ALLOW_ORIGIN,
    BODY,
    OTHER,
    SHARED,
    START,
    TEXT,
    drive,
    either_path,
    granted,
    headers_of,
    messages_of,
    scope,
    sending,
    start,
)
from kit.cases import ANYONE, APP, EVIL, LISTED, OK, SHOP, Reply, get, preflight, request
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware as TheirCORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from corsguard import Event, PolicyError
from corsguard.asgi import CORSMiddleware


def test_scope_and_receive_are_the_objects_of_the_server():
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
def test_messages_other_than_start_pass_in_order_and_unchanged(middleware):
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
def test_an_error_of_the_server_reaches_the_application(middleware):
    async def app(scope, receive, send):
        with pytest.raises(ConnectionResetError):
            await send(start(TEXT))
        raise LookupError

    async def send(message):
        raise ConnectionResetError

    with pytest.raises(LookupError):
        asyncio.run(middleware(app, LISTED)(scope(get(APP)), None, send))


@either_path
@pytest.mark.parametrize("name", [b"origin", b"Origin", b"ORIGIN", b"oRiGiN"])
@pytest.mark.parametrize("kind", [list, tuple, iter, lambda pairs: (list(pair) for pair in pairs)])
def test_20_names_of_headers_may_have_any_case_and_any_iterable_may_hold_them(middleware, name, kind):
    pairs = [(b"Host", b"a.example"), (name, APP.encode()), (b"Access-Control-Request-METHOD", b"PUT")]
    for method, status in (("GET", 200), ("OPTIONS", 204)):
        first = drive(middleware(ASGIApplication(OK), LISTED), scope(request(method), headers=kind(pairs)))[0]
        assert (first["status"], (ALLOW_ORIGIN, APP.encode()) in first["headers"]) == (status, True)


@either_path
def test_20_the_application_can_read_an_iterator_of_headers_too(middleware):
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
def test_20_a_repeated_empty_huge_or_non_text_origin_is_refused(middleware, origins):
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


def test_01_a_starlette_response_can_be_a_constant():
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
def test_03_a_refusal_removes_the_grant_of_an_inner_layer(middleware, caplog):
    inner = TheirCORSMiddleware(ASGIApplication(OK), allow_origins=[EVIL], allow_credentials=True)
    guarded = middleware(inner, LISTED)
    for _ in range(2):
        headers = headers_of(guarded, scope(get(EVIL)))
        assert [line for line in headers if line[0] in (ALLOW_ORIGIN, b"access-control-allow-credentials")] == []
    (record,) = [record for record in caplog.records if "two layers" in record.getMessage()]
    assert record.cors_event[0] == "two-layers"


def test_04_the_outermost_guard_answers_the_preflight():
    inner = TheirCORSMiddleware(ASGIApplication(OK), allow_origins=[EVIL])
    assert drive(CORSMiddleware(inner, LISTED), scope(preflight(APP, "PUT")))[0]["status"] == 204
    assert drive(CORSMiddleware(inner, LISTED), scope(preflight(EVIL, "PUT")))[0]["status"] == 403


def test_06_and_07_answers_to_preflights_are_bytes_and_complete():
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
def test_a_header_list_that_the_server_changes_is_not_shared(middleware):
    guarded = middleware(sending(start(TEXT)), LISTED)
    for asked in (get(), get(APP), get(EVIL), preflight(APP, "PUT"), preflight(EVIL, "PUT")):
        headers = headers_of(guarded, scope(asked))
        before = [*headers]
        headers.clear()
        assert headers_of(guarded, scope(asked)) == before != []


@either_path
def test_08_an_options_request_that_is_not_a_preflight_reaches_the_application(middleware):
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
def test_11_12_14_and_15_patterns_that_match_nothing_or_too_much_are_refused(keywords, code):
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
def test_21_a_guard_inside_a_mount_sees_its_paths_and_the_outer_guard_decides(middleware):
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


def test_23_a_wsgi_application_inside_a_mount_gets_the_same_headers_as_alone():
    def wsgi(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Vary", "Cookie")])
        return [b"content"]

    app = Starlette(routes=[Mount("/old", app=WsgiToAsgi(wsgi))])
    headers = headers_of(CORSMiddleware(app, {"/old": LISTED}), scope(get(APP), "/old/x"))
    assert dict(headers) == {TEXT[0]: TEXT[1], ALLOW_ORIGIN: APP.encode(), b"vary": b"Cookie, Origin"}


@either_path
@pytest.mark.parametrize("lines", [(TEXT,), (TEXT, (b"vary", b"cookie"))], ids=len)
def test_24_a_running_request_finishes_with_the_old_policy(middleware, lines):
    async def app(scope, receive, send):
        guarded.policy = {"/": {"allow_origins": [OTHER]}, "/x": None}
        # The application writes into the scope.
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


# test_awaited_origins.py has other loops, and what a source may do on them.


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
