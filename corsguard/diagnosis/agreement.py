"""
Compares what a page in a real browser got with what the model says: where they differ, and why, if that is known.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, NamedTuple

from corsguard.browser import Exchange, NetworkError, Response, WebSocket
from corsguard.browser.evidence import LONGEST_READ, REDIRECTS, as_shown
from corsguard.browser.headers import get
from corsguard.browser.wire import Header

from .playing import Fetch

_SHOWN: Final = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
_COOKIES: Final = (
    "This browser keeps the cookies of other sites apart, or does not send them at all: that is a setting, or its "
    "tracking protection. The model sends them."
)
# XMLHttpRequest, "send()", sets the flag that needs a preflight whatever the body is.
_LISTENER: Final = (
    "For this browser, an upload listener matters only if there is a body. The model follows the standard."
)
_REDIRECTED: Final = (
    "After a redirect to another origin, Firefox's preflight still names the origin of the page, and headers that "
    "Firefox then drops. The model follows the standard."
)


class Got(NamedTuple):
    """
    What a script got: an answer, an open WebSocket, or an error without details. Names of *headers* are in lower case.
    An XMLHttpRequest does not have the *type*.
    """

    what: Literal["response", "open", "error"]
    status: int = 0
    type: str = ""
    headers: tuple[Header, ...] = ()

    @classmethod
    def of_model(cls, outcome: Response | WebSocket | NetworkError) -> "Got":
        """
        Return what a script gets for the *outcome* of the model.
        """
        if isinstance(outcome, NetworkError):
            return cls("error")
        if isinstance(outcome, WebSocket):
            return cls("open")
        return cls("response", outcome.status, outcome.type, tuple(sorted(outcome.headers.items())))

    def __str__(self) -> str:
        if self.what != "response":
            return "only an error" if self.what == "error" else "an open WebSocket"
        return "an opaque response" if self.status == 0 else f"a response with status {self.status}"


class Disagreement(NamedTuple):
    """
    One difference between the browser and the model: what it is *about*, what each has, and *why*, if that is known.
    """

    about: str
    browser: str
    model: str
    why: str = ""

    def data(self) -> dict[str, str]:
        """
        Return the same as plain data.
        """
        return self._asdict()


def disagreements(  # noqa: PLR0913 - what is compared
    asked: Fetch,
    got: Got,
    requests: Sequence[Exchange],
    expected: Got,
    rehearsed: Sequence[Exchange],
    *,
    is_firefox: bool = False,
) -> Iterator[Disagreement]:
    """
    Yield where a browser and the model differ for the fetch *asked*: the browser's page *got* this, and the browser
    sent *requests*.
    """
    seen, meant = [*map(_comparable, requests)], [*map(_comparable, rehearsed)]
    sends_cookies = [*map(_has_cookie, requests)] == [*map(_has_cookie, rehearsed)]
    why = ""
    if seen == meant and not sends_cookies:
        why = _COOKIES
    elif asked.upload_listener and asked.body is None and not any(one.is_preflight for one in requests):
        why = _LISTENER
    elif is_firefox and _differs_after_redirect(requests, rehearsed):
        why = _REDIRECTED
    if (got.what, got.status) != (expected.what, expected.status):
        yield Disagreement("What the page gets", str(got), str(expected), why)
    elif got.type and got.type != expected.type:
        yield Disagreement("The type of the response", got.type, expected.type)
    elif got.headers != expected.headers:
        yield Disagreement("The headers that the page can read", _names(got.headers), _names(expected.headers), why)
    if seen != meant:
        yield Disagreement("The requests", "; ".join(seen) or "none", "; ".join(meant) or "none", why)
    elif not sends_cookies:
        yield Disagreement("The requests with a cookie", _with_cookies(requests), _with_cookies(rehearsed), why)


def _differs_after_redirect(requests: Sequence[Exchange], rehearsed: Sequence[Exchange]) -> bool:
    """
    Whether the first difference is about a preflight after a redirect: its content, or whether it was sent.
    """
    for number, (one, other) in enumerate(zip(requests, rehearsed, strict=False)):
        if _comparable(one) != _comparable(other):
            before = rehearsed[number - 1].response if number else None
            is_redirected = before is not None and before.status in REDIRECTS
            return is_redirected and (one.is_preflight or other.is_preflight)
    return False


def _comparable(exchange: Exchange) -> str:
    """
    Return the parts of a request that are equal in all browsers.
    """
    request = exchange.request
    lines = ((name, get(request.headers, name)) for name in _SHOWN)
    said = ", ".join(f"{name}: {as_shown(value)}" for name, value in lines if value is not None)
    return f"{as_shown(request.method)} {as_shown(request.url, LONGEST_READ)} ({said or 'no Origin'})"


def _has_cookie(exchange: Exchange) -> bool:
    return get(exchange.request.headers, "Cookie") is not None


def _with_cookies(exchanges: Iterable[Exchange]) -> str:
    return ", ".join(as_shown(one.request.method) for one in exchanges if _has_cookie(one)) or "none"


def _names(headers: Iterable[Header]) -> str:
    return ", ".join(f"{as_shown(name)}: {as_shown(value)}" for name, value in headers) or "none"
