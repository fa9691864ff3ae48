"""
`corsguard explain`: what a policy grants and what a browser makes of it, or what a console's message means. Offline.
"""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final
from urllib.parse import urlsplit

import click

from corsguard.browser import Failure, Reason
from corsguard.browser.advice import fix as fix_of
from corsguard.browser.advice import notes as notes_on
from corsguard.browser.evidence import as_shown
from corsguard.browser.exchanges import shown
from corsguard.browser.headers import is_header_value
from corsguard.browser.reasons import CORS_CHECK, OF_STATUS, REASONS
from corsguard.browser.report import cause
from corsguard.errors import Problem
from corsguard.explanation import Step
from corsguard.fixes import Fix, Form
from corsguard.names import EXAMPLE_ORIGIN
from corsguard.origin import NULL

from .connecting import PUBLIC_HEADERS, secrets_of
from .loading import FORMS, Guard, check_origin, load_guarded
from .messages import LONGEST_MESSAGE, LOOKALIKES, METHOD, Known, Message, fix_of_lookalike, read
from .printing import Exit, Output, printable
from .rehearsal import Asked, Change, Heard, Rehearsal, header_of, rehearse

_FRAMEWORKS: Final[Mapping[Form, str]] = {"wsgi": "WSGI", "flask": "Flask", "django": "Django"}
_LONGEST_URL: Final = 2048
_OUTERMOST: Final[Mapping[Form, str]] = {
    "wsgi": "application = CORSMiddleware(application, {...})  # after all other middlewares",
    "flask": "CORSGuard(app, {...})  # answers before routes and before_request",
    "django": 'MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]',
}
# Whose consoles word a preflight's answer and the response itself alike.
_ALIKE: Final = frozenset({"Firefox", "Safari"})
_NEEDED: Final = (
    f"Say which page asks: --origin {EXAMPLE_ORIGIN}. (Something with a space in it is taken for a message from "
    "a console; quote it.)"
)
_UNKNOWN: Final = """\
This is no message that is known here. Looked for: "blocked by CORS policy: ..." and net::ERR_... (Chromium), \
"Cross-Origin Request Blocked: ... (Reason: ...)" (Firefox), "... due to access control checks" (Safari), and what \
looks like CORS: Content Security Policy, Mixed Content, Cross-Origin-Resource-Policy, opaque responses, Local Network \
Access, SameSite, CSRF. Paste the whole line, in quotation marks, or pipe it: corsguard explain -"""


@click.command()
@click.argument("what", nargs=-1, metavar="[POLICY | MESSAGE | -]")
@click.option("--origin", metavar="ORIGIN", help="The origin of the page that asks, or null.")
@click.option("-X", "--method", metavar="METHOD", help="Default: GET.")
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar="NAME[: VALUE]",
    help="A request header. Its value is not shown.",
)
@click.option("--credentials", is_flag=True, help='As credentials: "include", or XMLHttpRequest\'s withCredentials.')
@click.option("--path", default="/", show_default=True, metavar="PATH", help="What is asked for.")
@click.option("--env", "environment", metavar="NAME", help="An environment of the TOML file.")
@click.option("--policy", metavar="POLICY", help="With a message: say whether this policy would grant it.")
@click.option("--framework", type=click.Choice([*_FRAMEWORKS]), help="In whose words a message's fix is written.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def explain(  # noqa: PLR0913 - one for each option
    what: Sequence[str],
    *,
    origin: str | None,
    method: str | None,
    headers: Sequence[str],
    credentials: bool,
    path: str,
    environment: str | None,
    policy: str | None,
    framework: Form | None,
    as_json: bool,
) -> None:
    """
    Says what a policy shares, step by step, or what a message from a browser's console means. Offline.

    \b
    What has a space in it, or begins with net::, is a message; the rest, and what ends with .toml, is a policy:
    corsguard explain cors.toml --origin https://app.example.com -X PUT -H content-type
    corsguard explain cors.toml --env production --origin https://app.example.com --credentials
    corsguard explain shop.policies:API --origin https://app.example.com --path /items
    corsguard explain "shop:create_app()" --origin https://app.example.com -X DELETE
    corsguard explain mysite.settings --origin https://app.example.com

    \b
    A message, from the console of Chromium, Firefox or Safari; several lines may be pasted:
    corsguard explain "Access to fetch at ... has been blocked by CORS policy: ..."
    corsguard explain --framework django "Cross-Origin Request Blocked: ..."
    corsguard explain --policy cors.toml "Access to fetch at ..."
    corsguard explain - < console.txt

    Where a message does not name the page (Firefox, Safari) or the method, --origin and --method do.

    Exit codes: 0 a page may read it, 1 blocked, 2 usage, or a message that is not known.
    """
    given = [_checked_header(text) for text in headers]
    out = Output(as_json=as_json, secrets=secrets_of(given))
    text = " ".join(what)
    if origin is not None:
        check_origin(origin)
    if text == "-":
        text = sys.stdin.read(LONGEST_MESSAGE + 1)
    elif not _is_message(text):
        if text.startswith(("http://", "https://")):
            raise click.UsageError(f"A policy is explained, and a server checked: corsguard check {shlex.quote(text)}")
        if policy is not None or framework is not None:
            raise click.UsageError("--policy and --framework go with a message, which has spaces in it. Quote it.")
        if origin is None:
            raise click.UsageError(f"{_NEEDED}\n\n{FORMS}")
        with out.progress("Loading the policy"):
            guard = load_guarded(text or None, environment)
        asked = Asked(origin, method or "GET", _checked_path(path), tuple(given), credentials)
        _explain_policy(out, guard, _rehearsed(guard, asked))
        return
    if len(text) > LONGEST_MESSAGE:
        raise click.UsageError(
            f"The message has more than {LONGEST_MESSAGE} characters. Give the console's lines only."
        )
    with out.progress("Loading the policy"):
        beside = None if policy is None else load_guarded(policy, environment)
    known = Known(origin, method, tuple(given), credentials)
    _explain_messages(out, read(text, known), beside, known, framework)


