"""
What the ASGI middleware takes: paths, policies and their swaps, applications, and listeners.
"""

import asyncio
import contextvars
import functools
import gc
import logging
import threading
import weakref

import pytest
from asgiref.compatibility import guarantee_single_callable
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from falcon import App as FalconWSGI
from falcon.asgi import App as FalconASGI
from fastapi import FastAPI
from flask import Flask
from kit.adapters import CarriedASGI
from kit.asgi_sending import (
    ALLOW_ORIGIN,
    BODY,
    OTHER,
    TEXT,
    drive,
    either_path,
    granted,
    headers_of,
    scope,
    sending,
    start,
)
from kit.cases import ANYONE, APP, EVIL, LISTED, get, preflight
from kit.naming import steady
from quart import Quart
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from corsguard import Configuration, Policies, Policy, PolicyError, asgi
from corsguard.adapters import Journal
from corsguard.asgi import CORSMiddleware

variable = contextvars.ContextVar("variable", default="outside")


@pytest.mark.parametrize(
    ("root_path", "path", "expected"),
    [
        ("", "/api", "/api"),
        ("", "", ""),
        ("/px", "/px/api", "/api"),
        ("/px", "/api", "/api"),
        ("/px", "/px", "/"),
        ("/px", "/px/", "/"),
        ("/px/", "/px/api", "/api"),
        ("/px/", "/px", "/"),
        ("/p", "/px/api", "/px/api"),
        ("/px", "/px//api", "//api"),
        ("/", "/api", "/api"),
        ("/élève", "/élève/api", "/api"),
        ("/a b", "/a b/api", "/api"),
        ("/px", "/x/px/api", "/x/px/api"),
        ("px", "/px/api", "/px/api"),
        (None, "/api", "/api"),
    ],
)
def test_a_path_is_read_below_its_root_path_as_starlette_reads_it(root_path, path, expected):
    assert asgi.path_of({"path": path, "root_path": root_path}) == expected
    middleware = CORSMiddleware(sending(), {"/api": LISTED})
    asked = scope(get(APP), path, root_path=root_path)
    policy = Policy(**LISTED) if expected in ("/api", "//api") else "unguarded"
    assert middleware.policy_for(asked) == (None if expected == "//api" else policy)


def test_a_scope_without_a_root_path_has_none():
    assert asgi.path_of({"path": "/api"}) == "/api"


@pytest.mark.parametrize("root_path", ["", "/px"])
@pytest.mark.parametrize(
    ("path", "expected"),
    {
        "/api": True,
        "/api/x": True,
        "/apiary": False,
        "/": False,
        "/closed/x": None,
        # ASGI has text that is decoded once. It is not decoded again.
        "/élève/1": True,
        "/élève/1".encode().decode("latin-1"): False,
        "/api//x": True,
        "/api/../x": None,
        "/%61pi": None,
        "*": False,
        "api": True,
    }.items(),
    ids=ascii,
)
def test_a_path_has_the_policy_of_its_prefix(path, expected, root_path):
    by_path = {"/": {"allow_origins": [OTHER]}, "/api": LISTED, "/closed": None, "/élève": LISTED}
    for middleware in (CORSMiddleware, CarriedASGI):
        guarded = middleware(sending(start(TEXT)), by_path)
        below = f"{root_path}{path}" if path.startswith("/") else path
        if expected is None and "closed" not in path:
            # One of several readings is a list.
            assert granted(guarded, below, APP, root_path=root_path) is False
            assert guarded.find(scope(get(APP), below, root_path=root_path)).is_odd
        else:
            assert granted(guarded, below, APP, root_path=root_path) is expected


def test_values_that_a_mount_writes_into_the_scope_change_nothing():
    app = FastAPI()
    app.root_path = "/px"
    app.mount("/sub", sending(start(TEXT), BODY))
    guarded = CORSMiddleware(app, {"/sub": LISTED})
    assert granted(guarded, "/sub/x", APP) is True


@either_path
def test_a_closed_path_shares_nothing_and_an_unguarded_one_is_left_alone(middleware):
    theirs = [(ALLOW_ORIGIN, b"*"), (b"vary", b"cookie")]
    guarded = middleware(sending(start(*theirs)), {"/": LISTED, "/closed": None, "/own": "unguarded"})
    for asked in (get(), get(APP), preflight(APP, "PUT")):
        assert headers_of(guarded, scope(asked, "/closed")) == [(b"vary", b"cookie")]
        assert headers_of(guarded, scope(asked, "/own")) == theirs


