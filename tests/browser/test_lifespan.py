"""
An ASGI application is started before its requests and ended after them, in the event loop in which it answers them.
"""

import asyncio
import logging
import signal
import threading
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Request
from kit.checking import PAGE, allow, in_process

from corsguard import diagnosis

HEADERS = [(name.lower().encode(), value.encode()) for name, value in allow()]
URL = "https://api.example.com/items"


def framework(startup):
    """
    Return an application with the lifespan *startup*, and a list of what it did.
    """
    done = []

    @asynccontextmanager
    async def lifespan(app):
        state = await startup(app)
        done.append("started")
        yield state
        done.append("ended")

    app = FastAPI(lifespan=lifespan)

    @app.get("/items")
    async def items(request: Request):
        done.append("asked")
        async with request.state.lock:
            # A lock of another event loop would raise here.
            await asyncio.wait_for(request.app.state.ready.wait(), 5)
        return {}

    return app, done


async def opening(app):
    app.state.ready = asyncio.Event()
    asyncio.get_running_loop().call_soon(app.state.ready.set)
    return {"lock": asyncio.Lock()}


def test_an_application_is_started_and_ended():
    app, done = framework(opening)
    found = diagnosis.check(app, page=PAGE, url=URL)
    assert found.outcome.exchanges[0].response.status == 200
    assert (done[0], done[-1]) == ("started", "ended")
    assert {*done[1:-1]} == {"asked"}
    assert not any("startup" in line for line in found.assumed)


async def failing(app):
    raise ConnectionError("no database at db:5432")


async def endless(app):
    await asyncio.Event().wait()


RELEASED = threading.Event()


async def blocking(app):
    RELEASED.wait(30)


@pytest.mark.parametrize(
    ("startup", "why"),
    [
        (failing, "ConnectionError: no database at db:5432"),
        (endless, "it did not end within 0.3 s"),
        (blocking, "it did not end within 0.3 s"),
    ],
)
def test_a_startup_that_fails_is_said(startup, why):
    app, done = framework(startup)
    RELEASED.clear()
    found = diagnosis.check(app, page=PAGE, url=URL, timeout=0.3)
    RELEASED.set()
    assert f"that the application runs, although its startup failed: {why}" in found.assumed
    assert found.outcome.exchanges
    assert "ended" not in done


async def answering(scope, receive, send):
    if scope["type"] != "http":
        # Django.
        raise ValueError("can only handle ASGI/HTTP connections")
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": b"{}"})


async def without_answer(scope, receive, send):
    if scope["type"] == "http":
        await answering(scope, receive, send)


async def streaming(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    while True:
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("app", [answering, without_answer, streaming])
def test_an_application_with_any_lifespan_or_none_is_asked(app):
    found = diagnosis.check(app, page=PAGE, url=URL, timeout=0.5)
    assert (found.verdict, found.faults) == ("readable", ())
    assert not any("startup" in line for line in found.assumed)


async def with_signals(app):
    app.state.ready = asyncio.Event()
    # A server has its loop in the main thread, where this is possible.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, app.state.ready.set)
    app.state.ready.set()
    return {"lock": asyncio.Lock()}


def test_a_startup_may_handle_signals():
    app, _ = framework(with_signals)
    found = diagnosis.check(app, page=PAGE, url=URL)
    assert found.outcome.exchanges[0].response.status == 200
    assert not any("startup" in line for line in found.assumed)


BUSY = """
import asyncio, threading
from contextlib import asynccontextmanager
from fastapi import FastAPI

@asynccontextmanager
async def lifespan(app):
    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)
    yield

app = FastAPI(lifespan=lifespan)
app.get("/")(lambda: {})
"""


def test_the_process_ends_although_a_thread_of_the_application_does_not(tmp_path):
    (tmp_path / "busy.py").write_text(BUSY)
    done = in_process("check", "busy:app", "--page", "https://api.example.com", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("READABLE")


async def cancelling(scope, receive, send):
    raise asyncio.CancelledError


async def exiting(scope, receive, send):
    raise SystemExit(7)


def exiting_wsgi(environ, start_response):
    raise SystemExit(7)


@pytest.mark.parametrize(
    ("app", "said"), [(exiting, "SystemExit"), (exiting_wsgi, "SystemExit"), (cancelling, "CancelledError")]
)
def test_a_request_that_wants_to_end_the_process_is_an_error_of_the_application(app, said, caplog):
    with caplog.at_level(logging.ERROR, "corsguard.browser"):
        found = diagnosis.check(app, page=PAGE, url=URL)
    assert found.outcome.exchanges[0].response.status == 500
    assert "The application raised on GET" in caplog.text
    assert said in caplog.text
    assert any(row.name == "application" and said in row.text for row in found.rows)
    assert "no running event loop" not in caplog.text
