"""
WebSocket handshakes (RFC 6455, section 4): how a page asks, and how a server answers.
"""

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Final

from .headers import get, values_of
from .wire import Header, WireRequest, WireResponse

# RFC 6455, 1.3.
_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY: Final = "Sec-WebSocket-Key"
_ACCEPT: Final = "Sec-WebSocket-Accept"
PROTOCOL: Final = "Sec-WebSocket-Protocol"


def asking_lines(protocols: Sequence[str]) -> list[Header]:
    """
    Return the header lines of a handshake that offers *protocols* (RFC 6455, 4.1). Extensions are not modelled.
    """
    lines = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
    lines.append((_KEY, b64encode(secrets.token_bytes(16)).decode()))
    return [*lines, *([(PROTOCOL, ", ".join(protocols))] if protocols else [])]


def is_handshake(request: WireRequest) -> bool:
    """
    Return whether *request* asks for a WebSocket (RFC 6455, 4.2.1).
    """
    return request.method == "GET" and "websocket" in _tokens(values_of(request.headers, "Upgrade"))


def protocols_of(request: WireRequest) -> list[str]:
    """
    Return the subprotocols that *request* offers, in order.
    """
    listed = ",".join(values_of(request.headers, PROTOCOL)).split(",")
    return [name.strip(" \t") for name in listed if name.strip(" \t")]


def opening(request: WireRequest, protocol: str | None = None, headers: Iterable[Header] = ()) -> WireResponse:
    """
    Return the answer that opens the WebSocket for which *request* asks (RFC 6455, 4.2.2), with the *protocol* chosen.
    """
    lines = [("Upgrade", "websocket"), ("Connection", "Upgrade"), (_ACCEPT, _accept_for(request))]
    lines += [] if protocol is None else [(PROTOCOL, protocol)]
    return WireResponse(101, (*lines, *headers))


def faulty_field(request: WireRequest, response: WireResponse) -> str | None:
    """
    Return the name of the first field for which a browser refuses a *response* whose status is 101, or None.

    RFC 6455, 4.1, and WebSockets, "establish a WebSocket connection", which wants an answer to offered subprotocols.
    """
    headers, offered = response.headers, protocols_of(request)
    if [value.lower() for value in values_of(headers, "Upgrade")] != ["websocket"]:
        return "Upgrade"
    if "upgrade" not in _tokens(values_of(headers, "Connection")):
        return "Connection"
    if values_of(headers, _ACCEPT) != [_accept_for(request)]:
        return _ACCEPT
    chosen = values_of(headers, PROTOCOL)
    return None if (len(chosen) == 1 and chosen[0] in offered) or chosen == offered == [] else PROTOCOL


def _tokens(values: Iterable[str]) -> list[str]:
    return [token.strip(" \t").lower() for token in ",".join(values).split(",")]


def _accept_for(request: WireRequest) -> str:
    key = get(request.headers, _KEY) or ""
    return b64encode(hashlib.sha1(f"{key}{_GUID}".encode("latin-1"), usedforsecurity=False).digest()).decode()
