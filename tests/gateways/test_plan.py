"""
The expressions that all targets share. Those of origins are compared with the matcher, and those of paths with the
policies.
"""

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kit.gateways import DOTS, PATHS, POLICIES, SPELLINGS
from kit.tenants import HOSTS as TENANTS
from kit.tenants import TENANT_OF

from corsguard import Policies, Policy
from corsguard.gateways.plan import ODD, literal, loose, plan_of, strict
from corsguard.hosts import key_of
from corsguard.origin import SHORT_HOST, OriginPattern

LABELS = st.text("ab0-_", min_size=1, max_size=4) | st.sampled_from(["a" * 62, "a" * 63, "a" * 64])
HOSTS = st.lists(LABELS, min_size=1, max_size=5).map(".".join) | st.sampled_from(
    ["example.org", "localhost", "a.example.org", "pr-1.example.org", "[::1]", "127.0.0.1", "."]
)
PORTS = st.sampled_from(["", ":80", ":443", ":0", ":08", ":65535", ":65536"]) | st.integers(0, 70000).map(":{}".format)
SCHEMES = st.sampled_from(["http", "https", "app", "app+x.y"])
ENDS = st.sampled_from(["", ".", "/", ".example.org", ".example.org.", ".evil.example", " ", "\n"])
PATTERNS = [
    OriginPattern.parse(text)
    for text in (
        "https://*.example.org",
        "https://*.example.org.",
        "http://*.example.org:*",
        "https://pr-*.example.org",
        "https://*--shop.example.org:8443",
        "https://a*b.example.org:*",
        "http://localhost:*",
        "http://[::1]:*",
        "https://127.0.0.1:*",
        "app://*.example.org:*",
        "app+x.y://localhost:*",
    )
]


def matches(pattern, origin):
    return re.search(SHORT_HOST, origin) is not None and re.search(pattern.expression, origin) is not None


@given(st.sampled_from(PATTERNS), st.tuples(SCHEMES, HOSTS, ENDS, PORTS))
@example(PATTERNS[0], ("https", f"{'a.' * 120}example.org", "", ""))
@example(PATTERNS[0], ("https", f"{'a.' * 121}a.example.org", "", ""))
def test_an_expression_matches_what_its_pattern_covers(pattern, parts):
    scheme, host, end, port = parts
    origin = f"{scheme}://{host}{end}{port}"
    covers = Policy(allow_origins=[str(pattern)]).audience.covers(origin)
    # A header has no line end. Python's `$` would allow one.
    assert matches(pattern, origin) is covers or "\n" in origin


# All ports near the limits that an expression has to distinguish.
SOME_PORTS = [*range(1100), *range(9900, 10100), *range(59900, 60100), *range(64900, 66000)]


@pytest.mark.parametrize("ports", [SOME_PORTS, pytest.param(range(66000), marks=pytest.mark.long)], ids=["some", "all"])
@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
def test_every_port_is_distinguished(pattern, ports):
    audience = Policy(allow_origins=[str(pattern)]).audience
    host = pattern.host.replace("*", "x")
    for port in ports:
        origin = f"{pattern.scheme}://{host}:{port}"
        assert matches(pattern, origin) is audience.covers(origin), origin


def test_any_host_of_a_scheme_has_no_expression():
    assert OriginPattern.parse("vscode-webview://*").expression is None


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=8), st.text(max_size=3))
def test_a_literal_only_matches_itself(text, more):
    assert re.fullmatch(literal(text), text)
    assert bool(more) is (re.fullmatch(literal(text), text + more) is None)


def zone_of(plan, path):
    """
    Return the zone that a gateway finds for the raw *path*, or None if the path is odd.
    """
    first = [
        next((zone.name for zone in plan.zones if re.search(spelled(plan.mount + zone.prefix), path)), "-")
        for spelled in (strict, loose)
    ]
    return None if first[0] != first[1] or re.search(ODD, path) else first[0]


PLAN = plan_of(Policies(POLICIES).table)
NAMES = {zone.prefix or "/": zone.name for zone in PLAN.zones}


def expected(path):
    """
    Return the same for the policies themselves. They see the path after a server decoded it.
    """
    found = Policies(POLICIES).table.find(unquote(path, "utf-8"))
    return None if found.is_odd else NAMES.get(found.name, "-")


