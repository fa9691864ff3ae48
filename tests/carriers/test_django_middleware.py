"""
The Django middleware: a page on another origin can read what the policy shares, whatever Django does to the response.

Each test runs through Django's whole handler, once synchronous and once asynchronous.
"""

import logging
import threading
from wsgiref.validate import validator

import pytest
from django.contrib.staticfiles.finders import get_finder
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.test import override_settings
from kit.adapters import environ_of, serve
from kit.cases import Request
from kit.django_sending import APP, EVIL, PREFLIGHT_VARY, environ, preflight, send_async, send_sync
from kit.django_urls import BODY

GUARD = "corsguard_django.middleware.CORSMiddleware"
FILES = "django.contrib.staticfiles.finders.FileSystemFinder"
LISTED = {
    "allow_origins": [APP],
    "allow_methods": ["GET", "PUT"],
    "allow_headers": ["Content-Type", "X-Request-Id"],
    "expose_headers": ["X-Method"],
    "allow_credentials": True,
}
SHARED = {
    "access-control-allow-origin": APP,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "X-Method",
    "vary": "Origin",
}
GRANTED = {
    "access-control-allow-origin": APP,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, PUT",
    "access-control-allow-headers": "Content-Type, X-Request-Id",
    "access-control-max-age": "7200",
    "vary": PREFLIGHT_VARY,
}
NOT_SHARED = {"vary": "Origin"}


@pytest.fixture(params=[send_sync, send_async], ids=["sync", "async"])
def send(request):
    return request.param


@pytest.fixture(autouse=True)
def listed():
    with override_settings(CORSGUARD=LISTED):
        yield


def inside(*layers):
    return override_settings(MIDDLEWARE=[GUARD, *layers])


@pytest.mark.parametrize("path", ["/api/hello", "/api/async-hello"])
def test_a_response_is_shared_with_an_allowed_origin(send, path):
    answer = send("GET", path, APP)
    assert (answer.status, answer.of_cors, answer.body) == (200, SHARED, BODY)


@pytest.mark.parametrize("path", ["/api/hello", "/api/async-hello"])
def test_a_response_to_a_refused_origin_is_whole_and_not_shared(send, path):
    answer = send("GET", path, EVIL)
    assert (answer.status, answer.of_cors, answer.body) == (200, NOT_SHARED, BODY)


def test_a_response_without_origin_has_vary_origin(send):
    assert send("GET", "/api/hello").of_cors == NOT_SHARED


@override_settings(CORSGUARD={"allow_origins": "*"})
def test_a_policy_for_everyone_has_no_vary(send):
    assert send("GET", "/api/hello").of_cors == {"access-control-allow-origin": "*"}


def test_a_preflight_is_answered_by_the_guard(send):
    answer = preflight(send, "/api/hello")
    assert (answer.status, answer.headers, answer.body) == (204, GRANTED, b"")


@override_settings(CORSGUARD={**LISTED, "preflight_status": 200})
def test_a_preflight_with_status_200_is_empty_text(send):
    answer = preflight(send, "/api/hello")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers == {**GRANTED, "content-type": "text/plain", "content-length": "0"}


def test_a_refused_preflight_is_403_with_a_short_text(send):
    answer = preflight(send, "/api/hello", EVIL)
    assert (answer.status, answer.of_cors) == (403, {"vary": PREFLIGHT_VARY})
    assert answer.headers["content-type"] == "text/plain"
    assert answer.headers["content-length"] == str(len(answer.body))


def test_a_preflight_for_an_unknown_url_is_answered(send):
    assert preflight(send, "/nowhere").status == 204


@pytest.mark.parametrize("headers", [{}, {"origin": APP}, {"access_control_request_method": "PUT"}])
def test_other_options_requests_reach_the_view(send, headers):
    answer = send("OPTIONS", "/api/hello", **headers)
    assert (answer.status, answer.headers["x-method"]) == (200, "OPTIONS")
    assert answer.of_cors == (SHARED if "origin" in headers else NOT_SHARED)


def test_head_is_shared_as_get_is(send):
    answer = send("HEAD", "/api/hello", APP)
    assert (answer.status, answer.of_cors, answer.body) == (200, SHARED, b"")


