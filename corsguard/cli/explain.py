"""
`corsguard explain`: what a policy grants and what a browser does with it, or what a console message or a code means.
Offline.

This module reads the options, calls `corsguard.diagnosis`, and prints the result.
"""

import shlex
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

import click

from corsguard.browser.confidential import PUBLIC_HEADERS, secrets_of
from corsguard.browser.evidence import as_shown
from corsguard.browser.exchanges import shown
from corsguard.browser.wire import Header
from corsguard.diagnosis import Meaning, read_message
from corsguard.diagnosis.asking import LONGEST_URL
from corsguard.diagnosis.consoles import LONGEST_MESSAGE
from corsguard.diagnosis.guarded import FORMS, Guarded, load_guarded
from corsguard.diagnosis.objects import is_module
from corsguard.diagnosis.playing import Fetch
from corsguard.diagnosis.rehearsal import Edit, Heard, Rehearsal, rehearse, staged
from corsguard.errors import Problem
from corsguard.explanation import Step
from corsguard.fixes import Fix, Form
from corsguard.hosts import host_of
from corsguard.manual import Part, is_code, part_of_code
from corsguard.names import EXAMPLE_ORIGIN

from .manual import show
from .options import credentials_option, headers_option, json_option, method_option, page_option
from .printing import Exit, Output, printable

_FRAMEWORKS: Final[Mapping[Form, str]] = {
    "wsgi": "WSGI",
    "asgi": "ASGI",
    "fastapi": "FastAPI",
    "flask": "Flask",
    "django": "Django",
}
# WSGI has no WebSockets.
_OF_SOCKETS: Final[Mapping[Form, str]] = {"asgi": "ASGI", "fastapi": "FastAPI"}
_OUTERMOST: Final[Mapping[Form, str]] = {
    "wsgi": "application = CORSMiddleware(application, {...})  # after all other middlewares",
    "asgi": "application = CORSMiddleware(app, {...})  # after all other middlewares; from corsguard.asgi",
    "fastapi": "CORSGuard(app, {...})  # from corsguard.asgi; app.add_middleware would put it too far inside",
    "flask": "CORSGuard(app, {...})  # answers before routes and before_request",
    "django": 'MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]',
}
_NEEDED: Final = (
    f"Name the page that sends the request: --page {EXAMPLE_ORIGIN}. (For a message from a console, write it in "
    "quotation marks, with its spaces.)"
)
_UNKNOWN: Final = """\
This message is not known. corsguard knows: "blocked by CORS policy: ..." and net::ERR_... (Chromium), \
"Cross-Origin Request Blocked: ... (Reason: ...)" (Firefox, in any language), "... due to access control checks" \
(Safari), the names in Network panels ("CORS Missing Allow Origin"), and messages that look like CORS: WebSockets, \
EventSource, Content Security Policy, Mixed Content, Cross-Origin-Resource-Policy, opaque responses, Local Network \
Access, SameSite, CSRF, the proxies of development servers, and the output of curl -i and -v. Paste the whole line, in \
quotation marks, or pipe it: corsguard explain < FILE"""


