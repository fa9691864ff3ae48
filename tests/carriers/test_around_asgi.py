"""
Connexion answers for its operations before Flask or Starlette sees a request. So the guard stands around it.
"""

import asyncio
import logging

import pytest
from kit.adapters import scope_of, serve_asgi
from kit.cases import APP, EVIL, get, preflight
from kit.serving import needed

from corsguard import cors
from corsguard.asgi import CORSMiddleware

# Connexion uses deprecated functions.
pytestmark = [pytest.mark.around, pytest.mark.filterwarnings("ignore:jsonschema:DeprecationWarning")]

POLICIES = {"/api": {"allow_origins": [APP]}, "/api/open": {"allow_origins": "*"}}
RESPONSES = {"responses": {"200": {"description": "what it returns"}}}
IN_QUERY = {"name": "number", "in": "query", "required": True, "schema": {"type": "integer"}}


def plain():
    return "ok"


def opened():
    return "ok"


def secret():
    return "ok"


def nobody(name, password):
    return None


def crash():
    raise RuntimeError("the operation crashed")


def validated(number):
    return number


@cors(None)
def tagged():
    return "ok"


def operation(function, **more):
    return {"get": {"operationId": f"{__name__}.{function.__name__}", **RESPONSES, **more}}


SPECIFICATION = {
    "openapi": "3.0.0",
    "info": {"title": "around", "version": "1"},
    "servers": [{"url": "/api"}],
    "components": {
        "securitySchemes": {"basic": {"type": "http", "scheme": "basic", "x-basicInfoFunc": f"{__name__}.nobody"}}
    },
    "paths": {
        "/plain": operation(plain),
        "/open": operation(opened),
        "/secret": operation(secret, security=[{"basic": []}]),
        "/crash": operation(crash),
        "/validated": operation(validated, parameters=[IN_QUERY]),
        "/tagged": operation(tagged),
    },
}


@pytest.fixture(params=["FlaskApp", "AsyncApp"])
def app(request):
    connexion = needed("connexion", "around")
    app = getattr(connexion, request.param)(__name__)
    app.add_api(SPECIFICATION)
    return app


@pytest.fixture(params=["wrapped", "added"])
def guarded(request, app):
    if request.param == "wrapped":
        return CORSMiddleware(app, POLICIES)
    before = needed("connexion.middleware", "around").MiddlewarePosition.BEFORE_EXCEPTION
    app.add_middleware(CORSMiddleware, before, policy=POLICIES)
    return app


def answer(app, asked, path):
    status, headers, _ = asyncio.run(serve_asgi(app, scope_of(asked, path)))
    return status, {name: value for name, value in headers if name.startswith("access-control-") or name == "vary"}


@pytest.mark.parametrize(
    ("path", "status"),
    {
        "/api/plain": 200,
        "/api/secret": 401,
        "/api/crash": 500,
        "/api/validated": 400,
        "/api/nowhere": 404,
    }.items(),
)
def test_a_path_is_shared_with_its_errors(guarded, path, status):
    assert answer(guarded, get(APP), path) == (status, {"access-control-allow-origin": APP, "vary": "Origin"})
    assert answer(guarded, get(EVIL), path) == (status, {"vary": "Origin"})
    granted, headers = answer(guarded, preflight(APP, "POST"), path)
    assert (granted, headers["access-control-allow-origin"]) == (204, APP)
    assert answer(guarded, preflight(EVIL, "POST"), path)[0] == 403


def test_the_longest_path_decides(guarded):
    assert answer(guarded, get(EVIL), "/api/open") == (200, {"access-control-allow-origin": "*"})


def test_a_tag_on_an_operation_has_no_effect_and_the_log_says_so_once(guarded, caplog):
    for _ in range(2):
        assert answer(guarded, get(APP), "/api/tagged")[1]["access-control-allow-origin"] == APP
    # The Flask inside may log it too, if no application of the process has a guard of Flask's.
    (said,) = [record for record in caplog.records if record.funcName == "record_unseen"]
    assert (said.levelno, said.args[0].partition(".")[0]) == (logging.WARNING, "connexion")
