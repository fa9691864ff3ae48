"""
One policy or many: which of them guards which path, and under which name.

This room reads every form in which a configuration says so, and looks paths up. It logs nothing and sees no request.
A path is taken as the server decoded it. Where servers, caches and routers may read it in several ways, it gets the
policy that all its readings have, or none.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, Protocol, TypedDict, cast, runtime_checkable

from .errors import PolicyError, Problem
from .fixes import Fix
from .names import EXAMPLE_ORIGIN, PATH_PREFIX
from .negotiation import Answers, answers_of
from .policy import Policy, PolicyKeywords
from .quoting import kind_of, quoted, text_of

# Leaves a path to the application, which does CORS there itself.
UNGUARDED: Final = "unguarded"
# The name of a policy that stands alone.
NAMELESS: Final = "policy"

_PATHS: Final = "paths"
_WEBSOCKETS: Final = "websockets"
_EXAMPLE: Final = {"allow_origins": [EXAMPLE_ORIGIN]}
_ASKED_AT_ONCE: Final = Fix(words="def __contains__(self, origin: str) -> bool:")
_PATHS_EXAMPLE: Final = Fix(entries=({"paths": {"/api": _EXAMPLE, "/admin": None}},))

# What stands at a path: a policy guards it, None closes it, the word leaves it to the application.
Guarding = Policy | Literal["unguarded"] | None


class Assignment(NamedTuple):
    """
    What stands at a path, or at a view, and its *name*: that of the policy in a file, the path prefix, or the view.

    The readings of an *is_odd* path have different policies, so it has none; *varies* tells whether any of these would
    have made the answer depend on the origin. *answers* are those of the policy, once the assignment is in a table.
    """

    policy: Guarding
    name: str
    is_odd: bool = False
    varies: bool = False
    answers: Answers | None = None


# So many paths are remembered with what stands there, if they are not longer than this.
_MOST_KNOWN: Final = 1024
_LONGEST_KNOWN: Final = 256
# A path may have some eighty readings. One that can be read in several ways and is longer than this has no policy.
_LONGEST_READ: Final = 2048

UNCOVERED: Final = Assignment(UNGUARDED, "")
_JUDGED: Final = Assignment(None, "")
_AMBIGUOUS: Final = Assignment(None, "", is_odd=True, varies=True)

# Which WebSocket handshakes are judged: all, none, or all but those to the path prefixes that are listed.
WebSockets = Literal["guard", "pass"] | Sequence[str]

# Finds what a view at a path says; None if there is no view, or it says nothing.
ViewFinder = Callable[[str], Assignment | None]


class PathTable:
    """
    What stands at which path prefix at one moment. It never changes.

    The longest prefix of whole segments wins: `/api` covers `/api`, `/api/` and `/api/x`, not `/apiary`. *everywhere*
    is what stands at every path, if that is one thing, and *answers* are those of its policy; *given* is the table as
    plain data. *protection* is what a configuration says about it, next to the policies; the guard reads it.
    """

    __slots__ = ("_by_prefix", "_known", "_levels", "_root", "answers", "everywhere", "given", "protection")

    def __init__(self, by_prefix: Mapping[str, Assignment]) -> None:
        self._by_prefix: Final = {"" if key == "/" else key: _compiled(there) for key, there in by_prefix.items()}
        self._root: Final = self._by_prefix.get("", UNCOVERED)
        self._levels: Final = range(max((prefix.count("/") for prefix in self._by_prefix), default=0))
        self._known: dict[str, Assignment] = {}
        self.everywhere: Final = None if self._levels else self._root
        self.answers: Final = None if self._levels else self._root.answers
        self.protection: object = None
        self.given: Policy | Mapping[str, Guarding] | None
        if self.everywhere is not None and isinstance(self.everywhere.policy, Policy):
            self.given = self.everywhere.policy
        else:
            by_path: dict[str, Guarding] = {prefix: there.policy for prefix, there in by_prefix.items()}
            self.given = MappingProxyType(by_path) if by_path else None

    def find(self, path: str, find_view: ViewFinder | None = None) -> Assignment:
        """
        Return what stands at *path*; the view that *find_view* finds there beats the path.

        Where the readings of the path lead to different policies, there is none.
        """
        if find_view is not None:
            return self._agreed(path, find_view)
        if self.everywhere is not None:
            return self.everywhere
        found = self._known.get(path)
        if found is None:
            found = self._agreed(path, None)
            # Clients make paths up, so what is remembered is bounded, and nothing pushes out what was asked first.
            if len(self._known) < _MOST_KNOWN and len(path) <= _LONGEST_KNOWN:
                self._known[path] = found
        return found

    def _agreed(self, path: str, find_view: ViewFinder | None) -> Assignment:
        """
        Return what all readings of *path* lead to, or that they do not agree.
        """
        readings = _readings_of(path)
        if readings is None:
            return _AMBIGUOUS
        found, *others = (self._at(reading, find_view) for reading in readings)
        if all(there.policy == found.policy for there in others):
            return found
        policies = [there.policy for there in (found, *others) if isinstance(there.policy, Policy)]
        return _AMBIGUOUS._replace(varies=not all(policy.audience.is_everyone for policy in policies))

    @property
    def named(self) -> Mapping[str, Policy]:
        """
        The policies by their names.
        """
        return {there.name: there.policy for there in self._by_prefix.values() if isinstance(there.policy, Policy)}

    def _at(self, path: str, find_view: ViewFinder | None) -> Assignment:
        of_view = None if find_view is None else find_view(path)
        if of_view is not None:
            return of_view
        found, end = self._root, 0
        for _ in self._levels:
            end = path.find("/", end + 1)
            if end < 0:
                return self._by_prefix.get(path, found)
            found = self._by_prefix.get(path[:end], found)
        return found


class Policies:
    """
    The policies of a guard. It may be shared between guards, and swapped while they serve, by one assignment.

    *policy* is a Policy, a mapping of a policy's keywords, a mapping from path prefix (`/` first) to either of these,
    to None or to `"unguarded"`, `{"paths": ...}` around the latter, a Configuration, other Policies, or None, which
    guards nothing. Nothing is inherited from one path to another. None at a path closes it: nothing is shared there.

    Raises PolicyError with every problem of every policy at once.
    """

    __slots__ = ("__weakref__", "table")

    def __init__(self, policy: "PoliciesLike | None" = None) -> None:
        self.table: PathTable = _read(policy)

    @classmethod
    def of(cls, policy: "PoliciesLike | None") -> "Policies":
        """
        Return *policy* itself if it is Policies, which then stay shared, else the Policies that it says.
        """
        return policy if isinstance(policy, Policies) else cls(policy)

    @property
    def policy(self) -> Policy | Mapping[str, Guarding] | None:
        """
        What is in force: the one policy, a read-only mapping from path prefix to what stands there, or None.

        Assigning takes what the constructor takes, and validates it first. Requests in flight finish under the old
        policies. Each process assigns for itself.
        """
        return self.table.given

    @policy.setter
    def policy(self, policy: "PoliciesLike | None") -> None:
        # What was read here has lost the names that a file gave, so to write it back changes nothing.
        if policy is None or policy is not self.table.given:
            self.table = _read(policy)

    @property
    def named(self) -> Mapping[str, Policy]:
        """
        The policies in force by their names: those of a file, else their path prefixes.
        """
        return self.table.named

    def policy_for(self, path: str) -> Guarding:
        """
        Return the policy that guards *path*; None if the path is closed, `"unguarded"` if nothing is done there.
        """
        return self.table.find(path).policy

    def __repr__(self) -> str:
        return f"Policies({self.policy!r})"


@runtime_checkable
class Configured(Protocol):
    """
    What says itself what is guarded by which policy, such as a Configuration.
    """

    @property
    def guarded(self) -> Policies: ...


class Paths(TypedDict):
    """
    Policies by path, as a configuration file has them.
    """

    paths: Mapping[str, Policy | PolicyKeywords | Literal["unguarded"] | Assignment | None]


# What every carrier takes.
PoliciesLike = (
    Policy
    | Policies
    | Configured
    | PolicyKeywords
    | Paths
    | Mapping[str, Policy | PolicyKeywords | Literal["unguarded"] | Assignment | None]
)


def _compiled(there: Assignment) -> Assignment:
    return there._replace(answers=answers_of(there.policy)) if isinstance(there.policy, Policy) else there


def _read(given: object) -> PathTable:
    if given is None:
        return PathTable({})
    if isinstance(given, Policies):
        return given.table
    if isinstance(given, Configured) and not isinstance(given, type):
        return given.guarded.table
    if isinstance(given, Policy):
        return PathTable({"/": Assignment(given, NAMELESS)})
    if not isinstance(given, Mapping):
        raise PolicyError([_not_guarding("policy", given)])
    if _PATHS in given:
        others = [Problem.of("E803", text_of(key) or quoted(key), key, _PATHS_EXAMPLE) for key in given]
        return _read_paths(given[_PATHS], [problem for problem in others if problem.field != _PATHS])
    if any("/" in (text_of(key) or "") for key in given):
        return _read_paths(given, [])
    return PathTable({"/": Assignment(Policy.from_mapping(given), NAMELESS)})


def refuse_awaited(policy: "PoliciesLike | None") -> None:
    """
    Raise PolicyError if *policy* is refused, or has an origin source that has to be awaited.

    For servers that cannot await.
    """
    given = Policies.of(policy).policy
    problems = [
        Problem.of("E804", f"{place}allow_origins", there.allow_origins, _ASKED_AT_ONCE)
        for place, there in (
            [("", given)]
            if isinstance(given, Policy)
            else [(f"{_PATHS}[{quoted(prefix)}].", there) for prefix, there in (given or {}).items()]
        )
        if isinstance(there, Policy) and there.must_await
    ]
    if problems:
        raise PolicyError(problems)


def text_of_path(path: str) -> str:
    """
    Return the text of *path*, whose bytes a server passed as latin-1 (PEP 3333).
    """
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def _read_paths(paths: object, problems: list[Problem]) -> PathTable:
    by_prefix: dict[str, Assignment] = {}
    if not isinstance(paths, Mapping):
        raise PolicyError([*problems, _not_guarding(_PATHS, paths)])
    for prefix, value in paths.items():
        place = f"{_PATHS}[{quoted(prefix)}]"
        if (problem := problem_of_prefix(prefix)) is not None:
            problems.append(problem)
        try:
            said, name = value[:2] if isinstance(value, Assignment) else (value, prefix)
            by_prefix[prefix] = Assignment(_read_one(said), name)
        except PolicyError as error:
            problems.extend(_within(place, error.problems))
    if problems:
        raise PolicyError(problems)
    return PathTable(by_prefix)


def _read_one(value: object) -> Guarding:
    if value is None or isinstance(value, Policy):
        return value
    if isinstance(value, str) and value == UNGUARDED:
        return UNGUARDED
    if isinstance(value, Mapping):
        return Policy.from_mapping(value)
    raise PolicyError([_not_guarding("", value)])


def _within(place: str, problems: tuple[Problem, ...]) -> Iterator[Problem]:
    for problem in problems:
        field = f"{place}.{problem.field}" if problem.field else place
        yield replace(problem, field=field)


def read_websockets(given: WebSockets) -> PathTable:
    """
    Return the table that has UNCOVERED where handshakes are not judged, which a path is only in all its readings.

    Raises PolicyError for anything but one of the two words or a list of path prefixes.
    """
    if given in ("guard", "pass"):
        return PathTable({"/": _JUDGED if given == "guard" else UNCOVERED})
    if not isinstance(cast("object", given), list | tuple | set | frozenset):
        kind, near = kind_of(given), [given] if problem_of_prefix(given) is None else ["/feed"]
        raise PolicyError([Problem.of("E805", _WEBSOCKETS, given, Fix(entries=(near,)), kind=kind)])
    places = {f"{_WEBSOCKETS}[{number}]": prefix for number, prefix in enumerate(given)}
    problems = [problem_of_prefix(prefix, place) for place, prefix in places.items()]
    if any(problems):
        raise PolicyError([problem for problem in problems if problem is not None])
    return PathTable({"/": _JUDGED, **dict.fromkeys(given, UNCOVERED)})


def problem_of_prefix(prefix: object, field: str | None = None) -> Problem | None:
    """
    Return what is wrong with *prefix*, where a path prefix is meant, or None. It stands in *field*.
    """
    if isinstance(prefix, str) and PATH_PREFIX.fullmatch(prefix):
        return None
    from .mistakes import nearest_prefix

    near = nearest_prefix(prefix if isinstance(prefix, str) else quoted(prefix))
    return Problem.of("E802", field or f"{_PATHS}[{quoted(prefix)}]", prefix, Fix(entries=(near,)))


def _not_guarding(field: str, value: object) -> Problem:
    return Problem.of("E801", field, value, Fix(entries=(_EXAMPLE,)), kind=kind_of(value))


# Paths that can be read in several ways.

_ODD: Final = re.compile(r"//|\\|%[0-9A-Fa-f]{2}|/\.{1,2}(?:/|\Z)")


def _readings_of(path: str) -> Iterable[str] | None:
    """
    Return *path* and all other paths that it may be to a server, a cache or a router behind; None if it is too long.

    Each of these decodes it once or twice more or not, takes a backslash for a slash or not, merges slashes or not, and
    resolves dot segments or not (RFC 3986, 5.2.4), in any order.
    """
    path = path if path.startswith("/") else f"/{path}"
    if not _ODD.search(path):
        return (path,)
    if len(path) > _LONGEST_READ:
        return None
    from urllib.parse import unquote

    readings = {path: None}
    # Each step leaves nothing for itself to do, so three rounds reach every order. Decoding may come between any two,
    # and twice: cheroot decodes the path of every method but OPTIONS, and the application may decode it once more.
    rounds = 3 * (_with_slashes, _merged, _resolved)
    for step in (*rounds, unquote, *rounds, unquote, *rounds):
        readings |= dict.fromkeys(map(step, readings))
    return readings


def is_odd(path: str) -> bool:
    """
    Return whether *path* can be read in several ways.
    """
    return _ODD.search(path) is not None


def _with_slashes(path: str) -> str:
    return path.replace("\\", "/")


def _merged(path: str) -> str:
    return re.sub("/{2,}", "/", path)


def _resolved(path: str) -> str:
    kept: list[str] = []
    *segments, last = path.split("/")[1:]
    for segment in (*segments, last):
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    # A dot segment at the end leaves the slash before it.
    return "/" + "/".join((*kept, "") if last in (".", "..") else kept)
