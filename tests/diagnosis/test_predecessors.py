"""
For an application that another library guards, the command to translate it is named. A guard that cannot be seen is
called unknown.
"""

import engineio
import pytest
from asgi_cors import asgi_cors
from fastapi import FastAPI
from flask import Flask
from flask_cors import CORS
from kit.checking import PAGE, Server, data, run
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware as Starlettes
from starlette.middleware.httpsredirect import HTTPSRedirectMiddleware
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from corsguard import CORSMiddleware, CrossOriginProtection, diagnosis
from corsguard.asgi import CORSMiddleware as Ours
from corsguard.diagnosis import LoadError
from corsguard.diagnosis.guarded import guarded_by
from corsguard.diagnosis.predecessors import predecessor_of
from corsguard_flask import CORSGuard


def flask_cors():
    app = Flask("shop")
    CORS(app, origins=["https://other.example"])
    return app


def fastapi():
    app = FastAPI()
    app.add_middleware(Starlettes, allow_origins=["https://other.example"])
    return app


def starlette():
    return Starlettes(Starlette(), allow_origins=["https://other.example"])


def mounted():
    app = FastAPI()
    app.mount("/items", fastapi())
    return app


@pytest.mark.parametrize("make", [flask_cors, fastapi, starlette, mounted])
def test_the_translation_of_another_library_is_recommended(serve, make):
    found, code = data(serve(make()), "--page", PAGE)
    assert (code, "corsguard move served:app" in found["predecessor"]) == (1, True)
    assert "Begin with" not in run(serve(make()), "--page", PAGE).stdout
    with pytest.raises(LoadError) as caught:
        guarded_by(make())
    # An object has no name to type.
    assert "corsguard move module:app" in str(caught.value)


def with_flask_cors(**options):
    app = Flask("shop")
    CORS(app, **options)
    app.add_url_rule("/items", view_func=lambda: "x")
    return app


def with_starlettes(**options):
    app = FastAPI()
    app.add_middleware(Starlettes, **options)
    app.get("/items")(lambda: "x")
    return app


def next_to_mounted():
    app = mounted()
    app.get("/health")(lambda: "x")
    return app


def without_them(app):
    """
    Return *app*, whose answer leaves out what the library adds, as a layer within another one does.
    """
    inner = app.middleware_stack or app.build_middleware_stack()

    async def outer(scope, receive, send):
        async def bare(message):
            await send({**message, "headers": []} if message["type"] == "http.response.start" else message)

        await inner(scope, receive, bare)

    app.middleware_stack = outer
    return app


WHY = {
    "a slash at the end": (
        with_flask_cors(origins=[f"{PAGE}/"]),
        "/items",
        'origins: "https://app.example.com/" has more',
    ),
    "another path": (
        with_flask_cors(resources={r"/api/*": {"origins": [PAGE]}}),
        "/items",
        "guards only /api and what is below it, and not this path: the setting resources decides about that.",
    ),
    "a pattern that is none": (
        with_starlettes(allow_origins=["https://*.example.com"]),
        "/items",
        "was compared as text and covered nothing. For patterns, it has allow_origin_regex.",
    ),
    "another origin": (
        with_starlettes(allow_origins=["https://other.example"]),
        "/items",
        "guards this path, and its setting allow_origins does not list this origin.",
    ),
    "an expression without the port": (
        with_starlettes(allow_origin_regex=r"https://[a-z]+\.other\.example"),
        "/items",
        r'covers this origin, with its scheme and its port (allow_origin_regex: r"https://[a-z]+\.other\.example").',
    ),
    "an expression that a pattern almost means": (
        with_starlettes(allow_origin_regex=r"https://\d+\.example\.com"),
        "/items",
        "nor an expression covers this origin",
    ),
    "an expression that cannot be read as a path": (
        with_flask_cors(resources={r"/(a|b)/\d+": {"origins": [PAGE]}}),
        "/items",
        "does not list the origin, or not the path, or is not around what answers.",
    ),
    "next to a mounted application": (next_to_mounted(), "/health", "guards only /items and what is below it"),
    "a pattern that is read as an expression": (
        with_flask_cors(origins=["https://*.example.com"]),
        "/items",
        r'repeats the character before it. Write r"https://[a-z0-9-]+\.example\.com$".',
    ),
    "the same for Starlette": (
        with_starlettes(allow_origin_regex="https://*.example.com"),
        "/items",
        r'repeats the character before it. Write r"https://[a-z0-9-]+\.example\.com$".',
    ),
    "no origin": (
        with_starlettes(allow_credentials=True),
        "/items",
        "guards the application, and shares with no origin: let its setting allow_origins list this one.",
    ),
    "an empty list": (
        with_flask_cors(origins=[]),
        "/items",
        "shares with no origin: let its setting origins list this",
    ),
    "listed, and not around what answers": (
        without_them(with_starlettes(allow_origins=[PAGE])),
        "/items",
        "lists this origin, so it is not around what answers here. Add CORSMiddleware last",
    ),
}


