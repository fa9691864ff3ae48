"""
What to change where CORS is not the cause: no response came, a scheme, TLS, mixed content, a WebSocket handshake, or a
resource that does not let a page embed it.

No header of CORS helps here, except that the server of a WebSocket may judge the origin.
"""

import re
from collections.abc import Collection
from typing import Any, Final

from corsguard.fixes import Fix
from corsguard.origin import NULL
from corsguard.validation import problems_of

from .evidence import (
    REDIRECTS,
    as_shown,
    in_ascii,
    is_within_site,
    net_error_of,
    redirect_target,
    scheme_of,
    status_of,
    url_of,
)
from .failures import Failure
from .intermediaries import host_refused_seen, origin_refused
from .order_advice import of_hosts
from .urls import HTTP_SCHEMES, Url, address_space, is_schemelessly_same_site, is_trustworthy, of_handshake
from .wire import PENDING

BEHIND_A_PROXY: Final = (
    "Most often, a proxy or a gateway in front answers so because the application does not answer it, or not in time. "
    "Fix that first"
)
# About a page on http that sends credentials.
BETTER_OVER_HTTPS: Final = (
    "Better load the page over https: anyone in the network can impersonate a page on http, so a policy of corsguard "
    "with credentials does not list one."
)
# What a status other than 101 says about a WebSocket handshake.
_OF_HANDSHAKES: Final = {
    "401": (
        "the status is 401, so the handshake has no login that the server accepts. A script cannot set headers of a "
        "handshake. Use cookies: a handshake carries them."
    ),
    **dict.fromkeys(
        map(str, REDIRECTS),
        (
            "the status is {status}. The server redirects{to}, and a handshake follows no redirect. Let the page "
            "request the last URL, over wss if it leads to https. If it leads to a login, the user is not logged in: a "
            "handshake carries cookies, but no header that a script sets."
        ),
    ),
    **dict.fromkeys(("502", "503", "504"), f"the status is {{status}}. {BEHIND_A_PROXY}."),
}
_NO_WEBSOCKET: Final = (
    "the status is {status}. Is there a WebSocket at this path? If there is a proxy in front, let it forward the "
    "upgrade (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "
    "upgrade)."
)
WHY_SILENT: Final = (
    "Is the server running? Are the host and the port right? Does this request make it crash (look at its log)?"
)
_OF_SECURE_PAGES: Final = "Is the page loaded over https? Then it has to request https, too."
_OF_OTHER_DEVICES: Final = (
    "Is the page on the web, or opened on another device? There, this URL is the device of the person who opens the "
    "page: let the page request the address of the server."
)
_STOPPED_BY_BROWSER: Final = (
    "If the URL answers in its own tab, the browser stopped the request: an extension, tracking protection, or because "
    "the user left the page."
)
_WHY_SOCKET_SILENT: Final = (
    "Is the server running? Are the host and the port right? Does a proxy in front close the connection? Does this "
    "handshake make the server crash (look at its log)?"
)
# A name without a dot.
_BARE_NAME: Final = re.compile(r"[a-z]+://(?!localhost)[a-z][\w-]*(?:[:/?#]|$)", re.IGNORECASE)
_ONLY_ELSEWHERE: Final = (
    "A name that only containers or another network know (a service of Docker) has no address for a browser: let the "
    "page use localhost, or a public name."
)
_NOT_IN_TIME: Final = (
    "{where} does not answer in time. What does it wait for? Look at its log, and at the services that it calls. A "
    "firewall may also drop what is sent to this host and port."
)
_NO_PROXY: Final = (
    "the proxy in the settings of this computer, or of the browser, cannot be reached, or does not connect to {where}. "
    "Try without it."
)
WRONGLY_CODED: Final = (
    "Let the server encode the body so, or leave out the header. A proxy in front may have decoded the body."
)
_BROKEN_RULES: Final = (
    "{{where}} was reached over {}. It, or a proxy in front, broke the rules of the protocol, or reset the request. "
    "Look at the log of both. Does the request work over HTTP/1.1?"
)
_ENDED: Final = (
    "the connection to {where} ended before an answer came. Does this request make the server crash, or is its body "
    "larger than the server, or a proxy in front, accepts? Look at the log of both. A firewall, or a program against "
    "viruses, may also end it."
)
# Why no response came, or not all of it, by Chromium's name for the error, or its beginning.
_SILENT: Final = {
    PENDING: (
        "{where} took the connection, and does not answer in time. What does it wait for? Look at its log, and at the "
        "services that it calls. A browser waits for minutes, and its console says nothing until then."
    ),
    "CONNECTION_TIMED_OUT": _NOT_IN_TIME,
    "TIMED_OUT": _NOT_IN_TIME,
    "NAME_NOT_RESOLVED": (
        "the name of {where} has no address. Is it spelt right in the page? Is this computer online? "
        f"{_ONLY_ELSEWHERE}"
    ),
    "CONNECTION_REFUSED": (
        "nothing listens at {where}. Is the server running, at this host and this port? Does it listen on this address "
        "(a container has to publish its port)?"
    ),
    "CONNECTION_RESET": _ENDED,
    "CONNECTION_CLOSED": _ENDED,
    "RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH": (
        "the answer of {where} has several Content-Length lines that differ. Let the server, or a proxy in front, send "
        "only one."
    ),
    "RESPONSE_HEADERS_TOO_BIG": (
        "the header lines of {where} are too long for a browser. Send fewer, or shorter ones."
    ),
    "ADDRESS_UNREACHABLE": (
        "no route leads from this computer to {where}. Is the address right? Does it need a VPN, or is IPv6 missing "
        "here?"
    ),
    "CONTENT_DECODING_FAILED": f"the body is not encoded as its Content-Encoding says. {WRONGLY_CODED}",
    "EMPTY_RESPONSE": (
        "{where} took the connection, and closed it without an answer. Does this request make the server crash, or "
        "does a proxy in front close the connection? Look at the log of both."
    ),
    "HTTP2_": _BROKEN_RULES.format("HTTP/2"),
    "QUIC_PROTOCOL_ERROR": _BROKEN_RULES.format("HTTP/3"),
    "INTERNET_DISCONNECTED": "this computer is not connected to a network.",
    "PROXY_CONNECTION_FAILED": _NO_PROXY,
    "TUNNEL_CONNECTION_FAILED": _NO_PROXY,
    "NETWORK_CHANGED": "the network of this computer changed (Wi-Fi, a VPN). Repeat the request.",
    "NETWORK_IO_SUSPENDED": "this computer slept. Repeat the request.",
    "NETWORK_ACCESS_DENIED": "this computer does not let the browser use the network: look at its firewall.",
}
_FAMILIES: Final = [name for name in _SILENT if name.endswith("_")]
_ADDRESS: Final = re.compile(r"\[|[\d.]+$")
_SECOND_SCHEME: Final = re.compile(r"file:/*(https?://.*)", re.DOTALL)
_SCHEME_UNNAMED: Final = (
    "Not CORS. Either the page is a file (file: in the address bar), and a relative URL in it leads to a file, too: "
    "serve both. Or the URL has no scheme, or another one: write it with http: or https:."
)
_OF_BROWSERS: Final = frozenset({"about", "blob", "chrome", "content", "data", "edge", "ftp", "javascript"})
_OF_SCHEME: Final = {
    # Fetch, "HTTP-redirect fetch".
    "data": (
        "The request was redirected to a data: URL, by the server or by an extension (an ad blocker), and no browser "
        "follows that. Try it in a window without extensions."
    ),
    "node": "This is a module of Node, which has no place in code for browsers: replace it.",
}
_HTTP_ONLY: Final = "Not CORS. A page can request URLs of http and https"
# A name with a dot, which is most likely that of a server.
_FILE_WITH_HOST: Final = re.compile(
    r"file://((?!localhost)[\w-]+(?:\.[\w-]+)*\.[a-z]{2,20}(?::\d+)?/.+)", re.IGNORECASE
)
# For a page without an origin, and for one that is not known but requests a file: the cause, and what to do.
_OF_FILES: Final = {
    True: (
        (
            "Not CORS. The page is a file, or in a sandboxed frame: it has no origin, and a relative URL in it leads "
            "to a file, too. Serve both. An app serves its files itself: WebViewAssetLoader (Android), "
            "WKURLSchemeHandler (iOS), protocol.handle (Electron)."
        ),
        "load the page from a server (python -m http.server), not from the disk",
    ),
    False: (
        (
            "Not CORS. If the page is a file, too (file: in the address bar), serve both. An app serves its files "
            "itself: WebViewAssetLoader (Android), WKURLSchemeHandler (iOS), protocol.handle (Electron). Any other "
            "page has to request a URL of http or https."
        ),
        "load the files from a server (python -m http.server), not from the disk",
    ),
}


