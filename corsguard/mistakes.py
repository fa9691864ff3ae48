"""
What an operator probably meant by an entry that no browser would send.

The grammar is that of `origin`: entries that it accepts never come here, and each proposal is checked by it first. This
module only guesses: it names the first rule that an entry breaks, and what to write instead. It is loaded only after a
mistake. It reads only the first part of a long entry, many times longer than any pattern.
"""

# pragma: no mutate start - messages, checked by the tests of errors

import re
from collections.abc import Iterable
from contextlib import suppress
from os import PathLike, fspath
from typing import Final, NamedTuple, cast

from .errors import PolicyError, Problem
from .fixes import OR_REMOVE_IT, Fix
from .hosts import key_of
from .names import EXAMPLE_ORIGIN, NOT_LITERAL, UPPER_CASE_METHODS, WELL_KNOWN_HEADERS
from .origin import (
    DEFAULT_PORTS,
    LABEL,
    LONGEST_HOST,
    LONGEST_LABEL,
    LONGEST_ORIGIN,
    NEVER_ORIGINS,
    NULL,
    NUMBER,
    PORT,
    SCHEME,
    OriginPattern,
    canonical_ipv6,
    is_loopback,
    is_misspelt,
    pattern_of,
)
from .quoting import kind_of, quoted, text_of

_LONGEST_READ: Final = 4096
_LONGEST_EXPRESSION: Final = 128
# Reading an expression may take half a second, and a pasted text may have hundreds of them.
_MOST_EXPRESSIONS: Final = 4
_SEPARATORS: Final = r"[\s,;\"'\x00-\x1f\x7f]+"
# Python joins two strings in a list if the comma between them is missing.
_RUN_TOGETHER: Final = r"(?<=[a-z0-9/])(?=https?://)"
_REGEX_CHARACTERS: Final = r"[\\^$|(){}+]|(?!^)\["
# A variable that nothing replaced: `$FRONTEND_URL`. In an expression, nothing follows a `$`.
_VARIABLE: Final = r"\$\{?[A-Z_]"
# A range of addresses (RFC 4632, section 3.1). No pattern covers one, and its first address is nobody.
_RANGE: Final = r"([a-z]+://)?[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}"
# How people write "some subdomain" in a regular expression.
_REGEX_CLASS: Final = r"(?:\[[^\]]{0,99}\]|\\w|\.)"
_REGEX_SUBDOMAIN: Final = rf"\((?:\?:)?{_REGEX_CLASS}[+*]?(?:\\\.)?\)[+*]?(?:\\\.)?|{_REGEX_CLASS}[+*](?:\\\.)"
# A list in one string, as JSON and Python write it.
_STAR_IN_A_LIST: Final = r"\s*[\[(]\s*(?:\"\*\"|'\*')\s*,?\s*[\])]\s*"
_MOST_REPAIRS: Final = 8
# Words of other configurations that name no host.
_NO_HOSTS: Final = frozenset({"all", "any", "none", "same-origin", "self", "true", "false", "undefined"})
# Words of other configurations for what applies to everything.
_EVERY_PATH: Final = frozenset({"all", "any", "cors", "corsguard", "default", "everything", "global", "policy"})
_ALL_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# Common wrong names for methods of HTTP. UPDATE is a method of version control (RFC 3253), which no page sends.
_ACTIONS: Final = {
    "ALL": _ALL_METHODS,
    "ANY": _ALL_METHODS,
    "CREATE": ("POST",),
    "DESTROY": ("DELETE",),
    "INSERT": ("POST",),
    "READ": ("GET",),
    "REMOVE": ("DELETE",),
    "UPDATE": ("PUT", "PATCH"),
}
_COMMON_METHODS: Final = (*_ALL_METHODS, "OPTIONS", "QUERY")
_SHORT_WORD: Final = 5
_LONG_WORD: Final = 10
_SHORTEST_PART: Final = 4
_LONGEST_HEADER: Final = 40
# Words of other configurations that switch something off, or on.
_OFF: Final = frozenset({"disable", "disabled", "false", "no", "none", "null", "off"})
_ON: Final = frozenset({"enable", "enabled", "enforce", "on", "true", "yes"})
_PORTS: Final = r"([0-9]{1,5})-([0-9]{1,5})"
_MOST_PORTS: Final = 20
# The scheme that pages probably have, if the entry has another scheme of the same host.
_PAGES: Final = {"ftp": "https", "ws": "http", "wss": "https"}
# The fix, if no other spelling of the entry helps.
_INSTEAD: Final = {
    "E212": Fix(
        entries=(EXAMPLE_ORIGIN,),
        words="serve the page from a real origin",
        otherwise=(
            OR_REMOVE_IT,
            Fix(words="or, without credentials, share with every page, null included", policy={"allow_origins": "*"}),
        ),
    ),
    "E213": Fix(
        entries=("http://localhost:8000",),
        words="serve the page: python -m http.server 8000",
        otherwise=(OR_REMOVE_IT,),
    ),
}
_UNKNOWN: Final = Fix(entries=(EXAMPLE_ORIGIN,), otherwise=(OR_REMOVE_IT,))
_CHECK: Final = "check it, because it may cover more than what you wrote"


