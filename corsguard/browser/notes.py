"""
Further notes on a failure: where browsers differ from the standard, and what else can block the request.
"""

from collections.abc import Iterator
from typing import Final

from corsguard.origin import NULL

from .console import firefox_reason, safari, safari_sees_status
from .evidence import (
    as_shown,
    in_ascii,
    is_within_site,
    redirect_target,
    refused_headers,
    refuses_authorization_only,
    status_of,
    url_of,
)
from .failures import Failure
from .handshakes import PROTOCOL
from .reasons import CORS_CHECK, OF_HANDSHAKE, REASONS, Reason
from .urls import HTTP_SCHEMES, SOCKET_SCHEMES, Url, address_space
from .wire import PENDING


def notes(failure: Failure, *, with_safari: bool = True, engine: str = "") -> tuple[str, ...]:
    """
    Return further notes on *failure*, as the *engine* reports it (empty if that is not known).

    *with_safari* False leaves out Safari's console line.
    """
    return tuple(in_ascii(note) for note in _notes(failure, with_safari=with_safari, engine=engine))


def _notes(failure: Failure, *, with_safari: bool, engine: str) -> Iterator[str]:
    yield from _notes_on_engines(failure, with_safari=with_safari)
    yield from _notes_on_surroundings(failure)
    # A WebSocket has no CORS in any console.
    # No console of Chromium says CORS where no response came.
    is_elsewhere = engine == "Chromium" and REASONS[failure.reason].kind == "no response"
    is_elsewhere = is_elsewhere or failure.net_error == PENDING
    if (
        REASONS[failure.reason].note
        and not is_elsewhere
        and (failure.mode != "websocket" or failure.reason in OF_HANDSHAKE)
    ):
        yield REASONS[failure.reason].note


OF_EXTENSIONS: Final = (
    "An extension can read from each host that host_permissions in its manifest lists, without CORS: in its service "
    "worker and its own pages, but not in its content scripts, and not from the browser's own store."
)


def is_of_extension(origin: str) -> bool:
    return origin.partition(":")[0].endswith("-extension")


def on_this_computer(url: Url) -> str:
    """
    Return who answers *url*, which is on the computer of the browser.
    """
    return f"{as_shown(url.host)} is the computer of the person who opens the page, not the server of the page."


# Reasons for which engines report different things if several things are wrong.
_TOLD_BY_ORDER: Final = frozenset({*CORS_CHECK, Reason.PREFLIGHT_REDIRECT, Reason.ALLOW_HEADERS_UNPARSABLE})


def _notes_on_engines(failure: Failure, *, with_safari: bool) -> Iterator[str]:
    """
    Yield how the engines differ in what they report or do.
    """
    reason, other = failure.reason, firefox_reason(failure)
    if reason is Reason.HEADER_NOT_ALLOWED and refuses_authorization_only(failure):
        yield "Chromium, Firefox and Safari still let Authorization pass under * and only print a warning."
    elif reason is Reason.HEADER_NOT_ALLOWED and len(names := refused_headers(failure)) > 1:
        yield f"These are refused: {as_shown(', '.join(names))}. Chromium names one, Firefox the first."
    if status_of(failure) and reason in _TOLD_BY_ORDER and other != reason:
        yield f"Firefox counts header lines and checks in another order, so it reports {other}."
    if reason is Reason.HANDSHAKE_INVALID and failure.value == PROTOCOL:
        yield "Firefox still opens the WebSocket if the answer names no subprotocol, or if only the answer names one."
    if with_safari and safari_sees_status(failure):
        yield f"Safari checks the status first: {safari(failure)}."
    if failure.sent_origin == NULL != failure.page_origin and failure.exchange is not None:
        yield (
            f"Chromium's console names the origin '{as_shown(failure.page_origin)}', but the browser sent Origin: null."
        )


def _notes_on_surroundings(failure: Failure) -> Iterator[str]:
    """
    Yield what can block the request in addition to CORS.
    """
    target = redirect_target(failure)
    if isinstance(target, Url) and failure.url.startswith("http://") and target.scheme == "https":
        yield (
            "Once the host has sent Strict-Transport-Security, Chromium redirects to https by itself (307 Internal "
            "Redirect), and a preflight fails before the server sees it."
        )
    url = url_of(failure.url)
    if _is_less_public(failure) and url is not None and address_space(url.host) == "loopback":
        yield on_this_computer(url)
    if _is_less_public(failure):
        yield (
            "A page from a public network needs the user's permission for a private one (Local Network Access, "
            "Chromium 142 and later), and has to be loaded over https. No header replaces that."
        )
    if is_of_extension(failure.page_origin):
        yield OF_EXTENSIONS
    if failure.with_credentials and failure.reason in CORS_CHECK and not is_within_site(failure):
        yield (
            "To another site, browsers send only cookies that were set with SameSite=None; Secure. If the browser "
            "blocks third-party cookies, it sends none. Safari always blocks them."
        )


def _is_less_public(failure: Failure) -> bool:
    page, url = url_of(failure.page_origin), url_of(failure.url)
    if page is None or url is None or not url.host:
        return False
    is_of_web = {page.scheme, url.scheme} <= {*HTTP_SCHEMES, *SOCKET_SCHEMES}
    return is_of_web and address_space(page.host) == "public" and address_space(url.host) != "public"
