"""
Clients that send raw requests one after another, over HTTP/1 and HTTP/2, and record whether the connection is kept.
"""

import socket
from contextlib import suppress
from dataclasses import dataclass, field

from .raw_requests import RawRequest

_PATIENCE = 20


@dataclass
class Exchange:
    """
    The answer to one request, and whether the connection was *kept* after it. None means unknown.

    The status is 0 if the server ended the connection without an answer.
    """

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    kept: bool | None = None

    def named(self, name: str) -> str | None:
        """
        Return the value of the first line of *name*, None if there is none.
        """
        return next((value for other, value in self.headers if other.lower() == name), None)


class Conversation:
    """
    A client of HTTP/1 that uses each connection for as long as the server keeps it.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection: socket.socket | None = None
        self._last = Exchange()

    def ask(self, request: RawRequest, *lines: bytes) -> Exchange:
        """
        Return the Exchange of *request*, with *lines* before its own. The next request shows whether the connection was
        kept.
        """
        before, self._last = self._last, Exchange()
        if self._connection is not None:
            self._say(self._connection, request, lines)
            if self._last.status or self._connection is not None:
                before.kept = True
                return self._last
        self._connection = self._connect()
        self._say(self._connection, request, lines)
        if self._last.status and before.kept is None:
            # The connection had ended after the request before, because this one is answered.
            before.kept = False
        return self._last

    def ask_alone(self, request: RawRequest, *lines: bytes) -> Exchange:
        """
        Return the Exchange of *request* on a connection of its own, where a plain one follows.
        """
        self.close()
        answer = self.ask(request, *lines)
        follower = Exchange() if self._connection is None else self.ask(RawRequest("GET", b"/", ()), *lines)
        # If it is answered differently, the server did not read it as a new request.
        answer.kept = answer.kept is not False and follower.status in {200, 204}
        self.close()
        return answer

    def close(self) -> None:
        """
        End the connection.
        """
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self._port), timeout=_PATIENCE)

    def _say(self, connection: socket.socket, request: RawRequest, lines: tuple[bytes, ...]) -> None:
        # It may answer before it has received all.
        with suppress(ConnectionError):
            connection.sendall(request.on_wire(*lines))
        try:
            self._read(connection, request.method)
        except ConnectionError:
            self._last.kept = False
        if self._last.kept is False or not self._last.status:
            self.close()

    def _read(self, connection: socket.socket, method: str) -> None:
        answer, head, rest = self._last, b"", b""
        while not head or head.startswith(b"HTTP/1.1 1"):
            head, rest = _until(b"\r\n\r\n", connection, rest)
            if not head:
                return
        first, *lines = head.decode("latin-1").split("\r\n")
        answer.headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        answer.status = int(first.split()[1])
        length, encoding = answer.named("content-length"), answer.named("transfer-encoding")
        if method == "HEAD" or answer.status in {204, 304}:
            length, encoding = "0", None
        if encoding == "chunked":
            size = b"x"
            while size.strip(b"0"):
                size, rest = _until(b"\r\n", connection, rest)
                chunk, rest = _exactly(int(size, 16) + 2, connection, rest)
                answer.body += chunk[:-2]
        elif length is not None:
            answer.body, rest = _exactly(int(length), connection, rest)
        else:
            answer.body = b"".join((rest, *iter(lambda: _received(connection), b"")))
            answer.kept = False
        says = (answer.named("connection") or "").lower()
        if says == "close" or (first.startswith("HTTP/1.0") and says != "keep-alive"):
            answer.kept = False


def _received(connection: socket.socket) -> bytes:
    # Otherwise a server that writes head and body separately waits 40 ms for the acknowledgement of the head.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    return connection.recv(65536)


def _until(end: bytes, connection: socket.socket, held: bytes) -> tuple[bytes, bytes]:
    """
    Return the bytes up to *end*, and the bytes *held* behind it.
    """
    while end not in held:
        more = _received(connection)
        if not more:
            return b"", held
        held += more
    head, _, rest = held.partition(end)
    return head, rest


def _exactly(length: int, connection: socket.socket, held: bytes) -> tuple[bytes, bytes]:
    """
    Return the next *length* bytes, and the bytes *held* behind them.
    """
    while len(held) < length:
        more = _received(connection)
        if not more:
            break
        held += more
    return held[:length], held[length:]


class HTTP2Conversation(Conversation):
    """
    The same over HTTP/2, where the client writes all given texts into the frames unchanged.
    """

    def _connect(self) -> socket.socket:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        self._frames = H2Connection(
            H2Configuration(
                header_encoding="latin-1",
                normalize_outbound_headers=False,
                validate_outbound_headers=False,
                validate_inbound_headers=False,
            )
        )
        self._frames.initiate_connection()
        return super()._connect()

    def _say(self, connection: socket.socket, request: RawRequest, lines: tuple[bytes, ...]) -> None:
        parts = [line.partition(b":") for line in (*lines, *request.lines)]
        headers = [
            (b":method", request.method.encode()),
            (b":scheme", b"http"),
            (b":authority", b"localhost"),
            (b":path", request.path),
            *((name.lower(), value.strip(b" ")) for name, _, value in parts),
        ]
        stream = self._frames.get_next_available_stream_id()
        self._frames.send_headers(stream, headers, end_stream=not request.body)
        if request.body:
            self._frames.send_data(stream, request.body, end_stream=True)
        is_over = False
        while not is_over:
            received = b""
            with suppress(ConnectionError):
                connection.sendall(self._frames.data_to_send())
                received = _received(connection)
            if not received:
                self.close()
                return
            is_over = self._took(received, stream)

    def _took(self, received: bytes, stream: int) -> bool:
        """
        Take what was *received*, and return whether the *stream* has ended.
        """
        from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset

        is_over = False
        for event in self._frames.receive_data(received):
            if getattr(event, "stream_id", None) != stream:
                continue
            if isinstance(event, ResponseReceived):
                (_, status), *self._last.headers = event.headers
                self._last.status = int(status)
            elif isinstance(event, DataReceived):
                self._last.body += event.data
                self._frames.acknowledge_received_data(event.flow_controlled_length, stream)
            is_over = is_over or isinstance(event, StreamEnded | StreamReset)
        return is_over
