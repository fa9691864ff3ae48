"""
What `explain()` says about who may act, next to who may read.
"""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.cases import APP, EVIL

from corsguard import CrossOriginProtection, Policy, PolicyError, explain
from corsguard.configuration import Configuration

OWN = "https://api.example.com"
TRUSTING = Policy(allow_origins=[APP], allow_credentials=True)
LISTED = Policy(allow_origins=[APP], allow_methods=["GET"])
PROTECTED = CrossOriginProtection()


def request(method="POST", origin=None, site=None, **more):
    environ = {"REQUEST_METHOD": method, "HTTP_HOST": "api.example.com", "PATH_INFO": "/orders"}
    environ |= {} if origin is None else {"HTTP_ORIGIN": origin}
    return environ | ({} if site is None else {"HTTP_SEC_FETCH_SITE": site}) | more


class Granting:
    """
    An origin source that always gives one answer.
    """

    def __init__(self, answer):
        self.answer = answer

    def __contains__(self, origin):
        return self.answer


def of_source(answer):
    return Policy(allow_origins=Granting(answer), allow_credentials=True)


@pytest.mark.parametrize(
    ("policy", "environ", "protection", "may_act", "status", "words"),
    [
        (TRUSTING, request("POST", APP, "same-site"), PROTECTED, True, None, "The policy trusts the origin"),
        (LISTED, request("POST", APP, "same-site"), PROTECTED, False, 403, "another origin of the same site"),
        (LISTED, request("POST", EVIL, "cross-site"), PROTECTED, False, 403, "a page of another site"),
        (LISTED, request("POST", EVIL, "cross-site"), {"mode": "report"}, False, None, "a page of another site"),
        (None, request("POST", "null"), PROTECTED, False, 403, "no-referrer"),
        (None, request("POST", EVIL), PROTECTED, False, 403, "not the origin of this server"),
        (None, request("POST", OWN, "what"), PROTECTED, False, 403, "not in the standard"),
        (None, request("POST", OWN), PROTECTED, True, None, "host and port are those of Host"),
        (None, request("POST"), PROTECTED, True, None, "not a browser"),
        (None, request("POST", OWN, "same-origin"), PROTECTED, True, None, "of the same origin"),
        (None, request("POST", OWN, "none"), PROTECTED, True, None, "its user started the request"),
        (LISTED, request("GET", EVIL, "cross-site"), PROTECTED, True, None, "The method is safe"),
        (LISTED, request("POST", EVIL), {"exempt": ["/orders"]}, True, None, "The path is exempt"),
        (LISTED, request("GET", APP), {"methods": "all"}, True, None, "shares with the origin"),
        (LISTED, request("GET", EVIL), {"methods": "all"}, False, 403, "not the origin of this server"),
        (of_source(True), request("POST", EVIL, "cross-site"), PROTECTED, True, None, "The policy trusts the origin"),
        (of_source(False), request("POST", EVIL, "cross-site"), PROTECTED, False, 403, "a page of another site"),
        ("unguarded", request("POST", EVIL, "cross-site"), PROTECTED, False, 403, "a page of another site"),
    ],
)
def test_protection_is_a_step_with_its_verdict(policy, environ, protection, may_act, status, words):  # noqa: PLR0913, PLR0917 - the columns of the table
    told = explain({"/": policy}, environ, protection)
    *_, step = told.steps
    assert (step.name, step.passed, told.may_act, told.status) == ("act", may_act, may_act, status)
    assert words in step.reason
    assert words in str(told)
    assert bool(step.fix) is not may_act
    assert json.loads(json.dumps(asdict(told)))["may_act"] is may_act


def test_a_page_may_read_and_not_act_and_the_other_way_round():
    told = explain(LISTED, request("POST", APP, "cross-site"), PROTECTED)
    assert told.goes_on
    assert not told.may_act
    assert told.steps[-1].fix.policy == {"allow_credentials": True, "allow_methods": ["GET", "POST"]}
    assert told.verdict.endswith("the application does not run.")
    told = explain(LISTED, request("POST", EVIL, "same-origin"), PROTECTED)
    assert not told.goes_on
    assert told.may_act


def test_without_protection_there_is_no_step_about_acting():
    told = explain(LISTED, request("POST", EVIL, "cross-site"))
    assert told.may_act is None
    assert "act" not in [step.name for step in told.steps]


def test_protection_does_not_judge_a_preflight():
    environ = request("OPTIONS", APP, "cross-site", HTTP_ACCESS_CONTROL_REQUEST_METHOD="PUT")
    assert explain(TRUSTING, environ, PROTECTED).may_act is None


@pytest.mark.parametrize(
    ("protection", "connects"),
    [(None, True), (PROTECTED, False), ({"mode": "report"}, True), ({"exempt": ["/orders"]}, True)],
)
def test_protection_judges_a_handshake_to_a_path_without_a_policy(protection, connects):
    told = explain({"paths": {}}, request("GET", EVIL, HTTP_UPGRADE="websocket"), protection)
    assert (told.goes_on, told.status) == (connects, None if connects else 403)
    assert ("no policy guards it" in str(told)) is (protection not in (None, {"exempt": ["/orders"]}))


def test_a_configuration_brings_its_protection():
    file = Configuration.from_mapping({"allow_origins": [APP], "protection": {}})
    assert explain(file, request("POST", EVIL, "cross-site")).may_act is False
    assert explain(file, request("POST", EVIL, "cross-site"), {"mode": "report"}).status is None


def test_a_wrong_protection_is_refused():
    with pytest.raises(PolicyError, match="E806"):
        explain(TRUSTING, request(), {"mode": "off"})


TEXTS = st.sampled_from(
    [APP, EVIL, OWN, "null", "POST", "GET", "cross-site", "none", "/orders", "websocket"]
) | st.text(max_size=8)
ENVIRONS = st.fixed_dictionaries(
    {"REQUEST_METHOD": TEXTS},
    optional=dict.fromkeys(["HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_HOST", "PATH_INFO", "HTTP_UPGRADE"], TEXTS),
)
PROTECTIONS = st.builds(
    CrossOriginProtection,
    mode=st.sampled_from(["enforce", "report"]),
    methods=st.sampled_from(["unsafe", "all"]),
    exempt=st.sampled_from([(), ("/orders",)]),
)


@given(st.sampled_from([None, TRUSTING, LISTED]), ENVIRONS, PROTECTIONS)
def test_the_explanation_is_total_and_has_the_verdict(policy, environ, protection):
    told = explain({"/": policy}, environ, protection)
    assert str(told)
    if told.may_act is not None:
        assert told.may_act is protection.judge(policy, environ, environ.get("PATH_INFO", "")).allowed
