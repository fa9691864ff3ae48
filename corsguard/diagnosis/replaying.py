"""
Plays the requests of a HAR file again, without any network: what a page could read, and why not.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from corsguard.browser import Exchange, Reason
from corsguard.browser.confidential import SECRET_PARAMETER, Secrets, secrets_of
from corsguard.browser.connection_advice import WHY_SILENT
from corsguard.browser.console import chromium
from corsguard.browser.evidence import MOST_NAMES, as_shown, net_error_of, url_of
from corsguard.browser.exchanges import SECRET_HEADERS
from corsguard.browser.fetching import CredentialsMode, Mode
from corsguard.browser.headers import get, values_of
from corsguard.browser.urls import HTTP_SCHEMES, is_same_origin, of_handshake
from corsguard.fixes import Fix
from corsguard.names import (
    EXAMPLE_ORIGIN,
    is_token,
)
from corsguard.origin import NULL

from .checklist import Mark, opaque
from .commands import check_command, shown_url
from .har import NOT_MODIFIED, Archive, Entry, is_navigation, read
from .lookalike_fixes import fix_of_lookalike
from .lookalikes import LOOKALIKES
from .playing import NOT_CORS, Fault, Fetch, Outcome, is_preflight, play
from .tape import UNTOLD, Tape, may_be_cors, names_asked, said, told, without_events

_FETCHED: Final = frozenset({"fetch", "xhr", "preflight", "font", "module", "manifest"})
# Rules of the browser that refuse a load without CORS. What else ends such a load is never a matter of sharing.
_REFUSALS: Final = frozenset(
    "coep_frame corp csp document_isolation insecure_local_network local_network_access mixed_content not_framed "
    "orb".split()
)
# What Chromium's console calls that which requests, by the type of the request.
_INITIATORS: Final = {
    "font": "font",
    "image": "image",
    "manifest": "manifest",
    "module": "script",
    "script": "script",
    "stylesheet": "CSS stylesheet",
    "xhr": "XMLHttpRequest",
}
# What a cache of the browser may be the cause of.
_OF_CACHES: Final = frozenset({Reason.MISSING_ALLOW_ORIGIN, Reason.ALLOW_ORIGIN_MISMATCH})
_OF_WORKER: Final = "A service worker of the page gave the answer, and CORS does not apply to its answers."
_OF_CLIENTS: Final = "{} sent this, which is not a browser and blocks nothing. A page on {} is assumed in its place."
_PRIVATE_NETWORK: Final = "private_network_access"
_STORED: Final = (
    "The answer (304) only confirms an answer in the cache of the browser, whose headers are not in the file."
)


@dataclass(slots=True)
class Replay:
    """
    One request of a page, played again: the result, and what had to be assumed.

    *with_credentials* are the faults of the same request with credentials, if it passes without them and the file does
    not say which it was. *error* is what the browser says about its last hop. *has_preflight* is True if the file has
    a preflight that passes.
    """

    entry: Entry
    asked: Fetch
    outcome: Outcome
    assumed: list[str] = field(default_factory=list)
    with_credentials: list[Fault] = field(default_factory=list)
    error: str = ""
    has_preflight: bool = False

    @property
    def verdict(self) -> str:
        if self.outcome.faults:
            return self.outcome.faults[0].verdict
        if self.with_credentials:
            return "readable without credentials, blocked with them"
        if self.is_unclear:
            return "unclear"
        return "readable" if self.outcome.socket is None else "open"

    @property
    def further_hops(self) -> list[Exchange]:
        """
        The requests to which redirects led, without preflights.
        """
        first = self.entry.request.url
        sent = self.outcome.exchanges
        return [hop for hop in sent if not hop.is_preflight and hop.request.url != first]

    @property
    def mark(self) -> Mark:
        """
        Whether the page may read the response, or that this is unclear.
        """
        if self.outcome.faults:
            return "NO"
        return "ok" if self.is_fine else "??"

    @property
    def command(self) -> str:
        """
        The command that finds out from the server what the file does not say.
        """
        return check_command(self.asked)

    @property
    def advice(self) -> tuple[str, ...]:
        """
        How to find out what the file does not say; empty if the result is clear.
        """
        if not self.is_unclear:
            return ()
        method, is_sent = as_shown(self.asked.method), self.asked.method in {"GET", "HEAD"}
        look = "look at its status and its Access-Control-* lines on the server. Errors (500, 502) often have none"
        if self.has_preflight and not is_sent and not self.asked.with_credentials:
            return (f"The answer to {method}: {look}.",)
        lines: list[str] = []
        if not is_sent and not self.has_preflight:
            lines.append(
                "The command below sends only the preflight. If that passes, the answer to "
                f"{method} itself is at fault: {look}."
            )
        if not self.asked.with_credentials:
            lines.append('If the page uses credentials: "include", add --credentials to the command below.')
        lines.append(f"Check the server itself: {self.command}")
        return tuple(lines)

    @property
    def is_fine(self) -> bool:
        """
        Whether the page may read the response, according to the file.
        """
        return not (self.outcome.faults or self.with_credentials or self.is_unclear)

    @property
    def is_unclear(self) -> bool:
        """
        Whether the browser refused the response, and the file does not show why.
        """
        return not self.outcome.faults and bool(self.outcome.unseen or self.error)

    @property
    def why_unclear(self) -> str:
        """
        Why the result is unclear; empty if it is not.
        """
        if not self.is_unclear:
            return ""
        return self.outcome.unseen or f"According to the file it passes, but the browser says: {self.error}."

    def data(self) -> dict[str, Any]:
        """
        Return the same as plain data.
        """
        asked, entry = self.asked, self.entry
        return {
            "verdict": self.verdict,
            "page": shown_url(asked.page),
            "origin": asked.page_origin,
            "url": shown_url(asked.url),
            "method": asked.method,
            "credentials": asked.credentials,
            "status": None if entry.response is None else entry.response.status,
            "error": self.error,
            "assumed": [*self.assumed],
            "faults": [fault.data() for fault in self.outcome.faults],
            "warnings": [fault.data() for fault in self.outcome.warnings],
            "with_credentials": [fault.data() for fault in self.with_credentials],
            "unseen": self.outcome.unseen,
            "command": self.command,
            "advice": [*self.advice],
        }


@dataclass(frozen=True, kw_only=True)
class HarReading:
    """
    The content of a HAR *file*: how many *entries* it has, and the *requests* across origins, played again.

    *writer* is the name of the program that wrote it. *unjudged* says why there is nothing to judge, or is empty.
    *secrets* are not on the page for other people.
    """

    file: str
    entries: int
    requests: tuple[Replay, ...]
    writer: str = ""
    unjudged: str = ""
    secrets: Secrets = field(default_factory=Secrets, repr=False, compare=False)

    @property
    def is_fine(self) -> bool:
        return not self.unjudged and all(replay.is_fine for replay in self.requests)

    @property
    def blocked(self) -> int:
        """
        The number of requests whose responses a page may not read.
        """
        return sum(bool(replay.outcome.faults) for replay in self.requests) - self.failed

    @property
    def failed(self) -> int:
        """
        The number of requests that failed for another reason than CORS.
        """
        return sum(replay.verdict == NOT_CORS for replay in self.requests)

    @property
    def unclear(self) -> int:
        """
        The number of requests whose result is unclear.
        """
        return sum(not replay.is_fine for replay in self.requests) - self.blocked - self.failed

    @property
    def verdict(self) -> str:
        """
        How many requests are blocked and how many are unclear, in words.
        """
        if not self.requests and not self.unjudged:
            return "0 blocked, because no request needs CORS,"
        failed = f"{self.failed} failed without CORS, " if self.failed else ""
        return (
            f"{self.blocked} blocked, {failed}{self.unclear} unclear, of {len(self.requests)} requests across origins"
        )

    @property
    def failures(self) -> list[tuple[Replay, int]]:
        """
        The requests that are not fine, without repetitions, and how many times the file has each.
        """
        alike: dict[str, list[Replay]] = defaultdict(list)
        for replay in self.requests:
            if not replay.is_fine:
                alike[repr(replay.data())].append(replay)
        return [(same[0], len(same)) for same in alike.values()]

    def data(self) -> dict[str, Any]:
        """
        Return the same as plain data.
        """
        requests = [replay.data() for replay in self.requests]
        return {
            "file": self.file,
            "writer": self.writer,
            "entries": self.entries,
            "unjudged": self.unjudged,
            "requests": requests,
        }


def read_har(path: str | PathLike[str], *, on_entry: Callable[[int, int], None] = lambda _, __: None) -> HarReading:
    """
    Return every request across origins in the HAR file *path*, played again without any network.

    *on_entry* is called with the number of finished entries and the number of all entries. Raises Malformed, which is a
    ValueError, if the file is not a HAR, and OSError if it cannot be read.
    """
    archive = read(fspath(path))
    entries = len(archive.entries)
    requests = tuple(replays(archive, lambda number: on_entry(number, entries)))
    return HarReading(
        file=fspath(path),
        entries=entries,
        requests=requests,
        writer=as_shown(archive.writer),
        unjudged=_why_unjudged(archive) or ("" if requests else _why_unseen(archive)),
        secrets=Secrets(_secrets_of(archive)),
    )


def _secrets_of(archive: Archive) -> Iterator[str]:
    """
    Yield the secrets in *archive*: values of headers and query parameters that log a user in.
    """
    for entry in archive.entries:
        answered = () if entry.response is None else entry.response.headers
        lines = [(name, value) for name, value in entry.request.headers if name.lower() in SECRET_HEADERS]
        # Only the first pair of Set-Cookie is the cookie.
        lines += [("Cookie", value.partition(";")[0]) for name, value in answered if name.lower() == "set-cookie"]
        yield from secrets_of(lines)
        query = parse_qsl(urlsplit(entry.request.url).query)
        yield from secrets_of((name, value) for name, value in query if SECRET_PARAMETER.search(name))


def _why_unjudged(archive: Archive) -> str:
    """
    Return why nothing in *archive* can be judged; empty if something can.
    """
    if not archive.entries and archive.unreadable:
        return (
            f"None of the {archive.unreadable} entries has a method and a URL that can be read. Export the file again "
            "from the browser's Network panel."
        )
    if not archive.entries:
        return (
            "The file has no requests. Open the Network panel before the page sends its requests, reproduce the "
            "failure, and export again."
        )
    if archive.is_browsers or all(entry.is_tunnel for entry in archive.entries):
        return ""
    asked = archive.entries[0].request
    command = check_command(Fetch(page=EXAMPLE_ORIGIN, url=asked.url, method=asked.method))
    return (
        "There is nothing to judge: no request has an Origin, so the file is not from a browser "
        f"({as_shown(archive.writer) or 'its writer'} sends requests without CORS). Export it from the browser's "
        f"Network panel, or check the server as a page would request it: {command}"
    )


def _why_unseen(archive: Archive) -> str:
    """
    Return why *archive* may not have the requests of the page, if a proxy passed on encrypted connections; empty if it
    shows the requests to each of their hosts.
    """
    seen = {url.host for entry in archive.entries if not entry.is_tunnel and (url := url_of(entry.request.url))}
    urls = (url_of(entry.request.url) for entry in archive.entries if entry.is_tunnel)
    hosts = [*dict.fromkeys(as_shown(url.host) for url in urls if url is not None and url.host not in seen)]
    if not hosts:
        return ""
    return (
        f"There is nothing to judge: of {', '.join(hosts[:MOST_NAMES])}, the file has only encrypted connections "
        "(CONNECT), and not the requests in them. Let the proxy decrypt them (Charles: SSL Proxying for these hosts; "
        "Fiddler: HTTPS decryption), let the browser trust the certificate of the proxy, and record again."
    )


def replays(archive: Archive, on_entry: Callable[[int], None] = lambda _: None) -> Iterator[Replay]:
    """
    Yield every request across origins to which CORS applied, played again, every WebSocket, every fetch with mode
    no-cors, and every other request that a rule of the browser refused. The hops of a redirect are one request.
    """
    entries = [*_with_those_to_come(archive.entries)]
    tape = Tape(entries, archive)
    for number, entry in enumerate(entries):
        on_entry(number)
        if number in tape.used or not _is_across(entry):
            continue
        if entry.is_handshake:
            yield _handshaken(tape, number, entry)
        elif _is_fetched_without_cors(entry):
            yield _opaque(tape, number, entry)
        elif _has_cors(entry) or _may_have_cors(entry, archive):
            yield _replay(tape, number, entry)
        elif (message := told(entry)) is not None and message.name in _REFUSALS:
            yield _ended(tape, number, entry)


def _with_those_to_come(entries: list[Entry]) -> Iterator[Entry]:
    """
    Yield *entries*. After a preflight without a following request in the file, also yield the request that it
    announces.
    """
    sent = {(entry.request.method, entry.request.url) for entry in entries}
    for entry in entries:
        yield entry
        asked = entry.request
        method = get(asked.headers, "Access-Control-Request-Method") or ""
        if is_preflight(asked) and is_token(method) and (method, asked.url) not in sent:
            sent.add((method, asked.url))
            lines = [(name, UNTOLD) for name in names_asked(asked)]
            origin = [line for line in asked.headers if line[0].lower() == "origin"]
            coming = replace(asked, method=method, headers=(*origin, *lines))
            yield entry._replace(request=coming, response=None, is_to_come=True)


def _is_across(entry: Entry) -> bool:
    if is_preflight(entry.request) or entry.is_tunnel or (not entry.page and entry.origin != NULL):
        return False
    page, url = url_of(entry.page), url_of(entry.request.url)
    if url is None or of_handshake(url).scheme not in HTTP_SCHEMES:
        return False
    return page is None or entry.origin == NULL or not is_same_origin(page.origin, of_handshake(url).origin)


def _has_cors(entry: Entry) -> bool:
    mode = get(entry.request.headers, "Sec-Fetch-Mode")
    return mode == "cors" if mode else bool(entry.origin) or entry.kind in _FETCHED


def _may_have_cors(entry: Entry, archive: Archive) -> bool:
    """
    Return whether CORS may have ended *entry*, of which the file shows neither the mode nor the type. A browser writes
    what it knew before it sent the request, so Origin is missing, too; a proxy writes what was sent.
    """
    headers = entry.request.headers
    is_told = bool(entry.kind or get(headers, "Sec-Fetch-Mode"))
    return bool(entry.error) and not (archive.is_proxys or is_told or is_navigation(headers))


def _is_fetched_without_cors(entry: Entry) -> bool:
    """
    Return whether a script fetched *entry* with mode no-cors. The same headers have elements and beacons, which read
    no answer: an element has another destination, and a beacon is a POST.
    """
    headers = entry.request.headers
    if get(headers, "Sec-Fetch-Mode") != "no-cors":
        return False
    is_read = get(headers, "Sec-Fetch-Dest") == "empty" and entry.request.method in {"GET", "HEAD"}
    return entry.kind == "fetch" or (is_read and not entry.kind)


def _opaque(tape: Tape, number: int, entry: Entry) -> Replay:
    """
    Return the fetch with mode no-cors of *entry*: an answer that nobody can read, if there is one.
    """
    if tape.is_told(entry):
        return _ended(tape, number, entry)
    replay = _played(tape, number, entry, "same-origin", "no-cors")
    if tape.ended is not None:
        replay.outcome.faults = [*said(tape.ended, replay.asked)]
    elif (fault := opaque(replay.outcome)) is not None:
        replay.outcome.faults.append(fault)
    return replay


def _handshaken(tape: Tape, number: int, entry: Entry) -> Replay:
    """
    Return the WebSocket of *entry*: CORS does not apply to it, but its server judges the Origin.
    """
    replay = _played(tape, number, entry, "include")
    if replay.outcome.socket is not None:
        # What ended it later is not about its handshake.
        replay.error = ""
    elif tape.ended is not None:
        replay.outcome.faults = [*said(tape.ended, replay.asked)]
    return replay


def _replay(tape: Tape, number: int, entry: Entry) -> Replay:
    if tape.is_told(entry):
        return _ended(tape, number, entry)
    if entry.is_of_worker:
        return _answered_by_worker(tape, number, entry)
    with_cookies = bool(values_of(entry.request.headers, "Cookie"))
    replay = _played(tape, number, entry, "include" if with_cookies else "same-origin")
    if tape.ended is not None:
        replay.outcome.faults = [*said(tape.ended, replay.asked)]
        return replay
    if _is_contradicted(tape, replay) or _is_of_stored(tape, replay):
        return replay
    if replay.error and not replay.outcome.faults and tape.wants_private_network(number):
        row = LOOKALIKES[_PRIVATE_NETWORK]
        fix = fix_of_lookalike(_PRIVATE_NETWORK, replay.asked.page_origin, "", None)
        replay.outcome.faults = [Fault(code=_PRIVATE_NETWORK, cause=row.title, fix=fix)]
        return replay
    if with_cookies:
        replay.assumed.append('The request has cookies, so credentials: "include" is assumed.')
    elif not (replay.outcome.faults or replay.outcome.unseen):
        replay = _asked_with_credentials(tape, replay, _played(tape, number, entry, "include"))
    elif replay.has_preflight and (replay.error or entry.response is None):
        replay = _preflighted(replay, _played(tape, number, entry, "include"))
    if not (replay.outcome.faults or replay.with_credentials):
        replay.outcome.faults += _otherwise(tape.last, replay.asked)
    return replay


def _otherwise(last: Entry, asked: Fetch) -> Iterator[Fault]:
    """
    Yield what is wrong with the *last* hop, if its answer is shared.
    """
    found = [*said(last, asked)] if last.error else []
    yield from found or filter(None, [without_events(last, asked)])


def _ended(tape: Tape, number: int, entry: Entry) -> Replay:
    """
    Return the request of *entry*, of which the browser itself says why it failed. The headers do not count then.
    """
    asked = tape.asked(number, "same-origin")
    return Replay(entry, asked, Outcome(faults=[*said(entry, asked)], exchanges=[_exchange(entry)]), error=entry.error)


def _answered_by_worker(tape: Tape, number: int, entry: Entry) -> Replay:
    outcome = Outcome(exchanges=[_exchange(entry)], unseen=_OF_WORKER if entry.error else "")
    return Replay(
        entry, tape.asked(number, "same-origin"), outcome, [] if entry.error else [_OF_WORKER], error=entry.error
    )


def _exchange(entry: Entry) -> Exchange:
    return Exchange(entry.request, entry.response, is_preflight(entry.request), with_credentials=False)


def _is_contradicted(tape: Tape, replay: Replay) -> bool:
    """
    Return whether the browser did not refuse what *replay* refuses. Then the result is no longer a fault.
    """
    faults = replay.outcome.faults
    is_silent = all(hop.response is not None and not hop.error for hop in tape.hops)
    if not (faults and is_silent and tape.archive.is_silence_consent):
        return False
    if _is_about_absent(tape, faults[0]):
        replay.assumed.append(f"{_STORED} The browser did not refuse that one.")
    else:
        replay.outcome.unseen = (
            f"By its headers, a browser refuses this answer ({faults[0].code}). But the file names no error, so this "
            "browser did not refuse it: an extension or an option of the browser turned CORS off, the file was "
            "changed, or an old version of the browser did not write errors into the file."
        )
    replay.outcome.faults = []
    return True


def _is_of_stored(tape: Tape, replay: Replay) -> bool:
    """
    Return whether *replay* refuses an answer that a cache of the browser gave. Then its fault is that of the cache, if
    the browser refused it, too.
    """
    faults = replay.outcome.faults
    if not (faults and tape.last.is_stored and faults[0].code in _OF_CACHES):
        return False
    if replay.error:
        row = LOOKALIKES["cached"]
        replay.outcome.faults = [replace(faults[0], cause=row.title, fix=row.fix)]
    elif _is_about_absent(tape, faults[0]):
        replay.outcome.faults, replay.outcome.unseen = [], _STORED
    else:
        return False
    return True


def _is_about_absent(tape: Tape, fault: Fault) -> bool:
    """
    Return whether *fault* is that a header is absent from a 304: then the stored one counts (RFC 9111, 3.2).
    """
    answer = tape.last.response
    return answer is not None and answer.status == NOT_MODIFIED and fault.code == Reason.MISSING_ALLOW_ORIGIN


def _asked_with_credentials(tape: Tape, without: Replay, other: Replay) -> Replay:
    """
    Return the one of *without* and *other* (the same request with credentials) that was sent, as far as the file shows.

    A request without cookies does not show it: a first visit has none, and they may have been removed from the file.
    """
    if not other.outcome.faults:
        return without
    if without.error:
        if not may_be_cors(tape.last):
            return without
        other.assumed.append('Without credentials it would pass, so credentials: "include" is assumed.')
        return other
    if not tape.archive.names_refusals:
        without.assumed.append('The file does not say whether the page used credentials: "include".')
        without.with_credentials += other.outcome.faults
    return without


def _preflighted(without: Replay, other: Replay) -> Replay:
    """
    Return the one of *without* and *other* (the same request with credentials) that was most likely sent, with what
    follows from its preflight: the response is not in the file.
    """
    if other.outcome.faults:
        other.outcome.unseen = (
            "The preflight in the file passes without credentials, and not with them "
            f'({other.outcome.faults[0].code}). Most likely, the page used credentials: "include".'
        )
        other.outcome.faults = []
        return other
    if without.entry.is_to_come:
        return without
    said = f", and says: {without.error}" if without.error else ""
    without.outcome.unseen = (
        f"The preflight in the file passes, so the answer to {as_shown(without.asked.method)} itself is at fault. The "
        f"browser left it out of the file, as it does with blocked responses{said}."
    )
    return without


def _played(tape: Tape, number: int, entry: Entry, credentials: CredentialsMode, mode: Mode | None = None) -> Replay:
    tape.rewind(number)
    asked = tape.asked(number, credentials)
    asked = asked if mode is None else replace(asked, mode=mode)
    try:
        outcome = play(asked, tape)
    except ValueError as error:
        outcome = Outcome(unseen=f"It cannot be played again: {error}")
    outcome.exchanges = [exchange for exchange in outcome.exchanges if exchange.request not in tape.made_up]
    if tape.archive.is_proxys and outcome.is_unreachable:
        # The browser got an answer from the proxy, so its console printed something else.
        outcome.faults = [_at_proxy(fault) for fault in outcome.faults]
    outcome.faults = [_requested_by(fault, entry.kind) for fault in outcome.faults]
    has_preflight = not outcome.faults and any(exchange.is_preflight for exchange in outcome.exchanges)
    assumed = [*tape.assumed]
    if tape.archive.is_clients:
        assumed.append(_OF_CLIENTS.format(as_shown(tape.archive.writer), as_shown(asked.page_origin)))
    return Replay(entry, asked, outcome, assumed, error=tape.last.error, has_preflight=has_preflight)


def _at_proxy(fault: Fault) -> Fault:
    """
    Return *fault* for a request that a proxy passed on, so that the browser did not stop it.
    """
    fault = replace(fault, chromium="", firefox="", safari="", notes=())
    if fault.failure is None or net_error_of(fault.failure) != "CONNECTION_FAILED":
        return fault
    return replace(
        fault, fix=Fix(words=f"Not CORS, and no header helps: the proxy passed the request on. {WHY_SILENT}")
    )


def _requested_by(fault: Fault, kind: str) -> Fault:
    if fault.failure is None or not fault.chromium or kind not in _INITIATORS:
        return fault
    failure = replace(fault.failure, initiator=_INITIATORS[kind])
    return replace(fault, failure=failure, chromium=chromium(failure))
