"""
Translates the configuration of another library into a policy, as code to paste.

No origin is allowed that was not allowed before. Entries that would allow more, although they were probably meant, are
comments in the code. Each difference has a line that says why. The engine decides what is refused, and its reason and
its fix are printed. The adapters know the other libraries; this module does not.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from json import dumps
from typing import Any, Final, NamedTuple

from corsguard.errors import PolicyError, Problem
from corsguard.expressions import Covered, patterns_of
from corsguard.names import CHROMIUM_MAX_AGE, EXAMPLE_ORIGIN, NON_WILDCARD_REQUEST_HEADER
from corsguard.origin import NULL, OriginPattern
from corsguard.quoting import quoted
from corsguard.validation import DEFAULTS, problems_of

from .written import Written, joined, with_star

# The code fits into 120 columns at any depth.
_WIDTH: Final = 96
_LONGEST_LIST: Final = 76
# The placeholder for a prefix in a comment.
UNWRITTEN: Final = "/PREFIX"
_IF_YOURS: Final = "If everything that it covers is yours, remove the #:"
_IF_MEANT: Final = "If that was meant, remove the #:"
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
# The codes of entries that no page can use, so nothing is lost without them.
_WITHOUT_EFFECT: Final = frozenset({"E402", "E502", "E503", "E601", "E602"})


class Remark(NamedTuple):
    """
    One line of a translation: a difference in *keyword* (empty: in the whole policy), and why.

    *write* are entries that were probably meant, but would allow more.
    """

    keyword: str
    text: str
    write: tuple[str, ...] = ()

    @property
    def comment(self) -> str:
        """
        The text in a translation, where the entries to write are behind a `#`.
        """
        if not self.write:
            return self.text
        is_exact = all(OriginPattern.parse(pattern).is_exact for pattern in self.write)
        return f"{self.text} {_IF_MEANT if is_exact else _IF_YOURS}"


class Draft:
    """
    One policy that is being translated: its *keywords* so far, and the *notes* on them.

    *sources* are expressions to write in place of the value of a keyword. *expressions* are the regular expressions of
    the other library, each with the patterns that would allow more.
    """

    def __init__(self) -> None:
        self.keywords: dict[str, Any] = {"allow_origins": []}
        self.notes: list[Remark] = []
        self.sources: dict[str, str] = {}
        self.expressions: dict[str, tuple[str, ...]] = {}
        self._values: dict[str, object] = {}
        # Entries next to `*`, which have no effect.
        self._beside: list[str] = []

    @property
    def shares(self) -> bool:
        """
        Whether there was anything about origins to translate. Otherwise nothing was shared, and nothing is.
        """
        return bool(self.keywords["allow_origins"]) or any(note.keyword == "allow_origins" for note in self.notes)

    def note(self, keyword: str, text: str, *write: str) -> None:
        self.notes.append(Remark(keyword, text, write))

    def credentials(self, about: str, value: object) -> None:
        """
        Translate whether credentials are allowed. This comes before the origins, because they depend on it.
        """
        allowed = value is True or str(value).strip().lower() in _TRUE
        if allowed:
            self.keywords["allow_credentials"] = True
        if not isinstance(value, bool):
            taken = "allowed credentials there" if value else "allowed no credentials there"
            self.note("allow_credentials", f"{about}: {quoted(value)} is not a bool. It {taken}; here it is {allowed}.")

    def origin(self, about: str, entry: object, covers: Callable[[str], bool]) -> None:
        """
        Translate an origin that the other library compares as text; *covers* says whether *entry* covered an origin
        there.
        """
        if not isinstance(entry, str):
            self.note("allow_origins", f"{about}: {quoted(entry)} is not text, and is left out.")
            return
        if entry == "*":
            write = 'If everyone may read, write "*" instead of the list, without credentials.'
            self.note("allow_origins", f'{about}: "*" in the list did not mean everyone. {write}')
            return
        try:
            pattern = OriginPattern.parse(entry)
        except PolicyError as error:
            self._corrected_origin(about, entry, covers, error.problems[0])
            return
        if pattern.is_exact and covers(entry):
            self._list(entry)
        else:
            self._propose(f"{about}: {quoted(entry)} was compared as text and covered nothing.", [entry])

    def regex(
        self,
        about: str,
        expression: str | re.Pattern[str],
        *,
        ignore_case: bool = False,
        matches: str | re.Pattern[str] | None = None,
    ) -> None:
        """
        Translate a regular expression that the other library matches with origins, as `re.match` does. If it matches in
        another way, *matches* is the equivalent expression for `re.match`.
        """
        said = f"{about}: {as_regex(expression)}"
        matches = expression if matches is None else matches
        if as_regex(matches) == 'r""':
            said += ", which is empty and matches everything"
        self.expressions[said] = ()
        try:
            covered = patterns_of(matches, ignore_case=ignore_case)
        except ValueError as error:
            self.note("allow_origins", f"{said} is not read, because {error}. List what it means, as patterns.")
            return
        if covered.all:
            self.everyone(said)
            return
        for text in covered.spellings:
            self._list(text)
        shared = "the data of logged-in users" if self.keywords.get("allow_credentials") else "the answers"
        self.note("allow_origins", f"{said} {_as_read(covered, shared)}")
        self.expressions[said] = tuple(text for text, _ in covered.wider)
        for text, example in covered.wider:
            more = (
                "is probably meant, but the expression does not cover it."
                if text == example
                else f"would also cover {example}, which the expression does not cover."
            )
            self._propose(f"{quoted(text)} {more}", [text])

    def everyone(self, about: str) -> None:
        """
        Translate that everyone may read.
        """
        if self.keywords.get("allow_credentials"):
            self.note(
                "allow_origins",
                f"{about}, and credentials: the old configuration let every site read the data of logged-in users. "
                'List the origins of your pages. Or, if your pages do not send cookies, write "*" without '
                "credentials.",
            )
        else:
            self._beside += [text for text in self.keywords["allow_origins"] if text != "*"]
            self.keywords["allow_origins"] = "*"
            self.note("allow_origins", f'{about}: everyone. The answer is always "*", so caches may share it.')

    def names(self, keyword: str, about: str, values: object) -> None:
        """
        Translate a list of methods or headers.
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

    def note_unasked(self, about: str) -> None:
        """
        Note which methods passed only without a preflight, because the other library refused the preflight for them.

        Browsers never check these methods in the list, so a policy that allows the headers of a request allows its
        method, too.
        """
        missing = [name for name in ("GET", "POST") if name not in self.keywords["allow_methods"]]
        if missing and self.keywords["allow_methods"] != "*" and self.keywords.get("allow_headers"):
            named, were = " and ".join(missing), "were" if missing[1:] else "was"
            cure = (
                ", with cookies too; protection=CrossOriginProtection() refuses that"
                if "allow_credentials" in self.keywords
                else ""
            )
            self.note(
                "allow_methods",
                f"{about}: {named} {were} not listed, so every preflight for {named} was refused. A page needs a "
                f"preflight to send JSON, and for most headers. Browsers do not check {named} in the list, so such "
                f"requests now pass if their headers are allowed{cure}.",
            )

    def max_age(self, about: str, value: object) -> None:
        """
        Translate how long an answer to a preflight may be kept. A false value was not sent.
        """
        if isinstance(value, str) and value.isdecimal():
            value = int(value)
        elif not value:
            value = None
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        if isinstance(seconds, int | float) and seconds > CHROMIUM_MAX_AGE:
            self.note("max_age", f"{about}: {value} is reduced to Chromium's maximum; Firefox kept it longer.")
            value = CHROMIUM_MAX_AGE
        self.keywords["max_age"] = value

    def come_from(self, keyword: str, about: str, values: Iterable[object], expression: str) -> None:
        """
        Note that *values* are the value of *expression* in this process, and may differ in another process.

        The expression is written if all values are used unchanged; later names are added to it.
        """
        listed, taken = [*values], self.keywords.get(keyword)
        more = taken[len(listed) :] if isinstance(taken, list) and taken[: len(listed)] == listed else []
        starred = with_star(expression)
        self.sources[keyword] = joined(expression, _literal(more)) if more else starred
        # Nothing can be added to `"*"`.
        self._values[keyword] = None if more and starred != expression else [*listed, *more]
        self.note(keyword, f"{about}: the values are not in the source, which has {expression}.")

    def written(self, keyword: str, option: str, value: object, there: Written) -> None:
        """
        Translate how the *value* of *option*, which has become *keyword*, is written *there*.
        """
        if there.is_fixed:
            return
        about = f"{option} ({there.file}, line {there.line})"
        if isinstance(value, list | tuple):
            self.come_from(keyword, about, value, there.text)
        elif isinstance(value, str) and keyword != "max_age":
            self.come_from(keyword, about, [value], f"[{there.text}]")
        elif self.keywords.get(keyword) == value:
            self.sources[keyword] = there.text
            self.note(keyword, f"{about}: this is {value!r} in this process.")
        else:
            self.note(keyword, f"{about}: the source has {there.text}, and this is its value in this process.")

    def finish(self) -> None:
        """
        Leave out everything that the engine refuses, and say why.
        """
        if self._beside:
            listed = ", ".join(map(quoted, self._beside))
            self.note("allow_origins", f"The list next to it had no effect. To share only with the list: [{listed}]")
        while problems := problems_of(self.keywords):
            refused = [problem for problem in problems if problem.code != "E101"]
            for problem in refused:
                self._leave_out(problem)
            if not refused:
                self._say_that_nobody_is_left()
                break
        self._propose_once()
        self.keywords = {name: self.keywords[name] for name in DEFAULTS if name in self.keywords}
        for keyword in [name for name, values in self._values.items() if self.keywords.get(name) != values]:
            del self.sources[keyword], self._values[keyword]
            self.note(keyword, "This is the value in this process. Write the value for all processes.")

    def _list(self, text: str) -> None:
        listed = self._beside if self.keywords["allow_origins"] == "*" else self.keywords["allow_origins"]
        if text not in listed:
            listed.append(text)

    def _corrected_origin(self, about: str, entry: str, covers: Callable[[str], bool], problem: Problem) -> None:
        if entry == NULL:
            door = f'allow_unsafe_origins={{"{NULL}": "who needs this, and until when"}}'
            self.note("allow_origins", f"{about}: {problem.message} If it is necessary, without credentials: {door}")
            return
        meant = [text for text in problem.fix.entries if _is_meant(text, entry)]
        if meant and all(covers(text) for text in meant):
            for text in meant:
                self._list(text)
            sent = ", ".join(map(quoted, meant))
            self.note("allow_origins", f"{about}: {quoted(entry)} is {sent} in the form that browsers send.")
        else:
            self._propose(f"{about}: {problem.message}", [] if problem.code == "E213" else meant)

    def _propose(self, text: str, patterns: list[str]) -> None:
        """
        Note *patterns* that would allow more, unless the engine refuses them.
        """
        keywords = {"allow_origins": patterns, "allow_credentials": "allow_credentials" in self.keywords}
        refused = [problem.message for problem in problems_of(keywords) if problem.code != "E101"]
        if refused:
            self.note("allow_origins", " ".join([text, *refused]))
        else:
            self.note("allow_origins", text, *patterns)

    def _propose_once(self) -> None:
        """
        Leave out proposals that are listed already, or were proposed before.
        """
        known = {*self.keywords["allow_origins"]}
        notes, self.notes = dict.fromkeys(self.notes), []
        for keyword, text, write in notes:
            new = () if "*" in known else tuple(pattern for pattern in write if pattern not in known)
            self.note(keyword, text, *new)
            known.update(new)

    def _starred(self, keyword: str, about: str, rest: list[Any]) -> None:
        if self.keywords.get("allow_credentials"):
            self.keywords[keyword] = rest
            self.note(
                keyword,
                f'{about}: "*" counted for requests without credentials only. A policy with credentials cannot '
                "have it, so it is left out. List all names.",
            )
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
        more = "remove a #, or " if proposed else ""
        empty = ""
        if "allow_origins" in self.sources and not self._values.get("allow_origins"):
            empty, more = "It is empty in this process. ", "set it, or "
        self.note(
            "allow_origins",
            f"{empty}Without an origin, this policy is refused: {more}write, for example, {quoted(EXAMPLE_ORIGIN)}.",
        )


