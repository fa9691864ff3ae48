"""
Finds path prefixes that do not share more than the resources of another library shared.

In the other library, the first resource that matches a path decides; here, the longest prefix does. A prefix is used
only if no served path is shared with more origins because of it. Everything else is a proposal: a comment in the code.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from corsguard.expressions import Covered, below, path_of, prefixes_of
from corsguard.quoting import quoted

from .translation import Draft, Placement

_LITERAL_HEAD: Final = re.compile(r"(?:\^|\\A)?((?:[\w/~-]|\\[./-])*)")


class Served(NamedTuple):
    """
    A part of an application: *view* answers the paths that *expression* matches, which are all below *head*.

    The resources decided about it only if it *counts*.
    """

    expression: str
    view: str
    head: str = ""
    counts: bool = True


_NOBODY: Final = (
    'No origin was allowed here. None also removes headers that the application sets itself; "unguarded" keeps them.'
)

# Any path, if it is not known what is served.
EVERYTHING: Final = Served(".*", "")


class Resource(NamedTuple):
    """
    A resource of another library: *draft* is the policy for the paths that *expression* matches.

    *said* is its name in notes.
    """

    said: str
    expression: str | re.Pattern[str]
    draft: Draft


def placed(resources: Iterable[Resource], served: Sequence[Served] | None) -> list[Placement]:
    """
    Return the drafts of *resources*, in the order in which they decide, each with its prefix.

    *served* is everything that the application serves. None means that this is not known, so any path may be served.
    """
    return placed_in_turn([(resources, served)])


def placed_in_turn(groups: Iterable[tuple[Iterable[Resource], Sequence[Served] | None]]) -> list[Placement]:
    """
    Return the same for several groups, in the order in which they decide. A path that one has is closed to the others.
    """
    entries: list[Placement] = []
    for resources, served in groups:
        for resource in resources:
            entries += _entries_of(resource, entries, [EVERYTHING] if served is None else served)
    return [*entries, *_closed(entries)]


def _entries_of(resource: Resource, before: list[Placement], served: Sequence[Served]) -> list[Placement]:
    try:
        covered = prefixes_of(resource.expression)
    except ValueError as error:
        return [_unwritten(resource, f"is not read, because {error}")]
    if covered.nothing:
        return _without_effect(resource, covered)
    prefixes = ("",) if covered.all else covered.spellings
    if not prefixes:
        return [_unwritten(resource, "is not a prefix")]
    found: list[Placement] = []
    # A prefix that covers everything only adds paths about which others decided.
    served = [route for route in served if not route.counts] if covered.all else served
    for prefix in prefixes:
        first = next((other for other in before if other.is_active and _is_within(prefix, other.prefix)), None)
        if first is None:
            found.append(_entry(resource, prefix, before, served))
        elif first.draft is not resource.draft:
            first.texts.append(f"{prefix or 'What is left'} comes later in the old configuration, and never decides.")
    if found and not covered.all:
        found[0].texts.insert(0, _as_read(resource, covered, served))
    return found


def _entry(resource: Resource, prefix: str, before: list[Placement], served: Sequence[Served]) -> Placement:
    draft = resource.draft
    # Paths with their own, longer prefix are not shared by this one.
    deeper = [below(other.prefix) for other in before if other.prefix != prefix and _is_within(other.prefix, prefix)]
    gained = _gained(prefix, resource, deeper, served) if draft.shares else None
    if gained is not None:
        answers = f", where {gained.view} answers" if gained.view else ""
        text = f"{quoted(prefix or '/')} also covers {gained.expression}{answers}; the old configuration did not."
        only = example([resource.expression, f"{re.escape(prefix)}/.+"], [], [EVERYTHING]) is None
        return Placement(prefix, draft, [text], is_active=False, head=None if only else f"{prefix}/")
    if draft.shares and any(other.may_decide(prefix) for other in before):
        text = f"{quoted(prefix or '/')} covers the paths of the comment above. Decide about that first."
        return Placement(prefix, draft, [text], is_active=False, head=f"{prefix}/")
    return Placement(prefix, draft, [] if draft.shares else [_NOBODY])


def _gained(prefix: str, resource: Resource, deeper: list[str], served: Sequence[Served]) -> Served | None:
    others = [route for route in served if not route.counts]
    # An example below the prefix says more than the prefix with a slash.
    for paths in (f"{re.escape(prefix)}/.+", below(prefix)):
        gained = example([paths], [resource.expression, *deeper], served) or example([paths], deeper, others)
        if gained is not None:
            return gained
    return None


def _as_read(resource: Resource, covered: Covered, served: Sequence[Served]) -> str:
    told = [f"{resource.said} is read as {', '.join(map(quoted, covered.spellings))}."]
    taken = [*map(below, covered.spellings)]
    each = (example([resource.expression], taken, [route]) for route in served)
    examples = (
        [covered.lost, *covered.also_lost] if served == [EVERYTHING] else [path and path.expression for path in each]
    )
    lost = [*dict.fromkeys(filter(None, examples))]
    if lost:
        told.append(f"It also covered {' and '.join(lost)}, which {'are' if lost[1:] else 'is'} not below that.")
    return " ".join(told)


def _without_effect(resource: Resource, covered: Covered) -> list[Placement]:
    text = f"{resource.said} matches no path, so it had no effect."
    meant = [(prefix, f"{text} {quoted(prefix)} is probably meant.") for prefix, _ in covered.wider]
    return [
        Placement(prefix, resource.draft, [said], is_active=False, is_read=bool(prefix), had_effect=False)
        for prefix, said in meant or [("", text)]
    ]


def _unwritten(resource: Resource, reason: str) -> Placement:
    head = _literal(resource.expression)
    text = f"{resource.said} {reason}."
    # The path "/" alone is not a prefix either.
    only = example([resource.expression], [f"{re.escape(head)}$"], [EVERYTHING]) is None
    prefix = head.rpartition("/")[0]
    return Placement(prefix, resource.draft, [text], is_active=False, is_read=False, head=None if only else head)


def _literal(expression: str | re.Pattern[str]) -> str:
    """
    Return the literal text with which everything begins that *expression* matches.
    """
    text = expression.pattern if isinstance(expression, re.Pattern) else expression
    found = _LITERAL_HEAD.match(text)
    # A part that is repeated or optional may be missing.
    if found is None or "|" in text:
        return ""
    return (found[1][:-1] if text[found.end() : found.end() + 1] in set("*?{") else found[1]).replace("\\", "")


def example(
    within: Iterable[str | re.Pattern[str]], outside: Iterable[str | re.Pattern[str]], served: Sequence[Served]
) -> Served | None:
    """
    Return a served path, as an expression, with its view: all of *within* match it, and none of *outside*. If that
    cannot be decided, it may be any path.
    """
    within, outside = [*within], [*outside]
    for route in served:
        # Of a route that cannot be parsed, only its beginning counts.
        for paths in (route.expression, f"{re.escape(_literal(route.expression))}.*"):
            try:
                path = path_of([*within, paths], outside)
                break
            except ValueError:
                path = "other paths"
        if path is not None:
            return Served(path, route.view)
    return None


def _closed(entries: list[Placement]) -> Iterator[Placement]:
    """
    Yield entries that exclude undecided paths from the policy of a shorter prefix.
    """
    closed: set[str] = set()
    for entry in entries:
        above = [other for other in entries if other.is_active and _is_within(entry.prefix, other.prefix)]
        at_it = entry.prefix in closed or any(other.prefix == entry.prefix for other in above)
        if not entry.is_active and entry.had_effect and not at_it and any(other.draft.shares for other in above):
            closed.add(entry.prefix)
            yield Placement(entry.prefix, Draft(), ["Closed until you decide about the comment above."])


def _is_within(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
