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

from .cores import CORES, VAGUE, first_core, without_urls
from .languages import translated
from .named import (
    LONGEST_WORD,
    NamedUrl,
    allow_origin_named,
    location_named,
    method_named,
    methods_by_url,
    names_file,
    names_socket,
    page_in,
    path_logged,
    preflights_by_url,
    redirection_named,
    status_in_rows,
    status_named,
    url_named,
)
from .pages import OPEN_PAGE, assumed_page
from .pasted import parts, plain

LONGEST_MESSAGE: Final = 65536

# Placeholders for what a message does not name.
URL: Final = "https://api.example.com/"
SOCKET_URL: Final = "wss://api.example.com/"
METHOD: Final = "METHOD"
# Failures that show where the page comes from: over https, or from a public network.
_PAGES: Final[Mapping[Reason | str, str]] = {
    Reason.MIXED_CONTENT: EXAMPLE_ORIGIN,
    "insecure_local_network": OPEN_PAGE,
    **dict.fromkeys(("local_network_access", "private_network_access", "target_address_space"), EXAMPLE_ORIGIN),
}

# Chromium had the words of WebKit as long as it used WebKit.
OLD_WEBKIT: Final = "Chromium up to 30 or Safari"
OLD_MICROSOFT: Final = "Internet Explorer or Edge up to 18"
_ENGINES: Final = (
    ("Edge up to 18", re.compile(r"\bSEC7\d{3}: \[CORS\]")),
    (OLD_MICROSOFT, re.compile(r"\b(?:SEC7|SCRIPT7|CSP14)\d{3}\b")),
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
    (OLD_WEBKIT, re.compile(r"Origin (?:\[[^\]]{1,100}\] |\S+ )?is not allowed by Access-Control-Allow-Origin")),
)

_OF_PREFLIGHT_ANSWER: Final = re.compile(
    r"Response to preflight request|preflight request does(?:n't| not) pass|validCORSPreflight|"
    r"\b(?-i:Preflight(?=[A-Z]))",
    re.IGNORECASE,
)
_OF_PREFLIGHT: Final = frozenset({*PREFLIGHT_ONLY, "preflight_cut_off"})
# Firefox prints this after each preflight that failed. A page gets no more than this.
_VAGUENESS: Final = ("preflight_cut_off", "issue_heading", "cut_off", "answered", "status", "not_told")
_SILENT: Final = frozenset(_VAGUENESS)
_CUT_OFF: Final = frozenset({"cut_off", "preflight_cut_off"})
# These say nothing about a failure.
_REMARKS: Final = frozenset({"outside_browsers", "cors_used", "request_alone"})
# These follow from a request that failed.
_CONSEQUENCES: Final = frozenset({"aborted", "integrity_mismatch", "orb"})
_ECHOES: Final = frozenset({Reason.UNREACHABLE, *_SILENT})
# The URLs in these lines are those of a server's settings, of two windows, or of the documentation.
WITHOUT_REQUEST: Final = frozenset({"isolation", "opener_policy", "post_message", "refused_configuration"})
# No browser prints these.
_OF_SERVERS: Final = frozenset({"refused_by_server", "refused_configuration"})
# Another line may name the URL of these.
_PLACED_ELSEWHERE: Final = frozenset({*_OF_PREFLIGHT, "refused_by_server", "cors_proxy"})


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
    several, asked, refused = [*parts(whole)], methods_by_url(whole), preflights_by_url(whole)
    read_of = {part: message for part in several if (message := _read_one(part, known)) is not None}
    # One line says what failed, and another one, which does not, has the URL.
    others = [part for part in several if part not in read_of or read_of[part].name in {*_ECHOES, *_REMARKS}]
    places = {read_of[part].url: part for part in others if part in read_of and read_of[part].is_named}
    nearby = [*places.values()] if len(places) == 1 else [] if places else others
    placed_causes = {_cause(message) for message in read_of.values() if message.is_named}
    # After a preflight that failed, Firefox prints that the request did not succeed.
    silent = {message.url for message in read_of.values() if message.name == Reason.UNREACHABLE and message.is_named}
    found: dict[tuple[str, ...], Message] = {}
    for part, alone in read_of.items():
        # Safari repeats a cause without the URL.
        around = [] if _cause(alone) in placed_causes else nearby
        message = _placed(alone, part, around, known)
        methods = asked.get(message.url, ()) if known.method is None else ()
        if len(methods) == 1 and (again := _read_one(part, of_method := known._replace(method=methods[0]))):
            message = _placed(again, part, around, of_method)
        if status := status_in_rows(whole, message.url, is_alone=len(places) <= 1):
            message = _with_status(message, status)
        if message.url in refused or (message.url in silent and alone.engine == "Firefox"):
            message = _of_preflight(message, refused.get(message.url))
        parsed = url_of(message.url)
        url = message.url if parsed is None else parsed.href
        key = (message.name, url, message.method, message.header or "" if message.failure else "")
        found[key] = _merged(found.get(key, message), message)
    told = [*_telling(found.values())] or [*_least_vague(found.values())]
    pages = {message.origin for message in found.values() if "page" not in message.assumed}
    # The lines of one console are about one page.
    return [_of_page(message, *pages) for message in told] if len(pages) == 1 else told


