"""
Every error and warning of policies, with the place where it stands.

`Policy` judges, and Django's system checks judge what only Django knows; this file says in which file and line.
"""

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from corsguard.configuration import Configuration
from corsguard.configuration.positions import Positions
from corsguard.errors import RULES, PolicyError, Problem
from corsguard.fixes import Fix, dotted

from .guarded import is_file, load_guarded, there_is_no
from .objects import place_of


@dataclass(frozen=True, kw_only=True)
class PlacedProblem:
    """
    One problem and where it stands: *policy* as it was named, *file* and *line* as far as they are known.
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


def problems_in(policy: str) -> list[PlacedProblem]:
    """
    Return all that is wrong with what *policy* names, errors first. Raises LoadError.
    """
    if is_file(policy):
        return _in_order(_of_file(policy))
    try:
        guarded = load_guarded(policy)
    except PolicyError as error:
        return _in_order(_of_error(policy, error))
    file = _file_of(policy)
    return [_placed(problem, policy, file, None) for problem in guarded.problems]


def _of_file(file: str) -> Iterator[PlacedProblem]:
    if not Path(file).is_file():
        raise there_is_no(file)
    try:
        environments = Configuration.environments_of(file)
        problems = dict.fromkeys(warning for there in environments.values() for warning in there.warnings)
    except PolicyError as error:
        problems = dict.fromkeys(error.problems)
    # A file that cannot be read has no positions, and its one problem says the line itself.
    is_read = all(problem.line is None for problem in problems)
    positions = Positions(Path(file).read_text(encoding="utf-8", errors="replace") if is_read else "")
    for problem in problems:
        line = problem.line or positions.line_of(problem.place, problem.value)
        yield _placed(problem, file, file, line)


def _of_error(policy: str, error: PolicyError) -> Iterator[PlacedProblem]:
    """
    Yield what is wrong with a policy that Python code makes, and would not make.
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


def _in_order(problems: Iterator[PlacedProblem]) -> list[PlacedProblem]:
    return sorted(problems, key=lambda problem: (problem.level, problem.line or 0))


def _file_of(policy: str) -> str:
    """
    Return the file of the module that *policy* names, or the name itself.
    """
    module = sys.modules.get(policy.partition(":")[0])
    file = getattr(module, "__file__", None)
    return _relative(file) if isinstance(file, str) else policy


def _relative(file: str) -> str:
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file


def rules() -> dict[str, str]:
    """
    Return what each rule is about, by its code; what its sentence names is left open.
    """
    known = dict(RULES)
    for name in ("corsguard_flask.predecessor", "corsguard_django.checks"):
        of_framework = sys.modules.get(name)
        if of_framework is not None:
            known |= of_framework.RULES
    return {code: rule.message.format_map(_LeftOpen()) for code, rule in known.items()}


class _LeftOpen(dict[str, str]):
    """
    What stands for every blank of a sentence.
    """

    def __missing__(self, blank: str) -> str:
        return "..."
