"""
Layers around the guard of a Flask application, or in place of it: the log says what is wrong with them.
"""

import logging

import engineio
import flask
import pytest
import socketio
from flask_socketio import SocketIO
from kit.adapters import environ_of, serve
from kit.cases import APP, EVIL, Request
from werkzeug.middleware.proxy_fix import ProxyFix

import corsguard_flask
from corsguard_flask import CORSGuard
from corsguard_flask.views import warn_of_lost_tag

POLICY = {"allow_origins": [APP], "allow_credentials": True}
GET = Request("GET", {"Origin": APP})


@pytest.fixture
def app():
    app = flask.Flask("chat")
    app.add_url_rule("/", view_func=lambda: "")
    return app


def asked(app, caplog):
    """
    Return what the log says when *app* is asked twice.
    """
    caplog.set_level(logging.WARNING, logger="corsguard")
    for _ in range(2):
        assert serve(app, environ_of(GET))[0] == 200
    return [record.getMessage() for record in caplog.records if record.name == "corsguard"]


def test_flask_socketio_outside_of_the_guard_is_logged_once(app, caplog):
    CORSGuard(app, POLICY)
    SocketIO(app, async_mode="threading")
    (said,) = asked(app, caplog)
    assert said.startswith("flask_socketio is outside the CORSGuard of 'chat', so its answers are not guarded")


@pytest.mark.parametrize("order", ["outermost", "between"])
def test_flask_socketio_is_found_among_other_layers(app, caplog, order):
    CORSGuard(app, POLICY)
    if order == "outermost":
        app.wsgi_app = ProxyFix(app.wsgi_app)
    app.wsgi_app = engineio.WSGIApp(engineio.Server(async_mode="threading"), app.wsgi_app)
    if order == "between":
        app.wsgi_app = ProxyFix(app.wsgi_app)
    (said,) = asked(app, caplog)
    assert said.startswith("engineio.middleware is outside")


def test_a_subclass_of_flask_socketio_is_found(app, caplog):
    class Own(socketio.WSGIApp):
        pass

    CORSGuard(app, POLICY)
    app.wsgi_app = Own(socketio.Server(async_mode="threading"), app.wsgi_app)
    assert len(asked(app, caplog)) == 1


def test_flask_socketio_inside_is_guarded_and_not_logged(app, caplog):
    SocketIO(app, async_mode="threading", cors_allowed_origins="*")
    CORSGuard(app, POLICY)
    assert asked(app, caplog) == []
    polling = {**environ_of(Request("GET", {"Origin": EVIL}), "/socket.io/"), "QUERY_STRING": "EIO=4&transport=polling"}
    status, headers, _ = serve(app, polling)
    assert status == 200
    assert not any(name.lower().startswith("access-control-") for name, _ in headers)
    shaken = Request("GET", {"Origin": EVIL, "Upgrade": "websocket", "Connection": "Upgrade"})
    assert serve(app, environ_of(shaken, "/socket.io/"))[0] == 403


def test_a_proxy_fix_outside_of_the_guard_is_not_logged(app, caplog):
    CORSGuard(app, POLICY)
    app.wsgi_app = ProxyFix(app.wsgi_app)
    assert asked(app, caplog) == []


def test_a_layer_without_a_known_inner_application_is_not_logged(app, caplog):
    CORSGuard(app, POLICY)
    inner = app.wsgi_app

    def layer(environ, start_response):
        return inner(environ, start_response)

    app.wsgi_app = layer
    assert asked(app, caplog) == []


def test_layers_in_a_circle_end(app, caplog):
    class Circle:
        def __init__(self, inner):
            self.inner = inner
            self.app = self

        def __call__(self, environ, start_response):
            return self.inner(environ, start_response)

    CORSGuard(app, POLICY)
    app.wsgi_app = Circle(app.wsgi_app)
    assert asked(app, caplog) == []


# Layers that may remove a prefix from the path inside the guard.