def change(why: str, *send: str, policy: dict[str, Any] | None = None, page: str = "") -> Fix:
    """
    Return the change of which *why* is the reason in words: lines to *send*, keywords of a *policy*, what the *page*
    writes.
    """
    lines = (in_ascii(page),) if page else ()
    return Fix(words=in_ascii(why), send=tuple(map(in_ascii, send)), policy=policy or {}, page=lines)


def is_sound(origin: str, *, credentials: bool) -> bool:
    """
    Whether a policy may list *origin*, with *credentials* or without.
    """
    return not problems_of({"allow_origins": [origin], "allow_credentials": credentials})


# Chromium's name for an answer that is not TLS, or TLS that it does not understand. A library says more than a name.
_NO_TLS: Final = "SSL_PROTOCOL_ERROR"
_OVER_HTTPS: Final = (
    "Not CORS: request it over https, and let the server speak TLS. If the page does so already, the server redirects "
    "to http: let it redirect to https (behind a proxy, tell the application that the proxy speaks TLS)."
)


def bad_scheme(failure: Failure, unnamed: Collection[str] = ()) -> Fix:
    # A console may name the scheme alone.
    named = failure.value if "url" in unnamed else ""
    scheme = named or scheme_of(failure) or failure.url.partition(":")[0].lower()
    if (misspelt := _misspelt(failure.url)) is not None:
        return misspelt
    if {"url", "page"} <= {*unnamed} and not named:
        return change(_SCHEME_UNNAMED)
    if scheme in _OF_SCHEME:
        return change(f"Not CORS. {_OF_SCHEME[scheme]}")
    if failure.page_origin == NULL:
        why, page = _OF_FILES["page" not in unnamed or scheme != "file"]
        return change(why, page=page)
    if scheme == "file":
        return change("Not CORS. Serve the file: a page may not fetch from the disk.", page='fetch("https://...")')
    if "." in scheme or scheme == "localhost":
        why = f'Not CORS. The URL has no scheme, so the browser reads "{as_shown(scheme)}" as one.'
        return change(why, page=f'fetch("{as_shown(with_scheme_of_page(failure))}")')
    if scheme in {"", "http", "https"}:
        return change(f"{_HTTP_ONLY}: check the requested URL and the address bar.")
    if scheme.endswith("-extension"):
        return change(
            "Not CORS. The browser does not let this page request a file of an extension. If the extension is yours, "
            "list the file in web_accessible_resources in its manifest, and let it request what runtime.getURL() "
            "returns, because each browser has a scheme of its own. If not, only the visitor can switch it off."
        )
    why = f"{_HTTP_ONLY}, not of {as_shown(scheme)}."
    if scheme in _OF_BROWSERS:
        return change(why, page='fetch("https://...")')
    return change(f"{why} An app with a scheme of its own has to register it (Electron: corsEnabled, supportFetchAPI).")


