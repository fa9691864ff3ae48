"""
Answers that are remembered for a while, and the questions under way.

What is asked about comes from clients, who make up as many names as they like. So all is bounded, and what they make up
pushes nothing good out. No lock is held while somebody else's code runs.
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

    # A question of one event loop.
    _Key = tuple[asyncio.AbstractEventLoop, str]

Clock = Callable[[], float]
T = TypeVar("T")

# So many names are asked about at once, where answers are awaited.
_MOST_TASKS: Final = 1000


class Memory(Generic[T]):
    """
    What one process was told about names, each for so many *seconds*, and the questions under way.

    It remembers *most* answers that are good, as *is_good* tells, and as many others, apart from each other, and beyond
    that forgets the oldest of their kind. A name that several ask about at once is asked about once. What a question
    raises is raised to all who ask, and is not remembered. None is not an answer.
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
        # Those that are awaited. A loop that ended in the middle of one is kept, so that no other takes its id.
        self._tasks: Final[dict[_Key, asyncio.Task[T]]] = {}
        self._lock: Final = threading.Lock()
        self._process: Final = os.getpid()

    def here(self) -> Self:
        """
        Return this memory, or an empty one in a process that was forked from the one that made it.
        """
        # The lock and the questions are those of that process; its threads are not here to answer them.
        return self if self._process == os.getpid() else self.emptied()

    def emptied(self) -> Self:
        """
        Return a memory like this one that has nothing in it.
        """
        return type(self)(self._seconds, self._most, self._is_good, self._clock)

    def find(self, name: str) -> T | None:
        """
        Return what is remembered about *name*, or None.
        """
        # Without the lock: what this may miss is looked up again with the lock.
        known = self._good.get(name) or self._others.get(name)
        return None if known is None or known[0] <= self._clock() else known[1]

    def ask(self, name: str, question: Callable[[], T]) -> T:
        """
        Return what is remembered about *name*, or what *question* returns, for which it may have to wait.
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
            # Anyone who was stopped in the middle of a question leaves nobody waiting.
            ours.cancel()
            with self._lock:
                del self._questions[name]
        return answer

    async def ask_async(self, name: str, question: Callable[[], Awaitable[T]]) -> T:
        """
        The same for a *question* that is awaited. Each event loop asks for itself.

        Raises RuntimeError if as many questions are awaited as may be.
        """
        known = self.find(name)
        if known is not None:
            return known
        import asyncio

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # Under trio there are no futures to share.
            return await self._answered(name, question)
        task = self._tasks.get((loop, name))
        if task is None:
            self._make_room()
            task = self._tasks[loop, name] = loop.create_task(self._answered(name, question))
            task.add_done_callback(partial(_forget, self._tasks, (loop, name)))
        # One that is cancelled leaves the question to the others, and the answer to those who ask later.
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
            # All are kept for the same time, so the first is the next to be forgotten.
            room.move_to_end(name)
            if len(room) > self._most:
                room.popitem(last=False)

    def _make_room(self) -> None:
        if len(self._tasks) < _MOST_TASKS:
            return
        # Of a copy, because other loops add and remove theirs in other threads.
        for key in [*self._tasks]:
            if key[0].is_closed():
                self._tasks.pop(key, None)
        if len(self._tasks) >= _MOST_TASKS:
            raise RuntimeError(f"Nobody was asked, because {_MOST_TASKS:,} questions wait for an answer.")


def _forget(tasks: "dict[_Key, asyncio.Task[T]]", key: "_Key", task: "asyncio.Task[T]") -> None:
    tasks.pop(key, None)
    if not task.cancelled():
        # Else asyncio writes, if all who asked are gone, that nobody took the error.
        task.exception()
