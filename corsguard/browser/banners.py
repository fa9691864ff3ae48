"""
Recognizes the protocol of a port that does not speak HTTP, by the first bytes that its server sends.
"""

import re
from typing import Final, NamedTuple

from .evidence import as_shown

LONGEST: Final = 200  # bytes

# The first pattern that matches decides.
_PROTOCOLS: Final = tuple(
    (re.compile(sign, re.DOTALL | re.IGNORECASE), name)
    for sign, name in (
        (rb"SSH-\d", "SSH"),
        (rb"220[ -][^\n]*(?:smtp|mail|postfix|exim)", "SMTP (mail)"),
        (rb"220[ -][^\n]*ftp", "FTP"),
        (rb"220[ -]", "SMTP (mail) or FTP"),
        (rb"(?:421|5\d\d)[ -]", "SMTP (mail) or FTP"),
        (rb"\+OK\b", "POP3 (mail)"),
        (rb"\* (?:OK|PREAUTH|BYE)\b", "IMAP (mail)"),
        # Redis, Serialization Protocol: an error begins with a minus.
        (rb"-(?:ERR|NOAUTH|DENIED|NOPERM|LOADING)\b", "Redis"),
        (rb"(?:CLIENT_|SERVER_)?ERROR\r\n|(?:CLIENT|SERVER)_ERROR ", "memcached"),
        # MySQL, protocol basics: three bytes of length, the number 0, and a handshake of version 10, or an error.
        (rb".{3}\x00(?:\x0a|\xff)", "MySQL or MariaDB"),
        # PostgreSQL, message formats: ErrorResponse, which begins with the severity.
        (rb"E.{4}S(?:FATAL|ERROR)|EFATAL", "PostgreSQL"),
        (rb"AMQP", "AMQP (RabbitMQ)"),
        (rb"INFO \{", "NATS"),
        (rb"RFB \d", "VNC"),
        (rb"\x03\x00\x00.\x0e?", "Remote Desktop"),
        (rb"\xff[\xfb-\xfe]", "Telnet"),
        # RFC 9113, 3.4: a server begins with a SETTINGS frame.
        (rb"\x00\x00.\x04\x00\x00\x00\x00\x00", "HTTP/2 alone (such as gRPC)"),
        (rb"This is not an? HTTPS? port", "the protocol of Elasticsearch's own nodes"),
    )
)
# RFC 9112, 4, and RFC 8446, 5.1: it is HTTP, or an alert of TLS.
_KNOWN: Final = re.compile(rb"HTTP/|\x15\x03[\x00-\x04]")
_HTTP: Final = b"HTTP/"
_WORDS: Final = re.compile(rb"[ -~]{4,}")


class Banner(NamedTuple):
    """
    What the server at a port that does not speak HTTP *says*, as far as it can be shown, and the *protocol* that it
    seems to speak (empty if unknown).
    """

    says: str
    protocol: str

    @property
    def words(self) -> str:
        """
        What the server says and its protocol, as half a sentence.
        """
        said = f'it says "{self.says}"' if self.says else "it says something else"
        return f"{said}, as {self.protocol} does" if self.protocol else said


def banner(said: bytes) -> Banner | None:
    """
    Return the Banner for *said*, the first bytes of a server. Return None if it is silent, or speaks HTTP or TLS; a
    slow server may have sent only a part of the first word.
    """
    if _HTTP.startswith(said[: len(_HTTP)]) or _KNOWN.match(said):
        return None
    protocol = next((name for sign, name in _PROTOCOLS if sign.match(said)), "")
    word = _WORDS.search(said)
    return Banner(as_shown(word[0].decode("ascii").strip()) if word else "", protocol)
