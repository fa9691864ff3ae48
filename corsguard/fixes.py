"""
What to change, as data.

A module that finds a fault gives its Fix. Only this module turns a fix into text, in the syntax of the place where it
has to be pasted. Nothing reads that text back.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from shlex import quote
from typing import Any, Final, Literal

from .quoting import MOST_ITEMS, printable, quoted

# The syntax of a policy: Python, a TOML file, environment variables, the WSGI or the ASGI middleware, the guard for
# FastAPI and Starlette, `add_middleware` of these, the Flask extension, Django settings, or `@cors` on a view.
Form = Literal["python", "toml", "variables", "wsgi", "asgi", "fastapi", "add_middleware", "flask", "django", "view"]
Part = Literal["words", "send", "policy", "page"]

# Stands for None, for which TOML and variables have no word.
NONE: Final = "none"
PREFIX: Final = "CORSGUARD_"
# The keys of policies by path and by host.
LEVELS: Final = ("paths", "hosts")
# Where a policy is written in code.
_PLACES: Final[Mapping[Form, str]] = {
    "wsgi": "CORSMiddleware(application, {%s})",
    "asgi": "CORSMiddleware(app, {%s})",
    "fastapi": "CORSGuard(app, {%s})",
    "add_middleware": "app.add_middleware(CORSMiddleware, policy={%s})",
    "flask": "CORSGuard(app, {%s})",
    "django": "CORSGUARD = {%s}",
    "view": "@cors(%s)",
}
# The line before the first policy. For ASGI it tells which of the two classes named CORSMiddleware is meant.
_BEFORE: Final[Mapping[Form, str]] = {
    "asgi": "from corsguard.asgi import CORSMiddleware",
    "add_middleware": "from corsguard.asgi import CORSMiddleware",
    "fastapi": "from corsguard.asgi import CORSGuard",
    "django": 'MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]',
}
# The text of a fix cuts strings that are longer. No origin is that long. Text that is meant to be pasted is never cut.
_LONGEST_TEXT: Final = 400
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Fix:
    """
    What to change, as plain data: `data()` gives what JSON can hold, and `str()` the text.

    *words* say in a sentence why, or what to do; what the other fields say can be done as it is. *policy* are keywords
    that replace the same ones, *entries* what is in place of the value at fault, *name* the right name of a key,
    *send* lines of the response, *page* what the page writes. With *removes*, what is at fault is taken out; *lines* of
    a file that cannot be read become comments. *otherwise* are alternatives to all of it; the words of each lead over
    to it.

    *form* tells in which words it is written; the names of environment variables begin with *prefix*. *tables* has the
    keys that lead to the table of each keyword that is not next to what is at fault. In code, all have the same.
    """

    words: str = ""
    name: str = ""
    entries: tuple[Any, ...] = field(default=(), hash=False)
    policy: dict[str, Any] = field(default_factory=dict[str, Any], hash=False)
    send: tuple[str, ...] = ()
    page: tuple[str, ...] = ()
    removes: bool = False
    lines: tuple[int, ...] = ()
    otherwise: tuple["Fix", ...] = ()
    form: Form = "python"
    prefix: str = PREFIX
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], hash=False, compare=False)

    @property
    def can_be_pasted(self) -> bool:
        """
        Whether it has more than words.
        """
        return bool(self.name or self.entries or self.policy or self.send or self.page)

    def __bool__(self) -> bool:
        return self.can_be_pasted or bool(self.words or self.removes or self.lines)

    def __str__(self) -> str:
        if self.send or self.page:
            texts = [text if part == "words" else f"    {part + ':':8}{text}" for part, text in self.parts()]
            return "\n".join(texts)
        told = [self.words, *(text for _, text in self._alternatives())]
        return self._with_comment("; ".join(filter(None, told)))

    def choices(self) -> Iterator[tuple["Fix", str]]:
        """
        Yield this fix and each alternative to it, each with its text, which is written on a button.
        """
        yield self, self._with_comment(self.words)
        yield from self._alternatives()

    def _alternatives(self) -> Iterator[tuple["Fix", str]]:
        for other in self.otherwise:
            there = replace(other, form=self.form, prefix=self.prefix, tables=self.tables)
            yield there, printable(f"{there.words}{' ' if there.is_told else ': '}{there.code()}", keep="\n")

    def _with_comment(self, told: str) -> str:
        text, comment = self.code(), printable(told, keep="\n")
        return f"{text}  # {comment}" if text and comment else text or comment

    @property
    def is_told(self) -> bool:
        """
        Whether words describe the fix, and no code does.
        """
        return not (self.name or self.entries or self.policy)

    def code(self) -> str:
        """
        Return the code of the fix, without the words around it.
        """
        more = len(self.entries) - MOST_ITEMS
        entries = [self._literal(entry, MOST_ITEMS) for entry in self.entries[:MOST_ITEMS]]
        entries += [f"and {more} more"] if more > 0 else []
        # The entries of a list are on one line, as in a variable.
        code = [printable(self.name), ("," if self.form == "variables" else ", ").join(entries)]
        code += self._lines(self.policy, MOST_ITEMS)
        if self.is_told:
            code += ["remove it"] if self.removes else []
            code += [f"make {_numbered(self.lines)}"] if self.lines else []
        return self._joined(filter(None, code))

    def data(self) -> dict[str, Any]:
        """
        Return the fix as JSON holds it, with its text.
        """
        data = {name: [*value] if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        tables = {keyword: [*place] for keyword, place in self.tables.items()}
        others = [{**other.data(), "text": text} for other, text in self._alternatives()]
        return {**data, "tables": tables, "otherwise": others, "text": str(self)}

    def parts(self) -> list[tuple[Part, str]]:
        """
        Return the lines of the fix, each with the part that it belongs to.
        """
        words = (printable(self.words, keep="\n"),) if self.words else ()
        lines: Mapping[Part, Iterable[str]] = {
            "words": words,
            "send": self.send,
            "policy": self._lines(self.policy, MOST_ITEMS),
            "page": self.page,
        }
        return [(part, line) for part, there in lines.items() for line in there]

    def written(self) -> list[str]:
        """
        Return the lines with the keywords of the policy, uncut. `...` stands for the rest of the policy.
        """
        return self._lines(self.policy, None, "...")

    def begun(self) -> list[str]:
        """
        Return the lines of a new policy with these keywords.
        """
        before = [_BEFORE[self.form]] if self.form in _BEFORE else []
        return [*before, *self._lines(self.policy, None)]

    def _lines(self, keywords: Mapping[str, Any], most: int | None, *rest: str) -> list[str]:
        pairs = [(keyword, self._literal(value, most)) for keyword, value in keywords.items()]
        match self.form:
            case "toml":
                return [f"{dotted((*self.tables.get(keyword, ()), keyword))} = {value}" for keyword, value in pairs]
            case "variables":
                return [f"{self.prefix}{keyword.upper()}={value}" for keyword, value in pairs]
            case "python":
                return [", ".join(f"{keyword}={value}" for keyword, value in pairs)] if pairs else []
            case "view":
                return [_PLACES["view"] % ", ".join([*rest, *(f"{keyword}={value}" for keyword, value in pairs)])]
            case form:
                return [
                    _PLACES[form] % self._nested([*rest, *(f'"{keyword}": {value}' for keyword, value in pairs)], rest)
                ]

    def _nested(self, pairs: Iterable[str], rest: Iterable[str]) -> str:
        """
        Return the *pairs* of a mapping within the mappings of the *tables* that lead there, each with *rest*.
        """
        code = ", ".join(pairs)
        for key in reversed(next(iter(self.tables.values()), ())):
            # Nothing else may be next to a level.
            code = ", ".join([*(rest if key not in LEVELS else ()), f"{_in_json(key)}: {{{code}}}"])
        return code

    def _literal(self, value: object, most: int | None) -> str:
        if self.form == "variables":
            return _in_variable(value, most)
        return _in_toml(value, most) if self.form == "toml" else _in_python(value, most)

    def _joined(self, code: Iterable[str]) -> str:
        return ("\n" if self.form in {"toml", "variables"} else ", ").join(code)


NO_FIX: Final = Fix()
OR_REMOVE_IT: Final = Fix(words="or", removes=True)


def already_there(name: str) -> Fix:
    """
    Return what to do about a key that is meant to be *name*, if *name* is there too.
    """
    return Fix(removes=True, words=f"{name} is there, too")


def as_toml(value: object) -> str:
    """
    Return *value* in the syntax of TOML, uncut.
    """
    return _in_toml(value, None)


def dotted(place: Iterable[str]) -> str:
    """
    Return the dotted key of TOML that leads to *place*.
    """
    return ".".join(map(_as_key, place))


def _as_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else as_toml(name)


def _in_python(value: object, most: int | None) -> str:
    if isinstance(value, str):
        return quoted(value, _LONGEST_TEXT) if most else _in_json(value)
    if isinstance(value, Mapping):
        pairs = (f"{_in_python(key, most)}: {_in_python(there, most)}" for key, there in value.items())
        return f"{{{_listed(pairs, len(value), most)}}}"
    if isinstance(value, list | tuple):
        return f"[{_listed((_in_python(item, most) for item in value), len(value), most)}]"
    return repr(value)


def _in_toml(value: object, most: int | None) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_as_key(str(key))} = {_in_toml(there, most)}" for key, there in value.items())
        return f"{{ {_listed(pairs, len(value), most)} }}" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{_listed((_in_toml(item, most) for item in value), len(value), most)}]"
    if value is None:
        return f'"{NONE}"'
    if isinstance(value, bool):
        return str(value).lower()
    # TOML, "Basic string": the escapes are those of JSON, and DEL. Lone surrogates are not allowed.
    return _in_json(_SURROGATE.sub("\ufffd", value)) if isinstance(value, str) else str(value)


def _in_variable(value: object, most: int | None) -> str:
    if isinstance(value, Mapping):
        return quote(json.dumps(dict(value)))
    if isinstance(value, list | tuple):
        return _listed((printable(str(item)) for item in value), len(value), most, ",")
    return str(value).lower() if isinstance(value, bool | None) else printable(str(value))


def _in_json(text: str) -> str:
    return printable(json.dumps(text, ensure_ascii=False))


def _numbered(lines: tuple[int, ...]) -> str:
    """
    Return which of *lines*, in their order, become comments.
    """
    first, last = lines[0], lines[-1]
    if first == last:
        return f"line {first} a comment"
    if len(lines) > 2 and last - first == len(lines) - 1:
        return f"lines {first} to {last} comments"
    listed = ", ".join(map(str, lines[:-1])) if len(lines) <= MOST_ITEMS else f"{first}, {len(lines) - 2} more"
    return f"lines {listed} and {last} comments"


def _listed(items: Iterable[str], count: int, most: int | None, comma: str = ", ") -> str:
    more = f", and {count - most} more" if most is not None and count > most else ""
    return f"{comma.join(islice(items, most))}{more}"
