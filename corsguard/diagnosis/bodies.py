"""
Whether the page can read the body after it has read the head: a browser judges CORS by the head, and the body fails
later.
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Final

from corsguard.browser.connection_advice import WRONGLY_CODED
from corsguard.browser.evidence import as_shown
from corsguard.browser.headers import get
from corsguard.browser.wire import WireRequest, WireResponse
from corsguard.fixes import Fix

from .playing import Fault, Outcome

# What httpx says if a body breaks off, and Chromium's name for it.
_BREAKS: Final = (
    ("incomplete chunked read", "INCOMPLETE_CHUNKED_ENCODING"),
    ("chunk", "INVALID_CHUNKED_ENCODING"),
    ("received", "CONTENT_LENGTH_MISMATCH"),
)
_RESET: Final = "CONNECTION_RESET"
# RFC 9110, 8.4.1. Some servers send deflate without its envelope, and browsers accept that.
_WINDOWS: Final[Mapping[str, tuple[int, ...]]] = {"gzip": (31,), "x-gzip": (31,), "deflate": (15, -15)}


def unreadable(
    outcome: Outcome, broken: Mapping[tuple[str, str], BaseException], hide: Callable[[str], str]
) -> Fault | None:
    """
    Return the fault that the body of the last answer cannot be read; *broken* has the errors of bodies by the method
    and the URL of their request.
    """
    last = outcome.exchanges[-1] if outcome.exchanges else None
    if outcome.response is None or outcome.response.type not in {"basic", "cors"} or last is None:
        return None
    error = broken.get((last.request.method, last.request.url))
    if error is not None:
        said = str(error).rstrip(".")
        name = next((name for sign, name in _BREAKS if sign in said), _RESET)
        return _fault(
            f"it breaks off ({as_shown(hide(said))})",
            name,
            "Does the server, or a proxy in front, end it too early, or write it wrongly (Transfer-Encoding, "
            "Content-Length)? Look at its log.",
        )
    if last.response is not None and (coding := _false_coding(last.request, last.response)):
        return _fault(
            f"its Content-Encoding is {coding}, and it is something else",
            "CONTENT_DECODING_FAILED",
            WRONGLY_CODED,
        )
    return None


def _fault(why: str, net_error: str, words: str) -> Fault:
    cause = f"The page may read the answer, and cannot read its body: {why}. Chromium says net::ERR_{net_error}."
    return Fault(code="body", cause=cause, fix=Fix(words=f"This is not CORS. {words}"))


def _false_coding(request: WireRequest, answer: WireResponse) -> str:
    """
    Return the coding that *answer* names, if its body has another one, as far as its beginning shows it.
    """
    coding = (get(answer.headers, "Content-Encoding") or "").strip().lower()
    if not answer.body or request.method == "HEAD" or coding not in _WINDOWS:
        return ""
    return "" if any(_is_coded(answer.body, window) for window in _WINDOWS[coding]) else coding


def _is_coded(body: bytes, window: int) -> bool:
    try:
        # A small body may unpack to a large one.
        zlib.decompressobj(window).decompress(body, 1024)
    except zlib.error:
        return False
    return True
