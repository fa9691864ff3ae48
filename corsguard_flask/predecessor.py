"""
What is left of flask-cors in the config of an application that this library guards, and the rule about it.
"""

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

from flask import Flask

from corsguard import Fix, Problem
from corsguard.adapters import Rule

# What flask-cors 6 reads from the config.
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
            "Expected the policy of CORSGuard alone, got also what configures flask-cors: {names}. Nothing reads that "
            "here.",
            "Origins that are listed there and not in the policy are refused, and origins that the policy lists for "
            "another environment, such as a developer's machine, are allowed here too.",
            "Write what it says into the policy of this environment, and remove it from the config. "
            "`print(corsguard_flask.translate(app))` prints what it says.",
            '{"CORS_ORIGINS": ["https://app.example.com"]}',
        ),
    }
)
_FIX: Final = Fix(
    words="Remove it from the config. If the policy lacks what it says: `print(corsguard_flask.translate(app))` prints "
    "that."
)


def left_over(app: Flask) -> Problem | None:
    """
    Return what is wrong where the config of *app* has what configures flask-cors, and flask-cors does not read it.
    """
    # What is None there is as if it were missing.
    names = sorted(name for name in THEIRS if app.config.get(name) is not None)
    functions = chain.from_iterable(app.after_request_funcs.values())
    if not names or any(function.__module__.partition(".")[0] == "flask_cors" for function in functions):
        return None
    return Problem("W908", names[0], None, RULES["W908"].message.format(names=", ".join(names)), _FIX)
