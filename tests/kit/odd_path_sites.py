"""
The sites of `odd_path_apps.py`, served by any of the servers that this machine has.
"""

import importlib.util
from contextlib import contextmanager
from pathlib import Path

from kit.serving import Server, lines_until, missing, served, started

TESTS = Path(__file__).parents[1]
APPS = TESTS / "kit" / "odd_path_apps.py"
PARTNER = "https://partner.example"


def installed(name, module=None):
    """
    Return *name*, if the module that it needs is installed; else skip the test.
    """
    if importlib.util.find_spec(module or name) is None:
        missing(f"{name} is not installed: pip install -e '.[servers]'")
    return name


@contextmanager
def sites(server, *options, application="kit.odd_path_apps:application", **environment):
    """
    Serve the sites with *server*.
    """
    if server in {"cheroot", "waitress", "werkzeug", "wsgiref"}:
        with started(APPS, installed(server), **environment) as process:
            port = lines_until("serving at", process)[-1].split()[-1]
            yield Server(int(port), process)
        return
    place = {"uvicorn": "--app-dir={}", "gunicorn": "--pythonpath={}", "uwsgi": "--pythonpath={}"}[server].format(TESTS)
    if server == "uwsgi":
        installed(server, "uwsgidecorators")
    with served(server, application, place, *options, **environment) as running_server:
        yield running_server
