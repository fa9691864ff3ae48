"""
CORS as people write it by hand, in ten lines around an application: one mistake each.

All else is as it should be, so that nothing but the mistake is found.
"""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit
from wsgiref.types import WSGIApplication

from .hosting import Raw
from .samples import (
    ORIGIN,
    SECURE_ORIGIN,
    SECURE_STRANGER,
    STRANGER,
    UNVARIED,
    attacked,
    fails,
    reads,
    refused,
    sample,
)

APPS: dict[str, WSGIApplication | Raw] = {}

ALLOWED = [ORIGIN, SECURE_ORIGIN]
CREDENTIALS = ("Access-Control-Allow-Credentials", "true")
METHODS = ("Access-Control-Allow-Methods", "GET, PUT, DELETE")
HEADERS = ("Access-Control-Allow-Headers", "Content-Type")
MAX_AGE = ("Access-Control-Max-Age", "600")
VARY = ("Vary", "Origin")

_METHODS = {"GET", "HEAD", "PUT", "POST", "DELETE"}


def items(environ, start_response):
    """
    The application that stands behind every layer of CORS.
    """
    if environ["PATH_INFO"] != "/items":
        status, body = "404 Not Found", b'{"error": "not found"}'
    elif environ["REQUEST_METHOD"] not in _METHODS:
        status, body = "405 Method Not Allowed", b'{"error": "method not allowed"}'
    else:
        status, body = "200 OK", b'{"items": [1, 2, 3]}'
    start_response(status, [("Content-Type", "application/json")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def is_preflight(environ):
    return environ["REQUEST_METHOD"] == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ


def allow_origin(origin):
    return ("Access-Control-Allow-Origin", origin)


def layered(lines: Callable, app: WSGIApplication = items) -> WSGIApplication:
    """
    Return *app* behind a layer that answers preflights, and adds to every response the *lines* for the request.
    """

    def layer(environ, start_response):
        added = lines(environ)
        if is_preflight(environ):
            start_response("204 No Content", added)
            return []

        def start(status, headers, exc_info=None):
            return start_response(status, headers + added, exc_info)

        return app(environ, start)

    return layer


def lines_for(environ, origin):
    """
    Return what an origin gets that is trusted.
    """
    granted = [allow_origin(origin), CREDENTIALS]
    return [*granted, METHODS, HEADERS, MAX_AGE] if is_preflight(environ) else granted


def _host(function, title, *asked, **about):
    return sample(function.__name__.replace("_", "-"), title, *asked, **about)


def trusting(title, *asked, **about):
    """
    Serve with a layer that shares with those origins for which the function returns true.
    """

    def enter(trusts):
        def lines(environ):
            origin = environ.get("HTTP_ORIGIN", "")
            return [VARY, *(lines_for(environ, origin) if origin and trusts(origin) else [])]

        APPS[_host(trusts, title, *asked, **about)] = layered(lines)
        return trusts

    return enter


def adding(title, *asked, **about):
    """
    Serve with a layer that adds the lines which the function returns for a request.
    """

    def enter(lines):
        APPS[_host(lines, title, *asked, **about)] = layered(lines)
        return lines

    return enter


def answering(title, *asked, **about):
    """
    Serve the function, an application.
    """

    def enter(app):
        APPS[_host(app, title, *asked, **about)] = app
        return app

    return enter


TRUSTED = reads(credentials="include")
TRUSTED_PUT = reads(method="PUT", json={"name": "pen"}, credentials="include")
SECURE_TRUSTED = reads(f"{SECURE_ORIGIN}/", credentials="include")


# Which origin is trusted.


@trusting("Any origin is reflected, with credentials.", TRUSTED, TRUSTED_PUT, attacked(STRANGER), finds=["CG-A001"])
def reflected(origin):
    return True


@trusting(
    "Sandboxed frames of any site are trusted: null is listed.",
    TRUSTED,
    attacked("data:text/html,"),
    refused(),
    finds=["CG-A002"],
)
def null_listed(origin):
    return origin in [*ALLOWED, "null"]


@trusting(
    "Only the beginning of the origin is compared.",
    TRUSTED,
    attacked("http://app.lab.example.stranger.example/"),
    refused(),
    finds=["CG-A003"],
)
def beginning_compared(origin):
    return origin.startswith(ORIGIN)


@trusting(
    "Only the end of the origin is compared.",
    TRUSTED,
    attacked("http://strangerlab.example/"),
    refused(),
    finds=["CG-A004"],
)
def end_compared(origin):
    return origin.endswith("lab.example")


@trusting(
    "The name is looked for anywhere in the origin.",
    TRUSTED,
    attacked("http://strangerlab.example.stranger.example/"),
    refused(),
    finds=["CG-A005"],
)
def name_contained(origin):
    return "lab.example" in origin


@trusting(
    "The list of origins is one string, so that every part of it is trusted.",
    TRUSTED,
    attacked("http://app.lab.exam/"),
    refused(),
    finds=["CG-A006"],
)
def list_is_a_string(origin):
    return origin in "http://app.lab.example"


@trusting(
    "The dots of a regular expression stand for any character.",
    TRUSTED,
    attacked("http://appxlab.example/"),
    refused(),
    finds=["CG-A007"],
)
def dots_unescaped(origin):
    return re.fullmatch("http://app.lab.example", origin)


@trusting(
    "What follows the first unusual character is not compared.",
    TRUSTED,
    attacked("http://app.lab.example_.stranger.example/"),
    refused(),
    finds=["CG-A008"],
)
def unusual_characters_end(origin):
    found = re.match(r"https?://[a-z0-9.-]+(:\d+)?", origin)
    return found and found[0] in ALLOWED


@trusting(
    "Every project of a hosting service is trusted.",
    SECURE_TRUSTED,
    attacked("https://stranger.github.io/"),
    refused(SECURE_STRANGER),
    finds=["CG-A009"],
    origin=SECURE_ORIGIN,
)
def hosting_shared(origin):
    return origin == SECURE_ORIGIN or re.fullmatch(r"https://[a-z0-9-]+\.github\.io", origin)


@trusting(
    "An https resource trusts its page over plain http, too, where anybody on the network writes it.",
    SECURE_TRUSTED,
    reads(credentials="include"),
    refused(SECURE_STRANGER),
    finds=["CG-A011"],
    origin=SECURE_ORIGIN,
)
def plain_http_trusted(origin):
    return origin in [SECURE_ORIGIN, ORIGIN]


@trusting(
    "Every subdomain is trusted with credentials.",
    TRUSTED,
    attacked("http://blog.lab.example/"),
    refused(),
    finds=["CG-A012"],
)
def every_subdomain(origin):
    return re.fullmatch(r"http://[a-z0-9-]+\.lab\.example", origin)


@trusting(
    "Every port of the host is trusted with credentials.",
    TRUSTED,
    attacked("http://app.lab.example:8443/"),
    refused(),
    finds=["CG-A013"],
)
def port_ignored(origin):
    return re.fullmatch(r"http://app\.lab\.example(:\d+)?", origin)


@trusting(
    "The origin of a development server is still listed in production.",
    TRUSTED,
    attacked("http://localhost:3000/"),
    refused(),
    finds=["CG-A014"],
)
def localhost_listed(origin):
    return origin in [*ALLOWED, "http://localhost:3000"]


@trusting(
    "Every address of the office's network is trusted.",
    TRUSTED,
    attacked("http://192.168.0.1/"),
    refused(),
    finds=["CG-A015"],
)
def office_trusted(origin):
    return origin in ALLOWED or re.fullmatch(r"http://192\.168\.\d+\.\d+", origin)


@trusting(
    "A site is listed where anybody may run scripts.",
    SECURE_TRUSTED,
    attacked("https://codepen.io/"),
    refused(SECURE_STRANGER),
    finds=["CG-A016"],
    origin=SECURE_ORIGIN,
)
def playground_listed(origin):
    return origin in [SECURE_ORIGIN, "https://codepen.io"]


@trusting("Every browser extension is trusted.", TRUSTED, refused(), finds=["CG-A017"])
def extensions_trusted(origin):
    return origin in ALLOWED or origin.startswith("chrome-extension://")


@adding(
    "The resource's own origin is derived from a header that the client writes.",
    TRUSTED,
    refused(),
    finds=["CG-A018"],
)
def forwarded_host(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    own = environ.get("HTTP_X_FORWARDED_HOST", environ["HTTP_HOST"])
    is_own = origin.partition("://")[2] == own
    return [VARY, *(lines_for(environ, origin) if is_own or origin in ALLOWED else [])]


@adding(
    "Whoever brings a cookie is not looked at any more.",
    TRUSTED,
    refused(),
    finds=["CG-A019"],
)
def cookies_open_the_door(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    is_trusted = origin in ALLOWED or (origin and "HTTP_COOKIE" in environ)
    return [("Vary", "Origin, Cookie"), *(lines_for(environ, origin) if is_trusted else [])]


@adding(
    "What everybody may read stands at a private address, where every page that is open can reach it.",
    reads(),
    reads(STRANGER),
    finds=["CG-A010"],
    url="http://10.1.2.3/items",
)
def open_to_the_intranet(environ):
    return [allow_origin("*")]


@trusting("A malformed Origin makes the parser of URLs raise.", TRUSTED, refused(), finds=["CG-X002"])
def parser_raises(origin):
    return urlsplit(origin).netloc == "app.lab.example" and origin in ALLOWED


# What is said to those who are.


@adding(
    "* and credentials meet.",
    reads(f"{SECURE_ORIGIN}/"),
    fails(
        "wildcard_with_credentials",
        "never counts with credentials",
        f"Access-Control-Allow-Origin: {SECURE_ORIGIN}",
        page=f"{SECURE_ORIGIN}/",
        credentials="include",
    ),
    finds=["CG-B001"],
    origin=SECURE_ORIGIN,
)
def wildcard_with_credentials(environ):
    return [allow_origin("*"), CREDENTIALS, *([METHODS, HEADERS] if is_preflight(environ) else [])]


def _spelled(credentials, allowed=None, exposed=()):
    def lines(environ):
        origin = environ.get("HTTP_ORIGIN", "")
        if origin not in ALLOWED:
            return [VARY]
        granted = [VARY, allow_origin(allowed or origin), ("Access-Control-Allow-Credentials", credentials)]
        return [*granted, *([METHODS, HEADERS] if is_preflight(environ) else exposed)]

    return lines


@adding(
    "The page sends credentials, and nobody allows them.",
    reads(f"{SECURE_ORIGIN}/"),
    fails(
        "allow_credentials_not_true",
        "access-control-allow-credentials is absent",
        "Access-Control-Allow-Credentials: true",
        page=f"{SECURE_ORIGIN}/",
        credentials="include",
    ),
    kind="look-alike",
    origin=SECURE_ORIGIN,
)
def credentials_not_allowed(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    granted = [allow_origin(origin), *([METHODS, HEADERS] if is_preflight(environ) else [])]
    return [VARY, *(granted if origin == SECURE_ORIGIN else [])]


@adding(
    "Allow-Credentials is Python's True.",
    reads(),
    fails(
        "allow_credentials_not_true", "in lower case", "Access-Control-Allow-Credentials: true", credentials="include"
    ),
    fails(
        "preflight_allow_credentials_not_true",
        "in lower case",
        "Access-Control-Allow-Credentials: true",
        method="DELETE",
        credentials="include",
    ),
    finds=["CG-B002"],
)
def credentials_capitalized(environ):
    return _spelled("True")(environ)


@adding(
    "Session tokens are exposed to scripts.",
    TRUSTED,
    refused(),
    finds=["CG-B006"],
)
def tokens_exposed(environ):
    return _spelled("true", exposed=[("Access-Control-Expose-Headers", "Authorization, X-CSRF-Token")])(environ)


@adding(
    "The origin ends with a slash, as a URL does.",
    fails("allow_origin_mismatch", "", f"Access-Control-Allow-Origin: {ORIGIN}"),
    finds=["CG-B005"],
    kind="look-alike",
)
def slash_at_the_end(environ):
    return _spelled("true", f"{ORIGIN}/")(environ)


@adding(
    "The origin is written in upper case.",
    fails("allow_origin_mismatch", "", f"Access-Control-Allow-Origin: {ORIGIN}"),
    finds=["CG-B005"],
    kind="look-alike",
)
def upper_case_origin(environ):
    return _spelled("true", "http://App.Lab.Example")(environ)


@adding(
    "The origin has no scheme.",
    fails("allow_origin_mismatch", "", f"Access-Control-Allow-Origin: {ORIGIN}"),
    finds=["CG-B005"],
    kind="look-alike",
)
def scheme_left_out(environ):
    return _spelled("true", "app.lab.example")(environ)


@adding(
    "A pattern is sent to the browser, which knows none.",
    fails("allow_origin_mismatch", "", f"Access-Control-Allow-Origin: {ORIGIN}"),
    finds=["CG-B005"],
    kind="look-alike",
)
def pattern_sent(environ):
    return _spelled("true", "http://*.lab.example")(environ)


@adding(
    "The header lists two origins.",
    fails("multiple_allow_origin", "only one origin may be sent", f"Access-Control-Allow-Origin: {ORIGIN}"),
    finds=["CG-B004"],
    kind="look-alike",
)
def origins_listed(environ):
    return [allow_origin(", ".join(ALLOWED)), VARY]


@adding(
    "Two layers add the header, each its own value.",
    fails("multiple_allow_origin", "two layers", f"Access-Control-Allow-Origin: {ORIGIN}"),
    fails("preflight_multiple_allow_origin", "two layers", f"Access-Control-Allow-Origin: {ORIGIN}", method="DELETE"),
    finds=["CG-B004"],
    kind="look-alike",
)
def two_layers(environ):
    return [allow_origin("*"), allow_origin(ORIGIN), METHODS, HEADERS]


@adding(
    "The header says null to everybody.",
    fails("allow_origin_mismatch", "never share with it", f"Access-Control-Allow-Origin: {ORIGIN}"),
    reads("data:text/html,"),
    finds=["CG-A002"],
)
def null_sent(environ):
    return [allow_origin("null")]


@adding(
    "The header is a constant, another site's origin.",
    fails("allow_origin_mismatch", "another site's origin", f"Access-Control-Allow-Origin: {ORIGIN}"),
    fails(
        "preflight_allow_origin_mismatch",
        "another site's origin",
        f"Access-Control-Allow-Origin: {ORIGIN}",
        method="DELETE",
    ),
    reads("http://www.lab.example/"),
    kind="look-alike",
)
def another_origin(environ):
    return [allow_origin("http://www.lab.example"), VARY]


# What a preflight is told.


def _lists(*lists):
    def lines(environ):
        origin = environ.get("HTTP_ORIGIN", "")
        if origin not in ALLOWED:
            return [VARY]
        return [VARY, allow_origin(origin), CREDENTIALS, *(lists if is_preflight(environ) else ())]

    return lines


@adding(
    "Whatever header is asked for is allowed, with credentials.",
    TRUSTED_PUT,
    refused(method="PUT"),
    finds=["CG-P001"],
)
def headers_reflected(environ):
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    return _lists(METHODS, ("Access-Control-Allow-Headers", asked))(environ)


@adding(
    "Whatever method is asked for is allowed, with credentials.",
    TRUSTED_PUT,
    refused(method="PUT"),
    finds=["CG-P002"],
)
def methods_reflected(environ):
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")
    return _lists(("Access-Control-Allow-Methods", asked), HEADERS)(environ)


@adding(
    "The gateway answers preflights, and the function behind it sends no header.",
    fails("missing_allow_origin", "the response (200) has no", f"Access-Control-Allow-Origin: {ORIGIN}"),
    fails(
        "missing_allow_origin",
        "the response (200) has no",
        f"Access-Control-Allow-Origin: {ORIGIN}",
        method="PUT",
        json={"name": "pen"},
    ),
    finds=["CG-P003"],
)
def preflight_only(environ):
    return [VARY, *(_lists(METHODS, HEADERS)(environ) if is_preflight(environ) else [])]


@adding(
    "Preflights are allowed for ten days.",
    TRUSTED_PUT,
    refused(),
    finds=["CG-P005"],
)
def ten_days(environ):
    return _lists(METHODS, HEADERS, ("Access-Control-Max-Age", "864000"))(environ)


@adding(
    "Every page may ask for what stands on a private network.",
    reads(),
    reads(STRANGER),
    finds=["CG-P006"],
)
def private_network(environ):
    private = ("Access-Control-Allow-Private-Network", "true")
    return [allow_origin("*"), *([METHODS, HEADERS, private] if is_preflight(environ) else [])]


@answering(
    "OPTIONS runs the application, as any other method.",
    TRUSTED_PUT,
    refused(),
    finds=["CG-P008"],
)
def options_runs_the_application(environ, start_response):
    def start(status, headers, exc_info=None):
        return start_response(status, headers + _lists(METHODS, HEADERS)(environ), exc_info)

    method = environ["REQUEST_METHOD"]
    return items({**environ, "REQUEST_METHOD": "GET" if method == "OPTIONS" else method}, start)


@adding(
    "Methods are listed in quotation marks.",
    reads(),
    fails(
        "allow_methods_unparsable", "without quotation marks", "Access-Control-Allow-Methods: GET, PUT", method="PUT"
    ),
    kind="look-alike",
)
def methods_quoted(environ):
    return _lists(("Access-Control-Allow-Methods", '"GET, PUT"'), HEADERS)(environ)


@adding(
    "Methods are parted by semicolons.",
    reads(),
    fails("allow_methods_unparsable", "commas between", "Access-Control-Allow-Methods: GET, PUT", method="PUT"),
    kind="look-alike",
)
def methods_with_semicolons(environ):
    return _lists(("Access-Control-Allow-Methods", "GET;PUT"), HEADERS)(environ)


@adding(
    "Names of headers are parted by spaces.",
    reads(),
    fails(
        "allow_headers_unparsable",
        "commas between",
        "Access-Control-Allow-Headers: Content-Type, Authorization",
        headers={"Authorization": "Bearer 1"},
    ),
    kind="look-alike",
)
def headers_with_spaces(environ):
    return _lists(METHODS, ("Access-Control-Allow-Headers", "Content-Type Authorization"))(environ)


@adding(
    "A method is not listed.",
    reads(method="PUT"),
    fails("method_not_allowed", "does not allow the method patch", "GET, PUT, DELETE, PATCH", method="PATCH"),
    fails("method_not_allowed", "case-sensitive", 'method: "PATCH"', method="patch"),
    kind="look-alike",
)
def method_not_listed(environ):
    return _lists(METHODS, HEADERS)(environ)


@adding(
    "No header is listed, so that JSON may not be sent.",
    reads(method="DELETE"),
    fails(
        "header_not_allowed",
        "json brings content-type",
        "Access-Control-Allow-Headers: Content-Type",
        method="PUT",
        json={"name": "pen"},
    ),
    fails(
        "header_not_allowed",
        "header authorization",
        "Access-Control-Allow-Headers: Authorization",
        headers={"Authorization": "Bearer 1"},
    ),
    fails(
        "header_not_allowed",
        "a library in the page adds it",
        "Access-Control-Allow-Headers: X-Requested-With",
        headers={"X-Requested-With": "XMLHttpRequest"},
    ),
    fails(
        "header_not_allowed",
        "response headers, and the page sends them",
        "leave out the request header",
        headers={"Access-Control-Allow-Origin": "*"},
    ),
    kind="look-alike",
)
def header_not_listed(environ):
    return _lists(METHODS)(environ)


@adding(
    "* allows every header but Authorization.",
    reads(headers={"X-Trace": "1"}),
    fails(
        "header_not_allowed",
        "never covers authorization",
        "Access-Control-Allow-Headers: *, Authorization",
        headers={"Authorization": "Bearer 1"},
    ),
    kind="look-alike",
)
def authorization_under_a_wildcard(environ):
    star = [METHODS, ("Access-Control-Allow-Headers", "*")]
    return [allow_origin("*"), *(star if is_preflight(environ) else [])]


@adding(
    "* allows no method of a request with credentials.",
    reads(method="PUT"),
    fails(
        "method_not_allowed",
        "never counts with credentials",
        "Access-Control-Allow-Methods: PUT",
        method="PUT",
        credentials="include",
    ),
    kind="look-alike",
)
def methods_under_a_wildcard(environ):
    return _lists(("Access-Control-Allow-Methods", "*"), HEADERS)(environ)


# What caches make of it.


@adding("The origin is echoed without Vary.", UNVARIED, refused(), finds=["CG-V001"])
def vary_missing(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    return lines_for(environ, origin) if origin in ALLOWED else []


@adding("Vary stands only where the origin is allowed.", UNVARIED, refused(), finds=["CG-V002"])
def vary_when_allowed(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    return [VARY, *lines_for(environ, origin)] if origin in ALLOWED else []


@adding("The response varies on whatever the request says.", TRUSTED, refused(), finds=["CG-V005"])
def vary_reflected(environ):
    lines = _lists(METHODS, HEADERS)(environ)
    asked = environ.get("HTTP_VARY")
    return [*lines, ("Vary", asked)] if asked else lines


# What is no matter of CORS, beside it.


@adding("The timing of every load is told to everybody.", TRUSTED, refused(), finds=["CG-I006"])
def timing_for_everybody(environ):
    return [*_lists(METHODS, HEADERS)(environ), ("Timing-Allow-Origin", "*")]


@answering(
    "A callback in the query makes a script of the response, which every page may load.",
    TRUSTED,
    refused(),
    finds=["CG-E004"],
)
def callback_wrapped(environ, start_response):
    callback = parse_qs(environ["QUERY_STRING"]).get("callback", [""])[0]
    app = layered(_lists(METHODS, HEADERS))
    if not callback or environ["REQUEST_METHOD"] != "GET" or environ["PATH_INFO"] != "/items":
        return app(environ, start_response)
    start_response("200 OK", [("Content-Type", "application/javascript"), VARY])
    return [f"{callback}({{items: [1, 2, 3]}})".encode()]


@answering(
    "A file for plug-ins opens the host to everybody.",
    TRUSTED,
    refused(),
    finds=["CG-E005"],
)
def plugins_welcome(environ, start_response):
    if environ["PATH_INFO"] != "/crossdomain.xml":
        return layered(_lists(METHODS, HEADERS))(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/x-cross-domain-policy")])
    return [b'<cross-domain-policy><allow-access-from domain="*"/></cross-domain-policy>']


@adding("No layer of CORS at all.", refused(f"{ORIGIN}/"), refused(), kind="safe")
def nothing_shared(environ):
    return []


@trusting("A list, compared as a whole.", TRUSTED, TRUSTED_PUT, refused(), kind="safe")
def origins_compared(origin):
    return origin in ALLOWED
