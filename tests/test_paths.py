"""
Which policy guards which path, and how a configuration says so.
"""

import json

import pytest

from corsguard import PathPolicies, Policy, PolicyError, policies_of, read_guarded

ROOT = Policy(allow_origins=["https://root.example"])
API = Policy(allow_origins=["https://api.example"])
DEEP = Policy(allow_origins=["https://deep.example"])

PATHS = PathPolicies(
    {
        "/": ROOT,
        "/api": API,
        "/api/deep": DEEP,
        "/api/closed": None,
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
        "/v1": ROOT,
        "/v1/orders": ROOT,
        "/v1/users/7": DEEP,
        "/\u00e9l\u00e8ve": DEEP,
        "/\u00e9l\u00e8ve/x": DEEP,
        "/e\u0301le\u0300ve": ROOT,
        "/%C3%A9l%C3%A8ve": ROOT,
        "/a b": DEEP,
        "/a+b": ROOT,
        "/a%20b": ROOT,
        # What a router and this mapping might read differently has no policy.
        "/api/../x": None,
        "/api/..": None,
        "/..": None,
        "/../api": None,
        "/api/./x": None,
        "/.": None,
        "/./api": None,
        "//api": None,
        "//": None,
        "/api//": None,
        "/api//x": None,
        "/x//y": None,
        "/api\\x": None,
        "\\api": None,
        "/\\": None,
        "api": None,
        "*": None,
        "http://host/api": None,
        " /api": None,
        # These only look like it.
        "/api/...": API,
        "/api/.hidden": API,
        "/api/x..y": API,
        "/api/%2e%2e/x": API,
        "/api%2Fdeep": ROOT,
        "/api/deep%2f..": API,
        "/api\x00": ROOT,
        "/api\n": ROOT,
        "/api\ufffd": ROOT,
    }.items(),
)
def test_the_longest_prefix_of_whole_segments_wins(path, policy):
    assert PATHS.policy_for(path) is policy


@pytest.mark.parametrize("path", ["/", "", "/x", "/apiary", "/ap", "/api/../api"])
def test_what_no_prefix_covers_has_no_policy(path):
    assert PathPolicies({"/api": API}).policy_for(path) is None


def test_the_order_of_prefixes_does_not_matter():
    reversed_paths = PathPolicies({"/api/deep": DEEP, "/api": API, "/": ROOT})
    for path, policy in {"/api/deep/x": DEEP, "/api/x": API, "/x": ROOT}.items():
        assert reversed_paths.policy_for(path) is policy


def test_a_very_long_path_has_a_policy_all_the_same():
    assert PATHS.policy_for("/api" + "/x" * 100_000) is API


def test_path_policies_are_not_changed_by_what_they_were_made_from():
    given = {"/api": API}
    paths = PathPolicies(given)
    given["/"] = ROOT
    assert paths.policy_for("/x") is None


# What a configuration says.


def found(guarded, path):
    policy = guarded if isinstance(guarded, Policy) else guarded.policy_for(path)
    return policy and policy.allow_origins


KEYWORDS = {"allow_origins": ["https://api.example"]}


@pytest.mark.parametrize(
    "guarded",
    [
        API,
        KEYWORDS,
        {"/": API},
        {"/": KEYWORDS, "/other": None},
        {"paths": {"/": API}},
        {"paths": {"/api": KEYWORDS}},
        PathPolicies({"/api": API}),
    ],
    ids=repr,
)
def test_every_form_is_read(guarded):
    assert found(read_guarded(guarded), "/api/x") == ("https://api.example",)


def test_what_is_read_can_be_read_again():
    for guarded in (API, PATHS, read_guarded({"paths": {"/api": KEYWORDS}})):
        assert read_guarded(guarded) is guarded


def test_nothing_is_inherited_from_one_path_to_another():
    guarded = read_guarded({"/": {**KEYWORDS, "max_age": 5}, "/api": {"allow_origins": ["https://deep.example"]}})
    assert guarded.policy_for("/api").max_age == 7200


