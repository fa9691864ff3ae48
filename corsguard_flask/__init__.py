"""
CORS for Flask: CORSGuard guards applications, and `@cors` tags the views that have a policy of their own.
"""

from corsguard import cors as cors

from .extension import CORSGuard as CORSGuard

__all__ = ["CORSGuard", "cors"]
