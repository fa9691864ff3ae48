"""
The playground in a real Firefox: requests under policies, browser against model.
"""

import pytest
from kit.engines import firefox, proxied
from kit.playground import PAIRS, READY_TO_USE, RUN, expected

from corsguard.browser import Unreachable
from corsguard.playground import opened

pytestmark = pytest.mark.browser

# In a run of every day each request is sent once, under policies by turns.
SHARE = [PAIRS[number * 9 % len(PAIRS)] for number in range(10)]


def nobody(request):
    raise Unreachable(f"{request.url} is not on this machine")


def assert_like_the_model(pairs):
    # Firefox asks no proxy for what is on its own machine.
    with opened(0) as address, proxied(nobody) as port, firefox(port) as tab:
        tab.visit(address)
        tab.call(READY_TO_USE)
        seen = {pair: tab.call(RUN, pair) for pair in pairs}
    assert {pair: one["differences"] for pair, one in seen.items()} == {pair: [] for pair in pairs}
    assert {pair: one["verdict"] for pair, one in seen.items()} == {pair: expected(*pair) for pair in pairs}
    agreements = {one["agreement"] for one in seen.values()}
    assert agreements == {"Your browser and the model agree."}


def test_requests_by_turns_are_what_the_model_says():
    assert_like_the_model(SHARE)


@pytest.mark.long
def test_every_request_under_every_policy_is_what_the_model_says():
    assert_like_the_model(PAIRS)
