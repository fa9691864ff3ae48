"""
The places where the library runs, each as one function with the same signature.

An adapter takes the keywords of a policy and the reply of the application. It returns a function that lets the real
thing answer a request, and returns what was sent. If one place cannot do something, its function says so, with the
reason.
"""

import asyncio
import atexit
import io
import re
import runpy
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import falcon
import flask
import quart
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import re_path
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request as StarletteRequest
from starlette.responses import Response
from starlette.routing import Route

from corsguard import CORSMiddleware, asgi
from corsguard_flask import CORSGuard, cors

from .cases import Reply, Request


class Outcome(NamedTuple):
    """
    What was sent: *headers* are all lines of the response, and *ran* says whether the application was called.
    """

    status: int
    headers: list[tuple[str, str]]
    ran: bool
    body: bytes

    @property
    def of_cors(self) -> list[tuple[str, str]]:
        """
        The complete `Access-Control-*`, `Timing-Allow-Origin` and `Vary` lines, sorted, with names in lower case.
        """
        named = [(name.lower(), value) for name, value in self.headers]
        others = {"timing-allow-origin", "vary"}
        return sorted(line for line in named if line[0].startswith("access-control-") or line[0] in others)

    def lines(self, name: str) -> list[str]:
        """
        Return the values of the lines of *name*.
        """
        return [value for other, value in self.headers if other.lower() == name.lower()]


Asked = Callable[[Request], Outcome]
Adapter = Callable[[Mapping[str, Any], Reply], Asked]


def environ_of(request: Request, path: str = "/") -> dict[str, Any]:
    """
    Return the WSGI environ of *request*.
    """
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
    }
    setup_testing_defaults(environ)
    for name, value in request.headers.items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    return environ


