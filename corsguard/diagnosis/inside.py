"""
What is known about an application that runs in this process: who guards it, which exception it raised, which hosts it
serves.

Its answer only suggests a cause, so what is known takes its place.
"""

import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final, Literal, Self
from urllib.parse import unquote

from corsguard.applications import layers_of
from corsguard.browser import Failure, Reason, WireResponse
from corsguard.browser.advice import BEFORE_ANY_LAYER, shared
from corsguard.browser.collecting import Unfinished, logger
from corsguard.browser.evidence import MOST_NAMES, as_shown, net_error_of, refused_headers, url_of, without_password
from corsguard.browser.intermediaries import (
    api_gateway_seen,
    cache_seen,
    csrf_seen,
    firewall_seen,
    host_refused_seen,
    in_front_seen,
    origin_judged,
    protection_seen,
    refusal_seen,
    storage_seen,
    text_seen,
)
from corsguard.browser.wire import PENDING
from corsguard.fixes import Fix, Form
from corsguard.origin import NULL
from corsguard.tags import name_of

from .checklist import Row
from .guarded import Guarded, framework_of
from .objects import message_of_error, place_of
from .playing import Fault
from .predecessors import INACTIVE, Predecessor, is_inactive
from .rehearsal import Rehearsal

_FAILED: Final = 500
_FIRST_REDIRECT: Final = 300
_SILENT: Final = (
    "Not CORS, and no header helps: the application does not answer in time. What does it wait for: a lock, a "
    "database, another server? If it only needs more time: --timeout."
)
_ITSELF: Final = (
    "The application itself answers so, outside of its CORS layer: put the CORS layer outermost, so that the page can "
    "read this answer."
)
_AROUND: Final = "{} shares with this page, so it is not around what answers here."
_EITHER: Final = "{} guards the application: either it is not around what answers, or it does not list the origin."
# Failures for which the status is the reason.
_OF_STATUS: Final = frozenset({Reason.HANDSHAKE_REFUSED, Reason.PREFLIGHT_STATUS})
# Failures for which the answer names an origin, or several.
_OF_ORIGINS: Final = frozenset(
    {
        Reason.ALLOW_CREDENTIALS_NOT_TRUE,
        Reason.ALLOW_ORIGIN_MISMATCH,
        Reason.MULTIPLE_ALLOW_ORIGIN,
        Reason.WILDCARD_WITH_CREDENTIALS,
    }
)
_REPLACED: Final = (
    "{} allows this already, so something else writes this header: a middleware around it, or the code of the "
    "view. Remove it there."
)
_BAD_REQUEST: Final = 400
_NO_ENDPOINT: Final = (
    "Not CORS: no route for a WebSocket fits {0}, and Starlette and FastAPI answer that with 403, whatever the Origin "
    "is. In this application, {1}: let the page open the right path, or add the route."
)
_OF_ENDPOINT: Final = (
    "Not CORS: the route of {0} fits, so {0}, a dependency of it, or a middleware around it closes the WebSocket "
    "before it accepts: does it want a login, or judge the Origin? Look there."
)
_PASSED_ON: Final = (
    "The policy shares this. But {error}, and what answers it outside of the guard (the server, a debugger, a "
    "middleware) adds no headers. Repair the exception."
)
_PASSED_ON_BY: Final[Mapping[Form | None, str]] = {
    "flask": 'To answer with the headers also in debug mode, write app.config["PROPAGATE_EXCEPTIONS"] = False.',
    "fastapi": "To answer with the headers, guard by CORSGuard(app, policy), which is outside all middleware.",
}


class Raised(logging.Handler):
    """
    The exceptions that left an application while it answered, instead of a traceback for each on the terminal; or, for
    a server, the errors of bodies that broke off, by the method and the URL of the request.
    """

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []
        self.broken: dict[tuple[str, str], BaseException] = {}

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self.errors.append(error)
            match record.args:
                case (str(method), str(url), *_):
                    self.broken[method, url] = error
                case _:
                    pass

    def caught(self, *_: object, exception: BaseException | None = None, **__: object) -> None:
        """
        Note the *exception* that a framework answers itself (Flask names it, Django has it at hand).
        """
        error = exception or sys.exc_info()[1]
        if error is not None:
            self.errors.append(error)

    def filter(self, record: logging.LogRecord) -> bool:
        """
        Return False for a traceback of what is noted anyway: its text may have a secret of the request.
        """
        return not record.exc_info or record.exc_info[1] not in self.errors

    def __enter__(self) -> Self:
        logger.addHandler(self)
        for signal in _signals():
            signal.connect(self.caught, weak=False)
        if (flask := sys.modules.get("flask.logging")) is not None:
            flask.default_handler.addFilter(self.filter)
        return self

    def __exit__(self, *_: object) -> None:
        logger.removeHandler(self)
        for signal in _signals():
            signal.disconnect(self.caught)
        if (flask := sys.modules.get("flask.logging")) is not None:
            flask.default_handler.removeFilter(self.filter)


