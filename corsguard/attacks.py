"""
Hostile variants of an origin: origins that a wrong comparison accepts in its place.

Each is named after the mistake that would let it in. This module only makes them. The testing kit and the audit send
them.
"""

import re
from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from .audience import OriginIndex
from .browser import origin_of
from .names import EXAMPLE_ORIGIN
from .origin import NULL, Origin, OriginPattern
from .quoting import shown
from .suffixes import is_known_suffix, owned_name

ATTACKER: Final = "attacker.example"
# Few sites also own their name under these suffixes, so a server hardly ever allows these on purpose. Patterns for
# countries have two letters, or `co` or `com` in front of them.
_OTHER_SUFFIXES: Final = "bid", "ws", "com.sb", "co.bw"
# Another character for each one, so that a pattern for digits, for hexadecimal digits or for letters cannot tell them
# apart. No number begins with 0.
_OF_THE_SAME_CLASS: Final = str.maketrans(
    "0123456789abcdefghijklmnopqrstuvwxyz", "3456789124" + "defabc" + "nopqrstuvwxyzghijklm"
)
# Letters, digits, and what else is in the word.
_WORD: Final = re.compile(r"(?=[a-z0-9])([a-z]*)([0-9]*)([a-z0-9]*)")
# A shorter word or number may well be the one of another listed name: `de` and `fr`, `app1` and `app2`. So it is
# replaced by one that no list has: no language or country has these letters, and few lists have so many names.
_SHORTEST_PART: Final = 3
_SHORT_NUMBERS: Final = "97", "86"
_SHORT_WORDS: Final = ("q", "z"), ("qx", "xq")
# No list of some names has both the first and the last digit.
_DIGITS: Final = "908"
_HIGHEST_PORT: Final = 65535
# Letters of other scripts that look like Latin ones. A browser sends the ASCII form of such a name.
_LOOKALIKES: Final = str.maketrans("aceopxy", "\u0430\u0441\u0435\u043e\u0440\u0445\u0443")


class Attack(NamedTuple):
    """
    An *origin* that an application may accept as one of its own, and the *name* of the mistake that would let it in.

    *is_sent* tells whether a browser can send it. An origin that no browser sends is not a danger, but shows a lax
    comparison.
    """

    name: str
    origin: str
    is_sent: bool

    def __str__(self) -> str:
        return f"{self.name}: {shown(self.origin)}"


def attack_origins(origin: str, allowed: Collection[str] = ()) -> list[Attack]:
    """
    Return the hostile variants of *origin*, each named after the mistake that would let it in.

    Variants that a pattern of *allowed* covers are left out. Raises ValueError if *origin* is not a serialized origin,
    and PolicyError if one of *allowed* is not an origin pattern.
    """
    parsed = Origin.parse(origin)
    if parsed is None:
        raise ValueError(
            f"Expected a serialized origin, got {origin!r}. Write what a browser sends: '{EXAMPLE_ORIGIN}'."
        )
    patterns = OriginIndex(OriginPattern.parse(pattern) for pattern in allowed)
    attacks: dict[str, Attack] = {}
    for name, text in _sent(parsed):
        other = Origin.parse(text)
        is_covered = other is not None and next(patterns.patterns_for(other), None) is not None
        if text != origin and not is_covered and (other is not None or text == NULL):
            attacks.setdefault(text, Attack(name, text, is_sent=True))
    for name, text in _unsent(parsed):
        if Origin.parse(text) is None:
            attacks.setdefault(text, Attack(name, text, is_sent=False))
    return [*attacks.values()]


def digit_siblings(origin: str) -> list[tuple[str, str]]:
    """
    Return pairs of origins that differ from *origin* in one number of one digit.

    One alone may be on an exact list of names. If a server accepts both, the digit is free.
    """
    parsed = Origin.parse(origin)
    if parsed is None or parsed.host.rpartition(".")[2].isdigit() or parsed.host.startswith("["):
        return []
    suffix = owned_name(parsed.host).partition(".")[2]
    name = parsed.host.removesuffix(f".{suffix}")
    start = len(f"{parsed.scheme}://")
    places = [start + part.start(2) for part in _words(name) if len(part[2]) == 1 and not part[3]]
    pairs: list[tuple[str, str]] = []
    for place in places:
        one, other, *_ = (
            f"{origin[:place]}{digit}{origin[place + 1 :]}" for digit in _DIGITS if digit != origin[place]
        )
        pairs.append((one, other))
    return pairs


