"""
The resources of the playground's server, such as pages usually fetch.

None of them handles CORS. The last segment of a path selects the resource, so they can be at any path.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

from corsguard.browser import WireRequest
from corsguard.browser.handshakes import opening
from corsguard.browser.wire import Header
from corsguard.protection import is_handshake

# The host where a page on another origin finds the same resources.
OTHER_HOST: Final = "127.0.0.1"
# The query that gives the browser a cookie, whatever the policies say.
SESSION: Final = "session"
# Cookies do not depend on the port, so other servers on this machine get it, too. The name avoids a conflict with
# theirs.
_COOKIE: Final = "corsguard-playground=ada"
# A page of another site has to send it, too, which needs both attributes. Browsers accept Secure from loopback.
_SET_COOKIE: Final = f"{_COOKIE}; Path=/; Max-Age=600; SameSite=None; Secure; HttpOnly"
_EMPTY: Final = ("Content-Length", "0")


class Content(NamedTuple):
    """
    The answer of a resource.
    """

    status: str
    headers: tuple[Header, ...]
    body: bytes


def resource(environ: Mapping[str, Any]) -> Content:
    """
    Return the answer of the resource that *environ* requests.
    """
    name = environ["PATH_INFO"].rpartition("/")[2]
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    beside = environ["PATH_INFO"].removesuffix(name)
    if is_handshake(environ):
        key = (("Sec-WebSocket-Key", environ.get("HTTP_SEC_WEBSOCKET_KEY", "")),)
        return Content("101 Switching Protocols", opening(WireRequest("GET", "", key)).headers, b"")
    if gives_session(environ):
        return Content("204 No Content", (("Set-Cookie", _SET_COOKIE), ("Cache-Control", "no-store")), b"")
    match name:
        case "me" if _COOKIE not in environ.get("HTTP_COOKIE", "").split("; "):
            return _answered("401 Unauthorized", {"error": "Log in first."})
        case "me":
            return _answered("200 OK", {"user": "Ada"})
        case "report":
            named = ("Content-Disposition", 'attachment; filename="report-2026.csv"')
            return _content("200 OK", "text/csv", b"month,sold\n1,12\n", named)
        case "moved":
            return Content("307 Temporary Redirect", (("Location", f"{beside}items{query}"), _EMPTY), b"")
        case "elsewhere":
            port = environ.get("HTTP_HOST", "").partition(":")[2]
            there = f"http://{OTHER_HOST}{f':{port}' if port else ''}"
            return Content("307 Temporary Redirect", (("Location", f"{there}{beside}items{query}"), _EMPTY), b"")
        case _:
            return _answered("200 OK", {"method": environ["REQUEST_METHOD"], "path": environ["PATH_INFO"]})


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """
    Answer as `resource` does.
    """
    answered = resource(environ)
    start_response(answered.status, [*answered.headers])
    return [answered.body]


def run_of(environ: Mapping[str, Any]) -> str:
    """
    Return the number of the run to which a request belongs. It is in the query, so that no answer comes from a cache.
    """
    query: str = environ.get("QUERY_STRING", "")
    return parse_qs(query).get("run", [""])[0]


def _answered(status: str, data: object) -> Content:
    return _content(status, "application/json", json.dumps(data).encode())


def gives_session(environ: Mapping[str, Any]) -> bool:
    """
    Return whether a request is the one before a run, which gives the browser a cookie.
    """
    query: str = environ.get("QUERY_STRING", "")
    return SESSION in parse_qs(query, keep_blank_values=True)


def _content(status: str, kind: str, body: bytes, *headers: Header) -> Content:
    return Content(status, (("Content-Type", kind), ("Content-Length", str(len(body))), *headers), body)
