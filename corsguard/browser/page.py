"""
The browser's interface for tests: pages that fetch with the arguments of the JavaScript call, and what they get.

This module turns a call into Fetch's request, and its outcome into what a script may see. The algorithms are in
`fetching`.
"""

import json as _json
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast, get_args

from corsguard.fixes import Fix
from corsguard.names import CHROMIUM_MAX_AGE, EXAMPLE_ORIGIN, is_token

from . import advice, console, notes
from .collecting import Patience
from .console import Note
from .cookies import CookieJar
from .failures import Failure, FetchFailed
from .fetching import (
    Client,
    CredentialsMode,
    EmbedderPolicy,
    FetchedResponse,
    Mode,
    RedirectMode,
    Request,
    ResponseType,
    UserAgent,
    failed,
)
from .handshakes import PROTOCOL, asking_lines
from .headers import (
    Guard,
    get,
    guarded,
    is_forbidden_method,
    is_header_value,
    is_safelisted_method,
    may_append,
    normalize_method,
)
from .preflights import PreflightCache
from .reasons import Reason
from .report import report
from .transports import Application, transport_for
from .urls import HTTP_SCHEMES, Url, address_space, is_trustworthy, of_handshake, page_origin, site_of
from .wire import Exchange, Header

HeadersInit = Mapping[str, str] | Iterable[tuple[str, str]]
Body = bytes | str | Iterable[bytes]


class NetworkError(Exception):
    """
    A failed fetch. The page learns nothing about the cause; this exception has everything that a developer needs.

    *reason* is a stable name, *step* the step of the standard that failed; *chromium*, *firefox* and *safari* are the
    lines that their consoles print (Safari's is empty if it is not known); *fix* is what to change; *notes* say where
    browsers differ from the standard; *exchanges* are all requests and responses on the wire; *failure* is all of it as
    data. `str()` is the whole report, the cause first.
    """

    def __init__(self, failure: Failure, exchanges: Iterable[Exchange] = ()) -> None:
        super().__init__(failure, tuple(exchanges))
        self.failure = failure
        self.exchanges = tuple(exchanges)

    @property
    def reason(self) -> str:
        return self.failure.code

    @property
    def step(self) -> str:
        return self.failure.clause

    @property
    def chromium(self) -> str:
        return console.chromium(self.failure)

    @property
    def firefox(self) -> str:
        return console.firefox(self.failure)

    @property
    def safari(self) -> str:
        return console.safari(self.failure)

    @property
    def fix(self) -> Fix:
        return advice.fix(self.failure)

    @property
    def notes(self) -> tuple[str, ...]:
        return notes.notes(self.failure)

    def __str__(self) -> str:
        return report(self.failure, self.exchanges)


class ResponseHeaders(Mapping[str, str]):
    """
    The headers of a response that a script may read, by name in any case (Fetch, "Headers").
    """

    def __init__(self, headers: Iterable[Header]) -> None:
        self._values: dict[str, str] = {}
        for name, value in headers:
            lowered = name.lower()
            self._values[lowered] = f"{self._values[lowered]}, {value}" if lowered in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"ResponseHeaders({self._values})"


class Response:
    """
    What a script sees of a response (Fetch, "Response"): of an opaque one, only that it came.
    """

    def __init__(self, fetched: FetchedResponse, *, redirected: bool) -> None:
        visible = fetched.type in {"basic", "cors"}
        self.type: ResponseType = fetched.type
        self.status = fetched.wire.status if visible else 0
        self.ok = 200 <= self.status <= 299
        self.url = fetched.url.href if fetched.type != "opaque" else ""
        self.redirected = visible and redirected
        self.body = fetched.wire.body if visible else b""
        self.headers = ResponseHeaders(
            (name, value) for name, value in fetched.wire.headers if name.lower() in fetched.readable
        )
        self.timing_allowed = fetched.timing_allowed

    def text(self) -> str:
        """
        Return the body, decoded as UTF-8 whatever the headers say (Fetch, "text()").
        """
        return self.body.decode("utf-8-sig", "replace")

    def json(self) -> Any:  # noqa: ANN401 - JSON holds anything
        """
        Return the body, parsed as JSON. Raises ValueError if it is not JSON.
        """
        try:
            return _json.loads(self.text())
        except RecursionError:
            raise ValueError("The body nests too deeply to be read as JSON.") from None

    def __repr__(self) -> str:
        return f"<Response {self.type} {self.status} {self.url}>"


