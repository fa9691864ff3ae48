"""
The view of a Flask application that serves a request, and so the policy that guards it.

This module reads the views and the URL map of the application, through public API only, and decides nothing about CORS.
It never raises, even if a URL or a `Host` makes the matching raise.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from inspect import isfunction
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import unquote_to_bytes, urlsplit
from weakref import WeakSet

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

from .predecessor import unread

if TYPE_CHECKING:
    from werkzeug.local import LocalProxy

T = TypeVar("T")

logger: Final = logging.getLogger("corsguard")

EXTENSION: Final = "corsguard"
_TOLD_OF_EXCEPTIONS: Final[WeakSet[Flask]] = WeakSet()

# Packages whose WSGI applications answer their own path, with their own rules for who may read and connect.
_SOCKET_IO: Final = frozenset({"engineio", "flask_socketio", "socketio"})
# Packages whose middleware does not change the path.
_KEEPS_PATHS: Final = _SOCKET_IO | {"corsguard", "werkzeug", "wsgiref"}

# Modules whose middleware passes every request on as it is.
_PASSES_ON: Final = frozenset(f"werkzeug.middleware.{name}" for name in ("lint", "profiler", "proxy_fix"))

# A browser follows twenty redirects, but a router needs at most one each for a slash, an alias and a moved page.
_MOST_HOPS: Final = 4
# A method that no view serves. An empty one would count as missing.
_NO_METHOD: Final = "-"
# Any host, because the host does not matter here.
_ANY_HOST: Final = "host"
# A request whose view cannot be found is closed.
_UNKNOWN: Final = Assignment(None, "")


def _behind(proxy: T) -> Callable[[], T]:
    """
    Return a function for the object behind *proxy*. Each access through the proxy would cost as much as everything else
    together.
    """
    # Flask documents this name for extensions that need the object itself.
    return cast("LocalProxy[T]", proxy)._get_current_object  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - see above


_app_in_context: Final = _behind(current_app)
_request_in_context: Final = _behind(request)


def warn_of_lost_tag(app: Flask, **_: object) -> None:
    """
    Log, once in a process, that the tag of this request's view has no effect, because nothing guards *app*.

    A receiver of `request_started`, until an application has a guard.
    """
    if not tags_made():
        return
    endpoint = request.endpoint
    view = None if endpoint is None else app.view_functions.get(endpoint)
    if view is not None and tag_of(view) is not None:
        request_started.disconnect(warn_of_lost_tag)
        logger.warning(
            "%s has a policy by @cors, but no CORSGuard guards %r, so nothing is shared. Write CORSGuard(app) once, "
            "where the application is created. Inside Connexion, write a policy by path instead.",
            name_of(view),
            app.name,
        )


def warn_of_passed_exception(app: Flask, **_: object) -> None:
    """
    Log, once for each application, that an exception leaves the guarded *app*, so the answer to it has no headers.

    A receiver of `got_request_exception`, which Flask sends before it passes the exception on.
    """
    passes = app.config["PROPAGATE_EXCEPTIONS"]
    if EXTENSION not in app.extensions or app in _TOLD_OF_EXCEPTIONS or app.testing or "Origin" not in request.headers:
        return
    if passes or (passes is None and app.debug):
        _TOLD_OF_EXCEPTIONS.add(app)
        logger.warning(
            "An exception leaves %r, so the debugger or the server answers outside of the guard. That 500 has no "
            "headers of CORS, and the browser blames CORS for it. The cause is the exception. To answer with the "
            "headers, write app.config['PROPAGATE_EXCEPTIONS'] = False. This is logged once.",
            app.name,
        )


def wrapper_of(app: Flask) -> str | None:
    """
    Return the name of a layer around *app* that may change the path of a request, or answer it without *app*, or None.
    """
    found = next((layer for layer in _layers_of(app) if not _passes_on(layer)), None)
    return None if found is None else _name_of_layer(found)


def _passes_on(layer: object) -> bool:
    of_ours = _is_of(layer, frozenset({"corsguard", "wsgiref"}))
    return of_ours or any(kind.__module__ in _PASSES_ON for kind in type(layer).__mro__)


def _layers_of(app: Flask) -> Iterator[object]:
    """
    Yield the layers around *app*, from the outside inwards.
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
        Return whether any view has its own policy. Views may be added, replaced or tagged at any time.
        """
        if self._is_new:
            # At the first request, the config is complete, and all layers are around the application.
            self._is_new = False
            self._warn_of_layers()
            for problem in unread(self._app, has_policy=self._guard.policies.policy is not None):
                logger.warning("%s", problem)
        if not tags_made():
            return False
        if self._made != tags_made() or self._views != self._app.view_functions:
            self._check_tags()
        return bool(self._tags)

    def view_at(self, environ: Mapping[str, Any], method: str, path: str, *, is_running: bool) -> Assignment | None:
        """
        Return the tag of the view that serves *method* at *path*, one of the readings of the path of *environ*.

        If the application *is_running*, Flask has already found the view.
        """
        came = text_of_path(environ.get("PATH_INFO", ""))
        is_as_it_came = path in (came, f"/{came}")
        try:
            request = {**environ} if is_as_it_came else {**environ, "PATH_INFO": path.encode().decode("latin-1")}
            # Before the application runs, a context belongs to another request, inside which this one is made.
            in_context = self._endpoint_in_context() if is_running and is_as_it_came else None
            endpoint = in_context or self._endpoint_at(request, method)
        except HTTPException:
            return None
        except Exception:  # noqa: BLE001 - a URL converter may raise anything; the application then gets the same exception
            return _UNKNOWN
        return self._tags.get(endpoint)

    def _endpoint_in_context(self) -> str | None:
        """
        Return the endpoint that Flask has found for the current request, if that is a request to this application.
        """
        try:
            if _app_in_context() is not self._app:
                return None
            found = _request_in_context()
        except RuntimeError:
            # There is no context.
            return None
        return None if found.url_rule is None else found.url_rule.endpoint

    def _endpoint_at(self, environ: dict[str, Any], method: str, hops: int = _MOST_HOPS) -> str:
        """
        Return the endpoint of the view that serves *method* at the URL of *environ*, or at the URL it redirects to.

        If no view serves the method, it is the endpoint of the first view there. Raises HTTPException if there is no
        view.
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
            # In these cases the host or the application matters for the matching.
            "HTTP_UPGRADE" in environ
            or url_map.host_matching
            or app.subdomain_matching
            or app.config["SERVER_NAME"] is not None
            or app.config.get("TRUSTED_HOSTS") is not None
            or getattr(app.create_url_adapter, "__func__", None) is not Flask.create_url_adapter
        ):
            adapter = app.create_url_adapter(app.request_class(environ))
            # The request is in its own environ, and the cycle would keep both alive until garbage collection.
            environ.pop("werkzeug.request", None)
            if adapter is None:
                raise NotFound
            return adapter
        # The same without a request object, which would be two thirds of the time of a preflight.
        return url_map.bind(
            _ANY_HOST,
            script_name=text_of_path(environ.get("SCRIPT_NAME", "")),
            subdomain=url_map.default_subdomain or "",
            url_scheme=environ.get("wsgi.url_scheme", "http"),
            path_info=text_of_path(environ.get("PATH_INFO", "")),
        )

    def _first_endpoint(self, methods: Iterable[str], adapter: MapAdapter, environ: dict[str, Any], hops: int) -> str:
        """
        Return the endpoint of the first view that serves one of *methods*.
        """
        served: set[str] = set()
        for method in methods:
            with suppress(HTTPException):
                try:
                    served.add(adapter.match(method=method)[0])
                except RequestRedirect as redirect:
                    served.add(self._endpoint_after(redirect, adapter, environ, method, hops))
        # Flask keeps views in the order of registration.
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
        Return *environ* for the request after a redirect to *url*.

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

    def _check_tags(self) -> None:
        """
        Read the tags of all views, and log what is wrong with them.
        """
        # Taken before the views are read, so changes in the meantime are noticed at the next request.
        made, views = tags_made(), self._app.view_functions.copy()
        misplaced = {endpoint: methods for endpoint, view in views.items() if (methods := misplaced_tags(view))}
        tags = {endpoint: tag for endpoint, view in views.items() if (tag := tag_of(view)) is not None}
        # Closed, because the author of the tag does not want the policy of the path.
        tags |= dict.fromkeys(misplaced, _UNKNOWN)
        self._tags = {endpoint: tag._replace(name=endpoint) for endpoint, tag in tags.items()}
        self._made, self._views = made, views
        # Several threads may be here at the same time, but the journal logs nothing twice. No lock is held, because log
        # handlers are outside code.
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
        Log layers that are on the wrong side of the guard.

        Answers of a Socket.IO layer outside the guard are not guarded. A prefix that an inner layer removes from the
        path is still there for the guard.
        """
        layers = [*_layers_of(self._app)]
        at = next((at for at, layer in enumerate(layers) if getattr(layer, "views", None) is self), len(layers))
        outside = next((layer for layer in layers[:at] if _is_of(layer, _SOCKET_IO)), None)
        if outside is not None:
            logger.warning(
                "%s is outside the CORSGuard of %r, so its answers are not guarded. It decides by itself who may "
                "read and who may open a WebSocket, with the user's cookies. Call SocketIO(app) before "
                "CORSGuard(app, ...), or list your origins in cors_allowed_origins. This is logged once.",
                type(outside).__module__,
                self._app.name,
            )
        inside = next((layer for layer in layers[at + 1 :] if not _is_of(layer, _KEEPS_PATHS)), None)
        tables = self._guard.policies.table.by_host.values()
        if inside is not None and any(table.everywhere is None for table in tables):
            logger.warning(
                "The CORSGuard of %r has policies by path, and %s is inside it. If that removes a prefix from the "
                "path, the guard still sees the prefix, so no path of the policy matches. Call CORSGuard(app, ...) "
                "before app.wsgi_app is wrapped. This is logged once.",
                self._app.name,
                _name_of_layer(inside),
            )


def _policy_of(there: Assignment) -> Policy | None:
    return there.policy if isinstance(there.policy, Policy) else None