@dataclass
class Placement:
    """
    The place of a draft: its *prefix*, and *texts* about the place. An empty prefix is everything.

    If it is not active, it is a proposal: a comment in the code. Before, it decided about paths below its prefix that
    begin with *head*. If *head* is None, it decided only about the prefix itself; if it had no *effect*, about nothing.
    If it is not *read*, it stands for other prefixes, which the user has to write.
    """

    prefix: str
    draft: Draft
    texts: list[str] = field(default_factory=list)
    is_active: bool = True
    is_read: bool = True
    head: str | None = None
    had_effect: bool = True

    def may_decide(self, prefix: str) -> bool:
        """
        Return whether this is a proposal that may mean *prefix* itself, or something that cannot be distinguished from
        it.
        """
        is_meant = prefix == self.prefix or (self.head is not None and prefix.startswith(self.head))
        return is_meant and self.had_effect and not self.is_active

    def meets(self, other: "Placement") -> bool:
        """
        Return whether one of the two covers, or may cover, a part of the other.
        """
        pairs = ((self.prefix, other.prefix), (other.prefix, self.prefix))
        nested = any(below == above or below.startswith(f"{above}/") for below, above in pairs)
        return nested or not (self.is_read and other.is_read)


@dataclass(frozen=True)
class Translation:
    """
    The translated configuration of another library: *mapping* is what every adapter takes, *notes* are the differences,
    and *places* say what decides about which paths.

    `str()` is the code to paste, with the notes as comments. *notes* are about the whole, then about each policy and
    each place. If the *mapping* is refused, the user has to complete it.
    """

    mapping: Mapping[str, Any]
    notes: tuple[tuple[Remark, ...], ...]
    places: tuple[Placement, ...]
    code: str

    @classmethod
    def of(cls, template: str, notes: Iterable[Remark], entries: Sequence[Placement]) -> "Translation":
        """
        Finish the drafts of *entries*.

        *template* is the code, with `{policy}` for the mapping, or `{keywords}` for the arguments of a call. `{named}`
        is the place of policies with a name, which are used at several paths or at none yet.
        """
        drafts = _merged(entries)
        whole = _whole(entries)
        paths = {
            entry.prefix or "/": entry.draft.keywords if entry.draft.shares else None
            for entry in entries
            if entry.is_active
        }
        mapping: Mapping[str, Any] = {"paths": paths} if whole is None else whole.keywords
        of_all = tuple(notes)
        of_places = tuple(Remark("", text) for entry in entries for text in entry.texts)
        told = (of_all, *(tuple(draft.notes) for draft in drafts), of_places)
        return cls(mapping, told, (*entries,), "\n".join(_code(template, of_all, entries, drafts)))

    def __str__(self) -> str:
        return self.code


