"""
`corsguard check`: plays a browser against a server, an application or a HAR file, and says why a page gets nothing.

It reads the arguments and prints; what is wrong the model of a browser says (`faults`), and a list of what to look at
beside it (`checklist`).
"""

import json
import re
import shlex
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

import click

from corsguard.browser import Application, Failure, LiveTransport, Reason, Transport, origin_of
from corsguard.browser.evidence import LONGEST_READ, as_shown, url_of, without_password
from corsguard.browser.exchanges import SECRET_HEADERS, on_the_wire, shown
from corsguard.browser.fetching import Mode, RedirectMode
from corsguard.browser.reasons import REASONS
from corsguard.browser.transports import transport_for
from corsguard.browser.wire import Header
from corsguard.fixes import Part
from corsguard.names import EXAMPLE_ORIGIN
from corsguard.origin import NULL

from . import har
from .checklist import Row, beside, checklist, look_alike, resolved_space
from .connecting import PUBLIC_HEADERS, authority, checked_address, secrets_of, trust
from .curl import curl, variable
from .explain import change_data, say_changes
from .faults import Asked, Fault, Outcome, play
from .loading import Guard, check_origin, framework_of, guard_of, is_module, load_application, refuse_python
from .messages import assumed_page
from .printing import Exit, Output, Style, printable
from .rehearsal import Asked as Request
from .rehearsal import Rehearsal, rehearse

_APPLICATION_URL: Final = "https://api.example.com/"

