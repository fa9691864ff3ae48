"""
`corsguard export`: a policy written out for the software in front of the application.

This file reads the options, asks `corsguard.gateways`, and writes what that returns.
"""

from collections.abc import Mapping
from pathlib import Path

import click

from corsguard.diagnosis.guarded import FORMS, load_guarded
from corsguard.gateways import TARGETS, Source
from corsguard.gateways import export as exported

from .printing import Exit, Output, printable


@click.command(
    short_help="Write a policy as configuration for a gateway.",
    epilog=f"\b\nTARGET is one of\n  {', '.join(TARGETS)}\n\n\b\nPOLICY is one of\n{FORMS}",
)
@click.argument("target")
@click.argument("policy")
@click.option("--environment", "--env", metavar="NAME", help="Choose an environment of the TOML file.")
@click.option(
    "--mount", default="", metavar="PATH", help="Name the path where the application is mounted, such as /app."
)
@click.option("-o", "--output", metavar="DIR", help="Write the files into DIR. Without it, print them.")
@click.option("--check", is_flag=True, help="Write nothing. End with 1 if a file in DIR is missing or stale.")
def export(  # noqa: PLR0913, PLR0917 - the options of the command
    target: str,
    policy: str,
    environment: str | None,
    mount: str,
    output: str | None,
    check: bool,  # noqa: FBT001 - click passes flags by name
) -> None:
    """
    Write POLICY as configuration for TARGET, the gateway in front of the application.

    With these files TARGET answers as the guard does. Comments say how to include them. If TARGET cannot do that
    exactly, the command prints all reasons and writes nothing.

    \b
    corsguard export nginx cors.toml --environment production -o /etc/nginx/corsguard
    corsguard export nginx cors.toml -o deploy/corsguard --check    for CI and pre-commit
    corsguard export caddy shop:app

    Exit codes: 0 fine; 1 a file is stale; 2 usage, or the policy cannot be exported.
    """
    if check and output is None:
        raise click.UsageError("--check compares the files in a folder. Write -o DIR, too.")
    guarded = load_guarded(policy, environment)
    source = Source(policy, environment, mount, guarded.tagged)
    files = exported(target, guarded.policies, source)
    out = Output()
    if output is None:
        _show(out, files)
    elif check:
        _compare(out, Path(output), files)
    else:
        _save(out, Path(output), files)


def _show(out: Output, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        if len(files) > 1:
            out.say(f"==> {name} <==", "bold")
        click.echo(text, nl=False)


def _compare(out: Output, folder: Path, files: Mapping[str, str]) -> None:
    stale = [name for name, text in files.items() if _read(folder / name) != text]
    for name in stale:
        out.spans((f"{printable(str(folder / name))}: ", "bold"), ("stale. ", "bad"), ("Write it again.", "plain"))
    if stale:
        raise click.exceptions.Exit(Exit.BLOCKED)
    out.spans((f"{printable(str(folder))}: ", "bold"), ("up to date.", "good"))


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _save(out: Output, folder: Path, files: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{printable(repr(str(folder)))} cannot be written: {error.strerror}."
        raise click.BadParameter(message, param_hint="-o") from None
    for name in files:
        out.say(printable(str(folder / name)))
