"""
Handmade servers with a mistake in what they send to preflights, caches and others. Each has one mistake.
"""

from urllib.parse import parse_qs

from .handmade import (
    ALLOWED,
    CREDENTIALS,
    HEADERS,
    METHODS,
    TRUSTED,
    TRUSTED_PUT,
    VARY,
    adding,
    allow_origin,
    answering,
    is_preflight,
    items,
    layered,
    lines_for,
    trusting,
)
from .samples import ORIGIN, STRANGER, UNVARIED, fails, reads, refused

# Answers to preflights.


def _lists(*lists):
    def lines(environ):
        origin = environ.get("HTTP_ORIGIN", "")
        if origin not in ALLOWED:
            return [VARY]
        return [VARY, allow_origin(origin), CREDENTIALS, *(lists if is_preflight(environ) else ())]

    return lines


@adding(
    "Every requested header is allowed, with credentials.",
    TRUSTED_PUT,
    refused(method="PUT"),
    finds=["CG-P001"],
)
def headers_reflected(environ):
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    return _lists(METHODS, ("Access-Control-Allow-Headers", asked))(environ)


@adding(
    "Every requested method is allowed, with credentials.",
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
    "Only the preflights of one method allow everybody.",
    TRUSTED,
    finds=["CG-P003"],
)
def one_method_for_everybody(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    if environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD") == "DELETE":
        return [VARY, *lines_for(environ, origin)]
    return _lists(METHODS)(environ)


@adding(
    "Preflights are answered with a star and credentials.",
    TRUSTED,
    finds=["CG-B001", "CG-P003"],
)
def star_for_preflights(environ):
    return [allow_origin("*"), CREDENTIALS, METHODS] if is_preflight(environ) else _lists()(environ)


@adding(
    "Preflights are allowed for ten days.",
    TRUSTED_PUT,
    refused(),
    finds=["CG-P005"],
)
def ten_days(environ):
    return _lists(METHODS, HEADERS, ("Access-Control-Max-Age", "864000"))(environ)


@adding(
    "Every page may request resources on a private network.",
    reads(),
    reads(STRANGER),
    finds=["CG-P006"],
)
def private_network(environ):
    private = ("Access-Control-Allow-Private-Network", "true")
    return [allow_origin("*"), *([METHODS, HEADERS, private] if is_preflight(environ) else [])]


@answering(
    "OPTIONS runs the application, like any other method.",
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
    "Methods are separated by semicolons.",
    reads(),
    fails("allow_methods_unparsable", "separated by commas", "Access-Control-Allow-Methods: GET, PUT", method="PUT"),
    kind="look-alike",
)
def methods_with_semicolons(environ):
    return _lists(("Access-Control-Allow-Methods", "GET;PUT"), HEADERS)(environ)


@adding(
    "Names of headers are separated by spaces.",
    reads(),
    fails(
        "allow_headers_unparsable",
        "separated by commas",
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
    "No header is listed, so JSON may not be sent.",
    reads(method="DELETE"),
    fails(
        "header_not_allowed",
        "a json body adds the header content-type",
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
        "belongs to a response",
        "leave out the request header",
        headers={"Access-Control-Allow-Origin": "*"},
    ),
    kind="look-alike",
)
def header_not_listed(environ):
    return _lists(METHODS)(environ)


@adding(
    "* allows every header except Authorization.",
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
        "Access-Control-Allow-Methods: GET, HEAD, POST, PUT",
        method="PUT",
        credentials="include",
    ),
    finds=["CG-P007"],
    kind="look-alike",
)
def methods_under_a_wildcard(environ):
    return _lists(("Access-Control-Allow-Methods", "*"), HEADERS)(environ)


# Answers from caches.


@adding("The origin is echoed without Vary.", UNVARIED, refused(), finds=["CG-V001"])
def vary_missing(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    return lines_for(environ, origin) if origin in ALLOWED else []


@adding("Vary is only sent to allowed origins.", UNVARIED, refused(), finds=["CG-V002"])
def vary_when_allowed(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    return [VARY, *lines_for(environ, origin)] if origin in ALLOWED else []


@adding("Vary lists whatever the request says.", TRUSTED, refused(), finds=["CG-V005"])
def vary_reflected(environ):
    lines = _lists(METHODS, HEADERS)(environ)
    asked = environ.get("HTTP_VARY")
    return [*lines, ("Vary", asked)] if asked else lines


# Mistakes that are not about CORS.


@adding("Everyone may see the timing of every load.", TRUSTED, refused(), finds=["CG-I006"])
def timing_for_everybody(environ):
    return [*_lists(METHODS, HEADERS)(environ), ("Timing-Allow-Origin", "*")]


@answering(
    "A callback in the query makes the response a script, which every page may load.",
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
    "A file for plug-ins opens the host to everyone.",
    TRUSTED,
    refused(),
    finds=["CG-E005"],
)
def plugins_welcome(environ, start_response):
    if environ["PATH_INFO"] != "/crossdomain.xml":
        return layered(_lists(METHODS, HEADERS))(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/x-cross-domain-policy")])
    return [b'<cross-domain-policy><allow-access-from domain="*"/></cross-domain-policy>']


@adding("There is no layer of CORS.", refused(f"{ORIGIN}/"), refused(), kind="safe")
def nothing_shared(environ):
    return []


@trusting("A list of origins, each compared as a whole.", TRUSTED, TRUSTED_PUT, refused(), kind="safe")
def origins_compared(origin):
    return origin in ALLOWED
