"""
Odd paths, late sources and slow loads behind real servers and a real cache: what is granted belongs to what is served.

The sites are in `kit/odd_path_apps.py`. Each spelling of a path is sent byte by byte: first the preflight, then the
request that a browser would send next. Nothing that a view without a policy serves may have been granted.
"""

import asyncio
import concurrent.futures
import itertools
import os
import re
import shutil
import socket
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from kit.odd_path_sites import PARTNER, installed, sites
from kit.serving import Reply, Server, missing, running

import corsguard
from corsguard import CORSMiddleware, Policy, RememberedOrigins

pytestmark = pytest.mark.server

MANUAL = Path(corsguard.__file__).parent / "manual" / "reliability.md"
PATIENCE = 30

OTHER = "https://other.example"
ASKS = "Access-Control-Request-Method: DELETE"

WSGI_SERVERS = ["cheroot", "gunicorn", "uwsgi", "waitress", "werkzeug", "wsgiref"]

# Spellings of what "/admin/users/1" or a path near it may be to somebody.
SPELLINGS = """
    /admin/users/1
    /admin//users/1
    /admin/./users/1
    /admin/x/../users/1
    /admin/../users/1
    /admin/%2e%2e/users/1
    /admin%2fusers/1
    /admin%2Fusers%2F1
    /admin\\users\\1
    /admin%5cusers/1
    /admin%20/users/1
    /admin%00/users/1
    /admin%3bx/users/1
    /admin;x/users/1
    /%61dmin/users/1
    /adm%69n/users/1
    /%61%64%6D%69%6e/users/1
    /%61dmin/users/%31?%61dmin
    /%61dmin%2fusers%2f1
    //admin/users/1
    ///admin/users/1
    //x/admin/users/1
    /%2fadmin/users/1
    /%2Fadmin/users/1
    /./admin/users/1
    /.//admin/users/1
    /%2e/admin/users/1
    /../admin/users/1
    /.%2e/admin/users/1
    /%2e%2e/admin/users/1
    /x/../admin/users/1
    /x/..//admin/users/1
    /x//../admin/users/1
    /x/y/../../admin/users/1
    /x/.%2E/admin/users/1
    /x/%2e%2e/admin/users/1
    /x/..%2fadmin/users/1
    /x%2f..%2fadmin/users/1
    /x%2f%2e%2e%2f%61dmin%2fusers%2f1
    /x/..;/admin/users/1
    /\\admin/users/1
    /%5cadmin/users/1
    /x\\..\\admin\\users\\1
    /x%5c..%5cadmin/users/1
    /%2561dmin/users/1
    /%252fadmin/users/1
    /x/%252e%252e/admin/users/1
    /%255cadmin/users/1
    /%252561dmin/users/1
    /%c0%afadmin/users/1
    /%ef%bd%81dmin/users/1
    /%e2%88%95admin/users/1
    /x%0d%0a/admin/users/1
    /%61dmin%
    /%6/admin/users/1
    /%zz/../admin/users/1
    \\admin/users/1
    %61dmin/users/1
    http://localhost/admin/users/1
    http://localhost/%61dmin/users/1
    http://localhost//admin/users/1
    *
""".split()
# However these are read, they lead to what is shared.
SHARED = """
    /users/1
    /users/1/
    /users//1
    /x/../users/1
    /a%20b/users/1
    /100%25/users/1
    /caf%C3%A9/%75sers/1
    /administrators/1
    /x/admin/users/1
""".split()


def headers_of(reply):
    return {name.lower(): value for name, value in reply.headers}


def is_granted(reply, origin=PARTNER):
    return headers_of(reply).get("access-control-allow-origin") in {origin, "*"}


def varies(reply):
    names = [value for name, value in reply.cors() if name == "vary"]
    return "Origin" in ", ".join(names).split(", ")


def view_of(reply):
    return headers_of(reply).get("x-view", "")


class Seen(NamedTuple):
    """
    The answers to a preflight, to the request that a browser sends next, and to one without an origin.
    """

    preflight: Reply
    deleted: Reply
    got: Reply

    @classmethod
    def at(cls, server, site, path, origin=PARTNER):
        lines = (f"X-Site: {site}", f"Origin: {origin}")
        return cls(
            server.exchange("OPTIONS", path, *lines, ASKS),
            server.exchange("DELETE", path, *lines),
            server.exchange("GET", path, lines[0]),
        )

    def reached(self):
        return [reply for reply in self if "x-reached" in headers_of(reply)]


@pytest.fixture(scope="module", params=[*WSGI_SERVERS, "uvicorn"])
def server(request):
    """
    Return a running server, and which of the sites it serves.
    """
    is_asgi = request.param == "uvicorn"
    application = "kit.odd_path_apps:asgi" if is_asgi else "kit.odd_path_apps:application"
    with sites(request.param, application=application) as server:
        server.name = request.param
        yield server, ["django"] if is_asgi else ["wsgi", "flask", "django"]


