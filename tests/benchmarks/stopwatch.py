"""
How things are measured: time, interleaved, in process and without sockets; instructions; memory; the time of an import.

A shared machine changes its speed all the time, and by more than what is measured here. So in every round each
contender has its turn, in random order, with requests that are equal but new. The result is the median of the
difference to the bare application *within* the round. The address of an application in memory has an effect too, so
races are repeated in other processes.
"""

import gc
import inspect
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

# Long enough for the clock, and short enough for the machine to have one speed in a round.
_TURN = 1_000
# Few enough to stay in the processor's cache: a server hands a request over right after it has read it.
_MOST_REQUESTS = 50


class Cost(NamedTuple):
    """
    Microseconds for one request: in *total*, and *over* what the baseline takes.
    """

    total: float
    over: float


class Contender(NamedTuple):
    """
    A WSGI or ASGI application, and `requests(count, seed)`, which makes its requests: equal for equal arguments, but
    new.
    """

    app: Callable
    requests: Callable


def race(contenders, baseline, seconds, most_requests=_MOST_REQUESTS):
    """
    Return the Cost of each of *contenders* (name -> Contender). *baseline* is one of them.

    If one request of a contender takes longer than its turn, it joins so rarely that it gets no more time than the
    others.
    """
    last = {name: _microseconds(*contender, 1, 0) for name, contender in contenders.items()}
    strides = {name: max(1, math.ceil(time / _TURN)) for name, time in last.items()}
    totals = {name: [] for name in contenders}
    over = {name: [] for name in contenders}
    deadline = perf_counter() + seconds
    number = 0
    while number == 0 or perf_counter() < deadline:
        turns = [name for name in contenders if name == baseline or number % strides[name] == 0]
        random.shuffle(turns)
        # As many as fill a turn at the speed of the last one: the first call is many times slower.
        counts = {name: max(1, min(most_requests, int(_TURN / last[name]))) for name in turns}
        times = {name: _microseconds(*contenders[name], counts[name], number) for name in turns}
        for name, time in times.items():
            totals[name].append(time)
            over[name].append(time - times[baseline])
        last |= times
        number += 1
    return {name: Cost(statistics.median(totals[name]), statistics.median(over[name])) for name in contenders}


def mean(costs):
    """
    Return the mean of several Costs.
    """
    return Cost(*(statistics.mean(times) for times in zip(*costs, strict=True)))


def _microseconds(app, requests, count, seed):
    """
    Return the cost of one of *count* of *requests* for *app*. Closing the bodies, as a server does, is not counted.

    The first request is not counted either, because the code of *app* may not be in the processor's cache yet.
    """
    first, *others = requests(count + 1, seed)
    _answer(app, [first])
    gc.disable()
    elapsed = _answer(app, others)
    gc.enable()
    return elapsed / count * 1e6


def _answer(app, requests):
    """
    Have *app* answer *requests*, and return the seconds that it took.
    """
    if is_asgi(app):
        start = perf_counter()
        run_through(app, requests, ignore_message)
        return perf_counter() - start
    start = perf_counter()
    bodies = [app(environ, ignore) for environ in requests]
    elapsed = perf_counter() - start
    for body in bodies:
        if hasattr(body, "close"):
            body.close()
    return elapsed


def is_asgi(app):
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__)


def run_through(app, scopes, send):
    """
    Let the ASGI application *app* answer *scopes*, one after the other, without an event loop: nothing waits here.
    """

    async def answer():
        for scope in scopes:
            await app(scope, receive_nothing, send)

    coroutine = answer()
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("somebody waited")


async def receive_nothing():
    return {"type": "http.request", "body": b"", "more_body": False}


async def ignore_message(message):
    """
    Send nothing.
    """


def ignore(status, headers, exc_info=None):
    """
    Start no response.
    """


def instructions(program, *arguments):
    """
    Return how many processor instructions `python program arguments` takes, as valgrind counts them.

    The number is the same each time, on a busy machine too, because the hashes of strings are fixed.
    """
    valgrind = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={os.devnull}"]
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    command = [*valgrind, sys.executable, program, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return int(re.search(r"I +refs: +([\d,]+)", done.stderr)[1].replace(",", ""))


def bytes_of(build):
    """
    Return the bytes that the result of *build()* keeps, in addition to what existed before.
    """
    build()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = build()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del kept
    return after - before


def import_milliseconds(module, after, repeats):
    """
    Return how long `import module` takes in a new process that has imported *after*, from bytecode, as for users.
    """
    program = f"import {after}, time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}

    def seconds():
        process = [sys.executable, "-c", program]
        return float(subprocess.run(process, check=True, capture_output=True, env=environment).stdout)

    # The first one writes the bytecode.
    seconds()
    return statistics.median(seconds() for _ in range(repeats)) * 1000
