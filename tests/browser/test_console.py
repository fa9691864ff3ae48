"""
What is said of a failed fetch: the consoles' lines to the letter, a change that mends it, and nothing secret.

The lines were copied from the consoles of Chromium 156 and Firefox 153.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.pasting import FORMS, read

from corsguard import Configuration, CORSMiddleware, Policy
from corsguard.browser import Browser, Exchange, Failure, NetworkError, Reason, WireRequest, WireResponse
from corsguard.browser.advice import fix, notes
from corsguard.browser.console import chromium, firefox
from corsguard.browser.report import report

APP = "https://app.example.com"
API = "https://api.example.com/items"
SHARED = ("Access-Control-Allow-Origin", APP)
CREDENTIALS = ("Access-Control-Allow-Credentials", "true")

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
    A Failure of a GET, whose answer had *headers* and *status*; of a PUT's preflight if it *asked* for headers.
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


# For tables that are easy to read.
STRAIGHT = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")

# What failed of a WebSocket, Chromium's line, Firefox's line with straight quotation marks.
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
]

# What failed, Chromium's line, Firefox's line with straight quotation marks.
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
        # The one text with quotation marks around the URL.
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
        # One line with a list is no "multiple" to Firefox.
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
            # It has a scheme, as far as a URL parser can tell.
            ("localhost:3000", "has a value 'localhost:3000' that is not equal to the supplied origin"),
            ("https://*.example.com", "has a value 'https://*.example.com' that is not equal to the supplied origin"),
            ("app.example.com", "contains the invalid value 'app.example.com'"),
            ("", "contains the invalid value ''"),
            ("**", "contains the invalid value '**'"),
        ]
    ),
    (
        failure(Reason.ALLOW_ORIGIN_MISMATCH, "http://\xe9.example", allow("Origin", "http://\xe9.example")),
        # A lone byte is no UTF-8, hence no URL.
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
        # Firefox reads the methods to the end before it reads the headers.
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
        # Firefox names the first in the order of the alphabet.
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
        # After a redirect: where it began; the page's origin, whatever was sent.
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


@pytest.mark.parametrize(("failed", "chromium_line", "firefox_line"), [*LINES, *SOCKET_LINES])
def test_the_consoles_lines_are_theirs_to_the_letter(failed, chromium_line, firefox_line):
    assert chromium(failed) == chromium_line
    assert firefox(failed).translate(STRAIGHT) == firefox_line


def test_firefox_writes_typographic_quotation_marks():
    assert firefox(mismatch("b")).endswith(
        "header \u2018Access-Control-Allow-Origin\u2019 does not match \u2018b\u2019)."
    )
    assert firefox(failure(Reason.MIXED_CONTENT)).endswith(f"\u201c{API}\u201d")


SHARE = [f"send:   Access-Control-Allow-Origin: {APP}", "send:   Vary: Origin", f'policy: allow_origins=["{APP}"]']
SHARE_WITH_CREDENTIALS = [
    f"send:   Access-Control-Allow-Origin: {APP}",
    "send:   Access-Control-Allow-Credentials: true",
    "send:   Vary: Origin",
    f'policy: allow_origins=["{APP}"], allow_credentials=True',
]
DROP = 'page:   leave out credentials: "include", if it needs no cookies (a bearer token is none)'


def also(origin):
    return [*SHARE[:2], f'policy: allow_origins=["{origin}", "{APP}"]']


def mismatch(value, **changes):
    return failure(Reason.ALLOW_ORIGIN_MISMATCH, value, allow("Origin", value), **changes)


def refused_header(*asked, value=None, allowed=None, **changes):
    headers = [SHARED] if allowed is None else [SHARED, allow("Headers", allowed)]
    return failure(Reason.HEADER_NOT_ALLOWED, value or asked[0], *headers, asked=asked, **changes)


# What failed, words that the diagnosis has to have, and the lines to change.
FIXES = [
    # Who answered in place of the CORS layer, by the status.
    (failure(Reason.MISSING_ALLOW_ORIGIN), "not listed, or the CORS layer does not guard this path", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, None, ("Vary", "Accept, origin"), status=403), "varies on Origin", SHARE),
    (preflight(Reason.MISSING_ALLOW_ORIGIN, status=401), "Authentication runs before CORS", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=401), "Not CORS: the user is not logged in", SHARE),
    (preflight(Reason.MISSING_ALLOW_ORIGIN, status=405), "OPTIONS reaches the router", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=404), "Nothing serves this", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=502), "Not CORS: a proxy", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=413), "Not CORS: a proxy", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=500), "Not CORS: an unhandled exception", SHARE),
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, None, ("Location", "/login?next=/"), status=302),
        "login page, https://api.example.com/login?next=/: answer 401",
        SHARE,
    ),
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, status=200, with_credentials=True),
        "not listed",
        SHARE_WITH_CREDENTIALS,
    ),
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, None, ("Location", "https://b.example/x"), status=302),
        "The server redirects to https://b.example/x. Put",
        SHARE,
    ),
    # Opaque origins, and why they are.
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, page_origin="null", sent_origin="null"),
        "The page has no origin of its own",
        [
            "send:   Access-Control-Allow-Origin: *",
            'policy: allow_origins="*"',
            'page:   load it from a server; in a frame, sandbox="allow-scripts allow-same-origin"',
        ],
    ),
    (
        mismatch(APP, sent_origin="null", first_url="https://first.example/", with_credentials=True),
        f'says "{APP}", the page sent Origin: null. The redirect from one foreign origin to another makes',
        [f'page:   fetch("{API}")'],
    ),
    # Plain http with credentials.
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, sent_origin="http://app.example.com", with_credentials=True),
        "load the page by https",
        [*SHARE_WITH_CREDENTIALS, f"page:   load it from {APP}"],
    ),
    (
        failure(Reason.WILDCARD_WITH_CREDENTIALS, "*", allow("Origin", "*"), with_credentials=True, is_preflight=True),
        "* never counts with credentials",
        [*SHARE_WITH_CREDENTIALS, DROP],
    ),
    # Doubled, or a list.
    (failure(Reason.MULTIPLE_ALLOW_ORIGIN, f"{APP}, {APP}", SHARED, SHARED), "Two layers add the header", SHARE),
    (failure(Reason.MULTIPLE_ALLOW_ORIGIN, f"*, {APP}", allow("Origin", "*"), SHARED), "Two layers", SHARE),
    (
        failure(Reason.MULTIPLE_ALLOW_ORIGIN, "https://b.example, x", allow("Origin", "https://b.example, x")),
        "Only one origin may be sent",
        also("https://b.example"),
    ),
    # What is wrong with the value.
    (mismatch(f"{APP}/"), "no trailing slash", SHARE),
    (mismatch("https://App.example.com"), "upper-case letters", SHARE),
    (mismatch(f"{APP}:443"), "default port", SHARE),
    (mismatch("app.example.com"), "does not begin with a scheme", SHARE),
    (mismatch(""), "is empty", SHARE),
    (mismatch(f'"{APP}"'), "quotation mark", SHARE),
    (mismatch("/^https:.*$/"), "regular expressions are not supported", SHARE),
    (mismatch("null"), "sandboxed frames of any site", SHARE),
    (mismatch("http://app.example.com"), "this has the scheme https", also("http://app.example.com")),
    (mismatch("https://www.app.example.com"), "with and without www.", also("https://www.app.example.com")),
    (mismatch(f"{APP}:8443"), "this has no port", also(f"{APP}:8443")),
    (
        mismatch("http://localhost:3000", sent_origin="http://127.0.0.1:3000"),
        "localhost and its addresses are different origins",
        [
            "send:   Access-Control-Allow-Origin: http://127.0.0.1:3000",
            "send:   Vary: Origin",
            'policy: allow_origins=["http://localhost:3000", "http://127.0.0.1:3000"]',
        ],
    ),
    (
        mismatch("https://*.example.com"),
        "Browsers know no patterns",
        [*SHARE[:2], 'policy: allow_origins=["https://*.example.com"]'],
    ),
    (mismatch("https://b.example"), "a constant, or a cache", also("https://b.example")),
    (
        failure(
            Reason.ALLOW_ORIGIN_MISMATCH, "https://b.example", allow("Origin", "https://b.example"), ("Vary", "Origin")
        ),
        "a constant.",
        also("https://b.example"),
    ),
    *(
        (
            failure(Reason.ALLOW_CREDENTIALS_NOT_TRUE, value, SHARED, with_credentials=True),
            words,
            [*SHARE_WITH_CREDENTIALS, DROP],
        )
        for value, words in [
            (None, "is absent"),
            ("True", "in lower case"),
            ("true, true", "Two layers add"),
            ("yes", '"yes" does not count: it has to be "true".'),
        ]
    ),
    # Preflights.
    (
        preflight(Reason.PREFLIGHT_REDIRECT, "/items/", SHARED, ("Location", "/items/"), status=308),
        "for a slash at the end: let",
        ["send:   204 No Content, with the Access-Control-* headers, and no Location", f'page:   fetch("{API}/")'],
    ),
    *(
        (
            preflight(Reason.PREFLIGHT_REDIRECT, to, SHARED, ("Location", to), status=308, url=f"{API}?page=2&to=/"),
            words,
            [
                "send:   204 No Content, with the Access-Control-* headers, and no Location",
                f'page:   fetch("{API}{rest}")',
            ],
        )
        for to, rest, words in [
            ("/items/?page=2&to=/", "/?page=2&to=/", "for a slash at the end: let"),
            ("/items/?page=2&to=", "/?page=2&to=", f"redirects to {API}/?page=2&to=."),
        ]
    ),
    (
        preflight(Reason.PREFLIGHT_REDIRECT, API, SHARED, ("Location", API), status=301, url=API.replace("s:", ":", 1)),
        "redirects to https: let",
        ["send:   204 No Content, with the Access-Control-* headers, and no Location", f'page:   fetch("{API}")'],
    ),
    *(
        (
            preflight(Reason.PREFLIGHT_STATUS, str(status), SHARED, status=status),
            words,
            ["send:   204 No Content"],
        )
        for status, words in [
            (401, "Authentication runs before CORS"),
            (404, "OPTIONS reaches the router"),
            (500, "fails on the preflight"),
            (418, "Put the CORS layer outermost"),
        ]
    ),
    *(
        (
            preflight(Reason.ALLOW_METHODS_UNPARSABLE, value, SHARED, allow("Methods", value)),
            f'"{item}" is not a method',
            ["send:   Access-Control-Allow-Methods: GET, PUT", 'policy: allow_methods=["GET", "PUT"]'],
        )
        for value, item in [("GET PUT", "GET PUT"), ('["GET"]', '["GET"]'), ("GET;PUT", "GET;PUT")]
    ),
    (
        preflight(Reason.ALLOW_HEADERS_UNPARSABLE, "'X-A'; X-B", SHARED, allow("Headers", "'X-A'; X-B"), asked=["x-b"]),
        "is not a header name",
        ["send:   Access-Control-Allow-Headers: X-A, X-B", 'policy: allow_headers=["X-A", "X-B"]'],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "PUT", SHARED),
        "Listed are: none",
        [
            "send:   Access-Control-Allow-Methods: GET, HEAD, POST, PUT",
            'policy: allow_methods=["GET", "HEAD", "POST", "PUT"]',
        ],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "Foo", SHARED, allow("Methods", "GET"), method="Foo"),
        "Listed are: GET",
        ["send:   Access-Control-Allow-Methods: GET, Foo", 'policy: allow_methods=["GET", "Foo"]'],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "PUT", SHARED, allow("Methods", "GET, put")),
        "the server does not list PUT",
        ["send:   Access-Control-Allow-Methods: GET, PUT", 'policy: allow_methods=["GET", "PUT"]'],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "PUT", SHARED, ("Allow", "PUT"), allow("Methods", "GET")),
        "Allow lists it, which CORS does not read",
        ["send:   Access-Control-Allow-Methods: GET, PUT", 'policy: allow_methods=["GET", "PUT"]'],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "PUT", SHARED, allow("Methods", "*"), with_credentials=True),
        "* never counts with credentials",
        ["send:   Access-Control-Allow-Methods: PUT", 'policy: allow_methods=["PUT"]', DROP],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "patch", SHARED, allow("Methods", "GET, PATCH"), method="patch"),
        "the page wrote patch",
        ['page:   method: "PATCH"'],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "patch", SHARED, allow("Methods", "GET"), method="patch"),
        "the page wrote patch",
        [
            "send:   Access-Control-Allow-Methods: GET, PATCH",
            'policy: allow_methods=["GET", "PATCH"]',
            'page:   method: "PATCH"',
        ],
    ),
    (
        refused_header("content-type"),
        "A body of JSON brings Content-Type",
        ["send:   Access-Control-Allow-Headers: Content-Type", 'policy: allow_headers=["Content-Type"]'],
    ),
    (
        # All that is refused, and what is listed already.
        refused_header("content-type", "x-token", allowed="X-Request-ID"),
        "Listed are: X-Request-ID",
        [
            "send:   Access-Control-Allow-Headers: X-Request-ID, Content-Type, X-Token",
            'policy: allow_headers=["X-Request-ID", "Content-Type", "X-Token"]',
        ],
    ),
    (
        refused_header("authorization", allowed="*"),
        "* never covers Authorization",
        ["send:   Access-Control-Allow-Headers: *, Authorization", 'policy: allow_headers=["*", "Authorization"]'],
    ),
    (
        refused_header("x-token", allowed="*", with_credentials=True),
        "* never counts with credentials",
        ["send:   Access-Control-Allow-Headers: X-Token", 'policy: allow_headers=["X-Token"]', DROP],
    ),
    (
        refused_header("access-control-allow-origin"),
        "these are response headers, and the page sends them",
        ["page:   leave out the request header access-control-allow-origin"],
    ),
    (
        refused_header("access-control-allow-origin", allowed="X-A"),
        "these are response headers",
        ["page:   leave out the request header access-control-allow-origin"],
    ),
    (
        refused_header("access-control-allow-origin", "authorization", value="authorization", allowed="*"),
        "* never covers Authorization",
        ["send:   Access-Control-Allow-Headers: *, Authorization", 'policy: allow_headers=["*", "Authorization"]'],
    ),
    (
        refused_header("access-control-allow-origin", "x-token"),
        "these are response headers",
        [
            "send:   Access-Control-Allow-Headers: X-Token",
            'policy: allow_headers=["X-Token"]',
            "page:   leave out the request header access-control-allow-origin",
        ],
    ),
    (
        refused_header("baggage", "sentry-trace"),
        "A library in the page adds it",
        [
            "send:   Access-Control-Allow-Headers: Baggage, Sentry-Trace",
            'policy: allow_headers=["Baggage", "Sentry-Trace"]',
        ],
    ),
    # The page is wrong.
    (failure(Reason.SAME_ORIGIN_MODE, exchange=None), "forbade", ['page:   mode: "cors"']),
    (failure(Reason.NO_CORS_REDIRECT_MODE, "error", exchange=None), "", ['page:   redirect: "follow"']),
    (failure(Reason.FORBIDDEN_METHOD, "TRACE", exchange=None), "no server can allow TRACE", ['page:   method: "POST"']),
    (
        failure(Reason.BAD_SCHEME, "file", url="file:///x", exchange=None),
        "may not fetch from the disk",
        ['page:   fetch("https://...")'],
    ),
    (
        failure(Reason.BAD_SCHEME, "foo", url="foo:bar", exchange=None),
        "not by foo",
        ['page:   fetch("https://...")'],
    ),
    (
        failure(Reason.BAD_SCHEME, "api.example.com", url="api.example.com:8000/x", exchange=None),
        "The URL has no scheme",
        ['page:   fetch("http://api.example.com:8000/x")'],
    ),
    (
        failure(Reason.BAD_SCHEME, "localhost", url="localhost:8000/x", exchange=None),
        "The URL has no scheme",
        ['page:   fetch("http://localhost:8000/x")'],
    ),
    (
        failure(Reason.MIXED_CONTENT, "http://b.example/", url="http://b.example/", exchange=None),
        "Not CORS",
        ['page:   fetch("https://b.example/")'],
    ),
    # It is not CORS.
    (failure(Reason.UNREACHABLE, "refused", exchange=None), "nothing answers at https://api.example.com. Is", []),
    (
        preflight(Reason.UNREACHABLE, "hung up", exchange=None),
        "(a proxy, a firewall) drops OPTIONS: let it through",
        [],
    ),
    (failure(Reason.TLS, "expired", exchange=None), "look at the certificate", []),
    (failure(Reason.BAD_PORT, "25", exchange=None), "browsers keep off this port", []),
    (preflight(Reason.TLS_CLIENT_CERTIFICATE), "a preflight never carries a client certificate", []),
    (failure(Reason.TLS_CLIENT_CERTIFICATE), "The user needs one", ['page:   credentials: "include"']),
    (
        failure(Reason.CORP, "same-origin", mode="no-cors"),
        "the resource keeps to itself",
        ["send:   Cross-Origin-Resource-Policy: same-site", 'page:   mode: "cors"'],
    ),
    (
        failure(Reason.CORP, "same-origin", mode="no-cors", page_origin="https://other.example"),
        "the resource keeps to itself",
        ["send:   Cross-Origin-Resource-Policy: cross-origin", 'page:   mode: "cors"'],
    ),
    (
        failure(Reason.CORP, None, mode="no-cors"),
        "Cross-Origin-Embedder-Policy",
        ["send:   Cross-Origin-Resource-Policy: cross-origin", 'page:   mode: "cors"'],
    ),
    # Redirects.
    (
        redirected(Reason.REDIRECT_USERINFO, "https://u:p@b.example/x", "https://u:p@b.example/x"),
        "Take the user and the password out",
        ["send:   Location: https://b.example/x"],
    ),
    (redirected(Reason.REDIRECT_MODE_ERROR, "/a", "/a"), "", ['page:   redirect: "follow"']),
    (redirected(Reason.TOO_MANY_REDIRECTS, "/a", "/a"), "most likely a circle", []),
]


@pytest.mark.parametrize(("failed", "words", "lines"), FIXES)
def test_the_fix_says_why_and_names_the_lines_to_change(failed, words, lines):
    why, *changes = str(fix(failed)).split("\n")
    assert words in why
    assert [line.removeprefix("    ") for line in changes] == lines


def policy_of(fix):
    """
    Return the policy that the keywords in a fix make, as they are pasted in every form, or None if there are none.
    """
    if not fix.policy:
        return None
    keywords = {"allow_origins": "*"} if "allow_credentials" not in fix.policy else {}
    for form in FORMS:
        said = read(form, replace(fix, form=form).begun())
        if form == "variables":
            assert Configuration.from_variables({"CORSGUARD_ALLOW_ORIGINS": "*", **said})
        else:
            assert said == fix.policy
    return Policy(**(keywords | fix.policy))


@pytest.mark.parametrize("failed", [row[0] for row in (*LINES, *SOCKET_LINES, *FIXES)])
def test_what_is_proposed_is_a_sound_policy(failed):
    policy_of(fix(failed))


@pytest.mark.parametrize(
    ("answer", "fetch"),
    [
        ((), {}),
        ((), {"credentials": "include"}),
        ((allow("Origin", "*"),), {"credentials": "include"}),
        ((SHARED, SHARED), {}),
        ((allow("Origin", "https://b.example"),), {}),
        ((allow("Origin", f"{APP}/"),), {}),
        ((allow("Origin", "https://*.example.com"),), {}),
        ((SHARED,), {"credentials": "include"}),
        ((SHARED, allow("Methods", "GET")), {"method": "DELETE"}),
        ((SHARED, allow("Methods", '["DELETE"]')), {"method": "DELETE"}),
        ((SHARED,), {"method": "POST", "json": {}, "headers": {"X-Token": "1"}}),
        ((SHARED, allow("Headers", "*")), {"headers": {"Authorization": "Bearer 1"}}),
        ((SHARED, allow("Headers", "X-A X-B")), {"headers": {"X-B": "1"}}),
    ],
)
def test_what_is_proposed_mends_it(answer, fetch):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b""]

    def broken(request):
        return WireResponse(204 if request.method == "OPTIONS" else 200, answer)

    with pytest.raises(NetworkError) as caught:
        Browser(broken).open(APP).fetch(API, **fetch)
    mended = CORSMiddleware(application, policy_of(caught.value.fix))
    assert Browser(mended).open(APP).fetch(API, **fetch).type == "cors"


NOTES = [
    (refused_header("authorization", allowed="*"), ["still let Authorization pass under *"]),
    (refused_header("x-a", "x-b"), ["Chromium names any of them"]),
    (refused_header("authorization", "x-a", allowed="*"), ["still let Authorization pass under *"]),
    (refused_header("x-a"), []),
    (preflight(Reason.MISSING_ALLOW_ORIGIN, status=404), ["not successful. Status code: 404."]),
    (preflight(Reason.MISSING_ALLOW_ORIGIN, status=204), []),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=404), []),
    (mismatch(APP, sent_origin="null"), [f"says origin '{APP}'; what was sent is Origin: null"]),
    (mismatch(APP, sent_origin="null", page_origin="null"), []),
    (
        failure(Reason.MULTIPLE_ALLOW_ORIGIN, "a, b", allow("Origin", "a, b")),
        ["Firefox counts lines and looks in another order, so it says allow_origin_mismatch"],
    ),
    (
        preflight(
            Reason.PREFLIGHT_REDIRECT, API, SHARED, ("Location", API), status=307, url=API.replace("https", "http")
        ),
        ["Status code: 307", "Strict-Transport-Security"],
    ),
    (
        failure(Reason.UNREACHABLE, "", url="http://192.168.0.9/", exchange=None),
        ["Status code: (null)", "Local Network"],
    ),
    (failure(Reason.UNREACHABLE, "", url="http://localhost/", page_origin="http://[::1]", exchange=None), ["(null)"]),
    (
        failure(
            Reason.ALLOW_CREDENTIALS_NOT_TRUE, None, SHARED, with_credentials=True, page_origin="https://b.example"
        ),
        ["SameSite=None; Secure"],
    ),
    (failure(Reason.ALLOW_CREDENTIALS_NOT_TRUE, None, SHARED, with_credentials=True), []),
    (preflight(Reason.TLS_CLIENT_CERTIFICATE, exchange=None), ["allow_client_cert"]),
    (redirected(Reason.REDIRECT_STREAM_BODY, "/a", "/a"), ["HTTP/2"]),
]


@pytest.mark.parametrize(("failed", "words"), NOTES)
def test_only_those_notes_are_given_that_concern_the_failure(failed, words):
    given = notes(failed)
    assert len(given) == len(words)
    assert all(any(word in note for note in given) for word in words)


def test_the_report_begins_with_the_cause_and_the_line_to_change_and_shows_the_wire():
    failed = refused_header("x-token", allowed="X-Other")
    assert report(failed, [failed.exchange]) == "\n".join(
        [
            (
                f"PUT {API} failed for a page on {APP}: the answer to the preflight does not allow the request header "
                "x-token."
            ),
            "",
            "Listed are: X-Other.",
            "    send:   Access-Control-Allow-Headers: X-Other, X-Token",
            '    policy: allow_headers=["X-Other", "X-Token"]',
            "",
            'header_not_allowed: Fetch, "CORS check"',
            f"Chromium: {chromium(failed)}",
            f"Firefox:  {firefox(failed)}",
            "",
            "On the wire:",
            f"  1. OPTIONS {API} (preflight)",
            f"     > Origin: {APP}",
            "     > Access-Control-Request-Headers: x-token",
            "     < 200",
            f"     < Access-Control-Allow-Origin: {APP}",
            "     < Access-Control-Allow-Headers: X-Other",
        ]
    )


def test_the_report_says_whether_a_preflight_or_the_response_itself_was_refused():
    cause = "{} (404) has no Access-Control-Allow-Origin.\n"
    assert cause.format("the answer to the preflight") in report(preflight(Reason.MISSING_ALLOW_ORIGIN, status=404), [])
    assert cause.format("the response") in report(failure(Reason.MISSING_ALLOW_ORIGIN, status=404), [])


def test_the_report_says_if_nothing_was_sent():
    assert report(failure(Reason.BAD_PORT, "25", exchange=None), []).endswith("\n\nNothing was sent.")


def test_nothing_secret_is_shown():
    secrets = [("Cookie", "s=hush"), ("Authorization", "Bearer hush"), ("X-Api-Key", "hush")]
    answers = [("Set-Cookie", "s=hush"), ("Location", "https://me:hush@b.example/"), ("X-Session", "hush"), SHARED]
    exchange = Exchange(WireRequest("GET", API, tuple(secrets)), WireResponse(302, tuple(answers)), False, True)
    for reason in Reason:
        told = report(
            failure(reason, "https://me:hush@b.example/" * reason.startswith("redirect"), exchange=exchange), [exchange]
        )
        assert "hush" not in told
        assert told.count("(not shown)") == 3


def test_many_exchanges_and_many_lines_are_cut_in_the_middle():
    lines = tuple(("Access-Control-Allow-Origin", str(number)) for number in range(100))
    exchange = Exchange(WireRequest("GET", API), WireResponse(200, lines), False, False)
    told = report(failure(Reason.TOO_MANY_REDIRECTS), [exchange] * 21)
    assert [
        line.split(".")[0].strip() for line in told.split("\n") if f"GET {API}" in line and "failed" not in line
    ] == [
        *"1234",
        *("18", "19", "20", "21"),
    ]
    assert told.count("... 13 more ...") == 1
    assert told.count("< Access-Control-Allow-Origin") == 8 * 24
    assert "< ... 76 more" in told


ASCII_BUT_FOR_QUOTES = {*map(chr, range(32, 127)), *map(chr, (10, *STRAIGHT))}


def assert_told(failed):
    told = report(failed, [failed.exchange] * 3 if failed.exchange else [])
    for text in (chromium(failed), firefox(failed), str(fix(failed)), *notes(failed), told):
        assert text
        assert set(text) <= ASCII_BUT_FOR_QUOTES
        assert len(text) < 60_000
    assert "\n" not in chromium(failed) + firefox(failed) + "".join(notes(failed))
    policy_of(fix(failed))


@pytest.mark.parametrize("exchange", [None, "without response", "whole"])
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_everything(reason, exchange):
    changes = {"exchange": None} if exchange is None else {}
    if exchange == "without response":
        changes["exchange"] = Exchange(WireRequest("GET", API), None, False, False)
    assert_told(failure(reason, **changes))


ALLOW = [f"Access-Control-Allow-{what}" for what in ("Origin", "Credentials", "Methods", "Headers")]
BYTES = st.text(st.characters(max_codepoint=255), max_size=40)
HOSTILE = """
* null https://app.example.com https://app.example.com/ https://*.example.com http://b.example {url} %s GET,* patch
x-a,authorization https://u:p@b.example/ //[ data:,x \ud800 \U0001f600 access-control-allow-origin Cookie TRACE
""".split()
VALUES = BYTES | st.sampled_from([*HOSTILE, "", " ", "A" * 300, "a, " * 3000])
HEADERS = st.lists(
    st.tuples(st.sampled_from([*ALLOW, "Location", "Vary", "Allow", "access-control-allow-origin", "X"]), VALUES),
    max_size=5,
)


STRINGS = ("method", "url", "first_url", "page_origin", "sent_origin", "mode")
CHANGES = st.fixed_dictionaries(
    {
        "value": st.none() | VALUES,
        "status": st.sampled_from([0, 200, 204, 302, 401, 404, 500, 999]),
        "asked": st.lists(VALUES, max_size=3),
        "with_credentials": st.booleans(),
        "is_preflight": st.booleans(),
    },
    optional=dict.fromkeys(STRINGS, VALUES),
)


@given(st.sampled_from(Reason), HEADERS, CHANGES)
@settings(deadline=None)
def test_nothing_from_the_network_raises_or_is_shown_raw(reason, headers, changes):
    assert_told(failure(reason, changes.pop("value"), *headers, **changes))


@pytest.mark.parametrize("reason", Reason)
def test_a_million_characters_are_cut(reason):
    vast = "https://a.example, \xff\x00" * 50_000
    headers = [(name, vast) for name in (*ALLOW, "Location", "Vary", f"Access-Control-{vast[:9999]}")]
    assert_told(failure(reason, vast, *headers, status=302, asked=[vast], method=vast, url=f"https://b.example/{vast}"))
