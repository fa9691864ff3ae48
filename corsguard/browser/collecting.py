"""
Collects what an application answers, and decides how long to wait for it: the same for WSGI and ASGI.

A browser judges a response by its head. So a body that never ends is read for a while, and then the client disconnects.
"""

import io
import logging
import re
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextvars import copy_context
from types import FrameType
from typing import Final, NamedTuple

from ada_url import URL

from corsguard.names import is_token
from corsguard.quoting import kind_of

from .headers import is_event_stream
from .wire import PENDING, Header, Unreachable, WireRequest, WireResponse

logger: Final = logging.getLogger("corsguard.browser")

CLIENT: Final = "127.0.0.1"
LONGEST_FAREWELL: Final = 1.0  # seconds
_LONGEST_STREAM: Final = 1.0  # seconds
_GRACE: Final = 0.1  # seconds
# The modules with the callbacks of weak references.
_WEAK: Final = frozenset({weakref.__file__, weakref.WeakSet.__init__.__code__.co_filename})
_LARGEST_BODY: Final = 16 * 1024 * 1024
# A server sends no other characters: they would end the line, or are not octets.
_FIELD_VALUE: Final = re.compile(r"[\x01-\x09\x0b\x0c\x0e-\xff]*")


class Patience(NamedTuple):
    """
    How many seconds to wait for an application: until its response begins (*head*), and from then on until it ends
    (*body*). It runs in its own thread if *apart*, otherwise in the thread of the caller, whose database connections it
    may need.
    """

    head: float = 60.0
    body: float = 10.0
    apart: bool = False


def lines_of(request: WireRequest, url: URL) -> list[Header]:
    """
    Return the header lines of *request* and those that HTTP itself needs.
    """
    names = {name.lower() for name, _ in request.headers}
    host = [] if "host" in names else [("Host", url.host)]
    length = [("Content-Length", str(len(request.body)))] if request.body and "content-length" not in names else []
    return [*host, *request.headers, *length]


def port_of(url: URL) -> int:
    return int(url.port) if url.port else 443 if url.protocol == "https:" else 80


def patience_for(headers: Iterable[Header], seconds: float) -> float:
    """
    Return how long to read the body after *headers*: *seconds*, or less for a stream of events, which has no end (HTML,
    "server-sent events").
    """
    return min(seconds, _LONGEST_STREAM) if is_event_stream(headers) else seconds


class Unfinished(RuntimeError):
    """
    An application returned, and its answer was not complete. It raised nothing.
    """


class Collected:
    """
    What an application has answered so far to *request*.

    Once *is_sent*, the head cannot be changed; once *is_whole*, the response is complete; once *is_left*, the client
    has disconnected.
    """

    def __init__(self, request: WireRequest, patience: Patience) -> None:
        self.request = request
        self.patience = patience
        self.status = 0  # until the response is started
        self.headers: tuple[Header, ...] = ()
        self.body = io.BytesIO()
        self.is_sent = False
        self.is_whole = False
        self.is_left = False
        self.begun = threading.Event()
        self.ended = threading.Event()
        self._last_moment = 0.0

    def start(self, status: int, headers: Iterable[Header]) -> None:
        """
        Store the head. Raises ValueError, or TypeError, if no server would send it.
        """
        pairs = [*headers]
        if not all(map(_is_pair, pairs)):
            raise TypeError("the headers have to be a list of pairs of text, and one of them is something else")
        lines = tuple((name, value.strip(" \t")) for name, value in pairs)
        for name, value in lines:
            if not is_token(name) or not _FIELD_VALUE.fullmatch(value):
                raise ValueError(f"The response has a header line that cannot be sent: {name!r}: {value!r}.")
        self.status, self.headers = status, lines

    def add(self, chunk: object) -> None:
        """
        Add *chunk* to the body. Raises TypeError if no server would send it.
        """
        if not isinstance(chunk, bytes | bytearray | memoryview):
            cure = ": encode it, as text.encode() does" if isinstance(chunk, str) else ""
            raise TypeError(f"the body has to be made of bytes, and a part of it is {kind_of(chunk)}{cure}")
        self.body.write(chunk)

    def begin(self) -> None:
        """
        Begin to wait for the end of the body, if there is a head.
        """
        if self.status and not self.begun.is_set():
            self._last_moment = time.monotonic() + patience_for(self.headers, self.patience.body)
            self.begun.set()

    @property
    def seconds_left(self) -> float:
        """
        How much longer to wait for the body.
        """
        if self.is_left or self.body.tell() > _LARGEST_BODY:
            return 0.0
        return max(0.0, self._last_moment - time.monotonic()) if self.begun.is_set() else self.patience.body

    def wait(self) -> None:
        """
        Wait for the response as long as the patience allows. Raises Unreachable if it has not begun by then.
        """
        if self.begun.wait(self.patience.head):
            self.ended.wait(self.seconds_left)
        elif not self.status:
            raise self.unanswered()

    def unanswered(self) -> Unreachable:
        seconds = f"{self.patience.head:g}"
        return Unreachable(f"the application did not answer within {seconds} s", net_error=PENDING)

    def fail(self, error: BaseException) -> None:
        """
        Do what a server does with an *error* of the application: log it, and send a bare 500 if the head is not sent
        yet.
        """
        if self.is_left:
            # The client has disconnected, which may be the cause of the error.
            return
        if self.is_whole:
            outcome = "the response was sent before that, as a framework does that answers with a 500 and raises"
        elif self.is_sent:
            outcome = "a server that has begun to respond cuts the response off"
        else:
            outcome = "a server responds with a 500 that has none of the application's headers"
            self.status, self.headers, self.body = 500, (), io.BytesIO()
        asked = self.request
        logger.error("The application raised on %s %s: %s.", asked.method, asked.url, outcome, exc_info=error)

    def response(self) -> WireResponse:
        """
        Return the response as it arrives (RFC 9110, 6.4.1: some responses have no body).
        """
        has_body = self.request.method != "HEAD" and self.status not in {204, 304}
        return WireResponse(self.status, self.headers, self.body.getvalue() if has_body else b"")


