"""
Run `python examples/fastapi_app.py`: a FastAPI application with cookies, guarded. You can also run it under a server:

    uvicorn --app-dir examples fastapi_app:app

`CORSGuard` is outside all middleware, also outside the one that turns an exception into a 500, so a page can read every
error. `app` is still the FastAPI application: serve it, and test it. One endpoint has its own policy.
"""

import os
from http import HTTPStatus
from itertools import count
from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException as AnyHTTPException

from corsguard import Policy, cors
from corsguard.asgi import CORSGuard

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")

POLICY = Policy(
    allow_origins=[PAGE_ORIGIN],
    allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
    allow_headers=["Content-Type", "X-Request-Id"],
    expose_headers=["X-Word-Count"],
    allow_credentials=True,
)

SIGNED = {"X-Served-By": "fastapi"}

notes = {"1": "Buy milk"}
numbers = count(2)


class Note(BaseModel):
    """
    The note that a page sends.
    """

    text: str


class User(BaseModel):
    """
    The user who logs in.
    """

    user: str


def sign(response: Response) -> None:
    """
    Add a header that the policy does not expose.
    """
    response.headers.update(SIGNED)


app = FastAPI(dependencies=[Depends(sign)])


@app.post("/notes", status_code=HTTPStatus.CREATED)
def add(note: Note) -> dict[str, str]:
    """
    Add a note.
    """
    number = str(next(numbers))
    notes[number] = note.text
    return {"id": number, "text": note.text}


@app.api_route("/notes/{number}", methods=["GET", "HEAD"])
def show(number: str, response: Response) -> dict[str, str]:
    """
    Show a note, and count its words.
    """
    if number not in notes:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    response.headers["X-Word-Count"] = str(len(notes[number].split()))
    return {"text": notes[number]}


@app.api_route("/notes/{number}", methods=["PUT", "PATCH"])
def change(number: str, note: Note) -> dict[str, str]:
    """
    Change a note. PATCH is served, but the policy does not list it.
    """
    notes[number] = note.text
    return {"text": note.text}


@app.delete("/notes/{number}", status_code=HTTPStatus.NO_CONTENT)
def remove(number: str) -> None:
    """
    Remove a note.
    """
    del notes[number]


@app.get("/count")
@cors(allow_origins="*")
def how_many() -> dict[str, int]:
    """
    Return the number of notes, to every page.
    """
    return {"count": len(notes)}


@app.get("/echo")
def echo(x_request_id: Annotated[str | None, Header()] = None) -> dict[str, str | None]:
    """
    Return the value of a request header.
    """
    return {"text": x_request_id}


@app.post("/login")
def login(user: User, response: Response) -> dict[str, str]:
    """
    Set a cookie.
    """
    # Cookies ignore ports, and localhost is one site. A page on another site needs SameSite=None and Secure.
    response.set_cookie("fastapi_user", user.user, httponly=True, samesite="lax")
    return {"text": "Welcome"}


@app.get("/me")
def me(fastapi_user: Annotated[str | None, Cookie()] = None) -> dict[str, str]:
    """
    Return the user of the cookie.
    """
    if fastapi_user is None:
        raise HTTPException(HTTPStatus.UNAUTHORIZED)
    return {"text": fastapi_user}


@app.get("/broken")
def broken() -> None:
    """
    Fail.
    """
    raise RuntimeError("broken on purpose, to show that a page can read the 500")


@app.exception_handler(AnyHTTPException)
@app.exception_handler(Exception)
def fail(_: Request, error: Exception) -> Response:
    """
    Return errors in the format of this API. An unhandled exception comes here too, and becomes a 500.
    """
    words = {401: "Log in first", 404: "No such page"}
    status = error.status_code if isinstance(error, AnyHTTPException) else HTTPStatus.INTERNAL_SERVER_ERROR
    return JSONResponse({"text": words.get(status, "Something broke")}, status, SIGNED)


guard = CORSGuard(app, POLICY)


if __name__ == "__main__":
    import socket

    import uvicorn

    with socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "8008")))) as listening:
        print(f"http://localhost:{listening.getsockname()[1]}/notes/1", flush=True)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listening])
