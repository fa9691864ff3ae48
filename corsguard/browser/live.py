"""
Sends a request to a real server over HTTP/1.1 and returns its response, or says why none came.
"""

import io
import logging
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self, cast

from ada_url import URL

from .banners import LONGEST, banner
from .collecting import lines_of, patience_for, port_of
from .transports import data_response
from .urls import Url, host_to_connect, named_in
from .wire import PENDING, Header, Unreachable, WireRequest, WireResponse

if TYPE_CHECKING:
    import httpx

logger: Final = logging.getLogger("corsguard.browser")

_CERTIFICATE_ALERTS: Final = ("_ALERT_CERTIFICATE_REQUIRED", "_ALERT_BAD_CERTIFICATE", "_ALERT_HANDSHAKE_FAILURE")
# Chromium's names for the errors of OpenSSL (x509_vfy.h, X509_V_ERR_...).
_CERTIFICATE_ERRORS: Final[Mapping[int, str]] = {
    **dict.fromkeys((2, 18, 19, 20, 21), "CERT_AUTHORITY_INVALID"),
    **dict.fromkeys((9, 10), "CERT_DATE_INVALID"),
    **dict.fromkeys((62, 64), "CERT_COMMON_NAME_INVALID"),
}
# OpenSSL's words for an answer that is not TLS, but usually HTTP.
_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
# Chromium's name for a handshake that is not completed.
_PROTOCOL_ERROR: Final = "SSL_PROTOCOL_ERROR"
# Chromium's names for a proxy that does not answer, and for one that opens no tunnel.
_NO_CONNECTION: Final = "CONNECTION_TIMED_OUT"
_NO_PROXY: Final = "PROXY_CONNECTION_FAILED"
_NO_TUNNEL: Final = "TUNNEL_CONNECTION_FAILED"
# h11's words for a head that does not end.
_SEVERAL_LENGTHS: Final = "conflicting Content-Length headers"
_TOO_LARGE: Final = "Receive buffer too long"
_LONGEST_LOOK: Final = 0.5  # seconds


