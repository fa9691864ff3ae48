"""
The model does what real browsers do: every case of the matrix, in Chromium and in Firefox.

Where one does not, a row of the table of divergences says so, and why; every row is needed.
"""

import re
from collections import Counter
from itertools import combinations, product

import pytest
from kit import engines
from kit.divergences import ROWS, diverged
from kit.matrix import FAMILIES, cases, paired
from kit.playing import Server, modelled, played, steps_of

CORS_LINE = {"chromium": "has been blocked by CORS policy: ", "firefox": "Cross-Origin Request Blocked: "}


def expectations(engine, case):
    """
    Return what the model expects of each step of *case*, with the line that the console of *engine* should print.
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
    Return what differs between an expectation and what was seen of a step.
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
    # The model shows what came from the network in ASCII, and Firefox has a name for each opaque origin.
    line = re.sub(r"moz-nullprincipal:\S+", "null", line)
    return re.sub(r"\\u[0-9A-F]{4}|[\x00-\x1f\ufffd]", "?", line)


def test_any_two_choices_meet():
    choices = {"one": [0, 1, 2, 3], "two": [0, 1, 2], "three": [0, 1], "four": [0, 1, 2]}
    rows = list(paired(**choices))
    for (one, ours), (other, theirs) in combinations(choices.items(), 2):
        assert {(row[one], row[other]) for row in rows} == set(product(ours, theirs))
    assert len(rows) < 20
    assert rows == list(paired(**choices))


def test_every_family_has_its_share_of_the_cases():
    shares = Counter(key.rpartition("-")[0] for key in cases())
    assert len(shares) == len(FAMILIES)
    assert shares.total() > 1500
    assert min(shares.values()) >= 4


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_the_model_does_what_a_real_browser_does(engine, capsys):
    every = cases()
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
    assert {function.__name__ for function in ROWS[engine]} == set(rows)
