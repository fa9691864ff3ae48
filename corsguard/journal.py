"""
What the operator is told, on the logger `corsguard`: never what the client is told, and off the ordinary path.

The engine itself does not log; whatever knows the resource keeps a Journal of it. Strings from the network are
written as `ascii()` and cut, so that they can forge no line.
"""

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import chain, repeat
from threading import Lock
from typing import Any, Final, Literal, NamedTuple
from weakref import ReferenceType, ref

from .explanation import explain
from .policy import Decision, Policy

logger: Final = logging.getLogger("corsguard")

_LONGEST_QUOTE: Final = 200
# Of one reason under one policy, a record is written at most every so many seconds.
_PAUSE: Final = 60.0
# So many refusals that nobody heard of are looked at one by one.
_PATIENCE: Final = 100
# It keeps no count, so all may share it.
_EACH: Final = repeat(True)
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


class _Pause(NamedTuple):
    """
    When a record was last written about *policy*, in seconds of the monotonic clock, and how many were left out since.
    """

    policy: ReferenceType[Policy]
    begun: float
    left_out: int


class Journal:
    """
    The records of one guard, such as a middleware; it remembers what it said already.

    *on_refusal* is called with each Event; what it raises is logged. It is left alone while *is_heard*, if given, says
    no. *is_debug* tells whether refused requests are explained in full, for a developer to read.

    To ask whether anybody listens costs more than a refusal itself. So `next(turns)` tells whether a refusal need be
    recorded: after a hundred that nobody heard of, only every hundredth asks again.
    `listen` ends that at once; whatever else changes, such as the level of the logger, is seen within a hundred.
    """

    def __init__(
        self,
        on_refusal: Callable[[Event], object] | None = None,
        is_heard: Callable[[], object] | None = None,
        is_debug: Callable[[], object] | None = None,
    ) -> None:
        self.turns: Iterator[bool] = _EACH
        self.is_debug = is_debug
        self._on_refusal = on_refusal
        self._is_heard = is_heard
        self._unheard = 0
        self._told_of_two_layers = False
        self._told_of_misplaced: set[str] = set()
        self._pauses: dict[tuple[str, int], _Pause] = {}
        self._lock = Lock()

    def listen(self, *_: object, **__: object) -> None:
        """
        Look at the next refusal, because somebody listens now. Takes whatever a signal sends.
        """
        self._unheard, self.turns = 0, _EACH

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
            if is_debug:
                self._explain(policy, environ)
            return
        is_heard = self._on_refusal is not None and (self._is_heard is None or self._is_heard())
        if not (is_heard or is_debug or decision.error is not None or logger.isEnabledFor(logging.INFO)):
            self._unheard += 1
            self.turns = _EACH if self._unheard < _PATIENCE else chain(repeat(False, _PATIENCE), _EACH)
            return
        self.turns = _EACH
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
        more = self._left_out(event.reason, event.policy)
        if more is None:
            return
        said = {"cors_event": event}
        if error is None:
            logger.info("The policy of '%s' '%s' does not share with '%s'.%s", *event[2:], more, extra=said)
        else:
            words = "The origin source failed, so '%s' '%s' is not shared with '%s'.%s"
            logger.error(words, *event[2:], more, exc_info=error, extra=said)

    def _left_out(self, reason: str, policy: Policy) -> str | None:
        """
        Return None if a record of *reason* and *policy* is to be left out, else what to say of those that were.
        """
        now, key = time.monotonic(), (reason, id(policy))
        with self._lock:
            last = self._pauses.pop(key, None)
            # Once a policy is gone, another one may have its id.
            if last is None or last.policy() is not policy:
                last = _Pause(ref(policy), -math.inf, 0)
            is_over = now >= last.begun + _PAUSE
            if len(self._pauses) >= _MOST_PAUSES:
                del self._pauses[next(iter(self._pauses))]
            self._pauses[key] = (
                last._replace(begun=now, left_out=0) if is_over else last._replace(left_out=last.left_out + 1)
            )
        if not is_over:
            return None
        return f" Left out since the last like it: {last.left_out}." if last.left_out else ""

    def _explain(self, policy: Policy, environ: Mapping[str, Any]) -> None:
        explanation = explain(policy, environ)
        if not explanation.goes_on:
            logger.warning("%s %s is blocked by CORS.\n%s", *_event("origin", policy, environ)[2:4], explanation)

    def _call(self, event: Event) -> None:
        if self._on_refusal is not None:
            try:
                self._on_refusal(event)
            except Exception:
                more = self._left_out("on_refusal", event.policy)
                if more is not None:
                    logger.exception("What listens to refusals failed. The request was answered all the same.%s", more)

    def record_displaced(self, policy: Policy, names: Collection[str], environ: Mapping[str, Any]) -> None:
        """
        Tell, the first time only, that the application or an inner layer had set headers that the policy owns.
        """
        if names and not self._told_of_two_layers and self._is_first_of_two_layers():
            event = _event("two layers", policy, environ)
            self._call(event)
            logger.warning(
                "Two layers of CORS: the response to '%s' '%s' already had %s. The policy replaced or removed it; "
                "take it out where it is set. This is said once.",
                event.method,
                event.path,
                ", ".join(f"'{_bounded(name)}'" for name in names),
                extra={"cors_event": event},
            )

    def _is_first_of_two_layers(self) -> bool:
        with self._lock:
            told, self._told_of_two_layers = self._told_of_two_layers, True
        return not told

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
