"""
What a policy refuses, and which warnings it has: every mistake with its codes and its fix.
"""

import functools
import json
import re
from datetime import date, timedelta

import pytest
from kit.building import APP, FULL, OTHER, Source, problems
from kit.naming import steady

from corsguard import Policy, PolicyError
from corsguard.errors import RULES
from corsguard.validation import problems_of


def fixes(**keywords):
    with pytest.raises(PolicyError) as refusal:
        Policy.from_mapping(keywords)
    return [str(problem.fix) for problem in refusal.value.problems]


def warnings(**keywords):
    return [(problem.code, problem.value) for problem in Policy(**keywords).warnings]


# Every row gives all codes, in order.

MISTAKES = [
    # No origins, and values that are mistaken for a list.
    ({}, ["E101"]),
    ({"allow_origins": []}, ["E101"]),
    ({"allow_origins": (), "allow_unsafe_origins": {}}, ["E101"]),
    ({"allow_origins": None}, ["E103"]),
    ({"allow_origins": ""}, ["E102"]),
    ({"allow_origins": "null"}, ["E102"]),
    ({"allow_origins": APP}, ["E102"]),
    ({"allow_origins": f"{APP}, {OTHER}"}, ["E102"]),
    ({"allow_origins": "https://*.example.com"}, ["E102"]),
    ({"allow_origins": r"^https://.*\.example\.com$"}, ["E102"]),
    ({"allow_origins": b"https://app.example.com"}, ["E103"]),
    ({"allow_origins": bytearray(b"x")}, ["E103"]),
    ({"allow_origins": 1}, ["E103"]),
    ({"allow_origins": True}, ["E103"]),
    ({"allow_origins": object()}, ["E103"]),
    ({"allow_origins": lambda origin: True}, ["E103"]),
    ({"allow_origins": re.compile(r"https://.*")}, ["E103"]),
    ({"allow_origins": (origin for origin in [APP])}, ["E103"]),
    ({"allow_origins": {APP: True}}, ["E103"]),
    ({"allow_origins": {APP: True}.keys()}, ["E103"]),
    ({"allow_origins": map(str, [APP])}, ["E103"]),
    ({"allow_origins": [None]}, ["E104"]),
    ({"allow_origins": [APP, 1, b"x"]}, ["E104", "E104"]),
    ({"allow_origins": [[APP]]}, ["E104"]),
    ({"allow_origins": [re.compile(r"https://.*\.example\.com")]}, ["E104"]),
    ({"allow_origins": ["*", APP]}, ["E105"]),
    ({"allow_origins": {"*", APP}}, ["E105"]),
    ({"allow_origins": ["*"]}, ["E105"]),
    ({"allow_origins": [""]}, ["E201"]),
    ({"allow_origins": "".split(",")}, ["E201"]),
    ({"allow_origins": ["*.example.com"]}, ["E211"]),
    ({"allow_origins": ["null"]}, ["E212"]),
    ({"allow_origins": ["null"], "allow_credentials": True}, ["E212"]),
    ({"allow_origins": ["file://"]}, ["E213"]),
    # Keywords.
    ({"allow_origin": [APP]}, ["E106"]),
    ({"origins": [APP]}, ["E106"]),
    ({"allow_origins": [APP], "supports_credentials": True}, ["E106"]),
    ({"allow_origins": [APP], "nonsense": 1}, ["E106"]),
    ({"allow_origins": [APP], "vary_header": False, "always_send": False, "send_wildcard": True}, ["E106"] * 3),
    ({"allow_origins": [APP], "allow_private_network": True}, ["E106"]),
    # A wildcard together with credentials.
    ({"allow_origins": "*", "allow_credentials": True}, ["E301"]),
    ({"allow_origins": ["*"], "allow_credentials": True}, ["E301"]),
    ({"allow_origins": ["*", APP], "allow_credentials": True}, ["E301"]),
    (
        {"allow_origins": ["*"], "allow_methods": ["*"], "allow_headers": ["*"], "allow_credentials": True},
        ["E301"] * 3,
    ),
    ({"allow_origins": [APP], "allow_methods": "*", "allow_credentials": True}, ["E301"]),
    ({"allow_origins": [APP], "allow_headers": "*", "allow_credentials": True}, ["E301"]),
    ({"allow_origins": [APP], "allow_headers": ["*", "Authorization"], "allow_credentials": True}, ["E301"]),
    ({"allow_origins": [APP], "expose_headers": "*", "allow_credentials": True}, ["E301"]),
    # Dangerous origins.
    ({"allow_origins": ["http://app.example.com"], "allow_credentials": True}, ["E302"]),
    ({"allow_origins": ["http://*.example.com:*"], "allow_credentials": True}, ["E302"]),
    ({"allow_origins": ["http://192.168.0.1", "http://app.test"], "allow_credentials": True}, ["E302", "E302"]),
    ({"allow_origins": ["http://host.docker.internal"], "allow_credentials": True}, ["E302"]),
    ({"allow_origins": ["http://127.0.0.1.example.com"], "allow_credentials": True}, ["E302"]),
    *(
        ({"allow_origins": [f"https://{host}"], "allow_credentials": True}, ["E303"])
        for host in (
            "*.com",
            "*.com.",
            "*.co.uk",
            "*.foo.ck",
            "*.github.io",
            "*.github.io:*",
            "*.vercel.app",
            "*.pages.dev",
            "*.web.app",
            "*.herokuapp.com",
            "*.s3.amazonaws.com",
            "*.amazonaws.com",
            "*.ngrok-free.app",
            "*.surge.sh",
            "*.up.railway.app",
            "*.codepen.io",
            "*--shop.netlify.app",
            "pr-*.pages.dev",
            "api.pr-*.pages.dev",
        )
    ),
    # `allow_unsafe_origins`.
    ({"allow_unsafe_origins": ["http://a.example"]}, ["E311"]),
    ({"allow_unsafe_origins": "http://a.example"}, ["E311"]),
    ({"allow_unsafe_origins": None}, ["E311"]),
    ({"allow_unsafe_origins": {1: "a reason"}}, ["E104"]),
    ({"allow_unsafe_origins": {"http://a.example": ""}}, ["E312"]),
    ({"allow_unsafe_origins": {"http://a.example": "  \n"}}, ["E312"]),
    ({"allow_unsafe_origins": {"http://a.example": None}}, ["E312"]),
    ({"allow_unsafe_origins": {"http://a.example": True}}, ["E312"]),
    ({"allow_unsafe_origins": {"null": ""}}, ["E312"]),
    ({"allow_unsafe_origins": {APP: "it is ours"}}, ["E313"]),
    ({"allow_unsafe_origins": {APP: "it is ours"}, "allow_credentials": True}, ["E313"]),
    ({"allow_unsafe_origins": {"http://localhost": "dev"}, "allow_credentials": True}, ["E313"]),
    ({"allow_unsafe_origins": {"https://*.example.com": "ours"}, "allow_credentials": True}, ["E313"]),
    ({"allow_unsafe_origins": {"capacitor://localhost": "our app"}, "allow_credentials": True}, ["E313"]),
    ({"allow_origins": "*", "allow_unsafe_origins": {"null": "a kiosk"}}, ["E314"]),
    ({"allow_unsafe_origins": {"null": "a kiosk"}, "allow_credentials": True}, ["E315"]),
    ({"allow_unsafe_origins": {"http://a.example/": "a reason"}}, ["E203"]),
    ({"allow_unsafe_origins": {"NULL": "a reason"}}, ["E212"]),
    ({"allow_unsafe_origins": {"file://": "a reason"}}, ["E213"]),
    ({"allow_unsafe_origins": {"*": "a reason"}}, ["E211"]),
    ({"allow_unsafe_origins": {"https://*": "a reason"}}, ["E211"]),
    # Sources.
    ({"allow_origins": Source}, ["E321"]),
    ({"allow_origins": dict}, ["E321"]),
    # Methods.
    ({"allow_origins": "*", "allow_methods": "GET"}, ["E102"]),
    ({"allow_origins": "*", "allow_methods": "GET, PUT"}, ["E102"]),
    ({"allow_origins": "*", "allow_methods": None}, ["E103"]),
    ({"allow_origins": "*", "allow_methods": ["*", "PUT"]}, ["E105"]),
    ({"allow_origins": "*", "allow_methods": [""]}, ["E401"]),
    ({"allow_origins": "*", "allow_methods": ["GET,PUT"]}, ["E401"]),
    ({"allow_origins": "*", "allow_methods": ["P\u00dcT"]}, ["E401"]),
    ({"allow_origins": "*", "allow_methods": ["GET\r\nX-Evil: 1"]}, ["E401"]),
    ({"allow_origins": "*", "allow_methods": ["TRACE", "connect", "Track"]}, ["E402"] * 3),
    ({"allow_origins": "*", "allow_methods": ["patch"]}, ["E403"]),
    ({"allow_origins": "*", "allow_methods": ["get", "Delete", "oPTIONS", "propfind"]}, ["E403"] * 4),
    ({"allow_origins": "*", "allow_methods": ["PROP*", "GET"]}, ["E107"]),
    # Request headers.
    ({"allow_origins": "*", "allow_headers": "Content-Type"}, ["E102"]),
    ({"allow_origins": "*", "allow_headers": ["X-*", "Content-*", "**"]}, ["E107"] * 3),
    ({"allow_origins": "*", "allow_headers": ["*", "Authorization", "X-*"]}, ["E107"]),
    ({"allow_origins": "*", "allow_headers": ["*"]}, ["E105"]),
    ({"allow_origins": "*", "allow_headers": ["*", "X-One"]}, ["E105"]),
    ({"allow_origins": "*", "allow_headers": ["*", "Authorization", "X-One"]}, ["E105"]),
    ({"allow_origins": "*", "allow_headers": ["Content-Type,Authorization"]}, ["E501"]),
    ({"allow_origins": "*", "allow_headers": [""]}, ["E501"]),
    ({"allow_origins": "*", "allow_headers": ["X-One\r\nX-Evil: 1"]}, ["E501"]),
    ({"allow_origins": "*", "allow_headers": ["Cookie", "HOST", "sec-fetch-site", "Proxy-X"]}, ["E502"] * 4),
    ({"allow_origins": "*", "allow_headers": ["Access-Control-Request-Method", "Origin"]}, ["E502"] * 2),
    (
        {
            "allow_origins": "*",
            "allow_headers": [
                f"Access-Control-{name}"
                for name in (
                    "Allow-Origin",
                    "Allow-Credentials",
                    "Allow-Methods",
                    "allow-headers",
                    "Expose-Headers",
                    "Max-Age",
                    "Allow-Private-Network",
                )
            ],
        },
        ["E503"] * 7,
    ),
    # Response headers.
    ({"allow_origins": "*", "expose_headers": "ETag"}, ["E102"]),
    ({"allow_origins": "*", "expose_headers": ["*", "ETag"]}, ["E105"]),
    ({"allow_origins": "*", "expose_headers": ["*", "Authorization"]}, ["E105"]),
    ({"allow_origins": "*", "expose_headers": ["X One"]}, ["E501"]),
    ({"allow_origins": "*", "expose_headers": ["X-RateLimit-*"]}, ["E107"]),
    ({"allow_origins": "*", "expose_headers": ["set-cookie", "Set-Cookie2"]}, ["E601"] * 2),
    ({"allow_origins": "*", "expose_headers": ["origin", "Cookie", "Access-Control-Max-Age"]}, ["E602"] * 3),
    # Single values.
    *(
        ({"allow_origins": [APP], keyword: value}, ["E701"])
        for keyword in ("allow_credentials", "share_timing")
        for value in ("false", "true", "", 0, 1, None, [], "yes")
    ),
    *(
        ({"allow_origins": [APP], "max_age": value}, ["E702"])
        for value in ("600", "abc", "", 1.5, 600.0, True, False, timedelta(milliseconds=1500), [600], b"600")
    ),
    *(
        ({"allow_origins": [APP], "max_age": value}, ["E703"])
        for value in (-1, 86401, 10**30, timedelta(seconds=-1), timedelta(days=2))
    ),
    *(
        ({"allow_origins": [APP], "preflight_status": value}, ["E704"])
        for value in (201, 0, 403, "204", 204.0, True, None, [])
    ),
]


