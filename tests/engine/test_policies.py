"""
Which policy guards which path, the names of policies, and how they are swapped.
"""

import threading
from types import MappingProxyType

import pytest
from kit.building import API, KEYWORDS

from corsguard import Configuration, Policies, Policy, PolicyError
from corsguard.adapters import Assignment
from corsguard.policies import UNGUARDED

ROOT = Policy(allow_origins=["https://root.example"])
DEEP = Policy(allow_origins=["https://deep.example"])
ANYONE = Policy(allow_origins="*")

PATHS = Policies(
    {
        "/": ROOT,
        "/api": API,
        "/api/deep": DEEP,
        "/api/closed": None,
        "/api/own": "unguarded",
        "/v1/users": DEEP,
        "/\u00e9l\u00e8ve": DEEP,
        "/a b": DEEP,
    }
)


@pytest.mark.parametrize(
    ("path", "policy"),
    {
        "/": ROOT,
        "": ROOT,
        "/x": ROOT,
        "/x/": ROOT,
        "/x/y": ROOT,
        "/api": API,
        "/api/": API,
        "/api/x": API,
        "/api/x/y/": API,
        "/apiary": ROOT,
        "/api-private": ROOT,
        "/api.json": ROOT,
        "/api;x": ROOT,
        "/API": ROOT,
        "/Api/x": ROOT,
        "/x/api": ROOT,
        "/api/deep": DEEP,
        "/api/deep/": DEEP,
        "/api/deep/x": DEEP,
        "/api/deeper": API,
        "/api/closed": None,
        "/api/closed/": None,
        "/api/closed/x": None,
        "/api/closedness": API,
        "/api/own": "unguarded",
        "/api/own/": "unguarded",
        "/api/own/x": "unguarded",
        "/api/owner": API,
        "/v1": ROOT,
        "/v1/orders": ROOT,
        "/v1/users/7": DEEP,
        "/\u00e9l\u00e8ve": DEEP,
        "/\u00e9l\u00e8ve/x": DEEP,
        "/e\u0301le\u0300ve": ROOT,
        "/a b": DEEP,
        "/a+b": ROOT,
        # Flask reads a path without its leading slash as if it had one.
        "api": API,
        "api/deep": DEEP,
        "apiary": ROOT,
        "*": ROOT,
        " /api": ROOT,
        # These only look as if they could be read in several ways.
        "/api/...": API,
        "/api/.hidden": API,
        "/api/x..y": API,
        "/api/x.": API,
        "/api/..x": API,
        "/api/%": API,
        "/api/%2": API,
        "/api/%zz": API,
        "/api\x00": ROOT,
        "/api\n": ROOT,
        "/api/.\n": API,
        "/api\ufffd": ROOT,
    }.items(),
    ids=ascii,
)
def test_the_longest_prefix_of_whole_segments_decides(path, policy):
    assert PATHS.policy_for(path) is policy
    assert PATHS.table.find(path).is_odd is False


@pytest.mark.parametrize("path", ["/", "", "/x", "/apiary", "/ap", "/x/../y", "//", "/x%20y"])
def test_a_path_without_a_prefix_is_not_touched(path):
    assert Policies({"/api": API}).policy_for(path) == "unguarded"
    assert Policies({"/api": API}).table.find(path) == Assignment(UNGUARDED, "")


def test_the_order_of_prefixes_does_not_matter():
    reversed_paths = Policies({"/api/deep": DEEP, "/api": API, "/": ROOT})
    for path, policy in {"/api/deep/x": DEEP, "/api/x": API, "/x": ROOT}.items():
        assert reversed_paths.policy_for(path) is policy


def test_policies_do_not_change_with_the_mapping_they_were_built_from():
    given = {"/api": API}
    policies = Policies(given)
    given["/"] = ROOT
    assert policies.policy_for("/x") == "unguarded"


# Paths that software can read in several ways.


@pytest.mark.parametrize(
    ("path", "policy"),
    {
        "/..": ROOT,
        "/.": ROOT,
        "//": ROOT,
        "/\\": ROOT,
        "/x//y": ROOT,
        "/x/../y": ROOT,
        "/x/%2e%2e/y": ROOT,
        "/%41": ROOT,
        "http://host/api": ROOT,
        "/api/./x": API,
        "/api/.": API,
        "/api//": API,
        "/api//x": API,
        "/api/x/..": API,
        "/api/x/../y": API,
        "/api/x\\y": API,
        "/api/x%20y": API,
        "/api/%2e/x": API,
        "/api/%25252e%25252e/x": API,
        "/api/deep//x/../y": DEEP,
        "api//x": API,
        "/api/closed//x": None,
        "/api/closed/./x": None,
        "/api/own//x": "unguarded",
        "/api/own/%41": "unguarded",
    }.items(),
    ids=ascii,
)
def test_an_odd_path_has_the_policy_that_all_its_readings_share(path, policy):
    assert PATHS.policy_for(path) is policy
    assert PATHS.table.find(path).is_odd is False


