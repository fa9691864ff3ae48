"""
Each example starts with the command in its docstring, and the mistakes are refused as printed.
"""

import ast
import os
import re
import runpy
import shutil
from contextlib import contextmanager
from dataclasses import replace

import pytest
from kit.serving import EXAMPLES, PAGE_ORIGIN, Server, lines_until, missing, needed, started

from corsguard import CORSMiddleware, Policy, PolicyError
from corsguard.browser import Browser, LiveTransport, NetworkError, WireRequest
from corsguard.testing import assert_shared

APPLICATIONS = ["wsgi_app.py", "flask_app.py", "django_app.py", "asgi_app.py", "fastapi_app.py", "falcon_guard.py"]

CODES = {
    "Everyone may read, and cookies work.": ["E301"],
    "One origin, without a list around it.": ["E102"],
    "An origin, copied from the address bar.": ["E203"],
    "Two origins, from an environment variable.": ["E201"],
    "An origin without its scheme.": ["E202"],
    "All subdomains, as a regular expression.": ["E211"],
    "All previews at a hosting service, with cookies.": ["E303"],
    "Pages that are opened from a file.": ["E212"],
    "A production site without TLS, with cookies.": ["E302"],
    "PATCH, as the page spells it.": ["E403"],
    "Cookies, by the names of their headers.": ["E502", "E601"],
    "Settings that come as text.": ["E701", "E702"],
    "A keyword, misspelled.": ["E106"],
}


