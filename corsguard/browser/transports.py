"""
Sends a request to an application and returns its response: unchanged, without any decision.

It does what a server does: it joins header lines for WSGI, drops the body of a response to HEAD, and answers an
exception of the application with a bare 500, which has no header of a middleware. A browser would see the same; the
traceback is on the logger `corsguard.browser`.
"""

import inspect
import re
from base64 import b64decode
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeAlias, cast
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication

from ada_url import URL

from corsguard.applications import is_async
from corsguard.errors import PolicyError
from corsguard.origin import Origin, OriginPattern
from corsguard.quoting import kind_of, quoted

from .calling_asgi import ASGIApplication, run_asgi
from .calling_wsgi import run_wsgi
from .collecting import Collected, Patience, apart, here
from .lifespan import started
from .wire import Transport, Unreachable, WireRequest, WireResponse

Application: TypeAlias = (
    WSGIApplication | ASGIApplication | Transport | Mapping[str, WSGIApplication | ASGIApplication | Transport]
)


_OF_ASGI: Final = 3
_ACCEPTED: Final = (
    "Expected a WSGI application (environ, start_response), an ASGI 3 application (scope, receive, send), "
    "a transport (request), or a mapping from origin to one of these."
)


def transport_for(app: Application, patience: Patience = Patience()) -> Transport:  # noqa: B008 - it is immutable
    """
    Return the Transport that *app* stands for.

    *app* is a WSGI application, an ASGI 3 application, a mapping from serialized origin to any of these, or a
    Transport, which is recognized by its one parameter and returned unchanged. A single application serves every
    origin. With a mapping, an origin that is not a key is Unreachable.

    ASGI applications get one scope, in its own event loop: `websocket` for a handshake, otherwise `http`. Their
    lifespan is not run.

    *patience* says how long to wait for an application, and whether each request runs in its own thread, as under most
    servers. A request without an answer in time is Unreachable. A body is cut off after its limit, at 16 MiB, and after
    one second if it is a stream of events, because these never end.

    Raises TypeError if *app* is not one of these, and ValueError if a key is not a serialized origin.
    """
    if isinstance(app, Mapping):
        return _by_origin(app, patience)
    if not callable(app):
        raise TypeError(f"{quoted(app)} is {kind_of(app)}. {_ACCEPTED}")
    match _count_of_parameters(app):
        case 3:
            return _of_the_web(partial(_serve, partial(run_asgi, cast("ASGIApplication", app)), patience))
        case 2 if not is_async(app):
            return _of_the_web(partial(_serve, partial(run_wsgi, cast("WSGIApplication", app)), patience))
        case 1 if not is_async(app) and not inspect.isclass(app):
            return cast("Transport", app)
        case count:
            a_class = "It is a class: give an instance. " if inspect.isclass(app) else ""
            a_coroutine = "It is asynchronous, but not an ASGI 3 application. " if is_async(app) else ""
            raise TypeError(f"{quoted(app)} takes {count} arguments. {a_class}{a_coroutine}{_ACCEPTED}")


@contextmanager
def serving(app: Application, patience: Patience) -> Generator[tuple[Transport, str]]:
    """
    Yield the Transport that *app* stands for, and why its lifespan did not start (empty if it did, or has none). In
    contrast to `transport_for`, an ASGI application is started before, and ended after it.
    """
    if not callable(app) or _count_of_parameters(app) != _OF_ASGI:
        yield transport_for(app, patience), ""
        return
    with started(cast("ASGIApplication", app), patience.head) as (running, problem):
        yield transport_for(running, patience), problem


def _count_of_parameters(app: Callable[..., object]) -> int:
    """
    Return how many positional arguments *app* takes. If it takes any number, it counts as ASGI if it is asynchronous,
    otherwise as WSGI.
    """
    anything = 3 if is_async(app) else 2
    try:
        parameters = inspect.signature(app).parameters.values()
    except ValueError:
        # Written in C.
        return anything
    positional = [item for item in parameters if item.kind in {item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD}]
    required = [item for item in positional if item.default is item.empty]
    takes_more = any(item.kind is item.VAR_POSITIONAL for item in parameters)
    return anything if takes_more and len(required) < anything else len(required)


def _by_origin(apps: Mapping[str, WSGIApplication | ASGIApplication | Transport], patience: Patience) -> Transport:
    if not apps:
        raise ValueError(f"The mapping is empty, so there is no server at all. {_ACCEPTED}")
    transports = {_checked_origin(origin): transport_for(app, patience) for origin, app in apps.items()}

    def carry(request: WireRequest) -> WireResponse:
        origin = URL(request.url).origin
        transport = transports.get(origin)
        if transport is None:
            raise Unreachable(f"there is no server at {origin}; this browser knows {', '.join(transports)}")
        return transport(request)

    return _of_the_web(carry)


def _serve(run: Callable[[Collected], None], patience: Patience, request: WireRequest) -> WireResponse:
    """
    Return the answer that *run* gets from an application for *request*.
    """
    answer = Collected(request, patience)
    carry = apart if patience.apart else here
    carry(partial(run, answer), answer)
    return answer.response()


def _of_the_web(carry: Transport) -> Transport:
    """
    Return a Transport that answers `data:` URLs itself, and passes everything else to *carry*.
    """

    def answer(request: WireRequest) -> WireResponse:
        return data_response(request.url) if request.url.startswith("data:") else carry(request)

    return answer


def data_response(url: str) -> WireResponse:
    """
    Return the response that a `data:` URL is (Fetch, "`data:` URL processor"). Raises Unreachable if it is malformed.
    """
    kind, comma, data = url.removeprefix("data:").partition(",")
    body, is_base64 = unquote_to_bytes(data), re.search(r"; *base64$", kind, re.IGNORECASE)
    try:
        if is_base64:
            kind, body = kind[: is_base64.start()], b64decode(body + b"=" * (-len(body) % 4))
    except ValueError:
        comma = ""
    if not comma:
        raise Unreachable("the data: URL is malformed")
    kind = kind.strip()
    kind = f"text/plain{kind}" if kind.startswith(";") else kind
    return WireResponse(200, (("Content-Type", kind if "/" in kind else "text/plain;charset=US-ASCII"),), body)


def _checked_origin(key: object) -> str:
    if isinstance(key, str):
        if Origin.parse(key) is not None:
            return key
        try:
            OriginPattern.parse(key)
        except PolicyError as error:
            (problem,) = error.problems
            raise ValueError(f"{problem.message} Fix: {problem.fix}") from None
    raise ValueError(f'Expected one origin, such as "https://api.example.com", got {quoted(key)}.')
