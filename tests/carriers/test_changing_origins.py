"""
The example whose tenants change while it runs, with a real database and real servers.
"""

import re
import shutil
import sys
from functools import partial

import pytest
from kit.serving import EXAMPLES, said, served, started
from kit.storing import ask_until, shared

pytestmark = pytest.mark.server

ONE = "https://one.example"
TWO = "https://two.example"
PROJECT = EXAMPLES / "tenants_django"


def environment_with(database):
    return {
        "TENANTS_DATABASE": str(database),
        "TENANTS_EVERY": "0.1",
        "PYTHONPATH": str(PROJECT),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run(environment, *command):
    """
    Return what `manage.py` prints.
    """
    with started(PROJECT / "manage.py", *command, **environment) as process:
        output = said(process)
    assert process.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def migrated(tmp_path_factory):
    """
    A migrated database. Each test has a copy, because a migration takes longer than most of them.
    """
    database = tmp_path_factory.mktemp("migrated") / "tenants.sqlite3"
    run(environment_with(database), "migrate")
    return database


@pytest.fixture
def project(migrated, tmp_path):
    """
    Return the environment of the project with a migrated database, and a function that runs `manage.py`.
    """
    environment = environment_with(shutil.copy(migrated, tmp_path))
    return environment, partial(run, environment)


def test_the_migration_matches_the_model(project):
    _, manage = project
    assert "No changes detected" in manage("makemigrations", "--check", "--dry-run")
    assert "System check identified no issues" in manage("check")


@pytest.mark.parametrize(
    ("server", "application", "more"),
    [
        ("gunicorn", "tenants.wsgi:application", {"GUNICORN_CMD_ARGS": "--preload"}),
        ("gunicorn", "tenants.wsgi:application", {}),
        # With workers, this server imports the application in its event loop. Django allows no database query there.
        ("uvicorn", "tenants.asgi:application", {}),
    ],
)
def test_tenants_are_added_and_removed_while_the_server_runs(project, server, application, more):
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


def test_a_process_that_saves_a_tenant_uses_it_at_once(project):
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
    # This is long enough that no refresh comes by itself.
    with started("-c", program, **environment | {"TENANTS_EVERY": "3600"}) as process:
        output = said(process)
    assert output.split("\n") == ["False", "True", "False None", ""]


def test_a_tenant_with_an_origin_that_no_policy_takes_is_not_saved(project):
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


def test_the_projects_start_as_their_docstrings_say():
    text = (PROJECT / "manage.py").read_text("utf-8")
    for command in re.findall(r"^    python (\S+)", text, re.MULTILINE):
        assert (EXAMPLES.parent / command).is_file()
    assert sys.modules.get("tenants") is None