def _misspelt(url: str) -> Fix | None:
    if (second := _SECOND_SCHEME.match(url)) is not None:
        return change("Not CORS. The URL has two schemes: write it with one.", page=f'fetch("{as_shown(second[1])}")')
    if (hosted := _FILE_WITH_HOST.match(url)) is not None:
        why = "Not CORS. The page is a file, so a URL of it that has no scheme is one of a file, too: write https."
        return change(why, page=f'fetch("{as_shown(f"https://{hosted[1]}")}")')
    return None


def with_scheme_of_page(failure: Failure) -> str:
    """
    Return the URL of *failure*, which has none, with the scheme that it most likely has: that of the page, or http on
    this machine.
    """
    is_secure = failure.page_origin.startswith("https:") and not failure.url.startswith("localhost")
    return f"{'https' if is_secure else 'http'}://{failure.url}"


def unreachable(failure: Failure, unnamed: Collection[str] = ()) -> Fix:
    if failure.speaks:
        return _other_protocol(failure)
    where = "the server" if "url" in unnamed else server_of(failure)
    is_unanswered = failure.is_preflight and net_error_of(failure) == PENDING
    if not is_unanswered and (why := _why_silent(failure, where)):
        return change(f"Not CORS, and no header helps: {why}")
    if failure.is_preflight:
        return change(
            f"Not CORS, and no header helps: {where} does not answer the preflight. Does it answer a GET? Then a proxy "
            "or a firewall in front drops OPTIONS: let it pass OPTIONS on. If not: is the server running, and are the "
            "host and the port right?"
        )
    why = _WHY_SOCKET_SILENT if failure.mode == "websocket" else f"{WHY_SILENT} {_STOPPED_BY_BROWSER}"
    if failure.url.startswith(("https:", "wss:")):
        why += " Does the browser trust its certificate (open the host with https in a tab)?"
    elif failure.url.startswith("http:") and "page" in unnamed and "url" not in unnamed:
        url = url_of(failure.url)
        is_here = url is not None and address_space(url.host) == "loopback"
        why += f" {_OF_OTHER_DEVICES if is_here else _OF_SECURE_PAGES}"
    if "url" not in unnamed and _BARE_NAME.match(failure.url):
        why += f" {_ONLY_ELSEWHERE}"
    return change(f"Not CORS, and no header helps: no response came from {where}. {why}")


