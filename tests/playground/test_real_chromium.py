"""
The playground in a real Chromium: every request under every policy, the browser compared with the model.
"""

import random

import pytest
from kit.engines import chromium
from kit.playground import (
    BLOCKED,
    PAIRS,
    assert_buttons_correct_the_policy,
    assert_differences_are_explained,
    assert_like_the_model,
)

from corsguard.playground import opened


@pytest.mark.browser
def test_every_request_under_every_policy_is_what_the_model_says():
    """
    Every ready request under every example policy: the browser does what is expected, and the model agrees. The line
    that the model predicts is in the console of the browser.
    """
    with opened(0) as address, chromium() as tab:
        seen = assert_like_the_model(tab, address, PAIRS)
        predicted = {one["console"] for one in seen.values() if one["verdict"] == BLOCKED}
        assert len(predicted) == sum(one["verdict"] == BLOCKED for one in seen.values()) > 10
        for line in predicted:
            tab.wait_for_console(line)
        assert_buttons_correct_the_policy(tab, address)


@pytest.mark.browser
@pytest.mark.long
def test_random_requests_only_differ_for_a_known_reason():
    with opened(0) as address, chromium() as tab:
        assert_differences_are_explained(tab, address, random.Random(1), 300)
