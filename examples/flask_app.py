"""
Run `python examples/flask_app.py`: a Flask application, guarded. You can also run it under a server:

    gunicorn --chdir examples flask_app:app

The guard covers errors too: the 404 of a missing page and the 500 that Flask answers after an unhandled exception.
"""

import os
from http import HTTPStatus
from itertools import count

from flask import Flask, Response, abort, jsonify, request
from werkzeug.exceptions import HTTPException

from corsguard import Policy
from corsguard_flask import CORSGuard

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")

POLICY = Policy(
    allow_origins=[PAGE_ORIGIN],
    allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
    allow_headers=["Content-Type", "X-Request-Id"],
    expose_headers=["X-Word-Count"],
    allow_credentials=True,
)

app = Flask(__name__)
CORSGuard(app, POLICY)

notes = {"1": "Buy milk"}
numbers = count(2)


@app.post("/notes")
def add() -> tuple[Response, int]:
    """
    Add a note.
    """
    number = str(next(numbers))
    notes[number] = request.json["text"]
    return jsonify(id=number, text=notes[number]), HTTPStatus.CREATED


@app.get("/notes/<number>")
def show(number: str) -> Response:
    """
    Show a note, and count its words.
    """
    response = jsonify(text=notes.get(number) or abort(HTTPStatus.NOT_FOUND))
    response.headers["X-Word-Count"] = str(len(notes[number].split()))
    return response


@app.route("/notes/<number>", methods=["PUT", "PATCH"])
def change(number: str) -> Response:
    """
    Change a note. PATCH is served, but the policy does not list it.
    """
    notes[number] = request.json["text"]
    return jsonify(text=notes[number])


@app.delete("/notes/<number>")
def remove(number: str) -> tuple[str, int]:
    """
    Remove a note.
    """
    del notes[number]
    return "", HTTPStatus.NO_CONTENT


@app.get("/echo")
def echo() -> Response:
    """
    Return the value of a request header.
    """
    return jsonify(text=request.headers.get("X-Request-Id"))


@app.post("/login")
def login() -> Response:
    """
    Set a cookie.
    """
    response = jsonify(text="Welcome")
    # Cookies ignore ports, and localhost is one site. A page on another site needs SameSite=None and Secure.
    response.set_cookie("flask_user", request.json["user"], httponly=True, samesite="Lax")
    return response


@app.get("/me")
def me() -> Response:
    """
    Return the user of the cookie.
    """
    return jsonify(text=request.cookies.get("flask_user") or abort(HTTPStatus.UNAUTHORIZED))


@app.get("/broken")
def broken() -> Response:
    """
    Fail.
    """
    raise RuntimeError("broken on purpose, to show that a page can read the 500")


@app.errorhandler(HTTPException)
def fail(error: HTTPException) -> tuple[Response, int]:
    """
    Return errors in the format of this API. An unhandled exception comes here too, and becomes a 500.
    """
    words = {401: "Log in first", 404: "No such page", 500: "Something broke"}
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    return jsonify(text=words.get(status, error.name)), status


@app.after_request
def sign(response: Response) -> Response:
    """
    Add a header that the policy does not expose.
    """
    response.headers["X-Served-By"] = "flask"
    return response


if __name__ == "__main__":
    app.run("localhost", int(os.environ.get("PORT", "8002")))
