"""
`corsguard playground`: a page to write a policy and see what a real browser does under it.

This module reads the options, opens `corsguard.playground`, and prints its address.
"""

import logging
import signal
import threading

import click

from corsguard.playground import DEFAULT_PORT, opened, sample_named

from .printing import Output

_HIGHEST_PORT = 65533


@click.command(short_help="Try a policy in your own browser.")
@click.argument("policy", required=False)
@click.option(
    "--port",
    type=click.IntRange(0, _HIGHEST_PORT),
    default=DEFAULT_PORT,
    show_default=True,
    help="Use this port and the next two. 0 takes free ports.",
)
@click.option("--open", "opens", is_flag=True, help="Open the address in your browser.")
def playground(policy: str | None, *, port: int, opens: bool) -> None:
    """
    Write a policy, and see what your own browser does under it.

    \b
    corsguard playground                   begin with an example
    corsguard playground cors.toml         begin with a file, which is not changed
    corsguard playground shop:app --open   begin with an application's policy
    corsguard playground mysite.settings   begin with the policy of Django settings

    Everything runs on this machine. Only the printed address, with its token, opens the page. Stop it with Ctrl-C.

    Exit codes: 0 stopped with Ctrl-C; 2 usage, POLICY cannot be loaded, or a port is in use.
    """
    out = Output()
    own = None if policy is None else sample_named(policy)
    # Not logged, because refusals are what the user wants to see in the page.
    logging.getLogger("corsguard").addHandler(logging.NullHandler())
    try:
        with opened(port, own) as address:
            out.spans(("The playground is at ", "plain"), (address, "bold"))
            out.say("Ctrl-C stops it.", "dim")
            if opens:
                click.launch(address)
            _wait()
    except OSError as error:
        free = "Write --port 0 for any free ports."
        raise click.UsageError(
            f"The playground cannot listen on the ports {port} to {port + 2}: {error.strerror}. {free}"
        ) from None


def _wait() -> None:
    """
    Wait for Ctrl-C.
    """
    pressed = threading.Event()

    def press(*_: object) -> None:
        pressed.set()

    before = signal.signal(signal.SIGINT, press)
    try:
        # On Windows, a signal is handled only between two waits.
        while not pressed.wait(1):
            pass
    finally:
        signal.signal(signal.SIGINT, before)
