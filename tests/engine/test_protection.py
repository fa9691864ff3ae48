"""
Whether a handshake may go on: the order of the decision, and the request's own origin.
"""

import pytest
from kit.cases import APP, EVIL, REASON
from kit.corpus import HOSTILE_ORIGINS

from corsguard import Origin, Policy
from corsguard.protection import is_handshake, is_own_origin, judge_handshake

KIOSK = "http://kiosk.corp.example"
TRUSTING = Policy(allow_origins=[APP], allow_credentials=True)
LISTED = Policy(allow_origins=[APP, KIOSK])
ANYONE = Policy(allow_origins="*")
OWN = {"HTTP_HOST": "api.example.com", "wsgi.url_scheme": "https"}


class Source:
    def __init__(self, *origins):
        self.origins = origins
        self.asked = []

    def __contains__(self, origin):
        self.asked.append(origin)
        return origin in self.origins


def handshake(origin=None, site=None, **more):
    environ = {"REQUEST_METHOD": "GET", "HTTP_UPGRADE": "websocket", **OWN}
    environ |= {} if origin is None else {"HTTP_ORIGIN": origin}
    return environ | ({} if site is None else {"HTTP_SEC_FETCH_SITE": site}) | more


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (handshake(), True),
        (handshake(HTTP_UPGRADE="WebSocket"), True),
        (handshake(HTTP_UPGRADE="h2c, WEBSOCKET"), True),
        (handshake(HTTP_UPGRADE=" websocket "), True),
        (handshake(HTTP_UPGRADE="h2c"), False),
        (handshake(HTTP_UPGRADE="x" * 1_000_000), True),
        (handshake(HTTP_UPGRADE="websockets"), False),
        (handshake(HTTP_UPGRADE=""), False),
        (handshake(HTTP_UPGRADE=None), False),
        (handshake(REQUEST_METHOD="POST"), False),
        (handshake(REQUEST_METHOD="OPTIONS"), False),
        ({"REQUEST_METHOD": "GET"}, False),
        ({"HTTP_UPGRADE": "websocket"}, False),
        ({}, False),
    ],
)
def test_a_get_that_asks_for_a_websocket_is_a_handshake(environ, expected):
    assert is_handshake(environ) is expected


@pytest.mark.parametrize(
    ("policy", "environ", "allowed", "reason"),
    [
        # Listed, with credentials.
        (TRUSTING, handshake(APP), True, "trusted-origin"),
        (TRUSTING, handshake(APP, "cross-site"), True, "trusted-origin"),
        (TRUSTING, handshake(EVIL), False, "other-origin"),
        (TRUSTING, handshake(EVIL, "cross-site"), False, "other-origin"),
        (TRUSTING, handshake("https://app.example.com:8443"), False, "other-origin"),
        # The same origin.
        (TRUSTING, handshake("https://api.example.com"), True, "own-origin"),
        (TRUSTING, handshake(EVIL, "same-origin"), True, "same-origin"),
        (None, handshake("https://api.example.com"), True, "own-origin"),
        (None, handshake(EVIL, "same-origin"), True, "same-origin"),
        (None, handshake(APP), False, "other-origin"),
        (None, handshake(site="same-origin"), True, "same-origin"),
        # Not a browser.
        (TRUSTING, handshake(), True, "no-browser"),
        (None, handshake(), True, "no-browser"),
        # A proxy removed some of the headers.
        (TRUSTING, handshake(site="cross-site"), False, "other-origin"),
        (TRUSTING, handshake(site="same-site"), False, "other-origin"),
        (TRUSTING, handshake(site="none"), False, "other-origin"),
        (TRUSTING, handshake(site=""), False, "other-origin"),
        (TRUSTING, handshake(site="same-origin,same-origin"), False, "other-origin"),
        # Listed, without credentials.
        (LISTED, handshake(APP), False, "no-credentials"),
        (LISTED, handshake(KIOSK), False, "other-origin"),
        (LISTED, handshake(EVIL), False, "other-origin"),
        (ANYONE, handshake(APP), False, "other-origin"),
        (ANYONE, handshake("null"), False, "other-origin"),
        (ANYONE, handshake("https://api.example.com"), True, "own-origin"),
        (Policy(allow_unsafe_origins={"null": REASON}), handshake("null"), False, "other-origin"),
        # No browser sends these.
        *(
            (policy, handshake(origin, site), False, "malformed-origin")
            for policy in (TRUSTING, ANYONE, None)
            for site in (None, "same-origin", "cross-site")
            for origin in ("", f"{APP},{APP}", f"{APP}, {EVIL}", f"{APP}/", "https://APP.example.com", "wss://", b"x")
        ),
    ],
)
def test_a_handshake_is_judged_in_this_order(policy, environ, allowed, reason):
    assert judge_handshake(policy, environ) == (allowed, reason)


