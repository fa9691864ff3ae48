"""
`@cors` in Django: a tag on a view beats the policy of its path, whatever makes the view and whoever answers for it.
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
    The policy of every path shares with nobody in these tests, so that only tags share.
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


# Where a tag may stand.


@pytest.mark.parametrize("path", VIEWS)
def test_a_tagged_view_is_shared_as_its_tag_says(send, path):
    answer = send("GET", path, APP)
    assert (answer.status, answer.of_cors) == (200, SHARED)


@pytest.mark.parametrize("path", VIEWS)
def test_the_tag_answers_a_preflight(send, path):
    """
    A preflight of a tagged view is answered as its tag says.
    """
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


def test_a_tag_beats_the_inherited_one(send):
    """
    A tag on a derived class beats the inherited one.
    """
    assert send("GET", "/retagged", APP).of_cors == NOT_SHARED
    assert send("GET", "/retagged", EVIL).of_cors == {"access-control-allow-origin": EVIL, "vary": "Origin"}


@override_settings(CORSGUARD={"allow_origins": "*"})
@pytest.mark.parametrize("path", ["/closed", "/closed-class"])
def test_a_closed_view_shares_nothing(send, path):
    """
    A closed view shares nothing, whatever its path does.
    """
    answer = send("GET", path, APP)
    assert (answer.status, answer.of_cors) == (200, {})


@override_settings(CORSGUARD={"allow_origins": "*"})
def test_a_preflight_of_a_closed_view_reaches_it(send):
    answer = preflight(send, "/closed")
    assert (answer.status, answer.headers["x-method"], answer.of_cors) == (200, "OPTIONS", {})


def test_a_second_policy_on_one_view_is_refused():
    """
    A second different policy on one view is refused.
    """
    with pytest.raises(ValueError, match="another policy"):
        cors(None)(Tagged.as_view())


# Who else answers for a view.


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
def test_answers_of_frameworks_have_the_views_policy(send, method, path, status, debug):
    """
    What frameworks answer for a view has its policy.
    """
    with override_settings(DEBUG=debug):
        answer = send(method, path, APP)
    assert (answer.status, answer.of_cors) == (status, SHARED)


@inside("kit.django_urls.unauthorized")
def test_an_inner_layer_answers_under_the_views_policy(send):
    """
    An inner layer answers under the policy of the view that it keeps from answering.
    """
    answer = send("GET", "/tagged", APP)
    assert (answer.status, answer.of_cors) == (401, SHARED)
    assert send("GET", "/untagged", APP).of_cors == NOT_SHARED


@inside("kit.django_urls.crashing")
def test_an_inner_layer_fails_under_the_views_policy(send):
    """
    An inner layer fails under the policy of the view that it keeps from answering.
    """
    answer = send("GET", "/tagged", APP)
    assert (answer.status, answer.of_cors) == (500, SHARED)


@inside(COMMON)
def test_a_redirect_to_a_slash_has_its_targets_policy(send):
    """
    The redirect to a slash has the policy of its target.
    """
    answer = send("GET", "/slash", APP)
    assert (answer.status, answer.headers["location"], answer.of_cors) == (301, "/slash/", SHARED)
    assert preflight(send, "/slash").headers == GRANTED


@inside(COMMON, APPEND_SLASH=False)
def test_without_append_slash_paths_stay_apart(send):
    """
    Without `APPEND_SLASH` another path is another resource.
    """
    answer = send("GET", "/slash", APP)
    assert (answer.status, answer.of_cors) == (404, NOT_SHARED)
    assert preflight(send, "/slash").status == 403


@inside("django.middleware.locale.LocaleMiddleware")
@pytest.mark.parametrize("path", ["/de/translated", "/en/translated"])
def test_a_view_under_a_language_is_found(send, path):
    """
    A view under a language is found in any language.
    """
    answer = send("GET", path, APP, accept_language="fr")
    assert (answer.status, answer.of_cors) == (200, {**SHARED, "vary": answer.headers["vary"]})
    assert preflight(send, path).headers == GRANTED


@override_settings(CORSGUARD={"/routed": {"allow_origins": [EVIL], "allow_methods": ["GET", "PUT"], "max_age": 60}})
def test_a_router_of_rest_framework_is_guarded_by_its_path(send):
    """
    The path of a router guards what it routes to, its own page and its 404s; a tag beats it.
    """
    shared = {"access-control-allow-origin": EVIL, "vary": "Origin"}
    for url, status in (("/routed/plain/", 200), ("/routed/", 200), ("/routed/nowhere/", 404)):
        answer = send("GET", url, EVIL)
        assert (answer.status, answer.of_cors) == (status, shared)
        assert preflight(send, url, EVIL).headers == {**GRANTED, "access-control-allow-origin": EVIL}
    assert send("GET", "/routed/tenants/", APP).of_cors == SHARED


# URLconfs.


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


def test_views_are_looked_for_only_where_tagged(send):
    """
    Preflights look for the view only where a view is tagged.
    """
    seen = []
    register_converter(counting(seen), f"counted{id(seen)}")
    counted = path(f"<counted{id(seen)}:word>", lambda request, word: HttpResponse())
    with urls(counted):
        preflight(send, "/word")
    assert seen == []
    with urls(counted, path("", include([path("2", cors(TAGGED)(lambda request: HttpResponse()))]))):
        preflight(send, "/word")
    assert seen == ["word"]


def test_a_response_of_a_view_looks_for_no_other(send):
    seen = []
    register_converter(counting(seen), f"counted{id(seen)}")
    with urls(path(f"<counted{id(seen)}:word>", cors(TAGGED)(lambda request, word: HttpResponse()))):
        assert send("GET", "/word", APP).of_cors == SHARED
    assert seen == ["word"]


def test_an_unknown_entry_may_lead_to_a_tagged_view(send):
    """
    An entry that is none of Django's may lead to a tagged view.
    """
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
def test_a_broken_urlconf_leaves_the_paths_policy(send, urlconf):
    """
    A preflight is answered under the policy of the path where the URLconf cannot be used.
    """
    with override_settings(ROOT_URLCONF=urlconf):
        assert preflight(send, "/tagged").headers == GRANTED


@override_settings(CORSGUARD=TAGGED)
def test_a_failing_converter_leaves_the_paths_policy(send):
    """
    A converter that fails answers under the policy of the path.
    """
    answer = send("GET", "/fragile/word", APP)
    assert (answer.status, answer.of_cors) == (500, SHARED)
    assert preflight(send, "/fragile/word").headers == GRANTED


@dataclass
class Unhashable:
    policy: str

    def __call__(self, request):
        return HttpResponse()


def test_an_unhashable_view_is_guarded(send):
    """
    A view that cannot be hashed is served and guarded.
    """
    with urls(path("tagged", cors(TAGGED)(Unhashable("tagged"))), path("untagged", Unhashable("untagged"))):
        assert (send("GET", "/tagged", APP).status, send("GET", "/tagged", APP).of_cors) == (200, SHARED)
        assert (send("GET", "/untagged", APP).status, send("GET", "/untagged", APP).of_cors) == (200, NOT_SHARED)
        assert preflight(send, "/tagged").headers == GRANTED


# Tags where the guard does not look.


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
def test_a_misplaced_tag_closes_the_view(view, caplog):
    """
    A tag where the guard does not look closes the view and is told of once.
    """
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
def test_tags_on_classes_need_the_guard(view):
    """
    Tags on classes change nothing without the guard.
    """
    with urls(path("view", view.as_view())), override_settings(MIDDLEWARE=[]):
        answer = send_sync("GET", "/view", APP)
    assert (answer.status, answer.of_cors) == (200, {})


def test_warnings_of_many_views_are_told_once(caplog):
    """
    The warnings of one policy on many views are told once.
    """
    smelly = Policy(allow_origins=["http://plain.example"])
    views = [cors(smelly)(lambda request: HttpResponse()) for _ in range(2)]
    with urls(path("a", views[0]), path("b", views[1])):
        caplog.clear()
        handler = WSGIHandler()
        for at in ("/a", "/b", "/a"):
            assert serve(handler, environ(at))[0] == 200
    assert [(r.name, r.levelno, r.getMessage()[:4]) for r in caplog.records] == [("corsguard", logging.WARNING, "W103")]
