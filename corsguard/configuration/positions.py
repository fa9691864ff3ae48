"""
Finds where a TOML file says something: the line, the start and the end.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Final, NamedTuple

# TOML, "Comment", "String", "Keys": the tokens of a file, as far as they are needed to find keys. Up to two quotation
# marks may precede the three that end a text.
_TOKEN: Final = re.compile(
    r'(?P<text>"""(?:[^\\]|\\.)*?"""(?!")|\'\'\'.*?\'\'\'(?!\')|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\')'
    r"|(?P<comment>#[^\n]*)|(?P<mark>[\[\]{}=\n.,])|(?P<bare>[^\s\"'#\[\]{}=.,]+|[\"'])",
    re.DOTALL,
)

_NAME: Final = "a name or a value"
_BRACKETS: Final = frozenset("[]{}")

Keys = tuple[str, ...]
# The keys that lead to a value. An item of a list has its number as a key.
Spot = tuple[str | int, ...]


class Statement(NamedTuple):
    """
    A key with its value, or the heading of a table, at *place*, from *start* to *end*.

    *table* is the table whose heading is above the key. *within* is the start of the braces around the key, if there
    are any.
    """

    place: Keys
    table: Keys
    start: int
    end: int
    is_heading: bool = False
    within: int | None = None


class Positions:
    """
    The first position of each key in the TOML *text*, which is valid, and of each text that is a value or a part of
    one.

    *statements* are all of them. A statement within braces follows the one that has the braces. *keys* are the tokens
    that name each place, and *spans* have the start and the end of each value.
    """

    def __init__(self, text: str) -> None:
        self.statements: list[Statement] = []
        self.keys: dict[Keys, list[Token]] = {}
        self.spans: dict[Spot, tuple[int, int]] = {}
        self._values: dict[tuple[Keys, str], Token] = {}
        self._tokens = [*_tokens(text)]
        self._at = 0
        table: Keys = ()
        while self._mark():
            if self._mark() == "\n":
                self._at += 1
            elif self._mark() == "[":
                start = self._tokens[self._at].start
                table = self._key((), "]")
                while self._mark() == "]":
                    self._at += 1
                end = self._tokens[self._at - 1].end
                self.statements.append(Statement(table, (), start, end, is_heading=True))
            else:
                self._assigned(table, None)

    def line_of(self, place: Keys, value: object = None, *, exact: bool = False) -> int | None:
        """
        Return the line that sets *place*, the keys that lead there.

        If *value* is one entry of a list, return the line of the entry. If the key is missing, return the line of its
        table, unless the line has to be *exact*. Return None if there is none of these.
        """
        if isinstance(value, str) and (place, value) in self._values:
            return self._values[place, value].line
        if isinstance(value, str) and (*place, value) in self.keys:
            place = (*place, value)
        while place and place not in self.keys and not exact:
            place = place[:-1]
        return self.keys[place][0].line if place in self.keys else None

    def _mark(self) -> str:
        return self._tokens[self._at].mark if self._at < len(self._tokens) else ""

    def _key(self, table: Keys, end: str) -> Keys:
        """
        Return the place of the key before *end*, within *table*, and record its tokens.
        """
        place = table
        while self._mark() not in {end, ""}:
            token = self._tokens[self._at]
            if token.mark == _NAME:
                place = (*place, token.text)
                self.keys.setdefault(place, []).append(token)
            self._at += 1
        self._skip(end)
        return place

    def _assigned(self, table: Keys, within: int | None) -> None:
        start, number = self._tokens[self._at].start, len(self.statements)
        place = self._key(table, "=")
        self._value(place, place)
        end = self._tokens[self._at - 1].end
        self.statements.insert(number, Statement(place, table, start, end, within=within))

    def _value(self, place: Keys, spot: Spot) -> None:
        """
        Skip the value at *place*. An item of a list is at *spot*.
        """
        start = self._tokens[self._at].start if self._at < len(self._tokens) else 0
        match self._mark():
            case "{":
                self._skip("{")
                while self._mark() not in {"}", ""}:
                    if self._mark() == _NAME:
                        self._assigned(place, start)
                    else:
                        self._at += 1
                self._skip("}")
            case "[":
                self._skip("[")
                count = 0
                while self._mark() not in {"]", ""}:
                    if self._mark() in {_NAME, "[", "{"}:
                        self._value(place, (*spot, count))
                        count += 1
                    else:
                        self._at += 1
                self._skip("]")
            case _:
                while self._mark() in {_NAME, "."}:
                    token = self._tokens[self._at]
                    self._values.setdefault((place, token.text), token)
                    self._at += 1
        self.spans.setdefault(spot, (start, self._tokens[self._at - 1].end))

    def _skip(self, mark: str) -> None:
        while self._mark() == mark:
            self._at += 1
            if mark in _BRACKETS:
                return


def starts_of_statements(text: str) -> list[int]:
    """
    Return the lines, counted from 0, in which statements of *text* begin: keys with their values, and headings. The
    text may be invalid.
    """
    starts, depth, is_begun = list[int](), 0, False
    for token in _tokens(text):
        if token.mark == "\n":
            is_begun &= depth > 0
        elif not is_begun:
            starts.append(token.line - 1)
            is_begun = True
        depth = max(0, depth + (token.mark in {"[", "{"}) - (token.mark in {"]", "}"}))
    return starts


class Token(NamedTuple):
    """
    A token of a file: a *mark*, or a name or a value with its content as *text*. It is in *line*, from *start* to
    *end*, counted in characters of the file.
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
    Return the content of a string, or of a value without quotation marks.
    """
    text = match[0]
    if "\\" in text or text.startswith(('"""', "'''")):
        try:
            return str(tomllib.loads(f"text = {text}")["text"])
        except ValueError:
            return text
    return text[1:-1] if match["text"] else text
