"""
Finds why a fetch failed: by playing it, from a HAR file, or from a line of a browser's console.

One call each: `check`, `read_har` and `read_message`. What they return has a `data()` that JSON can hold.
"""

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
