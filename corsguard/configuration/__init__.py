"""
Policies from a file that may have environments, or from environment variables.

The keys are the keywords of a policy. A file is always judged completely, with all its environments.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from corsguard.errors import PolicyError, Problem
from corsguard.fixes import PREFIX, Form, as_toml, dotted
from corsguard.policies import NAMELESS, UNGUARDED, Assignment, Paths, Policies
from corsguard.policy import Policy
from corsguard.protection import CrossOriginProtection
from corsguard.validation import DEFAULTS

from .layers import ENVIRONMENTS, HOSTS, PATHS, PROTECTION, Assigned, Sheet, no_such
from .layers import Change as Change
from .toml import parse_toml, read_toml
from .variables import read_variables

__all__ = ["Change", "Configuration"]


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """
    The content of a file, a mapping or environment variables, for one *environment*. It is accepted wherever a policy
    is.

    *policies* are all policies by name; a policy without a name is called `policy`. *paths* has a name, None or
    `"unguarded"` for each path prefix. *hosts* has the same for each host, or one for each path prefix of a host.
    *places* has the keys that lead to each policy. *changes* are those of the environment and of each `extends`.
    *protection* tells which requests may act, if it is configured. *refusal* is why the policies guard nothing, if they
    do not. `str()` writes everything as TOML, with each change as a comment next to its keyword. The *warnings* of its
    policies name file and key.
    """

    source: str
    environment: str | None
    is_production: bool
    policies: Mapping[str, Policy]
    paths: Mapping[str, Assigned] | None
    changes: tuple[Change, ...]
    protection: CrossOriginProtection | None = None
    hosts: Mapping[str, Assigned | Mapping[str, Assigned]] | None = None
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], repr=False)
    refusal: Problem | None = field(default=None, repr=False)

    @classmethod
    def from_file(cls, file: str | os.PathLike[str], environment: str | None = None) -> "Configuration":
        """
        Read the TOML *file*, for one *environment* if it has any.

        Raises PolicyError with the problems of all environments at once, not only of *environment*.
        """
        return _choose(cls.environments_of(file), environment, f"{os.fspath(file)}: ")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], environment: str | None = None) -> "Configuration":
        """
        Read *mapping*, which has the content of such a file, for one *environment* if it has any.

        Raises PolicyError with the problems of all environments at once.
        """
        return _choose(_read(mapping, "", "python"), environment, "")

    @classmethod
    def from_variables(cls, variables: Mapping[str, Any] | None = None, prefix: str = PREFIX) -> "Configuration":
        """
        Read environment *variables*, by default those of this process, for one policy. Their names are *prefix* and a
        keyword in capitals.

        Lists are written with commas. `allow_credentials` and `share_timing` are `true` or `false`, `max_age` is whole
        seconds or `none`, `allow_unsafe_origins` is a JSON object. A value that is not text is used unchanged. There is
        protection if there is one of its variables: *prefix* and `PROTECTION_MODE`, `PROTECTION_EXEMPT` or
        `PROTECTION_METHODS`.

        Raises PolicyError with every problem at once. A variable that begins with *prefix* and names no keyword is a
        problem, too.
        """
        policy, protection = read_variables(os.environ if variables is None else variables, prefix)
        return cls(
            source=f"{prefix}* variables",
            environment=None,
            is_production=False,
            policies=MappingProxyType({NAMELESS: policy}),
            paths=None,
            changes=(),
            protection=protection,
        )

    @classmethod
    def environments_of(cls, file: str | os.PathLike[str]) -> "dict[str | None, Configuration]":
        """
        Return the configuration of the TOML *file* for each of its environments. Without environments, the key is None.

        Raises PolicyError with the problems of all environments at once.
        """
        return _read(read_toml(file), os.fspath(file), "toml")

    @classmethod
    def environments_in(cls, text: str, source: str) -> "dict[str | None, Configuration]":
        """
        Return the same for a TOML *text*. Messages call it *source*.

        Raises PolicyError with the problems of all environments at once.
        """
        return _read(parse_toml(text, source), source, "toml")

    @property
    def guarded(self) -> Policies:
        """
        The policy that guards everything, or the policies by path or by host.

        Raises PolicyError if there are named policies, but no paths or hosts that say what they guard.
        """
        if self.refusal is not None:
            raise PolicyError([self.refusal])
        if self.hosts is not None:
            policies = Policies({HOSTS: {host: self._of_host(host, there) for host, there in self.hosts.items()}})
        elif self.paths is not None:
            policies = Policies({PATHS: {prefix: self._assigned(prefix, name) for prefix, name in self.paths.items()}})
        else:
            policies = Policies(self.policies[NAMELESS])
        # The object is new, so it may be changed here.
        policies.table.protection = self.protection
        return policies

    def _of_host(self, host: str, there: Assigned | Mapping[str, Assigned]) -> Assignment | Paths:
        if not isinstance(there, Mapping):
            return self._assigned(host, there)
        return {PATHS: {prefix: self._assigned(f"{host}{prefix}", name) for prefix, name in there.items()}}

    def _assigned(self, place: str, name: Assigned) -> Assignment:
        if name is None or name == UNGUARDED:
            return Assignment(None if name is None else UNGUARDED, place)
        return Assignment(self.policies[name], name)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """
        The warnings of all policies, including policies that no path and no host uses.
        """
        return tuple(warning for policy in self.policies.values() for warning in policy.warnings)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        place = f", environment {self.environment}" if self.environment else ""
        yield f"# {self.source or 'configuration'}{place}"
        changes: dict[tuple[str, str], list[Change]] = {}
        for change in self.changes:
            changes.setdefault((change.policy, change.keyword), []).append(change)
        for name, policy in self.policies.items():
            if self.places.get(name):
                yield from ("", f"[{dotted(self.places[name])}]")
            for keyword, default in DEFAULTS.items():
                value = getattr(policy, keyword)
                for change in changes.get((name, keyword), ()):
                    verb = "widens" if change.widens else "changes"
                    yield f"# {change.by} {verb} it: {as_toml(change.before)} -> {as_toml(change.after)}"
                if (name, keyword) in changes or value != default:
                    yield f"{keyword} = {as_toml(value)}"
        if not self.policies and self.paths is None and self.hosts is None:
            yield from ("", "[policies]")
        for keys, assigned in self._tables():
            yield from ("", f"[{dotted(keys)}]")
            # A policy that is written at its path or host is already in the output.
            named = ((key, name) for key, name in assigned.items() if self.places.get(name or "") != (*keys, key))
            yield from (f"{as_toml(key)} = {as_toml(name)}" for key, name in named)
        if self.protection is not None:
            keywords = {name: getattr(self.protection, name) for name in ("mode", "exempt", "methods")}
            yield from ("", f"[{PROTECTION}]", *(f"{name} = {as_toml(value)}" for name, value in keywords.items()))

    def _tables(self) -> Iterator[tuple[tuple[str, ...], dict[str, Assigned]]]:
        """
        Yield each table that assigns policies to paths or hosts, with the keys that lead there.
        """
        if self.paths is not None:
            yield (PATHS,), dict(self.paths)
        if self.hosts is not None:
            yield (HOSTS,), {host: there for host, there in self.hosts.items() if not isinstance(there, Mapping)}
            for host, there in self.hosts.items():
                if isinstance(there, Mapping):
                    yield (HOSTS, host, PATHS), dict(there)


def _read(mapping: Mapping[str, Any], source: str, form: Form) -> dict[str | None, Configuration]:
    sheet = Sheet(mapping, source, form)
    return {
        environment: Configuration(
            source=source,
            environment=environment,
            is_production=environment in sheet.production,
            policies=MappingProxyType(policies),
            paths=None if sheet.paths is None else MappingProxyType(sheet.paths),
            changes=tuple(sheet.changes(environment)),
            protection=sheet.protection(environment),
            hosts=None if sheet.hosts is None else MappingProxyType(sheet.hosts),
            places=MappingProxyType(sheet.places),
            refusal=sheet.refusal(policies),
        )
        for environment, policies in sheet.environments().items()
    }


def _choose(environments: Mapping[str | None, Configuration], environment: str | None, source: str) -> Configuration:
    if environment in environments:
        return environments[environment]
    names = [name for name in environments if name is not None]
    raise PolicyError([no_such(f"{source}{ENVIRONMENTS}", environment, "an environment", names)])
