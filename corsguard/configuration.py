"""
Policies from where teams keep them: a file that has environments, or environment variables.

What stands there are the policy's own keywords. An environment says only what it changes, and so does a policy that
extends another; every change is kept, and shown by `str()`. A file is judged whole, each environment of it, whichever
is asked for. This room finds out who says which keyword; what a keyword may say, `Policy` alone decides.
"""

import json
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from .errors import PolicyError, Problem, kind_of, printable, quoted, quoted_list
from .names import EXAMPLE_ORIGIN, permits_header, permits_method, permits_reading
from .origin import OriginIndex, OriginPattern, pattern_of
from .paths import PathPolicies
from .policy import Policy
from .validation import DEFAULTS

_LISTS: Final = ("allow_origins", "allow_methods", "allow_headers", "expose_headers")
_WHO: Final = ("allow_origins", "allow_unsafe_origins")

_POLICIES: Final = "policies"
_PATHS: Final = "paths"
_ENVIRONMENTS: Final = "environments"
_EXTENDS: Final = "extends"
_PRODUCTION: Final = "production"
_SHAPE: Final = (_POLICIES, _PATHS, _ENVIRONMENTS)
# The name of the one policy of a configuration that has no names.
_NAMELESS: Final = "policy"
_PERMITS: Final[Mapping[str, Callable[[Collection[str], str], bool]]] = {
    "allow_methods": permits_method,
    "allow_headers": permits_header,
    "expose_headers": permits_reading,
}
# What neither TOML nor a variable has a word for.
_NONE: Final = "none"
_PREFIX: Final = "CORSGUARD_"

_POLICY_EXAMPLE: Final = f'{{"allow_origins": ["{EXAMPLE_ORIGIN}"]}}'
_POLICIES_EXAMPLE: Final = f'{{"app": {_POLICY_EXAMPLE}}}'
_REASON: Final = "with your reason: "

_Place = tuple[str, ...]
_Said = dict[str, tuple[Any, _Place]]
# Puts a keyword (empty: an entry of a list) and its value into the words of wherever they have to be pasted.
_Words = Callable[[str, object], str]


