"""
HAR 1.2 files: exchanges written down as one, and what a browser wrote down, played again without any network.

What a HAR says is a stranger's word: it is bounded, and no shape of it is taken for granted. A browser hides much of a
blocked response in it; what is not there is not guessed, except where it is said.
"""

import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from corsguard.browser import Exchange, NetworkError, WireRequest, WireResponse
from corsguard.browser.evidence import LONGEST_READ, url_of
from corsguard.browser.exchanges import without_secrets
from corsguard.browser.fetching import CredentialsMode
from corsguard.browser.headers import get, is_safelisted_header, values_of
from corsguard.browser.urls import HTTP_SCHEMES, is_same_origin
from corsguard.browser.wire import Header
from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    is_forbidden_request_header,
    is_token,
)
from corsguard.origin import NULL

from . import messages
from .checklist import Mark
from .commands import check_command, shown_url
from .lookalikes import LOOKALIKES, fix_of_lookalike
from .playing import Fault, Fetch, Held, Outcome, fault_of, is_preflight, play

_MOST_BYTES: Final = 100_000_000
_MOST_HEADERS: Final = 500

# What browsers add by themselves, so that no page asked for it; forbidden ones aside.
_OWN_HEADERS: Final = frozenset(
    "cache-control if-modified-since if-none-match pragma priority purpose upgrade-insecure-requests user-agent".split()
)
_NO_OCTET: Final = re.compile(r"[\0\r]|[^\0-\xff]")

# Where Chromium, Firefox and Playwright say why there is no response.
_ERRORS: Final = ("_error", "_blocked", "_blockedReason", "_failureText")
_FETCHED: Final = frozenset({"fetch", "xhr", "preflight", "font", "module", "manifest"})


class Malformed(ValueError):
    """
    The file is not a HAR; the message says what is wrong with it.
    """


class Entry(NamedTuple):
    """
    One exchange of a HAR: *response* is None if the browser wrote none down, *error* what it said instead.

    *page* is the URL of the page, as far as the file tells it, *origin* what `Origin` said, *kind* what DevTools takes
    the request for.
    """

    request: WireRequest
    response: WireResponse | None
    error: str
    page: str
    origin: str
    kind: str


@dataclass(slots=True)
class Replay:
    """
    One request of a page, played again: what came of it, and what had to be taken for granted.
    """

    entry: Entry
    asked: Fetch
    outcome: Outcome
    assumed: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        if self.outcome.faults:
            return self.outcome.faults[0].verdict
        return "unclear" if self.is_unclear else "readable"

    @property
    def mark(self) -> Mark:
        """
        Whether the page may read it, or nobody can tell.
        """
        if self.outcome.faults:
            return "NO"
        return "??" if self.is_unclear else "ok"

    @property
    def command(self) -> str:
        """
        The command that asks the server what the file does not say.
        """
        return check_command(self.asked)

    @property
    def is_unclear(self) -> bool:
        """
        Whether the browser refused it, and the file does not show why.
        """
        return not self.outcome.faults and bool(self.outcome.unseen or self.entry.error)

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
            "error": entry.error,
            "assumed": [*self.assumed],
            "faults": [fault.data() for fault in self.outcome.faults],
            "unseen": self.outcome.unseen,
            "command": self.command,
        }


@dataclass(frozen=True, kw_only=True)
class HarReading:
    """
    What a HAR *file* tells: how many *entries* it has, and the *requests* across origins, played again.
    """

    file: str
    entries: int
    requests: tuple[Replay, ...]

    @property
    def is_fine(self) -> bool:
        return not any(replay.outcome.faults or replay.is_unclear for replay in self.requests)

    def data(self) -> dict[str, Any]:
        """
        Return the same as plain data.
        """
        requests = [replay.data() for replay in self.requests]
        return {"file": self.file, "entries": self.entries, "requests": requests}


