"""
A real browser compared with the model: every case of the matrix.

If the two differ, a row of the table of divergences says so, with the reason. Every row is needed.
"""

import re
from collections import Counter

from kit import engines
from kit.divergences import ROWS, diverged
from kit.matrix import cases
from kit.playing import Server, modelled, played, steps_of

ALL = slice(None)
# By default each case is played in one of two browsers.
EVEN, ODD = slice(0, None, 2), slice(1, None, 2)
CORS_LINE = {"chromium": "has been blocked by CORS policy: ", "firefox": "Cross-Origin Request Blocked: "}


def expectations(engine, case):
    """
    Return what the model expects for each step of *case*, with the line that the console of *engine* should print.
    """
    seen, errors = modelled(case)
    asked = [step["request"] for step in steps_of(case)]
    return [
        {
            **one,
            "line": error and _line(error, engine, request),
            "reason": error and error.reason,
            "value": error and error.failure.value,
        }
        for one, error, request in zip(seen, errors, asked, strict=True)
    ]


def _line(error, engine, request):
    # The model knows fetch() only, and only XMLHttpRequest has listeners.
    line = getattr(error, engine)
    return line.replace("Access to fetch", "Access to XMLHttpRequest") if request.get("force_preflight") else line


def differences(engine, expected, seen):
    """
    Return the differences between an expectation and the observation of a step.
    """
    found = {}
    for member in ("outcome", "response_type", "status", "exposed_headers", "requests"):
        if seen[member] is not None and expected[member] != seen[member]:
            found[member] = (expected[member], seen[member])
    line, said = expected["line"] and _printable(expected["line"]), [_printable(one) for one in seen["said"]]
    if line and not any(line in other for other in said):
        found["line"] = (line, said)
    if line is None and any(CORS_LINE[engine] in other for other in said):
        found["line"] = (None, said)
    return found


def _printable(line):
    # The model shows text from the network in ASCII, and Firefox has a name for each opaque origin.
    line = re.sub(r"moz-nullprincipal:\S+", "null", line)
    return re.sub(r"\\u[0-9A-F]{4}|[\x00-\x1f\ufffd]", "?", line)


def assert_like_the_model(engine, capsys, part):
    """
    Play the cases of *part*, a slice, in *engine*. Assert that the model does the same, except for the rows of
    divergences. All cases need all rows.
    """
    every = dict([*cases().items()][part])
    server = Server()
    with engines.proxied(server) as port, getattr(engines, engine)(port) as tab:
        seen = played(tab, server, list(every.values()))
    rows, outcomes, disagreeing = Counter(), Counter(), []
    for key, case in every.items():
        for number, expected in enumerate(expectations(engine, case)):
            told, names = diverged(engine, case, number, expected, seen[key][number])
            found = differences(engine, told, seen[key][number])
            outcomes["disagreed" if found else "diverged" if names else "agreed"] += 1
            rows.update(names)
            disagreeing += [
                f"{key}, step {number}, {member}: {one} | {other}" for member, (one, other) in found.items()
            ]
    with capsys.disabled():
        print(f"\n{engine}: {len(every)} cases, {sum(outcomes.values())} steps: {dict(outcomes)}\n{dict(rows)}")
    assert not disagreeing, "the model | the browser\n" + "\n".join(disagreeing)
    known = {function.__name__ for function in ROWS[engine]}
    assert known == set(rows) if part == ALL else known >= set(rows)