def test_a_policy_in_any_form_is_swapped_by_one_assignment():
    guarded = CORSMiddleware(sending(start(TEXT)), None)
    assert granted(guarded, "/", APP) is None
    for new, expected in (
        (LISTED, True),
        ({"allow_origins": [OTHER]}, False),
        (Policy(allow_origins=[APP]), True),
        ({"/": LISTED, "/api": None}, True),
        ({"paths": {"/api": LISTED}}, None),
        ({"/": "unguarded"}, None),
        (Policies({"allow_origins": [OTHER]}), False),
        (Configuration.from_mapping(LISTED), True),
        (None, None),
    ):
        guarded.policy = new
        assert granted(guarded, "/", APP) is expected
        assert granted(CORSMiddleware(sending(start(TEXT)), new), "/", APP) is expected
    guarded.policy = LISTED
    for bad in ({"allow_origins": []}, {"/api/": LISTED}, [APP]):
        with pytest.raises(PolicyError):
            guarded.policy = bad
        assert guarded.policy == Policy(**LISTED)


def test_shared_policies_are_swapped_for_all_guards():
    policies = Policies(LISTED)
    guards = [CORSMiddleware(sending(start(TEXT)), policies) for _ in range(2)]
    guards[0].policy = {"allow_origins": [OTHER]}
    assert [granted(guard, "/", OTHER) for guard in guards] == [True, True]
    policies.policy = None
    assert [granted(guard, "/", OTHER) for guard in guards] == [None, None]


def test_each_of_many_policies_gives_its_own_answer():
    """
    No answer is kept for the next policy.
    """
    policies = []
    guarded = CORSMiddleware(sending(start(TEXT)), LISTED)
    for number in range(100):
        guarded.policy = {"/": {"allow_origins": [APP], "expose_headers": [f"X-{number}"]}, "/x": ANYONE}
        policies.append(weakref.ref(guarded.policy["/"]))
        assert headers_of(guarded, scope(get(APP), "/x")) == [TEXT, (ALLOW_ORIGIN, b"*")]
        for origin in (APP, EVIL):
            headers = dict(headers_of(guarded, scope(get(origin))))
            assert headers.get(b"access-control-expose-headers") == (f"X-{number}".encode() if origin == APP else None)
    gc.collect()
    assert [policy() is None for policy in policies] == [True] * 99 + [False]


def test_policy_for_returns_the_policy_of_a_request_and_its_name():
    guarded = CORSMiddleware(sending(), {"/api": LISTED, "/closed": None})
    assert guarded.find({"path": "/api/x"})[:2] == (Policy(**LISTED), "/api")
    assert guarded.policy_for({"path": "/closed"}) is None
    assert guarded.policy_for({"path": "/x"}) == "unguarded"


def test_warnings_are_written_once(caplog):
    policies = Policies({"allow_origins": ["http://app.example.com"]})
    guarded = CORSMiddleware(sending(start(TEXT)), policies)
    policies.policy = {"allow_origins": ["http://other.example.com"]}
    for _ in range(2):
        drive(guarded, scope(get(APP)))
    assert [record.getMessage()[:4] for record in caplog.records] == ["W103", "W103"]


# Objects that are not ASGI applications.


class Instance:
    async def __call__(self, scope, receive, send):
        pass


class OfASGI2:
    def __init__(self, scope):
        pass

    async def __call__(self, receive, send):
        pass


def wsgi_function(environ, start_response):
    return []


def handing_on(*arguments):
    return sending(start(TEXT))(*arguments)


@functools.wraps(wsgi_function)
def as_if_wsgi(*arguments):
    return wsgi_function(*arguments)


@functools.wraps(wsgi_function)
async def asgi_made_of_wsgi(scope, receive, send):
    await send(start(TEXT))


@pytest.mark.parametrize(
    "app",
    [
        wsgi_function,
        Flask("x"),
        WSGIHandler(),
        FalconWSGI(),
        as_if_wsgi,
        functools.partial(lambda settings, environ, start_response: [], {}),
    ],
    ids=steady,
)
def test_a_wsgi_application_is_refused_with_the_import_to_write(app):
    with pytest.raises(TypeError, match=r"which is a WSGI application\. Write `from corsguard import CORSMiddleware`"):
        CORSMiddleware(app, LISTED)


@pytest.mark.parametrize("app", [OfASGI2, lambda scope: None, functools.partial(OfASGI2)], ids=steady)
def test_an_asgi_2_application_is_refused_with_the_wrapper_to_use(app):
    with pytest.raises(TypeError, match=r"an ASGI 2 application.*guarantee_single_callable"):
        CORSMiddleware(app, LISTED)


def test_an_asgi_2_application_that_is_wrapped_is_guarded():
    class Old(OfASGI2):
        async def __call__(self, receive, send):
            await send(start(TEXT))

    assert granted(CORSMiddleware(guarantee_single_callable(Old), LISTED), "/", APP) is True


@pytest.mark.parametrize(
    "app", [Instance, Starlette, Quart, type("One", (), {"__init__": lambda self, config: None})], ids=steady
)
def test_a_class_is_refused_with_how_to_make_an_instance(app):
    with pytest.raises(TypeError, match=rf"the class .*Write `{app.__name__}\(\)`"):
        CORSMiddleware(app, LISTED)


