"""
What the settings of django-cors-headers say, as CORSGUARD.

They are read as that library reads them: old names where the new ones are missing, its defaults where both are. The
engine reads what they hold; this room knows only their names and what was peculiar to each.
"""

import sys
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit
from weakref import ref

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from corsguard import Fix, Problem
from corsguard.moving import Draft, Placement, Remark, Resource, Served, Translation, as_regex, placed

from .predecessor import MOVING, THEIRS

GUARD: Final = "corsguard_django.middleware.CORSMiddleware"
_APP: Final = "corsguard_django"
_THEIRS: Final = "corsheaders.middleware.CorsMiddleware"

# The defaults of django-cors-headers 4.9.
_HEADERS: Final = ("accept", "authorization", "content-type", "user-agent", "x-csrftoken", "x-requested-with")
_METHODS: Final = ("DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT")
_MAX_AGE: Final = 86400

# The older names that are read where the new ones are missing.
_OLD: Final = {
    "CORS_ALLOWED_ORIGINS": "CORS_ORIGIN_WHITELIST",
    "CORS_ALLOWED_ORIGIN_REGEXES": "CORS_ORIGIN_REGEX_WHITELIST",
    "CORS_ALLOW_ALL_ORIGINS": "CORS_ORIGIN_ALLOW_ALL",
}
_GONE: Final = {
    "CORS_MODEL": "it was removed from django-cors-headers, and nothing came of it. Origins that stand in a table are "
    "an origin source (README).",
    "CORS_REPLACE_HTTPS_REFERER": "it was removed from django-cors-headers; CSRF_TRUSTED_ORIGINS is in its place.",
}


def problem() -> Problem:
    """
    Return what is wrong where django-cors-headers is configured and we are not, with the translation as its fix.
    """
    names = [name for name in dir(settings) if name in THEIRS]
    message = MOVING.message.format(names=", ".join(names))
    return Problem("E902", names[0], None, message, Fix(words=str(translate())))


def translate() -> Translation:
    """
    Return what the settings of django-cors-headers say, as the end of a settings file.
    """
    draft = Draft()
    notes = [Remark("", "In place of the CORS_* settings, at the end of the settings. What is different says why.")]
    notes += [Remark("", text) for text in _of_all()]
    name, credentials = _read("CORS_ALLOW_CREDENTIALS", False)
    draft.credentials(name, credentials)
    _take_origins(draft)
    draft.names("allow_methods", *_read("CORS_ALLOW_METHODS", _METHODS))
    draft.names("allow_headers", *_read("CORS_ALLOW_HEADERS", _HEADERS))
    name, exposed = _read("CORS_EXPOSE_HEADERS", ())
    if exposed:
        draft.names("expose_headers", name, exposed)
    draft.max_age(*_read("CORS_PREFLIGHT_MAX_AGE", _MAX_AGE))
    template = "\n".join(
        [
            "{named}",
            "CORSGUARD = {policy}",
            *_move("MIDDLEWARE", GUARD, _THEIRS),
            *_move("INSTALLED_APPS", _APP, "corsheaders"),
        ]
    )
    return Translation.of(template, notes, _by_path(draft))


def _read(name: str, default: object) -> tuple[str, Any]:
    """
    Return the name under which the setting is found, and its value.
    """
    old = _OLD.get(name)
    if not hasattr(settings, name) and old is not None and hasattr(settings, old):
        return old, getattr(settings, old)
    return name, getattr(settings, name, default)


def _move(setting: str, ours: str, theirs: str) -> list[str]:
    """
    Return code that puts *ours* first in a list of the settings, and takes *theirs* out of it.
    """
    listed = [*getattr(settings, setting)]
    in_place = listed[:1] == [ours] if setting == "MIDDLEWARE" else ours in listed
    if in_place and theirs not in listed:
        return []
    out = [f'"{name}"' for name in (theirs, ours) if name in listed]
    kept = f"!= {out[0]}" if len(out) == 1 else f"not in {{{', '.join(out)}}}"
    rest = f"*(name for name in {setting} if name {kept})" if out else f"*{setting}"
    return [f"{setting} = [", f'    "{ours}",', f"    {rest},", "]"]


def _take_origins(draft: Draft) -> None:
    name, listed = _read("CORS_ALLOWED_ORIGINS", ())
    if isinstance(listed, str):
        draft.origin(name, listed, lambda _: False)
        listed = ()
    for entry in listed:
        draft.origin(name, entry, partial(_is_same, entry))
    name, expressions = _read("CORS_ALLOWED_ORIGIN_REGEXES", ())
    if isinstance(expressions, str):
        draft.note(
            "allow_origins", f"{name} is a string and not a list; it was read letter by letter, and is left out."
        )
        expressions = ()
    for expression in expressions:
        draft.regex(name, expression)
    name, everyone = _read("CORS_ALLOW_ALL_ORIGINS", False)
    if everyone:
        draft.everyone(name)


def _is_same(entry: str, origin: str) -> bool:
    try:
        return urlsplit(entry)[:2] == urlsplit(origin)[:2]
    except ValueError:
        return False


def _by_path(draft: Draft) -> list[Placement]:
    name, expression = _read("CORS_URLS_REGEX", "^.*$")
    return placed([Resource(f"{name}: {as_regex(expression)}", expression, draft)], served())


def served() -> list[Served] | None:
    """
    Return what the URLconf serves; None if it cannot be read now.
    """
    try:
        return [*_served(get_resolver().url_patterns, "/")]
    except Exception:  # noqa: BLE001 - a URLconf imports the whole project, which may fail in any way
        return None


def _served(patterns: Iterable[URLPattern | URLResolver], before: str) -> Iterator[Served]:
    for pattern in patterns:
        # An expression of a converter may have an edge of its own, and so may one that is included.
        part = pattern.pattern.regex.pattern.removeprefix("^").replace("\\Z", "").removesuffix("$")
        if isinstance(pattern, URLResolver):
            yield from _served(pattern.url_patterns, before + part)
        else:
            yield Served(f"{before}{part}$", pattern.lookup_str)


def _of_all() -> list[str]:
    """
    Return what is different whatever the policy is.
    """
    texts = ["Preflights are answered with 204, and those from other origins with 403; both were 200."]
    texts += [f"{name}: {text}" for name, text in _GONE.items() if hasattr(settings, name)]
    if getattr(settings, "CORS_ALLOW_PRIVATE_NETWORK", False):
        texts.append(
            "CORS_ALLOW_PRIVATE_NETWORK: left out, because browsers ask their users now, and no header can grant it."
        )
    unknown = [name for name in dir(settings) if name.startswith("CORS_") and name not in THEIRS]
    if unknown:
        texts.append(f"{', '.join(unknown)}: unknown to django-cors-headers, so nothing came of it.")
    receivers = [*_receivers()]
    if receivers:
        texts.append(
            f"check_request_enabled, with {', '.join(receivers)}: no setting says what a function decides. If it asks "
            'about the origin, write an origin source; if about the path, add the prefix under "paths"; if it knows '
            "the view, write @cors above it (README, all three)."
        )
    return texts


def _receivers() -> list[str]:
    signals: Any = sys.modules.get("corsheaders.signals")
    if signals is None:
        return []
    receivers = [entry[1] for entry in signals.check_request_enabled.receivers]
    functions = [receiver() if isinstance(receiver, ref) else receiver for receiver in receivers]
    return [f"{f.__module__}.{getattr(f, '__qualname__', type(f).__qualname__)}" for f in functions if f is not None]
