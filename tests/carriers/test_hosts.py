"""
Policies by host through every carrier: which host is meant, and that no tenant's origin is granted on another's host.
"""

import asyncio

import flask
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from fastapi import FastAPI
from kit.adapters import (
    ADAPTERS,
    MIDDLEWARE,
    Application,
    ASGIApplication,
    CarriedASGI,
    Outcome,
    Undecided,
    environ_of,
    scope_of,
    serve,
    serve_asgi,
)
from kit.cases import APP, EVIL, LISTED, OK, PREFLIGHT_VARY, VARY, Reply, Request, allow, preflight, request
from kit.tenants import HOSTS, ORIGINS, TENANT_OF, policy_of
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from werkzeug.exceptions import BadHost

import corsguard_django
from corsguard import Configuration, CORSMiddleware, Policies, Policy, cors
from corsguard import asgi as carrier
from corsguard_flask import CORSGuard

# A tag has no hosts.
CARRIERS = {name: adapter for name, adapter in ADAPTERS.items() if "decorator" not in name}
OWN = Reply(200, (("Access-Control-Allow-Origin", "https://own.example"), ("X-Total", "7")))
UNTOUCHED = [("access-control-allow-origin", "https://own.example")]


@pytest.fixture(params=CARRIERS.values(), ids=CARRIERS.keys())
def adapter(request):
    return request.param


def to(host, asked, **more):
    """
    Return the request *asked* with *host* as its Host.
    """
    return Request(asked.method, {**asked.headers, "Host": host, **more})


def lines(headers):
    return sorted((name.lower(), value) for name, value in headers.items())


def asking(ask, asked):
    """
    Return what *ask* answers. If the host is not valid, an exception leaves Quart, and the guard lets it pass.
    """
    try:
        return ask(asked)
    except BadHost:
        return Outcome(400, [], ran=False, body=b"")


def is_untouched(outcome):
    """
    Return whether *outcome* is the application's own answer, or the 400 of a framework that demands a valid host.
    """
    return outcome.of_cors == (UNTOUCHED if outcome.ran else []) and (outcome.ran or outcome.status == 400)


def test_a_host_shares_with_its_own_tenant_and_no_other(adapter):
    """
    A host that no key means is not touched.
    """
    ask, wrong = adapter(HOSTS, OWN), {}
    for host, meant in TENANT_OF.items():
        for tenant, origin in ORIGINS.items():
            outcome = asking(ask, to(host, request("GET", origin)))
            if meant is None:
                is_right = is_untouched(outcome)
            elif tenant == meant:
                is_right = outcome.of_cors == lines({**allow(origin, Allow_Credentials="true"), **VARY})
            else:
                is_right = outcome.of_cors == lines(VARY)
            if not is_right:
                wrong[host, tenant] = outcome
    assert wrong == {}


def test_a_preflight_is_answered_for_its_tenant(adapter):
    ask, wrong = adapter(HOSTS, OWN), {}
    for host, meant in TENANT_OF.items():
        for tenant in ("acme", "globex", meant or "local"):
            outcome = asking(ask, to(host, preflight(ORIGINS[tenant], "DELETE")))
            if meant is None:
                is_right = is_untouched(outcome)
            elif tenant == meant:
                granted = allow(ORIGINS[tenant], Allow_Credentials="true", Allow_Methods="GET, DELETE", Max_Age="7200")
                is_right = not outcome.ran and outcome.of_cors == lines({**granted, **PREFLIGHT_VARY})
            else:
                is_right = not outcome.ran and outcome.of_cors == lines(PREFLIGHT_VARY)
            if not is_right:
                wrong[host, tenant] = outcome
    assert wrong == {}


def test_no_other_header_names_the_host(adapter):
    ask = adapter(HOSTS, OWN)
    more = dict.fromkeys(("X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Forwarded-Server"), "api.acme.example")
    more["Forwarded"] = 'host="api.acme.example"'
    assert ask(to("evil.example", request("GET", ORIGINS["acme"]), **more)).of_cors == UNTOUCHED
    granted = lines({**allow(ORIGINS["acme"], Allow_Credentials="true"), **VARY})
    more = dict.fromkeys(more, "evil.example")
    assert ask(to("api.acme.example", request("GET", ORIGINS["acme"]), **more)).of_cors == granted