@pytest.mark.parametrize(("keywords", "codes"), MISTAKES, ids=[steady(row[0]) for row in MISTAKES])
def test_a_mistake_is_refused(keywords, codes):
    assert [code for code, _ in problems(**keywords)] == codes


def test_an_asynchronous_source_is_refused():
    class Asks:
        async def __contains__(self, origin):
            return True

    class Generates:
        async def __contains__(self, origin):
            yield True

    assert problems(allow_origins=Asks()) == problems(allow_origins=Generates()) == [("E322", "allow_origins")]


@pytest.mark.parametrize(
    ("keywords", "fix"),
    [
        ({"allow_origins": APP}, f'allow_origins=["{APP}"]'),
        ({"allow_origins": f" {APP};{OTHER} "}, f'allow_origins=["{APP}", "{OTHER}"]'),
        ({"allow_origins": ""}, f'allow_origins=["{APP}"]'),
        ({"allow_origins": {APP: True}.keys()}, "allow_origins=list(...)"),
        ({"allow_origins": (x for x in ())}, "allow_origins=list(...)"),
        ({"allow_origins": None}, f'allow_origins=["{APP}"]'),
        ({"allow_origins": b"x"}, f'allow_origins=["{APP}"]'),
        ({"allow_origins": [re.compile(r"https://.*\.a\.example")]}, '"https://*.a.example"  # or remove it'),
        ({"allow_origins": [re.compile("https://a.example")]}, '"https://a.example"  # or remove it'),
        ({"allow_origins": [re.compile(b"x")]}, f'"{APP}"  # or remove it'),
        ({"allow_origins": re.compile(r"https://.*\.a\.example$")}, 'allow_origins=["https://*.a.example"]'),
        ({"allow_origins": f'["{APP}", "{OTHER}"]'}, f'allow_origins=["{APP}", "{OTHER}"]'),
        ({"allow_origins": f"('{APP}',)"}, f'allow_origins=["{APP}"]'),
        ({"allow_origins": "https://[a-z]{1,3}.a.example"}, 'allow_origins=["https://[a-z]{1,3}.a.example"]'),
        ({"allow_origins": ["https:app.a.example"]}, '"https://app.a.example"'),
        ({"allow_origins": ["self"]}, f'"{APP}"  # or remove it'),
        ({"allow_origins": ["{{ pages }}"]}, f'"{APP}"  # or remove it'),
        ({"allow_origins": ["http://::1:3000"]}, '"http://[::1]:3000"'),
        ({"allow_origins": ["http://2001:db8::1"]}, '"http://[2001:db8::1]"'),
        ({"allow_origins": ["http://localhost:3000-3001"]}, '"http://localhost:3000", "http://localhost:3001"'),
        ({"allow_origins": ["http://localhost:1-65535"]}, '"http://localhost"'),
        ({"allow_origins": [f"{APP}/{APP}"]}, f'"{APP}"'),
        (
            {"allow_origins": [r"^https://\w+\.a\.example$"], "allow_credentials": True},
            '"https://*.a.example"  # this covers https://a-b.a.example too, which the expression does not',
        ),
        (
            {"allow_origins": [APP], "allow_headers": ["Content Type"]},
            'allow_headers=["Content-Type"]',
        ),
        (
            {"allow_origins": [APP], "allow_headers": ["Accept Authorization"]},
            'allow_headers=["Accept", "Authorization"]',
        ),
        ({"allow_origins": ["*", APP]}, f'allow_origins=["{APP}"]  # or, to allow everything: allow_origins="*"'),
        (
            {"allow_origins": ["*", APP], "allow_credentials": True},
            f'allow_origins=["{APP}"]  # or, for public data: allow_credentials=False',
        ),
        ({"allow_origins": ["*"]}, 'allow_origins="*"'),
        ({"allow_origins": "['*']"}, 'allow_origins="*"'),
        (
            {"allow_origins": f"*, {APP}"},
            f'allow_origins=["{APP}"]  # or, to allow everything: allow_origins="*"',
        ),
        (
            {"allow_origins": ["*"], "allow_credentials": True},
            f'allow_origins=["{APP}"]  # list the origins of your pages; or, for public data: allow_credentials=False',
        ),
        (
            {"allow_origins": [APP], "allow_methods": ["*"], "allow_credentials": True},
            (
                'allow_methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]  # list the methods that your pages '
                "use; or, for public data: allow_credentials=False"
            ),
        ),
        (
            {"allow_origins": [APP], "allow_headers": ["*"], "allow_credentials": True},
            (
                'allow_headers=["Content-Type", "Authorization"]  # list the headers that your pages send; or, '
                "for public data: allow_credentials=False"
            ),
        ),
        (
            {"allow_origins": [APP], "expose_headers": "['*']", "allow_credentials": True},
            (
                'expose_headers=["ETag"]  # list the headers that your pages read; or, '
                "for public data: allow_credentials=False"
            ),
        ),
        ({"allow_origins": "*", "allow_methods": "GET PUT"}, 'allow_methods=["GET", "PUT"]'),
        (
            {"allow_origins": "*", "allow_headers": ["*", "X-One"]},
            'allow_headers=["X-One"]  # or, to allow everything: allow_headers="*"',
        ),
        (
            {"allow_origins": "*", "allow_headers": ["*", "X", "Authorization"]},
            'allow_headers=["X", "Authorization"]  # or, to allow everything: allow_headers=["*", "Authorization"]',
        ),
        (
            {"allow_origins": [APP], "allow_headers": ["*", "Authorization"], "allow_credentials": True},
            'allow_headers=["Authorization"]  # or, for public data: allow_credentials=False',
        ),
        ({"allow_origins": "*", "allow_methods": ["GET,PUT", "X"]}, 'allow_methods=["GET", "PUT", "X"]'),
        ({"allow_origins": "*", "allow_methods": [""]}, 'allow_methods=["PUT"]  # or remove it'),
        ({"allow_origins": "*", "allow_methods": ["patch"]}, '"PATCH"'),
        ({"allow_origins": "*", "allow_methods": ["TRACE"]}, 'allow_methods=["PUT"]  # or remove it'),
        ({"allow_origins": "*", "allow_headers": ["Cookie", "X-One"]}, 'allow_headers=["X-One"]'),
        ({"allow_origins": [APP], "allow_credentials": "true"}, "allow_credentials=True"),
        ({"allow_origins": [APP], "allow_credentials": " Yes"}, "allow_credentials=True"),
        ({"allow_origins": [APP], "allow_credentials": 1}, "allow_credentials=True"),
        ({"allow_origins": [APP], "allow_credentials": "false"}, "allow_credentials=False"),
        ({"allow_origins": [APP], "allow_credentials": None}, "allow_credentials=False"),
        ({"allow_origins": [APP], "share_timing": "yes"}, "share_timing=True"),
        ({"allow_origins": [APP], "share_timing": None}, "share_timing=False"),
        ({"allow_origins": [APP], "max_age": "600"}, "max_age=600"),
        ({"allow_origins": [APP], "max_age": "90000"}, "max_age=7200"),
        ({"allow_origins": [APP], "max_age": "a day"}, "max_age=7200"),
        ({"allow_origins": [APP], "max_age": -5}, "max_age=0"),
        ({"allow_origins": [APP], "max_age": 100_000}, "max_age=7200"),
        ({"allow_origins": [APP], "preflight_status": 201}, "preflight_status=204"),
        ({"allow_origin": [APP]}, "allow_origins"),
        ({"allow_origins": [APP], "max-age": 1}, "max_age"),
        (
            {"allow_origins": [APP], "nonsense": 1},
            f"remove it  # or write one of {', '.join(FULL)}",
        ),
        ({"allow_origins": Source}, "allow_origins=Source()"),
        (
            {"allow_unsafe_origins": ["http://a.example"]},
            'allow_unsafe_origins={"http://a.example": "who needs this, and until when"}',
        ),
        (
            {"allow_unsafe_origins": "http://a.example"},
            'allow_unsafe_origins={"http://a.example": "who needs this, and until when"}',
        ),
        (
            {"allow_unsafe_origins": True},
            'allow_unsafe_origins={"http://kiosk.corp.example": "who needs this, and until when"}',
        ),
        ({"allow_origins": Source(), "allow_unsafe_origins": {APP: "x"}}, "allow_unsafe_origins={}"),
    ],
    ids=steady,
)
def test_the_fix_is_what_was_meant(keywords, fix):
    assert fixes(**keywords) == [fix]


