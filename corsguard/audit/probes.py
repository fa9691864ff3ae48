"""
The origins that an audit tries: names similar to trusted ones, and other origins that are often trusted by mistake.

Each has the rule that is broken if it is allowed, and who could use it. This module does not send anything.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, zip_longest
from typing import Final, NamedTuple

from corsguard.attacks import Attack, attack_origins, digit_siblings
from corsguard.audience import OriginIndex
from corsguard.browser.urls import BAD_PORTS, HTTP_SCHEMES
from corsguard.origin import NULL, Origin, OriginPattern
from corsguard.suffixes import is_known_suffix, owned_name

from .severity import EVERY_BROWSER, NO_BROWSER, Reach, Severity

# Mistakes by which origins with the same end as those of the site are allowed, too.
WHOLE_SITE: Final = "every subdomain of the site is trusted"
SAME_SUFFIX: Final = "every name under the same suffix is trusted"
BUILT_ALIKE: Final = "every name with the same structure is trusted"
# Mistake by which an origin with the same beginning is allowed, too.
COUNTRIES: Final = "every country is trusted"
# Mistakes that others explain: see `findings`.
BETWEEN: Final = "the text between a subdomain and the site is not compared"
NO_DOT: Final = "a dot may be absent"
NO_HYPHEN: Final = "a hyphen may be absent"
IN_THE_MIDDLE: Final = "www. is removed from the middle of a name"
PART_OF_HOST: Final = "a part of the host is enough"
PART: Final = "a part of the origin is enough"
BELOW_LOCALHOST: Final = "every name below localhost is trusted"
THREE_LETTERS: Final = "three letters before the site are not compared"
SAME_FORM: Final = "every name of the same form is trusted"
# A browser keeps the dot, and the name with it belongs to the same owner.
DROPPED_DOT: Final = "a trailing dot is dropped"

# The rule for each mistake of `attack_origins`, the worst and most likely first. Other mistakes do not matter here.
_MISTAKES: Final[Mapping[str, tuple[str, Reach]]] = {
    "the end is not compared": ("CG-A003", Reach.REGISTRANT),
    "the beginning is not compared": ("CG-A004", Reach.REGISTRANT),
    WHOLE_SITE: ("CG-A012", Reach.NEIGHBOUR),
    "the host may be anywhere in the origin": ("CG-A005", Reach.REGISTRANT),
    "a dot stands for any character": ("CG-A007", Reach.REGISTRANT),
    "the scheme is not compared": ("CG-A011", Reach.NETWORK),
    "the port is not compared": ("CG-A013", Reach.NEIGHBOUR),
    PART: ("CG-A006", Reach.REGISTRANT),
    "every subdomain is trusted": ("CG-A012", Reach.NEIGHBOUR),
    "every name below the same host is trusted": ("CG-A012", Reach.NEIGHBOUR),
    SAME_SUFFIX: ("CG-A009", Reach.REGISTRANT),
    "every top-level domain is trusted": ("CG-A022", Reach.REGISTRANT),
    COUNTRIES: ("CG-A022", Reach.REGISTRANT),
    BETWEEN: ("CG-A004", Reach.REGISTRANT),
    NO_DOT: ("CG-A007", Reach.REGISTRANT),
    NO_HYPHEN: ("CG-A007", Reach.REGISTRANT),
    THREE_LETTERS: ("CG-A004", Reach.REGISTRANT),
    "a letter before the name is not compared": ("CG-A004", Reach.REGISTRANT),
    IN_THE_MIDDLE: ("CG-A023", Reach.REGISTRANT),
    PART_OF_HOST: ("CG-A006", Reach.REGISTRANT),
    "the text behind the site's name is not compared": ("CG-A023", Reach.REGISTRANT),
    SAME_FORM: ("CG-A023", Reach.REGISTRANT),
    BUILT_ALIKE: ("CG-A023", Reach.REGISTRANT),
    "the text in front of the name is not compared": ("CG-A023", Reach.REGISTRANT),
    "the end is not compared, below a subdomain": ("CG-A003", Reach.REGISTRANT),
    "only the beginning of the site is compared": ("CG-A003", Reach.REGISTRANT),
    "the end is not compared, without a dot": ("CG-A003", Reach.REGISTRANT),
    "- ends the comparison": ("CG-A008", Reach.REGISTRANT),
    "_ ends the comparison": ("CG-A008", Reach.REGISTRANT),
    "- ends the comparison, without a dot": ("CG-A008", Reach.REGISTRANT),
    "_ ends the comparison, without a dot": ("CG-A008", Reach.REGISTRANT),
    "the beginning is not compared, after a hyphen": ("CG-A004", Reach.REGISTRANT),
    "the end of the port is not compared": ("CG-A013", Reach.NEIGHBOUR),
    DROPPED_DOT: ("CG-A020", Reach.NETWORK),
}

# What is refused itself is not allowed with a part less, or more, for that reason.
_ONLY_OF_TRUSTED: Final = frozenset({NO_DOT, NO_HYPHEN, PART_OF_HOST, IN_THE_MIDDLE})
# A comparison that accepts one of these accepts all.
_ONE_IS_ENOUGH: Final = frozenset({PART})

# Only printable ones, so that every server and proxy on the way accepts them.
_LAX: Final = frozenset(
    {
        "upper case is folded",
        "NULL is read as null",
        "everything before @ is read as the host",
        "everything before @ is ignored",
        "a trailing slash is dropped",
        "a default port is dropped",
        "a list is searched",
        "the scheme may be absent",
    }
)

# URL, "forbidden domain code point": these characters are not forbidden, so they may be in a host. Most browsers refuse
# most of them.
_SPECIAL: Final = "!$&'()*+,;=~{}\"`"
_SPECIAL_IN_FIREFOX: Final = "$+"
# What stops at one of these in a label of its own stops at most of them: two are enough, one of them in Firefox.
_SPECIAL_AFTER_A_DOT: Final = "{$"

# Services where anyone can have a name, the most used first.
_SHARED: Final = (
    "github.io netlify.app vercel.app herokuapp.com pages.dev web.app s3.amazonaws.com azurewebsites.net "
    "workers.dev onrender.com cloudfront.net up.railway.app fly.dev firebaseapp.com azurestaticapps.net "
    "ngrok-free.app surge.sh myshopify.com amplifyapp.com appspot.com gitlab.io webflow.io framer.app lovable.app "
    "replit.app wixsite.com wordpress.com blogspot.com trycloudflare.com stackblitz.io codepen.io translate.goog "
    "a.run.app app.github.dev deno.dev r2.dev hf.space z6.web.core.windows.net blob.core.windows.net ngrok.io "
    "streamlit.app ondigitalocean.app csb.app supabase.co azurefd.net elasticbeanstalk.com pythonanywhere.com "
    "readthedocs.io glitch.me bubbleapps.io loca.lt now.sh azureedge.net bitbucket.io replit.dev ngrok.app "
    "codesandbox.io gitpod.io webcontainer.io nyc3.digitaloceanspaces.com tumblr.com weebly.com sharepoint.com nip.io "
    "cdn.ampproject.org"
).split()
# Reaches of few people: what they can use may be allowed because strangers are.
_OF_FEW: Final = frozenset({Reach.NEIGHBOUR, Reach.NETWORK, Reach.DEVICE, Reach.PLACE})
_OF_ADDRESSES: Final = frozenset({"CG-A014", "CG-A015"})
# Services where anyone can run a script.
_PLAYGROUNDS: Final = (
    "https://codepen.io https://cdpn.io https://jsfiddle.net https://fiddle.jshell.net https://jsbin.com "
    "https://stackblitz.com https://codesandbox.io https://editor.swagger.io https://translate.googleusercontent.com "
    "https://null.jsbin.com https://web.archive.org"
).split()
# The hosts and ports where tools for development serve pages, the most used first.
_LOOPBACK: Final = (
    "http://localhost:3000 http://localhost http://127.0.0.1 http://localhost:8080 http://localhost:5173 "
    "https://localhost http://[::1] http://localhost:4200 http://127.0.0.1:8000 https://localhost:5173 "
    "http://localhost:8000 http://127.0.0.1:3000 https://localhost:3000 http://[::1]:3000 http://localhost:5000 "
    "http://localhost:3001 http://127.0.0.1:5500 http://localhost:4321"
).split()
# One for each range of RFC 1918, RFC 3927, RFC 4193 and RFC 6598, those of offices with either scheme, and one with a
# port.
_PRIVATE: Final = (
    "http://192.168.0.1 http://10.0.0.1 http://172.16.0.1 http://169.254.169.254 http://192.168.1.2:3000 "
    "http://[fd00::1] https://192.168.0.1 https://10.0.0.1 https://172.16.0.1 http://100.64.0.1"
).split()
# Documentation addresses (RFC 5737, RFC 3849): no private network and no server has them.
_PUBLIC: Final = "203.0.113.9"
# Only a part of what begins like this is private (RFC 6598).
_PARTLY_PUBLIC: Final = {"http://100.64.0.1": "100.20.0.9"}
_PUBLIC_6: Final = "[2001:db8::9]"
# The identifiers that browsers and programs make for each extension or panel, in their own form; and apps, whose pages
# all have the same origin.
_EXTENSIONS: Final = (
    ("chrome-extension://{letters}{letters}{letters}{letters}", "any extension is trusted", "Chromium"),
    ("moz-extension://{uuid}", "any extension is trusted", "Firefox"),
    ("safari-web-extension://{uuid}", "any extension is trusted", "Safari"),
    (
        "vscode-webview://{letters}{hexadecimal}{letters}{hexadecimal}{letters}{letters}0123",
        "any panel is trusted",
        "VS Code",
    ),
)
_APPS: Final = {
    "capacitor://localhost": "apps on iOS",
    "ionic://localhost": "apps on iOS",
    "tauri://localhost": "apps on macOS and Linux",
    "http://tauri.localhost": "apps on Windows and Android",
    "https://appassets.androidplatform.net": "apps on Android",
}
# The labels where the pages of a site usually are, in addition to the site's own name.
_USUAL: Final = "www", "app", "admin"
_LETTERS: Final = "abcdefghijklmnop"


class Probe(NamedTuple):
    """
    An *origin* to try, the *rule* that is broken if it is allowed, the *mistake* in words, and who could use the
    origin. If it has a *twin*, that origin has to be allowed, too: one alone may be on an exact list. The severity is
    at *most* this one.
    """

    rule: str
    reach: Reach
    origin: str
    mistake: str
    browsers: str = EVERY_BROWSER
    twin: str | None = None
    most: Severity = Severity.CRITICAL


class Meant:
    """
    The origins and patterns that should be trusted. Raises PolicyError if one of *texts* is neither.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = tuple(dict.fromkeys(texts))
        self._patterns = [OriginPattern.parse(text) for text in self.texts]
        self._index = OriginIndex(self._patterns)

    def covers(self, text: str) -> bool:
        origin = Origin.parse(text)
        return origin is not None and next(self._index.patterns_for(origin), None) is not None

    def samples(self) -> list[str]:
        """
        Return one origin for each origin or pattern.
        """
        return [str(pattern.samples()[0]) for pattern in self._patterns]


