"""
Lists every error and warning of policies, each with its place.

`Policy` judges, and Django's system checks judge what only Django knows. This module adds the file and the line.
"""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from corsguard.configuration import Configuration
from corsguard.configuration.editing import Correction, corrections
from corsguard.configuration.positions import Positions
from corsguard.errors import RULES, PolicyError, Problem, Rule
from corsguard.fixes import NONE, Fix, dotted
from corsguard.hosts import StoredHosts
from corsguard.policies import PathTable
from corsguard.policy import Policy
from corsguard.quoting import printable

from .guarded import Guarded, is_file, load_guarded, missing_file
from .objects import place_of

# Neither a policy nor a framework knows these, so no configuration shows them.
RULES_OF_APPLICATIONS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "W601": Rule(
            "Some views have a policy of their own (@cors): {value}. It applies on every host, also on hosts that no "
            "key names.",
            "A page that the policy of a view allows can read this view on the host of every tenant.",
            "Remove @cors, and write the path of the view below each host that shares it.",
            None,
        ),
        "W602": Rule(
            "There are two layers of CORS: {value} is also in the application.",
            "The guard replaces the headers of the other layer, so what is configured there has no effect.",
            "Remove the other layer. `corsguard move` translates its configuration into a policy.",
            None,
        ),
    }
)


@dataclass(frozen=True, kw_only=True)
class PlacedProblem:
    """
    One problem and its place: the name of the *policy*, *file* and *line* as far as they are known.
    """

    policy: str
    file: str
    line: int | None
    level: Literal["error", "warning"]
    code: str
    field: str
    message: str
    fix: Fix

    def data(self) -> dict[str, Any]:
        """
        Return the same as plain data.
        """
        return {**asdict(self), "fix": self.fix.data()}


@dataclass(frozen=True, kw_only=True)
class Linted:
    """
    Everything that is wrong with what *policy* names, errors first, and the policies of *hosts*. For each key, *hosts*
    has the name of the policy of each path prefix, `none` or `unguarded`; for `*`, it names the store. It is empty if
    there are no policies by host, or if there are errors.
    """

    policy: str
    problems: list[PlacedProblem]
    hosts: Mapping[str, Mapping[str, str]]


def lint(policy: str) -> Linted:
    """
    Return everything that is wrong with what *policy* names. Raises LoadError.
    """
    if is_file(policy):
        problems, table = _of_file(policy)
        return Linted(policy=policy, problems=_in_order(problems), hosts=_hosts_of(table))
    try:
        guarded = load_guarded(policy)
    except PolicyError as error:
        return Linted(policy=policy, problems=_in_order(_of_error(policy, error)), hosts={})
    file = _file_of(policy)
    placed = [_placed(problem, policy, file, None) for problem in (*guarded.problems, *_of_application(guarded))]
    return Linted(policy=policy, problems=placed, hosts=_hosts_of(guarded.policies.table))


def _of_application(guarded: Guarded) -> Iterator[Problem]:
    if guarded.tagged and guarded.policies.table.hosts is not None:
        rule = RULES_OF_APPLICATIONS["W601"]
        message = printable(rule.message.format(value=", ".join(guarded.tagged)))
        yield Problem("W601", "hosts", None, message, Fix(words=rule.instead))
    if guarded.other_layer:
        rule = RULES_OF_APPLICATIONS["W602"]
        message = rule.message.format(value=guarded.other_layer)
        yield Problem("W602", guarded.other_layer, None, message, Fix(words=rule.instead))


def _hosts_of(table: PathTable | None) -> dict[str, dict[str, str]]:
    if table is None or table.hosts is None:
        return {}
    if isinstance(table.hosts, StoredHosts):
        return {"*": {"/": f"asked of {type(table.hosts.store).__name__}"}}
    return {
        host: {
            prefix: there.name if isinstance(there.policy, Policy) else there.policy or NONE
            for prefix, there in of_host.by_prefix.items()
        }
        for host, of_host in table.by_host.items()
    }


