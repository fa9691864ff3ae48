"""
What is read of a regular expression: patterns that never cover more than it does, compared with `re` itself.
"""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.counting import work_of
from kit.sharing import share, tried

from corsguard import Origin, OriginPattern
from corsguard.audience import OriginIndex
from corsguard.expressions import Covered, _Comparison, _read, patterns_of, prefixes_of
from corsguard.policies import problem_of_prefix

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
        (r"^https?://.*\.example\.com$", ["https://*.example.com", "http://*.example.com"]),
        (r"^https://(.)*\.example\.com$", ["https://*.example.com"]),
        (r"^https://[\x61]pp\.\u0065xample\.com$", ["https://app.example.com"]),
        (r"^https://(?#ours)app\.example\.com$", ["https://app.example.com"]),
        (
            r"^https://app\.example\.com(:(?:8443|9443))$",
            ["https://app.example.com:8443", "https://app.example.com:9443"],
        ),
        # It covers only what is written: no port with five digits begins like this, and none is 443.
        (r"^http://localhost:8000", ["http://localhost:8000"]),
        (r"^https://app\.example\.com(:443)?$", ["https://app.example.com"]),
    ],
)
def test_an_expression_that_patterns_can_express_is_read_as_those_patterns(expression, spellings):
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
        # If no origin of a page is lost, an origin of an application may be, or one without a host.
        (r".*\.example\.com$", ["https://*.example.com", "http://*.example.com"], "app://a.example.com"),
        (r"^(https://app\.example\.com|null)$", ["https://app.example.com"], "null"),
        (r"^exp://.*$", ["exp://*"], "exp://a:1"),
    ],
)
def test_an_origin_that_an_expression_covers_by_mistake_is_lost_and_shown(expression, spellings, lost):
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
        (r"^exp://[a-z0-9_-]+(\.[a-z0-9_-]+)*$", "exp://*", "exp://."),
        # There are so many that each digit is read as a star.
        (r"^https://preview\d\d\.example\.com$", "https://preview*.example.com", "https://previewa.example.com"),
        # `:*` also covers the origin without a port.
        (r"^http://localhost:", "http://localhost:*", "http://localhost"),
        (r"^http://localhost:30\d\d$", "http://localhost:*", "http://localhost"),
    ],
)
def test_a_pattern_that_covers_one_more_origin_is_not_taken(expression, pattern, example):
    covered = patterns_of(expression)
    assert covered.spellings == ()
    assert covered.wider == ((pattern, example),)
    assert not re.match(expression, example)


@pytest.mark.parametrize("expression", [".*", "^.*$", ".+", "(.*)", "^[^ ]*$"])
def test_an_expression_that_covers_every_origin_is_reported_as_that(expression):
    assert patterns_of(expression) == EVERYTHING


@pytest.mark.parametrize(
    ("expression", "lost"),
    [("https://.*", "https://a"), ("^null$", "null"), (r"^http://192\.168\.\d+\.\d+$", "http://192.168.0.0")],
)
def test_expressions_without_a_near_pattern_have_an_example_of_what_they_cover(expression, lost):
    assert patterns_of(expression) == Covered(lost=lost, every_page=lost == "https://a")


@pytest.mark.parametrize(
    ("expression", "lost"),
    [
        # The example of a foreign origin does not hide that no pattern covers the addresses.
        (
            r"https?://(localhost|192\.168\.\d+\.\d+)(:\d+)?",
            ("http://localhost.evil.example", "http://192.168.0.0", "https://192.168.0.0"),
        ),
        (r"^http://(10\.\d+\.\d+\.\d+|172\.16\.\d+\.\d+)$", ("http://10.0.0.0", "http://172.16.0.0")),
        (r"^(https://192\.168\.\d+\.\d+|null)$", ("https://192.168.0.0", "null")),
        (r"^https?://.+$", ("http://a", "https://a")),
        # There is one example for each kind of mistake, however many alternatives have it. Nothing ends the expression,
        # so it also covers ports and foreign origins.
        (r"^https?://(www\.)?example\.com", ("http://example.com.evil.example", "http://example.com:8443")),
        (r"https://.*\.lovable\.app", ("https://a.lovable.app.evil.example", "https://a.lovable.app:8443")),
        (r"https://app\.example\.com(:\d+)?", ("https://app.example.com.evil.example",)),
    ],
)
def test_each_alternative_that_is_lost_has_an_example_of_its_own(expression, lost):
    covered = patterns_of(expression)
    assert {covered.lost, *covered.also_lost} == {*lost}


