"""
The system checks: what Django reports before a server starts, by id.
"""

import re
from pathlib import Path
from types import ModuleType

import django
import pytest
from django.conf import settings
from django.core.checks import ERROR, WARNING, Tags, run_checks
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View
from kit.django_sending import APP, send_sync
from rest_framework.decorators import api_view
from rest_framework.viewsets import ViewSet

from corsguard import Policy
from corsguard.errors import RULES
from corsguard_django import cors
from corsguard_django.checks import _BEFORE, check_middleware
from corsguard_django.checks import RULES as DJANGO_RULES

GUARD = "corsguard_django.middleware.CORSMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"


def messages():
    return [message for message in run_checks(tags=[Tags.security]) if message.id.startswith("corsguard.")]


def ids():
    return [message.id.removeprefix("corsguard.") for message in messages()]


def urlconf(*views):
    module = ModuleType("urlconf")
    module.urlpatterns = [path(f"{at}", view) for at, view in enumerate(views)]
    return module


class Misplaced(View):
    @cors(None)
    def get(self, request):
        return HttpResponse()


class OnAction(ViewSet):
    @cors(None)
    def list(self, request):
        return HttpResponse()

    def x(self, request):
        return HttpResponse()


class AsSetting:
    """
    Takes the place of Policy in an example, and returns the value of the setting.
    """

    def __call__(self, **keywords):
        return keywords

    def from_mapping(self, mapping):
        return mapping


class AsyncSource:
    async def __contains__(self, origin):
        return True


def setting_of(rule):
    """
    Return the CORSGUARD that breaks *rule* as its example does.
    """
    names = {
        "Policy": AsSetting(),
        "CORSMiddleware": lambda app, policy: policy,
        "app": None,
        "async_source": AsyncSource(),
        "source_with_two_answers": type("Both", (AsyncSource,), {"allows": AsyncSource.__contains__})(),
    }
    return eval(rule.example, names)


# A file or a variable is refused where it is read, before there is a setting. Rules about handshakes and about what may
# act have other examples.
@pytest.mark.parametrize(
    "code", [code for code in RULES if not code.startswith(("E804", "E805", "E806", "E807", "E81", "W4"))]
)
def test_every_problem_and_warning_of_a_policy_is_reported(monkeypatch, code):
    # Not by override_settings, which refuses wrong values.
    monkeypatch.setattr(settings, "CORSGUARD", setting_of(RULES[code]), raising=False)
    (message,) = (m for m in messages() if m.id.removeprefix("corsguard.") not in DJANGO_RULES)
    assert message.id == f"corsguard.{code}"
    assert message.level == (ERROR if code.startswith("E") else WARNING)
    assert message.obj.startswith("CORSGUARD")
    assert message.hint


def test_all_problems_are_reported_at_once(monkeypatch):
    bad = {"paths": {"/a": {"allow_origins": []}, "/b/": {"allow_origins": "*", "max_age": -1}}}
    monkeypatch.setattr(settings, "CORSGUARD", bad, raising=False)
    assert ids() == ["E101", "E802", "E703"]
    assert messages()[2].obj == 'CORSGUARD: paths["/b/"].max_age'


def test_a_good_setting_has_no_report():
    assert ids() == []
    with override_settings(CORSGUARD={"allow_origins": [APP]}):
        assert ids() == []


def test_the_warnings_of_tagged_views_are_reported():
    risky = cors(Policy(allow_origins=["http://plain.example"]))
    with override_settings(ROOT_URLCONF=urlconf(risky(lambda request: HttpResponse()))):
        (message,) = messages()
    assert (message.id, message.level) == ("corsguard.W103", WARNING)
    assert "test_django_checks" in message.obj


