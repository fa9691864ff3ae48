"""
`corsguard lint`: lists every error and warning of policies, with its fix, in one run.

This module reads the options, calls `corsguard.diagnosis.linting`, and prints the result.
"""

import os
from collections.abc import Sequence
from textwrap import indent

import click

from corsguard.diagnosis import LoadError
from corsguard.diagnosis.guarded import default_policy
from corsguard.diagnosis.linting import Linted, PlacedProblem, rules
from corsguard.diagnosis.linting import lint as find_problems

from .options import json_option
from .printing import Exit, Output, Style, printable
from .sarif import Result, sarif


@click.command(short_help="List all errors and warnings of policies.")
@click.argument("policies", nargs=-1, metavar="[POLICY]...")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings, too.")
@json_option()
@click.option("--sarif", "as_sarif", is_flag=True, help="Print SARIF 2.1.0, for code hosts and editors.")
def lint(policies: Sequence[str], *, strict: bool, as_json: bool, as_sarif: bool) -> None:
    """
    List all errors and warnings of policies, each with its fix, and the policy of each host.

    \b
    corsguard lint                       cors.toml here, or DJANGO_SETTINGS_MODULE
    corsguard lint cors.toml other.toml  TOML files, with all their environments
    corsguard lint shop.policies:API     a Policy, a mapping or an application
    corsguard lint "shop:create_app()"   the result of a factory
    corsguard lint mysite.settings       Django settings, with the system checks
    corsguard lint --sarif cors.toml > corsguard.sarif

    Exit codes: 0 no errors (warnings are shown); 1 errors, or warnings with --strict; 2 usage, or a policy cannot be
    loaded.
    """
    if as_json and as_sarif:
        raise click.UsageError("Expected --json or --sarif, got both.")
    out = Output(as_json=as_json or as_sarif)
    linted: list[Linted] = []
    failures: list[LoadError] = []
    for policy in policies or [default_policy()]:
        try:
            with out.progress(f"Loading {printable(policy)}"):
                linted.append(find_problems(policy))
        except LoadError as error:
            failures.append(error)
            continue
        _say(out, linted[-1])
    findings = [finding for one in linted for finding in one.problems]
    if as_sarif:
        out.data(sarif(map(_result, findings), rules()))
    elif as_json:
        out.data(_document(findings, linted, [*map(str, failures)]))
    else:
        _sum_up(out, findings)
    if failures:
        raise click.UsageError("\n".join(map(str, failures)))
    if any(strict or finding.level == "error" for finding in findings):
        raise click.exceptions.Exit(Exit.BLOCKED)


# What is printed


def _say(out: Output, linted: Linted) -> None:
    policy = linted.policy
    if linted.problems:
        out.say(policy, "bold")
    else:
        out.spans((f"{policy}: ", "bold"), ("no errors, no warnings.", "good"))
    for host, paths in linted.hosts.items():
        said = ", ".join(f"{prefix} {name}" for prefix, name in paths.items()) or "nothing"
        out.spans((f"  {printable(host)}: ", "bold"), (printable(said), "plain"))
    for finding in linted.problems:
        where = f"line {finding.line}" if finding.line is not None else ""
        if finding.file != policy:
            where = f"{finding.file}{', ' if where else ''}{where}"
        style: Style = "bad" if finding.level == "error" else "warning"
        out.spans((f"  {finding.code} ", style), (f"{where}{': ' if where else ''}{printable(finding.field)}", "bold"))
        out.say(f"       {printable(finding.message)}")
        out.spans(("       fix: ", "dim"), (indent(str(finding.fix), " " * 12).lstrip(), "good"))


def _sum_up(out: Output, findings: list[PlacedProblem]) -> None:
    if findings:
        errors = sum(finding.level == "error" for finding in findings)
        out.say()
        out.say(f"{_count(errors, 'error')}, {_count(len(findings) - errors, 'warning')}.", "bold")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _document(findings: list[PlacedProblem], linted: list[Linted], failures: list[str]) -> dict[str, object]:
    errors = sum(finding.level == "error" for finding in findings)
    return {
        "errors": errors,
        "warnings": len(findings) - errors,
        "not_loaded": failures,
        "findings": [finding.data() for finding in findings],
        "hosts": {one.policy: one.hosts for one in linted if one.hosts},
    }


def _result(finding: PlacedProblem) -> Result:
    uri = finding.file.replace(os.sep, "/")
    properties = {"policy": finding.policy, "field": finding.field}
    message = f"{finding.field}: {finding.message}" if finding.field else finding.message
    return Result(finding.code, finding.level, message, str(finding.fix), uri, finding.line, properties)
