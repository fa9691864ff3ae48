"""
The syntax of Envoy: one route configuration, which Envoy reads from its file, and the filter `header_mutation`.

The first route that matches answers. Each state of a request is a separate route, because only a route can answer
without the application. An expression of Envoy matches the whole value, and only UTF-8.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import Final, NamedTuple

from corsguard.errors import Problem
from corsguard.negotiation import VARY, Decision, RequestKind
from corsguard.origin import SHORT_HOST
from corsguard.quoting import quoted

from .plan import ECHO, ODD, REMOVED, Covers, Plan, State, Zone, literal
from .problems import problem, too_long
from .writing import Target

# The most instructions of RE2, how many a wildcard takes at most, and one for each character.
_MOST: Final = 1_000_000
_WILDCARD: Final = 1_000
# header_map.proto: the longest value of a header.
_LONGEST: Final = 16_384

_FILTER: Final = "envoy.filters.http.header_mutation"
_TYPE: Final = "type.googleapis.com/envoy"
_USAGE: Final = f"""\
Put this file into a folder named corsguard, in the folder in which Envoy (1.36 or later) starts.
In the http_connection_manager, in place of its route_config:
    rds:
      route_config_name: corsguard
      config_source: {{path_config_source: {{path: corsguard/routes.yaml}}}}
As the first of its http_filters:
    - name: {_FILTER}
      typed_config:
        "@type": {_TYPE}.extensions.filters.http.header_mutation.v3.HeaderMutation
At the top, because Envoy reads no file of routes without a name of its own:
    node: {{id: gateway, cluster: gateway}}
In layered_runtime, because Envoy refuses expressions that are longer than a few words:
    layers: [{{name: corsguard, static_layer: {{re2.max_program_size.error_level: {_MOST}}}}}]
