"""
What a check found, as a page to send to anyone who runs the server: the verdict, the exchanges, the change to make.
"""

from collections.abc import Iterator
from typing import Final

from corsguard.browser import origin_of
from corsguard.browser.drawing import Drawn
from corsguard.browser.evidence import as_shown
from corsguard.browser.exchanges import shown
from corsguard.browser.handout import Handout, Instruction, Mood, Section
from corsguard.browser.urls import Url, of_handshake

from .checking import Diagnosis
from .commands import shown_url
from .playing import Fault

_WHERE: Final = {
    "send": "A header of the response",
    "policy": "A Policy of corsguard",
    "page": "The page",
    "words": "What to do",
}


def handout(found: Diagnosis) -> str:
    """
    Return the page about *found*: HTML without a script, with nothing from elsewhere and no secrets.
    """
    asked = found.asked
    what = f"{as_shown(asked.method)} {shown_url(asked.url)}"
    is_fine, has_policy = not found.faults, found.rehearsal is not None
    first, *more = found.faults or (None,)
    head = Section(
        "What the browser does" if first is None else f"1. {first.cause}",
        () if first is None else tuple(_consoles(first)),
        (*_of_application(found), *_changes(first, has_policy=has_policy)),
        _drawn(found),
    )
    rest = (
        Section(f"{number}. {one.cause}", (), (*_changes(one, has_policy=has_policy),))
        for number, one in enumerate(more, 2)
    )
    mood: Mood = "good" if is_fine else "bad" if found.outcome.is_blocked else "warning"
    return Handout(
        f"{what}, asked by a page on {as_shown(asked.page_origin)}",
        f"{found.verdict.capitalize()}.{'' if first is None else f' {first.cause}'}",
        mood,
        (head, *rest),
        tuple(f"Assumed: {line}" for line in found.assumed),
    ).html(found.secrets.hidden)


def _consoles(fault: Fault) -> Iterator[str]:
    consoles = (("Chromium", fault.chromium), ("Firefox", fault.firefox), ("Safari", fault.safari))
    yield from (f"The console of {name} says: {line}" for name, line in consoles if line)


def _changes(fault: Fault | None, *, has_policy: bool) -> Iterator[Instruction]:
    """
    Yield what to change; with *has_policy* the whole line of the policy has been said, and a part of it would mislead.
    """
    for part, line in () if fault is None else fault.fix.parts():
        if not (part == "policy" and has_policy):
            yield Instruction(_WHERE[part], line, is_code=part != "words")


def _of_application(found: Diagnosis) -> Iterator[Instruction]:
    """
    Yield what to change where the policy of the application is known.
    """
    if found.rehearsal is not None:
        for edit in found.rehearsal.edits:
            yield from (Instruction(edit.place.name, line) for line in edit.fix.written())


def _drawn(found: Diagnosis) -> Drawn:
    """
    Return what the browser did until it refused an answer; what was asked after that, to find more, it does not ask.
    """
    asked, outcome = found.asked, found.outcome
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
        exchanges=tuple(shown(one, secrets=found.secret_headers, hide=found.secrets.hidden) for one in played),
        end=f"{found.verdict.capitalize()}.",
        failed=failed,
        is_refused=failure is not None,
    )
