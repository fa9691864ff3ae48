"""
What a HAR leaves out has a different meaning for each program: browsers, proxies, and clients that are neither.

The programs themselves wrote the files in tests/kit/hars: Playwright 1.65 with Chromium 156, the Network panel of
Firefox 153, and mitmproxy 11.0.2 between Chromium and the server. A page sent the same five requests to each. The
files below are made here, after the sources of the programs or after published files:

* Chromium: https://github.com/ChromeDevTools/devtools-frontend/blob/main/front_end/models/har/Log.ts; Authorization,
  Cookie and Set-Cookie are left out unless "Allow to generate HAR with sensitive data" is set. An export of Edge 126
  with a failure of CORS is in the notes of the project HandTerm (June 2024). Requests without an answer:
  https://github.com/janodvarko/harviewer/blob/master/selenium/tests/hars/issue-49/chrome51.har
* Safari: https://github.com/WebKit/WebKit/blob/main/Source/WebInspectorUI/UserInterface/Controllers/HARBuilder.js
* Charles: https://github.com/mandrean/har-rs/blob/master/tests/fixtures/someapi123.har (4.2.7), and the recordings in
  https://github.com/forestlioooooo/har-file-fetcher, with `_charlesStatus` COMPLETE and EXCEPTION.
* Fiddler: https://github.com/janodvarko/harviewer/blob/master/selenium/tests/hars/issue-61/ie11.fiddler.har; the status
texts of its own answers, as people quote them.
* BrowserMob: https://github.com/webmetrics/browsermob-proxy/issues/64 shows what it writes if there was no response.
"""

import json
from pathlib import Path

import pytest
from kit import hars
from kit.checking import PAGE, data, run

from corsguard import diagnosis

API = "https://api.example.com"
WRITTEN = Path(hars.__file__).parent

BLOCKED = "blocked"
NOT_CORS = "failed, and this is not CORS"
EITHER = "readable without credentials, blocked with them"


def pairs(lines):
    return [{"name": name, "value": value} for name, value in lines]


def one(method, path, status, lines=(), *, asked=(), origin=PAGE, response=(), **more):  # noqa: PLR0913 - what an entry says
    headers = [*asked, *([("Origin", origin)] if origin else []), ("User-Agent", "Mozilla/5.0")]
    return {
        "startedDateTime": "2026-01-01T00:00:00.000Z",
        "time": 1,
        "request": {"method": method, "url": f"{API}{path}", "httpVersion": "HTTP/2.0", "headers": pairs(headers)},
        "response": {"status": status, "statusText": "", "headers": pairs(lines), **dict(response)},
        **more,
    }


def allow(origin=PAGE, **more):
    return [
        ("Access-Control-Allow-Origin", origin),
        *((f"Access-Control-Allow-{name.title()}", value) for name, value in more.items()),
    ]


def chromium(method, path, status, lines=(), *, asked=(), error=None, kind="fetch"):  # noqa: PLR0913 - what an entry says
    return one(
        method, path, status, lines, asked=asked, response=[("_transferSize", 0), ("_error", error)], _resourceType=kind
    )


def preflight(method, path, lines, names, make=one, **more):
    asked = [("Access-Control-Request-Method", method), ("Access-Control-Request-Headers", names)]
    return make("OPTIONS", path, 200, lines, asked=asked, **more)


@pytest.fixture
def write(tmp_path):
    def write(creator, *entries, **log):
        file = tmp_path / "some.har"
        creator = {"name": creator, "version": "1"}
        file.write_text(json.dumps({"log": {"version": "1.2", "creator": creator, "entries": entries, **log}}))
        return file

    return write


def verdicts(file):
    found, code = data(file)
    return [
        (one["verdict"], *(fault["code"] for fault in one["faults"] or one["with_credentials"]))
        for one in found["requests"]
    ], code


# Chromium leaves these headers out.

BEARER = [("Authorization", "Bearer t0ken")]
JSON = [("Content-Type", "application/json")]
LISTED = allow(methods="PUT", headers="content-type")


@pytest.mark.parametrize("there", [[], BEARER], ids=["without sensitive data", "with sensitive data"])
def test_the_preflight_shows_what_chromium_leaves_out(write, there):
    file = write(
        "WebInspector",
        preflight("PUT", "/items", LISTED, "authorization,content-type", chromium, kind="preflight"),
        chromium("PUT", "/items", 0, asked=[*JSON, *there], error="net::ERR_FAILED"),
    )
    assert verdicts(file) == ([(BLOCKED, "header_not_allowed")], 1)
    (request,) = data(file)[0]["requests"]
    assert "authorization" in request["faults"][0]["cause"]
    assert request["assumed"] == []
    assert "t0ken" not in run(file).stdout


CHROMIUM = {
    "every name that the preflight asks for": (
        [
            preflight("GET", "/a", allow(), "x-one,x-two", chromium),
            chromium("GET", "/a", 0, error="net::ERR_FAILED"),
        ],
        [(BLOCKED, "header_not_allowed")],
    ),
    "the preflight passes, and the request is answered": (
        [
            preflight("GET", "/a", allow(headers="authorization"), "authorization", chromium),
            chromium("GET", "/a", 200, allow()),
        ],
        [("readable",)],
    ),
    # Chromium only warns about that, so something else failed.
    "a star, which does not cover Authorization": (
        [
            preflight("GET", "/a", allow("*", headers="*"), "authorization", chromium),
            chromium("GET", "/a", 0, error="net::ERR_FAILED"),
        ],
        [("unclear",)],
    ),
    "cookies that were removed from a blocked request": (
        [chromium("GET", "/a", 200, allow("*"), error="net::ERR_FAILED")],
        [(BLOCKED, "wildcard_with_credentials", "allow_credentials_not_true")],
    ),
    "a response without an error is readable": ([chromium("GET", "/a", 200, allow("*"))], [("readable",)]),
}


