"""
The line to change: how the keywords of a policy are written where they stand, and in which line of a TOML file.

What a fix of the engine or of the model says is read here as keywords and put into the user's words; nothing is added.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple

# In which words a policy is written: those of a file, of an adapter, or of `@cors` on a view.
Words = Literal["toml", "wsgi", "flask", "django", "view"]

# Where a policy stands, with the keywords that change, beside those that stay.
_PLACES: Final[Mapping[Words, str]] = {
    "wsgi": "CORSMiddleware(application, {%s})",
    "flask": "CORSGuard(app, {%s})",
    "django": "CORSGUARD = {%s}",
    "view": "@cors(%s)",
}

_KEYWORDS: Final = re.compile(r"[a-z_]+=")
# TOML, "Comment", "String", "Keys": what a file is made of, as far as keys have to be found in it.
_TOKEN: Final = re.compile(
    r'(?P<text>"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\')'
    r"|(?P<comment>#[^\n]*)|(?P<mark>[\[\]{}=\n.,])|(?P<bare>[^\s\"'#\[\]{}=.,]+)",
    re.DOTALL,
)

_NAME: Final = "a name or a value"
_BRACKETS: Final = frozenset("[]{}")

Place = tuple[str, ...]


class Fix(NamedTuple):
    """
    What the model says is to be changed: *why*, the lines to *send*, the *policy* as keywords, what a *page* writes.
    """

    why: str
    send: tuple[str, ...]
    policy: dict[str, Any]
    page: tuple[str, ...]


def read_fix(text: str) -> Fix:
    """
    Return what `advice.fix` wrote, read again.
    """
    why, *lines = text.split("\n")
    named = [line.strip().partition(":") for line in lines]
    said = {key: [rest.strip() for name, _, rest in named if name == key] for key in ("send", "policy", "page")}
    policy = {keyword: value for line in said["policy"] for keyword, value in keywords_of(line).items()}
    return Fix(why, tuple(said["send"]), policy, tuple(said["page"]))


def keywords_of(fix: str) -> dict[str, Any]:
    """
    Return the keywords that *fix* (`keyword=value, ...`) gives, or nothing if it gives something else.
    """
    code = fix.partition("  # ")[0]
    if _KEYWORDS.match(code) is None:
        return {}
    try:
        call = ast.parse(f"f({code})", mode="eval").body
        given = call.keywords if isinstance(call, ast.Call) else []
        return {keyword.arg: ast.literal_eval(keyword.value) for keyword in given if keyword.arg}
    except (SyntaxError, ValueError):
        return {}


def written(words: Words, keywords: Mapping[str, Any]) -> list[str]:
    """
    Return the lines that say *keywords* in *words*, beside whatever else the policy says (`...`).
    """
    if words == "toml":
        return [f"{keyword} = {_in_toml(value)}" for keyword, value in keywords.items()]
    pair = "{}={}" if words == "view" else '"{}": {}'
    items = [pair.format(keyword, _in_python(value)) for keyword, value in keywords.items()]
    return [_PLACES[words] % ", ".join(["...", *items])]


def begun(words: Words, keywords: Mapping[str, Any]) -> list[str]:
    """
    Return the lines that begin a policy of *keywords* where there is none yet.
    """
    first = {"django": ['MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]']}
    return [*first.get(words, []), *(line.replace("..., ", "", 1) for line in written(words, keywords))]


def _in_python(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | list) else repr(value)


def _in_toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_in_toml(there)}" for key, there in value.items()) + " }"
    return '"none"' if value is None else json.dumps(value, ensure_ascii=False)


# Lines of a file


def line_of(text: str, field: str, value: object = None, *, exact: bool = False) -> int | None:
    """
    Return the line of the TOML *text*, which is valid, that says *field* (`environments.production.allow_origins`).

    It is that of *value* if that is one entry of a list, that of the table around it if the key is missing (unless it
    has to be *exact*), and None if there is none of these.
    """
    place = tuple(_plain(match) for match in _TOKEN.finditer(field) if match["text"] or match["bare"])
    reader = _Reader(text)
    if isinstance(value, str) and (place, value) in reader.values:
        return reader.values[place, value]
    while place and place not in reader.keys and not exact:
        place = place[:-1]
    return reader.keys.get(place)


class _Reader:
    """
    The first line of each key of a TOML file, and of each text that is a value, or a part of one.
    """

    def __init__(self, text: str) -> None:
        self.keys: dict[Place, int] = {}
        self.values: dict[tuple[Place, str], int] = {}
        self._tokens = [*_tokens(text)]
        self._at = 0
        table: Place = ()
        while self._mark():
            if self._mark() == "\n":
                self._at += 1
            elif self._mark() == "[":
                table = self._key((), "]")
                self._skip("]")
            else:
                self._value(self._key(table, "="))

    def _mark(self) -> str:
        return self._tokens[self._at].mark if self._at < len(self._tokens) else ""

    def _key(self, table: Place, end: str) -> Place:
        """
        Return the place that the key before *end* names, within *table*, and note its line.
        """
        place = table
        while self._mark() not in {end, ""}:
            token = self._tokens[self._at]
            if token.mark == _NAME:
                place = (*place, token.text)
                self.keys.setdefault(place, token.line)
            self._at += 1
        self._skip(end)
        return place

    def _value(self, place: Place) -> None:
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
                    self.values.setdefault((place, token.text), token.line)
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
