"""
The library promises what a browser does, for all policies and all fetches.

Through WSGI, Flask and Django, the model's browser lets a script read a response if, and only if, a naive reading of
the policy grants it. `explain` says about every exchange what the model does with it.
"""

import logging

import flask
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import re_path
from engine.test_properties import tried
from hypothesis import given
from hypothesis import strategies as st

from corsguard import CORSMiddleware, Policy, explain
from corsguard.browser import Browser, NetworkError
from corsguard_django import set_policy
from corsguard_flask import CORSGuard

API = "https://api.example.com"
PAGES = [
    "https://app.example.com",
    "https://other.example.com",
    "https://example.com",
    "https://app.example.com:8443",
    "http://app.example.com",
    "https://app.example.com.attacker.example",
    "https://attackerexample.com",
    "https://pr-7.preview.example",
    "https://pr-.preview.example",
    "https://a.pr-7.preview.example",
    "http://localhost:3000",
    "http://localhost",
    "capacitor://localhost",
    "null",
    API,
]
# Each pattern with the pages that it covers, written by hand: nothing is computed here.
PATTERNS = {
    "https://app.example.com": {"https://app.example.com"},
    "https://other.example.com": {"https://other.example.com"},
    "https://app.example.com:8443": {"https://app.example.com:8443"},
    "https://app.example.com:*": {"https://app.example.com", "https://app.example.com:8443"},
    "https://*.example.com": {"https://app.example.com", "https://other.example.com", API},
    "https://pr-*.preview.example": {"https://pr-7.preview.example"},
    "http://localhost:*": {"http://localhost:3000", "http://localhost"},
    "capacitor://localhost": {"capacitor://localhost"},
}
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "patch", "put", "OPTIONS", "QUERY", "CHICKEN"]
# Each header that a page may send, and the name that needs a preflight, if any.
HEADERS = {
    ("Accept", "text/plain"): None,
    ("Accept", 'a"b'): "accept",
    ("Content-Type", "text/plain"): None,
    ("Content-Type", "application/json"): "content-type",
    ("Range", "bytes=0-9"): None,
    ("Range", "bytes=-9"): "range",
    ("X-Token", "1"): "x-token",
    ("Authorization", "Bearer 1"): "authorization",
    ("Cookie", "a=b"): None,
}
RESPONSE_HEADERS = {"Content-Type": "text/plain", "ETag": '"1"', "X-Total": "7", "Link": "<a>", "Set-Cookie": "a=b"}
READABLE = {"content-type", "content-length"}


def lists(names, *wildcards):
    """
    Return a strategy for a list of some of *names*, or one of *wildcards*.
    """
    return st.one_of(st.lists(st.sampled_from(names), unique=True), *map(st.just, wildcards))


@st.composite
def policies(draw):
    """
    Draw the keywords of a valid policy.
    """
    credentials = draw(st.booleans())
    origins = draw(lists([*PATTERNS]).filter(bool) if credentials else lists([*PATTERNS], "*").filter(bool))
    star = [] if credentials else ["*"]
    return {
        "allow_origins": origins,
        "allow_methods": draw(lists(["GET", "POST", "PUT", "DELETE", "PATCH", "QUERY", "CHICKEN", "OPTIONS"], *star)),
        "allow_headers": draw(
            lists(
                ["X-Token", "Content-Type", "Authorization", "Range", "Accept"],
                *star,
                *([] if credentials else [["*", "Authorization"]]),
            )
        ),
        "expose_headers": draw(lists(["X-Total", "ETag"], *star)),
        "allow_credentials": credentials,
        "max_age": draw(st.sampled_from([0, 5, 7200, None])),
        "preflight_status": draw(st.sampled_from([200, 204])),
        "share_timing": draw(st.booleans()),
    }


FETCHES = st.fixed_dictionaries(
    {
        "method": st.sampled_from(METHODS),
        "headers": st.lists(st.sampled_from([*HEADERS]), unique_by=lambda header: header[0], max_size=4),
        "credentials": st.sampled_from(["omit", "same-origin", "include"]),
        "upload_listener": st.booleans(),
    }
)


