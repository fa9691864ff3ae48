"""
The origins that a browser sends, and the patterns that an operator writes for them.

An Origin is one value that a browser can serialize (HTML, "ASCII serialization of an origin"). An OriginPattern is one
entry of a policy: a plain string in a small grammar, never a regular expression.

The grammar follows what browsers really send, not the ABNF of Fetch: hosts have `_`, `--` and edge hyphens. For strings
from the network, the length is checked first. They never raise and are never repaired: a string that is not exactly
what a browser would send is not an origin.
"""

import re
from typing import Final, Literal, NamedTuple

# RFC 1035, 2.3.4: a name has at most 253 characters between its dots; one trailing dot may follow.
LONGEST_HOST: Final = 253
LONGEST_LABEL: Final = 63
_LONGEST_SCHEME: Final = 64  # no scheme in use is half as long; the same bound as elsewhere in the field

LONGEST_ORIGIN: Final = _LONGEST_SCHEME + len("://") + LONGEST_HOST + len(".") + len(":65535")

# URL, "special scheme": a browser leaves these ports out of a serialized origin.
DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}

SCHEME: Final = rf"[a-z][a-z0-9+.\-]{{0,{_LONGEST_SCHEME - 1}}}"
LABEL: Final = rf"[a-z0-9_\-]{{1,{LONGEST_LABEL}}}"
PORT: Final = r"[1-9][0-9]{0,4}"
_REST: Final = rf"[a-z0-9_\-]{{0,{LONGEST_LABEL - 1}}}\.?"
# The host is the second group, or the third: an address, or a name that may be one because its last label begins with a
# digit. A single dot is a host too, in schemes with opaque hosts (URL, "opaque-host parser").
_ORIGIN: Final = re.compile(
    rf"({SCHEME})://(?:((?:{LABEL}\.)*[a-z_\-]{_REST})|(\[[0-9a-f:]{{2,39}}\]|(?:{LABEL}\.)*[0-9]{_REST})|\.)"
    rf"(?::({PORT}))?"
)
# URLs of these schemes have no origin, an opaque origin, or the origin of the page that made them.
NEVER_ORIGINS: Final = frozenset({"about", "blob", "data", "file", "ftp", "javascript", "ws", "wss"})

# URL, "ends in a number": a host whose last label is a number is an IPv4 address or nothing.
NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_OCTETS: Final = frozenset(map(str, range(256)))

# How similar, from 0 to 1, a name and its misspelling are.
_NEAR: Final = 0.75

# What a browser sends for an opaque origin; no pattern covers it.
NULL: Final = "null"


class Origin(NamedTuple):
    """
    A tuple origin as a browser serializes it: *scheme*, *host* and *port* (None for the scheme's default).
    """

    scheme: str
    host: str
    port: int | None

    @classmethod
    def parse(cls, text: object) -> "Origin | None":
        """
        Return the origin that *text* serializes, or None if no browser would send *text* (`null` included).

        Never raises, whatever *text* is. It reads nothing that is longer than the longest valid origin.
        """
        parts = _parts(text) if isinstance(text, str) else None
        return None if parts is None else cls(*parts)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}" + ("" if self.port is None else f":{self.port}")

    @property
    def is_loopback(self) -> bool:
        """
        Whether the name of the host always means this machine (Secure Contexts, "potentially trustworthy origin").
        """
        return is_loopback(self.host)


