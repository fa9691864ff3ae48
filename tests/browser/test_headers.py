"""
Methods and header fields: details that no vector and no real browser shows.
"""

import pytest

from corsguard.browser.headers import (
    Unparsable,
    get,
    guarded,
    is_header_value,
    is_safelisted_header,
    may_append,
    normalize_method,
    normalize_value,
    seconds_of,
    split_outside_quotes,
    tokens_of,
)


def test_only_ascii_letters_are_normalized():
    assert normalize_method("post") == "POST"
    assert normalize_method("po\u017ft") == "po\u017ft"  # upper() makes an S of it


@pytest.mark.parametrize(
    ("value", "safelisted"),
    [
        ("text/plain; boundary=a/b", True),
        ("text/plain ;charset=utf-8", True),
        ("\ttext/plain \t", True),
        ("Text/PLAIN", True),
        ("\xa0text/plain", False),
        ("text/plain\xa0", False),
        ("text/plain\xa0;charset=utf-8", False),
        ("text/ plain", False),
        ("text", False),
        ("", False),
    ],
)
def test_the_essence_of_a_content_type_decides(value, safelisted):
    assert is_safelisted_header("Content-Type", value) is safelisted


@pytest.mark.parametrize(
    ("value", "safelisted"), [("bytes=5-5", True), ("bytes=5-4", False), ("bytes=5-", True), ("bytes=-5", False)]
)
def test_the_start_of_a_range_is_not_after_its_end(value, safelisted):
    assert is_safelisted_header("Range", value) is safelisted


def test_a_header_on_no_list_is_not_safelisted():
    assert is_safelisted_header("X-Token", "1") is False


@pytest.mark.parametrize(("value", "valid"), [("\xff", True), ("\u0100", False), (" a", False), ("a\0b", False)])
def test_a_header_value_is_made_of_bytes(value, valid):
    assert is_header_value(value) is valid


def test_a_value_loses_the_whitespace_of_http_around_it():
    assert normalize_value("\t\n\r Xa X\r\n\x0b\t") == "Xa X\r\n\x0b"


def test_items_lose_only_spaces_and_tabs():
    assert split_outside_quotes("\t Xa X,\xa0b\x0b ") == ["Xa X", "\xa0b\x0b"]


def test_a_comma_in_quotation_marks_splits_nothing():
    assert split_outside_quotes('a"b,c"d, "e\\",f",') == ['a"b,c"d', '"e\\",f"', ""]


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([], None),
        (["7"], 7),
        (["-7"], 0),
        (["07"], 7),
        (["7", "7"], None),
        (["7.5"], None),
        (["+7"], None),
        (["9" * 5000], 10**18 - 1),
    ],
)
def test_only_one_integer_is_a_number_of_seconds(values, seconds):
    assert seconds_of([("Access-Control-Max-Age", value) for value in values], "access-control-max-age") == seconds


def test_a_list_of_tokens_is_split():
    lines = [("X", "a ,, b"), ("Y", "no token"), ("x", "")]
    assert tokens_of(lines, "x") == ["a", "b"]
    assert tokens_of(lines[2:], "X") == []
    assert tokens_of(lines, "z") is None
    assert (get(lines, "X"), get(lines, "z")) == ("a ,, b, ", None)


def test_one_item_that_is_not_a_token_invalidates_the_list():
    with pytest.raises(Unparsable, match=r"^'a b' is not a token in 'x, a b, c d'$") as error:
        tokens_of([("X", "x"), ("X", "a b, c d")], "X")
    assert (error.value.value, error.value.item) == ("x, a b, c d", "a b")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("Accept", "text/csv", True),
        ("Accept-Language", "de", True),
        ("Content-Language", "de", True),
        ("Content-Type", "text/plain", True),
        ("Content-Type", "application/json", False),
        ("Range", "bytes=0-9", False),
        ("X-Token", "1", False),
    ],
)
def test_without_cors_four_headers_may_be_set(name, value, allowed):
    assert may_append([], name, value, "request-no-cors") is allowed
    assert may_append([], name, value, "request") is True


def test_without_cors_the_length_of_all_values_is_limited():
    lines = [("Accept", "a" * 100), ("accept", "b" * 26), ("Accept", "c"), ("Accept-Language", " de ")]
    assert [allowed for _, allowed in guarded(lines, "request-no-cors")] == [True, True, False, True]
    assert [header for header, _ in guarded(lines[3:], "request-no-cors")] == [("Accept-Language", "de")]