@pytest.mark.parametrize(("entries", "found"), CHROMIUM.values(), ids=CHROMIUM.keys())
def test_the_cause_that_chromium_names_is_used(write, entries, found):
    assert verdicts(write("WebInspector", *entries)) == (found, 0 if found == [("readable",)] else 1)


# What Playwright 1.49 writes of a request that failed: the headers that are known before it is sent.


def begun(method, error, *, asked=(), **more):
    failed = [("status", -1), ("_failureText", error)]
    return one(method, "/orders", -1, asked=[*asked, *JSON], origin=None, response=failed, pageref="p", **more)


REFERER = [("Referer", f"{PAGE}/")]
DOCUMENT = [("Upgrade-Insecure-Requests", "1")]
BEGUN = {
    "by its Referer": ([begun("POST", "net::ERR_FAILED", asked=REFERER)], "", [("unclear",)]),
    "by the title of the page": ([begun("GET", "net::ERR_FAILED")], f"{PAGE}/orders", [("unclear",)]),
    "by the document of the page": (
        [
            {
                **one("GET", "", 200, asked=DOCUMENT, origin=None, pageref="p"),
                "request": {"method": "GET", "url": f"{PAGE}/orders", "headers": pairs(DOCUMENT)},
            },
            begun("GET", "net::ERR_FAILED"),
        ],
        "Orders",
        [("unclear",)],
    ),
    "in Firefox": ([begun("POST", "NS_ERROR_DOM_BAD_URI", asked=REFERER)], "", [("unclear",)]),
    "without a server": (
        [begun("POST", "net::ERR_CONNECTION_REFUSED", asked=REFERER)],
        "",
        [(NOT_CORS, "unreachable")],
    ),
    "an image": ([begun("GET", "net::ERR_FAILED", asked=REFERER, _resourceType="image")], "", []),
    "a document": ([begun("GET", "net::ERR_FAILED", asked=[*REFERER, *DOCUMENT])], "", []),
    "of no page": ([begun("GET", "net::ERR_FAILED")], "Orders", []),
}


@pytest.mark.parametrize(("entries", "title", "found"), BEGUN.values(), ids=BEGUN.keys())
def test_a_failed_request_may_lack_its_origin(write, entries, title, found):
    file = write("Playwright", *entries, pages=[{"id": "p", "title": title}])
    assert verdicts(file) == (found, 1 if found else 0)
    assert {one["origin"] for one in data(file)[0]["requests"]} <= {PAGE}


# Chromium ends only a request that CORS refused with ERR_FAILED. Every other name says what it was, whatever the
# headers are.

ENDED = {
    "ABORTED": "aborted",
    "BLOCKED_BY_CLIENT": "blocked_by_client",
    "BLOCKED_BY_INSPECTOR": "blocked_by_client",
    "BLOCKED_BY_CSP": "csp",
    "BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS": "local_network_access",
    "BLOCKED_BY_RESPONSE.NotSameOrigin": "corp",
    "CACHE_MISS": "broken_off",
    "CERT_DATE_INVALID": "tls",
    "CONNECTION_RESET": "broken_off",
    "CONTENT_DECODING_FAILED": "broken_off",
    "HTTP2_PROTOCOL_ERROR": "broken_off",
    "INCOMPLETE_CHUNKED_ENCODING": "broken_off",
    "NETWORK_CHANGED": "broken_off",
    "TIMED_OUT": "broken_off",
    "TOO_MANY_REDIRECTS": "too_many_redirects",
}
ANSWERS = {
    "fine without credentials": allow(),
    "a star": allow("*"),
    "fine": allow(credentials="true"),
    "not shared": [],
}


@pytest.mark.parametrize("lines", ANSWERS.values(), ids=ANSWERS.keys())
@pytest.mark.parametrize(("name", "code"), ENDED.items(), ids=ENDED.keys())
def test_an_error_other_than_failed_is_not_cors_whatever_the_answer(write, name, code, lines):
    file = write("WebInspector", chromium("GET", "/a", 200, lines, error=f"net::ERR_{name}"))
    assert verdicts(file) == ([(NOT_CORS, code)], 1)
    (request,) = data(file)[0]["requests"]
    assert request["assumed"] == []
    assert "Allow-Origin" not in run(file).stdout.replace("Cross-Origin", "")


UNANSWERED = {
    "ABORTED": "aborted",
    "CACHE_MISS": "net_error",
    "INSUFFICIENT_RESOURCES": "net_error",
    "HTTP2_PROTOCOL_ERROR": "unreachable",
    "TIMED_OUT": "unreachable",
    "RESPONSE_HEADERS_MULTIPLE_CONTENT_LENGTH": "net_error",
}


