"""
What the Fetch standard fixes about names.
"""

import re
from pathlib import Path

import pytest

from corsguard import names


@pytest.mark.parametrize("name", ["GET", "x", "X-Request-Id", "!#$%&'*+-.^_`|~", "0"])
def test_a_valid_token_is_a_token(name):
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
def test_an_invalid_token_is_not_a_token(name):
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
def test_forbidden_request_headers_are_known(name):
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


def test_corrected_methods_are_in_upper_case():
    """
    Methods that browsers correct are among those in upper case.
    """
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


@pytest.mark.parametrize(
    ("allowed", "method", "permitted"),
    [
        ((), "POST", True),
        ((), "PUT", False),
        (("PUT",), "PUT", True),
        (("PUT",), "put", False),
        ("*", "PUT", True),
        ("*", "trace", False),
        ("*", "P T", False),
        ("*", "", False),
        (("GET", "PUT"), "", False),
    ],
)
def test_a_list_permits_methods_as_a_browser_reads_it(allowed, method, permitted):
    assert names.permits_method(allowed, method) is permitted


@pytest.mark.parametrize(
    ("allowed", "name", "permitted"),
    [
        ((), "X-One", False),
        (("x-one",), "X-One", True),
        ("*", "X-One", True),
        ("*", "Authorization", False),
        (("*", "Authorization"), "authorization", True),
        (("*", "Authorization"), "X-One", True),
        (("X-One",), "", False),
    ],
)
def test_a_list_permits_headers_as_a_browser_reads_it(allowed, name, permitted):
    assert names.permits_header(allowed, name) is permitted


@pytest.mark.parametrize(
    ("exposed", "name", "permitted"),
    [
        ((), "Content-Type", True),
        ((), "ETag", False),
        (("etag",), "ETag", True),
        ("*", "Authorization", True),
        ("*", "Set-Cookie", False),
        (("Set-Cookie",), "Set-Cookie", False),
    ],
)
def test_a_list_permits_reading_as_a_browser_reads_it(exposed, name, permitted):
    assert names.permits_reading(exposed, name) is permitted


# The caps are in prose too, and the origin in examples, because they have to.
HOME = re.compile(r"\b(7200|86400)\b|[\"']https://app\.example\.com[\"']")
ELSEWHERE = {
    "corsguard/errors.py": "the examples of the rules",
    "corsguard/paths.py": "a constant of its own",
    "corsguard/tags.py": "a constant of its own",
    "corsguard_django/predecessor.py": "an example is code to run",
    "corsguard_flask/predecessor.py": "an example is code to run",
    "corsguard_django/translation.py": "the defaults of django-cors-headers",
    "corsguard_django/checks.py": "the examples of the rules",
}


def test_the_caps_and_the_example_origin_have_one_home():
    root = Path(names.__file__).parent.parent
    for package in ("corsguard", "corsguard_django", "corsguard_flask"):
        for path in sorted((root / package).rglob("*.py")):
            name = str(path.relative_to(root))
            if name not in {*ELSEWHERE, "corsguard/names.py"}:
                assert not HOME.search(path.read_text(encoding="utf-8")), name