def test_a_mistake_at_a_view_is_reported_once_however_many_urls_it_has():
    risky = cors(Policy(allow_origins=["http://plain.example"]))
    view = risky(lambda request: HttpResponse())
    as_class = method_decorator(risky, name="dispatch")(type("Risky", (ViewSet,), {}))
    views = [view, view, *(as_class.as_view({"get": name}) for name in ("list", "detail"))]
    misplaced = [Misplaced.as_view(), Misplaced.as_view(), *(OnAction.as_view({"get": name}) for name in ("list", "x"))]
    with override_settings(ROOT_URLCONF=urlconf(*views, *misplaced)):
        assert ids() == ["W103", "W103", "E901", "E901"]


def test_a_tag_below_api_view_is_reported_with_the_right_place():
    @api_view(["GET", "POST"])
    @cors(None)
    def below(request):
        return HttpResponse()

    @api_view(["GET"])
    @cors(None)
    def also_below(request):
        return HttpResponse()

    with override_settings(ROOT_URLCONF=urlconf(below, also_below, Misplaced.as_view())):
        first, second, of_class = messages()
    assert (first.obj.rpartition(".")[2], second.obj.rpartition(".")[2]) == ("below", "also_below")
    assert first.hint == second.hint != of_class.hint
    # This is the pasted hint.
    with override_settings(ROOT_URLCONF=urlconf(cors(None)(api_view(["GET"])(lambda request: HttpResponse())))):
        assert ids() == []


def test_a_project_without_urls_is_checked():
    with override_settings(ROOT_URLCONF=None):
        assert ids() == []


def test_an_unknown_entry_of_the_urlconf_is_ignored():
    module = urlconf(Misplaced.as_view())
    module.urlpatterns.insert(0, object())
    with override_settings(ROOT_URLCONF=module):
        assert ids() == ["E901"]


def test_closed_and_well_tagged_views_have_no_report():
    views = [cors(policy)(lambda request: HttpResponse()) for policy in (None, Policy(allow_origins=[APP]))]
    with override_settings(ROOT_URLCONF=urlconf(*views)):
        assert ids() == []


# Mistakes that only Django projects can have.


@pytest.mark.parametrize("code", DJANGO_RULES)
def test_the_example_of_every_rule_breaks_only_that_rule(code):
    example = eval(DJANGO_RULES[code].example, {"misplaced_urls": urlconf(Misplaced.as_view())})
    with override_settings(**example):
        (message,) = messages()
    assert message.id == f"corsguard.{code}"
    assert message.level == (ERROR if code.startswith("E") else WARNING)
    assert not re.search(r"\{\w+\}", message.msg + message.hint)


def test_no_rule_of_django_has_the_code_of_another_rule():
    assert not DJANGO_RULES.keys() & RULES.keys()


def misspelt(**settings_of_project):
    with override_settings(**settings_of_project):
        return {message.obj: message.hint for message in messages() if message.id == "corsguard.W909"}


@pytest.mark.parametrize(
    ("name", "meant"),
    {
        "CORSGAURD": "CORSGUARD",
        "CORS_GUARD": "CORSGUARD",
        "CORSGUARDS": "CORSGUARD",
        "COSRGUARD": "CORSGUARD",
        "CORSGUARD_PROTECTON": "CORSGUARD_PROTECTION",
        "CORS_GUARD_PROTECTION": "CORSGUARD_PROTECTION",
        "CORSGUARD_WEBSOCKET": "CORSGUARD_WEBSOCKETS",
    }.items(),
)
def test_a_misspelled_setting_of_ours_is_reported(name, meant):
    assert misspelt(**{name: "any value"}) == {name: meant}
    # A module with the right spelling may be imported by one with the wrong spelling.
    assert misspelt(**{name: "any value", "CORSGUARD": {"allow_origins": [APP]}}) == {name: meant}


@pytest.mark.parametrize(
    ("name", "meant"),
    {
        "CORS_ALLOWED_ORIGIN": "CORS_ALLOWED_ORIGINS",
        "CORS_ALLOW_ORIGINS": "CORS_ALLOWED_ORIGINS",
        "CORS_ALLOWED_CREDENTIALS": "CORS_ALLOW_CREDENTIALS",
        "CORS_ORIGINS_WHITELIST": "CORS_ORIGIN_WHITELIST",
    }.items(),
)
def test_a_misspelled_setting_of_django_cors_headers_is_reported(name, meant):
    """
    It is not reported if CORSGUARD may be made from it.
    """
    assert misspelt(**{name: [APP]}) == {name: meant}
    assert misspelt(**{name: [APP], "CORSGUARD": {"allow_origins": [APP]}}) == {}


