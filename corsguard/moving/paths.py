"""
Which path prefixes share no more than what the resources of another library shared.

There the first resource that matches a path decides; here the longest prefix does. A prefix is taken only if no path
that is served gets more by it. Everything else is proposed: it stands in the code as a comment.
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
    What an application serves: *view* answers the paths that *expression* matches, which are all below *head*.

    Only where it *counts* did the resources decide.
    """

    expression: str
    view: str
    head: str = ""
    counts: bool = True


# What may be served, while nobody knows what is.
EVERYTHING: Final = Served(".*", "")


class Resource(NamedTuple):
    """
    What another library decides about: the paths that *expression* matches get what *draft* says.

    *said* is what notes call it.
    """

    said: str
    expression: str | re.Pattern[str]
    draft: Draft


def placed(resources: Iterable[Resource], served: Sequence[Served] | None) -> list[Placement]:
    """
    Return where the drafts of *resources*, the one that decides first in front, stand by prefix.

    *served* is all that the application serves, or None if it is not known; then any path may be served.
    """
    entries: list[Placement] = []
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
    # A prefix that covers everything only gains paths where others decided.
    served = [route for route in served if not route.counts] if covered.all else served
    for prefix in prefixes:
        first = next((other for other in before if other.is_active and _is_within(prefix, other.prefix)), None)
        if first is None:
            found.append(_entry(resource, prefix, before, served))
        elif first.draft is not resource.draft:
            first.texts.append(f"{prefix or 'What is left'} comes later in the old configuration, and is never asked.")
    if found and not covered.all:
        found[0].texts.insert(0, _as_read(resource, covered, served))
    return found


def _entry(resource: Resource, prefix: str, before: list[Placement], served: Sequence[Served]) -> Placement:
    draft = resource.draft
    # What is decided below by itself is not shared by this prefix.
    deeper = [below(other.prefix) for other in before if other.prefix != prefix and _is_within(other.prefix, prefix)]
    gained = _gained(prefix, resource, deeper, served) if draft.shares else None
    if gained is not None:
        answers = f", where {gained.view} answers" if gained.view else ""
        text = f"{quoted(prefix or '/')} covers {gained.expression} too{answers}, which it did not."
        only = example([resource.expression, f"{re.escape(prefix)}/.+"], [], [EVERYTHING]) is None
        return Placement(prefix, draft, [text], is_active=False, head=None if only else f"{prefix}/")
    if draft.shares and any(other.may_decide(prefix) for other in before):
        text = f"{quoted(prefix or '/')} covers the paths of what stands above as a comment. Decide about that first."
        return Placement(prefix, draft, [text], is_active=False, head=f"{prefix}/")
    return Placement(prefix, draft, [] if draft.shares else ["Nobody was allowed here."])


def _gained(prefix: str, resource: Resource, deeper: list[str], served: Sequence[Served]) -> Served | None:
    others = [route for route in served if not route.counts]
    # What is below says more than the prefix with a slash behind it.
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
        told.append(f"It covered {' and '.join(lost)} too, which {'are' if lost[1:] else 'is'} not below that.")
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
    return Placement(head.rpartition("/")[0], resource.draft, [text], is_active=False, is_read=False, head=head)


def _literal(expression: str | re.Pattern[str]) -> str:
    """
    Return what everything that *expression* matches begins with, as far as it stands there.
    """
    text = expression.pattern if isinstance(expression, re.Pattern) else expression
    found = _LITERAL_HEAD.match(text)
    # What is repeated or one of several may be missing.
    if found is None or "|" in text:
        return ""
    return (found[1][:-1] if text[found.end() : found.end() + 1] in set("*?{") else found[1]).replace("\\", "")


def example(
    within: Iterable[str | re.Pattern[str]], outside: Iterable[str | re.Pattern[str]], served: Sequence[Served]
) -> Served | None:
    """
    Return a path that is served, as an expression, with what answers there: all of *within* match it, none of *outside*
    does. What cannot be told is any path.
    """
    within, outside = [*within], [*outside]
    for route in served:
        # A route that cannot be read is taken by what it begins with.
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
    Yield what keeps paths that are not decided yet from the policy of a shorter prefix.
    """
    closed: set[str] = set()
    for entry in entries:
        above = [other for other in entries if other.is_active and _is_within(entry.prefix, other.prefix)]
        at_it = entry.prefix in closed or any(other.prefix == entry.prefix for other in above)
        if not entry.is_active and entry.had_effect and not at_it and any(other.draft.shares for other in above):
            closed.add(entry.prefix)
            yield Placement(entry.prefix, Draft(), ["Closed until the comment about it is decided, which comes first."])


def _is_within(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")
