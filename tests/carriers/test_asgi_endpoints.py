"""
CORSGuard on Starlette and FastAPI: its place in the stack, and the policies of tagged endpoints.
"""

import asyncio
import contextlib
import functools
import logging
from typing import Annotated

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from fastapi import APIRouter, Depends, FastAPI, HTTPException, WebSocket
from flask import Flask
from kit.adapters import serve_asgi
from kit.asgi_sending import drive, scope
from kit.cases import APP, EVIL, get, preflight, request
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute

from corsguard import Policies, Policy, PolicyError, cors
from corsguard.asgi import CORSGuard, CORSMiddleware

SHOP = "https://shop.example"
LISTED = Policy(allow_origins=[APP])
OF_SHOP = Policy(allow_origins=[SHOP], allow_methods=["GET", "DELETE"])


def answer(app, asked, path="/", **more):
    """
    Return the status of *app*, and the CORS headers of its answer.
    """

    async def catching(*arguments):
        # Starlette answers 500 and also raises the exception, so that the server can log it.
        with contextlib.suppress(Boom):
            await app(*arguments)

    status, headers, _ = asyncio.run(serve_asgi(catching, scope(asked, path, **more)))
    return status, {name: value for name, value in headers if name.startswith("access-control-") or name == "vary"}


class Boom(Exception):
    pass


def allowed(app, path, origin, method="GET", **more):
    """
    Return whether *origin* may read *path*, or None if nothing there is guarded. The preflight and the request must
    agree.
    """
    seen = set()
    for asked in (preflight(origin, method=method), request(method, origin)):
        status, headers = answer(app, asked, path, **more)
        assert status != 500
        seen.add(headers.get("access-control-allow-origin") == origin if "vary" in headers else None)
    assert len(seen) == 1
    return seen.pop()


async def plain(request):
    return PlainTextResponse("content")


def tagged_with(policy):
    """
    Return a new tagged endpoint of Starlette.
    """

    async def tagged(request):
        return PlainTextResponse("content")

    return cors(policy)(tagged)


def of_shop():
    return tagged_with(OF_SHOP)


def of_asgi():
    async def app(scope, receive, send):
        await PlainTextResponse("content")(scope, receive, send)

    return app


def application(*, own_handler=False, debug=False):
    app = FastAPI(debug=debug)

    @app.get("/ok")
    def ok(number: int = 1):
        return number

    @app.get("/missing")
    def missing():
        raise HTTPException(404)

    @app.get("/login")
    def login():
        raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})

    @app.get("/boom")
    def boom():
        raise Boom

    @app.get("/stream")
    def stream():
        return StreamingResponse(iter(["a", "b"]))

    if own_handler:

        @app.exception_handler(Exception)
        async def handler(request, error):
            return PlainTextResponse("mine", 500)

    return app


RESPONSES = [
    ("/ok", 200),
    ("/ok?number=x", 422),
    ("/missing", 404),
    ("/nowhere", 404),
    ("/login", 401),
    ("/boom", 500),
    ("/stream", 200),
    ("/ok/", 307),
]


@pytest.mark.parametrize(("path", "status"), RESPONSES)
@pytest.mark.parametrize("form", ["guard", "guard, own handler", "guard, debug", "wrapped"])
def test_every_response_has_the_headers(form, path, status):
    app = application(own_handler="handler" in form, debug="debug" in form)
    if form == "wrapped":
        app = CORSMiddleware(app, LISTED)
    else:
        CORSGuard(app, LISTED)
    path, _, query = path.partition("?")
    granted = {"access-control-allow-origin": APP, "vary": "Origin"}
    got = answer(app, get(APP), path, query_string=query.encode())
    assert got == (status, granted)


def test_a_500_inside_of_add_middleware_has_no_headers_and_the_log_says_so_once(caplog):
    app = application()
    app.add_middleware(CORSMiddleware, policy=LISTED)
    with caplog.at_level(logging.WARNING, "corsguard"):
        assert answer(app, get(APP), "/boom") == (500, {})
        assert answer(app, get(APP), "/ok")[1]["access-control-allow-origin"] == APP
    (record,) = caplog.records
    assert "CORSGuard(app, policy)" in record.getMessage()
    assert "500" in record.getMessage()


