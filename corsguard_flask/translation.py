"""
What `CORS(app, ...)` and `@cross_origin(...)` of flask-cors say, as code for `CORSGuard` and `@cors`.

Options are merged and read as that library does it: a resource's own before those of the call, before `CORS_*` in the
config, before its defaults. The engine reads what they hold; this room knows only their names and what was peculiar.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask import Blueprint, Flask

from corsguard.moving import UNWRITTEN, Draft, Remark, Translation, as_regex

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
# What has no keyword here: the value that meant something, and what became of it.
_GONE: Final[Mapping[str, tuple[object, str]]] = {
    "always_send": (False, "a request without Origin gets no headers, unless everyone may read"),
    "automatic_options": (False, "preflights never reach a view, and every other OPTIONS does"),
    "allow_private_network": (True, "browsers ask their users now, and no header can grant it"),
    "intercept_exceptions": (False, "errors carry the headers, so that pages can read them"),
    "send_wildcard": (True, 'where everyone may read, "*" is always what is sent'),
    "vary_header": (False, "Vary is sent wherever an answer depends on the origin, or caches would mix answers up"),
}

# A string with one of these is a regular expression to flask-cors.
_OF_REGEX: Final = frozenset("*\\]?$^[]()")
_EVERYTHING: Final = frozenset({"*", ".*"})
_LITERAL_HEAD: Final = re.compile(r"\^?([\w/~-]*)")

_GUARD: Final = """
from corsguard_flask import CORSGuard

CORSGuard(
    app,
    {policy},
)"""
_VIEW: Final = """
from corsguard_flask import cors

