"""
Which line of a console tells of which failure: one row for each core.

Browsers change the rest of a line between releases, and people change quotation marks, so a core is as short as it can
be. It is looked for in the text that `pasted` makes: single quotation marks are straight, and so are backticks.
"""

import re
from typing import Final, NamedTuple

from corsguard.browser import Reason


class Core(NamedTuple):
    """
    The *core* of a message, and what it means. Its groups: `value`, `method`, `header`, `status`, `origin`, `url`,
    `first` (where a redirect began) and `target` (where one leads).
    """

    core: re.Pattern[str]
    means: Reason | str
    # The value at fault, if the core itself tells it.
    value: str | None = None


def _core(core: str, means: Reason | str, value: str | None = None) -> Core:
    return Core(re.compile(core, re.IGNORECASE), means, value)


def _named(chromium: str, firefox: str, means: Reason | str, value: str | None = None) -> Core:
    """
    Return the core of what Network panels show: Chromium its own names, Firefox the words of its names after CORS.
    """
    spaced = "|".join(" ?".join(re.findall(r"[A-Z][a-z]*", name)) for name in firefox.split())
    named = "|".join(chromium.split())
    either = [rf"\bCORS ?(?:{spaced})\d?\b"] if spaced else []
    return _core("|".join([*either, *([rf"\b(?:Preflight)?(?:{named})\b"] if named else [])]), means, value)


_REDIRECT: Final = (
    r"Redirect from '(?P<url>[^']{1,2048})' to '(?P<target>[^']{1,2048})' has been blocked[^:]{0,80}: "
    r"(?:Response to preflight request doesn't pass access control check: )?No 'Access-Control-Allow-Origin'"
)

# What Node calls an error of a connection, or of its parser of HTTP.
_ERRNO: Final = r"(?-i:E[A-Z]{3,}|HPE_[A-Z_]+)"

