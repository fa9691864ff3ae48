"""
A wrong URL is answered with the URL to type. A module that cannot be loaded is reported with its exception.
"""

import json
import sys
import time

import pytest
from click.testing import CliRunner
from kit.checking import in_process
from kit.gateways import free_port

from corsguard.cli.group import group
from corsguard.diagnosis import objects

TYPED = [
    ("localhost:8101/me", "http://localhost:8101/me"),
    ("127.0.0.1:8000", "http://127.0.0.1:8000"),
    ("[::1]:8000/a", "http://[::1]:8000/a"),
    ("192.168.0.7/a", "http://192.168.0.7/a"),
    ("api.example.com/items", "https://api.example.com/items"),
    ("http:/localhost:8000/me", "http://localhost:8000/me"),
    ("http//localhost", "http://localhost"),
    ("https:api.example.com", "https://api.example.com"),
    ("//api.example.com/a", "https://api.example.com/a"),
    (":8000/me", "http://localhost:8000/me"),
    ("/me", "http://localhost:8000/me"),
    ("htps://api.example.com", "https://api.example.com"),
    ("htttp://localhost:8000/a", "http://localhost:8000/a"),
    ("http:\\\\localhost:8000\\ok", "http://localhost:8000/ok"),
    ("GET https://api.example.com/a", "https://api.example.com/a"),
    ("curl 'https://api.example.com/a'", "https://api.example.com/a"),
    ("\u201chttps://api.example.com/a\u201d", "https://api.example.com/a"),
    ("<https://api.example.com/a>", "https://api.example.com/a"),
]


def run(*arguments):
    result = CliRunner().invoke(group, arguments, prog_name="corsguard")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize(("typed", "meant"), TYPED)
@pytest.mark.parametrize("command", ["check", "audit"])
def test_the_right_url_is_named(command, typed, meant):
    result = run(command, typed)
    assert result.exit_code == 2
    assert result.stderr.rstrip().endswith(f" {meant}"), result.stderr


@pytest.mark.parametrize(
    ("typed", "meant"), [("localhost:5173", "http://localhost:5173"), ("http:/localhost:3000", "http://localhost:3000")]
)
@pytest.mark.parametrize("command", [["check", "http://localhost:8000/"], ["explain", "Failed to fetch"]])
def test_the_right_page_is_named(command, typed, meant):
    result = run(*command, "--page", typed)
    assert (result.exit_code, f"Write {meant}" in result.stderr.replace('"', "")) == (2, True), result.stderr


@pytest.mark.parametrize("target", ["http://127.0.0.1:9/a?$filter=Name%20eq%20'Bread'", "http://127.0.0.1:9/a'"])
def test_a_url_may_end_with_a_quotation_mark_of_its_own(target):
    assert run("check", target, "--page", "https://app.example.com", "--timeout", "1").exit_code != 2


@pytest.mark.parametrize("text", [":8000", "..", "a" * 300, "a" * 300 + ".b"])
@pytest.mark.parametrize("command", ["check", "explain"])
def test_no_text_is_a_traceback(command, text):
    assert run(command, text).exit_code == 2


def test_a_page_is_no_pattern_and_a_header_has_a_colon():
    assert 'A page has one origin, and "*" is a pattern.' in run("check", "http://localhost:1/", "--page", "*").stderr
    told = run("check", "http://localhost:1/", "-H", "Authorization=s3cr3t").stderr
    assert 'Write --header "Authorization: ...".' in told
    assert "s3cr3t" not in told


SERVING = "import threading\nthreading.Event().wait(30)\n"
RUNNING = """
from flask import Flask
app = Flask(__name__)
app.add_url_rule("/", view_func=lambda: "x")
app.run(port=1)
"""


def test_a_module_that_starts_a_server_when_it_is_imported_is_given_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(objects, "LONGEST_IMPORT", 0.2)
    (tmp_path / "serving.py").write_text(SERVING)
    told = run("check", "serving:app")
    assert told.exit_code == 2
    assert (
        f"serving was not loaded after 0 seconds, because of {tmp_path}/serving.py, line 2. If it only" in told.stderr
    )


