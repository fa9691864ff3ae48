"""
Properties of all policies and all requests, tried on inputs that are likely to break them.

The naive matcher here is written from the words of the grammar, without an index and without a regular expression.
"""

import string
from urllib.parse import unquote

import pytest
from hypothesis import Phase, assume, example, find, given, settings
from hypothesis import strategies as st
from kit.adapters import Application, environ_of, serve
from kit.cases import Reply, Request
from kit.sharing import tried

from corsguard import (
    CORSMiddleware,
    Decision,
    Origin,
    OriginPattern,
    Policies,
    Policy,
    PolicyError,
    Refusal,
    RequestKind,
    explain,
    negotiate,
)
from corsguard.audience import OriginIndex
from corsguard.negotiation import merge_vary

# The grammar, read naively.

LETTERS = set(string.ascii_lowercase + string.digits + "-_")
DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}


def naive_parts(origin):
    """
    Return scheme, labels and port of an origin that a browser could have sent, or None. Hosts in brackets are not
    drawn.
    """
    scheme, found, rest = origin.partition("://")
    if (
        not found
        or not scheme
        or not set(scheme) <= LETTERS - {"_"} | set("+.")
        or scheme[0] not in string.ascii_lowercase
    ):
        return None
    host, colon, port = rest.partition(":")
    if colon:
        if not port or not all(digit in string.digits for digit in port) or port[0] == "0":
            return None
        if int(port) > 65535 or port == DEFAULT_PORTS.get(scheme):
            return None
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > 253 or not all(1 <= len(label) <= 63 and set(label) <= LETTERS for label in labels):
        return None
    last = labels[-1]
    hexadecimal = last.startswith("0x") and all(digit in string.hexdigits for digit in last[2:])
    if all(digit in string.digits for digit in last) or hexadecimal:
        # A last label that is a number means IPv4, in canonical form.
        octets = host.split(".")
        if len(octets) != 4 or any(not o.isdigit() or str(int(o)) != o or int(o) > 255 for o in octets):
            return None
    return scheme, host.split("."), port


def naive_covers(pattern, origin):
    """
    Return whether *pattern* covers *origin*, label by label as the grammar says.
    """
    parts = naive_parts(origin)
    if parts is None:
        return False
    scheme, labels, port = parts
    wanted_scheme, _, rest = pattern.partition("://")
    host, _, wanted_port = rest.partition(":")
    if scheme != wanted_scheme or wanted_port not in ("*", port):
        return False
    wanted = host.split(".")
    if wanted[0] == "*":
        # Any subdomain, one or more labels deep, but not the base itself.
        base = wanted[1:]
        return len(labels) > len(base) and labels[len(labels) - len(base) :] == base
    return len(labels) == len(wanted) and all(map(naive_label, wanted, labels))


def naive_label(wanted, label):
    before, star, after = wanted.partition("*")
    if not star:
        return wanted == label
    # At least one character between the two.
    return len(label) > len(before) + len(after) and label.startswith(before) and label.endswith(after)


# Adversarial families: a few labels that are prefixes, suffixes and concatenations of each other.

LABELS = ["a", "aa", "aaa", "ab", "b", "foo", "bar", "barfoo", "foobar", "a-a", "-", "_", "1", "0x1", "xn--a"]
BASES = ["com", "foo.com", "bar.com", "barfoo.com", "a.a", "a", "oo.com", "x", "com."]
labels = st.sampled_from(LABELS)
schemes = st.sampled_from(["https", "http", "app"])
ports = st.sampled_from(["", ":1", ":8443", ":80", ":443", ":65535"])
hosts = st.builds(
    lambda front, base: ".".join([*front, base]),
    st.lists(labels, max_size=3),
    st.sampled_from(BASES),
)
starred = st.builds(
    lambda before, after: f"{before}*{after}",
    st.sampled_from(["", "a", "aa", "foo", "b-"]),
    st.sampled_from(["", "a", "aa", "-a", "r"]),
)
wild_hosts = st.one_of(
    hosts.map(lambda host: f"*.{host}"),
    st.builds(lambda front, star, host: ".".join([*front, star, host]), st.lists(labels, max_size=1), starred, hosts),
)
written = st.builds(
    lambda scheme, host, port: f"{scheme}://{host}{port}",
    schemes,
    st.one_of(hosts, wild_hosts, wild_hosts),
    st.one_of(ports, st.just(":*")),
)


