"""
`corsguard audit` finds what is wrong, names it rightly, believes nothing that a browser does not, and hurts nobody.
"""

import ast
import itertools
import json
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from urllib.parse import quote
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

import pytest
from click.testing import CliRunner
from kit import laboratory

from corsguard import CORSMiddleware, Policy
from corsguard.browser import Unreachable, WireRequest, WireResponse
from corsguard.browser.confidential import secrets_of
from corsguard.browser.exchanges import HIDDEN
from corsguard.browser.transports import transport_for
from corsguard.cli.asking import Answer, Asker, Line, Question, SpentError
from corsguard.cli.audit import _document, _is_internal, _shown, audit
from corsguard.cli.auditing import Active, Audit
from corsguard.cli.printing import Output
from corsguard.cli.probes import Meant, lax, relatives, special, strangers
from corsguard.cli.rules import RULES, WHO, Reach, Severity, severity_of
from corsguard.origin import Origin
from corsguard.testing import attack_origins

APP = "https://app.example.com"
HOST = "api.example.com"
URL = f"http://{HOST}/items"
FAST = ["--rate", "10000"]

ALLOW = "Access-Control-Allow-Origin"
CREDENTIALS = ("Access-Control-Allow-Credentials", "true")
VARY = ("Vary", "Origin")


class Handler(WSGIRequestHandler):
    """
    Logs nothing, and keeps connections, or two thousand of them would wait for their end.
    """

    protocol_version = "HTTP/1.1"
    # Many small messages.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def handle(self):
        # As wsgiref does, again and again.
        self.close_connection = False
        while not self.close_connection:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                return
            handler = ServerHandler(self.rfile, self.wfile, self.get_stderr(), self.get_environ(), multithread=True)
            handler.http_version, handler.request_handler = "1.1", self
            handler.run(self.server.get_app())


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    block_on_close = False


class Served:
    """
    An application that is served at *address*, and the requests *asked* of it as (method, path, headers).
    """

    def __init__(self, app):
        self.asked = []
        self._app = app
        self._lock = threading.Lock()

    def __call__(self, environ, start_response):
        names = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
        with self._lock:
            self.asked.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"], names))
        return self._app(environ, start_response)


@contextmanager
def served(app):
    one = Served(app)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.set_app(one)
        one.address = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield one
        finally:
            server.shutdown()
            thread.join()


def answering(lines, *, status="200 OK", body=b'{"items": []}', kind="application/json"):
    """
    Return an application that answers with what *lines* returns for a request, and preflights without a body.
    """

    def app(environ, start_response):
        is_bare = environ["REQUEST_METHOD"] in {"OPTIONS", "HEAD"}
        content = b"" if is_bare else body
        head = [("Content-Type", kind), ("Content-Length", str(len(content)))]
        start_response(status, [*head, *lines(environ)])
        return [content]

    return app


def origin_of(environ):
    return environ.get("HTTP_ORIGIN", "")


def listing(*origins):
    """
    Return an application that compares the origin with *origins*, as it should.
    """

    def lines(environ):
        origin = origin_of(environ)
        return [VARY, *([(ALLOW, origin), CREDENTIALS] if origin in origins else [])]

    return answering(lines)


def run(app, *options, url=URL, origin=APP):
    """
    Return what the audit of *app* prints, and the Served that saw it.
    """
    with served(app) as one:
        arguments = [url, *FAST, "--connect-to", one.address, *(["--origin", origin] if origin else []), *options]
        return CliRunner().invoke(audit, arguments, catch_exceptions=False), one


def found(app, *options, **about):
    """
    Return the findings of the audit of *app*, by id.
    """
    result, _ = run(app, *options, "--json", **about)
    return {finding["id"]: finding for finding in json.loads(result.stdout)["findings"]}


def faults(app, *options, **about):
    return {name for name, finding in found(app, *options, **about).items() if finding["severity"] != "info"}


# The laboratory: every planted fault, by its name, and nothing else.


@pytest.fixture(scope="module")
def lab():
    with laboratory.running() as running:
        yield running


# Where no response comes there is nothing to find.
SILENT = {"hangs-up", "not-listening", "wrong-certificate"}


@pytest.mark.server
@pytest.mark.parametrize("name", sorted(laboratory.SAMPLES.keys() - SILENT))
def test_every_planted_fault_is_found_and_named_and_nothing_else(lab, name):
    sample = laboratory.SAMPLES[name]
    address = lab.addresses[laboratory.host_of(sample)]
    where = ["--connect-to", address, "--cacert", str(lab.cacert)]
    result = CliRunner().invoke(audit, [sample.url, "--origin", sample.origin, *FAST, *where, "--json"])
    document = json.loads(result.stdout)
    above = {finding["id"] for finding in document["findings"] if finding["severity"] != "info"}
    assert above == sample.finds
    assert result.exit_code == (1 if sample.finds else 0)
    assert document["left_out"] == []


@pytest.mark.server
@pytest.mark.parametrize("name", sorted(SILENT))
def test_where_no_response_comes_nothing_is_said_about_it(lab, name):
    sample = laboratory.SAMPLES[name]
    address = lab.addresses[laboratory.host_of(sample)]
    where = ["--connect-to", address, "--cacert", str(lab.cacert)]
    result = CliRunner().invoke(audit, [sample.url, *FAST, *where])
    assert result.exit_code == 3
    assert f"{sample.url}: " in result.stderr
    assert "CG-" not in result.output


# What a browser does not believe is not reported.


