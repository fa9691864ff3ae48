"""
One policy or several: which one guards which path of which host, and under which name.

This module reads every form of configuration for that, and looks paths up. It logs nothing and sees no request. A path
is used as the server decoded it. If servers, caches and routers may read it in several ways, it gets the policy that
all its readings have, or none.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Protocol, TypedDict, TypeVar, cast, runtime_checkable

from .audience import ToSync
from .errors import PolicyError, Problem
from .fixes import OR_REMOVE_IT, Fix, already_there
from .hosts import HostQuestion, Hosts, HostStore, StoredHosts, can_be_asked, is_store, key_of
from .names import EXAMPLE_ORIGIN, PATH_PREFIX
from .negotiation import Answers, answers_of, in_a_loop
from .policy import Policy, PolicyKeywords
from .quoting import kind_of, quoted, text_of
from .validation import DEFAULTS, known_keywords

# Leaves a path to the application, which does CORS there itself.
UNGUARDED: Final = "unguarded"
# The name of the only policy.
NAMELESS: Final = "policy"

_PATHS: Final = "paths"
_HOSTS: Final = "hosts"
_WEBSOCKETS: Final = "websockets"
_EXPRESSION: Final = re.compile(r"[(\[{<|+]")
_EXAMPLE: Final = {"allow_origins": [EXAMPLE_ORIGIN]}
_ASKED_AT_ONCE: Final = Fix(words="def __contains__(self, origin: str) -> bool:")
_ASKED_ABOUT_HOSTS: Final = Fix(words="def policy_of(self, host: str) -> Policy | None:")
# The keys that must be alone in their mapping, each with an example.
_LEVELS: Final = {
    _HOSTS: Fix(
        entries=({_HOSTS: {"api.example.com": _EXAMPLE, "*.tenants.example.com": None}},), otherwise=(OR_REMOVE_IT,)
    ),
    _PATHS: Fix(entries=({_PATHS: {"/api": _EXAMPLE, "/admin": None}},), otherwise=(OR_REMOVE_IT,)),
}

# What is assigned to a path: a policy guards it, None closes it, "unguarded" leaves it to the application.
Init = TypeVar("Init", bound=Callable[..., None])
Guarding = Policy | Literal["unguarded"] | None
# What is in force: one policy, one for each path prefix, or, under the key "hosts", either of these by host.
InForce = (
    Policy
    | Mapping[str, Guarding]
    | Mapping[str, Mapping[str, Policy | Mapping[str, Guarding]]]
    | Mapping[str, HostStore]
    | None
)


class Assignment(NamedTuple):
    """
    What is assigned to a path or a view, and its *name*: the policy's name in a file, the host and the path prefix, or
    the name of the view.

    The readings of an *is_odd* path have different policies, so it has none. *varies* tells whether with any of these
    the answer would depend on the origin. *answers* are those of the policy, once the assignment is in a table.
    """

    policy: Guarding
    name: str
    is_odd: bool = False
    varies: bool = False
    answers: Answers | None = None


# How many paths are remembered with their assignments, and how long these may be.
_MOST_KNOWN: Final = 1024
_LONGEST_KNOWN: Final = 256
# A path may have about eighty readings. A longer path that can be read in several ways has no policy.
_LONGEST_READ: Final = 2048

UNCOVERED: Final = Assignment(UNGUARDED, "")
# The same for all paths of a host that no key covers.
UNNAMED: Final = Assignment(UNGUARDED, "", False)
_JUDGED: Final = Assignment(None, "")
_AMBIGUOUS: Final = Assignment(None, "", is_odd=True, varies=True)

# Which WebSocket handshakes are judged: all, none, or all except those to the listed path prefixes.
WebSockets = Literal["guard", "pass"] | Sequence[str]

# Finds the tag of the view at a path; None if there is no view, or it has no tag.
ViewFinder = Callable[[str], Assignment | None]


class PathTable:
    """
    The assignments of path prefixes at one moment. It never changes.

    The longest prefix of whole segments wins: `/api` covers `/api`, `/api/` and `/api/x`, not `/apiary`. *everywhere*
    is the assignment of every path, if there is only one, and *answers* are those of its policy. *given* is the table
    as plain data. *protection* is the protection of a configuration, next to its policies. The guard reads it.

    If there are *hosts*, each has its own table, and this table is for all other hosts: `at` finds the right one. A
    table that *is_stored* is that of a host which a store knows. *error* is what the store raised. Then the host is
    closed.
    """

    __slots__ = (
        "_by_prefix",
        "_known",
        "_levels",
        "_root",
        "answers",
        "error",
        "everywhere",
        "given",
        "hosts",
        "is_stored",
        "protection",
    )

    def __init__(
        self,
        by_prefix: Mapping[str, Assignment],
        hosts: "Hosts[PathTable] | StoredHosts[PathTable] | None" = None,
        *,
        is_stored: bool = False,
        error: BaseException | None = None,
    ) -> None:
        self.hosts: Final = hosts
        self.is_stored: Final = is_stored
        self.error: Final = error
        self._by_prefix: Final = {"" if key == "/" else key: _compiled(there) for key, there in by_prefix.items()}
        self._root: Final = self._by_prefix.get("", UNCOVERED)
        self._levels: Final = range(max((prefix.count("/") for prefix in self._by_prefix), default=0))
        self._known: dict[str, Assignment] = {}
        self.everywhere: Final = None if self._levels else self._root
        self.answers: Final = None if self._levels else self._root.answers
        self.protection: object = None
        self.given: InForce
        if isinstance(hosts, StoredHosts):
            self.given = MappingProxyType({_HOSTS: hosts.store})
        elif hosts is not None:
            by_host = {host: table.given for host, table in hosts}
            # A host cannot contain hosts.
            self.given = cast("InForce", MappingProxyType({_HOSTS: MappingProxyType(by_host)}))
        elif self._by_prefix and self.everywhere is not None and self.everywhere.policy != UNGUARDED:
            self.given = self.everywhere.policy
        else:
            by_path: dict[str, Guarding] = {prefix: there.policy for prefix, there in by_prefix.items()}
            self.given = cast("InForce", MappingProxyType(by_path or {_PATHS: MappingProxyType({})}))

    def at(self, host: object) -> "PathTable":
        """
        Return the table of *host*, the value of `Host`. Without policies by host, that is this table.
        """
        return self if self.hosts is None else self.hosts.find(host) or self

    def look_up(self, host: object) -> "PathTable | HostQuestion[PathTable]":
        """
        Return the same as `at`, or the question for the store of hosts that has to be asked first.
        """
        return self if self.hosts is None else self.hosts.look_up(host) or self

    def ask(self, host: object, to_sync: ToSync | None = in_a_loop) -> "PathTable":
        """
        Return the same as `at`, and ask the store if necessary. If the store raises, the host is closed.

        A store that has to be awaited is asked through *to_sync*. The default, for people and tests, uses a new event
        loop.
        """
        there = self.look_up(host)
        return there.ask(to_sync) if isinstance(there, HostQuestion) else there

    def find(self, path: str, find_view: ViewFinder | None = None) -> Assignment:
        """
        Return the assignment of *path*. The tag of a view that *find_view* finds there wins over the path.

        If the readings of the path lead to different policies, it has none.
        """
        if find_view is not None:
            return self._agreed(path, find_view)
        if self.everywhere is not None:
            return self.everywhere
        found = self._known.get(path)
        if found is None:
            found = self._agreed(path, None)
            # Clients may invent paths, so the memory is bounded, and the first entries are never displaced.
            if len(self._known) < _MOST_KNOWN and len(path) <= _LONGEST_KNOWN:
                self._known[path] = found
        return found

    def _agreed(self, path: str, find_view: ViewFinder | None) -> Assignment:
        """
        Return the assignment that all readings of *path* have, or `_AMBIGUOUS` if they do not agree.
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
    def by_host(self) -> "Mapping[str, PathTable]":
        """
        The tables by the keys of their hosts. Without policies by host, this table with an empty key.
        """
        return {"": self} if self.hosts is None else dict(self.hosts)

    @property
    def by_prefix(self) -> Mapping[str, Assignment]:
        """
        The assignment of each path prefix.
        """
        return {prefix or "/": there for prefix, there in self._by_prefix.items()}

    @property
    def placed(self) -> Iterator[tuple[str, Assignment]]:
        """
        Yield all assignments, each with its place in the configuration.
        """
        for host, table in self.hosts or ():
            yield from ((f"{_HOSTS}[{quoted(host)}].{place}", there) for place, there in table.placed)
        for prefix, there in self.by_prefix.items() if self.hosts is None else ():
            yield "" if isinstance(self.given, Policy) else f"{_PATHS}[{quoted(prefix)}].", there

    @property
    def named(self) -> Mapping[str, Policy]:
        """
        The policies by their names.
        """
        return {there.name: there.policy for _, there in self.placed if isinstance(there.policy, Policy)}

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
    to None or to `"unguarded"`, `{"paths": ...}` around the latter, `{"hosts": ...}` around a mapping from host to
    either of these, a Configuration, other Policies, or None. Nothing is inherited from one path to another. None
    closes everything, or the path at which it stands: nothing is shared there.

    The host is that of `Host`, in lower case and without the port 80 or 443. A key is a host, a host with a port, or
    `*.` and a host, which covers its subdomains. Exact keys win, then the longest. A host that no key covers is not
    touched.

    Raises PolicyError with every problem of every policy at once.
    """

    __slots__ = ("__weakref__", "table")

    def __init__(self, policy: "PoliciesLike | None" = None) -> None:
        self.table: PathTable = _read(policy)

    @classmethod
    def of(cls, policy: "PoliciesLike | None") -> "Policies":
        """
        Return *policy* itself if it is a Policies object, which then stays shared, otherwise a new one.
        """
        return policy if isinstance(policy, Policies) else cls(policy)

    @property
    def policy(self) -> InForce:
        """
        What is in force: one policy; a read-only mapping by path prefix; a mapping with the key `"hosts"` and either of
        these by host; or None.

        Assign any form that the constructor takes. It is validated first. Requests that are running finish with the old
        policies. Each process assigns for itself.
        """
        return self.table.given

    @policy.setter
    def policy(self, policy: "PoliciesLike | None") -> None:
        # The value that was read here has lost the names from a file. If it is assigned back, nothing changes.
        if policy is not self.table.given:
            self.table = _read(policy)

    @property
    def named(self) -> Mapping[str, Policy]:
        """
        The policies in force by their names: names from a file, or otherwise hosts and path prefixes.
        """
        return self.table.named

    def policy_for(self, path: str, host: str | None = None) -> Guarding:
        """
        Return the policy that guards *path*; None if the path is closed, `"unguarded"` if the guard does nothing there.

        With policies by host, it is that of *host*, the value of `Host`.
        """
        return self.table.ask(host).find(path).policy

    def __repr__(self) -> str:
        return f"Policies({self.policy!r})"


@runtime_checkable
class Configured(Protocol):
    """
    An object that knows its policies and what they guard, such as a Configuration.
    """

    @property
    def guarded(self) -> Policies: ...


# What may be assigned to a path.
_AtPath = Policy | PolicyKeywords | Literal["unguarded"] | Assignment | None


class Paths(TypedDict):
    """
    Policies by path, in the form of a configuration file.
    """

    paths: Mapping[str, _AtPath]


class PathsByHost(TypedDict):
    """
    Policies by host, each for all paths or by path; or a store that is asked about each host.
    """

    hosts: Mapping[str, _AtPath | Paths | Mapping[str, _AtPath]] | HostStore


# What every carrier takes.
PoliciesLike = Policy | Policies | Configured | PolicyKeywords | Paths | PathsByHost | Mapping[str, _AtPath]


def _compiled(there: Assignment) -> Assignment:
    return there._replace(answers=answers_of(there.policy)) if isinstance(there.policy, Policy) else there


def _read(given: object) -> PathTable:
    if given is None:
        return PathTable({"/": Assignment(None, NAMELESS)})
    if isinstance(given, Policies):
        return given.table
    if isinstance(given, Configured) and not isinstance(given, type):
        return given.guarded.table
    if isinstance(given, Policy):
        return PathTable({"/": Assignment(given, NAMELESS)})
    if not isinstance(given, Mapping):
        raise PolicyError([_not_guarding("policy", given)])
    if _HOSTS in given:
        return _read_hosts(given[_HOSTS], not_next_to(_HOSTS, given))
    return _read_by_path(given) or PathTable({"/": Assignment(Policy.from_mapping(given), NAMELESS)})


def not_next_to(level: str, given: Mapping[object, object]) -> list[Problem]:
    """
    Return a problem for each key that is next to *level*.
    """
    others = [Problem.of("E803", text_of(key) or quoted(key), key, _LEVELS[level], level=level) for key in given]
    return [problem for problem in others if problem.field != level]


def _read_by_path(given: Mapping[object, object], host: str = "") -> PathTable | None:
    """
    Return the table by path in *given*, for *host* if there are several hosts. None if *given* is not by path.
    """
    if _PATHS in given:
        return _read_paths(given[_PATHS], not_next_to(_PATHS, given), host)
    if not any("/" in (text_of(key) or "") or _is_path_only(key, value) for key, value in given.items()):
        return None
    return _read_paths(given, [], host)


def _is_path_only(key: object, value: object) -> bool:
    """
    Return whether *key*, which has no slash, can only be meant as a path prefix, because its value is a policy.
    """
    if text_of(key) in DEFAULTS:
        return False
    return isinstance(value, Policy) or (
        isinstance(value, Mapping) and any(text_of(name) in DEFAULTS for name in value)
    )


def keyword_next_to(prefixes: Mapping[Any, object], key: object) -> Problem | None:
    """
    Return the problem of *key* if it is a keyword of a policy, which is among *prefixes*, or None.
    """
    keyword = text_of(key)
    if keyword is None or keyword not in DEFAULTS:
        return None
    first = next((text for other in prefixes if (text := text_of(other) or quoted(other)) not in DEFAULTS), "/api")
    value = prefixes[key]
    items = value if isinstance(value, list | tuple) else (value,)
    # Anything else may not be plain data.
    said = {keyword: value} if all(type(item) in (str, bool, int) for item in items) else {}
    fix = Fix(entries=({_PATHS: {first: {**_EXAMPLE, **said}}},), otherwise=(OR_REMOVE_IT,))
    return Problem.of("E803", keyword, keyword, fix, level=first)


def refuse_awaited(policy: "PoliciesLike | None") -> None:
    """
    Raise PolicyError if *policy* is refused, or has an origin source or a store of hosts that has to be awaited.

    For servers that cannot await.
    """
    table = Policies.of(policy).table
    problems = [
        Problem.of("E804", f"{place}allow_origins", there.policy.allow_origins, _ASKED_AT_ONCE, method="allows")
        for place, there in table.placed
        if isinstance(there.policy, Policy) and there.policy.must_await
    ]
    if isinstance(table.hosts, StoredHosts) and table.hosts.must_await:
        problems.append(Problem.of("E804", _HOSTS, table.hosts.store, _ASKED_ABOUT_HOSTS, method="policy_of"))
    if problems:
        raise PolicyError(problems)


def refuses_keywords(*lines: str) -> Callable[[Init], Init]:
    """
    Return a decorator for the `__init__` of a class that takes a policy. Keywords that it does not have raise
    TypeError.

    The *lines* are those of `refuse_keywords`. Type checkers and `help` see the signature of `__init__` unchanged.
    """

    def decorate(init: Init) -> Init:
        @wraps(init)
        def checked(self: object, *given: Any, **keywords: Any) -> None:  # noqa: ANN401 - those of *init*
            own = init.__annotations__
            unknown = {name: value for name, value in keywords.items() if name not in own}
            refuse_keywords(init.__qualname__.partition(".")[0], unknown, *lines)
            init(self, *given, **keywords)

        return cast("Init", checked)

    return decorate


def refuse_keywords(caller: str, keywords: Mapping[str, object], *lines: str) -> None:
    """
    Raise TypeError if *caller*, which takes a policy, got *keywords* of a policy or unknown ones.

    The *lines* are what to write in other places, each with a `%s` for the policy.
    """
    if keywords:
        known, problems = known_keywords(keywords)
        meant = ", ".join(f'"{name}": ...' for name in known)
        what = ", ".join(map(quoted, keywords))
        raise TypeError(
            f"{caller} got {what}. It takes a policy as one argument. "
            f"Write {' or '.join((f'{caller}(app, %s)', *lines)).replace('%s', f'{{{meant}}}')}."
            if known
            else f"{caller} got {what}, which it does not know. {problems[0].message}"
        )


def text_of_path(path: str) -> str:
    """
    Return *path* as text. A server passed its bytes as latin-1 (PEP 3333).
    """
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def _read_hosts(hosts: object, problems: list[Problem]) -> PathTable:
    by_key: dict[str, PathTable] = {}
    if is_store(hosts):
        if not can_be_asked(hosts):
            problems.append(Problem.of("E810", _HOSTS, hosts, _ASKED_ABOUT_HOSTS, kind=kind_of(hosts)))
        if problems:
            raise PolicyError(problems)
        return PathTable({"/": UNNAMED}, StoredHosts(cast("HostStore", hosts), _table_of, _is_named))
    if not isinstance(hosts, Mapping):
        raise PolicyError([*problems, _not_guarding(_HOSTS, hosts)])
    for host, value in hosts.items():
        place = f"{_HOSTS}[{quoted(host)}]"
        problem = problem_of_host(host, by_key)
        if problem is not None:
            problems.append(problem)
        try:
            table = _read_host(value, quoted(host) if problem is not None else host)
        except PolicyError as error:
            problems.extend(_within(place, error.problems))
            continue
        if problem is None:
            by_key[key_of(host) or ""] = table
    if problems:
        raise PolicyError(problems)
    return PathTable({"/": UNNAMED}, Hosts(by_key))


def _table_of(host: str, said: object, error: BaseException | None) -> PathTable:
    """
    Return the table of *host*, for which a store answered *said* or raised *error*.

    Raises TypeError if the answer is not a Policy or None.
    """
    if said is not None and not isinstance(said, Policy):
        raise TypeError(f"Expected a Policy or None from policy_of({quoted(host)}), got {quoted(said)}.")
    return PathTable({"/": Assignment(said, host)}, is_stored=True, error=error)


def _is_named(table: PathTable) -> bool:
    return table.answers is not None


def _read_host(value: object, host: str) -> PathTable:
    by_path = _read_by_path(value, host) if isinstance(value, Mapping) else None
    if by_path is not None:
        return by_path
    said, name = value[:2] if isinstance(value, Assignment) else (value, host)
    return PathTable({"/": Assignment(_read_one(said), name)})


def _read_paths(paths: object, problems: list[Problem], host: str = "") -> PathTable:
    by_prefix: dict[str, Assignment] = {}
    if not isinstance(paths, Mapping):
        raise PolicyError([*problems, _not_guarding(_PATHS, paths)])
    for prefix, value in paths.items():
        place = f"{_PATHS}[{quoted(prefix)}]"
        if (problem := keyword_next_to(paths, prefix)) is not None:
            problems.append(problem)
            continue
        if (problem := problem_of_prefix(prefix, others=paths)) is not None:
            problems.append(problem)
        try:
            said, name = value[:2] if isinstance(value, Assignment) else (value, f"{host}{prefix}" if host else prefix)
            by_prefix[prefix] = Assignment(_read_one(said), name)
        except PolicyError as error:
            problems.extend(_within(place, error.problems))
    if problems:
        raise PolicyError(problems)
    return PathTable(by_prefix)


def _read_one(value: object) -> Guarding:
    if value is None or isinstance(value, Policy):
        return value
    if text_of(value) == UNGUARDED:
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
    Return a table that has UNCOVERED for the paths where handshakes are not judged. All readings of a path have to
    agree.

    Raises PolicyError for anything except one of the two words or a list of path prefixes.
    """
    if given in ("guard", "pass"):
        return PathTable({"/": _JUDGED if given == "guard" else UNCOVERED})
    if not isinstance(cast("object", given), list | tuple | set | frozenset):
        from .mistakes import websockets_meant

        fix = Fix(entries=([given],)) if problem_of_prefix(given) is None else websockets_meant(given)
        raise PolicyError([Problem.of("E805", _WEBSOCKETS, given, fix, kind=kind_of(given))])
    places = {f"{_WEBSOCKETS}[{number}]": prefix for number, prefix in enumerate(given)}
    problems = [problem_of_prefix(prefix, place) for place, prefix in places.items()]
    if any(problems):
        raise PolicyError([problem for problem in problems if problem is not None])
    return PathTable({"/": _JUDGED, **dict.fromkeys(given, UNCOVERED)})


