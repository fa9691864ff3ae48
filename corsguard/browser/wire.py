"""
What goes over the wire: requests as a browser sends them, responses as they arrive.

Strings are isomorphic: one character is one byte (Infra, "isomorphic decode"). Nothing in this room knows of CORS.
"""

from collections.abc import Callable
from dataclasses import dataclass

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class WireRequest:
    """
    One HTTP request: *url* is serialized and without fragment, *headers* are all lines in the order they are sent.
    """

    method: str
    url: str
    headers: tuple[Header, ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class WireResponse:
    """
    One HTTP response: two *headers* of one name are two lines. A *status* of 0 is one that nobody tells.
    """

    status: int
    headers: tuple[Header, ...] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Exchange:
    """
    A request and what came back: *response* is None if nothing did.

    *with_credentials* tells whether cookies could be sent and were accepted (Fetch, "HTTP-network-or-cache fetch").
    """

    request: WireRequest
    response: WireResponse | None
    is_preflight: bool
    with_credentials: bool


# Sends one request and returns its response; raises Unreachable if there is none.
Transport = Callable[[WireRequest], WireResponse]


class Unreachable(Exception):
    """
    No response came. *cause* says why, in words; *tls* and *wants_certificate* tell whose handshake failed; *net_error*
    is what Chromium calls it, without `net::ERR_`, where that is known. *speaks* is the scheme that the server answers
    to, if it is `https` where `http` was asked for, or the other way round; or the protocol that is spoken in place of
    HTTP.
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
