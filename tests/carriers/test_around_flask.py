"""
Frameworks that are built on Flask: their views keep the tag, and their answers have the headers.
"""

import logging

import pytest
from flask import Flask
from flask.views import MethodView
from kit.flask_requests import APP, OTHER, UNTOUCHED, ask, ask_preflight, preflight_answer, shared_with
from kit.flask_views import messages_of
from kit.serving import needed
from werkzeug.test import Client

from corsguard import Policy
from corsguard_flask import CORSGuard, cors

pytestmark = pytest.mark.around

OF_PATHS = {"/api": Policy(allow_origins=[APP])}
TAGGED = Policy(allow_origins=[OTHER])


def of_restx():
    restx = needed("flask_restx", "around")
    app = Flask("restx")
    api = restx.Api(app, prefix="/api", doc="/api/doc")

    @api.route("/plain")
    class Plain(restx.Resource):
        def get(self):
            return "ok"

    @api.route("/class", "/class/<int:number>")
    class Tagged(restx.Resource):
        decorators = [cors(TAGGED)]  # noqa: RUF012 - as Flask documents it

        def get(self, number=1):
            return number

        def post(self):
            restx.abort(422)

        def delete(self):
            raise RuntimeError("the resource crashed")

    @api.route("/method")
    class OnMethod(restx.Resource):
        @cors(TAGGED)
        def get(self):
            return "ok"

    return app


def of_smorest():
    smorest, fields = needed("flask_smorest", "around"), needed("marshmallow.fields", "around")
    app = Flask("smorest")
    app.config.update(API_TITLE="pets", API_VERSION="1", OPENAPI_VERSION="3.0.2")
    api = smorest.Api(app)
    pets = smorest.Blueprint("pets", "pets", url_prefix="/api")
    schema = needed("marshmallow", "around").Schema.from_dict({"n": fields.Integer(required=True)})

    @pets.route("/plain")
    @pets.response(200)
    def plain():
        return "ok"

    @pets.route("/function")
    @pets.response(200, schema)
    @cors(TAGGED)
    def function():
        return {"n": 1}

    @pets.route("/class")
    class Tagged(MethodView):
        decorators = [cors(TAGGED)]  # noqa: RUF012 - as Flask documents it

        @pets.response(200, schema)
        def get(self):
            return {"n": 1}

        @pets.arguments(schema)
        @pets.response(201, schema)
        def post(self, given):
            return given

        def delete(self):
            raise RuntimeError("the view crashed")

    @pets.route("/method")
    class OnMethod(MethodView):
        @pets.response(200, schema)
        @cors(TAGGED)
        def get(self):
            return {"n": 1}

    api.register_blueprint(pets)
    return app


def of_apiflask():
    apiflask = needed("apiflask", "around")
    app = apiflask.APIFlask("apiflask", docs_path=None)
    schema = {"n": apiflask.fields.Integer(required=True)}

    @app.get("/api/plain")
    def plain():
        return "ok"

    @app.get("/api/function")
    @app.output(schema)
    @cors(TAGGED)
    def function():
        return {"n": 1}

    class Tagged(MethodView):
        decorators = [cors(TAGGED)]  # noqa: RUF012 - as Flask documents it

        @app.output(schema)
        def get(self):
            return {"n": 1}

        @app.input(schema)
        def post(self, json_data):
            return json_data

        def delete(self):
            raise RuntimeError("the view crashed")

    class OnMethod(MethodView):
        @app.output(schema)
        @cors(TAGGED)
        def get(self):
            return {"n": 1}

    app.add_url_rule("/api/class", view_func=Tagged.as_view("tagged"))
    app.add_url_rule("/api/method", view_func=OnMethod.as_view("on_method"))
    return app


APPS = [of_restx, of_smorest, of_apiflask]
PATHS = [(app, "/api/class") for app in APPS] + [(app, "/api/function") for app in (of_smorest, of_apiflask)]

every_app = pytest.mark.parametrize("make", APPS, ids=lambda make: make.__name__)
every_tag = pytest.mark.parametrize(("make", "path"), [*PATHS, (of_restx, "/api/class/7")])


def guarded(make):
    app = make()
    CORSGuard(app, OF_PATHS)
    return app


@every_app
@pytest.mark.parametrize(("path", "status"), [("/api/plain", 200), ("/api/nowhere", 404)])
def test_a_path_and_its_404s_are_shared(make, path, status):
    app = guarded(make)
    assert ask(app, path)[:2] == (status, shared_with())
    assert ask(app, path, origin=OTHER)[:2] == (status, [("vary", "Origin")])
    assert ask_preflight(app, path) == preflight_answer()
    assert ask_preflight(app, path, origin=OTHER).status == 403


