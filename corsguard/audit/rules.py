"""
What an audit can find: one row for each fault, with its words and its fix, and how bad it is.

A fault that lets somebody read is as bad as it is easy to become that somebody, and as what can be read: with the
visitor's credentials, or without. Identifiers are stable: one is never reused. Nothing in this room sees a request.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from corsguard.names import CHROMIUM_MAX_AGE, EXAMPLE_ORIGIN


class Severity(IntEnum):
    """
    How bad a finding is; what is INFO is no fault.
    """

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        return self.name.lower()


class Reach(StrEnum):
    """
    Who can become an origin that is let in.
    """

    ANYONE = "E1"
    REGISTRANT = "E2"
    FEW_BROWSERS = "E2s"
    NETWORK = "E3"
    NEIGHBOUR = "E4"
    NOBODY = "E5"


WHO: Final[Mapping[Reach, str]] = MappingProxyType(
    {
        Reach.ANYONE: "anyone, from any page",
        Reach.REGISTRANT: "whoever registers the name",
        Reach.FEW_BROWSERS: "whoever registers the name, in some browsers only",
        Reach.NETWORK: "whoever controls the network, or a program on the visitor's device",
        Reach.NEIGHBOUR: "whoever takes over another host or service of the same owner",
        Reach.NOBODY: "no browser sends it; other clients may",
    }
)

# With credentials; without; and without, where the network itself is what keeps others out.
_BY_REACH: Final[Mapping[Reach, tuple[Severity, Severity, Severity]]] = MappingProxyType(
    {
        Reach.ANYONE: (Severity.CRITICAL, Severity.LOW, Severity.HIGH),
        Reach.REGISTRANT: (Severity.CRITICAL, Severity.LOW, Severity.HIGH),
        Reach.FEW_BROWSERS: (Severity.HIGH, Severity.LOW, Severity.HIGH),
        Reach.NETWORK: (Severity.HIGH, Severity.LOW, Severity.HIGH),
        Reach.NEIGHBOUR: (Severity.MEDIUM, Severity.INFO, Severity.MEDIUM),
        Reach.NOBODY: (Severity.INFO, Severity.INFO, Severity.INFO),
    }
)


def severity_of(reach: Reach, *, with_credentials: bool, is_internal: bool) -> Severity:
    """
    Return how bad it is that *reach* can read.
    """
    credentialed, public, internal = _BY_REACH[reach]
    return credentialed if with_credentials else internal if is_internal else public


class Rule(NamedTuple):
    """
    One fault: its *title*, what it means in a sentence, and what to change, as response headers and as a Policy.

    *severity* is what it is with credentials and *anonymous* what it is without, for faults that no Reach measures.
    *subsumes* are the rules whose probes find the same fault once more.
    """

    id: str
    name: str
    title: str
    message: str
    header: str
    policy: str
    severity: Severity = Severity.CRITICAL
    anonymous: Severity = Severity.LOW
    subsumes: frozenset[str] = frozenset()


_INFO, _LOW, _MEDIUM, _HIGH = Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH
_CRITICAL: Final = Severity.CRITICAL

_EXACT: Final = "Access-Control-Allow-Origin: the request's Origin if it equals an entry of a list; Vary: Origin always"
_LIST: Final = f'allow_origins=["{EXAMPLE_ORIGIN}"]'
_VARY: Final = "Vary: Origin on every response of the resource: allowed, refused, without Origin, errors"
_ANY_POLICY: Final = "any Policy: corsguard sends it on every response of a listed policy"


def _ids(letter: str, first: int, last: int) -> frozenset[str]:
    return frozenset(f"CG-{letter}{number:03}" for number in range(first, last + 1))


_ROWS: Final = (
    Rule(
        "CG-A001",
        "reflect-any",
        "Any website may read",
        "Whatever stands in Origin is allowed, so that every page a visitor opens can read what this visitor can.",
        _EXACT,
        f'{_LIST}, or allow_origins="*" for what is public and needs no credentials',
        subsumes=_ids("A", 2, 21) | {"CG-P003"},
    ),
    Rule(
        "CG-A002",
        "null",
        "The origin null may read",
        "Any website gets the origin null by a sandboxed frame.",
        "Access-Control-Allow-Origin: never null",
        'leave "null" out of allow_origins and allow_unsafe_origins',
    ),
    Rule(
        "CG-A003",
        "prefix",
        "Only the beginning of the origin is compared",
        "A name that merely begins like a trusted one is let in, and anybody can register one.",
        _EXACT,
        _LIST,
        subsumes=frozenset({"CG-A008", "CG-A013", "CG-A020"}),
    ),
    Rule(
        "CG-A004",
        "suffix",
        "Only the end of the origin is compared",
        "A name that merely ends like a trusted one is let in: the comparison does not stop at a dot.",
        _EXACT,
        f'{_LIST}, or allow_origins=["https://*.example.com"], which stops at the dot',
        subsumes=frozenset({"CG-A007", "CG-A011", "CG-A012", "CG-A017", "CG-A020"}),
    ),
    Rule(
        "CG-A005",
        "contains",
        "The trusted name is looked for anywhere in the origin",
        "A name that has a trusted one somewhere in it is let in, and anybody can register one.",
        _EXACT,
        _LIST,
        subsumes=_ids("A", 3, 4) | _ids("A", 6, 8) | _ids("A", 11, 15) | _ids("A", 17, 17) | {"CG-A020"},
    ),
    Rule(
        "CG-A006",
        "truncated",
        "A part of a trusted origin is enough",
        "The comparison is the wrong way round, or the list is one string that is searched.",
        _EXACT,
        f"{_LIST}: a list, not a string",
        subsumes=frozenset({"CG-A020"}),
    ),
    Rule(
        "CG-A007",
        "dot-unescaped",
        "A dot in a pattern stands for any character",
        "The trusted name is used as a regular expression, so that a name without that dot is let in.",
        _EXACT,
        f"{_LIST}: patterns are no regular expressions",
    ),
    Rule(
        "CG-A008",
        "special-char",
        "A special character ends the comparison",
        "What follows an unusual character in a host is not compared, though browsers take it for a part of the name.",
        _EXACT,
        _LIST,
    ),
    Rule(
        "CG-A009",
        "shared-hosting",
        "Everybody's names at a hosting service may read",
        "Anyone can have a name there.",
        "Access-Control-Allow-Origin: the exact origin of your own name there",
        'allow_origins=["https://your-name.github.io"], exactly',
    ),
    Rule(
        "CG-A010",
        "wildcard-internal",
        "What only the network protects is shared with any website",
        "Any page that somebody inside the network opens can read this, from outside.",
        "no Access-Control-* headers, and authentication in front of the resource",
        f"{_LIST}, and authentication in front of the resource",
        severity=_HIGH,
        anonymous=_HIGH,
        subsumes=frozenset({"CG-E003"}),
    ),
    Rule(
        "CG-A011",
        "insecure-scheme",
        "An http origin may read what https protects",
        "Whoever controls the network can put a page there, and read as any visitor.",
        "Access-Control-Allow-Origin: https origins only",
        f'allow_origins=["{EXAMPLE_ORIGIN}"], without the http:// entries',
        subsumes=frozenset({"CG-A017"}),
    ),
    Rule(
        "CG-A012",
        "any-subdomain",
        "Every subdomain may read",
        "One forgotten or vulnerable subdomain is enough, and SameSite cookies are sent from there.",
        "Access-Control-Allow-Origin: the subdomains that need it, one by one",
        f'allow_origins=["{EXAMPLE_ORIGIN}", "https://admin.example.com"] instead of "https://*.example.com"',
    ),
    Rule(
        "CG-A013",
        "any-port",
        "Every port of a trusted host may read",
        "Any other service on that host is trusted with it.",
        "Access-Control-Allow-Origin: the origin with its port",
        f'allow_origins=["{EXAMPLE_ORIGIN}"] instead of "{EXAMPLE_ORIGIN}:*"',
    ),
    Rule(
        "CG-A014",
        "localhost",
        "Pages from localhost may read",
        "It is for development; in production any program on the visitor's machine can serve a page there.",
        "Access-Control-Allow-Origin: no loopback origin in production",
        "leave http://localhost:* to the development environment (Configuration has one list for each)",
    ),
    Rule(
        "CG-A015",
        "private-ip-origin",
        "Pages from private addresses may read",
        "Which machine has that address depends on the network the visitor is in.",
        "Access-Control-Allow-Origin: no private address",
        "allow_origins with names instead of addresses",
    ),
    Rule(
        "CG-A016",
        "sandbox-origin",
        "A public playground may read",
        "Anyone can run a script there.",
        "Access-Control-Allow-Origin: none of the public playgrounds",
        "leave it out of allow_origins",
    ),
    Rule(
        "CG-A017",
        "exotic-scheme",
        "Any extension or app may read",
        "The scheme is not compared, or whatever has it is trusted.",
        "Access-Control-Allow-Origin: the exact chrome-extension://your-extension-id",
        'allow_origins=["chrome-extension://your-extension-id"], exactly',
    ),
    Rule(
        "CG-A018",
        "host-derived",
        "The client says who is trusted",
        "The trusted origin is made of another request header, which the client chooses.",
        _EXACT,
        _LIST,
    ),
    Rule(
        "CG-A019",
        "conditional-bypass",
        "Under some conditions any website may read",
        "The origin is compared only for some requests.",
        "the same decision for every method, path, status and credential",
        "one Policy in a wrapper around the whole application",
    ),
    Rule(
        "CG-A020",
        "lax-parser",
        "What is no origin is taken for one",
        "No browser sends this, so that no page can use it; but a client's bytes reach the response headers.",
        _EXACT,
        _LIST,
    ),
    Rule(
        "CG-A021",
        "trusted-third-party",
        "A third party may read",
        "The page's Content-Security-Policy names it, and the server trusts it.",
        "Access-Control-Allow-Origin: only third parties that have to read",
        "allow_origins without it, if it only serves scripts or frames",
    ),
    Rule(
        "CG-B001",
        "star-with-credentials",
        "* is sent together with Allow-Credentials",
        "Browsers refuse this, and the next attempt to make it work is often to reflect any origin.",
        "Access-Control-Allow-Origin: * without Allow-Credentials; or one origin, with it",
        f'allow_origins="*"; or {_LIST}, allow_credentials=True',
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Rule(
        "CG-B002",
        "credentials-invalid",
        "Allow-Credentials is not true",
        "Nothing but the four letters true counts.",
        "Access-Control-Allow-Credentials: true, or no such header",
        "allow_credentials=True",
        severity=_LOW,
    ),
    Rule(
        "CG-B003",
        "credentials-alone",
        "Allow-Credentials stands without Allow-Origin",
        "It has no effect.",
        "Access-Control-Allow-Credentials only beside Access-Control-Allow-Origin",
        "any Policy: corsguard sends both or none",
        severity=_INFO,
        anonymous=_INFO,
    ),
    Rule(
        "CG-B004",
        "allow-origin-multiple",
        "Allow-Origin has more than one value",
        "Browsers refuse it, so that nobody may read. Often two layers add the header.",
        "one Access-Control-Allow-Origin line with one origin, from one layer",
        "one Policy, and no other layer: corsguard replaces what an inner layer sets",
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Rule(
        "CG-B005",
        "allow-origin-invalid",
        "Allow-Origin is no origin",
        "Browsers compare it byte by byte with an origin, which it can never equal, so that nobody may read.",
        f"Access-Control-Allow-Origin: {EXAMPLE_ORIGIN}, without path, slash, wildcard or quotes",
        _LIST,
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Rule(
        "CG-B006",
        "expose-sensitive",
        "A sensitive response header is exposed",
        "Pages of other origins can read it.",
        "Access-Control-Expose-Headers: only what pages have to read",
        'expose_headers=["X-Total-Count"]',
        severity=_MEDIUM,
    ),
    Rule(
        "CG-B007",
        "cookie-samesite-none",
        "A cookie is sent from other sites too",
        "SameSite=None makes every origin that may read with credentials read as the visitor.",
        "Set-Cookie: ...; SameSite=Lax",
        "no Policy changes cookies",
        severity=_INFO,
        anonymous=_INFO,
    ),
    Rule(
        "CG-P001",
        "headers-reflected",
        "Any request header is allowed",
        "The preflight's answer repeats the names that were asked for: X-Forwarded-Host or a method override, too.",
        "Access-Control-Allow-Headers: the names that pages need",
        'allow_headers=["Authorization", "Content-Type"]',
        severity=_MEDIUM,
    ),
    Rule(
        "CG-P002",
        "methods-reflected",
        "Any method is allowed",
        "The preflight's answer repeats the method that was asked for.",
        "Access-Control-Allow-Methods: GET, HEAD, POST, PUT",
        'allow_methods=["GET", "HEAD", "POST", "PUT"]',
        severity=_MEDIUM,
    ),
    Rule(
        "CG-P003",
        "preflight-mismatch",
        "The preflight allows an origin that the response refuses",
        "The browser sends the request, with all its effects, and only then keeps the response from the page.",
        "the same Access-Control-Allow-Origin on the preflight's answer and on the response",
        "one Policy: corsguard answers both",
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Rule(
        "CG-P004",
        "preflight-status",
        "The preflight is not answered with 200 to 299",
        "Browsers refuse every request that needs a preflight.",
        "204 to OPTIONS with Access-Control-Request-Method, before authentication, redirects and routing",
        "a Policy in the outermost wrapper: it answers preflights itself",
        severity=_LOW,
    ),
    Rule(
        "CG-P005",
        "max-age",
        "A preflight's answer is kept for too long",
        "A permission that was withdrawn lives on; Chromium keeps it for two hours at most, Firefox for a day.",
        f"Access-Control-Max-Age: {CHROMIUM_MAX_AGE}",
        f"max_age={CHROMIUM_MAX_AGE}",
        severity=_LOW,
    ),
    Rule(
        "CG-P006",
        "private-network",
        "Pages from the internet may enter the private network",
        "Access-Control-Allow-Private-Network has been superseded by a question to the user, but is an open door where "
        "it is still heeded.",
        "no Access-Control-Allow-Private-Network",
        "any Policy: corsguard never sends it",
        severity=_HIGH,
        anonymous=_HIGH,
    ),
    Rule(
        "CG-P007",
        "authorization-wildcard",
        "* does not cover Authorization",
        "A page that sends Authorization is refused.",
        "Access-Control-Allow-Headers: *, Authorization",
        'allow_headers=["*", "Authorization"]',
        severity=_INFO,
        anonymous=_INFO,
    ),
    Rule(
        "CG-P008",
        "options-executes",
        "A preflight runs the application",
        "Whoever is refused has already caused what the request does.",
        "204 without a body to OPTIONS with Access-Control-Request-Method",
        "a Policy in the outermost wrapper: a preflight never reaches the application",
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Rule(
        "CG-P009",
        "errors-not-shared",
        "Errors are not shared",
        'The page is told "blocked by CORS policy" where it should see the status.',
        "the same headers on errors (nginx: add_header ... always)",
        "a Policy in the outermost wrapper covers errors",
        severity=_INFO,
        anonymous=_INFO,
    ),
    Rule(
        "CG-V001",
        "vary-missing",
        "Allow-Origin depends on the request, and Vary does not say so",
        "A cache gives one origin the response that was meant for another, so that it is refused, or let in.",
        _VARY,
        _ANY_POLICY,
        severity=_MEDIUM,
        subsumes=frozenset({"CG-V002"}),
    ),
    Rule(
        "CG-V002",
        "vary-conditional",
        "Vary: Origin is not on every response",
        "Whoever fills a cache with the response that lacks it keeps allowed origins out.",
        _VARY,
        _ANY_POLICY,
        severity=_MEDIUM,
    ),
    Rule(
        "CG-V003",
        "poison-confirmed",
        "A cache gave one origin another's response",
        "Anyone can keep allowed origins out, or let others in, for as long as the cache keeps it.",
        _VARY,
        _ANY_POLICY,
        severity=_HIGH,
        anonymous=_HIGH,
        subsumes=_ids("V", 1, 2),
    ),
    Rule(
        "CG-V004",
        "preflight-cached",
        "A cache answers preflights",
        "The answer to one origin, method or header is given to another.",
        "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers; no caching of OPTIONS",
        "any Policy: corsguard sends the three on every preflight's answer",
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Rule(
        "CG-V005",
        "vary-reflected",
        "The request chooses Vary",
        "Anyone can make a cache keep useless copies, or a wrong one.",
        "Vary: constant",
        _ANY_POLICY,
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Rule(
        "CG-V006",
        "header-in-cache",
        "A request header that pages may send gets into a cacheable body",
        "A page can fill the visitor's cache with content of its choice.",
        "Access-Control-Allow-Headers without it, or Vary with it; and escape what is put into the page",
        "allow_headers with the names that pages need",
        severity=_HIGH,
        anonymous=_HIGH,
    ),
    Rule(
        "CG-X001",
        "header-injection",
        "Origin can add response headers",
        "A line end in Origin ends the header line of the response.",
        _EXACT,
        f"{_LIST}: nothing is echoed that has not been validated",
        severity=_CRITICAL,
        anonymous=_CRITICAL,
    ),
    Rule(
        "CG-X002",
        "origin-5xx",
        "A malformed Origin makes the server fail",
        "Anyone can cause the error, without logging in.",
        "what is no origin is answered like an origin that is not allowed",
        "any Policy: corsguard never raises, whatever Origin holds",
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Rule(
        "CG-X003",
        "request-headers-slow",
        "A long list in Access-Control-Request-Headers costs the server much time",
        "Anyone can keep it busy.",
        "a bound on what is parsed",
        "any Policy: corsguard does not parse it on the request path",
        severity=_LOW,
    ),
    Rule(
        "CG-E001",
        "no-enforcement",
        "A request from a foreign site was carried out",
        "CORS keeps responses from pages; it does not keep requests from the server.",
        "a CSRF token, SameSite cookies, or a look at Sec-Fetch-Site",
        "no Policy stops requests",
        severity=_INFO,
        anonymous=_INFO,
    ),
    Rule(
        "CG-E002",
        "websocket-origin",
        "A WebSocket is opened for any origin",
        "CORS does not cover WebSockets: the page reads and writes with the visitor's cookies.",
        "403 to an Upgrade whose Origin is not trusted",
        "no Policy covers WebSockets: compare Origin in the handler",
        severity=_HIGH,
        anonymous=_HIGH,
    ),
    Rule(
        "CG-E003",
        "dns-rebinding",
        "Any Host is answered",
        "A page whose name is made to point here is same-origin, which CORS cannot prevent.",
        "400 to a Host that is not yours",
        "no Policy looks at Host: set ALLOWED_HOSTS or server_name",
        severity=_HIGH,
        anonymous=_HIGH,
    ),
    Rule(
        "CG-E004",
        "jsonp",
        "The response can be loaded as a script",
        "A callback in the query lets any website read, whatever CORS says.",
        "no callback parameter; Content-Type: application/json; X-Content-Type-Options: nosniff",
        f"{_LIST} instead of JSONP",
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Rule(
        "CG-E005",
        "crossdomain-xml",
        "crossdomain.xml opens the host to everybody",
        "Old plug-ins and some native clients still heed it.",
        "404 for /crossdomain.xml",
        "no Policy: remove the file",
        severity=_MEDIUM,
        anonymous=_MEDIUM,
    ),
    Rule(
        "CG-I001",
        "resource-policy",
        "Cross-Origin-Resource-Policy",
        "It keeps other sites from embedding the response; CORS does not.",
        "Cross-Origin-Resource-Policy: same-site, once",
        "no Policy: set it in the application",
        severity=_LOW,
    ),
    Rule(
        "CG-I002",
        "opener-policy",
        "Cross-Origin-Opener-Policy is absent",
        "Pages that open this document keep a reference to its window.",
        "Cross-Origin-Opener-Policy: same-origin",
        "no Policy: Django's SecurityMiddleware sets it",
        severity=_INFO,
        anonymous=_INFO,
    ),
    Rule(
        "CG-I006",
        "timing-allow-origin",
        "Any website may read how long and how large the response was",
        "Sizes and times tell what a visitor sees.",
        f"Timing-Allow-Origin: {EXAMPLE_ORIGIN}, or no such header",
        "no Policy: set it in the application",
        severity=_LOW,
    ),
    Rule(
        "CG-I007",
        "nosniff",
        "X-Content-Type-Options is absent",
        "Without it a browser may take the response for a script or an image.",
        "X-Content-Type-Options: nosniff",
        "no Policy: set it in the application",
        severity=_INFO,
        anonymous=_INFO,
    ),
)

RULES: Final[Mapping[str, Rule]] = MappingProxyType({rule.id: rule for rule in _ROWS})
