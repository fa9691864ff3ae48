"""
How a configuration says which policy guards which path: every form, and every mistake with its fix.
"""

import json
import re
from pathlib import Path

import pytest
from kit.building import API, KEYWORDS
from kit.naming import steady

from corsguard import Configuration, Policies, Policy, PolicyError
from corsguard.adapters import Assignment


def found(policies, path):
    policy = policies.policy_for(path)
    return policy.allow_origins if isinstance(policy, Policy) else policy


@pytest.mark.parametrize(
    "given",
    [
        API,
        KEYWORDS,
        {"/": API},
        {"/": KEYWORDS, "/other": None},
        {"/": KEYWORDS, "/other": "unguarded"},
        {"paths": {"/": API}},
        {"paths": {"/api": KEYWORDS}},
        {"/api": Assignment(API, "app")},
        Policies({"/api": API}),
        Configuration.from_mapping(KEYWORDS),
    ],
    ids=repr,
)
def test_every_form_is_read(given):
    assert found(Policies(given), "/api/x") == ("https://api.example",)


def test_no_path_inherits_from_another_path():
    policies = Policies({"/": {**KEYWORDS, "max_age": 5}, "/api": {"allow_origins": ["https://deep.example"]}})
    assert policies.policy_for("/api").max_age == 7200


def test_a_mapping_without_paths_guards_nothing():
    assert Policies({"paths": {}}).policy_for("/") == "unguarded"


def test_none_closes_everything_or_one_path():
    assert Policies(None).policy_for("/x") is None
    assert Policies().policy_for("/x") is None
    assert Policies({"/": None}).policy_for("/x") is None


EXAMPLE = '{"allow_origins": ["https://app.example.com"]}'
PATHS_EXAMPLE = f'{{"paths": {{"/api": {EXAMPLE}, "/admin": None}}}}'

