"""
`corsguard explain` and `corsguard check` use the policy of the host in the request.
"""

import json

import pytest
from click.testing import CliRunner

from corsguard.cli.group import group
from corsguard.diagnosis import read_message

ACME, GLOBEX = "https://app.acme.example", "https://app.globex.example"
FILE = f"""
[policies.acme]
allow_origins = ["{ACME}"]

[policies.globex]
allow_origins = ["{GLOBEX}"]

[hosts]
"api.acme.example" = "acme"

[hosts."*.globex.example:8443".paths]
"/api" = "globex"
"""
APPLICATION = """
from corsguard import CORSMiddleware, Policy

def answer(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["HTTP_HOST"].encode()]

app = CORSMiddleware(answer, {"hosts": {"api.acme.example": {"allow_origins": ["https://app.acme.example"]}}})

class Tenants:
    def policy_of(self, host):
        return Policy(allow_origins=["https://app.acme.example"]) if host == "api.acme.example" else None

stored = CORSMiddleware(answer, {"hosts": Tenants()})
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "tenants.toml").write_text(FILE)
    (tmp_path / "tenants_of_checks.py").write_text(APPLICATION)


def run(*arguments):
    done = CliRunner().invoke(group, [*arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("page", "arguments", "code"),
    [
        (ACME, ["--host", "api.acme.example"], 0),
        (ACME, ["--host", "API.acme.example:8000"], 0),
        (GLOBEX, ["--host", "api.acme.example"], 1),
        (GLOBEX, ["--host", "x.globex.example:8443", "--path", "/api"], 0),
        (GLOBEX, ["--host", "x.globex.example:8443", "--path", "/x"], 1),
        (GLOBEX, ["--host", "x.globex.example", "--path", "/api"], 1),
        # Without a host, no key means it.
        (ACME, [], 1),
    ],
)
def test_the_host_chooses_the_policy(here, page, arguments, code):
    got, told = run("explain", "tenants.toml", "--page", page, *arguments)
    assert (got, told["shared"]) == (code, code == 0)


@pytest.mark.parametrize("host", ["https://api.acme.example", "api.acme.example/", "", "a b"])
def test_a_wrong_host_is_a_usage_error(here, host):
    done = CliRunner().invoke(group, ["explain", "tenants.toml", "--page", ACME, "--host", host])
    assert done.exit_code == 2
    assert "--host" in done.stderr


def test_a_message_is_judged_by_the_policy_of_its_host(here):
    line = (
        "Access to fetch at '{url}' from origin '{page}' has been blocked by CORS policy: "
        "No 'Access-Control-Allow-Origin' header is present on the requested resource."
    )
    for url, page, granted in [
        ("https://api.acme.example/x", ACME, True),
        ("https://api.acme.example/x", GLOBEX, False),
        ("https://x.globex.example:8443/api", GLOBEX, True),
        ("https://x.globex.example/api", GLOBEX, False),
    ]:
        (meaning,) = read_message(line.format(url=url, page=page), policy="tenants.toml")
        assert (meaning.rehearsal.error is None) is granted, url


def test_a_fix_is_proposed_for_the_policy_of_the_host(here):
    _, told = run("explain", "tenants.toml", "--page", GLOBEX, "--host", "api.acme.example")
    (change,) = told["changes"]
    assert change["keywords"] == {"allow_origins": [ACME, GLOBEX]}
    assert change["place"] == "tenants.toml, line 3"


def test_an_application_is_checked_at_its_host(here):
    application = "tenants_of_checks:app"
    code, _ = run("check", application, "--url", "https://api.acme.example/", "--page", ACME)
    assert code == 0
    code, told = run("check", application, "--url", "https://api.acme.example/", "--page", GLOBEX)
    assert code == 1
    assert told["changes"][0]["keywords"] == {"allow_origins": [ACME, GLOBEX]}


TO_PAGE = ["--page", GLOBEX]
RECORD = "what tenants_of_checks.Tenants.policy_of returns for api.acme.example"


@pytest.mark.parametrize(
    "asked", [["explain", "--host", "api.acme.example"], ["check", "--url", "https://api.acme.example/"]]
)
def test_the_answer_of_a_store_is_changed_in_its_record(here, asked):
    """
    It is not changed where the middleware is made.
    """
    code, told = run(*asked, "tenants_of_checks:stored", *TO_PAGE)
    (change,) = told["changes"]
    assert (code, change["place"]) == (1, RECORD)
    assert change["lines"] == [f'allow_origins=["{ACME}", "{GLOBEX}"]']


def test_a_host_that_a_store_does_not_know_has_to_be_added_to_it(here):
    done = CliRunner().invoke(group, ["explain", "tenants_of_checks:stored", *TO_PAGE, "--host", "api.other.example"])
    assert (
        "Give / a policy: let tenants_of_checks.Tenants.policy_of return one for api.other.example, or with @cors"
    ) in done.stdout
