"""
The explanation of one request, step by step.

It is for people and tests, never on the request path. It tells what is asked, what the policy grants, what the server
sends, why a browser would or would not go on, and whether the request may act. The headers come from `negotiate`. This
module only reads them, as a browser does (Fetch, "CORS check" and "CORS-preflight fetch"), and uses the words of
Chromium's console.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from textwrap import indent
from typing import Any, Final

from .audience import is_plain_http
from .fixes import NO_FIX, Fix
from .names import (
    ALLOW_HEADERS,
    ALLOW_METHODS,
    EXAMPLE_ORIGIN,
    FORBIDDEN_METHODS,
    NON_WILDCARD_REQUEST_HEADER,
    OWNED_PREFIX,
    SAFELISTED_METHODS,
    SAFELISTED_RESPONSE_HEADERS,
    is_token,
    permits_method,
)
from .negotiation import VARY, Decision, Header, RequestKind, negotiate, request_kind
from .origin import LONGEST_ORIGIN, NULL, Origin
from .policies import UNNAMED, Assignment, Policies, PoliciesLike
from .policy import Policy
from .protection import (
    REFUSAL_HEADERS,
    REMEDIES,
    CrossOriginProtection,
    ProtectionLike,
    Verdict,
    VerdictReason,
    is_handshake,
    judge_handshake,
    missing_trust,
)
from .quoting import quoted, shown

# How much of a list from the network is read.
_LONGEST_LIST: Final = 8192
_MOST_NAMES: Final = 64
_MOST_PATTERNS_COMPARED: Final = 10_000

_NULL_REFUSED: Final = (
    '"null" is what sandboxed frames, pages from files and cross-origin redirects send. Serve the page from a real '
    "origin, and do not redirect to a third one."
)
_INSECURE: Final = "With credentials, plain http is refused and no source is asked. Load the page over https."
_UNGUARDED: Final = (
    "No policy guards this path, so corsguard answers nothing and adds nothing. A preflight reaches the application, "
    "and a page on another origin may read only what the application itself shares."
)
_UNNAMED: Final = (
    "No policy names this host, so corsguard answers nothing and adds nothing. The host is the Host header as the "
    "server got it: a proxy in front has to pass it on (nginx: proxy_set_header Host $host). Is it missing, sent "
    "twice, or not a host?"
)
_CLOSED: Final = (
    "The path is closed (None). A preflight reaches the application, CORS headers that the application sets are "
    "removed, and a page on another origin may read nothing."
)
_ODD: Final = (
    "The path can be read in several ways (dot segments, empty segments, backslashes, percent-encoding), and they "
    "lead to different policies, so none is used. A preflight reaches the application, CORS headers that the "
    "application sets are removed, and a page on another origin may read nothing. Request the path in its plain form."
)
_NOT_JUDGED: Final = "No policy guards this path, so the handshake is not judged here: the application decides."
_CONNECTS: Final = "The handshake reaches the application."
_REFUSED: Final = (
    "The server refuses the handshake, and the browser says: "
    "Error during WebSocket handshake: Unexpected response code: 403"
)
_CARRIES_COOKIES: Final = "every WebSocket handshake carries cookies"
# Why a handshake is let in, for the reasons that do not depend on the policy.
_WHY_JUDGED: Final[Mapping[VerdictReason, str]] = {
    "same-origin": "The browser says that the page is of the same origin (Sec-Fetch-Site).",
    "own-origin": "It is the origin of the request itself: host and port are those of Host.",
    "no-browser": "There is neither Origin nor Sec-Fetch-Site, so the client is not a browser.",
}
# Why a request may act.
_WHY_ACTS: Final[Mapping[VerdictReason, str]] = {
    "safe-method": "The method is safe, so the request should not change anything (RFC 9110, 9.2.1).",
    "exempt": "The path is exempt: protection does not judge it.",
    "trusted-origin": "The policy trusts the origin: it covers the origin, allows credentials, and lists the method.",
    "same-origin": "The browser says that the page is of the same origin (Sec-Fetch-Site).",
    "user": "The browser says that its user started the request, not a page (Sec-Fetch-Site: none).",
    "own-origin": "It is the origin of the request itself: host and port are those of Host.",
    "no-browser": "There is neither Origin nor Sec-Fetch-Site, so the client is not a browser.",
}
# If the policy has no credentials, the request may only read (methods="all").
_MAY_READ: Final = "The policy shares with the origin."
_ACTS: Final = "The request runs."
_MAY_NOT_ACT: Final = "The request may not act: the server answers it with 403, and the application does not run."
_ONLY_REPORTED: Final = "The request should not act. It still runs, because protection only reports."
_STRIPPED: Final = (
    "A browser sent Sec-Fetch-Site, but there is no Origin. A proxy has removed Origin: let it pass Origin on."
)
_OWN_ONLY: Final = "Only pages of its own origin may connect, because "
_NOT_OWN: Final = (
    "Is this the origin of the server itself? Then a proxy changes Host: let it pass Host on "
    "(nginx: proxy_set_header Host $host)."
)
_NO_ORIGIN: Final = (
    "There is no Origin header, so no page asks to read this from another origin. It is a same-origin GET, a "
    "navigation, an image without crossorigin, or a client that is not a browser. With curl, add -H "
    f'"Origin: {EXAMPLE_ORIGIN}".'
)
_MISNAMED: Final = (
    "The keys are those of a WSGI environ: write HTTP_ORIGIN for Origin, HTTP_ACCESS_CONTROL_REQUEST_METHOD for "
    "Access-Control-Request-Method, and REQUEST_METHOD for the method."
)
_PREFLIGHT_BLOCKED: Final = "Response to preflight request doesn't pass access control check: "
_NO_ALLOW_ORIGIN: Final = "No 'Access-Control-Allow-Origin' header is present on the requested resource."


@dataclass
class Step:
    """
    One thing that was asked (*name* tells which) and whether it was granted.

    *granted* is what the policy offers. *reason* says why this was or was not enough. *fix* is the change of the policy
    that would grant it, if there is one.
    """

    name: str
    asked: str
    granted: str
    passed: bool
    reason: str
    fix: Fix = NO_FIX

    def __str__(self) -> str:
        # Most pages do not ask for credentials, so their refusal is not an alarm.
        mark = "ok" if self.passed else "--" if self.name == "credentials" else "NO"
        fix = f"\n{'':16}fix: {self.fix}" if self.fix else ""
        return f"{mark:4}{self.name:12}{self.asked}\n{'':16}{self.reason}{fix}"


@dataclass
class Explanation:
    """
    What happens to one request under one policy: plain data (`dataclasses.asdict` gives what JSON holds), and text.

    *status* is None if the application answers. *headers* are those that the server adds, `Vary` included. *goes_on*
    and *goes_on_with_credentials* tell whether a browser goes on, without and with credentials: a server cannot see
    which of the two the page asked for. *verdict* says so in a sentence. *may_act* tells whether protection lets the
    request run; None without protection.
    """

    kind: RequestKind
    steps: tuple[Step, ...]
    status: int | None
    headers: tuple[Header, ...]
    goes_on: bool
    goes_on_with_credentials: bool
    verdict: str
    may_act: bool | None = None

    def __str__(self) -> str:
        steps = [indent(str(step), "  ") for step in self.steps]
        status = "the application's status" if self.status is None else str(self.status)
        sent = [f"  {name}: {value}" for name, value in self.headers] or ["  no CORS headers"]
        return "\n".join([_TITLES[self.kind], *steps, f"The server sends {status} and", *sent, self.verdict])


_TITLES: Final = {
    RequestKind.NOT_CORS: "Not a CORS request",
    RequestKind.CORS: "A CORS request",
    RequestKind.PREFLIGHT: "A CORS-preflight request",
    RequestKind.HANDSHAKE: "A WebSocket handshake",
}


def explain(
    policy: PoliciesLike | None, environ: Mapping[str, Any], protection: ProtectionLike | None = None
) -> Explanation:
    """
    Explain the request that *environ* describes, under *policy* and *protection*, which every carrier takes in the same
    forms. Without *protection*, the protection of a Configuration counts, if it has one.

    Reads what `negotiate` reads, `HTTP_ACCESS_CONTROL_REQUEST_HEADERS`, `PATH_INFO` and `HTTP_HOST` if there are
    policies by path or by host, and for protection and a WebSocket handshake what `judge` reads. No string in *environ*
    makes it raise. Raises PolicyError if *policy* or *protection* is refused.
    """
    table = Policies.of(policy).table
    said = table.protection if isinstance(table.protection, CrossOriginProtection) else None
    protecting = said if protection is None else CrossOriginProtection.of(protection)
    return explain_assignment(table.ask(environ.get("HTTP_HOST")).find(_path_of(environ)), environ, protecting)


def explain_assignment(
    there: Assignment, environ: Mapping[str, Any], protection: CrossOriginProtection | None = None
) -> Explanation:
    """
    Explain a request to a resource that has the assignment *there*.
    """
    told, grants = _explain_sharing(there, environ, protection)
    if protection is None or told.kind in {RequestKind.PREFLIGHT, RequestKind.HANDSHAKE}:
        return told
    policy = there.policy if isinstance(there.policy, Policy) else None
    verdict = protection.judge(policy, environ, _path_of(environ))
    # If the verdict depends on the source, its answer about reading counts.
    may_act = grants if verdict.allowed is None else verdict.allowed
    step = _act_step(policy, environ, verdict, may_act=may_act)
    is_refused = not may_act and protection.mode == "enforce"
    last = _ACTS if may_act else _MAY_NOT_ACT if is_refused else _ONLY_REPORTED
    return replace(
        told,
        steps=(*told.steps, step),
        status=403 if is_refused else told.status,
        verdict=f"{told.verdict} {last}",
        may_act=may_act,
    )


def _act_step(policy: Policy | None, environ: Mapping[str, Any], verdict: Verdict, *, may_act: bool) -> Step:
    method, origin, site = (
        shown(environ.get(name, "")) for name in ("REQUEST_METHOD", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE")
    )
    asked = f"{method} from {origin or 'no Origin'}{f', Sec-Fetch-Site: {site}' if site else ''}"
    granted = _shared_with(policy) if policy is not None and policy.allow_credentials else "none"
    fix = NO_FIX
    if not may_act:
        reason, fix = REMEDIES[verdict.reason].says, Fix(words=REMEDIES[verdict.reason].fix)
        fix = replace(fix, policy=missing_trust(policy, environ))
    elif verdict.reason == "trusted-origin" and (policy is None or not policy.allow_credentials):
        reason = _MAY_READ
    else:
        reason = _WHY_ACTS.get(verdict.reason, _WHY_ACTS["trusted-origin"])
    return Step("act", asked, granted, may_act, reason, fix)


def _explain_sharing(
    there: Assignment, environ: Mapping[str, Any], protection: CrossOriginProtection | None
) -> tuple[Explanation, bool]:
    """
    Explain who may read, or connect. Return that, and whether the policy grants the origin.
    """
    if is_handshake(environ):
        lets_in, error = judge_handshake(None if isinstance(there.policy, str) else there.policy, environ).allowed, None
        if lets_in is None and isinstance(there.policy, Policy):
            # The source gets the same question as for any request.
            decision = negotiate(there.policy, environ)
            lets_in, error = decision.refusal is None, decision.error
        if isinstance(there.policy, str) and (protection is None or protection.exempts(_path_of(environ))):
            told = Explanation(RequestKind.HANDSHAKE, (), None, (), True, True, _NOT_JUDGED)
        else:
            told = explain_handshake(there, environ, lets_in=bool(lets_in), error=error)
            if isinstance(there.policy, str) and not lets_in and protection is not None and protection.mode == "report":
                told = Explanation(told.kind, told.steps, None, (), True, True, _ONLY_REPORTED, may_act=False)
        return told, told.goes_on
    if isinstance(there.policy, Policy):
        decision = negotiate(there.policy, environ)
        return explain_decision(there.policy, environ, decision), decision.refusal is None
    headers = (VARY,) if there.varies else ()
    verdict = _CLOSED if there.policy is None else _UNNAMED if there is UNNAMED else _UNGUARDED
    told = Explanation(request_kind(environ), (), None, headers, False, False, _ODD if there.is_odd else verdict)
    return told, False


def explain_handshake(
    there: Assignment, environ: Mapping[str, Any], *, lets_in: bool, error: BaseException | None = None
) -> Explanation:
    """
    Explain a WebSocket handshake to a resource that has the assignment *there*, and whether the guard *lets_in*.

    *error* is what an origin source raised. No source is asked again.
    """
    kind = RequestKind.HANDSHAKE
    step = _handshake_step(there, environ, lets_in=lets_in, error=error)
    if lets_in:
        return Explanation(kind, (step,), None, (), True, True, _CONNECTS)
    return Explanation(kind, (step,), 403, REFUSAL_HEADERS, False, False, _REFUSED)


def _handshake_step(
    there: Assignment, environ: Mapping[str, Any], *, lets_in: bool, error: BaseException | None
) -> Step:
    policy = there.policy if isinstance(there.policy, Policy) else None
    because = judge_handshake(policy, environ).reason
    given = environ.get("HTTP_ORIGIN", "")
    origin, fix = given if isinstance(given, str) else "", NO_FIX
    if because in _WHY_JUDGED:
        reason = _WHY_JUDGED[because]
    elif "HTTP_ORIGIN" not in environ:
        reason = _STRIPPED
    elif error is not None:
        reason = _why_failed(error)
    elif policy is None:
        closed = "it is closed." if there.policy is None else "no policy guards it."
        reason = _OWN_ONLY + ("the readings of the path have different policies." if there.is_odd else closed)
    elif lets_in:
        reason = f"{_why_covered(policy, origin)} The policy allows credentials."
    elif because == "no-credentials":
        reason = f"{_why_covered(policy, origin)} But {_CARRIES_COOKIES}, and the policy does not allow credentials."
        fix = Fix(policy={"allow_credentials": True})
    elif policy.audience.is_everyone and because != "malformed-origin":
        reason = f'"*" lets no page connect, because {_CARRIES_COOKIES}: list the origins.'
        fix = Fix(policy={"allow_origins": [origin], "allow_credentials": True}) if origin != NULL else NO_FIX
    else:
        reason, fix = _why_refused(policy, origin)
        fix = Fix(policy={**fix.policy, "allow_credentials": True}) if fix.policy else fix
        reason = f"{reason} {_NOT_OWN}" if fix else reason
    granted = "none" if policy is None else _shared_with(policy)
    return Step("origin", shown(origin) or "no Origin", granted, lets_in, reason, fix)


def explain_decision(policy: Policy, environ: Mapping[str, Any], decision: Decision) -> Explanation:
    """
    Explain the request about which *decision* was made. No source is asked again.
    """
    if decision.kind is RequestKind.NOT_CORS:
        misnamed = any(str(name).lower() == "origin" for name in environ)
        verdict = _MISNAMED if misnamed else _NO_ORIGIN
        return Explanation(decision.kind, (), None, decision.headers, True, True, verdict)
    # A value that is not a string is not a header, and is read as an empty one.
    environ = {name: value if isinstance(value, str) else "" for name, value in environ.items()}
    steps = [_origin_step(policy, environ["HTTP_ORIGIN"], decision)]
    if decision.kind is RequestKind.PREFLIGHT:
        steps.append(_method_step(policy, environ["HTTP_ACCESS_CONTROL_REQUEST_METHOD"]))
        requested = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")[:_LONGEST_LIST].split(",")[:_MOST_NAMES]
        names = dict.fromkeys(name.strip(" \t") for name in requested)
        steps += [_header_step(policy, name) for name in names if name]
    else:
        steps.append(_readable_step(policy))
        if policy.share_timing and decision.refusal is None:
            steps.append(_timing_step())
    failed = next((step for step in steps if not step.passed), None)
    steps.append(_credentials_step(policy))
    goes_on = failed is None
    with_credentials = goes_on and policy.allow_credentials
    verdict = _verdict(decision.kind, failed, with_credentials=with_credentials)
    return Explanation(decision.kind, (*steps,), decision.status, decision.headers, goes_on, with_credentials, verdict)


def _path_of(environ: Mapping[str, Any]) -> str:
    path = environ.get("PATH_INFO")
    if not isinstance(path, str):
        return ""
    try:
        # PEP 3333: a server passes the bytes of the path as latin-1. People pass plain text.
        return path.encode("latin-1").decode()
    except UnicodeError:
        return path


def _origin_step(policy: Policy, origin: str, decision: Decision) -> Step:
    reason, fix = "Everyone may read.", NO_FIX
    if decision.error is not None:
        reason = _why_failed(decision.error)
    elif decision.refusal is not None:
        reason, fix = _why_refused(policy, origin)
    elif not policy.audience.is_everyone:
        reason = _why_covered(policy, origin)
    return Step("origin", shown(origin), _shared_with(policy), decision.refusal is None, reason, fix)


def _why_failed(error: BaseException) -> str:
    return f"The origin source failed, which counts as no: {shown(quoted(error))}."


def _why_covered(policy: Policy, origin: str) -> str:
    entry = next(policy.audience.patterns_for(origin), None)
    covering = f"the origin source, which granted {quoted(origin)}" if entry is None else quoted(entry)
    return f"Covered by {covering}."


def _shared_with(policy: Policy) -> str:
    origins = policy.allow_origins
    listed = [quoted(origins)] if isinstance(origins, str | tuple) and origins else []
    sources = [] if policy.audience.source is None else ["a source that is asked"]
    return ", ".join([*listed, *sources, *map(quoted, policy.allow_unsafe_origins)])


def _why_refused(policy: Policy, origin: str) -> tuple[str, Fix]:
    """
    Return why *origin* is not covered, and what to add to the policy where that would be right.
    """
    if origin == NULL:
        return _NULL_REFUSED, NO_FIX
    if len(origin) > LONGEST_ORIGIN:
        return f"It is longer than any origin ({LONGEST_ORIGIN} characters) and was not read.", NO_FIX
    if "," in origin:
        return "Two Origin headers were joined on the way, perhaps by a proxy. A browser sends one.", NO_FIX
    parsed = Origin.parse(origin)
    if parsed is None:
        return "No browser sends this as an origin.", NO_FIX
    reason = nearest(policy, parsed) or "It is not listed."
    if policy.allow_credentials and is_plain_http(parsed):
        return f"{reason} {_INSECURE}", NO_FIX
    if not isinstance(policy.allow_origins, tuple):
        return "The origin source did not return True for it.", NO_FIX
    return reason, Fix(policy={"allow_origins": [*policy.allow_origins, origin]})


def nearest(policy: Policy, origin: Origin) -> str:
    """
    Return a sentence about a listed pattern that differs from *origin* in one part only, or an empty string.
    """
    for pattern in policy.patterns[:_MOST_PATTERNS_COMPARED]:
        text = str(pattern)
        same_host, same_port = pattern.host == origin.host, pattern.port in (origin.port, "*")
        if same_host and same_port and pattern.scheme != origin.scheme:
            return f"{quoted(text)} is listed, but this origin has the scheme {origin.scheme}."
        if same_host and pattern.scheme == origin.scheme:
            return (
                f"{quoted(text)} is listed, but this origin has "
                f"{'no port' if origin.port is None else f'port {origin.port}'}."
            )
        if pattern.scheme == origin.scheme and same_port:
            if pattern.host == f"*.{origin.host}":
                return f"{quoted(text)} covers the names below {origin.host}, not {origin.host} itself."
            if pattern.host.removeprefix("www.") == origin.host.removeprefix("www."):
                return f"{quoted(text)} is listed, but with and without www. are two different origins."
            if pattern.is_loopback and origin.is_loopback:
                return f"{quoted(text)} is listed, but {pattern.host} and {origin.host} are different hosts."
    return ""


def _method_step(policy: Policy, method: str) -> Step:
    allowed, upper = policy.allow_methods, method.upper()
    passed, fix = permits_method(allowed, method), NO_FIX
    if passed and method in SAFELISTED_METHODS:
        reason = "Safelisted: no preflight can refuse it."
    elif passed:
        reason = "Covered by *." if allowed == "*" else "Listed."
    elif upper in FORBIDDEN_METHODS:
        reason = "No browser lets a script send it."
    elif not is_token(method):
        reason = "It is not a method name, and no browser sends it."
    elif method != upper and upper in (*SAFELISTED_METHODS, *allowed):
        reason = f"Methods are case-sensitive, and the page wrote {method}: it has to write {upper}."
    else:
        reason, fix = _not_among(allowed), Fix(policy={"allow_methods": [*allowed, method]})
    return Step("method", shown(method), _granted(allowed), passed, reason, fix)


def _granted(names: Collection[str]) -> str:
    return ", ".join(names) or "none beyond the safelist"


def _not_among(names: Collection[str]) -> str:
    return f"It is not one of {_granted(names)}." if names else "The policy lists none."


def _header_step(policy: Policy, name: str) -> Step:
    allowed, lowered = policy.allow_headers, name.lower()
    passed, fix = False, NO_FIX
    if lowered in {item.lower() for item in allowed if item != "*"}:
        passed, reason = True, "Listed."
    elif not is_token(name):
        reason = "It is not a header name, and no browser sends it."
    elif lowered.startswith(OWNED_PREFIX):
        reason = "This is a response header of CORS, so the page must not send it."
    elif "*" not in allowed:
        reason, fix = _not_among(allowed), Fix(policy={"allow_headers": [*allowed, name]})
    elif lowered == NON_WILDCARD_REQUEST_HEADER:
        reason = "* does not cover Authorization. Today's browsers only warn, but the standard refuses it."
        fix = Fix(policy={"allow_headers": ["*", "Authorization"]})
    else:
        passed, reason = True, "Covered by *."
    return Step("header", shown(name), _granted(allowed), passed, reason, fix)


def _readable_step(policy: Policy) -> Step:
    granted = _granted(policy.expose_headers)
    always = ", ".join(sorted(SAFELISTED_RESPONSE_HEADERS))
    reason = f"{granted[0].upper()}{granted[1:]}. Scripts can always read {always}."
    return Step("exposed", "response headers", granted, True, reason)


def _timing_step() -> Step:
    reason = "Scripts see it in PerformanceResourceTiming, because of Timing-Allow-Origin."
    return Step("timing", "how long the response took", "yes", True, reason)


def _credentials_step(policy: Policy) -> Step:
    asked = 'only the page knows: credentials: "include"'
    if policy.allow_credentials:
        return Step("credentials", asked, "yes", True, "Cookies and HTTP authentication may be used.")
    reason = "A page that asks for credentials gets only an error. A bearer token in Authorization does not need them."
    fix = NO_FIX if policy.audience.is_everyone else Fix(policy={"allow_credentials": True})
    return Step("credentials", asked, "no", False, reason, fix)


def _verdict(kind: RequestKind, failed: Step | None, *, with_credentials: bool) -> str:
    is_preflight = kind is RequestKind.PREFLIGHT
    if failed is None:
        what = "sends the request" if is_preflight else "lets the page read the response"
        return f"The browser {what}{'' if with_credentials else ', unless the page asked for credentials'}."
    if failed.name == "method":
        said = f"Method {failed.asked} is not allowed by {ALLOW_METHODS} in preflight response."
    elif failed.name == "header":
        said = f"Request header field {failed.asked.lower()} is not allowed by {ALLOW_HEADERS} in preflight response."
    else:
        said = f"{_PREFLIGHT_BLOCKED if is_preflight else ''}{_NO_ALLOW_ORIGIN}"
    return f"The browser blocks it and says: {said}"
