"""
The second door: import from here to use the guard in a framework that corsguard does not know. Re-exports only.

A carrier makes one Guard. For each request it calls `Guard.enter` with a CGI-shaped mapping and the path. It asks the
Passage that this returns before the application runs and when the response starts, and writes the headers back. It also
asks origin sources and calls listeners, in the way that fits its framework. `examples/falcon_guard.py` is a complete
carrier.
"""

from .applications import guard_of, layers_of
from .errors import Rule
from .guard import ORDINARY_NAMES, Guard, Passage, Terms
from .hosts import HostQuestion
from .journal import Journal
from .mistakes import nearest_name
from .negotiation import Question
from .policies import (
    Assignment,
    Guarding,
    InForce,
    PathTable,
    ViewFinder,
    WebSockets,
    read_websockets,
    refuse_awaited,
    refuse_keywords,
    text_of_path,
)
from .suffixes import are_same_site
from .tags import ServedView, misplaced_tags, name_of, tag_of, tags_made

__all__ = [
    "ORDINARY_NAMES",
    "Assignment",
    "Guard",
    "Guarding",
    "HostQuestion",
    "InForce",
    "Journal",
    "Passage",
    "PathTable",
    "Question",
    "Rule",
    "ServedView",
    "Terms",
    "ViewFinder",
    "WebSockets",
    "are_same_site",
    "guard_of",
    "layers_of",
    "misplaced_tags",
    "name_of",
    "nearest_name",
    "read_websockets",
    "refuse_awaited",
    "refuse_keywords",
    "tag_of",
    "tags_made",
    "text_of_path",
]
