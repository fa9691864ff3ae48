"""
Carries a request to a real server over HTTP/1.1, and its response back; and says why none came.
"""

import io
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self, cast

from ada_url import URL

from .banners import LONGEST, banner
from .collecting import lines_of, patience_for, port_of
from .transports import data_response
from .wire import Header, Unreachable, WireRequest, WireResponse

if TYPE_CHECKING:
    import httpx

logger: Final = logging.getLogger("corsguard.browser")

_CERTIFICATE_ALERTS: Final = ("_ALERT_CERTIFICATE_REQUIRED", "_ALERT_BAD_CERTIFICATE", "_ALERT_HANDSHAKE_FAILURE")
# What Chromium calls what OpenSSL finds (x509_vfy.h, X509_V_ERR_...).
_CERTIFICATE_ERRORS: Final[Mapping[int, str]] = {
    **dict.fromkeys((2, 18, 19, 20, 21), "CERT_AUTHORITY_INVALID"),
    **dict.fromkeys((9, 10), "CERT_DATE_INVALID"),
    **dict.fromkeys((62, 64), "CERT_COMMON_NAME_INVALID"),
}
# What OpenSSL says of an answer that is not TLS: of HTTP as a rule.
_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
# What Chromium calls a handshake that does not come to an end.
_PROTOCOL_ERROR: Final = "SSL_PROTOCOL_ERROR"
_LONGEST_LOOK: Final = 0.5  # seconds


class LiveTransport:
    """
    Carries requests to real servers over HTTP/1.1; it needs `httpx`, which `corsguard[browser]` brings.

    Follows no redirect, keeps no cookie and no cache, and undoes no content coding. It asks no proxy but *proxy*, a
    URL of http, which is given requests to http as they are and a tunnel for all else. Connections are kept until
    `close`, which the end of a `with` block calls. *verify* False trusts any certificate; an SSLContext decides for
    itself, but a client certificate in it goes with preflights too, unlike a browser's. *timeout* is in seconds, for
    connecting, for each read and for a whole body, which is cut off then; a response that has not begun after twice
    that is given up. A stream of events, which never ends, is read for one second. *body_timeout*, in seconds, and
    *max_body*, in bytes, cut a body off sooner. *connect_to* says for the host of a URL (with its port, unless that is
    the scheme's default) the `host:port` to connect to instead: what is sent, and whose certificate is wanted, stays
    what the URL says.

    Raises ImportError if `httpx` is not installed.
    """

    def __init__(  # noqa: PLR0913 - how a server is reached, by name
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
            raise self._looked_at(_unreachable(error, url, self._timeout), error, url) from error
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
        return WireResponse(response.status_code, headers, self._body(response, request, headers))

    def _looked_at(self, told: Unreachable, error: Exception, url: URL) -> Unreachable:
        """
        Return *told* with what is seen of a server that has taken the connection, and answered nothing that is HTTP.
        """
        import httpx

        is_odd = isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.TimeoutException)
        is_no_handshake = told.tls and told.net_error == _PROTOCOL_ERROR
        # No proxy is gone around.
        if self._is_proxied or not (is_odd or is_no_handshake):
            return told
        other = banner(self._said(url))
        if other is not None:
            words = f"{url.host} does not speak HTTP: {other.words}"
            net_error = told.net_error if told.tls else "INVALID_HTTP_RESPONSE"
            return Unreachable(words, tls=told.tls, net_error=net_error, speaks=other.protocol or "another protocol")
        if url.protocol == "http:" and self._speaks_tls(url):
            return Unreachable(f"{told.cause}; {url.host} speaks TLS", net_error=told.net_error, speaks="https")
        return told

    def _connected(self, url: URL) -> socket.socket:
        host, _, port = self._connect_to.get(url.host, f"{url.hostname}:{port_of(url)}").rpartition(":")
        return socket.create_connection((host.strip("[]"), int(port)), min(self._timeout, _LONGEST_LOOK))

    def _said(self, url: URL) -> bytes:
        """
        Return what the server says before it is asked, as no server of HTTP does; else what it says to a HEAD of HTTP.
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
        Whether the server takes part in a TLS handshake.
        """
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with self._connected(url) as plain:
                context.wrap_socket(plain, server_hostname=url.hostname.strip("[]")).close()
        except ssl.SSLError as error:
            # An alert of the other side is TLS, too.
            return "_ALERT_" in (error.reason or "")
        except (OSError, ValueError):
            return False
        return True

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

        outgoing = self._outgoing(request, url, trace)
        patience = threading.Timer(2 * self._timeout, give_up)
        patience.daemon = True
        patience.start()
        try:
            response = connections.handle_request(outgoing)
            response.request = outgoing
            return response  # noqa: TRY300 - what follows is of errors
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            if is_late.is_set():
                raise httpx.ReadTimeout("The response did not begin.") from error
            if connecting:
                raise
            # RFC 9112, 9.3.1: the server closed a connection that had been kept, and never saw the request.
            return self._exchange(request, url)
        finally:
            patience.cancel()

    def _outgoing(self, request: WireRequest, url: URL, trace: Callable[[str, object], None]) -> "httpx.Request":
        import httpx

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
            headers=[(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines_of(request, url)],
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
        return outgoing

    def _body(self, response: "httpx.Response", request: WireRequest, headers: tuple[Header, ...]) -> bytes:
        import httpx

        body = io.BytesIO()
        seconds = patience_for(headers, self._body_timeout)
        deadline = time.monotonic() + seconds
        # httpx looks it up when the body is read, and not before.
        response.request.extensions["timeout"]["read"] = seconds
        try:
            for chunk in cast("httpx.SyncByteStream", response.stream):
                body.write(chunk)
                if self._max_body is not None and body.tell() >= self._max_body:
                    break
                if time.monotonic() > deadline:
                    break
        except httpx.TimeoutException:
            # It goes on without us: the head is what a browser judges.
            pass
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
    if isinstance(error, httpx.RemoteProtocolError):
        return Unreachable(f"the server did not answer in HTTP: {str(error).rstrip('.')}")
    return Unreachable(f"the connection failed: {error}")


def _failed_handshake(error: ssl.SSLError, url: URL) -> Unreachable:
    reason = error.reason or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        net_error = _CERTIFICATE_ERRORS.get(error.verify_code, "CERT_INVALID")
        told = f"the certificate of {url.host} is not valid: {error.verify_message}"
        return Unreachable(told, tls=True, net_error=net_error)
    # RFC 8446, 4.4.2.4; RFC 5246, 7.4.6: what a server says if it got no certificate, or none that it takes.
    if reason.endswith(_CERTIFICATE_ALERTS):
        return Unreachable(f"{url.host} demands a client certificate ({reason})", tls=True, wants_certificate=True)
    if reason in _NOT_TLS:
        told = f"{url.host} speaks no TLS ({reason})"
        return Unreachable(told, tls=True, net_error=_PROTOCOL_ERROR, speaks="http")
    return Unreachable(f"no TLS connection to {url.host} ({reason})", tls=True, net_error=_PROTOCOL_ERROR)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