# Fault 1: what was judged is what is served.


def asked_at(server, names, paths, origin=PARTNER):
    """
    Return what is Seen by site and path. Some are asked at once, because Werkzeug takes its time to close.
    """
    pairs = [*itertools.product(names, paths)]
    with concurrent.futures.ThreadPoolExecutor(4) as askers:
        return dict(zip(pairs, askers.map(lambda pair: Seen.at(server, *pair, origin), pairs), strict=True))


def wrongs(server, name, path, seen, bare):
    """
    Yield what is wrong with what was *seen*, where the *bare* site answers as it does.
    """
    if (seen.deleted.status, view_of(seen.deleted)) != (bare.deleted.status, view_of(bare.deleted)):
        yield "another answer than without a guard"
    if any(reply.status >= 500 for reply in seen):
        yield "an error"
    views = view_of(seen.deleted).split()
    if "admin" in views:
        if any(map(is_granted, seen)):
            yield "a grant of what another view serves"
    # Read with its slash, as a path without one is, it is closed; and what is closed everywhere does not vary.
    elif path.startswith("/"):
        judged = [reply for reply in seen.reached() if is_granted(reply) or reply is not seen.preflight]
        if not all(map(varies, judged)):
            yield "an answer without Vary"


def test_nothing_is_granted_that_another_view_serves(server):
    server, names = server
    asked = asked_at(server, names, [*SPELLINGS, *SHARED])
    bare = asked_at(server, [f"{name}-bare" for name in names], [*SPELLINGS, *SHARED])
    wrong = [
        (name, path, what, seen)
        for (name, path), seen in asked.items()
        for what in wrongs(server, name, path, seen, bare[f"{name}-bare", path])
    ]
    assert wrong == []
    # They are no refusals of the server, and most of them reach what is closed.
    assert sum(len(seen.reached()) == 3 for seen in asked.values()) > 40 * len(names)
    assert sum("admin" in view_of(seen.deleted) for seen in asked.values()) > 4 * len(names)


def test_a_stranger_is_granted_nothing(server):
    """
    A stranger is granted nothing, however the path is spelt.
    """
    asked = asked_at(*server, [*SPELLINGS, *SHARED][::3], OTHER)
    assert [pair for pair, seen in asked.items() if any(is_granted(reply, OTHER) for reply in seen)] == []


def test_one_policy_in_all_readings_keeps_its_grant(server):
    """
    A path that has one policy in all its readings keeps its grant.
    """
    asked = asked_at(*server, SHARED)
    assert [pair for pair, seen in asked.items() if not all(map(is_granted, seen[:2]))] == []


def test_one_policy_for_all_keeps_every_grant(server):
    """
    One policy for the whole site keeps every grant.
    """
    server, names = server
    asked = asked_at(server, [f"{name}-whole" for name in names], SPELLINGS)
    # What the server answers itself is not ours; and what has no origin is not granted.
    assert [
        pair
        for pair, seen in asked.items()
        if not all(is_granted(reply) for reply in seen.reached() if reply is not seen.got)
    ] == []


@pytest.fixture(scope="module")
def cheroot():
    with sites("cheroot") as server:
        yield server


@pytest.mark.parametrize("name", ["wsgi", "flask", "django"])
def test_cheroot_decodes_no_path_of_a_preflight(cheroot, name):
    """
    Cheroot decodes for the request and not for its preflight.
    """
    seen = Seen.at(cheroot, name, "/%61dmin/users/1")
    assert "admin" in view_of(seen.deleted)
    assert not is_granted(seen.preflight)
    assert varies(seen.preflight)
    assert is_granted(Seen.at(cheroot, name, "/a%20b/users/1").preflight)


# Fault 5: a cache whose key is the normalized path.

CACHE = """
daemon off;
user root;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path temporary; proxy_temp_path temporary; fastcgi_temp_path temporary;
    uwsgi_temp_path temporary; scgi_temp_path temporary;
    proxy_cache_path cached keys_zone=kept:1m;
    proxy_cache kept;
    proxy_cache_valid 200 1h;
    add_header X-Cache $upstream_cache_status always;
    {servers}
}}
"""
# By what they are here to show. The manual has them too.
KEYS = {
    "normalized": "proxy_cache_key $uri;",
    "as sent": "proxy_cache_key $request_uri;",
    "normalized, forwarded so": "proxy_cache_key $uri; rewrite ^ $uri break;",
    "without Vary": "proxy_cache_key $request_uri; proxy_ignore_headers Vary;",
    "Vary hidden": "proxy_cache_key $request_uri; proxy_hide_header Vary;",
}
# What nginx takes for "/list/NUMBER" in its key, and passes on as it came.
ODD = ["//{}/{}", "/x/../{}/{}", "/./{}/{}", "/x//../{}/{}", "/%2e/{}/{}", "/{}//{}", "/{}/./{}", "/{}/x/../{}"]


