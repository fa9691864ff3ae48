"""
What the tests of changing origins share: a clock, a load and a store under the control of the test, and sources made of
them.
"""

import threading

import pytest

from corsguard import negotiate
from corsguard.sources import RefreshingOrigins, RememberedOrigins

PREVIEW = "https://pr-7.example.com"
PATIENCE = 30
NEVER = 3600


class Clock:
    """
    A clock that only moves when a test sets it.
    """

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Origins:
    """
    The result of `load`, and a record of its calls and their threads.
    """

    def __init__(self, *origins):
        self.result = list(origins)
        self.threads = []

    def __call__(self):
        self.threads.append(threading.current_thread())
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.fixture
def keep():
    """
    Return a function that makes sources. They are closed at the end of the test.
    """
    sources = []

    def make(load, every=NEVER, **more):
        sources.append(RefreshingOrigins(load, every=every, **more))
        return sources[-1]

    yield make
    for source in sources:
        source.close()


def grants(policy, origin):
    decision = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin})
    assert decision.error is None
    return decision.refusal is None


def codes_of(error):
    return [problem.code for problem in error.problems]


class Timeout(BaseException):
    """
    Like gevent's: an exception that is not an Exception.
    """


class Store:
    """
    A slow store: its content, and a record of the questions.
    """

    def __init__(self, *origins):
        self.origins = set(origins)
        self.asked = []
        self.error = None

    def __contains__(self, origin):
        self.asked.append(origin)
        if self.error is not None:
            raise self.error
        return origin in self.origins


def remember(store, ttl=60, **more):
    clock = Clock()
    return RememberedOrigins(store, ttl=ttl, clock=clock, **more), clock
