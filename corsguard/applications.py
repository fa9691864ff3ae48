"""
Whether an object is a WSGI or an ASGI application, judged by its class and its signature and never called; and what it
wraps.

An object that cannot be judged is accepted: a partial without a signature, compiled code, a mock.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from .quoting import quoted

_WSGI, _ASGI_2, _ASGI_3 = 2, 1, 3
# The attributes in which layers keep the next one. The most specific come first, because `app` may be something else.
_WITHIN: Final = ("wsgi_app", "asgi_app", "app", "application")
# How many layers may be around an application.
_MOST_LAYERS: Final = 32
# What guards the applications of a framework, by its package.
_GUARDS: Final = {
    "django": '`MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]` in the settings',
    "flask": "`from corsguard_flask import CORSGuard`",
    "starlette": "`from corsguard.asgi import CORSGuard`",
}
_EXPECTED: Final = "Expected an ASGI application (scope, receive, send), got"


def may_be_wsgi(app: object) -> bool:
    """
    Return whether *app* may be a WSGI application.
    """
    return not callable(app) or not (is_async(app) or (_takes(app, _ASGI_3) and not _takes(app, _WSGI)))


def require_asgi(app: Any) -> None:  # noqa: ANN401 - its type is what is asked about
    """
    Raise TypeError if *app* is certainly not an ASGI 3 application, with the line to write.
    """
    name = quoted(app)
    if not callable(app):
        raise TypeError(f"{_EXPECTED} {name}, which cannot be called.")
    # A class may be an application too, if its instances can be awaited.
    if inspect.isclass(app) and not hasattr(app, "__await__"):
        of_instances = app.__call__
        # In ASGI 2, the `__call__` of an instance takes self, receive and send.
        if _takes(app, _ASGI_2) and not _takes(app, 0) and inspect.isfunction(of_instances) and _takes(of_instances, 3):
            raise TypeError(_of_asgi_2(name))
        raise TypeError(f"{_EXPECTED} the class {name}. Write `{getattr(app, '__name__', 'App')}()`.")
    if _takes(app, _ASGI_3):
        return
    if _takes(app, _WSGI) and not is_async(app):
        raise TypeError(
            f"{_EXPECTED} {name}, which is a WSGI application. Write `from corsguard import CORSMiddleware`."
        )
    if _takes(app, _ASGI_2) and not is_async(app):
        raise TypeError(_of_asgi_2(name))
    raise TypeError(f"{_EXPECTED} {name}, which does not take these three arguments.")


def guard_of(app: object, *packages: str) -> str | None:
    """
    Return what to write for *app*, if one of *packages* has its class, and we have a guard for that framework.
    """
    own = {kind.__module__.partition(".")[0] for kind in type(app).__mro__}
    return next((_GUARDS[package] for package in packages if package in own), None)


def layers_of(app: object) -> Iterator[object]:
    """
    Yield *app* and what it wraps, from the outside inwards, as far as that can be seen. A method stands for its object.
    """
    for _ in range(_MOST_LAYERS):
        app = getattr(app, "__self__", app)
        if app is None:
            return
        yield app
        # Only attributes of the instance: its class may have a method of that name, and a proxy has any attribute.
        names = [name for name in _WITHIN if name in vars(app)] if hasattr(app, "__dict__") else _WITHIN
        app = next((inner for name in names if (inner := getattr(app, name, None)) is not None), None)


def is_async(app: Callable[..., object]) -> bool:
    """
    Return whether calling *app* returns an awaitable, as far as its definition shows.
    """
    while isinstance(app, partial):
        app = app.func
    if inspect.isclass(app):
        return False
    return inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(type(app).__call__)


def _of_asgi_2(name: str) -> str:
    return (
        f"{_EXPECTED} {name}, which is an ASGI 2 application. Write `from asgiref.compatibility import "
        "guarantee_single_callable` and pass guarantee_single_callable(app)."
    )


def _takes(app: Callable[..., object], count: int) -> bool:
    """
    Return whether *app* can be called with *count* arguments. True if it has no signature.
    """
    try:
        signature = inspect.signature(app, follow_wrapped=False)
        if any(item.kind is item.VAR_POSITIONAL for item in signature.parameters.values()):
            # It passes its arguments on. If it names the function that it wraps, that signature counts.
            signature = inspect.signature(app)
    except Exception:  # noqa: BLE001 - compiled code has no signature, and a proxy may raise anything
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True
