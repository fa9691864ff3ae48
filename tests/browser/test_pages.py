"""
The browser as a test uses it: what a page may request, and what it gets.

Vectors and real browsers test the protocol itself. Here is the rest of the public interface.
"""

import json
import re

import pytest
from kit.pages import API, APP, SHARED, USER, Server, opened, refused

from corsguard.browser import Browser, NetworkError, WireResponse
from corsguard.browser.urls import Url, address_space, is_schemelessly_same_site, is_trustworthy, site_of

# Requests of a page.


@pytest.mark.parametrize(
    ("body", "content", "content_type"),
    [
        ({"json": {"a": 1}}, b'{"a": 1}', "application/json"),
        ({"json": []}, b"[]", "application/json"),
        ({"body": "é"}, b"\xc3\xa9", "text/plain;charset=UTF-8"),
        ({"body": b"\xff"}, b"\xff", None),
        ({"body": bytearray(b"a")}, b"a", None),
        ({"body": [b"a", b"b"]}, b"ab", None),
        ({}, b"", None),
    ],
)
def test_a_body_brings_its_content_type(body, content, content_type):
    server = Server(*SHARED, ("Access-Control-Allow-Headers", "content-type"))
    opened(server).fetch(f"{API}/", method="POST", **body)
    assert server.requests[-1].body == content
    assert server.sent("Content-Type") == ([] if content_type is None else [content_type])


def test_a_content_type_of_the_page_takes_the_place_of_the_default():
    server = Server(*SHARED, ("Access-Control-Allow-Headers", "content-type"))
    page = opened(server)
    page.fetch(f"{API}/", method="POST", json={}, headers={"content-type": "application/vnd.api+json"})
    assert server.sent("Content-Type") == ["application/vnd.api+json"]


@pytest.mark.parametrize("listens", [{"upload_listener": True}, {"body": [b"a"]}])
def test_streams_and_upload_listeners_need_a_preflight(listens):
    server = Server(*SHARED)
    opened(server).fetch(f"{API}/", method="POST", **listens)
    assert [request.method for request in server.requests] == ["OPTIONS", "POST"]


def test_a_relative_url_is_resolved_against_the_page():
    server = Server()
    response = opened(server, f"{APP}/shop/index.html").fetch("items?page=2#top")
    assert (response.type, response.url) == ("basic", f"{APP}/shop/items?page=2")
    assert server.requests[0].url == f"{APP}/shop/items?page=2"


def test_a_forbidden_header_is_left_out_with_a_warning():
    server = Server(*SHARED)
    page = opened(server)
    page.fetch(f"{API}/", headers=[("Cookie", "a=b"), ("Accept", "text/csv"), ("Sec-Made-Up", "1")])
    assert server.sent("Cookie") == []
    assert server.sent("Accept") == ["text/csv"]
    assert page.console == [
        "The request header Cookie was left out: a page may not set it here.",
        "The request header Sec-Made-Up was left out: a page may not set it here.",
    ]
    assert {note.kind for note in page.console} == {"header"}