def _is_message(text: str) -> bool:
    has_space = len(text.split()) > 1
    return (has_space and not text.endswith(".toml")) or text.startswith("net::")


def _checked_header(text: str) -> tuple[str, str]:
    name, value = header_of(text)
    if not is_header_value(value):
        # Without the value: it may be a secret.
        message = f"the value of {as_shown(name)} has a line end, NUL or a character that is no byte."
        raise click.BadParameter(message, param_hint="--header")
    return name, value


def _checked_path(path: str) -> str:
    if path.startswith("/"):
        return path
    raise click.BadParameter(f'"{as_shown(path)}" is no path: write /items, without the host.', param_hint="--path")


def _rehearsed(guard: Guard, asked: Asked) -> Rehearsal:
    try:
        return rehearse(guard, asked)
    except (TypeError, ValueError) as error:
        raise click.UsageError(printable(str(error))) from None


# A policy


def _explain_policy(out: Output, guard: Guard, rehearsal: Rehearsal) -> None:
    if out.as_json:
        out.data(
            {
                "policy": guard.name,
                **_document(rehearsal),
                "problems": [problem.data() for problem in rehearsal.around],
            }
        )
    error = rehearsal.error
    out.spans(("BLOCKED  ", "bad") if error else ("SHARED  ", "good"), (rehearsal.verdict, "bold"))
    if error is None:
        _say_around(out, rehearsal.around)
    else:
        say_changes(out, rehearsal)
        out.say()
        out.spans(("Chromium says: ", "dim"), (error.chromium, "plain"))
        out.spans(("Firefox says:  ", "dim"), (error.firefox, "plain"))
    for number, one in enumerate(rehearsal.heard, 1):
        out.say()
        _say_exchange(out, number, one, rehearsal.asked)
    if error is not None:
        for note in error.notes:
            out.spans(("Note: ", "dim"), (note, "plain"))
    out.say()
    out.say(f"({rehearsal.asked.server} stands for the server.)", "dim")
    if error is not None:
        raise click.exceptions.Exit(Exit.BLOCKED)


def say_changes(out: Output, rehearsal: Rehearsal) -> None:
    """
    Print why the policies refuse, and which lines to change.
    """
    if rehearsal.is_absent:
        _say_around(out, rehearsal.around)
        return
    for reason in rehearsal.reasons:
        out.say(f"  {printable(reason)}")
    for change in rehearsal.changes:
        _say_change(out, change)
    for line in rehearsal.fix.page:
        out.spans(("  page: ", "dim"), (line, "good"))
    _say_around(out, rehearsal.around)


def _say_around(out: Output, problems: Sequence[Problem]) -> None:
    for problem in problems:
        out.spans((f"  {problem.code} ", "warning"), (printable(problem.message), "plain"))
        out.say(f"       fix: {problem.fix}", "good")


def _say_change(out: Output, change: Change) -> None:
    out.say()
    out.spans(("Change ", "bold"), (printable(change.place.name), "bold"))
    for line in change.fix.written():
        out.say(f"    {printable(line)}", "good")
    for problem in change.problems:
        out.spans((f"    but {problem.code}: ", "warning"), (printable(problem.message), "plain"))
        out.say(f"        {problem.fix}", "good")


