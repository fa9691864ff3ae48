"""
Origins that change while the server runs: a list that is loaded regularly, and a cache for a slow store.

Both are origin sources, which a policy takes as `allow_origins`. If the list cannot be loaded again, the old one stays,
and this is logged. Cached answers expire. Nothing runs in a process before its first request, so a server may load its
application first and fork afterwards. No lock is held while code outside this module runs.
"""

import inspect
import logging
import math
import os
import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final, NamedTuple, NoReturn, Self, TypeVar, cast

from .audience import AsyncOriginSource, OriginIndex, OriginSource, is_asynchronous, is_interruption
from .errors import PolicyError
from .memory import Clock, Memory
from .names import EXAMPLE_ORIGIN
from .origin import Origin, OriginPattern
from .quoting import quoted
from .validation import is_source, not_a_list, problems_of

logger: Final = logging.getLogger("corsguard")

_Result = TypeVar("_Result")


class _Snapshot(NamedTuple):
    """
    What one call of `load` returned: *exact* origins, and *wildcards* with the *matcher* for them.

    Calls have a *number*, because the call that *began* first may return last.
    """

    exact: frozenset[str] = frozenset()
    wildcards: frozenset[str] = frozenset()
    matcher: OriginIndex | None = None
    number: int = 0
    began: float = 0.0