_APPLICATION: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(\(\))?", re.ASCII)
_MODULE: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
_MARKS: Final[Mapping[str, Style]] = {"ok": "good", "NO": "bad", "??": "warning", "--": "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """
    What one check has to say; *secrets* are the names, in lower case, of headers whose values are not shown.

    *rehearsal* is what the policy of an application says of the request, if that is why it is blocked; *beginning* is
    what an application without a policy begins with.
    """

    asked: Asked
    outcome: Outcome
    faults: Sequence[Fault]
    rows: Sequence[Row]
    assumed: Sequence[str]
    curls: Sequence[str]
    secrets: frozenset[str]
    rehearsal: Rehearsal | None
    beginning: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """
    The command's arguments, as click has read them.
    """

    target: str
    page: str | None
    origin: str | None
    url: str | None
    method: str | None
    headers: tuple[str, ...]
    json_body: str | None
    data: str | None
    credentials: bool
    cookies: tuple[str, ...]
    mode: Mode
    redirect: RedirectMode
    read: tuple[str, ...]
    preflight_only: bool
    connect_to: tuple[str, ...]
    cacert: str | None
    timeout: float
    with_curl: bool
    har_file: str | None

    @property
    def is_application(self) -> bool:
        return _APPLICATION.fullmatch(self.target) is not None


@click.command
@click.argument("target")
@click.option("--page", metavar="URL", help="The page that asks. Without it, one is assumed and named.")
@click.option("--origin", metavar="ORIGIN", help='The page\'s origin, if not that of its URL: "null" in a sandbox.')
@click.option("--url", metavar="URL", help=f"What is asked for, of an application. Default: {_APPLICATION_URL}")
@click.option("-X", "--method", metavar="METHOD", help="Default: GET, or POST with a body.")
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar='"NAME: VALUE"',
    help="Its value, of 4 characters or more, is not shown.",
)
@click.option("--json-body", metavar="JSON", help="The body, sent as application/json.")
@click.option("--data", metavar="TEXT", help="The body, sent as text/plain.")
@click.option("--credentials", is_flag=True, help='As credentials: "include", or XMLHttpRequest\'s withCredentials.')
@click.option(
    "--cookie",
    "cookies",
    multiple=True,
    metavar='"NAME=VALUE; ..."',
    help='A cookie that the server has set, such as "sid=1; SameSite=None; Secure"; not shown. Brings --credentials.',
)
@click.option("--mode", type=click.Choice(["cors", "no-cors", "same-origin"]), default="cors", show_default=True)
@click.option("--redirect", type=click.Choice(["follow", "error", "manual"]), default="follow", show_default=True)
@click.option("--read", multiple=True, metavar="NAME", help="A response header that the page reads.")
@click.option("--preflight-only", is_flag=True, help="Send the preflight and nothing else.")
@click.option(
    "--connect-to",
    multiple=True,
    metavar="[HOST=]ADDRESS:PORT",
    help="Where to connect to instead of the URL's host, or of HOST.",
)
@click.option("--cacert", metavar="FILE", help="The certificates to trust, as PEM.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=10.0, show_default=True, metavar="S")
@click.option("--curl", "with_curl", is_flag=True, help="Print each exchange as a curl command, too.")
@click.option("--har", "har_file", metavar="FILE", help="Save the exchanges as HAR; secrets and bodies are left out.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def check(ctx: click.Context, /, target: str, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - click's options
    """
    Play a browser against TARGET and say why a page is blocked, and which line to change.

    TARGET is a URL, an application (module:app), or a HAR file from a browser's Network panel (*.har).

    \b
    corsguard check https://api.example.com/items --page https://app.example.com
    corsguard check https://api.example.com/items/1 --page https://app.example.com -X PUT --json-body '{"a": 1}'
    corsguard check https://api.example.com/me --credentials --cookie "sid=1; SameSite=None; Secure" --read X-Total
    corsguard check shop.wsgi:application --url https://api.example.com/items -H "Authorization: Bearer 1"
    corsguard check failed.har

    Sent is what a browser sends: if the preflight for a PUT passes, the PUT goes out, too (--preflight-only stops
    before). After a preflight that a browser would refuse, nothing follows but GET, HEAD and OPTIONS. A GET is repeated
    as another page and as none, to see what a cache would give to whom.

    Exit codes: 0 the page may read it, 1 it may not or something is wrong, 2 usage, 3 no response.
    """
    if target.lower().endswith(".har"):
        ctx.exit(_check_har(ctx, target, Output(as_json=as_json)))
    options = _Options(target=target, **given)
    output = Output(as_json=as_json, secrets=_secrets(options))
    try:
        report = _run(options, output)
    except ValueError as error:
        raise click.UsageError(printable(without_password(output.hidden(str(error))))) from None
    if as_json:
        output.data(_as_data(report, output))
    else:
        _print(report, output)
    if options.har_file is not None:
        _save(options.har_file, report, output)
    ctx.exit(_exit_code(report))


def _run(options: _Options, output: Output) -> _Report:
    """
    Return what comes of the check. Raises ValueError for what is no request.
    """
    asked, assumed = _asked(options)
    connect_to = _connect_to(options, asked.url)
    with ExitStack() as stack:
        with output.progress("Loading the application"):
            application = load_application(options.target) if options.is_application else None
        transport = transport_for(application) if application else _live(options, connect_to, stack)
        progress = stack.enter_context(output.progress("Requests sent"))
        outcome = play(
            asked, transport, preflight_only=options.preflight_only, hide=output.hidden, on_request=progress.advance
        )
        probe = None if options.preflight_only else transport
        faults = [*outcome.faults, *beside(asked, outcome, options.read, probe, output.hidden)]
    guard = None if application is None else guard_of(options.target, application)
    rows = [*checklist(asked, outcome, faults, output.hidden)]
    if not options.is_application and not connect_to:
        space = resolved_space(asked.url, asked.page_origin, _addresses(asked.url))
        rows += [] if space is None else [space]
    secrets = frozenset(name.lower() for name, _ in _secret_headers(options)) | SECRET_HEADERS
    curls = [
        curl(exchange.request, secrets, connect_to=connect_to, cacert=options.cacert)
        for exchange in outcome.exchanges
        if options.with_curl
    ]
    return _Report(
        asked=asked,
        outcome=outcome,
        faults=faults,
        rows=rows,
        assumed=assumed,
        curls=curls,
        secrets=secrets,
        rehearsal=_rehearsed(guard, asked) if outcome.is_blocked else None,
        beginning=_beginning(options.target, application, faults) if guard is None else (),
    )


def _rehearsed(guard: Guard | None, asked: Asked) -> Rehearsal | None:
    """
    Return what *guard* says of a request that was blocked, if it refuses it.
    """
    url = url_of(asked.url)
    if guard is None or url is None or asked.mode != "cors":
        return None
    path = url.href.removeprefix(url.origin)
    with_credentials = asked.credentials == "include"
    rehearsal = rehearse(guard, Request(asked.page_origin, asked.method, path, asked.headers, with_credentials))
    return None if rehearsal.error is None else rehearsal


def _beginning(name: str, application: Application | None, faults: Sequence[Fault]) -> Sequence[str]:
    """
    Return the lines that an application of a known framework lacks, if it shares nothing yet.
    """
    form = None if application is None else framework_of(application)
    failure = faults[0].failure if faults else None
    if form is None or failure is None or failure.reason is not Reason.MISSING_ALLOW_ORIGIN:
        return ()
    fix = replace(faults[0].fix, form=form)
    return (f"  Nothing of corsguard guards {name}. Begin with", *(f"    {line}" for line in fix.begun()))


def _asked(options: _Options) -> tuple[Asked, list[str]]:
    """
    Return what the page asks for, and what was not said and therefore assumed.
    """
    url = _target_url(options)
    headers, assumed = [_header(line) for line in options.headers], list[str]()
    body: bytes | str | None = options.data
    if options.json_body is not None:
        if options.data is not None:
            raise click.UsageError("--json-body and --data are two bodies: give one of them.")
        body = _json(options.json_body)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", "application/json"))
    if options.origin is not None:
        check_origin(options.origin)
    if options.is_application and options.url is None:
        assumed.append(f"a request for {url} (--url says which)")
    if options.page is None and options.origin not in {None, NULL}:
        page = f"{options.origin}/"
    elif options.page is None:
        page = assumed_page(url)
        assumed.append(f"a page on {origin_of(page)} (--page says which)")
    else:
        page = options.page
    return Asked(
        page=page,
        url=url,
        method=options.method or ("GET" if body is None else "POST"),
        headers=tuple(headers),
        body=body,
        credentials="include" if options.credentials or options.cookies else "same-origin",
        mode=options.mode,
        redirect=options.redirect,
        cookies=options.cookies,
        origin=options.origin,
    ), assumed


def _target_url(options: _Options) -> str:
    if options.is_application:
        url = url_of(options.url or "", url_of(_APPLICATION_URL))
        if url is None:
            raise click.BadParameter(f"{options.url!r} is no URL, such as {_APPLICATION_URL}items.", param_hint="--url")
        return url.href
    if options.url is not None:
        raise click.UsageError("--url says what is asked of an application; TARGET is the URL here. Leave out --url.")
    if "://" not in options.target:
        _refuse_other_things(options.target)
        near = options.target if options.target[:1] not in {"/", "."} else f"localhost:8000{options.target.lstrip('.')}"
        scheme = "http" if near.startswith(("localhost", "127.")) else "https"
        raise click.BadParameter(
            f"{options.target!r} is neither a URL, nor an application (module:app), nor a HAR file (*.har). A URL "
            f"begins with its scheme: {scheme}://{near}",
            param_hint="TARGET",
        )
    if url_of(options.target) is None:
        raise click.BadParameter(f"{options.target!r} is no URL: compare host and port.", param_hint="TARGET")
    return options.target


def _refuse_other_things(target: str) -> None:
    """
    Raise click.UsageError if *target* is what another command takes, or a part of what this one takes.
    """
    if len(target.split()) > 1:
        raise click.UsageError(
            'That is a message from a console, most likely: corsguard explain "..." says what it means.'
        )
    refuse_python(target, ":app")
    if target.endswith(".toml"):
        raise click.UsageError(
            f"{as_shown(target)} is a policy, and answers nothing: name a URL or an application (module:app); or ask "
            f"the policy itself, corsguard explain {shlex.quote(as_shown(target))} --origin {EXAMPLE_ORIGIN}"
        )
    if _MODULE.fullmatch(target) and is_module(target):
        beside = f"{target.rpartition('.')[0]}.wsgi"
        near = f"{beside}:application" if is_module(beside) else f"{target}:app, or '{target}:create_app()'"
        raise click.UsageError(f"{target} is a module, and no application. Name one, such as {near}.")


def _header(line: str) -> Header:
    name, colon, value = line.partition(":")
    if not colon:
        # What it says may be a secret.
        raise click.BadParameter('one has no colon. Write --header "X-Token: 1".', param_hint="--header")
    return name.strip(), value.strip()


def _json(text: str) -> bytes:
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f'it is no JSON ({error}). Write --json-body \'{{"name": "value"}}\'.'
        raise click.BadParameter(message, param_hint="--json-body") from None
    return text.encode("utf-8", "replace")


def _connect_to(options: _Options, url: str) -> Mapping[str, str]:
    target = url_of(url)
    found: dict[str, str] = {}
    for text in options.connect_to:
        host, equals, address = text.rpartition("=")
        own = "" if target is None else authority(target)
        found[host if equals else own] = checked_address(address, "[HOST=]ADDRESS:PORT")
    if found and options.is_application:
        raise click.UsageError("An application is called, and connected to nowhere. Leave out --connect-to.")
    return found


def _live(options: _Options, connect_to: Mapping[str, str], stack: ExitStack) -> Transport:
    verify = trust(options.cacert)
    return stack.enter_context(LiveTransport(verify=verify, timeout=options.timeout, connect_to=connect_to))


def _addresses(url: str) -> list[str]:
    target = url_of(url)
    if target is None:
        return []
    try:
        found = socket.getaddrinfo(target.host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for *_, address in found]


# Secrets


def _secret_headers(options: _Options) -> list[Header]:
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in options.headers)]
    return [(name, value) for name, value in headers if name.lower() not in PUBLIC_HEADERS]


def _secrets(options: _Options) -> Iterator[str]:
    cookies = [("Cookie", line.partition(";")[0]) for line in options.cookies]
    return secrets_of([*_secret_headers(options), *cookies])


# What is printed


def _exit_code(report: _Report) -> Exit:
    if report.outcome.is_unreachable:
        return Exit.UNREACHABLE
    return Exit.BLOCKED if report.faults else Exit.FINE


def _verdict(report: _Report) -> str:
    outcome = report.outcome
    first = outcome.faults[0].failure if outcome.faults else None
    if outcome.is_unreachable:
        return "no response"
    if first is not None:
        return _verdict_on(first)
    if outcome.response is None:
        return "the preflight passes" if outcome.exchanges else "it needs no preflight"
    if not outcome.is_readable:
        return "opaque, so nothing can be read"
    return "readable, but not in order" if report.faults else "readable"


def _verdict_on(failure: Failure | None) -> str:
    is_cors = failure is not None and REASONS[failure.reason].kind == "cors"
    return "blocked" if is_cors else "failed, and this is not CORS"


def _print(report: _Report, output: Output) -> None:
    asked, outcome = report.asked, report.outcome
    style: Style = "good" if not report.faults else "bad" if outcome.is_blocked else "warning"
    what = f"{as_shown(asked.method)} {_url(asked.url)}, asked by a page on {as_shown(asked.page_origin)}"
    output.spans((f"{_verdict(report).upper()}: ", style), (what, "bold"))
    for line in report.assumed:
        output.say(f"Assumed: {line}", "warning")
    if report.rehearsal is not None:
        say_changes(output, report.rehearsal)
    for line in report.beginning:
        output.say(line, "good" if line.startswith(" ") else "plain")
    _print_faults(report.faults, output, has_policy=report.rehearsal is not None)
    if outcome.unseen:
        output.say(f"\nNot looked at: {as_shown(outcome.unseen, LONGEST_READ)}", "warning")
    beyond = look_alike(outcome)
    if beyond:
        output.say(f"\n{beyond}", "warning")
    output.say("\nChecked:", "bold")
    width = max((len(row.name) for row in report.rows), default=0)
    for row in report.rows:
        output.spans((f"  {row.mark}  ", _MARKS[row.mark]), (f"{row.name:{width}}  {row.text}", "plain"))
    _print_exchanges(report, output)
    for line in report.curls:
        output.say(f"\n{line}")


def _print_faults(faults: Sequence[Fault], output: Output, *, has_policy: bool = False) -> None:
    """
    Print *faults*; with *has_policy* the whole line of the policy has been said, and parts of it would mislead.
    """
    said: set[tuple[Part, str]] = set()
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
        # Only the lines to change: who answered in place of a CORS layer has been said.
        told = [part for follower in followers for part in follower.fix.parts() if part[0] != "words"]
        changes = [part for part in told if part not in said and not (has_policy and part[0] == "policy")]
        if changes:
            output.say("   What lets the page in then has to say this, too:")
            _print_change(changes, said, output)
        _print_consoles(fault, output, is_first=number == 1)


def _print_change(parts: Sequence[tuple[Part, str]], said: set[tuple[Part, str]], output: Output) -> bool:
    """
    Print those *parts* of a fix that were not *said*, and return whether there was one.
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
    # What the consoles show is the first fault.
    for name, line in consoles if is_first else consoles[:1]:
        if line:
            output.say(f"   {name + ':':9} {line}", "dim")
    for note in fault.notes if is_first or not fault.chromium else ():
        output.say(f"   Note: {note}", "dim")


def _print_exchanges(report: _Report, output: Output) -> None:
    if not report.outcome.exchanges:
        return
    output.say("\nOn the wire:", "bold")
    for title, lines in on_the_wire(report.outcome.exchanges, secrets=report.secrets, hide=output.hidden):
        output.say(title)
        for line in lines:
            output.say(line, "dim")


def _url(text: str) -> str:
    return as_shown(without_password(text), LONGEST_READ)


def _as_data(report: _Report, output: Output) -> dict[str, Any]:
    asked, outcome = report.asked, report.outcome
    return {
        "verdict": _verdict(report),
        "is_readable": outcome.is_readable,
        "page": _url(asked.page),
        "origin": asked.page_origin,
        "url": _url(asked.url),
        "method": asked.method,
        "credentials": asked.credentials,
        "assumed": [*report.assumed],
        "faults": [_fault_data(fault) for fault in report.faults],
        "changes": [] if report.rehearsal is None else [*map(change_data, report.rehearsal.changes)],
        "unseen": outcome.unseen,
        "look_alike": look_alike(outcome),
        "console": [*outcome.console],
        "checked": [{"mark": row.mark, "name": row.name.strip(), "text": row.text} for row in report.rows],
        "exchanges": [
            shown(exchange, secrets=report.secrets, hide=output.hidden).data for exchange in outcome.exchanges
        ],
        **({"curl": [*report.curls]} if report.curls else {}),
    }


def _fault_data(fault: Fault) -> dict[str, Any]:
    return {
        "code": fault.code,
        "cause": fault.cause,
        "fix": fault.fix.data(),
        "step": fault.step,
        "chromium": fault.chromium,
        "firefox": fault.firefox,
        "safari": fault.safari,
        "notes": [*fault.notes],
        "follows": fault.follows,
        "is_preflight": fault.failure is not None and fault.failure.is_preflight,
    }


def _save(path: str, report: _Report, output: Output) -> None:
    document = har.written(report.outcome.exchanges, report.secrets, output.hidden)
    try:
        Path(path).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise click.BadParameter(f"{path!r} cannot be written: {error.strerror}.", param_hint="--har") from None


# HAR files


def _check_har(ctx: click.Context, path: str, output: Output) -> Exit:
    """
    Explain every request of the HAR file *path* that a browser blocked, and return the exit code.
    """
    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(parameter.name or "")
        if parameter.name not in {"target", "as_json"} and source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"A HAR file brings its own requests: leave out {parameter.opts[-1]}.")
    try:
        with output.progress("Reading the file"):
            entries = har.read(path)
    except OSError as error:
        raise click.BadParameter(f"{path!r} cannot be read: {error.strerror}.", param_hint="TARGET") from None
    except har.Malformed as error:
        raise click.BadParameter(printable(str(error)), param_hint="TARGET") from None
    with output.progress("Requests read") as progress:
        found = [*har.replays(entries, lambda number: progress.advance(number, len(entries)))]
    if output.as_json:
        output.data({"file": path, "entries": len(entries), "requests": [_replay_data(replay) for replay in found]})
    else:
        _print_replays(path, entries, found, output)
    return Exit.BLOCKED if any(replay.outcome.faults or replay.is_unclear for replay in found) else Exit.FINE


