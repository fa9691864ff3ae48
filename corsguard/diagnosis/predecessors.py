"""
Recognizes other CORS libraries that guard an application, and names the command that translates their settings.

Nothing is imported for this: an application has already imported the library that guards it.
"""

import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from inspect import getclosurevars
from typing import Final, Literal, NamedTuple

from corsguard.applications import layers_of
from corsguard.browser.advice import origin_step
from corsguard.browser.evidence import LONGEST_READ, MOST_NAMES, as_shown
from corsguard.moving import Draft, Placement, as_regex, starlette
from corsguard.moving.starlette import added_to
from corsguard.validation import DEFAULTS

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


# What the keywords of a policy are called there, which setting decides about paths, and which one takes patterns.
_SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    _OF_DJANGO: {
        "allow_origins": "CORS_ALLOWED_ORIGINS",
        "allow_methods": "CORS_ALLOW_METHODS",
        "allow_headers": "CORS_ALLOW_HEADERS",
        "expose_headers": "CORS_EXPOSE_HEADERS",
        "allow_credentials": "CORS_ALLOW_CREDENTIALS",
        "paths": "the setting CORS_URLS_REGEX decides about that",
        "patterns": "CORS_ALLOWED_ORIGIN_REGEXES",
    },
    _OF_STARLETTE: {
        **{name: name for name in DEFAULTS},
        "paths": "the application that is mounted there has it",
        "patterns": "allow_origin_regex",
    },
    _OF_FLASK: {
        "allow_origins": "origins",
        "allow_methods": "methods",
        "allow_headers": "allow_headers",
        "expose_headers": "expose_headers",
        "allow_credentials": "supports_credentials",
        "paths": "the setting resources decides about that",
        "patterns": "a regular expression in origins",
    },
}
_UNKNOWN: Final = (
    "{} guards the application, and does not share this path with this origin: it does not list the origin, or not the "
    "path, or is not around what answers."
)
# The setting is missing, or empty.
_NO_ORIGIN: Final = "{} guards the application, and shares with no origin: let its setting {} list this one."
_OF_BLUEPRINTS: Final = (
    "flask-cors guards only the blueprint {0}. If this path belongs to another one, guard that, too (CORS(blueprint)), "
    "or the whole application (CORS(app)). If not, its setting origins does not list this origin."
)
# The system check that reports misspelt settings.
_MISSPELT: Final = "W909"
# What is missing if the middleware of django-cors-headers is, which does nothing then.
INACTIVE: Final = (
    "django-cors-headers has settings here, but MIDDLEWARE does not list it: add "
    '"corsheaders.middleware.CorsMiddleware" as the first one.'
)


class Predecessor(NamedTuple):
    """
    Another *library* that guards *application*, the *advice* to translate its settings, and how it gets *outermost*.
    """

    library: str
    advice: str
    outermost: str
    application: object

    def called(self, keywords: Iterable[str]) -> str:
        """
        Return what the *keywords* of a policy are called there, as a sentence; empty if there are none.
        """
        names = self._names_of(keywords)
        return f"In {self.library}, this is {names}." if names else ""

    def _names_of(self, keywords: Iterable[str]) -> str:
        return " and ".join(name for keyword in keywords if (name := _SETTINGS[self.library].get(keyword)))

    def allowing(self, needs: Mapping[str, Sequence[str] | Literal[True]], path: str) -> str:
        """
        Return the library and the names of its settings for *path*, if they allow what *needs* has by the keywords of a
        policy; empty if not, or if they cannot be read.
        """
        draft = _draft_for(path, _places_in(self.library, self.application))
        said = {} if draft is None else draft.keywords
        # Of flask-cors, only the origins are read.
        is_read = self.library != _OF_FLASK or not (needs.keys() - {"allow_origins"})
        is_allowed = is_read and all(_covers(keyword, said.get(keyword), needed) for keyword, needed in needs.items())
        return f"{self.library} ({self._names_of(needs)})" if is_allowed else ""

    def why_unshared(self, origin: str, path: str) -> str:
        """
        Return why a response at *path* is not shared with *origin*, as far as the settings show it.
        """
        if blueprints := _blueprints_in(self.application):
            return _OF_BLUEPRINTS.format(", ".join(map(as_shown, blueprints)))
        places, settings = _places_in(self.library, self.application), _SETTINGS[self.library]
        if not places or not all(place.is_active for place in places):
            return _UNKNOWN.format(self.library)
        if not any(place.draft.shares for place in places):
            return " ".join([_NO_ORIGIN.format(self.library, settings["allow_origins"]), *_unread(self.library)])
        draft = _draft_for(path, places)
        if draft is None or not draft.shares:
            shared = ", ".join(as_shown(place.prefix) for place in places if place.draft.shares)
            return f"{self.library} guards only {shared} and what is below it, and not this path: {settings['paths']}."
        wider = {pattern for patterns in draft.expressions.values() for pattern in patterns}
        for note in draft.notes:
            if note.write and wider.isdisjoint(note.write) and origin_step(note.write, origin).passed:
                instead = (
                    f" For patterns, it has {settings['patterns']}." if any("*" in text for text in note.write) else ""
                )
                return f"{self.library} guards this path, and its list does not cover this origin. {note.text}{instead}"
        listed = draft.keywords["allow_origins"]
        if listed and origin_step(listed, origin).passed:
            return f"{self.library} lists this origin, so it is not around what answers here. {self.outermost}"
        if draft.expressions:
            said = "; ".join(as_shown(said, LONGEST_READ) for said in [*draft.expressions][:MOST_NAMES])
            return (
                f"{self.library} guards this path, and neither the setting {settings['allow_origins']} nor an "
                f"expression covers this origin, with its scheme and its port ({said}).{_meant_by(draft, origin)}"
            )
        return (
            f"{self.library} guards this path, and its setting {settings['allow_origins']} does not list this origin."
        )


