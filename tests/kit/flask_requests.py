"""
Requests to real Flask applications, with a validator on both sides of the guard.

Every view of the tests answers with its own name, so the body of a response shows which one ran. A preflight that the
guard answered has no body.
"""

from typing import NamedTuple
from wsgiref.validate import validator

from flask import Flask
from werkzeug.test import Client

APP = "https://app.example.com"
OTHER = "https://other.example.net"
EVIL = "https://evil.example"

PREFLIGHT_VARY = ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
UNTOUCHED = []
REFUSED = [("vary", "Origin")]


class Answer(NamedTuple):
    """
    What was sent. *cors* are all `Access-Control-*` and `Vary` lines, sorted by name.
    """

    status: int
    cors: list
    body: str


def shared_with(origin=APP):
    """
    Return the lines of a response under a policy that lists *origin* and nothing else.
    """
    return [("access-control-allow-origin", origin), ("vary", "Origin")]


def preflight_answer(origin=APP, methods="GET, HEAD, POST"):
    """
    Return the answer to a preflight under a policy that lists *origin* and *methods*.
    """
    lines = [
        ("access-control-allow-methods", methods),
        ("access-control-allow-origin", origin),
        ("access-control-max-age", "7200"),
        PREFLIGHT_VARY,
    ]
    return Answer(204, lines, "")


REFUSED_PREFLIGHT = Answer(403, [PREFLIGHT_VARY], "CORS: this origin may not read this resource.\n")


def make_app(name="shop", **options):
    """
    Return a Flask application behind a validator.
    """
    app = Flask(name, **options)
    app.wsgi_app = validator(app.wsgi_app)
    return app


def ask(app, path="/", method="GET", origin=APP, base_url="http://localhost/", **headers):
    """
    Return the Answer of *app*, a WSGI application, to one request.
    """
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    if origin is not None:
        lines["Origin"] = origin
    response = Client(validator(app)).open(path, method=method, base_url=base_url, headers=lines)
    try:
        named = [(name.lower(), value) for name, value in response.headers]
        lines = sorted(line for line in named if line[0] == "vary" or line[0].startswith("access-control-"))
        return Answer(response.status_code, lines, response.get_data(as_text=True))
    finally:
        response.close()


def ask_preflight(app, path="/", method="PUT", origin=APP, **options):
    """
    Return the Answer of *app* to the preflight for a request with *method*.
    """
    return ask(app, path, "OPTIONS", origin, Access_Control_Request_Method=method, **options)
