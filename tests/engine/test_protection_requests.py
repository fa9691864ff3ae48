"""
Whether a request may act: the table row by row, and all combinations of what a client can send.
"""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.cases import APP, EVIL, KIOSK, REASON
from kit.corpus import HOSTILE_ORIGINS

from corsguard import CrossOriginProtection, Policy, PolicyError
from corsguard.protection import REMEDIES, SAFE_METHODS, judge

OWN = "https://api.example.com"
SIBLING = "https://b.example.com"
DEEP = "https://a.b.c.pages.example"
UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "get", "Head", "", "FROB", "POST "]
TRUSTING = Policy(
    allow_origins=[APP, "https://*.pages.example"],
    allow_methods=["GET", *(method for method in UNSAFE if method.isupper() and method.isalpha())],
    allow_credentials=True,
)
READER = Policy(allow_origins=[APP], allow_methods=["GET"], allow_credentials=True)
LISTED = Policy(allow_origins=[APP, KIOSK])
ANYONE = Policy(allow_origins="*", allow_methods="*")
NULL = Policy(allow_unsafe_origins={"null": REASON})


class Source:
    """
    An origin source that must not be asked here.
    """

    def __contains__(self, origin):
        raise AssertionError(origin)


ASKED = Policy(allow_origins=Source(), allow_credentials=True)


def request(method="POST", origin=None, site=None, host="api.example.com", scheme="https", **more):
    environ = {"REQUEST_METHOD": method, "HTTP_HOST": host, "wsgi.url_scheme": scheme}
    environ |= {} if origin is None else {"HTTP_ORIGIN": origin}
    environ |= {} if site is None else {"HTTP_SEC_FETCH_SITE": site}
    return {name: value for name, value in (environ | more).items() if value is not None}


# Row by row.


@pytest.mark.parametrize("method", sorted(SAFE_METHODS))
@pytest.mark.parametrize("policy", [None, TRUSTING, ANYONE], ids=["none", "trusting", "anyone"])
def test_a_safe_method_may_run(policy, method):
    assert judge(policy, request(method, EVIL, "cross-site")) == (True, "safe-method")


@pytest.mark.parametrize(
    ("policy", "environ", "allowed", "reason"),
    [
        # 3. Trusted.
        (TRUSTING, request("POST", APP), True, "trusted-origin"),
        (TRUSTING, request("POST", APP, "cross-site"), True, "trusted-origin"),
        (TRUSTING, request("POST", APP, "what is this"), True, "trusted-origin"),
        (TRUSTING, request("PROPFIND", DEEP, "cross-site"), True, "trusted-origin"),
        (READER, request("POST", APP, "cross-site"), False, "cross-site"),
        (READER, request("POST", APP), False, "other-origin"),
        (LISTED, request("POST", APP, "cross-site"), False, "cross-site"),
        (LISTED, request("POST", APP), False, "other-origin"),
        (ANYONE, request("POST", APP, "cross-site"), False, "cross-site"),
        (ANYONE, request("POST", APP), False, "other-origin"),
        (None, request("POST", APP, "cross-site"), False, "cross-site"),
        (NULL, request("POST", "null"), False, "null-origin"),
        (NULL, request("POST", "null", "cross-site"), False, "cross-site"),
        # 4. What the browser says takes the place of Origin.
        *(
            (policy, request("POST", origin, site), True, reason)
            for policy in (None, LISTED, ASKED)
            for origin in (None, OWN, EVIL, "null", "", "what is this")
            for site, reason in [("same-origin", "same-origin"), ("none", "user")]
        ),
        # 5. Or the Origin is foreign.
        *(
            (policy, request("POST", origin, site), False, reason)
            for policy in (None, LISTED, TRUSTING)
            for origin in (None, OWN, EVIL, "null", "")
            for site, reason in [
                ("cross-site", "cross-site"),
                ("same-site", "same-site"),
                ("", "unknown"),
                ("Same-Origin", "unknown"),
                ("same-origin, cross-site", "unknown"),
                ("same-origin,same-origin", "unknown"),
                (" none", "unknown"),
                ("x" * 10_000, "unknown"),
                (b"same-origin", "unknown"),
            ]
        ),
        # 6. Not a browser.
        (None, request(), True, "no-browser"),
        (TRUSTING, request(), True, "no-browser"),
        # 7. The request's own origin.
        (None, request("POST", OWN), True, "own-origin"),
        (ASKED, request("POST", OWN), True, "own-origin"),
        # 8. An opaque origin.
        (None, request("POST", "null"), False, "null-origin"),
        (ASKED, request("POST", "null"), False, "null-origin"),
        # 9. All other requests.
        *(
            (policy, request("POST", origin), False, "other-origin")
            for policy in (None, TRUSTING, ANYONE)
            for origin in (EVIL, SIBLING, "", f"{OWN}:443", f"{OWN},{OWN}", f"{APP}, {APP}", APP.upper(), b"x")
        ),
    ],
)
def test_each_row_of_the_table_gives_its_verdict(policy, environ, allowed, reason):
    assert judge(policy, environ) == (allowed, reason)


