"""
Keywords of Starlette's CORSMiddleware, translated to a policy, and compared with that CORSMiddleware as a browser sees
both.
"""

import re
import subprocess
import sys
from itertools import product

import pytest
from fastapi import APIRouter, FastAPI
from kit.sharing import share
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import Host, Mount, Route, Router

from corsguard import PolicyError
from corsguard.browser import Browser, NetworkError
from corsguard.moving import Written
from corsguard.moving.starlette import Recorded, added_to, translate

API = "https://api.example.com"
APP = "https://app.example.com"
ORIGINS = [
    APP,
    "https://a.example.com",
    "https://a.b.example.com",
    "https://axexample.com",
    "https://app.example.co",
    "https://a.example.com.evil.example",
    "http://localhost:3000",
    "null",
]
JSON = {"Content-Type": "application/json"}
REQUESTS = {
    "read": ("GET", {}),
    "read with cookies": ("GET", {"credentials": "include"}),
    "read with a header": ("GET", {"headers": {"X-Token": "1"}}),
    "read with a token": ("GET", {"headers": {"Authorization": "Bearer 1"}}),
    "form": ("POST", {"headers": {"Content-Type": "text/plain"}, "body": b"1"}),
    "JSON": ("POST", {"headers": JSON, "body": b"1"}),
    "JSON with cookies": ("POST", {"headers": JSON, "body": b"1", "credentials": "include"}),
    "JSON and a header": ("POST", {"headers": {**JSON, "X-Token": "1"}, "body": b"1"}),
    "change": ("PUT", {"headers": JSON, "body": b"1"}),
    "change with cookies": ("PUT", {"headers": JSON, "body": b"1", "credentials": "include"}),
    "delete": ("DELETE", {}),
    "own method": ("PURGE", {}),
}


async def hello(request):
    return PlainTextResponse("hello", headers={"X-Total": "1"})


def application(*paths, **options):
    every = ["GET", "POST", "PUT", "DELETE", "PURGE"]
    return Starlette(routes=[Route(path, hello, methods=every) for path in paths or ["/"]], **options)


def added(**keywords):
    app = application()
    app.add_middleware(CORSMiddleware, **keywords)
    return app


def moved(translation, app=None):
    """
    Run the printed code, and return the application that it guards.
    """
    namespace = {"app": application() if app is None else app}
    exec(str(translation), namespace)
    return namespace["app"]


def outcome(app, origin, request, path="/"):
    """
    Return what a page of *origin* reads of the answer, or that it is blocked.
    """
    method, init = REQUESTS[request]
    page = Browser(app).open("https://any.example" if origin == "null" else origin, origin=origin)
    try:
        response = page.fetch(API + path, method=method, **init)
    except NetworkError:
        return "blocked"
    return response.status, sorted(response.headers.items()), response.body


def differing(before, after, path="/"):
    """
    Return the cases, by origin and request, in which *after* does not do what *before* does.
    """
    found = {}
    for origin, request in product(ORIGINS, REQUESTS):
        old, new = outcome(before, origin, request, path), outcome(after, origin, request, path)
        if old != new:
            found[origin, request] = "gained" if old == "blocked" else "lost" if new == "blocked" else (old, new)
    return found


def noted(translation):
    return {note.keyword for notes in translation.notes for note in notes}


def written(translation):
    return [text for notes in translation.notes for note in notes for text in note.write]


