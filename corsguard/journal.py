"""
What the operator gets to know, by the logger `corsguard` and by events. Nothing here reaches a client, and most
requests never come here. Every reason of an event is listed here.

Strings from the network are written as `ascii()` and cut, so they cannot forge a log line. A Journal writes the log and
returns events. The carrier calls the listener, because that may block.
"""

import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, repeat
from threading import Lock
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from .audience import is_interruption
from .errors import Problem, Rule
from .explanation import explain_decision, explain_handshake
from .fixes import NO_FIX, Fix
from .negotiation import Decision, Refusal, RequestKind
from .policies import Assignment
from .policy import Policy
from .quoting import quoted, shown
from .tags import Opening, ServedView, openings_of

logger: Final = logging.getLogger("corsguard")

Reason = Literal[
    "origin",
    "source",
    "two-layers",
    "odd-path",
    "websocket",
    "cross-site",
    "same-site",
    "unknown",
    "null-origin",
    "other-origin",
]
# The *example* of each is a request, as a reader would write it.
REASONS: Final[Mapping[Reason, Rule]] = MappingProxyType(
    {
        "origin": Rule(
            "The policy does not share with the origin of the request.",
            "The browser hides the response from the page, and its console says that CORS blocked it.",
            "If the page is yours, list its origin in the policy. If not, there is nothing to do.",
            "GET /items with Origin: https://stranger.example",
        ),
        "source": Rule(
            "The origin source of the policy, or the store of hosts, failed, which counts as no.",
            "Pages that may read are refused until the source answers again. The log has the exception.",
            "Repair the store. `RememberedOrigins` and `RefreshingOrigins` keep the last answers while it is down.",
            "GET /items with Origin: https://app.example.com, while the database is down",
        ),
        "two-layers": Rule(
            "The application, or an inner layer, had set headers that only the policy may set.",
            "If two layers set the same header, they will contradict each other at some time. The guard removed the "
            "headers of the other layer.",
            "Remove the other layer: another CORS library, or headers that your own code sets.",
            "a view that sets Access-Control-Allow-Origin itself",
        ),
        "odd-path": Rule(
            "The path can be read in several ways, and they lead to different policies.",
            "Servers, proxies and routers do not agree about such a path, so a closed view could get an open policy.",
            "Let the page request the plain path, without dot segments, empty segments and percent-encoding.",
            "GET //admin/users, where / and /admin have different policies",
        ),
        "websocket": Rule(
            "A WebSocket handshake was refused.",
            "A WebSocket handshake carries cookies, and CORS does not apply to it, so any page could act as the user.",
            "If the page is yours, list its origin, with `allow_credentials=True`.",
            "a handshake with Origin: https://stranger.example",
        ),
        # The reasons of protection: the request may not act.
        "cross-site": Rule(
            "A page of another site sent a request that may act.",
            "It would act as the user whose cookies it carries.",
            "If the page is yours, list its origin, the method, and `allow_credentials=True`.",
            "a form on https://stranger.example that posts to /orders",
        ),
        "same-site": Rule(
            "A page of another origin of the same site sent a request that may act.",
            "One taken-over host of the site would be enough to act as the user.",
            "If the page is yours, list its origin, the method, and `allow_credentials=True`.",
            "a form on https://blog.example.com that posts to https://api.example.com/orders",
        ),
        "unknown": Rule(
            "A request that may act had a Sec-Fetch-Site that is not in the standard.",
            "No browser sends that, so nothing is known about the page.",
            "Find the proxy or the client that writes this header.",
            "POST /orders with Sec-Fetch-Site: maybe",
        ),
        "null-origin": Rule(
            "A page with an opaque origin sent a request that may act.",
            "Every site can make such a page, with a sandboxed frame.",
            (
                "Serve the page over https, without `Referrer-Policy: no-referrer` and without a sandbox, or exempt "
                "the path."
            ),
            "a form in a sandboxed frame, or the form post of an identity provider",
        ),
        "other-origin": Rule(
            "A request that may act had an Origin that is neither the server's own nor trusted.",
            "A browser without Sec-Fetch-Site sends it for a page of another origin.",
            "If the page is yours, list its origin. If it is the server's own, let the proxy pass `Host` on.",
            "POST /orders with Origin: https://stranger.example",
        ),
    }
)