@pytest.mark.parametrize(
    "path",
    [
        # One server decodes every path except that of OPTIONS, and one application decodes again.
        "/api/%252e%252e/x",
        # Dot segments: resolved or not.
        "/api/../x",
        "/api/..",
        "/../api",
        "/x/../api",
        "/./api",
        "/api/deep/..",
        "/api/deep/../x",
        "/api/deep/./../x",
        "/api/./deep",
        "/api/closed/../x",
        "/api/own/../x",
        # Slashes: merged or not.
        "//api",
        "///api",
        "/api//deep",
        "/api//closed",
        "/api//own",
        "//x/../api",
        # A backslash: read as a slash or not.
        "/api\\x",
        "\\api",
        "/\\api",
        "/api/deep\\x",
        "/api/closed\\x",
        "/x\\..\\api",
        # Decoded again or not. Some servers do not decode, and some clients encode twice.
        "/%61pi",
        "/%C3%A9l%C3%A8ve",
        "/%c3%a9l%c3%a8ve/x",
        "/a%20b",
        "/api%2Fdeep",
        "/api%2fx",
        "/api/deep%2f..",
        "/api/%64eep",
        "/api/%63losed",
        # Two or more of these, in any order.
        "/api/%2e%2e/x",
        "/api%5Cdeep",
        "/%2Fapi",
        "/x/%5c..%5c..%5capi",
        "/x//../../api",
        "/x/..//api",
        "/.//api",
        "/..\\api",
        "/.\\.\\api/x",
        "/./%61pi/%2e%2e",
        "/api/%2e%2e%2fx/../%64eep",
        "api/../x",
        "..\\api",
    ],
    ids=ascii,
)
def test_an_odd_path_whose_readings_have_different_policies_is_closed(path):
    assert PATHS.policy_for(path) is None
    assert PATHS.table.find(path) == Assignment(None, "", is_odd=True, varies=True)


def test_slashes_merged_before_and_after_dot_segments_are_two_readings():
    # If slashes are merged first, `..` removes `x`. If not, it removes the empty segment.
    policies = Policies({"/": ROOT, "/x": API})
    assert policies.table.find("/x//..").is_odd
    assert Policies({"/": ROOT, "/x/y": API}).table.find("/x//../y").is_odd


@pytest.mark.parametrize(
    ("by_prefix", "varies"),
    [
        ({"/": ANYONE, "/api": ROOT}, True),
        ({"/": ROOT, "/api": ANYONE}, True),
        ({"/api": ROOT}, True),
        ({"/": None, "/api": ROOT}, True),
        ({"/": ANYONE, "/api": None}, False),
        ({"/": "unguarded", "/api": None}, False),
        ({"/api": ANYONE}, False),
    ],
    ids=str,
)
def test_an_odd_path_varies_if_the_policy_of_a_reading_has_a_list(by_prefix, varies):
    assert Policies(by_prefix).table.find("/api/../x") == Assignment(None, "", is_odd=True, varies=varies)


def test_equal_policies_count_as_one_for_an_odd_path():
    twin = Policy(allow_origins=["https://root.example"])
    policies = Policies({"/": ROOT, "/api": twin})
    assert policies.table.find("/api/../x")[:2] == (twin, "/api")
    assert policies.table.find("/x/../api")[:2] == (ROOT, "/")


@pytest.mark.parametrize("policies", [ROOT, {"/": ROOT}, None, {"/": None}, {"/": "unguarded"}], ids=str)
@pytest.mark.parametrize("path", ["/api/../x", "//", "/%2e%2e", "\\", "x"])
def test_a_single_policy_never_reads_the_path(policies, path):
    policies = Policies(policies)
    assert policies.table.find(path) is policies.table.find("/")
    assert not policies.table.find(path).is_odd


def test_the_path_of_a_tagged_view_is_read_in_all_ways_too():
    of_view = Assignment(API, "view")
    table = Policies(ROOT).table
    views = {"/x": of_view, "/y": of_view, "/z": Assignment(None, "closed")}
    assert table.find("/x", views.get) is of_view
    assert table.find("/other", views.get)[:2] == (ROOT, "policy")
    assert table.find("x", views.get) is of_view
    assert table.find("/x/../other", views.get)[:2] == (ROOT, "policy")
    for path in ("//x", "/other/../x", "/%78", "/x/../z"):
        assert table.find(path, views.get) == Assignment(None, "", is_odd=True, varies=True), path
    assert table.find("/z/../x/../z", {**views, "/z/../x/../z": views["/z"]}.get).is_odd is False
    assert table.find("/a/../x", {**views, "/a/../x": of_view}.get) is of_view
    # The tag of a view takes the place of the policy of its path, even if it is a word such as `closed`.
    assert table.find("/z", {"/z": Assignment(UNGUARDED, "own")}.get) == Assignment(UNGUARDED, "own")


def test_a_view_finder_is_asked_for_each_reading_once():
    asked = []
    Policies(ROOT).table.find("/a//../b", asked.append)
    assert sorted(asked) == ["/a/../b", "/a//../b", "/a/b", "/b"]
    asked.clear()
    Policies(ROOT).table.find("/plain/path", asked.append)
    assert asked == ["/plain/path"]


