"""
The console lines that Chromium, Firefox and Safari print about a failed fetch, each in its own order of checks.

Their wording is in the rows of `reasons`.
"""

from typing import Final, Literal, Self

from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_ORIGIN,
)
from corsguard.origin import NULL

from .evidence import (
    FailureWords,
    headers_of,
    is_foreign,
    method_is_allowed,
    redirect_target,
    refuses_authorization_only,
    scheme_of,
    status_of,
    url_of,
    utf8,
)
from .failures import Failure
from .handshakes import PROTOCOL
from .headers import get, values_of
from .reasons import CORS_CHECK, OF_HANDSHAKE, REASONS, Reason
from .wire import PENDING

# What a console line is about: a cookie that was refused or not sent, a less public network, a request that goes
# elsewhere than the page said, a request header that was left out, or the failure itself.
NoteKind = Literal["cookie", "network", "redirect", "header", "failure"]

# The reason that an engine sees, and the name of its special wording, if it has one.
_Said = tuple[Reason, str]

# Chromium does not follow redirects to these schemes, whatever CORS allows.
_UNSAFE_SCHEMES: Final = frozenset({"about", "blob", "chrome", "chrome-extension", "data", "file", "filesystem"})
_SOCKET_SCHEMES: Final = frozenset({"ws", "wss"})
_CORP_VARIANTS: Final = {"same-origin": "same_origin", "same-site": "same_site"}


class Note(str):
    """
    A console line, and as data its *kind*, *what* happened, and what to *change*, if that is known.
    """

    __slots__ = ("change", "kind", "what")

    kind: NoteKind
    what: str
    change: str

    def __new__(cls, kind: NoteKind, what: str, change: str = "") -> Self:
        note = super().__new__(cls, f"{what}; {change}" if change else what)
        note.kind, note.what, note.change = kind, what, change
        return note

    def __getnewargs__(self) -> tuple[NoteKind, str, str]:  # type: ignore[override] # a str is copied with one argument
        return self.kind, self.what, self.change


def chromium(failure: Failure) -> str:
    """
    Return the line that Chromium's console prints; empty as long as it waits for an answer.

    A failure outside CORS is printed in the words of the network stack (`Failed to load resource: net::ERR_...`), and a
    call that is refused at once as the TypeError that it throws.
    """
    if failure.net_error == PENDING:
        return ""
    is_handshake = failure.mode == "websocket"
    reason, variant = _chromium_of_handshake(failure) if is_handshake else _chromium_sees(failure)
    return REASONS[reason].chromium.line(variant).format_map(FailureWords(failure))


def firefox(failure: Failure) -> str:
    """
    Return the first line that Firefox's console prints, or the TypeError if it prints none; empty as long as it waits.

    A failed preflight is followed by a second line, `CORS request did not succeed`, which tells nothing.
    """
    if failure.net_error == PENDING:
        return ""
    reason, variant = _firefox_sees(failure)
    return REASONS[reason].firefox.line(variant).format_map(FailureWords(failure))


def safari(failure: Failure) -> str:
    """
    Return the line that Safari's console prints; empty if it is not known, or if Safari lets the fetch pass.
    """
    if failure.net_error == PENDING:
        return ""
    reason, variant = _safari_sees(failure)
    return REASONS[reason].safari.line(variant).format_map(FailureWords(failure))


def firefox_reason(failure: Failure) -> Reason:
    """
    Return the reason that Firefox reports: it counts header lines, and checks in another order.
    """
    return _firefox_sees(failure)[0]


def _chromium_of_handshake(failure: Failure) -> _Said:
    if failure.reason is Reason.HANDSHAKE_REFUSED:
        return failure.reason, "unauthorized" if status_of(failure) == "401" else ""
    if failure.reason is not Reason.HANDSHAKE_INVALID:
        return failure.reason, "websocket"
    found = values_of(headers_of(failure), failure.value or "")
    is_asked = failure.exchange is not None and get(failure.exchange.request.headers, PROTOCOL) is not None
    match failure.value:
        case "Connection" if found:
            return failure.reason, "connection"
        case "Sec-WebSocket-Protocol" if not (found and is_asked):
            return failure.reason, "unasked" if found else "unanswered"
        case _ if len(found) != 1:
            return failure.reason, "several" if found else "missing"
        case "Upgrade":
            return failure.reason, "upgrade"
        case "Sec-WebSocket-Protocol":
            return failure.reason, "unknown"
        case _:
            return failure.reason, ""