def test_all_mistakes_are_reported_at_once():
    assert problems(
        allow_origin=["https://App.example.com", "app.example.com", "http://a.example", "https://*.github.io", None],
        allow_methods=["patch", "TRACE"],
        allow_headers="Content-Type",
        expose_headers=["Set-Cookie"],
        allow_credentials=True,
        max_age="600",
        preflight_status=999,
        allow_unsafe_origins={"null": "", APP: "ours"},
        nonsense=1,
    ) == [
        ("E106", "allow_origin"),
        ("E106", "nonsense"),
        ("E104", "allow_origins"),
        ("E204", "allow_origins"),
        ("E202", "allow_origins"),
        ("E302", "allow_origins"),
        ("E303", "allow_origins"),
        ("E312", "allow_unsafe_origins"),
        ("E315", "allow_unsafe_origins"),
        ("E313", "allow_unsafe_origins"),
        ("E403", "allow_methods"),
        ("E402", "allow_methods"),
        ("E102", "allow_headers"),
        ("E601", "expose_headers"),
        ("E702", "max_age"),
        ("E704", "preflight_status"),
    ]


def test_a_policy_takes_known_keywords_only():
    with pytest.raises(TypeError):
        Policy([APP])
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=[APP], supports_credentials=True)
    assert [(problem.code, str(problem.fix)) for problem in refusal.value.problems] == [("E106", "allow_credentials")]


