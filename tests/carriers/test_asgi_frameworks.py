"""
Frameworks that corsguard does not know: each is wrapped as a whole, with policies by path.
"""

import asyncio
import logging

import falcon.asgi
import pytest
import quart
from kit.adapters import scope_of, serve_asgi
from kit.cases import APP, EVIL, get, preflight
from kit.serving import needed

from corsguard import cors
from corsguard.asgi import CORSMiddleware

POLICIES = {"/api": {"allow_origins": [APP]}, "/open": {"allow_origins": "*"}, "/closed": None}
PATHS = ["/api/ok", "/open/ok", "/closed/ok", "/other/ok"]
ALLOW_ORIGIN = "access-control-allow-origin"


class Boom(Exception):
    pass


def of_quart():
    app = quart.Quart("frameworks")

    async def ok():
        return "ok", {"Access-Control-Allow-Origin": "https://own.example"}

    async def boom():
        raise Boom

    for path in PATHS:
        app.add_url_rule(path, path, ok)
    app.add_url_rule("/api/boom", "boom", boom)
    return app


def of_litestar():
    litestar = needed("litestar")

    @litestar.get(PATHS)
    async def ok() -> litestar.Response[str]:
        return litestar.Response("ok", headers={"Access-Control-Allow-Origin": "https://own.example"})

    @litestar.get("/api/boom")
    async def boom() -> None:
        raise Boom

    return litestar.Litestar([ok, boom], logging_config=None, openapi_config=None)


def of_falcon():
    class Ok:
        async def on_get(self, req, resp):
            resp.set_header("Access-Control-Allow-Origin", "https://own.example")

    class Raising:
        async def on_get(self, req, resp):
            raise Boom

    app = falcon.asgi.App()
    for path in PATHS:
        app.add_route(path, Ok())
    app.add_route("/api/boom", Raising())
    return app


FRAMEWORKS = [of_quart, pytest.param(of_litestar, marks=pytest.mark.server), of_falcon]


@pytest.fixture(params=FRAMEWORKS, ids=["quart", "litestar", "falcon"], scope="module")
def app(request):
    # Before anything is disabled: a framework that is not installed skips here.
    guarded = CORSMiddleware(request.param(), POLICIES)
    # Each framework logs exceptions in its own way.
    logging.disable(logging.CRITICAL)
    yield guarded
    logging.disable(logging.NOTSET)


def answer(app, asked, path):
    status, headers, _ = asyncio.run(serve_asgi(app, scope_of(asked, path)))
    return status, {name: value for name, value in headers if name.startswith("access-control-") or name == "vary"}


def test_policies_are_chosen_by_path(app):
    assert answer(app, get(APP), "/api/ok") == (200, {ALLOW_ORIGIN: APP, "vary": "Origin"})
    assert answer(app, get(EVIL), "/api/ok") == (200, {"vary": "Origin"})
    assert answer(app, get(EVIL), "/open/ok") == (200, {ALLOW_ORIGIN: "*"})
    assert answer(app, get(APP), "/closed/ok") == (200, {})
    # The path is unguarded, so the application's own header stays.
    assert answer(app, get(APP), "/other/ok") == (200, {ALLOW_ORIGIN: "https://own.example"})


@pytest.mark.parametrize(("path", "status"), [("/api/nowhere", 404), ("/api/boom", 500)])
def test_errors_have_the_headers(app, path, status):
    got, headers = answer(app, get(APP), path)
    assert (got, headers[ALLOW_ORIGIN]) == (status, APP)
    # Falcon's answers vary by Accept too.
    assert "Origin" in headers["vary"].split(", ")


def test_preflights_do_not_reach_the_framework(app):
    status, headers = answer(app, preflight(APP, "POST"), "/api/ok")
    assert (status, headers[ALLOW_ORIGIN]) == (204, APP)
    assert answer(app, preflight(EVIL, "POST"), "/api/nowhere")[0] == 403


@pytest.mark.parametrize("make", [of_quart, of_falcon])
def test_a_tag_without_effect_is_logged_once(make, caplog):
    """
    In a process with tags, the log says once that the guard finds no views of such a framework.
    """
    cors(None)(lambda: None)
    caplog.set_level(logging.WARNING, "corsguard")
    guarded = CORSMiddleware(make(), POLICIES)
    for path in ("/api/ok", "/open/ok", "/api/ok"):
        assert answer(guarded, get(APP), path)[0] == 200
    guarded.policy = {"allow_origins": "*"}
    assert answer(guarded, get(APP), "/api/ok")[0] == 200
    said = [
        record.args for record in caplog.records if record.name == "corsguard" and record.funcName == "record_unseen"
    ]
    assert [name.partition(".")[0] for (name,) in said] == [make.__name__.removeprefix("of_")]