def is_accepted(pattern):
    try:
        OriginPattern.parse(pattern)
    except PolicyError:
        return False
    return True


patterns = written.filter(is_accepted)
sent = st.builds(lambda scheme, host, port: f"{scheme}://{host}{port}", schemes, hosts, ports)


@st.composite
def lists_and_origins(draw):
    """
    Draw a list of patterns, and an origin near one of them: made from it, or joined from two of them.
    """
    listed = draw(st.lists(patterns, min_size=1, max_size=8))
    near = draw(st.sampled_from(listed))
    other = draw(st.sampled_from(listed))
    filling = draw(st.sampled_from([*LABELS, "", "a.b", ".", "*", "A", "a" * 63, "a" * 64]))
    port = draw(ports)
    filled = near.replace(":*", port).replace("*", filling)
    glued = filled + other.partition("://")[2].replace("*", filling).replace(":*", "")
    origin = draw(
        st.one_of(
            sent,
            st.just(filled),
            st.just(glued),
            st.sampled_from(LABELS).map(lambda label: filled.replace("://", f"://{label}")),
            st.sampled_from(LABELS).map(lambda label: filled.replace("://", f"://{label}.")),
            st.integers(0, len(filled)).map(lambda i: filled[:i] + filled[i + 1 :]),
            st.integers(0, len(filled)).map(lambda i: filled[:i] + "." + filled[i:]),
            st.just(filled + "."),
            st.just(near),
        )
    )
    return listed, origin


def decision_for(policy, origin, **more):
    return negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin, **more})


@tried(300)
@given(lists_and_origins())
@example((["https://foo.com", "https://bar.com"], "https://barfoo.com"))
@example((["https://*.foo.com", "https://*.bar.com"], "https://bar.foo.com"))
@example((["https://a*a.foo.com"], "https://aa.foo.com"))
@example((["https://*.com:*"], "https://foo.com:443"))
def test_the_matcher_agrees_with_the_naive_one(drawn):
    listed, origin = drawn
    decision = decision_for(Policy(allow_origins=listed), origin)
    if any(naive_covers(pattern, origin) for pattern in listed):
        assert decision.headers == (("Access-Control-Allow-Origin", origin), ("Vary", "Origin"))
    else:
        assert decision.headers == (("Vary", "Origin"),)
        assert decision.refusal is Refusal.ORIGIN


@tried(300)
@given(lists_and_origins())
@example(
    (["https://*.foo.com", "https://a.foo.com:*", "https://a*.foo.com:*", "https://*a.foo.com"], "https://a.foo.com")
)
@example((["https://foo.com:*", "https://f*.com", "https://*o.com", "https://fo*.com"], "https://foo.com"))
def test_all_patterns_that_cover_an_origin_are_found(drawn):
    listed, origin = drawn
    parsed = Origin.parse(origin)
    if parsed is not None:
        index = OriginIndex([OriginPattern.parse(pattern) for pattern in listed])
        expected = {pattern for pattern in listed if naive_covers(pattern, origin)}
        assert sorted(index.patterns_for(parsed)) == sorted(expected)


@tried(200)
@given(st.one_of(sent, written, lists_and_origins().map(lambda drawn: drawn[1])))
def test_the_origin_parser_agrees_with_the_naive_one(text):
    parts = naive_parts(text)
    origin = Origin.parse(text)
    assert (origin is None) == (parts is None)
    if origin is not None:
        assert str(origin) == text
        assert (origin.scheme, origin.host.split("."), str(origin.port or "")) == parts


@tried(80)
@given(lists_and_origins(), st.randoms(use_true_random=False), st.integers(1, 3))
def test_order_and_duplicates_of_patterns_change_no_decision(drawn, random, times):
    listed, origin = drawn
    shuffled = listed * times
    random.shuffle(shuffled)
    plain, mixed, unordered = (Policy(allow_origins=given) for given in (listed, shuffled, set(listed)))
    assert decision_for(plain, origin) == decision_for(mixed, origin) == decision_for(unordered, origin)


