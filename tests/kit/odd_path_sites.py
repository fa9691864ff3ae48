"""
The sites of `odd_path_apps.py` and `odd_path_asgi.py`, behind each installed server, in each of its modes.
"""

import importlib.util
import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from kit.gateways import free_port, nginx_configuration, program
from kit.serving import Server, lines_until, missing, running, served, started, wait_for

TESTS = Path(__file__).parents[1]
APPS = TESTS / "kit" / "odd_path_apps.py"
WSGI, ASGI = "kit.odd_path_apps:application", "kit.odd_path_asgi:application"
PARTNER = "https://partner.example"

# Servers that have no command of their own for it.
_EMBEDDED = {"bjoern", "cheroot", "waitress", "werkzeug", "wsgiref"}
_ROUTER = "uwsgi --http"
_BEHIND_NGINX = "uwsgi --socket"
_COMPILED = {"bjoern", "mod_wsgi"}


class Mode(NamedTuple):
    """
    One way to run a *server*: its *options*, the *application*, and whether it uses HTTP/2.

    *keeps* says whether it keeps the connection after an answer. *keeps_after_204* says whether it does so after an
    empty 204, whether the application or the guard answers it.
    """

    server: str
    options: tuple[str, ...] = ()
    application: str = WSGI
    is_http_2: bool = False
    keeps: bool = True
    keeps_after_204: bool = True

    @property
    def is_compiled(self) -> bool:
        return self.server in _COMPILED

    @property
    def kept(self):
        """
        Whether the connection is kept after an answer of the application, its own empty 204, a preflight answered with
        204, and one answered with 200.
        """
        after_204 = self.keeps and self.keeps_after_204
        return (self.keeps, after_204, after_204, self.keeps)

    def serve(self, **environment):
        # They come with the same extra as the servers, but gunicorn and uvicorn do without them.
        for module in ("gevent", "httptools"):
            if any(option.endswith(f"={module}") for option in self.options):
                installed(module)
        return sites(self.server, *self.options, application=self.application, **environment)


# Longer than a busy machine may need for the next request.
_KEEP_ALIVE, _UVICORN_KEEPS = "--keep-alive=60", "--timeout-keep-alive=60"
MODES = {
    "gunicorn, sync": Mode("gunicorn", ("--worker-class=sync", "--threads=1"), keeps=False),
    "gunicorn, gthread": Mode("gunicorn", ("--worker-class=gthread", _KEEP_ALIVE)),
    "gunicorn, gevent": Mode("gunicorn", ("--worker-class=gevent", _KEEP_ALIVE)),
    "uwsgi --http": Mode(_ROUTER, keeps_after_204=False),
    "uwsgi --socket": Mode(_BEHIND_NGINX),
    "uwsgi --http-socket": Mode("uwsgi", keeps=False),
    "uwsgi --http-socket --threads": Mode("uwsgi", ("--enable-threads", "--threads=4"), keeps=False),
    "waitress": Mode("waitress", keeps_after_204=False),
    "cheroot": Mode("cheroot"),
    "werkzeug": Mode("werkzeug", keeps=False),
    "wsgiref": Mode("wsgiref", keeps=False),
    "granian, WSGI": Mode("granian", ("--interface=wsgi",)),
    "bjoern": Mode("bjoern"),
    "mod_wsgi": Mode("mod_wsgi"),
    "uvicorn, h11": Mode("uvicorn", ("--http=h11", _UVICORN_KEEPS), ASGI),
    "uvicorn, httptools": Mode("uvicorn", ("--http=httptools", _UVICORN_KEEPS), ASGI),
    "hypercorn": Mode("hypercorn", (_KEEP_ALIVE,), ASGI),
    "hypercorn, HTTP/2": Mode("hypercorn", (_KEEP_ALIVE,), ASGI, is_http_2=True),
    "daphne": Mode("daphne", (), ASGI),
    "granian, ASGI": Mode("granian", (), ASGI),
    "granian, HTTP/2": Mode("granian", (), ASGI, is_http_2=True),
}