@pytest.mark.parametrize(("name", "code"), UNANSWERED.items(), ids=UNANSWERED.keys())
def test_an_error_other_than_failed_is_not_cors_without_an_answer(write, name, code):
    file = write("WebInspector", chromium("GET", "/a", 0, error=f"net::ERR_{name}"))
    assert verdicts(file) == ([(NOT_CORS, code)], 1)
    assert name in run(file).stdout.partition("The file says")[2].partition("\n")[2] or name == "ABORTED"


CANCELLED = {
    "Chromium": ("WebInspector", "_error", "net::ERR_ABORTED"),
    "Firefox, by Playwright": ("Playwright", "_failureText", "NS_BINDING_ABORTED"),
    "WebKit, by Playwright": ("Playwright", "_failureText", "Load request cancelled"),
    "Safari": ("WebKit Web Inspector", "_error", "cancelled"),
}


@pytest.mark.parametrize(("writer", "key", "error"), CANCELLED.values(), ids=CANCELLED.keys())
def test_a_request_that_the_page_cancelled_is_not_cors(write, writer, key, error):
    assert verdicts(write(writer, one("GET", "/a", 200, allow(), response=[(key, error)]))) == (
        [(NOT_CORS, "aborted")],
        1,
    )


HTML = [("Content-Type", "text/html; charset=utf-8")]
EVENTS = [("Content-Type", "Text/Event-Stream;charset=utf-8")]
SHARED = allow(credentials="true")
STREAMS = {
    "a login page, as Chromium ends it": ((200, [*SHARED, *HTML], "ABORTED"), (NOT_CORS, "event_stream_type")),
    "a login page without an error": ((200, [*SHARED, *HTML], None), (NOT_CORS, "event_stream_type")),
    "a login page, as it ends for any reason": ((200, [*SHARED, *HTML], "FAILED"), (NOT_CORS, "event_stream_type")),
    "no type": ((200, SHARED, "ABORTED"), (NOT_CORS, "event_stream_type")),
    "an error": ((503, [*SHARED, *EVENTS], "ABORTED"), (NOT_CORS, "status")),
    "an error without an error of the browser": ((503, [*SHARED, *EVENTS], None), (NOT_CORS, "event_stream_type")),
    "an answer that is not shared either": ((200, HTML, "FAILED"), (BLOCKED, "missing_allow_origin")),
    "an answer that does not allow credentials": (
        (200, [*allow(), *HTML], "FAILED"),
        (BLOCKED, "allow_credentials_not_true"),
    ),
    "a stream that the page closed": ((200, [*SHARED, *EVENTS], "ABORTED"), (NOT_CORS, "aborted")),
    "a stream that broke off": ((200, [*SHARED, *HTML], "CONNECTION_RESET"), (NOT_CORS, "broken_off")),
    "an answer that is not in the file": ((0, [], "ABORTED"), (NOT_CORS, "aborted")),
    "a stream": ((200, [*SHARED, *EVENTS], None), ("readable",)),
    "a stream that the server ended": ((204, SHARED, None), ("readable",)),
}


@pytest.mark.parametrize(("answer", "found"), STREAMS.values(), ids=STREAMS.keys())
def test_an_event_source_reads_only_a_stream_of_events(write, answer, found):
    status, lines, error = answer
    entry = chromium("GET", "/a", status, lines, error=error and f"net::ERR_{error}", kind="eventsource")
    assert verdicts(write("WebInspector", entry)) == ([found], 0 if found == ("readable",) else 1)


@pytest.mark.parametrize(("status", "lines", "said"), [(200, HTML, "the type text/html"), (503, EVENTS, "is 503")])
def test_what_an_event_source_got_is_named(write, status, lines, said):
    entry = chromium("GET", "/a", status, [*SHARED, *lines], kind="eventsource")
    assert said in run(write("WebInspector", entry)).stdout


@pytest.mark.parametrize("error", ["NS_ERROR_CORRUPTED_CONTENT", "something else"])
def test_an_unknown_error_does_not_show_that_the_page_used_credentials(write, error):
    file = write("Playwright", one("GET", "/a", 200, allow(), response=[("_failureText", error)]))
    assert verdicts(file) == ([("unclear",)], 1)
    assert data(file)[0]["requests"][0]["assumed"] == []
    assert f"it passes, but the browser says: {error}." in run(file).stdout


def test_an_answer_that_broke_off_is_not_a_missing_response_in_firefox_either(write):
    file = write("Playwright", one("GET", "/a", 200, allow(), response=[("_failureText", "NS_ERROR_NET_RESET")]))
    assert verdicts(file) == ([(NOT_CORS, "broken_off")], 1)


def test_the_error_in_the_file_is_printed_even_if_the_request_would_be_mixed_content(write):
    entry = chromium("GET", "", 0, error="net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS")
    entry["request"]["url"] = "http://192.168.1.10/api"
    assert verdicts(write("WebInspector", entry)) == ([(NOT_CORS, "local_network_access")], 1)


DIRECTIVES = {"fetch": "connect-src", "image": "img-src", "script": "script-src", "font": "font-src"}


@pytest.mark.parametrize(("kind", "directive"), DIRECTIVES.items(), ids=DIRECTIVES.keys())
def test_a_content_security_policy_is_that_of_the_page(write, kind, directive):
    file = write("WebInspector", chromium("GET", "/a", 0, error="net::ERR_BLOCKED_BY_CSP", kind=kind))
    printed = run(file).stdout
    assert f"In the page's policy, add {API} to {directive}." in printed
    assert "corsguard check" not in printed