def test_a_source_has_to_be_asked_only_if_nothing_else_lets_the_handshake_in():
    source = Source(APP)
    policy = Policy(allow_origins=source, allow_credentials=True)
    assert judge_handshake(policy, handshake(APP)).allowed is None
    assert judge_handshake(policy, handshake(EVIL, "cross-site")).allowed is None
    # These are let in without the source, or the source is not asked about them.
    assert judge_handshake(policy, handshake(APP, "same-origin")) == (True, "same-origin")
    assert judge_handshake(policy, handshake("https://api.example.com")) == (True, "own-origin")
    assert judge_handshake(policy, handshake(KIOSK)).allowed is False
    assert judge_handshake(policy, handshake("null")).allowed is False
    assert judge_handshake(Policy(allow_origins=source), handshake(APP)) == (False, "other-origin")
    assert source.asked == []


@pytest.mark.parametrize("origin", HOSTILE_ORIGINS.values(), ids=HOSTILE_ORIGINS.keys())
@pytest.mark.parametrize("policy", [TRUSTING, ANYONE, None], ids=["trusting", "anyone", "closed"])
def test_a_hostile_handshake_is_refused(policy, origin):
    assert judge_handshake(policy, handshake(origin)).allowed is False


@pytest.mark.parametrize(
    ("origin", "host", "scheme", "expected"),
    [
        ("https://api.example.com", "api.example.com", "https", True),
        ("https://api.example.com", "API.Example.COM", "https", True),
        ("https://api.example.com", "api.example.com:443", "https", True),
        ("http://api.example.com", "api.example.com:80", "http", True),
        ("https://api.example.com:8443", "api.example.com:8443", "https", True),
        ("https://[2001:db8::1]", "[2001:db8::1]", "https", True),
        ("http://[::1]:8000", "[::1]:8000", "http", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "http", True),
        # A proxy ends TLS.
        ("https://api.example.com", "api.example.com", "http", True),
        ("https://api.example.com", "api.example.com:443", "http", True),
        ("https://api.example.com", "api.example.com", None, True),
        # Anyone on the network may have written the page.
        ("http://api.example.com", "api.example.com", "https", False),
        ("https://api.example.com", "api.example.com:8443", "https", False),
        ("https://api.example.com:8443", "api.example.com", "https", False),
        ("https://api.example.com", "api.example.com:80", "https", False),
        ("http://api.example.com", "api.example.com:443", "http", False),
        ("https://api.example.com", "api.example.com.", "https", False),
        ("https://api.example.com", "example.com", "https", False),
        ("https://example.com", "api.example.com", "https", False),
        ("https://api.example.com", "user@api.example.com", "https", False),
        ("https://api.example.com", "api.example.com,api.example.com", "https", False),
        ("https://[2001:db8::1]", "2001:db8::1", "https", False),
        ("https://[2001:db8::1]", "[2001:db8:0::1]", "https", False),
        ("https://api.example.com", "", "https", False),
        ("https://api.example.com", None, "https", False),
        # Scheme and port of another kind do not count.
        ("chrome-extension://api.example.com", "api.example.com", "https", False),
        ("capacitor://localhost", "localhost", "http", False),
    ],
)
def test_the_own_origin_is_that_of_host_and_scheme(origin, host, scheme, expected):
    environ = {"HTTP_HOST": host, "wsgi.url_scheme": scheme}
    environ = {name: value for name, value in environ.items() if value is not None}
    assert is_own_origin(Origin.parse(origin), environ) is expected
