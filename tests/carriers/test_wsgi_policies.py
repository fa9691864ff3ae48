"""
Which policy the WSGI middleware uses for a request: by path, during a swap, and by the view that is found.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from kit.adapters import Application, environ_of, serve
from kit.cases import APP, EVIL, LISTED, OK, Reply, get, preflight
from kit.wsgi_sending import OTHER, SHARED, TEXT, Found, throw, with_views

from corsguard import Configuration, CORSMiddleware, Policies, Policy, PolicyError
from corsguard.adapters import Assignment, Guard, Journal


class Boom(Exception):
    pass


def granted(middleware, path, origin, **more):
    status, headers, _ = serve(middleware, {**environ_of(get(origin)), "PATH_INFO": path, **more})
    assert status == 200
    allowed = dict(headers).get("Access-Control-Allow-Origin")
    assert allowed in (None, origin)
    # A guarded resource has Vary on every response.
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
        # All readings of these have one policy.
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
def test_a_path_that_a_router_might_read_with_another_policy_is_closed(path):
    app = Application(Reply(200, (("Access-Control-Allow-Origin", "*"),)))
    middleware = CORSMiddleware(app, BY_PATH)
    for asked in (get(), get(APP), get(OTHER), preflight(APP, "PUT"), preflight(OTHER, "PUT")):
        app.ran = False
        assert serve(middleware, environ_of(asked, path))[:2] == (200, [TEXT, ("Vary", "Origin")])
        assert app.ran


def test_the_mount_point_is_not_part_of_the_path():
    middleware = CORSMiddleware(Application(OK), {"/api": LISTED})
    assert granted(middleware, "/api", APP, SCRIPT_NAME="/mounted") is True
    assert granted(middleware, "/x", APP, SCRIPT_NAME="/api") is None
    assert granted(middleware, "/..", APP, SCRIPT_NAME="/api/mounted") is None


def test_an_environ_without_a_path_is_at_the_root():
    environ = environ_of(get(APP))
    del environ["PATH_INFO"]
    assert serve(CORSMiddleware(Application(OK), {"/": LISTED}), environ)[1] == [TEXT, *SHARED]


def test_a_preflight_without_a_policy_reaches_the_application():
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


def test_policy_for_returns_the_policy_of_a_request_and_its_name():
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


def test_a_journal_of_the_caller_may_be_given():
    journal = Journal()
    assert CORSMiddleware(Application(OK), LISTED, journal=journal).guard.journal is journal


def test_an_assigned_policy_may_have_each_form_that_the_constructor_takes():
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


def test_the_policy_can_be_read_and_assigned_back():
    for guarded in (LISTED, {"/api": LISTED, "/": {"allow_origins": [OTHER]}}, None):
        middleware = CORSMiddleware(Application(OK), guarded)
        before = middleware.policy
        expected = granted(middleware, "/api", APP)
        middleware.policy = {"allow_origins": "*"}
        middleware.policy = before
        assert middleware.policy == before
        assert granted(middleware, "/api", APP) is expected


@pytest.mark.parametrize("bad", [{"allow_origins": []}, {"/api/": LISTED}, [APP], "*"], ids=repr)
def test_a_refused_policy_keeps_the_old_one(bad):
    middleware = CORSMiddleware(Application(OK), LISTED)
    with pytest.raises(PolicyError):
        middleware.policy = bad
    assert granted(middleware, "/", APP) is True


def test_a_running_request_finishes_with_the_old_policy():
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
                # Every third swap has the other form, so that the swaps are of several kinds.
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
    # The assigned value is read, and not shared further.
    guards[0].policy = others = Policies(LISTED)
    others.policy = None
    assert [granted(middleware, "/", APP) for middleware in guards] == [True, True]


def test_a_swap_to_none_or_to_paths_is_never_half_done():
    # Between any two assignments of a swap, a request finds one of the policies.
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


def test_the_policy_of_a_view_takes_the_place_of_its_path():
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
    # The method of a preflight is that of the coming request.
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
def test_a_closed_or_unguarded_view_takes_the_place_of_its_path(there, lines):
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


def test_views_are_not_looked_for_if_none_has_a_policy_of_its_own():
    class Untagged(Found):
        def are_tagged(self):
            return False

    middleware = with_views(Application(OK), LISTED, Untagged(lambda environ, method, path: throw(Boom())))
    assert granted(middleware, "/", APP) is True
    assert middleware.policy_for({}) == Policy(**LISTED)


def test_a_view_is_looked_for_once_and_when_its_response_starts():
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
