"""
Odd paths, late sources and slow loads behind real servers and a real cache: what is granted is the policy of what is
served.

The sites are in `kit/odd_path_apps.py`.
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

import pytest
from kit.gateways import nginx_configuration
from kit.odd_path_sites import ASGI, PARTNER, installed, sites
from kit.serving import Server, missing, running

import corsguard
from corsguard import CORSMiddleware, Policy, RememberedOrigins

pytestmark = pytest.mark.server

MANUAL = Path(corsguard.__file__).parent / "manual" / "reliability.md"
PATIENCE = 30

OTHER = "https://other.example"
ASKS = "Access-Control-Request-Method: DELETE"


def headers_of(reply):
    return {name.lower(): value for name, value in reply.headers}


def is_granted(reply, origin=PARTNER):
    return headers_of(reply).get("access-control-allow-origin") in {origin, "*"}


def varies(reply):
    names = [value for name, value in reply.cors() if name == "vary"]
    return "Origin" in ", ".join(names).split(", ")


# Fault 1: the judged path must be the served path. `test_server_matrix.py` asks this of every server.


@pytest.fixture(scope="module")
def cheroot():
    with sites("cheroot") as server:
        yield server


@pytest.mark.parametrize("name", ["wsgi", "flask", "django"])
def test_cheroot_decodes_the_path_of_a_request_and_not_that_of_its_preflight(cheroot, name):
    lines = (f"X-Site: {name}", f"Origin: {PARTNER}", ASKS)
    deleted, preflight = (cheroot.exchange(method, "/%61dmin/users/1", *lines) for method in ("DELETE", "OPTIONS"))
    assert "admin" in headers_of(deleted)["x-view"]
    assert not is_granted(preflight)
    assert varies(preflight)
    assert is_granted(cheroot.exchange("OPTIONS", "/a%20b/users/1", *lines))


# Fault 5: a cache whose key is the normalized path.

CACHE = """
    proxy_cache_path cached keys_zone=kept:1m;
    proxy_cache kept;
    proxy_cache_valid 200 1h;
    add_header X-Cache $upstream_cache_status always;
    {servers}
"""
# Named by what they show. The manual has them too.
KEYS = {
    "normalized": "proxy_cache_key $uri;",
    "as sent": "proxy_cache_key $request_uri;",
    "normalized, forwarded so": "proxy_cache_key $uri; rewrite ^ $uri break;",
    "without Vary": "proxy_cache_key $request_uri; proxy_ignore_headers Vary;",
    "Vary hidden": "proxy_cache_key $request_uri; proxy_hide_header Vary;",
}
# nginx takes this for "/list/NUMBER" in its key, and passes it on as it came.
ODD = ["//{}/{}", "/x/../{}/{}", "/./{}/{}", "/x//../{}/{}", "/%2e/{}/{}", "/{}//{}", "/{}/./{}", "/{}/x/../{}"]


@contextmanager
def cached(directory, port):
    """
    Run nginx in *directory* before the server at *port*. Yield a connection for each of KEYS, by its name.
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
        (directory / "nginx.conf").write_text(nginx_configuration(CACHE.format(servers=servers)))
        # A running nginx passes its sockets to the next one through this variable.
        sockets = "".join(f"{socket.fileno()};" for socket in listening.values())
        command = [program, "-p", str(directory), "-e", "error.log", "-c", "nginx.conf"]
        process = stack.enter_context(running(*command, NGINX=sockets))
        ports = {name: socket.getsockname()[1] for name, socket in listening.items()}
        for socket_of_ours in listening.values():
            # From now on only nginx listens.
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
def test_a_cache_of_normalized_paths_serves_nothing_that_was_not_granted(caches, case, odd_is_first, odd):
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
def test_with_one_policy_for_all_a_cache_cannot_be_poisoned(caches, odd):
    number = next(numbers)
    for origin in (PARTNER, OTHER, None):
        asked_of(caches["normalized"], "wsgi-whole", odd.format("list", number), origin)
    reply = asked_of(caches["normalized"], "wsgi-whole", f"/list/{number}", PARTNER)
    assert hit(reply)
    assert is_granted(reply)


