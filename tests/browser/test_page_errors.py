"""
The error that a page gets: the step that refused, the answer that it refused, and whether anything was sent.
"""

import pytest
from kit.pages import API, APP, SHARED, USER, Server, opened, refused

from corsguard.browser import NetworkError, Unreachable

MAIN, CHECK, PREFLIGHT, REDIRECT = (
    f'Fetch, "{name}"' for name in ("main fetch", "CORS check", "CORS-preflight fetch", "HTTP-redirect fetch")
)
PUT = {"method": "PUT"}
METHODS, HEADERS = "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"


@pytest.mark.parametrize(
    ("url", "init", "reason", "step", "value"),
    [
        ("/", {"method": "TRACE"}, "forbidden_method", 'Fetch, "new Request()", forbidden method', "TRACE"),
        ("//api.example.com:22/", {}, "bad_port", 'Fetch, "block bad port"', "22"),
        (
            "http://api.example.com/a#b",
            {},
            "mixed_content",
            'Mixed Content, "should fetching request be blocked"',
            "http://api.example.com/a",
        ),
        (f"{API}/", {"mode": "same-origin"}, "same_origin_mode", f'{MAIN}, mode "same-origin"', API),
        (
            f"{API}/",
            {"mode": "no-cors", "redirect": "error"},
            "no_cors_redirect_mode",
            f'{MAIN}, mode "no-cors"',
            "error",
        ),
        ("ftp://api.example.com/", {}, "bad_scheme", f"{MAIN}, HTTP(S) scheme", "ftp"),
    ],
)
def test_a_refusal_before_sending_names_its_step(url, init, reason, step, value):
    failure = refused(Server(*SHARED), url, **init).failure
    assert (failure.code, failure.clause, failure.value) == (reason, step, value)
    assert (failure.mode, failure.exchange, failure.is_preflight) == (init.get("mode", "cors"), None, False)


@pytest.mark.parametrize(
    ("answer", "init", "reason", "step", "value"),
    [
        ((200, ("Access-Control-Allow-Origin", API)), {}, "allow_origin_mismatch", f"{CHECK}, step 4", API),
        ((200,), PUT, "preflight_missing_allow_origin", f"{CHECK}, step 2", None),
        (
            (200, ("Access-Control-Allow-Origin", APP)),
            {"credentials": "include"},
            "allow_credentials_not_true",
            f"{CHECK}, step 8",
            None,
        ),
        (
            (200, ("Access-Control-Allow-Origin", APP), ("Access-Control-Allow-Credentials", "false")),
            {"credentials": "include"},
            "allow_credentials_not_true",
            f"{CHECK}, step 8",
            "false",
        ),
        ((404, *SHARED), PUT, "preflight_status", f"{PREFLIGHT}, ok status", "404"),
        ((302, *SHARED, ("Location", "/b")), PUT, "preflight_redirect", f"{PREFLIGHT}, ok status", "/b"),
        ((200, *SHARED, (METHODS, "a b")), PUT, "allow_methods_unparsable", f"{PREFLIGHT}, methods", "a b"),
        ((200, *SHARED, (HEADERS, "a b")), PUT, "allow_headers_unparsable", f"{PREFLIGHT}, headerNames", "a b"),
        ((200, *SHARED), PUT, "method_not_allowed", f"{PREFLIGHT}, methods", "PUT"),
        ((200, *SHARED), {"headers": {"X-Y": "1"}}, "header_not_allowed", f"{PREFLIGHT}, headerNames", "x-y"),
        (
            (302, *SHARED, ("Location", "/b")),
            {"redirect": "error"},
            "redirect_mode_error",
            'Fetch, "HTTP fetch", redirect mode "error"',
            "/b",
        ),
        ((302, *SHARED, ("Location", "http://[")), {}, "redirect_unparsable", REDIRECT, "http://["),
        ((302, *SHARED, ("Location", "ftp://a.b/")), {}, "redirect_bad_scheme", REDIRECT, "ftp://a.b/"),
        ((302, *SHARED, ("Location", "/")), {}, "too_many_redirects", REDIRECT, "/"),
        ((302, *SHARED, ("Location", f"{USER}a.b/")), {}, "redirect_userinfo", REDIRECT, f"{USER}a.b/"),
        (
            (200, ("Cross-Origin-Resource-Policy", "same-origin")),
            {"mode": "no-cors"},
            "corp",
            'Fetch, "cross-origin resource policy internal check"',
            "same-origin",
        ),
    ],
)
def test_a_refused_answer_is_named_with_its_step(answer, init, reason, step, value):
    status, *lines = answer
    error = refused(Server(*lines, status=status), **init)
    failure = error.failure
    assert (failure.code, failure.clause, failure.value) == (reason, step, value)
    assert failure.exchange is error.exchanges[-1]
    assert failure.exchange.response is not None
    assert failure.is_preflight == (failure.exchange.request.method == "OPTIONS")
    assert failure.mode == init.get("mode", "cors")


