"""
The result of an audit, as a page to send to the people who run the server: the verdict, the proof, the change to make.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from corsguard.browser import origin_of
from corsguard.browser.drawing import Drawn
from corsguard.browser.handout import Handout, Instruction, Mood, Section

from .findings import Finding
from .report import Report, shown
from .severity import WHO

# The worst first.
_MOODS: Final[tuple[Mood, ...]] = ("bad", "warning", "good")


def handout(*reports: Report, unanswered: Sequence[str] = ()) -> str:
    """
    Return the page about *reports*: HTML without scripts, external resources and secrets.

    For one report, it shows each finding. For several, it has a section for each, and one for each of *unanswered*: a
    sentence that says why there is no report about a URL.
    """
    hide = reports[0].secrets.hidden if reports else str
    if len(reports) == 1 and not unanswered:
        (report,) = reports
        # Secrets were removed from the notes before these were shortened.
        return Handout(f"Audit of {_url(report)}", report.verdict, _mood(report), _sections(report), report.notes).html(
            hide
        )
    bad = sum(bool(report.faults) for report in reports)
    moods = {_mood(report) for report in reports} | ({"warning"} if unanswered else set())
    mood: Mood = next(mood for mood in _MOODS if mood in moods)
    return Handout(
        f"Audit of {len(reports) + len(unanswered)} URLs",
        f"{bad} of them {'has' if bad == 1 else 'have'} findings.",
        mood,
        (
            *(
                Section(f"{_url(report)}: {report.verdict}", report.notes, parts=_sections(report))
                for report in reports
            ),
            *(Section(line, ()) for line in unanswered),
        ),
    ).html(hide)


def _url(report: Report) -> str:
    return shown(report.url, report.secrets)


def _mood(report: Report) -> Mood:
    return "bad" if report.faults else "good" if report.is_clean else "warning"


def _sections(report: Report) -> tuple[Section, ...]:
    remarks = tuple(one.summary for one in report.remarks)
    information = [Section("For information", remarks)] if remarks else []
    return (*(_section(finding, report) for finding in report.faults), *information)


def _section(finding: Finding, report: Report) -> Section:
    rule = finding.rule
    changes = (
        Instruction("Headers of the response", finding.header),
        Instruction("A Policy of corsguard", finding.policy),
    )
    heading = f"{finding.severity.word.capitalize()}: {rule.title} ({rule.id})"
    return Section(heading, (*_said(finding),), changes, _drawn(finding, report))


def _said(finding: Finding) -> Iterator[str]:
    yield f"{finding.detail} {finding.rule.message}"
    yield finding.rule.why
    if finding.reach is not None:
        how = "with" if finding.with_credentials else "without"
        yield f"Open to {WHO[finding.reach]}, {how} credentials. Browsers: {finding.browsers}."


def _drawn(finding: Finding, report: Report) -> Drawn:
    (first, *_) = finding.proof
    fetch = first.fetch
    call = "new WebSocket" if fetch.is_handshake else "fetch"
    read = "reads and writes" if fetch.is_handshake else "reads the response"
    return Drawn(
        page="any page" if fetch.origin is None else shown(fetch.origin, report.secrets),
        server=shown(origin_of(fetch.url), report.secrets),
        call=f'{call}("{shown(fetch.url, report.secrets)}"), {shown(fetch.method, report.secrets)}',
        exchanges=report.shown_of(finding),
        end=f"The page {read}." if first.lets_in and finding.reach is not None else finding.detail,
        failed=0,
        mark="This answer is the fault.",
    )
