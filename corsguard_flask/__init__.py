"""
CORS for Flask: CORSGuard guards applications, and `@cors` tags the views that have a policy of their own.
"""

from corsguard import cors as cors

from .extension import CORSGuard as CORSGuard
from .extension import cors_refused as cors_refused
from .translation import translate as translate
from .translation import translate_view as translate_view

__all__ = ["CORSGuard", "cors", "cors_refused", "translate", "translate_view"]
