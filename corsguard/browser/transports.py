"""
Carries a request to an application or a server, and its response back: unchanged, and deciding nothing.

What a server does on the way is done here too: header lines are joined for WSGI, a response to HEAD loses its body,
and an exception that leaves the application becomes a bare 500, without any header that a middleware had in mind. That
is what a browser would see; the developer finds the traceback on the logger `corsguard.browser`.
"""

import asyncio
import inspect
import io
import logging
import re
import socket
import ssl
import sys
import threading
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, cast
from urllib.parse import unquote, unquote_to_bytes
from wsgiref.types import WSGIApplication, WSGIEnvironment

from ada_url import URL

from corsguard.applications import is_async
from corsguard.errors import PolicyError
from corsguard.names import is_token
from corsguard.origin import Origin, OriginPattern
from corsguard.quoting import kind_of, quoted

from .handshakes import is_handshake, opening, protocols_of
from .urls import SOCKET_SCHEMES
from .wire import Header, Transport, Unreachable, WireRequest, WireResponse

if TYPE_CHECKING:
    import httpx
    from _typeshed import OptExcInfo

ASGIApplication: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
Application: TypeAlias = (
    WSGIApplication | ASGIApplication | Transport | Mapping[str, WSGIApplication | ASGIApplication | Transport]
)

logger: Final = logging.getLogger("corsguard.browser")

_ACCEPTED: Final = (
    "It takes a WSGI application (environ, start_response), an ASGI 3 application (scope, receive, send), "
    "a transport (request), or a mapping from origin to one of these."
)
_CLIENT: Final = "127.0.0.1"
_LONGEST_FAREWELL: Final = 1.0  # seconds
# RFC 6455, 7.1.5: the connection ended, and no side said why.
_ABNORMAL_CLOSURE: Final = 1006
_CERTIFICATE_ALERTS: Final = ("_ALERT_CERTIFICATE_REQUIRED", "_ALERT_BAD_CERTIFICATE", "_ALERT_HANDSHAKE_FAILURE")
# What Chromium calls what OpenSSL finds (x509_vfy.h, X509_V_ERR_...).
_CERTIFICATE_ERRORS: Final[Mapping[int, str]] = {
    **dict.fromkeys((2, 18, 19, 20, 21), "CERT_AUTHORITY_INVALID"),
    **dict.fromkeys((9, 10), "CERT_DATE_INVALID"),
    **dict.fromkeys((62, 64), "CERT_COMMON_NAME_INVALID"),
}
# No server sends anything else: a line would end, or there is no such octet.
_FIELD_VALUE: Final = re.compile(r"[\x01-\x09\x0b\x0c\x0e-\xff]*")


def transport_for(app: Application) -> Transport:
    """
    Return the Transport that *app* stands for.

    *app* is a WSGI application, an ASGI 3 application, a mapping from serialized origin to any of these, or a
    Transport, which is known by its one parameter and returned as it is. One application serves every origin; of a
    mapping, an origin that is not among its keys is Unreachable.

    ASGI applications get one scope, in an event loop of its own: `websocket` for a handshake, else `http`. Their
    lifespan is not run.

    Raises TypeError if *app* is none of these, and ValueError if a key is not a serialized origin.
    """
    if isinstance(app, Mapping):
        return _by_origin(app)
    if not callable(app):
        raise TypeError(f"{quoted(app)} is {kind_of(app)}. {_ACCEPTED}")
    match _count_of_parameters(app):
        case 3:
            return _of_the_web(partial(_serve_asgi, cast("ASGIApplication", app)))
        case 2 if not is_async(app):
            return _of_the_web(partial(_serve_wsgi, cast("WSGIApplication", app)))
        case 1 if not is_async(app) and not inspect.isclass(app):
            return cast("Transport", app)
        case count:
            a_class = "It is a class: give an instance. " if inspect.isclass(app) else ""
            a_coroutine = "It is asynchronous, but no ASGI 3 application. " if is_async(app) else ""
            raise TypeError(f"{quoted(app)} takes {count} arguments. {a_class}{a_coroutine}{_ACCEPTED}")


