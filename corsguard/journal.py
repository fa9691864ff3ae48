"""
What the operator is told, on the logger `corsguard`: never what the client is told, and off the ordinary path.

The engine itself does not log; whatever knows the resource keeps a Journal of it. Strings from the network are
written as `ascii()` and cut, so that they can forge no line.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from threading import Lock
from typing import Any, Final, Literal, NamedTuple

from .explanation import explain
from .policy import Decision, Policy, RequestKind

logger: Final = logging.getLogger("corsguard")

_LONGEST_QUOTE: Final = 200
# Of one reason under one policy, a record is written at most every so many seconds.
_PAUSE: Final = 60.0
# So many refusals that nobody heard of are looked at one by one.
_PATIENCE: Final = 100
# A program that swaps its policy all the time makes ever new ones.
_MOST_PAUSES: Final = 256


class Event(NamedTuple):
    """
    Something that an operator may want to count.

    *reason* is `"origin"` (the policy does not share with it), `"source"` (its origin source raised) or `"two layers"`
    (an inner layer had set headers of CORS). *method*, *path* and *origin* came from the network: they are `ascii()`
    without its quotes and of at most 200 characters; but there may be any number of them, so they label no metric.
    """

    reason: Literal["origin", "source", "two layers"]
    policy: Policy
    method: str
    path: str
    origin: str


class Journal:
    """
    The records of one guard, such as a middleware; it remembers what it said already.

    *on_refusal* is called with each Event; what it raises is logged. It is left alone while *is_heard*, if given, says
    no. *is_debug* tells whether refused requests are explained in full, for a developer to read.

    To ask whether anybody listens costs more than a refusal itself. So *skips* tells how many refusals need not be
    recorded, which may be counted down: after a hundred that nobody heard of, only every hundredth asks again.
    """

    def __init__(
        self,
        on_refusal: Callable[[Event], object] | None = None,
        is_heard: Callable[[], object] | None = None,
        is_debug: Callable[[], object] | None = None,
    ) -> None:
        self.skips = 0
        self.is_debug = is_debug
        self._on_refusal = on_refusal
        self._is_heard = is_heard
        self._unheard = 0
        self._told_of_two_layers = False
        self._told_of_misplaced: set[str] = set()
        self._pauses: dict[tuple[str, int], tuple[float, int]] = {}
        self._lock = Lock()

    def warn_of(self, policies: Iterable[Policy]) -> None:
        """
        Write the warnings of *policies*, as a guard does when it is given them.
        """
        for policy in policies:
            for warning in policy.warnings:
                logger.warning("%s", warning)

    def record(self, policy: Policy, decision: Decision, environ: Mapping[str, Any]) -> None:
        """
        Tell of a request that was refused: write it, and call whoever listens.

        For a developer every *decision* may be told of, since a browser refuses what a preflight's answer does not
        list. Does nothing if nobody would notice.
        """
        is_debug = self.is_debug is not None and self.is_debug()
        if decision.refusal is None:
            if is_debug and decision.kind is RequestKind.PREFLIGHT:
                self._explain(policy, environ)
            return
        is_heard = self._on_refusal is not None and (self._is_heard is None or self._is_heard())
        if not (is_heard or is_debug or decision.error is not None or logger.isEnabledFor(logging.INFO)):
            self._unheard += 1
            self.skips = 0 if self._unheard < _PATIENCE else _PATIENCE
            return
        self.skips = 0
        # Browsers send Origin on same-origin POSTs too; they need no grant, and nobody was refused.
        if decision.error is None and environ.get("HTTP_SEC_FETCH_SITE") == "same-origin":
            return
        event = _event("origin" if decision.error is None else "source", policy, environ)
        self._call(event)
        if is_debug:
            self._explain(policy, environ)
        if decision.error is not None or not is_debug:
            self._write(event, decision.error)

    def _write(self, event: Event, error: Exception | None) -> None:
        if not logger.isEnabledFor(logging.INFO if error is None else logging.ERROR):
            return
        left_out = self._since_last(event)
        if left_out is None:
            return
        more = f" {left_out} more like it were left out before." if left_out else ""
        if error is None:
            logger.info("The policy of '%s' '%s' does not share with '%s'.%s", *event[2:], more)
        else:
            words = "The origin source failed, so '%s' '%s' is not shared with '%s'.%s"
            logger.error(words, *event[2:], more, exc_info=error)

    def _since_last(self, event: Event) -> int | None:
        """
        Return how many events like *event* were left out before it, or None if it is left out, too.
        """
        now, key = time.monotonic(), (event.reason, id(event.policy))
        with self._lock:
            last, left_out = self._pauses.get(key, (None, 0))
            if last is not None and now < last + _PAUSE:
                self._pauses[key] = last, left_out + 1
                return None
            if len(self._pauses) >= _MOST_PAUSES:
                del self._pauses[next(iter(self._pauses))]
            self._pauses[key] = now, 0
            return left_out

    def _explain(self, policy: Policy, environ: Mapping[str, Any]) -> None:
        explanation = explain(policy, environ)
        if not explanation.goes_on:
            logger.warning("%s %s is blocked by CORS.\n%s", *_event("origin", policy, environ)[2:4], explanation)

    def _call(self, event: Event) -> None:
        if self._on_refusal is not None:
            try:
                self._on_refusal(event)
            except Exception:
                logger.exception("on_refusal failed. The request was answered all the same.")

    def record_displaced(self, policy: Policy, names: Collection[str], environ: Mapping[str, Any]) -> None:
        """
        Tell, the first time only, that the application or an inner layer had set headers that the policy owns.
        """
        if names and not self._told_of_two_layers:
            self._told_of_two_layers = True
            event = _event("two layers", policy, environ)
            self._call(event)
            logger.warning(
                "Two layers of CORS: the response to '%s' '%s' already had %s. The policy replaced or removed it; "
                "take it out where it is set. This is said once.",
                event.method,
                event.path,
                ", ".join(f"'{_bounded(name)}'" for name in names),
            )

    def record_misplaced(self, view: str, methods: Collection[str]) -> None:
        """
        Write, once for each *view*, that tags on its *methods* have no effect, and that the guard closed it.
        """
        if view not in self._told_of_misplaced:
            self._told_of_misplaced.add(view)
            logger.error(
                "@cors on a handler method (%s) of the class-based view %s has no effect, so nothing of this view is "
                "shared. Tag the view instead: what as_view() returns.",
                ", ".join(methods),
                view,
            )


def _event(reason: Literal["origin", "source", "two layers"], policy: Policy, environ: Mapping[str, Any]) -> Event:
    names = ("REQUEST_METHOD", "PATH_INFO", "HTTP_ORIGIN")
    return Event(reason, policy, *(_bounded(environ.get(name, "")) for name in names))


def _bounded(text: object) -> str:
    return ascii(str(text)[:_LONGEST_QUOTE])[1:-1][:_LONGEST_QUOTE]
