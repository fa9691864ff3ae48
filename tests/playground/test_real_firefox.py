"""
The playground in a real Firefox: requests under policies, the browser compared with the model.
"""

import random

import pytest
from kit.engines import firefox
from kit.playground import (
    PAIRS,
    assert_buttons_correct_the_policy,
    assert_differences_are_explained,
    assert_like_the_model,
)

from corsguard.playground import opened

pytestmark = pytest.mark.browser

# In a normal run, each request is sent once, under alternating policies.
SHARE = [PAIRS[number * 9 % len(PAIRS)] for number in range(10)]


def play(pairs):
    with opened(0) as address, firefox() as tab:
        assert_like_the_model(tab, address, pairs)
        assert_buttons_correct_the_policy(tab, address)


def test_requests_under_alternating_policies_are_what_the_model_says():
    play(SHARE)


@pytest.mark.long
def test_every_request_under_every_policy_is_what_the_model_says():
    play(PAIRS)


@pytest.mark.long
def test_random_requests_only_differ_for_a_known_reason():
    with opened(0) as address, firefox() as tab:
        assert_differences_are_explained(tab, address, random.Random(1), 300)
