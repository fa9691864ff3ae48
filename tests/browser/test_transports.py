"""
Requests reach applications and servers as they are, and responses come back as they are.
"""

import asyncio
import functools
import logging
import socket
import ssl
import sys
import threading
from contextlib import contextmanager, suppress
from wsgiref.validate import validator

import pytest
import trustme
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from flask import Flask, request
from kit.serving import served

from corsguard.browser.transports import LiveTransport, transport_for
from corsguard.browser.wire import Unreachable, WireRequest, WireResponse

URL = "https://api.example.com/a%20b/%C3%A9%2F;p?q=%41&r=a+b"


def get(url=URL, method="GET", headers=(), body=b""):
    return WireRequest(method, url, tuple(headers), body)


def plain(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"wsgi"]


async def asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"asgi"})


def unmarked(scope, receive, send):
    return asgi(scope, receive, send)


def carry(request):
    return WireResponse(200, (), b"transport")


class WithMethod:
    """
    Something to be called, as instances and as a bound method.
    """

    def __call__(self, environ, start_response):
        return plain(environ, start_response)

    def carry(self, request, timeout=3):
        return carry(request)

    async def asgi(self, scope, receive, send):
        await asgi(scope, receive, send)


class AsyncInstance:
    async def __call__(self, scope, receive, send):
        await asgi(scope, receive, send)


class WSGIClass:
    """
    An application that is a class (PEP 3333, "The Application/Framework Side").
    """

    def __init__(self, environ, start_response):
        start_response("200 OK", [])

    def __iter__(self):
        yield b"wsgi"


def decorated(function):
    @functools.wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def badly_decorated(function):
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def badly_decorated_asynchronously(function):
    async def call(*args, **kwargs):
        await function(*args, **kwargs)

    return call


FLASK = Flask(__name__)


@FLASK.route("/echo", methods=["GET", "POST", "PUT"])
def echo():
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    return "\n".join([request.method, request.url, request.get_data(as_text=True), *sorted(lines)])


@FLASK.get("/cookies")
def set_cookies():
    response = FLASK.make_response("")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


ACCEPTED = {
    "a WSGI function": (plain, b"wsgi"),
    "a WSGI function, wrapped": (decorated(plain), b"wsgi"),
    "a WSGI function, wrapped beyond recognition": (badly_decorated(plain), b"wsgi"),
    "a WSGI instance": (WithMethod(), b"wsgi"),
    "a WSGI class": (WSGIClass, b"wsgi"),
    "a WSGI function with more": (functools.partial(lambda x, environ, start: plain(environ, start), 1), b"wsgi"),
    "an ASGI function": (asgi, b"asgi"),
    "an ASGI function, wrapped": (decorated(asgi), b"asgi"),
    "an ASGI function, wrapped beyond recognition": (badly_decorated_asynchronously(asgi), b"asgi"),
    "an ASGI function with more": (functools.partial(functools.partial(asgi)), b"asgi"),
    "an ASGI function that is not marked": (unmarked, b"asgi"),
    "an ASGI instance": (AsyncInstance(), b"asgi"),
    "an ASGI method": (WithMethod().asgi, b"asgi"),
    "a transport": (carry, b"transport"),
    "a transport that is a method": (WithMethod().carry, b"transport"),
    "a transport with more": (functools.partial(lambda x, request: carry(request), 1), b"transport"),
    "the transport of an application": (transport_for(plain), b"wsgi"),
    "a mapping": ({"http://x.example": carry, "https://api.example.com": plain}, b"wsgi"),
}


