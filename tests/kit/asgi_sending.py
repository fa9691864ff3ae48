"""
How the tests send requests to the ASGI middleware: the input, and the messages that come out, unchanged.
"""

import asyncio

import pytest

from corsguard.asgi import CORSMiddleware
from kit.adapters import CarriedASGI, scope_of
from kit.cases import APP, get

OTHER = "https://other.example"
ALLOW_ORIGIN = b"access-control-allow-origin"
SHARED = [(ALLOW_ORIGIN, APP.encode()), (b"vary", b"Origin")]
TEXT = (b"content-type", b"text/plain")
START = "http.response.start"
BODY = {"type": "http.response.body", "body": b"content"}

# Both paths through the carrier.
either_path = pytest.mark.parametrize("middleware", [CORSMiddleware, CarriedASGI], ids=["short path", "long path"])


def scope(asked, path="/", **more):
    return {**scope_of(asked, path), **more}


def drive(app, scope, *requests):
    """
    Return the messages that *app* sends for *scope*, unchanged.
    """
    return asyncio.run(messages_of(app, scope, *requests))


async def messages_of(app, scope, *requests):
    sent = []
    waiting = [*requests] or [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


def sending(*messages):
    """
    Return an application that sends *messages*.
    """

    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app


def start(*lines, status=200, **more):
    return {"type": START, "status": status, "headers": [*lines], **more}


def headers_of(app, scope):
    first = drive(app, scope)[0]
    assert first["type"] == START
    return first["headers"]


def granted(middleware, asked_path, origin, **more):
    headers = dict(headers_of(middleware, scope(get(origin), asked_path, **more)))
    allowed = headers.get(ALLOW_ORIGIN)
    assert allowed in (None, origin.encode())
    # A guarded resource has Vary on every response.
    return None if b"vary" not in headers else allowed is not None
