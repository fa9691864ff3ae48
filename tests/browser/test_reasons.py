"""
The table of reasons: each row is complete, its example shows it, and no other place contradicts it.
"""

import re
import string

import pytest
from kit.failures import LINES, SOCKET_LINES, failure, played
from kit.fixes import FIXES

from corsguard.browser import Browser, NetworkError, Reason, Unreachable
from corsguard.browser.advice import fix
from corsguard.browser.console import chromium, firefox, safari
from corsguard.browser.evidence import FailureWords
from corsguard.browser.reasons import CORS_CHECK, OF_STATUS, PREFLIGHT_ONLY, REASONS, reasons_about

# All failures in the tables of lines and of fixes, and each reason with few known details.
FAILURES = [
    *(row[0] for row in (*LINES, *SOCKET_LINES, *FIXES)),
    *(failure(reason, exchange=None) for reason in Reason),
]


def test_every_reason_has_one_row_in_order():
    assert [*REASONS] == [*Reason]


@pytest.mark.parametrize("reason", Reason)
def test_an_example_ends_in_its_reason(reason):
    """
    It needs all of its answers for that.
    """
    example = REASONS[reason].example
    error = played(example)
    assert error.failure.reason is reason
    assert len(error.exchanges) >= len(example.answers)


@pytest.mark.parametrize("reason", Reason)
def test_the_facts_of_a_row_are_those_of_its_example(reason):
    facts, found = REASONS[reason], played(REASONS[reason].example).failure
    assert found.is_preflight >= facts.preflight_only
    assert found.with_credentials >= facts.with_credentials
    assert (found.exchange is not None and found.exchange.response is not None) >= facts.of_check
    assert (facts.kind == "no response") == (found.exchange is not None and found.exchange.response is None)


@pytest.mark.parametrize("reason", Reason)
def test_a_row_is_written_in_sentences(reason):
    facts = REASONS[reason]
    assert facts.look
    assert all(text.endswith(".") for text in (facts.message, facts.why, facts.instead))
    # The clause of the standard.
    assert re.search(r'\((Fetch|Mixed Content|WebSockets), ".+"', facts.why)
    assert "(" not in facts.instead
    assert len(facts.why) < 160
    assert len(facts.instead) < 120


def wordings(reason):
    facts = REASONS[reason]
    for engine in (facts.chromium, facts.firefox, facts.safari):
        yield from (engine.usual, *engine.variants.values())


@pytest.mark.parametrize("reason", Reason)
def test_every_placeholder_of_a_row_is_filled(reason):
    filled = FailureWords(failure(reason))
    for text in (REASONS[reason].message, *wordings(reason)):
        for _, name, _, _ in string.Formatter().parse(text):
            assert name is None or isinstance(filled[name], str)


@pytest.mark.parametrize("engine", [chromium, firefox], ids=["chromium", "firefox"])
def test_every_line_of_a_row_is_printed_for_some_failure(engine):
    examples = [played(facts.example).failure for facts in REASONS.values()]
    printed = {(engine(failed), failed) for failed in (*examples, *(row[0] for row in (*LINES, *SOCKET_LINES)))}
    for reason, facts in REASONS.items():
        wording = getattr(facts, engine.__name__)
        for template in (wording.usual, *wording.variants.values()):
            lines = ((line, template.format_map(FailureWords(failed))) for line, failed in printed)
            assert any(line == filled for line, filled in lines), (reason, template)


@pytest.mark.parametrize("failed", FAILURES)
def test_a_fix_says_that_it_is_not_cors_if_its_row_does(failed):
    assert ("Not CORS" in fix(failed).words) == (REASONS[failed.reason].kind != "cors")


def test_a_reason_about_sharing_is_cors():
    assert {REASONS[reason].kind for reason in CORS_CHECK | OF_STATUS | PREFLIGHT_ONLY} == {"cors"}
    assert OF_STATUS < PREFLIGHT_ONLY
    assert not CORS_CHECK & PREFLIGHT_ONLY
    assert reasons_about("Access-Control-Allow-Credentials") == {Reason.ALLOW_CREDENTIALS_NOT_TRUE}


@pytest.mark.parametrize(
    ("failed", "line"),
    [
        (failure(Reason.UNREACHABLE, "", exchange=None), "Could not connect to the server."),
        (failure(Reason.TLS, "", exchange=None), ""),
        (
            failure(Reason.MISSING_ALLOW_ORIGIN),
            "Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 200",
        ),
        # The status of a preflight comes first.
        (
            failure(Reason.MISSING_ALLOW_ORIGIN, status=404, is_preflight=True),
            "Preflight response is not successful. Status code: 404",
        ),
        (
            failure(Reason.MULTIPLE_ALLOW_ORIGIN, "a, b"),
            "Access-Control-Allow-Origin cannot contain more than one origin.",
        ),
        # For it, a value without a comma is one origin, a different one.
        (
            failure(Reason.MULTIPLE_ALLOW_ORIGIN, "a b"),
            "Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 200",
        ),
        (
            failure(Reason.HEADER_NOT_ALLOWED, "x-token", asked=["x-token"]),
            "Request header field x-token is not allowed by Access-Control-Allow-Headers.",
        ),
        (
            failure(
                Reason.HEADER_NOT_ALLOWED,
                "authorization",
                ("Access-Control-Allow-Headers", "*"),
                asked=["authorization"],
            ),
            "",
        ),
    ],
)
def test_safari_has_its_own_order_and_its_own_words(failed, line):
    assert safari(failed) == line
    assert NetworkError(failed).safari == line


@pytest.mark.parametrize(
    ("raised", "line"),
    [
        (Unreachable("it has gone", net_error="CONNECTION_ABORTED"), "net::ERR_CONNECTION_ABORTED"),
        # The words are used only without a name. Some transports do not know a name.
        (Unreachable("refused.example has gone", net_error="NAME_NOT_RESOLVED"), "net::ERR_NAME_NOT_RESOLVED"),
        (Unreachable("[Errno 111] Connection refused"), "net::ERR_CONNECTION_REFUSED"),
        (Unreachable("expired.example", tls=True, net_error="CERT_INVALID"), "net::ERR_CERT_INVALID"),
    ],
)
def test_chromiums_name_of_an_error_comes_from_the_transport(raised, line):
    def transport(request):
        raise raised

    with pytest.raises(NetworkError) as caught:
        Browser(transport).open("https://app.example.com/").fetch("https://api.example.com/")
    assert caught.value.chromium == f"Failed to load resource: {line}"
