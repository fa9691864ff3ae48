"""
`corsguard export`: writes a policy as configuration for the software in front of the application.

This module reads the options, calls `corsguard.gateways`, and writes the result.
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
    epilog=f"TARGET is one of {', '.join(TARGETS)}.\n\n\b\nPOLICY is one of\n{FORMS}",
)
@click.argument("target")
@click.argument("policy")
@click.option("--environment", "--env", metavar="NAME", help="Choose an environment of the TOML file.")
@click.option(
    "--mount", default="", metavar="PATH", help="Set the path where the application is mounted, such as /app."
)
@click.option("-o", "--output", metavar="DIR", help="Write the files into DIR. By default, print them.")
@click.option("--check", is_flag=True, help="Do not write. Exit with 1 if a file in DIR is missing or outdated.")
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

    With these files, TARGET answers exactly as the guard does. Comments in them say how to include them. If TARGET
    cannot do that, the command prints all reasons and writes nothing.

    \b
    corsguard export nginx cors.toml --env production -o /etc/nginx/corsguard
    corsguard export nginx cors.toml -o deploy/corsguard --check
    corsguard export caddy shop:app

    Use --check in CI and in pre-commit hooks. Exit codes: 0 fine; 1 a file is missing or outdated; 2 usage, or the
    policy cannot be exported.
    """
    if check and output is None:
        raise click.UsageError("--check compares the files in a folder. Add -o DIR.")
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
        out.spans(
            (f"{printable(str(folder / name))}: ", "bold"),
            ("outdated. ", "bad"),
            ("Write it again, without --check.", "plain"),
        )
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