def _outcome_of(replay: har.Replay) -> str:
    if not replay.outcome.faults:
        return "unclear" if replay.is_unclear else "readable"
    return _verdict_on(replay.outcome.faults[0].failure)


def _replay_mark(replay: har.Replay) -> str:
    return {"readable": "ok", "unclear": "??"}.get(_outcome_of(replay), "NO")


def _print_replays(path: str, entries: Sequence[har.Entry], found: Sequence[har.Replay], output: Output) -> None:
    bad = sum(bool(replay.outcome.faults) for replay in found)
    unclear = sum(replay.is_unclear for replay in found)
    output.spans(
        (f"{bad} blocked, {unclear} unclear", "bad" if bad else "warning" if unclear else "good"),
        (f", of {len(found)} requests across origins in {path} ({len(entries)} entries)", "bold"),
    )
    for replay in found:
        entry, mark = replay.entry, _replay_mark(replay)
        status = "no response" if entry.response is None else str(entry.response.status)
        why = f"  {replay.outcome.faults[0].code}" if replay.outcome.faults else ""
        what = f"{as_shown(entry.request.method)} {_url(entry.request.url)}  {status}{why}"
        output.spans((f"  {mark}  ", _MARKS[mark]), (what, "plain"))
    for replay in found:
        if replay.outcome.faults or replay.is_unclear:
            _print_replay(replay, output)


