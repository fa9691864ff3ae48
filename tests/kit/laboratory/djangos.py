"""
Django with many kinds of settings, as data. Each has its own process, because settings belong to a process.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from .hosting import listener
from .samples import (
    ORIGIN,
    SECURE_ORIGIN,
    SECURE_STRANGER,
    STRANGER,
    attacked,
    fails,
    reads,
    refused,
    sample,
)

# The configuration of each process, by host.
SETTINGS: dict[str, dict[str, Any]] = {}

_METHODS = ["GET", "PUT", "POST", "DELETE"]
_TRUSTED = reads(credentials="include")
_TRUSTED_PUT = reads(method="PUT", json={"name": "pen"}, credentials="include")
_SECURE_PUT = reads(f"{SECURE_ORIGIN}/", method="PUT", json={"name": "pen"})
_CORS_HEADERS = {
    "MIDDLEWARE": ["corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware"],
    "CORS_ALLOW_CREDENTIALS": True,
    "CORS_ALLOW_HEADERS": ["content-type"],
    "CORS_PREFLIGHT_MAX_AGE": 600,
}
_CORSGUARD = {"MIDDLEWARE": ["corsguard_django.middleware.CORSMiddleware"]}


def configured(name, title, *asked, settings, **about):
    """
    Serve a project of one view with *settings*.
    """
    SETTINGS[sample(name, title, *asked, **about)] = settings


configured(
    "django-everybody",
    "django-cors-headers with all origins and credentials reflects every origin.",
    _TRUSTED,
    _TRUSTED_PUT,
    attacked(STRANGER),
    finds=["CG-A001"],
    settings=_CORS_HEADERS | {"CORS_ALLOW_ALL_ORIGINS": True},
)
configured(
    "django-string",
    "django-cors-headers reads a string as a list of regular expressions, the first of which is ^.",
    _TRUSTED,
    attacked(STRANGER),
    finds=["CG-A001"],
    settings=_CORS_HEADERS | {"CORS_ALLOWED_ORIGIN_REGEXES": r"^http://app\.lab\.example$"},
)
configured(
    "django-regex",
    "django-cors-headers compares a regular expression with the beginning of the origin.",
    _TRUSTED,
    attacked("http://app.lab.example.stranger.example/"),
    refused(),
    finds=["CG-A003"],
    settings=_CORS_HEADERS | {"CORS_ALLOWED_ORIGIN_REGEXES": [r"^http://app\.lab\.example"]},
)
configured(
    "django-comma",
    "The list of django-cors-headers comes from a variable that ends with a comma, and the empty entry matches null.",
    _TRUSTED,
    attacked("data:text/html,"),
    refused(),
    finds=["CG-A002"],
    settings=_CORS_HEADERS | {"CORS_ALLOWED_ORIGINS": "http://app.lab.example,".split(",")},
)
configured(
    "django-slash",
    "The middleware of django-cors-headers is listed below the one that appends slashes.",
    fails("missing_allow_origin", "slash at the end", f"Access-Control-Allow-Origin: {ORIGIN}"),
    kind="look-alike",
    settings=_CORS_HEADERS
    | {"MIDDLEWARE": _CORS_HEADERS["MIDDLEWARE"][::-1], "CORS_ALLOWED_ORIGINS": [ORIGIN], "LABORATORY_ROUTE": "items/"},
)
configured(
    "corsguard-django",
    "corsguard in Django, a list with credentials.",
    _SECURE_PUT,
    refused(SECURE_STRANGER),
    kind="safe",
    origin=SECURE_ORIGIN,
    settings=_CORSGUARD
    | {
        "CORSGUARD": {
            "allow_origins": [SECURE_ORIGIN],
            "allow_methods": _METHODS,
            "allow_headers": ["Content-Type"],
            "allow_credentials": True,
        }
    },
)
configured(
    "corsguard-django-view",
    "corsguard in Django, a tagged view.",
    _SECURE_PUT,
    refused(SECURE_STRANGER),
    kind="safe",
    origin=SECURE_ORIGIN,
    settings=_CORSGUARD
    | {
        "LABORATORY_TAG": {
            "allow_origins": [SECURE_ORIGIN],
            "allow_methods": _METHODS,
            "allow_headers": ["Content-Type"],
        }
    },
)


@contextmanager
def served(hosts: Iterable[str], certificate: Path) -> Iterator[dict[str, str]]:
    """
    Run the processes of *hosts*. Yield their addresses.
    """
    with ExitStack() as stack:
        listening = {host: stack.enter_context(listener()) for host in sorted(hosts)}
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                f"{__package__}.django_process",
                certificate,
                *(f"{host}={each.fileno()}" for host, each in listening.items()),
            ],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=subprocess.PIPE,
            pass_fds=[each.fileno() for each in listening.values()],
            start_new_session=True,
        )
        addresses = {host: "{}:{}".format(*each.getsockname()) for host, each in listening.items()}
    with process:
        try:
            yield addresses
        finally:
            os.killpg(process.pid, signal.SIGKILL)
