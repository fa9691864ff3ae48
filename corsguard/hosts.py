"""
Which host a request is for, as the server that it came to says it in `Host`, and which key of a configuration means it.

No header of a proxy is read, and no name that a server has for itself. What a client sends is bounded before it is
looked at, never raises and is never repaired: what is not a host has no key.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Generic, TypeVar

from .origin import LONGEST_HOST, Origin, OriginPattern, pattern_of

T = TypeVar("T")

# The grammar is that of the host of an origin, under a scheme that leaves its own port out.
_SCHEMES: Final = ("http://", "https://")
# RFC 9110, 4.2.1 and 4.2.2: a browser leaves these ports out, and a server need not know which of them is its own.
_DEFAULT_PORTS: Final = (80, 443)
_LONGEST: Final = LONGEST_HOST + len(":65535")
# So many hosts are remembered besides those that are keys.
_MOST_KNOWN: Final = 1024


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


def _without_default(host: Origin | OriginPattern) -> Origin:
    port = host.port if isinstance(host.port, int) and host.port not in _DEFAULT_PORTS else None
    return Origin("", host.host, port)


def _spelled(host: Origin) -> str:
    return host.host if host.port is None else f"{host.host}:{host.port}"