def _count_of_parameters(app: Callable[..., object]) -> int:
    """
    Return how many arguments *app* has to get by position; what takes any number is asynchronous and ASGI, or WSGI.
    """
    anything = 3 if is_async(app) else 2
    try:
        parameters = inspect.signature(app).parameters.values()
    except ValueError:
        # Written in C.
        return anything
    positional = [item for item in parameters if item.kind in {item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD}]
    required = [item for item in positional if item.default is item.empty]
    takes_more = any(item.kind is item.VAR_POSITIONAL for item in parameters)
    return anything if takes_more and len(required) < anything else len(required)


def _by_origin(apps: Mapping[str, WSGIApplication | ASGIApplication | Transport]) -> Transport:
    if not apps:
        raise ValueError(f"The mapping is empty, so there is no server at all. {_ACCEPTED}")
    transports = {_checked_origin(origin): transport_for(app) for origin, app in apps.items()}

    def carry(request: WireRequest) -> WireResponse:
        origin = URL(request.url).origin
        transport = transports.get(origin)
        if transport is None:
            raise Unreachable(f"there is no server at {origin}; this browser knows {', '.join(transports)}")
        return transport(request)

    return _of_the_web(carry)


def _of_the_web(carry: Transport) -> Transport:
    """
    Return a Transport that bothers *carry* with no `data:` URL, which is its own answer.
    """

    def answer(request: WireRequest) -> WireResponse:
        return data_response(request.url) if request.url.startswith("data:") else carry(request)

    return answer


def data_response(url: str) -> WireResponse:
    """
    Return the response that a `data:` URL is (Fetch, "`data:` URL processor"). Raises Unreachable if it is malformed.
    """
    kind, comma, data = url.removeprefix("data:").partition(",")
    body, is_base64 = unquote_to_bytes(data), re.search(r"; *base64$", kind, re.IGNORECASE)
    try:
        if is_base64:
            kind, body = kind[: is_base64.start()], b64decode(body + b"=" * (-len(body) % 4))
    except ValueError:
        comma = ""
    if not comma:
        raise Unreachable("the data: URL is malformed")
    kind = kind.strip()
    kind = f"text/plain{kind}" if kind.startswith(";") else kind
    return WireResponse(200, (("Content-Type", kind if "/" in kind else "text/plain;charset=US-ASCII"),), body)


def _checked_origin(key: object) -> str:
    if isinstance(key, str):
        if Origin.parse(key) is not None:
            return key
        try:
            OriginPattern.parse(key)
        except PolicyError as error:
            (problem,) = error.problems
            raise ValueError(f"{problem.message} Fix: {problem.fix}") from None
    raise ValueError(f'{quoted(key)} is not one origin, such as "https://api.example.com".')


def _lines(request: WireRequest, url: URL) -> list[Header]:
    """
    Return the header lines of *request* with those that HTTP itself needs.
    """
    names = {name.lower() for name, _ in request.headers}
    host = [] if "host" in names else [("Host", url.host)]
    length = [("Content-Length", str(len(request.body)))] if request.body and "content-length" not in names else []
    return [*host, *request.headers, *length]


