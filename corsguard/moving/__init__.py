"""
Moving over from another library: what its configuration says, in the words of this one.

This package is loaded by anyone who asks for a translation, and never by a process that serves requests.
"""

from .translation import UNWRITTEN as UNWRITTEN
from .translation import Draft as Draft
from .translation import Remark as Remark
from .translation import Translation as Translation
from .translation import as_regex as as_regex

__all__ = ["UNWRITTEN", "Draft", "Remark", "Translation", "as_regex"]
