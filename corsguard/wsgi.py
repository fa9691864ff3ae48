"""
A guard, carried into WSGI.

This module reads the environ, asks the guard and writes the result into `start_response`. It decides nothing. Bodies
are never touched: the iterable of the application is returned unchanged, with its `write`, its `close` and its
laziness.
"""

from __future__ import annotations  # an inner function would evaluate them for every request

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from .applications import may_be_wsgi
from .guard import ORDINARY_NAMES, Guard, Passage, ProtectionLike, share
from .journal import Event, Journal
from .negotiation import Environ, Header
from .policies import (
    Assignment,
    Guarding,
    InForce,
    PathTable,
    Policies,
    PoliciesLike,
    ViewFinder,
    WebSockets,
    refuses_keywords,
    text_of_path,
)
from .quoting import quoted

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo

    Write = Callable[[bytes], object]
    # What the short path keeps: the policies of the host, the method, the path and the origin.
    _Seen = tuple[PathTable, str, str, str | None]

_STATUS_LINES: Final[Mapping[int | None, str]] = {200: "200 OK", 204: "204 No Content", 403: "403 Forbidden"}


class TaggedViews(Protocol):
    """
    Finds the views of an application that may have their own policies.
    """

    def are_tagged(self) -> bool:
        """
        Return whether any view has its own policy now.
        """
        ...

    def view_at(self, environ: Environ, method: str, path: str, *, is_running: bool) -> Assignment | None:
        """
        Return the tag of the view that serves *method* at *path* for the request *environ*, or None if it has none.

        *is_running* tells whether the application is already answering this request.
        """
        ...