def _say_exchange(out: Output, number: int, one: Heard, asked: Asked) -> None:
    given = {name.lower() for name, _ in asked.headers}
    told = shown(one.exchange, secrets=given - PUBLIC_HEADERS, hide=out.hidden)
    what = "preflight" if one.exchange.is_preflight else "request"
    out.say(f"{number}. The {what}", "bold")
    out.say(f"   > {told.method} {as_shown(urlsplit(one.exchange.request.url).path)}", "dim")
    for line in told.request_lines:
        out.say(f"   {line}", "dim")
    for step in one.explanation.steps:
        _say_step(out, step, asked)
    if one.policy is None:
        out.say(f"     {one.explanation.verdict}", "warning")
    for line in told.response_lines:
        out.say(f"   {line}", "dim")


def _say_step(out: Output, step: Step, asked: Asked) -> None:
    if step.name == "exposed" or (step.name == "credentials" and not asked.with_credentials):
        return
    asks = "yes" if step.name == "credentials" else step.asked
    out.spans(
        ("     ok  ", "good") if step.passed else ("     NO  ", "bad"),
        (f"{step.name:12}{printable(asks)}: ", "bold"),
        (printable(step.reason), "plain"),
    )


def _document(rehearsal: Rehearsal) -> dict[str, Any]:
    asked, error = rehearsal.asked, rehearsal.error
    return {
        "origin": asked.origin,
        "method": asked.method,
        "url": asked.url,
        "headers": [name for name, _ in asked.headers],
        "credentials": asked.with_credentials,
        "shared": error is None,
        "verdict": rehearsal.verdict,
        "reason": None if error is None else error.reason,
        "reasons": [] if error is None else rehearsal.reasons,
        "changes": [] if error is None else [*map(change_data, rehearsal.changes)],
        "page": rehearsal.fix.page,
        "console": None if error is None else {"chromium": error.chromium, "firefox": error.firefox},
        "notes": () if error is None else error.notes,
        "exchanges": [
            {"preflight": one.exchange.is_preflight, "guarded": one.policy is not None, **asdict(one.explanation)}
            for one in rehearsal.heard
        ],
    }


def change_data(change: Change) -> dict[str, Any]:
    """
    Return *change* as plain data.
    """
    return {
        "place": change.place.name,
        "keywords": change.fix.policy,
        "lines": change.fix.written(),
        "problems": [problem.data() for problem in change.problems],
    }


# A message


def _explain_messages(
    out: Output, messages: Sequence[Message], guard: Guard | None, known: Known, framework: Form | None
) -> None:
    if not messages:
        raise click.UsageError(_UNKNOWN)
    under = [None if guard is None else _rehearsed(guard, _asked(message, known)) for message in messages]
    if out.as_json:
        told = zip(messages, under, strict=True)
        out.data({"messages": [_message_document(message, known, rehearsal) for message, rehearsal in told]})
    for number, (message, rehearsal) in enumerate(zip(messages, under, strict=True)):
        if number:
            out.say()
        _say_message(out, message, framework)
        if rehearsal is not None and guard is not None:
            _say_under(out, guard, rehearsal)
        out.say()
        out.spans(("Next: ", "bold"), (_next(message, known), "good"))
    raise click.exceptions.Exit(Exit.BLOCKED)


def _say_message(out: Output, message: Message, framework: Form | None) -> None:
    fix, (title, look) = _fix_of(message), _meaning_of(message)
    where = f"{message.engine}: " if message.engine else ""
    out.spans((where, "dim"), (title, "bold"))
    out.say()
    out.say(fix.words)
    for line in fix.page:
        out.spans(("    page:   ", "dim"), (line, "good"))
    for line in fix.send:
        out.spans(("    send:   ", "dim"), (line, "good"))
    if fix.policy:
        _say_policy(out, fix, framework)
    elif _is_about_layers(message):
        _say_layer(out, framework)
    for stands, option in _assumptions(message):
        out.spans(("    ", "plain"), (f"{stands} stands for what the message does not name: {option}", "dim"))
    out.say()
    out.say("Look at, in this order:", "bold")
    for number, line in enumerate(look, 1):
        out.say(f"  {number}. {line}")
    for note in _notes(message):
        out.spans(("Note: ", "dim"), (note, "plain"))


def _say_policy(out: Output, fix: Fix, framework: Form | None) -> None:
    out.say("    Add it to what the policy lists:", "dim")
    for words, title in _FRAMEWORKS.items():
        if framework in {words, None}:
            for line in replace(fix, form=words).written():
                out.spans((f"    {title + ':':8}", "dim"), (line, "good"))
    if framework is None:
        for line in replace(fix, form="toml").written():
            out.spans(("    TOML:   ", "dim"), (line, "good"))


def _is_about_layers(message: Message) -> bool:
    return message.failure is not None and message.failure.reason in OF_STATUS


def _say_layer(out: Output, framework: Form | None) -> None:
    out.say("    Where the CORS layer stands outermost:", "dim")
    for words, title in _FRAMEWORKS.items():
        if framework in {words, None}:
            out.spans((f"    {title + ':':8}", "dim"), (_OUTERMOST[words], "good"))


