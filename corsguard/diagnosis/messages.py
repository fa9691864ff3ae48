"""
What a console printed, recognized: which failure it tells of, and what of it the line names.

Recognition is a table of cores: browsers change the rest of a line between releases. A failure of the model is told by
the model's own words; what is not CORS, and so not a failure of the model, is one of the lookalikes. What was pasted is
bounded before it is looked at.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from corsguard.browser import Exchange, Failure, Reason, WireRequest, WireResponse
from corsguard.browser.evidence import url_of
from corsguard.browser.reasons import OF_HANDSHAKE, PREFLIGHT_ONLY, REASONS
from corsguard.browser.urls import SOCKET_SCHEMES
from corsguard.names import EXAMPLE_ORIGIN
from corsguard.origin import NULL, Origin

from .pages import assumed_page

LONGEST_MESSAGE: Final = 65536
# How many messages pasted together are read, and how much of a word of one.
_MOST_PARTS: Final = 40
_LONGEST_WORD: Final = 2048

# What stands for what a message does not name.
URL: Final = "https://api.example.com/"
SOCKET_URL: Final = "wss://api.example.com/"
METHOD: Final = "METHOD"

_STRAIGHT: Final = str.maketrans("\u2018\u2019\u201a\u2032\u201c\u201d\u201e\u00ab\u00bb", '\'\'\'\'"""""')


class Core(NamedTuple):
    """
    The *core* of a message, and what it means. Its groups: `value`, `method`, `header`, `status`, `origin`, `url`.
    """

    core: re.Pattern[str]
    means: Reason | str
    # The value at fault, if the core itself tells it.
    value: str | None = None


def _core(core: str, means: Reason | str, value: str | None = None) -> Core:
    return Core(re.compile(core, re.IGNORECASE), means, value)


