"""
Translates the `CORSMiddleware` of Starlette and FastAPI into code for `CORSGuard` or `CORSMiddleware` of
corsguard.asgi.

Applications are read by the names of their attributes, which are the same from Starlette 0.38.4 on. Starlette does not
have to be installed. The engine reads the values of the keywords; this module knows only their names and special rules.
"""

import inspect
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any, Final, NamedTuple, cast

from corsguard.applications import layers_of
from corsguard.names import CHROMIUM_MAX_AGE, is_token
from corsguard.policies import problem_of_prefix
from corsguard.quoting import quoted

from .translation import Draft, Placement, Remark, Translation
from .written import Written

MODULE: Final = "starlette.middleware.cors"
# The defaults of Starlette 1.
_DEFAULTS: Final[Mapping[str, Any]] = {
    "allow_origins": (),
    "allow_methods": ("GET",),
    "allow_headers": (),
    "allow_credentials": False,
    "allow_origin_regex": None,
    "allow_private_network": False,
    "expose_headers": (),
    "max_age": 600,
}
_ALL_METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
# Headers that Starlette always allows. For all except the last, browsers send a preflight only if a value is unusual.
_ALWAYS_ALLOWED: Final = ("Accept", "Accept-Language", "Content-Language", "Content-Type")
_CONTENT_TYPE: Final = "Content-Type"
_SAFELISTED: Final = (
    "Starlette always allows Content-Type, so it is listed here. It also allows Accept, Accept-Language and "
    "Content-Language; list them if your pages send values of more than 128 bytes."
)
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_INLINE_FLAGS: Final = re.compile(r"\(\?[aimsux]+\)")
_HAS_END: Final = re.compile(r"(?<!\\)(\\\\)*(\$|\\Z)\Z")

_GUARD: Final = """
from corsguard.asgi import CORSGuard

{named}
CORSGuard(
    app,
    {policy},
)"""
_WRAP: Final = """
from corsguard.asgi import CORSMiddleware

{named}
app = CORSMiddleware(
    app,
    {policy},
)"""


class Added(NamedTuple):
    """
    One CORSMiddleware: the *prefix* of the paths that it sees, and its *keywords*.

    It is not *exact* if it does not see everything below the prefix. *notes* are further remarks. It *is_around* an
    application, otherwise in the list of one. The layers *inside* of it never see a preflight. *said_by* is the object
    that has the keywords.
    """

    prefix: str
    keywords: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    is_exact: bool = True
    is_around: bool = False
    inside: "tuple[Added, ...]" = ()
    said_by: object = None


class Recorded(NamedTuple):
    """
    How the call that made *layer* is *written*; *layer* is a CORSMiddleware, or makes one later.
    """

    layer: object
    written: Mapping[str, Written]


def translate(app: object, recorded: Iterable[Recorded] = ()) -> Translation:
    """
    Return the translation of the CORSMiddleware of *app*; its `str()` is the code to use instead.

    *app* is an application of Starlette or FastAPI, an application that CORSMiddleware wraps, or a mapping of the
    keywords of CORSMiddleware. Mounted applications are included. Nothing is changed. *recorded* says how the keywords
    are written in the source, if the calls were recorded while *app* was made.

    Raises ValueError if *app* has no CORSMiddleware.
    """
    found = [Added("", app)] if isinstance(app, Mapping) else added_to(app)
    if not found:
        raise ValueError(f"Expected an application that has Starlette's CORSMiddleware, got {quoted(app)}.")
    wraps = found[0].is_around or not (isinstance(app, Mapping) or _is_application(app))
    known = [next((said.written for said in recorded if said.layer is one.said_by), {}) for one in found]
    is_known = all(written.keys() >= _said(one) for one, written in zip(found, known, strict=True))
    notes = _of_all(wraps=wraps, is_known=is_known)
    return Translation.of(_WRAP if wraps else _GUARD, [*notes], [*map(_placement, found, known)])


def added_to(app: object, prefix: str = "") -> list[Added]:
    """
    Return each CORSMiddleware of Starlette in *app* and in its mounted applications, but only the outermost of nested
    ones.

    *prefix* is where *app* itself is mounted.
    """
    layers = [*_layers(app)]
    around = [one for layer in layers for one in _at(layer, prefix)]
    mounted = [one for layer in layers[-1:] for one in _in_routes(layer, prefix)]
    if not around:
        outside = [_name_of(cls) for layer in layers for cls, *_ in getattr(layer, "user_middleware", ())]
        return [one._replace(notes=(*one.notes, *_of_place(outside))) for one in mounted]
    within = (inner for one in (*around[1:], *mounted) for inner in (one, *one.inside))
    return [around[0]._replace(inside=(*within,))]