def _chromium_sees(failure: Failure) -> _Said:
    target, scheme = redirect_target(failure), scheme_of(failure)
    if isinstance(target, str):
        # The network stack checks a redirect before CORS does.
        return Reason.REDIRECT_UNPARSABLE, target
    match failure.reason:
        case Reason.ALLOW_ORIGIN_MISMATCH if failure.value != NULL and url_of(utf8(failure.value)) is None:
            return failure.reason, "no_url"
        case Reason.SAME_ORIGIN_MODE if failure.url != failure.first_url:
            return failure.reason, "redirected"
        case Reason.REDIRECT_BAD_SCHEME if failure.mode == "same-origin" and scheme not in _UNSAFE_SCHEMES:
            return Reason.SAME_ORIGIN_MODE, "redirected"
        case Reason.BAD_SCHEME if scheme == "file":
            return failure.reason, "file"
        case Reason.REDIRECT_BAD_SCHEME if scheme in _UNSAFE_SCHEMES:
            return failure.reason, "unsafe"
        case Reason.REDIRECT_BAD_SCHEME if failure.mode == "no-cors" or scheme in _SOCKET_SCHEMES:
            return failure.reason, "unknown"
        case Reason.HEADER_NOT_ALLOWED if refuses_authorization_only(failure):
            return failure.reason, "warning"
        case Reason.CORP:
            return failure.reason, _CORP_VARIANTS.get(failure.value or "", "")
        case reason:
            return reason, ""


def _firefox_sees(failure: Failure) -> _Said:
    if failure.mode == "websocket":
        return failure.reason, "" if failure.reason in OF_HANDSHAKE else "websocket"
    target = redirect_target(failure)
    silent = "" if is_foreign(failure) else "silent"
    if isinstance(target, str):
        return Reason.UNREACHABLE, silent
    if target is not None and target.scheme in {"blob", "data", "file"}:
        return Reason.REDIRECT_BAD_SCHEME, target.scheme
    match failure.reason:
        case reason if reason in CORS_CHECK:
            return _gecko_check(failure) or reason, ""
        case Reason.PREFLIGHT_REDIRECT:
            followed = target is None or target.scheme in {"http", "https"}
            found = _gecko_check(failure) or (failure.reason if followed else None)
            return (Reason.UNREACHABLE, silent) if found is None else (found, "")
        case Reason.BAD_PORT if failure.url != failure.first_url and failure.mode == "cors":
            return failure.reason, "redirected"
        case Reason.BAD_SCHEME | Reason.REDIRECT_BAD_SCHEME:
            return _gecko_scheme(failure, silent)
        case Reason.ALLOW_HEADERS_UNPARSABLE if not method_is_allowed(failure):
            return Reason.METHOD_NOT_ALLOWED, ""
        case Reason.HEADER_NOT_ALLOWED if refuses_authorization_only(failure):
            return failure.reason, "warning"
        case reason:
            return reason, silent if silent in REASONS[reason].firefox.variants else ""


def _gecko_scheme(failure: Failure, silent: str) -> _Said:
    scheme, redirected = scheme_of(failure), failure.reason is Reason.REDIRECT_BAD_SCHEME
    if scheme in {"blob", "file"}:
        return failure.reason, scheme
    if failure.mode == "no-cors":
        return Reason.UNREACHABLE, "silent"
    if failure.mode == "same-origin":
        return Reason.SAME_ORIGIN_MODE, ""
    if scheme in {"chrome", *_SOCKET_SCHEMES} or (scheme == "javascript" and redirected):
        return Reason.UNREACHABLE, silent if redirected else "silent"
    return failure.reason, ""


def _gecko_check(failure: Failure) -> Reason | None:
    """
    Return what Firefox finds wrong in an answer: it counts the header lines first, and checks redirects last.
    """
    headers = headers_of(failure)
    origins = values_of(headers, ALLOW_ORIGIN)
    if len(origins) > 1:
        return Reason.MULTIPLE_ALLOW_ORIGIN
    if not origins:
        return Reason.MISSING_ALLOW_ORIGIN
    if origins == ["*"]:
        return Reason.WILDCARD_WITH_CREDENTIALS if failure.with_credentials else None
    if origins != [failure.sent_origin]:
        return Reason.ALLOW_ORIGIN_MISMATCH
    refused = failure.with_credentials and get(headers, ALLOW_CREDENTIALS) != "true"
    return Reason.ALLOW_CREDENTIALS_NOT_TRUE if refused else None


def _safari_sees(failure: Failure) -> _Said:
    match failure.reason:
        case _ if safari_sees_status(failure):
            return Reason.PREFLIGHT_STATUS, ""
        case Reason.MULTIPLE_ALLOW_ORIGIN if "," not in (failure.value or ""):
            return Reason.ALLOW_ORIGIN_MISMATCH, ""
        case Reason.HEADER_NOT_ALLOWED if refuses_authorization_only(failure):
            return failure.reason, "warning"
        case reason:
            return reason, ""


def safari_sees_status(failure: Failure) -> bool:
    """
    Whether Safari's line is about the status of a preflight's answer, which it checks before anything else.
    """
    status = status_of(failure)
    return failure.is_preflight and bool(status) and not "200" <= status <= "299"
