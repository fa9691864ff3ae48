"""
The syntax of Apache httpd: variables that are read from the request line, and headers that depend on them.

The last line with a true condition sets a variable, so the line that has to win comes last. Expressions of httpd add a
`Vary` for every header that they read, unless it is read with `req_novary`.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Final

from corsguard.errors import Problem
from corsguard.names import TIMING_ALLOW_ORIGIN
from corsguard.origin import SHORT_HOST
from corsguard.quoting import quoted

from .plan import ECHO, REMOVED, Covers, Plan, State, Zone
from .problems import problem, too_long
from .writing import KNOWN_NAMES, KNOWN_NAMES_ONLY, Target

_TITLE: Final = "Apache httpd"
_USAGE: Final = """\
Put this file into a folder named corsguard, next to apache2.conf or httpd.conf.
Once:                 a2enmod headers rewrite setenvif
In each VirtualHost, before its rules of mod_rewrite:
                      Include corsguard/corsguard.conf"""
_NOTES: Final = (
    KNOWN_NAMES_ONLY,
    "A refused preflight has the error page of httpd for 403. No browser shows it.",
    "httpd answers 404 to an encoded slash in a path, unless you set AllowEncodedSlashes.",
)

# The name of a zone never has a minus sign.
_ODD: Final = "odd-path"
_CLOSED: Final = "closed-path"
_ORIGIN: Final = "req_novary('Origin')"
_ASKS: Final = f"-n {_ORIGIN}"
# Read from the request line, because an error page is another request with another method, which reads everything
# again.
_IS_PREFLIGHT: Final = (_ASKS, "%{THE_REQUEST} =~ m#^OPTIONS #", "-n req_novary('Access-Control-Request-Method')")
_IS_COVERED: Final = "-n reqenv('CORSGUARD_COVERED')"
# The conditions of each state in a zone; the last that are true decide.
_STATES: Final[Mapping[State, tuple[str, ...]]] = {
    "silent": (),
    "refuse": (_ASKS,),
    "share": (_ASKS, _IS_COVERED),
    "forbid": _IS_PREFLIGHT,
    "permit": (*_IS_PREFLIGHT, _IS_COVERED),
}
# MAX_STRING_LEN of httpd, the bound for a string in an expression.
_LONGEST: Final = 8_000


def _files(plan: Plan) -> Mapping[str, Iterable[str]]:
    return {"corsguard.conf": [*_state(plan), *_answers(plan), *_headers(plan)]}


def _problems(plan: Plan) -> Iterator[Problem]:
    yield from too_long(plan, _TITLE, _LONGEST, inf)
    for zone in plan.guarded:
        if any(decision.status == 200 for decision in (zone.states or {}).values()):
            fix = "Write preflight_status=204, or leave CORS on these paths to the guard in the application."
            reason = "it cannot answer with the status 200 and without content."
            place = f"the policy of {quoted(zone.place)}"
            yield problem("E857", zone.place, zone.place, fix, target=_TITLE, place=place, reason=reason)


APACHE: Final = Target("apache", _TITLE, _USAGE, _files, _problems, _NOTES)


def _state(plan: Plan) -> Iterator[str]:
    yield _set("PATH=$1", "%{THE_REQUEST} =~ m#^[^ ]+ ([^ ?]*)#")
    for expression, site in reversed(plan.hosts):
        if expression is not None:
            yield _set(f"SITE={site.name if site else ''}", f"req_novary('Host') =~ m#{expression}#")
    for site in plan.sites:
        here = [f"reqenv('CORSGUARD_SITE') == '{site.name}'"] if plan.names_hosts else []
        for expression, zone in reversed(site.paths):
            matches = "true" if expression is None else f"reqenv('CORSGUARD_PATH') =~ m#{expression}#"
            yield _set(f"ZONE={_name(zone)}", *here, matches)
    yield _set("SHORT=1", f"{_ORIGIN} =~ m#{SHORT_HOST}#")
    for zone in plan.guarded:
        if zone.covers is not None:
            yield from (_set("COVERED=1", _is_in(zone.name), *conditions) for conditions in _covers(zone.covers))
    yield from (_set(f"STATE={name}", _is_in(name)) for name in (_CLOSED, _ODD))
    for zone in plan.guarded:
        for state, conditions in _STATES.items():
            yield _set(f"STATE={zone.name}.{state}", _is_in(zone.name), *conditions)


def _set(variable: str, *conditions: str) -> str:
    return f'SetEnvIfExpr "{" && ".join(conditions)}" CORSGUARD_{variable}'


def _name(zone: Zone | None) -> str:
    if zone is None:
        return _ODD
    return zone.name if zone.states is not None or zone.is_open else _CLOSED


def _is_in(name: str) -> str:
    return f"reqenv('CORSGUARD_ZONE') == '{name}'"


def _covers(covers: Covers) -> Iterator[tuple[str, ...]]:
    if covers.everyone:
        yield ()
    yield from ((f"{_ORIGIN} == '{origin}'",) for origin in covers.exact)
    for expression in covers.expressions:
        yield "-n reqenv('CORSGUARD_SHORT')", f"{_ORIGIN} =~ m#{expression}#"


def _answers(plan: Plan) -> Iterator[str]:
    yield "RewriteEngine On"
    for state, decision in plan.decisions:
        if decision.status is not None:
            yield f"RewriteCond %{{ENV:CORSGUARD_STATE}} ={state}"
            yield f"RewriteRule ^ - [R={decision.status},L]"


def _headers(plan: Plan) -> Iterator[str]:
    for name in KNOWN_NAMES:
        yield from _unset(name, "-n reqenv('CORSGUARD_STATE')")
    for state, decision in plan.decisions:
        for name, value in decision.headers:
            if name == TIMING_ALLOW_ORIGIN:
                yield from _unset(name, f"reqenv('CORSGUARD_STATE') == '{state}'")
            # httpd sets the content itself.
            if value != REMOVED and not name.startswith("Content-"):
                yield _header(name, value, state)
    if plan.odd_varies:
        yield _header("Vary", "Origin", _ODD)


def _unset(name: str, condition: str) -> Iterator[str]:
    # httpd has two lists of headers, and headers of an application may be in either of them.
    for table in ("onsuccess", "always"):
        yield f'Header {table} unset {name} "expr={condition}"'


def _header(name: str, value: str, state: str) -> str:
    # A percent sign is doubled, because a single one begins a variable.
    written = "expr=%{req_novary:Origin}" if value == ECHO else value.replace("%", "%%")
    action = "merge" if name == "Vary" else "set"
    return f"Header always {action} {name} \"{written}\" \"expr=reqenv('CORSGUARD_STATE') == '{state}'\""
