"""
Real gateways with an exported policy in front of one backend, compared with the guard in front of the same backend.

A gateway is a process of its own. Its answers are compared with those of the guard: the status, every
`Access-Control-*` line, `Vary` as a list, whether the application ran, and the body if it did not run.
"""

import os
import secrets
import shutil
import socket
import sys
import threading
from contextlib import contextmanager, suppress
from itertools import product
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import NamedTuple
from urllib.parse import unquote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from corsguard import CORSMiddleware
from corsguard.gateways import Source, export
from corsguard.negotiation import is_owned, merge_vary
from kit.serving import Server, missing, running, wait_for
from kit.tenants import ORIGINS as TENANT_ORIGINS
from kit.tenants import TENANT_OF

APP = "https://app.example.com"
EVIL = "https://evil.example"
POLICIES = {
    "/": None,
    "/api": {
        "allow_origins": [
            APP,
            "http://[::1]:3000",
            "capacitor://localhost",
            "https://*.example.org",
            "https://pr-*.preview.example.net",
            "http://localhost:*",
            "https://*.ports.example:*",
        ],
        "allow_credentials": True,
        "allow_methods": ["GET", "PUT", "x!#$&'+.^_`|~%"],
        "allow_headers": ["Content-Type", "X-!#$&'+.^_`|~%"],
        "expose_headers": ["X-Total", "X-%"],
        "max_age": 600,
    },
    "/api/internal": None,
    "/open": {"allow_origins": "*", "allow_headers": ["*", "Authorization"], "preflight_status": 200, "max_age": None},
    "/open/old": "unguarded",
    "/caf\u00e9 +1": {"allow_origins": [APP]},
    "/timed": {"allow_origins": [APP], "share_timing": True},
    "/timed/open": {"allow_origins": "*", "share_timing": True},
    "/timed/closed": None,
}
ORIGINS = (
    None,
    APP,
    "http://[::1]:3000",
    "capacitor://localhost",
    "https://a.example.org",
    "https://a.b-c.d_e.example.org",
    "https://pr-1.preview.example.net",
    "http://localhost",
    "http://localhost:3000",
    "http://localhost:65535",
    "https://x.ports.example:8443",
    # None of these may be granted.
    EVIL,
    "null",
    "HTTPS://app.example.com",
    "https://APP.example.com",
    "https://A.example.org",
    "https://a.EXAMPLE.org",
    "https://app.example.com.",
    "https://app.example.com:443",
    "https://app.example.com.evil.example",
    "https://appxexample.com",
    "https://example.org",
    "https://.example.org",
    "https://a..example.org",
    "https://a.example.org.evil.example",
    "https://evilexample.org",
    f"https://{'a' * 64}.example.org",
    f"https://{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 63}.example.org",
    "https://pr-.preview.example.net",
    "https://pr-1.x.preview.example.net",
    f"https://pr-{'1' * 61}.preview.example.net",
    "http://localhost:80",
    "http://localhost:0",
    "http://localhost:080",
    "http://localhost:65536",
    "https://x.ports.example:443",
    "https://app.example.com, https://evil.example",
    "https://app.example.com ",
    "https://app.example.com/",
    f"https://{'a' * 4000}.example.org",
)
KINDS = {
    "GET": ("GET", ()),
    "PUT": ("PUT", ("Content-Length: 0",)),
    "preflight": ("OPTIONS", ("Access-Control-Request-Method: PUT",)),
    "OPTIONS": ("OPTIONS", ()),
    # A preflight has both the method and the header.
    "GET like a preflight": ("GET", ("Access-Control-Request-Method: PUT",)),
    # Not every gateway knows it.
    "PROPFIND": ("PROPFIND", ()),
}
PATHS = (
    "/",
    "/api",
    "/api/",
    "/api/x",
    "/api/x?y=/open",
    "/api?y=/../",
    "/apiary",
    "/API/x",
    "/other",
    "/api/internal",
    "/api/internal/x",
    "/api/internals",
    "/open",
    "/open/x",
    "/open/old",
    "/open/old/x",
    "/caf%C3%A9%20+1/x",
    "/caf%c3%a9%20%2B1",
    "/timed",
    "/timed/open/x",
    "/timed/closed",
)
# Spellings that a server may read in several ways. No browser can send dot segments.
SPELLINGS = (
    "/%61pi/x",
    "/api%2Fx",
    "/api%2finternal/x",
    "/api/%69nternal/x",
    "//api/x",
    "/api//x",
    "/api//internal/x",
    "//open/x",
    "/open//x",
    "/other//x",
    "/api/a%20b",
    "/api/a%5Cb",
    "/api%5Cinternal",
    "/api/%2561",
    "/api/%2569nternal/x",
    "/api/x;y",
    "/api/x%3Fy",
    "/api/x%0A",
    "/api%0A",
    "/api/%ff",
    # Engines for expressions give up on these.
    f"{'/' * 6000}api/internal/x",
    f"/open{'/%2F' * 1500}old/x",
)
DOTS = ("/api/./x", "/api/../open/x", "/open/../api/x", "/api/x/..", "/api/%2e%2e/open/x", "/api/x%2F..%2Finternal")
# The backend's answer, by the value of a header.
STATUSES = ("200 OK", "204 No Content", "304 Not Modified", "404 Not Found", "500 Internal Server Error")
THEIRS = (
    (),
    (
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Timing-Allow-Origin", "https://theirs.example"),
    ),
    (("Vary", "Accept-Encoding"),),
    (("Vary", "Cookie, ORIGIN"),),
    (("Vary", "Cookie"), ("Vary", "Accept-Encoding")),
    (("Vary", "*"),),
)