def test_a_stream_that_would_be_sent_twice_names_its_target():
    error = refused(Server(*SHARED, ("Location", "/new"), status=307), "/upload", method="POST", body=[b"a"])
    assert (error.step, error.failure.value, error.failure.exchange) == (REDIRECT, "/new", error.exchanges[-1])


def test_a_network_error_has_all_details():
    server = Server(("Content-Type", "text/plain"))
    page = opened(server)
    with pytest.raises(NetworkError) as error:
        page.fetch(f"{API}/items", headers={"X-Token": "1"})
    told = error.value
    assert told.reason == "preflight_missing_allow_origin"
    assert told.step == 'Fetch, "CORS check", step 2'
    assert told.failure.sent_origin == APP
    assert told.chromium in page.console
    assert [note.kind for note in page.console] == ["failure"]
    assert told.exchanges == tuple(page.network)
    assert [exchange.is_preflight for exchange in told.exchanges] == [True]
    for part in (told.step, told.chromium, told.firefox, str(told.fix), *told.notes):
        assert part
        assert part in str(told)


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (Unreachable("refused"), "unreachable"),
        (Unreachable("expired", tls=True), "tls"),
        (Unreachable("wanted", tls=True, wants_certificate=True), "tls_client_certificate"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_missing_answer_is_distinguished_from_a_refusal(cause, reason, method):
    def server(request):
        raise cause

    error = refused(server, method=method)
    assert error.reason == reason
    assert error.step == 'Fetch, "HTTP-network fetch"'
    assert error.failure.exchange is error.exchanges[-1]
    assert error.exchanges[-1].response is None
    assert error.exchanges[-1].with_credentials is False
    assert error.failure.is_preflight is (method == "PUT")
    assert cause.cause in str(error)


@pytest.mark.parametrize(
    ("page", "url", "reason"),
    [
        (APP, "http://api.example.com/", "mixed_content"),
        (APP, "https://api.example.com:22/", "bad_port"),
        (APP, "https://api.example.com:6000/", "bad_port"),
        (APP, "ftp://api.example.com/", "bad_scheme"),
        (APP, "localhost:8000/x", "bad_scheme"),
    ],
)
def test_these_requests_are_never_sent(page, url, reason):
    server = Server(*SHARED)
    assert refused(server, url, page).reason == reason
    assert server.requests == []


def test_a_page_from_loopback_may_fetch_by_plain_http():
    assert opened(Server(*SHARED), "http://localhost:3000").fetch("http://api.example.com/").status == 200


@pytest.mark.parametrize("url", ["http://localhost:8000/", "http://127.0.0.1/", "http://[::1]:3000/", "https://a.b/"])
def test_loopback_is_not_mixed_content(url):
    assert opened(Server(*SHARED)).fetch(url).status == 200


def test_a_less_public_network_needs_the_permission_of_the_user():
    page = opened(Server(*SHARED))
    for url in ("https://192.168.0.1/", "https://printer.local/", "http://127.0.0.1/", "https://[fd00::1]/"):
        page.fetch(url)
        note = page.console.pop()
        assert note.startswith(f"{url} is in a less public network than the page")
        assert note.kind == "network"
    page.fetch("https://1.1.1.1/")
    assert page.console == []
    local = opened(Server(*SHARED), "http://192.168.0.7")
    local.fetch("http://192.168.0.1/")
    assert local.console == []
