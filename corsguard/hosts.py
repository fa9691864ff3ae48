"""
The host that a request is for, as the server gives it in `Host`, and the key of a configuration that covers it.

Headers of proxies are not read, and neither is SERVER_NAME. The length of what a client sends is checked first. It
never raises and is never repaired: a value that is not a host has no key.
"""

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from .audience import ToSync, is_interruption, may_block
from .memory import Clock, Memory
from .origin import LONGEST_HOST, Origin, OriginPattern, pattern_of

T = TypeVar("T")

# The grammar is that of the host and port of an origin. A scheme has no place for its own default port, so both are
# tried.
_SCHEMES: Final = ("http://", "https://")
# RFC 9110, 4.2.1 and 4.2.2: a browser leaves these ports out, and a server may not know which of them is its own.
_DEFAULT_PORTS: Final = (80, 443)
_LONGEST: Final = LONGEST_HOST + len(":65535")
# The number of hosts that are remembered in addition to the keys.
_MOST_KNOWN: Final = 1024
# How long the answer of a store is remembered. Together with the time of a question, a change is seen within a second.
_SECONDS: Final = 0.5
_CANNOT_AWAIT: Final = (
    "This server cannot await a store of hosts. Write `def policy_of(self, host: str) -> Policy | None:` in place of "
    "`async def policy_of`, or serve the application with ASGI."
)


def host_of(sent: object) -> Origin | None:
    """
    Return the host in *sent*, the value of `Host`, or None. Its port is None if it is 80 or 443.

    None for two joined values, and for a value with user information or a trailing dot.
    """
    if not isinstance(sent, str) or len(sent) > _LONGEST or not sent.isascii():
        return None
    host = next(filter(None, (Origin.parse(f"{scheme}{sent.lower()}") for scheme in _SCHEMES)), None)
    return None if host is None or host.host.endswith(".") else _without_default(host)


def key_of(text: str) -> str | None:
    """
    Return the key *text* as it is looked up, without the port 80 or 443. None if it is neither a host nor `*.` and a
    host.
    """
    pattern = next(filter(None, (pattern_of(f"{scheme}{text}") for scheme in _SCHEMES)), None)
    if pattern is None or pattern.port == "*" or pattern.host.endswith(".") or "*" in pattern.host.removeprefix("*."):
        return None
    return _spelled(_without_default(pattern))


class Hosts(Generic[T]):
    """
    The values of all keys, for a lookup by the `Host` of a request. It never changes.

    A key without a wildcard wins over keys with one, and among these the longest wins. For the same name, the key with
    the port of the request wins over the key without a port, which covers every port.
    """

    __slots__ = ("_by_key", "_depths", "_known", "_most_known")

    def __init__(self, by_key: Mapping[str, T]) -> None:
        self._by_key: Final = dict(by_key)
        # The numbers of labels after the star of a key. Only these ends of a host are looked up.
        self._depths: Final = sorted({key.count(".") for key in by_key if key.startswith("*")}, reverse=True)
        # Invented hosts never displace what is remembered, and each exact key has its place.
        self._known: dict[str, T | None] = {key: there for key, there in by_key.items() if not key.startswith("*")}
        self._most_known: Final = len(self._known) + _MOST_KNOWN

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return iter(self._by_key.items())

    def look_up(self, sent: object) -> T | None:
        """
        Return the same as `find`: there is no store to ask.
        """
        return self.find(sent)

    def find(self, sent: object) -> T | None:
        """
        Return the value for *sent*, the value of `Host`. None if no key covers that host. Never raises.
        """
        # The length is checked before the value is hashed.
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
        Yield the keys that cover *host*, the first that counts first.
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

    def policy_of(self, host: str, /) -> Any: ...  # noqa: ANN401 - a Policy or None, which this module does not know


def is_store(value: object) -> bool:
    """
    Return whether *value* has a `policy_of`, even if something else is wrong with it.
    """
    return getattr(value, "policy_of", None) is not None and not isinstance(value, Mapping)


def can_be_asked(value: object) -> bool:
    """
    Return whether *value* is an object whose `policy_of` can be called or awaited.
    """
    # The type of a class is its metaclass, which has no such method.
    method = getattr(type(value), "policy_of", None)
    return callable(method) and not inspect.isasyncgenfunction(method)


class StoredHosts(Generic[T]):
    """
    The answers of *store* for each host. *make* turns an answer, or the exception that was raised, into a value.

    An answer is remembered for half a second. Hosts that *are_named* are remembered apart from hosts without a policy,
    so that hosts that clients invent do not displace them.
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
        # A store does not list its hosts.
        return iter(())

    def find(self, sent: object) -> T | None:
        """
        Return the remembered answer for *sent*, the value of `Host`. None if it names no host, or nothing is
        remembered.
        """
        # The length is checked before the value is hashed.
        if not isinstance(sent, str) or len(sent) > _LONGEST:
            return None
        # Browsers send hosts in the spelling that is remembered. Other spellings get no entries, because there may be
        # many.
        known = self._memory.find(sent)
        if known is not None:
            return known
        host = host_of(sent)
        return None if host is None else self._memory.find(_spelled(host))

    def look_up(self, sent: object) -> "T | HostQuestion[T] | None":
        """
        Return the same, or the question for the store if nothing is remembered of the host.
        """
        known = self.find(sent)
        host = host_of(sent) if known is None else None
        return known if host is None else HostQuestion(self, _spelled(host))

    def ask(self, name: str, to_sync: ToSync | None) -> T:
        """
        Ask the store about the host *name*, which may block. A store that has to be awaited is asked through *to_sync*.
        """
        if self.must_await and to_sync is None:
            return self._make(name, None, TypeError(_CANNOT_AWAIT))
        ask: Callable[[str], T] = to_sync(self._asked) if self.must_await and to_sync is not None else self._asked_here
        try:
            return ask(name)
        except BaseException as error:
            if is_interruption(error):
                raise
            # An exception is not remembered, because the next question may succeed.
            return self._make(name, None, error)

    async def ask_async(self, name: str) -> T:
        """
        The same on an event loop. A store that need not be awaited is asked at once.
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
    The question for the store of *hosts*: what is the policy of the host *name*?
    """

    hosts: StoredHosts[T]
    name: str

    @property
    def may_block(self) -> bool:
        """
        Whether asking may block. An event loop then asks in a thread.
        """
        return not self.hosts.must_await and may_block(self.hosts.store)

    def ask(self, to_sync: ToSync | None = None) -> T:
        """
        Ask the store, which may block, and return the table of the host. If the store raises, the host is closed.

        A store that has to be awaited is asked through *to_sync*, such as asgiref's `async_to_sync`. Without it, the
        host is closed.
        """
        return self.hosts.ask(self.name, to_sync)

    async def ask_async(self) -> T:
        """
        The same on an event loop. A store that need not be awaited is asked at once.
        """
        return await self.hosts.ask_async(self.name)


def _without_default(host: Origin | OriginPattern) -> Origin:
    port = host.port if isinstance(host.port, int) and host.port not in _DEFAULT_PORTS else None
    return Origin("", host.host, port)


def _spelled(host: Origin) -> str:
    return host.host if host.port is None else f"{host.host}:{host.port}"