@pytest.mark.parametrize(("keywords", "codes"), MISTAKES, ids=[steady(row[0]) for row in MISTAKES])
def test_both_constructors_refuse_with_the_same_problems(keywords, codes):
    refusals = []
    for build in (lambda keywords: Policy(**keywords), Policy.from_mapping):
        with pytest.raises(PolicyError) as refusal:
            build(keywords)
        refusals.append(refusal.value.problems)
    assert refusals[0] == refusals[1]
    assert [problem.code for problem in refusals[0]] == codes


def refused(mapping):
    with pytest.raises(PolicyError) as refusal:
        Policy.from_mapping(mapping)
    return [(problem.code, problem.field, problem.value, str(problem.fix)) for problem in refusal.value.problems]


KEYWORDS = ", ".join(FULL)


@pytest.mark.parametrize(
    ("key", "field", "fix"),
    [
        ("allow_origin", "allow_origin", "remove it  # move its value to allow_origins first"),
        ("Access-Control-Allow-Headers", "Access-Control-Allow-Headers", "allow_headers"),
        ("allow_header", "allow_header", "allow_headers"),
        ("ALLOW_HEADERS", "ALLOW_HEADERS", "allow_headers"),
        ("Allow-Headers", "Allow-Headers", "allow_headers"),
        ("allowed_methods", "allowed_methods", "allow_methods"),
        ("warnings", "warnings", f"remove it  # or write one of {KEYWORDS}"),
        # It may be either of two.
        ("header", "header", f"remove it  # or write one of {KEYWORDS}"),
        ("xyz", "xyz", f"remove it  # or write one of {KEYWORDS}"),
        (7, "7", f"remove it  # or write one of {KEYWORDS}"),
        (None, "None", f"remove it  # or write one of {KEYWORDS}"),
    ],
)
def test_an_unknown_keyword_is_reported_with_the_one_that_was_meant(key, field, fix):
    assert refused({"allow_origins": "*", key: "*"}) == [("E106", field, key, fix)]
    if isinstance(key, str):
        with pytest.raises(PolicyError) as refusal:
            Policy(allow_origins="*", **{key: "*"})
        assert [str(problem.fix) for problem in refusal.value.problems] == [fix]


