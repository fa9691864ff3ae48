"""
Which host a request is for, as the server that it came to says it in `Host`, and which key of a configuration means it.

No header of a proxy is read, and no name that a server has for itself. What a client sends is bounded before it is
looked at, never raises and is never repaired: what is not a host has no key.
"""

import inspect
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, Generic, Protocol, TypeVar

from .audience import is_interruption
from .origin import LONGEST_HOST, Origin, OriginPattern, pattern_of

T = TypeVar("T")

# The grammar is that of the host of an origin, under a scheme that leaves its own port out.
_SCHEMES: Final = ("http://", "https://")
# RFC 9110, 4.2.1 and 4.2.2: a browser leaves these ports out, and a server need not know which of them is its own.
_DEFAULT_PORTS: Final = (80, 443)
_LONGEST: Final = LONGEST_HOST + len(":65535")
# So many hosts are remembered besides those that are keys.
_MOST_KNOWN: Final = 1024
# For so long it is remembered what a store said.
_SECONDS: Final = 1.0


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

    def must_ask(self, sent: object) -> bool:
        """
        Return whether somebody has to be asked about the host, which may block.
        """
        del sent
        return False

    def ask(self, sent: object) -> T | None:
        """
        Return the same as `find`.
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
    None closes the host. Whatever it raises closes it too, and is recorded. An event loop asks in a thread.
    """

    def policy_of(self, host: str, /) -> Any: ...  # noqa: ANN401 - a Policy or None, which this room does not know


def is_store(value: object) -> bool:
    """
    Return whether *value* has a `policy_of`, whatever else is wrong with it.
    """
    return getattr(value, "policy_of", None) is not None and not isinstance(value, Mapping)


def can_be_asked(value: object) -> bool:
    """
    Return whether *value* is an object whose `policy_of` answers at once.
    """
    method = getattr(type(value), "policy_of", None)
    is_async = inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)
    # The type of a class is its metaclass, which has no such method.
    return callable(method) and not is_async


class StoredHosts(Generic[T]):
    """
    What *store* says of each host, made into what stands there by *make*, which also takes what the store raised.

    It is remembered for a second. Hosts that have a policy are remembered apart from those that have none, so that
    those that clients make up push no good ones out.
    """

    __slots__ = ("_clock", "_make", "_named", "_others", "store")

    def __init__(
        self,
        store: HostStore,
        make: Callable[[str, object, BaseException | None], T],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store: Final = store
        self._make: Final = make
        self._clock: Final = clock
        self._named: OrderedDict[str, tuple[float, T]] = OrderedDict()
        self._others: OrderedDict[str, tuple[float, T]] = OrderedDict()

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
        known = self._named.get(sent) or self._others.get(sent)
        return known[1] if known is not None and known[0] > self._clock() else None

    def must_ask(self, sent: object) -> bool:
        """
        Return whether the store has to be asked about the host, which may block.
        """
        return self.find(sent) is None and host_of(sent) is not None

    def ask(self, sent: object) -> T | None:
        """
        Return what stands at the host, for which the store may be asked; None if *sent* names none.
        """
        known, host = self.find(sent), host_of(sent)
        if known is not None or host is None:
            return known
        name, now = _spelled(host), self._clock()
        try:
            said: object = self.store.policy_of(name)
        except BaseException as error:
            if is_interruption(error):
                raise
            # It may go better next time.
            return self._make(name, None, error)
        there = self._make(name, said, None)
        memory, other = (self._others, self._named) if said is None else (self._named, self._others)
        memory[str(sent)] = (now + _SECONDS, there)
        # Other threads do the same.
        with suppress(KeyError):
            other.pop(str(sent), None)
            memory.move_to_end(str(sent))
            if len(memory) > _MOST_KNOWN:
                memory.popitem(last=False)
        return there


def _without_default(host: Origin | OriginPattern) -> Origin:
    port = host.port if isinstance(host.port, int) and host.port not in _DEFAULT_PORTS else None
    return Origin("", host.host, port)


def _spelled(host: Origin) -> str:
    return host.host if host.port is None else f"{host.host}:{host.port}"
