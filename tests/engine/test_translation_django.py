"""
Settings of django-cors-headers, translated to CORSGUARD, and compared with django-cors-headers itself.
"""

import re
import subprocess
import sys
from types import ModuleType

import corsheaders.defaults
import corsheaders.signals
import pytest
from django.conf import settings
from django.core.checks import ERROR, Tags, run_checks
from django.http import HttpResponse
from django.test import override_settings
from django.urls import include, path, re_path
from kit.django_sending import APP, preflight, send_sync

from corsguard import Policies, PolicyError
from corsguard_django import cors
from corsguard_django.conf import read_settings
from corsguard_django.translation import _HEADERS, _METHODS, translate

GUARD = "corsguard_django.middleware.CORSMiddleware"
THEIRS = "corsheaders.middleware.CorsMiddleware"


def view(request):
    return HttpResponse()


ORIGINS = [
    APP,
    "https://example.com",
    "https://a.example.com",
    "https://a.b.example.com",
    "https://a-b.example.com",
    "https://pr-1.example.com",
    "https://axexample.com",
    "https://app.example.com.evil.example",
    "https://app.example.com:8443",
    "http://app.example.com",
    "http://localhost:3000",
    "null",
]


def theirs(**more):
    return override_settings(**{f"CORS_{name}": value for name, value in more.items()})


def translated(**more):
    with theirs(**more):
        return translate()


def notes_of(translation, keyword=None):
    notes = [note for notes in translation.notes for note in notes if keyword in {None, note.keyword}]
    return " ".join(note.text for note in notes)


def written(translation):
    return [text for notes in translation.notes for note in notes for text in note.write]


def shares(origin, path="/api/hello"):
    return send_sync("GET", path, origin).of_cors.get("access-control-allow-origin") in {origin, "*"}


# Whether the check reports anything.


def messages():
    return [m for m in run_checks(tags=[Tags.security]) if m.id == "corsguard.E902"]


@pytest.mark.parametrize(
    "name",
    [
        "ALLOWED_ORIGINS",
        "ORIGIN_WHITELIST",
        "ALLOWED_ORIGIN_REGEXES",
        "ORIGIN_REGEX_WHITELIST",
        "ALLOW_ALL_ORIGINS",
        "ORIGIN_ALLOW_ALL",
        "ALLOW_HEADERS",
        "URLS_REGEX",
        "MODEL",
    ],
)
def test_settings_of_django_cors_headers_without_ours_are_an_error_with_the_translation(name):
    with theirs(**{name: "x"}):
        (message,) = messages()
        assert message.hint == str(translate())
        with pytest.raises(PolicyError) as refused:
            read_settings()
    assert (message.level, message.obj) == (ERROR, f"CORSGUARD: CORS_{name}")
    assert f"got settings of django-cors-headers: CORS_{name}." in message.msg
    assert [problem.code for problem in refused.value.problems] == ["E902"]
    assert "\nCORSGUARD = {\n" in str(refused.value)


def test_with_our_setting_nothing_is_reported():
    with override_settings(CORSGUARD={"paths": {}}), theirs(ALLOWED_ORIGINS=[APP]):
        assert messages() == []


def test_a_project_with_decorated_views_only_has_no_error():
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = [path("", cors(allow_origins=[APP])(lambda request: HttpResponse()))]
    with override_settings(ROOT_URLCONF=urlconf):
        assert messages() == []
        assert read_settings().policy is None


def test_a_setting_that_only_sounds_like_theirs_is_ignored():
    with theirs(OF_OUR_OWN=True):
        assert messages() == []
        assert read_settings().policy is None


