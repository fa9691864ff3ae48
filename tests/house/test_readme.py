"""
The README is true: its code runs, its output is what the code prints, and its tables are made from the code.

`python tests/house/test_readme.py` writes the tables and the output anew.
"""

import contextlib
import dataclasses
import inspect
import io
import re
import shlex
import socketserver
import ssl
import tempfile
import threading
import tomllib
from pathlib import Path
from unittest import mock
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer, make_server

import pytest
import trustme
from click.testing import CliRunner
from fastapi import FastAPI

import corsguard
from corsguard import CORSMiddleware, Policies, Policy, PolicyError, negotiate
from corsguard.browser import Browser
from corsguard.cli.group import group
from corsguard.configuration import Configuration
from corsguard.errors import RULES

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TEST_COMMAND = "python -m pytest -n auto --dist loadfile"
GUARD = "corsguard_django.middleware.CORSMiddleware"
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
SECTION = re.compile(r"(<!-- ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


SESSION = re.compile(r"```console\n\$ (corsguard [^\n]*)\n```\n\n```text\n(.*?)```", re.DOTALL)

QUICK_START = Policy(
    allow_origins=["https://app.example.com"],
    allow_methods=["GET", "POST", "PUT", "DELETE"],
    allow_headers=["Content-Type"],
    allow_credentials=True,
)


class AsyncSource:
    async def __contains__(self, origin):
        return True

    def __repr__(self):
        return "async_source"


class AwaitedSource:
    async def allows(self, origin):
        return True

    def __repr__(self):
        return "awaited_source"


class SourceWithTwoAnswers(AwaitedSource):
    def __contains__(self, origin):
        return True

    def __repr__(self):
        return "source_with_two_answers"


class AwaitedHosts:
    async def policy_of(self, host):
        return None

    def __repr__(self):
        return "awaited_hosts"


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def example_namespace():
    return {
        **vars(corsguard),
        "Configuration": Configuration,
        "app": hello,
        "policy": Policy(allow_origins="*"),
        "async_source": AsyncSource(),
        "awaited_source": AwaitedSource(),
        "source_with_two_answers": SourceWithTwoAnswers(),
        "awaited_hosts": AwaitedHosts(),
    }


def problem_of(rule):
    """
    Return the one problem or warning that the example of *rule* shows.
    """
    try:
        shown = eval(rule.example, example_namespace())
    except PolicyError as error:
        (problem,) = error.problems
    else:
        policy = shown if isinstance(shown, Policy) else shown.policy
        (problem,) = policy.warnings
    return problem


def in_code(text):
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def table(rules):
    def cell(text):
        return re.sub(r" at 0x[0-9a-f]+", "", text).replace("|", "\\|")

    yield "| code, for example | why | fix |\n|---|---|---|\n"
    for code, rule in rules.items():
        problem = problem_of(rule)
        fix = in_code(cell(str(problem.fix)))
        yield f"| {code}<br>{in_code(cell(rule.example))} | {cell(problem.message)} | {fix} |\n"


def django_table():
    from corsguard_django.checks import RULES as DJANGO_RULES

    def filled(text):
        return re.sub(r"\{(\w+)\}", lambda blank: GUARD if blank[1] == "guard" else "...", text)

    yield "| check | what it says | what to do |\n|---|---|---|\n"
    for code, rule in DJANGO_RULES.items():
        yield f"| corsguard.{code} | {filled(rule.message)} | {rule.instead} |\n"


def sections():
    return {
        "problems": "".join(table({code: rule for code, rule in RULES.items() if code.startswith("E")})),
        "warnings": "".join(table({code: rule for code, rule in RULES.items() if code.startswith("W")})),
        "django checks": "".join(django_table()),
    }


def blocks():
    """
    Return each Python block of the README with the output that stands right below it, if some does.
    """
    return re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", README.read_text(encoding="utf-8"), re.DOTALL)


def sessions():
    """
    Return each command of the command line with the output that stands below it.
    """
    return SESSION.findall(README.read_text(encoding="utf-8"))


def reflecting(environ, start_response):
    """
    The mistake that `audit` finds: it shares with whoever asks, and with their cookies.
    """
    headers = [("Content-Type", "application/json"), ("Access-Control-Allow-Credentials", "true")]
    start_response("200 OK", [*headers, ("Access-Control-Allow-Origin", environ.get("HTTP_ORIGIN", "*"))])
    return [b"{}"]


# What answers at https://api.example.com while a command is shown.
APPLICATIONS = {"check": CORSMiddleware(hello, {"allow_origins": ["https://app.example.com"]}), "audit": reflecting}


@contextlib.contextmanager
def served(app):
    """
    Serve *app* over TLS as api.example.com, and yield what a command needs to find it.
    """
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example.com").configure_cert(context)
    with (
        # Its name has Python's version in it.
        mock.patch.object(ServerHandler, "server_software", ""),
        make_server("127.0.0.1", 0, app, ThreadingServer, QuietHandler) as server,
        authority.cert_pem.tempfile() as cacert,
    ):
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield ["--connect-to", f"127.0.0.1:{server.server_port}", "--cacert", cacert]
        finally:
            server.shutdown()
            thread.join()


class ThreadingServer(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


def play(command):
    """
    Return what *command* of the command line prints.
    """
    program, name, *arguments = shlex.split(command)
    assert program == "corsguard"
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch("secrets.token_hex", return_value="4b1d7e0a"))
        if name in APPLICATIONS:
            arguments += stack.enter_context(served(APPLICATIONS[name]))
        result = CliRunner().invoke(group, [name, *arguments])
    assert result.exit_code == 1, result.output
    # A reader asks the server itself, and curl has to be told nothing of where it is.
    return re.sub(r" --connect-to \S+ --cacert \S+", "", result.stdout)


def toml_blocks():
    return [code for lang, code in FENCE.findall(README.read_text(encoding="utf-8")) if lang == "toml"]


def run(code):
    """
    Run a block as a reader would who has an application already; return what it prints or is refused with.

    Tests in it run too, with an application or a browser as fixtures that is guarded as the quick starts say.
    """
    import flask

    namespace = {
        "Policy": Policy,
        "CORSMiddleware": CORSMiddleware,
        "application": hello,
        "app": FastAPI() if "from corsguard.asgi" in code else flask.Flask("readme"),
        "MIDDLEWARE": ["django.middleware.common.CommonMiddleware"],
        "INSTALLED_APPS": [],
    }
    printed = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.chdir(folder),
        contextlib.redirect_stdout(printed),
    ):
        Path("cors.toml").write_text(toml_blocks()[0], encoding="utf-8")
        try:
            exec(compile(code, "README.md", "exec"), namespace)
        except PolicyError as error:
            print(error)
        tests = [value for name, value in namespace.items() if name.startswith("test_")]
        for test in tests:
            guarded = CORSMiddleware(hello, QUICK_START)
            fixtures = {"app": guarded, "cors_browser": Browser(guarded)}
            test(**{name: fixtures[name] for name in inspect.signature(test).parameters})
    return printed.getvalue(), namespace


