"""
Is this origin one of these? Exact origins, wildcard patterns and an origin source, in one place; it fails closed.

An Audience answers in a time that depends on the length of the origin, not on the number of patterns. It never asks the
source: it only says that the source must be asked. For strings from the network, the length is checked first. They
never raise, and are validated completely before a wildcard is tried.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from typing import Any, Final, Protocol, TypeGuard, cast

from .origin import LONGEST_ORIGIN, Origin, OriginPattern

CANNOT_AWAIT: Final = (
    "This server cannot await an origin source. Write `def __contains__(self, origin: str) -> bool:` in place of "
    "`async def allows`, or serve the application with ASGI."
)


class OriginSource(Protocol):
    """
    An object that is asked, at request time, whether the policy shares with an origin.

    It is not iterable, and is called as `source.__contains__(origin)` with serialized origins only. Only True
    grants, and whatever it raises counts as no. If it has `may_block = False`, it is asked on event loops too.
    """

    def __contains__(self, origin: str, /) -> bool: ...


class AsyncOriginSource(Protocol):
    """
    An origin source that is awaited. ASGI and Django can ask it, WSGI and Flask refuse it.

    It is not iterable and has no `__contains__`. The rules for its answers are those of an OriginSource.
    """

    async def allows(self, origin: str, /) -> bool: ...


class Audience:
    """
    The origins that a policy shares with: *exact* ones, those that *wildcards* cover, and those that *source* grants.

    *exact* may contain `null`. The source of a policy *with_credentials* is not asked about plain http. An audience
    that *is_everyone* covers every origin, whatever a client sends.
    """

    __slots__ = ("_asks_about_plain_http", "_is_closed", "exact", "is_everyone", "source", "wildcards")

    def __init__(
        self,
        exact: Iterable[str] = (),
        wildcards: Collection[OriginPattern] = (),
        source: OriginSource | AsyncOriginSource | None = None,
        *,
        with_credentials: bool = False,
        is_everyone: bool = False,
    ) -> None:
        self.is_everyone: Final = is_everyone
        self.exact: Final = frozenset(exact)
        self.wildcards: Final = OriginIndex(wildcards) if wildcards else None
        self.source: Final = source
        self._asks_about_plain_http: Final = not with_credentials
        # Whether there are only exact origins.
        self._is_closed: Final = not wildcards and source is None

    def covers(self, origin: object) -> bool | None:
        """
        Return whether the audience covers *origin*, which a client sent; None if the source has to be asked. Never
        raises.
        """
        # The length is checked first, because even hashing a megabyte takes time.
        if not isinstance(origin, str) or len(origin) > LONGEST_ORIGIN:
            return self.is_everyone
        if origin in self.exact:
            return True
        if self._is_closed:
            return self.is_everyone
        if self.wildcards is not None and self.wildcards.covers(origin):
            return True
        return False if self.source is None or not self._may_be_asked_about(origin) else None

    def patterns_for(self, origin: str) -> Iterator[str]:
        """
        Yield the entries that cover *origin*, `null` included.
        """
        if origin in self.exact:
            yield origin
        parsed = Origin.parse(origin)
        if parsed is not None and self.wildcards is not None:
            yield from self.wildcards.patterns_for(parsed)

    def _may_be_asked_about(self, origin: str) -> bool:
        parsed = Origin.parse(origin)
        return parsed is not None and (self._asks_about_plain_http or not is_plain_http(parsed))


def is_plain_http(origin: Origin | OriginPattern) -> bool:
    """
    Return whether anyone on the network can forge pages of *origin*: it is loaded over http, and not from this machine.

    With credentials such an origin is refused, and no source is asked about it.
    """
    return origin.scheme == "http" and not origin.is_loopback


def is_asynchronous(source: OriginSource | AsyncOriginSource) -> TypeGuard[AsyncOriginSource]:
    """
    Return whether *source* has to be awaited. A policy refuses a source with both methods, so the class is enough.
    """
    return getattr(type(source), "allows", None) is not None


def may_block(store: object) -> bool:
    """
    Return whether asking the synchronous *store* may block. An event loop then asks it in a thread.
    """
    try:
        return getattr(store, "may_block", True) is not False
    except Exception:  # noqa: BLE001 - it may be an object of any class
        return True


# Turns an asynchronous function into a synchronous one, such as asgiref's `async_to_sync`.
ToSync = Callable[[Callable[[str], Awaitable[Any]]], Callable[[str], Any]]


def says_yes(
    source: OriginSource | AsyncOriginSource, origin: str, to_sync: ToSync | None = None
) -> tuple[bool, BaseException | None]:
    """
    Ask *source* about *origin*; return whether it granted, and what it raised, which counts as no.

    Exceptions that end the process or cancel the task pass through. A source that has to be awaited is asked through
    *to_sync*; without it, the source is not asked, which counts as no.
    """
    try:
        if not is_asynchronous(source):
            return cast("OriginSource", source).__contains__(origin) is True, None
        if to_sync is None:
            return False, TypeError(CANNOT_AWAIT)
        return to_sync(source.allows)(origin) is True, None
    except BaseException as error:
        if is_interruption(error):
            raise
        return False, error


async def says_yes_async(source: AsyncOriginSource, origin: str) -> tuple[bool, BaseException | None]:
    """
    The same for a *source* that is awaited, on the event loop of the caller.
    """
    try:
        return await source.allows(origin) is True, None
    except BaseException as error:
        if is_interruption(error):
            raise
        return False, error


# By name, so that none of these libraries is imported.
_INTERRUPTIONS: Final = frozenset(
    {
        "asyncio.exceptions.CancelledError",
        "builtins.GeneratorExit",
        "builtins.KeyboardInterrupt",
        "builtins.SystemExit",
        "greenlet.GreenletExit",
        "trio.Cancelled",
    }
)


def is_interruption(error: BaseException) -> bool:
    """
    Return whether *error* ends the process or cancels the task that asks a source, so that it has to pass through.

    Everything else that a source raises counts as no, even if it is not an Exception, such as `gevent.Timeout`.
    """
    return any(f"{cls.__module__}.{cls.__qualname__}" in _INTERRUPTIONS for cls in type(error).__mro__)


class _Node:
    """
    One label in the tree of wildcard patterns. Hosts are read label by label from the right.
    """

    __slots__ = ("below", "children", "here", "starred")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        # prefix -> suffix -> node, for labels with a star between the two
        self.starred: dict[str, dict[str, _Node]] = {}
        # port -> pattern, for the host that ends here and for all hosts below it
        self.here: dict[int | str | None, str] = {}
        self.below: dict[int | str | None, str] = {}


class OriginIndex:
    """
    The wildcard patterns, for lookups of what a browser sent.
    """

    __slots__ = ("_roots",)

    def __init__(self, patterns: Iterable[OriginPattern]) -> None:
        self._roots: dict[str, _Node] = {}
        for pattern in patterns:
            self._add(pattern)

    def covers(self, origin: str) -> bool:
        """
        Return whether a pattern covers *origin*, which is validated completely first. Never raises.
        """
        parsed = Origin.parse(origin)
        return parsed is not None and _leads_on(self._roots.get(parsed.scheme), parsed.host.split("."), parsed.port)

    def patterns_for(self, origin: Origin) -> Iterator[str]:
        """
        Yield the patterns that cover *origin*.
        """
        root = self._roots.get(origin.scheme)
        if root is None:
            return
        labels = origin.host.split(".")
        labels.reverse()
        # A pattern has one star at most, so a label leads to one child and to at most 63 * 63 / 2 starred ones.
        places = [(root, 0)]
        while places:
            node, depth = places.pop()
            if depth == len(labels):
                yield from _at_port(node.here, origin.port)
                continue
            yield from _at_port(node.below, origin.port)
            label = labels[depth]
            child = node.children.get(label)
            if child is not None:
                places.append((child, depth + 1))
            if node.starred:
                places.extend((starred, depth + 1) for starred in _starred_nodes(node, label))

    def _add(self, pattern: OriginPattern) -> None:
        node = self._roots.setdefault(pattern.scheme, _Node())
        for label in reversed(pattern.host.split(".")):
            if label == "*":
                node.below[pattern.port] = str(pattern)
                return
            prefix, star, suffix = label.partition("*")
            siblings, key = (node.starred.setdefault(prefix, {}), suffix) if star else (node.children, label)
            node = siblings.setdefault(key, _Node())
        node.here[pattern.port] = str(pattern)


def _leads_on(node: _Node | None, labels: list[str], port: int | None) -> bool:
    """
    Return whether *labels*, read from the right, lead from *node* to a pattern for *port*. It empties *labels*.

    The same walk as `patterns_for`; a plain yes or no is three times faster this way.
    """
    while node is not None and labels:
        below = node.below
        if below and (port in below or "*" in below):
            return True
        label = labels.pop()
        if node.starred and any(_leads_on(starred, labels.copy(), port) for starred in _starred_nodes(node, label)):
            return True
        node = node.children.get(label)
    return node is not None and (port in node.here or "*" in node.here)


def _at_port(patterns: dict[int | str | None, str], port: int | None) -> Iterator[str]:
    if patterns:
        for key in (port, "*"):
            if key in patterns:
                yield patterns[key]


def _starred_nodes(node: _Node, label: str) -> Iterator[_Node]:
    # The star stands for one character or more, so at least one remains between prefix and suffix.
    for end in range(len(label)):
        suffixes = node.starred.get(label[:end])
        if suffixes is not None:
            for start in range(end + 1, len(label) + 1):
                if label[start:] in suffixes:
                    yield suffixes[label[start:]]
