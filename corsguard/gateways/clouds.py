"""
Services that take a policy as a document: S3, and the HTTP APIs of AWS.

A browser gets the same result as from the guard, but not the same bytes. These services have fewer features, and a
policy that needs more is refused. They are written from their documentation, and were not run by us.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any, Final

from corsguard.errors import Problem
from corsguard.origin import NULL
from corsguard.policy import Policy
from corsguard.quoting import quoted

from .plan import Plan
from .problems import problem
from .writing import Target

_UNTRIED: Final = "It was written from the documentation of AWS. We did not run it."
# Amazon S3 API, "CORSRule".
_S3_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "POST", "PUT"})


def _s3(plan: Plan) -> Mapping[str, Sequence[str]]:
    policy = _only(plan)
    rule: dict[str, Any] = {
        "ID": f"corsguard {version('corsguard')}, sha256 {plan.digest}. {_UNTRIED}",
        "AllowedOrigins": [*_s3_origins(policy)],
        "AllowedMethods": [*policy.allow_methods],
    }
    if policy.allow_headers:
        rule["AllowedHeaders"] = ["*"] if "*" in policy.allow_headers else [*policy.allow_headers]
    if policy.expose_headers:
        rule["ExposeHeaders"] = [*policy.expose_headers]
    if policy.max_age is not None:
        rule["MaxAgeSeconds"] = policy.max_age
    return {"cors.json": json.dumps({"CORSRules": [rule]}, indent=2).splitlines()}


def _s3_origins(policy: Policy) -> Iterator[str]:
    if policy.audience.is_everyone:
        yield "*"
    for pattern in policy.patterns:
        yield str(pattern)
        if pattern.port == "*":
            # In S3, the star means any port, but not a missing port.
            yield str(pattern._replace(port=None))


def _s3_problems(plan: Plan) -> Iterator[Problem]:
    refuse = _Unable("S3")
    yield from _of_paths(plan, refuse)
    for policy in _policies(plan):
        for method in policy.allow_methods:
            if method not in _S3_METHODS:
                yield refuse(f"it knows the methods {', '.join(sorted(_S3_METHODS))}, and not {quoted(method)}.")
        if not policy.audience.is_everyone and not policy.allow_credentials:
            yield refuse("it allows credentials for every listed origin. This policy allows none.")
        if "*" in policy.expose_headers:
            yield refuse('it cannot expose all headers, because it reads "*" as a name.')
        if policy.allow_headers == "*":
            yield refuse(
                'its "*" includes Authorization. If you want that, write allow_headers=["*", "Authorization"].'
            )
        yield from _of_null(policy, refuse)
        for pattern in policy.patterns:
            if "*" in pattern.host and (not pattern.host.startswith("*.") or pattern.port == "*"):
                yield refuse(
                    f"its * in an origin also stands for dots, so {quoted(str(pattern))} would cover more origins."
                )


def _http_api(plan: Plan) -> Mapping[str, Sequence[str]]:
    policy = _only(plan)
    values: dict[str, Any] = {
        "allowOrigins": ["*"] if policy.audience.is_everyone else [str(pattern) for pattern in policy.patterns],
        "allowMethods": [*policy.allow_methods],
        "allowHeaders": [*policy.allow_headers],
        "exposeHeaders": [*policy.expose_headers],
        "allowCredentials": policy.allow_credentials,
    }
    if policy.max_age is not None:
        values["maxAge"] = policy.max_age
    # JSON values are YAML values, too.
    lines = [f"  {name}: {json.dumps(value)}" for name, value in values.items() if value != []]
    return {"cors.yaml": ["x-amazon-apigateway-cors:", *lines]}


def _http_api_problems(plan: Plan) -> Iterator[Problem]:
    refuse = _Unable("AWS HTTP API")
    yield from _of_paths(plan, refuse)
    for policy in _policies(plan):
        yield from _of_null(policy, refuse)
        for pattern in policy.patterns:
            if not pattern.is_exact:
                yield refuse(f"it knows exact origins only, and not {quoted(str(pattern))}.")
        if "*" in policy.allow_headers and policy.allow_headers != "*":
            yield refuse('it is not known how it treats "*" next to "Authorization". List the headers.')


class _Unable:
    """
    Makes the problems of one target.
    """

    def __init__(self, title: str) -> None:
        self._title = title

    def __call__(self, reason: str) -> Problem:
        fix = "Change the policy, choose another target, or leave CORS to the guard in the application."
        return problem("E857", "policy", reason, fix, target=self._title, place="the policy", reason=reason)


def _of_paths(plan: Plan, refuse: _Unable) -> Iterator[Problem]:
    if plan.leaves or len(plan.zones) > 1 or not plan.guarded:
        yield refuse("it has one policy for everything, and none by host or path.")
    if any(policy.share_timing for policy in _policies(plan)):
        yield refuse("it does not send Timing-Allow-Origin. Remove share_timing.")


def _of_null(policy: Policy, refuse: _Unable) -> Iterator[Problem]:
    if NULL in policy.audience.exact:
        yield refuse('it is not known how it treats the origin "null".')


def _policies(plan: Plan) -> Iterator[Policy]:
    return (zone.policy for zone in plan.zones if zone.policy is not None)


def _only(plan: Plan) -> Policy:
    return next(_policies(plan))


S3: Final = Target(
    "s3",
    "Amazon S3",
    "",
    _s3,
    _s3_problems,
    comment=None,
)
AWS_HTTP_API: Final = Target(
    "aws-http-api",
    "AWS HTTP API",
    "Put it into the OpenAPI document of the API, at the top level.\n"
    "If a $default or ANY route has an authorizer, add a route OPTIONS /{proxy+} without one.",
    _http_api,
    _http_api_problems,
    (_UNTRIED, "It answers a browser as the guard does, except for Vary and headers that do not belong to CORS."),
)