def _signals() -> Iterator[Any]:
    """
    Yield the signals of frameworks about an exception of a view. An application has already imported its framework.
    """
    for name in "flask.signals", "django.core.signals":
        if (module := sys.modules.get(name)) is not None:
            yield module.got_request_exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """
    What is known about *application*: the guard that it has, what its policy says about the request, the *predecessor*
    that guards it instead, whether another answer *is_listed* for the page, and the *errors* that left it.
    """

    application: object
    guarded: Guarded | None
    rehearsal: Rehearsal | None
    predecessor: Predecessor | None
    errors: tuple[BaseException, ...]
    is_listed: bool

    def with_cause(self, fault: Fault) -> Fault:
        """
        Return *fault* with the cause that is known.
        """
        failure = fault.failure
        answer = None if failure is None or failure.exchange is None else failure.exchange.response
        if failure is None:
            return self._with_setting(fault)
        if answer is None:
            return replace(fault, fix=Fix(words=_SILENT)) if net_error_of(failure) == PENDING else fault
        if failure.reason is Reason.HANDSHAKE_REFUSED and answer.status == HTTPStatus.FORBIDDEN:
            return self._with_endpoint(fault, failure.url)
        if failure.reason in _OF_STATUS and self.errors and answer.status == _FAILED:
            return replace(fault, fix=Fix(words=f"Status 500: {self._error()}. Repair that."))
        # A layer that refuses by itself has not to be moved.
        is_refused = failure.reason is Reason.PREFLIGHT_STATUS and refusal_seen(answer)
        if is_refused or failure.reason not in {Reason.MISSING_ALLOW_ORIGIN, Reason.PREFLIGHT_STATUS}:
            return self._with_setting(fault)
        return replace(fault, fix=self._fix(fault, failure, answer))

    def _with_endpoint(self, fault: Fault, url: str) -> Fault:
        """
        Return *fault*, about a refused handshake with *url*, with the endpoint that refuses it, if the guard does not.
        """
        if self.rehearsal is not None or "starlette.applications" not in sys.modules:
            return fault
        from corsguard.endpoints import endpoint_at, routing_of, served_by

        target, routing = url_of(url), routing_of(self.application)
        if target is None or routing is None:
            return fault
        path, host = _path_of(url), target.origin.partition("://")[2].encode()
        scope = {"type": "websocket", "path": path, "headers": [(b"host", host)]}
        with suppress(Exception):
            # A convertor of a path may raise anything.
            endpoint = endpoint_at(routing, scope)
            if endpoint is not None:
                return replace(fault, fix=Fix(words=_OF_ENDPOINT.format(as_shown(name_of(endpoint)))))
            sockets = [as_shown(place) for place, methods, _ in served_by(routing) if methods == ()]
            known = f"WebSockets are at {', '.join(sockets[:MOST_NAMES])}" if sockets else "it has no WebSocket"
            return replace(fault, fix=Fix(words=_NO_ENDPOINT.format(as_shown(path), known)))
        return fault

    def _with_setting(self, fault: Fault) -> Fault:
        needs = {} if fault.failure is None else _needs_of(fault.failure)
        if fault.failure is not None and needs and (guard := self._allowing(needs, fault.failure.url)):
            # What the header has says nothing about the settings.
            said = _REPLACED.format(guard)
            why = f"{fault.fix.words} {said}" if fault.failure.reason is Reason.MULTIPLE_ALLOW_ORIGIN else said
            return replace(fault, fix=replace(fault.fix, words=why, policy={}))
        called = "" if self.predecessor is None else self.predecessor.called(fault.fix.policy)
        return replace(fault, fix=replace(fault.fix, words=f"{fault.fix.words} {called}".rstrip()))

    def _allowing(self, needs: Mapping[str, Sequence[str] | Literal[True]], url: str) -> str:
        """
        Return what guards the application, if it allows already what the answer of *url* *needs*; empty if not.
        """
        if self.guarded is not None:
            return "" if self.rehearsal is not None else "The policy"
        return "" if self.predecessor is None else self.predecessor.allowing(needs, _path_of(url))

    def _fix(self, fault: Fault, failure: Failure, answer: WireResponse) -> Fix:
        """
        Return what to change about an *answer* that no layer of CORS made.
        """
        is_shared = failure.reason is Reason.MISSING_ALLOW_ORIGIN
        if is_shared and answer.status == _BAD_REQUEST and (why := self._why_refused(failure.url)):
            return Fix(words=why)
        if host_refused_seen(answer) or origin_judged(answer):
            return fault.fix
        if is_shared and self.guarded is None and is_inactive(self.application):
            return replace(fault.fix, words=INACTIVE, policy={})
        if is_shared and self.rehearsal is not None:
            return replace(fault.fix, words=self.rehearsal.unguarded or fault.fix.words)
        if is_shared and answer.status == _FAILED and (self.guarded is not None or self.errors):
            return self._failed(fault.fix)
        if _answers_itself(answer):
            text = f' It says: "{said}".' if (said := text_seen(answer)) else ""
            return self._with_library(shared(failure, f"Status {answer.status}.{text} {_ITSELF}"), failure)
        if failure.sent_origin == NULL != failure.page_origin:
            # No list of the library is at fault.
            return fault.fix
        if is_shared and self.predecessor and (answer.status < _FIRST_REDIRECT or refusal_seen(answer)):
            why = self.predecessor.why_unshared(failure.sent_origin, _path_of(failure.url))
            return replace(fault.fix, words=why, policy={})
        return self._with_library(fault.fix, failure)

    def _failed(self, fix: Fix) -> Fix:
        if self.guarded is not None:
            hint = _PASSED_ON_BY.get(framework_of(self.application), "")
            return Fix(words=f"{_PASSED_ON.format(error=self._error())} {hint}".rstrip())
        why = f"Status 500: {self._error()}. Repair that first."
        if self.predecessor is not None:
            # Its list may be right.
            return Fix(words=f"{why} What answers an exception is often outside of {self.predecessor.library}.")
        if self.errors and not place_of(self.errors[-1])[0]:
            # What cannot be sent takes its headers with it, which may be right.
            return Fix(words=f"{why} Until then, the headers that the application sets are not sent.")
        words = f"{why} What answers an exception is often outside of the CORS layer, so also put that outermost."
        return replace(fix, words=words)

    def _with_library(self, fix: Fix, failure: Failure) -> Fix:
        """
        Return *fix* with how the library that guards the application gets around what answers. A preflight that is
        shared, and yet fails, has passed it.
        """
        if self.predecessor is None:
            return fix
        library, outermost = self.predecessor.library, self.predecessor.outermost
        if failure.reason is not Reason.MISSING_ALLOW_ORIGIN:
            return replace(fix, words=f"{fix.words} {library} guards the application. {outermost}")
        if self.is_listed or self._allowing({"allow_origins": [failure.sent_origin]}, failure.url):
            return Fix(words=f"{fix.words} {_AROUND.format(library)} {outermost}")
        return replace(fix, words=f"{fix.words} {_EITHER.format(library)} {outermost}")

    def rows(self) -> Iterator[Row]:
        """
        Yield what the checklist says about the application.
        """
        if self.errors:
            yield Row("??", "application", self._error())

    def _error(self) -> str:
        if not self.errors:
            return "an exception left the application"
        error = self.errors[-1]
        if isinstance(error, Unfinished):
            return str(error)
        if isinstance(error.__cause__, SystemExit):
            error = error.__cause__
        file, line = place_of(error)
        where = f" ({file}, line {line})" if file else ""
        said = as_shown(without_password(message_of_error(error))).rstrip(".")
        return f"the application raised {said}{where}"

    def _why_refused(self, url: str) -> str:
        target = url_of(url)
        served = "" if target is None else host_refused(self.application, target.host)
        if target is None or not served:
            return ""
        return (
            f"Status 400: Django does not serve the host {as_shown(target.host)}, because ALLOWED_HOSTS does not list "
            f"it. Ask for one that it serves: --url {as_shown(url.replace(target.host, served, 1))}"
        )


