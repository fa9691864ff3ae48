"""
The whole story of one request, told step by step.

For people and tests, never on the request path: what is asked, what the policy grants, what the server sends and why
a browser would or would not go on. The headers come from `negotiate`; this room decides none of them and only reads
them as a browser does (Fetch, "CORS check" and "CORS-preflight fetch"), with the words of Chromium's console.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .errors import quoted
from .names import (
    ALLOW_ORIGIN,
    FORBIDDEN_METHODS,
    NON_WILDCARD_REQUEST_HEADER,
    OWNED_PREFIX,
    SAFELISTED_METHODS,
    SAFELISTED_RESPONSE_HEADERS,
    is_token,
)
from .negotiation import negotiate, request_kind
from .origin import LONGEST_ORIGIN, NULL, Origin, OriginPattern
from .paths import Guarded, PathPolicies, read_guarded
from .policy import Decision, Header, Policy, RequestKind

# What is shown of a string from the network, and how much of a list is read.
_LONGEST_QUOTE: Final = 200
_LONGEST_LIST: Final = 8192
_MOST_NAMES: Final = 64
_MOST_PATTERNS_COMPARED: Final = 10_000

_NULL_REFUSED: Final = (
    '"null" is what sandboxed frames, pages from files and cross-origin redirects send. '
    "Serve the page from a real origin, and redirect to no third one."
)
_NONE: Final = "none beyond the safelist"
_UNGUARDED: Final = (
    "No policy guards this path: nothing is answered or added here, a preflight reaches the application, and a page on "
    "another origin may read only what the application itself shares."
)
_NO_ORIGIN: Final = (
    "There is no Origin header, so no browser asks to share this: it is a same-origin GET, a navigation, an "
    'image without crossorigin, or no browser at all. With curl, add -H "Origin: https://app.example.com".'
)
_MISNAMED: Final = (
    "The keys are those of a WSGI environ: write HTTP_ORIGIN for Origin, HTTP_ACCESS_CONTROL_REQUEST_METHOD for "
    "Access-Control-Request-Method, and REQUEST_METHOD for the method."
)
_BLOCKED: Final = "The browser blocks it and says: "
_PREFLIGHT_BLOCKED: Final = "Response to preflight request doesn't pass access control check: "
_NO_ALLOW_ORIGIN: Final = "No 'Access-Control-Allow-Origin' header is present on the requested resource."


@dataclass
class Step:
    """
    One thing that was asked (*name* tells which) and whether it was granted.

    *granted* is what the policy offers; *reason* says why this did or did not suffice; *fix*, where the policy can be
    changed to grant it, is what to paste: `keyword=value`.
    """

    name: str
    asked: str
    granted: str
    passed: bool
    reason: str
    fix: str = ""

    def __str__(self) -> str:
        # Most pages do not ask for credentials, so their refusal is no alarm.
        mark = "ok" if self.passed else "--" if self.name == "credentials" else "NO"
        fix = f"\n{'':16}fix: {self.fix}" if self.fix else ""
        return f"{mark:4}{self.name:12}{self.asked}\n{'':16}{self.reason}{fix}"


@dataclass
class Explanation:
    """
    What becomes of one request under one policy: plain data (`dataclasses.asdict` gives what JSON holds), and text.

    *status* is None where the application answers. *headers* are those that the server adds, `Vary` included.
    *goes_on* and *goes_on_with_credentials* tell whether a browser goes on, by the credentials mode of the page's
    request, which a server cannot see. *verdict* says so in a sentence.
    """

    kind: RequestKind
    steps: tuple[Step, ...]
    status: int | None
    headers: tuple[Header, ...]
    goes_on: bool
    goes_on_with_credentials: bool
    verdict: str

    def __str__(self) -> str:
        sent = [f"{name}: {value}" for name, value in self.headers] or ["nothing of CORS"]
        status = "the application's status" if self.status is None else str(self.status)
        return "\n".join(
            [
                _TITLES[self.kind],
                *(f"  {line}" for step in self.steps for line in str(step).split("\n")),
                f"The server sends {status} and",
                *(f"  {line}" for line in sent),
                self.verdict,
            ]
        )


_TITLES: Final = {
    RequestKind.NOT_CORS: "Not a CORS request",
    RequestKind.CORS: "A CORS request",
    RequestKind.PREFLIGHT: "A CORS-preflight request",
}


def explain(policy: Guarded | None, environ: Mapping[str, Any]) -> Explanation:
    """
    Return the story of the request that *environ* describes, under *policy*, which is what every adapter takes.

    Reads what `negotiate` reads, `HTTP_ACCESS_CONTROL_REQUEST_HEADERS`, and `PATH_INFO` if there are policies by path.
    Never raises, whatever the strings. Raises PolicyError if *policy* is refused.
    """
    guarded = None if policy is None else read_guarded(policy)
    policy = guarded.policy_for(str(environ.get("PATH_INFO", ""))) if isinstance(guarded, PathPolicies) else guarded
    if policy is None:
        return Explanation(request_kind(environ), (), None, (), False, False, _UNGUARDED)
    decision = negotiate(policy, environ)
    if decision.kind is RequestKind.NOT_CORS:
        misnamed = any(str(name).lower() == "origin" for name in environ)
        verdict = _MISNAMED if misnamed else _NO_ORIGIN
        return Explanation(decision.kind, (), None, decision.lines, True, True, verdict)
    steps = [_origin_step(policy, environ["HTTP_ORIGIN"], decision)]
    if decision.kind is RequestKind.PREFLIGHT:
        steps.append(_method_step(policy, environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]))
        requested = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        steps.extend(_header_step(policy, name) for name in _requested_names(requested))
    else:
        steps.append(_readable_step(policy))
    goes_on = all(step.passed for step in steps)
    steps.append(_credentials_step(policy))
    with_credentials = goes_on and policy.allow_credentials
    verdict = _verdict(decision, steps, goes_on=goes_on, with_credentials=with_credentials)
    return Explanation(decision.kind, tuple(steps), decision.status, decision.lines, goes_on, with_credentials, verdict)


def _origin_step(policy: Policy, origin: str, decision: Decision) -> Step:
    asked = _shown(origin)
    granted = quoted(policy.allow_origins) if isinstance(policy.allow_origins, str) else _listed(policy)
    if decision.refusal is None:
        echoed = dict(decision.headers)[ALLOW_ORIGIN]
        reason = "Everyone may read." if echoed == "*" else f"Covered by {_covering(policy, origin)}."
        return Step("origin", asked, granted, passed=True, reason=reason)
    if decision.error is not None:
        reason = f"The origin source failed, which counts as no: {_shown(quoted(decision.error))}."
        return Step("origin", asked, granted, passed=False, reason=reason)
    reason, fix = _why_refused(policy, origin)
    return Step("origin", asked, granted, passed=False, reason=reason, fix=fix)


def _listed(policy: Policy) -> str:
    listed = policy.allow_origins if isinstance(policy.allow_origins, tuple) else ()
    sources = ["a source that is asked"] if policy.asks else []
    return ", ".join([*([quoted(listed)] if listed else []), *sources, *map(quoted, policy.allow_unsafe_origins)])


def _covering(policy: Policy, origin: str) -> str:
    if origin in policy.to_cors.exact:
        return quoted(origin)
    parsed, wildcards = Origin.parse(origin), policy.to_cors.wildcards
    if parsed is not None and wildcards is not None:
        for pattern in wildcards.patterns_for(parsed):
            return quoted(pattern)
    return "the origin source"


def _why_refused(policy: Policy, origin: str) -> tuple[str, str]:
    """
    Return why *origin* is not covered, and what to add to the policy where that would be right.
    """
    if origin == NULL:
        return _NULL_REFUSED, ""
    if len(origin) > LONGEST_ORIGIN:
        return f"It is longer than any origin ({LONGEST_ORIGIN} characters) and was not read.", ""
    if "," in origin:
        return "Two Origin headers were joined on the way, by a proxy perhaps; a browser sends one.", ""
    parsed = Origin.parse(origin)
    if parsed is None:
        return "No browser sends this as an origin.", ""
    reason = _nearest(policy, parsed) or "It is not listed."
    if policy.allow_credentials and parsed.scheme == "http" and not parsed.is_loopback:
        return f"{reason} With credentials plain http is refused, and no source is asked; load the page by https.", ""
    if not isinstance(policy.allow_origins, tuple):
        return "The origin source did not grant it, and only True grants.", ""
    return reason, f"allow_origins={quoted([*policy.allow_origins, origin])}"


def _nearest(policy: Policy, origin: Origin) -> str:
    """
    Return the sentence on a listed pattern that differs from *origin* in one respect only, or nothing.
    """
    texts = policy.allow_origins if isinstance(policy.allow_origins, tuple) else ()
    for text in (*texts, *policy.allow_unsafe_origins)[:_MOST_PATTERNS_COMPARED]:
        if text == NULL:
            continue
        pattern = OriginPattern.parse(text)
        same_host, same_port = pattern.host == origin.host, pattern.port in (origin.port, "*")
        if same_host and same_port and pattern.scheme != origin.scheme:
            return f"{quoted(text)} is listed; this has the scheme {origin.scheme}."
        if same_host and pattern.scheme == origin.scheme:
            return f"{quoted(text)} is listed; this has {'no port' if origin.port is None else f'port {origin.port}'}."
        if pattern.scheme == origin.scheme and same_port:
            if pattern.host == f"*.{origin.host}":
                return f"{quoted(text)} covers the names below {origin.host}, not {origin.host} itself."
            if pattern.host.removeprefix("www.") == origin.host.removeprefix("www."):
                return f"{quoted(text)} is listed; with and without www. are two origins."
            if pattern.is_loopback and origin.is_loopback:
                return f"{quoted(text)} is listed; localhost and its addresses are different origins."
    return ""


def _method_step(policy: Policy, method: str) -> Step:
    allowed = policy.allow_methods
    granted = ", ".join(allowed) or _NONE
    asked = _shown(method)
    if method in SAFELISTED_METHODS:
        reason = "Safelisted: no preflight can refuse it."
    elif allowed != "*" and method in allowed:
        reason = "Listed."
    elif allowed == "*" and is_token(method) and method.upper() not in FORBIDDEN_METHODS:
        reason = "Covered by *."
    else:
        return Step(
            "method",
            asked,
            granted,
            passed=False,
            reason=_why_no_method(method, granted),
            fix=_add_method(policy, method),
        )
    return Step("method", asked, granted, passed=True, reason=reason)


def _why_no_method(method: str, granted: str) -> str:
    if method.upper() in FORBIDDEN_METHODS:
        return "No browser lets a script send it."
    if not is_token(method):
        return "It is not a method name, and no browser sends it."
    if method != method.upper() and method.upper() in (*SAFELISTED_METHODS, *granted.split(", ")):
        return f"Methods are compared case by case, and the page wrote {method}: it has to write {method.upper()}."
    return _not_among(granted)


def _not_among(granted: str) -> str:
    return f"It is not among {granted}." if granted != _NONE else "None is listed beyond the safelist."


def _add_method(policy: Policy, method: str) -> str:
    known = is_token(method) and method.upper() not in FORBIDDEN_METHODS
    miscased = method != method.upper() and method.upper() in (*SAFELISTED_METHODS, *policy.allow_methods)
    return f"allow_methods={quoted([*policy.allow_methods, method])}" if known and not miscased else ""


def _requested_names(requested: str) -> Iterator[str]:
    names = requested[:_LONGEST_LIST].split(",")[:_MOST_NAMES]
    return (name for name in dict.fromkeys(name.strip(" \t") for name in names) if name)


def _header_step(policy: Policy, name: str) -> Step:
    allowed = policy.allow_headers
    granted = ", ".join(allowed) or _NONE
    asked, lowered = _shown(name), name.lower()
    if lowered in {item.lower() for item in allowed if item != "*"}:
        return Step("header", asked, granted, passed=True, reason="Listed.")
    if not is_token(name):
        reason = "It is not a header name, and no browser sends it."
        return Step("header", asked, granted, passed=False, reason=reason)
    if lowered.startswith(OWNED_PREFIX):
        reason = "The page sends a response header of CORS with its request; it has to leave that out."
        return Step("header", asked, granted, passed=False, reason=reason)
    if "*" not in allowed:
        fix = f"allow_headers={quoted([*allowed, name])}"
        return Step("header", asked, granted, passed=False, reason=_not_among(granted), fix=fix)
    if lowered == NON_WILDCARD_REQUEST_HEADER:
        reason = "* does not cover Authorization (browsers of today warn and let it pass; the standard does not)."
        fix = 'allow_headers=["*", "Authorization"]'
        return Step("header", asked, granted, passed=False, reason=reason, fix=fix)
    return Step("header", asked, granted, passed=True, reason="Covered by *.")


def _readable_step(policy: Policy) -> Step:
    granted = ", ".join(policy.expose_headers) or _NONE
    reason = f"Scripts also read {', '.join(sorted(SAFELISTED_RESPONSE_HEADERS))}."
    return Step(
        "exposed", "response headers", granted, passed=True, reason=f"{granted[0].upper()}{granted[1:]}. {reason}"
    )


def _credentials_step(policy: Policy) -> Step:
    asked = 'known to the page only: credentials: "include"'
    if policy.allow_credentials:
        return Step("credentials", asked, "yes", passed=True, reason="Cookies and HTTP authentication may be used.")
    fix = "" if policy.allow_origins == "*" else "allow_credentials=True"
    reason = "Refused if the page asks for it; a bearer token in Authorization does not need it."
    return Step("credentials", asked, "no", passed=False, reason=reason, fix=fix)


def _verdict(decision: Decision, steps: list[Step], *, goes_on: bool, with_credentials: bool) -> str:
    if goes_on:
        what = "sends the request" if decision.kind is RequestKind.PREFLIGHT else "lets the page read the response"
        return f"The browser {what}{'' if with_credentials else ', unless the page asked for credentials'}."
    failed = next(step for step in steps if not step.passed)
    if failed.name == "method":
        return f"{_BLOCKED}Method {failed.asked} is not allowed by Access-Control-Allow-Methods in preflight response."
    if failed.name == "header":
        return (
            f"{_BLOCKED}Request header field {failed.asked.lower()} is not allowed by "
            "Access-Control-Allow-Headers in preflight response."
        )
    lead = _PREFLIGHT_BLOCKED if decision.kind is RequestKind.PREFLIGHT else ""
    return f"{_BLOCKED}{lead}{_NO_ALLOW_ORIGIN}"


def _shown(text: str) -> str:
    """
    Return *text*, which came from the network, in printable ASCII and cut.
    """
    quote = ascii(text[:_LONGEST_QUOTE])[1:-1]
    return quote if len(text) <= _LONGEST_QUOTE else f"{quote}..."
