"""
The whole story of a failed fetch: the cause and the line to change first, then the consoles, then the wire.

Neither cookies nor passwords are shown.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from .advice import fix, notes
from .console import chromium, firefox
from .evidence import as_shown, without_password, words_of
from .failures import Failure, Reason
from .wire import Exchange, Header

# How much of what went over the wire is told.
_MOST_LINES: Final = 24
_MOST_EXCHANGES: Final = 8

_SHOWN_REQUEST_HEADERS: Final = frozenset(
    "access-control-request-headers access-control-request-method authorization content-type cookie origin".split()
)
_SHOWN_RESPONSE_HEADERS: Final = frozenset(
    "allow content-type cross-origin-resource-policy location set-cookie timing-allow-origin vary".split()
)
_SECRETS: Final = frozenset({"authorization", "cookie", "set-cookie"})

_CAUSES: Final[Mapping[Reason, str]] = {
    Reason.FORBIDDEN_METHOD: "no page may send {value}.",
    Reason.BAD_PORT: "browsers do not connect to port {value}.",
    Reason.MIXED_CONTENT: "a page loaded by https may not ask by http.",
    Reason.SAME_ORIGIN_MODE: 'mode "same-origin" does not leave the page\'s origin.',
    Reason.NO_CORS_REDIRECT_MODE: 'mode "no-cors" takes no redirect mode but "follow".',
    Reason.BAD_SCHEME: "{scheme}: is no scheme that can be fetched.",
    Reason.UNREACHABLE: "no response came, which is no matter of CORS: {value}.",
    Reason.TLS: "no TLS connection, which is no matter of CORS: {value}.",
    Reason.TLS_CLIENT_CERTIFICATE: "the server wants a TLS client certificate, which is no matter of CORS: {value}.",
    Reason.PREFLIGHT_REDIRECT: "the preflight was answered with a redirect ({status}).",
    Reason.MISSING_ALLOW_ORIGIN: "{answer} ({status}) has no Access-Control-Allow-Origin.",
    Reason.WILDCARD_WITH_CREDENTIALS: "{answer} shares with *, which does not count for a request with credentials.",
    Reason.MULTIPLE_ALLOW_ORIGIN: "{answer} has more than one value in Access-Control-Allow-Origin.",
    Reason.ALLOW_ORIGIN_MISMATCH: '{answer} shares with "{value}", not with {sent_origin}.',
    Reason.ALLOW_CREDENTIALS_NOT_TRUE: "{answer} does not allow credentials.",
    Reason.PREFLIGHT_STATUS: "the preflight was answered with {status}, which is not 200 to 299.",
    Reason.ALLOW_METHODS_UNPARSABLE: "Access-Control-Allow-Methods in the preflight's answer is no list of methods.",
    Reason.ALLOW_HEADERS_UNPARSABLE: "Access-Control-Allow-Headers in the preflight's answer is no list of names.",
    Reason.METHOD_NOT_ALLOWED: "the answer to the preflight does not allow the method {value}.",
    Reason.HEADER_NOT_ALLOWED: "the answer to the preflight does not allow the request header {value}.",
    Reason.CORP: "Cross-Origin-Resource-Policy keeps the response from this page.",
    Reason.REDIRECT_MODE_ERROR: 'the server redirects, and the page said redirect: "error".',
    Reason.REDIRECT_UNPARSABLE: "the server redirects to what is no URL.",
    Reason.REDIRECT_BAD_SCHEME: "the server redirects to {target}, which is neither http nor https.",
    Reason.TOO_MANY_REDIRECTS: "the server redirects again and again.",
    Reason.REDIRECT_USERINFO: "the server redirects to a URL with a user or a password in it.",
    Reason.REDIRECT_STREAM_BODY: "the server redirects, and a body that is a stream cannot be sent twice.",
}


def cause(failure: Failure) -> str:
    """
    Return in a sentence what failed, for whom and why.
    """
    words, sentence = words_of(failure), _CAUSES[failure.reason]
    if not words["status"]:
        sentence = sentence.replace(" ({status})", "").replace("{status}, which", "a status that")
    told = sentence.format_map(words)
    return f"{words['method']} {words['url']} failed for a page on {words['page_origin']}: {told}"


def report(failure: Failure, exchanges: Iterable[Exchange]) -> str:
    """
    Return the whole story: what failed and what to change, what the consoles say, and what went over the wire.

    Values of `Cookie`, `Authorization` and `Set-Cookie`, and passwords in a `Location`, are not shown.
    """
    return "\n".join(
        [
            cause(failure),
            "",
            str(fix(failure)),
            "",
            f"{failure.code}: {failure.clause}",
            f"Chromium: {chromium(failure)}",
            f"Firefox:  {firefox(failure)}",
            *(f"Note: {note}" for note in notes(failure)),
            "",
            *_wire(list(exchanges)),
        ]
    )


def _wire(exchanges: list[Exchange]) -> Iterator[str]:
    yield "On the wire:" if exchanges else "Nothing was sent."
    half, more = _MOST_EXCHANGES // 2, len(exchanges) - _MOST_EXCHANGES
    for number, exchange in enumerate(exchanges, 1):
        if more > 0 and half < number <= half + more:
            if number == half + 1:
                yield f"      ... {more} more ..."
            continue
        request, response = exchange.request, exchange.response
        yield f"{number:3}. {as_shown(request.method)} {as_shown(request.url)}{' (preflight)' * exchange.is_preflight}"
        yield from _lines("> ", request.headers, _SHOWN_REQUEST_HEADERS)
        yield "     < no response" if response is None else f"     < {response.status}"
        yield from _lines("< ", () if response is None else response.headers, _SHOWN_RESPONSE_HEADERS)


def _lines(mark: str, headers: Iterable[Header], shown: frozenset[str]) -> Iterator[str]:
    lines = [(name, value) for name, value in headers if _is_shown(name.lower(), shown)]
    for name, value in lines[:_MOST_LINES]:
        secret = name.lower() in _SECRETS
        yield f"     {mark}{as_shown(name)}: {'(not shown)' if secret else as_shown(without_password(value))}"
    if len(lines) > _MOST_LINES:
        yield f"     {mark}... {len(lines) - _MOST_LINES} more"


def _is_shown(name: str, shown: frozenset[str]) -> bool:
    return name in shown or name.startswith("access-control-")