@tried(80)
@given(lists_and_origins(), st.lists(patterns, max_size=4))
def test_more_patterns_never_take_a_grant_away(drawn, more):
    listed, origin = drawn
    if decision_for(Policy(allow_origins=listed), origin).refusal is None:
        assert decision_for(Policy(allow_origins=[*more, *listed]), origin).refusal is None


@tried(80)
@given(patterns)
def test_an_accepted_pattern_is_the_pattern_that_it_prints(text):
    pattern = OriginPattern.parse(text)
    assert str(pattern) == text
    assert OriginPattern.parse(str(pattern)) == pattern


@tried(80)
@given(patterns.filter(lambda text: "*" not in text), lists_and_origins())
def test_an_exact_pattern_is_an_origin_that_covers_itself_only(text, drawn):
    assert str(Origin.parse(text)) == text
    policy = Policy(allow_origins=[text])
    assert decision_for(policy, text).headers == (("Access-Control-Allow-Origin", text), ("Vary", "Origin"))
    for other in (drawn[1], f"{text}.", text[:-1], f"{text}/", text.upper(), f" {text}"):
        assert (decision_for(policy, other).refusal is None) == (other == text)


@tried(200)
@given(
    st.text(min_size=1, max_size=60) | st.text("htps:/.*-_ab1[]@,;\\", max_size=40).map(lambda text: f"https://{text}")
)
def test_a_text_is_a_pattern_or_is_refused_with_forms_that_are_patterns(text):
    try:
        assert str(OriginPattern.parse(text)) == text
    except PolicyError as error:
        (problem,) = error.problems
        assert problem.value == text
        for entry in problem.fix.entries:
            OriginPattern.parse(entry.strip('"'))


@tried(150)
@given(st.lists(patterns, min_size=2, max_size=5, unique=True), st.data())
def test_a_pattern_that_is_called_covered_covers_nothing_of_its_own(listed, data):
    policy = Policy(allow_origins=listed)
    covered = {warning.value: warning.covered_by for warning in policy.warnings if warning.code == "W105"}
    for pattern in listed:
        host, port = pattern.partition("://")[2], data.draw(ports)
        filling = data.draw(st.sampled_from(["q", "q.q", "a", "aa", "a.q", "foo", "q-q"]))
        sample = f"{pattern.partition('://')[0]}://{host.removesuffix(':*').replace('*', filling)}"
        sample += port if host.endswith(":*") else ""
        others = [other for other in listed if other != pattern]
        if naive_covers(pattern, sample) and pattern in covered:
            assert naive_covers(covered[pattern], sample)
            assert covered[pattern] in others


@tried(150)
@given(st.lists(patterns, min_size=2, max_size=4, unique=True))
@example(["https://a*.foo.com", "https://*0.foo.com"])
@example(["https://a*.foo.com", "https://*z.foo.com"])
@example(["https://*.foo.com", "https://*.0.foo.com"])
@example(["https://*.foo.com", "https://*.z.foo.com"])
@example(["https://foo.com:*", "https://foo.com"])
@example(["https://*.foo.com:*", "https://*.foo.com:1"])
def test_a_pattern_that_another_one_covers_is_called_covered(listed):
    # The samples share only the pattern. A pattern that covers them all covers all of it.
    covered = {w.value for w in Policy(allow_origins=listed).warnings if w.code == "W105"}
    for pattern in listed:
        scheme, _, rest = pattern.partition("://")
        host = rest.removesuffix(":*").replace("*", "{}")
        fillings = ["q", "7-_w", "k.q", "z.z.z"] if host.startswith("{}.") else ["q", "7-_w"]
        endings = ["", ":2", ":60000"] if rest.endswith(":*") else [""]
        samples = [f"{scheme}://{host.format(filling)}{ending}" for filling in fillings for ending in endings]
        assert all(naive_covers(pattern, sample) for sample in samples)
        whole = any(all(naive_covers(other, sample) for sample in samples) for other in listed if other != pattern)
        assert (pattern in covered) == whole