@pytest.mark.parametrize(("app", "path", "said"), WHY.values(), ids=WHY.keys())
def test_the_entry_of_the_setting_is_named(app, path, said):
    (fault, *_) = diagnosis.check(app, page=PAGE, url=path).faults
    assert said in fault.fix.words
    assert fault.fix.policy == {}


@pytest.mark.parametrize(
    ("app", "setting"),
    [
        (with_flask_cors(origins=[PAGE], methods=["GET"]), "In flask-cors, this is methods."),
        (with_starlettes(allow_origins=[PAGE]), "In Starlette's CORSMiddleware, this is allow_methods."),
    ],
)
def test_the_setting_of_another_library_is_named(app, setting):
    faults = diagnosis.check(app, page=PAGE, url="/items", method="PUT").faults
    assert next(fault.fix.words for fault in faults if fault.code == "method_not_allowed").endswith(setting)
    assert not any("Add CORSMiddleware last" in fault.fix.words for fault in faults)


def test_the_name_of_a_factory_is_quoted_for_the_shell():
    assert "corsguard move 'shop:create_app()' prints" in predecessor_of(flask_cors(), "shop:create_app()").advice


def test_another_library_is_found_inside_of_engine_io():
    assert "corsguard move module:app" in predecessor_of(engineio.WSGIApp(None, flask_cors())).advice


def test_the_check_is_recommended_for_django_cors_headers(settings_of_predecessor):
    assert (
        "corsguard move mysite.settings"
        in diagnosis.check(settings_of_predecessor, page=PAGE, url="/nowhere").predecessor
    )


@pytest.fixture
def settings_of_predecessor():
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.test import override_settings

    if not settings.configured:
        settings.configure()
    import django

    django.setup()
    middleware = ["corsheaders.middleware.CorsMiddleware"]
    with override_settings(
        MIDDLEWARE=middleware, CORS_ALLOWED_ORIGINS=["https://other.example"], ROOT_URLCONF="kit.django_urls"
    ):
        yield WSGIHandler()


def test_a_misspelt_setting_is_the_cause_of_an_empty_one(settings_of_predecessor):
    from django.conf import settings
    from django.test import override_settings

    with override_settings(CORS_ALLOWED_ORIGIN=[PAGE], CORS_ALLOW_CREDENTIALS=True):
        del settings.CORS_ALLOWED_ORIGINS
        (fault, *_) = diagnosis.check(settings_of_predecessor, page=PAGE, url="/api/hello").faults
    assert "CORS_URLS_REGEX" not in fault.fix.words
    assert fault.fix.words.endswith(
        "let its setting CORS_ALLOWED_ORIGINS list this one. Nothing reads the setting CORS_ALLOWED_ORIGIN. It is "
        "probably a misspelling of CORS_ALLOWED_ORIGINS."
    )


