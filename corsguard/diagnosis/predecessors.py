"""
Which other library shares an application's responses, and where it is said what its settings mean in our words.

Nothing is imported for that: a library that guards an application has been imported by it.
"""

import sys
from typing import Final

from corsguard.applications import layers_of
from corsguard.moving.starlette import added_to

_SAID: Final = "{} guards it. corsguard move {} prints the same in our words."
_APPLICATION: Final = "module:app"


def predecessor_of(application: object) -> str:
    """
    Return which library guards *application* in place of ours, and where its translation is; or nothing.
    """
    if added_to(application):
        return _SAID.format("Starlette's CORSMiddleware", _APPLICATION)
    for layer in layers_of(application):
        if has_flask_cors(layer):
            return _SAID.format("flask-cors", _APPLICATION)
        if type(layer).__module__.startswith("django.core.handlers.") and has_cors_headers():
            return _SAID.format("django-cors-headers", "mysite.settings")
    return ""


def has_flask_cors(layer: object) -> bool:
    """
    Whether flask-cors was given the application *layer*, or a blueprint of it.
    """
    after = getattr(layer, "after_request_funcs", {})
    functions = [function for each in after.values() for function in each] if isinstance(after, dict) else []
    return any(getattr(function, "__module__", "").partition(".")[0] == "flask_cors" for function in functions)


def has_cors_headers() -> bool:
    """
    Whether the settings of Django list the middleware of django-cors-headers.
    """
    conf = sys.modules.get("django.conf")
    middleware = () if conf is None else conf.settings.MIDDLEWARE
    return any(str(name).startswith("corsheaders.") for name in middleware)