@pytest.mark.parametrize(
    "name",
    ["CORS_ORIGINS", "CORSGUARD_ORIGINS", "CORSGUARD_POLICY", "CSRF_ALLOWED_ORIGINS", "GUARD", "ALLOWED_ORIGINS"],
)
def test_a_setting_of_the_project_itself_is_not_reported(name):
    assert misspelt(**{name: [APP]}) == {}


def middleware(*paths):
    return override_settings(MIDDLEWARE=paths)


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], ["W901"]),
        ([COMMON], ["W901"]),
        ([GUARD, COMMON, CSRF], []),
        ([COMMON, GUARD], ["W902"]),
        ([COMMON, SESSIONS, GUARD, CSRF], ["W902", "W902"]),
        (["kit.django_urls.rewriting", GUARD], ["W902"]),
        (["no.such.Middleware", GUARD], ["W902"]),
        ([CSRF, GUARD], []),
        ([GUARD, GUARD], ["W903"]),
        ([GUARD, COMMON, GUARD], ["W903"]),
        ([COMMON, GUARD, GUARD], ["W903", "W902"]),
    ],
)
def test_a_wrong_place_of_the_middleware_is_reported(paths, expected):
    with middleware(*paths):
        assert ids() == expected


def test_a_subclass_of_the_guard_is_a_guard():
    with middleware("kit.django_urls.DerivedGuard"):
        assert ids() == []
    with middleware("kit.django_urls.DerivedGuard", GUARD):
        assert ids() == ["W903"]


def test_a_subclass_of_a_middleware_is_judged_like_its_base():
    with middleware("kit.django_urls.DerivedCommon", GUARD):
        (message,) = messages()
    assert "APPEND_SLASH" in message.msg
    assert message.obj == "kit.django_urls.DerivedCommon"


def test_an_unknown_middleware_is_reported_as_one_that_may_answer():
    with middleware("kit.django_urls.unauthorized", GUARD):
        (message,) = messages()
    assert "may answer requests and preflights itself" in message.msg


def shipped():
    """
    Yield the path of every middleware that Django ships. The files are parsed, not imported, because some need their
    applications.
    """
    root = Path(django.__file__).parent
    for file in (*root.glob("middleware/*.py"), *root.glob("contrib/*/middleware.py")):
        module = ".".join(file.relative_to(root.parent).with_suffix("").parts)
        for name in re.findall(r"^class (\w+Middleware)\b", file.read_text(encoding="utf-8"), re.MULTILINE):
            yield f"{module}.{name}"


def test_every_middleware_of_django_is_known():
    names = [*shipped()]
    assert COMMON in names
    assert [name for name in names if name not in _BEFORE] == []


def test_every_known_middleware_of_django_exists():
    new_in_6_0 = {"django.middleware.csp.ContentSecurityPolicyMiddleware"} if django.VERSION < (6,) else set()
    known = {name for name in _BEFORE if name.startswith("django.")}
    assert known - {*shipped()} == new_in_6_0


# What the report says about a middleware before the guard is true.


def headers_of(path, *before, **headers):
    with middleware(*before, GUARD), override_settings(CORSGUARD={"allow_origins": [APP]}):
        answer = send_sync("GET", path, APP, **headers)
    return answer.status, answer.headers


@pytest.mark.parametrize(
    ("before", "path", "status", "more"),
    [
        (COMMON, "/api/slash", 301, {}),
        ("django.middleware.security.SecurityMiddleware", "/api/hello", 301, {"SECURE_SSL_REDIRECT": True}),
        ("django.middleware.locale.LocaleMiddleware", "/translated", 302, {"ROOT_URLCONF": "kit.django_tagged_urls"}),
    ],
)
def test_redirects_made_before_the_guard_are_not_shared(before, path, status, more):
    with override_settings(**more):
        answered, headers = headers_of(path, before)
    assert answered == status
    assert "access-control-allow-origin" not in headers