def as_regex(expression: str | re.Pattern[str]) -> str:
    """
    Return *expression* as people write it.
    """
    text = expression.pattern if isinstance(expression, re.Pattern) else expression
    return f'r"{text}"' if text.isprintable() and '"' not in text and not text.endswith("\\") else ascii(text)


def _as_read(covered: Covered, shared: str) -> str:
    said = (
        f"is read as {', '.join(map(quoted, covered.spellings))}."
        if covered.spellings
        else "is not exactly any pattern."
    )
    lost = " and ".join([covered.lost, *covered.also_lost] if covered.lost is not None else [])
    if covered.nothing:
        return "matches nothing that a browser sends, so it had no effect."
    if covered.every_page:
        beyond = f"{said} It covered" if covered.spellings else "covers"
        return (
            f"{beyond} every page on https, so every site could read {shared}. List the origins of your pages. Or, if "
            'everyone may read, write "*" instead of the list, without credentials.'
        )
    if not lost:
        return said
    if covered.spellings:
        return f"{said} It also covered {lost}, which {'are' if covered.also_lost else 'is'} left out."
    return f"{said} It covers {lost}, for example. List the origins that you need."


def _is_meant(text: str, entry: str) -> bool:
    # A general fix, for entries without a guess, says nothing about this entry.
    return text != EXAMPLE_ORIGIN or EXAMPLE_ORIGIN.partition("://")[2] in entry.lower()


