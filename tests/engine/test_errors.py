"""
Problems as data: the example of every rule breaks it, and the fix of every rule repairs it.
"""

import functools
import json
import pickle
import re
from dataclasses import replace

import pytest
from kit.naming import steady
from kit.pasting import FORMS, pasted, read

import corsguard
from corsguard import Configuration, CORSMiddleware, Fix, Policy, PolicyError, Problem
from corsguard import names as names_of_fetch
from corsguard.errors import RULES, Rule
from corsguard.quoting import quoted, shown

# People search for codes, and programs compare them. So no code is ever renamed, used again or left out.
CODES = """
    E101 E102 E103 E104 E105 E106 E107
    E201 E202 E203 E204 E205 E206 E207 E208 E209 E210 E211 E212 E213 E214 E215
    E301 E302 E303
    E311 E312 E313 E314 E315
    E321 E322 E323 E324
    E401 E402 E403
    E501 E502 E503
    E601 E602
    E701 E702 E703 E704
    E801 E802 E803 E804 E805 E806 E807 E808 E809 E810
    E811 E812 E813 E814 E815 E816 E817 E818
    W101 W102 W103 W104 W105 W106 W107 W108 W109
    W201 W202 W203 W204
    W301
    W401 W402 W403
    W501 W502
""".split()

# These are about paths, not about one policy. test_policies_forms.py pastes their fixes.
ABOUT_PATHS = {"E801", "E802", "E803", "E804", "E805", "E808", "E809", "E810"}
# These are about the methods of an origin source. Their fixes belong into its class.
ABOUT_METHODS = {"E322", "E323", "E324"}
# These are about what may act. test_protection_requests.py pastes their fixes.
ABOUT_PROTECTION = {"E806", "E807"}
# These are about where a policy is written. test_configuration_mistakes.py pastes their fixes.
ABOUT_PLACES = {code for code in CODES if code.startswith(("E81", "W4"))}


class AsyncSource:
    async def __contains__(self, origin):
        return True


class SourceWithTwoAnswers:
    def __contains__(self, origin):
        return True

    async def allows(self, origin):
        return True


class AwaitedSource:
    async def allows(self, origin):
        return True


class StreamedHosts:
    async def policy_of(self, host):
        yield None


class Recorder:
    """
    Takes the place of Policy in an example, and returns the keywords that Policy would get.
    """

    def __call__(self, **keywords):
        return keywords

    @staticmethod
    def from_mapping(mapping):
        return mapping


def names(**more):
    return {
        **vars(corsguard),
        "Configuration": Configuration,
        "async_source": AsyncSource(),
        "awaited_source": AwaitedSource(),
        "source_with_two_answers": SourceWithTwoAnswers(),
        "streamed_hosts": StreamedHosts(),
        "app": lambda environ, start_response: [],
        **more,
    }


def findings(keywords):
    """
    Return all problems of *keywords*, or all warnings if there is no problem.
    """
    try:
        return Policy.from_mapping(keywords).warnings
    except PolicyError as error:
        return error.problems


def test_the_codes_are_stable_and_in_order():
    assert list(RULES) == CODES == sorted(CODES)
    assert all(isinstance(rule, Rule) for rule in RULES.values())


def test_the_rules_cannot_be_changed():
    with pytest.raises(TypeError):
        RULES["E101"] = RULES["E102"]
    with pytest.raises(AttributeError):
        RULES["E101"].message = "another"


@pytest.mark.parametrize("code", CODES)
def test_the_example_of_a_rule_breaks_it_and_no_other(code):
    try:
        built = eval(RULES[code].example, names())
    except PolicyError as error:
        found = error.problems
    else:
        found = built.warnings if isinstance(built, Policy) else built.policy.warnings
    assert [problem.code for problem in found] == [code]


@pytest.mark.parametrize(
    "code", [code for code in CODES if code not in ABOUT_PATHS | ABOUT_PROTECTION | ABOUT_PLACES | ABOUT_METHODS]
)
def test_the_pasted_fix_of_a_rule_repairs_its_example(code):
    keywords = eval(RULES[code].example, names(Policy=Recorder()))
    (problem,) = findings(keywords)
    assert_repaired(problem, pasted(keywords, problem))


