"""
Writes a policy out for the software in front of the application, so that it answers as the guard does.

If a target cannot do exactly the same, the policy is refused, with all reasons at once. Nothing is approximated.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from corsguard.errors import PolicyError, Problem
from corsguard.hosts import StoredHosts
from corsguard.policies import PathTable, Policies, PoliciesLike, problem_of_prefix
from corsguard.policy import Policy
from corsguard.quoting import quoted

from .apache import APACHE
from .caddy import CADDY
from .clouds import AWS_HTTP_API, S3
from .envoy import ENVOY
from .haproxy import HAPROXY
from .nginx import NGINX, NGINX_HEADERS_MORE
from .plan import plan_of
from .problems import RULES as RULES
from .problems import problem
from .refused import INSTEAD, REFUSED
from .varnish import VARNISH
from .writing import Source as Source
from .writing import Target, text_of

TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        target.name: target
        for target in (
            NGINX,
            NGINX_HEADERS_MORE,
            HAPROXY,
            CADDY,
            ENVOY,
            APACHE,
            VARNISH,
            S3,
            AWS_HTTP_API,
        )
    }
)

_TO_THE_GUARD: Final = "Leave CORS there to the guard in the application."


_NOWHERE: Final = Source()


def export(target: str, policy: PoliciesLike, source: Source = _NOWHERE) -> dict[str, str]:
    """
    Return the files, by name, that make the software *target* answer as *policy* does.

    *source* tells the files where the policy comes from.

    Raises PolicyError with every reason at once if the policy is refused, or *target* cannot answer in the same way.
    """
    policies = Policies.of(policy)
    problems = [*_of_target(target), *_of_source(source), *_of_policies(policies.table)]
    known = TARGETS.get(target)
    if known is None or problems:
        raise PolicyError(problems)
    plan = plan_of(policies.table, source.mount)
    problems += known.problems(plan)
    if problems:
        raise PolicyError(problems)
    return {name: text_of(known, name, lines, plan, source) for name, lines in known.files(plan).items()}


def _of_target(target: str) -> Iterator[Problem]:
    if target in REFUSED:
        yield problem("E852", "target", target, INSTEAD[target], reason=REFUSED[target])
    elif target not in TARGETS:
        near = get_close_matches(target, [*TARGETS, *REFUSED], 1) or [*TARGETS]
        yield problem("E851", "target", target, f"Write {near[0]}. Targets: {', '.join(TARGETS)}.")


def _of_source(source: Source) -> Iterator[Problem]:
    if source.mount and (source.mount == "/" or problem_of_prefix(source.mount) is not None):
        yield problem("E858", "mount", source.mount, "Write --mount /app.")
    if source.tagged:
        fix = "Write policies by path for these views, or leave CORS to the guard in the application."
        yield problem("E854", "views", ", ".join(source.tagged), fix)


def _of_policies(table: PathTable) -> Iterator[Problem]:
    if isinstance(table.hosts, StoredHosts):
        yield problem("E853", "hosts", "policy_of", _TO_THE_GUARD, place="The object of hosts")
    for host, at in table.by_host.items():
        for prefix, there in at.by_prefix.items():
            if isinstance(there.policy, Policy):
                yield from _of_policy(f"{host}{prefix}", there.policy)


def _of_policy(place: str, policy: Policy) -> Iterator[Problem]:
    if policy.audience.source is not None:
        asked = f"The origin source of the policy of {quoted(place)}"
        yield problem("E853", place, policy.allow_origins, _TO_THE_GUARD, place=asked)
    for pattern in policy.patterns:
        if not pattern.is_exact and pattern.expression is None:
            yield problem("E855", place, str(pattern), _TO_THE_GUARD, place=f"The policy of {quoted(place)}")
