"""
What a policy takes, what it refuses and what it warns of; and what a policy that exists can be relied on for.
"""

import asyncio
import copy
import dataclasses
import os
import pickle
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus
from types import MappingProxyType

import pytest
from kit.naming import steady

from corsguard import Origin, OriginPattern, Policy, PolicyError, negotiate
from corsguard.errors import RULES
from corsguard.negotiation import answers_of

APP = "https://app.example.com"
OTHER = "https://other.example"
VARY = ("Vary", "Origin")

# Every keyword, in the order of the manual.
FULL = {
    "allow_origins": [APP, "https://*.partner.example"],
    "allow_methods": ["GET", "PUT"],
    "allow_headers": ["Content-Type"],
    "expose_headers": ["ETag"],
    "allow_credentials": True,
    "max_age": 600,
    "preflight_status": 200,
    "allow_unsafe_origins": {"http://kiosk.corp.example": "no TLS until 2027"},
}


def problems(**keywords):
    try:
        Policy.from_mapping(keywords)
    except PolicyError as error:
        return [(problem.code, problem.field) for problem in error.problems]
    return []


def fixes(**keywords):
    with pytest.raises(PolicyError) as refusal:
        Policy.from_mapping(keywords)
    return [str(problem.fix) for problem in refusal.value.problems]


def warnings(**keywords):
    return [(problem.code, problem.value) for problem in Policy(**keywords).warnings]


class Source:
    def __init__(self, *origins):
        self.origins = origins
        self.asked = []

    def __contains__(self, origin):
        self.asked.append(origin)
        return origin in self.origins


# What is taken, and in which shape it is kept.


def test_the_defaults_are_those_of_the_manual():
    policy = Policy(allow_origins=[APP])
    assert policy.allow_methods == ("GET", "HEAD", "POST")
    assert policy.allow_headers == policy.expose_headers == ()
    assert policy.allow_credentials is False
    assert policy.max_age == 7200
    assert policy.preflight_status == 204
    assert policy.allow_unsafe_origins == {}
    assert policy.warnings == ()
    assert policy.may_block is False


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([APP, OTHER], (APP, OTHER)),
        ((OTHER, APP), (OTHER, APP)),
        ({OTHER, APP}, (APP, OTHER)),
        (frozenset({OTHER, APP}), (APP, OTHER)),
        ([APP, OTHER, APP], (APP, OTHER)),
        ("*", "*"),
    ],
    ids=steady,
)
def test_origins_are_kept_in_one_shape(given, kept):
    assert Policy(allow_origins=given).allow_origins == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [(600, 600), (0, 0), (86400, 86400), (None, None), (timedelta(minutes=10), 600), (timedelta(0), 0)],
    ids=steady,
)
def test_max_age_is_kept_in_seconds(given, kept):
    assert Policy(allow_origins="*", max_age=given).max_age == kept


@pytest.mark.parametrize("status", [200, 204, HTTPStatus.OK])
def test_a_preflight_status_is_200_or_204(status):
    assert Policy(allow_origins="*", preflight_status=status).preflight_status == status


