"""
Applications under constant load while everything changes on which their answers depend.

CARRIER chooses the framework. In each process the policies of `swapped` change a hundred times a second. The origins of
`loaded` change as often. With TENANTS, a database in which a store looks up each host takes their place. The header
X-Between of each response names the process that made it, and the changes before and after it. So a client can tell
which answers are right. VARIANT breaks one thing, so that the tests can show that they find it. `python
tests/kit/loaded_app.py` serves it with waitress.
"""

import asyncio
import gc
import os
import sqlite3
import sys
import threading
import time
from contextlib import closing

from corsguard import CORSMiddleware, Policies, Policy, RedisOrigins, RefreshingOrigins, RememberedOrigins
from corsguard.asgi import CORSGuard as ASGIGuard
from corsguard.asgi import CORSMiddleware as ASGIMiddleware

HOST = "api.load.example"
STEADY = "https://steady.example"
CARRIER = os.environ.get("CARRIER", "wsgi")
AWAITED = {"asgi", "starlette", "django-asgi"}
IS_AWAITED = CARRIER in AWAITED
# This many origins take turns in the origins of a version.
TURNS = 3
_INTERVAL = 0.01


def variant(name):
    return os.environ.get("VARIANT") == name


class Changes:
    """
    How often policies and origins have changed in this process.
    """

    process = begun = done = loads = 0

    def begin(self):
        """
        Let policies change in this process, which may be a fork of one where they change.
        """
        if self.process == os.getpid():
            return
        self.process = os.getpid()
        # Threads have to switch in the middle of operations.
        sys.setswitchinterval(0.0001)
        # The garbage collector need not look at what exists now.
        gc.freeze()
        if "TENANTS" not in os.environ:
            threading.Thread(target=self._go_on, daemon=True).start()

    def _go_on(self):
        while True:
            time.sleep(_INTERVAL)
            self.begun += 1
            if variant("mixing"):
                swap(policies(self.begun, self.done))
                time.sleep(_INTERVAL)
            swap(policies(self.begun))
            self.done = self.begun


changes = Changes()


def turn(letter, number):
    return f"https://{letter}{number % TURNS}.example"


# Origins that are loaded, and origins that are asked about.


def load():
    """
    Return other origins each time, and let other threads run during the call. Each fifth time the store is unreachable.
    """
    changes.loads += 1
    number = changes.loads
    time.sleep(0)
    if number % 5 == 0:
        raise ConnectionError("The store is gone.")
    return [STEADY, turn("r", number)]


def load_without_end():
    """
    Return the origins when the process starts, and never return again.
    """
    if hung:
        threading.Event().wait()
    hung.append(True)
    return [STEADY]


def answer(origin):
    """
    Return whether *origin* is granted, in every way that a store may use.
    """
    leaked.extend([f"{origin}{number}" for number in range(1000)] if variant("leaking") else [])
    if origin.startswith("https://raises"):
        raise ConnectionError("The store is gone.")
    if origin.startswith("https://odd"):
        return origin
    return origin == STEADY or (variant("granting") and "9" in origin)


class Asked:
    def __contains__(self, origin):
        return answer(origin)


class Slow:
    def __contains__(self, origin):
        time.sleep(0.005)
        return answer(origin)


class Awaited:
    async def allows(self, origin):
        await asyncio.sleep(0.005)
        return answer(origin)


def connect():
    import redis.asyncio

    kind = redis.asyncio.Redis if IS_AWAITED else redis.Redis
    return kind.from_url(os.environ["REDIS_URL"], socket_connect_timeout=2, socket_timeout=5)


hung, leaked = [], []
SOURCES = {
    "/loaded": RefreshingOrigins(load, every=_INTERVAL),
    "/hung": RefreshingOrigins(load_without_end, every=_INTERVAL),
    "/asked": Asked(),
    "/slow": RememberedOrigins(Slow(), ttl=0.5, maxsize=32),
}
if IS_AWAITED:
    SOURCES["/awaited"] = RememberedOrigins(Awaited(), ttl=0.5, maxsize=32)
if "REDIS_URL" in os.environ:
    SOURCES["/redis"] = RedisOrigins(connect)


# The active version.


def policy(number, allow_origins):
    return Policy(
        allow_origins=allow_origins,
        allow_methods=["GET", "PUT"],
        allow_headers=["Content-Type", f"X-Version-{number}"],
        expose_headers=[f"X-Version-{number}"],
        allow_credentials=True,
        max_age=number % 7000,
    )