def problem_of_prefix(prefix: object, field: str | None = None, others: Collection[object] = ()) -> Problem | None:
    """
    Return what is wrong with *prefix*, where a path prefix is meant, or None. *field* contains it, next to *others*.
    """
    if isinstance(prefix, str) and PATH_PREFIX.fullmatch(prefix):
        return None
    from .mistakes import nearest_prefix

    near = nearest_prefix(prefix if isinstance(prefix, str) else quoted(prefix))
    words = "every path" if near == "/" else "everything below it" if _EXPRESSION.search(str(prefix)) else ""
    if isinstance(prefix, str) and "." in prefix and key_of(prefix) is not None:
        words = 'write a host below "hosts": {"hosts": {...}}'
    fix = already_there(near) if near in others else Fix(entries=(near,), words=words)
    return Problem.of("E802", field or f"{_PATHS}[{quoted(prefix)}]", prefix, fix)


def problem_of_host(host: object, others: Iterable[str] = ()) -> Problem | None:
    """
    Return the problem of *host* if it is not a host key, or is one of *others*, or None.
    """
    field, key = f"{_HOSTS}[{quoted(host)}]", key_of(host) if isinstance(host, str) else None
    if key is not None:
        fix = Fix(removes=True, words="or remove the other one")
        return Problem.of("E809", field, host, fix, key=key) if key in others else None
    from .mistakes import nearest_host

    near = nearest_host(host) if isinstance(host, str) else None
    if near is None:
        fix = Fix(entries=("api.example.com",), otherwise=(OR_REMOVE_IT,))
    else:
        is_wider = near.startswith("*.") and not str(host).startswith("*.")
        fix = Fix(entries=(near,), words="every host below it" if is_wider else "")
    return Problem.of("E808", field, host, fix)