def test_a_fetch_without_cors_keeps_safelisted_headers_and_sees_nothing():
    server = Server(("ETag", '"1"'), body=b"secret")
    response = opened(server).fetch(
        f"{API}/", mode="no-cors", method="POST", body="a", headers={"X-Token": "1", "Accept-Language": "de"}
    )
    assert server.sent("X-Token") == []
    assert server.sent("Accept-Language") == ["de"]
    assert (response.type, response.status, response.ok, response.url) == ("opaque", 0, False, "")
    assert (response.body, dict(response.headers), response.redirected) == (b"", {}, False)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"url": "https://["}, "Expected a URL, or one relative to https://app.example.com/, got 'https://['."),
        ({"url": "https://user@api.example.com/"}, "has a user or a password"),
        ({"method": "GET IT"}, "method='GET IT' is not a method name"),
        ({"method": ""}, "method='' is not a method name"),
        ({"method": "PUT", "mode": "no-cors"}, "not 'PUT'"),
        ({"mode": "navigate"}, "mode to be one of 'cors', 'no-cors', 'same-origin', got 'navigate'"),
        ({"credentials": "true"}, "credentials to be one of 'omit', 'same-origin', 'include', got 'true'"),
        ({"redirect": ""}, "redirect to be one of 'follow', 'error', 'manual', got ''"),
        ({"json": {}, "body": b""}, "json or body, got both"),
        ({"body": "a"}, "A GET has no body"),
        ({"method": "head", "json": 1}, "A HEAD has no body"),
        ({"headers": {"X Y": "1"}}, "'X Y' is not a header name"),
        ({"headers": {"X-Y": "a\nb"}}, "cannot be the value of the header X-Y"),
        ({"headers": {"X-Y": "☃"}}, "cannot be the value of the header X-Y"),
    ],
)
def test_a_wrong_request_is_a_value_error(call, words):
    server = Server(*SHARED)
    with pytest.raises(ValueError, match=re.escape(words)):
        opened(server).fetch(**{"url": f"{API}/", **call})
    assert server.requests == []


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"url": "app.example.com"}, "'app.example.com' is not a URL"),
        ({"url": APP, "top_level": "nowhere"}, "'nowhere' is not a URL"),
        ({"url": APP, "embedder_policy": "all"}, "credentialless, got 'all'"),
    ],
)
def test_a_wrong_page_is_a_value_error(document, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Browser(Server()).open(**document)


# The origin and site of a page.


@pytest.mark.parametrize(
    ("document", "origin"),
    [
        ({"url": "https://App.Example.com:443/a?b#c"}, APP),
        ({"url": "http://localhost:3000/"}, "http://localhost:3000"),
        ({"url": "capacitor://localhost"}, "capacitor://localhost"),
        ({"url": "chrome-extension://abcdefghijklmnopabcdefghijklmnop/page.html"}, None),
        ({"url": "data:text/html,<p>"}, "null"),
        ({"url": "file:///home/me/index.html"}, "null"),
        ({"url": "about:blank"}, "null"),
        ({"url": "blob:https://app.example.com/1"}, APP),
        ({"url": APP, "origin": "null"}, "null"),
        ({"url": APP, "origin": "https://a, https://b"}, "https://a, https://b"),
    ],
)
def test_a_page_has_the_origin_of_its_url(document, origin):
    server = Server(*SHARED)
    page = opened(server, **document)
    expected = origin or "chrome-extension://abcdefghijklmnopabcdefghijklmnop"
    assert page.origin == expected
    page.fetch(f"{API}/")
    assert server.sent("Origin") == [expected]


@pytest.mark.parametrize(
    ("page", "url", "metadata"),
    [
        (APP, f"{APP}/", ["same-origin", "cors", "empty"]),
        (APP, f"{API}/", ["same-site", "cors", "empty"]),
        (APP, "https://example.org/", ["cross-site", "cors", "empty"]),
        ("http://app.example.com", f"{API}/", ["cross-site", "cors", "empty"]),
        (APP, "http://localhost:8000/", ["cross-site", "cors", "empty"]),
        ("http://app.example.com", "http://api.example.com/", []),
    ],
)
def test_fetch_metadata_goes_to_trustworthy_servers(page, url, metadata):
    server = Server(*SHARED)
    opened(server, page).fetch(url)
    assert [value for name in ("Site", "Mode", "Dest") for value in server.sent(f"Sec-Fetch-{name}")] == metadata


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("app://shop:8080/index.html", "app://shop:8080"),
        ("app://SHOP/", "null"),
        ("file://server/share", "null"),
        ("blob:null/1", "null"),
        ("blob://shop/1", "null"),
    ],
)
def test_unusual_schemes_have_an_origin_if_browsers_send_it(url, origin):
    assert opened(Server(), url).origin == origin


