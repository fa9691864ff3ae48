"""
Failures as a browser knows them, each with the exact lines of both consoles.

The lines were copied from the consoles of Chromium 156 and Firefox 153.
"""

import pytest

from corsguard.browser import Browser, Exchange, Failure, NetworkError, Reason, Unreachable, WireRequest, WireResponse

APP = "https://app.example.com"
API = "https://api.example.com/items"
SHARED = ("Access-Control-Allow-Origin", APP)

BLOCKED = f"Access to fetch at '{API}' from origin '{APP}' has been blocked by CORS policy: "
PREFLIGHT = f"{BLOCKED}Response to preflight request doesn't pass access control check: "
VALID = " Have the server send the header with a valid value."
LOAD = "Failed to load resource: net::ERR_"
REFUSED = (
    f"Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at {API}. (Reason: "
)
QUOTED = REFUSED.replace(API, f"'{API}'")
NO_RESPONSE = f"{REFUSED}CORS request did not succeed). Status code: (null)."
NOT_TOLD = "TypeError: NetworkError when attempting to fetch resource."


def failure(reason, value=None, *headers, status=200, asked=(), **changes):
    """
    A Failure of a GET whose answer had *headers* and *status*. If it *asked* for headers, it is that of the preflight
    of a PUT.
    """
    is_preflight = bool(asked) or changes.get("is_preflight", False)
    method = changes.setdefault("method", "PUT" if is_preflight else "GET")
    url = changes.setdefault("url", API)
    lines = (("Origin", changes.get("sent_origin", APP)), ("Access-Control-Request-Headers", ",".join(asked)))
    request = WireRequest("OPTIONS" if is_preflight else method, url, lines if asked else lines[:1])
    usual = {
        "clause": 'Fetch, "CORS check"',
        "first_url": url,
        "page_origin": APP,
        "sent_origin": APP,
        "mode": "cors",
        "with_credentials": False,
        "is_preflight": is_preflight,
        "exchange": Exchange(request, WireResponse(status, headers), is_preflight, with_credentials=False),
    }
    return Failure(reason=reason, value=value, **(usual | changes))


def played(example):
    """
    Return the error that a page gets for the request in *example*.
    """
    answers = [*example.answers]

    def transport(request):
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Unreachable):
            raise answer
        return answer

    page = Browser(transport).open(example.page)
    with pytest.raises(NetworkError) as caught:
        (page.websocket if example.url.startswith("wss:") else page.fetch)(example.url, **example.asks)
    return caught.value


def allow(what, value):
    return (f"Access-Control-Allow-{what}", value)


def preflight(*arguments, **changes):
    return failure(*arguments, is_preflight=True, **changes)


def redirected(reason, value, location, **changes):
    return failure(reason, value, SHARED, ("Location", location), status=302, **changes)


FEED = "wss://api.example.com/feed"
NO_CONNECTION = f"WebSocket connection to '{FEED}' failed: Error in connection establishment: net::ERR_"
NOT_ESTABLISHED = f"Firefox can't establish a connection to the server at {FEED}."


def handshake(*arguments, **changes):
    return failure(*arguments, **{"url": FEED, "mode": "websocket", "with_credentials": True, **changes})


def mismatch(value, **changes):
    return failure(Reason.ALLOW_ORIGIN_MISMATCH, value, allow("Origin", value), **changes)


def refused_header(*asked, value=None, allowed=None, **changes):
    headers = [SHARED] if allowed is None else [SHARED, allow("Headers", allowed)]
    return failure(Reason.HEADER_NOT_ALLOWED, value or asked[0], *headers, asked=asked, **changes)


# For tables that are easy to read.
STRAIGHT = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")

UPGRADE, CONNECTION = ("Upgrade", "websocket"), ("Connection", "Upgrade")
# None stands for the right value, which depends on the request.
ACCEPT = ("Sec-WebSocket-Accept", None)
SOUND = [UPGRADE, CONNECTION, ACCEPT]

