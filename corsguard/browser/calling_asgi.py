"""
Calls an ASGI application as a server does (ASGI 3, HTTP and WebSocket message format 2.3).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from ada_url import URL

from .collecting import CLIENT, LONGEST_FAREWELL, Collected, Unfinished, apart, lines_of, port_of
from .handshakes import is_handshake, opening, protocols_of
from .urls import SOCKET_SCHEMES
from .wire import Header, WireRequest

ASGIApplication: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

_SHORT_FAREWELL: Final = 0.1  # seconds
# RFC 6455, 7.1.5: the connection ended, and no side said why.
_ABNORMAL_CLOSURE: Final = 1006


def run_asgi(app: ASGIApplication, answer: Collected) -> None:
    """
    Have *app* answer (ASGI 3, HTTP and WebSocket message format 2.3).
    """

    def serve() -> None:
        # It gets its own event loop, so the loop of the thread stays unchanged.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(_open(app, answer) if is_handshake(answer.request) else _converse(app, answer))

    if _is_in_loop():
        # The caller's event loop is blocked during this time.
        apart(serve, answer)
    else:
        serve()


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def contained(app: ASGIApplication, scope: Mapping[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's
    """
    Call *app*. If it wants to end the process, that is an error of the request.
    """
    try:
        await app(scope, receive, send)
    except SystemExit as error:
        raise RuntimeError(f"The application raised SystemExit({error.code!r}).") from error


class _Conversation:
    """
    One request to an ASGI application; *answer* is what the application has sent so far.

    Once the response *is_over*, because it is complete or because nobody waits for more, the client disconnects.
    """

    def __init__(self, answer: Collected) -> None:
        self.answer = answer
        self.is_begun, self.is_over = asyncio.Event(), asyncio.Event()
        self._is_asked = False

    async def run(self, app: ASGIApplication) -> None:
        await contained(app, _scope(self.answer.request), self.receive, self.send)
        if not self.answer.is_whole:
            raise Unfinished("the application returned before its response was complete")

    async def receive(self) -> dict[str, Any]:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "http.request", "body": self.answer.request.body, "more_body": False}
        # The client stays connected until it has everything: an application may wait for the disconnect, and would stop
        # too early.
        await self.is_over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        answer = self.answer
        if answer.is_left:
            # Give the event loop a chance to cancel: an application that only sends would never let it.
            await asyncio.Event().wait()
        if message["type"] == "http.response.start" and not answer.is_sent:
            answer.start(message["status"], _pairs(message))
            answer.is_sent = True
            answer.begin()
            self.is_begun.set()
        elif message["type"] == "http.response.body" and answer.is_sent and not answer.is_whole:
            answer.add(message.get("body", b""))
            answer.is_whole = not message.get("more_body", False)
            answer.is_left = not answer.is_whole and not answer.seconds_left
            if answer.is_whole or answer.is_left:
                self.is_over.set()
        else:
            raise RuntimeError(f"The application sent {message['type']!r} at the wrong time.")


async def _converse(app: ASGIApplication, answer: Collected) -> None:
    """
    Call *app* and wait. The client disconnects when it has the response, or the part of it that came in time.
    """
    conversation = _Conversation(answer)
    running = asyncio.create_task(conversation.run(app))
    await _first(running, conversation.is_begun, answer.patience.head)
    if not running.done() and not conversation.is_begun.is_set():
        await _cancelled(running, answer)
        raise answer.unanswered()
    await _first(running, conversation.is_over, answer.seconds_left)
    await _ended(running, conversation)
    if not running.done():
        await _cancelled(running, answer)
        return
    error = asyncio.CancelledError() if running.cancelled() else running.exception()
    if isinstance(error, Exception | asyncio.CancelledError):
        answer.fail(error)
    elif error is not None:
        raise error


async def _ended(running: "asyncio.Task[None]", conversation: _Conversation) -> None:
    """
    Wait for the end of *running* as long as a server would.
    """
    answer = conversation.answer
    if answer.is_whole:
        # Background work may go on, but only the caller waits for it.
        await asyncio.wait({running}, timeout=LONGEST_FAREWELL if answer.patience.apart else None)
    elif not running.done():
        answer.is_left = True
        conversation.is_over.set()
        await asyncio.wait({running}, timeout=_SHORT_FAREWELL)


async def _first(running: "asyncio.Task[None]", event: asyncio.Event, seconds: float | None) -> None:
    """
    Wait until *running* has ended or *event* is set, but at most *seconds*.
    """
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait({running, waiting}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


async def _cancelled(running: "asyncio.Task[None]", answer: Collected) -> None:
    """
    Cancel *running* and wait a while for its end; what it sends after that is dropped.
    """
    answer.is_left = True
    running.cancel()
    await asyncio.wait({running}, timeout=LONGEST_FAREWELL)
    if running.done() and not running.cancelled():
        running.exception()


class _Handshake:
    """
    A handshake that an ASGI application accepts or refuses; *answer* is what it has decided so far.
    """

    def __init__(self, answer: Collected) -> None:
        self.answer = answer
        self.is_answered = asyncio.Event()
        self._is_asked = False

    async def receive(self) -> dict[str, Any]:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "websocket.connect"}
        await self.is_answered.wait()
        # What the application raises now may come from that.
        self.answer.is_left = True
        return {"type": "websocket.disconnect", "code": _ABNORMAL_CLOSURE, "reason": ""}

    async def send(self, message: Mapping[str, Any]) -> None:
        answer, kind, headers = self.answer, message["type"], _pairs(message)
        match kind:
            case "websocket.accept" if not answer.is_sent:
                opened = opening(answer.request, message.get("subprotocol"), headers)
                self._begin(opened.status, opened.headers, is_whole=True)
            case "websocket.close" if not answer.is_sent:
                # A close before the accept is a refusal.
                self._begin(403, (), is_whole=True)
            case "websocket.http.response.start" if not answer.is_sent:
                self._begin(message["status"], headers, is_whole=False)
            case "websocket.http.response.body" if answer.is_sent and not self.is_answered.is_set():
                answer.add(message.get("body", b""))
                if not message.get("more_body", False):
                    self.is_answered.set()
            case "websocket.send" | "websocket.close" if answer.status == 101:
                # The client has disconnected already.
                pass
            case _:
                raise RuntimeError(f"The application sent {kind!r} at the wrong time.")

    def _begin(self, status: int, headers: Iterable[Header], *, is_whole: bool) -> None:
        self.answer.start(status, headers)
        self.answer.is_sent = True
        if is_whole:
            self.is_answered.set()


async def _open(app: ASGIApplication, answer: Collected) -> None:
    """
    Let *app* answer a handshake. The client disconnects as soon as it has the answer, and waits a while for *app* to
    end.
    """
    handshake = _Handshake(answer)

    async def run() -> None:
        try:
            await contained(app, _scope(answer.request), handshake.receive, handshake.send)
            if not handshake.is_answered.is_set():
                raise Unfinished("the application returned before the handshake was answered")  # noqa: TRY301 - it is handled like an error of the application
        except Exception as error:  # noqa: BLE001 - a server catches everything, too
            answer.fail(error)
        handshake.is_answered.set()

    running = asyncio.create_task(run())
    await _first(running, handshake.is_answered, answer.patience.head)
    if not handshake.is_answered.is_set():
        await _cancelled(running, answer)
        raise answer.unanswered()
    answer.begin()
    await asyncio.wait({running}, timeout=LONGEST_FAREWELL)


def _pairs(message: Mapping[str, Any]) -> list[Header]:
    lines = [*(message.get("headers") or ())]
    if any(isinstance(part, str) for line in lines for part in line):
        raise TypeError("ASGI wants headers as pairs of bytes, and one of these is a str")
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in lines]


def _scope(request: WireRequest) -> dict[str, Any]:
    url = URL(request.url)
    scheme = url.protocol.removesuffix(":")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": scheme,
        "path": unquote(url.pathname),
        "raw_path": url.pathname.encode("ascii"),
        "query_string": url.search.removeprefix("?").encode("ascii"),
        "root_path": "",
        "headers": [
            [name.lower().encode("latin-1"), value.encode("latin-1")] for name, value in lines_of(request, url)
        ],
        "client": [CLIENT, 0],
        "server": [url.hostname, port_of(url)],
    }
    if is_handshake(request):
        del scope["method"]
        scope |= {
            "type": "websocket",
            "scheme": next(socket for socket, scheme_of_http in SOCKET_SCHEMES.items() if scheme_of_http == scheme),
            "subprotocols": protocols_of(request),
            "extensions": {"websocket.http.response": {}},
        }
    return scope