# What the file does not show.

PASSING = [
    preflight("POST", "/a", allow(methods="POST", headers="x-a", credentials="true"), "x-a", chromium),
    chromium("POST", "/a", 0, error="net::ERR_FAILED"),
]
STARS = [
    preflight("POST", "/a", allow("*", methods="*", headers="*"), "x-a", chromium),
    chromium("POST", "/a", 0, error="net::ERR_FAILED"),
]
WITH_OTHER_METHOD = "sends only the preflight. If that passes, the answer to PUT itself is at fault"
WITH_CREDENTIALS = 'If the page uses credentials: "include", add --credentials to the command below.'
HIDDEN = {
    "a GET": ([chromium("GET", "/a", 0, error="net::ERR_FAILED")], [WITH_CREDENTIALS, f"{API}/a --page {PAGE}\n"]),
    "a GET with cookies": (
        [chromium("GET", "/a", 0, asked=[("Cookie", "a=1")], error="net::ERR_FAILED")],
        [f"{API}/a --page {PAGE} --credentials\n"],
    ),
    "a PUT without its preflight": (
        [chromium("PUT", "/a", 0, error="net::ERR_FAILED")],
        [WITH_OTHER_METHOD, WITH_CREDENTIALS, "--method PUT --preflight-only\n"],
    ),
    "a preflight that passes": (
        PASSING,
        [
            "The preflight in the file passes, so the answer to POST itself is at fault.",
            "The answer to POST: look at its status and its Access-Control-* lines",
        ],
    ),
    "a preflight that passes only without credentials": (
        STARS,
        [
            "passes without credentials, and not with them (preflight_wildcard_with_credentials). Most likely,",
            "--header 'X-A: '\"$X_A\" --credentials --preflight-only\n".replace("X-A: ", "x-a: "),
        ],
    ),
    "an answer that was not there yet": (
        [chromium("GET", "/a", 0)],
        ["the request was not finished, or not sent,", WITH_CREDENTIALS],
    ),
}


@pytest.mark.parametrize(("entries", "said"), HIDDEN.values(), ids=HIDDEN.keys())
def test_the_advice_for_an_unclear_request_shows_what_was_refused(write, entries, said):
    file = write("WebInspector", *entries)
    assert verdicts(file) == ([("unclear",)], 1)
    printed = run(file).stdout
    assert [text for text in said if text not in printed] == []
    for other in {WITH_CREDENTIALS, WITH_OTHER_METHOD, "--preflight-only", "--credentials"}:
        assert (other in printed) is any(other in text for text in said), other


@pytest.mark.parametrize("writer", ["mitmproxy", "Charles Proxy", "Firefox", "WebInspector"])
@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            allow("*", methods="*", headers="*"),
            "(preflight_wildcard_with_credentials). Most likely, the page used cred",
        ),
        (allow(methods="POST", headers="x-a", credentials="true"), "The file has only the preflight of this request"),
    ],
)
def test_a_preflight_alone_does_not_show_that_a_server_failed(write, writer, is_there, lines, said):
    followed = is_there and writer in {"Firefox", "WebInspector"}
    entries = [preflight("POST", "/a", lines, "x-a"), *([one("POST", "/a", 0)] if followed else [])]
    file = write(writer, *entries)
    assert verdicts(file) == ([("unclear",)], 1)
    printed = run(file).stdout
    assert followed or said in printed
    assert ("Most likely, the page used cred" in printed) is ("*" in lines[0][1])
    assert "Is the server running?" not in printed


# A request without CORS has no Origin.


def embedded(kind, error, *, page=PAGE):
    asked = [("Referer", f"{page}/"), ("Sec-Fetch-Mode", "no-cors")]
    response = [("_error", error and f"net::ERR_{error}")]
    return one("GET", f"/{kind}", 200, origin=None, asked=asked, response=response, _resourceType=kind)


EMBEDDED = {
    "CORP": (embedded("image", "BLOCKED_BY_RESPONSE.NotSameOrigin"), [(NOT_CORS, "corp")]),
    "CORP, by COEP": (
        embedded("image", "BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep"),
        [(NOT_CORS, "corp")],
    ),
    "ORB": (embedded("script", "BLOCKED_BY_ORB"), [(NOT_CORS, "orb")]),
    "CSP": (embedded("script", "BLOCKED_BY_CSP"), [(NOT_CORS, "csp")]),
    "CORP, in a version without a suffix": (embedded("image", "BLOCKED_BY_RESPONSE"), [(NOT_CORS, "corp")]),
    "a frame": (embedded("document", "BLOCKED_BY_RESPONSE"), [(NOT_CORS, "not_framed")]),
    "the local network": (
        embedded("image", "BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS"),
        [(NOT_CORS, "local_network_access")],
    ),
    "fine": (embedded("image", None), []),
    # Nothing of it looks like CORS.
    "cancelled": (embedded("image", "ABORTED"), []),
    "its own origin": (embedded("image", "BLOCKED_BY_RESPONSE.NotSameOrigin", page=API), []),
}


