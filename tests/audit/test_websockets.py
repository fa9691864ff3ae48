"""
An audit of a WebSocket: who can open it wrongly. A server that compares correctly has no findings.
"""

import json

import pytest
from click.testing import CliRunner
from kit.audited import APP, answering, listing

from corsguard import Policy, asgi
from corsguard.audit import audit
from corsguard.audit.stages import HANDSHAKE_STAGES
from corsguard.cli.audit import audit as command

URL = "wss://api.example.com/feed"
OWN = "https://api.example.com"


class Feed:
    """
    A WebSocket that opens for origins for which *is_let_in* is true. *asked* are the handshakes, as origin and path.
    """

    def __init__(self, is_let_in):
        self.is_let_in = is_let_in
        self.asked = []

    async def __call__(self, scope, receive, send):
        assert scope["type"] == "websocket"
        await receive()
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        origin = headers.get("origin")
        self.asked.append((origin, scope["path"], headers))
        chosen = (scope["subprotocols"] or [None])[0]
        accept = {"type": "websocket.accept", "subprotocol": chosen}
        await send(accept if self.is_let_in(origin) else {"type": "websocket.close"})


def audited(is_let_in, url=URL, **about):
    app = is_let_in if hasattr(is_let_in, "guard") else Feed(is_let_in)
    return audit(url, trusted=[APP], app=app, **about)


def guarded(**keywords):
    policy = Policy(**{"allow_origins": [APP], "allow_credentials": True, **keywords})
    return asgi.CORSMiddleware(Feed(lambda _: True), policy)


# A wrong comparison, the finding, and an origin that shows it.
FAULTS = {
    "anyone": (lambda _: True, "CG-E002", "high", "null"),
    "anyone but null": (lambda origin: origin != "null", "CG-E002", "high", ""),
    "null": (lambda origin: origin in {APP, "null"}, "CG-E006", "high", "null"),
    "the beginning": (lambda origin: f"{origin}".startswith(APP), "CG-E006", "high", f"{APP}.attacker.example"),
    "the end": (
        lambda origin: f"{origin}".endswith("app.example.com"),
        "CG-E006",
        "high",
        "https://attackerapp.example.com",
    ),
    "the host": (lambda origin: f"{origin}".endswith("//app.example.com"), "CG-E006", "high", "http://app.example.com"),
    "the port": (lambda origin: origin == APP or f"{origin}".startswith(f"{APP}:"), "CG-E006", "medium", f"{APP}:7531"),
    "loopback": (lambda origin: origin in {APP, "http://localhost:3000"}, "CG-E006", "medium", "http://localhost:3000"),
    "hosting": (lambda origin: origin == APP or f"{origin}".endswith("github.io"), "CG-E006", "high", ".github.io"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_comparison_is_found(name):
    is_let_in, rule, severity, shown = FAULTS[name]
    report = audited(is_let_in)
    (finding,) = report.findings
    assert (finding.rule.id, finding.severity.word, finding.confidence) == (rule, severity, "high")
    assert any(shown in origin for origin in finding.origins)
    assert finding.with_credentials
    assert finding.proof[0].status == 101
    assert finding.fix.policy == {"allow_origins": [APP], "allow_credentials": True}
    assert report.url == URL


SAFE = {
    "a list": lambda origin: origin in {None, APP},
    "its own pages": lambda origin: origin in {OWN, APP},
    "nobody": lambda origin: False,
}


@pytest.mark.parametrize("name", SAFE)
def test_a_correct_comparison_has_no_findings(name):
    assert audited(SAFE[name]).findings == ()


@pytest.mark.parametrize("keywords", [{}, {"allow_origins": "*", "allow_credentials": False}])
def test_a_guard_lets_no_other_origin_in(keywords):
    report = audited(guarded(**keywords))
    assert report.findings == ()
    assert [*report.tried] == [stage.name for stage in HANDSHAKE_STAGES]
    assert not report.left_out


def test_a_pattern_of_the_operator_is_not_reported():
    app = guarded(allow_origins=["https://*.example.com"])
    assert audit(URL, trusted=["https://*.example.com"], app=app).findings == ()
    (finding,) = audited(app).findings
    assert (finding.rule.id, finding.severity.word) == ("CG-E006", "medium")


def test_every_question_is_a_handshake():
    feed = Feed(lambda origin: origin == APP)
    report = audit(
        URL, trusted=[APP], app=feed, headers=[("Cookie", "sid=hunter2"), ("Sec-WebSocket-Protocol", "chat")]
    )
    assert report.findings == ()
    assert len(feed.asked) == report.sent
    assert {path for _, path, _ in feed.asked} == {"/feed"}
    assert feed.asked[0][0] is None
    assert all(
        (headers["cookie"], headers["sec-websocket-protocol"]) == ("sid=hunter2", "chat") for *_, headers in feed.asked
    )
    assert "hunter2" not in json.dumps(report.data())
    assert not report.notes


def test_a_websocket_that_opens_for_nobody_is_noted():
    (meant, opened, judged) = audited(lambda _: False).notes
    assert meant == f"{APP} should be trusted, but may not open the WebSocket."
    assert opened.startswith("The WebSocket did not open without Origin (the answer was 403), and not")
    assert judged.startswith("The URL was not judged, because all its answers had the status 403.")
    (meant,) = audited(lambda origin: origin is None).notes
    assert meant == f"{APP} should be trusted, but may not open the WebSocket."


@pytest.mark.parametrize(
    ("status", "headers", "is_noted"),
    [
        ("426 Upgrade Required", [], True),
        ("400 Bad Request", [("Upgrade", "h2c, WebSocket")], True),
        ("400 Bad Request", [("Upgrade", "h2c")], False),
        ("200 OK", [], False),
    ],
)
def test_an_audit_of_http_opens_no_websocket(status, headers, is_noted):
    asked = []

    def app(environ, start_response):
        asked.append("HTTP_UPGRADE" in environ)
        return answering(lambda _: headers, status=status)(environ, start_response)

    report = audit("https://api.example.com/feed", app=app)
    note = f"There is a WebSocket at this URL, which was not opened: audit {URL}."
    assert (note in report.notes, any(asked)) == (is_noted, False)
    assert not {finding.rule.id for finding in report.findings} & {"CG-E002", "CG-E006"}
    assert audit("https://api.example.com/items", app=listing(APP)).faults == []


@pytest.mark.server
def test_a_live_websocket_is_audited_by_the_command():
    from threading import Thread

    from websockets.sync.server import serve

    with serve(lambda ws: None, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/feed"
        result = CliRunner().invoke(command, [url, "--rate", "10000"])
        server.shutdown()
        thread.join()
    assert result.exit_code == 1
    assert "HIGH CG-E002 websocket-origin: A WebSocket is opened for any origin\n" in result.stdout
    assert "> Upgrade: websocket\n" in result.stdout
    assert "    < 101\n" in result.stdout
