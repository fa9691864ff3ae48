"""
Translates `CORS(app, ...)` and `@cross_origin(...)` of flask-cors into code for `CORSGuard` and `@cors`.

Options are merged and read as flask-cors does it: the options of a resource win over those of the call, then `CORS_*`
in the config, then the defaults. The engine reads the values. This module knows only the names and the peculiarities of
flask-cors.
"""

import re
from collections.abc import Iterable, Mapping
from inspect import currentframe
from posixpath import commonpath
from types import FrameType
from typing import Any, Final, cast

from flask import Blueprint, Flask

from corsguard.moving import (
    CHROMIUM_MAX_AGE,
    EVERYTHING,
    UNPACKED,
    Draft,
    Placement,
    Remark,
    Resource,
    Served,
    Translation,
    Written,
    as_regex,
    below,
    example,
    of_call,
    placed,
    placed_in_turn,
)

from .views import wrapper_of

# The defaults of flask-cors 6.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "origins": "*",
    "methods": ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"],
    "allow_headers": "*",
    "expose_headers": None,
    "supports_credentials": False,
    "max_age": None,
    "resources": "/*",
}
_KEYWORDS: Final[Mapping[str, str]] = {
    "origins": "allow_origins",
    "methods": "allow_methods",
    "allow_headers": "allow_headers",
    "expose_headers": "expose_headers",
    "supports_credentials": "allow_credentials",
    "max_age": "max_age",
}
# Options without a keyword here: the value that had an effect, and the reason why it is left out.
_GONE: Final[Mapping[str, tuple[object, str]]] = {
    "always_send": (False, "a request without Origin gets no headers, unless everyone may read"),
    "automatic_options": (False, "preflights never reach a view, but every other OPTIONS request does"),
    "allow_private_network": (True, "browsers now ask their users, and no header can grant it"),
    "intercept_exceptions": (False, "errors always have the headers, so pages can read them"),
    "send_wildcard": (True, 'if everyone may read, "*" is always sent'),
    "vary_header": (
        False,
        "Vary is always sent if an answer depends on the origin, because caches would mix answers up",
    ),
}

_KEYS: Final[Mapping[str, str]] = {f"CORS_{name.upper()}": name for name in (*_DEFAULTS, *_GONE)}

_PREFLIGHTS: Final = (
    "Preflights are answered before the application, with 204, and those from other origins with 403. What the "
    "application itself answers to them no longer counts."
)
_IN_TURN: Final = (
    "Calls that cover the same paths: flask-cors asked the innermost blueprint first, then the last call, and the next "
    "ones only if an origin was not allowed. Here one policy decides about a path: that of the first one asked, or of "
    "the longer path. Add the origins that another call allowed there."
)
_ERRORS: Final = (
    "Errors that the view raises, and the 405 at its path, had no headers, or those of CORS(app). Now they have those "
    "of this policy, so its pages can read them."
)

# A string with one of these is a regular expression to flask-cors.
_OF_REGEX: Final = frozenset("*\\]?$^[]()")
_EVERYTHING: Final = frozenset({"*", ".*"})
_RULE_PARTS: Final = re.compile(r"(<[^<>]*>)")

_GUARD: Final = """
from corsguard_flask import CORSGuard

{named}
CORSGuard(
    app,
    {policy},
)"""
_VIEW: Final = """
from corsguard_flask import CORSGuard, cors

# Once for the application, if it has no guard yet. Without a guard, the decorator has no effect.
CORSGuard(app)

@cors(
    {keywords}
)"""


def translate(
    app: Flask | Blueprint,
    *,
    within: Flask | None = None,
    config: Mapping[str, Any] | None = None,
    written: Mapping[str, Written] | None = None,
    **options: Any,  # noqa: ANN401 - those of flask-cors
) -> Translation:
    """
    Translate `CORS(app, **options)` of flask-cors. `str()` of the result is the code to write instead.

    The config of *app* counts. Its routes tell what a path prefix would open, so call this after they are registered.
    *within* is the application that a blueprint is registered with. *config* is the config of *app* at the old call;
    without it, the present one. *written* is the source code of the options. Without it, it is read from the call of
    this function. Nothing is guarded, and flask-cors need not be installed.

    Raises TypeError if *app* is not an application, or the resources are not resources.
    """
    if not isinstance(cast("object", app), Flask | Blueprint):
        raise TypeError(f"Expected a Flask application or a blueprint, got {app!r}. Write translate(app, ...).")
    written = of_call(_caller()) if written is None else written
    return Translation.of(_GUARD, *_read(app, within, config, written, options))