@pytest.mark.parametrize("path", [path.partition("?")[0] for path in (*PATHS, *SPELLINGS)])
def test_a_path_is_in_the_zone_of_its_policy(path):
    found = zone_of(PLAN, path)
    # For the policies, several closed zones are one.
    is_closed = Policies(POLICIES).policy_for(unquote(path)) is None
    assert found == expected(path) or (found is None and is_closed)


@pytest.mark.parametrize("path", DOTS)
def test_a_path_with_dot_segments_is_in_no_zone(path):
    assert zone_of(PLAN, path) is None


PIECES = st.sampled_from(
    ["/", "//", "api", "internal", "open", "old", "x", "%2F", "%2f", "\\", "%5C", "%61pi", "%2561pi", "%25", "%41", "é"]
)


@given(st.lists(PIECES, max_size=7).map(lambda pieces: "/" + "".join(pieces)))
def test_no_spelling_of_a_path_finds_another_policy(path):
    """
    A gateway finds the zone of its policy, or none, for every path.
    """
    found = zone_of(PLAN, path)
    assert found is None or found == expected(path)


def test_names_are_distinct():
    plan = plan_of(Policies({"/a-b": None, "/a_b": None, "/a/b": None, "/": None}).table)
    assert len({zone.name for zone in plan.zones}) == 4


@pytest.mark.parametrize(
    ("policies", "mount", "chooses", "leaves"),
    [
        ({"allow_origins": "*"}, "", False, False),
        ({"allow_origins": "*"}, "/app", True, True),
        ({"/api": None}, "", True, True),
        ({"/api": {"allow_origins": "*"}, "/": None}, "", True, False),
        ({"/api": "unguarded", "/": None}, "", True, True),
        ({"hosts": {"a.example": {"allow_origins": "*"}}}, "", False, True),
        (None, "", False, False),
        ({"paths": {}}, "", False, True),
    ],
)
def test_the_path_decides_and_the_rest_is_left_to_the_application(policies, mount, chooses, leaves):
    plan = plan_of(Policies(policies).table, mount)
    assert ([site.chooses for site in plan.sites], plan.leaves) == ([chooses], leaves)


def host_of(plan, sent):
    """
    Return the key of the site that a gateway finds for the `Host` *sent*, or None.
    """
    # If an expression ignores case, Python takes some letters beyond ASCII for others.
    found = next((site for expression, site in plan.hosts if re.search(expression, sent, re.ASCII)), None)
    return found.host if found else None


HOST_LABELS = st.sampled_from(["a", "b", "A", "x-y_z", "0", "k", "s", "\u212a", "\u017f", "", "a" * 63, "a" * 64])
HOST_NAMES = st.lists(HOST_LABELS, min_size=1, max_size=4).map(".".join)
HOST_PORTS = st.sampled_from(["", ":", ":80", ":443", ":81", ":0", ":081", ":65535", ":65536", ".", " ", "/"])
KEYS = st.builds("{}{}{}".format, st.sampled_from(["", "*."]), HOST_NAMES, st.sampled_from(["", ":80", ":81"]))
ADDRESSES = st.sampled_from(
    ["[::1]", "[::1]:81", "127.0.0.1", "127.0.0.1:81", "[0::1]", f"{'a.' * 127}a", f"{'a.' * 126}a"]
)


@given(st.sets(KEYS | ADDRESSES, min_size=1, max_size=6), st.data())
def test_a_host_finds_the_site_of_its_key(keys, data):
    keys = {key_of(key) for key in keys} - {None}
    table = Policies({"hosts": dict.fromkeys(keys)}).table
    near = st.sampled_from([*keys]).map(lambda key: key.replace("*.", "a.")) if keys else st.nothing()
    sent = data.draw(st.builds("{}{}".format, HOST_NAMES | near, HOST_PORTS) | ADDRESSES)
    means = next((key for key in keys if table.at(sent) is table.by_host[key]), None)
    assert host_of(plan_of(table), sent) == means


@pytest.mark.parametrize("sent", [host for host in TENANT_OF if "\n" not in host])
def test_every_spelling_of_a_host_is_read(sent):
    table = Policies(TENANTS).table
    means = next((key for key, at in table.by_host.items() if table.at(sent) is at), None)
    assert host_of(plan_of(table), sent) == means


@pytest.mark.parametrize(
    ("path", "zone"),
    [("/app", "all"), ("/app/x", "all"), ("/apps", "-"), ("/", "-"), ("/app//x", "all"), ("//app", None)],
)
def test_all_paths_are_below_the_mount(path, zone):
    assert zone_of(plan_of(Policies({"allow_origins": "*"}).table, "/app"), path) == zone