# Any strings and any policy.

anything = st.one_of(
    st.none(),
    st.text(max_size=40),
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from(
        ["", "null", "*", "OPTIONS", "https://a.example", "https://x.b.example", "https://[", "http://[::1]"]
    ),
    st.binary(max_size=20).map(lambda data: data.decode("latin-1")),
)
environs = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        [
            "REQUEST_METHOD",
            "PATH_INFO",
            "HTTP_ORIGIN",
            "HTTP_ACCESS_CONTROL_REQUEST_METHOD",
            "HTTP_ACCESS_CONTROL_REQUEST_HEADERS",
            "HTTP_SEC_FETCH_SITE",
        ],
        anything.filter(lambda value: value is not None) | st.just("OPTIONS"),
    ),
)


class PartlyFailing:
    """
    An origin source that grants some origins and fails for others.
    """

    def __contains__(self, origin):
        if "x" in origin:
            raise LookupError(origin)
        return "a" in origin


POLICIES = [
    Policy(allow_origins="*"),
    Policy(allow_origins="*", allow_methods="*", allow_headers="*", expose_headers="*", preflight_status=200),
    Policy(allow_origins=["https://a.example", "https://*.b.example", "http://[::1]:*"], allow_credentials=True),
    Policy(allow_unsafe_origins={"null": "a test"}, max_age=None),
    Policy(allow_origins=PartlyFailing(), max_age=0),
    Policy(allow_origins=PartlyFailing(), allow_credentials=True),
]


@tried(300)
@given(st.sampled_from(POLICIES), environs)
def test_negotiation_never_raises_and_echoes_one_valid_origin_at_most(policy, environ):
    before = dict(environ)
    decision = negotiate(policy, environ)
    assert isinstance(decision, Decision)
    assert environ == before
    origin = environ.get("HTTP_ORIGIN")
    allowed = [value for name, value in decision.headers if name == "Access-Control-Allow-Origin"]
    if decision.refusal is None and (origin is not None or policy.allow_origins == "*"):
        assert allowed == (["*"] if policy.allow_origins == "*" else [origin])
        assert allowed[0] in ("*", "null") or str(Origin.parse(allowed[0])) == allowed[0]
    else:
        assert allowed == []
    for name, value in decision.headers:
        assert (name + value).isascii()
        assert (name + value).isprintable()
    assert (decision.status is None) == (decision.kind is not RequestKind.PREFLIGHT)
    assert (decision.refusal is None) or policy.allow_origins != "*"


@tried(80)
@given(st.sampled_from(POLICIES), environs)
def test_an_explanation_never_raises_and_has_the_same_decision(policy, environ):
    decision = negotiate(policy, environ)
    explanation = explain(policy, environ)
    assert str(explanation)
    assert explanation.kind is decision.kind
    assert explanation.headers == decision.headers


names = st.sampled_from(["Origin", "origin", "ORIGIN", "Cookie", "Accept-Encoding", "*", "X-a", ""])
varies = st.lists(names, max_size=5).flatmap(
    lambda listed: st.sampled_from([",", ", ", " , "]).map(lambda comma: comma.join(listed))
)


@tried(80)
@given(st.lists(varies, max_size=4))
def test_merging_vary_again_changes_nothing(values):
    merged = merge_vary(*values)
    assert merge_vary(merged) == merge_vary(merged, merged) == merge_vary(*values, *values) == merged


@tried(80)
@given(st.lists(varies, max_size=4), st.lists(varies, max_size=4))
def test_vary_keeps_its_order_and_its_first_spellings(first, more):
    before, after = merge_vary(*first), merge_vary(*first, *more)
    if "*" in (before, after):
        assert after == "*"
    else:
        assert after.startswith(before)
        listed = [name.lower() for name in after.split(", ") if name]
        assert len(listed) == len(set(listed))
        assert set(listed) == {name.strip().lower() for value in (*first, *more) for name in value.split(",")} - {""}