# The first core that fits tells. The order is that of what would fit otherwise, too.
CORES: Final = (
    _core(
        r"must not be the wildcard|Credential is not supported if|Cannot use wildcard",
        Reason.WILDCARD_WITH_CREDENTIALS,
        "*",
    ),
    _core(r"wildcard '\*' cannot be used in the 'Access-Control-Allow-Origin'", Reason.WILDCARD_WITH_CREDENTIALS, "*"),
    _core(r"contains multiple values '(?P<value>[^']*)'", Reason.MULTIPLE_ALLOW_ORIGIN),
    _core(r"Multiple CORS header|cannot contain more than one origin", Reason.MULTIPLE_ALLOW_ORIGIN),
    _core(r"Allow-Credentials' header(?: in the response)? is '(?P<value>[^']*)'", Reason.ALLOW_CREDENTIALS_NOT_TRUE),
    _core(r"expected 'true' in CORS header|Allow-Credentials is not \"true\"", Reason.ALLOW_CREDENTIALS_NOT_TRUE),
    _core(r"307 Internal Redirect|Non-Authoritative-Reason: HSTS", "hsts"),
    _core(
        r"Redirect is not allowed for a preflight|external redirect not allowed|Response for preflight is invalid "
        r"\(redirect\)|disallowed for cross-origin requests that require preflight",
        Reason.PREFLIGHT_REDIRECT,
    ),
    _core(
        r"does not have HTTP ok status|preflight (?:response|channel) did not succeed|Preflight response is not "
        r"successful|preflight has invalid HTTP status code (?P<status>\d{3})",
        Reason.PREFLIGHT_STATUS,
    ),
    _core(r"Cannot parse Access-Control-Allow-Methods", Reason.ALLOW_METHODS_UNPARSABLE),
    _core(
        r"invalid token '(?P<value>[^']*)' in CORS header '?Access-Control-Allow-Methods",
        Reason.ALLOW_METHODS_UNPARSABLE,
    ),
    _core(r"Access-Control-Allow-Methods has an invalid value: (?P<value>\S.{0,200})", Reason.ALLOW_METHODS_UNPARSABLE),
    _core(r"Cannot parse Access-Control-Allow-Headers", Reason.ALLOW_HEADERS_UNPARSABLE),
    _core(
        r"invalid token '(?P<value>[^']*)' in CORS header '?Access-Control-Allow-Headers",
        Reason.ALLOW_HEADERS_UNPARSABLE,
    ),
    _core(r"Access-Control-Allow-Headers has an invalid value: (?P<value>\S.{0,200})", Reason.ALLOW_HEADERS_UNPARSABLE),
    _core(r"Method '?(?P<method>[^\s']+)'? is not allowed by Access-Control-Allow-Methods", Reason.METHOD_NOT_ALLOWED),
    _core(r"Did not find method in CORS header", Reason.METHOD_NOT_ALLOWED),
    _core(r"Authorization will not be covered|`Authorization` header is not covered", Reason.HEADER_NOT_ALLOWED, "*"),
    _core(
        r"Request header field '?(?P<header>[^\s']+)'? is not allowed by Access-Control-Allow-Headers",
        Reason.HEADER_NOT_ALLOWED,
    ),
    _core(r"header '(?P<header>[^']+)' is not allowed according to header", Reason.HEADER_NOT_ALLOWED),
    _core(r"missing token '(?P<header>[^']+)' in CORS header", Reason.HEADER_NOT_ALLOWED),
    _core(r"No 'Access-Control-Allow-Origin' header|Access-Control-Allow-Origin' missing", Reason.MISSING_ALLOW_ORIGIN),
    _core(r"has a value '(?P<value>[^']*)' that is not equal to", Reason.ALLOW_ORIGIN_MISMATCH),
    _core(r"contains the invalid value '(?P<value>[^']*)'", Reason.ALLOW_ORIGIN_MISMATCH),
    _core(r"Access-Control-Allow-Origin' does not match '(?P<value>[^']*)'", Reason.ALLOW_ORIGIN_MISMATCH),
    _core(r"Origin '?(?P<origin>[^\s']+)'? is not allowed by Access-Control-Allow-Origin", Reason.MISSING_ALLOW_ORIGIN),
    _core(r"contains a username and password|redirection URL \S+ has credentials", Reason.REDIRECT_USERINFO),
    _core(
        r"redirection with non CORS scheme|ERR_UNSAFE_REDIRECT|ERR_UNKNOWN_URL_SCHEME|Redirecting to data: URI|"
        r"\(redirected from '[^']*'\) .{0,300}only supported for protocol schemes",
        Reason.REDIRECT_BAD_SCHEME,
    ),
    _core(r"only supported for (?:protocol schemes|HTTP)|CORS request not http", Reason.BAD_SCHEME),
    _core(r"may not load or link to", Reason.BAD_SCHEME),
    _core(r"Unsafe attempt to load URL|may not load data from", Reason.SAME_ORIGIN_MODE),
    _core(r"redirect mode is not \"follow\"", Reason.NO_CORS_REDIRECT_MODE),
    _core(r"URL scheme \"(?P<value>[^\"]*)\" is not supported|Not allowed to load local resource", Reason.BAD_SCHEME),
    _core(r"not allowed by request mode|Request mode is \"same-origin\"", Reason.SAME_ORIGIN_MODE),
    _core(r"'(?P<method>[A-Za-z]+)' HTTP method is unsupported", Reason.FORBIDDEN_METHOD),
    _core(r"Invalid request method (?P<method>[A-Za-z]+)", Reason.FORBIDDEN_METHOD),
    _core(r"ERR_TOO_MANY_REDIRECTS", Reason.TOO_MANY_REDIRECTS),
    _core(r"not a secure context and the resource is in more-private", "insecure_local_network"),
    _core(r"Private-Network", "private_network_access"),
    _core(r"target IP address space", "target_address_space"),
    _core(
        r"address space|BLOCKED_BY_(?:LOCAL|PRIVATE)_NETWORK_ACCESS_CHECKS|Local Network Access detected",
        "local_network_access",
    ),
    _core(
        r"(?:requested an|connect to the) insecure .{0,80}?'(?P<url>[^']+)'|mixed active content \"(?P<url2>[^\"]+)\"",
        Reason.MIXED_CONTENT,
    ),
    _core(
        r"Mixed Content|not allowed to (?:run|display|request) insecure content|insecure WebSocket connection may not",
        Reason.MIXED_CONTENT,
    ),
    _core(r"Content[ -]Security[ -]Policy", "csp"),
    _core(r"NotSameOriginAfterDefaultedToSameOriginByCoep", Reason.CORP),
    _core(r"BLOCKED_BY_RESPONSE\.NotSameSite", Reason.CORP, "same-site"),
    _core(r"BLOCKED_BY_RESPONSE|Cross-Origin-Resource-Policy|NS_ERROR_DOM_CORP_FAILED", Reason.CORP, "same-origin"),
    _core(r"BLOCKED_BY_ORB|NS_\w*ORB|OpaqueResponseBlocking|Cross-Origin Read Blocking|\bCORB\b", "orb"),
    _core(r"Tainted canvases|tainted by cross-origin data", "tainted_canvas"),
    _core(r"Refused to get unsafe header \"(?P<header>[^\"]+)\"", "not_exposed"),
    _core(r"headers\.get\([\"'](?P<header>[^\"']+)[\"']\)", "not_exposed"),
    _core(r"SameSite|third-party cookie", "cookies"),
    _core(r"CSRF|Origin checking failed", "csrf"),
    _core(r"Unexpected response code: (?P<status>\d{3})", Reason.HANDSHAKE_REFUSED),
    _core(r"HTTP Authentication failed; no valid credentials", Reason.HANDSHAKE_REFUSED, "401"),
    _core(r"WebSocket connection to '[^']{0,2048}' failed: There was a bad response", Reason.HANDSHAKE_REFUSED),
    _core(
        r"Incorrect '(?P<value>Sec-WebSocket-Accept)' header|'(?P<value2>Upgrade|Connection|Sec-WebSocket-\w+)' header "
        r"(?:is missing|must not appear|value)|(?:must not include|Sent non-empty|unsupported extension '[^']*' in) "
        r"'(?P<value3>Sec-WebSocket-\w+)' header",
        Reason.HANDSHAKE_INVALID,
    ),
    _core(
        r"Connection closed before receiving a handshake response|WebSocket opening handshake was canceled",
        Reason.UNREACHABLE,
        "the connection was closed before an answer",
    ),
    _core(r"WebSocket opening handshake timed out", Reason.UNREACHABLE, "the handshake timed out"),
    _core(r"WebSocket is closed before the connection is established|was interrupted while the page", "websocket_left"),
    _core(r"WebSocket is already in CLOSING or CLOSED state", "websocket_closed"),
    _core(
        r"Could not decode a text frame|Invalid frame header|mask any frames|reserved bits are on|continuation frame",
        "websocket_frame",
    ),
    _core(r"Failed to construct 'WebSocket'", "websocket_call"),
    _core(r"The operation is insecure", "insecure_call"),
    _core(r"BLOCKED_BY_(?:CLIENT|ADMINISTRATOR)", "blocked_by_client"),
    _core(r"CORS disabled", "disabled"),
    _core(r"CORS header 'Origin' cannot be added", "origin_not_added"),
    _core(r"postMessage", "post_message"),
    _core(r"X-Frame-Options|frame-ancestors", "not_framed"),
    _core(r"Blocked a frame with origin|Permission denied to access property", "frame"),
    _core(
        r"BAD_SSL_CLIENT_AUTH_CERT|CLIENT_AUTH_CERT_NEEDED", Reason.TLS_CLIENT_CERTIFICATE, "a certificate is required"
    ),
    _core(r"ERR_(?P<value>CERT_\w+|SSL_\w+)|(?P<value2>SEC_ERROR_\w+|SSL_ERROR_\w+)", Reason.TLS),
    _core(r"ERR_UNSAFE_PORT", Reason.BAD_PORT),
    _core(r"ERR_INVALID_REDIRECT|MULTIPLE_LOCATION", Reason.REDIRECT_UNPARSABLE),
    _core(
        r"ERR_(?P<value>CONNECTION_\w+|NAME_NOT_RESOLVED|ADDRESS_\w+|EMPTY_RESPONSE|INTERNET_DISCONNECTED|TIMED_OUT|"
        r"NETWORK_\w+|TUNNEL_\w+|PROXY_\w+|HTTP2_\w+|QUIC_\w+|INCOMPLETE_\w+|CONTENT_LENGTH_MISMATCH|INVALID_HTTP_RESPONSE)",
        Reason.UNREACHABLE,
    ),
    _core(r"request did not succeed|Status code: \(null\)", Reason.UNREACHABLE, "no response"),
    _core(
        r"Could not connect to the server|specified hostname could not be found|network connection was lost",
        Reason.UNREACHABLE,
        "no response",
    ),
    _core(r"WebSocket|can't establish a connection to the server at", "websocket"),
    _core(r"opaque response|[\"']opaque[\"']|type: ?\"?opaque|no-cors", "opaque"),
    _core(r"\bScript error\b", "script_error"),
    _core(r"\b(?:curl|Postman)\b", "outside_browsers"),
    _core(r"Disable cache", "cached"),
    _core(r"ERR_FAILED 2\d\d\b", "answered"),
    _core(r"responded with a status of [45]\d\d\b", "status"),
    _core(
        r"Failed to fetch|NetworkError when attempting|Load failed|Network ?Error|ERR_FAILED|access control checks",
        "not_told",
    ),
)