@pytest.mark.parametrize(("code", "output"), blocks())
def test_every_block_prints_what_it_shows(code, output):
    """
    Every block runs, and prints what stands below it.
    """
    printed, _ = run(code)
    assert printed == output


@pytest.mark.parametrize(("command", "output"), sessions(), ids=lambda text: text.split()[1])
def test_every_command_prints_what_stands_below_it(command, output):
    assert play(command) == output


def test_the_three_most_useful_commands_are_shown():
    assert [command.split()[1] for command, _ in sessions()] == ["check", "explain", "audit"]


@pytest.mark.parametrize("content", toml_blocks())
def test_every_shown_file_has_no_warnings(content):
    """
    Every file that is shown is read without a warning.
    """
    said = tomllib.loads(content)
    for environment in said["environments"]:
        configuration = Configuration.from_mapping(said, environment)
        assert configuration.warnings == ()
        assert Policies(configuration)


def test_the_kit_is_shown_in_ten_lines():
    """
    The kit is shown in at most ten lines for each framework.
    """
    shown = [code for code, _ in blocks() if "def test_" in code]
    assert len(shown) == 2
    assert all(len([line for line in code.splitlines() if line]) <= 10 for code in shown)


def test_the_quick_starts_share_as_they_say():
    (fastapi_block, _), (flask_block, _), (django_block, _), (wsgi, _) = blocks()[:4]
    assert all(len(block.strip().splitlines()) <= 12 for block in (fastapi_block, flask_block, django_block, wsgi))
    policy = run(wsgi)[1]["application"].policy
    assert policy == QUICK_START
    assert run(fastapi_block)[1]["app"].state.corsguard.policy == policy
    assert run(flask_block)[1]["app"].extensions["corsguard"].policy == policy
    settings = run(django_block)[1]
    assert settings["CORSGUARD"].pop("allow_headers") == ["Content-Type", "X-CSRFToken"]
    assert Policies({**settings["CORSGUARD"], "allow_headers": ["Content-Type"]}).policy == policy
    assert settings["CSRF_TRUSTED_ORIGINS"] == ["https://app.example.com"]
    assert settings["MIDDLEWARE"][0] == GUARD


