"""
The examples whose origins change while they run, with a real database, a real Redis and real servers.
"""

import importlib
import re
import runpy
import sys
import time

import pytest
from kit.serving import EXAMPLES, Server, lines_until, missing, redis_at, said, served, started

pytestmark = pytest.mark.server

ONE = "https://one.example"
TWO = "https://two.example"
PROJECT = EXAMPLES / "tenants_django"
PATIENCE = 30


def shared(server, origin):
    """
    Return whether *server* shares with *origin*, and the process that answered.
    """
    reply = server.exchange("GET", "/orders", f"Origin: {origin}")
    granted = ("access-control-allow-origin", origin) in reply.cors()
    assert granted == (("access-control-allow-credentials", "true") in reply.cors())
    assert ("vary", "Origin") in reply.cors()
    return granted, int(re.search(rb'"process": (\d+)', reply.body)[1])


def ask_until(server, origin, expected, processes):
    """
    Ask until each of so many *processes* has answered as *expected*, which each takes its time to notice.
    """
    deadline = time.monotonic() + PATIENCE
    answers = {}
    while len(answers) < processes or set(answers.values()) != {expected}:
        assert time.monotonic() < deadline, answers
        granted, process = shared(server, origin)
        answers[process] = granted


# Tenants of a Django project.


