"""
What a HAR recorded: the answers, as a Transport plays them, and what ended a request according to the browser.

A browser leaves out much of a blocked response. What is missing is not guessed, except where the result says so.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Final

from corsguard.browser import NetworkError, Reason, Unreachable, WireRequest, WireResponse
from corsguard.browser.connection_advice import why_failed
from corsguard.browser.evidence import REDIRECTS, as_shown, url_of
from corsguard.browser.fetching import CredentialsMode
from corsguard.browser.handshakes import is_handshake, opening, protocols_of
from corsguard.browser.headers import get, is_event_stream, is_safelisted_header, media_type_of
from corsguard.browser.reasons import REASONS
from corsguard.browser.wire import Header
from corsguard.fixes import Fix
from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    SAFELISTED_METHODS,
    is_forbidden_request_header,
    is_token,
)
from corsguard.origin import NULL

from . import consoles
from .commands import check_command
from .har import Archive, Entry
from .lookalike_fixes import fix_of_lookalike
from .lookalikes import LOOKALIKES
from .messages import Known, Message
from .playing import Fault, Fetch, Held, fault_of, is_preflight

# Request headers that browsers add themselves, in addition to forbidden ones, so the page did not set them.
_OWN_HEADERS: Final = frozenset(
    "cache-control if-modified-since if-none-match pragma priority purpose upgrade-insecure-requests user-agent".split()
)
# The status that opens a WebSocket (RFC 6455, 4.1).
SWITCHING: Final = 101
# Stands for an unknown value of a header; it is not safelisted.
UNTOLD: Final = "?"
# Chromium's name for an error, as its Network panel and Playwright write it.
_NET_ERROR: Final = re.compile(r"\bERR_([A-Z0-9_]+)(?:\.\w+)?")
# The one name with which Chromium ends a request that CORS refused. Other failures have it, too.
_MAY_BE_CORS: Final = "net::ERR_FAILED"
# What a console says with it.
_UNTOLD_NAMES: Final = frozenset({"answered", "not_told"})
# Without a suffix, it is about a frame, or from a version that did not write one.
_BLOCKED_BY_RESPONSE: Final = "net::ERR_BLOCKED_BY_RESPONSE"
# How WebKit and Playwright say that the page, or the user, ended a request.
_CANCELLED: Final = re.compile(r"(?:load request )?cancell?ed", re.IGNORECASE)
# The console marks it like this.
_CANCELLED_IN_CONSOLE: Final = "(canceled)"
# The directive of a Content Security Policy, by the type of the request.
_DIRECTIVES: Final = {
    **dict.fromkeys(("fetch", "xhr", "preflight", "eventsource", "ping"), "connect-src"),
    "font": "font-src",
    "image": "img-src",
    "manifest": "manifest-src",
    "media": "media-src",
    "module": "script-src",
    "script": "script-src",
    "stylesheet": "style-src",
}


def told(entry: Entry) -> Message | None:
    """
    Return what ended the request according to the browser, if it was not CORS.
    """
    message = _read(_line(entry)) if entry.error else None
    if message is None or message.name in _UNTOLD_NAMES:
        return None
    # The words of other browsers may be about CORS.
    return message if _NET_ERROR.search(entry.error) or not message.is_cors else None


def may_be_cors(entry: Entry) -> bool:
    """
    Return whether the browser's own error is one that CORS may have caused.
    """
    return told(entry) is None and _read(_line(entry)) is not None


def _line(entry: Entry) -> str:
    """
    Return the line of a console that says what the file says. Chromium prints a row with the request and the status.
    """
    named, url = _NET_ERROR.search(entry.error), url_of(entry.request.url)
    if named is None or url is None:
        return _CANCELLED_IN_CONSOLE if _CANCELLED.fullmatch(entry.error) else entry.error
    name = f"net::{named[0]}"
    if name == _BLOCKED_BY_RESPONSE and entry.kind != "document":
        name = f"{name}.NotSameOrigin"
    status = "" if entry.response is None or name == _MAY_BE_CORS else f" {entry.response.status}"
    return f"GET {url.origin}/ {name}{status}"


_ABORTED: Final = "aborted"
_NO_EVENTS: Final = "event_stream_type"
_OK: Final = 200
_FIRST_ERROR: Final = 400
# What Opaque Response Blocking refuses.
_UNUSABLE: Final = "orb"
# Why a preflight that is not in the file counts as passed.
_HAD_ASKED: Final = "because the request itself was sent."
_NEVER_ASKS: Final = (
    "although this program never sends one. A browser asks first: check the server as a page would request it."
)
# Lookalikes for every error that has no other one.
_ANY_ERROR: Final = frozenset({"broken_off", "net_error"})
_NOT_SHARED: Final = (
    "The response is not shared with the page: Access-Control-Allow-Origin is absent, or names another origin. The "
    "file does not show which."
)


@lru_cache(maxsize=64)
def _read(line: str) -> Message | None:
    return next(iter(consoles.read(line, Known())), None)


def said(entry: Entry, asked: Fetch) -> Iterator[Fault]:
    """
    Yield the fault that the browser's own error names, if it says more than that the request failed.
    """
    message = _read(_line(entry))
    if message is None or message.name in _UNTOLD_NAMES:
        return
    lookalike, named = message.lookalike, _NET_ERROR.search(entry.error)
    if lookalike == _ABORTED and (fault := without_events(entry, asked)) is not None:
        # A browser ends it so, too.
        yield fault
        return
    if message.name == Reason.UNREACHABLE and entry.response is not None and entry.response.headers:
        lookalike = "broken_off"
    if message.failure is not None and not lookalike:
        is_missing = REASONS[message.failure.reason].kind == "no response"
        failure = replace(
            message.failure,
            method=entry.request.method,
            url=entry.request.url,
            first_url=asked.url,
            page_origin=asked.page_origin,
            sent_origin=asked.page_origin,
            is_preflight=message.failure.is_preflight or is_preflight(entry.request),
            # The error in the file is what the console printed.
            net_error=named[1] if named is not None and is_missing else "",
        )
        fault = fault_of(NetworkError(failure))
        if failure.reason is Reason.MISSING_ALLOW_ORIGIN and not (entry.response and entry.response.headers):
            # Safari prints the same for a header that names another origin.
            words = f"{fault.fix.words} Look at the headers of the answer: {check_command(asked)}"
            fault = replace(fault, cause=_NOT_SHARED, fix=replace(fault.fix, words=words), chromium="", firefox="")
        yield fault
        return
    url = url_of(entry.request.url)
    origin = "" if url is None else url.origin
    value = message.value or (_DIRECTIVES.get(entry.kind, "") if lookalike == "csp" else "")
    if lookalike == _UNUSABLE and entry.response is not None:
        value = media_type_of(entry.response.headers)
    fix = fix_of_lookalike(lookalike, asked.page_origin, origin, message.header, value, url=entry.request.url)
    if lookalike == _UNUSABLE and entry.response is not None and entry.response.status >= _FIRST_ERROR:
        fix = replace(fix, words=f"The status is {entry.response.status}, so check the URL first. {fix.words}")
    if lookalike in _ANY_ERROR and named is not None and (why := why_failed(named[1], as_shown(origin))):
        fix = Fix(words=f"The browser says {named[1]}: {why}")
    yield Fault(code=lookalike, cause=LOOKALIKES[lookalike].title, fix=fix)


def without_events(entry: Entry, asked: Fetch) -> Fault | None:
    """
    Return the fault that *entry* is an EventSource, and its answer is not a stream of events (HTML, 9.2.3); None if it
    is one. With 204, a server ends a stream on purpose.
    """
    answer = entry.response
    if entry.kind != "eventsource" or answer is None or not answer.headers or answer.status in {204, *REDIRECTS}:
        return None
    is_ok = answer.status == _OK
    if is_ok and is_event_stream(answer.headers):
        return None
    value = media_type_of(answer.headers) if is_ok else ""
    fix = fix_of_lookalike(_NO_EVENTS, asked.page_origin, "", None, value)
    if not is_ok:
        words = f"The status is {answer.status}, and an EventSource accepts only 200: look at the body of the answer."
        fix = Fix(words=words)
    return Fault(code=_NO_EVENTS, cause=LOOKALIKES[_NO_EVENTS].title, fix=fix)


class Tape:
    """
    A Transport that answers with the *entries* of an *archive*, beginning at the one that *rewind* names.
    """

    def __init__(self, entries: list[Entry], archive: Archive) -> None:
        self.archive = archive
        self.used: set[int] = set()
        self.assumed: dict[str, None] = {}
        # Preflights that are not in the file.
        self.made_up: set[WireRequest] = set()
        # The requests of one fetch so far, without preflights, and the entry that something else than CORS ended.
        self.hops: list[Entry] = []
        self.ended: Entry | None = None
        self._entries = entries
        self._at = 0
        # Indexes of entries, in order, by method and URL; preflights are found by the method that they ask for.
        self._requests: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._preflights: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, entry in enumerate(entries):
            request = entry.request
            if is_preflight(request):
                method = get(request.headers, "Access-Control-Request-Method") or ""
                self._preflights[method, request.url].append(number)
            else:
                self._requests[request.method, request.url].append(number)

    def rewind(self, number: int) -> None:
        self._at = number
        self.assumed.clear()
        self.made_up.clear()
        self.hops = [self._entries[number]]
        self.ended = None

    @property
    def last(self) -> Entry:
        return self.hops[-1]

    def asked(self, number: int, credentials: CredentialsMode) -> Fetch:
        """
        Return what the page of an entry requested.
        """
        entry = self._entries[number]
        if entry.is_handshake:
            return self._asked_socket(entry)
        return Fetch(
            page=entry.page or entry.request.url,
            url=entry.request.url,
            method=entry.request.method,
            headers=self.headers(number),
            body=None if entry.request.method in {"GET", "HEAD"} else entry.request.body or None,
            credentials=credentials,
            origin=NULL if entry.origin == NULL else None,
            upload_listener=self.listens(number),
        )

    def _asked_socket(self, entry: Entry) -> Fetch:
        # Proxies write the URL of the handshake, which is one of http.
        scheme, colon, rest = entry.request.url.partition(":")
        return Fetch(
            page=entry.page or entry.request.url,
            url=f"{scheme.replace('http', 'ws')}{colon}{rest}",
            credentials="include",
            origin=NULL if entry.origin == NULL else None,
            protocols=tuple(protocols_of(entry.request)),
        )

    def headers(self, number: int) -> tuple[Header, ...]:
        """
        Return the headers of an entry that its page set: those that its preflight names, or those that no browser adds.

        Chromium leaves Authorization out of the file by default, so the preflight shows whether it was sent.
        """
        request = self._entries[number].request
        preflight = self._preflight(request.method, request.url, number)
        if preflight is None:
            return tuple(
                (name, value)
                for name, value in request.headers
                if not is_forbidden_request_header(name)
                and (is_safelisted_header(name, value) or name.lower() not in _OWN_HEADERS)
            )
        asked = names_asked(self._entries[preflight].request)
        sent = tuple(
            (name, value)
            for name, value in request.headers
            if not is_forbidden_request_header(name) and (is_safelisted_header(name, value) or name.lower() in asked)
        )
        there = {name.lower() for name, _ in sent}
        return (*sent, *((name, UNTOLD) for name in asked if name not in there))

    def listens(self, number: int) -> bool:
        """
        Whether a listener for the upload is why a browser sent a preflight, because method and headers need none.
        """
        request = self._entries[number].request
        return (
            self._preflight(request.method, request.url, number) is not None
            and request.method in SAFELISTED_METHODS
            and all(is_safelisted_header(name, value) for name, value in self.headers(number))
        )

    def wants_private_network(self, number: int) -> bool:
        """
        Whether the preflight of an entry asked for a private network, and the answer does not allow that.
        """
        at = self._preflight(self._entries[number].request.method, self._entries[number].request.url, number)
        if at is None or (answer := self._entries[at].response) is None:
            return False
        asked = get(self._entries[at].request.headers, "Access-Control-Request-Private-Network")
        return asked == "true" and get(answer.headers, "Access-Control-Allow-Private-Network") != "true"

    def _preflight(self, method: str, url: str, near: int) -> int | None:
        """
        Return the index of the preflight of a request: the nearest one, because browsers write it before or after the
        request.
        """
        found = self._preflights.get((method, url), [])
        place = bisect_left(found, near)
        return min(found[max(place - 1, 0) : place + 1], key=lambda number: abs(number - near), default=None)

    def __call__(self, request: WireRequest) -> WireResponse:
        if is_handshake(request):
            return self._handshake_answer(request)
        if is_preflight(request):
            return self._preflight_answer(request)
        if not self._go_on(request.method, request.url):
            raise Held("The next request is not in the file: the browser did not send it, or the log began too late.")
        entry = self.last
        self._end_at_proxy(entry)
        self._end_as_told(entry)
        if entry.response is None or (entry.error and not entry.response.headers):
            raise Held(self._why_stripped(entry))
        return entry.response

    def _go_on(self, method: str, url: str) -> bool:
        """
        Go to the entry of the next request; return False if the file does not have it.
        """
        found = self._requests.get((method, url), [])
        place = bisect_left(found, self._at)
        if place == len(found):
            return False
        self._at = found[place]
        self.used.add(self._at)
        if self._entries[self._at] is not self.last:
            self.hops.append(self._entries[self._at])
        return True

    def _why_stripped(self, entry: Entry) -> str:
        if entry.is_to_come:
            return "The file has only the preflight of this request, which passes."
        if not entry.error and self.archive.is_silence_consent:
            return (
                "The file has neither an answer nor an error for it: the request was not finished, or not sent, when "
                "the file was saved."
            )
        if not (entry.error or self.archive.names_refusals):
            return (
                "The file has neither an answer nor an error for it: no answer came (tracking protection, an extension "
                "or the network ended it), or it was not sent, because its preflight failed."
            )
        said = f" The browser says: {entry.error}." if entry.error else ""
        return f"The browser left the response out of the file, as it does with blocked responses.{said}"

    def _end_at_proxy(self, entry: Entry) -> None:
        """
        Raise Unreachable if *entry* comes from a proxy that got no response: a proxy does not leave out responses.
        """
        if self.archive.is_proxys and entry.response is None and not entry.is_to_come:
            said = f", which says: {as_shown(entry.error)}" if entry.error else ""
            raise Unreachable(f"the server gave no response to {as_shown(self.archive.writer)}{said}")

    def is_told(self, entry: Entry) -> bool:
        """
        Whether the browser says that *entry* was not ended by CORS. A proxy says only what happened behind it.
        """
        return not self.archive.is_proxys and told(entry) is not None

    def _end_as_told(self, entry: Entry) -> None:
        """
        Raise Held if the browser says that *entry* was not ended by CORS.
        """
        if self.is_told(entry):
            self.ended = entry
            raise Held(self._why_stripped(entry))

    def _handshake_answer(self, request: WireRequest) -> WireResponse:
        """
        Return the answer to a handshake. Its status says more than the browser's error, which is often ERR_ABORTED.

        The key of the model is another one than the browser's, so a 101 without an error has opened the WebSocket.
        """
        entry, answer = self.last, self.last.response
        if entry.is_open or (answer is not None and answer.status == SWITCHING and not entry.error):
            return opening(request, next(iter(protocols_of(request)), None))
        if answer is not None and answer.status != SWITCHING:
            return answer
        self._end_at_proxy(entry)
        self._end_as_told(entry)
        raise Held(self._why_stripped(entry))

    def _preflight_answer(self, request: WireRequest) -> WireResponse:
        method = get(request.headers, "Access-Control-Request-Method") or ""
        self._go_on(method, request.url)
        number = self._preflight(method, request.url, self._at)
        entry = None if number is None else self._entries[number]
        if entry is not None:
            self._end_as_told(entry)
        if entry is not None and entry.response is not None and (entry.response.headers or not entry.error):
            return entry.response
        if entry is not None:
            self._end_at_proxy(entry)
        if self.last.response is None:
            raise Held(self._why_stripped(self.last if entry is None else entry))
        # A request that was sent had been permitted, by this preflight or an earlier one.
        self.made_up.add(request)
        why = _NEVER_ASKS if self.archive.is_clients else _HAD_ASKED
        self.assumed[f"The preflight is not in the file. It is assumed to have passed, {why}"] = None
        lines = (
            (ALLOW_ORIGIN, get(request.headers, "Origin") or ""),
            (ALLOW_CREDENTIALS, "true"),
            (ALLOW_METHODS, method),
            (ALLOW_HEADERS, get(request.headers, "Access-Control-Request-Headers") or ""),
        )
        return WireResponse(204, lines)


def names_asked(preflight: WireRequest) -> list[str]:
    """
    Return the names that *preflight* asks for, in lower case.
    """
    names = (get(preflight.headers, "Access-Control-Request-Headers") or "").split(",")
    return [name.strip().lower() for name in names if is_token(name.strip())]