@pytest.mark.parametrize("value", [date(2000, 1, 1), object(), [object()], 10**5000], ids=type)
def test_a_table_in_a_policy_is_moved_up_only_if_json_holds_its_values(value):
    with pytest.raises(PolicyError) as refusal:
        Policy.from_mapping({"allow_origins": "*", "cors": {"max_age": 5, "allow_methods": value}})
    (problem,) = refusal.value.problems
    assert (problem.code, problem.fix.policy) == ("E106", {})
    json.dumps(problem.data())


@pytest.mark.parametrize(
    ("mapping", "fixes"),
    [
        (
            {"cors": {"allow_origins": "*", "maxage": 5}},
            ['allow_origins="*", max_age=5  # in place of "cors", because a policy has no levels'],
        ),
        ({"path": {"/api": {}}, "allow_origins": "*"}, ["paths"]),
        ({"host": {"a.example": None}, "allow_origins": "*"}, ["hosts"]),
        (
            {
                "allow_origins": ["http://a.example", "https://*.corp"],
                "allow_unsafe_origins": {"http://a.example": "no TLS", "https://*.corp": "ours"},
                "allow_credentials": True,
            },
            ["remove it  # allow_unsafe_origins has it"] * 2,
        ),
        (
            {"allow_origins": [APP], "allow_unsafe_origins": {APP: "ours"}},
            [f'allow_origins=["{APP}"], allow_unsafe_origins={{}}'],
        ),
        ({"allow_origins": ["$FRONTEND_URL", "${HOST}"]}, [f'"{APP}"  # or remove it'] * 2),
        ({"allow_origins": [f"{APP} # ours"]}, [f'"{APP}"']),
    ],
    ids=str,
)
def test_a_fix_is_what_was_meant(mapping, fixes):
    assert [fix for *_, fix in refused(mapping)] == fixes


