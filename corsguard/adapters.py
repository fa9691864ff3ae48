"""
The second door, for anyone who carries the guard into a framework that it does not know yet. Re-exports only.

A carrier makes one Guard, enters each request with its CGI-shaped mapping and its path, asks the Passage before the
application runs and when it starts its response, asks origin sources and tells events in the way of its world, and
writes the headers back. `examples/falcon_guard.py` is a whole one.
"""

from .errors import Rule
from .guard import ORDINARY_NAMES, Guard, Passage
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
    "ViewFinder",
    "WebSockets",
    "are_same_site",
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
