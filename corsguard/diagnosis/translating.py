"""
Finds the CORS libraries that an application uses, and translates their settings into policies.

The application is loaded, but gets no request. The translations are in `moving`; this module finds what to translate.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeGuard

from corsguard.applications import layers_of
from corsguard.errors import PolicyError
from corsguard.moving import Translation, files_of, mentions
from corsguard.moving import starlette as starlettes
from corsguard.moving.starlette import MODULE
from corsguard.quoting import quoted

from .guarded import guard_of, set_up_django
from .objects import load_application, names_module, names_object, quiet, refuse_python
from .predecessors import has_cors_headers, has_flask_cors
from .recording import FLASK_CORS, RecordedCall, recorded

if TYPE_CHECKING:
    from flask import Flask

# The system checks that stop a server with django-cors-headers: its settings without ours, and both middlewares.
_THEIRS: Final = frozenset({"E902", "E903"})
_SEVERAL_LIBRARIES: Final = (
    "More than one library shares responses here, and a browser refuses two Access-Control-Allow-Origin headers. "
    "Decide which of them to keep before you paste."
)
_UNANSWERED: Final = (
    "{}: flask-cors gave the preflights of a class with decorators = [cross_origin(...)] no headers, so a browser "
    "blocked what needs one, such as a POST of JSON. It passes here."
)
_UNNAMED: Final = (
    "{}: @cross_origin(...) has an argument without a name, {}, which flask-cors ignores. If it says who may read, "
    "write allow_origins=[...]."
)
_ABOVE: Final = (
    "{}: @cross_origin(...) is above the route, so it had no effect. @cors(...) has one wherever it stands: leave "
    "it out, or every page that it names may read."
)
_ON_METHOD: Final = (
    "{}: @cross_origin(...) is on a method of a class of views. @cors(...) has no effect there, and closes the "
    "view. Write decorators = [cors(...)] in the class, which is for all of its methods. flask-cors gave preflights of "
    "such a view no headers; here they pass."
)
_SHARED_PATH: Final = (
    "{}: {} share this path. In flask-cors, the first that answers OPTIONS answered the preflights for all. Here each "
    "method has the policy of its own view. So what the first one refused may pass, such as cookies, and a view "
    "without @cors shares nothing. A view that serves only OPTIONS needs no @cors."
)
_NOT_CALLED: Final = (
    '{}, line {}, imports {}, and nothing of it was found. A call below `if __name__ == "__main__":` is made only '
    "where that file is run, and a class of yours may make one later. Look there, and give its arguments to {}."
)
# What imports a library, and what translates its arguments.
_TOOLS: Final[Mapping[str, str]] = {
    FLASK_CORS: "corsguard_flask.translate",
    MODULE: "corsguard.moving.starlette.translate",
    "fastapi.middleware.cors": "corsguard.moving.starlette.translate",
}
_NOT_SEEN: Final = (
    "the call of {} was made before the command could see it. Print corsguard_flask.{}(app, ...) with its arguments."
)


class Move(NamedTuple):
    """
    The *translation* of the settings of a *library*, and the *place* where it goes.
    """

    library: str
    place: str
    translation: Translation


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """
    The settings of other CORS libraries in the application *target*, as *moves* in the order of the code.

    *hints* are about all of them; *unread* has a sentence for each part that could not be read. *is_guarded* is True if
    corsguard guards the application already.
    """

    target: str
    moves: tuple[Move, ...]
    hints: tuple[str, ...]
    unread: tuple[str, ...]
    is_guarded: bool

    def data(self) -> dict[str, object]:
        """
        Return the same as plain data.
        """
        moves = [{"library": one.library, "place": one.place, "code": str(one.translation)} for one in self.moves]
        return {
            "target": self.target,
            "moves": moves,
            "hints": [*self.hints],
            "unread": [*self.unread],
            "is_guarded": self.is_guarded,
        }


def moving_of(target: str) -> Moving:
    """
    Return the settings of other CORS libraries in *target*: an application, as `module:attribute`, or a Django settings
    module.

    Raises LoadError, and PolicyError if a corsguard policy is refused while *target* is loaded.
    """
    refuse_python(target, ":app")
    application: object = None
    with quiet(), recorded() as (calls, layers):
        if names_module(target) and not names_object(target):
            set_up_django(target)
        else:
            application = _loaded(target)
    moves = [*_of_flask_cors(application, calls), *_of_starlette(application, layers), *_of_django()]
    is_guarded = application is not None and guard_of(target, application) is not None
    return Moving(
        target=target,
        moves=tuple(moves),
        hints=tuple(_hints(target, application, moves, calls)),
        unread=tuple(_unread(target, application, calls)),
        is_guarded=is_guarded,
    )


def _hints(target: str, application: object, moves: list[Move], calls: list[RecordedCall]) -> Iterator[str]:
    yield from _hints_of_views(_flask_in(application), calls)
    if not moves and application is not None:
        files = files_of(target.partition(":")[0])
        for package, tool in _TOOLS.items():
            for one in mentions(files, (), package)[:1]:
                yield _NOT_CALLED.format(one.file, one.line, package, tool)
    if len({one.library for one in moves}) > 1:
        yield _SEVERAL_LIBRARIES


def _hints_of_views(app: "Flask | None", calls: list[RecordedCall]) -> Iterator[str]:
    for hint, views in (
        (_UNANSWERED, [call for call in calls if call.lists]),
        (_ON_METHOD, [call for call in calls if _is_method(call.function)]),
        (_ABOVE, _above(app, calls)),
    ):
        if views:
            yield hint.format(", ".join(call.view for call in views))
    for path, names in _shared_paths(app, calls):
        yield _SHARED_PATH.format(path, " and ".join(names))
    for call in calls:
        if call.unnamed:
            yield _UNNAMED.format(call.view, ", ".join(map(quoted, call.unnamed)))


def _loaded(target: str) -> object:
    try:
        return load_application(target)
    except PolicyError as error:
        # Someone who is moving may have added our middleware already.
        if all(problem.code in _THEIRS for problem in error.problems):
            return None
        raise


# flask-cors


def _of_flask_cors(application: object, calls: list[RecordedCall]) -> Iterator[Move]:
    if not calls:
        return
    from corsguard_flask import translate, translate_view
    from corsguard_flask.translation import translate_together

    app = _flask_in(application) or next((call.app for call in calls if _is_flask(call.app)), None)
    guarded = [call for call in calls if _is_within(call.app, app)]
    said = ((call.app, call.config, call.written, call.options) for call in guarded)
    together = translate_together(app, said) if app is not None and guarded[1:] else None
    if together is not None:
        places = " and ".join(f"{_call_of(call, app)} ({_place(call)})" for call in guarded)
        yield Move("flask-cors", f"Where the application is made, in place of {places}", together)
    for call in calls:
        if call.app is not None and (together is None or not any(call is one for one in guarded)):
            within = app if app is not None and _is_blueprint_of(call.app, app) else None
            translation = translate(call.app, within=within, config=call.config, written=call.written, **call.options)
            # A blueprint is often made in a file that does not know the application.
            where = "In place" if _is_flask(call.app) else "Where the application is made, in place"
            yield Move("flask-cors", f"{where} of {_call_of(call, app)} ({_place(call)})", translation)
    for same in _by_options(call for call in calls if call.app is None):
        views = ", ".join(f"{call.view} ({_place(call)})" for call in same)
        place = f"In place of @cross_origin(...) on {views}"
        yield Move("flask-cors", place, translate_view(app, written=same[0].written, **same[0].options))


def _call_of(call: RecordedCall, app: "Flask | None") -> str:
    if _is_flask(call.app):
        return "CORS(app, ...)" + ("" if call.app is app else f" of another application, {call.app.name}")
    blueprint = f"CORS(...) of the blueprint {quoted(call.app.name)}"
    is_registered = app is not None and any(other is call.app for other in app.blueprints.values())
    return blueprint if is_registered else f"{blueprint}, which the application does not register"


def _by_options(calls: Iterable[RecordedCall]) -> list[list[RecordedCall]]:
    """
    Return *calls* in groups that have the same options.
    """
    groups: list[list[RecordedCall]] = []
    for call in calls:
        same = next((group for group in groups if _said(group[0]) == _said(call)), None)
        if same is None:
            groups.append([call])
        else:
            same.append(call)
    return groups


def _said(call: RecordedCall) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    return call.options, {name: there.text for name, there in call.written.items()}


def _place(call: RecordedCall) -> str:
    file = Path(call.file)
    shown = file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file
    return f"{str(shown).replace(os.sep, '/')}, line {call.line}"


def _is_flask(app: object) -> "TypeGuard[Flask]":
    return "flask" in sys.modules and isinstance(app, sys.modules["flask"].Flask)


def _flask_in(application: object) -> "Flask | None":
    return next((layer for layer in layers_of(application) if _is_flask(layer)), None)


def _unread(target: str, application: object, calls: list[RecordedCall]) -> Iterator[str]:
    """
    Yield a sentence for everything that flask-cors does in *application* without a recorded call.
    """
    app = _flask_in(application)
    if app is None:
        return
    if has_flask_cors(app) and not any(call.app is app or _is_blueprint_of(call.app, app) for call in calls):
        yield f"flask-cors guards {target}, but {_NOT_SEEN.format('CORS(...)', 'translate')}"
    seen = {call.view for call in calls}
    views = [name for name, view in app.view_functions.items() if _is_decorated(view) and view.__name__ not in seen]
    if views:
        yield f"{', '.join(views)}: {_NOT_SEEN.format('@cross_origin(...)', 'translate_view')}"


def _is_within(of: object, app: "Flask | None") -> bool:
    return app is not None and (of is app or _is_blueprint_of(of, app))


def _is_method(function: object) -> bool:
    """
    Return whether *function* is defined in the body of a class.
    """
    return "." in getattr(function, "__qualname__", "").rpartition("<locals>.")[2]


def _shared_paths(app: "Flask | None", calls: list[RecordedCall]) -> Iterator[tuple[str, list[str]]]:
    """
    Yield each path at which several views answer that do not have the same options of `cross_origin`, and their names.
    """
    groups = _by_options(call for call in calls if call.app is None)
    made = {id(call.decorated): number for number, group in enumerate(groups) for call in group}
    of_views: dict[str, int | None] = {
        name: next((made[id(layer)] for layer in _layers_of(view) if id(layer) in made), None)
        for name, view in ({} if app is None else app.view_functions).items()
    }
    at: dict[str, list[str]] = {}
    for rule in () if app is None else app.url_map.iter_rules():
        names = at.setdefault(f"{rule.host or rule.subdomain or ''}{rule.rule}", [])
        names += [] if rule.endpoint in names else [rule.endpoint]
    for path, names in at.items():
        if len({of_views.get(name) for name in names}) > 1:
            yield path, names


def _is_blueprint_of(blueprint: object, app: "Flask") -> bool:
    return any(other is blueprint for other in app.blueprints.values())


def _above(app: "Flask | None", calls: Iterable[RecordedCall]) -> list[RecordedCall]:
    """
    Return the calls for views that the application still serves in their form before the call.
    """
    views = [] if app is None else [*app.view_functions.values()]
    layers = [layer for view in views for layer in _layers_of(view)]
    return [
        call
        for call in calls
        if any(view is call.function for view in views) and not any(layer is call.decorated for layer in layers)
    ]


def _layers_of(view: Any) -> Iterator[Any]:  # noqa: ANN401 - a function, with what decorators made of it
    while view is not None:
        yield view
        view = getattr(view, "__wrapped__", None)


def _is_decorated(view: Any) -> bool:  # noqa: ANN401 - a function, with what decorators made of it
    decorator = f"{FLASK_CORS}.decorator"
    return any(getattr(layer, "__globals__", {}).get("__name__") == decorator for layer in _layers_of(view))


# The others


def _of_starlette(application: object, layers: list[starlettes.Recorded]) -> Iterator[Move]:
    if starlettes.added_to(application):
        yield Move(
            "Starlette's CORSMiddleware",
            "Where the application is made",
            starlettes.translate(application, layers),
        )


def _of_django() -> Iterator[Move]:
    if "django.conf" not in sys.modules:
        return
    from django.conf import settings

    from corsguard_django.predecessor import configuration

    if settings.configured and (configuration() or has_cors_headers()):
        from corsguard_django.translation import place, translate

        yield Move("django-cors-headers", f"At the end of {place()}", translate())
