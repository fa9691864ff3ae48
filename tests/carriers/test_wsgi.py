"""
The middleware is WSGI on both sides: an application may do under a guard what it may do without one.

The table of cases has what is sent. The tests here are about how it is sent.
"""

import sys
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from kit.adapters import Application, environ_of, serve
from kit.cases import ANYONE, APP, EVIL, LISTED, OK, SHOP, Reply, get, preflight, request
from kit.wsgi_sending import OTHER, SHARED, TEXT, Found, throw, with_views

from corsguard import CORSMiddleware, PolicyError


def guard(app, policy=None):
    """
    Return *app* guarded, between two validators.
    """
    return validator(CORSMiddleware(validator(app), LISTED if policy is None else policy))


class HeaderList(list):
    pass


# With views to look for, a request takes the long path.
either_path = pytest.mark.parametrize("views", [None, Found()], ids=["short path", "long path"])


def test_a_refused_policy_makes_no_middleware():
    with pytest.raises(PolicyError):
        CORSMiddleware(Application(OK), {"allow_origins": "https://app.example.com"})


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        (
            {"allow_origins": ["*"]},
            'It takes a policy as one argument. Write CORSMiddleware(app, {"allow_origins": ...}).',
        ),
        ({"policy": LISTED, "debug": True}, 'CORSMiddleware got "debug", which it does not know.'),
    ],
    ids=["of a policy", "of nobody"],
)
def test_keywords_of_a_policy_in_a_mapping_are_refused_by_name(keywords, said):
    with pytest.raises(TypeError) as refused:
        CORSMiddleware(Application(OK), **keywords)
    assert said in str(refused.value)


def test_a_policy_of_none_closes_everything():
    """
    None means the same for an application as for a path. So removing a policy opens nothing.
    """
    app = Application(Reply(200, (("Access-Control-Allow-Origin", "*"),)))
    guarded = CORSMiddleware(app, None)
    for asked in (preflight(APP, "PUT"), get(APP)):
        status, headers, _ = serve(guarded, environ_of(asked))
        assert app.ran
        assert (status, headers) == (200, [TEXT])
    guarded.policy = {"paths": {}}
    assert serve(guarded, environ_of(get(APP)))[:2] == (200, [("Access-Control-Allow-Origin", "*"), TEXT])


def test_a_response_that_begins_again_with_exc_info_has_the_headers():
    def app(environ, start_response):
        start_response("200 OK", [TEXT, ("X-First", "1")])
        try:
            throw(LookupError("too late to succeed"))
        except LookupError:
            start_response("500 Internal Server Error", [TEXT], sys.exc_info())
        return [b"sorry"]

    status, headers, body = serve(guard(app), environ_of(get(APP)))
    assert (status, headers, body) == (500, [TEXT, *SHARED], b"sorry")


def test_exc_info_reaches_a_server_that_has_sent_headers():
    seen = []

    def app(environ, start_response):
        start_response("200 OK", [TEXT])
        try:
            throw(LookupError("after the first bytes"))
        except LookupError as error:
            start_response("500 Internal Server Error", [TEXT], sys.exc_info())
            raise AssertionError("the server let it pass") from error

    def start_response(status, headers, exc_info=None):
        seen.append(status)
        if exc_info is not None:
            raise exc_info[1].with_traceback(exc_info[2])
        return lambda data: None

    with pytest.raises(LookupError, match="after the first bytes"):
        CORSMiddleware(app, LISTED)(environ_of(get(APP)), start_response)
    assert seen == ["200 OK", "500 Internal Server Error"]


def test_start_response_takes_exc_info_by_name_and_as_none():
    def app(environ, start_response):
        start_response("200 OK", [TEXT], exc_info=None)
        return [b"content"]

    assert serve(CORSMiddleware(app, LISTED), environ_of(get(APP))) == (200, [TEXT, *SHARED], b"content")


@either_path
def test_the_write_function_of_the_server_is_passed_on(views):
    calls = []

    def write(data):
        return None

    def start_response(*arguments):
        calls.append(arguments)
        return write

    def app(environ, start_response):
        assert start_response("200 OK", [TEXT]) is write
        return []

    assert with_views(app, LISTED, views)(environ_of(get(APP)), start_response) == []
    assert calls == [("200 OK", [TEXT, *SHARED], None)]


def test_written_data_is_sent_before_returned_data():
    def app(environ, start_response):
        write = start_response("200 OK", [TEXT])
        write(b"one ")
        write(b"two ")
        return [b"three"]

    assert serve(guard(app), environ_of(get(APP))) == (200, [TEXT, *SHARED], b"one two three")


def test_an_application_may_start_its_response_in_its_first_chunk():
    def app(environ, start_response):
        start_response("200 OK", [TEXT])
        yield b"one "
        yield b"two"

    assert serve(guard(app), environ_of(get(APP))) == (200, [TEXT, *SHARED], b"one two")