class _Collected:
    """
    What an application has answered so far. Once *is_sent*, nobody can take the head back; once *is_whole*, there is
    nothing to come.
    """

    def __init__(self) -> None:
        self.status = 0  # as long as nobody started it
        self.headers: tuple[Header, ...] = ()
        self.body = io.BytesIO()
        self.is_sent = False
        self.is_whole = False

    def start(self, status: int, headers: Iterable[Header]) -> None:
        """
        Keep the head, or raise ValueError if no server would send it.
        """
        lines = tuple((name, value.strip(" \t")) for name, value in headers)
        for name, value in lines:
            if not is_token(name) or not _FIELD_VALUE.fullmatch(value):
                raise ValueError(f"The response has a header line that cannot be sent: {name!r}: {value!r}.")
        self.status, self.headers = status, lines

    def fail(self, request: WireRequest, error: Exception) -> None:
        """
        Do what a server does when *error* left the application: log it, and send a bare 500 while that can be done.
        """
        if self.is_whole:
            outcome = "the response was sent before that, as a framework does that answers with a 500 and raises"
        elif self.is_sent:
            outcome = "a server that has begun to respond cuts the response off"
        else:
            outcome = "a server responds with a 500 that has none of the application's headers"
            self.status, self.headers, self.body = 500, (), io.BytesIO()
        logger.error("The application raised on %s %s: %s.", request.method, request.url, outcome, exc_info=error)

    def response_to(self, request: WireRequest) -> WireResponse:
        """
        Return the response as it arrives: RFC 9110, 6.4.1, says which have no body.
        """
        has_body = request.method != "HEAD" and self.status not in {204, 304}
        return WireResponse(self.status, self.headers, self.body.getvalue() if has_body else b"")


def _serve_wsgi(app: WSGIApplication, request: WireRequest) -> WireResponse:
    """
    Have *app* answer (PEP 3333).

    A WebSocket is opened on the socket of the connection, which *app* gets as Werkzeug's server passes it on.
    """
    if not any(name.lower() == "upgrade" for name, _ in request.headers):
        return _run_wsgi(app, request)
    ours, theirs = socket.socketpair()
    answers: list[WireResponse] = []

    def serve() -> None:
        with theirs:
            answers.append(_run_wsgi(app, request, theirs))

    # Of its own, because what serves a WebSocket goes on until the client leaves.
    thread = threading.Thread(target=copy_context().run, args=(serve,), daemon=True)
    thread.start()
    with ours:
        head = b""
        while b"\r\n\r\n" not in head and (more := ours.recv(65536)):
            head += more
    # The client has left; so most are done at once, and what is not has a while.
    thread.join(_LONGEST_FAREWELL if head else None)
    first, *lines = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    if not first:
        return answers[0]
    pairs = (line.partition(":") for line in lines)
    return WireResponse(int(first.split(" ")[1]), tuple((name, value.strip()) for name, _, value in pairs))


def _run_wsgi(app: WSGIApplication, request: WireRequest, connection: socket.socket | None = None) -> WireResponse:
    answer = _Collected()

    def start_response(
        status: str, headers: list[Header], exc_info: "OptExcInfo | None" = None, /
    ) -> Callable[[bytes], object]:
        if exc_info is not None and exc_info[1] is not None and answer.is_sent:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and answer.status:
            raise RuntimeError("start_response was called a second time, without exc_info.")
        answer.start(int(status[:3]), headers)
        return write

    def write(data: bytes) -> None:
        if not answer.status:
            raise RuntimeError("The body began before start_response was called.")
        answer.body.write(data)
        # Servers hold the head back until there is something to send with it.
        answer.is_sent = answer.is_sent or bool(data)

    try:
        own = {} if connection is None else {"werkzeug.socket": connection}
        body = app({**_environ(request), **own}, start_response)
        try:
            for chunk in body:
                write(chunk)
            write(b"")
            answer.is_sent = True
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
    except Exception as error:  # noqa: BLE001 - no server lets one pass
        answer.fail(request, error)
    return answer.response_to(request)