def test_the_value_of_a_misspelled_keyword_is_judged_too():
    assert [row[:2] for row in refused({"allow_origin": ["null"], "nothing": 1})] == [
        ("E106", "allow_origin"),
        ("E106", "nothing"),
        ("E212", "allow_origins"),
    ]
    # The value under the right spelling counts, whichever comes first.
    for keys in (("allow_origins", "allow_origin"), ("allow_origin", "allow_origins")):
        assert [row[0] for row in refused({key: [APP] for key in keys})] == ["E106"]


# Each warning, next to a similar policy that must not have it.

RISKY = [
    # keywords, code, value of the warning
    ({"allow_origins": ["https://*.example.com"], "allow_credentials": True}, "W101", "https://*.example.com"),
    ({"allow_origins": ["https://pr-*.example.com"], "allow_credentials": True}, "W101", "https://pr-*.example.com"),
    ({"allow_origins": [f"{APP}:*"], "allow_credentials": True}, "W102", f"{APP}:*"),
    ({"allow_origins": ["http://localhost:*"], "allow_credentials": True}, "W102", "http://localhost:*"),
    ({"allow_origins": ["http://app.example.com"]}, "W103", "http://app.example.com"),
    ({"allow_origins": ["http://*.example.com"]}, "W103", "http://*.example.com"),
    ({"allow_origins": [APP, "http://localhost:3000"]}, "W104", "http://localhost:3000"),
    ({"allow_origins": ["https://127.0.0.1", "capacitor://localhost"]}, "W104", "https://127.0.0.1"),
    ({"allow_origins": ["https://*.example.com", APP]}, "W105", APP),
    ({"allow_origins": ["https://*.example.com", "https://*.a.example.com"]}, "W105", "https://*.a.example.com"),
    ({"allow_origins": ["https://*.example.com", "https://a*.example.com"]}, "W105", "https://a*.example.com"),
    ({"allow_origins": ["https://*.example.com:*", "https://*.example.com"]}, "W105", "https://*.example.com"),
    ({"allow_origins": [f"{APP}:*", f"{APP}:8443"]}, "W105", f"{APP}:8443"),
    ({"allow_origins": ["https://a*.example.com", "https://ab*.example.com"]}, "W105", "https://ab*.example.com"),
    ({"allow_unsafe_origins": {"http://a.example": "no TLS"}}, "W106", "http://a.example"),
    ({"allow_unsafe_origins": {"https://*.github.io": "fun"}}, "W106", "https://*.github.io"),
    ({"allow_origins": ["https://*.github.io"]}, "W107", "https://*.github.io"),
    ({"allow_origins": ["https://*--shop.netlify.app"]}, "W107", "https://*--shop.netlify.app"),
    ({"allow_origins": ["vscode-webview://*"]}, "W107", "vscode-webview://*"),
    ({"allow_origins": ["https://*.corp"]}, "W107", "https://*.corp"),
    ({"allow_origins": [f"{APP}."]}, "W108", f"{APP}."),
    ({"allow_origins": ["https://xn--a.example"]}, "W109", "https://xn--a.example"),
    ({"allow_origins": ["https://b.xn--99999999.example"]}, "W109", "https://b.xn--99999999.example"),
    ({"allow_origins": [APP], "allow_methods": ["GET", "OPTIONS"]}, "W201", "OPTIONS"),
    ({"allow_origins": [APP], "allow_methods": ["PUT"]}, "W202", "PUT"),
    ({"allow_origins": [APP], "allow_methods": ["POST", "PATCH"], "allow_headers": ["X"]}, "W202", "POST, PATCH"),
    ({"allow_origins": "*", "allow_methods": "*"}, "W202", "*"),
    ({"allow_origins": [APP], "allow_headers": "*"}, "W203", "*"),
    *(
        ({"allow_origins": [APP], "allow_methods": [name], "allow_headers": ["Content-Type"]}, "W204", name)
        for name in "PUTT PST DELET DELTE POSTS PATH PACTH OPTION UPDATE CREATE Putt QUERRY ALL any GET|PUT".split()
    ),
    *(
        ({"allow_origins": [APP], "allow_headers": [name]}, "W204", name)
        for name in (
            "Authorisation Authorizaton autorization Autorisation X-CRSF-Token X-CSFR-Token Content_Type ContentType "
            "Contet-Type Content-Typ X-Requestd-With X_API_KEY Cache-Controll LastEventId"
        ).split()
    ),
    *(
        ({"allow_origins": [APP], "expose_headers": [name]}, "W204", name)
        for name in ("Content-Dispositon", "X-Total-Cuont", "Locaton", "Retry_After", "X-Ratelimt-Limit")
    ),
    ({"allow_origins": [APP], "max_age": 7201}, "W301", 7201),
    ({"allow_origins": [APP], "max_age": timedelta(days=1)}, "W301", 86400),
    ({"allow_origins": "*", "share_timing": True}, "W501", True),
    ({"allow_origins": [APP], "allow_credentials": True, "share_timing": True}, "W502", True),
]
WITHOUT_RISK = [
    {"allow_origins": ["https://*.example.com"]},
    {"allow_origins": [f"{APP}:*"]},
    {"allow_origins": ["https://*.example.com:*"]},
    {"allow_origins": ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]"]},
    {"allow_origins": ["http://localhost:3000"], "allow_credentials": True},
    {"allow_origins": ["capacitor://localhost", APP]},
    {"allow_origins": ["app://.", "https://xn--bcher-kva.example", "https://xn--ls8h.la"]},
    {"allow_origins": ["https://*.example.com", "https://example.com", "https://app.example.com:8443"]},
    {"allow_origins": ["https://a*.example.com", "https://*b.example.com"]},
    {"allow_origins": ["https://a*.example.com", "https://a.example.com"]},
    {"allow_origins": ["https://*.example.com", "capacitor://a"]},
    {"allow_origins": [f"{APP}:*", "https://a.app.example.com"]},
    {"allow_origins": ["https://*.me.github.io", "https://me.github.io", "https://*.internal"]},
    {"allow_unsafe_origins": {"http://a.example": "no TLS"}, "allow_credentials": True},
    {"allow_unsafe_origins": {"null": "a kiosk"}},
    {"allow_origins": [APP], "allow_methods": ["GET", "DELETE"]},
    {"allow_origins": [APP], "allow_methods": ["PUT"], "allow_headers": ["content-TYPE"]},
    {"allow_origins": "*", "allow_methods": "*", "allow_headers": ["*", "Authorization"]},
    {"allow_origins": "*", "allow_methods": "*", "allow_headers": ["*", "Authorization"]},
    {
        "allow_origins": [APP],
        "allow_methods": "PURGE PROPFIND BATCH SET SUB PUSH READY MATCH COPY LINK MOVE LIST X FETCH".split(),
    },
    {
        "allow_origins": [APP],
        "allow_headers": (
            "X-Tenant X-App-Key X-ApiKey api_key Authentication X-Auth X-Requested-By X-Request-IP X-Client-Version "
            "X-Trace-Id X-Forwarded-For Token Apollo-Require-Preflight Stripe-Version X-User-Agent X-Content-Version "
            "X-Y Depth Version Api-Version X-Request-Time X-CSRF Session x-csrftoken ETAG Digest Content-MD5"
        ).split(),
        "expose_headers": "X-Total X-Total-Pages X-Pagination Links X-Link Date Age X-Version".split(),
    },
    {"allow_origins": [APP], "max_age": 7200},
    {"allow_origins": [APP], "max_age": 0},
    {"allow_origins": [APP], "max_age": None},
    {"allow_origins": [APP], "share_timing": True},
    {"allow_origins": Source(), "share_timing": True},
    {"allow_origins": "*", "share_timing": False},
    {"allow_origins": [APP], "allow_credentials": True, "share_timing": False},
    {"allow_origins": Source()},
    {"allow_origins": "*"},
]


