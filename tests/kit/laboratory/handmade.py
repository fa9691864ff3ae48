"""
CORS as people write it by hand, in ten lines around an application. Each has one mistake.

The rest is right, so only the mistake is found.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit
from wsgiref.types import WSGIApplication

from .hosting import Raw
from .samples import (
    ORIGIN,
    SECURE_ORIGIN,
    SECURE_STRANGER,
    STRANGER,
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
    The application behind every layer of CORS.
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
    Return *app* behind a layer that answers preflights, and adds *lines* for the request to every response.
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
    Return the header lines that a trusted origin gets.
    """
    granted = [allow_origin(origin), CREDENTIALS]
    return [*granted, METHODS, HEADERS, MAX_AGE] if is_preflight(environ) else granted


def _host(function, title, *asked, **about):
    return sample(function.__name__.replace("_", "-"), title, *asked, **about)


def trusting(title, *asked, **about):
    """
    Serve a layer that shares with the origins for which the function returns true.
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
    Serve a layer that adds the lines which the function returns for a request.
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


# Which origins are trusted.


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
    "The name is searched for anywhere in the origin.",
    TRUSTED,
    attacked("http://strangerlab.example.stranger.example/"),
    refused(),
    finds=["CG-A005"],
)
def name_contained(origin):
    return "lab.example" in origin


@trusting(
    "The list of origins is one string, so every part of it is trusted.",
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
    "The text after the first unusual character is not compared.",
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
    "An https resource also trusts its page over plain http, which anyone on the network can write.",
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
    "Every address of the office network is trusted.",
    TRUSTED,
    attacked("http://192.168.0.1/"),
    refused(),
    finds=["CG-A015"],
)
def office_trusted(origin):
    return origin in ALLOWED or re.fullmatch(r"http://192\.168\.\d+\.\d+", origin)


@trusting(
    "A site is listed where anyone may run scripts.",
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
    "The resource's own origin is taken from a header that the client writes, and every page may write it.",
    TRUSTED,
    refused(),
    attacked(STRANGER, headers={"X-Forwarded-Host": "stranger.example"}),
    finds=["CG-A018", "CG-P003"],
)
def forwarded_host(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    if is_preflight(environ):
        return [VARY, allow_origin(origin), CREDENTIALS, ("Access-Control-Allow-Headers", "X-Forwarded-Host")]
    own = environ.get("HTTP_X_FORWARDED_HOST", environ["HTTP_HOST"])
    is_own = origin.partition("://")[2] == own
    return [VARY, *(lines_for(environ, origin) if is_own or origin in ALLOWED else [])]


@adding(
    "The resource's own origin is taken from a header that no page may write.",
    TRUSTED,
    refused(),
    kind="safe",
)
def forwarded_host_from_a_proxy(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    own = environ.get("HTTP_X_FORWARDED_HOST", environ["HTTP_HOST"])
    is_own = origin.partition("://")[2] == own
    return [VARY, *(lines_for(environ, origin) if is_own or origin in ALLOWED else [])]


@adding(
    "The origin of a request with a cookie is not checked.",
    TRUSTED,
    refused(),
    finds=["CG-A019"],
)
def cookies_open_the_door(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    is_trusted = origin in ALLOWED or (origin and "HTTP_COOKIE" in environ)
    return [("Vary", "Origin, Cookie"), *(lines_for(environ, origin) if is_trusted else [])]


@adding(
    "A resource for everyone has a private address, where every open page can reach it.",
    reads(),
    reads(STRANGER),
    finds=["CG-A010"],
    url="http://10.1.2.3/items",
)
def open_to_the_intranet(environ):
    return [allow_origin("*")]


@trusting("The parser of URLs raises at a malformed Origin.", TRUSTED, refused(), finds=["CG-X002"])
def parser_raises(origin):
    return urlsplit(origin).netloc == "app.lab.example" and origin in ALLOWED


# What trusted origins get.


@adding(
    "* is sent together with credentials.",
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
    "The page sends credentials, and the server does not allow them.",
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
    "Allow-Credentials has Python's True.",
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
    "A pattern is sent to the browser, which knows no patterns.",
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
    "Two layers add the header, each with its own value.",
    fails("multiple_allow_origin", "two layers", f"Access-Control-Allow-Origin: {ORIGIN}"),
    fails("preflight_multiple_allow_origin", "two layers", f"Access-Control-Allow-Origin: {ORIGIN}", method="DELETE"),
    finds=["CG-B004"],
    kind="look-alike",
)
def two_layers(environ):
    return [allow_origin("*"), allow_origin(ORIGIN), METHODS, HEADERS]


@adding(
    "The header has null for everyone.",
    fails("allow_origin_mismatch", "do not list null", f"Access-Control-Allow-Origin: {ORIGIN}"),
    reads("data:text/html,"),
    finds=["CG-A002"],
)
def null_sent(environ):
    return [allow_origin("null")]


@adding(
    "The header is a constant: the origin of another site.",
    fails("allow_origin_mismatch", "another origin: the header", f"Access-Control-Allow-Origin: {ORIGIN}"),
    fails(
        "preflight_allow_origin_mismatch",
        "another origin: the header",
        f"Access-Control-Allow-Origin: {ORIGIN}",
        method="DELETE",
    ),
    reads("http://www.lab.example/"),
    kind="look-alike",
)
def another_origin(environ):
    return [allow_origin("http://www.lab.example"), VARY]
