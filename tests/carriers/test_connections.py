"""
A preflight ends no connection that the application itself would keep, and what each server does after a 204.
"""

import socket
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from kit.odd_path_sites import PARTNER, TESTS, installed, sites
from kit.serving import Server, lines_until, running

import corsguard

pytestmark = pytest.mark.server

PREFLIGHT = (f"Origin: {PARTNER}", "Access-Control-Request-Method: DELETE")
# Whether the connection is kept after a response of the application, an empty 204 of its own, and a preflight that is
# answered with 204 and with 200. The manual's page on reliability has this table.
KEPT = {
    "cheroot": (True, True, True, True),
    "gunicorn, sync": (False, False, False, False),
    "gunicorn, gthread": (True, True, True, True),
    "uwsgi --http": (True, False, False, True),
    "uwsgi --http-socket": (False, False, False, False),
    "waitress": (True, False, False, True),
    "werkzeug": (False, False, False, False),
    "wsgiref": (False, False, False, False),
}


def test_the_manual_has_the_table():
    text = (Path(corsguard.__file__).parent / "manual" / "reliability.md").read_text(encoding="utf-8")
    rows = [row.strip("|").split("|") for row in text.partition("## Preflights and connections")[2].splitlines()]
    told = {row[0].strip(): tuple(cell.strip() == "kept" for cell in row[1:]) for row in rows if row[0].strip() in KEPT}
    assert told == KEPT


@contextmanager
def routed_by_uwsgi():
    """
    Serve the sites with uWSGI behind its own HTTP router.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name(installed("uwsgi", "uwsgidecorators"))
    options = [f"--http=127.0.0.1:{port}", "--http-keepalive=30", "--master", "--die-on-term", f"--home={sys.prefix}"]
    with running(program, *options, f"--pythonpath={TESTS}", "--module=kit.odd_path_apps:application") as process:
        lines_until("spawned uWSGI http", process)
        yield Server(port, process)


@contextmanager
def started(name):
    server, _, mode = name.partition(" ")
    if mode == "--http":
        serving = routed_by_uwsgi()
    elif server == "gunicorn,":
        serving = sites("gunicorn", "--worker-class", mode, "--keep-alive=30", *["--threads=1"] * (mode == "sync"))
    else:
        serving = sites(server)
    with serving as running_server:
        yield running_server


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept(name):
    """
    Waitress and uWSGI's router end the connection after each 204, whoever answers it.
    """
    with started(name) as server:
        kept = tuple(
            server.keeps_after(method, "/public", f"X-Site: {site}", *lines)
            for method, site, lines in (
                ("GET", "wsgi", ()),
                ("GET", "answers-204", ()),
                ("OPTIONS", "wsgi", PREFLIGHT),
                ("OPTIONS", "status-200", PREFLIGHT),
            )
        )
    assert kept == KEPT[name]