Name the cluster of the application corsguard_application. If you have routes of your own, let this cluster lead to
another listener that has them.
A filter that refuses requests, such as ext_authz, has to let preflights pass, because the routes answer them."""

# The characters of a raw path. A path with others can be read in several ways.
_PATH: Final = "[!-~]*"
_CLOSED: Final = Decision(RequestKind.CORS, None, ())
_ODD_VARIES: Final = Decision(RequestKind.CORS, None, (VARY,))


def _files(plan: Plan) -> Mapping[str, Iterable[str]]:
    return {"routes.yaml": _configuration(plan)}


def _problems(plan: Plan) -> Iterator[Problem]:
    yield from too_long(plan, "Envoy", inf, _LONGEST, _written)
    for zone in plan.guarded:
        place = f"the policy of {quoted(zone.place)}"
        if zone.covers is not None and _weight(zone.covers) > _MOST:
            fix = "List fewer origins, or leave CORS on these paths to the guard in the application."
            reason = (
                f"it compiles an expression of at most {_MOST // _WILDCARD:,} wildcards, or of at most {_MOST:,} "
                "characters."
            )
            yield problem("E857", zone.place, zone.place, fix, target="Envoy", place=place, reason=reason)


def _weight(covers: Covers) -> int:
    """
    Return an upper bound for the instructions of the expression in RE2.
    """
    return _WILDCARD * len(covers.expressions) + sum(len(origin) for origin in covers.exact)


ENVOY: Final = Target("envoy", "Envoy", _USAGE, _files, _problems)


class _Route(NamedTuple):
    """
    A route for hosts, paths and headers. *host* and *path* are expressions; None means all.
    """

    name: str
    host: str | None
    path: str | None
    decision: Decision | None = None
    headers: Sequence[str] = ()


def _configuration(plan: Plan) -> Iterator[str]:
    yield "resources:"
    yield f'- "@type": {_TYPE}.config.route.v3.RouteConfiguration'
    yield "  name: corsguard"
    yield "  virtual_hosts:"
    yield "  - name: corsguard"
    yield '    domains: ["*"]'
    yield "    routes:"
    written: dict[str, str] = {}
    for route in _routes(plan):
        yield from (f"    {line}" for line in _lines(route, written))


def _routes(plan: Plan) -> Iterator[_Route]:
    for host, site in plan.hosts:
        for expression, zone in site.paths if site is not None else ():
            before = _PATH if expression == ODD else ""
            path = None if expression is None else f"{before}({expression}){_PATH}"
            yield from _states(plan, zone, host, path)
        if site is not None and site.chooses:
            yield _Route("left", host, _PATH)
            yield from _states(plan, None, host, None)
        elif site is None or not site.zones:
            yield _Route("left", host, None)
    if plan.names_hosts:
        yield _Route("left", None, None)


def _states(plan: Plan, zone: Zone | None, host: str | None, path: str | None) -> Iterator[_Route]:
    """
    Yield the routes of *zone*, which is at *host* and *path*.
    """
    if zone is None:
        yield _Route("odd", host, path, _ODD_VARIES if plan.odd_varies else _CLOSED)
    elif zone.states is None:
        yield _Route(zone.name, host, path, None if zone.is_open else _CLOSED)
    else:
        for state, headers in _asked(zone).items():
            yield _Route(f"{zone.name}.{state}", host, path, zone.states[state], headers)


def _asked(zone: Zone) -> Mapping[State, Sequence[str]]:
    """
    Return the header conditions of each state, in the order in which the states are tried.
    """
    asks = ("- {name: origin, present_match: true}",)
    preflight = (
        '- {name: ":method", string_match: {exact: OPTIONS}}',
        "- {name: access-control-request-method, present_match: true}",
    )
    if zone.covers is None or zone.covers.everyone:
        return {"permit": (*preflight, *asks), "share": asks, "silent": ()}
    short = f"- {{name: origin, string_match: {{safe_regex: {{regex: {_text(f'{SHORT_HOST}.*')}}}}}}}"
    first = (short, *_one_of(f"&origins_{zone.name}", zone.covers))
    again = (short, f"- {{name: origin, string_match: {{safe_regex: *origins_{zone.name} }}}}")
    return {"permit": (*preflight, *first), "forbid": (*preflight, *asks), "share": again, "refuse": asks, "silent": ()}


def _one_of(anchor: str, covers: Covers) -> Iterator[str]:
    """
    Return the condition that the origin is one of *covers*. Later conditions refer to its expression as *anchor*.
    """
    starred = (expression.removeprefix("^").removesuffix("$") for expression in covers.expressions)
    *others, last = (_text(one)[1:-1] for one in (*map(literal, covers.exact), *starred))
    yield "- name: origin"
    yield "  string_match:"
    yield f"    safe_regex: {anchor}"
    # In quotes, a line that ends with a backslash continues on the next one.
    yield '      regex: "\\'
    yield from (f"        {one}|\\" for one in others)
    yield f'        {last}"'


def _lines(route: _Route, written: dict[str, str]) -> Iterator[str]:
    path = "prefix: /" if route.path is None else f"safe_regex: {_once(route.path, written)}"
    headers = [*route.headers]
    if route.host is not None:
        headers.insert(0, f'- {{name: ":authority", string_match: {{safe_regex: {_once(route.host, written)} }}}}')
    lines = [f"name: {route.name}", "match:", f"  {path}"]
    if headers:
        lines += ["  headers:", *(f"  {line}" for line in headers)]
    decision = route.decision
    if decision is None or decision.status is None:
        lines.append("route: {cluster: corsguard_application}")
    else:
        body = f", body: {{inline_string: {_text(decision.body.decode())}}}" if decision.body else ""
        lines.append(f"direct_response: {{status: {decision.status}{body}}}")
    if decision is not None:
        lines += _mutations(decision)
    yield from (f"{'- ' if number == 0 else '  '}{line}" for number, line in enumerate(lines))


def _once(expression: str, written: dict[str, str]) -> str:
    """
    Return *expression*, or a reference to it if it has already been *written*.
    """
    if expression in written:
        return f"*{written[expression]}"
    written[expression] = f"expression_{len(written) + 1}"
    return f"&{written[expression]} {{regex: {_text(expression)}}}"


def _mutations(decision: Decision) -> Iterator[str]:
    yield "typed_per_filter_config:"
    yield f"  {_FILTER}:"
    yield f'    "@type": {_TYPE}.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute'
    yield "    mutations:"
    yield "      response_mutations:"
    yield "      - remove_on_match: {key_matcher: {prefix: access-control-, ignore_case: true}}"
    for name, value in decision.headers:
        if value == REMOVED:
            yield f"      - remove: {name}"
        # Envoy counts the content itself, and the existing values of Vary stay.
        elif name != "Content-Length":
            action = "APPEND_IF_EXISTS_OR_ADD" if name == "Vary" else "OVERWRITE_IF_EXISTS_OR_ADD"
            header = f"{{key: {name}, value: {_text(_written(value))}}}"
            yield f"      - append: {{header: {header}, append_action: {action}}}"


def _written(value: str) -> str:
    # A percent sign is doubled, because a single one begins a command.
    return "%REQ(ORIGIN)%" if value == ECHO else value.replace("%", "%%")


def _text(text: str) -> str:
    # Strings of JSON are strings of YAML.
    return json.dumps(text)
