"""
The README is short, and begins with four quick starts that share the same. Its commands are those that the tests run.
The tests of the manual run its code.
"""

import re

from documents import GUARD, README, ROOT, Document, text_of

from corsguard import Policies, Policy

TEST_COMMAND = "python -m pytest -n auto --dist loadfile"
INSTALL = 'python3 -m venv .venv && .venv/bin/pip install -e ".[dev]"'
QUICK_START = Policy(allow_origins=["https://app.example.com"], allow_credentials=True)


def test_the_readme_is_short():
    assert len(text_of(README).splitlines()) <= 300


def test_the_quick_starts_share_the_same_in_six_lines_each():
    document = Document(README)
    starts = []
    for code, _, _ in document.run():
        starts.append((code, dict(document.namespace)))
        if len(starts) == 4:
            break
    assert all(len(code.strip().splitlines()) <= 6 for code, _ in starts)
    (_, fastapi), (_, flask), (_, django), (_, wsgi) = starts
    assert fastapi["app"].state.corsguard.policy == QUICK_START
    assert flask["app"].extensions["corsguard"].policy == QUICK_START
    assert Policies(django["CORSGUARD"]).policy == QUICK_START
    assert django["CSRF_TRUSTED_ORIGINS"] == ["https://app.example.com"]
    assert django["MIDDLEWARE"][0] == GUARD
    assert wsgi["application"].policy == QUICK_START


def test_the_commands_of_the_readme_are_those_that_are_run():
    console = "".join(re.findall(r"```console\n(.*?)```", text_of(README), re.DOTALL))
    contributing = text_of(ROOT / "CONTRIBUTING.md")
    assert f".venv/bin/{TEST_COMMAND}\n" in console
    assert f"\n{TEST_COMMAND}\n" in text_of(ROOT / ".ci" / "run")
    assert f"{INSTALL}\n" in console
    assert f"{INSTALL}\n" in contributing
    for script in re.findall(r"python ((?:examples|tests)/\S+)", console + contributing):
        assert (ROOT / script.strip("`")).exists()