class _Slip(NamedTuple):
    """
    The first thing wrong with an entry: the *code* of its rule, and the entry with only this fixed, if possible.
    *words* say what is different then.
    """

    code: str
    fixed: str = ""
    words: str = ""


def refusal(given: object) -> PolicyError:
    """
    Return the exception for *given*, which is outside the grammar: one problem, with the form that was probably meant.
    """
    text = text_of(given)
    if text is None:
        return PolicyError([Problem.of("E104", "allow_origins", given, _UNKNOWN, kind=kind_of(given))])
    if re.fullmatch(_STAR_IN_A_LIST, text):
        return PolicyError([Problem.of("E201", "allow_origins", text, Fix(entries=("*",)))])
    fault = _first_fault(text[:_LONGEST_READ])
    entries = re.split(_SEPARATORS, fault.fixed)
    if len(text) > _LONGEST_READ:
        # The last entry is incomplete.
        entries.pop()
    entries = [*dict.fromkeys(entries)]
    unread = {*[entry for entry in entries if _is_expression(entry)][_MOST_EXPRESSIONS:]}
    meant = [_meant(entry) for entry in entries if entry not in unread]
    words = fault.words or next((slip.words for slip in meant if slip.words), "")
    meant_entries = dict.fromkeys(slip.fixed for slip in meant if slip.fixed)
    fix = _INSTEAD.get(fault.code) or Fix(entries=tuple(meant_entries), words=words)
    fix = fix if fix.entries else _UNKNOWN
    return PolicyError([Problem.of(fault.code, "allow_origins", text, fix)])


def guarding_meant(value: object, *, is_whole: bool) -> Fix:
    """
    Return what to write instead of *value*, where a policy is expected: that of everything, or of a path or a host.
    """
    text = text_of(value)
    if is_whole and (isinstance(value, PathLike) or (text or "").endswith(".toml")):
        file = text if text is not None else fspath(cast("PathLike[str]", value))
        return Fix(words=f"Configuration.from_file({quoted(file)})")
    if _means_off(value):
        return Fix(entries=(None,))
    if not is_whole and nearest_name((text or "").lower(), ("unguarded",)) is not None:
        return Fix(entries=("unguarded",))
    listed = cast("Iterable[object]", value) if type(value) in (list, tuple) else (value,)
    texts = [entry for entry in map(text_of, listed) if entry is not None]
    if "*" in texts:
        return Fix(entries=({"allow_origins": "*"},))
    origins = [entry for entry in texts if pattern_of(entry) is not None]
    return Fix(entries=({"allow_origins": origins or [EXAMPLE_ORIGIN]},))


def websockets_meant(value: object) -> Fix:
    """
    Return what to write instead of *value*, where it is expected which WebSocket handshakes are judged.
    """
    text = (text_of(value) or "").lower()
    if _means_off(value) or nearest_name(text, ("pass",)):
        return Fix(entries=("pass",), words="then pages of every site may connect, with the cookies of your users")
    if value is True or text in _ON or nearest_name(text, ("guard",)):
        return Fix(entries=("guard",))
    return Fix(entries=(["/feed"],))


def _means_off(value: object) -> bool:
    return value is None or value is False or (text_of(value) or "x").strip().lower() in _OFF


