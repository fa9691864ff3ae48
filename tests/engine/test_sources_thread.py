"""
When origins are loaded again and by which thread: questions never wait, and origins may be too old.
"""

import asyncio
import gc
import logging
import os
import threading
from datetime import timedelta

import pytest
from kit.django_sending import APP, EVIL
from kit.sourcing import NEVER, PATIENCE, PREVIEW, Clock, Origins, grants

from corsguard import Policy, negotiate
from corsguard.sources import RefreshingOrigins


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "corsguard origins"]


def test_a_source_refreshes_by_itself_from_the_first_question_on(keep):
    load, called = Origins(APP), threading.Semaphore(0)

    def counted():
        called.release()
        return load()

    source = keep(counted, every=timedelta(milliseconds=1))
    assert called.acquire(timeout=PATIENCE)
    assert threads() == []
    assert APP in source
    (thread,) = threads()
    load.result = [PREVIEW]
    # The second of these calls begins after the first one's origins are in place.
    for _ in range(3):
        assert called.acquire(timeout=PATIENCE)
    assert PREVIEW in source
    assert set(load.threads) <= {threading.main_thread(), thread}
    assert thread.daemon
    assert len(threads()) == 1


def test_close_ends_the_thread_and_not_the_answers():
    with RefreshingOrigins(Origins(APP), every=NEVER) as source:
        assert APP in source
        assert len(threads()) == 1
    assert threads() == []
    assert APP in source
    assert EVIL not in source
    assert threads() == []
    source.close()


def test_a_source_that_is_closed_before_the_first_question_has_no_thread():
    source = RefreshingOrigins(Origins(APP), every=NEVER)
    source.close()
    assert APP in source
    assert threads() == []


def test_close_waits_for_a_running_load(monkeypatch):
    entered, leave, done = threading.Event(), threading.Event(), []

    def load():
        if threading.current_thread() in threads():
            entered.set()
            assert leave.wait(PATIENCE)
            done.append(True)
        return [APP]

    source = RefreshingOrigins(load, every=0.001)
    assert APP in source
    assert entered.wait(PATIENCE)
    # The load ends when a thread waits for it.
    join = threading.Thread.join
    monkeypatch.setattr(threading.Thread, "join", lambda thread: (leave.set(), join(thread)))
    source.close()
    assert done == [True]


def test_a_load_may_close_its_source():
    sources = []

    def load():
        for source in sources:
            source.close()
        return [APP]

    source = RefreshingOrigins(load, every=0.001)
    sources.append(source)
    assert APP in source
    for thread in threads():
        thread.join(PATIENCE)
    assert threads() == []


@pytest.mark.parametrize("every", [NEVER, 0.001])
def test_a_source_without_references_ends_its_thread(every):
    called = threading.Semaphore(0)

    def load():
        called.release()
        return [APP]

    policy = Policy(allow_origins=RefreshingOrigins(load, every=every))
    assert grants(policy, APP)
    (thread,) = threads()
    for _ in range(1 if every == NEVER else 3):
        assert called.acquire(timeout=PATIENCE)
    del policy
    gc.collect()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_the_thread_survives_every_exception_of_load(keep):
    load, called = Origins(APP), threading.Semaphore(0)

    def counted():
        called.release()
        return load()

    source = keep(counted, every=0.001)
    load.result = SystemExit("a time-out of some library")
    assert APP in source
    for _ in range(3):
        assert called.acquire(timeout=PATIENCE)
    assert source.last_error is load.result
    assert len(threads()) == 1


class HeldLoad(Origins):
    """
    A load that returns at once the first time. Later calls wait until the test releases them. It sets *entered* when it
    is called.
    """

    def __init__(self, *origins):
        super().__init__(*origins)
        self.entered, self.go = threading.Semaphore(0), threading.Event()

    def __call__(self):
        if self.threads:
            self.entered.release()
            assert self.go.wait(PATIENCE)
        return super().__call__()


@pytest.fixture
def held(keep):
    """
    Return a load that is held, and a function that makes a source of it.
    """
    load = HeldLoad(APP)
    yield load, lambda **more: keep(load, **more)
    load.go.set()


def refreshed(source):
    """
    Return *source* when all running calls of its `load` have replaced its origins. It stops refreshing.
    """
    source.close()
    return source


@pytest.mark.parametrize(("passed", "is_reloaded"), [(50, False), (60, True), (3600, True)])
def test_no_question_waits_for_a_load(held, passed, is_reloaded):
    clock, (load, make) = Clock(), held
    source = make(every=60, clock=clock)
    load.result = [PREVIEW]
    clock.now += passed
    assert [(APP in source, PREVIEW in source) for _ in range(3)] == [(True, False)] * 3
    assert load.entered.acquire(is_reloaded, PATIENCE if is_reloaded else None) is is_reloaded
    assert APP in source
    load.go.set()
    assert (PREVIEW in refreshed(source)) is is_reloaded
    # There is one load, in another thread.
    assert len(load.threads) == 1 + is_reloaded
    assert is_reloaded is (load.threads[-1] is not threading.main_thread())


def test_no_question_waits_for_a_refresh_by_hand(held):
    clock, (load, make) = Clock(), held
    source = make(every=60, clock=clock)
    by_hand = threading.Thread(target=source.refresh)
    by_hand.start()
    assert load.entered.acquire(timeout=PATIENCE)
    clock.now += 60
    assert APP in source
    load.go.set()
    by_hand.join(PATIENCE)


def test_no_question_waits_on_an_event_loop(held):
    clock, (_, make) = Clock(), held

    async def serve():
        source = make(every=60, clock=clock)
        clock.now += 60
        return APP in source

    assert asyncio.run(serve())


