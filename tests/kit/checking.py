"""
What the tests of `corsguard check` share with those of the diagnosis: a server with given answers, and the command.
"""

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from click.testing import CliRunner

from corsguard.cli.group import group

PAGE = "https://app.example.com"
API = "https://api.example.com/items"


def run(*arguments):
    result = CliRunner().invoke(group, ["check", *map(str, arguments)], prog_name="corsguard")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def data(*arguments):
    result = run(*arguments, "--json")
    return json.loads(result.stdout), result.exit_code


@pytest.fixture
def serve(monkeypatch):
    """
    Return a function that makes a WSGI application the target `served:app`.
    """

    def served(app):
        holder = type(sys)("served")
        holder.app = app
        monkeypatch.setitem(sys.modules, "served", holder)
        return "served:app"

    return served


class Server:
    """
    An application with given answers that records its requests.

    *preflight* and *response* are a status and header lines. *by_path* are responses for other paths.
    """

    def __init__(self, preflight=(204, ()), response=(200, ()), by_path=None):
        self.preflight, self.response, self.by_path = preflight, response, by_path or {}
        self.seen = []

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.seen.append(f"{method} {path}")
        status, lines = self.preflight if method == "OPTIONS" else self.by_path.get(path, self.response)
        start_response(f"{status} Status", [*lines])
        return [] if method == "HEAD" or status == 204 else [b"{}"]


def allow(origin=PAGE, **more):
    lines = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
    return [*lines, *((f"Access-Control-Allow-{name.title()}", value) for name, value in more.items())]


PUT = ["--page", PAGE, "--method", "PUT"]
TOKEN = ["--header", "X-Token: hidden-away"]


# Next to CORS.


def by_origin(allowed, varies=(), lines=()):
    """
    Return an application that shares with the origins in *allowed*, and sends `Vary: Origin` to those in *varies*. ""
    means no Origin.
    """

    def app(environ, start_response):
        origin = environ.get("HTTP_ORIGIN", "")
        shared = [("Access-Control-Allow-Origin", allowed(origin))] if allowed(origin) else []
        start_response("200 OK", [*shared, *([("Vary", "Accept, Origin")] if origin in varies else []), *lines])
        return []

    return app


# A process of its own.


def in_process(*arguments, cwd=None, **variables):
    """
    Run the command in a process of its own, because the settings of Django belong to a process.
    """
    command = [sys.executable, "-m", "corsguard", *arguments]
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        command, cwd=cwd, env={**kept, **variables}, capture_output=True, text=True, check=False, timeout=120
    )


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def served_http(app, context=None):
    """
    Serve *app* on loopback, and yield the port.
    """
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
