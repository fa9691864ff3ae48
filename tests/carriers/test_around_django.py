"""
`@cors` on the operations of Django Ninja, whose views are made by the framework.
"""

import logging
from itertools import count
from types import ModuleType

import pytest
from django.core.checks import Tags, run_checks
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from django.urls import path
from kit.adapters import serve
from kit.django_sending import APP, EVIL, PREFLIGHT_VARY, environ, preflight, send_async, send_sync
from kit.serving import needed

from corsguard import Policy
from corsguard_django import cors, policy_for

pytestmark = pytest.mark.around

OF_PATH = {"allow_origins": [APP]}
OTHER = "https://other.example"
READS = Policy(allow_origins=[OTHER], allow_methods=["GET"], max_age=60)
WRITES = Policy(allow_origins=[EVIL], allow_methods=["DELETE"], max_age=60)

numbers = count()


def shared_with(origin):
    return {"access-control-allow-origin": origin, "vary": "Origin"}


def granted(origin, methods):
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": methods,
        "access-control-max-age": "60",
        "vary": PREFLIGHT_VARY,
    }


@pytest.fixture
def ninja():
    return needed("ninja", "around")


@pytest.fixture
def api(ninja):
    # Ninja refuses a second API with the same name in a process.
    api = ninja.NinjaAPI(urls_namespace=f"around-{next(numbers)}", docs_url=None, openapi_url=None)

    @api.get("/untagged")
    def untagged(request):
        return "ok"

    @api.get("/items/{item}")
    @cors(READS)
    def read(request, item: int):
        return item

    @api.delete("/items/{item}")
    @cors(WRITES)
    def remove(request, item: int):
        raise RuntimeError("the operation crashed")

    @cors(READS)
    @api.get("/above")
    def above(request):
        return "ok"

    @api.get("/async")
    @cors(READS)
    async def asynchronous(request):
        return "ok"

    @api.get("/closed")
    @cors(None)
    def closed(request):
        return "ok"

    return api


@pytest.fixture
def send(request, api):
    with served(api):
        yield request.param


def served(api):
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = [path("api/", api.urls)]
    return override_settings(ROOT_URLCONF=urlconf, CORSGUARD=OF_PATH)


both = pytest.mark.parametrize("send", [send_sync, send_async], indirect=True, ids=["sync", "async"])


@both
@pytest.mark.parametrize("url", ["/api/items/1", "/api/above", "/api/async"])
def test_a_tagged_operation_is_shared_as_its_tag_says(send, url):
    assert (send("GET", url, OTHER).status, send("GET", url, OTHER).of_cors) == (200, shared_with(OTHER))
    assert send("GET", url, APP).of_cors == {"vary": "Origin"}
    assert preflight(send, url, OTHER, "GET").headers == granted(OTHER, "GET")
    assert preflight(send, url, APP, "GET").status == 403


@both
def test_an_untagged_operation_has_the_policy_of_its_path(send):
    assert (send("GET", "/api/untagged", APP).status, send("GET", "/api/untagged", APP).of_cors) == (
        200,
        shared_with(APP),
    )
    assert preflight(send, "/api/untagged").status == 204
    assert preflight(send, "/api/untagged", OTHER).status == 403


@both
def test_each_method_of_a_url_has_the_policy_of_its_operation(send):
    answer = send("DELETE", "/api/items/1", EVIL)
    assert (answer.status, answer.of_cors) == (500, shared_with(EVIL))
    assert preflight(send, "/api/items/1", EVIL, "DELETE").headers == granted(EVIL, "DELETE")
    assert preflight(send, "/api/items/1", OTHER, "DELETE").status == 403


@both
@pytest.mark.parametrize(
    ("method", "url", "status"),
    [("GET", "/api/items/no-number", 422), ("PATCH", "/api/items/1", 405), ("OPTIONS", "/api/items/1", 405)],
)
def test_errors_of_an_operation_have_its_policy_and_a_405_that_of_the_first_one(send, method, url, status):
    answer = send(method, url, OTHER)
    assert (answer.status, answer.of_cors) == (status, shared_with(OTHER))


@both
def test_a_404_has_the_policy_of_its_path(send):
    answer = send("GET", "/api/nowhere", APP)
    assert (answer.status, answer.of_cors) == (404, shared_with(APP))


@both
def test_a_closed_operation_shares_nothing(send):
    answer = send("GET", "/api/closed", APP)
    assert (answer.status, answer.of_cors) == (200, {})


@pytest.mark.parametrize(("granted", "is_said"), [(["GET"], False), (["GET", "DELETE"], True)])
def test_an_operation_that_opens_another_one_at_its_url_is_logged_once(ninja, api, caplog, granted, is_said):
    """
    A preflight for one operation opens the other.
    """

    @api.get("/both")
    @cors(allow_origins=[OTHER], allow_methods=granted)
    def reads(request):
        return "ok"

    @api.delete("/both")
    @cors(None)
    def removes(request):
        return "ok"

    with served(api):
        handler = WSGIHandler()
        caplog.clear()
        for _ in range(2):
            asked = {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET", "HTTP_ORIGIN": OTHER}
            assert serve(handler, environ("/api/both", **asked))[0] == 204
    said = [record.args for record in caplog.records if record.name == "corsguard"]
    names = [tuple(name.rpartition(".")[2] for name in (args[1], args[3])) for args in said]
    assert names == [("reads", "removes")] * is_said


def test_policy_for_returns_the_policy_of_an_operation(api):
    with served(api):
        assert policy_for(environ("/api/items/1")) is READS
        assert policy_for(environ("/api/items/1", REQUEST_METHOD="DELETE")) is WRITES


def test_a_router_is_tagged_as_a_whole(ninja, api):
    """
    The tag goes into what Ninja calls for each of its operations.
    """
    router = ninja.Router()
    router.add_decorator(cors(READS))

    @router.get("/list")
    def items(request):
        return []

    api.add_router("/routed", router)
    with served(api):
        assert send_sync("GET", "/api/routed/list", OTHER).of_cors == shared_with(OTHER)
        assert preflight(send_sync, "/api/routed/list", OTHER, "GET").headers == granted(OTHER, "GET")


def test_a_tag_through_decorate_view_is_refused(ninja, api):
    """
    It decorates how an operation runs, where a tag has no effect. The error comes when the operation is defined.
    """
    with pytest.raises(TypeError, match="cannot have a tag"):

        @api.get("/decorated")
        @needed("ninja.decorators", "around").decorate_view(cors(READS))
        def decorated(request):
            return "ok"


def test_the_warnings_of_an_operation_are_reported_once(api):
    @api.api_operation(["POST", "PATCH"], "/risky")
    @cors(allow_origins=["http://plain.example"])
    def risky(request):
        return "ok"

    with served(api):
        found = [message for message in run_checks(tags=[Tags.security]) if message.id.startswith("corsguard.")]
    (message,) = found
    assert (message.id, message.level) == ("corsguard.W103", logging.WARNING)
    assert "risky" in message.obj
