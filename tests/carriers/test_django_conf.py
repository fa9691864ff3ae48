"""
Which policies guard a Django process: the setting, its overrides in tests, and swaps while it runs.
"""

import logging
import subprocess
import sys
from threading import Barrier, Event, Thread

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from kit.adapters import serve
from kit.django_sending import APP, EVIL, environ, preflight, send_async, send_sync

from corsguard import Policy, PolicyError
from corsguard_django import set_policy

OLD = {"allow_origins": [APP], "expose_headers": ["X-Old"], "allow_credentials": True}
NEW = {"allow_origins": "*", "expose_headers": ["X-New"]}
UNDER_OLD = {
    "access-control-allow-origin": APP,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "X-Old",
    "vary": "Origin",
}
UNDER_NEW = {"access-control-allow-origin": "*", "access-control-expose-headers": "X-New"}
BAD = {"allow_origins": "https://app.example.com/", "max_age": -1}


@pytest.fixture(params=[send_sync, send_async], ids=["sync", "async"])
def send(request):
    return request.param


def test_without_the_setting_nothing_is_touched(send):
    assert not hasattr(settings, "CORSGUARD")
    assert send("GET", "/api/hello", APP).of_cors == {}
    answer = preflight(send, "/api/hello")
    assert (answer.status, answer.headers["x-method"]) == (200, "OPTIONS")


@override_settings(CORSGUARD=OLD)
def test_an_override_takes_effect_and_ends(send):
    assert send("GET", "/api/hello", APP).of_cors == UNDER_OLD
    with override_settings(CORSGUARD=NEW):
        assert send("GET", "/api/hello", APP).of_cors == UNDER_NEW
    assert send("GET", "/api/hello", APP).of_cors == UNDER_OLD


def test_an_override_reaches_handlers_that_already_run():
    handler = WSGIHandler()
    serve(handler, environ("/api/hello"))
    with override_settings(CORSGUARD=NEW):
        _, headers, _ = serve(handler, environ("/api/hello"))
    assert ("Access-Control-Expose-Headers", "X-New") in headers


@override_settings(CORSGUARD=OLD)
@pytest.mark.parametrize(
    ("setting", "codes"),
    [(None, ["E801"]), (BAD, ["E102", "E703"]), ({"paths": {"/api/": BAD}}, ["E802", "E102", "E703"])],
)
def test_a_bad_override_is_refused_with_every_problem_and_changes_nothing(send, setting, codes):
    with pytest.raises(PolicyError) as refused, override_settings(CORSGUARD=setting):
        pass
    assert [problem.code for problem in refused.value.problems] == codes
    assert send("GET", "/api/hello", APP).of_cors == UNDER_OLD


@override_settings(CORSGUARD=OLD)
def test_other_settings_do_not_restore_the_setting_after_a_swap(send):
    set_policy(NEW)
    with override_settings(APPEND_SLASH=False):
        assert send("GET", "/api/hello", APP).of_cors == UNDER_NEW


# Servers, each in a process of its own.


def run(program, cors):
    configure = f"""
from django.conf import settings
settings.configure(
    CORSGUARD={cors!r},
    INSTALLED_APPS=["corsguard_django"],
    MIDDLEWARE=["corsguard_django.middleware.CORSMiddleware"],
    ROOT_URLCONF=(),
)
"""
    command = [sys.executable, "-c", configure + program]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


WSGI = "from django.core.wsgi import get_wsgi_application as start; start()"
ASGI = "from django.core.asgi import get_asgi_application as start; start()"
CHECK = "from django.core.management import execute_from_command_line as execute; execute(['manage.py', 'check'])"


@pytest.mark.parametrize("server", [WSGI, ASGI])
@pytest.mark.parametrize("cors", [None, BAD])
def test_a_bad_setting_stops_every_server_at_start(server, cors):
    stopped = run(server, cors)
    assert stopped.returncode != 0
    assert "corsguard.errors.PolicyError: this policy has" in stopped.stderr
    assert stopped.stderr.rstrip().endswith("This is CORSGUARD in the settings.")


@pytest.mark.parametrize("server", [WSGI, ASGI])
def test_a_good_setting_stops_no_server(server):
    assert run(server, OLD).returncode == 0