# Find them


def _layers(app: Any) -> Iterator[Any]:  # noqa: ANN401 - the user's own object
    """
    Yield *app* and what it wraps, down to the application with routes.
    """
    for layer in layers_of(app):
        yield layer
        if isinstance(getattr(layer, "routes", None), list):
            return


def _at(app: Any, prefix: str) -> Iterator[Added]:  # noqa: ANN401 - the user's own object
    """
    Yield the CORSMiddleware that *app* itself is, or that was added to it.
    """
    if _is_theirs(type(app)):
        yield Added(prefix, _said_by(app), _of_subclass(type(app)), is_around=True, said_by=app)
    added = getattr(app, "user_middleware", None)
    if isinstance(added, list):
        outside: list[str] = []
        for layer in added:
            cls, arguments, keywords = layer
            if _is_theirs(cls):
                said = _made(cls, arguments, keywords)
                notes = (*_of_subclass(cls, is_read=said is not None), *_of_place(outside))
                yield Added(prefix, _given(cls, arguments, keywords) if said is None else said, notes, said_by=layer)
            else:
                outside.append(_name_of(cls))
        return
    # The stack of a router: the layers around its own method.
    for layer in takewhile(lambda layer: layer is not app, layers_of(getattr(app, "middleware_stack", None))):
        if _is_theirs(type(layer)):
            yield Added(prefix, _said_by(layer), _of_subclass(type(layer)), is_around=True, said_by=layer)


def _in_routes(router: Any, prefix: str) -> Iterator[Added]:  # noqa: ANN401 - the user's own object
    """
    Yield each CORSMiddleware around or in the applications of the routes of *router*.
    """
    if not isinstance(getattr(router, "routes", None), list):
        return
    # This imports Starlette, which is installed, because these routes are Starlette's.
    from corsguard.endpoints import each_route

    routes = [*cast("Iterable[Any]", each_route(router.routes))]
    asked = [prefix + _path_of(route) for route in routes]
    for number, route in enumerate(routes):
        original, path = getattr(route, "original_route", route), prefix + (getattr(route, "path", None) or "")
        # A mount does not see its own path without a slash, so a later route may.
        first = [*asked[:number], *(other for other in asked[number + 1 :] if other == path)]
        for one in added_to(getattr(route, "app", None), path):
            if isinstance(getattr(original, "host", None), str):
                told = f"It belongs to the host {quoted(original.host)}: write it under the key hosts."
            elif not hasattr(original, "routes"):
                told = f"It belongs only to the route {quoted(path)}."
            else:
                told = _why_not_exact(one.prefix, first)
            notes = [told] if told else []
            if one.is_around and not _is_application(route.app):
                notes.append(
                    "The response of an inner HTTPException had no headers. Now it has them, so the page can read it."
                )
            if one.is_exact and not told and one.prefix == path and path:
                notes.append(f"The redirect from {path} to {path}/ now has the headers, too.")
            yield one._replace(is_around=False, is_exact=one.is_exact and not told, notes=(*one.notes, *notes))


def _path_of(route: Any) -> str:  # noqa: ANN401 - a route of Starlette
    path = getattr(route, "path", None) or ""
    return f"{path}/{{path:path}}" if hasattr(getattr(route, "original_route", route), "routes") else path


def _why_not_exact(prefix: str, others: Iterable[str]) -> str:
    """
    Return why *prefix* does not cover exactly what is mounted there; empty if it does. *others* are the routes before
    it.
    """
    if not _is_prefix(prefix):
        return f"It is mounted at {quoted(prefix)}, which is not a prefix."
    first = [*dict.fromkeys(other for other in others if _overlaps(prefix, other))]
    if not first:
        return ""
    return (
        f"It is mounted at {quoted(prefix or '/')}, but these routes come first: {', '.join(map(quoted, first))}. If "
        'you keep the prefix, exclude them with "unguarded" at their paths.'
    )


def _is_prefix(prefix: str) -> bool:
    return not prefix or problem_of_prefix(prefix) is None


def _is_application(app: object) -> bool:
    return any(hasattr(layer, "build_middleware_stack") for layer in _layers(app))


