"""
`corsguard manual`: a page of the manual, or the parts that speak of something. Offline.

This file reads the arguments, calls `corsguard.manual`, and prints what that returns.
"""

import sys
from collections.abc import Sequence
from typing import Final

import click
from rich.console import Console
from rich.markdown import Markdown

from corsguard.manual import CONTENTS, Part, page_of, search, topics

from .printing import Exit, printable

_MOST_NAMED: Final = 5


@click.command()
@click.argument("topic", nargs=-1, metavar="[PAGE] [WORDS]...")
def manual(topic: Sequence[str]) -> None:
    """
    Print a page of the manual, or the part that speaks of your words. Offline.

    \b
    corsguard manual
    corsguard manual start
    corsguard manual cookies are not sent
    corsguard manual gateways vary

    Without arguments, list the pages. With the name of a page, print that page. With other words, print the part of
    the manual that fits best, and name the next ones. Exit codes: 0 found, 1 nothing found.
    """
    match topic:
        case ():
            show(page_of(CONTENTS))
        case (name,) if name in topics():
            show(page_of(name))
        case (name, *words) if name in topics():
            # The name may be a word of the question: "origins in a database".
            _answer(search(" ".join(words), within=name) or search(" ".join(topic)))
        case _:
            _answer(search(" ".join(topic)))


def _answer(parts: Sequence[Part]) -> None:
    if not parts:
        click.echo("The manual does not speak of that. Its pages: corsguard manual", err=True)
        raise click.exceptions.Exit(Exit.BLOCKED)
    first, *others = parts[:_MOST_NAMED]
    show(f"{first.markdown}\n\nThis is a part of the page `{first.page}`: `corsguard manual {first.page}`.")
    if others:
        click.echo("\nAlso:")
    for part in others:
        click.echo(f"  {part.page}: {part.title}")


def show(markdown: str) -> None:
    """
    Print *markdown*: rendered on a terminal, as it is in a pipe.
    """
    if sys.stdout.isatty():
        Console().print(Markdown(markdown, hyperlinks=False))
    else:
        click.echo(printable(markdown))