# The wrong field, the header lines of an answer with 101, the subprotocols that the page offers, and the end of
# Chromium's line.
INVALID_HANDSHAKES = [
    ("Upgrade", [], [], "'Upgrade' header is missing"),
    ("Upgrade", [CONNECTION, ACCEPT], [], "'Upgrade' header is missing"),
    ("Upgrade", [UPGRADE, *SOUND], [], "'Upgrade' header must not appear more than once in a response"),
    ("Upgrade", [("Upgrade", "h2c"), CONNECTION, ACCEPT], [], "'Upgrade' header value is not 'WebSocket': h2c"),
    ("Connection", [UPGRADE, ACCEPT], [], "'Connection' header is missing"),
    (
        "Connection",
        [UPGRADE, ("Connection", "keep-alive"), ACCEPT],
        [],
        "'Connection' header value must contain 'Upgrade'",
    ),
    ("Sec-WebSocket-Accept", [UPGRADE, CONNECTION], [], "'Sec-WebSocket-Accept' header is missing"),
    (
        "Sec-WebSocket-Accept",
        [*SOUND, ACCEPT],
        [],
        "'Sec-WebSocket-Accept' header must not appear more than once in a response",
    ),
    *(
        (
            "Sec-WebSocket-Accept",
            [UPGRADE, CONNECTION, ("Sec-WebSocket-Accept", value), ("Sec-WebSocket-Protocol", "chat")],
            [],
            "Incorrect 'Sec-WebSocket-Accept' header value",
        )
        for value in ("", "AAAA")
    ),
    *(
        (
            "Sec-WebSocket-Protocol",
            [*SOUND, ("Sec-WebSocket-Protocol", value)],
            [],
            f"Response must not include 'Sec-WebSocket-Protocol' header if not present in request: {value}",
        )
        for value in ("", "chat")
    ),
    *(
        (
            "Sec-WebSocket-Protocol",
            [*SOUND, ("Sec-WebSocket-Protocol", value)],
            ["chat"],
            f"'Sec-WebSocket-Protocol' header value '{value}' in response does not match any of sent values",
        )
        for value in ("", "Chat", "other")
    ),
    (
        "Sec-WebSocket-Protocol",
        [*SOUND, *[("Sec-WebSocket-Protocol", "chat")] * 2],
        ["chat"],
        "'Sec-WebSocket-Protocol' header must not appear more than once in a response",
    ),
    (
        "Sec-WebSocket-Protocol",
        SOUND,
        ["chat"],
        "Sent non-empty 'Sec-WebSocket-Protocol' header but no response was received",
    ),
]

# What failed about a WebSocket, Chromium's line, and Firefox's line with straight quotation marks.
SOCKET_LINES = [
    (
        handshake(Reason.HANDSHAKE_REFUSED, "403", status=403),
        f"WebSocket connection to '{FEED}' failed: Error during WebSocket handshake: Unexpected response code: 403",
        NOT_ESTABLISHED,
    ),
    (
        handshake(Reason.HANDSHAKE_REFUSED, "401", status=401),
        f"WebSocket connection to '{FEED}' failed: HTTP Authentication failed; no valid credentials available",
        NOT_ESTABLISHED,
    ),
    (
        handshake(Reason.UNREACHABLE, "nothing listens", exchange=None, net_error="CONNECTION_REFUSED"),
        f"{NO_CONNECTION}CONNECTION_REFUSED",
        NOT_ESTABLISHED,
    ),
    (
        handshake(Reason.TLS, "expired", exchange=None),
        f"{NO_CONNECTION}CERT_DATE_INVALID",
        NOT_ESTABLISHED,
    ),
    (
        handshake(Reason.TLS_CLIENT_CERTIFICATE, "", exchange=None),
        f"{NO_CONNECTION}BAD_SSL_CLIENT_AUTH_CERT",
        NOT_ESTABLISHED,
    ),
    (
        handshake(Reason.BAD_PORT, "6000", exchange=None),
        f"{NO_CONNECTION}UNSAFE_PORT",
        NOT_ESTABLISHED,
    ),
    (
        handshake(Reason.MIXED_CONTENT, "", exchange=None, url=FEED.replace("wss", "ws")),
        (
            f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but attempted to connect to the insecure "
            "WebSocket endpoint 'ws://api.example.com/feed'. This request has been blocked; this endpoint must be "
            "available over WSS."
        ),
        "SecurityError: The operation is insecure.",
    ),
    *(
        (
            handshake(
                Reason.HANDSHAKE_INVALID,
                field,
                exchange=Exchange(
                    WireRequest("GET", FEED, tuple(("Sec-WebSocket-Protocol", name) for name in protocols)),
                    WireResponse(101, tuple((name, value or "") for name, value in lines)),
                    is_preflight=False,
                    with_credentials=True,
                ),
            ),
            f"WebSocket connection to '{FEED}' failed: Error during WebSocket handshake: {told}",
            NOT_ESTABLISHED,
        )
        for field, lines, protocols, told in INVALID_HANDSHAKES
    ),
]

