"""
The facts of the Fetch standard about method and header names, and what browsers add to them.

This module holds facts only: no policy, no opinion, no request. It also decides what a list of names permits, because
that is the same for the engine and for a browser. Method names are compared byte for byte, header names without regard
to ASCII case (Fetch, "Headers").
"""

import re
from collections.abc import Collection
from types import MappingProxyType
from typing import Final

# The origin that messages and examples show where nothing better can be guessed.
EXAMPLE_ORIGIN: Final = "https://app.example.com"

# Characters with a special meaning in a router, a URL or a regular expression, and surrogates, which no decoded path
# has. A path prefix is a decoded path, taken literally, so it has none of them.
NOT_LITERAL: Final = r"*?#<>^$|{}[\]%\\" + "\ud800-\udfff"
# A path prefix: whole segments that can be read in one way only.
PATH_PREFIX: Final = re.compile(rf"/|(/(?!\.{{1,2}}(/|\Z))[^/{NOT_LITERAL}]+)+")

ALLOW_ORIGIN: Final = "Access-Control-Allow-Origin"
ALLOW_CREDENTIALS: Final = "Access-Control-Allow-Credentials"
ALLOW_METHODS: Final = "Access-Control-Allow-Methods"
ALLOW_HEADERS: Final = "Access-Control-Allow-Headers"
EXPOSE_HEADERS: Final = "Access-Control-Expose-Headers"
MAX_AGE: Final = "Access-Control-Max-Age"
# Resource Timing, "Timing-Allow-Origin Response Header": who sees how long a response took.
TIMING_ALLOW_ORIGIN: Final = "Timing-Allow-Origin"

# On a guarded resource, every response header with this prefix belongs to the policy.
OWNED_PREFIX: Final = "access-control-"

# Fetch, "CORS-safelisted method": they need not be listed, and a preflight cannot refuse them.
SAFELISTED_METHODS: Final = frozenset({"GET", "HEAD", "POST"})

# Fetch, "forbidden method"; the comparison is byte-case-insensitive.
FORBIDDEN_METHODS: Final = frozenset({"CONNECT", "TRACE", "TRACK"})

# Methods that are spelled in upper case. Of these a browser corrects only DELETE, GET, HEAD, OPTIONS, POST and PUT
# (Fetch, "normalize a method"), so a page that says "patch" sends "patch".
UPPER_CASE_METHODS: Final = frozenset(
    """
    ACL BIND CHECKIN CHECKOUT COPY DELETE GET HEAD LABEL LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF
    MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH UNBIND
    UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL
    """.split()
)

# Methods whose requests usually carry a body, and so a Content-Type.
BODY_METHODS: Final = frozenset({"PATCH", "POST", "PUT", "QUERY"})

# Fetch, "forbidden request-header": a script can never set these, so allowing them is a misunderstanding.
FORBIDDEN_REQUEST_HEADERS: Final = frozenset(
    """
    accept-charset accept-encoding access-control-request-headers access-control-request-method connection
    content-length cookie cookie2 date dnt expect host keep-alive origin referer set-cookie te trailer
    transfer-encoding upgrade via
    """.split()
)
FORBIDDEN_REQUEST_HEADER_PREFIXES: Final = ("proxy-", "sec-")

# Fetch, "forbidden response-header name": a script can never read them, even if they are exposed.
FORBIDDEN_RESPONSE_HEADERS: Final = frozenset({"set-cookie", "set-cookie2"})

# Headers that only requests have (RFC 9110, 10.1; Fetch, "forbidden request-header"), in lower case.
REQUEST_ONLY_HEADERS: Final = frozenset({"cookie", "expect", "host", "origin", "referer", "te"})

# Fetch, "CORS-safelisted response-header name": readable without being exposed.
SAFELISTED_RESPONSE_HEADERS: Final = frozenset(
    {
        "cache-control",
        "content-language",
        "content-length",
        "content-type",
        "expires",
        "last-modified",
        "pragma",
    }
)

# Headers that pages often send or read, by their names in lower case. An entry that is almost one of them is a slip.
WELL_KNOWN_HEADERS: Final = MappingProxyType(
    {
        name.lower(): name
        for name in """
        Accept Accept-Language Accept-Ranges Authorization Baggage Cache-Control Content-Disposition Content-Encoding
        Content-Language Content-Length Content-Range Content-Security-Policy Content-Type Deprecation DPoP ETag Expires
        Idempotency-Key If-Match If-Modified-Since If-None-Match If-Range If-Unmodified-Since Last-Event-ID
        Last-Modified Link Location Mcp-Protocol-Version Mcp-Session-Id Pragma Prefer Range RateLimit-Limit
        RateLimit-Remaining RateLimit-Reset Retry-After Sentry-Trace Server-Timing Tracestate Traceparent User-Agent
        WWW-Authenticate X-Access-Token X-API-Key X-Auth-Token X-Correlation-ID X-CSRF-Token X-CSRFToken
        X-HTTP-Method-Override X-RateLimit-Limit X-RateLimit-Remaining X-RateLimit-Reset X-Request-ID X-Requested-With
        X-Total-Count X-XSRF-Token
        """.split()
    }
)

# Fetch, "CORS non-wildcard request-header name": `*` never covers it.
NON_WILDCARD_REQUEST_HEADER: Final = "authorization"

# The most seconds for which a browser keeps the answer to a preflight, even if Access-Control-Max-Age says more.
CHROMIUM_MAX_AGE: Final = 7200
FIREFOX_MAX_AGE: Final = 86400
SAFARI_MAX_AGE: Final = 600

# RFC 9110, 5.6.2: token = 1*tchar
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def is_token(name: str) -> bool:
    """
    Return whether *name* is a token of RFC 9110, as method and header names have to be.
    """
    return _TOKEN.fullmatch(name) is not None


def is_forbidden_request_header(name: str) -> bool:
    """
    Return whether browsers keep scripts from setting the request header *name* (Fetch, "forbidden request-header").
    """
    lowered = name.lower()
    return lowered in FORBIDDEN_REQUEST_HEADERS or lowered.startswith(FORBIDDEN_REQUEST_HEADER_PREFIXES)


def permits_method(allowed: Collection[str], method: str) -> bool:
    """
    Return whether an answer to a preflight that lists *allowed*, or `"*"`, lets a page send *method*.

    `"*"` counts as Fetch counts it without credentials: a policy never has both.
    """
    if method in SAFELISTED_METHODS:
        return True
    if "*" in allowed:
        return is_token(method) and method.upper() not in FORBIDDEN_METHODS
    return method in allowed


def permits_header(allowed: Collection[str], name: str) -> bool:
    """
    Return whether an answer to a preflight that lists *allowed*, or `"*"`, lets a page send the header *name*.

    `"*"` counts as Fetch counts it without credentials.
    """
    lowered = name.lower()
    if "*" in allowed and lowered != NON_WILDCARD_REQUEST_HEADER:
        return True
    return any(lowered == item.lower() for item in allowed)


def permits_reading(exposed: Collection[str], name: str) -> bool:
    """
    Return whether a response that exposes *exposed*, or `"*"`, lets a page read its header *name*.

    `"*"` counts as Fetch counts it without credentials.
    """
    lowered = name.lower()
    if lowered in FORBIDDEN_RESPONSE_HEADERS:
        return False
    if "*" in exposed or lowered in SAFELISTED_RESPONSE_HEADERS:
        return True
    return any(lowered == item.lower() for item in exposed)
