"""
The cost of changing origins: a million of them in a snapshot, swaps ten times a second, a memory in front of a store.

python tests/benchmarks/refreshing.py

The first load parses every origin, and later loads only parse the new ones. A refresh runs in a thread of its own, but
Python runs one thread at a time. How long it delays a request is the longest gap that another thread sees.
"""

import random
import statistics
import sys
import threading
from time import perf_counter

from contenders import ALLOWED, REFUSED_ORIGIN, application, exact, requests_of
from goals import Goal
from stopwatch import Contender, bytes_of, race

from corsguard import CORSMiddleware, Policy, negotiate
from corsguard.sources import RefreshingOrigins, RememberedOrigins

_MANY = 1_000_000
_SWAPPED = 1_000
_NEVER = 1e6


def goals_of_change(seconds):
    """
    Measure and yield the goals. *seconds* 0 is a short run with fewer origins.
    """
    many = _MANY if seconds else 10_000
    yield from _snapshot(many, seconds)
    yield from _swaps(seconds)
    yield _memory(seconds)


def _snapshot(many, seconds):
    origins = exact(many).patterns
    # A query returns new strings each time.
    fresh = [origin.encode().decode() for origin in origins]
    named = f"Snapshot of {many:,} origins"
    start = perf_counter()
    source = RefreshingOrigins(lambda: fresh, every=_NEVER)
    yield Goal(f"{named}: first load, seconds", perf_counter() - start, None, "each parsed")
    fresh = [origin.encode().decode() for origin in origins]
    gap, took = _longest_gap(source.refresh)
    yield Goal(f"{named}: a later one, none of them new, seconds", took, None, f"longest wait {gap * 1000:.0f} ms")
    # The strings belong to the caller: the part that it keeps existed before.
    kept = bytes_of(lambda: RefreshingOrigins(lambda: origins, every=_NEVER))
    yield Goal(f"{named}: memory for each beyond the string, bytes", kept / many, 100, "")
    few = RefreshingOrigins(lambda: origins[:10], every=_NEVER)
    contenders = {"nothing": Contender(lambda environ, start_response: None, requests_of(ALLOWED, origins[:10]))}
    for name, asked, of in (("few", few, origins[:10]), ("many", source, origins)):
        policy = Policy(allow_origins=asked)
        assert negotiate(policy, {"HTTP_ORIGIN": of[0]}).refusal is None
        assert negotiate(policy, {"HTTP_ORIGIN": REFUSED_ORIGIN}).refusal is not None
        contenders[name] = Contender(
            lambda environ, _, policy=policy: negotiate(policy, environ), requests_of(ALLOWED, of)
        )
    costs = race(contenders, "nothing", seconds)
    few, many = costs["few"].over, costs["many"].over
    yield Goal(f"{named}: lookup over that of ten", many / few, None, f"{few:.2f} and {many:.2f} µs")


def _longest_gap(function):
    """
    Call *function* in another thread. Return the longest time in which this thread did not run, and how long the call
    took.
    """
    thread = threading.Thread(target=function)
    gap, start = 0, perf_counter()
    thread.start()
    last = perf_counter()
    while thread.is_alive():
        now = perf_counter()
        gap, last = max(gap, now - last), now
    return gap, perf_counter() - start


def _swaps(seconds):
    """
    Yield the ratio of requests per second under a policy whose origins are swapped ten times a second to those without
    swaps.

    The two take turns of half a second, in random order. The result is the median of the rounds.
    """
    origins = exact(_SWAPPED).patterns
    other = [origin.replace("tenant", "customer") for origin in origins[: _SWAPPED // 100]]
    rounds = []
    requests = requests_of(ALLOWED, origins[_SWAPPED // 100 :])
    for number in range(max(1, int(seconds) * 4)):
        turns = {}
        for swapping in random.sample([True, False], 2):
            loads = _alternating(origins, [*other, *origins[len(other) :]])
            with RefreshingOrigins(loads, every=0.1 if swapping else _NEVER) as source:
                app = CORSMiddleware(application, Policy(allow_origins=source))
                turns[swapping] = _requests_per_second(app, requests(1_000, number), 0.5 if seconds else 0.01)
        rounds.append((turns[True] / turns[False], turns[True], turns[False]))
    share, with_swaps, without = map(statistics.median, zip(*rounds, strict=True))
    where = f"{with_swaps:,.0f} and {without:,.0f} a second"
    yield Goal(f"Snapshot of {_SWAPPED:,} origins: requests while swapped ten times a second", share, None, where)


def _alternating(*lists):
    calls = iter(range(sys.maxsize))
    # New strings, as a query returns them.
    return lambda: [origin.encode().decode() for origin in lists[next(calls) % len(lists)]]


def _requests_per_second(app, environs, seconds):
    count, start = 0, perf_counter()
    while perf_counter() < start + seconds:
        for environ in environs:
            app(environ, lambda status, headers, exc_info=None: None)
        count += len(environs)
    return count / (perf_counter() - start)


def _memory(seconds):
    """
    Return the memory for a remembered answer next to that of an origin in a snapshot.
    """
    origins = exact(10).patterns
    known = frozenset(origins)

    class Store:
        def __contains__(self, origin):
            return origin in known

    contenders = {"nothing": Contender(lambda environ, start_response: None, requests_of(ALLOWED, origins))}
    sources = {
        "known": RefreshingOrigins(lambda: origins, every=_NEVER),
        "remembered": RememberedOrigins(Store(), ttl=_NEVER),
    }
    for name, source in sources.items():
        policy = Policy(allow_origins=source)
        contenders[name] = Contender(
            lambda environ, _, policy=policy: negotiate(policy, environ), requests_of(ALLOWED, origins)
        )
    costs = race(contenders, "nothing", seconds)
    known, remembered = costs["known"].over, costs["remembered"].over
    where = f"{known:.2f} and {remembered:.2f} µs"
    return Goal("Snapshot: lookup of a remembered answer over one of it", remembered / known, None, where)


if __name__ == "__main__":
    for goal in goals_of_change(4):
        print(f"{goal.name:72} {goal.measured:9.2f}  {goal.where}")