def usual(origin: str) -> list[str]:
    """
    Return the origins of the site of *origin* that most servers trust, because the pages usually are there.
    """
    parsed = Origin.parse(origin)
    site = "" if parsed is None else owned_name(parsed.host)
    if parsed is None or parsed.is_loopback or "." not in site or site.rpartition(".")[2].isdigit():
        return []
    names = (site, *(f"{name}.{site}" for name in _USUAL))
    return [text for text in (f"{parsed.scheme}://{name}" for name in names) if text != origin]


def relatives(candidates: Iterable[tuple[str, bool]], meant: Meant) -> list[Probe]:
    """
    Return origins that a wrong comparison would accept as one of *candidates*: first those that anyone can register.

    Each candidate says whether it is known to be trusted. The relatives of trusted ones come first; for the others,
    only the first relative of each kind is returned.
    """
    ranked = [(is_trusted, _ranked(candidate, is_trusted=is_trusted)) for candidate, is_trusted in candidates]
    trusted, others = ([probes for is_one, probes in ranked if is_one is wanted] for wanted in (True, False))
    return _new(chain(*zip_longest(*trusted), *zip_longest(*others)), meant)


def strangers(label: str, *, is_loopback: bool, meant: Meant, names: Iterable[str] = ()) -> list[Probe]:
    """
    Return origins that are often trusted without a reason; *label* is a name that nobody has.

    *names* are likely names of the site's previews at hosting services. If the server itself *is_loopback*, an origin
    on loopback is not a stranger.
    """
    letters = "".join(_LETTERS[int(char, 16)] for char in label)
    # RFC 9562, 5.4: the form of a random one.
    uuid = f"{label}-{label[:4]}-4{label[:3]}-a{label[:3]}-{label}{label[:4]}"
    development = [
        Probe("CG-A014", Reach.DEVICE, origin, mistake)
        for origin, mistake in (
            *((origin, "loopback is trusted") for origin in _LOOPBACK),
            # Browsers ask the visitor's device for these, too.
            (f"http://{letters}.localhost", BELOW_LOCALHOST),
        )
        if not is_loopback
    ]
    # For others, `wider` asks if the loopback origin is allowed.
    imitations = [
        longer
        for origin in (_LOOPBACK[1:3] if is_loopback else _LOOPBACK[1:2])
        for longer in _longer(Probe("CG-A014", Reach.DEVICE, origin, ""), label)
    ]
    previews = [
        Probe("CG-A023", Reach.REGISTRANT, f"https://{host}", "every preview of that name is trusted")
        for name in dict.fromkeys(names)
        for host in (f"{name}-{letters}.vercel.app", f"{letters}--{name}.netlify.app")
    ]
    groups = (
        previews,
        development,
        imitations,
        # Some patterns for names have no digits.
        [
            Probe("CG-A009", Reach.REGISTRANT, f"https://{letters}.{host}", "shared hosting is trusted")
            for host in _SHARED
        ],
        [
            Probe(
                "CG-A017", Reach.EXTENSION, form.format(letters=letters, hexadecimal=label, uuid=uuid), mistake, where
            )
            for form, mistake, where in _EXTENSIONS
        ],
        [Probe("CG-A017", Reach.APP, origin, "any app is trusted", where) for origin, where in _APPS.items()],
        [Probe("CG-A017", Reach.NOBODY, f"x{letters}://{label}.com", "any scheme is trusted", NO_BROWSER)],
        [Probe("CG-A015", Reach.PLACE, origin, "a private address is trusted") for origin in _PRIVATE]
        # RFC 6762: each device chooses its own name there.
        + [Probe("CG-A015", Reach.PLACE, f"http://{letters}.local", "names of devices in the network are trusted")],
        [Probe("CG-A016", Reach.ANYONE, origin, "a public playground is trusted") for origin in _PLAYGROUNDS],
    )
    # Alternately, so that a small budget tries some of each kind.
    return _new(chain.from_iterable(zip_longest(*groups)), meant)


