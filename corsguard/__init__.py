"""
CORS for Python web applications: one policy, one decision, every place it runs.
"""

from .errors import RULES as RULES
from .errors import PolicyError as PolicyError
from .errors import Problem as Problem
from .errors import Rule as Rule
from .explanation import Explanation as Explanation
from .explanation import Step as Step
from .explanation import explain as explain
from .journal import Event as Event
from .journal import Journal as Journal
from .negotiation import ORDINARY_NAMES as ORDINARY_NAMES
from .negotiation import is_owned as is_owned
from .negotiation import merge_vary as merge_vary
from .negotiation import negotiate as negotiate
from .negotiation import prepared_decision as prepared_decision
from .negotiation import request_kind as request_kind
from .origin import Origin as Origin
from .origin import OriginPattern as OriginPattern
from .origin import OriginSource as OriginSource
from .paths import Guarded as Guarded
from .paths import PathPolicies as PathPolicies
from .paths import policies_of as policies_of
from .paths import read_guarded as read_guarded
from .policy import Decision as Decision
from .policy import Policy as Policy
from .policy import Refusal as Refusal
from .policy import RequestKind as RequestKind
from .suffixes import registrable_domain as registrable_domain
from .tags import Tag as Tag
from .tags import TagListener as TagListener
from .tags import cors as cors
from .tags import listen_for_tags as listen_for_tags
from .tags import misplaced_tags as misplaced_tags
from .tags import opened_methods as opened_methods
from .tags import tag_of as tag_of
from .tags import tags_made as tags_made
from .wsgi import CORSMiddleware as CORSMiddleware

__all__ = [
    "ORDINARY_NAMES",
    "RULES",
    "CORSMiddleware",
    "Decision",
    "Event",
    "Explanation",
    "Guarded",
    "Journal",
    "Origin",
    "OriginPattern",
    "OriginSource",
    "PathPolicies",
    "Policy",
    "PolicyError",
    "Problem",
    "Refusal",
    "RequestKind",
    "Rule",
    "Step",
    "Tag",
    "TagListener",
    "cors",
    "explain",
    "is_owned",
    "listen_for_tags",
    "merge_vary",
    "misplaced_tags",
    "negotiate",
    "opened_methods",
    "policies_of",
    "prepared_decision",
    "read_guarded",
    "registrable_domain",
    "request_kind",
    "tag_of",
    "tags_made",
]