def test_a_source_has_to_be_asked_only_if_nothing_else_lets_the_request_run():
    """
    The reason is used if the source says no.
    """
    assert judge(ASKED, request("POST", EVIL, "cross-site")) == (None, "cross-site")
    assert judge(ASKED, request("POST", EVIL)) == (None, "other-origin")
    assert judge(ASKED, request("PUT", EVIL)) == (False, "other-origin")
    assert judge(ASKED, request("POST", KIOSK)) == (False, "other-origin")
    assert judge(Policy(allow_origins=Source()), request("POST", EVIL)) == (False, "other-origin")


# All that a client can send, compared with the table as it is written.

SITES = [
    None,
    "none",
    "same-origin",
    "same-site",
    "cross-site",
    "",
    "Same-Origin",
    "same-origin, cross-site",
    "x" * 10_000,
]
TRUSTED = [APP, DEEP]
ORIGINS = {
    **dict.fromkeys([None, OWN], True),
    **dict.fromkeys(
        [f"{OWN}:443", SIBLING, EVIL, "null", APP.upper(), f"{APP}.", f"{APP}:443", f"{APP}/", f"{OWN}, {APP}"], False
    ),
    **dict.fromkeys(["https://pages.example", f"{APP}.evil.example", "http://app.example.com", "x" * 10_000], False),
}


def expected(policy, method, site, origin):
    if policy is TRUSTING and origin in TRUSTED and method in policy.allow_methods:
        return "trusted-origin"
    if site is not None:
        words = {"same-origin": "same-origin", "none": "user", "same-site": "same-site", "cross-site": "cross-site"}
        return words.get(site, "unknown")
    if origin is None:
        return "no-browser"
    return {OWN: "own-origin", "null": "null-origin"}.get(origin, "other-origin")


@pytest.mark.parametrize("method", UNSAFE)
def test_every_combination_of_site_and_origin_is_judged_as_the_table_says(method):
    cases = [*product((None, TRUSTING, LISTED, READER, ANYONE), SITES, (*ORIGINS, *TRUSTED))]
    wrong = {
        (site, origin): judge(policy, request(method, origin, site))
        for policy, site, origin in cases
        if judge(policy, request(method, origin, site)).reason != expected(policy, method, site, origin)
    }
    assert wrong == {}
    reasons = {judge(policy, request(method, origin, site)) for policy, site, origin in cases}
    assert {reason for allowed, reason in reasons if not allowed} == REMEDIES.keys()


@pytest.mark.parametrize("methods", ["unsafe", "all"])
def test_the_short_path_of_a_carrier_lets_only_allowed_requests_run(methods):
    """
    It lets requests of trusted pages run, and requests that may act under any policy.
    """
    protection = CrossOriginProtection(methods=methods)
    policies = (None, TRUSTING, LISTED, READER, ANYONE, NULL)
    for policy, method, site, origin in product(policies, [*UNSAFE, "GET"], SITES, (*ORIGINS, *TRUSTED)):
        environ = request(method, origin, site)
        is_covered = policy is not None and origin is not None and policy.audience.covers(origin)
        if (is_covered and method in policy.trusted_methods) or protection.lets_act(environ):
            assert protection.judge(policy, environ, "/").allowed, (policy, environ)


