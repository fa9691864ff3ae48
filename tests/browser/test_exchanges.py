"""
Every way to show an exchange shows the same, bounded, and without secrets.
"""

import json

import pytest
from kit.failures import failure

from corsguard.browser import Exchange, Reason, WireRequest, WireResponse
from corsguard.browser.exchanges import on_the_wire, shown, without_secrets
from corsguard.browser.report import report
from corsguard.diagnosis import har

URL = "https://api.example.com/items"
ORIGIN = ("Origin", "https://app.example.com")
SHARED = ("Access-Control-Allow-Origin", "https://app.example.com")


def exchange(*asked, answered=(SHARED,), url=URL, is_preflight=False):
    return Exchange(WireRequest("GET", url, asked), WireResponse(200, tuple(answered)), is_preflight, False)


def test_only_headers_that_matter_for_cors_are_shown():
    """
    Those are the headers that CORS depends on, and the headers that say who answered.
    """
    one = exchange(
        ORIGIN,
        ("Accept", "*/*"),
        ("Content-Type", "text/plain"),
        answered=[SHARED, ("Server", "nginx"), ("Date", "today"), ("Age", "9"), ("cross-origin-resource-policy", "x")],
    )
    assert shown(one).title == f"GET {URL}"
    assert shown(one).request_lines == ("> Origin: https://app.example.com", "> Content-Type: text/plain")
    assert shown(one).response_lines == (
        "< 200",
        "< Access-Control-Allow-Origin: https://app.example.com",
        "< Server: nginx",
        "< Age: 9",
        "< cross-origin-resource-policy: x",
    )


def test_the_data_say_what_the_text_says():
    one = shown(exchange(ORIGIN, is_preflight=True))
    assert one.title == f"GET {URL} (preflight)"
    assert one.data == {
        "method": "GET",
        "url": URL,
        "is_preflight": True,
        "headers": [["Origin", "https://app.example.com"]],
        "status": 200,
        "response_headers": [["Access-Control-Allow-Origin", "https://app.example.com"]],
    }
    silent = shown(Exchange(WireRequest("GET", URL), None, False, False))
    assert silent.response_lines == ("< no response",)
    assert silent.data["status"] is None
    assert silent.data["response_headers"] == []


def test_many_lines_and_long_lines_are_cut_and_marked_as_cut():
    one = shown(exchange(*[("Access-Control-X", "a" * 999)] * 30, answered=[SHARED] * 26))
    assert len(one.request_lines) == 25
    assert one.request_lines[-1] == "> ... 6 more"
    assert one.response_lines[-1] == "< ... 2 more"
    assert len(one.request_lines[0]) < 300
    assert len(one.data["headers"]) == 24
    assert one.data["headers_left_out"] == 8


def test_of_many_exchanges_the_first_and_the_last_are_shown():
    titles = [title for title, _ in on_the_wire([exchange()] * 9)]
    assert titles == [
        *(f"  {number}. GET {URL}" for number in (1, 2, 3, 4)),
        "      ... 1 more ...",
        *(f"  {number}. GET {URL}" for number in (6, 7, 8, 9)),
    ]
    assert len([*on_the_wire([exchange()] * 8)]) == 8


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sid=hush; Secure", "sid=(not shown); Secure"),
        ("hush; Path=/", "(not shown); Path=/"),
        ("=hush", "=(not shown)"),
        ("a=hush=hush;SameSite=None", "a=(not shown);SameSite=None"),
    ],
)
def test_a_cookie_that_is_set_is_shown_with_name_and_attributes_only(line, told):
    assert shown(exchange(answered=[("Set-Cookie", line)])).data["response_headers"] == [["Set-Cookie", told]]


SECRETS = [
    ("Cookie", "sid=hush"),
    ("authorization", "Bearer hush"),
    ("Proxy-Authorization", "Basic hush"),
    ("X-Pin", "hush"),
    ("X-Other", "hush-elsewhere"),
]


def test_no_form_of_an_exchange_shows_a_secret():
    one = exchange(
        *SECRETS,
        answered=[("Set-Cookie", "a=hush"), ("Location", "https://me:hush@b.example/"), ("X-Pin", "hush")],
        url="https://me:hush@api.example.com/?hush-elsewhere",
    )

    def hide(text):
        return text.replace("hush-elsewhere", "(not shown)")

    told = shown(one, secrets={"x-pin"}, hide=hide)
    # It is shown that they were sent.
    assert [name for name, value in told.request_headers if value == "(not shown)"] == [
        "Cookie",
        "authorization",
        "Proxy-Authorization",
        "X-Pin",
    ]
    assert told.url == "https://...@api.example.com/?(not shown)"
    wire = [*on_the_wire([one], secrets={"x-pin"}, hide=hide)]
    saved = har.written([one], {"x-pin"}, hide)
    for text in (str(told.data), str(wire), json.dumps(saved), str(without_secrets(one, secrets={"x-pin"}, hide=hide))):
        assert "hush" not in text
    # A report does not know which names are secret. It shows none of the headers that may be.
    assert "hush" not in report(failure(Reason.CORP, exchange=one), [exchange(*SECRETS)])


def test_a_saved_exchange_is_not_cut():
    long = "a" * 999
    (entry,) = har.written([exchange(ORIGIN, answered=[("X-Long", long)])], set(), str)["log"]["entries"]
    assert entry["response"]["headers"] == [{"name": "X-Long", "value": long}]
