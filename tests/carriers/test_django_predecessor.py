"""
Settings of django-cors-headers next to our middleware are reported: by the checks, and when a server starts.
"""

import subprocess
import sys
from contextlib import contextmanager

import corsheaders.signals
import pytest
from corsheaders.middleware import CorsMiddleware
from django.core.checks import ERROR, WARNING, Tags, run_checks
from django.test import override_settings
from kit.django_sending import APP

from corsguard_django.predecessor import THEIRS, left_over

GUARD = "corsguard_django.middleware.CORSMiddleware"
THEIR_GUARD = "corsheaders.middleware.CorsMiddleware"
OURS = {"allow_origins": [APP]}


def messages(code):
    return [message for message in run_checks(tags=[Tags.security]) if message.id == f"corsguard.{code}"]


def ids():
    return [message.id.removeprefix("corsguard.") for message in run_checks(tags=[Tags.security])]


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_a_setting_of_django_cors_headers_next_to_ours_is_reported(name):
    with override_settings(CORSGUARD=OURS, **{name: "x"}):
        (message,) = messages("W908")
    assert (message.level, message.obj) == (WARNING, name)
    assert name in message.msg


def test_all_old_settings_are_in_one_report():
    with override_settings(CORSGUARD=OURS, CORS_ALLOWED_ORIGINS=[APP], CORS_URLS_REGEX="^/api/"):
        (message,) = messages("W908")
    assert "CORS_ALLOWED_ORIGINS, CORS_URLS_REGEX" in message.msg


@pytest.mark.parametrize(
    "scope",
    [
        {"CORSGUARD": OURS},
        {"CORSGUARD": OURS, "CORS_REGION": "of the project's own"},
        {"CORSGUARD": {"paths": {}}, "CORS_ALLOWED_ORIGINS": [APP]},
    ],
    ids=str,
)
def test_a_setting_that_is_not_left_over_is_not_reported(scope):
    """
    These are names of other software, and all names if CORSGUARD says that they belong to something else.
    """
    with override_settings(**scope):
        assert messages("W908") == []
        assert left_over() is None


def allow(sender, request, **_):
    return True


@contextmanager
def receiving():
    corsheaders.signals.check_request_enabled.connect(allow)
    try:
        yield f"{allow.__module__}.allow"
    finally:
        corsheaders.signals.check_request_enabled.disconnect(allow)


def test_a_receiver_of_the_old_signal_next_to_ours_is_reported():
    with override_settings(CORSGUARD=OURS), receiving() as receiver:
        (message,) = messages("W908")
    assert receiver in message.msg


def test_a_receiver_of_the_old_signal_without_our_setting_is_an_error():
    """
    It is a configuration like their settings, and needs the translation.
    """
    with receiving() as receiver:
        (message,) = messages("E902")
    assert message.level == ERROR
    assert receiver in message.msg
    assert "CORSGUARD = {" in message.hint


@pytest.mark.parametrize("paths", [[GUARD, THEIR_GUARD], [THEIR_GUARD, GUARD]])
def test_two_cors_middlewares_are_an_error(paths):
    """
    Nothing else is said about their order.
    """
    with override_settings(MIDDLEWARE=paths):
        assert ids() == ["E903"]
        assert messages("E903")[0].level == ERROR


class Derived(CorsMiddleware):
    pass


def test_a_subclass_of_their_middleware_is_found():
    with override_settings(MIDDLEWARE=[GUARD, f"{__name__}.Derived"]):
        assert ids() == ["E903"]
        assert f"{__name__}.Derived" in messages("E903")[0].hint


def test_their_middleware_without_ours_is_not_reported_as_two():
    with override_settings(MIDDLEWARE=[THEIR_GUARD]):
        assert ids() == ["W901"]


START = """
import logging
logging.basicConfig(format="%(name)s %(levelname)s %(message)s")
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["corsguard_django"],
    ROOT_URLCONF=(),
    **{scope},
)
from django.core.{server} import get_{server}_application as start
start()
start()
import sys
assert "corsguard.moving" not in sys.modules
"""


def start(server, **scope):
    command = [sys.executable, "-c", START.format(scope=scope, server=server)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_old_settings_are_logged_once_at_start(server):
    """
    This loads no tools of migration.
    """
    done = start(server, MIDDLEWARE=[GUARD], CORSGUARD=OURS, CORS_ORIGIN_WHITELIST=[APP])
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("corsguard WARNING W908 CORS_ORIGIN_WHITELIST") == 1


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_a_server_with_two_cors_middlewares_does_not_start(server):
    done = start(server, MIDDLEWARE=[THEIR_GUARD, GUARD], CORSGUARD=OURS)
    assert done.returncode != 0
    assert "PolicyError" in done.stderr
    assert "E903 MIDDLEWARE" in done.stderr


def test_a_server_with_two_middlewares_and_no_setting_reports_both():
    done = start("wsgi", MIDDLEWARE=[THEIR_GUARD, GUARD], CORS_ALLOWED_ORIGINS=[APP])
    assert done.returncode != 0
    assert "E902 CORS_ALLOWED_ORIGINS" in done.stderr
    assert "E903 MIDDLEWARE" in done.stderr
