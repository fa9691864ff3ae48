"""
Asks a server what it answers to an origin, and the model of a browser what a page there may then read.

Nothing but the one origin that was given is contacted, no more often and no faster than agreed. What went over the
wire once is judged twice, with credentials and without; whether a page may read is for the model to say, never for
this room.
"""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, NamedTuple

from corsguard.browser import (
    Browser,
    NetworkError,
    Reason,
    Response,
    Transport,
    Unreachable,
    WireRequest,
    WireResponse,
    origin_of,
)
from corsguard.browser.evidence import LONGEST_READ
from corsguard.browser.headers import get, is_safelisted_method, values_of
from corsguard.browser.reasons import CORS_CHECK, OF_STATUS
from corsguard.browser.wire import Header
from corsguard.names import ALLOW_CREDENTIALS, ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN, OWNED_PREFIX

# What a page is that has the origin in question by other means than its URL.
_PAGE_HOST: Final = "attacker.example"
# A preflight's answer that is no more than that: what comes after it is not asked for.
_UNASKED: Final = WireResponse(0)
# After so many questions in a row without an answer the server is taken to have gone, or to want to be left alone.
_MOST_UNANSWERED: Final = 5
# RFC 6585, 4, and RFC 9110, 15.6.4: what is said to whoever comes too often, whatever was asked.
_TOO_MANY: Final = 429
_BUSY: Final = frozenset({_TOO_MANY, 503})
_MOST_RESERVED: Final = 12
_MOST_RAW_BYTES: Final = 65536

# What a preflight's answer says to an origin before it says anything about methods and headers.
_REFUSES_ALL: Final = CORS_CHECK | OF_STATUS | {Reason.UNREACHABLE}


