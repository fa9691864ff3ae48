"""
Applications get requests unchanged, and their responses come back unchanged.
"""

import asyncio
import functools
import logging
import sys
from wsgiref.validate import validator

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from flask import Flask, request
from kit.asking import get

from corsguard.browser.transports import transport_for
from corsguard.browser.wire import Unreachable, WireResponse


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
    A class whose instances and whose bound method can be called.
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
    "a WSGI function, wrapped without its signature": (badly_decorated(plain), b"wsgi"),
    "a WSGI instance": (WithMethod(), b"wsgi"),
    "a WSGI class": (WSGIClass, b"wsgi"),
    "a WSGI function with more parameters": (
        functools.partial(lambda x, environ, start: plain(environ, start), 1),
        b"wsgi",
    ),
    "an ASGI function": (asgi, b"asgi"),
    "an ASGI function, wrapped": (decorated(asgi), b"asgi"),
    "an ASGI function, wrapped without its signature": (badly_decorated_asynchronously(asgi), b"asgi"),
    "an ASGI function with more parameters": (functools.partial(functools.partial(asgi)), b"asgi"),
    "an ASGI function that is not marked": (unmarked, b"asgi"),
    "an ASGI instance": (AsyncInstance(), b"asgi"),
    "an ASGI method": (WithMethod().asgi, b"asgi"),
    "a transport": (carry, b"transport"),
    "a transport that is a method": (WithMethod().carry, b"transport"),
    "a transport with more parameters": (functools.partial(lambda x, request: carry(request), 1), b"transport"),
    "the transport of an application": (transport_for(plain), b"wsgi"),
    "a mapping": ({"http://x.example": carry, "https://api.example.com": plain}, b"wsgi"),
}


@pytest.mark.parametrize(("app", "body"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_an_object_is_recognized_by_its_parameters(app, body):
    assert transport_for(app)(get()).body == body


def test_frameworks_are_recognized():
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
    "text": ("app:app", '"app:app" is a str. Expected a WSGI application'),
    "None": (None, "None is a NoneType. Expected a WSGI application"),
    "a class": (Flask, "takes 1 arguments. It is a class: give an instance. Expected a"),
    "an asynchronous class": (AsyncInstance, "takes 0 arguments. It is a class: give an instance. Expected a"),
    "a coroutine function": (
        asynchronous,
        "takes 1 arguments. It is asynchronous, but not an ASGI 3 application. Expected a",
    ),
    "a function without parameters": (nothing, "takes 0 arguments. Expected a WSGI application"),
    "a function with four parameters": (lambda a, b, c, d: None, "takes 4 arguments. Expected a WSGI application"),
    "in a mapping": ({"https://a.example": 1}, "1 is an int. Expected a WSGI application"),
}


@pytest.mark.parametrize(("app", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_any_other_object_is_an_error_that_says_what_is_accepted(app, message):
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
def test_a_key_that_is_not_an_origin_is_an_error_that_names_the_right_one(key, meant):
    with pytest.raises(ValueError, match=rf"^\"{key}\" .* Fix: {meant}$"):
        transport_for({key: plain})


@pytest.mark.parametrize("key", ["https://*.example.com", "https://example.com:*", "null", None, 443])
def test_a_key_that_is_not_one_origin_is_an_error(key):
    with pytest.raises(ValueError, match=r'Expected one origin, such as "https://api\.example\.com", got |Fix: '):
        transport_for({key: plain})


def test_a_mapping_without_applications_is_an_error():
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


def test_the_environ_is_that_of_a_real_server():
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
def test_an_application_gets_its_own_address(url, name, port, host):
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


def test_a_body_is_closed_once_in_every_case():
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


def test_spaces_around_a_value_are_removed_as_on_the_wire():
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
def test_an_exception_is_a_bare_500_and_logged_with_its_traceback(app, caplog):
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
    ],
)
def test_data_sent_before_an_exception_stays_sent(app, caplog):
    assert transport_for(app)(get()) == WireResponse(200, (("X", "a"),), b"one")
    (record,) = caplog.records
    assert record.getMessage().endswith("a server that has begun to respond cuts the response off.")
    assert record.exc_info[2] is not None


def test_an_exception_after_the_whole_response_changes_nothing(caplog):
    assert transport_for(goes_on_in_asgi)(get()) == WireResponse(200, (("X", "a"),), b"one")
    (record,) = caplog.records
    assert "the response was sent before that" in record.getMessage()
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


def test_exceptions_that_end_the_process_are_not_caught():
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


def test_the_scope_is_that_of_a_real_server():
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


def test_a_body_in_pieces_is_read_to_its_end():
    """
    There is no disconnect before its end.
    """

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


def test_an_asgi_application_answers_within_an_event_loop():
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
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume:Warning")  # Django gives this advice
def test_streams_of_django_are_read(handler, path):
    assert transport_for(handler)(get(f"https://testserver/api/{path}")).body == b"one two"
