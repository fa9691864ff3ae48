"""
How the tests send requests to Django: through the whole of its handler, synchronous or asynchronous.
"""

import asyncio
from typing import NamedTuple
from wsgiref.util import setup_testing_defaults

from django.test import AsyncClient, Client

APP = "https://app.example.com"
EVIL = "https://evil.example"
PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class Answer(NamedTuple):
    """
    The answer of Django. *headers* are all of its headers, with names in lower case.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def of_cors(self):
        """
        The complete `Access-Control-*` and `Vary` headers.
        """
        return {k: v for k, v in self.headers.items() if k.startswith("access-control-") or k == "vary"}


def send_sync(method, path, origin=None, *, enforce_csrf_checks=False, **headers):
    client = Client(raise_request_exception=False, enforce_csrf_checks=enforce_csrf_checks)
    response = client.generic(method, path, headers=_lines(origin, headers))
    try:
        return _answer(response, response.getvalue())
    finally:
        response.close()


def send_async(method, path, origin=None, *, enforce_csrf_checks=False, **headers):
    async def send():
        client = AsyncClient(raise_request_exception=False, enforce_csrf_checks=enforce_csrf_checks)
        response = await client.generic(method, path, headers=_lines(origin, headers))
        try:
            streams = response.streaming and response.is_async
            return _answer(response, b"".join([chunk async for chunk in response]) if streams else response.getvalue())
        finally:
            response.close()

    return asyncio.run(send())


def environ(path, **more):
    """
    Return the WSGI environ of a GET from an allowed origin.
    """
    environ = {"SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", "HTTP_ORIGIN": APP, **more}
    setup_testing_defaults(environ)
    return environ


def preflight(send, path, origin=APP, method="PUT"):
    return send("OPTIONS", path, origin, access_control_request_method=method)


def _lines(origin, headers):
    lines = {name.replace("_", "-"): value for name, value in headers.items()}
    return lines if origin is None else {"Origin": origin, **lines}


def _answer(response, body):
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)