@pytest.mark.parametrize(("app", "body"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_an_application_is_told_by_what_it_takes(app, body):
    assert transport_for(app)(get()).body == body


def test_frameworks_are_told_apart():
    url = "https://testserver/api/hello"
    assert transport_for(FLASK)(get("https://testserver/echo")).body.startswith(b"GET\nhttps://testserver/echo")
    for handler in (WSGIHandler(), ASGIHandler()):
        response = transport_for(handler)(get(url, "PUT"))
        assert (response.status, dict(response.headers)["X-Method"], response.body) == (200, "PUT", b"hello " * 200)


async def asynchronous(request):
    pass


def nothing():
    pass


REFUSED = {
    "text": ("app:app", '"app:app" is a str. It takes a WSGI application'),
    "None": (None, "None is a NoneType. It takes a WSGI application"),
    "a class": (Flask, "takes 1 arguments. It is a class: give an instance. It takes"),
    "an asynchronous class": (AsyncInstance, "takes 0 arguments. It is a class: give an instance. It takes"),
    "a coroutine function": (
        asynchronous,
        "takes 1 arguments. It is asynchronous, but no ASGI 3 application. It takes",
    ),
    "a function of nothing": (nothing, "takes 0 arguments. It takes a WSGI application"),
    "a function of four": (lambda a, b, c, d: None, "takes 4 arguments. It takes a WSGI application"),
    "in a mapping": ({"https://a.example": 1}, "1 is an int. It takes a WSGI application"),
}


@pytest.mark.parametrize(("app", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_anything_else_is_an_error_that_says_what_is_accepted(app, message):
    with pytest.raises(TypeError) as caught:
        transport_for(app)
    assert message in str(caught.value)
    assert str(caught.value).endswith("or a mapping from origin to one of these.")


KEYS = {
    "https://api.example.com/": '"https://api.example.com"',
    "https://api.example.com:443": '"https://api.example.com"',
    "https://API.example.com": '"https://api.example.com"',
    "api.example.com": '"https://api.example.com"',
    "https://élève.example": '"https://xn--lve-6lad.example"',
}


@pytest.mark.parametrize(("key", "meant"), KEYS.items())
def test_a_key_that_is_no_origin_is_an_error_that_names_the_one_meant(key, meant):
    with pytest.raises(ValueError, match=rf"^\"{key}\" .* Fix: {meant}$"):
        transport_for({key: plain})


@pytest.mark.parametrize("key", ["https://*.example.com", "https://example.com:*", "null", None, 443])
def test_a_key_that_is_not_one_origin_is_an_error(key):
    with pytest.raises(ValueError, match=r'is not one origin, such as "https://api\.example\.com"\.$|Fix: '):
        transport_for({key: plain})


def test_no_application_at_all_is_an_error():
    with pytest.raises(ValueError, match=r"^The mapping is empty"):
        transport_for({})


def test_an_origin_without_an_application_is_unreachable():
    transport = transport_for({"https://api.example.com": plain, "http://localhost:3000": plain})
    assert transport(get("http://localhost:3000/x")).status == 200
    with pytest.raises(Unreachable) as caught:
        transport(get("http://localhost/x"))
    assert caught.value.cause == (
        "there is no server at http://localhost; this browser knows https://api.example.com, http://localhost:3000"
    )
    assert (caught.value.tls, caught.value.wants_certificate) == (False, False)


# WSGI


def test_the_environ_is_what_a_server_makes():
    seen = {}

    def app(environ, start_response):
        seen.update(environ, body=environ["wsgi.input"].read())
        return plain(environ, start_response)

    headers = [
        ("X-One", "1"),
        ("Accept", "a"),
        ("accept", "b"),
        ("X_One", "2"),
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
        ("Content-Type", "text/plain"),
        ("X-Latin", "\xe9"),
    ]
    transport_for(app)(get(method="patch", headers=headers, body=b"hello"))
    wanted = {
        "REQUEST_METHOD": "patch",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xc3\xa9/;p",
        "QUERY_STRING": "q=%41&r=a+b",
        "SERVER_NAME": "api.example.com",
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "5",
        "HTTP_HOST": "api.example.com",
        "HTTP_ACCEPT": "a,b",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_LATIN": "\xe9",
        "HTTP_X_ONE": "1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "body": b"hello",
    }
    del seen["wsgi.input"]
    assert seen == wanted


@pytest.mark.parametrize(
    ("url", "name", "port", "host"),
    [
        ("http://localhost/", "localhost", "80", "localhost"),
        ("http://localhost:3000/", "localhost", "3000", "localhost:3000"),
        ("https://[::1]:8443/", "[::1]", "8443", "[::1]:8443"),
    ],
)
def test_an_application_is_told_where_it_is(url, name, port, host):
    def app(environ, start_response):
        start_response("200 OK", [(key, environ[key]) for key in ("SERVER_NAME", "SERVER_PORT", "HTTP_HOST")])
        return []

    assert [value for _, value in transport_for(app)(get(url)).headers] == [name, port, host]

    async def asgi_app(scope, receive, send):
        server, port = scope["server"]
        pairs = [(b"a", server.encode()), (b"b", str(port).encode()), (b"c", dict(scope["headers"])[b"host"])]
        await send({"type": "http.response.start", "status": 200, "headers": pairs})
        await send({"type": "http.response.body"})

    assert [value for _, value in transport_for(asgi_app)(get(url)).headers] == [name, port, host]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_the_validator_of_pep_3333_finds_nothing(method):
    def app(environ, start_response):
        environ["wsgi.input"].read(3)
        write = start_response(
            "201 Created", [("Content-Type", "text/plain"), ("Set-Cookie", "a"), ("Set-Cookie", "b")]
        )
        write(b"one ")
        return [b"two"]

    for url in ("https://api.example.com/", "http://[::1]:80/x?y"):
        response = transport_for(validator(app))(get(url, method, [("Content-Type", "a/b")], b"body"))
        assert (response.status, response.body) == (201, b"" if method == "HEAD" else b"one two")
        assert response.headers == (("Content-Type", "text/plain"), ("Set-Cookie", "a"), ("Set-Cookie", "b"))


def test_a_body_is_closed_once_whatever_happens():
    class Body:
        closed = 0

        def __init__(self, *chunks):
            self.chunks = chunks

        def __iter__(self):
            for chunk in self.chunks:
                yield chunk()

        def close(self):
            self.closed += 1

    def crash():
        raise RuntimeError

    def answer(body):
        def app(environ, start_response):
            start_response("200 OK", [])
            return body

        return transport_for(app)(get())

    good, bad = Body(lambda: b"x"), Body(crash)
    assert (answer(good).status, answer(bad).status) == (200, 500)
    assert (good.closed, bad.closed) == (1, 1)


@pytest.mark.parametrize("status", [204, 304])
def test_a_response_that_cannot_have_a_body_has_none(status):
    def app(environ, start_response):
        start_response(f"{status} No", [("ETag", '"a"')])
        return [b"lost on the way"]

    assert transport_for(app)(get()) == WireResponse(status, (("ETag", '"a"'),), b"")


def test_spaces_around_a_value_get_lost_on_the_wire():
    def app(environ, start_response):
        start_response("200 OK", [("X", " \ta b\t ")])
        return []

    assert transport_for(app)(get()).headers == (("X", "a b"),)


def crashes(environ, start_response):
    raise RuntimeError("early")


def crashes_after_the_head(environ, start_response):
    start_response("200 OK", [("Access-Control-Allow-Origin", "*")])
    raise RuntimeError("after the head")


def crashes_before_the_body(environ, start_response):
    start_response("200 OK", [("Access-Control-Allow-Origin", "*")])
    yield b""
    raise RuntimeError("before the body")


def never_starts(environ, start_response):
    return []


def starts_too_late(environ, start_response):
    yield b"x"
    start_response("200 OK", [])


def starts_twice(environ, start_response):
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


def sends_text(environ, start_response):
    start_response("200 OK", [])
    return ["text"]


def sends_two_lines(environ, start_response):
    start_response("200 OK", [("X", "a\r\nAccess-Control-Allow-Origin: *")])
    return []


def sends_what_is_no_octet(environ, start_response):
    start_response("200 OK", [("X", "\u20ac")])
    return []


def sends_no_name(environ, start_response):
    start_response("200 OK", [("X :", "a")])
    return []


def sends_no_status(environ, start_response):
    start_response("OK", [])
    return []


async def crashes_in_asgi(scope, receive, send):
    raise RuntimeError("early")


async def sends_two_lines_in_asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"a\nb")]})