PATHS = {"paths": {"/api": POLICY}}


class Prefixed:
    """
    Removes /v1 from the path, as such layers usually do.
    """

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"].startswith("/v1/"):
            environ["SCRIPT_NAME"] += "/v1"
            environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix("/v1")
        return self.app(environ, start_response)


def prefixed(app):
    """
    The same as a function.
    """

    def without_prefix(environ, start_response):
        return Prefixed(app)(environ, start_response)

    return without_prefix


@pytest.mark.parametrize(
    ("layer", "name"),
    [(Prefixed, f"{__name__}.Prefixed"), (prefixed, f"{__name__}.prefixed.<locals>.without_prefix")],
)
def test_a_wrapped_application_with_a_policy_by_path_is_logged(app, caplog, layer, name):
    app.wsgi_app = ProxyFix(layer(app.wsgi_app))
    CORSGuard(app, PATHS)
    (said,) = asked(app, caplog)
    assert said.startswith(f"The CORSGuard of 'chat' has policies by path, and {name} is inside it")


@pytest.mark.parametrize("order", ["one policy", "outside", "keeps the path", "bare"])
def test_a_layer_that_cannot_change_the_path_is_not_logged(app, caplog, order):
    if order == "one policy":
        app.wsgi_app = Prefixed(app.wsgi_app)
    if order == "keeps the path":
        app.wsgi_app = ProxyFix(app.wsgi_app)
    CORSGuard(app, POLICY if order == "one policy" else PATHS)
    if order == "outside":
        app.wsgi_app = Prefixed(app.wsgi_app)
    assert asked(app, caplog) == []


def test_a_guard_inside_the_prefix_middleware_matches_as_flask_does(app):
    """
    A guard that was installed before the prefix middleware sees the paths that Flask sees.
    """
    app.add_url_rule("/api", "api", lambda: "")
    CORSGuard(app, PATHS)
    app.wsgi_app = Prefixed(app.wsgi_app)
    _, headers, _ = serve(app, environ_of(GET, "/v1/api"))
    assert ("Access-Control-Allow-Origin", APP) in headers


@pytest.mark.parametrize("path", ["api", "api/"])
def test_a_path_without_its_first_slash_is_read_as_flask_reads_it(app, path):
    app.add_url_rule("/api", "api", lambda: "")
    app.add_url_rule("/api/", "below", lambda: "")
    CORSGuard(app, PATHS)
    status, headers, _ = serve(app, environ_of(GET, path))
    assert (status, ("Access-Control-Allow-Origin", APP) in headers) == (200, True)


@pytest.fixture
def unguarded():
    """
    A process in which no application has a guard.
    """
    flask.request_started.connect(warn_of_lost_tag)
    yield
    flask.request_started.disconnect(warn_of_lost_tag)


@pytest.mark.usefixtures("unguarded")
def test_a_tag_without_a_guard_is_logged_once(app, caplog):
    app.add_url_rule("/tagged", "tagged", corsguard_flask.cors(**POLICY)(lambda: "tagged"))
    assert asked(app, caplog) == []
    assert serve(app, environ_of(GET, "/none"))[0] == 404
    for _ in range(2):
        assert serve(app, environ_of(GET, "/tagged"))[0] == 200
    (said,) = [record.getMessage() for record in caplog.records if record.name == "corsguard"]
    assert "has a policy by @cors, but no CORSGuard guards 'chat', so nothing is shared" in said


@pytest.mark.usefixtures("unguarded")
def test_a_process_with_a_guard_has_no_log_about_tags(app, caplog):
    app.add_url_rule("/tagged", "tagged", corsguard_flask.cors(**POLICY)(lambda: "tagged"))
    CORSGuard(app)
    assert serve(app, environ_of(GET, "/tagged"))[0] == 200
    assert asked(app, caplog) == []
    assert not flask.request_started.has_receivers_for(app)
