"""
`corsguard lint` reports everything that is wrong with policies in one run, with its place and what to write instead.
"""

import itertools
import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit.checking import in_process
from kit.counting import work_of

from corsguard.cli.group import group
from corsguard.diagnosis.linting import lint
from corsguard.errors import RULES

ROOT = Path(__file__).parents[2]
NAMES = (f"linted_{number}" for number in itertools.count())

BAD = """\
allow_origins = ["https://app.example.com", "https://b.example/"]
allow_method = ["PUT"]

[environments.production]
allow_origins = [
  "http://x.example",
]
allow_credentials = true
"""
RISKY = """\
allow_origins = ["https://app.example.com"]

[environments.development]
max_age = 0
[environments.production]
allow_origins = [
  "https://app.example.com",
  "http://localhost:3000",
]
"""
GOOD = 'allow_origins = ["https://app.example.com"]\n'


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    for name, text in (("bad.toml", BAD), ("risky.toml", RISKY), ("good.toml", GOOD)):
        (tmp_path / name).write_text(text)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(group, ["lint", *arguments])


def found(*arguments):
    """
    Return (code, file, line, field) of each finding.
    """
    document = json.loads(run(*arguments, "--json").stdout)
    return [(one["code"], one["file"], one["line"], one["field"]) for one in document["findings"]]


def test_all_problems_of_all_environments_have_their_lines(here):
    assert found("bad.toml") == [
        ("E203", "bad.toml", 1, "allow_origins"),
        ("E106", "bad.toml", 2, "allow_method"),
        ("E302", "bad.toml", 6, "environments.production.allow_origins"),
    ]


def test_a_problem_is_a_line_of_text_with_its_fix(here):
    done = run("risky.toml", "good.toml")
    assert done.stdout == (
        "risky.toml\n"
        "  W401 line 8: environments.production.allow_origins\n"
        '       "http://localhost:3000" is a development origin in production: any program on a user\'s machine can '
        "listen there.\n"
        '       fix: allow_origins = ["https://app.example.com"]\n'
        "good.toml: no errors, no warnings.\n"
        "\n"
        "0 errors, 1 warning.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["good.toml"], 0),
        (["good.toml", "--strict"], 0),
        (["risky.toml"], 0),
        (["risky.toml", "--strict"], 1),
        (["bad.toml"], 1),
        (["good.toml", "bad.toml"], 1),
        (["bad.toml", "--json"], 1),
        (["bad.toml", "--sarif"], 1),
        (["good.toml", "missing.toml"], 2),
        (["bad.toml", "missing.toml"], 2),
        (["good.toml", "--json", "--sarif"], 2),
        ([], 2),
    ],
)
def test_the_exit_code_says_what_was_found(here, arguments, code):
    assert run(*arguments).exit_code == code


def test_an_object_that_cannot_be_loaded_hides_no_other_problem(here):
    done = run("missing.toml", "nowhere:API", "bad.toml")
    assert done.stdout.startswith("bad.toml\n  E203 line 1")
    assert f"There is no file missing.toml in {here}." in done.stderr
    assert "There is no module nowhere" in done.stderr
    document = json.loads(run("missing.toml", "bad.toml", "--json").stdout)
    assert document["not_loaded"] == [f"There is no file missing.toml in {here}."]
    assert (document["errors"], document["warnings"]) == (3, 0)


def test_without_a_name_the_file_in_this_folder_is_read(here):
    (here / "cors.toml").write_text(BAD)
    assert [finding[:3] for finding in found()] == [
        ("E203", "cors.toml", 1),
        ("E106", "cors.toml", 2),
        ("E302", "cors.toml", 6),
    ]


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"a = 1\nb = = 2\n", 2), (b"\xef\xbb\xbfa = 1\n", 1), (b"a = 1\n\nb = '\xff'\n", 3)],
)
def test_a_file_that_cannot_be_parsed_is_a_problem_with_its_line(here, content, line):
    (here / "unread.toml").write_bytes(content)
    assert [finding[:3] for finding in found("unread.toml")] == [("E811", "unread.toml", line)]


def test_the_keys_of_named_policies_are_found(here):
    (here / "named.toml").write_text(
        '[policies.app]\nallow_origins = ["https://app.example.com"]\n\n[paths]\n"/api" = "ap"\n"/x/" = "app"\n'
        '[environments.prod.policies.app]\nmax_age = "long"\n'
    )
    assert found("named.toml") == [
        ("E814", "named.toml", 5, 'paths."/api"'),
        ("E802", "named.toml", 6, 'paths."/x/"'),
        ("E702", "named.toml", 8, "environments.prod.policies.app.max_age"),
    ]


MODULE = """
from corsguard import CORSMiddleware, Policy, cors
from corsguard_flask import CORSGuard
from flask import Flask

API = {"allow_origins": ["https://*.example.com", "https://app.example.com"]}
FINE = Policy(allow_origins=["https://app.example.com"])

def create_app():
    app = Flask(__name__)
    app.config["CORSGUARD"] = FINE

    @app.put("/items")
    @cors(allow_origins=["https://app.example.com"], allow_methods=["PUT"])
    def items():
        return "x"

    CORSGuard(app)
    return app

def refused():
    return Policy(
        allow_origins=["app.example.com"],
        allow_methods=["patch"],
    )

def misconfigured():
    app = Flask(__name__)
    app.config["CORSGUARD"] = {"allow_origin": "*"}
    CORSGuard(app)
"""


