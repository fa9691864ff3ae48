"""
In which line of a TOML file something is said.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

# TOML, "Comment", "String", "Keys": what a file is made of, as far as keys have to be found in it.
_TOKEN: Final = re.compile(
    r'(?P<text>"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\')'
    r"|(?P<comment>#[^\n]*)|(?P<mark>[\[\]{}=\n.,])|(?P<bare>[^\s\"'#\[\]{}=.,]+)",
    re.DOTALL,
)

_NAME: Final = "a name or a value"
_BRACKETS: Final = frozenset("[]{}")

Keys = tuple[str, ...]


class Positions:
    """
    The first line of each key of the TOML *text*, which is valid, and of each text that is a value, or a part of one.
    """

    def __init__(self, text: str) -> None:
        self._keys: dict[Keys, int] = {}
        self._values: dict[tuple[Keys, str], int] = {}
        self._tokens = [*_tokens(text)]
        self._at = 0
        table: Keys = ()
        while self._mark():
            if self._mark() == "\n":
                self._at += 1
            elif self._mark() == "[":
                table = self._key((), "]")
                self._skip("]")
            else:
                self._value(self._key(table, "="))

    def line_of(self, place: Keys, value: object = None, *, exact: bool = False) -> int | None:
        """
        Return the line that says what stands at *place*, the keys that lead there.

        It is that of *value* if that is one entry of a list, that of the table around it if the key is missing (unless
        it has to be *exact*), and None if there is none of these.
        """
        if isinstance(value, str) and (place, value) in self._values:
            return self._values[place, value]
        while place and place not in self._keys and not exact:
            place = place[:-1]
        return self._keys.get(place)

    def _mark(self) -> str:
        return self._tokens[self._at].mark if self._at < len(self._tokens) else ""

    def _key(self, table: Keys, end: str) -> Keys:
        """
        Return the place that the key before *end* names, within *table*, and note its line.
        """
        place = table
        while self._mark() not in {end, ""}:
            token = self._tokens[self._at]
            if token.mark == _NAME:
                place = (*place, token.text)
                self._keys.setdefault(place, token.line)
            self._at += 1
        self._skip(end)
        return place

    def _value(self, place: Keys) -> None:
        match self._mark():
            case "{":
                self._skip("{")
                while self._mark() not in {"}", ""}:
                    if self._mark() == _NAME:
                        self._value(self._key(place, "="))
                    else:
                        self._at += 1
                self._skip("}")
            case "[":
                self._skip("[")
                while self._mark() not in {"]", ""}:
                    if self._mark() in {_NAME, "[", "{"}:
                        self._value(place)
                    else:
                        self._at += 1
                self._skip("]")
            case _:
                while self._mark() in {_NAME, "."}:
                    token = self._tokens[self._at]
                    self._values.setdefault((place, token.text), token.line)
                    self._at += 1

    def _skip(self, mark: str) -> None:
        while self._mark() == mark:
            self._at += 1
            if mark in _BRACKETS:
                return


class _Token(NamedTuple):
    mark: str
    text: str
    line: int


def _tokens(text: str) -> Iterator[_Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match["mark"]:
            yield _Token(match["mark"], "", line)
        elif not match["comment"]:
            yield _Token(_NAME, _plain(match), line)
        line += match[0].count("\n")


def _plain(match: re.Match[str]) -> str:
    """
    Return what a string, or what stands without quotation marks, says.
    """
    text = match[0]
    if text.startswith(("'''", '"""')):
        return text[3:-3]
    if text.startswith('"'):
        try:
            return str(json.loads(text))
        except ValueError:
            # TOML has escapes that JSON does not.
            return text[1:-1]
    return text.strip("'")
