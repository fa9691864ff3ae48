"""
What the operator reads from a guard: about its policies, its refusals and the layers around it.
"""

import gc
import logging
import sys
import weakref

import pytest
from kit.adapters import Application, environ_of, serve
from kit.cases import APP, EVIL, LISTED, OK, Reply, get, preflight, request

from corsguard import CORSMiddleware, Policies, Policy


def test_a_guard_writes_the_warnings_of_its_policies_when_it_gets_them(records):
    middleware = CORSMiddleware(Application(OK), {"/": LISTED, "/api": {"allow_origins": ["http://a.example"]}})
    (record,) = records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith('W103 allow_origins: "http://a.example" is plain http')
    middleware.policy = Policy(allow_origins=["https://a.example"], max_age=86400)
    assert [record.getMessage()[:12] for record in records[1:]] == ["W301 max_age"]
    middleware.policy = None
    assert len(records) == 2


def test_a_guard_with_the_same_policies_warns_only_once(records):
    risky = {"allow_origins": ["http://a.example"]}
    middleware = CORSMiddleware(Application(OK), risky)
    for policy in (risky, {"/": risky, "/api": risky}, Policy(**risky), LISTED, risky):
        middleware.policy = policy
        serve(middleware, environ_of(get()))
    assert [record.getMessage()[:18] for record in records] == ["W103 allow_origins"]


def test_swapped_policies_warn_at_the_next_request(records):
    policies = Policies(LISTED)
    middleware = CORSMiddleware(Application(OK), policies)
    policies.policy = {"allow_origins": ["http://a.example"]}
    assert records == []
    for _ in range(2):
        serve(middleware, environ_of(get()))
    assert [record.getMessage()[:18] for record in records] == ["W103 allow_origins"]


@pytest.mark.parametrize("risky", [{}, {"max_age": 86400}], ids=["no warnings", "warnings"])
def test_a_guard_keeps_no_swapped_policy_alive(records, monkeypatch, risky):
    # pytest keeps the records that reach it.
    monkeypatch.setattr(logging.getLogger("corsguard"), "propagate", False)
    middleware = CORSMiddleware(Application(OK), {**LISTED, **risky})
    serve(middleware, environ_of(get(EVIL)))
    gone = weakref.ref(middleware.policy)
    middleware.policy = {"allow_origins": "*"}
    serve(middleware, environ_of(get(EVIL)))
    records.clear()
    gc.collect()
    # The thread of a source in it would never end.
    assert gone() is None


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


def test_a_guard_reports_cors_headers_of_the_application_once(records):
    guarded = CORSMiddleware(Application(Reply(200, (("access-control-allow-origin", "*"),))), LISTED)
    for _ in range(3):
        serve(guarded, environ_of(get(APP), "/orders"))
    (record,) = records
    assert record.getMessage().startswith(
        "There are two layers of CORS: the response to 'GET' '/orders' already had 'access-control-allow-origin'."
    )


def test_a_guard_within_a_guard_is_two_layers(records):
    guarded = CORSMiddleware(CORSMiddleware(Application(OK), LISTED), LISTED)
    serve(guarded, environ_of(get(APP)))
    serve(guarded, environ_of(get(APP)))
    (record,) = records
    assert "There are two layers of CORS" in record.getMessage()


@pytest.mark.parametrize("paths", [{"/orders": None}, {"/": None}, {"/": LISTED, "/orders": None}], ids=str)
def test_a_closed_path_in_front_of_an_application_that_shares_is_two_layers(records, paths):
    events = []
    app = Application(Reply(200, (("Access-Control-Allow-Origin", "*"),)))
    guarded = CORSMiddleware(app, paths, on_event=events.append)
    for asked in (get(EVIL), preflight(EVIL, "PUT")):
        serve(guarded, environ_of(asked, "/orders"))
    (record,) = records
    assert "There are two layers of CORS" in record.getMessage()
    assert [(event.reason, event.policy, event.path) for event in events] == [("two-layers", None, "/orders")]
    assert events[0].name in paths


def test_an_unguarded_path_is_not_a_second_layer(records):
    events = []
    app = Application(Reply(200, (("Access-Control-Allow-Origin", "*"),)))
    guarded = CORSMiddleware(app, {"/": LISTED, "/own": "unguarded"}, on_event=events.append)
    for asked in (get(EVIL), preflight(EVIL, "PUT")):
        serve(guarded, environ_of(asked, "/own"))
    assert (records, events) == ([], [])


def test_a_guard_records_an_odd_path_of_a_page_only(records):
    events = []
    guarded = CORSMiddleware(Application(OK), {"/": LISTED, "/api": None}, on_event=events.append)
    serve(guarded, environ_of(get(), "/api/../x"))
    serve(guarded, environ_of(get(EVIL), "/y/../x"))
    assert [event.reason for event in events] == ["origin"]
    events.clear()
    for asked in (get(APP), preflight(APP, "PUT")):
        serve(guarded, environ_of(asked, "/api/../x"))
    assert [event[:3] for event in events] == [("odd-path", None, "")] * 2
    assert [event.path for event in events] == ["/api/../x"] * 2
    assert [record.getMessage()[:40] for record in records[1:]] == ["'GET' '/api/../x' is not shared with 'ht"]


@pytest.mark.parametrize("asks", [False, True], ids=["listed", "source"])
def test_one_event_is_reported_once_though_the_response_begins_again(asks):
    class Nobody:
        def __contains__(self, origin):
            return False

    def app(environ, start_response):
        start_response("200 OK", [("Access-Control-Allow-Origin", "*")])
        try:
            {}["too late to succeed"]
        except KeyError:
            start_response("500 Internal Server Error", [("Access-Control-Allow-Origin", "*")], sys.exc_info())
        return []

    events = []
    serve(
        CORSMiddleware(app, {"allow_origins": Nobody()} if asks else LISTED, on_event=events.append),
        environ_of(get(EVIL)),
    )
    assert [event.reason for event in events] == ["origin", "two-layers"]


def test_a_guard_records_what_a_source_raises_for_every_kind_of_request(records):
    class Broken:
        def __contains__(self, origin):
            raise LookupError(origin)

    guarded = CORSMiddleware(Application(OK), {"allow_origins": Broken()})
    for environ in (environ_of(get(APP)), environ_of(preflight(APP, "PUT"))):
        serve(guarded, environ)
    # Both come at the same time, so the second is left out.
    assert [(record.levelno, record.exc_info[0]) for record in records] == [(logging.ERROR, LookupError)]
