"""
What `explain()` returns: a complete story as plain data. `browser/test_properties.py` checks that a browser agrees.
"""

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corsguard import Policy, PolicyError, RefreshingOrigins, RequestKind, explain, negotiate
from corsguard.explanation import nearest
from corsguard.origin import Origin

APP = "https://app.example.com"

POLICY = Policy(
    allow_origins=[APP, "https://*.shop.example", "http://localhost:3000"],
    allow_methods=["GET", "PUT", "PATCH"],
    allow_headers=["Content-Type", "X-Request-Id"],
    expose_headers=["ETag"],
    allow_credentials=True,
)
PUBLIC = Policy(allow_origins="*", allow_headers="*")


def request(origin=APP, method="GET", asked_method=None, asked_headers=None):
    environ = {"REQUEST_METHOD": method, "PATH_INFO": "/"}
    if origin is not None:
        environ["HTTP_ORIGIN"] = origin
    if asked_method is not None:
        environ |= {"REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": asked_method}
    if asked_headers is not None:
        environ["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"] = asked_headers
    return environ


def failed(explanation):
    return [(step.name, step.asked) for step in explanation.steps if not step.passed]


def test_a_request_without_origin_is_no_cors_request_and_gets_a_curl_command():
    told = explain(POLICY, request(origin=None))
    assert told.kind is RequestKind.NOT_CORS
    assert (told.steps, told.status, told.headers) == ((), None, (("Vary", "Origin"),))
    assert '-H "Origin:' in told.verdict


def test_a_granted_request_has_every_step_and_what_the_server_sends():
    told = explain(POLICY, request("https://a.shop.example"))
    assert [step.name for step in told.steps] == ["origin", "exposed", "credentials"]
    assert told.steps[0].reason == 'Covered by "https://*.shop.example".'
    assert told.headers == (
        ("Access-Control-Allow-Origin", "https://a.shop.example"),
        ("Access-Control-Allow-Credentials", "true"),
        ("Access-Control-Expose-Headers", "ETag"),
        ("Vary", "Origin"),
    )
    assert (told.goes_on, told.goes_on_with_credentials) == (True, True)


def test_a_preflight_names_each_refused_method_and_header_with_its_fix():
    told = explain(POLICY, request(asked_method="DELETE", asked_headers="content-type,x-other,X-More"))
    assert failed(told) == [("method", "DELETE"), ("header", "x-other"), ("header", "X-More")]
    fixes = [str(step.fix) for step in told.steps if step.fix]
    assert fixes == [
        'allow_methods=["GET", "PUT", "PATCH", "DELETE"]',
        'allow_headers=["Content-Type", "X-Request-Id", "x-other"]',
        'allow_headers=["Content-Type", "X-Request-Id", "X-More"]',
    ]
    assert told.status == 204
    assert told.verdict.endswith("Method DELETE is not allowed by Access-Control-Allow-Methods in preflight response.")


@pytest.mark.parametrize("step", range(3))
def test_a_pasted_fix_repairs_the_step_it_belongs_to(step):
    asked = request(asked_method="DELETE", asked_headers="x-other,x-more")
    policy = Policy(allow_origins=[APP], allow_methods=["GET"], allow_headers=["Content-Type"])
    broken = [s for s in explain(policy, asked).steps if s.fix][step]
    keywords = {"allow_origins": [APP], "allow_methods": ["GET"], "allow_headers": ["Content-Type"]}
    keywords |= broken.fix.policy
    repaired = explain(Policy(**keywords), asked)
    assert next(s for s in repaired.steps if s.asked == broken.asked).passed


@pytest.mark.parametrize(
    ("origin", "words", "fix"),
    [
        pytest.param("http://app.example.com", "has the scheme http", "", id="scheme, not offered with credentials"),
        pytest.param("https://app.example.com:8443", "has port 8443", "https://app.example.com:8443", id="port"),
        pytest.param("http://localhost", "has no port", "http://localhost", id="missing port"),
        pytest.param("https://shop.example", "not shop.example itself", "https://shop.example", id="apex"),
        pytest.param("https://www.app.example.com", "with and without www.", "https://www.app.example.com", id="www"),
        pytest.param(
            "http://127.0.0.1:3000",
            "localhost and 127.0.0.1 are different hosts",
            "http://127.0.0.1:3000",
            id="loopback",
        ),
        pytest.param("https://evil.example", "It is not listed.", "https://evil.example", id="another site"),
        pytest.param("null", "sandboxed frames", "", id="null"),
        pytest.param("", "No browser sends this", "", id="empty"),
        pytest.param(f"{APP}/", "No browser sends this", "", id="path"),
        pytest.param(f"{APP}, {APP}", "Two Origin headers", "", id="doubled"),
        pytest.param("https://" + "a" * 400, "longer than any origin", "", id="too long"),
    ],
)
def test_a_refused_origin_gets_its_reason_and_only_a_fix_that_builds(origin, words, fix):
    told = explain(POLICY, request(origin))
    step = told.steps[0]
    fix = f"allow_origins={json.dumps([*POLICY.allow_origins, fix])}" if fix else ""
    assert (step.name, step.passed, str(step.fix)) == ("origin", False, fix)
    assert words in step.reason
    assert not told.goes_on
    assert "No 'Access-Control-Allow-Origin' header is present" in told.verdict
    if fix:
        repaired = Policy(**eval(f"dict({fix})"), allow_credentials=True)
        assert explain(repaired, request(origin)).goes_on


