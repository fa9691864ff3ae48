"""
corsguard for Django: a middleware that reads settings, a decorator for views, and system checks.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from corsguard import cors as cors

try:
    import_module("django")
except ModuleNotFoundError as error:
    if error.name != "django":
        raise
    raise ModuleNotFoundError(
        'corsguard_django needs Django. Fix: pip install "corsguard[django]"', name="django"
    ) from error

from .conf import set_policy as set_policy
from .signals import cors_event as cors_event

__all__ = ["cors", "cors_event", "policy_for", "set_policy", "translate"]

if TYPE_CHECKING:
    from .middleware import policy_for as policy_for
    from .translation import translate as translate
else:
    _LAZY = {"policy_for": "middleware", "translate": "translation"}

    # Hidden from type checkers, which would otherwise accept any name.
    def __getattr__(name: str) -> object:
        """
        Load the tools for people and tests on first use. A worker never loads the migration tools.
        """
        if name in _LAZY:
            return getattr(import_module(f".{_LAZY[name]}", __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