# The key that each value of `Host` means. No request has a longer one than the longest here.
HOSTS = [host for host in TENANT_OF if len(host) < 4000]


class Asked(NamedTuple):
    """
    One request, and the answer that the backend shall give.
    """

    kind: str
    path: str
    origins: tuple[str, ...]
    status: str = STATUSES[0]
    theirs: int = 0
    host: str = "localhost"

    def lines(self):
        method, lines = KINDS[self.kind]
        origins = [f"Origin: {origin}" for origin in self.origins]
        return method, (*lines, *origins, f"X-Answer: {self.theirs} {self.status}")


class Answered(NamedTuple):
    """
    The compared parts. *of_cors* has Timing-Allow-Origin too.
    """

    status: int
    of_cors: tuple[tuple[str, str], ...]
    vary: tuple[str, ...]
    ran: bool
    body: bytes


def backend(environ, start_response):
    """
    An application that gives the requested answer, and knows nothing about policies.
    """
    number, _, status = environ.get("HTTP_X_ANSWER", "0 200 OK").partition(" ")
    headers = [("X-Ran", "yes"), *THEIRS[int(number)]]
    has_body = not status.startswith(("204", "304"))
    body = b"application\n" if has_body else b""
    if has_body:
        headers += [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
    start_response(status, headers)
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def _heard(status, headers, body):
    lowered = [(name.lower(), value) for name, value in headers]
    ran = ("x-ran", "yes") in lowered
    vary = merge_vary(*(value for name, value in lowered if name == "vary")).lower()
    of_cors = tuple(sorted(pair for pair in lowered if is_owned(pair[0], shares_timing=True)))
    return Answered(status, of_cors, tuple(sorted(filter(None, vary.split(", ")))), ran, b"" if ran else body)


class Guarded:
    """
    The guard around *application*, under *policies*.
    """

    def __init__(self, policies, application=backend):
        self._guarded = CORSMiddleware(application, policies)

    def answer(self, asked):
        method, lines = asked.lines()
        path, _, query = asked.path.partition("?")
        environ = {"REQUEST_METHOD": method, "PATH_INFO": unquote(path, "latin-1"), "QUERY_STRING": query}
        environ["HTTP_HOST"] = asked.host
        for line in lines:
            name, _, value = line.partition(":")
            key, value = f"HTTP_{name.upper().replace('-', '_')}", value.strip()
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        heard = []

        def start_response(status, headers, exc_info=None):
            heard.append((status, headers))

        body = b"".join(self._guarded(environ, start_response))
        (status, headers), *_ = heard
        return _heard(int(status.split()[0]), headers, body)


def of_gateway(gateway, asked):
    """
    Return the answer of *gateway*.
    """
    method, lines = asked.lines()
    reply = gateway.exchange(method, asked.path, *(line.encode("latin-1") for line in lines), host=asked.host)
    body = reply.body
    if ("transfer-encoding", "chunked") in {(name.lower(), value.lower()) for name, value in reply.headers}:
        body = _unchunked(body)
    return _heard(reply.status, reply.headers, body)


def _unchunked(body):
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size or b"0", 16)
        whole, body = whole + rest[:length], rest[length + 2 :] if length else b""
    return whole