@pytest.mark.parametrize(
    "keywords",
    [
        {"allow_origins": ["https://*.example.com", "http://localhost:*"]},
        {"allow_origins": [APP], "allow_methods": []},
        {"allow_origins": [APP], "allow_methods": ["FROB", "frob", "x-custom"]},
        {"allow_origins": "*", "allow_methods": "*", "allow_headers": "*", "expose_headers": "*"},
        {"allow_origins": "*", "allow_headers": ["*", "authorization"]},
        {"allow_origins": "*", "allow_headers": {"AUTHORIZATION", "*"}},
        {"allow_origins": [APP], "allow_headers": ["Content-Type", "Authorization", "User-Agent", "!"]},
        {"allow_origins": [APP], "expose_headers": ["Access-Control-Allow-Origin", "Content-Length", "Origin"]},
        # With credentials: loopback may be plain http, a custom scheme is no plain http, private suffixes are not open.
        {"allow_origins": ["http://localhost:3000"], "allow_credentials": True},
        {"allow_origins": ["http://a.localhost", "http://localhost."], "allow_credentials": True},
        {"allow_origins": ["http://127.0.0.1:*", "http://127.9.9.9"], "allow_credentials": True},
        {"allow_origins": ["http://[::1]"], "allow_credentials": True},
        {"allow_origins": ["http://*.localhost", "https://*.localhost"], "allow_credentials": True},
        {"allow_origins": ["https://*.internal", "https://*.local"], "allow_credentials": True},
        {"allow_origins": ["capacitor://localhost", "chrome-extension://abc"], "allow_credentials": True},
        {"allow_origins": ["https://192.168.0.1", "https://me.github.io"], "allow_credentials": True},
        {"allow_origins": ["https://*.me.github.io"], "allow_credentials": True},
        {"allow_origins": ["https://v2--shop.netlify.app"], "allow_credentials": True},
        # Without credentials none of it is dangerous.
        {"allow_origins": ["http://192.168.0.1", "https://*.com", "https://*.github.io"]},
        {"allow_unsafe_origins": {"null": "the kiosk opens a file"}},
        {"allow_unsafe_origins": {"http://a.example": "no TLS", "https://*.github.io": "x"}, "allow_credentials": True},
        {"allow_unsafe_origins": {"https://*--shop.netlify.app": "previews"}, "allow_credentials": True},
        {"allow_origins": [], "allow_unsafe_origins": MappingProxyType({"http://a.example": "no TLS"})},
    ],
    ids=steady,
)
def test_a_policy_that_works_and_is_not_dangerous_exists(keywords):
    assert problems(**keywords) == []


# What is refused. Every row gives all codes, in order.

MISTAKES = [
    # Nothing, and what is mistaken for a list.
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
    ({"allow_origins": ["*"], "allow_credentials": True}, ["E105"]),
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
    # A wildcard and credentials never meet.
    ({"allow_origins": "*", "allow_credentials": True}, ["E301"]),
    ({"allow_origins": [APP], "allow_methods": "*", "allow_credentials": True}, ["E301"]),
    ({"allow_origins": [APP], "allow_headers": "*", "allow_credentials": True}, ["E301"]),
    ({"allow_origins": [APP], "allow_headers": ["*", "Authorization"], "allow_credentials": True}, ["E301"]),
    ({"allow_origins": [APP], "expose_headers": "*", "allow_credentials": True}, ["E301"]),
    # Danger.
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
    # The door.
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
    ({"allow_origins": "*", "allow_headers": ["*", "Authorization", "X-*"]}, ["E105", "E107"]),
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
    # Single values.
    *(
        ({"allow_origins": [APP], "allow_credentials": value}, ["E701"])
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
        ({"allow_origins": [re.compile(r"https://.*\.a\.example")]}, '"https://*.a.example"'),
        ({"allow_origins": [re.compile("https://a.example")]}, '"https://a.example"'),
        ({"allow_origins": [re.compile(b"x")]}, f'"{APP}"'),
        ({"allow_origins": ["*", APP]}, 'allow_origins="*"'),
        ({"allow_origins": ["*", APP], "allow_credentials": True}, f'allow_origins=["{APP}"]'),
        ({"allow_origins": ["*"], "allow_credentials": True}, f'allow_origins=["{APP}"]'),
        ({"allow_origins": "*", "allow_methods": "GET PUT"}, 'allow_methods=["GET", "PUT"]'),
        ({"allow_origins": "*", "allow_headers": ["*", "X-One"]}, 'allow_headers="*"'),
        ({"allow_origins": "*", "allow_headers": ["*", "X", "Authorization"]}, 'allow_headers=["*", "Authorization"]'),
        (
            {"allow_origins": [APP], "allow_headers": ["*", "Authorization"], "allow_credentials": True},
            'allow_headers=["Authorization"]',
        ),
        ({"allow_origins": "*", "allow_methods": ["GET,PUT", "X"]}, 'allow_methods=["GET", "PUT", "X"]'),
        ({"allow_origins": "*", "allow_methods": [""]}, 'allow_methods=["PUT"]'),
        ({"allow_origins": "*", "allow_methods": ["patch"]}, '"PATCH"'),
        ({"allow_origins": "*", "allow_methods": ["TRACE"]}, 'allow_methods=["PUT"]'),
        ({"allow_origins": "*", "allow_headers": ["Cookie", "X-One"]}, 'allow_headers=["X-One"]'),
        ({"allow_origins": [APP], "allow_credentials": "true"}, "allow_credentials=True"),
        ({"allow_origins": [APP], "allow_credentials": " Yes"}, "allow_credentials=True"),
        ({"allow_origins": [APP], "allow_credentials": 1}, "allow_credentials=True"),
        ({"allow_origins": [APP], "allow_credentials": "false"}, "allow_credentials=False"),
        ({"allow_origins": [APP], "allow_credentials": None}, "allow_credentials=False"),
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
            f"one of {', '.join(FULL)}",
        ),
        ({"allow_origins": Source}, "allow_origins=Source()"),
        (
            {"allow_unsafe_origins": ["http://a.example"]},
            'allow_unsafe_origins={"http://kiosk.corp.example": "who needs this, and until when"}',
        ),
        ({"allow_origins": Source(), "allow_unsafe_origins": {APP: "x"}}, "allow_unsafe_origins={}"),
    ],
    ids=steady,
)
def test_the_fix_is_what_was_meant(keywords, fix):
    assert fixes(**keywords) == [fix]