def joined_name(candidate: str) -> str | None:
    """
    Return an origin that both begins and ends like *candidate*, and like its site; None if that has no name.
    """
    parsed = Origin.parse(candidate)
    # URL, "host parser": a host whose last label is a number is an address.
    if parsed is None or parsed.host.startswith("[") or parsed.host.rpartition(".")[2].isdigit():
        return None
    port = "" if parsed.port is None else f":{parsed.port}"
    return f"{parsed.scheme}://{parsed.host}.attacker{parsed.host}{port}"


def imitation(candidate: str, label: str) -> str | None:
    """
    Return an origin that begins like *candidate*, and that anyone who owns *label* under `com` has; None if it has no
    name.
    """
    parsed = Origin.parse(candidate)
    if parsed is None or parsed.host.startswith("["):
        return None
    return f"{parsed.scheme}://{parsed.host}.{label}.com{'' if parsed.port is None else f':{parsed.port}'}"


def wider(probe: Probe, label: str) -> Iterator[Probe]:
    """
    Yield what may be allowed, too, if *probe* is: the same scheme and port with the name of a stranger, who owns
    *label* under `com`, or with a public address, names that begin like an address, and any name under its suffix.
    """
    origin = Origin.parse(probe.origin)
    if origin is None or origin.scheme not in HTTP_SCHEMES:
        return
    port = "" if origin.port is None else f":{origin.port}"
    if probe.rule == "CG-A004" and probe.reach is Reach.REGISTRANT:
        suffix = owned_name(origin.host).partition(".")[2]
        yield Probe("CG-A009", Reach.REGISTRANT, f"{origin.scheme}://attacker.{suffix}{port}", SAME_SUFFIX)
    if probe.reach not in _OF_FEW:
        return
    kind = f"any name is allowed with {origin.scheme}{f' and port {origin.port}' if port else ''}"
    yield Probe("CG-A001", Reach.ANYONE, f"{origin.scheme}://{label}.com{port}", kind)
    if probe.rule not in _OF_ADDRESSES:
        return
    is_numeric = origin.host.startswith("[") or origin.host.rpartition(".")[2].isdigit()
    if is_numeric:
        public = _PUBLIC_6 if origin.host.startswith("[") else _PUBLIC
        for address in (public, _PARTLY_PUBLIC.get(probe.origin)):
            if address is not None:
                mistake = "public addresses are trusted, too"
                yield Probe("CG-A015", Reach.ADDRESS, f"{origin.scheme}://{address}{port}", mistake)
    yield from _longer(probe, label)


