"""
Which endpoint of a Starlette or FastAPI application a request is for.

This room reads routes, through public API only, and decides nothing about CORS. It is imported only where Starlette is.
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
        # What has the routes, which may be added to, or replaced, at any time.
        self._router = _router_in(app)
        self._guard = guard
        # How many tags there were when all endpoints were looked over.
        self._made = 0
        self._is_place_known = False

    def finder(self, scope: Scope, passage: Passage) -> ViewFinder | None:
        """
        Return what finds the tag of the endpoint of the request *scope*, as it is at entry; None if there are no tags.
        """
        if not self._is_place_known:
            self._warn_of_place(scope)
        if self._router is None or not tags_made():
            return None
        routing = _routing(self._router)
        if self._made != tags_made():
            self._look_over(routing)
        # What lies further in writes the endpoint, and the path of a mount, into the scope.
        entry, path = {**scope, "root_path": "", "method": passage.method}, passage.path

        def find(reading: str) -> Assignment | None:
            endpoint = _endpoint_reached(scope) if reading == path else None
            # A convertor of a path may raise anything. The application meets the same, and its 500 has no endpoint.
            with suppress(Exception):
                endpoint = endpoint or endpoint_at(routing, {**entry, "path": reading})
            return None if endpoint is None else self._guard.said_by(endpoint)

        return find

    def _look_over(self, routing: "Routing") -> None:
        """
        Write what the endpoints of *routing* open of each other, once for each state of the tags.
        """
        self._made = tags_made()
        for table in self._guard.policies.table.by_host.values():
            views: list[ServedView] = []
            for url, methods, endpoint in served_by(routing):
                there = self._guard.said_by(endpoint) or table.find(url)
                policy = there.policy if isinstance(there.policy, Policy) else None
                views.append(ServedView(url, name_of(endpoint), methods, policy))
            self._guard.journal.record_openings(views)

    def _warn_of_place(self, scope: Scope) -> None:
        """
        Write that the guard stands inside the application that makes the 500s, if *scope* as it comes shows that.
        """
        outer = scope.get("app")
        # Once a router has come to it, this is a Mount, and the 500s are not of the application that is guarded.
        if not isinstance(outer, Starlette) or "router" in scope:
            return
        self._is_place_known = True
        if getattr(outer.state, "corsguard", None) is None:
            logger.warning(
                "corsguard.asgi.CORSMiddleware stands inside %s, so the 500 that %s makes of an unhandled exception "
                "has no CORS headers, and a page cannot read it. Replace app.add_middleware(CORSMiddleware, ...) with "
                "CORSGuard(app, policy), which is in corsguard.asgi too. This is said once.",
                *[type(outer).__name__] * 2,
            )


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
    Return the endpoint that serves the request *scope*, or the one it is redirected to. Nothing of them is run.

    For a method that nobody serves there, it is the first endpoint that has the path; None if there is no such path.
    Raises what a route raises.
    """
    scope = {**scope, "root_path": routing.root_path or scope.get("root_path", "")}
    partly: object | None = None
    for route in each_route(routing.routes):
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


def served_by(routing: Routing, prefix: str = "") -> Iterator[tuple[str, Collection[str] | None, object]]:
    """
    Yield the URL, the methods and the endpoint of each route, those of mounted routers and applications included.

    None is every method. A WebSocket route has no methods: it answers no request that a preflight asks about.
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
    Return *routes*, and in place of a router that FastAPI included those that are in it.
    """
    # From 0.137 on FastAPI keeps included routers as a tree, and yields what is in them by this public function.
    flatten: Callable[[Iterable[BaseRoute]], Iterable[BaseRoute]] | None = getattr(
        sys.modules.get("fastapi.routing"), "iter_route_contexts", None
    )
    return routes if flatten is None else flatten(routes)
