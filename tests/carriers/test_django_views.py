"""
`@cors` in Django: a tag on a view takes the place of the policy of its path, whatever makes the view and whatever
answers for it.
"""

import logging
from dataclasses import dataclass
from types import ModuleType

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import ResolverMatch, include, path, register_converter
from django.utils.decorators import method_decorator
from django.views import View
from kit.adapters import serve
from kit.django_sending import APP, EVIL, PREFLIGHT_VARY, environ, preflight, send_async, send_sync
from kit.django_tagged_urls import TAGGED, Tagged, calls
from rest_framework.decorators import api_view
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from corsguard import Policy
from corsguard_django import cors

GUARD = "corsguard_django.middleware.CORSMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"

SHARED = {"access-control-allow-origin": APP, "vary": "Origin"}
NOT_SHARED = {"vary": "Origin"}
GRANTED = {
    "access-control-allow-origin": APP,
    "access-control-allow-methods": "GET, PUT",
    "access-control-max-age": "60",
    "vary": PREFLIGHT_VARY,
}

VIEWS = [
    "/tagged",
    "/async",
    "/also",
    "/preserved",
    "/partial",
    "/included/deep",
    "/class",
    "/derived",
    "/as-view",
    "/async-class",
    "/api",
    "/api-function",
    "/view-set",
    "/as-view-set",
    "/routed/tenants/",
    "/routed/tenants/7/",
]


@pytest.fixture(params=[send_sync, send_async], ids=["sync", "async"])
def send(request):
    return request.param


@pytest.fixture(autouse=True)
def tagged_urls():
    """
    Close every path in these tests, so that only tags share.
    """
    with override_settings(
        CORSGUARD={"allow_origins": ["https://nobody.example"]}, ROOT_URLCONF="kit.django_tagged_urls"
    ):
        yield


def inside(*layers, **settings):
    return override_settings(MIDDLEWARE=[GUARD, *layers], **settings)


def urls(*patterns):
    """
    Return settings whose URLconf is *patterns*.
    """
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = [*patterns]
    return override_settings(ROOT_URLCONF=urlconf)


@pytest.mark.parametrize("path", VIEWS)
def test_a_tagged_view_is_shared_as_its_tag_says(send, path):
    answer = send("GET", path, APP)
    assert (answer.status, answer.of_cors) == (200, SHARED)


@pytest.mark.parametrize("path", VIEWS)
def test_a_preflight_of_a_tagged_view_is_answered_as_its_tag_says(send, path):
    answer = preflight(send, path)
    assert (answer.status, answer.headers) == (204, GRANTED)


@pytest.mark.parametrize(
    "path", ["/untagged", "/untagged-class", "/included/deep/1", "/nowhere", "/routed/plain/", "/routed/"]
)
def test_an_untagged_view_has_the_policy_of_its_path(send, path):
    assert send("GET", path, APP).of_cors == NOT_SHARED
    assert preflight(send, path).status == 403


def test_a_preflight_of_a_tagged_view_never_reaches_it(send):
    calls.clear()
    preflight(send, "/tagged")
    preflight(send, "/tagged", EVIL)
    assert calls == []


def test_a_tag_on_a_derived_class_takes_the_place_of_the_inherited_one(send):
    assert send("GET", "/retagged", APP).of_cors == NOT_SHARED
    assert send("GET", "/retagged", EVIL).of_cors == {"access-control-allow-origin": EVIL, "vary": "Origin"}


@override_settings(CORSGUARD={"allow_origins": "*"})
@pytest.mark.parametrize("path", ["/closed", "/closed-class"])
def test_a_closed_view_shares_nothing_whatever_its_path_shares(send, path):
    answer = send("GET", path, APP)
    assert (answer.status, answer.of_cors) == (200, {})


@override_settings(CORSGUARD={"allow_origins": "*"})
def test_a_preflight_of_a_closed_view_reaches_it(send):
    answer = preflight(send, "/closed")
    assert (answer.status, answer.headers["x-method"], answer.of_cors) == (200, "OPTIONS", {})


def test_a_second_different_policy_on_one_view_is_refused():
    with pytest.raises(ValueError, match="another policy"):
        cors(None)(Tagged.as_view())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/crash", 500),
        ("GET", "/missing", 404),
        ("POST", "/class", 405),
        ("OPTIONS", "/class", 200),
        ("GET", "/private-api", 401),
        ("GET", "/forbidden-api", 403),
        ("PUT", "/api", 405),
        ("POST", "/api", 500),
        ("POST", "/api-function", 405),
        ("POST", "/view-set", 405),
        ("GET", "/routed/tenants/missing/", 404),
        ("PUT", "/routed/tenants/7/", 405),
        ("PUT", "/routed/tenants/7/rename/", 200),
    ],
)
@pytest.mark.parametrize("debug", [True, False])
def test_answers_of_frameworks_for_a_view_have_its_policy(send, method, path, status, debug):
    with override_settings(DEBUG=debug):
        answer = send(method, path, APP)
    assert (answer.status, answer.of_cors) == (status, SHARED)


