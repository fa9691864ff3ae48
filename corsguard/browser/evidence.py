"""
What a failure shows, read safely: what was answered, where a redirect leads, what a list was meant to contain.

Strings from the network are bounded before they are read. They are shown in printable ASCII, shortened, without
passwords.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
    NON_WILDCARD_REQUEST_HEADER,
    SAFELISTED_METHODS,
)
from corsguard.origin import NULL
from corsguard.quoting import LONGEST_QUOTE

from .failures import Failure
from .headers import Unparsable, escaped, get, tokens_of, values_of
from .reasons import Reason, reasons_about
from .urls import Url, is_same_origin, is_same_site
from .wire import Header

# How many characters of a string from the network are read, how many are shown (more in a console line), and how many
# names.
LONGEST_READ: Final = 8192
_LONGEST_WORD: Final = 1000
LONGEST_NAME: Final = 128
MOST_NAMES: Final = 24

_LOGIN: Final = re.compile(
    r"(?<![a-z])(?:user)?(?:log|sign)[-_]?in(?![a-z])|(?i:login(?=page|form|\.))|\bsso\b|oauth|saml|/auth\b|accounts?\.|"
    # RFC 6749, 4.1.1, and WS-Federation.
    r"/authorize(?=[/?#]|$)|[?&](?:response_type|wtrealm)=",
    re.IGNORECASE,
)
# Where a login begins, and no other resource is.
_LOGIN_START: Final = re.compile(
    r"(?<![a-z])(?:log|sign)[-_]?in(?:/[\w-]{1,40})?/?(?:[?#]|$)|/authorize/?(?:[?#]|$)|[?&](?:response_type|wtrealm)=|"
    r"/oauth2?/(?:auth|authorization|start)(?![\w.-])|/saml2?/(?:login|sso)(?![\w.-])|"
    r"/auth/(?:\w{0,20}oauth2?|apple|discord|facebook|github|gitlab|google|linkedin|microsoft|oidc|saml|slack|twitter)/?"
    r"(?:[?#]|$)",
    re.IGNORECASE,
)

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

# The response headers of CORS, and how similar, from 0 to 1, a misspelt name is.
_OF_RESPONSES: Final = [
    name.lower() for name in (ALLOW_ORIGIN, ALLOW_CREDENTIALS, ALLOW_METHODS, ALLOW_HEADERS, EXPOSE_HEADERS, MAX_AGE)
]
_NEAR: Final = 0.85

# The reasons whose value is a URL from the network.
_WITH_LOCATION: Final = reasons_about("Location")

_PREFLIGHT: Final = "Response to preflight request doesn't pass access control check: "

# For transports that do not know Chromium's name of an error: the library's words, and the name. The first match
# counts.
_NET_ERRORS: Final = (
    ("notfound", "NAME_NOT_RESOLVED"),
    ("eai_again", "NAME_NOT_RESOLVED"),
    ("host lookup", "NAME_NOT_RESOLVED"),
    ("unknown_host", "NAME_NOT_RESOLVED"),
    ("timed_out", "CONNECTION_TIMED_OUT"),
    ("timedout", "CONNECTION_TIMED_OUT"),
    ("refused", "CONNECTION_REFUSED"),
    ("reset", "CONNECTION_RESET"),
    ("timed out", "CONNECTION_TIMED_OUT"),
    ("timeout", "CONNECTION_TIMED_OUT"),
    ("name or service", "NAME_NOT_RESOLVED"),
    ("name resolution", "NAME_NOT_RESOLVED"),
    ("getaddrinfo", "NAME_NOT_RESOLVED"),
    ("disconnected", "EMPTY_RESPONSE"),
    ("illegal status", "INVALID_HTTP_RESPONSE"),
    ("invalid_http_response", "INVALID_HTTP_RESPONSE"),
    ("self-signed", "CERT_AUTHORITY_INVALID"),
    ("issuer", "CERT_AUTHORITY_INVALID"),
    ("expired", "CERT_DATE_INVALID"),
    ("not yet valid", "CERT_DATE_INVALID"),
    ("mismatch", "CERT_COMMON_NAME_INVALID"),
    ("not valid for", "CERT_COMMON_NAME_INVALID"),
)
# Chromium's own names, of which Firefox and Node have none.
_OF_CHROMIUM: Final = re.compile(
    r"(?:ADDRESS|CERT|CONNECTION|HTTP2|INTERNET|NAME|NETWORK|PROXY|QUIC|SSL|TUNNEL)_(?!TIMED_OUT)[A-Z0-9_]+|(?:CONNECTION_)?TIMED_OUT|EMPTY_RESPONSE"
)

# Headers that need a preflight only with an unusual value.
_VALUES_IN_QUESTION: Final = frozenset({"accept", "accept-language", "content-language"})
_PREFIXES_OF_LIBRARIES: Final = ("sentry-", "x-datadog-", "x-firebase-", "x-goog-", "x-ms-client-", "x-stainless-")
_LIBRARY_HEADERS: Final = frozenset(
    "baggage sentry-trace traceparent tracestate x-b3-traceid x-datadog-trace-id x-requested-with".split()
)


class FailureWords(dict[str, str]):
    """
    The values for the placeholders of the texts about *failure*, safe to show. A text needs few of them, so each is
    made when it is needed.
    """

    def __init__(self, failure: Failure) -> None:
        self._failure = failure

    def __missing__(self, name: str) -> str:
        word = self[name] = as_shown(_WORDS[name](self._failure), _LONGEST_WORD)
        return word


def net_error_of(failure: Failure) -> str:
    """
    Return Chromium's name for the missing response: from the transport or the console, or else from the words of a
    library.
    """
    if failure.net_error or _OF_CHROMIUM.fullmatch(failure.value or ""):
        return failure.net_error or failure.value or ""
    said = (failure.value or "").lower()
    fallback = "SSL_PROTOCOL_ERROR" if failure.reason is Reason.TLS else "CONNECTION_FAILED"
    return next((error for sign, error in _NET_ERRORS if sign in said), fallback)


def headers_of(failure: Failure) -> tuple[Header, ...]:
    exchange = failure.exchange
    lines = () if exchange is None or exchange.response is None else exchange.response.headers
    return tuple((name, value[:LONGEST_READ]) for name, value in lines)


def status_of(failure: Failure) -> str:
    exchange = failure.exchange
    return "" if exchange is None or exchange.response is None else str(exchange.response.status or "")


def redirect_target(failure: Failure) -> Url | str | None:
    """
    Return where the answer redirects, None if nowhere. If it does not name one URL, return the name of Chromium's
    wording for that: a variant of Reason.REDIRECT_UNPARSABLE.
    """
    locations = set(values_of(headers_of(failure), "Location"))
    # A console says where a redirect leads, but not its status.
    if not locations or status_of(failure) not in {"", *map(str, REDIRECTS)}:
        return None
    if len(locations) > 1:
        return "several_locations"
    return url_of(escaped(locations.pop()[:LONGEST_READ]), url_of(failure.url)) or ""


def is_login(url: str, source: str = "") -> bool:
    """
    Whether *url* looks like that of a login page, and *source*, which led to it, is not a URL of the same login.
    """
    first, last = url_of(source), url_of(url)
    is_within = first is not None and last is not None and first.origin == last.origin
    return _LOGIN.search(url) is not None and not (is_within and _LOGIN.search(source) is not None)


def starts_login(url: str) -> bool:
    """
    Whether a page that requests *url* most likely wants to log in.
    """
    return _LOGIN_START.search(url) is not None


def is_redirected_to_login(failure: Failure) -> bool:
    """
    Whether the answer itself redirects to what looks like a login page.
    """
    target = redirect_target(failure)
    return isinstance(target, Url) and is_login(target.href, failure.url)


def is_led_to_login(failure: Failure) -> bool:
    """
    Whether redirects led from the URL of the call to what looks like a login page.
    """
    return failure.url != failure.first_url and is_login(failure.url, failure.first_url)


def is_tainted(origin: str, first: str, last: str) -> bool:
    """
    Return whether a redirect from *first* to *last* made the Origin of a page on *origin* null (Fetch,
    "redirect-tainted origin").
    """
    begun, ended = url_of(first), url_of(last)
    return begun is not None and ended is not None and begun.origin not in {origin, ended.origin}


def scheme_of(failure: Failure) -> str:
    target = redirect_target(failure)
    url = target if isinstance(target, Url) else url_of(failure.url)
    return "" if url is None else url.scheme


def _shared_with(value: str | None) -> str:
    if value is None:
        return "another origin"
    return f'"{value}"' if value else "nobody (the header is empty)"


def is_foreign(failure: Failure) -> bool:
    """
    Whether CORS applied to the fetch, as far as its first and its last two URLs show.
    """
    urls = (url_of(failure.first_url), url_of(failure.url), redirect_target(failure))
    return failure.mode == "cors" and any(
        isinstance(url, Url) and not is_same_origin(failure.page_origin, url.origin) for url in urls
    )


def tokens_listed(failure: Failure, name: str) -> list[str]:
    """
    Return what the answer lists under *name*, or what it probably meant to list.
    """
    try:
        listed = tokens_of(headers_of(failure), name)
    except Unparsable as error:
        # What follows a colon is the value of a header, and no name.
        listed = re.findall(r"[A-Za-z][A-Za-z0-9-]*", re.sub(r":[^,]*", "", error.value[:LONGEST_READ]))
    return (listed or [])[:MOST_NAMES]


def bad_item(failure: Failure) -> str:
    try:
        tokens_of(headers_of(failure), ALLOW_METHODS)
        tokens_of(headers_of(failure), ALLOW_HEADERS)
    except Unparsable as error:
        return as_shown(error.item)
    return as_shown(failure.value or "")


def misspelt_for(name: str, headers: Iterable[Header]) -> str:
    """
    Return as a sentence which of *headers* is a misspelt *name*, one of the response headers of CORS; empty if none is.
    """
    for other in (other for other, _ in headers if len(other) <= LONGEST_NAME and other.lower() not in _OF_RESPONSES):
        meant = get_close_matches(other.lower().replace("_", "-"), _OF_RESPONSES, n=1, cutoff=_NEAR)
        if meant == [name.lower()]:
            return f"The answer has {as_shown(other)}, which no browser reads: the name is {name}."
    return ""


def method_is_allowed(failure: Failure) -> bool:
    listed = tokens_listed(failure, ALLOW_METHODS)
    if failure.method in SAFELISTED_METHODS or failure.method in listed:
        return True
    return "*" in listed and not failure.with_credentials


def refused_headers(failure: Failure) -> list[str]:
    """
    Return the names that the preflight asked for and the answer does not allow, in order.
    """
    if failure.exchange is None:
        return []
    asked = (get(failure.exchange.request.headers, "Access-Control-Request-Headers") or "")[:LONGEST_READ]
    listed = {name.lower() for name in tokens_listed(failure, ALLOW_HEADERS)}
    wildcard = "*" in listed and not failure.with_credentials
    names = (name.strip(" \t").lower() for name in asked.split(","))
    return [
        name for name in names if name and name not in listed and not (wildcard and name != NON_WILDCARD_REQUEST_HEADER)
    ]


def why_sent(refused: Sequence[str], *, is_seen: bool) -> str:
    """
    Return why a page sends the *refused* headers; empty if the names do not tell. *is_seen* tells whether the request
    is known.
    """
    if refused == ["content-type"]:
        return "A JSON body adds the header Content-Type."
    if all(name in _LIBRARY_HEADERS or name.startswith(_PREFIXES_OF_LIBRARIES) for name in refused):
        return "Most likely, a library in the page adds it: allow it, or switch it off there."
    if not is_seen and any(map(_VALUES_IN_QUESTION.__contains__, refused)):
        # Fetch, "CORS-safelisted request-header".
        return (
            "The browser asks for this header only because of its value: it is longer than 128 bytes, or has a "
            "character that is not usual there. Send a plain value, or allow the header."
        )
    return ""


def refuses_authorization_only(failure: Failure) -> bool:
    """
    Whether only Authorization is refused, because `*` does not cover it. Browsers only warn about that.
    """
    if failure.reason is not Reason.HEADER_NOT_ALLOWED or failure.value != NON_WILDCARD_REQUEST_HEADER:
        return False
    return "*" in tokens_listed(failure, ALLOW_HEADERS) and not failure.with_credentials


def url_of(text: str, base: Url | None = None) -> Url | None:
    try:
        return Url.parse(text[:LONGEST_READ], base)
    except ValueError:
        return None


def utf8(value: str | None) -> str:
    # A URL parser takes text, so the bytes of a server have to be UTF-8.
    return (value or "")[:LONGEST_READ].encode("latin-1", "replace").decode("utf-8", "replace")


def without_password(text: str) -> str:
    return re.sub(r"//[^/?#\s]*@", "//...@", text[:LONGEST_READ])


def as_shown(text: str, longest: int = LONGEST_QUOTE) -> str:
    """
    Return *text* as Chromium's console shows it, shortened to *longest* characters.
    """
    shown = in_ascii(text[:longest])
    return shown if len(text) <= longest >= len(shown) else f"{shown[:longest]}..."


def in_ascii(text: str, keep: str = "") -> str:
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if " " <= char <= "~" or char in keep else f"\\u{ord(char):04X}" for char in text)


def is_within_site(failure: Failure) -> bool:
    """
    Return whether page and server are of one site (HTML, "same site").
    """
    url = url_of(failure.url)
    return url is not None and url_of(failure.page_origin) is not None and is_same_site(failure.page_origin, url.origin)


def _content(failure: Failure) -> str:
    # Firefox names the server that redirects; in all other cases it names the page.
    is_redirect = failure.mode == "cors" and isinstance(redirect_target(failure), Url)
    return failure.url if is_redirect else _page(failure)


def _in_brackets(failure: Failure) -> str:
    status = status_of(failure)
    return f" ({status})" if status else ""


def _page(failure: Failure) -> str:
    return failure.page_origin if failure.page_origin == NULL else f"{failure.page_origin}/"


def _target(failure: Failure) -> str:
    target = redirect_target(failure)
    return target.href if isinstance(target, Url) else failure.url


def _is_of_http(failure: Failure) -> bool:
    # If the failed URL is not this one, only the console knew the scheme.
    return scheme_of(failure) in {"", "http", "https"}


def _scheme_named(failure: Failure) -> str:
    scheme = scheme_of(failure)
    if failure.reason is Reason.BAD_SCHEME and _is_of_http(failure):
        # The console may name the scheme alone.
        scheme = failure.value or ""
    return f"the scheme {scheme}:" if scheme not in {"", "http", "https"} else "a scheme other than http: and https:"


def _field_fault(failure: Failure) -> str:
    name, found = failure.value or "", values_of(headers_of(failure), failure.value or "")
    if failure.exchange is None:
        return f"{name} is missing in the answer, or wrong"
    if len(found) != 1:
        return f"{name} came {len(found)} times" if found else f"{name} is missing in the answer"
    return f'{name} is "{as_shown(found[0])}", which does not fit this handshake'


def _what_status(failure: Failure) -> str:
    status = status_of(failure)
    return f"{status}, which" if status else "a status that"


_WORDS: Final[Mapping[str, Callable[[Failure], str]]] = {
    "allow_origin": lambda failure: get(headers_of(failure), ALLOW_ORIGIN) or "",
    "answer": lambda failure: "the answer to the preflight" if failure.is_preflight else "the response",
    "bare_url": lambda failure: failure.url.partition("#")[0],
    "content": _content,
    "field_fault": _field_fault,
    "first_url": lambda failure: failure.first_url,
    "found": lambda failure: ", ".join(values_of(headers_of(failure), failure.value or "")),
    "header_named": lambda failure: (
        f"the request header {failure.value}" if failure.value else "a request header of the page"
    ),
    "in_brackets": _in_brackets,
    "initiator": lambda failure: failure.initiator,
    "item": bad_item,
    "method": lambda failure: failure.method,
    "net": net_error_of,
    "page": _page,
    "page_origin": lambda failure: failure.page_origin,
    "port_named": lambda failure: f"port {failure.value}" if failure.value else "this port",
    "preflight": lambda failure: _PREFLIGHT if failure.is_preflight else "",
    "redirected": lambda failure: (
        "" if failure.url == failure.first_url else f" (redirected from '{failure.first_url}')"
    ),
    "refused": lambda failure: next(iter(refused_headers(failure)), failure.value or ""),
    # The words of libraries about a broken connection end with a full stop already.
    "said": lambda failure: (failure.value or "").rstrip("."),
    "scheme": scheme_of,
    "scheme_named": _scheme_named,
    "sent_origin": lambda failure: failure.sent_origin,
    "shared_with": lambda failure: _shared_with(failure.value),
    "status": status_of,
    "target": _target,
    "target_named": lambda failure: "something" if _is_of_http(failure) else _target(failure),
    "url": lambda failure: failure.url,
    "value": lambda failure: (without_password if failure.reason in _WITH_LOCATION else str)(failure.value or ""),
    "what_status": _what_status,
}