def is_granted(policy, page, fetch):
    """
    Whether the words of *policy* let *page* read the response.
    """
    if page == API:
        return True
    origins, headers = policy["allow_origins"], policy["allow_headers"]
    if origins != "*" and not any(page in PATTERNS[pattern] for pattern in origins):
        return False
    if fetch["credentials"] == "include" and not policy["allow_credentials"]:
        return False
    method = {"put": "PUT"}.get(fetch["method"], fetch["method"])
    if method not in {"GET", "HEAD", "POST", *policy["allow_methods"]} and "*" not in policy["allow_methods"]:
        return False
    for header in fetch["headers"]:
        needed = HEADERS[header]
        listed = {name.lower() for name in headers}
        if needed and needed not in listed and not ("*" in listed and needed != "authorization"):
            return False
    return True


def readable_by(policy, page):
    """
    Return the names that a page may read, out of those that the application sends.
    """
    names = {name.lower() for name in RESPONSE_HEADERS} - {"set-cookie"}
    exposed = names if page == API or policy["expose_headers"] == "*" else {n.lower() for n in policy["expose_headers"]}
    return names & (READABLE | exposed)


def bare(environ, start_response):
    start_response("200 OK", [*RESPONSE_HEADERS.items()])
    return [b"content"]


def view(*_args):
    response = HttpResponse(b"content")
    for name, value in RESPONSE_HEADERS.items():
        response.headers[name] = value
    return response


async def async_view(request):
    return view(request)


urlpatterns = [re_path("^async$", async_view), re_path("", view)]


@pytest.fixture(scope="module")
def wsgi_app():
    middleware = CORSMiddleware(bare, None)
    return middleware, lambda policy: setattr(middleware, "policy", policy)


@pytest.fixture(scope="module")
def flask_app():
    app = flask.Flask("properties")
    guard = CORSGuard(app, {"allow_origins": "*"})

    def answer():
        return flask.Response("content", headers=[*RESPONSE_HEADERS.items()])

    methods = sorted({method.upper() for method in METHODS} | {"patch"})
    app.add_url_rule("/", view_func=answer, endpoint="all", methods=methods, provide_automatic_options=False)
    return app, lambda policy: setattr(guard, "policy", policy)


@pytest.fixture(scope="module")
def django_project():
    middleware = ["corsguard_django.middleware.CORSMiddleware"]
    with override_settings(MIDDLEWARE=middleware, ROOT_URLCONF=__name__, CORSGUARD={"allow_origins": "*"}):
        yield


@pytest.fixture(scope="module")
def django_app(django_project):
    return WSGIHandler(), set_policy


@pytest.fixture(scope="module")
def django_async_app(django_project):
    return ASGIHandler(), set_policy


@pytest.mark.parametrize("place", ["wsgi_app", "flask_app", "django_app", "django_async_app"])
def test_a_script_reads_what_the_policy_grants_and_nothing_else(place, request, caplog):
    # A drawn policy has warnings, and some are refused.
    caplog.set_level(logging.CRITICAL, "corsguard")
    app, guard_with = request.getfixturevalue(place)
    url = f"{API}/async" if isinstance(app, ASGIHandler) else f"{API}/"

    @tried(150)
    @given(policies(), st.sampled_from(PAGES), FETCHES)
    def holds(keywords, origin, fetch):
        policy = Policy(**keywords)
        guard_with(policy)
        page = Browser(app).open("https://sandboxed.example" if origin == "null" else origin, origin=origin)
        error = response = None
        try:
            response = page.fetch(url, **fetch)
        except NetworkError as raised:
            error = raised
        assert (response is not None) == is_granted(keywords, origin, fetch), error
        if response is not None:
            assert response.text() == ("" if fetch["method"] == "HEAD" else "content")
            assert set(response.headers) & {name.lower() for name in RESPONSE_HEADERS} == readable_by(keywords, origin)
        if origin != API:
            for exchange in page.network:
                sent = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in exchange.request.headers}
                explanation = explain(policy, {**sent, "REQUEST_METHOD": exchange.request.method})
                include = fetch["credentials"] == "include"
                said = explanation.goes_on_with_credentials if include else explanation.goes_on
                assert said == (error is None or error.failure.exchange is not exchange), explanation
                if not explanation.goes_on and not include:
                    # A server cannot see whether credentials are requested. For all other pages, both use the words of
                    # one console, except where today's browsers only warn.
                    verdict = explanation.verdict.removeprefix("The browser blocks it and says: ")
                    assert error.chromium.endswith(verdict) or "will not be covered by the wildcard" in error.chromium

    holds()