def translate_together(
    app: Flask, calls: Iterable[tuple[Flask | Blueprint, Mapping[str, Any], Mapping[str, Written], Mapping[str, Any]]]
) -> Translation:
    """
    Translate several calls for *app* or its blueprints into one guard. Each call has the config at that time, the
    source code of its options and the options.
    """
    said = [*calls]
    read = [_read(of, app, config, written, options) for of, config, written, options in said]
    entries = [entry for _, more in read for entry in more]
    notes = dict.fromkeys(note for notes, _ in read for note in notes)
    if any(
        entry.meets(other)
        for number, (_, more) in enumerate(read)
        for entry in more
        for _, others in read[:number]
        for other in others
    ):
        notes[Remark("", _IN_TURN)] = None
        # Flask calls what the innermost blueprint registered first, and of one owner what was registered last.
        said = sorted(said, key=lambda call: _depth_of(call[0], app))[::-1]
        entries = placed_in_turn(_placeable(of, app, config, written, options) for of, config, written, options in said)
    return Translation.of(_GUARD, notes, entries)


def _depth_of(of: Flask | Blueprint, app: Flask) -> int:
    return max((name.count(".") + 1 for name, known in app.blueprints.items() if known is of), default=0)


def _read(
    app: Flask | Blueprint,
    within: Flask | None,
    config: Mapping[str, Any] | None,
    written: Mapping[str, Written],
    options: Mapping[str, Any],
) -> tuple[list[Remark], list[Placement]]:
    """
    Return the remarks about a whole call, and its policies with their paths.
    """
    # A blueprint has no config, and flask-cors does not look for that of its application.
    now: Mapping[str, Any] = app.config if isinstance(app, Flask) else {}
    config = now if config is None else config
    given = {**_of_config(config), **options}
    notes = [Remark("", "In place of CORS(...). Each difference has its reason."), *_of_all(config, given)]
    notes += _of_source(written, options)
    late = [key for key in _KEYS if now.get(key) != config.get(key)]
    if late:
        notes.append(Remark("", f"{', '.join(late)} in the config: set after CORS(...), so it had no effect."))
    if "resources" in written and not written["resources"].is_fixed:
        notes.append(
            Remark("", f"resources: these are the values in this process. The source says {written['resources'].text}.")
        )
    resources = _resources_of(given, written)
    notes += _of_place(app if isinstance(app, Flask) else within, of_blueprint=isinstance(app, Blueprint))
    if isinstance(app, Flask):
        entries = placed(resources, served_by(app))
    elif within is None:
        entries = _unmounted(app, resources, notes)
    else:
        entries = placed(*_of_blueprint(app, within, resources, notes))
    return notes, entries


def _resources_of(given: Mapping[str, Any], written: Mapping[str, Written]) -> list[Resource]:
    return [
        Resource(
            f"resource {_shown(resource)}",
            _as_path(resource),
            _draft({**given, **own}, {name: there for name, there in written.items() if name not in own}),
        )
        for resource, own in _resources(given.get("resources", _DEFAULTS["resources"]))
    ]


def _placeable(
    of: Flask | Blueprint,
    app: Flask,
    config: Mapping[str, Any],
    written: Mapping[str, Written],
    options: Mapping[str, Any],
) -> tuple[list[Resource], list[Served] | None]:
    """
    Return the resources of one call for *app* or its blueprint, and what they are compared with.
    """
    resources = _resources_of({**_of_config(config), **options}, written)
    return (resources, served_by(app)) if isinstance(of, Flask) else _of_blueprint(of, app, resources, [])