@pytest.fixture
def project(tmp_path):
    """
    Return the environment of the project with a database that is migrated, and a function that runs `manage.py`.
    """
    environment = {
        "TENANTS_DATABASE": str(tmp_path / "tenants.sqlite3"),
        "TENANTS_EVERY": "0.1",
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    def manage(*command):
        with started(PROJECT / "manage.py", *command, **environment) as process:
            output = said(process)
        assert process.returncode == 0, output
        return output

    manage("migrate")
    return environment, manage


def test_the_migration_is_that_of_the_model(project):
    _, manage = project
    assert "No changes detected" in manage("makemigrations", "--check", "--dry-run")
    assert "System check identified no issues" in manage("check")


@pytest.mark.parametrize(
    ("server", "application", "more"),
    [
        ("gunicorn", "tenants.wsgi:application", {"GUNICORN_CMD_ARGS": "--preload"}),
        ("gunicorn", "tenants.wsgi:application", {}),
        # With workers it imports the application in its event loop, where Django lets nobody ask the database.
        ("uvicorn", "tenants.asgi:application", {}),
    ],
)
def test_tenants_come_and_go_while_the_server_runs(project, server, application, more):
    environment, manage = project
    manage("shell", "-c", f"Tenant.objects.create(origin='{ONE}')")
    processes = 2
    with served(server, application, WEB_CONCURRENCY=str(processes), **environment, **more) as running:
        ask_until(running, ONE, True, processes)
        assert not shared(running, TWO)[0]
        manage(
            "shell",
            "-c",
            f"Tenant.objects.create(origin='{TWO}'); Tenant.objects.filter(origin='{ONE}').delete()",
        )
        ask_until(running, TWO, True, processes)
        ask_until(running, ONE, False, processes)
        # A list that cannot be read any more changes nothing.
        manage("shell", "-c", "Tenant.objects.update(origin='https://three.example/')")
        assert "E203" in running.lines_until("E203")[-1]
        ask_until(running, TWO, True, processes)


def test_a_process_that_saves_a_tenant_notices_at_once(project):
    environment, _ = project
    program = f"""
from django.test import Client
from tenants.wsgi import source
from tenants.models import Tenant

def is_shared():
    return Client(headers={{"Origin": "{ONE}"}}).get("/orders").has_header("Access-Control-Allow-Origin")

print(is_shared())
tenant = Tenant.objects.create(origin="{ONE}")
print(is_shared())
tenant.delete()
print(is_shared(), source.last_error)
"""
    # Long enough for nothing to be noticed by itself.
    with started("-c", program, **environment | {"TENANTS_EVERY": "3600"}) as process:
        output = said(process)
    assert output.split("\n") == ["False", "True", "False None", ""]


def test_a_tenant_with_a_bad_origin_is_not_saved(project):
    """
    A tenant whose origin no policy would list is not saved.
    """
    environment, _ = project
    program = """
import tenants.wsgi
from django.core.exceptions import ValidationError
from tenants.models import Tenant

for origin in ("https://one.example/", "*", "http://one.example", "https://*.github.io", "null"):
    try:
        Tenant.objects.create(origin=origin)
    except ValidationError as error:
        print(*error.message_dict["origin"])
print(Tenant.objects.count())
"""
    with started("-c", program, **environment) as process:
        *refused, count, _ = said(process).split("\n")
    assert count == "0"
    assert len(refused) == 5
    assert refused[0].endswith('Write "https://one.example"')


def test_a_server_does_not_start_without_its_table(project, tmp_path):
    environment, _ = project
    command = "import tenants.wsgi"
    with started("-c", command, **environment | {"TENANTS_DATABASE": str(tmp_path / "empty")}) as process:
        output = said(process)
    assert process.returncode == 1
    assert "no such table: tenants_tenant" in output


# One set in Redis for several machines.


@pytest.fixture
def client():
    """
    Return the client library of Redis.
    """
    try:
        return importlib.import_module("redis")
    except ImportError:
        missing("redis is not installed")


def test_servers_share_one_set_of_origins(tmp_path, client):
    with redis_at(tmp_path) as (url, _), client.Redis.from_url(url) as store:
        store.sadd("corsguard:origins", ONE)
        environment = {"REDIS_URL": url, "REMEMBER_SECONDS": "0.1"}
        with (
            served("gunicorn", "redis_origins:application", GUNICORN_CMD_ARGS="--workers=2", **environment) as here,
            served("gunicorn", "redis_origins:application", GUNICORN_CMD_ARGS="--preload", **environment) as there,
        ):
            for server, processes in ((here, 2), (there, 1)):
                ask_until(server, ONE, True, processes)
                assert not shared(server, TWO)[0]
            store.sadd("corsguard:origins", TWO)
            store.srem("corsguard:origins", ONE)
            for server, processes in ((here, 2), (there, 1)):
                ask_until(server, TWO, True, processes)
                ask_until(server, ONE, False, processes)


def test_while_redis_is_gone_memory_decides(tmp_path, client):
    """
    While Redis is gone only what is remembered is shared with.
    """
    with redis_at(tmp_path) as (url, process):
        with client.Redis.from_url(url) as store:
            store.sadd("corsguard:origins", ONE, TWO)
        environment = {"REDIS_URL": url, "REMEMBER_SECONDS": "3600"}
        with served("gunicorn", "redis_origins:application", **environment) as server:
            assert shared(server, ONE)[0]
            process.kill()
            process.wait()
            assert shared(server, ONE)[0]
            assert not shared(server, TWO)[0]
            assert "The origin source failed" in server.lines_until("The origin source failed")[-1]
            # The no was not remembered.
            (tmp_path / "redis").unlink(missing_ok=True)
            with redis_at(tmp_path) as (again, _), client.Redis.from_url(again) as store:
                store.sadd("corsguard:origins", TWO)
                assert shared(server, TWO)[0]


def test_a_memory_spares_redis_the_questions(tmp_path, client, monkeypatch):
    with redis_at(tmp_path) as (url, _), client.Redis.from_url(url) as store:
        store.sadd("corsguard:origins", ONE)
        monkeypatch.setenv("REDIS_URL", url)
        application = runpy.run_path(str(EXAMPLES / "redis_origins.py"))["application"]

        def questions():
            return store.info("commandstats").get("cmdstat_sismember", {"calls": 0})["calls"]

        for _ in range(10):
            for origin in (ONE, TWO):
                environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}
                sent = []
                application(environ, lambda _, headers, error=None, sent=sent: sent.extend(headers))
                assert (("Access-Control-Allow-Origin", origin) in sent) == (origin == ONE)
        assert questions() == 2


def test_the_example_starts_as_its_docstring_says(tmp_path, client):
    assert client
    with redis_at(tmp_path) as (url, _), started(EXAMPLES / "redis_origins.py", PORT="0", REDIS_URL=url) as process:
        port = int(re.search(r"http://localhost:(\d+)", lines_until("http://", process)[-1])[1])
        assert shared(Server(port, process), ONE)[0] is False


def test_the_projects_start_as_their_docstrings_say():
    text = (PROJECT / "manage.py").read_text("utf-8")
    for command in re.findall(r"^    python (\S+)", text, re.MULTILINE):
        assert (EXAMPLES.parent / command).is_file()
    assert sys.modules.get("tenants") is None