# Where a message begins, if several are pasted together; Safari's ends with its anchor.
_BEGIN: Final = re.compile(
    r"(?=Access to \S{1,40}(?: \S{1,40})? at ')|(?=Cross-Origin Request (?:Blocked|Warning))|"
    r"(?=WebSocket connection to ')|(?=\b[A-Z]\w{1,20} can't establish)|(?=The connection to wss?:)"
)
_END: Final = re.compile(r"(?<=due to access control checks\.)")

_ENGINES: Final = (
    (
        "Chromium",
        re.compile(
            r"blocked by CORS policy|net::ERR_|Failed to fetch|therefore not allowed access|during WebSocket handshake|"
            r"HTTP Authentication failed|Failed to construct 'WebSocket'|WebSocket (?:is|opening handshake) "
        ),
    ),
    (
        "Firefox",
        re.compile(
            r"Cross-Origin Request (?:Blocked|Warning)|NetworkError when attempting|NS_ERROR_|Blocked loading|"
            r"can't establish a connection to the server at|was interrupted while the page"
        ),
    ),
    (
        "Safari",
        re.compile(
            r"access control checks|Load failed|Preflight response is not successful|"
            r"Origin \S+ is not allowed by Access-Control-Allow-Origin|There was a bad response from the server"
        ),
    ),
)
_URLS: Final = (
    re.compile(r"Access to .{1,80}? at '(?P<url>[^'\s]+)'(?: \(redirected from '(?P<first>[^'\s]+)'\))? from origin "),
    re.compile(r"remote resource at '?(?P<url>[^'\s]+?)'?\.? (?:soon\. )?\(Reason"),
    re.compile(r"(?:cannot load|Failed to load) (?P<url>[a-z][a-z0-9+.-]*:[^\s'\"]+?)[.:]? (?=[A-Z]|due )"),
    re.compile(r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<url>https?://[^\s'\"]+)"),
    re.compile(r"(?:connection to|server at) [\"']?(?P<url>wss?://[^\s'\"]+)"),
    re.compile(r"(?:connect to|resource at|content from|load) [\"']?(?P<url>(?:https?|wss?)://[^\s'\"]+)"),
)
_ORIGINS: Final = (
    re.compile(
        r"(?:from origin|request origin|with origin|Origin) [\"']?(?P<origin>(?:[a-z][a-z0-9+.-]*://[^\s'\"]+|null\b))"
    ),
    re.compile(r"The page at '?(?P<origin>[a-z][a-z0-9+.-]*://[^\s'\"]+)"),
)
_SOCKET_URL: Final = re.compile(r"\bwss?://", re.IGNORECASE)
_ANY_URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]{1,30}://[^\s'\"]+", re.IGNORECASE)
_METHODS: Final = re.compile(r"\b(?P<method>GET|HEAD|POST|PUT|PATCH|DELETE) https?://")
_STATUSES: Final = re.compile(r"net::ERR_FAILED (?P<a>\d{3})\b|Status code: (?P<b>\d{3})\b|status of (?P<c>\d{3})\b")

