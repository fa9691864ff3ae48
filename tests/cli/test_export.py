"""
`corsguard export` writes the files, says whether they are outdated, and refuses policies that it cannot write.
"""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner
from flask import Flask

from corsguard.cli.group import group
from corsguard.gateways import TARGETS
from corsguard_flask import CORSGuard, cors

ROOT = Path(__file__).parents[2]
TOML = """\
[policies.app]
allow_origins = ["https://app.example.com"]

[paths]
"/api" = "app"

[environments.production.policies.app]
max_age = 60

[environments.staging]
"""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cors.toml").write_text(TOML)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(group, ["export", *arguments])


def test_files_are_written_and_outdated_ones_are_reported(here):
    arguments = ("nginx", "cors.toml", "--environment", "production", "-o", "deploy/corsguard")
    written = run(*arguments)
    assert (written.exit_code, written.output.splitlines()) == (
        0,
        [f"deploy/corsguard/{name}" for name in ("server.conf", "headers.conf", "http.conf")],
    )
    assert run(*arguments, "--check").exit_code == 0
    (here / "cors.toml").write_text(TOML.replace("60", "61"))
    stale = run(*arguments, "--check")
    assert stale.exit_code == 1
    assert "deploy/corsguard/http.conf: outdated. Write it again, without --check." in stale.output
    assert run(*arguments).exit_code == run(*arguments, "--check").exit_code == 0
    (here / "deploy/corsguard/server.conf").unlink()
    missing = run(*arguments, "--check")
    assert (missing.exit_code, missing.output.count("outdated")) == (1, 1)


def test_the_head_of_a_file_says_where_it_comes_from(here):
    run("nginx", "cors.toml", "--env", "production", "--mount", "/app", "-o", "out")
    head = (here / "out" / "http.conf").read_text()
    assert "the policy of cors.toml, environment production" in head
    assert "Written by: corsguard export nginx cors.toml --environment production --mount /app" in head
    assert "# corsguard check https://YOUR-HOST/app/api --page https://app.example.com" in head.splitlines()


def test_without_a_folder_the_files_are_printed():
    printed = run("nginx", "cors.toml", "--env", "production")
    assert printed.exit_code == 0
    assert [line for line in printed.output.splitlines() if line.startswith("==>")] == [
        "==> server.conf <==",
        "==> headers.conf <==",
        "==> http.conf <==",
    ]
    one = run("aws-http-api", "cors.toml", "--env", "production")
    assert "==>" not in one.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nginx", "cors.toml"), "Write --env"),
        (("nginx", "cors.toml", "--env", "production", "--check"), "Add -o DIR."),
        (("nginks", "cors.toml", "--env", "production"), "E851"),
        (("traefik", "cors.toml", "--env", "production"), "E852"),
        (("nginx", "cors.toml", "--env", "production", "--mount", "app"), "E858"),
        (("nginx", "cors.toml", "--env", "production", "-o", "cors.toml"), "cannot be written"),
        (("nginx", "none.toml"), "There is no file none.toml"),
    ],
)
def test_a_policy_that_cannot_be_exported_ends_with_2(arguments, said):
    refused = run(*arguments)
    assert (refused.exit_code, said in refused.output) == (2, True)


def test_views_with_a_policy_of_their_own_are_named(monkeypatch):
    app = Flask("shop")
    app.add_url_rule("/cart", "cart", cors(allow_origins="*")(lambda: ""))
    CORSGuard(app, {"allow_origins": ["https://app.example.com"]})
    module = ModuleType("exported_shop")
    module.app = app
    monkeypatch.setitem(sys.modules, "exported_shop", module)
    refused = run("nginx", "exported_shop:app")
    assert (refused.exit_code, "E854" in refused.output, "cart" in refused.output) == (2, True, True)


def test_the_pre_commit_hook_checks_the_files():
    hook = (ROOT / ".pre-commit-hooks.yaml").read_text().partition("- id: corsguard-export")[2]
    assert "entry: corsguard export --check\n" in hook
    assert "pass_filenames: false\n" in hook
    arguments = ["nginx", "cors.toml", "--env", "production", "-o", "deploy"]
    run(*arguments)
    # pre-commit runs the entry, followed by the arguments of the repository.
    assert CliRunner().invoke(group, ["export", "--check", *arguments]).exit_code == 0


def test_help_lists_every_target():
    shown = run("--help").output
    assert all(name in shown for name in TARGETS)