def _sent(origin: Origin) -> Iterator[tuple[str, str]]:
    """
    Yield the variants that a browser may send.
    """
    scheme, host, port = origin.scheme, origin.host, "" if origin.port is None else f":{origin.port}"
    own, registrable = f"{scheme}://", owned_name(host)
    yield "any origin is reflected", f"{own}{ATTACKER}"
    yield "any origin is reflected, with a port", f"{own}{ATTACKER}:8443"
    yield "null is trusted", NULL
    yield "the end is not compared", f"{own}{host}.{ATTACKER}{port}"
    yield "the end is not compared, without a dot", f"{own}{host}{ATTACKER}{port}"
    for mark in "-", "_":
        yield f"{mark} ends the comparison", f"{own}{host}{mark}.{ATTACKER}{port}"
        yield f"{mark} ends the comparison, without a dot", f"{own}{host}{mark}{ATTACKER}{port}"
    yield "the end is not compared, below a subdomain", f"{own}attacker.{registrable}.{ATTACKER}{port}"
    yield "only the beginning of the site is compared", f"{own}{registrable}.{ATTACKER}{port}"
    for name in dict.fromkeys((host, registrable)):
        yield "the beginning is not compared", f"{own}attacker{name}{port}"
        yield "the beginning is not compared, after a hyphen", f"{own}attacker-{name}{port}"
        yield "the host may be anywhere in the origin", f"{own}attacker{name}.{ATTACKER}{port}"
    for shorter in _beginnings(host):
        yield "a part of the origin is enough", f"{own}{shorter}{port}"
    for mistake, name in _with_a_free_part(host, registrable):
        yield mistake, f"{own}{name}{port}"
    for name in _with_a_dot_replaced(host):
        yield "a dot stands for any character", f"{own}{name}{port}"
    yield "every subdomain is trusted", f"{own}attacker.{host}{port}"
    yield "every subdomain of the site is trusted", f"{own}attacker.{registrable}{port}"
    yield "the site is trusted like its subdomains", f"{own}{registrable}{port}"
    neighbour = host.partition(".")[2]
    if neighbour and host != registrable:
        yield "every name below the same host is trusted", f"{own}attacker.{neighbour}{port}"
    elif neighbour:
        yield "every name under the same suffix is trusted", f"{own}attacker.{neighbour}{port}"
    yield "the scheme is not compared", f"http://{host}{port}"
    yield "the scheme is not compared", f"https://{host}{port}"
    yield "the scheme is not compared", f"chrome-extension://{host}"
    for mistake, other_port in _other_ports(port):
        yield mistake, f"{own}{host}{other_port}"
    yield "a trailing dot is dropped", f"{own}{host}.{port}"
    name, _, suffix = host.rpartition(".")
    if not host.startswith("["):
        lookalike = origin_of(f"http://{name.translate(_LOOKALIKES)}.{suffix}")
        yield "a name that looks the same", f"{own}{lookalike.removeprefix('http://')}{port}"


def _beginnings(host: str) -> Iterator[str]:
    """
    Yield shorter beginnings of *host*: a few letters less, and each one that ends in a top-level domain.
    """
    for end in range(len(host) - 1, 0, -1):
        name, _, last = host[:end].rpartition(".")
        if end > len(host) - 6 or (name and is_known_suffix(last)):
            yield host[:end]


def _with_free_text(host: str, registrable: str) -> Iterator[tuple[str, str]]:
    """
    Yield names of other owners, for each place where a pattern may leave some text free: in front of the site's name,
    also below a subdomain, and behind it.
    """
    subdomain, name = host.removesuffix(registrable), registrable.partition(".")[0]
    if subdomain:
        yield "the text between a subdomain and the site is not compared", f"{subdomain}attacker{registrable}"
    for dot in (index for index, character in enumerate(host) if character == "."):
        yield "a dot may be absent", f"{host[:dot]}{host[dot + 1 :]}"
    # In the patterns of Lua, a hyphen repeats the character before it. In Punycode, it is a part of the spelling.
    joined = name if "xn--" in name else name.replace("-", "")
    yield "a hyphen may be absent", f"{subdomain}{joined}{registrable.removeprefix(name)}"
    # As many as `www.` has without its dot, and one of `https`, which is free if letters are removed, not a prefix.
    yield "three letters before the site are not compared", f"www{registrable}"
    for owned in dict.fromkeys((registrable, host)):
        yield "a letter before the name is not compared", f"h{owned}"
    middle = len(name) // 2
    if middle:
        yield "a part of the host is enough", registrable[1:]
        yield "www. is removed from the middle of a name", f"{subdomain}{name[:middle]}www.{registrable[middle:]}"
    for behind in "attacker", "7":
        text = f"{subdomain}{name}{behind}{registrable.removeprefix(name)}"
        yield "the text behind the site's name is not compared", text


def _with_a_dot_replaced(host: str) -> Iterator[str]:
    dots = [index for index, character in enumerate(host) if character == "."]
    for dot in dots:
        yield f"{host[:dot]}x{host[dot + 1 :]}"
    yield host.replace(".", "x", len(dots) - 1)


def _other_ports(port: str) -> Iterator[tuple[str, str]]:
    # A port that is often used may be on a list. These are not, and each has another number of digits.
    alike = next(f"{port[:3]}{end}" for end in _SHORT_NUMBERS if not port.endswith(end))
    for other in "", ":1", alike if len(port) == len(":7531") else ":7531", ":65535":
        yield "the port is not compared", other
    if port and int(f"{port[1:]}0") <= _HIGHEST_PORT:
        yield "the end of the port is not compared", f"{port}0"