def _needs_of(failure: Failure) -> dict[str, Sequence[str] | Literal[True]]:
    """
    Return what a policy has to allow to undo *failure*, by its keywords, if a header of the answer shows something
    else.
    """
    match failure.reason:
        case Reason.METHOD_NOT_ALLOWED:
            return {"allow_methods": [failure.method]}
        case Reason.HEADER_NOT_ALLOWED:
            return {"allow_headers": refused_headers(failure)}
        case reason if reason in _OF_ORIGINS:
            if failure.with_credentials:
                return {"allow_origins": [failure.sent_origin], "allow_credentials": True}
            return {"allow_origins": [failure.sent_origin]}
        case _:
            return {}


def _path_of(url: str) -> str:
    target = url_of(url)
    return "" if target is None else unquote(target.href.removeprefix(target.origin).partition("?")[0])


def _answers_itself(answer: WireResponse) -> bool:
    """
    Whether *answer* has no sign of another author: in this process, nothing is in front of the application.
    """
    if answer.status != HTTPStatus.FORBIDDEN:
        return answer.status in BEFORE_ANY_LAYER
    signs = api_gateway_seen(answer), firewall_seen(answer), in_front_seen(answer), storage_seen(answer)
    others = csrf_seen(answer), protection_seen(answer), refusal_seen(answer)
    return not any((*signs, cache_seen(answer.headers), *others))


def host_refused(application: object, host: str) -> str:
    """
    Return a host that *application*, if it is one of Django, serves in place of *host*, which it refuses; empty if it
    does not refuse it, or serves none (Django, ALLOWED_HOSTS).
    """
    if not any(framework_of(layer) == "django" for layer in layers_of(application)):
        return ""
    from django.conf import settings
    from django.http.request import split_domain_port, validate_host

    # Without any, Django serves this computer in debug mode.
    allowed = settings.ALLOWED_HOSTS or (["localhost"] if settings.DEBUG else [])
    if validate_host(split_domain_port(host)[0], allowed):
        return ""
    return next((pattern.removeprefix(".") for pattern in allowed if pattern != "*"), "")
