"""
Confirms what was seen: it sends each proof again, past all caches, and for an origin that must not be allowed.

If one rule has several signs, the worst counts. A finding that a worse one implies is not reported.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from corsguard.fixes import Fix
from corsguard.names import EXAMPLE_ORIGIN, OWNED_PREFIX
from corsguard.origin import Origin
from corsguard.suffixes import is_registry, owned_name

from .answers import Answer
from .bounded_client import BoundedClient, SpentError
from .probes import BETWEEN, BUILT_ALIKE, COUNTRIES, NO_DOT, PART_OF_HOST, SAME_FORM, THREE_LETTERS, WHOLE_SITE, Probe
from .rules import RULES, Weakness
from .severity import EVERY_BROWSER, NO_BROWSER, Reach, Severity
from .signs import Confidence, Sign

_MOST_ORIGINS: Final = 4
# How often a request is sent again, until its answer changes.
_MOST_REPEATED: Final = 8
_OF_ONE_SITE: Final = frozenset({"CG-A011", "CG-A012"})


@dataclass(frozen=True)
class Finding:
    """
    A broken *rule*, its *severity*, and the *proof*: its first answer shows the fault.

    *detail* says what was seen, safe to print. *origins* are those that were allowed, and *reach* says who could use
    one. *subsumed* are the rules that it implies. *meant* are the origins that its fix names, and *own_fix* is the fix
    if it is not the one of the rule.
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
    meant: tuple[str, ...] = (EXAMPLE_ORIGIN,)
    own_fix: Fix | None = None

    @property
    def is_fault(self) -> bool:
        """
        Whether it is more than information.
        """
        return self.severity > Severity.INFO

    @property
    def summary(self) -> str:
        """
        The title, what was seen, and what that means. A sign without a detail repeats the title, which is said once.
        """
        return " ".join(dict.fromkeys((f"{self.rule.title}.", self.detail, self.rule.message)))

    @property
    def fix(self) -> Fix:
        """
        The parts of the fix that can be pasted.
        """
        return self.own_fix or self.rule.fix_for(*self.meant)

    @property
    def header(self) -> str:
        """
        What to change in the headers of the response.
        """
        return self.rule.header_for(*self.meant, fix=self.own_fix)

    @property
    def policy(self) -> str:
        """
        What to change in a Policy.
        """
        return self.rule.policy_for(*self.meant, fix=self.own_fix)


def _never(_: Answer) -> bool:
    return False


class Positive(NamedTuple):
    """
    An origin that was allowed.
    """

    probe: Probe
    answer: Answer
    sign: Sign

    @property
    def severity(self) -> Severity:
        return RULES[self.probe.rule].severity if self.sign.severity is None else self.sign.severity