def _placed(message: Message, part: str, nearby: Sequence[str], known: Known) -> Message:
    """
    Return the *message* of *part*. If it names no URL, it gets the URL that the parts *nearby* name.
    """
    if message.is_named or (message.failure is None and message.lookalike not in _PLACED_ELSEWHERE):
        return message
    both = _read_one(" ".join(dict.fromkeys([part, *nearby])), known)
    is_same = both is not None and both.is_named and _cause(both) == _cause(message)
    # A WebSocket has no CORS.
    return both if is_same and both is not None and both.is_handshake == message.is_handshake else message


def _of_page(message: Message, origin: str) -> Message:
    if "page" not in message.assumed:
        return message
    failure = message.failure and replace(message.failure, page_origin=origin, sent_origin=origin)
    assumed = tuple(name for name in message.assumed if name != "page")
    redacted = tuple(name for name in message.redacted if name != "page")
    return replace(message, origin=origin, failure=failure, assumed=assumed, redacted=redacted)


def _with_status(message: Message, status: str) -> Message:
    """
    Return *message* with the *status* of the row of its request, if its reason is one that a status explains.
    """
    failure = message.failure
    if failure is None or failure.exchange is not None:
        return message
    exchange = _exchange(failure.reason, {}, status, message.url, is_preflight=failure.is_preflight, covers_all=False)
    return replace(message, failure=replace(failure, exchange=exchange))


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


def _telling(messages: Collection[Message]) -> Iterator[Message]:
    """
    Yield the *messages* that say what failed, without later ones that only say that something failed, or that repeat it
    without the URL, as Safari does.
    """
    named = {message.url for message in messages if message.name not in {*_ECHOES, *_CONSEQUENCES}}
    failed = {message.url for message in messages if message.failure is not None and message.is_named}
    names = {message.name for message in messages}
    tells = not names <= {*_ECHOES, *_REMARKS}
    is_remark_alone = not tells and names.isdisjoint(_CUT_OFF)
    with_method = {(message.name, message.url) for message in messages if "method" not in message.assumed}
    has_socket = any(message.is_handshake and message.name != "websocket" for message in messages)
    causes = {_cause(message) for message in messages if message.is_named}
    # Chromium prints the status of a preflight in a row of its own, which does not name the page.
    checked = {message.url for message in messages if message.failure and message.failure.reason in CORS_CHECK}
    for message in messages:
        is_row = message.name == Reason.PREFLIGHT_STATUS and "page" in message.assumed
        is_cut = message.name in _CUT_OFF and message.is_named and tells
        is_echo = (message.name in _SILENT and not is_cut) or (message.name in _ECHOES and message.url in named)
        is_echo = is_echo or (is_row and message.url in checked) or (message.name in _REMARKS and not is_remark_alone)
        is_echo = is_echo or (message.name in _CONSEQUENCES and message.url in failed)
        is_echo = is_echo or ("method" in message.assumed and (message.name, message.url) in with_method)
        # Cypress repeats what its own access to the page of another origin causes.
        is_echo = is_echo or (message.name == "frame" and "cypress" in names)
        is_echo = is_echo or (message.name == "websocket" and not message.is_named and has_socket)
        if not is_echo and (message.is_named or _cause(message) not in causes):
            yield message


def _least_vague(messages: Collection[Message]) -> Iterator[Message]:
    """
    Yield the *messages*, none of which says what failed, without those that say less than another one about the same
    URL.
    """
    vague = [message for message in messages if message.name in _SILENT]
    said = [(message.url if message.is_named else "", _VAGUENESS.index(message.name)) for message in vague]
    for message, (url, vagueness) in zip(vague, said, strict=True):
        if not any(other < vagueness if at == url else not url and other <= vagueness for at, other in said):
            yield message


def _cause(message: Message) -> str:
    return message.lookalike if message.failure is None else message.failure.reason


