"""
Comparisons that let in names which another person can own. Each has one free part of a name. The remarks about them are
here too.

Next to each kind of fault there is a server that only looks like it.
"""

import re
from urllib.parse import parse_qs

from .handmade import (
    ALLOWED,
    CREDENTIALS,
    METHODS,
    SECURE_TRUSTED,
    TRUSTED,
    VARY,
    adding,
    allow_origin,
    answering,
    is_preflight,
    items,
    lines_for,
    trusting,
)
from .samples import ORIGIN, SECURE_ORIGIN, SECURE_STRANGER, SITE, STRANGER, attacked, fails, reads, refused

_TENANT = f"http://acme.app.{SITE}"
_BUILT = f"http://acme-app.{SITE}"
_VERCEL = "https://shop-git-main.vercel.app"
_NETLIFY = "https://deploy-preview-5--shop.netlify.app"
_NUMBERED = f"http://tenant42.app.{SITE}"
_RANDOM = "https://shop-a1b2c3d4e-acme.vercel.app"
_BRANCH = "https://main.d1abcdefghij.amplifyapp.com"
_STORAGE = "https://acmeassets.z6.web.core.windows.net"
_CODESPACE = "https://bold-cat-3000.app.github.dev"
_PORT = f"{ORIGIN}:3000"
_LONG_PORT = f"{ORIGIN}:8443"


def _by(origin):
    """
    A fetch by a page of *origin*, with the user's cookies, which may read the response.
    """
    return reads(f"{origin}/", credentials="include")


@trusting(
    "The top-level domain is a pattern, so anyone can register the name under another one.",
    TRUSTED,
    attacked("http://app.lab.bid/"),
    refused(),
    finds=["CG-A022"],
)
def any_top_level_domain(origin):
    return re.fullmatch(r"http://app\.lab\.[a-z]{2,7}", origin)


@trusting(
    "A site has its name under two top-level domains, and lists both.",
    TRUSTED,
    _by("http://app.lab.com"),
    refused("http://app.lab.bid/"),
    kind="safe",
)
def two_top_level_domains(origin):
    return origin in [*ALLOWED, "http://app.lab.com", "http://app.lab.net"]


@trusting(
    "Every tenant of the application is trusted, and tenants do not trust each other.",
    _by(_TENANT),
    attacked("http://globex.app.lab.example/"),
    refused(),
    finds=["CG-A012"],
    origin=_TENANT,
)
def tenants_trusted(origin):
    return re.fullmatch(r"http://[a-z0-9-]+\.app\.lab\.example", origin)


@trusting(
    "Tenants are one part of a label, and every tenant is trusted.",
    _by(_BUILT),
    attacked("http://globex-app.lab.example/"),
    refused(),
    finds=["CG-A023"],
    origin=_BUILT,
)
def tenants_in_a_label(origin):
    return re.fullmatch(r"http://[a-z0-9]+-app\.lab\.example", origin)


@trusting(
    "Every preview at Vercel is trusted that begins like the project. Previews of other people can begin like that.",
    _by(_VERCEL),
    attacked("https://shop-of-strangers.vercel.app/"),
    refused(SECURE_STRANGER),
    finds=["CG-A023"],
    origin=_VERCEL,
)
def previews_that_begin_alike(origin):
    return re.fullmatch(r"https://shop-[a-z0-9-]+\.vercel\.app", origin)


@trusting(
    "Every preview at Netlify is trusted that ends like the site.",
    _by(_NETLIFY),
    attacked("https://strangers--shop.netlify.app/"),
    refused(SECURE_STRANGER),
    finds=["CG-A023"],
    origin=_NETLIFY,
)
def previews_that_end_alike(origin):
    return re.fullmatch(r"https://[a-z0-9-]+--shop\.netlify\.app", origin)


@trusting(
    "Tenants have numbers, and every number is trusted.",
    _by(_NUMBERED),
    attacked("http://tenant7.app.lab.example/"),
    finds=["CG-A023"],
    origin=_NUMBERED,
)
def tenants_with_numbers(origin):
    return re.fullmatch(r"http://tenant\d+\.app\.lab\.example", origin)


