"""
Servers that attack, or that do what no server should. Nothing raises, and nothing is shown unescaped.
"""

import threading

import pytest
from click.testing import CliRunner
from kit.audited import ALLOW, APP, FAST, URL, audited, served_raw, without_end
from kit.checking import in_process

from corsguard.browser import WireResponse
from corsguard.cli.audit import audit


@pytest.mark.parametrize(
    ("serve", "said"),
    [
        (without_end(b"HTTP/1.1 200 OK\r\nX: ", b"y"), "did not answer within 0.1 s"),
        (without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "did not answer within 0.1 s"),
        (without_end(b"HTTP/1.1 200 OK\r\nX: ", b"y" * 65536), "sends a head that is too large"),
        (lambda connection: connection.sendall(b"HTTP/1.1 " + b"\x1b[31m" * 900 + b"\r\n\r\n"), "illegal status line"),
        (lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Le"), "without sending a response"),
        (
            lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
            "illegal header line: 'no colon here'",
        ),
    ],
)
def test_a_response_that_never_begins_is_abandoned(serve, said):
    with served_raw(serve) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        result = CliRunner().invoke(audit, [URL, "--connect-to", address, "--timeout", "0.1"])
        server.shutdown()
    assert result.exit_code == 3
    assert said in result.stderr
    assert len(result.output) < 500
    assert result.output.replace("\n", "").isprintable()


def test_a_truncated_body_raises_nothing():
    broken = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"
    with served_raw(lambda connection: connection.sendall(broken)) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        done = in_process("audit", URL, *FAST, "--budget", "4", "--connect-to", address)
        server.shutdown()
    assert (done.returncode, done.stderr) == (0, "")


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
def test_hostile_answers_raise_nothing_and_are_shown_escaped(value, status, names):
    shared = [] if ALLOW in names else [(ALLOW, APP)]
    response = WireResponse(status, (*shared, *((name, value) for name in names for _ in range(2))))
    report = audited(lambda _: response, budget=48, is_internal=True, active=True)
    shown = [*report.notes, *(text for finding in report.findings for text in (finding.detail, *finding.origins))]
    assert report.tried
    assert all(text.isascii() and text.isprintable() and len(text) < 1000 for text in shown)