def _read_one(text: str, known: Known) -> Message | None:
    found = first_core(CORES, text)
    is_english = found is not None or first_core(VAGUE[:2], text) is not None
    if not is_english and (told := translated(text)) is not None:
        groups = {"url": told.url, "value": told.value, "status": told.status}
        groups["header"] = told.value if told.means is Reason.HEADER_NOT_ALLOWED else ""
        said = {name: value for name, value in groups.items() if value}
        return _message(text, told.means, said, known, "Firefox", is_preflight=False)
    found = found or first_core(VAGUE, text)
    if found is None:
        return None
    row, match = found
    said = {name.rstrip("23456"): value for name, value in match.groupdict().items() if value is not None}
    spans = [match.span(name) for name in match.groupdict() if name.startswith("value")]
    if (redirection := redirection_named(text)) is not None:
        said.setdefault("target", redirection["target"])
        spans.append(redirection.span("target"))
    for start, end in spans:
        # A URL in a value, or after a redirect, is not the requested one.
        text = f"{text[:start]}{'0' * (end - start)}{text[end:]}"
    if row.value is not None:
        said.setdefault("value", row.value)
    means = row.means
    if means is Reason.ALLOW_ORIGIN_MISMATCH and said.get("value") == ABSENT and (sent := allow_origin_named(text)):
        # The headers of the response are pasted, too, and say more than Firefox.
        said["value"] = sent
        means = Reason.MULTIPLE_ALLOW_ORIGIN if "," in sent else means
    signs = () if means in _OF_SERVERS else _ENGINES
    engine = next((name for name, sign in signs if sign.search(text)), "")
    return _message(
        text, means, said, known, engine, is_preflight=_OF_PREFLIGHT_ANSWER.search(without_urls(text)) is not None
    )


def _message(  # noqa: PLR0913 - the parts of one message
    text: str, means: Reason | str, said: dict[str, str], known: Known, engine: str, *, is_preflight: bool
) -> Message:
    has_cors = isinstance(means, Reason) and REASONS[means].kind == "cors"
    is_socket = means in OF_HANDSHAKE or (names_socket(text) and not has_cors)
    stands = SOCKET_URL if is_socket else URL
    shown_origin, is_origin_shown = (known.origin, False) if known.origin is not None else page_in(text, said)
    at = NamedUrl() if means in WITHOUT_REQUEST else url_named(text, said, shown_origin)
    # The path counts, even if the host has to be set.
    url = at.url or f"{stands}{'' if is_socket else path_logged(text)[1:]}"
    first = at.first or (stands if at.url else url)
    origin = shown_origin or _PAGES.get(means) or (NULL if names_file(url, text) else assumed_page(url))
    value, header = said.get("value"), said.get("header")
    if means == "status":
        value = status_named(text, url)
    covers_all = means is Reason.HEADER_NOT_ALLOWED and value == "*"
    if covers_all:
        header = "authorization"
    method = said.get("method") or known.method
    method = method_named(text, url) if method is None else method
    usual = METHOD if means is Reason.METHOD_NOT_ALLOWED else "GET"
    unnamed = {
        "url": not at.url,
        "first": bool(at.url) and not at.first,
        "page": shown_origin is None,
        "method": method is None and (means in _OF_PREFLIGHT or (means in CORS_CHECK and is_preflight)),
    }
    redacted = {"url": at.is_redacted, "first": True, "page": is_origin_shown}
    assumed = tuple(name for name, is_unnamed in unnamed.items() if is_unnamed)
    method = usual if method is None else method
    failure = None
    if isinstance(means, Reason):
        is_preflight = is_preflight or means in PREFLIGHT_ONLY
        is_no_cors = means is Reason.CORP or value == "element"
        # If the header has the page's origin, and still does not match, the browser sent another one.
        is_own = means is Reason.ALLOW_ORIGIN_MISMATCH and value is not None and value == shown_origin
        is_null_sent = is_own or (at.first != at.url and _is_tainted(origin, first, url))
        failure = Failure(
            reason=means,
            clause="",
            value=_value(means, value, method=method, header=header, url=url),
            method=method,
            url=url,
            first_url=first,
            page_origin=origin,
            sent_origin=NULL if is_null_sent else origin,
            mode="no-cors" if is_no_cors else "websocket" if is_socket else "cors",
            with_credentials=known.with_credentials or REASONS[means].with_credentials or is_socket,
            is_preflight=is_preflight,
            exchange=_exchange(
                means, said, status_named(text, url), url, is_preflight=is_preflight, covers_all=covers_all
            ),
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


def _is_tainted(origin: str, first: str, last: str) -> bool:
    """
    Return whether a redirect from *first* to *last* made the Origin null (Fetch, "redirect-tainted origin").
    """
    begun, ended = url_of(first), url_of(last)
    return begun is not None and ended is not None and begun.origin not in {origin, ended.origin}


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
    return None if value is None else value[:LONGEST_WORD]


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
        answer = WireResponse(0, (("Location", location_named(said["target"])),))
        return Exchange(request, answer, is_preflight, with_credentials=False)
    if not REASONS[means].status_tells or not status:
        return None
    return Exchange(request, WireResponse(int(status)), is_preflight, with_credentials=False)