async def never_starts_in_asgi(scope, receive, send):
    pass


async def begins_with_the_body_in_asgi(scope, receive, send):
    await send({"type": "http.response.body", "body": b""})


async def accepts_a_websocket_in_asgi(scope, receive, send):
    await send({"type": "websocket.accept"})


async def never_answers_the_group(scope, receive, send):
    raise ExceptionGroup("several", [RuntimeError("one")])


BROKEN = [
    crashes,
    crashes_after_the_head,
    crashes_before_the_body,
    never_starts,
    starts_too_late,
    starts_twice,
    sends_text,
    sends_two_lines,
    sends_what_is_no_octet,
    sends_no_name,
    sends_no_status,
    crashes_in_asgi,
    sends_two_lines_in_asgi,
    never_starts_in_asgi,
    begins_with_the_body_in_asgi,
    accepts_a_websocket_in_asgi,
    never_answers_the_group,
]


@pytest.mark.parametrize("app", BROKEN)
def test_an_exception_that_leaves_the_application_is_a_bare_500_and_a_traceback_in_the_log(app, caplog):
    assert transport_for(app)(get("https://api.example.com/x")) == WireResponse(500)
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("corsguard.browser", logging.ERROR)
    assert record.getMessage() == (
        "The application raised on GET https://api.example.com/x: a server responds with a 500 that has none of the "
        "application's headers."
    )
    assert record.exc_info[2] is not None


