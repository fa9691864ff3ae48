"""
Run `python examples/flask_blueprints.py`: a Flask application whose blueprints have their own policies.

One guard has all of them, by path. The shop's pages use cookies, everyone may read the catalogue, and no page on
another origin may read the staff area. One view of the catalogue is closed by a tag. `protection` stops other sites
from ordering.
"""

import os

from flask import Blueprint, Flask, Response, jsonify, request

from corsguard import CrossOriginProtection, Policy
from corsguard_flask import CORSGuard, cors

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")

shop = Blueprint("shop", __name__, url_prefix="/shop")
catalogue = Blueprint("catalogue", __name__, url_prefix="/catalogue")
staff = Blueprint("staff", __name__, url_prefix="/staff")


@shop.post("/login")
def login() -> Response:
    """
    Set a cookie.
    """
    response = jsonify(text="Welcome")
    # A page on another site needs samesite="None" and secure=True.
    response.set_cookie("user", request.json["user"], httponly=True, samesite="Lax")
    return response


@shop.post("/orders")
def order() -> Response:
    """
    Place an order as the user of the cookie.
    """
    return jsonify(text=f"{request.cookies.get('user', 'nobody')} ordered")


@catalogue.get("/items")
def items() -> Response:
    """
    List the items, which everyone may read.
    """
    return jsonify(["pen", "paper"])


@catalogue.get("/prices")
@cors(None)
def prices() -> Response:
    """
    List the prices, which no page on another origin may read.
    """
    return jsonify(pen=2)


@staff.get("/orders")
def orders() -> Response:
    """
    List the orders, for the staff's own pages.
    """
    return jsonify([])


app = Flask(__name__)
for blueprint in (shop, catalogue, staff):
    app.register_blueprint(blueprint)
CORSGuard(
    app,
    {
        "/shop": Policy(
            allow_origins=[PAGE_ORIGIN],
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type"],
            allow_credentials=True,
        ),
        "/catalogue": Policy(allow_origins="*"),
        "/staff": None,
    },
    protection=CrossOriginProtection(),
)

if __name__ == "__main__":
    app.run("localhost", int(os.environ.get("PORT", "8011")))