START = """
from django.conf import settings
settings.configure(
    CORS_ALLOWED_ORIGINS=["https://app.example.com"],
    INSTALLED_APPS=["corsguard_django"],
    MIDDLEWARE=["corsguard_django.middleware.CORSMiddleware"],
    ROOT_URLCONF=(),
)
"""


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_settings_of_django_cors_headers_stop_every_server_at_start(server):
    program = f"{START}from django.core.{server} import get_{server}_application as start; start()"
    command = [sys.executable, "-c", program]
    stopped = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert stopped.returncode != 0
    assert "E902 CORS_ALLOWED_ORIGINS: Expected the setting CORSGUARD" in stopped.stderr
    assert '\nCORSGUARD = {\n    "allow_origins": ["https://app.example.com"],\n' in stopped.stderr


ENTRIES = [
    {"ALLOWED_ORIGINS": [APP]},
    {"ALLOWED_ORIGINS": (APP, "http://localhost:3000")},
    {"ALLOWED_ORIGINS": [APP, "https://example.com/"]},
    {"ALLOWED_ORIGINS": [APP, "HTTPS://example.com", "https://Example.com", "https://example.com:443"]},
    {"ALLOWED_ORIGINS": [APP, "https://*.example.com", "*", "null", "file://", "example.com"]},
    {"ALLOWED_ORIGINS": [APP, "http://app.example.com"]},
    {"ORIGIN_WHITELIST": [APP]},
    {"ALLOWED_ORIGINS": [APP], "ORIGIN_WHITELIST": ["https://a.example.com"]},
    {"ALLOWED_ORIGIN_REGEXES": [r"^https://.*\.example\.com$"]},
    {"ALLOWED_ORIGIN_REGEXES": [re.compile(r"https://.*\.EXAMPLE\.com", re.IGNORECASE)]},
    {"ALLOWED_ORIGIN_REGEXES": [r"^https://\w+\.example\.com$", r"^https?://app\.example\.com"]},
    {"ORIGIN_REGEX_WHITELIST": [r"^https://app\.example\.com$"]},
    {"ALLOWED_ORIGIN_REGEXES": [r"^https://.*example\.com$", r"^https://(?!x).*$"]},
    {"ALLOW_ALL_ORIGINS": True},
    {"ORIGIN_ALLOW_ALL": True},
    {"ALLOW_ALL_ORIGINS": False, "ORIGIN_ALLOW_ALL": True, "ALLOWED_ORIGINS": [APP]},
    {"ALLOWED_ORIGIN_REGEXES": [".*"]},
]


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
@pytest.mark.parametrize("credentials", [False, True])
def test_no_origin_is_allowed_that_they_did_not_allow(entry, credentials):
    with theirs(**entry, ALLOW_CREDENTIALS=credentials), override_settings(MIDDLEWARE=[THEIRS]):
        before = [origin for origin in ORIGINS if shares(origin)]
        translation = translate()
    if translation.mapping["allow_origins"] == []:
        assert "every site read the data" in notes_of(translation)
        return
    with override_settings(CORSGUARD=translation.mapping):
        after = [origin for origin in ORIGINS if shares(origin)]
    assert APP in after
    assert {*after} <= {*before}
    lost = {*before} - {*after}
    assert not lost or "left out" in notes_of(translation) or written(translation) or "null" in notes_of(translation)


@pytest.mark.parametrize(
    ("entry", "patterns", "proposed"),
    [
        ({"ALLOWED_ORIGINS": ["https://example.com/"]}, ["https://example.com"], []),
        ({"ALLOWED_ORIGINS": ["https://Example.com"]}, [], ["https://example.com"]),
        ({"ALLOWED_ORIGINS": ["example.com"]}, [], ["https://example.com"]),
        ({"ALLOWED_ORIGINS": ["https://*.example.com"]}, [], ["https://*.example.com"]),
        ({"ALLOWED_ORIGINS": APP}, [], [APP]),
        ({"ALLOWED_ORIGINS": [APP, "http://[x"]}, [APP], []),
        ({"ALLOWED_ORIGINS": [None, APP]}, [APP], []),
        ({"ALLOWED_ORIGINS": ["null", "file://"]}, [], []),
        ({"ALLOWED_ORIGIN_REGEXES": [r"^https://\w+\.example\.com$"]}, [], ["https://*.example.com"]),
    ],
)
def test_only_allowed_origins_are_listed_and_the_rest_is_a_comment(entry, patterns, proposed):
    translation = translated(**entry)
    assert translation.mapping["allow_origins"] == patterns
    assert written(translation) == proposed


