"""
Applications with the CORS libraries that people install, in configurations that look right. Other libraries, and ours.

All that run in threads of this process are here. Django samples are in a module of their own, because settings belong
to a process.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import flask
import flask_cors
import uvicorn
import wsgicors
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware as StarletteCORS
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Host, Route, Router, WebSocketRoute

from corsguard import CORSMiddleware, Policy, asgi
from corsguard_flask import CORSGuard, cors

from .handmade import APPS, items
from .hosting import listener
from .samples import (
    ORIGIN,
    SECURE_ORIGIN,
    SECURE_STRANGER,
    SITE,
    STRANGER,
    UNVARIED,
    attacked,
    fails,
    reads,
    refused,
    sample,
)

ASGI_APPS = {}

_METHODS = ["GET", "PUT", "POST", "DELETE"]
_TRUSTED = reads(credentials="include")
_TRUSTED_PUT = reads(method="PUT", json={"name": "pen"}, credentials="include")
_SECURE_PUT = reads(f"{SECURE_ORIGIN}/", method="PUT", json={"name": "pen"})
_SECURE_PUT_WITH_CREDENTIALS = reads(f"{SECURE_ORIGIN}/", method="PUT", json={"name": "pen"}, credentials="include")


def _flask(rule="/items"):
    app = flask.Flask(__name__)

    @app.route(rule, methods=_METHODS)
    def items():
        return {"items": [1, 2, 3]}

    return app


# flask-cors.


def flask_cors_app(name, title, *asked, finds=(), kind="fault", rule="/items", **options):
    app = _flask(rule)
    flask_cors.CORS(app, **options)
    APPS[sample(name, title, *asked, finds=finds, kind=kind)] = app
    return app


flask_cors_app(
    "flask-cors-credentials",
    "flask-cors with its default origins and credentials reflects every origin.",
    UNVARIED,
    _TRUSTED_PUT,
    attacked(STRANGER),
    finds=["CG-A001", "CG-V002"],
    supports_credentials=True,
    allow_headers=["Content-Type"],
    methods=_METHODS,
)
flask_cors_app(
    "flask-cors-regex",
    "flask-cors compares a regular expression with the beginning of the origin.",
    UNVARIED,
    attacked("http://app.lab.example.stranger.example/"),
    refused(),
    finds=["CG-A003", "CG-V002"],
    origins=[r"http://app\.lab\.example"],
    supports_credentials=True,
    allow_headers=["Content-Type"],
    methods=_METHODS,
)
flask_cors_app(
    "flask-cors-glob",
    "flask-cors reads a pattern as a regular expression, which matches no subdomain, but matches other names.",
    fails("missing_allow_origin", "no access-control-allow-origin", f"Access-Control-Allow-Origin: {ORIGIN}"),
    attacked("http://lab.example.stranger.example/"),
    # The dot is one character, and the end is not compared.
    attacked("http://wlab.example/"),
    finds=["CG-A003", "CG-A004"],
    origins=["http://*.lab.example"],
    supports_credentials=True,
    allow_headers=["Content-Type"],
    methods=_METHODS,
)
flask_cors_app(
    "flask-cors-slash",
    "Flask redirects to a slash at the end before flask-cors answers the preflight.",
    fails("preflight_redirect", "a slash at the end", "/items/", method="PUT", json={"name": "pen"}),
    finds=["CG-P004"],
    kind="look-alike",
    rule="/items/",
    send_wildcard=True,
    allow_headers=["Content-Type"],
    methods=_METHODS,
)


def _decorated():
    app = flask.Flask(__name__)

    @app.route("/items", methods=_METHODS)
    @flask_cors.cross_origin(send_wildcard=True, allow_headers=["Content-Type"], methods=_METHODS)
    def items():
        flask.abort(500)

    return app


APPS[
    sample(
        "flask-cors-decorator",
        "An exception of a view under @cross_origin is answered without a header.",
        fails("missing_allow_origin", "unhandled exception", f"Access-Control-Allow-Origin: {ORIGIN}"),
        kind="look-alike",
    )
] = _decorated()


# wsgicors.


APPS[
    sample(
        "wsgicors-credentials",
        "wsgicors with * and credentials reflects every origin.",
        UNVARIED,
        attacked(STRANGER),
        fails("preflight_wildcard_with_credentials", "never counts", "", method="PUT", credentials="include"),
        finds=["CG-A001", "CG-B001", "CG-V001"],
    )
] = wsgicors.CORS(items, origin="*", credentials="true", methods="GET,PUT", headers="content-type", maxage="600")
APPS[
    sample(
        "wsgicors-pattern",
        "The pattern of wsgicors begins in the middle of a name.",
        UNVARIED,
        attacked("http://strangerlab.example/"),
        refused(),
        finds=["CG-A004", "CG-V002"],
    )
] = wsgicors.CORS(
    items, origin="http://*lab.example", credentials="true", methods="GET,PUT", headers="content-type", maxage="600"
)


# Starlette.


async def _items(request: Request) -> JSONResponse:
    return JSONResponse({"items": [1, 2, 3]})


async def _broken(request: Request) -> JSONResponse:
    raise ZeroDivisionError


def starlette_app(name, title, *asked, finds=(), kind="fault", endpoint=_items, **options):
    app = Starlette(
        routes=[Route("/items", endpoint, methods=["GET", "PUT", "DELETE"])],
        middleware=[Middleware(StarletteCORS, **options)],
    )
    ASGI_APPS[sample(name, title, *asked, finds=finds, kind=kind)] = app


starlette_app(
    "starlette-credentials",
    "Starlette with * and credentials reflects every origin.",
    _TRUSTED,
    _TRUSTED_PUT,
    attacked(STRANGER),
    finds=["CG-A001"],
    allow_origins=["*"],
    allow_methods=_METHODS,
    allow_headers=["Content-Type"],
    allow_credentials=True,
)
starlette_app(
    "starlette-string",
    "Starlette searches for the origin in a string, where a list was meant.",
    _TRUSTED,
    attacked("http://app.lab.exam/"),
    refused(),
    finds=["CG-A006"],
    allow_origins="http://app.lab.example",
    allow_methods=_METHODS,
    allow_headers=["Content-Type"],
    allow_credentials=True,
)
starlette_app(
    "starlette-error",
    "Starlette answers an unhandled exception outside of the CORS middleware.",
    fails("missing_allow_origin", "unhandled exception", f"Access-Control-Allow-Origin: {ORIGIN}"),
    kind="look-alike",
    endpoint=_broken,
    allow_origins=[ORIGIN],
    allow_methods=_METHODS,
)
starlette_app(
    "starlette-method",
    "Starlette answers 400 to a preflight for a method that is not listed.",
    reads(),
    fails("preflight_status", "400", "", method="DELETE"),
    kind="look-alike",
    allow_origins=[ORIGIN],
    allow_methods=["GET", "PUT"],
)


# corsguard.


def guarded(name, title, *asked, **policy):
    APPS[safe(name, title, *asked)] = CORSMiddleware(items, Policy(allow_methods=_METHODS, **policy))


def safe(name, title, *asked):
    return sample(name, title, *asked, kind="safe", origin=SECURE_ORIGIN)


guarded(
    "corsguard-list",
    "corsguard around WSGI, a list with credentials.",
    _SECURE_PUT_WITH_CREDENTIALS,
    refused(SECURE_STRANGER),
    allow_origins=[SECURE_ORIGIN],
    allow_headers=["Content-Type"],
    allow_credentials=True,
)
guarded(
    "corsguard-subdomains",
    "corsguard around WSGI, every subdomain, without credentials.",
    _SECURE_PUT,
    reads("https://shop.lab.example/"),
    refused(SECURE_STRANGER),
    allow_origins=["https://*.lab.example"],
    allow_headers=["Content-Type"],
)
guarded(
    "corsguard-everybody",
    "corsguard around WSGI, * without credentials.",
    _SECURE_PUT,
    reads(SECURE_STRANGER),
    allow_origins="*",
    allow_headers="*",
)


def _guarded_flask():
    app = _flask()
    CORSGuard(app, Policy(allow_origins=[SECURE_ORIGIN], allow_methods=_METHODS, allow_headers=["Content-Type"]))
    return app


def _tagged_flask():
    app = flask.Flask(__name__)
    CORSGuard(app)

    @app.route("/items", methods=_METHODS)
    @cors(
        allow_origins=[SECURE_ORIGIN],
        allow_methods=_METHODS,
        allow_headers=["Content-Type"],
        allow_credentials=True,
    )
    def items():
        return {"items": [1, 2, 3]}

    return app


APPS[safe("corsguard-flask", "corsguard in Flask, a list.", _SECURE_PUT, refused(SECURE_STRANGER))] = _guarded_flask()
APPS[
    safe(
        "corsguard-flask-view",
        "corsguard in Flask, a tagged view with credentials.",
        _SECURE_PUT_WITH_CREDENTIALS,
        refused(SECURE_STRANGER),
    )
] = _tagged_flask()


# WebSockets, which CORS libraries do not check.


def websocket_app(name, title, *asked, is_let_in=lambda origin: True, finds=(), policy=None):
    """
    Serve a WebSocket behind Starlette's CORSMiddleware. It opens for origins for which *is_let_in* is true, and
    *policy* guards it.
    """

    async def feed(websocket):
        if is_let_in(websocket.headers.get("origin", "")):
            await websocket.accept()
        await websocket.close()

    middleware = [Middleware(StarletteCORS, allow_origins=[ORIGIN], allow_credentials=True)]
    app = Starlette(routes=[WebSocketRoute("/items", feed)], middleware=middleware)
    kind = "safe" if policy else "fault"
    host = sample(name, title, *asked, finds=finds, kind=kind, url=f"ws://{name}.{SITE}/items")
    ASGI_APPS[host] = asgi.CORSMiddleware(app, policy) if policy else app


_SHUT = fails("handshake_refused", "answered with 403", "load the page over https", page=STRANGER)
websocket_app(
    "starlette-websocket",
    "WebSockets pass Starlette's CORSMiddleware, whatever it lists.",
    reads(),
    reads(STRANGER),
    finds=["CG-E002"],
)
websocket_app(
    "websocket-beginning",
    "The handler of a WebSocket compares the beginning of the origin.",
    reads(),
    reads(f"{ORIGIN}.attacker.example/"),
    _SHUT,
    is_let_in=lambda origin: origin.startswith(ORIGIN),
    finds=["CG-E006"],
)
websocket_app(
    "corsguard-websocket",
    "corsguard around a WebSocket that opens for everyone.",
    reads(),
    _SHUT,
    policy=Policy(allow_unsafe_origins={ORIGIN: "the laboratory has no TLS here"}, allow_credentials=True),
)


@contextmanager
def served_by_uvicorn() -> Iterator[str]:
    """
    Serve all of Starlette in a thread. Yield the address.
    """
    router = Router([Host(host, app) for host, app in ASGI_APPS.items()])
    config = uvicorn.Config(
        router, lifespan="off", ws="websockets-sansio", http="h11", log_config=None, log_level="critical"
    )
    server = uvicorn.Server(config)
    with listener() as listening:
        # Head and body are sent separately. The second would wait until the client acknowledges the first.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host, port = listening.getsockname()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield f"{host}:{port}"
        finally:
            server.should_exit = True
            thread.join()
