"""
Requests that no HTTP client can send use a connection of their own, and only names of header lines come back.
"""

import json
import re
import socket
import socketserver
import threading
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from kit.audited import APP, FAST, HOST, URL, served_raw, without_end

from corsguard.audit.raw_connection import RawConnection
from corsguard.cli.audit import audit


class Careless(socketserver.StreamRequestHandler):
    """
    Ends a request at the first empty line, and sends Origin back with all that it has.
    """

    def handle(self):
        lines = []
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            lines.append(line)
        head = b"".join(lines)
        _, found, rest = head.partition(b"Origin: ")
        origin = rest.removesuffix(b"\r\n").partition(b"\r\nUser-Agent")[0] if found else b""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nVary: Origin\r\nContent-Length: 0\r\n")
        if self.trusts(origin):
            self.wfile.write(b"Access-Control-Allow-Origin: " + origin + b"\r\n")
        self.wfile.write(b"\r\n")

    def trusts(self, origin):
        return True


class CarelessAfterTheFirstLine(Careless):
    """
    Compares only the first line with a trusted origin.
    """

    def trusts(self, origin):
        return re.split(rb"[\r\n]", origin)[0] == APP.encode()


@pytest.mark.parametrize(("options", "is_found"), [((), False), (("--active",), True)])
@pytest.mark.parametrize("careless", [Careless, CarelessAfterTheFirstLine])
def test_a_line_end_in_origin_is_tried_if_active_tests_are_allowed(careless, options, is_found):
    class Threads(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Threads(("127.0.0.1", 0), careless) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        where = ["--connect-to", f"127.0.0.1:{server.server_address[1]}"]
        result = CliRunner().invoke(
            audit, [URL, "--origin", APP, *FAST, *where, "--json", *options], catch_exceptions=False
        )
        server.shutdown()
    severities = {finding["id"]: finding["severity"] for finding in json.loads(result.stdout)["findings"]}
    assert severities.get("CG-X001") == ("critical" if is_found else None)


@contextmanager
def repeating(begin):
    """
    Listen once, and send back what *begin* makes of the received bytes.
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
        # For every reader, it continues the line before it.
        ("\r\n ", False),
        (" ", False),
    ],
)
def test_only_the_beginning_of_a_line_is_a_header(end, is_line):
    def begin(request):
        origin = request.partition(b"Origin: ")[2].removesuffix(b"\r\n\r\n")
        return b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: " + origin + b"\r\n\r\nX-Body: 1\r\n"

    with repeating(begin) as address:
        line = RawConnection(HOST, HOST, address, None, 5.0, (("Authorization", "Bearer 1"),))
        names = line.names_sent_back("/items?a=1", f"{APP}{end}X-Cg: 1")
    assert ("x-cg" in names) is is_line
    assert "access-control-allow-origin" in names
    assert "x-body" not in names


def test_a_connection_that_fails_sends_nothing_back():
    with repeating(lambda _: b"") as address:
        assert RawConnection(HOST, HOST, address, None, 5.0).names_sent_back("/", APP) == frozenset()
    assert RawConnection(HOST, HOST, address, None, 5.0).names_sent_back("/", APP) == frozenset()


def test_an_endless_head_is_not_waited_for():
    with served_raw(without_end(b"HTTP/1.1 200 OK\r\nX-Cg: 1\r\nX: ", b"y")) as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        line = RawConnection(HOST, HOST, server.server_address, None, 0.1)
        assert "x-cg" in line.names_sent_back("/", APP)
        server.shutdown()