@cors(
    {keywords}
)"""


def translate(app: Flask | Blueprint, **options: Any) -> Translation:  # noqa: ANN401 - those of flask-cors
    """
    Return what `CORS(app, **options)` of flask-cors says; `str()` of it is the code to put in its place.

    The config of *app* counts. Nothing is guarded, and flask-cors need not be installed.
    """
    config = _of_config(app)
    given = {**config, **options}
    notes = [Remark("", "In place of CORS(...). What is different says why."), *_of_all(app, given)]
    resources = given.get("resources", _DEFAULTS["resources"])
    own = resources if isinstance(resources, Mapping) else {resource: {} for resource in _each(resources)}
    order = sorted(own, key=_specificity) if isinstance(resources, Mapping) else [*own]
    drafts: dict[str, Draft] = {}
    unread: list[str] = []
    for resource in order:
        draft = _draft({**given, **own[resource]})
        prefixes = draft.paths(f"resource {_shown(resource)}", _as_path(resource)) or (_unwritten(drafts),)
        if any(UNWRITTEN in prefix for prefix in prefixes):
            unread.append(_head(resource))
        for prefix in prefixes:
            _place(drafts, _of_blueprint(app, draft, prefix), draft, unread)
    if len(drafts) > 1 and "" in drafts:
        drafts["/"] = drafts.pop("")
    return Translation.of(_GUARD, notes, drafts)


def translate_view(app: Flask | None = None, **options: Any) -> Translation:  # noqa: ANN401 - those of flask-cors
    """
    Return what `@cross_origin(**options)` of flask-cors says; `str()` of it is the decorator to put in its place.

    The config of *app* counts, if it is given.
    """
    given = {**({} if app is None else _of_config(app)), **options}
    given.pop("resources", None)
    notes = [Remark("", "In place of @cross_origin(...), directly under the route. What is different says why.")]
    return Translation.of(_VIEW, [*notes, *_of_all(app, given)], {"": _draft(given)})


def _of_config(app: Flask | Blueprint) -> dict[str, Any]:
    # A blueprint has no config, and flask-cors does not look for that of its application.
    config: Mapping[str, Any] = app.config if isinstance(app, Flask) else {}
    names = {f"CORS_{name.upper()}": name for name in (*_DEFAULTS, *_GONE)}
    return {name: config[key] for key, name in names.items() if config.get(key) is not None}


def _of_all(app: Flask | Blueprint | None, given: Mapping[str, Any]) -> list[Remark]:
    """
    Return what is different whatever the policies are.
    """
    texts = ["Preflights are answered before the application, with 204, and those from other origins with 403."]
    for name, (meant, text) in _GONE.items():
        if name in given and bool(given[name]) is meant:
            texts.append(f"{name}={given[name]!r} is left out: {text}.")
    known = [*_DEFAULTS, *_GONE]
    texts += [
        f"{name} is unknown to flask-cors, so nothing came of it{_near(name, known)}."
        for name in given
        if name not in known
    ]
    config: Mapping[str, Any] = app.config if isinstance(app, Flask) else {}
    unknown = [key for key in config if key.startswith("CORS_") and key.removeprefix("CORS_").lower() not in known]
    texts += [f"{key} in the config is unknown to flask-cors, so nothing came of it." for key in unknown]
    return [Remark("", text) for text in texts]


def _near(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    return "".join(f"; {other} was perhaps meant" for other in get_close_matches(name, known, n=1))


def _draft(given: Mapping[str, Any]) -> Draft:
    options = {**_DEFAULTS, **given}
    draft = Draft()
    draft.credentials("supports_credentials", options["supports_credentials"])
    _take_origins(draft, options["origins"], by_default="origins" not in given)
    _take_methods(draft, options["methods"])
    _take_headers(draft, options["allow_headers"])
    exposed = options["expose_headers"]
    if exposed:
        draft.names("expose_headers", "expose_headers", _texts(exposed))
    draft.max_age("max_age", options["max_age"])
    if "max_age" not in given:
        draft.note("max_age", "flask-cors sends none by default. Without this line browsers ask once in two hours.")
    return draft


def _take_origins(draft: Draft, origins: object, *, by_default: bool) -> None:
    entries = _each(origins)
    if any(entry in _EVERYTHING for entry in entries if isinstance(entry, str)):
        draft.everyone("origins, which nobody gave" if by_default else "origins")
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
                "allow_headers: with credentials browsers want names, and any was allowed. These are the most usual; "
                "add what your pages send. A browser's console names what is missing.",
            )
        else:
            # `*` is every name but Authorization.
            draft.names("allow_headers", "allow_headers", ["*", "Authorization"])
        return
    expressions = [name for name in names if isinstance(name, re.Pattern) or not _OF_REGEX.isdisjoint(str(name))]
    for expression in expressions:
        text = expression.pattern if isinstance(expression, re.Pattern) else expression
        draft.note(
            "allow_headers", f"allow_headers: {text} is an expression, and is left out. List the names it means."
        )
    draft.names("allow_headers", "allow_headers", [name for name in names if name not in expressions])


def _place(drafts: dict[str, Draft], prefix: str, draft: Draft, unread: list[str]) -> None:
    """
    Put *draft* at *prefix*, unless an earlier one decided there, or paths would fall to it that others decide.
    """
    above = next((other for other in drafts if other in {prefix, ""} or prefix.startswith(f"{other}/")), None)
    if above is not None:
        drafts[above].note("", f"{prefix or 'What is left'} comes later to flask-cors, and is never asked.")
    elif draft.shares and UNWRITTEN not in prefix and any(head.startswith(prefix) for head in unread):
        draft.note(
            "",
            f"This is the policy of {prefix or '/'}. Write that when every other {UNWRITTEN} is written: it covers "
            "their paths.",
        )
        drafts[_unwritten(drafts)] = draft
    else:
        drafts[prefix] = draft


def _unwritten(drafts: Mapping[str, Draft]) -> str:
    count = sum(UNWRITTEN in prefix for prefix in drafts)
    return f"{UNWRITTEN}-{count + 1}" if count else UNWRITTEN


def _of_blueprint(app: Flask | Blueprint, draft: Draft, prefix: str) -> str:
    if not isinstance(app, Blueprint) or prefix:
        return prefix
    if app.url_prefix is None or not re.fullmatch(r"(/[\w~-][\w.~-]*)+", app.url_prefix):
        draft.note("", f"Write where {app.name!r} is mounted in place of {UNWRITTEN}.")
        return UNWRITTEN
    draft.note("", f"The blueprint {app.name!r}, and its 404 and 405 too.")
    return app.url_prefix


def _shown(resource: str | re.Pattern[str]) -> str:
    return as_regex(resource) if _as_path(resource) is resource else repr(resource)


def _as_path(resource: str | re.Pattern[str]) -> str | re.Pattern[str]:
    # What is no expression to flask-cors is one path.
    if resource == "*":
        return ".*"
    if isinstance(resource, re.Pattern) or not _OF_REGEX.isdisjoint(resource):
        return resource
    return f"{re.escape(resource)}$"


def _head(resource: str | re.Pattern[str]) -> str:
    head = _LITERAL_HEAD.match(resource.pattern if isinstance(resource, re.Pattern) else resource)
    return head[1] if head else ""


def _specificity(resource: str | re.Pattern[str]) -> tuple[bool, bool, int, int]:
    """
    Return by what flask-cors sorts resources: paths first, then compiled expressions, then others; deeper, then longer.
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