class Observations:
    """
    What one audit has seen so far, and the findings that it confirms in the end.

    *control* is an origin that must not be allowed, *meant* are those that should be. *show* makes a string from the
    network safe to print. *is_internal* is True if only an internal network can reach the server. *is_refusal* says of
    an answer whether it is not what others read there.
    """

    def __init__(  # noqa: PLR0913 - what an audit knows about the server
        self,
        client: BoundedClient,
        *,
        control: str,
        meant: Iterable[str],
        is_internal: bool,
        show: Callable[[str], str],
        is_refusal: Callable[[Answer], object] = _never,
    ) -> None:
        self.control = control
        self.show = show
        self._client = client
        self._meant = tuple(meant) or (EXAMPLE_ORIGIN,)
        self._is_internal = is_internal
        self._is_refusal = is_refusal
        # With the number of requests that were sent before.
        self._found: list[tuple[int, Finding]] = []
        self._noted: list[tuple[int, str]] = []
        self._positives: list[Positive] = []
        self._unconfirmed: list[Positive] = []

    def look(self, rule: str, *seen: object, **about: object) -> bool:
        """
        Pass what was *seen* to the sign of *rule*, and keep the worst result. Return whether the sign found something.
        """
        row = RULES[rule]
        sign = row.sign(*seen, **about)
        if sign is None:
            return False
        self._found.append((self._client.sent, self._of(row, sign)))
        self._keep()
        return True

    def let_in(self, probe: Probe, answer: Answer) -> bool:
        """
        Return whether *probe* was allowed, and keep it if so.
        """
        sign = RULES[probe.rule].sign(answer, probe, is_internal=self._is_internal)
        if sign is None:
            return False
        if self._is_refusal(answer):
            told = "{} may read that it is refused with {}, and nothing else: that answer names its origin."
            if not any(" may read that it is refused with " in note for note in self.notes):
                self.note(told, probe.origin, str(answer.status))
            return False
        self._positives.append(Positive(probe, answer, sign))
        self._keep()
        return True

    def has_let_in(self, rule: str) -> bool:
        """
        Return whether a probe of *rule* was allowed.
        """
        return any(positive.probe.rule == rule for positive in self._positives)

    def note(self, text: str, *values: str) -> None:
        """
        Note *text*, a format string, with *values* from the network for its placeholders.
        """
        self._noted.append((self._client.sent, text.format(*map(self.show, values))))

    @property
    def notes(self) -> list[str]:
        return [text for _, text in self._noted]

    def forget_after(self, sent: int) -> None:
        """
        Forget what was only seen after so many requests were *sent*. What a page could read then stays.
        """
        self._found = [(when, finding) for when, finding in self._found if when <= sent]
        self._noted = [(when, text) for when, text in self._noted if when <= sent]

    def _worst(self) -> list[Finding]:
        """
        Return the first of the worst findings of each rule, without the origins that were allowed.
        """
        worst: dict[str, Finding] = {}
        for _, finding in self._found:
            known = worst.get(finding.rule.id)
            if known is None or known.severity < finding.severity:
                worst[finding.rule.id] = finding
        return [*worst.values()]

    def confirmed_findings(self) -> list[Finding]:
        """
        Send everything that was seen again, and return the confirmed findings, the worst first.
        """
        # The worst first, and what implies most: the requests may not be enough for all.
        proven = [
            self._proven(positives) for positives in sorted(_by_rule(self._positives), key=_urgency, reverse=True)
        ]
        replayed = [self._replayed(finding) for finding in self._worst()]
        changing = self._changing()
        if changing is not None:
            # What compares two answers is not proven then.
            replayed = [one for one in replayed if len(one.proof) == 1 or one.rule.is_asked_twice]
            return _without_implied([*replayed, changing])
        for one in self._unconfirmed:
            self.note("{} was allowed once, but not again, so it is not reported.", one.probe.origin)
        return _without_implied([*replayed, *filter(None, proven)])

    def _changing(self) -> Finding | None:
        """
        Return the finding that the same request is answered in different ways, if that is so. Then nothing says which
        comparison is wrong.
        """
        first = next(iter(self._unconfirmed), None)
        if first is None or not self._is_changing(first.answer):
            return None
        worst = max(self._positives, key=_severity)
        rule = worst.probe.rule if worst.answer.fetch.is_handshake else "CG-A019"
        self._noted.insert(0, (0, "The answers change from one request to the next, so no comparison was judged."))
        detail = "{} is allowed by some answers to the same request, and refused by others. "
        sign = first.sign._replace(
            detail=f"{detail}Perhaps one of several servers has another configuration.",
            values=(first.probe.origin,),
            severity=worst.severity,
        )
        origins = tuple(dict.fromkeys(one.probe.origin for one in self._positives))
        return replace(self._of(RULES[rule], sign), reach=worst.probe.reach, confidence="medium", origins=origins)

    def _is_changing(self, answer: Answer) -> bool:
        seen = set[bool]()
        with suppress(SpentError):
            for _ in range(_MOST_REPEATED):
                seen.add(self._is_read(self._client.again(answer)))
                if seen == {True, False}:
                    return True
        return False

    def _keep(self) -> None:
        faults = {finding.rule.id for _, finding in self._found if finding.is_fault}
        faults |= {one.probe.rule for one in self._positives if one.severity > Severity.INFO}
        self._client.keep(len(faults))

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
            browsers=sign.browsers or row.browsers,
            meant=self._meant,
            own_fix=sign.fix,
        )

    def _said(self, row: Weakness, sign: Sign) -> str:
        return sign.detail.format(*map(self.show, sign.values)) if sign.detail else f"{row.title}."

    def _replayed(self, finding: Finding) -> Finding:
        """
        Send the proof of a fault again, past all caches, and return the finding with its confidence.
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
        Return the finding that the *positives* of one rule prove. The worst one is sent again, and also for an origin
        that must not be allowed.
        """
        worst = max(positives, key=_severity)
        probe, _, sign = worst
        row = RULES[probe.rule]
        confidence = self._confidence(worst)
        if confidence is None:
            self._unconfirmed.append(worst)
            return None
        origins = tuple(dict.fromkeys(positive.probe.origin for positive in positives))
        return replace(
            self._of(row, sign),
            detail=f"{self._said(row, sign)}{self._others(probe.origin, origins)}",
            reach=probe.reach,
            confidence=confidence,
            origins=origins,
            browsers=_browsers(worst, *positives),
        )

    def _others(self, first: str, origins: Iterable[str]) -> str:
        more = [self.show(origin) for origin in origins if origin != first]
        and_others = " and others" * (len(more) > _MOST_ORIGINS)
        return f" The same holds for {'; '.join(more[:_MOST_ORIGINS])}{and_others}." if more else ""

    def _is_read(self, answer: Answer) -> bool:
        return answer.lets_in and not self._is_refusal(answer)

    def _confidence(self, positive: Positive) -> Confidence | None:
        """
        Send it again, past all caches, and for an origin that must not be allowed. Return the confidence, or None if it
        is not confirmed.
        """
        probe, answer, _ = positive
        # No POST request is repeated.
        if positive.severity is Severity.INFO or answer.fetch.method == "POST":
            return "medium"
        try:
            again = self._client.again(answer)
            control = self._client.again(answer, self.control)
        except SpentError as end:
            self._client.leave_out(f"asking again for {probe.rule}", end)
            return "low"
        if self._is_read(again) and (RULES[probe.rule].is_general or not self._is_read(control)):
            return "high" if answer.status < 400 else "medium"
        # It may have failed because of the unique query.
        return None if again.status == answer.status else "medium"


