"""
What the operator reads: it is bounded, in ASCII, on one line, and rare enough to help.
"""

import gc
import logging
import threading
import weakref
from types import SimpleNamespace

import pytest
from kit.cases import APP, EVIL, LISTED

from corsguard import Decision, Event, Policy, RefreshingOrigins, Refusal, RequestKind, negotiate
from corsguard.adapters import Assignment, Journal
from corsguard.fixes import NO_FIX, Fix
from corsguard.journal import REASONS
from corsguard.protection import REMEDIES


@pytest.fixture
def clock(monkeypatch):
    """
    The time that the rate limit sees, in seconds. It only moves when a test sets it.
    """
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("corsguard.journal.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def refused(error=None):
    return Decision(RequestKind.CORS, None, (("Vary", "Origin"),), Refusal.ORIGIN, error)


def kept_out(refusal=Refusal.ORIGIN):
    return Decision(RequestKind.HANDSHAKE, 403, (), refusal)


POLICY = Policy(**LISTED)
SHOP = Assignment(POLICY, "shop")
ODD = Assignment(None, "", is_odd=True, varies=True)
ENVIRON = {"REQUEST_METHOD": "POST", "PATH_INFO": "/orders", "HTTP_ORIGIN": EVIL}


def test_a_refusal_is_recorded_with_its_resource(records):
    Journal().record(SHOP, refused(), ENVIRON)
    (record,) = records
    assert (record.name, record.levelno) == ("corsguard", logging.INFO)
    assert record.getMessage() == "The policy of 'POST' '/orders' does not share with 'https://evil.example'."


def test_a_same_origin_refusal_is_not_reported(records):
    Journal().record(SHOP, refused(), {**ENVIRON, "HTTP_SEC_FETCH_SITE": "same-origin"})
    assert records == []


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin,cross-site", "", "Same-Origin"])
def test_every_other_refusal_is_reported(records, site):
    Journal().record(SHOP, refused(), {**ENVIRON, "HTTP_SEC_FETCH_SITE": site})
    assert len(records) == 1


def test_what_a_source_raises_is_reported_with_its_traceback(records):
    error = LookupError("the database is gone")
    Journal().record(SHOP, refused(error), {**ENVIRON, "HTTP_SEC_FETCH_SITE": "same-origin"})
    (record,) = records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == (
        "The origin source failed, so 'POST' '/orders' is not shared with 'https://evil.example'."
    )
    assert record.exc_info[1] is error


def test_no_text_is_made_if_nobody_listens(caplog):
    caplog.set_level(logging.WARNING, logger="corsguard")

    class Unread(dict):
        def get(self, key, default=None):
            raise AssertionError(f"read {key}")

    Journal().record(SHOP, refused(), Unread(ENVIRON))
    assert caplog.records == []


@pytest.mark.parametrize(
    "text",
    [
        "\r\nWARNING forged",
        "\x1b[31mred",
        "\x00",
        "\u2028",
        "\u00e9l\u00e8ve",
        "\ud800",
        "%s %d %(name)s",
        "x" * 1_000_000,
        "\n" * 1_000_000,
        "\U0001f600" * 100_000,
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_a_record_is_one_bounded_line_of_ascii_whatever_a_client_sends(records, text):
    environ = {"REQUEST_METHOD": text, "PATH_INFO": text, "HTTP_ORIGIN": text}
    journal = Journal()
    journal.record(SHOP, refused(), environ)
    journal.record(SHOP, refused(LookupError()), environ)
    journal.record_displaced(SHOP, ["Access-Control-Allow-Origin", f"Access-Control-{text}"], environ)
    journal.record_odd_path(ODD, environ)
    journal.record(SHOP, kept_out(), environ)
    assert len(records) == 5
    for record in records:
        message = record.getMessage()
        assert message.isascii()
        assert message.isprintable()
        assert len(message) < 1200
        for said in record.cors_event[3:6]:
            assert text.isascii() or "\\" in said
            assert said.isascii()
            assert said.isprintable()
            assert 0 < len(said) <= 200


def test_two_layers_are_reported_once(records):
    journal = Journal()
    journal.record_displaced(SHOP, ["Access-Control-Allow-Origin"], ENVIRON)
    journal.record_displaced(SHOP, ["Access-Control-Allow-Origin"], {**ENVIRON, "PATH_INFO": "/other"})
    (record,) = records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "There are two layers of CORS: the response to 'POST' '/orders' already had 'Access-Control-Allow-Origin'. "
        "The policy replaced or removed them. Remove the code or the library that sets them. This is logged once."
    )


def test_refusals_like_the_last_one_are_left_out_and_counted(records, clock):
    journal = Journal()
    for _ in range(5):
        journal.record(SHOP, refused(), ENVIRON)
    clock.now += 59.9
    journal.record(SHOP, refused(), {**ENVIRON, "PATH_INFO": "/other", "HTTP_ORIGIN": "https://other.example"})
    assert len(records) == 1
    clock.now += 0.1
    journal.record(SHOP, refused(), ENVIRON)
    clock.now += 60
    journal.record(SHOP, refused(), ENVIRON)
    words = "The policy of 'POST' '/orders' does not share with 'https://evil.example'."
    assert [record.getMessage() for record in records] == [
        words,
        f"{words} Similar records left out since the last one: 5.",
        words,
    ]


def test_each_reason_and_each_policy_has_its_own_rate_limit(records, clock):
    journal = Journal()
    shops = SHOP, Assignment(Policy(allow_origins=["https://other.example"]), "other")
    for _ in range(2):
        for shop in shops:
            for error in (None, LookupError()):
                journal.record(shop, refused(error), ENVIRON)
    assert [(record.cors_event.reason, record.cors_event.policy, record.cors_event.name) for record in records] == [
        (reason, *shop[:2]) for shop in shops for reason in ("origin", "source")
    ]


def test_a_failing_source_is_written_no_more_often_than_a_refusal(records, clock):
    journal = Journal()
    for _ in range(3):
        journal.record(SHOP, refused(LookupError()), ENVIRON)
    clock.now += 60
    journal.record(SHOP, refused(LookupError()), ENVIRON)
    assert [record.getMessage().partition("example'.")[2] for record in records] == [
        "",
        " Similar records left out since the last one: 2.",
    ]


def listed(*origins):
    return Assignment(Policy(allow_origins=list(origins)), "shop")


def test_equal_policies_share_a_rate_limit(records, clock):
    """
    A swap to an equal policy writes no refusal again. Neither does a store that builds a tenant's policy for each
    request.
    """
    journal = Journal()
    for _ in range(3):
        journal.record(listed(APP), refused(), ENVIRON)
    journal.record(listed(APP, "https://other.example"), refused(), ENVIRON)
    assert len(records) == 2
    clock.now += 60
    journal.record(listed(APP), refused(), ENVIRON)
    assert records[2].getMessage().endswith(" Similar records left out since the last one: 2.")


def test_policies_with_two_sources_share_no_rate_limit(records, clock):
    journal, sources = Journal(), [RefreshingOrigins(lambda: [APP], every=60) for _ in range(2)]
    for source in (*sources, *sources):
        journal.record(Assignment(Policy(allow_origins=source), "shop"), refused(), ENVIRON)
    assert len(records) == 2


def test_any_number_of_tenants_write_a_bounded_number_of_records(records, clock):
    """
    However many policies refuse, the records of a minute and the memory are bounded.
    """
    journal = Journal()
    tenants = [listed(f"https://{number}.example.com") for number in range(300)]
    for tenant in 2 * tenants:
        journal.record(tenant, refused(), ENVIRON)
    # Policies that refused after the bound was reached share one record.
    assert len(records) == 257
    clock.now += 60
    for tenant in tenants:
        journal.record(tenant, refused(), ENVIRON)
    # One of them took the place of the shared record.
    assert len(records) == 2 * 257 + 1


def test_a_journal_keeps_no_policy_alive(records, monkeypatch):
    # pytest keeps the records that reach it.
    monkeypatch.setattr(logging.getLogger("corsguard"), "propagate", False)
    journal, policy = Journal(), Policy(**LISTED)
    journal.record(Assignment(policy, "shop"), refused(), ENVIRON)
    assert len(records) == 1
    records.clear()
    gone = weakref.ref(policy)
    del policy
    gc.collect()
    assert gone() is None


def in_threads(work):
    start = threading.Barrier(8)

    def run():
        start.wait()
        for _ in range(200):
            work()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_the_count_of_left_out_records_is_right_with_threads(records, clock):
    journal = Journal()
    in_threads(lambda: journal.record(SHOP, refused(), ENVIRON))
    assert len(records) == 1
    clock.now += 60
    journal.record(SHOP, refused(), ENVIRON)
    assert records[1].getMessage().endswith(" Similar records left out since the last one: 1599.")


def test_threads_report_two_layers_once(records, monkeypatch):
    # Simulate another thread that runs each time the lock is requested.
    class Interrupted:
        def __enter__(self):
            entered.append(journal)
            if len(entered) == 1:
                journal.record_displaced(SHOP, ["Access-Control-Allow-Origin"], ENVIRON)

        def __exit__(self, *_):
            pass

    entered = []
    monkeypatch.setattr("corsguard.journal.Lock", Interrupted)
    journal = Journal()
    journal.record_displaced(SHOP, ["Access-Control-Allow-Origin"], ENVIRON)
    assert len(records) == 1


def test_a_listener_gets_each_refusal(records):
    """
    It gets those too that the log leaves out.
    """
    journal = Journal([].append)
    events = [journal.record(SHOP, refused(), ENVIRON) for _ in range(3)]
    events.append(journal.record(SHOP, refused(LookupError()), ENVIRON))
    events.append(journal.record_displaced(SHOP, ["Access-Control-Allow-Origin"], ENVIRON))
    events.append(journal.record_displaced(SHOP, ["Access-Control-Allow-Origin"], ENVIRON))
    events.append(journal.record_odd_path(ODD, ENVIRON))
    events.append(journal.record(SHOP, kept_out(), ENVIRON))
    said = ("POST", "/orders", EVIL)
    of_policy = [(Event(reason, POLICY, "shop", *said),) for reason in ["origin"] * 3 + ["source", "two-layers"]]
    late = [(Event("odd-path", None, "", *said),), (Event("websocket", POLICY, "shop", *said),)]
    assert events == [*of_policy, (), *late]
    assert [record.cors_event for record in records] == [event for (event,) in (events[0], *events[3:5], *events[6:])]
    assert {event.reason for told in events for event in told} == REASONS.keys() - REMEDIES.keys()


FORGED = {**ENVIRON, "HTTP_HOST": "api.example.com", "HTTP_SEC_FETCH_SITE": "cross-site", "HTTP_COOKIE": "sid=secret"}
FIX = Fix(words="exempt the path")


@pytest.mark.parametrize("reason", REMEDIES)
def test_a_refused_request_is_an_event_with_its_reason(records, reason):
    (event,) = Journal([].append).record_protection(SHOP, reason, FIX, FORGED, would_refuse=False)
    assert event == (reason, POLICY, "shop", "POST", "/orders", EVIL, FIX, False, "cross-site", True)
    (record,) = records
    assert (record.levelno, record.cors_event) == (logging.INFO, event)
    assert record.getMessage() == (
        f"Protection refused 'POST' '/orders' from a page on 'https://evil.example' to Host 'api.example.com' "
        f"({reason}). {REASONS[reason].message} Fix: exempt the path"
    )


def test_an_event_in_report_mode_says_that_it_is_only_reported(records):
    (event,) = Journal([].append).record_protection(SHOP, "cross-site", NO_FIX, ENVIRON, would_refuse=True)
    assert event[6:] == (NO_FIX, True, "", False)
    assert records[0].getMessage().startswith("Protection would refuse 'POST' '/orders' ")
    assert records[0].getMessage().endswith(REASONS["cross-site"].message)


def test_refusals_of_protection_are_logged_at_a_limited_rate(records, clock):
    journal = Journal()
    for would_refuse in (False, True):
        for reason in ("cross-site", "cross-site", "null-origin"):
            journal.record_protection(SHOP, reason, FIX, FORGED, would_refuse=would_refuse)
    assert len(records) == 4
    clock.now += 60
    journal.record_protection(SHOP, "cross-site", FIX, FORGED, would_refuse=False)
    assert records[-1].getMessage().endswith(" Similar records left out since the last one: 1.")


def test_in_development_each_refusal_of_protection_is_logged(records):
    journal = Journal(is_debug=lambda: True)
    for _ in range(2):
        journal.record_protection(SHOP, "cross-site", FIX, FORGED, would_refuse=False)
    assert [record.levelno for record in records] == [logging.WARNING] * 2


def test_without_a_listener_no_event_is_made(caplog):
    caplog.set_level(logging.CRITICAL, logger="corsguard")
    journal = Journal()
    for _ in range(100):
        assert journal.record_protection(SHOP, "cross-site", FIX, FORGED, would_refuse=False) == ()
    assert next(journal.turns) is False


def test_an_event_of_a_closed_path_has_no_policy():
    closed = Assignment(None, "/closed")
    events = Journal([].append).record_displaced(closed, ["Access-Control-Allow-Origin"], ENVIRON)
    assert events == (Event("two-layers", None, "/closed", "POST", "/orders", EVIL),)


def test_a_listener_gets_events_without_a_log(caplog):
    caplog.set_level(logging.CRITICAL, logger="corsguard")
    assert len(Journal([].append).record(SHOP, refused(), ENVIRON)) == 1
    assert len(Journal([].append).record_odd_path(ODD, ENVIRON)) == 1
    assert caplog.records == []


@pytest.mark.parametrize("listener", [{}, {"on_event": [].append, "is_heard": lambda: False}], ids=["none", "unheard"])
def test_without_log_and_listener_there_are_no_events(records, listener):
    journal = Journal(**listener)
    assert journal.record(SHOP, refused(), ENVIRON) == ()
    assert journal.record(SHOP, refused(LookupError()), ENVIRON) == ()
    assert journal.record_displaced(SHOP, ["Access-Control-Allow-Origin"], ENVIRON) == ()
    assert journal.record_odd_path(ODD, ENVIRON) == ()
    assert len(records) == 4


def test_recording_calls_no_listener_and_telling_does():
    heard = []
    journal = Journal(heard.append)
    (event,) = journal.record(SHOP, refused(), ENVIRON)
    assert heard == []
    journal.tell(event)
    assert heard == [event]
    Journal().tell(event)


def test_an_error_of_a_listener_is_written_at_a_limited_rate(records, clock):
    def fail(event):
        raise LookupError(event.path)

    journal = Journal(fail)
    for _ in range(3):
        journal.tell(*journal.record(SHOP, refused(), ENVIRON))
    clock.now += 60
    journal.tell(*journal.record_displaced(SHOP, ["Access-Control-Allow-Origin"], ENVIRON))
    failures = [record for record in records if record.levelno == logging.ERROR]
    words = "The listener for events raised an exception. The request was still answered."
    assert [(record.getMessage(), record.exc_info[0]) for record in failures] == [
        (words, LookupError),
        (f"{words} Similar records left out since the last one: 2.", LookupError),
    ]


def test_an_odd_path_is_written_at_a_limited_rate(records, clock):
    journal = Journal()
    for path in ("/api/../x", "/api/../y", "//api"):
        journal.record_odd_path(ODD, {**ENVIRON, "PATH_INFO": path})
    clock.now += 60
    journal.record_odd_path(ODD, {**ENVIRON, "PATH_INFO": "/api/../z"})
    words = "is not shared with 'https://evil.example': the path can be read in several ways, which lead to different"
    assert [(record.levelno, record.getMessage()) for record in records] == [
        (logging.INFO, f"'POST' '/api/../x' {words} policies."),
        (logging.INFO, f"'POST' '/api/../z' {words} policies. Similar records left out since the last one: 2."),
    ]


def test_the_warnings_of_equal_policies_are_written_once(records):
    journal = Journal()
    risky = {"allow_origins": ["http://a.example"]}
    journal.warn_of([Policy(**risky), Policy(**risky)])
    journal.warn_of([POLICY, Policy(**risky)])
    journal.warn_of([Policy(**risky, max_age=0)])
    assert [record.getMessage()[:18] for record in records] == ["W103 allow_origins"] * 2
    Journal().warn_of([Policy(**risky)])
    assert len(records) == 3


def test_warnings_are_written_once_for_more_policies_than_are_remembered(records):
    journal = Journal()
    policies = [Policy(allow_origins=[f"http://a{number}.example"]) for number in range(300)]
    for _ in range(3):
        journal.warn_of([*policies, POLICY])
    assert len(records) == 300


def raising(error):
    def listener(event):
        raise error

    return listener


def test_a_base_exception_of_a_listener_is_written_too(records, clock):
    class Timeout(BaseException):
        pass

    event = Event("origin", POLICY, "policy", "GET", "/", EVIL)
    for kind in (Timeout, LookupError):
        Journal(raising(kind())).tell(event)
    assert [record.exc_info[0] for record in records] == [Timeout, LookupError]
    for kind in (KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(kind):
            Journal(raising(kind())).tell(event)


def skipped(journal):
    """
    Return how many refusals pass before one has to be recorded.
    """
    return next(count for count, turn in enumerate(journal.turns) if turn)


def test_after_a_hundred_unheard_refusals_a_hundred_may_be_skipped():
    journal = Journal([].append, is_heard=lambda: False)
    for _ in range(99):
        journal.record(SHOP, refused(), ENVIRON)
        assert skipped(journal) == 0
    journal.record(SHOP, refused(), ENVIRON)
    assert skipped(journal) == 500
    assert skipped(journal) == 0
    journal.record(SHOP, refused(), ENVIRON)
    journal.listen("a sender", receiver="and what else a signal sends")
    assert skipped(journal) == 0
    journal.record(SHOP, refused(), ENVIRON)
    assert skipped(journal) == 0


def test_with_a_listener_no_refusal_is_skipped(caplog):
    hearing = []
    journal = Journal([].append, is_heard=lambda: hearing)
    for _ in range(100):
        assert journal.record(SHOP, refused(), ENVIRON) == ()
    hearing.append("somebody")
    assert len(journal.record(SHOP, refused(), ENVIRON)) == 1
    assert skipped(journal) == 0


PREFLIGHT = {
    "REQUEST_METHOD": "OPTIONS",
    "PATH_INFO": "/orders",
    "HTTP_ORIGIN": APP,
    "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "PUT",
}


def test_in_development_each_refusal_of_a_browser_is_explained(records):
    journal = Journal(is_debug=lambda: True)
    for environ in (PREFLIGHT, {**PREFLIGHT, "HTTP_ORIGIN": EVIL}, ENVIRON) * 2:
        journal.record(SHOP, negotiate(POLICY, environ), environ)
    assert {(record.name, record.levelno) for record in records} == {("corsguard", logging.WARNING)}
    first, second, third = [record.getMessage().split("\n") for record in records[:3]]
    *first, verdict = first
    assert verdict == (
        "The browser blocks it and says: "
        "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response."
    )
    assert first == [
        "OPTIONS /orders is blocked by CORS.",
        "A CORS-preflight request",
        "  ok  origin      https://app.example.com",
        '                  Covered by "https://app.example.com".',
        "  NO  method      PUT",
        "                  It is not one of GET, HEAD, POST.",
        '                  fix: allow_methods=["GET", "HEAD", "POST", "PUT"]',
        '  --  credentials only the page knows: credentials: "include"',
        (
            "                  A page that asks for credentials gets only an error. A bearer token in Authorization "
            "does not need them."
        ),
        "                  fix: allow_credentials=True",
        "The server sends 204 and",
        "  Access-Control-Allow-Origin: https://app.example.com",
        "  Access-Control-Allow-Methods: GET, HEAD, POST",
        "  Access-Control-Max-Age: 7200",
        "  Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
    ]
    fix = '                  fix: allow_origins=["https://app.example.com", "https://evil.example"]'
    assert fix in second
    assert fix in third
    assert third[0] == "POST /orders is blocked by CORS."
    assert third[-1] == (
        "The browser blocks it and says: No 'Access-Control-Allow-Origin' header is present on the requested resource."
    )
    assert [record.getMessage() for record in records[3:]] == [record.getMessage() for record in records[:3]]


def test_in_development_nothing_that_a_browser_lets_pass_is_explained(records):
    journal = Journal(is_debug=lambda: True)
    for environ in (
        {**PREFLIGHT, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"},
        {**ENVIRON, "HTTP_ORIGIN": APP},
        {**ENVIRON, "HTTP_SEC_FETCH_SITE": "same-origin"},
    ):
        journal.record(SHOP, negotiate(POLICY, environ), environ)
    assert records == []


def test_a_failing_source_is_explained_and_its_error_is_written(records):
    journal = Journal(is_debug=lambda: True)
    journal.record(SHOP, refused(LookupError()), ENVIRON)
    assert [record.levelno for record in records] == [logging.WARNING, logging.ERROR]


def test_an_explanation_has_no_line_of_a_client(records):
    journal = Journal(is_debug=lambda: True)
    for text in ("\r\nWARNING forged", "\x1b[31m", "\u2028", "\ud800", "a\n" * 100_000, "A" * 1_000_000):
        environ = {**PREFLIGHT, "PATH_INFO": text, "HTTP_ACCESS_CONTROL_REQUEST_METHOD": text}
        environ["HTTP_ACCESS_CONTROL_REQUEST_HEADERS"] = text
        for origin in (APP, text):
            environ["HTTP_ORIGIN"] = origin
            journal.record(SHOP, negotiate(POLICY, environ), environ)
    assert len(records) == 12
    for record in records:
        lines = record.getMessage().split("\n")
        assert len(lines) < 25
        assert all(line.isascii() and line.isprintable() and len(line) < 700 for line in lines)
        assert not any(line.startswith("WARNING") for line in lines)


def test_a_refused_handshake_is_reported_with_its_fix(records):
    """
    The fix lets a listed origin in.
    """
    journal = Journal([].append)
    (event,) = journal.record(SHOP, kept_out(Refusal.CREDENTIALS), ENVIRON)
    assert (event.reason, event.fix.policy) == ("websocket", {"allow_credentials": True})
    assert records[0].getMessage() == (
        f"The WebSocket handshake 'POST' '/orders' was refused for a page on '{EVIL}'. "
        "Fix: allow_credentials=True  # The origin is listed, but a WebSocket handshake carries cookies. "
        "Or write websockets=['/orders'], if the application checks a token there and uses no cookies. "
        "This is logged once."
    )


def test_a_listed_origin_whose_websocket_is_refused_gets_one_warning(caplog):
    """
    The warning is visible with Python's default logging too. Later ones have the level of any refusal.
    """
    caplog.set_level(logging.WARNING, "corsguard")
    journal = Journal()
    journal.record(SHOP, kept_out(), ENVIRON)
    assert caplog.records == []
    for _ in range(2):
        journal.record(SHOP, kept_out(Refusal.CREDENTIALS), ENVIRON)
    (record,) = caplog.records
    assert (record.levelno, record.cors_event.reason) == (logging.WARNING, "websocket")
    caplog.set_level(logging.INFO, "corsguard")
    journal.record(SHOP, kept_out(Refusal.CREDENTIALS), ENVIRON)
    assert [record.levelno for record in caplog.records] == [logging.WARNING, logging.INFO]


def test_a_refused_same_origin_handshake_is_reported(records):
    # Other requests of the same origin need no grant.
    environ = {**ENVIRON, "HTTP_SEC_FETCH_SITE": "same-origin"}
    journal = Journal([].append)
    assert [event.reason for event in journal.record(SHOP, kept_out(), environ)] == ["websocket"]
    assert journal.record(SHOP, refused(), environ) == ()


@pytest.mark.parametrize("there", [SHOP, Assignment(None, "/admin"), ODD], ids=["guarded", "closed", "odd"])
def test_in_development_a_handshake_is_explained(records, there):
    Journal([].append, is_debug=lambda: True).record(there, kept_out(), ENVIRON)
    (message,) = [record.getMessage() for record in records]
    assert message.startswith("POST /orders is refused.\nA WebSocket handshake\n")