@pytest.mark.parametrize("form", ["guard", "wrapped", "inside a mount", "under a guard", "bare"])
def test_the_log_says_nothing_about_a_500_in_other_places(form, caplog):
    app = application()
    if form == "guard":
        CORSGuard(app, LISTED)
    elif form == "wrapped":
        app = CORSMiddleware(app, LISTED)
    elif form == "inside a mount":
        app.add_middleware(CORSMiddleware, policy=LISTED)
        app = Starlette(routes=[Mount("/sub", app)])
    elif form == "under a guard":
        app.add_middleware(CORSMiddleware, policy=LISTED)
        CORSGuard(app, LISTED)
    with caplog.at_level(logging.WARNING, "corsguard"):
        answer(app, get(APP), "/sub/ok")
        answer(app, get(APP), "/ok")
    assert "is inside" not in caplog.text


def test_assigning_policies_changes_a_guard_that_add_middleware_has_taken():
    app, policies = application(), Policies(LISTED)
    app.add_middleware(CORSMiddleware, policy=policies)
    assert allowed(app, "/ok", APP) is True
    policies.policy = OF_SHOP
    assert allowed(app, "/ok", APP) is False
    assert allowed(app, "/ok", SHOP) is True


@pytest.mark.parametrize("made", [Starlette, FastAPI])
def test_the_application_stays_what_it_was_and_the_guard_has_its_policy(made):
    app = made()
    guard = CORSGuard(app, LISTED)
    assert type(app) is made
    assert app.state.corsguard is guard
    assert guard.policy == LISTED
    assert allowed(app, "/", APP) is True
    guard.policy = OF_SHOP
    assert allowed(app, "/", APP) is False
    with pytest.raises(PolicyError, match="E101"):
        guard.policy = {"allow_origins": []}
    assert guard.policy == OF_SHOP


def test_middleware_that_is_added_later_stands_inside_the_guard():
    """
    Middleware that answers before the application, such as a login, answers under the guard.
    """
    app = application()
    CORSGuard(app, LISTED)

    async def login(request, call_next):
        return PlainTextResponse("who are you?", 401)

    app.add_middleware(BaseHTTPMiddleware, dispatch=login)
    assert answer(app, get(APP), "/ok") == (401, {"access-control-allow-origin": APP, "vary": "Origin"})
    assert answer(app, preflight(APP, "GET"), "/ok")[0] == 204


def test_it_is_installed_once_and_before_the_first_request():
    app = application()
    CORSGuard(app, LISTED)
    with pytest.raises(RuntimeError, match=r"guarded already.*app\.state\.corsguard\.policy"):
        CORSGuard(app, OF_SHOP)
    served = application()
    answer(served, get(APP), "/ok")
    with pytest.raises(RuntimeError, match="it has served a request, or it runs its startup or lifespan now"):
        CORSGuard(served, LISTED)
    assert answer(served, get(APP), "/ok") == (200, {})
    assert allowed(app, "/ok", APP) is True


def test_a_refused_policy_leaves_the_application_as_it_was():
    app = application()
    with pytest.raises(PolicyError, match="E101"):
        CORSGuard(app, {"allow_origins": []})
    with pytest.raises(PolicyError, match="E805"):
        CORSGuard(app, LISTED, websockets="none")
    CORSGuard(app, LISTED)


@pytest.mark.parametrize("app", [plain, Router(), GZipMiddleware(plain), None, lambda environ, start_response: []])
def test_other_applications_are_refused_with_what_to_write(app):
    with pytest.raises(TypeError, match=r"Expected a Starlette or FastAPI application, got .*CORSMiddleware\(app"):
        CORSGuard(app, LISTED)


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (Flask("shop"), "Write `from corsguard_flask import CORSGuard`."),
        (WSGIHandler.__new__(WSGIHandler), 'Write `MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"'),
        (ASGIHandler.__new__(ASGIHandler), 'Write `MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"'),
        (GZipMiddleware(ExceptionMiddleware(plain)), "`app.add_middleware(CORSMiddleware, policy=policy)`."),
    ],
    ids=["Flask", "Django WSGI", "Django ASGI", "a middleware"],
)
def test_an_application_with_another_guard_is_refused_with_the_name_of_that_guard(app, said):
    with pytest.raises(TypeError) as refused:
        CORSGuard(app, LISTED)
    assert said in str(refused.value)