def serve(app: Callable[..., Any], environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    """
    Return status, headers and body of the answer of *app*, as a server would send it.
    """
    started: list[tuple[str, list[tuple[str, str]]]] = []
    body = io.BytesIO()

    def start_response(status, headers, exc_info=None):
        assert exc_info is not None or not started
        started[:] = [(status, list(headers))]
        return body.write

    chunks = app(environ, start_response)
    try:
        for chunk in chunks:
            assert started
            body.write(chunk)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    status, headers = started[0]
    return int(status[:3]), headers, body.getvalue()


def lines_of(reply: Reply) -> list[tuple[str, str]]:
    """
    Return the header lines of *reply*, with the Content-Type that its status demands.
    """
    return [*reply.headers, *([] if reply.status in (204, 304) else [("Content-Type", "text/plain")])]


class Application:
    """
    A bare WSGI application that answers *reply* and records that it ran.
    """

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.ran = False

    def __call__(self, environ, start_response):
        self.ran = True
        start_response(f"{self.reply.status} {HTTPStatus(self.reply.status).phrase}", lines_of(self.reply))
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" or self.reply.status in (204, 304) else b"content"]


def wsgi(policy: Mapping[str, Any], reply: Reply) -> Asked:
    app = Application(reply)
    return wsgi_asked(app, CORSMiddleware(app, policy))


def validated_wsgi(policy: Mapping[str, Any], reply: Reply) -> Asked:
    """
    The same between two validators. They check that application and server get valid WSGI from the middleware.
    """
    app = Application(reply)
    return wsgi_asked(app, validator(CORSMiddleware(validator(app), policy)))


class Undecided:
    """
    Views that might have policies, and have none.
    """

    def are_tagged(self):
        return True

    def view_at(self, environ, method, path, *, is_running):
        return None


def carried_wsgi(policy: Mapping[str, Any], reply: Reply) -> Asked:
    """
    The same on the long path. The short path is for applications without views of their own.
    """
    app = Application(reply)
    guarded = CORSMiddleware(app, policy)
    guarded.views = Undecided()
    return wsgi_asked(app, guarded)


def wsgi_asked(app: Any, guarded: Any) -> Asked:
    """
    Return a function that asks *guarded*. *app* in it records that it ran.
    """

    def ask(request: Request) -> Outcome:
        app.ran = False
        status, headers, body = serve(guarded, environ_of(request))
        return Outcome(status, headers, app.ran, body)

    return ask


# Flask

METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


def flask_extension(policy: Mapping[str, Any], reply: Reply) -> Asked:
    """
    A Flask application, guarded as a whole. Its one view serves every method itself, also OPTIONS.
    """
    app, view = flask_application(reply)
    app.add_url_rule("/", view_func=view, methods=METHODS, provide_automatic_options=False)
    CORSGuard(app, policy)
    return wsgi_asked(view, app)


def flask_decorator(policy: Mapping[str, Any], reply: Reply) -> Asked:
    """
    The same, guarded by the tag of the view only.
    """
    app, view = flask_application(reply)
    tagged = cors(**policy)(view)
    app.add_url_rule("/", view_func=tagged, methods=METHODS, provide_automatic_options=False)
    CORSGuard(app)
    return wsgi_asked(view, app)


def flask_application(reply: Reply):
    def view():
        view.ran = True
        response = flask.Response(b"" if reply.status in (204, 304) else b"content", reply.status)
        response.headers.clear()
        response.headers.extend(lines_of(reply))
        return response

    view.ran = False
    return flask.Flask("conformance"), view


# Django

MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"]

# The answer of the view, and whether it ran. All cases use one URLconf, because Django keeps each that it sees.
_reply: ContextVar[Reply] = ContextVar("reply")
_ran: ContextVar[list[bool]] = ContextVar("ran")


def django_view(request):
    _ran.get().append(True)
    reply = _reply.get()
    response = HttpResponse(b"" if reply.status in (204, 304) else b"content", status=reply.status)
    del response.headers["Content-Type"]
    for name, value in merged_lines(lines_of(reply)):
        response.headers[name] = value
    return response


async def async_django_view(request):
    return django_view(request)


urlpatterns = [re_path("^async$", async_django_view), re_path("^$", django_view)]


def merged_lines(lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """
    Return *lines* as a Django view can set them: an HttpResponse has one line of each name, and the last one wins.

    A view adds to Vary with `patch_vary_headers`, which keeps the other values.
    """
    merged: dict[str, tuple[str, str]] = {}
    for name, value in lines:
        _, before = merged.get(name.lower(), (name, ""))
        merged[name.lower()] = (name, f"{before},{value}" if before and name.lower() == "vary" else value)
    return list(merged.values())


def django_sync(policy: Mapping[str, Any], reply: Reply) -> Asked:
    return django_asked(policy, reply, lambda request: serve(WSGIHandler(), environ_of(request)))


def django_async(policy: Mapping[str, Any], reply: Reply) -> Asked:
    """
    The same over ASGI, where header values are bytes. Text beyond latin-1 arrives in UTF-8.
    """
    return django_asked(policy, reply, lambda request: awaited(serve_asgi(ASGIHandler(), scope_of(request))))


def django_asked(policy: Mapping[str, Any], reply: Reply, respond: Callable[[Request], Any]) -> Asked:
    def ask(request: Request) -> Outcome:
        ran: list[bool] = []
        _reply.set(reply)
        _ran.set(ran)
        with override_settings(CORSGUARD=policy, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.adapters"):
            status, headers, body = respond(request)
        return Outcome(status, headers, bool(ran), body)

    return ask


# One event loop for all requests, because a new one takes longer than most answers.
_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)
awaited = _LOOP.run_until_complete


def scope_of(request: Request, path: str = "/async") -> dict[str, Any]:
    """
    Return the ASGI scope of *request*.
    """
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path,
        "query_string": b"",
        "server": ("127.0.0.1", 80),
        "headers": [(name.lower().encode(), bytes_of(value)) for name, value in request.headers.items()],
    }


def bytes_of(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


async def serve_asgi(app: Any, scope: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
    """
    Return status, headers and body of the answer of *app*, as a server would send it.
    """
    sent: list[dict[str, Any]] = []
    requests = [{"type": "http.request", "body": b"", "more_body": False}]
    is_over = asyncio.Event()

    async def receive():
        if requests:
            return requests.pop()
        # Quart waits for it under Python 3.13.
        await is_over.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            is_over.set()

    await app(scope, receive, send)
    start, *rest = sent
    assert start["type"] == "http.response.start"
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    return start["status"], headers, b"".join(message.get("body", b"") for message in rest)


# ASGI


class ASGIApplication:
    """
    A bare ASGI application that answers *reply* and records that it ran.
    """

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.ran = False

    async def __call__(self, scope, receive, send):
        self.ran = True
        await send({"type": "http.response.start", "status": self.reply.status, "headers": raw_lines(self.reply)})
        await send({"type": "http.response.body", "body": content_of(self.reply)})


def raw_lines(reply: Reply) -> list[tuple[bytes, bytes]]:
    # The names of an application are in lower case.
    return [(name.lower().encode(), value.encode()) for name, value in lines_of(reply)]


def content_of(reply: Reply) -> bytes:
    return b"" if reply.status in (204, 304) else b"content"


class CarriedASGI(asgi.CORSMiddleware):
    """
    The middleware on its long path.
    """

    async def __call__(self, scope, receive, send):
        await self._carry(scope, receive, send)


def bare_asgi(policy: Mapping[str, Any], reply: Reply) -> Asked:
    app = ASGIApplication(reply)
    return asgi_asked(app, asgi.CORSMiddleware(app, policy))


def carried_asgi(policy: Mapping[str, Any], reply: Reply) -> Asked:
    app = ASGIApplication(reply)
    return asgi_asked(app, CarriedASGI(app, policy))


def starlette(policy: Mapping[str, Any], reply: Reply) -> Asked:
    """
    A wrapped Starlette application with one route.
    """
    endpoint = starlette_endpoint(reply)
    app = Starlette(routes=[Route("/", endpoint, methods=METHODS)])
    return asgi_asked(endpoint, asgi.CORSMiddleware(app, policy))


def fastapi_guard(policy: Mapping[str, Any], reply: Reply) -> Asked:
    """
    A FastAPI application with one route. The guard is around all of FastAPI.
    """
    endpoint, app = fastapi_application(reply)
    app.add_api_route("/", endpoint, methods=METHODS)
    asgi.CORSGuard(app, policy)
    return asgi_asked(endpoint, app)


def fastapi_decorator(policy: Mapping[str, Any], reply: Reply) -> Asked:
    """
    The same, guarded by the tag of the endpoint only.
    """
    endpoint, app = fastapi_application(reply)
    app.add_api_route("/", cors(**policy)(endpoint), methods=METHODS)
    asgi.CORSGuard(app)
    return asgi_asked(endpoint, app)


def fastapi_application(reply: Reply) -> tuple[Any, FastAPI]:
    return starlette_endpoint(reply), FastAPI(openapi_url=None)


def starlette_endpoint(reply: Reply) -> Any:
    async def endpoint(request: StarletteRequest) -> Response:
        endpoint.ran = True
        response = Response(content_of(reply), reply.status)
        response.raw_headers = raw_lines(reply)
        return response

    endpoint.ran = False
    return endpoint


def quart_wrapped(policy: Mapping[str, Any], reply: Reply) -> Asked:
    """
    A wrapped Quart application with one view. It accepts no request with a line end in its headers, and no server
    passes one on.
    """
    app = quart.Quart("conformance")

    async def view():
        view.ran = True
        response = quart.Response(content_of(reply), reply.status)
        response.headers.clear()
        response.headers.extend(lines_of(reply))
        return response

    view.ran = False
    app.add_url_rule("/", view_func=view, methods=METHODS, provide_automatic_options=False)
    ask = asgi_asked(view, asgi.CORSMiddleware(app, policy))

    def ask_in_one_line(request: Request) -> Outcome:
        in_one_line = {name: re.sub(r"[\r\n]", "\t", text) for name, text in request.headers.items()}
        return ask(request._replace(headers=in_one_line))

    return ask_in_one_line


def asgi_asked(app: Any, guarded: Any) -> Asked:
    """
    Return a function that asks *guarded*. *app* in it records that it ran.
    """
    # The first request prepares the short path for the others.
    awaited(serve_asgi(guarded, scope_of(Request("GET", {}), "/")))

    def ask(request: Request) -> Outcome:
        app.ran = False
        status, headers, body = awaited(serve_asgi(guarded, scope_of(request, "/")))
        # The servers of HTTP/2 send the names as they are.
        assert not [name for name, _ in headers if name.lower().startswith("access-control-") and name != name.lower()]
        return Outcome(status, headers, app.ran, body)

    return ask


# corsguard does not know Falcon: its carrier is an example.

FALCON = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "falcon_guard.py"))


def falcon_example(policy: Mapping[str, Any], reply: Reply) -> Asked:
    """
    A Falcon application that answers every path. Its middleware is the carrier of the example.
    """
    ran: list[bool] = []

    def sink(req: falcon.Request, resp: falcon.Response) -> None:
        ran.append(True)
        resp.status = reply.status
        resp.data = b"" if reply.status in (204, 304) else b"content"
        # As in Django, a response has one line of each name.
        resp.set_headers(merged_lines(lines_of(reply)))

    app = falcon.App(middleware=[FALCON["CORSMiddleware"](policy)])
    app.add_sink(sink, "/")

    def ask(request: Request) -> Outcome:
        ran.clear()
        status, headers, body = serve(app, environ_of(request))
        return Outcome(status, headers, bool(ran), body)

    return ask


WSGI_ADAPTERS: dict[str, Adapter] = {
    "wsgi": wsgi,
    "validated wsgi": validated_wsgi,
    "carried wsgi": carried_wsgi,
}
ASGI_ADAPTERS: dict[str, Adapter] = {
    "asgi": bare_asgi,
    "carried asgi": carried_asgi,
    "starlette": starlette,
    "fastapi guard": fastapi_guard,
    "fastapi decorator": fastapi_decorator,
    "quart": quart_wrapped,
}
ADAPTERS: dict[str, Adapter] = {
    **WSGI_ADAPTERS,
    "flask extension": flask_extension,
    "flask decorator": flask_decorator,
    "django sync": django_sync,
    "django async": django_async,
    "falcon example": falcon_example,
    **ASGI_ADAPTERS,
}
