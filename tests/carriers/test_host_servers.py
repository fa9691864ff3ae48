"""
Policies by host behind real servers. `examples/tenants_app.py` gets hosts in every form that a client can send.

The application answers with the host that it sees, so the test can compare it with the host that the guard used.
"""

import asyncio
import re
import socket
import sqlite3
import time
from contextlib import closing
from statistics import median

import pytest
from kit import engines
from kit.serving import EXAMPLES, Server, lines_until, needed, served, started
from kit.storing import PATIENCE

from corsguard import CORSMiddleware
from corsguard.browser import Browser, NetworkError, WireResponse, origin_of
from corsguard.browser.transports import transport_for

SERVERS = {
    "gunicorn": ("gunicorn", "tenants_app:application"),
    "uvicorn and h11": ("uvicorn", "tenants_app:asgi_application", "--http=h11"),
    "uvicorn and httptools": ("uvicorn", "tenants_app:asgi_application", "--http=httptools"),
    "Hypercorn": ("hypercorn", "tenants_app:asgi_application"),
    "Daphne": ("daphne", "tenants_app:asgi_application"),
    "Granian": ("granian", "tenants_app:asgi_application"),
}
ACME, GLOBEX = "https://app.acme.example", "https://app.globex.example"
# The origin that each host shares with. For other hosts nothing is shared.
SHARED_WITH = {
    "api.acme.example": ACME,
    "API.acme.example:80": ACME,
    "api.acme.example:8000": ACME,
    "x.globex.example": GLOBEX,
    "x.y.globex.example:443": GLOBEX,
    "globex.example": None,
    "api.acme.example.": None,
    "evil.example": None,
    "127.0.0.1": None,
}


@pytest.fixture(scope="module", params=SERVERS.values(), ids=SERVERS.keys())
def server(request):
    if "--http=httptools" in request.param:
        needed("httptools")
    with served(*request.param) as server:
        yield server


def asked(server, target, *hosts, origin):
    """
    Return the status, the host that the application saw (None if it did not run), and the origin that the answer is
    shared with.
    """
    lines = [f"Host: {host}" for host in hosts]
    head = [f"GET {target} HTTP/1.1", *lines, f"Origin: {origin}", "Connection: close", "", ""]
    answer = server.send("\r\n".join(head).encode("latin-1")).decode("latin-1")
    status = re.match(r"HTTP/1\.. (\d+)", answer)
    seen = re.search(r"This is ([^\r\n]*)", answer)
    shared = re.findall(r"^access-control-allow-origin: *(.*?)\r?$", answer, re.IGNORECASE | re.MULTILINE)
    return int(status[1]) if status else 0, seen and seen[1], shared


@pytest.mark.server
@pytest.mark.parametrize("host", SHARED_WITH)
def test_a_host_shares_with_its_own_tenant(server, host):
    for origin in ACME, GLOBEX:
        expected = [origin] if SHARED_WITH[host] == origin else []
        assert asked(server, "/", host, origin=origin) == (200, host, expected)


HOSTILE = {
    "absolute form": ("http://api.acme.example/", ["x.globex.example"]),
    "absolute form, the same": ("http://api.acme.example/", ["api.acme.example"]),
    "absolute form, the other way": ("http://x.globex.example/", ["api.acme.example"]),
    "absolute form of an unknown host": ("http://evil.example/", ["api.acme.example"]),
    "absolute form with an unknown Host": ("http://api.acme.example/", ["evil.example"]),
    "two": ("/", ["api.acme.example", "x.globex.example"]),
    "twice": ("/", ["api.acme.example", "api.acme.example"]),
    "a comma": ("/", ["api.acme.example, x.globex.example"]),
    "none": ("/", []),
    "empty": ("/", [""]),
    "user information": ("/", ["evil.example@api.acme.example"]),
    "a path": ("/", ["api.acme.example/x"]),
    "a folded line": ("/", ["api.acme.example\r\n .globex.example"]),
}


@pytest.mark.server
@pytest.mark.parametrize("origin", [ACME, GLOBEX])
@pytest.mark.parametrize(("target", "hosts"), HOSTILE.values(), ids=HOSTILE.keys())
def test_the_guard_uses_the_host_that_the_application_sees(server, target, hosts, origin):
    """
    Servers read two hosts, or none, in different ways. Something is shared only by the host that the application sees.
    """
    _, seen, shared = asked(server, target, *hosts, origin=origin)
    assert shared == ([origin] if seen is not None and SHARED_WITH.get(seen) == origin else [])


