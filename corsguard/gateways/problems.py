"""
The reasons why a policy cannot be written out for a gateway, as data: one row for each.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from corsguard.errors import Problem, Rule
from corsguard.fixes import Fix
from corsguard.names import EXAMPLE_ORIGIN
from corsguard.quoting import printable, quoted, text_of

from .plan import Plan, loose

# The example of each row is the target, and the keywords of a policy.
RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "E851": Rule(
            "Expected a target, got {value}.",
            "The gateway would refuse a file in the wrong syntax, or read it as something else.",
            "Write one of the targets that `corsguard export --help` lists.",
            ("nginxx", {"allow_origins": [EXAMPLE_ORIGIN]}),
        ),
        "E852": Rule(
            "{value} cannot answer as the guard does: {reason}",
            "A gateway that answers differently lets pages in that the policy refuses, or blocks those that it allows.",
            "Guard the application instead, and let the gateway pass everything on.",
            ("traefik", {"allow_origins": [EXAMPLE_ORIGIN]}),
        ),
        "E853": Rule(
            "{place} is asked at request time. A file cannot ask.",
            "The gateway would keep the origins or hosts of the moment when the file was written.",
            "List the origins, or the hosts, or leave CORS to the guard in the application.",
            ("nginx", {"allow_origins": "source"}),
        ),
        "E854": Rule(
            "Some views have a policy of their own (@cors): {value}. A gateway does not know views.",
            "The gateway would answer for these views with the policy of their path.",
            "Write policies by path for them, or leave CORS to the guard in the application.",
            ("nginx", {"allow_origins": [EXAMPLE_ORIGIN]}),
        ),
        "E855": Rule(
            "{place} lists {value}, and no expression covers exactly the same hosts.",
            "An expression that covers more would let other sites read.",
            "List the origins themselves, or leave CORS on these paths to the guard in the application.",
            ("nginx", {"allow_origins": ["vscode-webview://*"]}),
        ),
        "E856": Rule(
            "{target} cannot express {value} in {place}: {reason}",
            "The gateway could not read the file, or would read it differently.",
            "Shorten the prefix or the list, or leave CORS on these paths to the guard in the application.",
            ("nginx", {f"/{'a' * 400}": {"allow_origins": [EXAMPLE_ORIGIN]}}),
        ),
        "E857": Rule(
            "{target} cannot do what {place} needs: {reason}",
            "The gateway would answer differently from the guard.",
            "Change the policy, choose another target, or leave CORS to the guard in the application.",
            ("s3", {"allow_origins": [EXAMPLE_ORIGIN]}),
        ),
        "E858": Rule(
            "Expected a path such as /app as the mount, got {value}.",
            "The paths of the policies are below the mount. With a wrong mount, nothing would be guarded.",
            "Write the path where the application is mounted, without a slash at the end.",
            ("nginx", {"allow_origins": [EXAMPLE_ORIGIN]}),
        ),
    }
)


def problem(code: str, field: str, value: object, fix: str, **blanks: object) -> Problem:
    """
    Return the problem *code* at *field* of the policies. *value* and *blanks* fill the placeholders of its message.
    """
    message = RULES[code].message.format(**{"value": quoted(value), **blanks})
    return Problem(code, printable(field), text_of(value) or quoted(value), printable(message), Fix(words=fix))


def too_long(
    plan: Plan, target: str, expression: float, value: float, written: Callable[[str], str] = str
) -> Iterator[Problem]:
    """
    Yield a problem for each path that needs more than *expression* characters, and for each header value with more than
    *value* characters.

    These are the limits of *target*, infinity if it has none. *written* writes a value in its syntax.
    """
    for site in plan.sites:
        for zone in site.zones if site.chooses else ():
            if len(loose(plan.mount + zone.prefix)) > expression:
                fix = "Shorten the prefix, or leave CORS on these paths to the guard in the application."
                reason = f"it does not read expressions of more than {expression:,} characters."
                yield problem("E856", zone.place, zone.prefix, fix, target=target, place="the paths", reason=reason)
    for zone in plan.guarded:
        lines = (line for decision in (zone.states or {}).values() for line in decision.headers)
        for name in dict.fromkeys(name for name, text in lines if len(written(text)) > value):
            fix = "Shorten the list, or leave CORS on these paths to the guard in the application."
            place = f"the policy of {quoted(zone.place)}"
            reason = f"it does not read values of more than {value:,} characters."
            yield problem("E856", zone.place, name, fix, target=target, place=place, reason=reason)