@pytest.mark.parametrize(
    ("expression", "is_every_page"),
    [
        ("https?://.*", True),
        (r"^https?://[^/]+$", True),
        (r"^https://[\w.-]+(:\d+)?$|^capacitor://localhost$", True),
        (r"https://.*\.example\.com", False),
        (r"https://.*\.com", False),
        (r"^http://.*", False),
    ],
)
def test_an_expression_that_covers_every_https_page_is_reported_as_that(expression, is_every_page):
    """
    It is reported although it does not cover everyone.
    """
    covered = patterns_of(expression)
    assert (covered.every_page, covered.all) == (is_every_page, False)


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        (r"^localhost:\d+$", ["https://localhost:*", "http://localhost:*"]),
        (r"localhost:4200", ["https://localhost:4200", "http://localhost:4200"]),
        # It matches from the start, so it matches the scheme.
        (r"example\.com", ["https://example.com", "http://example.com"]),
        (r"^https://app\.example\.com/$", []),
        (r"^https://app\.example\.com:443$", []),
        (r"^http://localhost:99999$", []),
        (r"^http://10\.0\.0\.256$", []),
        (r"^HTTPS://app\.example\.com$", []),
        (r"^wss://app\.example\.com$", []),
        (r"^$", []),
    ],
)
def test_an_expression_that_matches_nothing_is_reported_with_what_was_probably_meant(expression, meant):
    covered = patterns_of(expression)
    assert (covered.nothing, covered.spellings, covered.lost) == (True, (), None)
    assert [text for text, _ in covered.wider] == meant


VERBOSE = r"""
    ^https://( app | admin   # ours
        # and the one of the shop:
        | shop [ _] front\# ? (?:\ )? | (?#not yet) [#] )
    \.example\.com $
"""


@pytest.mark.parametrize("expression", [re.compile(VERBOSE, re.VERBOSE), f"(?x){VERBOSE}", f"(?i)(?x){VERBOSE}"])
def test_a_verbose_expression_is_read_without_its_spaces_and_comments(expression):
    covered = patterns_of(expression)
    names = ["app", "admin", "shop_front"]
    assert (covered.spellings, covered.lost) == (tuple(f"https://{name}.example.com" for name in names), None)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (r"^https://(?!admin).*\.example\.com$", "ahead or behind"),
        (r"^https://(a)\1\.example\.com$", r"\1"),
        (r"^https://\bapp\.example\.com$", r"\b"),
        (r"^https://\N{LATIN SMALL LETTER A}pp\.example\.com$", r"\N"),
        (r"^https://(", "not a regular expression"),
        (r"^https://a{400}\.example\.com$", "more often than 300 times"),
        (r"^https://a{}\.example\.com$", "braces"),
        (r"^https://(a|b|c)(d|e|f)(g|h|i)(j|k|l)\.example\.com$", "too many"),
        (r"^https://a++\.example\.com$", "possessive"),
        ("(" * 50 + "a" + ")" * 50, "too deep"),
        ("(" * 2_000, "too deep"),
        ("a{99999999999}", "not a regular expression"),
        (r"^https://(?i:a)pp\.example\.com$", "another extension"),
        ("^https://(" + "|".join(f"app{n}" for n in range(200)) + r")\.example\.com$", "too many"),
        ("^https://a?b?c?d?e?f?g?h?i?j?k?l?m?n?$", "too many"),
        (r"^https?://app\.example\.com(/a?b?c?d?e?f?g?h?i?j?k?l?m?)?$", "too many"),
        (r".*app.exampleexample(www\.)?(:\d+)?", "too long"),
        (re.compile(rb"^https://app\.example\.com$"), "bytes"),
    ],
)
def test_an_expression_that_cannot_be_translated_is_refused_with_the_reason(expression, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        patterns_of(expression)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (re.compile(rb"^/api/"), "bytes"),
        (r"^/(?!public/).*$", "ahead or behind"),
        ("^/(" + "|".join(f"app{n}" for n in range(200)) + ")/", "too many"),
    ],
)
def test_an_expression_of_paths_that_cannot_be_translated_is_refused_with_the_reason(expression, reason):
    with pytest.raises(ValueError, match=reason):
        prefixes_of(expression)


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
        (r"^/files/.*\.json$", [], {"/files": "/files/a"}, "/files/.json"),
        (r"^/v\d+/", [], {}, "/v0/"),
        (r"^/api/v\d+/", [], {"/api": "/api/a"}, "/api/v0/"),
        (r"/api/v1.0/.*", ["/api/v1.0"], {"/api/v1.0": "/api/v1.0"}, "/api/v1a0/"),
        # What follows is about the second prefix, whatever happens to the first.
        (r"^/api(/v1/.*)?$", ["/api", "/api/v1"], {"/api": "/api/a", "/api/v1": "/api/v1"}, None),
        (r"^/$", [], {}, "/"),
        # A prefix may have any letter that has no other meaning.
        (r"/service path(/.*)?$", ["/service path"], {}, None),
        (r"/service\ path(/.*)?$", ["/service path"], {}, None),
        (r"/a\+b(/.*)?$", ["/a+b"], {}, None),
        (r"/x@y(/.*)?$", ["/x@y"], {}, None),
        (r"/über/straße(/.*)?$", ["/über/straße"], {}, None),
        (r"/(äpfel|birnen)(/.*)?$", ["/äpfel", "/birnen"], {}, None),
        (r"/\.well-known(/.*)?$", ["/.well-known"], {}, None),
        (r"/a=1;b='2',c:!(&)~(/.*)?$".replace("(&)", r"\(&\)"), ["/a=1;b='2',c:!(&)~"], {}, None),
        # These prefixes cover letters that the expression does not cover.
        (r"^/api(/[a-z]+)*/?$", ["/api"], {"/api": "/api/0"}, None),
        (r"^/api(/[ -~]*)?$", ["/api"], {"/api": "/api/é"}, None),
        (r"^/api(/[^@]*)?$", ["/api"], {"/api": "/api/@"}, None),
        # A key has none of these characters, so there is no prefix.
        (r"/users/<id>$", [], {}, "/users/<id>"),
    ],
)
def test_an_expression_of_paths_is_read_as_prefixes(expression, prefixes, wider, lost):
    covered = prefixes_of(expression)
    assert ([*covered.spellings], dict(covered.wider), covered.lost) == (prefixes, wider, lost)