def read_har(path: str | PathLike[str], *, on_entry: Callable[[int, int], None] = lambda _, __: None) -> HarReading:
    """
    Return every request across origins in the HAR file *path*, played again without any network.

    *on_entry* is told how many of how many entries are done. Raises Malformed, which is a ValueError, if the file is
    not a HAR, and OSError if it cannot be read.
    """
    entries = read(fspath(path))
    requests = tuple(replays(entries, lambda number: on_entry(number, len(entries))))
    return HarReading(file=fspath(path), entries=len(entries), requests=requests)


def read(path: str) -> list[Entry]:
    """
    Return the entries of the HAR file *path*. Raises Malformed, and OSError if it cannot be read.
    """
    file = Path(path)
    if file.stat().st_size > _MOST_BYTES:
        raise Malformed(
            f"{path} has {file.stat().st_size} bytes, and {_MOST_BYTES} are read at most. Clear the Network panel, "
            "let it fail once more, and export again."
        )
    try:
        document = json.loads(file.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{path} is not JSON ({_sentence(error)}): export it again from the Network panel.") from None
    log = _dict(_dict(document).get("log"))
    entries = log.get("entries")
    if not isinstance(entries, list):
        raise Malformed(f"{path} is not a HAR: it has no log.entries. Export it from the browser's Network panel.")
    pages = {_text(_dict(page), "id"): _text(_dict(page), "title") for page in _list(log.get("pages"))}
    found = (_entry(_dict(entry), pages) for entry in cast("list[object]", entries))
    return [entry for entry in found if entry is not None]


def _sentence(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".")


def _dict(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found[:LONGEST_READ] if isinstance(found, str) else ""


def _lines(value: object) -> tuple[Header, ...]:
    pairs = [(_text(_dict(item), "name"), _text(_dict(item), "value")) for item in _list(value)[:_MOST_HEADERS]]
    # HTTP/2 writes what is not a header as `:method`; DevTools writes several Set-Cookie lines as one of several lines.
    return tuple(
        (name, _NO_OCTET.sub("?", line)) for name, value in pairs if is_token(name) for line in value.split("\n")
    )


def _entry(entry: Mapping[str, Any], pages: Mapping[str, str]) -> Entry | None:
    request, response = _dict(entry.get("request")), _dict(entry.get("response"))
    url = url_of(_text(request, "url"))
    method = _text(request, "method")
    if url is None or not is_token(method):
        return None
    headers = _lines(request.get("headers"))
    status = response.get("status")
    answered = isinstance(status, int) and 100 <= status <= 599
    body = _text(_dict(request.get("postData")), "text").encode("utf-8", "replace")
    origin = get(headers, "Origin") or ""
    referer = get(headers, "Referer") or pages.get(_text(entry, "pageref"), "")
    page = origin if origin not in {"", NULL} else referer
    return Entry(
        request=WireRequest(method, url.href, headers, body),
        response=WireResponse(cast("int", status), _lines(response.get("headers"))) if answered else None,
        error=_error(entry, response),
        page=page if url_of(page) is not None else "",
        origin=origin,
        kind=_text(entry, "_resourceType"),
    )


def _error(entry: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    """
    Return what the browser says of a response that a page did not get.
    """
    said = (_text(place, key) for place in (response, entry) for key in _ERRORS)
    return next((text for text in said if text), "")


def replays(entries: list[Entry], on_entry: Callable[[int], None] = lambda _: None) -> Iterator[Replay]:
    """
    Yield every request across origins that CORS had a say in, played again; the hops of a redirect are one.
    """
    entries = [*_with_those_to_come(entries)]
    tape = _Tape(entries)
    for number, entry in enumerate(entries):
        on_entry(number)
        if number not in tape.used and _is_across(entry):
            yield _replay(tape, number, entry)


def _with_those_to_come(entries: list[Entry]) -> Iterator[Entry]:
    """
    Yield *entries*, and after a preflight that no request of the file follows, the request that it announces.
    """
    sent = {(entry.request.method, entry.request.url) for entry in entries}
    for entry in entries:
        yield entry
        asked = entry.request
        method = get(asked.headers, "Access-Control-Request-Method") or ""
        if is_preflight(asked) and is_token(method) and (method, asked.url) not in sent:
            sent.add((method, asked.url))
            names = (get(asked.headers, "Access-Control-Request-Headers") or "").split(",")
            # What they say is not told; it is nothing safelisted.
            lines = [(name.strip(), "?") for name in names if is_token(name.strip())]
            origin = [line for line in asked.headers if line[0].lower() == "origin"]
            coming = replace(asked, method=method, headers=(*origin, *lines))
            yield entry._replace(request=coming, response=None)


def _is_across(entry: Entry) -> bool:
    if is_preflight(entry.request) or (not entry.page and entry.origin != NULL):
        return False
    page, url = url_of(entry.page), url_of(entry.request.url)
    # WebSockets have an Origin, too, and no CORS.
    if (
        url is None
        or url.scheme not in HTTP_SCHEMES
        or (page is not None and entry.origin != NULL and is_same_origin(page.origin, url.origin))
    ):
        return False
    mode = get(entry.request.headers, "Sec-Fetch-Mode")
    return mode == "cors" if mode else bool(entry.origin) or entry.kind in _FETCHED


def _replay(tape: "_Tape", number: int, entry: Entry) -> Replay:
    with_cookies = bool(values_of(entry.request.headers, "Cookie"))
    replay = _played(tape, number, entry, "include" if with_cookies else "same-origin")
    if with_cookies:
        replay.assumed.append('The request has cookies, so it is taken for one with credentials: "include".')
    elif entry.error and not replay.outcome.faults:
        other = _played(tape, number, entry, "include")
        if other.outcome.faults:
            other.assumed.append(
                'Without credentials it would pass, so it is taken for one with credentials: "include".'
            )
            return other
    if entry.error and not replay.outcome.faults:
        replay.outcome.faults += _said(entry, replay.asked)
    return replay


def _said(entry: Entry, asked: Fetch) -> Iterator[Fault]:
    """
    Yield what the browser's own word for the failure means, if it tells more than that there was one.
    """
    for message in messages.read(entry.error, messages.Known(origin=asked.page_origin, method=asked.method))[:1]:
        if message.failure is not None:
            failure = replace(message.failure, url=asked.url, first_url=asked.url, page_origin=asked.page_origin)
            yield fault_of(NetworkError(failure))
        elif message.lookalike != "not_told":
            target = url_of(asked.url)
            origin = "" if target is None else target.origin
            fix = fix_of_lookalike(message.lookalike, asked.page_origin, origin, message.header)
            yield Fault(code=message.lookalike, cause=LOOKALIKES[message.lookalike].title, fix=fix)


def _played(tape: "_Tape", number: int, entry: Entry, credentials: CredentialsMode) -> Replay:
    tape.rewind(number)
    asked = Fetch(
        page=entry.page or entry.request.url,
        url=entry.request.url,
        method=entry.request.method,
        headers=tape.headers(number),
        body=None if entry.request.method in {"GET", "HEAD"} else entry.request.body or None,
        credentials=credentials,
        origin=NULL if entry.origin == NULL else None,
    )
    try:
        outcome = play(asked, tape)
    except ValueError as error:
        outcome = Outcome(unseen=f"It cannot be played again: {error}")
    return Replay(entry, asked, outcome, [*tape.assumed])


class _Tape:
    """
    A Transport that answers what the entries of a HAR say, beginning at the one that *rewind* names.
    """

    def __init__(self, entries: list[Entry]) -> None:
        self.used: set[int] = set()
        self.assumed: dict[str, None] = {}
        self._entries = entries
        self._at = 0
        # Numbers of entries, in order, by method and URL; of preflights, by the method that they ask for.
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

    def headers(self, number: int) -> tuple[Header, ...]:
        """
        Return those headers of an entry that its page asked for: what its preflight names, or what no browser adds.
        """
        request = self._entries[number].request
        preflight = self._preflight(request.method, request.url, number)
        named = (
            "" if preflight is None else get(self._entries[preflight].request.headers, "Access-Control-Request-Headers")
        )
        asked = None if preflight is None else {name.strip().lower() for name in (named or "").split(",")}
        return tuple(
            (name, value)
            for name, value in request.headers
            if not is_forbidden_request_header(name)
            and (is_safelisted_header(name, value) or _was_asked(name.lower(), asked))
        )

    def _preflight(self, method: str, url: str, near: int) -> int | None:
        """
        Return which entry is the preflight of a request: the nearest one, for browsers write it before or after.
        """
        found = self._preflights.get((method, url), [])
        place = bisect_left(found, near)
        return min(found[max(place - 1, 0) : place + 1], key=lambda number: abs(number - near), default=None)

    def __call__(self, request: WireRequest) -> WireResponse:
        if is_preflight(request):
            return self._preflight_answer(request)
        found = self._requests.get((request.method, request.url), [])
        place = bisect_left(found, self._at)
        if place == len(found):
            raise Held("What follows is not in the file: the browser sent no more, or the log began too late.")
        self._at = found[place]
        self.used.add(self._at)
        entry = self._entries[self._at]
        if entry.response is None or (entry.error and not entry.response.headers):
            raise Held(_why_stripped(entry))
        return entry.response

    def _preflight_answer(self, request: WireRequest) -> WireResponse:
        method = get(request.headers, "Access-Control-Request-Method") or ""
        number = self._preflight(method, request.url, self._at)
        entry = None if number is None else self._entries[number]
        if entry is not None and entry.response is not None and (entry.response.headers or not entry.error):
            return entry.response
        answered = self._entries[self._at].response
        if answered is None:
            said = self._entries[self._at] if entry is None else entry
            raise Held(_why_stripped(said))
        # What was sent had been permitted, now or earlier.
        self.assumed["The preflight is not in the file, and is taken as passed: the request itself was sent."] = None
        lines = (
            (ALLOW_ORIGIN, get(request.headers, "Origin") or ""),
            (ALLOW_CREDENTIALS, "true"),
            (ALLOW_METHODS, method),
            (ALLOW_HEADERS, get(request.headers, "Access-Control-Request-Headers") or ""),
        )
        return WireResponse(204, lines)


def _was_asked(name: str, asked: Collection[str] | None) -> bool:
    return name not in _OWN_HEADERS if asked is None else name in asked


def _why_stripped(entry: Entry) -> str:
    said = f" The browser says: {entry.error}." if entry.error else ""
    return f"The browser kept the response out of the file, as it does with what it blocks.{said}"


def written(exchanges: Iterable[Exchange], secrets: Collection[str], hide: Callable[[str], str]) -> dict[str, Any]:
    """
    Return *exchanges* as a HAR 1.2 log. Values of headers called as one of *secrets* (in lower case) are not shown, nor
    is what *hide* takes out of a text, and the bodies of responses are left out.
    """
    # Times were not taken, and a HAR has to have some.
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "corsguard", "version": version("corsguard")},
            "entries": [
                _written(without_secrets(exchange, secrets=secrets, hide=hide), hide, moment) for exchange in exchanges
            ],
        }
    }


def _written(exchange: Exchange, hide: Callable[[str], str], moment: str) -> dict[str, Any]:
    def lines(headers: Iterable[Header]) -> list[dict[str, str]]:
        return [{"name": name, "value": value} for name, value in headers]

    request, response = exchange.request, exchange.response
    answer = WireResponse(0) if response is None else response
    kind = get(answer.headers, "Content-Type") or ""
    body = {
        "mimeType": get(request.headers, "Content-Type") or "",
        "text": hide(request.body.decode("utf-8", "replace")),
    }
    return {
        "startedDateTime": moment,
        "time": 0,
        "request": {
            "method": request.method,
            "url": request.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": lines(request.headers),
            "queryString": [],
            **({"postData": body} if request.body else {}),
            "headersSize": -1,
            "bodySize": len(request.body),
        },
        "response": {
            "status": answer.status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": lines(answer.headers),
            "content": {"size": len(answer.body), "mimeType": kind, "comment": "left out"},
            "redirectURL": get(answer.headers, "Location") or "",
            "headersSize": -1,
            "bodySize": len(answer.body),
            **({} if response is not None else {"_error": "no response"}),
        },
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
        **({"_resourceType": "preflight"} if exchange.is_preflight else {"_resourceType": "fetch"}),
    }