@pytest.mark.parametrize("unit", ["/x", "//", "/.", "/..", "\\", "%2e", "/..//", "%2f..", "\\.\\", "/x/..//%5c"])
def test_a_very_long_path_has_a_policy_too(unit):
    assert PATHS.policy_for("/api/" + unit * 100_000) in (API, None)
    assert PATHS.policy_for("/api" + "/x" * 100_000) is API


def test_a_single_policy_is_named_policy():
    for given in (API, KEYWORDS, Configuration.from_mapping(KEYWORDS)):
        policies = Policies(given)
        assert dict(policies.named) == {"policy": API}
        assert policies.table.find("/x")[:2] == (API, "policy")


def test_policies_by_path_are_named_by_their_prefixes():
    assert dict(Policies({"/": ROOT, "/closed": None, "/api": API, "/own": "unguarded"}).named) == {
        "/": ROOT,
        "/api": API,
    }
    assert PATHS.table.find("/api/x").name == "/api"
    assert PATHS.table.find("/x").name == "/"
    assert PATHS.table.find("/api/closed").name == "/api/closed"


def test_policies_of_a_configuration_keep_its_names():
    configuration = Configuration.from_mapping(
        {
            "policies": {"app": KEYWORDS, "open": {"allow_origins": "*"}},
            "paths": {"/api": "app", "/v1": "app", "/fonts": "open", "/admin": None, "/own": "unguarded"},
        }
    )
    policies = Policies(configuration)
    assert dict(policies.named) == {"app": API, "open": ANYONE}
    assert policies.table.find("/api/x")[:2] == policies.table.find("/v1")[:2] == (API, "app")
    assert policies.table.find("/fonts")[:2] == (ANYONE, "open")
    assert policies.policy_for("/admin") is None
    assert policies.policy_for("/own") == "unguarded"
    assert policies.policy_for("/x") == "unguarded"


def test_a_guard_without_policies_has_no_names():
    for given in (None, {"paths": {}}, {"/": None}, {"/own": "unguarded"}):
        assert dict(Policies(given).named) == {}


def test_policies_are_swapped_by_one_assignment():
    """
    The assignment takes what the constructor takes.
    """
    policies = Policies(API)
    for new, expected in (
        (KEYWORDS, API),
        ({"/": ROOT, "/x": None}, ROOT),
        ({"paths": {"/x": API}}, "unguarded"),
        (Policies({"/": None}), None),
        (Configuration.from_mapping(KEYWORDS), API),
        ({"paths": {}}, "unguarded"),
        (None, None),
        (ROOT, ROOT),
    ):
        policies.policy = new
        assert policies.policy_for("/") == expected


@pytest.mark.parametrize("bad", [{"allow_origins": []}, {"/api/": API}, [API], "*", "unguarded"], ids=repr)
def test_a_refused_assignment_keeps_the_old_policy(bad):
    policies = Policies({"/": ROOT})
    table = policies.table
    with pytest.raises(PolicyError):
        policies.policy = bad
    assert policies.table is table


def test_a_table_does_not_change_when_its_policies_are_swapped():
    policies = Policies({"/": ROOT, "/api": API})
    table = policies.table
    policies.policy = DEEP
    assert table.find("/api")[:2] == (API, "/api")
    assert policies.table.find("/api")[:2] == (DEEP, "policy")


def test_policies_are_shared_when_given_and_read_when_others_are_made_of_them():
    policies = Policies(API)
    assert Policies.of(policies) is policies
    assert Policies.of(API).policy is API
    others = Policies(policies)
    policies.policy = ROOT
    assert others.policy is API


def test_the_active_policies_can_be_read_and_assigned_back():
    assert Policies(API).policy is API
    assert Policies(KEYWORDS).policy == API
    assert Policies({"/": API}).policy is API
    assert Policies(None).policy is None
    assert Policies({"/": None}).policy is None
    assert Policies({"paths": {}}).policy == {"paths": {}}
    by_path = Policies({"paths": {"/": ROOT, "/api": KEYWORDS, "/closed": None, "/own": "unguarded"}})
    assert by_path.policy == {"/": ROOT, "/api": API, "/closed": None, "/own": "unguarded"}
    assert isinstance(by_path.policy, MappingProxyType)
    before = by_path.policy
    by_path.policy = None
    by_path.policy = before
    assert by_path.policy == before
    assert by_path.policy_for("/closed") is None


def test_the_repr_of_policies_shows_the_active_ones():
    assert repr(Policies(API)) == f"Policies({API!r})"
    assert repr(Policies()) == "Policies(None)"


def test_threads_see_either_the_old_policies_or_the_new_ones():
    policies = Policies({"/": ROOT, "/api": API})
    pairs, done = set(), threading.Event()

    def ask():
        while not done.is_set():
            table = policies.table
            pairs.add((table.find("/").policy, table.find("/api").policy))

    thread = threading.Thread(target=ask)
    thread.start()
    for i in range(2000):
        policies.policy = {"/": DEEP, "/api": None} if i % 2 else {"/": ROOT, "/api": API}
    done.set()
    thread.join()
    assert pairs <= {(ROOT, API), (DEEP, None)}