@pytest.mark.parametrize("entry", [{"ALLOW_ALL_ORIGINS": True}, {"ALLOWED_ORIGIN_REGEXES": [".*"]}])
def test_everyone_with_credentials_is_refused_with_the_reason_and_what_to_write(entry):
    translation = translated(**entry, ALLOW_CREDENTIALS=True)
    assert translation.mapping["allow_origins"] == []
    assert "every site read the data of logged-in users" in notes_of(translation)
    assert 'write, for example, "https://app.example.com"' in notes_of(translation)


def test_settings_that_allow_nobody_share_nothing():
    translation = translated(ALLOWED_ORIGINS=[], ALLOW_CREDENTIALS=True)
    assert translation.mapping == {"paths": {"/": None}}


def test_their_defaults_are_written_out():
    assert (corsheaders.defaults.default_headers, corsheaders.defaults.default_methods) == (_HEADERS, _METHODS)
    assert translated(ALLOWED_ORIGINS=[APP]).mapping == {
        "allow_origins": [APP],
        "allow_methods": ["DELETE", "GET", "PATCH", "POST", "PUT"],
        "allow_headers": ["accept", "authorization", "content-type", "user-agent", "x-csrftoken", "x-requested-with"],
        "max_age": 7200,
    }


@pytest.mark.parametrize(
    ("name", "value", "keyword", "expected"),
    [
        ("ALLOW_METHODS", ("GET", "PUT"), "allow_methods", ["GET", "PUT"]),
        ("ALLOW_METHODS", "GET", "allow_methods", None),
        ("ALLOW_METHODS", ["*"], "allow_methods", "*"),
        (
            "ALLOW_HEADERS",
            (*corsheaders.defaults.default_headers, "x-a")[5:],
            "allow_headers",
            ["x-requested-with", "x-a"],
        ),
        ("ALLOW_HEADERS", ["content-type", "origin", "dnt", "accept-encoding"], "allow_headers", ["content-type"]),
        ("ALLOW_HEADERS", ["*"], "allow_headers", "*"),
        ("ALLOW_HEADERS", ["*", "authorization", "x-a"], "allow_headers", ["*", "authorization"]),
        ("EXPOSE_HEADERS", ["X-A"], "expose_headers", ["X-A"]),
        ("EXPOSE_HEADERS", "X-A", "expose_headers", None),
        ("PREFLIGHT_MAX_AGE", 600, "max_age", 600),
        ("PREFLIGHT_MAX_AGE", 0, "max_age", None),
        ("PREFLIGHT_MAX_AGE", 9000, "max_age", 7200),
        ("ALLOW_CREDENTIALS", True, "allow_credentials", True),
        ("ALLOW_CREDENTIALS", "False", "allow_credentials", None),
    ],
)
def test_a_setting_becomes_a_keyword(name, value, keyword, expected):
    mapping = translated(**{"ALLOWED_ORIGINS": [APP], name: value}).mapping
    assert mapping.get(keyword) == expected
    Policies(mapping)


def test_a_star_with_credentials_becomes_the_names():
    translation = translated(ALLOWED_ORIGINS=[APP], ALLOW_CREDENTIALS=True, ALLOW_HEADERS=["*", "x-a"])
    assert translation.mapping["allow_headers"] == ["x-a"]
    assert "A policy with credentials cannot have it" in notes_of(translation)


