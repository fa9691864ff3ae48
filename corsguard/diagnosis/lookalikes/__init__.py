"""
Failures that look like CORS and are something else: one row each, with what to look at and the fix.
"""

from collections.abc import Mapping
from typing import Final

from .answers import ANSWERS
from .connections import CONNECTIONS
from .elements import ELEMENTS
from .row import Lookalike
from .rules import RULES

# By name; the names are stable.
LOOKALIKES: Final[Mapping[str, Lookalike]] = {**RULES, **ELEMENTS, **ANSWERS, **CONNECTIONS}