def test_all_mistakes_are_told_at_once():
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


def test_the_policy_itself_takes_keywords_only_and_none_that_it_does_not_know():
    with pytest.raises(TypeError):
        Policy([APP])
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=[APP], supports_credentials=True)
    assert [(problem.code, str(problem.fix)) for problem in refusal.value.problems] == [("E106", "allow_credentials")]


@pytest.mark.parametrize(("keywords", "codes"), MISTAKES, ids=[steady(row[0]) for row in MISTAKES])
def test_both_forms_refuse_the_same_in_the_same_words(keywords, codes):
    refusals = []
    for build in (lambda keywords: Policy(**keywords), Policy.from_mapping):
        with pytest.raises(PolicyError) as refusal:
            build(keywords)
        refusals.append(refusal.value.problems)
    assert refusals[0] == refusals[1]
    assert [problem.code for problem in refusals[0]] == codes


# What is warned of, each beside what it must not be mistaken for.

SMELLS = [
    # keywords, the code, whose value
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
    ({"allow_origins": [f"{APP}."]}, "W108", f"{APP}."),
    ({"allow_origins": [APP], "allow_methods": ["GET", "OPTIONS"]}, "W201", "OPTIONS"),
    ({"allow_origins": [APP], "allow_methods": ["PUT"]}, "W202", "PUT"),
    ({"allow_origins": [APP], "allow_methods": ["POST", "PATCH"], "allow_headers": ["X"]}, "W202", "POST, PATCH"),
    ({"allow_origins": "*", "allow_methods": "*"}, "W202", "*"),
    ({"allow_origins": [APP], "max_age": 7201}, "W301", 7201),
    ({"allow_origins": [APP], "max_age": timedelta(days=1)}, "W301", 86400),
]
NO_SMELLS = [
    {"allow_origins": ["https://*.example.com"]},
    {"allow_origins": [f"{APP}:*"]},
    {"allow_origins": ["https://*.example.com:*"]},
    {"allow_origins": ["http://localhost:3000", "http://127.0.0.1:3000", "http://[::1]"]},
    {"allow_origins": ["http://localhost:3000"], "allow_credentials": True},
    {"allow_origins": ["capacitor://localhost", APP]},
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
    {"allow_origins": "*", "allow_methods": "*", "allow_headers": "*"},
    {"allow_origins": "*", "allow_methods": "*", "allow_headers": ["*", "Authorization"]},
    {"allow_origins": [APP], "max_age": 7200},
    {"allow_origins": [APP], "max_age": 0},
    {"allow_origins": [APP], "max_age": None},
    {"allow_origins": Source()},
    {"allow_origins": "*"},
]