def test_a_mapping_of_no_paths_guards_nothing():
    assert read_guarded({"paths": {}}).policy_for("/") is None


def test_the_policies_of_what_guards_are_those_it_has():
    assert policies_of(None) == ()
    assert policies_of(API) == (API,)
    assert policies_of(PathPolicies({"/": ROOT, "/closed": None, "/api": API})) == (ROOT, API)


EXAMPLE = '{"allow_origins": ["https://app.example.com"]}'
PATHS_EXAMPLE = f'{{"paths": {{"/api": {EXAMPLE}, "/admin": None}}}}'

MISTAKES = [
    # what is given, (code, field, fix) of every problem
    ([], [("E801", "policy", EXAMPLE)]),
    (["https://app.example.com"], [("E801", "policy", EXAMPLE)]),
    ("https://app.example.com", [("E801", "policy", EXAMPLE)]),
    ("*", [("E801", "policy", EXAMPLE)]),
    (True, [("E801", "policy", EXAMPLE)]),
    (Policy, [("E801", "policy", EXAMPLE)]),
    ({"paths": None}, [("E801", "paths", EXAMPLE)]),
    ({"paths": ["/api"]}, [("E801", "paths", EXAMPLE)]),
    ({"paths": API}, [("E801", "paths", EXAMPLE)]),
    ({"/api": True}, [("E801", 'paths["/api"]', EXAMPLE)]),
    ({"/api": "*"}, [("E801", 'paths["/api"]', EXAMPLE)]),
    ({"/api": ["https://app.example.com"]}, [("E801", 'paths["/api"]', EXAMPLE)]),
    ({"/api/": API}, [("E802", 'paths["/api/"]', '"/api"')]),
    ({"/api": API, "admin": None}, [("E802", 'paths["admin"]', '"/admin"')]),
    ({"paths": {"api": API}}, [("E802", 'paths["api"]', '"/api"')]),
    ({"paths": {"": API}}, [("E802", 'paths[""]', '"/"')]),
    ({"//": API}, [("E802", 'paths["//"]', '"/"')]),
    ({"/a//b": API}, [("E802", 'paths["/a//b"]', '"/a/b"')]),
    ({"/a/./b": API}, [("E802", 'paths["/a/./b"]', '"/a/b"')]),
    ({"/a/../b": API}, [("E802", 'paths["/a/../b"]', '"/a/b"')]),
    ({"/a\\b": API}, [("E802", 'paths["/a\\\\b"]', '"/a/b"')]),
    ({"/api/*": API}, [("E802", 'paths["/api/*"]', '"/api"')]),
    ({"/*": API}, [("E802", 'paths["/*"]', '"/"')]),
    ({"/api/<int:number>": API}, [("E802", 'paths["/api/<int:number>"]', '"/api"')]),
    ({"/^api$": API}, [("E802", 'paths["/^api$"]', '"/api"')]),
    ({"^/api/.*$": API}, [("E802", 'paths["^/api/.*$"]', '"/api"')]),
    ({"/api/(v1|v2)": API}, [("E802", 'paths["/api/(v1|v2)"]', '"/api"')]),
    ({"/api/v[12]": API}, [("E802", 'paths["/api/v[12]"]', '"/api"')]),
    ({"/api/v{1}": API}, [("E802", 'paths["/api/v{1}"]', '"/api"')]),
    ({"/api?x=1": API}, [("E802", 'paths["/api?x=1"]', '"/api"')]),
    ({"/api#x": API}, [("E802", 'paths["/api#x"]', '"/api"')]),
    ({"/api/%2e": API}, [("E802", 'paths["/api/%2e"]', '"/api"')]),
    # What is pasted must not open the whole site.
    ({"/api*": API}, [("E802", 'paths["/api*"]', '"/api"')]),
    ({"^/api.*": API}, [("E802", 'paths["^/api.*"]', '"/api"')]),
    ({"/a%20b": API}, [("E802", 'paths["/a%20b"]', '"/a b"')]),
    ({"/a%zz": API}, [("E802", 'paths["/a%zz"]', '"/a"')]),
    ({"paths": {1: API}}, [("E802", "paths[1]", '"/1"')]),
    ({"paths": {None: API}}, [("E802", "paths[None]", '"/None"')]),
    ({"paths": {"/api": None}, "max_age": 60}, [("E803", "max_age", PATHS_EXAMPLE)]),
    ({"paths": {}, **KEYWORDS}, [("E803", "allow_origins", PATHS_EXAMPLE)]),
    (
        {"/api": API, "max_age": 60},
        [("E802", 'paths["max_age"]', '"/max_age"'), ("E801", 'paths["max_age"]', EXAMPLE)],
    ),
    (
        {"paths": {"/api": {"allow_origins": []}, "/b/": {**KEYWORDS, "max_age": "5"}}, "x": 1},
        [
            ("E803", "x", PATHS_EXAMPLE),
            ("E101", 'paths["/api"].allow_origins', 'allow_origins=["https://app.example.com"]'),
            ("E802", 'paths["/b/"]', '"/b"'),
            ("E702", 'paths["/b/"].max_age', "max_age=5"),
        ],
    ),
    ({}, [("E101", "allow_origins", 'allow_origins=["https://app.example.com"]')]),
    ({"path": {"/api": API}}, [("E106", "path", None), ("E101", "allow_origins", None)]),
]