def _environ(request: WireRequest) -> WSGIEnvironment:
    url = URL(request.url)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(url.pathname).decode("latin-1"),
        "QUERY_STRING": url.search.removeprefix("?"),
        "SERVER_NAME": url.hostname,
        "SERVER_PORT": str(_port(url)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": _CLIENT,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": url.protocol.removesuffix(":"),
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in _lines(request, url):
        # A name with `_` would pass for another one; servers drop it.
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        separator = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{separator}{value}" if key in environ else value
    return environ


def _serve_asgi(app: ASGIApplication, request: WireRequest) -> WireResponse:
    """
    Have *app* answer (ASGI 3, HTTP and WebSocket message format 2.3).
    """

    def serve() -> WireResponse:
        # Of its own, so that the thread's event loop stays what it is.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            return runner.run(_open(app, request) if is_handshake(request) else _converse(app, request))

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return serve()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(copy_context().run, serve).result()


async def _converse(app: ASGIApplication, request: WireRequest) -> WireResponse:
    answer = _Collected()
    is_asked = False
    is_complete = asyncio.Event()

    async def receive() -> dict[str, Any]:
        nonlocal is_asked
        if not is_asked:
            is_asked = True
            return {"type": "http.request", "body": request.body, "more_body": False}
        # The client stays until it has everything; whoever listens for its going would stop too early.
        await is_complete.wait()
        return {"type": "http.disconnect"}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and not answer.is_sent:
            answer.start(message["status"], _pairs(message))
            answer.is_sent = True
        elif message["type"] == "http.response.body" and answer.is_sent and not is_complete.is_set():
            answer.body.write(message.get("body", b""))
            if not message.get("more_body", False):
                answer.is_whole = True
                is_complete.set()
        else:
            raise RuntimeError(f"The application sent {message['type']!r} out of turn.")

    try:
        await app(_scope(request), receive, send)
        if not is_complete.is_set():
            raise RuntimeError("The application returned before its response was complete.")  # noqa: TRY301 - it is handled as the application's own
    except Exception as error:  # noqa: BLE001 - no server lets one pass
        answer.fail(request, error)
    return answer.response_to(request)


class _Handshake:
    """
    A handshake on which an ASGI application is to decide; *answer* is what it has decided so far.
    """

    def __init__(self, request: WireRequest) -> None:
        self.answer = _Collected()
        self.is_answered = asyncio.Event()
        self._request = request
        self._is_asked = False

    async def receive(self) -> dict[str, Any]:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "websocket.connect"}
        await self.is_answered.wait()
        return {"type": "websocket.disconnect", "code": _ABNORMAL_CLOSURE, "reason": ""}

    async def send(self, message: Mapping[str, Any]) -> None:
        answer, kind, headers = self.answer, message["type"], _pairs(message)
        match kind:
            case "websocket.accept" if not answer.is_sent:
                opened = opening(self._request, message.get("subprotocol"), headers)
                self._begin(opened.status, opened.headers, is_whole=True)
            case "websocket.close" if not answer.is_sent:
                # Before it is accepted, it is a refusal.
                self._begin(403, (), is_whole=True)
            case "websocket.http.response.start" if not answer.is_sent:
                self._begin(message["status"], headers, is_whole=False)
            case "websocket.http.response.body" if answer.is_sent and not self.is_answered.is_set():
                answer.body.write(message.get("body", b""))
                if not message.get("more_body", False):
                    self.is_answered.set()
            case "websocket.send" | "websocket.close" if answer.status == 101:
                # Nobody is there to hear it.
                pass
            case _:
                raise RuntimeError(f"The application sent {kind!r} out of turn.")

    def _begin(self, status: int, headers: Iterable[Header], *, is_whole: bool) -> None:
        self.answer.start(status, headers)
        self.answer.is_sent = True
        if is_whole:
            self.is_answered.set()


async def _open(app: ASGIApplication, request: WireRequest) -> WireResponse:
    """
    Have *app* answer a handshake. The client leaves as soon as it is answered, and waits a while for *app* to end.
    """
    handshake = _Handshake(request)

    async def run() -> None:
        try:
            await app(_scope(request), handshake.receive, handshake.send)
            if not handshake.is_answered.is_set():
                raise RuntimeError("The application returned before the handshake was answered.")  # noqa: TRY301 - it is handled as the application's own
        except Exception as error:  # noqa: BLE001 - no server lets one pass
            handshake.answer.fail(request, error)
        handshake.is_answered.set()

    running = asyncio.create_task(run())
    await handshake.is_answered.wait()
    await asyncio.wait({running}, timeout=_LONGEST_FAREWELL)
    return handshake.answer.response_to(request)


