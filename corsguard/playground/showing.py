"""
Returns the results of the model, the browser and the engine as plain data for the page. Only the diagrams are HTML,
which `drawing` makes.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from corsguard.browser import Exchange, NetworkError
from corsguard.browser.drawing import Drawn, Recall, sequence
from corsguard.browser.evidence import as_shown
from corsguard.browser.exchanges import SECRET_HEADERS, Shown, shown
from corsguard.browser.headers import get
from corsguard.browser.reasons import REASONS
from corsguard.browser.wire import Header
from corsguard.configuration import Configuration
from corsguard.configuration.editing import with_keywords
from corsguard.diagnosis.agreement import Disagreement, Got
from corsguard.diagnosis.commands import curl, shown_url
from corsguard.diagnosis.linting import lint_text
from corsguard.diagnosis.playing import Fetch
from corsguard.diagnosis.rehearsal import Edit, Heard, Rehearsal, rehearse
from corsguard.diagnosis.written_tests import as_test
from corsguard.errors import PolicyError
from corsguard.names import ALLOW_CREDENTIALS, ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN

from .conversions import Conversion, conversions
from .resources import resource
from .running import Run, Take

NAME: Final = "cors.toml"
_NOT_THERE: Final = "not there"
# Which answer decides about what a preflight asks.
_ANSWERED: Final = {
    "Access-Control-Request-Method": ALLOW_METHODS,
    "Access-Control-Request-Headers": ALLOW_HEADERS,
}
_ASKED: Final = ("Origin", *_ANSWERED)


def judged(text: str, environment: str | None) -> dict[str, Any]:
    """
    Return the problems of the policy *text*, line by line, its environments, and its conversions.
    """
    problems = [
        {
            "level": placed.level,
            "line": placed.line,
            "code": placed.code,
            "message": placed.message,
            "fix": str(placed.fix),
            "corrections": [correction._asdict() for correction in corrections],
        }
        for placed, corrections in lint_text(text, NAME)
    ]
    found: list[Conversion] = []
    names: list[str] = []
    try:
        environments = Configuration.environments_in(text, NAME)
    except PolicyError:
        pass
    else:
        names = [name for name in environments if name is not None]
        chosen = environments.get(environment) or next(iter(environments.values()))
        found = [*conversions(chosen)]
    return {"problems": problems, "environments": names, "conversions": [one._asdict() for one in found]}


def played(run: Run, text: str) -> dict[str, Any]:
    """
    Return what the model says about *run*, under the policy *text*.
    """
    asked, take = run.asked, run.take
    told = rehearse(run.guarded, asked, _rehearsed)
    is_refused = isinstance(take.outcome, NetworkError)
    return {
        "run": run.number,
        "readable": not is_refused,
        "verdict": verdict(Got.of_model(take.outcome)),
        "happened": happened(take, Got.of_model(take.outcome), take.exchanges),
        "decided": [decided(exchange) for exchange in take.exchanges],
        "diagram": diagram(asked, take, Got.of_model(take.outcome), take.exchanges, "What the model of a browser does"),
        "console": _console(take),
        "story": story(told, text),
        "test": as_test(run.bare, is_readable=not is_refused),
        "curl": "\n".join(
            curl(one.request, SECRET_HEADERS | {name.lower() for name, _ in asked.headers}, connect_to={})
            for one in take.exchanges
        ),
    }


def compared(
    run: Run, got: Got, exchanges: Sequence[Exchange], found: Sequence[Disagreement], said: dict[str, str]
) -> dict[str, Any]:
    """
    Return what the browser did in *run*, and where it differs from the model; *said* has the browser's name and the
    policy.
    """
    return {
        "readable": got.what != "error",
        "verdict": verdict(got),
        "happened": happened(run.take, got, exchanges),
        "decided": [decided(exchange) for exchange in exchanges],
        "diagram": diagram(run.asked, run.take, got, exchanges, "What your browser did"),
        "differences": [one.data() for one in found],
        "case": "\n".join(_case(run, exchanges, found, said)) if found else "",
    }


def verdict(got: Got) -> str:
    """
    Return what a page *got*, in a sentence.
    """
    match got.what:
        case "error":
            return "Blocked: the page gets only an error."
        case "open":
            return "Open: the page talks to the server."
        case _ if got.status == 0:
            return "Opaque: the page learns only that an answer came."
        case _:
            return f"Readable: the page gets status {got.status}."


def happened(take: Take, got: Got, exchanges: Sequence[Exchange]) -> list[str]:
    """
    Return in sentences what the browser did when a page *got* this, and why; the model says why.
    """
    last = exchanges[-1] if exchanges else None
    if last is None:
        did = "The browser sent nothing to the server."
    elif last.is_preflight:
        did = "The browser sent only a preflight. It did not send the request of the page."
    else:
        cookie = "with the cookie" if get(last.request.headers, "Cookie") else "without a cookie"
        did = f"The browser sent the request {cookie}, the server answered, and {_ended(last, got)}."
    if got.what == "error" and isinstance(take.outcome, NetworkError):
        return [did, REASONS[take.outcome.failure.reason].why]
    return [did]


def decided(exchange: Exchange) -> dict[str, Any]:
    """
    Return the lines of *exchange* that decide, also those that are not there.
    """
    request, response = exchange.request, exchange.response
    asked = [name for name in _ASKED if get(request.headers, name) is not None]
    answered = [ALLOW_ORIGIN, ALLOW_CREDENTIALS, *(_ANSWERED[name] for name in asked if name in _ANSWERED)]
    if _is_handshake(exchange):
        # For a handshake, only the status counts (WebSockets, "establish a WebSocket connection").
        answered = []
    headers = () if response is None else response.headers
    return {
        "title": shown(exchange).title,
        "sent": [*_told(request.headers, asked), *_cookie(exchange)],
        "answered": ["no response" if response is None else f"status {response.status}", *_told(headers, answered)],
    }


def diagram(asked: Fetch, take: Take, got: Got, exchanges: Sequence[Exchange], title: str) -> str:
    """
    Return the *exchanges* as HTML; the model says which step failed.
    """
    secret = SECRET_HEADERS | {name.lower() for name, _ in asked.headers if name.lower() == "authorization"}
    steps: list[Shown | Recall] = []
    places: list[int] = []
    for number, one in enumerate(exchanges):
        steps += _recalled(one, exchanges[number - 1] if number else None, take)
        places.append(len(steps))
        steps.append(shown(one, secrets=secret))
    failed, mark = None, "This step failed."
    if got.what == "error" and places:
        at = len(places) - 1
        if isinstance(take.outcome, NetworkError):
            refused = take.outcome.failure.exchange
            at = next((number for number, one in enumerate(take.exchanges[: len(places)]) if one is refused), at)
            mark = "The browser refuses this answer."
        failed = places[at]
    call = "new WebSocket" if asked.is_handshake else "XMLHttpRequest: send" if asked.upload_listener else "fetch"
    credentials = ", with credentials" if asked.with_credentials and not asked.is_handshake else ""
    drawn = Drawn(
        page=as_shown(asked.page_origin),
        server=as_shown(asked.server_origin),
        call=f'{call}("{shown_url(asked.url)}"), {as_shown(asked.method)}{credentials}',
        exchanges=tuple(steps),
        end=verdict(got),
        failed=failed,
        mark=mark,
        is_refused=got.what == "error",
    )
    return sequence(drawn, title, is_folded=True)


def story(told: Rehearsal, text: str) -> dict[str, Any]:
    """
    Return what `explain` says, step by step, and the policy *text* with all changes.
    """
    return {
        "verdict": told.verdict,
        "reasons": [*told.reasons] if told.error is not None else [],
        "steps": [step for one in told.heard for step in _steps(one, told.asked)],
        "edits": [_edit(edit) for edit in told.edits],
        "corrected": _corrected(told.edits, text),
        "page": [*told.fix.page] if told.error is not None else [],
        "notes": [*told.error.notes] if told.error is not None else [],
    }


def _rehearsed(environ: Any) -> Any:  # noqa: ANN401 - see resource
    answered = resource(environ)
    return int(answered.status[:3]), answered.headers


def _steps(one: Heard, asked: Fetch) -> Iterator[dict[str, Any]]:
    what = "preflight" if one.exchange.is_preflight else "request"
    if one.policy is None:
        yield {"of": what, "name": "path", "passed": False, "reason": one.explanation.verdict}
        return
    for step in one.explanation.steps:
        if step.name == "exposed" or (step.name == "credentials" and not asked.with_credentials):
            continue
        name = step.name if step.name == "credentials" else f"{step.name} {step.asked}"
        yield {"of": what, "name": name, "passed": step.passed, "reason": step.reason}


def _edit(edit: Edit) -> dict[str, Any]:
    problems = [problem.message for problem in edit.problems]
    return {"place": edit.place.name, "lines": edit.fix.written(), "problems": problems}


def _corrected(edits: Sequence[Edit], text: str) -> str | None:
    """
    Return *text* with all *edits*, because a single one may be refused; None if there are none, or if one cannot be
    applied.
    """
    corrected: str | None = text if edits else None
    for edit in edits:
        if corrected is None or edit.problems:
            return None
        corrected = with_keywords(corrected, edit.place.table, edit.fix.policy)
    return corrected


def _ended(last: Exchange, got: Got) -> str:
    if got.what == "error":
        is_handshake = _is_handshake(last)
        return "the WebSocket does not open" if is_handshake else "the browser hides the answer from the page"
    if got.what == "open":
        return "the WebSocket is open"
    return "the page learns only that an answer came" if got.status == 0 else "the page gets the answer"


def _is_handshake(exchange: Exchange) -> bool:
    return get(exchange.request.headers, "Upgrade") is not None


def _cookie(exchange: Exchange) -> Iterator[str]:
    # A preflight never has cookies.
    if not exchange.is_preflight:
        yield "Cookie: sent" if get(exchange.request.headers, "Cookie") else "Cookie: not sent"


def _told(headers: Sequence[Header], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        value = get(headers, name)
        yield f"{name}: {_NOT_THERE if value is None else as_shown(value)}"


def _console(take: Take) -> dict[str, str]:
    error = take.outcome
    if not isinstance(error, NetworkError):
        return {}
    return {"Chromium": error.chromium, "Firefox": error.firefox, "Safari": error.safari}


def _recalled(one: Exchange, before: Exchange | None, take: Take) -> Iterator[Recall]:
    """
    Yield the lookups in the preflight cache before this request.
    """
    url = shown_url(one.request.url)
    if one.is_preflight:
        method = get(one.request.headers, "Access-Control-Request-Method") or ""
        yield Recall(f"May {as_shown(method)} {url} be sent?", "Not known. Ask the server.")
    elif one.request.url in take.urls and (before is None or not before.is_preflight):
        yield Recall(f"May {one.request.method} {url} be sent?", "Yes, an earlier preflight said so.")


def _case(
    run: Run, exchanges: Sequence[Exchange], found: Sequence[Disagreement], said: dict[str, str]
) -> Iterator[str]:
    yield "corsguard playground: the browser and the model do not agree."
    yield from (f"{name}: {value}" for name, value in said.items() if name != "policy")
    for one in found:
        yield f"{one.about}: the browser has {one.browser}; the model has {one.model}. {one.why}".rstrip()
    asked = {name: value for name, value in _fields(run.asked).items() if value}
    yield f"request: {json.dumps(asked)}"
    yield "on the wire:"
    for exchange in exchanges:
        told = shown(exchange)
        yield from (f"  {line}" for line in (told.title, *told.request_lines, *told.response_lines))
    yield "policy:"
    yield from (f"  {line}" for line in said["policy"].splitlines())


def _fields(asked: Fetch) -> dict[str, Any]:
    names = ("page", "origin", "url", "method", "credentials", "redirect", "upload_listener")
    return {**{name: getattr(asked, name) for name in names}, "headers": [name for name, _ in asked.headers]}