def assert_repaired(problem, keywords):
    # A fix may leave a warning (one line cannot say how to reach a source), but no refusal.
    assert not [left.code for left in findings(keywords) if left.is_error or left.code == problem.code]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("code", [code for code in CODES if code not in ABOUT_PATHS | ABOUT_PROTECTION | ABOUT_PLACES])
def test_the_keywords_of_a_fix_repair_the_example_in_every_form(code, form):
    keywords = eval(RULES[code].example, names(Policy=Recorder()))
    (problem,) = findings(keywords)
    fix = replace(problem.fix, form=form)
    for policy in filter(None, (choice.policy for choice, _ in fix.choices())):
        said = read(form, replace(fix, policy=policy).begun())
        if form == "variables":
            assert said.keys() == {f"CORSGUARD_{keyword.upper()}" for keyword in policy}
            assert Configuration.from_variables({"CORSGUARD_ALLOW_ORIGINS": "https://a.example", **said})
        elif policy is fix.policy:
            assert_repaired(problem, {**keywords, **said})
        else:
            assert said == policy


class PlainSource:
    def allows(self, origin):
        return True


@pytest.mark.parametrize("source", [AsyncSource, SourceWithTwoAnswers, PlainSource])
def test_the_pasted_fix_of_a_source_that_cannot_be_asked_repairs_it(source):
    (problem,) = findings({"allow_origins": source()})
    scope = {}
    exec(f"class Source:\n    {problem.fix}\n        return False\n", scope)
    assert findings({"allow_origins": scope["Source"]()}) == ()


def test_a_source_may_be_awaited_in_every_way_that_python_knows():
    class Decorated:
        @functools.wraps(AwaitedSource.allows)
        def allows(self, origin):
            return AwaitedSource().allows(origin)

    class Called:
        allows = functools.partial(AwaitedSource().allows)

    for source in (AwaitedSource(), Decorated(), Called()):
        assert findings({"allow_origins": source}) == ()


def test_a_class_of_awaited_sources_is_not_a_source():
    (problem,) = findings({"allow_origins": AwaitedSource})
    assert problem.code == "E321"


def test_a_list_with_a_method_named_allows_is_a_list():
    class Listed(list):
        async def allows(self, origin):
            return True

    assert Policy(allow_origins=Listed(["https://a.example"])).allow_origins == ("https://a.example",)


@pytest.mark.parametrize(
    ("keywords", "code"),
    [
        ({"allow_origins": ["http://app.example.com"], "allow_credentials": True}, "E302"),
        ({"allow_origins": ["https://*.github.io"], "allow_credentials": True}, "E303"),
    ],
)
def test_the_dangerous_alternative_in_a_fix_can_be_pasted_too(keywords, code):
    (problem,) = findings(keywords)
    assert problem.code == code
    policy = Policy(**{**keywords, "allow_origins": [], **problem.fix.otherwise[0].policy})
    assert policy.allow_unsafe_origins == {problem.value: "who needs this, and until when"}