LISTED = {"allow_origins": [APP]}
MANY = ["GET", "POST", "PUT", "DELETE"]
# The keywords. For each origin and request where the two differ: what happens, and the keyword whose note says so.
CASES = {
    "an origin": (LISTED, {}),
    "a tuple": ({"allow_origins": (APP,), "allow_methods": ("GET", "POST")}, {}),
    "methods": ({**LISTED, "allow_methods": MANY, "allow_headers": ["X-Token"]}, {}),
    "credentials": ({**LISTED, "allow_methods": MANY, "allow_credentials": True}, {}),
    "every method": ({**LISTED, "allow_methods": ["*"], "allow_headers": ["x-token", "content-type"]}, {}),
    "every header": ({**LISTED, "allow_methods": ["*"], "allow_headers": ["*"]}, {}),
    "a header and GET": (
        {**LISTED, "allow_headers": ["X-Token"]},
        {},
    ),
    "a named Content-Type and GET": (
        {**LISTED, "allow_headers": ["Content-Type", "X-Token"]},
        {(APP, name): ("gained", "allow_methods") for name in ("JSON", "JSON and a header")},
    ),
    "PUT without POST": (
        {**LISTED, "allow_methods": ["GET", "PUT"], "allow_credentials": True},
        {(APP, name): ("gained", "allow_methods") for name in ("JSON", "JSON with cookies")},
    ),
    "every header and GET": (
        {**LISTED, "allow_headers": ["*"]},
        {(APP, name): ("gained", "allow_methods") for name in ("JSON", "JSON and a header")},
    ),
    "every header with credentials": (
        {**LISTED, "allow_methods": MANY, "allow_headers": ["*"], "allow_credentials": True},
        {(APP, name): ("lost", "allow_headers") for name in ("read with a header", "JSON and a header")},
    ),
    "exposed": ({**LISTED, "expose_headers": ["X-Total"], "max_age": 0}, {}),
    "all exposed": ({**LISTED, "expose_headers": ["*"], "max_age": 86400}, {}),
    "everyone": ({"allow_origins": ["*"], "allow_methods": MANY, "allow_headers": ["X-Token"]}, {}),
    "everyone and an origin": ({"allow_origins": ["*", APP], "allow_origin_regex": ".*"}, {}),
    "an expression": ({"allow_origin_regex": r"https://.*\.example\.com"}, {}),
    "an expression with an end": ({"allow_origin_regex": r"^https://.*\.example\.com$"}, {}),
    "alternatives": ({"allow_origin_regex": r"https://app\.example\.com|http://localhost:3000"}, {}),
    "ignoring case": ({"allow_origin_regex": r"(?i)HTTPS://app\.EXAMPLE\.com"}, {}),
    "a compiled expression": ({"allow_origin_regex": re.compile(r"http://localhost:3000")}, {}),
    "a verbose expression": (
        {"allow_origin_regex": re.compile("https://app\\.example\\.com  # ours", re.VERBOSE), "allow_origins": [APP]},
        {},
    ),
    "an unescaped dot": (
        {"allow_origin_regex": r"https://(app|a).example\.com"},
        {("https://axexample.com", name): ("lost", "allow_origins") for name in ("read", "form")},
    ),
    "an empty expression": ({**LISTED, "allow_origin_regex": ""}, {}),
    "an empty alternative": ({**LISTED, "allow_origin_regex": r"|http://localhost:3000"}, {}),
    "a comment as an expression": ({**LISTED, "allow_origin_regex": re.compile("# nobody", re.VERBOSE)}, {}),
    "every origin by an expression": ({"allow_origin_regex": ".*"}, {}),
    "a subdomain that is compared": ({"allow_origins": [APP, "https://*.example.com"]}, {}),
    "a slash at the end": ({"allow_origins": [APP, "http://localhost:3000/"]}, {}),
    "null": (
        {"allow_origins": [APP, "null"]},
        {("null", name): ("lost", "allow_origins") for name in ("read", "form")},
    ),
    "a string": (
        {"allow_origins": APP},
        {("https://app.example.co", name): ("lost", "allow_origins") for name in ("read", "form")},
    ),
    "a string with a star": ({"allow_origins": "https://*.example.com"}, {}),
    "several origins in a string": ({"allow_origins": "http://localhost:3000, https://a.example.com"}, {}),
    "methods in a string": ({**LISTED, "allow_methods": "GET, POST", "allow_headers": ["X-Token"]}, {}),
    "headers in a string": ({**LISTED, "allow_methods": MANY, "allow_headers": "X-Token"}, {}),
    "a star for headers in a string": ({**LISTED, "allow_methods": "*", "allow_headers": "*"}, {}),
    "exposed in a string": ({**LISTED, "expose_headers": "X-Total"}, {}),
    "a name that no browser reads": (
        {**LISTED, "allow_methods": MANY, "allow_headers": ["X-Token", "X Other"]},
        {
            (APP, name): ("gained", "allow_headers")
            for name in ("read with a header", "JSON", "JSON and a header", "change", "delete")
        },
    ),
    "nobody": ({}, {}),
    "an empty list": ({"allow_origins": []}, {}),
}


@pytest.mark.parametrize("name", share(CASES, 2))
def test_pages_read_what_they_read_before_or_a_note_names_the_difference(name):
    keywords, expected = CASES[name]
    translation = translate(added(**keywords))
    found = differing(added(**keywords), moved(translation))
    assert found == {case: happens for case, (happens, _) in expected.items()}
    assert {keyword for _, keyword in expected.values()} <= noted(translation)