# The first core that fits tells. The order is that of what would fit otherwise, too.
CORES: Final = (
    # Whatever else is said of a file, it cannot be fetched.
    _core(
        r"(?:cannot load|Failed to load) '?(?P<url>file:[^\s']{1,2048})|"
        r"Access to [\w ]{1,40} at '(?P<url2>file:[^']{1,2048})'(?! \(redirected)|"
        r"Module source URI is not allowed in this document: ['\"](?P<url3>file:[^'\"]{1,2048})",
        Reason.BAD_SCHEME,
    ),
    # The proxies of development servers (webpack-dev-server, Create React App, Vite, Next.js), and what these refuse.
    _core(
        r"Error occurred while (?:trying to )?proxy(?:ing)?\b.{0,2048}? to (?P<url>https?://[^\s(]{1,2048})"
        rf" [\[(](?P<value>{_ERRNO})|Could not proxy request .{{0,2048}}? to (?P<url2>https?://[^\s(]{{1,2048}})"
        rf"(?:.{{0,140}}?\((?P<value2>{_ERRNO})\))?|Failed to proxy (?P<url3>https?://\S{{1,2048}})",
        "dev_proxy",
    ),
    _core(
        r"\b(?:http|ws) proxy (?:socket )?error\b"
        rf"(?:.{{0,2048}}?(?P<value>{_ERRNO}(?: (?:[\d.]{{7,15}}|[\da-f:]{{2,39}}):\d{{1,5}})?))?|"
        r"Error occurred while (?:trying to )?proxy|Could not proxy request",
        "dev_proxy",
    ),
    _core(
        r"cross.origin request (?:detected )?(?:to Next\.js dev resource \S{1,200} )?from ['\"]?"
        r"(?P<value>\d{1,3}(?:\.\d{1,3}){3}|[\w.-]{1,253})['\"]?.{0,20}?(?:/_next/|\. ?Cross-origin access to Next)|"
        r"Blocked request\. This host \(?['\"]?(?P<value2>[\w.-]{1,253})['\"]?\)? is not allowed|"
        r"allowedDevOrigins|Invalid Host/Origin header",
        "dev_host",
    ),
    # Chromium words a manifest as any other load; a proxy that logs users in redirects it, as it comes without cookies.
    _core(
        r"Access to manifest at '(?P<value>[^']{1,2048})' \(redirected from '(?P<url>[^']{1,2048})'\)|"
        r"Access to internal resource at '(?P<value2>[^']{1,2048})' "
        r"\(redirected from '(?P<url2>[^']{1,2048}manifest[^'/]{0,80})'\)",
        "manifest_login",
    ),
    _core(_REDIRECT, Reason.MISSING_ALLOW_ORIGIN),
    _core(
        r"must not be the wildcard|Credential is not supported if|Cannot use wildcard|"
        r"wildcard '?.?'? cannot be used in the '?Access-Control-Allow-Origin|"
        # Of Firefox before it had words for credentials.
        r"Access-Control-Allow-Origin'? does not match '\*'|\bSEC7121\b",
        Reason.WILDCARD_WITH_CREDENTIALS,
        "*",
    ),
    _core(r"contains multiple values '(?P<value>[^']*)'", Reason.MULTIPLE_ALLOW_ORIGIN),
    _core(r"does not match '(?P<value>[^',]{0,2048},[^']*)'", Reason.MULTIPLE_ALLOW_ORIGIN),
    _core(
        r"Multiple CORS header|cannot contain more than one origin|Access-Control-Allow-Origin'? header contains "
        r"multiple values|\bSEC7128\b",
        Reason.MULTIPLE_ALLOW_ORIGIN,
    ),
    _core(r"Allow-Credentials'? header(?: in the response)? is '(?P<value>[^']*)'", Reason.ALLOW_CREDENTIALS_NOT_TRUE),
    _core(
        r"expected '?true'? in CORS header|Allow-Credentials'? is not [\"']?true|Allow-Credentials'? header in the "
        r"response is|\bSEC71(?:22|29)\b",
        Reason.ALLOW_CREDENTIALS_NOT_TRUE,
    ),
    _core(r"307 Internal Redirect|Non-Authoritative-Reason: HSTS", "hsts"),
    _core(
        r"Redirect is not allowed for a preflight|external redirect not allowed|Response for preflight is invalid "
        r"\(redirect\)|disallowed for cross-origin requests that require preflight|requires preflight, which is "
        r"disallowed to follow|\bSEC7126\b",
        Reason.PREFLIGHT_REDIRECT,
    ),
    _core(
        r"does not have HTTP ok status|preflight (?:response|channel) did not succeed|Preflight response is not "
        r"successful|preflight has invalid HTTP status(?: code)?:? ?(?P<status>\d{3})?|"
        r"cannot load \S{1,2048} Invalid HTTP status code (?P<status2>\d{3})|"
        r"\bOPTIONS (?:\S{1,2048} )?(?P<status3>[45]\d\d) \(",
        Reason.PREFLIGHT_STATUS,
    ),
    _core(r"Cannot parse Access-Control-Allow-Methods", Reason.ALLOW_METHODS_UNPARSABLE),
    _core(
        r"invalid token '(?P<value>[^']*)' in CORS header '?Access-Control-Allow-Methods",
        Reason.ALLOW_METHODS_UNPARSABLE,
    ),
    _core(r"Access-Control-Allow-Methods has an invalid value: (?P<value>\S.{0,200})", Reason.ALLOW_METHODS_UNPARSABLE),
    _core(r"Cannot parse Access-Control-Allow-Headers", Reason.ALLOW_HEADERS_UNPARSABLE),
    _core(
        r"invalid token '(?P<value>[^']*)' in CORS header '?Access-Control-Allow-Headers",
        Reason.ALLOW_HEADERS_UNPARSABLE,
    ),
    _core(r"Access-Control-Allow-Headers has an invalid value: (?P<value>\S.{0,200})", Reason.ALLOW_HEADERS_UNPARSABLE),
    _core(
        r"\b(?!method\b|it\b)(?P<method>[A-Za-z]+)'? is not allowed by '?Access-Control-Allow-Methods|"
        r"not allowed by '?Access-Control-Allow-Methods",
        Reason.METHOD_NOT_ALLOWED,
    ),
    _core(r"Did not find method in CORS header", Reason.METHOD_NOT_ALLOWED),
    _core(r"Authorization will not be covered|'?Authorization'? header is not covered", Reason.HEADER_NOT_ALLOWED, "*"),
    _core(
        r"header(?: field)? '?(?!field\b)(?P<header>[^\s']+)'? is not allowed by '?Access-Control-Allow-Headers|"
        r"(?:^|[ '])(?!field\b|header\b|it\b)(?P<header2>[\w-]+)'? is not allowed by '?Access-Control-Allow-Headers",
        Reason.HEADER_NOT_ALLOWED,
    ),
    _core(r"header '?(?P<header>[^\s']+)'? is not allowed according to header", Reason.HEADER_NOT_ALLOWED),
    _core(r"missing token '?(?P<header>[^\s']+)'? in CORS header", Reason.HEADER_NOT_ALLOWED),
    _core(
        r"No '?Access-Control-Allow-Origin'? header|Access-Control-Allow-Origin'? missing|"
        r"missing '?Access-Control-Allow-Origin'? header",
        Reason.MISSING_ALLOW_ORIGIN,
    ),
    _core(r"has a value '(?P<value>[^']*)' that is not equal to", Reason.ALLOW_ORIGIN_MISMATCH),
    _core(r"contains the invalid value '(?P<value>[^']*)'", Reason.ALLOW_ORIGIN_MISMATCH),
    _core(r"Access-Control-Allow-Origin'? does not match '(?P<value>[^']*)'", Reason.ALLOW_ORIGIN_MISMATCH),
    _core(
        r"that is not equal to the supplied origin|Access-Control-Allow-Origin'? header contains the invalid",
        Reason.ALLOW_ORIGIN_MISMATCH,
    ),
    # Internet Explorer, and Edge before it was a Chromium: the number is the same in every language.
    _core(
        r"The origin '(?P<origin>[^']+)' did not find '[^']*' in the Access-C|"
        r"SEC7120: (?:\S{1,80} ){1,4}?(?P<origin2>[a-z][a-z0-9+.-]*://\S{1,2048})",
        Reason.MISSING_ALLOW_ORIGIN,
    ),
    _core(r"\bSEC7120\b", Reason.MISSING_ALLOW_ORIGIN),
    _core(r"header '?(?P<header>[^\s']+)'? was not present in the \S+-Allow-Headers", Reason.HEADER_NOT_ALLOWED),
    _core(r"method '?(?P<method>[^\s']+)'? was not present in the \S+-Allow-Methods", Reason.METHOD_NOT_ALLOWED),
    _core(r"\bSEC7127\b|Redirect was blocked for CORS request", "redirect_blocked"),
    _core(r"\bSEC711[89]\b", "cors_used"),
    _core(r"\bSEC711[23]\b", "wrong_type"),
    # A library of HTTP and Swagger UI, which list all that may be.
    _core(r"Request has been terminated.{1,40}Possible causes|Failed to fetch.{1,40}Possible Reasons", "not_told"),
    _core(
        r"\bOrigin (?:'?(?P<origin>[^\s']+)'? )?is not allowed by '?Access-Control-Allow-Origin|"
        # Of jsdom, of Office and of TestCafe.
        r"Error: Cross origin (?P<origin2>\S+) forbidden|No valid origin in response|RequestMock: CORS validation",
        Reason.MISSING_ALLOW_ORIGIN,
    ),
    _core(
        r"contains a username and password|redirection URL \S+ has credentials|redirected to URLs? "
        r"containing credentials",
        Reason.REDIRECT_USERINFO,
    ),
    _core(
        r"redirection with non CORS scheme|ERR_UNSAFE_REDIRECT|ERR_UNKNOWN_URL_SCHEME|Redirecting to data: URI|"
        r"\(redirected from '[^']*'\) .{0,300}only supported for protocol schemes",
        Reason.REDIRECT_BAD_SCHEME,
    ),
    _core(
        r"only supported for (?:prot|HTTP)|CORS request not http|scheme must be .{0,24}for CORS request|"
        r"CORS requests are made on supported schemes",
        Reason.BAD_SCHEME,
    ),
    _core(r"Cannot make any requests from null", "no_origin"),
    _core(r"may not load or link to", Reason.BAD_SCHEME),
    _core(r"Unsafe attempt to load URL|may not load data from", Reason.SAME_ORIGIN_MODE),
    _core(r"redirect mode is not [\"']follow[\"']", Reason.NO_CORS_REDIRECT_MODE),
    _core(
        r"URL scheme [\"'](?P<value>[^\"']*)[\"'] is not supported|Not allowed to load local resource",
        Reason.BAD_SCHEME,
    ),
    _core(
        r"not allowed by request mode|Request mode is [\"']same-origin[\"']|fetched with same-origin request mode",
        Reason.SAME_ORIGIN_MODE,
    ),
    _core(r"'(?P<method>[A-Za-z]+)' HTTP method is unsupported", Reason.FORBIDDEN_METHOD),
    _core(r"Invalid request method (?P<method>[A-Za-z]+)", Reason.FORBIDDEN_METHOD),
    # The names in Network panels, and the titles in Chromium's Issues panel.
    _named("WildcardOriginNotAllowed", "NotSupportingCredentials", Reason.WILDCARD_WITH_CREDENTIALS, "*"),
    _core(r"credentialed requests aren't sent to CORS resources", Reason.WILDCARD_WITH_CREDENTIALS, "*"),
    _named("MultipleAllowOriginValues", "MultipleAllowOriginNotAllowed", Reason.MULTIPLE_ALLOW_ORIGIN),
    _named("MissingAllowOriginHeader", "MissingAllowOrigin", Reason.MISSING_ALLOW_ORIGIN),
    _named("AllowOriginMismatch InvalidAllowOriginValue", "AllowOriginNotMatchingOrigin", Reason.ALLOW_ORIGIN_MISMATCH),
    _core(r"CORS request includes only allowed headers", Reason.HEADER_NOT_ALLOWED),
    _core(r"CORS request uses allowed method", Reason.METHOD_NOT_ALLOWED),
    _core(r"no-cors requests configure redirect mode follow", Reason.NO_CORS_REDIRECT_MODE),
    _core(r"CORS requesting origin matches", Reason.ALLOW_ORIGIN_MISMATCH),
    _named("InvalidAllowCredentials", "MissingAllowCredentials", Reason.ALLOW_CREDENTIALS_NOT_TRUE),
    _core(r"CORS requests include credentials only when allowed", Reason.ALLOW_CREDENTIALS_NOT_TRUE),
    _named("PreflightDisallowedRedirect", "ExternalRedirectNotAllowed", Reason.PREFLIGHT_REDIRECT),
    _named("PreflightInvalidStatus", "PreflightDidNotSucceed", Reason.PREFLIGHT_STATUS),
    _core(r"Ensure preflight responses are valid", Reason.PREFLIGHT_STATUS),
    _named("InvalidAllowMethodsPreflightResponse", "InvalidAllowMethod", Reason.ALLOW_METHODS_UNPARSABLE),
    _named("InvalidAllowHeadersPreflightResponse", "InvalidAllowHeader", Reason.ALLOW_HEADERS_UNPARSABLE),
    _named("MethodDisallowedByPreflightResponse", "MethodNotFound", Reason.METHOD_NOT_ALLOWED),
    _named("HeaderDisallowedByPreflightResponse", "MissingAllowHeaderFromPreflight", Reason.HEADER_NOT_ALLOWED),
    _named("CorsDisabledScheme", "RequestNotHttp", Reason.BAD_SCHEME),
    _named("DisallowedByMode", "", Reason.SAME_ORIGIN_MODE),
    _named("RedirectContainsCredentials", "", Reason.REDIRECT_USERINFO),
    _named("", "OriginHeaderNotAdded", "origin_not_added"),
    # What CORS libraries of servers say where they refuse by themselves.
    _core(r"Disallowed CORS (?P<value>origin|method|headers?)\b", "refused_by_server"),
    _core(
        r"Invalid CORS request|Not allowed by CORS\b|CORS origin (?:check )?(?:denied|rejected)", "refused_by_server"
    ),
    # In the logs of servers: Spring, Jupyter, Django Channels, Rails, Go, Koa and copyparty.
    _core(
        r"Blocking Cross Origin (?:API request|WebSocket Attempt)| is not a valid origin\b|"
        r"cors-reject [A-Z]{1,20} because request-header Origin='(?P<origin4>[^']{1,2048})|rejected by cors-check|"
        r"request origin not allowed\b(?:: (?P<origin>https?://\S{1,2048}))?|"
        r"WebSocket connection denied: origin '(?P<origin2>[^']{1,2048})' not allowed|"
        r"DefaultCorsProcessor.{0,40}?: Reject: '(?P<origin3>[^']{1,2048})' origin is not allowed",
        "refused_by_server",
        "origin",
    ),
    _core(r"AADSTS9002326\b", "spa_registration"),
    _core(r"ERR_TOO_MANY_REDIRECTS", Reason.TOO_MANY_REDIRECTS),
    _core(
        r"not a secur\w+ context\W.{0,60}more-private address space '?(?P<value>\w+)?|"
        r"(?:private|local) network requests are (?:only )?made from secure contexts|"
        r"ERR_INSECURE_PRIVATE_NETWORK_REQUEST|Insecure(?:Local|Private)Network\b",
        "insecure_local_network",
    ),
    _core(r"local network requests are compatible with restrictions", "local_network_access"),
    _core(r"Private-Network|privileged network position", "private_network_access"),
    _core(
        r"target IP address space of '?(?P<value>\w+)'? yet the resource is in address space '?(?P<value2>\w+)",
        "target_address_space",
    ),
    _core(r"target IP address space", "target_address_space"),
    _core(
        r"to access the '?(?P<value>unknown|local|loopback|private)'?(?: IP)? address space|address space|"
        r"BLOCKED_BY_(?:LOCAL|PRIVATE)_NETWORK_ACCESS_CHECKS|Local Network Access detected|"
        r"(?:Local|Private) ?Network ?Access ?Permission",
        "local_network_access",
    ),
    _core(
        r"requested an insecure (?P<what>resource|XMLHttpRequest endpoint|EventSource endpoint)\s'(?P<url>[^']+)'|"
        r"connect to the insecure .{0,80}?'(?P<url2>[^']+)'|mixed active content [\"'](?P<url3>[^\"']+)[\"']|"
        r"\[blocked\] The page at '?(?P<origin>[^\s']+)'? was not allowed to (?:run|request) insecure content from "
        r"'?(?P<url4>[^\s']+)",
        Reason.MIXED_CONTENT,
    ),
    _core(
        r"(?:requested|loaded) an insecure (?P<element>[a-z]+).{0,60}?'(?P<url>[^']+)'|"
        r"mixed (?:passive |display )?content [\"'](?P<url2>[^\"']+)[\"']",
        Reason.MIXED_CONTENT,
        "element",
    ),
    _core(
        r"Mixed Content|not allowed to (?:run|display|request) insecure content|insecure WebSocket connection may not|"
        r"blocked:mixed-content|\bMixed Block",
        Reason.MIXED_CONTENT,
    ),
    _core(
        r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE) \S{1,2048} net::ERR_ABORTED(?! [45]\d\d)|NS_BINDING_ABORTED", "aborted"
    ),
    _core(r"X-Frame-Options|frame-ancestors|ERR_BLOCKED_BY_RESPONSE(?![.\w])", "not_framed"),
    _core(
        r"(?:Content[ -]Security[ -]Policy|violates the following|violated directive|blocked:csp).{0,600}?"
        r"\b(?P<value>(?:default|connect|img|script|style|font|frame|child|media|manifest|worker|object)-src"
        r"(?:-elem|-attr)?|form-action|base-uri|sandbox)\b",
        "csp",
    ),
    _core(r"Content[ -]Security[ -]Policy|blocked:csp", "csp"),
    _core(r"CoepFrameResourceNeedsCoepHeader|Specify a Cross-Origin Embedder Policy to stop this frame", "coep_frame"),
    _core(r"Specify a Cross-Origin Resource Policy to stop a resource", Reason.CORP),
    _core(r"Specify a more permissive Cross-Origin Resource Policy", Reason.CORP, "same-origin"),
    _core(r"NotSameOriginAfterDefaultedToSameOriginBy(?:Coep|Dip)", Reason.CORP),
    _core(r"(?:BLOCKED_BY_RESPONSE\.|corp\.?)NotSameSite", Reason.CORP, "same-site"),
    _core(
        r"BLOCKED_BY_RESPONSE\.NotSameOrigin|corp\.?NotSameOrigin|Cross-Origin-Resource-Policy|"
        r"NS_ERROR_DOM_CORP_FAILED",
        Reason.CORP,
        "same-origin",
    ),
    _core(
        r"blocked cross-origin response (?P<url>\S{1,2048}) with MIME type (?P<value>[\w.+-]+/[\w.+-]*\w)|"
        r"OpaqueResponseBlocking.{0,300}?[\"'](?P<url2>https?://[^\"']{1,2048})[\"']",
        "orb",
    ),
    _core(r"BLOCKED_BY_ORB|NS_\w*ORB|OpaqueResponseBlocking|Cross-Origin Read Blocking|\bCORB\b", "orb"),
    _core(
        r"Tainted canvases|tainted by cross-origin data|contains cross-origin data, and may not be|"
        r"canvas has been tainted|The cross-origin image at (?P<url>\S{1,2048}) may not be loaded|"
        r"operation is insecure.{0,200}(?:toDataURL|toBlob|getImageData|texImage)",
        "tainted_canvas",
    ),
    _core(
        r"outputs zeroe?s due to CORS(?: access restrictions for (?P<url>\S{1,2048}))?|createMediaElementSource",
        "tainted_audio",
    ),
    _core(
        r"cssRules|CSSStyleSheet.{0,80}(?:access rules|insecure)|Not allowed to access cross-origin stylesheet",
        "stylesheet_rules",
    ),
    _core(r"Refused to get unsafe header ['\"](?P<header>Set-Cookie2?)['\"]", "never_exposed"),
    _core(r"headers\.get\([\"'](?P<header>Set-Cookie2?)[\"']\)", "never_exposed"),
    _core(r"Refused to get unsafe header ['\"](?P<header>[^\"']+)['\"]", "not_exposed"),
    _core(r"Access-Control-Expose-Headers must include \"(?P<header>[\w-]{1,100})\"", "not_exposed"),
    _core(r"headers\.get\([\"'](?P<header>[^\"']+)[\"']\)", "not_exposed"),
    _core(
        r"Refused to set unsafe header ['\"](?P<header>Cookie2?)['\"]|Attempt to set a forbidden header was denied: "
        r"(?P<header2>Cookie2?)\b",
        "forbidden_cookie",
    ),
    _core(
        r"Refused to set unsafe header ['\"](?P<header>[^\"']+)['\"]|Attempt to set a forbidden header was denied: "
        r"(?P<header2>[\w-]+)",
        "forbidden_header",
    ),
    _core(
        r"EventSource(?:'s)? response has a MIME type \(['\"](?P<value>[^\"']{0,100})['\"]\)|"
        r"EventSource's response has a (?:charset|MIME)",
        "event_stream_type",
    ),
    _core(
        r"(?:module script|Refused to (?:execute script|apply style)|Loading module from).{0,2200}?MIME type "
        r"(?:of )?\(?['\"](?P<value>[^\"']{0,100})['\"]|"
        r"Failed to register a ServiceWorker.{0,2200}? with script \('(?P<url>[^']{1,2048})'\): The script has an "
        r"unsupported MIME type \('(?P<value2>[^']{0,100})'|"
        r"Failed to decode downloaded font: (?P<url2>[^\s'\"]{1,2048})|OTS parsing error|"
        r"downloadable font: rejected by sanitizer",
        "wrong_type",
    ),
    _core(r"to check the integrity|eligible for integrity checks", "integrity"),
    _core(
        r"valid digest in the 'integrity' attribute(?: for resource '(?P<url>[^']{1,2048})')?|"
        r"hashes in the integrity attribute match.{0,60}? at [\"'](?P<url2>[^\"']{1,2048})|Failed integrity metadata",
        "integrity_mismatch",
    ),
    _core(
        r"Failed to construct '(?:Shared)?Worker': Script at '(?P<url>[^']{1,2048})' cannot be accessed|"
        r"Failed to register a ServiceWorker.{0,4200}?(?:origin of the provided scriptURL \('(?P<url2>[^']{1,2048})'|"
        r"behind a redirect)",
        "worker_script",
    ),
    _core(
        r"FetchEvent for [\"'](?P<url>[^\"']{1,2048})[\"'] resulted in a network error|ServiceWorker passed an opaque|"
        r"served by service worker is opaque|response was used for a request whose type is not no-cors",
        "service_worker",
    ),
    _core(
        r"constructed from a URL that includes credentials(?:: (?P<url>\S{1,2048}))?|"
        r" is an url with embedded credentials|contains user credentials|"
        r"URLs contain embedded credentials",
        "url_credentials",
    ),
    _core(r"Cross-Origin-Opener-Policy", "opener_policy"),
    _core(
        r"SharedArrayBuffer.{0,80}(?:cross-?origin ?isolat|not defined)|cross-origin isolation|variable: SharedArrayB",
        "isolation",
    ),
    _core(r"Cypress detected a cross.origin|cy\.origin\(|cy\.visit\(\)'? failed", "cypress"),
    _core(r"SameSite|third-party cookie|Cookie ['\"].{1,200}?['\"] has been rejected", "cookies"),
    _core(r"checking failed - (?P<origin>\S{1,2048}) does not match any trusted", "csrf_django"),
    _core(
        r"(?:Origin|Referer) checking failed|CSRF verification failed|CSRF Failed:|CSRF cookie not set|"
        r"CSRF_TRUSTED_ORIGINS",
        "csrf_django",
    ),
    _core(r"The CSRF (?:session )?token|CSRF tokens do not match|The referrer does not match the host", "csrf_flask"),
    _core(r"\bCSRF|InvalidAuthenticityToken", "csrf"),
    _core(r"Unexpected response code: (?P<status>\d{3})", Reason.HANDSHAKE_REFUSED),
    _core(r"HTTP Authentication failed; no valid credentials", Reason.HANDSHAKE_REFUSED, "401"),
    _core(r"WebSocket connection to '[^']{0,2048}' failed: There was a bad response", Reason.HANDSHAKE_REFUSED),
    _core(
        r"Incorrect '(?P<value>Sec-WebSocket-Accept)' header|'(?P<value2>Upgrade|Connection|Sec-WebSocket-\w+)' header "
        r"(?:is missing|must not appear|value)|(?:must not include|Sent non-empty|unsupported extension '[^']*' in) "
        r"'(?P<value3>Sec-WebSocket-\w+)' header",
        Reason.HANDSHAKE_INVALID,
    ),
    _core(
        r"Connection closed before receiving a handshake response|WebSocket opening handshake was canceled",
        Reason.UNREACHABLE,
        "the connection was closed before an answer",
    ),
    _core(r"WebSocket opening handshake timed out", Reason.UNREACHABLE, "the handshake timed out"),
    _core(r"WebSocket is closed before the connection is established|was interrupted while the page", "websocket_left"),
    _core(r"WebSocket is already in CLOSING or CLOSED state", "websocket_closed"),
    _core(
        r"Could not decode a text frame|Invalid frame header|mask any frames|reserved bits are on|continuation frame",
        "websocket_frame",
    ),
    _core(r"Failed to construct 'WebSocket'", "websocket_call"),
    _core(r"The operation is insecure", "insecure_call"),
    _core(r"BLOCKED_BY_(?:CLIENT|ADMINISTRATOR)|blocked:other|content blocker prevented", "blocked_by_client"),
    _core(r"CORS disabled", "disabled"),
    _core(r"CORS header 'Origin' cannot be added", "origin_not_added"),
    _core(
        r"postMessage.{0,80}target origin(?:.{0,2200}? recipient window's origin \('(?P<value>[^']{1,2048})'\))?",
        "post_message",
    ),
    _core(r"Failed to (?:read|set) the '(?:localStorage|sessionStorage|cookie|indexedDB)' property", "storage"),
    _core(r"file origin does not match viewer's", "pdf_viewer"),
    _core(r"Blocked a frame with origin|Permission denied to access property", "frame"),
    _core(
        r"BAD_SSL_CLIENT_AUTH_CERT|CLIENT_AUTH_CERT_NEEDED", Reason.TLS_CLIENT_CERTIFICATE, "a certificate is required"
    ),
    _core(r"ERR_(?P<value>CERT_\w+|SSL_\w+)|(?P<value2>SEC_ERROR_\w+|SSL_ERROR_\w+)", Reason.TLS),
    _core(r"ERR_UNSAFE_PORT|NS_ERROR_PORT_ACCESS_NOT_ALLOWED", Reason.BAD_PORT),
    _core(r"ERR_INVALID_REDIRECT|MULTIPLE_LOCATION", Reason.REDIRECT_UNPARSABLE),
    _core(
        r"ERR_(?P<value>CONNECTION_\w+|NAME_NOT_RESOLVED|ADDRESS_\w+|EMPTY_RESPONSE|INTERNET_DISCONNECTED|TIMED_OUT|"
        r"NETWORK_\w+|TUNNEL_\w+|PROXY_\w+|HTTP2_\w+|QUIC_\w+|INCOMPLETE_\w+|CONTENT_LENGTH_MISMATCH|"
        r"INVALID_HTTP_RESPONSE)|NS_ERROR_(?P<value2>CONNECTION_REFUSED|NET_\w+|UNKNOWN_HOST|"
        r"OFFLINE)",
        Reason.UNREACHABLE,
    ),
    _core(
        r"request (?:did not succeed|failed\)?\.? ?(?:$|Status code: \(null\)|\[))|Reason: CORS request failed|"
        r"Status code: \(null\)|\bCORS Failed\b|CORS ?Did ?Not ?Succeed",
        Reason.UNREACHABLE,
    ),
    _core(
        r"Could not connect to the server|specified hostname could not be found|network connection was lost|"
        r"Cannot connect to destination host|Failed to connect to [\w.-]{1,253}/[\d.]{7,15}:\d|\bConnection refused\b",
        Reason.UNREACHABLE,
    ),
    # Of Node, which has no CORS.
    _core(rf"(?:connect|getaddrinfo) (?P<value>{_ERRNO})\b", Reason.UNREACHABLE),
)

