"""
WebSocket handshakes of the model: what a page sends, what it sees, and what to change.
"""

import asyncio
import logging

import pytest
from kit.cases import APP, EVIL
from kit.failures import INVALID_HANDSHAKES

from corsguard import CORSMiddleware, Policy, asgi
from corsguard.browser import Browser, LiveTransport, NetworkError, Reason, Unreachable, WireResponse
from corsguard.browser.handshakes import opening

FEED = "wss://api.example.com/feed"


class Server:
    def __init__(self, answer):
        self.answer = answer
        self.came = []

    def __call__(self, request):
        self.came.append(request)
        if isinstance(self.answer, Unreachable):
            raise self.answer
        return self.answer(request) if callable(self.answer) else self.answer


OPENS = opening


def opened(url=FEED, page=f"{APP}/", answer=OPENS, **asks):
    server = Server(answer)
    socket = Browser(server).open(page).websocket(url, **asks)
    (request,) = server.came
    return socket, request, {name.lower(): value for name, value in request.headers}


def test_a_page_sends_this_handshake():
    socket, request, headers = opened(protocols=["chat", "other"], answer=lambda request: opening(request, "chat"))
    assert (request.method, request.url, request.body) == ("GET", "https://api.example.com/feed", b"")
    assert len(headers.pop("sec-websocket-key")) == 24
    assert headers == {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "chat, other",
        "accept": "*/*",
        "accept-language": "en-US,en;q=0.9",
        "user-agent": "Mozilla/5.0 (corsguard)",
        "origin": APP,
        "sec-fetch-site": "same-site",
        "sec-fetch-mode": "websocket",
        "sec-fetch-dest": "empty",
    }
    assert (socket.url, socket.protocol, repr(socket)) == (FEED, "chat", f"<WebSocket {FEED}>")


@pytest.mark.parametrize(
    ("page", "url", "origin", "site"),
    [
        (f"{APP}/", "wss://app.example.com/feed", APP, "same-origin"),
        (f"{APP}/", "/feed", APP, "same-origin"),
        (f"{APP}/", "https://app.example.com/feed", APP, "same-origin"),
        (f"{EVIL}/", FEED, EVIL, "cross-site"),
        ("http://app.example.com/", "ws://app.example.com/feed", "http://app.example.com", None),
        ("http://localhost/", "ws://localhost/feed", "http://localhost", "same-origin"),
        ("data:text/html,", FEED, "null", "cross-site"),
    ],
)
def test_every_handshake_has_an_origin(page, url, origin, site):
    _, _, headers = opened(url, page)
    assert (headers["origin"], headers.get("sec-fetch-site")) == (origin, site)


def test_cookies_are_sent_as_with_credentials():
    server = Server(WireResponse(403, (("Set-Cookie", "late=1; SameSite=None; Secure"),)))
    browser = Browser(server)
    for name, attributes in {"none": "; SameSite=None; Secure", "lax": "", "strict": "; SameSite=Strict"}.items():
        browser.cookies.set("https://api.example.com/", f"{name}=1{attributes}")
    for page, cookies in {f"{APP}/": "none=1; lax=1; strict=1", f"{EVIL}/": "none=1; late=1"}.items():
        with pytest.raises(NetworkError):
            browser.open(page).websocket(FEED)
        assert dict(server.came[-1].headers)["Cookie"] == cookies


def test_a_refused_handshake_is_reported_with_what_to_change():
    page = Browser(Server(WireResponse(403))).open(f"{APP}/")
    with pytest.raises(NetworkError) as caught:
        page.websocket(FEED)
    error = caught.value
    assert (error.reason, error.failure.reason) == ("handshake_refused", Reason.HANDSHAKE_REFUSED)
    assert (
        error.chromium
        == page.console[-1]
        == (f"WebSocket connection to '{FEED}' failed: Error during WebSocket handshake: Unexpected response code: 403")
    )
    assert error.firefox == f"Firefox can\u2019t establish a connection to the server at {FEED}."
    assert error.fix.policy == {"allow_origins": [APP], "allow_credentials": True}
    assert "1006" in " ".join(error.notes)
    assert [exchange.response.status for exchange in page.network] == [403]
    assert str(error).startswith(
        f"GET {FEED} failed for a page on {APP}: the WebSocket handshake was answered with 403"
    )


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 426, 500])
def test_any_other_status_opens_nothing(status):
    page = Browser(Server(WireResponse(status, (("Location", "/"),)))).open(f"{APP}/")
    with pytest.raises(NetworkError) as caught:
        page.websocket(FEED)
    assert (caught.value.reason, caught.value.fix.policy) == ("handshake_refused", {})
    assert len(page.network) == 1


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("http://app.example.com/", "Better load the page over https"),
        ("data:text/html,", "load the page from a server"),
    ],
)
def test_no_policy_is_proposed_that_the_engine_refuses(page, words):
    with pytest.raises(NetworkError) as caught:
        Browser(Server(WireResponse(403))).open(page).websocket(FEED)
    assert caught.value.fix.policy == {}
    assert words in str(caught.value.fix)


