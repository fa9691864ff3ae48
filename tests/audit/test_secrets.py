"""
Secrets of the caller are not shown, in whatever form a server sends them back.
"""

import json
from itertools import product
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from kit.audited import ALLOW, URL, VARY, answering, audited, everybody, run
from kit.sharing import share

from corsguard.browser import WireResponse
from corsguard.browser.exchanges import HIDDEN
from corsguard.cli.audit import audit

SECRET = "hunter2/" * 60


NAMES = (
    ALLOW,
    "Access-Control-Expose-Headers",
    "Vary",
    "Timing-Allow-Origin",
    "Cross-Origin-Resource-Policy",
    "Location",
)


@pytest.mark.parametrize(("name", "options"), share([*product(NAMES, [(), ("--json",), ("--sarif",)])], 4))
def test_a_secret_is_not_shown_if_the_server_sends_it_back(name, options):
    def lines(environ):
        said = environ.get("HTTP_X_API_KEY", "") + environ.get("HTTP_COOKIE", "")
        return [*everybody(environ), (name, f"x{said}y{quote(said, safe='')}")]

    secrets = ["--header", f"X-Api-Key: {SECRET}", "--cookie", "sid=swordfish"]
    result, one = run(answering(lines, status="302 Found" if name == "Location" else "200 OK"), *secrets, *options)
    assert any(SECRET in names.get("HTTP_X_API_KEY", "") for *_, names in one.asked)
    assert "hunter2" not in result.output
    assert "swordfish" not in result.output
    assert "%2F" not in result.output
    if name != "Location":
        assert HIDDEN in result.output


@pytest.mark.parametrize("options", [("--json",), ("--sarif",)])
def test_a_secret_parameter_of_the_url_is_not_in_a_file(options):
    result, _ = run(answering(everybody), *options, url=f"{URL}?page=2&access_token=hunter2")
    assert "page=2" in result.stdout
    assert "hunter2" not in result.stdout


def test_a_value_that_is_not_a_header_is_refused_without_repeating_it():
    result = CliRunner().invoke(audit, [URL, "--header", "Authorization Bearer hunter2"])
    assert result.exit_code == 2
    assert "hunter2" not in result.output
    assert 'write "Authorization: Bearer ..."' in result.output


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("X-Api-Key: Swordfish/1", "swordfish%2f1"),
        ("X-Api-Key: Sword fish", "Sword+fish"),
        ("Authorization: Basic YWRtaW46c3dvcmRmaXNo", "swordfish"),
        ("Authorization: Basic YWRtaW46c3dvcmRmaXNo", "admin:swordfish"),
        (f"X-Api-Key: {'swordfish' * 1000}", "swordfish" * 1000),
        (f"X-Api-Key: {'swordfish' * 300}", "swordfish" * 1200),
    ],
)
def test_a_secret_in_another_form_is_not_shown(header, shown):
    response = WireResponse(200, (VARY, (ALLOW, shown), ("Timing-Allow-Origin", shown)))
    name, _, value = header.partition(": ")
    report = audited(lambda _: response, budget=60, headers=[(name, value)])
    assert "CG-B005" in {finding.rule.id for finding in report.findings} or "," in shown or " " in shown
    said = json.dumps(report.data()).lower()
    assert all(part not in said for part in ("sword", "fish"))