def test_a_host_may_be_closed_or_left_to_the_application(adapter):
    ask = adapter(HOSTS, OWN)
    for asked in request("GET", APP), preflight(APP, "PUT"):
        closed, own = ask(to("closed.example", asked)), ask(to("own.example", asked))
        assert (closed.ran, closed.of_cors) == (True, [])
        assert (own.ran, own.of_cors) == (True, UNTOUCHED)
    # The host has a key, and this path has no policy.
    assert ask(to("paths.example", request("GET", APP))).of_cors == UNTOUCHED


# Only one kind of server passes these on.


@pytest.mark.parametrize("views", [None, Undecided()])
def test_wsgi_without_a_host_is_not_touched(views):
    app = Application(OWN)
    guarded = CORSMiddleware(app, HOSTS)
    guarded.views = views
    environ = environ_of(request("GET", ORIGINS["local"]))
    del environ["HTTP_HOST"]
    environ["SERVER_NAME"] = "localhost"
    _, headers, _ = serve(guarded, environ)
    assert ("Access-Control-Allow-Origin", "https://own.example") in headers
    assert guarded.policy_for(environ) == "unguarded"


@pytest.mark.parametrize("hosts", [[], [b"api.acme.example"] * 2, [b"evil.example", b"api.acme.example"]])
@pytest.mark.parametrize("kind", [carrier.CORSMiddleware, CarriedASGI])
def test_asgi_without_exactly_one_host_is_not_touched(kind, hosts):
    app = kind(ASGIApplication(OWN), HOSTS)
    asked = scope_of(request("GET", ORIGINS["acme"]), "/")
    asked["headers"] += [(b"host", host) for host in hosts]
    for _ in range(2):
        _, headers, _ = asyncio.run(serve_asgi(app, asked))
        assert ("access-control-allow-origin", "https://own.example") in headers
    assert app.policy_for(asked) == "unguarded"
    assert app.policy_for({**asked, "headers": [(b"Host", b"api.acme.example")]}) == Policy(**policy_of("acme"))


