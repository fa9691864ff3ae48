"""
One request under one policy: the model of a browser plays it, and a real browser may send it, to the same application.

The server records the requests that it receives, so only what was on the wire is shown.
"""

from collections.abc import Iterable
from dataclasses import replace
from threading import Lock
from typing import Any, Final, NamedTuple
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from corsguard import CORSMiddleware
from corsguard.browser import Browser, Exchange, NetworkError, Response, WebSocket, WireRequest, WireResponse
from corsguard.browser.wire import Header
from corsguard.diagnosis.guarded import Guarded
from corsguard.diagnosis.playing import Fetch, is_preflight

from .resources import SESSION, application, gives_session, run_of

_MOST_RUNS: Final = 64
_MOST_EXCHANGES: Final = 64

_Response = Response | WebSocket | NetworkError


class Take(NamedTuple):
    """
    The result of sending the request once: the *outcome*, the *exchanges* on the wire, and the *urls* whose preflights
    had been answered before.
    """

    outcome: _Response
    exchanges: tuple[Exchange, ...]
    urls: frozenset[str]


class Run:
    """
    The request *asked* under the policies of *guarded*, which were read from *text*. *top_level* is the URL of the page
    that frames the page.

    *session* is the URL that gives the browser a cookie first, if it sends cookies at all.
    """

    def __init__(self, number: str, guarded: Guarded, asked: Fetch, top_level: str, text: str) -> None:
        self.number = number
        self.bare = asked
        self.guarded = guarded
        self.asked = replace(asked, url=f"{asked.url}{'&' if '?' in asked.url else '?'}run={number}")
        self.text = text
        self.heard: list[Exchange] = []
        self.answer = _with_sessions(CORSMiddleware(application, guarded.policies))
        browser = Browser(self.answer)
        self._page = browser.open(asked.page, origin=asked.origin, top_level=top_level or None)
        self._preflighted: set[str] = set()
        sends_cookies = asked.is_handshake or asked.with_credentials
        self.session = f"{asked.server_origin}/?run={number}&{SESSION}" if sends_cookies else ""
        if self.session:
            self._page.fetch(self.session, mode="no-cors", credentials="include")
        self.take = self.play()

    def play(self) -> Take:
        """
        Let the model send the request, with the preflights that it remembers. Raises ValueError if it is not a
        request.
        """
        before, known = len(self._page.network), frozenset(self._preflighted)
        try:
            outcome: _Response = self.asked.on(self._page)
        except NetworkError as error:
            outcome = error
        exchanges = tuple(self._page.network[before:])
        self._preflighted |= {one.request.url for one in exchanges if one.is_preflight}
        self.take = Take(outcome, exchanges, known)
        return self.take

    def taken(self) -> tuple[Exchange, ...]:
        """
        Return the exchanges since the last call.
        """
        exchanges, self.heard = tuple(self.heard), []
        return exchanges


class Runs:
    """
    The last runs, by their numbers, and the server's application, which finds the run of each request.
    """

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._lock = Lock()
        self._count = 0

    def begin(self, guarded: Guarded, asked: Fetch, top_level: str, text: str) -> Run:
        """
        Begin a run with a new URL, for which no browser has cached anything. Raises ValueError if *asked* is not a
        request.
        """
        with self._lock:
            self._count += 1
            number = str(self._count)
        run = Run(number, guarded, asked, top_level, text)
        with self._lock:
            self._runs[number] = run
            for old in [*self._runs][:-_MOST_RUNS]:
                del self._runs[old]
        return run

    def find(self, number: object) -> Run | None:
        """
        Return the run with this *number*, if it is one of the last ones.
        """
        return self._runs.get(number) if isinstance(number, str) else None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        run = self.find(run_of(environ))
        if run is None:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"This run of the playground is over. Press Run again.\n"]
        said: list[tuple[int, tuple[Header, ...]]] = []

        def respond(status: str, headers: list[Header], exc_info: Any = None, /) -> Any:  # noqa: ANN401 - PEP 3333
            said.append((int(status[:3]), tuple(headers)))
            return start_response(status, headers, exc_info)

        body = b"".join(run.answer(environ, respond))
        if not gives_session(environ) and len(run.heard) < _MOST_EXCHANGES:
            run.heard.append(_exchange(environ, WireResponse(*said[-1], body)))
        return [body]


def _with_sessions(guard: WSGIApplication) -> WSGIApplication:
    """
    Return an application that sets the cookie whatever the policies say, and passes all other requests to *guard*.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return (application if gives_session(environ) else guard)(environ, start_response)

    return answer


def _exchange(environ: WSGIEnvironment, response: WireResponse) -> Exchange:
    query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
    url = f"http://{environ['HTTP_HOST']}{environ['PATH_INFO']}{query}"
    request = WireRequest(environ["REQUEST_METHOD"], url, environ["corsguard.lines"])
    return Exchange(request, response, is_preflight(request), "HTTP_COOKIE" in environ)