def _overlaps(prefix: str, other: str) -> bool:
    """
    Whether the route *other* may serve a path that is at or below *prefix*.
    """
    segments, others = prefix.split("/"), other.split("/")
    for number, segment in enumerate(others[: len(segments)]):
        if ":path}" in segment:
            return True
        if segment != segments[number] and "{" not in segment:
            return False
    return len(others) >= len(segments)


# Translate them


def _is_theirs(cls: object) -> bool:
    return isinstance(cls, type) and any(base.__module__ == MODULE for base in cls.__mro__)


def _name_of(cls: object) -> str:
    return getattr(cls, "__name__", "") or quoted(cls)


def _of_subclass(cls: type, *, is_read: bool = True) -> tuple[str, ...]:
    """
    Return the note on the methods that the subclass *cls* has of its own. Its `__init__` may be *read* by calling it.
    """
    theirs = _theirs_of(cls)
    subclasses = takewhile(lambda base: base is not theirs, cls.__mro__)
    names = dict.fromkeys(name for base in subclasses for name in vars(base) if callable(getattr(theirs, name, None)))
    changed = [name for name in names if not (name == "__init__" and is_read)]
    if not changed:
        return ()
    return (f"{cls.__name__} is a subclass: what its {' and '.join(changed)} decides is not translated.",)


def _of_place(outside: list[str]) -> tuple[str, ...]:
    if not outside:
        return ()
    text = (
        f"{', '.join(outside)} was around it. The guard is around everything, so their answers get the headers, too, "
        "and they see no preflights. app.add_middleware(CORSMiddleware, policy=...) of corsguard.asgi keeps the old "
        "place."
    )
    return (text,)


def _theirs_of(cls: type) -> type:
    return next(base for base in cls.__mro__ if base.__module__ == MODULE)


