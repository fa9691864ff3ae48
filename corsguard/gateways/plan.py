"""
What a gateway has to do, read from policies once for all targets: the site of a host, the zone of a path, the origins
that a zone shares with, and the header lines and the answer for each state of a request.

Targets do not know the rules of CORS, and this module does not repeat them: the lines are those that the guard sends.
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

# `permit` and `forbid` answer preflights. The others are for responses: `share` if the Origin is covered, `refuse` if
# it is not, `silent` if there is no Origin.
State = Literal["permit", "forbid", "share", "refuse", "silent"]

# For each state, an expression over three digits: the request has an Origin, is a preflight, is covered.
ASKED: Final[Mapping[State, str]] = {
    "permit": "1 1 1",
    "forbid": "1 1 0",
    "share": "1 0 1",
    "refuse": "1 0 0",
    "silent": "0 [01] [01]",
}
# Instead of a value: the Origin of the request; and a header that has to be removed, because only the policy may set
# it.
ECHO: Final = "{origin}"
REMOVED: Final = ""

# These have a meaning inside a set.
_ESCAPED: Final = {"[": r"\x5b", "]": r"\x5d", "^": r"\x5e", "\\": r"\x5c"}
# These characters have no special meaning in any expression.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_~-]")
_PRINTABLE: Final = range(0x21, 0x7F)


class Covers(NamedTuple):
    """
    The origins that a zone shares with: *everyone*, or *exact* origins and those that one of *expressions* matches.

    Expressions are anchored, and an origin that one of them matches has to match `SHORT_HOST` too.
    """

    everyone: bool
    exact: tuple[str, ...]
    expressions: tuple[str, ...]


class Zone(NamedTuple):
    """
    The paths below *prefix* (all paths if it is empty) of the hosts that the key *host* covers, if there are policies
    by host. *name* is unique, and has only letters, digits and `_`.

    *states* are the answers of the guard. If they are None, the paths are left to the application if *is_open*, and
    closed if not. *policy* is for software that uses the keywords themselves.
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
        Where the zone is in a configuration: the host and the path.
        """
        return f"{self.host}{self.prefix}" or "/"


class Site(NamedTuple):
    """
    The zones of the hosts that the key *host* covers; all hosts if it is empty. *name* is like that of a zone.

    *paths* are expressions over the raw path, each with its zone. The first that matches decides. The zone None is for
    paths whose readings do not agree, and the expression None matches every path. Paths that none matches are left to
    the application.
    """

    host: str
    name: str
    zones: tuple[Zone, ...]
    paths: tuple[tuple[str | None, Zone | None], ...]

    @property
    def chooses(self) -> bool:
        """
        Whether the result depends on the path.
        """
        return any(expression is not None for expression, _ in self.paths)


@dataclass(frozen=True)
class Plan:
    """
    *hosts* are expressions over the value of `Host`, each with its site. The first that matches decides. The site None
    is for a value that is not a host, and the expression None matches everything. Hosts that none matches are left to
    the application.

    *mount* is the prefix of all paths, and *digest* the SHA-256 of everything that the plan depends on.
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
        Whether the result depends on the host.
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
        Whether answers to paths that can be read in several ways need `Vary: Origin`.

        For such a path, the reading decides whether there is a policy, and so whether the answer depends on the origin.
        """
        is_listed = any(zone.covers is not None and not zone.covers.everyone for zone in self.zones)
        return is_listed and any(site.chooses for site in self.sites)

    @property
    def decisions(self) -> tuple[tuple[str, Decision], ...]:
        """
        The decision for each state of each zone with a policy, with a name such as `api.permit`.
        """
        states = ((zone, state) for zone in self.guarded for state in (zone.states or {}).items())
        return tuple((f"{zone.name}.{state}", decision) for zone, (state, decision) in states)


def plan_of(table: PathTable, mount: str = "") -> Plan:
    """
    Return the plan for the policies of *table*. All paths are below *mount*.
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
    Return a function that makes a unique name from a text.
    """
    taken: set[str] = set()

    def name_of(text: str) -> str:
        # Short, because people read it, and because some software limits the length of names.
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
        "permit": answers.on_preflight.grant_to(ECHO),
        "forbid": answers.on_preflight.refused.decision,
        "share": answers.on_response.grant_to(ECHO),
        "refuse": _without_timing(answers.on_response.refused.decision, policy),
        "silent": _without_timing(answers.silent.decision, policy),
    }


def _without_timing(decision: Decision, policy: Policy) -> Decision:
    if not policy.share_timing or any(name == TIMING_ALLOW_ORIGIN for name, _ in decision.headers):
        return decision
    line: Header = (TIMING_ALLOW_ORIGIN, REMOVED)
    return decision._replace(headers=(line, *decision.headers))


# Hosts, as expressions over the value of `Host`, without regard to case.

# A host that is too long. No engine can check that together with the expression of a wildcard.
_LONG_HOST: Final = f"^[^:]{{{LONGEST_HOST + 1}}}.*$"


def _host(key: str) -> str | None:
    """
    Return the expression for the hosts that *key* covers, or None if it is empty and covers all.
    """
    pattern = _pattern(key)
    if pattern is None:
        return None
    # A key without a port covers every port. The scheme `any` has no default port.
    port = "*" if pattern.port is None else pattern.port
    return f"(?i)^{(pattern._replace(scheme='any', port=port).expression or '').removeprefix('^any://')}"


def _precedence(key: str) -> tuple[bool, int, bool]:
    """
    Return the sort key of a host key: without a star first, then the longest, and with a port before without.
    """
    pattern = _pattern(key)
    return key.startswith("*"), -key.count("."), pattern is None or pattern.port is None


def _pattern(key: str) -> OriginPattern | None:
    return pattern_of(f"http://{key}") if key else None


# Paths, as expressions over the raw path, without the query.

_SLASH: Final = "(/|%2[fF])"
# Decoded again, and with a backslash for a slash, as some servers and routers read a path.
_PERCENT: Final = "%(25){0,2}"
_LOOSE_SLASH: Final = rf"(/|\x5c|{_PERCENT}2[fF]|{_PERCENT}5[cC])"
_DOT: Final = rf"([.]|{_PERCENT}2[eE])"
# After so many slashes in a row, an engine may give up on the expressions below, and report no match.
_MANY_SLASHES: Final = f"{_LOOSE_SLASH}{{8}}"
# Paths whose zone is uncertain: with a dot segment, many slashes, or a byte that no path has, and paths that do not
# begin with a slash. All repetitions have a bound, so no engine gives up on it.
ODD: Final = rf"{_LOOSE_SLASH}{_DOT}{_DOT}?({_LOOSE_SLASH}|$)|{_MANY_SLASHES}|[^!-~]|^[^/]|^$"


def _paths(mount: str, zones: Sequence[Zone]) -> Iterator[tuple[str | None, Zone | None]]:
    """
    Yield the entries of `Site.paths`.
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
    Return the expression for the paths below *prefix*, decoded once, as a server does.
    """
    return _spelled(prefix, _SLASH, "%")


def loose(prefix: str) -> str:
    """
    Return the same for all possible readings: slashes merged, backslashes read as slashes, decoded again.

    If the first match of both kinds is for the same prefix, all readings are below it, unless the path is ODD.
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
    Return an expression that matches only *text*.
    """
    return "".join(char if char.isalnum() or char in "/:_-" else _ESCAPED.get(char, f"[{char}]") for char in text)


def _digit(digit: str) -> str:
    return f"[{digit}{digit.upper()}]" if digit.isalpha() else digit