def test_a_page_that_sends_patch_is_asked_for_upper_case():
    told = explain(POLICY, request(asked_method="patch"))
    step = told.steps[1]
    assert (step.asked, step.passed, bool(step.fix)) == ("patch", False, False)
    assert "it has to write PATCH" in step.reason


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_safelisted_method_passes_though_it_is_not_listed(method):
    policy = Policy(allow_origins=[APP], allow_methods=["PUT"], allow_headers=["Content-Type"])
    assert explain(policy, request(asked_method=method)).goes_on


def test_a_star_does_not_cover_authorization():
    told = explain(PUBLIC, request(asked_method="GET", asked_headers="authorization,x-any"))
    assert failed(told) == [
        ("header", "authorization"),
        ("credentials", 'only the page knows: credentials: "include"'),
    ]
    listed = Policy(allow_origins="*", allow_headers=["*", "Authorization"])
    assert explain(listed, request(asked_method="GET", asked_headers="authorization,x-any")).goes_on


def test_a_page_that_sends_a_response_header_of_cors_is_asked_to_leave_it_out():
    told = explain(PUBLIC, request(asked_method="GET", asked_headers="access-control-allow-origin"))
    assert "the page must not send it" in told.steps[2].reason
    assert not told.steps[2].fix


def test_a_policy_without_credentials_says_that_credentials_are_refused():
    told = explain(PUBLIC, request())
    assert (told.goes_on, told.goes_on_with_credentials) == (True, False)
    assert told.verdict == "The browser lets the page read the response, unless the page asked for credentials."


def test_a_failing_source_is_named():
    class Source:
        def __contains__(self, origin):
            raise ConnectionError("no database")

    told = explain(Policy(allow_origins=Source()), request())
    assert "ConnectionError('no database')" in told.steps[0].reason


class Everyone:
    def __contains__(self, origin):
        return True


def test_a_source_that_grants_is_named_with_what_it_granted():
    with RefreshingOrigins(lambda: [APP], every=3600) as never_blocks:
        for source in (Everyone(), never_blocks):
            assert explain(Policy(allow_origins=source), request()).steps[0].reason == (
                f'Covered by the origin source, which granted "{APP}".'
            )


