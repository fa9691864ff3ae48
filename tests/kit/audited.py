"""
Servers with a mistake or with none, for the tests of the audit, and the findings of an audit there.
"""

import itertools
import socketserver
import threading
import time
from contextlib import contextmanager, suppress
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from click.testing import CliRunner

from corsguard.audit import audit
from corsguard.cli.audit import audit as command

APP = "https://app.example.com"
HOST = "api.example.com"
URL = f"http://{HOST}/items"
FAST = ["--rate", "10000"]

ALLOW = "Access-Control-Allow-Origin"
CREDENTIALS = ("Access-Control-Allow-Credentials", "true")
VARY = ("Vary", "Origin")


class Handler(WSGIRequestHandler):
    """
    Logs nothing, and keeps connections open. Otherwise two thousand of them would wait for their end.
    """

    protocol_version = "HTTP/1.1"
    # Many small messages.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def handle(self):
        # As wsgiref does, again and again.
        self.close_connection = False
        while not self.close_connection:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                return
            handler = ServerHandler(self.rfile, self.wfile, self.get_stderr(), self.get_environ(), multithread=True)
            handler.http_version, handler.request_handler = "1.1", self
            handler.run(self.server.get_app())


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False


class Served:
    """
    An application, its requests *asked* as (method, path, query, headers), and the *address* where it is served.
    """

    def __init__(self, app):
        self.asked = []
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, environ, start_response):
        names = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
        with self._lock:
            self.asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], names))
        return self._app(environ, start_response)


@contextmanager
def served(app, context=None):
    """
    Serve *app* on loopback, over TLS with a *context*.
    """
    one = Served(app)
    with Server(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        server.set_app(one)
        one.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield one
        finally:
            server.shutdown()
            thread.join()


def answering(lines, *, status="200 OK", body=b'{"items": []}', kind="application/json"):
    """
    Return an application that answers a request with the header lines that *lines* returns, and a preflight without a
    body.
    """

    def app(environ, start_response):
        is_bare = environ["REQUEST_METHOD"] in {"OPTIONS", "HEAD"}
        content = b"" if is_bare else body
        head = [("Content-Type", kind), ("Content-Length", str(len(content)))]
        start_response(status, [*head, *lines(environ)])
        return [content]

    return app


def origin_of(environ):
    return environ.get("HTTP_ORIGIN", "")


def listing(*origins):
    """
    Return an application that compares the origin with *origins* correctly.
    """

    def lines(environ):
        origin = origin_of(environ)
        return [VARY, *([(ALLOW, origin), CREDENTIALS] if origin in origins else [])]

    return answering(lines)


def run(app, *options, url=URL, origin=APP):
    """
    Serve *app*. Return what the command prints about it, and the Served that recorded the requests.
    """
    with served(app) as one:
        arguments = [url, *FAST, "--connect-to", one.address, *(["--origin", origin] if origin else []), *options]
        return CliRunner().invoke(command, arguments, catch_exceptions=False), one


def audited(app, *, url=URL, origin=APP, **options):
    """
    Return the report on *app*, asked in this process.
    """
    return audit(url, app=app, trusted=[origin] if origin else [], **options)


def found(app, **about):
    """
    Return the findings of the audit of *app* as data, by id.
    """
    return {finding["id"]: finding for finding in audited(app, **about).data()["findings"]}


def faults(app, **about):
    """
    Return the ids of the findings above information.
    """
    return {finding.rule.id for finding in audited(app, **about).faults}


def everybody(environ):
    return [VARY, *([(ALLOW, origin_of(environ)), CREDENTIALS] if origin_of(environ) else [])]


def busy(status, is_busy):
    """
    Return an application that compares correctly, but answers *status* if *is_busy* is true for the number of the
    request.
    """
    numbers = itertools.count()

    def app(environ, start_response):
        sound = listing(APP) if not is_busy(next(numbers)) else answering(lambda _: [], status=status)
        return sound(environ, start_response)

    return app


def lines_for(*origins, more=()):
    return lambda environ: [
        VARY,
        *more,
        *([(ALLOW, origin_of(environ)), CREDENTIALS] if origin_of(environ) in origins else []),
    ]


def served_raw(serve):
    """
    Return a server on loopback that gives each connection to *serve* after its request.
    """

    class Raw(socketserver.BaseRequestHandler):
        def handle(self):
            with suppress(OSError):
                self.request.recv(65536)
                serve(self.request)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Raw)
    server.daemon_threads, server.block_on_close = True, False
    return server


def without_end(first, again):
    def serve(connection):
        connection.sendall(first)
        while True:
            connection.sendall(again)
            time.sleep(0.01)

    return serve