@trusting(
    "Nine random characters in the middle of a name are free, and nothing else fits there.",
    _by(_RANDOM),
    attacked("https://shop-000000000-acme.vercel.app/"),
    finds=["CG-A023"],
    origin=_RANDOM,
)
def previews_with_random_parts(origin):
    return re.fullmatch(r"https://shop-[a-z0-9]{9}-acme\.vercel\.app", origin)


@trusting(
    "The name below the branch is free, and it is the one that anyone can have.",
    _by(_BRANCH),
    attacked("https://main.d2abcdefghij.amplifyapp.com/"),
    finds=["CG-A023"],
    origin=_BRANCH,
)
def branches_of_anyone(origin):
    return re.fullmatch(r"https://main\.[a-z0-9]+\.amplifyapp\.com", origin)


@trusting(
    "Every storage account is trusted, in every zone of a service that only our own list has.",
    _by(_STORAGE),
    attacked("https://stranger.z6.web.core.windows.net/"),
    finds=["CG-A009"],
    origin=_STORAGE,
)
def storage_shared(origin):
    return re.fullmatch(r"https://[a-z0-9]+\.z\d+\.web\.core\.windows\.net", origin)


@trusting(
    "Every codespace is trusted, and anyone can have one.",
    _by(_CODESPACE),
    attacked("https://stranger-3000.app.github.dev/"),
    finds=["CG-A023"],
    origin=_CODESPACE,
)
def codespaces_trusted(origin):
    return re.fullmatch(r"https://[a-z0-9-]+-3000\.app\.github\.dev", origin)


@trusting(
    "The country is a pattern, so anyone can register the name in another country.",
    TRUSTED,
    attacked("http://app.lab.co.nz/"),
    finds=["CG-A022"],
)
def any_country(origin):
    return re.fullmatch(r"http://app\.lab\.(example|co\.[a-z]{2})", origin)


@trusting(
    "Two of the tenants with numbers are listed.",
    _by(_NUMBERED),
    kind="safe",
    origin=_NUMBERED,
)
def two_tenants(origin):
    return origin in {_NUMBERED, "http://tenant45.app.lab.example"}


@trusting(
    "One preview is listed by its whole name.",
    _by(_VERCEL),
    refused("https://shop-of-strangers.vercel.app/"),
    kind="safe",
    origin=_VERCEL,
)
def one_preview(origin):
    return origin == _VERCEL


@trusting(
    "Every project of a hosting service is trusted whose name is only on our own list.",
    SECURE_TRUSTED,
    attacked("https://stranger.up.railway.app/"),
    refused(SECURE_STRANGER),
    finds=["CG-A009"],
    origin=SECURE_ORIGIN,
)
def railway_shared(origin):
    return origin == SECURE_ORIGIN or re.fullmatch(r"https://[a-z0-9-]+\.up\.railway\.app", origin)


@trusting(
    "Every project of a hosting service that has servers is trusted.",
    SECURE_TRUSTED,
    attacked("https://stranger.onrender.com/"),
    refused(SECURE_STRANGER),
    finds=["CG-A009"],
    origin=SECURE_ORIGIN,
)
def render_shared(origin):
    return origin == SECURE_ORIGIN or re.fullmatch(r"https://[a-z0-9-]+\.onrender\.com", origin)


@trusting(
    "Only the beginning of the port is compared, so another service of the host is let in.",
    _by(_PORT),
    attacked(f"{_PORT}0/"),
    refused(),
    finds=["CG-A013"],
    origin=_PORT,
)
def port_begins_alike(origin):
    return origin.startswith(_PORT)


@trusting(
    "Only the beginning is compared, but no other port begins with 8443, and nothing follows a port.",
    _by(_LONG_PORT),
    refused(),
    kind="safe",
    origin=_LONG_PORT,
)
def port_ends_the_name(origin):
    return origin.startswith(_LONG_PORT)