@pytest.mark.parametrize(
    ("url", "answer", "reason"),
    [
        ("ws://api.example.com/feed", OPENS, "mixed_content"),
        ("wss://api.example.com:6000/feed", OPENS, "bad_port"),
        (FEED, Unreachable("nothing listens", net_error="CONNECTION_REFUSED"), "unreachable"),
        (FEED, Unreachable("no certificate", tls=True), "tls"),
    ],
)
def test_a_handshake_may_fail_before_an_answer(url, answer, reason):
    page = Browser(Server(answer)).open(f"{APP}/")
    with pytest.raises(NetworkError) as caught:
        page.websocket(url)
    assert (caught.value.reason, caught.value.failure.url) == (reason, url)
    assert url in page.console[-1]


def test_a_host_with_hsts_is_asked_by_wss():
    server = Server(WireResponse(200, (("Strict-Transport-Security", "max-age=9"),)))
    browser = Browser(server)
    page = browser.open("http://localhost:3000/")
    page.fetch("https://api.example.com/", mode="no-cors")
    server.answer = OPENS
    assert page.websocket("ws://api.example.com/feed").url == FEED


@pytest.mark.parametrize(
    "url", ["ftp://api.example.com/", "about:blank", f"{FEED}#x", f"{FEED}#", "https://[", "http://"]
)
def test_the_constructor_throws_at_these_arguments(url):
    with pytest.raises(ValueError, match="URL"):
        opened(url)


@pytest.mark.parametrize("protocols", [["a b"], ["a", "a"], [""]])
def test_these_are_not_valid_subprotocols(protocols):
    with pytest.raises(ValueError, match="protocols"):
        opened(protocols=protocols)


@pytest.mark.parametrize(("value", "headers", "protocols", "told"), INVALID_HANDSHAKES)
def test_a_wrong_answer_is_not_accepted(value, headers, protocols, told):
    def answer(request):
        given = dict(opening(request).headers)
        lines = ((name, given[name] if text is None else text) for name, text in headers)
        return WireResponse(101, tuple(lines))

    page = Browser(Server(answer)).open(f"{APP}/")
    with pytest.raises(NetworkError) as caught:
        page.websocket(FEED, protocols)
    error = caught.value
    assert (error.reason, error.failure.value) == ("handshake_invalid", value)
    assert error.chromium == f"WebSocket connection to '{FEED}' failed: Error during WebSocket handshake: {told}"
    assert error.firefox == f"Firefox can\u2019t establish a connection to the server at {FEED}."
    assert value in str(error.fix)


@pytest.mark.parametrize(
    ("changes", "protocols"),
    [
        ({"Connection": "keep-alive, upgrade", "Upgrade": "WebSocket"}, []),
        ({"Sec-WebSocket-Protocol": "b"}, ["a", "b"]),
        # The model has no extension, and browsers offer one.
        ({"Sec-WebSocket-Extensions": "permessage-deflate"}, []),
    ],
)
def test_a_right_answer_is_accepted(changes, protocols):
    def answer(request):
        return WireResponse(101, tuple({**dict(opening(request).headers), **changes}.items()))

    assert opened(answer=answer, protocols=protocols)[0].url == FEED


def answering(environ, start_response):
    """
    Accept the handshake as the example of RFC 6455, 1.3, does.
    """
    assert environ["HTTP_UPGRADE"] == "websocket"
    start_response("101 Switching Protocols", OF_THE_EXAMPLE)
    return []


KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
OF_THE_EXAMPLE = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", ACCEPT)]
GUARDED = CORSMiddleware(answering, Policy(allow_origins=[APP], allow_credentials=True))


@pytest.fixture
def key_of_the_example(monkeypatch):
    monkeypatch.setattr("secrets.token_bytes", lambda count: b"the sample nonce"[:count])


@pytest.mark.usefixtures("key_of_the_example")
def test_a_handshake_reaches_a_wsgi_application():
    browser = Browser(GUARDED)
    assert browser.open(f"{APP}/").websocket(FEED).url == FEED
    assert browser.open("https://api.example.com/").websocket("/feed").url == FEED
    with pytest.raises(NetworkError, match="403"):
        browser.open(f"{EVIL}/").websocket(FEED)


def test_an_application_that_raises_opens_nothing(caplog):
    def failing(environ, start_response):
        raise LookupError("nowhere")

    with pytest.raises(NetworkError, match="500"):
        Browser(failing).open(f"{APP}/").websocket(FEED)
    assert "nowhere" in caplog.text


@pytest.mark.usefixtures("key_of_the_example")
def test_an_application_may_answer_on_the_socket():
    def talking(environ, start_response):
        lines = [*OF_THE_EXAMPLE, ("Sec-WebSocket-Protocol", "chat")]
        head = "\r\n".join(["HTTP/1.1 101 ", *(f"{name}: {value}" for name, value in lines), "", ""])
        environ["werkzeug.socket"].sendall(head.encode() + b"\x81\x02hi")
        # Until the client disconnects.
        while environ["werkzeug.socket"].recv(100):
            pass
        return []

    assert Browser(talking).open(f"{APP}/").websocket(FEED, ["chat"]).protocol == "chat"


def test_a_handshake_reaches_flask_sock():
    import flask
    from flask_sock import Sock

    from corsguard_flask import CORSGuard

    app = flask.Flask("sock")
    heard = []

    @Sock(app).route("/feed")
    def feed(ws):
        heard.append(ws)
        ws.receive()

    CORSGuard(app, {"allow_origins": [APP], "allow_credentials": True})
    browser = Browser(app)
    assert browser.open(f"{APP}/").websocket(FEED).url == FEED
    with pytest.raises(NetworkError, match="403"):
        browser.open(f"{EVIL}/").websocket(FEED)
    assert len(heard) == 1


@pytest.mark.server
def test_a_handshake_reaches_a_live_server():
    from threading import Thread

    from websockets.sync.server import serve

    with (
        serve(lambda ws: None, "127.0.0.1", 0, origins=["http://localhost:3000", None]) as server,
        LiveTransport() as live,
    ):
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/"
        browser = Browser(live)
        assert browser.open("http://localhost:3000/").websocket(url).url == url
        with pytest.raises(NetworkError, match="403"):
            browser.open("http://localhost:4000/").websocket(url)
        server.shutdown()
        thread.join()


def of_asgi(app, page=f"{APP}/", **asks):
    return Browser(app).open(page).websocket(f"{FEED}/caf%C3%A9?room=1", **asks)


def answers(*messages):
    """
    Return an application that receives nothing and answers with *messages*.
    """

    async def app(scope, receive, send):
        assert await receive() == {"type": "websocket.connect"}
        for message in messages:
            await send(message)

    return app


def test_an_asgi_application_gets_a_scope_of_type_websocket():
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope, received=[await receive()])
        await send({"type": "websocket.accept", "subprotocol": "b", "headers": [(b"x-one", b"1")]})
        await send({"type": "websocket.send", "text": "hello"})
        seen["received"].append(await receive())
        await send({"type": "websocket.close"})

    browser = Browser(app)
    page = browser.open(f"{APP}/")
    assert page.websocket(f"{FEED}/caf%C3%A9?room=1", ["a", "b"]).protocol == "b"
    headers = dict(seen.pop("headers"))
    assert (headers[b"origin"], headers[b"upgrade"], headers[b"host"]) == (
        APP.encode(),
        b"websocket",
        b"api.example.com",
    )
    assert seen == {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": "wss",
        "path": "/feed/café",
        "raw_path": b"/feed/caf%C3%A9",
        "query_string": b"room=1",
        "root_path": "",
        "subprotocols": ["a", "b"],
        "client": ["127.0.0.1", 0],
        "server": ["api.example.com", 443],
        "extensions": {"websocket.http.response": {}},
        "received": [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006, "reason": ""}],
    }
    (exchange,) = page.network
    assert dict(exchange.response.headers)["x-one"] == "1"