# Code.


def _merged(entries: Sequence[Placement]) -> list[Draft]:
    """
    Finish the drafts of *entries*, merge equal ones, and return each once.
    """
    drafts: list[Draft] = []
    for draft in {id(entry.draft): entry.draft for entry in entries if entry.draft.shares}.values():
        draft.finish()
    for entry in entries:
        same = (draft for draft in drafts if (draft.keywords, draft.notes) == (entry.draft.keywords, entry.draft.notes))
        entry.draft = next(same, entry.draft)
        if entry.draft not in drafts:
            drafts.append(entry.draft)
    return drafts


def _whole(entries: Sequence[Placement]) -> Draft | None:
    """
    Return the draft that guards everything, if it is the only one.
    """
    alone = entries[0] if len(entries) == 1 else None
    return alone.draft if alone and alone.is_active and not alone.prefix and alone.draft.shares else None


def _code(template: str, notes: Iterable[Remark], entries: Sequence[Placement], drafts: list[Draft]) -> Iterator[str]:
    names: dict[int, str] = {}
    for draft in drafts:
        places = [entry for entry in entries if entry.draft is draft]
        if draft.shares and (len(places) > 1 or not places[0].is_active):
            names[id(draft)] = f"shared_{len(names) + 1}" if names else "shared"
    for note in notes:
        yield from _comment(note.comment)
    for line in template.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        if line.strip() == "{keywords}":
            yield from (indent + inner for inner in _keywords(drafts[0], "{}="))
        elif line == "{named}":
            yield from (inner for draft in drafts if id(draft) in names for inner in _named(names[id(draft)], draft))
        else:
            first, found, rest = line.partition("{policy}")
            block = [*_policies(entries, names)] if found else [""]
            block[-1] += rest
            yield (first + block[0]).rstrip()
            yield from (f"{indent}{inner}".rstrip() for inner in block[1:])