@pytest.mark.parametrize(("guarded", "expected"), MISTAKES, ids=[repr(row[0])[:80] for row in MISTAKES])
def test_a_mistake_is_refused_with_all_others(guarded, expected):
    with pytest.raises(PolicyError) as refusal:
        read_guarded(guarded)
    problems = refusal.value.problems
    assert [(problem.code, problem.field) for problem in problems] == [(code, field) for code, field, _ in expected]
    for problem, (_, _, fix) in zip(problems, expected, strict=True):
        assert fix is None or problem.fix == fix
        assert json.loads(json.dumps(problem._asdict())) == problem._asdict()


@pytest.mark.parametrize(
    "guarded", [row[0] for row in MISTAKES if {p[0] for p in row[1]} <= {"E801", "E802", "E803"}], ids=repr
)
def test_pasting_the_fix_mends_it(guarded):
    for _ in range(5):
        try:
            read_guarded(guarded)
        except PolicyError as error:
            guarded = pasted(guarded, error.problems[0])
        else:
            break
    assert isinstance(read_guarded(guarded), Policy | PathPolicies)


def pasted(guarded, problem):
    """
    Return *guarded* with the fix of *problem* in the place of what it is about.
    """
    fix = eval(problem.fix)
    if problem.code == "E803" or problem.field == "policy":
        return fix
    if problem.field == "paths":
        return {"paths": {"/": fix}} if problem.code == "E801" else guarded
    inner = guarded.get("paths", guarded)
    if problem.code == "E802":
        mended = {
            fix if key == problem.value or repr(key) == problem.value else key: value for key, value in inner.items()
        }
    else:
        mended = {key: fix if f"paths[{json.dumps(key)}]" == problem.field else value for key, value in inner.items()}
    return {"paths": mended} if "paths" in guarded else mended


def test_policies_by_path_cannot_be_made_of_what_is_no_prefix():
    with pytest.raises(PolicyError) as refusal:
        PathPolicies({"/api/": API, "/b": API, "c*": None})
    assert [(problem.code, problem.value) for problem in refusal.value.problems] == [("E802", "/api/"), ("E802", "c*")]


class Unshowable:
    def __repr__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize("mapping", [{"paths": {Unshowable(): API}}, {"/api": API, Unshowable(): None}])
def test_a_key_that_cannot_be_shown_is_refused_all_the_same(mapping):
    with pytest.raises(PolicyError) as refusal:
        read_guarded(mapping)
    assert [problem.code for problem in refusal.value.problems] == ["E802"]


def test_a_keyword_that_cannot_be_shown_is_refused_all_the_same():
    with pytest.raises(PolicyError) as refusal:
        Policy.from_mapping({"allow_origins": "*", Unshowable(): 1})
    assert [problem.code for problem in refusal.value.problems] == ["E106"]
