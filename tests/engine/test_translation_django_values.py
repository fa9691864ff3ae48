"""
Wrong values in the settings of django-cors-headers: what that library does with them, and what the translation says.
"""

import re

import pytest
from django.test import override_settings
from kit.django_sending import APP, EVIL, preflight, send_sync

from corsguard import Policies
from corsguard_django.translation import translate

THEIRS = "corsheaders.middleware.CorsMiddleware"


def theirs(**more):
    return override_settings(MIDDLEWARE=[THEIRS], **{f"CORS_{name}": value for name, value in more.items()})


def notes_of(translation, keyword):
    return " ".join(note.text for notes in translation.notes for note in notes if note.keyword == keyword)


def shares(origin):
    return send_sync("GET", "/api/hello", origin).of_cors.get("access-control-allow-origin") in {origin, "*"}


def shares_here(translation, origin):
    with override_settings(CORSGUARD=translation.mapping):
        return shares(origin)


EVERYONE = [
    {"ALLOWED_ORIGIN_REGEXES": "".split(",")},
    {"ALLOWED_ORIGIN_REGEXES": [re.compile("")]},
    {"ALLOWED_ORIGIN_REGEXES": [r"https://app\.example\.com|"]},
    {"ALLOWED_ORIGIN_REGEXES": r"^https://app\.example\.com$"},
    {"ALLOWED_ORIGIN_REGEXES": r".*\.example\.com"},
    {"ALLOW_ALL_ORIGINS": "False"},
    {"ALLOW_ALL_ORIGINS": "0"},
    {"ALLOW_ALL_ORIGINS": (False,)},
    {"ALLOW_ALL_ORIGINS": {"no": "way"}},
    {"ORIGIN_ALLOW_ALL": "false"},
]


@pytest.mark.parametrize("entry", EVERYONE, ids=str)
def test_a_value_that_let_everyone_read_is_reported(entry):
    """
    The list next to it stays in the output.
    """
    with theirs(**entry, ALLOWED_ORIGINS=[APP]):
        assert shares(EVIL)
        translation = translate()
    assert translation.mapping["allow_origins"] == "*"
    assert "everyone" in notes_of(translation, "allow_origins")
    assert APP in notes_of(translation, "allow_origins")


@pytest.mark.parametrize("entry", EVERYONE, ids=str)
def test_a_value_that_let_everyone_read_with_credentials_leaves_the_listed_origins(entry):
    """
    The note says that everyone could read.
    """
    with theirs(**entry, ALLOWED_ORIGINS=[APP], ALLOW_CREDENTIALS=True):
        assert shares(EVIL)
        translation = translate()
    assert translation.mapping["allow_origins"] == [APP]
    assert "every site" in notes_of(translation, "allow_origins")


@pytest.mark.parametrize("value", [False, 0, "", None, ()])
def test_a_false_flag_of_any_type_lets_nobody_in(value):
    with theirs(ALLOW_ALL_ORIGINS=value, ALLOWED_ORIGINS=[APP]):
        assert not shares(EVIL)
        assert translate().mapping["allow_origins"] == [APP]


NULL = [
    [""],
    [*"".split(","), APP],
    ["example.com"],
    ["*", APP],
    ["/"],
    APP,
    {"", APP},
]


@pytest.mark.parametrize("listed", NULL, ids=str)
@pytest.mark.parametrize("credentials", [False, True])
def test_an_entry_that_meant_null_is_reported(listed, credentials):
    """
    An entry without a scheme shared with the origin `null`. The note says so, and it is not carried over.
    """
    with theirs(ALLOWED_ORIGINS=listed, ALLOW_CREDENTIALS=credentials):
        assert shares("null")
        translation = translate()
    told = notes_of(translation, "allow_origins")
    assert "sandboxed" in told
    assert ("cookies" in told) is credentials
    if APP in listed and not isinstance(listed, str):
        assert translation.mapping["allow_origins"] == [APP]
        assert not shares_here(translation, "null")


@pytest.mark.parametrize("listed", [[APP], ["file://"], [b""], ["//example.com"], []], ids=str)
def test_an_entry_that_did_not_mean_null_is_not_reported_as_that(listed):
    with theirs(ALLOWED_ORIGINS=listed):
        assert not shares("null")
        assert "sandboxed" not in notes_of(translate(), "allow_origins")


FAILING = [
    {"ALLOWED_ORIGINS": None},
    {"ALLOWED_ORIGINS": 5},
    {"ALLOWED_ORIGINS": b"https://app.example.com"},
    {"ALLOWED_ORIGINS": ([APP],)},
    {"ALLOWED_ORIGINS": [APP, "http://[x"]},
    {"ALLOWED_ORIGINS": [APP, 5]},
    {"ALLOWED_ORIGIN_REGEXES": None},
    {"ALLOWED_ORIGIN_REGEXES": re.compile("x")},
    {"ALLOWED_ORIGIN_REGEXES": [b"x"]},
    {"ALLOWED_ORIGIN_REGEXES": [re.compile(b"x")]},
    {"ALLOWED_ORIGIN_REGEXES": ["("]},
    {"ALLOWED_ORIGIN_REGEXES": [["x"]]},
    {"ALLOWED_ORIGIN_REGEXES": "(https)"},
]