# Several mistakes at once: the pasted fixes come to an end, and remove nothing that was right.
SEVERAL = {
    "a long list of them": (
        {
            "allow_origin": ["https://App.example.com/", "localhost:3000", None, "https://shop.example.com"],
            "allow_methods": ["GET", "patch", "TRACE", "CONNECT"],
            "allow_headers": ["Content-Type, X-One", "Cookie", "X-Two"],
            "expose_headers": ["Set-Cookie", "ETag"],
            "max_age": "600",
            "preflight_status": 999,
        },
        {
            "allow_origins": (
                "https://app.example.com",
                "http://localhost:3000",
                "https://app.example.com",
                "https://shop.example.com",
            ),
            "allow_methods": ("GET", "PATCH"),
            "allow_headers": ("Content-Type", "X-One", "X-Two"),
            "expose_headers": ("ETag",),
            "max_age": 600,
            "preflight_status": 204,
        },
    ),
    "a default port behind plain http": (
        {"allow_origins": ["http://app.example.com:443"], "allow_credentials": True},
        {"allow_origins": ("https://app.example.com",)},
    ),
    "plain http under a public suffix": (
        {"allow_origins": ["http://*.github.io"], "allow_credentials": True},
        {"allow_origins": ("https://your_name.github.io",)},
    ),
    "a string of several": (
        {"allow_origins": "app.example.com, https://b.example/"},
        {"allow_origins": ("https://app.example.com", "https://b.example")},
    ),
    "Authorization next to the star and more": (
        {"allow_origins": "*", "allow_headers": ["*", "Authorization", "X-One"]},
        {"allow_headers": ("Authorization", "X-One")},
    ),
    "two unsafe origins, one without a reason": (
        {
            "allow_unsafe_origins": {"http://a.example": "a reason", "http://b.example": " "},
            "allow_credentials": True,
        },
        {
            "allow_unsafe_origins": {
                "http://a.example": "a reason",
                "http://b.example": "who needs this, and until when",
            }
        },
    ),
    "an unsafe origin that is safe, next to others": (
        {
            "allow_origins": ["https://a.example"],
            "allow_unsafe_origins": {"http://b.example": "a reason", "https://c.example": "another"},
            "allow_credentials": True,
        },
        {
            "allow_origins": ("https://a.example", "https://c.example"),
            "allow_unsafe_origins": {"http://b.example": "a reason"},
        },
    ),
    "unsafe origins outside the grammar": (
        {"allow_unsafe_origins": {"http://b.example/": "a reason"}, "allow_credentials": True},
        {"allow_unsafe_origins": {"http://b.example": "a reason"}},
    ),
    "many methods, two forbidden": (
        {"allow_origins": "*", "allow_methods": ["GET", "TRACE", "DELETE", "TRACK"]},
        {"allow_methods": ("GET", "DELETE")},
    ),
}


@pytest.mark.parametrize(("keywords", "end"), SEVERAL.values(), ids=SEVERAL.keys())
def test_pasted_fixes_lead_to_the_policy_that_was_meant(keywords, end):
    for _ in range(20):
        problems = [problem for problem in findings(keywords) if problem.is_error]
        if not problems:
            break
        keywords = pasted(keywords, problems[0])
    policy = Policy(**keywords)
    for name, value in end.items():
        expected = tuple(dict.fromkeys(value)) if isinstance(value, tuple) else value
        assert getattr(policy, name) == expected


def test_a_fix_removes_nothing_else_from_a_list():
    keywords = {
        "allow_origins": ["https://a.example"],
        "allow_unsafe_origins": {"http://b.example": "one", "http://c.example": "two"},
    }
    first = findings(keywords)[0]
    assert (first.code, first.value) == ("W106", "http://b.example")
    assert pasted(keywords, first) == {
        "allow_origins": ["https://a.example", "http://b.example"],
        "allow_unsafe_origins": {"http://c.example": "two"},
    }


@pytest.mark.parametrize("code", CODES)
def test_a_problem_is_plain_data(code):
    try:
        built = eval(RULES[code].example, names())
    except PolicyError as error:
        (problem,) = error.problems
    else:
        (problem,) = built.warnings if isinstance(built, Policy) else built.policy.warnings
    data = problem.data()
    assert list(data) == ["code", "field", "value", "message", "fix", "place", "line", "covered_by"]
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["fix"]["text"] == str(problem.fix)
    assert pickle.loads(pickle.dumps(problem)) == problem
    assert "{" not in RULES[code].message.format_map(dict.fromkeys(fields_of(RULES[code].message), ""))


def fields_of(template):
    return re.findall(r"(?<!{){([a-z_]+)}", template)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -float("inf"), 1.5, 1j, b"600", object(), [1], {"a": 1}, "\ud800", "\x00\n"],
    ids=steady,
)
def test_a_problem_is_plain_data_with_every_value(value):
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins="*", max_age=value)
    (problem,) = refusal.value.problems
    assert problem.code == "E702"
    data = problem.data()
    assert json.loads(json.dumps(data, allow_nan=False)) == data