def _print_replay(replay: har.Replay, output: Output) -> None:
    asked, outcome = replay.asked, replay.outcome
    what = f"{as_shown(asked.method)} {_url(asked.url)}, asked by a page on {as_shown(asked.page_origin)}"
    output.spans((f"\n{_outcome_of(replay).upper()}: ", "bad"), (what, "bold"))
    for line in replay.assumed:
        output.say(f"Assumed: {line}", "warning")
    _print_faults(outcome.faults, output)
    if replay.is_unclear:
        why = outcome.unseen or f"By the file it passes, but the browser says: {replay.entry.error}."
        output.say(as_shown(why, LONGEST_READ))
        output.say(f"   Ask the server itself: {_command(asked)}", "good")


def _command(asked: Asked) -> str:
    """
    Return the command that asks the server what the HAR does not say; values stand as variables of the shell.
    """
    words = ["corsguard check", shlex.quote(_url(asked.url)), "--page", shlex.quote(_url(asked.page))]
    if asked.method != "GET":
        words += ["--method", shlex.quote(asked.method)]
    for name, value in asked.headers:
        public = name.lower() in PUBLIC_HEADERS
        # The browser's own, most likely.
        if name.lower() in {"accept", "accept-language"}:
            continue
        quoted = (
            shlex.quote(f"{name}: {as_shown(value)}") if public else f'{shlex.quote(f"{name}: ")}"${variable(name)}"'
        )
        words += ["--header", quoted]
    if asked.credentials == "include":
        words.append("--credentials")
    return " ".join([*words, *(["--preflight-only"] if asked.method not in {"GET", "HEAD"} else [])])


def _replay_data(replay: har.Replay) -> dict[str, Any]:
    asked, outcome, entry = replay.asked, replay.outcome, replay.entry
    return {
        "verdict": _outcome_of(replay),
        "page": _url(asked.page),
        "origin": asked.page_origin,
        "url": _url(asked.url),
        "method": asked.method,
        "credentials": asked.credentials,
        "status": None if entry.response is None else entry.response.status,
        "error": entry.error,
        "assumed": [*replay.assumed],
        "faults": [_fault_data(fault) for fault in outcome.faults],
        "unseen": outcome.unseen,
        "command": _command(asked),
    }
