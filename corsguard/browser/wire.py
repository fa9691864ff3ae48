"""
What goes over the wire: requests as a browser sends them, responses as they arrive.

Strings are isomorphic: one character is one byte (Infra, "isomorphic decode"). Nothing in this module depends on CORS.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class WireRequest:
    """
    One HTTP request: *url* is serialized and without fragment, *headers* are all lines, in the order in which they are
    sent.
    """

    method: str
    url: str
    headers: tuple[Header, ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class WireResponse:
    """
    One HTTP response: two *headers* with the same name are two lines. A *status* of 0 means that it is not known.
    """

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    A request and its response, which is None if none came.

    *with_credentials* says whether cookies could be sent and were accepted (Fetch, "HTTP-network-or-cache fetch").
    """

    request: WireRequest
    response: WireResponse | None
    is_preflight: bool
    with_credentials: bool


# Sends one request and returns its response; raises Unreachable if there is none.
Transport = Callable[[WireRequest], WireResponse]

# Chromium's name for a request that was sent, and waits for its answer. Browsers wait for minutes, and print nothing.
PENDING: Final = "IO_PENDING"


class Unreachable(Exception):
    """
    No response came. *cause* says why, in words. *tls* is True if the TLS handshake failed, *wants_certificate* if the
    server requires a client certificate. *net_error* is Chromium's name for the error, without `net::ERR_`, if it is
    known. *speaks* is `https` if the request used `http` and the server speaks TLS, `http` the other way round, or the
    protocol that the server speaks instead of HTTP.
    """

    def __init__(
        self,
        cause: str,
        *,
        tls: bool = False,
        wants_certificate: bool = False,
        net_error: str = "",
        speaks: str = "",
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.net_error = net_error
        self.speaks = speaks
        self.tls = tls
        self.wants_certificate = wants_certificate