@tried(80)
@given(st.lists(varies, max_size=3), st.lists(varies, max_size=3))
def test_a_star_in_vary_takes_the_place_of_all_names(before, after):
    assert merge_vary(*before, "*", *after) == "*"


lines = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "Vary",
                "vary",
                "Access-Control-Allow-Origin",
                "access-control-allow-credentials",
                "Access-Control-Max-Age",
                "X-One",
                "Set-Cookie",
                "ETag",
            ]
        ),
        st.sampled_from(["*", "Origin", "Cookie, origin", "https://a.example", "true", "null"]),
    ),
    max_size=5,
)
requests = st.builds(
    Request,
    st.sampled_from(["GET", "OPTIONS", "HEAD", "POST"]),
    st.fixed_dictionaries(
        {},
        optional={
            "Origin": st.sampled_from(["https://a.example", "https://x.b.example", "https://c.example", "null", ""]),
            "Access-Control-Request-Method": st.sampled_from(["PUT", "patch", ""]),
        },
    ),
)


def lines_of_cors(headers):
    return sorted((n.lower(), v) for n, v in headers if n.lower().startswith("access-control-") or n.lower() == "vary")


@tried(150)
@given(st.sampled_from(POLICIES), requests, lines)
def test_applying_the_guard_twice_equals_applying_it_once(policy, asked, given_lines):
    reply = Reply(200, tuple(given_lines))
    once = serve(CORSMiddleware(Application(reply), policy), environ_of(asked))
    twice = serve(CORSMiddleware(CORSMiddleware(Application(reply), policy), policy), environ_of(asked))
    assert (once[0], once[2], lines_of_cors(once[1])) == (twice[0], twice[2], lines_of_cors(twice[1]))
    assert sorted(once[1]) == sorted(twice[1])


@tried(80)
@given(st.sampled_from(POLICIES), requests, lines)
def test_all_cors_headers_that_are_sent_are_those_of_the_policy(policy, asked, given_lines):
    environ = environ_of(asked)
    decision = negotiate(policy, environ)
    app = Application(Reply(200, tuple(given_lines)))
    status, headers, _ = serve(CORSMiddleware(app, policy), environ)
    assert app.ran == (decision.status is None)
    assert status == (decision.status or 200)
    of_cors = [line for line in headers if line[0].lower().startswith("access-control-")]
    assert sorted(of_cors) == sorted(line for line in decision.headers if line[0].startswith("Access-Control-"))
    varies_on = [value for name, value in headers if name.lower() == "vary"]
    # Vary names all that the decision depends on, once.
    wanted = {name.lower() for name in decision.vary.split(", ") if name}
    if app.ran:
        others = {"X-One", "Set-Cookie", "ETag"}
        theirs = [value for name, value in given_lines if name.lower() == "vary"]
        assert varies_on == ([value] if (value := merge_vary(*theirs, decision.vary)) else []) or not wanted
        assert [line for line in headers if line[0] in others] == [line for line in given_lines if line[0] in others]
    said = {name.strip().lower() for value in varies_on for name in value.split(",")}
    assert wanted <= said or "*" in said


segments = st.sampled_from(
    [
        *("api", "apiary", "ap", "a", "b", "A", "a b", "\u00e9", "..", ".", "...", ""),
        *("%61", "%62", "%C3%A9", "a%20b", "%2e", "%2E%2e", "%2F", "..%2fa", "%5c", "%252e", "%", "%zz"),
        *("a\\b", "\\", "..\\", "\\..\\a"),
    ]
)
paths = st.lists(segments, max_size=5).map(lambda parts: "/" + "/".join(parts))
prefixes = st.lists(st.sampled_from(["api", "apiary", "a", "b", "\u00e9", "..."]), max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)


def naive_policy_at(by_prefix, path):
    """
    Return the value at the longest prefix of whole segments of *path*, which is not decoded.
    """
    trimmed = path if path == "/" else path.removesuffix("/")
    fitting = [prefix for prefix in by_prefix if prefix in {"/", trimmed} or trimmed.startswith(f"{prefix}/")]
    return by_prefix[max(fitting, key=len)] if fitting else "unguarded"


