"""
Failures, each with words that its fix must have, and with the lines to change.
"""

from corsguard.browser import Reason

from .failures import API, APP, SHARED, allow, failure, mismatch, preflight, redirected, refused_header

SHARE = [f"send:   Access-Control-Allow-Origin: {APP}", "send:   Vary: Origin", f'policy: allow_origins=["{APP}"]']
SHARE_WITH_CREDENTIALS = [
    f"send:   Access-Control-Allow-Origin: {APP}",
    "send:   Access-Control-Allow-Credentials: true",
    "send:   Vary: Origin",
    f'policy: allow_origins=["{APP}"], allow_credentials=True',
]
DROP = (
    'page:   leave out credentials: "include" (XMLHttpRequest: withCredentials; an element: '
    'crossorigin="use-credentials"), if it needs no cookies (a bearer token is not a cookie)'
)


def also(origin):
    return [*SHARE[:2], f'policy: allow_origins=["{origin}", "{APP}"]']


# What failed, words that the diagnosis must have, and the lines to change.
FIXES = [
    # The software that answered in place of the CORS layer, by the status.
    (failure(Reason.MISSING_ALLOW_ORIGIN), "does not list the origin, or has no CORS layer", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, None, ("Vary", "Accept, origin"), status=403), "varies on Origin", SHARE),
    (preflight(Reason.MISSING_ALLOW_ORIGIN, status=401), "Authentication runs before CORS", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=401), "The request carries no login that the server accepts", SHARE),
    (preflight(Reason.MISSING_ALLOW_ORIGIN, status=405), "OPTIONS reaches the router", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=404), "No route, or no guarded one", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=502), "a proxy or a gateway in front", []),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=413), "client_max_body_size", SHARE),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=500), "there was an unhandled exception", SHARE),
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, None, ("Location", "/login?next=/"), status=302),
        "login page, https://api.example.com/login?next=/: answer 401",
        ["send:   401 Unauthorized, with the CORS headers and no Location"],
    ),
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, status=200, with_credentials=True),
        "does not list the origin",
        SHARE_WITH_CREDENTIALS,
    ),
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, None, ("Location", "https://b.example/x"), status=302),
        "null, which no list should have. The server redirects to https://b.example/x: the page",
        [],
    ),
    # Opaque origins, and why they are opaque.
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, page_origin="null", sent_origin="null"),
        "The page has no origin of its own",
        [
            "send:   Access-Control-Allow-Origin: *",
            'policy: allow_origins="*"',
            "page:   load it from a server, and outside of a sandboxed frame",
        ],
    ),
    (
        mismatch(APP, sent_origin="null", first_url="https://first.example/", with_credentials=True),
        f'says "{APP}", the page sent Origin: null. The redirect between two foreign origins makes',
        [f'page:   fetch("{API}")'],
    ),
    (
        failure(Reason.MISSING_ALLOW_ORIGIN, sent_origin="http://app.example.com", with_credentials=True),
        "load the page over https",
        [
            "send:   Access-Control-Allow-Origin: http://app.example.com",
            *SHARE_WITH_CREDENTIALS[1:3],
            f"page:   load it from {APP}",
        ],
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
    (mismatch("/^https:.*$/"), "Browsers do not match patterns", SHARE),
    (mismatch("/^https:/"), "Browsers do not match patterns", SHARE),
    (mismatch("https://[a-z]+.example.com"), "Browsers do not match patterns", SHARE),
    (mismatch("$http_origin"), "a configuration variable is not set", SHARE),
    (mismatch("${ORIGIN}"), "a configuration variable is not set", SHARE),
    (mismatch("{{ origin }}"), "a configuration variable is not set", SHARE),
    (mismatch("null"), "sandboxed frames of any site", SHARE),
    (mismatch("http://app.example.com"), "this origin has the scheme https", also("http://app.example.com")),
    (mismatch("https://www.app.example.com"), "with and without www.", also("https://www.app.example.com")),
    (mismatch(f"{APP}:8443"), "this origin has no port", also(f"{APP}:8443")),
    (
        mismatch("http://localhost:3000", sent_origin="http://127.0.0.1:3000"),
        "are different hosts",
        [
            "send:   Access-Control-Allow-Origin: http://127.0.0.1:3000",
            "send:   Vary: Origin",
            'policy: allow_origins=["http://localhost:3000", "http://127.0.0.1:3000"]',
        ],
    ),
    (
        mismatch("https://*.example.com"),
        "Browsers do not match patterns",
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
            ("/items/?page=2&to=", "/?page=2&to=", f"redirects to {API}/?page=2&to=: the page can request"),
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
        preflight(
            Reason.ALLOW_HEADERS_UNPARSABLE,
            "X-A: a/b c, X-B",
            SHARED,
            allow("Headers", "X-A: a/b c, X-B"),
            asked=["x-b"],
        ),
        '"X-A: a/b c" is not a header name',
        ["send:   Access-Control-Allow-Headers: X-A, X-B", 'policy: allow_headers=["X-A", "X-B"]'],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "PUT", SHARED),
        "Listed: none",
        [
            "send:   Access-Control-Allow-Methods: GET, HEAD, POST, PUT",
            'policy: allow_methods=["GET", "HEAD", "POST", "PUT"]',
        ],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "Foo", SHARED, allow("Methods", "GET"), method="Foo"),
        "Listed: GET",
        ["send:   Access-Control-Allow-Methods: GET, Foo", 'policy: allow_methods=["GET", "Foo"]'],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "PUT", SHARED, allow("Methods", "GET, put")),
        "the server does not list PUT",
        ["send:   Access-Control-Allow-Methods: GET, PUT", 'policy: allow_methods=["GET", "PUT"]'],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "PUT", SHARED, ("Allow", "PUT"), allow("Methods", "GET")),
        "The Allow header lists it, but CORS does not read",
        ["send:   Access-Control-Allow-Methods: GET, PUT", 'policy: allow_methods=["GET", "PUT"]'],
    ),
    (
        preflight(Reason.METHOD_NOT_ALLOWED, "PUT", SHARED, allow("Methods", "*"), with_credentials=True),
        "* never counts with credentials",
        [
            "send:   Access-Control-Allow-Methods: GET, HEAD, POST, PUT",
            'policy: allow_methods=["GET", "HEAD", "POST", "PUT"]',
            DROP,
        ],
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
        "A JSON body adds the header Content-Type",
        ["send:   Access-Control-Allow-Headers: Content-Type", 'policy: allow_headers=["Content-Type"]'],
    ),
    (
        # Refused values, and values that are already listed.
        refused_header("content-type", "x-token", allowed="X-Request-ID"),
        "Listed: X-Request-ID",
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
        "belongs to a response",
        ["page:   leave out the request header access-control-allow-origin"],
    ),
    (
        refused_header("acces-control-allow-origin"),
        "belongs to a response",
        ["page:   leave out the request header acces-control-allow-origin"],
    ),
    (
        refused_header("access-control-allow-origin", allowed="X-A"),
        "belongs to a response",
        ["page:   leave out the request header access-control-allow-origin"],
    ),
    (
        refused_header("access-control-allow-origin", "authorization", value="authorization", allowed="*"),
        "* never covers Authorization",
        ["send:   Access-Control-Allow-Headers: *, Authorization", 'policy: allow_headers=["*", "Authorization"]'],
    ),
    (
        refused_header("access-control-allow-origin", "x-token"),
        "belongs to a response",
        [
            "send:   Access-Control-Allow-Headers: X-Token",
            'policy: allow_headers=["X-Token"]',
            "page:   leave out the request header access-control-allow-origin",
        ],
    ),
    (
        refused_header("baggage", "sentry-trace"),
        "Most likely, a library in the page adds it",
        [
            "send:   Access-Control-Allow-Headers: Baggage, Sentry-Trace",
            'policy: allow_headers=["Baggage", "Sentry-Trace"]',
        ],
    ),
    # The page is wrong.
    (
        failure(Reason.SAME_ORIGIN_MODE, exchange=None),
        "forbids requests",
        ['page:   mode: "cors"'],
    ),
    (failure(Reason.NO_CORS_REDIRECT_MODE, "error", exchange=None), "", ['page:   redirect: "follow"']),
    (failure(Reason.FORBIDDEN_METHOD, "TRACE", exchange=None), "no server can allow TRACE", ['page:   method: "POST"']),
    (
        failure(Reason.BAD_SCHEME, "file", url="file:///x", exchange=None),
        "may not fetch from the disk",
        ['page:   fetch("https://...")'],
    ),
    (
        failure(Reason.BAD_SCHEME, "foo", url="foo:bar", exchange=None),
        "not of foo. An app with a scheme of its own has to register it",
        [],
    ),
    (
        failure(Reason.BAD_SCHEME, "ftp", url="ftp://a.example/x", exchange=None),
        "not of ftp",
        ['page:   fetch("https://...")'],
    ),
    (
        failure(Reason.BAD_SCHEME, "api.example.com", url="api.example.com:8000/x", exchange=None),
        "The URL has no scheme",
        ['page:   fetch("https://api.example.com:8000/x")'],
    ),
    (
        failure(Reason.BAD_SCHEME, "localhost", url="localhost:8000/x", exchange=None),
        "The URL has no scheme",
        ['page:   fetch("http://localhost:8000/x")'],
    ),
    (
        failure(Reason.MIXED_CONTENT, "http://b.example/", url="http://b.example/", exchange=None),
        "Not CORS",
        ["page:   request https://b.example/"],
    ),
    # It is not CORS.
    (failure(Reason.UNREACHABLE, "refused", exchange=None), "nothing listens at https://api.example.com. Is", []),
    (
        preflight(Reason.UNREACHABLE, "hung up", exchange=None),
        "a proxy or a firewall in front drops OPTIONS: let it pass OPTIONS on",
        [],
    ),
    (
        preflight(Reason.UNREACHABLE, "late", exchange=None, net_error="IO_PENDING"),
        "does not answer the preflight. Does it answer a GET?",
        [],
    ),
    (
        failure(Reason.UNREACHABLE, "late", exchange=None, net_error="IO_PENDING"),
        "took the connection, and does not answer in time. What does it wait for?",
        [],
    ),
    (failure(Reason.TLS, "expired", exchange=None), "the certificate of https://api.example.com has expired", []),
    (failure(Reason.TLS, "CERT_COMMON_NAME_INVALID", exchange=None), "is for another host", []),
    (failure(Reason.TLS, "self-signed certificate", exchange=None), "no authority that this browser trusts", []),
    (failure(Reason.TLS, "SEC_ERROR_BAD_DER", exchange=None), "look at the certificate", []),
    (failure(Reason.UNREACHABLE, "ENOTFOUND", exchange=None), "has no address", []),
    (failure(Reason.UNREACHABLE, "PROXY_CONNECTION_FAILED", exchange=None), "the proxy in the settings", []),
    (failure(Reason.UNREACHABLE, "NETWORK_IO_SUSPENDED", exchange=None), "this computer slept", []),
    (failure(Reason.UNREACHABLE, "ETIMEDOUT", exchange=None), "does not answer in time", []),
    (failure(Reason.UNREACHABLE, "Failed host lookup", exchange=None), "has no address", []),
    (failure(Reason.UNREACHABLE, "Connection refused", exchange=None), "nothing listens at", []),
    (failure(Reason.BAD_PORT, "25", exchange=None), "browsers block this port", []),
    (preflight(Reason.TLS_CLIENT_CERTIFICATE), "a preflight never carries a client certificate", []),
    (failure(Reason.TLS_CLIENT_CERTIFICATE), "The user needs one", ['page:   credentials: "include"']),
    (
        failure(Reason.CORP, "same-origin", mode="no-cors"),
        "the resource does not allow other sites to embed it",
        [
            "send:   Cross-Origin-Resource-Policy: same-site",
            'page:   mode: "cors" (an element: the attribute crossorigin)',
        ],
    ),
    (
        failure(Reason.CORP, "same-origin", mode="no-cors", page_origin="https://other.example"),
        "the resource does not allow other sites to embed it",
        [
            "send:   Cross-Origin-Resource-Policy: cross-origin",
            'page:   mode: "cors" (an element: the attribute crossorigin)',
        ],
    ),
    (
        # Fetch, "cross-origin resource policy internal check": the site is the same, and the scheme is not.
        failure(Reason.CORP, "same-site", mode="no-cors", page_origin="http://app.example.com"),
        "on plain http, and for a resource of https such a page does not count. Load the page over https",
        ["send:   Cross-Origin-Resource-Policy: cross-origin"],
    ),
    (
        failure(Reason.CORP, None, mode="no-cors"),
        "Cross-Origin-Embedder-Policy",
        [
            "send:   Cross-Origin-Resource-Policy: cross-origin",
            'page:   mode: "cors" (an element: the attribute crossorigin)',
        ],
    ),
    (
        redirected(Reason.REDIRECT_USERINFO, "https://u:p@b.example/x", "https://u:p@b.example/x"),
        "Remove the user and the password",
        ["send:   Location: https://b.example/x"],
    ),
    (redirected(Reason.REDIRECT_MODE_ERROR, "/a", "/a"), "", ['page:   redirect: "follow"']),
    (redirected(Reason.TOO_MANY_REDIRECTS, "/a", "/a"), "most likely they form a loop", []),
]