@pytest.mark.server
@pytest.mark.parametrize("name", ["hypercorn", "granian"])
def test_the_authority_of_http_2_is_the_host(name):
    needed("h2")
    import httpx

    async def ask(port):
        seen = {}
        async with httpx.AsyncClient(http1=False, http2=True, base_url=f"http://127.0.0.1:{port}") as client:
            for host in SHARED_WITH:
                for origin in ACME, GLOBEX:
                    reply = await client.get("/", headers={"Host": host, "Origin": origin})
                    assert (reply.http_version, reply.text) == ("HTTP/2", f"This is {host}\n")
                    seen[host, origin] = reply.headers.get("access-control-allow-origin")
        return seen

    with served(name, "tenants_app:asgi_application") as server:
        seen = asyncio.run(ask(server.port))
    assert seen == {
        (host, origin): origin if meant == origin else None
        for host, meant in SHARED_WITH.items()
        for origin in (ACME, GLOBEX)
    }


# A client of HTTP/2 can name hosts in several places.
AUTHORITIES = {
    "the same": ["api.acme.example", "api.acme.example"],
    "another": ["api.acme.example", "x.globex.example"],
    "an unknown host": ["api.acme.example", "evil.example"],
    "two more": ["api.acme.example", "x.globex.example", "api.acme.example"],
    "no authority": [None, "api.acme.example"],
    "neither": [None],
    "user information": ["evil.example@api.acme.example"],
}


def asked_by_http_2(server, authority, *hosts, origin):
    """
    Return the same as `asked`, without the status.
    """
    from h2 import config, connection, events

    client = connection.H2Connection(config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False))
    client.initiate_connection()
    first = [(":method", "GET"), (":scheme", "http"), (":path", "/")]
    first += [] if authority is None else [(":authority", authority)]
    client.send_headers(1, [*first, *(("host", host) for host in hosts), ("origin", origin)], end_stream=True)
    body, shared = b"", []
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as wire:
        wire.sendall(client.data_to_send())
        while data := wire.recv(65536):
            for event in client.receive_data(data):
                match event:
                    case events.ResponseReceived():
                        shared += [value for name, value in event.headers if name == "access-control-allow-origin"]
                    case events.DataReceived():
                        body += event.data
                    case events.StreamEnded() | events.StreamReset() | events.ConnectionTerminated():
                        seen = re.search(r"This is (.*)\n", body.decode())
                        return seen and seen[1], shared
    return None, shared


@pytest.mark.server
@pytest.mark.parametrize("name", ["hypercorn", "granian"])
def test_two_authorities_share_only_by_the_host_that_the_application_sees(name):
    needed("h2")
    wrong = {}
    with served(name, "tenants_app:asgi_application") as server:
        for what, (authority, *hosts) in AUTHORITIES.items():
            for origin in ACME, GLOBEX:
                seen, shared = asked_by_http_2(server, authority, *hosts, origin=origin)
                if shared != ([origin] if seen is not None and SHARED_WITH.get(seen) == origin else []):
                    wrong[what, origin] = seen, shared
        # It still serves.
        assert asked_by_http_2(server, "api.acme.example", origin=ACME) == ("api.acme.example", [ACME])
    assert wrong == {}


@pytest.mark.server
def test_the_example_starts_as_it_says():
    with started(EXAMPLES / "tenants_app.py", PORT="0") as process:
        port = int(re.search(r"http://localhost:(\d+)", lines_until("http://", process)[-1])[1])
        server = Server(port, process)
        assert asked(server, "/", "api.acme.example", origin=ACME) == (200, "api.acme.example", [ACME])
        assert asked(server, "/status", "x.globex.example", origin=ACME) == (200, "x.globex.example", ["*"])
        reply = server.exchange("GET", "/internal", f"Origin: {GLOBEX}")
        assert reply.cors() == []


INSERT = "INSERT INTO front_ends VALUES (?, ?)"


def shared(server, host, origin):
    """
    Return whether the *host* of *server* shares with *origin*, and the process that answered.
    """
    head = ["GET /orders HTTP/1.1", f"Host: {host}", f"Origin: {origin}", "Connection: close", "", ""]
    reply = server.send("\r\n".join(head).encode()).decode()
    return f"access-control-allow-origin: {origin}\r\n" in reply, int(re.search(r'"process":(\d+)', reply)[1])


