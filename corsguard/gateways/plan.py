"""
What a gateway has to do, read from policies once for all targets: which zone a path is in, whom the zone shares with,
and which lines and which answer each state of a request gets.

No target knows a rule of CORS, and nothing is restated here: the lines are those that the guard sends.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal, NamedTuple

from corsguard.negotiation import Decision, answers_of
from corsguard.policies import UNGUARDED, PathTable
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
# In the place of a value: the Origin of the request.
ECHO: Final = "{origin}"

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
    The paths below *prefix*, an empty one is everything. *name* has letters, digits and `_`, and no other zone has it.

    *states* are what the guard answers; None leaves the paths to the application if *is_open*, and closes them if not.
    *policy* is for software that takes the keywords themselves.
    """

    prefix: str
    name: str
    covers: Covers | None
    states: Mapping[State, Decision] | None
    is_open: bool = False
    policy: Policy | None = None


@dataclass(frozen=True)
class Plan:
    """
    All *zones*, the longest prefix first; what is in none is left to the application. *mount* is the prefix of all
    paths, and *digest* the SHA-256 of all that the plan depends on.

    *chooses* tells whether the path decides anything. *varies* tells whether any zone shares with a list of origins.
    """

    zones: tuple[Zone, ...]
    mount: str
    digest: str

    @property
    def chooses(self) -> bool:
        return bool(self.mount) or [zone.prefix for zone in self.zones] != [""]

    @property
    def varies(self) -> bool:
        return any(zone.covers is not None and not zone.covers.everyone for zone in self.zones)

    @property
    def guarded(self) -> tuple[Zone, ...]:
        """
        The zones that have a policy.
        """
        return tuple(zone for zone in self.zones if zone.states is not None)

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
    given = {"/": table.given} if isinstance(table.given, Policy) else table.given or {}
    prefixes = sorted(given, key=lambda prefix: (-len(prefix), prefix))
    names: set[str] = set()
    zones = tuple(_zone(prefix, given[prefix], names) for prefix in prefixes)
    data = {prefix: _data(there) for prefix, there in given.items()}
    digest = sha256(json.dumps([data, mount], sort_keys=True).encode()).hexdigest()
    return Plan(zones, mount, digest)


def _data(there: object) -> object:
    if not isinstance(there, Policy):
        return there
    values = {name: getattr(there, name) for name in DEFAULTS}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def _zone(prefix: str, there: object, names: set[str]) -> Zone:
    # Short, because nginx finds values by it, and has room for 64 bytes (map_hash_bucket_size).
    stem = re.sub(r"[^a-z0-9]+", "_", prefix.lower()).strip("_")[:24] or "all"
    name = next(name for name in _numbered(stem) if name not in names)
    names.add(name)
    prefix = prefix.rstrip("/")
    if not isinstance(there, Policy):
        return Zone(prefix, name, None, None, is_open=there == UNGUARDED)
    return Zone(prefix, name, _covers(there), _states(there), policy=there)


def _numbered(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}_{number}"
        number += 1


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
        "permit": answers.permitted.granting(ECHO),
        "forbid": answers.forbidden.decision,
        "share": answers.shared.granting(ECHO),
        "refuse": answers.refused.decision,
        "silent": answers.silent.decision,
    }


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


def paths_of(plan: Plan) -> Iterator[tuple[str, Zone | None]]:
    """
    Yield expressions over the raw path, of which the first that matches decides, each with its zone; None is for paths
    whose readings do not agree. What none matches is in no zone.
    """
    yield ODD, None
    for zone in plan.zones:
        surely, perhaps = strict(plan, zone), loose(plan, zone)
        yield surely, zone
        if perhaps != surely:
            yield perhaps, None


def strict(plan: Plan, zone: Zone) -> str:
    """
    Return the expression of the paths in *zone* as a server decodes them, or in a zone below it.
    """
    return _spelled(plan.mount + zone.prefix, _SLASH, "%")


def loose(plan: Plan, zone: Zone) -> str:
    """
    Return the same for the paths as anything may read them: slashes merged, backslashes as slashes, decoded again.

    Where both lead to one zone, all readings do, unless the path is ODD.
    """
    return _spelled(plan.mount + zone.prefix, f"{_LOOSE_SLASH}+", _PERCENT)


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