@pytest.mark.parametrize(("keywords", "code", "value"), RISKY, ids=[f"{row[1]} {row[2]}" for row in RISKY])
def test_a_valid_but_risky_policy_has_this_warning(keywords, code, value):
    assert warnings(**keywords) == [(code, value)]


@pytest.mark.parametrize("keywords", WITHOUT_RISK, ids=steady)
def test_a_policy_without_risk_has_no_warning(keywords):
    assert warnings(**keywords) == []


def test_every_warning_has_a_case():
    # W4 is about production, which only a file knows.
    assert {row[1] for row in RISKY} == {code for code in RULES if code.startswith("W") and not code.startswith("W4")}


def test_warnings_come_in_the_order_of_the_keywords():
    listed = [f"http://localhost:{port}" for port in range(3000, 3020)]
    assert warnings(allow_origins=[APP, *listed]) == [("W104", origin) for origin in listed]


@pytest.mark.parametrize("function", [lambda origin: True, len, "x".startswith, functools.partial(len)])
def test_a_function_is_refused_and_the_fix_names_origin_sources(function):
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=function)
    (problem,) = refusal.value.problems
    assert problem.code == "E103"
    assert "def __contains__(self, origin: str) -> bool:" in problem.fix.words


@pytest.mark.parametrize(
    ("entry", "meant"),
    {
        re.compile(r"^https://(.*\.)?a\.example$"): ("https://a.example", "https://*.a.example"),
        r"https?://(www|app)\.a\.example": ("https://www.a.example", "https://app.a.example"),
    }.items(),
)
def test_a_regular_expression_is_refused_with_the_patterns_that_translators_read(entry, meant):
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=[entry])
    (problem,) = refusal.value.problems
    assert {*problem.fix.entries} == {*meant}
    assert Policy(allow_origins=[*problem.fix.entries])