@contextmanager
def cached(directory, port):
    """
    Run nginx in *directory* before the server at *port*, and yield by their names what has each of KEYS.
    """
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or missing(
        "nginx is not installed (Debian: apt-get install nginx-light)"
    )
    with ExitStack() as stack:
        listening = {name: stack.enter_context(socket.create_server(("127.0.0.1", 0))) for name in KEYS}
        servers = ""
        for name, key in KEYS.items():
            listening[name].set_inheritable(True)
            ours = listening[name].getsockname()[1]
            servers += (
                f"server {{ listen 127.0.0.1:{ours}; location / {{ {key} proxy_pass http://127.0.0.1:{port}; }} }}\n"
            )
        (directory / "nginx.conf").write_text(CACHE.format(servers=servers))
        # How a running nginx hands its sockets to the next.
        sockets = "".join(f"{socket.fileno()};" for socket in listening.values())
        command = [program, "-p", str(directory), "-e", "error.log", "-c", "nginx.conf"]
        process = stack.enter_context(running(*command, NGINX=sockets))
        ports = {name: socket.getsockname()[1] for name, socket in listening.items()}
        for socket_of_ours in listening.values():
            # From now on nobody but nginx listens.
            socket_of_ours.close()
        yield {name: Server(port, process) for name, port in ports.items()}


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    with sites("gunicorn") as server, cached(tmp_path_factory.mktemp("nginx"), server.port) as caches:
        yield caches


numbers = itertools.count()


def asked_of(cache, site, path, origin):
    lines = [] if origin is None else [f"Origin: {origin}"]
    reply = cache.exchange("GET", path, f"X-Site: {site}", *lines)
    assert reply.status == 200
    return reply


def hit(reply):
    return headers_of(reply)["x-cache"] == "HIT"


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("odd_is_first", [True, False], ids=["odd first", "plain first"])
@pytest.mark.parametrize(
    "case",
    [("wsgi", "admin", False), ("wsgi-list", "list", True), ("wsgi-everyone", "list", True), ("wsgi-whole", "x", True)],
)
def test_a_cache_of_normalized_paths_grants_nothing(caches, case, odd_is_first, odd):
    """
    A cache of normalized paths serves nothing that was not granted.
    """
    cache, (site, folder, shares) = caches["normalized"], case
    number = next(numbers)
    plain, odd = f"/{folder}/{number}", odd.format(folder, number)
    origins = (PARTNER, OTHER, None)
    first, then = (odd, plain) if odd_is_first else (plain, odd)
    asked_of(cache, site, first, PARTNER)
    replies = {origin: asked_of(cache, site, then, origin) for origin in origins}
    assert hit(replies[PARTNER])
    again = {origin: asked_of(cache, site, plain, origin) for origin in origins}
    assert all(map(hit, again.values()))
    for reply in (*replies.values(), *again.values()):
        assert "*" not in headers_of(reply).get("access-control-allow-origin", "")
        assert varies(reply) or not shares
    for seen in (replies, again):
        assert not is_granted(seen[OTHER], OTHER)
        assert "access-control-allow-origin" not in headers_of(seen[OTHER]) | headers_of(seen[None])
        assert not is_granted(seen[PARTNER]) or shares


@pytest.mark.parametrize("odd", ODD)
def test_one_policy_for_all_cannot_be_poisoned(caches, odd):
    """
    One policy for the whole site cannot be poisoned.
    """
    number = next(numbers)
    for origin in (PARTNER, OTHER, None):
        asked_of(caches["normalized"], "wsgi-whole", odd.format("list", number), origin)
    reply = asked_of(caches["normalized"], "wsgi-whole", f"/list/{number}", PARTNER)
    assert hit(reply)
    assert is_granted(reply)


# What is left to the cache, as the manual says.


def test_a_cache_may_keep_a_grant_from_the_partner(caches):
    """
    A cache of normalized paths may keep a grant from the partner.
    """
    number = next(numbers)
    assert not is_granted(asked_of(caches["normalized"], "wsgi-list", f"//list/{number}", PARTNER))
    poisoned = asked_of(caches["normalized"], "wsgi-list", f"/list/{number}", PARTNER)
    assert hit(poisoned)
    assert not is_granted(poisoned)


