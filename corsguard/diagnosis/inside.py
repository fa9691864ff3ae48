"""
What is known about an application that runs in this process: who guards it, which exception it raised, which hosts it
serves.

Its answer only suggests a cause, so what is known takes its place.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, Self

from corsguard.applications import layers_of
from corsguard.browser import Reason
from corsguard.browser.collecting import logger
from corsguard.browser.evidence import as_shown, status_of, url_of, without_password
from corsguard.fixes import Fix, Form

from .checklist import Row
from .guarded import Guarded, framework_of
from .objects import message_of_error, place_of
from .playing import Fault
from .predecessors import Predecessor
from .rehearsal import Rehearsal

_FAILED: Final = 500
# Failures for which the status is the reason.
_OF_STATUS: Final = frozenset({Reason.HANDSHAKE_REFUSED, Reason.PREFLIGHT_STATUS})
_BAD_REQUEST: Final = 400
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
    The exceptions that left an application while it answered, instead of a traceback for each on the terminal.
    """

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            self.errors.append(error)

    def __enter__(self) -> Self:
        logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logger.removeHandler(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """
    What is known about *application*: the guard that it has, what its policy says about the request, the *predecessor*
    that guards it instead, and the *errors* that left it.
    """

    application: object
    guarded: Guarded | None
    rehearsal: Rehearsal | None
    predecessor: Predecessor | None
    errors: tuple[BaseException, ...]

    def with_cause(self, fault: Fault) -> Fault:
        """
        Return *fault* with the cause that is known.
        """
        failure = fault.failure
        if failure is not None and failure.reason in _OF_STATUS and self.errors and status_of(failure) == "500":
            return replace(fault, fix=Fix(words=f"Status 500: {self._error()}. Repair that."))
        if failure is None or failure.reason is not Reason.MISSING_ALLOW_ORIGIN:
            return fault
        words = "" if self.rehearsal is None else self.rehearsal.unguarded
        answer = None if failure.exchange is None else failure.exchange.response
        if answer is not None and answer.status == _BAD_REQUEST and (why := self._why_refused(failure.url)):
            return replace(fault, fix=Fix(words=why))
        if answer is None or words or self.rehearsal is not None:
            return replace(fault, fix=replace(fault.fix, words=words)) if words else fault
        if answer.status == _FAILED and self.guarded is not None:
            hint = _PASSED_ON_BY.get(framework_of(self.application), "")
            return replace(fault, fix=Fix(words=f"{_PASSED_ON.format(error=self._error())} {hint}".rstrip()))
        if answer.status == _FAILED and self.errors:
            words = (
                f"Status 500: {self._error()}. Repair that first. What answers an exception is often outside of the "
                "CORS layer, so also put that outermost."
            )
        elif answer.status < _BAD_REQUEST and self.predecessor is not None:
            words = f"{self.predecessor.library} guards the application, and does not share this path with this origin."
        return replace(fault, fix=replace(fault.fix, words=words)) if words else fault

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
