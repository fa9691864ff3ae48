"""
One set of origins in Redis, for every process of every machine.

Each process keeps a snapshot of the set, looks again as soon as a message says that something changed, and now and then
without one, because messages can be lost. No request waits for Redis. Every load, and every process that listens,
connects for itself, so nothing is shared across forks, threads and event loops.
"""

import inspect
import queue
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from .memory import Clock
from .names import EXAMPLE_ORIGIN
from .quoting import quoted
from .sources import RefreshingOrigins, goes_on, logger, off_the_event_loop

if TYPE_CHECKING:
    import asyncio

    import redis
    import redis.asyncio

Connect = Callable[[], "redis.Redis | redis.asyncio.Redis"]

# So many seconds after it was last heard, Redis is asked whether the channel still works, and whether to stop is seen.
_HEARTBEAT: Final = 0.5
# A Redis that has not answered for so many seconds is taken for gone.
_SILENCE: Final = 5.0
# Messages of so many seconds lead to one load.
_GATHERING: Final = 0.1
# So many entries are decoded at once.
_PART: Final = 1000
# If more origins than that changed, all are loaded.
_MOST_LOOKED_UP: Final = 1000
# So many seconds lie between two attempts to listen, and between two to load what could not be loaded.
_PAUSE: Final = 0.25
_RETRY: Final = 1.0


