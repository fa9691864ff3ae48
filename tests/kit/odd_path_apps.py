"""
The sites of `carriers/test_odd_paths.py`. One process serves all of them: the header X-Site says which one a request is
for.

X-Reached tells an answer that passed through a guard from one that the server gave by itself. X-View tells which view
ran. `python tests/kit/odd_path_apps.py SERVER` serves them with a server that has no command of its own.

ORIGINS is a port: but for the first ones, the origins of the Django sites then come from there, and loading them takes
as long as the other side likes. The sources of the *late* sites never answer in time.
"""

import os
import posixpath
import socket
import sys
from dataclasses import replace
from urllib.parse import unquote

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path, re_path
from django.utils.decorators import sync_and_async_middleware
from flask import Flask

from corsguard import CORSMiddleware, Policy, RefreshingOrigins, RememberedOrigins
from corsguard_flask import CORSGuard, cors

PARTNER = "https://partner.example"
METHODS = ["GET", "DELETE"]

PARTNERS = Policy(allow_origins=[PARTNER], allow_methods=METHODS, allow_credentials=True)


# The bare application. It says how three routers would take the path: as it is, cleaned, and decoded once more.


def view_at(path):
    return "admin" if f"{path}/".startswith(("/admin/", "/list/")) else "public"


def cleaned(path):
    return "/" + posixpath.normpath("/" + path.replace("\\", "/")).lstrip("/")


def bare(environ, start_response):
    path = environ["PATH_INFO"]
    # Flask and Django put the slash before a path that came without one.
    path = path if path.startswith("/") else f"/{path}"
    views = " ".join(view_at(reading) for reading in (path, cleaned(path), cleaned(unquote(path))))
    start_response("200 OK", [("Content-Length", "0"), ("X-View", views)])
    return []


# Flask and Django, where the view that is not shared is tagged.


def flask_app(*, has_tag):
    app = Flask("sites")

    def admin(user):
        return "", {"X-View": "admin"}

    @app.route("/", methods=METHODS, defaults={"rest": ""})
    @app.route("/<path:rest>", methods=METHODS)
    def public(rest):
        return "", {"X-View": "public"}

    app.route("/admin/users/<user>", methods=METHODS)(cors(None)(admin) if has_tag else admin)
    return app


def guarded(app):
    CORSGuard(app, PARTNERS)
    return app


@cors(None)
def django_admin(request, user):
    return HttpResponse(headers={"X-View": "admin"})


def django_public(request):
    return HttpResponse(headers={"X-View": "public"})


EVERYTHING = re_path("", django_public)
TAGGED = (path("admin/users/<user>", django_admin), EVERYTHING)
UNTAGGED = (EVERYTHING,)


@sync_and_async_middleware
def choosing(get_response):
    """
    Let the site say which views there are.
    """

    class Middleware:
        async_capable = True

        def __call__(self, request):
            request.urlconf = UNTAGGED if request.headers.get("X-Site") == "django-whole" else TAGGED
            return get_response(request)

    middleware = Middleware()
    if iscoroutinefunction(get_response):
        markcoroutinefunction(middleware)
    return middleware


loads = []


def load():
    loads.append(len(loads))
    if len(loads) == 1:
        return [PARTNER]
    with socket.create_connection(("127.0.0.1", int(os.environ["ORIGINS"]))) as connection:
        return connection.makefile(encoding="utf-8").read().split()


settings.configure(
    ALLOWED_HOSTS=["*"],
    CORSGUARD=Policy(allow_origins=RefreshingOrigins(load, every=0.01)) if "ORIGINS" in os.environ else PARTNERS,
    LOGGING_CONFIG=None,
    MIDDLEWARE=[f"{__name__}.choosing", "corsguard_django.middleware.CORSMiddleware"],
    ROOT_URLCONF=TAGGED,
)
wsgi_handler, asgi_handler = get_wsgi_application(), get_asgi_application()
with override_settings(MIDDLEWARE=[f"{__name__}.choosing"]):
    bare_wsgi_handler, bare_asgi_handler = get_wsgi_application(), get_asgi_application()


# Sources that are late, as those are that ask over a network under gevent.


class Late:
    def __contains__(self, origin):
        from gevent import Timeout
        from gevent.event import Event

        with Timeout(0.01):
            Event().wait()


# The reasons of events, in order.
reasons = []


def count(event):
    reasons.append(event.reason)


SITES = {
    "wsgi": CORSMiddleware(bare, {"/": PARTNERS, "/admin": None}),
    "wsgi-whole": CORSMiddleware(bare, PARTNERS),
    "wsgi-bare": bare,
    "wsgi-list": CORSMiddleware(bare, {"/list": PARTNERS}),
    "wsgi-everyone": CORSMiddleware(bare, {"/": Policy(allow_origins="*"), "/list": PARTNERS}),
    "flask": guarded(flask_app(has_tag=True)),
    "flask-whole": guarded(flask_app(has_tag=False)),
    "flask-bare": flask_app(has_tag=True),
    "django": wsgi_handler,
    "django-whole": wsgi_handler,
    "django-bare": bare_wsgi_handler,
    "late": CORSMiddleware(bare, Policy(allow_origins=Late()), on_event=count),
    "late-remembered": CORSMiddleware(
        bare, Policy(allow_origins=RememberedOrigins(Late(), ttl=60), max_age=60), on_event=count
    ),
}


def answers_204(environ, start_response):
    start_response("204 No Content", [])
    return []


SITES |= {
    "answers-204": answers_204,
    "status-200": CORSMiddleware(bare, replace(PARTNERS, preflight_status=200)),
}


def application(environ, start_response):
    def respond(status, headers, error=None):
        more = [("X-Reached", "yes"), ("X-Events", " ".join(reasons))]
        return start_response(status, [*headers, *more], *(() if error is None else (error,)))

    return SITES[environ["HTTP_X_SITE"]](environ, respond)


async def asgi(scope, receive, send):
    async def respond(message):
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"X-Reached", b"yes")]}
        await send(message)

    handler = bare_asgi_handler if dict(scope["headers"])[b"x-site"] == b"django-bare" else asgi_handler
    await handler(scope, receive, respond)


def serve(name):
    if name == "cheroot":
        from cheroot.wsgi import Server

        server = Server(("127.0.0.1", 0), application)
        server.prepare()
        port, run = server.bind_addr[1], server.serve
    elif name == "waitress":
        from waitress import create_server

        server = create_server(application, host="127.0.0.1", port=0)
        port, run = server.effective_port, server.run
    elif name == "werkzeug":
        from werkzeug.serving import make_server

        server = make_server("127.0.0.1", 0, application, threaded=True)
        port, run = server.port, server.serve_forever
    else:
        from wsgiref.simple_server import make_server

        server = make_server("127.0.0.1", 0, application)
        port, run = server.server_port, server.serve_forever
    print(f"serving at {port}", flush=True)
    run()


if __name__ == "__main__":
    serve(sys.argv[1])