class LiveTransport:
    """
    Sends requests to real servers over HTTP/1.1. It needs `httpx`, which `corsguard[browser]` installs.

    It follows no redirects, keeps no cookies and no cache, and does not decode a content coding. The only proxy that it
    uses is *proxy*, an http URL: requests to http are sent to it as they are, all others through a tunnel. Connections
    are kept until `close`, which the end of a `with` block calls. *verify* False trusts any certificate. An SSLContext
    decides by itself, but its client certificate is sent with preflights too, unlike a browser's. *timeout* is in
    seconds: for connecting, for a whole head, and for a whole body, whose rest is not read. A stream of events, which
    never ends, is read for one second. *body_timeout*, in seconds, and *max_body*, in bytes, cut a body off earlier.
    *connect_to* maps the host of a URL, with its port, or without one for all ports, to the `host:port` to connect to.
    What is sent, and the host that the certificate has to name, stay those of the URL.

    Raises ImportError if `httpx` is not installed.
    """

    def __init__(  # noqa: PLR0913 - keywords that say how a server is reached
        self,
        *,
        verify: ssl.SSLContext | bool = True,
        timeout: float = 10.0,
        body_timeout: float | None = None,
        max_body: int | None = None,
        connect_to: Mapping[str, str] = MappingProxyType({}),
        proxy: str | None = None,
    ) -> None:
        try:
            import httpx
        except ImportError as error:
            raise ImportError('Live HTTP needs httpx. Fix: pip install "corsguard[browser]"') from error
        self._timeout = timeout
        self._body_timeout = timeout if body_timeout is None else min(timeout, body_timeout)
        self._max_body = max_body
        self._connect_to = dict(connect_to)
        self._proxy = None if proxy is None else URL(proxy)
        # Two hosts that connect to one address must not share connections: each connection has verified one certificate
        # only.
        self._new_connections = partial(httpx.HTTPTransport, verify=verify, trust_env=False, proxy=proxy)
        self._connections = {host: self._new_connections() for host in ("", *self._connect_to)}

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
        named = host_to_connect(url.hostname)
        if named != url.hostname and not self._host(url) and self._proxy is None:
            self._connections[url.host] = self._new_connections()
            self._connect_to[url.host] = f"{named}:{port_of(url)}"
        try:
            response = self._exchange(request, url)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise self._with_observed(self._unreachable(error, url), error, url) from error
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
        return WireResponse(response.status_code, headers, self._body(response, request, headers))

    def _unreachable(self, error: Exception, url: URL) -> Unreachable:
        """
        Return why no response came from the server at *url*, or why none came from the proxy.
        """
        import httpx

        if self._proxy is None:
            return _unreachable(error, url, self._timeout)
        if isinstance(error, httpx.ProxyError):
            return Unreachable(f"the proxy {self._proxy.host} made no connection: {error}", net_error=_NO_TUNNEL)
        is_certificate = any(isinstance(cause, ssl.SSLError) for cause in _causes(error))
        if is_certificate or not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return _unreachable(error, url, self._timeout)
        # Only the connection to the proxy is made here.
        told = _unreachable(error, self._proxy, self._timeout)
        return Unreachable(f"the proxy cannot be used: {told.cause}", net_error=_NO_PROXY)

    def _with_observed(self, told: Unreachable, error: Exception, url: URL) -> Unreachable:
        """
        Return *told* with what can be observed about a server that accepted the connection, but did not answer in HTTP.
        """
        import httpx

        is_odd = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.TimeoutException)
        is_no_handshake = told.tls and told.net_error == _PROTOCOL_ERROR
        # A proxy is never bypassed.
        if self._proxy is not None or not (is_odd or is_no_handshake):
            return told
        other = banner(self._said(url))
        if other is not None:
            words = f"{url.host} does not speak HTTP: {other.words}"
            net_error = told.net_error if told.tls else "INVALID_HTTP_RESPONSE"
            return Unreachable(words, tls=told.tls, net_error=net_error, speaks=other.protocol or "another protocol")
        if url.protocol == "http:" and self._speaks_tls(url):
            return Unreachable(f"{told.cause}; {url.host} speaks TLS", net_error=told.net_error, speaks="https")
        return told

    def _host(self, url: URL) -> str:
        """
        Return the host in *connect_to* that means the server of *url*; empty if none does.
        """
        return named_in(self._connect_to, Url.parse(url.href))

    def _connected(self, url: URL) -> socket.socket:
        host, _, port = self._connect_to.get(self._host(url), f"{url.hostname}:{port_of(url)}").rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), min(self._timeout, _LONGEST_LOOK))

    def _said(self, url: URL) -> bytes:
        """
        Return what the server sends before a request, which an HTTP server never does; otherwise its answer to a HEAD
        request.
        """
        try:
            with self._connected(url) as connection:
                try:
                    return connection.recv(LONGEST)
                except TimeoutError:
                    connection.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
                    return connection.recv(LONGEST)
        except (OSError, ValueError):
            return b""

    def _speaks_tls(self, url: URL) -> bool:
        """
        Whether the server answers a TLS handshake.
        """
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with self._connected(url) as plain:
                context.wrap_socket(plain, server_hostname=url.hostname.strip("[]")).close()
        except ssl.SSLError as error:
            # An alert from the server is TLS, too.
            return "_ALERT_" in (error.reason or "")
        except (OSError, ValueError):
            return False
        return True

    def _exchange(self, request: WireRequest, url: URL) -> "httpx.Response":
        import httpx

        connecting: list[str] = []
        connections = self._connections[self._host(url)]
        is_late = threading.Event()

        def give_up() -> None:
            # Each read may be in time although the head never ends, or although only interim responses come.
            is_late.set()
            connections.close()

        def trace(event: str, _: object) -> None:
            if event.startswith("connection.connect_tcp"):
                connecting.append(event)

        outgoing = self._outgoing(request, url, trace)
        patience = threading.Timer(self._timeout, give_up)
        patience.daemon = True
        patience.start()
        try:
            response = connections.handle_request(outgoing)
            response.request = outgoing
            return response  # noqa: TRY300 - the rest handles errors
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            if is_late.is_set():
                raise httpx.ReadTimeout("The response did not begin.") from error
            if connecting:
                raise
            # RFC 9112, 9.3.1: the server closed a kept connection, and never saw the request.
            return self._exchange(request, url)
        finally:
            patience.cancel()

    def _outgoing(self, request: WireRequest, url: URL, trace: Callable[[str, object], None]) -> "httpx.Request":
        import httpx

        server = f"{url.protocol}//{self._connect_to.get(self._host(url), url.host)}"
        path = f"{url.pathname}{url.search}"
        # RFC 9112, 3.2.2: a request to a proxy names the server as well. For a tunnel, httpx would use this target for
        # the tunnel itself, so there the URL has to say it.
        written = {"target": f"{server if self._proxy is not None else ''}{path}".encode("ascii")}
        is_tunnel = self._proxy is not None and url.protocol == "https:"
        outgoing = httpx.Request(
            request.method,
            # Only for the connection: the target is sent as the URL standard serializes it.
            f"{server}{path}" if is_tunnel else f"{server}/",
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines_of(request, url)],
            # For a stream, httpx adds no header lines.
            stream=httpx.ByteStream(request.body),
            extensions={
                **({} if is_tunnel else written),
                "timeout": dict.fromkeys(("connect", "read", "write", "pool"), self._timeout),
                "trace": trace,
                "sni_hostname": url.hostname.strip("[]"),
            },
        )
        # Methods are case-sensitive, and httpx has changed it to upper case.
        outgoing.method = request.method
        return outgoing

    def _body(self, response: "httpx.Response", request: WireRequest, headers: tuple[Header, ...]) -> bytes:
        import httpx

        body = io.BytesIO()
        seconds = patience_for(headers, self._body_timeout)
        deadline = time.monotonic() + seconds
        # httpx reads this value only when the body is read.
        response.request.extensions["timeout"]["read"] = seconds
        try:
            for chunk in cast("httpx.SyncByteStream", response.stream):
                body.write(chunk)
                if self._max_body is not None and body.tell() >= self._max_body:
                    break
                if time.monotonic() > deadline:
                    break
        except httpx.TimeoutException:
            # A browser judges the head, so the rest of the body is not needed.
            pass
        except httpx.HTTPError:
            logger.warning("The response to %s %s was cut off.", request.method, request.url, exc_info=True)
        finally:
            response.close()
        return body.getvalue()[: self._max_body]