class Unshowable:
    def __repr__(self):
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        pytest.param("max_age", 10**6000, id="more digits than Python writes"),
        pytest.param("preflight_status", 10**6000, id="as a status"),
        pytest.param("max_age", Unshowable(), id="no repr"),
        pytest.param("allow_credentials", Unshowable(), id="no repr for a bool"),
        pytest.param("allow_origins", [Unshowable()], id="no repr in a list"),
        pytest.param("allow_origins", {Unshowable()}, id="no repr in a set"),
        pytest.param("allow_headers", {Unshowable()}, id="no repr in a set of names"),
        pytest.param("allow_unsafe_origins", Unshowable(), id="no repr for a mapping"),
    ],
)
def test_a_value_that_cannot_be_shown_is_refused(keyword, value):
    with pytest.raises(PolicyError) as refusal:
        Policy(**{"allow_origins": "*", keyword: value})
    (problem,) = refusal.value.problems
    assert problem.field == keyword
    assert "<" in str(problem.value)
    assert json.loads(json.dumps(problem.data()))["value"] == problem.value
    assert len(str(problem)) < 500


def test_a_refusal_prints_every_problem_with_its_fix():
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=["https://app.example.com/"], max_age=-1)
    assert str(refusal.value) == (
        "this policy has 2 problems\n"
        'E203 allow_origins: "https://app.example.com/" has more than scheme, host and port. An origin has no '
        "trailing slash, no path and no query, so this would never match.\n"
        '    fix: "https://app.example.com"\n'
        "E703 max_age: Expected 0 to 86400 seconds, got -1. No browser keeps an answer longer. 0 turns the preflight "
        "cache off.\n"
        "    fix: max_age=0\n"
        "More about it: corsguard explain E203"
    )


def test_a_refusal_survives_pickling():
    with pytest.raises(ValueError, match="this policy has 1 problem\n") as refusal:
        Policy(allow_origins=[])
    again = pickle.loads(pickle.dumps(refusal.value))
    assert type(again) is PolicyError
    assert again.problems == refusal.value.problems
    assert str(again) == str(refusal.value)


def test_a_refusal_of_a_million_entries_fits_on_a_screen():
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=[f"https://Host-{i}.example" for i in range(10_000)])
    assert len(refusal.value.problems) == 10_000
    printed = str(refusal.value)
    assert "\n... and 9950 more, in .problems\n" in printed
    assert len(printed.splitlines()) == 1 + 2 * 50 + 2


def test_a_quotation_in_a_message_is_bounded():
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=["https://" + "A" * 100_000])
    (problem,) = refusal.value.problems
    assert len(problem.value) == 100_008
    assert len(problem.message) < 500
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins="*", allow_methods=[f"M{i}" for i in range(1000)] + ["TRACE"])
    (problem,) = refusal.value.problems
    assert str(problem.fix) == "remove it"


def test_braces_in_a_value_are_not_a_format_of_the_message():
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=["{field} {0} {value"])
    assert refusal.value.problems[0].message.startswith('Expected one origin, got "{field} {0} {value".')


def test_no_policy_exists_after_a_refusal():
    with pytest.raises(PolicyError):
        CORSMiddleware(lambda environ, start_response: [], {"allow_origins": []})


# What a message quotes may come from a file. It ends in a terminal, a log or a page.
FORGED = {
    "a new line": "x\nE999 allow_origins: forged",
    "a carriage return": "x\rforged",
    "an escape sequence": "\x1b[31mred",
    "a control sequence of one character": "\x9b31m",
    "a bell": "\x07",
    "a deletion": "\x7f",
    "a change of the text direction": "\u202egro.live",
    "an isolate": "\u2066x\u2069",
    "a direction mark": "\u200fx",
    "a line separator": "x\u2028y",
    "a paragraph separator": "x\u2029y",
    "a next line": "x\x85y",
    "a vertical tab": "x\x0by",
    "a zero-width space": "a\u200bb\ufeff",
    "a tag character": "a\U000e0041b",
    "a lone surrogate": "\ud800",
    "a null": "\x00",
}


class Showing:
    def __init__(self, text):
        self.text = text

    def __repr__(self):
        return self.text


def is_safe(text):
    return text.isprintable() and text.encode()


