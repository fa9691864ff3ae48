"""
The result of an audit, as data: the findings, what was tried, and what was left out.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from corsguard.browser.confidential import Secrets, without_parameters
from corsguard.browser.evidence import LONGEST_READ, as_shown, without_password
from corsguard.browser.exchanges import HIDDEN, SECRET_HEADERS, Shown
from corsguard.browser.wire import Header
from corsguard.diagnosis.commands import curl
from corsguard.names import OWNED_PREFIX

from .answers import Answer
from .bounded_client import counted
from .findings import Finding
from .severity import Severity
from .signs import OF_SHARED_CACHES

_SHOWN: Final = SECRET_HEADERS | frozenset(
    """
    age allow cache-control content-type cross-origin-opener-policy cross-origin-resource-policy location origin
    strict-transport-security timing-allow-origin upgrade vary x-cache x-content-type-options
    x-forwarded-host referer host
    """.split()
)
_MOST_LINES: Final = 16


class Proof(NamedTuple):
    """
    One exchange that proves a finding, safe to print; *status* is None if there was no response.
    """

    method: str
    url: str
    request_headers: list[Header]
    status: int | None
    response_headers: list[Header]

    def data(self) -> dict[str, Any]:
        """
        Return the same as data for JSON.
        """
        asked, answered = ([[*line] for line in lines] for lines in (self.request_headers, self.response_headers))
        request = {"method": self.method, "url": self.url, "headers": asked}
        response = {"status": self.status, "headers": answered}
        return {"request": request, "response": None if self.status is None else response}


@dataclass(frozen=True, kw_only=True)
class Report:
    """
    The result of an audit of *url*: the *findings*, the worst first.

    *is_judged* is False if the resource itself never answered, but only a login, a router or a failing server. *sent*
    of at most *budget* requests were sent, *rate* in a second; *unanswered* of them got no response. *tried* are the
    stages that ran, *subsumed* those that could not find more, *left_out* what was not sent, and *notes* is further
    information. *secrets* and the values of headers whose names (in lower case) are in *secret_headers* are never
    shown. *connect_to* is the address that was used in place of the URL's host; *curl_options* are further options with
    which curl sends the same requests, as words for a shell.
    """

    url: str
    findings: tuple[Finding, ...]
    is_judged: bool
    sent: int
    budget: int
    rate: float
    unanswered: int
    tried: tuple[str, ...]
    subsumed: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    secrets: Secrets = field(default_factory=Secrets, repr=False, compare=False)
    secret_headers: frozenset[str] = frozenset()
    connect_to: Mapping[str, str] = field(default_factory=dict[str, str])
    curl_options: tuple[str, ...] = ()

    @property
    def faults(self) -> list[Finding]:
        """
        The findings that are more than information.
        """
        return [finding for finding in self.findings if finding.is_fault]

    @property
    def remarks(self) -> list[Finding]:
        """
        The findings that are only information.
        """
        return [finding for finding in self.findings if not finding.is_fault]

    def has(self, severity: Severity) -> bool:
        """
        Return whether a finding is at least as bad as *severity*.
        """
        return any(finding.severity >= severity for finding in self.findings)

    def counts(self) -> dict[Severity, int]:
        """
        Return the number of faults of each severity, the worst first.
        """
        counts = {severity: sum(one.severity is severity for one in self.faults) for severity in reversed(Severity)}
        return {severity: count for severity, count in counts.items() if count}

    @property
    def verdict(self) -> str:
        """
        The result in one sentence.
        """
        if self.faults:
            counted_by_severity = ", ".join(f"{count} {severity.word}" for severity, count in self.counts().items())
            return f"{counted(len(self.faults), 'finding')}: {counted_by_severity}."
        if not self.is_judged:
            return "The URL was not judged."
        if self.left_out:
            return "Nothing was found, but not everything was tried."
        return "Nothing was found."

    @property
    def is_clean(self) -> bool:
        """
        Whether everything was tried, the resource answered, and nothing was found.
        """
        return self.is_judged and not self.faults and not self.left_out

    def curl(self, finding: Finding) -> str:
        """
        Return the request that shows *finding* as a curl command; shell variables stand for secrets.
        """
        (first, *_) = finding.proof
        # The values that the audit itself adds are not secret, and the finding is about them.
        names = (SECRET_HEADERS - {name.lower() for name, _ in first.fetch.more}) | self.secret_headers
        command = curl(first.request, names, connect_to=self.connect_to)
        return self.secrets.hidden(" ".join((command, *self.curl_options)))

    def shown_of(self, finding: Finding) -> tuple[Shown, ...]:
        """
        Return the exchanges that prove *finding*, for the diagram.
        """
        return tuple(
            Shown(
                method=proof.method,
                url=proof.url,
                is_preflight=answer.fetch.is_preflight,
                request_headers=tuple(proof.request_headers),
                more_request_headers=0,
                status=proof.status,
                response_headers=tuple(proof.response_headers),
                more_response_headers=0,
            )
            for proof, answer in zip(self.proof_of(finding), finding.proof, strict=True)
        )

    def proof_of(self, finding: Finding) -> list[Proof]:
        """
        Return the exchanges that prove *finding*, safe to print.
        """
        return [self._proof(answer) for answer in finding.proof]

    def data(self) -> dict[str, Any]:
        """
        Return the same as data for JSON.
        """
        return {
            "url": shown(self.url, self.secrets),
            "is_judged": self.is_judged,
            "findings": [self.data_of(finding) for finding in self.findings],
            "requests": {
                "sent": self.sent,
                "budget": self.budget,
                "rate": self.rate,
                "unanswered": self.unanswered,
            },
            "tried": [*self.tried],
            "subsumed": [*self.subsumed],
            "left_out": [*self.left_out],
            "notes": [*self.notes],
        }

    def data_of(self, finding: Finding) -> dict[str, Any]:
        """
        Return one *finding* as data for JSON.
        """
        rule = finding.rule
        return {
            "id": rule.id,
            "name": rule.name,
            "title": rule.title,
            "severity": finding.severity.word,
            "confidence": finding.confidence,
            "class": finding.reach,
            "with_credentials": finding.with_credentials,
            "detail": finding.detail,
            "message": rule.message,
            "origins": [shown(origin, self.secrets) for origin in finding.origins],
            "browsers": finding.browsers,
            "proof": [proof.data() for proof in self.proof_of(finding)],
            "curl": without_parameters(self.curl(finding)),
            "fix": {"header": finding.header, "policy": finding.policy},
            "subsumes": [*finding.subsumed],
        }

    def _proof(self, answer: Answer) -> Proof:
        request = answer.request
        return Proof(
            shown(request.method, self.secrets),
            shown(request.url, self.secrets),
            self._lines(request.headers, answer.fetch.more),
            answer.status if answer.came else None,
            self._lines(answer.lines),
        )

    def _lines(self, headers: Iterable[Header], own: Collection[Header] = ()) -> list[Header]:
        """
        Return the relevant lines, shortened and without secrets. The audit's *own* lines have none.
        """
        wanted = [(name, value) for name, value in headers if _is_shown(name.lower())]
        return [
            (as_shown(name), HIDDEN if self._is_secret((name, value), own) else shown(value, self.secrets))
            for name, value in wanted[:_MOST_LINES]
        ]

    @staticmethod
    def _is_secret(line: Header, own: Collection[Header]) -> bool:
        return line[0].lower() in SECRET_HEADERS and line not in own


def shown(text: str, secrets: Secrets) -> str:
    """
    Return *text* from the network without *secrets*, safe to print.
    """
    # Secrets are hidden before the text is shortened, because a part of a secret is a secret, too.
    hidden = secrets.hidden(text)
    whole = hidden if len(text) < LONGEST_READ else hidden[: -secrets.longest or None]
    return as_shown(without_parameters(without_password(whole)))


def _is_shown(name: str) -> bool:
    return name in _SHOWN or name.startswith(OWNED_PREFIX) or name.endswith(OF_SHARED_CACHES)
