"""
The rows of the reasons: each is whole, its example shows it, and nothing that is said of it elsewhere contradicts it.
"""

import re
import string

import pytest
from kit.failures import LINES, SOCKET_LINES, failure, played
from kit.fixes import FIXES

from corsguard.browser import Browser, NetworkError, Reason, Unreachable
from corsguard.browser.advice import fix
from corsguard.browser.console import chromium, firefox, safari
from corsguard.browser.evidence import words_of
from corsguard.browser.reasons import CORS_CHECK, OF_STATUS, PREFLIGHT_ONLY, REASONS, reasons_about

# All that fails in the tables of the console's lines and of the fixes, and each reason with little known of it.
FAILURES = [
    *(row[0] for row in (*LINES, *SOCKET_LINES, *FIXES)),
    *(failure(reason, exchange=None) for reason in Reason),
]


def test_every_reason_has_one_row_in_order():
    assert [*REASONS] == [*Reason]


@pytest.mark.parametrize("reason", Reason)
def test_an_example_ends_in_its_reason(reason):
    """
    An example ends in its reason, and needs all its answers.
    """
    example = REASONS[reason].example
    error = played(example)
    assert error.failure.reason is reason
    assert len(error.exchanges) >= len(example.answers)


@pytest.mark.parametrize("reason", Reason)
def test_the_facts_of_a_row_fit_its_example(reason):
    """
    A row says of its example what it says of the reason.
    """
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
    # Which clause of which standard.
    assert re.search(r'\((Fetch|Mixed Content|WebSockets), ".+"', facts.why)
    assert "(" not in facts.instead
    assert len(facts.why) < 160
    assert len(facts.instead) < 120


def wordings(reason):
    facts = REASONS[reason]
    for engine in (facts.chromium, facts.firefox, facts.safari):
        yield from (engine.usual, *engine.variants.values())


@pytest.mark.parametrize("reason", Reason)
def test_no_row_has_a_blank_that_nobody_fills(reason):
    filled = words_of(failure(reason))
    for text in (REASONS[reason].message, *wordings(reason)):
        assert {name for _, name, _, _ in string.Formatter().parse(text) if name is not None} <= {*filled}


@pytest.mark.parametrize("engine", [chromium, firefox], ids=["chromium", "firefox"])
def test_every_line_of_a_row_is_printed(engine):
    """
    Every line of a row is printed for some failure.
    """
    examples = [played(facts.example).failure for facts in REASONS.values()]
    printed = {(engine(failed), failed) for failed in (*examples, *(row[0] for row in (*LINES, *SOCKET_LINES)))}
    for reason, facts in REASONS.items():
        wording = getattr(facts, engine.__name__)
        for template in (wording.usual, *wording.variants.values()):
            assert any(line == template.format_map(words_of(failed)) for line, failed in printed), (reason, template)


@pytest.mark.parametrize("failed", FAILURES)
def test_a_fix_says_not_cors_like_its_row(failed):
    """
    A fix says that it is not CORS if the row says so.
    """
    assert ("Not CORS" in fix(failed).words) == (REASONS[failed.reason].kind != "cors")


def test_what_is_about_sharing_is_cors():
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
        # A preflight's status comes before all else.
        (
            failure(Reason.MISSING_ALLOW_ORIGIN, status=404, is_preflight=True),
            "Preflight response is not successful. Status code: 404",
        ),
        (
            failure(Reason.MULTIPLE_ALLOW_ORIGIN, "a, b"),
            "Access-Control-Allow-Origin cannot contain more than one origin.",
        ),
        # What has no comma is one origin to it, and another one.
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
        # The words are looked at only where there is no name, as of a transport that does not know one.
        (Unreachable("refused.example has gone", net_error="NAME_NOT_RESOLVED"), "net::ERR_NAME_NOT_RESOLVED"),
        (Unreachable("[Errno 111] Connection refused"), "net::ERR_CONNECTION_REFUSED"),
        (Unreachable("expired.example", tls=True, net_error="CERT_INVALID"), "net::ERR_CERT_INVALID"),
    ],
)
def test_chromium_names_the_error_of_the_transport(raised, line):
    """
    Chromium's name of an error is the transport's.
    """

    def transport(request):
        raise raised

    with pytest.raises(NetworkError) as caught:
        Browser(transport).open("https://app.example.com/").fetch("https://api.example.com/")
    assert caught.value.chromium == f"Failed to load resource: {line}"