@click.command(short_help="Say what a console line, a policy or a code means.")
@click.argument("what", nargs=-1, metavar="[POLICY | MESSAGE | CODE | -]")
@page_option("Needed if a message does not name the page.")
@method_option()
@headers_option(needs_value=False)
@credentials_option()
@click.option("--path", default="/", show_default=True, metavar="PATH", help="Request this path.")
@click.option("--host", metavar="HOST", help="Request from this host, if there are policies by host.")
@click.option("--env", "environment", metavar="NAME", help="Choose an environment of the TOML file.")
@click.option("--policy", metavar="POLICY", help="Show whether this policy allows the request of the message.")
@click.option("--framework", type=click.Choice([*_FRAMEWORKS]), help="Write the fix for this framework.")
@json_option()
def explain(  # noqa: PLR0913 - one for each option
    what: Sequence[str],
    *,
    page: str | None,
    method: str | None,
    headers: Sequence[Header],
    credentials: bool,
    path: str,
    host: str | None,
    environment: str | None,
    policy: str | None,
    framework: Form | None,
    as_json: bool,
) -> None:
    """
    Explain how a policy answers a request, or what a line of a browser's console or a code means. Offline.

    \b
    A policy (a text without spaces, or a name that ends with .toml):
    corsguard explain cors.toml --page https://app.example.com -X PUT
    corsguard explain cors.toml --env production --page https://app.example.com
    corsguard explain shop.policies:API --page https://app.example.com --path /me
    corsguard explain "shop:create_app()" --page https://app.example.com
    corsguard explain mysite.settings --page https://app.example.com
    corsguard explain hosts.toml --page https://app.example.com --host a.example

    \b
    A message (a text with spaces, or one that begins with net::):
    corsguard explain "Access to fetch at ... has been blocked by CORS policy ..."
    corsguard explain --framework django "Cross-Origin Request Blocked: ..."
    corsguard explain --policy cors.toml "Access to fetch at ..."
    corsguard explain < console.txt

    \b
    A code, or the name of a reason:
    corsguard explain E203
    corsguard explain missing_allow_origin

    You can paste several lines. If a message does not name the page (Firefox, Safari) or the method, give --page and
    --method.

    Exit codes: 0 the page may read the response, or the message is only a warning; 1 blocked; 2 usage, or the message
    is not known.
    """
    out = Output(as_json=as_json, secrets=secrets_of(headers))
    text = " ".join(what)
    if page is None and (part := part_of_code(text)) is not None:
        _explain_code(out, part)
        return
    if is_code(text):
        raise click.UsageError(f"There is no code {text}. All of them: corsguard manual errors")
    # Other commands that read text need no "-" for a pipe either.
    is_piped = text == "-" or not (what or page or sys.stdin.isatty())
    if is_piped:
        text = sys.stdin.read(LONGEST_MESSAGE + 1)
    if not _is_message(text) and not (is_piped and (what or text)):
        if text.startswith(("http://", "https://", "ws://", "wss://")):
            raise click.UsageError(f"explain is for policies. To check a server: corsguard check {shlex.quote(text)}")
        if policy is not None or framework is not None:
            raise click.UsageError(
                "--policy and --framework are only for a message. Write the message in quotation marks, with its "
                "spaces."
            )
        if page is None:
            raise click.UsageError(f"{_NEEDED}\n\n{FORMS}")
        with out.progress("Loading the policy"):
            guarded = load_guarded(text or None, environment)
        with _usage():
            asked = staged(
                page,
                _checked_path(path),
                method or "GET",
                headers,
                with_credentials=credentials,
                host=_checked_host(host),
            )
            rehearsal = rehearse(guarded, asked)
        _explain_policy(out, guarded, rehearsal)
        return
    if len(text) > LONGEST_MESSAGE:
        raise click.UsageError(
            f"The message has more than {LONGEST_MESSAGE} characters. Paste only the lines of the console."
        )
    with out.progress("Loading the policy"):
        beside = None if policy is None else load_guarded(policy, environment)
    with _usage():
        found = read_message(text, page=page, method=method, headers=headers, credentials=credentials, policy=beside)
    if not found:
        raise click.UsageError(_UNKNOWN)
    _explain_messages(out, found, beside, framework)