def test_the_guard_in_place_of_the_middleware_is_refused_with_what_to_write():
    app = FastAPI()
    app.add_middleware(CORSGuard, policy=LISTED)
    with pytest.raises(
        TypeError, match=r"Write `CORSGuard\(app, policy\)` below `app = FastAPI\(\)`, or `app\.add_mid"
    ):
        answer(app, get(APP), "/ok")


def test_installing_it_during_the_lifespan_is_too_late():
    @contextlib.asynccontextmanager
    async def lifespan(app):
        CORSGuard(app, LISTED)
        yield

    async def receive():
        return {"type": "lifespan.startup"}

    async def send(message):
        pass

    with pytest.raises(RuntimeError, match="it runs its startup or lifespan now"):
        asyncio.run(FastAPI(lifespan=lifespan)({"type": "lifespan", "state": {}}, receive, send))


def test_the_keywords_of_the_middleware_of_starlette_are_named():
    app = FastAPI()
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)
    with pytest.raises(TypeError) as refused:
        answer(app, get(APP), "/ok")
    policy = '{"allow_origins": ..., "allow_credentials": ...}'
    assert str(refused.value) == (
        'CORSMiddleware got "allow_origins", "allow_credentials". It takes a policy as one argument. Write '
        f"CORSMiddleware(app, {policy}) or app.add_middleware(CORSMiddleware, policy={policy})."
    )
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'policy'"):
        CORSMiddleware(plain)


def test_the_guard_itself_can_be_served():
    app = application()
    guard = CORSGuard(app, LISTED)
    assert allowed(guard, "/ok", APP) is True
    assert answer(guard, get(APP), "/boom")[1]["access-control-allow-origin"] == APP


def test_overrides_of_dependencies_have_their_effect():
    app = FastAPI()

    def user():
        raise HTTPException(401)

    @app.get("/me")
    def me(name: Annotated[str, Depends(user)]):
        return name

    CORSGuard(app, LISTED)
    app.dependency_overrides[user] = lambda: "me"
    assert answer(app, get(APP), "/me")[0] == 200


PUT_ON = {
    "guard": lambda app, policy: CORSGuard(app, policy) and app,
    "wrapped": CORSMiddleware,
    "wrapped, a layer between": lambda app, policy: CORSMiddleware(GZipMiddleware(app), policy),
    "added": lambda app, policy: app.add_middleware(CORSMiddleware, policy=policy) or app,
}


@pytest.fixture(params=PUT_ON.values(), ids=PUT_ON.keys())
def guarded(request):
    return request.param


def test_tags_of_starlette_endpoints_are_found(guarded):
    class Items(HTTPEndpoint):
        async def get(self, request):
            return PlainTextResponse("content")

    routes = [
        Route("/plain", plain),
        Route("/function", of_shop()),
        Route("/closed", tagged_with(None)),
        Route("/class", cors(OF_SHOP)(Items)),
        Route("/partial", functools.partial(of_shop())),
        Route("/number/{number:int}", of_shop()),
        Route("/slash/", of_shop()),
        Route("/no-slash", of_shop()),
        Mount("/mount", routes=[Route("/function", of_shop()), Route("/plain", plain), Route("/slash/", of_shop())]),
        Mount("/deep", routes=[Mount("/deeper", routes=[Route("/{name}", of_shop())])]),
        Mount("/application", Starlette(routes=[Route("/function", of_shop()), Route("/", of_shop())])),
        Mount("/layers", routes=[Route("/function", of_shop())], middleware=[Middleware(GZipMiddleware)]),
        Mount("/asgi", cors(OF_SHOP)(of_asgi())),
    ]
    app = guarded(Starlette(routes=routes), LISTED)
    shops = [
        "/function",
        "/class",
        "/partial",
        "/number/5",
        "/slash/",
        "/slash",
        "/no-slash/",
        "/mount/function",
        "/mount/slash",
        "/deep/deeper/x",
        "/application/function",
        "/application/",
        "/layers/function",
        "/asgi/whatever",
    ]
    for path in shops:
        assert allowed(app, path, SHOP) is True, path
        assert allowed(app, path, APP) is False, path
    for path in ("/plain", "/mount/plain", "/mount/nowhere", "/nowhere", "/number/x", "/application/no", "/mount"):
        assert allowed(app, path, APP) is True, path
        assert allowed(app, path, SHOP) is False, path
    assert allowed(app, "/closed", APP) is None
    assert answer(app, preflight(APP, "GET"), "/closed") == (405, {})


