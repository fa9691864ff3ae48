"""
Where in a TOML file something is said: in which line, and from where to where.
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
    Where each key of the TOML *text*, which is valid, stands first, and each text that is a value, or a part of one.
    """

    def __init__(self, text: str) -> None:
        self._keys: dict[Keys, Token] = {}
        self._values: dict[tuple[Keys, str], Token] = {}
        self._wholes: dict[Keys, tuple[int, int]] = {}
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
                self._assigned(self._key(table, "="))

    def line_of(self, place: Keys, value: object = None, *, exact: bool = False) -> int | None:
        """
        Return the line that says what stands at *place*, the keys that lead there.

        It is that of *value* if that is one entry of a list, that of the table around it if the key is missing (unless
        it has to be *exact*), and None if there is none of these.
        """
        if isinstance(value, str) and (place, value) in self._values:
            return self._values[place, value].line
        while place and place not in self._keys and not exact:
            place = place[:-1]
        return self._keys[place].line if place in self._keys else None

    def key(self, place: Keys) -> "Token | None":
        """
        Return the last of the keys that lead to *place*, as it is written there; None if it is not.
        """
        return self._keys.get(place)

    def entry(self, place: Keys, value: object) -> "Token | None":
        """
        Return *value* as it is written at *place*, alone or in a list; None if it is not a text that stands there.
        """
        return self._values.get((place, value)) if isinstance(value, str) else None

    def whole(self, place: Keys) -> tuple[int, int] | None:
        """
        Return where the whole value at *place* begins and ends; None if there is none.
        """
        return self._wholes.get(place)

    def end_of(self, table: Keys) -> int | None:
        """
        Return where the last value directly in *table* ends, or its heading; None if neither is there.
        """
        ends = [end for place, (_, end) in self._wholes.items() if place[:-1] == table]
        heading = self._keys.get(table)
        return max(ends, default=None if heading is None else heading.end)

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
                self._keys.setdefault(place, token)
            self._at += 1
        self._skip(end)
        return place

    def _assigned(self, place: Keys) -> None:
        start = self._tokens[self._at].start if self._at < len(self._tokens) else 0
        self._value(place)
        self._wholes.setdefault(place, (start, self._tokens[self._at - 1].end))

    def _value(self, place: Keys) -> None:
        match self._mark():
            case "{":
                self._skip("{")
                while self._mark() not in {"}", ""}:
                    if self._mark() == _NAME:
                        self._assigned(self._key(place, "="))
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
                    self._values.setdefault((place, token.text), token)
                    self._at += 1

    def _skip(self, mark: str) -> None:
        while self._mark() == mark:
            self._at += 1
            if mark in _BRACKETS:
                return


class Token(NamedTuple):
    """
    What a file is made of: a *mark*, or a name or a value, whose *text* is what it says. It stands in *line*, from
    *start* to *end*, counted in characters of the whole.
    """

    mark: str
    text: str
    line: int
    start: int
    end: int


def _tokens(text: str) -> Iterator[Token]:
    line = 1
    for match in _TOKEN.finditer(text):
        if match["mark"]:
            yield Token(match["mark"], "", line, *match.span())
        elif not match["comment"]:
            yield Token(_NAME, _plain(match), line, *match.span())
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