def policies(number, mixed_with=None):
    """
    Return version *number* of the policies: for all hosts if it is odd, for some hosts if it is even.
    """
    sources = {path: policy(number, source) for path, source in SOURCES.items()}

    def by_path(letter):
        listed = [STEADY, turn(letter, number if mixed_with is None else mixed_with)]
        return {"paths": {"/swapped": policy(number, listed), "/closed": None, **sources}}

    return by_path("v") if number % 2 else {"hosts": {HOST: by_path("v"), "*.load.example": by_path("w")}}


class Store:
    """
    Tenants in a database, with one host and one origin each.
    """

    last = None

    def policy_of(self, host):
        if host.startswith("raises."):
            raise ConnectionError("The store is gone.")
        if host.startswith("slow."):
            time.sleep(0.02)
        with closing(sqlite3.connect(os.environ["TENANTS"], timeout=30)) as database:
            row = database.execute("SELECT number, origin FROM tenant WHERE host = ?", [host]).fetchone()
        row = self.last if row is None and variant("strange") else row
        self.last = row
        return None if row is None else policy(row[0], [row[1]])


in_force = Policies({"hosts": Store()} if "TENANTS" in os.environ else policies(0))


def swap(new):
    if CARRIER.startswith("django"):
        from corsguard_django import set_policy

        set_policy(new)
    elif CARRIER == "flask":
        flask_guard.policy = new
    else:
        in_force.policy = new


# The carriers.


def bare(environ, start_response):
    time.sleep(0)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


async def bare_asgi(scope, receive, send):
    await asyncio.sleep(0)
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


def starlette():
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def view(request):
        await asyncio.sleep(0)
        return PlainTextResponse("ok")

    app = Starlette(routes=[Route("/{path:path}", view, methods=["GET", "OPTIONS"])])
    ASGIGuard(app, in_force)
    return app


def flask():
    from flask import Flask

    app = Flask(__name__)

    @app.route("/<path:path>")
    def view(path):
        time.sleep(0)
        return "ok"

    flask_guard.init_app(app)
    return app


def django(get_application):
    from django.conf import settings
    from django.http import HttpResponse
    from django.urls import path

    def view(request, path):
        time.sleep(0)
        return HttpResponse("ok", headers={"Content-Length": "2"})

    async def async_view(request, path):
        await asyncio.sleep(0)
        return HttpResponse("ok", headers={"Content-Length": "2"})

    settings.configure(
        ALLOWED_HOSTS=["*"],
        CORSGUARD=in_force,
        LOGGING_CONFIG=None,
        MIDDLEWARE=["corsguard_django.middleware.CORSMiddleware"],
        ROOT_URLCONF=(path("<path:path>", async_view if IS_AWAITED else view),),
        SECRET_KEY="tests only",
    )
    return get_application()


def made():
    if CARRIER == "flask":
        return flask()
    if CARRIER == "django":
        from django.core.wsgi import get_wsgi_application

        return django(get_wsgi_application)
    if CARRIER == "django-asgi":
        from django.core.asgi import get_asgi_application

        return django(get_asgi_application)
    if CARRIER == "starlette":
        return starlette()
    return ASGIMiddleware(bare_asgi, in_force) if CARRIER == "asgi" else CORSMiddleware(bare, in_force)


if CARRIER == "flask":
    from corsguard_flask import CORSGuard

    flask_guard = CORSGuard(policy=in_force)
guarded = made()


# Outside of the guard.


def seen_at_entry():
    changes.begin()
    if variant("dying") and changes.begun % 50 == 49:
        os._exit(1)
    return changes.done, changes.loads


def between(entry):
    done, loads = entry
    return f"{os.getpid()} {done} {changes.begun} {loads} {changes.loads}"


def memory():
    """
    Return how many blocks of memory Python has in this process.
    """
    gc.collect()
    return f"{os.getpid()} {sys.getallocatedblocks()}".encode()


def wsgi_application(environ, start_response):
    if environ["PATH_INFO"] == "/memory":
        body = memory()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]
    entry = seen_at_entry()

    def respond(status, headers, *error):
        return start_response(status, [*headers, ("X-Between", between(entry))], *error)

    return guarded(environ, respond)


async def asgi_application(scope, receive, send):
    if scope["type"] != "http":
        await guarded(scope, receive, send)
    elif scope["path"] == "/memory":
        body = memory()
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
    else:
        entry = seen_at_entry()

        async def respond(message):
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"x-between", between(entry).encode())]}
            await send(message)

        await guarded(scope, receive, respond)


if variant("bare"):
    guarded = bare_asgi if IS_AWAITED else bare
application = asgi_application if IS_AWAITED else wsgi_application

if variant("stubborn"):
    threading.Thread(target=threading.Event().wait).start()

if __name__ == "__main__":
    from waitress import create_server

    server = create_server(application, host="127.0.0.1", port=0, threads=8)
    print(f"serving at {server.effective_port}", flush=True)
    server.run()
