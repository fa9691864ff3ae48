"""
The laboratory: every planted fault is found by its name, and no other fault is reported.
"""

import json

import pytest
from click.testing import CliRunner
from kit import laboratory
from kit.audited import FAST

from corsguard.cli.audit import audit


@pytest.fixture(scope="module")
def lab():
    with laboratory.running() as running:
        yield running


# These answer with a redirect, a refusal or an error to every request.
NOT_JUDGED = {
    "cookie-stays-home",
    "endless-redirect",
    "flask-cors-decorator",
    "forbidden-outside",
    "login-of-its-own",
    "moved-to-another-host",
    "nginx-bad-gateway",
    "nginx-errors",
    "nginx-https",
    "password-in-a-redirect",
    "session-expired",
    "starlette-error",
}
SILENT = {"hangs-up", "not-listening", "wrong-certificate"}


def _names():
    """
    Return all names. By default one server is asked for each finding, and every eighteenth of the sound ones.
    """
    judged = sorted(laboratory.SAMPLES.keys() - SILENT)
    first = {finding: name for name in judged for finding in laboratory.SAMPLES[name].finds}
    sound = [name for name in judged if not laboratory.SAMPLES[name].finds]
    chosen = {*first.values(), *sound[::18]}
    return [name if name in chosen else pytest.param(name, marks=pytest.mark.long) for name in judged]


@pytest.mark.server
@pytest.mark.parametrize("name", _names())
def test_every_planted_fault_is_found_and_no_other(lab, name):
    sample = laboratory.SAMPLES[name]
    address = lab.addresses[laboratory.host_of(sample)]
    where = ["--connect-to", address, "--cacert", str(lab.cacert)]
    result = CliRunner().invoke(audit, [sample.url, "--origin", sample.origin, *FAST, *where, "--json"])
    document = json.loads(result.stdout)
    above = {finding["id"] for finding in document["findings"] if finding["severity"] != "info"}
    assert above == sample.finds
    assert result.exit_code == (1 if sample.finds else 0 if document["is_judged"] else 4)
    assert document["is_judged"] is (name not in NOT_JUDGED)
    assert document["left_out"] == []


@pytest.mark.server
@pytest.mark.parametrize("name", sorted(SILENT))
def test_a_server_without_responses_has_no_findings(lab, name):
    sample = laboratory.SAMPLES[name]
    address = lab.addresses[laboratory.host_of(sample)]
    where = ["--connect-to", address, "--cacert", str(lab.cacert)]
    result = CliRunner().invoke(audit, [sample.url, *FAST, *where])
    assert result.exit_code == 3
    assert f"{sample.url}: " in result.stderr
    assert "CG-" not in result.output
