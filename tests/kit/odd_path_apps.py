"""
The sites behind real servers. One process serves all of them: the header X-Site says which one a request is for.
`odd_path_asgi.py` has the sites for ASGI.

X-Reached marks an answer that passed through a guard, and not one that the server gave by itself. The lines next to it
are what the server passed on. X-View says which view ran. `python tests/kit/odd_path_apps.py SERVER` serves them with a
server that has no command of its own.

LOG names a file. The guards write a line into it for each request that they refuse.

ORIGINS is a port. Except for the first ones, the origins of the Django sites are loaded from there, and loading takes
as long as the other side takes. The sources of the *late* sites never answer in time.
"""

import logging
import math
import os
import posixpath
import socket
import sys
from dataclasses import replace
from urllib.parse import quote, unquote

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path, re_path
from django.utils.decorators import sync_and_async_middleware
from flask import Flask

from corsguard import CORSMiddleware, Policy, RefreshingOrigins, RememberedOrigins, journal
from corsguard_flask import CORSGuard, cors

PARTNER = "https://partner.example"
METHODS = ["GET", "DELETE"]

PARTNERS = Policy(allow_origins=[PARTNER], allow_methods=METHODS, allow_credentials=True)
PARTNERS_200 = replace(PARTNERS, preflight_status=200)


if "LOG" in os.environ:
    log = logging.FileHandler(os.environ["LOG"], encoding="utf-8")
    log.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    journal.logger.addHandler(log)
    journal.logger.setLevel(logging.INFO)
    journal._PAUSE = -math.inf  # noqa: SLF001 - otherwise it is one line a minute


# The bare application. It says how three routers would read the path: as it is, cleaned, and decoded again.


def view_at(path):
    return "admin" if f"{path}/".startswith(("/admin/", "/list/")) else "public"


def cleaned(path):
    return "/" + posixpath.normpath("/" + path.replace("\\", "/")).lstrip("/")


def views_at(path):
    # Flask and Django add the slash before a path that came without one.
    path = path if path.startswith("/") else f"/{path}"
    return " ".join(map(view_at, (path, cleaned(path), cleaned(unquote(path)))))


def bare(environ, start_response):
    start_response("200 OK", [("Content-Length", "0"), ("X-View", views_at(environ.get("PATH_INFO", "")))])
    return []


# Flask and Django. The view that is not shared has a tag.


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


def django_admin(request, user):
    return HttpResponse(headers={"X-View": "admin"})


@cors(None)
def closed_django_admin(request, user):
    return django_admin(request, user)


def django_public(request):
    return HttpResponse(headers={"X-View": "public"})


EVERYTHING = re_path("", django_public)
TAGGED = (path("admin/users/<user>", closed_django_admin), EVERYTHING)
UNTAGGED = (path("admin/users/<user>", django_admin), EVERYTHING)


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


MIDDLEWARE = [f"{__name__}.choosing", "corsguard_django.middleware.CORSMiddleware"]
settings.configure(
    ALLOWED_HOSTS=["*"],
    CORSGUARD=Policy(allow_origins=RefreshingOrigins(load, every=0.01)) if "ORIGINS" in os.environ else PARTNERS,
    LOGGING_CONFIG=None,
    MIDDLEWARE=MIDDLEWARE,
    ROOT_URLCONF=TAGGED,
)
wsgi_handler = get_wsgi_application()
with override_settings(MIDDLEWARE=MIDDLEWARE[:1]):
    bare_wsgi_handler = get_wsgi_application()


# Sources that answer late, as those that ask over a network under gevent.


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
    "status-200": CORSMiddleware(bare, PARTNERS_200),
}


def seen_headers(path, origin, *, asks):
    """
    Return what the server passed on, as lines of the answer.
    """
    return [
        ("X-Reached", "yes"),
        ("X-Path", quote(path[:200], errors="replace")),
        ("X-Readings", views_at(path)),
        ("X-Origin", "none" if origin is None else "partner" if origin == PARTNER else "other"),
        ("X-Asks", "yes" if asks else "no"),
    ]


def application(environ, start_response):
    path, origin = environ.get("PATH_INFO", ""), environ.get("HTTP_ORIGIN")
    seen = seen_headers(path, origin, asks="HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ)

    def respond(status, headers, error=None):
        more = [*seen, ("X-Events", " ".join(reasons))]
        return start_response(status, [*headers, *more], *(() if error is None else (error,)))

    return SITES[environ["HTTP_X_SITE"]](environ, respond)


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
    elif name == "bjoern":
        import bjoern

        listening = socket.create_server(("127.0.0.1", 0))
        port, run = listening.getsockname()[1], lambda: bjoern.server_run(listening, application)
    else:
        from wsgiref.simple_server import make_server

        server = make_server("127.0.0.1", 0, application)
        port, run = server.server_port, server.serve_forever
    print(f"serving at {port}", flush=True)
    run()


if __name__ == "__main__":
    serve(sys.argv[1])