_LET_LISTED_IN: Final = Fix(
    words="The origin is listed, but a WebSocket handshake carries cookies.", policy={"allow_credentials": True}
)

_TAG_THE_CLASS: Final = "Write @cors above the class instead."
_TAG_THE_VIEW: Final = (
    "Tag the view instead: what as_view() returns, or the class if a router takes that. With @api_view, write @cors "
    "above it."
)

# For one reason and one policy, at most one record is written in so many seconds.
_PAUSE: Final = 60.0
# After this many refusals in a row that nobody heard of, the guard skips some before it looks for a listener again.
# To look costs ten times as much as a refusal itself.
_PATIENCE: Final = 100
_SKIPPED: Final = 500
# It has no state, so all journals share it.
_EACH: Final = repeat(True)
# A program that swaps its policy all the time makes any number of policies, and there may be any number of tenants.
_MOST_PAUSES: Final = 256
_MOST_WARNED_OF: Final = 256


class Event(NamedTuple):
    """
    Something that an operator may want to count.

    *reason* is one of REASONS, *policy* the policy that was asked (None if the path is closed or has no policy) and
    *name* its name, which may label a metric. *method*, *path* and *origin* come from the network: they are `ascii()`
    without its quotes, at most 200 characters long. Do not label metrics with them, because there may be any number of
    values. *fix* is what would let the request in, if a listed origin was refused. For protection, *would_refuse* is
    True if it only reports, *site* is `Sec-Fetch-Site`, from the network too, and *has_cookie* says whether the request
    had a cookie.
    """

    reason: Reason
    policy: Policy | None
    name: str
    method: str
    path: str
    origin: str
    fix: Fix = NO_FIX
    would_refuse: bool = False
    site: str = ""
    has_cookie: bool = False


class _Pause(NamedTuple):
    """
    When the last record was written, in seconds of the monotonic clock, and how many similar ones were left out since.
    """

    begun: float
    left_out: int


_NEVER: Final = _Pause(-math.inf, 0)


