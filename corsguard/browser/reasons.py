"""
What can be wrong with a fetch: one row for each reason, with all facts about it.

To add a reason, write it here, in the algorithm that finds it, and in `advice`, which says what to change. `console`
chooses between the wordings of each engine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from corsguard.errors import Rule
from corsguard.names import ALLOW_CREDENTIALS, ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN, EXAMPLE_ORIGIN

from .wire import Header, Unreachable, WireResponse

# CORS refuses the fetch, or something refuses it that often looks like CORS, or there was no answer.
Kind = Literal["cors", "not CORS", "no response"]


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
    HANDSHAKE_REFUSED = "handshake_refused"
    HANDSHAKE_INVALID = "handshake_invalid"


@dataclass(frozen=True, slots=True)
class Wording:
    """
    What an engine's console prints for a reason: the *usual* line, and the lines for cases with another wording.

    The placeholders are those of `evidence.FailureWords`. An empty line means that none is printed, or that
    none is known.
    """

    usual: str
    variants: Mapping[str, str] = field(default_factory=dict)

    def line(self, variant: str) -> str:
        return self.variants[variant] if variant else self.usual


class Example(NamedTuple):
    """
    A fetch that fails for the reason: what a page *asks*, as arguments of `Page.fetch`, and how it is answered. With a
    *url* of `wss:` it opens a WebSocket.

    The *answers* are used in this order; the last one is repeated.
    """

    answers: tuple[WireResponse | Unreachable, ...] = ()
    asks: Mapping[str, Any] = MappingProxyType({})
    url: str = "https://api.example.com/items"
    page: str = f"{EXAMPLE_ORIGIN}/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts(Rule):
    """
    One row. Its *message* says what failed; *why* says why a browser refuses it, and by which clause of the standard.

    *look* is where to look, in order; *header* is the response header that it is about. *of_check* marks the reasons of
    Fetch's "CORS check", which both a preflight's answer and the response have to pass. *preflight_only* marks those
    that only a preflight's answer can have. *of_status* marks those for which no header helps, because something in
    front of the CORS layer answered. *with_credentials* marks those that can fail only with credentials; *status_tells*
    those for which the status of the answer says more than the reason. *note* says how browsers differ.
    """

    kind: Kind
    example: Example
    look: tuple[str, ...]
    chromium: Wording
    firefox: Wording
    safari: Wording = Wording("")
    header: str | None = None
    of_check: bool = False
    preflight_only: bool = False
    of_status: bool = False
    with_credentials: bool = False
    status_tells: bool = False
    note: str = ""


def _says(usual: str, **variants: str) -> Wording:
    return Wording(usual, MappingProxyType(variants))


def _answered(status: int, *headers: Header) -> WireResponse:
    return WireResponse(status, headers)


# Chromium 156, from played fetches and from its source.
_BLOCKED: Final = (
    "Access to {initiator} at '{url}'{redirected} from origin '{page_origin}' has been blocked by CORS policy: "
)
_CHECKED: Final = _BLOCKED + "{preflight}"
_VALID: Final = " Have the server send the header with a valid value."
_NET: Final = "Failed to load resource: net::ERR_"
_CANNOT: Final = "Fetch API cannot load {url}. "
_HANDSHAKE: Final = "WebSocket connection to '{url}' failed: "
_IN_HANDSHAKE: Final = f"{_HANDSHAKE}Error during WebSocket handshake: "
_NO_CONNECTION: Final = f"{_HANDSHAKE}Error in connection establishment: net::ERR_"
_CODE_1006: Final = "A script sees error and close with the code 1006, whatever was wrong, and never the status."
_UPGRADED: Final = ("Connection", "Upgrade")
_MODE: Final = "when the request's credentials mode is 'include'."


# Firefox 153, from played fetches and from its source.
def _refused(why: str, url: str = "{url}") -> str:
    return (
        "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "
        f"{url}. (Reason: {why}"
    )


_DID_NOT_SUCCEED: Final = "CORS request did not succeed). Status code: (null)."
_NOT_HTTP: Final = "CORS request not http)."
_NOT_TOLD: Final = "TypeError: NetworkError when attempting to fetch resource."
# For a handshake it prints only this line, whatever was wrong.
_CANNOT_ESTABLISH: Final = "Firefox can\u2019t establish a connection to the server at {url}."
# Firefox prints a line only if CORS was involved.
_NO_RESPONSE: Final = _says(_refused(_DID_NOT_SUCCEED), silent=_NOT_TOLD, websocket=_CANNOT_ESTABLISH)
_DATA_FROM: Final = "Security Error: Content at {content} may not load data from {target}."
_LINK_TO: Final = "Security Error: Content at {content} may not load or link to {target}."

# Safari: from the sources of WebKit.
_SAFARI_STATUS: Final = _says("Preflight response is not successful. Status code: {status}")
_SAFARI_ORIGIN: Final = _says(
    "Origin {sent_origin} is not allowed by Access-Control-Allow-Origin. Status code: {status}"
)

OPTIONS_ROW: Final = "the OPTIONS row of the Network panel: who answered it (Server, status), and with which headers"
IN_ITS_TAB: Final = "the URL in its own tab: does it answer?"
REQUEST_ROW: Final = (
    "the row of the request in the Network panel: its status, and the Access-Control-* lines of the response"
)
EXCEPTION: Final = (
    "the status: a 500 may come from outside the CORS layer, because an exception left the application (in the debug "
    'mode of Flask, app.config["PROPAGATE_EXCEPTIONS"] = False keeps it inside)'
)
_LISTED: Final = "the policy: are scheme, host and port exactly those of the page's origin, without a slash at the end?"
_CACHE: Final = 'a cache: does it fail with "Disable cache" ticked, too? If not, Vary: Origin is missing'
_SPELLED: Final = "one line of that name, with commas between its items"
SPELLING: Final = "the case of the method in the page: PATCH, not patch"
_NEEDS_CREDENTIALS: Final = 'the page: does it need credentials: "include"?'

_NULL_STATUS: Final = (
    "Firefox and Safari report this as if it were CORS. 'Status code: (null)' means that no response came."
)

_SHARED: Final = (ALLOW_ORIGIN, EXAMPLE_ORIGIN)
_MOVED: Final = ("Location", "/elsewhere")
_INCLUDE: Final = MappingProxyType({"credentials": "include"})
_PUT: Final = MappingProxyType({"method": "PUT"})
_TOKEN: Final = MappingProxyType({"headers": {"X-Token": "1"}})

REASONS: Final[Mapping[Reason, Facts]] = {
    Reason.FORBIDDEN_METHOD: Facts(
        kind="not CORS",
        message="no page may send {value}.",
        why='CONNECT, TRACE and TRACK are forbidden methods (Fetch, "forbidden method").',
        instead="Use another method.",
        example=Example(asks={"method": "TRACE"}),
        look=("the options of fetch(): method",),
        chromium=_says("TypeError: Failed to execute 'fetch' on 'Window': '{value}' HTTP method is unsupported."),
        firefox=_says("TypeError: Window.fetch: Invalid request method {value}."),
    ),
    Reason.BAD_PORT: Facts(
        kind="not CORS",
        message="browsers do not connect to {port_named}.",
        why='Protocols other than HTTP use this port, so browsers block it (Fetch, "block bad port").',
        instead="Serve on another port, such as 8000 or 443.",
        example=Example(url="https://api.example.com:25/items"),
        look=("the port of the URL",),
        chromium=_says(f"{_NET}UNSAFE_PORT", websocket=f"{_NO_CONNECTION}UNSAFE_PORT"),
        # Firefox names the URL that redirected, which is the first one if there was only one redirect.
        firefox=_says(_NOT_TOLD, redirected=_refused(_DID_NOT_SUCCEED, "{first_url}"), websocket=_CANNOT_ESTABLISH),
    ),
    Reason.MIXED_CONTENT: Facts(
        kind="not CORS",
        message="a page loaded over https may not request a URL that is not secure.",
        why='The answer could be read or changed on the network (Mixed Content, "should fetching request be blocked").',
        instead="Serve the resource over https.",
        example=Example(url="http://api.example.com/items"),
        look=("the URL that the page requests: does it begin with https: (a WebSocket: wss:)?",),
        chromium=_says(
            "Mixed Content: The page at '{page}' was loaded over HTTPS, but requested an insecure resource "
            "'{bare_url}'. This request has been blocked; the content must be served over HTTPS.",
            websocket=(
                "Mixed Content: The page at '{page}' was loaded over HTTPS, but attempted to connect to the insecure "
                "WebSocket endpoint '{url}'. This request has been blocked; this endpoint must be available over WSS."
            ),
        ),
        firefox=_says(
            "Blocked loading mixed active content \u201c{url}\u201d",
            websocket="SecurityError: The operation is insecure.",
        ),
    ),
    Reason.SAME_ORIGIN_MODE: Facts(
        kind="cors",
        message='this is allowed within one origin only (mode "same-origin"), and it was for another one.',
        why='With this mode, the page can only request its own origin (Fetch, "main fetch", mode "same-origin").',
        instead='Use mode: "cors".',
        example=Example(asks={"mode": "same-origin"}),
        look=("the options of fetch(): mode", "the URL that the page requests: is it the right host?"),
        chromium=_says(
            _CANNOT
            + 'Request mode is "same-origin" but the URL\'s origin is not same as the request origin {page_origin}.',
            redirected=(
                "Unsafe attempt to load URL {target} from frame with URL {page}. Domains, protocols and ports must "
                "match."
            ),
        ),
        firefox=_says(_DATA_FROM),
    ),
    Reason.NO_CORS_REDIRECT_MODE: Facts(
        kind="cors",
        message='mode "no-cors" allows only the redirect mode "follow".',
        why='A page may not learn where another origin redirects (Fetch, "main fetch", mode "no-cors").',
        instead='Use redirect: "follow", or mode: "cors".',
        example=Example(asks={"mode": "no-cors", "redirect": "error"}),
        look=('the options of fetch(): redirect, and does it need mode: "no-cors" at all?',),
        chromium=_says(_CANNOT + 'Request mode is "no-cors" but the redirect mode is not "follow".'),
        firefox=_says(_NOT_TOLD),
    ),
    Reason.BAD_SCHEME: Facts(
        kind="not CORS",
        message="{scheme_named} cannot be fetched.",
        why='Scripts can only fetch URLs of http and https (Fetch, "main fetch", HTTP(S) scheme).',
        instead="Write the whole URL, which begins with https://.",
        example=Example(url="localhost:8000/items"),
        look=("the URL that the page requests: does it begin with http:// or https://?", "the address bar: file://?"),
        chromium=_says(
            _CANNOT + 'URL scheme "{scheme}" is not supported.', file="Not allowed to load local resource: {url}"
        ),
        firefox=_says(_refused(_NOT_HTTP), blob=_DATA_FROM, file=_LINK_TO),
        safari=_says("Cross origin requests are only supported for HTTP."),
    ),
    Reason.UNREACHABLE: Facts(
        kind="no response",
        message="no response came, which is not a matter of CORS: {said}.",
        why='Without a response there is nothing to read (Fetch, "HTTP-network fetch").',
        instead="Start the server, or correct the host and the port.",
        example=Example((Unreachable("nothing listens at api.example.com", net_error="CONNECTION_REFUSED"),)),
        look=(
            IN_ITS_TAB,
            "the server: is it running, at this host and this port?",
            "its log",
        ),
        chromium=_says(f"{_NET}{{net}}", websocket=f"{_NO_CONNECTION}{{net}}"),
        firefox=_NO_RESPONSE,
        safari=_says("Could not connect to the server."),
        note=_NULL_STATUS,
    ),
    Reason.TLS: Facts(
        kind="no response",
        message="no TLS connection, which is not a matter of CORS: {said}.",
        why='A browser sends nothing to a server that it cannot identify (Fetch, "HTTP-network fetch").',
        instead="Give the server a certificate that is valid for its host, or use http if it does not speak TLS.",
        example=Example((Unreachable("the certificate has expired", tls=True, net_error="CERT_DATE_INVALID"),)),
        look=("the URL in its own tab: what does the browser say about the certificate?",),
        chromium=_says(f"{_NET}{{net}}", websocket=f"{_NO_CONNECTION}{{net}}"),
        firefox=_NO_RESPONSE,
        note=_NULL_STATUS,
    ),
    Reason.TLS_CLIENT_CERTIFICATE: Facts(
        kind="no response",
        message="the server requires a TLS client certificate, which is not a matter of CORS: {said}.",
        why='A preflight never carries a client certificate (Fetch, "CORS-preflight fetch").',
        instead="Let the server ask for a certificate without requiring one, and check it after the CORS layer.",
        example=Example((Unreachable("a client certificate is required", tls=True, wants_certificate=True),)),
        look=("the server: does it require a client certificate, for OPTIONS too?",),
        chromium=_says(f"{_NET}BAD_SSL_CLIENT_AUTH_CERT", websocket=f"{_NO_CONNECTION}BAD_SSL_CLIENT_AUTH_CERT"),
        firefox=_NO_RESPONSE,
        note=(
            f"{_NULL_STATUS} Firefox sends certificates with preflights if network.cors_preflight.allow_client_cert is "
            "set."
        ),
    ),
    Reason.PREFLIGHT_REDIRECT: Facts(
        kind="cors",
        message="the preflight was answered with a redirect{in_brackets}.",
        why='A preflight does not follow redirects (Fetch, "CORS-preflight fetch", ok status).',
        instead="Let the CORS layer answer preflights before anything redirects, or let the page request the last URL.",
        example=Example((_answered(307, _SHARED, _MOVED),), _PUT),
        look=("the Location of the OPTIONS row: a slash, https, www, or a login?", OPTIONS_ROW),
        chromium=_says(_CHECKED + "Redirect is not allowed for a preflight request."),
        firefox=_says(_refused("CORS request external redirect not allowed).")),
        safari=_SAFARI_STATUS,
        header="Location",
        preflight_only=True,
        of_status=True,
    ),
    Reason.MISSING_ALLOW_ORIGIN: Facts(
        kind="cors",
        message="{answer}{in_brackets} has no Access-Control-Allow-Origin.",
        why='Without the header nothing is shared with another origin (Fetch, "CORS check", step 2).',
        instead="List the page's origin in the policy that guards this path.",
        example=Example((_answered(200),)),
        look=(REQUEST_ROW, _LISTED, "the path: does the policy guard it?", EXCEPTION, _CACHE),
        chromium=_says(_CHECKED + "No 'Access-Control-Allow-Origin' header is present on the requested resource."),
        firefox=_says(_refused("CORS header \u2018Access-Control-Allow-Origin\u2019 missing). Status code: {status}.")),
        safari=_SAFARI_ORIGIN,
        header=ALLOW_ORIGIN,
        of_check=True,
        status_tells=True,
    ),
    Reason.WILDCARD_WITH_CREDENTIALS: Facts(
        kind="cors",
        message="{answer} shares with *, but the request has credentials.",
        why='With credentials, browsers read * as a name and not as every origin (Fetch, "CORS check", step 4).',
        instead="Name the origin in the header, or leave out the credentials.",
        example=Example((_answered(200, (ALLOW_ORIGIN, "*")),), _INCLUDE),
        look=(_NEEDS_CREDENTIALS, REQUEST_ROW),
        chromium=_says(
            _CHECKED + "The value of the 'Access-Control-Allow-Origin' header in the response must not be the "
            f"wildcard '*' {_MODE}"
        ),
        # The only text of Firefox with quotation marks around the URL.
        firefox=_says(
            _refused(
                "Credential is not supported if the CORS header \u2018Access-Control-Allow-Origin\u2019 is "
                "\u2018*\u2019).",
                "\u2018{url}\u2019",
            )
        ),
        safari=_says("Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true."),
        header=ALLOW_ORIGIN,
        of_check=True,
        with_credentials=True,
    ),
    Reason.MULTIPLE_ALLOW_ORIGIN: Facts(
        kind="cors",
        message="{answer} has more than one value in Access-Control-Allow-Origin.",
        why='The header holds one origin, and it is compared as a whole (Fetch, "CORS check", step 4).',
        instead="Send only the origin of the page that asked, from one layer.",
        example=Example((_answered(200, _SHARED, _SHARED),)),
        look=(REQUEST_ROW, "the layers: proxy, web server, framework, view; which of them add CORS headers?"),
        chromium=_says(
            _CHECKED + "The 'Access-Control-Allow-Origin' header contains multiple values '{value}', but only one is "
            f"allowed.{_VALID}"
        ),
        firefox=_says(_refused("Multiple CORS header \u2018Access-Control-Allow-Origin\u2019 not allowed).")),
        safari=_says("Access-Control-Allow-Origin cannot contain more than one origin."),
        header=ALLOW_ORIGIN,
        of_check=True,
    ),
    Reason.ALLOW_ORIGIN_MISMATCH: Facts(
        kind="cors",
        message="{answer} shares with {shared_with}, not with {sent_origin}.",
        why='The header has to be the page\'s origin, byte for byte (Fetch, "CORS check", step 4).',
        instead="List the page's origin, and send it with Vary: Origin.",
        example=Example((_answered(200, (ALLOW_ORIGIN, f"{EXAMPLE_ORIGIN}/")),)),
        look=(REQUEST_ROW, _LISTED, _CACHE),
        chromium=_says(
            _CHECKED + "The 'Access-Control-Allow-Origin' header has a value '{value}' that is not equal to the "
            f"supplied origin.{_VALID}",
            no_url=(
                _CHECKED + f"The 'Access-Control-Allow-Origin' header contains the invalid value '{{value}}'.{_VALID}"
            ),
        ),
        firefox=_says(
            _refused("CORS header \u2018Access-Control-Allow-Origin\u2019 does not match \u2018{allow_origin}\u2019).")
        ),
        safari=_SAFARI_ORIGIN,
        header=ALLOW_ORIGIN,
        of_check=True,
    ),
    Reason.ALLOW_CREDENTIALS_NOT_TRUE: Facts(
        kind="cors",
        message="{answer} does not allow credentials.",
        why='With credentials this header has to be "true", in lower case (Fetch, "CORS check", step 8).',
        instead="Send Access-Control-Allow-Credentials: true, or leave out the credentials.",
        example=Example((_answered(200, _SHARED),), _INCLUDE),
        look=(_NEEDS_CREDENTIALS, REQUEST_ROW),
        chromium=_says(
            _CHECKED + "The value of the 'Access-Control-Allow-Credentials' header in the response is '{value}' which "
            f"must be 'true' {_MODE}"
        ),
        firefox=_says(
            _refused("expected \u2018true\u2019 in CORS header \u2018Access-Control-Allow-Credentials\u2019).")
        ),
        safari=_says('Credentials flag is true, but Access-Control-Allow-Credentials is not "true".'),
        header=ALLOW_CREDENTIALS,
        of_check=True,
        with_credentials=True,
    ),
    Reason.PREFLIGHT_STATUS: Facts(
        kind="cors",
        message="the preflight was answered with {what_status} is not between 200 and 299.",
        why='A preflight only passes with an ok status, 200 to 299 (Fetch, "CORS-preflight fetch", ok status).',
        instead="Put the CORS layer outermost, so that nothing else answers preflights.",
        example=Example((_answered(405, _SHARED),), _PUT),
        look=(OPTIONS_ROW, "what is before the CORS layer: authentication, a router, a proxy"),
        chromium=_says(_CHECKED + "It does not have HTTP ok status."),
        firefox=_says(_refused("CORS preflight response did not succeed). Status code: {status}.")),
        safari=_SAFARI_STATUS,
        preflight_only=True,
        of_status=True,
        status_tells=True,
    ),
    Reason.ALLOW_METHODS_UNPARSABLE: Facts(
        kind="cors",
        message="Access-Control-Allow-Methods in the preflight's answer is not a list of methods.",
        why='A list that cannot be parsed allows nothing (Fetch, "CORS-preflight fetch", methods).',
        instead="Write methods separated by commas, without quotation marks.",
        example=Example((_answered(204, _SHARED, (ALLOW_METHODS, "GET PUT")),), _PUT),
        look=(OPTIONS_ROW, _SPELLED),
        chromium=_says(
            _BLOCKED + "Cannot parse Access-Control-Allow-Methods response header field in preflight response."
        ),
        firefox=_says(
            _refused("invalid token \u2018{item}\u2019 in CORS header \u2018Access-Control-Allow-Methods\u2019).")
        ),
        safari=_says("Header Access-Control-Allow-Methods has an invalid value: {value}"),
        header=ALLOW_METHODS,
        preflight_only=True,
    ),
    Reason.ALLOW_HEADERS_UNPARSABLE: Facts(
        kind="cors",
        message="Access-Control-Allow-Headers in the preflight's answer is not a list of names.",
        why='A list that cannot be parsed allows nothing (Fetch, "CORS-preflight fetch", headerNames).',
        instead="Write names separated by commas, without quotation marks.",
        example=Example((_answered(204, _SHARED, (ALLOW_HEADERS, "X-Token X-Other")),), _TOKEN),
        look=(OPTIONS_ROW, _SPELLED),
        chromium=_says(
            _BLOCKED + "Cannot parse Access-Control-Allow-Headers response header field in preflight response."
        ),
        firefox=_says(
            _refused("invalid token \u2018{item}\u2019 in CORS header \u2018Access-Control-Allow-Headers\u2019).")
        ),
        safari=_says("Header Access-Control-Allow-Headers has an invalid value: {value}"),
        header=ALLOW_HEADERS,
        preflight_only=True,
    ),
    Reason.METHOD_NOT_ALLOWED: Facts(
        kind="cors",
        message="the answer to the preflight does not allow the method {value}.",
        why='Methods beyond GET, HEAD and POST have to be listed (Fetch, "CORS-preflight fetch", methods).',
        instead="List the method in the policy, in upper and lower case exactly as the page writes it.",
        example=Example((_answered(204, _SHARED, (ALLOW_METHODS, "GET")),), _PUT),
        look=(OPTIONS_ROW, SPELLING),
        chromium=_says(
            _BLOCKED + "Method {value} is not allowed by Access-Control-Allow-Methods in preflight response."
        ),
        firefox=_says(_refused("Did not find method in CORS header \u2018Access-Control-Allow-Methods\u2019).")),
        safari=_says("Method {value} is not allowed by Access-Control-Allow-Methods."),
        header=ALLOW_METHODS,
        preflight_only=True,
    ),
    Reason.HEADER_NOT_ALLOWED: Facts(
        kind="cors",
        message="the answer to the preflight does not allow {header_named}.",
        why='Request headers beyond the safelist have to be listed (Fetch, "CORS-preflight fetch", headerNames).',
        instead="List the header in the policy. Always list Authorization by its name.",
        example=Example((_answered(204, _SHARED),), _TOKEN),
        look=(OPTIONS_ROW, "who sets the header: the page, or a library in it?"),
        chromium=_says(
            _BLOCKED
            + "Request header field {value} is not allowed by Access-Control-Allow-Headers in preflight response.",
            warning=(
                "Authorization will not be covered by the wildcard symbol (*) in CORS `Access-Control-Allow-Headers` "
                "handling."
            ),
        ),
        firefox=_says(
            _refused(
                "header \u2018{refused}\u2019 is not allowed according to header "
                "\u2018Access-Control-Allow-Headers\u2019 from CORS preflight response)."
            ),
            warning=(
                "Cross-Origin Request Warning: The Same Origin Policy will disallow reading the remote resource at "
                "{url} soon. (Reason: When the `Access-Control-Allow-Headers` is `*`, the `Authorization` header is "
                "not covered. To include the `Authorization` header, it must be explicitly listed in CORS header "
                "`Access-Control-Allow-Headers`)."
            ),
        ),
        safari=_says("Request header field {value} is not allowed by Access-Control-Allow-Headers.", warning=""),
        header=ALLOW_HEADERS,
        preflight_only=True,
    ),
    Reason.CORP: Facts(
        kind="not CORS",
        message="Cross-Origin-Resource-Policy does not let this page use the response.",
        why=(
            "The resource forbids other origins to embed it, or does not allow it although the page requires that "
            '(Fetch, "cross-origin resource policy check").'
        ),
        instead="Send Cross-Origin-Resource-Policy: cross-origin, or share the resource and load it with CORS.",
        example=Example((_answered(200, ("Cross-Origin-Resource-Policy", "same-origin")),), {"mode": "no-cors"}),
        look=("Cross-Origin-Resource-Policy of the response", "Cross-Origin-Embedder-Policy of the page"),
        chromium=_says(
            f"{_NET}BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep",
            same_origin=f"{_NET}BLOCKED_BY_RESPONSE.NotSameOrigin",
            same_site=f"{_NET}BLOCKED_BY_RESPONSE.NotSameSite",
        ),
        firefox=_says(
            "The resource at \u201c{url}\u201d was blocked due to its Cross-Origin-Resource-Policy header (or lack "
            "thereof). See https://developer.mozilla.org/docs/Web/HTTP/Cross-Origin_Resource_Policy_(CORP)#"
        ),
        header="Cross-Origin-Resource-Policy",
    ),
    Reason.REDIRECT_MODE_ERROR: Facts(
        kind="not CORS",
        message='the server redirects, but the page set redirect: "error".',
        why='With this option, the page asked to fail on a redirect (Fetch, "HTTP fetch", redirect mode "error").',
        instead="Let the page request the last URL, or set redirect to follow.",
        example=Example((_answered(302, _SHARED, _MOVED),), {"redirect": "error"}),
        look=("the options of fetch(): redirect", "the Location of the redirect"),
        chromium=_says(f"{_NET}FAILED"),
        firefox=_says(_NOT_TOLD),
        header="Location",
    ),
    Reason.REDIRECT_UNPARSABLE: Facts(
        kind="not CORS",
        message="the server redirects to something that is not a URL.",
        why='A redirect leads to one URL, which has to be valid (Fetch, "location URL").',
        instead="Send one Location with one valid URL.",
        example=Example((_answered(302, _SHARED, ("Location", "http://[")),)),
        look=("the Location of the redirect: one line, one URL",),
        chromium=_says(f"{_NET}INVALID_REDIRECT", several_locations=f"{_NET}RESPONSE_HEADERS_MULTIPLE_LOCATION"),
        firefox=_NO_RESPONSE,
        header="Location",
    ),
    Reason.REDIRECT_BAD_SCHEME: Facts(
        kind="cors",
        message="the server redirects to {target_named}, which is neither http nor https.",
        why='A redirect may only lead to http or https (Fetch, "HTTP-redirect fetch").',
        instead="Redirect to a URL of http or https.",
        example=Example((_answered(302, _SHARED, ("Location", "app://items")),)),
        look=("the Location of the redirect",),
        chromium=_says(
            # These are the schemes of Chromium on a desktop; embedders have others.
            "Access to {initiator} at '{target}' (redirected from '{first_url}') from origin '{page_origin}' has been "
            "blocked by CORS policy: Cross origin requests are only supported for protocol schemes: chrome, "
            "chrome-experimental-site-token-provider, chrome-extension, chrome-untrusted, data, http, https, "
            "isolated-app.",
            unsafe=f"{_NET}UNSAFE_REDIRECT",
            unknown=f"{_NET}UNKNOWN_URL_SCHEME",
        ),
        firefox=_says(
            _refused(_NOT_HTTP, "{target}"),
            blob=_DATA_FROM,
            data="Redirecting to data: URI not allowed (Blocked loading of: \u201c{target}\u201d)",
            file=_LINK_TO,
        ),
        safari=_says("not allowed to follow a cross-origin CORS redirection with non CORS scheme"),
        header="Location",
    ),
    Reason.TOO_MANY_REDIRECTS: Facts(
        kind="not CORS",
        message="the server redirects again and again.",
        why='A browser follows 20 redirects (Fetch, "HTTP-redirect fetch").',
        instead="Remove the rule that makes the loop, and answer 401 to scripts instead of a redirect to a login.",
        example=Example((_answered(302, _SHARED, _MOVED),)),
        look=("the chain of redirects in the Network panel: where does it come back to an earlier URL?",),
        chromium=_says(f"{_NET}TOO_MANY_REDIRECTS"),
        firefox=_NO_RESPONSE,
        header="Location",
    ),
    Reason.REDIRECT_USERINFO: Facts(
        kind="cors",
        message="the server redirects to a URL with a user or a password in it.",
        why='Such a URL is not followed across origins (Fetch, "HTTP-redirect fetch").',
        instead="Remove the user and the password from the Location.",
        example=Example((_answered(302, _SHARED, ("Location", "https://user:password@api.example.com/")),)),
        look=("the Location of the redirect",),
        # Chromium leaves the location empty, so that the password is not in a log.
        chromium=_says(
            _BLOCKED + "Redirect location '' contains a username and password, which is disallowed for cross-origin "
            "requests."
        ),
        firefox=_NO_RESPONSE,
        safari=_says("redirection URL {target} has credentials"),
        header="Location",
        note="Chromium's console leaves the location out.",
    ),
    Reason.REDIRECT_STREAM_BODY: Facts(
        kind="not CORS",
        message="the server redirects, and a body that is a stream cannot be sent twice.",
        why='The data of a stream cannot be read again after they were sent (Fetch, "HTTP-redirect fetch").',
        instead="Let the page request the last URL, or send the body as one value instead of a stream.",
        example=Example(
            (_answered(204, _SHARED), _answered(307, _SHARED, _MOVED)), {"method": "POST", "body": (b"part",)}
        ),
        look=("the Location of the redirect", "the options of fetch(): is body a stream?"),
        chromium=_says(f"{_NET}INVALID_ARGUMENT"),
        firefox=_NO_RESPONSE,
        header="Location",
        note="Chromium sends a stream over HTTP/2 and HTTP/3 only.",
    ),
    Reason.HANDSHAKE_REFUSED: Facts(
        kind="not CORS",
        message="the WebSocket handshake was answered with {what_status} is not 101.",
        why='Only the status 101 opens a WebSocket. CORS headers have no effect (WebSockets, "establish").',
        instead="List the origin of the page where the server judges handshakes, and allow credentials.",
        example=Example((_answered(403),), url="wss://api.example.com/feed"),
        look=(
            "the row of the handshake in the Network panel: its status, and the Origin that was sent",
            "the log of the server: who refused it?",
            "a proxy in front: does it forward Upgrade, Connection, Origin and Host?",
        ),
        chromium=_says(
            _IN_HANDSHAKE + "Unexpected response code: {status}",
            unauthorized=_HANDSHAKE + "HTTP Authentication failed; no valid credentials available",
        ),
        firefox=_says(_CANNOT_ESTABLISH),
        status_tells=True,
        note=_CODE_1006,
    ),
    Reason.HANDSHAKE_INVALID: Facts(
        kind="not CORS",
        message="the WebSocket handshake was answered with 101, but {field_fault}.",
        why='Only a server that has read the handshake can answer it (WebSockets, "establish a WebSocket connection").',
        instead="Let the WebSocket library of the server answer, and no cache and no proxy in front of it.",
        example=Example((_answered(101, ("Upgrade", "websocket"), _UPGRADED),), url="wss://api.example.com/feed"),
        look=(
            "the row of the handshake in the Network panel: the lines of the answer",
            "a proxy in front: does it forward Upgrade and Connection, both ways?",
            "the page: which subprotocols does new WebSocket(url, protocols) offer?",
        ),
        chromium=_says(
            _IN_HANDSHAKE + "Incorrect '{value}' header value",
            missing=_IN_HANDSHAKE + "'{value}' header is missing",
            several=_IN_HANDSHAKE + "'{value}' header must not appear more than once in a response",
            upgrade=_IN_HANDSHAKE + "'Upgrade' header value is not 'WebSocket': {found}",
            connection=_IN_HANDSHAKE + "'Connection' header value must contain 'Upgrade'",
            unasked=_IN_HANDSHAKE + "Response must not include '{value}' header if not present in request: {found}",
            unanswered=_IN_HANDSHAKE + "Sent non-empty '{value}' header but no response was received",
            unknown=_IN_HANDSHAKE + "'{value}' header value '{found}' in response does not match any of sent values",
        ),
        firefox=_says(_CANNOT_ESTABLISH),
        note=_CODE_1006,
    ),
}

CORS_CHECK: Final = frozenset(reason for reason, facts in REASONS.items() if facts.of_check)
# The reasons that no header of an answer can change.
OF_STATUS: Final = frozenset(reason for reason, facts in REASONS.items() if facts.of_status)
PREFLIGHT_ONLY: Final = frozenset(reason for reason, facts in REASONS.items() if facts.preflight_only)

# The reasons that only the answer to a WebSocket handshake can have.
OF_HANDSHAKE: Final = frozenset({Reason.HANDSHAKE_REFUSED, Reason.HANDSHAKE_INVALID})


def reasons_about(header: str) -> frozenset[Reason]:
    """
    Return the reasons that are about the response header *header*.
    """
    return frozenset(reason for reason, facts in REASONS.items() if facts.header == header)