# This is left to the cache, as the manual says.


def test_a_cache_of_normalized_paths_may_keep_a_grant_from_the_partner(caches):
    number = next(numbers)
    assert not is_granted(asked_of(caches["normalized"], "wsgi-list", f"//list/{number}", PARTNER))
    poisoned = asked_of(caches["normalized"], "wsgi-list", f"/list/{number}", PARTNER)
    assert hit(poisoned)
    assert not is_granted(poisoned)


@pytest.mark.parametrize("name", ["as sent", "normalized, forwarded so"])
@pytest.mark.parametrize("odd", ODD)
def test_a_cache_whose_key_is_what_it_forwards_cannot_be_poisoned(caches, odd, name):
    number = next(numbers)
    for origin in (PARTNER, OTHER, None):
        asked_of(caches[name], "wsgi-list", odd.format("list", number), origin)
    for origin in (PARTNER, OTHER, None):
        reply = asked_of(caches[name], "wsgi-list", f"/list/{number}", origin)
        assert headers_of(reply).get("access-control-allow-origin") == (PARTNER if origin == PARTNER else None)
        assert varies(reply)


def test_a_cache_that_ignores_vary_serves_the_first_grant_to_everyone(caches):
    number = next(numbers)
    replies = [asked_of(caches["without Vary"], "wsgi-list", f"/list/{number}", x) for x in (PARTNER, OTHER, None)]
    assert [headers_of(reply)["access-control-allow-origin"] for reply in replies] == [PARTNER] * 3
    number = next(numbers)
    replies = [asked_of(caches["without Vary"], "wsgi-list", f"/list/{number}", x) for x in (OTHER, PARTNER)]
    assert not any(map(is_granted, replies))


def test_a_cache_that_hides_vary_obeys_it_itself_and_hides_it_from_later_caches(caches):
    number = next(numbers)
    for _ in range(2):
        replies = [asked_of(caches["Vary hidden"], "wsgi-list", f"/list/{number}", x) for x in (PARTNER, OTHER, None)]
        assert [headers_of(reply).get("access-control-allow-origin") for reply in replies] == [PARTNER, None, None]
        assert not any(map(varies, replies))
    assert all(map(hit, replies))


def test_the_manual_shows_the_tested_settings():
    text = MANUAL.read_text("utf-8")
    for settings in KEYS.values():
        for setting in re.findall(r"[^;]+;", settings):
            assert setting.strip() in text


# Fault 6: exceptions that are not an Exception.


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
def test_exceptions_that_end_a_process_or_a_task_leave_the_carrier(error, method, is_remembered):
    source = Scripted(error)
    policy = Policy(allow_origins=RememberedOrigins(source, ttl=60) if is_remembered else source)
    environ = {"REQUEST_METHOD": method, "HTTP_ORIGIN": PARTNER, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
    application = CORSMiddleware(lambda _, respond: respond("200 OK", []) and [], policy)
    for _ in range(2):
        with pytest.raises(type(error)):
            application(environ, lambda *_: lambda _: None)


# Fault 4: a load that takes long.


def test_a_slow_load_does_not_delay_the_event_loop():
    asked = ("GET", "/users/1", "X-Site: django")
    with (
        socket.create_server(("127.0.0.1", 0)) as store,
        sites("uvicorn", application=ASGI, ORIGINS=str(store.getsockname()[1])) as server,
        concurrent.futures.ThreadPoolExecutor() as askers,
    ):
        store.settimeout(PATIENCE)
        first = askers.submit(server.exchange, *asked, f"Origin: {PARTNER}")
        load, _ = store.accept()
        with load:
            # The load runs until the request is answered.
            without = server.exchange(*asked)
            assert (without.status, varies(without)) == (200, True)
            assert is_granted(server.exchange(*asked, f"Origin: {PARTNER}"))
            assert is_granted(first.result())
            load.sendall(OTHER.encode())
        deadline = time.monotonic() + PATIENCE
        while not is_granted(server.exchange(*asked, f"Origin: {OTHER}"), OTHER):
            assert time.monotonic() < deadline
        assert not is_granted(server.exchange(*asked, f"Origin: {PARTNER}"))
