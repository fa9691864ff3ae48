"""
Calls a WSGI application as a server does (PEP 3333).
"""

import io
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

from ada_url import URL

from corsguard.quoting import quoted

from .collecting import CLIENT, LONGEST_FAREWELL, Collected, apart, lines_of, port_of
from .wire import Header, Unreachable, WireRequest

if TYPE_CHECKING:
    from _typeshed import OptExcInfo


def run_wsgi(app: WSGIApplication, answer: Collected) -> None:
    """
    Have *app* answer (PEP 3333).

    A WebSocket is opened on the socket of the connection. *app* gets the socket in the way of Werkzeug's server.
    """
    if not any(name.lower() == "upgrade" for name, _ in answer.request.headers):
        _call_wsgi(app, answer)
        return
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs:
            _call_wsgi(app, answer, theirs)

    # It runs in its own thread, because code that serves a WebSocket runs until the client disconnects.
    thread = threading.Thread(target=copy_context().run, args=(serve,), daemon=True)
    thread.start()
    with ours:
        head = b""
        ours.settimeout(answer.patience.head)
        try:
            while b"\r\n\r\n" not in head and (more := ours.recv(65536)):
                head += more
        except TimeoutError:
            answer.is_left = True
            raise answer.unanswered() from None
    # The client has disconnected, so most applications end at once; the others get a while.
    thread.join(LONGEST_FAREWELL if head else None)
    first, *lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    if first:
        pairs = (line.partition(":") for line in lines)
        answer.start(int(first.split(" ")[1]), ((name, value.strip()) for name, _, value in pairs))
        answer.body = io.BytesIO()


class _Call:
    """
    One call of an application, which receives the methods `start_response` and `write`.
    """

    def __init__(self, answer: Collected) -> None:
        self._answer = answer
        # An application that calls start_response later is a generator, which may never reach its first chunk.
        self._is_returned = False

    def start_response(
        self, status: str, headers: list[Header], exc_info: "OptExcInfo | None" = None, /
    ) -> Callable[[bytes], object]:
        answer = self._answer
        if not isinstance(cast("object", status), str) or not status[:3].isdecimal():
            raise TypeError(f'the status has to be a text such as "200 OK", and it is {quoted(status)}')
        if exc_info is not None and exc_info[1] is not None and answer.is_sent:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and answer.status:
            raise RuntimeError("start_response was called a second time, without exc_info.")
        answer.start(int(status[:3]), headers)
        if self._is_returned:
            answer.begin()
        return self.write

    def write(self, data: bytes) -> None:
        answer = self._answer
        if not answer.status:
            raise RuntimeError("The body began before start_response was called.")
        answer.add(data)
        # Servers send the head only together with the first bytes of the body.
        answer.is_sent = answer.is_sent or bool(data)
        if data:
            answer.begin()

    def read(self, body: Iterable[bytes]) -> None:
        """
        Read the *body* that the application has returned, as long as somebody waits for it.
        """
        if cast("object", body) is None:
            raise TypeError(
                "the application returned None, and the body has to be a list of bytes, or another iterable"
            )
        self._is_returned = True
        self._answer.begin()
        if self._answer.patience.apart or _has_an_end(body, self._answer):
            self._pour(body)
        else:
            apart(partial(self._pour, body), self._answer)

    def _pour(self, body: Iterable[bytes]) -> None:
        for chunk in body:
            self.write(chunk)
            if not self._answer.seconds_left:
                break
        self.write(b"")
        self._answer.is_sent = True


def _call_wsgi(app: WSGIApplication, answer: Collected, connection: socket.socket | None = None) -> None:
    call = _Call(answer)
    try:
        own = {} if connection is None else {"werkzeug.socket": connection}
        body = app({**_environ(answer.request), **own}, call.start_response)
        try:
            call.read(body)
        finally:
            close = getattr(body, "close", None)
            # A body that another thread still reads cannot be closed here.
            if close is not None and (answer.patience.apart or not answer.is_left):
                close()
    except Unreachable:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - no server lets one pass
        answer.fail(error)


def _has_an_end(body: Iterable[bytes], answer: Collected) -> bool:
    """
    Whether *body* certainly ends. Otherwise it is read in its own thread, because it may block.
    """
    return hasattr(body, "__len__") or any(name.lower() == "content-length" for name, _ in answer.headers)


def _environ(request: WireRequest) -> WSGIEnvironment:
    url = URL(request.url)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.pathname).decode("latin-1"),
        "QUERY_STRING": url.search.removeprefix("?"),
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(port_of(url)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": CLIENT,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.protocol.removesuffix(":"),
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in lines_of(request, url):
        # A name with `_` could be confused with another one; servers drop it.
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        separator = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
    return environ
