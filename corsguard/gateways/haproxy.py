"""
The syntax of HAProxy: a section of defaults for frontends.

Rules after a response also apply to the errors of HAProxy itself. A variable has the value of the last line that sets
it and whose condition is true.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from corsguard.errors import Problem
from corsguard.origin import SHORT_HOST

from .plan import ECHO, REMOVED, Covers, Plan, State
from .problems import too_long
from .writing import Target

_USAGE: Final = """\
Start HAProxy (2.6 or later) with this file before its own: haproxy -f corsguard.cfg -f haproxy.cfg In haproxy.cfg:
frontend NAME from corsguard A frontend has only one section of defaults. Write other settings that it needs, such as
timeout client, into the frontend.
In a listen section, and before HAProxy 2.6: put the lines below "mode http" at the beginning of the section instead."""

# The longest expression that PCRE compiles, and the longest value that fits into a buffer of HAProxy (tune.bufsize),
# with a margin.
_LONGEST_EXPRESSION: Final = 16_000
_LONGEST_VALUE: Final = 15_000
# The name of a zone never has a minus sign.
_NOWHERE: Final = "no-zone"
_ODD_PATH: Final = "odd-path"
# The condition of each state; a later one that is true wins.
_STATES: Final[Mapping[State, str]] = {
    "silent": "corsguard.guards",
    "refuse": "corsguard.guards corsguard.asks",
    "share": "corsguard.guards corsguard.asks corsguard.covered",
    "forbid": "corsguard.guards corsguard.asks corsguard.options corsguard.method",
    "permit": "corsguard.guards corsguard.asks corsguard.options corsguard.method corsguard.covered",
}


def _files(plan: Plan) -> Mapping[str, Iterable[str]]:
    rules = ["mode http", *_zone(plan), *_covered(plan), *_state(plan), *_answers(plan), *_headers(plan)]
    return {"corsguard.cfg": ["defaults corsguard", *(f"    {rule}" for rule in rules)]}


def _problems(plan: Plan) -> Iterator[Problem]:
    return too_long(plan, "HAProxy", _LONGEST_EXPRESSION, _LONGEST_VALUE)


_NOTES: Final = (
    "HAProxy keeps 1,024 bytes free for headers that are added, and answers 500 if they are longer.",
    "If the policy exposes many headers, raise tune.maxrewrite.",
)
HAPROXY: Final = Target("haproxy", "HAProxy", _USAGE, _files, _problems, _NOTES)


def _zone(plan: Plan) -> Iterator[str]:
    if plan.names_hosts:
        yield _set("site", f"str({_NOWHERE})")
        for expression, site in reversed(plan.hosts):
            is_it = f"{{ req.fhdr(Host) -m reg {_strong(expression or '')} }}"
            yield _set("site", f"str({site.name if site else _NOWHERE})", is_it)
    yield _set("zone", f"str({_NOWHERE})")
    for site in plan.sites:
        here = [f"{{ var(txn.corsguard_site) -m str {site.name} }}"] if plan.names_hosts else []
        for expression, zone in reversed(site.paths):
            matches = [] if expression is None else [f"{{ path -m reg {_strong(expression)} }}"]
            yield _set("zone", f"str({zone.name if zone else _ODD_PATH})", *here, *matches)
        if site.chooses:
            yield _set("zone", f"str({_ODD_PATH})", *here, "!{ path -m found }")
    yield _acl(_ODD_PATH, f"var(txn.corsguard_zone) -m str {_ODD_PATH}")
    yield from (_acl(f"in-{zone.name}", f"var(txn.corsguard_zone) -m str {zone.name}") for zone in plan.zones)


def _covered(plan: Plan) -> Iterator[str]:
    yield _acl("asks", "req.fhdr(Origin) -m found")
    yield _acl("once", "req.fhdr_cnt(Origin) eq 1")
    yield _acl("short", f"req.fhdr(Origin) -m reg {_strong(SHORT_HOST)}")
    for zone in plan.guarded:
        if zone.covers is not None:
            yield from _covered_by(zone.covers, zone.name)


def _covered_by(covers: Covers, name: str) -> Iterator[str]:
    origin = "req.fhdr(Origin)"
    if covers.everyone:
        yield _set("covered", "bool(true)", f"corsguard.in-{name}")
    if covers.exact:
        yield from (_acl(f"{name}.exact", f"{origin} -m str {_weak(one)}") for one in covers.exact)
        yield _set("covered", origin, f"corsguard.in-{name} corsguard.once corsguard.{name}.exact")
    if covers.expressions:
        yield from (_acl(f"{name}.wildcard", f"{origin} -m reg {_strong(one)}") for one in covers.expressions)
        # The length is checked first, because PCRE gives up on a long text.
        yield _set("covered", origin, f"corsguard.in-{name} corsguard.once corsguard.short corsguard.{name}.wildcard")


def _state(plan: Plan) -> Iterator[str]:
    left_alone = [_NOWHERE, *(zone.name for zone in plan.zones if zone.is_open)]
    yield from (_acl("left-alone", f"var(txn.corsguard_zone) -m str {name}") for name in left_alone)
    yield _acl("guards", "var(txn.corsguard_state) -m found")
    yield _acl("options", "method -m str OPTIONS")
    yield _acl("method", "req.fhdr(Access-Control-Request-Method) -m found")
    yield _acl("covered", "var(txn.corsguard_covered) -m found")
    # The first rule sets the state that all other rules check.
    yield _set("state", "var(txn.corsguard_zone)", "!corsguard.left-alone")
    for state, condition in _STATES.items():
        yield f'http-request set-var-fmt(txn.corsguard_state) "%[var(txn.corsguard_zone)].{state}" if {condition}'
    yield from (_acl(state, f"var(txn.corsguard_state) -m str {state}") for state, _ in plan.decisions)


def _answers(plan: Plan) -> Iterator[str]:
    for state, decision in plan.decisions:
        if decision.status is not None:
            body = f" content-type text/plain string {_weak(decision.body.decode())}" if decision.body else ""
            yield f"http-request return status {decision.status}{body} if corsguard.{state}"


def _headers(plan: Plan) -> Iterator[str]:
    yield "http-after-response del-header Access-Control- -m beg if corsguard.guards"
    for state, decision in plan.decisions:
        for name, value in decision.headers:
            if name == "Vary":
                yield _vary(value, state, is_merged=decision.status is None)
            elif value == REMOVED:
                yield f"http-after-response del-header {name} if corsguard.{state}"
            # HAProxy counts the length itself.
            elif name != "Content-Length":
                text = '"%[var(txn.corsguard_covered)]"' if value == ECHO else _weak(value.replace("%", "%%"))
                yield f"http-after-response set-header {name} {text} if corsguard.{state}"
    if plan.odd_varies:
        yield _vary("Origin", _ODD_PATH, is_merged=True)


def _vary(value: str, acl: str, *, is_merged: bool) -> str:
    unless_said = f" !{{ res.hdr(Vary) -m str -i * {value} }}" if is_merged else ""
    return f"http-after-response add-header Vary {_weak(value)} if corsguard.{acl}{unless_said}"


def _acl(name: str, test: str) -> str:
    return f"acl corsguard.{name} {test}"


def _set(name: str, value: str, *conditions: str) -> str:
    return f"http-request set-var(txn.corsguard_{name}) {value}" + (f" if {' '.join(conditions)}" if conditions else "")


def _strong(expression: str) -> str:
    # These quotes have no escapes, and no expression contains one.
    return f"'{expression}'"


def _weak(text: str) -> str:
    for char, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n")):
        text = text.replace(char, escaped)
    return f'"{text}"'
