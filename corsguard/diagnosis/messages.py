"""
Recognizes console lines: which failure a line is about, and which values it names.

It compares with a table of cores, because browsers change the rest of a line between releases. If the model knows the
failure, the model explains it; otherwise it is one of the lookalikes, which are not CORS. The pasted text is bounded
before it is read.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from corsguard.browser import Exchange, Failure, Reason, WireRequest, WireResponse
from corsguard.browser.evidence import ABSENT, refuses_authorization_only, url_of
from corsguard.browser.reasons import CORS_CHECK, OF_HANDSHAKE, PREFLIGHT_ONLY, REASONS
from corsguard.browser.urls import SOCKET_SCHEMES
from corsguard.names import EXAMPLE_ORIGIN
from corsguard.origin import NULL

from .cores import CORES, VAGUE, Core
from .languages import translated
from .pages import OPEN_PAGE, assumed_page, origin_named
from .pasted import parts, plain

LONGEST_MESSAGE: Final = 65536
# How many characters of one word of a message are read.
_LONGEST_WORD: Final = 2048

# Placeholders for what a message does not name.
URL: Final = "https://api.example.com/"
SOCKET_URL: Final = "wss://api.example.com/"
METHOD: Final = "METHOD"
# Failures that show that the page was loaded over https: only then is there mixed content.
_PAGES: Final[Mapping[Reason | str, str]] = {
    Reason.MIXED_CONTENT: EXAMPLE_ORIGIN,
    "insecure_local_network": OPEN_PAGE,
}

# Chromium had the words of WebKit as long as it used WebKit.
OLD_WEBKIT: Final = "Chromium up to 30 or Safari"
_ENGINES: Final = (
    ("Edge up to 18", re.compile(r"\bSEC7\d{3}: \[CORS\]")),
    ("Internet Explorer", re.compile(r"\b(?:SEC7|SCRIPT7|CSP14)\d{3}\b")),
    ("jsdom", re.compile(r"Error: Cross origin \S+ forbidden|validCORS(?:Preflight)?Headers")),
    ("Office", re.compile(r"No valid origin in response")),
    ("TestCafe", re.compile(r"RequestMock: CORS")),
    (
        "Chromium",
        re.compile(
            r"blocked by (?:the )?CORS policy|net::ERR_|Failed to fetch|therefore not allowed access|"
            r"during WebSocket handshake|HTTP Authentication failed|Failed to construct 'WebSocket'|"
            r"WebSocket (?:is|opening handshake) |from loading by Cross-Origin Resource Sharing policy|"
            r"Mixed Content: The page"
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
            r"access control checks|Load failed|denied by Cross-Origin Resource Sharing policy|"
            r"Preflight response is not successful|(?:^|\[Error\] )Origin \S+ is not allowed by Access-Control|"
            r"Access-Control-Allow-Origin\. Status code|There was a bad response from the server"
        ),
    ),
    (OLD_WEBKIT, re.compile(r"Origin \S+ is not allowed by Access-Control-Allow-Origin")),
)
_QUOTED_URL: Final = r"['\"]?(?P<url>[a-z][a-z0-9+.-]*:[^\s'\"]+)"
# Where a line names the URL. A text between quotation marks counts even if it is redacted.
_URLS: Final = (
    re.compile(
        r"Access to [^']{1,80}? at '(?P<url>[^']+)'(?: \(redirected from '(?P<first>[^']+)'\))? from origin ",
        re.IGNORECASE,
    ),
    re.compile(
        r"Access to [\w ]{1,40}? at '?(?P<url>[a-z][^\s']+)"
        r"(?: \(redirected from '?(?P<first>[^\s')]+)'?\))? from origin ",
        re.IGNORECASE,
    ),
    re.compile(r"Redirect from '(?P<url>[^']+)' to '[^']+' has been blocked"),
    re.compile(r"\b[A-Z]\w{0,30}(?: [a-z]{1,20})? (?:from|at) origin '(?P<url>[^']{1,2048})' has been blocked"),
    # What people write in place of a URL that they do not want to show.
    re.compile(r"Access to [\w ]{1,40}? (?:at )?(?P<url>[\[{<][^\]}>]{1,200}[\]}>]|\.{3,}) from origin "),
    re.compile(
        r"(?:can ?not load|Failed to load|resource at|connection to) "
        r"(?P<url>X{3,}|\*{3,}|['\"]?(?:\[[^\[\]]{1,200}\]|<[^<>]{1,200}>|\{[^{}]{1,200}\}|\([^()]{1,200}\)))"
        r"['\"]?(?=[.:,]? |[.:,]?$)"
    ),
    re.compile(r"remote resource at '?(?P<url>[^'\s]+?)'?\.? ?(?:soon\. )?(?:\(|$)"),
    re.compile(
        r"(?:cannot load|Failed to load) "
        r"(?P<url>(?:[a-z][a-z0-9+.-]*:|[\[{<]|[\w-]+\.[\w-])[^\s'\"]+?)[.:]? (?=[A-Z]|due )"
    ),
    re.compile(rf"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) {_QUOTED_URL}"),
    re.compile(r"(?:connection to|server at) [\"']?(?P<url>wss?://[^\s'\"]+)"),
    re.compile(
        rf"(?:Http failure response for|uri=|\burl[\"']?:|load stylesheet at|loading the \w+) ?{_QUOTED_URL}",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:connect(?:ing)? to|resource at|content from|Cancelled load to|module:?|load|fetch) "
        r"[\"']?(?P<url>(?:https?|wss?)://[^\s'\"]+)",
        re.IGNORECASE,
    ),
    re.compile(r"Refused to \w+(?: \w+){0,2} '(?P<url>[^']+)' (?:in a frame )?because"),
    re.compile(r"\b[A-Z]\w{1,20}ing(?: \w{1,20}){0,3} '(?P<url>[^']{1,2048})' violates the "),
    re.compile(r"attempt to load URL (?P<url>[^\s']+) from frame"),
    re.compile(r"for cross-origin resource at '?(?P<url>[^\s']+)"),
    re.compile(r"Access to [\w ]{1,40} at '\[(?P<url>https?:[^'\s\]]+)\] ", re.IGNORECASE),
    re.compile(r"Access to [\w ]{1,40} at '(?P<url>[^'\s]+)'", re.IGNORECASE),
)
# In WebKit, the answer that redirects failed the check. The URL that follows was never requested.
_REDIRECTION: Final = re.compile(
    r"Cross-origin redirection to (?P<target>\[[^\[\]]{1,200}\]|<[^<>]{1,200}>|\S{1,2048}) denied by "
)
# The rest of a URL whose first letters were not copied.
_REST: Final = re.compile(r"^'?[htp]{0,4}?(?:(?P<secure>s)|p)://(?P<rest>[^\s']{1,2048})'?(?= from origin )")
# The path in a line of a server's log, or in a request line.
_LOGGED: Final = re.compile(
    r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<path>/[^\s'\"]{0,2048})(?=[ '\"]|$)|"
    r"\bpath=['\"](?P<path2>/[^\s'\"]{0,2048})['\"]|"
    # Django's.
    r"\bForbidden \([^()]{1,200}\): (?P<path3>/[^\s'\"]{0,2048})"
)
# A request of HTTP/2 has its URL in parts.
_PSEUDO: Final = re.compile(r"(?<!\S):(authority|path|scheme): ?(\S{1,2048})")
# The header of a response, as pasted next to a message.
_SENT: Final = re.compile(
    r"\bAccess-Control-Allow-Origin: ?((?:\*|null|[a-z][a-z0-9+.-]{1,30}://[^\s,'\"]{1,253})"
    r"(?:, ?(?:\*|null|[a-z][a-z0-9+.-]{1,30}://[^\s,'\"]{1,253}))*)",
    re.IGNORECASE,
)
# Not a URL, because the line does not say where the redirect leads.
_NOWHERE: Final = "http://["
# In the place of a line that Chromium adds, the URL has no scheme.
_PLACED: Final = re.compile(
    r"(?:^| )(?:(?P<local>localhost|127\.0\.0\.1)|[\w-]+(?:\.[\w-]+)+)(?::\d{1,5})?/\S{0,2048}?"
    r"(?=:\d+ Failed to load resource| [45]\d\d \([A-Z]|' from origin ')"
)
# What Firefox says about a page of the web that links to a file.
_OF_WEB_PAGES: Final = re.compile(r"Not allowed to load local resource|may not (?:load|link)")
# Where a line names the page.
_ORIGINS: Final = (
    re.compile(r"Origin '(?P<origin>[^']+)' is (?:therefore )?not allowed"),
    re.compile(r"from origin '(?P<origin>[^']+)'(?! has been blocked from loading)"),
    re.compile(
        r"(?:from origin|[Rr]equest origin|with origin|(?<!Allow-)Origin(?: header| of the request)?):? [\"']?"
        r"(?P<origin>(?:[a-z][a-z0-9+.-]*://[^\s'\"]+(?![^\s'\"])|null\b))(?!'? has been blocked from loading)"
    ),
    re.compile(
        r"(?<![\w-])(?<!target )(?<!allowed )(?<!expected )(?:request_?)?origin"
        r"(?:[\"']?\s?[:=]\s?(?:Some\()?[\"']?(?P<origin>[a-z][a-z0-9+.-]*://[^\s'\",;)\]}]+|(?<=[\"'(])null\b)|"
        r" [\"'\[](?P<origin2>[a-z][a-z0-9+.-]*://[^\s'\"\]]+|null)[\"'\]](?! has been blocked))",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:request|connection|call|access|attempt|upgrade)s? from:? [\"']?"
        r"(?P<origin>https?://[^\s'\"/,;)]+)/?(?![^\s'\",;)])",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<![\w-])(?<!target )(?<!allowed )(?<!expected )origin (?P<origin>https?://[^\s'\"/,;)]+)/? "
        r"(?=is |was |not )",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<origin>\b[a-z][a-z0-9+.-]{1,30}://[^\s'\"/]{1,253}) is not an? (?:accepted|valid) origin\b"),
    re.compile(r"Content at (?P<origin>[a-z][a-z0-9+.-]*://\S{1,2048}) may not (?:load|link)"),
    re.compile(r"\) does not match the page \((?P<origin>[^\s()]+)\)"),
    re.compile(r"from frame with URL '?(?P<origin>[a-z][a-z0-9+.-]*://[^\s'\"]+)"),
    re.compile(r"(?:The page at |current origin \()'?(?P<origin>[a-z][a-z0-9+.-]*://[^\s'\"]+)"),
    re.compile(r"\breferr?er(?: header)?[\"']?[:=]\s?[\"']?(?P<origin>https?://[^\s'\",)\]}]+)", re.IGNORECASE),
)
# A URL or an origin that somebody has redacted: its host, or a part of it, has no letters except x, or has brackets.
_REDACTED: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?(?://)?[.*x_?\-]{2,}(?:[/:].*)?|https?:/*|"
    r"(?:[a-z]+://)?[^/?#]*(?:[\[{<][a-z][^\]}>:]*[\]}>]|\.\.|\*\*)[^/?#]*(?:[/?#].*)?|.*[\u2580-\u259f].*|"
    r"(?:[a-z]+://)?(?=[\d.]*x)[\dx]{1,9}(?:\.[\dx]{1,9}){3}(?:[:/].*)?|[a-z]+://your[\w-]*(?:[:/].*)?|"
    r"(?:[a-z]+://)?[^/?#]*[{<].*|[a-z]+://(?:[^/?#]*\.)?(?:x{3,}\.|x{4,}(?:[:/?#]|$)).*|\([^()]*\)|"
    r"[a-z]+://(?:[^/?#]*\.)?[_-]{2,}(?:[.:/?#].*)?|[^\s#]*#{3,}.*|"
    # A browser prints a host in lower case.
    r"[a-z]+://(?-i:[A-Z][A-Z_-]+)(?:[:/?#].*)?",
    re.IGNORECASE,
)
_BLACK: Final = re.compile(r"[\u2580-\u259f]+")
_HOST_ONLY: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+(?::\d+)?(?:/\S*)?", re.IGNORECASE)
_USERINFO: Final = re.compile(r"(?<=://)[^/?#@\s]*@")
_SOCKET_URL: Final = re.compile(r"\bwss?://", re.IGNORECASE)
_ANY_URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]{1,30}://[^\s'\"]+", re.IGNORECASE)
# A URL in a line without other hints, unless it is one of the documentation or a place in a script.
_LONE_URL: Final = re.compile(
    r"(?<!sourceURL: ['\"])(?<!fileName: ['\"])\bhttps?://(?!developer\.mozilla|(?:www\.)?chromestatus|goo\.gl|fetch\.spec|web\.dev|go\.microsoft|xhr\.spec|"
    r"nodejs\.org|nextjs\.org|console\.(?:developers|cloud)\.google|user:pass@host)[^\s'\"()<>|]+",
    re.IGNORECASE,
)
_PLACE: Final = re.compile(r":\d+(?::\d+)?[.,)\]]?$")
_METHODS: Final = re.compile(
    r"\b(?P<method>GET|HEAD|POST|PUT|PATCH|DELETE) ['\"]?(?:https?:|[\[{</])|"
    r"[\"']method[\"']: ?[\"'](?P<method2>[A-Za-z]{3,10})[\"']|"
    r"\b(?i:Access-Control-Request-Method)[\"']?: ?[\"']?(?P<method3>[A-Za-z]{3,10})\b|"
    r"(?<!\S):method: ?(?P<method4>[A-Z]{3,10})\b|"
    r"\bcurl\b.{0,2048}? (?:-X|--request) ?['\"]?(?P<method5>GET|HEAD|POST|PUT|PATCH|DELETE)\b"
)
_REQUESTS: Final = re.compile(r"\b(?P<method>GET|HEAD|POST|PUT|PATCH|DELETE) (?P<url>https?://[^\s'\"]{1,2048})")
# A row of a preflight that failed.
_PREFLIGHTS: Final = re.compile(
    r"\bOPTIONS (?P<url>https?://[^\s'\"]{1,2048}) (?:\S{1,2} )?(?:\[?HTTP/[\d.]{1,3} )?"
    r"(?:CORS [A-Z]|(?P<status>[45]\d\d)\b)"
)
_STATUSES: Final = re.compile(
    r"net::ERR_(?:FAILED|ABORTED) (?P<a>\d{3})\b|Status(?: [Cc]ode)?:? (?P<b>\d{3})\b|status of (?P<c>\d{3})\b|"
    r"\bHTTP/[\d.]+ (?P<d>\d{3})\b|HTTP status code (?P<e>\d{3})\b"
)

# A row of a panel with its status.
_ROWS: Final = re.compile(
    r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<url>https?://[^\s'\"]{1,2048}) (?:\S{1,2} )?"
    r"(?:\[?HTTP/[\d.]{1,3}|net::ERR_[A-Z_]{1,40}) \d{3}\b"
)

_OF_PREFLIGHT: Final = frozenset({*PREFLIGHT_ONLY, "preflight_cut_off"})
# Firefox prints this after each preflight that failed. A page gets no more than this.
_VAGUENESS: Final = ("preflight_cut_off", "issue_heading", "cut_off", "answered", "status", "not_told")
_SILENT: Final = frozenset(_VAGUENESS)
_ECHOES: Final = frozenset({Reason.UNREACHABLE, *_SILENT})
# The URLs in these lines are those of a server's settings, of two windows, or of the documentation.
WITHOUT_REQUEST: Final = frozenset({"isolation", "opener_policy", "post_message", "refused_configuration"})
# Another line may name the URL of these.
_PLACED_ELSEWHERE: Final = frozenset({*_OF_PREFLIGHT, "refused_by_server"})


class Known(NamedTuple):
    """
    What the user says in addition to a message.
    """

    origin: str | None = None
    method: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    with_credentials: bool = False


@dataclass(frozen=True, kw_only=True)
class Message:
    """
    One message. *engine* is the browser that printed it (empty if unknown). *failure* is the model's name for it;
    otherwise *lookalike* says what it is. *url*, *origin* and *method* come from the message, from the user, or are
    placeholders. *assumed* are the placeholders, and *redacted* those of them that the message hides. *header* is
    the header that it names, or a list of them; *value* is what else a lookalike names: a directive, a type, an address
    space.
    """

    engine: str
    failure: Failure | None
    lookalike: str
    url: str
    origin: str
    method: str
    header: str | None
    value: str = ""
    assumed: tuple[str, ...] = field(default=())
    redacted: tuple[str, ...] = field(default=())

    @property
    def is_named(self) -> bool:
        """
        Whether the message or the user names the URL.
        """
        return "url" not in self.assumed

    @property
    def target(self) -> str:
        """
        The origin of the URL, or the URL itself if it has no origin.
        """
        parsed = url_of(self.url)
        return self.url if parsed is None else parsed.origin

    @property
    def is_warning(self) -> bool:
        """
        Whether nothing has failed, because browsers do not enforce the rule yet.
        """
        return self.failure is not None and refuses_authorization_only(self.failure)

    @property
    def is_handshake(self) -> bool:
        """
        Whether it is about a WebSocket.
        """
        parsed = url_of(self.url)
        return parsed is not None and parsed.scheme in SOCKET_SCHEMES

    @property
    def name(self) -> str:
        return self.lookalike if self.failure is None else self.failure.code


def read(text: str, known: Known) -> list[Message]:
    """
    Return the messages in *text*, without duplicates; empty if nothing is recognized.
    """
    whole = plain(text[:LONGEST_MESSAGE])
    several, asked = [*parts(whole)], _asked(whole)
    refused = {found["url"]: found["status"] for found in _PREFLIGHTS.finditer(whole)}
    read_of = {part: message for part in several if (message := _read_one(part, known)) is not None}
    # One line says what failed, and another one has the URL. But a load that Cross-Origin-Resource-Policy refuses had
    # no CORS.
    others = [part for part in several if part not in read_of or read_of[part].name != Reason.CORP]
    places = {read_of[part].url: part for part in others if part in read_of and read_of[part].is_named}
    nearby = [*places.values()] if len(places) == 1 else [] if places else others
    found: dict[tuple[str, ...], Message] = {}
    for part, alone in read_of.items():
        message = _placed(alone, part, nearby, known)
        methods = asked.get(message.url, ()) if known.method is None else ()
        if len(methods) == 1 and (again := _read_one(part, of_method := known._replace(method=methods[0]))):
            message = _placed(again, part, nearby, of_method)
        if message.url in refused:
            message = _of_preflight(message, refused[message.url])
        key = (message.name, message.url, message.method, message.header or "" if message.failure else "")
        found[key] = _merged(found.get(key, message), message)
    return [*_telling(found.values())] or [*_least_vague(found.values())]


def _placed(message: Message, part: str, nearby: Sequence[str], known: Known) -> Message:
    """
    Return the *message* of *part*. If it names no URL, it gets the URL that the parts *nearby* name.
    """
    if message.is_named or (message.failure is None and message.lookalike not in _PLACED_ELSEWHERE):
        return message
    both = _read_one(" ".join(dict.fromkeys([part, *nearby])), known)
    return both if both is not None and both.is_named and _cause(both) == _cause(message) else message


def _of_preflight(message: Message, status: str | None) -> Message:
    failure = message.failure
    if failure is None or failure.reason not in CORS_CHECK:
        return message
    exchange = failure.exchange
    if exchange is None and status:
        exchange = _exchange(failure.reason, {}, status, message.url, is_preflight=True, covers_all=False)
    if exchange is not None:
        exchange = replace(exchange, request=replace(exchange.request, method="OPTIONS"), is_preflight=True)
    assumed = message.assumed if message.method != "GET" else tuple(dict.fromkeys([*message.assumed, "method"]))
    return replace(message, failure=replace(failure, is_preflight=True, exchange=exchange), assumed=assumed)


def _merged(one: Message, other: Message) -> Message:
    """
    Return one message with all that *one* and *other*, about the same failure, say.
    """
    if len(other.assumed) < len(one.assumed):
        one, other = other, one
    if one.failure is None and one.header and other.header and other.header not in one.header.split(", "):
        return replace(one, header=f"{one.header}, {other.header}")
    if one.failure is None or one.failure.exchange is not None or other.failure is None:
        return one
    return replace(
        one, engine=one.engine or other.engine, failure=replace(one.failure, exchange=other.failure.exchange)
    )


def _asked(text: str) -> dict[str, tuple[str, ...]]:
    """
    Return for each URL the methods that *text* names: Chromium prints them in a line before the line about the failure.
    """
    methods: dict[str, tuple[str, ...]] = {}
    for found in _REQUESTS.finditer(text):
        before = methods.setdefault(found["url"], ())
        methods[found["url"]] = (*before, found["method"]) if found["method"] not in before else before
    return methods


def _telling(messages: Collection[Message]) -> Iterator[Message]:
    """
    Yield the *messages* that say what failed, without later ones that only say that something failed, or that repeat it
    without the URL, as Safari does.
    """
    named = {message.url for message in messages if message.name not in _ECHOES}
    tells = any(message.name not in {*_ECHOES, "outside_browsers"} for message in messages)
    causes = {_cause(message) for message in messages if message.is_named}
    # Chromium prints the status of a preflight in a row of its own, which does not name the page.
    checked = {message.url for message in messages if message.failure and message.failure.reason in CORS_CHECK}
    for message in messages:
        is_row = message.name == Reason.PREFLIGHT_STATUS and "page" in message.assumed
        is_echo = message.name in _SILENT or (message.name in _ECHOES and message.url in named)
        is_echo = is_echo or (is_row and message.url in checked) or (tells and message.name == "outside_browsers")
        if not is_echo and (message.is_named or _cause(message) not in causes):
            yield message


def _least_vague(messages: Collection[Message]) -> Iterator[Message]:
    """
    Yield the *messages*, none of which says what failed, without those that say less than another one about the same
    URL.
    """
    said = [(message.url if message.is_named else "", _VAGUENESS.index(message.name)) for message in messages]
    for message, (url, vagueness) in zip(messages, said, strict=True):
        if not any(other < vagueness if at == url else not url and other <= vagueness for at, other in said):
            yield message


def _cause(message: Message) -> str:
    return message.lookalike if message.failure is None else message.failure.reason


def _read_one(text: str, known: Known) -> Message | None:
    # Words in a URL do not say what failed.
    bare = _ANY_URL.sub(lambda url: "\0" * len(url[0]), text)
    found = _first(CORES, text, bare)
    is_english = found is not None or _first(VAGUE[:2], text, bare) is not None
    if not is_english and (told := translated(text)) is not None:
        groups = {"url": told.url, "value": told.value, "status": told.status}
        groups["header"] = told.value if told.means is Reason.HEADER_NOT_ALLOWED else ""
        said = {name: value for name, value in groups.items() if value}
        return _message(text, told.means, said, known, "Firefox", is_preflight=False)
    found = found or _first(VAGUE, text, bare)
    if found is None:
        return None
    row, match = found
    said = {name.rstrip("2345"): value for name, value in match.groupdict().items() if value is not None}
    spans = [match.span(name) for name in match.groupdict() if name.startswith("value")]
    if (redirection := _REDIRECTION.search(text)) is not None:
        said.setdefault("target", redirection["target"])
        spans.append(redirection.span("target"))
    for start, end in spans:
        # A URL in a value, or after a redirect, is not the requested one.
        text = f"{text[:start]}{'0' * (end - start)}{text[end:]}"
    if row.value is not None:
        said.setdefault("value", row.value)
    means = row.means
    if means is Reason.ALLOW_ORIGIN_MISMATCH and said.get("value") == ABSENT and (sent := _SENT.search(text)):
        # The headers of the response are pasted, too, and say more than Firefox.
        said["value"] = sent[1]
        means = Reason.MULTIPLE_ALLOW_ORIGIN if "," in sent[1] else means
    engine = next((name for name, sign in _ENGINES if sign.search(text)), "")
    return _message(text, means, said, known, engine, is_preflight="preflight" in bare.lower())


def _first(cores: tuple[Core, ...], text: str, bare: str) -> tuple[Core, re.Match[str]] | None:
    for row in cores:
        for match in row.core.finditer(text):
            if bare[match.start()] != "\0":
                return row, match
    return None


def _message(  # noqa: PLR0913 - the parts of one message
    text: str, means: Reason | str, said: dict[str, str], known: Known, engine: str, *, is_preflight: bool
) -> Message:
    is_socket = means in OF_HANDSHAKE or "websocket" in _ANY_URL.sub("", text).lower() or bool(_SOCKET_URL.search(text))
    stands = SOCKET_URL if is_socket else URL
    shown_origin, is_origin_shown = _origin(text, said, known)
    url, first, is_url_shown = ("", "", False) if means in WITHOUT_REQUEST else _url(text, said, shown_origin)
    if is_unnamed := not url:
        logged = _LOGGED.search(text)
        # The path counts, even if the host has to be set.
        path = "" if logged is None or is_socket else next(filter(None, logged.groups()))
        url = first = f"{stands}{path[1:]}"
    # No page of the web requests a file. Only a file does.
    is_file = url.startswith("file:") and not _OF_WEB_PAGES.search(text)
    origin = shown_origin or _PAGES.get(means) or (NULL if is_file else assumed_page(url))
    value, header = said.get("value"), said.get("header")
    covers_all = means is Reason.HEADER_NOT_ALLOWED and value == "*"
    if covers_all:
        header = "authorization"
    method = said.get("method") or known.method
    if method is None and (named := [*_METHODS.finditer(text)]):
        # A preflight names the method of the request that follows it.
        said_by = next((found for found in named if found["method3"]), named[0])
        method = next(filter(None, said_by.groups()))
        # Axios, for example, has methods in lower case in its settings, and sends them in upper case.
        method = method.upper() if said_by["method2"] else method
    usual = METHOD if means is Reason.METHOD_NOT_ALLOWED else "GET"
    unnamed = {
        "url": is_unnamed,
        "page": shown_origin is None,
        "method": method is None and (means in _OF_PREFLIGHT or (means in CORS_CHECK and is_preflight)),
    }
    redacted = {"url": is_url_shown, "page": is_origin_shown}
    assumed = tuple(name for name, is_unnamed in unnamed.items() if is_unnamed)
    method = usual if method is None else method
    failure = None
    if isinstance(means, Reason):
        is_preflight = is_preflight or means in PREFLIGHT_ONLY
        is_no_cors = means is Reason.CORP or value == "element"
        failure = Failure(
            reason=means,
            clause="",
            value=_value(means, value, method=method, header=header, url=url),
            method=method,
            url=url,
            first_url=first,
            page_origin=origin,
            sent_origin=origin,
            mode="no-cors" if is_no_cors else "websocket" if is_socket else "cors",
            with_credentials=known.with_credentials or REASONS[means].with_credentials or is_socket,
            is_preflight=is_preflight,
            exchange=_exchange(means, said, _status(text, url), url, is_preflight=is_preflight, covers_all=covers_all),
        )
    return Message(
        engine=engine,
        failure=failure,
        lookalike="" if isinstance(means, Reason) else means,
        url=url,
        origin=origin,
        method=method,
        header=header,
        value=value or "",
        assumed=assumed,
        redacted=tuple(name for name in assumed if redacted.get(name)),
    )


def _value(reason: Reason, value: str | None, *, method: str, header: str | None, url: str) -> str | None:
    if reason in {Reason.METHOD_NOT_ALLOWED, Reason.FORBIDDEN_METHOD}:
        return method
    if reason is Reason.HEADER_NOT_ALLOWED:
        return (header or "").lower()
    if reason is Reason.ALLOW_CREDENTIALS_NOT_TRUE:
        # Chromium's '' means that the header is absent.
        return value or None
    if reason is Reason.BAD_PORT:
        parsed = url_of(url)
        return "" if parsed is None or parsed.port is None else str(parsed.port)
    if reason is Reason.CORP:
        return value
    if reason is Reason.MIXED_CONTENT:
        return None
    if reason is Reason.UNREACHABLE:
        return value or "this line does not say why"
    return None if value is None else value[:_LONGEST_WORD]


def _exchange(  # noqa: PLR0913 - what a line may say about the answer
    means: Reason, said: Mapping[str, str], status: str, url: str, *, is_preflight: bool, covers_all: bool
) -> Exchange | None:
    """
    Return what a message says about the answer, if that is more than the reason.
    """
    request = WireRequest("OPTIONS" if is_preflight else "GET", url)
    status = said.get("status") or status
    if means is Reason.HANDSHAKE_REFUSED:
        # For one status, Chromium prints a text instead of the number.
        status = status or said.get("value", "")
    if covers_all:
        request = replace(request, headers=(("Access-Control-Request-Headers", "authorization"),))
        answer = WireResponse(200, (("Access-Control-Allow-Headers", "*"),))
        return Exchange(request, answer, is_preflight, with_credentials=False)
    if "target" in said:
        # Chromium does not say which redirect status it was.
        target = said["target"][:_LONGEST_WORD]
        answer = WireResponse(0, (("Location", _NOWHERE if _REDACTED.fullmatch(target) else target),))
        return Exchange(request, answer, is_preflight, with_credentials=False)
    if not REASONS[means].status_tells or not status:
        return None
    return Exchange(request, WireResponse(int(status)), is_preflight, with_credentials=False)


def _status(text: str, url: str) -> str:
    # The row of another resource says nothing about this one.
    found = _STATUSES.search(_ROWS.sub(lambda row: row[0] if row["url"] == url else "", text))
    return next((status for status in found.groups() if status), "") if found else ""


def _url(text: str, said: Mapping[str, str], origin: str | None) -> tuple[str, str, bool]:
    """
    Return the URL that a message names (empty if none), the URL before all redirects, and whether one is redacted.
    """
    named = [(said["url"], "")] if "url" in said else []
    if not named:
        every = ((pattern, pattern.search(text)) for pattern in _URLS)
        named = [(found["url"], found.groupdict().get("first") or "") for _, found in every if found is not None]
        if (rest := _REST.match(text)) is not None:
            named.append((f"http{'s' if rest['secure'] else ''}://{rest['rest']}", ""))
        placed = _PLACED.search(text)
        if placed is not None:
            named.append((f"{'http' if placed['local'] else 'https'}://{placed[0].strip()}", ""))
        pseudo = dict(_PSEUDO.findall(text))
        if "authority" in pseudo:
            named.insert(0, (f"{pseudo.get('scheme', 'https')}://{pseudo['authority']}{pseudo.get('path', '/')}", ""))
    is_shown = False
    for url, first in named:
        whole = as_url(url, origin)
        if whole:
            return whole, as_url(first, origin) or whole, False
        # A relative URL is not blacked out.
        is_shown = is_shown or not url.startswith(("/", "./", "../"))
    if not is_shown:
        pages = {found.start(found.lastindex or 0) for pattern in _ORIGINS for found in pattern.finditer(text)}
        others = (found[0] for found in _LONE_URL.finditer(text) if found.start() not in pages)
        uncut = (url for url in others if not _PLACE.search(url) and not url.endswith("/..."))
        lone = {_USERINFO.sub("", url.rstrip(".,;:")) for url in uncut}
        lone -= {url for url in lone if origin is not None and url.rstrip("/") == origin}
        if len(lone) == 1 and not _REDACTED.fullmatch(url := lone.pop()):
            return url[:_LONGEST_WORD], url[:_LONGEST_WORD], False
    return "", "", is_shown


def as_url(text: str, origin: str | None) -> str:
    """
    Return *text* as a URL, relative to a page on *origin*; empty if it is not one.
    """
    whole = text[:_LONGEST_WORD]
    # A password is secret, and fetch() does not accept one.
    bare = whole.rstrip(".,:;)")
    is_cut = whole.startswith("...", len(bare)) and "/" in bare.partition("://")[2]
    text = _USERINFO.sub("", f"{bare}..." if is_cut else bare.strip())
    if text.startswith("file:///"):
        # The scheme says what failed, whatever is blacked out of the path.
        return _BLACK.sub("...", text)
    if any(_REDACTED.fullmatch(word) for word in (whole, text)) or not text:
        return ""
    if text.startswith("/"):
        return "" if origin in {None, NULL} else f"{origin}{text}"
    # A scheme cannot be distinguished from a host with a port: the browser read localhost: as a scheme.
    if ":" in text.partition("/")[0]:
        return text
    # Without a scheme, it is a host, a path of an unknown page, or a placeholder for the URL.
    return f"https://{text}" if _HOST_ONLY.fullmatch(text) else ""


def _origin(text: str, said: Mapping[str, str], known: Known) -> tuple[str | None, bool]:
    """
    Return the page that the message or the user names, and whether it is redacted.
    """
    if known.origin is not None:
        return known.origin, False
    named = [said["origin"]] if "origin" in said else []
    # A server behind a proxy names the host alone.
    named = [f"https://{word}" if _HOST_ONLY.fullmatch(word) else word for word in named]
    is_shown = False
    for word in [*named, *_origins(text)]:
        if _REDACTED.fullmatch(word):
            is_shown = True
        elif (origin := origin_named(word)) is not None:
            return origin, False
    return (NULL, False) if "requests from null" in text else (None, is_shown)


def _origins(text: str) -> Iterator[str]:
    for pattern in _ORIGINS:
        for found in pattern.finditer(text):
            word = next(filter(None, found.groups()))[:_LONGEST_WORD]
            # The host of app://. is a dot; several dots stand for what was cut off.
            yield word if word.endswith(("://.", "..")) else word.rstrip(".,)")
