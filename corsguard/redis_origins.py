"""
One set of origins in Redis, for all processes on all machines.

Each process keeps a snapshot of the set. It loads the set again as soon as a message says that something changed, and
regularly without a message, because messages can be lost. No request waits for Redis. Every load and every listener
opens its own connection, so nothing is shared across forks, threads and event loops.
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

# After so many seconds without a message, the listener pings Redis, and checks whether it has to stop.
_HEARTBEAT: Final = 0.5
# After so many seconds without an answer, the connection counts as lost.
_SILENCE: Final = 5.0
# All messages within so many seconds cause one load.
_GATHERING: Final = 0.1
# The number of entries that are decoded in one step.
_PART: Final = 1000
# If more origins changed, the whole set is loaded.
_MOST_LOOKED_UP: Final = 1000
# The seconds between two attempts to listen, and between two attempts to load after a failure.
_PAUSE: Final = 0.25
_RETRY: Final = 1.0


class RedisOrigins(RefreshingOrigins):
    """
    An origin source that keeps a copy of the set *key* in Redis, and updates it at once after a message on the channel
    *key*. A message is the origin that changed, which is then looked up. After an empty message, the whole set is
    loaded again. So one command adds an origin for all processes on all machines:

        redis-cli EVAL "redis.call('SADD',KEYS[1],ARGV[1]); redis.call('PUBLISH',KEYS[1],ARGV[1])" 1 KEY ORIGIN

    *connect* returns a new client, `redis.Redis` or `redis.asyncio.Redis`, which is closed after use. Give it time-outs
    (`socket_timeout`), because a load that hangs does not fail. Without a message, the set is loaded every *every*
    seconds, and when a lost channel works again.

    Otherwise it works as RefreshingOrigins does: no request waits, and entries are judged like `allow_origins` with
    credentials. If Redis is down, or one entry is refused, the last good origins stay and the logger `corsguard` says
    so once. They also stay if the set is empty after a restart of Redis, because then its data was lost. If the set is
    emptied while Redis runs, no origin is allowed any more.

    Raises TypeError or ValueError for invalid arguments, PolicyError if the first origins are refused, and the client's
    exception if they cannot be loaded.
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
        # Checked at run time, because a configuration may pass anything.
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
    Loads the set *key* from Redis, to which *connect* connects.
    """

    def __init__(self, connect: Connect, key: str) -> None:
        self.connect: Final = connect
        self.key: Final = key
        # Whether Redis answered the last load.
        self.is_reached = False
        # The origins that the next load looks up. If this is empty, it loads the whole set.
        self.changed: frozenset[str] = frozenset()
        # Every entry of the set, valid or not, from the load that began last.
        self._members: frozenset[str] = frozenset()
        self._began = self._kept = 0
        # The run id of the Redis in which the set had members. It changes with each start.
        self._run: object = None

    def __repr__(self) -> str:
        return f"The set {quoted(self.key)} in Redis"

    def __call__(self) -> Collection[str]:
        return off_the_event_loop(self._load)

    def _load(self) -> Collection[str]:
        # After a failed load, origins may have changed without a message.
        changed, self.changed = self.changed if self.is_reached else frozenset[str](), frozenset[str]()
        self.is_reached = False
        self._began = began = self._began + 1
        with _Connection(self.connect) as connection:
            run, members = self._run, self._look_up(connection, changed)
            # If there seem to be no members, the whole set is loaded, because Redis may have been restarted.
            if not members:
                # In a transaction, so that no restart happens in between.
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
                f"Expected the set {quoted(self.key)} to have members, as before the restart of Redis, got none. Add "
                f"them again: redis-cli SADD {quoted(self.key)} {EXAMPLE_ORIGIN}"
            )
        self._run = run if members else None
        return members

    def _look_up(self, connection: "_Connection", changed: Collection[str]) -> frozenset[str]:
        """
        Return the members, if only *changed* may have changed. Return an empty set if *changed* is empty.
        """
        if not changed:
            return frozenset()
        names = [*changed]
        found = connection.result(connection.client.smismember(self.key, names))
        members = {name for name, is_member in zip(names, found, strict=True) if is_member}
        return self._members.difference(names) | members


def _texts(answer: Iterable[bytes | str]) -> Iterator[str]:
    names = iter(answer)
    # In parts: one by one takes twice as long, and all at once would block requests.
    while part := [*islice(names, _PART)]:
        texts = (
            []
            if isinstance(part[0], str)
            else b"\n".join(cast("list[bytes]", part)).decode("utf-8", "replace").split("\n")
        )
        # If entries contain line breaks, or are text already, they are decoded one by one.
        yield from texts if len(texts) == len(part) else map(_text, part)


def _text(data: bytes | str) -> str:
    # The client may decode answers itself. An entry that is not UTF-8 is not an origin, and is refused by its name.
    return data if isinstance(data, str) else data.decode("utf-8", "backslashreplace")


class _Connection:
    """
    A client for one thread. Awaitables that the client returns are awaited here, in a separate event loop.
    """

    def __init__(self, connect: Connect) -> None:
        self._runner: asyncio.Runner | None = None
        # One of two classes with the same methods, synchronous or asynchronous.
        self.client: Any = connect()
        self.channel: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def result(self, answer: Any) -> Any:  # noqa: ANN401 - the answer of any Redis command
        if not inspect.isawaitable(answer):
            return answer
        if self._runner is None:
            import asyncio

            # A new loop, so that the event loop of the thread is not changed.
            self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)

        answers: list[object] = []

        async def awaited() -> None:
            answers.append(await answer)

        # The answer is not the result of the task, because asyncio may print results, which takes longer than the load.
        self._runner.run(awaited())
        return answers[0]

    def close(self) -> None:
        for opened in (self.channel, self.client):
            # To close a lost connection may raise.
            with suppress(Exception):
                if opened is not None:
                    self.result((getattr(opened, "aclose", None) or opened.close)())
        if self._runner is not None:
            self._runner.close()


class _Listener:
    """
    Listens to the channel of a set, in one thread of the process. It connects again whenever the connection is lost.
    """

    def __init__(self, of: _RedisSet, stop: "queue.SimpleQueue[None]", every: float) -> None:
        self._set = of
        self._stop = stop
        self._every = every
        self._connection: _Connection | None = None
        # The time since which Redis has not answered a question.
        self._asked_at: float | None = None
        self._is_subscribed = False
        # Whether the channel was lost, and the set has not been loaded since.
        self._is_missed = False
        self._is_told = False

    def wait(self, seconds: float) -> bool:
        """
        Wait *seconds*, or until the set has to be loaded earlier. Return False if the listener has to stop.
        """
        # Redis accepts listeners while it still reads its data, and sends no message when it is ready.
        deadline = time.monotonic() + (seconds if self._set.is_reached else min(seconds, _RETRY))
        is_due = False
        while not is_due:
            pause, left = 0.0, max(deadline - time.monotonic(), 0)
            try:
                is_due = self._hear(min(left, _HEARTBEAT) if self._is_subscribed else _HEARTBEAT)
                # While it subscribes, the load follows the subscription.
                is_due = is_due or (left == 0 and self._is_subscribed)
            except BaseException as error:  # noqa: BLE001 - a client may raise anything, such as `gevent.Timeout`
                was_subscribed, is_missed = self._is_subscribed, self._is_missed
                self._lose(error)
                # A message may be lost with the connection. If it is back at once, the load follows the new
                # subscription.
                self._is_missed = was_subscribed
                is_due = is_missed or (left == 0 and not was_subscribed)
                pause = 0.0 if is_due or was_subscribed else min(left, _PAUSE)
            if not goes_on(self._stop, pause):
                self._disconnect()
                return False
        return True

    def _hear(self, seconds: float) -> bool:
        """
        Wait up to *seconds* for a message, and return whether the set has to be loaded.
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
                logger.warning("The channel %s of Redis works again.", quoted(self._set.key))
                self._is_told = False
            # Messages from before the subscription were lost.
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
        self._disconnect()
        # If Redis is down, the load logs that.
        if self._set.is_reached and not (was_subscribed or self._is_missed or self._is_told):
            self._is_told = True
            logger.warning(
                "The channel %s of Redis does not work, so a change of its origins is seen only within %g seconds. "
                "This is logged once, until it works again.",
                quoted(self._set.key),
                self._every,
                exc_info=error,
            )

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._is_subscribed = False
        if connection is not None:
            connection.close()


def _named(message: Mapping[str, Any]) -> str:
    """
    Return the origin in *message* that has changed, or an empty string if any may have changed.
    """
    # The client subscribes again by itself after it reconnects. Messages from before that were lost.
    return _text(message["data"]) if message["type"] == "message" else ""