@pytest.mark.parametrize("name", ["problems", "warnings", "django checks"])
def test_the_tables_are_made_from_the_code(name):
    written = {
        found: body
        for _, found, body in re.findall(
            r"(<!-- ([\w ]+) -->\n)(.*?)<!-- end -->", README.read_text(encoding="utf-8"), re.DOTALL
        )
    }
    assert written[name] == sections()[name], "python tests/house/test_readme.py writes it anew"


def rows(heading):
    text = README.read_text(encoding="utf-8").partition(heading)[2]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_keywords_names_them_all_in_order():
    named = [row[0].strip("`") for row in rows("## The policy")]
    assert named == [field.name for field in dataclasses.fields(Policy) if field.init]


@pytest.mark.parametrize("row", rows("### Origin patterns"), ids=lambda row: row[0].split("`")[1])
def test_a_pattern_covers_what_its_row_says(row):
    pattern = re.findall("`(.*?)`", row[0])[0]
    policy = Policy(allow_origins=[pattern])
    covered = [pattern] if row[1] == "exactly that origin" else re.findall("`(.*?)`", row[1])
    others = re.findall("`(.*?)`", row[2])
    assert covered
    assert others
    for origin in covered:
        assert negotiate(policy, {"HTTP_ORIGIN": origin}).refusal is None
    for origin in others:
        assert negotiate(policy, {"HTTP_ORIGIN": origin}).refusal is not None


def test_the_commands_of_the_readme_are_run():
    """
    The commands of the README are those that are run.
    """
    console = "".join(code for lang, code in FENCE.findall(README.read_text(encoding="utf-8")) if lang == "console")
    assert f".venv/bin/{TEST_COMMAND}\n" in console
    assert f"\n{TEST_COMMAND}\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert 'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]"\n' in console
    assert 'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]"\n' in contributing
    for script in re.findall(r"python ((?:examples|tests)/\S+)", console + contributing):
        assert (ROOT / script.strip("`")).exists()


def rewrite():
    text = README.read_text(encoding="utf-8")
    made = sections()
    text = SECTION.sub(lambda match: match[1] + made[match[2]] + match[3], text)
    for code, output in blocks():
        if output:
            text = text.replace(
                f"```python\n{code}```\n\n```text\n{output}```", f"```python\n{code}```\n\n```text\n{run(code)[0]}```"
            )
    text = SESSION.sub(lambda match: f"{match[0].removesuffix(f'{match[2]}```')}{play(match[1])}```", text)
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
