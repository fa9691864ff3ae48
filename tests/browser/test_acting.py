"""
The kit's assertions about who may act, and the headers that the model of a browser sends with such requests.
"""

import pytest

from corsguard import CORSMiddleware, Policy
from corsguard.browser import Browser, Unreachable
from corsguard.testing import assert_can_act, assert_cannot_act

APP = "https://app.example.org"
EVIL = "https://evil.example"
ORDERS = "https://api.example.com/orders"
POLICY = Policy(
    allow_origins=[APP], allow_methods=["POST", "PUT"], allow_headers=["Content-Type"], allow_credentials=True
)
READERS = Policy(allow_origins=[APP])


def answering(status, ran):
    def app(environ, start_response):
        ran.append(environ)
        start_response(f"{status} Said", [("Content-Type", "text/plain")])
        return [b"content"]

    return app


@pytest.fixture
def ran():
    return []


def guarded(ran, policy=POLICY, status=200, **protection):
    return CORSMiddleware(answering(status, ran), policy, protection=protection)


def test_a_foreign_page_cannot_act_and_the_own_page_can(ran):
    for method in ("POST", "PUT"):
        exchange = assert_cannot_act(guarded(ran), page=EVIL, method=method, url=ORDERS)
        assert exchange.is_preflight is (method == "PUT")
        assert ran == []
        exchange = assert_can_act(guarded(ran), page=APP, method=method, url=ORDERS, json={"a": 1})
        assert exchange.response.status == 200
        assert ran.pop()
    assert assert_cannot_act(guarded(ran), page=EVIL, url=ORDERS, json={"a": 1}).response.status == 403
    assert_can_act(guarded(ran), page="https://api.example.com/", url=ORDERS)
    assert_can_act(Browser(guarded(ran)), page="https://api.example.com/", url="https://api.example.com/x")


def test_without_protection_a_foreign_page_acts_and_the_assertion_shows_what_was_sent(ran):
    app = CORSMiddleware(answering(200, ran), POLICY)
    with pytest.raises(AssertionError) as caught:
        assert_cannot_act(app, page=EVIL, url=ORDERS)
    assert str(caught.value) == (
        "https://evil.example may act. The server answered 200 to POST https://api.example.com/orders "
        "(Origin: https://evil.example, Sec-Fetch-Site: cross-site)."
    )
    assert len(ran) == 1


def test_a_page_that_may_only_read_cannot_act(ran):
    assert_cannot_act(guarded(ran, READERS), page=APP, url=ORDERS)
    with pytest.raises(AssertionError, match=r"may not act\. The server answered 403"):
        assert_can_act(guarded(ran, READERS), page=APP, url=ORDERS)
    assert ran == []


def test_a_page_that_may_not_read_has_acted(ran):
    assert_can_act(CORSMiddleware(answering(200, ran), READERS), page=EVIL, url=ORDERS, body="a=1")
    assert len(ran) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 405, 500])
def test_an_error_of_another_kind_proves_nothing(ran, status):
    with pytest.raises(AssertionError, match="proves nothing"):
        assert_cannot_act(answering(status, ran), page=EVIL, url=ORDERS)
    with pytest.raises(AssertionError, match=f"may not act.*{status}"):
        assert_can_act(answering(status, ran), page=EVIL, url=ORDERS)


def away(request):
    raise Unreachable("nobody listens")


@pytest.mark.parametrize(
    ("app", "init", "words"),
    [
        (away, {}, "Nothing answered"),
        (away, {"method": "PUT"}, "Nothing answered"),
        (answering(200, []), {"method": "TRACE"}, "was not sent"),
        (answering(503, []), {"method": "PUT"}, "answered 503"),
    ],
)
def test_a_request_without_an_answer_proves_nothing(app, init, words):
    for assertion in (assert_cannot_act, assert_can_act):
        with pytest.raises(AssertionError, match=words):
            assertion(app, page=EVIL, url=ORDERS, **init)


def test_a_wrong_url_is_an_error_and_not_a_failed_assertion():
    for assertion in (assert_cannot_act, assert_can_act):
        with pytest.raises(ValueError, match="whole URL"):
            assertion(answering(200, []), page=EVIL, url="/orders")


# Section 2 of the reference measured these in Chromium and Firefox, for requests that write.


@pytest.mark.parametrize(
    ("page", "url", "origin", "site"),
    [
        ("https://api.example.com/", ORDERS, "https://api.example.com", "same-origin"),
        ("https://api.example.com:8443/", ORDERS, "https://api.example.com:8443", "same-site"),
        ("https://b.example.com/", ORDERS, "https://b.example.com", "same-site"),
        (f"{EVIL}/", ORDERS, EVIL, "cross-site"),
        # Schemes count.
        ("http://api.example.com/", ORDERS, "http://api.example.com", "cross-site"),
        ("http://api.example.com/", "http://api.example.com/orders", "http://api.example.com", None),
        ("http://evil.example/", "http://api.example.com/orders", "http://evil.example", None),
        ("http://localhost:3000/", "http://localhost:8000/orders", "http://localhost:3000", "same-site"),
    ],
)
@pytest.mark.parametrize("mode", ["no-cors", "cors"])
def test_a_browser_sends_these_headers_with_a_request_that_may_act(ran, page, url, origin, site, mode):  # noqa: PLR0913, PLR0917 - the columns of the table
    assert_can_act(answering(200, ran), page=page, url=url, body="a=1", mode=mode)
    assert (ran[0]["HTTP_ORIGIN"], ran[0].get("HTTP_SEC_FETCH_SITE")) == (origin, site)


def test_a_sandboxed_frame_sends_these_headers(ran):
    page = Browser(answering(200, ran)).open("https://api.example.com/", origin="null")
    page.fetch(ORDERS, method="POST", mode="no-cors", body="a=1")
    assert (ran[0]["HTTP_ORIGIN"], ran[0]["HTTP_SEC_FETCH_SITE"]) == ("null", "cross-site")


def test_a_redirect_through_a_foreign_site_is_cross_site(ran):
    """
    A 307 of the foreign site back to the site does not have the origin of the page.
    """

    def stranger(environ, start_response):
        start_response("307 Temporary Redirect", [("Location", ORDERS)])
        return [b""]

    browser = Browser({EVIL: stranger, "https://api.example.com": guarded(ran)})
    page = browser.open("https://api.example.com/")
    page.fetch(f"{EVIL}/back", method="POST", mode="no-cors", body="a=1")
    sent = dict(page.network[-1].request.headers)
    assert (sent["Origin"], sent["Sec-Fetch-Site"]) == ("null", "cross-site")
    assert (page.network[-1].response.status, ran) == (403, [])
