"""
Why a fetch ended in a network error, as data.

The algorithms say what failed and where the standard says so; how that reads in a console is another room's business.
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
    where the page began; *page_origin* is the page's, *sent_origin* what `Origin` said, `null` after a tainting
    redirect. *exchange* is the answer that was refused, None if nothing had been sent or no more is known of it than
    what a console tells. *net_error* is what Chromium calls it that no response came, if the transport knows, and
    *speaks* the scheme to which the server would have answered, or what it speaks in place of HTTP.
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

    @property
    def code(self) -> str:
        """
        The reason's name, with `preflight_` before it where the answer to a preflight was checked like a response.
        """
        return f"preflight_{self.reason}" if self.is_preflight and self.reason in CORS_CHECK else self.reason.value


class FetchFailed(Exception):
    """
    Ends a fetch; it never leaves the package.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure
