"""
Which host a request is for, as the server that it came to says it in `Host`, and which key of a configuration means it.

No header of a proxy is read, and no name that a server has for itself. What a client sends is bounded before it is
looked at, never raises and is never repaired: what is not a host has no key.
"""

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from .audience import ToSync, is_interruption, may_block
from .memory import Clock, Memory
from .origin import LONGEST_HOST, Origin, OriginPattern, pattern_of

T = TypeVar("T")

# The grammar is that of the host of an origin, under a scheme that leaves its own port out.
_SCHEMES: Final = ("http://", "https://")
# RFC 9110, 4.2.1 and 4.2.2: a browser leaves these ports out, and a server need not know which of them is its own.
_DEFAULT_PORTS: Final = (80, 443)
_LONGEST: Final = LONGEST_HOST + len(":65535")
# So many hosts are remembered besides those that are keys.
_MOST_KNOWN: Final = 1024
# For so long it is remembered what a store said: with the time of a question, a change is seen within a second.
_SECONDS: Final = 0.5
_CANNOT_AWAIT: Final = (
    "This server cannot await a store of hosts. Write `def policy_of(self, host: str) -> Policy | None:` in place of "
    "`async def policy_of`, or serve the application with ASGI."
)


def host_of(sent: object) -> Origin | None:
    """
    Return the host that the value *sent* of `Host` names, its port None if it is 80 or 443; or None if it names none.

    Two values that were joined name none, and neither does one with user information or a trailing dot.
    """
    if not isinstance(sent, str) or len(sent) > _LONGEST or not sent.isascii():
        return None
    host = next(filter(None, (Origin.parse(f"{scheme}{sent.lower()}") for scheme in _SCHEMES)), None)
    return None if host is None or host.host.endswith(".") else _without_default(host)


def key_of(text: str) -> str | None:
    """
    Return the key *text* as it is looked up, without the port 80 or 443; None if it is neither a host nor `*.` and one.
    """
    pattern = next(filter(None, (pattern_of(f"{scheme}{text}") for scheme in _SCHEMES)), None)
    if pattern is None or pattern.port == "*" or pattern.host.endswith(".") or "*" in pattern.host.removeprefix("*."):
        return None
    return _spelled(_without_default(pattern))


class Hosts(Generic[T]):
    """
    What stands at each key, for a lookup by the `Host` of a request. It never changes.

    A key without a wildcard comes before those with one, and of these the longest first; at one name, the key with the
    port of the request comes before the one without a port, which has every port.
    """

    __slots__ = ("_by_key", "_depths", "_known", "_most_known")

    def __init__(self, by_key: Mapping[str, T]) -> None:
        self._by_key: Final = dict(by_key)
        # How many labels follow the star of a key; no other part of a long host is looked at.
        self._depths: Final = sorted({key.count(".") for key in by_key if key.startswith("*")}, reverse=True)
        # Nothing that clients make up pushes out what is remembered, and what is a key itself has its place.
        self._known: dict[str, T | None] = {key: there for key, there in by_key.items() if not key.startswith("*")}
        self._most_known: Final = len(self._known) + _MOST_KNOWN

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return iter(self._by_key.items())

    def look_up(self, sent: object) -> T | None:
        """
        Return the same as `find`: nobody has to be asked.
        """
        return self.find(sent)

    def find(self, sent: object) -> T | None:
        """
        Return what stands at the host that the value *sent* of `Host` names, or None if no key means it. Never raises.
        """
        # Bounded before it is hashed.
        if not isinstance(sent, str) or len(sent) > _LONGEST:
            return None
        try:
            return self._known[sent]
        except KeyError:
            found = next((self._by_key[key] for key in self._keys_for(host_of(sent)) if key in self._by_key), None)
            if len(self._known) < self._most_known:
                self._known[sent] = found
            return found

    def _keys_for(self, host: Origin | None) -> Iterator[str]:
        """
        Yield the keys that mean *host*, in the order in which they count.
        """
        if host is None:
            return
        labels = host.host.split(".")
        starred = ("*." + ".".join(labels[-depth:]) for depth in self._depths if depth < len(labels))
        for name in (host.host, *starred):
            if host.port is not None:
                yield _spelled(host._replace(host=name))
            yield name


class HostStore(Protocol):
    """
    An object that is asked, at request time, which policy guards a host, for tenants that come and go.

    It is not a mapping, and is called as `store.policy_of(host)` with a host in lower case, without the port 80 or 443.
    None closes the host. Whatever it raises closes it too, and is recorded. An event loop asks in a thread, unless the
    store has `may_block = False`. It may be `async def policy_of`: ASGI and Django await it, WSGI and Flask refuse it.
    """

    def policy_of(self, host: str, /) -> Any: ...  # noqa: ANN401 - a Policy or None, which this room does not know


