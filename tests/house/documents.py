"""
The pages that a reader reads, the README and the manual: which code they contain, and how to run it as a reader would.

`python tests/house/documents.py` writes all that is made from the code: the pages of codes, the tables, and the output
of blocks and commands.
"""

import contextlib
import inspect
import io
import re
import shlex
import socketserver
import ssl
import tempfile
import threading
from pathlib import Path
from unittest import mock
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer, make_server

import trustme
from click.testing import CliRunner

import corsguard
from corsguard import CORSMiddleware, Policy, PolicyError
from corsguard.browser import Browser
from corsguard.cli.group import group
from corsguard.configuration import Configuration

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
MANUAL = ROOT / "corsguard" / "manual"
PAGES = sorted(MANUAL.glob("*.md"))
GUARD = "corsguard_django.middleware.CORSMiddleware"

# A block of Python, followed by its output if the page shows it; or a file.
BLOCK = re.compile(r"```(python|toml)\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
SESSION = re.compile(r"```console\n\$ (corsguard [^\n]*)\n```\n\n```text\n(.*?)```", re.DOTALL)
SECTION = re.compile(r"(<!-- ([\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)

QUICK_START = Policy(
    allow_origins=["https://app.example.com"],
    allow_methods=["GET", "POST", "PUT", "DELETE"],
    allow_headers=["Content-Type"],
    allow_credentials=True,
)


def text_of(path):
    return path.read_text(encoding="utf-8")


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


class Document:
    """
    A page, and a reader who types its blocks one after the other, in a folder with the files that the page shows.
    """

    def __init__(self, path):
        self.path = path
        self.blocks = BLOCK.findall(text_of(path))
        # The reader already has these.
        self.namespace = {
            "__name__": path.stem,
            "application": hello,
            "MIDDLEWARE": ["django.middleware.common.CommonMiddleware"],
            "INSTALLED_APPS": [],
        }

    def run(self, *, before=lambda code: None):
        """
        Yield each block of Python with the output that the page shows, and the output or the error that it really has.

        Tests in a block run too. Their fixtures are an application, guarded as in the quick starts, or a browser.
        *before* is called with each block before it runs.
        """
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            for language, code, shown in self.blocks:
                if language == "toml":
                    # The first one is the one that the page is about.
                    if not Path("cors.toml").exists():
                        Path("cors.toml").write_text(code, encoding="utf-8")
                    continue
                before(code)
                yield code, shown, self._run(code)

    def _run(self, code):
        known = set(self.namespace)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                exec(compile(code, self.path.name, "exec"), self.namespace)  # we wrote the pages
            except PolicyError as error:
                print(error)
        for name in self.namespace.keys() - known:
            if name.startswith("test_"):
                self._test(self.namespace[name])
        return printed.getvalue()

    def _test(self, test):
        guarded = CORSMiddleware(hello, QUICK_START)
        fixtures = {"app": guarded, "cors_browser": Browser(guarded)}
        test(**{name: fixtures[name] for name in inspect.signature(test).parameters})


# The examples of the rules


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


class StreamedHosts:
    async def policy_of(self, host):
        yield None

    def __repr__(self):
        return "streamed_hosts"


def problem_of(rule):
    """
    Return the one problem or warning of the example of *rule*.
    """
    names = {
        **vars(corsguard),
        "Configuration": Configuration,
        "app": hello,
        "policy": Policy(allow_origins="*"),
        "async_source": AsyncSource(),
        "awaited_source": AwaitedSource(),
        "source_with_two_answers": SourceWithTwoAnswers(),
        "streamed_hosts": StreamedHosts(),
    }
    try:
        shown = eval(rule.example, names)
    except PolicyError as error:
        (problem,) = error.problems
    else:
        policy = shown if isinstance(shown, Policy) else shown.policy
        (problem,) = policy.warnings
    return problem


# Commands


def reflecting(environ, start_response):
    """
    The mistake that `audit` finds: it shares with every origin, with cookies.
    """
    headers = [("Content-Type", "application/json"), ("Access-Control-Allow-Credentials", "true")]
    start_response("200 OK", [*headers, ("Access-Control-Allow-Origin", environ.get("HTTP_ORIGIN", "*"))])
    return [b"{}"]


# The servers at https://api.example.com while a command is shown.
APPLICATIONS = {"check": CORSMiddleware(hello, {"allow_origins": ["https://app.example.com"]}), "audit": reflecting}


class ThreadingServer(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def served(app):
    """
    Serve *app* over TLS as api.example.com. Yield the arguments that let a command find it.
    """
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example.com").configure_cert(context)
    with (
        # Its name contains Python's version.
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
    assert result.exit_code in {0, 1}, result.output
    # A reader asks the server itself, and curl needs no option to find it.
    return re.sub(r" --connect-to \S+ --cacert \S+", "", result.stdout)


def with_named_blanks(text):
    """
    Return the *text* of a rule with the name of each placeholder in place of its value.
    """
    return re.sub(r"\{(\w+)\}", lambda blank: GUARD if blank[1] == "guard" else f"*{blank[1]}*", text)


def django_table():
    from corsguard_django.checks import RULES

    yield "| check | what it says | what to do |\n|---|---|---|\n"
    for code, rule in RULES.items():
        yield f"| corsguard.{code} | {with_named_blanks(rule.message)} | {rule.instead} |\n"


def tables():
    """
    Return each table that is made from the code, by its name.
    """
    return {"django checks": "".join(django_table())}


def tables_in(text):
    """
    Return each table in *text* that is made from the code, by its name.
    """
    return {found[2]: found[0].removeprefix(found[1]).removesuffix(found[3]) for found in SECTION.finditer(text)}


def rewrite():
    import code_pages
    import conftest  # noqa: F401 - configures Django

    for name in code_pages.PAGES:
        (MANUAL / f"{name}.md").write_text(code_pages.page(name), encoding="utf-8")
    made = tables()
    for path in (README, *PAGES):
        text = text_of(path)
        text = SECTION.sub(lambda match: match[1] + made.get(match[2], tables_in(match[0])[match[2]]) + match[3], text)
        # Output that needs an extra which is not installed stays as it is.
        with contextlib.suppress(ModuleNotFoundError):
            for code, shown, printed in Document(path).run():
                block = f"```python\n{code}```\n\n```text\n"
                text = text.replace(f"{block}{shown}```", f"{block}{printed}```") if shown else text
        text = SESSION.sub(lambda match: f"{match[0].removesuffix(f'{match[2]}```')}{play(match[1])}```", text)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
