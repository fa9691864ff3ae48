"""
A guard, carried into ASGI.

This module reads the scope, asks the guard and writes the result into the message that starts a response. It decides
nothing. All other messages and scopes pass unchanged, and the application gets the same scope object that the server
made. Listeners, and origin sources that may block, are called in a thread. Asynchronous sources are awaited.
"""

import inspect
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from itertools import product
from typing import TYPE_CHECKING, Any, Final, Never, TypeAlias, cast

from .applications import guard_of, layers_of, require_asgi
from .guard import ORDINARY_NAMES, Guard, Passage, ProtectionLike, Terms
from .hosts import HostQuestion
from .journal import Event, Journal
from .negotiation import MOST_READ, Decision, Environ, Line, Prepared, Question, as_lines, as_text
from .policies import (
    Assignment,
    Guarding,
    InForce,
    PathTable,
    Policies,
    PoliciesLike,
    ViewFinder,
    WebSockets,
    refuse_keywords,
    refuses_keywords,
)
from .quoting import quoted
from .tags import name_of, tags_made

if TYPE_CHECKING:
    from .endpoints import Endpoints

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApplication: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

# What the short path keeps: the prepared answer, the policies of the host, the method, the path and the origin.
_Seen: TypeAlias = tuple[Prepared, PathTable, str, str, bytes | None]

_ORDINARY_NAMES: Final = frozenset(name.encode() for name in ORDINARY_NAMES)
_ASKED_FOR: Final = "HTTP_ACCESS_CONTROL_REQUEST_HEADERS"
# The request headers that are read, with the names that the engine has for them.
_KEYS: Final[Mapping[bytes, str]] = {
    b"origin": "HTTP_ORIGIN",
    b"host": "HTTP_HOST",
    b"sec-fetch-site": "HTTP_SEC_FETCH_SITE",
    # Only its presence is read.
    b"cookie": "HTTP_COOKIE",
    b"access-control-request-method": "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
    # It decides nothing. In development, the log says what the browser will refuse.
    b"access-control-request-headers": _ASKED_FOR,
}
# All spellings of it.
_ORIGIN: Final = frozenset(bytes(letters) for letters in product(*zip(b"origin", b"ORIGIN", strict=True)))
# A list of names is longer than any other value that is read.
_MOST_READ_OF_NAMES: Final = 8192
_SCHEMES: Final[Mapping[str, str]] = {"ws": "http", "wss": "https"}
# RFC 6455, 7.4.1: a policy is violated.
_POLICY_VIOLATION: Final = 1008

# Frameworks whose views are not found, so that tags on them have no effect.
_WITHOUT_TAGS: Final = frozenset({"connexion", "falcon", "litestar", "quart"})