def predecessor_of(application: object, name: str = "") -> Predecessor | None:
    """
    Return which other library guards *application*; None if none does. *name* is the name of the application, if it has
    one.
    """
    library, target = library_in(application), name if ":" in name else "module:app"
    of_django = (type(layer).__module__.startswith("django.core.handlers.") for layer in layers_of(application))
    if not library and any(of_django) and has_cors_headers():
        library, target = _OF_DJANGO, os.environ.get("DJANGO_SETTINGS_MODULE") or "mysite.settings"
    if not library:
        return None
    return Predecessor(library, _SAID.format(library, shlex.quote(target)), _OUTERMOST[library], application)


def _places_in(library: str, application: object) -> Sequence[Placement]:
    """
    Return what decides about which paths in the settings of *library*; nothing if they cannot be read.
    """
    if library == _OF_STARLETTE:
        return starlette.translate(application).places
    if library == _OF_DJANGO:
        from corsguard_django.translation import translate as of_django

        return of_django().places
    return _places_in_flask(application)


def _meant_by(draft: Draft, origin: str) -> str:
    """
    Return which expression is meant by a pattern for *origin* that is read as an expression; empty if there is none.
    """
    texts = [text for said, wider in draft.expressions.items() for text in wider if said.endswith(as_regex(text))]
    text = next((text for text in texts if origin_step([text], origin).passed), "")
    if not text:
        return ""
    expression = re.escape(text).replace(r"\*", "[a-z0-9-]+")
    return (
        " A pattern is read as a regular expression there, in which * repeats the character before it. Write "
        f"{as_shown(as_regex(f'{expression}$'), LONGEST_READ)}."
    )


def _draft_for(path: str, places: Iterable[Placement]) -> Draft | None:
    """
    Return the draft that decides about *path*, if the settings have one.
    """
    around = [place for place in places if path == place.prefix or path.startswith(f"{place.prefix}/")]
    return max(around, key=lambda place: len(place.prefix)).draft if around else None


def _covers(keyword: str, said: object, needed: Sequence[str] | Literal[True]) -> bool:
    """
    Whether *said*, the value of *keyword*, has everything that is *needed*.
    """
    if needed is True or not isinstance(said, str | list) or not said:
        return said is needed
    if keyword == "allow_origins":
        return all(origin_step(said, origin).passed for origin in needed)
    listed = {name if keyword == "allow_methods" else name.lower() for name in said}
    return said == "*" or all(name in listed for name in needed)


def _unread(library: str) -> Iterator[str]:
    """
    Yield which settings *library* does not read, because their names are misspelt.
    """
    if library == _OF_DJANGO:
        from corsguard_django import checks

        yield from (problem.message for problem in checks.problems() if problem.code == _MISSPELT)


def _places_in_flask(application: object) -> Sequence[Placement]:
    """
    Return what decides about which paths, if flask-cors guards *application* once. Only its function has the resources,
    with their options: a mapping, or an object from flask-cors 6 on.
    """
    from flask import Flask

    from corsguard_flask import translate

    app = next((layer for layer in layers_of(application) if isinstance(layer, Flask)), None)
    functions = (
        [] if app is None else [one for each in app.after_request_funcs.values() for one in each if _is_flask_cors(one)]
    )
    if app is None or len(functions) != 1 or functions[0] not in app.after_request_funcs.get(None, ()):
        return ()
    kept = getclosurevars(functions[0]).nonlocals.get("resources", ())
    options = ((pattern, one if isinstance(one, Mapping) else vars(one)) for pattern, one in kept)
    resources = {pattern: {"origins": one.get("origins")} for pattern, one in options}
    return translate(app, config={}, written={}, resources=resources).places if resources else ()


def _blueprints_in(application: object) -> Sequence[str]:
    """
    Return the names of the blueprints that flask-cors guards, if it does not guard all of *application*.
    """
    after = [getattr(layer, "after_request_funcs", {}) for layer in layers_of(application) if has_flask_cors(layer)]
    names = [name for each in after for name, functions in each.items() if any(map(_is_flask_cors, functions))]
    return () if None in names else names


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
    return isinstance(after, dict) and any(_is_flask_cors(function) for each in after.values() for function in each)


def _is_flask_cors(function: object) -> bool:
    return getattr(function, "__module__", "").partition(".")[0] == "flask_cors"


def has_cors_headers() -> bool:
    """
    Whether the settings of Django list the middleware of django-cors-headers.
    """
    conf = sys.modules.get("django.conf")
    middleware = () if conf is None else conf.settings.MIDDLEWARE
    return any(str(name).startswith("corsheaders.") for name in middleware)


def is_inactive(application: object) -> bool:
    """
    Return whether *application* is one of Django with settings of django-cors-headers, and without its middleware.
    """
    if not any(type(layer).__module__.startswith("django.core.handlers.") for layer in layers_of(application)):
        return False
    from django.conf import settings

    names = ("CORS_ALLOWED_ORIGINS", "CORS_ALLOWED_ORIGIN_REGEXES", "CORS_ALLOW_ALL_ORIGINS")
    return not has_cors_headers() and any(getattr(settings, name, None) for name in names)