# What Firefox prints after each preflight that failed, and what every page is told.
_SILENT: Final = frozenset({"answered", "not_told", "status"})
_ECHOES: Final = frozenset({Reason.UNREACHABLE, *_SILENT})


class Known(NamedTuple):
    """
    What the user says in addition to a message, which may not name it.
    """

    origin: str | None = None
    method: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    with_credentials: bool = False


@dataclass(frozen=True, kw_only=True)
class Message:
    """
    One message: *engine* is whose console it is from (empty if anyone's); *failure* is what the model calls it, else
    *lookalike* names what it is. *url*, *origin* and *method* are named by it, or by the user, or are what stands for
    them; *assumed* are the latter. *header* is the header that it names.
    """

    engine: str
    failure: Failure | None
    lookalike: str
    url: str
    origin: str
    method: str
    header: str | None
    assumed: tuple[str, ...] = field(default=())

    @property
    def target(self) -> str:
        """
        The origin of the URL, or the URL if it is none.
        """
        parsed = url_of(self.url)
        return self.url if parsed is None else parsed.origin

    @property
    def is_handshake(self) -> bool:
        """
        Whether it tells of a WebSocket.
        """
        parsed = url_of(self.url)
        return parsed is not None and parsed.scheme in SOCKET_SCHEMES

    @property
    def name(self) -> str:
        return self.lookalike if self.failure is None else self.failure.code