@pytest.mark.parametrize("hosts", [[], [b"api.acme.example"] * 2])
def test_django_without_exactly_one_host_is_not_touched(hosts):
    asked = scope_of(request("GET", ORIGINS["acme"]), "/hello")
    asked["headers"] += [(b"host", host) for host in hosts]
    with override_settings(CORSGUARD=HOSTS, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.django_urls"):
        _, headers, _ = asyncio.run(serve_asgi(ASGIHandler(), asked))
    assert not [name for name, _ in headers if name.lower() in {"vary", "access-control-allow-origin"}]


TAGGED = Policy(allow_origins=[APP])
TAG_BEATS = [
    # host, origin of the page, whether it may read the tagged view
    ("api.acme.example", APP, True),
    ("api.acme.example", ORIGINS["acme"], False),
    ("closed.example", APP, True),
    ("own.example", APP, True),
    ("evil.example", APP, True),
    ("api.acme.example.", APP, True),
    ("evil.example", EVIL, False),
]


def grants(headers, origin):
    return ("access-control-allow-origin", origin) in [(name.lower(), value) for name, value in headers]


@pytest.mark.parametrize(("host", "origin", "granted"), TAG_BEATS)
def test_a_tag_takes_the_place_of_the_host_in_flask(host, origin, granted):
    app = flask.Flask("tenants")
    app.add_url_rule("/tagged", view_func=cors(TAGGED)(lambda: "tagged"), endpoint="tagged")
    app.add_url_rule("/plain", view_func=lambda: "plain", endpoint="plain")
    CORSGuard(app, HOSTS)
    for asked in request("GET", origin), preflight(origin, "GET"):
        assert grants(serve(app, environ_of(to(host, asked), "/tagged"))[1], origin) is granted
    own = TENANT_OF.get(host)
    sent = serve(app, environ_of(to(host, request("GET", origin)), "/plain"))[1]
    assert grants(sent, origin) is (own is not None and origin == ORIGINS[own])


@pytest.mark.parametrize(("host", "origin", "granted"), TAG_BEATS)
@pytest.mark.parametrize("kind", ["starlette", "fastapi"])
def test_a_tag_takes_the_place_of_the_host_in_asgi(kind, host, origin, granted):
    @cors(TAGGED)
    async def tagged(_=None):
        return PlainTextResponse("tagged")

    async def plain(_=None):
        return PlainTextResponse("plain")

    if kind == "fastapi":
        app = FastAPI()
        app.add_api_route("/tagged", tagged)
        app.add_api_route("/plain", plain)
    else:
        app = Starlette(routes=[Route("/tagged", tagged), Route("/plain", plain)])
    carrier.CORSGuard(app, HOSTS)
    for asked in request("GET", origin), preflight(origin, "GET"):
        assert grants(asyncio.run(serve_asgi(app, scope_of(to(host, asked), "/tagged")))[1], origin) is granted
    own = TENANT_OF.get(host)
    sent = asyncio.run(serve_asgi(app, scope_of(to(host, request("GET", origin)), "/plain")))[1]
    assert grants(sent, origin) is (own is not None and origin == ORIGINS[own])


def asked_of_django(asked, path):
    return serve(WSGIHandler(), environ_of(asked, path))


def asked_of_async_django(asked, path):
    return asyncio.run(serve_asgi(ASGIHandler(), scope_of(asked, path)))


# Django's own client for asynchronous tests always sends a Host of its own too.
DJANGO = pytest.mark.parametrize("ask", [asked_of_django, asked_of_async_django])


@pytest.mark.parametrize(("host", "origin", "granted"), TAG_BEATS)
@DJANGO
def test_a_tag_takes_the_place_of_the_host_in_django(ask, host, origin, granted):
    with override_settings(CORSGUARD=HOSTS, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.django_tagged_urls"):
        for asked in request("GET", origin), preflight(origin, "GET"):
            assert grants(ask(to(host, asked), "/tagged")[1], origin) is granted
        own = TENANT_OF.get(host)
        sent = ask(to(host, request("GET", origin)), "/untagged")[1]
        assert grants(sent, origin) is (own is not None and origin == ORIGINS[own])


def asked_of_wsgi(policy, asked, path="/", **more):
    app, events = Application(OK), []
    guarded = CORSMiddleware(app, policy, on_event=events.append, **more)
    status, headers, _ = serve(guarded, environ_of(asked, path))
    return status, headers, app.ran, events


def asked_of_asgi(policy, asked, path="/", **more):
    app, events = ASGIApplication(OK), []
    guarded = carrier.CORSMiddleware(app, policy, on_event=events.append, **more)
    for _ in range(2):
        # The second request takes the short path.
        app.ran, events[:] = False, []
        status, headers, _ = asyncio.run(serve_asgi(guarded, scope_of(asked, path)))
    return status, headers, app.ran, events


ASKING = pytest.mark.parametrize("send", [asked_of_wsgi, asked_of_asgi])


@ASKING
@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("api.acme.example", ORIGINS["acme"], 200),
        ("api.acme.example", ORIGINS["globex"], 403),
        ("y.tenants.example", ORIGINS["globex"], 200),
        ("y.tenants.example", ORIGINS["acme"], 403),
        ("evil.example", ORIGINS["acme"], 403),
    ],
)
def test_protection_trusts_the_origins_that_the_policy_of_the_host_trusts(send, host, origin, status):
    asked = to(host, request("DELETE", origin), **{"Sec-Fetch-Site": "cross-site"})
    got, _, ran, _ = send(HOSTS, asked, protection={})
    assert (got, ran) == (status, status == 200)


@pytest.mark.parametrize(
    ("host", "origin", "goes_on"),
    [
        ("api.acme.example", ORIGINS["acme"], True),
        ("api.acme.example", ORIGINS["globex"], False),
        ("Y.tenants.example:443", ORIGINS["globex"], True),
        ("closed.example", ORIGINS["acme"], False),
        # Nothing is judged if no key means the host.
        ("evil.example", ORIGINS["acme"], True),
        ("own.example", EVIL, True),
    ],
)
def test_a_handshake_is_judged_by_the_policy_of_the_host(host, origin, goes_on):
    handshake = to(host, request("GET", origin), Upgrade="websocket", Connection="Upgrade")
    status, _, ran, _ = asked_of_wsgi(HOSTS, handshake)
    assert (status, ran) == ((200, True) if goes_on else (403, False))
    opened, sent = [], []

    async def app(scope, receive, send):
        opened.append(scope["path"])

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    scope = {**scope_of(handshake, "/"), "type": "websocket", "scheme": "ws"}
    asyncio.run(carrier.CORSMiddleware(app, HOSTS)(scope, receive, send))
    assert (bool(opened), sent == []) == (goes_on, goes_on)