@pytest.mark.parametrize(
    "lines",
    [
        [TEXT],
        [TEXT, ("Vary", "Cookie")],
        [TEXT, ("Access-Control-Allow-Origin", "*")],
        [("X-Unheard-Of", "1")],
    ],
    ids=repr,
)
@either_path
def test_the_header_list_of_the_application_is_not_changed(lines, views):
    lines = list(lines)
    before = list(lines)

    def app(environ, start_response):
        start_response("200 OK", lines)
        return []

    middleware = with_views(app, SHOP, views)
    sent = []
    for _ in range(2):
        assert middleware(environ_of(get(APP)), lambda status, headers, exc_info=None: sent.append(headers)) == []
    assert lines == before
    assert sent[0] == sent[1]
    assert sent[0] is not sent[1]
    assert type(sent[0]) is list


@pytest.mark.parametrize("name", ["Content-Length", "X-Unheard-Of", "Access-Control-Max-Age"])
@pytest.mark.parametrize(
    "kind", [tuple, dict.items, HeaderList, iter], ids=["tuple", "dict.items", "subclass", "iterator"]
)
@either_path
def test_headers_that_are_not_a_list_become_one(name, kind, views):
    headers = kind({"Content-Type": "text/plain", name: "0"}) if kind is dict.items else kind([TEXT, (name, "0")])

    def app(environ, start_response):
        start_response("200 OK", headers)
        return []

    sent = []
    start = lambda status, headers, exc_info=None: sent.append((status, headers))  # noqa: E731 - a server in one line
    assert with_views(app, LISTED, views)(environ_of(get(APP)), start) == []
    theirs = [TEXT] if name == "Access-Control-Max-Age" else [TEXT, (name, "0")]
    assert sent == [("200 OK", [*theirs, *SHARED])]
    assert type(sent[0][1]) is list


@pytest.mark.parametrize("paths", [{"/": None}, {"/": "unguarded"}, {"/api": LISTED}], ids=str)
def test_headers_of_an_unshared_response_become_a_list_too(paths):
    sent = []

    def app(environ, start_response):
        start_response("200 OK", (line for line in [TEXT]))
        return []

    CORSMiddleware(app, paths)(environ_of(get(APP)), lambda status, headers, exc_info=None: sent.append(headers))
    assert sent == [[TEXT]]


def test_a_type_error_of_the_server_is_raised_once():
    """
    The guard does not call the server a second time.
    """
    calls = []

    def start_response(status, headers, exc_info=None):
        calls.append(headers)
        raise TypeError("the server's own")

    with pytest.raises(TypeError, match=r"^the server's own$"):
        CORSMiddleware(Application(OK), LISTED)(environ_of(get(APP)), start_response)
    assert len(calls) == 1


def test_a_header_list_that_the_server_changes_is_not_shared():
    middleware = CORSMiddleware(Application(OK), LISTED)
    for asked in (get(APP), get(EVIL), preflight(APP, "PUT"), preflight(EVIL, "PUT")):
        sent = []
        middleware(environ_of(asked), lambda status, headers, exc_info=None, sent=sent: sent.append(headers))
        before = list(sent[0])
        sent[0].clear()
        middleware(environ_of(asked), lambda status, headers, exc_info=None, sent=sent: sent.append(headers))
        assert sent[1] == before != []


@either_path
def test_the_body_is_returned_as_it_is(views):
    class Body:
        def __iter__(self):
            raise AssertionError("read")

        def __len__(self):
            raise AssertionError("measured")

        def close(self):
            raise AssertionError("closed")

    body = Body()

    def app(environ, start_response):
        start_response("200 OK", [TEXT])
        return body

    start = lambda status, headers, exc_info=None: None  # noqa: E731 - a server in one line
    assert with_views(app, LISTED, views)(environ_of(get(APP)), start) is body


