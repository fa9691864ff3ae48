"""
Settings of flask-cors that are left in the config of a guarded application, and the rule about them.
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
            "Expected only the policy of CORSGuard, got also settings of flask-cors: {names}. Nothing reads them here.",
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
    }
)
_FIX: Final = Fix(
    words=(
        "Remove them from the config. If the policy lacks something that they say, "
        "`print(corsguard_flask.translate(app))` prints it."
    )
)


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