@pytest.mark.parametrize(("keywords", "code", "value"), SMELLS, ids=[f"{row[1]} {row[2]}" for row in SMELLS])
def test_what_is_legal_but_smells_is_warned_of(keywords, code, value):
    assert warnings(**keywords) == [(code, value)]


@pytest.mark.parametrize("keywords", NO_SMELLS, ids=steady)
def test_what_does_not_smell_is_not_warned_of(keywords):
    assert warnings(**keywords) == []


def test_every_warning_has_a_case():
    # W4 is about production, which only a file knows.
    assert {row[1] for row in SMELLS} == {code for code in RULES if code.startswith("W") and not code.startswith("W4")}


def test_warnings_come_in_the_order_of_what_they_are_about():
    listed = [f"http://localhost:{port}" for port in range(3000, 3020)]
    assert warnings(allow_origins=[APP, *listed]) == [("W104", origin) for origin in listed]


# What a policy that exists can be relied on for.


def test_a_policy_is_immutable():
    policy = Policy(**FULL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        policy.allow_credentials = False
    with pytest.raises(dataclasses.FrozenInstanceError):
        del policy.max_age
    with pytest.raises(TypeError):
        policy.allow_unsafe_origins["null"] = "because"
    for name in ("allow_origins", "allow_methods", "allow_headers", "expose_headers"):
        assert isinstance(getattr(policy, name), tuple)


def test_a_policy_is_not_changed_by_what_it_was_made_from():
    origins, unsafe = [APP], {"http://a.example": "no TLS"}
    policy = Policy(allow_origins=origins, allow_unsafe_origins=unsafe, allow_credentials=True)
    origins.append(OTHER)
    unsafe["http://b.example"] = "another"
    assert policy.allow_origins == (APP,)
    assert policy.allow_unsafe_origins == {"http://a.example": "no TLS"}
    for origin in (OTHER, "http://b.example"):
        assert negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}).headers == (VARY,)


def test_policies_are_equal_when_they_say_the_same():
    assert Policy(**FULL) == Policy(**FULL)
    assert hash(Policy(**FULL)) == hash(Policy(**FULL))
    assert len({Policy(**FULL), Policy(**FULL), Policy(**{**FULL, "max_age": 601})}) == 2
    assert Policy(allow_origins={OTHER, APP}) == Policy(allow_origins=[APP, OTHER, APP])
    assert Policy(allow_origins=[APP], max_age=timedelta(seconds=5)) == Policy(allow_origins=[APP], max_age=5)


@pytest.mark.parametrize(
    "change",
    [
        {"allow_origins": [APP]},
        {"allow_methods": ["GET"]},
        {"allow_headers": ["X"]},
        {"expose_headers": []},
        {"max_age": 601},
        {"preflight_status": 204},
        {"allow_unsafe_origins": {}},
        {"allow_unsafe_origins": {"http://kiosk.corp.example": "another reason"}},
    ],
    ids=steady,
)
def test_policies_that_differ_in_anything_are_not_equal(change):
    assert Policy(**{**FULL, **change}) != Policy(**FULL)


def test_a_policy_with_a_source_can_be_hashed_whatever_the_source_is():
    class Unhashable(Source):
        __hash__ = None

    assert isinstance(hash(Policy(allow_origins=Unhashable())), int)