def test_the_check_reports_every_problem_of_a_bad_setting():
    checked = run(CHECK, BAD)
    assert checked.returncode == 1
    assert "SystemCheckError" in checked.stderr
    assert "(corsguard.E102)" in checked.stderr
    assert "(corsguard.E703)" in checked.stderr
    assert "Traceback" not in checked.stderr


def test_the_package_can_be_imported_before_django_is_configured():
    program = "import corsguard_django as door; door.cors, door.set_policy"
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=60)


@override_settings(CORSGUARD=OLD)
@pytest.mark.parametrize(
    ("policy", "headers"),
    [
        (NEW, UNDER_NEW),
        (Policy(**NEW), UNDER_NEW),
        ({"paths": {"/api": NEW}}, UNDER_NEW),
        ({"/api": Policy(**NEW), "/": None}, UNDER_NEW),
        ({"/other": NEW}, {}),
        (None, {}),
    ],
)
def test_a_swap_takes_what_the_setting_takes_and_none(send, policy, headers):
    set_policy(policy)
    assert send("GET", "/api/hello", APP).of_cors == headers


@override_settings(CORSGUARD=OLD)
def test_a_refused_swap_changes_nothing(send):
    with pytest.raises(PolicyError) as refused:
        set_policy(BAD)
    assert [problem.code for problem in refused.value.problems] == ["E102", "E703"]
    assert send("GET", "/api/hello", APP).of_cors == UNDER_OLD


@override_settings(CORSGUARD=OLD)
def test_a_swap_reaches_every_handler_of_the_process():
    handlers = [WSGIHandler(), WSGIHandler()]
    set_policy(NEW)
    for handler in handlers:
        _, headers, _ = serve(handler, environ("/api/hello"))
        assert ("Access-Control-Expose-Headers", "X-New") in headers


@override_settings(CORSGUARD=OLD)
def test_a_running_request_finishes_with_the_old_policy(send):
    assert send("GET", "/api/swap", APP).of_cors == UNDER_OLD
    assert send("GET", "/api/hello", APP).of_cors == {"access-control-allow-origin": "*"}


@override_settings(CORSGUARD=OLD)
def test_an_override_takes_the_place_of_a_swap_and_ends_with_the_setting(send):
    set_policy({"allow_origins": [EVIL]})
    with override_settings(CORSGUARD=NEW):
        assert send("GET", "/api/hello", APP).of_cors == UNDER_NEW
    assert send("GET", "/api/hello", APP).of_cors == UNDER_OLD


@override_settings(CORSGUARD=OLD)
def test_every_response_during_swaps_is_wholly_old_or_wholly_new():
    handler = WSGIHandler()
    seen = []
    readers_done = Event()
    start = Barrier(5)
    policies = [Policy(**OLD), Policy(**NEW)]

    def read():
        start.wait()
        for _ in range(200):
            _, headers, _ = serve(handler, environ("/api/hello"))
            named = {name.lower(): value for name, value in headers}
            seen.append({k: v for k, v in named.items() if k.startswith("access-control-") or k == "vary"})

    def swap():
        start.wait()
        while not readers_done.is_set():
            for policy in policies:
                set_policy(policy)

    readers = [Thread(target=read) for _ in range(4)]
    swapper = Thread(target=swap)
    for thread in (*readers, swapper):
        thread.start()
    for thread in readers:
        thread.join()
    readers_done.set()
    swapper.join()
    assert len(seen) == 800
    assert [headers for headers in seen if headers not in (UNDER_OLD, UNDER_NEW)] == []


RISKY = {"allow_origins": ["http://plain.example"], "max_age": 9000}


def test_the_warnings_of_the_setting_are_logged_once(caplog):
    with override_settings(CORSGUARD=RISKY):
        for _ in range(2):
            send_sync("GET", "/api/hello", APP)
    assert told(caplog) == ["W103", "W301"]


def test_the_warnings_of_a_swap_are_logged_once(caplog):
    with override_settings(CORSGUARD=NEW):
        set_policy({"paths": {"/a": RISKY, "/b": NEW}})
        send_sync("GET", "/api/hello", APP)
    assert told(caplog) == ["W103", "W301"]


def told(caplog):
    assert {(r.name, r.levelno) for r in caplog.records} == {("corsguard", logging.WARNING)}
    return [record.getMessage()[:4] for record in caplog.records]
