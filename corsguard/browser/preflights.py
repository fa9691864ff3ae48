"""
The CORS-preflight cache: which methods and headers a server has permitted, for how long.

Follows Fetch, "CORS-preflight cache". Entries come from what an answer lists, not from what was asked for.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from corsguard.names import NON_WILDCARD_REQUEST_HEADER

# Fetch, "CORS-preflight fetch": used if Access-Control-Max-Age is absent or not a number.
DEFAULT_MAX_AGE: Final = 5
_MOST_NAMES: Final = 256


class CacheKey(NamedTuple):
    """
    The key of entries: the top-level site of the page, the serialized request origin, the URL with its query.
    """

    partition: str
    origin: str
    url: str


@dataclass(slots=True)
class _Permission:
    """
    One permission: of a method, or of a header if *is_header*, until *max_age* seconds after *stored*.
    """

    name: str
    is_header: bool
    with_credentials: bool
    stored: float
    max_age: float

    def covers(self, name: str, *, is_header: bool, with_credentials: bool) -> bool:
        # Fetch, "method cache entry match" and "header-name cache entry match".
        if is_header != self.is_header or (with_credentials and not self.with_credentials):
            return False
        if not is_header:
            return self.name in {name, "*"}
        lowered = name.lower()
        return self.name.lower() == lowered or (self.name == "*" and lowered != NON_WILDCARD_REQUEST_HEADER)


class PreflightCache:
    """
    The answers to preflights that one browser remembers, for at most *longest* seconds.
    """

    def __init__(self, clock: Callable[[], float], longest: float) -> None:
        self._clock = clock
        self._longest = longest
        self._entries: dict[CacheKey, list[_Permission]] = {}

    def has(self, key: CacheKey, name: str, *, is_header: bool, with_credentials: bool) -> bool:
        """
        Return whether the method *name*, or the header of that name, was permitted and still is.
        """
        return any(
            entry.covers(name, is_header=is_header, with_credentials=with_credentials) for entry in self._fresh(key)
        )

    def store(
        self, key: CacheKey, methods: Iterable[str], headers: Iterable[str], max_age: float, *, with_credentials: bool
    ) -> None:
        """
        Remember that *methods* and *headers* are permitted for *max_age* seconds (Fetch, "CORS-preflight fetch").
        """
        age = min(max_age, self._longest)
        entries = self._entries[key] = self._fresh(key)
        for names, is_header in ((methods, False), (headers, True)):
            # Fetch: user agents may remove entries at any time. No page needs longer lists.
            for name in islice(names, _MOST_NAMES):
                known = [
                    entry
                    for entry in entries
                    if entry.covers(name, is_header=is_header, with_credentials=with_credentials)
                ]
                for entry in known:
                    entry.max_age = age
                if not known:
                    entries.append(_Permission(name, is_header, with_credentials, self._clock(), age))

    def clear(self, key: CacheKey | None = None) -> None:
        """
        Forget what is kept for *key*, or everything (Fetch, "clear cache entries").
        """
        if key is None:
            self._entries.clear()
        else:
            self._entries.pop(key, None)

    def _fresh(self, key: CacheKey) -> list[_Permission]:
        now = self._clock()
        return [entry for entry in self._entries.get(key, ()) if now < entry.stored + entry.max_age]
