"""
Projects that really moved. Before and after answer a browser alike, wherever the old answer was right.

The model of the browser judges. DIFFERENT has each case that differs, with the reason.
"""

import ast
import os
import runpy
import subprocess
import sys
from contextlib import contextmanager
from itertools import product

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from flask import Flask
from kit.serving import EXAMPLES

from corsguard.browser import Browser, NetworkError
from corsguard_flask.translation import translate, translate_view

MOVING = EXAMPLES / "moving"
SHOP = MOVING / "django_shop"
API = "https://api.example.com"

ORIGINS = [
    "https://app.example.com",
    "https://one.staging.example.com",
    "https://one.two.staging.example.com",
    "https://pr-7.example.com",
    "https://partner.example",
    "http://localhost:3000",
    # None of these is meant to be allowed.
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://staging.example.com",
    "https://pr-.example.com",
    "https://pr-7.other.example.com",
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://one.staging.example.com.evil.example",
    "https://pr-a.example.com",
    "null",
]
JSON = {"Content-Type": "application/json"}


def outcome(browser, origin, method, path, **request):
    """
    Return what a page of *origin* gets, or that it is blocked.
    """
    page = browser.open("https://any.example" if origin == "null" else origin, origin=origin)
    try:
        response = page.fetch(API + path, method=method, **request)
    except NetworkError:
        return "blocked"
    return response.status, sorted(response.headers.items()), response.body


def differing(before, after, requests):
    """
    Return the cases, by origin and name of the request, in which *after* does not do what *before* does.
    """
    found = {}
    for origin, (name, (method, path, request)) in product(ORIGINS, requests.items()):
        # Each case has a browser of its own, so that no cookie and no preflight of another case counts.
        old, new = (outcome(Browser(app), origin, method, path, **request) for app in (before, after))
        if old != new:
            found[origin, name] = "blocked now" if new == "blocked" else "read now" if old == "blocked" else (old, new)
    return found


def expected(different, requests):
    """
    Return {case: what happens} for rows of origins, names of requests, and what happens for a reason.
    """
    return {
        (origin, name): happens
        for origins, names, happens, _ in different
        for origin, name in product(origins, names)
        if name in requests
    }


FLASK_REQUESTS = {
    "list": ("GET", "/api/tickets", {}),
    "list with cookies": ("GET", "/api/tickets", {"credentials": "include"}),
    "change": ("PUT", "/api/tickets/1", {"json": {"text": "A lamp"}}),
    "change with a token": ("PUT", "/api/tickets/1", {"json": {"text": "A lamp"}, "headers": {"X-CSRF-Token": "1"}}),
    "change what is missing": ("PUT", "/api/tickets/2", {"json": {"text": "A lamp"}}),
    "change with a header": ("PUT", "/api/tickets/1", {"json": {"text": "A lamp"}, "headers": {"X-Other": "1"}}),
    "a method of no route": ("DELETE", "/api/tickets/1", {}),
    "a path of no route": ("GET", "/api/none", {}),
    "JSON to a path of no route": ("POST", "/api/none", {"json": 1}),
    "public": ("GET", "/public/status", {}),
    "public with a token": ("GET", "/public/status", {"headers": {"Authorization": "Bearer 1"}}),
    "public with cookies": ("GET", "/public/status", {"credentials": "include"}),
    "apiary": ("GET", "/apiary", {}),
    "embedded": ("GET", "/embed/1", {}),
    "embedded with a header": ("GET", "/embed/1", {"headers": {"X-Trace": "1"}}),
    "embedded and missing": ("GET", "/embed/2", {}),
}
MEANT = [
    "https://app.example.com",
    "https://one.staging.example.com",
    "https://one.two.staging.example.com",
    "https://pr-7.example.com",
]
BOTH_READ = [
    "list",
    "list with cookies",
    "change",
    "change with a token",
    "change what is missing",
    "a method of no route",
    "a path of no route",
]
STRANGER = "https://one.staging.example.com.evil.example"
FLASK_DIFFERENT = [
    ([STRANGER], [*BOTH_READ, "apiary"], "blocked now", "an expression without `$` let a stranger's site in"),
    (MEANT, ["apiary"], "blocked now", "/api/* is an expression that covers /apiary, which nobody meant"),
    (["https://pr-a.example.com"], BOTH_READ, "read now", "the team took the # away: pr-*.example.com is all theirs"),
    (
        [*MEANT, "https://pr-a.example.com"],
        ["JSON to a path of no route"],
        "read now",
        "the preflight was answered by the router, with 404; now the page can read the 404",
    ),
    (["https://partner.example"], ["embedded and missing"], "read now", "a decorated view's errors had no headers"),
]


def flask_before():
    return runpy.run_path(str(MOVING / "flask_before.py"))["app"]


def flask_after():
    return runpy.run_path(str(MOVING / "flask_after.py"))["app"]


def test_the_flask_project_answers_alike_wherever_the_old_answer_was_right():
    before, after = flask_before(), flask_after()
    assert differing(before, after, FLASK_REQUESTS) == expected(FLASK_DIFFERENT, FLASK_REQUESTS)


@pytest.mark.parametrize("app", [flask_before, flask_after])
def test_cookies_of_the_flask_project_arrive_before_and_after(app):
    browser = Browser(app())
    page = browser.open("https://app.example.com")
    assert page.fetch(f"{API}/api/login", method="POST", json={"user": "Ada"}, credentials="include").ok
    assert page.fetch(f"{API}/api/me", credentials="include").json() == {"user": "Ada"}