class RedisOrigins(RefreshingOrigins):
    """
    An origin source that keeps what the set *key* in Redis has, and looks again at once when its channel *key* has a
    message. A message is the origin that changed, which is then looked up, or empty, and then all are loaded again. So
    one command adds an origin for all processes of all machines:

        redis-cli EVAL "redis.call('SADD',KEYS[1],ARGV[1]); redis.call('PUBLISH',KEYS[1],ARGV[1])" 1 KEY ORIGIN

    *connect* returns a new client, `redis.Redis` or `redis.asyncio.Redis`, which is closed after use. Give it time-outs
    (`socket_timeout`), because a load that hangs does not fail. Without a message the set is loaded *every* so many
    seconds, and when the channel was lost and is there again.

    All else is as in RefreshingOrigins: no question waits, entries are judged like `allow_origins` with credentials,
    and if Redis is gone, or one entry is refused, the last good origins stay and the logger `corsguard` says so once.
    They stay too if the set is empty after Redis was restarted, because then its data was lost. A set that is emptied
    while Redis runs is believed: no origin is shared with.

    Raises TypeError or ValueError for arguments that mean nothing, PolicyError if the first origins are refused, and
    what the client raises if they cannot be loaded.
    """

    def __init__(
        self,
        connect: Connect,
        key: str = "corsguard:origins",
        *,
        every: float | timedelta = 60,
        stale_after: float | timedelta | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        # A configuration is not what its type promises.
        function: object = connect
        if not callable(function) or inspect.iscoroutinefunction(function):
            raise TypeError(
                f"Expected connect to be a plain function that returns a new client of Redis, got {quoted(connect)}. "
                "Write connect=lambda: redis.Redis.from_url(url, socket_timeout=5)."
            )
        name: object = key
        if not isinstance(name, str) or not name:
            raise TypeError(
                f'Expected key to be the name of a set in Redis, got {quoted(key)}. Write key="my:origins".'
            )
        self._set = _RedisSet(connect, key)
        super().__init__(self._set, every=every, stale_after=stale_after, clock=clock)

    def _waiting(self, stop: "queue.SimpleQueue[None]") -> Callable[[float], bool]:
        return _Listener(self._set, stop, self._every).wait


class _RedisSet:
    """
    The set *key* of the Redis that *connect* leads to, as a function that loads it.
    """

    def __init__(self, connect: Connect, key: str) -> None:
        self.connect: Final = connect
        self.key: Final = key
        # Whether Redis answered the last load.
        self.is_reached = False
        # What the next load looks up; if it is empty, that loads all.
        self.changed: frozenset[str] = frozenset()
        # Every entry as Redis has it, good or bad, by the load that began last.
        self._members: frozenset[str] = frozenset()
        self._began = self._kept = 0
        # The run of the Redis where the set had members; it is another one after each start.
        self._run: object = None

    def __repr__(self) -> str:
        return f"The set {quoted(self.key)} in Redis"

    def __call__(self) -> Collection[str]:
        return off_the_event_loop(self._load)

    def _load(self) -> Collection[str]:
        # After a load that failed, more may have changed than was said since.
        changed, self.changed = self.changed if self.is_reached else frozenset[str](), frozenset[str]()
        self.is_reached = False
        self._began = began = self._began + 1
        with _Connection(self.connect) as connection:
            run, members = self._run, self._look_up(connection, changed)
            # If there seem to be none, all are loaded, because it may be another run of Redis.
            if not members:
                # No restart lies in between.
                transaction = connection.client.pipeline()
                transaction.smembers(self.key)
                transaction.info("server")
                answer, server = connection.result(transaction.execute())
                run, members = server.get("run_id"), frozenset(_texts(answer))
        self.is_reached = True
        if began > self._kept:
            self._members, self._kept = members, began
        if not members and self._run not in (None, run):
            raise LookupError(
                f"Expected the set {quoted(self.key)} to have members, as before Redis was restarted, got none. "
                f"Write them again: redis-cli SADD {quoted(self.key)} {EXAMPLE_ORIGIN}"
            )
        self._run = run if members else None
        return members

    def _look_up(self, connection: "_Connection", changed: Collection[str]) -> frozenset[str]:
        """
        Return the members if none but *changed* may have changed; nothing if *changed* is empty.
        """
        if not changed:
            return frozenset()
        names = [*changed]
        found = connection.result(connection.client.smismember(self.key, names))
        members = {name for name, is_member in zip(names, found, strict=True) if is_member}
        return self._members.difference(names) | members


def _texts(answer: Iterable[bytes | str]) -> Iterator[str]:
    names = iter(answer)
    # In parts: one by one takes twice as long, and all at once lets no request in between.
    while part := [*islice(names, _PART)]:
        texts = (
            []
            if isinstance(part[0], str)
            else b"\n".join(cast("list[bytes]", part)).decode("utf-8", "replace").split("\n")
        )
        # What has a line break in it, or is text already, is taken one by one.
        yield from texts if len(texts) == len(part) else map(_text, part)


def _text(data: bytes | str) -> str:
    # A client may decode by itself. What is not UTF-8 is not an origin, and is refused by its name.
    return data if isinstance(data, str) else data.decode("utf-8", "backslashreplace")


class _Connection:
    """
    A client of its own, for one thread. What it returns to be awaited is awaited here, in an event loop of its own.
    """

    def __init__(self, connect: Connect) -> None:
        self._runner: asyncio.Runner | None = None
        # One of two classes, whose methods return the same, to be awaited or not.
        self.client: Any = connect()
        self.channel: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def result(self, answer: Any) -> Any:  # noqa: ANN401 - whatever a command of Redis answers
        if not inspect.isawaitable(answer):
            return answer
        if self._runner is None:
            import asyncio

            # Of its own, so that the thread's event loop stays what it is.
            self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)

        answers: list[object] = []

        async def awaited() -> None:
            answers.append(await answer)

        # What a task returns may be printed, to no purpose, which takes longer than to load it.
        self._runner.run(awaited())
        return answers[0]

    def close(self) -> None:
        for opened in (self.channel, self.client):
            # A connection that is gone may refuse to be closed.
            with suppress(Exception):
                if opened is not None:
                    self.result((getattr(opened, "aclose", None) or opened.close)())
        if self._runner is not None:
            self._runner.close()