@ASKING
def test_an_event_has_the_name_of_host_and_path(send):
    policy = {"hosts": {"a.example": LISTED, "*.b.example": {"paths": {"/api": LISTED, "/": None}}}}
    for host, path, name in [
        ("a.example:8000", "/x", "a.example"),
        ("c.b.example", "/api/x", "*.b.example/api"),
    ]:
        events = send(policy, to(host, request("GET", EVIL)), path)[-1]
        assert [(event.reason, event.name) for event in events] == [("origin", name)]


@ASKING
def test_a_path_is_odd_only_if_the_host_chooses_by_path(send):
    policy = {"hosts": {"a.example": LISTED, "b.example": {"/": LISTED, "/admin": None}}}
    one = send(policy, to("a.example", request("GET", APP)), "/x/../admin")
    assert grants(one[1], APP)
    several = send(policy, to("b.example", request("GET", APP)), "/x/../admin")
    assert not grants(several[1], APP)
    assert [event.reason for event in several[-1]] == ["odd-path"]


def test_two_layers_are_reported_with_the_name_of_the_host():
    events = []
    asked = to("api.acme.example", request("GET", ORIGINS["acme"]))
    serve(CORSMiddleware(Application(OWN), HOSTS, on_event=events.append), environ_of(asked))
    app = carrier.CORSMiddleware(ASGIApplication(OWN), HOSTS, on_event=events.append)
    asyncio.run(serve_asgi(app, scope_of(asked, "/")))
    assert [(event.reason, event.name) for event in events] == [("two-layers", "api.acme.example")] * 2


def test_hosts_can_be_swapped_while_it_serves():
    policies = Policies(HOSTS)
    wsgi = CORSMiddleware(Application(OK), policies)
    other = carrier.CORSMiddleware(ASGIApplication(OK), policies)
    asked = to("new.example", request("GET", APP))

    def seen():
        both = (
            serve(wsgi, environ_of(asked))[1],
            asyncio.run(serve_asgi(other, scope_of(asked, "/")))[1],
        )
        return [grants(headers, APP) for headers in both]

    assert seen() == [False, False]
    wsgi.policy = {"hosts": {**HOSTS["hosts"], "new.example": LISTED}}
    assert seen() == [True, True]
    # The value that was read can be assigned again.
    policies.policy = {"hosts": {**policies.policy["hosts"], "new.example": None}}
    assert seen() == [False, False]
    assert wsgi.policy_for(environ_of(asked)) is None
    wsgi.policy = LISTED
    assert seen() == [True, True]


@DJANGO
def test_django_swaps_hosts_for_the_process(ask):
    here, there = (to(host, request("GET", APP)) for host in ("a.example", "b.example"))
    with override_settings(CORSGUARD=LISTED, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.django_urls"):
        assert grants(ask(there, "/api/hello")[1], APP)
        corsguard_django.set_policy({"hosts": {"a.example": LISTED}})
        assert not grants(ask(there, "/api/hello")[1], APP)
        assert grants(ask(here, "/api/hello")[1], APP)


def test_flask_reads_hosts_from_its_config():
    app = flask.Flask("tenants")
    app.add_url_rule("/", view_func=lambda: "plain", endpoint="plain")
    app.config["CORSGUARD"] = HOSTS
    CORSGuard(app)
    for host, granted in {"api.acme.example": True, "y.tenants.example": False, "evil.example": False}.items():
        headers = serve(app, environ_of(to(host, request("GET", ORIGINS["acme"]))))[1]
        assert grants(headers, ORIGINS["acme"]) is granted


@DJANGO
def test_a_configuration_with_hosts_guards_django(ask):
    policies = {"acme": {"allow_origins": [APP]}, "other": {"allow_origins": [EVIL]}}
    hosts = {"api.acme.example": "acme", "*.tenants.example": {"paths": {"/api": "other"}}}
    configuration = Configuration.from_mapping({"policies": policies, "hosts": hosts})
    with override_settings(CORSGUARD=configuration, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.django_urls"):
        for host, origin in {"api.acme.example": APP, "x.tenants.example": EVIL, "tenants.example": None}.items():
            for page in (APP, EVIL):
                headers = ask(to(host, request("GET", page)), "/api/hello")[1]
                assert grants(headers, page) is (page == origin)
