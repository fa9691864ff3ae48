"""
What the configuration of another library says, in the words of this one, as code to paste.

No origin is allowed that was not allowed before. What would be more, though it was probably meant, stands in the code
as a comment; and whatever is different has a line that says why. The engine is asked what it refuses, and its reason
and its fix are what is printed. The adapters know the other libraries; this room knows none.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from json import dumps
from typing import Any, Final, NamedTuple

from corsguard.errors import PolicyError, Problem
from corsguard.expressions import Covered, patterns_of, prefixes_of
from corsguard.names import CHROMIUM_MAX_AGE, EXAMPLE_ORIGIN, NON_WILDCARD_REQUEST_HEADER
from corsguard.origin import NULL, OriginPattern
from corsguard.quoting import quoted
from corsguard.validation import DEFAULTS, problems_of

# So that the code fits in 120 columns, however deep it stands.
_WIDTH: Final = 96
_LONGEST_LIST: Final = 76
_IF_YOURS: Final = "If all that it covers is yours, take the # away:"
_IF_MEANT: Final = "If that is what is meant, take the # away:"
# What stands where a prefix has to be written. It covers nothing that exists.
UNWRITTEN: Final = "/PREFIX"
_WRITE_PREFIXES: Final = f"Write the prefixes that it means in place of {UNWRITTEN}; None closes what is below one."
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
# No page can ask for what these are refused for, so nothing is lost and nothing is to be written.
_WITHOUT_EFFECT: Final = frozenset({"E402", "E502", "E503", "E601"})


class Remark(NamedTuple):
    """
    One line of a translation: what is different in *keyword* (empty: in all of it), and why.

    *write* are entries that were probably meant, and would allow more.
    """

    keyword: str
    text: str
    write: tuple[str, ...] = ()


class Draft:
    """
    One policy that is being translated: its *keywords* so far, and the *notes* on them.
    """

    def __init__(self) -> None:
        self.keywords: dict[str, Any] = {"allow_origins": []}
        self.notes: list[Remark] = []

    @property
    def shares(self) -> bool:
        """
        Whether there was anything about origins to translate; otherwise nothing was shared, and nothing is.
        """
        return bool(self.keywords["allow_origins"]) or any(note.keyword == "allow_origins" for note in self.notes)

    def note(self, keyword: str, text: str, *write: str) -> None:
        self.notes.append(Remark(keyword, text, write))

    def credentials(self, about: str, value: object) -> None:
        """
        Take whether credentials are allowed; before the origins, because these depend on it.
        """
        allowed = value is True or str(value).strip().lower() in _TRUE
        if allowed:
            self.keywords["allow_credentials"] = True
        if not isinstance(value, bool):
            self.note("allow_credentials", f"{about}: {quoted(value)} is not a bool; here it is {allowed}.")

    def origin(self, about: str, entry: object, covers: Callable[[str], bool]) -> None:
        """
        Take an origin that the other library compares as a text; *covers* says whether *entry* covered an origin there.
        """
        if not isinstance(entry, str):
            self.note("allow_origins", f"{about}: {quoted(entry)} is not text, and is left out.")
            return
        try:
            pattern = OriginPattern.parse(entry)
        except PolicyError as error:
            self._mended_origin(about, entry, covers, error.problems[0])
            return
        if pattern.is_exact and covers(entry):
            self._list(entry)
        else:
            self._propose(f"{about}: {quoted(entry)} was compared letter by letter and covered nothing.", [entry])

    def regex(self, about: str, expression: str | re.Pattern[str], *, ignore_case: bool = False) -> None:
        """
        Take a regular expression that the other library matches with whole origins.
        """
        said = f"{about}: {as_regex(expression)}"
        try:
            covered = patterns_of(expression, ignore_case=ignore_case)
        except ValueError as error:
            self.note("allow_origins", f"{said} is not read, because {error}. List what it means, as patterns.")
            return
        if covered.all:
            self.everyone(said)
            return
        for text in covered.spellings:
            self._list(text)
        self.note("allow_origins", f"{said} {_as_read(covered)}")
        for text, example in covered.wider:
            more = "is what was probably meant, and" if text == example else f"would cover {example} too, which"
            self._propose(f"{quoted(text)} {more} the expression does not cover.", [text])

    def everyone(self, about: str) -> None:
        """
        Take that everyone may read.
        """
        if self.keywords.get("allow_credentials"):
            self.note(
                "allow_origins",
                f"{about}, and credentials: the old answer let every site read the data of logged-in users. List the "
                f'origins of your pages; or, if none of them sends cookies, write "*" and allow no credentials.',
            )
        else:
            self.keywords["allow_origins"] = "*"
            self.note("allow_origins", f'{about}: everyone. The answer is always "*", so caches may share it.')

    def names(self, keyword: str, about: str, values: object) -> None:
        """
        Take a list of methods or headers.
        """
        if not isinstance(values, list | tuple | set | frozenset):
            self.keywords[keyword] = values
            return
        names = sorted(values, key=str) if isinstance(values, set | frozenset) else [*values]
        if "*" in names:
            self._starred(keyword, about, [name for name in names if name != "*"])
            return
        if keyword == "allow_methods" and "OPTIONS" in names:
            names = [name for name in names if name != "OPTIONS"]
            self.note(keyword, f"{about}: OPTIONS is left out; only a page that itself sends OPTIONS needs it.")
        self.keywords[keyword] = names

    def max_age(self, about: str, value: object) -> None:
        """
        Take for how long an answer to a preflight may be kept; what is false was not sent.
        """
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        elif not value:
            value = None
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        if isinstance(seconds, int | float) and seconds > CHROMIUM_MAX_AGE:
            self.note("max_age", f"{about}: {value} is cut to what Chromium honours; Firefox kept it longer.")
            value = CHROMIUM_MAX_AGE
        self.keywords["max_age"] = value

    def paths(self, said: str, expression: str | re.Pattern[str]) -> tuple[str, ...]:
        """
        Return the path prefixes that a regular expression means: an empty one if it is all paths, none if it is none.

        *said* is what notes call it.
        """
        try:
            covered = prefixes_of(expression)
        except ValueError as error:
            self.note("", f"{said} is not read, because {error}. {_WRITE_PREFIXES}")
            return ()
        if covered.all:
            return ("",)
        if not covered.spellings:
            self.note("", f"{said} is not a prefix. {_WRITE_PREFIXES}")
            return ()
        more = [example for prefix, example in covered.wider if prefix in covered.spellings]
        told = [f"That covers {' and '.join(more)} too, which it did not."] if more else []
        told += [f"It covered {covered.lost} too, which is left out."] if covered.lost else []
        self.note("", " ".join([f"{said} is read as {', '.join(map(quoted, covered.spellings))}.", *told]))
        return covered.spellings

    def finish(self) -> None:
        """
        Leave out what the engine refuses, and say why.
        """
        while problems := problems_of(self.keywords):
            refused = [problem for problem in problems if problem.code != "E101"]
            for problem in refused:
                self._leave_out(problem)
            if not refused:
                self._say_that_nobody_is_left()
                break
        self.keywords = {name: self.keywords[name] for name in DEFAULTS if name in self.keywords}

    def _list(self, text: str) -> None:
        listed = self.keywords["allow_origins"]
        if listed != "*" and text not in listed:
            listed.append(text)

    def _mended_origin(self, about: str, entry: str, covers: Callable[[str], bool], problem: Problem) -> None:
        if entry == NULL:
            door = f'allow_unsafe_origins={{"{NULL}": "who needs this, and until when"}}'
            self.note("allow_origins", f"{about}: {problem.message} Without credentials, if it has to be: {door}")
            return
        meant = [text for text in problem.fix.entries if _is_meant(text, entry)]
        if meant and all(covers(text) for text in meant):
            for text in meant:
                self._list(text)
            sent = ", ".join(map(quoted, meant))
            self.note("allow_origins", f"{about}: {quoted(entry)} is {sent}, as browsers send it.")
        else:
            self._propose(f"{about}: {problem.message}", [] if problem.code == "E213" else meant)

    def _propose(self, text: str, patterns: list[str]) -> None:
        """
        Note patterns that would allow more, unless the engine refuses them.
        """
        keywords = {"allow_origins": patterns, "allow_credentials": "allow_credentials" in self.keywords}
        refused = [problem.message for problem in problems_of(keywords) if problem.code != "E101"]
        if refused:
            self.note("allow_origins", " ".join([text, *refused]))
        else:
            exact = all(OriginPattern.parse(pattern).is_exact for pattern in patterns)
            ask = (_IF_MEANT if exact else _IF_YOURS) if patterns else ""
            self.note("allow_origins", f"{text} {ask}".rstrip(), *patterns)

    def _starred(self, keyword: str, about: str, rest: list[Any]) -> None:
        if self.keywords.get("allow_credentials"):
            self.keywords[keyword] = rest
            self.note(keyword, f'{about}: with credentials browsers take "*" for a name, so it is left out. Name all.')
            return
        spelled_out = [name for name in rest if str(name).lower() == NON_WILDCARD_REQUEST_HEADER]
        self.keywords[keyword] = ["*", *spelled_out] if keyword == "allow_headers" and spelled_out else "*"

    def _leave_out(self, problem: Problem) -> None:
        keyword = problem.field
        value = self.keywords.get(keyword)
        more = "It is left out." if problem.code in _WITHOUT_EFFECT else f"It is left out; write: {problem.fix}"
        self.note(keyword, f"{problem.message} {more}")
        if isinstance(value, list) and problem.value in value:
            self.keywords[keyword] = [item for item in value if item != problem.value]
        elif keyword == "allow_origins":
            self.keywords[keyword] = []
        else:
            self.keywords.pop(keyword, None)

    def _say_that_nobody_is_left(self) -> None:
        proposed = any(note.write for note in self.notes)
        more = "take a # away, or " if proposed else ""
        self.note("allow_origins", f"As it stands this is refused: {more}write, for example, {quoted(EXAMPLE_ORIGIN)}.")


@dataclass(frozen=True)
class Translation:
    """
    What the configuration of another library says: *mapping* is what every adapter takes, *notes* what is different.

    `str()` is the code to paste, with the notes as comments. *notes* belong to one policy each, in the order of
    *mapping*; the first are those on all of it. A *mapping* that is refused as it stands is one to be completed.
    """

    mapping: Mapping[str, Any]
    notes: tuple[tuple[Remark, ...], ...]
    template: str

    @classmethod
    def of(cls, template: str, notes: Iterable[Remark], drafts: Mapping[str, Draft]) -> "Translation":
        """
        Finish *drafts*, policies by path prefix; one without a prefix guards everything.

        *template* is the code, with `{policy}` where the mapping stands, or `{keywords}` for the arguments of a call.
        """
        for draft in {id(draft): draft for draft in drafts.values() if draft.shares}.values():
            draft.finish()
        policies = {prefix: draft.keywords if draft.shares else None for prefix, draft in drafts.items()}
        if policies.get("") is None:
            policies = {prefix or "/": keywords for prefix, keywords in policies.items()}
        mapping: Mapping[str, Any] = policies.get("") or {"paths": policies}
        return cls(mapping, (tuple(notes), *(tuple(draft.notes) for draft in drafts.values())), template)

    def __str__(self) -> str:
        of_all, *of_policies = self.notes
        lines = [line for note in of_all for line in _comment(note.text)]
        for line in self.template.splitlines():
            indent = line[: len(line) - len(line.lstrip())]
            if line.strip() == "{keywords}":
                lines += [indent + inner for inner in _keywords(self.mapping, of_policies[0], "{}=")]
            else:
                first, found, rest = line.partition("{policy}")
                block = [*_policies(self.mapping, of_policies)] if found else []
                lines += [first + block[0], *(indent + inner for inner in block[1:-1])] if block else [first]
                lines += [indent + block[-1] + rest] if block else []
        return "\n".join(line.rstrip() for line in lines)


def as_regex(expression: str | re.Pattern[str]) -> str:
    """
    Return *expression* as people write it.
    """
    text = expression.pattern if isinstance(expression, re.Pattern) else expression
    return f'r"{text}"' if text.isprintable() and '"' not in text and not text.endswith("\\") else ascii(text)


def _as_read(covered: Covered) -> str:
    said = (
        f"is read as {', '.join(map(quoted, covered.spellings))}."
        if covered.spellings
        else "is not exactly any pattern."
    )
    if covered.lost is None:
        return said
    if covered.spellings:
        return f"{said} It covered {covered.lost} too, which is left out."
    return said if covered.wider else f"{said} It covers {covered.lost}, for example; list the origins that it means."


def _is_meant(text: str, entry: str) -> bool:
    # A fix that stands in where nothing can be guessed says nothing about this entry.
    return text != EXAMPLE_ORIGIN or EXAMPLE_ORIGIN.partition("://")[2] in entry.lower()


# Code.


def _policies(mapping: Mapping[str, Any], notes: list[tuple[Remark, ...]]) -> Iterator[str]:
    yield "{"
    if "paths" in mapping:
        yield '    "paths": {'
        for (prefix, keywords), of_policy in zip(mapping["paths"].items(), notes, strict=True):
            if keywords is None:
                yield from (f"        {line}" for note in of_policy if not note.keyword for line in _comment(note.text))
                yield f"        {dumps(prefix)}: None,  # nobody was allowed"
                continue
            yield f"        {dumps(prefix)}: {{"
            yield from (" " * 12 + line for line in _keywords(keywords, of_policy, '"{}": '))
            yield "        },"
        yield "    },"
    else:
        yield from ("    " + line for line in _keywords(mapping, notes[0], '"{}": '))
    yield "}"


def _keywords(keywords: Mapping[str, Any], notes: tuple[Remark, ...], form: str) -> Iterator[str]:
    for note in notes:
        if note.keyword not in keywords:
            yield from _comment(note.text)
    for keyword, value in keywords.items():
        of_keyword = [note for note in notes if note.keyword == keyword]
        if isinstance(value, list) and (of_keyword or len(_literal(value)) > _LONGEST_LIST):
            yield f"{form.format(keyword)}["
            for note in of_keyword:
                yield from ("    " + line for line in _comment(note.text))
                yield from (f"    # {dumps(entry)}," for entry in note.write)
            yield from (f"    {_literal(item)}," for item in value)
            yield "],"
        else:
            for note in of_keyword:
                yield from _comment(note.text)
            yield f"{form.format(keyword)}{_literal(value)},"


def _literal(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, timedelta):
        return str(value // timedelta(seconds=1))
    return dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _comment(text: str) -> Iterator[str]:
    from textwrap import wrap

    return (f"# {line}" for line in wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False))
