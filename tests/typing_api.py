"""
What a type checker is to know of the door. Checked by mypy and pyright, never run.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import assert_type
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from corsguard import (
    CORSMiddleware,
    Decision,
    Event,
    Explanation,
    Origin,
    OriginPattern,
    OriginSource,
    PathPolicies,
    Policy,
    PolicyError,
    Problem,
    Refusal,
    RequestKind,
    cors,
    explain,
    merge_vary,
    negotiate,
    read_guarded,
)
from corsguard.sources import RefreshingOrigins, RememberedOrigins


class Tenants:
    def __contains__(self, origin: str, /) -> bool:
        return origin == "https://app.example.com"


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    return []


source: OriginSource = Tenants()
policies = [
    Policy(allow_origins="*"),
    Policy(allow_origins=["https://app.example.com"], max_age=timedelta(hours=1), preflight_status=200),
    Policy(allow_origins={"https://app.example.com"}, allow_methods="*", allow_headers=("*", "Authorization")),
    Policy(allow_origins=source),
    Policy(allow_origins=Tenants()),
    Policy(allow_origins=RefreshingOrigins(lambda: {"https://app.example.com"}, every=timedelta(minutes=1))),
    Policy(allow_origins=RememberedOrigins(Tenants(), ttl=0.5, maxsize=100)),
    Policy(allow_unsafe_origins={"null": "a reason"}, max_age=None),
    Policy.from_mapping({"allow_origins": ["https://app.example.com"]}),
]
policy = policies[0]
assert_type(policy.allow_credentials, bool)
assert_type(policy.asks, bool)
assert_type(policy.warnings, tuple[Problem, ...])

Policy(allow_origins=["https://app.example.com"], allow_credentials="false")  # type: ignore[arg-type] # text is no bool
Policy(allow_origins=["https://app.example.com"], preflight_status=201)  # type: ignore[arg-type] # 204 or 200
Policy(allow_origins=["https://app.example.com"], supports_credentials=True)  # type: ignore[call-arg] # unknown
Policy(["https://app.example.com"])  # type: ignore[call-arg] # keywords only
policy.max_age = 0  # type: ignore[misc] # a policy cannot be changed

decision = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": "https://app.example.com"})
assert_type(decision, Decision)
assert_type(decision.kind, RequestKind)
assert_type(decision.refusal, Refusal | None)
assert_type(decision.headers, tuple[tuple[str, str], ...])
assert_type(explain(policy, {}), Explanation)
assert_type(merge_vary("Cookie", decision.vary), str)
assert_type(Origin.parse("https://app.example.com"), Origin | None)
assert_type(OriginPattern.parse("https://*.example.com"), OriginPattern)
assert_type(read_guarded({"/api": policy, "/admin": None}), Policy | PathPolicies)

guarded: WSGIApplication = CORSMiddleware(app, policy)
CORSMiddleware(app, {"/api": policy, "/admin": None})
CORSMiddleware(app, {"allow_origins": ["https://app.example.com"]})
CORSMiddleware(app, None)
CORSMiddleware(app, "*")  # type: ignore[arg-type] # a policy, not its origins
middleware = CORSMiddleware(app, policy)
middleware.policy = {"paths": {"/api": policy}}
assert_type(middleware.policy, Policy | PathPolicies | None)


@cors(policy)
def tagged(number: int) -> str:
    return str(number)


@cors(allow_origins=["https://app.example.com"])
async def tagged_by_keywords(number: int) -> str:
    return str(number)


# A tag changes no signature.
assert_type(tagged(1), str)
tagged("1")  # type: ignore[arg-type] # as before

try:
    Policy()
except PolicyError as error:
    assert_type(error.problems, tuple[Problem, ...])
    assert_type(error.problems[0].fix, str)


def count(event: Event) -> None:
    assert_type(event.policy, Policy)
    assert_type(event.origin, str)


def guard_and_count(app: WSGIApplication, policy: Policy) -> None:
    CORSMiddleware(app, policy, on_refusal=count)
    CORSMiddleware(app, policy, count)  # type: ignore[call-arg] # by its name only
