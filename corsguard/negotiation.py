"""
What to answer a request, under a policy.

The one place where the headers of CORS are negotiated; every adapter calls it and none decides anything itself.
Total and pure: no string makes it raise, nothing is remembered, and nothing outside is asked but an origin source.

The answer to a preflight is static: once the origin is allowed, the whole lists go out, whatever was asked for. So
`Access-Control-Request-Headers` is never parsed, one preflight fills the browser's cache for every method and header
of a URL, and a refused method or header is refused by the browser, whose console then names it.
"""

from collections.abc import Mapping
from typing import Any, Final

from .names import OWNED_PREFIX
from .origin import LONGEST_ORIGIN, Origin
from .policy import Answers, Decision, Policy, RequestKind

# Names of response headers, as most responses spell them, that are surely neither the policy's nor Vary: an adapter
# has to look closely at others only.
ORDINARY_NAMES: Final = frozenset(
    spelling
    for name in """
        Accept-Ranges Age Allow Cache-Control Connection Content-Disposition Content-Encoding Content-Language
        Content-Length Content-Range Content-Security-Policy Content-Type Cross-Origin-Opener-Policy Date ETag Expires
        Last-Modified Link Location Pragma Referrer-Policy Retry-After Server Server-Timing Set-Cookie
        Strict-Transport-Security WWW-Authenticate X-Content-Type-Options X-Frame-Options X-Request-Id
    """.split()
    for spelling in (name, name.lower())
)


def negotiate(policy: Policy, environ: Mapping[str, Any]) -> Decision:
    """
    Return what *policy* answers the request that *environ* describes.

    *environ* is a WSGI environ, Django's `request.META`, or any mapping with the same keys, of which `REQUEST_METHOD`,
    `HTTP_ORIGIN` and `HTTP_ACCESS_CONTROL_REQUEST_METHOD` are read. Follows Fetch, "CORS protocol". Never raises.
    """
    return prepared_decision(policy, environ).completed(environ)


def prepared_decision(policy: Policy, environ: Mapping[str, Any]) -> Decision:
    """
    Return the same decision as it was made with the policy: if it *echoes*, it lacks `Access-Control-Allow-Origin`.

    For an adapter that takes `headers_for(environ)` of it: so no decision has to be made for a request, and nothing
    remembered of an origin. Never raises.
    """
    return decision_on_origin(policy, environ) if "HTTP_ORIGIN" in environ else policy.to_not_cors


def decision_on_origin(policy: Policy, environ: Mapping[str, Any]) -> Decision:
    """
    Return the same for a request that has an `Origin`; about others there is nothing to decide.
    """
    # Fetch, "CORS-preflight request": neither the method nor the header alone makes one.
    if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ and environ.get("REQUEST_METHOD") == "OPTIONS":
        answers = policy.to_preflight
    else:
        answers = policy.to_cors
    origin = environ["HTTP_ORIGIN"]
    # Bounded before it is looked at: even to hash a megabyte is work.
    if len(origin) > LONGEST_ORIGIN:
        return answers.otherwise
    if origin in answers.exact:
        return answers.granted
    if answers.lists_all:
        return answers.otherwise
    if answers.wildcards is not None and answers.wildcards.covers(origin):
        return answers.granted
    if answers.source is None:
        return answers.otherwise
    yes, error = _ask(answers, origin)
    if yes:
        return answers.granted
    return answers.otherwise if error is None else answers.otherwise.failed(error)


def request_kind(environ: Mapping[str, Any]) -> RequestKind:
    """
    Return what the request that *environ* describes is to CORS, under any policy.
    """
    if "HTTP_ORIGIN" not in environ:
        return RequestKind.NOT_CORS
    if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in environ and environ.get("REQUEST_METHOD") == "OPTIONS":
        return RequestKind.PREFLIGHT
    return RequestKind.CORS


def merge_vary(*values: str) -> str:
    """
    Return one `Vary` value for all of *values*: order kept, no duplicates (names ignore case), `*` absorbs the rest.
    """
    names: dict[str, str] = {}
    for value in values:
        for item in value.split(","):
            name = item.strip()
            if name == "*":
                return "*"
            if name:
                names.setdefault(name.lower(), name)
    return ", ".join(names.values())


def is_owned(name: str) -> bool:
    """
    Return whether the response header *name* belongs to the policy on a guarded resource, whoever else sets it.
    """
    return name[: len(OWNED_PREFIX)].lower() == OWNED_PREFIX


def _ask(answers: Answers, origin: str) -> tuple[bool, Exception | None]:
    parsed = Origin.parse(origin)
    if parsed is None or answers.source is None:
        return False, None
    # Whoever sits on the network can speak for a plain http origin, so a source is not let to hand it credentials.
    if parsed.scheme == "http" and not parsed.is_loopback and not answers.source_is_asked_about_http:
        return False, None
    try:
        return answers.source.__contains__(origin) is True, None
    except Exception as error:  # noqa: BLE001 - fail closed: whatever a source raises counts as no and is handed on
        return False, error