def translate_view(
    app: Flask | None = None,
    *,
    written: Mapping[str, Written] | None = None,
    **options: Any,  # noqa: ANN401 - those of flask-cors
) -> Translation:
    """
    Translate `@cross_origin(**options)` of flask-cors. `str()` of the result is the decorator to write instead.

    The config of *app* counts, if it is given. *written* is what `translate` takes.
    """
    written = of_call(_caller()) if written is None else written
    config: Mapping[str, Any] = {} if app is None else app.config
    given = {**_of_config(config), **options}
    given.pop("resources", None)
    notes = [
        Remark("", "In place of @cross_origin(...), directly under the route. Each difference has its reason."),
        *_of_all(config, given),
        *_of_source(written, options),
        Remark("", _ERRORS),
    ]
    return Translation.of(_VIEW, notes, [Placement("", _draft(given, written))])


def _caller() -> FrameType | None:
    """
    Return the frame of the caller's caller.
    """
    frame = currentframe()
    ours = None if frame is None else frame.f_back
    return None if ours is None else ours.f_back


def _of_config(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: config[key] for key, name in _KEYS.items() if config.get(key) is not None}


def _of_all(config: Mapping[str, Any], given: Mapping[str, Any]) -> list[Remark]:
    """
    Return the differences that do not depend on the policies.
    """
    texts = [_PREFLIGHTS]
    for name, (meant, text) in _GONE.items():
        if name in given and bool(given[name]) is meant:
            texts.append(f"{name}={given[name]!r} is left out: {text}.")
    known = [*_DEFAULTS, *_GONE]
    texts += [
        f"{name} is unknown to flask-cors, so it had no effect{_near(name, known)}."
        for name in given
        if name not in known
    ]
    unknown = [key for key in config if key.startswith("CORS_") and key.removeprefix("CORS_").lower() not in known]
    texts += [
        f"{key} in the config is unknown to flask-cors, so it had no effect{_near(key, [*_KEYS])}." for key in unknown
    ]
    read = [key for key in _KEYS if config.get(key) is not None]
    if read:
        texts.append(
            f"{', '.join(read)} in the config: these are the values in this process. Write the code that sets them, "
            "under another name, because the guard warns of these."
        )
    return [Remark("", text) for text in texts]


def _of_source(written: Mapping[str, Written], options: Mapping[str, Any]) -> list[Remark]:
    """
    Return that options come from a mapping whose values may be different in another process.
    """
    there = written.get(UNPACKED)
    if there is None or there.is_fixed:
        return []
    names = ", ".join(name for name in options if name not in written)
    text = f"{names}: these are the values in this process. The source says **{there.text}."
    return [Remark("", text)] if names else []


def _of_place(app: Flask | None, *, of_blueprint: bool) -> list[Remark]:
    """
    Return what a guard around *app* sees, and flask-cors inside it did not.
    """
    texts = []
    wrapper = None if app is None else wrapper_of(app)
    if app is not None and wrapper is not None:
        texts.append(
            f"{wrapper} wraps {app.name!r}. flask-cors saw only what it passes on. If it changes paths, or answers "
            "some itself, write the lines below above the line that wraps wsgi_app. Otherwise the guard decides about "
            "those answers, too."
        )
    sockets = [] if app is None else [rule.rule for rule in app.url_map.iter_rules() if rule.websocket]
    if sockets:
        texts.append(
            f"{', '.join(sockets)}: WebSockets were open to every page. Below a path of the policy, a page can open "
            'them only if its origin is listed and allow_credentials is True. The argument websockets="pass" leaves '
            "them open."
        )
    if of_blueprint:
        texts.append("The 404 and 405 below the blueprint's paths had no headers. Now pages can read them.")
    return [Remark("", text) for text in texts]