def installed(name, module=None, extra="servers"):
    """
    Return *name* if its module is installed, otherwise skip the test.
    """
    if importlib.util.find_spec(module or name) is None:
        missing(f"{name} is not installed: pip install -e '.[{extra}]'")
    return name


@contextmanager
def sites(server, *options, application=WSGI, **environment):
    """
    Serve the sites with *server*.
    """
    if server in _EMBEDDED:
        name = installed(server, extra="compiled" if server in _COMPILED else "servers")
        with started(APPS, name, **environment) as process:
            port = lines_until("serving at", process)[-1].split()[-1]
            yield Server(int(port), process)
        return
    own = {_ROUTER: _routed_by_uwsgi, _BEHIND_NGINX: _behind_nginx, "mod_wsgi": _in_apache}.get(server)
    if own is not None:
        with own(**environment) as running_server:
            yield running_server
        return
    if server == "uwsgi":
        installed(server, "uwsgidecorators")
    place = {"uvicorn": "--app-dir={}", "gunicorn": "--pythonpath={}", "uwsgi": "--pythonpath={}"}.get(server)
    if place is None:
        environment = {"PYTHONPATH": str(TESTS), **environment}
    else:
        options = (place.format(TESTS), *options)
    with served(server, application, *options, **environment) as running_server:
        yield running_server


@contextmanager
def _running_uwsgi(until, *options, **environment):
    uwsgi = Path(sys.executable).with_name(installed("uwsgi", "uwsgidecorators"))
    options = [*options, "--master", "--die-on-term", f"--home={sys.prefix}", f"--pythonpath={TESTS}"]
    with running(uwsgi, *options, f"--module={WSGI}", **environment) as process:
        lines_until(until, process)
        yield process


@contextmanager
def _routed_by_uwsgi(**environment):
    """
    Serve the sites with uWSGI behind its own HTTP router.
    """
    port = free_port()
    options = (f"--http=127.0.0.1:{port}", "--http-keepalive=60")
    with _running_uwsgi("spawned uWSGI http", *options, **environment) as process:
        yield Server(port, process)


_NGINX = """
    keepalive_requests 100000;
    server {{ listen 127.0.0.1:{port}; location / {{ include /etc/nginx/uwsgi_params; uwsgi_pass unix:{socket}; }} }}
"""


@contextmanager
def _behind_nginx(**environment):
    """
    Serve the sites with uWSGI behind nginx, in uWSGI's own protocol.
    """
    nginx = program("nginx", "nginx-light")
    with tempfile.TemporaryDirectory() as directory:
        port, socket_of_uwsgi = free_port(), f"{directory}/uwsgi"
        Path(directory, "nginx.conf").write_text(nginx_configuration(_NGINX.format(port=port, socket=socket_of_uwsgi)))
        options = ("-p", directory, "-e", "error.log", "-c", "nginx.conf")
        with (
            _running_uwsgi("spawned uWSGI worker 1", f"--socket={socket_of_uwsgi}", **environment),
            running(nginx, *options) as process,
        ):
            wait_for(port)
            yield Server(port, process)


@contextmanager
def _in_apache(**environment):
    """
    Serve the sites with mod_wsgi in Apache, which does not run applications as root.
    """
    installed("mod_wsgi", extra="compiled")
    if os.geteuid() == 0:
        missing("mod_wsgi does not run as root: start the test as another user")
    port = free_port()
    express = Path(sys.executable).with_name("mod_wsgi-express")
    module, _, name = WSGI.partition(":")
    options = [
        f"--port={port}",
        "--log-to-terminal",
        "--keep-alive-timeout=60",
        f"--python-path={TESTS}",
        f"--callable-object={name}",
    ]
    with running(express, "start-server", *options, "--application-type=module", module, **environment) as process:
        wait_for(port)
        yield Server(port, process)