@pytest.mark.parametrize("name", ["as sent", "normalized, forwarded so"])
@pytest.mark.parametrize("odd", ODD)
def test_a_cache_keyed_by_what_it_forwards(caches, odd, name):
    """
    A cache whose key is what it forwards cannot be poisoned.
    """
    number = next(numbers)
    for origin in (PARTNER, OTHER, None):
        asked_of(caches[name], "wsgi-list", odd.format("list", number), origin)
    for origin in (PARTNER, OTHER, None):
        reply = asked_of(caches[name], "wsgi-list", f"/list/{number}", origin)
        assert headers_of(reply).get("access-control-allow-origin") == (PARTNER if origin == PARTNER else None)
        assert varies(reply)


def test_a_cache_that_ignores_vary(caches):
    """
    A cache that ignores `Vary` serves everyone what the first was granted.
    """
    number = next(numbers)
    replies = [asked_of(caches["without Vary"], "wsgi-list", f"/list/{number}", x) for x in (PARTNER, OTHER, None)]
    assert [headers_of(reply)["access-control-allow-origin"] for reply in replies] == [PARTNER] * 3
    number = next(numbers)
    replies = [asked_of(caches["without Vary"], "wsgi-list", f"/list/{number}", x) for x in (OTHER, PARTNER)]
    assert not any(map(is_granted, replies))


def test_a_cache_that_hides_vary(caches):
    """
    A cache that hides `Vary` obeys it and leaves those behind it without.
    """
    number = next(numbers)
    for _ in range(2):
        replies = [asked_of(caches["Vary hidden"], "wsgi-list", f"/list/{number}", x) for x in (PARTNER, OTHER, None)]
        assert [headers_of(reply).get("access-control-allow-origin") for reply in replies] == [PARTNER, None, None]
        assert not any(map(varies, replies))
    assert all(map(hit, replies))


def test_the_manual_shows_the_settings_that_were_tried():
    text = MANUAL.read_text("utf-8")
    for settings in KEYS.values():
        for setting in re.findall(r"[^;]+;", settings):
            assert setting.strip() in text


# Fault 6: what is not an Exception.


@pytest.mark.parametrize("name", ["late", "late-remembered"])
def test_a_source_that_is_late_under_gevent_says_no(name):
    installed("gevent")
    with sites("gunicorn", "--worker-class=gevent") as server:
        for number in range(1, 3):
            got = server.exchange("GET", "/", f"X-Site: {name}", f"Origin: {PARTNER}")
            preflight = server.exchange("OPTIONS", "/", f"X-Site: {name}", f"Origin: {PARTNER}", ASKS)
            assert (got.status, preflight.status) == (200, 403)
            assert not is_granted(got)
            assert not is_granted(preflight)
            assert varies(got)
            assert varies(preflight)
            assert headers_of(preflight)["x-events"].split() == ["source"] * 2 * number
        assert "The origin source failed" in server.lines_until("The origin source failed")[-1]


class Scripted:
    """
    A source that raises *error*.
    """

    def __init__(self, error):
        self.error = error

    def __contains__(self, origin):
        raise self.error


@pytest.mark.parametrize("is_remembered", [False, True], ids=["asked", "remembered"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(), GeneratorExit(), asyncio.CancelledError()], ids=repr
)
def test_exits_and_cancellation_pass_through(error, method, is_remembered):
    """
    What ends a process or a task passes through the carrier.
    """
    source = Scripted(error)
    policy = Policy(allow_origins=RememberedOrigins(source, ttl=60) if is_remembered else source)
    environ = {"REQUEST_METHOD": method, "HTTP_ORIGIN": PARTNER, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
    application = CORSMiddleware(lambda _, respond: respond("200 OK", []) and [], policy)
    for _ in range(2):
        with pytest.raises(type(error)):
            application(environ, lambda *_: lambda _: None)


# Fault 4: a load that takes its time.


def test_a_slow_load_does_not_hold_up_the_event_loop():
    asked = ("GET", "/users/1", "X-Site: django")
    with (
        socket.create_server(("127.0.0.1", 0)) as store,
        sites("uvicorn", application="kit.odd_path_apps:asgi", ORIGINS=str(store.getsockname()[1])) as server,
        concurrent.futures.ThreadPoolExecutor() as askers,
    ):
        store.settimeout(PATIENCE)
        first = askers.submit(server.exchange, *asked, f"Origin: {PARTNER}")
        load, _ = store.accept()
        with load:
            # The load is under way until it is answered.
            without = server.exchange(*asked)
            assert (without.status, varies(without)) == (200, True)
            assert is_granted(server.exchange(*asked, f"Origin: {PARTNER}"))
            assert is_granted(first.result())
            load.sendall(OTHER.encode())
        deadline = time.monotonic() + PATIENCE
        while not is_granted(server.exchange(*asked, f"Origin: {OTHER}"), OTHER):
            assert time.monotonic() < deadline
        assert not is_granted(server.exchange(*asked, f"Origin: {PARTNER}"))
