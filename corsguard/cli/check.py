"""
`corsguard check`: plays a browser against a server, an application or a HAR file, and says why a page is blocked.

This module reads the options, calls `corsguard.diagnosis`, and prints the result.
"""

import json
import os
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import click

from corsguard import diagnosis
from corsguard.browser.evidence import LONGEST_READ, as_shown, url_of, without_password
from corsguard.browser.fetching import Mode, RedirectMode
from corsguard.browser.urls import SOCKET_SCHEMES
from corsguard.browser.wire import Header
from corsguard.diagnosis import Diagnosis, Fault, HarReading, Malformed, Replay
from corsguard.diagnosis.checking import asked_of_application, confidential
from corsguard.diagnosis.checklist import Mark
from corsguard.diagnosis.commands import is_miswritten, shown_url, url_meant
from corsguard.diagnosis.handouts import handout, handout_of_har
from corsguard.diagnosis.objects import (
    application_near,
    is_module,
    load_application,
    names_module,
    names_object,
    refuse_python,
)
from corsguard.diagnosis.playing import Fetch
from corsguard.diagnosis.rehearsal import Rehearsal
from corsguard.errors import PolicyError
from corsguard.fixes import Part
from corsguard.names import EXAMPLE_ORIGIN

from .explain import say_changes
from .options import (
    connection_options,
    connections,
    cookie_options,
    credentials_option,
    headers_option,
    html_option,
    json_option,
    method_option,
    page_option,
    save,
    trust,
)
from .printing import Exit, Output, Style, printable