@pytest.mark.parametrize(("entry", "found"), EMBEDDED.values(), ids=EMBEDDED.keys())
def test_a_load_without_cors_that_the_browser_refused_is_told(write, entry, found):
    shared = chromium("GET", "/a", 200, allow())
    assert verdicts(write("WebInspector", shared, entry)) == ([("readable",), *found], 1 if found else 0)


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (
            404,
            "text/html; charset=utf-8",
            "The status is 404, so check the URL first. The response has the type text/html,",
        ),
        (200, "text/html", "The response has the type text/html, as an error or a login has."),
        (200, "application/json", "The response has the type application/json. For an element, send what it needs"),
        (500, None, "The status is 500, so check the URL first. For an element"),
    ],
)
def test_the_answer_that_opaque_response_blocking_refused_is_described(write, status, kind, said):
    asked = [("Referer", f"{PAGE}/"), ("Sec-Fetch-Mode", "no-cors")]
    lines = [("Content-Type", kind)] if kind else []
    error = {"_error": "net::ERR_BLOCKED_BY_ORB"}
    refused = one("GET", "/a.js", status, lines, origin=None, asked=asked, response=error, _resourceType="script")
    told = run(write("WebInspector", chromium("GET", "/a", 200, allow()), refused)).stdout
    assert said in " ".join(told.split())


# A request that Chromium did not refuse.

STORED = {"_fromCache": "disk"}
UNMARKED = {
    "a 304, whose stored answer has the headers": (chromium("GET", "/a", 304, [("ETag", "1")]), ("readable",)),
    "a 304 from the disk": ({**chromium("GET", "/a", 304, [("ETag", "1")]), **STORED}, ("readable",)),
    "an answer of a service worker": (
        {**chromium("GET", "/a", 200, JSON), "_fetchedViaServiceWorker": True},
        ("readable",),
    ),
    "a 304 that was refused": (
        {**chromium("GET", "/a", 304, [("ETag", "1")], error="net::ERR_FAILED"), **STORED},
        (BLOCKED, "missing_allow_origin"),
    ),
    "a stored answer for another page, refused": (
        {**chromium("GET", "/a", 200, allow("https://b.example"), error="net::ERR_FAILED"), **STORED},
        (BLOCKED, "allow_origin_mismatch"),
    ),
    "a service worker that failed": (
        {**chromium("GET", "/a", 0, error="net::ERR_FAILED"), "_fetchedViaServiceWorker": True},
        ("unclear",),
    ),
    "not shared, and yet not refused": (chromium("GET", "/a", 200, JSON), ("unclear",)),
    "shared with another page, and yet not refused": (
        chromium("GET", "/a", 200, allow("https://b.example")),
        ("unclear",),
    ),
    "a wildcard with cookies, and yet not refused": (
        chromium("GET", "/a", 200, allow("*"), asked=[("Cookie", "a=1")]),
        ("unclear",),
    ),
}


@pytest.mark.parametrize(("entry", "found"), UNMARKED.values(), ids=UNMARKED.keys())
def test_what_chromium_did_not_refuse_is_not_blocked(write, entry, found):
    file = write("WebInspector", entry)
    assert verdicts(file) == ([found], 0 if found == ("readable",) else 1)
    printed = run(file).stdout
    assert ("Vary: Origin with every response" in printed) is (found[0] == BLOCKED)
    assert ("an old version of the browser did not write errors" in printed) is (
        found == ("unclear",) and "_fetchedViaServiceWorker" not in entry
    )


@pytest.mark.parametrize("writer", ["Firefox", "mitmproxy"])
def test_a_304_does_not_show_the_headers_of_the_stored_answer(write, writer):
    assert verdicts(write(writer, one("GET", "/a", 304, [("ETag", "1")]))) == ([("unclear",)], 1)
    other = one("GET", "/a", 304, allow("https://b.example"))
    assert verdicts(write(writer, other)) == ([(BLOCKED, "allow_origin_mismatch")], 1)


# These programs do not record the credentials mode.

WITHOUT = {
    "a star": (
        [one("GET", "/a", 200, allow("*"))],
        [(EITHER, "wildcard_with_credentials", "allow_credentials_not_true")],
    ),
    "the origin": ([one("GET", "/a", 200, allow())], [(EITHER, "allow_credentials_not_true")]),
    "a star in a preflight": (
        [preflight("PUT", "/a", allow("*", methods="*", headers="x-a"), "x-a"), one("PUT", "/a", 200, allow("*"))],
        [
            (
                EITHER,
                "preflight_wildcard_with_credentials",
                "preflight_allow_credentials_not_true",
                "method_not_allowed",
            )
        ],
    ),
    "the origin, with credentials": ([one("GET", "/a", 200, allow(credentials="true"))], [("readable",)]),
    "nothing": ([one("GET", "/a", 200)], [(BLOCKED, "missing_allow_origin")]),
    "cookies": (
        [one("GET", "/a", 200, allow("*"), asked=[("Cookie", "a=1")])],
        [(BLOCKED, "wildcard_with_credentials", "allow_credentials_not_true")],
    ),
}


@pytest.mark.parametrize("writer", ["Firefox", "mitmproxy", "Charles Proxy", "Fiddler", "something else"])
@pytest.mark.parametrize(("entries", "found"), WITHOUT.values(), ids=WITHOUT.keys())
def test_a_response_readable_only_without_credentials_is_never_just_ok(write, writer, entries, found):
    file = write(writer, *entries)
    assert verdicts(file) == (found, 0 if found == [("readable",)] else 1)
    assert ("  ok without credentials; blocked with: " in run(file).stdout) is (found[0][0] == EITHER)