@pytest.mark.parametrize(("sender", "path"), [(send_sync, "/api/stream"), (send_async, "/api/async-stream")])
def test_a_stream_is_shared_and_stays_a_stream(sender, path):
    answer = sender("GET", path, APP)
    assert (answer.status, answer.of_cors, answer.body) == (200, SHARED, b"one two")
    assert "content-length" not in answer.headers


def test_a_file_is_shared():
    answer = send_sync("GET", "/api/file", APP)
    assert (answer.status, answer.of_cors) == (200, SHARED)
    assert b"def file(request)" in answer.body


# Responses that no view made.


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nowhere", 404),
        ("/api/missing", 404),
        ("/api/denied", 403),
        ("/api/crash", 500),
        ("/api/async-crash", 500),
    ],
)
def test_errors_are_shared(send, path, status, debug):
    with override_settings(DEBUG=debug):
        answer = send("GET", path, APP)
    assert (answer.status, answer.of_cors) == (status, SHARED)


@pytest.mark.parametrize("debug", [True, False])
def test_the_500_of_an_inner_layer_is_shared(send, debug):
    with inside("kit.django_urls.crashing"), override_settings(DEBUG=debug):
        answer = send("GET", "/api/hello", APP)
    assert (answer.status, answer.of_cors) == (500, SHARED)


@inside("kit.django_urls.unauthorized")
def test_the_401_of_an_inner_layer_is_shared(send):
    answer = send("GET", "/api/hello", APP)
    assert (answer.status, answer.of_cors) == (401, SHARED)


@inside("kit.django_urls.unauthorized")
def test_a_preflight_needs_no_authorization(send):
    assert preflight(send, "/api/hello").status == 204


@inside("django.middleware.common.CommonMiddleware")
def test_the_redirect_to_a_slash_is_shared(send):
    answer = send("GET", "/api/slash", APP)
    assert (answer.status, answer.headers["location"]) == (301, "/api/slash/")
    assert answer.of_cors == SHARED


@inside("django.middleware.common.CommonMiddleware")
def test_a_preflight_is_not_redirected_to_a_slash(send):
    assert preflight(send, "/api/slash").status == 204


@inside("django.middleware.common.CommonMiddleware")
def test_the_400_for_a_wrong_host_is_shared(send):
    answer = send("GET", "/api/hello", APP, host="wrong.example")
    assert (answer.status, answer.of_cors) == (400, SHARED)


