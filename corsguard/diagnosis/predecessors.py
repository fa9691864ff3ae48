"""
Recognizes other CORS libraries that guard an application, and names the command that translates their settings.

Nothing is imported for this: an application has already imported the library that guards it.
"""

import sys
from typing import Final

from corsguard.applications import layers_of
from corsguard.moving.starlette import added_to

_SAID: Final = "{} guards it. corsguard move {} prints its settings as a policy."
_APPLICATION: Final = "module:app"


def predecessor_of(application: object) -> str:
    """
    Return a sentence that says which other library guards *application* and how to translate its settings; empty if
    none.
    """
    library = library_in(application)
    if library:
        return _SAID.format(library, _APPLICATION)
    for layer in layers_of(application):
        if type(layer).__module__.startswith("django.core.handlers.") and has_cors_headers():
            return _SAID.format("django-cors-headers", "mysite.settings")
    return ""


def library_in(application: object) -> str:
    """
    Return which other library of Flask, Starlette or FastAPI shares what *application* answers, or nothing.
    """
    if added_to(application):
        return "Starlette's CORSMiddleware"
    return "flask-cors" if any(map(has_flask_cors, layers_of(application))) else ""


def has_flask_cors(layer: object) -> bool:
    """
    Whether flask-cors guards the application *layer*, or a blueprint of it.
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