def _urgency(positives: list[Positive]) -> tuple[Severity, int]:
    return max(map(_severity, positives)), len(RULES[positives[0].probe.rule].subsumes)


def _severity(positive: Positive) -> Severity:
    return positive.severity


def _evidence(answer: Answer) -> tuple[int, list[tuple[str, str]]]:
    lines = [(name.lower(), value) for name, value in answer.lines]
    return answer.status, sorted(line for line in lines if line[0] == "vary" or line[0].startswith(OWNED_PREFIX))


def _browsers(*positives: Positive) -> str:
    """
    Return the browsers of all *positives*, in their order.
    """
    names = dict.fromkeys(name for one in positives for name in one.probe.browsers.split(", "))
    return ", ".join(name for name in names if name != NO_BROWSER) or NO_BROWSER


def _host(positive: Positive) -> str:
    origin = Origin.parse(positive.probe.origin)
    return "" if origin is None else origin.host


def _parent(positive: Positive) -> str:
    """
    Return the name that the host of the origin is directly below.
    """
    return _host(positive).partition(".")[2]


def _are_sites_free(positives: Iterable[Positive]) -> bool:
    """
    Whether a site with another name of the same form is allowed.
    """
    return any(one.probe.mistake == SAME_FORM and one.probe.reach is Reach.REGISTRANT for one in positives)


def _without(positives: Iterable[Positive], mistake: str) -> list[Positive]:
    return [one for one in positives if one.probe.mistake != mistake]


def _not_below(positives: Iterable[Positive], names: Iterable[str]) -> list[Positive]:
    """
    Return those of *positives* whose host is not below one of *names*.
    """
    ends = tuple(f".{name}" for name in names)
    return [one for one in positives if not _host(one).endswith(ends)]