def breaks_off(environ, start_response):
    start_response("200 OK", [("X", "a")])
    yield b"one"
    raise RuntimeError("broken off")


def breaks_off_and_starts_again(environ, start_response):
    start_response("200 OK", [("X", "a")])
    yield b"one"
    try:
        int("broken off")
    except ValueError:
        start_response("500 Broken", [], sys.exc_info())


def breaks_off_by_write(environ, start_response):
    start_response("200 OK", [("X", "a")])(b"one")
    raise RuntimeError("broken off")


async def breaks_off_in_asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"X", b"a")]})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    raise RuntimeError("broken off")


async def leaves_early_in_asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"X", b"a")]})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})


async def goes_on_in_asgi(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"X", b"a")]})
    await send({"type": "http.response.body", "body": b"one"})
    await send({"type": "http.response.body", "body": b"two"})


@pytest.mark.parametrize(
    "app",
    [
        breaks_off,
        breaks_off_and_starts_again,
        breaks_off_by_write,
        breaks_off_in_asgi,
        leaves_early_in_asgi,
        goes_on_in_asgi,
    ],
)
def test_what_was_sent_before_an_exception_stays_sent(app, caplog):
    assert transport_for(app)(get()) == WireResponse(200, (("X", "a"),), b"one")
    (record,) = caplog.records
    assert record.getMessage().endswith("a server that has begun to respond cuts the response off.")
    assert record.exc_info[2] is not None


def test_a_head_can_be_replaced_as_long_as_nothing_was_sent(caplog):
    def app(environ, start_response):
        start_response("200 OK", [("X", "a")])
        try:
            int("x")
        except ValueError:
            start_response("503 Later", [("X", "b")], sys.exc_info())
        return [b"later"]

    assert transport_for(app)(get()) == WireResponse(503, (("X", "b"),), b"later")
    assert caplog.records == []


def test_what_ends_the_process_is_not_held_back():
    def app(environ, start_response):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transport_for(app)(get())


