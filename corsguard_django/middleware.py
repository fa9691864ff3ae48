"""
A guard, carried into Django.

This module reads `request.META`, asks the guard and writes the result into `response.headers`. It decides nothing. Put
the middleware first, so that it answers preflights before anything else and sees every response.
"""

import sys
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import nullcontext, suppress
from functools import lru_cache, partial
from typing import Any, ClassVar, Final, cast

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.translation import get_language_from_path, override

from corsguard import Decision, Policy
from corsguard.adapters import (
    ORDINARY_NAMES,
    Assignment,
    Guarding,
    HostQuestion,
    Passage,
    PathTable,
    Question,
    ServedView,
    Terms,
    ViewFinder,
    misplaced_tags,
    name_of,
    tag_of,
    tags_made,
)

from .conf import process

Environ = Mapping[str, Any]
View = Callable[..., Any]
GetResponse = Callable[[HttpRequest], HttpResponseBase]
AsyncGetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

# How many URLconfs are remembered with their tags. They are few, but a program can create more at run time.
_MOST_URLCONFS: Final = 64


class CORSMiddleware:
    """
    The middleware that guards what `settings.CORSGUARD` and `@cors` say. Put it first.

    Preflights of guarded resources are answered here. So are requests that CORSGUARD_PROTECTION refuses, and WebSocket
    handshakes that are refused (these reach Django only under WSGI servers). All other requests reach the next
    middleware, and their responses get the headers of the policy. An exception that leaves the next middleware
    (DEBUG_PROPAGATE_EXCEPTIONS) passes through unchanged, because there is no response to carry headers.

    Raises PolicyError when the server starts, if CORSGUARD, CORSGUARD_WEBSOCKETS or CORSGUARD_PROTECTION is refused, or
    if MIDDLEWARE has the middleware of django-cors-headers too.
    """

    sync_capable: ClassVar = True
    async_capable: ClassVar = True

    def __init__(self, get_response: GetResponse | AsyncGetResponse) -> None:
        # Only one of the two types is right. It is found out once, because checking at each request would cost 10 % of
        # the time.
        self._get_response = cast("GetResponse", get_response)
        self._get_async_response = cast("AsyncGetResponse", get_response)
        self._guard = process.guard
        self._has_tags = lru_cache(_MOST_URLCONFS)(self._look_over)
        self._is_async = iscoroutinefunction(get_response)  # pyright: ignore[reportDeprecated] - Python 3.11 needs it
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        # A copy, because the application may change the request. It is judged under the policies at this moment.
        environ = request.META.copy()
        terms = self._guard.current()
        at = terms.table.look_up(environ.get("HTTP_HOST"))
        if isinstance(at, HostQuestion):
            if self._is_async:
                return self._respond_asking(request, environ, terms, at)
            at = at.ask(async_to_sync)
        passage = self._guard.enter(environ, request.path_info, terms, at)
        return self._respond_async(request, passage) if self._is_async else self._respond(request, passage)

    async def _respond_asking(
        self, request: HttpRequest, environ: Environ, terms: Terms, question: HostQuestion[PathTable]
    ) -> HttpResponseBase:
        passage = self._guard.enter(environ, request.path_info, terms, await _asked(question))
        return await self._respond_async(request, passage)

    def _respond(self, request: HttpRequest, passage: Passage) -> HttpResponseBase:
        if passage.comes_first:
            answer = self._decide(request, passage)
            self._tell(passage)
            if answer is not None:
                return _answered(answer)
        response = self._get_response(request)
        # The policy of a preflight may depend on a URLconf that an inner middleware has chosen.
        answer = self._decide(request, passage)
        response = _share(response, passage) if answer is None else _answered(answer)
        self._tell(passage)
        return response

    async def _respond_async(self, request: HttpRequest, passage: Passage) -> HttpResponseBase:
        if passage.comes_first:
            answer = await self._decide_async(request, passage)
            await self._tell_async(passage)
            if answer is not None:
                return _answered(answer)
        response = await self._get_async_response(request)
        answer = await self._decide_async(request, passage)
        response = _share(response, passage) if answer is None else _answered(answer)
        await self._tell_async(passage)
        return response

    def _decide(self, request: HttpRequest, passage: Passage) -> Decision | None:
        """
        Decide about the request, and return its whole answer if the application does not answer it.
        """
        question = passage.decide(self._finder(request, passage))
        if question is not None:
            passage.settle(question.ask(async_to_sync))
        return passage.answer

    async def _decide_async(self, request: HttpRequest, passage: Passage) -> Decision | None:
        """
        Do the same on an event loop.
        """
        question = passage.decide(self._finder(request, passage))
        if question is not None:
            passage.settle(await _asked(question))
        return passage.answer

    def _tell(self, passage: Passage) -> None:
        for event in passage.take_events():
            self._guard.journal.tell(event)

    async def _tell_async(self, passage: Passage) -> None:
        # Receivers may block, use the ORM or be asynchronous.
        for event in passage.take_events():
            await sync_to_async(self._guard.journal.tell)(event)

    def _finder(self, request: HttpRequest, passage: Passage) -> ViewFinder | None:
        # If Django has found the view, all views are imported. If the process has no tags then, this view has none.
        is_untagged = request.resolver_match is not None and not tags_made()
        return None if is_untagged else partial(self._view_at, request, passage)

    def _view_at(self, request: HttpRequest, passage: Passage, path: str) -> Assignment | None:
        """
        Return the tag of the view that *request* reached, or would reach at *path*, one of the readings of its path.
        """
        match = request.resolver_match
        view = self._resolved(request, path) if match is None or path != request.path_info else match.func
        return None if view is None else self._guard.tag_for(_serving(view, passage))

    def _resolved(self, request: HttpRequest, path: str) -> View | None:
        """
        Return the view at *path*, if no view has answered: for a preflight, or if an inner layer answered.
        """
        try:
            resolver = get_resolver(getattr(request, "urlconf", None))
            return _resolve(resolver, path) if self._has_tags(resolver, tags_made()) else None
        except Exception:  # noqa: BLE001 - the application gets the same error, and its 500 has the policy of its path
            return None

    def _look_over(self, resolver: URLResolver, _made: int) -> bool:
        """
        Return whether a view of *resolver* may have a tag, and log which operations at one URL open each other.
        """
        # The parameter with the number of tags makes the cache look again after each tag.
        views = list[ServedView]()
        for url, methods, function in _served_by(resolver):
            there = self._guard.tag_for(function) or self._guard.policies.table.find(url)
            policy = there.policy if isinstance(there.policy, Policy) else None
            views.append(ServedView(url, name_of(function), methods, policy))
        self._guard.journal.record_openings(views)
        return any(view is None or tag_of(view) or misplaced_tags(view) for view in views_of(resolver))


