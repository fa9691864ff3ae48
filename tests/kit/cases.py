"""
The table of cases: requests and answers in every place that the library runs.

One row is one request to a resource under one policy: the application's own answer, and the answer that is sent.
*headers* are the complete set of `Access-Control-*`, `Timing-Allow-Origin` and `Vary` lines of the response. *ran* says
whether the application was called. `adapters.py` has one function for each place, and `carriers/test_conformance.py`
asks all of them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Request(NamedTuple):
    """
    A request. *headers* has one line for each name, as every server passes it on.
    """

    method: str
    headers: Mapping[str, str]


class Reply(NamedTuple):
    """
    The application's own answer. *headers* may have several lines of one name.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()


class Case(NamedTuple):
    """
    One row of the table.
    """

    id: str
    policy: Mapping[str, Any]
    request: Request
    reply: Reply
    status: int
    headers: Mapping[str, str]
    ran: bool


def get(origin: str | None = None, **headers: str) -> Request:
    return request("GET", origin, **headers)


def request(method: str, origin: str | None = None, **headers: str) -> Request:
    lines = {} if origin is None else {"Origin": origin}
    return Request(method, lines | {name.replace("_", "-"): value for name, value in headers.items()})


def preflight(origin: str, method: str, headers: str | None = None) -> Request:
    asked = {} if headers is None else {"Access-Control-Request-Headers": headers}
    return Request("OPTIONS", {"Origin": origin, "Access-Control-Request-Method": method, **asked})


def allow(origin: str, **more: str) -> dict[str, str]:
    """
    Return `Access-Control-Allow-Origin` for *origin*, and *more* headers of the same prefix.
    """
    return {"Access-Control-Allow-Origin": origin} | {
        f"Access-Control-{name.replace('_', '-')}": value for name, value in more.items()
    }


def timed(origin: str) -> dict[str, str]:
    return {"Timing-Allow-Origin": origin}


OK = Reply(200)
RAN, NOT_RAN = True, False

APP = "https://app.example.com"
EVIL = "https://evil.example"
KIOSK = "http://kiosk.corp.example"
REASON = "kiosks have no TLS until 2027, OPS-12"

NOTHING: dict[str, str] = {}
VARY = {"Vary": "Origin"}
# On every answer to a preflight, for caches that store OPTIONS against the rules.
PREFLIGHT_VARY = {"Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"}

# The smallest policies.
ANYONE = {"allow_origins": "*"}
LISTED = {"allow_origins": [APP]}

# Every keyword that has a header, without credentials and with them.
OPEN_API = {
    "allow_origins": "*",
    "allow_methods": "*",
    "allow_headers": ["*", "Authorization"],
    "expose_headers": "*",
    "max_age": 600,
}
SHOP = {
    "allow_origins": [APP],
    "allow_methods": ["GET", "PUT", "DELETE"],
    "allow_headers": ["Content-Type", "X-Request-Id"],
    "expose_headers": ["ETag", "X-Total"],
    "allow_credentials": True,
    "max_age": 3600,
}
SHOP_PREFLIGHT = {
    **allow(
        APP,
        Allow_Credentials="true",
        Allow_Methods="GET, PUT, DELETE",
        Allow_Headers="Content-Type, X-Request-Id",
        Max_Age="3600",
    ),
    **PREFLIGHT_VARY,
}
SHOP_RESPONSE = {**allow(APP, Allow_Credentials="true", Expose_Headers="ETag, X-Total"), **VARY}
ANYONE_PREFLIGHT = {**allow("*", Allow_Methods="GET, HEAD, POST", Max_Age="7200"), **PREFLIGHT_VARY}
LISTED_PREFLIGHT = {**allow(APP, Allow_Methods="GET, HEAD, POST", Max_Age="7200"), **PREFLIGHT_VARY}

# Origins that may read see the timings too.
TIMED = {**LISTED, "share_timing": True}
TIMED_RESPONSE = {**allow(APP), **timed(APP), **VARY}
TIMED_SHOP = {**SHOP, "share_timing": True}
TIMED_ANYONE = {**ANYONE, "share_timing": True}
TIMED_PATTERNS = {"allow_origins": ["https://*.example.com"], "share_timing": True}

