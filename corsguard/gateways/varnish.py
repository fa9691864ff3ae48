"""
The syntax of Varnish: subroutines that run before those of the operator.

The headers are added when a response is delivered. So one object in the cache gets the right headers for every origin,
and the errors of Varnish itself have them, too.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from corsguard.errors import Problem
from corsguard.negotiation import Decision
from corsguard.origin import SHORT_HOST

from .plan import ECHO, REMOVED, Covers, Plan, Site, State
from .problems import too_long
from .writing import KNOWN_NAMES, KNOWN_NAMES_ONLY, Target

_USAGE: Final = """\
In your VCL (Varnish 7.0 or later), after "vcl" and before the first "sub":
                   include "/etc/varnish/corsguard.vcl";"""
_NOTES: Final = (
    KNOWN_NAMES_ONLY,
    "Varnish cannot add headers to piped requests. If your VCL pipes a request, leave its CORS to the guard.",
)

# The longest expression that PCRE compiles, and the longest value that fits into the workspace of a request
# (workspace_client), with a margin.
_LONGEST_EXPRESSION: Final = 16_000
_LONGEST_VALUE: Final = 32_000
# The name of a zone never has a minus sign.
_ODD_PATH: Final = "odd-path"
# The variables of a request. A client must not be able to set them, and the application does not get them.
_PATH: Final = "req.http.X-Corsguard-Path"
_ZONE: Final = "req.http.X-Corsguard-Zone"
_COVERED: Final = "req.http.X-Corsguard-Covered"
_STATE: Final = "req.http.X-Corsguard-State"
_VARIABLES: Final = (_PATH, _ZONE, _COVERED, _STATE)
_ORIGIN: Final = "req.http.Origin"
_IS_PREFLIGHT: Final = f'{_ORIGIN} && req.method == "OPTIONS" && req.http.Access-Control-Request-Method'
# The condition of each state in a zone. The first true one decides.
_STATES: Final[Mapping[State, str]] = {
    "permit": f"{_IS_PREFLIGHT} && {_COVERED}",
    "forbid": _IS_PREFLIGHT,
    "share": f"{_ORIGIN} && {_COVERED}",
    "refuse": _ORIGIN,
    "silent": "true",
}
_HOOKS: Final = """\
sub vcl_recv {
    if (req.restarts == 0) {
        call corsguard_forget;
        call corsguard_zone;
        call corsguard_covered;
        call corsguard_state;
        call corsguard_answer;
    }
}

sub vcl_req_method {
    # Varnish would pipe the methods that it does not know.
    if (req.http.X-Corsguard-State && req.method != "GET" && req.method != "HEAD" && req.method != "PRI") {
        return (pass);
    }
}

sub vcl_backend_fetch {
    call corsguard_hide;
}

sub vcl_pipe {
    call corsguard_hide;
}

sub vcl_deliver {
    call corsguard_headers;
}