def requests(*, long):
    """
    Yield the requests of the comparison. The *long* form has more combinations.
    """
    for origin, kind in product(ORIGINS, KINDS):
        yield Asked(kind, "/api/x", () if origin is None else (origin,))
    yield Asked("GET", "/api/x", (APP, EVIL))
    yield Asked("preflight", "/api/x", (APP, APP))
    some = (None, APP, EVIL)
    for path, origin, kind in product((*PATHS, *SPELLINGS), some, KINDS if long else ("GET", "preflight")):
        yield Asked(kind, path, () if origin is None else (origin,))
    for status, theirs, origin in product(STATUSES, range(len(THEIRS)), some if long else some[1:]):
        for path in ("/api/x", "/open/x", "/open/old/x", "/other") if long else ("/api/x", "/open/old/x"):
            yield Asked("GET", path, () if origin is None else (origin,), status, theirs)
    for path, origin, kind in product(("/timed", "/timed/open", "/timed/closed"), some, ("GET", "preflight")):
        yield Asked(kind, path, () if origin is None else (origin,), theirs=1)
    yield from _requests_by_host(long=long)
    if long:
        for path, origin, kind in product(("/open/x", "/api/", "/caf%C3%A9%20+1/x"), ORIGINS, KINDS):
            yield Asked(kind, path, () if origin is None else (origin,))


def _requests_by_host(*, long):
    for host, kind in product((*HOSTS, "own.example", "closed.example"), KINDS if long else ("GET", "preflight")):
        for origin in set(TENANT_ORIGINS.values()) if long else (TENANT_ORIGINS[TENANT_OF.get(host) or "globex"],):
            yield Asked(kind, "/x", (origin,), theirs=1, host=host)
    for path, kind in product((*PATHS, *SPELLINGS) if long else PATHS, ("GET", "preflight")):
        yield Asked(kind, path, (APP,), theirs=1, host="paths.example")


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


class _Backend(ThreadingMixIn, WSGIServer):
    daemon_threads = True


@contextmanager
def served(application=backend):
    """
    Serve *application* on loopback, and yield its port.
    """
    server = _Backend(("127.0.0.1", 0), _Quiet)
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port():
    """
    Return a port on which nobody listens. The system does not give it to anybody else: that begins at 32768.
    """
    while True:
        with suppress(OSError), socket.create_server(("127.0.0.1", 10_000 + secrets.randbelow(22_000))) as there:
            return there.getsockname()[1]


_NGINX = """
daemon off;
user root;
pid nginx.pid;
error_log stderr;
{modules}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path temporary; proxy_temp_path temporary; fastcgi_temp_path temporary;
    uwsgi_temp_path temporary; scgi_temp_path temporary;
    {http}
}}
"""


def nginx_configuration(http, modules=""):
    """
    Return the configuration of an nginx in a folder of its own, with *http* in the http block.
    """
    return _NGINX.format(http=http, modules=modules)


def program(name, package):
    """
    Return the path of Debian's program *name*. Some are in folders that only root's PATH has.
    """
    # A wheel may have installed one with the same name.
    found = shutil.which(name, path=f"/usr/sbin:/usr/bin:{os.environ.get('PATH', '')}")
    return found or missing(f"{name} is not installed (Debian: apt-get install {package})")


def in_wheel(name, package):
    """
    Return the path of the program *name*, which the wheel *package* installs next to Python.
    """
    found = Path(sys.executable).with_name(name)
    return str(found) if found.exists() else missing(f"{package} is not installed: pip install -e '.[gateways]'")


@contextmanager
def begun(port, *command, **environment):
    """
    Run the gateway *command*, and yield the Server once it listens on *port*.
    """
    with running(*command, **environment) as process:
        wait_for(port)
        yield Server(port, process)


def written(directory, target, policies, **source):
    """
    Write the files of *target* into a folder of *directory*, and return the folder.
    """
    folder = Path(directory) / "corsguard"
    folder.mkdir()
    for name, text in export(target, policies, Source(**source)).items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder
