"""
What an audit can find: one row for each weakness, with its text, its fix, its severity, and the sign that detects it.

A new weakness is a row here, a function in `signs`, and a line in `stages` that passes the answers to it. Identifiers
are stable and never reused.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

from corsguard.browser.handshakes import opening
from corsguard.browser.wire import Header, WireRequest
from corsguard.errors import Rule
from corsguard.fixes import NO_FIX, Fix
from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    CHROMIUM_MAX_AGE,
    EXAMPLE_ORIGIN,
    EXPOSE_HEADERS,
    MAX_AGE,
)

from . import signs
from .answers import Answer, PageFetch
from .probes import Probe
from .severity import EVERY_BROWSER, NO_BROWSER, Reach, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Weakness(Rule):
    """
    One row. Its *message* explains the *title*, and the *sign*, a pure function, detects it in answers.

    *header* and *policy* say what to change, as response headers and as a Policy: `{send}` and `{policy}` stand for the
    parts of *fix* that can be pasted, and `{origin}` for an origin that should be trusted (in *fix*,
    `corsguard.names.EXAMPLE_ORIGIN` stands for it). The *example* are arguments for which the sign finds something.

    *severity* is the severity with credentials and *anonymous* the one without, if no Reach determines it. *subsumes*
    are the rules whose probes would find the same fault again. *is_general* marks weaknesses that allow anybody, so
    also the control origin. *is_asked_twice* marks those that a second request would not show, or that were found with
    two requests already.
    """

    id: str
    name: str
    title: str
    sign: Callable[..., signs.Sign | None]
    header: str = "{send}"
    policy: str = "{policy}"
    fix: Fix = NO_FIX
    severity: Severity = Severity.CRITICAL
    anonymous: Severity = Severity.LOW
    browsers: str = EVERY_BROWSER
    is_general: bool = False
    is_asked_twice: bool = False
    subsumes: frozenset[str] = frozenset()

    def fix_for(self, *origins: str) -> Fix:
        """
        Return what can be pasted, with *origins* in place of the example's. A line of a header has only the first.
        """
        send = tuple(line.format(origin=origins[0]) for line in self.fix.send)
        policy = {keyword: _with_origins(value, origins) for keyword, value in self.fix.policy.items()}
        return replace(self.fix, send=send, policy=policy)

    def header_for(self, *origins: str, fix: Fix | None = None) -> str:
        """
        Return what to change in the headers of the response. *fix* is the fix if it is not the one of this rule.
        """
        if fix is not None and fix.words:
            return fix.words
        return self.header.format(send="; ".join((fix or self.fix_for(*origins)).send), origin=origins[0])

    def policy_for(self, *origins: str, fix: Fix | None = None) -> str:
        """
        Return what to change in a Policy. *fix* is the fix if it is not the one of this rule.
        """
        if fix is not None and fix.words:
            return fix.words
        return self.policy.format(policy=Fix(policy=(fix or self.fix_for(*origins)).policy), origin=origins[0])


def _with_origins(value: object, origins: Iterable[str]) -> object:
    if not isinstance(value, list):
        return value
    entries = chain.from_iterable(origins if entry == EXAMPLE_ORIGIN else (entry,) for entry in value)
    return [*dict.fromkeys(entries)]


_INFO, _LOW, _MEDIUM, _HIGH = Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH
_CRITICAL: Final = Severity.CRITICAL

_EXACT: Final = "Access-Control-Allow-Origin: the request's Origin if it equals an entry of a list; Vary: Origin always"
_LIST: Final = Fix(policy={"allow_origins": [EXAMPLE_ORIGIN]})
_LIST_WITH_CREDENTIALS: Final = Fix(policy={"allow_origins": [EXAMPLE_ORIGIN], "allow_credentials": True})
_REFUSE_HANDSHAKE: Final = "403 to a handshake whose Origin is not trusted"
_GUARDED_HANDSHAKE: Final = "{policy}, and the guard around what answers handshakes"
_VARY: Final = Fix(send=("Vary: Origin",))
_ALWAYS: Final = "{send} on every response of the resource: allowed, refused, without Origin, errors"
_ANY_POLICY: Final = "any Policy: corsguard sends it on every response of a listed policy"

_GRANT: Final = (ALLOW_ORIGIN, EXAMPLE_ORIGIN)
_CREDENTIALS: Final = (ALLOW_CREDENTIALS, "true")
_RESOURCE_POLICY: Final = "Cross-Origin-Resource-Policy"
_SAME_SITE: Final = (_RESOURCE_POLICY, "same-site")
_NOSNIFF: Final = ("X-Content-Type-Options", "nosniff")


def _answer(  # noqa: PLR0913 - the parts of an answer and of its request
    *headers: Header,
    origin: str | None = EXAMPLE_ORIGIN,
    method: str = "GET",
    names: tuple[str, ...] = (),
    is_upload: bool = False,
    more: tuple[Header, ...] = (),
    status: int = 200,
    body: bytes = b"",
    seconds: float = 0.0,
) -> Answer:
    fetch = PageFetch("https://api.example.com/items", origin, method, names, is_upload, more)
    return Answer.of(fetch, *headers, status=status, body=body, seconds=seconds)


def _opens(probe: Probe) -> tuple[Answer, Probe]:
    """
    Return the answer that opens a WebSocket for *probe*, and *probe*.
    """
    fetch = PageFetch("https://api.example.com/feed", probe.origin, is_handshake=True)
    opened = opening(WireRequest("GET", fetch.url))
    return Answer.of(fetch, *opened.headers, status=opened.status), probe


def _reads(rule: str, reach: Reach, origin: str, mistake: str, browsers: str = EVERY_BROWSER) -> tuple[Any, ...]:
    answer = _answer((ALLOW_ORIGIN, origin), _CREDENTIALS, ("Vary", "Origin"), origin=origin)
    return answer, Probe(rule, reach, origin, mistake, browsers)


def _ids(letter: str, first: int, last: int) -> frozenset[str]:
    return frozenset(f"CG-{letter}{number:03}" for number in range(first, last + 1))


_ROWS: Final = (
    Weakness(
        id="CG-A001",
        name="reflect-any",
        title="Any website may read",
        message=(
            "The server does not compare the name of the origin, so every page that a visitor opens can read the "
            "response."
        ),
        why=(
            "An attacker only needs a user to open a page. If credentials are allowed, the page reads the data of the "
            "logged-in user."
        ),
        instead=f'Compare the whole origin with a list: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header=_EXACT,
        policy='{policy}, or allow_origins="*" for what is public and needs no credentials',
        fix=_LIST,
        sign=signs.let_in,
        example=_reads("CG-A001", Reach.ANYONE, "https://0123abcd.example", "any origin is reflected"),
        is_general=True,
        subsumes=_ids("A", 2, 23) | {"CG-P003"},
    ),
    Weakness(
        id="CG-A002",
        name="null",
        title="The origin null may read",
        message="Any website gets the origin null if it uses a sandboxed frame.",
        why=(
            "An attacker puts a page into a sandboxed frame and reads what you share. If credentials are allowed, "
            "that is the data of logged-in users."
        ),
        instead='Remove `"null"` from `allow_origins` and `allow_unsafe_origins`.',
        header="Access-Control-Allow-Origin: never null",
        policy='leave "null" out of allow_origins and allow_unsafe_origins',
        sign=signs.let_in,
        example=_reads("CG-A002", Reach.ANYONE, "null", "null is trusted"),
    ),
    Weakness(
        id="CG-A003",
        name="prefix",
        title="Only the beginning of the origin is compared",
        message="A name that only begins like a trusted one is allowed, and anybody can register one.",
        why=(
            "An attacker registers such a name, such as `https://example.com.evil.example`, and reads what only your "
            "pages should read."
        ),
        instead=f'Compare the whole origin: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header=_EXACT,
        fix=_LIST,
        sign=signs.let_in,
        example=_reads(
            "CG-A003", Reach.REGISTRANT, "https://app.example.com.attacker.example", "the end is not compared"
        ),
        subsumes=frozenset({"CG-A007", "CG-A008", "CG-A013", "CG-A020", "CG-A023"}),
    ),
    Weakness(
        id="CG-A004",
        name="suffix",
        title="Only the end of the origin is compared",
        message="A name that only ends like a trusted one is allowed, because the comparison does not stop at a dot.",
        why="For `example.com`, an attacker registers `evilexample.com` and reads what only your pages should read.",
        instead='Compare whole labels: `allow_origins=["https://*.example.com"]`, or better, list each origin.',
        header=_EXACT,
        policy="{policy}, or a pattern with *., which stops at the dot",
        fix=_LIST,
        sign=signs.let_in,
        example=_reads("CG-A004", Reach.REGISTRANT, "https://attackerexample.com", "the beginning is not compared"),
        subsumes=frozenset({"CG-A007", "CG-A011", "CG-A012", "CG-A017", "CG-A020", "CG-A023"}),
    ),
    Weakness(
        id="CG-A005",
        name="contains",
        title="The trusted name is accepted anywhere in the origin",
        message="A name that contains a trusted one is allowed, and anybody can register one.",
        why="An attacker registers a name that contains yours and reads what only your pages should read.",
        instead=f'Compare the whole origin: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header=_EXACT,
        fix=_LIST,
        sign=signs.let_in,
        example=_reads(
            "CG-A005",
            Reach.REGISTRANT,
            "https://attackerapp.example.com.attacker.example",
            "the host may be anywhere in the origin",
        ),
        subsumes=_ids("A", 3, 4) | _ids("A", 6, 8) | _ids("A", 11, 15) | _ids("A", 17, 17) | {"CG-A020", "CG-A023"},
    ),
    Weakness(
        id="CG-A006",
        name="truncated",
        title="A part of a trusted origin is enough",
        message="A name that is only the beginning or a part of a trusted one is allowed.",
        why=(
            "For `https://example.com`, the shorter `https://example.co` is allowed. An attacker can register such a "
            "name and read what only your pages should read."
        ),
        instead=f'Write a list and compare whole entries: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header=_EXACT,
        policy="{policy}: a list of whole origins, not a text or a regular expression",
        fix=_LIST,
        sign=signs.let_in,
        example=_reads("CG-A006", Reach.REGISTRANT, "https://app.example.co", "a part of the origin is enough"),
        subsumes=frozenset({"CG-A020"}),
    ),
    Weakness(
        id="CG-A007",
        name="dot-unescaped",
        title="A dot or a hyphen of the trusted name is not compared",
        message=(
            "A name with another character in place of the dot, or without the dot or the hyphen, is allowed. Often "
            "the cause is a regular expression, or a pattern of Lua."
        ),
        why=(
            "For `api.example.com`, an attacker registers `apixexample.com` or `apiexample.com`, and reads what only "
            "your pages should read."
        ),
        instead=f'Compare text, not regular expressions: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header=_EXACT,
        policy="{policy}: patterns are not regular expressions",
        fix=_LIST,
        sign=signs.let_in,
        example=_reads("CG-A007", Reach.REGISTRANT, "https://appxexample.com", "a dot stands for any character"),
    ),
    Weakness(
        id="CG-A008",
        name="special-char",
        title="A special character ends the comparison",
        message=(
            "The part after an unusual character in a host is not compared, although browsers treat it as a part of "
            "the name."
        ),
        why=(
            "An attacker creates a host such as `example.com_.evil.example`. In browsers that accept this host, its "
            "page reads what only your pages should read."
        ),
        instead=f'Compare the whole origin: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header=_EXACT,
        fix=_LIST,
        sign=signs.let_in,
        example=_reads(
            "CG-A008", Reach.REGISTRANT, "https://app.example.com-.attacker.example", "- ends the comparison"
        ),
    ),
    Weakness(
        id="CG-A009",
        name="shared-hosting",
        title="Every name under a shared suffix may read",
        message="Anyone can have a name there, at a hosting service or from a registry.",
        why="An attacker creates a site there, which is often free, and reads what only your pages should read.",
        instead='Allow your own name there, in full: `allow_origins=["https://your-name.github.io"]`.',
        header="Access-Control-Allow-Origin: the exact origin of your own name there",
        policy="{policy}, exactly",
        fix=_LIST,
        sign=signs.let_in_under_suffix,
        example=_reads("CG-A009", Reach.REGISTRANT, "https://0123abcd.github.io", "shared hosting is trusted"),
    ),
    Weakness(
        id="CG-A010",
        name="wildcard-internal",
        title="A resource that only the network protects is shared with any website",
        message="Any external page that a user inside the network opens can read this.",
        why=(
            "The firewall does not help, because the visitor's browser is inside the network and gives the data to the "
            "attacker's page."
        ),
        instead=f'Require a login, and allow only your own pages: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header="no Access-Control-* headers, and authentication in front of the resource",
        policy="{policy}, and authentication in front of the resource",
        fix=_LIST,
        sign=signs.shared_inside,
        example=(_answer((ALLOW_ORIGIN, "*")),),
        severity=_HIGH,
        anonymous=_HIGH,
        subsumes=frozenset({"CG-E003"}),
    ),
    Weakness(
        id="CG-A011",
        name="insecure-scheme",
        title="An http origin may read what https protects",
        message="Anyone who controls the network can put a page there, and read as any visitor.",
        why=(
            "An attacker in the same Wi-Fi changes the http page. The changed page then reads what https should "
            "protect."
        ),
        instead=f'Allow only https origins: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header="Access-Control-Allow-Origin: https origins only",
        policy="{policy}, without the http:// entries",
        fix=_LIST,
        sign=signs.let_in_by_http,
        example=_reads("CG-A011", Reach.NETWORK, "http://app.example.com", "the scheme is not compared"),
        subsumes=frozenset({"CG-A017"}),
    ),
    Weakness(
        id="CG-A012",
        name="any-subdomain",
        title="Every subdomain may read",
        message="One forgotten or vulnerable subdomain is enough, and SameSite cookies are sent from there.",
        why=(
            "An attacker who controls one subdomain reads what you share. If credentials are allowed, that is the "
            "data of logged-in users."
        ),
        instead=(
            f'List the subdomains that need access: `allow_origins=["{EXAMPLE_ORIGIN}", "https://admin.example.com"]`.'
        ),
        header="Access-Control-Allow-Origin: the subdomains that need it, one by one",
        policy="{policy}, and each other subdomain that needs access, instead of a pattern with *",
        fix=_LIST,
        sign=signs.let_in,
        example=_reads(
            "CG-A012", Reach.NEIGHBOUR, "https://attacker.example.com", "every subdomain of the site is trusted"
        ),
    ),
    Weakness(
        id="CG-A013",
        name="any-port",
        title="Every port of a trusted host may read",
        message="Any other service on that host is trusted, too.",
        why="A weak service on another port of the host, such as a debug server, is enough to read what you share.",
        instead=f'Allow the port that you use: `allow_origins=["{EXAMPLE_ORIGIN}"]`, without `:*`.',
        header="Access-Control-Allow-Origin: the origin with its port",
        policy='{policy} instead of "{origin}:*"',
        fix=_LIST,
        sign=signs.let_in,
        example=_reads("CG-A013", Reach.NEIGHBOUR, "https://app.example.com:8443", "the port is not compared"),
    ),
    Weakness(
        id="CG-A014",
        name="localhost",
        title="Pages from localhost may read",
        message="This is for development. In production, any program on the visitor's machine can serve a page there.",
        why="A program on the user's machine, or another user of it, can read what you share with that user.",
        instead="Allow `http://localhost:3000` only in the development environment.",
        header="Access-Control-Allow-Origin: no loopback origin in production; in development, whole origins",
        policy="leave http://localhost:* to the development environment (Configuration has one list for each)",
        sign=signs.let_in,
        example=_reads("CG-A014", Reach.DEVICE, "http://localhost:3000", "loopback is trusted"),
    ),
    Weakness(
        id="CG-A015",
        name="private-ip-origin",
        title="Pages at IP addresses or local names may read",
        message=(
            "Which machine has a private address or a local name depends on the visitor's network. Anyone can rent a "
            "public address."
        ),
        why=(
            "In a café or a hotel, the address can belong to a machine of the attacker. Its page then reads what you "
            "share."
        ),
        instead=f'Allow names instead of addresses: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header="Access-Control-Allow-Origin: no IP address",
        policy="allow_origins with names instead of addresses",
        sign=signs.let_in,
        example=_reads("CG-A015", Reach.PLACE, "http://192.168.0.1", "a private address is trusted"),
    ),
    Weakness(
        id="CG-A016",
        name="sandbox-origin",
        title="A public playground may read",
        message="Anyone can run a script there.",
        why=(
            "An attacker publishes a script at the playground. When a user opens it, the script reads what you share "
            "with that user."
        ),
        instead="Remove the playground from `allow_origins`.",
        header="Access-Control-Allow-Origin: none of the public playgrounds",
        policy="leave it out of allow_origins",
        sign=signs.let_in,
        example=_reads("CG-A016", Reach.ANYONE, "https://codepen.io", "a public playground is trusted"),
    ),
    Weakness(
        id="CG-A017",
        name="exotic-scheme",
        title="Any extension or app may read",
        message=(
            "The scheme is not compared, every origin with that scheme is trusted, or all apps of one kind have that "
            "origin."
        ),
        why="Any extension or app that a user has installed can read what you share with that user.",
        instead=(
            'Allow the exact id: `allow_origins=["chrome-extension://your-extension-id"]`. Give an app a host name of '
            "its own."
        ),
        header="Access-Control-Allow-Origin: the exact origin of your own extension or app",
        policy="{policy}, exactly",
        fix=_LIST,
        sign=signs.let_in_by_scheme,
        example=_reads(
            "CG-A017",
            Reach.EXTENSION,
            "chrome-extension://abcdklmnabcdklmnabcdklmn",
            "any extension is trusted",
            "Chromium",
        ),
    ),
    Weakness(
        id="CG-A018",
        name="host-derived",
        title="The client chooses the trusted origin",
        message="The trusted origin is taken from another part of the request, which the client chooses.",
        why=("The server does not compare with its own list. A page that gets its own name into that part is allowed."),
        instead=f'Compare the origin with a list on the server: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header=_EXACT,
        fix=_LIST,
        sign=signs.let_in,
        example=_reads(
            "CG-A018", Reach.ANYONE, "https://0123abcd.com", "any origin is allowed if X-Forwarded-Host names it"
        ),
        is_general=True,
    ),
    Weakness(
        id="CG-A019",
        name="conditional-bypass",
        title="The origin is compared only for some requests",
        message="Not every request gets the same decision.",
        why=(
            "An attacker only has to send such a request, for example one with a cookie, or the same one again. If a "
            "page can do that, it reads the response."
        ),
        instead="Put one policy around the whole application: `CORSMiddleware(app, policy)`.",
        header="the same decision for every method, path, status and credential",
        policy="one Policy in a wrapper around the whole application",
        sign=signs.let_in,
        example=_reads(
            "CG-A019", Reach.ANYONE, "https://0123abcd.com", "any origin is allowed if a cookie comes with the request"
        ),
        is_general=True,
    ),
    Weakness(
        id="CG-A020",
        name="lax-parser",
        title="A text that only resembles a trusted origin is allowed",
        message=(
            "No page of a stranger can use this. But the comparison is not exact, and text from a client gets into the "
            "response headers."
        ),
        why=(
            "No user is in danger today. But the comparison is not exact, and an attacker's text can get into caches, "
            "logs and response headers."
        ),
        instead=f'Compare the origin byte for byte with a list: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header=_EXACT,
        fix=_LIST,
        sign=signs.let_in,
        example=_reads("CG-A020", Reach.NOBODY, "https://app.example.com.", "a trailing dot is dropped"),
    ),
    Weakness(
        id="CG-A021",
        name="trusted-third-party",
        title="A third party may read",
        message="The page's Content-Security-Policy names it, and the server lets it read.",
        why="If that third party is attacked, or if its name expires, somebody else can read what you share.",
        instead="Remove it from `allow_origins` if it only serves scripts or frames.",
        header="Access-Control-Allow-Origin: only third parties that have to read",
        policy="allow_origins without it, if it only serves scripts or frames",
        sign=signs.let_in,
        example=_reads("CG-A021", Reach.NEIGHBOUR, "https://cdn.partner.example", "a third party is trusted"),
    ),
    Weakness(
        id="CG-A022",
        name="any-top-level-domain",
        title="The name is trusted under other top-level domains",
        message="The end of the name is not compared exactly, and anybody can register the name under another ending.",
        why=(
            "For `example.com`, an attacker registers `example.bid` or `example.com.de` and reads what only your pages "
            "should read."
        ),
        instead=f'Write the names that you own in full: `allow_origins=["{EXAMPLE_ORIGIN}"]`.',
        header=_EXACT,
        fix=_LIST,
        sign=signs.let_in,
        example=_reads("CG-A022", Reach.REGISTRANT, "https://app.example.bid", "every top-level domain is trusted"),
        subsumes=frozenset({"CG-A006"}),
    ),
    Weakness(
        id="CG-A023",
        name="built-alike",
        title="Every name built like a trusted one may read",
        message=(
            "A part of the name is free, as for previews or tenants. At a hosting service, anybody can create such a "
            "name. On your own domain, anyone who can create a preview or a tenant can."
        ),
        why="An attacker creates such a site, such as `shop-evil.vercel.app`, and reads what only your pages should.",
        instead=(
            "List the deployments that need access, or put previews under a domain of your own: "
            '`"https://*.preview.example.com"`.'
        ),
        header="Access-Control-Allow-Origin: the exact origins of the deployments that need it",
        policy="{policy}; for previews, a domain of your own instead of a part of a name at a hosting service",
        fix=_LIST,
        sign=signs.let_in,
        example=_reads(
            "CG-A023",
            Reach.REGISTRANT,
            "https://shop-attacker.vercel.app",
            "every name with the same structure is trusted",
        ),
    ),
    Weakness(
        id="CG-B001",
        name="star-with-credentials",
        title="* is sent together with Allow-Credentials",
        message="Browsers refuse this, and the next attempt is often to allow any origin.",
        why="A page that sends cookies cannot read the response.",
        instead=(
            f'Write `allow_origins=["{EXAMPLE_ORIGIN}"], allow_credentials=True`, or `allow_origins="*"` without '
            "credentials."
        ),
        header="Access-Control-Allow-Origin: * without Allow-Credentials; or one origin, with it",
        policy='allow_origins="*"; or {policy}',
        fix=Fix(policy={"allow_origins": [EXAMPLE_ORIGIN], "allow_credentials": True}),
        sign=signs.star_with_credentials,
        subsumes=frozenset({"CG-P010"}),
        example=(_answer((ALLOW_ORIGIN, "*"), _CREDENTIALS),),
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Weakness(
        id="CG-B002",
        name="credentials-invalid",
        title="Allow-Credentials is not true",
        message="Browsers accept only the exact value `true`.",
        why="The browser blocks the response for a page that sends cookies, although the server seems to allow it.",
        instead="Send `Access-Control-Allow-Credentials: true`, or do not send the header.",
        header="{send}, or no such header",
        fix=Fix(send=(f"{ALLOW_CREDENTIALS}: true",), policy={"allow_credentials": True}),
        sign=signs.bad_credentials,
        example=(_answer(_GRANT, (ALLOW_CREDENTIALS, "True")),),
        severity=_LOW,
    ),
    Weakness(
        id="CG-B003",
        name="credentials-alone",
        title="Allow-Credentials is sent without Allow-Origin",
        message="It has no effect.",
        why=(
            "It does not give anybody access, but it often shows that origins are compared in one place and headers "
            "sent in another."
        ),
        instead="Send `Access-Control-Allow-Credentials` only together with `Access-Control-Allow-Origin`.",
        header="Access-Control-Allow-Credentials only together with Access-Control-Allow-Origin",
        policy="any Policy: corsguard sends both or none",
        sign=signs.credentials_alone,
        example=(_answer(_CREDENTIALS),),
        severity=_INFO,
        anonymous=_INFO,
    ),
    Weakness(
        id="CG-B004",
        name="allow-origin-multiple",
        title="Allow-Origin has more than one value",
        message="Browsers refuse it, so no page that gets it may read. Often two layers add the header.",
        why="Your own pages cannot read the response, although the server allows them.",
        instead="Set the header in one place only, the application or the proxy, and send one origin.",
        header="one Access-Control-Allow-Origin line with one origin, from one layer",
        policy="one Policy, and no other layer: corsguard replaces what an inner layer sets",
        sign=signs.several_origins,
        example=(_answer(_GRANT, _GRANT, _CREDENTIALS),),
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Weakness(
        id="CG-B005",
        name="allow-origin-invalid",
        title="Allow-Origin is not an origin",
        message=(
            "Browsers compare it byte by byte with the origin of the page. The two can never be equal, so no page that "
            "gets it may read."
        ),
        why="Your own pages cannot read the response, although the server seems to allow them.",
        instead=f"Send `Access-Control-Allow-Origin: {EXAMPLE_ORIGIN}`, without a path, a slash or a wildcard.",
        header="{send}, without path, slash, wildcard or quotes",
        fix=Fix(send=(f"{ALLOW_ORIGIN}: {{origin}}",), policy={"allow_origins": [EXAMPLE_ORIGIN]}),
        sign=signs.no_origin,
        example=(_answer((ALLOW_ORIGIN, f"{EXAMPLE_ORIGIN}/"), _CREDENTIALS),),
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Weakness(
        id="CG-B006",
        name="expose-sensitive",
        title="A sensitive response header is exposed",
        message="Pages of other origins can read it.",
        why="Such a header often carries a token. If an allowed page is attacked, the attacker can steal the token.",
        instead='Expose only what pages need: `expose_headers=["X-Total-Count"]`.',
        header="Access-Control-Expose-Headers: only what pages have to read",
        fix=Fix(policy={"expose_headers": ["X-Total-Count"]}),
        sign=signs.exposed,
        example=(_answer(_GRANT, _CREDENTIALS, (EXPOSE_HEADERS, "X-CSRF-Token")),),
        severity=_MEDIUM,
    ),
    Weakness(
        id="CG-B007",
        name="cookie-samesite-none",
        title="A cookie is sent from other sites too",
        message="With SameSite=None, every origin that may read with credentials can read as the visitor.",
        why=(
            "Then each mistake in the list of origins exposes the data of logged-in users, because the browser sends "
            "their cookie."
        ),
        instead=(
            "Send `SameSite=Lax` if no page on another site needs the cookie. A page on another site needs "
            "`SameSite=None`."
        ),
        header="Set-Cookie: ...; SameSite=Lax  (only if no page on another site needs the cookie)",
        policy="no Policy changes cookies",
        sign=signs.cookie_for_all_sites,
        example=(_answer(_GRANT, _CREDENTIALS, ("Set-Cookie", "sid=1; SameSite=None; Secure")),),
        severity=_INFO,
        anonymous=_INFO,
    ),
    Weakness(
        id="CG-P001",
        name="headers-reflected",
        title="Any request header is allowed",
        message=(
            "The preflight's answer repeats the names that the request asks for, also X-Forwarded-Host or a method "
            "override."
        ),
        why=(
            "A page of an allowed origin can send headers that your server trusts, and change what the server does or "
            "believes."
        ),
        instead='List the headers that pages need: `allow_headers=["Authorization", "Content-Type"]`.',
        header="Access-Control-Allow-Headers: the names that pages need",
        fix=Fix(policy={"allow_headers": ["Authorization", "Content-Type"]}),
        sign=signs.any_header,
        example=(_answer(_GRANT, (ALLOW_HEADERS, "x-0123abcd"), names=("x-0123abcd",)),),
        severity=_MEDIUM,
    ),
    Weakness(
        id="CG-P002",
        name="methods-reflected",
        title="Any method is allowed",
        message="The preflight's answer repeats the method that the request asks for.",
        why="A page of an allowed origin can send methods that you did not want to allow, such as DELETE.",
        instead='List the methods that pages need: `allow_methods=["GET", "HEAD", "POST", "PUT"]`.',
        fix=Fix(
            send=(f"{ALLOW_METHODS}: GET, HEAD, POST, PUT",), policy={"allow_methods": ["GET", "HEAD", "POST", "PUT"]}
        ),
        sign=signs.any_method,
        example=(_answer(_GRANT, (ALLOW_METHODS, "X0123ABCD"), method="X0123ABCD"),),
        severity=_MEDIUM,
    ),
    Weakness(
        id="CG-P003",
        name="preflight-mismatch",
        title="The preflight allows an origin that the response refuses",
        message="The browser sends the request, with all its effects, before the response refuses the page.",
        why="The request of a foreign page can change data, although the server refuses that page.",
        instead="Let one policy answer both the preflight and the request: `CORSMiddleware(app, policy)`.",
        header="the same Access-Control-Allow-Origin on the preflight's answer and on the response",
        policy="one Policy: corsguard answers both",
        sign=signs.granted_and_refused,
        example=(_answer(_GRANT, _CREDENTIALS, method="PUT"), _answer()),
        severity=_MEDIUM,
        anonymous=_LOW,
    ),
    Weakness(
        id="CG-P004",
        name="preflight-status",
        title="The preflight's status is not between 200 and 299",
        message="Browsers refuse every request that needs a preflight.",
        why="Your pages cannot send JSON, PUT, DELETE or an Authorization header.",
        instead=(
            "Answer preflights with 204, before authentication and redirects: `CORSMiddleware(app, policy)` outermost."
        ),
        header="204 to OPTIONS with Access-Control-Request-Method, before authentication, redirects and routing",
        policy="a Policy in the outermost wrapper: it answers preflights itself",
        sign=signs.bad_status,
        example=(_answer(is_upload=True, status=405), _answer(_GRANT)),
        severity=_LOW,
    ),
    Weakness(
        id="CG-P005",
        name="max-age",
        title="A preflight's answer is kept for too long",
        message=(
            "A permission that you have removed stays valid. Chromium keeps it for two hours at most, Firefox for a "
            "day."
        ),
        why=(
            "You remove an origin or a method, and browsers still allow it until their copy expires. You cannot clear "
            "that copy from the server."
        ),
        instead=f"Send `{MAX_AGE}: {CHROMIUM_MAX_AGE}`, or write `max_age={CHROMIUM_MAX_AGE}`.",
        fix=Fix(send=(f"{MAX_AGE}: {CHROMIUM_MAX_AGE}",), policy={"max_age": CHROMIUM_MAX_AGE}),
        sign=signs.kept_too_long,
        example=(_answer(_GRANT, (MAX_AGE, "31536000"), method="PUT"),),
        severity=_LOW,
    ),
    Weakness(
        id="CG-P006",
        name="private-network",
        title="Pages from the internet may enter the private network",
        message=(
            "Browsers now ask the user instead of reading Access-Control-Allow-Private-Network. A browser that still "
            "reads it lets the page in."
        ),
        why=(
            "In browsers that still obey it, a page from the internet can reach routers and other devices in the "
            "network of the visitor."
        ),
        instead="Remove `Access-Control-Allow-Private-Network` from the response.",
        header="no Access-Control-Allow-Private-Network",
        policy="any Policy: corsguard never sends it",
        sign=signs.private_network,
        browsers="Chromium before version 142",
        example=(_answer(_GRANT, ("Access-Control-Allow-Private-Network", "true"), method="PUT"), {EXAMPLE_ORIGIN}),
        severity=_HIGH,
        anonymous=_HIGH,
    ),
    Weakness(
        id="CG-P007",
        name="authorization-wildcard",
        title="* does not cover everything",
        message="The browser refuses a request with a method or a header that is not covered.",
        why="A page that sends cookies, or logs in with a bearer token, fails in browsers that follow the standard.",
        instead=(
            'Without credentials, write `allow_headers=["*", "Authorization"]`. With them, list methods and headers.'
        ),
        fix=Fix(send=(f"{ALLOW_HEADERS}: *, Authorization",), policy={"allow_headers": ["*", "Authorization"]}),
        sign=signs.star_is_a_name,
        example=(_answer(_GRANT, (ALLOW_HEADERS, "*"), names=("x-0123abcd",)),),
        severity=_INFO,
        anonymous=_INFO,
    ),
    Weakness(
        id="CG-P008",
        name="options-executes",
        title="A preflight runs the application",
        message="If a request is refused, the application has already done what the request asks for.",
        why=(
            "A foreign page can change data or cause work on the server by the preflight alone. The browser refuses "
            "the request too late."
        ),
        instead="Answer preflights before the application: `CORSMiddleware(app, policy)` outermost.",
        header="204 without a body to OPTIONS with Access-Control-Request-Method",
        policy="a Policy in the outermost wrapper: a preflight never reaches the application",
        sign=signs.executed,
        example=(_answer(_GRANT, (ALLOW_METHODS, "PUT"), method="PUT", body=b"[1, 2]"), _answer(body=b"[1, 2]")),
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Weakness(
        id="CG-P009",
        name="errors-not-shared",
        title="Errors are not shared",
        message='The browser reports "blocked by CORS policy", and the page does not see the status.',
        why=(
            "The page cannot distinguish an expired login from a server failure, and shows the user the wrong message."
        ),
        instead="Put the policy around everything, errors too: `CORSMiddleware(app, policy)` outermost.",
        header="the same headers on errors (nginx: add_header ... always)",
        policy="a Policy in the outermost wrapper covers errors",
        sign=signs.unshared_error,
        example=(_answer(status=401), _answer(_GRANT, method="PUT")),
        severity=_INFO,
        anonymous=_INFO,
    ),
    Weakness(
        id="CG-P010",
        name="preflight-credentials",
        title="Preflight and response disagree about credentials",
        message="A browser needs the permission of both.",
        why=(
            "If only the preflight allows cookies, the request runs as the logged-in user. If only the response does, "
            "your pages cannot send it."
        ),
        instead="Let one policy answer both the preflight and the request: `CORSMiddleware(app, policy)`.",
        header="the same Access-Control-Allow-Credentials on the preflight's answer and on the response",
        policy="one Policy: corsguard answers both",
        sign=signs.credentials_disputed,
        example=(
            _answer(_GRANT, _CREDENTIALS, (ALLOW_METHODS, "PUT"), method="PUT"),
            _answer(_GRANT),
            {"https://0123abcd.example"},
        ),
        severity=_MEDIUM,
        anonymous=_LOW,
    ),
    Weakness(
        id="CG-V001",
        name="vary-missing",
        title="Allow-Origin depends on the request, but Vary does not say so",
        message="A cache gives one origin the response for another, which is then refused or allowed by mistake.",
        why="Your pages fail for some users and work for others, and the failure goes away when the cache is empty.",
        instead="Send `Vary: Origin` on every response of the resource.",
        header=_ALWAYS,
        policy=_ANY_POLICY,
        fix=_VARY,
        sign=signs.no_vary,
        example=(_answer(_GRANT), [_answer(origin=None)]),
        severity=_MEDIUM,
        subsumes=frozenset({"CG-V002"}),
    ),
    Weakness(
        id="CG-V002",
        name="vary-conditional",
        title="Vary: Origin is not on every response",
        message="Anyone who puts a response without it into a cache can block allowed origins.",
        why="An attacker, or a normal visit without Origin, can make your pages fail for everyone who uses the cache.",
        instead="Send `Vary: Origin` on every response, also on errors and on requests without Origin.",
        header=_ALWAYS,
        policy=_ANY_POLICY,
        fix=_VARY,
        sign=signs.no_vary_for_others,
        example=(_answer(_GRANT, ("Vary", "Origin")), [_answer(origin=None)]),
        severity=_MEDIUM,
    ),
    Weakness(
        id="CG-V003",
        name="poison-confirmed",
        title="A cache gave one origin another's response",
        message="Anyone can block allowed origins, or allow others, as long as the cache keeps the response.",
        why=(
            "Users of your pages get failed requests, or a page of another origin reads a response that it should not "
            "get."
        ),
        instead="Send `Vary: Origin` on every response, and clear the cache.",
        header=_ALWAYS,
        policy=_ANY_POLICY,
        fix=_VARY,
        sign=signs.poisoned,
        example=(_answer(), _answer(origin=None), _answer(_GRANT)),
        severity=_HIGH,
        anonymous=_HIGH,
        is_asked_twice=True,
        subsumes=_ids("V", 1, 2),
    ),
    Weakness(
        id="CG-V004",
        name="preflight-cached",
        title="A cache answers preflights",
        message="The answer to one origin, method or header is given to another.",
        why="Your pages fail for some users, because they get the permission of another page.",
        instead=(
            "Do not cache OPTIONS, and send `Vary: Origin, Access-Control-Request-Method, "
            "Access-Control-Request-Headers`."
        ),
        header="{send}; no caching of OPTIONS",
        policy="any Policy: corsguard sends the three on every preflight's answer",
        fix=Fix(send=("Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers",)),
        sign=signs.cached_preflight,
        example=(_answer(_GRANT, ("Age", "7"), method="PUT"),),
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Weakness(
        id="CG-V005",
        name="vary-reflected",
        title="The request chooses Vary",
        message="Anyone can make a cache store useless or wrong copies.",
        why="The cache becomes slow or full, or users get a response that was made for somebody else.",
        instead="Send a `Vary` that does not depend on the request.",
        header="Vary: constant",
        policy=_ANY_POLICY,
        sign=signs.chosen_vary,
        example=(_answer(("Vary", "x-0123abcd"), more=(("Vary", "x-0123abcd"),)),),
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Weakness(
        id="CG-V006",
        name="header-in-cache",
        title="A request header that pages may send gets into a cacheable body",
        message="A page can put content of its choice into the visitor's cache.",
        why="When the user opens the page later, the stored copy can run a script of the attacker in your site.",
        instead="Remove the header from `allow_headers`, or send `Vary` with its name and escape the value.",
        header="Access-Control-Allow-Headers without it, or Vary with it; and escape what is put into the page",
        policy="allow_headers with the names that pages need",
        sign=signs.header_in_cache,
        example=(_answer(("Cache-Control", "public"), body=b"for mark", more=(("x-0123abcd", "mark"),)), "mark"),
        severity=_HIGH,
        anonymous=_HIGH,
    ),
    Weakness(
        id="CG-X001",
        name="header-injection",
        title="Origin can add response headers",
        message="A line end in Origin ends the header line of the response.",
        why="An attacker can set cookies, change a response, or put a false page into a cache that other users read.",
        instead=(
            "Validate Origin before you send it back. A policy never sends back an origin that it has not validated."
        ),
        header=_EXACT,
        policy="{policy}: only what has been validated is sent back",
        fix=_LIST,
        sign=signs.ended_line,
        example=(_answer(), "A line feed", "x-0123abcd", {"x-0123abcd"}),
        severity=_CRITICAL,
        anonymous=_CRITICAL,
        browsers=NO_BROWSER,
        is_asked_twice=True,
    ),
    Weakness(
        id="CG-X002",
        name="origin-5xx",
        title="Some values of Origin make the server fail",
        message="Anyone can cause the error, without logging in.",
        why="An attacker can fill the error log and cause alarms, and an error page can show how the server is built.",
        instead="Answer every other Origin, also `null` and an invalid one, like an origin that is not allowed.",
        header="answer every other Origin, also null and an invalid one, like an origin that is not allowed",
        policy="any Policy: corsguard never raises, whatever Origin contains",
        sign=signs.failed,
        example=(_answer(origin="https://[", status=500), _answer(origin="https://[", status=500), _answer()),
        severity=_MEDIUM,
        anonymous=_MEDIUM,
        browsers=NO_BROWSER,
        is_asked_twice=True,
    ),
    Weakness(
        id="CG-X003",
        name="request-headers-slow",
        title="A long list in Access-Control-Request-Headers takes the server a long time",
        message="Anyone can keep the server busy.",
        why="A few cheap requests can slow the server down for all users.",
        instead="Limit the length of the header that you read, or do not read it: a policy does not need it.",
        header="a bound on what is parsed",
        policy="any Policy: corsguard does not parse it on the request path",
        sign=signs.slow,
        example=(
            _answer(method="PUT", seconds=3),
            _answer(method="PUT", seconds=3),
            _answer(method="PUT", seconds=0.01),
        ),
        severity=_LOW,
        browsers=NO_BROWSER,
        is_asked_twice=True,
    ),
    Weakness(
        id="CG-E001",
        name="no-enforcement",
        title="A request from a foreign site was executed",
        message="CORS hides responses from pages. It does not block requests to the server.",
        why="A foreign page can change data as a logged-in user, even if it cannot read the response.",
        instead="Write `CORSMiddleware(app, policy, protection=CrossOriginProtection())`, or check a CSRF token.",
        header="403 to an unsafe request with Sec-Fetch-Site: cross-site, or a CSRF token; and SameSite cookies",
        policy="any Policy, with protection=CrossOriginProtection() next to it",
        sign=signs.carried_out,
        example=(_answer(method="POST"), _answer(method="POST", status=415)),
        severity=_MEDIUM,
        anonymous=_INFO,
        # No POST request is repeated.
        is_asked_twice=True,
    ),
    Weakness(
        id="CG-E002",
        name="websocket-origin",
        title="A WebSocket is opened for any origin",
        message="CORS does not cover WebSockets: the page reads and writes with the visitor's cookies.",
        why="A foreign page can read and send messages as a logged-in user.",
        instead="Compare `Origin` in the handshake, and answer 403 to an origin that is not trusted.",
        header=_REFUSE_HANDSHAKE,
        policy=_GUARDED_HANDSHAKE,
        fix=_LIST_WITH_CREDENTIALS,
        sign=signs.opened_socket,
        example=_opens(Probe("CG-E002", Reach.ANYONE, "https://0123abcd.com", "any origin is allowed")),
        severity=_HIGH,
        anonymous=_HIGH,
        is_general=True,
        subsumes=frozenset({"CG-E006"}),
    ),
    Weakness(
        id="CG-E003",
        name="dns-rebinding",
        title="Any Host is answered",
        message="A page whose name resolves to this server is same-origin, and CORS cannot prevent that.",
        why=(
            "An attacker lets a name resolve to your internal server. The visitor's browser then gives the attacker's "
            "page everything that the server answers."
        ),
        instead='Answer 400 to an unknown Host. In Django, write `ALLOWED_HOSTS = ["api.example.com"]`.',
        header="400 to a Host that is not yours",
        policy="no Policy looks at Host: set ALLOWED_HOSTS or server_name",
        sign=signs.any_host,
        example=(_answer(more=(("Host", "0123abcd.com"),)), _answer(origin=None)),
        severity=_HIGH,
        anonymous=_HIGH,
    ),
    Weakness(
        id="CG-E004",
        name="jsonp",
        title="The response can be loaded as a script",
        message="A callback in the query lets any website read, whatever CORS says.",
        why=(
            "If the response depends on cookies, any website can read the data of logged-in users with a script "
            "element."
        ),
        instead=(
            "Remove the callback parameter, and send JSON as `application/json` with `X-Content-Type-Options: nosniff`."
        ),
        header="no callback parameter; Content-Type: application/json; X-Content-Type-Options: nosniff",
        policy="{policy} instead of JSONP",
        fix=_LIST,
        sign=signs.script,
        example=(
            _answer(("Content-Type", "text/javascript"), body=b"c0123abcd0([1, 2])"),
            {"callback": "c0123abcd0"},
        ),
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Weakness(
        id="CG-E005",
        name="crossdomain-xml",
        title="crossdomain.xml opens the host to everyone",
        message="Old plug-ins and some native clients still obey it.",
        why="A client that still reads this file lets any website read your responses with the cookies of the user.",
        instead="Remove `/crossdomain.xml`.",
        header="404 for /crossdomain.xml",
        policy="no Policy: remove the file",
        sign=signs.open_to_plugins,
        browsers="none, but old plug-ins and some native clients",
        example=(_answer(body=b'<cross-domain-policy><allow-access-from domain="*"/></cross-domain-policy>'),),
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Weakness(
        id="CG-E006",
        name="websocket-comparison",
        title="A WebSocket is opened for origins that are not trusted",
        message="The server compares `Origin` wrongly, and CORS does not cover WebSockets.",
        why="Anyone who can use such an origin can read and send messages as a logged-in user.",
        instead="In the handshake, compare the whole `Origin` with a list, and answer 403 to all others.",
        header=_REFUSE_HANDSHAKE,
        policy=_GUARDED_HANDSHAKE,
        fix=_LIST_WITH_CREDENTIALS,
        sign=signs.opened_socket,
        example=_opens(Probe("CG-E006", Reach.ANYONE, "null", "null is trusted")),
        severity=_HIGH,
        anonymous=_HIGH,
    ),
    Weakness(
        id="CG-I001",
        name="resource-policy",
        title="Cross-Origin-Resource-Policy",
        message=(
            "This header prevents other sites from embedding the response; CORS does not. With same-site, other hosts "
            "of the site may embed it."
        ),
        why=(
            "Another site can load the response as an image or a script, and learn about it through side channels, "
            "such as Spectre. Or the opposite: other sites cannot load it, although everybody may read it."
        ),
        instead="Send `cross-origin` if everybody may read the response, otherwise `same-origin` or `same-site`.",
        header="{send}, once",
        policy="no Policy: set it in the application",
        fix=Fix(send=("Cross-Origin-Resource-Policy: same-origin",)),
        sign=signs.resource_policy,
        example=(_answer(_NOSNIFF, (_RESOURCE_POLICY, "same-origin, same-site")),),
        severity=_LOW,
    ),
    Weakness(
        id="CG-I002",
        name="opener-policy",
        title="Cross-Origin-Opener-Policy is absent",
        message="Pages that open this document keep a reference to its window.",
        why="A site that opens your page can watch its window, or navigate it to a false login page.",
        instead="Send `Cross-Origin-Opener-Policy: same-origin`.",
        policy="no Policy: Django's SecurityMiddleware sets it",
        fix=Fix(send=("Cross-Origin-Opener-Policy: same-origin",)),
        sign=signs.no_opener_policy,
        example=(_answer(_NOSNIFF, _SAME_SITE, ("Content-Type", "text/html")),),
        severity=_INFO,
        anonymous=_INFO,
    ),
    Weakness(
        id="CG-I006",
        name="timing-allow-origin",
        title="Any website may read the time and the size of the response",
        message="Sizes and times can show what a visitor sees.",
        why="A foreign page can guess from these numbers whether the user is logged in, or what a search has found.",
        instead=f"Send `Timing-Allow-Origin: {EXAMPLE_ORIGIN}`, or do not send the header.",
        header="{send}, or no such header",
        policy="no Policy: set it in the application",
        fix=Fix(send=("Timing-Allow-Origin: {origin}",)),
        sign=signs.shared_timing,
        example=(_answer(_NOSNIFF, _SAME_SITE, ("Timing-Allow-Origin", "*")),),
        severity=_LOW,
    ),
    Weakness(
        id="CG-I007",
        name="nosniff",
        title="X-Content-Type-Options is absent",
        message="Without it, a browser may treat the response as a script or an image.",
        why="A file that a user has uploaded may then run as a script of your site.",
        instead="Send `X-Content-Type-Options: nosniff`.",
        policy="no Policy: set it in the application",
        fix=Fix(send=("X-Content-Type-Options: nosniff",)),
        sign=signs.sniffed,
        example=(_answer(_SAME_SITE),),
        severity=_INFO,
        anonymous=_INFO,
    ),
)

RULES: Final[Mapping[str, Weakness]] = MappingProxyType({rule.id: rule for rule in _ROWS})