def test_the_cause_that_safari_names_is_used(write):
    file = write(
        "WebKit Web Inspector",
        one("GET", "/a", 200, allow("*"), _fetchType="Network Load"),
        one(
            "GET",
            "/b",
            200,
            response=[("_error", f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200")],
        ),
    )
    assert verdicts(file) == ([("readable",), (BLOCKED, "missing_allow_origin")], 1)


# Files that do not come from a browser.


@pytest.mark.parametrize("writer", ["Insomnia REST Client", "Postman", "curl", "", "mitmproxy"])
def test_requests_that_no_browser_sent_are_not_judged(write, writer):
    request = {"method": "POST", "url": f"{API}/items", "headers": pairs([("User-Agent", "insomnia/9")])}
    file = write(writer, {"request": request, "response": {"status": 200, "headers": []}})
    result = run(file)
    assert result.exit_code == 1
    assert "There is nothing to judge: no request has an Origin, so the file is not from a browser" in result.stdout
    assert f"corsguard check {API}/items --page https://app.example.com --method POST" in result.stdout
    assert writer in data(file)[0]["unjudged"]


@pytest.mark.parametrize("agent", ["PostmanRuntime/7.43.0", "curl/8.5.0"])
def test_a_field_of_browsers_does_not_make_a_browser_of_another_client(write, agent):
    request = {"method": "POST", "url": f"{API}/items", "headers": pairs([("User-Agent", agent)])}
    file = write("tools", {"request": request, "response": {"status": 200, "headers": []}, "_resourceType": "fetch"})
    assert (run(file).exit_code, bool(data(file)[0]["unjudged"])) == (1, True)


@pytest.mark.parametrize("writer", ["Insomnia REST Client", "Postman", "Hoppscotch"])
def test_a_client_that_sends_the_headers_of_a_browser_is_not_one(write, writer):
    """
    "Copy as cURL" copies them, and a client imports them.
    """
    copied = [("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "same-origin"), ("Referer", f"{API}/")]
    file = write(writer, one("PATCH", "/a", 200, asked=copied, origin=None))
    assert (run(file).exit_code, bool(data(file)[0]["unjudged"])) == (1, True)


def test_the_preflight_that_a_client_never_sends_has_to_be_checked(write):
    put = one("PUT", "/a", 200, allow(), asked=[("Authorization", "Bearer t0ken")])
    (request,) = data(write("Postman", put))[0]["requests"]
    assert "although this program never sends one. A browser asks first" in request["assumed"][0]
    (request,) = data(write("Firefox", put))[0]["requests"]
    assert request["assumed"][0].endswith("because the request itself was sent.")


def test_an_empty_file_is_not_ok(write):
    result = run(write("Firefox"))
    assert (result.exit_code, "The file has no requests. Open the Network panel" in result.stdout) == (1, True)


def test_a_browser_on_its_own_origin_is_ok(write):
    file = write("Firefox", one("GET", "/a", 200, origin=None, asked=[("Sec-Fetch-Mode", "navigate")]))
    assert verdicts(file) == ([], 0)


def test_a_request_without_an_answer_in_firefox_was_not_left_out(write):
    file = write("Firefox", one("GET", "/a", 0), one("GET", "/b", 200, JSON))
    assert verdicts(file) == ([("unclear",), (BLOCKED, "missing_allow_origin")], 1)
    printed = run(file).stdout
    assert "no answer came (tracking protection, an extension or the network ended it), or it was not sent" in printed
    assert "left the response out" not in printed


# The name in the file is the name that is printed.

NAMED = {
    "Chromium": ("WebInspector", "_error", "net::ERR_CONNECTION_RESET", "net::ERR_CONNECTION_RESET"),
    "Playwright": ("Playwright", "_failureText", "net::ERR_EMPTY_RESPONSE", "net::ERR_EMPTY_RESPONSE"),
    "a certificate": ("WebInspector", "_error", "net::ERR_CERT_AUTHORITY_INVALID", "net::ERR_CERT_AUTHORITY_INVALID"),
    "a name": ("WebInspector", "_error", "net::ERR_NAME_NOT_RESOLVED", "net::ERR_NAME_NOT_RESOLVED"),
    "a name with a digit": ("WebInspector", "_error", "net::ERR_HTTP2_PING_FAILED", "net::ERR_HTTP2_PING_FAILED"),
    "a network that changed": ("WebInspector", "_error", "net::ERR_ADDRESS_UNREACHABLE", "ERR_ADDRESS_UNREACHABLE"),
}


@pytest.mark.parametrize(("writer", "key", "error", "said"), NAMED.values(), ids=NAMED.keys())
def test_the_error_in_the_file_is_printed(write, writer, key, error, said):
    file = write(writer, one("GET", "/a", 0, response=[(key, error)]))
    (request,) = data(file)[0]["requests"]
    (fault,) = request["faults"]
    assert request["verdict"] == NOT_CORS
    assert fault["chromium"].endswith(said)
    assert f"The file says: {error}" in run(file).stdout


WRONG_SCHEMES = {
    "TLS": ("https://localhost:8000/a", "SSL_PROTOCOL_ERROR", "let the page request http://localhost:8000/a, or"),
    "no TLS": ("http://localhost:8443/a", "INVALID_HTTP_RESPONSE", "let the page request https://localhost:8443/a."),
}


@pytest.mark.parametrize(("url", "name", "said"), WRONG_SCHEMES.values(), ids=WRONG_SCHEMES.keys())
def test_an_error_that_shows_the_wrong_scheme_names_the_other_url_first(write, url, name, said):
    entry = chromium("GET", "", 0, error=f"net::ERR_{name}")
    entry["request"]["url"] = url
    printed = run(write("WebInspector", entry)).stdout
    assert said in printed
    assert "certificate" not in printed


def test_chromiums_line_names_what_requested(write):
    initiators = {"xhr": "XMLHttpRequest", "font": "font", "script": "script", "stylesheet": "CSS stylesheet"}
    file = write(
        "WebInspector", *(chromium("GET", "/a", 200, JSON, error="net::ERR_FAILED", kind=kind) for kind in initiators)
    )
    found = data(file)[0]["requests"]
    for request, name in zip(found, initiators.values(), strict=True):
        assert request["faults"][0]["chromium"].startswith(f"Access to {name} at '{API}/a' from origin '{PAGE}'")


PRIVATE = [("Access-Control-Request-Private-Network", "true")]


@pytest.mark.parametrize("answer", [[], [("Access-Control-Allow-Private-Network", "true")]])
def test_a_preflight_for_a_private_network_is_told(write, answer):
    asked = [("Access-Control-Request-Method", "GET"), *PRIVATE]
    file = write(
        "WebInspector",
        chromium("GET", "/a", 0, error="net::ERR_FAILED"),
        chromium("OPTIONS", "/a", 204, [*allow("*"), *answer], asked=asked, kind="preflight"),
    )
    expected = ("unclear",) if answer else (NOT_CORS, "private_network_access")
    assert verdicts(file) == ([expected], 1)
    assert ("needs Access-Control-Allow-Private-Network: true" in run(file).stdout) is (not answer)


PROXIES = {
    "mitmproxy": ("mitmproxy", [("_error", "server closed connection")], 0, "server closed connection"),
    "Charles": ("Charles Proxy", [("_charlesStatus", "EXCEPTION")], 503, "EXCEPTION"),
    "Fiddler": ("Fiddler", [("statusText", "Fiddler - DNS Lookup Failed")], 502, "DNS Lookup Failed"),
    "no message": ("mitmproxy", [], 0, "no response"),
}


@pytest.mark.parametrize(("writer", "response", "status", "said"), PROXIES.values(), ids=PROXIES.keys())
def test_a_request_without_an_answer_at_the_proxy_is_unreachable(write, writer, response, status, said):
    file = write(writer, one("GET", "/a", status, response=response))
    (request,) = data(file)[0]["requests"]
    (fault,) = request["faults"]
    assert (request["verdict"], fault["code"], fault["chromium"]) == (NOT_CORS, "unreachable", "")
    assert writer in fault["cause"]
    assert said in fault["cause"]


def test_a_request_that_charles_completed_has_an_answer(write):
    file = write("Charles Proxy", one("GET", "/a", 200, response=[("_charlesStatus", "COMPLETE")]))
    assert verdicts(file) == ([(BLOCKED, "missing_allow_origin")], 1)


# The forms of published files. Only the form is kept. Hosts and values are those of this page.

BY_SCRIPT = {"type": "script", "stack": {"callFrames": []}}
WIRE = {"httpVersion": "", "cookies": [], "headersSize": -1, "bodySize": -1}
PSEUDO = [(":authority", "api.example.com"), (":method", "POST"), (":path", "/signup"), (":scheme", "https")]
SENT = [("origin", PAGE), ("referer", f"{PAGE}/"), ("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")]
AGENT = [("user-agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0")]


def exported(method, status, asked, lines, *, of=(), **more):
    content = {"size": 0, "mimeType": "x-unknown"}
    return {
        "request": {"method": method, "url": f"{API}/signup", "queryString": [], **WIRE, "headers": pairs(asked)},
        "response": {"status": status, "content": content, **WIRE, "headers": pairs(lines), **dict(of)},
        **more,
    }


EDGE = [
    # The request comes before its preflight. A refused answer keeps its status and its headers.
    exported(
        "POST",
        400,
        [*PSEUDO, ("content-type", "application/json"), ("content-length", "79"), *SENT, *AGENT],
        [("content-type", "application/json"), ("x-cache", "Error from cloudfront")],
        of=[("_transferSize", 0), ("_error", "net::ERR_FAILED")],
        _initiator=BY_SCRIPT,
        _resourceType="xhr",
    ),
    exported(
        "OPTIONS",
        204,
        [("access-control-request-headers", "content-type"), ("access-control-request-method", "POST"), *SENT, *AGENT],
        [("access-control-allow-headers", "Content-Type"), ("access-control-allow-origin", "*")],
        of=[("_transferSize", 0), ("_error", None)],
        _initiator={"type": "preflight", "url": f"{API}/signup", "requestId": "31440.755"},
        _resourceType="preflight",
    ),
]
PROVISIONAL = [("Referer", f"{PAGE}/"), ("User-Agent", "Mozilla/5.0"), ("Content-Type", "application/json")]
NEVER_SENT = [
    # Chromium only has "provisional headers" of a request that it did not send, so there is no Origin.
    exported(
        "PUT", 0, PROVISIONAL, [], of=[("_error", "net::ERR_FAILED")], _initiator=BY_SCRIPT, _resourceType="fetch"
    ),
    exported(
        "OPTIONS",
        200,
        [("access-control-request-headers", "content-type"), ("access-control-request-method", "PUT"), *SENT, *AGENT],
        [("access-control-allow-headers", "Content-Type"), ("access-control-allow-origin", PAGE)],
        of=[("_error", None)],
        _initiator={"type": "preflight", "url": f"{API}/signup"},
        _resourceType="preflight",
    ),
]
SAFARI = [
    exported(
        "GET",
        0,
        [("Accept", "*/*"), ("Origin", PAGE), ("Referer", f"{PAGE}/"), ("User-Agent", "Mozilla/5.0 Version/17 Safari")],
        [],
        of=[("_transferSize", 0), ("_error", f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin.")],
        pageref="page_0",
        _fetchType="Network Load",
    )
]


def charles(status, code, lines):
    asked = [*PSEUDO, ("origin", PAGE), ("user-agent", "Mozilla/5.0"), ("accept-encoding", "br, gzip, deflate")]
    of = [("_charlesStatus", status), ("statusText", None), ("httpVersion", "HTTP/2.0")]
    return [exported("GET", code, asked, lines, of=of, serverIPAddress="192.0.2.1", connection="52492")]


def fiddler(status, said, lines):
    asked = [("Accept", "*/*"), ("Origin", PAGE), ("Referer", f"{PAGE}/"), ("User-Agent", "Mozilla/5.0 Trident/7.0")]
    entry = exported("GET", status, asked, lines, of=[("statusText", said)], connection="ClientPort:1;EgressPort:2")
    entry["request"]["postData"] = {"text": "", "mimeType": ""}
    return [entry]


PUBLIC = {
    "Edge": ("WebInspector", EDGE, [(BLOCKED, "missing_allow_origin")]),
    "Chromium, never sent": ("WebInspector", NEVER_SENT, [(BLOCKED, "method_not_allowed")]),
    "Safari": ("WebKit Web Inspector", SAFARI, [(BLOCKED, "missing_allow_origin")]),
    "Charles": (
        "Charles Proxy",
        charles("COMPLETE", 200, [(":status", "200"), ("access-control-allow-origin", "null")]),
        [(BLOCKED, "allow_origin_mismatch")],
    ),
    # The answer arrived, but not its end.
    "Charles, an exception in the body": (
        "Charles Proxy",
        charles("EXCEPTION", 200, [("Cache-Control", "no-cache"), ("Connection", "close")]),
        [(BLOCKED, "missing_allow_origin")],
    ),
    "Charles, no answer": ("Charles Proxy", charles("EXCEPTION", 503, []), [(NOT_CORS, "unreachable")]),
    "Charles, its own answer": (
        "Charles Proxy",
        charles("EXCEPTION", 503, [("Content-Type", "text/html")]),
        [(NOT_CORS, "unreachable")],
    ),
    "Fiddler": (
        "Fiddler",
        fiddler(200, "OK", [("Access-Control-Allow-Origin", "https://b.example")]),
        [(BLOCKED, "allow_origin_mismatch")],
    ),
    "Fiddler, no answer": (
        "Fiddler",
        fiddler(502, "Fiddler - Gateway Connection Failed", [("Content-Type", "text/html"), ("Connection", "close")]),
        [(NOT_CORS, "unreachable")],
    ),
    "BrowserMob, no answer": (
        "BrowserMob Proxy",
        [exported("GET", -999, [("Origin", PAGE)], [], of=[("statusText", "NO RESPONSE")])],
        [(NOT_CORS, "unreachable")],
    ),
}


@pytest.mark.parametrize(("creator", "entries", "found"), PUBLIC.values(), ids=PUBLIC.keys())
def test_files_in_published_forms_are_judged(write, creator, entries, found):
    pages = [{"id": "page_0", "title": f"{PAGE}/", "pageTimings": {}}]
    assert verdicts(write(creator, *entries, pages=pages)) == (found, 1)


# Written by the programs themselves. The page asked for /open, /wild with credentials, /none, PUT /token with
# Authorization, and a server that closes the connection.

REAL = {
    "firefox": [
        (EITHER, "wildcard_with_credentials", "allow_credentials_not_true"),
        (EITHER, "wildcard_with_credentials", "allow_credentials_not_true"),
        (BLOCKED, "missing_allow_origin"),
        (BLOCKED, "header_not_allowed"),
        ("unclear",),
    ],
    "playwright": [("readable",), ("unclear",), ("unclear",), ("unclear",), (NOT_CORS, "unreachable")],
    "mitmproxy": [
        (EITHER, "wildcard_with_credentials", "allow_credentials_not_true"),
        (EITHER, "wildcard_with_credentials", "allow_credentials_not_true"),
        (BLOCKED, "missing_allow_origin"),
        (BLOCKED, "header_not_allowed"),
        (NOT_CORS, "unreachable"),
    ],
}


@pytest.mark.parametrize(("name", "found"), REAL.items(), ids=REAL.keys())
def test_files_of_the_programs_themselves_are_judged(name, found):
    file = WRITTEN / f"{name}.har"
    assert verdicts(file) == (found, 1)
    assert diagnosis.read_har(file).writer.lower() == name
