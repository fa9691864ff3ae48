"""
Real servers that serve WebSockets through WSGI: a foreign origin is refused on the wire, and the view never runs. Real
browsers see there what the model says.
"""

import socket
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from kit import engines
from kit.failures import INVALID_HANDSHAKES
from kit.serving import PAGE_ORIGIN, Server, needed, running

from corsguard.browser import Browser, LiveTransport, NetworkError, WireResponse
from corsguard.browser.handshakes import opening

pytestmark = pytest.mark.server

KIT = Path(__file__).parents[1] / "kit"
STRANGER = "https://evil.example"
KEY = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="
BODY = b"CORS: this origin may not open a WebSocket here.\n"


@contextmanager
def serving(name, **environment):
    """
    Serve the application with the server *name*, and yield the Server.
    """
    if name.startswith("gevent"):
        needed("gevent")
    if name == "gevent-websocket":
        needed("geventwebsocket")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        port, fd = listening.getsockname()[1], str(listening.fileno())
        # gevent has to patch before anything else is imported.
        patched = ["-m", "gevent.monkey"] if name == "gevent" else []
        command = [sys.executable, *patched, str(KIT / "websocket_app.py"), name, fd]
        if name == "gunicorn":
            command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{fd}", "--threads=4", "--chdir", str(KIT)]
            command.append("websocket_app:app")
        with running(*command, **environment) as process:
            listening.close()
            yield Server(port, process)


def shaken(server, path, *lines):
    """
    Send a handshake with the header *lines*. Return the status, the header lines and the bytes that follow at once.
    """
    head = [f"GET {path} HTTP/1.1", f"Host: localhost:{server.port}", "Connection: Upgrade", "Upgrade: websocket"]
    raw = "\r\n".join([*head, "Sec-WebSocket-Version: 13", KEY, *lines, "", ""]).encode()
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(raw)
        came = b""
        while b"\r\n\r\n" not in came or not (came.endswith((b"hello", BODY)) or came.startswith(b"HTTP/1.1 400")):
            more = connection.recv(65536)
            if not more:
                break
            came += more
    head, _, body = came.partition(b"\r\n\r\n")
    return int(head.split()[1]), [line.lower() for line in head.decode().split("\r\n")[1:]], body


@pytest.fixture(scope="module", params=["gunicorn", "werkzeug", "gevent"])
def server(request):
    with serving(request.param) as server:
        yield server


@pytest.mark.parametrize(
    "lines",
    {
        "foreign": [f"Origin: {STRANGER}"],
        "null": ["Origin: null"],
        "an empty Origin": ["Origin:"],
        "two Origins": [f"Origin: {PAGE_ORIGIN}", f"Origin: {PAGE_ORIGIN}"],
        "a stripped Origin": ["Sec-Fetch-Site: cross-site"],
    }.items(),
    ids=lambda row: row[0],
)
def test_a_foreign_origin_is_refused(server, lines):
    status, headers, body = shaken(server, "/feed", *lines[1])
    assert (status, body) == (403, BODY)
    assert "content-type: text/plain" in headers
    assert not any(line.startswith(("access-control-", "vary")) for line in headers)


@pytest.mark.parametrize("who", ["listed", "own", "not a browser"])
def test_an_allowed_origin_connects(server, who):
    lines = {
        "listed": [f"Origin: {PAGE_ORIGIN}"],
        "own": [f"Origin: http://localhost:{server.port}"],
        "not a browser": [],
    }
    status, _, body = shaken(server, "/feed", *lines[who])
    assert (status, body[-5:]) == (101, b"hello")


def test_the_tag_of_a_websocket_route_decides(server):
    assert shaken(server, "/closed", f"Origin: {PAGE_ORIGIN}")[0] == 403
    assert shaken(server, "/closed", f"Origin: http://localhost:{server.port}")[0] == 101


def test_an_origin_without_credentials_is_refused(server):
    assert shaken(server, "/readers", f"Origin: {PAGE_ORIGIN}")[0] == 403


def test_the_model_sees_the_same_result(server):
    url = f"ws://localhost:{server.port}/feed"
    with LiveTransport() as live:
        browser = Browser(live)
        for page in (PAGE_ORIGIN, f"http://localhost:{server.port}"):
            assert browser.open(f"{page}/").websocket(url).url == url
        with pytest.raises(NetworkError, match="answered with 403"):
            browser.open("http://localhost:1/").websocket(url)


def test_gevent_websocket_answers_101_before_the_guard_refuses():
    """
    The view never runs.
    """
    with serving("gevent-websocket") as server:
        # The server has answered 101 by itself. Then the connection ends.
        status, _, body = shaken(server, "/opened", f"Origin: {STRANGER}")
        assert (status, b"hello" in body) == (101, False)
        status, _, body = shaken(server, "/opened", f"Origin: {PAGE_ORIGIN}")
        assert (status, b"hello" in body) == (101, True)
        assert sum("the view ran" in line for line in server.lines_until("the view ran")) == 1