def test_everyone_with_credentials_is_refused_until_a_person_writes_the_origins():
    """
    Listed origins stay.
    """
    keywords = {"allow_origins": ["*"], "allow_credentials": True}
    with pytest.raises(PolicyError, match="E101"):
        moved(translate(added(**keywords)))
    translation = translate(
        added(**{**keywords, "allow_origins": ["*", APP], "allow_origin_regex": "http://localhost:3000"})
    )
    assert translation.mapping["allow_origins"] == [APP, "http://localhost:3000"]
    found = differing(added(**keywords), moved(translation))
    strangers = {
        happens for (origin, _), happens in found.items() if origin not in translation.mapping["allow_origins"]
    }
    assert strangers == {"lost"}


@pytest.mark.parametrize(
    ("keywords", "patterns"),
    [
        ({"allow_origins": ["https://app.example.com/"]}, [APP]),
        ({"allow_origins": ["https://*.example.com"]}, ["https://*.example.com"]),
        ({"allow_origins": ["https://App.example.com"]}, [APP]),
        ({"allow_origin_regex": r"https://\w+\.example\.com"}, ["https://*.example.com"]),
    ],
)
def test_a_pattern_that_would_allow_more_is_a_comment(keywords, patterns):
    translation = translate(added(**keywords))
    assert (translation.mapping["allow_origins"], written(translation)) == ([], patterns)
    moved(re.sub(r'# ("http.*",)', r"\1", str(translation)))


@pytest.mark.parametrize(
    ("keywords", "keyword"),
    [
        ({**LISTED, "allow_origins": None}, "allow_origins"),
        ({**LISTED, "allow_origins": [APP, 5]}, "allow_origins"),
        ({**LISTED, "allow_origins": [APP, ""]}, "allow_origins"),
        ({**LISTED, "allow_origin_regex": "https://("}, "allow_origins"),
        ({**LISTED, "allow_origin_regex": re.compile(b"https://")}, "allow_origins"),
        ({**LISTED, "allow_methods": 5}, "allow_methods"),
        ({**LISTED, "expose_headers": 5}, "expose_headers"),
        ({**LISTED, "max_age": -1}, "max_age"),
        ({**LISTED, "max_age": 90000}, "max_age"),
        ({**LISTED, "allow_private_network": True}, ""),
        ({**LISTED, "alow_headers": ["X-Token"]}, ""),
        ({**LISTED, "allow_credentials": "yes"}, "allow_credentials"),
    ],
)
def test_an_option_that_is_not_taken_over_has_a_note(keywords, keyword):
    plain, translation = translate({**LISTED, "max_age": 600}), translate({"max_age": 600, **keywords})
    before = [note for notes in plain.notes for note in notes]
    assert keyword in {note.keyword for notes in translation.notes for note in notes if note not in before}


@pytest.mark.parametrize(("given", "seconds"), [(0, 0), (None, None), (60, 60), (86400, 7200)])
def test_the_max_age_is_taken_over(given, seconds):
    assert translate({**LISTED, "max_age": given}).mapping["max_age"] == seconds


def test_a_list_of_headers_that_no_browser_could_read_has_a_note():
    """
    It is next to the note on the name that is left out.
    """
    readable, unreadable = (
        [note for notes in translate({**LISTED, "allow_headers": names}).notes for note in notes]
        for names in (["X-Token"], ["X-Token", "X Other"])
    )
    assert len(unreadable) == len(readable) + 2


def test_keywords_are_taken_from_every_place_of_the_middleware():
    """
    They are taken from a list of middlewares, from positional arguments, and from a middleware around the application.
    """
    keywords = {
        "allow_origins": [APP],
        "allow_methods": ["GET", "PUT"],
        "allow_headers": ["X-Token"],
        "allow_credentials": True,
        "allow_origin_regex": r"https://a\.example\.com",
        "expose_headers": ["X-Total"],
        "max_age": 60,
    }
    expected = translate(keywords).mapping
    first_five = [*keywords.values()][:5]
    by_place = Middleware(CORSMiddleware, *first_five, expose_headers=["X-Total"], max_age=60)
    by_name = Middleware(CORSMiddleware, **keywords)
    for app in (
        added(**keywords),
        application(middleware=[by_place]),
        CORSMiddleware(application(), **keywords),
        GZipMiddleware(CORSMiddleware(GZipMiddleware(application()), **keywords)),
        Router(routes=[Route("/", hello)], middleware=[by_name]),
        Starlette(routes=[Mount("/", routes=[], middleware=[by_name])]),
    ):
        (found,) = added_to(app)
        assert translate(found.keywords).mapping == expected
        assert translate(app).mapping == expected


def test_a_wrapped_application_is_wrapped_again():
    wrapped = CORSMiddleware(application(), **LISTED)
    assert differing(wrapped, moved(translate(wrapped))) == {}
    assert moved(translate(wrapped)) is not wrapped


