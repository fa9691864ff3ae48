"""
Lines about a connection, a WebSocket or a certificate, and lines that only say that something failed.

It comes last, because more specific lines often end with the same words.
"""

from typing import Final

from corsguard.browser import Reason

from .core import ERRNO, Core, core

# The value of a line that is the row of a request.
ROW: Final = "net::ERR_FAILED"

CONNECTIONS: Final[tuple[Core, ...]] = (
    # Cut off within the URL.
    core(r"\bAccess to [A-Za-z ]{1,30} at '(?P<url>https?://[^'\s]{1,2048})$", "cut_off"),
    core(r"(?:Unexpected response code:|\bHandshake status) (?P<status>\d{3})", Reason.HANDSHAKE_REFUSED),
    core(r"HTTP Authentication failed; no valid credentials", Reason.HANDSHAKE_REFUSED, "401"),
    core(r"WebSocket connection to '[^']{0,2048}' failed: There was a bad response", Reason.HANDSHAKE_REFUSED),
    core(
        r"Incorrect '(?P<value>Sec-WebSocket-Accept)' header|'(?P<value2>Upgrade|Connection|Sec-WebSocket-\w+)' header "
        r"(?:is missing|must not appear|value)|(?:must not include|Sent non-empty|unsupported extension '[^']*' in) "
        r"'(?P<value3>Sec-WebSocket-\w+)' header",
        Reason.HANDSHAKE_INVALID,
    ),
    core(
        r"Connection closed before receiving a handshake response|WebSocket opening handshake was canceled",
        Reason.UNREACHABLE,
        "the connection was closed before an answer",
    ),
    core(r"WebSocket opening handshake timed out", Reason.UNREACHABLE, "CONNECTION_TIMED_OUT"),
    # Vite and Nuxt, Next.js, webpack.
    core(
        r"(?:WebSocket connection to '?|establish a connection to the server at )"
        r"(?P<url>wss?://[^/\s']{1,253}/(?:[^\s']{0,2048}?(?:_nuxt|_next/webpack-hmr|sockjs-node)/?)"
        r"(?:[?#][^\s']{0,2048})?)'?(?: failed: ?(?:\w+ @|\(anon|\[|\w+:\d|$)|\.)|"
        r"\[vite\] failed to connect to websocket|"
        r"WebSocket connection to '(?P<url2>wss?://[^/\s']{1,253}/\?token=[\w-]{12})' failed: ?"
        r"(?:\w+ @|\(anon|\[|\w+:\d|$)",
        "hot_reload",
    ),
    core(r"WebSocket is closed before the connection is established", "websocket_left"),
    # Firefox says so of an EventSource, too, and of an open connection that fails.
    core(r"The connection to (?P<url>\S{1,2048}) was interrupted while|was interrupted while the page", "interrupted"),
    core(r"WebSocket is already in CLOSING or CLOSED state", "websocket_closed"),
    core(
        r"Could not decode a text frame|Invalid frame header|mask any frames|reserved bits are on|continuation frame",
        "websocket_frame",
    ),
    core(r"Failed to construct 'WebSocket'", "websocket_call"),
    core(r"The operation is insecure", "insecure_call"),
    core(
        r"BLOCKED_BY_(?:CLIENT|ADMINISTRATOR|ADBLOCKER|INSPECTOR|FINGERPRINTING_PROTECTION)|blocked:(?:other|devtools|inspector|extension|subresource-filter)|"
        r"Blocked by (?:DevTools|Extension)|because (?:(?:Enhanced )?Tracking Protection|content blocking) is enabled|"
        r"content blocker prevented",
        "blocked_by_client",
    ),
    core(r"CLEARTEXT_NOT_PERMITTED|Cleartext HTTP traffic to .{1,253} not permitted", "cleartext"),
    # Chromium advises mode "no-cors", "to fetch the resource with CORS disabled".
    core(r"(?<!with )CORS disabled", "disabled"),
    core(r"CORS header 'Origin' cannot be added", "origin_not_added"),
    core(
        r"postMessage.{0,80}target origin(?:.{0,2200}? recipient window's origin \('(?P<value>[^']{1,2048})'\))?",
        "post_message",
    ),
    core(r"Request to access cookies? or storage on", "storage"),
    core(r"Failed to (?:read|set) the '(?:localStorage|sessionStorage|cookie|indexedDB)' property", "storage"),
    core(r"file origin does not match viewer's", "pdf_viewer"),
    core(
        r"Blocked a frame (?:with origin|at ['\"])|Permission denied to access property|"
        # Cut off.
        r"Failed to (?:read|set) (?:the 'content(?:Document|Window)'|a named) property\b|"
        r"Blocked a frame(?: w[a-z]{0,3}(?: [a-z]{0,6})?)?(?:\.{3})?$",
        "frame",
    ),
    core(
        r"BAD_SSL_CLIENT_AUTH_CERT|CLIENT_AUTH_CERT_NEEDED", Reason.TLS_CLIENT_CERTIFICATE, "a certificate is required"
    ),
    core(r"ERR_(?P<value>CERT_\w+|SSL_\w+)|(?P<value2>SEC_ERROR_\w+|SSL_ERROR_\w+)", Reason.TLS),
    core(
        r"certificate for this server is invalid|SSL certificate error occurred",
        Reason.TLS,
        "the certificate is invalid",
    ),
    # From Unity.
    core(
        r"Unable to complete SSL connection|\bCurl error (?:35|51|60)\b|\bUNITYTLS_\w+",
        Reason.TLS,
        "no secure connection could be made",
    ),
    # From Safari.
    core(r"An SSL error has occurred and a secure connection", Reason.TLS, "no secure connection could be made"),
    core(r"ERR_UNSAFE_PORT|NS_ERROR_PORT_ACCESS_NOT_ALLOWED", Reason.BAD_PORT),
    core(r"ERR_INVALID_REDIRECT|MULTIPLE_LOCATION", Reason.REDIRECT_UNPARSABLE),
    # With a status, the name is about the body.
    core(
        r"net::ERR_(?P<value>(?!FAILED|ABORTED|BLOCKED_BY_)[A-Z0-9_]+) [2-5]\d\d\b|"
        r"net::ERR_(?P<value2>CONTENT_DECODING_\w+|CONTENT_LENGTH_MISMATCH|INCOMPLETE_CHUNKED_ENCODING)",
        "broken_off",
    ),
    core(
        r"ERR_(?P<value>CONNECTION_\w+|SOCKET_\w+|SPDY_\w+|DNS_\w+|NAME_NOT_RESOLVED|ADDRESS_\w+|EMPTY_RESPONSE|INTERNET_DISCONNECTED|TIMED_OUT|"
        r"NETWORK_\w+|TUNNEL_\w+|PROXY_\w+|HTTP2_\w+|QUIC_\w+|INCOMPLETE_\w+|CONTENT_LENGTH_MISMATCH|"
        r"INVALID_HTTP_RESPONSE)|NS_ERROR_(?P<value2>CONNECTION_REFUSED|NET_\w+|UNKNOWN_HOST|"
        r"OFFLINE)",
        Reason.UNREACHABLE,
    ),
    core(
        r"(?<!Network )request (?:did not succeed|failed\)?\.? ?(?:$|Status code: \(null\)|\[))|"
        r"Reason: CORS request failed|Status code: \(null\)|\bCORS Failed\b|CORS ?Did ?Not ?Succeed",
        Reason.UNREACHABLE,
    ),
    core(r"specified hostname could not be found", Reason.UNREACHABLE, "NAME_NOT_RESOLVED"),
    core(r"network connection was lost", Reason.UNREACHABLE, "the connection was lost"),
    # From Internet Explorer and the old Edge.
    core(r"SCRIPT7002\b.{0,80}?0x0*2ee7\b", Reason.UNREACHABLE, "NAME_NOT_RESOLVED"),
    core(r"SCRIPT7002\b.{0,80}?0x0*2e(?:e2|f[def])\b", Reason.UNREACHABLE, "the connection failed"),
    core(
        r"Could not connect to the server|"
        r"(?P<value>Failed host lookup)|Cannot connect to destination host|"
        r"Failed to connect to [\w.-]{1,253}/[\d.]{7,15}:\d|"
        # Many programs say so about a connection of their own, to a database for example.
        r"(?:\bfor url\b|\buri\b|\bfetch\b|\b(?:Socket|Client|Dio|Http)Exception\b)"
        r".{0,400}?\b(?P<value2>Connection refused)\b|"
        r"\b(?P<value3>Connection refused)\b(?=.{0,400}?(?:https?://|\buri=))",
        Reason.UNREACHABLE,
    ),
    # From Node, which has no CORS.
    core(rf"(?:connect|getaddrinfo) (?P<value>{ERRNO})\b", Reason.UNREACHABLE),
)