def test_a_header_that_is_not_text_is_read_as_empty():
    names = ("HTTP_ORIGIN", "HTTP_ACCESS_CONTROL_REQUEST_METHOD", "HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "PATH_INFO")
    for value in (None, 7, b"null", [APP], object()):
        for method in ("GET", "OPTIONS", 7):
            told = explain(Policy(allow_origins=[APP]), {"REQUEST_METHOD": method, **dict.fromkeys(names, value)})
            assert not told.goes_on
            assert told.steps[0].reason == "No browser sends this as an origin."


def test_a_source_whose_answer_is_not_true_is_named():
    class Source:
        def __contains__(self, origin):
            return 1

    told = explain(Policy(allow_origins=Source()), request())
    assert told.steps[0].reason == "The origin source did not return True for it."


def test_a_source_that_is_not_asked_is_named_as_such():
    class Source:
        def __contains__(self, origin):
            return True

    told = explain(Policy(allow_origins=Source(), allow_credentials=True), request("http://app.example.com"))
    assert "no source is asked. Load the page over https" in told.steps[0].reason


BY_PATH = {"paths": {"/api": {"allow_origins": [APP]}, "/api/closed": None, "/own": "unguarded"}}


@pytest.mark.parametrize(
    ("path", "verdict", "vary"),
    [
        ("/api", "The browser lets the page", "Origin"),
        ("/api/x", "The browser lets the page", "Origin"),
        ("/api//x", "The browser lets the page", "Origin"),
        ("/api/closed", "The path is closed (None)", ""),
        ("/api/closed/./x", "The path is closed (None)", ""),
        ("/", "No policy guards this path", ""),
        ("", "No policy guards this path", ""),
        ("/own", "No policy guards this path", ""),
        ("/x//y", "No policy guards this path", ""),
        ("/api/../x", "The path can be read in several ways", "Origin"),
        ("/%61pi/closed", "The path can be read in several ways", ""),
    ],
)
def test_policies_by_path_are_explained_by_the_path_of_the_request(path, verdict, vary):
    told = explain(BY_PATH, {**request(), "PATH_INFO": path})
    assert told.verdict.startswith(verdict)
    assert told.goes_on is verdict.startswith("The browser")
    assert dict(told.headers).get("Vary", "") == vary
    assert told.kind is RequestKind.CORS


def test_a_request_without_any_policy_is_explained_as_such():
    assert explain({"paths": {}}, request(asked_method="PUT")).verdict.startswith("No policy guards this path")
    assert explain(None, request(asked_method="PUT")).verdict.startswith("The path is closed (None)")


def test_keywords_are_read_as_every_adapter_reads_them():
    assert explain({"allow_origins": [APP]}, request()).goes_on
    with pytest.raises(PolicyError):
        explain({"allow_origins": APP}, request())


def test_header_names_in_place_of_environ_keys_are_refused_with_the_keys():
    told = explain(POLICY, {"REQUEST_METHOD": "GET", "Origin": APP})
    assert "write HTTP_ORIGIN for Origin" in told.verdict


def test_an_explanation_is_plain_data():
    """
    An explanation is plain data and its text holds every step and header.
    """
    told = explain(POLICY, request(asked_method="DELETE", asked_headers="x-other"))
    assert json.loads(json.dumps(asdict(told)))["kind"] == "preflight"
    text = str(told)
    for step in told.steps:
        assert step.asked in text
        assert step.reason in text
        assert str(step.fix) in text
    for name, value in told.headers:
        assert f"{name}: {value}" in text
    assert text.endswith(told.verdict)


def test_hostile_strings_are_shown_in_bounded_printable_ascii():
    asked = request("\x1b[31m\r\n" + "é" * 10**6, asked_method="\n" * 10**6, asked_headers="\x00é," * 10**6)
    text = str(explain(POLICY, asked))
    assert text.replace("\n", "").isprintable()
    assert text.isascii()
    assert len(text) < 100_000


texts = st.text(max_size=30) | st.sampled_from(
    [APP, "null", "*", "https://a.shop.example", "PUT", "patch", "x-request-id"]
)


@given(origin=texts, method=texts, asked=st.none() | texts, headers=st.none() | texts)
def test_explain_never_raises(origin, method, asked, headers):
    for policy in (POLICY, PUBLIC):
        environ = request(origin, method, asked, headers)
        assert explain(policy, environ).headers == negotiate(policy, environ).headers


@pytest.mark.parametrize("method", ["", "TRACE", "connect", "GET PUT", "é"])
def test_a_star_does_not_cover_a_method_that_no_browser_sends(method):
    told = explain(Policy(allow_origins="*", allow_methods="*", allow_headers="*"), request(asked_method=method))
    assert not told.steps[1].passed
    assert "no browser sends it" in told.steps[1].reason or "No browser lets" in told.steps[1].reason


def test_an_exception_that_cannot_be_shown_is_named():
    class Unshown(Exception):
        def __repr__(self):
            raise ValueError

    class Source:
        def __contains__(self, origin):
            raise Unshown

    said = explain(Policy(allow_origins=Source()), {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": "https://a.example"})
    assert "The origin source failed, which counts as no: <Unshown>." in str(said)


def test_a_path_may_be_decoded_or_encoded():
    """
    Servers pass a decoded path, and people write an encoded one.
    """
    policies = {"/": {"allow_origins": "*"}, "/\u00e9": None}
    for path in ("/\u00e9", "/\u00e9".encode().decode("latin-1")):
        assert explain(policies, {**request(), "PATH_INFO": path}).verdict.startswith("The path is closed")
    assert explain(policies, {**request(), "PATH_INFO": "/\u65e5"}).goes_on


@pytest.mark.parametrize(
    ("origin", "near"),
    [
        ("http://app.example.com", True),
        ("https://app.example.com:8443", True),
        ("https://www.app.example.com", True),
        ("https://other.example", False),
    ],
)
def test_an_origin_is_near_if_only_one_part_differs(origin, near):
    policy = Policy(allow_origins=["https://app.example.com"])
    assert bool(nearest(policy, Origin.parse(origin))) == near


HANDSHAKE = {
    "REQUEST_METHOD": "GET",
    "HTTP_UPGRADE": "websocket",
    "HTTP_HOST": "api.example.com",
    "HTTP_ORIGIN": "https://app.example.com",
}
LISTED_HERE = {"allow_origins": ["https://app.example.com"]}
TRUSTED_HERE = {**LISTED_HERE, "allow_credentials": True}


class Granting:
    def __init__(self, answer):
        self.answer = answer

    def __contains__(self, origin):
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("policy", "changes", "reason"),
    [
        (TRUSTED_HERE, {}, 'Covered by "https://app.example.com". The policy allows credentials.'),
        (LISTED_HERE, {"HTTP_SEC_FETCH_SITE": "same-origin"}, "The browser says that the page is of the same origin"),
        (LISTED_HERE, {"HTTP_ORIGIN": "https://api.example.com"}, "It is the origin of the request itself"),
        (
            {"allow_origins": Granting(True), "allow_credentials": True},
            {},
            'Covered by the origin source, which granted "https://app.example.com".',
        ),
    ],
)
def test_a_handshake_that_is_let_in_is_explained(policy, changes, reason):
    told = explain(policy, {**HANDSHAKE, **changes})
    assert told.kind is RequestKind.HANDSHAKE
    assert (told.status, told.headers, told.goes_on, told.goes_on_with_credentials) == (None, (), True, True)
    assert told.steps[0].reason.startswith(reason)
    assert told.verdict == "The handshake reaches the application."


@pytest.mark.parametrize(
    ("policy", "changes", "reason", "fix"),
    [
        (LISTED_HERE, {}, "But every WebSocket handshake carries cookies", {"allow_credentials": True}),
        (
            TRUSTED_HERE,
            {"HTTP_ORIGIN": "https://b.example"},
            "proxy_set_header Host $host",
            {"allow_origins": ["https://app.example.com", "https://b.example"], "allow_credentials": True},
        ),
        (
            {"allow_origins": "*"},
            {},
            '"*" lets no page connect',
            {"allow_origins": ["https://app.example.com"], "allow_credentials": True},
        ),
        ({"allow_origins": "*"}, {"HTTP_ORIGIN": "null"}, '"*" lets no page connect', {}),
        ({"allow_origins": "*"}, {"HTTP_ORIGIN": "x y"}, "No browser sends this as an origin.", {}),
        (TRUSTED_HERE, {"HTTP_ORIGIN": ""}, "No browser sends this as an origin.", {}),
        (TRUSTED_HERE, {"HTTP_ORIGIN": None}, "No browser sends this as an origin.", {}),
        ({"/": None}, {}, "Only pages of its own origin may connect, because it is closed.", {}),
        (
            {"/": TRUSTED_HERE, "/a": None},
            {"PATH_INFO": "/x/../a"},
            "because the readings of the path have different policies.",
            {},
        ),
        ({"allow_origins": Granting(False), "allow_credentials": True}, {}, "did not return True", {}),
        ({"allow_origins": Granting(LookupError("away")), "allow_credentials": True}, {}, "LookupError", {}),
    ],
)
def test_a_handshake_that_is_refused_is_explained(policy, changes, reason, fix):
    told = explain(policy, {**HANDSHAKE, **changes})
    assert (told.kind, told.status, told.goes_on) == (RequestKind.HANDSHAKE, 403, False)
    assert reason in told.steps[0].reason
    assert told.steps[0].fix.policy == fix
    assert "Unexpected response code: 403" in told.verdict


def test_a_handshake_without_an_origin_is_explained():
    environ = {name: value for name, value in HANDSHAKE.items() if name != "HTTP_ORIGIN"}
    told = explain(TRUSTED_HERE, environ)
    assert told.goes_on
    assert "the client is not a browser" in told.steps[0].reason
    told = explain(TRUSTED_HERE, {**environ, "HTTP_SEC_FETCH_SITE": "cross-site"})
    assert not told.goes_on
    assert "A proxy has removed Origin" in told.steps[0].reason


def test_a_handshake_to_an_unguarded_path_is_not_judged():
    told = explain({"/api": TRUSTED_HERE}, {**HANDSHAKE, "PATH_INFO": "/other"})
    assert (told.kind, told.status, told.headers, told.goes_on) == (RequestKind.HANDSHAKE, None, (), True)
    assert "not judged" in told.verdict


def test_shared_timings_are_explained_if_the_page_may_read():
    policy, environ = Policy(allow_origins=[APP], share_timing=True), {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP}
    told = explain(policy, environ)
    assert [step.name for step in told.steps] == ["origin", "exposed", "timing", "credentials"]
    assert ("Timing-Allow-Origin", APP) in told.headers
    preflight = {**environ, "REQUEST_METHOD": "OPTIONS", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "GET"}
    for other, asked in ((policy, {**environ, "HTTP_ORIGIN": "null"}), (Policy(allow_origins=[APP]), environ)):
        assert "timing" not in {step.name for step in explain(other, asked).steps}
    assert "timing" not in {step.name for step in explain(policy, preflight).steps}
