"""
An HTTP/1.1 server on loopback, with threads, which sends the answers of a WSGI application unchanged.

It refuses every host name that is not one of this machine, against DNS rebinding.
"""

import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Thread
from typing import Any, Final, Self, cast
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

from corsguard.browser.wire import Header
from corsguard.origin import is_loopback

_LONGEST_BODY: Final = 1_000_000
_PORT_OF_HTTP: Final = 80
_SECONDS_IDLE: Final = 60
# RFC 6455, 5.5.1: the server's Close frame.
_CLOSE: Final = b"\x88\x00"
_WITHOUT_BODY: Final = frozenset({101, 204, 304})
_WRONG_HOST: Final = b"This server answers to names of this machine only: localhost, *.localhost, 127.0.0.1.\n"


class LoopbackServer(ThreadingHTTPServer):
    """
    A server for *application* on 127.0.0.1. `start` runs it in its own thread; *port* 0 is any free one. The end of the
    `with` block frees the port. Raises OSError if the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"
    request_queue_size = 128

    def __init__(self, port: int, application: WSGIApplication) -> None:
        super().__init__(("127.0.0.1", port), _Channel)
        self.application = application
        self._is_started = False

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def start(self) -> Self:
        """
        Start to answer requests.
        """
        self._is_started = True
        Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        # `shutdown` waits for the loop, which may never have been started.
        if self._is_started:
            self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - socketserver's signature
        # A browser may disconnect at any time.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Channel(BaseHTTPRequestHandler):
    """
    One connection of a browser.
    """

    protocol_version = "HTTP/1.1"
    timeout = _SECONDS_IDLE
    disable_nagle_algorithm = True

    def __getattr__(self, name: str) -> Callable[[], None]:
        # BaseHTTPRequestHandler calls `do_` and the HTTP method, and a page may send any method.
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    @property
    def _serving(self) -> LoopbackServer:
        return cast("LoopbackServer", self.server)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is Python's
        """
        Write nothing: a line for each request would hide the address.
        """

    def _answer(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal() or int(length) > _LONGEST_BODY:
            self._send("413 Content Too Large", [], b"This body is too long here.\n")
            self.close_connection = True
            return
        body = self.rfile.read(int(length))
        if not _is_of_this_machine(self.headers.get_all("Host", []), self._serving.port):
            self._send("421 Misdirected Request", [("Content-Type", "text/plain")], _WRONG_HOST)
            return
        said: list[tuple[str, list[Header]]] = []

        def start_response(status: str, headers: list[Header], exc_info: object = None, /) -> Callable[[bytes], object]:
            del exc_info
            said.append((status, headers))
            return lambda _: None

        answer = self._serving.application(self._environ(body), start_response)
        content = b"".join(answer)
        self._send(*said[-1], content)

    def _send(self, status: str, headers: Iterable[Header], body: bytes) -> None:
        code = int(status[:3])
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        has_length = any(line.lower().startswith("content-length:") for line in lines)
        if code not in _WITHOUT_BODY and not has_length:
            lines.append(f"Content-Length: {len(body)}")
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if code not in _WITHOUT_BODY and self.command != "HEAD":
            self.wfile.write(body)
        if code == 101:
            self._leave_socket()

    def _leave_socket(self) -> None:
        """
        Wait until the page closes the WebSocket, and close it, too. Messages of the page are ignored.
        """
        self.close_connection = True
        with suppress(OSError):
            self.connection.recv(4096)
            self.wfile.write(_CLOSE)
            self.connection.shutdown(socket.SHUT_WR)

    def _environ(self, body: bytes) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": str(self._serving.port),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        # The header lines as the browser sent them, for the diagrams.
        environ["corsguard.lines"] = tuple(self.headers.items())
        return environ


def _is_of_this_machine(hosts: list[str], port: int) -> bool:
    """
    Whether there is exactly one `Host`, with a name of this machine and *port*, which is optional if it is the default
    of http.
    """
    host = hosts[0].lower() if len(hosts) == 1 else ""
    suffix = f":{port}"
    return is_loopback(host.removesuffix(suffix)) and (host.endswith(suffix) or port == _PORT_OF_HTTP)