@pytest.mark.parametrize(
    ("value", "credentials"),
    [
        ("http://evil.com:8443", "true"),
        ("http://evil.com/", "true"),
        ("https://evil.com", "true"),
    ],
)
def test_a_constant_that_looks_like_an_attacker_is_no_reflection(value, credentials):
    app = answering(lambda _: [(ALLOW, value), ("Access-Control-Allow-Credentials", credentials)])
    assert not {name for name in faults(app) if name.startswith("CG-A")}


@pytest.mark.parametrize(
    "mangled",
    [
        lambda origin: origin + ".au",
        lambda origin: origin + "/",
        lambda origin: origin.encode("latin-1").upper().decode("latin-1"),
        lambda origin: f"{origin}:443",
        lambda origin: f"{origin}, {APP}",
        lambda origin: f'"{origin}"',
        lambda origin: origin.partition("://")[2],
    ],
)
def test_an_origin_that_comes_back_changed_lets_nobody_in(mangled):
    app = answering(lambda environ: [VARY, (ALLOW, mangled(origin_of(environ))), CREDENTIALS])
    assert not {name for name in faults(app) if name.startswith("CG-A")}


@pytest.mark.parametrize("credentials", ["True", "TRUE", "true, true", "1", "false"])
def test_only_true_makes_a_reflection_one_with_credentials(credentials):
    lines = ("Access-Control-Allow-Credentials", credentials)
    reflected = found(answering(lambda environ: [VARY, (ALLOW, origin_of(environ)), lines]))["CG-A001"]
    assert (reflected["severity"], reflected["with_credentials"]) == ("low", False)


def test_two_lines_of_allow_origin_are_a_fault_and_no_reflection():
    app = answering(lambda environ: [VARY, (ALLOW, origin_of(environ)), (ALLOW, origin_of(environ)), CREDENTIALS])
    assert faults(app) == {"CG-B004"}


def test_what_no_browser_sends_is_never_more_than_information():
    def lines(environ):
        origin = origin_of(environ)
        return [VARY, *([(ALLOW, origin), CREDENTIALS] if origin.lower().rstrip("/") == APP else [])]

    lax_parser = found(answering(lines))["CG-A020"]
    assert (lax_parser["severity"], lax_parser["class"], lax_parser["browsers"]) == ("info", "E5", "none")
    assert f"{APP}/" in lax_parser["origins"]


def test_an_http_origin_is_no_danger_to_what_is_served_by_http():
    assert faults(listing("http://app.example.com"), origin="http://app.example.com") == set()


def test_what_is_shared_with_everybody_without_credentials_is_no_fault():
    assert faults(answering(lambda _: [(ALLOW, "*")])) == set()


def test_an_origin_on_loopback_is_no_stranger_to_a_server_on_loopback():
    app = listing("http://localhost:3000")
    assert faults(app, url="http://localhost/items", origin=None) == set()
    assert faults(app, origin=None) == {"CG-A014"}


def test_a_pattern_that_is_meant_is_not_reported():
    app = CORSMiddleware(
        answering(lambda _: []), Policy(allow_origins=["https://*.example.com"], allow_credentials=True)
    )
    assert faults(app, origin=None) == set()
    assert found(app, origin="https://app.example.com")["CG-A012"]["severity"] == "medium"
    assert "CG-A012" not in found(app, origin="https://*.example.com")


# How bad it is.


@pytest.mark.parametrize(
    ("reach", "with_credentials", "anonymous", "internal"),
    [
        (Reach.ANYONE, "CRITICAL", "LOW", "HIGH"),
        (Reach.REGISTRANT, "CRITICAL", "LOW", "HIGH"),
        (Reach.FEW_BROWSERS, "HIGH", "LOW", "HIGH"),
        (Reach.NETWORK, "HIGH", "LOW", "HIGH"),
        (Reach.NEIGHBOUR, "MEDIUM", "INFO", "MEDIUM"),
        (Reach.NOBODY, "INFO", "INFO", "INFO"),
    ],
)
def test_it_is_as_bad_as_it_is_easy_and_as_what_is_read(reach, with_credentials, anonymous, internal):
    assert severity_of(reach, with_credentials=True, is_internal=False) is Severity[with_credentials]
    assert severity_of(reach, with_credentials=True, is_internal=True) is Severity[with_credentials]
    assert severity_of(reach, with_credentials=False, is_internal=False) is Severity[anonymous]
    assert severity_of(reach, with_credentials=False, is_internal=True) is Severity[internal]


def everybody(environ):
    return [VARY, *([(ALLOW, origin_of(environ)), CREDENTIALS] if origin_of(environ) else [])]


def test_a_reflection_implies_the_narrower_faults_which_are_not_asked_about():
    result, one = run(answering(everybody), "--json")
    document = json.loads(result.stdout)
    (reflected,) = [finding for finding in document["findings"] if finding["severity"] != "info"]
    assert reflected["id"] == "CG-A001"
    assert reflected["severity"] == "critical"
    assert reflected["confidence"] == "high"
    assert "null" in reflected["origins"]
    assert "other relatives" in document["subsumed"]
    assert len(one.asked) < 40


def test_a_finding_is_proven_by_what_went_over_the_wire():
    (exchange,) = found(answering(everybody))["CG-A001"]["proof"]
    sent = dict(exchange["request"]["headers"])
    got = dict(exchange["response"]["headers"])
    assert exchange["request"]["method"] == "GET"
    assert exchange["request"]["url"].startswith(f"{URL}?cg=")
    assert got[ALLOW] == sent["Origin"] != ""
    assert got["Access-Control-Allow-Credentials"] == "true"
    assert exchange["response"]["status"] == 200