def policy_written_in(source):
    """
    Return the keywords of the policy as *source* writes them.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Policy":
            return {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        if isinstance(node, ast.keyword) and node.arg == "CORSGUARD":
            items = zip(node.value.keys, node.value.values, strict=True)
            return {key.value: ast.unparse(value) for key, value in items}
    raise AssertionError("no policy in it")


PROGRAMS = [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*/manage.py")]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_the_first_line_of_an_example_names_its_command(path):
    first = ast.get_docstring(ast.parse(path.read_text("utf-8"))).splitlines()[0]
    assert re.match(rf"Run `python examples/{path.relative_to(EXAMPLES)}[ `].*[.:]$", first)


@pytest.mark.server
@pytest.mark.parametrize("name", APPLICATIONS)
def test_an_example_starts_as_its_docstring_says_and_is_guarded(name):
    with started(EXAMPLES / name, PORT="0", PAGE_ORIGIN=PAGE_ORIGIN) as process:
        output = lines_until("http://", process)
        port = int(re.search(r"http://localhost:(\d+)", output[-1])[1])
        reply = Server(port, process).exchange("GET", "/notes/1", f"Origin: {PAGE_ORIGIN}")
        head = Server(port, process).exchange("HEAD", "/notes/1", f"Origin: {PAGE_ORIGIN}")
    assert (head.status, head.cors(), head.body) == (200, reply.cors(), b"")
    assert (reply.status, reply.cors()) == (
        200,
        [
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-origin", PAGE_ORIGIN),
            ("access-control-expose-headers", "X-Word-Count"),
            ("vary", "Origin"),
        ],
    )


def test_the_applications_have_the_same_policy_word_for_word():
    sources = [(EXAMPLES / name).read_text("utf-8") for name in APPLICATIONS]
    assert all('\nPAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")\n' in text for text in sources)
    first, *others = map(policy_written_in, sources)
    assert len(first) == 5
    assert others == [first] * (len(APPLICATIONS) - 1)


@contextmanager
def browser_for(*command):
    """
    Start an example. Yield the model of a browser, and the address of the API.
    """
    with started(*command, PORT="0", PAGE_ORIGIN=PAGE_ORIGIN) as process, LiveTransport() as network:
        address = re.search(r"http://(?:localhost|127\.0\.0\.1):\d+", lines_until("http://", process)[-1])[0]
        yield Browser(network), address.replace("127.0.0.1", "localhost")


@pytest.mark.server
def test_a_page_changes_a_note_of_the_rest_framework_with_patch():
    """
    It logs in, and sends the token that it got. Without the token Django refuses.
    """
    command = (EXAMPLES / "django_rest/manage.py", "runserver", "--noreload", "localhost:0")
    with browser_for(*command) as (browser, api):
        page = browser.open(PAGE_ORIGIN)
        known = {"username": "ann", "password": "only an example"}
        token = page.fetch(f"{api}/login", method="POST", json=known, credentials="include").json()["token"]
        change = {"method": "PATCH", "json": {"text": "Buy milk and bread"}, "credentials": "include"}
        refused = page.fetch(f"{api}/notes/1", **change)
        changed = page.fetch(f"{api}/notes/1", **change, headers={"X-CSRFToken": token})
        read = page.fetch(f"{api}/notes/1", credentials="include")
        stranger = page.fetch(f"{api}/notes/1")
    assert (refused.status, refused.json()) == (403, {"detail": "CSRF Failed: CSRF token missing."})
    assert (changed.status, read.json()) == (200, {"text": "Buy milk and bread"})
    assert stranger.status == 403


@pytest.mark.server
def test_blueprints_have_policies_of_their_own():
    with browser_for(EXAMPLES / "flask_blueprints.py") as (browser, api):
        page, stranger = browser.open(PAGE_ORIGIN), browser.open("http://localhost:9000")
        page.fetch(f"{api}/shop/login", method="POST", json={"user": "ann"}, credentials="include")
        order = {"method": "POST", "json": {}, "credentials": "include"}
        assert page.fetch(f"{api}/shop/orders", **order).json() == {"text": "ann ordered"}
        for url in ("shop/orders", "catalogue/prices", "staff/orders"):
            with pytest.raises(NetworkError):
                stranger.fetch(f"{api}/{url}")
        for url in ("catalogue/prices", "staff/orders"):
            with pytest.raises(NetworkError):
                page.fetch(f"{api}/{url}")
        assert stranger.fetch(f"{api}/catalogue/items").json() == ["pen", "paper"]
        # A form needs no preflight, and carries the cookie. Protection refuses it.
        with pytest.raises(NetworkError):
            stranger.fetch(f"{api}/shop/orders", method="POST", body="text=pen", credentials="include")
        assert stranger.network[-1].response.status == 403


@pytest.mark.server
@pytest.mark.parametrize("path", ["/static/font.txt", "/static/none", "/notes/1", "/notes/2"])
def test_a_gateway_serves_static_files_under_the_policy_of_the_application(path):
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        missing("nginx is not installed (Debian: apt-get install nginx)")
    with browser_for(EXAMPLES / "gateway_static.py") as (browser, gateway):
        url = f"{gateway}{path}"
        response = browser.open(PAGE_ORIGIN).fetch(url, credentials="include")
        with pytest.raises(NetworkError):
            browser.open("http://localhost:9000").fetch(url)
    assert response.status == (404 if path in {"/static/none", "/notes/2"} else 200)


VERSION = "2025-06-18"
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "a page", "version": "1"}},
}
CALL = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {"name": "count_words", "arguments": {"text": "buy more milk"}},
}
ACCEPTED = {"Accept": "application/json, text/event-stream"}


@pytest.mark.server
def test_only_a_listed_page_uses_the_mcp_server():
    """
    It opens a session, uses it and ends it. No other page may, whether corsguard or the SDK judges it.
    """
    needed("mcp")
    with started(EXAMPLES / "mcp_server.py", PORT="0", PAGE_ORIGIN=PAGE_ORIGIN) as process, LiveTransport() as network:
        url = re.search(r"http://localhost:\d+/mcp", lines_until("http://", process)[-1])[0]
        page = Browser(network).open(PAGE_ORIGIN)
        begun = page.fetch(url, method="POST", json=INITIALIZE, headers=ACCEPTED)
        session = {"Mcp-Session-Id": begun.headers["Mcp-Session-Id"], "Mcp-Protocol-Version": VERSION}
        called = page.fetch(url, method="POST", json=CALL, headers={**ACCEPTED, **session})
        ended = page.fetch(url, method="DELETE", headers=session)
        gone = page.fetch(url, method="POST", json=CALL, headers={**ACCEPTED, **session})
        resumed = page.fetch(url, headers={**ACCEPTED, **session, "Last-Event-ID": "1", "Authorization": "Bearer 1"})
        with pytest.raises(NetworkError) as refused:
            Browser(network).open("http://localhost:9000").fetch(url, method="POST", json=INITIALIZE)
        # What the SDK itself says, without a browser.
        lines = (("Origin", "http://localhost:9000"), ("Content-Type", "application/json"))
        reply = network(WireRequest("POST", url, lines, b"{}"))
    assert [answer.status for answer in (begun, called, ended, gone, resumed)] == [200, 200, 200, 404, 404]
    assert '"structuredContent":{"result":3}' in called.text()
    assert refused.value.reason == "preflight_missing_allow_origin"
    assert (reply.status, reply.body) == (403, b"Invalid Origin header")


def test_every_classic_mistake_is_refused_for_its_own_reason_and_printed(capsys):
    mistakes = runpy.run_path(str(EXAMPLES / "incorrect.py"), run_name="__main__")["MISTAKES"]
    printed = capsys.readouterr().out
    refused = {}
    for meant, keywords in mistakes.items():
        with pytest.raises(PolicyError) as error:
            Policy.from_mapping(keywords)
        assert f"# {meant}\nPolicy.from_mapping({keywords})\n\nPolicyError: {error.value}\n" in printed
        refused[meant] = [problem.code for problem in error.value.problems]
    assert refused == CODES


PAGE = PAGE_ORIGIN
NOTE = "http://localhost:8001/notes/1"
# A mistake in the demo's policy, the fetch that it breaks, and the line to change that the testing kit names.
MISTAKES = {
    "a missing header": (
        {"allow_headers": []},
        {"method": "POST", "url": NOTE, "json": {}, "credentials": "include"},
        'allow_headers=["Content-Type"]',
    ),
    "a wildcard where the page uses credentials": (
        {"allow_origins": "*", "allow_credentials": False},
        {"url": NOTE, "credentials": "include"},
        f'allow_origins=["{PAGE}"], allow_credentials=True',
    ),
    "a forgotten origin": (
        {"allow_origins": ["https://www.example.com"]},
        {"url": NOTE, "credentials": "include"},
        f'"{PAGE}"]',
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_kit_names_the_line_of_the_demos_policy_to_change(mistake):
    changes, fetch, line = MISTAKES[mistake]
    policy = runpy.run_path(str(EXAMPLES / "wsgi_app.py"))["POLICY"]
    app = runpy.run_path(str(EXAMPLES / "wsgi_app.py"))["notebook"]
    with pytest.raises(AssertionError) as error:
        assert_shared(CORSMiddleware(app, replace(policy, **changes)), page=PAGE, **fetch)
    (told,) = (text for text in str(error.value).splitlines() if text.strip().startswith("policy:"))
    assert line in told
    # The whole policy, unchanged, needs no change.
    assert_shared(CORSMiddleware(app, policy), page=PAGE, **fetch)
