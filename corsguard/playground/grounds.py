"""
The servers of a playground, all on loopback: the desk, pages of many origins, and the guarded server.
"""

import html
from collections.abc import Iterable
from contextlib import ExitStack
from importlib.resources import files
from typing import Final, Self
from wsgiref.types import StartResponse, WSGIEnvironment

from corsguard.browser.urls import Url
from corsguard.browser.wire import Header
from corsguard.diagnosis.playing import Fetch
from corsguard.origin import NULL

from .applications import Applications
from .forms import is_local
from .resources import OTHER_HOST
from .running import Runs
from .serving import LoopbackServer

FRAME: Final = "/frame"
# One site with all its ports, so that tracking protection does not block its cookies.
_HOST: Final = "localhost"
_HOSTS: Final = frozenset({_HOST, "127.0.0.1"})
# The maximum number of further ports for pages that name them.
_MOST_PORTS: Final = 16


class NotHere(Exception):
    """
    This machine cannot serve a page; the text says why.
    """


class Grounds:
    """
    The servers for pages and requests, on *port* and the next one; 0 is any free one.

    *desk* is the origin of the only page that may start requests, to the guarded server and to *applications*. Raises
    OSError if a port is taken.
    """

    def __init__(self, port: int, desk: str, applications: Applications | None = None) -> None:
        self._desk = desk
        self._applications = applications
        self.runs = Runs()
        with ExitStack() as stack:
            self._pages = stack.enter_context(LoopbackServer(port, self._frame))
            self._server = stack.enter_context(LoopbackServer(port and port + 1, self.runs))
            self._opened: dict[int, LoopbackServer] = {self._pages.port: self._pages}
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        self._pages.start()
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def pages(self) -> int:
        """
        The port of the pages that are served from the start.
        """
        return self._pages.port

    @property
    def server(self) -> str:
        """
        The origin of the guarded server.
        """
        return f"http://{_HOST}:{self._server.port}"

    @property
    def page(self) -> str:
        """
        The origin of a page that is served from the start; a page with the origin `null` is loaded from there, too.
        """
        return f"http://{_HOST}:{self.pages}"

    def frame_for(self, asked: Fetch) -> str:
        """
        Return the URL of a frame for the page of *asked*. Raises NotHere.
        """
        origin = self.page if asked.origin == NULL else asked.page_origin
        if not is_local(origin):
            there = asked.server_origin
            raise NotHere(
                f"The playground has no page on {origin}. The model asks a server at {there} instead of this one."
            )
        url = Url.parse(origin)
        if url.host not in _HOSTS and not url.host.endswith(f".{_HOST}"):
            raise NotHere(f"The pages here are on 127.0.0.1 and {_HOST}, so none is on {origin}.")
        port = url.port or 80
        if port not in self._opened and len(self._opened) > _MOST_PORTS:
            raise NotHere(f"Too many ports are open already for a page on {origin}. Start the playground again.")
        try:
            return self.serve(origin)
        except OSError as error:
            told = f"The playground cannot listen on port {port} ({error.strerror}), so there is no page on {origin}."
            raise NotHere(f"{told} Stop the program that listens there, or use a page on port {self.pages}.") from None

    def serve(self, origin: str) -> str:
        """
        Return the URL of a frame for a page on *origin*, an origin of this machine. Raises OSError if its port is
        taken.
        """
        port = Url.parse(origin).port or 80
        if port not in self._opened:
            self._opened[port] = self._stack.enter_context(LoopbackServer(port, self._frame)).start()
        return f"{origin}{FRAME}"

    def _frame(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        name = {FRAME: "frame.html", "/frame.js": "frame.js"}.get(environ["PATH_INFO"])
        if name is None:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"The pages of the playground have nothing here.\n"]
        port = self._server.port
        servers = [f"{scheme}://{host}:{port}" for scheme in ("http", "ws") for host in (_HOST, OTHER_HOST)]
        servers += () if self._applications is None else self._applications.origins.values()
        policy = f"default-src 'none'; script-src 'self'; connect-src {' '.join(servers)}; base-uri 'none'"
        more = f"form-action 'none'; frame-ancestors {self._desk}"
        headers = [*headers_of(name), ("Content-Security-Policy", f"{policy}; {more}")]
        start_response("200 OK", headers)
        return [shipped(name).replace(b"{{desk}}", html.escape(self._desk).encode())]


def shipped(name: str) -> bytes:
    """
    Return the file *name* that comes with this package.
    """
    return files("corsguard.playground").joinpath(name).read_bytes()


_KINDS: Final = {"html": "text/html", "css": "text/css", "js": "text/javascript"}


def headers_of(name: str) -> list[Header]:
    """
    Return the headers of the file *name*: its Content-Type, and those that forbid caching and sniffing.
    """
    return [
        ("Content-Type", f"{_KINDS[name.rpartition('.')[2]]}; charset=utf-8"),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
    ]
