"""
The guard of an ASGI application is found in its place, with the tags of the endpoints, for every command.
"""

import itertools
import json
import sys

import pytest
from click.testing import CliRunner
from kit.pasting import read

from corsguard import PolicyError, diagnosis
from corsguard.cli.group import group
from corsguard.diagnosis import LoadError
from corsguard.diagnosis.guarded import Place, load_guarded

APP = "https://app.example.com"
TAG = "http://tag.example.com"
NAMES = (f"asynchronous_{number}" for number in itertools.count())

MODULE = """
from fastapi import APIRouter, FastAPI, WebSocket
from quart import Quart
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route
from corsguard import CORSMiddleware as OfWSGI, Policies, Policy, cors
from corsguard.asgi import CORSGuard, CORSMiddleware

PATHS = {"/api": {"allow_origins": ["https://app.example.com"]}, "/closed": None, "/caf\xe9": None}

def tag(max_age):
    return cors(allow_origins=["http://tag.example.com"], allow_methods=["PUT"], max_age=max_age)

def fastapi():
    app, router, inner = FastAPI(), APIRouter(), FastAPI()

    @router.get("/tagged")
    @cors(None)
    def closed():
        return "x"

    @router.put("/tagged")
    @inner.put("/tagged")
    @tag(1)
    def tagged():
        return "x"

    @router.websocket("/feed")
    @tag(2)
    async def feed(websocket: WebSocket):
        await websocket.accept()

    @app.get("/api/items")
    def items():
        return "x"

    app.include_router(router, prefix="/api")
    app.mount("/sub", inner)
    return app

@tag(1)
class Tagged(HTTPEndpoint):
    async def put(self, request):
        return PlainTextResponse("x")

@tag(3)
class Inner(HTTPEndpoint):
    pass

@tag(2)
async def files(scope, receive, send):
    await PlainTextResponse("x")(scope, receive, send)

def starlette(*middleware):
    at_host = [Route("/api/tagged", Tagged)]
    return Starlette(
        routes=[
            Host("tagged.example.com", Starlette(routes=at_host)),
            Mount("/sub", routes=[Route("/tagged", Inner)]),
            Mount("/files", files),
            Route("/api/tagged", Tagged),
        ],
        middleware=[*middleware],
    )

guarded, added, listed = fastapi(), fastapi(), starlette(Middleware(CORSMiddleware, policy=PATHS))
guard = CORSGuard(guarded, PATHS)
added.add_middleware(CORSMiddleware, policy=Policies(PATHS))
added.add_middleware(GZipMiddleware)
wrapped = CORSMiddleware(starlette(), PATHS)
outer = TrustedHostMiddleware(guarded)
bound = wrapped.__call__
of_quart = Quart(__name__)
of_quart.asgi_app = CORSMiddleware(of_quart.asgi_app, PATHS)
unmoved = starlette()
CORSGuard(unmoved)

class Ours(CORSMiddleware):
    pass

subclassed = starlette(Middleware(Ours, policy=PATHS))

class Tenants:
    async def allows(self, origin):
        return origin == "https://app.example.com"

AWAITED = Policy(allow_origins=Tenants())
awaiting = Starlette()
CORSGuard(awaiting, AWAITED)

async def bare(scope, receive, send):
    await PlainTextResponse("x")(scope, receive, send)

unguarded, misadded, bad, untagged = fastapi(), fastapi(), fastapi(), FastAPI()
misspelt = starlette(Middleware(CORSMiddleware, polcy=PATHS))
misadded.add_middleware(CORSGuard, policy=PATHS)
bad.add_middleware(CORSMiddleware, policy={"allow_origins": ["app.example.com"]})
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """
    The name of MODULE, which can be imported. Tests do not change it.
    """
    name, path = next(NAMES), tmp_path_factory.mktemp("asynchronous")
    (path / f"{name}.py").write_text(MODULE)
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(path))
        patched.delenv("DJANGO_SETTINGS_MODULE", raising=False)
        yield name
        sys.modules.pop(name, None)


def environ(path="/", method="GET", **more):
    return {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": "api.example.com", **more}


def preflight(path, method, **more):
    return environ(path, "OPTIONS", HTTP_ORIGIN=APP, HTTP_ACCESS_CONTROL_REQUEST_METHOD=method, **more)


# The place of the guard, and the words in which its policy is written.
STANDS = {
    "guarded": "fastapi",
    "guard": "fastapi",
    "outer": "fastapi",
    "added": "add_middleware",
    "listed": "add_middleware",
    "subclassed": "add_middleware",
    "wrapped": "asgi",
    "bound": "asgi",
    "of_quart": "asgi",
}


@pytest.mark.parametrize("attribute", STANDS)
def test_a_guard_knows_the_policy_and_its_place(module, attribute):
    guarded = load_guarded(f"{module}:{attribute}")
    there = guarded.find(environ("/api/items"))
    assert (there.name, there.policy.allow_origins) == ("/api", (APP,))
    assert guarded.place_of(there, "max_age") == Place(f"{module}:{attribute}", STANDS[attribute], ("paths", "/api"))
    assert guarded.find(environ("/closed/x")).policy is None
    assert guarded.find(environ("/other")).policy == "unguarded"


@pytest.mark.parametrize(
    ("attribute", "request_", "endpoint"),
    [
        ("guarded", preflight("/api/tagged", "PUT"), "fastapi.<locals>.tagged"),
        ("guarded", environ("/sub/tagged", "PUT"), "fastapi.<locals>.tagged"),
        ("guarded", environ("/api/feed", HTTP_UPGRADE="websocket"), "fastapi.<locals>.feed"),
        ("added", preflight("/api/tagged", "PUT"), "fastapi.<locals>.tagged"),
        ("wrapped", preflight("/api/tagged", "PUT"), "Tagged"),
        ("wrapped", environ("/sub/tagged", "PUT"), "Inner"),
        ("wrapped", environ("/files/a", "PUT"), "files"),
        ("wrapped", environ("/api/tagged", HTTP_HOST="tagged.example.com"), "Tagged"),
        ("unmoved", preflight("/api/tagged", "PUT"), "Tagged"),
    ],
)
def test_the_policy_of_a_tagged_endpoint_takes_the_place_of_that_of_its_path(module, attribute, request_, endpoint):
    """
    Its place is the endpoint.
    """
    guarded = load_guarded(f"{module}:{attribute}")
    there = guarded.find(request_)
    assert (there.name, there.policy.allow_origins) == (f"{module}.{endpoint}", (TAG,))
    assert guarded.place_of(there, "max_age") == Place(f"view {module}.{endpoint}", "view")
    assert f"view {module}.{endpoint}: allow_origins" in [problem.field for problem in guarded.problems]


def test_an_endpoint_is_found_by_its_method(module):
    guarded = load_guarded(f"{module}:guarded")
    assert guarded.find(preflight("/api/tagged", "GET")).policy is None
    assert guarded.find(environ("/caf\xc3\xa9")).name == "/caf\xe9"


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("unguarded", "is a FastAPI or Starlette application that nothing guards. Write from corsguard.asgi import"),
        ("misadded", "is a FastAPI or Starlette application that nothing guards"),
        ("bare", "wrap it: from corsguard.asgi import CORSMiddleware; CORSMiddleware(app, {"),
        ("misspelt", "app.add_middleware(CORSMiddleware, ...) has wrong arguments: "),
    ],
)
def test_an_application_without_a_guard_gets_what_to_write(module, attribute, said):
    with pytest.raises(LoadError) as caught:
        load_guarded(f"{module}:{attribute}")
    assert str(caught.value).startswith(f"{module}:{attribute}")
    assert said in str(caught.value)


def test_a_refused_policy_is_reported_before_the_first_request(module):
    """
    Starlette builds middleware at the first call. The policy is judged before that.
    """
    with pytest.raises(PolicyError) as caught:
        load_guarded(f"{module}:bad")
    assert [problem.code for problem in caught.value.problems] == ["E202"]


def ran(*arguments):
    done = CliRunner().invoke(group, [*arguments, "--json"])
    return json.loads(done.stdout), done.exit_code


@pytest.mark.parametrize("attribute", ["guarded", "added", "wrapped"])
def test_lint_reports_the_warnings_of_tags_too(module, attribute):
    """
    They are reported next to those of the paths, once for each place.
    """
    document, code = ran("lint", f"{module}:{attribute}")
    places = (
        ["Inner", "Tagged", "files"] if attribute == "wrapped" else ["fastapi.<locals>.tagged", "fastapi.<locals>.feed"]
    )
    found = sorted((one["code"], one["field"]) for one in document["findings"])
    assert found == sorted(
        (code, f"view {module}.{place}: {keyword}")
        for place in places
        for code, keyword in (("W103", "allow_origins"), ("W202", "allow_headers"))
    )
    assert code == 0


@pytest.mark.parametrize("attribute", ["guarded", "added", "wrapped"])
@pytest.mark.parametrize("command", ["check", "explain"])
def test_the_line_to_change_is_in_the_place_of_the_guard(module, attribute, command):
    name = f"{module}:{attribute}"
    where = ["--url", "/api/items"] if command == "check" else ["--path", "/api/items"]
    document, code = ran(command, name, "--page", APP, "-X", "DELETE", *where)
    (change,) = document["changes"]
    assert (change["place"], code) == (name, 1)
    written = [line.replace("..., ", "") for line in change["lines"]]
    allowed = {"allow_methods": ["GET", "HEAD", "POST", "DELETE"]}
    assert read(STANDS[attribute], written) == {"paths": {"/api": allowed}}


@pytest.mark.parametrize("command", ["check", "explain"])
def test_the_line_to_change_is_the_tag_of_an_endpoint(module, command):
    where = ["--url", "/api/tagged"] if command == "check" else ["--path", "/api/tagged"]
    document, code = ran(command, f"{module}:guarded", "--page", APP, "-X", "PUT", *where)
    (change,) = document["changes"]
    assert (change["place"], code) == (f"view {module}.fastapi.<locals>.tagged", 1)
    assert change["lines"] == [f'@cors(..., allow_origins=["{TAG}", "{APP}"])']


def test_an_unguarded_application_gets_what_to_begin_with(module):
    for attribute in ("unguarded", "misadded"):
        # Their views are tagged.
        found = diagnosis.check(f"{module}:{attribute}", page=APP, url="/items")
        assert found.beginning[0] == "from corsguard.asgi import CORSGuard"
        assert found.beginning[1].startswith("CORSGuard(app)  #")
    for attribute, form in (("untagged", "fastapi"), ("bare", None)):
        found = diagnosis.check(f"{module}:{attribute}", page=APP, url="/items")
        assert found.rehearsal is None
        assert (read(form, found.beginning) if form else found.beginning) == ({"allow_origins": [APP]} if form else ())


@pytest.mark.parametrize("attribute", ["AWAITED", "awaiting"])
def test_an_awaited_source_is_asked(module, attribute):
    """
    Only ASGI can ask the source of these policies. They are explained, and it is not reported as a fault.
    """
    name = f"{module}:{attribute}"
    assert ran("lint", name)[0]["findings"] == []
    for page, shared in ((APP, True), ("https://other.example", False)):
        document, _ = ran("explain", name, "--page", page, "-X", "POST", "-H", "content-type")
        assert document["shared"] is False
        assert document["exchanges"][0]["steps"][0]["passed"] is shared
        assert ran("explain", name, "--page", page)[0]["shared"] is shared