OPEN = """
([url, protocols]) => new Promise((resolve) => {
    const socket = new WebSocket(url, protocols);
    socket.onopen = () => { resolve(["open"]); socket.close(); };
    const seen = [];
    socket.onerror = () => seen.push("error");
    socket.onclose = ({ code }) => resolve([...seen, code]);
})
"""
SITE, API = "https://app.site.test", "https://api.site.test"
FEED = "wss://api.site.test/feed"
# Firefox opens these against the standard: it reads the first Upgrade, and a subprotocol only if both sides name one.
FIREFOX_OPENS = ("'Upgrade' header must not appear", "Response must not include", "Sent non-empty")
COOKIES = {"none": "; SameSite=None", "lax": "", "strict": "; SameSite=Strict"}


class TLSProxy:
    """
    Serves a page at every origin, and forwards handshakes to the server, which has no TLS.
    """

    def __init__(self, live, port):
        self.live = live
        self.port = port
        self.came = []

    def __call__(self, request):
        if not any(name.lower() == "upgrade" for name, _ in request.headers):
            headers = [("Set-Cookie", f"{name}=1; Secure{site}") for name, site in COOKIES.items()]
            page = b"<!doctype html><link rel=icon href='data:,'><body>"
            return WireResponse(200, (("Content-Type", "text/html"), *headers), page)
        number = urlsplit(request.url).netloc.partition(".")[0]
        if number.isdecimal():
            _, lines, *_ = INVALID_HANDSHAKES[int(number)]
            right = dict(opening(request).headers)
            return WireResponse(101, tuple((name, right[name] if text is None else text) for name, text in lines))
        self.came.append({name.lower(): value for name, value in request.headers})
        headers = request.headers
        if not any(name.lower() == "host" for name, _ in headers):
            headers = (("Host", urlsplit(request.url).netloc), *headers)
        url = request.url.replace(API, f"http://127.0.0.1:{self.port}")
        return self.live(replace(request, url=url, headers=headers))


def cookies_of(headers):
    return sorted(pair.partition("=")[0] for pair in headers.get("cookie", "").split("; ") if pair)


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_real_browsers_see_what_the_model_says(engine):
    with ExitStack() as stack:
        server = stack.enter_context(serving("gunicorn", PAGE_ORIGIN=SITE))
        proxy = TLSProxy(stack.enter_context(LiveTransport()), server.port)
        model = Browser(proxy)
        for name, site in COOKIES.items():
            model.cookies.set(f"{API}/", f"{name}=1; Secure{site}")
        tab = stack.enter_context(getattr(engines, engine)(stack.enter_context(engines.proxied(proxy))))
        tab.visit(f"{API}/")
        for page, opens in {
            SITE: True,
            API: True,
            "https://other.site.test": False,
            "https://evil.test": False,
        }.items():
            tab.visit(f"{page}/")
            proxy.came.clear()
            seen = tab.call(OPEN, [FEED, []])
            assert seen == (["open"] if opens else ["error", 1006]), page
            try:
                model.open(f"{page}/").websocket(FEED)
            except NetworkError as error:
                assert not opens
                tab.wait_for_console(getattr(error, engine))
            else:
                assert opens
            real, modelled = proxy.came
            assert real["origin"] == modelled["origin"] == page
            if engine == "firefox":
                assert real["sec-fetch-site"] == modelled["sec-fetch-site"]
                assert real["sec-fetch-mode"] == modelled["sec-fetch-mode"] == "websocket"
            else:
                # The standard demands it, and Chromium does not send it.
                assert "sec-fetch-site" not in real
            # Firefox partitions the cookies that a site gets within a page of another site.
            if engine == "chromium" or ".site.test" in page:
                assert cookies_of(real) == cookies_of(modelled), page
        tab.visit("http://app.site.test/")
        # Some of each kind. The more handshakes have failed, the longer Chromium waits before the next one.
        for number in range(0, len(INVALID_HANDSHAKES), 4):
            *_, protocols, told = INVALID_HANDSHAKES[number]
            # A host of its own, because Firefox waits before it tries a failed host again.
            url = f"ws://{number}.site.test/"
            with pytest.raises(NetworkError) as caught:
                model.open("http://app.site.test/").websocket(url, protocols)
            if engine == "firefox" and told.startswith(FIREFOX_OPENS):
                assert tab.call(OPEN, [url, protocols]) == ["open"], told
            else:
                assert tab.call(OPEN, [url, protocols]) == ["error", 1006], told
                tab.wait_for_console(getattr(caught.value, engine))
