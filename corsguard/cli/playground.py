"""
`corsguard playground`: a page where one writes a policy and watches what a real browser does under it.

This file reads the options, opens `corsguard.playground`, and prints its address.
"""

import logging
import signal
import threading

import click

from corsguard.playground import DEFAULT_PORT, opened, sample_named

from .printing import Output

_HIGHEST_PORT = 65533


@click.command(short_help="Let your own browser try a policy.")
@click.argument("policy", required=False)
@click.option(
    "--port",
    type=click.IntRange(0, _HIGHEST_PORT),
    default=DEFAULT_PORT,
    show_default=True,
    help="Say the port of the page. Its pages and its server have the two next ones. 0 takes any free ones.",
)
@click.option("--open", "opens", is_flag=True, help="Open the address in your browser.")
def playground(policy: str | None, *, port: int, opens: bool) -> None:
    """
    Write a policy, and watch what your own browser does under it, next to what the model says.

    \b
    corsguard playground                     begin with an example
    corsguard playground cors.toml           begin with a file, which is never written
    corsguard playground shop:app --open     begin with the policies of an application
    corsguard playground mysite.settings     begin with those of Django settings

    The page, the pages that send requests and the guarded server are all on this machine, and nothing leaves it. Nobody
    else can use the page without the token in its address. Ctrl-C stops everything.

    Exit codes: 0 stopped with Ctrl-C; 2 usage, what cannot be loaded, or a port that is in use.
    """
    out = Output()
    own = None if policy is None else sample_named(policy)
    # What is refused there is what somebody wants to see refused.
    logging.getLogger("corsguard").addHandler(logging.NullHandler())
    try:
        with opened(port, own) as address:
            out.spans(("The playground is at ", "plain"), (address, "bold"))
            out.say("Ctrl-C stops it.", "dim")
            if opens:
                click.launch(address)
            _wait()
    except OSError as error:
        free = "--port 0 takes any free ones."
        raise click.UsageError(f"Ports {port} to {port + 2} cannot be listened on: {error.strerror}. {free}") from None


def _wait() -> None:
    """
    Return when somebody presses Ctrl-C.
    """
    pressed = threading.Event()

    def press(*_: object) -> None:
        pressed.set()

    before = signal.signal(signal.SIGINT, press)
    try:
        # Windows hears of a signal only between two waits.
        while not pressed.wait(1):
            pass
    finally:
        signal.signal(signal.SIGINT, before)
