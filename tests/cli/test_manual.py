"""
`corsguard manual` prints pages and finds sections, and `corsguard explain` prints what a code means.
"""

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner

from corsguard.cli.group import group
from corsguard.cli.manual import show
from corsguard.errors import RULES
from corsguard.manual import page_of, topics, with_commands
from corsguard.manual.tables import with_fitting_tables


def run(*arguments):
    return CliRunner().invoke(group, [*arguments])


def test_without_arguments_the_pages_are_listed():
    result = run("manual")
    assert result.exit_code == 0
    assert all(f"[{topic}]({topic}.md)" in result.stdout for topic in topics()[1:])


TABLE = re.compile(r"(?:^\|.*\n)+", re.MULTILINE)
TABLES = [table for topic in topics() for table in TABLE.findall(page_of(topic))]


def cells_of(table):
    return [cell.strip() for line in table.splitlines() for cell in re.findall(r"(?:`[^`]*`|[^|])+", line)]


@pytest.mark.parametrize("topic", topics())
def test_a_page_in_a_pipe_has_all_its_texts_and_narrow_tables(topic):
    """
    It has all texts and cells, and its tables have at most 80 columns.
    """
    result = run("manual", topic)
    assert result.exit_code == 0
    page = page_of(topic)
    assert [text for text in TABLE.split(page) if text not in result.stdout] == []
    body = [cell for table in TABLE.findall(page) for cell in cells_of(table.partition("\n|-")[2])]
    assert [cell for cell in body if cell.strip("-|") not in result.stdout] == []
    for table in TABLE.findall(result.stdout):
        assert len({len(line) for line in table.splitlines()}) == 1, table
        assert len(table.splitlines()[0]) <= 80


def test_words_find_the_part_about_them():
    result = run("manual", "cookies", "are", "not", "sent")
    assert result.exit_code == 0
    assert result.stdout.startswith("## Cookies are not sent\n")
    assert "This is a part of the page `questions`: `corsguard manual questions`.\n\nAlso:\n" in result.stdout


def test_a_page_name_and_words_search_that_page():
    result = run("manual", "gateways", "vary")
    assert "This is a part of the page `gateways`" in result.stdout


def test_a_page_name_may_be_a_word_of_the_question():
    """
    "origins" is a page too, and that page has no "postman".
    """
    assert "This is a part of the page `questions`" in run("manual", "origins", "postman").stdout


@pytest.mark.parametrize(
    ("name", "first"),
    [("policy.md", "# The policy\n"), ("start.md#flask", "## Flask\n"), ("policy#keywords", "## Keywords\n")],
)
def test_a_page_name_may_be_copied_from_a_link(name, first):
    result = run("manual", name)
    assert result.exit_code == 0
    assert result.stdout.startswith(first)


def test_a_part_that_only_refers_to_another_is_printed_with_it():
    shown = run("manual", "many customers each with own domain").stdout
    assert shown.startswith("## Many customers, each with a domain of their own\n")
    assert "\n## Many tenants: policies by host\n" in shown
    assert "the page `tenants`: `corsguard manual tenants`" in shown


def test_an_unknown_page_ends_with_1():
    result = run("manual", "xyzzy")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "The manual has nothing about these words. To list its pages: corsguard manual" in result.stderr


@pytest.mark.parametrize("code", ["E203", "w101", "corsguard.E203", "corsguard.W902", "CG-A001", "two-layers"])
def test_a_code_is_explained(code):
    result = run("explain", code)
    assert result.exit_code == 0
    assert result.stdout.startswith("## ")


def test_a_code_is_printed_as_data_too():
    told = json.loads(run("explain", "E203", "--json").stdout)
    assert (told["code"], told["page"]) == ("E203", "errors")
    assert RULES["E203"].why in told["text"]


@pytest.mark.parametrize("code", ["E999", "CG-A999", "corsguard.W999"])
def test_an_unknown_code_is_reported(code):
    result = run("explain", code)
    assert result.exit_code == 2
    assert f"There is no code {code}. All of them: corsguard manual errors" in result.stderr


def test_a_table_and_the_list_below_it_are_separated():
    long = 80 * "word "
    table = f"| a | b |\n|---|---|\n| one | {long}|\n"
    shown = with_fitting_tables(f"{table}\n* two\n\n{table}\n- three\n", 80, is_rendered=True)
    assert re.findall(r"^([-*]) (\w+)", shown, re.MULTILINE) == [
        ("-", "one"),
        ("*", "two"),
        ("*", "one"),
        ("-", "three"),
    ]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("columns", ["60", "80"])
def test_a_table_on_a_terminal_breaks_no_word(columns, monkeypatch):
    """
    Each table of the manual fits into the terminal, and each of its words is there as a whole.
    """
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with contextlib.redirect_stdout(terminal):
        show("\n".join(TABLES))
    shown = re.sub("\x1b\\[[0-9;]*m", "", terminal.getvalue())
    assert max(map(len, shown.splitlines())) <= int(columns)
    assert "─" in shown
    bodies = (with_commands(table).partition("\n|-")[2].partition("\n")[2] for table in TABLES)
    words = {word for body in bodies for cell in cells_of(body) for word in re.sub(r"[`*]", "", cell).split()}
    # The name of this test is longer than half of a line.
    missing = words - {*shown.replace("*", "").split()}
    assert {word for word in missing if len(word) < int(columns) / 2} == set()


def shown_on_a_terminal(*arguments):
    """
    Return what the command prints on a terminal of 80 columns.
    """
    primary, secondary = pty.openpty()
    command = [sys.executable, "-m", "corsguard", *arguments]
    with subprocess.Popen(command, stdout=secondary, env={**os.environ, "TERM": "xterm", "COLUMNS": "80"}) as process:
        os.close(secondary)
        shown = b""
        # Linux reports the end of a terminal as an error.
        while chunk := _read(primary):
            shown += chunk
    os.close(primary)
    assert process.returncode == 0
    assert b"\x1b[" in shown
    return re.sub("\x1b\\[[0-9;]*m", "", shown.decode())


def test_on_a_terminal_headings_and_tables_are_drawn():
    """
    They are not printed as Markdown. A link is the command that follows it.
    """
    shown = shown_on_a_terminal("manual", "wsgi")
    assert "```" not in shown
    assert "# WSGI" not in shown
    assert "More: corsguard manual policy" in shown_on_a_terminal("explain", "E203")


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("More: [start](start.md).", "More: `corsguard manual start`."),
        ("Then [start](start.md) it.", "Then start (`corsguard manual start`) it."),
        ("[How to install](start.md#flask)", "How to install (`corsguard manual start`)"),
        ("Get it ([how to install](start.md)).", "Get it (how to install: `corsguard manual start`)."),
        ("[below](#below), or ([below](#below))", "below, or (below)"),
        ("* [flask](flask.md): Flask", "* **flask**: Flask"),
        ("[Fetch](https://fetch.spec.whatwg.org/)", "[Fetch](https://fetch.spec.whatwg.org/)"),
    ],
)
def test_a_link_is_the_command_that_follows_it(link, shown):
    assert with_commands(link) == shown


def test_nothing_is_lost_on_a_narrow_terminal():
    """
    A line of code that is too long gets no line end, and no cell of a table is cut.
    """
    shown = shown_on_a_terminal("manual", "django")
    assert ".md" not in shown
    assert "…" not in shown
    assert 'INSTALLED_APPS = [*INSTALLED_APPS, "corsguard_django"]  # for the system checks' in shown_on_a_terminal(
        "manual", "start"
    )


def _read(terminal):
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
