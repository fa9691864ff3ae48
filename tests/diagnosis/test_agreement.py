"""
Differences between a browser and the model are reported one by one, with what is known about each.
"""

from dataclasses import replace

import pytest

from corsguard.browser import Browser, Exchange, NetworkError, WireRequest, WireResponse
from corsguard.diagnosis.agreement import Got, disagreements
from corsguard.diagnosis.playing import Fetch


def exchange(*headers, method="GET", status=200):
    request = WireRequest(method, "http://api.example/items", headers)
    return Exchange(request, WireResponse(status), method == "OPTIONS", with_credentials=False)


PLAIN = exchange(("Origin", "http://app.example"))
WITH_COOKIE = exchange(("Origin", "http://app.example"), ("Cookie", "a=1"))
ASKED = Fetch(page="http://app.example/", url="http://api.example/items")
READ = Got("response", 200, "cors", (("content-type", "text/plain"),))


@pytest.mark.parametrize(
    ("got", "requests", "about"),
    [
        (READ, [WITH_COOKIE], []),
        # An XMLHttpRequest does not show the type.
        (READ._replace(type=""), [WITH_COOKIE], []),
        (Got("error"), [WITH_COOKIE], ["What the page gets"]),
        (READ._replace(status=404), [WITH_COOKIE], ["What the page gets"]),
        (READ._replace(type="basic"), [WITH_COOKIE], ["The type of the response"]),
        (READ._replace(headers=()), [WITH_COOKIE], ["The headers that the page can read"]),
        (READ, [], ["The requests"]),
        (READ, [exchange(method="OPTIONS"), WITH_COOKIE], ["The requests"]),
        (READ, [exchange(("Origin", "null"), ("Cookie", "a=1"))], ["The requests"]),
        (READ, [PLAIN], ["The requests with a cookie"]),
        (Got("open"), [PLAIN], ["What the page gets", "The requests with a cookie"]),
    ],
)
def test_each_difference_is_reported(got, requests, about):
    assert [one.about for one in disagreements(ASKED, got, requests, READ, [WITH_COOKIE])] == about


def test_a_difference_because_of_a_cookie_is_explained():
    (status, cookies) = disagreements(ASKED, READ._replace(status=401), [PLAIN], READ, [WITH_COOKIE])
    assert (status.browser, status.model) == ("a response with status 401", "a response with status 200")
    assert status.why == cookies.why
    assert "tracking protection" in cookies.why
    assert (cookies.browser, cookies.model) == ("none", "GET")
    (unexplained,) = disagreements(ASKED, READ._replace(status=401), [WITH_COOKIE], READ, [WITH_COOKIE])
    assert unexplained.why == ""


def test_an_upload_listener_without_a_body_is_explained():
    preflight = exchange(("Origin", "http://app.example"), ("Access-Control-Request-Method", "GET"), method="OPTIONS")
    listening = replace(ASKED, upload_listener=True)

    def whys(asked, requests):
        return [one.why for one in disagreements(asked, READ, requests, READ, [preflight, PLAIN])]

    (why,) = whys(listening, [PLAIN])
    assert "an upload listener matters only if there is a body" in why
    # With a body, without a listener, or with a different preflight, the cause is unknown.
    assert whys(replace(listening, body="a"), [PLAIN]) == [""]
    assert whys(ASKED, [PLAIN]) == [""]
    assert whys(listening, [exchange(method="OPTIONS"), PLAIN]) == [""]


def test_a_preflight_after_a_redirect_is_explained_as_firefoxs():
    redirect = exchange(("Origin", "http://app.example"), status=307)

    def preflight(origin):
        return exchange(("Origin", origin), ("Access-Control-Request-Method", "PUT"), method="OPTIONS")

    def whys(requests, rehearsed, *, is_firefox=True):
        found = disagreements(ASKED, READ, requests, READ, rehearsed, is_firefox=is_firefox)
        return [one.why for one in found]

    ours, theirs = [redirect, preflight("null")], [redirect, preflight("http://app.example")]
    (why,) = whys(theirs, ours)
    assert "After a redirect to another origin, Firefox's preflight" in why
    assert whys(theirs, ours, is_firefox=False) == [""]
    # Before a redirect, and for the request itself, the cause is unknown.
    assert whys([theirs[1], redirect], [ours[1], redirect]) == [""]
    assert whys([redirect, PLAIN], [redirect, exchange()]) == [""]


def test_the_result_of_the_model_is_read_like_that_of_a_page():
    def app(environ, start_response):
        start_response("200 OK", [("Access-Control-Allow-Origin", "*"), ("Content-Type", "text/plain"), ("X-A", "1")])
        return [b""]

    page = Browser(app).open("https://app.example/")
    assert Got.of_model(page.fetch("https://api.example/")) == READ
    with pytest.raises(NetworkError) as refused:
        page.fetch("https://api.example/", credentials="include")
    assert Got.of_model(refused.value) == Got("error")


def test_a_hostile_text_is_shown_in_ascii():
    odd = replace(PLAIN, request=replace(PLAIN.request, method="G\x1b[2J"))
    (told,) = disagreements(ASKED, READ, [odd], READ, [PLAIN])
    assert told.browser.isascii()
    assert told.browser.isprintable()