def nearest_prefix(text: str) -> str:
    """
    Return the path prefix that *text* probably means.
    """
    from urllib.parse import unquote

    if text.lower() in _EVERY_PATH:
        return "/"
    path = re.split(r"[?#]", text.replace("\\", "/").replace("^", "").replace("$", ""))[0]
    literal = re.split(f"[{NOT_LITERAL}]", unquote(path))
    # A segment that is only partly literal is left out. The first one stays, because `/` instead of `/api*` would open
    # everything.
    cut = literal[0] if len(literal) == 1 else literal[0].rpartition("/")[0] or literal[0].rstrip(".")
    return "/" + "/".join(x for x in cut.split("/") if x not in ("", ".", ".."))


def nearest_host(text: str) -> str | None:
    """
    Return the host, or the host with a leading `*.`, that *text* probably means, or None.
    """
    bare = re.sub(r"^[a-zA-Z]*:?/+", "", text[:LONGEST_ORIGIN]).removesuffix(":*")
    try:
        meant = str(OriginPattern.parse(f"https://{bare}"))
    except PolicyError as error:
        meant = next((str(entry) for entry in error.problems[0].fix.entries), "")
    if meant == EXAMPLE_ORIGIN:
        return None
    before, star, after = meant.partition("://")[2].partition("*")
    # A star within a label becomes a wildcard for all hosts below.
    host = f"*.{after.partition('.')[2]}" if star else before
    host = host.removesuffix(".")
    return host if key_of(host) is not None else None


def nearest_name(name: str, names: Iterable[str], near: float = 0.7) -> str | None:
    """
    Return the one of *names* that *name* probably means, or None.

    *near* is how similar they have to be, from 0 to 1. Use more if the names have much in common.
    """
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, names, n=1, cutoff=near)), None)


def method_meant(name: str) -> tuple[str, ...]:
    """
    Return the methods that *name* is probably a slip of. Nothing if it is only unusual.
    """
    word = name.upper()
    if word in _ACTIONS:
        return _ACTIONS[word]
    parts = word.split("|")
    if parts[1:] and {*_COMMON_METHODS}.issuperset(parts):
        return tuple(parts)
    # A known method is not a slip of another one: COPY, MOVE, LINK.
    known = () if word in UPPER_CASE_METHODS else _COMMON_METHODS
    return tuple(method for method in known if _is_slip(word, method))[:1]


def header_meant(name: str) -> tuple[str, ...]:
    """
    Return the well-known header that *name* is probably a slip of. Nothing if it is only unusual.
    """
    lowered = name.lower()
    if lowered in WELL_KNOWN_HEADERS or len(lowered) > _LONGEST_HEADER:
        return ()
    words = lowered.replace("_", "-").split("-")
    for known, header in WELL_KNOWN_HEADERS.items():
        parts = known.split("-")
        # `ContentType`. Names of one's own, such as `X-ApiKey`, are spelled in many ways.
        if words == parts or (words == ["".join(parts)] and parts[0] != "x"):
            return (header,)
        if len(words) == len(parts):
            pairs = [pair for pair in zip(words, parts, strict=True) if pair[0] != pair[1]]
            # A plural may be a header of its own.
            is_one = len(pairs) == 1 and len(pairs[0][1]) >= _SHORTEST_PART and pairs[0][0] != f"{pairs[0][1]}s"
            if is_one and _is_slip(*pairs[0]):
                return (header,)
    return ()


def _is_slip(word: str, meant: str) -> bool:
    """
    Return whether *word* is *meant* with one letter too many, missing, wrong or in the wrong place; two in long words.
    """
    most = 2 if len(meant) >= _LONG_WORD else 1
    if word[:1] != meant[0] or abs(len(word) - len(meant)) > most:
        return False
    # In a short word, one other letter makes another word.
    is_other = len(word) == len(meant) < _SHORT_WORD and sorted(word) != sorted(meant)
    return not is_other and _edits_between(word, meant) <= most


def _edits_between(one: str, other: str) -> int:
    """
    Return how many letters have to be added, removed, replaced or changed with the next to make *other* of *one*.
    """
    before: list[int] = []
    row: list[int] = [*range(len(other) + 1)]
    for i, letter in enumerate(one, 1):
        two_before, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            edits = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == wanted:
                edits = min(edits, two_before[j - 2] + 1)
            row.append(edits)
    return row[-1]


def _meant(text: str) -> _Slip:
    """
    Return the pattern that *text* becomes when one fault after the other is fixed, if it becomes one.
    """
    words = ""
    for _ in range(_MOST_REPAIRS):
        if pattern_of(text) is not None:
            return _Slip("", text, words)
        slip, before = _first_fault(text), text
        text, words = slip.fixed, words or slip.words
        if text == before:
            break
    return _Slip("")