@trusting(
    "The end of a host below the site is compared, so http is let in, and neighbours are.",
    SECURE_TRUSTED,
    attacked("https://stranger-app.lab.example/"),
    finds=["CG-A004", "CG-A011"],
    origin=SECURE_ORIGIN,
)
def end_of_a_host(origin):
    return origin.endswith("app.lab.example")


@trusting(
    "A page is on another port of the server's own host, and both are compared.",
    _by("http://own-host.lab.example:3000"),
    kind="safe",
    origin="http://own-host.lab.example:3000",
)
def own_host(origin):
    return origin == "http://own-host.lab.example:3000"


@trusting(
    "A pattern for subdomains has no end, and the site itself is not one of them.",
    _by("http://www.lab.example"),
    attacked("http://www.lab.example.stranger.example/"),
    refused("http://lab.example/"),
    finds=["CG-A003", "CG-A012"],
    origin=f"http://{SITE}",
)
def subdomains_without_an_end(origin):
    return re.match(r"^http://.+\.lab\.example", origin)


@trusting("Every extension of Firefox is trusted.", TRUSTED, refused(), finds=["CG-A017"])
def firefox_extensions_trusted(origin):
    return origin in ALLOWED or origin.startswith("moz-extension://")


@trusting("Every extension of Chromium is trusted, if its identifier has the right form.", TRUSTED, finds=["CG-A017"])
def identifiers_of_extensions(origin):
    return origin in ALLOWED or re.fullmatch(r"chrome-extension://[a-p]{32}", origin)


@trusting("Every identifier of the form of Firefox is trusted.", TRUSTED, finds=["CG-A017"])
def random_identifiers(origin):
    return origin in ALLOWED or re.fullmatch(r"moz-extension://[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", origin)


@trusting("Every panel of an editor is trusted.", TRUSTED, finds=["CG-A017"])
def panels_trusted(origin):
    return origin in ALLOWED or origin.startswith("vscode-webview://")


@trusting(
    "The server of another tool for development is listed.",
    TRUSTED,
    attacked("http://localhost:4200/"),
    finds=["CG-A014"],
)
def another_port_listed(origin):
    return origin in [*ALLOWED, "http://localhost:4200", "https://localhost:5173"]


@trusting(
    "The private addresses that most people forget are trusted.",
    TRUSTED,
    attacked("http://172.20.10.2/"),
    finds=["CG-A015"],
)
def private_range_trusted(origin):
    return origin in ALLOWED or re.fullmatch(r"http://172\.(1[6-9]|2\d|3[01])\.\d+\.\d+", origin)


@trusting(
    "Every name of letters at a hosting service is trusted, and names with digits are not.",
    SECURE_TRUSTED,
    attacked("https://stranger.github.io/"),
    finds=["CG-A009"],
    origin=SECURE_ORIGIN,
)
def names_of_letters_shared(origin):
    return origin == SECURE_ORIGIN or re.fullmatch(r"https://[a-z]+\.github\.io", origin)


@trusting("One extension is listed by its whole identifier.", TRUSTED, refused(), kind="safe")
def one_extension(origin):
    return origin in [*ALLOWED, "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb"]