def test_a_page_and_a_url_are_same_site_or_not():
    assert site_of("https://a.b.example.com:8443") == "https://example.com"
    assert site_of("null") == site_of("https://[") == site_of("https://a, https://b") == "null"
    assert is_schemelessly_same_site("http://[::1]:3000", "https://[::1]")
    assert is_schemelessly_same_site("http://a.example.com", "https://b.example.com")
    assert not is_schemelessly_same_site("http://a.example.com", "https://example.org")


@pytest.mark.parametrize(
    ("host", "space"),
    [
        ("localhost", "loopback"),
        ("localhost.", "loopback"),
        ("app.localhost", "loopback"),
        ("app.localhost.", "loopback"),
        ("127.1.2.3", "loopback"),
        ("[::1]", "loopback"),
        ("0.0.0.0", "loopback"),
        ("[::]", "loopback"),
        ("[::ffff:127.0.0.1]", "loopback"),
        ("0.0.0.1", "local"),
        ("[::ffff:10.0.0.1]", "local"),
        ("[fe80::1]", "local"),
        ("printer.local", "local"),
        ("printer.local.", "local"),
        # No public name has these ends, or no dot.
        ("api.test", "local"),
        ("api.internal", "local"),
        ("router.home.arpa", "local"),
        ("backend", "local"),
        ("notlocalhost.com", "public"),
        ("api.contest", "public"),
        ("home.arpa.example.com", "public"),
        ("localhost.example.com", "public"),
        ("127.example.com", "public"),
        ("printerlocal.com", "public"),
        ("[2606:4700::1]", "public"),
        ("11.0.0.1", "public"),
    ],
)
def test_an_address_has_its_address_space(host, space):
    assert address_space(host) == space


def test_a_url_is_sent_without_user_and_fragment():
    url = Url.parse("https://user:password@a.example:8443/b#c")
    assert (url.href, url.port, url.has_userinfo) == ("https://a.example:8443/b", 8443, True)


@pytest.mark.parametrize(
    ("origin", "trustworthy"),
    [
        ("https://a.example", True),
        ("http://localhost:3000", True),
        ("http://app.localhost.", True),
        ("http://127.0.0.1", True),
        ("http://[::1]", True),
        ("http://a.example", False),
        ("http://127.example.com", False),
        ("null", False),
    ],
)
def test_an_origin_is_trustworthy_or_not(origin, trustworthy):
    assert is_trustworthy(origin) is trustworthy


ALWAYS = [("Accept", "*/*"), ("Accept-Language", "en-US,en;q=0.9"), ("User-Agent", "Mozilla/5.0 (corsguard)")]
OWN = [
    *[("Referer", f"{APP}/"), ("Origin", APP)],
    *[("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty")],
]


def test_host_names_are_written_as_browsers_write_them():
    server = Server(*SHARED, ("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Allow-Headers", "x-token"))
    opened(server).fetch(f"{API}/", method="PUT", headers={"X-Token": "1"})
    preflight, request = server.requests
    requested = [("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x-token")]
    assert [*preflight.headers] == [*ALWAYS, *requested, *OWN]
    assert [*request.headers] == [("X-Token", "1"), *ALWAYS, *OWN]
    opened(server).fetch("/", method="POST")
    assert [*server.requests[-1].headers][:5] == [*ALWAYS, *OWN[:2]]


@pytest.mark.parametrize("name", ["Accept", "Accept-Language", "User-Agent"])
def test_a_page_may_choose_what_a_browser_always_sends(name):
    server = Server(*SHARED, ("Access-Control-Allow-Headers", name))
    opened(server).fetch(f"{API}/", headers={name.lower(): "x"})
    assert server.sent(name) == ["x"]


@pytest.mark.parametrize(
    ("page", "url", "referrer"),
    [
        (f"{APP}/shop?a#b", f"{API}/", [f"{APP}/"]),
        (APP, "/items", [f"{APP}/"]),
        ("http://app.example.com:8000", f"{API}/", ["http://app.example.com:8000/"]),
        ("http://app.example.com", "http://api.example.com/", ["http://app.example.com/"]),
        (APP, "http://localhost:8000/", []),
        ("data:text/html,", f"{API}/", []),
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop/a.html", f"{API}/", []),
        ("file:///a.html", f"{API}/", []),
    ],
)
def test_a_request_says_which_page_it_is_from(page, url, referrer):
    server = Server(("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Methods", "PUT"))
    opened(server, page).fetch(url, method="PUT")
    assert [[value for name, value in request.headers if name == "Referer"] for request in server.requests] == [
        referrer
    ] * len(server.requests)