@every_tag
def test_a_tag_takes_the_place_of_the_policy_of_the_path(make, path):
    app = guarded(make)
    assert ask(app, path, origin=OTHER)[:2] == (200, shared_with(OTHER))
    assert ask(app, path)[:2] == (200, [("vary", "Origin")])
    assert ask_preflight(app, path, "GET", OTHER) == preflight_answer(OTHER)
    assert ask_preflight(app, path, "GET").status == 403


@every_app
@pytest.mark.parametrize(("method", "status"), [("POST", 422), ("DELETE", 500), ("PUT", 405)])
def test_errors_of_a_tagged_class_have_its_policy(make, method, status):
    """
    These are refusals by the framework, crashes, and methods without a view.
    """
    app = guarded(make)
    assert ask(app, "/api/class", method, OTHER)[:2] == (status, shared_with(OTHER))


@every_app
def test_a_tag_on_a_method_closes_the_class_and_is_logged(make, caplog):
    app = guarded(make)
    assert ask(app, "/api/method")[:2] == (200, UNTOUCHED)
    assert ask(app, "/api/method", origin=OTHER)[:2] == (200, UNTOUCHED)
    (said,) = messages_of(caplog, logging.ERROR)
    assert "(get)" in said


def test_method_decorators_of_restx_are_refused():
    """
    RESTX puts them around the methods at each request, so they cannot be a tag. A request logs that.
    """
    restx = needed("flask_restx", "around")

    class Resource(restx.Resource):
        method_decorators = [cors(TAGGED)]  # noqa: RUF012 - as RESTX documents it

        def get(self):
            return "ok"

    app = Flask("restx")
    app.testing = True
    restx.Api(app).add_resource(Resource, "/refused")
    with pytest.raises(TypeError, match="cannot have a tag"):
        Client(app).get("/refused")


@pytest.fixture
def dashboard():
    dash = needed("dash", "around")
    server = Flask("dashboard")

    @server.get("/report")
    @cors(TAGGED)
    def report():
        return "ok"

    app = dash.Dash("dashboard", server=server, url_base_pathname="/dash/")
    app.layout = dash.html.Div([dash.html.Div(id="read"), dash.html.Div(id="written")])

    @app.callback(dash.Output("written", "children"), dash.Input("read", "children"))
    def write(value):
        return f"{value} read"

    return server


def test_dash_is_guarded_by_its_path(dashboard):
    CORSGuard(dashboard, {"/dash": Policy(allow_origins=[APP], allow_headers=["Content-Type"])})
    for path in ("/dash/", "/dash/_dash-layout", "/dash/_dash-dependencies"):
        assert ask(dashboard, path)[:2] == (200, shared_with())
        assert ask(dashboard, path, origin=OTHER)[:2] == (200, [("vary", "Origin")])
    granted = preflight_answer()._replace(
        cors=[("access-control-allow-headers", "Content-Type"), *preflight_answer().cors]
    )
    assert ask_preflight(dashboard, "/dash/_dash-update-component", "POST") == granted
    assert ask_preflight(dashboard, "/dash/_dash-update-component", "POST", OTHER).status == 403
    assert ask(dashboard, "/nowhere")[:2] == (404, UNTOUCHED)


def test_a_callback_of_dash_is_shared(dashboard):
    CORSGuard(dashboard, {"/dash": Policy(allow_origins=[APP], allow_headers=["Content-Type"])})
    change = {
        "output": "written.children",
        "outputs": {"id": "written", "property": "children"},
        "inputs": [{"id": "read", "property": "children", "value": "text"}],
        "changedPropIds": ["read.children"],
    }
    for sent, status in ((change, 200), ({**change, "output": "nowhere.children"}, 500)):
        response = Client(dashboard).post("/dash/_dash-update-component", json=sent, headers={"Origin": APP})
        assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (status, APP)
        assert response.headers["Vary"] == "Origin"


def test_a_view_next_to_dash_is_tagged(dashboard):
    CORSGuard(dashboard)
    assert ask(dashboard, "/report", origin=OTHER)[:2] == (200, shared_with(OTHER))
    assert ask_preflight(dashboard, "/report", "GET", OTHER) == preflight_answer(OTHER)
    assert ask(dashboard, "/dash/")[:2] == (200, UNTOUCHED)
