"""
`corsguard audit`: its options, its exit codes, and what it prints.
"""

import json
import re
import socket
from contextlib import ExitStack

import pytest
from click.testing import CliRunner
from kit.audited import (
    ALLOW,
    APP,
    CREDENTIALS,
    FAST,
    HOST,
    URL,
    VARY,
    answering,
    audited,
    everybody,
    listing,
    origin_of,
    run,
    served,
)

from corsguard import CORSMiddleware, Policy
from corsguard.cli.audit import audit
from corsguard.origin import Origin


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["api.example.com"], "is no URL: write https://api.example.com/items"),
        (["ftp://api.example.com/"], "is not http or https"),
        (["https://user:hunter2@api.example.com/"], "give --header"),
        ([URL, "--origin", "https://app.example.com/"], "https://app.example.com"),
        ([URL, "--origin", "app.example.com"], '"https://app.example.com"'),
        ([URL, "--header", "Origin: https://app.example.com"], "the audit sends its own"),
        ([URL, "--header", "X: \x07"], "characters that no header has"),
        ([URL, "--cookie", "sid"], "write --cookie sid=1"),
        ([URL, "--connect-to", "127.0.0.1"], "Write --connect-to 127.0.0.1:8443"),
        ([URL, "--connect-to", "other.example.com=127.0.0.1:80"], "No other host than api.example.com is asked"),
        ([URL, "--connect-to", f"{HOST}=127.0.0.1"], "is not [HOST=]ADDRESS:PORT"),
        ([URL, "--connect-to", "127.0.0.1:99999"], "Write --connect-to 127.0.0.1:8443"),
        ([URL, "--cacert", __file__], "Give a PEM file"),
        ([URL, "--cacert", "no-such-file"], "No such file"),
        ([URL, "--budget", "0"], "--budget"),
        ([URL, "--rate", "0"], "--rate"),
        (["ws://api.example.com/", "--active"], "The handshake of a WebSocket is a GET: leave out --active"),
        ([URL, "--json", "--sarif"], "give one of them"),
        ([URL, "--fail-on", "info"], "--fail-on"),
        ([], "Missing argument"),
    ],
)
def test_bad_input_is_named_with_its_fix(arguments, said):
    result = CliRunner().invoke(audit, arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize(("threshold", "code"), [("low", 1), ("medium", 1), ("high", 0), ("critical", 0)])
def test_it_fails_on_what_is_as_bad_as_agreed(threshold, code):
    # Any port, with credentials: medium.
    def lines(environ):
        origin = origin_of(environ)
        return [
            VARY,
            *([(ALLOW, origin), CREDENTIALS] if Origin.parse(origin) and origin.rpartition(":")[0] == APP else []),
        ]

    result, _ = run(answering(lines), "--fail-on", threshold)
    assert "MEDIUM CG-A013" in result.output
    assert result.exit_code == code


def test_the_text_says_the_worst_first():
    """
    The text says the worst first with proof and fix.
    """
    result, _ = run(answering(everybody))
    lines = result.output.splitlines()
    assert lines[0] == f"Auditing {URL}: 220 requests at most, 10000 a second."
    assert lines[2] == "CRITICAL CG-A001 reflect-any: Any website may read"
    assert any(line.startswith("    > Origin: https://") for line in lines)
    assert any(line.startswith("    < Access-Control-Allow-Origin: https://") for line in lines)
    assert any(line.startswith("  Fix: Access-Control-Allow-Origin: ") for line in lines)
    assert any(line.startswith(f'       as a Policy: allow_origins=["{APP}"]') for line in lines)
    assert "1 finding: 1 critical." in lines
    assert result.stderr == ""
    assert result.exit_code == 1


def test_a_clean_server_is_told_so():
    result, one = run(CORSMiddleware(answering(lambda _: []), Policy(allow_origins=[APP], allow_credentials=True)))
    assert "Nothing was found." in result.output
    assert "Tried: strangers and null, who is trusted" in result.output
    assert f"{len(one.asked)} requests of 220 at most" in result.output
    assert "Left out" not in result.output
    assert result.exit_code == 0


def test_what_was_hardly_asked_is_not_called_clean():
    result, _ = run(listing(APP), "--budget", "1")
    assert "Nothing was found in what was asked, and not all was asked." in result.output
    assert "\n1 request of 1 at most, 10000 a second.\n" in result.output
    assert result.exit_code == 0


def test_a_remark_has_its_proof_and_its_fix():
    """
    What is for information has its proof and its fix too.
    """
    result, _ = run(listing(APP))
    heading, proof = re.search(r"  (CG-I007 .*)\n      (.*)\n", result.output).groups()
    assert heading.startswith("CG-I007 nosniff: X-Content-Type-Options is absent: ")
    assert proof == f"GET {URL} 200; browsers: Chromium, Firefox, Safari; fix: X-Content-Type-Options: nosniff"


def test_the_fix_names_the_origin_that_is_meant():
    result, _ = run(answering(everybody), origin="https://shop.example.org")
    assert 'allow_origins=["https://shop.example.org"]' in result.output


def test_sarif_has_a_result_for_each_finding():
    result, _ = run(answering(everybody), "--sarif")
    (one,) = json.loads(result.stdout)["runs"]
    worst = one["results"][0]
    assert (worst["ruleId"], worst["level"]) == ("CG-A001", "error")
    assert worst["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == URL
    assert worst["properties"]["severity"] == "critical"
    assert {found["level"] for found in one["results"][1:]} == {"note"}


def test_a_host_without_an_address_is_unreachable():
    with ExitStack() as stack:
        taken = stack.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        result = CliRunner().invoke(audit, [f"http://127.0.0.1:{taken.getsockname()[1]}/"])
    assert result.exit_code == 3
    assert "nothing listens at" in result.stderr


def test_the_host_may_be_named_where_to_connect():
    """
    `--connect-to` takes the host of the URL, as `check` does.
    """
    with served(listing(APP)) as one:
        where = ["--connect-to", f"{HOST}={one.address}"]
        result = CliRunner().invoke(audit, [URL, *FAST, *where, "--budget", "3"], catch_exceptions=False)
    assert result.exit_code == 0
    assert len(one.asked) == 3


def test_json_is_what_the_call_returns():
    """
    The command prints as JSON what the one call from Python returns.
    """
    result, one = run(answering(everybody), "--json")
    printed = json.loads(result.stdout)
    data = audited(answering(everybody)).data()
    assert printed.keys() == data.keys()
    assert [finding["id"] for finding in printed["findings"]] == [finding["id"] for finding in data["findings"]]
    assert printed["requests"]["sent"] == data["requests"]["sent"] == len(one.asked)


@pytest.mark.parametrize(
    ("options", "about"),
    [
        (("--quick",), {"budget": 24}),
        (("--quick", "--budget", "5"), {"budget": 5}),
        ((), {"budget": 220}),
        (("--active",), {"active": True}),
        (("--internal",), {"is_internal": True}),
        (("--public",), {"is_internal": False}),
        (("--rate", "3", "--timeout", "2"), {"rate": 3.0, "timeout": 2.0}),
        (("--cookie", "a=1", "--cookie", "b=2;"), {"headers": (("Cookie", "a=1; b=2"),)}),
        (("-H", "X-Key:  v "), {"headers": (("X-Key", "v"),)}),
        (("-o", APP), {"trusted": (APP,)}),
        (("--connect-to", "[::1]:8443"), {"connect_to": {HOST: "[::1]:8443"}}),
    ],
)
def test_an_option_is_an_argument_of_the_call(monkeypatch, options, about):
    given = {}

    def ask(url, **arguments):
        given.update(arguments)
        return audited(listing(APP), budget=1)

    monkeypatch.setattr("corsguard.cli.audit.ask", ask)
    result = CliRunner().invoke(audit, [URL, *options], catch_exceptions=False)
    assert result.exit_code == 0
    assert about.items() <= given.items()


def test_the_help_is_imperative_and_has_examples():
    shown = CliRunner().invoke(audit, ["--help"]).output
    assert "\n  Ask the server at URL " in shown
    assert shown.count("corsguard audit https://") == 5