def lint_text(text: str, name: str) -> list[tuple[PlacedProblem, list[Correction]]]:
    """
    Return all problems of the TOML *text*, which is called *name*, errors first, each with the ways to correct it. Here
    it is a problem too if the policies guard nothing.
    """
    problems, _ = _judged(lambda: Configuration.environments_in(text, name), guards=True)
    found = dict(_placed_in(text, name, problems))
    placed = _in_order(found)
    return [*zip(placed, corrections(text, map(found.__getitem__, placed)), strict=True)]


def _of_file(file: str) -> tuple[Iterable[PlacedProblem], PathTable | None]:
    """
    Return the problems of *file*, and its table of paths, which is the same in every environment.
    """
    if not Path(file).is_file():
        raise missing_file(file)
    problems, table = _judged(lambda: Configuration.environments_of(file))
    text = Path(file).read_text(encoding="utf-8", errors="replace")
    return [placed for placed, _ in _placed_in(text, file, problems)], table


def _judged(
    read: Callable[[], Mapping[str | None, Configuration]], *, guards: bool = False
) -> tuple[Collection[Problem], PathTable | None]:
    """
    Return each problem of the result of *read* once, and the assignments. If it *guards*, it has to say what it guards.
    """
    table: PathTable | None = None
    try:
        environments = read()
        problems = dict.fromkeys(warning for there in environments.values() for warning in there.warnings)
        refusals = (there.refusal for there in environments.values() if guards)
        problems |= dict.fromkeys(refusal for refusal in refusals if refusal is not None)
        table = next((there.guarded.table for there in environments.values() if there.hosts is not None), None)
    except PolicyError as error:
        problems = dict.fromkeys(error.problems)
    return problems, table


def _placed_in(text: str, file: str, problems: Collection[Problem]) -> Iterator[tuple[PlacedProblem, Problem]]:
    # A file that cannot be parsed has no positions. Its one problem names the line itself, if there is one.
    is_read = all(problem.code != "E811" for problem in problems)
    positions = Positions(text if is_read else "")
    for problem in problems:
        line = problem.line or positions.line_of(problem.place, problem.value)
        yield _placed(problem, file, file, line), problem


def _of_error(policy: str, error: PolicyError) -> Iterator[PlacedProblem]:
    """
    Yield the problems of a policy that Python code tried to create.
    """
    file, line = place_of(error)
    here = _relative(file) if file else _file_of(policy)
    for problem in error.problems:
        yield _placed(problem, policy, here, line if file else None)


def _placed(problem: Problem, policy: str, file: str, line: int | None) -> PlacedProblem:
    return PlacedProblem(
        policy=policy,
        file=file,
        line=line,
        level="error" if problem.is_error else "warning",
        code=problem.code,
        field=dotted(problem.place) if problem.place else problem.field,
        message=problem.message,
        fix=problem.fix,
    )


def _in_order(problems: Iterable[PlacedProblem]) -> list[PlacedProblem]:
    return sorted(problems, key=lambda problem: (problem.level, problem.line or 0))


def _file_of(policy: str) -> str:
    """
    Return the file of the module that *policy* names, or *policy* itself.
    """
    module = sys.modules.get(policy.partition(":")[0])
    file = getattr(module, "__file__", None)
    return _relative(file) if isinstance(file, str) else policy


def _relative(file: str) -> str:
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def rules() -> dict[str, str]:
    """
    Return a sentence about each rule, by its code, with `...` for the placeholders.
    """
    known = {**RULES, **RULES_OF_APPLICATIONS}
    for name in ("corsguard_flask.predecessor", "corsguard_django.checks"):
        of_framework = sys.modules.get(name)
        if of_framework is not None:
            known |= of_framework.RULES
    return {code: rule.message.format_map(_LeftOpen()) for code, rule in known.items()}


class _LeftOpen(dict[str, str]):
    """
    Fills every placeholder of a sentence.
    """

    def __missing__(self, blank: str) -> str:
        return "..."
