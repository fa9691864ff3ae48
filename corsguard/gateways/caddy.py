"""
The syntax of Caddy: one snippet, imported where requests are handled and where errors are handled.

Maps use the original request, so rewrites and errors do not change their values.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from corsguard.errors import Problem
from corsguard.negotiation import Decision
from corsguard.origin import SHORT_HOST

from .plan import ASKED, ECHO, REMOVED, Covers, Plan, Site, Zone, literal
from .writing import Target

_USAGE: Final = """\
Put this file into a folder named corsguard, next to the Caddyfile of Caddy (2.6 or later).
Before the sites:  import corsguard/snippet.caddy
In a site:         route {
                       import corsguard
                       handle {
                           (the other lines of the site; tls, log and bind stay before "route")
                       }
                   }
                   handle_errors {
                       route {
                           import corsguard
                           handle {
                               (all that handle_errors had, if there was one)
                           }
                       }
                   }"""

_ORIGIN: Final = "{http.request.header.Origin}"


def _files(plan: Plan) -> Mapping[str, Iterable[str]]:
    # Outside of a route, Caddy would sort these lines.
    inner = (f"        {line}" for line in _snippet(plan))
    return {"snippet.caddy": ["(corsguard) {", "    route {", *inner, "    }", "}"]}


def _no_problems(_: Plan) -> Iterable[Problem]:
    return ()


CADDY: Final = Target("caddy", "Caddy", _USAGE, _files, _no_problems)


def _snippet(plan: Plan) -> Iterator[str]:
    yield from _state(plan)
    # Deferred lines run from the last to the first, so the step that runs first is at the end of the file.
    sent = {state: _lines(decision) for state, decision in plan.decisions}
    odd = {"odd": ['+Vary "Origin"']} if plan.odd_varies else {}
    for state, lines in {**sent, **odd}.items():
        yield f"{_matcher(state)} vars corsguard_state {state}"
        yield from _deferred(_matcher(state), lines)
    yield '@corsguard_taken not vars corsguard_state ""'
    yield from _deferred("@corsguard_taken", ["-Access-Control-*"])
    for state, decision in plan.decisions:
        if decision.status is not None:
            # A line break in quotes counts, so the next line must not be indented.
            body = f' "{decision.body.decode()}"' if decision.body else ""
            yield f"respond {_matcher(state)}{body} {decision.status}"


def _state(plan: Plan) -> Iterator[str]:
    yield from _map("{http.request.orig_uri}", "path", {"~^([^?]*)": "${1}"})
    for site in plan.sites:
        zones = {f"~{expression or '^'}": _name(zone) for expression, zone in site.paths}
        yield from _map("{corsguard_path}", f"zone_{site.name}", zones)
    # Caddy uses the value of an expression unchanged, and replaces placeholders only in other values.
    sites = {f"~{expression or '^'}": _site(site) for expression, site in plan.hosts}
    yield from _map("{http.request.hostport}", "site", sites)
    zones_of = {_site(site): f"{{corsguard_zone_{site.name}}}" for site in plan.sites}
    yield from _map("{corsguard_site}", "zone", zones_of)
    yield from _flag("asks", "header Origin *")
    yield from _flag("preflight", "method OPTIONS", "header Access-Control-Request-Method *")
    yield from _map(_ORIGIN, "short", {f"~{SHORT_HOST}": "1"}, "0")
    for zone in plan.guarded:
        if zone.covers is not None and not zone.covers.everyone:
            yield from _covers(zone.name, zone.covers)
    covered = {
        _name(zone): "1" if zone.covers is None or zone.covers.everyone else f"{{corsguard_covers_{zone.name}}}"
        for zone in plan.guarded
    }
    yield from _map("{corsguard_zone}", "covered", covered, "0")
    states = {
        f"~^{_name(zone)} {asked}$": f"{zone.name}.{state}" for zone in plan.guarded for state, asked in ASKED.items()
    }
    # Closed paths have a state too, and so have paths that can be read in several ways.
    named = "{corsguard_zone} {http.vars.corsguard_asks} {http.vars.corsguard_preflight} {corsguard_covered}"
    yield from _map(named, "state", {"~^ ": "", "~^odd ": "odd", **states}, "closed")
    # Stored, so that it is computed once for each request.
    yield "vars corsguard_state {corsguard_state}"


# With a prefix, because a name such as 007 would become a number.


def _site(site: Site | None) -> str:
    return f"at_{site.name}" if site is not None else ""


def _name(zone: Zone | None) -> str:
    if zone is None:
        return "odd"
    return "" if zone.is_open else f"in_{zone.name}"


def _covers(name: str, covers: Covers) -> Iterator[str]:
    exact = [f"~^[01] {literal(origin)}$" for origin in covers.exact]
    starred = [f"~^1 {expression.removeprefix('^')}" for expression in covers.expressions]
    yield from _map(f"{{corsguard_short}} {_ORIGIN}", f"covers_{name}", dict.fromkeys([*exact, *starred], "1"), "0")


def _map(of: str, name: str, values: Mapping[str, str], default: str = "") -> Iterator[str]:
    yield f'map "{of}" {{corsguard_{name}}} {{'
    yield from (f'    "{key}" "{value}"' for key, value in values.items())
    yield f'    default "{default}"'
    yield "}"


def _flag(name: str, *conditions: str) -> Iterator[str]:
    yield f"@corsguard_{name} {{"
    yield from (f"    {condition}" for condition in conditions)
    yield "}"
    yield f"vars corsguard_{name} 0"
    yield f"vars @corsguard_{name} corsguard_{name} 1"


def _matcher(state: str) -> str:
    return f"@corsguard_{state.replace('.', '_')}"


def _lines(decision: Decision) -> Iterator[str]:
    for name, value in decision.headers:
        if value == REMOVED:
            yield f"-{name}"
        # Caddy counts the content itself, and the existing values of Vary stay.
        elif name != "Content-Length":
            yield f'{"+" if name == "Vary" else ""}{name} "{_ORIGIN if value == ECHO else value}"'


def _deferred(matcher: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"header {matcher} {{"
    yield from (f"    {line}" for line in lines)
    yield "    defer"
    yield "}"