def _is_pair(pair: object) -> bool:
    return isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)


def apart(work: Callable[[], None], answer: Collected) -> None:
    """
    Do *work* in its own thread, and wait for its *answer* as long as the patience allows.
    """
    raised: list[BaseException] = []

    def do() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is raised again in the waiting thread
            raised.append(error)
        finally:
            answer.ended.set()
            answer.begun.set()

    try:
        threading.Thread(target=copy_context().run, args=(do,), daemon=True).start()
        answer.wait()
    finally:
        # On a busy machine an alarm ends the waiting earlier.
        answer.is_left = not answer.ended.is_set()
    if raised and not answer.is_left:
        raise raised[0]


class _GivenUp(BaseException):
    """
    Ends work that nobody waits for any more; a BaseException, so that no application handles it.
    """


def here(work: Callable[[], None], answer: Collected) -> None:
    """
    Do *work* in this thread, and stop it when its *answer* takes too long.

    Only a signal interrupts a blocked thread, and only the main thread. So *work* is not stopped in other threads, on
    Windows, if an alarm is set already (pytest-timeout), and in a debugger, where a person waits.
    """
    is_ours = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getitimer(signal.ITIMER_REAL)[0]:
        work()
        return

    def give_up(_: int, frame: FrameType | None) -> None:
        if answer.is_whole or answer.is_left or _is_debugged():
            return
        seconds = answer.seconds_left if answer.begun.is_set() else 0.0
        if seconds:
            set_alarm(seconds)
        elif not _is_cleaning_up(frame):
            raise _GivenUp

    def set_alarm(seconds: float) -> None:
        # It repeats, because an alarm can be lost: one that comes just before a thread blocks does not wake it.
        signal.setitimer(signal.ITIMER_REAL, seconds, LONGEST_FAREWELL)

    before = signal.signal(signal.SIGALRM, give_up)
    # By then, everything that can be stopped cleanly has been stopped.
    set_alarm(answer.patience.head + _GRACE)
    try:
        work()
    except _GivenUp:
        answer.is_left = True
        if not answer.status:
            raise answer.unanswered() from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _is_cleaning_up(frame: FrameType | None) -> bool:
    """
    Whether *frame* is that of a destructor or of a weak reference's callback: Python ignores what is raised there.
    """
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or code.co_filename in _WEAK:
            return True
        frame = frame.f_back
    return False


def _is_debugged() -> bool:
    trace, monitoring = sys.gettrace(), getattr(sys, "monitoring", None)
    # Coverage traces, too.
    is_traced = trace is not None and not type(trace).__module__.startswith("coverage")
    # From Python 3.12 on.
    return is_traced or (monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None)