def _made(cls: Any, arguments: Iterable[Any], keywords: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: ANN401 - a class
    """
    Return the arguments of a CORSMiddleware that is not created yet, or None if they are not known.

    A subclass may give some in its own `__init__`, so it is created.
    """
    if cls.__init__ is cast("Any", _theirs_of(cls)).__init__:
        return _given(cls, arguments, keywords)
    try:
        return _said_by(cls(_nothing, *arguments, **keywords))
    except Exception:  # noqa: BLE001 - the user's own code may raise anything
        return None


async def _nothing(*_: object) -> None:
    """
    Stand for the application that a CORSMiddleware wraps.
    """


def _given(cls: Any, arguments: Iterable[Any], keywords: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ANN401 - a class
    """
    Return the arguments of a CORSMiddleware that is not created yet.
    """
    names = [*inspect.signature(cls).parameters][1:]
    return {**dict(zip(names, arguments, strict=False)), **keywords}


def _said_by(middleware: Any) -> Mapping[str, Any]:  # noqa: ANN401 - Starlette's, which need not be installed
    """
    Return the arguments of the CORSMiddleware *middleware*, as far as they have an effect.
    """
    simple, preflight = middleware.simple_headers, middleware.preflight_headers
    names = preflight.get("Access-Control-Allow-Headers", "").split(", ")
    exposed = simple.get("Access-Control-Expose-Headers", "")
    max_age = preflight["Access-Control-Max-Age"]
    return {
        "allow_origins": middleware.allow_origins,
        "allow_methods": middleware.allow_methods,
        "allow_headers": ["*"] if middleware.allow_all_headers else sorted({*names} - {*_ALWAYS_ALLOWED, ""}),
        "allow_credentials": "Access-Control-Allow-Credentials" in simple,
        "allow_origin_regex": middleware.allow_origin_regex,
        "allow_private_network": getattr(middleware, "allow_private_network", False),
        "expose_headers": exposed.split(", ") if exposed else [],
        "max_age": int(max_age) if max_age.isdecimal() else None,
    }


def _said(one: Added) -> set[str]:
    """
    Return the keywords that have an effect.
    """
    defaults = {name: [*value] if isinstance(value, tuple) else value for name, value in _DEFAULTS.items()}
    values = ((name, [*value] if isinstance(value, tuple) else value) for name, value in one.keywords.items())
    return {name for name, value in values if value != defaults.get(name)}


def _inside(one: Added) -> str:
    said = ", ".join(f"{name}={quoted(one.keywords[name])}" for name in one.keywords if name in _said(one))
    return (
        f"Another CORSMiddleware{f' at {one.prefix}' if one.prefix else ''} is inside of this one: {said}. It is left "
        "out, because it never saw a preflight. Its origins can no longer read what they could read without a "
        "preflight."
    )


def _of_all(*, wraps: bool, is_known: bool) -> Iterator[Remark]:
    put = "CORSMiddleware(app, ...)" if wraps else "app.add_middleware(CORSMiddleware, ...)"
    yield Remark("", f"In place of {put}. Comments explain each difference.")
    if not is_known:
        yield Remark(
            "",
            "The values are those of this process: if the old call reads a variable, write that variable.",
        )
    yield Remark("", "Preflights get 204 in place of 200, and 403 in place of 400 if the origin is refused.")
    if not wraps:
        yield Remark("", "The 500 of an unhandled exception now has the headers, so the page can read it.")
    yield Remark(
        "",
        "WebSockets were open to every page. Now a page can open them only if its origin is listed and "
        'allow_credentials is True. The argument websockets="pass" leaves them open.',
    )


def _placement(one: Added, written: Mapping[str, Written]) -> Placement:
    draft, texts = _draft(one.keywords, written), [*one.notes, *map(_inside, one.inside), *_of_condition(written)]
    if one.prefix or not one.is_exact:
        return Placement(one.prefix, draft, texts, is_active=one.is_exact, is_read=_is_prefix(one.prefix))
    # It guards everything, so there is no prefix to mention.
    for text in texts:
        draft.note("", text)
    return Placement("", draft)


def _of_condition(written: Mapping[str, Written]) -> Iterator[str]:
    there = next((there for there in written.values() if there.condition), None)
    if there is not None:
        yield (
            f"The old call ({there.file}, line {there.line}) runs only if {there.condition}. Put this in its place. "
            "Translate other calls in a process in which they run."
        )


def _draft(keywords: Mapping[str, Any], written: Mapping[str, Written]) -> Draft:
    given = {**_DEFAULTS, **keywords}
    draft = Draft()
    for name in keywords:
        if name not in _DEFAULTS:
            draft.note("", f"{name} is unknown to Starlette's CORSMiddleware, which raises TypeError for it.")
    draft.credentials("allow_credentials", given["allow_credentials"])
    _take_origins(draft, given["allow_origins"], given["allow_origin_regex"])
    if not draft.shares:
        return draft
    methods = _take_methods(draft, given["allow_methods"])
    _take_headers(draft, given["allow_headers"], methods)
    draft.note_unasked("allow_methods")
    exposed = _listed(draft, "expose_headers", given["expose_headers"] or ())
    if exposed:
        draft.names("expose_headers", "expose_headers", exposed)
    if given["max_age"] == 0:
        draft.keywords["max_age"] = 0
    else:
        draft.max_age("max_age", given["max_age"])
    if "max_age" not in keywords:
        draft.note("max_age", f"Starlette sends 600 by default. Without this line it is {CHROMIUM_MAX_AGE}.")
    if given["allow_private_network"]:
        draft.note("", "allow_private_network is left out: browsers now ask their users, and no header can grant it.")
    _take_written(draft, keywords, written)
    return draft


def _take_written(draft: Draft, keywords: Mapping[str, Any], written: Mapping[str, Written]) -> None:
    for name, there in written.items():
        if name == "allow_origin_regex" and not there.is_fixed:
            said = f"{name} ({there.file}, line {there.line}): the source has {there.text}"
            draft.note("allow_origins", f"{said}, and this is its value in this process.")
        elif name in draft.keywords:
            draft.written(name, name, keywords[name], there)


def _take_origins(draft: Draft, origins: object, expression: str | re.Pattern[str] | None) -> None:
    if isinstance(origins, str):
        _take_text(draft, origins)
    elif not isinstance(origins, Collection):
        draft.note(
            "allow_origins", f"allow_origins: Expected a list of strings, got {quoted(origins)}; it is left out."
        )
    else:
        entries = sorted(origins, key=str) if isinstance(origins, set | frozenset) else [*origins]
        if "*" in entries:
            entries = [entry for entry in entries if entry != "*"]
            draft.everyone('allow_origins has "*"')
        for entry in entries:
            draft.origin("allow_origins", entry, str(entry).__eq__)
    if expression is not None:
        _take_expression(draft, expression)


def _take_text(draft: Draft, text: str) -> None:
    # Starlette tests whether the origin is `in` it.
    if "*" in text:
        draft.everyone(f'allow_origins is the string {quoted(text)}, and Starlette finds "*" in it')
    elif text:
        draft.origin("allow_origins", text, text.__contains__)
        draft.note(
            "allow_origins",
            "allow_origins was a string, and Starlette searches the origin anywhere in it. So a part of it was "
            "allowed, too, such as the origin without its last letter. That is left out.",
        )


def _take_expression(draft: Draft, expression: str | re.Pattern[str]) -> None:
    if not isinstance(getattr(expression, "pattern", expression), str):
        draft.note("allow_origins", f"allow_origin_regex: {quoted(expression)} is not text, and is left out.")
        return
    draft.regex("allow_origin_regex", expression, matches=_whole(expression))


def _whole(expression: str | re.Pattern[str]) -> str | re.Pattern[str]:
    """
    Return an expression that matches with `re.match` exactly when *expression* matches with `fullmatch`.
    """
    try:
        compiled = re.compile(expression)
    except re.error:
        return expression
    flags = _INLINE_FLAGS.match(compiled.pattern)
    text = compiled.pattern[flags.end() if flags else 0 :]
    if "|" in text:
        text = f"(?:{text})"
    if compiled.flags & re.VERBOSE:
        # The expression may end with a comment.
        text += "\n"
    return re.compile(text if _HAS_END.search(text) else f"{text}$", compiled.flags)


def _take_methods(draft: Draft, methods: object) -> Collection[str]:
    """
    Translate the methods, and return those that a preflight could ask for.
    """
    if isinstance(methods, str) and "*" not in methods:
        # Starlette tests whether the method is `in` the string, but browsers read its letters as methods.
        found = [method for method in ("GET", "HEAD", "POST") if method in methods]
        draft.note("allow_methods", f"allow_methods: the string {quoted(methods)} was sent letter by letter.")
    else:
        found = _listed(draft, "allow_methods", methods)
    if "*" in found:
        found = [*getattr(sys.modules.get(MODULE), "ALL_METHODS", _ALL_METHODS)]
        draft.note("allow_methods", 'allow_methods: for Starlette, "*" means these methods.')
    draft.names("allow_methods", "allow_methods", found)
    return found


def _take_headers(draft: Draft, headers: object, methods: Collection[str]) -> None:
    names = _listed(draft, "allow_headers", headers)
    if "*" in names and not draft.keywords.get("allow_credentials"):
        # `*` is every name except Authorization.
        draft.names("allow_headers", "allow_headers", ["*", "Authorization"])
        return
    if "*" in names:
        names = [*dict.fromkeys([*(name for name in names if name != "*"), "Authorization", _CONTENT_TYPE])]
        draft.note(
            "allow_headers",
            "allow_headers: with credentials, browsers require names, and any name was allowed. The most common ones "
            "are listed; add the others that your pages send. A browser's console names the missing ones.",
        )
    elif not any(str(name).lower() == _CONTENT_TYPE.lower() for name in names):
        if _WITHOUT_BODY.issuperset(methods):
            draft.note(
                "allow_headers",
                "allow_headers: Starlette always allows Content-Type. It is left out, because no listed method has a "
                "body, and because it would allow a POST of JSON that was refused.",
            )
        else:
            names = [*names, _CONTENT_TYPE]
            draft.note("allow_headers", _SAFELISTED)
    if names:
        draft.names("allow_headers", "allow_headers", names)


def _listed(draft: Draft, keyword: str, value: object) -> list[Any]:
    """
    Return the entries of a list of names. Starlette reads a string as the list of its letters.
    """
    if isinstance(value, str):
        if "*" in value:
            draft.note(keyword, f'{keyword} is the string {quoted(value)}, and Starlette finds "*" in it.')
            return ["*"]
        draft.note(keyword, f"{keyword}: the string {quoted(value)} was read letter by letter, and is left out.")
        return []
    if not isinstance(value, Collection):
        draft.note(keyword, f"{keyword}: Expected a list of strings, got {quoted(value)}; it is left out.")
        return []
    names = sorted(value, key=str) if isinstance(value, set | frozenset) else [*value]
    unreadable = [
        name
        for name in names
        if isinstance(name, str) and name and not all(is_token(part.strip()) for part in name.split(","))
    ]
    if unreadable and keyword != "expose_headers" and "*" not in names:
        # Fetch, "CORS-preflight fetch": a list that cannot be parsed is a network error.
        bad = quoted(unreadable[0])
        draft.note(keyword, f"{keyword}: browsers refuse every preflight whose list contains {bad}. Here they pass.")
    return names
