"""
The benchmark runs, and measures all that it promises. No test depends on how long anything takes.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit.serving import missing

SCENARIOS = {"no Origin", "allowed", "refused", "preflight allowed", "preflight refused"}
SETS = {"3", "1,000", "33,000", "1,000 wildcards"}
OURS = {"corsguard", "corsguard, by path", "corsguard, by host", "corsguard, store"}
CONTENDERS = {
    "WSGI": {"bare", "floor", *OURS, "wsgicors"},
    "ASGI": {"bare", "floor", *OURS, "starlette", "asgi-cors"},
    "Flask": {"bare", "corsguard", "flask-cors"},
    "Flask, tags": {"bare", "corsguard", "flask-cors"},
    "Django": {"bare", "corsguard", "django-cors-headers"},
}
# The floor knows no wildcards, and some peers would need many seconds for one request.
CANNOT = {
    ("WSGI", "1,000 wildcards", "floor"),
    ("WSGI", "33,000", "wsgicors"),
    ("ASGI", "1,000 wildcards", "floor"),
    ("ASGI", "33,000", "asgi-cors"),
}
ROWS = {
    (platform, origins, contender)
    for platform, contenders in CONTENDERS.items()
    for contender in contenders
    for origins in SETS
} - CANNOT
GOALS = {
    "WSGI, responses": 4,
    "WSGI, preflights": 4,
    "ASGI, responses": 1,
    "ASGI, preflights": 1,
    "Flask, responses": 4,
    "Flask, preflights": 2,
    "Django, Origin": 2,
    "Lookup": 2,
    "WSGI, protection": 2,
    "1 MB": 2,
    "`import corsguard`": 2,
    "Memory": 2,
    "Snapshot": 6,
}
WITHOUT_LIMIT = ["Flask,"] * 2 + ["Snapshot"] * 4 + ["Snapshot:"] + ["`import"] * 2
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
IN_INSTRUCTIONS = "Flask, responses: flask-cors' overhead over ours, in instructions"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """
    Return what a quick run printed, and the data it wrote.
    """
    file = tmp_path_factory.mktemp("benchmark") / "figures.json"
    command = [sys.executable, BENCHMARKS, "--quick", "--json", file]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout.splitlines(), json.loads(file.read_text())


def test_every_contender_is_measured_in_every_scenario_with_every_set_of_origins(run):
    measured = [(row["platform"], row["origins"], row["contender"], row["scenario"]) for row in run[1]["rows"]]
    assert sorted(measured) == sorted((*row, scenario) for row in ROWS for scenario in SCENARIOS)


def test_the_table_has_a_line_for_every_contender_and_set_of_origins(run):
    columns = ((0, 11), (12, 27), (28, 47))
    lines = [tuple(line[start:end].strip() for start, end in columns) for line in run[0]]
    assert sorted(line for line in lines if line[0] in CONTENDERS) == sorted(ROWS)


def test_a_line_has_microseconds_for_every_scenario_and_a_ratio_for_every_guard(run):
    for line in run[0]:
        if line[:11].strip() in CONTENDERS:
            assert len(line[47:].split()) == (5 if line[28:47].strip() == "bare" else 10), line


def test_every_goal_is_listed_with_a_verdict(run):
    for start, count in GOALS.items():
        listed = [line for line in run[0] if line.startswith(start)]
        assert len(listed) == count, start
        assert all(" reached " in line.lower() + " " for line in listed if line not in reported(run))
    assert len(run[1]["goals"]) == sum(GOALS.values())


def test_only_a_goal_without_a_limit_has_no_verdict(run):
    goals = run[1]["goals"]
    open_ended = [goal["name"] for goal in goals if goal["limit"] is None]
    assert [line[:72].rstrip() for line in reported(run)] == open_ended
    assert [goal["name"] for goal in goals if goal["is_reached"] is None] == open_ended
    assert sorted(name.partition(" ")[0] for name in open_ended) == WITHOUT_LIMIT
    assert [goal["name"] for goal in goals if goal["measured"] is None] == [IN_INSTRUCTIONS]


@pytest.mark.long
def test_instructions_are_counted():
    count = "import json, goals; print(json.dumps(goals.in_instructions(0)))"
    done = subprocess.run([sys.executable, "-c", count], check=True, capture_output=True, text=True, cwd=BENCHMARKS)
    _, measured, _, where, _ = json.loads(done.stdout)
    if measured is None:
        assert where == "valgrind counts them, and is not installed"
        missing("valgrind is not installed")
    theirs, ours = (int(text.replace(",", "")) for text in re.findall(r"[\d,]+", where))
    # No Python function needs fewer, so this counts the work of a guard and not of an empty replacement.
    assert theirs > ours > 1_000
    assert measured == pytest.approx(theirs / ours, rel=0.001)


def reported(run):
    return [line for line in run[0] if " no goal " in line or " not measured " in line]
