"""
A fix, in the words of the place where it has to be pasted: Python, TOML, or an environment variable.
"""

import json
from collections.abc import Callable, Mapping
from typing import Final

from corsguard.errors import printable, quoted

from .toml import as_toml

_REASON: Final = "with your reason: "

# Puts a keyword (empty: an entry of a list) and its value into the words of the place where they have to be pasted.
Words = Callable[[str, object], str]


def reworded(fix: str, words: Words) -> str:
    """
    Return *fix*, which is written in Python, in other *words*; what is not a literal of Python stays as it is.
    """
    if words is in_python:
        return fix
    import ast

    code, mark, comment = fix.partition("  # ")
    alternative = comment.partition(_REASON)
    if alternative[2]:
        comment = f"{alternative[0]}{_REASON}{reworded(alternative[2], words)}"
    try:
        call = ast.parse(f"f({code})", mode="eval").body
        if not isinstance(call, ast.Call):  # pragma: no cover - no fix is written so; the type checker cannot know
            return fix
        written = [words("", ast.literal_eval(argument)) for argument in call.args]
        written += [words(keyword.arg or "", ast.literal_eval(keyword.value)) for keyword in call.keywords]
    except (SyntaxError, ValueError):
        return fix
    return "\n".join(map(printable, written)) + mark + printable(comment)


def in_python(keyword: str, value: object) -> str:
    return f"{keyword}={quoted(value)}" if keyword else quoted(value)


def in_toml(keyword: str, value: object) -> str:
    return f"{keyword} = {as_toml(value)}" if keyword else as_toml(value)


def in_variables(prefix: str, keyword: str, value: object) -> str:
    return f"{prefix}{keyword.upper()}={_as_text(value)}" if keyword else _as_text(value)


def _as_text(value: object) -> str:
    if isinstance(value, Mapping):
        from shlex import quote

        return quote(json.dumps(dict(value)))
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool | None) else str(value)
