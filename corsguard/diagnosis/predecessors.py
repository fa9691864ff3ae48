"""
Recognizes other CORS libraries that guard an application, and names the command that translates their settings.

Nothing is imported for this: an application has already imported the library that guards it.
"""

import os
import shlex
import sys
from typing import Final, NamedTuple

from corsguard.applications import layers_of
from corsguard.moving.starlette import added_to

_SAID: Final = "{} guards it. corsguard move {} prints its settings as a policy."
_OF_DJANGO: Final = "django-cors-headers"
_OF_STARLETTE: Final = "Starlette's CORSMiddleware"
_OF_FLASK: Final = "flask-cors"
_OUTERMOST: Final = {
    _OF_DJANGO: "List CorsMiddleware first in MIDDLEWARE.",
    _OF_STARLETTE: "Add CORSMiddleware last, because each app.add_middleware is around those before it.",
    _OF_FLASK: (
        "It only adds headers to what Flask answers: let before_request, and what is around Flask, pass on OPTIONS. Or "
        "guard all of it by CORSMiddleware(app, policy) of corsguard."
    ),
}


class Predecessor(NamedTuple):
    """
    Another *library* that guards an application, the *advice* to translate its settings, and how it gets *outermost*.
    """

    library: str
    advice: str
    outermost: str


def predecessor_of(application: object, name: str = "") -> Predecessor | None:
    """
    Return which other library guards *application*; None if none does. *name* is the name of the application, if it has
    one.
    """
    library, target = library_in(application), name if ":" in name else "module:app"
    of_django = (type(layer).__module__.startswith("django.core.handlers.") for layer in layers_of(application))
    if not library and any(of_django) and has_cors_headers():
        library, target = _OF_DJANGO, os.environ.get("DJANGO_SETTINGS_MODULE") or "mysite.settings"
    return Predecessor(library, _SAID.format(library, shlex.quote(target)), _OUTERMOST[library]) if library else None


def library_in(application: object) -> str:
    """
    Return which other library of Flask, Starlette or FastAPI shares what *application* answers, or nothing.
    """
    if added_to(application):
        return _OF_STARLETTE
    return _OF_FLASK if any(map(has_flask_cors, layers_of(application))) else ""


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