SERVERS = {
    "uvicorn": "import uvicorn\nfrom starlette.applications import Starlette\napp = Starlette()\n"
    "uvicorn.run(app, port={port})\n",
    "wsgiref": "from wsgiref.simple_server import make_server\n\n\n"
    "make_server('127.0.0.1', {port}, None).serve_forever()\n",
    # A module that imports the one that serves.
    "another module": "import sys\nsys.path.insert(0, '.')\n\nimport serving_within\n",
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_an_import_starts_is_named_with_its_line_in_time(tmp_path, name):
    (tmp_path / "serving.py").write_text(SERVERS[name].format(port=free_port()))
    (tmp_path / "serving_within.py").write_text(f"\n\n\n{SERVING.splitlines()[0]}; threading.Event().wait(30)\n")
    began = time.monotonic()
    done = in_process("check", "serving:app", "--timeout", "3", cwd=tmp_path)
    assert (done.returncode, time.monotonic() - began < 25) == (2, True)
    file = "serving_within.py" if name == "another module" else "serving.py"
    assert f"because of {tmp_path}/{file}, line 4. If it only needs more time" in done.stderr
    assert 'starts a server when it is imported, put that below if __name__ == "__main__":' in done.stderr


def test_a_module_that_only_computes_gets_more_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    busy = "import time\nuntil = time.monotonic() + 0.3\nwhile time.monotonic() < until:\n    pass\n"
    (tmp_path / "busy_one.py").write_text(f"{busy}def app(environ, start_response): start_response('200 OK', [])\n")
    told = run("check", "busy_one:app", "--timeout", "0.1")
    assert "busy_one was not loaded" not in told.output


ENDS = "import argparse\nargparse.ArgumentParser().parse_args(['--port'])\n"


def test_a_module_that_reads_arguments_is_named_with_its_line(tmp_path):
    (tmp_path / "ending.py").write_text(ENDS)
    done = in_process("check", "ending:app", cwd=tmp_path)
    assert f"SystemExit: 2 ({tmp_path}/ending.py, line 2) It ends the process while it is imported: put" in done.stderr


def test_a_folder_is_no_target(tmp_path):
    told = run("check", str(tmp_path))
    assert (told.exit_code, "is a folder: give a URL" in told.stderr) == (2, True)


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_time_that_is_no_number_is_refused_with_the_name_of_its_option(value):
    told = run("check", "http://localhost:1/", "--timeout", value)
    assert (told.exit_code, "Invalid value for --timeout" in told.stderr) == (2, True)


def test_flask_starts_no_server_when_it_is_imported(tmp_path):
    (tmp_path / "running.py").write_text(RUNNING)
    done = in_process("check", "running:app", "--page", "https://app.example.com", "--json", cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "blocked"
    assert "Ignoring a call to 'app.run()'" in done.stderr


FAILING = {
    "a missing key": ("raise KeyError('SECRET_KEY')", "KeyError: 'SECRET_KEY'"),
    "several lines": ("raise ValueError('one\\ntwo')", "ValueError: one two"),
    "a missing name": ("from flask import nope", "ImportError: cannot import name 'nope' from 'flask'"),
    "a missing module": ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
    "a syntax error": ("def", "SyntaxError: invalid syntax"),
}


@pytest.mark.parametrize(("code", "said"), FAILING.values(), ids=FAILING.keys())
@pytest.mark.parametrize("command", ["check", "lint"])
def test_a_failing_import_is_reported_with_its_exception(tmp_path, monkeypatch, code, said, command):
    monkeypatch.chdir(tmp_path)
    name = f"failing_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(code)
    result = run(command, f"{name}:app")
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


def test_a_misspelled_settings_module_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    package = f"site_{tmp_path.name.replace('-', '_')}"
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    (tmp_path / package / "settings.py").touch()
    asks = "import os, importlib\nimportlib.import_module(os.environ['DJANGO_SETTINGS_MODULE'])\n"
    (tmp_path / package / "wsgi.py").write_text(asks)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", f"{package}.setings")
    result = run("check", f"{package}.wsgi:application")
    assert result.exit_code == 2
    assert f"ModuleNotFoundError: No module named '{package}.setings'" in result.stderr
    assert f"DJANGO_SETTINGS_MODULE is '{package}.setings'" in result.stderr.replace('"', "'")
    assert f"Did you mean {package}.settings?" in result.stderr
    sys.modules.pop(package, None)
