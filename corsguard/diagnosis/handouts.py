"""
The result of a check, as a page to send to the people who run the server: the verdict, the exchanges, the change to
make.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from corsguard.browser import origin_of
from corsguard.browser.confidential import Secrets
from corsguard.browser.drawing import Drawn
from corsguard.browser.evidence import LONGEST_READ, as_shown
from corsguard.browser.exchanges import shown
from corsguard.browser.handout import Handout, Instruction, Mood, Section
from corsguard.browser.urls import Url, of_handshake

from .checking import Diagnosis
from .commands import shown_url
from .playing import Fault, Fetch, Outcome
from .replaying import HarReading, Replay

_WHERE: Final = {
    "send": "A header of the response",
    "policy": "A Policy of corsguard",
    "page": "The page",
    "words": "What to do",
}


def handout(found: Diagnosis) -> str:
    """
    Return the page about *found*: HTML without scripts, external resources and secrets.
    """
    asked, outcome = found.asked, found.outcome
    is_fine, has_policy = not found.faults, found.rehearsal is not None
    first, *more = found.faults or (None,)
    head = Section(
        "What the browser does" if first is None else f"1. {first.cause}",
        (*(() if first is None else _consoles(first)), *filter(None, (found.look_alike,))),
        (*_of_application(found), *_changes(first, has_policy=has_policy)),
        _drawn(asked, outcome, found.verdict, found.secrets, found.secret_headers),
    )
    mood: Mood = "bad" if outcome.is_blocked else "good" if is_fine and not found.look_alike else "warning"
    unseen = f"Not checked: {as_shown(outcome.unseen, LONGEST_READ)}" if outcome.unseen else ""
    return Handout(
        f"{_what(asked)}, requested by a page on {as_shown(asked.page_origin)}",
        f"{found.verdict.capitalize()}.{'' if first is None else f' {first.cause}'}",
        mood,
        (head, *_numbered(more, 2, has_policy=has_policy)),
        (*(f"Assumed: {line}" for line in found.assumed), *filter(None, (unseen,))),
    ).html(found.secrets.hidden)


def handout_of_har(reading: HarReading) -> str:
    """
    Return the page about *reading*: a section for each request that is not fine, and one section for all others.
    """
    fine = tuple(_what(replay.asked) for replay in reading.requests if replay.is_fine)
    others = (Section("Readable", fine),) if fine else ()
    mood: Mood = "bad" if reading.blocked or reading.failed else "good" if reading.is_fine else "warning"
    return Handout(
        f"Requests across origins in {as_shown(Path(reading.file).name)}",
        reading.unjudged or f"{reading.verdict}.",
        mood,
        (*(_of_replay(replay, times, reading) for replay, times in reading.failures), *others),
    ).html(reading.secrets.hidden)


def _of_replay(replay: Replay, times: int, reading: HarReading) -> Section:
    asked, outcome = replay.asked, replay.outcome
    first, *more = outcome.faults or replay.with_credentials or (None,)
    said = f"The file says: {as_shown(replay.error, LONGEST_READ)}" if replay.error else ""
    texts = (
        f"Requested by a page on {as_shown(asked.page_origin)}.",
        *(f"Assumed: {line}" for line in replay.assumed),
        "" if first is None else first.cause,
        *(() if first is None else _consoles(first)),
        said,
        as_shown(replay.why_unclear, LONGEST_READ),
        *(line.replace(replay.command, f"`{replay.command}`") for line in replay.advice),
    )
    return Section(
        f"{_what(asked)}: {replay.verdict}{f' ({times} times)' if times > 1 else ''}",
        tuple(filter(None, texts)),
        (*_changes(first, has_policy=False),),
        _drawn(asked, outcome, replay.verdict, reading.secrets),
        tuple(_numbered(more, 2, has_policy=False)),
    )


def _what(asked: Fetch) -> str:
    return f"{as_shown(asked.method)} {shown_url(asked.url)}"


def _numbered(faults: Iterable[Fault], start: int, *, has_policy: bool) -> Iterator[Section]:
    for number, one in enumerate(faults, start):
        yield Section(f"{number}. {one.cause}", (), (*_changes(one, has_policy=has_policy),))


def _consoles(fault: Fault) -> Iterator[str]:
    consoles = (("Chromium", fault.chromium), ("Firefox", fault.firefox), ("Safari", fault.safari))
    yield from (f"The console of {name} says: {line}" for name, line in consoles if line)


def _changes(fault: Fault | None, *, has_policy: bool) -> Iterator[Instruction]:
    """
    Yield what to change. *has_policy* is True if the whole line of the policy is on the page already, because a part of
    it would mislead.
    """
    for part, line in () if fault is None else fault.fix.parts():
        if not (part == "policy" and has_policy):
            yield Instruction(_WHERE[part], line, is_code=part != "words")


def _of_application(found: Diagnosis) -> Iterator[Instruction]:
    """
    Yield what to change if the policy of the application is known.
    """
    if found.rehearsal is not None:
        for edit in found.rehearsal.edits:
            yield from (Instruction(edit.place.name, line) for line in edit.fix.written())
    if found.predecessor:
        yield Instruction("The application", found.predecessor, is_code=False)
    yield from (Instruction("The application, which corsguard does not guard yet", line) for line in found.beginning)


def _drawn(
    asked: Fetch, outcome: Outcome, verdict: str, secrets: Secrets, secret_headers: Collection[str] = ()
) -> Drawn:
    """
    Return what the browser did until it refused an answer, without the later requests that only look for more faults.
    """
    failure = next((fault.failure for fault in outcome.faults if fault.failure is not None), None)
    exchanges = outcome.exchanges
    failed = None
    if failure is not None and failure.exchange is not None:
        refused = failure.exchange.request
        asking = [(one.request.method, one.request.url, one.is_preflight) for one in exchanges]
        key = (refused.method, refused.url, failure.is_preflight)
        failed = asking.index(key) if key in asking else len(asking) - 1 if asking else None
    played = exchanges if failed is None else exchanges[: failed + 1]
    call = "new WebSocket" if asked.is_handshake else "fetch"
    credentials = ", with credentials" if asked.with_credentials and not asked.is_handshake else ""
    return Drawn(
        page=as_shown(asked.page_origin),
        server=as_shown(origin_of(of_handshake(Url.parse(asked.url)).href)),
        call=f'{call}("{shown_url(asked.url)}"), {as_shown(asked.method)}{credentials}',
        exchanges=tuple(shown(one, secrets=secret_headers, hide=secrets.hidden) for one in played),
        end=f"{verdict.capitalize()}.",
        failed=failed,
        is_refused=failure is not None,
    )