@pytest.mark.parametrize("origin", HOSTILE_ORIGINS.values(), ids=HOSTILE_ORIGINS.keys())
def test_a_hostile_request_is_refused(origin):
    for policy in (None, TRUSTING, ANYONE):
        assert judge(policy, request("POST", origin)).allowed is False
        assert judge(policy, request("POST", origin, "cross-site")).allowed is False


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "allowed"),
    [
        (OWN, "api.example.com", "https", True),
        (OWN, "api.example.com:443", "https", True),
        (OWN, "api.example.com:443", "http", True),
        (OWN, "api.example.com:80", "https", False),
        (OWN, "api.example.com:8443", "https", False),
        (OWN, "API.example.com", "https", True),
        (OWN, None, "https", False),
        (OWN, "api.example.com.", "https", False),
        ("https://api.example.com.", "api.example.com.", "https", True),
        ("http://[::1]:3000", "[::1]:3000", "http", True),
        ("http://[::1]:3000", "[::1]", "http", False),
        ("http://api.example.com", "api.example.com", "http", True),
        ("http://api.example.com", "api.example.com:80", "http", True),
        # Anyone on the network may have written the page.
        ("http://api.example.com", "api.example.com", "https", False),
        # A proxy that does not pass Host.
        (OWN, "app:8000", "http", False),
    ],
)
def test_the_own_origin_may_act(origin, host, scheme, allowed):
    environ = request("POST", origin, host=host, scheme=scheme)
    assert judge(None, environ) == (allowed, "own-origin" if allowed else "other-origin")


def test_a_form_under_no_referrer_on_plain_http_is_refused_with_a_remedy():
    """
    The remedy names the page. On https the browser's `Sec-Fetch-Site` counts.
    """
    assert judge(None, request("POST", "null", scheme="http")) == (False, "null-origin")
    assert "no-referrer" in REMEDIES["null-origin"].says
    assert judge(None, request("POST", "null", "same-origin")).allowed


@pytest.mark.parametrize(
    ("environ", "allowed", "reason"),
    [
        (request("GET", EVIL, HTTP_UPGRADE="websocket"), False, "other-origin"),
        (request("GET", EVIL, "cross-site", HTTP_UPGRADE="websocket"), False, "other-origin"),
        (request("GET", OWN, HTTP_UPGRADE="websocket"), True, "own-origin"),
        (request("GET", APP, HTTP_UPGRADE="websocket"), True, "trusted-origin"),
        (request("GET", EVIL, HTTP_UPGRADE="h2c"), True, "safe-method"),
        (request("POST", EVIL, HTTP_UPGRADE="websocket"), False, "other-origin"),
        (request("POST", APP, HTTP_UPGRADE="websocket"), True, "trusted-origin"),
    ],
)
def test_an_upgrade_is_judged_as_a_handshake(environ, allowed, reason):
    assert judge(TRUSTING, environ) == (allowed, reason)


@pytest.mark.parametrize(
    ("path", "is_exempt"),
    {
        "/webhooks": True,
        "/webhooks/": True,
        "/webhooks/pay/1": True,
        "webhooks": True,
        "/hooks/in": True,
        "/hooks": False,
        "/webhooksx": False,
        "/WEBHOOKS": False,
        "/": False,
        "": False,
        "/webhooks/../api": False,
        "/webhooks/./x": False,
        "/webhooks//x": False,
        "//webhooks": False,
        "/webhooks\\x": False,
        "/webhooks/%2e%2e/api": False,
        "/api/../webhooks": False,
    }.items(),
)
def test_an_exempt_path_is_not_judged(path, is_exempt):
    protection = CrossOriginProtection(exempt=["/webhooks", "/hooks/in"])
    verdict = protection.judge(TRUSTING, request("POST", EVIL, "cross-site"), path)
    assert verdict == ((True, "exempt") if is_exempt else (False, "cross-site"))
    assert protection.judge(TRUSTING, request("GET", EVIL, "cross-site"), path).reason == "safe-method"


