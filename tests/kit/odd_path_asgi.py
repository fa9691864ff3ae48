"""
The sites of `odd_path_apps.py` for servers of ASGI.
"""

from django.core.asgi import get_asgi_application
from django.test import override_settings
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from corsguard import cors
from corsguard.asgi import CORSGuard, CORSMiddleware

from .odd_path_apps import METHODS, MIDDLEWARE, PARTNERS, PARTNERS_200, seen_headers, views_at


async def bare(scope, receive, send):
    headers = [(b"content-length", b"0"), (b"x-view", views_at(scope["path"]).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def admin(request: Request) -> Response:
    return Response(headers={"X-View": "admin"})


@cors(None)
async def closed_admin(request: Request) -> Response:
    return await admin(request)


async def public(request: Request) -> Response:
    return Response(headers={"X-View": "public"})


def starlette_app(view):
    return Starlette(
        routes=[
            Route("/admin/users/{user}", view, methods=METHODS),
            Route("/{rest:path}", public, methods=METHODS),
        ]
    )


def fastapi_app(view):
    app = FastAPI(openapi_url=None)
    app.add_api_route("/admin/users/{user}", view, methods=METHODS)
    app.add_api_route("/{rest:path}", public, methods=METHODS)
    return app


def guarded(app):
    CORSGuard(app, PARTNERS)
    return app


async def answers_204(scope, receive, send):
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


django_handler = get_asgi_application()
with override_settings(MIDDLEWARE=MIDDLEWARE[:1]):
    bare_django_handler = get_asgi_application()

SITES = {
    "asgi": CORSMiddleware(bare, {"/": PARTNERS, "/admin": None}),
    "asgi-whole": CORSMiddleware(bare, PARTNERS),
    "asgi-bare": bare,
    "starlette": guarded(starlette_app(closed_admin)),
    "starlette-whole": guarded(starlette_app(admin)),
    "starlette-bare": starlette_app(admin),
    "fastapi": guarded(fastapi_app(closed_admin)),
    "fastapi-whole": guarded(fastapi_app(admin)),
    "fastapi-bare": fastapi_app(admin),
    "django": django_handler,
    "django-whole": django_handler,
    "django-bare": bare_django_handler,
    "answers-204": answers_204,
    "status-200": CORSMiddleware(bare, PARTNERS_200),
}


async def application(scope, receive, send):
    lines = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
    headers = dict(lines)
    origins = [value for name, value in lines if name == b"origin"]
    seen = seen_headers(
        scope["path"], ",".join(origins) if origins else None, asks=b"access-control-request-method" in headers
    )

    async def respond(message):
        if message["type"] == "http.response.start":
            more = [(name.lower().encode(), value.encode()) for name, value in seen]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await send(message)

    await SITES[headers[b"x-site"]](scope, receive, respond)
