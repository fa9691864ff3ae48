"""
`corsguard audit`: its options, its exit codes, and its output.
"""

import json
import os
import re
import socket
import ssl
import subprocess
from contextlib import ExitStack

import pytest
import trustme
from click.testing import CliRunner
from kit import engines
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
    lines_for,
    listing,
    origin_of,
    run,
    served,
)

from corsguard import CORSMiddleware, Policy
from corsguard.browser import WireResponse
from corsguard.browser.exchanges import HIDDEN
from corsguard.cli.audit import audit
from corsguard.origin import Origin


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["api.example.com"], "Write https://api.example.com"),
        (["ftp://api.example.com/"], "is not a URL of http, https, ws or wss"),
        (["https://user:hunter2@api.example.com/"], "write --header"),
        ([URL, "--origin", "https://app.example.com/"], "https://app.example.com"),
        ([URL, "--origin", "app.example.com"], '"https://app.example.com"'),
        ([URL, "--header", "Origin: https://app.example.com"], "the audit sends its own"),
        ([URL, "--header", "X: \x07"], "characters that a header cannot have"),
        ([URL, "--cookie", "sid"], "write --cookie sid=1"),
        ([URL, "--connect-to", "127.0.0.1"], "Write --connect-to 127.0.0.1:8443"),
        ([URL, "--connect-to", "other.example.com=127.0.0.1:80"], "The audit contacts only api.example.com"),
        ([URL, "--connect-to", f"{HOST}=127.0.0.1"], "is not [HOST=]ADDRESS:PORT"),
        ([URL, "--connect-to", "127.0.0.1:99999"], "Write --connect-to 127.0.0.1:8443"),
        ([URL, "--cacert", __file__], "Expected a PEM file"),
        ([URL, "--cacert", "no-such-file"], "No such file"),
        ([URL, "--budget", "0"], "--budget"),
        ([URL, "--rate", "0"], "--rate"),
        (["ws://api.example.com/", "--active"], "--active is not for WebSockets"),
        ([URL, "--json", "--sarif"], "Expected --json or --sarif, got both"),
        ([URL, "--fail-on", "info"], "--fail-on"),
        ([], "Missing argument"),
        ([URL, "--urls", "-"], "Expected URL or --urls, got both"),
        (["--urls", "no-such-file"], "No such file"),
        (["--urls", os.devnull], "The file has no URL"),
        (["--urls", __file__], "is not a URL of http, https, ws or wss. Write one, such as"),
        ([URL, "--insecure", "--cacert", __file__], "trusts any certificate"),
        ([URL, "--proxy", "user:hunter2@proxy"], "write --proxy http://127.0.0.1:8080"),
    ],
)
def test_wrong_input_is_refused_with_its_fix(arguments, said):
    result = CliRunner().invoke(audit, arguments, input=URL)
    assert result.exit_code == 2
    assert said in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize(("threshold", "code"), [("low", 1), ("medium", 1), ("high", 0), ("critical", 0)])
def test_it_fails_from_the_chosen_severity_on(threshold, code):
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


def test_the_text_begins_with_the_worst_finding_with_proof_and_fix():
    result, _ = run(answering(everybody))
    lines = result.output.splitlines()
    assert lines[0] == f"Auditing {URL}: 320 requests at most, 10000 a second."
    assert lines[2] == "CRITICAL CG-A001 reflect-any: Any website may read"
    assert any(line.startswith("    > Origin: https://") for line in lines)
    assert any(line.startswith("    < Access-Control-Allow-Origin: https://") for line in lines)
    assert any(line.startswith("  Fix: Access-Control-Allow-Origin: ") for line in lines)
    assert any(line.startswith(f'       as a Policy: allow_origins=["{APP}"]') for line in lines)
    assert "1 finding: 1 critical." in lines
    assert result.stderr == ""
    assert result.exit_code == 1


def test_a_server_without_faults_is_called_clean():
    result, one = run(CORSMiddleware(answering(lambda _: []), Policy(allow_origins=[APP], allow_credentials=True)))
    assert "Nothing was found." in result.output
    assert "Tried: strangers and null, who is trusted" in result.output
    assert f"{len(one.asked)} requests of 320 at most" in result.output
    assert "Left out" not in result.output
    assert result.exit_code == 0


def test_a_server_that_was_hardly_asked_is_not_called_clean():
    result, _ = run(listing(APP), "--budget", "1")
    assert "Nothing was found, but not everything was tried." in result.output
    assert "\n1 request of 1 at most, 10000 a second.\n" in result.output
    assert result.exit_code == 0


def test_a_finding_for_information_has_its_proof_and_fix_too():
    result, _ = run(listing(APP))
    heading, proof = re.search(r"  (CG-I007 .*)\n      (.*)\n", result.output).groups()
    assert heading.startswith("CG-I007 nosniff: X-Content-Type-Options is absent. Without")
    assert proof == f"GET {URL} 200; browsers: Chromium, Firefox, Safari; fix: X-Content-Type-Options: nosniff"


def test_the_fix_names_the_origin_of_the_operator():
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


@pytest.mark.parametrize(("status", "is_judged"), [("200 OK", True), ("403 Forbidden", False)])
def test_sarif_says_whether_the_url_was_judged(status, is_judged):
    result, _ = run(answering(lambda _: [], status=status), "--sarif")
    (invocation,) = json.loads(result.stdout)["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is is_judged
    told = [one["message"]["text"] for one in invocation["toolExecutionNotifications"]]
    assert [text.startswith(f"{URL}: The URL was not judged.") for text in told] == [True] * (not is_judged)


def test_sarif_is_the_same_in_every_run():
    """
    The names that are tried are different in each run. The fingerprint of a finding and its severity are not.
    """
    first, second = (json.loads(run(answering(everybody), "--sarif")[0].stdout)["runs"][0] for _ in range(2))
    prints = [[found["partialFingerprints"] for found in one["results"]] for one in (first, second)]
    assert prints[0] == prints[1]
    assert len({found["corsguard/v1"] for found in prints[0]}) == len(prints[0])
    assert first["results"][0]["message"] != second["results"][0]["message"]
    elsewhere = json.loads(run(answering(everybody), "--sarif", url=f"{URL}/1")[0].stdout)["runs"][0]
    assert not {*map(str, prints[0])} & {str(found["partialFingerprints"]) for found in elsewhere["results"]}
    scores = {rule["id"]: rule["properties"]["security-severity"] for rule in first["tool"]["driver"]["rules"]}
    assert scores["CG-A001"] == "9.5"
    assert scores["CG-I007"] == "0.0"


def test_the_curl_command_has_the_options_of_the_audit_in_each_format(tmp_path):
    """
    Options that reach the server (--insecure, --proxy, --cacert) are in it, printed, in JSON and in SARIF.
    """
    context, authority = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trustme.CA()
    authority.issue_cert("localhost").configure_cert(context)
    own = tmp_path / "own ca.pem"
    authority.cert_pem.write_to_path(own)
    with served(answering(everybody), context) as one, served(answering(everybody)) as proxy:
        secure = [f"https://localhost:{one.address.rpartition(':')[2]}/items", *FAST]
        ways = {
            "--insecure": [*secure, "--insecure"],
            f"--cacert '{own}'": [*secure, "--cacert", str(own)],
            f"--proxy http://{proxy.address}": [URL, *FAST, "--proxy", f"http://{proxy.address}"],
            '--proxy "$PROXY"': [URL, *FAST, "--proxy", f"http://user:hunter2@{proxy.address}"],
        }
        for words, arguments in ways.items():
            said = [CliRunner().invoke(audit, [*arguments, *form], catch_exceptions=False) for form in FORMS]
            printed, found, sarif = (done.output for done in said)
            (line, *_) = re.findall(r"^  Send it again: (curl .*)$", printed, re.MULTILINE)
            lines = [line, json.loads(found)["findings"][0]["curl"]]
            lines.append(json.loads(sarif)["runs"][0]["results"][0]["properties"]["curl"])
            assert [one.endswith(f" {words}") for one in lines] == [True] * 3, lines
            assert "hunter2" not in "".join(done.output for done in said)


FORMS = ([], ["--json"], ["--sarif"])


def test_the_curl_command_repeats_the_request_of_the_finding():
    """
    Secrets are variables of the shell.
    """
    with served(answering(everybody)) as one:
        where = ["--connect-to", one.address, "--cookie", "sid=hunter2"]
        shown = CliRunner().invoke(audit, [URL, *FAST, *where], catch_exceptions=False).output
        (line,) = re.findall(r"^  Send it again: (curl .*)$", shown, re.MULTILINE)
        assert "hunter2" not in shown
        done = subprocess.run(
            line, shell=True, env={**os.environ, "COOKIE": "sid=hunter2"}, capture_output=True, text=True, check=True
        )
    origin = re.search(r"Origin: (https://\w+\.example)'", line)[1]
    assert f"Access-Control-Allow-Origin: {origin}" in done.stdout
    assert one.asked[-1][3]["HTTP_COOKIE"] == "sid=hunter2"


@pytest.mark.parametrize(
    ("name", "value"), [("Cookie", "corsguard=1"), ("Authorization", "Bearer corsguard")], ids=lambda value: value
)
def test_a_value_of_the_audit_itself_is_no_secret(name, value, tmp_path):
    """
    The finding is about a request with that header, so the command and the proof need it. A value of the user in a
    header with the same name is still hidden.
    """
    key = f"HTTP_{name.upper()}"

    def lines(environ):
        # Every page may send it.
        is_preflight = environ["REQUEST_METHOD"] == "OPTIONS"
        allowed = [("Access-Control-Allow-Headers", name)] if is_preflight else []
        return [*everybody(environ), *allowed] if is_preflight or key in environ else [VARY]

    page = tmp_path / "audit.html"
    result, _ = run(answering(lines), "--html", str(page))
    lines_of_curl = re.findall(r"^  Send it again: (curl .*)$", result.output, re.MULTILINE)
    (line,) = [one for one in lines_of_curl if f"-H '{name}: " in one]
    assert f"-H '{name}: {value}'" in line
    assert f"    > {name}: {value}\n" in result.output
    assert f"{name}: {value}" in page.read_text(encoding="utf-8")
    with served(answering(lines)) as one:
        again = re.sub(r"--connect-to \S+", f"--connect-to ::{one.address}", line)
        done = subprocess.run(again, shell=True, capture_output=True, text=True, check=True)
    assert "Access-Control-Allow-Origin: http" in done.stdout

    def accepting(environ):
        return everybody(environ) if value in environ.get(key, "") else [VARY]

    result, _ = run(answering(accepting), "--header", f"{name}: hunter2", "--json")
    (finding,) = [one for one in json.loads(result.stdout)["findings"] if one["id"] == "CG-A019"]
    assert "hunter2" not in result.stdout
    sent = finding["proof"][0]["request"]["headers"]
    assert [name, value] in sent
    assert [name, HIDDEN] in sent


def test_a_file_of_urls_is_audited_completely(tmp_path):
    """
    One of three servers is down. The two others are reported, and the exit code is that of the worst result.
    """
    file = tmp_path / "urls.txt"
    with socket.socket() as taken, served(answering(everybody)) as bad, served(listing(APP)) as good:
        taken.bind(("127.0.0.1", 0))
        silent = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        urls = [f"http://{bad.address}/items", f"http://{good.address}/items"]
        file.write_text("\n".join(["# ours", "", *urls, silent, urls[0]]))
        done = CliRunner().invoke(audit, ["--urls", str(file), *FAST, "--json"], catch_exceptions=False)
        assert [one["url"] for one in json.loads(done.stdout)] == urls
        assert done.exit_code == 1
        assert f"{silent}: nothing listens" in done.stderr
        done = CliRunner().invoke(audit, ["--urls", "-", *FAST], input=f"{urls[1]}\n{silent}", catch_exceptions=False)
        assert done.exit_code == 3
        assert done.stdout.count("Auditing ") == 2
        done = CliRunner().invoke(audit, ["--urls", str(file), *FAST, "--sarif"], catch_exceptions=False)
        (one,) = json.loads(done.stdout)["runs"]
        places = {found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for found in one["results"]}
        assert places == {*urls}


def test_all_requests_go_through_the_proxy():
    """
    No name is looked up. The proxy gets plain requests as they are, and a tunnel for the others.
    """
    seen = []

    def transport(request):
        seen.append(request.url)
        return WireResponse(200, (("Content-Type", "text/plain"),))

    with engines.proxied(transport) as port:
        for url in ("http://api.nowhere.example/items", "https://api.nowhere.example/items"):
            options = ["--proxy", f"http://127.0.0.1:{port}", "--insecure", "--budget", "6", "--active"]
            done = CliRunner().invoke(audit, [url, *FAST, *options], catch_exceptions=False)
            assert done.exit_code == 0
            assert len(seen) == 5
            assert all(one.startswith(url) for one in seen)
            assert "because a proxy is in between: line ends in Origin" in done.stdout
            seen.clear()


def test_a_proxy_that_is_not_there_is_named():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = CliRunner().invoke(audit, [URL, *FAST, "--proxy", f"http://{where}"], catch_exceptions=False)
    assert done.exit_code == 3
    assert f"the proxy cannot be used: nothing listens at {where}." in done.stderr


def test_a_server_that_only_refused_was_not_judged():
    for status in (
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "405 Method Not Allowed",
        "406 Not Acceptable",
        "429 Too Many Requests",
        "502 Bad Gateway",
    ):
        result, _ = run(answering(lambda _: [], status=status))
        assert "The URL was not judged." in result.stdout
        assert f"all its answers had the status {status[:3]}." in result.stdout
        assert "Nothing was found" not in result.stdout
        assert result.exit_code == 4
    for status in "401 Unauthorized", "403 Forbidden":
        result, _ = run(answering(everybody, status=status))
        assert result.exit_code == 1
        assert "not judged" not in result.stdout
        assert json.loads(run(answering(everybody, status=status), "--json")[0].stdout)["is_judged"]
    # What to do depends on the status.
    advice = {
        "400": "Add what the resource needs to answer GET",
        "401": "Add a login",
        "404": "Check the path: nothing may be there",
        "405": "Audit a URL that answers GET",
    }
    for status, step in advice.items():
        said = run(answering(lambda _: [], status=f"{status} No"))[0].stdout
        assert f"all its answers had the status {status}. {step}" in said
        assert [one for one in advice.values() if one in said] == [step]
    # The preflights have another status.
    refusing = answering(lines_for(APP), status="400 Bad Request")
    sound = answering(lines_for(APP))
    said = run(lambda environ, start: (sound if environ["REQUEST_METHOD"] == "OPTIONS" else refusing)(environ, start))[
        0
    ]
    assert said.exit_code == 4
    assert "all its answers had the status 400. Add" in said.stdout


def test_without_an_origin_the_report_says_what_one_would_add():
    result, one = run(answering(lines_for("http://www.example.com")), origin=None)
    asked = {names.get("HTTP_ORIGIN") for *_, names in one.asked}
    assert {f"http://{name}example.com" for name in ("", "www.", "app.", "admin.")} <= asked
    assert "http://www.example.com.attacker.example" in asked
    assert "Note: Without --origin, only these origins, and names that a wrong comparison accepts as" in result.stdout
    assert f"tried: http://{HOST}, http://example.com, " in result.stdout
    assert "The server allows http://www.example.com. With --origin" in result.stdout
    assert "The server allows none of these origins." in run(listing(APP), origin=None)[0].stdout
    # Everybody may read, so nobody is refused.
    opened = run(answering(lambda _: [(ALLOW, "*")]), origin=None)[0].stdout
    assert "The server allows none of these origins by name. With --origin" in opened
    assert f"Note: {ALLOW}: * lets every page read the response, without credentials.\n" in opened
    # Its own name is listed, and a finding may be about that.
    assert f"The server allows http://{HOST}." in run(listing(f"http://{HOST}"), origin=None)[0].stdout
    assert "Without --origin" not in run(listing(APP))[0].stdout


def test_a_host_without_an_address_is_unreachable():
    with ExitStack() as stack:
        taken = stack.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        result = CliRunner().invoke(audit, [f"http://{where}/"])
        named = CliRunner().invoke(audit, [URL, "--connect-to", where])
    assert result.exit_code == named.exit_code == 3
    assert "nothing listens at" in result.stderr
    assert "The audit asked" not in result.stderr
    # The name is not where it was asked.
    assert f"The audit asked {where}." in named.stderr


@pytest.mark.parametrize(
    ("port", "host"),
    [("", HOST), ("", HOST.upper()), ("", f"{HOST}:80"), (":9304", HOST), (":9304", f"{HOST}:9304"), (":9304", "")],
)
def test_connect_to_takes_the_host_of_the_url(port, host):
    """
    `check` does the same.
    """
    with served(listing(APP)) as one:
        where = ["--connect-to", f"{host}={one.address}"]
        url = URL.replace(HOST, f"{HOST}{port}")
        result = CliRunner().invoke(audit, [url, *FAST, *where, "--budget", "3"], catch_exceptions=False)
    assert result.exit_code == 0
    assert len(one.asked) == 3


def test_the_json_is_what_the_call_from_python_returns():
    result, one = run(answering(everybody), "--json")
    printed = json.loads(result.stdout)
    data = audited(answering(everybody)).data()
    assert printed.keys() == data.keys()
    assert [finding["id"] for finding in printed["findings"]] == [finding["id"] for finding in data["findings"]]
    assert printed["requests"]["sent"] == data["requests"]["sent"] == len(one.asked)


@pytest.mark.parametrize(
    ("options", "about"),
    [
        (("--quick",), {"budget": 32}),
        (("--quick", "--budget", "5"), {"budget": 5}),
        ((), {"budget": 320}),
        (("--active",), {"active": True}),
        (("--internal",), {"is_internal": True}),
        (("--public",), {"is_internal": False}),
        (("--rate", "3", "--timeout", "2"), {"rate": 3.0, "timeout": 2.0}),
        (("--cookie", "a=1", "--cookie", "b=2;"), {"headers": (("Cookie", "a=1; b=2"),)}),
        (("-H", "X-Key:  v "), {"headers": (("X-Key", "v"),)}),
        (("-o", APP), {"trusted": (APP,)}),
        (("--proxy", "http://127.0.0.1:8080", "--insecure"), {"proxy": "http://127.0.0.1:8080", "verify": False}),
        (("--connect-to", "[::1]:8443"), {"connect_to": {HOST: "[::1]:8443"}}),
    ],
)
def test_an_option_becomes_an_argument_of_the_call(monkeypatch, options, about):
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
    assert "\n  Send the requests of an attacker to URL. " in shown
    assert shown.count("corsguard audit https://") == 5