def _why_silent(failure: Failure, where: str) -> str:
    """
    Return why no response came from *where*, as far as the name of the error says it; empty if it does not.
    """
    error = net_error_of(failure)
    if error != "INVALID_HTTP_RESPONSE":
        return why_failed(error, where)
    over_tls = as_shown(failure.url.replace("http:", "https:", 1))
    likely = f" Most likely it is TLS: let the page request {over_tls}." if where.startswith("http:") else ""
    return f"what {where} answers is not HTTP.{likely} Check the host and the port: another program may listen there."


def why_failed(net_error: str, where: str) -> str:
    """
    Return why the request to *where* failed, as far as Chromium's name of the error says it; empty if it does not.
    """
    named = _SILENT.get(net_error) or next((_SILENT[key] for key in _FAMILIES if net_error.startswith(key)), "")
    return named.format(where=where)


def _other_protocol(failure: Failure) -> Fix:
    if failure.speaks in HTTP_SCHEMES:
        return _other_scheme(failure)
    return change(
        f"Not CORS, and no header helps: the server at {server_of(failure)} does not speak HTTP, but seems to speak "
        f"{failure.speaks}. Check the host and the port: the page has to request the port of the HTTP server. Browsers "
        "speak only HTTP."
    )


def server_of(failure: Failure) -> str:
    target = url_of(failure.url)
    return as_shown(failure.url if target is None else target.origin)


def _other_scheme(failure: Failure) -> Fix:
    """
    Return what to change if the port speaks TLS and the request did not, or the other way round.
    """
    is_socket = failure.mode == "websocket"
    scheme = failure.speaks.replace("http", "ws") if is_socket else failure.speaks
    url = as_shown(f"{scheme}:{failure.url.partition(':')[2]}")
    page = f'new WebSocket("{url}")' if is_socket else f'fetch("{url}")'
    why = f"Not CORS: the URL has the wrong scheme. Let the page request {url}."
    if failure.speaks == "https":
        why += " If the server also answers http there, this request makes it crash: look at its log."
    return change(why, page=page)


_CERTIFICATES: Final = {
    "CERT_DATE_INVALID": (
        "the certificate of {where} has expired, or is not valid yet. Renew it. Is the clock of this computer right?"
    ),
    "CERT_COMMON_NAME_INVALID": (
        "the certificate of {where} is for another host. Let the page request a host that it names, or get one for "
        "this host."
    ),
    "CERT_AUTHORITY_INVALID": (
        "no authority that this browser trusts has signed the certificate of {where}. Use one of a public authority. "
        "For development, make one that this computer trusts (mkcert), or open {where} in a tab and accept it."
    ),
}

# OpenSSL's words if a certificate is missing between that of the server and one that is trusted.
_NO_ISSUER: Final = re.compile(r"unable to (?:get local issuer certificate|verify the first certificate)")
_INCOMPLETE: Final = (
    "either {where} does not send the certificates between its own and that of the authority (let it send the whole "
    "chain: fullchain.pem; openssl s_client -showcerts shows what it sends), or no authority that this browser trusts "
    "has signed it (for development, mkcert makes one that this computer trusts). Some browsers find a missing "
    "certificate by themselves, so the page may work there."
)