def _named(name: str, draft: Draft) -> Iterator[str]:
    yield f"{name} = {{"
    yield from ("    " + line for line in _keywords(draft, '"{}": '))
    yield "}"
    yield ""


def _policies(entries: Sequence[Placement], names: Mapping[int, str]) -> Iterator[str]:
    yield "{"
    whole = _whole(entries)
    if whole is not None:
        yield from ("    " + line for line in _keywords(whole, '"{}": '))
    elif entries:
        yield '    "paths": {'
        for entry in entries:
            yield from (" " * 8 + line for line in _entry(entry, names))
        yield "    },"
    else:
        yield '    "paths": {},'
    yield "}"


def _entry(entry: Placement, names: Mapping[int, str]) -> Iterator[str]:
    key = dumps((entry.prefix or "/") if entry.is_read else UNWRITTEN)
    name = names.get(id(entry.draft), "None")
    for text in entry.texts:
        yield from _comment(text)
    if entry.is_active and entry.draft.shares and id(entry.draft) not in names:
        yield f"{key}: {{"
        yield from ("    " + line for line in _keywords(entry.draft, '"{}": '))
        yield "},"
        return
    if not entry.draft.shares:
        yield from (line for note in entry.draft.notes if not note.keyword for line in _comment(note.comment))
    if not entry.is_active:
        tag = f"@cors(**{name})" if entry.draft.shares else "@cors(None)"
        more = (
            (f"for everything below {entry.prefix or '/'}")
            if entry.is_read
            else (f"with prefixes instead of {UNWRITTEN}")
        )
        yield from _comment(f"Write {tag} above the views that this is for. Or, {more}, remove the #:")
    yield f"{'' if entry.is_active else '# '}{key}: {name},"


def _keywords(draft: Draft, form: str) -> Iterator[str]:
    for note in draft.notes:
        if note.keyword not in draft.keywords:
            yield from _comment(note.comment)
    for keyword, value in draft.keywords.items():
        of_keyword = [note for note in draft.notes if note.keyword == keyword]
        source = draft.sources.get(keyword)
        proposes = any(note.write for note in of_keyword)
        items = [*map(_literal, value)] if isinstance(value, list) else []
        if source is not None and not proposes:
            for note in of_keyword:
                yield from _comment(note.comment)
            yield f"{form.format(keyword)}{source},"
        elif isinstance(value, list) and (of_keyword or len(_literal(value)) > _LONGEST_LIST):
            yield f"{form.format(keyword)}["
            for note in of_keyword:
                yield from ("    " + line for line in _comment(note.comment))
                yield from (f"    # {dumps(entry)}," for entry in note.write)
            yield from (f"    {item}," for item in (items if source is None else [f"*{source}"]))
            yield "],"
        else:
            for note in of_keyword:
                yield from _comment(note.comment)
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