@pytest.mark.parametrize(
    ("expression", "prefixes"),
    [
        ("^.*$", None),
        (r"^/api/.*$", ["/api"]),
        (re.compile(r"^/(api|hooks)/"), ["/api", "/hooks"]),
        (r"^/(?!admin).*$", []),
        (r"^/v\d+/.*$", []),
    ],
)
def test_paths_become_prefixes(expression, prefixes):
    mapping = translated(ALLOWED_ORIGINS=[APP], URLS_REGEX=expression).mapping
    assert (list(mapping["paths"]) if "paths" in mapping else None) == prefixes
    Policies(mapping)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"ALLOW_PRIVATE_NETWORK": True}, "no header can grant it"),
        ({"MODEL": "shop.Origin"}, "origin source"),
        ({"REPLACE_HTTPS_REFERER": True}, "CSRF_TRUSTED_ORIGINS"),
        ({"ALLOWED_ORIGIN": [APP]}, "CORS_ALLOWED_ORIGIN: unknown to django-cors-headers"),
        ({"URLS_REGEX": r"^/(?!admin)"}, "is not read, because it looks ahead"),
        ({"URLS_REGEX": r"^/api/"}, 'is read as "/api"'),
        ({"PREFLIGHT_MAX_AGE": 9000}, "9000 is reduced to Chromium's maximum"),
        ({}, "OPTIONS is left out"),
        ({}, "204"),
    ],
)
def test_each_difference_has_a_note(more, words):
    assert words in notes_of(translated(ALLOWED_ORIGINS=[APP], **more))


def allow_partners(sender, request, **_):
    return False


def test_a_function_that_decides_is_named():
    assert "check_request_enabled" not in notes_of(translated(ALLOWED_ORIGINS=[APP]))
    corsheaders.signals.check_request_enabled.connect(allow_partners)
    try:
        told = notes_of(translated(ALLOWED_ORIGINS=[APP]))
    finally:
        corsheaders.signals.check_request_enabled.disconnect(allow_partners)
    assert f"check_request_enabled, with {allow_partners.__module__}.allow_partners" in told