class Change(NamedTuple):
    """
    One keyword of *policy* that *by*, an environment or an `extends`, changes.

    It *widens* what is shared if there is an origin, method, header or credential that *before* does not cover.
    """

    policy: str
    keyword: str
    before: object
    after: object
    by: str
    widens: bool


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """
    What a file, a mapping or environment variables say, for one *environment*. It stands wherever a policy does.

    *policies* are all policies by name (`policy` where there is one without a name), *paths* the name, or None, for
    each path prefix; *changes* is what the environment and each `extends` change. `str()` writes the whole as TOML,
    each change as a comment beside its keyword. The *warnings* of its policies name file and key.
    """

    source: str
    environment: str | None
    is_production: bool
    policies: Mapping[str, Policy]
    paths: Mapping[str, str | None] | None
    changes: tuple[Change, ...]
    _refusal: Problem | None = field(default=None, repr=False)

    @classmethod
    def from_file(cls, file: str | os.PathLike[str], environment: str | None = None) -> "Configuration":
        """
        Read the TOML *file*, for one *environment* if it has any.

        Raises PolicyError with every problem of every environment at once, whichever is asked for.
        """
        return _choose(cls.environments_of(file), environment, f"{os.fspath(file)}: ")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], environment: str | None = None) -> "Configuration":
        """
        Read *mapping*, which says what a file would say, for one *environment* if it has any.

        Raises PolicyError with every problem of every environment at once.
        """
        return _choose(_Sheet(mapping, "", _in_python).environments(), environment, "")

    @classmethod
    def from_variables(cls, variables: Mapping[str, Any] | None = None, prefix: str = _PREFIX) -> "Configuration":
        """
        Read environment *variables*, those of this process if None: *prefix* and a keyword in capitals, for one policy.

        Lists are written with commas; `allow_credentials` is `true` or `false`, `max_age` whole seconds or `none`,
        `allow_unsafe_origins` an object of JSON. What is not text is taken as it is.

        Raises PolicyError with every problem at once; a variable that begins with *prefix* and names no keyword is
        one.
        """
        policy = _read_variables(os.environ if variables is None else variables, prefix)
        return cls(
            source=f"{prefix}* variables",
            environment=None,
            is_production=False,
            policies=MappingProxyType({_NAMELESS: policy}),
            paths=None,
            changes=(),
        )

    @classmethod
    def environments_of(cls, file: str | os.PathLike[str]) -> "dict[str | None, Configuration]":
        """
        Return what the TOML *file* says for each of its environments; for None, if it has none.

        Raises PolicyError with every problem of every environment at once.
        """
        return _Sheet(_read_toml(file), os.fspath(file), _in_toml).environments()

    @property
    def guarded(self) -> Policy | PathPolicies:
        """
        The policy that guards everything, or the policies by path.

        Raises PolicyError if there are policies with names, and no paths that say what they guard.
        """
        if self._refusal is not None:
            raise PolicyError([self._refusal])
        if self.paths is None:
            return self.policies[_NAMELESS]
        return PathPolicies({prefix: self.policies[name] if name else None for prefix, name in self.paths.items()})

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """
        The warnings of all policies, those that no path leads to included.
        """
        return tuple(warning for policy in self.policies.values() for warning in policy.warnings)

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        place = f", environment {self.environment}" if self.environment else ""
        yield f"# {self.source or 'configuration'}{place}"
        for name, policy in self.policies.items():
            if self.paths is not None or self._refusal is not None:
                yield from ("", f"[{_dotted((_PATHS if name.startswith('/') else _POLICIES, name))}]")
            for keyword, default in DEFAULTS.items():
                value = getattr(policy, keyword)
                changes = [change for change in self.changes if (change.policy, change.keyword) == (name, keyword)]
                for change in changes:
                    verb = "widens" if change.widens else "changes"
                    yield f"# {change.by} {verb} it: {_toml(change.before)} -> {_toml(change.after)}"
                if changes or value != default:
                    yield f"{keyword} = {_toml(value)}"
        if self.paths is not None:
            yield from ("", f"[{_PATHS}]")
            yield from (f"{_toml(path)} = {_toml(name)}" for path, name in self.paths.items() if path != name)


def _choose(environments: Mapping[str | None, Configuration], environment: str | None, source: str) -> Configuration:
    if environment in environments:
        return environments[environment]
    names = [name for name in environments if name is not None]
    raise PolicyError([_no_such(f"{source}{_ENVIRONMENTS}", environment, "an environment", names, _in_python)])


# What a file or a mapping says.