# What says less than a line of Firefox in another language does.
VAGUE: Final = (
    _core(
        r"blocked by (?:the )?CORS policy|Cross-Origin Request (?:Blocked|Warning)|by Cross-Origin Resource Sharing "
        r"policy|CORS response header values are valid|Cross-Origin Resource Sharing error|\bCORS\serror\b|"
        r"\(CORS\) request was blocked|\bAccess to [\w ]{1,40} at '[^']{1,2048}'|blocked by CORS(?! pol[a-z]{3})",
        "cut_off",
    ),
    _core(r"can't establish a connection to the server at (?P<url>https?://\S{1,2048})", "event_source"),
    _core(r"WebSocket|can't establish a connection to the server at|\bFirefox .{1,80} wss?://", "websocket"),
    _core(r"\bFirefox .{1,80} (?P<url>https?://\S{1,2048})\.?$", "event_source"),
    _core(r"opaque response|[\"']opaque[\"']|type: ?\"?opaque|no-cors", "opaque"),
    _core(r"\bScript error\b", "script_error"),
    _core(r"Network request failed", "native_fetch"),
    _core(r"ERR_FAILED 2\d\d\b", "answered"),
    _core(
        r"responded with a status of [45]\d\d\b|ERR_(?:ABORTED|FAILED) [45]\d\d\b|"
        r"\b[45]\d\d \([A-Z][A-Za-z' -]{2,40}\)|requested URL was not found on this server",
        "status",
    ),
    _core(
        r"Failed to fetch|NetworkError when attempting|Load failed|Network ?Error|ERR_(?:FAILED|NETWORK|ABORTED)\b|"
        r"access control checks|0 Unknown Error|XMLHttpRequest error|"
        r"A network error occurred|Request has been terminated|error loading dynamically imported module|"
        r"\b(?:xhr poll|websocket) error\b|Failed to complete negotiation|Loading script failed|"
        r"Loading (?:CSS )?chunk .{1,80}? failed|Importing a module script failed|Module source URI is not allowed|"
        r"FETCH_ERROR|[\"']?status[\"']?: ?0\b|\bHTTP 0 error|\(failed\)|"
        r"(?:XHR|Fetch) failed (?:loading|fetching)|Loading failed for the|UnityWebRequest|"
        r"NS_ERROR_(?:FAILURE|DOM_BAD_URI)",
        "not_told",
    ),
    _core(r"\b(?:curl|Postman)\b", "outside_browsers"),
    _core(r"Disable cache", "cached"),
)
