"""
Fetch's algorithms, as a browser runs them: main fetch, HTTP fetch, CORS-preflight fetch, CORS check, redirects.

Written from the standard, and independent of the server's code, because it judges what servers send. Each function is
the algorithm that its docstring names. A network error is raised as FetchFailed, with the step that failed.

Not modelled: the HTTP cache, service workers, CSP, HTTP authentication, navigations, referrer policies other than the
default one, and the messages of an open WebSocket.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, cast

from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    EXPOSE_HEADERS,
    FORBIDDEN_RESPONSE_HEADERS,
    MAX_AGE,
    NON_WILDCARD_REQUEST_HEADER,
    SAFELISTED_RESPONSE_HEADERS,
)
from corsguard.origin import NULL

from .console import Note
from .cookies import CookieJar
from .failures import Failure, FetchFailed
from .handshakes import faulty_field
from .headers import (
    Unparsable,
    escaped,
    get,
    get_decode_and_split,
    is_safelisted_method,
    seconds_of,
    tokens_of,
    unsafe_names,
    values_of,
)
from .preflights import DEFAULT_MAX_AGE, CacheKey, PreflightCache
from .reasons import Reason
from .urls import (
    BAD_PORTS,
    HTTP_SCHEMES,
    AddressSpace,
    Url,
    address_space,
    is_same_origin,
    is_same_site,
    is_schemelessly_same_site,
    is_trustworthy,
    site_of,
)
from .wire import Exchange, Header, Transport, Unreachable, WireRequest, WireResponse

Mode = Literal["cors", "no-cors", "same-origin"]
# Every browser sends these with every fetch, and some servers refuse what comes without them.
_ALWAYS: Final[tuple[Header, ...]] = (
    ("Accept", "*/*"),
    ("Accept-Language", "en-US,en;q=0.9"),
    ("User-Agent", "Mozilla/5.0 (corsguard)"),
)
# The mode that no script can use in `fetch`.
_SOCKET_MODE: Final = "websocket"
_ESTABLISH: Final = 'WebSockets, "establish a WebSocket connection"'
CredentialsMode = Literal["omit", "same-origin", "include"]
RedirectMode = Literal["follow", "error", "manual"]
EmbedderPolicy = Literal["unsafe-none", "require-corp", "credentialless"]
ResponseType = Literal["basic", "cors", "opaque", "opaqueredirect"]

# Local Network Access: from the most public address space to the least public.
_SPACES: Final[tuple[AddressSpace, ...]] = ("public", "local", "loopback")
_PERMISSION: Final = "Chromium asks the user for permission (Local Network Access), which no header can give."

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 20
# Fetch, "request-body-header name".
_BODY_HEADERS: Final = frozenset({"content-encoding", "content-language", "content-location", "content-type"})


@dataclass(frozen=True, slots=True)
class Client:
    """
    The document that fetches (HTML, "environment settings object"): its *origin*, serialized; the site of the page in
    the address bar; whether it may not fetch by plain http; its address space; and its embedder policy.
    """

    origin: str
    top_level_site: str
    prohibits_mixed_content: bool
    space: AddressSpace
    embedder_policy: EmbedderPolicy


@dataclass(slots=True)
class Request:
    """
    Fetch, "request": what the page asks for, and how redirects change it.
    """

    client: Client
    urls: list[Url]
    method: str
    headers: list[Header]
    body: bytes | None
    mode: Mode | Literal["websocket"]
    credentials: CredentialsMode
    redirect: RedirectMode
    body_is_stream: bool = False
    use_preflight: bool = False
    tainting: Literal["basic", "cors", "opaque"] = "basic"
    redirects: int = 0
    timing_failed: bool = False
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def url(self) -> Url:
        """
        Fetch, "current URL".
        """
        return self.urls[-1]

    @property
    def shown_url(self) -> str:
        """
        The current URL as the page wrote it: the one of a WebSocket begins with `ws`.
        """
        return self.url.href.replace("http", "ws", 1) if self.mode == _SOCKET_MODE else self.url.href

    @property
    def includes_credentials(self) -> bool:
        """
        Fetch, "HTTP-network-or-cache fetch", and HTML, "Cross-Origin-Embedder-Policy allows credentials".
        """
        if self.credentials == "same-origin":
            return self.tainting == "basic" and self.url.scheme in HTTP_SCHEMES
        uncredentialed = self.mode == "no-cors" and self.client.embedder_policy == "credentialless"
        if uncredentialed and not (is_same_origin(self.client.origin, self.url.origin) and not self.is_tainted):
            return False
        return self.credentials == "include"

    @property
    def is_tainted(self) -> bool:
        """
        Whether the "redirect-taint" of the request (Fetch) is not "same-origin".
        """
        return any(
            not is_same_origin(after.origin, before.origin) and not is_same_origin(self.client.origin, before.origin)
            for before, after in zip(self.urls, self.urls[1:], strict=False)
        )

    @property
    def origin(self) -> str:
        """
        Fetch, "serializing a request origin".
        """
        return NULL if self.is_tainted else self.client.origin

    @property
    def cache_key(self) -> CacheKey:
        """
        The key of this request's entries in the CORS-preflight cache.
        """
        return CacheKey(self.client.top_level_site, self.origin, self.url.href)


@dataclass(frozen=True, slots=True)
class FetchedResponse:
    """
    Fetch, "response": the complete final response, and the names of the headers that the page may read.
    """

    type: ResponseType
    url: Url
    wire: WireResponse
    readable: frozenset[str]
    timing_allowed: bool


class UserAgent:
    """
    What a browser remembers between fetches: its preflight cache, its cookies, and which hosts want https.

    *say* is called with each console line about a fetch that goes on.
    """

    def __init__(
        self, transport: Transport, cache: PreflightCache, cookies: CookieJar, clock: Callable[[], float]
    ) -> None:
        self.cache = cache
        self.cookies = cookies
        self._transport = transport
        self._clock = clock
        self._strict_transport: dict[str, tuple[float, bool]] = {}

    def fetch(self, request: Request, say: Callable[[Note], None]) -> FetchedResponse:
        """
        Return the response to *request*. Raises FetchFailed (Fetch, "main fetch").
        """
        self._upgrade(request, say)
        url, client = request.url, request.client
        self._tell_of_less_public(request, say)
        _block(request)
        is_own = is_same_origin(url.origin, client.origin) and request.tainting == "basic"
        if url.scheme == "data" or (is_own and url.scheme in HTTP_SCHEMES):
            request.tainting = "basic"
            return self._http_fetch(request, say)
        if request.mode == "same-origin":
            raise failed(request, Reason.SAME_ORIGIN_MODE, 'Fetch, "main fetch", mode "same-origin"', url.origin)
        if request.mode == "no-cors" and request.redirect != "follow":
            clause = 'Fetch, "main fetch", mode "no-cors"'
            raise failed(request, Reason.NO_CORS_REDIRECT_MODE, clause, request.redirect)
        if url.scheme not in HTTP_SCHEMES:
            raise failed(request, Reason.BAD_SCHEME, 'Fetch, "main fetch", HTTP(S) scheme', url.scheme)
        if request.mode == "no-cors":
            request.tainting = "opaque"
            return self._http_fetch(request, say)
        request.tainting = "cors"
        if not (request.use_preflight or not is_safelisted_method(request.method) or unsafe_names(request.headers)):
            return self._http_fetch(request, say)
        try:
            return self._http_fetch(request, say, with_preflight=True)
        except FetchFailed:
            self.cache.clear(request.cache_key)
            raise

    def connect(self, request: Request, say: Callable[[Note], None]) -> WireResponse:
        """
        Return the answer that opens a WebSocket. Raises FetchFailed (WebSockets, "establish a WebSocket connection").
        """
        self._upgrade(request, say)
        self._tell_of_less_public(request, say)
        _block(request)
        exchange = self._send(request, say)
        response = _answer(exchange)
        if response.status != 101:
            raise failed(request, Reason.HANDSHAKE_REFUSED, _ESTABLISH, str(response.status), exchange)
        if (field := faulty_field(exchange.request, response)) is not None:
            raise failed(request, Reason.HANDSHAKE_INVALID, _ESTABLISH, field, exchange)
        return response

    def _tell_of_less_public(self, request: Request, say: Callable[[Note], None]) -> None:
        if _SPACES.index(address_space(request.url.host)) > _SPACES.index(request.client.space):
            say(Note("network", f"{request.shown_url} is in a less public network than the page: {_PERMISSION}"))

    def _http_fetch(
        self, request: Request, say: Callable[[Note], None], *, with_preflight: bool = False
    ) -> FetchedResponse:
        """
        Fetch, "HTTP fetch".
        """
        if with_preflight and not self._is_permitted(request):
            self._preflight(request)
        exchange = self._send(request, say)
        response = _answer(exchange)
        if request.tainting == "cors":
            _check_cors(request, exchange)
        if not _passes_timing_allow_check(request, response.headers):
            request.timing_failed = True
        if request.tainting == "opaque":
            _check_resource_policy(request, exchange)
        if response.status in _REDIRECTS:
            if request.redirect == "error":
                clause = 'Fetch, "HTTP fetch", redirect mode "error"'
                value = get(response.headers, "Location")
                raise failed(request, Reason.REDIRECT_MODE_ERROR, clause, value, exchange)
            if request.redirect == "manual":
                return _filtered(request, response, "opaqueredirect")
            if values_of(response.headers, "Location"):
                return self._redirect(request, exchange, say)
        return _filtered(request, response, request.tainting)

    def _redirect(self, request: Request, exchange: Exchange, say: Callable[[Note], None]) -> FetchedResponse:
        """
        Fetch, "HTTP-redirect fetch".
        """
        response, clause = _answer(exchange), 'Fetch, "HTTP-redirect fetch"'
        location = get(response.headers, "Location")
        try:
            # Fetch, "location URL": several lines are a failure, unless they are equal.
            (target,) = set(values_of(response.headers, "Location"))
            url = Url.parse(escaped(target), request.url)
        except ValueError:
            raise failed(request, Reason.REDIRECT_UNPARSABLE, clause, location, exchange) from None
        if url.scheme not in HTTP_SCHEMES:
            raise failed(request, Reason.REDIRECT_BAD_SCHEME, clause, location, exchange)
        if request.redirects == _MOST_REDIRECTS:
            raise failed(request, Reason.TOO_MANY_REDIRECTS, clause, location, exchange)
        request.redirects += 1
        foreign = request.mode == "cors" and not is_same_origin(request.client.origin, url.origin)
        if url.has_userinfo and (foreign or request.tainting == "cors"):
            raise failed(request, Reason.REDIRECT_USERINFO, clause, location, exchange)
        if response.status != 303 and request.body_is_stream:
            raise failed(request, Reason.REDIRECT_STREAM_BODY, clause, location, exchange)
        becomes_get = (response.status in {301, 302} and request.method == "POST") or (
            response.status == 303 and request.method not in {"GET", "HEAD"}
        )
        if becomes_get:
            request.method, request.body, request.body_is_stream = "GET", None, False
            request.headers = _without(request.headers, _BODY_HEADERS)
        if not is_same_origin(request.url.origin, url.origin):
            request.headers = _without(request.headers, {NON_WILDCARD_REQUEST_HEADER})
        request.urls.append(url)
        return self.fetch(request, say)

    def _is_permitted(self, request: Request) -> bool:
        """
        Whether the CORS-preflight cache makes a preflight unnecessary (Fetch, "HTTP fetch").
        """
        key, with_credentials = request.cache_key, request.credentials == "include"
        needs_method = request.use_preflight or not is_safelisted_method(request.method)
        return (
            not needs_method or self.cache.has(key, request.method, is_header=False, with_credentials=with_credentials)
        ) and all(
            self.cache.has(key, name, is_header=True, with_credentials=with_credentials)
            for name in unsafe_names(request.headers)
        )

    def _preflight(self, request: Request) -> None:
        """
        Fetch, "CORS-preflight fetch".
        """
        clause, method, unsafe = 'Fetch, "CORS-preflight fetch"', request.method, unsafe_names(request.headers)
        lines = [("Access-Control-Request-Method", method)]
        if unsafe:
            lines.append(("Access-Control-Request-Headers", ",".join(unsafe)))
        headers = [*_ALWAYS, *lines, *_referrer_line(request), ("Origin", request.origin), *_metadata(request)]
        exchange = self._exchange(request, WireRequest("OPTIONS", request.url.href, tuple(headers)), is_preflight=True)
        response = _answer(exchange)
        # Browsers report a redirect before they check its headers; by the standard it fails because of its status.
        if response.status in _REDIRECTS and values_of(response.headers, "Location"):
            value = get(response.headers, "Location")
            raise failed(request, Reason.PREFLIGHT_REDIRECT, f"{clause}, ok status", value, exchange)
        _check_cors(request, exchange)
        if not 200 <= response.status <= 299:
            value = str(response.status)
            raise failed(request, Reason.PREFLIGHT_STATUS, f"{clause}, ok status", value, exchange)
        try:
            methods = tokens_of(response.headers, ALLOW_METHODS)
        except Unparsable as error:
            reason = Reason.ALLOW_METHODS_UNPARSABLE
            raise failed(request, reason, f"{clause}, methods", error.value, exchange) from None
        try:
            names = tokens_of(response.headers, ALLOW_HEADERS) or []
        except Unparsable as error:
            reason = Reason.ALLOW_HEADERS_UNPARSABLE
            raise failed(request, reason, f"{clause}, headerNames", error.value, exchange) from None
        if methods is None:
            methods = [method] if request.use_preflight else []
        takes_wildcards = request.credentials != "include"
        if not (method in methods or is_safelisted_method(method) or (takes_wildcards and "*" in methods)):
            raise failed(request, Reason.METHOD_NOT_ALLOWED, f"{clause}, methods", method, exchange)
        listed = {name.lower() for name in names}
        for name in unsafe:
            covered = takes_wildcards and "*" in listed and name != NON_WILDCARD_REQUEST_HEADER
            if name not in listed and not covered:
                raise failed(request, Reason.HEADER_NOT_ALLOWED, f"{clause}, headerNames", name, exchange)
        seconds = seconds_of(response.headers, MAX_AGE)
        self.cache.store(
            request.cache_key,
            methods,
            names,
            DEFAULT_MAX_AGE if seconds is None else seconds,
            with_credentials=not takes_wildcards,
        )

    def _send(self, request: Request, say: Callable[[Note], None]) -> Exchange:
        """
        Fetch, "HTTP-network-or-cache fetch".
        """
        headers = [*request.headers, *(line for line in _ALWAYS if get(request.headers, line[0]) is None)]
        headers += [*_referrer_line(request), *_origin_line(request), *_metadata(request)]
        is_same_site_request = self._is_same_site(request)
        if request.includes_credentials:
            cookie, withheld = self.cookies.cookies_for(
                request.url.href, same_site=is_same_site_request, top_level_site=request.client.top_level_site
            )
            for note in withheld:
                say(note)
            if cookie:
                headers.append(("Cookie", cookie))
        body = request.body or b""
        exchange = self._exchange(request, WireRequest(request.method, request.url.href, tuple(headers), body))
        response = _answer(exchange)
        self._note_strict_transport(request.url, response)
        if exchange.with_credentials:
            for note in self.cookies.receive(
                request.url.href,
                values_of(response.headers, "Set-Cookie"),
                same_site=is_same_site_request,
                top_level_site=request.client.top_level_site,
            ):
                say(note)
        return exchange

    def _exchange(self, request: Request, wire: WireRequest, *, is_preflight: bool = False) -> Exchange:
        """
        Fetch, "HTTP-network fetch".
        """
        with_credentials = request.includes_credentials and not is_preflight
        try:
            # HTTP strips spaces and tabs around a value before any rule sees it (RFC 9110, 5.5).
            answer = self._transport(wire)
        except Unreachable as error:
            exchange = Exchange(wire, None, is_preflight, with_credentials)
            request.exchanges.append(exchange)
            reason = (
                Reason.TLS_CLIENT_CERTIFICATE
                if error.wants_certificate
                else Reason.TLS
                if error.tls
                else Reason.UNREACHABLE
            )
            clause = 'Fetch, "HTTP-network fetch"'
            raise failed(request, reason, clause, error.cause, exchange, said=error) from None
        if not isinstance(cast("object", answer), WireResponse):
            kind = type(answer).__name__
            raise TypeError(
                f"The transport returned {kind}, not a WireResponse. If it is a function that makes an application, "
                "call it."
            )
        headers = tuple((name, value.strip(" \t")) for name, value in answer.headers)
        exchange = Exchange(wire, WireResponse(answer.status, headers, answer.body), is_preflight, with_credentials)
        if request.url.scheme in HTTP_SCHEMES:
            request.exchanges.append(exchange)
        return exchange

    def _is_same_site(self, request: Request) -> bool:
        # Cookies, "same-site" and "cross-site" requests: the document and the page that contains it count.
        client, origin = request.client, request.url.origin
        return client.top_level_site == site_of(origin) and is_same_site(client.origin, origin)

    def _upgrade(self, request: Request, say: Callable[[Note], None]) -> None:
        """
        RFC 6797, 8.3: a host that once asked for https gets https (Fetch, "main fetch").
        """
        url = request.url
        if url.scheme != "http" or not self._wants_https(url.host):
            return
        told = (
            f"{url.href} was upgraded to https, because its host asked for it (Strict-Transport-Security). Chromium "
            "does this with a redirect, and a preflight fails on a redirect: write https:// in the page."
        )
        say(Note("redirect", told))
        request.urls[-1] = Url.parse(url.href.replace("http://", "https://", 1))

    def _wants_https(self, host: str) -> bool:
        labels = host.split(".")
        for start in range(len(labels)):
            expires, with_subdomains = self._strict_transport.get(".".join(labels[start:]), (0.0, False))
            if self._clock() < expires and (start == 0 or with_subdomains):
                return True
        return False

    def _note_strict_transport(self, url: Url, response: WireResponse) -> None:
        # RFC 6797, 8.1: only the first such line counts, only over https, and not for IP addresses.
        lines = values_of(response.headers, "Strict-Transport-Security")
        if url.scheme != "https" or not lines or url.host.startswith("[") or url.host.rpartition(".")[2].isdigit():
            return
        directives = {
            name.strip().lower(): value.strip().strip('"')
            for name, _, value in (directive.partition("=") for directive in lines[0].split(";"))
        }
        age = directives.get("max-age", "")
        if age.isascii() and age.isdigit():
            self._strict_transport[url.host] = (self._clock() + int(age[:18]), "includesubdomains" in directives)


def _answer(exchange: Exchange) -> WireResponse:
    assert exchange.response is not None  # noqa: S101 - without a response, an exception was raised
    return exchange.response


def failed(  # noqa: PLR0913 - the parts of a Failure
    request: Request,
    reason: Reason,
    clause: str,
    value: str | None,
    exchange: Exchange | None = None,
    *,
    said: Unreachable | None = None,
) -> FetchFailed:
    """
    Return the network error that ends *request*.
    """
    return FetchFailed(
        Failure(
            reason=reason,
            clause=clause,
            value=value,
            method=request.method,
            url=request.shown_url,
            first_url=request.shown_url if request.mode == _SOCKET_MODE else request.urls[0].href,
            page_origin=request.client.origin,
            sent_origin=request.origin,
            mode=request.mode,
            with_credentials=request.credentials == "include",
            is_preflight=exchange is not None and exchange.is_preflight,
            exchange=exchange,
            net_error="" if said is None else said.net_error,
            speaks="" if said is None else said.speaks,
        )
    )


def _block(request: Request) -> None:
    """
    Fetch, "block bad port"; Mixed Content, "should fetching request be blocked as mixed content?".
    """
    url = request.url
    if url.port in BAD_PORTS and url.scheme in HTTP_SCHEMES:
        raise failed(request, Reason.BAD_PORT, 'Fetch, "block bad port"', str(url.port))
    if request.client.prohibits_mixed_content and url.scheme == "http" and not is_trustworthy(url.origin):
        clause = 'Mixed Content, "should fetching request be blocked"'
        raise failed(request, Reason.MIXED_CONTENT, clause, request.shown_url)


def _check_cors(request: Request, exchange: Exchange) -> None:
    """
    Fetch, "CORS check". The reasons are distinguished as Chromium does. This does not change what passes.
    """
    headers, clause = _answer(exchange).headers, 'Fetch, "CORS check"'
    with_credentials = request.credentials == "include"
    origin = get(headers, ALLOW_ORIGIN)
    if origin is None:
        raise failed(request, Reason.MISSING_ALLOW_ORIGIN, f"{clause}, step 2", None, exchange)
    if origin == "*" and not with_credentials:
        return
    if origin != request.origin:
        if origin == "*":
            reason = Reason.WILDCARD_WITH_CREDENTIALS
        elif " " in origin or "," in origin:
            reason = Reason.MULTIPLE_ALLOW_ORIGIN
        else:
            reason = Reason.ALLOW_ORIGIN_MISMATCH
        raise failed(request, reason, f"{clause}, step 4", origin, exchange)
    if with_credentials and (value := get(headers, ALLOW_CREDENTIALS)) != "true":
        raise failed(request, Reason.ALLOW_CREDENTIALS_NOT_TRUE, f"{clause}, step 8", value, exchange)


def _check_resource_policy(request: Request, exchange: Exchange) -> None:
    """
    Fetch, "cross-origin resource policy check".
    """
    policy: str | None = get(_answer(exchange).headers, "Cross-Origin-Resource-Policy")
    client, url = request.client, request.url
    stated = policy
    if policy not in {"same-origin", "same-site", "cross-origin"}:
        # Under "credentialless", only responses to requests with credentials need a policy, and these come from the
        # page's own origin.
        policy = "same-origin" if client.embedder_policy == "require-corp" else "cross-origin"
    if policy == "cross-origin" or is_same_origin(client.origin, url.origin):
        return
    downgrades = not client.origin.startswith("https:") and url.scheme == "https"
    if policy == "same-site" and is_schemelessly_same_site(client.origin, url.origin) and not downgrades:
        return
    clause = 'Fetch, "cross-origin resource policy internal check"'
    raise failed(request, Reason.CORP, clause, stated, exchange)


def _passes_timing_allow_check(request: Request, headers: Iterable[Header]) -> bool:
    """
    Fetch, "TAO check".
    """
    values = get_decode_and_split(headers, "Timing-Allow-Origin")
    return "*" in values or request.origin in values or request.tainting == "basic"


def _filtered(request: Request, response: WireResponse, kind: ResponseType) -> FetchedResponse:
    """
    Fetch, "filtered response".
    """
    present = {name.lower() for name, _ in response.headers} - FORBIDDEN_RESPONSE_HEADERS
    if kind == "basic":
        readable = present
    elif kind == "cors":
        readable = present & (SAFELISTED_RESPONSE_HEADERS | _exposed(request, response.headers, present))
    else:
        readable = set[str]()
    return FetchedResponse(kind, request.url, response, frozenset(readable), not request.timing_failed)


def _exposed(request: Request, headers: Iterable[Header], present: set[str]) -> set[str]:
    """
    Fetch, "main fetch": the CORS-exposed header-name list.
    """
    try:
        names = {name.lower() for name in tokens_of(headers, EXPOSE_HEADERS) or ()}
    except Unparsable:
        return set()
    return present if "*" in names and request.credentials != "include" else names


def _referrer_line(request: Request) -> list[Header]:
    """
    Referrer Policy, "determine request's Referrer", under the default policy, of a page at the path `/`.
    """
    origin = request.client.origin
    is_told = origin.partition(":")[0] in HTTP_SCHEMES and request.mode != _SOCKET_MODE and not _is_downgrade(request)
    return [("Referer", f"{origin}/")] if is_told else []


def _origin_line(request: Request) -> list[Header]:
    """
    Fetch, "append a request `Origin` header", under the default referrer policy.
    """
    if request.tainting == "cors" or request.mode == _SOCKET_MODE:
        return [("Origin", request.origin)]
    if request.method in {"GET", "HEAD"}:
        return []
    return [("Origin", NULL if _is_downgrade(request) else request.origin)]


def _is_downgrade(request: Request) -> bool:
    """
    Fetch, "append a request `Origin` header". For `Referer`, the standard asks which URL is trustworthy, and browsers
    compare the schemes, too.
    """
    return request.client.origin.startswith("https:") and request.url.scheme != "https"


def _metadata(request: Request) -> list[Header]:
    """
    Fetch Metadata, "set the Fetch metadata headers for a request".
    """
    if not is_trustworthy(request.url.origin):
        return []
    origins = [url.origin for url in request.urls]
    if all(is_same_origin(origin, request.client.origin) for origin in origins):
        site = "same-origin"
    elif all(is_same_site(origin, request.client.origin) for origin in origins):
        site = "same-site"
    else:
        site = "cross-site"
    return [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", request.mode), ("Sec-Fetch-Dest", "empty")]


def _without(headers: Iterable[Header], names: Iterable[str]) -> list[Header]:
    dropped = set(names)
    return [(name, value) for name, value in headers if name.lower() not in dropped]
