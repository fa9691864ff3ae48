"""
What the operator is told: bounded, in ASCII, on one line, and no more often than it helps.
"""

import logging

import pytest
from adapters import Application, environ_of, serve
from cases import APP, EVIL, LISTED, OK, Reply, get, preflight, request

from corsguard import CORSMiddleware, Decision, Journal, Policy, Refusal, RequestKind


class Listener(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def records(caplog):
    caplog.set_level(logging.INFO, logger="corsguard")
    listener = Listener()
    logger = logging.getLogger("corsguard")
    logger.addHandler(listener)
    yield listener.records
    logger.removeHandler(listener)


def refused(error=None):
    return Decision(RequestKind.CORS, None, (), "Origin", Refusal.ORIGIN, error=error)


ENVIRON = {"REQUEST_METHOD": "POST", "PATH_INFO": "/orders", "HTTP_ORIGIN": EVIL}


def test_a_refusal_is_recorded_with_its_resource(records):
    Journal().record(refused(), ENVIRON)
    (record,) = records
    assert (record.name, record.levelno) == ("corsguard", logging.INFO)
    assert record.getMessage() == "The policy of 'POST' '/orders' does not share with 'https://evil.example'."


def test_a_same_origin_refusal_is_not_reported(records):
    Journal().record(refused(), {**ENVIRON, "HTTP_SEC_FETCH_SITE": "same-origin"})
    assert records == []


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "same-origin,cross-site", "", "Same-Origin"])
def test_any_other_refusal_is_reported(records, site):
    Journal().record(refused(), {**ENVIRON, "HTTP_SEC_FETCH_SITE": site})
    assert len(records) == 1


def test_what_a_source_raised_is_reported_with_its_traceback(records):
    error = LookupError("the database is gone")
    Journal().record(refused(error), {**ENVIRON, "HTTP_SEC_FETCH_SITE": "same-origin"})
    (record,) = records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == (
        "The origin source failed, so 'POST' '/orders' is not shared with 'https://evil.example'."
    )
    assert record.exc_info[1] is error


def test_nothing_is_worded_when_nobody_listens(caplog):
    caplog.set_level(logging.WARNING, logger="corsguard")

    class Unread(dict):
        def get(self, key, default=None):
            raise AssertionError(f"read {key}")

    Journal().record(refused(), Unread(ENVIRON))
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
    journal.record(refused(), environ)
    journal.record(refused(LookupError()), environ)
    journal.record_displaced(["Access-Control-Allow-Origin", f"Access-Control-{text}"], environ)
    assert len(records) == 3
    for record in records:
        message = record.getMessage()
        assert message.isascii()
        assert message.isprintable()
        assert len(message) < 1200


def test_two_layers_are_told_of_once(records):
    journal = Journal()
    journal.record_displaced([], ENVIRON)
    assert records == []
    journal.record_displaced(["Access-Control-Allow-Origin"], ENVIRON)
    journal.record_displaced(["Access-Control-Allow-Origin"], {**ENVIRON, "PATH_INFO": "/other"})
    (record,) = records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "Two layers of CORS: the response to 'POST' '/orders' already had 'Access-Control-Allow-Origin'. The policy "
        "replaced or removed it; take it out where it is set. This is said once."
    )


# The same by way of a guard.


def test_a_guard_writes_the_warnings_of_its_policies_when_it_gets_them(records):
    middleware = CORSMiddleware(Application(OK), {"/": LISTED, "/api": {"allow_origins": ["http://a.example"]}})
    (record,) = records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith('W103 allow_origins: "http://a.example" is plain http')
    middleware.policy = Policy(allow_origins=["https://a.example"], max_age=86400)
    assert [record.getMessage()[:12] for record in records[1:]] == ["W301 max_age"]
    middleware.policy = None
    assert len(records) == 2


def test_a_guard_records_a_refused_preflight_and_no_allowed_one(records):
    guarded = CORSMiddleware(Application(OK), LISTED)
    serve(guarded, environ_of(preflight(APP, "PUT"), "/orders"))
    assert records == []
    serve(guarded, environ_of(preflight(EVIL, "PUT"), "/orders"))
    assert [record.getMessage() for record in records] == [
        "The policy of 'OPTIONS' '/orders' does not share with 'https://evil.example'."
    ]


def test_a_guard_is_silent_about_what_it_allows(records):
    guarded = CORSMiddleware(Application(OK), LISTED)
    for environ in (environ_of(get()), environ_of(get(APP)), environ_of(request("OPTIONS", APP))):
        serve(guarded, environ)
    assert records == []


def test_a_guard_says_once_that_the_application_sets_headers_of_its_own(records):
    guarded = CORSMiddleware(Application(Reply(200, (("access-control-allow-origin", "*"),))), LISTED)
    for _ in range(3):
        serve(guarded, environ_of(get(APP), "/orders"))
    (record,) = records
    assert record.getMessage().startswith(
        "Two layers of CORS: the response to 'GET' '/orders' already had 'access-control-allow-origin'."
    )


def test_a_guard_within_a_guard_is_two_layers(records):
    guarded = CORSMiddleware(CORSMiddleware(Application(OK), LISTED), LISTED)
    serve(guarded, environ_of(get(APP)))
    serve(guarded, environ_of(get(APP)))
    (record,) = records
    assert "Two layers of CORS" in record.getMessage()


def test_a_guard_records_what_a_source_raises_for_every_kind_of_request(records):
    class Broken:
        def __contains__(self, origin):
            raise LookupError(origin)

    guarded = CORSMiddleware(Application(OK), {"allow_origins": Broken()})
    for environ in (environ_of(get(APP)), environ_of(preflight(APP, "PUT"))):
        serve(guarded, environ)
    assert [(record.levelno, record.exc_info[0]) for record in records] == [(logging.ERROR, LookupError)] * 2