def _pairs(message: Mapping[str, Any]) -> list[Header]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers") or ()]


def _scope(request: WireRequest) -> dict[str, Any]:
    url = URL(request.url)
    scheme = url.protocol.removesuffix(":")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": scheme,
        "path": unquote(url.pathname),
        "raw_path": url.pathname.encode("ascii"),
        "query_string": url.search.removeprefix("?").encode("ascii"),
        "root_path": "",
        "headers": [[name.lower().encode("latin-1"), value.encode("latin-1")] for name, value in _lines(request, url)],
        "client": [_CLIENT, 0],
        "server": [url.hostname, _port(url)],
    }
    if is_handshake(request):
        del scope["method"]
        scope |= {
            "type": "websocket",
            "scheme": next(socket for socket, scheme_of_http in SOCKET_SCHEMES.items() if scheme_of_http == scheme),
            "subprotocols": protocols_of(request),
            "extensions": {"websocket.http.response": {}},
        }
    return scope


def _port(url: URL) -> int:
    return int(url.port) if url.port else 443 if url.protocol == "https:" else 80


class LiveTransport:
    """
    Carries requests to real servers over HTTP/1.1; it needs `httpx`, which `corsguard[browser]` brings.

    Follows no redirect, keeps no cookie and no cache, and undoes no content coding. It asks no proxy but *proxy*, a
    URL of http, which is given requests to http as they are and a tunnel for all else. Connections are kept until
    `close`, which the end of a `with` block calls. *verify* False trusts any certificate; an SSLContext decides for
    itself, but a client certificate in it goes with preflights too, unlike a browser's. *timeout* is in seconds, for
    connecting, for each read and for a whole body, which is cut off then; a response that has not begun after twice
    that is given up. *max_body*, in bytes, cuts a body off sooner. *connect_to* says for the host of a URL (with its
    port, unless that is the scheme's default) the `host:port` to connect to instead: what is sent, and whose
    certificate is wanted, stays what the URL says.

    Raises ImportError if `httpx` is not installed.
    """

    def __init__(
        self,
        *,
        verify: ssl.SSLContext | bool = True,
        timeout: float = 10.0,
        max_body: int | None = None,
        connect_to: Mapping[str, str] = MappingProxyType({}),
        proxy: str | None = None,
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise ImportError('Live HTTP needs httpx. Fix: pip install "corsguard[browser]"') from error
        self._timeout = timeout
        self._max_body = max_body
        self._connect_to = dict(connect_to)
        self._is_proxied = proxy is not None
        # Those to one address in place of two hosts are not each other's: each is sure of one certificate only.
        self._connections = {
            host: httpx.HTTPTransport(verify=verify, trust_env=False, proxy=proxy) for host in ("", *self._connect_to)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """
        Close all connections.
        """
        for connections in self._connections.values():
            connections.close()

    def __call__(self, request: WireRequest) -> WireResponse:
        """
        Send *request* and return its response; raises Unreachable if there is none.
        """
        if request.url.startswith("data:"):
            return data_response(request.url)
        import httpx

        url = URL(request.url)
        try:
            response = self._exchange(request, url)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise _unreachable(error, url, self._timeout) from error
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
        return WireResponse(response.status_code, headers, self._body(response, request))

    def _exchange(self, request: WireRequest, url: URL) -> "httpx.Response":
        import httpx

        connecting: list[str] = []
        connections = self._connections[url.host if url.host in self._connect_to else ""]
        is_late = threading.Event()

        def give_up() -> None:
            # Each read may be in time of a head that never ends, or after ever more interim responses.
            is_late.set()
            connections.close()

        def trace(event: str, _: object) -> None:
            if event.startswith("connection.connect_tcp"):
                connecting.append(event)

        server = f"{url.protocol}//{self._connect_to.get(url.host, url.host)}"
        path = f"{url.pathname}{url.search}"
        # RFC 9112, 3.2.2: what a proxy forwards names the server as well. For a tunnel httpx takes what is written here
        # for the tunnel's own, so that there the URL has to say it.
        written = {"target": f"{server if self._is_proxied else ''}{path}".encode("ascii")}
        is_tunnel = self._is_proxied and url.protocol == "https:"
        outgoing = httpx.Request(
            request.method,
            # Only where it goes: the target is written as the URL standard serializes it.
            f"{server}{path}" if is_tunnel else f"{server}/",
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in _lines(request, url)],
            # As a stream it brings no header lines of httpx.
            stream=httpx.ByteStream(request.body),
            extensions={
                **({} if is_tunnel else written),
                "timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._timeout),
                "trace": trace,
                "sni_hostname": url.hostname.strip("[]"),
            },
        )
        # Methods are case-sensitive, and httpx has written it in upper case.
        outgoing.method = request.method
        patience = threading.Timer(2 * self._timeout, give_up)
        patience.daemon = True
        patience.start()
        try:
            return connections.handle_request(outgoing)
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            if is_late.is_set():
                raise httpx.ReadTimeout("The response did not begin.") from error
            if connecting:
                raise
            # RFC 9112, 9.3.1: the server closed a connection that had been kept, and never saw the request.
            return self._exchange(request, url)
        finally:
            patience.cancel()

    def _body(self, response: "httpx.Response", request: WireRequest) -> bytes:
        import httpx

        body = io.BytesIO()
        deadline = time.monotonic() + self._timeout
        try:
            for chunk in cast("httpx.SyncByteStream", response.stream):
                body.write(chunk)
                if self._max_body is not None and body.tell() >= self._max_body:
                    break
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout(f"It did not end within {self._timeout} s.")
        except httpx.HTTPError:
            logger.warning("The response to %s %s was cut off.", request.method, request.url, exc_info=True)
        finally:
            response.close()
        return body.getvalue()[: self._max_body]


def _unreachable(error: Exception, url: URL, timeout: float) -> Unreachable:
    """
    Tell by its causes why httpx got no response.
    """
    import httpx

    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return _failed_handshake(cause, url)
        # A UnicodeError is how Python says that no such name can be looked up.
        if isinstance(cause, socket.gaierror | UnicodeError):
            return Unreachable(f"the name {url.hostname} has no address", net_error="NAME_NOT_RESOLVED")
        if isinstance(cause, ConnectionRefusedError):
            return Unreachable(f"nothing listens at {url.host}", net_error="CONNECTION_REFUSED")
        if isinstance(cause, httpx.TimeoutException):
            told = f"{url.host} did not answer within {timeout:g} s"
            return Unreachable(told, net_error="CONNECTION_TIMED_OUT")
    what = "the answer is not HTTP" if isinstance(error, httpx.RemoteProtocolError) else "the connection failed"
    return Unreachable(f"{what}: {error}")


def _failed_handshake(error: ssl.SSLError, url: URL) -> Unreachable:
    reason = error.reason or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        net_error = _CERTIFICATE_ERRORS.get(error.verify_code, "CERT_INVALID")
        told = f"the certificate of {url.host} is not valid: {error.verify_message}"
        return Unreachable(told, tls=True, net_error=net_error)
    # RFC 8446, 4.4.2.4; RFC 5246, 7.4.6: what a server says if it got no certificate, or none that it takes.
    if reason.endswith(_CERTIFICATE_ALERTS):
        return Unreachable(f"{url.host} demands a client certificate ({reason})", tls=True, wants_certificate=True)
    return Unreachable(f"no TLS connection to {url.host} ({reason})", tls=True, net_error="SSL_PROTOCOL_ERROR")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
