"""
WebSocket handshakes of the model: what a page sends, what it sees, and what to change.
"""

import pytest
from kit.cases import APP, EVIL

from corsguard import CORSMiddleware, Policy
from corsguard.browser import Browser, LiveTransport, NetworkError, Reason, Unreachable, WireResponse

FEED = "wss://api.example.com/feed"


class Server:
    def __init__(self, answer):
        self.answer = answer
        self.came = []

    def __call__(self, request):
        self.came.append(request)
        if isinstance(self.answer, Unreachable):
            raise self.answer
        return self.answer


OPENS = WireResponse(101, (("Upgrade", "websocket"), ("Sec-WebSocket-Protocol", "chat")))


def opened(url=FEED, page=f"{APP}/", answer=OPENS, **asks):
    server = Server(answer)
    socket = Browser(server).open(page).websocket(url, **asks)
    (request,) = server.came
    return socket, request, {name.lower(): value for name, value in request.headers}


def test_what_a_page_sends():
    socket, request, headers = opened(protocols=["chat", "other"])
    assert (request.method, request.url, request.body) == ("GET", "https://api.example.com/feed", b"")
    assert len(headers.pop("sec-websocket-key")) == 24
    assert headers == {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-protocol": "chat, other",
        "accept": "*/*",
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


def test_cookies_go_along_as_with_credentials():
    server = Server(WireResponse(403, (("Set-Cookie", "late=1; SameSite=None; Secure"),)))
    browser = Browser(server)
    for name, attributes in {"none": "; SameSite=None; Secure", "lax": "", "strict": "; SameSite=Strict"}.items():
        browser.cookies.set("https://api.example.com/", f"{name}=1{attributes}")
    for page, cookies in {f"{APP}/": "none=1; lax=1; strict=1", f"{EVIL}/": "none=1; late=1"}.items():
        with pytest.raises(NetworkError):
            browser.open(page).websocket(FEED)
        assert dict(server.came[-1].headers)["Cookie"] == cookies


def test_what_is_refused_is_told_with_what_to_change():
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


@pytest.mark.parametrize("page", ["http://app.example.com/", "data:text/html,"])
def test_no_policy_is_proposed_that_would_be_refused(page):
    with pytest.raises(NetworkError) as caught:
        Browser(Server(WireResponse(403))).open(page).websocket(FEED)
    assert caught.value.fix.policy == {}
    assert "https" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("url", "answer", "reason"),
    [
        ("ws://api.example.com/feed", OPENS, "mixed_content"),
        ("wss://api.example.com:6000/feed", OPENS, "bad_port"),
        (FEED, Unreachable("nothing listens", net_error="CONNECTION_REFUSED"), "unreachable"),
        (FEED, Unreachable("no certificate", tls=True), "tls"),
    ],
)
def test_what_fails_before_an_answer(url, answer, reason):
    page = Browser(Server(answer)).open(f"{APP}/")
    with pytest.raises(NetworkError) as caught:
        page.websocket(url)
    assert (caught.value.reason, caught.value.failure.url) == (reason, url)
    assert url in page.console[-1]


def test_a_host_that_wants_https_gets_wss():
    server = Server(WireResponse(200, (("Strict-Transport-Security", "max-age=9"),)))
    browser = Browser(server)
    page = browser.open("http://localhost:3000/")
    page.fetch("https://api.example.com/", mode="no-cors")
    server.answer = OPENS
    assert page.websocket("ws://api.example.com/feed").url == FEED


@pytest.mark.parametrize(
    "url", ["ftp://api.example.com/", "about:blank", f"{FEED}#x", f"{FEED}#", "https://[", "http://"]
)
def test_what_the_constructor_throws_at(url):
    with pytest.raises(ValueError, match="URL"):
        opened(url)


@pytest.mark.parametrize("protocols", [["a b"], ["a", "a"], [""]])
def test_what_is_not_a_protocol(protocols):
    with pytest.raises(ValueError, match="protocols"):
        opened(protocols=protocols)


# Applications.


def answering(environ, start_response):
    status = "101 Switching Protocols" if environ.get("HTTP_UPGRADE") == "websocket" else "400 Bad Request"
    start_response(status, [("Upgrade", "websocket")])
    return []


GUARDED = CORSMiddleware(answering, Policy(allow_origins=[APP], allow_credentials=True))


def test_a_wsgi_application_is_asked():
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


def test_an_application_may_answer_on_the_socket():
    def talking(environ, start_response):
        environ["werkzeug.socket"].sendall(b"HTTP/1.1 101 \r\nSec-WebSocket-Protocol: chat\r\n\r\n\x81\x02hi")
        # Until the client leaves.
        while environ["werkzeug.socket"].recv(100):
            pass
        return []

    assert Browser(talking).open(f"{APP}/").websocket(FEED).protocol == "chat"


def test_flask_sock_is_asked():
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
def test_a_live_server_is_asked():
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
