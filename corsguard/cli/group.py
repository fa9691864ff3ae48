"""
The group of all commands: how they end, and which errors all of them handle.
"""

import os
import sys
import threading
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from typing import Any, Final

import click

from corsguard.diagnosis import LoadError
from corsguard.errors import PolicyError

from .printing import Exit, printable

# In the order in which a developer needs them. Each is in the module of its name.
_COMMANDS: Final = ("explain", "check", "lint", "audit", "export", "move", "playground", "manual")
# Seconds.
_LONGEST_END: Final = 3.0
_EPILOG: Final = """\
\b
Exit codes: 0 fine, 1 blocked or findings, 2 usage, 3 no response,
4 not judged, 130 interrupted.
Each command shows examples: corsguard check --help
"""


class _Group(click.Group):
    """
    Loads a command when it is asked for, because all of them together take a second to load, and handles the errors
    that all commands share.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [*_COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(f"{__package__}.{cmd_name}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's signature
        try:
            return super().invoke(ctx)
        except (LoadError, PolicyError) as error:
            # Which module makes the policy.
            notes = getattr(error, "__notes__", ())
            raise click.UsageError(printable(": ".join([*notes, str(error)]))) from error
        except KeyboardInterrupt:
            # Click's exit code would be that of findings.
            click.echo("Interrupted.", err=True)
            ctx.exit(Exit.INTERRUPTED)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(version("corsguard"), "-V", "--version")
def group() -> None:
    """
    Find out why a page was "blocked by CORS policy", and which line to change.

    \b
    corsguard explain "Access to fetch at ... has been blocked by CORS policy ..."
    corsguard check   https://api.example.com/items --page https://app.example.com
    corsguard lint    cors.toml
    corsguard audit   https://api.example.com/items
    corsguard export  nginx cors.toml
    corsguard move    shop:app
    corsguard playground
    corsguard manual  cookies are not sent
    """


def main() -> None:
    """
    Run the command in the arguments of this process, and exit with its code.
    """
    try:
        group(prog_name="corsguard")
    except SystemExit as end:
        if threading.active_count() > 1 and isinstance(end.code, int):
            _end_soon(end.code)
        raise


def _end_soon(code: int) -> None:
    """
    End the process with *code* if Python does not: it waits for threads, and an application that was checked may have
    left one behind that does not end.
    """
    with suppress(OSError):
        sys.stdout.flush()
    watchdog = threading.Timer(_LONGEST_END, os._exit, [code])
    watchdog.daemon = True
    watchdog.start()