def uncommented(line):
    indent = line[: len(line) - len(line.lstrip())]
    return indent + line.lstrip().removeprefix("# ")


def assert_pasted(printed, source, taken):
    """
    Assert that *source* has every line of *printed*, and that its lines in *taken* are not comments.
    """
    lines = source.splitlines()
    for line in printed.splitlines():
        wanted = uncommented(line) if any(text in line and line.lstrip().startswith("# ") for text in taken) else line
        assert wanted in lines


def test_the_flask_project_has_the_code_that_the_translation_printed():
    before = (MOVING / "flask_before.py").read_text("utf-8")
    after = (MOVING / "flask_after.py").read_text("utf-8")
    calls = [node for node in ast.walk(ast.parse(before)) if isinstance(node, ast.Call)]
    translations = {"CORS": translate, "cross_origin": translate_view}
    found = [call for call in calls if ast.unparse(call.func) in translations]
    assert len(found) == 2
    for call in found:
        options = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
        printed = str(translations[ast.unparse(call.func)](Flask("shop"), written={}, **options))
        # The guard and the imports are in the file once.
        once = ("from corsguard_flask", "CORSGuard(app)", "# Once for the application")
        code = "\n".join(line for line in printed.splitlines() if not line.startswith(once))
        assert_pasted(code, after, ['# "https://pr-*.example.com",'])


DJANGO_REQUESTS = {
    "list": ("GET", "/api/orders/", {}),
    "list with cookies": ("GET", "/api/orders/", {"credentials": "include"}),
    "change": ("PUT", "/api/orders/1/", {"json": {"text": "a lamp"}}),
    "change a part": ("PATCH", "/api/orders/1/", {"json": {"text": "a lamp"}, "headers": {"X-CSRFToken": "1"}}),
    "change what is missing": ("PUT", "/api/orders/2/", {"json": {"text": "a lamp"}}),
    "change with a header": ("PUT", "/api/orders/1/", {"json": {"text": "a lamp"}, "headers": {"X-Other": "1"}}),
    "a path of no route": ("GET", "/api/none/", {}),
    "JSON to a path of no route": ("POST", "/api/none/", {"json": 1}),
    "redirected": ("GET", "/api/orders", {}),
    "inside": ("GET", "/inside/", {}),
}
DJANGO_READ = [name for name in DJANGO_REQUESTS if name not in {"change with a header", "inside"}]
DJANGO_DIFFERENT = [
    ([STRANGER], DJANGO_READ, "blocked now", "an expression without `$` let a stranger's site in"),
    (["https://pr-a.example.com"], DJANGO_READ, "read now", "the team took the # away: pr-*.example.com is all theirs"),
]
# Only a whole process has these. The middleware of both works without them.
APART = ("SECRET_KEY", "INSTALLED_APPS")


@contextmanager
def shop(monkeypatch, settings):
    monkeypatch.syspath_prepend(SHOP)
    values = runpy.run_path(str(SHOP / f"{settings}.py"))
    named = {name: value for name, value in values.items() if name.isupper() and name not in APART}
    with override_settings(**named):
        yield WSGIHandler()


class Recorded:
    """
    The answers of one handler, recorded, because two settings of Django cannot exist side by side.
    """

    def __init__(self, handler):
        self.outcomes = {}
        for origin, (name, (method, path, request)) in product(ORIGINS, DJANGO_REQUESTS.items()):
            self.outcomes[origin, name] = outcome(Browser(handler), origin, method, path, **request)


def test_the_django_project_answers_alike_wherever_the_old_answer_was_right(monkeypatch):
    with shop(monkeypatch, "settings_before") as handler:
        before = Recorded(handler).outcomes
    with shop(monkeypatch, "settings_after") as handler:
        after = Recorded(handler).outcomes
    found = {
        case: "blocked now" if after[case] == "blocked" else "read now" if before[case] == "blocked" else "other"
        for case in before
        if before[case] != after[case]
    }
    assert found == expected(DJANGO_DIFFERENT, DJANGO_REQUESTS)
    assert before["https://app.example.com", "change a part"][0] == 200
    assert before["https://app.example.com", "inside"] == "blocked"


@pytest.mark.parametrize("settings", ["settings_before", "settings_after"])
def test_cookies_of_the_django_project_arrive_before_and_after(monkeypatch, settings):
    with shop(monkeypatch, settings) as handler:
        page = Browser(handler).open("https://app.example.com")
        assert page.fetch(f"{API}/api/login/", method="POST", json={"user": "Ada"}, credentials="include").ok
        assert page.fetch(f"{API}/api/me/", credentials="include").json() == {"user": "Ada"}


def check(settings):
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": settings, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "django", "check"]
    return subprocess.run(command, cwd=SHOP, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_the_django_project_has_the_code_that_the_check_printed():
    checked = check("settings_before")
    assert checked.returncode == 1
    assert "(corsguard.E902)" in checked.stderr
    printed = checked.stderr.partition("HINT: ")[2].partition("\n\n")[0]
    assert "CORSGUARD = {" in printed
    assert_pasted(printed, (SHOP / "settings_after.py").read_text("utf-8"), ['# "https://pr-*.example.com",'])


def test_the_moved_django_project_has_nothing_left_to_move():
    checked = check("settings_after")
    assert checked.returncode == 0
    assert "E902" not in checked.stderr
    assert "W901" not in checked.stderr
    assert "W902" not in checked.stderr