def test_a_file_wrapper_is_passed_on(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content")

    def app(environ, start_response):
        start_response("200 OK", [TEXT])
        return environ["wsgi.file_wrapper"](path.open("rb"))

    environ = {**environ_of(get(APP)), "wsgi.file_wrapper": FileWrapper}
    started = []
    body = CORSMiddleware(app, LISTED)(environ, lambda *arguments: started.append(arguments))
    assert type(body) is FileWrapper
    assert b"".join(body) == b"content"
    body.close()
    assert body.filelike.closed


def test_a_body_is_streamed_as_it_comes_and_closed_once():
    events = []

    class Body:
        def __init__(self):
            self.chunks = iter([b"one", b"two"])

        def __iter__(self):
            return self

        def __next__(self):
            events.append("next")
            return next(self.chunks)

        def close(self):
            events.append("close")

    def app(environ, start_response):
        start_response("200 OK", [TEXT])
        return Body()

    body = guard(app)(environ_of(get(APP)), lambda status, headers, exc_info=None: events.append)
    assert events == []
    chunks = iter(body)
    assert next(chunks) == b"one"
    assert events == ["next"]
    assert list(chunks) == [b"two"]
    body.close()
    assert events == ["next", "next", "next", "close"]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_empty_response_gets_no_other_headers_than_cors(status):
    def app(environ, start_response):
        start_response(status, [("ETag", '"1"')])
        return []

    code, headers, body = serve(guard(app), environ_of(get(APP)))
    assert (code, headers, body) == (int(status[:3]), [("ETag", '"1"'), *SHARED], b"")


def test_an_informational_response_only_gets_headers():
    def app(environ, start_response):
        start_response("103 Early Hints", [("Link", "</style.css>; rel=preload")])
        return []

    expected = (103, [("Link", "</style.css>; rel=preload"), *SHARED], b"")
    assert serve(CORSMiddleware(app, LISTED), environ_of(get(APP))) == expected


def test_a_head_request_has_the_headers_of_get():
    results = [serve(guard(Application(OK)), environ_of(request(method, APP))) for method in ("GET", "HEAD")]
    assert results[0][:2] == results[1][:2]
    assert [body for _, _, body in results] == [b"content", b""]


def test_a_request_body_is_left_to_the_application():
    read = []

    def app(environ, start_response):
        read.append(environ["wsgi.input"].read(7))
        start_response("200 OK", [TEXT])
        return [b""]

    import io

    environ = {**environ_of(request("POST", APP)), "wsgi.input": io.BytesIO(b"content"), "CONTENT_LENGTH": "7"}
    serve(guard(app), environ)
    assert read == [b"content"]


def test_the_environ_reaches_the_application_untouched():
    seen = []

    def app(environ, start_response):
        seen.append(environ)
        start_response("200 OK", [TEXT])
        return []

    environ = environ_of(get(APP))
    before = dict(environ)
    serve(CORSMiddleware(app, LISTED), environ)
    assert seen[0] is environ
    assert environ == before


def test_the_decision_uses_the_request_as_it_came_in():
    # Layers in between may rewrite the environ for their own needs.
    def app(environ, start_response):
        environ["HTTP_ORIGIN"] = EVIL
        environ["PATH_INFO"] = "/elsewhere"
        start_response("200 OK", [TEXT])
        return []

    for middleware in (CORSMiddleware(app, LISTED), CORSMiddleware(app, {"/": None, "/api": LISTED})):
        assert serve(middleware, environ_of(get(APP), "/api"))[1] == [TEXT, *SHARED]


class Boom(Exception):
    pass


def raise_before(environ, start_response):
    raise Boom


def raise_after(environ, start_response):
    start_response("200 OK", [TEXT])
    raise Boom


def raise_within(environ, start_response):
    start_response("200 OK", [TEXT])
    yield b"one"
    raise Boom


@pytest.mark.parametrize("app", [raise_before, raise_after, raise_within])
@pytest.mark.parametrize("origin", [None, APP, EVIL])
def test_an_exception_passes_through_untouched(app, origin):
    with pytest.raises(Boom) as raised:
        serve(CORSMiddleware(app, LISTED), environ_of(get(origin)))
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_a_preflight_is_answered_without_the_application():
    status, _, _ = serve(CORSMiddleware(raise_before, LISTED), environ_of(preflight(APP, "PUT")))
    assert status == 204


def cors_lines(headers):
    return sorted(
        (name, value) for name, value in headers if name.lower().startswith("access-control") or name == "Vary"
    )


@pytest.mark.parametrize("asked", [get(), get(APP), get(EVIL), preflight(APP, "PUT"), preflight(EVIL, "PUT")], ids=repr)
@pytest.mark.parametrize("policy", [LISTED, SHOP, ANYONE], ids=["listed", "shop", "anyone"])
def test_a_guard_within_the_same_guard_changes_nothing(asked, policy):
    once = serve(CORSMiddleware(Application(OK), policy), environ_of(asked))
    twice = serve(CORSMiddleware(CORSMiddleware(Application(OK), policy), policy), environ_of(asked))
    assert (once[0], sorted(once[1]), once[2]) == (twice[0], sorted(twice[1]), twice[2])


@pytest.mark.parametrize("asked", [get(APP), get(OTHER), preflight(APP, "PUT"), preflight(OTHER, "PUT")], ids=repr)
def test_the_outermost_guard_decides(asked):
    inner = {"allow_origins": [OTHER], "expose_headers": ["X-Inner"], "allow_credentials": True}
    alone = serve(CORSMiddleware(Application(OK), LISTED), environ_of(asked))
    above = serve(CORSMiddleware(CORSMiddleware(Application(OK), inner), LISTED), environ_of(asked))
    assert (above[0], cors_lines(above[1])) == (alone[0], cors_lines(alone[1]))


def test_the_outermost_middleware_adds_headers_to_refusals_of_inner_layers():
    def authentication(app):
        def guarded(environ, start_response):
            start_response("401 Unauthorized", [TEXT, ("WWW-Authenticate", "Basic")])
            return [b"who are you?"]

        return guarded

    outermost = CORSMiddleware(authentication(Application(OK)), LISTED)
    assert serve(outermost, environ_of(get(APP)))[:2] == (401, [TEXT, ("WWW-Authenticate", "Basic"), *SHARED])
    assert serve(outermost, environ_of(preflight(APP, "PUT")))[0] == 204
    within = authentication(CORSMiddleware(Application(OK), LISTED))
    assert serve(within, environ_of(preflight(APP, "PUT")))[0] == 401