@pytest.mark.parametrize("entry", FAILING, ids=str)
def test_a_value_that_broke_requests_is_reported(entry):
    """
    It made an error of every request with an origin. It is left out.
    """
    with theirs(**entry):
        assert send_sync("GET", "/api/hello", EVIL).status == 500
        translation = translate()
    told = notes_of(translation, "allow_origins")
    assert "fail" in told or "each of its letters" in told
    assert translation.mapping["allow_origins"] in ([], [APP])


@pytest.mark.parametrize("entry", FAILING, ids=str)
def test_a_value_that_was_not_used_is_not_reported(entry):
    """
    Everyone was allowed, so nothing asked the list, and nothing failed.
    """
    with theirs(**entry, ALLOW_ALL_ORIGINS=True):
        assert shares(EVIL)
        translation = translate()
    assert translation.mapping["allow_origins"] == "*"
    assert "fail" not in notes_of(translation, "allow_origins")


def test_a_generator_is_not_consumed_by_the_translation():
    """
    A generator gives its entries once, so the translation reads none of them.
    """
    with theirs(ALLOWED_ORIGINS=(origin for origin in [EVIL, APP])):
        translation = translate()
        assert shares(APP)
        assert not shares(APP)
    assert "generator" in notes_of(translation, "allow_origins")
    assert "fail" not in notes_of(translation, "allow_origins")


@pytest.mark.parametrize("listed", [{APP}, frozenset([APP]), {APP: "ours"}, {APP: 1}.keys()], ids=str)
def test_any_iterable_is_a_list(listed):
    with theirs(ALLOWED_ORIGINS=listed):
        assert shares(APP)
        assert translate().mapping["allow_origins"] == [APP]


@pytest.mark.parametrize("value", ["False", "0", (False,), [False]])
def test_a_true_flag_that_is_not_a_bool_is_reported(value):
    """
    It allowed credentials. The note says so, and it is not carried over.
    """
    with theirs(ALLOWED_ORIGINS=[APP], ALLOW_CREDENTIALS=value):
        assert send_sync("GET", "/api/hello", APP).of_cors["access-control-allow-credentials"] == "true"
        translation = translate()
    assert "allow_credentials" not in translation.mapping
    assert "allowed credentials" in notes_of(translation, "allow_credentials")


@pytest.mark.parametrize(
    ("name", "keyword"),
    [("METHODS", "allow_methods"), ("HEADERS", "allow_headers"), ("EXPOSE_HEADERS", "expose_headers")],
)
@pytest.mark.parametrize("value", [None, 5, ["ETag", 5], [b"ETag"], [["ETag"]]], ids=str)
def test_names_that_broke_responses_are_reported(name, keyword, value):
    setting = name if name.startswith("EXPOSE") else f"ALLOW_{name}"
    with theirs(ALLOWED_ORIGINS=[APP], **{setting: value}):
        send = (
            send_sync("GET", "/api/hello", APP) if setting == "EXPOSE_HEADERS" else preflight(send_sync, "/api/hello")
        )
        assert send.status == 500
        translation = translate()
    assert "fail" in notes_of(translation, keyword)
    Policies(translation.mapping)


@pytest.mark.parametrize(
    ("name", "keyword"),
    [("ALLOW_METHODS", "allow_methods"), ("ALLOW_HEADERS", "allow_headers"), ("EXPOSE_HEADERS", "expose_headers")],
)
def test_a_text_in_place_of_a_list_was_sent_letter_by_letter(name, keyword):
    with theirs(ALLOWED_ORIGINS=[APP], **{name: "x-a"}):
        send = send_sync("GET", "/api/hello", APP) if name == "EXPOSE_HEADERS" else preflight(send_sync, "/api/hello")
        header = "access-control-" + keyword.replace("_", "-")
        assert send.of_cors[header] == "x, -, a"
        translation = translate()
    assert "letters" in notes_of(translation, keyword)
    assert keyword not in translation.mapping
    Policies(translation.mapping)


@pytest.mark.parametrize("name", ["application/json", "Content-Type: text/plain", "x a", "(x)"])
def test_a_bad_header_name_is_left_out(name):
    """
    The note names it, and no part of it becomes a name.
    """
    with theirs(ALLOWED_ORIGINS=[APP], ALLOW_HEADERS=["x-token", name]):
        translation = translate()
    assert translation.mapping["allow_headers"] == ["x-token"]
    assert name in notes_of(translation, "allow_headers")


@pytest.mark.parametrize("value", [None, ("^/api/",), b"^/api/", ["^/api/"]], ids=str)
def test_a_bad_expression_of_paths_opens_nothing(value):
    with theirs(ALLOWED_ORIGINS=[APP], URLS_REGEX=value):
        assert send_sync("GET", "/api/hello").status == 500
        translation = translate()
    assert translation.mapping == {"paths": {"/": None}}
    assert "500" in str(translation)
