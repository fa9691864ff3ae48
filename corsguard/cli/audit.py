"""
`corsguard audit`: what an attacker would find at a URL.

This room reads the arguments, and prints what the audit found, the worst first; it judges nothing.
"""

import secrets as randomness
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import click

from corsguard.browser import LiveTransport, Unreachable
from corsguard.browser.confidential import secrets_of
from corsguard.browser.evidence import LONGEST_READ, as_shown, without_password
from corsguard.browser.exchanges import HIDDEN, SECRET_HEADERS
from corsguard.browser.urls import HTTP_SCHEMES, Url, address_space, authority
from corsguard.browser.wire import Header
from corsguard.diagnosis.objects import quiet
from corsguard.errors import PolicyError
from corsguard.names import OWNED_PREFIX, is_token
from corsguard.origin import OriginPattern
from corsguard.quoting import quoted

from .asking import Answer, Asker, Line
from .auditing import Active, Audit, Finding
from .options import checked_address, trust
from .printing import Exit, Output, Style, UnreachableError, printable
from .probes import Meant
from .rules import RULES, WHO, Severity
from .sarif import Level, Result, sarif

_BUDGET: Final = 160
_QUICK_BUDGET: Final = 24
_RATE: Final = 10.0
_TIMEOUT: Final = 10.0
# How much is read of what may be a download, a hundred times.
_MAX_BODY: Final = 262_144

# What the audit itself says in each request.
_OURS: Final = frozenset({"origin", "host", "content-length", "transfer-encoding", "connection"})
_SHOWN: Final = frozenset(
    """
    age allow cache-control content-type cross-origin-opener-policy cross-origin-resource-policy location origin
    set-cookie strict-transport-security timing-allow-origin upgrade vary x-cache x-content-type-options
    x-forwarded-host referer host
    """.split()
)
_MOST_LINES: Final = 16
_MOST_ORIGINS: Final = 4

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


def _url(_: click.Context, __: click.Parameter, text: str) -> str:
    try:
        url = Url.parse(text)
    except ValueError:
        raise click.BadParameter(f"{quoted(text)} is no URL: write https://api.example.com/items.") from None
    if url.scheme not in HTTP_SCHEMES:
        raise click.BadParameter(f"{quoted(text)} is not http or https: write https://api.example.com/items.")
    if url.has_userinfo:
        raise click.BadParameter(
            'It has a user or a password in it: leave them out, and give --header "Authorization: ...".'
        )
    return url.href