def test_a_function_that_the_urlconf_connects_is_named(tmp_path, monkeypatch):
    (tmp_path / "late_urls.py").write_text(
        "from corsheaders.signals import check_request_enabled\n"
        "def allow(sender, request, **_): return False\n"
        "check_request_enabled.connect(allow)\n"
        "urlpatterns = []\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with override_settings(ROOT_URLCONF="late_urls"):
        told = notes_of(translated(ALLOW_CREDENTIALS=True))
    corsheaders.signals.check_request_enabled.disconnect(sys.modules.pop("late_urls").allow)
    assert "check_request_enabled, with late_urls.allow" in told
    assert "Only receivers of check_request_enabled allowed origins" in told


SECURITY = "django.middleware.security.SecurityMiddleware"
WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"


@pytest.mark.parametrize(
    ("listed", "redirects", "named"),
    [
        ([SECURITY, WHITENOISE, THEIRS, "a.B"], False, WHITENOISE),
        ([SECURITY, "a.B", THEIRS], True, f"{SECURITY}, a.B"),
        ([SECURITY, "django.contrib.sessions.middleware.SessionMiddleware", THEIRS, "a.B"], False, ""),
        ([THEIRS, "a.B"], False, ""),
        # Without it, nothing came before it.
        (["a.B"], False, ""),
    ],
)
def test_what_answered_before_their_middleware_is_named(listed, redirects, named):
    with override_settings(MIDDLEWARE=listed, SECURE_SSL_REDIRECT=redirects):
        told = notes_of(translated(ALLOWED_ORIGINS=[APP]))
    assert ("came before django-cors-headers" in told) is bool(named)
    assert not named or f"{named} came before django-cors-headers. Now the guard is first" in told


@pytest.mark.parametrize(
    ("routes", "told"),
    [
        ([path("api", view)], '"/api" also covers /api, where'),
        ([re_path("^(?P<page>[a-z]+)$", view)], '"/api" also covers /api, where'),
        ([path("<str:page>", view)], '"/api" also covers /api, where'),
        ([path("", include([path("api", view), path("api/x", view)]))], '"/api" also covers /api, where'),
        ([path("other", view)], ""),
        ([path("api/x", view)], ""),
        ([re_path("^api/(?!x)", view)], ""),
    ],
)
def test_the_urlconf_says_what_a_prefix_opens(routes, told):
    urlconf = ModuleType("urlconf")
    urlconf.urlpatterns = routes
    with override_settings(ROOT_URLCONF=urlconf):
        translation = translated(ALLOWED_ORIGINS=[APP], URLS_REGEX=r"^/api/.*$")
    assert (translation.mapping["paths"] == {}) is bool(told)
    assert told in notes_of(translation)


def test_without_a_urlconf_it_is_unknown_what_is_served():
    with override_settings(ROOT_URLCONF="tests.missing"):
        assert translated(ALLOWED_ORIGINS=[APP], URLS_REGEX=r"^/api/.*$").mapping == {"paths": {}}


@pytest.mark.parametrize(
    ("listed", "moved"),
    [
        ([THEIRS, "a.B"], [GUARD, "a.B"]),
        (["a.B", THEIRS], [GUARD, "a.B"]),
        (["a.B"], [GUARD, "a.B"]),
        (["a.B", GUARD], [GUARD, "a.B"]),
        ([THEIRS, GUARD, "a.B"], [GUARD, "a.B"]),
        ([GUARD, "a.B"], [GUARD, "a.B"]),
        ([THEIRS, "a.B", "corsheaders.middleware.CorsPostCsrfMiddleware"], [GUARD, "a.B"]),
    ],
)
def test_the_printed_code_changes_middleware_and_apps(listed, moved):
    apps = ["corsheaders", "django.contrib.auth"]
    scope = {"MIDDLEWARE": listed, "INSTALLED_APPS": apps}
    with theirs(ALLOWED_ORIGINS=[APP]), override_settings(MIDDLEWARE=listed):
        # Not by override_settings, which would load the applications.
        settings.INSTALLED_APPS, installed = apps, settings.INSTALLED_APPS
        try:
            exec(str(translate()), scope)
        finally:
            settings.INSTALLED_APPS = installed
    assert [*scope["MIDDLEWARE"]] == moved
    assert scope["INSTALLED_APPS"] == ["corsguard_django", "django.contrib.auth"]


def test_the_printed_code_says_the_same_as_the_data():
    translation = translated(
        ALLOWED_ORIGINS=[APP, 'https://"\n\\'],
        ALLOWED_ORIGIN_REGEXES=[r"^https://\w+\.example\.com$", 'a"\nimport os; os.abort()'],
        URLS_REGEX=r"^/(api|hooks)/.*$",
        EXPOSE_HEADERS=["X-A"],
    )
    scope = {}
    exec(str(translation), scope)
    assert scope["CORSGUARD"] == translation.mapping
    assert max(map(len, str(translation).splitlines())) <= 120


def test_a_preflight_is_granted_as_before():
    with theirs(ALLOWED_ORIGINS=[APP], ALLOW_CREDENTIALS=True), override_settings(MIDDLEWARE=[THEIRS]):
        before = preflight(send_sync, "/api/hello").headers
        mapping = translate().mapping
    with override_settings(CORSGUARD=mapping):
        after = preflight(send_sync, "/api/hello").headers
    for name in ("origin", "credentials", "headers"):
        assert after[f"access-control-allow-{name}"] == before[f"access-control-allow-{name}"]
    methods = [*filter(lambda name: name != "OPTIONS", before["access-control-allow-methods"].split(", "))]
    assert after["access-control-allow-methods"].split(", ") == methods


def test_a_star_in_the_list_did_not_mean_everyone():
    """
    The note says how everyone is written.
    """
    translation = translated(ALLOWED_ORIGINS=["*"])
    assert translation.mapping["allow_origins"] == []
    assert 'write "*" instead of the list, without credentials.' in notes_of(translation)
