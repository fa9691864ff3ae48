"""
What a project has of django-cors-headers: settings, middleware and receivers of its signal, and the rules for them.

The migration tools, which a worker does not load, know what the settings mean.
"""

import sys
from typing import Any, Final
from weakref import ref

from django.conf import settings
from django.utils.module_loading import import_string

from corsguard import Fix, Problem
from corsguard.adapters import Rule

GUARD: Final = "corsguard_django.middleware.CORSMiddleware"
THEIR_GUARD: Final = "corsheaders.middleware.CorsMiddleware"

# The settings that django-cors-headers reads, and those that older versions read.
THEIRS: Final = frozenset(
    """
    CORS_ALLOWED_ORIGINS CORS_ALLOWED_ORIGIN_REGEXES CORS_ALLOW_ALL_ORIGINS CORS_ALLOW_CREDENTIALS CORS_ALLOW_HEADERS
    CORS_ALLOW_METHODS CORS_ALLOW_PRIVATE_NETWORK CORS_EXPOSE_HEADERS CORS_MODEL CORS_ORIGIN_ALLOW_ALL
    CORS_ORIGIN_REGEX_WHITELIST CORS_ORIGIN_WHITELIST CORS_PREFLIGHT_MAX_AGE CORS_REPLACE_HTTPS_REFERER CORS_URLS_REGEX
    """.split()
)

MOVING: Final = Rule(
    "Expected the setting CORSGUARD, got settings of django-cors-headers: {names}. This middleware does not read "
    "them. The fix shows their translation.",
    "The old configuration has no effect here, so the browser would refuse every page of another origin.",
    "Write the setting `CORSGUARD`, as the fix shows it, and remove the `CORS_*` settings.",
    '{"CORS_ALLOWED_ORIGINS": ["https://app.example.com"]}',
)
TWO_LAYERS: Final = Rule(
    "MIDDLEWARE has two CORS middlewares: {ours} and {theirs}. Each of them has its own configuration.",
    (
        "The first of the two answers all preflights that it knows, so a browser gets answers from both "
        "configurations. An origin that you removed from one may still be allowed by the other."
    ),
    'Remove `"corsheaders.middleware.CorsMiddleware"` from `MIDDLEWARE`.',
    '{"MIDDLEWARE": ["corsguard_django.middleware.CORSMiddleware", "corsheaders.middleware.CorsMiddleware"]}',
)
LEFT_OVER: Final = Rule(
    "Expected only the setting CORSGUARD, but there are also settings of django-cors-headers: {names}. Nothing reads "
    "them.",
    (
        "Origins that are listed only there are refused, and origins that CORSGUARD lists for another environment, "
        "such as a developer's machine, are allowed here too."
    ),
    (
        "Write their values into the `CORSGUARD` of this environment, and remove them. This prints what they mean: "
        '`python manage.py shell -c "from corsguard_django.translation import translate; print(translate())"`.'
    ),
    '{"CORSGUARD": {"allow_origins": ["https://app.example.com"]}, "CORS_EXPOSE_HEADERS": ["ETag"]}',
)
_REMOVE: Final = Fix(
    words=(
        "Remove them. If some of their values are not in CORSGUARD yet, this command prints them as a policy: python "
        'manage.py shell -c "from corsguard_django.translation import translate; print(translate())"'
    )
)


def configuration() -> list[str]:
    """
    Return the names of settings of django-cors-headers, and its signal with the name of each receiver.
    """
    connected = (f"check_request_enabled ({receiver})" for receiver in receivers())
    return [*(name for name in dir(settings) if name in THEIRS), *connected]


def receivers() -> list[str]:
    """
    Return the names of the functions that the signal `check_request_enabled` of django-cors-headers calls.
    """
    signals: Any = sys.modules.get("corsheaders.signals")
    if signals is None:
        return []
    connected = [entry[1] for entry in signals.check_request_enabled.receivers]
    functions = [receiver() if isinstance(receiver, ref) else receiver for receiver in connected]
    return [f"{f.__module__}.{getattr(f, '__qualname__', type(f).__qualname__)}" for f in functions if f is not None]


def left_over(places: dict[str, str] | None = None) -> Problem | None:
    """
    Return the problem if both libraries are configured. *places* tell where in the source a setting is written.

    If CORSGUARD has no policy, the settings belong to something else.
    """
    names = configuration()
    if not names or getattr(settings, "CORSGUARD", None) in (None, {"paths": {}}):
        return None
    told = [f"{name} ({places[name]})" if places and name in places else name for name in names]
    return Problem("W908", names[0], None, LEFT_OVER.message.format(names=", ".join(told)), _REMOVE)


def two_layers() -> Problem | None:
    """
    Return the problem if both middlewares are in MIDDLEWARE.
    """
    kinds = {path: kinds_of(path) for path in settings.MIDDLEWARE}
    ours = next((path for path in kinds if GUARD in kinds[path]), None)
    theirs = next((path for path in kinds if THEIR_GUARD in kinds[path]), None)
    if ours is None or theirs is None:
        return None
    message = TWO_LAYERS.message.format(ours=ours, theirs=theirs)
    fix = Fix(words=f'MIDDLEWARE = [name for name in MIDDLEWARE if name != "{theirs}"]  # at the end of the settings')
    return Problem("E903", "MIDDLEWARE", None, message, fix)


def kinds_of(path: str) -> tuple[str, ...]:
    """
    Return the names of the middleware at *path* and of its base classes, nearest first.
    """
    try:
        middleware = import_string(path)
    except ImportError:
        # Django reports this when the server starts.
        return (path,)
    classes = middleware.__mro__ if isinstance(middleware, type) else ()
    return (path, *(f"{kind.__module__}.{kind.__qualname__}" for kind in classes))
