"""
Which policy guards which path, and how a configuration says so.

Every adapter takes one policy for all it serves, or a mapping from path prefix to policy; this room reads both, from
objects or from plain data, and looks paths up. A path is taken as the server decoded it and never decoded again.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol, runtime_checkable

from .errors import PolicyError, Problem, kind_of, quoted
from .policy import Policy

_PATHS: Final = "paths"
# What stands for something else in a router, a URL or a regular expression; a path is decoded and taken as it is.
_NOT_LITERAL: Final = r"[*?#<>^$|{}\[\]%]"
_EXAMPLE: Final = '{"allow_origins": ["https://app.example.com"]}'
_PATHS_EXAMPLE: Final = f'{{"paths": {{"/api": {_EXAMPLE}, "/admin": None}}}}'


class PathPolicies:
    """
    An immutable mapping from path prefix to policy, or None for a prefix that shares nothing.

    The longest prefix of whole segments wins: `/api` covers `/api`, `/api/` and `/api/x`, not `/apiary`.

    Raises PolicyError for keys that are no path prefixes.
    """

    __slots__ = ("_root", "policies")

    def __init__(self, policies: Mapping[str, Policy | None]) -> None:
        problems = [_no_prefix(prefix) for prefix in policies if not _is_prefix(prefix)]
        if problems:
            raise PolicyError(problems)
        self.policies = tuple(policy for policy in policies.values() if policy is not None)
        self._root = _Segment()
        for prefix, policy in policies.items():
            place = self._root
            for segment in prefix.split("/")[1:] if prefix != "/" else ():
                place = place.below.setdefault(segment, _Segment())
            place.policies = (policy,)

    def policy_for(self, path: str) -> Policy | None:
        """
        Return the policy of *path*, or None.

        A path that a router and this mapping might read differently (`.`, `..`, a backslash, an empty segment other
        than after a trailing slash, no leading slash) has none.
        """
        first, *segments = (path or "/").split("/")
        if first or "\\" in path or "." in segments or ".." in segments or "" in segments[:-1]:
            return None
        place = self._root
        found = place.policies
        for segment in segments:
            following = place.below.get(segment)
            if following is None:
                break
            place = following
            found = place.policies or found
        return found[0] if found else None


class _Segment:
    """
    One segment of the prefixes; *policies* holds the policy of the prefix that ends here, if one does.
    """

    __slots__ = ("below", "policies")

    def __init__(self) -> None:
        self.below: dict[str, _Segment] = {}
        self.policies: tuple[Policy | None, ...] = ()


@runtime_checkable
class Configured(Protocol):
    """
    What says itself what is guarded by which policy, such as a Configuration.
    """

    @property
    def guarded(self) -> Policy | PathPolicies: ...


# What an adapter takes: a policy, its keywords, or a mapping from path prefix to either of these or None.
Guarded = Policy | PathPolicies | Configured | Mapping[str, Any]


def read_guarded(guarded: Guarded) -> Policy | PathPolicies:
    """
    Return what *guarded* says: one policy for everything, or policies by path.

    It is a Policy, a mapping of a policy's keywords, a mapping from path prefix (`/` first) to Policy, keywords or
    None, `{"paths": ...}` around the latter, a Configuration, or what this function returned. Nothing is inherited
    from one path to another.

    Raises PolicyError with every problem of every policy at once.
    """
    if isinstance(guarded, Policy | PathPolicies):
        return guarded
    if isinstance(guarded, Configured):
        return guarded.guarded
    if not isinstance(guarded, Mapping):
        raise PolicyError([_not_guarded("policy", guarded)])
    if _PATHS in guarded:
        beside = [Problem.of("E803", str(key), key, meant=_PATHS_EXAMPLE) for key in guarded if key != _PATHS]
        return _read_paths(guarded[_PATHS], beside)
    if any("/" in str(key) for key in guarded):
        return _read_paths(guarded, [])
    return Policy.from_mapping(guarded)


def policies_of(guarded: Policy | PathPolicies | None) -> tuple[Policy, ...]:
    """
    Return all policies in *guarded*.
    """
    if guarded is None:
        return ()
    return (guarded,) if isinstance(guarded, Policy) else guarded.policies


def _read_paths(paths: object, problems: list[Problem]) -> PathPolicies:
    policies: dict[str, Policy | None] = {}
    if not isinstance(paths, Mapping):
        raise PolicyError([*problems, _not_guarded(_PATHS, paths)])
    for prefix, value in paths.items():
        place = f"{_PATHS}[{quoted(prefix)}]"
        if not _is_prefix(prefix):
            problems.append(_no_prefix(prefix))
        try:
            policies[prefix] = _read_one(value)
        except PolicyError as error:
            problems.extend(_within(place, error.problems))
    if problems:
        raise PolicyError(problems)
    return PathPolicies(policies)


def _no_prefix(prefix: object) -> Problem:
    text = prefix if isinstance(prefix, str) else quoted(prefix)
    return Problem.of("E802", f"{_PATHS}[{quoted(prefix)}]", prefix, meant=quoted(_nearest_prefix(text)))


def _read_one(value: object) -> Policy | None:
    if value is None or isinstance(value, Policy):
        return value
    if isinstance(value, Mapping):
        return Policy.from_mapping(value)
    raise PolicyError([_not_guarded("", value)])


def _within(place: str, problems: tuple[Problem, ...]) -> Iterator[Problem]:
    for problem in problems:
        field = f"{place}.{problem.field}" if problem.field else place
        yield problem._replace(field=field)


def _is_prefix(prefix: object) -> bool:
    return isinstance(prefix, str) and (prefix == "/" or prefix == _nearest_prefix(prefix))


def _nearest_prefix(prefix: str) -> str:
    from urllib.parse import unquote

    path = re.split(r"[?#]", prefix.replace("\\", "/").replace("^", "").replace("$", ""))[0]
    literal = re.split(_NOT_LITERAL, unquote(path))
    # A segment that is literal in part only is left out, but the first one: `/` in place of `/api*` would open all.
    cut = literal[0] if len(literal) == 1 else literal[0].rpartition("/")[0] or literal[0].rstrip(".")
    return "/" + "/".join(x for x in cut.split("/") if x not in ("", ".", ".."))


def _not_guarded(field: str, value: object) -> Problem:
    return Problem.of("E801", field, value, kind=kind_of(value), meant=_EXAMPLE)