def _first_fault(text: str) -> _Slip:
    """
    Return the first thing wrong with *text*, which is outside the grammar.
    """
    lowered = text.lower()
    if (never_sent := _fault_of_unsent_origin(lowered, text)) is not None:
        return never_sent
    # A comment, as in the line of a file with variables.
    written = re.split(r"\s#", text)[0]
    entries = [entry for piece in re.split(_SEPARATORS, written) for entry in re.split(_RUN_TOGETHER, piece)]
    if not written or len(entries) > 1 or written != text:
        # `{{ frontend_url }}` is what a template was meant to fill in.
        return _Slip("E201", "" if "{{" in text else " ".join(entries))
    if re.search(_VARIABLE, text):
        return _Slip("E211")
    if _is_expression(text):
        return _from_regex(text)
    scheme, found, rest = text.partition("://")
    if not found or not re.fullmatch(SCHEME, scheme.lower()):
        return _Slip("E211" if "*" in scheme else "E202", _with_scheme(text))
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if authority != rest:
        return _Slip("E203", f"{scheme}://{authority}")
    if "@" in rest:
        return _Slip("E207", f"{scheme}://{rest.rpartition('@')[2]}")
    if not text.isascii():
        return _Slip("E208", f"{scheme.lower()}://{_ascii_host(rest)}")
    if text != lowered:
        return _Slip("E204", lowered)
    return _fault_in_port(scheme, rest) or _fault_in_host(scheme, rest)


def _fault_of_unsent_origin(lowered: str, text: str) -> _Slip | None:
    scheme = lowered.partition(":")[0]
    if re.fullmatch(_RANGE, lowered):
        return _Slip("E211")
    if lowered.strip() == NULL:
        return _Slip("E212")
    if f"{scheme}://" in lowered and re.fullmatch(SCHEME, scheme) and is_misspelt(scheme):
        return _Slip("E215", f"{'https' if 's' in scheme else 'http'}{text[len(scheme) :]}")
    if scheme not in NEVER_ORIGINS or scheme == lowered:
        return None
    return _Slip("E213") if scheme == "file" else _Slip("E214", _of_page(scheme, text[len(scheme) + 1 :]))


def _fault_in_port(scheme: str, rest: str) -> _Slip | None:
    host, digits = _split(rest)
    if ":" in host and not host.startswith("["):
        # An IPv6 address without its brackets, with or without a port after it.
        address = canonical_ipv6(host)
        # `::1:3000` is an address too, and meant as that of this machine and a port.
        whole = None if address and is_loopback(address) else canonical_ipv6(rest)
        address = whole or address
        return _Slip("E209", f"{scheme}://{address}{'' if whole else f':{digits}'}" if address else "")
    if digits is None or digits == "*":
        return None
    if not re.fullmatch(PORT, digits) or int(digits) > 65535:
        span = re.fullmatch(_PORTS, digits)
        if span is not None and 0 < int(span[1]) <= int(span[2]) < int(span[1]) + _MOST_PORTS:
            ports = range(int(span[1]), int(span[2]) + 1)
            return _Slip("E206", " ".join(f"{scheme}://{host}:{port}" for port in ports))
        stripped = digits.lstrip("0")
        usable = re.fullmatch(PORT, stripped) and int(stripped) <= 65535
        return _Slip("E206", f"{scheme}://{host}:{stripped}" if usable else f"{scheme}://{host}")
    return _Slip("E205", f"{scheme}://{host}") if int(digits) == DEFAULT_PORTS.get(scheme) else None