class CORSMiddleware:
    """
    A WSGI application that guards another one. Put it outermost.

    *policy* is a Policy, a mapping of its keywords, or a mapping from path prefix to these or None. It may also be a
    Policies object, which several guards can share. Preflights of guarded resources are answered here, and so are
    WebSocket handshakes that are refused. All other requests reach *app*, and its responses get the headers of the
    policy. An exception that leaves *app* passes through unchanged, because there is no response to carry headers.

    *websockets* says which handshakes are judged: `"guard"` all, `"pass"` none, a list of path prefixes all others.
    *protection*, a CrossOriginProtection or a mapping of its keywords, refuses requests with which an untrusted page
    could act. They are answered here with 403.

    *on_event* is called with an Event for each request that is refused (except same-origin ones, which need no
    grant), after a failure of an origin source, and for the other reasons that `Event` lists. It is called before the
    request is answered, in the same thread. An exception in it is logged. *journal* writes the log. A framework whose
    views have policies of their own assigns *views*.

    Raises PolicyError if *policy*, *websockets* or *protection* is refused, or if an origin source of the policy has to
    be awaited. Raises TypeError if *app* is certainly an ASGI application.
    """

    @refuses_keywords()
    def __init__(  # noqa: PLR0913 - each is a choice of the user
        self,
        app: WSGIApplication,
        policy: PoliciesLike | None,
        *,
        on_event: Callable[[Event], object] | None = None,
        websockets: WebSockets = "guard",
        protection: ProtectionLike | None = None,
        journal: Journal | None = None,
    ) -> None:
        if not may_be_wsgi(app):
            raise TypeError(
                f"Expected a WSGI application (environ, start_response), got {quoted(app)}, which is an ASGI "
                "application. Write `from corsguard.asgi import CORSMiddleware`."
            )
        self.app = app
        journal = Journal(on_event) if journal is None else journal
        self.guard = Guard(Policies.of(policy), journal, websockets, protection=protection)
        self.views: TaggedViews | None = None

    @property
    def policy(self) -> InForce:
        """
        The policies in force. Assign new ones in any form that the constructor takes. They are validated first. If a
        Policies object was given, its policy changes for all guards that share it.

        Requests that are running finish with the old policy. Each process assigns for itself.
        """
        return self.guard.policies.policy

    @policy.setter
    def policy(self, policy: PoliciesLike | None) -> None:
        self.guard.swap(policy)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # The short path: no view has to be found, and the answer is prepared. It is three times as fast as `_carry`.
        # The table of cases in the tests shows that both answer the same.
        guard, method, path = self.guard, environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        origin, terms = environ.get("HTTP_ORIGIN"), guard.terms
        table, protection = terms.table, terms.protection
        answers = table.answers
        if answers is None:
            table = table.at(environ.get("HTTP_HOST"))
            answers = table.answers or table.find(text_of_path(path)).answers
        asks = method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        prepared = None if "HTTP_UPGRADE" in environ else guard.prepared_answer(answers, origin, asks)
        if (
            prepared is None
            or (self.views is not None and self.views.are_tagged())
            or (
                protection is not None
                and method not in protection.unjudged
                and method not in prepared.trusted_methods
                and not protection.lets_act(environ)
            )
        ):
            return self._carry(environ, start_response)
        ours = prepared.decision.headers
        if asks and origin is not None:
            start_response(_STATUS_LINES[prepared.decision.status], [*ours])
            return [prepared.decision.body]
        # One tuple in place of four variables, because each variable of a closure costs time.
        seen: _Seen = (table, method, path, origin)

        def respond(status: str, headers: Iterable[Header], exc_info: OptExcInfo | None = None) -> Write:
            # PEP 3333 requires a list, but many applications pass something else.
            sent = headers if type(headers) is list else [*headers]
            for name, _ in sent:
                if name not in ORDINARY_NAMES:
                    return start_response(status, self._share(sent, ours, seen), exc_info)
            return start_response(status, [*sent, *ours], exc_info)

        return self.app(environ, respond)

    def _share(self, headers: list[Header], ours: Sequence[Header], seen: _Seen) -> list[Header]:
        table, method, path, origin = seen
        there = table.find(text_of_path(path))
        sent, displaced = share(headers, ours, there.policy)
        if displaced:
            # The request as it came in, because the application may have changed the environ.
            request = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_ORIGIN": origin or ""}
            self._tell(self.guard.journal.record_displaced(there, displaced, request))
        return sent

    def _carry(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        # A copy, because the application may change the environ.
        passage = self.guard.enter(environ.copy(), text_of_path(environ.get("PATH_INFO", "")))
        views = self._tagged()
        if passage.comes_first:
            _decide(passage, _finder(views, passage, is_running=False))
            self._tell(passage.take_events())
            if passage.answer is not None:
                start_response(_STATUS_LINES[passage.answer.status], [*passage.answer.headers])
                return [passage.answer.body]

        def respond(status: str, headers: Iterable[Header], exc_info: OptExcInfo | None = None) -> Write:
            _decide(passage, _finder(views, passage, is_running=True))
            sent = passage.headers(headers)
            self._tell(passage.take_events())
            return start_response(status, sent, exc_info)

        return self.app(environ, respond)

    def policy_for(self, environ: Environ) -> Guarding:
        """
        Return the policy that guards the request *environ*. None means closed, `"unguarded"` that the guard does
        nothing.

        For people and tests. The tag of a view counts, as when the request is served.
        """
        return self.find(environ).policy

    def find(self, environ: Environ) -> Assignment:
        """
        Return that policy with its name.
        """
        passage = self.guard.enter({**environ}, text_of_path(environ.get("PATH_INFO", "")))
        find_view = _finder(self._tagged(), passage, is_running=False)
        return self.guard.find(passage.environ, passage.path, find_view)

    def _tagged(self) -> TaggedViews | None:
        """
        Return the views of the application if any of them has its own policy now, otherwise None.
        """
        return self.views if self.views is not None and self.views.are_tagged() else None

    def _tell(self, events: Iterable[Event]) -> None:
        for event in events:
            self.guard.journal.tell(event)


def _finder(views: TaggedViews | None, passage: Passage, *, is_running: bool) -> ViewFinder | None:
    if views is None:
        return None
    return lambda path: views.view_at(passage.environ, passage.method, path, is_running=is_running)


def _decide(passage: Passage, find_view: ViewFinder | None) -> None:
    question = passage.decide(find_view)
    if question is not None:
        passage.settle(question.ask())
