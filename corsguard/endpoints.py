"""
Which endpoint of a Starlette or FastAPI application a request is for.

This room reads routes, through public API only, and decides nothing about CORS. It is imported only where Starlette is.
"""

import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final, NamedTuple, cast

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Match, WebSocketRoute

logger: Final = logging.getLogger("corsguard")

# How many layers around an application are looked through.
_MOST_LAYERS: Final = 32


class Routing(NamedTuple):
    """
    The *routes* of an application or a router. *redirects* tells whether it redirects to the path with a slash more or
    less; *root_path* is what FastAPI takes off its paths.
    """

    routes: Iterable[BaseRoute]
    redirects: bool
    root_path: str


def routing_of(app: object) -> Routing | None:
    """
    Return the routing of *app*, or of what it wraps; None if that has no routes of Starlette.
    """
    for _ in range(_MOST_LAYERS):
        routes = getattr(app, "routes", None)
        if isinstance(routes, list) and all(isinstance(route, BaseRoute) for route in cast("list[object]", routes)):
            router = getattr(app, "router", app)
            return Routing(routes, getattr(router, "redirect_slashes", True), getattr(app, "root_path", ""))
        # What Starlette's own layers, and most others, call the next one.
        app = getattr(app, "app", None)
    return None


def endpoint_reached(scope: Mapping[str, Any]) -> object | None:
    """
    Return the endpoint that a router has found for *scope*; None if it found none, or nothing but an application.
    """
    endpoint: object = scope.get("endpoint")
    return endpoint if isinstance(endpoint, type | FunctionType | MethodType | partial) else None


def endpoint_at(routing: Routing, scope: Mapping[str, Any]) -> object | None:
    """
    Return the endpoint that serves the request *scope*, or the one it is redirected to. Nothing of them is run.

    For a method that nobody serves there, it is the first endpoint that has the path; None if there is no such path.
    Raises what a route raises.
    """
    scope = {**scope, "root_path": routing.root_path or scope.get("root_path", "")}
    partly: object | None = None
    for route in _each(routing.routes):
        match, child = route.matches(scope)
        if match is Match.FULL:
            # A Mount or a Host. Whatever it leads to, no later route is asked.
            inner = routing_of(getattr(route, "app", None)) if hasattr(route, "routes") else None
            return child.get("endpoint") if inner is None else endpoint_at(inner, {**scope, **child})
        if match is Match.PARTIAL and partly is None:
            partly = child.get("endpoint")
    if partly is not None or not routing.redirects or scope["type"] != "http":
        return partly
    path: str = scope["path"]
    path = path.rstrip("/") if path.endswith("/") else f"{path}/"
    return endpoint_at(routing._replace(redirects=False), {**scope, "path": path})


def endpoints_of(routing: Routing) -> Iterator[object]:
    """
    Yield the endpoint of each route, those of mounted routers and applications of Starlette included.
    """
    for route in _each(routing.routes):
        app: object = getattr(route, "app", None)
        inner = routing_of(app) if hasattr(route, "routes") else None
        if inner is not None:
            yield from endpoints_of(inner)
        else:
            endpoint: object = getattr(route, "endpoint", None)
            yield app if endpoint is None else endpoint


def _each(routes: Iterable[BaseRoute]) -> Iterable[BaseRoute]:
    # From 0.137 on FastAPI keeps included routers as a tree, and yields what is in them by this public function.
    flatten: Callable[[Iterable[BaseRoute]], Iterable[BaseRoute]] | None = getattr(
        sys.modules.get("fastapi.routing"), "iter_route_contexts", None
    )
    return routes if flatten is None else flatten(routes)


def served_by(routing: Routing, prefix: str = "") -> Iterator[tuple[str, Collection[str] | None, object]]:
    """
    Yield the URL, the methods (None for all) and the endpoint of every HTTP route, those of mounts included.
    """
    for route in cast("Iterable[Any]", _each(routing.routes)):
        path = getattr(route, "path", None)
        if hasattr(route, "routes"):
            inner = routing_of(route.app)
            if inner is not None:
                yield from served_by(inner, f"{prefix}{getattr(route, 'host', '')}{path or ''}")
        elif path is not None and not isinstance(getattr(route, "original_route", route), WebSocketRoute):
            yield f"{prefix}{path}", getattr(route, "methods", None), route.endpoint


def warn_of_place(scope: Mapping[str, Any]) -> None:
    """
    Write that the guard stands inside the application that makes the 500s, if *scope* as it comes to it shows that.
    """
    outer = scope.get("app")
    # Once a router has come to it, this is a Mount, and the 500s are not of the application that is guarded.
    if isinstance(outer, Starlette) and "router" not in scope and getattr(outer.state, "corsguard", None) is None:
        logger.warning(
            "corsguard.asgi.CORSMiddleware stands inside %s, so the 500 that %s makes of an unhandled exception has no "
            "CORS headers, and a page cannot read it. Replace app.add_middleware(CORSMiddleware, ...) with "
            "CORSGuard(app, policy), which is in corsguard.asgi too. This is said once.",
            *[type(outer).__name__] * 2,
        )