def _drop_explained(found: dict[str, list[Positive]]) -> None:
    """
    Drop from *found*, the positives of each rule, names that those of another rule explain.
    """
    if any(positive.probe.mistake == WHOLE_SITE for positive in found["CG-A012"]):
        # A name with the same end as a host of the site is also a subdomain of the site.
        found["CG-A004"] = [one for one in found["CG-A004"] if one.probe.reach is not Reach.NEIGHBOUR]
    if found["CG-A003"] or found["CG-A005"]:
        # A name with a country at its end only begins like a trusted one.
        found["CG-A022"] = _without(found["CG-A022"], COUNTRIES)
    if found["CG-A003"] or found["CG-A005"] or _are_sites_free(found["CG-A023"]):
        # What follows a subdomain is not compared at all, or may be any word.
        found["CG-A004"] = _without(found["CG-A004"], BETWEEN)
    if found["CG-A004"] or found["CG-A023"]:
        # What is in front of the name's end may be absent, but also anything else.
        found["CG-A006"] = _without(found["CG-A006"], PART_OF_HOST)
    if found["CG-A014"]:
        # An app at a name below localhost may read because loopback may.
        found["CG-A017"] = _not_below(found["CG-A017"], ["localhost"])
    if any(positive.probe.mistake == NO_DOT for positive in found["CG-A007"]):
        # The name with `www.` is allowed without its dot, too.
        found["CG-A004"] = _without(found["CG-A004"], THREE_LETTERS)


def _by_rule(positives: Collection[Positive]) -> Iterator[list[Positive]]:
    """
    Yield the positives of each rule, each for the one fault that explains it.
    """
    found: dict[str, list[Positive]] = defaultdict(list)
    allowed = {positive.probe.origin for positive in positives}
    for positive in positives:
        if positive.probe.twin is None or positive.probe.twin in allowed:
            found[positive.probe.rule].append(positive)
    _drop_explained(found)
    # If every name is allowed, names that end or are built like a trusted one are allowed, too.
    every = {_parent(one) for one in found["CG-A009"]}
    found["CG-A007"] = _not_below(found["CG-A007"], every)
    found["CG-A012"] = _not_below(found["CG-A012"], every)
    found["CG-A006"] = _not_below(found["CG-A006"], every)
    every |= {_parent(one) for one in found["CG-A012"]}
    found["CG-A023"] = _not_below(found["CG-A023"], every)
    # Under a registry's suffix, a name with the same end is somebody else's domain, and not built like a trusted one.
    alike = {_parent(one) for one in found["CG-A023"] if one.probe.mistake == BUILT_ALIKE}
    every |= {name for name in alike if not is_registry(name)}
    found["CG-A004"] = _not_below(found["CG-A004"], every)
    # A comparison of the end allows such names, too, but not at another hosting service.
    worst = max(map(_severity, found["CG-A004"]), default=None)
    found["CG-A023"] = [one for one in found["CG-A023"] if worst is None or one.severity > worst]
    contained = found.pop("CG-A005", [])
    if contained and found["CG-A003"] and found["CG-A004"]:
        found["CG-A005"] = contained
    elif contained:
        # A comparison of only one end allows such names, too.
        home = next((rule for rule in ("CG-A003", "CG-A004") if found[rule]), "CG-A005")
        found[home] += contained
    for rule, ones in found.items():
        if ones:
            yield [one._replace(probe=one.probe._replace(rule=rule)) for one in ones]


def _without_implied(findings: list[Finding]) -> list[Finding]:
    """
    Return *findings*, the worst first, without those that another one implies that is at least as bad. That one names
    them.
    """
    ordered = sorted(findings, key=lambda finding: (-finding.severity, finding.rule.id))
    implied = {
        finding.rule.id: {one.rule.id for one in ordered if _implies(finding, one)}
        for finding in ordered
        if finding.is_fault
    }
    left_out = set().union(*implied.values())
    return [
        replace(finding, subsumed=tuple(sorted(implied.get(finding.rule.id, ()))))
        for finding in ordered
        if finding.rule.id not in left_out
    ]


def _implies(finding: Finding, other: Finding) -> bool:
    if other.rule.id not in finding.rule.subsumes or other.severity > finding.severity:
        return False
    if finding.rule.id != "CG-A004" or other.rule.id not in _OF_ONE_SITE:
        return True
    # The end of one trusted name says nothing about another site.
    sites = {owned_name(origin.host) for origin in map(Origin.parse, other.origins) if origin is not None}
    return all(any(origin.endswith(site) for origin in finding.origins) for site in sites)