class CORSMiddleware:
    """
    An ASGI application that guards another one. Put it outermost.

    *policy* is a Policy, a mapping of its keywords, or a mapping from path prefix to these or None. It may also be a
    Policies object, which several guards can share. Preflights of guarded resources are answered here. All other
    requests reach *app*, and its responses get the headers of the policy. An exception that leaves *app* passes through
    unchanged, because there is no response to carry headers. Prefixes are compared with the path below `root_path`. An
    endpoint of Starlette or FastAPI with a tag, `@cors`, has the policy of its tag.

    *websockets* says which handshakes the guard judges: all (`"guard"`), none (`"pass"`), or all except those below the
    path prefixes of a list. *protection*, a CrossOriginProtection or a mapping of its keywords, refuses requests with
    which an untrusted page could act. They are answered here with 403.

    *on_event* is called with an Event for each request that is refused (except same-origin ones, which need no
    grant), after a failure of an origin source, and for the other reasons that `Event` lists. It is called before the
    request is answered, in a thread. An exception in it is logged. *journal* writes the log.

    Raises PolicyError if *policy*, *websockets* or *protection* is refused, and TypeError if *app* is certainly not an
    ASGI 3 application.
    """

    @refuses_keywords("app.add_middleware(CORSMiddleware, policy=%s)")
    def __init__(  # noqa: PLR0913 - each is a choice of the user
        self,
        app: ASGIApplication,
        policy: PoliciesLike | None,
        *,
        on_event: Callable[[Event], object] | None = None,
        journal: Journal | None = None,
        websockets: WebSockets = "guard",
        protection: ProtectionLike | None = None,
    ) -> None:
        require_asgi(app)
        if inspect.iscoroutinefunction(on_event):
            raise TypeError(f"Expected a function to call, got on_event={quoted(on_event)}, which is asynchronous.")
        self.app = app
        journal = Journal(on_event) if journal is None else journal
        self.guard = Guard(Policies.of(policy), journal, websockets, protection=protection, can_await=True)
        self._endpoints = _endpoints_of(app, self.guard)
        self._may_have_tags = self._endpoints is not None or _keeps_its_views(app)
        self._is_place_known = self._endpoints is None

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

    async def __call__(  # noqa: C901, PLR0912 - each function that it is split into costs 5 % of the time
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if scope["type"] != "http":
            if scope["type"] != "websocket" or await self._lets_in(scope, receive, send):
                await self.app(scope, receive, send)
            return
        # The short path: no endpoint has to be found, and the answer is prepared. It is three times as fast as
        # `_carry`. The table of cases in the tests shows that both answer the same.
        guard, headers, method, path = self.guard, scope.get("headers"), scope["method"], scope["path"]
        terms = guard.terms
        if type(headers) is not list or scope.get("root_path"):
            headers, path = _lines(scope), path_of(scope)
        table, protection = terms.table, terms.protection
        if table.hosts is not None:
            table = table.at(_host_in(headers))
        origin, answers, asks = None, table.answers or table.find(path).answers, False
        # The long path joins several lines of Origin.
        if method != "OPTIONS":
            for name, value in headers:
                if len(name) == 6 and name in _ORIGIN:
                    origin, answers = value, answers if origin is None else None
        else:
            for name, value in headers:
                if len(name) == 6 and name in _ORIGIN:
                    origin, answers = value, answers if origin is None else None
                elif name == b"access-control-request-method":
                    asks = True
            # Servers send names in lower case (ASGI, "HTTP connection scope"). The long path reads others, too.
            if origin is None or not asks:
                answers = None
        prepared = guard.prepared_answer(answers, origin, asks)
        if (
            prepared is None
            or (self._may_have_tags and (tags_made() or not self._is_place_known))
            or (protection is not None and method not in protection.unjudged)
        ):
            await self._carry(scope, receive, send)
            return
        ours = prepared.lines
        if asks:
            answer = prepared.decision
            await send({"type": "http.response.start", "status": answer.status, "headers": [*ours]})
            await send({"type": "http.response.body", "body": answer.body})
            return
        # One tuple in place of five variables, because each variable of a closure costs time.
        seen = (prepared, table, method, path, origin)

        # It returns the awaitable of `send`. A coroutine around that would cost 10 % of the time.
        def respond(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                theirs = message.get("headers")
                if type(theirs) is not list:
                    theirs = [*(theirs or ())]
                for name, _ in theirs:
                    if name not in _ORDINARY_NAMES:
                        return self._share({**message, "headers": theirs}, send, seen)
                message = dict(message)
                message["headers"] = [*theirs, *ours]
            return send(message)

        await self.app(scope, receive, respond)

    async def _share(self, message: Message, send: Send, seen: _Seen) -> None:
        """
        Send *message*, the start of a response with a header that may belong to the policy.
        """
        prepared, table, method, path, origin = seen
        # The request as it came in, because the application may have changed the scope.
        request = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_ORIGIN": as_text(origin or b"")}
        # The short path is for what the protection does not judge.
        passage = Passage(self.guard, table, None, request, path)
        passage.assignment, passage.decision = table.find(path), prepared.decision
        await self._start(message, send, passage)

    async def _carry(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._may_have_tags and self._endpoints is None and tags_made():
            self._may_have_tags = False
            self.guard.journal.record_unseen(name_of(self.app))
        if self._endpoints is not None and not self._is_place_known:
            self._is_place_known = True
            self._endpoints.warn_of_place(scope)
        # The request is read before the application runs, which may change the scope.
        passage, find_endpoint = await self._enter_asking(scope)
        if find_endpoint is None or passage.comes_first:
            await self._decide(passage, find_endpoint)
        answer = passage.answer
        if answer is not None:
            await _send_answer(answer, as_lines(answer.headers), send)
            return

        def respond(message: Message) -> Awaitable[None]:
            is_start = message["type"] == "http.response.start"
            return self._start(message, send, passage, find_endpoint) if is_start else send(message)

        await self.app(scope, receive, respond)

    async def _enter_asking(self, scope: Scope) -> tuple[Passage, ViewFinder | None]:
        """
        Return the same as `_enter`. If a store of hosts has to be asked, ask it first.
        """
        terms = self.guard.current()
        at = terms.table.look_up(_host_in(_lines(scope)))
        return self._enter(scope, terms, at if isinstance(at, PathTable) else await _asked(at))

    def _enter(self, scope: Scope, terms: Terms, at: PathTable) -> tuple[Passage, ViewFinder | None]:
        """
        Return the passage of the request *scope*, and a function that finds its endpoint, or None if no endpoint has
        its own policy.
        """
        path = path_of(scope)
        passage = self.guard.enter(environ_of(scope, path), path, terms, at)
        return passage, None if self._endpoints is None else self._endpoints.finder(scope, passage)

    async def _decide(self, passage: Passage, find_endpoint: ViewFinder | None) -> None:
        """
        Decide about the request, ask its origin source if necessary, and report the events.
        """
        question = passage.decide(find_endpoint)
        if question is not None:
            passage.settle(await _asked(question))
        await self._tell(passage)

    async def _start(
        self, message: Message, send: Send, passage: Passage, find_endpoint: ViewFinder | None = None
    ) -> None:
        if find_endpoint is not None:
            await self._decide(passage, find_endpoint)
        theirs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in message.get("headers") or ()]
        message = {**message, "headers": as_lines(passage.headers(theirs))}
        await self._tell(passage)
        await send(message)

    async def _lets_in(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """
        Return whether the handshake *scope* may reach the application. If not, refuse it.
        """
        passage, find_endpoint = await self._enter_asking(scope)
        await self._decide(passage, find_endpoint)
        answer = passage.answer
        if answer is None:
            return True
        # `websocket.connect` comes first, and some servers wait until it is received.
        await receive()
        if "websocket.http.response" in (scope.get("extensions") or {}):
            await _send_answer(answer, as_lines(answer.headers), send, "websocket.http.response")
        else:
            # A handshake that is closed before it is accepted gets a 403 from the server.
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": ""})
        return False

    def policy_for(self, scope: Mapping[str, Any]) -> Guarding:
        """
        Return the policy that guards the request *scope*. None means closed, `"unguarded"` that the guard does nothing.

        For people and tests.
        """
        return self.find(scope).policy

    def find(self, scope: Mapping[str, Any]) -> Assignment:
        """
        Return that policy with its name.
        """
        asked = {"type": "http", "method": "GET", **scope}
        terms = self.guard.current()
        passage, find_endpoint = self._enter(asked, terms, terms.table.ask(_host_in(_lines(asked))))
        return self.guard.find(passage.environ, passage.path, find_endpoint)

    async def _tell(self, passage: Passage) -> None:
        for event in passage.take_events():
            await _in_thread(self.guard.journal.tell, event)


class CORSGuard(CORSMiddleware):
    """
    Guards the Starlette or FastAPI application *app*. Serve and test `app` as before.

    The guard is outside all middleware, also outside the one that answers an exception with 500. So every response
    has the headers. Without *policy*, only endpoints tagged with `@cors` share anything. All other arguments are those
    of CORSMiddleware.

    Raises PolicyError if *policy*, *websockets* or *protection* is refused. Raises TypeError if *app* is neither a
    Starlette nor a FastAPI application, and for the keywords of a policy, which belong in a mapping. Raises
    RuntimeError if *app* is guarded already or has been started. After an error, *app* is unchanged.
    """

    def __init__(
        self,
        app: ASGIApplication,
        policy: PoliciesLike | None = None,
        *,
        on_event: Callable[[Event], object] | None = None,
        websockets: WebSockets = "guard",
        protection: ProtectionLike | None = None,
        **keywords: Never,
    ) -> None:
        refuse_keywords("CORSGuard", keywords)
        application = cast("Any", app)
        build: Callable[[], ASGIApplication] | None = getattr(app, "build_middleware_stack", None)
        if build is None or not hasattr(app, "state") or not hasattr(app, "debug"):
            raise TypeError(f"Expected a Starlette or FastAPI application, got {quoted(app)}. {_instead_of_guard(app)}")
        if getattr(application.state, "corsguard", None) is not None:
            raise RuntimeError(
                f"{quoted(app)} is guarded already. Assign `app.state.corsguard.policy` to change its policy."
            )
        if application.middleware_stack is not None:
            raise RuntimeError(
                f"{quoted(app)} has been started already: it has served a request, or it runs its startup or lifespan "
                "now. Guard it where it is created."
            )
        super().__init__(
            app,
            policy,
            on_event=on_event,
            journal=Journal(on_event, is_debug=lambda: application.debug),
            websockets=websockets,
            protection=protection,
        )

        def build_guarded() -> ASGIApplication:
            self.app = build()
            return self

        application.build_middleware_stack = build_guarded
        application.state.corsguard = self


def _instead_of_guard(app: object) -> str:
    """
    Return what to write instead of `CORSGuard(app, policy)`, because *app* is not one of Starlette or FastAPI.
    """
    # What every stack of Starlette has innermost.
    if any(type(layer).__module__ == "starlette.middleware.exceptions" for layer in layers_of(app)):
        return (
            "CORSGuard is not added as a middleware. Write `CORSGuard(app, policy)` below `app = FastAPI()`, or "
            "`app.add_middleware(CORSMiddleware, policy=policy)`."
        )
    line = guard_of(app, "django", "flask")
    return f"Write {line or '`CORSMiddleware(app, policy)` for any other application, and serve the result'}."


def environ_of(scope: Scope, path: str) -> Environ:
    """
    Return the parts of *scope* that the engine reads, under their WSGI names. *path* is the path below its `root_path`.
    """
    is_websocket = scope["type"] == "websocket"
    scheme = scope.get("scheme", "http")
    environ = {
        "REQUEST_METHOD": "GET" if is_websocket else scope["method"],
        "PATH_INFO": path,
        "wsgi.url_scheme": _SCHEMES.get(scheme, scheme),
    }
    if is_websocket:
        environ["HTTP_UPGRADE"] = "websocket"
    for name, value in _lines(scope):
        key = _KEYS.get(name.lower())
        if key is not None:
            most = _MOST_READ_OF_NAMES if key == _ASKED_FOR else MOST_READ
            text = value[:most].decode("latin-1")
            # Several lines are joined, so none of them counts alone.
            environ[key] = f"{environ[key]},{text}"[:most] if key in environ else text
    return environ


def _lines(scope: Scope) -> Iterable[Line]:
    headers: Iterable[Line] = scope.get("headers", ())
    if type(headers) is not list and iter(headers) is headers:
        # An iterator can be read only once, and the application reads it too.
        headers = scope["headers"] = [*headers]
    return headers


def _host_in(headers: Iterable[Line]) -> str | None:
    """
    Return the value of `Host`, or None if there is not exactly one. In HTTP/2, servers fill it from `:authority`.
    """
    hosts = [value for name, value in headers if len(name) == 4 and name.lower() == b"host"]
    return as_text(hosts[0]) if len(hosts) == 1 else None


def path_of(scope: Mapping[str, Any]) -> str:
    """
    Return the path of *scope* below its `root_path`, or the whole path if it is not below it, as routers do.
    """
    path: str = scope["path"]
    if scope.get("root_path"):
        root = scope["root_path"].rstrip("/")
        if path == root or path.startswith(f"{root}/"):
            return path[len(root) :] or "/"
    return path


def _endpoints_of(app: object, guard: Guard) -> "Endpoints | None":
    # If nothing has imported Starlette, *app* is not one of its applications.
    if "starlette.applications" not in sys.modules:
        return None
    from .endpoints import Endpoints, routing_of

    return None if routing_of(app) is None else Endpoints(app, guard)


def _keeps_its_views(app: object) -> bool:
    return any(kind.__module__.partition(".")[0] in _WITHOUT_TAGS for kind in type(app).__mro__)


async def _send_answer(answer: Decision, headers: Iterable[Line], send: Send, kind: str = "http.response") -> None:
    await send({"type": f"{kind}.start", "status": answer.status, "headers": [*headers]})
    await send({"type": f"{kind}.body", "body": answer.body})


async def _asked(question: Question | HostQuestion[PathTable]) -> Any:  # noqa: ANN401 - a Decision or a PathTable
    return await (_in_thread(question.ask) if question.may_block else question.ask_async())


async def _in_thread(function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - it returns what *function* returns
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        # trio is the only other event loop that serves ASGI. If it runs, it is imported.
        trio = cast("Any", sys.modules.get("trio"))
        if trio is None or not trio.lowlevel.in_trio_run():
            return function(*arguments)
        return await trio.to_thread.run_sync(function, *arguments)
    return await asyncio.to_thread(function, *arguments)
