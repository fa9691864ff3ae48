"""
CORS for Flask: CORSGuard guards applications, and `@cors` tags views with their own policy.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from corsguard import cors as cors

try:
    import_module("flask")
except ModuleNotFoundError as error:
    if error.name != "flask":
        raise
    raise ModuleNotFoundError(
        'corsguard_flask needs Flask. Fix: pip install "corsguard[flask]"', name="flask"
    ) from error

from .extension import CORSGuard as CORSGuard
from .extension import cors_event as cors_event

__all__ = ["CORSGuard", "cors", "cors_event", "translate", "translate_view"]

if TYPE_CHECKING:
    from .translation import translate as translate
    from .translation import translate_view as translate_view
else:
    # Hidden from type checkers, which would otherwise accept any name.
    def __getattr__(name: str) -> object:
        """
        Load the migration tools on first use. A worker never uses them.
        """
        if name in {"translate", "translate_view"}:
            return getattr(import_module(".translation", __name__), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
