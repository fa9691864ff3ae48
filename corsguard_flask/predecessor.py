"""
Parts of the config of a guarded application that have no effect, and the rules about them: values of flask-cors,
misspelled names, and values that were set too late.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import chain
from types import MappingProxyType
from typing import Final

from flask import Flask

from corsguard import Fix, Policy, Problem
from corsguard.adapters import Rule, nearest_name

KEY: Final = "CORSGUARD"
# `from_prefixed_env` makes these names if one underscore is missing.
_NAMES: Final = (KEY, *(f"{KEY}_{field.name.upper()}" for field in fields(Policy)))
# How similar a name has to be to one of ours.
_MISSPELT: Final = 0.85

# flask-cors 6 reads these names from the config.
THEIRS: Final = frozenset(
    """
    CORS_ALLOW_HEADERS CORS_ALLOW_PRIVATE_NETWORK CORS_ALWAYS_SEND CORS_AUTOMATIC_OPTIONS CORS_EXPOSE_HEADERS
    CORS_INTERCEPT_EXCEPTIONS CORS_MAX_AGE CORS_METHODS CORS_ORIGINS CORS_RESOURCES CORS_SEND_WILDCARD
    CORS_SUPPORTS_CREDENTIALS CORS_VARY_HEADER
    """.split()
)

# *example* is the config of an application that breaks the rule.
RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "W908": Rule(
            "Expected only the policy of CORSGuard, but there are also settings of flask-cors: {names}. Nothing reads "
            "them.",
            (
                "Origins that are listed only there are refused, and origins that the policy lists for another "
                "environment, such as a developer's machine, are allowed here too."
            ),
            (
                "Write their values into the policy of this environment, and remove them from the config. "
                "`print(corsguard_flask.translate(app))` prints what they mean."
            ),
            '{"CORS_ORIGINS": ["https://app.example.com"]}',
        ),
        "W909": Rule(
            "Nothing reads {name} in the config. It is probably a misspelling of {meant}.",
            "Flask accepts any name in its config, so nobody notices the misspelling. The guard has no policy, and "
            "nothing is shared.",
            "Correct the spelling, such as `CORSGUARD` for `CORS_GUARD`.",
            '{"CORS_GUARD": {"allow_origins": ["https://app.example.com"]}}',
        ),
        "W910": Rule(
            "{name} was set after CORSGuard had read the config, so nothing reads it.",
            "The guard has no policy, so nothing is shared.",
            'Write `app.config["CORSGUARD"] = {...}` above `CORSGuard(app)`, or call `guard.init_app(app)` after it.',
            '{"CORSGUARD": {"allow_origins": ["https://app.example.com"]}}, written below CORSGuard(app)',
        ),
    }
)
_LATE: Final = Fix(words="Write it above CORSGuard(app), or call guard.init_app(app) below it.")
_FIX: Final = Fix(
    words=(
        "Remove them from the config. If some of their values are not in the policy yet, "
        "`print(corsguard_flask.translate(app))` prints them as a policy."
    )
)


def unread(app: Flask, *, has_policy: bool) -> Iterator[Problem]:
    """
    Yield the problems in the config of *app*, whose guard *has_policy* or has none.
    """
    left = left_over(app)
    if left is not None:
        yield left
    # A guard that has a policy probably got it under a name of the project's own.
    for name in () if has_policy else sorted(app.config.keys() - THEIRS):
        if name == KEY or name.startswith(f"{KEY}_"):
            yield Problem("W910", name, None, RULES["W910"].message.format(name=name), _LATE)
        elif (meant := nearest_name(name.partition("__")[0].upper(), _NAMES, _MISSPELT)) is not None:
            message = RULES["W909"].message.format(name=name, meant=meant)
            yield Problem("W909", name, None, message, Fix(name=meant))


def left_over(app: Flask) -> Problem | None:
    """
    Return the problem if the config of *app* has settings of flask-cors, and flask-cors is not in use.
    """
    # flask-cors ignores settings that are None.
    names = sorted(name for name in THEIRS if app.config.get(name) is not None)
    functions = chain.from_iterable(app.after_request_funcs.values())
    if not names or any(function.__module__.partition(".")[0] == "flask_cors" for function in functions):
        return None
    return Problem("W908", names[0], None, RULES["W908"].message.format(names=", ".join(names)), _FIX)
