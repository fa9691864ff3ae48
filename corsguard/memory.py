"""
Answers that are remembered for a while, and the questions that are being asked.

The names come from clients, which can invent as many as they like. So everything is bounded, and invented names do not
displace good answers. No lock is held while code outside this module runs.
"""

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from .audience import is_interruption

if TYPE_CHECKING:
    import asyncio

    # A question is asked once in each event loop.
    _Key = tuple[asyncio.AbstractEventLoop, str]

Clock = Callable[[], float]
T = TypeVar("T")

# The most questions that are awaited at the same time.
_MOST_TASKS: Final = 1000


class Memory(Generic[T]):
    """
    What one process knows about names, each for so many *seconds*, and the questions that are being asked.

    It remembers *most* good answers, as *is_good* tells, and separately the same number of others. Beyond that, it
    forgets the oldest of the same kind. If several callers ask about one name at the same time, one question is asked.
    If that raises, all these callers get the exception, and nothing is remembered. None is not an answer.
    """

    __slots__ = (
        "_clock",
        "_good",
        "_is_good",
        "_lock",
        "_most",
        "_others",
        "_process",
        "_questions",
        "_seconds",
        "_tasks",
    )

    def __init__(self, seconds: float, most: int, is_good: Callable[[T], bool], clock: Clock = time.monotonic) -> None:
        self._seconds: Final = seconds
        self._most: Final = most
        self._is_good: Final = is_good
        self._clock: Final = clock
        self._good: Final[OrderedDict[str, tuple[float, T]]] = OrderedDict()
        self._others: Final[OrderedDict[str, tuple[float, T]]] = OrderedDict()
        self._questions: Final[dict[str, Future[T]]] = {}
        # The questions that are awaited. The key keeps a loop that ended too early alive, so that no other loop gets
        # its id.
        self._tasks: Final[dict[_Key, asyncio.Task[T]]] = {}
        self._lock: Final = threading.Lock()
        self._process: Final = os.getpid()

    def here(self) -> Self:
        """
        Return this memory; in a forked process, return an empty one.
        """
        # The lock and the questions belong to the parent process. Its threads do not exist here, so they answer
        # nothing.
        return self if self._process == os.getpid() else self.emptied()

    def emptied(self) -> Self:
        """
        Return an empty memory with the same settings.
        """
        return type(self)(self._seconds, self._most, self._is_good, self._clock)

    def find(self, name: str) -> T | None:
        """
        Return what is remembered about *name*, or None.
        """
        # Without the lock: `ask` looks again under the lock.
        known = self._good.get(name) or self._others.get(name)
        return None if known is None or known[0] <= self._clock() else known[1]

    def ask(self, name: str, question: Callable[[], T]) -> T:
        """
        Return what is remembered about *name*, or what *question* returns. This may block.
        """
        began, ours = self._clock(), Future[T]()
        with self._lock:
            known = self.find(name)
            if known is not None:
                return known
            first = self._questions.setdefault(name, ours)
        if first is not ours:
            return first.result()
        try:
            answer = question()
            self._keep(name, answer, began)
            ours.set_result(answer)
        except BaseException as error:
            if not is_interruption(error):
                ours.set_exception(error)
            raise
        finally:
            # If this thread is interrupted, the other callers do not wait forever.
            ours.cancel()
            with self._lock:
                del self._questions[name]
        return answer

    async def ask_async(self, name: str, question: Callable[[], Awaitable[T]]) -> T:
        """
        The same for a *question* that is awaited. Each event loop asks its own questions.

        Raises RuntimeError if too many questions are awaited already.
        """
        known = self.find(name)
        if known is not None:
            return known
        import asyncio

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Under trio there are no futures that callers can share.
            return await self._answered(name, question)
        task = self._tasks.get((loop, name))
        if task is None:
            self._make_room()
            task = self._tasks[loop, name] = loop.create_task(self._answered(name, question))
            task.add_done_callback(partial(_forget, self._tasks, (loop, name)))
        # If one caller is cancelled, the question goes on for the others and for later callers.
        return await asyncio.shield(task)

    async def _answered(self, name: str, question: Callable[[], Awaitable[T]]) -> T:
        began = self._clock()
        answer = await question()
        self._keep(name, answer, began)
        return answer

    def _keep(self, name: str, answer: T, began: float) -> None:
        is_good = self._is_good(answer)
        room, other = (self._good, self._others) if is_good else (self._others, self._good)
        with self._lock:
            other.pop(name, None)
            room[name] = began + self._seconds, answer
            # All answers are kept for the same time, so the first is the oldest.
            room.move_to_end(name)
            if len(room) > self._most:
                room.popitem(last=False)

    def _make_room(self) -> None:
        if len(self._tasks) < _MOST_TASKS:
            return
        # Loop over a copy, because event loops in other threads add and remove entries.
        for key in [*self._tasks]:
            if key[0].is_closed():
                self._tasks.pop(key, None)
        if len(self._tasks) >= _MOST_TASKS:
            raise RuntimeError(
                f"The question was not asked, because {_MOST_TASKS:,} others already wait for an answer."
            )


def _forget(tasks: "dict[_Key, asyncio.Task[T]]", key: "_Key", task: "asyncio.Task[T]") -> None:
    tasks.pop(key, None)
    if not task.cancelled():
        # Otherwise asyncio logs an exception that was never retrieved, if all callers are gone.
        task.exception()