# What failed, Chromium's line, and Firefox's line with straight quotation marks.
LINES = [
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, status=500),
        f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present on the requested resource.",
        f"{REFUSED}CORS header 'Access-Control-Allow-Origin' missing). Status code: 500.",
    ),
    (
        preflight(Reason.MISSING_ALLOW_ORIGIN, status=404),
        f"{PREFLIGHT}No 'Access-Control-Allow-Origin' header is present on the requested resource.",
        f"{REFUSED}CORS header 'Access-Control-Allow-Origin' missing). Status code: 404.",
    ),
    (
        failure(Reason.WILDCARD_WITH_CREDENTIALS, "*", allow("Origin", "*"), with_credentials=True),
        (
            f"{BLOCKED}The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard "
            "'*' when the request's credentials mode is 'include'."
        ),
        # The only text with quotation marks around the URL.
        (f"{QUOTED}Credential is not supported if the CORS header 'Access-Control-Allow-Origin' is '*')."),
    ),
    (
        failure(Reason.MULTIPLE_ALLOW_ORIGIN, f"{APP}, {APP}", SHARED, SHARED),
        (
            f"{BLOCKED}The 'Access-Control-Allow-Origin' header contains multiple values '{APP}, {APP}', but only one "
            f"is allowed.{VALID}"
        ),
        f"{REFUSED}Multiple CORS header 'Access-Control-Allow-Origin' not allowed).",
    ),
    (
        # For Firefox, one line with a list is not "multiple".
        failure(Reason.MULTIPLE_ALLOW_ORIGIN, f"{APP} https://b.example", allow("Origin", f"{APP} https://b.example")),
        (
            f"{BLOCKED}The 'Access-Control-Allow-Origin' header contains multiple values '{APP} https://b.example', "
            f"but only one is allowed.{VALID}"
        ),
        f"{REFUSED}CORS header 'Access-Control-Allow-Origin' does not match '{APP} https://b.example').",
    ),
    *(
        (
            failure(Reason.ALLOW_ORIGIN_MISMATCH, value, allow("Origin", value)),
            f"{BLOCKED}The 'Access-Control-Allow-Origin' header {text}.{VALID}",
            f"{REFUSED}CORS header 'Access-Control-Allow-Origin' does not match '{value}').",
        )
        for value, text in [
            ("https://b.example", "has a value 'https://b.example' that is not equal to the supplied origin"),
            ("null", "has a value 'null' that is not equal to the supplied origin"),
            # A URL parser sees a scheme in it.
            ("localhost:3000", "has a value 'localhost:3000' that is not equal to the supplied origin"),
            ("https://*.example.com", "has a value 'https://*.example.com' that is not equal to the supplied origin"),
            ("app.example.com", "contains the invalid value 'app.example.com'"),
            ("", "contains the invalid value ''"),
            ("**", "contains the invalid value '**'"),
        ]
    ),
    (
        failure(Reason.ALLOW_ORIGIN_MISMATCH, "http://\xe9.example", allow("Origin", "http://\xe9.example")),
        # A lone byte is not UTF-8, so this is not a URL.
        f"{BLOCKED}The 'Access-Control-Allow-Origin' header contains the invalid value 'http://\\u00E9.example'.{VALID}",
        f"{REFUSED}CORS header 'Access-Control-Allow-Origin' does not match 'http://\\u00E9.example').",
    ),
    (
        failure(Reason.ALLOW_CREDENTIALS_NOT_TRUE, "True", SHARED, allow("Credentials", "True"), with_credentials=True),
        (
            f"{BLOCKED}The value of the 'Access-Control-Allow-Credentials' header in the response is 'True' which must "
            "be 'true' when the request's credentials mode is 'include'."
        ),
        f"{REFUSED}expected 'true' in CORS header 'Access-Control-Allow-Credentials').",
    ),
    (
        preflight(Reason.ALLOW_CREDENTIALS_NOT_TRUE, None, SHARED, with_credentials=True),
        (
            f"{PREFLIGHT}The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must "
            "be 'true' when the request's credentials mode is 'include'."
        ),
        f"{REFUSED}expected 'true' in CORS header 'Access-Control-Allow-Credentials').",
    ),
    (
        preflight(Reason.PREFLIGHT_REDIRECT, "/login", SHARED, ("Location", "/login"), status=302),
        f"{PREFLIGHT}Redirect is not allowed for a preflight request.",
        f"{REFUSED}CORS request external redirect not allowed).",
    ),
    (
        preflight(Reason.PREFLIGHT_REDIRECT, "/login", allow("Origin", "*"), ("Location", "/login"), status=302),
        f"{PREFLIGHT}Redirect is not allowed for a preflight request.",
        f"{REFUSED}CORS request external redirect not allowed).",
    ),
    (
        preflight(Reason.PREFLIGHT_REDIRECT, "/a", SHARED, ("Location", "/a"), status=302, with_credentials=True),
        f"{PREFLIGHT}Redirect is not allowed for a preflight request.",
        f"{REFUSED}expected 'true' in CORS header 'Access-Control-Allow-Credentials').",
    ),
    (
        # Firefox checks the answer first, and then whether it redirects.
        preflight(Reason.PREFLIGHT_REDIRECT, "/login", ("Location", "/login"), status=302),
        f"{PREFLIGHT}Redirect is not allowed for a preflight request.",
        f"{REFUSED}CORS header 'Access-Control-Allow-Origin' missing). Status code: 302.",
    ),
    (
        preflight(Reason.PREFLIGHT_STATUS, "405", SHARED, status=405),
        f"{PREFLIGHT}It does not have HTTP ok status.",
        f"{REFUSED}CORS preflight response did not succeed). Status code: 405.",
    ),
    (
        preflight(Reason.ALLOW_METHODS_UNPARSABLE, '["GET", "PUT"]', SHARED, allow("Methods", '["GET", "PUT"]')),
        f"{BLOCKED}Cannot parse Access-Control-Allow-Methods response header field in preflight response.",
        f"{REFUSED}invalid token '[\"GET\"' in CORS header 'Access-Control-Allow-Methods').",
    ),
    (
        preflight(
            Reason.ALLOW_HEADERS_UNPARSABLE, "A B", SHARED, allow("Methods", "PUT"), allow("Headers", "A B"), asked="x"
        ),
        f"{BLOCKED}Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
        f"{REFUSED}invalid token 'A B' in CORS header 'Access-Control-Allow-Headers').",
    ),
    (
        preflight(Reason.ALLOW_HEADERS_UNPARSABLE, "A B", SHARED, allow("Methods", "*"), allow("Headers", "A B")),
        f"{BLOCKED}Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
        f"{REFUSED}invalid token 'A B' in CORS header 'Access-Control-Allow-Headers').",
    ),
    (
        # Firefox reads all methods before it reads the headers.
        preflight(Reason.ALLOW_HEADERS_UNPARSABLE, "A B", SHARED, allow("Headers", "A B"), asked="x"),
        f"{BLOCKED}Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
        f"{REFUSED}Did not find method in CORS header 'Access-Control-Allow-Methods').",
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "PUT", SHARED, allow("Methods", "GET")),
        f"{BLOCKED}Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
        f"{REFUSED}Did not find method in CORS header 'Access-Control-Allow-Methods').",
    ),
    (
        failure(Reason.HEADER_NOT_ALLOWED, "x-token", SHARED, asked=["x-token"]),
        f"{BLOCKED}Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response.",
        (
            f"{REFUSED}header 'x-token' is not allowed according to header 'Access-Control-Allow-Headers' from CORS "
            "preflight response)."
        ),
    ),
    (
        # Firefox names the first one in alphabetical order.
        failure(Reason.HEADER_NOT_ALLOWED, "authorization", SHARED, asked=["accept-x", "authorization"]),
        (
            f"{BLOCKED}Request header field authorization is not allowed by Access-Control-Allow-Headers in preflight "
            "response."
        ),
        (
            f"{REFUSED}header 'accept-x' is not allowed according to header 'Access-Control-Allow-Headers' from CORS "
            "preflight response)."
        ),
    ),
    (
        failure(Reason.HEADER_NOT_ALLOWED, "authorization", SHARED, allow("Headers", "*"), asked=["authorization"]),
        "Authorization will not be covered by the wildcard symbol (*) in CORS `Access-Control-Allow-Headers` handling.",
        (
            "Cross-Origin Request Warning: The Same Origin Policy will disallow reading the remote resource at "
            f"{API} soon. (Reason: When the `Access-Control-Allow-Headers` is `*`, the `Authorization` header is not "
            "covered. To include the `Authorization` header, it must be explicitly listed in CORS header "
            "`Access-Control-Allow-Headers`)."
        ),
    ),
    (
        # After a redirect: the URL where it began. The page's origin is printed, whatever was sent.
        failure(Reason.MISSING_ALLOW_ORIGIN, first_url="https://first.example/", sent_origin="null"),
        (
            f"Access to fetch at '{API}' (redirected from 'https://first.example/') from origin '{APP}' has been "
            "blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present on the requested resource."
        ),
        f"{REFUSED}CORS header 'Access-Control-Allow-Origin' missing). Status code: 200.",
    ),
    (
        # The network stack reads the Location before CORS reads anything.
        failure(Reason.MISSING_ALLOW_ORIGIN, None, ("Location", "http://["), status=302),
        f"{LOAD}INVALID_REDIRECT",
        NO_RESPONSE,
    ),
    (redirected(Reason.REDIRECT_UNPARSABLE, "http://[", "http://["), f"{LOAD}INVALID_REDIRECT", NO_RESPONSE),
    (
        failure(Reason.REDIRECT_UNPARSABLE, "/a, /b", SHARED, ("Location", "/a"), ("Location", "/b"), status=302),
        f"{LOAD}RESPONSE_HEADERS_MULTIPLE_LOCATION",
        NO_RESPONSE,
    ),
    (
        redirected(Reason.REDIRECT_BAD_SCHEME, "foo://x/", "foo://x/"),
        (
            f"Access to fetch at 'foo://x/' (redirected from '{API}') from origin '{APP}' has been blocked by CORS "
            "policy: Cross origin requests are only supported for protocol schemes: chrome, "
            "chrome-experimental-site-token-provider, chrome-extension, chrome-untrusted, data, http, https, "
            "isolated-app."
        ),
        f"{REFUSED.replace(API, 'foo://x/')}CORS request not http).",
    ),
    (
        redirected(Reason.REDIRECT_BAD_SCHEME, "foo://x/", "foo://x/", mode="no-cors"),
        f"{LOAD}UNKNOWN_URL_SCHEME",
        NOT_TOLD,
    ),
    (redirected(Reason.REDIRECT_BAD_SCHEME, "wss://x/", "wss://x/"), f"{LOAD}UNKNOWN_URL_SCHEME", NO_RESPONSE),
    (
        redirected(Reason.REDIRECT_BAD_SCHEME, "data:,x", "data:,x"),
        f"{LOAD}UNSAFE_REDIRECT",
        'Redirecting to data: URI not allowed (Blocked loading of: "data:,x")',
    ),
    (
        redirected(Reason.REDIRECT_BAD_SCHEME, "file:///x", "file:///x"),
        f"{LOAD}UNSAFE_REDIRECT",
        f"Security Error: Content at {API} may not load or link to file:///x.",
    ),
    (
        redirected(Reason.REDIRECT_BAD_SCHEME, "foo://x/", "foo://x/", mode="same-origin", url=f"{APP}/a"),
        f"Unsafe attempt to load URL foo://x/ from frame with URL {APP}/. Domains, protocols and ports must match.",
        f"Security Error: Content at {APP}/ may not load data from foo://x/.",
    ),
    (
        redirected(Reason.REDIRECT_USERINFO, "https://u:p@b.example/", "https://u:p@b.example/"),
        (
            f"{BLOCKED}Redirect location '' contains a username and password, which is disallowed for cross-origin "
            "requests."
        ),
        NO_RESPONSE,
    ),
    (redirected(Reason.TOO_MANY_REDIRECTS, "/items", "/items"), f"{LOAD}TOO_MANY_REDIRECTS", NO_RESPONSE),
    (
        redirected(Reason.TOO_MANY_REDIRECTS, "/a", "/a", url=f"{APP}/a"),
        f"{LOAD}TOO_MANY_REDIRECTS",
        NOT_TOLD,
    ),
    (redirected(Reason.REDIRECT_MODE_ERROR, "/a", "/a"), f"{LOAD}FAILED", NOT_TOLD),
    (
        failure(Reason.SAME_ORIGIN_MODE, mode="same-origin", exchange=None),
        (
            f'Fetch API cannot load {API}. Request mode is "same-origin" but the URL\'s origin is not same as the '
            "request "
            f"origin {APP}."
        ),
        f"Security Error: Content at {APP}/ may not load data from {API}.",
    ),
    (
        failure(Reason.SAME_ORIGIN_MODE, mode="same-origin", first_url=f"{APP}/a", exchange=None),
        f"Unsafe attempt to load URL {API} from frame with URL {APP}/. Domains, protocols and ports must match.",
        f"Security Error: Content at {APP}/ may not load data from {API}.",
    ),
    (
        failure(Reason.SAME_ORIGIN_MODE, mode="same-origin", first_url=APP, page_origin="null", exchange=None),
        f"Unsafe attempt to load URL {API} from frame with URL null. Domains, protocols and ports must match.",
        f"Security Error: Content at null may not load data from {API}.",
    ),
    (
        failure(Reason.NO_CORS_REDIRECT_MODE, "error", mode="no-cors", exchange=None),
        f'Fetch API cannot load {API}. Request mode is "no-cors" but the redirect mode is not "follow".',
        NOT_TOLD,
    ),
    (
        failure(Reason.BAD_SCHEME, "foo", url="foo://bar/", exchange=None),
        'Fetch API cannot load foo://bar/. URL scheme "foo" is not supported.',
        f"{REFUSED.replace(API, 'foo://bar/')}CORS request not http).",
    ),
    (
        failure(Reason.BAD_SCHEME, "file", url="file:///x", exchange=None),
        "Not allowed to load local resource: file:///x",
        f"Security Error: Content at {APP}/ may not load or link to file:///x.",
    ),
    (failure(Reason.BAD_PORT, "25", url="https://api.example.com:25/", exchange=None), f"{LOAD}UNSAFE_PORT", NOT_TOLD),
    (
        failure(Reason.BAD_PORT, "25", url="https://b.example:25/", first_url=API, exchange=None),
        f"{LOAD}UNSAFE_PORT",
        NO_RESPONSE,
    ),
    (
        failure(Reason.MIXED_CONTENT, "http://b.example/a", url="http://b.example/a", exchange=None),
        (
            f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but requested an insecure resource "
            "'http://b.example/a'. This request has been blocked; the content must be served over HTTPS."
        ),
        'Blocked loading mixed active content "http://b.example/a"',
    ),
    (
        failure(Reason.FORBIDDEN_METHOD, "trace", exchange=None),
        "TypeError: Failed to execute 'fetch' on 'Window': 'trace' HTTP method is unsupported.",
        "TypeError: Window.fetch: Invalid request method trace.",
    ),
    *(
        (failure(Reason.UNREACHABLE, said, exchange=None), f"{LOAD}{error}", NO_RESPONSE)
        for said, error in [
            ("[Errno 111] Connection refused", "CONNECTION_REFUSED"),
            ("[Errno -2] Name or service not known", "NAME_NOT_RESOLVED"),
            ("[Errno 104] Connection reset by peer", "CONNECTION_RESET"),
            ("Server disconnected without sending a response.", "EMPTY_RESPONSE"),
            ("nothing is served there", "CONNECTION_FAILED"),
        ]
    ),
    (failure(Reason.UNREACHABLE, "refused", exchange=None, mode="no-cors"), f"{LOAD}CONNECTION_REFUSED", NOT_TOLD),
    (failure(Reason.TLS, "wrong version number", exchange=None), f"{LOAD}SSL_PROTOCOL_ERROR", NO_RESPONSE),
    (failure(Reason.TLS, "self-signed certificate", exchange=None), f"{LOAD}CERT_AUTHORITY_INVALID", NO_RESPONSE),
    (failure(Reason.TLS_CLIENT_CERTIFICATE, "", exchange=None), f"{LOAD}BAD_SSL_CLIENT_AUTH_CERT", NO_RESPONSE),
    *(
        (
            failure(Reason.CORP, value, mode="no-cors"),
            f"{LOAD}BLOCKED_BY_RESPONSE.{name}",
            (
                f'The resource at "{API}" was blocked due to its Cross-Origin-Resource-Policy header (or lack '
                "thereof). "
                "See https://developer.mozilla.org/docs/Web/HTTP/Cross-Origin_Resource_Policy_(CORP)#"
            ),
        )
        for value, name in [
            ("same-origin", "NotSameOrigin"),
            ("same-site", "NotSameSite"),
            (None, "NotSameOriginAfterDefaultedToSameOriginByCoep"),
        ]
    ),
]
