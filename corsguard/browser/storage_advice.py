"""
What to change where object storage or Amazon API Gateway answers, and no application: its own rules.
"""

from http import HTTPStatus
from typing import Final

from corsguard.origin import NULL

from .evidence import as_shown
from .failures import Failure
from .intermediaries import storage_says
from .wire import WireResponse

LOAD_FROM_SERVER: Final = "Load it from a server"
_OF_API_GATEWAY: Final = "Amazon API Gateway answers by itself, before any application"
# What a REST API says if no method is configured for what was requested.
_NO_ROUTE: Final = "MissingAuthenticationToken"
_ENABLE_CORS: Final = "Enable CORS for this resource in the gateway, and deploy the API."
_GATEWAY_RESPONSES: Final = (
    "For CORS headers on the errors of the gateway, add them to its gateway responses (DEFAULT 4XX, DEFAULT 5XX), and "
    "deploy the API."
)
_OTHER_CAUSE: Final = (
    " The page gets this error also after that, so fix its cause, too (if a signed URL has expired: sign a new one)."
)


def of_api_gateway(failure: Failure, line: str) -> str:
    """
    Return what Amazon API Gateway needs, which answers by itself, as the header *line* shows.
    """
    method = "OPTIONS" if failure.is_preflight else as_shown(failure.method)
    if _NO_ROUTE not in line:
        return f"{_OF_API_GATEWAY}: its log says why. {_GATEWAY_RESPONSES}"
    why = f"{_OF_API_GATEWAY}: it has no method {method} for this URL (or the stage or the path is not right)."
    return f"{why} {_ENABLE_CORS}" if failure.is_preflight else f"{why} {_GATEWAY_RESPONSES}"


def of_storage(failure: Failure, answer: WireResponse, line: str) -> str:
    """
    Return what the rules of a bucket need, which answers as the header *line* shows.
    """
    start = f"Object storage answers ({line})"
    if failure.sent_origin == NULL and failure.page_origin != NULL:
        return (
            f"The redirect between two foreign origins makes the Origin null, and a rule that lists "
            f"{as_shown(failure.page_origin)} does not count for null. {start}: let the server answer with this URL as "
            "data (JSON) instead of a redirect, and let the page request it. Then the CORS rules of the bucket have to "
            "list the origin of the page. Or, if the data are public, let the rules allow *."
        )
    if failure.sent_origin == NULL:
        return (
            f"{start}, and the page has no origin of its own (null). {LOAD_FROM_SERVER}, and let the CORS rules of "
            "the bucket list its origin. Or, if the data are public, let the rules allow *."
        )
    why = f"{start}: the CORS rules of the bucket have to list this origin, and the method."
    if said := storage_says(answer):
        is_about_rules = failure.is_preflight or "cors" in said.lower()
        return f'{why} The body says: "{said}".{"" if is_about_rules else _OTHER_CAUSE}'
    is_refused = answer.status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}
    if failure.is_preflight or not is_refused:
        return f"{why} The body says more." if is_refused else why
    return f"{why} Is there such an object, and is it public? The body says more."