@pytest.mark.parametrize(
    ("expression", "lost"),
    [
        (r"^/(api|v\d+)", {"/apia", "/v0"}),
        (r"^/(api|v\d+/docs|[a-z]{2}/api)/", {"/v0/docs/", "/aa/api/"}),
        # There is one example for each kind of mistake.
        (r"^/(graphql|api/v1).*$", {"/api/v1a"}),
    ],
)
def test_each_alternative_of_paths_that_is_lost_has_an_example(expression, lost):
    covered = prefixes_of(expression)
    assert {covered.lost, *covered.also_lost} == lost


@pytest.mark.parametrize(
    ("expression", "meant"),
    [
        ("api/*", ["/api"]),
        (r"api/v1/.*", ["/api/v1"]),
        (r"^graphql$", ["/graphql"]),
        (r"/service%20path$", []),
        (r"^$", []),
    ],
)
def test_an_expression_that_matches_no_path_is_reported_with_what_was_probably_meant(expression, meant):
    covered = prefixes_of(expression)
    assert (covered.nothing, covered.spellings, covered.lost) == (True, (), None)
    assert [text for text, _ in covered.wider] == meant


def test_a_verbose_expression_of_paths_is_read():
    expression = re.compile(
        r"""
        ^(
            /api/v2/search
            |/api/v2/embed  # shown elsewhere
        )
        """,
        re.VERBOSE,
    )
    assert prefixes_of(expression).spellings == ("/api/v2/embed", "/api/v2/search")


@pytest.mark.parametrize(
    "expression", ["^.*$", "/*", "/.*", ".*", "^/", re.compile("^/ .* $", re.VERBOSE), "(?s)^/.*$", "^/[^ü]*ü?"]
)
def test_an_expression_of_all_paths_is_reported_as_that(expression):
    assert prefixes_of(expression) == EVERYTHING


# Compared with `re` itself.

ATOMS = st.sampled_from(
    [*"ab-_", "/", ":", ".", r"\.", r"\d", r"\w", r"[ab]", r"[^.]", r"[a-z0-9-]", r"[\w-]", r"\S", "https", "com"]
)
QUANTIFIERS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{,2}", "*?"])


