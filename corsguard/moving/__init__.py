"""
Translates the configuration of other CORS libraries into policies.

This package is loaded only for a translation, never by a process that serves requests.
"""

from corsguard.expressions import below as below
from corsguard.names import CHROMIUM_MAX_AGE as CHROMIUM_MAX_AGE

from .paths import EVERYTHING as EVERYTHING
from .paths import Resource as Resource
from .paths import Served as Served
from .paths import example as example
from .paths import placed as placed
from .paths import placed_in_turn as placed_in_turn
from .translation import Draft as Draft
from .translation import Placement as Placement
from .translation import Remark as Remark
from .translation import Translation as Translation
from .translation import as_regex as as_regex
from .written import UNPACKED as UNPACKED
from .written import Mention as Mention
from .written import Written as Written
from .written import assigned as assigned
from .written import choice as choice
from .written import expression_of as expression_of
from .written import files_of as files_of
from .written import joined as joined
from .written import mentions as mentions
from .written import names_in as names_in
from .written import of_call as of_call
from .written import shown_path as shown_path

__all__ = [
    "CHROMIUM_MAX_AGE",
    "EVERYTHING",
    "UNPACKED",
    "Draft",
    "Mention",
    "Placement",
    "Remark",
    "Resource",
    "Served",
    "Translation",
    "Written",
    "as_regex",
    "assigned",
    "below",
    "choice",
    "example",
    "expression_of",
    "files_of",
    "joined",
    "mentions",
    "names_in",
    "of_call",
    "placed",
    "placed_in_turn",
    "shown_path",
]
