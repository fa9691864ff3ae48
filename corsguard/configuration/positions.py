"""
Where the keys and values of a TOML file are: the line, and the first and last character.
"""

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

# TOML, "Comment", "String", "Keys": the tokens that are needed to find keys.
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
    The first position of each key in the valid TOML *text*, and of each string that is a value or in a list.
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
        Return the line of *place*, which has the keys that lead there.

        If *value* is an entry of a list, it is the line of that entry. If the key is missing, it is the line of the
        table around it, or None if the line has to be *exact*.
        """
        if isinstance(value, str) and (place, value) in self._values:
            return self._values[place, value].line
        while place and place not in self._keys and not exact:
            place = place[:-1]
        return self._keys[place].line if place in self._keys else None

    def key(self, place: Keys) -> "Token | None":
        """
        Return the token of the last key that leads to *place*; None if the key is missing.
        """
        return self._keys.get(place)

    def entry(self, place: Keys, value: object) -> "Token | None":
        """
        Return the token of the string *value* at *place*, alone or in a list; None if it is not there.
        """
        return self._values.get((place, value)) if isinstance(value, str) else None

    def whole(self, place: Keys) -> tuple[int, int] | None:
        """
        Return where the value at *place* begins and ends; None if there is no value.
        """
        return self._wholes.get(place)

    def end_of(self, table: Keys) -> int | None:
        """
        Return the end of the last value directly in *table*, or of its heading; None if neither is there.
        """
        ends = [end for place, (_, end) in self._wholes.items() if place[:-1] == table]
        heading = self._keys.get(table)
        return max(ends, default=None if heading is None else heading.end)

    def _mark(self) -> str:
        return self._tokens[self._at].mark if self._at < len(self._tokens) else ""

    def _key(self, table: Keys, end: str) -> Keys:
        """
        Return the place of the key before *end*, within *table*, and remember its token.
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
    A *mark*, or a name or a value with its *text*. It is in *line*, from *start* to *end*, counted in characters of the
    whole file.
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
    Return the text of a string, or of a token without quotation marks.
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
