"""
The lines that Chromium and Firefox print of a failed fetch.

The texts are those of Chromium 156 and Firefox 153, played and read, with each engine's own order of checks.
"""

import re
from collections.abc import Mapping
from typing import Final

from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_ORIGIN,
)
from corsguard.origin import NULL

from .evidence import (
    headers_of,
    is_foreign,
    method_is_allowed,
    only_warned_of,
    redirect_target,
    scheme_of,
    url_of,
    utf8,
    words_of,
)
from .failures import CORS_CHECK, Failure, Reason
from .headers import get, values_of

_BLOCKED: Final = "Access to fetch at '{url}'{redirected} from origin '{page_origin}' has been blocked by CORS policy: "
_CHECKED: Final = _BLOCKED + "{preflight}"
_VALID: Final = " Have the server send the header with a valid value."
_NET: Final = "Failed to load resource: net::ERR_"
_CANNOT: Final = "Fetch API cannot load {url}. "
_MODE: Final = "when the request's credentials mode is 'include'."

WARNING: Final = "wildcard and Authorization"
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
    WARNING: (
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
    WARNING: (
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

# To these Chromium follows no redirect, whatever CORS says.
_UNSAFE_SCHEMES: Final = frozenset({"about", "blob", "chrome", "chrome-extension", "data", "file", "filesystem"})
_SOCKET_SCHEMES: Final = frozenset({"ws", "wss"})


def chromium(failure: Failure) -> str:
    """
    Return the line that Chromium's console prints.

    What is no matter of CORS reads there as the network stack says it (`Failed to load resource: net::ERR_...`), and
    a call that is refused at once as the TypeError that it throws.
    """
    return _CHROMIUM[_chromium_variant(failure)].format_map(words_of(failure))


def firefox(failure: Failure) -> str:
    """
    Return the first line that Firefox's console prints, or the TypeError where it prints none.

    A failed preflight is followed by a second line, `CORS request did not succeed`, which tells nothing.
    """
    return _FIREFOX[firefox_variant(failure)].format_map(words_of(failure))


def _chromium_variant(failure: Failure) -> str:
    target, scheme = redirect_target(failure), scheme_of(failure)
    if isinstance(target, str):
        # The network stack looks at a redirect before CORS does.
        return target
    match failure.reason:
        case Reason.ALLOW_ORIGIN_MISMATCH if failure.value != NULL and url_of(utf8(failure.value)) is None:
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
        case Reason.HEADER_NOT_ALLOWED if only_warned_of(failure):
            return WARNING
        case Reason.CORP if failure.value in {"same-origin", "same-site"}:
            return f"corp {failure.value}"
        case reason:
            return reason


def firefox_variant(failure: Failure) -> str:
    target = redirect_target(failure)
    no_response = Reason.UNREACHABLE if is_foreign(failure) else _SILENT
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
        case Reason.ALLOW_HEADERS_UNPARSABLE if not method_is_allowed(failure):
            return Reason.METHOD_NOT_ALLOWED
        case Reason.HEADER_NOT_ALLOWED if only_warned_of(failure):
            return WARNING
        case reason:
            return no_response if _FIREFOX[reason] == _NO_RESPONSE else reason


def _gecko_scheme(failure: Failure, no_response: str) -> str:
    scheme, redirected = scheme_of(failure), failure.reason is Reason.REDIRECT_BAD_SCHEME
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