@pytest.mark.parametrize(
    ("policy", "environ", "allowed", "reason"),
    [
        (None, request("GET"), True, "safe-method"),
        (None, request("GET", site="cross-site"), True, "safe-method"),
        (None, request("GET", OWN), True, "own-origin"),
        (None, request("HEAD", OWN), True, "own-origin"),
        (None, request("GET", EVIL), False, "other-origin"),
        (None, request("GET", EVIL, "same-origin"), False, "other-origin"),
        (None, request("GET", "null"), False, "null-origin"),
        (LISTED, request("GET", APP), True, "trusted-origin"),
        (LISTED, request("GET", EVIL), False, "other-origin"),
        (ANYONE, request("HEAD", EVIL), True, "trusted-origin"),
        (NULL, request("GET", "null"), True, "trusted-origin"),
        (Policy(allow_origins=Source()), request("GET", EVIL), None, "other-origin"),
        (Policy(allow_origins=Source()), request("GET", OWN), True, "own-origin"),
        (None, request("GET", EVIL, PATH_INFO="/x"), False, "other-origin"),
        (None, request("OPTIONS", EVIL), True, "safe-method"),
        (None, request("QUERY", EVIL), True, "safe-method"),
        (LISTED, request("POST", APP), False, "other-origin"),
        (TRUSTING, request("GET", EVIL, HTTP_UPGRADE="websocket"), False, "other-origin"),
    ],
)
def test_all_methods_are_judged_if_methods_is_all(policy, environ, allowed, reason):
    assert CrossOriginProtection(methods="all").judge(policy, environ, "/") == (allowed, reason)


def test_protection_is_an_immutable_value():
    value = CrossOriginProtection(exempt=["/a"])
    assert (value.mode, value.exempt, value.methods) == ("enforce", ("/a",), "unsafe")
    assert value == CrossOriginProtection.of({"exempt": ("/a",)})
    assert hash(value) == hash(CrossOriginProtection.of(value))
    assert repr(value) == "CrossOriginProtection(mode='enforce', exempt=('/a',), methods='unsafe')"
    with pytest.raises(AttributeError):
        value.mode = "report"


MISTAKES = {
    "another word": ({"mode": "reprot"}, [("E806", "mode", "report")]),
    "not a word": ({"mode": True, "methods": None}, [("E806", "mode", "enforce"), ("E806", "methods", "unsafe")]),
    "every path": ({"exempt": ["/"]}, [("E807", "exempt", "/webhooks")]),
    "a bare prefix": ({"exempt": "/hooks"}, [("E806", "exempt", ["/hooks"])]),
    "a bare slash": ({"exempt": "/"}, [("E806", "exempt", ["/webhooks"])]),
    "not a list": ({"exempt": None}, [("E806", "exempt", ["/webhooks"])]),
    "not prefixes": (
        {"exempt": ["/a", "/b/", "c", "/d/*", 5]},
        [("E802", "exempt", near) for near in ("/b", "/c", "/d", "/5")],
    ),
    "all at once": (
        {"mode": "off", "exempt": ["/"], "methods": "POST"},
        [("E806", "mode"), ("E806", "methods", "unsafe"), ("E807", "exempt", "/webhooks")],
    ),
}


@pytest.mark.parametrize(("keywords", "expected"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_refused_and_named(keywords, expected):
    for build in (lambda: CrossOriginProtection(**keywords), lambda: CrossOriginProtection.of(keywords)):
        with pytest.raises(PolicyError) as caught:
            build()
        assert [(p.code, p.field, *p.fix.entries) for p in caught.value.problems] == expected


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        (True, '{"mode": "enforce"}'),
        ("enforce", '{"mode": "enforce"}'),
        ("Report", '{"mode": "report"}'),
        ("on", '{"mode": "enforce"}'),
        (["/hooks"], '{"mode": "enforce"}'),
        (False, "leave the protection out, if you want none"),
        ("off", "leave the protection out, if you want none"),
        ("False", "leave the protection out, if you want none"),
    ],
)
def test_a_word_for_protection_is_refused_with_the_mode_that_it_means(given, fix):
    with pytest.raises(PolicyError) as caught:
        CrossOriginProtection.of(given)
    (problem,) = caught.value.problems
    assert (problem.code, str(problem.fix)) == ("E806", fix)


