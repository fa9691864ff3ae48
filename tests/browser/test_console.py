"""
The report on a failed fetch: the exact lines of the consoles, a change that repairs it, and no secret.
"""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.failures import (
    API,
    APP,
    LINES,
    SHARED,
    SOCKET_LINES,
    STRAIGHT,
    allow,
    failure,
    mismatch,
    preflight,
    redirected,
    refused_header,
)
from kit.fixes import FIXES
from kit.pasting import FORMS, read

from corsguard import Configuration, CORSMiddleware, Policy
from corsguard.browser import Browser, Exchange, NetworkError, Reason, WireRequest, WireResponse
from corsguard.browser.advice import fix
from corsguard.browser.console import chromium, firefox, safari
from corsguard.browser.notes import notes
from corsguard.browser.report import report


@pytest.mark.parametrize(("failed", "chromium_line", "firefox_line"), [*LINES, *SOCKET_LINES])
def test_lines_of_the_consoles_are_exact(failed, chromium_line, firefox_line):
    assert chromium(failed) == chromium_line
    assert firefox(failed).translate(STRAIGHT) == firefox_line


def test_firefox_writes_typographic_quotation_marks():
    assert firefox(mismatch("b")).endswith(
        "header \u2018Access-Control-Allow-Origin\u2019 does not match \u2018b\u2019)."
    )
    assert firefox(failure(Reason.MIXED_CONTENT)).endswith(f"\u201c{API}\u201d")


@pytest.mark.parametrize(("failed", "words", "lines"), FIXES)
def test_a_fix_says_why_the_fetch_failed_and_which_lines_to_change(failed, words, lines):
    why, *changes = str(fix(failed)).split("\n")
    assert words in why
    assert [line.removeprefix("    ") for line in changes] == lines


def policy_of(fix):
    """
    Return the policy that the keywords in a fix make. They are pasted in every form. Return None if there are none.
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
def test_a_proposed_policy_is_accepted(failed):
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
def test_a_proposed_change_repairs_the_fetch(answer, fetch):
    def application(environ, start_response):
        start_response("200 OK", [])
        return [b""]

    def broken(request):
        return WireResponse(204 if request.method == "OPTIONS" else 200, answer)

    with pytest.raises(NetworkError) as caught:
        Browser(broken).open(APP).fetch(API, **fetch)
    repaired = CORSMiddleware(application, policy_of(caught.value.fix))
    assert Browser(repaired).open(APP).fetch(API, **fetch).type == "cors"


@pytest.mark.parametrize("mode", ["cors", "websocket"])
def test_no_console_says_anything_as_long_as_a_browser_waits(mode):
    late = failure(Reason.UNREACHABLE, "late", exchange=None, mode=mode, net_error="IO_PENDING")
    assert (chromium(late), firefox(late), safari(late)) == ("", "", "")
    assert notes(late) == ()
    assert "Chromium" not in report(late, [])
    unconnected = replace(late, net_error="CONNECTION_TIMED_OUT")
    assert chromium(unconnected).endswith("net::ERR_CONNECTION_TIMED_OUT")
    assert "Firefox" in report(unconnected, [])


NOTES = [
    (refused_header("authorization", allowed="*"), ["still let Authorization pass under *"]),
    (refused_header("x-a", "x-b"), ["Chromium names one, Firefox the first"]),
    (refused_header("authorization", "x-a", allowed="*"), ["still let Authorization pass under *"]),
    (refused_header("x-a"), []),
    (preflight(Reason.MISSING_ALLOW_ORIGIN, status=404), ["not successful. Status code: 404."]),
    (preflight(Reason.MISSING_ALLOW_ORIGIN, status=204), []),
    (failure(Reason.MISSING_ALLOW_ORIGIN, status=404), []),
    (mismatch(APP, sent_origin="null"), [f"names the origin '{APP}', but the browser sent Origin: null"]),
    (mismatch(APP, sent_origin="null", page_origin="null"), []),
    (
        failure(Reason.MULTIPLE_ALLOW_ORIGIN, "a, b", allow("Origin", "a, b")),
        ["Firefox counts header lines and checks in another order, so it reports allow_origin_mismatch"],
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
def test_a_report_only_has_notes_on_its_failure(failed, words):
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
            "Listed: X-Other.",
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


def test_the_report_says_whether_a_preflight_or_the_response_was_refused():
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
def test_every_reason_has_lines_fix_and_notes(reason, exchange):
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
def test_hostile_answers_raise_nothing_and_are_never_shown_raw(reason, headers, changes):
    assert_told(failure(reason, changes.pop("value"), *headers, **changes))


@pytest.mark.parametrize("reason", Reason)
def test_a_million_characters_are_cut(reason):
    vast = "https://a.example, \xff\x00" * 50_000
    headers = [(name, vast) for name in (*ALLOW, "Location", "Vary", f"Access-Control-{vast[:9999]}")]
    assert_told(failure(reason, vast, *headers, status=302, asked=[vast], method=vast, url=f"https://b.example/{vast}"))
