"""
Origins that are loaded again while the server runs: what is accepted, what fails, and what requests see.
"""

import asyncio
import concurrent.futures
import copy
import logging
import pickle
import sys
import threading
from datetime import timedelta

import pytest
from kit.django_sending import APP, EVIL
from kit.serving import needed
from kit.sourcing import NEVER, PATIENCE, PREVIEW, Clock, Origins, Store, Timeout, codes_of, grants, remember

from corsguard import Policy, PolicyError
from corsguard.audience import is_interruption
from corsguard.sources import RefreshingOrigins


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
@pytest.mark.parametrize("credentials", [True, False])
def test_loaded_origins_are_granted(keep, kind, credentials):
    loaded = kind([APP, "https://pr-*.example.com", "http://localhost:*"])
    policy = Policy(allow_origins=keep(lambda: loaded), allow_credentials=credentials)
    for origin in (APP, PREVIEW, "http://localhost:3000"):
        assert grants(policy, origin)
    for origin in (EVIL, f"{APP}:8443", "https://pr-.example.com", "null", "https://pr-*.example.com"):
        assert not grants(policy, origin)


def test_a_refresh_replaces_all_origins(keep):
    load = Origins(APP, "https://*.example.com")
    source = keep(load)
    policy = Policy(allow_origins=source)
    load.result = {"https://new.example", "https://pr-*.example.org"}
    assert source.refresh() is True
    assert [grants(policy, origin) for origin in (APP, "https://a.example.com")] == [False, False]
    assert [grants(policy, origin) for origin in ("https://new.example", "https://pr-1.example.org")] == [True, True]


@pytest.mark.parametrize(
    "again", [[APP], [APP, PREVIEW], ["https://*.example.com"], [APP, "https://*.example.com"], []]
)
@pytest.mark.parametrize("before", [[APP], ["https://*.example.com"], ["https://*.example.com", APP], []])
def test_origins_of_earlier_loads_do_not_count(keep, before, again):
    load = Origins(*before)
    source = keep(load)
    load.result = again
    assert source.refresh()
    fresh = keep(lambda: again)
    for origin in (APP, PREVIEW, "https://z.example.com", EVIL, "https://*.example.com"):
        assert (origin in source) == (origin in fresh)


def test_an_empty_list_grants_nobody(keep):
    # A person who removes the last origin means it.
    load = Origins(APP)
    source = keep(load)
    load.result = []
    assert source.refresh()
    assert APP not in source
    assert EVIL not in keep(list)


@pytest.mark.parametrize(
    "entry",
    [
        "*",
        "null",
        "",
        "https://app.example.com/",
        "https://App.example.com",
        "https://app.example.com:443",
        "app.example.com",
        "https://*",
        "https://*.*.example.com",
        "https://*.github.io",
        "https://*--shop.netlify.app",
        "https://*.co.uk:*",
        "file:///home",
        "https://a.example, https://b.example",
        r"^https://.*\.example\.com$",
        "\ud800",
        "https://" + "a" * 400,
        None,
        7,
        b"https://app.example.com",
        ["https://app.example.com"],
    ],
    ids=ascii,
)
def test_what_a_policy_with_credentials_refuses_is_refused(keep, entry):
    with pytest.raises(PolicyError) as listed:
        Policy(allow_origins=[APP, entry], allow_credentials=True)
    with pytest.raises(PolicyError) as loaded:
        keep(lambda: [APP, entry])
    assert codes_of(loaded.value) == codes_of(listed.value)
    # It is refused too after a good load.
    load = Origins(APP)
    source = keep(load)
    load.result = [APP, entry]
    assert source.refresh() is False
    assert codes_of(source.last_error) == codes_of(listed.value)
    assert APP in source


def test_all_problems_are_reported_at_once(keep):
    with pytest.raises(PolicyError) as error:
        keep(lambda: {"https://a.example/", "https://*.github.io", APP, 7, "null"})
    assert sorted(codes_of(error.value)) == ["E104", "E203", "E212", "E303"]