def test_tags_of_fastapi_endpoints_are_found(guarded):
    app, items, deep, sub = FastAPI(), APIRouter(prefix="/items"), APIRouter(), FastAPI()

    @items.get("/{number}")
    @cors(OF_SHOP)
    def read(number: int):
        return number

    # A decorator above the route tags the same function.
    @cors(OF_SHOP)
    @items.get("/above/it")
    def above():
        return 1

    @items.delete("/{number}")
    def delete(number: int):
        return number

    @deep.get("/slash/")
    @cors(OF_SHOP)
    async def slash():
        return 1

    @sub.get("/function")
    @cors(OF_SHOP)
    def of_sub():
        return 1

    items.include_router(deep, prefix="/deep")
    app.include_router(items, prefix="/v1")
    app.include_router(items, prefix="/v2")
    app.mount("/sub", sub)
    app = guarded(app, LISTED)
    for path in ("/v1/items/5", "/v2/items/5", "/v1/items/above/it", "/v1/items/deep/slash/", "/v2/items/deep/slash"):
        assert allowed(app, path, SHOP) is True, path
        assert allowed(app, path, APP) is False, path
    assert allowed(app, "/sub/function", SHOP) is True
    # A 422 and a 405 are answers of the endpoint. Two methods at one path are two endpoints.
    assert allowed(app, "/v1/items/x", SHOP) is True
    assert allowed(app, "/v1/items/5", SHOP, "PUT") is True
    assert allowed(app, "/v1/items/5", SHOP, "DELETE") is False
    assert allowed(app, "/v1/items/5", APP, "DELETE") is True
    for path in ("/v1/items", "/v3/items/5", "/openapi.json", "/docs", "/sub/nowhere"):
        assert allowed(app, path, APP) is True, path


def test_endpoints_are_found_by_host(guarded):
    shop, rest = Router([Route("/", of_shop())]), Router([Route("/", plain)])
    app = guarded(Starlette(routes=[Host("shop.test", shop), Host("{other}.test", rest)]), LISTED)

    def at(host, origin):
        asked = get(origin)
        return answer(app, asked._replace(headers={**asked.headers, "Host": host}))[1].get(
            "access-control-allow-origin"
        )

    assert [at(host, SHOP) for host in ("shop.test", "other.test", "nowhere")] == [SHOP, None, None]
    assert [at(host, APP) for host in ("shop.test", "other.test", "nowhere")] == [None, APP, APP]


def test_without_a_policy_only_tagged_endpoints_share():
    app = Starlette(routes=[Route("/plain", plain), Route("/function", of_shop())])
    CORSGuard(app)
    assert allowed(app, "/function", SHOP) is True
    assert allowed(app, "/plain", SHOP) is None
    assert answer(app, get(SHOP), "/plain") == (200, {})


def test_a_tag_takes_the_place_of_the_path_and_other_endpoints_have_their_path(guarded):
    app = Starlette(routes=[Route("/api/open", tagged_with(Policy(allow_origins="*"))), Route("/api/plain", plain)])
    app = guarded(app, {"/api": LISTED, "/": None})
    assert answer(app, get(EVIL), "/api/open")[1]["access-control-allow-origin"] == "*"
    assert allowed(app, "/api/plain", APP) is True
    assert allowed(app, "/api/nowhere", APP) is True
    assert answer(app, get(APP), "/nowhere") == (404, {})


def test_readings_of_an_odd_path_have_to_agree(guarded):
    """
    One reading leads to a tagged endpoint, and the path of another has a wider policy. Neither is used.
    """
    app = guarded(Starlette(routes=[Route("/api/x", tagged_with(None)), Route("/{path:path}", plain)]), LISTED)
    assert allowed(app, "/api/x", APP) is None
    for path in ("/api/%78", "//api/x", "/api/./x", "/y/../api/x", "/api\\x"):
        _, headers = answer(app, preflight(APP, "GET"), path)
        assert "access-control-allow-origin" not in headers, path
        assert answer(app, get(APP), path)[1] == {"vary": "Origin"}, path


@pytest.mark.parametrize(("path", "root_path"), [("/px/function", "/px"), ("/function", "/px"), ("/function", "")])
def test_endpoints_are_found_below_a_root_path(guarded, path, root_path):
    app = guarded(Starlette(routes=[Route("/function", of_shop())]), LISTED)
    assert allowed(app, path, SHOP, root_path=root_path) is True
    assert allowed(app, path, APP, root_path=root_path) is False


