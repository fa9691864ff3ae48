"""
What the Fetch standard fixes about names.
"""

import pytest

from corsguard import names


@pytest.mark.parametrize("name", ["GET", "x", "X-Request-Id", "!#$%&'*+-.^_`|~", "0"])
def test_a_token_is_a_token(name):
    assert names.is_token(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "a,b",
        "a\n",
        "\na",
        "a\x00",
        "a:",
        "(a)",
        "a/b",
        "<a>",
        "@",
        "[a]",
        '"a"',
        "{a}",
        "\u00e9",
        "a\x7f",
    ],
)
def test_what_is_no_token_is_none(name):
    assert not names.is_token(name)


@pytest.mark.parametrize(
    "name",
    [
        "Cookie",
        "HOST",
        "origin",
        "Sec-Fetch-Site",
        "sec-",
        "Proxy-Authorization",
        "proxy-x",
        "Access-Control-Request-Method",
    ],
)
def test_a_script_cannot_set_a_forbidden_request_header(name):
    assert names.is_forbidden_request_header(name)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Content-Type",
        "X-Cookie",
        "Secure",
        "Proxy",
        "Sec",
        "User-Agent",
        "Access-Control-Allow-Origin",
        "",
    ],
)
def test_a_script_can_set_any_other_request_header(name):
    assert not names.is_forbidden_request_header(name)


def test_the_lists_are_those_of_the_standard():
    assert sorted(names.SAFELISTED_METHODS) == ["GET", "HEAD", "POST"]
    assert sorted(names.FORBIDDEN_METHODS) == ["CONNECT", "TRACE", "TRACK"]
    assert sorted(names.FORBIDDEN_RESPONSE_HEADERS) == ["set-cookie", "set-cookie2"]
    assert [names.NON_WILDCARD_REQUEST_HEADER] == ["authorization"]
    assert len(names.FORBIDDEN_REQUEST_HEADERS) == 21
    assert names.FORBIDDEN_REQUEST_HEADERS.issuperset(
        {"accept-charset", "cookie", "date", "dnt", "te", "set-cookie", "via"}
    )
    assert names.FORBIDDEN_REQUEST_HEADERS.isdisjoint({"user-agent", "authorization", "content-type"})


def test_methods_that_browsers_correct_are_among_those_in_upper_case():
    assert {"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH"} <= names.UPPER_CASE_METHODS
    assert all(method == method.upper() for method in names.UPPER_CASE_METHODS)
    assert names.UPPER_CASE_METHODS.isdisjoint(names.FORBIDDEN_METHODS)


def test_every_list_of_header_names_is_in_lower_case():
    for listed in (
        names.FORBIDDEN_REQUEST_HEADERS,
        names.FORBIDDEN_RESPONSE_HEADERS,
        names.SAFELISTED_RESPONSE_HEADERS,
        {names.NON_WILDCARD_REQUEST_HEADER, names.OWNED_PREFIX, *names.FORBIDDEN_REQUEST_HEADER_PREFIXES},
    ):
        assert all(name == name.lower() for name in listed)