class OriginPattern(NamedTuple):
    """
    One entry of a policy: an origin, or a wildcard that stands for many.

    *host* is as written, with its `*` if it has one. *port* is None for the default port of the scheme and `"*"` for
    any port.
    """

    scheme: str
    host: str
    port: int | None | Literal["*"]

    @classmethod
    def parse(cls, text: object) -> "OriginPattern":
        """
        Return the pattern that *text* spells.

        Raises PolicyError for anything outside the grammar, with one problem that names the form that was probably
        meant.
        """
        pattern = pattern_of(text)
        if pattern is None:
            # Imported here, because it is needed only after a mistake, and because it imports this module.
            from .mistakes import refusal

            raise refusal(text)
        return pattern

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}" + ("" if self.port is None else f":{self.port}")

    @property
    def is_exact(self) -> bool:
        """
        Whether the pattern covers one origin only.
        """
        return self.port != "*" and "*" not in self.host

    @property
    def base(self) -> str:
        """
        The host, or the part after the label with the `*`: its owner owns all hosts that are covered.
        """
        before, star, after = self.host.rpartition("*")
        return after.partition(".")[2] if star else before + after

    @property
    def is_loopback(self) -> bool:
        """
        Whether every host that the pattern covers always means this machine.
        """
        return is_loopback(self.base)

    @property
    def expression(self) -> str | None:
        """
        The origins that the pattern covers, as a regular expression that means the same in RE2, PCRE and Python. It
        begins with `^` and ends with `$`. None if any host of a scheme is covered, because that may be an address.

        It does not limit the length of a host. With a wildcard, an origin also has to match `SHORT_HOST`.
        """
        if self.host == "*":
            return None
        before, star, after = self.host.partition("*")
        label = rf"[a-z0-9_-]{{1,{LONGEST_LABEL - len(before) - after.find('.')}}}"
        host = (
            rf"([a-z0-9_-]{{1,{LONGEST_LABEL}}}[.])+{_literal(after[1:])}"
            if self.host.startswith("*.")
            else (f"{_literal(before)}{label if star else ''}{_literal(after)}")
        )
        port = _any_port(self.scheme) if self.port == "*" else "" if self.port is None else f":{self.port}"
        return f"^{_literal(self.scheme)}://{host}{port}$"

    def samples(self) -> tuple[Origin, Origin]:
        """
        Return two origins that have only the pattern in common: a pattern that covers both covers this pattern.
        """
        first, second = ("0", "z") if not self.host.startswith("*.") else ("0.z", "z.0")
        ports = (None, 1) if self.port == "*" else (self.port, self.port)
        return (
            Origin(self.scheme, self.host.replace("*", first), ports[0]),
            Origin(self.scheme, self.host.replace("*", second), ports[1]),
        )


# An origin has to match this in addition to the expression of a wildcard: its host is not longer than a name may be.
SHORT_HOST: Final = rf"^[^:]+://([^:]{{1,{LONGEST_HOST}}}|[^:]{{{LONGEST_HOST}}}[.])(:|$)"

# The ports of four and five digits, and those of one to three digits without the default port.
_HIGH_PORTS: Final = "[1-9][0-9]{3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"
_LOW_PORTS: Final = {
    80: "[1-9]|[1-79][0-9]|8[1-9]|[1-9][0-9]{2}",
    443: "[1-9]|[1-9][0-9]|[1-35-9][0-9]{2}|4[0-35-9][0-9]|44[0-24-9]",
    None: "[1-9]|[1-9][0-9]|[1-9][0-9]{2}",
}


_ESCAPED: Final = {"[": r"\x5b", "]": r"\x5d"}


def _any_port(scheme: str) -> str:
    return f"(:({_LOW_PORTS[DEFAULT_PORTS.get(scheme)]}|{_HIGH_PORTS}))?"


def _literal(text: str) -> str:
    # Without a backslash if possible, because configuration languages treat it in different ways.
    return re.sub(r"[^a-z0-9_:/-]", lambda char: _ESCAPED.get(char[0], f"[{char[0]}]"), text)


