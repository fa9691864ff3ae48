"""
The table of findings: each row is complete, and what it says to paste can be pasted.
"""

import re

import pytest
from kit.audited import APP

from corsguard import Policy
from corsguard.audit import RULES, Reach, Severity
from corsguard.audit.severity import WHO, severity_of
from corsguard.names import EXAMPLE_ORIGIN


@pytest.mark.parametrize(
    ("reach", "with_credentials", "anonymous", "internal"),
    [
        (Reach.ANYONE, "CRITICAL", "LOW", "HIGH"),
        (Reach.REGISTRANT, "CRITICAL", "LOW", "HIGH"),
        (Reach.FEW_BROWSERS, "HIGH", "LOW", "HIGH"),
        (Reach.NETWORK, "HIGH", "LOW", "HIGH"),
        (Reach.NEIGHBOUR, "MEDIUM", "INFO", "MEDIUM"),
        (Reach.NOBODY, "INFO", "INFO", "INFO"),
    ],
)
def test_severity_depends_on_how_easy_the_attack_is_and_what_is_read(reach, with_credentials, anonymous, internal):
    assert severity_of(reach, with_credentials=True, is_internal=False) is Severity[with_credentials]
    assert severity_of(reach, with_credentials=True, is_internal=True) is Severity[with_credentials]
    assert severity_of(reach, with_credentials=False, is_internal=False) is Severity[anonymous]
    assert severity_of(reach, with_credentials=False, is_internal=True) is Severity[internal]


def test_every_rule_says_what_to_change():
    for rule in RULES.values():
        assert rule.id.startswith("CG-")
        assert rule.title
        assert not rule.title.endswith(".")
        assert rule.message.endswith(".")
        assert rule.header_for(APP)
        assert rule.policy_for(APP)
        assert rule.subsumes <= RULES.keys()
        assert rule.id not in rule.subsumes
        assert rule.severity >= rule.anonymous
    assert len({rule.name for rule in RULES.values()}) == len(RULES)
    assert WHO.keys() == set(Reach)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_row_is_written_in_sentences(rule):
    assert all(text.endswith(".") for text in (rule.message, rule.why, rule.instead))
    assert len(rule.why) < 200
    assert len(rule.instead) < 130


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_every_fix_can_be_pasted_into_a_policy(rule):
    if rule.fix.policy:
        assert Policy(**{"allow_origins": [APP], **rule.fix.policy})
    for line in rule.fix_for(APP).send:
        name, value = line.split(": ", 1)
        assert re.fullmatch(r"[A-Za-z-]+", name)
        assert value


def test_a_fix_names_the_origin_of_the_operator():
    shop = "https://shop.example.org"
    for rule in RULES.values():
        texts = (rule.header_for(shop), rule.policy_for(shop), str(rule.fix_for(shop)))
        assert all(EXAMPLE_ORIGIN not in text and "{" not in text for text in texts), rule.id
    assert RULES["CG-A012"].fix_for(shop).policy == {"allow_origins": [shop]}
    assert RULES["CG-A012"].fix_for(shop, APP, shop).policy == {"allow_origins": [shop, APP]}
    assert RULES["CG-I006"].fix_for(shop).send == (f"Timing-Allow-Origin: {shop}",)
