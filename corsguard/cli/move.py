"""
`corsguard move`: translates the settings of another CORS library in an application, ready to paste.

This module reads the options, calls `corsguard.diagnosis.translating`, and prints the result.
"""

from textwrap import wrap
from typing import Final

import click

from corsguard.diagnosis.translating import Moving, moving_of

from .options import json_option
from .printing import Exit, Output, printable

# The width of the comments in a translation.
_WIDTH: Final = 96
_LOOKED_FOR: Final = (
    "CORS(...) and @cross_origin(...) of flask-cors",
    "the middleware and the CORS_* settings of django-cors-headers",
    "CORSMiddleware of Starlette and FastAPI, also in mounted applications",
)
_BY_HAND: Final = (
    "The command does not find headers that your own code sets. How to find them: corsguard manual headers-by-hand"
)


@click.command(short_help="Translate the configuration of another CORS library.")
@click.argument("target")
@json_option()
def move(target: str, *, as_json: bool) -> None:
    """
    Translate the configuration of another CORS library in TARGET, ready to paste.

    TARGET is an application, or a Django settings module. The command loads it and sends no request to it. It knows
    flask-cors, django-cors-headers, and the CORSMiddleware of Starlette and FastAPI.

    \b
    corsguard move shop:app              a Flask, FastAPI or Django application
    corsguard move "shop:create_app()"   the result of a factory
    corsguard move mysite.settings       Django settings

    Exit codes: 0 a translation is printed; 1 nothing was found, or a part cannot be read; 2 usage, or TARGET cannot be
    loaded.
    """
    out = Output(as_json=as_json)
    with out.progress(f"Loading {printable(target)}"):
        found = moving_of(target)
    if as_json:
        out.data(found.data())
    else:
        _print(out, found)
    if found.unread or not found.moves:
        raise click.exceptions.Exit(Exit.BLOCKED)


def _print(out: Output, found: Moving) -> None:
    for one in found.moves:
        out.say(f"# {printable(one.library)}. {printable(one.place)}", "bold")
        out.say(f"{printable(str(one.translation))}\n")
    for text in (*found.hints, *found.unread):
        for line in wrap(printable(text), _WIDTH, break_long_words=False, break_on_hyphens=False):
            out.say(f"# {line}", "warning")
    if found.moves or found.unread:
        return
    guarded = " corsguard guards it." if found.is_guarded else ""
    out.say(f"{found.target}: no other CORS library was found.{guarded} The command looked for:", "warning")
    for text in _LOOKED_FOR:
        out.say(f"  {text}")
    out.say(_BY_HAND)
