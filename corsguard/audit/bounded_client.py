"""
Sends requests to one server: within a budget, at a steady rate, and again, past all caches, to confirm a finding.

Only the given origin is contacted, never more often or faster than agreed.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from corsguard.browser import NetworkError, Transport, Unreachable, WireRequest, WireResponse, origin_of
from corsguard.browser.headers import media_type_of
from corsguard.browser.wire import Header

from .answers import Answer, PageFetch, fetched

# The safe methods (RFC 9110, 9.2.1), and the one that is sent only if the user agrees.
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORGED_METHOD: Final = "POST"
# The headers answer a preflight, so its body is not read.
_UNASKED: Final = WireResponse(0)
# After this many fetches in a row without an answer, the server is down, or does not want more requests; or something
# in front of it gives 429 or 503 to some origins.
_MOST_UNANSWERED: Final = 5
# How many requests are kept to ask again: at least for one finding that comes last, and at most for many.
_LEAST_RESERVED: Final = 4
_MOST_RESERVED: Final = 12
# Again, and for an origin that must not be allowed.
_FOR_EACH_FINDING: Final = 2
# Headers that are added to the user's: a cookie of the audit must not replace the user's cookie.
_SENT_TWICE: Final = frozenset({"authorization", "cookie", "host"})


# For a body that is read: the audit decompresses nothing.
PLAIN: Final[Header] = ("Accept-Encoding", "identity")
# Fetch, "HTTP-network-or-cache fetch": what browsers accept there. A cache may keep another copy for each.
_ENCODINGS: Final = {"https": "gzip, deflate, br, zstd", "http": "gzip, deflate"}


class SpentError(Exception):
    """
    Ends a part of an audit, because no more requests may be sent; *cause* says why.
    """

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class BoundedClient:
    """
    Sends requests to the origin of *url* through *carry*: at most *budget*, and *rate* in a second.

    *label* is a name that nobody uses, so no cache knows it. *headers* are sent with every request except preflights,
    like credentials. Only GET, HEAD and OPTIONS are sent; with *may_post*, POST too. *on_sent* is called with the
    number of sent requests. *clock* and *pause* are those of `time`.

    *left_out* says for each cause what was not sent. *has_stopped* is True if that is because no more answers came, or
    only refusals. *answered* is the number of the last request after which the server still answered as usual.
    """

    def __init__(  # noqa: PLR0913 - all limits are set in one place
        self,
        carry: Transport,
        url: str,
        *,
        label: str,
        budget: int,
        rate: float,
        headers: tuple[Header, ...] = (),
        may_post: bool = False,
        on_sent: Callable[[int], object] = bool,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.origin = origin_of(url)
        self.label = label
        self.budget = budget
        self.rate = rate
        self.sent = 0
        # The number of requests that are reserved to confirm findings.
        self.reserve = 0
        self.keep(0)
        self.unanswered = 0
        self.throttled = 0
        # The questions that were not answered, or only with 429 or 503.
        self.open = 0
        self.answered = 0
        self.left_out: dict[str, list[str]] = {}
        self._count = 0
        self._carry = carry
        self._headers = headers
        self._methods = _SAFE_METHODS | {_FORGED_METHOD} if may_post else _SAFE_METHODS
        self._on_sent = on_sent
        self._clock = clock
        self._pause = pause
        self._next = clock()
        self._silent = 0
        self._most_silent = _MOST_UNANSWERED
        self._told: PageFetch | None = None
        self._error: Unreachable | None = None
        # Refusals in a row, after how many of them a usual answer is asked for again, and the status of all the answers
        # since then, if that is a refusal, too.
        self._refused = 0
        self._most_refused = _MOST_UNANSWERED
        self._refusal = 0
        self._wall = 0
        self._usual_status: int | None = None
        self._usual_type: str | None = None
        self._usual: PageFetch | None = None
        self._asked: dict[PageFetch, Answer] = {}

    def ask(self, fetch: PageFetch) -> Answer:
        """
        Return the server's answer. The same request is sent twice only if the server was too busy to answer. Raises
        SpentError if it may not be sent.
        """
        if fetch not in self._asked:
            self._asked[fetch] = self._answered(fetch)
        return self._asked[fetch]

    def answers_at(self, url: str) -> list[Answer]:
        """
        Return all answers so far at *url*, whatever the query.
        """
        path = urlsplit(url).path
        return [answer for fetch, answer in self._asked.items() if urlsplit(fetch.url).path == path]

    def first(self, fetch: PageFetch) -> Answer:
        """
        Return the server's answer. Raises Unreachable if there is none.
        """
        try:
            answer = self.ask(fetch)
        except SpentError as end:
            raise Unreachable(end.cause) from None
        if not answer.came and self._error is not None:
            raise self._error
        return answer

    def plain(self, answer: Answer) -> Answer:
        """
        Return *answer*, or if its body is compressed, the one to the same request without compression.
        """
        if answer.get("Content-Encoding") is None:
            return answer
        return self.ask(answer.fetch._replace(more=(*answer.fetch.more, PLAIN)))

    def again(self, answer: Answer, origin: str | None = None) -> Answer:
        """
        Send the same request again, past all caches, or for another *origin*.
        """
        fetch = answer.fetch
        return self.ask(fetch._replace(url=self.fresh(fetch.url), origin=origin or fetch.origin))

    def fresh(self, url: str) -> str:
        """
        Return *url* with a query that was never used before, so that no cache has an answer.
        """
        self._count += 1
        return with_query(url, f"cg={self.label}{self._count}")

    def keep(self, findings: int) -> None:
        """
        Keep requests to confirm so many *findings*.
        """
        self.reserve = min(_LEAST_RESERVED + _FOR_EACH_FINDING * findings, _MOST_RESERVED, self.budget // 4)

    def leave_out(self, what: str, end: SpentError) -> None:
        """
        Note that *what* was not sent.
        """
        self.left_out.setdefault(end.cause, []).append(what)

    def warnings(self) -> Iterator[str]:
        """
        Yield warnings about how the requests were sent.
        """
        for cause, names in self.left_out.items():
            yield f"Left out, because {cause}: {', '.join(names)}."
        if self._wall:
            yield (
                "Most likely a firewall or a limit refused these requests: let it allow your address, or use a lower "
                "--rate."
            )
        if self.unanswered:
            yield f"{counted(self.unanswered, 'request')} got no response."
        if self.throttled:
            busy = "429 Too Many Requests or 503 Service Unavailable"
            what_to_do = (
                "others were answered in between, so it depends on the origin, and not on the rate."
                if self.refuses_origins
                else "use a lower --rate, or try again later."
            )
            yield f"{counted(self.throttled, 'request')} got {busy}: {what_to_do}"

    @property
    def has_stopped(self) -> bool:
        return self._silent >= self._most_silent or bool(self._wall)

    @property
    def refuses_all(self) -> SpentError | None:
        """
        The end of the audit, if a firewall or a limit refuses everything since the last usual answer.
        """
        what = f"{'another page with status ' if self._wall < 300 else ''}{self._wall}"
        cause = f"after request {self.answered}, every answer was {what}, also to what was answered before"
        return SpentError(cause) if self._wall else None

    @property
    def refuses_origins(self) -> bool:
        """
        Whether 429 and 503 are the answer to some origins, and not to too many requests.
        """
        return not self.has_stopped and self._most_silent > _MOST_UNANSWERED

    def turn(self) -> None:
        """
        Wait until the next request may be sent, and count it. Raises SpentError if no more may be sent.
        """
        if self.sent >= self.budget - self.reserve:
            kept = f", except {self.reserve} that are kept to ask again" if self.reserve else ""
            raise SpentError(f"all {self.budget} requests of the budget were sent{kept}")
        if self.refuses_all:
            raise self.refuses_all
        if self.has_stopped:
            raise SpentError(f"{self._silent} requests in a row got no answer, 429 or 503")
        delay = self._next - self._clock()
        if delay > 0:
            self._pause(delay)
        self._next = max(self._next, self._clock()) + 1 / self.rate
        self.sent += 1
        self._on_sent(self.sent)

    def _answered(self, fetch: PageFetch) -> Answer:
        answer = self._sent(fetch)
        if answer.came and not answer.is_told and answer.request.method in _SAFE_METHODS and not self.refuses_origins:
            with suppress(SpentError):
                answer = self._sent(fetch)
        self.open += not answer.is_told
        return answer

    def _sent(self, fetch: PageFetch) -> Answer:
        """
        Send the request that a browser would send first.
        """
        if self._silent >= self._most_silent:
            self._ask_for_an_answer()
        if self._refused >= self._most_refused:
            self.ask_for_a_usual_answer()
        answers: list[Answer] = []

        def carry(request: WireRequest) -> WireResponse:
            if answers:
                return _UNASKED
            answer = self._exchange(fetch, self._complete(fetch, request))
            answers.append(answer)
            if not answer.came:
                raise Unreachable("no response came")
            return answer.response

        with suppress(NetworkError):
            fetched(carry, fetch, "include")
        if not answers:
            # Nothing was sent: a browser blocks this address.
            raise SpentError("no browser connects to this address")
        return answers[0]

    def _ask_for_an_answer(self) -> None:
        """
        Send again what was answered before. If it still is, the requests since then are refused for their origins.
        """
        fetch, self._told = self._told, None
        if fetch is None:
            return
        silent, self._silent = self._silent, 0
        if self._sent(fetch).is_told:
            # Each time, it is less likely that the server only wants to be left alone.
            self._most_silent *= 2
        else:
            self._silent = silent + 1

    def ask_for_a_usual_answer(self) -> None:
        """
        After several refusals, send again what was answered as usual before. If it still is, the requests since then
        were refused for what they asked. If it gets the same refusal, everything does.
        """
        fetch = self._usual
        if fetch is None or self._refused < _MOST_UNANSWERED or self.has_stopped:
            return
        refusal, before, self._refused = self._refusal, self.answered, 0
        answer = self._sent(fetch)
        if self.answered != before:
            # Each time, it is less likely that a firewall is the cause.
            self._most_refused *= 2
        elif answer.is_told and answer.status == refusal:
            self._wall = refusal

    def _note_status(self, answer: Answer) -> None:
        """
        Count the refusals in a row: redirects and errors that differ from the first answer of the server, and pages of
        another type, because some firewalls answer 200 with a page of their own.
        """
        if self._usual_status is None:
            self._usual_status = answer.status
        kind = media_type_of(answer.lines)
        is_success, is_preflight = answer.status < 300, answer.fetch.is_preflight
        if is_success and not is_preflight and self._usual_type is None:
            self._usual_type = kind
        is_usual = kind in {"", self._usual_type} if is_success else answer.status == self._usual_status
        if is_success and is_preflight and not is_usual:
            # The answers to preflights often have a type of their own.
            return
        if is_usual:
            self._refused, self.answered = 0, self.sent
            self._usual = answer.fetch if answer.request.method in _SAFE_METHODS else self._usual
        else:
            self._refused, self._refusal = self._refused + 1, answer.status

    def _complete(self, fetch: PageFetch, request: WireRequest) -> WireRequest:
        lines = [line for line in request.headers if line[0] != "Origin"]
        lines.append(("Accept-Encoding", _ENCODINGS[urlsplit(request.url).scheme]))
        if fetch.origin is not None:
            # A page at the resource's own origin sends no Origin with GET, but the audit sends it.
            lines.append(("Origin", fetch.origin))
        own = () if fetch.is_preflight else self._headers
        chosen = {name.lower() for name, _ in own}
        lines = [line for line in lines if line[0].lower() not in chosen]
        said = {name.lower() for name, _ in fetch.more} - _SENT_TWICE
        lines = [line for line in (*lines, *own) if line[0].lower() not in said]
        return replace(request, headers=(*lines, *fetch.more), body=fetch.body)

    def _exchange(self, fetch: PageFetch, request: WireRequest) -> Answer:
        if origin_of(request.url) != self.origin:
            raise ValueError(
                f"Expected a URL at {self.origin}, because nothing else is contacted, got {request.url!r}."
            )
        if request.method not in self._methods:
            # For example, within one origin a browser sends no preflight, but the request itself.
            raise SpentError(f"it needs {request.method}, and only {', '.join(sorted(self._methods))} are sent")
        self.turn()
        start = self._clock()
        try:
            response = self._carry(request)
        except Unreachable as error:
            self.unanswered, self._silent, self._error = self.unanswered + 1, self._silent + 1, error
            # A server that is gone is not asked again: each such request may take as long as it is waited for.
            self._told = None
            return Answer(fetch, request, WireResponse(0))
        answer = Answer(fetch, request, response, self._clock() - start)
        self._silent = 0 if answer.is_told else self._silent + 1
        self.throttled += not answer.is_told
        if answer.is_told and request.method in _SAFE_METHODS:
            self._told = fetch
        if answer.is_told:
            self._note_status(answer)
        return answer


def with_query(url: str, query: str) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{query}"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