def test_a_redirect_does_not_hide_the_page_that_began_unless_it_leads_to_http():
    anyone, second = ("Access-Control-Allow-Origin", "*"), "https://cdn.example/b"
    leads = {f"{API}/a": second, second: "http://localhost:8000/c"}
    answers = {url: WireResponse(302, (anyone, ("Location", target))) for url, target in leads.items()}
    server = Server(anyone, answers=answers)
    opened(server).fetch(f"{API}/a")
    sent = [dict(request.headers) for request in server.requests]
    assert [(one.get("Referer"), one["Origin"]) for one in sent] == [
        (f"{APP}/", APP),
        (f"{APP}/", "null"),
        (None, "null"),
    ]


@pytest.mark.parametrize(
    ("page", "url", "origin"),
    [
        (APP, f"{API}/", APP),
        (APP, "http://localhost:8000/", "null"),
        ("http://app.example.com", "http://api.example.com/", "http://app.example.com"),
        ("http://app.example.com", f"{API}/", "http://app.example.com"),
    ],
)
def test_a_post_to_a_less_secure_server_hides_its_origin(page, url, origin):
    server = Server()
    opened(server, page).fetch(url, method="POST", mode="no-cors")
    assert server.sent("Origin") == [origin]


def test_a_get_without_cors_has_no_origin():
    server = Server()
    opened(server).fetch(f"{API}/", mode="no-cors")
    assert server.sent("Origin") == []


# Responses to a page.


def test_a_response_has_what_a_script_may_read():
    server = Server(
        *SHARED,
        ("Access-Control-Expose-Headers", "X-Total, Link, Set-Cookie"),
        ("Content-Type", "application/json"),
        ("X-Total", "7"),
        ("Link", "<a>"),
        ("link", "<b>"),
        ("ETag", '"1"'),
        ("Set-Cookie", "a=b"),
        status=404,
        body=b'\xef\xbb\xbf{"a": "\xc3\xa9"}',
    )
    response = opened(server).fetch(f"{API}/items")
    assert (response.type, response.status, response.ok) == ("cors", 404, False)
    assert dict(response.headers) == {"content-type": "application/json", "x-total": "7", "link": "<a>, <b>"}
    assert response.headers["X-TOTAL"] == "7"
    assert "x-Total" in response.headers
    assert 7 not in response.headers
    assert response.headers.get("ETag") is None
    assert len(response.headers) == 3
    assert response.text() == '{"a": "é"}'
    assert response.json() == {"a": "é"}
    assert repr(response) == "<Response cors 404 https://api.example.com/items>"
    assert "x-total" in repr(response.headers)


def test_a_body_that_is_not_json_is_a_value_error():
    with pytest.raises(json.JSONDecodeError):
        opened(Server(*SHARED, body=b"<html>")).fetch(f"{API}/").json()


def test_redirects_are_followed_and_reported():
    answers = {f"{API}/old": WireResponse(301, (*SHARED, ("Location", "/new")))}
    server = Server(*SHARED, body=b"here", answers=answers)
    page = opened(server)
    response = page.fetch(f"{API}/old#part")
    assert (response.redirected, response.url, response.body) == (True, f"{API}/new", b"here")
    assert [exchange.request.url for exchange in page.network] == [f"{API}/old", f"{API}/new"]


def test_a_redirect_with_mode_manual_is_opaque():
    server = Server(*SHARED, ("Location", "/new"), status=302)
    response = opened(server).fetch(f"{API}/", redirect="manual")
    assert (response.type, response.status, response.url) == ("opaqueredirect", 0, f"{API}/")