@pytest.mark.parametrize("credentials", [False, True])
def test_a_star_in_front_of_a_domain_gets_the_domain_and_its_subdomains(credentials):
    keywords = {"allow_origins": ["https://*example.com"], "allow_credentials": credentials}
    found = problems_of(keywords) if credentials else Policy(**keywords).warnings
    (problem,) = [problem for problem in found if problem.code in {"E303", "W107"}]
    assert problem.fix.entries == ("https://example.com", "https://*.example.com")
    assert Policy(**{**keywords, "allow_origins": [*problem.fix.entries]})


@pytest.mark.parametrize("name", ["timing_allow_origins", "timing_allow_origin"])
def test_an_option_of_another_library_is_refused_with_our_keyword(name):
    with pytest.raises(PolicyError) as refusal:
        Policy.from_mapping({"allow_origins": [APP], name: [APP]})
    (problem,) = refusal.value.problems
    assert (problem.code, problem.field) == ("E106", name)
    assert problem.fix.policy == {"share_timing": True}


@pytest.mark.parametrize("name", ["allow_private_network", "resources"])
def test_an_option_without_meaning_here_is_refused_with_the_reason(name):
    with pytest.raises(PolicyError) as refusal:
        Policy.from_mapping({"allow_origins": [APP], name: True})
    (problem,) = refusal.value.problems
    assert (problem.code, problem.field) == ("E106", name)
    # Nothing can be pasted in its place, and no keyword with another meaning is proposed.
    assert problem.fix.words
    assert not problem.fix.can_be_pasted