def test_flask_gets_the_request_and_sends_two_cookies():
    response = transport_for(FLASK)(
        get("http://localhost:5000/echo?a=1", "PUT", [("Content-Type", "text/plain"), ("Origin", "null")], b"\xc3\xa9")
    )
    assert response.body.decode() == (
        "PUT\nhttp://localhost:5000/echo?a=1\né\nContent-Length: 2\nContent-Type: text/plain\nHost: localhost:5000\n"
        "Origin: null"
    )
    lines = transport_for(FLASK)(get("http://localhost/cookies")).headers
    assert [value for name, value in lines if name == "Set-Cookie"] == ["a=1; Path=/", "b=2; Path=/"]


# ASGI


def test_the_scope_is_what_a_server_makes():
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope, received=[await receive()])
        await asgi(scope, receive, send)
        seen["received"].append(await receive())

    headers = [("X-One", "1"), ("Cookie", "a=1"), ("Cookie", "b=2"), ("X-Latin", "\xe9")]
    assert transport_for(app)(get(method="patch", headers=headers, body=b"hello")).body == b"asgi"
    assert seen == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "patch",
        "scheme": "https",
        "path": "/a b/é/;p",
        "raw_path": b"/a%20b/%C3%A9%2F;p",
        "query_string": b"q=%41&r=a+b",
        "root_path": "",
        "headers": [
            [b"host", b"api.example.com"],
            [b"x-one", b"1"],
            [b"cookie", b"a=1"],
            [b"cookie", b"b=2"],
            [b"x-latin", b"\xe9"],
            [b"content-length", b"5"],
        ],
        "client": ["127.0.0.1", 0],
        "server": ["api.example.com", 443],
        "received": [
            {"type": "http.request", "body": b"hello", "more_body": False},
            {"type": "http.disconnect"},
        ],
    }


def test_a_body_in_pieces_is_whole_and_nobody_hangs_up_before_its_end():
    async def app(scope, receive, send):
        await receive()
        going = asyncio.create_task(receive())
        await send({"type": "http.response.start", "status": 200})
        for piece in (b"one ", b"two"):
            await asyncio.sleep(0)
            assert not going.done()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})
        assert await going == {"type": "http.disconnect"}

    assert transport_for(app)(get()) == WireResponse(200, (), b"one two")


def test_an_asgi_application_answers_within_an_event_loop_too():
    transport = transport_for(ASGIHandler())

    async def inside():
        return transport(get("https://testserver/api/async-hello")), asyncio.get_running_loop()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        response, loop = runner.run(inside())
        assert loop is runner.get_loop()
    assert response == transport(get("https://testserver/api/async-hello"))
    assert (response.status, response.body) == (200, b"hello " * 200)


@pytest.mark.parametrize("handler", [WSGIHandler(), ASGIHandler()], ids=["WSGI", "ASGI"])
@pytest.mark.parametrize("path", ["stream", "async-stream"])
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning")  # Django's advice, not ours
def test_django_streams(handler, path):
    assert transport_for(handler)(get(f"https://testserver/api/{path}")).body == b"one two"


# Live HTTP


def raw_answer(*answers):
    """
    Return what serves one connection with the bytes *answers*, one for each request, and remembers the requests.
    """

    def serve(connection):
        serve.connections += 1
        with connection, connection.makefile("rb") as file:
            for answer in answers:
                lines = []
                while line := file.readline().rstrip(b"\r\n"):
                    lines.append(line)
                length = next((int(line[15:]) for line in lines if line.startswith(b"Content-Length:")), 0)
                serve.requests.append((lines, file.read(length)))
                connection.sendall(answer)

    serve.requests, serve.connections = [], 0
    return serve


