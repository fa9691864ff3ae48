"""
`corsguard audit`: what an attacker would find at a URL.

This module reads the arguments and prints the findings, the worst first. It does not judge.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

import click

from corsguard.audit import RULES, Finding, Report, Severity
from corsguard.audit import audit as ask
from corsguard.audit.bounded_client import counted
from corsguard.audit.calls import BUDGET, QUICK_BUDGET, RATE, TIMEOUT, is_ours
from corsguard.audit.handouts import handout
from corsguard.audit.report import Proof, shown
from corsguard.audit.severity import WHO
from corsguard.browser import Unreachable
from corsguard.browser.confidential import Secrets, secrets_of
from corsguard.browser.evidence import as_shown, url_of
from corsguard.browser.urls import HTTP_SCHEMES, SOCKET_SCHEMES, Url, authority, named_in, of_handshake
from corsguard.browser.wire import Header
from corsguard.diagnosis.commands import is_miswritten, url_meant
from corsguard.diagnosis.objects import quiet
from corsguard.errors import PolicyError
from corsguard.names import is_token
from corsguard.origin import Origin, OriginPattern
from corsguard.quoting import quoted

from .options import connection_options, connections, html_option, json_option, save, trust
from .printing import Exit, Output, Style, UnreachableError, printable
from .sarif import Level, Result, sarif

_LEVELS: Final[dict[Severity, Level]] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "warning",
    Severity.INFO: "note",
}
_STYLES: Final[dict[Severity, Style]] = {
    Severity.CRITICAL: "bad",
    Severity.HIGH: "bad",
    Severity.MEDIUM: "warning",
    Severity.LOW: "warning",
    Severity.INFO: "dim",
}


def _checked(text: str) -> str:
    """
    Return *text*, a URL that can be audited, as a browser writes it. Raises click.BadParameter.
    """
    try:
        url = Url.parse(text)
    except ValueError:
        raise click.BadParameter(_not_a_url(text)) from None
    if url.scheme not in {*HTTP_SCHEMES, *SOCKET_SCHEMES} or is_miswritten(text):
        raise click.BadParameter(_not_a_url(text))
    if url.has_userinfo:
        raise click.BadParameter(
            'It has a user or a password in it: leave them out, and write --header "Authorization: ...".'
        )
    return url.href


def _not_a_url(text: str) -> str:
    meant = url_meant(text)
    target = url_of(meant)
    if (
        ("://" in text and not is_miswritten(text))
        or target is None
        or Origin.parse(of_handshake(target).origin) is None
    ):
        meant = "one, such as https://api.example.com/items"
    return f"{quoted(text)} is not a URL of http, https, ws or wss. Write {meant}"


def _url(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    return None if text is None else _checked(text)


def _urls(_: click.Context, __: click.Parameter, path: str | None) -> tuple[str, ...] | None:
    if path is None:
        return None
    try:
        with click.open_file(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except OSError as error:
        raise click.BadParameter(f"{quoted(path)} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise click.BadParameter("The file is not text in UTF-8. Write one URL in each line.") from None
    urls = tuple(dict.fromkeys(_checked(line) for line in lines if line and not line.startswith("#")))
    if not urls:
        raise click.BadParameter("The file has no URL. Write one URL in each line.")
    return urls


def _proxy(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    # It may have a password.
    try:
        is_fit = text is None or Url.parse(text).scheme in HTTP_SCHEMES
    except ValueError:
        is_fit = False
    if not is_fit:
        raise click.BadParameter("It is not an http URL: write --proxy http://127.0.0.1:8080.")
    return text


def _origins(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        try:
            OriginPattern.parse(text)
        except PolicyError as error:
            (problem,) = error.problems
            raise click.BadParameter(printable(f"{problem.message} Fix: {problem.fix}")) from None
    return texts


def _headers(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[Header, ...]:
    # A value may be a secret, so no message repeats it.
    headers: list[Header] = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not is_token(name):
            raise click.BadParameter('A header is a name, a colon and a value: write "Authorization: Bearer ...".')
        if is_ours(name):
            raise click.BadParameter(f"{name}: the audit sends its own. Leave it out.")
        if not value.strip() or not value.isprintable() or not value.isascii():
            raise click.BadParameter(f"{name}: its value is empty, or has characters that a header cannot have.")
        headers.append((name, value.strip()))
    return tuple(headers)


@click.command(short_help="Find what an attacker would find at a URL.")
@click.argument("url", callback=_url, required=False)
@click.option(
    "--urls",
    callback=_urls,
    metavar="FILE",
    help="Audit each URL in FILE, which has one URL in each line. - is the standard input.",
)
@click.option(
    "--origin",
    "-o",
    "origins",
    multiple=True,
    callback=_origins,
    metavar="ORIGIN",
    help="Name an origin or a pattern that the server should trust. The audit also tries similar names. Repeatable.",
)
@click.option(
    "--header",
    "-H",
    "headers",
    multiple=True,
    callback=_headers,
    metavar='"NAME: VALUE"',
    help="Add a request header. A value of 4 or more characters is never shown. Repeatable.",
)
@click.option(
    "--cookie",
    "cookies",
    multiple=True,
    metavar="NAME=VALUE",
    help="Send a cookie. A value of 4 or more characters is never shown. Repeatable.",
)
@click.option("--quick", is_flag=True, help=f"Send only the {QUICK_BUDGET} most important requests.")
@click.option(
    "--budget", type=click.IntRange(1, 10_000), metavar="N", help=f"Send at most N requests.  [default: {BUDGET}]"
)
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 10_000),
    default=RATE,
    show_default=True,
    metavar="N",
    help="Send at most N requests in a second.",
)
@click.option(
    "--active",
    is_flag=True,
    help="Also try line ends in Origin, a cache with a query that nobody else uses, and 4 KiB of commas. Also send two "
    "POST requests that any website can send: a form and a JSON text.",
)
@click.option(
    "--internal/--public",
    "is_internal",
    default=None,
    help="Say whether the server can be reached only from an internal network.  [default: by the address]",
)
@click.option(
    "--fail-on",
    type=click.Choice(["low", "medium", "high", "critical"]),
    default="low",
    show_default=True,
    help="Exit with 1 for findings of this severity or higher.",
)
@json_option()
@click.option("--sarif", "as_sarif", is_flag=True, help="Print SARIF 2.1.0.")
@html_option()
@click.option("--proxy", callback=_proxy, metavar="URL", help="Send all requests through this proxy.")
@click.option("--insecure", is_flag=True, help="Trust any certificate.")
@connection_options(TIMEOUT)
@click.pass_context
def audit(  # noqa: PLR0913 - the options of the command
    ctx: click.Context,
    *,
    url: str | None,
    urls: tuple[str, ...] | None,
    origins: tuple[str, ...],
    headers: tuple[Header, ...],
    cookies: tuple[str, ...],
    quick: bool,
    budget: int | None,
    rate: float,
    active: bool,
    is_internal: bool | None,
    fail_on: str,
    as_json: bool,
    as_sarif: bool,
    html_file: str | None,
    proxy: str | None,
    insecure: bool,
    connect_to: tuple[str, ...],
    cacert: str | None,
    timeout: float,
) -> None:
    """
    Send the requests of an attacker to URL. Show who could read, the proof, and what to change.

    \b
    corsguard audit https://api.example.com/items
    corsguard audit https://api.example.com/items --origin https://app.example.com
    corsguard audit https://api.example.com/me --cookie sid=1 --quick
    corsguard audit https://api.example.com/items --connect-to 127.0.0.1:8443
    corsguard audit https://api.example.com/items --sarif --fail-on high
    corsguard audit wss://api.example.com/feed --origin https://app.example.com

    Audit only servers that you are allowed to audit. With --origin, name the origins that the server should trust: the
    command also tries similar names, which a wrong comparison accepts. Without --active, it only sends GET, HEAD and
    OPTIONS. It contacts only the origin of the URL, and follows no redirect to another one. A URL is internal if its
    address is in a private network; loopback is not. With a URL of ws or wss, it opens WebSockets and closes them at
    once.

    Exit codes: 0 no findings at the level of --fail-on; 1 findings; 2 usage; 3 no response; 4 not judged, because the
    URL only answered with a refusal, a redirect or an error, such as 401.
    """
    _refuse_both(
        as_json and as_sarif and "Expected --json or --sarif, got both.",
        url and urls and "Expected URL or --urls, got both.",
        insecure and cacert and "Expected --insecure or --cacert, got both: --insecure trusts any certificate.",
    )
    targets = urls or ((url,) if url else ())
    if not targets:
        raise click.UsageError("Missing argument 'URL'. Write a URL, or --urls with a file of URLs.")
    if active and any(target.startswith("ws") for target in targets):
        raise click.UsageError("--active is not for WebSockets, because their handshake is a GET. Leave it out.")
    lines = (*headers, *((("Cookie", _cookie(cookies)),) if cookies else ()))
    secrets = Secrets(secrets_of(lines))
    output = Output(as_json=as_json or as_sarif, secrets=secrets_of(lines))
    call = partial(
        ask,
        trusted=origins,
        headers=lines,
        budget=budget if budget is not None else QUICK_BUDGET if quick else BUDGET,
        rate=rate,
        active=active,
        is_internal=is_internal,
        verify=False if insecure else trust(cacert),
        timeout=timeout,
        proxy=proxy,
    )
    reports: list[Report] = []
    unanswered: list[str] = []
    for target in targets:
        addresses = _addresses(target, connect_to, is_alone=urls is None)
        try:
            report = _audited(target, call, addresses, cacert, output)
        except Unreachable as error:
            where = f" The audit asked {', '.join(addresses.values())}." if addresses else ""
            message = f"{shown(target, secrets)}: {shown(error.cause, secrets).rstrip('.')}.{where}"
            if urls is None:
                raise UnreachableError(message) from None
            unanswered.append(message)
            click.echo(printable(message), err=True)
            continue
        reports.append(report)
        if not output.as_json:
            _print(report, output)
    if as_sarif:
        output.data(
            sarif(
                (result for report in reports for result in _results(report)),
                {rule.id: rule.title for rule in RULES.values()},
                failures=(*_not_judged(reports), *unanswered),
            )
        )
    elif as_json:
        output.data(reports[0].data() if urls is None else [report.data() for report in reports])
    if html_file is not None:
        save(html_file, handout(*reports, unanswered=unanswered))
    ctx.exit(_exit_code(reports, len(targets), Severity[fail_on.upper()]))


def _refuse_both(*reasons: object) -> None:
    """
    Raise click.UsageError with the first of *reasons* that is a text.
    """
    for reason in filter(None, reasons):
        raise click.UsageError(str(reason))


def _audited(
    target: str, call: partial[Report], addresses: Mapping[str, str], cacert: str | None, output: Output
) -> Report:
    """
    Return the report of *call* on *target*, trusting the authorities in *cacert*. Raises Unreachable.
    """
    with ExitStack() as stack:
        progress = stack.enter_context(output.progress("Requests"))
        # A response that is cut off may be a finding, but needs no traceback.
        stack.enter_context(quiet("corsguard.browser"))
        agreed = call.keywords
        output.say(
            f"Auditing {as_shown(target)}: {agreed['budget']} requests at most, {agreed['rate']:g} a second.", "dim"
        )
        report = call(target, connect_to=addresses, on_request=partial(progress.advance, total=agreed["budget"]))
    trusting = () if cacert is None else ("--cacert", shlex.quote(cacert))
    return replace(report, curl_options=(*report.curl_options, *trusting))


def _exit_code(reports: Sequence[Report], targets: int, threshold: Severity) -> Exit:
    if any(report.has(threshold) for report in reports):
        return Exit.BLOCKED
    if len(reports) < targets:
        return Exit.UNREACHABLE
    return Exit.FINE if all(report.is_judged for report in reports) else Exit.NOT_JUDGED


def _cookie(cookies: Iterable[str]) -> str:
    for cookie in cookies:
        name, equals, _ = cookie.partition("=")
        if not equals or not is_token(name.strip()) or not cookie.isprintable() or not cookie.isascii():
            raise click.BadParameter("A cookie is a name and a value: write --cookie sid=1.", param_hint="--cookie")
    return "; ".join(cookie.strip("; ") for cookie in cookies)


def _addresses(url: str, connect_to: tuple[str, ...], *, is_alone: bool) -> Mapping[str, str]:
    found, target = connections(connect_to, url), Url.parse(url)
    own = named_in(found, target)
    if not is_alone:
        return {host: address for host, address in found.items() if host == own}
    if found.keys() - {own}:
        message = f"The audit contacts only {as_shown(authority(target))}: write --connect-to 127.0.0.1:8443."
        raise click.BadParameter(message, param_hint="--connect-to")
    return found


# What is printed.


def _print(report: Report, output: Output) -> None:
    for finding in report.faults:
        _print_finding(finding, report, output)
        output.say(f"  Send it again: {report.curl(finding)}", "dim")
    if report.remarks:
        output.say("\nFor information:")
    for finding in report.remarks:
        _print_remark(finding, report, output)
    output.say()
    output.say(report.verdict, "bold" if report.faults else "good" if report.is_clean else "warning")
    tried = f" Tried: {', '.join(report.tried)}." if report.tried else ""
    spent = f"{counted(report.sent, 'request')} of {report.budget} at most, {report.rate:g} a second."
    output.say(f"{spent}{tried}")
    if report.subsumed:
        output.say(f"Any origin is allowed, so these were not tried: {', '.join(report.subsumed)}.")
    for note in report.notes:
        output.say(f"Note: {note}", "warning")


def _print_finding(finding: Finding, report: Report, output: Output) -> None:
    rule = finding.rule
    style = _STYLES[finding.severity]
    output.say()
    output.spans((finding.severity.name, style), (f" {rule.id} {rule.name}: {rule.title}", "bold"))
    output.say(f"  {finding.detail} {rule.message}")
    output.say(f"  {_who(finding)}")
    for proof in report.proof_of(finding):
        for line in _wire(proof):
            output.say(f"    {line}", "dim")
    output.say(f"  Fix: {finding.header}", "good")
    output.say(f"       as a Policy: {finding.policy}", "good")


def _print_remark(finding: Finding, report: Report, output: Output) -> None:
    rule, proof = finding.rule, report.proof_of(finding)[0]
    output.say(f"  {rule.id} {rule.name}: {finding.summary}")
    asked = f"{proof.method} {proof.url} {proof.status or 0}"
    output.say(f"      {asked}; browsers: {finding.browsers}; fix: {finding.header}", "dim")


def _who(finding: Finding) -> str:
    parts: list[str] = []
    if finding.reach is not None:
        parts.append(f"Open to {WHO[finding.reach]} ({finding.reach})")
        parts.append("with credentials" if finding.with_credentials else "without credentials")
    parts += [f"browsers: {finding.browsers}", f"confidence: {finding.confidence}"]
    if finding.subsumed:
        parts.append(f"subsumes {', '.join(finding.subsumed)}")
    return f"{'; '.join(parts)}."


def _wire(proof: Proof) -> Iterator[str]:
    yield f"> {proof.method} {proof.url}"
    yield from (f"> {name}: {value}" for name, value in proof.request_headers)
    yield "< no response" if proof.status is None else f"< {proof.status}"
    yield from (f"< {name}: {value}" for name, value in proof.response_headers)


def _not_judged(reports: Iterable[Report]) -> Iterator[str]:
    for report in reports:
        if not report.is_judged:
            yield " ".join((f"{shown(report.url, report.secrets)}: The URL was not judged.", *report.notes))


def _results(report: Report) -> Iterator[Result]:
    for finding in report.findings:
        rule = finding.rule
        yield Result(
            rule.id,
            _LEVELS[finding.severity],
            finding.summary,
            f"{finding.header}; as a Policy: {finding.policy}",
            shown(report.url, report.secrets),
            properties=report.data_of(finding),
            # The tried origin differs between runs; the place does not.
            same=rule.id,
            score=finding.severity.score,
        )
