"""
The endpoint of a Starlette or FastAPI application that serves a request.

This module reads routes, through public API only, and decides nothing about CORS. It is imported only if Starlette is.
"""

import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from types import FunctionType, MethodType
from typing import Any, Final, NamedTuple, cast

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Match, WebSocketRoute

from .applications import layers_of
from .guard import Guard, Passage
from .policies import Assignment, ViewFinder
from .policy import Policy
from .tags import ServedView, name_of, tags_made

Scope = Mapping[str, Any]

logger: Final = logging.getLogger("corsguard")


class Endpoints:
    """
    The endpoints of *app*, which *guard* guards.
    """

    def __init__(self, app: object, guard: Guard) -> None:
        # The object that has the routes. They may change at any time, so they are read for each request.
        self._router = _router_in(app)
        self._guard = guard
        # The number of tags when all endpoints were last compared.
        self._made = 0

    def finder(self, scope: Scope, passage: Passage) -> ViewFinder | None:
        """
        Return a function that finds the tag of the endpoint for the request *scope*; None if there are no tags. Call
        this before the application runs.
        """
        if self._router is None or not tags_made():
            return None
        routing = _routing(self._router)
        if self._made != tags_made():
            self._look_over(routing)
        # The application writes the endpoint, and the path of a mount, into the scope.
        entry, path = {**scope, "root_path": "", "method": passage.method}, passage.path

        def find(reading: str) -> Assignment | None:
            endpoint = _endpoint_reached(scope) if reading == path else None
            # A path convertor may raise anything. The application then gets the same error, and its 500 has no
            # endpoint.
            with suppress(Exception):
                endpoint = endpoint or endpoint_at(routing, {**entry, "path": reading})
            return None if endpoint is None else self._guard.tag_for(endpoint)

        return find

    def _look_over(self, routing: "Routing") -> None:
        """
        Log which endpoints of *routing* open methods of each other, once after each change of the tags.
        """
        self._made = tags_made()
        for table in self._guard.policies.table.by_host.values():
            views: list[ServedView] = []
            for url, methods, endpoint in served_by(routing):
                there = self._guard.tag_for(endpoint) or table.find(url)
                policy = there.policy if isinstance(there.policy, Policy) else None
                views.append(ServedView(url, name_of(endpoint), methods, policy))
            self._guard.journal.record_openings(views)

    def warn_of_place(self, scope: Scope) -> None:
        """
        Log a warning if *scope* shows that the guard is inside the application, so that its 500s get no headers.
        """
        outer = scope.get("app")
        # After a router, the guarded application is a mounted one, and the 500s come from another application.
        if not isinstance(outer, Starlette) or "router" in scope:
            return
        if getattr(outer.state, "corsguard", None) is None:
            logger.warning(
                "corsguard.asgi.CORSMiddleware is inside %s. So the 500 that %s answers after an unhandled exception "
                "has no CORS headers, and a page cannot read it. Replace app.add_middleware(CORSMiddleware, ...) with "
                "CORSGuard(app, policy), which is in corsguard.asgi too. This is logged once.",
                *[type(outer).__name__] * 2,
            )


class Routing(NamedTuple):
    """
    The *routes* of an application or a router. *redirects* tells whether it redirects to the path with or without a
    slash at the end. *root_path* is the prefix that FastAPI removes from paths.
    """

    routes: Iterable[BaseRoute]
    redirects: bool
    root_path: str


def routing_of(app: object) -> Routing | None:
    """
    Return the routing of *app*, or of the application that it wraps; None if neither has routes of Starlette.
    """
    router = _router_in(app)
    return None if router is None else _routing(router)


def _router_in(app: object) -> object | None:
    for layer in layers_of(app):
        routes = getattr(layer, "routes", None)
        if isinstance(routes, list) and all(isinstance(route, BaseRoute) for route in cast("list[object]", routes)):
            return layer
    return None


def _routing(router: Any) -> Routing:  # noqa: ANN401 - an application or a router, of which three names are read
    redirects = getattr(getattr(router, "router", router), "redirect_slashes", True)
    return Routing(router.routes, redirects, getattr(router, "root_path", ""))


def _endpoint_reached(scope: Scope) -> object | None:
    """
    Return the endpoint that a router has found for *scope*; None if it found none, or only an application.
    """
    endpoint: object = scope.get("endpoint")
    return endpoint if isinstance(endpoint, type | FunctionType | MethodType | partial) else None


def endpoint_at(routing: Routing, scope: Scope) -> object | None:
    """
    Return the endpoint that serves the request *scope*, or the one that it is redirected to. No endpoint is called.

    If no endpoint serves the method, it is the first one with that path. None if there is no such path. Raises what a
    route raises.
    """
    scope = {**scope, "root_path": routing.root_path or scope.get("root_path", "")}
    partly: object | None = None
    for route in each_route(routing.routes):
        match, child = route.matches(scope)
        if match is Match.FULL:
            # A Mount or a Host. Once it matches, no later route is tried.
            inner = routing_of(getattr(route, "app", None)) if hasattr(route, "routes") else None
            return child.get("endpoint") if inner is None else endpoint_at(inner, {**scope, **child})
        if match is Match.PARTIAL and partly is None:
            partly = child.get("endpoint")
    if partly is not None or not routing.redirects or scope["type"] != "http":
        return partly
    path: str = scope["path"]
    path = path.rstrip("/") if path.endswith("/") else f"{path}/"
    return endpoint_at(routing._replace(redirects=False), {**scope, "path": path})


def served_by(routing: Routing, prefix: str = "") -> Iterator[tuple[str, Collection[str] | None, object]]:
    """
    Yield the URL, the methods and the endpoint of each route, those of mounted routers and applications included.

    Methods that are None mean every method. A WebSocket route has no methods, because no preflight asks about a
    handshake.
    """
    for route in cast("Iterable[Any]", each_route(routing.routes)):
        is_mount, original = hasattr(route, "routes"), getattr(route, "original_route", route)
        url = f"{prefix}{getattr(route, 'host', '')}{getattr(route, 'path', None) or ''}"
        inner = routing_of(route.app) if is_mount else None
        if inner is not None:
            yield from served_by(inner, url)
        elif isinstance(original, WebSocketRoute):
            yield url, (), original.endpoint
        elif is_mount or hasattr(route, "endpoint"):
            yield url, getattr(route, "methods", None), route.app if is_mount else route.endpoint


def each_route(routes: Iterable[BaseRoute]) -> Iterable[BaseRoute]:
    """
    Return *routes*. A router that FastAPI included is replaced by the routes in it.
    """
    # FastAPI 0.137 and later keeps included routers as a tree. This public function yields their routes.
    flatten: Callable[[Iterable[BaseRoute]], Iterable[BaseRoute]] | None = getattr(
        sys.modules.get("fastapi.routing"), "iter_route_contexts", None
    )
    return routes if flatten is None else flatten(routes)