NO_LEVELS = (
    "remove it  # A path or a host has one policy and no others below it. Write each next to the others, in full: "
    '"/api/v1".'
)
MISTAKES = [
    # what is given, (code, field, fix) of every problem
    ([], [("E801", "policy", EXAMPLE)]),
    (["https://app.example.com"], [("E801", "policy", EXAMPLE)]),
    (["http://localhost:3000"], [("E801", "policy", '{"allow_origins": ["http://localhost:3000"]}')]),
    (("https://a.example", "b.example"), [("E801", "policy", '{"allow_origins": ["https://a.example"]}')]),
    ("https://a.example", [("E801", "policy", '{"allow_origins": ["https://a.example"]}')]),
    ("*", [("E801", "policy", '{"allow_origins": "*"}')]),
    (["*"], [("E801", "policy", '{"allow_origins": "*"}')]),
    (False, [("E801", "policy", "None")]),
    (True, [("E801", "policy", EXAMPLE)]),
    (Policy, [("E801", "policy", EXAMPLE)]),
    ({"paths": None}, [("E801", "paths", f'{{"/api": {EXAMPLE}}}')]),
    ({"paths": ["/api"]}, [("E801", "paths", f'{{"/api": {EXAMPLE}}}')]),
    ({"paths": API}, [("E801", "paths", f'{{"/api": {EXAMPLE}}}')]),
    ({"/api": True}, [("E801", 'paths["/api"]', EXAMPLE)]),
    ({"/api": "*"}, [("E801", 'paths["/api"]', '{"allow_origins": "*"}')]),
    ({"/api": False}, [("E801", 'paths["/api"]', "None")]),
    ({"paths": {"/api": "off"}}, [("E801", 'paths["/api"]', "None")]),
    ({"/api": "none"}, [("E801", 'paths["/api"]', "None")]),
    ({"/api": ["http://localhost:3000"]}, [("E801", 'paths["/api"]', '{"allow_origins": ["http://localhost:3000"]}')]),
    ({"/api": ["https://app.example.com"]}, [("E801", 'paths["/api"]', EXAMPLE)]),
    ({"/api/": API}, [("E802", 'paths["/api/"]', '"/api"')]),
    ({"/api": API, "admin": None}, [("E802", 'paths["admin"]', '"/admin"')]),
    ({"paths": {"api": API}}, [("E802", 'paths["api"]', '"/api"')]),
    ({"items": API}, [("E802", 'paths["items"]', '"/items"')]),
    (
        {"items": KEYWORDS, "admin": None},
        [("E802", 'paths["items"]', '"/items"'), ("E802", 'paths["admin"]', '"/admin"')],
    ),
    (
        {"api.example.com": API},
        [
            (
                "E802",
                'paths["api.example.com"]',
                '"/api.example.com"  # write a host below "hosts": {"hosts": {...}}',
            )
        ],
    ),
    ({"paths": {"": API}}, [("E802", 'paths[""]', '"/"  # every path')]),
    ({"//": API}, [("E802", 'paths["//"]', '"/"  # every path')]),
    ({"/api": "unguarde"}, [("E801", 'paths["/api"]', '"unguarded"')]),
    ({"default": API}, [("E802", 'paths["default"]', '"/"  # every path')]),
    ({"/a\ud800": API}, [("E802", 'paths["/a\\uD800"]', '"/a"')]),
    ({"/a//b": API}, [("E802", 'paths["/a//b"]', '"/a/b"')]),
    ({"/a/./b": API}, [("E802", 'paths["/a/./b"]', '"/a/b"')]),
    ({"/a/../b": API}, [("E802", 'paths["/a/../b"]', '"/a/b"')]),
    ({"/a\\b": API}, [("E802", 'paths["/a\\\\b"]', '"/a/b"')]),
    ({"/api/*": API}, [("E802", 'paths["/api/*"]', '"/api"')]),
    ({"/*": API}, [("E802", 'paths["/*"]', '"/"  # every path')]),
    ({"/api/<int:number>": API}, [("E802", 'paths["/api/<int:number>"]', '"/api"  # everything below it')]),
    ({"/^api$": API}, [("E802", 'paths["/^api$"]', '"/api"')]),
    ({"^/api/.*$": API}, [("E802", 'paths["^/api/.*$"]', '"/api"')]),
    ({"/api/(v1|v2)": API}, [("E802", 'paths["/api/(v1|v2)"]', '"/api"  # everything below it')]),
    ({"/api/v[12]": API}, [("E802", 'paths["/api/v[12]"]', '"/api"  # everything below it')]),
    ({"/api/v{1}": API}, [("E802", 'paths["/api/v{1}"]', '"/api"  # everything below it')]),
    ({"/api?x=1": API}, [("E802", 'paths["/api?x=1"]', '"/api"')]),
    ({"/api#x": API}, [("E802", 'paths["/api#x"]', '"/api"')]),
    ({"/api/%2e": API}, [("E802", 'paths["/api/%2e"]', '"/api"')]),
    # A pasted fix must not open the whole site.
    ({"/api*": API}, [("E802", 'paths["/api*"]', '"/api"')]),
    ({"^/api.*": API}, [("E802", 'paths["^/api.*"]', '"/api"')]),
    ({"/a%20b": API}, [("E802", 'paths["/a%20b"]', '"/a b"')]),
    ({"/a%zz": API}, [("E802", 'paths["/a%zz"]', '"/a"')]),
    ({"paths": {1: API}}, [("E802", "paths[1]", '"/1"')]),
    ({"paths": {None: API}}, [("E802", "paths[None]", '"/None"')]),
    ({"paths": {"/api": None}, "max_age": 60}, [("E803", "max_age", f"{PATHS_EXAMPLE}  # or remove it")]),
    ({"paths": {}, **KEYWORDS}, [("E803", "allow_origins", f"{PATHS_EXAMPLE}  # or remove it")]),
    (
        {"/api": API, "max_age": 60},
        [
            (
                "E803",
                "max_age",
                '{"paths": {"/api": {"allow_origins": ["https://app.example.com"], "max_age": 60}}}  # or remove it',
            )
        ],
    ),
    (
        {"/": API, "allow_origins": ["http://localhost:3000"]},
        [("E803", "allow_origins", '{"paths": {"/": {"allow_origins": ["http://localhost:3000"]}}}  # or remove it')],
    ),
    (
        {"paths": {"max_age": 60, "/b": API}},
        [
            (
                "E803",
                "max_age",
                '{"paths": {"/b": {"allow_origins": ["https://app.example.com"], "max_age": 60}}}  # or remove it',
            )
        ],
    ),
    (
        {"allow_origins": re.compile("x"), "/a/": API},
        [
            ("E803", "allow_origins", f'{{"paths": {{"/a/": {EXAMPLE}}}}}  # or remove it'),
            ("E802", 'paths["/a/"]', '"/a"'),
        ],
    ),
    (
        {"paths": {"/api": {"allow_origins": []}, "/b/": {**KEYWORDS, "max_age": "5"}}, "x": 1},
        [
            ("E803", "x", f"{PATHS_EXAMPLE}  # or remove it"),
            ("E101", 'paths["/api"].allow_origins', 'allow_origins=["https://app.example.com"]'),
            ("E802", 'paths["/b/"]', '"/b"'),
            ("E702", 'paths["/b/"].max_age', "max_age=5"),
        ],
    ),
    ({}, [("E101", "allow_origins", 'allow_origins=["https://app.example.com"]')]),
    ({"path": {"/api": API}}, [("E106", "path", None), ("E101", "allow_origins", None)]),
    # No levels below a path or a host. What is below it is not taken over: it would open what is next to it.
    *(
        (
            {"paths": {"/a": inner}},
            [("E106", f'paths["/a"].{key}', NO_LEVELS), ("E101", 'paths["/a"].allow_origins', None)],
        )
        for inner in ({"paths": {"/b": API}}, {"hosts": {"a.example": API}}, {"/b": API})
        for key in inner
    ),
    (
        {**KEYWORDS, "protection": {"mode": "report"}},
        [
            (
                "E106",
                "protection",
                (
                    "remove it  # Protection is not a part of a policy. Write protection=... next to it, or the "
                    "setting CORSGUARD_PROTECTION of Django."
                ),
            )
        ],
    ),
]