def test_a_policy_shows_what_it_says_and_no_more():
    assert repr(Policy(allow_origins=[APP])) == (
        "Policy(allow_origins=('https://app.example.com',), allow_methods=('GET', 'HEAD', 'POST'), allow_headers=(), "
        "expose_headers=(), allow_credentials=False, max_age=7200, preflight_status=204, "
        "allow_unsafe_origins={})"
    )


@pytest.mark.parametrize(
    "again",
    [
        lambda policy: pickle.loads(pickle.dumps(policy)),
        copy.copy,
        copy.deepcopy,
        dataclasses.replace,
        lambda policy: Policy.from_mapping({name: getattr(policy, name) for name in FULL}),
    ],
    ids=["pickle", "copy", "deepcopy", "replace", "from_mapping"],
)
def test_a_copy_of_a_policy_is_the_same_policy(again):
    policy = Policy(**FULL)
    copied = again(policy)
    assert copied == policy
    assert copied.warnings == policy.warnings
    for origin in (APP, "https://a.partner.example", "http://kiosk.corp.example", OTHER):
        environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}
        assert negotiate(copied, environ) == negotiate(policy, environ)


def test_a_changed_copy_is_validated_as_any_policy():
    policy = Policy(**FULL)
    assert dataclasses.replace(policy, max_age=0).max_age == 0
    with pytest.raises(PolicyError) as refusal:
        dataclasses.replace(policy, allow_origins="*")
    assert [problem.code for problem in refusal.value.problems] == ["E301", "E314"]


def test_a_subclass_is_a_policy():
    class Ours(Policy):
        pass

    ours = Ours(allow_origins=[APP])
    assert negotiate(ours, {"HTTP_ORIGIN": APP}).refusal is None
    assert isinstance(Ours.from_mapping({"allow_origins": [APP]}), Ours)


def test_a_policy_can_be_shared_between_threads():
    policy = Policy(allow_origins=["https://*.example.com"], expose_headers=["ETag"])
    barrier = threading.Barrier(8)

    def ask(worker):
        barrier.wait()
        for i in range(500):
            # The same origins at the same time in every thread, so that all of them remember and forget together.
            for origin, granted in ((f"https://a{i}.example.com", True), (f"https://a{i}.example.net", False)):
                decision = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin})
                expected = (("Access-Control-Allow-Origin", origin), ("Access-Control-Expose-Headers", "ETag"))
                assert decision.headers == ((*expected, VARY) if granted else (VARY,))
        return worker

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(ask, range(8))) == list(range(8))


def test_a_set_of_origins_is_the_same_policy_in_every_process():
    # Sets of strings come in another order in each process, and a policy must not.
    import subprocess
    import sys

    code = (
        "from corsguard import Policy; p = Policy(allow_origins={'https://a.example', 'https://b.example', "
        "'http://localhost', 'http://127.0.0.1'}, expose_headers={'A', 'B', 'C'}); "
        "print(p, [w.value for w in p.warnings])"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1


def refused(mapping):
    with pytest.raises(PolicyError) as refusal:
        Policy.from_mapping(mapping)
    return [(problem.code, problem.field, problem.value, str(problem.fix)) for problem in refusal.value.problems]


KEYWORDS = ", ".join(FULL)


@pytest.mark.parametrize(
    ("key", "field", "fix"),
    [
        ("allow_origin", "allow_origin", "allow_origins"),
        ("allow_header", "allow_header", "allow_headers"),
        ("ALLOW_HEADERS", "ALLOW_HEADERS", "allow_headers"),
        ("Allow-Headers", "Allow-Headers", "allow_headers"),
        ("allowed_methods", "allowed_methods", "allow_methods"),
        ("warnings", "warnings", f"one of {KEYWORDS}"),
        # It may be either of two.
        ("header", "header", f"one of {KEYWORDS}"),
        ("xyz", "xyz", f"one of {KEYWORDS}"),
        (7, "7", f"one of {KEYWORDS}"),
        (None, "None", f"one of {KEYWORDS}"),
    ],
)
def test_a_keyword_that_no_policy_has_is_named_with_the_one_meant(key, field, fix):
    assert refused({"allow_origins": "*", key: "*"}) == [("E106", field, key, fix)]
    if isinstance(key, str):
        with pytest.raises(PolicyError) as refusal:
            Policy(allow_origins="*", **{key: "*"})
        assert [str(problem.fix) for problem in refusal.value.problems] == [fix]


def test_what_a_misspelt_keyword_says_is_judged_too():
    assert [row[:2] for row in refused({"allow_origin": ["null"], "nothing": 1})] == [
        ("E106", "allow_origin"),
        ("E106", "nothing"),
        ("E212", "allow_origins"),
    ]
    # The right spelling counts, whichever comes first.
    for keys in (("allow_origins", "allow_origin"), ("allow_origin", "allow_origins")):
        assert [row[0] for row in refused({key: [APP] for key in keys})] == ["E106"]


# Origin sources.


class Scripted:
    """
    A source that answers *answer*, or raises it.
    """

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def __contains__(self, origin):
        self.asked.append(origin)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def ask(source, origin, **keywords):
    policy = Policy(allow_origins=source, **keywords)
    assert policy.may_block is True
    return negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin})