def _longer(probe: Probe, label: str) -> Iterator[Probe]:
    longer = imitation(probe.origin, label)
    if longer is not None:
        begun = longer.partition("://")[2].partition(f".{label}.com")[0]
        yield Probe(probe.rule, Reach.REGISTRANT, longer, f"every name that begins with {begun} is trusted")


def special(candidate: str, label: str) -> list[Probe]:
    """
    Return names that begin like *candidate* and continue with a character at which some comparisons stop.
    """
    parsed = Origin.parse(candidate)
    # URL, "host parser": a host that begins with a bracket ends with one.
    if parsed is None or parsed.host.startswith("["):
        return []
    # After a port, there is no more host.
    port = "" if parsed.port is None else f":{parsed.port}"
    return [
        Probe(
            "CG-A008",
            Reach.FEW_BROWSERS,
            f"{parsed.scheme}://{parsed.host}{end}.{label}.com{port}",
            f"{end[-1]} ends the comparison",
            "Firefox, Safari" if end[-1] in _SPECIAL_IN_FIREFOX else "Safari",
        )
        for end in (*_SPECIAL, *(f".{char}" for char in _SPECIAL_AFTER_A_DOT))
    ]


def lax(candidate: str) -> list[Probe]:
    """
    Return texts that only a lax comparison accepts as *candidate*, one for each kind. No browser sends them.
    """
    found: dict[str, Probe] = {}
    for attack in _attacks(candidate):
        if attack.name in _LAX and not attack.is_sent:
            found.setdefault(attack.name, Probe("CG-A020", Reach.NOBODY, attack.origin, attack.name, NO_BROWSER))
    return [*found.values()]


def _ranked(candidate: str, *, is_trusted: bool) -> list[Probe]:
    """
    Return the relatives of *candidate*: the first of each mistake, then the second of each, and so on.
    """
    by_mistake: dict[str, list[Probe]] = {name: [] for name in _MISTAKES if is_trusted or name not in _ONLY_OF_TRUSTED}
    for attack in _attacks(candidate):
        probe = _probe(attack, candidate) if attack.is_sent and attack.name in by_mistake else None
        if probe is not None:
            by_mistake[attack.name].append(probe)
    if is_trusted:
        by_mistake[SAME_FORM] += _digit_siblings(candidate)
    easiest = [
        sorted(probes, key=_ease)[: 1 if mistake in _ONE_IS_ENOUGH else None] for mistake, probes in by_mistake.items()
    ]
    rounds = [[probe for probe in turn if probe is not None] for turn in zip_longest(*easiest)]
    return [*chain.from_iterable(sorted(turn, key=_ease) for turn in (rounds if is_trusted else rounds[:1]))]


def _digit_siblings(candidate: str) -> Iterator[Probe]:
    for pair in digit_siblings(candidate):
        for one, other in (pair, pair[::-1]):
            probe = _probe(Attack(SAME_FORM, one, is_sent=True), candidate)
            if probe is not None:
                yield probe._replace(twin=other)


