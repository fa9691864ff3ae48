"""
One request of a page to a server, and what the model of a browser says about the answer: whether the page may read it.

Each exchange is judged twice, with credentials and without. Nothing else in this folder decides who may read.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, NamedTuple, Self
from urllib.parse import urlsplit

from corsguard.browser import (
    Browser,
    NetworkError,
    Reason,
    Response,
    Transport,
    Unreachable,
    WebSocket,
    WireRequest,
    WireResponse,
)
from corsguard.browser.evidence import LONGEST_READ, REDIRECTS
from corsguard.browser.handshakes import faulty_field
from corsguard.browser.headers import get, is_safelisted_method, values_of
from corsguard.browser.reasons import CORS_CHECK, OF_STATUS
from corsguard.browser.urls import origin_of
from corsguard.browser.wire import Header
from corsguard.names import ALLOW_CREDENTIALS, ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN, OWNED_PREFIX

# The URL of a page that gets its origin in another way than from its URL.
_PAGE_HOST: Final = "attacker.example"
# RFC 6585, 4, and RFC 9110, 15.6.4: the statuses for clients that send too many requests.
TOO_MANY: Final = 429
BUSY: Final = frozenset({TOO_MANY, 503})
# The reasons for which a preflight fails because of the origin, whatever it says about methods and headers.
_REFUSES_ALL: Final = CORS_CHECK | OF_STATUS | {Reason.UNREACHABLE}


class PageFetch(NamedTuple):
    """
    One fetch of *url* by a page at *origin*, or without an Origin.

    If it needs a preflight, by its *method*, by *names* of headers or as an upload with a listener (*is_upload*), only
    the preflight is sent. *more* are header lines that are sent in addition to the browser's, or in place of them, and
    *body* is the body, even if no page could send these. *is_handshake* is True if the page opens a WebSocket.
    """

    url: str
    origin: str | None = None
    method: str = "GET"
    names: tuple[str, ...] = ()
    is_upload: bool = False
    more: tuple[Header, ...] = ()
    is_handshake: bool = False
    body: bytes = b""

    @property
    def is_preflight(self) -> bool:
        return not is_safelisted_method(self.method) or bool(self.names) or self.is_upload


@dataclass(frozen=True)
class Answer:
    """
    The result of a *fetch*: the *request* as it was sent, its *response* (status 0: none) and the *seconds* that it
    took.
    """

    fetch: PageFetch
    request: WireRequest
    response: WireResponse
    seconds: float = 0.0

    @classmethod
    def of(cls, fetch: PageFetch, *headers: Header, status: int = 200, body: bytes = b"", seconds: float = 0.0) -> Self:
        """
        Return the answer to *fetch* of a server that sends *headers*.
        """
        request = WireRequest("OPTIONS" if fetch.is_preflight else fetch.method, fetch.url)
        return cls(fetch, request, WireResponse(status, headers, body), seconds)

    @property
    def came(self) -> bool:
        return self.response.status != 0

    @property
    def is_told(self) -> bool:
        """
        Whether a response came that answers the fetch, and not one of a server that is too busy.
        """
        return self.came and self.status not in BUSY

    @property
    def is_of_resource(self) -> bool:
        """
        Whether the resource itself has answered a request for it. An error may be the answer of a login, a router, a
        firewall or a limit in front of it, and has no data.
        """
        is_asked = not self.fetch.is_preflight and self.fetch.method in {"GET", "HEAD"}
        return is_asked and self.came and self.status < 400 and self.status not in REDIRECTS

    @property
    def status(self) -> int:
        return self.response.status

    @cached_property
    def lines(self) -> tuple[Header, ...]:
        """
        The response's header lines, shortened before they are read.
        """
        return tuple((name, value[:LONGEST_READ]) for name, value in self.response.headers)

    def get(self, name: str) -> str | None:
        return get(self.lines, name)

    def all(self, name: str) -> list[str]:
        return values_of(self.lines, name)

    def lists(self, name: str, item: str) -> bool:
        """
        Whether the response lists *item* in the header *name*, in upper or lower case.
        """
        return item.lower() in (part.strip().lower() for part in (self.get(name) or "").split(","))

    @cached_property
    def varies(self) -> bool:
        """
        Whether a cache may use the response for this origin only (RFC 9110, "Vary").
        """
        return self.lists("Vary", "Origin") or self.lists("Vary", "*")

    @property
    def echoes(self) -> bool:
        """
        Whether the response names the origin of the fetch, or opens a WebSocket for it.
        """
        if self.fetch.is_handshake:
            return self.lets_in
        return self.came and self.fetch.origin is not None and self.get(ALLOW_ORIGIN) == self.fetch.origin

    def shares(self, *, with_credentials: bool) -> bool:
        """
        Whether the page may read the response. For a preflight: whether the browser would continue. For a handshake:
        whether the WebSocket is open.
        """
        if self.fetch.is_handshake:
            # A handshake always has credentials, and its answer is valid for one key only.
            return self.status == 101 and faulty_field(self.request, self.response) is None
        outcome = self._outcome(with_credentials=with_credentials)
        # A redirect is followed, so the page reads another response.
        return isinstance(outcome, Response) and outcome.type != "opaqueredirect"

    @property
    def is_read_with_credentials(self) -> bool:
        return self.shares(with_credentials=True)

    @property
    def lets_in(self) -> bool:
        """
        Whether the page may read because of its origin, and not because everybody may.
        """
        is_named = self.get(ALLOW_ORIGIN) not in {None, "*"}
        return self.is_read_with_credentials or (is_named and self.shares(with_credentials=False))

    @property
    def is_open_to_all(self) -> bool:
        """
        Whether every page may read, without credentials.
        """
        return self.get(ALLOW_ORIGIN) == "*" and self.shares(with_credentials=False)

    def grants_origin(self, *, with_credentials: bool) -> bool:
        """
        Whether the preflight's answer allows the origin, whatever else it refuses.
        """
        outcome = self._outcome(with_credentials=with_credentials)
        return isinstance(outcome, Response) or outcome not in _REFUSES_ALL

    @property
    def has_bad_status(self) -> bool:
        """
        Whether the preflight fails because of its status, whatever else it says.
        """
        granted = (
            (ALLOW_ORIGIN, self.fetch.origin or "*"),
            (ALLOW_CREDENTIALS, "true"),
            (ALLOW_METHODS, self.fetch.method),
            (ALLOW_HEADERS, ", ".join(self.fetch.names)),
        )
        rest = tuple(line for line in self.lines if not line[0].lower().startswith(OWNED_PREFIX))
        granting = replace(self, response=WireResponse(self.status, (*granted, *rest)))
        return self.is_told and not granting.shares(with_credentials=True)

    def _outcome(self, *, with_credentials: bool) -> Response | WebSocket | Reason:
        """
        Return what a page gets from this response, or why a browser blocks it.
        """

        def replay(request: WireRequest) -> WireResponse:
            if not self.came:
                raise Unreachable("no response came")
            if self.fetch.is_preflight and request.method != "OPTIONS":
                return WireResponse(200, ((ALLOW_ORIGIN, self.fetch.origin or "*"), (ALLOW_CREDENTIALS, "true")))
            return WireResponse(self.status, self.lines)

        try:
            return fetched(replay, self.fetch, "include" if with_credentials else "omit")
        except NetworkError as error:
            return error.failure.reason


def fetched(carry: Transport, fetch: PageFetch, credentials: Literal["include", "omit"]) -> Response | WebSocket:
    """
    Return what a page at the origin of *fetch* gets. Redirects are not followed.
    """
    own = origin_of(fetch.url)
    # The page has the scheme of the resource, because otherwise the browser blocks it as mixed content.
    page = Browser(carry).open(f"{own.partition(':')[0]}://{_PAGE_HOST}", origin=fetch.origin or own)
    if fetch.is_handshake:
        return page.websocket(fetch.url)
    return page.fetch(
        fetch.url,
        method=fetch.method,
        headers=[(name, "1") for name in fetch.names],
        credentials=credentials,
        redirect="manual",
        upload_listener=fetch.is_upload,
    )


def target_of(url: str) -> str:
    """
    Return path and query of *url*, as a request has them.
    """
    parts = urlsplit(url)
    return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
