"""
A Decision, carried into Django.

This room reads `request.META`, has it negotiated once and writes the result into `response.headers`; it decides
nothing. Put the middleware first, so that it answers preflights before anything else and sees every response.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, ClassVar, Final, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.translation import get_language_from_path, override

from corsguard import (
    ORDINARY_NAMES,
    Decision,
    Event,
    Journal,
    Policy,
    RequestKind,
    Tag,
    is_owned,
    merge_vary,
    misplaced_tags,
    prepared_decision,
    request_kind,
    tag_of,
    tags_made,
)

from .conf import holder
from .signals import cors_refused

Environ = Mapping[str, Any]
View = Callable[..., Any]
GetResponse = Callable[[HttpRequest], HttpResponseBase]
AsyncGetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

# What every preflight has (`request_kind` knows the rest), so that no other request has to be looked at closely.
_REQUEST_METHOD: Final = "HTTP_ACCESS_CONTROL_REQUEST_METHOD"
# Views and URLconfs whose tags are remembered. Both are few; but a program can make them at run time.
_MOST_VIEWS: Final = 4096
_MOST_URLCONFS: Final = 64


class CORSMiddleware:
    """
    The middleware that guards what `settings.CORSGUARD` and `@cors` say. Put it first.

    Preflights of guarded resources are answered here; all other requests reach what lies further in, and the headers
    of its response are made the policy's. An exception that leaves the layer below (DEBUG_PROPAGATE_EXCEPTIONS) passes
    through untouched, for there is no response to carry headers.

    Raises PolicyError when the server starts, if CORSGUARD is refused.
    """

    sync_capable: ClassVar = True
    async_capable: ClassVar = True

    def __init__(self, get_response: GetResponse | AsyncGetResponse) -> None:
        # Which of the two it is, Django has told by then; to tell it anew for each request would cost a tenth of all.
        self._get_response = cast("GetResponse", get_response)
        self._get_async_response = cast("AsyncGetResponse", get_response)
        self._journal = Journal(_send, lambda: cors_refused.receivers, lambda: settings.DEBUG)
        cors_refused.journals.add(self._journal)
        self._warned_of: set[Policy] = set()
        self._tag_of = lru_cache(_MOST_VIEWS)(self._look_up)
        self._has_tags = lru_cache(_MOST_URLCONFS)(_has_tags)
        self._is_async = iscoroutinefunction(get_response)  # pyright: ignore[reportDeprecated] - Python 3.11 needs it
        if self._is_async:
            markcoroutinefunction(self)
        holder.read()

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._respond(request)
        # What lies between may write into the request; it is negotiated as it came in, under the policies of then.
        environ = request.META.copy()
        of_path = holder.everywhere or holder.policy_for(request.path_info)
        if _REQUEST_METHOD in environ and request_kind(environ) is RequestKind.PREFLIGHT:
            policy = self._policy_of(request, of_path)
            if policy is not None:
                return self._answer(policy, prepared_decision(policy, environ), environ)
        response = self._get_response(request)
        # Django has imported the views if it has found one, so if the process has no tags by now, this one has none.
        is_untagged = request.resolver_match is not None and not tags_made()
        policy = of_path if is_untagged else self._policy_of(request, of_path)
        if policy is None:
            return response
        return self._share(response, policy, prepared_decision(policy, environ), environ)

    async def _respond(self, request: HttpRequest) -> HttpResponseBase:
        environ = request.META.copy()
        of_path, kind = holder.everywhere or holder.policy_for(request.path_info), request_kind(environ)
        if kind is RequestKind.PREFLIGHT and (policy := self._policy_of(request, of_path)) is not None:
            decision = await _negotiate(policy, environ, kind)
            if _may_block(policy, decision):
                return await sync_to_async(self._answer)(policy, decision, environ)
            return self._answer(policy, decision, environ)
        response = await self._get_async_response(request)
        policy = self._policy_of(request, of_path)
        if policy is None:
            return response
        decision = await _negotiate(policy, environ, kind)
        if _may_block(policy, decision, response.headers):
            return await sync_to_async(self._share)(response, policy, decision, environ)
        return self._share(response, policy, decision, environ)

    def _policy_of(self, request: HttpRequest, of_path: Policy | None) -> Policy | None:
        """
        Return the policy of the view that *request* reached, or would have; else *of_path*.
        """
        match = request.resolver_match
        view = self._view_at(request) if match is None else match.func
        if view is None:
            return of_path
        try:
            tag = self._tag_of(view)
        except TypeError:
            # Django serves views that cannot be hashed, such as instances of a dataclass; they cannot be remembered.
            tag = self._look_up(view)
        return of_path if tag is None else tag.policy

    def _view_at(self, request: HttpRequest) -> View | None:
        """
        Return the view at the URL of *request*, which no view has answered: it is a preflight, or an inner layer did.
        """
        try:
            resolver = get_resolver(getattr(request, "urlconf", None))
            return _resolve(resolver, request.path_info) if self._has_tags(resolver) else None
        except Exception:  # noqa: BLE001 - the same stops the application, and its 500 is shared as its path is
            return None

    def _look_up(self, view: View) -> Tag | None:
        misplaced = misplaced_tags(view)
        if misplaced:
            self._journal.record_misplaced(name_of(view), misplaced)
            return Tag(None)
        tag = tag_of(view)
        if tag is not None and tag.policy is not None and tag.policy not in self._warned_of:
            self._warned_of.add(tag.policy)
            self._journal.warn_of([tag.policy])
        return tag

    def _share(
        self, response: HttpResponseBase, policy: Policy, decision: Decision, environ: Environ
    ) -> HttpResponseBase:
        """
        Return *response* with the headers of *decision*, which is their one author.
        """
        if decision.status is not None:
            # Only a URLconf that an inner middleware chose told which policy this preflight has.
            return self._answer(policy, decision, environ)
        journal = self._journal
        if decision.refusal is not None and (decision.error is not None or next(journal.turns)):
            journal.record(policy, decision, environ)
        headers = response.headers
        # To ask for a name that is not there costs more than to look at all that are.
        varied = "" if ORDINARY_NAMES.issuperset(headers) else self._displace(policy, response, environ)
        for name, value in decision.lines_for(environ):
            headers[name] = merge_vary(varied, value) if varied and name == "Vary" else value
        return response

    def _displace(self, policy: Policy, response: HttpResponseBase, environ: Environ) -> str:
        """
        Take out of *response* what the policy owns, and return its `Vary`.
        """
        owned = [name for name in response.headers if is_owned(name)]
        self._journal.record_displaced(policy, owned, environ)
        for name in owned:
            del response.headers[name]
        return response.headers.get("Vary", "")

    def _answer(self, policy: Policy, decision: Decision, environ: Environ) -> HttpResponse:
        response = HttpResponse(decision.body, status=decision.status)
        del response.headers["Content-Type"]
        for name, value in decision.lines_for(environ):
            response.headers[name] = value
        self._journal.record(policy, decision, environ)
        if decision.refusal is not None:
            # Anyone can send refused preflights, and Django would log each of them; there is no public switch.
            setattr(response, "_has_been_logged", True)  # noqa: B010 - a private name, unknown to the type checkers
        return response


def policy_for(environ: Environ) -> Policy | None:
    """
    Return the policy that guards the request *environ* of this process, or None: for people and tests.

    Asks what the middleware asks, whether or not it is among those of the settings.
    """
    from io import BytesIO

    from django.core.handlers.wsgi import WSGIRequest

    request = WSGIRequest({"REQUEST_METHOD": "GET", "wsgi.input": BytesIO(), **environ})
    guard = CORSMiddleware(lambda _: HttpResponse())
    return guard._policy_of(request, holder.policy_for(request.path_info))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - its own room


def _send(event: Event) -> None:
    cors_refused.send_robust(sender=CORSMiddleware, event=event)


async def _negotiate(policy: Policy, environ: Environ, kind: RequestKind) -> Decision:
    """
    Negotiate off the event loop if an origin source will be asked: it may block, or use the ORM.
    """
    if policy.asks and kind is not RequestKind.NOT_CORS:
        return await sync_to_async(prepared_decision)(policy, environ)
    return prepared_decision(policy, environ)


def _may_block(policy: Policy, decision: Decision, names: Iterable[str] = ()) -> bool:
    """
    Return whether to tell of *decision*, and of the headers *names* of the response, belongs off the event loop.

    Receivers may block, use the ORM or be asynchronous; and to explain it, an origin source is asked once more.
    """
    if cors_refused.receivers and (decision.refusal is not None or any(map(is_owned, names))):
        return True
    return policy.asks and settings.DEBUG


def _resolve(resolver: URLResolver, path: str) -> View | None:
    # Under i18n_patterns a path exists in its own language only, and LocaleMiddleware lies further in.
    language = get_language_from_path(path) if settings.USE_I18N else None
    with override(language) if language else nullcontext():
        for candidate in (path, f"{path}/") if settings.APPEND_SLASH and not path.endswith("/") else (path,):
            try:
                return resolver.resolve(candidate).func
            except Http404:
                continue
    return None


def _has_tags(resolver: URLResolver) -> bool:
    return any(view is None or tag_of(view) or misplaced_tags(view) for view in views_of(resolver))


def views_of(resolver: URLResolver) -> Iterator[View | None]:
    """
    Yield the views of *resolver*, and None for an entry that is none of Django's and may lead to any view.
    """
    for entry in cast("list[object]", resolver.url_patterns):
        if isinstance(entry, URLResolver):
            yield from views_of(entry)
        else:
            yield entry.callback if isinstance(entry, URLPattern) else None


def name_of(view: View) -> str:
    """
    Return what people call *view*: the class behind it, or the function.
    """
    named = getattr(view, "view_class", None) or getattr(view, "cls", None) or view
    return f"{named.__module__}.{getattr(named, '__qualname__', type(named).__qualname__)}"
