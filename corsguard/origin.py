"""
What a browser sends as its origin, and what an operator writes to mean origins.

An Origin is one value that a browser can serialize (HTML, "ASCII serialization of an origin"). An OriginPattern is one
entry of a policy: a plain string in a small grammar, never a regular expression. An OriginIndex answers whether any
pattern covers an origin, in a time that depends on the length of the origin and not on how many patterns there are.

The grammar follows what browsers really send, not the ABNF of Fetch: hosts have `_`, `--` and edge hyphens.
Strings from the network are bounded before they are looked at, never raise, and are never repaired: what is not
already serialized as a browser would is not an origin.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple, Protocol

from .errors import PolicyError, Problem, quoted

# RFC 1035, 2.3.4: a name has at most 253 characters between its dots; one trailing dot may follow.
_LONGEST_HOST: Final = 253
_LONGEST_LABEL: Final = 63
_LONGEST_SCHEME: Final = 64  # no scheme in use is half as long; the same bound as elsewhere in the field

LONGEST_ORIGIN: Final = _LONGEST_SCHEME + len("://") + _LONGEST_HOST + len(".") + len(":65535")

# URL, "special scheme": a browser leaves these out of a serialized origin.
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}

_SCHEME: Final = rf"[a-z][a-z0-9+.\-]{{0,{_LONGEST_SCHEME - 1}}}"
_LABEL: Final = rf"[a-z0-9_\-]{{1,{_LONGEST_LABEL}}}"
_PORT: Final = r"[1-9][0-9]{0,4}"
_REST: Final = rf"[a-z0-9_\-]{{0,{_LONGEST_LABEL - 1}}}\.?"
# The host is the second group, or the third: an address, or what might be one as its last label begins with a digit.
_ORIGIN: Final = re.compile(
    rf"({_SCHEME})://(?:((?:{_LABEL}\.)*[a-z_\-]{_REST})|(\[[0-9a-f:]{{2,39}}\]|(?:{_LABEL}\.)*[0-9]{_REST}))"
    rf"(?::({_PORT}))?"
)

# URL, "ends in a number": a host whose last label is a number is an IPv4 address or nothing.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_OCTETS: Final = frozenset(map(str, range(256)))

# What a browser sends for an opaque origin; no pattern covers it.
NULL: Final = "null"
_SEPARATORS: Final = r"[\s,;\"'\x00-\x1f\x7f]+"
# Python joins two strings in a list that no comma separates.
_RUN_TOGETHER: Final = r"(?<=[a-z0-9/])(?=https?://)"
_REGEX_CHARACTERS: Final = r"[\\^$|(){}+]|(?!^)\["
# How people spell "some subdomain" in a regular expression, to be read back as a pattern.
_REGEX_SUBDOMAIN: Final = (
    r"\((?:\?:)?(?:\[[^\]]*\]|\\w|\.)[+*]?(?:\\\.)?\)[+*]?(?:\\\.)?|(?:\[[^\]]*\]|\\w|\.)[+*](?:\\\.)"
)
_MOST_REPAIRS: Final = 8
# By name, to load none of those that have them.
_INTERRUPTIONS: Final = frozenset(
    {
        "asyncio.exceptions.CancelledError",
        "builtins.GeneratorExit",
        "builtins.KeyboardInterrupt",
        "builtins.SystemExit",
        "greenlet.GreenletExit",
        "trio.Cancelled",
    }
)
_STAND_IN: Final = "https://app.example.com"


class Origin(NamedTuple):
    """
    A tuple origin as a browser serializes it: *scheme*, *host* and *port* (None for the scheme's default).
    """

    scheme: str
    host: str
    port: int | None

    @classmethod
    def parse(cls, text: str) -> "Origin | None":
        """
        Return the origin that *text* serializes, or None if no browser would send *text* (`null` included).

        Never raises, whatever *text* is, and looks at nothing longer than the longest legal origin.
        """
        parts = _parts(text)
        return None if parts is None else cls(*parts)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}" + ("" if self.port is None else f":{self.port}")

    @property
    def is_loopback(self) -> bool:
        """
        Whether the host is this machine by its name alone (Secure Contexts, "potentially trustworthy origin").
        """
        return _is_loopback(self.host)


class OriginPattern(NamedTuple):
    """
    One entry of a policy: an origin, or a wildcard that stands for many.

    *host* is as written, with its `*` if it has one; *port* is None for the scheme's default and `"*"` for any.
    """

    scheme: str
    host: str
    port: int | None | Literal["*"]

    @classmethod
    def parse(cls, text: str) -> "OriginPattern":
        """
        Return the pattern that *text* spells.

        Raises PolicyError, with one problem that names the form probably meant, for anything outside the grammar.
        """
        origin = Origin.parse(text)
        if origin is not None:
            return cls(*origin)
        try:
            return _parse_pattern(text)
        except _Fault as fault:
            raise _refusal(text, fault) from None

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
        The host, or what stands to the right of the label with the `*`: whoever owns it owns all that is covered.
        """
        before, star, after = self.host.rpartition("*")
        return after.partition(".")[2] if star else before + after

    @property
    def is_loopback(self) -> bool:
        """
        Whether all the pattern covers is this machine by its name alone.
        """
        return _is_loopback(self.base)

    def samples(self) -> tuple[Origin, Origin]:
        """
        Return two origins that have no more in common than the pattern says: what covers both covers the pattern.
        """
        first, second = ("0", "z") if not self.host.startswith("*.") else ("0.z", "z.0")
        ports = (None, 1) if self.port == "*" else (self.port, self.port)
        return (
            Origin(self.scheme, self.host.replace("*", first), ports[0]),
            Origin(self.scheme, self.host.replace("*", second), ports[1]),
        )


class OriginSource(Protocol):
    """
    An object that is asked, at request time, whether the policy shares with an origin.

    It is not iterable, and is called as `source.__contains__(origin)` with serialized origins only. Nothing but True
    grants, and whatever it raises counts as no. If it has `may_block = False`, it is asked on event loops too.
    """

    def __contains__(self, origin: str, /) -> bool: ...


def is_interruption(error: BaseException) -> bool:
    """
    Return whether *error* ends the process or cancels the task that asks a source, so that it has to pass through.

    Whatever else a source raises counts as no, including what is not an Exception, such as `gevent.Timeout`.
    """
    return any(f"{cls.__module__}.{cls.__qualname__}" in _INTERRUPTIONS for cls in type(error).__mro__)


class _Node:
    """
    One label of the wildcard patterns, reached label by label from the right.
    """

    __slots__ = ("below", "children", "here", "starred")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        # prefix -> suffix -> node, for labels with a star between the two
        self.starred: dict[str, dict[str, _Node]] = {}
        # port -> pattern, for hosts that end here and for all below it
        self.here: dict[int | str | None, str] = {}
        self.below: dict[int | str | None, str] = {}


class OriginIndex:
    """
    The patterns of a policy that are not exact, to be asked with what a browser sent.
    """

    __slots__ = ("_roots",)

    def __init__(self, patterns: Iterable[OriginPattern]) -> None:
        self._roots: dict[str, _Node] = {}
        for pattern in patterns:
            self._add(pattern)

    def covers(self, origin: str) -> bool:
        """
        Return whether a pattern covers *origin*, which is validated completely first. Never raises.
        """
        parts = _parts(origin)
        if parts is None:
            return False
        scheme, host, port = parts
        return _leads_on(self._roots.get(scheme), host.split("."), port)

    def patterns_for(self, origin: Origin) -> Iterator[str]:
        """
        Yield the patterns that cover *origin*.
        """
        root = self._roots.get(origin.scheme)
        if root is None:
            return
        labels = origin.host.split(".")
        labels.reverse()
        # A pattern has one star at most, so a label leads to one child and to at most 63 * 63 / 2 starred ones.
        places = [(root, 0)]
        while places:
            node, depth = places.pop()
            if depth == len(labels):
                yield from _at_port(node.here, origin.port)
                continue
            yield from _at_port(node.below, origin.port)
            label = labels[depth]
            child = node.children.get(label)
            if child is not None:
                places.append((child, depth + 1))
            if node.starred:
                places.extend((starred, depth + 1) for starred in _starred_nodes(node, label))

    def _add(self, pattern: OriginPattern) -> None:
        node = self._roots.setdefault(pattern.scheme, _Node())
        for label in reversed(pattern.host.split(".")):
            if label == "*":
                node.below[pattern.port] = str(pattern)
                return
            prefix, star, suffix = label.partition("*")
            siblings, key = (node.starred.setdefault(prefix, {}), suffix) if star else (node.children, label)
            node = siblings.setdefault(key, _Node())
        node.here[pattern.port] = str(pattern)


def _leads_on(node: _Node | None, labels: list[str], port: int | None) -> bool:
    """
    Return whether from *node* a pattern at *port* is reached through *labels*, which are used up from the right.

    It goes the ways of `patterns_for`, which to say no more than yes or no would take three times as long.
    """
    while node is not None and labels:
        below = node.below
        if below and (port in below or "*" in below):
            return True
        label = labels.pop()
        if node.starred and any(_leads_on(starred, labels.copy(), port) for starred in _starred_nodes(node, label)):
            return True
        node = node.children.get(label)
    return node is not None and (port in node.here or "*" in node.here)


def _at_port(patterns: dict[int | str | None, str], port: int | None) -> Iterator[str]:
    if patterns:
        for key in (port, "*"):
            if key in patterns:
                yield patterns[key]


def _starred_nodes(node: _Node, label: str) -> Iterator[_Node]:
    # The star stands for one character or more, so prefix and suffix leave at least one between them.
    for end in range(len(label)):
        suffixes = node.starred.get(label[:end])
        if suffixes is not None:
            for start in range(end + 1, len(label) + 1):
                if label[start:] in suffixes:
                    yield suffixes[label[start:]]


def _parts(text: str) -> tuple[str, str, int | None] | None:
    """
    Return scheme, host and port of the origin that *text* serializes, or None.
    """
    if len(text) > LONGEST_ORIGIN or (match := _ORIGIN.fullmatch(text)) is None:
        return None
    scheme, name, address, digits = match.groups()
    host = name or address
    # A trailing dot is no part of the name that is bounded.
    if len(host) > _LONGEST_HOST and len(host.removesuffix(".")) > _LONGEST_HOST:
        return None
    if (address is not None and not _is_address(address)) or scheme == "file":
        return None
    if digits is None:
        return scheme, host, None
    port = int(digits)
    return None if port > 65535 or port == _DEFAULT_PORTS.get(scheme) else (scheme, host, port)


def _is_address(host: str) -> bool:
    """
    Return whether *host*, whose last label begins with a digit, is an address as browsers write it, or a name.
    """
    if host[0] == "[":
        return _canonical_ipv6(host[1:-1]) == host
    name = host.removesuffix(".")
    return _NUMBER.fullmatch(name[name.rfind(".") + 1 :]) is None or _is_ipv4(host)


def _is_loopback(host: str) -> bool:
    if host == "[::1]" or (host.startswith("127.") and _is_ipv4(host)):
        return True
    name = host.removesuffix(".")
    return name == "localhost" or name.endswith(".localhost")


def _is_ipv4(host: str) -> bool:
    # URL, "IPv4 serializer": four decimal numbers without leading zeros.
    octets = host.split(".")
    return len(octets) == 4 and all(octet in _OCTETS for octet in octets)


def _canonical_ipv6(text: str) -> str | None:
    """
    Return the address in brackets as the URL standard prints it ("IPv6 serializer"), or None.

    `str()` of the address is not used: Python 3.13 began to print embedded IPv4 addresses in dotted form.
    """
    from ipaddress import IPv6Address

    try:
        packed = IPv6Address(text).packed
    except ValueError:
        return None
    pieces = [f"{packed[i] << 8 | packed[i + 1]:x}" for i in range(0, 16, 2)]
    # URL: the first longest run of at least two pieces that are zero becomes `::`.
    start, length = 0, 1
    for i in range(8):
        run = next((n for n in range(8 - i) if pieces[i + n] != "0"), 8 - i)
        if run > length:
            start, length = i, run
    if length == 1:
        return f"[{':'.join(pieces)}]"
    return f"[{':'.join(pieces[:start])}::{':'.join(pieces[start + length :])}]"


# pragma: no mutate start - messages, held by the tests of errors
# From here on: what to tell an operator whose entry no browser would send.


class _Fault(Exception):
    """
    The first thing wrong with an entry: the code of its rule, and the entry with just this thing mended, if it can be.
    """

    def __init__(self, code: str, mended: str = "") -> None:
        self.code = code
        self.mended = mended


def _refusal(text: str, fault: _Fault) -> PolicyError:
    entries = (_meant(entry) for entry in re.split(_SEPARATORS, fault.mended))
    fix = ", ".join(quoted(entry) for entry in entries if entry) or quoted(_STAND_IN)
    return PolicyError([Problem.of(fault.code, "allow_origins", text, meant=fix)])


def _meant(text: str) -> str | None:
    """
    Return the pattern that *text* becomes when one fault after the other is mended, or None.
    """
    for _ in range(_MOST_REPAIRS):
        try:
            _parse_pattern(text)
        except _Fault as fault:
            text = fault.mended
        else:
            return text
    return None


def _parse_pattern(text: str) -> OriginPattern:
    lowered = text.lower()
    if lowered.strip() == NULL:
        raise _Fault("E212")
    if lowered.startswith("file:"):
        raise _Fault("E213")
    entries = [entry for piece in re.split(_SEPARATORS, text) for entry in re.split(_RUN_TOGETHER, piece)]
    if not text or len(entries) > 1:
        raise _Fault("E201", " ".join(entries))
    if re.search(_REGEX_CHARACTERS, text.partition("://")[2] or text):
        raise _Fault("E211", _from_regex(text))
    scheme, found, rest = text.partition("://")
    if not found or not re.fullmatch(_SCHEME, scheme.lower()):
        raise _Fault("E211" if "*" in scheme else "E202", _with_scheme(text))
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if authority != rest:
        raise _Fault("E203", f"{scheme}://{authority}")
    if "@" in rest:
        raise _Fault("E207", f"{scheme}://{rest.rpartition('@')[2]}")
    if not text.isascii():
        raise _Fault("E208", f"{scheme.lower()}://{_ascii_host(rest)}")
    if text != lowered:
        raise _Fault("E204", lowered)
    host, port = _parse_port(scheme, rest)
    _check_host(scheme, host, rest.removeprefix(host))
    return OriginPattern(scheme, host, port)


def _parse_port(scheme: str, rest: str) -> tuple[str, int | None | Literal["*"]]:
    host, colon, digits = rest.rpartition(":")
    if rest.startswith("[") and rest.endswith("]"):
        host, colon, digits = rest, "", ""
    elif not colon:
        host, digits = rest, ""
    if ":" in host and not host.startswith("["):
        # An IPv6 address without its brackets, with or without a port behind it.
        whole = _canonical_ipv6(rest)
        address = whole or _canonical_ipv6(host)
        raise _Fault("E209", f"{scheme}://{address}{'' if whole else f':{digits}'}" if address else "")
    if digits == "*":
        return host, "*"
    if not colon:
        return host, None
    if not re.fullmatch(_PORT, digits) or int(digits) > 65535:
        stripped = digits.lstrip("0")
        usable = re.fullmatch(_PORT, stripped) and int(stripped) <= 65535
        raise _Fault("E206", f"{scheme}://{host}:{stripped}" if usable else f"{scheme}://{host}")
    if int(digits) == _DEFAULT_PORTS.get(scheme):
        raise _Fault("E205", f"{scheme}://{host}")
    return host, int(digits)


def _check_host(scheme: str, host: str, port: str) -> None:
    if host.startswith("["):
        canonical = _canonical_ipv6(host[1:-1].partition("%")[0])
        if "*" in host:
            raise _Fault("E211")
        if canonical != host:
            raise _Fault("E209", f"{scheme}://{canonical}{port}" if canonical else "")
        return
    labels = host.removesuffix(".").split(".")
    starred = [i for i, label in enumerate(labels) if "*" in label]
    if starred:
        whole_label = labels[starred[0]] == "*"
        misplaced = host.count("*") > 1 or starred[0] == len(labels) - 1 or (whole_label and starred[0] > 0)
        if misplaced or _NUMBER.fullmatch(labels[-1]):
            raise _Fault("E211", _with_one_wildcard(scheme, labels, port))
    # What a star stands for is one character at least, so it counts as one.
    valid = all(re.fullmatch(_LABEL, label.replace("*", "x")) for label in labels)
    if not valid or len(host.removesuffix(".")) > _LONGEST_HOST:
        raise _Fault("E210", f"{scheme}://{'.'.join(filter(None, labels))}{port}")
    if _NUMBER.fullmatch(labels[-1]) and not _is_ipv4(host):
        address = _canonical_ipv4(host)
        raise _Fault("E209", f"{scheme}://{address}{port}" if address else "")


def _with_scheme(text: str) -> str:
    rest = re.sub(r"^[a-zA-Z*]*:?/+", "", text)
    rest = re.sub(r"^\*(?=[^.])", "*.", rest)
    secure = not _is_loopback(re.split(r"[:/]", rest)[0].lower()) and not text.lower().startswith("http:")
    return f"{'https' if secure else 'http'}://{rest}"


def _with_one_wildcard(scheme: str, labels: list[str], port: str) -> str:
    """
    Return what is left when all but the last run of literal labels becomes the one leading `*.`.

    Nothing is proposed that would cover a whole top-level domain.
    """
    base = labels[max(i for i, label in enumerate(labels) if "*" in label) + 1 :]
    return f"{scheme}://*.{'.'.join(base)}{port}" if len(base) > 1 else ""


def _from_regex(text: str) -> str:
    pattern = text.strip("^$").replace("\\/", "/").replace("\\-", "-").replace("https?", "https")
    pattern = re.sub(_REGEX_SUBDOMAIN, "*.", pattern)
    return pattern.replace("\\.", ".").replace(":\\d+", ":*").replace("(:*)?", ":*").replace("*..", "*.")


def _ascii_host(rest: str) -> str:
    """
    Return *rest*, a host and port, with its Unicode host in the form that browsers send (UTS 46, non-transitional).
    """
    import idna

    host, colon, port = rest.partition(":")
    try:
        labels = idna.uts46_remap(host, std3_rules=False, transitional=False).split(".")
    except idna.IDNAError:
        return ""
    # IDNA 2008 itself would refuse names that browsers accept, such as emoji, so only the encoding is taken.
    return ".".join(x if x.isascii() else f"xn--{x.encode('punycode').decode()}" for x in labels) + colon + port


def _canonical_ipv4(host: str) -> str | None:
    """
    Return the dotted form of the spellings of an IPv4 address that browsers understand (`127.1`, `0x7f000001`).
    """
    import socket

    try:
        return socket.inet_ntoa(socket.inet_aton(host.removesuffix(".")))
    except OSError:
        return None


# pragma: no mutate end