def replaced(app, name, value):
    """
    Return *app* of Starlette with a middleware around it that writes a header.
    """

    async def around(request, call_next):
        response = await call_next(request)
        response.headers[name] = value
        return response

    app.add_middleware(BaseHTTPMiddleware, dispatch=around)
    return app


ASKED = {"method": "PUT", "headers": [("X-Station", "9")], "credentials": True}
REPLACED = [
    ("Access-Control-Allow-Origin", "*", "allow_origins and allow_credentials"),
    ("Access-Control-Allow-Origin", "https://other.example", "allow_origins and allow_credentials"),
    ("Access-Control-Allow-Origin", f"{PAGE}, {PAGE}", "allow_origins and allow_credentials"),
    ("Access-Control-Allow-Credentials", "no", "allow_origins and allow_credentials"),
    ("Access-Control-Allow-Methods", "GET", "allow_methods"),
    ("Access-Control-Allow-Headers", "X-Other", "allow_headers"),
]


@pytest.mark.parametrize(("name", "value", "settings"), REPLACED)
def test_a_header_that_something_else_writes_is_not_that_of_the_settings(name, value, settings):
    options = {"allow_methods": ["PUT"], "allow_headers": ["X-Station"], "allow_credentials": True}
    app = replaced(with_starlettes(allow_origins=[PAGE], **options), name, value)
    (fault, *_) = diagnosis.check(app, page=PAGE, url="/items", **ASKED).faults
    said = f"Starlette's CORSMiddleware ({settings}) allows this already, so something else writes this header"
    assert said in fault.fix.words
    assert "list" not in fault.fix.words
    assert fault.fix.policy == {}


def test_a_header_that_something_else_writes_is_not_that_of_our_policy():
    app = FastAPI()
    app.get("/items")(lambda: "x")
    app.add_middleware(Ours, policy={"allow_origins": [PAGE], "allow_credentials": True})
    app = replaced(app, "Access-Control-Allow-Origin", "*")
    (fault, *_) = diagnosis.check(app, page=PAGE, url="/items", credentials=True).faults
    assert fault.fix.words.startswith("The policy allows this already, so something else writes this header")


def behind_a_constant(app):
    """
    Return *app* of Flask, behind a layer that names another origin in each answer.
    """
    inner = app.wsgi_app

    def outer(environ, start_response):
        def start(status, lines, *error):
            kept = [(name, value) for name, value in lines if name != "Access-Control-Allow-Origin"]
            return start_response(status, [*kept, ("Access-Control-Allow-Origin", "https://other.example")], *error)

        return inner(environ, start)

    app.wsgi_app = outer
    return app


@pytest.mark.parametrize(
    ("options", "is_right"),
    [
        ({"origins": [PAGE]}, True),
        ({"origins": ["https://third.example"]}, False),
        # Whether it allows credentials is not read.
        ({"origins": [PAGE], "supports_credentials": True}, False),
    ],
)
def test_only_settings_that_are_read_are_called_right(options, is_right):
    app = behind_a_constant(with_flask_cors(**options))
    credentials = "supports_credentials" in options
    (fault, *_) = diagnosis.check(app, page=PAGE, url="/items", credentials=credentials).faults
    assert ("flask-cors (origins) allows this already" in fault.fix.words) is is_right


def test_a_readable_response_gets_no_recommendation():
    app = FastAPI()
    app.add_middleware(Starlettes, allow_origins=["*"])
    assert diagnosis.check(app, page=PAGE).predecessor == ""


def guarded():
    return CORSMiddleware(Server(), {"allow_origins": ["https://other.example"]})


def around(app):
    def wrapped(environ, start_response):
        return app(environ, start_response)

    return wrapped


def wrapped_flask():
    app = Flask("shop")
    CORSGuard(app, {"allow_origins": ["https://other.example"]})
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/docs": Server()})
    return app


