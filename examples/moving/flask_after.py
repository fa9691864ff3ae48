"""
A small API on corsguard; flask_before.py is the same on flask-cors.

    python examples/moving/flask_after.py

The translation is pasted as it was printed, except that one `#` was removed, because all of `pr-*.example.com` is ours.
"""

from http import HTTPStatus

from flask import Flask, Response, abort, jsonify, request

from corsguard_flask import CORSGuard, cors

app = Flask(__name__)

# In place of CORS(...). Each difference has its reason.
# Preflights are answered before the application, with 204, and those from other origins with 403.
# What the application itself answers to them no longer counts.
CORSGuard(
    app,
    {
        "paths": {
            # resource r"/public/*" is read as "/public". It also covered /publica, which is not below that.
            "/public": {
                # origins: everyone. The answer is always "*", so caches may share it.
                "allow_origins": "*",
                "allow_methods": [
                    # methods: POST was not listed, so every preflight for POST was refused. A page needs a preflight
                    # to send JSON, and for most headers. Browsers do not check POST in the list, so such requests now
                    # pass if their headers are allowed.
                    "GET",
                ],
                "allow_headers": ["*", "Authorization"],
                # flask-cors sends none by default, so browsers ask again after 5 seconds. With 7200, they ask
                # once in two hours.
                "max_age": None,
            },
            # resource r"/api/*" is read as "/api". It also covered /apia, which is not below that.
            "/api": {
                "allow_origins": [
                    # origins: r"https://.*\.staging\.example\.com" is read as "https://*.staging.example.com". It
                    # also covered https://a.staging.example.com.evil.example and https://a.staging.example.com:8443,
                    # which are left out.
                    # origins: r"^https://pr-\d+\.example\.com$" is not exactly any pattern.
                    # "https://pr-*.example.com" would also cover https://pr-a.example.com, which the expression does
                    # not cover. If everything that it covers is yours, remove the #:
                    "https://pr-*.example.com",
                    "https://app.example.com",
                    "https://*.staging.example.com",
                ],
                "allow_methods": [
                    # methods: OPTIONS is left out; only a page that itself sends OPTIONS needs it.
                    "GET",
                    "HEAD",
                    "POST",
                    "PUT",
                    "PATCH",
                    "DELETE",
                ],
                "allow_headers": ["Content-Type", "X-CSRF-Token"],
                "expose_headers": ["X-Total"],
                "allow_credentials": True,
                "max_age": 600,
            },
        },
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
# In place of @cross_origin(...), directly under the route. Each difference has its reason.
# Preflights are answered before the application, with 204, and those from other origins with 403.
# What the application itself answers to them no longer counts.
# Errors that the view raises, and the 405 at its path, had no headers, or those of CORS(app). Now
# they have those of this policy, so its pages can read them.
@cors(
    allow_origins=["https://partner.example"],
    allow_methods=[
        # methods: POST was not listed, so every preflight for POST was refused. A page needs a preflight
        # to send JSON, and for most headers. Browsers do not check POST in the list, so such requests now
        # pass if their headers are allowed.
        "GET",
    ],
    allow_headers=["*", "Authorization"],
    max_age=60,
)
def embed(number: str) -> Response:
    """
    Show a ticket in the pages of a partner.
    """
    return jsonify(text=tickets.get(number) or abort(HTTPStatus.NOT_FOUND))


if __name__ == "__main__":
    app.run("localhost", 8002)
