"""
Starts an ASGI application before its requests, and ends it after them, as a server does (ASGI, "Lifespan Protocol").

What an application opens when it starts, such as a database, belongs to the event loop in which it started. So its
requests are answered there, too.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from .calling_asgi import ASGIApplication, contained
from .collecting import LONGEST_FAREWELL

_SPECIFICATION: Final = {"version": "3.0", "spec_version": "2.0"}


@contextmanager
def started(app: ASGIApplication, seconds: float) -> Generator[tuple[ASGIApplication, str]]:
    """
    Start *app*, yield it together with the reason why it did not start, and end it. The reason is empty if it started,
    or has nothing to start. It gets *seconds* for its start.
    """
    life = _Life(app)
    try:
        problem = life.begin(seconds)
        yield (app if problem or not life.is_known else life.call), problem
    finally:
        life.end()


def _nothing(*_: object) -> None:
    pass


class _Life:
    """
    The event loop of *app*, in a thread of its own; *is_known* once *app* has answered that it started.
    """

    def __init__(self, app: ASGIApplication) -> None:
        self.app = app
        self.is_known, self.problem = False, ""
        self._state: dict[str, Any] = {}
        self._answered = threading.Event()
        self._loop = asyncio.new_event_loop()
        # An application that is left behind prints nothing.
        self._loop.set_exception_handler(_nothing)
        # Only the main thread gets signals, and a server has its loop there.
        self._loop.add_signal_handler = _nothing  # type: ignore[assignment, method-assign]  # the platform chooses the class
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._leaving = asyncio.Event()
        self._is_asked = False
        self._running = asyncio.run_coroutine_threadsafe(self._live(), self._loop)

    def begin(self, seconds: float) -> str:
        """
        Wait for the answer of the application, at most *seconds*, and return why it did not start (empty if it did).
        """
        if not self._answered.wait(seconds):
            self.problem = f"it did not end within {seconds:g} s"
        return self.problem

    def end(self) -> None:
        """
        Let the application end. If it is blocked, it is left behind.
        """
        leaving = self._left()
        try:
            if self._running.done() or self.problem:
                self._running.cancel()
            else:
                self._loop.call_soon_threadsafe(self._leaving.set)
            asyncio.run_coroutine_threadsafe(leaving, self._loop)
        except RuntimeError:
            # The application has ended the loop itself.
            leaving.close()
        self._thread.join(2 * LONGEST_FAREWELL)

    def _run(self) -> None:
        try:
            self._loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            self.problem = self.problem or f"it raised {type(error).__name__}"
        finally:
            self._answered.set()
            self._loop.close()

    async def call(self, scope: Mapping[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        """
        Have the application answer in its own event loop; *receive* and *send* belong to the loop of the caller.
        """
        loop = asyncio.get_running_loop()

        def back(function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
            async def call(*args: object) -> Any:  # noqa: ANN401 - ASGI's
                if loop.is_closed():
                    raise OSError("The client has disconnected.")
                return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(function(*args), loop))

            return call

        answering = contained(self.app, {**scope, "state": {**self._state}}, back(receive), back(send))
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(answering, self._loop))

    async def _live(self) -> None:
        scope = {"type": "lifespan", "asgi": _SPECIFICATION, "state": self._state}
        try:
            await contained(self.app, scope, self._receive, self._send)
        except Exception:  # noqa: BLE001, S110 - ASGI: an application without a lifespan raises any exception
            pass
        finally:
            self._answered.set()

    async def _left(self) -> None:
        for is_last in False, True:
            others = asyncio.all_tasks() - {asyncio.current_task()}
            if not others:
                break
            for task in others if is_last else ():
                task.cancel()
            _, others = await asyncio.wait(others, timeout=LONGEST_FAREWELL)
        else:
            if others:
                # In a closed loop, a task that ignores its end would never let Python end.
                return
        # Threads that wait for work end now, and those that work are left behind.
        with suppress(TimeoutError):
            await asyncio.wait_for(self._loop.shutdown_default_executor(), LONGEST_FAREWELL)
        self._loop.stop()

    async def _receive(self) -> dict[str, Any]:
        if self._is_asked:
            await self._leaving.wait()
            return {"type": "lifespan.shutdown"}
        self._is_asked = True
        return {"type": "lifespan.startup"}

    async def _send(self, message: Mapping[str, Any]) -> None:
        match message["type"]:
            case "lifespan.startup.complete" | "lifespan.startup.failed" if self._answered.is_set():
                pass
            case "lifespan.startup.complete":
                self.is_known = True
            case "lifespan.startup.failed":
                # Frameworks send the traceback, whose last line is the error.
                lines = str(message.get("message", "")).strip().splitlines()
                self.problem = lines[-1] if lines else "the application does not say why"
            case "lifespan.shutdown.complete" | "lifespan.shutdown.failed":
                pass
            case kind:
                raise RuntimeError(f"The application sent {kind!r} at the wrong time.")
        self._answered.set()