def tls(failure: Failure) -> Fix:
    if failure.speaks:
        return _other_protocol(failure)
    url = url_of(failure.url)
    if failure.value == _NO_TLS:
        plain = as_shown(failure.url.replace("s:", ":", 1))
        # Mixed Content: a page of https may not request plain http.
        may_be_plain = not failure.page_origin.startswith("https:") or is_trustworthy(plain)
        instead = f"let the page request {plain}, or let the server speak TLS" if may_be_plain else "let it speak TLS"
        return change(
            f"Not CORS, and no header helps: {server_of(failure)} did not answer in TLS. Most likely it does not speak "
            f"TLS on this port: {instead}."
        )
    # A tab does not open a WebSocket.
    at = None if url is None else of_handshake(url)
    if at is not None and _NO_ISSUER.search(failure.value or ""):
        return change(f"Not CORS, and no header helps: {_INCOMPLETE.format(where=as_shown(at.origin))}")
    if at is not None and (why := _CERTIFICATES.get(net_error_of(failure))):
        return change(f"Not CORS, and no header helps: {why.format(where=as_shown(at.origin))}")
    in_tab = as_shown(failure.url if at is None else at.href)
    return change(
        f"Not CORS, and no header helps: open {in_tab} in its own tab and look at the certificate "
        f"(self-signed, expired, for another host?), or use {'ws' if failure.mode == 'websocket' else 'http'} if the "
        "server does not speak TLS."
    )


def client_certificate(failure: Failure) -> Fix:
    if failure.is_preflight:
        return change(
            "Not CORS: a preflight never carries a client certificate. Let the server ask for it without requiring it "
            "(nginx: ssl_verify_client optional), and check it after the CORS layer."
        )
    return change(
        "Not CORS: the server requires a client certificate. The user needs one, and a browser sends it only with "
        "credentials.",
        page='credentials: "include"',
    )


def mixed(failure: Failure, unnamed: Collection[str] = ()) -> Fix:
    if "url" in unnamed:
        return change(_OVER_HTTPS)
    if failure.mode == "websocket":
        page = f'new WebSocket("{as_shown(failure.url.replace("ws://", "wss://", 1))}")'
        return change("Not CORS: request it over wss, and let the server speak TLS.", page=page)
    scheme = failure.url.partition(":")[0].lower()
    if scheme not in {"http", "https"}:
        return change(
            f"Not CORS: this browser does not count {as_shown(scheme)} as secure. An app has to register its scheme as "
            "a secure one."
        )
    if scheme == "https":
        return change(_OVER_HTTPS)
    url = as_shown(failure.url.replace("http://", "https://", 1))
    if is_trustworthy(server_of(failure)):
        # Mixed Content, "a priori authenticated URL".
        return change(
            "Not CORS: current versions of Chromium and Firefox let a page of https request http URLs of this "
            "computer. Update the browser, or request it over https.",
            page=f"request {url}",
        )
    if has_private_address(failure.url):
        return change(
            "Not CORS: a page of https may not request http (in Chromium from 142 on, it may if the user allows it), "
            "and nobody certifies a private address for https. Give the server a name with a certificate (a reverse "
            "proxy), and let the page use that name, or its own origin."
        )
    return change(_OVER_HTTPS, page=f"request {url}")


def has_private_address(url: str) -> bool:
    """
    Return whether the host of *url* is an address that is not public: no authority certifies it for https.
    """
    target = url_of(url)
    return target is not None and address_space(target.host) != "public" and _ADDRESS.match(target.host) is not None


def handshake(failure: Failure) -> Fix:
    """
    Return what to change if a WebSocket handshake was not answered with 101.
    """
    status, origin = status_of(failure), failure.sent_origin
    answer = None if failure.exchange is None else failure.exchange.response
    if answer is not None and (said := host_refused_seen(answer)):
        return change(f"Not CORS. {of_hosts(failure.url, said)}")
    if status not in {"", "403"}:
        target = redirect_target(failure)
        to = f" to {as_shown(target.href)}" if isinstance(target, Url) else " (to a login, to https, or for a slash)"
        return change(f"Not CORS: {_OF_HANDSHAKES.get(status, _NO_WEBSOCKET).format(status=status, to=to)}")
    why = f"Not CORS: the server or a proxy refused the handshake. {_why_refused(failure)}"
    if origin == NULL:
        return change(f"{why} Do not list null, which sandboxed frames of any site send: load the page from a server.")
    why += (
        " List the origin where the WebSocket is served (Tornado: check_origin; Channels: AllowedHostsOriginValidator; "
        "websockets: origins; corsguard: a policy with credentials)."
    )
    if is_sound(origin, credentials=True):
        return change(why, policy={"allow_origins": [origin], "allow_credentials": True})
    if not origin.startswith("http://"):
        return change(why)
    # Mixed Content: a page of https may not open a WebSocket without TLS.
    wss = as_shown(failure.url.replace("ws://", "wss://", 1))
    and_wss = f' It then has to open new WebSocket("{wss}").' if wss != failure.url else ""
    return change(f"{why} {BETTER_OVER_HTTPS}{and_wss}")