# The options that a WebSocket handshake does not have.
_OF_A_FETCH: Final = frozenset({"method", "headers", "json_body", "data", "mode", "redirect", "read", "preflight_only"})
_MARKS: Final[Mapping[Mark, Style]] = {"ok": "good", "NO": "bad", "??": "warning", "--": "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """
    The command's arguments, as click has read them.
    """

    target: str
    page: str | None
    url: str | None
    method: str | None
    headers: tuple[Header, ...]
    json_body: str | None
    data: str | None
    credentials: bool
    cookies: tuple[str, ...]
    set_cookies: tuple[str, ...]
    mode: Mode
    redirect: RedirectMode
    read: tuple[str, ...]
    protocols: tuple[str, ...]
    preflight_only: bool
    connect_to: tuple[str, ...]
    cacert: str | None
    timeout: float
    with_curl: bool
    har_file: str | None
    html_file: str | None


@click.command(short_help="Play a browser against a URL, an application or a HAR file.")
@click.argument("target")
@page_option("By default, the command assumes a page and names it.")
@click.option("--url", metavar="URL", help="Request this URL from an application. Default: https://api.example.com/")
@method_option("GET, or POST with a body")
@headers_option(needs_value=True)
@click.option("--json-body", metavar="JSON", help="Send this body as application/json.")
@click.option("--data", metavar="TEXT", help="Send this body as text/plain.")
@credentials_option()
@cookie_options()
@click.option(
    "--mode",
    type=click.Choice(["cors", "no-cors", "same-origin"]),
    default="cors",
    show_default=True,
    help="Fetch in this mode.",
)
@click.option(
    "--redirect",
    type=click.Choice(["follow", "error", "manual"]),
    default="follow",
    show_default=True,
    help="Handle redirects in this way.",
)
@click.option(
    "--read", multiple=True, metavar="NAME", help="Read this header of the response, as the page does. Repeatable."
)
@click.option(
    "--protocol", "protocols", multiple=True, metavar="NAME", help="Offer a subprotocol of a WebSocket. Repeatable."
)
@click.option("--preflight-only", is_flag=True, help="Send only the preflight.")
@connection_options()
@click.option("--curl", "with_curl", is_flag=True, help="Also print each request as a curl command.")
@click.option(
    "--har", "har_file", metavar="FILE", help="Save requests and responses as a HAR file, without secrets and bodies."
)
@html_option()
@json_option()
@click.pass_context
def check(ctx: click.Context, /, target: str, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - click's options
    """
    Play a browser against TARGET. Say why a page is blocked, and which line to change.

    TARGET is a URL, an application (module:app), or a HAR file from a browser's Network panel (*.har, *.har.gz). For a
    URL of ws:// or wss://, play the handshake of a WebSocket.

    \b
    corsguard check https://api.example.com/items --page https://app.example.com
    corsguard check https://api.example.com/items/1 -X PUT --json-body '{"a": 1}'
    corsguard check https://api.example.com/me --cookie sid=1 --read X-Total
    corsguard check shop.wsgi:application --url /items -H "X-Token: 1"
    corsguard check wss://api.example.com/feed --page https://app.example.com
    corsguard check failed.har

    The command sends what a browser sends: if the preflight for a PUT passes, it also sends the PUT (unless
    --preflight-only is set). After a preflight that a browser would refuse, it only sends GET, HEAD and OPTIONS. It
    repeats a GET for another page and without a page, to see whether a cache would confuse the answers.

    Exit codes: 0 the page may read the response; 1 it may not, there is a fault, or the HAR file does not show it; 2
    usage; 3 no response.
    """
    if target.lower().endswith((".har", ".har.gz")) or (target.lower().endswith(".zip") and "://" not in target):
        ctx.exit(_check_har(ctx, target, given["html_file"], Output(as_json=as_json)))
    options = _Options(target=target, **given)
    if _is_socket(options.url or target):
        _refuse_options(
            ctx,
            _OF_A_FETCH,
            "A WebSocket handshake is a GET without a body, which always has credentials. A page can only choose the "
            "URL and the subprotocols",
        )
    elif options.protocols:
        raise click.UsageError("Only a WebSocket has subprotocols: leave out --protocol, or write wss:// in the URL.")
    output = Output(as_json=as_json, secrets=confidential(options.headers, [*options.cookies, *options.set_cookies]))
    try:
        found = _found(options, output)
    except PolicyError:
        # The group of commands prints it, with the module that makes the policy.
        raise
    except ValueError as error:
        raise click.UsageError(printable(without_password(output.hidden(str(error))))) from None
    curls = found.curl(options.cacert) if options.with_curl else []
    if as_json:
        output.data(found.data() | ({"curl": curls} if curls else {}))
    else:
        _print(found, options.target, curls, output)
    if options.har_file is not None:
        _save(options.har_file, found)
    if options.html_file is not None:
        save(options.html_file, handout(found))
    ctx.exit(_exit_code(found))


def _found(options: _Options, output: Output) -> Diagnosis:
    """
    Return the result of the check. Raises ValueError if the options do not describe a request.
    """
    is_application = names_object(options.target) and not is_miswritten(options.target)
    url = _url(options, is_application=is_application)
    headers, body = _with_body(options)
    connect_to = connections(options.connect_to, url or options.target)
    if connect_to and is_application:
        raise click.UsageError("An application is called without a connection. Leave out --connect-to.")
    with output.progress("Loading the application"):
        target = load_application(options.target, options.timeout) if is_application else options.target
    # What an application prints is not our output.
    with output.progress("Requests sent") as progress, redirect_stdout(sys.stderr):
        return diagnosis.check(
            target,
            page=options.page,
            url=url,
            method=options.method,
            headers=headers,
            body=body,
            credentials=options.credentials,
            cookies=options.cookies,
            set_cookies=options.set_cookies,
            mode=options.mode,
            redirect=options.redirect,
            read=options.read,
            protocols=options.protocols,
            preflight_only=options.preflight_only,
            connect_to=connect_to,
            verify=True if is_application else trust(options.cacert),
            timeout=options.timeout,
            name=options.target,
            on_request=progress.advance,
        )


def _is_socket(text: str) -> bool:
    url = url_of(text)
    return url is not None and url.scheme in SOCKET_SCHEMES


def _refuse_options(ctx: click.Context, names: Collection[str | None], why: str) -> None:
    """
    Raise click.UsageError if one of the parameters *names* was given, and say *why* to leave it out.
    """
    given = [
        parameter.opts[-1]
        for parameter in ctx.command.params
        if parameter.name in names
        and ctx.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"{why}: leave out {', '.join(given)}.")


def _with_body(options: _Options) -> tuple[tuple[Header, ...], bytes | str | None]:
    if options.json_body is None:
        return options.headers, options.data
    if options.data is not None:
        raise click.UsageError("Expected --json-body or --data, got both.")
    is_typed = any(name.lower() == "content-type" for name, _ in options.headers)
    body = _json(options.json_body)
    return (options.headers if is_typed else (*options.headers, ("Content-Type", "application/json"))), body


def _json(text: str) -> bytes:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f'it is not JSON ({error}). Write --json-body \'{{"name": "value"}}\'.'
        raise click.BadParameter(message, param_hint="--json-body") from None
    return text.encode("utf-8", "replace")


def _url(options: _Options, *, is_application: bool) -> str | None:
    """
    Return the URL to request from an application, None if not given. If the target is not an application, make sure
    that it is a URL.
    """
    if is_application:
        try:
            if options.url is not None:
                asked_of_application(options.url)
        except ValueError as error:
            raise click.BadParameter(printable(str(error)), param_hint="--url") from None
        return options.url
    if "://" not in options.target or is_miswritten(options.target):
        _refuse_other_things(options.target)
        meant = url_meant(options.target)
        hint = "" if url_of(meant) is None else f" A URL begins with its scheme: {meant}"
        raise click.BadParameter(
            f"{options.target!r} is neither a URL, nor an application (module:app), nor a HAR file (*.har).{hint}",
            param_hint="TARGET",
        )
    if options.url is not None:
        raise click.UsageError("--url is only for an application; here, TARGET is the URL. Leave out --url.")
    if url_of(options.target) is None:
        raise click.BadParameter(f"{options.target!r} is not a URL: check the host and the port.", param_hint="TARGET")
    return None


def _refuse_other_things(target: str) -> None:
    """
    Raise click.UsageError if *target* belongs to another command, or is incomplete.
    """
    if len(target.split()) > 1 and not is_miswritten(target):
        raise click.UsageError(
            'This is most likely a message from a console: corsguard explain "..." says what it means.'
        )
    refuse_python(target, ":app")
    if os.path.isdir(target):  # noqa: PTH112 - it does not raise, whatever the text is
        raise click.UsageError(
            f"{as_shown(target)} is a folder: give a URL, an application (module:app) or a HAR file."
        )
    if target.endswith(".toml"):
        raise click.UsageError(
            f"{as_shown(target)} is a policy, which does not answer requests: give a URL or an application "
            f"(module:app). To ask the policy itself: corsguard explain {shlex.quote(as_shown(target))} --page "
            f"{EXAMPLE_ORIGIN}"
        )
    module, dot, attribute = target.rpartition(".")
    if dot and names_module(target) and is_module(module) and not is_module(target):
        raise click.UsageError(
            f"{target} is neither a URL nor an application. If {attribute} is an application in the module {module}, "
            f"write {module}:{attribute}."
        )
    if names_module(target) and is_module(target):
        raise click.UsageError(application_near(target))


# What is printed


def _exit_code(found: Diagnosis) -> Exit:
    if found.outcome.is_unreachable:
        return Exit.UNREACHABLE
    return Exit.BLOCKED if found.faults else Exit.FINE


def _what(asked: Fetch) -> str:
    return f"{as_shown(asked.method)} {shown_url(asked.url)}, requested by a page on {as_shown(asked.page_origin)}"


def _print(found: Diagnosis, name: str, curls: Sequence[str], output: Output) -> None:
    outcome = found.outcome
    style: Style = "good" if not found.faults else "bad" if outcome.is_blocked else "warning"
    output.spans((f"{found.verdict.upper()}: ", style), (_what(found.asked), "bold"))
    for line in found.assumed:
        output.say(f"Assumed: {line}", "warning")
    if found.rehearsal is not None:
        say_changes(output, found.rehearsal)
    if found.predecessor:
        output.say(f"  {name}: {found.predecessor}", "good")
    if found.beginning:
        output.say(f"  corsguard does not guard {name} yet. Begin with", "good")
    for line in found.beginning:
        output.say(f"    {line}", "good")
    _print_faults(found.faults, output, found.rehearsal)
    _print_warnings(outcome.warnings, output)
    if outcome.unseen:
        output.say(f"\nNot checked: {as_shown(outcome.unseen, LONGEST_READ)}", "warning")
    if found.look_alike:
        output.say(f"\n{found.look_alike}", "warning")
    output.say("\nChecked:", "bold")
    names = [f"{'  ' * row.is_part}{row.name}" for row in found.rows]
    width = max(map(len, names), default=0)
    for row, shown in zip(found.rows, names, strict=True):
        output.spans((f"  {row.mark}  ", _MARKS[row.mark]), (f"{shown:{width}}  {row.text}", "plain"))
    _print_exchanges(found, output)
    for line in curls:
        output.say(f"\n{line}")


def _print_faults(faults: Sequence[Fault], output: Output, rehearsal: Rehearsal | None = None) -> None:
    """
    Print *faults*; with a *rehearsal* the whole line of the policy has been said, and parts of it would mislead.
    """
    has_policy = rehearsal is not None
    said: set[tuple[Part, str]] = set() if rehearsal is None else {("words", rehearsal.unguarded)}
    number = 0
    for place, fault in enumerate(faults):
        if fault.follows:
            continue
        number += 1
        output.spans((f"\n{number}. ", "bold"), (fault.cause, "bold"))
        parts = [part for part in fault.fix.parts() if not (has_policy and part[0] == "policy")]
        if not _print_change(parts, said, output):
            output.say("   The change is the same as above.")
        followers = takewhile(lambda other: other.follows, faults[place + 1 :])
        # Only the lines to change, because the fault before has said who answered in place of the CORS layer.
        parts = [part for follower in followers for part in follower.fix.parts()]
        # What the page can leave out instead is nothing that the answer needs.
        told = [part for part in parts if part[0] not in {"words", "page"}]
        changes = [part for part in told if part not in said and not (has_policy and part[0] == "policy")]
        if changes:
            output.say("   When the page is allowed, the answer also needs this:")
            _print_change(changes, said, output)
        _print_consoles(fault, output, is_first=number == 1)


def _print_warnings(warnings: Sequence[Fault], output: Output) -> None:
    for warning in warnings:
        output.say(f"\nWarning: {warning.cause}", "warning")
        _print_change(warning.fix.parts(), set(), output)
        _print_consoles(warning, output, is_first=True)


def _print_change(parts: Sequence[tuple[Part, str]], said: set[tuple[Part, str]], output: Output) -> bool:
    """
    Print the *parts* of a fix that were not *said* yet, and return whether there was one.
    """
    new = [part for part in dict.fromkeys(parts) if part not in said]
    for part, line in new:
        if part == "words":
            output.say(f"   {line}")
        else:
            output.say(f"       {part + ':':8}{line}", "good")
    said |= {*new}
    return bool(new)


def _print_consoles(fault: Fault, output: Output, *, is_first: bool) -> None:
    consoles = (("Chromium", fault.chromium), ("Firefox", fault.firefox), ("Safari", fault.safari))
    # Consoles show only the first fault.
    for name, line in consoles if is_first else consoles[:1]:
        if line:
            output.say(f"   {name + ':':9} {line}", "dim")
    for note in fault.notes if is_first or not fault.chromium else ():
        output.say(f"   Note: {note}", "dim")


def _print_exchanges(found: Diagnosis, output: Output) -> None:
    if not found.outcome.exchanges:
        return
    output.say("\nOn the wire:", "bold")
    for title, lines in found.on_the_wire():
        output.say(title)
        for line in lines:
            output.say(line, "dim")


def _save(path: str, found: Diagnosis) -> None:
    try:
        Path(path).write_text(json.dumps(found.har(), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(f"{path!r} cannot be written: {error.strerror}.", param_hint="--har") from None


# HAR files


def _check_har(ctx: click.Context, path: str, html_file: str | None, output: Output) -> Exit:
    """
    Explain every request of the HAR file *path* that a browser blocked, write the page for other people to *html_file*,
    and return the exit code.
    """
    names = {parameter.name for parameter in ctx.command.params} - {"target", "as_json", "html_file"}
    _refuse_options(ctx, names, "A HAR file has its own requests")
    try:
        with output.progress("Requests read") as progress:
            reading = diagnosis.read_har(path, on_entry=progress.advance)
    except OSError as error:
        raise click.BadParameter(f"{path!r} cannot be read: {error.strerror}.", param_hint="TARGET") from None
    except Malformed as error:
        raise click.BadParameter(printable(str(error)), param_hint="TARGET") from None
    if output.as_json:
        output.data(reading.data())
    else:
        _print_replays(reading, output)
    if html_file is not None:
        save(html_file, handout_of_har(reading))
    return Exit.FINE if reading.is_fine else Exit.BLOCKED


def _print_replays(reading: HarReading, output: Output) -> None:
    found = reading.requests
    style: Style = "bad" if reading.blocked or reading.failed else "warning" if reading.unclear else "good"
    output.spans((reading.verdict, style), (f" in {reading.file} ({reading.entries} entries)", "bold"))
    for replay in found:
        entry, mark = replay.entry, replay.mark
        answers = [entry.response, *(hop.response for hop in replay.further_hops)]
        status = " -> ".join("no response" if answer is None else str(answer.status) for answer in answers)
        why = f"  {replay.outcome.faults[0].code}" if replay.outcome.faults else ""
        if replay.with_credentials:
            why = f"  ok without credentials; blocked with: {replay.with_credentials[0].code}"
        what = f"{as_shown(entry.request.method)} {shown_url(entry.request.url)}  {status}{why}"
        output.spans((f"  {mark}  ", _MARKS[mark]), (what, "plain"))
    if reading.unjudged:
        output.say(f"\n{reading.unjudged}", "warning")
    for replay, times in reading.failures:
        _print_replay(replay, times, output)


def _print_replay(replay: Replay, times: int, output: Output) -> None:
    outcome = replay.outcome
    often = f" ({times} times)" if times > 1 else ""
    output.spans((f"\n{replay.verdict.upper()}: ", "bad"), (f"{_what(replay.asked)}{often}", "bold"))
    for line in replay.assumed:
        output.say(f"Assumed: {line}", "warning")
    if replay.error and outcome.faults:
        output.say(f"The file says: {as_shown(replay.error, LONGEST_READ)}", "dim")
    _print_faults(outcome.faults or replay.with_credentials, output)
    _print_warnings(outcome.warnings, output)
    if replay.is_unclear:
        output.say(as_shown(replay.why_unclear, LONGEST_READ))
    for line in replay.advice:
        output.say(f"   {line}", "good")
