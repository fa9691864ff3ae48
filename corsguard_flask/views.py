"""
Which view of a Flask application a request is for, and so which policy guards it.

This room reads the application's views and its URL map, through public API only, and decides nothing about CORS.
Whatever a URL or a `Host` makes the matching raise, it raises nothing.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import permutations
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask, current_app, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, RequestRedirect, Rule

from corsguard import (
    CORSMiddleware,
    Journal,
    PathPolicies,
    Policy,
    Tag,
    misplaced_tags,
    opened_methods,
    policies_of,
    tag_of,
    tags_made,
)

if TYPE_CHECKING:
    from werkzeug.local import LocalProxy

T = TypeVar("T")
PolicyFinder = Callable[[dict[str, Any], str, Policy | None], Policy | None]

logger: Final = logging.getLogger("corsguard")

# A browser follows twenty redirects, but no router needs more than a slash, an alias and a move.
_MOST_HOPS: Final = 4
# What no view serves: an empty method would be taken for none given.
_NO_METHOD: Final = "-"
# Stands for whatever host was asked, where it does not matter.
_ANY_HOST: Final = "host"
_ARGUMENT: Final = re.compile(r"<[^>]*>")


def _behind(proxy: T) -> Callable[[], T]:
    """
    Return what gets the object that *proxy* stands for now; each access through it would cost as much as all the rest.
    """
    # Flask documents this name for extensions that need the object itself.
    return cast("LocalProxy[T]", proxy)._get_current_object  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - see above


_app_in_context: Final = _behind(current_app)
_request_in_context: Final = _behind(request)


class Views:
    """
    The views of *app*, which *middleware* guards by path.
    """

    def __init__(self, app: Flask, middleware: CORSMiddleware) -> None:
        self._app = app
        self._middleware = middleware
        self._journal = Journal()
        self._lock = Lock()
        self._tags: dict[str, Tag] = {}
        self._made = 0
        self._views: Mapping[str, object] = {}
        # Of what the log has been told already.
        self._warned = set(policies_of(middleware.policy))
        self._told: set[tuple[str, str]] = set()

    def look(self) -> PolicyFinder | None:
        """
        Return `policy_of` if any view of the application is tagged now, else None.

        Views may be added, replaced or tagged at any time.
        """
        if self._made != tags_made() or self._views != self._app.view_functions:
            with self._lock:
                self._look_all_over()
        return self.policy_of if self._tags else None

    def policy_of(self, environ: dict[str, Any], method: str, of_path: Policy | None) -> Policy | None:
        """
        Return the policy of the view that serves *method* at the URL of *environ*; *of_path* if no tagged one does.
        """
        # In the context of an OPTIONS request is not the view that a preflight asks about.
        from_context = environ.get("REQUEST_METHOD") != "OPTIONS"
        try:
            endpoint = (self._endpoint_in_context() if from_context else None) or self._endpoint_at(environ, method)
        except HTTPException:
            return of_path
        except Exception:  # noqa: BLE001 - a URL converter may raise anything; the application meets the same and says so
            return None
        tag = self._tags.get(endpoint)
        return of_path if tag is None else tag.policy

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
            script_name=_text(environ.get("SCRIPT_NAME", "")),
            subdomain=url_map.default_subdomain or "",
            url_scheme=environ.get("wsgi.url_scheme", "http"),
            path_info=_text(environ.get("PATH_INFO", "")),
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
        tags: dict[str, Tag] = {}
        for endpoint, view in views.items():
            misplaced = misplaced_tags(view)
            if misplaced:
                self._journal.record_misplaced(endpoint, misplaced)
            # Closed, because whoever tagged a method did not mean the policy of the path.
            tag = Tag(None) if misplaced else tag_of(view)
            if tag is not None:
                tags[endpoint] = tag
        self._tags = tags
        policies = {tag.policy: None for tag in tags.values() if tag.policy is not None}
        self._journal.warn_of(policy for policy in policies if policy not in self._warned)
        self._warned.update(policies)
        self._warn_of_shared_urls()
        self._made, self._views = made, views

    def _warn_of_shared_urls(self) -> None:
        urls: dict[tuple[str | None, str | None, str], list[Rule]] = {}
        for rule in self._app.url_map.iter_rules():
            if not rule.websocket:
                urls.setdefault((rule.host, rule.subdomain, _ARGUMENT.sub("<>", rule.rule)), []).append(rule)
        for rules in urls.values():
            for rule, other in permutations(rules, 2):
                policy = self._policy_by(rule)
                if policy is None or policy == self._policy_by(other):
                    continue
                # Flask itself serves OPTIONS everywhere, and does nothing.
                opened = opened_methods(policy, set(other.methods or policy.allow_methods) - {"OPTIONS"})
                if opened and (rule.endpoint, other.endpoint) not in self._told:
                    self._told.add((rule.endpoint, other.endpoint))
                    logger.warning(
                        "At %s the policy of %s grants %s, which %s serves under another. A browser's preflight cache "
                        "is per URL, not per method, so a preflight for the one opens the other. Give both views one "
                        "policy, or a URL each.",
                        rule.rule,
                        rule.endpoint,
                        ", ".join(opened),
                        other.endpoint,
                    )

    def _policy_by(self, rule: Rule) -> Policy | None:
        tag = self._tags.get(rule.endpoint)
        if tag is not None:
            return tag.policy
        guarded = self._middleware.policy
        return guarded.policy_for(rule.rule) if isinstance(guarded, PathPolicies) else guarded


def _text(value: str) -> str:
    # PEP 3333: the server passes bytes, as latin-1. Werkzeug reads them so.
    return value.encode("latin-1").decode(errors="replace")
