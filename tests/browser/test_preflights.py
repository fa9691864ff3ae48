"""
The CORS-preflight cache alone, and when a fetch uses it.
"""

import pytest

from corsguard.browser import Browser, NetworkError, WireResponse
from corsguard.browser.preflights import CacheKey, PreflightCache

APP = "https://app.example.com"
API = "https://api.example.com"
KEY = CacheKey("https://example.com", APP, f"{API}/")


class Cache:
    """
    A cache with a clock. It is about methods unless *is_header*, and without credentials unless *credentials*.
    """

    def __init__(self):
        self.now = 0.0
        self.cache = PreflightCache(lambda: self.now, 1000)

    def store(self, *names, age, is_header=False, credentials=False):
        names = ((), names) if is_header else (names, ())
        self.cache.store(KEY, *names, age, with_credentials=credentials)

    def has(self, name, *, is_header=False, credentials=False):
        return self.cache.has(KEY, name, is_header=is_header, with_credentials=credentials)


def test_methods_are_compared_with_case_and_headers_without():
    cache = Cache()
    cache.store("Chicken", age=5)
    cache.store("X-Token", age=5, is_header=True)
    assert [cache.has(name) for name in ("Chicken", "chicken", "CHICKEN", "X-Token")] == [True, False, False, False]
    names = ("X-Token", "x-token", "X-TOKEN", "Chicken")
    assert [cache.has(name, is_header=True) for name in names] == [True, True, True, False]


def test_a_wildcard_covers_all_methods_and_all_headers_but_one():
    cache = Cache()
    cache.store("*", age=5)
    assert cache.has("Chicken")
    assert not cache.has("x-token", is_header=True)
    cache.store("*", age=5, is_header=True)
    assert cache.has("X-Token", is_header=True)
    assert not cache.has("Authorization", is_header=True)
    cache.store("authorization", age=5, is_header=True)
    assert cache.has("Authorization", is_header=True)


@pytest.mark.parametrize("is_header", [False, True])
def test_a_permission_lasts_until_it_expires(is_header):
    cache = Cache()
    cache.store("PUT", age=10, is_header=is_header)
    cache.now = 5
    cache.store("DELETE", age=10, is_header=is_header)
    assert cache.has("PUT", is_header=is_header)
    assert cache.has("DELETE", is_header=is_header)
    cache.now = 10
    assert not cache.has("PUT", is_header=is_header)
    assert cache.has("DELETE", is_header=is_header)


@pytest.mark.parametrize("is_header", [False, True])
@pytest.mark.parametrize("credentials", [False, True])
def test_a_new_answer_changes_the_age_of_an_entry_and_not_its_start(is_header, credentials):
    cache, kind = Cache(), {"is_header": is_header, "credentials": credentials}
    cache.store("PUT", age=10, **kind)
    cache.now = 5
    cache.store("PUT", age=100, **kind)
    cache.now = 99
    assert cache.has("PUT", **kind)
    cache.store("PUT", age=10, **kind)
    assert not cache.has("PUT", **kind)


def test_a_permission_with_credentials_holds_without_them():
    cache = Cache()
    cache.store("PUT", age=5)
    assert not cache.has("PUT", credentials=True)
    cache.store("PUT", age=5, credentials=True)
    assert cache.has("PUT", credentials=True)
    other = Cache()
    other.store("PUT", age=5, credentials=True)
    assert other.has("PUT")


def test_only_as_much_of_a_list_is_remembered_as_a_page_can_ask_for():
    cache = Cache()
    cache.store(*(f"M{number}" for number in range(300)), age=5)
    assert (cache.has("M255"), cache.has("M256")) == (True, False)


# How a fetch uses the cache.


class Server:
    """
    A transport that answers every request with *headers*, unless *refuses*, and records the methods.
    """

    def __init__(self, *headers):
        self.headers = headers
        self.now = 0.0
        self.refuses = False
        self.methods = []

    def __call__(self, request):
        self.methods.append(request.method)
        return WireResponse(200, () if self.refuses else self.headers)


PERMITTED = (
    ("Access-Control-Allow-Origin", APP),
    ("Access-Control-Allow-Credentials", "true"),
    ("Access-Control-Allow-Methods", "PUT"),
    ("Access-Control-Allow-Headers", "X-Token"),
)
# The same, but what an upload listener asks for is on no list.
NAMELESS = (PERMITTED[0], PERMITTED[3])


@pytest.mark.parametrize(
    ("headers", "fetches", "methods"),
    [
        (PERMITTED, [{"headers": {"X-Token": "1"}}] * 2, ["OPTIONS", "GET", "GET"]),
        (PERMITTED, [{"method": "PUT"}] * 2, ["OPTIONS", "PUT", "PUT"]),
        (PERMITTED, [{"method": "PUT", "credentials": "include"}] * 2, ["OPTIONS", "PUT", "PUT"]),
        (PERMITTED, [{"method": "PUT"}, {"headers": {"X-Token": "1"}}], ["OPTIONS", "PUT", "GET"]),
        (NAMELESS, [{"method": "POST", "upload_listener": True}] * 2, ["OPTIONS", "POST", "POST"]),
        (
            NAMELESS,
            [{"headers": {"X-Token": "1"}}, {"upload_listener": True}],
            ["OPTIONS", "GET", "OPTIONS", "GET"],
        ),
        (
            PERMITTED,
            [{"headers": {"X-Token": "1"}}, {"headers": {"X-Token": "1"}, "credentials": "include"}],
            ["OPTIONS", "GET", "OPTIONS", "GET"],
        ),
        (
            PERMITTED,
            [{"headers": {"X-Token": "1"}, "credentials": "include"}, {"headers": {"X-Token": "1"}}],
            ["OPTIONS", "GET", "GET"],
        ),
    ],
)
def test_a_permitted_request_has_no_second_preflight(headers, fetches, methods):
    server = Server(*headers)
    page = Browser(server).open(APP)
    for fetch in fetches:
        page.fetch(f"{API}/", **fetch)
    assert server.methods == methods


def test_a_refusal_removes_the_permissions_of_that_url_only():
    server = Server(*PERMITTED)
    page = Browser(server).open(APP)
    for url in (f"{API}/a", f"{API}/b"):
        page.fetch(url, method="PUT")
    server.refuses = True
    with pytest.raises(NetworkError):
        page.fetch(f"{API}/a", method="PUT")
    # A request without a preflight does not touch the cache.
    with pytest.raises(NetworkError):
        page.fetch(f"{API}/b")
    server.refuses, server.methods = False, []
    page.fetch(f"{API}/a", method="PUT")
    page.fetch(f"{API}/b", method="PUT")
    assert server.methods == ["OPTIONS", "PUT", "PUT"]


@pytest.mark.parametrize(
    ("lines", "asked_again_after"),
    [([], 5), (["7"], 7), (["0"], 0), (["-1"], 0), (["soon"], 5), (["7", "7"], 5), (["99999"], 7200)],
)
def test_a_permission_lasts_as_long_as_max_age_and_the_browser_allow(lines, asked_again_after):
    server = Server(*PERMITTED, *(("Access-Control-Max-Age", value) for value in lines))
    page = Browser(server, clock=lambda: server.now).open(APP)
    for now in (0, max(asked_again_after - 1, 0), asked_again_after):
        server.now, server.methods = now, []
        page.fetch(f"{API}/", method="PUT")
        assert server.methods == (["PUT"] if 0 < now < asked_again_after else ["OPTIONS", "PUT"])
