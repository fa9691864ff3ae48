"""
Which other library shares an application's responses, and where it is said what its settings mean in our words.

Nothing is imported for that: a library that guards an application has been imported by it.
"""

import sys
from collections.abc import Iterator
from typing import Any, Final

_FLASK_CORS: Final = (
    "flask-cors guards it. corsguard_flask.translate(app, ...), with the arguments of CORS(app, ...), returns the same "
    "in our words."
)
_DJANGO_CORS_HEADERS: Final = (
    "django-cors-headers guards it. The system check corsguard.E902 prints the same in our words: add corsguard_django "
    "to INSTALLED_APPS, and run manage.py check."
)
_STARLETTE: Final = (
    'Starlette\'s CORSMiddleware guards it. The table "From Starlette or FastAPI" in the README says the same in our '
    "words."
)
_MOST_LAYERS: Final = 16


def predecessor_of(application: object) -> str:
    """
    Return which library guards *application* in place of ours, and where its translation is; or nothing.
    """
    for layer in _layers(application):
        module = type(layer).__module__
        if module == "starlette.middleware.cors" or _has_starlettes(layer):
            return _STARLETTE
        if _has_flask_cors(layer):
            return _FLASK_CORS
        if module.startswith("django.core.handlers.") and _has_cors_headers():
            return _DJANGO_CORS_HEADERS
    return ""


def _layers(found: Any) -> Iterator[object]:  # noqa: ANN401 - the user's own object
    for _ in range(_MOST_LAYERS):
        yield found
        there = vars(found) if hasattr(found, "__dict__") else {}
        found = next((there[name] for name in ("app", "application") if name in there), None)
        if found is None:
            return


def _has_starlettes(layer: object) -> bool:
    added = getattr(layer, "user_middleware", ())
    return isinstance(added, list) and any(
        getattr(getattr(one, "cls", None), "__module__", "") == "starlette.middleware.cors" for one in added
    )


def _has_flask_cors(layer: object) -> bool:
    after = getattr(layer, "after_request_funcs", {})
    functions = [function for each in after.values() for function in each] if isinstance(after, dict) else []
    return any(getattr(function, "__module__", "").partition(".")[0] == "flask_cors" for function in functions)


def _has_cors_headers() -> bool:
    conf = sys.modules.get("django.conf")
    middleware = () if conf is None else conf.settings.MIDDLEWARE
    return any(str(name).startswith("corsheaders.") for name in middleware)