@pytest.fixture
def module(here):
    name = next(NAMES)
    (here / f"{name}.py").write_text(MODULE)
    yield name
    sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("attribute", "findings"),
    [
        ("FINE", []),
        ("API", [("W105", None, "allow_origins")]),
        ("create_app()", [("W202", None, "view items: allow_headers")]),
        ("refused()", [("E202", 22, "allow_origins"), ("E403", 22, "allow_methods")]),
        ("misconfigured()", [("E106", 30, "allow_origin")]),
    ],
)
def test_a_policy_in_python_has_its_file_and_line(module, attribute, findings):
    """
    The line is that where the policy is made.
    """
    there = found(f"{module}:{attribute}")
    assert sorted(there) == sorted((code, f"{module}.py", line, field) for code, line, field in findings)


def test_a_module_that_makes_a_bad_policy_at_import_is_a_problem(here):
    name = next(NAMES)
    (here / f"{name}.py").write_text('from corsguard import Policy\n\nAPI = Policy(allow_origins=["x"])\n')
    assert found(f"{name}:API") == [("E202", f"{name}.py", 3, "allow_origins")]


SETTINGS = """
SECRET_KEY = "tests only"
ROOT_URLCONF = "shop_urls"
CORSGUARD = {"allow_origins": ["https://app.example.com/"]}
"""
URLS = """
from corsguard_django import cors
from django.urls import path
from django.views import View

class Misplaced(View):
    @cors(allow_origins="*")
    def get(self, request): ...

urlpatterns = [path("x", Misplaced.as_view())]
"""


def test_settings_of_django_come_with_the_system_checks(here):
    (here / "shop.py").write_text(SETTINGS)
    (here / "shop_urls.py").write_text(URLS)
    done = in_process("lint", "shop", "--json")
    # On a slow machine, the command says what takes long.
    assert done.stderr in {"", "Loading shop\n"}
    assert done.returncode == 1
    findings = json.loads(done.stdout)["findings"]
    assert [(one["code"], one["field"], one["file"]) for one in findings] == [
        ("E203", "CORSGUARD: allow_origins", "shop.py"),
        ("E901", "shop_urls.Misplaced", "shop.py"),
        ("W901", "MIDDLEWARE", "shop.py"),
    ]


def lint_in_process(here, *arguments, **variables):
    return json.loads(in_process("lint", *arguments, "--json", cwd=here, **variables).stdout)["findings"]


LEFT = """
SECRET_KEY = "tests only"
ROOT_URLCONF = "empty_urls"
MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"]
CORSGUARD = {"allow_origins": ["https://app.example.com"]}
CORS_ALLOWED_ORIGINS = ["https://shop.example"]
"""
LEFT_IN_A_CLASS = f"""
from configurations import Configuration

class Production(Configuration):
{LEFT.replace(chr(10), chr(10) + "    ")}
"""


@pytest.mark.parametrize("text", [LEFT, LEFT_IN_A_CLASS], ids=["module", "class"])
def test_settings_of_django_cors_headers_next_to_ours_are_reported(here, text):
    """
    They have file and line, in a module and in a class.
    """
    (here / "left.py").write_text(text)
    (here / "empty_urls.py").write_text("urlpatterns = []\n")
    variables = {"DJANGO_CONFIGURATION": "Production"} if text == LEFT_IN_A_CLASS else {}
    (found,) = lint_in_process(here, "left", **variables)
    assert (found["code"], found["level"], found["file"]) == ("W908", "warning", "left.py")
    line = text.splitlines().index(next(line for line in text.splitlines() if "CORS_ALLOWED" in line)) + 1
    assert f"CORS_ALLOWED_ORIGINS (left.py, line {line})" in found["message"]


def test_a_config_of_flask_cors_next_to_our_guard_is_reported(here):
    """
    A strict run fails.
    """
    name = next(NAMES)
    (here / f"{name}.py").write_text(
        "from corsguard_flask import CORSGuard\n"
        "from flask import Flask\n\n"
        "app = Flask(__name__)\n"
        'app.config["CORS_ORIGINS"] = ["https://shop.example"]\n'
        'CORSGuard(app, {"allow_origins": ["https://app.example.com"]})\n'
    )
    assert found(f"{name}:app") == [("W908", f"{name}.py", None, "CORS_ORIGINS")]
    assert run(f"{name}:app").exit_code == 0
    assert run(f"{name}:app", "--strict").exit_code == 1
    (log,) = json.loads(run(f"{name}:app", "--sarif").stdout)["runs"]
    assert [rule["id"] for rule in log["tool"]["driver"]["rules"]] == ["W908"]