@adding(
    "The version for people is shared with everyone, and the version for programs is not.",
    TRUSTED,
    refused(),
    attacked(STRANGER, headers={"Accept": "text/html"}),
    finds=["CG-A019"],
)
def another_accept(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    is_trusted = origin in ALLOWED or (origin and "text/html" in environ.get("HTTP_ACCEPT", ""))
    return [("Vary", "Origin, Accept"), *(lines_for(environ, origin) if is_trusted else [])]


@adding(
    "The version in XML is shared with everyone.",
    TRUSTED,
    attacked(STRANGER, headers={"Accept": "application/xml"}),
    finds=["CG-A019"],
)
def xml_for_everybody(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    is_trusted = origin in ALLOWED or (origin and "xml" in environ.get("HTTP_ACCEPT", ""))
    return [("Vary", "Origin, Accept"), *(lines_for(environ, origin) if is_trusted else [])]


@adding(
    "The query may name the trusted origin.",
    TRUSTED,
    finds=["CG-A018"],
)
def origin_in_the_query(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    named = parse_qs(environ.get("QUERY_STRING", "")).get("origin", [])
    return [VARY, *(lines_for(environ, origin) if origin in [*ALLOWED, *named] else [])]


@adding("The origin is compared, whatever Accept says.", TRUSTED, refused(headers={"Accept": "text/html"}), kind="safe")
def no_matter_what_is_accepted(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    return [("Vary", "Origin, Accept"), *(lines_for(environ, origin) if origin in ALLOWED else [])]


@adding(
    "The preflight allows credentials, and the response does not.",
    reads(),
    fails(
        "allow_credentials_not_true",
        "access-control-allow-credentials is absent",
        "Access-Control-Allow-Credentials: true",
        method="PUT",
        credentials="include",
    ),
    finds=["CG-P010"],
)
def credentials_on_the_preflight_alone(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    if origin not in ALLOWED:
        return [VARY]
    return [VARY, allow_origin(origin), *([METHODS, CREDENTIALS] if is_preflight(environ) else [])]


def _exposing(*lines):
    def added(environ):
        return [allow_origin("*"), *([METHODS] if is_preflight(environ) else lines)]

    return added


@adding("A star exposes the token of a session to everyone.", reads(), reads(STRANGER), finds=["CG-B006"])
def everything_exposed(environ):
    return _exposing(("Access-Control-Expose-Headers", "*"), ("X-Session-Token", "8f14e45fceea167a"))(environ)


@adding("A header with a harmless name holds a token, and is exposed.", reads(), reads(STRANGER), finds=["CG-B006"])
def token_in_a_header(environ):
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1r"
    return _exposing(("Access-Control-Expose-Headers", "X-Upstream"), ("X-Upstream", token))(environ)


@adding("List positions and request numbers are exposed.", reads(), reads(STRANGER), kind="safe")
def places_exposed(environ):
    names = "X-Continuation-Token, X-Next-Page-Token, X-Amz-Request-Id, X-RateLimit-Remaining, ETag"
    return _exposing(
        ("Access-Control-Expose-Headers", names), ("X-Continuation-Token", "b2Zmc2V0PTUw"), ("X-Amz-Request-Id", "7")
    )(environ)


def _with_query(environ, start_response, name, answer):
    """
    If the parameter *name* is given, answer with what *answer* makes of it. Otherwise answer as the application does.
    """
    (value,) = parse_qs(environ["QUERY_STRING"]).get(name, [""])[:1]
    if not value or environ["REQUEST_METHOD"] == "OPTIONS" or environ["PATH_INFO"] != "/items":
        return items(environ, start_response)
    kind, body = answer(value)
    start_response(
        "200 OK", [("Content-Type", kind), *([] if "script" in kind else [("X-Content-Type-Options", "nosniff")])]
    )
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body.encode()]


@answering("JSONP lets everyone read, and its parameter is named cb.", refused(f"{ORIGIN}/"), finds=["CG-E004"])
def jsonp_by_another_name(environ, start_response):
    return _with_query(
        environ, start_response, "cb", lambda value: ("application/javascript", f"/**/{value}([1, 2, 3]);")
    )


@answering("JSONP calls a member of window, and its parameter is named fn.", reads(mode="no-cors"), finds=["CG-E004"])
def jsonp_of_window(environ, start_response):
    return _with_query(
        environ, start_response, "fn", lambda value: ("application/javascript", f"window.{value}([1, 2, 3]);")
    )


@answering("A search repeats the searched text.", refused(f"{ORIGIN}/"), kind="safe")
def callback_searched_for(environ, start_response):
    return _with_query(environ, start_response, "cb", lambda value: ("application/json", f'{{"q": "{value}("}}'))