def _origins(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        try:
            OriginPattern.parse(text)
        except PolicyError as error:
            (problem,) = error.problems
            raise click.BadParameter(printable(f"{problem.message} Fix: {problem.fix}")) from None
    return texts


def _headers(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[Header, ...]:
    # A value may be a secret: none is repeated.
    headers: list[Header] = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not is_token(name):
            raise click.BadParameter('A header is a name, a colon and a value: write "Authorization: Bearer ...".')
        if name.lower() in _OURS or name.lower().startswith(OWNED_PREFIX):
            raise click.BadParameter(f"{name}: the audit sends its own. Leave it out.")
        if not value.strip() or not value.isprintable() or not value.isascii():
            raise click.BadParameter(f"{name}: its value is empty, or has characters that no header has.")
        headers.append((name, value.strip()))
    return tuple(headers)


def _address(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    return None if text is None else checked_address(text, "ADDRESS:PORT")


def _trust(_: click.Context, __: click.Parameter, path: str | None) -> ssl.SSLContext:
    return trust(path)


@click.command(short_help="What an attacker would find at a URL.")
@click.argument("url", callback=_url)
@click.option(
    "--origin",
    "-o",
    "origins",
    multiple=True,
    callback=_origins,
    metavar="ORIGIN",
    help="An origin, or a pattern, that is meant to be trusted; its relatives are tried. Repeatable.",
)
@click.option(
    "--header",
    "-H",
    "headers",
    multiple=True,
    callback=_headers,
    metavar="LINE",
    help='Sent along; its value, of 4 characters or more, is never shown: "Authorization: Bearer ...". Repeatable.',
)
@click.option("--cookie", "cookies", multiple=True, metavar="PAIR", help="Sent along, never shown: sid=1. Repeatable.")
@click.option("--quick", is_flag=True, help=f"Ask only the {_QUICK_BUDGET} most important questions.")
@click.option("--budget", type=click.IntRange(1, 10_000), metavar="N", help=f"Requests at most.  [default: {_BUDGET}]")
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 10_000),
    default=_RATE,
    show_default=True,
    metavar="N",
    help="Requests a second at most.",
)
@click.option(
    "--active",
    is_flag=True,
    help="Also try line ends in Origin, a cache under a query of its own, and 4 KiB of commas.",
)
@click.option("--unsafe-method", is_flag=True, help="Also send one POST, as any website could.")
@click.option(
    "--internal/--public",
    "is_internal",
    default=None,
    help="Whether only the network keeps others out.  [default: by the address]",
)
@click.option(
    "--fail-on",
    type=click.Choice(["low", "medium", "high", "critical"]),
    default="low",
    show_default=True,
    help="Exit with 1 for findings as bad as this.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--sarif", "as_sarif", is_flag=True, help="Print SARIF 2.1.0.")
@click.option("--connect-to", callback=_address, metavar="ADDRESS:PORT", help="Connect there, whatever the URL's host.")
@click.option(
    "--cacert",
    "tls",
    type=click.Path(exists=True, dir_okay=False),
    callback=_trust,
    metavar="FILE",
    help="Trust the authority in this PEM file.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 600),
    default=_TIMEOUT,
    show_default=True,
    metavar="S",
    help="Seconds to wait for each response.",
)
@click.pass_context
def audit(  # noqa: PLR0913 - the options of the command
    ctx: click.Context,
    *,
    url: str,
    origins: tuple[str, ...],
    headers: tuple[Header, ...],
    cookies: tuple[str, ...],
    quick: bool,
    budget: int | None,
    rate: float,
    active: bool,
    unsafe_method: bool,
    is_internal: bool | None,
    fail_on: str,
    as_json: bool,
    as_sarif: bool,
    connect_to: str | None,
    tls: ssl.SSLContext,
    timeout: float,
) -> None:
    """
    Asks the server at URL as an attacker would, and says who could read, how that is proven, and what to change.

    \b
    corsguard audit https://api.example.com/items
    corsguard audit https://api.example.com/items --origin https://app.example.com
    corsguard audit https://api.example.com/me --header "Authorization: Bearer ..." --quick
    corsguard audit https://api.example.com/items --connect-to 127.0.0.1:8443 --cacert ca.pem
    corsguard audit https://api.example.com/items --sarif --fail-on high

    Tell it the origins that are meant to be trusted: the names that a wrong comparison would take for them are tried.
    Audit only servers that you may. Only GET, HEAD and OPTIONS are sent, to the URL's origin alone: redirects to
    other origins are not followed, and no other name is looked up. A URL with an address in a private network, or
    whose name leads there, counts as internal, loopback does not.

    Exit codes: 0 nothing as bad as --fail-on, 1 findings, 2 usage, 3 no response.
    """
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif are two documents: give one of them.")
    lines = (*headers, *((("Cookie", _cookie(cookies)),) if cookies else ()))
    output = Output(as_json=as_json or as_sarif, secrets=secrets_of(lines))
    parsed = Url.parse(url)
    at_most = budget if budget is not None else _QUICK_BUDGET if quick else _BUDGET
    with ExitStack() as stack:
        progress = stack.enter_context(output.progress("Requests"))
        # A response that is cut off is one finding's business at most, and no traceback's.
        stack.enter_context(quiet("corsguard.browser"))
        carry = stack.enter_context(_transport(parsed, tls, timeout, connect_to))
        one = Audit(
            url,
            Asker(
                carry, url, budget=at_most, rate=rate, headers=lines, on_sent=partial(progress.advance, total=at_most)
            ),
            randomness.token_hex(4),
            Meant(origins),
            is_internal=_is_internal(parsed.host, connect_to) if is_internal is None else is_internal,
            show=partial(_shown, output=output),
            active=Active(active, unsafe_method, _line(parsed, tls, timeout, connect_to, lines)),
        )
        output.say(f"Auditing {as_shown(url)}: {at_most} requests at most, {rate:g} a second.", "dim")
        try:
            one.run()
        except Unreachable as error:
            raise UnreachableError(
                f"{_shown(url, output=output)}: {_shown(error.cause, output=output).rstrip('.')}."
            ) from None
    if as_sarif:
        output.data(sarif(_results(one, output), {rule.id: rule.title for rule in RULES.values()}))
    elif as_json:
        output.data(_document(one, output))
    else:
        _print(one, output)
    threshold = Severity[fail_on.upper()]
    if any(finding.severity >= threshold for finding in one.findings):
        ctx.exit(Exit.BLOCKED)


# How it is asked.


def _cookie(cookies: Iterable[str]) -> str:
    for cookie in cookies:
        name, equals, _ = cookie.partition("=")
        if not equals or not is_token(name.strip()) or not cookie.isprintable() or not cookie.isascii():
            raise click.BadParameter("A cookie is a name and a value: write --cookie sid=1.", param_hint="--cookie")
    return "; ".join(cookie.strip("; ") for cookie in cookies)


def _transport(url: Url, tls: ssl.SSLContext, timeout: float, connect_to: str | None) -> LiveTransport:
    elsewhere = {} if connect_to is None else {authority(url): connect_to}
    return LiveTransport(verify=tls, timeout=timeout, max_body=_MAX_BODY, connect_to=elsewhere)


def _line(url: Url, tls: ssl.SSLContext, timeout: float, connect_to: str | None, headers: tuple[Header, ...]) -> Line:
    host = url.host.strip("[]")
    where, _, port = (connect_to or f"{host}:{url.port or (443 if url.scheme == 'https' else 80)}").rpartition(":")
    address = (where.strip("[]"), int(port))
    return Line(host, authority(url), address, tls if url.scheme == "https" else None, timeout, headers)


def _is_internal(host: str, connect_to: str | None) -> bool:
    """
    Whether the address is in a private network; loopback is where servers under test are.
    """
    if address_space(host) != "public" or connect_to is not None:
        return address_space(host) == "local"
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        return False
    addresses = {str(place[0]).partition("%")[0] for *_, place in found}
    return {address_space(f"[{address}]" if ":" in address else address) for address in addresses} == {"local"}


# How it is shown.


def _print(one: Audit, output: Output) -> None:
    faults = [finding for finding in one.findings if finding.severity > Severity.INFO]
    for finding in faults:
        _print_finding(finding, one, output)
    remarks = [finding for finding in one.findings if finding.severity is Severity.INFO]
    if remarks:
        output.say("\nFor information:")
    for finding in remarks:
        _print_remark(finding, one, output)
    output.say()
    if faults:
        output.say(f"{_count(len(faults), 'finding')}: {_tally(faults)}.", "bold")
    elif one.left_out:
        output.say("Nothing was found in what was asked, and not all was asked.", "warning")
    else:
        output.say("Nothing was found.", "good")
    tried = f" Tried: {', '.join(one.tried)}." if one.tried else ""
    output.say(f"{_spent(one)}{tried}")
    if one.subsumed:
        output.say(f"Any origin is let in, so that nothing more was asked about: {', '.join(one.subsumed)}.")
    for note in (*_warnings(one), *one.notes):
        output.say(f"Note: {note}", "warning")


def _print_finding(finding: Finding, one: Audit, output: Output) -> None:
    rule = finding.rule
    style = _STYLES[finding.severity]
    output.say()
    output.spans((finding.severity.name, style), (f" {rule.id} {rule.name}: {rule.title}", "bold"))
    output.say(f"  {_sentence(finding, output)} {rule.message}")
    output.say(f"  {_who(finding)}")
    for answer in finding.proof:
        for line in _wire(answer, output):
            output.say(f"    {line}", "dim")
    output.say(f"  Fix: {one.fitted(rule.header)}", "good")
    output.say(f"       as a Policy: {one.fitted(rule.policy)}", "good")


def _print_remark(finding: Finding, one: Audit, output: Output) -> None:
    rule, proof = finding.rule, finding.proof[0]
    output.say(f"  {rule.id} {rule.name}: {rule.title}: {_sentence(finding, output)} {rule.message}")
    asked = f"{_shown(proof.request.method, output=output)} {_shown(proof.request.url, output=output)}"
    output.say(f"      {asked} {proof.status}; browsers: {finding.browsers}; fix: {one.fitted(rule.header)}", "dim")


def _sentence(finding: Finding, output: Output) -> str:
    """
    Return what was seen.
    """
    more = [_shown(origin, output=output) for origin in finding.origins if origin != finding.proof[0].question.origin]
    others = f" So is {', '.join(more[:_MOST_ORIGINS])}{' and others' * (len(more) > _MOST_ORIGINS)}." if more else ""
    return f"{output.hidden(finding.detail) or finding.rule.title + '.'}{others}"


def _who(finding: Finding) -> str:
    parts: list[str] = []
    if finding.reach is not None:
        parts.append(f"Open to {WHO[finding.reach]} ({finding.reach})")
        parts.append("with credentials" if finding.with_credentials else "without credentials")
    parts += [f"browsers: {finding.browsers}", f"confidence: {finding.confidence}"]
    if finding.subsumed:
        parts.append(f"subsumes {', '.join(finding.subsumed)}")
    return f"{'; '.join(parts)}."


def _spent(one: Audit) -> str:
    asker = one.asker
    return f"{_count(asker.sent, 'request')} of {asker.budget} at most, {asker.rate:g} a second."


def _warnings(one: Audit) -> Iterator[str]:
    for cause, names in one.left_out.items():
        yield f"Left out, because {cause}: {', '.join(names)}."
    if one.asker.unanswered:
        yield f"{_count(one.asker.unanswered, 'request')} got no response."
    if one.asker.throttled:
        busy = "429 Too Many Requests or 503 Service Unavailable"
        yield f"{_count(one.asker.throttled, 'request')} got {busy}: give a lower --rate."


def _tally(faults: list[Finding]) -> str:
    counts = {severity: sum(finding.severity is severity for finding in faults) for severity in reversed(Severity)}
    return ", ".join(f"{count} {severity.word}" for severity, count in counts.items() if count)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _wire(answer: Answer, output: Output) -> Iterator[str]:
    request = answer.request
    yield f"> {_shown(request.method, output=output)} {_shown(request.url, output=output)}"
    yield from (f"> {name}: {value}" for name, value in _lines(request.headers, output))
    yield f"< {answer.status}" if answer.came else "< no response"
    yield from (f"< {name}: {value}" for name, value in _lines(answer.lines, output))


def _lines(headers: Iterable[Header], output: Output) -> list[tuple[str, str]]:
    """
    Return the lines that matter, without what is secret and cut.
    """
    wanted = [(name, value) for name, value in headers if _is_shown(name.lower())]
    return [
        (as_shown(name), HIDDEN if name.lower() in SECRET_HEADERS else _shown(value, output=output))
        for name, value in wanted[:_MOST_LINES]
    ]


def _is_shown(name: str) -> bool:
    return name in _SHOWN | SECRET_HEADERS or name.startswith(OWNED_PREFIX)


def _shown(text: str, *, output: Output) -> str:
    # First hidden, then cut: half a secret is one, too, and may end what has been cut before.
    hidden = output.hidden(text)
    whole = hidden if len(text) < LONGEST_READ else hidden[: -output.longest_secret or None]
    return as_shown(without_password(whole))


# As documents.


def _document(one: Audit, output: Output) -> dict[str, Any]:
    asker = one.asker
    return {
        "url": one.url,
        "findings": [_as_data(finding, one, output) for finding in one.findings],
        "requests": {
            "sent": asker.sent,
            "budget": asker.budget,
            "rate": asker.rate,
            "unanswered": asker.unanswered,
        },
        "tried": one.tried,
        "subsumed": one.subsumed,
        "left_out": [name for names in one.left_out.values() for name in names],
        "notes": [*_warnings(one), *one.notes],
    }


def _as_data(finding: Finding, one: Audit, output: Output) -> dict[str, Any]:
    rule = finding.rule
    return {
        "id": rule.id,
        "name": rule.name,
        "title": rule.title,
        "severity": finding.severity.word,
        "confidence": finding.confidence,
        "class": finding.reach,
        "with_credentials": finding.with_credentials,
        "detail": _sentence(finding, output),
        "message": rule.message,
        "origins": [_shown(origin, output=output) for origin in finding.origins],
        "browsers": finding.browsers,
        "proof": [_exchange(answer, output) for answer in finding.proof],
        "fix": {"header": one.fitted(rule.header), "policy": one.fitted(rule.policy)},
        "subsumes": list(finding.subsumed),
    }


def _exchange(answer: Answer, output: Output) -> dict[str, Any]:
    request = answer.request
    return {
        "request": {
            "method": request.method,
            "url": _shown(request.url, output=output),
            "headers": _lines(request.headers, output),
        },
        "response": {"status": answer.status, "headers": _lines(answer.lines, output)} if answer.came else None,
    }


def _results(one: Audit, output: Output) -> Iterator[Result]:
    for finding in one.findings:
        rule = finding.rule
        yield Result(
            rule.id,
            _LEVELS[finding.severity],
            f"{rule.title}. {_sentence(finding, output)} {rule.message}",
            f"{one.fitted(rule.header)}; as a Policy: {one.fitted(rule.policy)}",
            one.url,
            properties=_as_data(finding, one, output),
        )