# Lines that say less than a line of Firefox in another language. The first ones say that CORS blocked something.
BLOCKED: Final = (
    core(r"can be fixed by moving the resource to the same domain or enabling CORS", "unexplained"),
    core(r"Cross-origin (?P<value>\w{1,20}) load denied by Cross-Origin Resource Sharing", "file_denied"),
    core(r"has been blocked because of the CORS policy", "postman"),
    core(r"preflight request does(?:n't| not) pass", "preflight_cut_off"),
    # Old versions of Chromium say so if no answer came.
    core(r"blocked by CORS policy: Invalid response\b", "not_told"),
    core(
        r"blocked by (?:the )?CORS policy|Cross-Origin Request (?:Blocked|Warning)|by Cross-Origin Resource Sharing "
        r"policy|Cross-Origin Resource Sharing error|\bCORS\serror\b|"
        r"\bAccess to [\w ]{1,40} at '[^']{1,2048}'|blocked by CORS(?! pol[a-z]{3})|"
        r"\bblocked (?:because of|due to) (?:the |an? |its |your )?(?:CORS|Cross-Origin Resource Sharing) policy\b|"
        r"\b(?:CORS|Cross-Origin Resource Sharing) policy (?:has |is |was )?(?:block|prevent|forbid)\w*",
        "cut_off",
    ),
)
VAGUE: Final = (
    *BLOCKED,
    core(r"CORS response header values are valid|\(CORS\) request was blocked", "issue_heading"),
    # Of Redux Toolkit, which reads the body after the browser shared it.
    core(r"\bPARSING_ERROR\b.{0,2048}?\boriginalStatus|\boriginalStatus\b.{0,2048}?PARSING_ERROR", "answer_unreadable"),
    core(r"can't establish a connection to the server at (?P<url>https?://\S{1,2048})", "event_source"),
    core(r"\bFirefox\b.{1,80}? '?(?P<url>wss?://[^\s'\"]{1,2048}?)(?=[.'\"]?(?:\s|$))", "websocket"),
    core(r"WebSocket|can't establish a connection to the server at", "websocket"),
    core(r"\bFirefox .{1,80} (?P<url>https?://\S{1,2048})\.?$", "event_source"),
    core(r"opaque response|[\"']opaque[\"']|type: ?\"?opaque|no-cors", "opaque"),
    # A library has names of its own.
    core(r"(?<![\w.$-])Script error\b", "script_error"),
    # Of Tauri: the page calls its app.
    core(r"\bcannot load (?P<url>ipc://[^\s'\"]{1,2048}) due to access control checks", "app_call"),
    # Of React Native, and of Node.
    core(
        r"Network request failed|TypeError: fetch failed\b|"
        r"Network ?Error\b.{0,2048}?(?:\bplatform['\"]?(?:=|: ?)['\"]?(?:android|ios)\b|://10\.0\.2\.2\b|"
        # The file of a middleware of Next.js, in a stack.
        r"\((?:\./)?(?:src/)?middleware\.[jt]s:\d)",
        "native_fetch",
    ),
    core(r"ERR_FAILED 2\d\d\b", "answered"),
    core(
        r"responded with a status of [45]\d\d\b|\[HTTP/[\d.]{1,3} [45]\d\d\b|ERR_(?:ABORTED|FAILED) [45]\d\d\b|"
        r"\b[45]\d\d \([A-Z][A-Za-z' -]{2,40}\)|requested URL was not found on this server|"
        r"failed with status code [45]\d\d\b|\b[45]\d\d: (?:Bad Request|Unauthorized|Forbidden|Not Found|"
        r"(?:Method )?Not Allowed|Internal Server Error|Bad Gateway|Service Unavailable|Gateway Timeout)",
        "status",
    ),
    # NS_ERROR_CONTENT_BLOCKED of Firefox.
    core(r"downloadable font: download failed.{0,400}?\): content blocked", "font_blocked"),
    core(r"downloadable font: download (?:failed|not allowed)", "font"),
    # From Flutter for the web.
    core(
        r"Failed to load network image\..{0,20}? Image URL: (?:\[ ?\] )?(?P<url>https?://\S{1,2048})|"
        r"\bHTTP request failed, statusCode: 0,? (?P<url2>https?://\S{1,2048})",
        "not_told",
    ),
    # Chromium's other names: of all names, only FAILED may come from CORS.
    core(r"net::ERR_(?P<value>(?!(?:FAILED|ABORTED)\b)[A-Z0-9_]+)", "net_error"),
    # The row of a request in Chromium's console.
    core(
        r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE) (?P<url>https?://[^\s'\"]{1,2048}) net::ERR_FAILED(?! \d)",
        "not_told",
        ROW,
    ),
    core(
        # The name of the element looked like markup.
        r"Loading failed for the(?: [^'\s]{1,20})?(?: with source '?(?P<url>[^'\s]{1,2048}))?",
        "not_loaded",
    ),
    core(
        r"Failed to fetch|NetworkError when attempting|Load failed|Network ?Error|ERR_(?:FAILED|NETWORK|ABORTED)\b|"
        r"access control checks|0 Unknown Error|XMLHttpRequest error|"
        # The reason was not copied.
        r"(?:XMLHttpRequest|Fetch API|EventSource) cannot load\b|Failed to load https?://\S{1,2048}: (?:\w+ ){0,4}\w*$|"
        r"A network error occurred|Request has been terminated|error loading dynamically imported module|"
        r"\b(?:xhr poll|websocket) error\b|Failed to complete negotiation|Loading script failed|"
        r"Loading (?:CSS )?chunk .{1,80}? failed|Importing a module script failed|Module source URI is not allowed|"
        r"FETCH_ERROR|[\"']?status[\"']?: ?0\b|\bHTTP 0 error|\(failed\)|"
        r"(?:XHR|Fetch) failed (?:loading|fetching)|the promise was rejected|UnityWebRequest|"
        # As an exception, the second one may be about anything.
        r"NS_ERROR_DOM_BAD_URI|NS_ERROR_FAILURE(?:(?![:)])|.{0,400}?(?:nsIXMLHttpRequest|\.send\b))|"
        # From libraries: Firebase, Supabase, gRPC-Web, Dio, MSAL, and others that only guess.
        r"network-request-failed|Failed to send a request to the|closed without (?:headers|grpc status)|"
        r"(?:onError callback was called|error on the network layer)|could not resolve endpoints|"
        r"\bmissing response \(requestBody=|"
        r"\bCORS (?:issue|problem)s?\b|(?:due to|because of|caused by|related to) (?:an? |the )?CORS\b",
        "not_told",
    ),
    # It does not match the name of a client in a log.
    core(r"\b(?:curl|Postman)\b(?!/)", "outside_browsers"),
    # Copied from a Network panel, as headers or as a call of fetch().
    core(
        r"\bfetch\(['\"](?P<url>https?://[^\s'\"]{1,2048})['\"], ?\{ ?['\"]?"
        r"(?:headers|credentials|method|referrer|body|mode)\b|"
        r"\bSec-Fetch-Mode: ?cors\b|:authority: ?\S|\bAccess-Control-Request-Method[\"']?: ?[\"']?[A-Z]{3,10}\b",
        "request_alone",
    ),
    core(r"Disable cache", "cached"),
)
