"""
Real gateways answer as the guard does, request by request.

Each gateway's nature makes some answers different. Those stand in DIFFERENCES with the reason; a row that no request
needs fails.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pytest
from kit.gateways import POLICIES, SPELLINGS, Guarded, of_gateway, requests, served
from kit.gateways.haproxy import haproxy
from kit.gateways.nginx import nginx

GATEWAYS = {
    "nginx": nginx,
    "nginx-headers-more": partial(nginx, headers_more=True),
    "haproxy": haproxy,
}
ALL = frozenset(GATEWAYS)


class Difference(NamedTuple):
    """
    What *gateways* do differently, and *reason* why: *applies* to the request and the two answers, the gateway's first.
    """

    gateways: frozenset[str]
    reason: str
    applies: Callable


def varies_more(asked, theirs, ours):
    """
    Return whether nothing but `Vary: Origin` is more at a path that can be read in several ways.
    """
    is_odd = asked.path in SPELLINGS
    return is_odd and "origin" not in ours.vary and theirs._replace(vary=ours.vary) == ours


DIFFERENCES = (
    Difference(
        ALL,
        "no gateway can tell which policies the readings of a path have, so it sends Vary if any policy is a list",
        varies_more,
    ),
    Difference(
        frozenset({"nginx", "nginx-headers-more"}),
        "nginx before 1.23 sees the first of two Origin lines only; no browser sends two",
        lambda asked, theirs, ours: len(asked.origins) > 1,
    ),
)


@pytest.fixture(scope="module", params=GATEWAYS)
def gateway(request, tmp_path_factory):
    with served() as port, GATEWAYS[request.param](tmp_path_factory.mktemp("gateway"), port, POLICIES) as server:
        server.name = request.param
        yield server


def compared(gateway, policies, asked):
    """
    Return the differences that are not of the gateway's nature, and the rows that the others needed.
    """
    guarded, found, needed = Guarded(policies), [], set()
    for one in asked:
        theirs, ours = of_gateway(gateway, one), guarded.answer(one)
        if theirs == ours:
            continue
        rows = {row for row in DIFFERENCES if gateway.name in row.gateways and row.applies(one, theirs, ours)}
        needed |= rows
        found += [] if rows else [(one, theirs, ours)]
    return found, needed


@pytest.mark.parametrize("form", ["short", pytest.param("long", marks=pytest.mark.long)])
def test_every_answer_is_that_of_the_guard(gateway, form):
    found, needed = compared(gateway, POLICIES, requests(long=form == "long"))
    assert found == []
    assert needed == {row for row in DIFFERENCES if gateway.name in row.gateways}
