"""
Run `python examples/asgi_app.py`: a Starlette application inside the guard. Any ASGI application works in the same way.

In `fastapi_app.py`, the guard is inside the application. You can also run it under a server:

    uvicorn --app-dir examples asgi_app:application

The guard is around the whole application, so it covers errors too: the 404 of a missing page and the 500 that Starlette
answers after an unhandled exception. Serve `application`. `app` is still the Starlette application, for routes and
tests.
"""

import os
from http import HTTPStatus
from itertools import count

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from corsguard import Policy
from corsguard.asgi import CORSMiddleware

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")

POLICY = Policy(
    allow_origins=[PAGE_ORIGIN],
    allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
    allow_headers=["Content-Type", "X-Request-Id"],
    expose_headers=["X-Word-Count"],
    allow_credentials=True,
)

SIGNED = {"X-Served-By": "starlette"}

notes = {"1": "Buy milk"}
numbers = count(2)


async def add(request: Request) -> Response:
    """
    Add a note.
    """
    number = str(next(numbers))
    notes[number] = (await request.json())["text"]
    return JSONResponse({"id": number, "text": notes[number]}, HTTPStatus.CREATED, SIGNED)


async def show(request: Request) -> Response:
    """
    Show a note, and count its words.
    """
    text = notes.get(request.path_params["number"])
    if text is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return JSONResponse({"text": text}, headers=SIGNED | {"X-Word-Count": str(len(text.split()))})


async def change(request: Request) -> Response:
    """
    Change a note. PATCH is served, but the policy does not list it.
    """
    text = notes[request.path_params["number"]] = (await request.json())["text"]
    return JSONResponse({"text": text}, headers=SIGNED)


async def remove(request: Request) -> Response:
    """
    Remove a note.
    """
    del notes[request.path_params["number"]]
    return Response(status_code=HTTPStatus.NO_CONTENT, headers=SIGNED)


async def echo(request: Request) -> Response:
    """
    Return the value of a request header.
    """
    return JSONResponse({"text": request.headers.get("X-Request-Id")}, headers=SIGNED)


async def login(request: Request) -> Response:
    """
    Set a cookie.
    """
    response = JSONResponse({"text": "Welcome"}, headers=SIGNED)
    # Cookies ignore ports, and localhost is one site. A page on another site needs SameSite=None and Secure.
    response.set_cookie("asgi_user", (await request.json())["user"], httponly=True, samesite="lax")
    return response


async def me(request: Request) -> Response:
    """
    Return the user of the cookie.
    """
    user = request.cookies.get("asgi_user")
    if user is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED)
    return JSONResponse({"text": user}, headers=SIGNED)


async def broken(_: Request) -> Response:
    """
    Fail.
    """
    raise RuntimeError("broken on purpose, to show that a page can read the 500")


async def fail(_: Request, error: Exception) -> Response:
    """
    Return errors in the format of this API. An unhandled exception comes here too, and becomes a 500.
    """
    words = {401: "Log in first", 404: "No such page"}
    status = error.status_code if isinstance(error, HTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return JSONResponse({"text": words.get(status, "Something broke")}, status, SIGNED)


app = Starlette(
    routes=[
        Route("/notes", add, methods=["POST"]),
        Route("/notes/{number}", show, methods=["GET", "HEAD"]),
        Route("/notes/{number}", change, methods=["PUT", "PATCH"]),
        Route("/notes/{number}", remove, methods=["DELETE"]),
        Route("/echo", echo),
        Route("/login", login, methods=["POST"]),
        Route("/me", me),
        Route("/broken", broken),
    ],
    exception_handlers={HTTPException: fail, Exception: fail},
)
application = CORSMiddleware(app, POLICY)


if __name__ == "__main__":
    import socket

    import uvicorn

    with socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8007")))) as listening:
        print(f"http://localhost:{listening.getsockname()[1]}/notes/1", flush=True)
        uvicorn.Server(uvicorn.Config(application, log_level="warning")).run(sockets=[listening])