def _near(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    return "".join(f"; perhaps {other} was meant" for other in get_close_matches(name, known, n=1))


def _draft(given: Mapping[str, Any], written: Mapping[str, Written]) -> Draft:
    options = {**_DEFAULTS, **given}
    draft = Draft()
    draft.credentials("supports_credentials", options["supports_credentials"])
    _take_origins(draft, options["origins"], by_default="origins" not in given)
    _take_methods(draft, options["methods"])
    _take_headers(draft, options["allow_headers"])
    draft.note_unasked("methods")
    exposed = options["expose_headers"]
    if exposed:
        draft.names("expose_headers", "expose_headers", _texts(exposed))
    draft.max_age("max_age", options["max_age"])
    if "max_age" not in given:
        draft.note(
            "max_age",
            (
                f"flask-cors sends none by default, so browsers ask again after 5 seconds. With {CHROMIUM_MAX_AGE}, "
                "they ask once in two hours."
            ),
        )
    for option, keyword in _KEYWORDS.items():
        if option in given and option in written:
            draft.written(keyword, option, given[option], written[option])
    return draft


def _take_origins(draft: Draft, origins: object, *, by_default: bool) -> None:
    entries = _each(origins)
    if any(entry in _EVERYTHING for entry in entries if isinstance(entry, str)):
        draft.everyone("origins, which is not set" if by_default else "origins")
        entries = [entry for entry in entries if entry not in _EVERYTHING]
    for entry in entries:
        if isinstance(entry, re.Pattern):
            draft.regex("origins", entry)
        elif isinstance(entry, str) and not _OF_REGEX.isdisjoint(entry):
            draft.regex("origins", entry, ignore_case=True)
        else:
            draft.origin("origins", entry, str(entry).casefold().__eq__)


def _take_methods(draft: Draft, methods: object) -> None:
    names = [name.upper() if isinstance(name, str) else name for name in _texts(methods)]
    if "*" in names:
        names = [name for name in names if name != "*"]
        draft.note("allow_methods", 'methods: flask-cors looks for the method in the text "*" and never finds it.')
    draft.names("allow_methods", "methods", names)


def _take_headers(draft: Draft, headers: object) -> None:
    names = _each(headers)
    if any(name in _EVERYTHING for name in names if isinstance(name, str)):
        if "allow_credentials" in draft.keywords:
            draft.names("allow_headers", "allow_headers", ["Authorization", "Content-Type"])
            draft.note(
                "allow_headers",
                (
                    "allow_headers: with credentials, browsers need names, but every header was allowed. These are "
                    "the most common ones. Add the headers that your pages send. A browser's console names the "
                    "missing ones."
                ),
            )
        else:
            # `*` covers every name except Authorization.
            draft.names("allow_headers", "allow_headers", ["*", "Authorization"])
        return
    expressions = [name for name in names if isinstance(name, re.Pattern) or not _OF_REGEX.isdisjoint(str(name))]
    for expression in expressions:
        text = expression.pattern if isinstance(expression, re.Pattern) else expression
        draft.note(
            "allow_headers", f"allow_headers: {text} is an expression, and is left out. List the names that it matches."
        )
    draft.names("allow_headers", "allow_headers", [name for name in names if name not in expressions])


def _resources(resources: object) -> list[tuple[str | re.Pattern[str], Mapping[str, Any]]]:
    """
    Return resources with their own options, in the order in which flask-cors tries them.
    """
    given: Mapping[Any, Any] = resources if isinstance(resources, Mapping) else {key: {} for key in _each(resources)}
    for resource, own in given.items():
        if not isinstance(resource, str | re.Pattern) or not isinstance(own, Mapping):
            raise TypeError(
                "Expected resources to be a path, an expression, a list of these, or a mapping from these to options, "
                f'got {resource!r}: {own!r}. Write, for example, resources={{r"/api/*": {{"origins": [...]}}}}.'
            )
    return [*given.items()] if given is not resources else sorted(given.items(), key=lambda item: _specificity(item[0]))


def _of_blueprint(
    blueprint: Blueprint, app: Flask, resources: list[Resource], notes: list[Remark]
) -> tuple[list[Resource], list[Served]]:
    """
    Return *resources*, which apply only to the views of *blueprint*, with their paths, and what *app* serves.
    """
    served = served_by(app, blueprint) or []
    own = [route for route in served if route.counts]
    others = [route for route in served if not route.counts]
    heads = sorted({route.head for route in own}, key=len)
    # The prefix of the blueprint comes first, if it is in use, because views that are added later are meant too.
    prefix = (blueprint.url_prefix or "").rstrip("/")
    found = [commonpath(heads).rstrip("/")] if heads else []
    mounts = [prefix, *found] if found and prefix and _is_below(prefix, found[0]) else found
    alone = next((mount for mount in mounts if example([below(mount)], [], others) is None), None)
    read: list[Resource] = []
    for resource in resources:
        said, expression, draft = resource
        if example([expression], [], own) is None:
            notes.append(Remark("", f"{said} covers no view of the blueprint {blueprint.name!r}, and is left out."))
        elif example([], [expression], own) is None:
            # The whole blueprint: its prefix, or the prefixes of its views if other views answer below it too.
            prefixes = heads if alone is None else [alone]
            read += [
                Resource(f"{said} of the blueprint {blueprint.name!r}", below(prefix), draft) for prefix in prefixes
            ]
        else:
            read.append(resource)
    return read, served


def _is_below(prefix: str, path: str) -> bool:
    return "<" not in prefix and (path == prefix or path.startswith(f"{prefix}/"))


def _unmounted(blueprint: Blueprint, resources: list[Resource], notes: list[Remark]) -> list[Placement]:
    """
    Return proposals for a blueprint whose place in an application is not known.
    """
    prefix = blueprint.url_prefix or ""
    entries: list[Placement] = []
    for said, expression, draft in resources:
        covers_all = example([], [expression], [EVERYTHING]) is None
        is_plain = bool(prefix) and "<" not in prefix
        if is_plain and example([expression, below(prefix)], [], [EVERYTHING]) is None:
            notes.append(
                Remark(
                    "", f"{said} covers no view of the blueprint {blueprint.name!r}, whose paths begin with {prefix}."
                )
            )
            continue
        text = (
            f"{said}, only for the views of the blueprint {blueprint.name!r}. Only its application knows their paths: "
            "translate(blueprint, within=app, ...) reads them."
        )
        is_read = covers_all and is_plain
        entries.append(Placement(prefix if is_read else "", draft, [text], is_active=False, is_read=is_read))
    return entries


def served_by(app: Flask, blueprint: Blueprint | None = None) -> list[Served] | None:
    """
    Return what the routes of *app* serve; None if it has no routes yet. If *blueprint* is given, only its views count.
    """
    names = {name for name, known in app.blueprints.items() if known is blueprint}
    served = []
    for rule in app.url_map.iter_rules():
        owners = rule.endpoint.split(".")[:-1]
        counts = blueprint is None or any(".".join(owners[: at + 1]) in names for at in range(len(owners)))
        literal, *more = _RULE_PARTS.split(rule.rule)
        head = literal.rpartition("/")[0] if more else literal.rstrip("/")
        expression = "".join(_part(app, part) for part in _RULE_PARTS.split(rule.rule))
        # The path without the last slash redirects here.
        served.append(Served(f"{expression}{'?' * rule.rule.endswith('/')}$", rule.endpoint, head, counts))
    return served if any(route.view != "static" for route in served) else None


def _part(app: Flask, part: str) -> str:
    """
    Return a part of a rule as an expression that matches at least the same.
    """
    if not part.startswith("<"):
        return re.escape(part)
    name = part[1:].partition(":")[0].partition("(")[0] if ":" in part else "default"
    converter = app.url_map.converters.get(name)
    return "[^/]+" if getattr(converter, "part_isolating", False) else ".+"


def _shown(resource: str | re.Pattern[str]) -> str:
    return as_regex(resource) if _as_path(resource) is resource else repr(resource)


def _as_path(resource: str | re.Pattern[str]) -> str | re.Pattern[str]:
    # Anything that flask-cors does not read as an expression is one path.
    if resource == "*":
        return ".*"
    if isinstance(resource, re.Pattern) or not _OF_REGEX.isdisjoint(resource):
        return resource
    return f"{re.escape(resource)}$"


def _specificity(resource: str | re.Pattern[str]) -> tuple[bool, bool, int, int]:
    """
    Return the sort key of flask-cors: paths first, then compiled expressions, then others; deeper first, then longer.
    """
    text = resource.pattern if isinstance(resource, re.Pattern) else resource
    is_path = isinstance(resource, str) and _OF_REGEX.isdisjoint(resource)
    return (not is_path, not is_path and isinstance(resource, str), -text.count("/"), -len(text))


def _each(value: object) -> list[Any]:
    if isinstance(value, str | re.Pattern) or not isinstance(value, Iterable):
        return [value]
    return sorted(value, key=str) if isinstance(value, set | frozenset) else [*value]


def _texts(value: object) -> list[Any]:
    if value is None:
        return []
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else _each(value)
