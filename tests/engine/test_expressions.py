"""
What a regular expression covers: never more than it does, against `re` itself.
"""

import re
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.counting import work_of

from corsguard import OriginPattern
from corsguard.expressions import Covered, _Comparison, _read, patterns_of, prefixes_of

EVERYTHING = Covered(all=True)


@pytest.mark.parametrize(
    ("expression", "spellings"),
    [
        (r"^https://app\.example\.com$", ["https://app.example.com"]),
        (r"^https://app\.example\.com\Z", ["https://app.example.com"]),
        (r"\Ahttps://app\.example\.com$", ["https://app.example.com"]),
        (r"^https:\/\/app\.example\.com\/?$", ["https://app.example.com"]),
        (r"^https?://app\.example\.com$", ["https://app.example.com", "http://app.example.com"]),
        (r"^https://(app|admin)\.example\.com$", ["https://app.example.com", "https://admin.example.com"]),
        (r"^https://a\.example$|^https://b\.example$", ["https://a.example", "https://b.example"]),
        (r"^https://app[12]\.example\.com$", ["https://app1.example.com", "https://app2.example.com"]),
        (r"^https://.*\.example\.com$", ["https://*.example.com"]),
        (r"^https://.+?\.example\.com$", ["https://*.example.com"]),
        (r"^https://\S+\.example\.com$", ["https://*.example.com"]),
        (r"^https://([a-z0-9_-]+\.)+example\.com$", ["https://*.example.com"]),
        (r"^https://(?:[\w-]+\.)+example\.com$", ["https://*.example.com"]),
        (r"^https://(?P<tenant>.*)\.example\.com$", ["https://*.example.com"]),
        (r"(?i)^HTTPS://.*\.Example\.com$", ["https://*.example.com"]),
        (r"^https://(.*\.)?example\.com$", ["https://example.com", "https://*.example.com"]),
        (r"^https://pr-[\w-]+\.example\.com$", ["https://pr-*.example.com"]),
        (r"^https://pr-[^.]+\.example\.com$", ["https://pr-*.example.com"]),
        (r"^http://localhost(:\d+)?$", ["http://localhost:*"]),
        (r"^http://localhost:300[01]$", ["http://localhost:3000", "http://localhost:3001"]),
        (r"^capacitor://localhost$", ["capacitor://localhost"]),
        (r".*\.example\.com$", ["https://*.example.com", "http://*.example.com"]),
    ],
)
def test_expressions_that_patterns_can_say(expression, spellings):
    """
    An expression that says what patterns say is read as them.
    """
    covered = patterns_of(expression)
    assert sorted(covered.spellings) == sorted(spellings)
    assert (covered.wider, covered.lost) == ((), None)


@pytest.mark.parametrize(
    ("expression", "spellings", "lost"),
    [
        (r"https://app\.example\.com", ["https://app.example.com"], "https://app.example.com.evil.example"),
        (r"^https://app.example.com$", ["https://app.example.com"], "https://appxexample.com"),
        (r"^https://.*\.example\.com", ["https://*.example.com"], "https://a.example.com.evil.example"),
        (r"^https://.*.example.com$", ["https://*.example.com"], "https://axexample.com"),
        (r"^https://.*example\.com$", ["https://example.com", "https://*.example.com"], "https://axexample.com"),
        (r"http://localhost:*", ["http://localhost:*"], "http://localhost.evil.example"),
    ],
)
def test_a_mistaken_cover_is_lost_and_shown(expression, spellings, lost):
    """
    What an expression covers by mistake is lost and shown.
    """
    covered = patterns_of(expression)
    assert [*covered.spellings] == spellings
    assert re.match(expression, lost)
    assert covered.lost == lost


@pytest.mark.parametrize(
    ("expression", "pattern", "example"),
    [
        (r"^https://\w+\.example\.com$", "https://*.example.com", "https://a-b.example.com"),
        (r"^https://[^.]+\.example\.com$", "https://*.example.com", "https://a.b.example.com"),
        (r"^https://([a-z0-9-]+\.)+example\.com$", "https://*.example.com", "https://a_b.example.com"),
        (r"^https://pr-\d+\.example\.com$", "https://pr-*.example.com", "https://pr-a.example.com"),
        (r"^https://pr-\d{1,5}\.example\.com$", "https://pr-*.example.com", "https://pr-a.example.com"),
        (r"^http://localhost:\d+$", "http://localhost:*", "http://localhost"),
        (r"^https://[a-z0-9_-]{1,62}\.example\.com$", "https://*.example.com", "https://a.b.example.com"),
        (r"https://*.example.com", "https://*.example.com", "https://a.example.com"),
    ],
)
def test_a_wider_pattern_is_not_taken(expression, pattern, example):
    """
    A pattern that covers one origin more is not taken, and the origin is shown.
    """
    covered = patterns_of(expression)
    assert covered.spellings == ()
    assert covered.wider == ((pattern, example),)
    assert not re.match(expression, example)


@pytest.mark.parametrize("expression", [".*", "^.*$", ".+", "(.*)", "^[^ ]*$"])
def test_an_expression_for_every_origin(expression):
    """
    An expression that covers every origin says so.
    """
    assert patterns_of(expression) == EVERYTHING


