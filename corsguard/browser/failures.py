"""
Why a fetch ended in a network error, as data.

The algorithms say what failed and where the standard says so; how that reads in a console is another room's business.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .wire import Exchange


class Reason(StrEnum):
    """
    What was wrong: one name for each way in which a browser refuses.
    """

    FORBIDDEN_METHOD = "forbidden_method"
    BAD_PORT = "bad_port"
    MIXED_CONTENT = "mixed_content"
    SAME_ORIGIN_MODE = "same_origin_mode"
    NO_CORS_REDIRECT_MODE = "no_cors_redirect_mode"
    BAD_SCHEME = "bad_scheme"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    TLS_CLIENT_CERTIFICATE = "tls_client_certificate"
    PREFLIGHT_REDIRECT = "preflight_redirect"
    MISSING_ALLOW_ORIGIN = "missing_allow_origin"
    WILDCARD_WITH_CREDENTIALS = "wildcard_with_credentials"
    MULTIPLE_ALLOW_ORIGIN = "multiple_allow_origin"
    ALLOW_ORIGIN_MISMATCH = "allow_origin_mismatch"
    ALLOW_CREDENTIALS_NOT_TRUE = "allow_credentials_not_true"
    PREFLIGHT_STATUS = "preflight_status"
    ALLOW_METHODS_UNPARSABLE = "allow_methods_unparsable"
    ALLOW_HEADERS_UNPARSABLE = "allow_headers_unparsable"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    HEADER_NOT_ALLOWED = "header_not_allowed"
    CORP = "corp"
    REDIRECT_MODE_ERROR = "redirect_mode_error"
    REDIRECT_UNPARSABLE = "redirect_unparsable"
    REDIRECT_BAD_SCHEME = "redirect_bad_scheme"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    REDIRECT_USERINFO = "redirect_userinfo"
    REDIRECT_STREAM_BODY = "redirect_stream_body"


# Fetch, "CORS check": its reasons are those of a preflight's answer and of the response itself.
CORS_CHECK: Final = frozenset(
    {
        Reason.MISSING_ALLOW_ORIGIN,
        Reason.WILDCARD_WITH_CREDENTIALS,
        Reason.MULTIPLE_ALLOW_ORIGIN,
        Reason.ALLOW_ORIGIN_MISMATCH,
        Reason.ALLOW_CREDENTIALS_NOT_TRUE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """
    The first step of the standard that a fetch did not pass.

    *clause* names that step. *value* is what was at fault: a field's value (None if it is absent), a method, the name
    of a header (in lower case), a redirect's target, or what a transport said. *url* is where it failed, *first_url*
    where the page began; *page_origin* is the page's, *sent_origin* what `Origin` said, `null` after a tainting
    redirect. *exchange* is the answer that was refused, None if nothing had been sent or no more is known of it than
    what a console tells.
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