@pytest.mark.parametrize(
    ("lines", "url"),
    [
        ([("Location", "/a"), ("Location", "/a")], f"{API}/a"),
        ([("Location", "/a"), ("Location", "/b")], None),
        ([("Location", "https://[")], None),
        ([("Location", "")], f"{API}/start"),
    ],
)
def test_a_location_with_one_meaning_is_followed(lines, url):
    server = Server(*SHARED, answers={f"{API}/start": WireResponse(302, (*SHARED, *lines))})
    if url == f"{API}/start":
        with pytest.raises(NetworkError) as error:
            opened(server).fetch(f"{API}/start")
        assert error.value.reason == "too_many_redirects"
        assert len(error.value.exchanges) == 21
    elif url is None:
        with pytest.raises(NetworkError) as error:
            opened(server).fetch(f"{API}/start")
        assert error.value.reason == "redirect_unparsable"
    else:
        assert opened(server).fetch(f"{API}/start").url == url


def test_a_stream_is_not_sent_twice():
    server = Server(*SHARED, ("Location", "/new"), status=307)
    with pytest.raises(NetworkError) as error:
        opened(server).fetch("/upload", method="POST", body=iter([b"a"]))
    assert error.value.reason == "redirect_stream_body"


def redirecting(url, target, status=302):
    """
    Return a Server that shares everything with everyone and redirects from *url* to *target*.
    """
    shared = (
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", "PUT"),
        ("Access-Control-Allow-Headers", "authorization, content-language, x-token"),
    )
    return Server(*shared, answers={url: WireResponse(status, (*shared, ("Location", target)))})


def test_a_stream_that_became_a_get_may_be_redirected_anywhere():
    server = Server(answers={f"{APP}/a": WireResponse(303, (("Location", "/b"),))})
    server.answers[f"{APP}/b"] = WireResponse(307, (("Location", "/c"),))
    opened(server).fetch("/a", method="POST", body=[b"a"])
    assert [(request.method, request.body) for request in server.requests] == [
        ("POST", b"a"),
        ("GET", b""),
        ("GET", b""),
    ]


@pytest.mark.parametrize(
    ("method", "status", "sent"),
    [
        ("GET", 303, ["de"]),
        ("HEAD", 303, ["de"]),
        ("PUT", 303, []),
        ("POST", 301, []),
        ("PUT", 302, ["de"]),
        ("POST", 307, ["de"]),
    ],
)
def test_a_redirect_that_becomes_a_get_loses_the_headers_of_its_body(method, status, sent):
    server = redirecting(f"{APP}/a", f"{APP}/b", status=status)
    opened(server).fetch("/a", method=method, headers={"Content-Language": "de"})
    assert server.requests[-1].method == (method if sent else "GET")
    assert server.sent("Content-Language") == sent


@pytest.mark.parametrize(("target", "sent"), [(f"{API}/b", ["Bearer 1"]), (f"{APP}/b", [])])
def test_another_origin_does_not_get_the_authorization(target, sent):
    server = redirecting(f"{API}/a", target)
    opened(server, "https://other.example").fetch(f"{API}/a", headers={"Authorization": "Bearer 1", "X-Token": "1"})
    assert (server.sent("Authorization"), server.sent("X-Token")) == (sent, ["1"])


@pytest.mark.parametrize(
    ("url", "target", "mode", "passes"),
    [
        (f"{APP}/a", f"{USER}app.example.com/b", "cors", True),
        (f"{APP}/a", f"{USER}api.example.com/b", "cors", False),
        (f"{API}/a", f"{USER}api.example.com/b", "cors", False),
        (f"{API}/a", f"{USER}app.example.com/b", "cors", False),
        (f"{API}/a", f"{USER}api.example.com/b", "no-cors", True),
    ],
)
def test_only_redirects_within_the_own_origin_may_have_a_user(url, target, mode, passes):
    server = redirecting(url, target)
    if passes:
        opened(server).fetch(url, mode=mode)
        assert server.requests[-1].url == target.replace("user:password@", "")
    else:
        assert refused(server, url).reason == "redirect_userinfo"


