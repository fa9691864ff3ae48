"""
How a failed fetch reads: the lines of Chromium's and Firefox's consoles, what to change, and the whole story.

Pure functions of a Failure. The texts are those that Chromium 156 and Firefox 153 print, played and read; what they
differ in from the standard is in the notes. What came from the network is shown in printable ASCII and cut, and
neither cookies nor passwords are shown at all.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from corsguard.errors import PolicyError
from corsguard.explanation import Step, explain
from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    FORBIDDEN_METHODS,
    NON_WILDCARD_REQUEST_HEADER,
    OWNED_PREFIX,
    SAFELISTED_METHODS,
    UPPER_CASE_METHODS,
    is_forbidden_request_header,
    is_token,
)
from corsguard.origin import NULL, Origin
from corsguard.policy import Policy

from .failures import CORS_CHECK, Failure, Reason
from .headers import Unparsable, get, tokens_of, values_of
from .urls import Url, address_space, is_same_origin, is_same_site
from .wire import Exchange, Header

# What is shown of a string from the network (in a console's line, more), how much of it is looked at, and how many
# names, lines and exchanges are told.
_LONGEST_QUOTE: Final = 200
_LONGEST_WORD: Final = 1000
_LONGEST_READ: Final = 8192
_LONGEST_NAME: Final = 128
_MOST_NAMES: Final = 24
_MOST_LINES: Final = 24
_MOST_EXCHANGES: Final = 8

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_BLOCKED: Final = "Access to fetch at '{url}'{redirected} from origin '{page_origin}' has been blocked by CORS policy: "
_CHECKED: Final = _BLOCKED + "{preflight}"
_VALID: Final = " Have the server send the header with a valid value."
_NET: Final = "Failed to load resource: net::ERR_"
_CANNOT: Final = "Fetch API cannot load {url}. "
_MODE: Final = "when the request's credentials mode is 'include'."

_WARNING: Final = "wildcard and Authorization"
_LEFT_ORIGIN: Final = "redirected out of the origin"
_REDIRECTED_PORT: Final = "redirected to a bad port"
# By reason, and by variants of a reason that Chromium words otherwise.
_CHROMIUM: Final[Mapping[str, str]] = {
    Reason.FORBIDDEN_METHOD: (
        "TypeError: Failed to execute 'fetch' on 'Window': '{value}' HTTP method is unsupported."
    ),
    Reason.BAD_PORT: f"{_NET}UNSAFE_PORT",
    Reason.MIXED_CONTENT: (
        "Mixed Content: The page at '{page}' was loaded over HTTPS, but requested an insecure resource '{bare_url}'. "
        "This request has been blocked; the content must be served over HTTPS."
    ),
    Reason.SAME_ORIGIN_MODE: (
        _CANNOT + 'Request mode is "same-origin" but the URL\'s origin is not same as the request origin {page_origin}.'
    ),
    _LEFT_ORIGIN: (
        "Unsafe attempt to load URL {target} from frame with URL {page}. Domains, protocols and ports must match."
    ),
    Reason.NO_CORS_REDIRECT_MODE: _CANNOT + 'Request mode is "no-cors" but the redirect mode is not "follow".',
    Reason.BAD_SCHEME: _CANNOT + 'URL scheme "{scheme}" is not supported.',
    "file": "Not allowed to load local resource: {url}",
    Reason.UNREACHABLE: f"{_NET}{{net}}",
    Reason.TLS: f"{_NET}{{net}}",
    Reason.TLS_CLIENT_CERTIFICATE: f"{_NET}BAD_SSL_CLIENT_AUTH_CERT",
    Reason.PREFLIGHT_REDIRECT: _CHECKED + "Redirect is not allowed for a preflight request.",
    Reason.MISSING_ALLOW_ORIGIN: (
        _CHECKED + "No 'Access-Control-Allow-Origin' header is present on the requested resource."
    ),
    Reason.WILDCARD_WITH_CREDENTIALS: (
        _CHECKED + "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' "
        f"{_MODE}"
    ),
    Reason.MULTIPLE_ALLOW_ORIGIN: (
        _CHECKED + "The 'Access-Control-Allow-Origin' header contains multiple values '{value}', but only one is "
        f"allowed.{_VALID}"
    ),
    Reason.ALLOW_ORIGIN_MISMATCH: (
        _CHECKED + "The 'Access-Control-Allow-Origin' header has a value '{value}' that is not equal to the supplied "
        f"origin.{_VALID}"
    ),
    "no URL": _CHECKED + f"The 'Access-Control-Allow-Origin' header contains the invalid value '{{value}}'.{_VALID}",
    Reason.ALLOW_CREDENTIALS_NOT_TRUE: (
        _CHECKED + "The value of the 'Access-Control-Allow-Credentials' header in the response is '{value}' which must "
        f"be 'true' {_MODE}"
    ),
    Reason.PREFLIGHT_STATUS: _CHECKED + "It does not have HTTP ok status.",
    Reason.ALLOW_METHODS_UNPARSABLE: (
        _BLOCKED + "Cannot parse Access-Control-Allow-Methods response header field in preflight response."
    ),
    Reason.ALLOW_HEADERS_UNPARSABLE: (
        _BLOCKED + "Cannot parse Access-Control-Allow-Headers response header field in preflight response."
    ),
    Reason.METHOD_NOT_ALLOWED: (
        _BLOCKED + "Method {value} is not allowed by Access-Control-Allow-Methods in preflight response."
    ),
    Reason.HEADER_NOT_ALLOWED: (
        _BLOCKED + "Request header field {value} is not allowed by Access-Control-Allow-Headers in preflight response."
    ),
    _WARNING: (
        "Authorization will not be covered by the wildcard symbol (*) in CORS `Access-Control-Allow-Headers` handling."
    ),
    Reason.CORP: f"{_NET}BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep",
    "corp same-origin": f"{_NET}BLOCKED_BY_RESPONSE.NotSameOrigin",
    "corp same-site": f"{_NET}BLOCKED_BY_RESPONSE.NotSameSite",
    Reason.REDIRECT_MODE_ERROR: f"{_NET}FAILED",
    Reason.REDIRECT_UNPARSABLE: f"{_NET}INVALID_REDIRECT",
    "several locations": f"{_NET}RESPONSE_HEADERS_MULTIPLE_LOCATION",
    # The schemes are those of Chromium on a desktop; embedders have others.
    Reason.REDIRECT_BAD_SCHEME: (
        "Access to fetch at '{target}' (redirected from '{first_url}') from origin '{page_origin}' has been blocked by "
        "CORS policy: Cross origin requests are only supported for protocol schemes: chrome, "
        "chrome-experimental-site-token-provider, chrome-extension, chrome-untrusted, data, http, https, isolated-app."
    ),
    "unsafe redirect": f"{_NET}UNSAFE_REDIRECT",
    "unknown scheme": f"{_NET}UNKNOWN_URL_SCHEME",
    Reason.TOO_MANY_REDIRECTS: f"{_NET}TOO_MANY_REDIRECTS",
    # Chromium leaves the location empty, lest the password stand in a log.
    Reason.REDIRECT_USERINFO: (
        _BLOCKED + "Redirect location '' contains a username and password, which is disallowed for cross-origin "
        "requests."
    ),
    Reason.REDIRECT_STREAM_BODY: f"{_NET}INVALID_ARGUMENT",
}

_REFUSED: Final = (
    "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at {url}. (Reason: "
)
_NOT_TOLD: Final = "TypeError: NetworkError when attempting to fetch resource."
_NO_RESPONSE: Final = _REFUSED + "CORS request did not succeed). Status code: (null)."
_SECURITY: Final = "Security Error: Content at {content} may not load "

# By reason, and by variants of a reason that Firefox words otherwise; its quotation marks are put in below.
_FIREFOX_PLAIN: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (Reason.BAD_PORT, Reason.NO_CORS_REDIRECT_MODE, Reason.REDIRECT_MODE_ERROR, _SILENT := "silent"), _NOT_TOLD
    ),
    **dict.fromkeys(
        (
            Reason.UNREACHABLE,
            Reason.TLS,
            Reason.TLS_CLIENT_CERTIFICATE,
            Reason.REDIRECT_UNPARSABLE,
            Reason.TOO_MANY_REDIRECTS,
            Reason.REDIRECT_USERINFO,
            Reason.REDIRECT_STREAM_BODY,
        ),
        _NO_RESPONSE,
    ),
    Reason.FORBIDDEN_METHOD: "TypeError: Window.fetch: Invalid request method {value}.",
    # Firefox names the URL that redirected; the first one is that, if it was the only one.
    _REDIRECTED_PORT: _NO_RESPONSE.replace("{url}", "{first_url}"),
    Reason.MIXED_CONTENT: 'Blocked loading mixed active content "{url}"',
    Reason.SAME_ORIGIN_MODE: _SECURITY + "data from {target}.",
    Reason.BAD_SCHEME: _REFUSED + "CORS request not http).",
    Reason.REDIRECT_BAD_SCHEME: _REFUSED.replace("{url}", "{target}") + "CORS request not http).",
    "file": _SECURITY + "or link to {target}.",
    "blob": _SECURITY + "data from {target}.",
    "data": 'Redirecting to data: URI not allowed (Blocked loading of: "{target}")',
    Reason.PREFLIGHT_REDIRECT: _REFUSED + "CORS request external redirect not allowed).",
    Reason.MISSING_ALLOW_ORIGIN: (
        _REFUSED + "CORS header 'Access-Control-Allow-Origin' missing). Status code: {status}."
    ),
    Reason.WILDCARD_WITH_CREDENTIALS: (
        _REFUSED.replace("{url}", "'{url}'")
        + "Credential is not supported if the CORS header 'Access-Control-Allow-Origin' is '*')."
    ),
    Reason.MULTIPLE_ALLOW_ORIGIN: _REFUSED + "Multiple CORS header 'Access-Control-Allow-Origin' not allowed).",
    Reason.ALLOW_ORIGIN_MISMATCH: (
        _REFUSED + "CORS header 'Access-Control-Allow-Origin' does not match '{allow_origin}')."
    ),
    Reason.ALLOW_CREDENTIALS_NOT_TRUE: (
        _REFUSED + "expected 'true' in CORS header 'Access-Control-Allow-Credentials')."
    ),
    Reason.PREFLIGHT_STATUS: _REFUSED + "CORS preflight response did not succeed). Status code: {status}.",
    Reason.ALLOW_METHODS_UNPARSABLE: (
        _REFUSED + "invalid token '{item}' in CORS header 'Access-Control-Allow-Methods')."
    ),
    Reason.ALLOW_HEADERS_UNPARSABLE: (
        _REFUSED + "invalid token '{item}' in CORS header 'Access-Control-Allow-Headers')."
    ),
    Reason.METHOD_NOT_ALLOWED: _REFUSED + "Did not find method in CORS header 'Access-Control-Allow-Methods').",
    Reason.HEADER_NOT_ALLOWED: (
        _REFUSED + "header '{refused}' is not allowed according to header 'Access-Control-Allow-Headers' from CORS "
        "preflight response)."
    ),
    _WARNING: (
        "Cross-Origin Request Warning: The Same Origin Policy will disallow reading the remote resource at {url} soon. "
        "(Reason: When the `Access-Control-Allow-Headers` is `*`, the `Authorization` header is not covered. To "
        "include the `Authorization` header, it must be explicitly listed in CORS header "
        "`Access-Control-Allow-Headers`)."
    ),
    Reason.CORP: (
        'The resource at "{url}" was blocked due to its Cross-Origin-Resource-Policy header (or lack thereof). See '
        "https://developer.mozilla.org/docs/Web/HTTP/Cross-Origin_Resource_Policy_(CORP)#"
    ),
}
_FIREFOX: Final[Mapping[str, str]] = {
    key: re.sub('"(.*?)"', "\u201c\\1\u201d", re.sub("'(.*?)'", "\u2018\\1\u2019", text))
    for key, text in _FIREFOX_PLAIN.items()
}

# What a transport says, and what Chromium calls that; the first that fits.
_NET_ERRORS: Final = (
    ("refused", "CONNECTION_REFUSED"),
    ("reset", "CONNECTION_RESET"),
    ("timed out", "CONNECTION_TIMED_OUT"),
    ("timeout", "CONNECTION_TIMED_OUT"),
    ("name or service", "NAME_NOT_RESOLVED"),
    ("name resolution", "NAME_NOT_RESOLVED"),
    ("getaddrinfo", "NAME_NOT_RESOLVED"),
    ("disconnected", "EMPTY_RESPONSE"),
    ("illegal status", "INVALID_HTTP_RESPONSE"),
    ("self-signed", "CERT_AUTHORITY_INVALID"),
    ("issuer", "CERT_AUTHORITY_INVALID"),
    ("expired", "CERT_DATE_INVALID"),
    ("not yet valid", "CERT_DATE_INVALID"),
    ("mismatch", "CERT_COMMON_NAME_INVALID"),
    ("not valid for", "CERT_COMMON_NAME_INVALID"),
)
# To these Chromium follows no redirect, whatever CORS says.
_UNSAFE_SCHEMES: Final = frozenset({"about", "blob", "chrome", "chrome-extension", "data", "file", "filesystem"})
_SOCKET_SCHEMES: Final = frozenset({"ws", "wss"})


def chromium(failure: Failure) -> str:
    """
    Return the line that Chromium's console prints.

    What is no matter of CORS reads there as the network stack says it (`Failed to load resource: net::ERR_...`), and
    a call that is refused at once as the TypeError that it throws.
    """
    return _CHROMIUM[_chromium_variant(failure)].format_map(_words(failure))


def firefox(failure: Failure) -> str:
    """
    Return the first line that Firefox's console prints, or the TypeError where it prints none.

    A failed preflight is followed by a second line, `CORS request did not succeed`, which tells nothing.
    """
    return _FIREFOX[_firefox_variant(failure)].format_map(_words(failure))


def fix(failure: Failure) -> str:
    """
    Return what is wrong and what to change: `send:` the lines of the response, `policy:` the same as keywords of
    corsguard's Policy, `page:` what the page has to write.
    """
    return _printable(_FIXES[failure.reason](failure), keep="\n")


def notes(failure: Failure) -> tuple[str, ...]:
    """
    Return where browsers are laxer or stricter than the standard, as far as that concerns *failure*.
    """
    return tuple(_printable(note) for note in _notes(failure))


def report(failure: Failure, exchanges: Iterable[Exchange]) -> str:
    """
    Return the whole story: what failed and what to change, what the consoles say, and what went over the wire.

    Values of `Cookie`, `Authorization` and `Set-Cookie`, and passwords in a `Location`, are not shown.
    """
    words = _words(failure)
    cause = _CAUSES[failure.reason].format_map(words)
    return "\n".join(
        [
            f"{words['method']} {words['url']} failed for a page on {words['page_origin']}: {cause}",
            "",
            *fix(failure).split("\n"),
            "",
            f"{failure.code}: {failure.clause}",
            f"Chromium: {chromium(failure)}",
            f"Firefox:  {firefox(failure)}",
            *(f"Note: {note}" for note in notes(failure)),
            "",
            *_wire(list(exchanges)),
        ]
    )


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


def _chromium_variant(failure: Failure) -> str:
    target, scheme = _redirect_target(failure), _scheme(failure)
    if isinstance(target, str):
        # The network stack looks at a redirect before CORS does.
        return target
    match failure.reason:
        case Reason.ALLOW_ORIGIN_MISMATCH if failure.value != NULL and _url(_utf8(failure.value)) is None:
            return "no URL"
        case Reason.SAME_ORIGIN_MODE if failure.url != failure.first_url:
            return _LEFT_ORIGIN
        case Reason.REDIRECT_BAD_SCHEME if failure.mode == "same-origin" and scheme not in _UNSAFE_SCHEMES:
            return _LEFT_ORIGIN
        case Reason.BAD_SCHEME if scheme == "file":
            return "file"
        case Reason.REDIRECT_BAD_SCHEME if scheme in _UNSAFE_SCHEMES:
            return "unsafe redirect"
        case Reason.REDIRECT_BAD_SCHEME if failure.mode == "no-cors" or scheme in _SOCKET_SCHEMES:
            return "unknown scheme"
        case Reason.HEADER_NOT_ALLOWED if _only_warned_of(failure):
            return _WARNING
        case Reason.CORP if failure.value in {"same-origin", "same-site"}:
            return f"corp {failure.value}"
        case reason:
            return reason


def _firefox_variant(failure: Failure) -> str:
    target = _redirect_target(failure)
    no_response = Reason.UNREACHABLE if _is_foreign(failure) else _SILENT
    if isinstance(target, str):
        return no_response
    if target is not None and target.scheme in {"blob", "data", "file"}:
        return target.scheme
    match failure.reason:
        case reason if reason in CORS_CHECK:
            return _gecko_check(failure) or reason
        case Reason.PREFLIGHT_REDIRECT:
            followed = target is None or target.scheme in {"http", "https"}
            return _gecko_check(failure) or (failure.reason if followed else no_response)
        case Reason.BAD_PORT if failure.url != failure.first_url and failure.mode == "cors":
            return _REDIRECTED_PORT
        case Reason.BAD_SCHEME | Reason.REDIRECT_BAD_SCHEME:
            return _gecko_scheme(failure, no_response)
        case Reason.ALLOW_HEADERS_UNPARSABLE if not _method_is_allowed(failure):
            return Reason.METHOD_NOT_ALLOWED
        case Reason.HEADER_NOT_ALLOWED if _only_warned_of(failure):
            return _WARNING
        case reason:
            return no_response if _FIREFOX[reason] == _NO_RESPONSE else reason


def _gecko_scheme(failure: Failure, no_response: str) -> str:
    scheme, redirected = _scheme(failure), failure.reason is Reason.REDIRECT_BAD_SCHEME
    if scheme in {"blob", "file"}:
        return scheme
    if failure.mode == "no-cors":
        return _SILENT
    if failure.mode == "same-origin":
        return Reason.SAME_ORIGIN_MODE
    if scheme in {"chrome", *_SOCKET_SCHEMES} or (scheme == "javascript" and redirected):
        return no_response if redirected else _SILENT
    return failure.reason


def _gecko_check(failure: Failure) -> Reason | None:
    """
    Return what Firefox finds wrong in an answer: it counts the lines first, and looks at redirects last.
    """
    headers = _headers(failure)
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


def _words(failure: Failure) -> dict[str, str]:
    """
    Return what the texts may name, fit to be shown.
    """
    target = _redirect_target(failure)
    page = failure.page_origin if failure.page_origin == NULL else f"{failure.page_origin}/"
    refused = _refused_headers(failure)
    cause = (failure.value or "").lower()
    fallback = "SSL_PROTOCOL_ERROR" if failure.reason is Reason.TLS else "CONNECTION_FAILED"
    words = {
        "allow_origin": get(_headers(failure), ALLOW_ORIGIN) or "",
        "bare_url": failure.url.partition("#")[0],
        "answer": "the answer to the preflight" if failure.is_preflight else "the response",
        # Firefox names the server that redirects, and the page for everything else.
        "content": failure.url if failure.mode == "cors" and isinstance(target, Url) else page,
        "first_url": failure.first_url,
        "item": _bad_item(failure),
        "method": failure.method,
        "net": next((error for sign, error in _NET_ERRORS if sign in cause), fallback),
        "page": page,
        "page_origin": failure.page_origin,
        "preflight": _PREFLIGHT if failure.is_preflight else "",
        "redirected": "" if failure.url == failure.first_url else f" (redirected from '{failure.first_url}')",
        "refused": refused[0] if refused else failure.value or "",
        "scheme": _scheme(failure),
        "sent_origin": failure.sent_origin,
        "status": _status(failure),
        "target": _without_password(target.href if isinstance(target, Url) else failure.url),
        "url": failure.url,
        "value": (_without_password if failure.reason.startswith("redirect") else str)(failure.value or ""),
    }
    return {name: _shown(word, _LONGEST_WORD) for name, word in words.items()}


_PREFLIGHT: Final = "Response to preflight request doesn't pass access control check: "


# What to change.

_OUTERMOST: Final = "Put the CORS layer outermost (CORSMiddleware around everything, or first in MIDDLEWARE)"
_NO_COOKIES: Final = 'leave out credentials: "include", if it needs no cookies (a bearer token is none)'

# Who answers so instead of the CORS layer: to a preflight, and to the request itself.
_BY_STATUS: Final = {
    **dict.fromkeys(
        (401, 403, 407),
        (
            "Authentication runs before CORS, but a preflight never carries cookies, Authorization or a certificate.",
            "Not CORS: the user is not logged in or not allowed, and what says so stands outside the CORS layer.",
        ),
    ),
    **dict.fromkeys(
        (404, 405, 501),
        (
            "OPTIONS reaches the router, which has no route for it: the CORS layer has to answer preflights first.",
            "Nothing serves this, or nothing that is guarded: compare the URL, the method and the guarded paths.",
        ),
    ),
    **dict.fromkeys(
        (413, 414, 429, 431, 502, 503, 504),
        ("Not CORS: a proxy or the server itself says so. Mend that first.",) * 2,
    ),
    500: (
        "The server fails on the preflight: look at its log.",
        "Not CORS: an unhandled exception, rendered outside the CORS layer. Look at the server's log.",
    ),
}
_LOGIN: Final = re.compile(r"log-?in|sign-?in|\bsso\b|oauth|saml|/auth\b|accounts?\.", re.IGNORECASE)
_LIBRARY_HEADERS: Final = frozenset(
    "baggage sentry-trace traceparent tracestate x-b3-traceid x-datadog-trace-id x-requested-with".split()
)


def _change(why: str, *send: str, policy: str = "", page: str = "") -> str:
    lines = [*(("send:", line) for line in send), ("policy:", policy), ("page:", page)]
    return "\n".join([why, *(f"    {name:8}{line}" for name, line in lines if line)])


def _share(failure: Failure, why: str, *kept: str, page: str = "") -> str:
    """
    Return the change that shares with the page's origin, and still with those *kept* that a policy accepts.
    """
    origin, credentials = failure.sent_origin, failure.with_credentials
    if Origin.parse(origin) is None:
        return _share_with_none(failure, why)
    if credentials and not _is_sound(origin, credentials=True):
        origin = origin.replace("http://", "https://", 1)
        why += " With credentials, load the page by https: by plain http, whoever sits on the network may act as it."
        page = f"load it from {origin}"
    send = [f"{ALLOW_ORIGIN}: {origin}", *([f"{ALLOW_CREDENTIALS}: true"] if credentials else []), "Vary: Origin"]
    listed = [other for other in dict.fromkeys(kept) if _is_sound(other, credentials=credentials)]
    if not (listed and _origin_step(listed, origin).passed):
        listed.append(origin)
    policy = f"allow_origins={json.dumps(listed)}" + (", allow_credentials=True" if credentials else "")
    return _change(why, *send, policy=policy, page=page)


def _share_with_none(failure: Failure, why: str) -> str:
    if failure.page_origin != NULL:
        cause = "The redirect from one foreign origin to another makes the Origin null. Let the page ask the last URL"
        page = f'fetch("{_shown(failure.url)}")'
    else:
        cause = "The page has no origin of its own (a sandboxed frame, a file, a data: URL). Load it by https"
        page = 'load it from a server; in a frame, sandbox="allow-scripts allow-same-origin"'
    if failure.with_credentials:
        return _change(f"{why} {cause}: null is never shared with credentials.", page=page)
    cause += "; or, if the data are public, share with everyone."
    return _change(f"{why} {cause}", f"{ALLOW_ORIGIN}: *", policy='allow_origins="*"', page=page)


def _origin_step(patterns: list[str], origin: str) -> Step:
    return explain(Policy(allow_origins=patterns), {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}).steps[0]


def _is_sound(origin: str, *, credentials: bool) -> bool:
    try:
        Policy(allow_origins=[origin], allow_credentials=credentials)
    except PolicyError:
        return False
    return True


def _missing(failure: Failure) -> str:
    if "origin" in (get(_headers(failure), "Vary") or "").lower():
        return _share(failure, "The answer varies on Origin, so a CORS layer is there and does not list this origin.")
    return _share(failure, _why_bypassed(failure))


def _why_bypassed(failure: Failure) -> str:
    """
    Return who answered in place of the CORS layer, as the status tells.
    """
    status = 0 if failure.exchange is None or failure.exchange.response is None else failure.exchange.response.status
    if status in _REDIRECTS:
        return f"{_why_redirected(failure)} {_OUTERMOST}, so that redirects are shared too."
    if status not in _BY_STATUS:
        return "The origin is not listed, or the CORS layer does not guard this path."
    return f"Status {status}. {_BY_STATUS[status][0 if failure.is_preflight else 1]} {_OUTERMOST}."


def _why_redirected(failure: Failure) -> str:
    target, source = _redirect_target(failure), _url(failure.url)
    if not isinstance(target, Url) or source is None:
        return "The server redirects."
    to = _shown(_without_password(target.href))
    if _LOGIN.search(target.href) and not _LOGIN.search(source.href):
        return f"The server redirects to what looks like a login page, {to}: answer 401 to scripts instead."
    if target.href == source.href.replace("http://", "https://", 1):
        return f"The server redirects to https: let the page ask {to}."
    if target.href.rstrip("/") == source.href.rstrip("/"):
        return f"The server redirects for a slash at the end: let the page ask {to}."
    return f"The server redirects to {to}."


def _wildcard(failure: Failure) -> str:
    return _share(failure, "* never counts with credentials: name the origin.", page=_NO_COOKIES)


def _multiple(failure: Failure) -> str:
    value = (failure.value or "")[:_LONGEST_READ]
    items = re.split(r"[\s,]+", value.strip(" \t,"))
    lines = values_of(_headers(failure), ALLOW_ORIGIN)
    if len(lines) > 1 or len(set(items)) < len(items):
        why = (
            f'Two layers add the header ("{_shown(value)}"): a proxy or a web server in front and the application, or '
            "two middlewares. Take it out of all but one."
        )
        return _share(failure, why)
    return _share(failure, "Only one origin may be sent: choose it by the Origin of the request.", *items[:_MOST_NAMES])


def _mismatch(failure: Failure) -> str:
    value, origin = (failure.value or "")[:_LONGEST_READ], failure.sent_origin
    if origin == NULL:
        return _share(failure, f'The header says "{_shown(value)}", the page sent Origin: null.')
    if value == NULL:
        return _share(failure, "null is what sandboxed frames of any site send: never share with it.")
    try:
        step = _origin_step([value], origin)
    except PolicyError as error:
        return _share(failure, error.problems[0].message)
    if step.passed:
        return _share(failure, "Browsers know no patterns: match on the server, and send the origin itself.", value)
    if step.reason != "It is not listed.":
        return _share(failure, step.reason, value)
    cached = "" if "origin" in (get(_headers(failure), "Vary") or "").lower() else ", or a cache gave another's answer"
    return _share(failure, f"This is another site's origin: the header is a constant{cached}.", value)


def _credentials(failure: Failure) -> str:
    value = failure.value
    if value is None:
        why = "Access-Control-Allow-Credentials is absent."
    elif "," in value:
        why = "Two layers add Access-Control-Allow-Credentials: take it out of all but one."
    elif value.strip().lower() == "true":
        why = f'"{_shown(value)}" does not count: it has to be "true", in lower case.'
    else:
        why = f'"{_shown(value)}" does not count: it has to be "true".'
    return _share(failure, why, page=_NO_COOKIES)


def _preflight_redirect(failure: Failure) -> str:
    target = _redirect_target(failure)
    page = f'fetch("{_shown(_without_password(target.href))}")' if isinstance(target, Url) else ""
    why = f"{_why_redirected(failure)} {_OUTERMOST}: it answers preflights before anything redirects."
    return _change(why, "204 No Content, with the Access-Control-* headers, and no Location", page=page)


def _preflight_status(failure: Failure) -> str:
    why = _why_bypassed(failure)
    if "origin is not listed" in why:
        why = f"Status {_status(failure)}. {_OUTERMOST}: it answers preflights itself."
    return _change(why, "204 No Content", policy="preflight_status=204")


def _methods_unparsable(failure: Failure) -> str:
    why = f'"{_bad_item(failure)}" is no method: write methods with commas between, and without quotation marks.'
    return _allow_methods(failure, why)


def _headers_unparsable(failure: Failure) -> str:
    why = f'"{_bad_item(failure)}" is no header name: write names with commas between, and without quotation marks.'
    return _allow_headers(failure, why, _refused_headers(failure))


def _method(failure: Failure) -> str:
    method, listed = failure.value or "", _listed(failure, ALLOW_METHODS)
    upper = method.upper()
    if method != upper and upper in UPPER_CASE_METHODS:
        why = f"Methods are compared case by case, and the page wrote {_shown(method)}."
        allowed = upper in listed or ("*" in listed and not failure.with_credentials)
        return (
            _change(why, page=f'method: "{upper}"') if allowed else _allow_methods(failure, why, f'method: "{upper}"')
        )
    if "*" in listed:
        return _allow_methods(failure, "* never counts with credentials: list the methods.", _NO_COOKIES)
    if upper in map(str.upper, listed):
        return _allow_methods(failure, f"Methods are compared case by case, and the server does not list {method}.")
    if upper in (get(_headers(failure), "Allow") or "").upper():
        return _allow_methods(failure, "Allow lists it, which CORS does not read.")
    return _allow_methods(failure, f"Listed are: {_shown(', '.join(listed)) or 'none'}.")


def _allow_methods(failure: Failure, why: str, page: str = "") -> str:
    asked = (*(_listed(failure, ALLOW_METHODS) or sorted(SAFELISTED_METHODS)), failure.method)
    spelled = (method.upper() if method.upper() in UPPER_CASE_METHODS else method for method in asked)
    names = [name for name in dict.fromkeys(spelled) if is_token(name) and name.upper() not in FORBIDDEN_METHODS]
    return _list(why, ALLOW_METHODS, [name for name in names if name != "*"], page)


def _header(failure: Failure) -> str:
    refused, listed = _refused_headers(failure) or [failure.value or ""], _listed(failure, ALLOW_HEADERS)
    responses = [name for name in refused if name.startswith(OWNED_PREFIX)]
    if responses:
        names = ", ".join(map(_shown, responses))
        why = f"{names}: these are response headers, and the page sends them."
        rest = [name for name in refused if name not in responses]
        page = f"leave out the request header {names}"
        return _allow_headers(failure, why, rest, page) if rest else _change(why, page=page)
    if "*" in listed and failure.with_credentials:
        return _allow_headers(failure, "* never counts with credentials: list the names.", refused, _NO_COOKIES)
    if "*" in listed:
        why = "* never covers Authorization: name it beside."
        return _change(why, f"{ALLOW_HEADERS}: *, Authorization", policy='allow_headers=["*", "Authorization"]')
    if refused == ["content-type"]:
        return _allow_headers(failure, "A body of JSON brings Content-Type.", refused)
    if _LIBRARY_HEADERS.issuperset(refused):
        return _allow_headers(failure, "A library in the page adds it: allow it, or switch that off.", refused)
    return _allow_headers(failure, f"Listed are: {_shown(', '.join(listed)) or 'none'}.", refused)


def _allow_headers(failure: Failure, why: str, refused: Sequence[str], page: str = "") -> str:
    named = {name.lower(): name for name in (*map(str.title, refused), *_listed(failure, ALLOW_HEADERS)) if name != "*"}
    order = dict.fromkeys((*map(str.lower, _listed(failure, ALLOW_HEADERS)), *refused))
    names = [named[name] for name in order if name in named and _may_be_allowed(name)]
    return _list(why, ALLOW_HEADERS, names, page)


def _may_be_allowed(name: str) -> bool:
    return is_token(name) and not is_forbidden_request_header(name) and not name.startswith(OWNED_PREFIX)


def _list(why: str, header: str, names: list[str], page: str) -> str:
    # What was asked for stands last, and is kept when a list is too long to be shown.
    short = [name for name in names if len(name) <= _LONGEST_NAME][-_MOST_NAMES:]
    if not short:
        return _change(why, page=page)
    keyword = {ALLOW_METHODS: "allow_methods", ALLOW_HEADERS: "allow_headers"}[header]
    return _change(why, f"{header}: {', '.join(short)}", policy=f"{keyword}={json.dumps(short)}", page=page)


def _corp(failure: Failure) -> str:
    why = (
        "Not CORS: the page asked with mode no-cors, and the resource keeps to itself"
        if failure.value
        else "Not CORS: the page's Cross-Origin-Embedder-Policy wants each resource to agree, and this one says nothing"
    )
    share = "same-site" if failure.value == "same-origin" and _is_near(failure) else "cross-origin"
    why = f'{why}. Let it be embedded; or, to read it, leave out mode: "no-cors" and let the server share it.'
    return _change(why, f"Cross-Origin-Resource-Policy: {share}", page='mode: "cors"')


def _bad_scheme(failure: Failure) -> str:
    scheme = _scheme(failure)
    if scheme == "file":
        return _change("Serve the file: a page may not fetch from the disk.", page='fetch("https://...")')
    if "." in scheme or scheme == "localhost":
        why = f'The URL has no scheme, so that "{_shown(scheme)}" is taken for one.'
        return _change(why, page=f'fetch("http://{_shown(failure.url)}")')
    return _change(f"Scripts fetch by http and https, not by {_shown(scheme)}.", page='fetch("https://...")')


def _unreachable(failure: Failure) -> str:
    target = _url(failure.url)
    where = _shown(failure.url if target is None else target.origin)
    return _change(
        f"Not CORS, and no header helps: nothing answers at {where}. Is the server up, the host and the port right? "
        "Does it die of this request (look at its log)? An extension of the browser may block it, too."
    )


def _client_certificate(failure: Failure) -> str:
    if failure.is_preflight:
        return _change(
            "Not CORS: a preflight never carries a client certificate. Let the server ask for it without requiring it "
            "(nginx: ssl_verify_client optional), and check it after the CORS layer."
        )
    return _change(
        "Not CORS: the server requires a client certificate. The user needs one, and a browser offers it with "
        "credentials only.",
        page='credentials: "include"',
    )


def _mixed(failure: Failure) -> str:
    return _change(
        "Not CORS: serve it by https.", page=f'fetch("{_shown(failure.url.replace("http://", "https://", 1))}")'
    )


def _redirect_userinfo(failure: Failure) -> str:
    target = _redirect_target(failure)
    to = _shown(_without_password(target.href)) if isinstance(target, Url) else "https://..."
    return _change("Take the user and the password out of the Location.", f"Location: {to}")


def _always(why: str, *, send: str = "", page: str = "") -> Callable[[Failure], str]:
    return lambda failure: _change(
        why.format_map(_words(failure)), *([send] if send else []), page=page.format_map(_words(failure))
    )


_FIXES: Final[Mapping[Reason, Callable[[Failure], str]]] = {
    Reason.FORBIDDEN_METHOD: _always("Use another method: no server can allow {value}.", page='method: "POST"'),
    Reason.BAD_PORT: _always("Not CORS: browsers keep off this port. Serve on another one, such as 8000 or 443."),
    Reason.MIXED_CONTENT: _mixed,
    Reason.SAME_ORIGIN_MODE: _always("The page itself forbade to leave its origin.", page='mode: "cors"'),
    Reason.NO_CORS_REDIRECT_MODE: _always("The page asked for what does not exist.", page='redirect: "follow"'),
    Reason.BAD_SCHEME: _bad_scheme,
    Reason.UNREACHABLE: _unreachable,
    Reason.TLS: _always(
        "Not CORS, and no header helps: open {url} in a tab of its own and look at the certificate (self-signed, "
        "expired, another host's?), or ask by http if it speaks no TLS."
    ),
    Reason.TLS_CLIENT_CERTIFICATE: _client_certificate,
    Reason.PREFLIGHT_REDIRECT: _preflight_redirect,
    Reason.MISSING_ALLOW_ORIGIN: _missing,
    Reason.WILDCARD_WITH_CREDENTIALS: _wildcard,
    Reason.MULTIPLE_ALLOW_ORIGIN: _multiple,
    Reason.ALLOW_ORIGIN_MISMATCH: _mismatch,
    Reason.ALLOW_CREDENTIALS_NOT_TRUE: _credentials,
    Reason.PREFLIGHT_STATUS: _preflight_status,
    Reason.ALLOW_METHODS_UNPARSABLE: _methods_unparsable,
    Reason.ALLOW_HEADERS_UNPARSABLE: _headers_unparsable,
    Reason.METHOD_NOT_ALLOWED: _method,
    Reason.HEADER_NOT_ALLOWED: _header,
    Reason.CORP: _corp,
    Reason.REDIRECT_MODE_ERROR: _always("Let the page ask the last URL, or follow.", page='redirect: "follow"'),
    Reason.REDIRECT_UNPARSABLE: _always(
        'The Location is "{value}": send one that is a URL, and one only.', send="Location: https://..."
    ),
    Reason.REDIRECT_BAD_SCHEME: _always("Redirect to http or https only.", send="Location: https://..."),
    Reason.TOO_MANY_REDIRECTS: _always(
        "More than 20 redirects, so most likely a circle: a login that never succeeds because its cookie is not sent, "
        "or two rules that undo each other (a slash, www., https). Answer 401 to scripts instead of a redirect."
    ),
    Reason.REDIRECT_USERINFO: _redirect_userinfo,
    Reason.REDIRECT_STREAM_BODY: _always(
        "Let the page ask the last URL, or send the body as a whole.", send="303 See Other, if GET is meant from there"
    ),
}


# Where browsers differ.


def _notes(failure: Failure) -> Iterator[str]:
    yield from _notes_on_engines(failure)
    yield from _notes_on_surroundings(failure)
    if failure.reason in _NOTES:
        yield _NOTES[failure.reason]


_NOT_CORS: Final = "Firefox and Safari word this as if it were CORS; 'Status code: (null)' means that no response came."
_NOTES: Final = {
    Reason.UNREACHABLE: _NOT_CORS,
    Reason.TLS: _NOT_CORS,
    Reason.TLS_CLIENT_CERTIFICATE: (
        f"{_NOT_CORS} Firefox sends certificates with preflights if network.cors_preflight.allow_client_cert is set."
    ),
    Reason.REDIRECT_USERINFO: "Chromium's console leaves the location out.",
    Reason.REDIRECT_STREAM_BODY: "Chromium sends a stream over HTTP/2 and HTTP/3 only.",
}


def _notes_on_engines(failure: Failure) -> Iterator[str]:
    """
    Yield where the engines report, or do, something else.
    """
    reason, status, other = failure.reason, _status(failure), _firefox_variant(failure)
    if other == _WARNING:
        yield "Chromium, Firefox and Safari still let Authorization pass under * and only warn of it."
    elif reason is Reason.HEADER_NOT_ALLOWED and len(names := _refused_headers(failure)) > 1:
        yield f"Refused are {_shown(', '.join(names))}; Chromium names any of them, Firefox the first."
    if reason in {*CORS_CHECK, Reason.PREFLIGHT_REDIRECT, Reason.ALLOW_HEADERS_UNPARSABLE} and other != reason:
        yield f"Firefox counts lines and looks in another order, so it says {other}."
    if failure.is_preflight and status and not "200" <= status <= "299":
        yield f"Safari looks at the status first: Preflight response is not successful. Status code: {status}."
    if failure.sent_origin == NULL != failure.page_origin:
        yield f"Chromium's console says origin '{_shown(failure.page_origin)}'; what was sent is Origin: null."


def _notes_on_surroundings(failure: Failure) -> Iterator[str]:
    """
    Yield what stands in the way beside CORS.
    """
    target = _redirect_target(failure)
    if isinstance(target, Url) and failure.url.startswith("http://") and target.scheme == "https":
        yield (
            "Once the host has sent Strict-Transport-Security, Chromium redirects to https by itself (307 Internal "
            "Redirect), and a preflight fails before the server sees it."
        )
    if _is_less_public(failure):
        yield (
            "A page from a public network needs the user's permission for a private one (Local Network Access, "
            "Chromium 142 and later), and has to be loaded by https; no header helps."
        )
    if failure.with_credentials and failure.reason in CORS_CHECK and not _is_near(failure):
        yield (
            "To another site, cookies are sent only if set with SameSite=None; Secure, and not at all where the "
            "browser blocks third-party cookies (Safari always)."
        )


def _is_near(failure: Failure) -> bool:
    url = _url(failure.url)
    return url is not None and _url(failure.page_origin) is not None and is_same_site(failure.page_origin, url.origin)


def _is_less_public(failure: Failure) -> bool:
    page, url = _url(failure.page_origin), _url(failure.url)
    if page is None or url is None or not url.host:
        return False
    return address_space(page.host) == "public" and address_space(url.host) != "public"


# What went over the wire.

_SHOWN_REQUEST_HEADERS: Final = frozenset(
    "access-control-request-headers access-control-request-method authorization content-type cookie origin".split()
)
_SHOWN_RESPONSE_HEADERS: Final = frozenset(
    "allow content-type cross-origin-resource-policy location set-cookie timing-allow-origin vary".split()
)
_SECRETS: Final = frozenset({"authorization", "cookie", "set-cookie"})


def _wire(exchanges: list[Exchange]) -> Iterator[str]:
    yield "On the wire:" if exchanges else "Nothing was sent."
    half, more = _MOST_EXCHANGES // 2, len(exchanges) - _MOST_EXCHANGES
    for number, exchange in enumerate(exchanges, 1):
        if more > 0 and half < number <= half + more:
            if number == half + 1:
                yield f"      ... {more} more ..."
            continue
        request, response = exchange.request, exchange.response
        yield f"{number:3}. {_shown(request.method)} {_shown(request.url)}{' (preflight)' * exchange.is_preflight}"
        yield from _lines("> ", request.headers, _SHOWN_REQUEST_HEADERS)
        yield "     < no response" if response is None else f"     < {response.status}"
        yield from _lines("< ", () if response is None else response.headers, _SHOWN_RESPONSE_HEADERS)


def _lines(mark: str, headers: Iterable[Header], shown: frozenset[str]) -> Iterator[str]:
    lines = [(name, value) for name, value in headers if _is_shown(name.lower(), shown)]
    for name, value in lines[:_MOST_LINES]:
        secret = name.lower() in _SECRETS
        yield f"     {mark}{_shown(name)}: {'(not shown)' if secret else _shown(_without_password(value))}"
    if len(lines) > _MOST_LINES:
        yield f"     {mark}... {len(lines) - _MOST_LINES} more"


def _is_shown(name: str, shown: frozenset[str]) -> bool:
    return name in shown or name.startswith("access-control-")


# What a failure says, read once and safely.


def _headers(failure: Failure) -> tuple[Header, ...]:
    exchange = failure.exchange
    lines = () if exchange is None or exchange.response is None else exchange.response.headers
    return tuple((name, value[:_LONGEST_READ]) for name, value in lines)


def _status(failure: Failure) -> str:
    exchange = failure.exchange
    return "" if exchange is None or exchange.response is None else str(exchange.response.status)


def _redirect_target(failure: Failure) -> Url | str | None:
    """
    Return where the answer redirects, None if nowhere, or what Chromium calls it if it names no one URL.
    """
    locations = set(values_of(_headers(failure), "Location"))
    if not locations or _status(failure) not in map(str, _REDIRECTS):
        return None
    if len(locations) > 1:
        return "several locations"
    return _url(_utf8(locations.pop()), _url(failure.url)) or Reason.REDIRECT_UNPARSABLE


def _scheme(failure: Failure) -> str:
    target = _redirect_target(failure)
    url = target if isinstance(target, Url) else _url(failure.url)
    return "" if url is None else url.scheme


def _is_foreign(failure: Failure) -> bool:
    """
    Whether CORS had a say in the fetch, as far as its first and its last two URLs tell.
    """
    urls = (_url(failure.first_url), _url(failure.url), _redirect_target(failure))
    return failure.mode == "cors" and any(
        isinstance(url, Url) and not is_same_origin(failure.page_origin, url.origin) for url in urls
    )


def _listed(failure: Failure, name: str) -> list[str]:
    """
    Return what the answer lists under *name*, or what it probably meant to list.
    """
    try:
        listed = tokens_of(_headers(failure), name)
    except Unparsable as error:
        listed = re.findall(r"[A-Za-z][A-Za-z0-9-]*", error.value[:_LONGEST_READ])
    return (listed or [])[:_MOST_NAMES]


def _bad_item(failure: Failure) -> str:
    try:
        tokens_of(_headers(failure), ALLOW_METHODS)
        tokens_of(_headers(failure), ALLOW_HEADERS)
    except Unparsable as error:
        return _shown(error.item)
    return _shown(failure.value or "")


def _method_is_allowed(failure: Failure) -> bool:
    listed = _listed(failure, ALLOW_METHODS)
    if failure.method in SAFELISTED_METHODS or failure.method in listed:
        return True
    return "*" in listed and not failure.with_credentials


def _refused_headers(failure: Failure) -> list[str]:
    """
    Return the names that the preflight asked for and the answer does not allow, in order.
    """
    if failure.exchange is None:
        return []
    asked = (get(failure.exchange.request.headers, "Access-Control-Request-Headers") or "")[:_LONGEST_READ]
    listed = {name.lower() for name in _listed(failure, ALLOW_HEADERS)}
    wildcard = "*" in listed and not failure.with_credentials
    names = (name.strip(" \t").lower() for name in asked.split(","))
    return [
        name for name in names if name and name not in listed and not (wildcard and name != NON_WILDCARD_REQUEST_HEADER)
    ]


def _only_warned_of(failure: Failure) -> bool:
    """
    Whether nothing but Authorization is refused, and that because `*` does not cover it.
    """
    listed = _listed(failure, ALLOW_HEADERS)
    return failure.value == NON_WILDCARD_REQUEST_HEADER and "*" in listed and not failure.with_credentials


def _url(text: str, base: Url | None = None) -> Url | None:
    try:
        return Url.parse(text[:_LONGEST_READ], base)
    except ValueError:
        return None


def _utf8(value: str | None) -> str:
    # A URL parser takes text, and a server's bytes are text to it only if they are UTF-8.
    return (value or "")[:_LONGEST_READ].encode("latin-1", "replace").decode("utf-8", "replace")


def _without_password(text: str) -> str:
    return re.sub(r"//[^/?#\s]*@", "//...@", text[:_LONGEST_READ])


def _shown(text: str, longest: int = _LONGEST_QUOTE) -> str:
    """
    Return *text* as Chromium's console shows it, and cut.
    """
    shown = _printable(text[:longest])
    return shown if len(text) <= longest >= len(shown) else f"{shown[:longest]}..."


def _printable(text: str, keep: str = "") -> str:
    return "".join(char if " " <= char <= "~" or char in keep else f"\\u{ord(char):04X}" for char in text)
