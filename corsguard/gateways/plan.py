"""
What a gateway has to do, read from policies once for all targets: which site a host is of and which of its zones a
path is in, whom the zone shares with, and which lines and which answer each state of a request gets.

No target knows a rule of CORS, and nothing is restated here: the lines are those that the guard sends.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, count
from typing import Final, Literal, NamedTuple

from corsguard.names import TIMING_ALLOW_ORIGIN
from corsguard.negotiation import Decision, Header, answers_of
from corsguard.origin import LONGEST_HOST, OriginPattern, pattern_of
from corsguard.policies import UNGUARDED, Assignment, Guarding, PathTable
from corsguard.policy import Policy
from corsguard.validation import DEFAULTS

# `permit` and `forbid` answer preflights, all others are responses: `share` and `refuse` to a request with an Origin
# that is covered or not, `silent` to one without.
State = Literal["permit", "forbid", "share", "refuse", "silent"]

# For each state, as an expression: whether the request has an Origin, is a preflight, and is covered.
ASKED: Final[Mapping[State, str]] = {
    "permit": "1 1 1",
    "forbid": "1 1 0",
    "share": "1 0 1",
    "refuse": "1 0 0",
    "silent": "0 [01] [01]",
}
# In the place of a value: the Origin of the request; and that there is no line, because the policy is its only author.
ECHO: Final = "{origin}"
REMOVED: Final = ""

# These would be read as part of a set.
_ESCAPED: Final = {"[": r"\x5b", "]": r"\x5d", "^": r"\x5e", "\\": r"\x5c"}
# Raw paths have these as they are; a letter, a digit and a few others stand for themselves in every expression.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_~-]")
_PRINTABLE: Final = range(0x21, 0x7F)


class Covers(NamedTuple):
    """
    Whom a zone shares with: *everyone*, or *exact* origins and those that one of *expressions* matches.

    Expressions are anchored, and an origin that one of them matches has to match `SHORT_HOST` too.
    """

    everyone: bool
    exact: tuple[str, ...]
    expressions: tuple[str, ...]


class Zone(NamedTuple):
    """
    The paths below *prefix*, an empty one is everything, of the hosts that the key *host* means, if policies go by
    host. *name* has letters, digits and `_`, and no other zone has it.

    *states* are what the guard answers; None leaves the paths to the application if *is_open*, and closes them if not.
    *policy* is for software that takes the keywords themselves.
    """

    host: str
    prefix: str
    name: str
    covers: Covers | None
    states: Mapping[State, Decision] | None
    is_open: bool = False
    policy: Policy | None = None

    @property
    def place(self) -> str:
        """
        Where a configuration says what it is: the host and the path.
        """
        return f"{self.host}{self.prefix}" or "/"


class Site(NamedTuple):
    """
    What stands at the hosts that the key *host* means; an empty one is all there are. *name* is like that of a zone.

    Of the expressions over the raw *paths* the first that matches decides, each with its zone; the zone None is for
    paths whose readings do not agree. The expression None is every path. What none matches is left to the application.
    """

    host: str
    name: str
    zones: tuple[Zone, ...]
    paths: tuple[tuple[str | None, Zone | None], ...]

    @property
    def chooses(self) -> bool:
        """
        Whether the path decides anything.
        """
        return any(expression is not None for expression, _ in self.paths)


@dataclass(frozen=True)
class Plan:
    """
    Of the expressions over the value of `Host` in *hosts* the first that matches decides, each with its site; the site
    None is for what is not a host. The expression None is whatever there is. What none matches is left to the
    application.

    *mount* is the prefix of all paths, and *digest* the SHA-256 of all that the plan depends on.
    """

    hosts: tuple[tuple[str | None, Site | None], ...]
    mount: str
    digest: str

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(site for _, site in self.hosts if site is not None)

    @property
    def names_hosts(self) -> bool:
        """
        Whether the host decides anything.
        """
        return any(expression is not None for expression, _ in self.hosts)

    @property
    def zones(self) -> tuple[Zone, ...]:
        return tuple(zone for site in self.sites for zone in site.zones)

    @property
    def guarded(self) -> tuple[Zone, ...]:
        """
        The zones that have a policy.
        """
        return tuple(zone for zone in self.zones if zone.states is not None)

    @property
    def leaves(self) -> bool:
        """
        Whether any host or path is left to the application.
        """
        everything = self.mount == "" and all(any(zone.prefix == "" for zone in site.zones) for site in self.sites)
        return self.names_hosts or not everything or any(zone.is_open for zone in self.zones)

    @property
    def odd_varies(self) -> bool:
        """
        Whether `Vary` has to say that an answer to a path that can be read in several ways depends on the origin.

        Whether there is a policy, and so what is answered, depends on how the path is read.
        """
        is_listed = any(zone.covers is not None and not zone.covers.everyone for zone in self.zones)
        return is_listed and any(site.chooses for site in self.sites)

    @property
    def decisions(self) -> tuple[tuple[str, Decision], ...]:
        """
        What is answered in each state of each zone that has a policy, each with a name such as `api.permit`.
        """
        states = ((zone, state) for zone in self.guarded for state in (zone.states or {}).items())
        return tuple((f"{zone.name}.{state}", decision) for zone, (state, decision) in states)


def plan_of(table: PathTable, mount: str = "") -> Plan:
    """
    Return the plan for the policies of *table*, where all paths are below *mount*.
    """
    tables, site_name, zone_name = table.by_host, _names(), _names()
    sites = [_site(host, tables[host], mount, site_name(host), zone_name) for host in sorted(tables, key=_precedence)]
    hosts: list[tuple[str | None, Site | None]] = [(_host(site.host), site) for site in sites]
    if table.hosts is not None:
        hosts.insert(0, (_LONG_HOST, None))
    data = {host: {prefix: _data(there) for prefix, there in given.by_prefix.items()} for host, given in tables.items()}
    digest = sha256(json.dumps([data, mount], sort_keys=True).encode()).hexdigest()
    return Plan(tuple(hosts), mount, digest)


def _data(there: Assignment) -> object:
    policy = there.policy
    if not isinstance(policy, Policy):
        return policy
    values = {name: getattr(policy, name) for name in DEFAULTS}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def _names() -> Callable[[str], str]:
    """
    Return what makes a name of a text, each time another one.
    """
    taken: set[str] = set()

    def name_of(text: str) -> str:
        # Short, because a person reads it, and because software has little room for some names.
        stem = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:24] or "all"
        name = next(name for name in chain([stem], (f"{stem}_{number}" for number in count(2))) if name not in taken)
        taken.add(name)
        return name

    return name_of


def _site(host: str, table: PathTable, mount: str, name: str, zone_name: Callable[[str], str]) -> Site:
    given: dict[str, Guarding] = {prefix.rstrip("/"): there.policy for prefix, there in table.by_prefix.items()}
    prefixes = sorted(given, key=lambda prefix: (-len(prefix), prefix))
    zones = tuple(_zone(host, prefix, given[prefix], zone_name) for prefix in prefixes)
    return Site(host, name, zones, tuple(_paths(mount, zones)))


def _zone(host: str, prefix: str, there: Guarding, zone_name: Callable[[str], str]) -> Zone:
    name = zone_name(f"{host}{prefix}")
    if not isinstance(there, Policy):
        return Zone(host, prefix, name, None, None, is_open=there == UNGUARDED)
    return Zone(host, prefix, name, _covers(there), _states(there), policy=there)


def _covers(policy: Policy) -> Covers:
    expressions = (pattern.expression for pattern in policy.patterns if not pattern.is_exact)
    return Covers(
        policy.audience.is_everyone,
        tuple(sorted(policy.audience.exact)),
        tuple(expression for expression in expressions if expression is not None),
    )


def _states(policy: Policy) -> Mapping[State, Decision]:
    answers = answers_of(policy)
    return {
        "permit": answers.permitted.to(ECHO),
        "forbid": answers.forbidden.decision,
        "share": answers.shared.to(ECHO),
        "refuse": _without_timing(answers.refused.decision, policy),
        "silent": _without_timing(answers.silent.decision, policy),
    }


def _without_timing(decision: Decision, policy: Policy) -> Decision:
    if not policy.share_timing or any(name == TIMING_ALLOW_ORIGIN for name, _ in decision.headers):
        return decision
    line: Header = (TIMING_ALLOW_ORIGIN, REMOVED)
    return decision._replace(headers=(line, *decision.headers))


# Hosts, as expressions over the value of `Host`, whose case does not count.

# Longer than a host may be, which no engine finds together with the expression of a wildcard.
_LONG_HOST: Final = f"^[^:]{{{LONGEST_HOST + 1}}}.*$"


def _host(key: str) -> str | None:
    """
    Return the expression of the hosts that *key* means, or None if it is empty and means all.
    """
    pattern = _pattern(key)
    if pattern is None:
        return None
    # A key without a port has every port. No other scheme than this one leaves a port out.
    port = "*" if pattern.port is None else pattern.port
    return f"(?i)^{(pattern._replace(scheme='any', port=port).expression or '').removeprefix('^any://')}"


def _precedence(key: str) -> tuple[bool, int, bool]:
    """
    Return what sorts the keys of hosts: those without a star, then the longest; and a port before none.
    """
    pattern = _pattern(key)
    return key.startswith("*"), -key.count("."), pattern is None or pattern.port is None


def _pattern(key: str) -> OriginPattern | None:
    return pattern_of(f"http://{key}") if key else None


# Paths, as expressions over the path as it came, without the query.

_SLASH: Final = "(/|%2[fF])"
# Read once more, and with a backslash for a slash: what some servers and routers make of a path.
_PERCENT: Final = "%(25){0,2}"
_LOOSE_SLASH: Final = rf"(/|\x5c|{_PERCENT}2[fF]|{_PERCENT}5[cC])"
_DOT: Final = rf"([.]|{_PERCENT}2[eE])"
# So many slashes in a row that an engine may give up on the expressions below, and say that they do not match.
_MANY_SLASHES: Final = f"{_LOOSE_SLASH}{{8}}"
# What makes no zone sure: a dot segment, many slashes, a byte that no path has, and a path that does not begin with a
# slash. It repeats nothing without a bound, so no engine gives up on it.
ODD: Final = rf"{_LOOSE_SLASH}{_DOT}{_DOT}?({_LOOSE_SLASH}|$)|{_MANY_SLASHES}|[^!-~]|^[^/]|^$"


def _paths(mount: str, zones: Sequence[Zone]) -> Iterator[tuple[str | None, Zone | None]]:
    """
    Yield what `Site.paths` has.
    """
    if not zones:
        return
    if mount == "" and [zone.prefix for zone in zones] == [""]:
        yield None, zones[0]
        return
    yield ODD, None
    for zone in zones:
        surely, perhaps = strict(mount + zone.prefix), loose(mount + zone.prefix)
        yield surely, zone
        if perhaps != surely:
            yield perhaps, None


def strict(prefix: str) -> str:
    """
    Return the expression of the paths below *prefix* as a server decodes them.
    """
    return _spelled(prefix, _SLASH, "%")


def loose(prefix: str) -> str:
    """
    Return the same for the paths as anything may read them: slashes merged, backslashes as slashes, decoded again.

    Where the first of both kinds that matches is of one prefix, all readings are below it, unless the path is ODD.
    """
    return _spelled(prefix, f"{_LOOSE_SLASH}+", _PERCENT)


def _spelled(prefix: str, slash: str, percent: str) -> str:
    return f"^{''.join(_char(char, slash, percent) for char in prefix)}({slash}|$)" if prefix else "^"


def _char(char: str, slash: str, percent: str) -> str:
    if char == "/":
        return slash
    encoded = "".join(percent + "".join(map(_digit, f"{byte:02x}")) for byte in char.encode())
    if ord(char) not in _PRINTABLE:
        return encoded
    literal = char if _PLAIN.match(char) else rf"\x{ord(char):02x}"
    return f"({literal}|{encoded})"


def literal(text: str) -> str:
    """
    Return *text* as an expression that matches nothing else.
    """
    return "".join(char if char.isalnum() or char in "/:_-" else _ESCAPED.get(char, f"[{char}]") for char in text)


def _digit(digit: str) -> str:
    return f"[{digit}{digit.upper()}]" if digit.isalpha() else digit