@contextmanager
def listening(serve, context=None):
    """
    Have *serve* handle every connection to a port of loopback, over TLS with a *context*, and yield the port.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                try:
                    serve(connection if context is None else context.wrap_socket(connection, server_side=True))
                except OSError:
                    connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Closing alone wakes nobody who waits in `accept`.
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture
def live():
    with LiveTransport(timeout=5) as transport:
        yield transport


def cause_of(transport, url):
    with pytest.raises(Unreachable) as caught:
        transport(get(url))
    return caught.value


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_request_stands_on_the_wire_as_it_was_given_and_connections_are_kept(live):
    serve = raw_answer(OK, OK, OK)
    with listening(serve) as port:
        headers = [("X-Two", "2"), ("accept", "*/*"), ("X-Two", "\xe9"), ("Cookie", "a=1")]
        target = "/a|b/%7e;[x]?q=%27%22%22"
        assert live(get(f"http://127.0.0.1:{port}{target}", "patch", headers, b"body")).body == b"ok"
        live(get(f"http://127.0.0.1:{port}/", "POST"))
        live(get(f"http://127.0.0.1:{port}/", "POST", [("content-length", "0")]))
        live.close()
    assert serve.connections == 1
    host = f"Host: 127.0.0.1:{port}".encode()
    assert serve.requests == [
        (
            [
                f"patch {target} HTTP/1.1".encode(),
                host,
                b"X-Two: 2",
                b"accept: */*",
                b"X-Two: \xe9",
                b"Cookie: a=1",
                b"Content-Length: 4",
            ],
            b"body",
        ),
        ([b"POST / HTTP/1.1", host], b""),
        ([b"POST / HTTP/1.1", host, b"content-length: 0"], b""),
    ]


def test_a_response_comes_back_as_it_stood_on_the_wire(live):
    lines = [("X-Two", "2"), ("set-cookie", "a=1"), ("X-TWO", "\xe9"), ("Location", "/elsewhere"), ("X-Nothing", "")]
    head = "\r\n".join(["HTTP/1.1 302 Found", *(f"{name}:  {value} " for name, value in lines)])
    gzip = b"\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnot\r\n5\r\n gzip\r\n0\r\n\r\n"
    with listening(raw_answer(head.encode("latin-1") + gzip, OK)) as port:
        response = live(get(f"http://127.0.0.1:{port}/"))
        again = live(get(f"http://127.0.0.1:{port}/"))
        live.close()
    coded = [("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")]
    assert response == WireResponse(302, (*lines, *coded), b"not gzip")
    assert again.status == 200


def test_a_kept_connection_that_the_server_closes_is_replaced(live):
    first, second = raw_answer(OK, b""), raw_answer(OK)
    connections = iter([first, second])

    def serve(connection):
        next(connections)(connection)

    with listening(serve) as port:
        for path in "ab":
            assert live(get(f"http://127.0.0.1:{port}/{path}", "POST", body=b"once")).body == b"ok"
    assert [lines[0] for lines, _ in first.requests] == [b"POST /a HTTP/1.1", b"POST /b HTTP/1.1"]
    assert [lines[0] for lines, _ in second.requests] == [b"POST /b HTTP/1.1"]


def test_no_proxy_is_asked(live, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with listening(raw_answer(OK)) as port, LiveTransport() as transport:
        assert transport(get(f"http://127.0.0.1:{port}/")).body == b"ok"


@pytest.mark.server
@pytest.mark.parametrize(
    "server", [("gunicorn", "flask_app:app"), ("uvicorn", "django_app:asgi")], ids=["gunicorn", "uvicorn"]
)
def test_a_real_server_answers_as_the_application_in_process(server, live, monkeypatch):
    with served(*server) as process:
        url = f"http://127.0.0.1:{process.port}/nowhere"
        response = live(get(url, headers=[("Origin", "http://localhost:8000")]))
    assert response.status == 404
    assert ("Access-Control-Allow-Origin".lower(), "http://localhost:8000") in {
        (name.lower(), value) for name, value in response.headers
    }


def test_a_port_where_nothing_listens_is_unreachable(live):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = cause_of(live, f"https://127.0.0.1:{port}/")
    assert (error.cause, error.tls) == (f"nothing listens at 127.0.0.1:{port}", False)
    assert error.net_error == "CONNECTION_REFUSED"


def test_a_name_without_an_address_is_unreachable(live, monkeypatch):
    def look_up(*args):
        # As it would end, without a question to anybody's network.
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    error = cause_of(live, "http://nowhere.invalid/")
    assert (error.cause, error.tls) == ("the name nowhere.invalid has no address", False)
    assert error.net_error == "NAME_NOT_RESOLVED"


@pytest.mark.parametrize("name", ["a..invalid", f"{'a' * 64}.invalid"], ids=["an empty label", "a long label"])
def test_a_name_that_cannot_be_looked_up_is_unreachable(live, name):
    assert cause_of(live, f"http://{name}/").cause == f"the name {name} has no address"


def test_a_server_that_does_not_answer_is_unreachable():
    with socket.create_server(("127.0.0.1", 0)) as listener, LiveTransport(timeout=0.05) as transport:
        port = listener.getsockname()[1]
        assert (
            cause_of(transport, f"http://127.0.0.1:{port}/").cause == f"127.0.0.1:{port} did not answer within 0.05 s"
        )
        assert (
            cause_of(transport, f"https://127.0.0.1:{port}/").cause == f"127.0.0.1:{port} did not answer within 0.05 s"
        )


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP: "),
        (b"", "the answer is not HTTP: Server disconnected without sending a response."),
        (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", "the answer is not HTTP: "),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000, "the answer is not HTTP: "),
    ],
    ids=["SSH", "nothing", "a NUL", "a head without end"],
)
def test_an_answer_that_is_no_http_is_unreachable(live, answer, cause):
    with listening(raw_answer(answer)) as port:
        error = cause_of(live, f"http://127.0.0.1:{port}/")
        live.close()
    assert error.cause.startswith(cause)
    assert not error.tls


@pytest.mark.parametrize(
    "headers", [[("X", "a\r\nb: c")], [("X Y", "a")], [("X", " a")]], ids=["two lines", "no token", "a space"]
)
def test_a_request_that_is_no_http_is_not_sent(live, headers):
    serve = raw_answer(OK)
    with listening(serve) as port, pytest.raises(Unreachable):
        live(get(f"http://127.0.0.1:{port}/", headers=headers))
    assert [lines for lines, _ in serve.requests if lines] == []


def test_a_response_that_breaks_off_is_cut(live, caplog):
    with listening(raw_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\none")) as port:
        response = live(get(f"http://127.0.0.1:{port}/"))
    assert (response.status, response.body) == (200, b"one")
    (record,) = [record for record in caplog.records if record.name == "corsguard.browser"]
    assert record.getMessage() == f"The response to GET http://127.0.0.1:{port}/ was cut off."


def test_a_response_without_end_is_cut(caplog):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        try:
            while True:
                connection.sendall(b": still here\n\n")
        except OSError:
            connection.close()

    with listening(serve) as port, LiveTransport(timeout=0.05) as transport:
        response = transport(get(f"http://127.0.0.1:{port}/"))
    assert response.status == 200
    assert response.body.startswith(b": still here\n\n")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def server_context(authority, name="127.0.0.1", version=None):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def test_a_certificate_is_checked_unless_told_otherwise(authority, trusting):
    with listening(raw_answer(OK), server_context(authority)) as port:
        url = f"https://127.0.0.1:{port}/"
        with LiveTransport() as transport:
            error = cause_of(transport, url)
        for verify in (trusting, False):
            with LiveTransport(verify=verify) as transport:
                assert transport(get(url)).body == b"ok"
    assert error.cause.startswith(f"the certificate of 127.0.0.1:{port} is not valid: ")
    assert (error.tls, error.wants_certificate, error.net_error) == (True, False, "CERT_AUTHORITY_INVALID")


def test_a_certificate_of_another_host_is_none(authority, trusting):
    elsewhere = server_context(authority, "api.example.com")
    with listening(raw_answer(OK), elsewhere) as port, LiveTransport(verify=trusting) as transport:
        error = cause_of(transport, f"https://127.0.0.1:{port}/")
    assert "is not valid: IP address mismatch" in error.cause
    assert (error.tls, error.net_error) == (True, "CERT_COMMON_NAME_INVALID")


def test_a_host_may_be_reached_elsewhere_and_what_is_sent_stays():
    serve = raw_answer(OK)
    with (
        listening(serve) as port,
        LiveTransport(connect_to={"api.example.com:8080": f"127.0.0.1:{port}"}) as transport,
    ):
        assert transport(get("http://api.example.com:8080/items?q=1")).body == b"ok"
        error = cause_of(transport, "http://other.invalid:8080/")
    ((head, _),) = serve.requests
    assert head[:2] == [b"GET /items?q=1 HTTP/1.1", b"Host: api.example.com:8080"]
    assert "other.invalid" in error.cause


def test_a_host_reached_elsewhere_still_has_to_show_its_own_certificate(authority, trusting):
    context = server_context(authority, "api.example.com")
    names = []
    context.sni_callback = lambda _, name, __: names.append(name)
    answer = raw_answer(OK, OK)

    def patient(connection):
        with suppress(OSError):
            answer(connection)

    # Each in a thread, so that the second is accepted while the first is open.
    with listening(lambda connection: threading.Thread(target=patient, args=[connection]).start(), context) as port:
        places = dict.fromkeys(("api.example.com", "other.example.com"), f"127.0.0.1:{port}")
        with LiveTransport(verify=trusting, connect_to=places) as transport:
            assert transport(get("https://api.example.com/")).body == b"ok"
            # Not over the connection that the first one left open.
            error = cause_of(transport, "https://other.example.com/")
    assert names == ["api.example.com", "other.example.com"]
    assert "is not valid: Hostname mismatch" in error.cause
    assert error.net_error == "CERT_COMMON_NAME_INVALID"


def test_a_server_without_tls_fails_the_handshake(live):
    def serve(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()

    with listening(serve) as port:
        error = cause_of(live, f"https://127.0.0.1:{port}/")
    assert error.cause.startswith(f"no TLS connection to 127.0.0.1:{port} (")
    assert (error.tls, error.wants_certificate, error.net_error) == (True, False, "SSL_PROTOCOL_ERROR")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])
def test_a_server_that_demands_a_certificate_is_told_apart(authority, trusting, version):
    context = server_context(authority, version=version)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    with listening(raw_answer(OK), context) as port:
        url = f"https://127.0.0.1:{port}/"
        with LiveTransport(verify=trusting) as transport:
            error = cause_of(transport, url)
        authority.issue_cert("client.example").configure_cert(trusting)
        with LiveTransport(verify=trusting) as transport:
            assert transport(get(url)).body == b"ok"
    assert error.cause.startswith(f"127.0.0.1:{port} demands a client certificate (")
    assert (error.tls, error.wants_certificate) == (True, True)


@pytest.mark.parametrize(
    ("alert", "wants_certificate"), [(40, True), (42, True), (70, False)], ids=["handshake", "certificate", "version"]
)
def test_what_alerts_tell(live, alert, wants_certificate):
    def serve(connection):
        connection.recv(65536)
        # RFC 8446, 6: a record of type alert, fatal.
        connection.sendall(bytes([21, 3, 3, 0, 2, 2, alert]))
        connection.close()

    with listening(serve) as port:
        error = cause_of(live, f"https://127.0.0.1:{port}/")
    assert (error.tls, error.wants_certificate) == (True, wants_certificate)


def test_without_httpx_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ImportError, match=r'^Live HTTP needs httpx\. Fix: pip install "corsguard\[browser\]"$'):
        LiveTransport()
