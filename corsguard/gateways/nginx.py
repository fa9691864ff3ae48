"""
The syntax of nginx: maps for `http`, and what servers and locations include.

A map is computed when a line needs it, so the errors that nginx makes itself have the lines too. Plain strings in a map
ignore case, so what a client sends is compared by expressions.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from corsguard.errors import Problem
from corsguard.origin import SHORT_HOST

from .plan import ASKED, ECHO, Covers, Plan, Zone, literal, paths_of
from .problems import too_long
from .writing import KNOWN_NAMES, KNOWN_NAMES_ONLY, Target

_USAGE: Final = """\
Put the files into a folder named corsguard, next to nginx.conf.
In http:           include corsguard/http.conf;
In server:         include corsguard/server.conf;
In every location that has an add_header of its own, because nginx then drops all others:
                   include corsguard/headers.conf;"""
_USAGE_MORE: Final = """\
Put the files into a folder named corsguard, next to nginx.conf.
In http:           include corsguard/http.conf;
In server:         include corsguard/server.conf;
In every location: include corsguard/headers.conf;"""

# ngx_conf_file.c, NGX_CONF_BUFFER, with room for the quotes and the tilde.
_LONGEST: Final = 4000
# nginx has no other way to write a dollar sign in a value.
_DOLLAR: Final = "${corsguard_dollar}"
# The modules whose responses have headers of an application.
_MODULES: Final = ("proxy", "fastcgi", "uwsgi")
_VARY: Final = "Vary"


def _files(plan: Plan, *, has_headers_more: bool) -> Mapping[str, Iterable[str]]:
    return {
        "http.conf": _maps(plan, has_headers_more=has_headers_more),
        "server.conf": [*_answers(plan), *([] if has_headers_more else ["include corsguard/headers.conf;"])],
        "headers.conf": _headers(plan, has_headers_more=has_headers_more),
    }


def _problems(plan: Plan) -> Iterator[Problem]:
    return too_long(plan, "nginx", _LONGEST, _LONGEST, _written)


NGINX: Final = Target(
    "nginx",
    "nginx",
    _USAGE,
    partial(_files, has_headers_more=False),
    _problems,
    (KNOWN_NAMES_ONLY,),
)
NGINX_HEADERS_MORE: Final = Target(
    "nginx-headers-more",
    "nginx with the module headers-more",
    _USAGE_MORE,
    partial(_files, has_headers_more=True),
    _problems,
)


def _maps(plan: Plan, *, has_headers_more: bool) -> Iterator[str]:
    yield f'geo {_DOLLAR.replace("{", "").replace("}", "")} {{ default "$"; }}'
    if plan.chooses:
        yield from _map("$request_uri", "path", {"~^([^?#]*)": "$1"})
        zones = {f"~{expression}": _name(zone) for expression, zone in paths_of(plan)}
        yield from _map("$corsguard_path", "zone", zones)
    else:
        yield from _map("", "zone", {}, plan.zones[0].name)
    yield from _map("$http_origin", "asks", {"": "0"}, "1")
    yield from _map("$request_method:$http_access_control_request_method", "preflight", {"~^OPTIONS:.": "1"}, "0")
    for zone in plan.guarded:
        if zone.covers is not None:
            yield from _covers(zone.name, zone.covers)
    covered = {zone.name: f"$corsguard_covers_{zone.name}" for zone in plan.guarded}
    yield from _map("$corsguard_zone", "covered", covered, "0")
    states = {
        f"~^{zone.name} {asked}$": f"{zone.name}.{state}" for zone in plan.guarded for state, asked in ASKED.items()
    }
    # What is closed has a state too, and so has a path that can be read in several ways.
    named = "$corsguard_zone $corsguard_asks $corsguard_preflight $corsguard_covered"
    yield from _map(named, "state", {"~^ ": "", "~^- ": "odd", **states}, "closed")
    for name in (*KNOWN_NAMES, _VARY):
        yield from _map("$corsguard_state", _variable(name), _values(plan, name, has_headers_more=has_headers_more))
    answers = {state: str(decision.status) for state, decision in plan.decisions if decision.status is not None}
    yield from _map("$corsguard_state", "answer", answers)


def _name(zone: Zone | None) -> str:
    if zone is None:
        return "-"
    return "" if zone.is_open else zone.name


def _covers(name: str, covers: Covers) -> Iterator[str]:
    if covers.everyone:
        yield from _map("", f"covers_{name}", {}, "1")
        return
    exact = [f"~^{literal(origin)}$" for origin in covers.exact]
    short = SHORT_HOST.removeprefix("^")
    starred = [f"~^(?={short}){expression.removeprefix('^')}" for expression in covers.expressions]
    yield from _map("$http_origin", f"covers_{name}", dict.fromkeys([*exact, *starred], "1"), "0")


def _values(plan: Plan, name: str, *, has_headers_more: bool) -> dict[str, str]:
    """
    Return the value of the header *name* in each state.
    """
    values = {
        state: "$http_origin" if value == ECHO else _written(value)
        for state, decision in plan.decisions
        for line, value in decision.headers
        if line == name
    }
    if name == _VARY:
        # Whether there is a policy, and so what is answered, depends on how the path is read.
        return {**values, "odd": "Origin"} if plan.chooses and plan.varies else values
    # What nobody guards keeps its own line.
    return values if has_headers_more else {"": f"$upstream_http_{_variable(name)}", **values}


def _written(value: str) -> str:
    return value.replace("$", _DOLLAR)


def _variable(name: str) -> str:
    return name.lower().replace("-", "_")


def _map(of: str, name: str, values: Mapping[str, str], default: str = "") -> Iterator[str]:
    yield f'map "{of}" $corsguard_{name} {{'
    yield f'    default "{default}";'
    yield from (f'    "{key}" "{value}";' for key, value in values.items())
    yield "}"


def _answers(plan: Plan) -> Iterator[str]:
    answers = {decision.status: decision for _, decision in plan.decisions if decision.status is not None}
    if not answers:
        return
    yield "if ($corsguard_answer) { rewrite ^ /.corsguard/$corsguard_answer last; }"
    for status, decision in answers.items():
        body = "" if status == 204 else f' "{decision.body.decode()}"'.replace("\n", "\\n")
        yield f"location = /.corsguard/{status} {{"
        yield "    internal;"
        yield "    default_type text/plain;"
        yield "    include corsguard/headers.conf;"
        yield f"    return {status}{body};"
        yield "}"


def _headers(plan: Plan, *, has_headers_more: bool) -> Iterator[str]:
    del plan
    if has_headers_more:
        yield "if ($corsguard_state) { more_clear_headers 'Access-Control-*'; }"
    else:
        for module in _MODULES:
            yield from (f"{module}_hide_header {name};" for name in KNOWN_NAMES)
    for name in (*KNOWN_NAMES, _VARY):
        yield f"add_header {name} $corsguard_{_variable(name)} always;"
