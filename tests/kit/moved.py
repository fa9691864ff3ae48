"""
An application with another library, the same application with the printed translation, and what a browser sees of both.
"""

import re
from contextlib import ExitStack, contextmanager
from types import ModuleType

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import re_path
from flask import Blueprint, Flask
from flask_cors import CORS, cross_origin
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from corsguard import PolicyError
from corsguard.browser import NetworkError
from corsguard.moving import starlette
from corsguard_django.translation import translate as translate_settings
from corsguard_flask import CORSGuard, translate, translate_view
from corsguard_flask.translation import translate_together

API = "https://api.example.com"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
# Response headers that a page may read only if they are exposed.
HEADERS = dict.fromkeys(
    ["Content-Disposition", "X-Total-Count", "Authorization", "X-Correlation-ID", "api_key", "ETag"], "1"
)
PATHS = """
    / /api /api/items /api/v1/users /api/v1/invoices/1 /api/token /api/submissions/
    /api/widgets/00000000-0000-0000-0000-000000000000/config/ /apia /auth/login /public/x /predict /predict/admin /login
    /login/x /files/1 /status /music /music/x /action/1 /stac/1 /s/1 /file /table /qr/1 /aura/1 /hooks/1 /data.json
    /a/json/ /users/api/x /media/1 /widget.js /oma/hogs/1/json/ /ws /wsx /hidden/secure/pulse/api/x /user/oauth/x
    /chatapi/v1/chats
""".split()
OF_BLUEPRINT = ("/1", "/foo", "/token", "/upload", "/chat", "/chat/1")
JSON = {"json": {"text": "a lamp"}}
REQUESTS = {
    "GET": ("GET", {}),
    "GET with cookies": ("GET", {"credentials": "include"}),
    "GET with Authorization": ("GET", {"headers": {"Authorization": "Bearer 1"}}),
    "GET with X-Own": ("GET", {"headers": {"X-Own": "1"}}),
    "form": ("POST", {"body": "a=1"}),
    "JSON": ("POST", JSON),
    "JSON with cookies": ("POST", {**JSON, "credentials": "include"}),
    "PUT with cookies": ("PUT", {**JSON, "credentials": "include"}),
    "PATCH": ("PATCH", JSON),
}


def view():
    return "", 200, HEADERS


def flask(blueprint=None, prefix=None, **views):
    """
    Return an application that answers at all paths. The view *items* answers at `/api/items` if it is given. A
    *blueprint* answers at some paths below *prefix*.
    """
    app = Flask("shop", static_folder=None)
    mount = prefix or (blueprint and blueprint.url_prefix) or "/"
    own = [] if blueprint is None else [mount.rstrip("/") + path for path in OF_BLUEPRINT]
    for path in PATHS:
        if path in own or (mount != "/" and path.startswith(mount)):
            continue
        function = views.get("items", view) if path == "/api/items" else view
        app.add_url_rule(path, f"view {path}", function, methods=METHODS)
    if blueprint is not None:
        for path in OF_BLUEPRINT:
            blueprint.add_url_rule(path, f"view {path[1:]}", view, methods=METHODS)
        app.register_blueprint(blueprint, url_prefix=prefix)
    return app


class Flasks:
    """
    CORS(app, ...) of flask-cors, with one dict of options for each call.
    """

    @staticmethod
    def _app(calls):
        app = flask()
        for options in calls:
            app.config.update({name: value for name, value in options.items() if name.startswith("CORS_")})
        keywords = [{name: value for name, value in options.items() if name not in app.config} for options in calls]
        return app, keywords

    @classmethod
    @contextmanager
    def before(cls, calls):
        app, keywords = cls._app(calls)
        for options in keywords:
            CORS(app, **options)
        yield app

    @classmethod
    @contextmanager
    def after(cls, calls):
        app, keywords = cls._app(calls)
        together = translate_together(app, [(app, app.config, {}, options) for options in keywords])
        translation = translate(app, written={}, **keywords[0]) if len(keywords) == 1 else together
        yield translation, executed(translation, app)