OPAQUE = [
    around(guarded()),
    DispatcherMiddleware(guarded(), {"/docs": Server()}),
    DispatcherMiddleware(Server(), {"/api": guarded()}),
    wrapped_flask(),
    asgi_cors(Starlette(), allow_all=True),
]


@pytest.mark.parametrize("app", OPAQUE)
def test_a_guard_that_cannot_be_seen_is_called_unknown(serve, app):
    with pytest.raises(LoadError, match="what guards it is not known, because the command"):
        guarded_by(app)
    assert "corsguard does not guard" not in run(serve(app), "--page", PAGE).stdout


BARE_PAGE = PAGE.replace("https", "http")


def with_redirect(path):
    """
    Return an application whose CORS layer is within the one that redirects to https, and lists the page.
    """
    app = with_starlettes(allow_origins=[BARE_PAGE], allow_headers=["X-Station"])
    app.add_middleware(HTTPSRedirectMiddleware)
    return app, f"http://api.example.org{path}"


@pytest.mark.parametrize(
    ("headers", "code"), [([("X-Station", "9")], "preflight_redirect"), ([], "missing_allow_origin")]
)
def test_a_redirect_that_makes_the_origin_null_ends_the_check(headers, code):
    app, url = with_redirect("/items")
    found = diagnosis.check(app, page=BARE_PAGE, url=url, headers=headers)
    assert (found.faults[0].code, found.faults[-1].code) == (code, "missing_allow_origin")
    assert "Check the last URL itself: https://api.example.org/items." in found.outcome.unseen
    assert all(exchange.request.url.startswith("http:") for exchange in found.outcome.exchanges)
    told = " ".join(str(fault.fix) for fault in found.faults)
    assert "Access-Control-Allow-Origin: *" not in told
    assert "does not list this origin" not in told


def test_a_list_is_not_judged_by_the_null_of_a_redirect():
    def app(environ, start_response):
        start_response("302 Found", [("Access-Control-Allow-Origin", "*"), ("Location", "https://b.example/items")])
        return []

    shop = with_flask_cors(origins=[PAGE])
    shop.wsgi_app = DispatcherMiddleware(shop.wsgi_app, {"/moved": app})
    fault = diagnosis.check(shop, page=PAGE, url="https://a.example/moved").faults[0]
    assert "makes the Origin null" in fault.fix.words
    assert "does not list this origin" not in fault.fix.words


def test_a_refusal_of_the_origin_is_not_one_of_the_headers():
    app = with_starlettes(allow_origins=["https://other.example"], allow_headers=["X-Station"])
    found = diagnosis.check(app, page=PAGE, url="/items", headers=[("X-Station", "9")])
    (refusal,) = (fault for fault in found.faults if fault.code == "preflight_status")
    assert 'It says: "Disallowed CORS origin". In Starlette\'s CORSMiddleware, this is allow_origins.' in str(
        refusal.fix
    )
    assert not any("allow_headers" in str(fault.fix) for fault in found.faults)


@pytest.mark.parametrize("origins", [[PAGE], ["https://other.example"]])
def test_a_refusal_of_protection_is_recognized(origins):
    """
    It is recognized by the bytes that the guard sends, so it works for a live server too.
    """
    app = CORSMiddleware(Server(), {"allow_origins": origins}, protection=CrossOriginProtection())
    found = diagnosis.check(app, page=PAGE, method="POST")
    told = found.look_alike if origins == [PAGE] else str(found.faults[0].fix)
    assert "Cross-origin protection refuses the request (same-site)" in told
    assert "allow_credentials=True" in told


def test_a_text_that_is_only_similar_is_not_recognized():
    def app(environ, start_response):
        start_response("403 Forbidden", [("Access-Control-Allow-Origin", PAGE)])
        return [b"Cross-origin protection (cross-site): not ours\n"]

    assert "Cross-origin protection refuses" not in diagnosis.check(app, page=PAGE, method="POST").look_alike