sub vcl_synth {
    call corsguard_headers;
    call corsguard_body;
}"""


def _files(plan: Plan) -> Mapping[str, Iterable[str]]:
    subs = {
        "forget": [f"unset {variable};" for variable in _VARIABLES],
        "hide": [f"unset be{variable};" for variable in _VARIABLES],
        "zone": _zone(plan),
        "covered": _covered(plan),
        "state": _state(),
        "answer": _answers(plan),
        "headers": _headers(plan),
        "body": _bodies(plan),
    }
    lines = (line for name, body in subs.items() for line in (*_block(f"sub corsguard_{name}", body), ""))
    return {"corsguard.vcl": ["import std;", "", *lines, *_HOOKS.splitlines()]}


def _problems(plan: Plan) -> Iterator[Problem]:
    return too_long(plan, "Varnish", _LONGEST_EXPRESSION, _LONGEST_VALUE)


VARNISH: Final = Target("varnish", "Varnish", _USAGE, _files, _problems, _NOTES)


def _zone(plan: Plan) -> Iterator[str]:
    yield _set(_PATH, 'regsub(req.url, "[?].*", "")')
    at_hosts = ((expression, [*_zone_of(site)]) for expression, site in plan.hosts)
    yield from _first((_matches("req.http.Host", expression), lines) for expression, lines in at_hosts)
    left_alone = [f"{_ZONE} == {_text(zone.name)}" for zone in plan.zones if zone.is_open]
    if left_alone:
        yield from _block(f"if ({' || '.join(left_alone)})", [f"unset {_ZONE};"])


def _zone_of(site: Site | None) -> Iterator[str]:
    paths = site.paths if site is not None else ()
    names = ((expression, zone.name if zone else _ODD_PATH) for expression, zone in paths)
    yield from _first((_matches(_PATH, expression), [_set(_ZONE, _text(name))]) for expression, name in names)


def _matches(variable: str, expression: str | None) -> str:
    return "true" if expression is None else f"{variable} ~ {_text(expression)}"


def _covered(plan: Plan) -> Iterator[str]:
    # Two lines become one value, which no policy covers.
    yield f'std.collect({_ORIGIN}, ", ");'
    for zone in plan.guarded:
        if zone.covers is not None:
            is_covered = " || ".join(_is_covered(zone.covers)) or "false"
            condition = f"{_ZONE} == {_text(zone.name)} && ({is_covered})"
            yield from _block(f"if ({condition})", [_set(_COVERED, _ORIGIN)])


def _is_covered(covers: Covers) -> Iterator[str]:
    if covers.everyone:
        yield "true"
    yield from (f"{_ORIGIN} == {_text(origin)}" for origin in covers.exact)
    if covers.expressions:
        starred = " || ".join(f"{_ORIGIN} ~ {_text(expression)}" for expression in covers.expressions)
        # Varnish fails if PCRE gives up on a long text.
        yield f"{_ORIGIN} ~ {_text(SHORT_HOST)} && ({starred})"


def _state() -> Iterator[str]:
    states = _first((condition, [_set(_STATE, f'{_ZONE} + ".{state}"')]) for state, condition in _STATES.items())
    yield from _block(f"if ({_ZONE})", states)


def _answers(plan: Plan) -> Iterator[str]:
    for state, decision in plan.decisions:
        if decision.status is not None:
            yield from _block(f"if ({_in(state)})", [f"return (synth({decision.status}));"])


def _headers(plan: Plan) -> Iterator[str]:
    yield from _block(f"if ({_STATE})", (f"unset resp.http.{name};" for name in KNOWN_NAMES))
    for state, decision in plan.decisions:
        lines = [*_lines(decision)]
        if lines:
            yield from _block(f"if ({_in(state)})", lines)
    varied = {"Origin": [f"{_ZONE} == {_text(_ODD_PATH)}"]} if plan.odd_varies else {}
    for state, decision in plan.decisions:
        if decision.status is None and decision.vary:
            varied.setdefault(decision.vary, []).append(_in(state))
    for value, conditions in varied.items():
        yield from _block(f"if ({' || '.join(conditions)})", _merged(value))


def _lines(decision: Decision) -> Iterator[str]:
    for name, value in decision.headers:
        is_merged = name == "Vary" and decision.status is None
        if value == REMOVED:
            yield f"unset resp.http.{name};"
        # Varnish counts the length itself.
        elif not is_merged and name != "Content-Length":
            yield _set(f"resp.http.{name}", _COVERED if value == ECHO else _text(value))


def _merged(value: str) -> Iterator[str]:
    is_there = rf'resp.http.Vary ~ "(?i)(^|[ \t,])([*]|{value})([ \t,]|$)"'
    alone, added = _text(value), f"resp.http.Vary + {_text(f', {value}')}"
    yield from _first(
        [("!resp.http.Vary", [_set("resp.http.Vary", alone)]), (f"!({is_there})", [_set("resp.http.Vary", added)])]
    )


def _bodies(plan: Plan) -> Iterator[str]:
    for state, decision in plan.decisions:
        if decision.status is not None:
            yield from _block(
                f"if ({_in(state)})", [f"synthetic({_text(decision.body.decode())});", "return (deliver);"]
            )


def _in(state: str) -> str:
    return f"{_STATE} == {_text(state)}"


def _set(variable: str, value: str) -> str:
    return f"set {variable} = {value};"


def _first(choices: Iterable[tuple[str, Iterable[str]]]) -> Iterator[str]:
    word = "if"
    for condition, statements in choices:
        yield from _block(f"{word} ({condition})", statements)
        word = "elsif"


def _block(head: str, body: Iterable[str]) -> Iterator[str]:
    yield f"{head} {{"
    yield from (f"    {line}" for line in body)
    yield "}"


def _text(text: str) -> str:
    # Neither form has escapes. No name, value or expression has a quotation mark.
    return f'{{"{text}"}}' if "\n" in text else f'"{text}"'