class Blueprints:
    """
    CORS(blueprint, ...) of flask-cors.
    """

    @staticmethod
    @contextmanager
    def before(configuration):
        own, prefix, options = configuration
        blueprint = Blueprint("parts", "parts", url_prefix=own)
        CORS(blueprint, **options)
        yield flask(blueprint, prefix)

    @staticmethod
    @contextmanager
    def after(configuration):
        own, prefix, options = configuration
        blueprint = Blueprint("parts", "parts", url_prefix=own)
        app = flask(blueprint, prefix)
        translation = translate(blueprint, within=app, written={}, **options)
        yield translation, executed(translation, app)


class Views:
    """
    @cross_origin(...) of flask-cors on one view.
    """

    @staticmethod
    @contextmanager
    def before(options):
        yield flask(items=cross_origin(**options)(view))

    @staticmethod
    @contextmanager
    def after(options):
        translation = translate_view(written={}, **options)
        names = {"app": Flask("before its views"), "headers": HEADERS}
        try:
            exec(f"{translation}\ndef view():\n    return '', 200, headers\n", names)
        except PolicyError:
            yield translation, None
            return
        app = flask(items=names["view"])
        CORSGuard(app)
        yield translation, app


def answer(request):
    return HttpResponse(headers=HEADERS)


URLS = ModuleType("kit.moved_urls")
URLS.urlpatterns = [re_path(f"^{re.escape(path[1:])}$", answer) for path in PATHS]


class Djangos:
    """
    The settings of django-cors-headers.
    """

    @staticmethod
    def _settings(configuration):
        return {"ROOT_URLCONF": URLS, **{f"CORS_{name}": value for name, value in configuration.items()}}

    @classmethod
    @contextmanager
    def before(cls, configuration):
        with override_settings(**cls._settings(configuration), MIDDLEWARE=["corsheaders.middleware.CorsMiddleware"]):
            yield WSGIHandler()

    @classmethod
    @contextmanager
    def after(cls, configuration):
        lists = {"MIDDLEWARE": ["corsheaders.middleware.CorsMiddleware"], "INSTALLED_APPS": ["corsheaders"]}
        with override_settings(**cls._settings(configuration), **lists):
            translation = translate_settings()
        names = {**lists}
        exec(str(translation), names)
        own = {name: names[name] for name in ("CORSGUARD", "MIDDLEWARE")}
        with ExitStack() as settings:
            try:
                settings.enter_context(override_settings(ROOT_URLCONF=URLS, **own))
                handler = WSGIHandler()
            except PolicyError:
                handler = None
            yield translation, handler


async def reply(request):
    return PlainTextResponse("", headers=HEADERS)


class Starlettes:
    """
    CORSMiddleware of Starlette.
    """

    @staticmethod
    def _app():
        return Starlette(routes=[Route(path, reply, methods=METHODS) for path in PATHS])

    @classmethod
    @contextmanager
    def before(cls, keywords):
        app = cls._app()
        app.add_middleware(CORSMiddleware, **keywords)
        yield app

    @classmethod
    @contextmanager
    def after(cls, keywords):
        app = cls._app()
        app.add_middleware(CORSMiddleware, **keywords)
        translation = starlette.translate(app)
        yield translation, executed(translation, cls._app())


def executed(translation, app):
    """
    Run the printed code, and return the application that it guards, or None if it refuses to start.
    """
    names = {"app": app}
    try:
        exec(str(translation), names)
    except PolicyError:
        return None
    return names["app"]


def outcome(browser, origin, path, request):
    """
    Return what a page of *origin* can read of the answer, or None if it is blocked.
    """
    if browser is None:
        return None
    method, init = REQUESTS[request]
    # No preflight of another case counts.
    browser.forget_preflights()
    page = browser.open("https://any.example" if origin == "null" else origin, origin=origin)
    try:
        response = page.fetch(API + path, method=method, **init)
    except NetworkError:
        return None
    return frozenset(name.lower() for name in response.headers)
