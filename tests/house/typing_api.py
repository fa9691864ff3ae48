"""
What a type checker has to know about the doors. mypy and pyright check this file. It never runs.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, TypeAlias, assert_type
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import redis
import redis.asyncio
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette

import corsguard_django
import corsguard_flask
from corsguard import (
    AsyncOriginSource,
    Configuration,
    CORSMiddleware,
    CrossOriginProtection,
    Decision,
    Event,
    Explanation,
    Fix,
    Origin,
    OriginPattern,
    OriginSource,
    Policies,
    PoliciesLike,
    Policy,
    PolicyError,
    PolicyKeywords,
    Problem,
    RedisOrigins,
    RefreshingOrigins,
    Refusal,
    RememberedOrigins,
    RequestKind,
    Step,
    cors,
    explain,
    negotiate,
)
from corsguard.adapters import (
    Assignment,
    Guard,
    Guarding,
    HostQuestion,
    InForce,
    Journal,
    Passage,
    PathTable,
    Question,
    tag_of,
)
from corsguard.asgi import ASGIApplication, Receive, Scope, Send
from corsguard.asgi import CORSMiddleware as ASGIMiddleware
from corsguard.diagnosis import Diagnosis, Fault, Meaning, Replay, check, read_har, read_message
from corsguard.moving import Translation
from corsguard.negotiation import decide, merge_vary
from corsguard_flask import CORSGuard, translate, translate_view


class Tenants:
    def __contains__(self, origin: str, /) -> bool:
        return origin == "https://app.example.com"


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [])
    return []


class StoredTenants:
    def policy_of(self, host: str) -> Policy | None:
        return None


class AwaitedStore:
    async def policy_of(self, host: str) -> Policy | None:
        return None


class AwaitedTenants:
    async def allows(self, origin: str, /) -> bool:
        return origin == "https://app.example.com"


async def asgi_app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})


source: OriginSource = Tenants()
awaited: AsyncOriginSource = AwaitedTenants()
policies = [
    Policy(allow_origins="*"),
    Policy(allow_origins=["https://app.example.com"], max_age=timedelta(hours=1), preflight_status=200),
    Policy(allow_origins={"https://app.example.com"}, allow_methods="*", allow_headers=("*", "Authorization")),
    Policy(allow_origins=source),
    Policy(allow_origins=Tenants()),
    Policy(allow_origins=AwaitedTenants()),
    Policy(allow_origins=RememberedOrigins(awaited, ttl=60)),
    Policy(allow_origins=RefreshingOrigins(lambda: {"https://app.example.com"}, every=timedelta(minutes=1))),
    Policy(allow_origins=RememberedOrigins(Tenants(), ttl=0.5, maxsize=100)),
    Policy(allow_unsafe_origins={"null": "a reason"}, max_age=None),
    Policy.from_mapping({"allow_origins": ["https://app.example.com"]}),
]
policy = policies[0]

# A policy, with every keyword.
Policy(
    allow_origins=["https://app.example.com"],
    allow_methods=["GET", "PUT"],
    allow_headers=["Content-Type"],
    expose_headers=["ETag"],
    allow_credentials=True,
    max_age=600,
    preflight_status=204,
    share_timing=True,
    allow_unsafe_origins={"http://kiosk.example": "no TLS until 2027"},
)
assert_type(policy.allow_origins, Literal["*"] | Collection[str] | OriginSource | AsyncOriginSource)
assert_type(policy.allow_methods, Literal["*"] | Collection[str])
assert_type(policy.allow_headers, Literal["*"] | Collection[str])
assert_type(policy.expose_headers, Literal["*"] | Collection[str])
assert_type(policy.allow_credentials, bool)
assert_type(policy.max_age, int | timedelta | None)
assert_type(policy.preflight_status, Literal[200, 204])
assert_type(policy.share_timing, bool)
assert_type(policy.allow_unsafe_origins, Mapping[str, str])
assert_type(policy.may_block, bool)
assert_type(policy.must_await, bool)
assert_type(policy.warnings, tuple[Problem, ...])
assert_type(policy.patterns, tuple[OriginPattern, ...])
assert_type(policy.audience.exact, frozenset[str])
assert_type(policy.audience.covers("https://app.example.com"), bool | None)
assert_type(replace(policy, max_age=0), Policy)

Policy(allow_origins=b"*")  # type: ignore[arg-type] # text or a list of texts
Policy(allow_origins="*", allow_methods=None)  # type: ignore[arg-type] # none beyond the safelist is []
Policy(allow_origins="*", allow_headers=7)  # type: ignore[arg-type] # texts
Policy(allow_origins="*", expose_headers=True)  # type: ignore[arg-type] # texts
Policy(allow_origins=["https://app.example.com"], allow_credentials="false")  # type: ignore[arg-type] # text is not a bool
Policy(allow_origins="*", max_age="600")  # type: ignore[arg-type] # seconds are a number
Policy(allow_origins=["https://app.example.com"], preflight_status=201)  # type: ignore[arg-type] # 204 or 200
Policy(allow_unsafe_origins=["null"])  # type: ignore[arg-type] # each with its reason
# Of type Any, because mypy compares it with another keyword if its cache is warm than if it is cold.
anything: Any = ["https://app.example.com"]
Policy(anything)  # type: ignore[call-arg] # keywords only
policy.max_age = 0  # type: ignore[misc] # a policy cannot be changed
policy.allow_unsafe_origins["null"] = "a reason"  # type: ignore[index] # nor can what it holds

# Misspelled keywords, each the most likely mistake of its kind.
Policy(allow_origin=["https://app.example.com"])  # type: ignore[call-arg] # allow_origins
Policy(origins=["https://app.example.com"])  # type: ignore[call-arg] # allow_origins
Policy(allow_origins="*", allow_method=["PUT"])  # type: ignore[call-arg] # allow_methods
Policy(allow_origins="*", allow_header=["X-A"])  # type: ignore[call-arg] # allow_headers
Policy(allow_origins="*", exposed_headers=["X-A"])  # type: ignore[call-arg] # expose_headers
Policy(allow_origins=["https://app.example.com"], supports_credentials=True)  # type: ignore[call-arg] # unknown
Policy(allow_origins="*", maxage=0)  # type: ignore[call-arg] # max_age
Policy(allow_origins="*", preflight=200)  # type: ignore[call-arg] # preflight_status
Policy(unsafe_origins={"null": "a reason"})  # type: ignore[call-arg] # allow_unsafe_origins

keywords: PolicyKeywords = {"allow_origins": ["https://app.example.com"], "allow_credentials": True}
Policy(**keywords)
misspelt: PolicyKeywords = {"allow_origin": "*"}  # type: ignore[typeddict-unknown-key] # allow_origins

decision = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": "https://app.example.com"})
assert_type(decision, Decision)
assert_type(decision.kind, RequestKind)
assert_type(decision.status, Literal[200, 204, 403] | None)
assert_type(decision.headers, tuple[tuple[str, str], ...])
assert_type(decision.refusal, Refusal | None)
assert_type(decision.error, BaseException | None)
assert_type(decision.vary, str)
assert_type(decision.body, bytes)
assert_type(decide(policy, {}), Decision | Question)
assert_type(explain(policy, {}), Explanation)
assert_type(explain({"/api": policy, "/admin": None}, {}).steps, tuple[Step, ...])
assert_type(merge_vary("Cookie", decision.vary), str)
assert_type(Origin.parse("https://app.example.com"), Origin | None)
assert_type(OriginPattern.parse("https://*.example.com"), OriginPattern)
negotiate({"allow_origins": "*"}, {})  # type: ignore[arg-type] # a policy, not its keywords

# Policies, in every form.
shared = Policies({"/api": policy, "/admin": None, "/own": "unguarded", "/v1": {"allow_origins": "*"}})
forms: list[PoliciesLike] = [
    policy,
    keywords,
    shared,
    {"allow_origins": "*"},
    {"/api": policy, "/admin": None},
    {"paths": {"/api": policy, "/admin": None, "/own": "unguarded", "/v1": {"allow_origins": "*"}}},
    Configuration.from_file("cors.toml", "production"),
    Configuration.from_file("cors.toml", environment="production"),
    Configuration.from_mapping({"allow_origins": "*"}, environment=None),
    Configuration.from_variables({"SHOP_ALLOW_ORIGINS": "*"}, prefix="SHOP_"),
]
Policies()
Policies(None)
Policies(policy=policy)
Policies({"hosts": {"a.example": policy, "*.b.example": {"paths": {"/api": None}}, "c.example": {"/": policy}}})
Policies({"hosts": {"a.example": {"allow_origins": "*"}, "b.example": "unguarded", "c.example": None}})
Policies({"hosts": StoredTenants()})
Policies({"hosts": AwaitedStore()})
Policies("*")  # type: ignore[arg-type] # a policy, not its origins
Policies({"allow_origin": ["https://app.example.com"]})  # type: ignore[dict-item] # allow_origins
Policies({"/api": "guarded"})  # type: ignore[dict-item] # the word is "unguarded"
Policies(polcy=policy)  # type: ignore[call-arg] # policy
assert_type(shared.policy, InForce)
assert_type(shared.policy_for("/api"), Policy | Literal["unguarded"] | None)
assert_type(shared.policy_for("/api", "a.example"), Policy | Literal["unguarded"] | None)
assert_type(shared.named, Mapping[str, Policy])
assert_type(shared.table.find("/api"), Assignment)
shared.policy = {"/api": policy}
Configuration.from_file("cors.toml", env="production")  # type: ignore[call-arg] # environment
Configuration.from_variables(prefx="SHOP_")  # type: ignore[call-arg] # prefix

# WSGI.
guarded: WSGIApplication = CORSMiddleware(app, policy)
CORSMiddleware(app, {"/api": policy, "/admin": None, "/own": "unguarded"})
CORSMiddleware(app, {"allow_origins": ["https://app.example.com"]})
CORSMiddleware(app, shared)
CORSMiddleware(app, None)
CORSMiddleware(app=app, policy=policy, on_event=None, journal=Journal())
CORSMiddleware(app, "*")  # type: ignore[arg-type] # a policy, not its origins
CORSMiddleware(app, {"allow_origin": ["https://app.example.com"]})  # type: ignore[dict-item] # allow_origins
CORSMiddleware(app, polices=policy)  # type: ignore[call-arg] # policy
CORSMiddleware(app, policy, on_refusal=print)  # type: ignore[call-arg] # on_event
middleware = CORSMiddleware(app, policy)
middleware.policy = {"paths": {"/api": policy}}
assert_type(middleware.policy, InForce)
assert_type(middleware.policy_for({"PATH_INFO": "/"}), Policy | Literal["unguarded"] | None)
assert_type(middleware.guard, Guard)
assert_type(middleware.guard.journal, Journal)

# ASGI.
served: ASGIApplication = ASGIMiddleware(asgi_app, policy)
ASGIMiddleware(asgi_app, {"/api": policy, "/admin": None, "/own": "unguarded"})
ASGIMiddleware(asgi_app, {"allow_origins": AwaitedTenants()})
ASGIMiddleware(asgi_app, shared)
ASGIMiddleware(app=asgi_app, policy=None, on_event=None, journal=Journal(), websockets="guard")
ASGIMiddleware(asgi_app, policy, websockets="pass")
ASGIMiddleware(asgi_app, policy, websockets=["/feed"])
ASGIMiddleware(served, policy)
ASGIMiddleware(Starlette(), policy)
ASGIMiddleware(FastAPI(), policy)
ASGIMiddleware(asgi_app, "*")  # type: ignore[arg-type] # a policy, not its origins
ASGIMiddleware(asgi_app, policy, websockets=False)  # type: ignore[arg-type] # "pass"
ASGIMiddleware(asgi_app, policy, print)  # type: ignore[call-arg] # by its name only
ASGIMiddleware(app, policy)  # type: ignore[arg-type] # a WSGI application
CORSMiddleware(asgi_app, policy)  # type: ignore[arg-type] # an ASGI application
asgi_middleware = ASGIMiddleware(asgi_app, policy)
asgi_middleware.policy = {"paths": {"/api": policy}}
assert_type(asgi_middleware.policy, InForce)
assert_type(asgi_middleware.policy_for({"path": "/"}), Policy | Literal["unguarded"] | None)
assert_type(asgi_middleware.guard, Guard)

# Tags, with every keyword.


@cors(policy)
def tagged(number: int) -> str:
    return str(number)


@cors(None)
def closed() -> str:
    return ""


@cors(
    allow_origins=["https://app.example.com"],
    allow_methods=["GET", "PUT"],
    allow_headers=["Content-Type"],
    expose_headers=["ETag"],
    allow_credentials=True,
    max_age=timedelta(minutes=1),
    preflight_status=200,
    share_timing=False,
    allow_unsafe_origins={"http://kiosk.example": "no TLS until 2027"},
)
async def tagged_by_keywords(number: int) -> str:
    return str(number)


# A tag changes no signature.
assert_type(tagged(1), str)
tagged("1")  # type: ignore[arg-type] # as before
assert_type(tag_of(tagged), Assignment | None)
cors(**keywords)
cors("*")  # type: ignore[call-overload] # its origins by keyword
cors(policy, max_age=0)  # type: ignore[call-overload] # one of the two forms
cors(allow_origin=["https://app.example.com"])  # type: ignore[call-overload] # allow_origins
cors(allow_origins="*", allow_method=["PUT"])  # type: ignore[call-overload] # allow_methods
cors(allow_origins="*", allow_credentials="false")  # type: ignore[call-overload] # text is not a bool
corsguard_flask.cors(allow_origin="*")  # type: ignore[call-overload] # the same one
corsguard_django.cors(allow_origin="*")  # type: ignore[call-overload] # the same one

try:
    Policy()
except PolicyError as error:
    assert_type(error.problems, tuple[Problem, ...])
    assert_type(error.problems[0].fix, Fix)

# Sources, with every keyword.


def monotonic() -> float:
    return 0.0


def load() -> list[str]:
    return ["https://app.example.com"]


refreshing = RefreshingOrigins(load, every=60, stale_after=timedelta(hours=1), clock=monotonic)
assert_type(refreshing.age, float)
RememberedOrigins(source=Tenants(), ttl=timedelta(minutes=1), maxsize=100, clock=monotonic)
RefreshingOrigins(load=load, every=timedelta(minutes=1))
RefreshingOrigins(load)  # type: ignore[call-arg] # every how many seconds
RefreshingOrigins(load, 60)  # type: ignore[call-arg] # by its name only
RefreshingOrigins(load, evry=60)  # type: ignore[call-arg] # every
RememberedOrigins(Tenants())  # type: ignore[call-arg] # ttl
RememberedOrigins(Tenants(), ttl=60, max_size=100)  # type: ignore[call-arg] # maxsize
RememberedOrigins(Tenants(), ttl="60")  # type: ignore[arg-type] # seconds are a number
RefreshingOrigins(lambda: 7, every=60)  # type: ignore[arg-type, return-value] # a list of origins
in_redis = RedisOrigins(redis.Redis)
assert_type(in_redis.last_error, BaseException | None)
RedisOrigins(connect=lambda: redis.Redis.from_url("redis://localhost", socket_timeout=5), key="app:origins")
RedisOrigins(redis.asyncio.Redis, "app:origins", every=timedelta(minutes=1), stale_after=3600, clock=monotonic)
RedisOrigins(lambda: redis.asyncio.Redis.from_url("redis://localhost", socket_timeout=5))
RedisOrigins("redis://localhost")  # type: ignore[arg-type] # a function
RedisOrigins(redis.Redis())  # type: ignore[arg-type] # the same
RedisOrigins(redis.Redis, b"app:origins")  # type: ignore[arg-type] # a string

# Flask.
guard = CORSGuard(Flask("shop"), policy)
CORSGuard()
CORSGuard(app=Flask("shop"), policy={"/api": policy, "/admin": None})
guard.init_app(Flask("shop"), policy=policy)
guard.set_policy(Flask("shop"), {"allow_origins": "*"})
guard.policy = {"allow_origins": "*"}
assert_type(guard.policy, InForce)
CORSGuard(Flask("shop"), "*")  # type: ignore[arg-type] # a policy, not its origins
CORSGuard(Flask("shop"), allow_origins="*")  # type: ignore[arg-type] # policy
CORSGuard(Flask("shop"), {"allow_origin": ["https://app.example.com"]})  # type: ignore[dict-item] # allow_origins
guard.init_app(Flask("shop"), polcy=policy)  # type: ignore[call-arg] # policy

assert_type(translate(Flask("shop")), Translation)
assert_type(translate_view(origins="*"), Translation)
print(corsguard_flask.translat)  # type: ignore[attr-defined] # only what is there is found, though loaded late

# Django.
corsguard_django.set_policy(policy)
corsguard_django.set_policy({"/api": {"allow_origins": "*"}, "/admin": None})
corsguard_django.set_policy(None)
corsguard_django.set_policy({"allow_origin": ["https://app.example.com"]})  # type: ignore[dict-item] # allow_origins


# Events.
OfSharing: TypeAlias = Literal["origin", "source", "two-layers", "odd-path", "websocket"]
OfProtection: TypeAlias = Literal["cross-site", "same-site", "unknown", "null-origin", "other-origin"]


def count(event: Event) -> None:
    assert_type(event.reason, OfSharing | OfProtection)
    assert_type(event.would_refuse, bool)
    assert_type(event.site, str)
    assert_type(event.has_cookie, bool)
    assert_type(event.policy, Policy | None)
    assert_type(event.name, str)
    assert_type(event.method, str)
    assert_type(event.path, str)
    assert_type(event.origin, str)


def guard_and_count(app: WSGIApplication, policy: Policy) -> None:
    CORSMiddleware(app, policy, on_event=count)


# Protection.
protection = CrossOriginProtection(mode="report", exempt=["/webhooks"], methods="all")
assert_type(protection.mode, Literal["enforce", "report"])
CrossOriginProtection(mode="off")  # type: ignore[arg-type] # enforce or report
CrossOriginProtection("report")  # type: ignore[call-arg] # by its name only
CrossOriginProtection(exmept=["/webhooks"])  # type: ignore[call-arg] # exempt
CORSGuard(Flask("shop"), policy, protection=protection)
CORSGuard(protection={"mode": "report"})
CORSGuard(protection=True)  # type: ignore[arg-type] # what it is and not whether
CORSGuard(protection={"mod": "report"})  # type: ignore[arg-type] # mode


def protect(app: WSGIApplication, asgi_app: ASGIApplication, policy: Policy) -> None:
    CORSMiddleware(app, policy, protection=protection)
    ASGIMiddleware(asgi_app, policy, protection=protection)
    assert_type(explain(policy, {}, protection).may_act, bool | None)
    CORSMiddleware(app, policy, count)  # type: ignore[call-arg] # by its name only


# The second door.


def carry(guard: Guard, environ: Mapping[str, str], ask: Callable[[Question], Decision]) -> Guarding:
    terms = guard.current()
    at = terms.table.look_up(environ.get("HTTP_HOST"))
    assert_type(at, PathTable | HostQuestion[PathTable])
    passage = guard.enter(environ, "/api", terms, at.ask() if isinstance(at, HostQuestion) else at)
    assert_type(passage, Passage)
    question = passage.decide()
    if question is not None:
        assert_type(question.origin, str)
        assert_type(question.source, OriginSource | AsyncOriginSource)
        assert_type(question.may_block, bool)
        passage.settle(ask(question))
    assert_type(passage.answer, Decision | None)
    assert_type(passage.headers([("Content-Type", "text/plain")]), list[tuple[str, str]])
    for event in passage.events:
        guard.journal.tell(event)
    return guard.policies.policy_for("/api")


Journal(on_event=count, is_heard=lambda: True, is_debug=lambda: False)
Journal(on_refusal=count)  # type: ignore[call-arg] # on_event
Guard(policies=Policies(policy), journal=Journal())
Guard(policy, Journal())  # type: ignore[arg-type] # Policies(policy)


# Why a fetch failed.


def diagnose(app: WSGIApplication) -> None:
    found = check(app, page="https://app.example.com", headers={"X-Token": "1"}, cookies=["sid=1"])
    assert_type(found, Diagnosis)
    assert_type(found.verdict, str)
    assert_type(found.faults, tuple[Fault, ...])
    assert_type(found.data(), dict[str, Any])
    check("https://api.example.com/", headers=[("X-Token", "1")], mode="no-cors")
    check("https://api.example.com/", cookie="sid=1")  # type: ignore[call-arg] # cookies, a list
    assert_type(read_har("failed.har").requests, tuple[Replay, ...])
    assert_type(read_message("TypeError: Failed to fetch", policy=policy), list[Meaning])
    read_message("TypeError: Failed to fetch", policy={"/api": policy})
