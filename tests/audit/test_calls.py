"""
One call audits a server or an application, and returns data.
"""

import json
import socket
import ssl

import pytest
from kit import laboratory
from kit.audited import ALLOW, APP, HOST, answering, audited, everybody, faults, found, listing, served

from corsguard import PolicyError
from corsguard.audit import Severity, audit
from corsguard.audit.calls import _is_internal, _raw
from corsguard.browser import Unreachable, WireResponse
from corsguard.browser.urls import Url


@pytest.mark.parametrize(("is_internal", "severity"), [(None, None), (True, "high"), (False, None)])
def test_an_argument_can_say_that_the_server_is_internal(is_internal, severity):
    shared = found(answering(lambda _: [(ALLOW, "*")]), is_internal=is_internal)
    assert shared.get("CG-A010", {}).get("severity") == severity


@pytest.mark.parametrize(
    ("host", "is_internal"),
    [
        ("10.1.2.3", True),
        ("192.168.0.9:8080", True),
        ("printer.local", True),
        ("127.0.0.1", False),
        ("localhost", False),
    ],
)
def test_a_private_address_is_internal_and_loopback_is_not(host, is_internal):
    with served(answering(lambda _: [(ALLOW, "*")])) as one:
        report = audit(f"http://{host}/", trusted=[APP], rate=1e6, connect_to={host: one.address})
    assert {finding.rule.id for finding in report.faults} == ({"CG-A010"} if is_internal else set())
    # In this process, the address in the URL decides, too.
    assert faults(answering(lambda _: [(ALLOW, "*")]), url=f"http://{host}/") == ({"CG-A010"} if is_internal else set())
    assert ("CG-E003" in faults(listing(APP), url=f"http://{host}/")) is is_internal


@pytest.mark.parametrize(
    ("addresses", "is_internal"),
    [
        (["10.0.0.7"], True),
        (["fd00::7%eth0", "192.168.1.7"], True),
        (["127.0.0.1"], False),
        (["93.184.215.14"], False),
        (["10.0.0.7", "93.184.215.14"], False),
        ([], False),
    ],
)
def test_a_name_that_leads_into_a_private_network_is_internal(monkeypatch, addresses, is_internal):
    def look_up(host, *_, **__):
        assert host == HOST
        if not addresses:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert _is_internal(HOST, None) is is_internal
    # The report says the address, and not the name.
    assert _is_internal(HOST, "10.0.0.7:80") is False


def test_the_result_is_data():
    report = audited(answering(everybody))
    data = report.data()
    assert json.loads(json.dumps(data)) == data
    assert [finding["id"] for finding in data["findings"]] == [finding.rule.id for finding in report.findings]
    assert data["requests"]["sent"] == report.sent
    assert report.counts() == {Severity.CRITICAL: 1}
    assert report.has(Severity.CRITICAL)
    assert not audited(listing(APP)).has(Severity.LOW)
    assert report.faults[0].fix.policy == {"allow_origins": [APP]}


def test_an_application_is_asked_without_pauses():
    assert audited(listing(APP), rate=0.001).sent > 9


def test_the_report_has_the_number_of_requests():
    counts = []
    report = audited(listing(APP), on_request=counts.append)
    assert counts == [*range(1, report.sent + 1)]


@pytest.mark.parametrize(
    ("about", "error"),
    [
        ({"url": "api.example.com"}, ValueError),
        ({"url": "ftp://api.example.com/"}, ValueError),
        ({"url": "https://user:hunter2@api.example.com/"}, ValueError),
        ({"url": "wss://user:hunter2@api.example.com/"}, ValueError),
        ({"url": "wss://api.example.com/", "active": True}, ValueError),
        ({"headers": [("Origin", APP)]}, ValueError),
        ({"headers": [("access-control-request-method", "PUT")]}, ValueError),
        ({"origin": f"{APP}/"}, PolicyError),
    ],
)
def test_a_wrong_argument_is_refused(about, error):
    with pytest.raises(error) as refused:
        audited(pytest.fail, **about)
    assert "hunter2" not in str(refused.value)


def test_without_any_response_there_is_no_report():
    def carry(request):
        raise Unreachable("nothing listens")

    with pytest.raises(Unreachable, match="nothing listens"):
        audited(carry)


def test_secrets_are_not_in_the_data():
    """
    If a server sends the given headers back, they are hidden in all returned data.
    """
    response = WireResponse(200, ((ALLOW, "https://swordfish.example.com"), ("X-Cache", "swordfish")))
    report = audited(lambda _: response, headers=[("X-Api-Key", "swordfish")])
    assert report.findings
    assert "swordfish" not in json.dumps(report.data())


def test_a_name_below_localhost_is_this_machine():
    connection = _raw(Url.parse("http://api.shop.localhost:8000/"), ssl.create_default_context(), 1.0, None, ())
    assert connection.address == ("localhost", 8000)


@pytest.mark.server
@pytest.mark.parametrize("is_checked", [True, False])
def test_a_certificate_is_checked_unless_this_is_switched_off(is_checked):
    with laboratory.running(["reflected"]) as lab:
        sample = laboratory.SAMPLES["reflected"]
        host = laboratory.host_of(sample)
        url = sample.url.replace("http://", "https://")
        about = {"rate": 1e6, "budget": 9, "verify": is_checked, "connect_to": {host: lab.addresses[host]}}
        if is_checked:
            with pytest.raises(Unreachable, match="certificate"):
                audit(url, **about)
        else:
            assert "CG-A001" in {finding.rule.id for finding in audit(url, active=True, **about).findings}
