"""
`corsguard manual`: prints a page of the manual, or searches it. Offline.

This module reads the arguments, calls `corsguard.manual`, and prints the result.
"""

import sys
from collections.abc import Sequence
from typing import ClassVar, Final

import click
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Markdown, MarkdownElement, TableElement
from rich.syntax import Syntax
from rich.table import Table
from rich.theme import Theme

from corsguard.manual import CONTENTS, Part, page_of, part_of_link, pointed_to, search, topics, with_commands
from corsguard.manual.tables import widths_of, with_fitting_tables

from .printing import Exit, printable

_MOST_NAMED: Final = 5
# A pipe has no width, and programs that read it do not wrap lines.
_WIDTH_OF_A_PIPE: Final = 80
# Rich's default has a black background, which looks like a box on a terminal of another colour.
_THEME: Final = Theme({"markdown.code": "bold cyan"})


@click.command(short_help="Print a page of the manual, or search it.")
@click.argument("topic", nargs=-1, metavar="[PAGE] [WORDS]...")
def manual(topic: Sequence[str]) -> None:
    """
    Print a page of the manual, or the part about your words. Offline.

    \b
    corsguard manual
    corsguard manual start
    corsguard manual cookies are not sent
    corsguard manual gateways vary
    corsguard manual start.md#flask

    Without arguments, list the pages. With the name of a page, print that page. With other words, print the part of the
    manual that fits best, and list others.

    Exit codes: 0 found, 1 nothing found.
    """
    match topic:
        case ():
            show(page_of(CONTENTS))
        case (name,) if name in topics():
            show(page_of(name))
        # A name that was copied from a link.
        case (name,) if name.removesuffix(".md") in topics():
            show(page_of(name.removesuffix(".md")))
        case (name,) if "#" in name and (part := part_of_link(name)):
            _show_part(part)
        case (name, *words) if name in topics():
            # The name may be a word of the question: "origins in a database".
            _answer(search(" ".join(words), within=name) or search(" ".join(topic)))
        case _:
            _answer(search(" ".join(topic)))


def _answer(parts: Sequence[Part]) -> None:
    if not parts:
        click.echo("The manual has nothing about these words. To list its pages: corsguard manual", err=True)
        raise click.exceptions.Exit(Exit.BLOCKED)
    first, *others = parts[:_MOST_NAMED]
    _show_part(first)
    if others:
        click.echo("\nAlso:")
    for part in others:
        click.echo(f"  {part.page}: {part.title}")


def _show_part(part: Part) -> None:
    further = pointed_to(part)
    texts = [one.markdown for one in (part, further) if one is not None]
    pages = dict.fromkeys(one.page for one in (part, further) if one is not None)
    texts += [f"This is a part of the page `{page}`: `corsguard manual {page}`." for page in pages]
    show("\n\n".join(texts))


def show(markdown: str) -> None:
    """
    Print *markdown*: rendered on a terminal, unchanged in a pipe, except that a wide table becomes a list.
    """
    if sys.stdout.isatty():
        console = Console(theme=_THEME)
        page = _DrawnPage(
            with_fitting_tables(with_commands(markdown), console.width, is_rendered=True), hyperlinks=False
        )
        # Long lines are wrapped by the terminal, so they are still one line when they are copied.
        console.print(page, crop=False)
    else:
        click.echo(printable(with_fitting_tables(markdown, _WIDTH_OF_A_PIPE, is_rendered=False)))


class _DrawnCode(CodeBlock):
    """
    Code without a box around it, and without additional line ends.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = Syntax("", self.lexer_name, theme="ansi_dark").highlight(str(self.text).rstrip())
        code.rstrip()
        code.style, code.no_wrap, code.overflow = "cyan", True, "ignore"
        yield code


class _DrawnTable(TableElement):
    """
    A table in which no word is broken.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        head = self.header.row if self.header else None
        rows = [head, *(self.body.rows if self.body else ())]
        widths = widths_of([[cell.content.plain for cell in row.cells] for row in rows if row], options.max_width)
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                for column, width in zip(table.columns, widths or (), strict=False):
                    column.width = width
            yield table


class _DrawnPage(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = Markdown.elements | {
        "fence": _DrawnCode,
        "table_open": _DrawnTable,
    }
