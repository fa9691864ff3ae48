"""
The fix of every refusal is pasted, one after the other, into policies as people write them. Each one changes something,
and the last one builds.
"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit import configurations
from kit.pasting import pasted

from corsguard import Policy, PolicyError

WORDS = {
    "origins": "allow_origins",
    "origin": "allow_origins",
    "methods": "allow_methods",
    "headers": "allow_headers",
    "supports_credentials": "allow_credentials",
    "ALLOWED_ORIGINS": "allow_origins",
    "ORIGIN_WHITELIST": "allow_origins",
    "ALLOWED_ORIGIN_REGEXES": "allow_origins",
    "ORIGIN_REGEX_WHITELIST": "allow_origins",
    "allow_origin_regex": "allow_origins",
    "PREFLIGHT_MAX_AGE": "max_age",
}
KEYWORDS = frozenset("allow_origins allow_methods allow_headers expose_headers allow_credentials max_age".split())


def in_our_words(configuration):
    """
    Yield the keywords of policies by a person who knows our keywords and nothing else: the values are as they were.
    """
    keywords = {}
    for name, value in configuration.items():
        word = WORDS.get(name, name.removeprefix("CORS_").lower())
        if name in {"resources", "CORS_RESOURCES"} and isinstance(value, dict):
            yield from (policy for own in value.values() for policy in in_our_words(own))
        elif word in KEYWORDS:
            keywords[word] = value
    if "allow_origins" in keywords:
        yield keywords


ROWS = [*configurations.FLASK, *configurations.VIEWS, *configurations.DJANGO, *configurations.STARLETTE]
AS_WRITTEN = [*{repr(policy): policy for row in ROWS for policy in in_our_words(row)}.values()]


def repaired(keywords):
    """
    Return *keywords* with the first fix of each refusal pasted, until nothing is refused.
    """
    seen = []
    while True:
        try:
            Policy(**keywords)
        except PolicyError as error:
            problem = error.problems[0]
            assert problem.fix
            # Compared as text, because True == 1.
            seen.append(repr(keywords))
            keywords = pasted(keywords, problem)
            # A fix that changes nothing would be pasted forever.
            assert repr(keywords) not in seen, problem
        else:
            return keywords


@pytest.mark.parametrize(
    "keywords",
    [
        {"allow_origins": ["*"], "allow_methods": ["*"], "allow_headers": ["*"], "allow_credentials": True},
        {"allow_origins": ["*"], "allow_methods": ["*"], "allow_headers": ["*"], "expose_headers": ["*"]},
        {"allow_origins": "['*']", "allow_methods": "*, PUT", "allow_headers": ["*", "Cookie"], "max_age": "60"},
        {"allow_origins": "*, https://app.example.com", "expose_headers": ["*", "Origin"], "allow_credentials": "true"},
        {"allow_origins": ["https://app.example.com/"], "allow_headers": ["Cookie", "Origin"]},
        {"allow_origins": ["https://app.example.com"], "allow_headers": ["Host", "X One, X-Two", "X-Three", "Via"]},
        {"allow_origins": "*", "allow_methods": ["TRACE", "patch", "GET POST", "CONNECT", "get"]},
        {"allow_origins": "*", "allow_headers": ["*", "Authorization", "Cookie"]},
        {"allow_origins": "*", "expose_headers": ["Set-Cookie", "Origin", "ETag", "X-*"]},
        {
            "allow_origins": ["http://a.example", "https://*.github.io", "App.example.com", "*"],
            "allow_methods": ["*", "put", "TRACE"],
            "allow_headers": ["*", "Content-Type,Authorization", "Cookie"],
            "allow_credentials": 1,
            "max_age": -1,
        },
    ],
    ids=str,
)
def test_the_fixes_of_one_refusal_build_when_all_are_pasted(keywords):
    with pytest.raises(PolicyError) as refusal:
        Policy(**keywords)
    for problem in refusal.value.problems:
        keywords = pasted(keywords, problem)
    Policy(**keywords)


@pytest.mark.parametrize("keywords", AS_WRITTEN, ids=map(str, range(len(AS_WRITTEN))))
def test_pasted_fixes_build_what_people_write(keywords):
    repaired(keywords)


def lists(texts):
    return st.one_of(st.sampled_from(texts), st.lists(st.sampled_from(texts), max_size=4))


def texts_of(keyword):
    """
    Return all texts in *keyword* of a configuration.
    """
    values = [policy.get(keyword) for policy in AS_WRITTEN]
    entries = [entry for value in values for entry in (value if isinstance(value, list | tuple) else [value])]
    return [*dict.fromkeys(entry for entry in entries if isinstance(entry, str | re.Pattern))]


@settings(max_examples=25)
@given(
    st.fixed_dictionaries(
        {"allow_origins": lists(texts_of("allow_origins"))},
        optional={
            "allow_methods": lists([*texts_of("allow_methods"), "TRACE", "patch"]),
            "allow_headers": lists([*texts_of("allow_headers"), "Cookie", "X One"]),
            "expose_headers": lists([*texts_of("expose_headers"), "Set-Cookie", "*"]),
            "allow_credentials": st.sampled_from([True, False, "true", "False", 1, None]),
            "max_age": st.sampled_from([0, 600, 86400, 10**9, -1, "600", None, True, 1.5]),
            "allow_unsafe_origins": st.dictionaries(
                st.sampled_from(texts_of("allow_origins")).filter(lambda entry: isinstance(entry, str)),
                st.sampled_from(["a reason", "", " "]),
                max_size=2,
            ),
        },
    )
)
def test_pasted_fixes_build_every_mixture(keywords):
    repaired(keywords)


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        ("https://*.vercel.app", "https://your_name.vercel.app"),
        ("https://*.com", "https://your_name.com"),
        ("https://shop-*.vercel.app", "https://shop-your_name.vercel.app"),
        ("https://*-team.vercel.app", "https://your_name-team.vercel.app"),
    ],
)
def test_a_fix_that_is_pasted_unread_shares_with_nobody(pattern, instead):
    """
    Where anyone can register a name, the fix has a name that nobody can register: no host name has an underscore.
    """
    assert repaired({"allow_origins": [pattern], "allow_credentials": True})["allow_origins"] == [instead]
