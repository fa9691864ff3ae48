"""
Finds why a fetch failed: by playing it, from a HAR file, or from a line of a browser's console.

One call each: `check`, `read_har` and `read_message`. What they return has a `data()` that JSON can hold.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .checking import Diagnosis as Diagnosis
    from .checking import check as check
    from .har import Malformed as Malformed
    from .meaning import Meaning as Meaning
    from .meaning import read_message as read_message
    from .objects import LoadError as LoadError
    from .playing import Fault as Fault
    from .replaying import HarReading as HarReading
    from .replaying import Replay as Replay
    from .replaying import read_har as read_har

__all__ = [
    "Diagnosis",
    "Fault",
    "HarReading",
    "LoadError",
    "Malformed",
    "Meaning",
    "Replay",
    "check",
    "read_har",
    "read_message",
]

# Loaded when they are first asked for, because no command needs all of them.
_LAZY = {
    "Diagnosis": "checking",
    "Fault": "playing",
    "HarReading": "replaying",
    "LoadError": "objects",
    "Malformed": "har",
    "Meaning": "meaning",
    "Replay": "replaying",
    "check": "checking",
    "read_har": "replaying",
    "read_message": "meaning",
}

if not TYPE_CHECKING:  # a type checker would find every name

    def __getattr__(name: str) -> object:
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
