"""
Reads one message: which failure it is about, and which values it names.

It compares the message with a table of cores, because browsers change the rest of a line between releases. If the model
knows the failure, the model explains it; otherwise it is one of the lookalikes, which are not CORS.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final, NamedTuple

from corsguard.browser import Exchange, Failure, Reason, WireRequest, WireResponse, origin_of
from corsguard.browser.evidence import is_tainted, refuses_authorization_only, url_of
from corsguard.browser.reasons import CORS_CHECK, OF_HANDSHAKE, PREFLIGHT_ONLY, REASONS
from corsguard.browser.urls import SOCKET_SCHEMES, is_same_origin
from corsguard.names import EXAMPLE_ORIGIN
from corsguard.origin import NULL

from .cores import BLOCKED, CORES, VAGUE, first_core, without_urls
from .languages import translated
from .lookalikes import LOOKALIKES
from .loose import LONGEST_WORD
from .named import (
    NamedPage,
    NamedUrl,
    allow_origin_named,
    element_named,
    lists_named,
    location_named,
    method_named,
    names_file,
    names_socket,
    page_in,
    path_logged,
    redirection_named,
    script_origin_in,
    status_in_rows,
    status_named,
    url_named,
    with_scheme,
)
from .pages import OPEN_PAGE, assumed_page, origin_named

# Placeholders for what a message does not name.
URL: Final = "https://api.example.com/"
SOCKET_URL: Final = "wss://api.example.com/"
METHOD: Final = "METHOD"
# Failures that show where the page comes from: over https, or from a public network.
_PAGES: Final[Mapping[Reason | str, str]] = {
    Reason.MIXED_CONTENT: EXAMPLE_ORIGIN,
    "insecure_local_network": OPEN_PAGE,
    **dict.fromkeys(
        ("less_public_network", "local_network_access", "private_network_access", "target_address_space"),
        EXAMPLE_ORIGIN,
    ),
}

# What Firefox prints up to version 62 if the response has the header several times.
_SEVERAL: Final = "(null)"
# Chromium had the words of WebKit as long as it used WebKit.
OLD_WEBKIT: Final = "Chromium up to 30 or Safari"
OLD_MICROSOFT: Final = "Internet Explorer or Edge up to 18"
_ENGINES: Final = (
    ("Edge up to 18", re.compile(r"\bSEC7\d{3}: \[CORS\]")),
    (OLD_MICROSOFT, re.compile(r"\b(?:CSS3|SEC7|SCRIPT7|CSP14)\d{3}\b")),
    ("jsdom", re.compile(r"Error: Cross origin \S+ forbidden|validCORS(?:Preflight)?Headers")),
    ("Office", re.compile(r"No valid origin in response")),
    ("TestCafe", re.compile(r"RequestMock: CORS")),
    (
        "Chromium",
        re.compile(
            r"blocked by (?:the )?CORS policy|net::ERR_|therefore not allowed access|"
            r"during WebSocket handshake|HTTP Authentication failed|Failed to construct 'WebSocket'|"
            r"WebSocket (?:is|opening handshake) |from loading by Cross-Origin Resource Sharing policy|"
            r"Mixed Content: The page"
        ),
    ),
    (
        "Firefox",
        re.compile(
            r"Cross-Origin Request (?:Blocked|Warning)|NS_ERROR_|Blocked loading|"
            r"can't establish a connection to the server at|was interrupted while the page"
        ),
    ),
    (
        "Safari",
        re.compile(
            r"\[Error\] (?:Failed to load resource: |XMLHttpRequest cannot load )|"
            r"Failed to load https?://\S{1,2048} resource: |access control checks|"
            # Not Python's.
            r"\([^\s()]{1,200}(?<!\.py), line \d{1,7}\)|"
            r"redirection to .{1,2048} denied by Cross-Origin Resource Sharing|"
            r"Preflight response is not successful|(?:^|\[Error\] )Origin \S+ is not allowed by Access-Control|"
            r"Access-Control-Allow-Origin\. Status code|There was a bad response from the server|"
            r"\[blocked\] The page at \S{1,2048} (?:was not allowed to|requested insecure content from)"
        ),
    ),
)
# What a script is given. A script may print it into the console of another browser.
_GIVEN: Final = (
    ("Chromium", re.compile(r"Failed to fetch")),
    ("Firefox", re.compile(r"NetworkError when attempting")),
    ("Safari", re.compile(r"Load failed")),
)
# Of all versions of WebKit, if nothing else in a text says which one.
_OF_WEBKIT: Final = re.compile(
    r"(?i:Origin (?:\[[^\]]{1,100}\] |\S+ )?is not allowed by Access-Control-Allow-Origin)|"
    r"load denied by Cross-Origin Resource Sharing"
)

_OF_PREFLIGHT_ANSWER: Final = re.compile(
    r"Response to preflight request|preflight request does(?:n't| not) pass|validCORSPreflight|"
    r"\b(?-i:Preflight(?=[A-Z]))",
    re.IGNORECASE,
)
_OF_PREFLIGHT: Final = frozenset({*PREFLIGHT_ONLY, "preflight_cut_off"})
# The URLs in these lines are those of a server's settings, of two windows, or of the documentation.
WITHOUT_REQUEST: Final = frozenset(
    {"cookies_warned", "isolation", "isolation_ignored", "opener_policy", "post_message", "refused_configuration"}
)
# What taints is not a script or a document, so the text names it for another reason.
_OF_MEDIA: Final = frozenset({"stylesheet_rules", "tainted_audio", "tainted_canvas"})
_WITHOUT_MEDIA: Final = re.compile(r"https?://[^/?#]+/?$|[^?#]*\.(?:[cm]?jsx?|html?)(?:[?#]|$)", re.IGNORECASE)
_PREFLIGHT_ROW: Final = re.compile(r"\bRequest Method: ?OPTIONS\b")
_OF_LISTS: Final = frozenset({Reason.METHOD_NOT_ALLOWED, Reason.HEADER_NOT_ALLOWED})
# Between two names of headers.
_AND: Final = re.compile(r"['\"](?:,|,? and) ?['\"]")
# No browser prints these.
_OF_SERVERS: Final = frozenset({"refused_by_server", "refused_configuration"})


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
    placeholders. *assumed* are the placeholders (those of a `_scheme` have the rest from the message), and *redacted*
    those of them that the message hides. *header* is the header that it names, or a list of them; *value* is what
    else a lookalike names: a directive, a type, an address space. *possible_status* is in another line, which names
    no URL. The URL *elsewhere* in the text may be that of another request. *requested* are the headers for which a
    preflight in the text asks.
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
    possible_status: str = ""
    elsewhere: str = ""
    requested: tuple[str, ...] = field(default=())

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

    @property
    def is_cors(self) -> bool:
        if self.failure is None:
            return LOOKALIKES[self.lookalike].is_cors
        return REASONS[self.failure.reason].kind == "cors"

    @property
    def cause(self) -> str:
        """
        The name, which is the same for a preflight and for the request itself.
        """
        return self.lookalike if self.failure is None else self.failure.reason


def read_one(text: str, known: Known) -> Message | None:
    found = first_core(CORES, text)
    is_english = found is not None or first_core(BLOCKED, text) is not None
    if not is_english and (told := translated(text)) is not None:
        groups = {"url": told.url, "value": told.value, "status": told.status}
        groups["header"] = told.value if told.means is Reason.HEADER_NOT_ALLOWED else ""
        said = {name: value for name, value in groups.items() if value}
        if "://" in told.value:
            # It is not the requested one.
            text = text.replace(told.value, "0" * len(told.value))
        return _message(text, told.means, said, known, engine="Firefox", core=(0, len(text)), is_preflight=False)
    found = found or first_core(VAGUE, text)
    if found is None:
        return None
    row, match = found
    said = {name.rstrip("23456"): value for name, value in match.groupdict().items() if value is not None}
    spans = [
        match.span(name) for name, value in match.groupdict().items() if name[:5] == "value" and "://" in (value or "")
    ]
    if (redirection := redirection_named(text)) is not None:
        said.setdefault("target", redirection["target"])
        # Safari repeats the line.
        text = text.replace(redirection["target"], "0" * len(redirection["target"]))
    for start, end in spans:
        # A URL in a value, or after a redirect, is not the requested one.
        text = f"{text[:start]}{'0' * (end - start)}{text[end:]}"
    if row.value is not None:
        said.setdefault("value", row.value)
    means = row.means
    engine = "" if means in _OF_SERVERS else _engine(text, match.span(), is_known=means != "not_told")
    is_preflight = _OF_PREFLIGHT_ANSWER.search(without_urls(text)) is not None
    return _message(text, means, said, known, engine=engine, core=match.span(), is_preflight=is_preflight)


def _engine(text: str, core: tuple[int, int], *, is_known: bool) -> str:
    """
    Return the browser that printed *text*: of several, the one whose words are the nearest to the *core*. Unless it
    *is_known* what failed, a library may have written the words of WebKit.
    """
    begin, end = core
    found = [
        (max(begin - sign.end(), sign.start() - end, 0), name)
        for name, signs in _ENGINES
        for sign in signs.finditer(text)
    ]
    if found:
        return min(found, key=itemgetter(0))[1]
    given = next((name for name, sign in _GIVEN if sign.search(text)), "")
    return given or (OLD_WEBKIT if is_known and _OF_WEBKIT.search(text) else "")


def _message(  # noqa: PLR0913 - the parts of one message
    text: str,
    means: Reason | str,
    said: dict[str, str],
    known: Known,
    *,
    engine: str,
    core: tuple[int, int],
    is_preflight: bool,
) -> Message:
    if means is Reason.ALLOW_ORIGIN_MISMATCH and said.get("value") == _SEVERAL:
        # The headers of the response may be pasted, too, and say more.
        said["value"] = allow_origin_named(text)
        is_one = said["value"] and "," not in said["value"]
        means = means if is_one else Reason.MULTIPLE_ALLOW_ORIGIN
    has_cors = REASONS[means].kind == "cors" if isinstance(means, Reason) else LOOKALIKES[means].is_cors
    is_socket = means in OF_HANDSHAKE or (names_socket(text) and (not has_cors or means == "refused_by_server"))
    stands = SOCKET_URL if is_socket else URL
    page = NamedPage(known.origin) if known.origin is not None else page_in(text, said)
    shown_origin: str | None = page.origin
    has_request = means not in WITHOUT_REQUEST or "url" in said
    at = url_named(text, said, shown_origin, core, is_cors=has_cors) if has_request else NamedUrl()
    if means in _OF_MEDIA and "url" not in said and any(map(_WITHOUT_MEDIA.match, (at.url, at.elsewhere))):
        at = NamedUrl()
    is_bare = False
    if means is not Reason.BAD_SCHEME:
        # A browser prints the scheme, so a person left it out.
        is_bare = with_scheme(at.url) != at.url
        at = at._replace(url=with_scheme(at.url), first=with_scheme(at.first))
    # Old versions of Chromium print the Origin that they sent.
    is_of_redirect = known.origin is None and shown_origin == NULL and is_tainted("", at.first, at.url)
    shown_origin = None if is_of_redirect else shown_origin
    value, header = said.get("value"), said.get("header")
    header = None if header is None else _AND.sub(", ", header)
    # The path counts, even if the host has to be set.
    url = at.url or _standing(stands, at.shown or ("" if is_socket else path_logged(text)[1:]))
    first = at.first or (_standing(stands, at.first_shown) if at.url or at.first_shown else url)
    origin = (
        shown_origin
        or _meant(means, value, url)
        or page.hidden
        or _PAGES.get(means)
        or (NULL if names_file(url, text) else script_origin_in(text, url) or assumed_page(url))
    )
    if means == "status":
        value = status_named(text, url) or status_in_rows(text, url, is_alone=True)[0]
    covers_all = means is Reason.HEADER_NOT_ALLOWED and value == "*"
    if covers_all:
        header = "authorization"
    method = said.get("method") or known.method
    method = method_named(text, url) if method is None else method
    usual = METHOD if means is Reason.METHOD_NOT_ALLOWED else "GET"
    unnamed = {
        "url": not at.url,
        "url_scheme": is_bare,
        "first": bool(at.url or at.first_shown) and not at.first,
        "page": shown_origin is None,
        "page_scheme": shown_origin is None and bool(page.hidden) and not page.is_redacted,
        "method": method is None and (means in _OF_PREFLIGHT or (means in CORS_CHECK and is_preflight)),
    }
    redacted = {"url": at.is_redacted, "first": True, "page": page.is_redacted}
    assumed = tuple(name for name, is_unnamed in unnamed.items() if is_unnamed)
    method = usual if method is None else method
    failure = None
    if isinstance(means, Reason):
        is_preflight = is_preflight or means in PREFLIGHT_ONLY
        # If the header has the page's origin, and still does not match, the browser sent another one.
        is_own = means is Reason.ALLOW_ORIGIN_MISMATCH and value is not None and value == shown_origin
        is_null_sent = is_own or is_of_redirect
        is_null_sent = is_null_sent or (shown_origin is not None and is_tainted(shown_origin, at.first, at.url))
        failure = Failure(
            reason=means,
            clause="",
            value=_value(means, value, method=method, header=header, url=url),
            method=method,
            url=url,
            first_url=first,
            page_origin=origin,
            sent_origin=NULL if is_null_sent else origin,
            mode="no-cors" if means is Reason.CORP else "websocket" if is_socket else "cors",
            with_credentials=known.with_credentials or REASONS[means].with_credentials or is_socket,
            is_preflight=is_preflight,
            initiator=element_named(text) or "fetch",
            exchange=_covered(url) if covers_all else _exchange(means, said, text, url, is_preflight=is_preflight),
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
        elsewhere=at.elsewhere,
    )


def _standing(stands: str, shown: str) -> str:
    """
    Return what stands for a URL of which only a part is *shown*; *stands* is its server, if nothing of that is shown.
    """
    return shown if "://" in shown else f"{stands}{shown}"


def _meant(means: Reason | str, value: str | None, url: str) -> str:
    """
    Return the one origin that a header has several times, or with a slash after it: most likely, that of the page.
    """
    if means is Reason.ALLOW_ORIGIN_MISMATCH:
        meant = (origin_named(value or "") or "") if (value or "").endswith("/") else ""
        # A page there needs no CORS: the server names itself.
        return "" if meant and is_same_origin(meant, origin_of(url)) else meant
    origins = (
        {origin_named(word) for word in (value or "").split(", ")} if means is Reason.MULTIPLE_ALLOW_ORIGIN else set()
    )
    return (origins.pop() or "") if len(origins) == 1 else ""


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
    if reason is Reason.MIXED_CONTENT:
        return None
    if reason is Reason.UNREACHABLE:
        return value or "this line does not say why"
    return None if value is None else value[:LONGEST_WORD]


def _exchange(means: Reason, said: Mapping[str, str], text: str, url: str, *, is_preflight: bool) -> Exchange | None:
    """
    Return what a message says about the answer, if that is more than the reason.
    """
    # The status of a preflight that was pasted, too, is not that of the request.
    is_of_preflight = means in CORS_CHECK and not is_preflight and _PREFLIGHT_ROW.search(text) is not None
    status = "" if is_of_preflight else status_named(text, url)
    if means is Reason.HANDSHAKE_REFUSED:
        # For one status, Chromium prints a text instead of the number.
        status = status or said.get("value", "")
    refused = (said.get("method") or said.get("header") or "").lower()
    lists = lists_named(text) if means in _OF_LISTS else []
    # What lists it belongs to another answer, or to the code.
    if lists and not any(refused in listed.lower().replace(" ", "").split(",") for _, listed in lists):
        answer = WireResponse(0, tuple(lists))
        return Exchange(WireRequest("OPTIONS", url), answer, is_preflight, with_credentials=False)
    if "target" not in said:
        return answered(means, said.get("status") or status, url, is_preflight=is_preflight)
    # Only WebKit says which redirect status it was.
    number = int(status) if status.startswith("3") else 0
    answer = WireResponse(number, (("Location", location_named(said["target"])),))
    return Exchange(
        WireRequest("OPTIONS" if is_preflight else "GET", url), answer, is_preflight, with_credentials=False
    )


def _covered(url: str) -> Exchange:
    """
    Return the preflight of a warning: `*` covers every header but Authorization.
    """
    request = WireRequest("OPTIONS", url, (("Access-Control-Request-Headers", "authorization"),))
    return Exchange(request, WireResponse(200, (("Access-Control-Allow-Headers", "*"),)), True, with_credentials=False)


def answered(means: Reason, status: str, url: str, *, is_preflight: bool) -> Exchange | None:
    """
    Return the answer with *status*, if the reason is one that a status explains.
    """
    if not REASONS[means].status_tells or not status:
        return None
    request = WireRequest("OPTIONS" if is_preflight else "GET", url)
    return Exchange(request, WireResponse(int(status)), is_preflight, with_credentials=False)