def is_store(value: object) -> bool:
    """
    Return whether *value* has a `policy_of`, whatever else is wrong with it.
    """
    return getattr(value, "policy_of", None) is not None and not isinstance(value, Mapping)


def can_be_asked(value: object) -> bool:
    """
    Return whether *value* is an object whose `policy_of` answers, at once or awaited.
    """
    # The type of a class is its metaclass, which has no such method.
    method = getattr(type(value), "policy_of", None)
    return callable(method) and not inspect.isasyncgenfunction(method)


class StoredHosts(Generic[T]):
    """
    What *store* says of each host, made into what stands there by *make*, which also takes what was raised.

    It is remembered for half a second. Hosts that *are_named* are remembered apart from those that have no policy, so
    that those that clients make up push no good ones out.
    """

    __slots__ = ("_make", "_memory", "must_await", "store")

    def __init__(
        self,
        store: HostStore,
        make: Callable[[str, object, BaseException | None], T],
        are_named: Callable[[T], bool],
        clock: Clock = time.monotonic,
    ) -> None:
        self.store: Final = store
        self.must_await: Final = inspect.iscoroutinefunction(type(store).policy_of)
        self._make: Final = make
        self._memory: Memory[T] = Memory(_SECONDS, _MOST_KNOWN, are_named, clock)

    def __iter__(self) -> Iterator[tuple[str, T]]:
        # Nobody knows which hosts there are.
        return iter(())

    def find(self, sent: object) -> T | None:
        """
        Return what is known of the host that the value *sent* of `Host` names; None if it names none, or nothing is.
        """
        # Bounded before it is hashed.
        if not isinstance(sent, str) or len(sent) > _LONGEST:
            return None
        # Browsers send a host as it is remembered. Any other spelling is remembered as that, because there may be many.
        known = self._memory.find(sent)
        if known is not None:
            return known
        host = host_of(sent)
        return None if host is None else self._memory.find(_spelled(host))

    def look_up(self, sent: object) -> "T | HostQuestion[T] | None":
        """
        Return the same, but if nothing is known of the host, the question that has to be asked about it.
        """
        known = self.find(sent)
        host = host_of(sent) if known is None else None
        return known if host is None else HostQuestion(self, _spelled(host))

    def ask(self, name: str, to_sync: ToSync | None) -> T:
        """
        Return what the store says of the host *name*; it may block. What has to be awaited is asked through *to_sync*.
        """
        if self.must_await and to_sync is None:
            return self._make(name, None, TypeError(_CANNOT_AWAIT))
        ask: Callable[[str], T] = to_sync(self._asked) if self.must_await and to_sync is not None else self._asked_here
        try:
            return ask(name)
        except BaseException as error:
            if is_interruption(error):
                raise
            # It may go better next time, so it is not remembered.
            return self._make(name, None, error)

    async def ask_async(self, name: str) -> T:
        """
        The same on an event loop, for a store that has to be awaited; any other is asked here and now.
        """
        if not self.must_await:
            return self.ask(name, None)
        try:
            return await self._asked(name)
        except BaseException as error:
            if is_interruption(error):
                raise
            return self._make(name, None, error)

    def _asked_here(self, name: str) -> T:
        return self._memory_here().ask(name, lambda: self._make(name, self.store.policy_of(name), None))

    async def _asked(self, name: str) -> T:
        async def question() -> T:
            return self._make(name, await self.store.policy_of(name), None)

        return await self._memory_here().ask_async(name, question)

    def _memory_here(self) -> Memory[T]:
        self._memory = memory = self._memory.here()
        return memory


class HostQuestion(NamedTuple, Generic[T]):
    """
    What stands at the host *name*, which the store of *hosts* has to be asked.
    """

    hosts: StoredHosts[T]
    name: str

    @property
    def may_block(self) -> bool:
        """
        Whether to ask may block, so that an event loop asks in a thread.
        """
        return not self.hosts.must_await and may_block(self.hosts.store)

    def ask(self, to_sync: ToSync | None = None) -> T:
        """
        Ask the store, which may block, and return what stands at the host. What it raises closes the host.

        A store that has to be awaited is asked through *to_sync*, such as asgiref's `async_to_sync`; without it the
        host is closed.
        """
        return self.hosts.ask(self.name, to_sync)

    async def ask_async(self) -> T:
        """
        The same on an event loop, for a store that has to be awaited; any other is asked here and now.
        """
        return await self.hosts.ask_async(self.name)


def _without_default(host: Origin | OriginPattern) -> Origin:
    port = host.port if isinstance(host.port, int) and host.port not in _DEFAULT_PORTS else None
    return Origin("", host.host, port)


def _spelled(host: Origin) -> str:
    return host.host if host.port is None else f"{host.host}:{host.port}"
