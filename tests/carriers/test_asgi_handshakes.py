"""
How a handshake arrives over ASGI, and how a refusal is sent. `test_handshakes.py` has which handshakes are refused.
"""

import asyncio

import pytest
from kit.adapters import bytes_of
from kit.asgi_sending import BODY, drive, sending
from kit.cases import APP, EVIL, LISTED, SHOP

from corsguard import asgi
from corsguard.asgi import CORSMiddleware


def handshake(path="/", extensions=None, **headers):
    lines = [(name.lower().replace("_", "-").encode(), bytes_of(value)) for name, value in headers.items()]
    asked = {"type": "websocket", "scheme": "wss", "path": path, "headers": lines, "query_string": b""}
    return asked | ({} if extensions is None else {"extensions": extensions})


CONNECT = {"type": "websocket.connect"}


def test_a_handshake_has_the_environ_of_a_wsgi_server():
    seen = []
    guarded = CORSMiddleware(sending(), LISTED)
    enter = guarded.guard.enter
    guarded.guard.enter = lambda *arguments: seen.append(arguments) or enter(*arguments)
    asked = handshake("/px/feed", Origin=EVIL, Host="api.example.com", Sec_Fetch_Site="cross-site", Cookie="a=b")
    drive(guarded, asked | {"root_path": "/px"}, CONNECT)
    assert seen == [
        (
            {
                "REQUEST_METHOD": "GET",
                "PATH_INFO": "/feed",
                "HTTP_UPGRADE": "websocket",
                "HTTP_ORIGIN": EVIL,
                "HTTP_HOST": "api.example.com",
                "HTTP_SEC_FETCH_SITE": "cross-site",
                "HTTP_COOKIE": "a=b",
                "wsgi.url_scheme": "https",
            },
            "/feed",
            guarded.guard.terms,
            # There is no store of hosts to ask.
            guarded.guard.policies.table,
        )
    ]
    assert asgi.environ_of(handshake() | {"scheme": "ws"}, "/")["wsgi.url_scheme"] == "http"


def test_a_repeated_host_names_no_host():
    asked = handshake() | {"headers": [(b"host", b"a.example"), (b"Host", b"b.example")]}
    assert asgi.environ_of(asked, "/")["HTTP_HOST"] == "a.example,b.example"


def test_a_refused_handshake_is_answered_by_the_extension_if_it_is_offered():
    asked = handshake(extensions={"websocket.http.response": {}}, Origin=EVIL)
    first, body = drive(CORSMiddleware(sending(BODY), LISTED), asked, CONNECT)
    assert (first["type"], first["status"]) == ("websocket.http.response.start", 403)
    assert (b"content-length", str(len(body["body"])).encode()) in first["headers"]
    assert body["type"] == "websocket.http.response.body"


@pytest.mark.parametrize("extensions", [None, {}, {"tls": {}}])
def test_a_refused_handshake_is_closed_before_it_is_accepted_without_the_extension(extensions):
    asked = handshake(extensions=extensions, Origin=EVIL)
    sent = drive(CORSMiddleware(sending(BODY), LISTED), asked, CONNECT)
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]


def test_a_refused_handshake_is_received_before_it_is_refused():
    steps = []

    async def receive():
        steps.append("received")
        return CONNECT

    async def send(message):
        steps.append(message["type"])

    asyncio.run(CORSMiddleware(sending(BODY), LISTED)(handshake(Origin=EVIL), receive, send))
    assert steps == ["received", "websocket.close"]


def test_a_handshake_that_is_let_in_gets_the_arguments_of_the_server():
    arguments = (handshake(Origin=APP), object(), object())

    async def app(*got):
        assert all(mine is theirs for mine, theirs in zip(got, arguments, strict=True))
        raise LookupError

    for websockets in ("guard", "pass", ["/"]):
        with pytest.raises(LookupError):
            CORSMiddleware(app, {**SHOP}, websockets=websockets)(*arguments).send(None)
