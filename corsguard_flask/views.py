"""
Which view of a Flask application a request is for, and so which policy guards it.

This room reads the application's views and its URL map, through public API only, and decides nothing about CORS.
Whatever a URL or a `Host` makes the matching raise, it raises nothing.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from inspect import isfunction
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask, current_app, request, request_started
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, RequestRedirect

from corsguard import Policy
from corsguard.adapters import (
    Assignment,
    Guard,
    ServedView,
    layers_of,
    misplaced_tags,
    name_of,
    tag_of,
    tags_made,
    text_of_path,
)

from .predecessor import left_over

if TYPE_CHECKING:
    from werkzeug.local import LocalProxy

T = TypeVar("T")

logger: Final = logging.getLogger("corsguard")

# Packages whose WSGI applications answer a path of their own, with their own idea of who may read and connect.
_SOCKET_IO: Final = frozenset({"engineio", "flask_socketio", "socketio"})
# Packages whose middleware leaves the path to the application as it came.
_KEEPS_PATHS: Final = _SOCKET_IO | {"corsguard", "werkzeug", "wsgiref"}

# A browser follows twenty redirects, but no router needs more than a slash, an alias and a move.
_MOST_HOPS: Final = 4
# What no view serves: an empty method would be taken for none given.
_NO_METHOD: Final = "-"
# Stands for whatever host was asked, where it does not matter.
_ANY_HOST: Final = "host"
# What cannot be told is closed.
_UNKNOWN: Final = Assignment(None, "")


def _behind(proxy: T) -> Callable[[], T]:
    """
    Return what gets the object that *proxy* stands for now; each access through it would cost as much as all the rest.
    """
    # Flask documents this name for extensions that need the object itself.
    return cast("LocalProxy[T]", proxy)._get_current_object  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - see above


_app_in_context: Final = _behind(current_app)
_request_in_context: Final = _behind(request)


def warn_of_lost_tag(app: Flask, **_: object) -> None:
    """
    Write that the view of this request has a tag without any effect, because nothing guards *app*; once in a process.

    A receiver of `request_started`, until some application has a guard.
    """
    if not tags_made():
        return
    endpoint = request.endpoint
    view = None if endpoint is None else app.view_functions.get(endpoint)
    if view is not None and tag_of(view) is not None:
        request_started.disconnect(warn_of_lost_tag)
        logger.warning(
            "%s has a policy by @cors, but no CORSGuard guards %r, so nothing is shared. Write CORSGuard(app) once, "
            "where the application is made. Inside Connexion, write a policy by path instead.",
            name_of(view),
            app.name,
        )


def wrapper_of(app: Flask) -> str | None:
    """
    Return what is put around *app* and may change the path of a request, or None if there is nothing.
    """
    found = next((layer for layer in _layers_of(app) if not _is_of(layer, _KEEPS_PATHS)), None)
    return None if found is None else _name_of_layer(found)


def _layers_of(app: Flask) -> Iterator[object]:
    """
    Yield what is put around *app*, from the outside inwards.
    """
    return takewhile(lambda layer: layer is not app, layers_of(app.wsgi_app))


def _is_of(layer: object, packages: frozenset[str]) -> bool:
    made_of = (layer,) if isfunction(layer) else type(layer).__mro__
    return any(kind.__module__.partition(".")[0] in packages for kind in made_of)


def _name_of_layer(layer: object) -> str:
    return name_of(layer if isfunction(layer) else type(layer))


class Views:
    """
    The views of *app*, which *guard* guards.
    """

    def __init__(self, app: Flask, guard: Guard) -> None:
        self._app = app
        self._guard = guard
        self._tags: dict[str, Assignment] = {}
        self._made = 0
        self._views: Mapping[str, object] = {}
        self._is_new = True

    def are_tagged(self) -> bool:
        """
        Return whether any view has a policy of its own. Views may be added, replaced or tagged at any time.
        """
        if self._is_new:
            # By the first request, the config is complete, and all that is put around the application is there.
            self._is_new = False
            self._warn_of_layers()
            left = left_over(self._app)
            if left is not None:
                logger.warning("%s", left)
        if not tags_made():
            return False
        if self._made != tags_made() or self._views != self._app.view_functions:
            self._look_all_over()
        return bool(self._tags)

    def view_at(self, environ: Mapping[str, Any], method: str, path: str, *, is_running: bool) -> Assignment | None:
        """
        Return what the view says that serves *method* at *path*, one of the readings of the path of *environ*.

        Once the application *is_running*, Flask has found it.
        """
        came = text_of_path(environ.get("PATH_INFO", ""))
        is_as_it_came = path in (came, f"/{came}")
        try:
            request = {**environ} if is_as_it_came else {**environ, "PATH_INFO": path.encode().decode("latin-1")}
            # Before it runs, a context is that of another request, within which this one is made.
            in_context = self._endpoint_in_context() if is_running and is_as_it_came else None
            endpoint = in_context or self._endpoint_at(request, method)
        except HTTPException:
            return None
        except Exception:  # noqa: BLE001 - a URL converter may raise anything; the application meets the same and says so
            return _UNKNOWN
        return self._tags.get(endpoint)

    def _endpoint_in_context(self) -> str | None:
        """
        Return the endpoint that Flask has found for the request it is answering, if that is a request to this app.
        """
        try:
            if _app_in_context() is not self._app:
                return None
            found = _request_in_context()
        except RuntimeError:
            # Flask's way to say that there is no context.
            return None
        return None if found.url_rule is None else found.url_rule.endpoint

    def _endpoint_at(self, environ: dict[str, Any], method: str, hops: int = _MOST_HOPS) -> str:
        """
        Return the endpoint of the view that serves *method* at the URL of *environ*, or at the URL it redirects to.

        For a method that nobody serves there, it is that of the first view. Raises HTTPException if there is no view.
        """
        adapter = self._adapter_for(environ)
        try:
            endpoint: str = adapter.match(method=method or _NO_METHOD)[0]
        except RequestRedirect as redirect:
            return self._endpoint_after(redirect, adapter, environ, method, hops)
        except MethodNotAllowed as error:
            return self._first_endpoint(error.valid_methods or (), adapter, environ, hops)
        return endpoint

    def _adapter_for(self, environ: dict[str, Any]) -> MapAdapter:
        app, url_map = self._app, self._app.url_map
        if (
            # What can make the host, or the application, matter to the matching.
            "HTTP_UPGRADE" in environ
            or url_map.host_matching
            or app.subdomain_matching
            or app.config["SERVER_NAME"] is not None
            or app.config.get("TRUSTED_HOSTS") is not None
            or getattr(app.create_url_adapter, "__func__", None) is not Flask.create_url_adapter
        ):
            adapter = app.create_url_adapter(app.request_class(environ))
            # The request has put itself there, and the two would keep each other alive until the collector comes.
            environ.pop("werkzeug.request", None)
            if adapter is None:
                raise NotFound
            return adapter
        # The same, without the request that Flask makes of it, which is two thirds of what a preflight costs.
        return url_map.bind(
            _ANY_HOST,
            script_name=text_of_path(environ.get("SCRIPT_NAME", "")),
            subdomain=url_map.default_subdomain or "",
            url_scheme=environ.get("wsgi.url_scheme", "http"),
            path_info=text_of_path(environ.get("PATH_INFO", "")),
        )

    def _first_endpoint(self, methods: Iterable[str], adapter: MapAdapter, environ: dict[str, Any], hops: int) -> str:
        """
        Return the endpoint of the first view of those that serve *methods*.
        """
        served: set[str] = set()
        for method in methods:
            with suppress(HTTPException):
                try:
                    served.add(adapter.match(method=method)[0])
                except RequestRedirect as redirect:
                    served.add(self._endpoint_after(redirect, adapter, environ, method, hops))
        # Flask keeps its views in the order in which they were registered.
        for endpoint in self._views:
            if endpoint in served:
                return endpoint
        raise NotFound

    def _endpoint_after(
        self, redirect: RequestRedirect, adapter: MapAdapter, environ: dict[str, Any], method: str, hops: int
    ) -> str:
        if not hops:
            raise NotFound
        return self._endpoint_at(self._redirected(environ, adapter, redirect.new_url), method, hops - 1)

    def _redirected(self, environ: dict[str, Any], adapter: MapAdapter, url: str) -> dict[str, Any]:
        """
        Return *environ* as it will be when the client has followed a redirect to *url*.

        Raises NotFound if the application does not serve that URL.
        """
        target = urlsplit(url)
        # PEP 3333: the bytes of a path, as latin-1.
        path = unquote_to_bytes(target.path).decode("latin-1")
        script = environ.get("SCRIPT_NAME", "").rstrip("/")
        same_host = (
            target.netloc == adapter.get_host(None)
            or self._app.url_map.host_matching
            or (self._app.subdomain_matching and f".{target.netloc}".endswith(f".{adapter.server_name}"))
        )
        if not same_host or not f"{path}/".startswith(f"{script}/"):
            raise NotFound
        return {**environ, "HTTP_HOST": target.netloc, "PATH_INFO": path[len(script) :]}

    def _look_all_over(self) -> None:
        """
        Look all views over: keep their tags, and write what is wrong with them.
        """
        # Noted before the views are read: what changes meanwhile is seen at the next request.
        made, views = tags_made(), self._app.view_functions.copy()
        misplaced = {endpoint: methods for endpoint, view in views.items() if (methods := misplaced_tags(view))}
        tags = {endpoint: tag for endpoint, view in views.items() if (tag := tag_of(view)) is not None}
        # Closed, because anyone who tags a method does not mean the policy of the path.
        tags |= dict.fromkeys(misplaced, _UNKNOWN)
        self._tags = {endpoint: tag._replace(name=endpoint) for endpoint, tag in tags.items()}
        self._made, self._views = made, views
        # Several threads may come here at once; the journal says nothing twice. No lock is held, because a handler of
        # the log is somebody else's code.
        for endpoint, methods in misplaced.items():
            self._guard.journal.record_misplaced(endpoint, methods)
        self._guard.journal.warn_of(tag.policy for tag in tags.values() if isinstance(tag.policy, Policy))
        for table in self._guard.policies.table.by_host.values():
            self._guard.journal.record_openings(
                ServedView(
                    f"{rule.host or rule.subdomain or ''}{rule.rule}",
                    rule.endpoint,
                    rule.methods,
                    _policy_of(self._tags.get(rule.endpoint) or table.find(rule.rule)),
                )
                for rule in self._app.url_map.iter_rules()
                if not rule.websocket
            )

    def _warn_of_layers(self) -> None:
        """
        Write what stands on the wrong side of the guard.

        Nothing that Socket.IO answers outside is guarded, and what is taken off a path inside is there for the guard.
        """
        layers = [*_layers_of(self._app)]
        at = next((at for at, layer in enumerate(layers) if getattr(layer, "views", None) is self), len(layers))
        outside = next((layer for layer in layers[:at] if _is_of(layer, _SOCKET_IO)), None)
        if outside is not None:
            logger.warning(
                "%s stands outside CORSGuard of %r, so nothing that it answers is guarded. It decides by itself "
                "who may read and who may open a WebSocket, with the user's cookies. Call SocketIO(app) before "
                "CORSGuard(app, ...), or list your origins in cors_allowed_origins. This is said once.",
                type(outside).__module__,
                self._app.name,
            )
        inside = next((layer for layer in layers[at + 1 :] if not _is_of(layer, _KEEPS_PATHS)), None)
        tables = self._guard.policies.table.by_host.values()
        if inside is not None and any(table.everywhere is None for table in tables):
            logger.warning(
                "CORSGuard of %r goes by path, and %s stands inside it. If that takes a prefix off the path, the guard "
                "still sees the prefix, so no path of the policy matches. Call CORSGuard(app, ...) before app.wsgi_app "
                "is wrapped. This is said once.",
                self._app.name,
                _name_of_layer(inside),
            )


def _policy_of(there: Assignment) -> Policy | None:
    return there.policy if isinstance(there.policy, Policy) else None
