"""
A plain connection, to send what HTTP clients refuse: line ends in a header's value.
"""

import socket
import ssl
import time
from dataclasses import dataclass
from typing import Final

from corsguard.browser.wire import Header

_MOST_RAW_BYTES: Final = 65536


@dataclass(frozen=True)
class RawConnection:
    """
    A connection to one server: *host* is the server's name, *authority* the value of Host, *address* where to connect
    to, and *headers* are sent, too.
    """

    host: str
    authority: str
    address: tuple[str, int]
    tls: ssl.SSLContext | None
    timeout: float
    headers: tuple[Header, ...] = ()

    def names_sent_back(self, target: str, origin: str) -> frozenset[str]:
        """
        Send *origin* unchanged, and return the names of the header lines of the response, in lower case.
        """
        lines = (("Host", self.authority), ("Connection", "close"), *self.headers, ("Origin", origin))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        try:
            received = self._sent(f"GET {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1"))
        except OSError:
            return frozenset()
        # A line that begins with a space continues the line before it (RFC 9112, 5.2), so it has no name.
        _, *found = received.partition(b"\r\n\r\n")[0].decode("latin-1").replace("\r", "\n").split("\n")
        return frozenset(line.partition(":")[0].lower() for line in found)

    def _sent(self, raw: bytes) -> bytes:
        deadline = time.monotonic() + self.timeout
        with socket.create_connection(self.address, self.timeout) as plain:
            connection = plain if self.tls is None else self.tls.wrap_socket(plain, server_hostname=self.host)
            with connection:
                connection.sendall(raw)
                received = b""
                while len(received) < _MOST_RAW_BYTES and b"\r\n\r\n" not in received:
                    chunk = connection.recv(_MOST_RAW_BYTES)
                    received += chunk
                    if not chunk or time.monotonic() > deadline:
                        break
                return received
