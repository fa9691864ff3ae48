"""
Environment variables: one policy and its protection, with one variable for each keyword.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from corsguard.errors import PolicyError, Problem
from corsguard.fixes import NONE, Fix
from corsguard.mistakes import nearest_name
from corsguard.names import EXAMPLE_ORIGIN
from corsguard.policy import Policy
from corsguard.protection import CrossOriginProtection
from corsguard.validation import DEFAULTS

from .layers import LISTS, PROTECTION, with_warnings

_LISTS: Final = (*LISTS, f"{PROTECTION}_exempt")
# What only a file or code can say, without its plural.
_IN_FILES: Final = frozenset({"ENVIRONMENT", "HOST", "PATH", "POLICIE", "POLICY"})
_IN_A_FILE: Final = Fix(
    removes=True,
    words="Variables say one policy for everything. Write paths and hosts in a file: corsguard manual configuration.",
)
# The keywords of protection by their names in variables.
_OF_PROTECTION: Final = {f"{PROTECTION}_{keyword}": keyword for keyword in ("mode", "exempt", "methods")}


def read_variables(variables: Mapping[str, Any], prefix: str) -> tuple[Policy, CrossOriginProtection | None]:
    said, problems = _read_names(variables, prefix)
    protecting = {_OF_PROTECTION[name]: said.pop(name) for name in _OF_PROTECTION if name in said}
    protection = None
    try:
        protection = CrossOriginProtection.of(protecting) if protecting else None
    except PolicyError as error:
        problems += [_of_variable(replace(p, field=f"{PROTECTION}_{p.field}"), prefix) for p in error.problems]
    try:
        policy = Policy.from_mapping(said)
    except PolicyError as error:
        # A missing value may be in a misspelled variable.
        missed = [problem for problem in error.problems if problem.code != "E101" or not problems]
        raise PolicyError([*problems, *(_of_variable(problem, prefix) for problem in missed)]) from None
    if problems:
        raise PolicyError(problems)
    return with_warnings(policy, [_of_variable(warning, prefix) for warning in policy.warnings]), protection


def _read_names(variables: Mapping[str, Any], prefix: str) -> tuple[dict[str, Any], list[Problem]]:
    """
    Return what *variables* say, by keyword, and what is wrong with their names and with their lists.
    """
    names = {f"{prefix}{keyword.upper()}": keyword for keyword in (*DEFAULTS, *_OF_PROTECTION)}
    wherever = re.compile(re.escape(prefix.rstrip("_")) + "_", re.IGNORECASE)
    problems: list[Problem] = []
    said: dict[str, Any] = {}
    for name, value in variables.items():
        if not wherever.match(name):
            continue
        near = name if name in names else nearest_name(name.upper(), names)
        if near != name:
            fix = Fix(name=near) if near else Fix(words=f"one of {', '.join(names)}")
            if near in variables:
                fix = Fix(words=f"Move its value to {near}, and remove it.")
            if name.upper().removeprefix(prefix.upper()).removesuffix("S") in _IN_FILES:
                fix, near = _IN_A_FILE, None
            problems.append(Problem.of("E817", name, name, fix))
        if near is None:
            continue
        entries = value.split(",") if isinstance(value, str) and names[near] in _LISTS else [value]
        if any(isinstance(entry, str) and not entry.strip() for entry in entries):
            rest = [entry.strip() for entry in entries if entry.strip()]
            fix = replace(_said(near, names[near], rest), form="variables", prefix=prefix)
            problems.append(Problem.of("E816", near, value, fix))
        else:
            said.setdefault(names[near], _read_text(names[near], value))
    return said, problems


def _of_variable(problem: Problem, prefix: str) -> Problem:
    fix = replace(problem.fix, form="variables", prefix=prefix)
    return replace(problem, field=f"{prefix}{problem.field.upper()}", fix=fix)


def _said(name: str, keyword: str, entries: list[str]) -> Fix:
    """
    Return a fix that sets the variable *name* without its empty entries.
    """
    if not entries and keyword == "allow_origins":
        entries = [EXAMPLE_ORIGIN]
    return Fix(policy={keyword: entries}) if entries else Fix(words=f"unset {name}")


def _read_text(keyword: str, value: object) -> object:
    """
    Return the value of *keyword* that the text of a variable means. The policy refuses a text without a meaning.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if keyword in _LISTS:
        return "*" if text == "*" else [entry.strip() for entry in text.split(",")]
    if keyword in ("allow_credentials", "share_timing"):
        return {"true": True, "false": False}.get(text, text)
    if keyword == "allow_unsafe_origins":
        with suppress(ValueError, RecursionError):
            return json.loads(text)
        return text
    if keyword == "max_age" and text == NONE:
        return None
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else text
