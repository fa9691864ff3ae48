"""
The contenders: one small application on three platforms, bare and with every guard.

All guards of a race have the same configuration: these origins, GET and PUT, Content-Type, 7200 seconds. If a peer can
be configured in several ways, it has the one that is fastest for it. Before a race every guard has to show that it
answers as configured, and the floor that it sends exactly what corsguard sends.
"""

import gc
import io
import random
import re
import sys
from copy import copy
from functools import cache, cached_property
from wsgiref.util import setup_testing_defaults

import corsheaders.middleware  # noqa: F401 - Django finds it by name, and a missing peer should be known at the start
import django
import flask
import flask_cors
import wsgicors
from asgi_cors import asgi_cors
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path
from starlette.middleware.cors import CORSMiddleware as StarletteCORSMiddleware
from stopwatch import Contender, ignore, is_asgi, race, run_through

import corsguard_django
import corsguard_flask
from corsguard import CORSMiddleware, Policy, asgi

BARE = "bare"
FLOOR = "floor"
CORSGUARD = "corsguard"
BY_PATH = "corsguard, by path"
BY_HOST = "corsguard, by host"
BY_STORE = "corsguard, store"
WSGICORS = "wsgicors"
FLASK_CORS = "flask-cors"
CORSHEADERS = "django-cors-headers"
STARLETTE = "starlette"
ASGI_CORS = "asgi-cors"

METHODS = ["GET", "PUT"]
HEADERS = ["Content-Type"]
MAX_AGE = 7200
# Some ask `fnmatch` about each pattern. It keeps this many compiled. With more, one request takes many seconds.
_MOST_FOR_FNMATCH = 32768
REFUSED_ORIGIN = "https://evil.example"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "QUERY"})


class Origins:
    """
    The entries of a policy, and origins that they allow.
    """

    def __init__(self, label, patterns, allowed):
        self.label = label
        self.patterns = patterns
        self.allowed = allowed

    @cached_property
    def policy(self):
        return Policy(allow_origins=self.patterns, allow_methods=METHODS, allow_headers=HEADERS, max_age=MAX_AGE)

    @property
    def are_exact(self):
        return self.patterns is self.allowed

    @property
    def regexes(self):
        return [re.compile(re.escape(pattern).replace(r"\*", r"[\w.-]+") + "$") for pattern in self.patterns]


@cache
def exact(count):
    origins = [f"https://tenant{i}.example" for i in range(count)]
    return Origins(f"{count:,}", origins, origins)


@cache
def wildcards(count):
    patterns = [f"https://*.tenant{i}.example" for i in range(count)]
    return Origins(f"{count:,} wildcards", patterns, [pattern.replace("*", "app") for pattern in patterns])


# The requests, as a server would pass them on.


