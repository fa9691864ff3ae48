"""
A HAR file is explained without any network, whatever is in it and whatever the browser left out.
"""

import gzip
import json
import shlex
import socket
from base64 import b64encode
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from corsguard.browser import Exchange, WireRequest, WireResponse
from corsguard.cli.group import group
from corsguard.diagnosis import har
from corsguard.diagnosis.commands import curl

PAGE = "https://app.example.com"
API = "https://api.example.com"
FAILED = "net::ERR_FAILED"


def entry(method, path, status, lines=(), *, error=None, origin=PAGE, headers=(), kind="fetch"):  # noqa: PLR0913 - what an entry says
    """
    Return an entry as Chromium writes it, with the headers of the browser and others that no page set.
    """
    url = path if "://" in path else f"{API}{path}"
    asked = [
        (":method", method),
        ("User-Agent", "Mozilla/5.0"),
        ("Pragma", "no-cache"),
        ("sec-ch-ua", '"A";v="1"'),
        *headers,
    ]
    if origin:
        asked.append(("Origin", origin))
    return {
        "request": {"method": method, "url": url, "headers": pairs(asked)},
        "response": {"status": status, "headers": pairs(lines), "_error": error},
        "_resourceType": kind,
    }


def preflight(method, path, status, lines=(), *, names=""):
    asked = [("Access-Control-Request-Method", method)]
    if names:
        asked.append(("Access-Control-Request-Headers", names))
    return entry("OPTIONS", path, status, lines, headers=asked, kind="preflight")


def socket_entry(status, *, error=None, url="wss://api.example.com/feed"):
    return entry("GET", url, status, error=error, kind="websocket")


def pairs(lines):
    return [{"name": name, "value": value} for name, value in lines]


def allow(origin=PAGE, **more):
    return [
        ("Access-Control-Allow-Origin", origin),
        *((f"Access-Control-Allow-{name.title()}", value) for name, value in more.items()),
    ]


JSON = [("Content-Type", "application/json")]
OWN = [("Accept", "*/*"), ("Accept-Language", "en"), ("Cookie", "sid=c00kie")]
TOKEN = [("X-Token", "t0ken-abc")]


@pytest.fixture
def write(tmp_path):
    def write(*entries, **log):
        file = tmp_path / "failed.har"
        file.write_text(json.dumps({"log": {"version": "1.2", "entries": entries, **log}}))
        return str(file)

    return write


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


