"""
The middleware is WSGI on both sides: whatever an application may do, it may still do when it is guarded.

What is sent is in the table of cases; here is how it is sent.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

import pytest
from kit.adapters import Application, environ_of, serve
from kit.cases import ANYONE, APP, EVIL, LISTED, OK, SHOP, Reply, get, preflight, request

from corsguard import Configuration, CORSMiddleware, Policies, Policy, PolicyError
from corsguard.adapters import Assignment, Guard, Journal

OTHER = "https://other.example"
SHARED = [("Access-Control-Allow-Origin", APP), ("Vary", "Origin")]
TEXT = ("Content-Type", "text/plain")


def guard(app, policy=None):
    """
    Return *app* guarded, between two validators.
    """
    return validator(CORSMiddleware(validator(app), LISTED if policy is None else policy))


def throw(error):
    raise error


class HeaderList(list):
    pass


class Found:
    """
    What finds the views of an application; *say* is called where a view is looked for.
    """

    def __init__(self, say=lambda environ, method, path: None):
        self.say = say

    def are_tagged(self):
        return True

    def view_at(self, environ, method, path):
        return self.say(environ, method, path)


def with_views(app, policy, views):
    middleware = CORSMiddleware(app, policy)
    middleware.views = views
    return middleware


# With views to look for, a request takes the long path.
either_path = pytest.mark.parametrize("views", [None, Found()], ids=["short path", "long path"])


def test_a_refused_policy_makes_no_middleware():
    with pytest.raises(PolicyError):
        CORSMiddleware(Application(OK), {"allow_origins": "https://app.example.com"})


def test_a_policy_of_none_guards_nothing():
    app = Application(Reply(200, (("Access-Control-Allow-Origin", "*"),)))
    status, headers, _ = serve(CORSMiddleware(app, None), environ_of(preflight(APP, "PUT")))
    assert app.ran
    assert (status, headers) == (200, [("Access-Control-Allow-Origin", "*"), TEXT])


# start_response


def test_headers_are_on_a_response_that_begins_again_with_exc_info():
    def app(environ, start_response):
        start_response("200 OK", [TEXT, ("X-First", "1")])
        try:
            throw(LookupError("too late to succeed"))
        except LookupError:
            start_response("500 Internal Server Error", [TEXT], sys.exc_info())
        return [b"sorry"]

    status, headers, body = serve(guard(app), environ_of(get(APP)))
    assert (status, headers, body) == (500, [TEXT, *SHARED], b"sorry")


def test_exc_info_reaches_the_server_that_has_sent_headers_already():
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


def test_start_response_may_be_given_exc_info_by_its_name_and_as_none():
    def app(environ, start_response):
        start_response("200 OK", [TEXT], exc_info=None)
        return [b"content"]

    assert serve(CORSMiddleware(app, LISTED), environ_of(get(APP))) == (200, [TEXT, *SHARED], b"content")


@either_path
def test_the_server_gets_three_arguments_and_its_write_is_handed_on(views):
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


def test_what_is_written_is_sent_before_what_is_returned():
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
def test_the_header_list_of_the_application_stays_as_it_is(lines, views):
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
def test_headers_that_are_no_plain_list_become_one(name, kind, views):
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
def test_headers_of_what_is_not_shared_become_a_list_too(paths):
    sent = []

    def app(environ, start_response):
        start_response("200 OK", (line for line in [TEXT]))
        return []

    CORSMiddleware(app, paths)(environ_of(get(APP)), lambda status, headers, exc_info=None: sent.append(headers))
    assert sent == [[TEXT]]


def test_a_type_error_of_the_server_is_not_asked_for_twice():
    calls = []

    def start_response(status, headers, exc_info=None):
        calls.append(headers)
        raise TypeError("the server's own")

    with pytest.raises(TypeError, match=r"^the server's own$"):
        CORSMiddleware(Application(OK), LISTED)(environ_of(get(APP)), start_response)
    assert len(calls) == 1


def test_what_the_server_does_to_a_header_list_reaches_nobody_else():
    middleware = CORSMiddleware(Application(OK), LISTED)
    for asked in (get(APP), get(EVIL), preflight(APP, "PUT"), preflight(EVIL, "PUT")):
        sent = []
        middleware(environ_of(asked), lambda status, headers, exc_info=None, sent=sent: sent.append(headers))
        before = list(sent[0])
        sent[0].clear()
        middleware(environ_of(asked), lambda status, headers, exc_info=None, sent=sent: sent.append(headers))
        assert sent[1] == before != []


# Bodies


@either_path
def test_what_the_application_returns_is_returned_as_it_is(views):
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


def test_a_file_wrapper_is_still_one(tmp_path):
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


def test_a_body_is_closed_once_and_streamed_as_slowly_as_it_comes():
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
def test_a_response_without_content_gets_no_more_than_headers_of_cors(status):
    def app(environ, start_response):
        start_response(status, [("ETag", '"1"')])
        return []

    code, headers, body = serve(guard(app), environ_of(get(APP)))
    assert (code, headers, body) == (int(status[:3]), [("ETag", '"1"'), *SHARED], b"")


def test_an_informational_response_is_untouched_but_for_its_headers():
    def app(environ, start_response):
        start_response("103 Early Hints", [("Link", "</style.css>; rel=preload")])
        return []

    expected = (103, [("Link", "</style.css>; rel=preload"), *SHARED], b"")
    assert serve(CORSMiddleware(app, LISTED), environ_of(get(APP))) == expected


def test_a_head_request_has_the_headers_of_a_get_request():
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


def test_a_request_is_negotiated_as_it_came_in():
    # What lies between may rewrite the environ for its own needs.
    def app(environ, start_response):
        environ["HTTP_ORIGIN"] = EVIL
        environ["PATH_INFO"] = "/elsewhere"
        start_response("200 OK", [TEXT])
        return []

    for middleware in (CORSMiddleware(app, LISTED), CORSMiddleware(app, {"/": None, "/api": LISTED})):
        assert serve(middleware, environ_of(get(APP), "/api"))[1] == [TEXT, *SHARED]


# Exceptions


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


def test_a_preflight_is_answered_whatever_the_application_would_do():
    status, _, _ = serve(CORSMiddleware(raise_before, LISTED), environ_of(preflight(APP, "PUT")))
    assert status == 204


# Layers


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


def test_outermost_it_covers_what_an_inner_layer_refuses():
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


# Paths


def granted(middleware, path, origin, **more):
    status, headers, _ = serve(middleware, {**environ_of(get(origin)), "PATH_INFO": path, **more})
    assert status == 200
    allowed = dict(headers).get("Access-Control-Allow-Origin")
    assert allowed in (None, origin)
    # A guarded resource says so on every response.
    return None if "Vary" not in dict(headers) else allowed is not None


BY_PATH = {"/": {"allow_origins": [OTHER]}, "/api": LISTED, "/api/closed": None, "/\u00e9l\u00e8ve": LISTED}


@pytest.mark.parametrize(
    ("path", "expected"),
    {
        "/api": True,
        "/api/x": True,
        "/apiary": False,
        "/": False,
        "": False,
        "/api/closed": None,
        "/api/closed/x": None,
        # PEP 3333: the bytes of the path as latin-1.
        "/\u00e9l\u00e8ve/1".encode().decode("latin-1"): True,
        "/\u00e9l\u00e8ve/1": False,
        "/\xff\xfe": False,
        "/api/\xff": True,
        "/api/\u20ac": True,
        # However these are read, they have one policy.
        "/api//x": True,
        "/api/./x": True,
        "/api/x/../y": True,
        "/api/x%20y": True,
        "/api/closed//x": None,
        "/x//y": False,
        "*": False,
        "http://host/api": False,
        # A path without its leading slash is read with it.
        "api": True,
    }.items(),
    ids=ascii,
)
def test_a_path_has_the_policy_of_its_prefix(path, expected):
    assert granted(CORSMiddleware(Application(OK), BY_PATH), path, APP) is expected


@pytest.mark.parametrize(
    "path",
    [
        "/api/../other",
        "/api/..",
        "/x/../api",
        "//api",
        "/api\\..\\x",
        "/./api",
        "/api/%2e%2e/x",
        "/api%2Fclosed",
        "/api/closed/../x",
        "/%61pi",
        "/%C3%A9l%C3%A8ve",
        "/x/../\u00e9l\u00e8ve/1".encode().decode("latin-1"),
        "..\\api",
    ],
    ids=ascii,
)
def test_a_path_that_a_router_might_read_as_one_of_another_policy_is_closed(path):
    app = Application(Reply(200, (("Access-Control-Allow-Origin", "*"),)))
    middleware = CORSMiddleware(app, BY_PATH)
    for asked in (get(), get(APP), get(OTHER), preflight(APP, "PUT"), preflight(OTHER, "PUT")):
        app.ran = False
        assert serve(middleware, environ_of(asked, path))[:2] == (200, [TEXT, ("Vary", "Origin")])
        assert app.ran


def test_a_mount_point_is_no_part_of_the_path():
    middleware = CORSMiddleware(Application(OK), {"/api": LISTED})
    assert granted(middleware, "/api", APP, SCRIPT_NAME="/mounted") is True
    assert granted(middleware, "/x", APP, SCRIPT_NAME="/api") is None
    assert granted(middleware, "/..", APP, SCRIPT_NAME="/api/mounted") is None


def test_an_environ_without_a_path_is_at_the_root():
    environ = environ_of(get(APP))
    del environ["PATH_INFO"]
    assert serve(CORSMiddleware(Application(OK), {"/": LISTED}), environ)[1] == [TEXT, *SHARED]


def test_a_preflight_for_what_has_no_policy_reaches_the_application():
    app = Application(Reply(200, (("Access-Control-Allow-Origin", "*"),)))
    status, headers, _ = serve(CORSMiddleware(app, {"/api": LISTED}), environ_of(preflight(APP, "PUT"), "/other"))
    assert app.ran
    assert (status, headers) == (200, [("Access-Control-Allow-Origin", "*"), TEXT])


@pytest.mark.parametrize("asked", [get(), get(APP), get(EVIL), preflight(APP, "PUT")], ids=repr)
def test_a_closed_path_shares_nothing_and_its_preflights_reach_the_application(asked):
    lines = (("Access-Control-Allow-Origin", "*"), ("access-control-max-age", "5"), ("Vary", "Cookie"), ("X-A", "b"))
    app = Application(Reply(200, lines))
    middleware = CORSMiddleware(app, {"/": LISTED, "/closed": None})
    assert serve(middleware, environ_of(asked, "/closed/x"))[:2] == (200, [("Vary", "Cookie"), ("X-A", "b"), TEXT])
    assert app.ran


@pytest.mark.parametrize("asked", [get(), get(APP), get(EVIL), preflight(APP, "PUT")], ids=repr)
@pytest.mark.parametrize("paths", [{"/": LISTED, "/own": "unguarded"}, {"/": None, "/own": "unguarded"}], ids=str)
def test_an_unguarded_path_is_left_to_the_application(asked, paths):
    lines = (("Access-Control-Allow-Origin", "*"), ("access-control-max-age", "5"), ("vary", "Cookie"))
    app = Application(Reply(200, lines))
    assert serve(CORSMiddleware(app, paths), environ_of(asked, "/own/x"))[:2] == (200, [*lines, TEXT])
    assert app.ran


def test_what_guards_a_request_can_be_asked_for_with_its_name():
    configuration = Configuration.from_mapping(
        {"policies": {"app": LISTED}, "paths": {"/api": "app", "/closed": None, "/own": "unguarded"}}
    )
    middleware = CORSMiddleware(Application(OK), configuration)
    listed = Policy(**LISTED)
    for path, policy in (
        ("/api/x", listed),
        ("/closed", None),
        ("/own", "unguarded"),
        ("/x", "unguarded"),
        ("/api/../x", None),
    ):
        assert middleware.policy_for({"PATH_INFO": path}) == policy
    assert middleware.find({"PATH_INFO": "/api/x"})[:2] == (listed, "app")
    assert middleware.find({"PATH_INFO": "/api/../x"}).is_odd
    assert CORSMiddleware(Application(OK), LISTED).policy_for({}) == listed


def test_a_journal_of_ones_own_may_be_given():
    journal = Journal()
    assert CORSMiddleware(Application(OK), LISTED, journal=journal).guard.journal is journal


# Swapping


def test_a_new_policy_takes_what_the_constructor_takes():
    middleware = CORSMiddleware(Application(OK), LISTED)
    for new, expected in (
        ({"allow_origins": [OTHER]}, False),
        (Policy(allow_origins=[APP]), True),
        ({"/": LISTED, "/api": None}, True),
        ({"paths": {"/api": LISTED}}, None),
        ({"/": None}, None),
        ({"/": "unguarded"}, None),
        (Policies({"allow_origins": [OTHER]}), False),
        (Configuration.from_mapping(LISTED), True),
        (None, None),
        (LISTED, True),
    ):
        middleware.policy = new
        assert granted(middleware, "/", APP) is expected


def test_the_policy_can_be_read_and_put_back():
    for guarded in (LISTED, {"/api": LISTED, "/": {"allow_origins": [OTHER]}}, None):
        middleware = CORSMiddleware(Application(OK), guarded)
        before = middleware.policy
        expected = granted(middleware, "/api", APP)
        middleware.policy = {"allow_origins": "*"}
        middleware.policy = before
        assert middleware.policy == before
        assert granted(middleware, "/api", APP) is expected


@pytest.mark.parametrize("bad", [{"allow_origins": []}, {"/api/": LISTED}, [APP], "*"], ids=repr)
def test_a_refused_policy_leaves_the_old_one(bad):
    middleware = CORSMiddleware(Application(OK), LISTED)
    with pytest.raises(PolicyError):
        middleware.policy = bad
    assert granted(middleware, "/", APP) is True


def test_a_request_in_flight_finishes_under_the_old_policy():
    def app(environ, start_response):
        middleware.policy = {"allow_origins": [OTHER]}
        start_response("200 OK", [TEXT])
        return []

    middleware = CORSMiddleware(app, LISTED)
    assert serve(middleware, environ_of(get(APP)))[1] == [TEXT, *SHARED]
    assert serve(middleware, environ_of(get(APP)))[1] == [TEXT, ("Vary", "Origin")]


@pytest.mark.parametrize("by_path", [False, True], ids=["policy", "paths"])
def test_every_response_during_swaps_is_wholly_old_or_wholly_new(by_path):
    def named(name):
        return Policy(allow_origins=[APP], expose_headers=[name], allow_headers=[name], allow_methods=[name])

    policies = [named(f"X-{i}") for i in range(4)]
    other = [{"paths": {"/": policy}} for policy in policies]
    if by_path:
        policies, other = other, policies
    whole = {
        tuple(serve(CORSMiddleware(Application(OK), policy), environ_of(asked))[1])
        for policy in policies
        for asked in (get(APP), preflight(APP, "PUT"))
    }
    assert len(whole) == 8

    def app(environ, start_response):
        return Application(OK)(environ, start_response)

    middleware = CORSMiddleware(app, policies[0])
    workers = 4
    started = threading.Barrier(workers + 1)
    done = threading.Event()

    def ask():
        started.wait()
        seen = set()
        while not done.is_set():
            seen.update(tuple(serve(middleware, environ_of(asked))[1]) for asked in (get(APP), preflight(APP, "PUT")))
        return seen

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(workers) as pool:
            answers = [pool.submit(ask) for _ in range(workers)]
            started.wait()
            for i in range(2000):
                # Every third time in the other form, so that the swap itself is of several kinds.
                middleware.policy = other[i % 4] if i % 3 == 0 else policies[i % 4]
            done.set()
            seen = set().union(*(answer.result() for answer in answers))
    finally:
        done.set()
        sys.setswitchinterval(interval)
    assert len(seen) > 1
    assert seen <= whole


def test_policies_that_guards_share_are_swapped_for_all_of_them():
    policies = Policies(LISTED)
    guards = [CORSMiddleware(Application(OK), policies) for _ in range(2)]
    policies.policy = {"allow_origins": [OTHER]}
    assert [granted(middleware, "/", OTHER) for middleware in guards] == [True, True]
    guards[0].policy = {"/": LISTED}
    assert [granted(middleware, "/", APP) for middleware in guards] == [True, True]
    # What is assigned is read, and shared no further.
    guards[0].policy = others = Policies(LISTED)
    others.policy = None
    assert [granted(middleware, "/", APP) for middleware in guards] == [True, True]


def test_a_swap_from_one_policy_to_none_or_to_paths_is_never_half_done():
    # Between any two assignments of a swap, a request finds one of the policies and no gap.
    def observe():
        if watched:
            observed.append(granted(watched[0], "/", APP))

    class WatchedGuard(Guard):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            observe()

    class WatchedPolicies(Policies):
        def __setattr__(self, name, value):
            super().__setattr__(name, value)
            observe()

    observed, watched = [], []
    middleware = CORSMiddleware(Application(OK), WatchedPolicies(LISTED))
    middleware.guard.__class__ = WatchedGuard
    watched.append(middleware)
    for new, allowed in (
        ({"/": LISTED}, {True}),
        ({"allow_origins": [OTHER]}, {True, False}),
        ({"/": LISTED, "/x": None}, {False, True}),
        ({"/": None}, {True, None}),
        (LISTED, {None, True}),
        (None, {True, None}),
        (LISTED, {None, True}),
    ):
        observed.clear()
        middleware.policy = new
        assert len(observed) > 1
        assert set(observed) <= allowed


# Resources with policies of their own


def test_what_is_found_for_a_resource_beats_its_path():
    found = []

    def find(environ, method, path):
        found.append((environ["PATH_INFO"], method, path))
        return None if path == "/api/untagged" else Assignment(Policy(allow_origins=[OTHER]), "view")

    app = Application(OK)
    middleware = with_views(app, {"/api": LISTED}, Found(find))

    def ask(asked, path):
        app.ran = False
        return serve(middleware, environ_of(asked, path))

    assert ask(get(OTHER), "/api")[1] == [TEXT, ("Access-Control-Allow-Origin", OTHER), ("Vary", "Origin")]
    assert ask(get(APP), "/x")[1] == [TEXT, ("Vary", "Origin")]
    assert app.ran
    assert ask(preflight(OTHER, "PUT"), "/api")[0] == 204
    assert ask(preflight(APP, "DELETE"), "/x")[0] == 403
    assert not app.ran
    assert ask(get(APP), "/api/untagged")[1] == [TEXT, *SHARED]
    # For a preflight the method is that of the request to come.
    assert found == [
        ("/api", "GET", "/api"),
        ("/x", "GET", "/x"),
        ("/api", "PUT", "/api"),
        ("/x", "DELETE", "/x"),
        ("/api/untagged", "GET", "/api/untagged"),
    ]
    assert middleware.find({"PATH_INFO": "/api"})[:2] == (Policy(allow_origins=[OTHER]), "view")
    assert middleware.find({"PATH_INFO": "/api/untagged"})[:2] == (Policy(**LISTED), "/api")


@pytest.mark.parametrize(
    ("there", "lines"),
    [
        (Assignment(None, "view"), [TEXT]),
        (Assignment("unguarded", "view"), [("Access-Control-Allow-Origin", "*"), TEXT]),
    ],
    ids=["closed", "unguarded"],
)
def test_what_is_found_to_be_closed_or_unguarded_is_so_under_any_policy_of_its_path(there, lines):
    app = Application(Reply(200, (("Access-Control-Allow-Origin", "*"),)))
    middleware = with_views(app, LISTED, Found(lambda environ, method, path: there))
    for asked in (get(APP), preflight(APP, "PUT")):
        app.ran = False
        assert serve(middleware, environ_of(asked))[:2] == (200, lines)
        assert app.ran


def test_a_path_whose_readings_lead_to_different_views_is_closed():
    shared = Assignment(Policy(**LISTED), "view")
    middleware = with_views(Application(OK), LISTED, Found(lambda environ, method, path: {"/view": shared}.get(path)))
    middleware.policy = {"allow_origins": [OTHER]}
    assert granted(middleware, "/view", APP) is True
    for origin in (APP, OTHER):
        assert granted(middleware, "//view", origin) is False
        assert granted(middleware, "/x/../view", origin) is False
    assert granted(middleware, "/x/../y", OTHER) is True


def test_views_that_have_no_policy_of_their_own_are_not_looked_for():
    class Untagged(Found):
        def are_tagged(self):
            return False

    middleware = with_views(Application(OK), LISTED, Untagged(lambda environ, method, path: throw(Boom())))
    assert granted(middleware, "/", APP) is True
    assert middleware.policy_for({}) == Policy(**LISTED)


def test_a_resource_is_found_once_and_when_its_response_starts():
    events = []

    def find(environ, method, path):
        events.append("found")
        assert environ["HTTP_ORIGIN"] == APP

    def app(environ, start_response):
        environ["HTTP_ORIGIN"] = EVIL
        events.append("ran")
        start_response("200 OK", [TEXT])
        try:
            throw(Boom())
        except Boom:
            start_response("500 Internal Server Error", [TEXT], sys.exc_info())
        return []

    result = serve(with_views(app, LISTED, Found(find)), environ_of(get(APP)))
    assert result == (500, [TEXT, *SHARED], b"")
    assert events == ["ran", "found"]