@pytest.mark.parametrize(
    "loaded",
    [None, APP, "*", "", b"", {APP: True}, {APP: True}.keys(), iter([APP]), 7, object()],
    ids=lambda loaded: type(loaded).__name__,
)
def test_a_result_that_is_not_a_list_is_refused_with_what_to_write(keep, loaded):
    with pytest.raises(PolicyError) as error:
        keep(lambda: loaded)
    (problem,) = error.value.problems
    assert problem.code == "E103"
    # The keys of a dict are known, so the fix can name them.
    countable = hasattr(loaded, "__iter__") and not isinstance(loaded, str | bytes | dict)
    assert str(problem.fix) == "allow_origins=" + ("list(...)" if countable else '["https://app.example.com"]')


def test_plain_http_is_never_granted_together_with_credentials(keep):
    loaded = ["http://app.example.com", "http://*.example.com", "http://*.github.io", "http://localhost:3000"]
    source = keep(lambda: loaded)
    with_credentials = Policy(allow_origins=source, allow_credentials=True)
    without = Policy(allow_origins=source)
    plain = ["http://app.example.com", "http://a.example.com", "http://evil.github.io"]
    assert not any(grants(with_credentials, origin) for origin in plain)
    assert all(grants(without, origin) for origin in plain)
    assert grants(with_credentials, "http://localhost:3000")


def test_a_first_load_that_fails_is_an_error():
    before = threading.active_count()
    error = ConnectionError("the database is gone")
    with pytest.raises(ConnectionError) as raised:
        RefreshingOrigins(failing(error), every=NEVER)
    assert raised.value is error
    assert threading.active_count() == before


def failing(error):
    load = Origins()
    load.result = error
    return load


def test_a_failed_refresh_keeps_the_loaded_origins_and_is_logged_once(keep, caplog):
    caplog.set_level(logging.INFO, logger="corsguard")
    clock, load = Clock(), Origins(APP)
    source = keep(load, clock=clock)
    assert (source.age, source.last_error) == (0, None)
    clock.now += 60
    for error in (ConnectionError("gone"), TimeoutError("slow")):
        load.result = error
        assert source.refresh() is False
        assert source.last_error is error
    assert APP in source
    assert source.age == 60
    (record,) = caplog.records
    assert (record.name, record.levelno, record.exc_info[0]) == ("corsguard", logging.ERROR, ConnectionError)
    assert "failed, so its origins from 60 seconds ago stay. This is logged once" in record.getMessage()
    load.result = [PREVIEW]
    clock.now += 40
    assert source.refresh() is True
    assert (source.age, source.last_error) == (0, None)
    assert APP not in source
    assert [r.levelno for r in caplog.records] == [logging.ERROR, logging.WARNING]
    assert "<RefreshingOrigins: 1 patterns, 0 seconds old>" in caplog.records[1].getMessage()
    # And a second time.
    load.result = ConnectionError("gone again")
    source.refresh()
    assert [r.levelno for r in caplog.records] == [logging.ERROR, logging.WARNING, logging.ERROR]


def test_a_refused_refresh_keeps_the_loaded_origins_and_logs_the_problems(keep, caplog):
    load = Origins(APP)
    source = keep(load)
    load.result = [PREVIEW, "https://a.example/"]
    assert not source.refresh()
    assert not source.refresh()
    assert APP in source
    assert PREVIEW not in source
    (record,) = caplog.records
    assert "E203" in record.getMessage()
    assert 'fix: "https://a.example"' in record.getMessage()
    assert record.exc_info is None


def test_the_age_counts_from_the_call_of_load(keep):
    clock = Clock()

    def load():
        clock.now += 5
        return [APP]

    source = keep(load, clock=clock)
    assert source.age == 5
    assert repr(source) == "<RefreshingOrigins: 1 patterns, 5 seconds old>"
    clock.now += 60
    assert source.refresh()
    assert source.age == 5