def test_a_304_made_before_the_guard_keeps_only_some_headers():
    layer = "django.middleware.http.ConditionalGetMiddleware"
    _, headers = headers_of("/api/hello", layer)
    status, kept = headers_of("/api/hello", layer, if_none_match=headers["etag"])
    assert (status, kept["vary"]) == (304, "Origin")
    assert "access-control-allow-origin" not in kept


@pytest.mark.parametrize("path", [name for name, consequence in _BEFORE.items() if consequence is None])
def test_a_middleware_that_cannot_answer_is_not_reported(path):
    with middleware(path, GUARD):
        assert [message.id for message in check_middleware()] == []


def test_the_csrf_protection_before_the_guard_is_shared():
    with middleware(CSRF, GUARD), override_settings(CORSGUARD={"allow_origins": [APP]}):
        answer = send_sync("POST", "/api/hello", APP, enforce_csrf_checks=True)
    assert (answer.status, answer.of_cors["access-control-allow-origin"]) == (403, APP)


def credentials(*origins, **keywords):
    return override_settings(CORSGUARD={"allow_origins": list(origins), "allow_credentials": True, **keywords})


def codes_of(wanted):
    return [code for code in ids() if code == wanted]


@pytest.mark.parametrize(
    ("origin", "trusted"),
    [
        (APP, [APP]),
        (APP, ["https://*.example.com"]),
        (APP, ["https://other.example", "https://*.com"]),
        ("https://example.com", ["https://*.example.com"]),
        ("https://app.example.com:8443", ["https://*.example.com:8443"]),
        ("https://*.example.com", ["https://*.example.com"]),
        ("https://*.app.example.com", ["https://*.example.com"]),
        ("https://pr-*.example.com", ["https://*.example.com"]),
        ("http://localhost:3000", ["http://localhost:3000"]),
    ],
)
def test_a_trusted_origin_is_not_reported(origin, trusted):
    with credentials(origin), override_settings(CSRF_TRUSTED_ORIGINS=trusted):
        assert codes_of("W904") == []


@pytest.mark.parametrize(
    ("origin", "trusted", "fix"),
    [
        (APP, [], [APP]),
        (APP, ["http://app.example.com"], ["http://app.example.com", APP]),
        (APP, ["http://*.example.com"], ["http://*.example.com", APP]),
        (APP, ["https://*.app.example.com.evil.example"], ["https://*.app.example.com.evil.example", APP]),
        (APP, ["https://app.example.com:8443"], ["https://app.example.com:8443", APP]),
        (
            "https://app.example.com:8443",
            ["https://*.example.com"],
            ["https://*.example.com", "https://app.example.com:8443"],
        ),
        ("https://notexample.com", ["https://*.example.com"], ["https://*.example.com", "https://notexample.com"]),
        ("https://*.example.com", [APP], [APP, "https://*.example.com"]),
        (
            "https://*.example.com",
            ["https://*.app.example.com"],
            ["https://*.app.example.com", "https://*.example.com"],
        ),
        ("https://pr-*.example.com", [], ["https://*.example.com"]),
        (
            "https://pr-*.example.com",
            ["https://pr-*.example.com"],
            ["https://pr-*.example.com", "https://*.example.com"],
        ),
        ("https://*.example.com", ["https://*.z.example.com"], ["https://*.z.example.com", "https://*.example.com"]),
        ("http://localhost:*", ["http://localhost:3000"], ["http://localhost:3000", "http://localhost"]),
        ("http://localhost:*", ["http://localhost"], ["http://localhost"]),
    ],
)
def test_an_origin_that_django_does_not_trust_is_reported(origin, trusted, fix):
    with credentials(origin), override_settings(CSRF_TRUSTED_ORIGINS=trusted):
        (message,) = (m for m in messages() if m.id == "corsguard.W904")
    assert origin in message.msg
    assert message.hint.startswith(f"CSRF_TRUSTED_ORIGINS = {fix}  #")


