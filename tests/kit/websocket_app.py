"""
The application of `carriers/test_websocket_servers.py`: a guarded echo, whose view logs that it ran.

`python tests/kit/websocket_app.py SERVER FD` serves it on the socket FD, which already listens.
"""

import os
import socket
import sys

from flask import Flask, request
from flask_sock import Sock

from corsguard_flask import CORSGuard, cors

PAGE_ORIGIN = os.environ.get("PAGE_ORIGIN", "http://localhost:8000")
LISTED = {"allow_origins": [PAGE_ORIGIN], "allow_credentials": True}

app = Flask(__name__)
sock = Sock(app)


@app.get("/")
def page():
    return "<!doctype html><link rel=icon href='data:,'><body>"


def greet(ws):
    print("the view ran", flush=True)
    ws.send("hello")
    ws.receive()


sock.route("/feed")(greet)


@sock.route("/closed")
@cors(None)
def closed(ws):
    greet(ws)


# gevent-websocket opens these before any application is asked.
@app.route("/opened", websocket=True)
def opened():
    print("the view ran", flush=True)
    request.environ["wsgi.websocket"].send("hello")
    return ""


CORSGuard(app, {"/": LISTED, "/readers": {"allow_origins": [PAGE_ORIGIN]}})


def main(name, fd):
    listening = socket.socket(fileno=fd)
    if name == "werkzeug":
        from werkzeug.serving import make_server

        make_server("127.0.0.1", listening.getsockname()[1], app, threaded=True, fd=fd).serve_forever()
        return
    from gevent.pywsgi import WSGIServer

    more = {}
    if name == "gevent-websocket":
        from geventwebsocket.handler import WebSocketHandler

        more = {"handler_class": WebSocketHandler}
    from gevent import socket as green

    WSGIServer(green.socket(fileno=listening.detach()), app, **more).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