class _Upkeep:
    """
    The lock and the thread of a source in one process. A fork copies locks in their current state, and only its own
    thread.

    No outside code runs while the *lock* is held: under gevent, it may switch to a greenlet that waits for the lock.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.thread: threading.Thread | None = None
        # Not an Event: to set it takes a lock, which the thread may already hold when its garbage collector runs.
        self.stop: queue.SimpleQueue[None] = queue.SimpleQueue()


class _KeptByIdentity:
    """
    A source is connected to something, so a copy of a policy keeps the same source.
    """

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        name = type(self).__name__
        raise TypeError(
            f"Expected a policy that lists its origins, got {name}, which cannot be pickled: it loads or asks in the "
            f"process that made it. Create the {name} from its configuration in the process that needs it."
        )


class RefreshingOrigins(_KeptByIdentity):
    """
    An origin source that keeps the last result of *load*, and calls it again every *every* seconds.

    *load* returns a list, tuple, set or frozenset of origin patterns, which may be empty. It is first called in the
    constructor, and later in a thread of this source. The thread starts with the first request in a process, so every
    process that a server forks refreshes for itself. A request never waits: while *load* runs, the old origins answer.
    If they are older than *stale_after*, the answer is no, and this is logged. Loaded origins are judged like
    `allow_origins` with credentials, because a source does not know its policy. Plain http is accepted, because with
    credentials no source is asked about it. A refresh replaces all origins in one step.

    If *load* raises, or its result is refused, the last good origins stay and the logger `corsguard` says so once.
    *last_error* is the exception until a refresh succeeds. *age* is the number of seconds since the load of the last
    good origins began. *load* needs its own time-out, because a load that hangs does not fail. After `close()` the last
    origins stay.

    Raises whatever the first *load* raises, PolicyError with every problem at once if its origins are refused, and
    TypeError or ValueError for invalid arguments. *every* and *stale_after* are seconds or a timedelta; *clock* counts
    seconds.
    """

    may_block: ClassVar = False

    def __init__(
        self,
        load: Callable[[], Collection[str]],
        *,
        every: float | timedelta,
        stale_after: float | timedelta | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        # A configuration is not what its type promises.
        function: object = load
        if not callable(function) or inspect.iscoroutinefunction(function):
            raise TypeError(
                f"Expected load to be a plain function, got {quoted(load)}. For origins that never change, write "
                f'allow_origins=["{EXAMPLE_ORIGIN}"]. If they change, write a function that returns them.'
            )
        self._load = load
        self._every = _seconds("every", every)
        self._stale_after = math.inf if stale_after is None else _seconds("stale_after", stale_after)
        if self._stale_after <= self._every:
            raise ValueError(
                f"Expected stale_after to be longer than every={quoted(every)}, got {quoted(stale_after)}: no origin "
                "would be allowed during each load. Write a time in which several loads may fail."
            )
        self._clock = clock
        # By process id, because some servers, such as uWSGI, fork without telling Python.
        self._upkeeps: dict[int, _Upkeep] = {}
        self._started_in: int | None = None
        self._is_closed = False
        self._calls = 0
        began = clock()
        self._snapshot = off_the_event_loop(lambda: _read(load(), _Snapshot()))._replace(began=began)
        self._is_told_as_stale = False
        self.last_error: BaseException | None = None

    def __contains__(self, origin: str, /) -> bool:
        snapshot = self._snapshot
        age = self._clock() - snapshot.began
        # In a forked copy of a source that was in use, the only sign is that the origins get too old.
        if self._started_in is None or age >= self._every:
            self._start()
        if age > self._stale_after:
            self._log_as_stale()
            return False
        return origin in snapshot.exact or (snapshot.matcher is not None and snapshot.matcher.covers(origin))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        known = self._snapshot
        return (
            f"<{type(self).__name__}: {len(known.exact) + len(known.wildcards):,} patterns, {self.age:.0f} seconds old>"
        )

    @property
    def age(self) -> float:
        """
        Seconds since the start of the *load* that returned the current origins.
        """
        return self._clock() - self._snapshot.began

    def refresh(self) -> bool:
        """
        Call *load* now, in this thread, and return whether the source has its result, or a newer one.

        Use it when you know that something changed. Other processes notice at their next refresh. A failure is logged
        and kept as *last_error*, and the origins stay. Only exceptions that end the process or cancel the task are
        raised.
        """
        lock = self._upkeep().lock
        with lock:
            self._calls = number = self._calls + 1
        began = self._clock()
        try:
            snapshot = _read(self._load(), self._snapshot)._replace(number=number, began=began)
        except BaseException as error:
            self._fail(error, number)
            # Its frames would keep everything that was loaded in memory.
            error.with_traceback(None)
            if is_interruption(error):
                raise
            return False
        with lock:
            # The old values are deleted after the lock is released, because deleting an error may run other code.
            known, failure, is_stale = self._snapshot, self.last_error, self._is_told_as_stale
            # An older load never replaces a newer one.
            if number < known.number:
                return True
            self._snapshot, self.last_error, self._is_told_as_stale = snapshot, None, False
        if failure is not None or is_stale:
            logger.warning("%s returned origins again; they are %r.", _name_of(self._load), self)
        return True

    def close(self) -> None:
        """
        Stop refreshing, and wait for a call of *load* that is running. The last origins still answer.
        """
        self._is_closed = True
        upkeep = self._upkeep()
        upkeep.stop.put(None)
        if upkeep.thread is not None and upkeep.thread is not threading.current_thread():
            upkeep.thread.join()

    def _upkeep(self) -> _Upkeep:
        # In one step, so that all threads of a process get the same object.
        return self._upkeeps.setdefault(os.getpid(), _Upkeep())

    def _start(self) -> None:
        upkeep = self._upkeep()
        with upkeep.lock:
            if self._started_in == os.getpid():
                return
            self._started_in = os.getpid()
        if self._is_closed:
            return
        # The thread does not keep the source alive, so a dropped policy can be deleted.
        arguments = (weakref.ref(self), self._waiting(upkeep.stop), self._every, max(self._every - self.age, 0))
        thread = threading.Thread(target=_keep_fresh, args=arguments, name="corsguard origins", daemon=True)
        try:
            thread.start()
        except Exception:
            # The next request tries again.
            self._started_in = None
            raise
        weakref.finalize(self, upkeep.stop.put, None)
        upkeep.thread = thread

    def _waiting(self, stop: "queue.SimpleQueue[None]") -> Callable[[float], bool]:
        """
        Return a function for the refreshing thread. It waits the given seconds, or until a refresh is due earlier, and
        returns whether *stop* is still empty. It holds no reference to this source.
        """
        return partial(goes_on, stop)

    def _fail(self, error: BaseException, number: int) -> None:
        with self._upkeep().lock:
            if number < self._snapshot.number:
                return
            earlier, self.last_error = self.last_error, error
        if earlier is None:
            refused = isinstance(error, PolicyError)
            logger.error(
                "%s failed, so its origins from %.0f seconds ago stay. This is logged once, until it succeeds.%s",
                _name_of(self._load),
                self.age,
                f" {error}" if refused else "",
                exc_info=None if refused else error,
            )

    def _log_as_stale(self) -> None:
        with self._upkeep().lock:
            is_told, self._is_told_as_stale = self._is_told_as_stale, True
        if not is_told:
            logger.error(
                "The origins that %s returned are %.0f seconds old, which is more than stale_after=%g. Every origin "
                "is refused until it succeeds. This is logged once.",
                _name_of(self._load),
                self.age,
                self._stale_after,
            )


class RememberedOrigins(_KeptByIdentity):
    """
    An origin source that asks another, slow source, and remembers its answers for *ttl* seconds, refusals included.

    It remembers *maxsize* granted origins, and separately the same number of refused ones. Beyond that, it forgets the
    oldest of the same kind. If several requests ask about one origin at the same time, *source* is asked once. An
    exception of *source* is raised, which counts as no, and is not remembered. Each process has its own memory.

    If *source* has to be awaited, this source has to be awaited too. Each event loop then asks for itself, about at
    most a thousand origins at the same time. Further origins are refused.

    Raises PolicyError if *source* is not an origin source, and TypeError or ValueError for invalid arguments. *ttl* may
    be a timedelta; *clock* counts seconds.
    """

    def __new__(  # the types are those of `__init__`
        cls,
        source: OriginSource | AsyncOriginSource,
        *,
        ttl: float | timedelta,  # noqa: ARG004 - see above
        maxsize: int = 10_000,  # noqa: ARG004 - see above
        clock: Clock = time.monotonic,  # noqa: ARG004 - see above
    ) -> Self:
        # The class of a source tells whether it has to be awaited.
        is_awaited = cls is RememberedOrigins and is_asynchronous(source)
        return super().__new__(cast("type[Self]", _AwaitedOrigins) if is_awaited else cls)

    def __init__(
        self,
        source: OriginSource | AsyncOriginSource,
        *,
        ttl: float | timedelta,
        maxsize: int = 10_000,
        clock: Clock = time.monotonic,
    ) -> None:
        problems = problems_of({"allow_origins": source})
        if problems:
            raise PolicyError(problems)
        if not is_source(source):
            raise TypeError(
                f"Expected an origin source, got source={quoted(source)}, a list that needs no memory. Write "
                "allow_origins=source."
            )
        number: object = maxsize
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ValueError(
                f"Expected maxsize to be a number of origins, got {quoted(maxsize)}. Write maxsize=10_000."
            )
        self._source: Any = source
        self._memory: Memory[bool] = Memory(_seconds("ttl", ttl), maxsize, bool, clock)

    def __contains__(self, origin: str, /) -> bool:
        known = self._memory.find(origin)
        return self._memory_here().ask(origin, partial(self._ask, origin)) if known is None else known

    def forget(self) -> None:
        """
        Forget everything, in this process. The answer to a question that is being asked is not remembered.
        """
        self._memory = self._memory.emptied()

    def _memory_here(self) -> Memory[bool]:
        self._memory = memory = self._memory.here()
        return memory

    def _ask(self, origin: str) -> bool:
        return self._source.__contains__(origin) is True


class _AwaitedOrigins(RememberedOrigins):
    """
    The same for a source that has to be awaited.
    """

    __contains__ = None  # type: ignore[assignment] # in Python, None means that there is no such method

    async def allows(self, origin: str, /) -> bool:
        return await self._memory_here().ask_async(origin, partial(self._ask_async, origin))

    async def _ask_async(self, origin: str) -> bool:
        return await self._source.allows(origin) is True


def goes_on(stop: "queue.SimpleQueue[None]", seconds: float) -> bool:
    """
    Wait *seconds*, or until *stop* gets an entry. Return whether *stop* is still empty.
    """
    try:
        stop.get(timeout=seconds)
    except queue.Empty:
        return True
    return False


def _keep_fresh(
    source: "weakref.ref[RefreshingOrigins]", wait: Callable[[float], bool], every: float, delay: float
) -> None:
    while wait(delay):
        alive, delay = source(), every
        if alive is None:
            return
        # An exception that `refresh` raises ends this call, not this thread.
        with suppress(BaseException):
            alive.refresh()
        del alive


def _read(loaded: object, known: _Snapshot) -> _Snapshot:
    """
    Return the snapshot of *loaded*. Entries that are already *known* are valid.

    Raises PolicyError with every problem at once.
    """
    if not isinstance(loaded, list | tuple | set | frozenset):
        raise PolicyError([not_a_list("allow_origins", loaded)])
    # Step by step, because Python serves no request while it copies a set of a million entries.
    others = [entry for entry in loaded if not isinstance(entry, str)]
    texts: frozenset[str] = (
        loaded
        if isinstance(loaded, frozenset) and not others
        else frozenset(entry for entry in loaded if isinstance(entry, str))
    )
    wildcards = frozenset(text for text in texts if text not in known.exact and Origin.parse(text) is None)
    unknown = sorted(wildcards - known.wildcards)
    if unknown or others:
        problems = problems_of({"allow_origins": [*unknown, *others], "allow_credentials": True})
        # Plain http is accepted, because with credentials no source is asked about it.
        refused = [problem for problem in problems if problem.code != "E302"]
        if refused:
            raise PolicyError(refused)
    exact = frozenset(text for text in texts if text not in wildcards) if wildcards else texts
    if wildcards == known.wildcards:
        return _Snapshot(exact, wildcards, known.matcher)
    return _Snapshot(exact, wildcards, OriginIndex(map(OriginPattern.parse, sorted(wildcards))))


def off_the_event_loop(function: Callable[[], _Result]) -> _Result:
    """
    Return *function()*, called in another thread if this one runs an event loop.

    Some servers import an application inside their loop, where blocking code may refuse to run, such as Django's ORM.
    Without a loop no thread is used, because it might wait for the import that waits for it.
    """
    is_on_a_loop = False
    with suppress(KeyError, RuntimeError):
        sys.modules["asyncio"].get_running_loop()
        is_on_a_loop = True
    if not is_on_a_loop:
        return function()
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(function).result()


def _seconds(name: str, value: object) -> float:
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds <= threading.TIMEOUT_MAX:
        raise ValueError(
            f"Expected {name} to be a number of seconds or a timedelta, got {quoted(value)}. Write {name}=60."
        )
    return seconds


def _name_of(load: Callable[..., object]) -> str:
    name = getattr(load, "__qualname__", None)
    return f"{load.__module__}.{name}" if isinstance(name, str) else repr(load)