def test_the_kept_error_does_not_keep_the_loaded_objects_alive(keep):
    load = Origins(APP)
    source = keep(load)
    load.result = ConnectionError()
    source.refresh()
    assert source.last_error.__traceback__ is None


@pytest.mark.parametrize("every", [0, -1, float("nan"), float("inf"), 1e10, "60", None, True, timedelta(0), [60]])
def test_every_has_to_be_a_time(every):
    with pytest.raises(
        ValueError, match=r"Expected every to be a number of seconds or a timedelta, got .* Write every=60"
    ):
        RefreshingOrigins(list, every=every)


@pytest.mark.parametrize("load", [[APP], APP, None])
def test_load_has_to_be_a_function(load):
    with pytest.raises(TypeError, match="Expected load to be a plain function"):
        RefreshingOrigins(load, every=60)


def test_an_asynchronous_load_is_refused():
    async def load():
        return [APP]

    with pytest.raises(TypeError, match="Expected load to be a plain function"):
        RefreshingOrigins(load, every=60)


INTERRUPTIONS = [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError]


@pytest.mark.parametrize("kind", INTERRUPTIONS)
def test_exceptions_that_end_a_process_or_a_task_leave_a_refresh_by_hand(keep, kind):
    load = Origins(APP)
    source = keep(load)
    load.result = kind()
    with pytest.raises(kind):
        source.refresh()
    assert APP in source
    load.result = [PREVIEW]
    assert source.refresh()


def test_a_time_out_that_is_a_base_exception_is_a_failure(keep, caplog):
    load = Origins(APP)
    source = keep(load)
    load.result = Timeout()
    assert source.refresh() is False
    assert source.last_error is load.result
    assert APP in source
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_only_exceptions_that_end_a_process_or_a_task_are_interruptions():
    class Stopped(SystemExit):
        pass

    assert all(is_interruption(kind()) for kind in (*INTERRUPTIONS, Stopped))
    assert not any(is_interruption(kind()) for kind in (Timeout, BaseException, Exception, TimeoutError, MemoryError))
    assert not is_interruption(concurrent.futures.CancelledError())
    greenlet, gevent = needed("greenlet"), needed("gevent")
    assert is_interruption(greenlet.GreenletExit())
    assert not is_interruption(gevent.Timeout())


def test_a_copy_of_a_source_is_the_source_itself(keep):
    for source in (keep(Origins(APP)), remember(Store(APP))[0]):
        assert copy.copy(source) is source
        assert copy.deepcopy(source) is source
        assert copy.deepcopy({"allow_origins": source}) == {"allow_origins": source}


def test_a_source_cannot_be_pickled_and_the_error_says_what_to_do(keep):
    for source in (keep(Origins(APP)), remember(Store(APP))[0]):
        name = type(source).__name__
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError) as error:
                pickle.dumps(source, protocol)
            assert str(error.value) == (
                f"Expected a policy that lists its origins, got {name}, which cannot be pickled: it loads or asks in "
                f"the process that made it. Create the {name} from its configuration in the process that needs it."
            )


@pytest.fixture
def fast_switching():
    """
    Let Python switch threads as often as it can.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("fast_switching")
def test_a_request_sees_either_the_old_origins_or_the_new_ones(keep):
    # It is listed in one set and covered by a wildcard in the other. So it is in both, and in no mixture of the two.
    load = Origins(APP)
    source = keep(load)
    policy = Policy(allow_origins=source)
    stop, found = threading.Event(), set()

    def ask():
        while not stop.is_set():
            found.add(grants(policy, APP))

    askers = [threading.Thread(target=ask) for _ in range(2)]
    for asker in askers:
        asker.start()
    for number in range(200):
        load.result = [["https://*.example.com"], [APP]][number % 2]
        assert source.refresh()
    stop.set()
    for asker in askers:
        asker.join(PATIENCE)
    assert found == {True}
