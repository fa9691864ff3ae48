"""
Moving over from another library: what its configuration says, in the words of this one.

This package is loaded by anyone who asks for a translation, and never by a process that serves requests.
"""

from corsguard.expressions import below as below

from .paths import EVERYTHING as EVERYTHING
from .paths import Resource as Resource
from .paths import Served as Served
from .paths import example as example
from .paths import placed as placed
from .translation import Draft as Draft
from .translation import Placement as Placement
from .translation import Remark as Remark
from .translation import Translation as Translation
from .translation import as_regex as as_regex

__all__ = [
    "EVERYTHING",
    "Draft",
    "Placement",
    "Remark",
    "Resource",
    "Served",
    "Translation",
    "as_regex",
    "below",
    "example",
    "placed",
]
