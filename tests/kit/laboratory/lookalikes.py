"""
Servers whose console lines look like CORS, but have another cause, or a cause in another layer than most people
suspect.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from .handmade import ALLOWED, APPS, CREDENTIALS, HEADERS, METHODS, VARY, allow_origin, is_preflight, items, layered
from .hosting import Raw
from .samples import ORIGIN, SECURE_ORIGIN, SITE, fails, reads, refused, sample

# Its page is of another site, so cookies need SameSite=None.
PARTNER = "http://partner.example"

NOT_LISTENING = f"not-listening.{SITE}"
WRONG_CERTIFICATE = f"wrong-certificate.{SITE}"


def _shared(environ):
    origin = environ.get("HTTP_ORIGIN", "")
    if origin not in ALLOWED:
        return [VARY]
    return [VARY, allow_origin(origin), CREDENTIALS, *([METHODS, HEADERS] if is_preflight(environ) else [])]


_safe = layered(_shared)


def looking_alike(title, *asked, is_raw=False, **about):
    """
    Serve the function: an application, or a function that writes to the socket.
    """

    def enter(app):
        name = app.__name__.replace("_", "-")
        APPS[sample(name, title, *asked, kind="look-alike", **about)] = Raw(app) if is_raw else app
        return app

    return enter


@looking_alike(
    "Authentication is outside of CORS, and answers the preflight with 401.",
    reads(),
    fails(
        "preflight_missing_allow_origin",
        "authentication runs before cors",
        f"Access-Control-Allow-Origin: {ORIGIN}",
        method="PUT",
        headers={"Authorization": "Bearer 1"},
    ),
    finds=["CG-P004"],
)
def authentication_first(environ, start_response):
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"} and "HTTP_AUTHORIZATION" not in environ:
        start_response("401 Unauthorized", [("WWW-Authenticate", "Bearer"), ("Content-Type", "application/json")])
        return [b'{"error": "log in first"}']
    return _safe(environ, start_response)


@looking_alike(
    "Authentication inside of CORS is right, but an outer layer answers 403 without headers.",
    fails("missing_allow_origin", "not logged in or not allowed", f"Access-Control-Allow-Origin: {ORIGIN}"),
)
def forbidden_outside(environ, start_response):
    start_response("403 Forbidden", [("Content-Type", "text/html")])
    return [b"<h1>Forbidden</h1>"]


@looking_alike(
    "A request without a session is redirected to a login page on another host.",
    fails("missing_allow_origin", "login page", "answer 401 to scripts", credentials="include"),
    fails("preflight_redirect", "login page", "answer 401 to scripts", method="DELETE", credentials="include"),
)
def session_expired(environ, start_response):
    start_response("302 Found", [("Location", f"https://sso.{SITE}/login?next=/items")])
    return []


@looking_alike(
    "A request without a session is redirected to the login of the application itself.",
    reads(cause="opaque", fix='mode: "cors"', mode="no-cors"),
)
def login_of_its_own(environ, start_response):
    if environ["PATH_INFO"] != "/login":
        start_response("302 Found", [("Location", f"/login?next={environ['PATH_INFO']}")])
        return []
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b'<form method="post"><input type="password" name="word"></form>']


@looking_alike(
    "The login redirects for ever: it redirects back, and its cookie never arrives.",
    fails("too_many_redirects", "again and again", "Answer 401 to scripts"),
)
def endless_redirect(environ, start_response):
    start_response("302 Found", [("Location", environ["PATH_INFO"]), *_shared(environ)])
    return []


@looking_alike(
    "The API has moved to another host, and the redirect between the hosts makes the Origin null.",
    fails("missing_allow_origin", "makes the origin null", f'fetch("http://origins-compared.{SITE}/items'),
)
def moved_to_another_host(environ, start_response):
    query = f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else ""
    location = f"http://origins-compared.{SITE}/items{query}"
    start_response("307 Temporary Redirect", [("Location", location), *_shared(environ)])
    return []


@looking_alike(
    "A redirect contains a user name and a password.",
    fails("redirect_userinfo", "a user or a password", f"http://origins-compared.{SITE}/items"),
)
def password_in_a_redirect(environ, start_response):
    location = f"http://user:word@origins-compared.{SITE}/items"
    start_response("302 Found", [("Location", location), *_shared(environ)])
    return []


@looking_alike(
    "OPTIONS has no route, so a preflight gets the router's 404.",
    reads(),
    fails(
        "preflight_missing_allow_origin",
        "options reaches the router",
        f"Access-Control-Allow-Origin: {ORIGIN}",
        method="DELETE",
    ),
    finds=["CG-P004"],
)
def no_route_for_options(environ, start_response):
    if environ["REQUEST_METHOD"] == "OPTIONS":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"no such route"]
    return _safe(environ, start_response)


@looking_alike(
    "Python's http.server, with a header added in the usual way, does not know OPTIONS.",
    reads(),
    fails("preflight_status", "501", "204 No Content", method="PUT", json={"name": "pen"}),
    finds=["CG-P004"],
    is_raw=True,
)
def options_unknown(handler):
    def end_headers():
        handler.send_header("Access-Control-Allow-Origin", "*")
        type(handler).end_headers(handler)

    handler.end_headers = end_headers
    if handler.command not in {"GET", "HEAD"}:
        # BaseHTTPRequestHandler does this if there is no do_OPTIONS.
        handler.send_error(501, f"Unsupported method ({handler.command!r})")
        return
    body = json.dumps({"items": [1, 2, 3]}).encode()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    handler.wfile.write(body if handler.command == "GET" else b"")


@looking_alike(
    "A header of the response is not exposed, so scripts get null for it.",
    reads(cause="x-total", fix="Access-Control-Expose-Headers: X-Total"),
)
def header_not_exposed(environ, start_response):
    def start(status, headers, exc_info=None):
        return start_response(status, [*headers, ("X-Total", "3")], exc_info)

    return _safe(environ, start)


@looking_alike(
    "The session cookie is SameSite=Lax, and is not sent when a page of another site asks.",
    reads(f"{PARTNER}/", cause="samesite", fix="SameSite=None; Secure", credentials="include"),
    origin=PARTNER,
)
def cookie_stays_home(environ, start_response):
    lines = [VARY]
    if environ.get("HTTP_ORIGIN") == PARTNER:
        lines += [allow_origin(PARTNER), CREDENTIALS, *([METHODS, HEADERS] if is_preflight(environ) else [])]
    if is_preflight(environ) or "session=" in environ.get("HTTP_COOKIE", ""):
        return layered(lambda _: lines)(environ, start_response)
    start_response("401 Unauthorized", [("Set-Cookie", "session=1; Path=/; HttpOnly; SameSite=Lax"), *lines])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b'{"error": "log in first"}']


@looking_alike(
    "The resource is only for its own origin, and the page asks without CORS.",
    reads(),
    fails("corp", "cross-origin-resource-policy", "Cross-Origin-Resource-Policy: same-site", mode="no-cors"),
)
def resource_policy(environ, start_response):
    def start(status, headers, exc_info=None):
        return start_response(status, [*headers, ("Cross-Origin-Resource-Policy", "same-origin")], exc_info)

    return _safe(environ, start)


@looking_alike(
    "The page asks without CORS, as forums advise, and gets a response that it cannot see.",
    reads(cause="opaque", fix='mode: "cors"', mode="no-cors"),
    refused(f"{ORIGIN}/"),
)
def asked_without_cors(environ, start_response):
    return items(environ, start_response)


@looking_alike(
    "The page is loaded over https and requests an http URL.",
    fails(
        "mixed_content",
        "loaded over https may not request a url that is not secure",
        f"request https://mixed-content.{SITE}/items",
        page=f"{SECURE_ORIGIN}/",
    ),
    reads(),
)
def mixed_content(environ, start_response):
    return _safe(environ, start_response)


@looking_alike(
    "The server closes the connection before it answers.",
    fails("unreachable", "not a matter of cors", ""),
    is_raw=True,
)
def hangs_up(handler):
    pass


@looking_alike(
    "The certificate is that of another host.",
    fails("tls", "is for another host", "", page=f"{SECURE_ORIGIN}/"),
    origin=SECURE_ORIGIN,
)
def wrong_certificate(environ, start_response):
    return _safe(environ, start_response)


sample(
    "not-listening",
    "Nothing listens at the port.",
    fails("unreachable", "nothing listens", ""),
    kind="look-alike",
)


@contextmanager
def unheard() -> Iterator[str]:
    """
    Yield an address that is in use, but where nothing listens.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host, port = taken.getsockname()
        yield f"{host}:{port}"