def test_sarif_names_rule_file_and_line(here):
    (log,) = json.loads(run("bad.toml", "risky.toml", "--sarif").stdout)["runs"]
    rules = log["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["E203", "E106", "E302", "W401"]
    assert all(not re.search(r"\{\w+\}", rule["shortDescription"]["text"]) for rule in rules)
    assert rules[0]["shortDescription"]["text"] == RULES["E203"].message.replace("{value}", "...")
    last = log["results"][-1]
    assert (last["ruleId"], last["level"]) == ("W401", "warning")
    assert last["message"]["text"].endswith('Fix: allow_origins = ["https://app.example.com"]')
    assert last["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "risky.toml"}, "region": {"startLine": 8}}}
    ]


def test_no_text_of_a_file_reaches_a_terminal_unescaped(here):
    (here / "hostile.toml").write_text('allow_origins = ["https://\\u001b[31m\\u202ea.example"]\n')
    shown = run("hostile.toml").stdout
    assert "E2" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_the_pre_commit_hook_runs_lint_on_files_with_policies():
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text().partition("- id: corsguard-export")[0]
    said = dict(re.findall(r"^[- ] (\w+): (.+)$", hook, re.MULTILINE))
    assert (said["id"], said["entry"], said["language"]) == ("corsguard-lint", "corsguard lint", "python")
    assert [
        name
        for name in ("cors.toml", "shop/cors.toml", "mycors.toml", "cors.toml.bak")
        if re.search(said["files"], name)
    ] == [
        "cors.toml",
        "shop/cors.toml",
    ]


def test_the_work_grows_linearly_with_the_file(here):
    """
    The places of all problems are found in one pass through the file. A thousand once took half a minute.
    """

    def work(count):
        entries = "".join(f'  "https://App-{number}.example.com/",\n' for number in range(count))
        (here / "many.toml").write_text(f"allow_origins = [\n{entries}]\n")
        return work_of(lambda: lint("many.toml"))

    assert work(200) < 2.3 * work(100)


HOSTS = """
[policies.acme]
allow_origins = ["https://app.acme.example"]

[hosts]
"api.acme.example" = "acme"
"closed.example" = "none"

[hosts."*.globex.example".paths]
"/api" = "acme"
"/own" = "unguarded"

[environments.development]
[environments.live]
"""
WITH_TAGS = """
from flask import Flask
from corsguard_flask import CORSGuard, cors

app = Flask(__name__)

@app.get("/tagged")
@cors(allow_origins=["https://partner.example"])
def tagged():
    return ""

@app.get("/closed")
@cors(None)
def closed():
    return ""

CORSGuard(app, {"hosts": {"api.acme.example": {"allow_origins": ["https://app.acme.example"]}}})
"""
WITH_STORE = """
from corsguard import CORSMiddleware

class Tenants:
    def policy_of(self, host):
        raise AssertionError

app = CORSMiddleware(lambda environ, start_response: [], {"hosts": Tenants()})
"""
GOT = {
    "api.acme.example": {"/": "acme"},
    "closed.example": {"/": "none"},
    "*.globex.example": {"/api": "acme", "/own": "unguarded"},
}


def test_the_policy_of_each_host_is_shown(here):
    (here / "hosts.toml").write_text(HOSTS)
    assert run("hosts.toml", "good.toml").stdout == (
        "hosts.toml: no errors, no warnings.\n"
        "  api.acme.example: / acme\n"
        "  closed.example: / none\n"
        "  *.globex.example: /api acme, /own unguarded\n"
        "good.toml: no errors, no warnings.\n"
    )
    document = json.loads(run("hosts.toml", "good.toml", "--json").stdout)
    assert (document["findings"], document["hosts"]) == ([], {"hosts.toml": GOT})


def test_a_store_of_hosts_is_shown(here):
    name = next(NAMES)
    (here / f"{name}.py").write_text(WITH_STORE)
    assert run(f"{name}:app").stdout == f"{name}:app: no errors, no warnings.\n  *: / asked of Tenants\n"
    document = json.loads(run(f"{name}:app", "--json").stdout)
    assert document["hosts"] == {f"{name}:app": {"*": {"/": "asked of Tenants"}}}


def test_a_mistake_about_a_host_has_its_line(here):
    (here / "hosts.toml").write_text(HOSTS.replace('"closed.example"', '"closed.example/"'))
    assert found("hosts.toml") == [("E808", "hosts.toml", 7, 'hosts."closed.example/"')]


def test_tags_next_to_hosts_get_a_warning(here):
    name = next(NAMES)
    (here / f"{name}.py").write_text(WITH_TAGS)
    document = json.loads(run(f"{name}:app", "--json").stdout)
    (finding,) = document["findings"]
    assert (finding["code"], finding["level"], finding["field"]) == ("W601", "warning", "hosts")
    # A closed view is closed on every host, which is right.
    assert "tagged" in finding["message"]
    assert "closed" not in finding["message"]
    assert document["hosts"] == {f"{name}:app": {"api.acme.example": {"/": "api.acme.example"}}}
    (here / f"{name}_paths.py").write_text(WITH_TAGS.replace('{"hosts": {"api.acme.example": ', '{"paths": {"/": '))
    assert found(f"{name}_paths:app") == []