def test_a_late_first_question_gets_the_last_good_origins_if_load_fails(keep):
    clock, load = Clock(), Origins(APP)
    source = keep(load, every=60, clock=clock)
    load.result = ConnectionError()
    clock.now += 3600
    assert APP in source
    assert source.age == 3600
    assert len(threads()) == 1


def test_a_source_older_than_stale_after_answers_no_and_logs_it_once(keep, caplog):
    clock, load = Clock(), Origins(APP, "https://*.example.com")
    source = keep(load, every=60, stale_after=timedelta(minutes=5), clock=clock)
    policy = Policy(allow_origins=source)
    source.close()
    clock.now += 300
    assert grants(policy, APP)
    clock.now += 0.1
    assert [grants(policy, origin) for origin in (APP, PREVIEW, EVIL)] == [False] * 3
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("corsguard", logging.ERROR)
    assert "are 300 seconds old, which is more than stale_after=300. Every origin is refused" in record.getMessage()
    # A load that fails adds its own record, and changes nothing.
    load.result = ConnectionError("gone")
    assert not source.refresh()
    assert not grants(policy, APP)
    assert [r.levelno for r in caplog.records] == [logging.ERROR] * 2
    load.result = [APP]
    assert source.refresh()
    assert grants(policy, APP)
    assert "returned origins again" in caplog.records[-1].getMessage()
    # And a second time.
    clock.now += 301
    assert not grants(policy, APP)
    assert "which is more than stale_after" in caplog.records[-1].getMessage()
    assert len(caplog.records) == 4


def test_a_source_that_is_too_old_at_its_first_question_is_loaded_at_once(held):
    clock, (load, make) = Clock(), held
    source = make(every=60, stale_after=120, clock=clock)
    clock.now += 3600
    assert APP not in source
    load.go.set()
    assert load.entered.acquire(timeout=PATIENCE)
    assert APP in refreshed(source)


def test_without_stale_after_no_source_is_too_old(keep):
    clock = Clock()
    source = keep(Origins(APP), clock=clock)
    clock.now += 1e9
    source.close()
    assert APP in source


@pytest.mark.parametrize("stale_after", [0, -1, float("nan"), "60", True, timedelta(0), [60]])
def test_stale_after_has_to_be_a_time(stale_after):
    with pytest.raises(
        ValueError, match=r"Expected stale_after to be a number of seconds or a timedelta, got .* Write stale_after=60"
    ):
        RefreshingOrigins(list, every=1, stale_after=stale_after)


@pytest.mark.parametrize("stale_after", [30, 60, timedelta(minutes=1)])
def test_stale_after_has_to_leave_time_for_a_load(stale_after):
    with pytest.raises(ValueError, match="Expected stale_after to be longer than every=60, got"):
        RefreshingOrigins(list, every=60, stale_after=stale_after)


def test_concurrent_questions_start_one_thread(held):
    clock, (load, make) = Clock(), held
    source = make(every=60, clock=clock)
    clock.now += 60
    begin, found = threading.Barrier(8), []

    def ask():
        begin.wait(PATIENCE)
        found.append(APP in source)

    askers = [threading.Thread(target=ask) for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(PATIENCE)
    assert found == [True] * 8
    assert len(threads()) == 1
    assert load.entered.acquire(timeout=PATIENCE)
    load.go.set()
    refreshed(source)
    assert len(load.threads) == 2


def test_an_older_load_never_replaces_a_newer_one(keep):
    entered, leave, loaded = threading.Event(), threading.Event(), []

    def load():
        loaded.append(threading.current_thread().name)
        if loaded[-1] == "slow":
            entered.set()
            assert leave.wait(PATIENCE)
            return [APP]
        return [PREVIEW]

    source = keep(load)
    slow = threading.Thread(target=source.refresh, name="slow")
    slow.start()
    assert entered.wait(PATIENCE)
    # It waits for no other load.
    quick = threading.Thread(target=source.refresh, name="quick")
    quick.start()
    quick.join(PATIENCE)
    assert PREVIEW in source
    leave.set()
    slow.join(PATIENCE)
    assert loaded[1:] == ["slow", "quick"]
    assert PREVIEW in source
    assert APP not in source


def test_under_an_event_loop_load_runs_in_a_thread(keep):
    clock, load = Clock(), Origins(APP)

    async def serve():
        source = keep(load, every=60, clock=clock)
        clock.now += 60
        return APP in source

    assert asyncio.run(serve())
    assert threading.main_thread() not in load.threads


def test_a_thread_that_cannot_be_started_is_tried_again(keep, monkeypatch):
    def full(thread):
        raise RuntimeError("can't start new thread")

    source = keep(Origins(APP))
    policy = Policy(allow_origins=source)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", full)
        for _ in range(2):
            decision = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP})
            assert (decision.refusal, str(decision.error)) == ("origin", "can't start new thread")
    assert grants(policy, APP)
    assert len(threads()) == 1


def test_a_fork_without_hooks_is_noticed(held, monkeypatch):
    # As under uWSGI: the process id is different, and the parent's thread does not exist.
    clock, (load, make) = Clock(), held
    source = make(every=60, clock=clock)
    assert APP in source
    (parent_s,) = threads()
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert APP in source
    assert threads() == [parent_s]
    clock.now += 60
    load.result = [PREVIEW]
    assert [APP in source for _ in range(3)] == [True] * 3
    assert len(threads()) == 2
    assert load.entered.acquire(timeout=PATIENCE)
    load.go.set()
    assert PREVIEW in refreshed(source)
    monkeypatch.undo()
