"""
The playground in a real Firefox: requests under policies, browser against model.
"""

import random

import pytest
from kit.engines import firefox, proxied
from kit.playground import PAIRS, assert_differences_are_explained, assert_like_the_model

from corsguard.browser import Unreachable
from corsguard.playground import opened

pytestmark = pytest.mark.browser

# In a run of every day each request is sent once, under policies by turns.
SHARE = [PAIRS[number * 9 % len(PAIRS)] for number in range(10)]


def nobody(request):
    raise Unreachable(f"{request.url} is not on this machine")


def play(pairs):
    # Firefox asks no proxy for what is on its own machine.
    with opened(0) as address, proxied(nobody) as port, firefox(port) as tab:
        assert_like_the_model(tab, address, pairs)


def test_requests_by_turns_are_what_the_model_says():
    play(SHARE)


@pytest.mark.long
def test_every_request_under_every_policy_is_what_the_model_says():
    play(PAIRS)


@pytest.mark.long
def test_random_requests_differ_only_where_it_is_known_why():
    with opened(0) as address, proxied(nobody) as port, firefox(port) as tab:
        assert_differences_are_explained(tab, address, random.Random(1), 300)
