"""
`corsguard move`: what another library of CORS says in an application, in our words, ready to paste.

This file reads the options, asks `corsguard.diagnosis.translating`, and prints what that says.
"""

from textwrap import wrap
from typing import Final

import click

from corsguard.diagnosis.translating import Moving, moving_of

from .options import json_option
from .printing import Exit, Output, printable

# That of the comments in a translation.
_WIDTH: Final = 96
_LOOKED_FOR: Final = (
    "CORS(...) and @cross_origin(...) of flask-cors",
    "the middleware and the CORS_* settings of django-cors-headers",
    "CORSMiddleware of Starlette and FastAPI, also in what is mounted",
)
_BY_HAND: Final = (
    "Headers that are written by hand are not seen. The page corsguard/manual/headers-by-hand.md says how to find them."
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
    corsguard move shop:app                 an application of Flask, FastAPI, Starlette or Django
    corsguard move "shop:create_app()"      what a factory returns
    corsguard move mysite.settings          Django settings

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
    out.say(f"{found.target}: no other library of CORS was found.{guarded} Looked for:", "warning")
    for text in _LOOKED_FOR:
        out.say(f"  {text}")
    out.say(_BY_HAND)