@inside("django.middleware.gzip.GZipMiddleware")
def test_a_compressed_response_varies_by_both(send):
    answer = send("GET", "/api/hello", APP, accept_encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.of_cors == {**SHARED, "vary": "Accept-Encoding, Origin"}


@inside("django.middleware.http.ConditionalGetMiddleware")
def test_a_304_is_shared(send):
    tag = send("GET", "/api/hello", APP).headers["etag"]
    answer = send("GET", "/api/hello", APP, if_none_match=tag)
    assert (answer.status, answer.of_cors, answer.body) == (304, SHARED, b"")


@inside("django.middleware.csrf.CsrfViewMiddleware")
def test_the_403_of_the_csrf_protection_is_shared(send):
    answer = send("POST", "/api/hello", APP, enforce_csrf_checks=True)
    assert (answer.status, answer.of_cors) == (403, SHARED)


@inside("django.middleware.csrf.CsrfViewMiddleware")
def test_a_preflight_needs_no_csrf_token(send):
    assert preflight(lambda *a, **k: send(*a, **k, enforce_csrf_checks=True), "/api/hello", method="POST").status == 204


def test_headers_of_the_application_are_replaced_or_removed(send):
    query = "Access-Control-Allow-Origin=*&access-control-allow-methods=PUT&ACCESS-CONTROL-EXPOSE-HEADERS=Age&Age=1"
    answer = send("GET", f"/api/headers?{query}", APP)
    assert answer.of_cors == SHARED
    assert answer.headers["age"] == "1"


def test_headers_of_the_application_never_reach_a_refused_origin(send):
    assert send("GET", "/api/headers?Access-Control-Allow-Origin=*", EVIL).of_cors == NOT_SHARED


@pytest.mark.parametrize(
    ("theirs", "merged"),
    [
        ("Cookie", "Cookie, Origin"),
        ("origin,Cookie", "origin, Cookie"),
        ("Accept, *", "*"),
        ("", "Origin"),
    ],
)
@pytest.mark.parametrize("name", ["Vary", "vary"])
def test_vary_is_merged(send, name, theirs, merged):
    assert send("GET", f"/api/headers?{name}={theirs}").of_cors == {"vary": merged}


@override_settings(CORSGUARD={"allow_origins": "*"})
def test_vary_of_the_application_stays_under_a_policy_for_everyone(send):
    assert send("GET", "/api/headers?Vary=Cookie").of_cors == {"access-control-allow-origin": "*", "vary": "Cookie"}


def test_a_second_layer_of_cors_is_logged_once(caplog):
    handler = WSGIHandler()
    for _ in range(2):
        assert serve(handler, environ("/api/headers", QUERY_STRING="Access-Control-Allow-Origin=*"))[0] == 200
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("corsguard", logging.WARNING)
    assert "'Access-Control-Allow-Origin'" in record.getMessage()
    assert "'/api/headers'" in record.getMessage()


@override_settings(MIDDLEWARE=[GUARD, GUARD])
def test_a_guard_that_is_listed_twice_works_like_one(send):
    assert send("GET", "/api/hello", APP).of_cors == SHARED
    assert send("GET", "/api/hello", EVIL).of_cors == NOT_SHARED
    assert preflight(send, "/api/hello").headers == GRANTED


@inside("kit.django_urls.rewriting")
def test_the_decision_uses_the_request_as_it_came_in(send):
    with override_settings(CORSGUARD={"paths": {"/other": LISTED}}):
        answer = send("GET", "/other", APP)
    assert (answer.status, answer.of_cors, answer.body) == (200, SHARED, BODY)


BY_PATH = {
    "paths": {"/api": LISTED, "/api/hello": {"allow_origins": "*"}, "/admin": None, "/": {"allow_origins": [EVIL]}}
}


@pytest.mark.parametrize(
    ("path", "shared"),
    [
        ("/api/slash/", SHARED),
        ("/api/hello", {"access-control-allow-origin": "*"}),
        ("/other", NOT_SHARED),
        ("/admin/hello", {}),
        ("/api/./slash/", SHARED),
        # A path that leads to two policies has neither. One of them is a list, so caches need Vary.
        ("/api/../admin", NOT_SHARED),
    ],
)
@override_settings(CORSGUARD=BY_PATH)
def test_the_longest_prefix_decides_which_policy_guards(send, path, shared):
    assert send("GET", path, APP).of_cors == shared


@override_settings(CORSGUARD=BY_PATH)
def test_a_preflight_takes_the_policy_of_its_path(send):
    assert preflight(send, "/api/slash/").headers == GRANTED
    assert preflight(send, "/other").status == 403


@override_settings(CORSGUARD=BY_PATH)
def test_a_closed_path_shares_nothing_and_its_preflights_reach_the_view(send):
    assert send("GET", "/admin/hello", APP).of_cors == {}
    answer = preflight(send, "/admin/hello")
    assert (answer.status, answer.headers["x-method"], answer.of_cors) == (200, "OPTIONS", {})


@pytest.mark.parametrize(
    ("guarded", "own"),
    [(None, {"vary": "Cookie"}), ("unguarded", {"access-control-allow-origin": "*", "vary": "Cookie"})],
)
def test_a_closed_path_removes_headers_of_the_view_and_an_unguarded_one_keeps_them(send, caplog, guarded, own):
    with override_settings(CORSGUARD={"paths": {"/": LISTED, "/api/headers": guarded}}):
        answer = send("GET", "/api/headers?Access-Control-Allow-Origin=*&Vary=Cookie", APP)
    assert answer.of_cors == own
    assert [record.cors_event.reason for record in caplog.records] == ([] if guarded else ["two-layers"])


@override_settings(CORSGUARD=BY_PATH)
def test_a_path_that_can_be_read_in_several_ways_is_logged_once(send, caplog):
    with caplog.at_level(logging.INFO, "corsguard"):
        for _ in range(2):
            send("GET", "/api/../admin", APP)
            preflight(send, "/api/../admin")
    assert [record.cors_event.reason for record in caplog.records if record.name == "corsguard"] == ["odd-path"]


@override_settings(CORSGUARD=BY_PATH)
def test_a_path_is_matched_after_decoding():
    assert send_sync("GET", "/%61pi/slash/", APP).of_cors == SHARED
    assert send_sync("GET", "/%2561pi/slash/", APP).of_cors == NOT_SHARED


def test_a_refused_preflight_is_logged_by_corsguard_and_not_by_django(send, caplog):
    with caplog.at_level(logging.INFO):
        assert preflight(send, "/api/hello", EVIL).status == 403
    assert [(r.name, r.levelno) for r in caplog.records if r.name != "asyncio"] == [("corsguard", logging.INFO)]


def test_an_allowed_request_is_not_logged(send, caplog):
    with caplog.at_level(logging.INFO):
        preflight(send, "/api/hello")
        send("GET", "/api/hello", APP)
    assert [r for r in caplog.records if r.name != "asyncio"] == []


@inside("kit.django_urls.unauthorized")
def test_other_errors_are_logged_by_django(send, caplog):
    assert send("GET", "/api/hello", EVIL).status == 401
    assert {r.name for r in caplog.records} == {"django.request"}


class Store:
    """
    An origin source that asks the database.
    """

    def __init__(self):
        self.asked = []

    def __contains__(self, origin):
        self.asked.append((origin, threading.current_thread()))
        try:
            with connection.cursor() as cursor:
                return cursor.execute("SELECT %s = %s", [origin, APP]).fetchone() == (1,)
        finally:
            connection.close()


@pytest.mark.parametrize("path", ["/api/hello", "/api/async-hello"])
def test_an_origin_source_may_use_the_database(send, path):
    store = Store()
    with override_settings(CORSGUARD={"allow_origins": store}):
        assert send("GET", path, APP).of_cors == {"access-control-allow-origin": APP, "vary": "Origin"}
        assert send("GET", path, EVIL).of_cors == NOT_SHARED
        assert preflight(send, path).status == 204
        assert preflight(send, path, EVIL).status == 403
    assert [origin for origin, _ in store.asked] == [APP, EVIL, APP, EVIL]
    # Both senders run in the main thread. So does the event loop of the asynchronous one.
    assert {thread is threading.main_thread() for _, thread in store.asked} == {send is send_sync}


def test_a_request_without_origin_asks_no_source(send):
    store = Store()
    with override_settings(CORSGUARD={"allow_origins": store}):
        assert send("GET", "/api/hello").of_cors == NOT_SHARED
    assert store.asked == []


class BrokenStore:
    def __contains__(self, origin):
        raise ConnectionError("the store is gone")


@override_settings(CORSGUARD={"allow_origins": BrokenStore()})
def test_a_source_that_fails_shares_nothing_and_is_recorded(send, caplog):
    answer = send("GET", "/api/hello", APP)
    assert (answer.status, answer.of_cors) == (200, NOT_SHARED)
    assert preflight(send, "/api/hello").status == 403
    # All handlers of the process have one journal, which writes about one policy once a minute.
    assert [(r.name, r.levelno, r.exc_info[0]) for r in caplog.records] == [
        ("corsguard", logging.ERROR, ConnectionError)
    ]


@pytest.mark.parametrize("path", ["/api/hello", "/api/stream", "/api/file", "/api/crash", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_response_to_the_server_is_valid_wsgi(path, method):
    _, headers, _ = serve(validator(WSGIHandler()), environ(path, REQUEST_METHOD=method))
    assert ("Access-Control-Allow-Origin", APP) in headers


@pytest.mark.parametrize(("origin", "status"), [(APP, 204), (EVIL, 403)])
def test_an_answer_to_a_preflight_is_valid_wsgi(origin, status):
    asked = {"REQUEST_METHOD": "OPTIONS", "HTTP_ORIGIN": origin, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
    assert serve(validator(WSGIHandler()), environ("/api/hello", **asked))[0] == status


def test_static_files_under_runserver_are_answered_before_all_middleware(tmp_path):
    """
    The README says this about `runserver`.
    """
    (tmp_path / "font.woff2").write_bytes(b"font")
    asked = environ_of(Request("GET", {"Origin": APP}), "/static/font.woff2")
    files = {"STATIC_URL": "/static/", "STATICFILES_DIRS": [tmp_path], "STATICFILES_FINDERS": [FILES], "DEBUG": True}
    # Django caches the files that it found.
    get_finder.cache_clear()
    with override_settings(CORSGUARD=LISTED, MIDDLEWARE=[GUARD], **files):
        status, headers, body = serve(StaticFilesHandler(WSGIHandler()), asked)
    get_finder.cache_clear()
    assert (status, body) == (200, b"font")
    assert not {name.lower() for name, _ in headers} & {"vary", "access-control-allow-origin"}