def _environ():
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/resource",
        "QUERY_STRING": "page=2",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_ACCEPT": "*/*",
        "HTTP_ACCEPT_ENCODING": "gzip, deflate, br, zstd",
        "HTTP_ACCEPT_LANGUAGE": "en-GB,en;q=0.9",
        "HTTP_CACHE_CONTROL": "no-cache",
        "HTTP_CONNECTION": "keep-alive",
        "HTTP_REFERER": "https://tenant1.example/",
        "HTTP_SEC_FETCH_DEST": "empty",
        "HTTP_SEC_FETCH_MODE": "cors",
        "HTTP_SEC_FETCH_SITE": "cross-site",
        "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0",
    }
    setup_testing_defaults(environ)
    environ["wsgi.input"] = io.BytesIO()
    return environ


_PLAIN = _environ()
_PREFLIGHT = {
    **_PLAIN,
    "REQUEST_METHOD": "OPTIONS",
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT",
    "HTTP_ACCESS_CONTROL_REQUEST_HEADERS": "content-type",
}

NO_ORIGIN = "no Origin"
ALLOWED = "allowed"
REFUSED = "refused"
PREFLIGHT_ALLOWED = "preflight allowed"
PREFLIGHT_REFUSED = "preflight refused"

RESPONSES = (NO_ORIGIN, ALLOWED, REFUSED)
PREFLIGHTS = (PREFLIGHT_ALLOWED, PREFLIGHT_REFUSED)


def request(scenario, origin, **headers):
    """
    Return a new environ of *scenario*, with *headers* on top. Its origin is *origin* if that scenario has an allowed
    one.

    The Origin is a new string, as in every request: Python has not computed its hash yet.
    """
    environ = (_PREFLIGHT if scenario in PREFLIGHTS else _PLAIN) | headers
    if scenario != NO_ORIGIN:
        sent = origin if scenario in (ALLOWED, PREFLIGHT_ALLOWED) else REFUSED_ORIGIN
        environ["HTTP_ORIGIN"] = headers.get("HTTP_ORIGIN", sent).encode().decode()
    return environ


def requests_of(scenario, allowed, platform=None, **headers):
    """
    Return a function `(count, seed)` that makes requests for *platform*. Their origins are picked at random from
    *allowed*.
    """

    def requests(count, seed):
        chosen = random.Random(seed).choices(allowed, k=count)
        environs = [request(scenario, origin, **headers) for origin in chosen]
        return scopes_of(environs) if platform == "ASGI" else environs

    return requests


def without(name, requests):
    """
    Return a function that makes the same *requests* without the header *name*.
    """
    return lambda count, seed: [
        {key: value for key, value in environ.items() if key != name} for environ in requests(count, seed)
    ]


# WSGI.


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5"), ("X-Frame-Options", "DENY")])
    return [b"hello"]


class Floor:
    """
    The code of a careful programmer for one application whose headers are known, written to be fast.
    """

    def __init__(self, app, origins):
        self.app = app
        self.origins = frozenset(origins)

    def __call__(self, environ, start_response):
        origin = environ.get("HTTP_ORIGIN")
        allowed = origin in self.origins
        if (
            environ["REQUEST_METHOD"] == "OPTIONS"
            and origin is not None
            and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ
        ):
            vary = ("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
            if not allowed:
                body = b"CORS: this origin may not read this resource.\n"
                start_response(
                    "403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), vary]
                )
                return [body]
            start_response(
                "204 No Content",
                [
                    ("Access-Control-Allow-Origin", origin),
                    ("Access-Control-Allow-Methods", "GET, PUT"),
                    ("Access-Control-Allow-Headers", "Content-Type"),
                    ("Access-Control-Max-Age", "7200"),
                    vary,
                ],
            )
            return [b""]

        def share(status, headers, exc_info=None):
            if allowed:
                headers = [*headers, ("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
            else:
                headers = [*headers, ("Vary", "Origin")]
            return start_response(status, headers, exc_info)

        return self.app(environ, share)


class ForgeryFloor:
    """
    The same programmer's code against forged requests only: trusted origins, `Sec-Fetch-Site`, otherwise the host.
    """

    def __init__(self, app, origins):
        self.app = app
        self.origins = frozenset(origins)

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] not in _SAFE_METHODS:
            origin = environ.get("HTTP_ORIGIN")
            if origin not in self.origins and not self.lets_run(environ, origin):
                return self.refuse(start_response)
        return self.app(environ, start_response)

    def refuse(self, start_response, *more):
        body = b"Cross-origin request refused.\n"
        start_response("403 Forbidden", [("Content-Type", "text/plain"), ("Content-Length", str(len(body))), *more])
        return [body]

    def lets_run(self, environ, origin):
        site = environ.get("HTTP_SEC_FETCH_SITE")
        if site is not None:
            return site in {"same-origin", "none"}
        return origin is None or origin.partition("://")[2] == environ.get("HTTP_HOST")


class BothFloor(ForgeryFloor):
    """
    The same with Floor's work on responses, in one class that looks an origin up once.
    """

    def __call__(self, environ, start_response):
        origin, method = environ.get("HTTP_ORIGIN"), environ["REQUEST_METHOD"]
        allowed = origin in self.origins
        if method not in _SAFE_METHODS and not allowed and not self.lets_run(environ, origin):
            return self.refuse(start_response, ("Vary", "Origin"))
        assert method != "OPTIONS" or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in environ, "preflights are Floor's"

        def share(status, headers, exc_info=None):
            if allowed:
                ours = [("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true")]
                headers = [*headers, *ours, ("Vary", "Origin")]
            else:
                headers = [*headers, ("Vary", "Origin")]
            return start_response(status, headers, exc_info)

        return self.app(environ, share)


class Tenants:
    """
    A store of hosts that has one *policy*, and always answers with it.
    """

    def __init__(self, policy):
        self.policy = policy

    def policy_of(self, host):
        return self.policy if host == _PLAIN["HTTP_HOST"] else None


def by_host(policy):
    """
    Return the forms of configuration that choose *policy* by host, by the names of their contenders.
    """
    tenants = {"api.tenant.example": None, "*.tenants.example": None, _PLAIN["HTTP_HOST"]: policy}
    return {BY_HOST: {"hosts": tenants}, BY_STORE: {"hosts": Tenants(policy)}}


def on_wsgi(origins):
    contenders = {BARE: application}
    if origins.are_exact:
        contenders[FLOOR] = Floor(application, origins.patterns)
    contenders[CORSGUARD] = CORSMiddleware(application, origins.policy)
    contenders[BY_PATH] = CORSMiddleware(application, {"/": origins.policy, "/admin": None})
    contenders |= {name: CORSMiddleware(application, given) for name, given in by_host(origins.policy).items()}
    if len(origins.patterns) <= _MOST_FOR_FNMATCH:
        contenders[WSGICORS] = wsgicors.CORS(
            application,
            origin=" ".join(origins.patterns),
            methods=", ".join(METHODS),
            headers=", ".join(HEADERS),
            maxage=str(MAX_AGE),
        )
    return contenders


# ASGI.


def scopes_of(environs):
    """
    Return the ASGI scopes of *environs*, with new names and values, as in every request.
    """
    return [
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": environ["REQUEST_METHOD"],
            "scheme": "http",
            "path": environ["PATH_INFO"],
            "raw_path": environ["PATH_INFO"].encode(),
            "root_path": "",
            "query_string": environ["QUERY_STRING"].encode(),
            "headers": [
                (name[5:].lower().replace("_", "-").encode(), value.encode())
                for name, value in environ.items()
                if name.startswith("HTTP_")
            ],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        for environ in environs
    ]


async def asgi_application(scope, receive, send):
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"5"), (b"x-frame-options", b"DENY")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})


class ASGIFloor:
    """
    The floor for ASGI. It assumes names in lower case, as the usual servers send them, and one Origin.
    """

    def __init__(self, app, origins):
        self.app = app
        self.origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope, receive, send):
        origin, asks = None, False
        for name, value in scope["headers"]:
            if name == b"origin":
                origin = value
            elif name == b"access-control-request-method":
                asks = True
        allowed = origin in self.origins
        if scope["method"] == "OPTIONS" and origin is not None and asks:
            vary = (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
            if allowed:
                status, body = 204, b""
                headers = [
                    (b"access-control-allow-origin", origin),
                    (b"access-control-allow-methods", b"GET, PUT"),
                    (b"access-control-allow-headers", b"Content-Type"),
                    (b"access-control-max-age", b"7200"),
                    vary,
                ]
            else:
                status, body = 403, b"CORS: this origin may not read this resource.\n"
                headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode()), vary]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})
            return

        async def share(message):
            if message["type"] == "http.response.start":
                ours = [(b"access-control-allow-origin", origin)] if allowed else []
                message = {**message, "headers": [*message["headers"], *ours, (b"vary", b"Origin")]}
            await send(message)

        await self.app(scope, receive, share)


def on_asgi(origins):
    contenders = {BARE: asgi_application}
    if origins.are_exact:
        contenders[FLOOR] = ASGIFloor(asgi_application, origins.patterns)
    contenders[CORSGUARD] = asgi.CORSMiddleware(asgi_application, origins.policy)
    contenders[BY_PATH] = asgi.CORSMiddleware(asgi_application, {"/": origins.policy, "/admin": None})
    contenders |= {
        name: asgi.CORSMiddleware(asgi_application, given) for name, given in by_host(origins.policy).items()
    }
    contenders[STARLETTE] = StarletteCORSMiddleware(
        asgi_application,
        # It searches the value that it gets.
        allow_origins=frozenset(origins.patterns) if origins.are_exact else (),
        allow_origin_regex=None if origins.are_exact else "|".join(regex.pattern for regex in origins.regexes),
        allow_methods=METHODS,
        allow_headers=HEADERS,
        max_age=MAX_AGE,
    )
    if len(origins.patterns) <= _MOST_FOR_FNMATCH:
        # It answers no preflights. It would send max_age as text, which breaks servers.
        contenders[ASGI_CORS] = asgi_cors(
            asgi_application,
            hosts=origins.patterns if origins.are_exact else [],
            host_wildcards=[] if origins.are_exact else origins.patterns,
            methods=METHODS,
            headers=HEADERS,
        )
    return contenders


# Flask.


def _flask_application(tag=lambda view: view):
    app = flask.Flask("benchmark")

    @app.route("/resource", methods=METHODS)
    @tag
    def resource():
        return "hello"

    return app


def on_flask(origins):
    return _on_flask(origins, _flask_application(), origins.policy)


def on_flask_with_tags(origins):
    """
    Return the same, but corsguard guards with a tag on the view.
    """
    return _on_flask(origins, _flask_application(corsguard_flask.cors(origins.policy)), None)


def _on_flask(origins, app, policy):
    # It shares all its objects with the one that will be guarded. Two equal ones at different addresses differ by half
    # a microsecond, which is a third of what is measured.
    bare = copy(app)
    corsguard_flask.CORSGuard(app, policy)
    peer = _flask_application()
    flask_cors.CORS(
        peer,
        origins=origins.patterns if origins.are_exact else origins.regexes,
        methods=METHODS,
        allow_headers=HEADERS,
        max_age=MAX_AGE,
    )
    return {BARE: bare, CORSGUARD: app, FLASK_CORS: peer}


# Django.


def resource(request):
    return HttpResponse("hello")


urlpatterns = [path("resource", resource)]


def on_django(origins):
    """
    Return a handler for each list of middleware. corsguard and django-cors-headers do not read each other's settings.
    """
    settings.configure(
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        CORS_ALLOWED_ORIGINS=origins.patterns if origins.are_exact else [],
        CORS_ALLOWED_ORIGIN_REGEXES=[] if origins.are_exact else origins.regexes,
        CORS_ALLOW_METHODS=METHODS,
        CORS_ALLOW_HEADERS=HEADERS,
        CORS_PREFLIGHT_MAX_AGE=MAX_AGE,
        # Without it the middleware would refuse to work next to the settings of the other library.
        CORSGUARD={"paths": {}},
    )
    django.setup()
    corsguard_django.set_policy(origins.policy)
    middleware = {
        BARE: [],
        CORSGUARD: ["corsguard_django.middleware.CORSMiddleware"],
        CORSHEADERS: ["corsheaders.middleware.CorsMiddleware"],
    }
    handlers = {}
    # In random order, because the last ones get the best places in memory.
    for name in random.sample([*middleware], len(middleware)):
        settings.MIDDLEWARE = middleware[name]
        handlers[name] = WSGIHandler()
    return {name: handlers[name] for name in middleware}


PLATFORMS = {
    "WSGI": on_wsgi,
    "ASGI": on_asgi,
    "Flask": on_flask,
    "Flask, tags": on_flask_with_tags,
    "Django": on_django,
}


def costs_on(platform, origins, seconds):
    """
    Race all contenders on *platform* in each scenario. Return scenario -> contender -> Cost.

    Call it once in a process: Django has one configuration, and after the first tag a process looks for others.
    """
    contenders = PLATFORMS[platform](origins)
    check(contenders, origins)
    return {
        scenario: race(
            {
                name: Contender(app, requests_of(scenario, origins.allowed, platform))
                for name, app in contenders.items()
            },
            BARE,
            seconds,
        )
        for scenario in (*RESPONSES, *PREFLIGHTS)
    }


def check(contenders, origins):
    """
    Fail unless every guard shares with the allowed origins only, and the floor sends the same as corsguard.
    """
    origin = origins.allowed[-1]
    for scenario in (ALLOWED, REFUSED, PREFLIGHT_ALLOWED, PREFLIGHT_REFUSED):
        answers = {name: _answer(app, request(scenario, origin)) for name, app in contenders.items()}
        for name, (_, headers) in answers.items():
            expected = origin if name != BARE and scenario in (ALLOWED, PREFLIGHT_ALLOWED) else None
            shared_with = {key.lower(): value for key, value in headers}.get("access-control-allow-origin")
            assert shared_with == expected, f"{name}, {scenario}: shared with {shared_with}, not {expected}"
        assert answers.get(FLOOR, answers[CORSGUARD]) == answers[CORSGUARD], f"the floor differs: {scenario}"


def _answer(app, environ):
    answers = []
    if is_asgi(app):

        async def send(message):
            if "status" in message:
                headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
                answers.append((message["status"], sorted(headers)))

        run_through(app, scopes_of([environ]), send)
    else:
        app(environ, lambda status, headers, exc_info=None: answers.append((status, sorted(headers))))
    return answers[0]


def serve(platform, count, contender, scenario, requests):
    """
    Let *contender* answer *requests* of *scenario* from one of the first *count* origins. The caller counts.
    """
    origins = exact(int(count))
    app = PLATFORMS[platform](origins)[contender]
    environs = requests_of(scenario, origins.allowed)(int(requests), 0)
    gc.disable()
    for environ in environs:
        app(environ, ignore)


if __name__ == "__main__":
    serve(*sys.argv[1:])
