"""
What is believed of what was seen: it is asked again, past all caches, and as somebody who must not be let in.

Of several signs of one rule the worst counts, and what a worse finding implies is not reported once more.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from corsguard.fixes import Fix
from corsguard.names import EXAMPLE_ORIGIN, OWNED_PREFIX
from corsguard.origin import Origin

from .answers import Answer
from .bounded_client import BoundedClient, SpentError
from .probes import BUILT_ALIKE, WHOLE_SITE, Probe
from .rules import RULES, Weakness
from .severity import EVERY_BROWSER, Reach, Severity
from .signs import Confidence, Sign

_MOST_ORIGINS: Final = 4


@dataclass(frozen=True)
class Finding:
    """
    A *rule* that is broken, as bad as *severity* says, and the *proof*: the first answer shows it.

    *detail* says what was seen, fit to be shown; *origins* are those that were let in, and *reach* says who could
    become one. *subsumed* are the rules that it implies. *meant* is the origin that its fix names, and *own_fix* is the
    fix where it is not that of the rule.
    """

    rule: Weakness
    severity: Severity
    proof: tuple[Answer, ...]
    detail: str
    reach: Reach | None = None
    with_credentials: bool = False
    confidence: Confidence = "high"
    origins: tuple[str, ...] = ()
    browsers: str = EVERY_BROWSER
    subsumed: tuple[str, ...] = ()
    meant: str = EXAMPLE_ORIGIN
    own_fix: Fix | None = None

    @property
    def is_fault(self) -> bool:
        """
        Whether it is more than information.
        """
        return self.severity > Severity.INFO

    @property
    def fix(self) -> Fix:
        """
        What of its fix can be pasted.
        """
        return self.own_fix or self.rule.fix_for(self.meant)

    @property
    def header(self) -> str:
        """
        What to change in the headers of the response.
        """
        return self.rule.header.format(send=", ".join(self.fix.send), origin=self.meant)

    @property
    def policy(self) -> str:
        """
        What to change in a Policy.
        """
        return self.rule.policy.format(policy=Fix(policy=self.fix.policy), origin=self.meant)


class Positive(NamedTuple):
    """
    An origin that was let in.
    """

    probe: Probe
    answer: Answer
    sign: Sign

    @property
    def severity(self) -> Severity:
        return RULES[self.probe.rule].severity if self.sign.severity is None else self.sign.severity


class Belief:
    """
    What one audit has seen so far, and in the end believes.

    *control* is an origin that must not be let in, *meant* one that is meant to be, and *show* makes a string from the
    network fit to be seen. *is_internal* tells that the network keeps others out.
    """

    def __init__(
        self, client: BoundedClient, *, control: str, meant: str, is_internal: bool, show: Callable[[str], str]
    ) -> None:
        self.control = control
        self.show = show
        self.notes: list[str] = []
        self._client = client
        self._meant = meant
        self._is_internal = is_internal
        self._found: dict[str, Finding] = {}
        self._positives: list[Positive] = []

    def look(self, rule: str, *seen: object) -> bool:
        """
        Show what was *seen* to the sign of *rule*, and keep the worst that it sees; return whether it sees something.
        """
        row = RULES[rule]
        sign = row.sign(*seen)
        if sign is None:
            return False
        finding = self._of(row, sign)
        known = self._found.get(rule)
        if known is None or known.severity < finding.severity:
            self._found[rule] = finding
        return True

    def let_in(self, probe: Probe, answer: Answer) -> bool:
        """
        Return whether *probe* was let in, and keep it if it was.
        """
        sign = RULES[probe.rule].sign(answer, probe, is_internal=self._is_internal)
        if sign is None:
            return False
        self._positives.append(Positive(probe, answer, sign))
        return True

    def has_let_in(self, rule: str) -> bool:
        """
        Return whether a probe of *rule* was let in.
        """
        return any(positive.probe.rule == rule for positive in self._positives)

    def note(self, text: str, *values: str) -> None:
        """
        Note *text*, a format string, with *values* from the network in its blanks.
        """
        self.notes.append(text.format(*map(self.show, values)))

    def settled(self) -> list[Finding]:
        """
        Ask again for all that was seen, and return what is believed of it, the worst first.
        """
        found = [self._replayed(finding) for finding in self._found.values()]
        found += filter(None, [self._proven(positives) for positives in _by_rule(self._positives)])
        return _without_implied(found)

    def _of(self, row: Weakness, sign: Sign) -> Finding:
        (worst, *_) = sign.proof
        with_credentials = worst.is_read_with_credentials
        usual = row.severity if with_credentials else row.anonymous
        return Finding(
            row,
            usual if sign.severity is None else sign.severity,
            sign.proof,
            self._said(row, sign),
            with_credentials=with_credentials,
            confidence=sign.confidence,
            browsers=row.browsers,
            meant=self._meant,
            own_fix=sign.fix,
        )

    def _said(self, row: Weakness, sign: Sign) -> str:
        return sign.detail.format(*map(self.show, sign.values)) if sign.detail else f"{row.title}."

    def _replayed(self, finding: Finding) -> Finding:
        """
        Ask again what proves a fault, past all caches, and say how sure it is.
        """
        if not finding.is_fault or finding.rule.is_asked_twice:
            return finding
        (proof, *_) = finding.proof
        try:
            again = self._client.again(proof)
        except SpentError as end:
            self._client.leave_out(f"asking again for {finding.rule.id}", end)
            return replace(finding, confidence="low")
        return finding if _evidence(again) == _evidence(proof) else replace(finding, confidence="medium")

    def _proven(self, positives: list[Positive]) -> Finding | None:
        """
        Return what the *positives* of one rule prove, the worst asked again with an origin that must not be let in.
        """
        worst = max(positives, key=_severity)
        probe, _, sign = worst
        row = RULES[probe.rule]
        confidence = self._confidence(worst)
        if confidence is None:
            self.note("{} was let in once and not again, so that it is not reported.", probe.origin)
            return None
        origins = tuple(dict.fromkeys(positive.probe.origin for positive in positives))
        return replace(
            self._of(row, sign),
            detail=f"{self._said(row, sign)}{self._others(probe.origin, origins)}",
            reach=probe.reach,
            confidence=confidence,
            origins=origins,
            browsers=probe.browsers,
        )

    def _others(self, first: str, origins: Iterable[str]) -> str:
        more = [self.show(origin) for origin in origins if origin != first]
        and_others = " and others" * (len(more) > _MOST_ORIGINS)
        return f" So is {', '.join(more[:_MOST_ORIGINS])}{and_others}." if more else ""

    def _confidence(self, positive: Positive) -> Confidence | None:
        """
        Ask again, past all caches, and as somebody who must not be let in; return how sure it is, or None.
        """
        probe, answer, _ = positive
        if positive.severity is Severity.INFO:
            return "medium"
        try:
            again = self._client.again(answer)
            control = self._client.again(answer, self.control)
        except SpentError as end:
            self._client.leave_out(f"asking again for {probe.rule}", end)
            return "low"
        if again.lets_in and (RULES[probe.rule].is_general or not control.lets_in):
            return "high" if answer.status < 400 else "medium"
        # The unique query may be what it fails on.
        return None if again.status == answer.status else "medium"


def _severity(positive: Positive) -> Severity:
    return positive.severity


def _evidence(answer: Answer) -> tuple[int, list[tuple[str, str]]]:
    lines = [(name.lower(), value) for name, value in answer.lines]
    return answer.status, sorted(line for line in lines if line[0] == "vary" or line[0].startswith(OWNED_PREFIX))


def _parent(positive: Positive) -> str:
    """
    Return the name that the host of the origin is directly below.
    """
    origin = Origin.parse(positive.probe.origin)
    return "" if origin is None else origin.host.partition(".")[2]


def _by_rule(positives: Iterable[Positive]) -> Iterator[list[Positive]]:
    """
    Yield the positives of each rule, each under the one fault that explains it.
    """
    found: dict[str, list[Positive]] = {}
    for positive in positives:
        found.setdefault(positive.probe.rule, []).append(positive)
    if any(positive.probe.mistake == WHOLE_SITE for positive in found.get("CG-A012", [])):
        # What ends like a host of the same site is a subdomain of it, too.
        found["CG-A004"] = [one for one in found.get("CG-A004", []) if one.probe.reach is not Reach.NEIGHBOUR]
    # Where every name is let in, those that end or are built like a trusted one are let in with them.
    every = {_parent(one) for rule in ("CG-A009", "CG-A012") for one in found.get(rule, [])}
    found["CG-A023"] = [one for one in found.get("CG-A023", []) if _parent(one) not in every]
    every |= {_parent(one) for one in found["CG-A023"] if one.probe.mistake == BUILT_ALIKE}
    found["CG-A004"] = [one for one in found.get("CG-A004", []) if _parent(one) not in every]
    if found["CG-A004"]:
        del found["CG-A023"]
    contained = found.pop("CG-A005", [])
    if contained and found.get("CG-A003") and found.get("CG-A004"):
        found["CG-A005"] = contained
    elif contained:
        # A comparison of one end only meets such names, too.
        home = next((rule for rule in ("CG-A003", "CG-A004") if found.get(rule)), "CG-A005")
        found.setdefault(home, []).extend(contained)
    for rule, ones in found.items():
        if ones:
            yield [one._replace(probe=one.probe._replace(rule=rule)) for one in ones]


def _without_implied(findings: list[Finding]) -> list[Finding]:
    """
    Return *findings*, the worst first, without those that a worse one implies, which names them.
    """
    ordered = sorted(findings, key=lambda finding: (-finding.severity, finding.rule.id))
    implied = {rule for finding in ordered for rule in finding.rule.subsumes if finding.is_fault}
    return [
        replace(
            finding,
            subsumed=tuple(sorted(other.rule.id for other in ordered if other.rule.id in finding.rule.subsumes)),
        )
        for finding in ordered
        if finding.rule.id not in implied
    ]
