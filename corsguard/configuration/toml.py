"""
Reads TOML files and texts.
"""

import math
import os
import re
from bisect import bisect_left
from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from corsguard.errors import PolicyError, Problem
from corsguard.fixes import Fix
from corsguard.names import EXAMPLE_ORIGIN

from .positions import starts_of_statements

_EXAMPLE: Final = Fix(
    policy={"allow_origins": [EXAMPLE_ORIGIN]},
    words='a key, `=` and a value; quote a key such as "/api"',
    form="toml",
)
# After this many faults the rest is not read: a pasted text with more is probably not TOML.
_MOST_FAULTS: Final = 8
_ELSEWHERE: Final = Fix(words='Path(__file__).with_name("cors.toml")')


def read_toml(file: str | os.PathLike[str]) -> dict[str, Any]:
    """
    Return the content of the TOML *file*. Raises PolicyError if it cannot be read.
    """
    from pathlib import Path

    path = os.fspath(file)
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        there = "" if Path(path).is_absolute() else f" in {Path.cwd()}"
        raise _unreadable(path, f"{cause}{there}", _ELSEWHERE) from None
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        cause = "it begins with a byte order mark (line 1, column 1)"
        raise _unreadable(path, cause, Fix(words="save it as UTF-8 without a mark"), 1)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        cause = f"it is not UTF-8 ({_position(before)})"
        raise _unreadable(path, cause, Fix(words="save it as UTF-8"), _line(before)) from None
    return parse_toml(text, path)


def parse_toml(text: str, path: str) -> dict[str, Any]:
    """
    Return the content of the TOML *text* from *path*. Raises PolicyError if it is not TOML.
    """
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = _told(error, text)
        cause, line = f"it is not TOML: {told}", _line_in(told)
    except (ValueError, RecursionError):
        cause, line = "it has a number too long, or tables too deep, to be read", None
    lines = _lines_at_fault(text)
    fix = Fix(lines=lines) if line is None else replace(_EXAMPLE, otherwise=(Fix(words="or", lines=lines),))
    raise _unreadable(path, cause, fix, line or lines[0])


def _line_in(told: str) -> int | None:
    line = re.search(r"\(line (\d+)", told)
    return int(line[1]) if line else None


def _lines_at_fault(text: str) -> tuple[int, ...]:
    """
    Return the numbers of the lines without which *text*, which is not TOML, is TOML. If there are few faults, there are
    few such lines.
    """
    lines, found = text.split("\n"), set[int]()
    for _ in range(_MOST_FAULTS):
        first, last = _statement_at_fault(lines)
        if first is None:
            break
        if lines[first].lstrip().startswith("["):
            # If only the heading were removed, the lines below it would belong to the table above.
            below = range(first + 1, len(lines))
            last = next((number for number in below if lines[number].lstrip().startswith("[")), len(lines)) - 1
            tried = [range(first, last + 1)]
        else:
            tried = [range(last, last + 1), range(first, first + 1), range(first, last), range(first, last + 1)]
        said = [[number for number in numbers if _says_something(lines[number])] for numbers in tried]
        without = max(filter(None, said), key=lambda numbers: _end_of_reading(_without(lines, numbers)))
        found.update(without)
        lines = _without(lines, without)
    else:
        first, _ = _statement_at_fault(lines)
        rest = range(len(lines) if first is None else first, len(lines))
        found.update(number for number in rest if _says_something(lines[number]))
    return tuple(number + 1 for number in sorted(found))


def _statement_at_fault(lines: list[str]) -> tuple[int | None, int]:
    """
    Return the first line, counted from 0, of the statement at which reading ends, and the line at which it ends. Return
    None if all can be read.
    """
    end = _end_of_reading(lines)
    if end == math.inf:
        return None, 0
    starts = starts_of_statements("\n".join(lines))
    number = bisect_left(starts, True, key=lambda start: _end_of_reading(lines[:start]) != math.inf)
    first = starts[number - 1]
    if end < 0:
        end = starts[number] - 1 if number < len(starts) else len(lines) - 1
    said = (number for number in range(int(end), first, -1) if _says_something(lines[number]))
    return first, next(said, first)


def _end_of_reading(lines: list[str]) -> float:
    """
    Return the line at which reading ends, counted from 0. Return -1 if that is not known, and infinity if all is TOML.
    """
    import tomllib

    text = "\n".join(lines)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = _line_in(_told(error, text))
        return -1 if line is None else line - 1
    except (ValueError, RecursionError):
        return -1
    return math.inf


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _without(lines: list[str], numbers: Collection[int]) -> list[str]:
    return ["#" if number in numbers else line for number, line in enumerate(lines)]


def _told(error: ValueError, text: str) -> str:
    # The words of Python. From 3.14 on, the error has its line as a number.
    return str(error).replace("at end of document", _position(text)).replace("(at line", "(line")


def _position(text: str) -> str:
    return f"line {_line(text)}, column {len(text) - text.rfind(chr(10))}"


def _line(text: str) -> int:
    return text.count("\n") + 1


def _unreadable(path: str, cause: str, fix: Fix, line: int | None = None) -> PolicyError:
    return PolicyError([replace(Problem.of("E811", path, path, fix, cause=cause), line=line)])
