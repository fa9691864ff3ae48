"""
Real browsers, each behind a proxy that is a function of ours.

All requests of such a browser, to every origin, reach that function. No name is looked up, and nothing leaves the
machine.
"""

import json
import os
import shutil
import signal
import socket
import socketserver
import ssl
import subprocess
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from corsguard.browser.wire import Unreachable, WireRequest

from .serving import lines_until, missing

_PATIENCE = 30
# The first byte of a connection with TLS (RFC 8446, 5.1).
_TLS_HANDSHAKE = b"\x16"

CHROMIUM_ARGUMENTS = """
    --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync
""".split()

# System access is for the console of the browser itself, see _LISTEN.
FIREFOX_ARGUMENTS = "--headless --no-remote --remote-debugging-port=0 --remote-allow-system-access".split()

# Firefox sends many requests on its own. The proxy would refuse them, but then Firefox repeats them.
FIREFOX_PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.cache.disk.enable": False,
    "browser.newtabpage.enabled": False,
    "browser.region.update.enabled": False,
    "browser.safebrowsing.blockedURIs.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.search.update": False,
    "browser.startup.homepage": "about:blank",
    "browser.startup.page": 0,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.push.connection.enabled": False,
    "dom.security.https_first": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.systemAddon.update.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.http.request.max-attempts": 1,
    "network.http.speculative-parallel-limit": 0,
    "network.prefetch-next": False,
    # Requests to names below localhost reach the proxy too.
    "network.proxy.allow_hijacking_localhost": True,
    "network.proxy.failover_direct": False,
    "network.proxy.type": 1,
    "network.trr.mode": 5,
    "services.settings.server": "data:,",
    "toolkit.telemetry.enabled": False,
}


class _Connection(socketserver.BaseRequestHandler):
    """
    One connection of a browser. It has TLS inside if the browser opens a tunnel and then uses TLS. For `ws:` it has
    none.

    The answer has no Content-Length, because a script could read it. Such a body ends with the connection (RFC 9112,
    6.3). A redirect has a Content-Length, because no script reads it: Firefox sometimes gives up a fetch if the
    connection ends while it follows the redirect. Other connections stay open until the browser closes them, because
    Firefox also gives up a fetch on a connection that is about to end.
    """

    def handle(self):
        tunnel = ""
        # A browser may disconnect at any time.
        with suppress(OSError, Unreachable):
            while head := self._head():
                method, target, headers, body = head
                if method == "CONNECT":
                    self.request.sendall(b"HTTP/1.1 200 \r\n\r\n")
                    if self.request.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE:
                        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
                        tunnel = "https://" + target.removesuffix(":443")
                    else:
                        tunnel = "http://" + target.removesuffix(":80")
                elif self._answer(method, tunnel + target, headers, body):
                    break
            if isinstance(self.request, ssl.SSLSocket):
                self.request.unwrap()

    def finish(self):
        self.request.close()

    def _head(self):
        """
        Return method, target, header lines and the first bytes of the body, or None if no request comes any more.
        """
        read = b""
        while b"\r\n\r\n" not in read:
            more = self.request.recv(65536)
            if not more:
                return None
            read += more
        head, _, rest = read.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        pairs = [line.partition(":") for line in lines]
        return method, target, [(name, value.strip(" \t")) for name, _, value in pairs], rest

    def _answer(self, method, url, headers, body):
        """
        Send the answer, and return whether the connection has to end with it.
        """
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        while len(body) < length:
            body += self.request.recv(65536)
        response = self.server.transport(WireRequest(method, url, tuple(headers), body))
        names = {name.lower() for name, _ in response.headers}
        is_redirect = response.status in {301, 302, 303, 307, 308} and "location" in names
        lines = [f"HTTP/1.1 {response.status} ", *(f"{name}: {value}" for name, value in response.headers)]
        has_length = method == "HEAD" or response.status in {204, 304} or "content-length" in names
        if is_redirect and not has_length:
            lines.append(f"Content-Length: {len(response.body)}")
        self.request.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + response.body)
        if response.status == 101:
            # No test reads the data of a WebSocket, but its connection lasts until the browser ends it.
            while self.request.recv(65536):
                pass
            return True
        return not (has_length or is_redirect)


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, transport, tls):
        super().__init__(("127.0.0.1", 0), _Connection)
        self.transport = transport
        self.tls = tls

    def handle_error(self, request, client_address):
        self.shutdown_request(request)
        super().handle_error(request, client_address)


@contextmanager
def proxied(transport):
    """
    Answer all requests over HTTP and TLS with *transport*. Yield the port.
    """
    import trustme

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # The browsers have an option that accepts any certificate.
    trustme.CA().issue_cert("any.test").configure_cert(tls)
    with _Proxy(transport, tls) as proxy:
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield proxy.server_address[1]
        finally:
            proxy.shutdown()


class Chromium:
    """
    A tab of Chromium, driven by Playwright.
    """

    def __init__(self, page):
        self.console = []
        self._page = page
        page.on("console", self._hear)

    def _hear(self, message):
        # Some lines have their URL next to them and not in them.
        url = message.location["url"]
        self.console.append(message.text if url in message.text else f"{message.text} {url}")

    def go_on_in_a_new_tab(self):
        """
        Leave this tab to its work, such as a navigation, and continue in a new one of the same user.
        """
        self._page = self._page.context.new_page()
        self._page.on("console", self._hear)

    def visit(self, url):
        """
        Load the document at *url*.
        """
        self._page.goto(url)

    def call(self, function, argument=None):
        """
        Call the JavaScript *function* in the document. Return its result, or that of its promise, as JSON.
        """
        return self._page.evaluate(function, argument)

    def wait_for_console(self, text):
        """
        Wait until the console has a line with *text*. Lines come later than results.
        """
        while not any(text in line for line in self.console):
            self._page.wait_for_event("console", timeout=1000 * _PATIENCE)