def _unreachable(error: Exception, url: URL, timeout: float) -> Unreachable:
    """
    Return why httpx got no response, by the causes of *error*.
    """
    import httpx

    causes = tuple(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return _failed_handshake(cause, url)
        # Python raises UnicodeError for a name that cannot be looked up.
        if isinstance(cause, socket.gaierror | UnicodeError):
            return Unreachable(f"the name {url.hostname} has no address", net_error="NAME_NOT_RESOLVED")
        if isinstance(cause, ConnectionRefusedError):
            return Unreachable(f"nothing listens at {url.host}", net_error="CONNECTION_REFUSED")
        if isinstance(cause, httpx.TimeoutException):
            told = f"{url.host} did not answer within {timeout:g} s"
            return Unreachable(told, net_error=_NO_CONNECTION if isinstance(cause, httpx.ConnectTimeout) else PENDING)
    if _TOO_LARGE in str(error):
        told = f"{url.host} sends a head that is too large"
        return Unreachable(told, net_error="RESPONSE_HEADERS_TOO_BIG")
    if isinstance(error, httpx.RemoteProtocolError):
        # h11 quotes what it could not read as a Python value.
        told = re.sub(r"bytearray\(b(.*)\)", r"\1", str(error)).rstrip(".")
        if _SEVERAL_LENGTHS in told:
            return Unreachable(f"{url.host} sends {told}", net_error="RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH")
        return Unreachable(f"the server did not answer in HTTP: {told}")
    return Unreachable(f"the connection failed: {error}")


def _failed_handshake(error: ssl.SSLError, url: URL) -> Unreachable:
    reason = error.reason or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        net_error = _CERTIFICATE_ERRORS.get(error.verify_code, "CERT_INVALID")
        told = f"the certificate of {url.host} is not valid: {error.verify_message}"
        return Unreachable(told, tls=True, net_error=net_error)
    # RFC 8446, 4.4.2.4; RFC 5246, 7.4.6: the alert of a server that got no certificate, or does not accept it.
    if reason.endswith(_CERTIFICATE_ALERTS):
        return Unreachable(f"{url.host} demands a client certificate ({reason})", tls=True, wants_certificate=True)
    if reason in _NOT_TLS:
        told = f"{url.host} does not speak TLS ({reason})"
        return Unreachable(told, tls=True, net_error=_PROTOCOL_ERROR, speaks="http")
    return Unreachable(f"no TLS connection to {url.host} ({reason})", tls=True, net_error=_PROTOCOL_ERROR)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