@pytest.mark.parametrize(
    ("said", "may_block"),
    [({}, True), ({"may_block": True}, True), ({"may_block": None}, True), ({"may_block": False}, False)],
)
def test_a_source_is_taken_to_block_unless_it_says_that_it_does_not(said, may_block):
    source = type("Store", (Scripted,), said)(answer=True)
    assert Policy(allow_origins=source).may_block is may_block


def test_a_source_grants_what_it_contains():
    decision = ask(Source(APP), APP, allow_credentials=True)
    assert decision.headers == (
        ("Access-Control-Allow-Origin", APP),
        ("Access-Control-Allow-Credentials", "true"),
        VARY,
    )
    assert ask(Source(APP), OTHER).headers == (VARY,)


def test_a_source_decides_about_preflights_too():
    policy = Policy(allow_origins=Source(APP))
    environ = {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT"}
    assert negotiate(policy, {**environ, "HTTP_ORIGIN": APP}).status == 204
    assert negotiate(policy, {**environ, "HTTP_ORIGIN": OTHER}).status == 403


def test_a_source_is_asked_for_every_request_and_no_answer_is_kept():
    source = Source(APP)
    policy = Policy(allow_origins=source)
    environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP}
    assert negotiate(policy, environ).refusal is None
    source.origins = ()
    assert negotiate(policy, environ).refusal is not None
    assert source.asked == [APP, APP]


@pytest.mark.parametrize("answer", [1, "yes", APP, object(), [0], None, False, NotImplemented], ids=steady)
def test_nothing_but_true_grants(answer):
    decision = ask(Scripted(answer), APP)
    assert decision.headers == (VARY,)
    assert decision.error is None


def test_what_a_source_raises_is_a_no_and_handed_on():
    error = LookupError("the database is gone")
    decision = ask(Scripted(error), APP)
    assert decision.headers == (VARY,)
    assert decision.refusal is not None
    assert decision.error is error
    preflight = negotiate(
        Policy(allow_origins=Scripted(error)),
        {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT", "HTTP_ORIGIN": APP},
    )
    assert (preflight.status, preflight.error) == (403, error)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError], ids=lambda error: error.__name__
)
def test_what_ends_the_process_or_cancels_the_task_is_not_held_back(error):
    with pytest.raises(error):
        ask(Scripted(error()), APP)