class SpentError(Exception):
    """
    Ends a part of an audit, because no more may be asked; *cause* says why.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class Question(NamedTuple):
    """
    One fetch of *url* by a page at *origin*, or by none.

    If it needs a preflight, by its *method*, by *names* of headers or as an upload with a listener (*is_upload*), only
    the preflight is sent. *more* are header lines that are sent besides, whatever a page may do.
    """

    url: str
    origin: str | None = None
    method: str = "GET"
    names: tuple[str, ...] = ()
    is_upload: bool = False
    more: tuple[Header, ...] = ()

    @property
    def is_preflight(self) -> bool:
        return not is_safelisted_method(self.method) or bool(self.names) or self.is_upload


@dataclass(frozen=True)
class Answer:
    """
    What came of a *question*: the *request* as it was sent, its *response* (status 0: none) and the *seconds* it took.
    """

    question: Question
    request: WireRequest
    response: WireResponse
    seconds: float = 0.0

    @property
    def came(self) -> bool:
        return self.response.status != 0

    @property
    def is_told(self) -> bool:
        """
        Whether a response came that was made for the question, and not for a server that is too busy for any.
        """
        return self.came and self.status not in _BUSY

    @property
    def status(self) -> int:
        return self.response.status

    @cached_property
    def lines(self) -> tuple[Header, ...]:
        """
        The response's header lines, cut before they are looked at.
        """
        return tuple((name, value[:LONGEST_READ]) for name, value in self.response.headers)

    def get(self, name: str) -> str | None:
        return get(self.lines, name)

    def all(self, name: str) -> list[str]:
        return values_of(self.lines, name)

    def lists(self, name: str, item: str) -> bool:
        """
        Whether the response lists *item* under *name*, in any case.
        """
        return item.lower() in (part.strip().lower() for part in (self.get(name) or "").split(","))

    @cached_property
    def varies(self) -> bool:
        """
        Whether a cache keeps the response for this origin only (RFC 9110, "Vary").
        """
        return self.lists("Vary", "Origin") or self.lists("Vary", "*")

    @property
    def echoes(self) -> bool:
        """
        Whether the response names the origin of the question.
        """
        return self.came and self.question.origin is not None and self.get(ALLOW_ORIGIN) == self.question.origin

    def shares(self, *, with_credentials: bool) -> bool:
        """
        Whether the page may read the response; of a preflight, whether the browser would go on.
        """
        outcome = self._outcome(with_credentials=with_credentials)
        # A redirect is followed, and what is read in the end is another response.
        return isinstance(outcome, Response) and outcome.type != "opaqueredirect"

    @property
    def is_read_with_credentials(self) -> bool:
        return self.shares(with_credentials=True)

    @property
    def lets_in(self) -> bool:
        """
        Whether the page may read because it is of this origin, and not because everybody may.
        """
        return self.is_read_with_credentials or (self.get(ALLOW_ORIGIN) != "*" and self.shares(with_credentials=False))

    def grants_origin(self, *, with_credentials: bool) -> bool:
        """
        Whether the preflight's answer passes as far as the origin is concerned, whatever else it refuses.
        """
        outcome = self._outcome(with_credentials=with_credentials)
        return isinstance(outcome, Response) or outcome not in _REFUSES_ALL

    @property
    def has_bad_status(self) -> bool:
        """
        Whether the preflight fails for its status, whatever else it says.
        """
        granted = (
            (ALLOW_ORIGIN, self.question.origin or "*"),
            (ALLOW_CREDENTIALS, "true"),
            (ALLOW_METHODS, self.question.method),
            (ALLOW_HEADERS, ", ".join(self.question.names)),
        )
        rest = tuple(line for line in self.lines if not line[0].lower().startswith(OWNED_PREFIX))
        mended = replace(self, response=WireResponse(self.status, (*granted, *rest)))
        return self.is_told and not mended.shares(with_credentials=True)

    def _outcome(self, *, with_credentials: bool) -> Response | Reason:
        """
        Return what a page gets of this response, or why a browser keeps it back.
        """

        def replay(request: WireRequest) -> WireResponse:
            if not self.came:
                raise Unreachable("no response came")
            if self.question.is_preflight and request.method != "OPTIONS":
                return WireResponse(200, ((ALLOW_ORIGIN, self.question.origin or "*"), (ALLOW_CREDENTIALS, "true")))
            return WireResponse(self.status, self.lines)

        try:
            return _fetched(replay, self.question, "include" if with_credentials else "omit")
        except NetworkError as error:
            return error.failure.reason


class Asker:
    """
    Asks the server at the origin of *url* through *carry*: *budget* times at most, *rate* times a second.

    *headers* go with every request but preflights, as credentials do. *on_sent* is told how many were sent. *clock* and
    *pause* are those of `time`.
    """

    def __init__(  # noqa: PLR0913 - how to ask is agreed on in one place
        self,
        carry: Transport,
        url: str,
        *,
        budget: int,
        rate: float,
        headers: tuple[Header, ...] = (),
        on_sent: Callable[[int], object] = bool,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.origin = origin_of(url)
        self.budget = budget
        self.rate = rate
        self.sent = 0
        # What is kept back for asking again what was found.
        self.reserve = min(_MOST_RESERVED, budget // 4)
        self.unanswered = 0
        self.throttled = 0
        self._carry = carry
        self._headers = headers
        self._on_sent = on_sent
        self._clock = clock
        self._pause = pause
        self._next = clock()
        self._silent = 0
        self._error: Unreachable | None = None
        self._asked: dict[Question, Answer] = {}

    def ask(self, question: Question) -> Answer:
        """
        Return what the server answers; the same question is not asked twice. Raises SpentError if it may not be asked.
        """
        if question not in self._asked:
            self._asked[question] = self._sent(question)
        return self._asked[question]

    def first(self, question: Question) -> Answer:
        """
        Return what the server answers. Raises Unreachable if nothing does.
        """
        try:
            answer = self.ask(question)
        except SpentError as end:
            raise Unreachable(end.cause) from None
        if not answer.came and self._error is not None:
            raise self._error
        return answer

    def turn(self) -> None:
        """
        Wait until something may be sent, and count it. Raises SpentError if nothing may be sent any more.
        """
        if self.sent >= self.budget - self.reserve:
            raise SpentError(f"the budget of {self.budget} requests was spent")
        if self._silent >= _MOST_UNANSWERED:
            raise SpentError(f"the server left {self._silent} requests in a row without an answer, or answered 429")
        delay = self._next - self._clock()
        if delay > 0:
            self._pause(delay)
        self._next = max(self._next, self._clock()) + 1 / self.rate
        self.sent += 1
        self._on_sent(self.sent)

    def _sent(self, question: Question) -> Answer:
        """
        Send the one request that a browser would send first.
        """
        answers: list[Answer] = []

        def carry(request: WireRequest) -> WireResponse:
            if answers:
                return _UNASKED
            answer = self._exchange(question, self._complete(question, request))
            answers.append(answer)
            if not answer.came:
                raise Unreachable("no response came")
            return answer.response

        with suppress(NetworkError):
            _fetched(carry, question, "include")
        if not answers:
            # Nothing was sent: a browser does not even ask.
            raise SpentError("no browser connects to this address")
        return answers[0]

    def _complete(self, question: Question, request: WireRequest) -> WireRequest:
        lines = [line for line in request.headers if line[0] != "Origin"] + [("User-Agent", "Mozilla/5.0 (corsguard)")]
        if question.origin is not None:
            # That of a page at the resource's own origin goes with it too, though no GET has it.
            lines.append(("Origin", question.origin))
        lines += [*(() if question.is_preflight else self._headers), *question.more]
        return replace(request, headers=tuple(lines))

    def _exchange(self, question: Question, request: WireRequest) -> Answer:
        if origin_of(request.url) != self.origin:
            raise ValueError(f"{request.url!r} is not at {self.origin}, and nothing else is contacted.")
        self.turn()
        start = self._clock()
        try:
            response = self._carry(request)
        except Unreachable as error:
            self.unanswered, self._silent, self._error = self.unanswered + 1, self._silent + 1, error
            return Answer(question, request, WireResponse(0))
        self._silent = self._silent + 1 if response.status == _TOO_MANY else 0
        self.throttled += response.status in _BUSY
        return Answer(question, request, response, self._clock() - start)


def _fetched(carry: Transport, question: Question, credentials: Literal["include", "omit"]) -> Response:
    """
    Return what a page at the origin of *question* gets; its own page's redirects are not followed.
    """
    own = origin_of(question.url)
    # As secure as what it fetches, or mixed content would be all that is seen.
    page = Browser(carry).open(f"{own.partition(':')[0]}://{_PAGE_HOST}", origin=question.origin or own)
    return page.fetch(
        question.url,
        method=question.method,
        headers=[(name, "1") for name in question.names],
        credentials=credentials,
        redirect="manual",
        upload_listener=question.is_upload,
    )


@dataclass(frozen=True)
class Line:
    """
    A plain connection, for what no HTTP client sends: *host* is the server's name, *authority* the Host line, *address*
    where to connect to, and *headers* are sent along.
    """

    host: str
    authority: str
    address: tuple[str, int]
    tls: ssl.SSLContext | None
    timeout: float
    headers: tuple[Header, ...] = ()

    def names_sent_back(self, target: str, origin: str) -> frozenset[str]:
        """
        Return the names of the header lines that come back, in lower case, if *origin* stands in the request as it is.
        """
        lines = (("Host", self.authority), ("Connection", "close"), *self.headers, ("Origin", origin))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        try:
            received = self._sent(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        except OSError:
            return frozenset()
        # A line that begins with a space goes on with the one before it (RFC 9112, 5.2), and has no name.
        _, *found = received.partition(b"\r\n\r\n")[0].decode("latin-1").replace("\r", "\n").split("\n")
        return frozenset(line.partition(":")[0].lower() for line in found)

    def _sent(self, raw: bytes) -> bytes:
        deadline = time.monotonic() + self.timeout
        with socket.create_connection(self.address, self.timeout) as plain:
            connection = plain if self.tls is None else self.tls.wrap_socket(plain, server_hostname=self.host)
            with connection:
                connection.sendall(raw)
                received = b""
                while len(received) < _MOST_RAW_BYTES and b"\r\n\r\n" not in received:
                    chunk = connection.recv(_MOST_RAW_BYTES)
                    received += chunk
                    if not chunk or time.monotonic() > deadline:
                        break
                return received