def mounted(*middleware):
    """
    Return an application with two mounted ones, one of which has a Mount of its own.
    """
    shop, tickets = added(**LISTED), added(allow_origins=["http://localhost:3000"])
    shop.mount("/deep", added(allow_origins=["https://a.example.com"]))
    return Starlette(
        routes=[
            Route("/", hello),
            Mount("/shop", shop),
            Mount("/v2", routes=[Mount("/tickets", tickets)]),
            Mount("/list", routes=[Route("/", hello)], middleware=[Middleware(CORSMiddleware, **LISTED)]),
        ],
        middleware=[*middleware],
    )


def bare(app):
    """
    Remove CORSMiddleware from *app* and from what is mounted in it, as a person does who pastes the translation.
    """
    app.user_middleware = [one for one in app.user_middleware if one.cls is not CORSMiddleware]
    for route in app.routes:
        if isinstance(route, Mount):
            route.app = route._base_app  # noqa: SLF001 - what is below the middlewares of a Mount
            if isinstance(route.app, Starlette):
                bare(route.app)
    return app


@pytest.mark.parametrize(
    "path", ["/", "/shop/", "/shop/none", "/v2/tickets/", "/v2/none", "/list/", "/listing", "/shop/deep/"]
)
def test_a_mounted_application_has_a_policy_at_its_path_and_all_else_has_none(path):
    translation = translate(mounted())
    assert [*translation.mapping["paths"]] == ["/shop", "/v2/tickets", "/list"]
    after = moved(translation, bare(mounted()))
    assert differing(mounted(), after, path) == DIFFERENT_BELOW.get(path, {})


DIFFERENT_BELOW = {
    # The inner middleware got no preflight, and a note has what it said.
    "/shop/deep/": {("https://a.example.com", name): "lost" for name in ("read", "form")},
    # The 405 was made outside of the middleware of a Mount.
    "/list/": {(APP, "form"): "gained"},
}


@pytest.mark.parametrize("path", ["/", "/shop/", "/v2/tickets/", "/none"])
def test_the_outermost_middleware_decides_and_each_inner_one_has_a_note(path):
    around = Middleware(CORSMiddleware, allow_origins=[APP, "https://a.example.com"], max_age=7200)
    translation, before = translate(mounted(around)), differing(mounted(), mounted(around), path)
    after = moved(translation, bare(mounted()))
    assert set(differing(mounted(around), after, path).values()) <= {"lost"}
    assert before or path.startswith("/shop")
    assert len([note for note in translation.notes[1] if not note.keyword]) == 4


def test_of_two_in_one_list_the_outer_one_decides():
    app = added(allow_origins=["http://localhost:3000"])
    app.add_middleware(CORSMiddleware, **LISTED)
    translation = translate(app)
    assert translation.mapping["allow_origins"] == [APP]
    assert set(differing(app, moved(translation)).values()) == {"lost"}


def middleware_around():
    app = added(**LISTED)
    app.add_middleware(GZipMiddleware)
    return app


def subclass():
    class Ours(CORSMiddleware):
        def is_allowed_origin(self, origin):
            return super().is_allowed_origin(origin)

    return application(middleware=[Middleware(Ours, **LISTED)])


@pytest.mark.parametrize("make", [middleware_around, subclass])
def test_each_other_difference_has_a_note(make):
    translation, plain = translate(make()), translate(added(**LISTED))
    assert translation.mapping == plain.mapping
    assert len(translation.notes[1]) == len(plain.notes[1]) + 1


def test_the_init_of_a_subclass_is_read():
    """
    Keywords that a subclass gives in its own `__init__` count. If it cannot be called, that is said.
    """

    class Ours(CORSMiddleware):
        def __init__(self, app, *, works):
            super().__init__(app, **(LISTED if works else {"allow_origin_regex": "("}))

    made, failed = (translate(application(middleware=[Middleware(Ours, works=works)])) for works in (True, False))
    assert made.mapping["allow_origins"] == LISTED["allow_origins"]
    assert "subclass" not in str(made)
    assert "Ours is a subclass: what its __init__ decides is not translated." in str(failed)


def test_a_call_under_a_condition_is_said():
    place = Written(file="shop.py", line=7, text="[]", how="=", is_fixed=True, condition="DEBUG")
    app = added(**LISTED)
    recorded = [Recorded(app.user_middleware[0], {"allow_origins": place})]
    assert "The old call (shop.py, line 7) runs only if DEBUG." in str(translate(app, recorded))
    assert "runs only if" not in str(translate(app))


