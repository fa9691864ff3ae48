"""
CORS for Python web applications: one policy, one decision, every place it runs.

Import from here to guard an application. Import from `corsguard.adapters` to use the guard in another framework.
"""

from typing import TYPE_CHECKING

from .audience import AsyncOriginSource as AsyncOriginSource
from .audience import OriginSource as OriginSource
from .errors import PolicyError as PolicyError
from .errors import Problem as Problem
from .explanation import Explanation as Explanation
from .explanation import Step as Step
from .explanation import explain as explain
from .fixes import Fix as Fix
from .journal import Event as Event
from .negotiation import Decision as Decision
from .negotiation import Refusal as Refusal
from .negotiation import RequestKind as RequestKind
from .negotiation import negotiate as negotiate
from .origin import Origin as Origin
from .origin import OriginPattern as OriginPattern
from .policies import Policies as Policies
from .policies import PoliciesLike as PoliciesLike
from .policy import Policy as Policy
from .policy import PolicyKeywords as PolicyKeywords
from .protection import CrossOriginProtection as CrossOriginProtection
from .protection import ProtectionLike as ProtectionLike
from .tags import cors as cors
from .wsgi import CORSMiddleware as CORSMiddleware

if TYPE_CHECKING:
    from .configuration import Configuration as Configuration
    from .redis_origins import RedisOrigins as RedisOrigins
    from .sources import RefreshingOrigins as RefreshingOrigins
    from .sources import RememberedOrigins as RememberedOrigins

__all__ = [
    "AsyncOriginSource",
    "CORSMiddleware",
    "Configuration",
    "CrossOriginProtection",
    "Decision",
    "Event",
    "Explanation",
    "Fix",
    "Origin",
    "OriginPattern",
    "OriginSource",
    "Policies",
    "PoliciesLike",
    "Policy",
    "PolicyError",
    "PolicyKeywords",
    "Problem",
    "ProtectionLike",
    "RedisOrigins",
    "RefreshingOrigins",
    "Refusal",
    "RememberedOrigins",
    "RequestKind",
    "Step",
    "cors",
    "explain",
    "negotiate",
]

# Loaded when they are first asked for, because most applications need none of them.
_LAZY = {
    "Configuration": "configuration",
    "RedisOrigins": "redis_origins",
    "RefreshingOrigins": "sources",
    "RememberedOrigins": "sources",
}

if not TYPE_CHECKING:  # a type checker would find every name

    def __getattr__(name: str) -> object:
        if name == "CORSGuard":
            # `from corsguard import CORSGuard` would hide the words of an AttributeError.
            raise ImportError(
                "Each framework has its own CORSGuard. Write `from corsguard.asgi import CORSGuard` for FastAPI and "
                "Starlette, or `from corsguard_flask import CORSGuard` for Flask. In the settings of Django, write "
                '`MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]`.'
            )
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
