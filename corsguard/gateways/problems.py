"""
What cannot be written out for a gateway, as data: one row for each reason.
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
            "No target is called {value}.",
            "A file in the wrong syntax is refused by the gateway, or worse, read as something else.",
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
            "The gateway would answer with what was true at the moment at which the file was written.",
            "List the origins, or the hosts, or leave CORS to the guard in the application.",
            ("nginx", {"allow_origins": "source"}),
        ),
        "E854": Rule(
            "Views have a policy of their own (@cors), and a gateway knows no views: {value}.",
            "The gateway would answer for these views with the policy of their path.",
            "Write policies by path for them, or leave CORS to the guard in the application.",
            ("nginx", {"allow_origins": [EXAMPLE_ORIGIN]}),
        ),
        "E855": Rule(
            "{place} lists {value}, and no expression says exactly the hosts that it covers.",
            "An expression that covers more would let strangers read.",
            "List the origins themselves, or leave CORS on these paths to the guard in the application.",
            ("nginx", {"allow_origins": ["vscode-webview://*"]}),
        ),
        "E856": Rule(
            "{target} cannot write {value}, of {place}: {reason}",
            "The gateway would read a part of it as its own syntax.",
            "Take the name out of the policy, or leave CORS on these paths to the guard in the application.",
            ("nginx", {f"/{'a' * 400}": {"allow_origins": [EXAMPLE_ORIGIN]}}),
        ),
        "E857": Rule(
            "{target} cannot do this, of {place}: {reason}",
            "The gateway would answer differently from the guard.",
            "Change the policy, choose another target, or leave CORS to the guard in the application.",
            ("s3", {"allow_origins": [EXAMPLE_ORIGIN]}),
        ),
        "E858": Rule(
            "Expected a path such as /app as the mount, got {value}.",
            "Every path of the policies is below it, so nothing would be guarded.",
            "Write the path at which the application is mounted, without a slash at the end.",
            ("nginx", {"allow_origins": [EXAMPLE_ORIGIN]}),
        ),
    }
)


def problem(code: str, field: str, value: object, fix: str, **blanks: object) -> Problem:
    """
    Return the problem *code*, found at *field* of the policies; *value* and *blanks* fill its sentence.
    """
    message = RULES[code].message.format(**{"value": quoted(value), **blanks})
    return Problem(code, printable(field), text_of(value) or quoted(value), printable(message), Fix(words=fix))


def too_long(
    plan: Plan, target: str, expression: float, value: float, written: Callable[[str], str] = str
) -> Iterator[Problem]:
    """
    Yield a problem for each path that needs more than *expression* characters, and for each list of more than *value*.

    These are what *target* reads, infinity where it reads all; *written* is how it writes the values.
    """
    for site in plan.sites:
        for zone in site.zones if site.chooses else ():
            if len(loose(plan.mount + zone.prefix)) > expression:
                fix = "Shorten the prefix, or leave CORS on these paths to the guard in the application."
                reason = f"it reads no expression of more than {expression:,} characters."
                yield problem("E856", zone.place, zone.prefix, fix, target=target, place="the paths", reason=reason)
    for zone in plan.guarded:
        lines = (line for decision in (zone.states or {}).values() for line in decision.headers)
        for name in dict.fromkeys(name for name, text in lines if len(written(text)) > value):
            fix = "Shorten the list, or leave CORS on these paths to the guard in the application."
            place = f"the policy of {quoted(zone.place)}"
            reason = f"it reads no value of more than {value:,} characters."
            yield problem("E856", zone.place, name, fix, target=target, place=place, reason=reason)