@pytest.mark.parametrize(
    ("start", "init"),
    [(f"{APP}/", {}), (f"{API}/", {}), (f"{API}/", {"method": "PUT"}), (f"{API}/", {"mode": "no-cors"})],
)
def test_notes_on_the_target_of_a_redirect_are_reported_too(start, init):
    page = opened(redirecting(start, "https://10.0.0.1/"))
    page.fetch(start, **init)
    (line,) = page.console
    assert "is in a less public network than the page" in line


@pytest.mark.parametrize(
    ("url", "lines", "allowed"),
    [
        (f"{APP}/", [], True),
        (f"{API}/", [], False),
        (f"{API}/", [("Timing-Allow-Origin", APP)], True),
        (f"{API}/", [("Timing-Allow-Origin", "*")], True),
    ],
)
def test_timing_is_visible_to_the_pages_that_the_server_names(url, lines, allowed):
    assert opened(Server(*SHARED, *lines)).fetch(url).timing_allowed is allowed


# Cross-Origin-Resource-Policy and Cross-Origin-Embedder-Policy. The suite has no vectors of the latter.


@pytest.mark.parametrize(
    ("embedder", "credentials", "policy", "passes"),
    [
        ("unsafe-none", "include", None, True),
        ("require-corp", "include", None, False),
        ("require-corp", "omit", None, False),
        ("require-corp", "omit", "cross-origin", True),
        ("require-corp", "omit", "same-site", True),
        ("require-corp", "omit", "same-origin", False),
        ("require-corp", "omit", "cross-origin, cross-origin", False),
        ("credentialless", "include", None, True),
        ("credentialless", "include", "same-origin", False),
    ],
)
def test_an_embedder_policy_blocks_or_allows(embedder, credentials, policy, passes):
    lines = [] if policy is None else [("Cross-Origin-Resource-Policy", policy)]
    server = Server(*lines)
    browser = Browser(server)
    browser.cookies.set(API, "none=1; SameSite=None; Secure")
    page = browser.open(APP, embedder_policy=embedder)
    if passes:
        page.fetch(f"{API}/", mode="no-cors", credentials=credentials)
        with_cookie = credentials == "include" and embedder != "credentialless"
        assert server.sent("Cookie") == (["none=1"] if with_cookie else [])
    else:
        with pytest.raises(NetworkError) as error:
            page.fetch(f"{API}/", mode="no-cors", credentials=credentials)
        assert error.value.reason == "corp"


@pytest.mark.parametrize(
    ("url", "hops", "sent"),
    [
        (f"{APP}/", {}, ["a=b"]),
        (f"{API}/", {}, []),
        (f"{APP}/a", {f"{APP}/a": f"{APP}/"}, ["a=b"]),
        (f"{APP}/a", {f"{APP}/a": f"{API}/b", f"{API}/b": f"{APP}/"}, []),
    ],
)
def test_a_credentialless_page_has_credentials_for_its_own_origin_only(url, hops, sent):
    answers = {hop: WireResponse(302, (("Location", target),)) for hop, target in hops.items()}
    server = Server(answers=answers)
    browser = Browser(server)
    for host in (APP, API):
        browser.cookies.set(host, "a=b; SameSite=None; Secure")
    page = browser.open(APP, embedder_policy="credentialless")
    page.fetch(url, mode="no-cors", credentials="include")
    assert server.sent("Cookie") == sent


def test_a_shared_response_needs_no_resource_policy():
    server = Server(*SHARED, ("Cross-Origin-Resource-Policy", "same-origin"))
    assert opened(server, embedder_policy="require-corp").fetch(f"{API}/").status == 200


# A review found these. Each once gave another answer, blocked, or raised.


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ({"headers": {"X-A": 1}}, "got 'X-A': 1. Write both as text"),
        ({"url": None}, "url=None is not a str"),
        ({"url": b"/x"}, "url=b'/x' is not a str"),
    ],
)
def test_a_value_that_is_not_a_text_is_a_type_error(call, words):
    with pytest.raises(TypeError, match=re.escape(words)):
        opened(Server(*SHARED)).fetch(**{"url": f"{API}/", **call})