ACCEPT_IT, CLOSE = {"type": "websocket.accept"}, {"type": "websocket.close", "code": 4403}
DENIAL = {"type": "websocket.http.response.start", "status": 418, "headers": [(b"x-why", b"tea")]}
DENIED = {"type": "websocket.http.response.body", "body": b"no"}
BEGUN = {**DENIED, "more_body": True}


@pytest.mark.parametrize(
    ("messages", "response"),
    [
        ([CLOSE], WireResponse(403)),
        ([DENIAL, DENIED], WireResponse(418, (("x-why", "tea"),), b"no")),
        ([DENIAL, BEGUN, DENIED], WireResponse(418, (("x-why", "tea"),), b"nono")),
    ],
)
def test_an_asgi_application_may_refuse(messages, response, caplog):
    page = Browser(answers(*messages)).open(f"{APP}/")
    with pytest.raises(NetworkError, match=f"answered with {response.status}"):
        page.websocket(FEED)
    assert (page.network[0].response, caplog.records) == (response, [])


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [DENIED],
        [{"type": "websocket.send", "text": "early"}],
        [{"type": "http.response.start", "status": 200}],
        [{**ACCEPT_IT, "headers": [(b"x", b"a\nb")]}],
    ],
)
def test_a_message_in_the_wrong_order_is_a_bare_500(messages, caplog):
    page = Browser(answers(*messages)).open(f"{APP}/")
    with pytest.raises(NetworkError, match="answered with 500"):
        page.websocket(FEED)
    (record,) = caplog.records
    assert (record.levelno, page.network[0].response) == (logging.ERROR, WireResponse(500))
    assert "has none of the application's headers" in record.getMessage()


@pytest.mark.parametrize("messages", [[ACCEPT_IT, DENIAL], [ACCEPT_IT, ACCEPT_IT]])
def test_an_error_after_the_connection_is_open_closes_nothing(messages, caplog):
    assert of_asgi(answers(*messages)).protocol == ""
    assert "cuts the response off" in caplog.text


def test_a_refused_handshake_is_over(caplog):
    page = Browser(answers(CLOSE, {"type": "websocket.send", "text": "late"})).open(f"{APP}/")
    with pytest.raises(NetworkError, match="answered with 403"):
        page.websocket(FEED)
    assert "sent 'websocket.send' at the wrong time" in caplog.text


def test_an_application_that_never_ends_is_abandoned(monkeypatch):
    monkeypatch.setattr("corsguard.browser.calling_asgi.LONGEST_FAREWELL", 0.01)
    ended = []

    async def app(scope, receive, send):
        await send(ACCEPT_IT)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    assert of_asgi(app).protocol == ""
    assert ended == [True]


def test_the_guard_refuses_before_the_application_runs():
    ran = []

    async def app(scope, receive, send):
        ran.append(scope["type"])
        await send(ACCEPT_IT)

    guarded = asgi.CORSMiddleware(app, Policy(allow_origins=[APP], allow_credentials=True))
    of_asgi(guarded)
    with pytest.raises(NetworkError) as caught:
        of_asgi(guarded, f"{EVIL}/")
    assert ran == ["websocket"]
    assert caught.value.exchanges[0].response.body == b"CORS: this origin may not open a WebSocket here.\n"


def test_a_handshake_reaches_starlette():
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute

    async def feed(websocket):
        await websocket.accept(subprotocol="chat")
        async for text in websocket.iter_text():
            raise AssertionError(text)

    app = Starlette(routes=[WebSocketRoute("/feed", feed)])
    page = Browser(app).open(f"{EVIL}/")
    assert page.websocket(FEED, ["chat"]).protocol == "chat"
    with pytest.raises(NetworkError, match="403"):
        page.websocket(f"{FEED}/elsewhere")