def _not_guarding(field: str, value: object) -> Problem:
    from .mistakes import guarding_meant

    level = {_HOSTS: "api.example.com", _PATHS: "/api"}.get(field)
    fix = Fix(entries=({level: _EXAMPLE},)) if level else guarding_meant(value, is_whole=bool(field))
    return Problem.of("E801", field, value, fix, kind=kind_of(value))


# Paths that can be read in several ways.

_ODD: Final = re.compile(r"//|\\|%[0-9A-Fa-f]{2}|/\.{1,2}(?:/|\Z)")


def _readings_of(path: str) -> Iterable[str] | None:
    """
    Return *path* and all other paths that another server, cache or router may read in it; None if it is too long.

    Each of these may decode it once or twice more, read a backslash as a slash, merge slashes, and resolve dot
    segments (RFC 3986, 5.2.4), in any order.
    """
    path = path if path.startswith("/") else f"/{path}"
    if not _ODD.search(path):
        return (path,)
    if len(path) > _LONGEST_READ:
        return None
    from urllib.parse import unquote

    readings = {path: None}
    # Repeating a step changes nothing, so three rounds reach every order. Decoding may come between any two steps, and
    # twice: cheroot decodes the path of every method except OPTIONS, and the application may decode it again.
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
    # After a dot segment at the end, the slash before it stays.
    return "/" + "/".join((*kept, "") if last in (".", "..") else kept)