class _Sheet:
    """
    One reading of a configuration: who says what, and all that is wrong with it.

    *own* is what each policy says itself, *overrides* what each environment says of it instead.
    """

    def __init__(self, mapping: object, source: str, words: _Words) -> None:
        self.source = source
        self.words = words
        self.problems: dict[Problem, None] = {}
        self.places: dict[str, _Place] = {}
        self.own: dict[str, dict[str, Any]] = {}
        self.extends: dict[str, Any] = {}
        self.orphans: set[str] = set()
        self.paths: dict[str, str | None] | None = None
        self.overrides: dict[str, dict[str, dict[str, Any]]] = {}
        self.production: set[str] = set()
        root = self.known((), self.table((), mapping, _POLICY_EXAMPLE), _SHAPE)
        environments = root.pop(_ENVIRONMENTS, {})
        self.is_named = _POLICIES in root or _PATHS in root
        if self.is_named:
            self.read_named(root)
        else:
            self.own[_NAMELESS], self.places[_NAMELESS] = root, ()
        self.read_environments(environments)

    def field(self, place: _Place) -> str:
        return printable(f"{self.source}: {_dotted(place)}" if self.source else _dotted(place))

    def refuse(self, code: str, place: _Place, value: object, meant: str, **details: object) -> None:
        problem = Problem.of(code, self.field(place), value, meant=_reworded(meant, self.words), **details)
        self.problems[problem] = None

    # What it says, and where

    def table(self, place: _Place, value: object, meant: str) -> dict[Any, Any]:
        if isinstance(value, Mapping):
            return dict(value)
        self.refuse("E813", place, value, meant, kind=kind_of(value), what="a table of keys and values")
        return {}

    def named_tables(self, key: str, value: object, meant: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, table in self.table((key,), value, meant).items():
            if not isinstance(name, str) or not name.strip() or name == _NONE or name.startswith("/"):
                what = f'a name (not empty, not "{_NONE}", no / at its beginning)'
                self.refuse("E813", (key,), name, '"app"', kind=kind_of(name), what=what)
            else:
                yield name, self.table((key, name), table, _POLICY_EXAMPLE)

    def known(self, place: _Place, table: dict[str, Any], shape: tuple[str, ...]) -> dict[str, Any]:
        """
        Return *table* with the keys of its *shape* spelled rightly; what is no such key is left for the policy.
        """
        if table.get("max_age") == _NONE:
            table["max_age"] = None
        for key in [key for key in table if key not in shape and key not in DEFAULTS]:
            near = _nearest(str(key), (*shape, *DEFAULTS))
            if near in shape:
                self.refuse("E812", (*place, str(key)), key, near)
                table.setdefault(near, table.pop(key))
        return table

    def only(self, place: _Place, table: dict[str, Any], shape: tuple[str, ...]) -> None:
        for key in [key for key in table if key not in shape]:
            meant = f"one of {', '.join(shape)}"
            if key in self.own:
                meant = _dotted((_POLICIES, key))
            elif key in DEFAULTS and self.own:
                meant = _dotted((_POLICIES, next(iter(self.own)), key))
            self.refuse("E812", (*place, str(key)), key, meant)

    def read_named(self, root: dict[str, Any]) -> None:
        for name, table in self.named_tables(_POLICIES, root.get(_POLICIES, {}), _POLICIES_EXAMPLE):
            self.read_policy(name, (_POLICIES, name), table)
        if _PATHS in root:
            self.read_paths(root[_PATHS])
        self.read_extends()
        self.only((), root, _SHAPE)

    def read_policy(self, name: str, place: _Place, table: dict[str, Any]) -> None:
        self.own[name], self.places[name] = self.known(place, table, (_EXTENDS,)), place
        if _EXTENDS in table:
            self.extends[name] = table.pop(_EXTENDS)

    def read_paths(self, value: object) -> None:
        self.paths = {}
        for prefix, there in self.table((_PATHS,), value, '{"/api": "app"}').items():
            place = (_PATHS, str(prefix))
            try:
                PathPolicies({prefix: None})
            except PolicyError as error:
                self.problems |= dict.fromkeys(problem._replace(field=self.field(place)) for problem in error.problems)
            if isinstance(there, Mapping):
                # Whoever writes a policy where its path is has named it by that.
                self.read_policy(prefix, place, dict(there))
                self.paths[prefix] = prefix
            elif there is None or there == _NONE:
                self.paths[prefix] = None
            elif not isinstance(there, str):
                what = f'the name of a policy, a table of its keywords, or "{_NONE}"'
                self.refuse("E813", place, there, f'"{_NONE}"', kind=kind_of(there), what=what)
            elif self.names(place, there, "a policy", self.own):
                self.paths[prefix] = there

    def read_extends(self) -> None:
        for name, parent in [*self.extends.items()]:
            place = (*self.places[name], _EXTENDS)
            if not isinstance(parent, str):
                self.refuse("E813", place, parent, '"app"', kind=kind_of(parent), what="the name of a policy")
            elif self.names(place, parent, "a policy", self.own):
                continue
            self.disown(name)
        for name in [*self.extends]:
            chain = [name]
            while chain[-1] in self.extends and chain.count(chain[-1]) == 1:
                chain.append(self.extends[chain[-1]])
            if len(chain) > 1 and chain[-1] == name:
                place = (*self.places[name], _EXTENDS)
                self.refuse("E815", place, name, f"take {_EXTENDS} out of {name}", chain=" -> ".join(chain))
                self.disown(name)

    def disown(self, name: str) -> None:
        del self.extends[name]
        self.orphans.add(name)

    def is_orphan(self, name: str) -> bool:
        return name in self.orphans or (name in self.extends and self.is_orphan(self.extends[name]))

    def read_environments(self, value: object) -> None:
        for environment, table in self.named_tables(_ENVIRONMENTS, value, '{"production": {}}'):
            place = (_ENVIRONMENTS, environment)
            shape = (_POLICIES, _PRODUCTION) if self.is_named else (_PRODUCTION,)
            said = self.known(place, table, shape)
            is_production = said.pop(_PRODUCTION, environment.lower().startswith("prod"))
            if not isinstance(is_production, bool):
                what = "true or false"
                self.refuse(
                    "E813", (*place, _PRODUCTION), is_production, "True", kind=kind_of(is_production), what=what
                )
            if is_production:
                self.production.add(environment)
            self.overrides[environment] = {}
            if not self.is_named:
                self.overrides[environment][_NAMELESS] = said
                continue
            self.only(place, said, shape)
            policies = self.table((*place, _POLICIES), said.get(_POLICIES, {}), _POLICIES_EXAMPLE)
            for name, keywords in policies.items():
                within = (*place, _POLICIES, str(name))
                if self.names(within, name, "a policy", self.own):
                    instead = self.table(within, keywords, _POLICY_EXAMPLE)
                    self.overrides[environment][name] = self.known(within, instead, ())

    def names(self, place: _Place, name: str, what: str, there: Iterable[str]) -> bool:
        if name in there:
            return True
        self.problems[_no_such(self.field(place), name, what, [*there], self.words)] = None
        return False

    # What follows from it

    def environments(self) -> dict[str | None, Configuration]:
        """
        Return the configuration of each environment, or that of None if there are none.

        Raises PolicyError with every problem of all of them.
        """
        alone = self.policies(None)
        policies: dict[str | None, dict[str, Policy]] = {name: self.policies(name) for name in self.overrides}
        if self.problems:
            raise PolicyError(self.problems)
        return {name: self.configuration(name, built) for name, built in (policies or {None: alone}).items()}

    def place(self, name: str, environment: str | None) -> _Place:
        if environment is None:
            return self.places[name]
        return (_ENVIRONMENTS, environment, *((_POLICIES, name) if self.is_named else ()))

    def said(self, name: str, environment: str | None) -> _Said:
        """
        Return what counts for policy *name*: each keyword's value, and the place that has the last word on it.
        """
        parent = self.extends.get(name)
        said = self.said(parent, environment) if parent is not None else {}
        last = [(self.own[name], self.places[name])]
        if environment is not None:
            last.append((self.overrides[environment].get(name, {}), self.place(name, environment)))
        for keywords, place in last:
            for keyword, value in keywords.items():
                said[keyword] = (value, place)
        return said

    def policies(self, environment: str | None) -> dict[str, Policy]:
        return {name: policy for name in self.own if (policy := self.policy(name, environment)) is not None}

    def policy(self, name: str, environment: str | None) -> Policy | None:
        said = self.said(name, environment)
        try:
            policy = Policy.from_mapping({keyword: value for keyword, (value, _) in said.items()})
        except PolicyError as error:
            for problem in error.problems:
                # Each environment may give its own origins, and what should have come from elsewhere is missed there.
                if problem.code != "E101" or (not self.is_orphan(name) and (environment or not self.overrides)):
                    self.add(problem, name, environment, said)
            return None
        warnings = [self.located(warning, name, environment, said) for warning in policy.warnings]
        return _with_warnings(policy, warnings)

    def located(self, problem: Problem, name: str, environment: str | None, said: _Said) -> Problem:
        """
        Return *problem* with the key that it stands at, and its fix in the words of the file.
        """
        _, place = said.get(problem.field, (None, self.place(name, environment)))
        where = self.field((*place, problem.field))
        return problem._replace(field=where, fix=_reworded(problem.fix, self.words))

    def add(self, problem: Problem, name: str, environment: str | None, said: _Said) -> None:
        found = self.located(problem, name, environment, said)
        # What the base says wrongly is said once; what is wrong with it under one environment only names that.
        if found not in self.problems:
            if environment is not None and problem.field in said and said[problem.field][1][:1] != (_ENVIRONMENTS,):
                found = found._replace(message=f"{found.message} (In the environment {printable(environment)}.)")
            self.problems[found] = None

    def configuration(self, environment: str | None, policies: dict[str, Policy]) -> Configuration:
        is_production = environment in self.production
        if is_production:
            policies = {name: self.in_production(name, environment, policies) for name in policies}
        refusal = None
        if self.is_named and self.paths is None:
            meant = f'{_PATHS}={{"/": {quoted(next(iter(policies), "app"))}}}'
            named = ", ".join(policies)
            refusal = Problem.of("E818", self.field((_PATHS,)), None, names=named, meant=_reworded(meant, self.words))
        return Configuration(
            source=self.source,
            environment=environment,
            is_production=is_production,
            policies=MappingProxyType(policies),
            paths=None if self.paths is None else MappingProxyType(self.paths),
            changes=tuple(self.changes(environment)),
            _refusal=refusal,
        )

    def in_production(self, name: str, environment: str | None, policies: Mapping[str, Policy]) -> Policy:
        """
        Return policy *name* with the warnings that production adds.
        """
        policy, said = policies[name], self.said(name, environment)
        found = [self.located(problem, name, environment, said) for problem in _smells_in_production(name, policies)]
        instead = {problem.value for problem in found}
        kept = [old for old in policy.warnings if old.code not in {"W103", "W104", "W106"} or old.value not in instead]
        return _with_warnings(policy, [*kept, *found])

    def changes(self, environment: str | None) -> Iterator[Change]:
        for name in self.own:
            parent = self.extends.get(name)
            if parent is not None:
                inherited = self.said(parent, environment)
                own = inherited | {keyword: (value, ()) for keyword, value in self.own[name].items()}
                yield from _changes(name, inherited, own, f"{_EXTENDS} {parent}")
            if environment is not None:
                yield from _changes(name, self.said(name, None), self.said(name, environment))


def _changes(name: str, before: _Said, after: _Said, by: str = "") -> Iterator[Change]:
    old = {keyword: _settled(before.get(keyword, (default,))[0]) for keyword, default in DEFAULTS.items()}
    new = {keyword: _settled(after.get(keyword, (default,))[0]) for keyword, default in DEFAULTS.items()}
    for keyword in DEFAULTS:
        if old[keyword] != new[keyword]:
            widens = _widens(keyword, old, new[keyword])
            yield Change(name, keyword, old[keyword], new[keyword], by or _dotted(after[keyword][1]), widens)


def _settled(value: Any) -> Any:  # noqa: ANN401 - what a keyword may say
    if isinstance(value, set | frozenset):
        return tuple(sorted(value))
    return tuple(value) if isinstance(value, list) else value


def _widens(keyword: str, before: Mapping[str, Any], after: Any) -> bool:  # noqa: ANN401 - what a keyword may say
    """
    Return whether *after*, said by *keyword*, covers what nothing in *before* does.
    """
    if keyword == "allow_credentials":
        return after is True
    if keyword in _WHO:
        return _widens_origins(before, after)
    if keyword not in _PERMITS:
        return False
    spelled = str if keyword == "allow_methods" else str.lower
    there, new = {*map(spelled, before[keyword])}, {*map(spelled, after)}
    # What was listed is not asked about, so this is linear: the first other name that is not permitted ends it.
    return not all(_PERMITS[keyword](there, name) for name in new - there)


def _widens_origins(before: Mapping[str, Any], after: Any) -> bool:  # noqa: ANN401 - what a keyword may say
    listed = before["allow_origins"]
    if listed == "*":
        return False
    if after == "*" or not all(isinstance(value, tuple | Mapping) for value in (listed, after)):
        # What an origin source covers, nobody knows beforehand.
        return True
    there = {*listed, *before["allow_unsafe_origins"]}
    index = OriginIndex(pattern for text in there if (pattern := pattern_of(text)) and not pattern.is_exact)
    for text in {*after} - there:
        pattern = pattern_of(text)
        if pattern is None or not all(any(index.patterns_for(sample)) for sample in pattern.samples()):
            return True
    return False


def _smells_in_production(name: str, policies: Mapping[str, Policy]) -> Iterator[Problem]:
    policy = policies[name]
    listed: tuple[str, ...] = policy.allow_origins if isinstance(policy.allow_origins, tuple) else ()
    for text in listed:
        pattern = OriginPattern.parse(text)
        if pattern.is_loopback and pattern.scheme in {"http", "https"}:
            rest = (other for other in listed if other != text)
            meant = quoted_list(rest, len(listed) - 1) if len(listed) > 1 else quoted([EXAMPLE_ORIGIN])
            yield Problem.of("W401", "allow_origins", text, meant=meant)
        elif pattern.scheme == "http":
            yield Problem.of("W402", "allow_origins", text, cause="", meant=quoted(text.replace("http:", "https:", 1)))
    for text, reason in policy.allow_unsafe_origins.items():
        if text.startswith("http:"):
            cause = f" It is accepted because: {quoted(reason)}."
            meant = quoted(text.replace("http:", "https:", 1))
            yield Problem.of("W402", "allow_unsafe_origins", text, cause=cause, meant=meant)
    others = [quoted(other) for other, beside in policies.items() if beside.allow_credentials]
    if policy.allow_origins == "*" and others:
        yield Problem.of("W403", "allow_origins", "*", others=", ".join(others), meant=quoted([EXAMPLE_ORIGIN]))


def _with_warnings(policy: Policy, warnings: Iterable[Problem]) -> Policy:
    # The policy is nobody else's yet.
    object.__setattr__(policy, "warnings", tuple(warnings))
    return policy


def _no_such(place: str, value: object, what: str, names: list[str], words: _Words) -> Problem:
    near = _nearest(value, names) if isinstance(value, str) else None
    meant = words("", near) if near else f"one of {', '.join(names)}" if names else words("", None)
    there = f"there {'is' if len(names) == 1 else 'are'} {', '.join(names)}" if names else "there is none"
    return Problem.of("E814", place, value, what=what, there=there, meant=meant)


def _nearest(name: str, names: Iterable[str]) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, names, n=1, cutoff=0.7)), None)