class WebSocket:
    """
    What a script sees of an open WebSocket (WebSockets, "WebSocket"): its *url*, and the *protocol* that the server has
    chosen.
    """

    def __init__(self, url: str, protocol: str) -> None:
        self.url = url
        self.protocol = protocol

    def __repr__(self) -> str:
        return f"<WebSocket {self.url}>"


class Page:
    """
    A document at *url*, made by `Browser.open`. *network* has all its requests and responses. *console* has the lines
    that were printed, each with its kind.
    """

    def __init__(self, agent: UserAgent, url: Url, client: Client) -> None:
        self.url = url.href
        self.origin = client.origin
        self.network: list[Exchange] = []
        self.console: list[Note] = []
        self._agent = agent
        self._base = url
        self._client = client

    def fetch(  # noqa: PLR0913 - the members of Fetch's RequestInit
        self,
        url: str,
        *,
        method: str = "GET",
        headers: HeadersInit = (),
        json: object = None,
        body: Body | None = None,
        credentials: CredentialsMode = "same-origin",
        mode: Mode = "cors",
        redirect: RedirectMode = "follow",
        upload_listener: bool = False,
    ) -> Response:
        """
        Return what `fetch(url, {...})` resolves to in a browser (Fetch, "fetch()"). *url* may be relative to the page.

        *json* is sent as `application/json`, a str as `text/plain;charset=UTF-8`, other iterables of bytes as a stream
        (which needs a preflight). *upload_listener* is XMLHttpRequest's, which needs one too.

        Raises NetworkError where the promise would be rejected, and ValueError for a call that is not a request at all.
        """
        init = {"credentials": credentials, "mode": mode, "redirect": redirect}
        for name, kinds in _CHOICES.items():
            if init[name] not in kinds:
                raise ValueError(f"Expected {name} to be one of {', '.join(map(repr, kinds))}, got {init[name]!r}.")
        target = self._parse(url)
        method = _method(method)
        content, content_type, is_stream = _content(json, body)
        if content is not None and method in {"GET", "HEAD"}:
            raise ValueError(f"A {method} has no body: use method='POST', or leave out json and body.")
        if mode == "no-cors" and not is_safelisted_method(method):
            raise ValueError(f"mode='no-cors' sends GET, HEAD and POST only, not {method!r}.")
        if mode == "no-cors" and is_stream:
            raise ValueError("mode='no-cors' sends no stream: give the body as bytes.")
        guard: Guard = "request-no-cors" if mode == "no-cors" else "request"
        lines = self._allowed(headers, guard)
        if content_type is not None and not any(name.lower() == "content-type" for name, _ in lines):
            # With no-cors, a request may not have the type of JSON, so it is sent as text.
            fits = may_append(lines, "Content-Type", content_type, guard)
            lines.append(("Content-Type", content_type if fits else "text/plain;charset=UTF-8"))
        request = Request(
            client=self._client,
            urls=[target],
            method=method,
            headers=lines,
            body=content,
            mode=mode,
            credentials=credentials,
            redirect=redirect,
            body_is_stream=is_stream,
            use_preflight=upload_listener or is_stream,
        )
        with self._listening_to(request):
            if is_forbidden_method(method):
                raise failed(request, Reason.FORBIDDEN_METHOD, 'Fetch, "new Request()", forbidden method', method)
            fetched = self._agent.fetch(request, self.console.append)
        return Response(fetched, redirected=len(request.urls) > 1)

    def websocket(self, url: str, protocols: Iterable[str] = ()) -> WebSocket:
        """
        Return what `new WebSocket(url, protocols)` becomes once it is open. *url* may be relative to the page.

        The handshake is sent with the cookies that a browser sends. The messages after it are not modelled. It has
        `Sec-Fetch-Site`, as the standard says and Firefox sends it; Chromium does not send it.

        Raises NetworkError if the script would see `error` and then `close` with the code 1006 and no reason, and
        ValueError if the constructor would throw.
        """
        target = of_handshake(self._parse(url, allows_userinfo=True))
        if target.scheme not in HTTP_SCHEMES or "#" in url:
            raise ValueError(f"{url!r} cannot be a WebSocket's URL: write 'wss://api.example.com/feed', without #.")
        names = [*protocols]
        if not all(map(is_token, names)) or len({*names}) < len(names):
            raise ValueError(f"Expected protocols to be names, each of them once, got {protocols!r}.")
        request = Request(
            client=self._client,
            urls=[target],
            method="GET",
            headers=asking_lines(names),
            body=None,
            mode="websocket",
            credentials="include",
            redirect="error",
        )
        with self._listening_to(request):
            response = self._agent.connect(request, self.console.append)
        return WebSocket(request.shown_url, get(response.headers, PROTOCOL) or "")

    @contextmanager
    def _listening_to(self, request: Request) -> Generator[None]:
        """
        Record what goes over the wire. Raises NetworkError if the fetch fails.
        """
        try:
            yield
        except FetchFailed as end:
            error = NetworkError(end.failure, request.exchanges)
            self.console.append(Note("failure", error.chromium))
            raise error from None
        finally:
            self.network += request.exchanges

    def _parse(self, url: str, *, allows_userinfo: bool = False) -> Url:
        if not isinstance(cast("object", url), str):
            raise TypeError(f"url={url!r} is not a str: write 'https://api.example.com/items'.")
        try:
            target = Url.parse(url, self._base)
        except ValueError:
            raise ValueError(f"Expected a URL, or one relative to {self.url}, got {url!r}.") from None
        if target.has_userinfo and not allows_userinfo:
            raise ValueError(f"{url!r} has a user or a password in it, and fetch() does not accept such a URL.")
        return target

    def _allowed(self, headers: HeadersInit, guard: Guard) -> list[Header]:
        """
        Return those of *headers* that the page may set, and print the names of the others in the console.
        """
        given = cast("list[Header]", list(headers.items() if isinstance(headers, Mapping) else headers))
        for name, value in given:
            if not all(isinstance(cast("object", text), str) for text in (name, value)):
                raise TypeError(
                    f"Expected headers with a str as name and value, got {name!r}: {value!r}. Write both as text, such "
                    "as '1'."
                )
            if not is_token(name):
                raise ValueError(f"{name!r} is not a header name.")
            if not is_header_value(value.strip("\t\n\r ")):
                raise ValueError(
                    f"{value!r} cannot be the value of the header {name}: it has a line end, NUL, or a character that "
                    "is not a byte."
                )
        kept: list[Header] = []
        for header, allowed in guarded(given, guard):
            if allowed:
                kept.append(header)
            else:
                what = f"The request header {header[0]} was left out: a page may not set it here."
                self.console.append(Note("header", what))
        return kept

    def __repr__(self) -> str:
        return f"<Page {self.url}>"