process.sender = CORSMiddleware


async def _asked(question: Question | HostQuestion[PathTable]) -> Any:  # noqa: ANN401 - a Decision or a PathTable
    """
    Return the answer to *question*. It is asked outside the event loop if asking may block or use the ORM.
    """
    return await (sync_to_async(question.ask)() if question.may_block else question.ask_async())


def _share(response: HttpResponseBase, passage: Passage) -> HttpResponseBase:
    """
    Return *response* with the headers of the guard.
    """
    # If all names are ordinary, headers are only added. Checking the names alone is three times as fast.
    before = [] if ORDINARY_NAMES.issuperset(response.headers) else [*response.headers.items()]
    after = passage.headers(before)
    if after[: len(before)] != before:
        for name, _ in before:
            del response.headers[name]
        before = []
    for name, value in after[len(before) :]:
        response.headers[name] = value
    return response


def _answered(decision: Decision) -> HttpResponse:
    response = HttpResponse(decision.body, status=decision.status)
    del response.headers["Content-Type"]
    for name, value in decision.headers:
        response.headers[name] = value
    if decision.refusal is not None:
        # Anyone can cause refusals, and Django would log each of them. There is no public switch for that.
        setattr(response, "_has_been_logged", True)  # noqa: B010 - a private name, unknown to the type checkers
    return response


def policy_for(environ: Environ) -> Guarding:
    """
    Return the policy that guards the request *environ* of this process; None means closed, `"unguarded"`
    that the guard does nothing. For people and tests.

    It works like the middleware, even if the middleware is not in the settings.
    """
    return find(environ).policy


def find(environ: Environ) -> Assignment:
    """
    Return that policy with its name.
    """
    from io import BytesIO

    from django.core.handlers.wsgi import WSGIRequest

    request = WSGIRequest({"REQUEST_METHOD": "GET", "wsgi.input": BytesIO(), **environ})
    terms = process.guard.current()
    passage = process.guard.enter(request.META, request.path_info, terms, terms.table.ask(environ.get("HTTP_HOST")))
    finder = CORSMiddleware(lambda _: HttpResponse())._finder(request, passage)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - a method of this module
    return process.guard.find(environ, request.path_info, finder)


def _resolve(resolver: URLResolver, path: str) -> View | None:
    # With i18n_patterns, a path exists only in its own language, and LocaleMiddleware has not run yet.
    language = get_language_from_path(path) if settings.USE_I18N else None
    with override(language) if language else nullcontext():
        for candidate in (path, f"{path}/") if settings.APPEND_SLASH and not path.endswith("/") else (path,):
            try:
                return resolver.resolve(candidate).func
            except Http404:
                continue
    return None


def views_of(resolver: URLResolver) -> Iterator[View | None]:
    """
    Yield the views of *resolver*, and None for an entry that is not of Django's classes and may lead to any view.
    """
    for entry in cast("list[object]", resolver.url_patterns):
        if isinstance(entry, URLResolver):
            yield from views_of(entry)
        elif isinstance(entry, URLPattern):
            yield from [function for _, function in _operations(entry.callback)] or [entry.callback]
        else:
            yield None


def _served_by(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, Collection[str], View]]:
    """
    Yield the URL, the methods and the function of each operation of Django Ninja.
    """
    for entry in cast("list[object]", resolver.url_patterns):
        if isinstance(entry, URLResolver):
            yield from _served_by(entry, f"{prefix}{entry.pattern}")
        elif isinstance(entry, URLPattern):
            yield from ((f"{prefix}{entry.pattern}", *operation) for operation in _operations(entry.callback))


def _serving(view: View, passage: Passage) -> View:
    """
    Return the function behind *view* that serves the method of *passage*, or the first one if none serves it.
    """
    operations = _operations(view)
    served = (function for methods, function in operations if passage.method in methods)
    return next(served, operations[0][1] if operations else view)


def _operations(view: View) -> list[tuple[Collection[str], View]]:
    """
    Return the methods and the function of each operation of Django Ninja that *view* calls.

    Ninja makes one view for all operations of a URL. No public name leads from the view to them: before 1.5 the view is
    a method of the PathView that has them, since then a function that wraps it.
    """
    kind = getattr(sys.modules.get("ninja.operation"), "PathView", None)
    if kind is None:
        return []
    held: list[Any] = [getattr(view, "__self__", None)]
    for cell in getattr(view, "__closure__", None) or ():
        # A cell may still be empty.
        with suppress(ValueError):
            held.append(cell.cell_contents)
    return [(each.methods, each.view_func) for at in held if isinstance(at, kind) for each in at.operations]