@contextmanager
def _usage() -> Generator[None]:
    """
    End the command with a usage error if the options do not describe a request.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        raise click.UsageError(printable(str(error))) from None


def _is_message(text: str) -> bool:
    """
    Whether *text* is a message, or a name of a Network panel in one word, and not the name of a policy.
    """
    if text.endswith(".toml") or len(text.split()) > 1:
        return not text.endswith(".toml")
    is_name = bool(text) and "://" not in text and not is_module(text.partition(":")[0])
    return is_name and bool(read_message(text))


def _checked_path(path: str) -> str:
    if path.startswith("/"):
        return path
    raise click.BadParameter(
        f'"{as_shown(path)}" is not a path: write, for example, /items, without the host.', param_hint="--path"
    )


def _checked_host(host: str | None) -> str | None:
    if host is None or host_of(host) is not None:
        return host
    raise click.BadParameter(
        f'"{as_shown(host)}" is not a host: write, for example, api.example.com or localhost:8000.', param_hint="--host"
    )


def _explain_code(out: Output, part: Part) -> None:
    if out.as_json:
        out.data({"code": part.title, "page": part.page, "text": part.text})
    else:
        show(part.markdown)


# A policy


def _explain_policy(out: Output, guarded: Guarded, rehearsal: Rehearsal) -> None:
    if out.as_json:
        out.data(
            {
                "policy": guarded.name,
                **rehearsal.data(),
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
    out.say(f"({rehearsal.server} stands for the server.)", "dim")
    if error is not None:
        raise click.exceptions.Exit(Exit.BLOCKED)


def say_changes(out: Output, rehearsal: Rehearsal) -> None:
    """
    Print why the policies refuse, and which lines to change.
    """
    if rehearsal.absent is not None:
        _say_around(out, rehearsal.around)
        return
    for reason in rehearsal.reasons:
        out.say(f"  {printable(reason)}")
    for edit in rehearsal.edits:
        _say_edit(out, edit)
    for line in rehearsal.fix.page:
        out.spans(("  page: ", "dim"), (line, "good"))
    _say_around(out, rehearsal.around)


def _say_around(out: Output, problems: Sequence[Problem]) -> None:
    for problem in problems:
        out.spans((f"  {problem.code} ", "warning"), (printable(problem.message), "plain"))
        out.say(f"       fix: {problem.fix}", "good")


def _say_edit(out: Output, edit: Edit) -> None:
    out.say()
    out.spans(("Change ", "bold"), (printable(edit.place.name), "bold"))
    for line in edit.fix.written():
        out.say(f"    {printable(line)}", "good")
    for problem in edit.problems:
        out.spans((f"    but {problem.code}: ", "warning"), (printable(problem.message), "plain"))
        out.say(f"        {problem.fix}", "good")


def _say_exchange(out: Output, number: int, one: Heard, asked: Fetch) -> None:
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


def _say_step(out: Output, step: Step, asked: Fetch) -> None:
    if step.name == "exposed" or (step.name == "credentials" and not asked.with_credentials):
        return
    asks = "yes" if step.name == "credentials" else step.asked
    out.spans(
        ("     ok  ", "good") if step.passed else ("     NO  ", "bad"),
        (f"{step.name:12}{printable(asks)}: ", "bold"),
        (printable(step.reason), "plain"),
    )


# A message


def _explain_messages(out: Output, found: Sequence[Meaning], guarded: Guarded | None, framework: Form | None) -> None:
    if out.as_json:
        out.data({"messages": [meaning.data() for meaning in found]})
    groups = _alike(found)
    for number, (meaning, *others) in enumerate(groups, 1):
        if number > 1:
            out.say()
        if len(groups) > 1:
            out.say(f"{number} of {len(groups)}", "dim")
        _say_meaning(out, meaning, framework)
        if others:
            out.say()
            out.say("The same is true of:", "bold")
            for other in others:
                out.say(f"  {as_shown(other.message.url, LONGEST_URL)}")
        if meaning.rehearsal is not None and guarded is not None:
            _say_under(out, guarded, meaning.rehearsal)
        if meaning.next_command:
            out.say()
            out.spans(("Next: ", "bold"), (meaning.next_command, "good"))
    if any(meaning.is_blocked for meaning in found):
        raise click.exceptions.Exit(Exit.BLOCKED)


def _alike(found: Sequence[Meaning]) -> list[list[Meaning]]:
    """
    Return the meanings *found* in groups: those of one group differ in the URL only.
    """
    groups: list[list[Meaning]] = []
    for meaning in found:
        group = next((group for group in groups if group[0].apart_from_url == meaning.apart_from_url), None)
        if group is None:
            groups.append([meaning])
        else:
            group.append(meaning)
    return groups


def _say_meaning(out: Output, meaning: Meaning, framework: Form | None) -> None:
    message, fix = meaning.message, meaning.fix
    where = f"{message.engine}: " if message.engine else ""
    out.spans((where, "dim"), (meaning.title, "bold"))
    if meaning.subject:
        out.say(meaning.subject, "dim")
    out.say()
    out.say(fix.words)
    for line in fix.page:
        out.spans(("    page:   ", "dim"), (line, "good"))
    for line in fix.send:
        out.spans(("    send:   ", "dim"), (line, "good"))
    if fix.policy:
        _say_policy(
            out,
            fix,
            framework,
            _what_to_do(meaning),
            _OF_SOCKETS if message.is_handshake else _FRAMEWORKS,
        )
    elif meaning.is_about_layers:
        _say_layer(out, framework)
    for line in _assumptions(meaning):
        out.say(f"    {line}", "dim")
    out.say()
    out.say("Look at, in this order:", "bold")
    for number, line in enumerate(meaning.look_at, 1):
        out.say(f"  {number}. {line}")
    for note in meaning.notes:
        out.spans(("Note: ", "dim"), (note, "plain"))


def _say_policy(out: Output, fix: Fix, framework: Form | None, what_to_do: str, frameworks: Mapping[Form, str]) -> None:
    if framework is not None and framework not in frameworks:
        out.say("    WSGI has no WebSockets: guard the server that has them.", "dim")
        return
    out.say(f"    {what_to_do}:", "dim")
    for words, title in frameworks.items():
        if framework in {words, None}:
            for line in replace(fix, form=words).written():
                out.spans((f"    {title + ':':9}", "dim"), (line, "good"))
    if framework is None:
        for line in replace(fix, form="toml").written():
            out.spans(("    TOML:    ", "dim"), (line, "good"))


def _what_to_do(meaning: Meaning) -> str:
    if meaning.is_about_two:
        return "If corsguard is the one that sends it"
    if meaning.is_about_star:
        return "Write it in place of *"
    is_for_all = meaning.fix.policy.get("allow_origins") == "*"
    return (
        "Write it in place of a list of origins"
        if is_for_all
        else "Add it to what the policy lists, if it is missing there"
    )


def _say_layer(out: Output, framework: Form | None) -> None:
    out.say("    How to put the CORS layer outermost:", "dim")
    for words, title in _FRAMEWORKS.items():
        if framework in {words, None}:
            out.spans((f"    {title + ':':9}", "dim"), (_OUTERMOST[words], "good"))


def _assumptions(meaning: Meaning) -> Iterator[str]:
    parts = {
        "url": ("URL", "replace it with the URL of the request"),
        "first": ("URL before the redirect", "replace it with the URL of the request"),
        "page": ("page", "set it with --page"),
        "method": ("method", "set it with -X"),
        "header": ("header", "set it with -H"),
    }
    for name, word in meaning.stand_ins.items():
        part, option = parts[name]
        missing = "hides" if name in meaning.message.redacted else "does not name"
        missing = f"{missing} in full" if f"{name}_scheme" in meaning.message.assumed else missing
        yield f"{word} stands for the {part}, which the message {missing}: {option}"


def _say_under(out: Output, guarded: Guarded, rehearsal: Rehearsal) -> None:
    out.say()
    if rehearsal.error is None:
        out.spans(
            (f"{guarded.name} grants it: ", "good"),
            (
                "so the answer came from something else: a proxy, a cache, another layer, or an older deployment.",
                "plain",
            ),
        )
        return
    out.say(f"{guarded.name} does not grant it:", "bad")
    say_changes(out, rehearsal)
