"""
The manual is true: the code of each page runs, from top to bottom, and prints what stands below it.
"""

import contextlib
import io
import os
import re
from pathlib import Path
from unittest import mock

import pytest
from kit.serving import needed

import corsguard

PAGES = sorted(Path(corsguard.__file__).parent.joinpath("manual").glob("*.md"))
# This page is about what the extra `around` brings.
AROUND = [pytest.mark.around, pytest.mark.filterwarnings("ignore:jsonschema:DeprecationWarning")]
PAGES = [pytest.param(page, marks=AROUND) if page.stem == "frameworks" else page for page in PAGES]
# What a block needs that only an extra brings: a page ends with it, so that all before it runs anyway.
OF_EXTRAS = {"channels": "servers", "ninja": "around", "connexion": "around", "pydantic_settings": "around"}
IMPORTED = re.compile(rf"^(?:from|import) ({'|'.join(OF_EXTRAS)})\b", re.MULTILINE)
BLOCK = re.compile(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)


def test_there_is_a_manual():
    assert PAGES


@mock.patch.dict(os.environ)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_code_of_a_page_prints_what_it_shows(page):
    """
    The code of a page prints what stands below it.
    """
    namespace = {"__name__": page.stem}
    for code, expected in BLOCK.findall(page.read_text(encoding="utf-8")):
        for name in IMPORTED.findall(code):
            needed(name, OF_EXTRAS[name])
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page.name, "exec"), namespace)  # the pages are ours
        assert printed.getvalue() == expected
