"""
Why a fetch ended in a network error, as data.

The algorithms say what failed and by which step of the standard. How a console words it is in `console`.
"""

from dataclasses import dataclass

from .reasons import CORS_CHECK, Reason
from .wire import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """
    The first step of the standard that a fetch did not pass.

    *clause* names that step. *value* is what was at fault: a field's value (None if it is absent), a method, the name
    of a header (in lower case), a redirect's target, or what a transport said. *url* is where it failed, *first_url*
    the URL of the call. *page_origin* is the page's origin, *sent_origin* the value of `Origin`: `null` after a
    tainting redirect. *exchange* is the answer that was refused. It is None if nothing was sent, or if only a console
    line is known. *net_error* is Chromium's name for the missing response, if the transport knows it. *speaks* is the
    scheme to which the server would have answered, or the protocol that it speaks instead of HTTP. *initiator* is what
    Chromium calls that which requested it.
    """

    reason: Reason
    clause: str
    value: str | None
    method: str
    url: str
    first_url: str
    page_origin: str
    sent_origin: str
    mode: str
    with_credentials: bool
    is_preflight: bool
    exchange: Exchange | None
    net_error: str = ""
    speaks: str = ""
    initiator: str = "fetch"

    @property
    def code(self) -> str:
        """
        The reason's name. It has the prefix `preflight_` if the answer to a preflight failed a check that responses
        have to pass too.
        """
        return f"preflight_{self.reason}" if self.is_preflight and self.reason in CORS_CHECK else self.reason.value


class FetchFailed(Exception):
    """
    Ends a fetch; it never leaves the package.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure
