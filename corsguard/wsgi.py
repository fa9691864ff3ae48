"""
A Decision, carried into WSGI.

This room reads the environ, has it negotiated once and writes the result into `start_response`; it decides nothing.
Bodies are never touched: what the application returns is returned, with its `write`, its `close` and its laziness.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from .journal import Event, Journal
from .names import ALLOW_ORIGIN
from .negotiation import (
    ORDINARY_NAMES,
    decision_on_origin,
    is_owned,
    merge_vary,
    prepared_decision,
    request_kind,
)
from .paths import Guarded, PathPolicies, policies_of, read_guarded
from .policy import Decision, Header, Policy, RequestKind
from .tags import listen_for_tags

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from _typeshed import OptExcInfo

    Write = Callable[[bytes], object]
    PolicyFinder = Callable[[WSGIEnvironment, str, Policy | None], Policy | None]

_STATUS_LINES: Final[Mapping[int | None, str]] = {200: "200 OK", 204: "204 No Content", 403: "403 Forbidden"}


class CORSMiddleware:
    """
    A WSGI application that guards another one. Put it outermost.

    *policy* is a Policy, or a mapping from path prefix to Policy or None; see `read_guarded` for its plain forms, and
    None guards nothing. Preflights of guarded resources are answered here; all other requests reach *app*, and the
    headers of its response are made the policy's. An exception that leaves *app* passes through untouched, for there
    is no response to carry headers.

    *on_refusal* is called with an Event for each request that is refused (but for same-origin ones, which need no
    grant), after a failure of an origin source, and when a second layer of CORS is met. It is called before the request
    is answered, in its thread; what it raises is logged.
    *journal* writes the log; one of your own may be assigned.

    Raises PolicyError if *policy* is refused.
    """

    def __init__(
        self, app: "WSGIApplication", policy: Guarded | None, *, on_refusal: Callable[[Event], object] | None = None
    ) -> None:
        self.app = app
        self.journal = Journal(on_refusal)
        self._look: Callable[[], PolicyFinder | None] = _no_finder
        self._has_tags = False
        self.policy = policy

    @property
    def policy(self) -> Policy | PathPolicies | None:
        """
        What guards the application. Assigning takes what the constructor takes, and validates it first.

        Requests in flight finish under the old policy. Each process assigns for itself.
        """
        return self._guarded

    @policy.setter
    def policy(self, policy: Guarded | None) -> None:
        guarded = None if policy is None else read_guarded(policy)
        self.journal.warn_of(policies_of(guarded))
        # In this order each request finds the old policy or the new one, whole.
        self._guarded = guarded
        self._everywhere = guarded if isinstance(guarded, Policy) else None
        # Asked last: if the first view is tagged meanwhile, either this thread sees it or `tagged` comes after it.
        if self._has_tags:
            self._everywhere = None

    def look_for_tags(self, look: "Callable[[], PolicyFinder | None]") -> None:
        """
        Before each request ask *look* for what `serve` takes, or None while no view has a policy of its own.

        It is not asked as long as this process has tagged no view at all, so that nobody else pays for it.
        """
        self._look = look
        listen_for_tags(self)

    def tagged(self) -> None:
        """
        Heed that a view was tagged, as `listen_for_tags` says.
        """
        self._has_tags = True
        self._everywhere = None

    def __call__(  # noqa: C901 - to part it would be to add a call, which costs a tenth of the whole
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        policy = self._everywhere
        if policy is None:
            find = self._look()
            if find is not None:
                return self.serve(environ, start_response, find)
            policy = _policy_of_path(self._guarded, environ)
            if policy is None:
                return self.app(environ, start_response)
        if "HTTP_ORIGIN" not in environ:
            # Nothing is decided about it, and not to ask saves a tenth.
            lines = policy.to_not_cors.added
        else:
            decision = decision_on_origin(policy, environ)
            if decision.status is not None:
                return self._answer(policy, decision, environ, start_response)
            lines = decision.added
            if decision.echoes:
                # `lines_for`, written out: here the call would be a tenth of all that this costs.
                lines = [(ALLOW_ORIGIN, environ["HTTP_ORIGIN"]), *lines]
            elif decision.refusal is not None and (decision.error is not None or next(self.journal.turns)):
                self.journal.record(policy, decision, environ)

        # Default values, because a closure's cells would be a fifth of all that this costs; and types as comments,
        # because Python takes some twenty steps for annotations here, for every request.
        def share(  # noqa: PLR0913, PLR0917 - the server passes three at the most
            status,  # type: str
            headers,  # type: list[Header]
            exc_info=None,  # type: OptExcInfo | None
            start_response=start_response,  # type: StartResponse
            lines=lines,  # type: list[Header]
            environ=environ,  # type: WSGIEnvironment
            policy=policy,  # type: Policy
            self=self,  # type: CORSMiddleware
        ):
            # type: (...) -> Write # pyright: ignore[reportTypeCommentUsage] # why stands above
            try:
                for name, _ in headers:
                    if name not in ORDINARY_NAMES and (is_owned(name) or name.lower() == "vary"):
                        return start_response(status, self._merged(policy, headers, lines, environ), exc_info)
                return start_response(status, headers + lines, exc_info)
            except TypeError:
                # PEP 3333 asks for a list; many servers take more. Of an iterator nothing is left to send by now.
                if isinstance(cast("object", headers), list | Iterator):
                    raise
                return start_response(status, self._merged(policy, headers, lines, environ), exc_info)

        # Asked for before it is called: Python 3.11 looks for a method first.
        app = self.app
        return app(environ, share)

    def policy_for(self, environ: Mapping[str, Any]) -> Policy | None:
        """
        Return the policy that guards the request *environ*, or None: for people and tests, never on the request path.

        What a tagged view says counts, as when the request is served.
        """
        request = {**environ}
        of_path = _policy_of_path(self._guarded, request)
        find = self._look()
        if find is None:
            return of_path
        is_preflight = request_kind(request) is RequestKind.PREFLIGHT
        method = "HTTP_ACCESS_CONTROL_REQUEST_METHOD" if is_preflight else "REQUEST_METHOD"
        return find(request, request.get(method, ""), of_path)

    def serve(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", find: "PolicyFinder"
    ) -> Iterable[bytes]:
        """
        Guard one request whose resource may have a policy of its own, which beats that of its path.

        *find* gets the environ as it came in, the method of the request (for a preflight, that of the request to
        come) and the policy of the path, and returns the policy of the resource or None. For a preflight it is asked
        before the application would run, otherwise when the application starts its response.
        """
        # What lies between may write into the environ; the request is negotiated as it came in.
        request = environ.copy()
        of_path = _policy_of_path(self._guarded, request)
        if request_kind(request) is RequestKind.PREFLIGHT:
            policy = find(request, request["HTTP_ACCESS_CONTROL_REQUEST_METHOD"], of_path)
            if policy is None:
                return self.app(environ, start_response)
            decision = prepared_decision(policy, request)
            return self._answer(policy, decision, request, start_response)

        def share(status: "str", headers: "list[Header]", exc_info: "OptExcInfo | None" = None) -> "Write":
            policy = find(request, request.get("REQUEST_METHOD", ""), of_path)
            if policy is not None:
                decision = prepared_decision(policy, request)
                if decision.refusal is not None:
                    self.journal.record(policy, decision, request)
                headers = self._merged(policy, headers, decision.lines_for(request), request)
            return start_response(status, headers, exc_info)

        return self.app(environ, share)

    def _answer(
        self,
        policy: Policy,
        decision: Decision,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
    ) -> Iterable[bytes]:
        journal = self.journal
        if decision.refusal is not None:
            if decision.error is not None or next(journal.turns):
                journal.record(policy, decision, environ)
        elif journal.is_debug is not None:
            journal.record(policy, decision, environ)
        # Written out here, too.
        lines = [(ALLOW_ORIGIN, environ["HTTP_ORIGIN"]), *decision.lines] if decision.echoes else [*decision.lines]
        start_response(_STATUS_LINES[decision.status], lines)
        return [decision.body]

    def _merged(
        self, policy: Policy, headers: Iterable[Header], lines: Sequence[Header], environ: "WSGIEnvironment"
    ) -> list[Header]:
        """
        Return *headers*, which stay as they are, with the *lines* of a decision, their one author; `Vary` is merged.
        """
        headers = [*headers]
        for name, _ in headers:
            if name not in ORDINARY_NAMES:
                break
        else:
            return [*headers, *lines]
        self.journal.record_displaced(policy, [name for name, _ in headers if is_owned(name)], environ)
        kept = [(name, value) for name, value in headers if not is_owned(name) and name.lower() != "vary"]
        vary = merge_vary(*(value for name, value in (*headers, *lines) if name.lower() == "vary"))
        ours = [line for line in lines if line[0] != "Vary"]
        return [*kept, *ours, *([("Vary", vary)] if vary else [])]


def _no_finder() -> None:
    return None


def _policy_of_path(guarded: Policy | PathPolicies | None, environ: "WSGIEnvironment") -> Policy | None:
    if guarded is None or isinstance(guarded, Policy):
        return guarded
    path = environ.get("PATH_INFO", "")
    if not path.isascii():
        # PEP 3333: the server passes the bytes of the path as latin-1.
        path = path.encode("latin-1", "replace").decode("utf-8", "replace")
    return guarded.policy_for(path)