def test_what_else_is_no_exception_is_a_no_too():
    class Timeout(BaseException):
        pass

    error = Timeout()
    decision = ask(Scripted(error), APP)
    assert decision.refusal is not None
    assert decision.error is error


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "*",
        "HTTPS://app.example.com",
        f"{APP}/",
        f"{APP}:443",
        f"{APP}, {OTHER}",
        "file://",
        "https://" + "a" * 999,
    ],
    ids=lambda origin: origin[:40],
)
@pytest.mark.parametrize("credentials", [False, True])
def test_a_source_is_never_asked_about_what_is_no_origin(origin, credentials):
    source = Scripted(True)
    assert ask(source, origin, allow_credentials=credentials).headers == (VARY,)
    assert source.asked == []


def test_a_source_is_asked_about_plain_http_only_without_credentials():
    source = Scripted(True)
    assert ask(source, "http://app.example.com").refusal is None
    assert source.asked == ["http://app.example.com"]
    source = Scripted(True)
    assert ask(source, "http://app.example.com", allow_credentials=True).headers == (VARY,)
    assert source.asked == []
    for origin in ("http://localhost:3000", "http://127.0.0.1", "http://[::1]", "capacitor://localhost"):
        assert ask(Scripted(True), origin, allow_credentials=True).refusal is None


def test_a_source_is_not_asked_about_what_the_door_lists():
    source = Scripted(False)
    door = {"http://kiosk.corp.example": "no TLS", "https://*.github.io": "previews"}
    for origin in ("http://kiosk.corp.example", "https://me.github.io"):
        decision = ask(source, origin, allow_unsafe_origins=door, allow_credentials=True)
        assert decision.refusal is None
    assert source.asked == []


def test_a_source_may_have_any_other_method_but_those_of_a_list():
    class Sized(Source):
        def __len__(self):
            return 0

    assert ask(Sized(APP), APP).refusal is None

    class Iterable(Source):
        def __iter__(self):
            return iter(self.origins)

    assert problems(allow_origins=Iterable(APP)) == [("E103", "allow_origins")]

    class Indexed(Source):
        def __getitem__(self, index):
            return self.origins[index]

    assert problems(allow_origins=Indexed(APP)) == [("E103", "allow_origins")]

    class Not:
        __contains__ = None

    assert problems(allow_origins=Not()) == [("E103", "allow_origins")]


def test_a_source_is_not_touched_while_the_policy_is_built():
    source = Scripted(AssertionError("asked too early"))
    Policy(allow_origins=source, allow_unsafe_origins={"http://a.example": "no TLS"})
    assert source.asked == []


@pytest.mark.parametrize("parsed", [OriginPattern.parse(APP), Origin.parse(APP)])
def test_a_parsed_origin_is_no_list_of_three(parsed):
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=parsed)
    assert [problem.code for problem in refusal.value.problems] == ["E103"]
    with pytest.raises(PolicyError) as refusal:
        Policy(allow_origins=[parsed])
    assert [(problem.code, str(problem.fix)) for problem in refusal.value.problems] == [("E104", f'"{APP}"')]


# Plain data.


def test_a_policy_has_its_keywords_and_nothing_else():
    assert [keyword.name for keyword in dataclasses.fields(Policy)] == [*FULL]
    policy = Policy(**FULL)
    negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP})
    assert {*dataclasses.asdict(policy)} == {*FULL}
    for name in FULL:
        assert f"{name}={getattr(policy, name)!r}" in repr(policy)


@pytest.mark.parametrize(
    "keywords",
    [
        FULL,
        {"allow_origins": "*"},
        {"allow_origins": [APP], "max_age": None},
        {"allow_origins": [APP], "max_age": timedelta(minutes=1)},
        {"allow_unsafe_origins": {"null": "a kiosk", "http://a.example": "no TLS"}},
    ],
    ids=steady,
)
def test_a_policy_can_be_made_of_its_own_data(keywords):
    policy = Policy(**keywords)
    again = Policy(**dataclasses.asdict(policy))
    assert again == policy
    assert again.warnings == policy.warnings
    assert Policy.from_mapping(dataclasses.asdict(policy)) == policy