def _why_refused(failure: Failure) -> str:
    answer = None if failure.exchange is None else failure.exchange.response
    if said := "" if answer is None else origin_refused(answer):
        return f'It judges the Origin, and says: "{said}".'
    return (
        "Most often it judges the Origin. It may also want a login, or this path has no WebSocket: servers for "
        "ASGI (Starlette, FastAPI, Channels) answer so, too."
    )


def over_https(failure: Failure) -> str:
    """
    Return what a page on http changes, so that nobody in the network can impersonate it.
    """
    page = f"load it from {failure.sent_origin.replace('http://', 'https://', 1)}"
    # Mixed Content, "should fetching request be blocked as mixed content?"
    is_mixed = failure.url.startswith("http://") and not is_trustworthy(server_of(failure))
    return f"{page}, and let it request https, too" if is_mixed else page


def invalid_handshake(failure: Failure) -> Fix:
    """
    Return what to change if the answer to a WebSocket handshake has the status 101, but not the fields that belong to
    it.
    """
    match failure.value:
        case "Upgrade" | "Connection" as field:
            value = "websocket" if field == "Upgrade" else "Upgrade"
            return change(
                f"Not CORS: a proxy in front removes or changes {field}. Let the proxy forward it.", f"{field}: {value}"
            )
        case "Sec-WebSocket-Extensions":
            return change(
                "Not CORS: the server chose an extension that the browser does not offer. Switch it off in the "
                "server's WebSocket library."
            )
        case "Sec-WebSocket-Protocol":
            return change(
                "Not CORS: the server has to name one of the subprotocols that the page offers in "
                "Sec-WebSocket-Protocol, and to leave this header out if the page offers none.",
                page=f'new WebSocket("{as_shown(failure.url)}", ["the subprotocol of the server"])',
            )
        case _:
            return change(
                "Not CORS: Sec-WebSocket-Accept is made from the Sec-WebSocket-Key of this handshake. This answer was "
                "made without that key, or computed wrongly: let the server's WebSocket library answer."
            )


_NO_AGREEMENT: Final = (
    "Not CORS: the page has Cross-Origin-Embedder-Policy, which requires each resource to agree, and this resource has "
    "no Cross-Origin-Resource-Policy. Send it. Or load the resource with CORS (an element: crossorigin), and let the "
    "server share it. If it is not yours, let the page send Cross-Origin-Embedder-Policy: credentialless (not known to "
    "Safari)."
)
_INSECURE_SITE: Final = (
    "Not CORS: the resource lets its own site embed it (same-site). The page is of that site, but on plain http, and "
    "for a resource of https such a page does not count. Load the page over https, or let every site embed the "
    "resource."
)
WITH_CORS: Final = 'mode: "cors" (an element: the attribute crossorigin)'


def corp(failure: Failure) -> Fix:
    if not failure.value:
        return change(_NO_AGREEMENT, "Cross-Origin-Resource-Policy: cross-origin", page=WITH_CORS)
    why = "Not CORS: the page fetched with mode no-cors, and the resource does not allow other sites to embed it"
    if failure.value == "same-site" and _differs_in_scheme(failure):
        # Fetch, "cross-origin resource policy internal check".
        return change(_INSECURE_SITE, "Cross-Origin-Resource-Policy: cross-origin")
    share = "same-site" if failure.value == "same-origin" and is_within_site(failure) else "cross-origin"
    why = f'{why}. Allow it to be embedded. To read it instead, leave out mode: "no-cors" and let the server share it.'
    return change(why, f"Cross-Origin-Resource-Policy: {share}", page=WITH_CORS)


def _differs_in_scheme(failure: Failure) -> bool:
    """
    Whether the page and the resource are of one site, except that only the resource is loaded over https.
    """
    url = url_of(failure.url)
    if url is None or not (failure.page_origin.startswith("http:") and url.scheme == "https"):
        return False
    return is_schemelessly_same_site(failure.page_origin, url.origin)