@pytest.mark.parametrize("expression", ["https://.*", "^null$", r"^http://192\.168\.\d+\.\d+$"])
def test_expressions_without_a_near_pattern(expression):
    """
    An expression that no pattern is near to has none.
    """
    covered = patterns_of(expression)
    assert (covered.all, covered.spellings, covered.wider) == (False, (), ())


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (r"^https://(?!admin).*\.example\.com$", "ahead or behind"),
        (r"^https://(a)\1\.example\.com$", r"\1"),
        (r"^https://\bapp\.example\.com$", r"\b"),
        (r"^https://[\x61]pp\.example\.com$", r"\x"),
        (r"^https://(", "not a regular expression"),
        (r"^https://a{400}\.example\.com$", "too often"),
        (r"^https://a{}\.example\.com$", "braces"),
        (r"^https://(a|b|c)(d|e|f)(g|h|i)(j|k|l)\.example\.com$", "too many"),
        (r"^https://a++\.example\.com$", "possessive"),
        (re.compile(r"^https:// app\.example\.com$", re.VERBOSE), "verbosely"),
        (re.compile(rb"^https://app\.example\.com$"), "bytes"),
    ],
)
def test_an_expression_that_cannot_be_read_is_not_read(expression, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        patterns_of(expression)


def test_case_is_ignored_where_the_library_ignores_it():
    assert patterns_of(r"^https://APP\.example\.com$").spellings == ()
    assert patterns_of(r"^https://APP\.example\.com$", ignore_case=True).spellings == ("https://app.example.com",)
    assert patterns_of(re.compile(r"^https://APP\.example\.com$", re.IGNORECASE)).spellings == (
        "https://app.example.com",
    )


@pytest.mark.parametrize(
    ("expression", "prefixes", "wider", "lost"),
    [
        (r"^/api(/.*)?$", ["/api"], {}, None),
        (r"^/api/.*$", ["/api"], {"/api": "/api"}, None),
        (r"^/api/", ["/api"], {"/api": "/api"}, None),
        (r"^/api", ["/api"], {}, "/apia"),
        (r"/api/*", ["/api"], {}, "/apia"),
        (r"/api/v[12]/.*", ["/api/v1", "/api/v2"], {"/api/v1": "/api/v1", "/api/v2": "/api/v2"}, None),
        (r"^/(api|hooks)(/.*)?$", ["/api", "/hooks"], {}, None),
        (r"^/api/token$", ["/api/token"], {"/api/token": "/api/token/a"}, None),
        (r"^/api/token/$", ["/api/token"], {"/api/token": "/api/token/a"}, None),
        (r"^/files/.*\.json$", [], {"/files": "/files/e"}, "/files/e.json"),
        (r"^/v\d+/", [], {"/v": "/v/v"}, "/v0/"),
    ],
)
def test_an_expression_of_paths_is_read_as_prefixes(expression, prefixes, wider, lost):
    covered = prefixes_of(expression)
    assert ([*covered.spellings], dict(covered.wider), covered.lost) == (prefixes, wider, lost)


@pytest.mark.parametrize("expression", ["^.*$", "/*", "/.*", ".*", "^/"])
def test_an_expression_of_all_paths_says_so(expression):
    assert prefixes_of(expression) == EVERYTHING


# Against `re` itself.

ATOMS = st.sampled_from(
    [*"ab-_", "/", ":", ".", r"\.", r"\d", r"\w", r"[ab]", r"[^.]", r"[a-z0-9-]", r"[\w-]", r"\S", "https", "com"]
)
QUANTIFIERS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{,2}", "*?"])


def composed(inner):
    group = st.builds("({})".format, inner) | st.builds("(?:{}|{})".format, inner, inner)
    return st.lists(st.builds(str.__add__, ATOMS | group, QUANTIFIERS), min_size=1, max_size=4).map("".join)


EXPRESSIONS = st.recursive(ATOMS, composed, max_leaves=8)
EDGES = st.tuples(st.sampled_from(["", "^"]), st.sampled_from(["", "$"]))


@settings(deadline=None)
@given(EXPRESSIONS, EDGES, st.text(alphabet="ab1-_./:hcom", max_size=6))
def test_an_expression_is_read_as_re_reads_it(expression, edges, text):
    expression = edges[0] + expression + edges[1]
    assert _Comparison().has(_read(expression), text) == bool(re.match(expression, text))


@settings(max_examples=50, deadline=None)
@given(EXPRESSIONS, EDGES, st.lists(st.text(alphabet="ab1-_", min_size=1, max_size=63), min_size=1, max_size=3))
def test_no_pattern_covers_more(middle, edges, labels):
    """
    No pattern covers an origin that the expression does not.
    """
    expression = rf"{edges[0]}https?://{middle}\.example{edges[1]}"
    try:
        covered = patterns_of(expression)
    except ValueError:
        return
    for text in covered.spellings:
        pattern = OriginPattern.parse(text)
        filling = (
            ".".join(labels) if pattern.host.startswith("*.") else labels[0][: 64 - len(pattern.host.split(".")[0])]
        )
        for port in (None, 8443) if pattern.port == "*" else (pattern.port,):
            origin = str(pattern._replace(host=pattern.host.replace("*", filling), port=port))
            assert re.match(expression, origin)
    for text, example in covered.wider:
        assert OriginPattern.parse(text)
        assert not re.match(expression, example)
    if covered.lost is not None:
        assert re.match(expression, covered.lost)


@pytest.mark.parametrize(
    "expression",
    [
        "[a-z].*exampleexample..*com*",
        "https://" + ".*" * 8,
        ".*" * 100,
        r".*app.exampleexample(www\.)?(:\d+)?",
        r"(a|.*)(a|.*){1,3}(www\.)?app.example",
        r"[^.]*[^.]*(.*\.)?(www\.)?appexample{1,3}(a|b)",
        "(.*x){20}",
        "(a|ab)*c*" * 10,
    ],
)
def test_the_work_of_reading_is_bounded(expression):
    """
    Some took ten seconds and more. The lines of Python that it takes are counted, because time tells of the machine.
    """
    assert work_of(lambda: read_or_not(expression)) < 3_000_000


def read_or_not(expression):
    for function in (patterns_of, prefixes_of):
        with suppress(ValueError):
            function(expression)