@pytest.mark.parametrize(
    ("transport_security", "severity"),
    [
        (None, "HIGH"),
        ("max-age=600", "HIGH"),
        ("max-age=31536000; includeSubDomains", "HIGH"),
        ("max-age=31536000; includeSubDomains; preload", "MEDIUM"),
    ],
)
def test_preloaded_transport_security_makes_an_http_origin_less_bad(transport_security, severity):
    def carry(request):
        origin = dict(request.headers).get("Origin", "")
        shared = [(ALLOW, origin), CREDENTIALS] if origin.endswith("://app.example.com") else []
        strict = [] if transport_security is None else [("Strict-Transport-Security", transport_security)]
        return WireResponse(200, (VARY, *shared, *strict))

    url = f"https://{HOST}/items"
    one = Audit(url, Asker(carry, url, budget=160, rate=1e9), "0123abcd", Meant([APP]))
    one.run()
    (finding,) = [found for found in one.findings if found.rule.id == "CG-A011"]
    assert (finding.severity, finding.reach) == (Severity[severity], Reach.NETWORK)


def test_what_is_let_in_once_and_not_again_is_not_reported():
    asked = set()

    def lines(environ):
        # A cache that answers for the origin it has seen last.
        fresh = environ["QUERY_STRING"].startswith("cg=")
        asked.add(origin_of(environ))
        return [VARY, *([] if fresh else everybody(environ)[1:])]

    result, _ = run(answering(lines), "--json")
    document = json.loads(result.stdout)
    assert "CG-A001" not in {finding["id"] for finding in document["findings"]}
    assert any("let in once and not again" in note for note in document["notes"])


@pytest.mark.parametrize(("options", "severity"), [((), None), (("--internal",), "high"), (("--public",), None)])
def test_who_says_that_a_network_protects_it_is_believed(options, severity):
    shared = found(answering(lambda _: [(ALLOW, "*")]), *options)
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
    names = faults(answering(lambda _: [(ALLOW, "*")]), url=f"http://{host}/")
    assert names == ({"CG-A010"} if is_internal else set())


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
    # Where it leads is said, and not where the name would.
    assert _is_internal(HOST, "10.0.0.7:80") is False


# What the laboratory has no sample of.


def chosen(line, **about):
    return answering(lambda _: [line], **about)


BESIDE = {
    "CG-A021": answering(
        lambda environ: [
            VARY,
            ("Content-Security-Policy", "default-src 'self'; connect-src https://cdn.partner.example"),
            *(
                [(ALLOW, origin_of(environ)), CREDENTIALS]
                if origin_of(environ) == "https://cdn.partner.example"
                else []
            ),
        ]
    ),
    "CG-E005": chosen(VARY, body=b'<cross-domain-policy><allow-access-from domain="*"/></cross-domain-policy>'),
    "CG-I001": chosen(("Cross-Origin-Resource-Policy", "same-origin, same-site")),
    "CG-V004": answering(lambda environ: [("Age", "7"), (ALLOW, APP), CREDENTIALS]),
}


@pytest.mark.parametrize("rule", BESIDE)
def test_what_stands_beside_it_is_found(rule):
    assert faults(BESIDE[rule]) == {rule}


def test_a_response_that_can_be_loaded_as_a_script_is_found():
    def app(environ, start_response):
        name = environ["QUERY_STRING"].partition("callback=")[2]
        start_response("200 OK", [("Content-Type", "text/javascript")])
        return [f"{name}([1, 2])".encode()]

    assert faults(app) == {"CG-E004"}


def test_a_websocket_for_any_origin_is_found():
    def app(environ, start_response):
        if environ.get("HTTP_UPGRADE") == "websocket":
            start_response("101 Switching Protocols", [])
            return []
        return listing(APP)(environ, start_response)

    assert faults(app) == {"CG-E002"}


def test_a_cookie_that_goes_with_every_request_is_told_of():
    lines = [(ALLOW, APP), CREDENTIALS, ("Set-Cookie", "sid=12345678; SameSite=None; Secure")]
    assert found(answering(lambda _: lines))["CG-B007"]["severity"] == "info"


@pytest.mark.parametrize(("control", "severity"), [("public, max-age=60", "medium"), ("no-store", "low"), ("", "low")])
def test_a_missing_vary_is_as_bad_as_the_response_is_cacheable(control, severity):
    def lines(environ):
        return [("Cache-Control", control), *([(ALLOW, APP), CREDENTIALS] if origin_of(environ) == APP else [])]

    assert found(answering(lines))["CG-V001"]["severity"] == severity


def test_any_host_is_a_danger_only_inside():
    app = listing(APP)
    assert faults(app) == set()
    assert faults(app, "--internal") == {"CG-E003"}


# What is done only if it is asked for.


def test_nothing_but_safe_methods_is_sent_unless_asked():
    _, one = run(answering(everybody), "--active")
    assert {method for method, *_ in one.asked} == {"GET", "HEAD", "OPTIONS"}
    accepted, one = run(answering(everybody), "--unsafe-method", "--json")
    assert [method for method, *_ in one.asked].count("POST") == 1
    assert "CG-E001" in {finding["id"] for finding in json.loads(accepted.stdout)["findings"]}


class Careless(socketserver.StreamRequestHandler):
    """
    Ends a request at the first empty line, and sends Origin back with whatever it holds.
    """

    def handle(self):
        lines = []
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            lines.append(line)
        head = b"".join(lines)
        _, found, rest = head.partition(b"Origin: ")
        origin = rest.removesuffix(b"\r\n").partition(b"\r\nUser-Agent")[0] if found else b""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nVary: Origin\r\nContent-Length: 0\r\n")
        self.wfile.write(b"Access-Control-Allow-Origin: " + origin + b"\r\n\r\n")