class Browser:
    """
    A browser that follows Fetch exactly, in front of *app*: a WSGI or ASGI application, a mapping from origin to
    application, or a Transport such as LiveTransport. With a single application, every origin leads to it.

    *clock* returns seconds. *longest_max_age* is the longest time for which a preflight's answer is kept, in seconds.
    *third_party_cookies* says whether third-party cookies are sent at all. *timeout* is in seconds: the response of an
    application has to begin within it. The application runs in the thread of the caller. If it blocks this thread, it
    can be stopped only in the main thread, and not on Windows. Raises TypeError or ValueError if *app* is not one of
    these.
    """

    def __init__(
        self,
        app: Application,
        *,
        clock: Callable[[], float] = time.time,
        longest_max_age: float = CHROMIUM_MAX_AGE,
        third_party_cookies: bool = True,
        timeout: float = Patience().head,
    ) -> None:
        self.cookies = CookieJar(clock, third_party=third_party_cookies)
        carry = transport_for(app, Patience(timeout))
        self._agent = UserAgent(carry, PreflightCache(clock, longest_max_age), self.cookies, clock)

    def open(
        self,
        url: str,
        *,
        origin: str | None = None,
        top_level: str | None = None,
        embedder_policy: EmbedderPolicy = "unsafe-none",
    ) -> Page:
        """
        Return a page that was loaded from *url*. No request is sent for it.

        *origin* is the document's origin if it is not the one of *url*: `"null"` for `<iframe sandbox>` (pages from
        `data:` and `file:` URLs get it automatically), or a value that no browser sends, to test a server. *top_level*
        is the URL in the address bar, if the page is framed by another one. *embedder_policy* is its
        Cross-Origin-Embedder-Policy. Raises ValueError if one of them is invalid.
        """
        if embedder_policy not in get_args(EmbedderPolicy):
            raise ValueError(
                f"Expected embedder_policy to be one of {', '.join(get_args(EmbedderPolicy))}, got {embedder_policy!r}."
            )
        if origin is not None and not isinstance(cast("object", origin), str):
            raise TypeError(f"origin={origin!r} is not a str: write 'null', or leave it out.")
        parsed, top = _page_url(url), _page_url(url if top_level is None else top_level)
        client = Client(
            origin=page_origin(parsed) if origin is None else origin,
            top_level_site=site_of(page_origin(top)),
            # By the standard, pages from http://localhost count too; no browser does so.
            prohibits_mixed_content="https" in {parsed.scheme, top.scheme},
            space=address_space(parsed.host),
            # HTML, "obtain an embedder policy": only a secure context has one.
            embedder_policy=embedder_policy if is_trustworthy(page_origin(parsed)) else "unsafe-none",
        )
        return Page(self._agent, parsed, client)

    def forget_preflights(self) -> None:
        """
        Empty the CORS-preflight cache.
        """
        self._agent.cache.clear()


