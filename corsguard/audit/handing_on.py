"""
What an audit found, as a page to send to anyone who runs the server: the verdict, what proves it, the change to make.
"""

from collections.abc import Iterator

from corsguard.browser import origin_of
from corsguard.browser.drawing import Drawn
from corsguard.browser.handout import Handout, Instruction, Mood, Section

from .belief import Finding
from .report import Report, shown
from .severity import WHO


def handout(report: Report) -> str:
    """
    Return the page about *report*: HTML without a script, with nothing from elsewhere and no secrets.
    """
    mood: Mood = "bad" if report.faults else "good" if report.is_clean else "warning"
    sections = [_section(finding, report) for finding in report.faults]
    remarks = tuple(
        " ".join(dict.fromkeys((f"{one.rule.title}.", one.detail, one.rule.message))) for one in report.remarks
    )
    if remarks:
        sections.append(Section("For information", remarks))
    url = shown(report.url, report.secrets)
    # What was noted has been hidden before it was cut.
    return Handout(f"Audit of {url}", report.verdict, mood, tuple(sections), report.notes).html(report.secrets.hidden)


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