PATTERNS = {
    "allow_origins": [
        "https://*.example.com",
        "https://pr-*.preview.example",
        "https://*--shop.netlify.app",
        "https://any-port.example:*",
        "https://*.both.example:*",
        "http://[::1]:3000",
        "http://127.0.0.1",
        "capacitor://localhost",
        "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
    ]
}
DOOR = {"allow_origins": [APP], "allow_unsafe_origins": {KIOSK: REASON}, "allow_credentials": True}
NULL = {"allow_unsafe_origins": {"null": "the kiosk's page is a file until OPS-12"}}


def only(*, origin: str, granted: bool) -> dict[str, str]:
    """
    Return what a policy with patterns only sends to *origin*.
    """
    return {**allow(origin), **VARY} if granted else VARY


CASES = [
    # Anyone: the headers are constant, so nothing varies and no Origin is needed.
    Case("anyone, no Origin", ANYONE, get(), OK, 200, allow("*"), RAN),
    Case("anyone, an origin", ANYONE, get(APP), OK, 200, allow("*"), RAN),
    Case("anyone, null", ANYONE, get("null"), OK, 200, allow("*"), RAN),
    Case("anyone, what is no origin", ANYONE, get("what is this"), OK, 200, allow("*"), RAN),
    Case("anyone, an empty Origin", ANYONE, get(""), OK, 200, allow("*"), RAN),
    Case("anyone, no Origin, exposed", OPEN_API, get(), OK, 200, allow("*", Expose_Headers="*"), RAN),
    Case("anyone, an origin, exposed", OPEN_API, get(APP), OK, 200, allow("*", Expose_Headers="*"), RAN),
    Case("anyone, a preflight", ANYONE, preflight(APP, "PUT"), OK, 204, ANYONE_PREFLIGHT, NOT_RAN),
    Case("anyone, a preflight from null", ANYONE, preflight("null", "PUT"), OK, 204, ANYONE_PREFLIGHT, NOT_RAN),
    Case("anyone, a preflight from no origin", ANYONE, preflight("", "PUT"), OK, 204, ANYONE_PREFLIGHT, NOT_RAN),
    Case(
        "anyone, a preflight, everything",
        OPEN_API,
        preflight(APP, "PUT", "authorization,x-one"),
        OK,
        204,
        {
            **allow("*", Allow_Methods="*", Allow_Headers="*, Authorization", Max_Age="600"),
            **PREFLIGHT_VARY,
        },
        NOT_RAN,
    ),
    # A list: the answer depends on the Origin, so every response says so.
    Case("listed, no Origin", LISTED, get(), OK, 200, VARY, RAN),
    Case("listed, the origin", LISTED, get(APP), OK, 200, {**allow(APP), **VARY}, RAN),
    Case("listed, another origin", LISTED, get(EVIL), OK, 200, VARY, RAN),
    Case("listed, credentials and exposed, no Origin", SHOP, get(), OK, 200, VARY, RAN),
    Case("listed, credentials and exposed", SHOP, get(APP), OK, 200, SHOP_RESPONSE, RAN),
    Case("listed, credentials and exposed, another origin", SHOP, get(EVIL), OK, 200, VARY, RAN),
    Case("listed, a preflight", LISTED, preflight(APP, "PUT"), OK, 204, LISTED_PREFLIGHT, NOT_RAN),
    Case("listed, a preflight from another origin", LISTED, preflight(EVIL, "PUT"), OK, 403, PREFLIGHT_VARY, NOT_RAN),
    Case("listed, everything, a preflight", SHOP, preflight(APP, "PUT"), OK, 204, SHOP_PREFLIGHT, NOT_RAN),
    Case("listed, everything, refused", SHOP, preflight(EVIL, "PUT"), OK, 403, PREFLIGHT_VARY, NOT_RAN),
    # An Origin is compared byte for byte.
    *(
        Case(f"listed, not quite: {what}", SHOP, get(origin), OK, 200, VARY, RAN)
        for what, origin in {
            "empty": "",
            "null": "null",
            "upper-case scheme": "HTTPS://app.example.com",
            "upper-case host": "https://App.example.com",
            "trailing slash": f"{APP}/",
            "trailing dot": f"{APP}.",
            "default port": f"{APP}:443",
            "another port": f"{APP}:8443",
            "plain http": "http://app.example.com",
            "the parent": "https://example.com",
            "a subdomain": "https://a.app.example.com",
            "a prefix of it": "https://app.example.co",
            "it as a prefix": f"{APP}.evil.example",
            "it as a suffix": "https://evilapp.example.com",
            "user information": "https://app.example.com@evil.example",
            "the dot as any character": "https://appxexample.com",
            "sent twice": f"{APP}, {APP}",
            "sent with another": f"{APP}, {EVIL}",
            "sent with another, no space": f"{EVIL},{APP}",
            "a space before it": f" {APP}",
        }.items()
    ),
    # Patterns.
    *(
        Case(f"patterns, {origin}", PATTERNS, get(origin), OK, 200, only(origin=origin, granted=granted), RAN)
        for granted, origins in {
            True: [
                "https://a.example.com",
                "https://a.b.c.example.com",
                "https://a_b.example.com",
                "https://v2--a.example.com",
                "https://-.example.com",
                "https://pr-7.preview.example",
                "https://pr-a--b_c.preview.example",
                "https://v2--shop.netlify.app",
                "https://any-port.example",
                "https://any-port.example:1",
                "https://any-port.example:65535",
                "https://a.both.example",
                "https://a.both.example:8443",
                "http://[::1]:3000",
                "http://127.0.0.1",
                "capacitor://localhost",
                "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc",
            ],
            False: [
                "https://example.com",
                "https://xexample.com",
                "https://.example.com",
                "https://a..example.com",
                "https://*.example.com",
                "https://A.example.com",
                "https://a.example.com.",
                "https://a.example.com:8443",
                "http://a.example.com",
                "https://a.example.com.evil.example",
                "https://evil.example/.example.com",
                "https://evil.example?.example.com",
                "https://evil.example#.example.com",
                "https://evil@a.example.com",
                "https://a b.example.com",
                "https://pr-.preview.example",
                "https://pr.preview.example",
                "https://xpr-7.preview.example",
                "https://pr-7.a.preview.example",
                "https://pr-a.b.preview.example",
                "https://a.pr-7.preview.example",
                "https://--shop.netlify.app",
                "https://shop.netlify.app",
                "https://a.v2--shop.netlify.app",
                "https://any-port.example:0",
                "https://any-port.example:00080",
                "https://any-port.example:443",
                "https://any-port.example:65536",
                "https://any-port.example:*",
                "https://any-port.example:",
                "http://any-port.example:8080",
                "https://both.example:8443",
                "http://[::1]",
                "http://[::1]:3001",
                "http://[0:0:0:0:0:0:0:1]:3000",
                "http://127.1",
                "http://127.0.0.1:80",
                "capacitor://localhost:8080",
                "ionic://localhost",
                "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdd",
                "null",
            ],
        }.items()
        for origin in origins
    ),
    # `allow_unsafe_origins`: one origin at a time.
    Case("door, the unsafe origin", DOOR, get(KIOSK), OK, 200, {**allow(KIOSK, Allow_Credentials="true"), **VARY}, RAN),
    Case("door, the safe origin", DOOR, get(APP), OK, 200, {**allow(APP, Allow_Credentials="true"), **VARY}, RAN),
    Case("door, its secure twin", DOOR, get("https://kiosk.corp.example"), OK, 200, VARY, RAN),
    Case("door, another insecure origin", DOOR, get("http://kiosk2.corp.example"), OK, 200, VARY, RAN),
    Case("door, null", NULL, get("null"), OK, 200, {**allow("null"), **VARY}, RAN),
    Case("door, NULL", NULL, get("NULL"), OK, 200, VARY, RAN),
    Case("door, null in a list", NULL, get("null, null"), OK, 200, VARY, RAN),
    Case("door, null's neighbour", NULL, get(APP), OK, 200, VARY, RAN),
    Case(
        "door, a preflight from null",
        NULL,
        preflight("null", "POST", "content-type"),
        OK,
        204,
        {**allow("null", Allow_Methods="GET, HEAD, POST", Max_Age="7200"), **PREFLIGHT_VARY},
        NOT_RAN,
    ),
    # The answer to a preflight is constant. The browser refuses a method or header that it does not list.
    *(
        Case(f"preflight for {what}", SHOP, preflight(APP, method, headers), OK, 204, SHOP_PREFLIGHT, NOT_RAN)
        for what, method, headers in [
            ("a listed method", "DELETE", None),
            ("a listed method and header", "PUT", "x-request-id"),
            ("a method that is not listed", "PATCH", None),
            ("a safelisted method that is not listed", "POST", "content-type"),
            ("a safelisted method, by an upload listener", "POST", None),
            ("a safelisted method and header, by an upload listener", "GET", "accept"),
            ("patch in lower case", "patch", None),
            ("put in lower case", "put", None),
            ("a method of the page's own", "FROB", None),
            ("what is no method", "P U T", None),
            ("an empty method", "", None),
            ("two methods", "GET, PUT", None),
            ("a header that is not listed", "PUT", "x-other"),
            ("headers in no order, with spaces", "PUT", "X-Request-Id ,  Content-Type"),
            ("an empty list of headers", "PUT", ""),
            ("a list of nothing but commas", "PUT", ",,,"),
            ("what is no header", "PUT", 'x-<a>, "quoted", authorization'),
        ]
    ),
    Case(
        "preflight, status 200",
        {**LISTED, "preflight_status": 200},
        preflight(APP, "PUT"),
        OK,
        200,
        LISTED_PREFLIGHT,
        NOT_RAN,
    ),
    Case(
        "preflight, status 200, refused",
        {**LISTED, "preflight_status": 200},
        preflight(EVIL, "PUT"),
        OK,
        403,
        PREFLIGHT_VARY,
        NOT_RAN,
    ),
    Case(
        "preflight, status 200, anyone",
        {**ANYONE, "preflight_status": 200},
        preflight(APP, "PUT"),
        OK,
        200,
        ANYONE_PREFLIGHT,
        NOT_RAN,
    ),
    *(
        Case(
            f"preflight, max_age {max_age}",
            {**LISTED, "max_age": max_age},
            preflight(APP, "PUT"),
            OK,
            204,
            {**allow(APP, Allow_Methods="GET, HEAD, POST", **sent), **PREFLIGHT_VARY},
            NOT_RAN,
        )
        for max_age, sent in [(0, {"Max_Age": "0"}), (None, {}), (86400, {"Max_Age": "86400"})]
    ),
    Case(
        # Without the header, a browser would let a request with an upload listener through, whatever its method.
        "preflight, no methods beyond the safelist",
        {**LISTED, "allow_methods": []},
        preflight(APP, "POST", "content-type"),
        OK,
        204,
        LISTED_PREFLIGHT,
        NOT_RAN,
    ),
    Case(
        "preflight, what is exposed is not said",
        {**LISTED, "expose_headers": ["ETag"]},
        preflight(APP, "PUT"),
        OK,
        204,
        LISTED_PREFLIGHT,
        NOT_RAN,
    ),
    # An OPTIONS request that is not a preflight reaches the application.
    Case("OPTIONS, no Origin", SHOP, request("OPTIONS"), OK, 200, VARY, RAN),
    Case(
        "OPTIONS with a requested method, no Origin",
        SHOP,
        request("OPTIONS", Access_Control_Request_Method="PUT"),
        OK,
        200,
        VARY,
        RAN,
    ),
    Case("OPTIONS of a page", SHOP, request("OPTIONS", APP), OK, 200, SHOP_RESPONSE, RAN),
    Case("OPTIONS of a refused page", SHOP, request("OPTIONS", EVIL), OK, 200, VARY, RAN),
    Case(
        "OPTIONS with requested headers only",
        SHOP,
        request("OPTIONS", APP, Access_Control_Request_Headers="x-request-id"),
        OK,
        200,
        SHOP_RESPONSE,
        RAN,
    ),
    Case("OPTIONS under anyone", ANYONE, request("OPTIONS", APP), OK, 200, allow("*"), RAN),
    # The server never refuses other methods, and never takes them for preflights.
    *(
        Case(f"{method} of the origin", SHOP, request(method, APP), OK, 200, SHOP_RESPONSE, RAN)
        for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE")
    ),
    *(
        Case(f"{method} of another origin", SHOP, request(method, EVIL), OK, 200, VARY, RAN)
        for method in ("HEAD", "POST", "PUT", "PATCH", "DELETE")
    ),
    Case(
        "GET with a requested method",
        SHOP,
        get(APP, Access_Control_Request_Method="PUT"),
        OK,
        200,
        SHOP_RESPONSE,
        RAN,
    ),
    Case(
        "POST with a requested method, refused",
        SHOP,
        request("POST", EVIL, Access_Control_Request_Method="PUT"),
        OK,
        200,
        VARY,
        RAN,
    ),
    # Browsers send Origin on same-origin POST requests too. The site itself need not be listed.
    Case(
        "same-origin POST",
        SHOP,
        request("POST", "https://api.example.com", Sec_Fetch_Site="same-origin"),
        OK,
        200,
        VARY,
        RAN,
    ),
    Case(
        "same-origin POST, no referrer",
        SHOP,
        request("POST", "null", Sec_Fetch_Site="same-origin"),
        OK,
        200,
        VARY,
        RAN,
    ),
    # Nothing else that a client says has an effect.
    *(
        Case(f"{name} does not matter", SHOP, get(EVIL, **{name: value}), OK, 200, VARY, RAN)
        for name, value in {
            "Host": "evil.example",
            "X_Forwarded_Host": "app.example.com",
            "Cookie": "session=1",
            "Referer": f"{APP}/",
            "Sec_Fetch_Site": "same-origin",
            "Vary": "X-Anything",
        }.items()
    ),
    # Every response of the resource, whatever its status.
    *(
        Case(f"{status} for {who}", SHOP, get(origin), Reply(status), status, headers, RAN)
        for status in (201, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 405, 418, 500, 503)
        for who, origin, headers in [("the origin", APP, SHOP_RESPONSE), ("another", EVIL, VARY), ("none", None, VARY)]
    ),
    Case("304 for HEAD", SHOP, request("HEAD", APP), Reply(304), 304, SHOP_RESPONSE, RAN),
    Case("404 for anyone", ANYONE, get(), Reply(404), 404, allow("*"), RAN),
    # Vary is merged: the order is kept, there are no duplicates, and `*` takes the place of all.
    *(
        Case(
            f"Vary, the application says {lines}",
            LISTED,
            get(APP),
            Reply(200, tuple(("Vary", line) for line in lines)),
            200,
            {**allow(APP), "Vary": merged},
            RAN,
        )
        for lines, merged in [
            (["Accept-Encoding"], "Accept-Encoding, Origin"),
            (["Accept-Encoding, Cookie"], "Accept-Encoding, Cookie, Origin"),
            (["Cookie", "Accept-Encoding"], "Cookie, Accept-Encoding, Origin"),
            (["Cookie,Accept-Encoding , cookie"], "Cookie, Accept-Encoding, Origin"),
            (["Origin"], "Origin"),
            (["origin"], "origin"),
            (["Origin, Cookie"], "Origin, Cookie"),
            (["Cookie", "ORIGIN"], "Cookie, ORIGIN"),
            (["*"], "*"),
            (["Cookie, *"], "*"),
            (["Cookie", "*"], "*"),
            ([""], "Origin"),
            ([",, Cookie,"], "Cookie, Origin"),
        ]
    ),
    Case(
        "Vary, refused",
        LISTED,
        get(EVIL),
        Reply(200, (("Vary", "Cookie"),)),
        200,
        {"Vary": "Cookie, Origin"},
        RAN,
    ),
    Case(
        "Vary, no Origin",
        LISTED,
        get(),
        Reply(200, (("Vary", "Cookie"),)),
        200,
        {"Vary": "Cookie, Origin"},
        RAN,
    ),
    Case(
        "Vary, an odd spelling of its name",
        LISTED,
        get(APP),
        Reply(200, (("vARY", "Cookie"),)),
        200,
        {**allow(APP), "Vary": "Cookie, Origin"},
        RAN,
    ),
    Case(
        "Vary, anyone",
        ANYONE,
        get(APP),
        Reply(200, (("Vary", "Cookie"),)),
        200,
        {**allow("*"), "Vary": "Cookie"},
        RAN,
    ),
    # There is one author: headers of the policy that the application set are replaced or removed.
    *(
        Case(f"one author, {what}, {who}", policy, get(origin), Reply(200, lines), 200, headers, RAN)
        for what, lines in {
            "Allow-Origin": (("Access-Control-Allow-Origin", EVIL),),
            "Allow-Origin for anyone": (("Access-Control-Allow-Origin", "*"),),
            "lower case": (("access-control-allow-origin", EVIL),),
            "odd case": (("aCCESS-cONTROL-allow-ORIGIN", EVIL), ("ACCESS-CONTROL-ALLOW-CREDENTIALS", "true")),
            "two lines": (("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Origin", EVIL)),
            "everything": (
                ("Access-Control-Allow-Origin", EVIL),
                ("Access-Control-Allow-Credentials", "true"),
                ("Access-Control-Expose-Headers", "X-Secret"),
                ("Access-Control-Allow-Methods", "PURGE"),
                ("Access-Control-Allow-Headers", "X-Other"),
                ("Access-Control-Max-Age", "1"),
            ),
            "a header that Fetch does not define": (("Access-Control-Allow-Private-Network", "true"),),
        }.items()
        for who, policy, origin, headers in [
            ("the origin", SHOP, APP, SHOP_RESPONSE),
            ("another", SHOP, EVIL, VARY),
            ("no Origin", SHOP, None, VARY),
            ("anyone", ANYONE, EVIL, allow("*")),
        ]
    ),
    # Timings are shared with origins that may read, and never by a preflight.
    *(
        Case(f"timing, {what}, {who}", policy, get(origin), reply, 200, headers, RAN)
        for what, reply in {
            "alone": OK,
            "next to headers that are not ordinary": Reply(200, (("X-Total", "7"),)),
            "set by the application": Reply(200, (("Timing-Allow-Origin", EVIL),)),
            "set in odd case": Reply(200, (("tIMING-aLLOW-oRIGIN", "*"), ("timing-allow-origin", EVIL))),
        }.items()
        for who, policy, origin, headers in [
            ("the origin", TIMED, APP, TIMED_RESPONSE),
            ("another", TIMED, EVIL, VARY),
            ("no Origin", TIMED, None, VARY),
            ("with credentials", TIMED_SHOP, APP, {**SHOP_RESPONSE, **timed(APP)}),
            ("a pattern", TIMED_PATTERNS, APP, TIMED_RESPONSE),
            ("a pattern, another", TIMED_PATTERNS, EVIL, VARY),
            ("anyone", TIMED_ANYONE, EVIL, {**allow("*"), **timed("*")}),
            ("anyone, no Origin", TIMED_ANYONE, None, {**allow("*"), **timed("*")}),
        ]
    ),
    Case("timing, a preflight", TIMED_SHOP, preflight(APP, "PUT"), OK, 204, SHOP_PREFLIGHT, NOT_RAN),
    Case("timing, a refused preflight", TIMED_SHOP, preflight(EVIL, "PUT"), OK, 403, PREFLIGHT_VARY, NOT_RAN),
    Case("timing, anyone's preflight", TIMED_ANYONE, preflight(APP, "PUT"), OK, 204, ANYONE_PREFLIGHT, NOT_RAN),
    Case("timing, OPTIONS of a page", TIMED, request("OPTIONS", APP), OK, 200, TIMED_RESPONSE, RAN),
    Case("timing, an error", TIMED, get(APP), Reply(500), 500, TIMED_RESPONSE, RAN),
    # A policy that does not share timings leaves the header to the application.
    *(
        Case(
            f"timing, not the policy's, {who}",
            policy,
            get(APP),
            Reply(200, (("Timing-Allow-Origin", EVIL),)),
            200,
            {**headers, **timed(EVIL)},
            RAN,
        )
        for who, policy, headers in [("listed", SHOP, SHOP_RESPONSE), ("anyone", ANYONE, allow("*"))]
    ),
]
