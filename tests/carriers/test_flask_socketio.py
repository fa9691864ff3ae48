"""
Engine.IO and Socket.IO next to the guard: outside of it nothing is guarded, and the log says so.
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

from corsguard_flask import CORSGuard

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


def test_flask_socketio_outside_is_said_once(app, caplog):
    CORSGuard(app, POLICY)
    SocketIO(app, async_mode="threading")
    (said,) = asked(app, caplog)
    assert said.startswith("flask_socketio stands outside CORSGuard of 'chat', so nothing that it answers is guarded")


@pytest.mark.parametrize("order", ["outermost", "between"])
def test_it_is_found_among_other_layers(app, caplog, order):
    CORSGuard(app, POLICY)
    if order == "outermost":
        app.wsgi_app = ProxyFix(app.wsgi_app)
    app.wsgi_app = engineio.WSGIApp(engineio.Server(async_mode="threading"), app.wsgi_app)
    if order == "between":
        app.wsgi_app = ProxyFix(app.wsgi_app)
    (said,) = asked(app, caplog)
    assert said.startswith("engineio.middleware stands outside")


def test_what_is_derived_from_it_is_found(app, caplog):
    class Own(socketio.WSGIApp):
        pass

    CORSGuard(app, POLICY)
    app.wsgi_app = Own(socketio.Server(async_mode="threading"), app.wsgi_app)
    assert len(asked(app, caplog)) == 1


def test_inside_it_is_guarded_and_nothing_is_said(app, caplog):
    SocketIO(app, async_mode="threading", cors_allowed_origins="*")
    CORSGuard(app, POLICY)
    assert asked(app, caplog) == []
    polling = {**environ_of(Request("GET", {"Origin": EVIL}), "/socket.io/"), "QUERY_STRING": "EIO=4&transport=polling"}
    status, headers, _ = serve(app, polling)
    assert status == 200
    assert not any(name.lower().startswith("access-control-") for name, _ in headers)
    shaken = Request("GET", {"Origin": EVIL, "Upgrade": "websocket", "Connection": "Upgrade"})
    assert serve(app, environ_of(shaken, "/socket.io/"))[0] == 403


def test_a_proxy_fix_outside_is_right(app, caplog):
    CORSGuard(app, POLICY)
    app.wsgi_app = ProxyFix(app.wsgi_app)
    assert asked(app, caplog) == []


def test_an_opaque_layer_is_left_alone(app, caplog):
    """
    A layer that cannot be looked through is left alone.
    """
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
