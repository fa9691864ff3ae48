# ruff: noqa: E501 - what a console prints in one line stands here in one
"""
What the tests of `corsguard explain` share with those of the diagnosis: messages of real consoles, and the command.
"""

import itertools
import json
import sys

import pytest
from click.testing import CliRunner

from corsguard.cli.group import group
from corsguard.names import EXAMPLE_ORIGIN as PAGE

APP = "https://app.example.com"
API = "https://api.example.net/items"
NAMES = (f"explained_{number}" for number in itertools.count())


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    return tmp_path


def run(*arguments, **options):
    return CliRunner().invoke(group, ["explain", *arguments], **options)


def document(*arguments):
    return json.loads(run(*arguments, "--json").stdout)


BLOCKED = f"Access to fetch at '{API}' from origin '{APP}' has been blocked by CORS policy: "
CHECK = f"{BLOCKED}Response to preflight request doesn't pass access control check: "
REDIRECTED = BLOCKED.replace(" from", f" (redirected from '{APP}/old') from", 1)
XHR = BLOCKED.replace("fetch", "XMLHttpRequest", 1)
VALID = " Have the server send the header with a valid value."
OPAQUE = (
    " If an opaque response serves your needs, set the request's mode to 'no-cors' to fetch the resource with CORS "
    "disabled."
)
REFUSED = (
    f"Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at {API}. (Reason: "
)
QUOTED = REFUSED.replace(API, f"\u2018{API}\u2019")
SAFARI = f"\nFetch API cannot load {API} due to access control checks."
OLD = f"XMLHttpRequest cannot load {API}. "
LOAD = "Failed to load resource: net::ERR_"
# The message, its name, and its page, method, value and header (None if the message has none).
MESSAGES = [
    (
        f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present on the requested resource.{OPAQUE}",
        "missing_allow_origin",
        APP,
    ),
    (
        f"{CHECK}No 'Access-Control-Allow-Origin' header is present on the requested resource.",
        "preflight_missing_allow_origin",
        APP,
    ),
    (
        f"{OLD}No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin '{APP}' is therefore not allowed access.",
        "missing_allow_origin",
        APP,
    ),
    (
        f"{REFUSED}CORS header \u2018Access-Control-Allow-Origin\u2019 missing). Status code: 200.",
        "missing_allow_origin",
        PAGE,
    ),
    (f"{REFUSED}CORS header 'Access-Control-Allow-Origin' missing).", "missing_allow_origin", PAGE),
    (
        f"Origin {APP} is not allowed by Access-Control-Allow-Origin. Status code: 200{SAFARI}",
        "missing_allow_origin",
        APP,
    ),
    (
        f"{XHR}The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'. The credentials mode of requests initiated by the XMLHttpRequest is controlled by the withCredentials attribute.",
        "wildcard_with_credentials",
        APP,
    ),
    (
        f"{OLD}A wildcard '*' cannot be used in the 'Access-Control-Allow-Origin' header when the credentials flag is true. Origin '{APP}' is therefore not allowed access.",
        "wildcard_with_credentials",
        APP,
    ),
    (
        f"{QUOTED}Credential is not supported if the CORS header \u2018Access-Control-Allow-Origin\u2019 is \u2018*\u2019).",
        "wildcard_with_credentials",
        PAGE,
    ),
    (
        f"Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true.{SAFARI}",
        "wildcard_with_credentials",
        PAGE,
    ),
    (
        f"{BLOCKED}The 'Access-Control-Allow-Origin' header contains multiple values '{APP}, {APP}', but only one is allowed.{VALID}",
        "multiple_allow_origin",
        APP,
    ),
    (
        f"{REFUSED}Multiple CORS header \u2018Access-Control-Allow-Origin\u2019 not allowed).",
        "multiple_allow_origin",
        PAGE,
    ),
    (f"Access-Control-Allow-Origin cannot contain more than one origin.{SAFARI}", "multiple_allow_origin", PAGE),
    (
        f"{CHECK}The 'Access-Control-Allow-Origin' header has a value 'https://b.example' that is not equal to the supplied origin.{VALID}",
        "preflight_allow_origin_mismatch",
        APP,
    ),
    (
        f"{BLOCKED}The 'Access-Control-Allow-Origin' header contains the invalid value 'app.example.com'.{VALID}",
        "allow_origin_mismatch",
        APP,
    ),
    (
        f"{REFUSED}CORS header \u2018Access-Control-Allow-Origin\u2019 does not match \u2018https://b.example\u2019).",
        "allow_origin_mismatch",
        PAGE,
    ),
    (
        f"{CHECK}The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must be 'true' when the request's credentials mode is 'include'.",
        "preflight_allow_credentials_not_true",
        APP,
    ),
    (
        f"{OLD}Credentials flag is 'true', but the 'Access-Control-Allow-Credentials' header is ''. It must be 'true' to allow credentials. Origin '{APP}' is therefore not allowed access.",
        "allow_credentials_not_true",
        APP,
    ),
    (
        f"{REFUSED}expected \u2018true\u2019 in CORS header \u2018Access-Control-Allow-Credentials\u2019).",
        "allow_credentials_not_true",
        PAGE,
    ),
    (
        f'Credentials flag is true, but Access-Control-Allow-Credentials is not "true".{SAFARI}',
        "allow_credentials_not_true",
        PAGE,
    ),
    (f"{CHECK}Redirect is not allowed for a preflight request.", "preflight_redirect", APP),
    (f"{OLD}Response for preflight is invalid (redirect)", "preflight_redirect", PAGE),
    (f"{REFUSED}CORS request external redirect not allowed).", "preflight_redirect", PAGE),
    (f"{CHECK}It does not have HTTP ok status.", "preflight_status", APP),
    (f"{OLD}Response for preflight has invalid HTTP status code 405", "preflight_status", PAGE),
    (f"{REFUSED}CORS preflight response did not succeed). Status code: 401.", "preflight_status", PAGE),
    (f"{REFUSED}CORS preflight channel did not succeed).", "preflight_status", PAGE),
    (f"Preflight response is not successful. Status code: 404{SAFARI}", "preflight_status", PAGE),
    (
        f"{BLOCKED}Cannot parse Access-Control-Allow-Methods response header field in preflight response.",
        "allow_methods_unparsable",
        APP,
    ),
    (
        f"{REFUSED}invalid token \u2018GET PUT\u2019 in CORS header \u2018Access-Control-Allow-Methods\u2019).",
        "allow_methods_unparsable",
        PAGE,
    ),
    (f"Header Access-Control-Allow-Methods has an invalid value: GET PUT{SAFARI}", "allow_methods_unparsable", PAGE),
    (
        f"{BLOCKED}Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
        "allow_headers_unparsable",
        APP,
    ),
    (
        f"{REFUSED}invalid token \u2018X A\u2019 in CORS header \u2018Access-Control-Allow-Headers\u2019).",
        "allow_headers_unparsable",
        PAGE,
    ),
    (
        f"{BLOCKED}Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
        "method_not_allowed",
        APP,
    ),
    (
        f"{REFUSED}Did not find method in CORS header \u2018Access-Control-Allow-Methods\u2019).",
        "method_not_allowed",
        PAGE,
    ),
    (f"Method PUT is not allowed by Access-Control-Allow-Methods.{SAFARI}", "method_not_allowed", PAGE),
    (
        f"{BLOCKED}Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response.",
        "header_not_allowed",
        APP,
    ),
    (
        f"{REFUSED}header \u2018x-token\u2019 is not allowed according to header \u2018Access-Control-Allow-Headers\u2019 from CORS preflight response).",
        "header_not_allowed",
        PAGE,
    ),
    (
        f"{REFUSED}missing token \u2018x-token\u2019 in CORS header \u2018Access-Control-Allow-Headers\u2019 from CORS preflight channel).",
        "header_not_allowed",
        PAGE,
    ),
    (
        f"Request header field X-Token is not allowed by Access-Control-Allow-Headers.{SAFARI}",
        "header_not_allowed",
        PAGE,
    ),
    (
        "Authorization will not be covered by the wildcard symbol (*) in CORS `Access-Control-Allow-Headers` handling.",
        "header_not_allowed",
        PAGE,
    ),
    (
        f"{BLOCKED}Cross origin requests are only supported for protocol schemes: chrome, data, http, https.",
        "bad_scheme",
        APP,
    ),
    (f"{REFUSED}CORS request not http).", "bad_scheme", PAGE),
    (f"Cross origin requests are only supported for HTTP.{SAFARI}", "bad_scheme", PAGE),
    ("Not allowed to load local resource: file:///etc/hosts", "bad_scheme", PAGE),
    (
        f"{BLOCKED}Redirect location 'https://u:p@b.example/' contains a username and password, which is disallowed for cross-origin requests.",
        "redirect_userinfo",
        APP,
    ),
    (f"{BLOCKED}Cross origin requests are not allowed by request mode.", "same_origin_mode", APP),
    (f"GET {API} net::ERR_TOO_MANY_REDIRECTS", "too_many_redirects", PAGE),
    (f"GET {API} net::ERR_CONNECTION_REFUSED", "unreachable", PAGE),
    (f"GET {API} net::ERR_NAME_NOT_RESOLVED", "unreachable", PAGE),
    (f"GET {API} net::ERR_CERT_AUTHORITY_INVALID", "tls", PAGE),
    (f"{REFUSED}CORS request did not succeed). Status code: (null).", "unreachable", PAGE),
    (f"Could not connect to the server.{SAFARI}", "unreachable", PAGE),
    (
        f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but requested an insecure resource 'http://api.example.net/items'. This request has been blocked; the content must be served over HTTPS.",
        "mixed_content",
        APP,
    ),
    ("Blocked loading mixed active content \u201chttp://api.example.net/items\u201d", "mixed_content", PAGE),
    (f"GET {API} net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin 200 (OK)", "corp", PAGE),
    (f"GET {API} net::ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep", "corp", PAGE),
    (
        f"The resource at \u201c{API}\u201d was blocked due to its Cross-Origin-Resource-Policy header (or lack thereof).",
        "corp",
        PAGE,
    ),
    ("Fetch API cannot load https://api.example.net:25/. net::ERR_UNSAFE_PORT", "bad_port", PAGE),
    ("TypeError: Failed to execute 'fetch' on 'Window': 'TRACE' HTTP method is unsupported.", "forbidden_method", PAGE),
    # Messages that are not about CORS, and not about a failure of the model.
    (
        f"{BLOCKED}The request client is not a secure context and the resource is in more-private address space `local`.",
        "insecure_local_network",
        APP,
    ),
    (
        f"{BLOCKED}Permission was denied for this request to access the `loopback` address space.",
        "local_network_access",
        APP,
    ),
    (
        "WebSocket connection to 'wss://192.168.0.1/' failed: net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS",
        "local_network_access",
        PAGE,
    ),
    (
        f"{BLOCKED}Request had a target IP address space of `local` yet the resource is in address space `public`.",
        "target_address_space",
        APP,
    ),
    (
        f"{CHECK}No 'Access-Control-Allow-Private-Network' header was present in the preflight response for this private network request targeting the `local` address space.",
        "private_network_access",
        APP,
    ),
    (f"GET {API} net::ERR_BLOCKED_BY_ORB", "orb", PAGE),
    (
        f"Refused to connect to '{API}' because it violates the following Content Security Policy directive: \"connect-src 'self'\".",
        "csp",
        PAGE,
    ),
    (
        f"Content-Security-Policy: The page\u2019s settings blocked the loading of a resource (connect-src) at {API} because it violates the following directive",
        "csp",
        PAGE,
    ),
    ('response.type is "opaque" and the body is empty', "opaque", PAGE),
    ('Refused to get unsafe header "X-Total"', "not_exposed", PAGE),
    ('response.headers.get("X-Total") is null', "not_exposed", PAGE),
    (
        "Cookie \u201csid\u201d has been rejected because it is in a cross-site context and its \u201cSameSite\u201d is \u201cLax\u201d or \u201cStrict\u201d.",
        "cookies",
        PAGE,
    ),
    (
        "Failed to execute 'toDataURL' on 'HTMLCanvasElement': Tainted canvases may not be exported.",
        "tainted_canvas",
        PAGE,
    ),
    ("Uncaught Script error.", "script_error", PAGE),
    ("403 Forbidden: CSRF verification failed. Origin checking failed", "csrf_django", PAGE),
    (
        "WebSocket connection to 'wss://api.example.net/' failed: Error during WebSocket handshake: Unexpected response code: 403",
        "handshake_refused",
        PAGE,
    ),
    *(
        (f"WebSocket connection to 'wss://api.example.net/feed' failed: {rest}", name, PAGE)
        for rest, name in (
            ("HTTP Authentication failed; no valid credentials available", "handshake_refused"),
            # Safari.
            ("There was a bad response from the server.", "handshake_refused"),
            ("Unexpected response code: 404", "handshake_refused"),
            ("Could not connect to the server.", "unreachable"),
            ("Connection closed before receiving a handshake response", "unreachable"),
            ("WebSocket opening handshake timed out", "unreachable"),
            ("Error in connection establishment: net::ERR_UNEXPECTED_PROXY_AUTH", "websocket"),
            (
                "Error during WebSocket handshake: Found an unsupported extension 'foo' in 'Sec-WebSocket-Extensions' header",
                "handshake_invalid",
            ),
            ("WebSocket is closed before the connection is established.", "websocket_left"),
            ("Invalid frame header", "websocket_frame"),
            ("Could not decode a text frame as UTF-8.", "websocket_frame"),
        )
    ),
    (
        "Uncaught SecurityError: Failed to construct 'WebSocket': An insecure WebSocket connection may not be initiated from a page loaded over HTTPS.",
        "mixed_content",
        PAGE,
    ),
    ("SyntaxError: Failed to construct 'WebSocket': The subprotocol 'a' is duplicated.", "websocket_call", PAGE),
    ("SecurityError: The operation is insecure.", "insecure_call", PAGE),
    ("WebSocket is already in CLOSING or CLOSED state.", "websocket_closed", PAGE),
    ("Firefox can\u2019t establish a connection to the server at wss://api.example.net/feed.", "websocket", PAGE),
    # A page that it does not serve itself.
    (
        "Firefox can't establish a connection to the server at ws://localhost:3000/.",
        "websocket",
        "http://localhost:5173",
    ),
    (
        "Firefox can't establish a connection to the server at ws://api.example.net/feed.",
        "websocket",
        PAGE.replace("https", "http"),
    ),
    (
        "The connection to wss://api.example.net/feed was interrupted while the page was loading.",
        "interrupted",
        PAGE,
    ),
    (f"GET {API} net::ERR_BLOCKED_BY_CLIENT", "blocked_by_client", PAGE),
    (f"GET {API} net::ERR_BLOCKED_BY_INSPECTOR", "blocked_by_client", PAGE),
    (f"GET {API} net::ERR_BLOCKED_BY_CSP", "csp", PAGE),
    (f"GET {API} net::ERR_HTTP2_PROTOCOL_ERROR 200 (OK)", "broken_off", PAGE),
    (f"GET {API} net::ERR_CONTENT_DECODING_FAILED", "broken_off", PAGE),
    (f"GET {API} net::ERR_INSUFFICIENT_RESOURCES", "net_error", PAGE),
    (f"{REFUSED}CORS disabled).", "disabled", PAGE),
    (f"{REFUSED}CORS header \u2018Origin\u2019 cannot be added).", "origin_not_added", PAGE),
    (f"OPTIONS {API} 307 Internal Redirect", "hsts", PAGE),
    (f'Blocked a frame with origin "{APP}" from accessing a cross-origin frame.', "frame", APP),
    (
        f"Failed to execute 'postMessage' on 'DOMWindow': The target origin provided ('{API}') does not match the recipient window's origin ('{APP}').",
        "post_message",
        PAGE,
    ),
    (f"Refused to display '{API}' in a frame because it set 'X-Frame-Options' to 'deny'.", "not_framed", PAGE),
    ("it works in Postman and curl", "outside_browsers", PAGE),
    ("it works with Disable cache ticked", "cached", PAGE),
    (f"GET {API} net::ERR_FAILED 200 (OK)", "answered", PAGE),
    ("Failed to load resource: the server responded with a status of 404 (NOT FOUND)", "status", PAGE),
    ("TypeError: Failed to fetch", "not_told", PAGE),
    ("TypeError: NetworkError when attempting to fetch resource.", "not_told", PAGE),
    (f"TypeError: Load failed{SAFARI}", "not_told", PAGE),
]


@pytest.fixture
def module(here):
    name = next(NAMES)
    yield here / f"{name}.py"
    sys.modules.pop(name, None)
