"""
What a browser remembers from one fetch to the next: hosts with HSTS, preflights and cookies.
"""

import pytest
from kit.pages import API, APP, SHARED, Server, opened

from corsguard.browser import Browser, NetworkError


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


def test_a_host_with_hsts_is_asked_by_https():
    clock, lines = Clock(), [("Strict-Transport-Security", 'max-age="60"; includeSubDomains')]
    server = Server(*SHARED, *lines)
    page = Browser(server, clock=clock).open("http://app.example.org")
    page.fetch("https://example.com/")
    for url, upgraded in {
        "http://example.com/a": "https://example.com/a",
        "http://example.com:80/": "https://example.com/",
        "http://sub.example.com:8080/": "https://sub.example.com:8080/",
        "http://example.com/a:443?http://b.c": "https://example.com/a:443?http://b.c",
        "http://notexample.com/": "http://notexample.com/",
    }.items():
        page.fetch(url)
        assert server.requests[-1].url == upgraded
    assert any("was upgraded to https" in line for line in page.console)
    assert {note.kind for note in page.console} == {"redirect"}
    clock.now += 60
    page.fetch("http://sub.example.com/")
    assert server.requests[-1].url == "http://sub.example.com/"


@pytest.mark.parametrize(
    ("url", "value"),
    [
        ("http://example.com/", "max-age=60"),
        ("https://example.com/", "max-age=-1"),
        ("https://example.com/", "includeSubDomains"),
        ("https://example.com/", "max-age=0"),
        ("https://example.com/", "max-age=X60"),
        ("https://127.0.0.1/", "max-age=60"),
        ("https://[::1]/", "max-age=60"),
    ],
)
def test_these_headers_do_not_switch_hsts_on(url, value):
    server = Server(*SHARED, ("Strict-Transport-Security", value))
    page = opened(server, "http://app.example.org")
    page.fetch(url)
    page.fetch(url.replace("https:", "http:"))
    assert server.requests[-1].url.startswith("http:")


def test_a_host_has_hsts_for_itself_unless_it_includes_subdomains():
    server = Server(*SHARED, ("Strict-Transport-Security", "max-age=60"))
    page = opened(server, "http://app.example.org")
    page.fetch("https://example.com/")
    for url, upgraded in {
        "http://example.com/": "https://example.com/",
        "http://sub.example.com/": "http://sub.example.com/",
    }.items():
        page.fetch(url)
        assert server.requests[-1].url == upgraded


PERMITTED = (*SHARED, ("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Max-Age", "10000"))


def preflights(page):
    return sum(exchange.is_preflight for exchange in page.network)


@pytest.mark.parametrize(
    ("longest", "asked_again_after"), [({}, 7200), ({"longest_max_age": 86400}, 10000), ({"longest_max_age": 600}, 600)]
)
def test_a_preflight_is_remembered_as_long_as_the_browser_allows(longest, asked_again_after):
    clock = Clock()
    page = Browser(Server(*PERMITTED), clock=clock, **longest).open(APP)
    for wait, count in ((0, 1), (asked_again_after - 1, 1), (1, 2)):
        clock.now += wait
        page.fetch(f"{API}/", method="PUT")
        assert preflights(page) == count


def test_preflights_can_be_forgotten():
    browser = Browser(Server(*PERMITTED))
    page = browser.open(APP)
    page.fetch(f"{API}/", method="PUT")
    browser.forget_preflights()
    page.fetch(f"{API}/", method="PUT")
    assert preflights(page) == 2


CREDENTIALED = (("Access-Control-Allow-Origin", APP), ("Access-Control-Allow-Credentials", "true"))


def test_cookies_are_sent_where_credentials_are():
    server = Server(*CREDENTIALED, ("Set-Cookie", "seen=1; SameSite=None; Secure"))
    browser = Browser(server)
    browser.cookies.set(API, "session=1; SameSite=None; Secure")
    page = browser.open(APP)
    page.fetch(f"{API}/")
    assert server.sent("Cookie") == []
    page.fetch(f"{API}/", credentials="include")
    assert server.sent("Cookie") == ["session=1"]
    page.fetch(f"{API}/", credentials="include")
    assert server.sent("Cookie") == ["session=1; seen=1"]


def test_a_preflight_has_no_cookies():
    server = Server(*CREDENTIALED, ("Access-Control-Allow-Methods", "PUT"))
    browser = Browser(server)
    browser.cookies.set(API, "session=1; SameSite=None; Secure")
    browser.open(APP).fetch(f"{API}/", credentials="include", method="PUT")
    lines = [[value for name, value in request.headers if name == "Cookie"] for request in server.requests]
    assert lines == [[], ["session=1"]]


def test_a_cookie_is_stored_though_the_response_is_not_shared():
    server = Server(("Set-Cookie", "a=b; SameSite=None; Secure"))
    browser = Browser(server)
    with pytest.raises(NetworkError):
        browser.open(APP).fetch(f"{API}/", credentials="include")
    assert [cookie.pair for cookie in browser.cookies] == ["a=b"]


@pytest.mark.parametrize(
    ("page", "document", "sent"),
    [
        (APP, {}, ["lax=1; none=1"]),
        ("https://app.other.example", {}, ["none=1"]),
        ("http://app.example.com", {}, ["none=1"]),
        (APP, {"top_level": "https://portal.example"}, ["none=1"]),
        (APP, {"origin": "null"}, ["none=1"]),
    ],
)
def test_same_site_cookies_are_not_sent_across_sites(page, document, sent):
    origin = document.get("origin", page)
    server = Server(("Access-Control-Allow-Origin", origin), ("Access-Control-Allow-Credentials", "true"))
    browser = Browser(server)
    browser.cookies.set(API, "lax=1")
    browser.cookies.set(API, "none=1; SameSite=None; Secure")
    opened_page = browser.open(page, **document)
    opened_page.fetch(f"{API}/", credentials="include")
    assert server.sent("Cookie") == sent
    assert any("lax" in line for line in opened_page.console) == (sent == ["none=1"])


def test_third_party_cookies_can_be_blocked():
    server = Server(*CREDENTIALED)
    browser = Browser(server, third_party_cookies=False)
    browser.cookies.set("https://api.other.example", "session=1; SameSite=None; Secure")
    page = browser.open(APP)
    page.fetch("https://api.other.example/", credentials="include")
    assert server.sent("Cookie") == []
    assert any("session" in line for line in page.console)


def test_partitioned_cookies_belong_to_the_page_in_the_address_bar():
    server = Server(*CREDENTIALED, ("Set-Cookie", "part=1; SameSite=None; Secure; Partitioned"))
    browser = Browser(server)
    for top_level, sent in (
        ("https://portal.example", []),
        ("https://portal.example", ["part=1"]),
        ("https://other.example", []),
    ):
        browser.open(APP, top_level=top_level).fetch(f"{API}/", credentials="include")
        assert server.sent("Cookie") == sent


@pytest.mark.parametrize(("page", "stored"), [(APP, ["a=b"]), ("https://app.other.example", [])])
def test_a_lax_cookie_is_only_accepted_on_pages_of_its_site(page, stored):
    browser = Browser(Server(("Access-Control-Allow-Origin", page), CREDENTIALED[1], ("Set-Cookie", "a=b")))
    opened_page = browser.open(page)
    opened_page.fetch(f"{API}/", credentials="include")
    assert [cookie.pair for cookie in browser.cookies] == stored
    assert any("SameSite" in line for line in opened_page.console) == (not stored)
