"""
`corsguard lint`: every error and warning of policies, with its fix, in one run.

`Policy` judges, and Django's system checks judge what only Django knows; here is said where it stands.
"""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import indent

import click

from corsguard.configuration import Configuration
from corsguard.errors import RULES, PolicyError, Problem
from corsguard.fixes import Fix, dotted

from .lines import line_of
from .loading import default_policy, is_file, load_guarded, place_of, there_is_no
from .printing import Exit, Output, Style, printable
from .sarif import Level, Result, sarif


@dataclass(frozen=True, kw_only=True)
class Finding:
    """
    One problem and where it stands: *policy* as it was named, *file* and *line* as far as they are known.
    """

    policy: str
    file: str
    line: int | None
    level: Level
    code: str
    field: str
    message: str
    fix: Fix


@click.command()
@click.argument("policies", nargs=-1, metavar="[POLICY]...")
@click.option("--strict", is_flag=True, help="Let warnings fail, too (exit code 1).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--sarif", "as_sarif", is_flag=True, help="Print SARIF 2.1.0, for code hosts and editors.")
def lint(policies: Sequence[str], *, strict: bool, as_json: bool, as_sarif: bool) -> None:
    """
    Says what is wrong with policies, everything in one run, each with its fix.

    \b
    corsguard lint                        cors.toml here, else DJANGO_SETTINGS_MODULE
    corsguard lint cors.toml other.toml   TOML files, with all their environments
    corsguard lint shop.policies:API      a Policy, a mapping, a guarded application
    corsguard lint "shop:create_app()"    what a factory returns; Flask's views included
    corsguard lint mysite.settings        Django settings, with the system checks
    corsguard lint --sarif cors.toml > corsguard.sarif

    Exit codes: 0 fine, or warnings only, which are always shown; 1 errors, and with --strict warnings; 2 usage, or what
    cannot be loaded at all.
    """
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif are two documents. Leave one of them out.")
    out = Output(as_json=as_json or as_sarif)
    findings: list[Finding] = []
    failures: list[click.UsageError] = []
    for policy in policies or [default_policy()]:
        try:
            with out.progress(f"Loading {printable(policy)}"):
                found = [*_findings(policy)]
        except click.UsageError as error:
            failures.append(error)
            continue
        findings += found
        _say(out, policy, found)
    if as_sarif:
        out.data(sarif(map(_result, findings), _rules()))
    elif as_json:
        out.data(_document(findings, [error.message for error in failures]))
    else:
        _sum_up(out, findings)
    if failures:
        raise click.UsageError("\n".join(error.message for error in failures))
    if any(strict or finding.level == "error" for finding in findings):
        raise click.exceptions.Exit(Exit.BLOCKED)


def _findings(policy: str) -> Iterator[Finding]:
    """
    Yield all that is wrong with what *policy* names, errors first.
    """
    if is_file(policy):
        yield from _in_order(_of_file(policy))
        return
    try:
        guard = load_guarded(policy)
    except PolicyError as error:
        yield from _in_order(_of_error(policy, error))
        return
    file = _file_of(policy)
    yield from (_finding(problem, policy, file, None) for problem in guard.problems)


def _of_file(file: str) -> Iterator[Finding]:
    if not Path(file).is_file():
        raise there_is_no(file)
    try:
        environments = Configuration.environments_of(file)
        problems = dict.fromkeys(warning for there in environments.values() for warning in there.warnings)
    except PolicyError as error:
        problems = dict.fromkeys(error.problems)
    text = Path(file).read_text(encoding="utf-8", errors="replace")
    for problem in problems:
        line = problem.line or line_of(text, problem.place, problem.value)
        yield _finding(problem, file, file, line)


def _of_error(policy: str, error: PolicyError) -> Iterator[Finding]:
    """
    Yield what is wrong with a policy that Python code makes, and would not make.
    """
    file, line = place_of(error)
    here = _relative(file) if file else _file_of(policy)
    for problem in error.problems:
        yield _finding(problem, policy, here, line if file else None)


def _finding(problem: Problem, policy: str, file: str, line: int | None) -> Finding:
    return Finding(
        policy=policy,
        file=file,
        line=line,
        level="error" if problem.is_error else "warning",
        code=problem.code,
        field=dotted(problem.place) if problem.place else problem.field,
        message=problem.message,
        fix=problem.fix,
    )


def _in_order(findings: Iterator[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (finding.level, finding.line or 0))


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


# What is printed


def _say(out: Output, policy: str, findings: list[Finding]) -> None:
    if not findings:
        out.spans((f"{policy}: ", "bold"), ("no errors, no warnings.", "good"))
        return
    out.say(policy, "bold")
    for finding in findings:
        where = f"line {finding.line}" if finding.line is not None else ""
        if finding.file != policy:
            where = f"{finding.file}{', ' if where else ''}{where}"
        style: Style = "bad" if finding.level == "error" else "warning"
        out.spans((f"  {finding.code} ", style), (f"{where}{': ' if where else ''}{printable(finding.field)}", "bold"))
        out.say(f"       {printable(finding.message)}")
        out.spans(("       fix: ", "dim"), (indent(str(finding.fix), " " * 12).lstrip(), "good"))


def _sum_up(out: Output, findings: list[Finding]) -> None:
    if findings:
        errors = sum(finding.level == "error" for finding in findings)
        out.say()
        out.say(f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}.", "bold")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _document(findings: list[Finding], failures: list[str]) -> dict[str, object]:
    errors = sum(finding.level == "error" for finding in findings)
    return {
        "errors": errors,
        "warnings": len(findings) - errors,
        "not_loaded": failures,
        "findings": [{**asdict(finding), "fix": finding.fix.data()} for finding in findings],
    }


def _result(finding: Finding) -> Result:
    uri = finding.file.replace(os.sep, "/")
    properties = {"policy": finding.policy, "field": finding.field}
    message = f"{finding.field}: {finding.message}" if finding.field else finding.message
    return Result(finding.code, finding.level, message, str(finding.fix), uri, finding.line, properties)


def _rules() -> dict[str, str]:
    """
    Return what each rule is about; what its sentence names is left open.
    """
    rules = dict(RULES)
    checks = sys.modules.get("corsguard_django.checks")
    if checks is not None:
        rules |= checks.RULES
    return {code: re.sub(r"\{\w+\}", "...", rule.message) for code, rule in rules.items()}
