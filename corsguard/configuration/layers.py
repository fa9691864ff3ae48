"""
Where the value of each keyword comes from: a policy, the policy that it extends, or an environment.

A policy that extends another has only its changes, and so has an environment. All changes are recorded. All
environments are judged, not only the one that is used. Only `Policy` decides which values a keyword may have.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple, cast

from corsguard.audience import OriginIndex, is_plain_http
from corsguard.errors import PolicyError, Problem
from corsguard.fixes import NO_FIX, NONE, OR_REMOVE_IT, Fix, Form, already_there, dotted
from corsguard.hosts import key_of
from corsguard.mistakes import nearest_name
from corsguard.names import EXAMPLE_ORIGIN, permits_header, permits_method, permits_reading
from corsguard.origin import OriginPattern, pattern_of
from corsguard.policies import NAMELESS, UNGUARDED, keyword_next_to, not_next_to, problem_of_host, problem_of_prefix
from corsguard.policy import Policy
from corsguard.protection import CrossOriginProtection
from corsguard.quoting import kind_of, printable, quoted, text_of
from corsguard.validation import DEFAULTS, fix_of_duplicate, keyword_meant_by, written_out

_PERMITS: Final[Mapping[str, Callable[[Collection[str], str], bool]]] = {
    "allow_methods": permits_method,
    "allow_headers": permits_header,
    "expose_headers": permits_reading,
}
LISTS: Final = ("allow_origins", "allow_methods", "allow_headers", "expose_headers")
_WHO: Final = ("allow_origins", "allow_unsafe_origins")

POLICIES: Final = "policies"
PATHS: Final = "paths"
HOSTS: Final = "hosts"
ENVIRONMENTS: Final = "environments"
PROTECTION: Final = "protection"
_EXTENDS: Final = "extends"
_PRODUCTION: Final = "production"
# What a path may have instead of the name of a policy.
_WORDS: Final = (NONE, UNGUARDED)
_SHAPE: Final = (POLICIES, PATHS, HOSTS, ENVIRONMENTS, PROTECTION)

_INTO_EACH_PATH: Final = Fix(removes=True, words="or write it into the policy of each path")
_POLICY_EXAMPLE: Final = {"allow_origins": [EXAMPLE_ORIGIN]}
# A name for a policy.
_APP: Final = "app"
_POLICIES_EXAMPLE: Final = {_APP: _POLICY_EXAMPLE}

# What a path has: the name of a policy, None or "unguarded". A host has the same, or one of these for each path.
Assigned = str | None
ByPath = dict[str, Assigned]

_Place = tuple[str, ...]
_Said = dict[str, tuple[Any, _Place]]


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


class Sheet:
    """
    Reads a configuration: where each value comes from, and everything that is wrong with it.

    *own* has the keywords of each policy itself, *overrides* the keywords with which each environment replaces them.
    *protections* has the protection of the file (key None) and of each environment, if there is any.
    """

    def __init__(self, mapping: object, source: str, form: Form) -> None:
        self.source = source
        self.form: Form = form
        # Each problem once, in the order in which it was found.
        self.problems: dict[Problem, None] = {}
        self.places: dict[str, _Place] = {}
        self.own: dict[str, dict[str, Any]] = {}
        self.extends: dict[str, Any] = {}
        self.without_base: set[str] = set()
        self.paths: ByPath | None = None
        self.hosts: dict[str, Assigned | ByPath] | None = None
        self.overrides: dict[str, dict[str, dict[str, Any]]] = {}
        self.production: set[str] = set()
        self.protections: dict[str | None, dict[str, Any]] = {}
        self.said: dict[str | None, dict[str, _Said]] = {}
        root = self.known((), self.table((), mapping, _POLICY_EXAMPLE), _SHAPE)
        environments = root.pop(ENVIRONMENTS, {})
        self.read_protection(None, (), root)
        self.is_named = not {POLICIES, PATHS, HOSTS}.isdisjoint(root)
        if self.is_named:
            self.read_named(root, {*mapping} if isinstance(mapping, Mapping) else set())
        else:
            self.own[NAMELESS], self.places[NAMELESS] = root, ()
        self.read_environments(environments)

    def field(self, place: _Place) -> str:
        return printable(f"{self.source}: {dotted(place)}" if self.source else dotted(place))

    def refuse(self, code: str, place: _Place, value: object, fix: Fix, **details: str) -> None:
        self.problems[self.placed(Problem.of(code, "", value, fix, **details), place)] = None

    def placed(self, problem: Problem, place: _Place, tables: Mapping[str, _Place] | None = None) -> Problem:
        """
        Return *problem* with the keys that lead to it, and with its fix in the form of the file. *tables* hold the
        keywords of the fix.
        """
        fix = replace(problem.fix, form=self.form, tables=dict(tables or {}))
        return replace(problem, field=self.field(place), fix=fix, place=place)

    # Reading

    def table(self, place: _Place, value: object, example: Mapping[str, Any]) -> dict[Any, Any]:
        if isinstance(value, Mapping):
            return dict(value)
        self.refuse(
            "E813", place, value, Fix(entries=(example,)), kind=kind_of(value), what="a table of keys and values"
        )
        return {}

    def named_tables(self, key: str, value: object, example: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        named = self.table((key,), value, example)
        free = next(name for name in ("app", *map("app{}".format, range(2, len(named) + 3))) if name not in named)
        for name, table in named.items():
            if not isinstance(name, str) or not name.strip() or name in _WORDS or name.startswith("/"):
                what = f'a name (not empty, not "{NONE}" or "{UNGUARDED}", no / at its beginning)'
                self.refuse("E813", (key,), name, Fix(entries=(free,)), kind=kind_of(name), what=what)
            else:
                yield name, self.table((key, name), table, _POLICY_EXAMPLE)

    def known(self, place: _Place, table: dict[str, Any], shape: tuple[str, ...]) -> dict[str, Any]:
        """
        Return *table* with misspelled keys of *shape* corrected. All other keys are left to the policy.
        """
        if text_of(table.get("max_age")) == NONE:
            table["max_age"] = None
        for key in [key for key in table if key not in shape and key not in DEFAULTS]:
            near = nearest_name(str(key), (*shape, *DEFAULTS))
            if near is not None and near in shape:
                fix, value = _level_meant(near, table, key)
                self.refuse("E812", (*place, str(key)), key, fix)
                table.setdefault(near, value)
        return table

    def only(self, place: _Place, table: dict[str, Any], shape: tuple[str, ...]) -> None:
        for key in [key for key in table if key not in shape]:
            meant: _Place = ()
            if key in self.own:
                meant = (POLICIES, key)
            elif key in DEFAULTS and self.own:
                name = next(iter(self.own))
                meant = (*(self.places[name] if place == () else (POLICIES, name)), key)
            fix = Fix(removes=True, words=f"or write one of {', '.join(shape)}")
            if meant:
                fix = Fix(name=dotted(meant), otherwise=(OR_REMOVE_IT,))
            self.refuse("E812", (*place, str(key)), key, already_there(fix.name) if _has(table, meant) else fix)

    def read_named(self, root: dict[str, Any], spelled: Collection[Any]) -> None:
        for name, table in self.named_tables(POLICIES, root.get(POLICIES, {}), _POLICIES_EXAMPLE):
            self.read_policy(name, (POLICIES, name), table)
        if PATHS in root:
            self.paths = self.read_paths((PATHS,), root[PATHS])
        if HOSTS in root:
            self.hosts = self.read_hosts(root[HOSTS])
        # A misspelled key is reported once.
        if PATHS in spelled and HOSTS in spelled:
            self.refuse_next_to(HOSTS, (), {PATHS: root[PATHS]})
        self.read_extends()
        self.only((), root, _SHAPE)

    def read_policy(self, name: str, place: _Place, table: dict[str, Any]) -> None:
        self.own[name], self.places[name] = self.known(place, table, (_EXTENDS,)), place
        if _EXTENDS in table:
            self.extends[name] = table.pop(_EXTENDS)

    def refuse_next_to(self, level: str, place: _Place, table: Mapping[Any, Any]) -> None:
        """
        Refuse the keys that *table*, at *place*, has next to *level*.
        """
        for problem in not_next_to(level, table):
            self.problems[self.placed(problem, (*place, problem.field))] = None

    def read_hosts(self, value: object) -> dict[str, Assigned | ByPath]:
        hosts: dict[str, Assigned | ByPath] = {}
        keys: set[str] = set()
        for host, there in self.table((HOSTS,), value, {"api.example.com": "app"}).items():
            place = (HOSTS, str(host))
            problem = problem_of_host(host, keys)
            if problem is None:
                keys.add(key_of(host) or "")
            else:
                self.problems[self.placed(problem, place)] = None
            if isinstance(there, Mapping) and PATHS in there:
                self.refuse_next_to(PATHS, place, there)
                hosts[host] = self.read_paths((*place, PATHS), there[PATHS], host)
            else:
                hosts |= self.read_assigned(place, host, host, there)
        return hosts

    def read_paths(self, place: _Place, value: object, host: str = "") -> ByPath:
        paths: ByPath = {}
        there_are = self.table(place, value, {"/api": "app"})
        for prefix, there in there_are.items():
            within = (*place, str(prefix))
            if (problem := keyword_next_to(there_are, prefix)) is not None:
                self.problems[self.placed(replace(problem, fix=_INTO_EACH_PATH), within)] = None
                continue
            if (problem := problem_of_prefix(prefix, others=there_are)) is not None:
                self.problems[self.placed(problem, within)] = None
            paths |= self.read_assigned(within, prefix, f"{host}{prefix}" if host else prefix, there)
        return paths

    def read_assigned(self, place: _Place, key: str, name: str, there: object) -> ByPath:
        """
        Return the assignment of *key*, a path prefix or a host; empty if it is refused.

        A policy that is written directly at a path or host is called *name* after it.
        """
        if isinstance(there, Mapping) and name in self.own:
            # Two policies that are written where they apply cannot be renamed.
            is_named = self.places[name][:1] == (POLICIES,)
            fix = Fix(entries=(f"{name} policy",)) if is_named else Fix(removes=True)
            at, what = self.places[name] if is_named else place, "a name that no host has"
            self.refuse("E813", at, name if is_named else key, fix, kind=kind_of(name), what=what)
        elif isinstance(there, Mapping):
            self.read_policy(name, place, dict(there))
            return {key: name}
        elif there is None or text_of(there) in _WORDS:
            return {key: UNGUARDED if text_of(there) == UNGUARDED else None}
        elif not isinstance(there, str):
            what = f'the name of a policy, a table of its keywords, "{NONE}" or "{UNGUARDED}"'
            self.refuse("E813", place, there, Fix(entries=(NONE,)), kind=kind_of(there), what=what)
        elif self.names(place, there, self.own, Fix(entries=(None,))):
            return {key: there}
        return {}

    def read_extends(self) -> None:
        for name, parent in [*self.extends.items()]:
            place = (*self.places[name], _EXTENDS)
            if not isinstance(parent, str):
                fix = Fix(removes=True, words="or write the name of a policy")
                self.refuse("E813", place, parent, fix, kind=kind_of(parent), what="the name of a policy")
            elif self.names(place, parent, self.own, Fix(removes=True)):
                continue
            self.drop_extends(name)
        for name, circle in self.circles().items():
            place = (*self.places[name], _EXTENDS)
            self.refuse("E815", place, name, Fix(removes=True), chain=" -> ".join(circle))
            self.drop_extends(name)

    def circles(self) -> dict[str, list[str]]:
        """
        Return each circle of `extends` by the name of its first policy, with which the circle begins and ends.
        """
        order = {name: at for at, name in enumerate(self.extends)}
        found: dict[str, list[str]] = {}
        seen: set[str] = set()
        for name in self.extends:
            at, walked = name, dict[str, int]()
            while at in self.extends and at not in seen:
                seen.add(at)
                walked[at] = len(walked)
                at = self.extends[at]
            if at in walked:
                circle = [*walked][walked[at] :]
                first = min(circle, key=order.__getitem__)
                turn = circle.index(first)
                found[first] = [*circle[turn:], *circle[:turn], first]
        return {name: found[name] for name in self.extends if name in found}

    def drop_extends(self, name: str) -> None:
        del self.extends[name]
        self.without_base.add(name)

    def read_environments(self, value: object) -> None:
        for environment, table in self.named_tables(ENVIRONMENTS, value, {"production": {}}):
            place = (ENVIRONMENTS, environment)
            shape = (POLICIES, _PRODUCTION, PROTECTION) if self.is_named else (_PRODUCTION, PROTECTION)
            said = self.known(place, table, shape)
            self.read_protection(environment, place, said)
            is_production = said.pop(_PRODUCTION, environment.lower().startswith("prod"))
            if not isinstance(is_production, bool):
                fix, what = Fix(entries=(True,)), "true or false"
                self.refuse("E813", (*place, _PRODUCTION), is_production, fix, kind=kind_of(is_production), what=what)
            elif is_production:
                self.production.add(environment)
            self.overrides[environment] = {}
            if not self.is_named:
                self.overrides[environment][NAMELESS] = said
                continue
            self.only(place, said, shape)
            policies = self.table((*place, POLICIES), said.get(POLICIES, {}), _POLICIES_EXAMPLE)
            for name, keywords in policies.items():
                within = (*place, POLICIES, str(name))
                if self.names(within, name, self.own, Fix(removes=True)):
                    instead = self.table(within, keywords, _POLICY_EXAMPLE)
                    self.overrides[environment][name] = self.known(within, instead, ())

    def read_protection(self, environment: str | None, place: _Place, table: dict[str, Any]) -> None:
        """
        Remove the protection from *table* and read it. The rest may be a policy.
        """
        if PROTECTION not in table:
            return
        place = (*place, PROTECTION)
        said = self.protections[environment] = self.table(place, table.pop(PROTECTION), {"mode": "report"})
        try:
            CrossOriginProtection.of(said)
        except PolicyError as error:
            for problem in error.problems:
                self.problems[self.placed(problem, (*place, problem.field))] = None

    def protection(self, environment: str | None) -> CrossOriginProtection | None:
        """
        Return the protection for *environment*, which has only its changes; None if there is none.
        """
        tables = [self.protections[who] for who in (None, environment) if who in self.protections]
        keywords = {key: value for table in tables for key, value in table.items()}
        return CrossOriginProtection.of(keywords) if tables else None

    def names(self, place: _Place, name: str, policies: Iterable[str], unlike: Fix) -> bool:
        """
        Return whether *name* at *place* is one of *policies*. *unlike* is the fix for a name that is similar to none of
        them.
        """
        if name in policies:
            return True
        self.problems[self.placed(no_such("", name, "a policy", [*policies], unlike), place)] = None
        return False

    # Results

    def environments(self) -> dict[str | None, dict[str, Policy]]:
        """
        Return the policies of each environment, or those of None if there are no environments.

        Raises PolicyError with the problems of all of them.
        """
        lineage = self.lineage()
        self.without_base.update(name for name in lineage if self.extends.get(name) in self.without_base)
        self.said = {environment: self.settle(lineage, environment) for environment in (None, *self.overrides)}
        policies = {environment: self.policies(environment) for environment in self.said}
        if self.problems:
            raise PolicyError(self.problems)
        if self.overrides:
            del policies[None]
        for environment in self.production:
            self.warn_in_production(environment, policies[environment])
        return policies

    def lineage(self) -> list[str]:
        """
        Return the names of all policies, each after the policy that it extends.
        """
        found: dict[str, None] = {}
        for name in self.own:
            line: list[str] = []
            at: str | None = name
            while at is not None and at not in found:
                line.append(at)
                at = self.extends.get(at)
            found.update(dict.fromkeys(reversed(line)))
        return [*found]

    def settle(self, lineage: list[str], environment: str | None) -> dict[str, _Said]:
        """
        Return the final value of each keyword for each policy, and the place that it comes from.
        """
        settled: dict[str, _Said] = {}
        for name in lineage:
            parent = self.extends.get(name)
            said = {} if parent is None else settled[parent].copy()
            last = [(self.own[name], self.places[name])]
            if environment is not None:
                last.append((self.overrides[environment].get(name, {}), self.place(name, environment)))
            for keywords, place in last:
                said.update((keyword, (value, place)) for keyword, value in keywords.items())
            settled[name] = said
        return settled

    def place(self, name: str, environment: str | None) -> _Place:
        if environment is None:
            return self.places[name]
        return (ENVIRONMENTS, environment, *((POLICIES, name) if self.is_named else ()))

    def policies(self, environment: str | None) -> dict[str, Policy]:
        return {name: policy for name in self.own if (policy := self.policy(name, environment)) is not None}

    def policy(self, name: str, environment: str | None) -> Policy | None:
        said = self.said[environment][name]
        try:
            policy = Policy.from_mapping({keyword: value for keyword, (value, _) in said.items()})
        except PolicyError as error:
            for problem in error.problems:
                # Each environment may have its own origins. If `extends` is wrong, missing origins are reported there.
                if problem.code != "E101" or (name not in self.without_base and (environment or not self.overrides)):
                    self.add(problem, name, environment)
            return None
        warnings = [self.located(warning, name, environment) for warning in policy.warnings]
        return with_warnings(policy, warnings)

    def located(self, problem: Problem, name: str, environment: str | None) -> Problem:
        """
        Return *problem* with the place where its keyword is set.
        """
        said = self.said[environment][name]
        _, place = said.get(problem.field, (None, self.place(name, environment)))
        keywords = {keyword for fix, _ in problem.fix.choices() for keyword in fix.policy if keyword in said}
        tables = {keyword: said[keyword][1] for keyword in keywords if said[keyword][1] != place}
        near = keyword_meant_by(problem.field) if problem.code == "E106" else None
        if near is not None and near in said:
            # A problem that it inherits is not reported twice.
            problem = replace(problem, fix=fix_of_duplicate(near) if said[near][1] == place else Fix(name=near))
        return self.placed(problem, (*place, problem.field), tables)

    def overridden(self, problem: Problem, name: str, environment: str) -> Problem:
        """
        Return *problem* with a fix that has its effect in *environment* only.
        """
        place = self.place(name, environment)
        tables = {keyword: place for keyword in problem.fix.policy if place != problem.place[:-1]}
        return replace(problem, fix=replace(problem.fix, tables=tables))

    def add(self, problem: Problem, name: str, environment: str | None) -> None:
        said, found = self.said[environment][name], self.located(problem, name, environment)
        # A problem of the base is reported once. A problem that the base has only in one environment names that.
        if found not in self.problems:
            if environment is not None and problem.field in said and said[problem.field][1][:1] != (ENVIRONMENTS,):
                found = replace(found, message=f"{found.message} (In the environment {printable(environment)}.)")
            self.problems[found] = None

    def refusal(self, policies: Iterable[str]) -> Problem | None:
        """
        Return the problem that *policies* guard nothing, or None if they do.
        """
        if not self.is_named or self.paths is not None or self.hosts is not None:
            return None
        fix = Fix(policy={PATHS: {"/": next(iter(policies), "app")}})
        return self.placed(Problem.of("E818", "", None, fix, names=", ".join(policies)), (PATHS,))

    def warn_in_production(self, environment: str, policies: Mapping[str, Policy]) -> None:
        """
        Add the warnings for production to *policies*.
        """
        with_cookies = ", ".join(quoted(name) for name, policy in policies.items() if policy.allow_credentials)
        for name, policy in policies.items():
            risks = _risks_in_production(policy, with_cookies)
            found = [self.overridden(self.located(problem, name, environment), name, environment) for problem in risks]
            instead = {problem.value for problem in found}
            warnings = policy.warnings
            kept = [old for old in warnings if old.code not in {"W103", "W104", "W106"} or old.value not in instead]
            with_warnings(policy, [*kept, *found])

    def changes(self, environment: str | None) -> Iterator[Change]:
        for name in self.own:
            parent = self.extends.get(name)
            if parent is not None:
                inherited = self.said[environment][parent]
                own = inherited | {keyword: (value, ()) for keyword, value in self.own[name].items()}
                yield from _changes(name, inherited, own, f"{_EXTENDS} {parent}")
            if environment is not None:
                yield from _changes(name, self.said[None][name], self.said[environment][name])


def _has(table: Mapping[str, Any], place: _Place) -> bool:
    """
    Whether *table* says something at *place*, the keys that lead there.
    """
    there: Any = table
    for key in place:
        if not isinstance(there, Mapping) or key not in there:
            return False
        there = there[key]
    return bool(place)


def _changes(name: str, before: _Said, after: _Said, by: str = "") -> Iterator[Change]:
    old = {keyword: _settled(before.get(keyword, (default,))[0]) for keyword, default in DEFAULTS.items()}
    new = {keyword: _settled(after.get(keyword, (default,))[0]) for keyword, default in DEFAULTS.items()}
    for keyword in DEFAULTS:
        if old[keyword] != new[keyword]:
            widens = _widens(keyword, old, new[keyword])
            yield Change(name, keyword, old[keyword], new[keyword], by or dotted(after[keyword][1]), widens)


def _settled(value: Any) -> Any:  # noqa: ANN401 - what a keyword may say
    if isinstance(value, set | frozenset):
        return tuple(sorted(value))
    return tuple(value) if isinstance(value, list) else value


def _widens(keyword: str, before: Mapping[str, Any], after: Any) -> bool:  # noqa: ANN401 - what a keyword may say
    """
    Return whether *after*, the new value of *keyword*, covers something that *before* does not cover.
    """
    if keyword in ("allow_credentials", "share_timing"):
        return after is True
    if keyword in _WHO:
        return _widens_origins(before, after)
    if keyword not in _PERMITS:
        return False
    spelled = str if keyword == "allow_methods" else str.lower
    there, new = {*map(spelled, before[keyword])}, {*map(spelled, after)}
    # Names that were listed are not checked, and the first other name that is not permitted ends the loop, so this is
    # linear.
    return not all(_PERMITS[keyword](there, name) for name in new - there)


def _widens_origins(before: Mapping[str, Any], after: Any) -> bool:  # noqa: ANN401 - what a keyword may say
    listed = before["allow_origins"]
    if text_of(listed) == "*":
        return False
    if text_of(after) == "*" or not all(isinstance(value, tuple | Mapping) for value in (listed, after)):
        # It is not known in advance what an origin source covers.
        return True
    there = {*listed, *before["allow_unsafe_origins"]}
    index = OriginIndex(pattern for text in there if (pattern := pattern_of(text)) and not pattern.is_exact)
    for text in {*after} - there:
        pattern = pattern_of(text)
        if pattern is None or not all(any(index.patterns_for(sample)) for sample in pattern.samples()):
            return True
    return False


def _risks_in_production(policy: Policy, with_cookies: str) -> Iterator[Problem]:
    listed: tuple[str, ...] = policy.allow_origins if isinstance(policy.allow_origins, tuple) else ()
    for text in listed:
        pattern = OriginPattern.parse(text)
        if pattern.is_loopback and pattern.scheme in {"http", "https"}:
            rest = (other for other in listed if other != text) if len(listed) > 1 else iter([EXAMPLE_ORIGIN])
            yield Problem.of("W401", "allow_origins", text, written_out("allow_origins", rest, len(listed)))
        elif is_plain_http(pattern):
            yield Problem.of("W402", "allow_origins", text, _by_https(text), cause="")
    for text, reason in policy.allow_unsafe_origins.items():
        if text.startswith("http:"):
            cause = f" It is accepted because: {quoted(reason)}."
            yield Problem.of("W402", "allow_unsafe_origins", text, _by_https(text), cause=cause)
    if policy.audience.is_everyone and with_cookies:
        fix = Fix(policy={"allow_origins": [EXAMPLE_ORIGIN]})
        yield Problem.of("W403", "allow_origins", "*", fix, others=with_cookies)


def _by_https(origin: str) -> Fix:
    return Fix(entries=(origin.replace("http:", "https:", 1),))


def with_warnings(policy: Policy, warnings: Iterable[Problem]) -> Policy:
    # The policy was built here and is not used yet, so it may be changed.
    policy.__dict__["_warnings"] = tuple(warnings)
    return policy


def _level_meant(near: str, table: dict[str, Any], key: str) -> tuple[Fix, object]:
    """
    Take *key*, which probably means *near*, out of *table*. Return its fix and what to read as *near*.
    """
    value: object = table.pop(key)
    if near in table:
        return already_there(near), value
    is_policy = isinstance(value, Mapping) and not DEFAULTS.keys().isdisjoint(cast("Mapping[object, object]", value))
    if near == POLICIES and is_policy:
        # `[policy]`: one policy, without its name.
        return Fix(name=dotted((POLICIES, _APP))), {_APP: value}
    return Fix(name=near), value


def no_such(field: str, value: object, what: str, names: list[str], unlike: Fix = NO_FIX) -> Problem:
    near = nearest_name(value, names) if isinstance(value, str) else None
    one = f"{'or write ' if unlike else ''}one of {', '.join(names)}"
    fix = Fix(entries=(near,)) if near else replace(unlike, words=one) if names else unlike or Fix(entries=(None,))
    there = f"Known: {', '.join(names)}" if names else "None is defined"
    return Problem.of("E814", field, value, fix, what=what, there=there)