@pytest.mark.parametrize("given", [True, "enforce", [], 5, Policy(allow_origins="*"), CrossOriginProtection])
def test_a_value_that_is_not_a_protection_is_refused(given):
    with pytest.raises(PolicyError) as caught:
        CrossOriginProtection.of(given)
    assert [(p.code, p.field) for p in caught.value.problems] == [("E806", "protection")]


def test_an_unknown_key_is_refused_with_the_nearest_one():
    with pytest.raises(PolicyError) as caught:
        CrossOriginProtection.of({"exmept": [], "enabled": True, "mode": "off"})
    found = [(p.code, p.value, p.fix.name or p.fix.words) for p in caught.value.problems]
    assert found == [
        ("E812", "exmept", "exempt"),
        ("E812", "enabled", "or write one of mode, exempt, methods"),
        ("E806", "off", "leave the protection out, if you want none"),
    ]


ORIGIN_TEXTS = st.sampled_from([APP, DEEP, OWN, SIBLING, EVIL, KIOSK, "null", "", f"{APP}, {EVIL}"]) | st.text(
    max_size=30
)
ENVIRONS = st.fixed_dictionaries(
    {"REQUEST_METHOD": st.sampled_from([*UNSAFE, *SAFE_METHODS]) | st.text(max_size=10)},
    optional={
        "HTTP_ORIGIN": ORIGIN_TEXTS,
        "HTTP_SEC_FETCH_SITE": st.sampled_from([site for site in SITES if site]) | st.text(max_size=10),
        "HTTP_HOST": st.sampled_from(["api.example.com", "api.example.com:443", "app:8000"]) | st.text(max_size=20),
        "HTTP_UPGRADE": st.sampled_from(["websocket", "h2c"]) | st.text(max_size=10),
        "wsgi.url_scheme": st.sampled_from(["http", "https"]),
        "HTTP_COOKIE": st.text(max_size=5),
        "HTTP_REFERER": ORIGIN_TEXTS,
        "HTTP_X_FORWARDED_HOST": st.sampled_from(["evil.example", "app.example.com"]),
        "HTTP_X_HTTP_METHOD_OVERRIDE": st.sampled_from(["GET", "POST"]),
    },
)
POLICIES = st.sampled_from([None, TRUSTING, READER, LISTED, ANYONE, NULL, ASKED])
PROTECTIONS = st.builds(
    CrossOriginProtection, methods=st.sampled_from(["unsafe", "all"]), exempt=st.sampled_from([(), ("/webhooks",)])
)
PATHS = st.sampled_from(["/", "/webhooks", "/webhooks/../api"]) | st.text(max_size=20)


@given(POLICIES, ENVIRONS, PROTECTIONS, PATHS)
def test_no_request_raises(policy, environ, protection, path):
    verdict = protection.judge(policy, environ, path)
    assert verdict.allowed in {True, False, None}
    if not verdict.allowed and "HTTP_UPGRADE" not in environ:
        assert verdict.reason in REMEDIES


LISTS = st.lists(st.sampled_from([APP, "https://*.pages.example", SIBLING, EVIL, "https://*.example.org"]), max_size=3)


@given(LISTS, LISTS, ENVIRONS)
def test_one_more_origin_refuses_no_more_requests(listed, more, environ):
    few, many = (
        Policy(
            allow_origins=["https://always.example", *origins],
            allow_methods=["GET", "POST", "PUT"],
            allow_credentials=True,
        )
        for origins in (listed, [*listed, *more])
    )
    if judge(few, environ).allowed:
        assert judge(many, environ).allowed


@given(
    POLICIES,
    ENVIRONS,
    st.sampled_from([EVIL, SIBLING, "https://api.example.com.evil.example", "null", "", f"{OWN}, {EVIL}"]),
)
def test_a_foreign_origin_that_is_not_listed_never_acts(policy, environ, origin):
    """
    The exception is a request that the browser marks with `Sec-Fetch-Site: same-origin` or `none`.
    """
    environ = {**environ, "HTTP_ORIGIN": origin, "HTTP_HOST": "api.example.com"}
    if environ["REQUEST_METHOD"] not in SAFE_METHODS and environ.get("HTTP_SEC_FETCH_SITE") not in {
        "same-origin",
        "none",
    }:
        assert not judge(policy, environ).allowed