def _ease(probe: Probe) -> int:
    return [*Reach].index(probe.reach)


def _attacks(candidate: str) -> list[Attack]:
    return [] if Origin.parse(candidate) is None else attack_origins(candidate)


def _probe(attack: Attack, candidate: str) -> Probe | None:
    """
    Return the probe for *attack*, or None if other probes cover it.
    """
    trusted, origin = Origin.parse(candidate), Origin.parse(attack.origin)
    if trusted is None or origin is None or origin.port in BAD_PORTS:
        return None
    rule, reach = _MISTAKES[attack.name]
    if rule == "CG-A011" and origin.scheme == "chrome-extension":
        # No extension has that name; `strangers` asks for real ones.
        return Probe("CG-A017", Reach.NOBODY, attack.origin, attack.name, NO_BROWSER)
    if rule == "CG-A011" and ((trusted.scheme, origin.scheme) != ("https", "http") or trusted.is_loopback):
        # If http is trusted, https adds no danger, and a request to loopback crosses no network.
        return None
    if rule == "CG-A013" and origin.port is None:
        # That one is often trusted on purpose, together with another port.
        return None
    if reach is not Reach.REGISTRANT:
        most = Severity.INFO if attack.name == DROPPED_DOT else Severity.CRITICAL
        return Probe(rule, reach, attack.origin, attack.name, most=most)
    if owned_name(origin.host) == owned_name(trusted.host):
        return Probe(rule, Reach.NEIGHBOUR, attack.origin, attack.name)
    last = origin.host.rpartition(".")[2]
    is_open = last in {trusted.host.rpartition(".")[2], "example"} or is_known_suffix(last)
    if "." in origin.host and is_open and not is_known_suffix(origin.host):
        return Probe(rule, reach, attack.origin, attack.name)
    if rule == "CG-A007":
        return None
    # Nobody can register a name whose suffix does not exist, but who controls the network can serve it without TLS.
    if origin.scheme == "http":
        return Probe(rule, Reach.NETWORK, attack.origin, attack.name)
    return Probe(rule, Reach.NOBODY, attack.origin, attack.name, NO_BROWSER)


def _new(probes: Iterable[Probe | None], meant: Meant) -> list[Probe]:
    """
    Return *probes* without duplicates, and without origins that should be trusted.
    """
    found: dict[str, Probe] = {}
    for probe in probes:
        if probe is not None and not meant.covers(probe.origin) and probe.origin != NULL:
            found.setdefault(probe.origin, probe)
    return [*found.values()]