def test_a_url_that_opens_no_page_is_reported_as_that():
    with pytest.raises(TypeError, match="None is not a str"):
        Browser(Server()).open(None)
    with pytest.raises(TypeError, match="origin=3 is not a str"):
        Browser(Server()).open(APP, origin=3)
    with pytest.raises(ValueError, match="'localhost:3000' has no host"):
        Browser(Server()).open("localhost:3000")


def test_a_factory_in_place_of_an_application_is_refused():
    def create_app(config):
        return Server()

    with pytest.raises(TypeError, match="The transport returned Server, not a WireResponse"):
        opened(create_app).fetch(f"{API}/")


def test_without_cors_json_is_sent_as_text():
    server = Server()
    opened(server).fetch(f"{API}/", method="POST", json={}, mode="no-cors")
    assert server.sent("Content-Type") == ["text/plain;charset=UTF-8"]
    with pytest.raises(ValueError, match="sends no stream"):
        opened(server).fetch(f"{API}/", method="POST", body=iter([b"a"]), mode="no-cors")


@pytest.mark.parametrize(("location", "path"), [("/\xc3\xa9", "/%C3%A9"), ("/\xe9", "/%E9")])
def test_the_bytes_of_a_location_stay_unchanged(location, path):
    server = Server(*SHARED, answers={f"{API}/": WireResponse(302, (*SHARED, ("Location", location)))})
    assert opened(server).fetch(f"{API}/").url == f"{API}{path}"


def test_an_upgrade_to_https_changes_nothing_else():
    server = Server(*SHARED, ("Strict-Transport-Security", "max-age=60"))
    page = opened(server, "http://app.example.org")
    page.fetch("https://api.example.com/")
    page.fetch("http://api.example.com/x:443/y#part")
    assert server.requests[-1].url == "https://api.example.com/x:443/y"


def test_a_blob_is_not_requested_from_a_server():
    server = Server()
    with pytest.raises(NetworkError) as error:
        opened(server).fetch(f"blob:{APP}/1")
    assert (error.value.reason, server.requests) == ("bad_scheme", [])


def test_a_framed_page_is_as_strict_about_plain_http_as_its_embedder():
    page = opened(Server(*SHARED), "data:text/html,x", top_level="https://top.example")
    with pytest.raises(NetworkError) as error:
        page.fetch("http://api.example.com/")
    assert error.value.reason == "mixed_content"


def test_lists_of_any_length_are_read_in_bounded_time():
    many = ", ".join(f"x-{number}" for number in range(100_000))
    page = opened(Server(*SHARED, ("Access-Control-Allow-Headers", many), ("Timing-Allow-Origin", '""""' * 250_000)))
    assert page.fetch(f"{API}/", headers={"X-99999": "1"}).timing_allowed is False


def test_a_login_page_on_another_origin_is_recognized():
    """
    It is not reported as a missing grant.
    """
    answers = {f"{API}/items": WireResponse(302, (*SHARED, ("Location", "https://sso.example.net/login")))}
    error = refused(Server(answers=answers), f"{API}/items")
    assert "login page" in error.fix.words
    assert "401" in error.fix.words
    assert not error.fix.policy


@pytest.mark.parametrize("url", ["data:text/plain;base64,a", "data:text/plain"])
def test_a_malformed_data_url_is_a_network_error(url):
    def bare(environ, start_response):
        raise AssertionError(environ["PATH_INFO"])

    page = Browser(bare).open(APP)
    with pytest.raises(NetworkError):
        page.fetch(url)
    page.network.clear()
    assert page.fetch("data:text/plain;base64,aGk=").text() == "hi"
    assert page.network == []


def test_a_body_that_nests_too_deeply_is_a_value_error():
    with pytest.raises(ValueError, match="nests too deeply"):
        opened(Server(*SHARED, body=b"[" * 200_000)).fetch(f"{API}/").json()
