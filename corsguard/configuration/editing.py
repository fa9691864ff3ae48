"""
Puts a fix into the TOML text that has the fault.

Text without a fault stays as it is written, with its comments and blanks. A removed value becomes a comment if it has
lines of its own. A change is offered only if the new text says what it should.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from corsguard.errors import Problem, plain
from corsguard.fixes import NONE, Fix, as_toml, dotted

from .positions import Keys, Positions, Statement

_Table = dict[str, Any]


class Correction(NamedTuple):
    """
    A change of a text, in words for a button, and the *text* after it. *otherwise* is True for an alternative to the
    fix.
    """

    does: str
    text: str
    otherwise: bool


class _Put(NamedTuple):
    """
    The text *instead*, which replaces the text from *start* to *end*.
    """

    start: int
    end: int
    instead: str


def corrections(text: str, problems: Iterable[Problem]) -> Iterator[list[Correction]]:
    """
    Yield for each of *problems* the ways in which its fix can be put into the TOML *text*, the best one first.
    """
    said = _read(text)
    positions = Positions("" if said is None else text)
    for problem in problems:
        found = list[Correction]()
        for fix, does in problem.fix.choices():
            if said is None:
                corrected = _with_comments(text, fix.lines)
            else:
                corrected = _corrected(text, positions, said, problem, fix)
            if corrected is not None and corrected != text:
                found.append(Correction(does, corrected, otherwise=fix != problem.fix))
        yield found


def with_keywords(text: str, table: Keys, keywords: Mapping[str, Any]) -> str | None:
    """
    Return the TOML *text* with *keywords* in *table* in place of their old values, or None if that is not possible.
    """
    said = _read(text)
    if said is None:
        return None
    return _rewritten(text, Positions(text), said, _in_table(said, table, lambda there: {**there, **keywords}))


def _read(text: str) -> _Table | None:
    with suppress(ValueError, RecursionError):
        return tomllib.loads(text)
    return None


def _with_comments(text: str, numbers: Iterable[int]) -> str | None:
    lines = text.split("\n")
    for number in numbers:
        lines[number - 1] = f"# {lines[number - 1]}"
    changed = "\n".join(lines)
    return changed if _read(changed) is not None else None


# What the text should say afterwards.


def _corrected(text: str, positions: Positions, said: _Table, problem: Problem, fix: Fix) -> str | None:
    if not problem.place:
        return None
    outer, key, wanted = problem.place[:-1], problem.place[-1], said
    if fix.name or fix.entries or fix.removes:
        wanted = _in_table(wanted, outer, lambda table: _instead(table, key, problem.value, fix))
    for keyword, value in fix.policy.items():
        place = fix.tables.get(keyword, outer)
        wanted = _in_table(wanted, place, lambda table: {**table, keyword: value})  # noqa: B023 - called at once
    names = [fix.name] if fix.name else [dotted([entry]) for entry in fix.entries if isinstance(entry, str)]
    if len(names) == 1:
        is_key = bool(fix.name) or key == problem.value
        for place in (*([problem.place] if is_key else []), (*problem.place, str(problem.value))):
            renamed = _renamed(text, positions, place, names[0])
            if renamed != text and _says(renamed, wanted):
                return renamed
    return _rewritten(text, positions, said, wanted)


def _in_table(said: _Table, place: Keys, change: Callable[[_Table], _Table]) -> _Table:
    """
    Return *said*, the content of a text, after *change* of the table at *place*.
    """
    if not place:
        return change(said)
    below = said.get(place[0])
    return {**said, place[0]: _in_table(below if isinstance(below, dict) else {}, place[1:], change)}


def _instead(table: _Table, key: str, value: object, fix: Fix) -> _Table:
    """
    Return *table* with *fix* in place of the fault: *value* at *key*, an entry of the list or the table there, or the
    *key* itself.
    """
    if key not in table:
        return table
    there = table[key]
    if fix.name:
        *outer, name = _keys_of(fix.name)
        rest = {other: below for other, below in table.items() if other != key}
        return _in_table(rest, tuple(outer), lambda within: {name: there, **within})
    if isinstance(there, list) and any(plain(item) == value for item in there):
        entries = [entry for entry in fix.entries if entry not in there]
        return {**table, key: [new for item in there for new in (entries if plain(item) == value else [item])]}
    names = [entry for entry in fix.entries if isinstance(entry, str)]
    if isinstance(there, dict) and isinstance(value, str) and value in there:
        return {**table, key: _with_names(there, value, names)}
    if key == value and plain(there) != value:
        # An example of a whole table is not a name.
        return _with_names(table, key, names) if fix.removes or names else table
    if fix.entries:
        return {**table, key: fix.entries[0]}
    return {other: below for other, below in table.items() if other != key}


def _with_names(table: _Table, key: str, names: Iterable[str]) -> _Table:
    """
    Return *table* with *names* in place of *key*. Names that it already has keep their values.
    """
    new = [name for name in names if name not in table]
    return {name: below for other, below in table.items() for name in (new if other == key else [other])}


def _keys_of(name: str) -> list[str]:
    """
    Return the keys that the dotted key *name* has.
    """
    keys, there = list[str](), tomllib.loads(f"{name} = {{}}")
    while there:
        ((key, there),) = there.items()
        keys.append(key)
    return keys


# How the text is changed.


def _renamed(text: str, positions: Positions, place: Keys, name: str) -> str:
    """
    Return *text* with *name* in place of the last key of *place*.
    """
    return _with(text, [_Put(token.start, token.end, name) for token in positions.keys.get(place, ())])


def _rewritten(text: str, positions: Positions, said: _Table, wanted: _Table) -> str | None:
    """
    Return *text*, whose content is *said*, with as few changes as possible, so that its content is *wanted*. Return
    None if that is not possible.
    """
    for is_fine in (True, False):
        changed = _with(text, _Changes(text, positions, is_fine=is_fine).of_table((), said, wanted))
        if _says(changed, wanted):
            return changed
    return None


def _says(text: str, wanted: _Table) -> bool:
    said = _read(text)
    return said is not None and _comparable(said) == _comparable(wanted)


def _comparable(value: object) -> object:
    """
    Return *value* in a form that can be compared: true is not 1, and an empty table is equal to no table.
    """
    if isinstance(value, Mapping):
        pairs = ((key, _comparable(below)) for key, below in value.items())
        return {key: below for key, below in pairs if below != {}}
    if isinstance(value, list | tuple):
        return [*map(_comparable, value)]
    if value is None:
        return NONE
    return value if isinstance(value, str) else (type(value), as_toml(value))


def _with(text: str, puts: Iterable[_Put]) -> str:
    parts, at = list[str](), 0
    for put in sorted(puts, key=lambda put: put[:2]):
        parts += [text[at : put.start], put.instead]
        at = put.end
    return "".join([*parts, text[at:]])


class _Changes:
    """
    The changes of *text*: of lines and entries if *is_fine*, otherwise of whole values.
    """

    def __init__(self, text: str, positions: Positions, *, is_fine: bool) -> None:
        self.text = text
        self.positions = positions
        self.is_fine = is_fine

    def of_table(self, place: Keys, said: _Table, wanted: _Table) -> Iterator[_Put]:
        span = self.positions.spans.get(place)
        if span is not None and not _has_same_keys(said, wanted):
            # Within braces there are no lines, and no comments.
            yield _Put(*span, as_toml(wanted))
            return
        # First, because a new line goes before what makes a comment of the next one.
        yield from self.added(place, {key: value for key, value in wanted.items() if key not in said})
        for key, there in said.items():
            at = (*place, key)
            if key not in wanted:
                yield from self.commented_out(at)
            elif isinstance(there, dict) and isinstance(wanted[key], dict):
                yield from self.of_table(at, there, wanted[key])
            elif _comparable(there) != _comparable(wanted[key]):
                yield from self.of_value(at, there, wanted[key])

    def of_value(self, place: Keys, said: object, wanted: object) -> Iterator[_Put]:
        span = self.positions.spans.get(place)
        if span is None:
            # It is a table, or several, with headings.
            yield from self.commented_out(place)
            yield from self.added(place[:-1], {place[-1]: wanted})
        elif self.is_fine and isinstance(said, list) and isinstance(wanted, list | tuple) and said and wanted:
            yield from self.of_list(place, [*map(as_toml, said)], [*map(as_toml, wanted)])
        else:
            yield _Put(*span, as_toml(wanted))

    def of_list(self, place: Keys, said: list[str], wanted: list[str]) -> Iterator[_Put]:
        spans = [self.positions.spans[*place, number] for number in range(len(said))]
        for what, first, last, start, end in SequenceMatcher(None, said, wanted, autojunk=False).get_opcodes():
            new = wanted[start:end]
            if what == "replace" and last - first == len(new):
                yield from (_Put(*span, entry) for span, entry in zip(spans[first:last], new, strict=True))
            elif what == "replace":
                yield _Put(spans[first][0], spans[last - 1][1], ", ".join(new))
            elif what == "delete":
                yield from self.without(spans, first, last)
            elif what == "insert":
                start_of_all = spans[0][0]
                before = _Put(start_of_all, start_of_all, "".join(f"{entry}, " for entry in new))
                yield from self.after(spans[first - 1], new) if first else [before]

    def without(self, spans: list[tuple[int, int]], first: int, last: int) -> Iterator[_Put]:
        """
        Yield the changes that remove the entries from *first* to before *last*.
        """
        if all(self.is_alone(span) for span in spans[first:last]):
            yield from (put for span in spans[first:last] for put in self.commented(*span))
        elif last < len(spans):
            yield _Put(spans[first][0], spans[last][0], "")
        else:
            yield _Put(spans[first - 1][1], spans[last - 1][1], "")

    def after(self, span: tuple[int, int], new: list[str]) -> Iterator[_Put]:
        """
        Yield the changes that add *new* entries after the one at *span*.
        """
        end = span[1]
        if not self.is_alone(span):
            yield _Put(end, end, "".join(f", {entry}" for entry in new))
            return
        if not self.text[end:].lstrip(" \t").startswith(","):
            yield _Put(end, end, ",")
        line, following = self.start_of_line(span[0]), self.next_line(end)
        indent = self.text[line : span[0]]
        yield _Put(following, following, "".join(f"{indent}{entry},\n" for entry in new))

    def commented_out(self, place: Keys) -> Iterator[_Put]:
        """
        Yield the changes that turn everything at *place* and below it into comments.
        """
        for statement in self.positions.statements:
            if statement.place[: len(place)] == place and statement.within is None:
                yield from self.commented(statement.start, statement.end)

    def added(self, place: Keys, pairs: _Table) -> Iterator[_Put]:
        """
        Yield the changes that add *pairs* to the table at *place*, which is not within braces.
        """
        sections = {(*place, key): value for key, value in pairs.items() if _is_nested(value)}
        lines = {key: value for key, value in pairs.items() if (*place, key) not in sections}
        before = self.last_in(place) if lines else None
        if before is not None:
            keys = place[len(before.place if before.is_heading else before.table) :]
            at = self.next_line(before.end)
            yield _Put(at, at, self.new_line(at) + _lines(keys, lines))
        elif lines and not place:
            yield _Put(0, 0, _lines((), lines))
        elif lines:
            sections = {place: lines, **sections}
        end = len(self.text)
        for at_end, below in sections.items():
            yield _Put(end, end, self.new_line(end) + "".join(_sections(at_end, below)))

    def last_in(self, place: Keys) -> Statement | None:
        """
        Return the statement after which a line belongs to the table at *place*, or None if there is none.
        """
        own = [one for one in self.positions.statements if one.within is None]
        within = [one for one in own if not one.is_heading and one.table == place]
        heading = [one for one in own if one.is_heading and one.place == place]
        # `a.b = 1` makes the table `a`, too.
        spelled = [one for one in own if not one.is_heading and one.place[: len(place)] == place and place]
        found = within or heading or [one for one in spelled if len(one.table) < len(place)]
        return found[-1] if found else None

    def commented(self, start: int, end: int) -> Iterator[_Put]:
        """
        Yield the changes that turn the lines from *start* to *end* into comments.
        """
        at = self.start_of_line(start)
        while at <= end:
            following = self.next_line(at)
            line = self.text[at:following]
            if line.strip():
                first = at + len(line) - len(line.lstrip())
                yield _Put(first, first, "# ")
            if following <= at:
                return
            at = following

    def is_alone(self, span: tuple[int, int]) -> bool:
        """
        Whether the lines of *span* have nothing else except a comma and a comment.
        """
        before = self.text[self.start_of_line(span[0]) : span[0]]
        after = self.text[span[1] : self.next_line(span[1])]
        return not before.strip() and re.fullmatch(r"[ \t]*,?[ \t]*(?:#.*)?\r?\n", after) is not None

    def start_of_line(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def next_line(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end + 1

    def new_line(self, at: int) -> str:
        return "" if not at or self.text[at - 1] == "\n" else "\n"


def _has_same_keys(said: _Table, wanted: _Table) -> bool:
    return said.keys() == wanted.keys() and all(
        _has_same_keys(there, wanted[key])
        for key, there in said.items()
        if isinstance(there, dict) and isinstance(wanted[key], dict)
    )


def _is_nested(value: object) -> bool:
    return isinstance(value, Mapping) and any(isinstance(below, Mapping) for below in value.values())


def _lines(keys: Keys, pairs: Mapping[str, Any]) -> str:
    return "".join(f"{dotted((*keys, key))} = {as_toml(value)}\n" for key, value in pairs.items())


def _sections(place: Keys, pairs: Mapping[str, Any]) -> Iterator[str]:
    """
    Yield the tables that hold *pairs* at *place*, each with its heading.
    """
    tables = {key: value for key, value in pairs.items() if isinstance(value, Mapping)}
    lines = {key: value for key, value in pairs.items() if key not in tables}
    if lines or not tables:
        yield f"\n[{dotted(place)}]\n{_lines((), lines)}"
    for key, below in tables.items():
        yield from _sections((*place, key), below)