@pytest.mark.filterwarnings("ignore:The `root_path` parameter is deprecated")
def test_endpoints_are_found_below_the_root_path_of_fastapi(guarded):
    app = FastAPI(root_path="/px")
    app.add_api_route("/function", cors(OF_SHOP)(lambda: 1))
    app = guarded(app, LISTED)
    for path in ("/px/function", "/function"):
        assert allowed(app, path, SHOP) is True
        assert allowed(app, path, APP) is False


def test_a_layer_that_copies_the_scope_hides_the_endpoint_but_not_its_policy(guarded):
    class Copying:
        def __init__(self, app):
            self.app = app

        async def __call__(self, scope, receive, send):
            await self.app(dict(scope), receive, send)

    routes = [Route("/function", of_shop()), Route("/plain", plain)]
    app = guarded(Starlette(routes=routes, middleware=[Middleware(Copying)]), LISTED)
    assert allowed(app, "/function", SHOP) is True
    assert allowed(app, "/plain", APP) is True


def test_a_guard_inside_a_mount_finds_the_endpoints_below_it():
    inner = Starlette(routes=[Route("/function", of_shop()), Route("/plain", plain), Route("/sub/again", of_shop())])
    app = Starlette(routes=[Mount("/sub", CORSMiddleware(inner, LISTED)), Route("/plain", plain)])
    assert allowed(app, "/sub/sub/again", SHOP) is True
    assert allowed(app, "/sub/function", SHOP) is True
    assert allowed(app, "/sub/plain", APP) is True
    assert allowed(app, "/plain", APP) is None


def test_classes_inherit_tags_and_may_have_tags_of_their_own():
    @cors(OF_SHOP)
    class Tagged(HTTPEndpoint):
        async def get(self, request):
            return PlainTextResponse("content")

    class Inheriting(Tagged):
        pass

    @cors(LISTED)
    class Own(Tagged):
        pass

    routes = [Route("/tagged", Tagged), Route("/inheriting", Inheriting), Route("/own", Own)]
    app = Starlette(routes=routes)
    CORSGuard(app)
    assert [allowed(app, path, SHOP) for path in ("/tagged", "/inheriting", "/own")] == [True, True, False]
    assert allowed(app, "/own", APP) is True


def test_a_tag_on_a_method_closes_the_class_and_the_log_says_so(caplog):
    class Items(HTTPEndpoint):
        @cors(OF_SHOP)
        async def get(self, request):
            return PlainTextResponse("content")

    app = Starlette(routes=[Route("/items", Items)])
    CORSGuard(app, LISTED)
    assert answer(app, get(SHOP), "/items") == (200, {})
    assert answer(app, preflight(APP, "GET"), "/items") == (405, {})
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "get" in record.getMessage()
    assert "Items" in record.getMessage()
    # Words of Django and of Flask would mislead.
    assert record.getMessage().endswith("Write @cors above the class instead.")


class Raising(Convertor):
    regex = ".*"

    def convert(self, value):
        raise Boom

    def to_string(self, value):
        return value


def test_an_error_of_a_convertor_only_reaches_the_application(guarded):
    register_url_convertor("raising", Raising())
    app = guarded(Starlette(routes=[Route("/{x:raising}", of_shop())]), LISTED)
    assert answer(app, preflight(APP, "GET"), "/x")[0] == 204
    assert answer(app, preflight(SHOP, "GET"), "/x")[0] == 403


def test_a_tag_made_after_the_start_is_used(guarded):
    app = Starlette(routes=[Route("/late", late := plain_copy())])
    app = guarded(app, LISTED)
    assert allowed(app, "/late", APP) is True
    cors(OF_SHOP)(late)
    assert allowed(app, "/late", SHOP) is True
    assert allowed(app, "/late", APP) is False


def plain_copy():
    async def view(request):
        return PlainTextResponse("content")

    return view


