"""
Reads TOML files and texts.
"""

import os
import re
from dataclasses import replace
from typing import Any, Final

from corsguard.errors import PolicyError, Problem
from corsguard.fixes import Fix
from corsguard.names import EXAMPLE_ORIGIN

_EXAMPLE: Final = Fix(
    policy={"allow_origins": [EXAMPLE_ORIGIN]},
    words='a key, `=` and a value; quote a key such as "/api"',
    form="toml",
)
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
        # The message is Python's. From 3.14 on, the error has the line as a number.
        told = str(error).replace("at end of document", _position(text)).replace("(at line", "(line")
        line = re.search(r"\(line (\d+)", told)
        raise _unreadable(path, f"it is not TOML: {told}", _EXAMPLE, int(line[1]) if line else None) from None
    except (ValueError, RecursionError):
        cause = "it has a number too long, or tables too deep, to be read"
        raise _unreadable(path, cause, Fix(words="remove it")) from None


def _position(text: str) -> str:
    return f"line {_line(text)}, column {len(text) - text.rfind(chr(10))}"


def _line(text: str) -> int:
    return text.count("\n") + 1


def _unreadable(path: str, cause: str, fix: Fix, line: int | None = None) -> PolicyError:
    return PolicyError([replace(Problem.of("E811", path, path, fix, cause=cause), line=line)])