@pytest.mark.parametrize(("guarded", "expected"), MISTAKES, ids=[steady(row[0]) for row in MISTAKES])
def test_a_mistake_is_refused_together_with_all_others(guarded, expected):
    with pytest.raises(PolicyError) as refusal:
        Policies(guarded)
    problems = refusal.value.problems
    assert [(problem.code, problem.field) for problem in problems] == [(code, field) for code, field, _ in expected]
    for problem, (_, _, fix) in zip(problems, expected, strict=True):
        assert fix is None or str(problem.fix) == fix
        assert json.loads(json.dumps(problem.data())) == problem.data()


@pytest.mark.parametrize("file", ["cors.toml", "/etc/cors.toml", Path("conf/cors.toml")], ids=str)
def test_a_file_name_in_place_of_a_policy_is_refused_with_the_function_that_reads_it(file):
    with pytest.raises(PolicyError) as refusal:
        Policies(file)
    assert [str(problem.fix) for problem in refusal.value.problems] == [f'Configuration.from_file("{file}")']


@pytest.mark.parametrize(
    "guarded", [row[0] for row in MISTAKES if {p[0] for p in row[1]} <= {"E801", "E802", "E803"}], ids=repr
)
def test_the_pasted_fix_repairs_it(guarded):
    for _ in range(5):
        try:
            Policies(guarded)
        except PolicyError as error:
            guarded = pasted(guarded, error.problems[0])
        else:
            break
    Policies(guarded)