def read(text: str, known: Known) -> list[Message]:
    """
    Return the messages in *text*, the same once; none if nothing is recognized.
    """
    flat = re.sub(r"\s+", " ", text[:LONGEST_MESSAGE].translate(_STRAIGHT)).strip()
    split = _BEGIN if _BEGIN.search(flat) else _END
    found: dict[tuple[str, str, str], Message] = {}
    for part in split.split(flat)[:_MOST_PARTS]:
        message = _read_one(part, known)
        if message is not None:
            found.setdefault((message.name, message.url, message.method), message)
    return [*_telling(found.values())] or [*found.values()]


def _telling(messages: Collection[Message]) -> Iterator[Message]:
    """
    Yield the *messages* that say what failed: others follow them, and say only that something did.
    """
    named = {message.url for message in messages if message.name not in _ECHOES}
    for message in messages:
        if message.name not in _ECHOES or (message.name not in _SILENT and message.url not in named):
            yield message


def _read_one(text: str, known: Known) -> Message | None:
    # Words in a URL tell of what it names, and nothing of what failed.
    bare = _ANY_URL.sub(lambda url: "\0" * len(url[0]), text)
    for row in CORES:
        for match in row.core.finditer(text):
            if bare[match.start()] != "\0":
                said = bare.lower()
                is_socket = row.means in OF_HANDSHAKE or "websocket" in said or _SOCKET_URL.search(text) is not None
                stands = SOCKET_URL if is_socket else URL
                return _message(text, row, match, known, stands, is_preflight="preflight" in said)
    return None