def _fault_in_host(scheme: str, rest: str) -> _Slip:
    host = _split(rest)[0]
    port = rest.removeprefix(host)
    if host.startswith("["):
        canonical = canonical_ipv6(host[1:-1].partition("%")[0])
        return _Slip("E211") if "*" in host else _Slip("E209", f"{scheme}://{canonical}{port}" if canonical else "")
    labels = host.removesuffix(".").split(".")
    starred = [i for i, label in enumerate(labels) if "*" in label]
    if starred:
        whole_label = labels[starred[0]] == "*"
        misplaced = host.count("*") > 1 or starred[0] == len(labels) - 1 or (whole_label and starred[0] > 0)
        if misplaced or NUMBER.fullmatch(labels[-1]):
            return _Slip("E211", _with_one_wildcard(scheme, labels, port), _CHECK)
    # A star stands for at least one character, so it counts as one.
    valid = all(re.fullmatch(LABEL, label.replace("*", "x")) for label in labels)
    if not valid or len(host.removesuffix(".")) > LONGEST_HOST:
        return _Slip("E210", f"{scheme}://{'.'.join(filter(None, labels))}{port}")
    # The remaining case: the last label is a number, but the host is not an address as browsers write it.
    address = _canonical_ipv4(host)
    return _Slip("E209", f"{scheme}://{address}{port}" if address else "")


def _of_page(scheme: str, rest: str) -> str:
    """
    Return the origin of the page that `scheme:rest` belongs to, or an empty string if it is unknown.
    """
    # HTML, "blob URL": it contains the origin.
    return rest if scheme == "blob" else f"{_PAGES[scheme]}:{rest}" if scheme in _PAGES else ""


def _split(rest: str) -> tuple[str, str | None]:
    """
    Return the host in *rest*, and the text after its colon or None if there is no colon.
    """
    host, colon, digits = rest.rpartition(":")
    return (host, digits) if colon and not (rest.startswith("[") and rest.endswith("]")) else (rest, None)


def _with_scheme(text: str) -> str:
    rest = re.sub(r"^([a-zA-Z*]*:?/+|(?i:https?):(?=[^/0-9]))", "", text)
    if rest.lower() in _NO_HOSTS:
        return ""
    rest = re.sub(r"^\*(?=[^.])", "*.", rest)
    secure = not is_loopback(re.split(r"[:/]", rest)[0].lower()) and not text.lower().startswith("http:")
    return f"{'https' if secure else 'http'}://{rest}"


def _with_one_wildcard(scheme: str, labels: list[str], port: str) -> str:
    """
    Return a pattern that keeps the literal labels at the end. All labels before them become one leading `*.`.

    A pattern that covers a whole top-level domain is not proposed.
    """
    base = labels[max(i for i, label in enumerate(labels) if "*" in label) + 1 :]
    return f"{scheme}://*.{'.'.join(base)}{port}" if len(base) > 1 else ""


def _is_expression(text: str) -> bool:
    return re.search(_REGEX_CHARACTERS, text.partition("://")[2] or text) is not None


def _from_regex(text: str) -> _Slip:
    """
    Return the patterns that the expression *text* means. If it cannot be translated, return a guess.
    """
    from .expressions import Covered, patterns_of

    # Reading a long expression may take a second, and there may be many.
    with suppress(ValueError):
        covered = patterns_of(text) if len(text) <= _LONGEST_EXPRESSION else Covered()
        meant = [*covered.spellings, *(wider for wider, _ in covered.wider)]
        # `https?` means https. The http form is left out if the https form is there.
        entries = [entry for entry in meant if entry.replace("http://", "https://") not in {*meant} - {entry}]
        more = [example for wider, example in covered.wider if wider in entries and example != wider]
        words = f"this covers {', '.join(more)} too, which the expression does not" if more else ""
        if entries:
            return _Slip("E211", " ".join(entries), words)
    pattern = text.strip("^$").replace("\\/", "/").replace("\\-", "-").replace("https?", "https")
    pattern = re.sub(_REGEX_SUBDOMAIN, "*.", pattern)
    pattern = pattern.replace("\\.", ".").replace(":\\d+", ":*").replace("(:*)?", ":*").replace("*..", "*.")
    return _Slip("E211", pattern, _CHECK)


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
    # The ASCII form of a label is longer than the label. Making it takes time that grows with the square of the length.
    if any(len(label) > LONGEST_LABEL for label in labels):
        return ""
    # IDNA 2008 refuses names that browsers accept, such as emoji, so only the encoding is used.
    return ".".join(x if x.isascii() else f"xn--{x.encode('punycode').decode()}" for x in labels) + colon + port


def _canonical_ipv4(host: str) -> str | None:
    """
    Return the dotted form of an IPv4 address in any spelling that browsers understand (`127.1`, `0x7f000001`).
    """
    import socket

    try:
        return socket.inet_ntoa(socket.inet_aton(host.removesuffix(".")))
    except OSError:
        return None


# pragma: no mutate end