@inside("kit.django_urls.unauthorized")
def test_a_middleware_that_answers_in_place_of_the_view_has_its_policy(send):
    answer = send("GET", "/tagged", APP)
    assert (answer.status, answer.of_cors) == (401, SHARED)
    assert send("GET", "/untagged", APP).of_cors == NOT_SHARED


@inside("kit.django_urls.crashing")
def test_a_middleware_that_fails_in_place_of_the_view_has_its_policy(send):
    answer = send("GET", "/tagged", APP)
    assert (answer.status, answer.of_cors) == (500, SHARED)


@inside(COMMON)
def test_the_redirect_to_a_slash_has_the_policy_of_its_target(send):
    answer = send("GET", "/slash", APP)
    assert (answer.status, answer.headers["location"], answer.of_cors) == (301, "/slash/", SHARED)
    assert preflight(send, "/slash").headers == GRANTED


@inside(COMMON, APPEND_SLASH=False)
def test_without_append_slash_another_path_is_another_resource(send):
    answer = send("GET", "/slash", APP)
    assert (answer.status, answer.of_cors) == (404, NOT_SHARED)
    assert preflight(send, "/slash").status == 403


@inside("django.middleware.locale.LocaleMiddleware")
@pytest.mark.parametrize("path", ["/de/translated", "/en/translated"])
def test_a_view_below_a_language_prefix_is_found_in_any_language(send, path):
    answer = send("GET", path, APP, accept_language="fr")
    assert (answer.status, answer.of_cors) == (200, {**SHARED, "vary": answer.headers["vary"]})
    assert preflight(send, path).headers == GRANTED


@override_settings(CORSGUARD={"/routed": {"allow_origins": [EVIL], "allow_methods": ["GET", "PUT"], "max_age": 60}})
def test_a_router_of_rest_framework_is_guarded_by_its_path(send):
    """
    That is true for its own page and its 404s too. A tag takes the place of the path.
    """
    shared = {"access-control-allow-origin": EVIL, "vary": "Origin"}
    for url, status in (("/routed/plain/", 200), ("/routed/", 200), ("/routed/nowhere/", 404)):
        answer = send("GET", url, EVIL)
        assert (answer.status, answer.of_cors) == (status, shared)
        assert preflight(send, url, EVIL).headers == {**GRANTED, "access-control-allow-origin": EVIL}
    assert send("GET", "/routed/tenants/", APP).of_cors == SHARED


@override_settings(ROOT_URLCONF="kit.django_urls")
@pytest.mark.parametrize(
    "layers", [("kit.django_urls.choosing_urlconf", GUARD), (GUARD, "kit.django_urls.choosing_urlconf")]
)
def test_a_request_may_have_a_urlconf_of_its_own(send, layers):
    with override_settings(MIDDLEWARE=layers):
        answer = send("GET", "/tagged", APP)
        assert (answer.status, answer.of_cors) == (200, SHARED)
        assert send("GET", "/untagged", APP).of_cors == NOT_SHARED


@override_settings(ROOT_URLCONF="kit.django_urls")
@pytest.mark.parametrize(
    "layers", [("kit.django_urls.choosing_urlconf", GUARD), (GUARD, "kit.django_urls.choosing_urlconf")]
)
def test_a_preflight_may_have_a_urlconf_of_its_own(send, layers):
    with override_settings(MIDDLEWARE=layers, CORSGUARD={"paths": {}}):
        assert preflight(send, "/tagged").headers == GRANTED
        answer = preflight(send, "/tagged", EVIL)
    assert (answer.status, answer.of_cors) == (403, {"vary": PREFLIGHT_VARY})


def counting(seen):
    class Word:
        regex = "[a-z]+"

        def to_python(self, value):
            seen.append(value)
            return value

    return Word


def test_preflights_look_for_the_view_only_if_a_view_is_tagged(send):
    seen = []
    register_converter(counting(seen), f"counted{id(seen)}")
    counted = path(f"<counted{id(seen)}:word>", lambda request, word: HttpResponse())
    with urls(counted):
        preflight(send, "/word")
    assert seen == []
    with urls(counted, path("", include([path("2", cors(TAGGED)(lambda request: HttpResponse()))]))):
        preflight(send, "/word")
    assert seen == ["word"]