def seen_by_all(server, host, origin, *, granted=True, processes=2):
    """
    Wait until *processes* processes of *server* have answered with the state at the time of the call. Return how many
    seconds it took.

    Each of them gives that answer to questions from one second after the call on.
    """
    began, right = time.monotonic(), set()
    while len(right) < processes:
        asked_at = time.monotonic()
        assert asked_at < began + PATIENCE
        is_shared, process = shared(server, host, origin)
        if is_shared is granted:
            right.add(process)
        else:
            assert asked_at < began + 1
    return time.monotonic() - began


@pytest.mark.server
def test_tenants_of_a_database_are_added_and_removed(tmp_path):
    """
    One row is a new tenant or one more origin. Every process of the server sees it within a second.
    """
    needed("sqlalchemy", "test")
    database, times = tmp_path / "tenants.sqlite3", []
    url = f"sqlite+aiosqlite:///{database}"
    initech = "https://app.initech.example"
    with started(EXAMPLES / "tenants_database.py", PORT="0", DATABASE_URL=url) as process:
        server = Server(int(re.search(r"http://localhost:(\d+)", lines_until("http://", process)[-1])[1]), process)
        # The table exists once a process answers.
        seen_by_all(server, "api.acme.example", ACME, granted=False)
        with closing(sqlite3.connect(database, isolation_level=None)) as rows:

            def change(statement, *values):
                rows.execute(statement, values)
                times.append(seen_by_all(server, *values, granted=statement == INSERT))

            change(INSERT, "api.acme.example", ACME)
            change(INSERT, "api.globex.example", GLOBEX)
            change(INSERT, "api.acme.example", initech)
            for host, origins in {"api.acme.example": {ACME, initech}, "api.globex.example": {GLOBEX}}.items():
                for origin in ACME, GLOBEX, initech:
                    assert shared(server, host, origin)[0] is (origin in origins)
            change("DELETE FROM front_ends WHERE host = ? AND origin = ?", "api.acme.example", ACME)
            assert shared(server, "api.acme.example", initech)[0]
            # A row that a policy would refuse closes its host, and no other.
            rows.execute(INSERT, ("api.acme.example", f"{ACME}/"))
            seen_by_all(server, "api.acme.example", initech, granted=False)
            assert shared(server, "api.globex.example", GLOBEX)[0]
            assert "The store of hosts failed" in server.lines_until("The store of hosts failed")[-1]
            rows.execute("DROP TABLE front_ends")
        seen_by_all(server, "api.globex.example", GLOBEX, granted=False)
    print(f"a change was seen by all processes after {median(times):.2f} s, at most {max(times):.2f} s")


# Browsers: the front end of each tenant reads from its own hosts, and from no other.

# The pages of each tenant, and its API: on host names of a network, and on names of one machine.
SITES = {
    "https://app.acme.test": "https://api.acme.test",
    "https://app.globex.test": "https://x.globex.test",
    "http://acme.localhost:3000": "http://acme.localhost:8000",
    "http://globex.localhost:3000": "http://globex.localhost:8000",
}
BY_HOST = {
    "hosts": {
        api.partition("://")[2]: {"allow_origins": [page], "allow_credentials": True} for page, api in SITES.items()
    }
}
_READ = "(url) => fetch(url, { credentials: 'include' }).then((response) => response.text(), () => null)"


def tenants(environ, start_response):
    host = environ["HTTP_HOST"].encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(host)))])
    return [host]


def read_by_the_model(page, url):
    try:
        return Browser(CORSMiddleware(tenants, BY_HOST)).open(f"{page}/").fetch(url, credentials="include").text()
    except NetworkError:
        return None


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_a_front_end_reads_from_its_own_tenant_only(engine):
    answer = transport_for(CORSMiddleware(tenants, BY_HOST))

    def web(request):
        if origin_of(request.url) in SITES:
            return WireResponse(200, (("Content-Type", "text/html"),), b"<!doctype html>")
        return answer(request)

    with engines.proxied(web) as port, getattr(engines, engine)(port) as tab:
        for page, own in SITES.items():
            tab.visit(f"{page}/")
            for api in SITES.values():
                # A page with https reaches no plain http.
                if page.startswith("https:") and api.startswith("http:"):
                    continue
                expected = api.partition("://")[2] if api == own else None
                assert tab.call(_READ, f"{api}/") == read_by_the_model(page, f"{api}/") == expected