_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "credentials": get_args(CredentialsMode),
    "mode": get_args(Mode),
    "redirect": get_args(RedirectMode),
}


def _method(method: str) -> str:
    if not isinstance(cast("object", method), str):
        raise TypeError(f"method={method!r} is not a str: write one such as 'PUT'.")
    if not is_token(method):
        raise ValueError(f"method={method!r} is not a method name: write one such as 'PUT'.")
    return normalize_method(method)


def _page_url(url: str) -> Url:
    if not isinstance(cast("object", url), str):
        raise TypeError(f"{url!r} is not a str: write the page's URL, such as '{EXAMPLE_ORIGIN}/'.")
    try:
        parsed = Url.parse(url)
    except ValueError:
        raise ValueError(f"{url!r} is not a URL: write the page's, such as '{EXAMPLE_ORIGIN}/'.") from None
    if not parsed.host and parsed.scheme not in {"about", "blob", "data", "file"}:
        raise ValueError(f"{url!r} has no host: write the page's whole URL, such as 'http://localhost:3000/'.")
    return parsed


def _content(json: object, body: Body | None) -> tuple[bytes | None, str | None, bool]:
    """
    Return the bytes of a body, its Content-Type, and whether it is a stream (Fetch, "extract").
    """
    if json is not None:
        if body is not None:
            raise ValueError("Expected json or body, got both.")
        return _json.dumps(json).encode(), "application/json", False
    if body is None:
        return None, None, False
    if isinstance(body, str):
        return body.encode(), "text/plain;charset=UTF-8", False
    if isinstance(body, bytes | bytearray | memoryview):
        return bytes(body), None, False
    return b"".join(body), None, True
