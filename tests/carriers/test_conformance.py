"""
The same question gets the same answer everywhere. The table of cases and the hostile requests go through all adapters.
"""

import pytest
from kit.adapters import ADAPTERS
from kit.cases import ANYONE, APP, CASES, EVIL, LISTED, OK, SHOP, Reply, preflight, request
from kit.corpus import HOSTILE_LISTS, HOSTILE_METHODS, HOSTILE_ORIGINS, WIDE_POLICY


@pytest.fixture(params=ADAPTERS.values(), ids=ADAPTERS.keys())
def adapter(request):
    return request.param


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_answer_is_what_the_table_says(adapter, case):
    ask = adapter(case.policy, case.reply)
    expected = sorted((name.lower(), value) for name, value in case.headers.items())
    # The second answer may come from memory.
    for outcome in (ask(case.request), ask(case.request)):
        assert (outcome.status, outcome.of_cors, outcome.ran) == (case.status, expected, case.ran)


def test_the_table_has_no_two_rows_with_one_name():
    names = [case.id for case in CASES]
    assert len(names) == len(set(names))


def test_a_204_preflight_has_no_content_headers(adapter):
    outcome = adapter(LISTED, OK)(preflight(APP, "PUT"))
    assert outcome.status == 204
    assert outcome.lines("Content-Type") == outcome.lines("Content-Length") == []
    assert outcome.body == b""


def test_a_200_preflight_is_empty_text(adapter):
    outcome = adapter({**LISTED, "preflight_status": 200}, OK)(preflight(APP, "PUT"))
    assert outcome.status == 200
    assert (outcome.lines("Content-Type"), outcome.lines("Content-Length")) == (["text/plain"], ["0"])
    assert outcome.body == b""


def test_a_refused_preflight_is_a_short_text_without_anything_of_the_request(adapter):
    outcome = adapter(SHOP, OK)(preflight(EVIL, "PUT", "x-one"))
    assert outcome.status == 403
    assert outcome.body == b"CORS: this origin may not read this resource.\n"
    assert outcome.lines("Content-Type") == ["text/plain"]
    assert outcome.lines("Content-Length") == [str(len(outcome.body))]


def test_other_headers_of_the_application_are_left_alone(adapter):
    reply = Reply(200, (("X-Total", "7"), ("X-Odd", "a, b"), ("Cross-Origin-Resource-Policy", "same-site")))
    outcome = adapter(SHOP, reply)(request("GET", APP))
    for name, value in reply.headers:
        assert outcome.lines(name) == [value]
    assert outcome.body == b"content"


# Hostile requests: no exception, no 5xx and no echo. Vary is still there, and the application ran.


def test_hostile_origins_are_refused_without_an_echo(adapter):
    ask = adapter(WIDE_POLICY, OK)
    expected = (200, [("vary", "Origin")], True)
    outcomes = {name: ask(request("GET", origin)) for name, origin in HOSTILE_ORIGINS.items()}
    assert {name: o for name, o in outcomes.items() if (o.status, o.of_cors, o.ran) != expected} == {}


def test_preflights_from_hostile_origins_are_refused_without_an_echo(adapter):
    ask = adapter(WIDE_POLICY, OK)
    expected = ask(preflight(EVIL, "PUT"))
    assert (expected.status, expected.ran) == (403, False)
    outcomes = {name: ask(preflight(origin, "PUT")) for name, origin in HOSTILE_ORIGINS.items()}
    assert {name: outcome for name, outcome in outcomes.items() if outcome != expected} == {}


def test_hostile_origins_get_the_constant_headers_of_a_policy_for_anyone(adapter):
    ask = adapter(ANYONE, OK)
    expected = ask(request("GET"))
    assert expected.of_cors == [("access-control-allow-origin", "*")]
    outcomes = {name: ask(request("GET", origin)) for name, origin in HOSTILE_ORIGINS.items()}
    assert {name: outcome for name, outcome in outcomes.items() if outcome != expected} == {}


def test_hostile_requested_methods_change_nothing(adapter):
    ask = adapter(SHOP, OK)
    expected = ask(preflight(APP, "PUT"))
    assert expected.status == 204
    outcomes = {name: ask(preflight(APP, method)) for name, method in HOSTILE_METHODS.items()}
    assert {name: outcome for name, outcome in outcomes.items() if outcome != expected} == {}


def test_hostile_requested_headers_change_nothing(adapter):
    ask = adapter(SHOP, OK)
    expected = ask(preflight(APP, "PUT"))
    assert expected.status == 204
    outcomes = {name: ask(preflight(APP, "PUT", names)) for name, names in HOSTILE_LISTS.items()}
    assert {name: outcome for name, outcome in outcomes.items() if outcome != expected} == {}
