"""
One listening socket for all samples in Python. The Host header says which one is asked, over HTTP or TLS.

Nothing here knows CORS.
"""

import io
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer
from wsgiref.types import WSGIApplication

_HELLO = b"\x16"  # the first octet of TLS (RFC 8446, 5.1)
PAGE = b"<!doctype html><link rel=icon href='data:,'><title>laboratory</title><body>"


class Raw(NamedTuple):
    """
    An answer byte for byte. *write* gets the handler, which has read the head of a request.
    """

    write: Callable[[WSGIRequestHandler], None]


class _ServerHandler(ServerHandler):
    def cleanup_headers(self):
        super().cleanup_headers()
        # wsgiref sends the body after a HEAD too, and without a length only the end of the connection ends a body.
        has_end = "Content-Length" in self.headers and self.status[:3] not in {"204", "304"}
        if has_end and self.environ["REQUEST_METHOD"] != "HEAD":
            self.http_version = "1.1"
        else:
            self.request_handler.close_connection = True

    def log_exception(self, exc_info):
        # Samples raise on purpose. What was sent until then may be a part of the answer.
        self.request_handler.close_connection = True


class _Handler(WSGIRequestHandler):
    """
    Keeps connections open. Otherwise each of the hundreds of requests of an audit would need its own, with its own TLS.
    """

    protocol_version = "HTTP/1.1"
    # Many small messages.
    disable_nagle_algorithm = True

    def handle(self):
        self.close_connection = False
        while not self.close_connection:
            self._answer_one()

    def _answer_one(self):
        self.raw_requestline = self.rfile.readline(65537)
        # A browser may open a connection and send no request.
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        # Unread bytes at the end of the connection would destroy the response.
        body = io.BytesIO(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        app = self.server.apps.get(self.headers.get("Host", ""), self.server.page)
        if isinstance(app, Raw):
            app.write(self)
            self.close_connection = True
            return
        handler = _ServerHandler(body, self.wfile, io.StringIO(), self.get_environ(), multithread=True)
        handler.request_handler = self
        handler.run(app)

    def get_environ(self):
        environ = super().get_environ()
        if isinstance(self.connection, ssl.SSLSocket):
            environ["HTTPS"] = "on"
        return environ

    def log_message(self, *_):
        pass


class HostServer(socketserver.ThreadingMixIn, WSGIServer):
    """
    Serves *apps* on the socket *listening*, by host. All other hosts get an empty page. *tls* is for clients that begin
    with a TLS hello.
    """

    daemon_threads = True

    def __init__(self, apps: Mapping[str, WSGIApplication | Raw], tls: ssl.SSLContext, listening: socket.socket):
        super().__init__(listening.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.apps = apps
        self.page = page
        self.tls = tls
        # Otherwise HTTPServer looks up a name.
        self.server_name, self.server_port = self.server_address
        self.setup_environ()

    def finish_request(self, request, client_address):
        with suppress(OSError):
            if request.recv(1, socket.MSG_PEEK) != _HELLO:
                super().finish_request(request, client_address)
                return
            with self.tls.wrap_socket(request, server_side=True) as secured:
                super().finish_request(secured, client_address)


def page(environ, start_response):
    """
    The document of any page, because a request needs a page that sends it.
    """
    start_response("200 OK", [("Content-Type", "text/html")])
    return [PAGE]


def listener() -> socket.socket:
    """
    Return a socket that already listens. A client that connects early is answered late.
    """
    return socket.create_server(("127.0.0.1", 0), backlog=128)


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[str]:
    """
    Run *server* in a thread, yield its address, and end it.
    """
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    with server:
        thread.start()
        try:
            host, port = server.server_address
            yield f"{host}:{port}"
        finally:
            server.shutdown()
            thread.join()