def test_what_was_compiled_is_neither_pickled_nor_copied():
    policy = Policy(**FULL)
    before = pickle.dumps(policy)
    negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP})
    assert pickle.dumps(policy) == before
    assert b"Audience" not in before
    assert b"Decision" not in before


def test_a_copy_of_a_policy_is_the_policy_itself_and_so_keeps_its_source():
    source = Source(APP)
    policy = Policy(allow_origins=source)
    assert copy.copy(policy) is policy
    assert copy.deepcopy(policy) is policy
    assert copy.deepcopy({"/api": [policy]})["/api"][0].allow_origins is source
    assert dataclasses.replace(policy, max_age=0).allow_origins is source


def test_the_reasons_of_unsafe_origins_are_an_immutable_mapping():
    given = {"http://kiosk.corp.example": "no TLS", "null": "a kiosk"}
    reasons = Policy(allow_unsafe_origins=given).allow_unsafe_origins
    assert reasons == given
    assert [*reasons.items()] == [*given.items()]
    assert repr(reasons) == repr(given)
    assert copy.deepcopy(reasons) is reasons
    assert pickle.loads(pickle.dumps(reasons)) == reasons
    assert hash(reasons) == hash(Policy(allow_unsafe_origins=dict(reversed(given.items()))).allow_unsafe_origins)
    with pytest.raises(TypeError):
        del reasons["null"]


def test_the_patterns_of_a_policy_are_those_it_lists():
    policy = Policy(
        allow_origins=[APP, "https://*.example.com"],
        allow_unsafe_origins={"null": "a kiosk", "http://a.example": "no TLS"},
    )
    listed = (APP, "https://*.example.com", "http://a.example")
    assert policy.patterns == tuple(OriginPattern.parse(text) for text in listed)
    assert Policy(allow_origins="*").patterns == Policy(allow_origins=Source()).patterns == ()


# The audience.


def test_the_audience_of_a_policy_tells_who_is_covered_and_by_what():
    audience = Policy(
        allow_origins=[APP, "https://*.example.com"],
        allow_unsafe_origins={"null": "a kiosk", "http://a.example": "no TLS"},
    ).audience
    assert audience.exact == {APP, "null", "http://a.example"}
    assert audience.source is None
    for origin, entries in (
        (APP, [APP, "https://*.example.com"]),
        ("https://b.example.com", ["https://*.example.com"]),
        ("null", ["null"]),
        ("http://a.example", ["http://a.example"]),
        (OTHER, []),
        ("", []),
        ("https://b.example.com/", []),
    ):
        assert audience.covers(origin) is bool(entries)
        assert [*audience.patterns_for(origin)] == entries
    assert audience.covers("https://" + "a" * 1000) is False


def test_an_audience_of_everyone_covers_whatever_a_client_sends():
    audience = Policy(allow_origins="*").audience
    assert audience.is_everyone
    for text in (APP, "null", "", "a" * 10_000):
        assert audience.covers(text) is True


def test_an_audience_with_a_source_does_not_know_and_asks_nobody():
    source = Source(APP)
    audience = Policy(
        allow_origins=source, allow_unsafe_origins={"http://a.example": "no TLS"}, allow_credentials=True
    ).audience
    assert audience.source is source
    assert [audience.covers(origin) for origin in (APP, OTHER, "http://localhost")] == [None] * 3
    assert audience.covers("http://a.example") is True
    assert [audience.covers(origin) for origin in ("http://b.example", "null", "", f"{APP}/")] == [False] * 4
    assert source.asked == []


def test_what_a_policy_answers_cannot_be_changed():
    policy = Policy(allow_origins=[APP])
    answers = answers_of(policy)
    for name in ("audience", "silent", "shared", "refused", "permitted", "forbidden"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(answers, name, None)
    for name in ("audience", "patterns", "warnings", "may_block"):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(policy, name, None)
    with pytest.raises(AttributeError):
        policy.audience.exact.add(OTHER)
