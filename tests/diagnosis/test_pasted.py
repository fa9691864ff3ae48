"""
Lines as people paste them: the failure, the URL, page and method that they name, and the fix.
"""

import re

import pytest
from kit.pasted_lines import FOUND, LINES, UNRELATED

from corsguard.diagnosis import read_message


@pytest.mark.parametrize("line", [pytest.param(line, id=f"{line.kind} {number}") for number, line in enumerate(LINES)])
def test_a_line_is_read_as_it_was_pasted(line):
    (meaning,) = read_message(line.text)
    message, fix = meaning.message, meaning.fix
    assert message.name == line.name
    for name, found, named in (("url", message.url, line.url), ("page", message.origin, line.page)):
        assert (found, name in message.assumed) == (found if named == "~" else named, named == "~")
    assert message.elsewhere == line.elsewhere
    assert bool(line.elsewhere) == any(note.startswith(f"{line.elsewhere} stands elsewhere") for note in meaning.notes)
    told = [fix.words, *fix.page, *fix.send, *map(str, fix.policy.values())]
    assert not line.says or any(line.says in text for text in told)
    assert not line.never or not any(line.never in text for text in (*told, *fix.policy))
    nothing_is_invented(meaning)


@pytest.mark.parametrize("line", [pytest.param(line, id=line["id"]) for line in FOUND])
def test_a_line_of_an_issue_is_read(line):
    found = read_message(line["line"])
    if line["name"] is None:
        assert found == []
        return
    (meaning,) = found
    message = meaning.message
    url, page = ("url" in message.assumed, message.url), ("page" in message.assumed, message.origin)
    assert message.name == line["name"]
    assert url == (line["url"] is None, line["url"] or message.url)
    assert page == (line["page"] is None, line["page"] or message.origin)
    assert message.method == line["method"]
    nothing_is_invented(meaning)


@pytest.mark.parametrize("text", UNRELATED)
def test_a_line_about_something_else_is_not_read(text):
    assert read_message(text) == []


def nothing_is_invented(meaning):
    texts = (meaning.title, meaning.fix.words)
    # The placeholder for a URL that nobody named is in no sentence.
    if "url" in meaning.message.assumed:
        assert not any("api.example.com" in text for text in (*texts, *meaning.fix.page))
    # Nothing is said that the line does not show.
    for text in texts:
        assert not re.search(r'""|(?<!\w)\(\)| [.,;)](?!\.)| :(?!:)|  ', text), text