def installed(name):
    """
    Return the path of the browser that Debian's package *name* installs, or skip the test.
    """
    return shutil.which(name) or missing(f"{name} is not installed (Debian: apt-get install {name})")


@contextmanager
def playwright_chromium():
    """
    Yield Playwright's launcher of Chromium.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed")
    with sync_playwright() as playwright:
        yield playwright.chromium


@contextmanager
def chromium(port=None):
    """
    Yield a Chromium whose proxy listens on *port*, or one without a proxy.
    """
    executable = installed("chromium")
    with playwright_chromium() as launcher, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # Debian's package blocks third-party cookies. Chromium from other sources sends them.
        preferences = Path(profile) / "Default" / "Preferences"
        preferences.parent.mkdir()
        preferences.write_text(json.dumps({"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}))
        context = launcher.launch_persistent_context(
            profile,
            executable_path=executable,
            args=CHROMIUM_ARGUMENTS,
            ignore_https_errors=True,
            proxy=None if port is None else {"server": f"http://127.0.0.1:{port}"},
        )
        yield Chromium(context.pages[0])
        context.close()


# Firefox's own console has the lines about CORS. The events of the protocol only have what scripts write.
_LISTEN = """
    () => {
        globalThis.lines = [];
        globalThis.heard = () => {};
        Services.console.registerListener({
            observe(message) {
                lines.push(message instanceof Ci.nsIScriptError ? message.errorMessage : message.message);
                heard();
            },
        });
    }
"""


class Firefox:
    """
    A tab of Firefox, driven by WebDriver BiDi.
    """

    def __init__(self, connection):
        self.console = []
        self._connection = connection
        self._number = 0
        self._command("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
        self._window = self._first_context(**{"moz:scope": "chrome"})
        self._tab = self._first_context()
        self._call(self._window, _LISTEN, None)

    def _first_context(self, **scope):
        return self._command("browsingContext.getTree", **scope)["contexts"][0]["context"]

    def _command(self, method, **parameters):
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=4 * _PATIENCE))
            if message.get("id") == self._number:
                assert message["type"] == "success", message
                return message["result"]

    def _call(self, context, function, argument):
        # Strings arrive unchanged. Other values would have to be converted, because the protocol has types of its own.
        answer = self._command(
            "script.callFunction",
            functionDeclaration=f"async (text) => JSON.stringify(await ({function})(JSON.parse(text))) ?? 'null'",
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer["exceptionDetails"]
        return json.loads(answer["result"]["value"])

    def go_on_in_a_new_tab(self):
        """
        Leave this tab to its work, such as a navigation, and continue in a new one of the same user.
        """
        self._tab = self._command("browsingContext.create", type="tab")["context"]

    def visit(self, url):
        """
        Load the document at *url*.
        """
        self._command("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def call(self, function, argument=None):
        """
        Call the JavaScript *function* in the document. Return its result, or that of its promise, as JSON.
        """
        return self._call(self._tab, function, argument)

    def wait_for_console(self, text):
        """
        Wait until the console has a line with *text*. Lines come later than results.
        """
        function = """
            async ([text, known]) => {
                while (!lines.slice(known).some((line) => line.includes(text))) {
                    await new Promise((resolve) => { globalThis.heard = resolve; });
                }
                return lines.slice(known);
            }
        """
        if not any(text in line for line in self.console):
            self.console += self._call(self._window, function, [text, len(self.console)])


@contextmanager
def firefox(port=None, language=""):
    """
    Yield a Firefox whose proxy listens on *port*, or one without a proxy. Its *language* is one of Debian's packages,
    if given.
    """
    executable = installed("firefox-esr")
    try:
        from websockets.sync.client import connect
    except ImportError:
        missing("websockets is not installed")
    preferences = FIREFOX_PREFERENCES | ({"intl.locale.requested": language} if language else {})
    for scheme in ("http", "ssl"):
        preferences |= {f"network.proxy.{scheme}": "127.0.0.1", f"network.proxy.{scheme}_port": port or 0}
    if port is None:
        preferences |= {"network.proxy.type": 0}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, ExitStack() as stack:
        (Path(profile) / "user.js").write_text("".join(lines))
        if language:
            # A language is used from the second start of a profile on.
            picture = ["--headless", "--screenshot", f"{profile}/first.png", "about:blank"]
            subprocess.run([executable, *picture, "--profile", profile], capture_output=True, check=True)
        process = stack.enter_context(
            subprocess.Popen(
                [executable, *FIREFOX_ARGUMENTS, "--profile", profile],
                env={**os.environ, "HOME": profile},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        # This includes all processes that it started.
        stack.callback(os.killpg, process.pid, signal.SIGKILL)
        watchdog = threading.Timer(8 * _PATIENCE, process.kill)
        watchdog.start()
        stack.callback(watchdog.cancel)
        address = lines_until("WebDriver BiDi listening on", process)[-1].split()[-1]
        # Nothing else reads the output of Firefox, and a full pipe would block it.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield Firefox(stack.enter_context(connect(f"{address}/session", max_size=None, proxy=None)))