def pasted(guarded, problem):
    """
    Return *guarded* with the fix of *problem* in place of what the problem is about.
    """
    (fix,) = problem.fix.entries
    if problem.code == "E803" or problem.field == "policy":
        return fix
    if problem.field == "paths":
        return {"paths": fix} if problem.code == "E801" else guarded
    inner = guarded.get("paths", guarded)
    if problem.code == "E802":
        repaired = {
            fix if key == problem.value or repr(key) == problem.value else key: value for key, value in inner.items()
        }
    else:
        repaired = {key: fix if f"paths[{json.dumps(key)}]" == problem.field else value for key, value in inner.items()}
    return {"paths": repaired} if "paths" in guarded else repaired


def test_a_key_that_is_not_a_prefix_is_refused():
    with pytest.raises(PolicyError) as refusal:
        Policies({"/api/": API, "/b": API, "c*": None})
    assert [(problem.code, problem.value) for problem in refusal.value.problems] == [("E802", "/api/"), ("E802", "c*")]


class Unshowable:
    def __repr__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize("mapping", [{"paths": {Unshowable(): API}}, {"/api": API, Unshowable(): None}])
def test_a_key_that_cannot_be_shown_is_refused(mapping):
    with pytest.raises(PolicyError) as refusal:
        Policies(mapping)
    assert [problem.code for problem in refusal.value.problems] == ["E802"]


def test_a_keyword_that_cannot_be_shown_is_refused():
    with pytest.raises(PolicyError) as refusal:
        Policy.from_mapping({"allow_origins": "*", Unshowable(): 1})
    assert [problem.code for problem in refusal.value.problems] == ["E106"]


def test_assigning_the_active_policies_back_keeps_the_names_of_a_file():
    file = {
        "policies": {"app": KEYWORDS, "spare": KEYWORDS},
        "paths": {"/api": "app", "/own": "unguarded", "/no": "none"},
    }
    policies = Policies(Configuration.from_mapping(file))
    policies.policy = policies.policy
    assert [*policies.named] == ["app"]
    policies.policy = None
    policies.policy = policies.policy
    assert policies.policy_for("/api") is None


def test_closed_and_unguarded_paths_of_a_file_are_named_by_their_prefix():
    file = {"policies": {"app": KEYWORDS}, "paths": {"/": "app", "/own": "unguarded", "/no": "none"}}
    table = Policies(Configuration.from_mapping(file)).table
    assert [table.find(path)[:2] for path in ("/own/x", "/no")] == [("unguarded", "/own"), (None, "/no")]
    assert table.find("/x").name == "app"


class RaisingExceptOnce:
    """
    An origin source, and a key, that raises at every question except one.
    """

    def __contains__(self, origin):
        return True

    def __eq__(self, other):
        raise LookupError("no comparison")

    def __hash__(self):
        return 7

    def __str__(self):
        raise LookupError("no text")

    __repr__ = __str__


def test_an_odd_path_compares_no_sources():
    first, second = Policy(allow_origins=RaisingExceptOnce()), Policy(allow_origins=RaisingExceptOnce())
    policies = Policies({"/": first, "/a": second, "/b": first})
    assert policies.policy_for("//a") is None
    assert policies.policy_for("//b") is first
    assert first != second


@pytest.mark.parametrize(
    "given",
    [{RaisingExceptOnce(): None}, {"/a": None, RaisingExceptOnce(): None}, {"paths": {}, RaisingExceptOnce(): 1}],
    ids=["alone", "among paths", "among keys"],
)
def test_a_key_that_raises_is_a_problem_like_any_other(given):
    with pytest.raises(PolicyError):
        Policies(given)


def test_an_assigned_value_is_judged_as_the_constructor_judges_it():
    assert Policies({"/": Assignment(KEYWORDS, "app")}).named == {"app": Policy(**KEYWORDS)}
    with pytest.raises(PolicyError) as refusal:
        Policies({"/": Assignment("garbage", "app")})
    assert [problem.code for problem in refusal.value.problems] == ["E801"]


def test_the_class_of_a_configuration_is_not_a_configuration():
    with pytest.raises(PolicyError) as refusal:
        Policies(Configuration)
    assert [problem.code for problem in refusal.value.problems] == ["E801"]