def test_a_middleware_of_the_outer_application_has_a_note():
    """
    The other application is mounted in it.
    """
    plain, around = (
        translate(Starlette(routes=[Mount("/shop", added(**LISTED))], middleware=middleware))
        for middleware in ([], [Middleware(GZipMiddleware)])
    )
    assert around.mapping == plain.mapping
    assert len(around.notes[-1]) == len(plain.notes[-1]) + 1


def included():
    router = APIRouter()
    router.mount("/shop", added(**LISTED))
    app = FastAPI()
    app.include_router(router, prefix="/v1")
    return app


def test_an_application_mounted_in_a_router_of_fastapi_is_found():
    found = [one.prefix for one in added_to(included())]
    # Older releases ignore what is mounted in an included router.
    assert found == (["/v1/shop"] if any(not hasattr(route, "path") for route in included().routes) else [])


@pytest.mark.parametrize(
    "routes",
    [
        [Mount("/{tenant}/shop", added(**LISTED))],
        [Mount("/{tenant}", routes=[Mount("/shop", added(**LISTED))])],
        [Host("shop.example.com", added(**LISTED))],
        [Route("/", hello, middleware=[Middleware(CORSMiddleware, **LISTED)])],
        [Route("/shop/public", hello), Mount("/shop", added(**LISTED))],
        [Route("/{name}/public", hello), Mount("/shop", added(**LISTED))],
        [Route("/{rest:path}", hello), Mount("/shop/v2", added(**LISTED))],
        [Mount("/shop/public", Starlette()), Mount("/shop", added(**LISTED))],
        [Mount("/shop/v2/public", Starlette()), Mount("/shop", routes=[Mount("/v2", added(**LISTED))])],
        [Mount("/shop", added(**LISTED)), Route("/shop", hello)],
        [Mount("/", Starlette()), Mount("/shop", added(**LISTED))],
        [Route("/", hello), Mount("/", added(**LISTED))],
    ],
)
def test_a_path_that_is_not_exactly_a_prefix_opens_nothing_until_a_person_writes_it(routes):
    translation = translate(Starlette(routes=routes))
    assert translation.mapping == {"paths": {}}
    after = moved(translation, Starlette(routes=[Route("/", hello), Route("/shop/public", hello)]))
    assert outcome(after, APP, "read", "/shop/public") == outcome(after, APP, "read") == "blocked"


@pytest.mark.parametrize(
    "routes",
    [
        [Route("/", hello), Route("/shops", hello), Mount("/shop", added(**LISTED))],
        [Route("/{name}", hello), Mount("/shop/v2", added(**LISTED))],
        [Mount("/shop", added(**LISTED)), Route("/{rest:path}", hello)],
    ],
)
def test_routes_elsewhere_do_not_count(routes):
    assert len(translate(Starlette(routes=routes)).mapping["paths"]) == 1


@pytest.mark.parametrize("app", [application(), PlainTextResponse("hello"), None, lambda scope: None])
def test_an_application_without_the_middleware_is_refused(app):
    assert added_to(app) == []
    with pytest.raises(ValueError, match="CORSMiddleware"):
        translate(app)


def test_keywords_are_translated_without_starlette():
    code = (
        "import sys; from corsguard.moving.starlette import translate; "
        "print(translate({'allow_origins': ['https://app.example.com'], 'allow_methods': ['*']})); "
        "assert not any(name.startswith('starlette') for name in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert moved(ran.stdout).state.corsguard.policy.allow_origins == (APP,)


def test_every_page_is_named_and_only_expressions_of_the_author_are_shown():
    """
    An expression that lets every page in is named as that, and is shown as its author wrote it.
    """
    translation = translate({"allow_origin_regex": "https?://.*|capacitor://localhost", "allow_credentials": True})
    assert translation.mapping["allow_origins"] == ["capacitor://localhost"]
    (told,) = [note.text for note in translation.notes[1] if note.keyword == "allow_origins"]
    assert 'r"https?://.*|capacitor://localhost" is read as "capacitor://localhost". It covered every page' in told
    assert "the data of logged-in users" in told


def test_a_listed_pattern_is_not_proposed_and_no_proposal_comes_twice():
    translation = translate(
        {
            "allow_origins": ["app.example.com", "https://app.example.com", "http://localhost:*"],
            "allow_origin_regex": r"http://localhost:\d+|https://(\w+\.)?example\.org",
        }
    )
    assert written(translation) == ["http://localhost:*", "https://*.example.org"]
    assert "https://app.example.com" in translation.mapping["allow_origins"]