def pattern_of(text: object) -> OriginPattern | None:
    """
    Return the pattern that *text* spells, or None if *text* is outside the grammar. Never raises, whatever *text* is.
    """
    if not isinstance(text, str):
        return None
    if text.endswith("://*"):
        # Each installation, or each panel, has its own host. Schemes without a default port have opaque hosts.
        scheme = text.removesuffix("://*")
        is_one = scheme not in DEFAULT_PORTS and _parts(f"{scheme}://x") is not None and not is_misspelt(scheme)
        return OriginPattern(scheme, "*", None) if is_one else None
    whole = text.removesuffix(":*")
    # A star stands for at least one character, so a pattern becomes an origin if a letter replaces the star.
    parts = _parts(whole.replace("*", "x", 1))
    if parts is None:
        return None
    scheme, host, port = parts
    if is_misspelt(scheme):
        return None
    if "*" in whole:
        host = whole[len(scheme) + len("://") :][: len(host)]
        before, _, after = host.partition("*")
        # The star is not in the scheme and not in the last label. It is a whole label only if that is the first one.
        if "." not in after.removesuffix(".") or (before.endswith(".") and after.startswith(".")):
            return None
    if whole == text:
        return OriginPattern(scheme, host, port)
    return None if port is not None else OriginPattern(scheme, host, "*")


def is_misspelt(scheme: str) -> bool:
    """
    Return whether *scheme* is probably a misspelling of `http` or `https`.
    """
    if scheme in ("http", "https"):
        return False
    from difflib import get_close_matches

    return bool(get_close_matches(scheme, ("http", "https"), n=1, cutoff=_NEAR))


def _parts(text: str) -> tuple[str, str, int | None] | None:
    """
    Return scheme, host and port of the origin that *text* serializes, or None.
    """
    if len(text) > LONGEST_ORIGIN or (match := _ORIGIN.fullmatch(text)) is None:
        return None
    scheme, name, address, digits = match.groups()
    host = name or address or "."
    # A trailing dot does not count for the length of the name.
    if len(host) > LONGEST_HOST and len(host.removesuffix(".")) > LONGEST_HOST:
        return None
    if (address is not None and not _is_address(address)) or scheme in NEVER_ORIGINS:
        return None
    if host == "." and scheme in DEFAULT_PORTS:
        return None
    if digits is None:
        return scheme, host, None
    port = int(digits)
    return None if port > 65535 or port == DEFAULT_PORTS.get(scheme) else (scheme, host, port)


def _is_address(host: str) -> bool:
    """
    Return whether *host*, whose last label begins with a digit, is an address as browsers write it, or a name.
    """
    if host[0] == "[":
        return canonical_ipv6(host[1:-1]) == host
    name = host.removesuffix(".")
    return NUMBER.fullmatch(name[name.rfind(".") + 1 :]) is None or is_ipv4(host)


def is_loopback(host: str) -> bool:
    if host == "[::1]" or (host.startswith("127.") and is_ipv4(host)):
        return True
    name = host.removesuffix(".")
    return name == "localhost" or name.endswith(".localhost")


def is_ipv4(host: str) -> bool:
    # URL, "IPv4 serializer": four decimal numbers without leading zeros.
    octets = host.split(".")
    return len(octets) == 4 and all(octet in _OCTETS for octet in octets)


def canonical_ipv6(text: str) -> str | None:
    """
    Return the address in brackets as the URL standard prints it ("IPv6 serializer"), or None.

    `str()` of the address is not used, because since 3.13 Python prints embedded IPv4 addresses in dotted form.
    """
    from ipaddress import IPv6Address

    try:
        packed = IPv6Address(text).packed
    except ValueError:
        return None
    pieces = [f"{packed[i] << 8 | packed[i + 1]:x}" for i in range(0, 16, 2)]
    # URL: the longest run of at least two zero pieces becomes `::`; of several, the first.
    start, length = 0, 1
    for i in range(8):
        run = next((n for n in range(8 - i) if pieces[i + n] != "0"), 8 - i)
        if run > length:
            start, length = i, run
    if length == 1:
        return f"[{':'.join(pieces)}]"
    return f"[{':'.join(pieces[:start])}::{':'.join(pieces[start + length :])}]"