# A file.


def _read_toml(file: str | os.PathLike[str]) -> dict[str, Any]:
    import tomllib
    from pathlib import Path

    path = os.fspath(file)
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        there = "" if Path(path).is_absolute() else f" in {Path.cwd()}"
        raise _unreadable(path, f"{cause}{there}", 'Path(__file__).with_name("cors.toml")') from None
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _unreadable(
            path, "it begins with a byte order mark (line 1, column 1)", "save it as UTF-8 without a mark"
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        cause = f"it is not UTF-8 ({_position(content[: error.start].decode())})"
        raise _unreadable(path, cause, "save it as UTF-8") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = str(error).replace("at end of document", _position(text)).replace("(at line", "(line")
        fix = f'allow_origins = ["{EXAMPLE_ORIGIN}"]  # a key, `=` and a value; quote a key such as "/api"'
        raise _unreadable(path, f"it is not TOML: {told}", fix) from None
    except (ValueError, RecursionError):
        raise _unreadable(path, "it has a number too long, or tables too deep, to be read", "take it out") from None


def _position(text: str) -> str:
    return f"line {text.count(chr(10)) + 1}, column {len(text) - text.rfind(chr(10))}"


def _unreadable(path: str, cause: str, meant: str) -> PolicyError:
    return PolicyError([Problem.of("E811", path, path, cause=cause, meant=meant)])


# Environment variables.


def _read_variables(variables: Mapping[str, Any], prefix: str) -> Policy:
    names = {f"{prefix}{keyword.upper()}": keyword for keyword in DEFAULTS}
    wherever = re.compile(re.escape(prefix.rstrip("_")) + "_", re.IGNORECASE)
    problems: list[Problem] = []
    said: dict[str, Any] = {}

    def in_variables(keyword: str, value: object) -> str:
        return f"{prefix}{keyword.upper()}={_as_text(value)}" if keyword else _as_text(value)

    for name, value in variables.items():
        if not wherever.match(name):
            continue
        near = name if name in names else _nearest(name.upper(), names)
        if near != name:
            problems.append(Problem.of("E817", name, name, meant=near or f"one of {', '.join(names)}"))
        if near is None:
            continue
        entries = value.split(",") if isinstance(value, str) and names[near] in _LISTS else [value]
        if any(isinstance(entry, str) and not entry.strip() for entry in entries):
            rest = ",".join(entry.strip() for entry in entries if entry.strip())
            meant = f"{near}={rest}" if rest else _instead_of_nothing(near, names[near])
            problems.append(Problem.of("E816", near, value, meant=meant))
        else:
            said.setdefault(names[near], _read_text(names[near], value))
    try:
        policy = Policy.from_mapping(said)
    except PolicyError as error:
        # Who misspelled a variable has given what is missed.
        missed = [problem for problem in error.problems if problem.code != "E101" or not problems]
        raise PolicyError([*problems, *(_of_variable(problem, prefix, in_variables) for problem in missed)]) from None
    if problems:
        raise PolicyError(problems)
    return _with_warnings(policy, [_of_variable(warning, prefix, in_variables) for warning in policy.warnings])


def _of_variable(problem: Problem, prefix: str, words: _Words) -> Problem:
    return problem._replace(field=f"{prefix}{problem.field.upper()}", fix=_reworded(problem.fix, words))


def _instead_of_nothing(name: str, keyword: str) -> str:
    return f"{name}={EXAMPLE_ORIGIN}" if keyword == "allow_origins" else f"unset {name}"


def _read_text(keyword: str, value: object) -> object:
    """
    Return what the text of a variable means for *keyword*; what means nothing there is left for the policy to refuse.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if keyword in _LISTS:
        return "*" if text == "*" else [entry.strip() for entry in text.split(",")]
    if keyword == "allow_credentials":
        return {"true": True, "false": False}.get(text, text)
    if keyword == "allow_unsafe_origins":
        with suppress(ValueError, RecursionError):
            return json.loads(text)
        return text
    if keyword == "max_age" and text == _NONE:
        return None
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text


# How a fix is written where it has to be pasted.


def _reworded(fix: str, words: _Words) -> str:
    """
    Return *fix*, which is written in Python, in other *words*; what is no literal of Python stays as it is.
    """
    if words is _in_python:
        return fix
    import ast

    code, mark, comment = fix.partition("  # ")
    alternative = comment.partition(_REASON)
    if alternative[2]:
        comment = f"{alternative[0]}{_REASON}{_reworded(alternative[2], words)}"
    try:
        call = ast.parse(f"f({code})", mode="eval").body
        if not isinstance(call, ast.Call):  # pragma: no cover - no fix is written so; the type checker cannot know
            return fix
        written = [words("", ast.literal_eval(argument)) for argument in call.args]
        written += [words(keyword.arg or "", ast.literal_eval(keyword.value)) for keyword in call.keywords]
    except (SyntaxError, ValueError):
        return fix
    return "\n".join(map(printable, written)) + mark + printable(comment)


def _in_python(keyword: str, value: object) -> str:
    return f"{keyword}={quoted(value)}" if keyword else quoted(value)


def _in_toml(keyword: str, value: object) -> str:
    return f"{keyword} = {_toml(value)}" if keyword else _toml(value)


def _as_text(value: object) -> str:
    if isinstance(value, Mapping):
        from shlex import quote

        return quote(json.dumps(dict(value)))
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return "{ " + ", ".join(f"{_key(str(key))} = {_toml(there)}" for key, there in value.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if value is None:
        return f'"{_NONE}"'
    if isinstance(value, bool):
        return str(value).lower()
    # TOML, "Basic string": what JSON escapes, and DEL, which has no shape either.
    return printable(json.dumps(value, ensure_ascii=False)) if isinstance(value, str) else str(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _dotted(place: _Place) -> str:
    return ".".join(map(_key, place))