@pytest.mark.parametrize("app", [None, "module:app", 7, {"/": 1}])
def test_an_object_that_cannot_be_called_is_refused(app):
    with pytest.raises(TypeError, match="cannot be called"):
        CORSMiddleware(app, LISTED)


async def of_four(scope, receive, send, more):
    pass


async def of_two(scope, send):
    pass


@pytest.mark.parametrize("app", [of_four, of_two, lambda: None], ids=steady)
def test_a_callable_with_other_arguments_is_refused(app):
    with pytest.raises(TypeError, match="does not take these three"):
        CORSMiddleware(app, LISTED)


class Endpoint(HTTPEndpoint):
    async def get(self, request):
        return PlainTextResponse("content")


class Compiled:
    """
    A callable without a signature, as some compiled ones are.
    """

    __signature__ = "none"

    def __call__(self, *arguments):
        return sending(start(TEXT))(*arguments)


class Proxy:
    def __call__(self, *arguments):
        return sending(start(TEXT))(*arguments)

    @property
    def __signature__(self):
        raise RuntimeError("unbound")


async def with_more(settings, scope, receive, send):
    await send(start(TEXT))


def returning(scope, receive, send):
    return sending(start(TEXT))(scope, receive, send)


@pytest.mark.parametrize(
    "app",
    [
        Endpoint,
        Compiled(),
        Proxy(),
        functools.partial(with_more, {}),
        returning,
        handing_on,
        asgi_made_of_wsgi,
        CORSMiddleware(returning, None),
        Starlette(routes=[Route("/", lambda request: PlainTextResponse(""))]),
    ],
    ids=steady,
)
def test_each_form_of_asgi_application_is_guarded(app):
    assert granted(CORSMiddleware(app, LISTED), "/", APP) is True


@pytest.mark.parametrize("app", [Quart("x"), FastAPI(), FalconASGI(), ASGIHandler()], ids=steady)
def test_applications_of_frameworks_are_taken(app):
    assert CORSMiddleware(app, LISTED).app is app


def test_frameworks_are_not_imported():
    import subprocess
    import sys

    program = "import corsguard.asgi, sys; print([name for name in ('starlette', 'anyio', 'asyncio', 'trio', 'fastapi')"
    program += " if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout == b"[]\n"


def raising(request):
    raise HTTPException(401)


def broken(request):
    raise LookupError("an unhandled exception")


async def streamed(request):
    async def chunks():
        yield b"one"
        yield b"two"

    return StreamingResponse(chunks())


@either_path
@pytest.mark.parametrize(
    ("path", "status"), [("/401", 401), ("/404", 404), ("/500", 500), ("/stream", 200), ("/405", 405)]
)
def test_every_response_of_a_framework_has_the_headers(middleware, path, status):
    routes = [
        Route("/401", raising),
        Route("/500", broken),
        Route("/stream", streamed),
        Route("/405", raising, methods=["PUT"]),
    ]
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        await asyncio.Event().wait()

    async def serve():
        asked = scope(get(APP), path)
        try:
            await middleware(Starlette(routes=routes), LISTED)(asked, receive, send)
        except LookupError:
            assert status == 500

    asyncio.run(serve())
    assert sent[0]["status"] == status
    assert (ALLOW_ORIGIN, APP.encode()) in sent[0]["headers"]


def test_a_listener_may_block():
    """
    It runs in a thread before the answer is sent.
    """
    seen = []
    heard = threading.Event()

    def listener(event):
        seen.append((event.reason, threading.current_thread() is threading.main_thread(), variable.get()))
        heard.set()

    async def send(message):
        assert heard.is_set()

    async def serve(asked):
        heard.clear()
        variable.set("of the request")
        await CORSMiddleware(sending(start(TEXT)), LISTED, on_event=listener)(scope(asked), None, send)

    for asked in (get(EVIL), preflight(EVIL, "PUT")):
        asyncio.run(serve(asked))
    assert seen == [("origin", False, "of the request")] * 2


def test_a_listener_that_fails_is_logged_and_stops_nobody(caplog):
    def listener(event):
        raise LookupError

    guarded = CORSMiddleware(sending(start(TEXT)), LISTED, on_event=listener)
    assert granted(guarded, "/", EVIL) is False
    assert "The listener for events raised an exception" in caplog.text


def test_an_asynchronous_listener_is_refused_when_it_is_given():
    async def listener(event):
        pass

    with pytest.raises(TypeError, match=r"on_event=.*which is asynchronous"):
        CORSMiddleware(sending(), LISTED, on_event=listener)


def test_a_journal_of_the_caller_may_be_given_and_explains_in_development(caplog):
    caplog.set_level(logging.WARNING)
    journal = Journal(is_debug=lambda: True)
    guarded = CORSMiddleware(sending(start(TEXT)), LISTED, journal=journal)
    assert guarded.guard.journal is journal
    # The browser will refuse the method.
    assert drive(guarded, scope(preflight(APP, "DELETE")))[0]["status"] == 204
    assert "is blocked by CORS" in caplog.text
    assert "DELETE" in caplog.text
