"""
Plays a fetch, fixes each fault in memory and plays on, so that all faults are known at once.

The model of the browser alone judges. This module corrects the fault that the model found in an answer, and runs the
model again. No request is sent twice. A browser stops at the first fault. After it, only GET, HEAD and OPTIONS are
sent, only to the same host, and the result says what was not checked because of that.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, cast

from corsguard.browser import (
    Browser,
    Exchange,
    Failure,
    NetworkError,
    Note,
    Reason,
    Response,
    Transport,
    Unreachable,
    WebSocket,
    WireRequest,
    WireResponse,
)
from corsguard.browser.advice import fix_of_listed
from corsguard.browser.evidence import (
    FailureWords,
    as_shown,
    refused_headers,
    refuses_authorization_only,
    tokens_listed,
    url_of,
    without_password,
)
from corsguard.browser.exchanges import veiled
from corsguard.browser.fetching import CredentialsMode, Mode, RedirectMode
from corsguard.browser.headers import get, values_of
from corsguard.browser.notes import notes
from corsguard.browser.page import HeadersInit, Page
from corsguard.browser.reasons import CORS_CHECK, OF_STATUS, REASONS
from corsguard.browser.redirect_advice import taints
from corsguard.browser.report import bare_cause
from corsguard.browser.urls import SOCKET_SCHEMES, Url, of_handshake, page_origin
from corsguard.browser.wire import Header
from corsguard.fixes import Fix
from corsguard.names import ALLOW_CREDENTIALS, ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN, OWNED_PREFIX
from corsguard.origin import NULL

# RFC 9110, 9.2.1: safe methods.
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})

# Every round fixes one fault; an answer has at most seven, and a fetch has 21 hops with a preflight each.
_MOST_ROUNDS: Final = 64

# The code of the fault that an answer cannot be read in any case, and the verdict then.
OPAQUE: Final = "opaque"
UNREADABLE: Final = "opaque, so nothing can be read"
NOT_CORS: Final = "failed, and this is not CORS"
# A request and the preflight before it.
_WITH_PREFLIGHT: Final = 2
_STILL_COVERED: Final = (
    "The standard does not count Authorization among *, so no browser has to send it. Chromium, Firefox and Safari "
    "still do, and warn of it in their consoles."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """
    What a page requests, as arguments of `Page.fetch`; *cookies* are the browser's cookies, as `Set-Cookie` values.

    *origin* is the page's origin if it is not the one of its URL. A *url* of `ws:` or `wss:` asks for a WebSocket,
    which offers *protocols*. *upload_listener* is that of an XMLHttpRequest.
    """

    page: str
    url: str
    method: str = "GET"
    headers: tuple[Header, ...] = ()
    body: bytes | str | None = None
    credentials: CredentialsMode = "same-origin"
    mode: Mode = "cors"
    redirect: RedirectMode = "follow"
    cookies: tuple[str, ...] = ()
    origin: str | None = None
    protocols: tuple[str, ...] = ()
    upload_listener: bool = False

    @property
    def is_handshake(self) -> bool:
        return Url.parse(self.url).scheme in SOCKET_SCHEMES

    @property
    def server_origin(self) -> str:
        return of_handshake(Url.parse(self.url)).origin

    @property
    def page_origin(self) -> str:
        return page_origin(Url.parse(self.page)) if self.origin is None else self.origin

    @property
    def with_credentials(self) -> bool:
        return self.credentials == "include"

    def on(self, page: Page) -> Response | WebSocket:
        """
        Return what *page* gets. Raises NetworkError, and ValueError if this does not describe a request.
        """
        if self.is_handshake:
            return page.websocket(self.url, self.protocols)
        return page.fetch(
            self.url,
            method=self.method,
            headers=self.headers,
            body=self.body,
            credentials=self.credentials,
            mode=self.mode,
            redirect=self.redirect,
            upload_listener=self.upload_listener,
        )


def lines_of(headers: HeadersInit) -> tuple[Header, ...]:
    """
    Return the *headers* that a page sets as name and value.
    """
    return tuple(cast("Iterable[Header]", headers.items() if isinstance(headers, Mapping) else headers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """
    One thing that is wrong, its *cause* and its *fix* in words, and the line of each console that prints one.

    *code* is a NetworkError's reason, or the name of a fault that the model does not check. *follows* is True if the
    page had not been allowed by a CORS layer before: then the fix of the fault before may fix this one, too.
    """

    code: str
    cause: str
    fix: Fix
    step: str = ""
    chromium: str = ""
    firefox: str = ""
    safari: str = ""
    notes: tuple[str, ...] = ()
    follows: bool = False
    failure: Failure | None = field(default=None, repr=False)

    @property
    def verdict(self) -> str:
        if self.code == OPAQUE:
            return UNREADABLE
        is_cors = self.failure is not None and REASONS[self.failure.reason].kind == "cors"
        return "blocked" if is_cors else NOT_CORS

    def data(self) -> dict[str, Any]:
        """
        Return the same as plain data.
        """
        return {
            "code": self.code,
            "cause": self.cause,
            "fix": self.fix.data(),
            "step": self.step,
            "chromium": self.chromium,
            "firefox": self.firefox,
            "safari": self.safari,
            "notes": [*self.notes],
            "follows": self.follows,
            "is_preflight": self.failure is not None and self.failure.is_preflight,
        }


@dataclass(slots=True)
class Outcome:
    """
    The result of a fetch: every fault in the order in which a browser meets them, and what went over the wire.

    *response* is what the page gets when the faults are fixed, or *socket* the WebSocket that is open then. Both are
    None if that is not known, and *unseen* says why. *warnings* are what the standard forbids and browsers let pass.
    *console* is what a browser prints in addition to the faults.
    """

    faults: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    response: Response | None = None
    socket: WebSocket | None = None
    unseen: str = ""
    console: tuple[Note, ...] = ()

    @property
    def is_unreachable(self) -> bool:
        first = self.faults[0].failure if self.faults else None
        return first is not None and REASONS[first.reason].kind == "no response"

    @property
    def is_blocked(self) -> bool:
        """
        Whether the page gets nothing at the moment.
        """
        return any(fault.failure is not None for fault in self.faults)

    @property
    def is_readable(self) -> bool:
        is_shared = self.response is not None and self.response.type in {"basic", "cors"}
        return (is_shared or self.socket is not None) and not self.is_blocked


class Held(Exception):
    """
    Says why a request is not sent, and ends a round.
    """


class Recording:
    """
    A Transport that records the answers of *transport* and repeats them in later rounds, with the corrections.

    *on_request* is called with the number of each request before it is sent. *hold* may raise Held before anything is
    sent.
    """

    def __init__(
        self, transport: Transport, hold: Callable[[WireRequest], None], on_request: Callable[[int], None]
    ) -> None:
        self.exchanges: list[Exchange] = []
        self.is_fixed = False
        self._transport = transport
        self._hold = hold
        self._on_request = on_request
        self._answers: dict[tuple[WireRequest, int], WireResponse | Unreachable] = {}
        self._fixed: dict[tuple[WireRequest, int], WireResponse] = {}
        self._let_pass: dict[tuple[WireRequest, int], WireResponse] = {}
        # In a redirect loop, the same request may get different answers.
        self._asked: Counter[WireRequest] = Counter()

    def rewind(self) -> None:
        """
        Begin the next round.
        """
        self.is_fixed = False
        self._asked.clear()

    def fix(self, request: WireRequest, response: WireResponse) -> None:
        """
        From the next round on, answer the last occurrence of *request* with *response*.
        """
        self._fixed[request, self._asked[request]] = response

    def let_pass(self, request: WireRequest, response: WireResponse) -> None:
        """
        The same for an answer that browsers take as it is, so that no fault is fixed.
        """
        self._let_pass[request, self._asked[request]] = response

    def __call__(self, request: WireRequest) -> WireResponse:
        self._asked[request] += 1
        key = (request, self._asked[request])
        if key in self._fixed:
            self.is_fixed = True
            return self._fixed[key]
        if key in self._let_pass:
            return self._let_pass[key]
        if key not in self._answers:
            self._hold(request)
            self._on_request(len(self.exchanges) + 1)
            self._answers[key] = self._ask(request)
        answer = self._answers[key]
        if isinstance(answer, Unreachable):
            raise answer
        return answer

    def _ask(self, request: WireRequest) -> WireResponse | Unreachable:
        answer: WireResponse | Unreachable
        try:
            answer = self._transport(request)
        except Unreachable as error:
            answer = error
        response = None if isinstance(answer, Unreachable) else answer
        sends_cookies = bool(values_of(request.headers, "Cookie"))
        self.exchanges.append(Exchange(request, response, is_preflight(request), sends_cookies))
        return answer


def is_preflight(request: WireRequest) -> bool:
    return request.method == "OPTIONS" and bool(values_of(request.headers, "Access-Control-Request-Method"))


def play(
    asked: Fetch,
    transport: Transport,
    *,
    preflight_only: bool = False,
    hide: Callable[[str], str] = str,
    on_request: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """
    Play the fetch *asked* against *transport*, and return everything that is wrong, in the order of a browser.

    With *preflight_only*, only preflights are sent. *hide* removes secrets from a text before it is shown or shortened.
    Raises ValueError if *asked* does not describe a request, and for a cookie that no browser keeps.
    """

    def hold(request: WireRequest) -> None:
        if preflight_only and not is_preflight(request):
            raise Held(f"{request.method} was not sent, because of --preflight-only.")
        if recording.is_fixed:
            _hold(asked, request, outcome.faults)

    recording = Recording(transport, hold, on_request)
    outcome = Outcome(exchanges=recording.exchanges)
    refused: set[tuple[Reason, str | None, int, Exchange | None]] = set()
    bare: set[WireRequest] = set()
    # The same time in all rounds, so that a cookie expires in all of them or in none.
    now = time.time()
    for _ in range(_MOST_ROUNDS):
        recording.rewind()
        error = _play_round(asked, Browser(recording, clock=lambda: now), outcome)
        if error is None:
            break
        failure = error.failure
        exchange, answer = failure.exchange, fixed(failure)
        veil = NetworkError(_veiled(failure, hide))
        if refuses_authorization_only(failure) and exchange is not None and answer is not None:
            outcome.warnings.append(replace(fault_of(veil), cause=_STILL_COVERED, notes=()))
            recording.let_pass(exchange.request, answer)
            continue
        sign = (failure.reason, failure.value, len(error.exchanges), exchange)
        follows = exchange is not None and exchange.request in bare
        is_listed = not recording.is_fixed and _is_only_unguarded(failure, error.exchanges)
        outcome.faults.append(fault_of(veil, follows=follows, is_listed=is_listed))
        if answer is None or exchange is None or sign in refused:
            break
        refused.add(sign)
        if _is_bare(exchange):
            bare.add(exchange.request)
        recording.fix(exchange.request, answer)
    return outcome


def _play_round(asked: Fetch, browser: Browser, outcome: Outcome) -> NetworkError | None:
    """
    Add to *outcome* what *browser* gets for *asked*. Return the error that kept the page from the response, if there
    was one.
    """
    for line in asked.cookies:
        browser.cookies.set(asked.server_origin, line)
    page = browser.open(asked.page, origin=asked.origin)
    try:
        got = asked.on(page)
    except Held as held:
        outcome.unseen = str(held)
    except NetworkError as error:
        return error
    else:
        outcome.response, outcome.socket = (None, got) if isinstance(got, WebSocket) else (got, None)
    finally:
        said = (note for note in page.console if note.kind != "failure")
        outcome.console = tuple(dict.fromkeys((*outcome.console, *said)))
    return None


def _is_only_unguarded(failure: Failure, exchanges: Sequence[Exchange]) -> bool:
    """
    Whether a response has no CORS headers, although the preflight before it allowed the page.
    """
    if failure.reason is not Reason.MISSING_ALLOW_ORIGIN or failure.is_preflight or len(exchanges) < _WITH_PREFLIGHT:
        return False
    return exchanges[-_WITH_PREFLIGHT].is_preflight


def _is_bare(exchange: Exchange) -> bool:
    """
    Whether the answer has no CORS headers: it does not come from a CORS layer, or from one that refuses the page.
    """
    headers = () if exchange.response is None else exchange.response.headers
    return not any(name.lower().startswith(OWNED_PREFIX) for name, _ in headers)


def _hold(asked: Fetch, request: WireRequest, faults: Iterable[Fault]) -> None:
    """
    Raise Held if the method of *request* is not safe, if it goes to another host, or if one of the *faults* is that of
    the redirect that leads to it with the Origin null. After the fix of that, the page does not follow a redirect.
    """
    first, url = url_of(asked.url), url_of(request.url)
    if request.method not in SAFE_METHODS:
        # A redirect sends the same method to another URL.
        to = "" if first is not None and first.href == request.url else f" to {as_shown(without_password(request.url))}"
        raise Held(
            f"{request.method} was not sent{to}, because no browser sends it before that is fixed. Its answer may have "
            "further faults: check again after the fix."
        )
    if first is None or url is None or first.host != url.host:
        raise Held(
            "the redirect to another host was not followed, because no browser follows it before that is fixed. Check "
            "again after the fix."
        )
    if get(request.headers, "Origin") == NULL and any(fault.failure and taints(fault.failure) for fault in faults):
        raise Held(
            "the redirect was not followed, because the browser would send Origin: null, and no browser follows it "
            f"before that is fixed. Check the last URL itself: {as_shown(without_password(request.url))}."
        )


def fixed(failure: Failure) -> WireResponse | None:
    """
    Return the answer without the fault that *failure* names, or None if no other answer would help.
    """
    answer = None if failure.exchange is None else failure.exchange.response
    if answer is None:
        return None
    match failure.reason:
        case Reason.ALLOW_CREDENTIALS_NOT_TRUE:
            return _with(answer, ALLOW_CREDENTIALS, "true")
        case reason if reason in CORS_CHECK:
            return _with(answer, ALLOW_ORIGIN, failure.sent_origin)
        case reason if reason in OF_STATUS:
            return WireResponse(204, answer.headers)
        case Reason.ALLOW_METHODS_UNPARSABLE:
            return _with(answer, ALLOW_METHODS, ", ".join(tokens_listed(failure, ALLOW_METHODS)))
        case Reason.ALLOW_HEADERS_UNPARSABLE:
            return _with(answer, ALLOW_HEADERS, ", ".join(tokens_listed(failure, ALLOW_HEADERS)))
        case Reason.METHOD_NOT_ALLOWED:
            return _with(answer, ALLOW_METHODS, ", ".join([*tokens_listed(failure, ALLOW_METHODS), failure.method]))
        case Reason.HEADER_NOT_ALLOWED:
            names = [*tokens_listed(failure, ALLOW_HEADERS), *refused_headers(failure)]
            return _with(answer, ALLOW_HEADERS, ", ".join(names))
        case _:
            return None


def _with(answer: WireResponse, name: str, value: str) -> WireResponse:
    lines = tuple(line for line in answer.headers if line[0].lower() != name.lower())
    return replace(answer, headers=(*lines, (name, value)))


def fault_of(error: NetworkError, *, follows: bool = False, is_listed: bool = False) -> Fault:
    """
    Return *error* in words; *is_listed* is True if the preflight allowed the page's origin.
    """
    failure = error.failure
    what = bare_cause(failure)
    if failure.url != failure.first_url:
        what = f"after a redirect to {FailureWords(failure)['url']}: {what}"
    # The model considers only this answer, but the preflight has shown that the origin is not the problem.
    fix = fix_of_listed(failure) if is_listed else error.fix
    return Fault(
        code=error.reason,
        cause=what[:1].upper() + what[1:],
        fix=fix,
        step=error.step,
        chromium=error.chromium,
        firefox=error.firefox,
        safari=error.safari,
        notes=notes(failure, with_safari=False),
        follows=follows,
        failure=failure,
    )


def _veiled(failure: Failure, hide: Callable[[str], str]) -> Failure:
    """
    Return *failure* after *hide* has removed secrets from all its texts, before any of them is shortened.
    """
    return replace(
        failure,
        value=None if failure.value is None else hide(failure.value),
        url=hide(failure.url),
        first_url=hide(failure.first_url),
        exchange=None if failure.exchange is None else veiled(failure.exchange, hide),
    )
