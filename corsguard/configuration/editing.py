"""
Puts a fix into the TOML text that has the fault.

Everything else stays as it is written, including comments and blanks. A result that is not valid TOML is not offered.
"""

import tomllib
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from corsguard.errors import Problem
from corsguard.fixes import as_toml

from .positions import Keys, Positions, Token


def with_fix(text: str, problem: Problem) -> str | None:
    """
    Return the TOML *text* with the fix of *problem* in it; None if the fix is only words, or does not fit in.
    """
    fix, place = problem.fix, problem.place
    if fix.policy:
        return with_keywords(text, place[:-1], fix.policy)
    positions = _positions_in(text)
    if positions is None:
        return None
    key = positions.key(place)
    if fix.name:
        return None if key is None else _checked(_put(text, key, as_toml(fix.name) if "." in fix.name else fix.name))
    there = positions.entry(place, problem.value) or positions.key((*place, str(problem.value)))
    if there is None and key is not None and key.text == problem.value:
        there = key
    if there is None or not fix.entries:
        return None
    return _checked(_put(text, there, ", ".join(map(as_toml, fix.entries))))


def with_keywords(text: str, table: Keys, keywords: Mapping[str, Any]) -> str | None:
    """
    Return the TOML *text* with *keywords* set in *table*, or None if that is not possible.
    """
    for keyword, value in keywords.items():
        positions = _positions_in(text)
        if positions is None:
            return None
        there, end = positions.whole((*table, keyword)), positions.end_of(table)
        line = f"{keyword} = {as_toml(value)}"
        if there is not None:
            text = f"{text[: there[0]]}{as_toml(value)}{text[there[1] :]}"
        elif end is not None and positions.whole(table) is not None:
            text = f"{text[:end]}, {line}{text[end:]}"
        elif end is not None:
            after = _next_line(text, end)
            before = text[:after] if text[:after].endswith("\n") else f"{text[:after]}\n"
            text = f"{before}{line}\n{text[after:]}"
        elif not table:
            text = f"{line}\n{text}"
        if _said(text, (*table, keyword)) != _said(line, (keyword,)):
            return None
    return _checked(text)


def _positions_in(text: str) -> Positions | None:
    return None if _checked(text) is None else Positions(text)


def _checked(text: str) -> str | None:
    with suppress(ValueError, RecursionError):
        tomllib.loads(text)
        return text
    return None


def _said(text: str, place: Keys) -> object:
    """
    Return the value at *place* in the TOML *text*; None if there is none, or the text is not valid.
    """
    there: object = None
    with suppress(ValueError, RecursionError):
        there = tomllib.loads(text)
    for key in place:
        there = there.get(key) if isinstance(there, dict) else None
    return there


def _put(text: str, token: Token, instead: str) -> str:
    return f"{text[: token.start]}{instead}{text[token.end :]}"


def _next_line(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end + 1
