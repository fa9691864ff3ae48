"""
The syntax of nginx: variables that a server sets for each request, and headers with these variables as values.

In a server, `set` and `if` run one after the other, and the last true one counts. A header without a value is not sent.
The answer of an application is known later, and only to maps, which are allowed only in `http`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from corsguard.errors import Problem
from corsguard.names import TIMING_ALLOW_ORIGIN
from corsguard.origin import SHORT_HOST

from .plan import ASKED, ECHO, ODD, REMOVED, Covers, Plan, Zone
from .problems import too_long
from .writing import KNOWN_NAMES, KNOWN_NAMES_ONLY, Target

_USAGE: Final = """\
Put the files into a folder, such as corsguard next to nginx.conf.
In server, before every line that rewrites or returns:
                   include corsguard/server.conf;
In every location with an add_header or proxy_hide_header of its own, because nginx then drops those of the server:
                   include corsguard/headers.conf;
"""
_USAGE_OF_MAPS: Final = """\
In http, if there is a file http.conf, because only maps know the headers of an application:
                   include corsguard/http.conf;"""
_USAGE_OF_LOCATIONS: Final = """\
In http, if there is a file http.conf:
                   include corsguard/http.conf;
In every location, if there is a file location.conf:
                   include corsguard/location.conf;"""
_FIRST_LINES: Final = (
    "On paths that are not guarded, nginx before 1.23 passes on only the first of several header lines with one of "
    "these names."
)
_NOTES: Final = (
    "An error that nginx answers before it has read all headers, such as 400, has none of these headers.",
    "Over HTTP/3, nginx before 1.29.5 does not know the value of Host. So a policy by host does nothing there.",
)

# ngx_conf_file.c, NGX_CONF_BUFFER, with a margin for the rest of the line.
_LONGEST: Final = 4_000
# nginx has no other way to write a dollar sign in a value.
_DOLLAR: Final = "${corsguard_dollar}"
# The modules whose responses have headers of an application.
_MODULES: Final = ("proxy", "fastcgi", "uwsgi")
_VARY: Final = "Vary"
# The mark for a path that can be read in several ways, and for its zone. It is never a path or a name.
_ODD: Final = "-"


def _files(plan: Plan, *, has_headers_more: bool) -> Mapping[str, Iterable[str]]:
    headers = [*_headers(plan, has_headers_more=has_headers_more)]
    files = {
        "server.conf": [*_state(plan), *_answers(plan), *headers],
        "headers.conf": headers,
        "location.conf": [*_conditions(plan)] if has_headers_more else [],
        "http.conf": [*_maps(plan, has_headers_more=has_headers_more)],
    }
    return {name: lines for name, lines in files.items() if lines}


def _problems(plan: Plan) -> Iterator[Problem]:
    return too_long(plan, "nginx", _LONGEST, _LONGEST, _written)


NGINX: Final = Target(
    "nginx",
    "nginx",
    _USAGE + _USAGE_OF_MAPS,
    partial(_files, has_headers_more=False),
    _problems,
    (KNOWN_NAMES_ONLY, _FIRST_LINES, *_NOTES),
)
NGINX_HEADERS_MORE: Final = Target(
    "nginx-headers-more",
    "nginx with the module headers-more",
    _USAGE + _USAGE_OF_LOCATIONS,
    partial(_files, has_headers_more=True),
    _problems,
    _NOTES,
)


def _state(plan: Plan) -> Iterator[str]:
    yield from _site(plan)
    yield from _zone(plan)
    yield _set("covered", "0")
    yield _set("origin", "$corsguard_zone $http_origin")
    for zone in plan.guarded:
        if zone.covers is not None:
            yield from (_if(condition, "covered", "1") for condition in _covered(zone.name, zone.covers))
    yield _set("asks", "0")
    yield _if('$http_origin != ""', "asks", "1")
    # Read from the request line, because an error page is another request with another method, which reads everything
    # again.
    yield _set("preflight", "0")
    yield _if('$request ~ "^OPTIONS "', "preflight", "1")
    yield _if('$http_access_control_request_method = ""', "preflight", "0")
    yield _set("request", "$corsguard_zone $corsguard_asks $corsguard_preflight $corsguard_covered")
    yield from (_set(_variable(name), "") for name in ("answer", *_sent(plan)))
    yield from _lines(plan)
    yield from _left(plan)


def _lines(plan: Plan) -> Iterator[str]:
    sent = _sent(plan)
    for zone in plan.guarded:
        for state, decision in (zone.states or {}).items():
            yield f'if ($corsguard_request ~ "^{zone.name} {ASKED[state]}$") {{'
            for name, value in decision.headers:
                if name in sent and value != REMOVED:
                    yield f"    {_set(_variable(name), _written(value))}"
            if decision.status is not None:
                yield f"    {_set('answer', str(decision.status))}"
            yield "}"
    if plan.odd_varies:
        yield _if(f'$corsguard_zone = "{_ODD}"', _variable(_VARY), "Origin")


def _left(plan: Plan) -> Iterator[str]:
    """
    Yield the flags that tell whether the headers of the application stay.
    """
    flags = {*_kept(plan).values()}
    if "left" in flags:
        yield _set("left", "")
        yield _if('$corsguard_zone = ""', "left", "1")
    if "left_timing" in flags:
        yield _set("left_timing", "1")
        yield from (_if(f'$corsguard_zone = "{zone.name}"', "left_timing", "") for zone in _timed(plan))


def _site(plan: Plan) -> Iterator[str]:
    yield _set("site", "")
    for expression, site in reversed(plan.hosts):
        if expression is not None:
            yield _if(f'$http_host ~ "{expression}"', "site", site.name if site else "")


def _zone(plan: Plan) -> Iterator[str]:
    if any(site.chooses for site in plan.sites):
        # With a name, because nginx encodes the value of $1.
        yield 'if ($request_uri ~ "^(?<corsguard_path>[^?#]*)") { }'
        # So that no other expression is tried on it: the engine may give up, which nginx answers with 500.
        yield _if(f'$corsguard_path ~ "{ODD}"', "path", _ODD)
        yield _set("place", "$corsguard_site $corsguard_path")
    yield _set("zone", "")
    for site in plan.sites:
        name = site.name if plan.names_hosts else ""
        for expression, zone in reversed(site.paths):
            yield _if(_at(name, expression), "zone", _name(zone))


def _at(site: str, expression: str | None) -> str:
    """
    Return the condition that the host belongs to *site*, and that the path matches *expression*.
    """
    if expression is None:
        return f'$corsguard_site = "{site}"'
    if expression == ODD:
        return f'$corsguard_place = "{site} {_ODD}"'
    return f'$corsguard_place ~ "^{site} {expression.removeprefix("^")}"'


def _name(zone: Zone | None) -> str:
    if zone is None:
        return _ODD
    return "" if zone.is_open else zone.name


def _covered(name: str, covers: Covers) -> Iterator[str]:
    """
    Yield the conditions of the zone *name*. One of them is true for each origin that it covers.
    """
    if covers.everyone:
        yield f'$corsguard_zone = "{name}"'
    yield from (f'$corsguard_origin = "{name} {origin}"' for origin in covers.exact)
    short = SHORT_HOST.removeprefix("^")
    for expression in covers.expressions:
        yield f'$corsguard_origin ~ "^{name} (?={short}){expression.removeprefix("^")}"'


def _timed(plan: Plan) -> Sequence[Zone]:
    """
    Return the zones whose policy is the only author of Timing-Allow-Origin.
    """
    return [zone for zone in plan.guarded if zone.policy is not None and zone.policy.share_timing]


def _sent(plan: Plan) -> Sequence[str]:
    """
    Return the names of all headers that are sent. nginx sets Content-* itself.
    """
    names = dict.fromkeys(name for _, decision in plan.decisions for name, _ in decision.headers)
    return [name for name in {**names, _VARY: None} if not name.startswith("Content-")]


def _owned(plan: Plan) -> Sequence[str]:
    """
    Return the names of all headers of the application that are removed on some paths.
    """
    return [*KNOWN_NAMES, *([TIMING_ALLOW_ORIGIN] if _timed(plan) else [])]


def _kept(plan: Plan) -> Mapping[str, str]:
    """
    Return the names of these headers that stay on other paths, with the flag that tells on which.
    """
    kept: dict[str, str] = {}
    if plan.leaves:
        kept |= dict.fromkeys(KNOWN_NAMES, "left")
    if _timed(plan) and (plan.leaves or len(_timed(plan)) < len(plan.zones)):
        kept[TIMING_ALLOW_ORIGIN] = "left_timing"
    return kept


def _written(value: str) -> str:
    return "$http_origin" if value == ECHO else value.replace("$", _DOLLAR)


def _variable(name: str) -> str:
    # Short, because the name of a variable in nginx has at most 46 letters (variables_hash_bucket_size).
    return name.lower().removeprefix("access-control-").replace("-", "_")


def _set(name: str, value: str) -> str:
    return f'set $corsguard_{name} "{value}";'


def _if(condition: str, name: str, value: str) -> str:
    return f"if ({condition}) {{ {_set(name, value)} }}"


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
        yield f"    return {status}{body};"
        yield "}"


def _headers(plan: Plan, *, has_headers_more: bool) -> Iterator[str]:
    if has_headers_more:
        yield from _cleared(name for name in _owned(plan) if name not in _kept(plan))
    else:
        for module in _MODULES:
            yield from (f"{module}_hide_header {name};" for name in _owned(plan))
        yield from (f"add_header {name} $corsguard_left_{_variable(name)} always;" for name in _kept(plan))
    yield from (f"add_header {name} $corsguard_{_variable(name)} always;" for name in _sent(plan))


def _conditions(plan: Plan) -> Iterator[str]:
    cleared: list[str] = []
    for flag in dict.fromkeys(_kept(plan).values()):
        # If several conditions are true, nginx uses the last one.
        cleared += [name for name, of_name in _kept(plan).items() if of_name == flag]
        yield f'if ($corsguard_{flag} = "") {{ {" ".join(_cleared(cleared))} }}'


def _cleared(names: Iterable[str]) -> Iterator[str]:
    written = dict.fromkeys("Access-Control-*" if name in KNOWN_NAMES else name for name in names)
    if written:
        yield f"more_clear_headers {' '.join(written)};"


def _maps(plan: Plan, *, has_headers_more: bool) -> Iterator[str]:
    if any("$" in value for _, decision in plan.decisions for _, value in decision.headers):
        yield f'geo ${_DOLLAR.strip("${}")} {{ default "$"; }}'
    for name, flag in _kept(plan).items() if not has_headers_more else ():
        theirs = f"$upstream_http_{name.lower().replace('-', '_')}"
        yield f'map $corsguard_{flag} $corsguard_left_{_variable(name)} {{ default ""; 1 {theirs}; }}'
