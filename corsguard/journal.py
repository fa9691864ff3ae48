"""
What the operator is told, on the logger `corsguard`: never what the client is told, and off the ordinary path.

The engine itself does not log; whatever knows the resource keeps a Journal of it. Strings from the network are
written as `ascii()` and cut, so that they can forge no line.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from .policy import Decision, Policy

logger: Final = logging.getLogger("corsguard")

_LONGEST_QUOTE: Final = 200


class Journal:
    """
    The records of one guard, such as a middleware; it remembers what it said already.
    """

    def __init__(self) -> None:
        self._told_of_two_layers = False
        self._told_of_misplaced: set[str] = set()

    def warn_of(self, policies: Iterable[Policy]) -> None:
        """
        Write the warnings of *policies*, as a guard does when it is given them.
        """
        for policy in policies:
            for warning in policy.warnings:
                logger.warning("%s", warning)

    def record(self, decision: Decision, environ: Mapping[str, Any]) -> None:
        """
        Write that the request of a refused *decision* was refused, or what an origin source raised.
        """
        if decision.error is not None:
            logger.error(
                "The origin source failed, so %s %s is not shared with %s.",
                *_resource(environ),
                _bounded(environ.get("HTTP_ORIGIN", "")),
                exc_info=decision.error,
            )
        # Browsers send Origin on same-origin POSTs too; they need no grant, and nobody was refused.
        elif logger.isEnabledFor(logging.INFO) and environ.get("HTTP_SEC_FETCH_SITE") != "same-origin":
            logger.info(
                "The policy of %s %s does not share with %s.",
                *_resource(environ),
                _bounded(environ.get("HTTP_ORIGIN", "")),
            )

    def record_displaced(self, names: Collection[str], environ: Mapping[str, Any]) -> None:
        """
        Write, the first time only, that the application or an inner layer had set headers that the policy owns.
        """
        if names and not self._told_of_two_layers:
            self._told_of_two_layers = True
            logger.warning(
                "Two layers of CORS: the response to %s %s already had %s. The policy replaced or removed it; "
                "take it out where it is set. This is said once.",
                *_resource(environ),
                ", ".join(map(_bounded, names)),
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


def _resource(environ: Mapping[str, Any]) -> tuple[str, str]:
    return _bounded(environ.get("REQUEST_METHOD", "")), _bounded(environ.get("PATH_INFO", ""))


def _bounded(text: object) -> str:
    quote = ascii(text[:_LONGEST_QUOTE] if isinstance(text, str) else text)
    return quote[:_LONGEST_QUOTE]
