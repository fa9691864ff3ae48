"""
The goals and whether they are reached. Some goals read the table, and the others are measured here.

A goal is judged by its worst case: all its sets of origins and scenarios count, unless it names one or says that they
count together.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from shutil import which
from typing import NamedTuple

from contenders import (
    ALLOWED,
    BARE,
    BY_HOST,
    BY_PATH,
    BY_STORE,
    CORSGUARD,
    CORSHEADERS,
    FLASK_CORS,
    FLOOR,
    HEADERS,
    METHODS,
    NO_ORIGIN,
    PLATFORMS,
    PREFLIGHT_REFUSED,
    PREFLIGHTS,
    REFUSED,
    RESPONSES,
    STARLETTE,
    BothFloor,
    ForgeryFloor,
    application,
    exact,
    requests_of,
    wildcards,
    without,
)
from stopwatch import Contender, bytes_of, import_milliseconds, instructions, race

from corsguard import CORSMiddleware, CrossOriginProtection, Policy, negotiate

_MEGABYTE = 2**20
_FLASK_RESPONSES = "Flask, responses: flask-cors' overhead over ours"
IN_INSTRUCTIONS = f"{_FLASK_RESPONSES}, in instructions"


class Goal(NamedTuple):
    """
    *measured* must be at most *limit*, or at least *limit* if *more* is better. *where* names the worst case.

    A goal without a *limit* is only reported. Its value is None if the tool that measures it is not installed.
    """

    name: str
    measured: float | None
    limit: float | None
    where: str
    more: bool = False

    @property
    def is_reached(self):
        if self.limit is None:
            return None
        return self.measured >= self.limit if self.more else self.measured <= self.limit


class Comparison(NamedTuple):
    """
    A goal that the table answers: how near corsguard must be to the floor, or how far ahead of a peer.

    Responses are compared by their cost above the bare application, and preflights by the whole cost. Scenarios that
    count *together* are compared by their sums, for each set of origins.
    """

    name: str
    limit: float | None
    platform: str
    scenarios: tuple[str, ...]
    theirs: str
    origins: str | None = None
    together: bool = False
    ours: str = CORSGUARD

    def goal(self, table):
        """
        Return the Goal with the worst of all cases in *table*, (platform, origins, scenario) -> contender -> Cost.
        """
        cases = {}
        for (platform, origins, scenario), costs in table.items():
            meant = platform == self.platform and scenario in self.scenarios and self.origins in {None, origins}
            if meant and self.theirs in costs:
                by = "total" if scenario in PREFLIGHTS else "over"
                case = cases.setdefault(origins if self.together else f"{scenario}, {origins}", [0, 0])
                for which, name in enumerate((self.ours, self.theirs)):
                    case[which] += getattr(costs[name], by)
        # A cost below zero is noise: it is too small to be measured.
        sums = {where: [max(time, 0.001) for time in case] for where, case in cases.items()}
        near = self.theirs == FLOOR
        ratios = {where: ours / theirs if near else theirs / ours for where, (ours, theirs) in sums.items()}
        worst = (max if near else min)(ratios, key=ratios.get)
        return Goal(self.name, ratios[worst], self.limit, worst, more=not near)


# Responses count together, because a server answers all kinds of them. The table shows each.
COMPARISONS = (
    Comparison("WSGI, responses: overhead over the floor's", 2, "WSGI", RESPONSES, FLOOR, together=True),
    Comparison("WSGI, preflights: total time over the floor's", 2, "WSGI", PREFLIGHTS, FLOOR),
    Comparison(
        "WSGI, responses: the same with policies by path", 3, "WSGI", RESPONSES, FLOOR, together=True, ours=BY_PATH
    ),
    Comparison("WSGI, preflights: the same with policies by path", 3, "WSGI", PREFLIGHTS, FLOOR, ours=BY_PATH),
    *(
        Comparison(f"WSGI, {kind}: the same with {words}", 3, "WSGI", scenarios, FLOOR, together=together, ours=ours)
        for ours, words in ((BY_HOST, "policies by host"), (BY_STORE, "a store of hosts"))
        for kind, scenarios, together in (("responses", RESPONSES, True), ("preflights", PREFLIGHTS, False))
    ),
    Comparison("ASGI, responses: Starlette's overhead over ours", 2.5, "ASGI", RESPONSES, STARLETTE, together=True),
    Comparison("ASGI, preflights: Starlette's total time over ours", 4, "ASGI", PREFLIGHTS, STARLETTE, together=True),
    Comparison(f"{_FLASK_RESPONSES}, in microseconds", 8, "Flask", RESPONSES, FLASK_CORS, "3", together=True),
    Comparison(
        "Flask, responses: the same with tagged views", None, "Flask, tags", RESPONSES, FLASK_CORS, together=True
    ),
    Comparison(
        "Flask, responses: the same at 1,000, in microseconds",
        100,
        "Flask",
        RESPONSES,
        FLASK_CORS,
        "1,000",
        together=True,
    ),
    Comparison("Flask, preflights: flask-cors' total time over ours", 100, "Flask", PREFLIGHTS, FLASK_CORS),
    Comparison("Flask, preflights: the same with tagged views", 8, "Flask, tags", PREFLIGHTS, FLASK_CORS),
    Comparison("Django, Origin: corsheaders' overhead over ours", 5, "Django", (ALLOWED, REFUSED), CORSHEADERS, "3"),
    Comparison("Django, Origin: the same at 1,000", 100, "Django", (ALLOWED, REFUSED), CORSHEADERS, "1,000"),
)


def many_of(seconds):
    """
    Return how many origins are many. A quick run, with *seconds* 0, has just more than the peers that ask `fnmatch` can
    take: with 100,000, one request of another peer takes a second.
    """
    return 100_000 if seconds else 33_000


def other_goals(seconds, repeats):
    """
    Measure and yield the other goals: instructions, growth, hostile requests, imports, memory.
    """
    yield (
        in_instructions(seconds) if seconds else Goal(IN_INSTRUCTIONS, None, None, "a quick run counts none", more=True)
    )
    yield _growth("origins", exact, seconds)
    yield _growth("wildcards", wildcards, seconds)
    yield from _hostile(seconds)
    yield from _protection(seconds)
    for framework in "flask", "django.http":
        milliseconds = import_milliseconds("corsguard", framework, repeats)
        yield Goal(
            f"`import corsguard` after `import {framework}`, milliseconds", milliseconds, None, "in new processes"
        )
    for count in 1_000, many_of(seconds):
        patterns = exact(count).patterns
        kept = bytes_of(lambda patterns=patterns: Policy(allow_origins=patterns))
        yield Goal(f"Memory for each of {count:,} origins beyond the string, bytes", kept / count, 100, "")


def in_instructions(seconds):
    """
    Return the cost of Flask's responses with three origins, in a unit that does not depend on other load.

    A guard adds a few hundredths of Flask's own cost. Most of its microseconds are for memory that Flask has removed
    from the cache. With *seconds* 0, only one scenario is counted.
    """
    if which("valgrind") is None:
        return Goal(IN_INSTRUCTIONS, None, None, "valgrind counts them, and is not installed", more=True)
    scenarios = RESPONSES if seconds else (ALLOWED,)
    # The start costs more than an answer. At the first requests, Python specializes the code that they run.
    few, many = (600, 1_600) if seconds else (1, 2)
    runs = [*product((BARE, CORSGUARD, FLASK_CORS), scenarios, (few, many))]
    contenders = Path(__file__).with_name("contenders.py")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counted = dict(zip(runs, pool.map(lambda run: instructions(contenders, "Flask", 3, *run), runs), strict=True))
    each = {run[:2]: (counted[*run[:2], many] - counted[*run[:2], few]) / (many - few) for run in runs}
    costs = {
        scenario: [each[name, scenario] - each[BARE, scenario] for name in (FLASK_CORS, CORSGUARD)]
        for scenario in scenarios
    }
    worst = min(costs, key=lambda scenario: costs[scenario][0] / costs[scenario][1])
    theirs, ours = costs[worst]
    shown = "; ".join(f"{scenario} {theirs:,.0f} to {ours:,.0f}" for scenario, (theirs, ours) in costs.items())
    return Goal(IN_INSTRUCTIONS, theirs / ours, None, shown, more=True)


def _growth(kind, origins_of, seconds):
    """
    Return the goal that the number of patterns has no effect: ten origins ask, after thousands of others have.
    """
    most = many_of(seconds)
    contenders = {"nothing": Contender(lambda environ, start_response: None, requests_of(ALLOWED, exact(10).allowed))}
    for count in 10, most:
        origins = origins_of(count)
        for environ in requests_of(ALLOWED, origins.allowed)(5_000, 0):
            negotiate(origins.policy, environ)
        requests = requests_of(ALLOWED, origins.allowed[count // 20 :: count // 10])
        contenders[count] = Contender(lambda environ, _, policy=origins.policy: negotiate(policy, environ), requests)
    costs = race(contenders, "nothing", seconds)
    few, many = costs[10].over, costs[most].over
    return Goal(f"Lookup, {most:,} {kind} over 10", many / few, 1.3, f"{few:.2f} and {many:.2f} µs")


def _protection(seconds):
    """
    Yield two kinds of goals for each kind of request that may run. Protection adds little more to the guard than a
    handwritten class adds. Both together cost at most twice as much as one class for both.
    """
    origins = exact(3)
    policy = {"allow_origins": origins.patterns, "allow_methods": [*METHODS, "POST"], "allow_credentials": True}
    policy = Policy(**policy, allow_headers=HEADERS)
    apps = {
        BARE: application,
        FLOOR: ForgeryFloor(application, origins.patterns),
        "both": BothFloor(application, origins.patterns),
        "without": CORSMiddleware(application, policy),
        "with": CORSMiddleware(application, policy, protection=CrossOriginProtection()),
    }
    post = {"REQUEST_METHOD": "POST"}
    kinds = {
        "GET": requests_of(NO_ORIGIN, origins.allowed),
        "GET of a listed page": requests_of(ALLOWED, origins.allowed),
        "POST of the site": requests_of(
            REFUSED, origins.allowed, **post, HTTP_ORIGIN="http://127.0.0.1", HTTP_SEC_FETCH_SITE="same-origin"
        ),
        "POST of a listed page": requests_of(ALLOWED, origins.allowed, **post),
        "POST of a script": without("HTTP_SEC_FETCH_SITE", requests_of(NO_ORIGIN, origins.allowed, **post)),
    }
    added, whole = {}, {}
    for kind, requests in kinds.items():
        costs = race({name: Contender(app, requests) for name, app in apps.items()}, BARE, seconds)
        added[kind] = costs["with"].over - costs["without"].over, costs[FLOOR].over
        whole[kind] = costs["with"].over, costs["both"].over
    for name, limit, times in (
        ("WSGI, protection: what it adds over what a class by hand adds", 1.5, added),
        ("WSGI, protection: with CORS, overhead over that of a class for both", 2, whole),
    ):
        ratios = {kind: ours / max(theirs, 0.001) for kind, (ours, theirs) in times.items()}
        shown = "; ".join(f"{kind} {ours:.2f} to {theirs:.2f} µs" for kind, (ours, theirs) in times.items())
        yield Goal(name, max(ratios.values()), limit, shown)


def _hostile(seconds):
    """
    Yield the goals that a megabyte of header costs as much as a normal header.
    """
    origins = exact(3)
    attacks = {
        "Origin": ("https://" + "a" * _MEGABYTE, (REFUSED, PREFLIGHT_REFUSED)),
        "Access-Control-Request-Headers": ("a," * (_MEGABYTE // 2), PREFLIGHTS),
    }
    guards = {platform: contenders_on(origins)[CORSGUARD] for platform, contenders_on in PLATFORMS.items()}
    for header, (value, scenarios) in attacks.items():
        key = f"HTTP_{header.upper().replace('-', '_')}"
        ratios = {}
        for platform, app in guards.items():
            for scenario in scenarios:
                contenders = {
                    "normal": Contender(app, requests_of(scenario, origins.allowed, platform)),
                    "huge": Contender(app, requests_of(scenario, origins.allowed, platform, **{key: value})),
                }
                costs = race(contenders, "normal", seconds, most_requests=20)
                ratios[f"{scenario}, {platform}"] = costs["huge"].total / costs["normal"].total
        worst = max(ratios, key=ratios.get)
        yield Goal(f"1 MB of {header}: total time over a normal one's", ratios[worst], 2, worst)