def composed(inner):
    group = st.builds("({})".format, inner) | st.builds("(?:{}|{})".format, inner, inner)
    return st.lists(st.builds(str.__add__, ATOMS | group, QUANTIFIERS), min_size=1, max_size=4).map("".join)


EXPRESSIONS = st.recursive(ATOMS, composed, max_leaves=8)
EDGES = st.tuples(st.sampled_from(["", "^"]), st.sampled_from(["", "$"]))


@given(EXPRESSIONS, EDGES, st.text(alphabet="ab1-_./:hcom", max_size=6))
def test_an_expression_is_read_as_re_reads_it(expression, edges, text):
    expression = edges[0] + expression + edges[1]
    assert _Comparison().has(_read(expression), text) == bool(re.match(expression, text))


def is_covered(origin, texts):
    return OriginIndex(map(OriginPattern.parse, texts)).covers(origin)


@tried(30)
@given(EXPRESSIONS, EDGES, st.data())
def test_every_lost_origin_is_announced_by_an_example(middle, edges, data):
    """
    Where no example says so, the patterns cover each origin that the expression covers.
    """
    expression = rf"{edges[0]}https?://{middle}\.example{edges[1]}"
    try:
        covered = patterns_of(expression)
    except ValueError:
        return
    origin = data.draw(st.from_regex(expression, alphabet=st.characters(codec="ascii")))
    origin = origin[: re.match(expression, origin).end()] if edges == ("^", "$") else origin
    if Origin.parse(origin) and re.match(expression, origin):
        assert not covered.nothing
        named = [*covered.spellings, *(text for text, _ in covered.wider)]
        assert covered.lost is not None or is_covered(origin, named)


@tried(100)
@given(EXPRESSIONS, EDGES, st.lists(st.text(alphabet="abé 1-_.@{", min_size=1), min_size=1, max_size=3), st.data())
def test_prefixes_cover_no_path_beyond_the_expression(middle, edges, segments, data):
    """
    The wider prefixes are the exception. What is lost has an example.
    """
    expression = rf"{edges[0]}/{middle}{edges[1]}"
    try:
        covered = prefixes_of(expression)
    except ValueError:
        return
    wider = {prefix for prefix, _ in covered.wider}
    for prefix in covered.spellings:
        assert problem_of_prefix(prefix) is None
        path = "/".join([prefix, *segments])
        assert prefix in wider or not has_one_reading(path) or re.match(expression, path)
    for _, example in covered.wider:
        assert covered.nothing or not re.match(expression, example)
    path = data.draw(st.from_regex(expression, alphabet=st.characters(codec="ascii")))
    if has_one_reading(path) and re.match(expression, path):
        assert not covered.nothing
        taken = any(path == prefix or path.startswith(f"{prefix}/") for prefix in covered.spellings)
        assert covered.all or taken or covered.lost is not None


def has_one_reading(path):
    # No path that a person means has control characters.
    return path.isprintable() and re.fullmatch(r"/|(/(?!\.{1,2}(/|\Z))[^/\\%]+)+/?", path) is not None


@tried(50)
@given(EXPRESSIONS, EDGES, st.lists(st.text(alphabet="ab1-_", min_size=1, max_size=63), min_size=1, max_size=3))
def test_no_pattern_covers_an_origin_beyond_the_expression(middle, edges, labels):
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
    for origin in (covered.lost, *covered.also_lost):
        assert origin is None or (re.match(expression, origin) and Origin.parse(origin))
        assert origin is None or not is_covered(origin, [*covered.spellings, *(text for text, _ in covered.wider)])


@pytest.mark.parametrize(
    "expression",
    share(
        [
            "[a-z].*exampleexample..*com*",
            r".*app.exampleexample(www\.)?(:\d+)?",
            "https://" + ".*" * 8,
            r"[^.]*[^.]*(.*\.)?(www\.)?appexample{1,3}(a|b)",
            ".*" * 100,
            "(.*x){20}",
            r"(a|.*)(a|.*){1,3}(www\.)?app.example",
            "c?" * 400,
            "(a|ab)*c*" * 10,
        ],
        2,
    ),
)
def test_the_work_of_reading_is_bounded(expression):
    """
    Some of these once took ten seconds and more. The test counts executed lines of Python, because time depends on the
    machine.
    """
    assert work_of(lambda: read_or_not(expression)) < 7_000_000


def read_or_not(expression):
    for function in (patterns_of, prefixes_of):
        with suppress(ValueError):
            function(expression)
