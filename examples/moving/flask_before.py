"""
A small API on flask-cors; flask_after.py is the same on corsguard.

    python examples/moving/flask_before.py

`corsguard_flask.translate` and `translate_view` printed the code there. They were called in place of `CORS` and
`cross_origin`, with the same arguments.
"""

from http import HTTPStatus

from flask import Flask, Response, abort, jsonify, request
from flask_cors import CORS, cross_origin

app = Flask(__name__)

CORS(
    app,
    resources={
        r"/api/*": {
            "origins": [
                "https://app.example.com",
                r"https://.*\.staging\.example\.com",
                r"^https://pr-\d+\.example\.com$",
            ],
            "supports_credentials": True,
            "allow_headers": ["Content-Type", "X-CSRF-Token"],
            "expose_headers": ["X-Total"],
            "max_age": 600,
        },
        r"/public/*": {"origins": "*", "methods": ["GET"]},
    },
)

tickets = {"1": "Broken lamp"}


@app.get("/api/tickets")
def show_all() -> Response:
    """
    List the tickets, and count them.
    """
    response = jsonify(tickets)
    response.headers["X-Total"] = str(len(tickets))
    return response


@app.put("/api/tickets/<number>")
def change(number: str) -> Response:
    """
    Change a ticket.
    """
    tickets[number] = request.json["text"] if number in tickets else abort(HTTPStatus.NOT_FOUND)
    return jsonify(text=tickets[number])


@app.post("/api/login")
def login() -> Response:
    """
    Set a cookie.
    """
    response = jsonify(text="Welcome")
    response.set_cookie("user", request.json["user"], httponly=True, samesite="None", secure=True)
    return response


@app.get("/api/me")
def me() -> Response:
    """
    Return the user of the cookie.
    """
    return jsonify(user=request.cookies.get("user"))


@app.get("/apiary")
def bees() -> str:
    """
    Return text that only our own pages may read.
    """
    return "bees"


@app.get("/public/status")
def status() -> str:
    """
    Return text that everyone may read.
    """
    return "fine"


@app.get("/embed/<number>")
@cross_origin(origins="https://partner.example", methods=["GET"], max_age=60)
def embed(number: str) -> Response:
    """
    Show a ticket in the pages of a partner.
    """
    return jsonify(text=tickets.get(number) or abort(HTTPStatus.NOT_FOUND))


if __name__ == "__main__":
    app.run("localhost", 8002)