def test_all_untrusted_origins_are_in_one_report():
    origins = [f"https://tenant{number}.example" for number in range(100)]
    with credentials(*origins):
        (message,) = (m for m in messages() if m.id == "corsguard.W904")
    assert "https://tenant29.example and 70 more" in message.msg
    assert "https://tenant99.example" in message.hint


def test_unsafe_origins_and_those_of_paths_and_tags_need_trust_too():
    unsafe = {"allow_unsafe_origins": {"http://kiosk.example": "OPS-12"}, "allow_credentials": True}
    tagged = cors(allow_origins=["https://tagged.example"], allow_credentials=True)(lambda request: HttpResponse())
    with override_settings(CORSGUARD={"/a": unsafe, "/b": None}, ROOT_URLCONF=urlconf(tagged)):
        (message,) = (m for m in messages() if m.id == "corsguard.W904")
    assert message.hint.startswith("CSRF_TRUSTED_ORIGINS = ['http://kiosk.example', 'https://tagged.example']  #")


@pytest.mark.parametrize(
    "setting",
    [
        {"allow_origins": [APP]},
        {"allow_origins": "*"},
        {"allow_unsafe_origins": {"null": "OPS-12"}},
        {"allow_origins": type("Source", (), {"__contains__": lambda self, origin: True})(), "allow_credentials": True},
    ],
)
def test_trust_and_cookies_are_not_reported_without_credentials_or_a_list(setting):
    with override_settings(CORSGUARD=setting, ALLOWED_HOSTS=["api.example.org"], MIDDLEWARE=[GUARD, SESSIONS, CSRF]):
        assert codes_of("W904") + codes_of("W905") == []


def cookies(hosts, **more):
    return override_settings(
        **{
            "ALLOWED_HOSTS": hosts,
            "MIDDLEWARE": [GUARD, SESSIONS, CSRF],
            "CSRF_TRUSTED_ORIGINS": [APP, "https://*.example.com", "http://localhost:3000"],
            **more,
        }
    )


@pytest.mark.parametrize(
    ("origin", "hosts"),
    [
        (APP, ["api.example.org"]),
        (APP, [".example.org", "other.example"]),
        ("https://*.example.com", ["api.example.org"]),
        (APP, ["127.0.0.1", "[::1]", "localhost"]),
        ("http://localhost:3000", ["api.example.com"]),
    ],
)
def test_cookies_that_reach_no_host_are_reported(origin, hosts):
    with credentials(origin), cookies(hosts):
        found = [message for message in messages() if message.id == "corsguard.W905"]
    assert [message.obj for message in found] == ["SESSION_COOKIE_SAMESITE", "CSRF_COOKIE_SAMESITE"]
    assert all(origin in message.msg for message in found)


