"""
The model of the browser against the expectations of the Web Platform Tests.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from kit import run_vectors

FOLDER = Path(__file__).parents[1] / "kit" / "vectors" / "open"
VECTORS = {vector["id"]: vector for vector in run_vectors.vectors_in(FOLDER)}


@pytest.mark.parametrize("identity", VECTORS)
def test_the_model_passes_the_tests_of_the_standards(identity):
    assert run_vectors.differences(VECTORS[identity]) == []


def test_no_vector_is_missing():
    kinds = [vector["kind"] for vector in VECTORS.values()]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "fetch": 327,
        "header_guard": 114,
        "method": 15,
        "origin_of_url": 304,
        "redirect": 85,
        "sequence": 17,
        "tao": 13,
    }


def _changed(value):
    """
    Return another value of the same kind as *value*.
    """
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case list():
            return [*value, "x-made-up"] if value and isinstance(value[0], str) else [*value, {"url": "http://a.test/"}]
        case _:
            return f"{value}x"


def test_the_runner_notices_each_wrong_member():
    noticed = 0
    for vector in VECTORS.values():
        for expected in [step["expected"] for step in vector.get("steps", [])] or [vector["expected"]]:
            for key, value in [*expected.items()]:
                if key == "exposed_excludes":
                    continue
                expected[key] = _changed(value)
                assert run_vectors.differences(vector) != [], (vector["id"], key)
                expected[key] = value
                noticed += 1
    assert noticed > 4000


def run(folder):
    return subprocess.run(
        [sys.executable, run_vectors.__file__, str(folder)], capture_output=True, text=True, check=False
    )


def test_the_runner_counts_and_names_the_failures(tmp_path):
    passing = VECTORS["cors/basic.htm#003"]
    failing = {**passing, "id": "made-up#001", "expected": {**passing["expected"], "outcome": "ok"}}
    broken = {"id": "made-up#002", "kind": "origin_of_url", "input": "https://[", "base": None, "expected": {}}
    (tmp_path / "one.json").write_text(json.dumps({"vectors": [passing, failing]}))
    (tmp_path / "two.json").write_text(json.dumps({"vectors": [broken]}))
    result = run(tmp_path)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert lines[:2] == ["made-up#001", "    outcome is 'blocked', expected 'ok'"]
    assert lines[2] == "made-up#002"
    assert lines[3].startswith("    ValueError: ")
    assert lines[-1] == "1 passed, 2 failed"


def test_the_runner_takes_a_folder_only(tmp_path):
    assert run(tmp_path).returncode == 2
    assert run(tmp_path / "absent").returncode == 2
    assert run(tmp_path).stdout == "0 passed, 0 failed\n"
