"""
Finds the page that sends a request: the one that the user names, or the most likely one.
"""

import re
from collections.abc import Sequence
from typing import Final

from corsguard.browser.evidence import url_of
from corsguard.browser.urls import address_space, is_trustworthy, of_handshake, page_origin
from corsguard.errors import PolicyError
from corsguard.names import EXAMPLE_ORIGIN
from corsguard.origin import NULL, Origin, OriginPattern
from corsguard.quoting import quoted

OPEN_PAGE: Final = EXAMPLE_ORIGIN.replace("https:", "http:", 1)
_LOCAL_PAGES: Final = ("http://localhost:3000", "http://localhost:5173")
_AUTHORITY: Final = re.compile(r"[^:]*://[^/?#]*")
# Schemes whose pages have no origin of their own (HTML, "opaque origin").
_OPAQUE_SCHEMES: Final = frozenset({"about", "data", "file"})


def page_named(text: str) -> str:
    """
    Return the origin of the page that *text* names: an origin, `null`, or the URL of the page.

    Raises ValueError with what to write.
    """
    if text == NULL or Origin.parse(text) is not None:
        return text
    url = url_of(text)
    if url is not None:
        origin = page_origin(url)
        if Origin.parse(origin) is not None or (origin == NULL and url.scheme in _OPAQUE_SCHEMES):
            return origin
    if "*" not in text:
        try:
            OriginPattern.parse(text)
        except PolicyError as error:
            problem = error.problems[0]
            raise ValueError(f"{problem.message} Write {problem.fix}") from None
    raise ValueError(
        f"A page has one origin, and {quoted(text)} is a pattern. Write the origin of one page, such as "
        f"{EXAMPLE_ORIGIN}"
    )


def origin_named(text: str) -> str | None:
    """
    Return the origin of the page that a console names with *text*, None if it is not an origin.

    An origin outside our grammar, such as app://. of Electron or capacitor:// without a host, is returned as it is: no
    policy can list it.
    """
    if text == NULL or Origin.parse(text) is not None:
        return text
    if text == "file://":
        # Apps in a WebView send it.
        return text
    if text.partition(":")[0] in _OPAQUE_SCHEMES:
        return NULL
    url = url_of(text)
    if url is None:
        return None
    if Origin.parse(url.origin) is not None:
        return url.origin
    is_bare = text == f"{url.scheme}://"
    authority = _AUTHORITY.match(text)
    return authority[0] if authority and (url.host or is_bare) and url.origin == NULL else None


def assumed_page(url: str, listed: Sequence[str] = ()) -> str:
    """
    Return the origin that most likely requests *url*: one of those *listed* that a browser lets request it. If there is
    none, return an origin on this machine if the URL is on it too, and otherwise one with the same scheme.
    """
    target = url_of(url)
    own = None if target is None else of_handshake(target).origin
    for page in listed:
        # Mixed Content, "should fetching request be blocked as mixed content?"
        if own is not None and page != own and (is_trustworthy(own) or not page.startswith("https:")):
            return page
    if target is None or address_space(target.host) == "public":
        return OPEN_PAGE if url.startswith(("http://", "ws://")) else EXAMPLE_ORIGIN
    return next(page for page in _LOCAL_PAGES if page != own)