def run(*arguments):
    result = CliRunner().invoke(group, ["check", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def verdicts(file):
    result = run(file, "--json")
    found = json.loads(result.stdout)["requests"]
    return [(one["verdict"], *(fault["code"] for fault in one["faults"])) for one in found], result.exit_code


BLOCKED = "blocked"
OPAQUE = "opaque, so nothing can be read"
NO_CORS = [("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "empty")]
NOT_CORS = "failed, and this is not CORS"
FILES = {
    "readable": ([entry("GET", "/a", 200, allow())], [("readable",)]),
    "an answer that the browser kept from the page": (
        [entry("GET", "/a", 200, JSON, error=FAILED)],
        [(BLOCKED, "missing_allow_origin")],
    ),
    "an answer without a message of the browser (Firefox)": (
        [entry("GET", "/a", 200, allow("https://other.example"))],
        [(BLOCKED, "allow_origin_mismatch")],
    ),
    "an answer without headers": ([entry("GET", "/a", 200, error=FAILED)], [("unclear",)]),
    "no answer": ([entry("GET", "/a", 0, error=FAILED)], [("unclear",)]),
    "no answer, in the words of Playwright": (
        [{**entry("GET", "/a", -1), "_failureText": FAILED}],
        [("unclear",)],
    ),
    "a preflight before": (
        [
            preflight("PUT", "/a", 204, allow(), names="content-type"),
            entry("PUT", "/a", 0, error=FAILED, headers=JSON),
        ],
        [(BLOCKED, "method_not_allowed", "header_not_allowed")],
    ),
    "a preflight after": (
        [
            entry("PUT", "/a", 0, error=FAILED, headers=JSON),
            preflight("PUT", "/a", 403, names="content-type"),
        ],
        [(BLOCKED, "preflight_missing_allow_origin", "preflight_status", "method_not_allowed", "header_not_allowed")],
    ),
    "a preflight without its answer": (
        [
            {**preflight("PUT", "/a", 204), "response": {"status": 204, "headers": [], "_error": FAILED}},
            entry("PUT", "/a", 0, error=FAILED),
        ],
        [("unclear",)],
    ),
    "a header that no byte can hold": (
        [
            preflight("GET", "/a", 204, allow(), names="x-name"),
            entry("GET", "/a", 0, error=FAILED, headers=[("X-Name", "\u20ac")]),
        ],
        [(BLOCKED, "header_not_allowed")],
    ),
    "a preflight for another method": (
        [preflight("DELETE", "/a", 403), entry("PUT", "/a", 200, allow())],
        [(BLOCKED, "preflight_missing_allow_origin", "preflight_status", "method_not_allowed"), ("readable",)],
    ),
    "the nearest preflight": (
        [
            preflight("PUT", "/a", 403),
            entry("PUT", "/a", 0, error=FAILED),
            entry("GET", "/b", 200, allow()),
            preflight("PUT", "/a", 204, allow(methods="PUT")),
            entry("PUT", "/a", 200, allow()),
        ],
        [
            (BLOCKED, "preflight_missing_allow_origin", "preflight_status", "method_not_allowed"),
            ("readable",),
            ("readable",),
        ],
    ),
    "a preflight that passes, and a response that does not": (
        [
            preflight("PUT", "/a", 204, allow(methods="PUT")),
            entry("PUT", "/a", 500, JSON, error=FAILED),
        ],
        [(BLOCKED, "missing_allow_origin")],
    ),
    "a missing preflight of a sent request": (
        [entry("PUT", "/a", 200, allow("*"), headers=[*JSON, *TOKEN])],
        [("readable",)],
    ),
    "a missing preflight of a request that was not sent": (
        [entry("PUT", "/a", 0, error=FAILED, headers=TOKEN)],
        [("unclear",)],
    ),
    "cookies and a wildcard": (
        [entry("GET", "/a", 200, allow("*"), error=FAILED, headers=[("Cookie", "sid=c00kie")])],
        [(BLOCKED, "wildcard_with_credentials", "allow_credentials_not_true")],
    ),
    "cookies that were removed": (
        [entry("GET", "/a", 200, allow(), error=FAILED)],
        [(BLOCKED, "allow_credentials_not_true")],
    ),
    "an error although the answer is right": (
        [entry("GET", "/a", 200, allow(credentials="true"), error=FAILED)],
        [("unclear",)],
    ),
    "a redirect, whose hops are one": (
        [
            entry("GET", "/a", 302, [*allow(), ("Location", "/b")]),
            entry("GET", "/b", 200, JSON, error=FAILED),
        ],
        [(BLOCKED, "missing_allow_origin")],
    ),
    "a redirect to a host without an address": (
        [
            entry("GET", "/a", 302, [*allow(), ("Location", "https://nowhere.example/b")]),
            entry("GET", "https://nowhere.example/b", 0, error="net::ERR_NAME_NOT_RESOLVED", origin=None),
        ],
        [(NOT_CORS, "unreachable")],
    ),
    "a redirect to an answer that the browser refused": (
        [
            entry("GET", "/a", 302, [*allow(), ("Location", "/b")]),
            entry("GET", "/b", 200, allow("*"), error=FAILED),
        ],
        [(BLOCKED, "allow_credentials_not_true", "wildcard_with_credentials", "allow_credentials_not_true")],
    ),
    "a redirect whose second preflight fails": (
        [
            entry("PUT", "/a", 307, [*allow(), ("Location", "https://b.example/")]),
            preflight("PUT", "/a", 204, allow(methods="PUT")),
            entry("PUT", "https://b.example/", 0, error=FAILED),
            preflight("PUT", "https://b.example/", 204, allow("*")),
        ],
        [(BLOCKED, "method_not_allowed")],
    ),
    "a preflight that nobody answered": (
        [
            {**preflight("PUT", "/a", 0), "response": {"status": 0, "headers": [], "_error": "net::ERR_TIMED_OUT"}},
            entry("PUT", "/a", 0, error=FAILED),
        ],
        [(NOT_CORS, "unreachable")],
    ),
    "a redirect that ends the file": (
        [entry("GET", "/a", 302, [*allow(), ("Location", "/b")])],
        [("unclear",)],
    ),
    "a redirect of the preflight": (
        [preflight("PUT", "/a", 308, [("Location", "/a/")]), entry("PUT", "/a", 0, error=FAILED)],
        [(BLOCKED, "preflight_redirect", "preflight_missing_allow_origin", "method_not_allowed")],
    ),
    "a preflight that neither the method nor a header needs": (
        [preflight("POST", "/a", 200), entry("POST", "/a", 0, error=FAILED)],
        [(BLOCKED, "preflight_missing_allow_origin")],
    ),
    "a preflight that no request follows": (
        [preflight("PUT", "/a", 204, allow(methods="GET"), names="content-type,x-token")],
        [(BLOCKED, "method_not_allowed", "header_not_allowed")],
    ),
    "a preflight that passes, and no request follows": (
        [preflight("PUT", "/a", 204, allow(methods="PUT"))],
        [("unclear",)],
    ),
    "a policy of the page": (
        [entry("GET", "/a", 0, error="violates the following Content Security Policy directive")],
        [(NOT_CORS, "csp")],
    ),
    "nothing listens": (
        [entry("GET", "/a", 0, error="net::ERR_CONNECTION_REFUSED")],
        [(NOT_CORS, "unreachable")],
    ),
    "a certificate": ([entry("GET", "/a", 0, error="net::ERR_CERT_DATE_INVALID")], [(NOT_CORS, "tls")]),
    "an ad blocker": (
        [entry("GET", "/a", 0, error="net::ERR_BLOCKED_BY_CLIENT")],
        [(NOT_CORS, "blocked_by_client")],
    ),
    "no Origin, but a Referer": (
        [entry("GET", "/a", 200, JSON, error=FAILED, origin=None, headers=[("Referer", f"{PAGE}/shop")])],
        [(BLOCKED, "missing_allow_origin")],
    ),
    "a page without an origin": (
        [entry("GET", "/a", 200, allow("https://other.example"), origin="null")],
        [(BLOCKED, "allow_origin_mismatch")],
    ),
    "no page at all": ([entry("GET", "/a", 200, origin=None)], []),
    "its own origin": ([entry("POST", f"{PAGE}/a", 200)], []),
    "an image": (
        [entry("GET", "/a.png", 200, origin=None, kind="image", headers=[("Referer", f"{PAGE}/")])],
        [],
    ),
    "a fetch without CORS": ([entry("POST", "/a", 200, headers=NO_CORS)], [(OPAQUE, "opaque")]),
    "a fetch without CORS, whose type is not told": (
        [entry("GET", "/a", 200, headers=NO_CORS, kind="")],
        [(OPAQUE, "opaque")],
    ),
    "a fetch without CORS, and without a server": (
        [entry("GET", "/a", 0, error="net::ERR_NAME_NOT_RESOLVED", headers=NO_CORS)],
        [(NOT_CORS, "unreachable")],
    ),
    "a fetch without CORS, without an answer": ([entry("GET", "/a", 0, headers=NO_CORS)], [("unclear",)]),
    "a redirected fetch without CORS": (
        [entry("GET", "/a", 302, [("Location", "/b")], headers=NO_CORS), entry("GET", "/b", 200, headers=NO_CORS)],
        [(OPAQUE, "opaque")],
    ),
    "a beacon": ([entry("POST", "/a", 200, headers=NO_CORS, kind="ping")], []),
    "a beacon, whose type is not told": ([entry("POST", "/a", 200, headers=NO_CORS, kind="")], []),
    "a WebSocket that is open": ([socket_entry(101)], [("open",)]),
    "a WebSocket that was open": (
        [{**socket_entry(101, error="net::ERR_CONNECTION_RESET"), "_webSocketMessages": [{"type": "receive"}]}],
        [("open",)],
    ),
    # RFC 8441: over HTTP/2, a WebSocket is open with any 2xx.
    "a WebSocket over HTTP/2": ([{**socket_entry(200), "_webSocketMessages": [{"type": "send"}]}], [("open",)]),
    "a WebSocket that the server refused": ([socket_entry(403)], [(NOT_CORS, "handshake_refused")]),
    "a WebSocket that the server refused, and the browser ended": (
        [socket_entry(401, error="net::ERR_ABORTED")],
        [(NOT_CORS, "handshake_refused")],
    ),
    "a WebSocket without a server": (
        [socket_entry(0, error="net::ERR_CONNECTION_REFUSED")],
        [(NOT_CORS, "unreachable")],
    ),
    "a WebSocket whose page was left": ([socket_entry(0, error="net::ERR_ABORTED")], [(NOT_CORS, "aborted")]),
    "a WebSocket without an answer": ([socket_entry(0)], [("unclear",)]),
    "a WebSocket that opened, and yet failed": ([socket_entry(101, error=FAILED)], [("unclear",)]),
    "a WebSocket of its own origin": ([socket_entry(403, url="wss://app.example.com/")], []),
    # So proxies write it.
    "a WebSocket with a URL of https": (
        [entry("GET", "/feed", 403, headers=[("Upgrade", "websocket")], kind="")],
        [(NOT_CORS, "handshake_refused")],
    ),
    "a wrong page": ([entry("GET", "/a", 200, origin="mailto:somebody")], [("unclear",)]),
}


@pytest.mark.parametrize(("entries", "found"), FILES.values(), ids=FILES.keys())
def test_every_cross_origin_request_is_judged(write, entries, found):
    code = 0 if all(verdict in {("readable",), ("open",)} for verdict in found) else 1
    assert verdicts(write(*entries)) == (found, code)


def test_the_page_may_come_from_the_file(write):
    one = {**entry("GET", "/a", 200, JSON, error=FAILED, origin=None), "pageref": "page_1"}
    file = write(one, pages=[{"id": "page_1", "title": f"{PAGE}/shop"}])
    assert verdicts(file) == ([(BLOCKED, "missing_allow_origin")], 1)


def test_the_change_names_the_server_of_the_request(write):
    file = write(entry("GET", "/a", 0, error="violates the following Content Security Policy directive"))
    assert "add https://api.example.com to connect-src." in run(file).stdout


def test_assumptions_are_printed(write):
    file = write(
        entry("GET", "/a", 200, allow("*"), headers=[("Cookie", "sid=c00kie")]),
        entry("GET", "/b", 200, allow(), error=FAILED),
        entry("PUT", "/c", 200, JSON, headers=TOKEN),
    )
    found = json.loads(run(file, "--json").stdout)["requests"]
    assert [(one["credentials"], one["assumed"]) for one in found] == [
        ("include", ['The request has cookies, so credentials: "include" is assumed.']),
        ("include", ['Without credentials it would pass, so credentials: "include" is assumed.']),
        (
            "same-origin",
            ["The preflight is not in the file. It is assumed to have passed, because the request itself was sent."],
        ),
    ]


def test_a_har_has_a_line_for_each_request_and_then_its_problems(write):
    file = write(
        entry("GET", "/a", 200, allow()),
        entry("GET", "/b", 200, JSON, error=FAILED),
        entry("PATCH", "/it's", 0, error=FAILED, headers=[*OWN, *JSON, *TOKEN]),
    )
    result = run(file)
    assert result.exit_code == 1
    head, blocked, *_, unclear = result.stdout.split("\n\n")
    assert head == (
        f"1 blocked, 1 unclear, of 3 requests across origins in {file} (3 entries)\n"
        f"  ok  GET {API}/a  200\n"
        f"  NO  GET {API}/b  200  missing_allow_origin\n"
        f"  ??  PATCH {API}/it's  no response"
    )
    assert blocked == f"BLOCKED: GET {API}/b, requested by a page on {PAGE}\nThe file says: {FAILED}"
    assert unclear.startswith(
        f"UNCLEAR: PATCH {API}/it's, requested by a page on {PAGE}\nAssumed: The request has cookies"
    )
    command = unclear.rpartition("Check the server itself: ")[2]
    assert shlex.split(command) == [
        *["corsguard", "check", f"{API}/it's", "--page", PAGE, "--method", "PATCH"],
        *["--header", "Content-Type: application/json", "--header", "X-Token: $X_TOKEN", "--credentials"],
        "--preflight-only",
    ]
    assert "t0ken" not in result.output
    assert "c00kie" not in result.output


def test_a_failure_that_repeats_is_told_once(write):
    polls = [entry("GET", "/poll", 200, JSON, error=FAILED)] * 6
    file = write(*polls, entry("GET", "/poll", 403, JSON, error=FAILED), entry("GET", "/a", 200, allow()))
    result = run(file)
    assert result.stdout.startswith("7 blocked, 0 unclear, of 8 requests across origins")
    told = [line for line in result.stdout.splitlines() if line.startswith("BLOCKED: ")]
    what = f"BLOCKED: GET {API}/poll, requested by a page on {PAGE}"
    assert told == [f"{what} (6 times)", what]
    page = Path(file).with_suffix(".html")
    run(file, "--html", str(page))
    assert page.read_text(encoding="utf-8").count("(6 times)") == 1


NEEDS_NO_CORS = {
    "an image": entry("GET", "/a.png", 200, origin=None, kind="image", headers=[("Sec-Fetch-Mode", "no-cors")]),
    "its own origin": entry("POST", f"{PAGE}/a", 200),
}


@pytest.mark.parametrize("one", NEEDS_NO_CORS.values(), ids=NEEDS_NO_CORS.keys())
def test_a_file_without_a_request_that_needs_cors_says_so(write, one):
    file = write(one)
    result = run(file)
    assert result.exit_code == 0
    assert result.stdout == f"0 blocked, because no request needs CORS, in {file} (1 entries)\n"


def tunnel(url, status=200, *, error=None):
    one = entry("CONNECT", "/", status, origin=None, kind="", error=error)
    one["request"]["url"] = url
    return one


OF_TUNNELS = {
    "Charles": ([tunnel(f"{API}:443"), tunnel(f"{PAGE}:443")], ["api.example.com, app.example.com"]),
    "Fiddler": ([tunnel("http://api.example.com:443")], ["api.example.com"]),
    "only the host": ([tunnel("api.example.com:443"), tunnel("api.example.com:443")], ["of api.example.com,"]),
    "an IPv6 address": ([tunnel("[2001:db8::1]:8443")], ["[2001:db8::1]"]),
    "without an answer": ([tunnel(f"{API}:443", 0, error=FAILED)], ["api.example.com"]),
    "and a request to another host": (
        [tunnel(f"{API}:443"), tunnel(f"{PAGE}:443"), entry("POST", f"{PAGE}/a", 200)],
        ["of api.example.com,"],
    ),
}


@pytest.mark.parametrize(("entries", "named"), OF_TUNNELS.values(), ids=OF_TUNNELS.keys())
def test_a_file_of_encrypted_connections_is_not_fine(write, entries, named):
    result = run(write(*entries, creator={"name": "Charles Proxy"}))
    assert result.exit_code == 1
    assert "There is nothing to judge: " in result.output
    assert [words for words in named if words not in result.output] == []


def test_a_tunnel_whose_requests_are_in_the_file_has_nothing_to_hide(write):
    inside = [tunnel(f"{PAGE}:443"), entry("POST", f"{PAGE}/a", 200)]
    assert verdicts(write(*inside)) == ([], 0)
    judged = [*inside, tunnel("https://elsewhere.example:443"), entry("GET", "/a", 200, allow())]
    assert verdicts(write(*judged)) == ([("readable",)], 0)


def test_a_file_that_gzip_packed_is_read(write, tmp_path):
    packed = tmp_path / "failed.har.gz"
    packed.write_bytes(gzip.compress(Path(write(entry("GET", "/a", 200, JSON, error=FAILED))).read_bytes()))
    assert verdicts(str(packed)) == ([(BLOCKED, "missing_allow_origin")], 1)
    packed.write_bytes(packed.read_bytes()[:-20])
    result = run(str(packed))
    assert (result.exit_code, "cannot be unpacked" in result.stderr) == (2, True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_file_may_have_any_encoding_of_unicode(write, encoding):
    file = Path(write(entry("GET", "/a", 200, JSON, error=FAILED)))
    file.write_bytes(file.read_text(encoding="utf-8").encode(encoding))
    assert verdicts(str(file)) == ([(BLOCKED, "missing_allow_origin")], 1)


def test_what_a_packed_file_contains_is_bounded(tmp_path, monkeypatch):
    packed = tmp_path / "failed.har.gz"
    packed.write_bytes(gzip.compress(b" " * 1_000_000))
    monkeypatch.setattr(har, "_MOST_BYTES", 10_000)
    monkeypatch.setattr(json, "loads", None)
    result = run(str(packed))
    assert (result.exit_code, "Expected a file of at most 10000 bytes" in result.stderr) == (2, True)


def first(file):
    return json.loads(run(file, "--json").stdout)["requests"][0]


def test_each_hop_is_listed_by_its_status(write):
    moved = entry("GET", "/9", 302, [*allow(), ("Location", "https://bucket.example/9.pdf")])
    stored = entry("GET", "https://bucket.example/9.pdf", 200, [("Server", "AmazonS3")], error=FAILED)
    file = write(moved, stored)
    assert "GET https://api.example.com/9  302 -> 200  missing_allow_origin" in run(file).stdout
    assert first(file)["faults"][0]["cause"].startswith("After a redirect to https://bucket.example/9.pdf: ")


@pytest.mark.parametrize("encoding", ["", "base64"])
def test_the_body_of_an_answer_is_read(write, encoding):
    body = "<Error><Message>CORSResponse: CORS is not enabled for this bucket.</Message></Error>"
    refused = entry("GET", "/a", 403, [("Server", "AmazonS3")], error=FAILED)
    text = b64encode(body.encode()).decode() if encoding else body
    refused["response"]["content"] = {"text": text, "encoding": encoding}
    words = first(write(refused))["faults"][0]["fix"]["words"]
    assert 'The body says: "CORSResponse: CORS is not enabled for this bucket."' in words
    refused["response"]["content"] = {"text": "a", "encoding": "base64"}
    assert first(write(refused))["faults"]


def test_only_the_beginning_of_a_body_is_read(write):
    body = "<Error><Message>No CORS</Message></Error>" + " " * 100_000
    refused = entry("GET", "/a", 403, [("Server", "AmazonS3")], error=FAILED)
    # The end is not base64.
    refused["response"]["content"] = {"text": b64encode(body.encode()).decode()[:-1], "encoding": "base64"}
    assert 'The body says: "No CORS".' in first(write(refused))["faults"][0]["fix"]["words"]


def test_what_only_safari_says_may_be_about_another_origin(write):
    said = f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200"
    (fault,) = first(write({**entry("GET", "/a", -1), "_failureText": said}))["faults"]
    assert fault["cause"].startswith(
        "The response is not shared with the page: Access-Control-Allow-Origin is absent, or"
    )
    assert "Look at the headers of the answer: corsguard check https://api.example.com/a" in fault["fix"]["words"]
    assert (fault["chromium"], fault["firefox"]) == ("", "")


def test_a_program_that_is_no_browser_blocks_nothing(write):
    file = write(entry("GET", "/a", 200, JSON), creator={"name": "Insomnia REST Client"})
    assert first(file)["assumed"][-1].startswith("Insomnia REST Client sent this, which is not a browser and blocks")


def test_what_is_not_cors_is_not_counted_as_blocked(write):
    reset = entry("GET", "/a", 0, error="net::ERR_CONNECTION_RESET")
    found = run(write(reset, entry("GET", "/b", 200, JSON, error=FAILED)))
    assert (found.stdout.split(" in ")[0], found.exit_code) == (
        "1 blocked, 1 failed without CORS, 0 unclear, of 2 requests across origins",
        1,
    )


NET_ERRORS = {
    "CONNECTION_RESET": "ended before an answer came",
    "CONNECTION_CLOSED": "larger than the server, or a proxy in front, accepts",
    "RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH": "several Content-Length lines that differ",
    "HTTP2_PROTOCOL_ERROR": "was reached over HTTP/2. It, or a proxy in front, broke the rules of the protocol",
    "QUIC_PROTOCOL_ERROR": "was reached over HTTP/3.",
    "ADDRESS_UNREACHABLE": "no route leads from this computer to https://api.example.com.",
    "EMPTY_RESPONSE": "https://api.example.com took the connection, and closed it without an answer.",
    "RESPONSE_HEADERS_TOO_BIG": "the header lines of https://api.example.com are too long for a browser.",
    "CONTENT_DECODING_FAILED": "the body is not encoded as its Content-Encoding says.",
}


@pytest.mark.parametrize("name", NET_ERRORS)
def test_an_error_with_a_known_cause_has_no_list_of_questions(write, name):
    status, lines = (200, JSON) if name == "CONTENT_DECODING_FAILED" else (0, ())
    (fault,) = first(write(entry("GET", "/a", status, lines, error=f"net::ERR_{name}")))["faults"]
    assert NET_ERRORS[name] in fault["fix"]["words"]
    assert "Is the server running?" not in fault["fix"]["words"]


MALFORMED = {
    "empty": (b" ", "is empty: export it again"),
    "not JSON": (b"<html>", "is not JSON"),
    "not text": (b"\xff\xfe", "is not JSON"),
    "nested too deeply": (b"[" * 100_000, "is not JSON"),
    "not a HAR": (b'{"log": {}}', "is not a HAR: it has no log.entries"),
    "a list": (b"[]", "is not a HAR"),
    "wrong entries": (b'{"log": {"entries": {}}}', "is not a HAR"),
}


@pytest.mark.parametrize(("content", "said"), MALFORMED.values(), ids=MALFORMED.keys())
def test_a_file_that_is_not_a_har_is_a_usage_error(tmp_path, content, said):
    file = tmp_path / "some.HAR"
    file.write_bytes(content)
    result = run(str(file))
    assert (result.exit_code, said in result.stderr) == (2, True), result.output


def test_a_packed_file_is_named_by_its_form(tmp_path):
    file = tmp_path / "failed.zip"
    file.write_bytes(b"PK\x03\x04")
    assert "is a zip archive: unpack it, and check the HAR file in it." in run(str(file)).stderr


def test_a_file_that_cannot_be_read_or_is_too_large_is_a_usage_error(tmp_path, monkeypatch):
    assert "cannot be read: No such file" in run(str(tmp_path / "missing.har")).stderr
    file = tmp_path / "large.har"
    file.write_bytes(b" " * 101)
    monkeypatch.setattr(har, "_MOST_BYTES", 100)
    monkeypatch.setattr(json, "loads", None)
    result = run(str(file))
    assert (result.exit_code, "Expected a file of at most 100 bytes" in result.stderr) == (2, True)


def test_a_har_is_refused_together_with_a_method(write):
    result = run(write(), "--method", "PUT")
    assert (result.exit_code, "leave out --method" in result.stderr) == (2, True)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([API, PAGE, "GET", "OPTIONS"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["request", "response", "method", "url", "headers", "name", "value", "status", "_error"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.lists(ODD, max_size=3), ODD)
def test_no_shape_of_an_entry_raises(tmp_path_factory, entries, odd):
    shaped = entry("PUT", "/a", 200, allow())
    for place in "request", "response", "_resourceType", "pageref":
        entries.append({**shaped, place: odd})
        entries.append({**shaped, "request": {**shaped["request"], "headers": odd}})
        entries.append({**shaped, "response": {**shaped["response"], "headers": odd, "status": odd}})
    file = tmp_path_factory.mktemp("odd") / "odd.har"
    file.write_text(json.dumps({"log": {"entries": entries, "pages": odd}}))
    assert run(str(file)).exit_code in {0, 1}


HOSTILE = ["\x1b[31mred", "\u202egnirts", "a\r\nb", "x" * 10_000]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_a_file_reaches_a_terminal_unescaped(write, text):
    file = write(
        entry("GET", f"/a?{text}", 200, [("Access-Control-Allow-Origin", text)], error=text),
        entry("GET", "/b", 0, error=text, headers=[("X-Token", text)]),
    )
    for more in [], ["--json"]:
        shown = run(file, *more).stdout
        assert all(character.isprintable() or character == "\n" for character in shown)
        assert "\u202e" not in shown
        assert len(shown) < 20 * 10_000


def test_the_written_file_is_a_har():
    request = WireRequest("PUT", f"{API}/a", (("X-Pin", "123"), ("Origin", PAGE)), b"t0ken")
    answer = WireResponse(302, (("Location", "/b?t0ken"), ("Content-Type", "a/b")), b"body")
    exchanges = [Exchange(request, answer, False, False), Exchange(request, None, True, False)]
    log = har.written(exchanges, {"x-pin"}, lambda text: text.replace("t0ken", "(not shown)"))["log"]
    assert "t0ken" not in json.dumps(log)
    first, second = log["entries"]
    assert first["request"]["headers"] == pairs([("X-Pin", "(not shown)"), ("Origin", PAGE)])
    assert first["response"]["redirectURL"] == "/b?(not shown)"
    assert first["response"]["content"] == {"size": 4, "mimeType": "a/b", "comment": "left out"}
    assert "body" not in json.dumps(first["response"]).replace("bodySize", "")
    assert (second["response"]["status"], second["response"]["_error"]) == (0, "no response")
    # HAR 1.2: members that every entry must have.
    for one in log["entries"]:
        assert {"startedDateTime", "time", "request", "response", "cache", "timings"} <= {*one}
        assert {"send", "wait", "receive"} <= {*one["timings"]}


def test_curl_does_not_take_a_body_for_a_file_name():
    request = WireRequest("POST", "https://api.example.com/", body=b"@/etc/passwd")
    assert curl(request, set(), connect_to={}).endswith("--data-raw @/etc/passwd")


def test_an_archive_is_told_from_a_har(tmp_path):
    packed = tmp_path / "failed.har"
    packed.write_bytes(b"PK\x03\x04\x14\x00")
    result = run(str(packed))
    assert (result.exit_code, "is a zip archive: unpack it" in result.stderr) == (2, True)


def test_entries_that_cannot_be_read_are_counted(write):
    result = run(write(entry("GET", "https://api.example.com:99999/a", 200), entry("G T", "/a", 200)))
    assert result.exit_code == 1
    assert "None of the 2 entries has a method and a URL that can be read." in result.stdout