class _Listener:
    """
    What listens to the channel of a set in the thread of a process, connecting again and again if need be.
    """

    def __init__(self, of: _RedisSet, stop: "queue.SimpleQueue[None]", every: float) -> None:
        self._set = of
        self._stop = stop
        self._every = every
        self._connection: _Connection | None = None
        # Since when Redis owes an answer.
        self._asked_at: float | None = None
        self._is_subscribed = False
        # Whether the channel was lost, and nothing was loaded since.
        self._is_missed = False
        self._is_told = False

    def wait(self, seconds: float) -> bool:
        """
        Wait so many *seconds*, or until the set has to be loaded for another reason; return False to stop.
        """
        # Nobody says when Redis, which lets processes listen while it still reads its data, is ready to be asked.
        deadline = time.monotonic() + (seconds if self._set.is_reached else min(seconds, _RETRY))
        is_due = False
        while not is_due:
            pause, left = 0.0, max(deadline - time.monotonic(), 0)
            try:
                is_due = self._hear(min(left, _HEARTBEAT) if self._is_subscribed else _HEARTBEAT)
                # If a subscription is under way, a load comes with that.
                is_due = is_due or (left == 0 and self._is_subscribed)
            except BaseException as error:  # noqa: BLE001 - a client may raise anything, as `gevent.Timeout`
                was_subscribed, is_missed = self._is_subscribed, self._is_missed
                self._lose(error)
                # A message may be lost with the connection; the load comes with the next one, if there is one at once.
                self._is_missed = was_subscribed
                is_due = is_missed or (left == 0 and not was_subscribed)
                pause = 0.0 if is_due or was_subscribed else min(left, _PAUSE)
            if not goes_on(self._stop, pause):
                self._hang_up()
                return False
        return True

    def _hear(self, seconds: float) -> bool:
        """
        Wait so many *seconds* for what Redis says, and return whether the set has to be loaded.
        """
        if self._connection is None:
            self._connection = _Connection(self._set.connect)
            self._connection.channel = self._connection.client.pubsub()
            self._connection.result(self._connection.channel.subscribe(self._set.key))
            self._asked_at = time.monotonic()
        connection, channel = self._connection, self._connection.channel
        message = connection.result(channel.get_message(timeout=seconds))
        now = time.monotonic()
        if message is None:
            if self._asked_at is None:
                connection.result(channel.ping())
                self._asked_at = now
            elif now - self._asked_at > _SILENCE:
                raise TimeoutError(f"Redis has not answered for {now - self._asked_at:.0f} seconds.")
            return False
        self._asked_at = None
        if message["type"] == "subscribe":
            self._is_subscribed, self._is_missed = True, False
            if self._is_told:
                logger.warning("The channel %s of Redis is heard again.", quoted(self._set.key))
                self._is_told = False
            # Nobody heard what was said before.
            return True
        if message["type"] != "message":
            return False
        names = {_named(message)}
        while (left := now + _GATHERING - time.monotonic()) > 0:
            message = connection.result(channel.get_message(timeout=left))
            if message is not None:
                names.add(_named(message))
        is_all = "" in names or len(names) > _MOST_LOOKED_UP
        self._set.changed = frozenset() if is_all else frozenset(names)
        return True

    def _lose(self, error: BaseException) -> None:
        was_subscribed = self._is_subscribed
        self._hang_up()
        # If Redis is gone, the load says so.
        if self._set.is_reached and not (was_subscribed or self._is_missed or self._is_told):
            self._is_told = True
            logger.warning(
                "The channel %s of Redis cannot be heard, so a change of its origins is seen within %g seconds. "
                "This is said once, until it is heard.",
                quoted(self._set.key),
                self._every,
                exc_info=error,
            )

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        self._is_subscribed = False
        if connection is not None:
            connection.close()


def _named(message: Mapping[str, Any]) -> str:
    """
    Return the origin that *message* says has changed, or an empty string if it may be any.
    """
    # The client subscribes by itself if it connects again, and nobody heard what was said before.
    return _text(message["data"]) if message["type"] == "message" else ""
