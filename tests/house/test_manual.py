"""
The manual is true: the code of each page runs, from top to bottom, and prints what stands below it.
"""

import contextlib
import io
import re
from pathlib import Path

import pytest
from kit.serving import needed

import corsguard

PAGES = sorted(Path(corsguard.__file__).parent.joinpath("manual").glob("*.md"))
# What a block needs that only the extra `servers` brings: a page ends with it, so that all before it runs anyway.
OF_SERVERS = re.compile(r"^from (channels)\b", re.MULTILINE)
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


def test_there_is_a_manual():
    assert PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_prints_what_it_shows(page):
    """
    The code of a page prints what stands below it.
    """
    namespace = {}
    for code, expected in BLOCK.findall(page.read_text(encoding="utf-8")):
        for name in OF_SERVERS.findall(code):
            needed(name)
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page.name, "exec"), namespace)  # the pages are ours
        assert printed.getvalue() == expected
