"""
corsguard for Django: a middleware that reads settings, a decorator for views, and system checks.
"""

from corsguard import cors as cors

from .conf import set_policy as set_policy

__all__ = ["cors", "set_policy"]