def _message(  # noqa: PLR0913 - what is known of one message
    text: str, row: Core, match: re.Match[str], known: Known, stands: str, *, is_preflight: bool
) -> Message:
    said = {name.rstrip("23"): value for name, value in match.groupdict().items() if value is not None}
    value = said.get("value", row.value)
    url, first = _url(text, said, stands)
    named_origin = _origin(text, said, known)
    # Only a page loaded by https has mixed content.
    origin = named_origin or (EXAMPLE_ORIGIN if row.means is Reason.MIXED_CONTENT else assumed_page(url))
    header = said.get("header")
    if row.value == "*" and row.means is Reason.HEADER_NOT_ALLOWED:
        header = "authorization"
    method = said.get("method") or known.method
    if method is None and (named := _METHODS.search(text)) is not None:
        method = named["method"]
    usual = METHOD if row.means is Reason.METHOD_NOT_ALLOWED else "GET"
    unnamed = {
        "url": url is stands,
        "page": named_origin is None,
        "method": method is None and row.means in PREFLIGHT_ONLY,
    }
    assumed = tuple(name for name, is_unnamed in unnamed.items() if is_unnamed)
    method = usual if method is None else method
    engine = next((name for name, sign in _ENGINES if sign.search(text)), "")
    failure = None
    if isinstance(row.means, Reason):
        is_preflight = is_preflight or row.means in PREFLIGHT_ONLY
        failure = Failure(
            reason=row.means,
            clause="",
            value=_value(row.means, value, method=method, header=header, url=url),
            method=method,
            url=url,
            first_url=first,
            page_origin=origin,
            sent_origin=origin,
            mode="no-cors" if row.means is Reason.CORP else "websocket" if stands is SOCKET_URL else "cors",
            with_credentials=known.with_credentials or REASONS[row.means].with_credentials or stands is SOCKET_URL,
            is_preflight=is_preflight,
            exchange=_exchange(row, said.get("status") or _status(text), url, is_preflight=is_preflight),
        )
    return Message(
        engine=engine,
        failure=failure,
        lookalike="" if isinstance(row.means, Reason) else row.means,
        url=url,
        origin=origin,
        method=method,
        header=header,
        assumed=assumed,
    )


def _value(reason: Reason, value: str | None, *, method: str, header: str | None, url: str) -> str | None:
    if reason in {Reason.METHOD_NOT_ALLOWED, Reason.FORBIDDEN_METHOD}:
        return method
    if reason is Reason.HEADER_NOT_ALLOWED:
        return (header or "").lower()
    if reason is Reason.ALLOW_CREDENTIALS_NOT_TRUE:
        # Chromium's '' means that there is none.
        return value or None
    if reason is Reason.BAD_PORT:
        parsed = url_of(url)
        return "" if parsed is None or parsed.port is None else str(parsed.port)
    if reason is Reason.CORP:
        return value
    return None if value is None else value[:_LONGEST_WORD]


def _exchange(row: Core, status: str, url: str, *, is_preflight: bool) -> Exchange | None:
    """
    Return what a message tells of the answer, if that is more than the reason.
    """
    request = WireRequest("OPTIONS" if is_preflight else "GET", url)
    if row.means is Reason.HANDSHAKE_REFUSED:
        # Chromium names one status by what it means.
        status = status or row.value or ""
    if row.means is Reason.HEADER_NOT_ALLOWED and row.value == "*":
        request = replace(request, headers=(("Access-Control-Request-Headers", "authorization"),))
        answer = WireResponse(200, (("Access-Control-Allow-Headers", "*"),))
        return Exchange(request, answer, is_preflight, with_credentials=False)
    if not isinstance(row.means, Reason) or not REASONS[row.means].status_tells or not status:
        return None
    return Exchange(request, WireResponse(int(status)), is_preflight, with_credentials=False)


def _status(text: str) -> str:
    found = _STATUSES.search(text)
    return next((status for status in found.groups() if status), "") if found else ""


def _url(text: str, said: Mapping[str, str], stands: str) -> tuple[str, str]:
    """
    Return the URL that a message names, and the one before all redirects.
    """
    for pattern in _URLS:
        found = pattern.search(text)
        if found is not None and "url" not in said:
            url = found["url"][:_LONGEST_WORD].rstrip(".,)")
            return url, (found.groupdict().get("first") or url)[:_LONGEST_WORD]
    url = said.get("url", stands)
    return (url, url) if url is stands else (url[:_LONGEST_WORD], url[:_LONGEST_WORD])


def _origin(text: str, said: Mapping[str, str], known: Known) -> str | None:
    if known.origin is not None:
        return known.origin
    named = [said["origin"]] if "origin" in said else []
    for text_of_origin in [*named, *_origins(text)]:
        if text_of_origin == NULL or Origin.parse(text_of_origin) is not None:
            return text_of_origin
        parsed = url_of(text_of_origin)
        if parsed is not None and Origin.parse(parsed.origin) is not None:
            return parsed.origin
    return None


def _origins(text: str) -> Iterator[str]:
    for pattern in _ORIGINS:
        for found in pattern.finditer(text):
            yield found["origin"][:_LONGEST_WORD].rstrip(".,)")