@pytest.mark.parametrize("prefix", ["", "/v1", "/sub"])
def test_the_log_says_once_what_endpoints_of_one_path_open_of_each_other(guarded, prefix, caplog):
    app, router = FastAPI(), APIRouter()

    @router.get("/items/{number}")
    @cors(OF_SHOP)
    def read(number: int):
        return number

    @router.delete("/items/{name:path}")
    def delete(name: str):
        return name

    @router.delete("/elsewhere")
    def other():
        return 1

    # It serves no method that has a preflight.
    router.websocket("/items/{feed}")(tagged_feed())
    if prefix == "/sub":
        sub = FastAPI()
        sub.include_router(router)
        app.mount("/sub", sub)
    else:
        app.include_router(router, prefix=prefix)
    app = guarded(app, LISTED)
    for _ in range(2):
        answer(app, get(SHOP), f"{prefix}/items/1")
    (record,) = [record for record in caplog.records if "preflight cache" in record.getMessage()]
    assert f"Two views with different policies are at {prefix}/items/{{number}}. The policy of" in record.getMessage()
    assert "read grants DELETE, which" in record.getMessage()


def test_the_source_of_a_tag_is_awaited(guarded):
    class Source:
        async def allows(self, origin):
            await asyncio.sleep(0)
            return origin == SHOP

    app = guarded(Starlette(routes=[Route("/", tagged_with(Policy(allow_origins=Source())))]), LISTED)
    assert allowed(app, "/", SHOP) is True
    assert allowed(app, "/", APP) is False


def test_policy_for_returns_the_policy_of_an_endpoint():
    app = Starlette(routes=[Route("/function", of_shop()), Route("/plain", plain), Route("/closed", tagged_with(None))])
    guard = CORSGuard(app, LISTED)
    found = [guard.policy_for({"path": path}) for path in ("/function", "/plain", "/closed", "/nowhere")]
    assert found == [OF_SHOP, LISTED, None, LISTED]
    assert guard.find({"path": "/function"}).name.endswith("tagged_with.<locals>.tagged")


def opened(app, path, origin):
    """
    Return whether *app* accepts a WebSocket at *path* from a page of *origin*.
    """
    asked = scope(get(origin), path)
    asked.update(type="websocket", scheme="wss", subprotocols=[])
    del asked["method"]
    first = drive(app, asked, {"type": "websocket.connect"}, {"type": "websocket.disconnect"})[0]
    assert first["type"] in {"websocket.accept", "websocket.close"}
    return first["type"] == "websocket.accept"


WITH_CREDENTIALS = Policy(allow_origins=[SHOP], allow_credentials=True)


def test_tags_of_websocket_routes_are_found(guarded):
    async def feed(websocket):
        await websocket.accept()

    class Feed(WebSocketEndpoint):
        pass

    routes = [
        WebSocketRoute("/plain", feed),
        WebSocketRoute("/class", cors(WITH_CREDENTIALS)(Feed)),
        Mount("/mount", routes=[WebSocketRoute("/closed", cors(None)(tagged_feed()))]),
        # At the path of one route, the other route is not asked.
        Route("/plain", of_shop()),
    ]
    own = Policy(allow_origins=[APP], allow_credentials=True)
    app = guarded(Starlette(routes=routes), own)
    assert [opened(app, path, SHOP) for path in ("/plain", "/class", "/mount/closed")] == [False, True, False]
    assert [opened(app, path, APP) for path in ("/plain", "/class", "/mount/closed")] == [True, False, False]


def tagged_feed():
    async def feed(websocket: WebSocket):
        await websocket.accept()

    return feed


def test_tags_of_websocket_routes_of_fastapi_are_found(guarded):
    app, router = FastAPI(), APIRouter()
    router.websocket("/feed")(cors(WITH_CREDENTIALS)(tagged_feed()))
    app.include_router(router, prefix="/api")
    app.websocket("/plain")(tagged_feed())
    app = guarded(app, LISTED)
    assert [opened(app, path, SHOP) for path in ("/api/feed", "/plain")] == [True, False]
    assert [opened(app, path, EVIL) for path in ("/api/feed", "/plain")] == [False, False]


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        (
            {"origins": ["https://app.example.com"]},
            'CORSGuard got "origins". It takes a policy as one argument. Write CORSGuard(app, {"allow_origins": ...}).',
        ),
        ({"allow_origins": "*", "allow_credential": True}, '"allow_origins": ..., "allow_credentials": ...}'),
        ({"debug": True}, 'CORSGuard got "debug", which it does not know.'),
    ],
)
def test_keywords_of_a_policy_in_a_mapping_are_refused_by_name(keywords, said):
    app = FastAPI()
    with pytest.raises(TypeError) as refused:
        CORSGuard(app, **keywords)
    assert said in str(refused.value)
    # Nothing guards it.
    CORSGuard(app, {"allow_origins": "*"})