def _with_a_free_part(host: str, registrable: str) -> Iterator[tuple[str, str]]:
    """
    Yield hosts that a too wide pattern for *host* lets in, because one part of the name may be anything.
    """
    suffix = registrable.partition(".")[2]
    label, _, rest = host.partition(".")
    if not rest or rest.rpartition(".")[2].isdigit():
        return
    if host.endswith(f".{suffix}"):
        for other in _OTHER_SUFFIXES:
            # A comparison of the beginning lets these in, too.
            mistake = "every country is trusted" if "." in other else "every top-level domain is trusted"
            yield mistake, f"{host.removesuffix(suffix)}{other}"
        yield from _with_free_text(host, registrable)
    yield "the text in front of the name is not compared", f"attacker--{label}.{rest}"
    for name in _built_alike(label):
        yield "every name with the same structure is trusted", f"{name}.{rest}"
    for name in _of_the_same_form(host.removesuffix(f".{suffix}")):
        yield "every name of the same form is trusted", f"{name}.{suffix}"


def _built_alike(label: str) -> Iterator[str]:
    """
    Yield labels like *label* with one part changed, as services for previews and tenants build their host names.
    """
    yield f"{label}-attacker"
    if "--" in label:
        yield f"attacker--{label.rpartition('--')[2]}"
        yield f"{label.partition('--')[0]}--attacker"
    if "-" in label:
        yield f"{label.rpartition('-')[0]}-attacker"
        yield f"{label.partition('-')[0]}-attacker"
        yield f"attacker-{label.partition('-')[2]}"
        yield f"attacker-{label.rpartition('-')[2]}"


def _of_the_same_form(name: str) -> Iterator[str]:
    """
    Yield names that differ from *name* in one number or word, which keeps its length and its classes of characters.

    Numbers come first, then words with digits, which may be random: these most likely vary.
    """
    numbers: list[tuple[int, int, str]] = []
    mixed: list[tuple[int, int, str]] = []
    words: list[tuple[int, int, str]] = []
    for part in _words(name):
        letters, digits, rest = part.groups()
        if digits and not rest:
            numbers += [(part.start(2), part.end(), text) for text in _other_numbers(digits)]
        if digits and (letters or rest):
            mixed.append((*part.span(), part[0].translate(_OF_THE_SAME_CLASS)))
        elif letters:
            words.append((*part.span(), _other_word(letters)))
    for start, end, text in (*numbers, *mixed, *words):
        yield f"{name[:start]}{text}{name[end:]}"


def _words(name: str) -> Iterator[re.Match[str]]:
    """
    Return the words of *name*. In Punycode, another word is another spelling of the whole label.
    """
    return _WORD.finditer("" if "xn--" in name else name)


def _other_numbers(digits: str) -> Iterator[str]:
    """
    Yield numbers in place of *digits*: a long one, and, if they are few, one of two digits.
    """
    yield digits.rjust(_SHORTEST_PART, "1").translate(_OF_THE_SAME_CLASS)
    if len(digits) < _SHORTEST_PART:
        yield next(number for number in _SHORT_NUMBERS if number != digits)


def _other_word(letters: str) -> str:
    if len(letters) >= _SHORTEST_PART:
        return letters.translate(_OF_THE_SAME_CLASS)
    return next(word for word in _SHORT_WORDS[len(letters) - 1] if word != letters)


def _unsent(origin: Origin) -> Iterator[tuple[str, str]]:
    """
    Yield the variants that no browser sends, but other clients may.
    """
    text, rest = str(origin), str(origin).partition("://")[2]
    own = f"{origin.scheme}://{ATTACKER}"
    yield "upper case is folded", text.upper()
    yield "upper case is folded", f"{origin.scheme}://{rest.upper()}"
    yield "NULL is read as null", "NULL"
    yield "everything before @ is read as the host", f"{origin.scheme}://{rest}@{ATTACKER}"
    yield "everything before @ is ignored", f"{own}@{rest}"
    for mark in "/", "?", "#", "\\":
        yield f"{mark} does not end the host", f"{own}{mark}.{rest}"
        yield f"what follows {mark} is ignored", f"{text}{mark}attacker"
    yield "a trailing slash is dropped", f"{text}/"
    yield (
        "a default port is dropped",
        f"{text.removesuffix(f':{origin.port}')}:{443 if origin.scheme == 'https' else 80}",
    )
    yield "an empty port is dropped", f"{text.removesuffix(f':{origin.port}')}:"
    for mark in " ", "\t", "\x00", "\x0b", "\x7f", "\xa0":
        yield "unprintable characters are dropped", f"{text[:-1]}{mark}{text[-1]}"
        yield "what follows an unprintable character is ignored", f"{text}{mark}{ATTACKER}"
    yield "a list is searched", f"{text}, {own}"
    yield "a list is searched", f"{own}, {text}"
    yield "a list is searched", f"{own} {text}"
    yield "a wildcard is matched backwards", "*"
    yield "a wildcard is matched backwards", f"{origin.scheme}://*"
    yield "the scheme may be absent", rest
    yield "the scheme may be absent", f"//{rest}"
    yield "the host may be absent", f"{origin.scheme}://"
    yield "an empty origin is a part of every one", ""
