"""
TOML: a file that is read, and values that are written.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from corsguard.errors import PolicyError, Problem, printable
from corsguard.names import EXAMPLE_ORIGIN

# What TOML has no word for, and a variable neither.
NONE: Final = "none"


def read_toml(file: str | os.PathLike[str]) -> dict[str, Any]:
    import tomllib
    from pathlib import Path

    path = os.fspath(file)
    try:
        with open(path, "rb") as stream:
            content = stream.read()
    except (OSError, ValueError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        there = "" if Path(path).is_absolute() else f" in {Path.cwd()}"
        raise _unreadable(path, f"{cause}{there}", 'Path(__file__).with_name("cors.toml")') from None
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _unreadable(
            path, "it begins with a byte order mark (line 1, column 1)", "save it as UTF-8 without a mark"
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        cause = f"it is not UTF-8 ({_position(content[: error.start].decode())})"
        raise _unreadable(path, cause, "save it as UTF-8") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        told = str(error).replace("at end of document", _position(text)).replace("(at line", "(line")
        fix = f'allow_origins = ["{EXAMPLE_ORIGIN}"]  # a key, `=` and a value; quote a key such as "/api"'
        raise _unreadable(path, f"it is not TOML: {told}", fix) from None
    except (ValueError, RecursionError):
        raise _unreadable(path, "it has a number too long, or tables too deep, to be read", "take it out") from None


def _position(text: str) -> str:
    return f"line {text.count(chr(10)) + 1}, column {len(text) - text.rfind(chr(10))}"


def _unreadable(path: str, cause: str, meant: str) -> PolicyError:
    return PolicyError([Problem.of("E811", path, path, cause=cause, meant=meant)])


def as_toml(value: object) -> str:
    if isinstance(value, Mapping):
        if not value:
            return "{}"
        return "{ " + ", ".join(f"{_as_key(str(key))} = {as_toml(there)}" for key, there in value.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_toml, value))}]"
    if value is None:
        return f'"{NONE}"'
    if isinstance(value, bool):
        return str(value).lower()
    # TOML, "Basic string": what JSON escapes, and DEL, which has no shape either.
    return printable(json.dumps(value, ensure_ascii=False)) if isinstance(value, str) else str(value)


def _as_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else as_toml(name)


def dotted(place: Iterable[str]) -> str:
    return ".".join(map(_as_key, place))