@pytest.mark.parametrize(("options", "is_found"), [((), False), (("--active",), True)])
def test_a_line_end_in_origin_is_tried_if_asked(options, is_found):
    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Threads(("127.0.0.1", 0), Careless) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        where = ["--connect-to", f"127.0.0.1:{server.server_address[1]}"]
        result = CliRunner().invoke(audit, [URL, *FAST, *where, "--json", *options], catch_exceptions=False)
        server.shutdown()
    severities = {finding["id"]: finding["severity"] for finding in json.loads(result.stdout)["findings"]}
    assert severities.get("CG-X001") == ("critical" if is_found else None)


@contextmanager
def repeating(begin):
    """
    Listen once, and send back what *begin* makes of the bytes that came.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer():
            connection, _ = listening.accept()
            with connection:
                connection.sendall(begin(connection.recv(65536)))

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening.getsockname()
        thread.join()


@pytest.mark.parametrize(
    ("end", "is_line"),
    [
        ("\n", True),
        ("\r", True),
        ("\r\n", True),
        # It goes on with the line before it, for all who read it.
        ("\r\n ", False),
        (" ", False),
    ],
)
def test_only_what_begins_a_line_is_a_header(end, is_line):
    def begin(request):
        origin = request.partition(b"Origin: ")[2].removesuffix(b"\r\n\r\n")
        return b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: " + origin + b"\r\n\r\nX-Body: 1\r\n"

    with repeating(begin) as address:
        line = Line(HOST, HOST, address, None, 5.0, (("Authorization", "Bearer 1"),))
        names = line.names_sent_back("/items?a=1", f"{APP}{end}X-Cg: 1")
    assert ("x-cg" in names) is is_line
    assert "access-control-allow-origin" in names
    assert "x-body" not in names


def test_a_connection_that_fails_sends_nothing_back():
    with repeating(lambda _: b"") as address:
        assert Line(HOST, HOST, address, None, 5.0).names_sent_back("/", APP) == frozenset()
    assert Line(HOST, HOST, address, None, 5.0).names_sent_back("/", APP) == frozenset()


def test_a_poisoned_cache_is_confirmed_if_asked():
    kept = {}

    def app(environ, start_response):
        # A cache that knows nothing of Vary, before an application that does what it should.
        key = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"])
        if key not in kept:
            kept[key] = origin_of(environ) == APP
        start_response("200 OK", [VARY, *([(ALLOW, APP), CREDENTIALS] if kept[key] else [])])
        return [b""]

    confirmed = found(app, "--active")
    assert confirmed["CG-V003"]["severity"] == "high"
    assert "CG-V003" not in found(listing(APP), "--active")


# Nobody else is contacted, and nobody too often.


def test_a_redirect_to_another_origin_is_not_followed_and_one_within_is():
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/items":
            start_response("308 Permanent Redirect", [("Location", "/items/")])
        elif environ["PATH_INFO"] == "/items/" and environ["HTTP_HOST"] == HOST:
            return answering(everybody)(environ, start_response)
        else:
            start_response("302 Found", [("Location", "http://login.example.com/")])
        return []

    result, one = run(app)
    assert "redirects to http://api.example.com/items/: this is what was audited" in result.output
    assert "CG-A001" in result.output
    assert {names["HTTP_HOST"] for *_, names in one.asked} == {HOST}
    result, one = run(app, url=f"http://{HOST}/login")
    assert "redirects to http://login.example.com, which was not contacted" in result.output
    assert {names["HTTP_HOST"] for *_, names in one.asked} == {HOST}
    assert result.exit_code == 0


def test_the_budget_is_kept_and_what_is_left_out_is_said():
    result, one = run(listing(APP), "--budget", "30")
    assert len(one.asked) <= 30
    assert f"{len(one.asked)} requests of 30 at most, 10000 a second." in result.output
    assert "Left out, because the budget of 30 requests was spent: " in result.output
    assert result.exit_code == 0


def test_a_quick_audit_asks_little_and_finds_the_worst():
    def lines(environ):
        origin = origin_of(environ)
        return [VARY, *([(ALLOW, origin), CREDENTIALS] if origin.startswith(APP) else [])]

    result, one = run(answering(lines), "--quick")
    assert len(one.asked) <= 24
    assert "CRITICAL CG-A003" in result.output
    assert "confidence: high" in result.output


def test_no_question_is_asked_twice_and_each_in_its_turn():
    times, pauses = [0.0], []

    def pause(seconds):
        pauses.append(seconds)
        times[0] += seconds

    sent = []
    asker = Asker(
        lambda request: sent.append(request) or WireResponse(200),
        URL,
        budget=8,
        rate=10,
        clock=lambda: times[0],
        pause=pause,
    )
    first = asker.ask(Question(URL, APP))
    assert asker.ask(Question(URL, APP)) is first
    for port in range(5000, 5005):
        asker.ask(Question(URL, f"{APP}:{port}"))
    assert (len(sent), asker.sent) == (6, 6)
    assert pauses == pytest.approx([0.1] * 5)
    # Two are kept back, to ask again what was found.
    with pytest.raises(SpentError, match="the budget of 8 requests was spent"):
        asker.ask(Question(URL, "null"))
    asker.reserve = 0
    asker.ask(Question(URL, "null"))


def test_nothing_but_the_one_origin_is_contacted():
    asker = Asker(pytest.fail, URL, budget=8, rate=1e6)
    for url in ("http://other.example.com/", f"https://{HOST}/items", f"http://{HOST}:8080/items"):
        with pytest.raises(ValueError, match="nothing else is contacted"):
            asker.ask(Question(url))


def test_a_server_that_has_gone_is_left_alone():
    def carry(request):
        raise Unreachable("nothing listens")

    asker = Asker(carry, URL, budget=100, rate=1e6)
    for number in range(1, 6):
        assert asker.ask(Question(URL, f"{APP}:{number + 8000}")).status == 0
    with pytest.raises(SpentError, match="left 5 requests in a row without an answer"):
        asker.ask(Question(URL, "null"))
    with pytest.raises(Unreachable, match="nothing listens"):
        Asker(carry, URL, budget=100, rate=1e6).first(Question(URL))


def test_credentials_go_with_requests_and_not_with_preflights():
    options = ["--header", "Authorization: Bearer abc123", "--cookie", "sid=xyz789", "--cookie", "theme=dark"]
    _, one = run(listing(APP), *options)
    for method, _, _, names in one.asked:
        credentials = (names.get("HTTP_AUTHORIZATION"), names.get("HTTP_COOKIE"))
        if method == "OPTIONS":
            assert credentials == (None, None)
        else:
            # A condition that is tried comes on top.
            assert "Bearer abc123" in credentials[0]
            assert "sid=xyz789; theme=dark" in credentials[1]


def test_a_port_that_no_browser_connects_to_is_not_asked():
    result, one = run(listing(APP), url=f"http://{HOST}:6000/")
    assert result.exit_code == 3
    assert "no browser connects" in result.stderr
    assert one.asked == []


# Secrets stay secret.

SECRET = "hunter2/" * 60


@pytest.mark.parametrize("options", [(), ("--json",), ("--sarif",)])
@pytest.mark.parametrize(
    "name",
    [ALLOW, "Access-Control-Expose-Headers", "Vary", "Timing-Allow-Origin", "Cross-Origin-Resource-Policy", "Location"],
)
def test_a_secret_is_not_shown_even_where_the_server_sends_it_back(name, options):
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


def test_what_is_no_header_is_refused_without_repeating_it():
    result = CliRunner().invoke(audit, [URL, "--header", "Authorization Bearer hunter2"])
    assert result.exit_code == 2
    assert "hunter2" not in result.output
    assert 'write "Authorization: Bearer ..."' in result.output


# The command.


def test_no_more_of_a_download_is_read_than_is_needed():
    block, sent = b"x" * 65536, []

    def download():
        for _ in range(4096):
            sent.append(block)
            yield block

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/octet-stream"), *everybody(environ)])
        return download()

    result, one = run(app, "--budget", "12", "--json")
    assert "CG-A001" in {finding["id"] for finding in json.loads(result.stdout)["findings"]}
    # What is on its way is in the buffers of the two sockets.
    assert len(sent) < 256 * len(one.asked)


def test_what_is_not_the_same_when_asked_again_is_less_sure():
    def lines(environ):
        exposed = "X-CSRF-Token" if environ["QUERY_STRING"].startswith("cg=") else "X-CSRF-Token, X-Total"
        return [(ALLOW, APP), CREDENTIALS, ("Access-Control-Expose-Headers", exposed)]

    assert found(answering(lines))["CG-B006"]["confidence"] == "medium"
    assert found(answering(lambda _: lines({"QUERY_STRING": ""})))["CG-B006"]["confidence"] == "high"


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
        ([URL, "--connect-to", "127.0.0.1:99999"], "Write --connect-to 127.0.0.1:8443"),
        ([URL, "--cacert", __file__], "Give a PEM file"),
        ([URL, "--cacert", "no-such-file"], "does not exist"),
        ([URL, "--budget", "0"], "--budget"),
        ([URL, "--rate", "0"], "--rate"),
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


def test_the_text_says_the_worst_first_with_proof_and_fix():
    result, _ = run(answering(everybody))
    lines = result.output.splitlines()
    assert lines[0] == f"Auditing {URL}: 160 requests at most, 10000 a second."
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
    assert f"{len(one.asked)} requests of 160 at most" in result.output
    assert "Left out" not in result.output
    assert result.exit_code == 0


def test_what_was_hardly_asked_is_not_called_clean():
    result, _ = run(listing(APP), "--budget", "1")
    assert "Nothing was found in what was asked, and not all was asked." in result.output
    assert "\n1 request of 1 at most, 10000 a second.\n" in result.output
    assert result.exit_code == 0


def test_what_is_for_information_has_its_proof_and_its_fix_too():
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


def test_an_origin_that_is_meant_and_refused_is_noted():
    result, _ = run(listing())
    assert f"{APP} is meant to be trusted and may not read." in result.output


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_who_is_asked_too_often_is_heard(status):
    result, _ = run(answering(lambda _: [], status=status), "--budget", "20")
    assert "503 Service Unavailable: give a lower --rate" in result.output


def busy(status, is_busy):
    """
    Return an application that compares as it should, but for the requests whose number *is_busy* names.
    """
    numbers = itertools.count()

    def app(environ, start_response):
        sound = listing(APP) if not is_busy(next(numbers)) else answering(lambda _: [], status=status)
        return sound(environ, start_response)

    return app


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize(
    "is_busy", [*(lambda n, k=k: n >= k for k in (3, 8, 20)), *(lambda n, k=k: n % k == 1 for k in (2, 3, 5))]
)
def test_a_server_that_is_too_busy_has_no_faults_by_that(status, is_busy):
    assert found(busy(status, is_busy)).keys() <= {"CG-I001", "CG-I007"}


def test_who_wants_to_be_left_alone_is_left_alone():
    result, one = run(busy("429 Too Many Requests", lambda number: number >= 8))
    assert "5 requests in a row without an answer, or answered 429" in result.output
    assert len(one.asked) == 8 + 5


# Servers that are sound in their way.


def lines_for(*origins, more=()):
    return lambda environ: [
        VARY,
        *more,
        *([(ALLOW, origin_of(environ)), CREDENTIALS] if origin_of(environ) in origins else []),
    ]


def matching(pattern):
    return answering(
        lambda environ: [
            VARY,
            *([(ALLOW, origin_of(environ)), CREDENTIALS] if re.fullmatch(pattern, origin_of(environ)) else []),
        ]
    )


def without_head(environ, start_response):
    status = "405 Method Not Allowed" if environ["REQUEST_METHOD"] == "HEAD" else "200 OK"
    return answering(lines_for(APP) if status == "200 OK" else lambda _: [VARY], status=status)(environ, start_response)


def refusing(environ, start_response):
    status = "200 OK" if origin_of(environ) in {"", APP} else "403 Forbidden"
    return answering(lines_for(APP), status=status)(environ, start_response)


def by_the_application(environ, start_response):
    start_response("200 OK", [("Allow", "GET"), ("Content-Length", "5"), *lines_for(APP)(environ)])
    return [b"hello"]


SOUND = {
    "several origins": listing(APP, "https://www.example.com", "https://example.com"),
    "its own origin": listing(f"http://{HOST}"),
    "no CORS": answering(lambda _: []),
    "Vary: *": answering(lambda environ: [("Vary", "*"), *lines_for(APP)(environ)[1:]]),
    "Vary in another case": answering(lambda environ: [("Vary", "accept, ORIGIN"), *lines_for(APP)(environ)[1:]]),
    "HEAD is not supported": without_head,
    "strangers get 403": refusing,
    "OPTIONS is answered by the application": by_the_application,
    "one origin for all": answering(lambda _: [(ALLOW, APP), CREDENTIALS]),
    "everybody, with cookies that are not read": answering(lambda _: [(ALLOW, "*"), ("Set-Cookie", "sid=1; Path=/")]),
    "everybody, by a cache": answering(lambda _: [(ALLOW, "*"), ("Age", "31"), ("X-Cache", "HIT")]),
    "everybody, and false": answering(lambda _: [(ALLOW, "*"), ("Access-Control-Allow-Credentials", "false")]),
    "true, always": answering(lambda environ: [VARY, CREDENTIALS, *lines_for(APP)(environ)[1:2]]),
    "a load balancer's cookie": answering(lines_for(APP, more=[("Set-Cookie", "AWSALB=1; Path=/")])),
    "upper case is folded": answering(
        lambda environ: [VARY, *([(ALLOW, origin_of(environ))] if origin_of(environ).lower() == APP else [])]
    ),
    "a policy that names its own site": answering(
        lines_for(
            APP, "https://www.example.com", more=[("Content-Security-Policy", "connect-src https://www.example.com")]
        )
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_nothing_is_said_against_who_is_sound(name):
    assert faults(SOUND[name]) == set()


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        (r"https://app\.example\.com(:\d+)?", "CG-A013"),
        (r"https://app\.example\.com|http://localhost:\d+", "CG-A014"),
        (r"https://[a-z0-9.-]+\.example\.com", "CG-A012"),
        (r"https?://app\.example\.com", "CG-A011"),
    ],
)
def test_a_pattern_that_is_too_wide_is_named(pattern, rule):
    url = f"https://{HOST}/items"
    index = {
        finding.rule.id for finding in audited(matching(pattern), url).findings if finding.severity > Severity.INFO
    }
    assert index == {rule}


def audited(app, url):
    """
    Return the audit of *app*, in this process, so that it can be at any URL.
    """
    one = Audit(url, Asker(transport_for(app), url, budget=200, rate=1e9), "0123abcd", Meant([APP]))
    one.run()
    return one


@pytest.mark.parametrize("budget", ["1", "2", "3"])
def test_a_redirect_that_the_budget_ends_at_is_said(budget):
    app = answering(lambda environ: [("Location", f"/x{environ['PATH_INFO']}")], status="302 Found")
    result, one = run(app, "--budget", budget)
    assert result.exit_code == 0
    assert "where the server redirects to" in result.output
    assert len(one.asked) == int(budget)


# Servers that mean harm.


def served_raw(serve):
    """
    Return a server on loopback that hands each connection, once it has asked, to *serve*.
    """

    class Raw(socketserver.BaseRequestHandler):
        def handle(self):
            with suppress(OSError):
                self.request.recv(65536)
                serve(self.request)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Raw)
    server.daemon_threads, server.block_on_close = True, False
    return server


def without_end(first, again):
    def serve(connection):
        connection.sendall(first)
        while True:
            connection.sendall(again)
            time.sleep(0.01)

    return serve


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (without_end(b"HTTP/1.1 200 OK\r\nX: ", b"y"), "did not answer within 0.1 s"),
        (without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "did not answer within 0.1 s"),
        (without_end(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536), "Receive buffer too long"),
        (lambda connection: connection.sendall(b"HTTP/1.1 " + b"\x1b[31m" * 900 + b"\r\n\r\n"), "illegal status line"),
        (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"), "without sending a response"),
    ],
)
def test_a_response_that_never_begins_is_given_up(serve, said):
    with served_raw(serve) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        result = CliRunner().invoke(audit, [URL, "--connect-to", address, "--timeout", "0.1"])
        server.shutdown()
    assert result.exit_code == 3
    assert said in result.stderr
    assert len(result.output) < 500
    assert result.output.replace("\n", "").isprintable()


def test_a_plain_connection_does_not_wait_for_a_head_without_end():
    with served_raw(without_end(b"HTTP/1.1 200 OK\r\nX-Cg: 1\r\nX: ", b"y")) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        line = Line(HOST, HOST, server.server_address, None, 0.1)
        assert "x-cg" in line.names_sent_back("/", APP)
        server.shutdown()


def test_a_body_that_is_cut_off_is_nobodys_traceback():
    command = [sys.executable, "-m", "corsguard", "audit", URL, *FAST, "--budget", "4", "--connect-to"]
    broken = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    with served_raw(lambda connection: connection.sendall(broken)) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        done = subprocess.run([*command, address], capture_output=True, text=True, check=False)
        server.shutdown()
    assert (done.returncode, done.stderr) == (0, "")


# What is asked if it is agreed to, and found.


def caching(environ, *, vary=()):
    header = next((name for name in environ if name.startswith("HTTP_X_")), "")
    body = f"for {environ.get(header, '')}".encode()
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    name = header.removeprefix("HTTP_").replace("_", "-").lower() or "x"
    head = [*lines_for(APP)(environ), ("Cache-Control", "max-age=60"), ("Access-Control-Allow-Headers", asked)]
    return body, [*head, *((line, value.format(name)) for line, value in vary)]


@pytest.mark.parametrize(("vary", "is_found"), [([], True), ([("Vary", "{}")], False), ([("Vary", "*")], False)])
def test_a_header_that_gets_into_a_cache_is_found_unless_the_cache_tells_it_apart(vary, is_found):
    def app(environ, start_response):
        body, head = caching(environ, vary=vary)
        start_response("200 OK", [("Content-Length", str(len(body))), *head])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    assert ("CG-V006" in found(app, "--active")) is is_found
    assert "CG-V006" not in found(app)


@pytest.mark.parametrize(("slow", "is_found"), [(2, True), (1, False)])
def test_a_long_list_has_to_be_slow_twice(slow, is_found):
    now, times = 0.0, 0

    def carry(request):
        nonlocal now, times
        if any(value.startswith(",,,") for _, value in request.headers):
            times += 1
            now += 3 if times <= slow else 0
        now += 0.01
        return WireResponse(204, (VARY,))

    asker = Asker(carry, URL, budget=300, rate=1e9, clock=lambda: now, pause=bool)
    one = Audit(URL, asker, "0123abcd", Meant([APP]), active=Active(injects=True))
    one.run()
    assert ("CG-X003" in {finding.rule.id for finding in one.findings}) is is_found


def test_a_server_that_fails_for_all_does_not_fail_for_a_malformed_origin():
    assert "CG-X002" not in faults(busy("500 Internal Server Error", lambda number: number >= 30))


# Secrets in other forms.


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
@pytest.mark.parametrize("options", [(), ("--json",), ("--sarif",)])
def test_a_secret_in_another_form_is_one_too(header, shown, options):
    response = WireResponse(200, (VARY, (ALLOW, shown), ("Timing-Allow-Origin", shown)))
    name, _, value = header.partition(": ")
    output = Output(secrets=secrets_of([(name, value)]))
    one = Audit(
        URL,
        Asker(lambda _: response, URL, budget=60, rate=1e9),
        "0123abcd",
        Meant([APP]),
        show=partial(_shown, output=output),
    )
    one.run()
    assert "CG-B005" in {finding.rule.id for finding in one.findings} or "," in shown or " " in shown
    said = json.dumps(_document(one, output)) if options else " ".join(finding.detail for finding in one.findings)
    for part in ("sword", "fish"):
        assert part not in said.lower()


# Whatever comes back.

NASTY = ["", ",", ", ,", "*, *", "null, null", "[", "https://[", '"', "\t", "\xff" * 9000, "\x07", "a=b;;=", "9" * 400]
READ = [
    ALLOW,
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Headers",
    "Access-Control-Allow-Methods",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Cache-Control",
    "Content-Security-Policy",
    "Content-Type",
    "Cross-Origin-Resource-Policy",
    "Location",
    "Set-Cookie",
    "Timing-Allow-Origin",
    "Vary",
]


@pytest.mark.parametrize("names", [READ[:1], READ[1:]])
@pytest.mark.parametrize("status", [200, 302, 503])
@pytest.mark.parametrize("value", NASTY)
def test_nothing_that_comes_back_raises_or_is_shown_as_it_is(value, status, names):
    shared = [] if ALLOW in names else [(ALLOW, APP)]
    response = WireResponse(status, (*shared, *((name, value) for name in names for _ in range(2))))
    asker = Asker(lambda _: response, URL, budget=48, rate=1e9)
    one = Audit(URL, asker, "0123abcd", Meant([APP]), is_internal=True, active=Active(injects=True, posts=True))
    one.run()
    shown = [*one.notes, *(text for finding in one.findings for text in (finding.detail, *finding.origins))]
    assert one.tried
    assert all(text.isascii() and text.isprintable() and len(text) < 1000 for text in shown)


# The tables.


def test_every_rule_says_what_it_is_and_what_to_change():
    for rule in RULES.values():
        assert rule.id.startswith("CG-")
        assert rule.title
        assert not rule.title.endswith(".")
        assert rule.message.endswith(".")
        assert rule.header
        assert rule.policy
        assert rule.subsumes <= RULES.keys()
        assert rule.id not in rule.subsumes
        assert rule.severity >= rule.anonymous
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    assert WHO.keys() == set(Reach)


SETTING = re.compile(r'(allow_\w+|expose_headers|max_age)=(\[[^\]]*\]|"[^"]*"|\d+)')


@pytest.mark.parametrize(
    ("rule", "name", "value"),
    [(rule.id, *setting) for rule in RULES.values() for setting in SETTING.findall(rule.policy)],
)
def test_every_fix_can_be_pasted_into_a_policy(rule, name, value):
    settings = {"allow_origins": "*" if "*" in value else [APP], name: ast.literal_eval(value)}
    assert Policy(**settings), rule


def test_every_probe_is_bound_to_a_rule_and_is_what_it_says():
    meant = Meant([APP])
    candidates = [(APP, True), (f"https://{HOST}", True), ("http://app.example.com:8080", True)]
    probes = [
        *relatives(candidates, meant),
        *strangers("0123abcd", is_loopback=False, meant=meant),
        *special(APP, "0123abcd"),
        *lax(APP),
    ]
    for probe in probes:
        assert probe.rule in RULES
        assert probe.origin != APP
        assert not meant.covers(probe.origin)
        # A browser that is a common one sends what Origin reads; the rest are some browsers' own.
        if probe.rule not in {"CG-A008", "CG-A020"}:
            assert Origin.parse(probe.origin) is not None
    assert len(probes) == len({probe.origin for probe in probes})


def test_every_mistake_of_the_testing_kit_is_heeded_or_left_to_others():
    named = {probe.mistake for probe in [*relatives([(APP, True)], Meant([])), *lax(APP)]}
    left = {attack.name for attack in attack_origins(APP)} - named
    assert left == {
        "any origin is reflected",
        "any origin is reflected, with a port",
        "null is trusted",
        "the site stands for its subdomains",
        "a name that looks alike",
        "/ does not end the host",
        "what follows / is ignored",
        "? does not end the host",
        "what follows ? is ignored",
        "# does not end the host",
        "what follows # is ignored",
        "\\ does not end the host",
        "what follows \\ is ignored",
        "an empty port is dropped",
        "unprintable characters are dropped",
        "what follows an unprintable character is ignored",
        "a wildcard is matched backwards",
        "the host may be absent",
        "an empty origin is a part of every one",
    }


def test_the_worst_is_asked_first():
    first = [probe.rule for probe in relatives([(APP, True)], Meant([]))[:6]]
    assert first == ["CG-A003", "CG-A004", "CG-A012", "CG-A005", "CG-A007", "CG-A011"]


@pytest.mark.parametrize("origin", ["https://a!b.example", "nonsense", "http://10.0.0.1:8000", "http://[::1]:3000"])
def test_a_host_of_any_kind_has_relatives_or_none(origin):
    for probe in [*relatives([(origin, True)], Meant([])), *special(origin, "0"), *lax(origin)]:
        assert probe.origin


@pytest.mark.parametrize(
    ("origin", "reach"),
    [
        # `.co` is a suffix, `.c` is none.
        ("https://app.example.co", Reach.REGISTRANT),
        ("https://app.example.c", Reach.NEIGHBOUR),
        ("https://app.example", Reach.REGISTRANT),
    ],
)
def test_only_what_can_be_registered_is_open_to_registrants(origin, reach):
    (probe,) = [one for one in relatives([(APP, True)], Meant([])) if one.origin == origin]
    assert (probe.rule, probe.reach) == ("CG-A006", reach)


# One response, judged twice.


def answered(question, *headers, status=200):
    return Answer(question, WireRequest("GET", URL), WireResponse(status, headers))


@pytest.mark.parametrize(
    ("status", "headers", "with_credentials", "without"),
    [
        (200, [(ALLOW, APP), CREDENTIALS], True, True),
        (200, [(ALLOW, APP)], False, True),
        (200, [(ALLOW, "*")], False, True),
        (200, [], False, False),
        (404, [(ALLOW, APP), CREDENTIALS], True, True),
        (302, [(ALLOW, APP), CREDENTIALS, ("Location", "/")], False, False),
        (0, [], False, False),
    ],
)
def test_one_response_is_judged_with_credentials_and_without(status, headers, with_credentials, without):
    answer = answered(Question(URL, APP), *headers, status=status)
    assert answer.shares(with_credentials=True) is with_credentials
    assert answer.shares(with_credentials=False) is without


@pytest.mark.parametrize(
    ("status", "is_bad"), [(200, False), (204, False), (301, True), (401, True), (405, True), (501, True), (0, False)]
)
def test_the_status_of_a_preflight_is_judged_whatever_else_it_says(status, is_bad):
    preflight = answered(Question(URL, APP, is_upload=True), ("Location", "/"), status=status)
    assert preflight.has_bad_status is is_bad


def test_a_preflight_may_grant_the_origin_and_refuse_the_rest():
    put = Question(URL, APP, "PUT", ("x-token",))
    assert answered(put, (ALLOW, APP)).grants_origin(with_credentials=False)
    assert not answered(put, (ALLOW, APP)).shares(with_credentials=False)
    assert not answered(put).grants_origin(with_credentials=False)
    assert not answered(put, (ALLOW, APP), status=403).grants_origin(with_credentials=False)


def test_a_host_without_an_address_is_unreachable():
    with ExitStack() as stack:
        taken = stack.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        result = CliRunner().invoke(audit, [f"http://127.0.0.1:{taken.getsockname()[1]}/"])
    assert result.exit_code == 3
    assert "nothing listens at" in result.stderr