def test_a_response_of_a_view_looks_for_no_other_view(send):
    seen = []
    register_converter(counting(seen), f"counted{id(seen)}")
    with urls(path(f"<counted{id(seen)}:word>", cors(TAGGED)(lambda request, word: HttpResponse()))):
        assert send("GET", "/word", APP).of_cors == SHARED
    assert seen == ["word"]


def test_an_unknown_entry_of_the_urlconf_may_lead_to_a_tagged_view(send):
    view = cors(TAGGED)(lambda request: HttpResponse())

    class Entry:
        pattern = ""

        def resolve(self, path):
            return ResolverMatch(view, (), {}, extra_kwargs={}) if path == "custom" else None

    with urls(Entry()):
        assert send("GET", "/custom", APP).of_cors == SHARED
        assert preflight(send, "/custom").headers == GRANTED


@pytest.mark.parametrize("urlconf", ["no_such_module", "logging"])
@override_settings(CORSGUARD=TAGGED)
def test_with_a_broken_urlconf_a_preflight_has_the_policy_of_its_path(send, urlconf):
    with override_settings(ROOT_URLCONF=urlconf):
        assert preflight(send, "/tagged").headers == GRANTED


@override_settings(CORSGUARD=TAGGED)
def test_with_a_failing_converter_the_answer_has_the_policy_of_the_path(send):
    answer = send("GET", "/fragile/word", APP)
    assert (answer.status, answer.of_cors) == (500, SHARED)
    assert preflight(send, "/fragile/word").headers == GRANTED


@dataclass
class Unhashable:
    policy: str

    def __call__(self, request):
        return HttpResponse()


def test_a_view_that_cannot_be_hashed_is_served_and_guarded(send):
    with urls(path("tagged", cors(TAGGED)(Unhashable("tagged"))), path("untagged", Unhashable("untagged"))):
        assert (send("GET", "/tagged", APP).status, send("GET", "/tagged", APP).of_cors) == (200, SHARED)
        assert (send("GET", "/untagged", APP).status, send("GET", "/untagged", APP).of_cors) == (200, NOT_SHARED)
        assert preflight(send, "/tagged").headers == GRANTED


class OnMethod(View):
    @method_decorator(cors(TAGGED))
    def get(self, request):
        return HttpResponse()


class OnPlainMethod(View):
    @cors(TAGGED)
    def get(self, request):
        return HttpResponse()


class OnAction(ViewSet):
    @cors(TAGGED)
    def list(self, request):
        return HttpResponse()


class OnAPIMethod(APIView):
    @cors(None)
    def get(self, request):
        return HttpResponse()


@method_decorator(cors(TAGGED), name="dispatch")
class OnBoth(View):
    @cors(None)
    def get(self, request):
        return HttpResponse()


class Overriding(Tagged):
    def dispatch(self, request):
        return super().dispatch(request)


@api_view(["GET"])
@cors(None)
def below_api_view(request):
    return HttpResponse()


@pytest.mark.parametrize(
    "view",
    [
        OnMethod.as_view(),
        OnPlainMethod.as_view(),
        OnAction.as_view({"get": "list"}),
        OnAPIMethod.as_view(),
        OnBoth.as_view(),
        Overriding.as_view(),
        below_api_view,
    ],
    ids=lambda view: getattr(view, "view_class", view).__name__,
)
def test_a_tag_in_the_wrong_place_closes_the_view_and_is_logged_once(view, caplog):
    with urls(path("view", view)), override_settings(CORSGUARD={"allow_origins": "*"}):
        caplog.clear()
        handler = WSGIHandler()
        asked = {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
        for request in (environ("/view", **asked), environ("/view"), environ("/view")):
            status, headers, _ = serve(handler, request)
            assert status == 200
            assert not [name for name, _ in headers if name.lower().startswith("access-control-")]
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("corsguard", logging.ERROR)


@pytest.mark.parametrize("view", [Tagged, OnMethod])
def test_tags_on_classes_change_nothing_without_the_guard(view):
    with urls(path("view", view.as_view())), override_settings(MIDDLEWARE=[]):
        answer = send_sync("GET", "/view", APP)
    assert (answer.status, answer.of_cors) == (200, {})


def test_warnings_of_one_policy_on_many_views_are_logged_once(caplog):
    risky = Policy(allow_origins=["http://plain.example"])
    views = [cors(risky)(lambda request: HttpResponse()) for _ in range(2)]
    with urls(path("a", views[0]), path("b", views[1])):
        caplog.clear()
        handler = WSGIHandler()
        for at in ("/a", "/b", "/a"):
            assert serve(handler, environ(at))[0] == 200
    assert [(r.name, r.levelno, r.getMessage()[:4]) for r in caplog.records] == [("corsguard", logging.WARNING, "W103")]