@pytest.mark.parametrize(
    ("origin", "hosts"),
    [
        (APP, ["api.example.com"]),
        (APP, ["example.com"]),
        (APP, [".example.com"]),
        (APP, ["API.Example.com"]),
        (APP, ["api.example.org", "api.example.com"]),
        ("https://*.example.com", ["api.example.com"]),
        ("https://pr-*.example.com", ["api.example.com"]),
        ("http://localhost:3000", ["LocalHost", "api.example.com"]),
        (APP, []),
        (APP, ["*"]),
        (APP, ["api.example.org", "*"]),
    ],
)
def test_cookies_of_the_same_site_or_of_unknown_hosts_are_not_reported(origin, hosts):
    with credentials(origin), cookies(hosts):
        assert codes_of("W905") == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"SESSION_COOKIE_SAMESITE": "None", "SESSION_COOKIE_SECURE": True}, ["CSRF"]),
        ({"CSRF_COOKIE_SAMESITE": "none", "CSRF_COOKIE_SECURE": True}, ["SESSION"]),
        ({"SESSION_COOKIE_SAMESITE": "None"}, ["SESSION", "CSRF"]),
        ({"SESSION_COOKIE_SECURE": True}, ["SESSION", "CSRF"]),
        ({"SESSION_COOKIE_SAMESITE": False, "SESSION_COOKIE_SECURE": True}, ["SESSION", "CSRF"]),
        ({"SESSION_COOKIE_SAMESITE": None, "SESSION_COOKIE_SECURE": True}, ["SESSION", "CSRF"]),
        ({"CSRF_USE_SESSIONS": True}, ["SESSION"]),
        ({"MIDDLEWARE": [GUARD, SESSIONS]}, ["SESSION"]),
        ({"MIDDLEWARE": [GUARD, CSRF]}, ["CSRF"]),
        ({"MIDDLEWARE": [GUARD]}, []),
    ],
)
def test_only_cookies_that_are_set_and_not_sent_are_reported(more, expected):
    with credentials(APP), cookies(["api.example.org"], **more):
        found = [message.obj for message in messages() if message.id == "corsguard.W905"]
    assert found == [f"{prefix}_COOKIE_SAMESITE" for prefix in expected]


SECURITY = "django.middleware.security.SecurityMiddleware"


def foreign_to_us(trusted, protection=(), **keywords):
    policy = {"allow_origins": [APP], "allow_credentials": True, **keywords}
    settings_of_ours = {"CORSGUARD": policy, "CORSGUARD_PROTECTION": dict(protection)}
    with override_settings(CSRF_TRUSTED_ORIGINS=trusted, **settings_of_ours):
        return [message.hint for message in messages() if message.id == "corsguard.W906"]


@pytest.mark.parametrize(
    ("trusted", "listed"),
    [
        ([APP], [APP]),
        ([APP], ["https://*.example.com"]),
        (["https://*.shop.example"], ["https://*.shop.example"]),
        (["https://a.example", "http://localhost:3000"], ["https://a.example", "http://localhost:3000"]),
        ([], [APP]),
    ],
)
def test_an_origin_that_both_protections_trust_is_not_reported(trusted, listed):
    assert foreign_to_us(trusted, allow_origins=listed) == []


@pytest.mark.parametrize(
    "trusted", [["https://partner.example"], ["https://*.example.com"], ["https://*"], ["http://app.example.com"]]
)
def test_an_origin_that_only_django_trusts_is_reported(trusted):
    (hint,) = foreign_to_us([*trusted, APP])
    assert f'allow_origins=["{trusted[0]}"], allow_credentials=True' in hint
    assert foreign_to_us([*trusted, APP], allow_credentials=False) != []


def test_an_origin_that_only_django_trusts_is_not_reported_without_protection():
    with override_settings(CORSGUARD={"allow_origins": [APP]}, CSRF_TRUSTED_ORIGINS=["https://partner.example"]):
        assert "W906" not in ids()
    protected = {"allow_origins": [APP], "protection": {}}
    from corsguard.configuration import Configuration

    with override_settings(
        CORSGUARD=Configuration.from_mapping(protected), CSRF_TRUSTED_ORIGINS=["https://partner.example"]
    ):
        assert "W906" in ids()


@pytest.mark.parametrize(
    ("policy", "is_reported"),
    {
        "no-referrer": True,
        "same-origin, no-referrer": True,
        ("same-origin", "no-referrer"): True,
        "same-origin": False,
        "no-referrer, strict-origin": False,
        None: False,
    }.items(),
)
def test_pages_without_a_referrer_are_reported(policy, is_reported):
    settings_of_ours = {"CORSGUARD_PROTECTION": {}, "SECURE_REFERRER_POLICY": policy}
    with override_settings(CORSGUARD={"allow_origins": [APP]}, MIDDLEWARE=[GUARD, SECURITY], **settings_of_ours):
        assert ("W907" in ids()) is is_reported
    with override_settings(CORSGUARD={"allow_origins": [APP]}, MIDDLEWARE=[GUARD], **settings_of_ours):
        assert "W907" not in ids()