def naive_readings(path):
    """
    Return all paths that software may read in *path*, if it does some of these four steps in any order and decodes at
    most twice.
    """
    seen, waiting = set(), [(path, 0)]
    while waiting:
        reading, decoded = here = waiting.pop()
        if here not in seen:
            seen.add(here)
            waiting += [(reading.replace("\\", "/"), decoded), (naive_merged(reading), decoded)]
            waiting += [(naive_resolved(reading), decoded)]
            waiting += [(unquote(reading), decoded + 1)] if decoded < 2 else []
    return {reading for reading, _ in seen}


def naive_merged(path):
    while "//" in path:
        path = path.replace("//", "/")
    return path


def naive_resolved(rest):
    """
    Return *rest* without dot segments, by the steps of RFC 3986, 5.2.4.
    """
    done = ""
    while rest:
        if rest.startswith("/./") or rest == "/.":
            rest = f"/{rest[3:]}"
        elif rest.startswith("/../") or rest == "/..":
            rest = f"/{rest[4:]}"
            done = done.rpartition("/")[0]
        else:
            slash = rest.find("/", 1)
            end = len(rest) if slash < 0 else slash
            done, rest = done + rest[:end], rest[end:]
    return done


by_prefixes = st.dictionaries(prefixes, st.sampled_from([*POLICIES, None, "unguarded"]), max_size=6)


@tried(200)
@given(by_prefixes, paths)
def test_the_policy_of_a_path_is_that_of_the_longest_prefix_of_all_its_readings(by_prefix, path):
    found = Policies({"paths": by_prefix}).table.find(path)
    policies = [naive_policy_at(by_prefix, reading) for reading in naive_readings(path)]
    if all(policy == policies[0] for policy in policies):
        assert (found.policy, found.is_odd, found.varies) == (policies[0], False, False)
    else:
        lists = [policy for policy in policies if isinstance(policy, Policy) and policy.allow_origins != "*"]
        assert (found.policy, found.is_odd, found.varies) == (None, True, bool(lists))


@tried(80)
@given(by_prefixes, paths)
def test_one_more_prefix_with_the_same_policy_changes_nothing(by_prefix, path):
    everywhere = {**by_prefix, "/": POLICIES[2]}
    assert Policies({**everywhere, "/quite/another": POLICIES[2]}).policy_for(path) == Policies(everywhere).policy_for(
        path
    )


@tried(80)
@given(by_prefixes, st.text(max_size=30) | st.text("/.\\%25ef", max_size=30))
def test_no_path_makes_the_lookup_raise(by_prefix, text):
    for path in (text, f"/{text}", f"/api/{text}"):
        assert Policies({"paths": by_prefix}).policy_for(path) in (None, "unguarded", *by_prefix.values())
        assert Policies(POLICIES[0]).policy_for(path) is POLICIES[0]


def test_the_naive_matcher_says_both_yes_and_no():
    # If it always agreed, it would prove nothing.
    assert naive_covers("https://*.foo.com", "https://a.foo.com")
    assert not naive_covers("https://*.foo.com", "https://foo.com")
    assert not naive_covers("https://*.foo.com", "https://afoo.com")
    assert naive_covers("https://a*a.com", "https://aaa.com")
    assert not naive_covers("https://a*a.com", "https://aa.com")
    assert not naive_covers("https://foo.com:*", "https://foo.com:443")
    assert not naive_covers("https://foo.com", "http://foo.com")
    assert naive_parts("https://1.2.3.4") is not None
    assert naive_parts("https://foo.1") is None


@pytest.mark.parametrize("kind", ["granted", "refused"])
def test_the_families_draw_both_kinds_of_origins(kind):
    # Otherwise the properties above would be empty.
    def is_of_kind(drawn):
        listed, origin = drawn
        assume(len(listed) > 1 and naive_parts(origin) is not None)
        return any(naive_covers(pattern, origin) for pattern in listed) == (kind == "granted")

    find(lists_and_origins(), is_of_kind, settings=settings(tried(3_000), phases=[Phase.generate]))