def _meaning_of(message: Message) -> tuple[str, tuple[str, ...]]:
    """
    Return what *message* means, in a sentence, and what to look at.
    """
    if message.failure is not None:
        return cause(message.failure), REASONS[message.failure.reason].look
    lookalike = LOOKALIKES[message.lookalike]
    return lookalike.title, lookalike.look


def _fix_of(message: Message) -> Fix:
    if message.failure is not None:
        return fix_of(message.failure)
    return fix_of_lookalike(message.lookalike, message.origin, message.target, message.header)


def _notes(message: Message) -> Iterator[str]:
    if message.failure is None:
        return
    yield from notes_on(message.failure)
    if message.engine in _ALIKE and message.failure.reason in CORS_CHECK:
        yield f"{message.engine} says the same of a preflight: is there an OPTIONS row, and did that one fail?"
    if message.engine == "Safari" and message.failure.reason is Reason.MISSING_ALLOW_ORIGIN:
        yield "Safari says the same if Access-Control-Allow-Origin names another origin; the command below tells which."


def _assumptions(message: Message) -> Iterator[tuple[str, str]]:
    stands = {
        "url": (message.url, "write the request's in its place"),
        "page": (message.origin, "--origin says it"),
        "method": (message.method, "--method says it"),
    }
    yield from (stands[name] for name in message.assumed if name in stands)


def _next(message: Message, known: Known) -> str:
    """
    Return the command that plays the browser against the server that *message* names.
    """
    words = ["corsguard", "check", shlex.quote(as_shown(message.url, _LONGEST_URL)), "--page", _page(message.origin)]
    method = _method(message, known)
    if method != "GET":
        words += ["-X", shlex.quote(as_shown(method))]
    for name in _header_names(message, known):
        words += ["-H", shlex.quote(f"{as_shown(name)}: {'application/json' if name == 'content-type' else '...'}")]
    if message.lookalike == "not_exposed" and message.header:
        words += ["--read", shlex.quote(as_shown(message.header))]
    if message.lookalike == "cookies" or _has_credentials(message.failure, known):
        words.append("--credentials")
    if method != message.method:
        words.append("--preflight-only")
    return " ".join(words)


def _method(message: Message, known: Known) -> str:
    """
    Return the method of *message*, or one that needs a preflight where one failed, and nothing tells what needed it.
    """
    is_unknown = message.method == METHOD or (
        "method" in message.assumed
        and message.failure is not None
        and message.failure.is_preflight
        and not _header_names(message, known)
    )
    return "PUT" if is_unknown else message.method


def _page(origin: str) -> str:
    return f"{EXAMPLE_ORIGIN} --origin null" if origin == NULL else shlex.quote(as_shown(origin))


def _header_names(message: Message, known: Known) -> list[str]:
    named = [message.header.lower()] if message.header and message.lookalike != "not_exposed" else []
    return [*dict.fromkeys([*named, *(name.lower() for name, _ in known.headers)])]


def _has_credentials(failure: Failure | None, known: Known) -> bool:
    return known.with_credentials or (failure is not None and failure.with_credentials)


def _asked(message: Message, known: Known) -> Asked:
    """
    Return the request that *message* tells of, as far as it does.
    """
    headers = [header_of(name) for name in _header_names(message, Known())]
    path = f"/{message.url.partition('://')[2].partition('/')[2]}"
    with_credentials = _has_credentials(message.failure, known)
    return Asked(message.origin, _method(message, known), path, (*headers, *known.headers), with_credentials)


def _say_under(out: Output, guard: Guard, rehearsal: Rehearsal) -> None:
    out.say()
    if rehearsal.error is None:
        out.spans(
            (f"{guard.name} grants it: ", "good"),
            ("so the answer came from elsewhere: a proxy, a cache, another layer, or an older deployment.", "plain"),
        )
        return
    out.say(f"{guard.name} does not grant it:", "bad")
    say_changes(out, rehearsal)


def _message_document(message: Message, known: Known, rehearsal: Rehearsal | None) -> dict[str, Any]:
    fix, (title, look) = _fix_of(message), _meaning_of(message)
    return {
        "browser": message.engine or None,
        "name": message.name,
        "is_cors": message.failure is not None and REASONS[message.failure.reason].kind == "cors",
        "url": as_shown(message.url, _LONGEST_URL),
        "origin": as_shown(message.origin),
        "method": as_shown(message.method),
        "header": None if message.header is None else as_shown(message.header),
        "assumed": message.assumed,
        "meaning": title,
        "fix": fix.data(),
        "look_at": look,
        "notes": [*_notes(message)],
        "next": _next(message, known),
        "under_policy": None if rehearsal is None else _document(rehearsal),
    }