PLACES = {
    "a key": lambda text: Policy.from_mapping({text: 1, "allow_origins": "*"}),
    "an origin": lambda text: Policy(allow_origins=[text]),
    "origins": lambda text: Policy(allow_origins=f"{text},"),
    "a method": lambda text: Policy(allow_origins="*", allow_methods=[text, "GET"]),
    "another method": lambda text: Policy(allow_origins="*", allow_methods=[text, "T RACE"]),
    "a header": lambda text: Policy(allow_origins="*", allow_headers=[text]),
    "an unsafe origin": lambda text: Policy(allow_unsafe_origins={text: "a reason"}),
    "a reason": lambda text: Policy(allow_unsafe_origins={"https://a.example": text}),
    "credentials": lambda text: Policy(allow_origins="*", allow_credentials=text),
    "max_age": lambda text: Policy(allow_origins="*", max_age=text),
    "an object": lambda text: Policy(allow_origins="*", max_age=Showing(text)),
    "the name of a class": lambda text: Policy(
        allow_origins=type(text.replace("\0", "").replace("\ud800", ""), (), {})()
    ),
    "a prefix": lambda text: CORSMiddleware(None, {"paths": {f"/{text}": 3}}),
    "the name of a policy": lambda text: Configuration.from_mapping({"policies": {text: {text: 1}}}),
    "a key next to policies": lambda text: Configuration.from_mapping({"policies": {}, text: 1}),
    "the name of an environment": lambda text: Configuration.from_mapping(
        {"allow_origins": "*", "max_age": -1, "environments": {f"e{text}": {"allow_methods": [text, "T RACE"]}}}
    ),
    "an unknown environment": lambda text: Configuration.from_mapping({"allow_origins": "*"}, text),
    "an extends": lambda text: Configuration.from_mapping({"policies": {"a": {"extends": text}, text: {}}}),
    "a file": lambda text: Configuration.from_file(f"/nowhere/{text}"),
    "a variable": lambda text: Configuration.from_variables({f"CORSGUARD_{text}": text}),
    "the value of a variable": lambda text: Configuration.from_variables({"CORSGUARD_ALLOW_METHODS": f"GET,,{text}"}),
}


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("refuse", PLACES.values(), ids=PLACES)
def test_quoted_text_adds_no_line_and_no_control_character(refuse, text):
    with pytest.raises(PolicyError) as refusal:
        refuse(text)
    assert refusal.value.problems
    for problem in refusal.value.problems:
        assert is_safe(problem.field)
        assert is_safe(problem.message)
        # What can be pasted into a file or a variable has one line for each value.
        assert all(map(is_safe, str(problem.fix).split("\n")))
    lines = [1 + len(str(problem.fix).split("\n")) for problem in refusal.value.problems]
    assert len(str(refusal.value).splitlines()) == 1 + sum(lines) + 1


@pytest.mark.parametrize("text", FORGED.values(), ids=FORGED)
def test_a_problem_that_a_caller_built_adds_no_line(text):
    problem = Problem("E999", text, text, text, Fix(words=text.replace("\n", "")))
    assert len(str(problem).splitlines()) == 2
    assert is_safe(str(problem).replace("\n", ""))


@pytest.mark.parametrize("text", [*FORGED.values(), "plain", 'it\'s "quoted"', "\xe9", "\u4e2d", "x" * 198])
def test_quoted_text_can_be_read_back(text):
    assert eval(quoted(text)) == text
    assert is_safe(quoted(text))


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("/items", "/items"),
        ("\r\nforged\x1b\u202e\xe9", r"\r\nforged\x1b\u202e\xe9"),
        ("x" * 1_000_000, "x" * 200),
        ("\n" * 1_000_000, "\\n" * 100),
        ("\ud800", r"\ud800"),
        (None, "None"),
        (3, "3"),
        (Unshowable(), "<Unshowable>"),
    ],
    ids=lambda value: ascii(value)[:20] if isinstance(value, str) else type(value).__name__,
)
def test_text_from_the_network_is_shown_in_ascii_and_cut(text, result):
    assert shown(text) == result


def test_the_caps_in_sentences_are_those_of_browsers():
    assert str(names_of_fetch.FIREFOX_MAX_AGE) in RULES["E703"].message
    caps = [names_of_fetch.CHROMIUM_MAX_AGE, names_of_fetch.FIREFOX_MAX_AGE, names_of_fetch.SAFARI_MAX_AGE]
    assert [int(number) for number in re.findall(r"\d+", RULES["W301"].message)] == caps
