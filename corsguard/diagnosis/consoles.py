"""
Reads all that was pasted from one console: which failures it reports, and what one line says about another.

Each failure is reported once, and none is left out because of another one next to it. The pasted text is bounded before
it is read.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from corsguard.browser import Reason
from corsguard.browser.evidence import is_tainted, url_of
from corsguard.browser.reasons import CORS_CHECK, PREFLIGHT_ONLY
from corsguard.origin import NULL

from .cores.connections import ROW
from .messages import Known, Message, answered, read_one
from .named import (
    as_url,
    extensions_in,
    headers_requested,
    is_same,
    methods_by_url,
    preflights_by_url,
    status_in_rows,
)
from .pasted import parts, plain

LONGEST_MESSAGE: Final = 65536

# These only say that something failed, and a page gets no more than this. The first one says the most.
_VAGUENESS: Final = (
    "preflight_cut_off",
    "file_denied",
    "unexplained",
    "postman",
    "issue_heading",
    "cut_off",
    "answered",
    "status",
    "not_loaded",
    "worker_import",
    "not_told",
)
_CUT_OFF: Final = frozenset({"preflight_cut_off", "cut_off"})
# Firefox prints the first one after a preflight, or a redirect, that failed.
_ECHOES: Final = frozenset({Reason.UNREACHABLE, *_VAGUENESS})
# These say nothing about a failure.
_REMARKS: Final = frozenset(
    "cookies_warned cors_used csp_noted isolation_ignored outside_browsers request_alone source_map".split()
)
# These follow from a request that failed.
_CONSEQUENCES: Final = frozenset(
    {"aborted", "font", "font_blocked", "integrity_mismatch", "orb", "service_worker_failed"}
)
# These name other pages, too: those of frames, of other windows, and of the browser.
_OF_OTHER_PAGES: Final = frozenset(
    "browser_page cypress frame framed_twice not_framed opener_policy post_message storage".split()
)
# Each of these is about one header, or about one method.
_OF_LISTS: Final = frozenset({Reason.METHOD_NOT_ALLOWED, Reason.HEADER_NOT_ALLOWED})
# Lookalikes whose URL another line may name.
_PLACED_ELSEWHERE: Final = frozenset(
    {"preflight_cut_off", "unexplained", "refused_by_server", "cors_proxy", "not_told", *PREFLIGHT_ONLY}
)


def read(text: str, known: Known) -> list[Message]:
    """
    Return the messages in *text*, without duplicates; empty if nothing is recognized.
    """
    whole = plain(text[:LONGEST_MESSAGE])
    several = dict(parts(whole))
    alone = {part: message for part in several if (message := read_one(part, known)) is not None}
    asked, refused = methods_by_url(whole), preflights_by_url(whole)
    causes = {message.cause for message in alone.values() if message.is_named}
    urls = {message.url for message in alone.values() if message.is_named}
    requested = headers_requested(whole) if len(urls) <= 1 else ()
    found: dict[tuple[str, ...], Message] = {}
    for part, first in alone.items():
        # Safari repeats a cause without the URL.
        around = [] if first.cause in causes else _placing(several, alone, several[part])
        message = _placed(first, part, around, known)
        methods = next((asked[url] for url in asked if _is_at(url, message)), ()) if known.method is None else ()
        if len(methods) == 1 and (again := read_one(part, of_method := known._replace(method=methods[0]))):
            message = _placed(again, part, around, of_method)
        status, is_its_own = status_in_rows(whole, message.url, is_alone=len(urls) <= 1)
        if status:
            message = _with_status(message, status, is_its_own=is_its_own)
        if (row := next((at for at in refused if _is_at(at, message)), None)) is not None:
            message = _of_preflight(message, refused[row])
        if message.failure is not None and message.failure.is_preflight:
            message = replace(message, requested=requested)
        parsed = url_of(message.url)
        url = message.url if parsed is None else parsed.href
        detail = (message.header or "") if message.failure else message.value
        page = "" if "page" in message.assumed else message.origin
        key = (message.name, url, message.method, detail, page)
        found[key] = _merged(found[key], message) if key in found else message
    messages = [*found.values()]
    told = [message for message in messages if not _is_said(message, [one for one in messages if one is not message])]
    told.sort(key=lambda message: message.name in {"status", "not_loaded", "worker_import", "not_told"})
    own = (message for message in messages if message.name not in _OF_OTHER_PAGES)
    # The lines of one console are about one page.
    pages = {message.origin for message in own if "page" not in message.assumed} or extensions_in(whole)
    return [_of_page(message, *pages) if len(pages) == 1 else message for message in told or _least_vague(messages)]


def _is_at(url: str, message: Message) -> bool:
    """
    Return whether *url*, which a row names, is that of *message*: both may hide it.
    """
    return is_same(url, message.url) or ("url" in message.redacted and not as_url(url, None))


def _placing(several: Mapping[str, int], alone: Mapping[str, Message], item: int) -> list[str]:
    """
    Return those of the parts *several*, by part the number of its item in a list, that may name the URL of a part in
    *item*: a part that does not say what failed. What another item reports is a failure of its own.
    """
    is_near = {part: number in {0, item} or part not in alone for part, number in several.items()}
    # Safari prints the URL in a line after the one with the reason.
    near = [part for part in several if is_near[part] or "due to access control checks" in part]
    others = [part for part in near if part not in alone or alone[part].name in {*_ECHOES, *_REMARKS}]
    places = {alone[part].url: part for part in others if part in alone and alone[part].is_named}
    return [*places.values()] if len(places) == 1 else [] if places else others


def _placed(message: Message, part: str, nearby: Sequence[str], known: Known) -> Message:
    """
    Return the *message* of *part*. If it names no URL, it gets the URL that the parts *nearby* name.
    """
    if message.is_named or (message.failure is None and message.lookalike not in _PLACED_ELSEWHERE):
        return message
    both = read_one(" ".join(dict.fromkeys([part, *nearby])), known)
    if both is None or both.cause != message.cause:
        return message
    if not both.is_named:
        return replace(message, elsewhere=both.elsewhere)
    # A WebSocket has no CORS.
    return both if both.is_handshake == message.is_handshake else message


def _of_page(message: Message, origin: str) -> Message:
    if "page" not in message.assumed:
        return message
    failure = message.failure
    if failure is not None:
        is_null_sent = "first" not in message.assumed and is_tainted(origin, failure.first_url, failure.url)
        failure = replace(failure, page_origin=origin, sent_origin=NULL if is_null_sent else origin)
    assumed = tuple(name for name in message.assumed if name != "page")
    redacted = tuple(name for name in message.redacted if name != "page")
    return replace(message, origin=origin, failure=failure, assumed=assumed, redacted=redacted)


def _with_status(message: Message, status: str, *, is_its_own: bool) -> Message:
    """
    Return *message* with the *status* of the row of its request, if its reason is one that a status explains. If the
    row may not be *its_own*, the status is a possible one.
    """
    failure = message.failure
    if failure is None or failure.exchange is not None:
        return message
    exchange = answered(failure.reason, status, message.url, is_preflight=failure.is_preflight)
    if exchange is not None and not is_its_own:
        return replace(message, possible_status=status)
    return replace(message, failure=replace(failure, exchange=exchange))


def _of_preflight(message: Message, status: str | None) -> Message:
    failure = message.failure
    if failure is None or failure.reason not in CORS_CHECK:
        return message
    exchange = failure.exchange
    if exchange is None and status:
        exchange = answered(failure.reason, status, message.url, is_preflight=True)
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
        return replace(one, header=", ".join(dict.fromkeys([*one.header.split(", "), *other.header.split(", ")])))
    if one.failure is None or one.failure.exchange is not None or other.failure is None:
        return one
    return replace(
        one, engine=one.engine or other.engine, failure=replace(one.failure, exchange=other.failure.exchange)
    )


def _is_said(message: Message, others: Collection[Message]) -> bool:
    """
    Return whether *others*, which are in the same console, say what *message* says, or more.
    """
    name = message.name
    about_it = [one for one in others if _is_about(one, message.url)]
    # Only a line about CORS says more than one that is about CORS.
    telling = [one for one in others if one.name not in {*_ECHOES, *_REMARKS} and (one.is_cors or not message.is_cors)]
    if name in _REMARKS:
        return bool(telling) or any(one.name in _CUT_OFF for one in others)
    # A row of Chromium without a URL is about a connection of its own.
    is_row = name == Reason.UNREACHABLE and message.engine == "Chromium" and not message.is_named
    if name in _ECHOES and not is_row and any(one in telling and one.name not in _CONSEQUENCES for one in about_it):
        return True
    if name in _VAGUENESS:
        return not _is_own(message, about_it, others)
    # What failed may be a request of the service worker itself, to another URL.
    if name == "service_worker_failed" and any(one.failure or one.name in _CUT_OFF for one in telling):
        return True
    if name in _CONSEQUENCES and message.is_named and any(one.failure or one.name in _CUT_OFF for one in about_it):
        return True
    return any(_repeats(one, message) for one in others)


def _is_own(message: Message, about_it: Collection[Message], others: Collection[Message]) -> bool:
    """
    Return whether *message*, which does not say why something failed, is about something else than *others*, of which
    *about_it* are about its URL.
    """
    if message.is_cors and others and not any(map(_is_about_cors, others)):
        return True
    # The proxy of a development server answers with the error itself.
    if message.name == "status" and any(one.name == "dev_proxy" for one in others):
        return False
    # What fails at another URL is a failure of its own.
    is_beside = any(one.failure is not None or one.name not in {*_ECHOES, *_REMARKS} for one in others)
    is_other = message.is_named and is_beside and not any(map(_is_about_cors, about_it))
    return is_other and (message.name in {"status", "not_loaded", "worker_import", *_CUT_OFF} or message.value == ROW)


def _repeats(message: Message, other: Message) -> bool:
    """
    Return whether *message* says more than *other* about the same.
    """
    if message.cause in _OF_LISTS and message.cause == other.cause and _refused(message) != _refused(other):
        return False
    is_alike = message.name == other.name and _is_about(message, other.url)
    # Chromium prints the status of a preflight in a row of its own, which does not name the page.
    is_checked = message.failure is not None and message.failure.reason in CORS_CHECK
    is_row = other.name == Reason.PREFLIGHT_STATUS and "page" in other.assumed and other.engine != "Safari"
    if is_checked and is_row and _is_about(message, other.url):
        return True
    # The server logs what it refuses, and the browser says what is missing then.
    if is_checked and other.name == "refused_by_server" and not other.is_named:
        return True
    # Firefox says both of one WebSocket.
    if message.name == "hot_reload" and other.name == "interrupted" and _is_about(message, other.url):
        return True
    # A page can be taken from another line, a method cannot.
    gains = {*other.assumed} - {*message.assumed}
    if is_alike and gains and ("method" in gains or {*message.assumed} <= {*other.assumed}):
        return True
    is_preflight = message.failure is not None and message.failure.is_preflight
    if is_preflight and other.engine == "Firefox" and message.cause == other.cause and _is_about(message, other.url):
        # Firefox says the same about a preflight.
        return message.engine != "Firefox"
    if is_alike and other.failure is None and message.value and not other.value:
        return True
    # Safari repeats a line without the URL.
    is_shown, is_other_shown = (one.is_named or "url" in one.redacted for one in (message, other))
    return is_shown and not is_other_shown and message.cause == other.cause


def _refused(message: Message) -> tuple[str | None, str]:
    """
    Return the header, or the method, that a list of the server does not have.
    """
    return message.header, message.method if message.header is None else ""


def _is_about_cors(message: Message) -> bool:
    # Firefox prints that CORS did not succeed.
    return message.is_cors or (message.name == Reason.UNREACHABLE and message.engine != "Chromium")


def _is_about(message: Message, url: str) -> bool:
    """
    Return whether *message* is about *url*, or about what redirected to it.
    """
    first = message.url if message.failure is None else message.failure.first_url
    return is_same(message.url, url) or is_same(first, url)


def _least_vague(messages: Collection[Message]) -> Iterator[Message]:
    """
    Yield the *messages*, none of which says what failed, without those that say less than another one about the same
    URL.
    """
    vague = [message for message in messages if message.name in _VAGUENESS]
    said = [(message.url if message.is_named else "", _VAGUENESS.index(message.name)) for message in vague]
    for message, (url, vagueness) in zip(vague, said, strict=True):
        if not any(other < vagueness if at == url else not url and other <= vagueness for at, other in said):
            yield message
