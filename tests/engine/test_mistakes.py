"""
The grammar and the guesses about mistakes: no text is both a pattern and a mistake, and the grammar accepts each guess.
"""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kit.counting import work_of
from kit.sharing import tried

from corsguard import OriginPattern, PolicyError
from corsguard.mistakes import refusal
from corsguard.origin import Origin, pattern_of

PIECES = (
    "https:// http:// app:// file: null :* :443 :80 :8443 *. * . .com example 127.0.0.1 127.1 [::1] [::01] %eth0 "
    "user@ /path ?q #f \\. .* [a-z]+ (a|b) ^ $ , ; É é ß 0x7f xn-- A"
).split()
texts = st.text(max_size=60) | st.lists(st.sampled_from([*PIECES, " ", "\n", '"']), max_size=9).map("".join)


@tried(200)
@given(texts)
@example("https://*.a.example")
@example("hhttps://*.a.example")
@example("https://pr-*.a.example.:*")
@example("http://[::1]:*")
@example("https://a.example:443:*")
@example("https://a.*.example")
@example("http*://a.example")
@example("*")
@example("")
def test_a_text_is_a_pattern_or_a_mistake_whose_every_fix_is_a_pattern(text):
    pattern = pattern_of(text)
    if pattern is not None:
        assert OriginPattern.parse(text) == pattern
        assert str(pattern) == text
        assert pattern.is_exact == (Origin.parse(text) is not None)
        return
    with pytest.raises(PolicyError) as caught:
        OriginPattern.parse(text)
    (problem,) = caught.value.problems
    assert (problem.value, problem.field) == (text, "allow_origins")
    fixes = problem.fix.entries
    assert fixes
    assert all(pattern_of(fix) is not None for fix in fixes)


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example:8443:*",
        "https://[::1]:8443:*",
        "https://*.a.example:8443:*",
        "https://a.*.example",
        "https://a.*",
        "https://*",
        "https://*.",
        "http*://a.example",
        "https://a.example:8*",
        "https://*.*.example",
        "http://*.0.0.1",
    ],
)
def test_a_star_is_valid_in_one_place_of_the_host_and_as_the_whole_port(text):
    assert pattern_of(text) is None


LONG = {
    "letters": ("", "x"),
    "labels": ("https://", "a."),
    "stars": ("", "*"),
    "origins": ("", "https://a.example, "),
    "words": ("", "a "),
    "brackets": ("https://", "([a"),
    "a translated expression": ("https://", ".*"),
    "letters that are not ASCII": ("https://", "\xe9\u4e2d"),
    "digits": ("http://", "0"),
    "a port with many zeros": ("https://a.example:", "0"),
    "colons": ("http://", "1:"),
    "user names": ("https://", "user@"),
    "joined origins": ("", "ahttps://"),
}


@pytest.mark.parametrize(("start", "piece"), LONG.values(), ids=LONG)
def test_an_entry_of_a_megabyte_is_no_more_work_than_a_short_one(start, piece):
    page, megabyte = (start + piece * (size // len(piece)) for size in (10_000, 1_000_000))
    assert pattern_of(megabyte) is None
    assert work_of(lambda: refusal(megabyte)) <= work_of(lambda: refusal(page)) * 1.1
    (problem,) = refusal(megabyte).problems
    assert len(problem.message) < 700
    assert len(str(problem.fix)) < 50_000


def test_only_a_few_expressions_of_one_text_are_read():
    """
    One expression may take half a second, and a pasted text may have hundreds. The fix leaves out those that are not
    read.
    """
    texts = [f"^https://(a|b)*x{number}y\\.example\\.com$" for number in range(100)]
    few, many = ([" ".join(texts[:count]), " https://app.example.com"] for count in (4, 40))
    assert work_of(lambda: refusal("".join(many))) <= work_of(lambda: refusal("".join(few))) * 1.1
    assert refusal("".join(many)).problems[0].fix.entries[-1] == "https://app.example.com"


def test_the_fix_of_a_list_in_one_string_has_no_truncated_origin():
    text = ",".join(f"https://app-{number}.example.com" for number in range(1000))
    fixes = [*refusal(text).problems[0].fix.entries]
    assert len(fixes) > 100
    assert fixes == text.split(",")[: len(fixes)]