class Journal:
    """
    Writes the records of one guard, and remembers what it has written.

    *on_event* is the listener that `tell` calls with each Event. There are no events while *is_heard*, if given,
    returns false. *is_debug* tells whether refused requests are explained in full, for a developer.

    To ask whether anybody listens costs more than a refusal itself. So `next(turns)` tells whether a refusal has to be
    recorded: after a hundred that nobody heard of, only one of 500 asks again. `listen` ends that at once;
    whatever else changes, such as the level of the logger, is seen within 500.
    """

    def __init__(
        self,
        on_event: Callable[[Event], object] | None = None,
        is_heard: Callable[[], object] | None = None,
        is_debug: Callable[[], object] | None = None,
    ) -> None:
        self.is_debug = is_debug
        self._on_event = on_event
        self._is_heard = is_heard
        self._unheard = 0
        self.turns: Iterator[bool] = _EACH
        self._told_of_two_layers = False
        self._told_of_listed = False
        self._told_of_misplaced: set[str] = set()
        self._told_of_openings: set[Opening] = set()
        self._warned_of: OrderedDict[tuple[int, tuple[Problem, ...]], None] = OrderedDict()
        self._warned_of_hosts: set[tuple[str, tuple[Problem, ...]]] = set()
        self._pauses: OrderedDict[tuple[str, int | None], _Pause] = OrderedDict()
        self._lock = Lock()

    def listen(self, *_: object, **__: object) -> None:
        """
        Record from the next refusal on, because there is a listener now. Takes the arguments of any signal.
        """
        self._unheard, self.turns = 0, _EACH

    def tell(self, event: Event) -> None:
        """
        Call the listener with *event*. The listener may block. An exception in it is logged.
        """
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except BaseException as error:
            if is_interruption(error):
                raise
            more = self._left_out("listener", event.policy)
            if more is not None:
                logger.exception("The listener for events raised an exception. The request was still answered.%s", more)

    def warn_of(self, policies: Iterable[Policy]) -> None:
        """
        Log the warnings of *policies*, once for equal policies. A guard does so when it gets new policies.
        """
        # The policies themselves are not kept, because that would keep the threads of their sources alive.
        risky = {(hash(policy), policy.warnings): None for policy in policies if policy.warnings}
        with self._lock:
            new = [key for key in risky if key not in self._warned_of]
            self._warned_of.update(risky)
            # A program that replaces its policies all the time creates any number of them.
            while len(self._warned_of) > max(_MOST_WARNED_OF, len(risky)):
                self._warned_of.popitem(last=False)
        for _, warnings in new:
            for warning in warnings:
                logger.warning("%s", warning)

    def warn_of_host(self, there: Assignment) -> None:
        """
        Log the warnings of the policy *there*, which a store gave for a host, once for each host.

        After a fixed number of hosts no more warnings are logged, because there may be any number of tenants.
        """
        warnings = there.policy.warnings if isinstance(there.policy, Policy) else ()
        if not warnings:
            return
        with self._lock:
            is_new = (there.name, warnings) not in self._warned_of_hosts
            room = _MOST_WARNED_OF - len(self._warned_of_hosts)
            if is_new and room >= 0:
                self._warned_of_hosts.add((there.name, warnings))
        if not is_new or room < 0:
            return
        if room == 0:
            logger.warning("The store of hosts has more policies with warnings. Those are not logged.")
            return
        for warning in warnings:
            logger.warning("%s", replace(warning, field=f"hosts[{quoted(there.name)}].{warning.field}"))

    def record(self, there: Assignment, decision: Decision, environ: Mapping[str, Any]) -> tuple[Event, ...]:
        """
        Log that a request was refused, and return the Event for the listener, if there is one.

        For a developer, an allowed preflight may be logged too, because the browser refuses what the answer does not
        list. Does nothing if there is neither a listener nor a log level that shows it.
        """
        if decision.refusal is None:
            if self.explains():
                self._explain(there, decision, environ)
            return ()
        is_debug, is_heard = self.explains(), self._has_listener()
        is_told = decision.refusal is Refusal.CREDENTIALS and not is_debug and self._warn_of_listed(there, environ)
        if decision.error is None and not self._is_noticed(is_heard=is_heard, is_debug=is_debug):
            return ()
        # Browsers send Origin on same-origin POSTs too. These need no grant, so they were not refused.
        is_handshake = decision.kind is RequestKind.HANDSHAKE
        if decision.error is None and not is_handshake and environ.get("HTTP_SEC_FETCH_SITE") == "same-origin":
            return ()
        reason: Reason = "source" if decision.error is not None else "websocket" if is_handshake else "origin"
        fix = _LET_LISTED_IN if decision.refusal is Refusal.CREDENTIALS else NO_FIX
        event = _event(reason, there, environ)._replace(fix=fix)
        if is_debug:
            self._explain(there, decision, environ)
        if decision.error is not None or not (is_debug or is_told):
            self._write(event, decision.error)
        return (event,) if is_heard else ()

    def _warn_of_listed(self, there: Assignment, environ: Mapping[str, Any]) -> bool:
        """
        Log, the first time only, that a listed origin may not open a WebSocket. Return whether it was logged.

        A person who lists an origin does not expect that, and the page gets no reason.
        """
        if self._told_of_listed or not self._is_first_listed():
            return False
        event = _event("websocket", there, environ)._replace(fix=_LET_LISTED_IN)
        logger.warning(
            "The WebSocket handshake '%s' '%s' was refused for a page on '%s'. Fix: %s Or write websockets=['%s'], if "
            "the application checks a token there and uses no cookies. This is logged once.",
            event.method,
            event.path,
            event.origin,
            event.fix,
            event.path,
            extra={"cors_event": event},
        )
        return True

    def record_protection(
        self, there: Assignment, reason: Reason, fix: Fix, environ: Mapping[str, Any], *, would_refuse: bool
    ) -> tuple[Event, ...]:
        """
        Log that protection refused a request, or would refuse it, and return the Event for the listener, if there is
        one.

        Does nothing if there is neither a listener nor a log level that shows it.
        """
        is_debug, is_heard = self.explains(), self._has_listener()
        if not self._is_noticed(is_heard=is_heard, is_debug=is_debug):
            return ()
        site, has_cookie = shown(environ.get("HTTP_SEC_FETCH_SITE", "")), "HTTP_COOKIE" in environ
        event = _event(reason, there, environ)._replace(
            fix=fix, would_refuse=would_refuse, site=site, has_cookie=has_cookie
        )
        # In debug mode, each of them is logged.
        more = "" if is_debug else self._left_out(f"{reason} {would_refuse}", event.policy)
        if more is not None:
            logger.log(
                logging.WARNING if is_debug else logging.INFO,
                "Protection %s '%s' '%s' from a page on '%s' to Host '%s' (%s). %s%s%s",
                "would refuse" if would_refuse else "refused",
                *event[3:6],
                shown(environ.get("HTTP_HOST", "")),
                reason,
                REASONS[reason].message,
                f" Fix: {fix}" if fix else "",
                more,
                extra={"cors_event": event},
            )
        return (event,) if is_heard else ()

    def record_displaced(
        self, there: Assignment, names: Collection[str], environ: Mapping[str, Any]
    ) -> tuple[Event, ...]:
        """
        Log, the first time only, that the application or an inner layer had set headers that the policy owns.
        """
        if self._told_of_two_layers or not self._is_first_of_two_layers():
            return ()
        event = _event("two-layers", there, environ)
        logger.warning(
            "There are two layers of CORS: the response to '%s' '%s' already had %s. The policy replaced or removed "
            "them. Remove the code or the library that sets them. This is logged once.",
            event.method,
            event.path,
            ", ".join(f"'{shown(name)}'" for name in names),
            extra={"cors_event": event},
        )
        return (event,) if self._has_listener() else ()

    def record_odd_path(self, there: Assignment, environ: Mapping[str, Any]) -> tuple[Event, ...]:
        """
        Log that a path has no policy because it can be read in several ways.
        """
        event = _event("odd-path", there, environ)
        more = self._left_out(event.reason, None) if logger.isEnabledFor(logging.INFO) else None
        if more is not None:
            logger.info(
                "'%s' '%s' is not shared with '%s': the path can be read in several ways, which lead to different "
                "policies.%s",
                *event[3:6],
                more,
                extra={"cors_event": event},
            )
        return (event,) if self._has_listener() else ()

    def record_failed_hosts(
        self, there: Assignment, error: BaseException, environ: Mapping[str, Any]
    ) -> tuple[Event, ...]:
        """
        Log that the store of hosts failed, so the host is closed.
        """
        event = _event("source", there, environ)
        more = self._left_out("hosts", None) if logger.isEnabledFor(logging.ERROR) else None
        if more is not None:
            logger.error(
                "The store of hosts failed, so the host '%s' is closed to '%s' '%s'.%s",
                shown(there.name),
                event.method,
                event.path,
                more,
                exc_info=error,
                extra={"cors_event": event},
            )
        return (event,) if self._has_listener() else ()

    def record_misplaced(self, view: str, methods: Collection[str], *, is_class: bool = False) -> None:
        """
        Log, once for each *view*, that tags on its *methods* have no effect, and that the guard closed it. *is_class*
        says that the class itself is the view, as in Starlette.
        """
        if view not in self._told_of_misplaced:
            self._told_of_misplaced.add(view)
            logger.error(
                "@cors on a handler method (%s) of the class-based view %s has no effect, so nothing of this view is "
                "shared. %s",
                ", ".join(methods),
                view,
                _TAG_THE_CLASS if is_class else _TAG_THE_VIEW,
            )

    def record_unseen(self, app: str) -> None:
        """
        Log that *app* may have views with tags that the guard cannot find.
        """
        logger.warning(
            "Views of this process are tagged with @cors. On views of %s a tag has no effect, because corsguard.asgi "
            "finds the endpoints of Starlette and FastAPI only. Write their policies by path: {'/path': policy}. "
            "This is logged once.",
            app,
        )

    def record_openings(self, views: Iterable[ServedView]) -> None:
        """
        Log, once for each pair, which of *views* grants methods that another view serves at the same URL.
        """
        for opening in openings_of(views):
            if opening not in self._told_of_openings:
                self._told_of_openings.add(opening)
                logger.warning(
                    "Two views with different policies are at %s. The policy of %s grants %s, which %s serves. A "
                    "browser's preflight cache is per URL, not per method, so a preflight for one view also opens the "
                    "other. Give both views one policy, or give each its own URL.",
                    opening.url,
                    opening.name,
                    ", ".join(opening.methods),
                    opening.other,
                )

    def _is_noticed(self, *, is_heard: bool, is_debug: bool) -> bool:
        """
        Return whether a listener or the log shows a refusal. If not, postpone the next check.
        """
        if is_heard or is_debug or logger.isEnabledFor(logging.INFO):
            self.turns = _EACH
            return True
        self._unheard += 1
        self.turns = _EACH if self._unheard < _PATIENCE else chain(repeat(False, _SKIPPED), _EACH)
        return False

    def _has_listener(self) -> bool:
        return self._on_event is not None and (self._is_heard is None or bool(self._is_heard()))

    def explains(self) -> bool:
        """
        Return whether refusals are explained in full now, for a developer.
        """
        return self.is_debug is not None and bool(self.is_debug())

    def _write(self, event: Event, error: BaseException | None) -> None:
        if not logger.isEnabledFor(logging.INFO if error is None else logging.ERROR):
            return
        more = self._left_out(event.reason, event.policy)
        if more is None:
            return
        level, words = logging.INFO, "The policy of '%s' '%s' does not share with '%s'.%s"
        if error is not None:
            level, words = logging.ERROR, "The origin source failed, so '%s' '%s' is not shared with '%s'.%s"
        elif event.reason == "websocket":
            words = "The WebSocket handshake '%s' '%s' was refused for a page on '%s'.%s"
            more = f" Fix: {event.fix}{more}" if event.fix else more
        request = (event.method, event.path, event.origin)
        logger.log(level, words, *request, more, exc_info=error, extra={"cors_event": event})

    def _left_out(self, reason: str, policy: Policy | None) -> str | None:
        """
        Return None if a record for *reason* and *policy* has to be left out. Otherwise return a note about those that
        were left out.
        """
        # The policy itself is not kept, because that would keep the thread of its source alive.
        now, key = time.monotonic(), (reason, None if policy is None else policy.fingerprint)
        with self._lock:
            if key not in self._pauses and len(self._pauses) >= _MOST_PAUSES:
                oldest, pause = next(iter(self._pauses.items()))
                if now >= pause.begun + _PAUSE:
                    del self._pauses[oldest]
                else:
                    # There are ten reasons, so the shared records need no bound.
                    key = (reason, None)
            last = self._pauses.pop(key, _NEVER)
            is_over = now >= last.begun + _PAUSE
            self._pauses[key] = _Pause(now, 0) if is_over else last._replace(left_out=last.left_out + 1)
        if not is_over:
            return None
        return f" Similar records left out since the last one: {last.left_out}." if last.left_out else ""

    def _explain(self, there: Assignment, decision: Decision, environ: Mapping[str, Any]) -> None:
        if decision.kind is RequestKind.HANDSHAKE:
            told = explain_handshake(there, environ, lets_in=False, error=decision.error)
            logger.warning("%s %s is refused.\n%s", *_event("websocket", there, environ)[3:5], told)
            return
        if not isinstance(there.policy, Policy):
            return
        explanation = explain_decision(there.policy, environ, decision)
        if not explanation.goes_on:
            logger.warning("%s %s is blocked by CORS.\n%s", *_event("origin", there, environ)[3:5], explanation)

    def _is_first_listed(self) -> bool:
        with self._lock:
            told, self._told_of_listed = self._told_of_listed, True
        return not told

    def _is_first_of_two_layers(self) -> bool:
        with self._lock:
            told, self._told_of_two_layers = self._told_of_two_layers, True
        return not told


def _event(reason: Reason, there: Assignment, environ: Mapping[str, Any]) -> Event:
    policy = there.policy if isinstance(there.policy, Policy) else None
    method, path, origin = (shown(environ.get(name, "")) for name in ("REQUEST_METHOD", "PATH_INFO", "HTTP_ORIGIN"))
    return Event(reason, policy, there.name, method, path, origin)
