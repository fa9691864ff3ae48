"""
Origins that change while the server runs: what is loaded anew, and what is remembered of a slow store.
"""

import asyncio
import concurrent.futures
import copy
import gc
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import AsyncClient, override_settings
from kit.django_sending import APP, EVIL
from kit.serving import needed, served

from corsguard import Policy, PolicyError, negotiate
from corsguard.audience import is_interruption
from corsguard.sources import RefreshingOrigins, RememberedOrigins

PREVIEW = "https://pr-7.example.com"
PATIENCE = 30
NEVER = 3600


class Clock:
    """
    A clock that stands still until it is set.
    """

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Origins:
    """
    What `load` returns or raises, and how often and where it was called.
    """

    def __init__(self, *origins):
        self.result = list(origins)
        self.threads = []

    def __call__(self):
        self.threads.append(threading.current_thread())
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


@pytest.fixture
def keep():
    """
    Return a function that makes sources, which are closed when the test is done.
    """
    sources = []

    def make(load, every=NEVER, **more):
        sources.append(RefreshingOrigins(load, every=every, **more))
        return sources[-1]

    yield make
    for source in sources:
        source.close()


def grants(policy, origin):
    decision = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin})
    assert decision.error is None
    return decision.refusal is None


def codes_of(error):
    return [problem.code for problem in error.problems]


# What is loaded.


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset])
@pytest.mark.parametrize("credentials", [True, False])
def test_what_is_loaded_is_shared_with(keep, kind, credentials):
    loaded = kind([APP, "https://pr-*.example.com", "http://localhost:*"])
    policy = Policy(allow_origins=keep(lambda: loaded), allow_credentials=credentials)
    for origin in (APP, PREVIEW, "http://localhost:3000"):
        assert grants(policy, origin)
    for origin in (EVIL, f"{APP}:8443", "https://pr-.example.com", "null", "https://pr-*.example.com"):
        assert not grants(policy, origin)


def test_a_refresh_swaps_the_whole(keep):
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
def test_what_was_known_before_does_not_matter(keep, before, again):
    load = Origins(*before)
    source = keep(load)
    load.result = again
    assert source.refresh()
    fresh = keep(lambda: again)
    for origin in (APP, PREVIEW, "https://z.example.com", EVIL, "https://*.example.com"):
        assert (origin in source) == (origin in fresh)


def test_nobody_is_a_list_too(keep):
    # Whoever takes the last origin away means it.
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
    # And it is refused when something good was known before.
    load = Origins(APP)
    source = keep(load)
    load.result = [APP, entry]
    assert source.refresh() is False
    assert codes_of(source.last_error) == codes_of(listed.value)
    assert APP in source


def test_all_problems_are_told_at_once(keep):
    with pytest.raises(PolicyError) as error:
        keep(lambda: {"https://a.example/", "https://*.github.io", APP, 7, "null"})
    assert sorted(codes_of(error.value)) == ["E104", "E203", "E212", "E303"]


@pytest.mark.parametrize(
    "loaded",
    [None, APP, "*", "", b"", {APP: True}, {APP: True}.keys(), iter([APP]), 7, object()],
    ids=lambda loaded: type(loaded).__name__,
)
def test_what_is_no_list_is_refused_with_what_to_write(keep, loaded):
    with pytest.raises(PolicyError) as error:
        keep(lambda: loaded)
    (problem,) = error.value.problems
    assert problem.code == "E103"
    countable = hasattr(loaded, "__iter__") and not isinstance(loaded, str | bytes)
    assert str(problem.fix) == "allow_origins=" + ("list(...)" if countable else '["https://app.example.com"]')


def test_plain_http_is_never_shared_with_beside_credentials(keep):
    loaded = ["http://app.example.com", "http://*.example.com", "http://*.github.io", "http://localhost:3000"]
    source = keep(lambda: loaded)
    with_credentials = Policy(allow_origins=source, allow_credentials=True)
    without = Policy(allow_origins=source)
    plain = ["http://app.example.com", "http://a.example.com", "http://evil.github.io"]
    assert not any(grants(with_credentials, origin) for origin in plain)
    assert all(grants(without, origin) for origin in plain)
    assert grants(with_credentials, "http://localhost:3000")


# The first load, and later ones that fail.


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


def test_a_refresh_that_fails_keeps_what_was_loaded_and_says_so_once(keep, caplog):
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
    assert "failed, so its origins of 60 seconds ago stay. This is said once" in record.getMessage()
    load.result = [PREVIEW]
    clock.now += 40
    assert source.refresh() is True
    assert (source.age, source.last_error) == (0, None)
    assert APP not in source
    assert [r.levelno for r in caplog.records] == [logging.ERROR, logging.WARNING]
    assert "<RefreshingOrigins: 1 patterns, 0 seconds old>" in caplog.records[1].getMessage()
    # And once more.
    load.result = ConnectionError("gone again")
    source.refresh()
    assert [r.levelno for r in caplog.records] == [logging.ERROR, logging.WARNING, logging.ERROR]


def test_a_refresh_that_is_refused_keeps_what_was_loaded_and_says_what_is_wrong(keep, caplog):
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


def test_the_age_counts_from_when_load_was_called(keep):
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


def test_the_error_that_is_kept_does_not_keep_what_was_loaded(keep):
    load = Origins(APP)
    source = keep(load)
    load.result = ConnectionError()
    source.refresh()
    assert source.last_error.__traceback__ is None


@pytest.mark.parametrize("every", [0, -1, float("nan"), float("inf"), 1e10, "60", None, True, timedelta(0), [60]])
def test_every_is_a_time(every):
    with pytest.raises(ValueError, match=r"every=.* write every=60 for seconds, or a timedelta"):
        RefreshingOrigins(list, every=every)


@pytest.mark.parametrize("load", [[APP], APP, None])
def test_load_is_a_function(load):
    with pytest.raises(TypeError, match="is not a plain function"):
        RefreshingOrigins(load, every=60)


def test_load_is_not_awaited():
    async def load():
        return [APP]

    with pytest.raises(TypeError, match="is not a plain function"):
        RefreshingOrigins(load, every=60)


# The thread.


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "corsguard origins"]


def test_it_refreshes_by_itself_from_the_first_question_on(keep):
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
    # The second call of these begins when the first has been swapped in.
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


def test_close_before_the_first_question_leaves_it_without_a_thread():
    source = RefreshingOrigins(Origins(APP), every=NEVER)
    source.close()
    assert APP in source
    assert threads() == []


def test_close_waits_for_a_load_that_is_under_way(monkeypatch):
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
    # The load ends when somebody waits for it.
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
def test_a_source_that_nobody_holds_ends_its_thread(every):
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


def test_the_thread_survives_whatever_load_raises(keep):
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


class Timeout(BaseException):
    """
    As gevent's: an exception that is not an Exception.
    """


INTERRUPTIONS = [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError]


@pytest.mark.parametrize("kind", INTERRUPTIONS)
def test_what_ends_a_process_or_a_task_passes_anyone_who_refreshes_by_hand(keep, kind):
    load = Origins(APP)
    source = keep(load)
    load.result = kind()
    with pytest.raises(kind):
        source.refresh()
    assert APP in source
    load.result = [PREVIEW]
    assert source.refresh()


def test_a_time_out_that_is_no_exception_is_a_failure_like_any_other(keep, caplog):
    load = Origins(APP)
    source = keep(load)
    load.result = Timeout()
    assert source.refresh() is False
    assert source.last_error is load.result
    assert APP in source
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_only_what_ends_a_process_or_a_task_is_an_interruption():
    class Stopped(SystemExit):
        pass

    assert all(is_interruption(kind()) for kind in (*INTERRUPTIONS, Stopped))
    assert not any(is_interruption(kind()) for kind in (Timeout, BaseException, Exception, TimeoutError, MemoryError))
    assert not is_interruption(concurrent.futures.CancelledError())
    greenlet, gevent = needed("greenlet"), needed("gevent")
    assert is_interruption(greenlet.GreenletExit())
    assert not is_interruption(gevent.Timeout())


class HeldLoad(Origins):
    """
    A load that returns at once the first time, and later when it is let go; it has *entered* when it was called.
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
    Wait until all calls of `load` that *source* has under way are swapped in, and return it. It refreshes no more.
    """
    source.close()
    return source


@pytest.mark.parametrize(("passed", "is_reloaded"), [(50, False), (60, True), (3600, True)])
def test_no_question_waits_for_what_is_loaded(held, passed, is_reloaded):
    clock, (load, make) = Clock(), held
    source = make(every=60, clock=clock)
    load.result = [PREVIEW]
    clock.now += passed
    assert [(APP in source, PREVIEW in source) for _ in range(3)] == [(True, False)] * 3
    assert load.entered.acquire(is_reloaded, PATIENCE if is_reloaded else None) is is_reloaded
    assert APP in source
    load.go.set()
    assert (PREVIEW in refreshed(source)) is is_reloaded
    # Once only, and in another thread.
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


def test_a_load_may_ask_its_own_source():
    # As under gevent, where a load that waits lets another question be asked: no lock is held meanwhile.
    printed = run(
        """
import threading
from corsguard.sources import RefreshingOrigins

APP = "https://app.example.com"
sources = []

def load():
    if sources and threading.current_thread() is threading.main_thread():
        print(sources[0].age, APP in sources[0])
    return [APP]

sources.append(RefreshingOrigins(load, every=60, clock=lambda: 60.0 * len(sources)))
print(sources[0].refresh())
sources[0].close()
"""
    )
    assert printed == "60.0 True\nTrue\n"


def test_a_late_first_question_is_answered_by_the_last_good_origins_if_load_fails(keep):
    clock, load = Clock(), Origins(APP)
    source = keep(load, every=60, clock=clock)
    load.result = ConnectionError()
    clock.now += 3600
    assert APP in source
    assert source.age == 3600
    assert len(threads()) == 1


# What is older than it may be.


def test_what_is_older_than_stale_after_answers_no_and_says_so_once(keep, caplog):
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
    # A load that fails says it in addition, and changes nothing.
    load.result = ConnectionError("gone")
    assert not source.refresh()
    assert not grants(policy, APP)
    assert [r.levelno for r in caplog.records] == [logging.ERROR] * 2
    load.result = [APP]
    assert source.refresh()
    assert grants(policy, APP)
    assert "returned origins again" in caplog.records[-1].getMessage()
    # And once more.
    clock.now += 301
    assert not grants(policy, APP)
    assert "which is more than stale_after" in caplog.records[-1].getMessage()
    assert len(caplog.records) == 4


def test_what_is_too_old_when_it_is_first_asked_is_loaded_again_at_once(held):
    clock, (load, make) = Clock(), held
    source = make(every=60, stale_after=120, clock=clock)
    clock.now += 3600
    assert APP not in source
    load.go.set()
    assert load.entered.acquire(timeout=PATIENCE)
    assert APP in refreshed(source)


def test_without_stale_after_nothing_is_too_old(keep):
    clock = Clock()
    source = keep(Origins(APP), clock=clock)
    clock.now += 1e9
    source.close()
    assert APP in source


@pytest.mark.parametrize("stale_after", [0, -1, float("nan"), "60", True, timedelta(0), [60]])
def test_stale_after_is_a_time(stale_after):
    with pytest.raises(ValueError, match=r"stale_after=.* write stale_after=60 for seconds, or a timedelta"):
        RefreshingOrigins(list, every=1, stale_after=stale_after)


@pytest.mark.parametrize("stale_after", [30, 60, timedelta(minutes=1)])
def test_stale_after_leaves_time_to_load_again(stale_after):
    with pytest.raises(ValueError, match="Expected stale_after to be longer than every=60, got"):
        RefreshingOrigins(list, every=60, stale_after=stale_after)


# The thread, once more.


def test_questions_that_come_at_once_start_one_thread(held):
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


def test_what_was_loaded_first_is_never_kept_last(keep):
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
    # It waits for nobody.
    quick = threading.Thread(target=source.refresh, name="quick")
    quick.start()
    quick.join(PATIENCE)
    assert PREVIEW in source
    leave.set()
    slow.join(PATIENCE)
    assert loaded[1:] == ["slow", "quick"]
    assert PREVIEW in source
    assert APP not in source


def test_under_an_event_loop_load_is_called_beside_it(keep):
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


def test_a_fork_that_nothing_tells_of_is_noticed(held, monkeypatch):
    # As under uWSGI: the process id is another one, and the parent's thread is not here.
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


def run(program):
    """
    Run *program* in a process of its own, and return what it prints.
    """
    path = str(Path(__file__).parents[1])
    head = f"import sys; sys.path.insert(0, {path!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", head + program], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_an_interpreter_ends_whatever_a_source_does():
    # One waits for its time, and one is in the middle of a load that never returns.
    printed = run(
        """
import threading
from corsguard.sources import RefreshingOrigins

hanging = threading.Event()

def load():
    if threading.current_thread() is not threading.main_thread():
        hanging.set()
        threading.Event().wait()
    return ["https://app.example.com"]

waits = RefreshingOrigins(lambda: ["https://app.example.com"], every=3600)
hangs = RefreshingOrigins(load, every=0.001)
print("https://app.example.com" in waits, "https://app.example.com" in hangs)
hanging.wait()
"""
    )
    assert printed == "True True\n"


def test_a_process_forked_in_the_middle_of_everything_begins_anew():
    # The parent's thread is in `load`, with its lock held, and another is in the middle of a question.
    printed = run(
        """
import os, threading, warnings
from corsguard.sources import RefreshingOrigins, RememberedOrigins

warnings.simplefilter("ignore")  # Python 3.12 and later: that a process with threads forks
APP = "https://app.example.com"
parent, loading, asking = os.getpid(), threading.Event(), threading.Event()

def load():
    if os.getpid() == parent and threading.current_thread() is not threading.main_thread():
        loading.set()
        threading.Event().wait()
    return [APP] if os.getpid() == parent else ["https://child.example"]

class Store:
    def __contains__(self, origin):
        if os.getpid() == parent:
            asking.set()
            threading.Event().wait()
        return True

refreshing = RefreshingOrigins(load, every=0.001)
remembered = RememberedOrigins(Store(), ttl=60)
closed = RefreshingOrigins(load, every=0.001)
closed.close()
assert APP in refreshing
threading.Thread(target=lambda: APP in remembered, daemon=True).start()
assert loading.wait(20) and asking.wait(20)
if child := os.fork():
    assert os.waitpid(child, 0)[1] == 0
else:
    assert threading.active_count() == 1
    # What it inherited is older than a millisecond, and answers until it is loaded again.
    while "https://child.example" not in refreshing:
        pass
    print(APP in refreshing, APP in remembered, threading.active_count())
    print(closed.refresh(), "https://child.example" in closed, threading.active_count())
    refreshing.close()
    print(threading.active_count(), flush=True)
    os._exit(0)
"""
    )
    assert printed == "False True 2\nTrue True 2\n1\n"


@pytest.mark.server
def test_each_worker_of_a_server_that_loads_the_application_first_refreshes_for_itself(tmp_path):
    listed = tmp_path / "origins"
    listed.write_text(f"{APP}\n")
    environment = {
        "ORIGINS": str(listed),
        "GUNICORN_CMD_ARGS": f"--preload --workers=2 --pythonpath={Path(__file__).parents[1]}",
    }
    with served("gunicorn", "kit.refreshing_app:application", **environment) as server:

        def ask_until(satisfied):
            deadline = time.monotonic() + PATIENCE
            seen = {}
            while not satisfied(seen):
                assert time.monotonic() < deadline, seen
                reply = server.exchange("GET", "/", f"Origin: {APP}")
                process, parent, loaded_in = reply.body.decode().split()
                assert process != parent
                seen[process] = (bool([name for name, _ in reply.cors() if "allow-origin" in name]), loaded_in)
            return seen

        first = ask_until(lambda seen: len(seen) == 2)
        assert all(shared for shared, _ in first.values())
        listed.write_text("https://other.example\n")
        later = ask_until(lambda seen: len(seen) == 2 and not any(shared for shared, _ in seen.values()))
        # Each by a load of its own.
        assert {process: loaded_in for process, (_, loaded_in) in later.items()} == {pid: pid for pid in later}
        # What cannot be read changes nothing; a file that is mended is read again.
        listed.write_text("https://app.example.com/\n")
        assert "E203" in server.lines_until("E203")[-1]
        listed.write_text(f"{APP}\n")
        ask_until(lambda seen: len(seen) == 2 and all(shared for shared, _ in seen.values()))


def is_shared(reply):
    assert reply.status == 200
    return ("access-control-allow-origin", APP) in reply.cors()


def ask_until(server, shared):
    """
    Ask until APP is, or is not, shared with. Each answer has to come in its time.
    """
    deadline = time.monotonic() + PATIENCE
    while is_shared(server.exchange("GET", "/", f"Origin: {APP}")) is not shared:
        assert time.monotonic() < deadline


TESTS = str(Path(__file__).parents[1])


@pytest.mark.server
@pytest.mark.parametrize(
    ("server", "options"),
    {
        "gunicorn": ["--preload", "--worker-class=gevent", f"--pythonpath={TESTS}"],
        "uwsgi": ["--gevent=50", "--gevent-monkey-patch", f"--pythonpath={TESTS}"],
    }.items(),
)
def test_under_gevent_questions_that_come_at_once_wait_for_nothing(tmp_path, server, options):
    # The source was made before gevent patched anything, and a load that waits lets other questions be asked.
    needed("gevent")
    listed, held = tmp_path / "origins", tmp_path / "held"
    listed.write_text(f"{APP}\n")
    held.touch()
    environment = {"ORIGINS": str(listed), "HELD": str(held), "EVERY": "0.001"}
    with served(server, "kit.refreshing_app:application", *options, **environment) as running:
        with concurrent.futures.ThreadPoolExecutor(3) as askers:
            replies = [askers.submit(running.exchange, "GET", "/", f"Origin: {APP}") for _ in range(3)]
        assert all(is_shared(reply.result()) for reply in replies)
        listed.write_text("https://other.example\n")
        held.unlink()
        ask_until(running, shared=False)
        listed.write_text(f"{APP}\n")
        ask_until(running, shared=True)


@pytest.mark.server
def test_a_source_that_was_asked_before_a_fork_without_hooks_refreshes_after_it(tmp_path):
    listed = tmp_path / "origins"
    listed.write_text(f"{APP}\n")
    options = ["--master", "--enable-threads", f"--pythonpath={TESTS}"]
    environment = {"ORIGINS": str(listed), "ASKED_BEFORE": APP}
    with served("uwsgi", "kit.refreshing_app:application", *options, **environment) as running:
        process, parent, _ = running.exchange("GET", "/").body.decode().split()
        assert process != parent
        ask_until(running, shared=True)
        listed.write_text("https://other.example\n")
        ask_until(running, shared=False)
        listed.write_text(f"{APP}\n")
        ask_until(running, shared=True)


# The memory.


class Store:
    """
    A slow store: who is in it, and what it was asked.
    """

    def __init__(self, *origins):
        self.origins = set(origins)
        self.asked = []
        self.error = None

    def __contains__(self, origin):
        self.asked.append(origin)
        if self.error is not None:
            raise self.error
        return origin in self.origins


def remember(store, ttl=60, **more):
    clock = Clock()
    return RememberedOrigins(store, ttl=ttl, clock=clock, **more), clock


@pytest.mark.parametrize(("origin", "answer"), [(APP, True), (EVIL, False)])
def test_an_answer_is_remembered_for_its_time(origin, answer):
    store = Store(APP)
    source, clock = remember(store, timedelta(minutes=1))
    policy = Policy(allow_origins=source)
    assert [grants(policy, origin) for _ in range(3)] == [answer] * 3
    clock.now += 59.9
    assert grants(policy, origin) is answer
    assert store.asked == [origin]
    # To be asked does not make an answer last longer.
    store.origins = {EVIL}
    clock.now += 0.1
    assert [grants(policy, origin) for _ in range(3)] == [not answer] * 3
    assert store.asked == [origin] * 2


def test_the_time_counts_from_the_question():
    clock = Clock()

    class Slow:
        asked = 0

        def __contains__(self, origin):
            Slow.asked += 1
            clock.now += 30
            return True

    source = RememberedOrigins(Slow(), ttl=60, clock=clock)
    assert APP in source
    clock.now += 29
    assert APP in source
    assert Slow.asked == 1
    clock.now += 1
    assert APP in source
    assert Slow.asked == 2


def test_hostile_origins_push_out_nothing_that_was_granted():
    good = [f"https://tenant-{number}.example" for number in range(10)]
    store = Store(*good)
    source, _ = remember(store, maxsize=10)
    assert all(origin in source for origin in good)
    for number in range(1000):
        assert f"https://evil-{number}.example" not in source
    store.asked.clear()
    assert all(origin in source for origin in good)
    assert store.asked == []


@pytest.mark.parametrize("granted", [True, False])
def test_each_kind_is_bounded_and_the_oldest_is_forgotten(granted):
    origins = [f"https://app-{number}.example" for number in range(4)]
    store = Store(*(origins if granted else ()))
    source, _ = remember(store, maxsize=3)
    for origin in origins:
        assert (origin in source) is granted
    store.asked.clear()
    for origin in origins[1:]:
        assert (origin in source) is granted
    assert store.asked == []
    assert (origins[0] in source) is granted
    assert store.asked == origins[:1]


def test_what_is_remembered_anew_is_the_youngest():
    first, second, third = (f"https://app-{number}.example" for number in range(3))
    store = Store(first, second, third)
    source, clock = remember(store, maxsize=2)
    assert first in source
    clock.now += 30
    assert second in source
    clock.now += 30
    assert first in source
    assert third in source
    store.asked.clear()
    assert first in source
    assert store.asked == []
    assert second in source
    assert store.asked == [second]


def test_an_error_is_a_no_that_is_not_remembered():
    store = Store(APP)
    source, _ = remember(store)
    policy = Policy(allow_origins=source)
    store.error = ConnectionError("gone")
    for _ in range(2):
        decision = negotiate(policy, {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP})
        assert (decision.refusal, decision.error) == ("origin", store.error)
    store.error = None
    assert grants(policy, APP)
    assert store.asked == [APP] * 3
    # What is remembered is answered, though the store is gone.
    store.error = ConnectionError("gone again")
    assert grants(policy, APP)


def test_only_true_grants():
    class Odd:
        def __contains__(self, origin):
            return 1

    assert APP not in remember(Odd())[0]


def test_forget_forgets():
    store = Store(APP)
    source, _ = remember(store)
    assert APP in source
    assert EVIL not in source
    store.origins = {EVIL}
    source.forget()
    assert APP not in source
    assert EVIL in source


class Held(Store):
    """
    A store that answers when it is let go; it has *entered* when it was asked.
    """

    def __init__(self, *origins):
        super().__init__(*origins)
        self.entered, self.go = threading.Semaphore(0), threading.Event()

    def __contains__(self, origin):
        answer = super().__contains__(origin) if self.error is None else False
        self.entered.release()
        assert self.go.wait(PATIENCE)
        if self.error is not None:
            self.asked.append(origin)
            raise self.error
        return answer


@pytest.fixture
def waiting(monkeypatch):
    """
    Return a semaphore that is released by everyone who begins to wait for the answer to another's question.
    """
    begun, result = threading.Semaphore(0), concurrent.futures.Future.result

    def counted(self, timeout=None):
        begun.release()
        return result(self, timeout)

    monkeypatch.setattr(concurrent.futures.Future, "result", counted)
    return begun


def ask_at_once(store, source, waiting, count):
    """
    Return what *count* threads are told, of which all but the first wait for its answer.
    """
    told = []

    def ask():
        try:
            told.append(APP in source)
        except BaseException as error:  # noqa: BLE001 - SystemExit is one of those that it is about
            told.append(error)

    askers = [threading.Thread(target=ask, daemon=True) for _ in range(count)]
    for asker in askers:
        asker.start()
    assert store.entered.acquire(timeout=PATIENCE)
    for _ in askers[1:]:
        assert waiting.acquire(timeout=PATIENCE)
    store.go.set()
    for asker in askers:
        asker.join(PATIENCE)
    return told


@pytest.mark.parametrize("granted", [True, False])
def test_several_who_ask_at_once_ask_once(waiting, granted):
    store = Held(*([APP] if granted else ()))
    source, _ = remember(store)
    assert ask_at_once(store, source, waiting, 8) == [granted] * 8
    assert (APP in source) is granted
    assert store.asked == [APP]


def test_an_answer_that_came_in_between_is_found():
    store, clock = Store(APP), Clock()

    class Interrupted(Clock):
        """
        Lets another question be asked and answered between the two looks at the memory.
        """

        def __call__(self):
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls == 2:
                assert APP in source
            return clock.now

    source = RememberedOrigins(store, ttl=60, clock=Interrupted())
    assert APP in source
    assert store.asked == [APP]


def test_several_who_ask_at_once_are_told_of_one_error(waiting):
    store = Held()
    store.error = ConnectionError("gone")
    assert ask_at_once(store, remember(store)[0], waiting, 8) == [store.error] * 8
    assert store.asked == [APP]


def test_nobody_waits_for_whoever_was_stopped_in_the_middle(waiting):
    store = Held()
    store.error = SystemExit()
    source, _ = remember(store)
    told = ask_at_once(store, source, waiting, 3)
    assert told.count(store.error) == 1
    # An Exception, so that it counts as no.
    assert sum(isinstance(error, concurrent.futures.CancelledError) for error in told) == 2
    store.error = None
    assert APP not in source


def test_a_time_out_that_is_no_exception_is_told_to_all_who_wait_for_it(waiting):
    store = Held()
    store.error = Timeout()
    source, _ = remember(store)
    assert ask_at_once(store, source, waiting, 3) == [store.error] * 3
    assert store.asked == [APP]
    # And it is not remembered.
    store.error = None
    store.origins.add(APP)
    assert APP in source


def test_an_answer_from_before_forget_is_not_remembered_after_it():
    store = Held(APP)
    source, _ = remember(store)
    told = []
    asker = threading.Thread(target=lambda: told.append(APP in source))
    asker.start()
    assert store.entered.acquire(timeout=PATIENCE)
    store.origins.clear()
    source.forget()
    store.go.set()
    # It does not wait for the old question either.
    assert APP not in source
    asker.join(PATIENCE)
    assert told == [True]
    assert APP not in source
    assert store.asked == [APP] * 2


@pytest.mark.parametrize("ttl", [0, -1, float("nan"), "60", None, True, timedelta(0)])
def test_ttl_is_a_time(ttl):
    with pytest.raises(ValueError, match=r"ttl=.* write ttl=60"):
        RememberedOrigins(Store(), ttl=ttl)


@pytest.mark.parametrize("maxsize", [0, -1, 1.5, "10", None, True])
def test_maxsize_is_a_number(maxsize):
    with pytest.raises(ValueError, match="write maxsize=10_000"):
        RememberedOrigins(Store(), ttl=60, maxsize=maxsize)


def test_only_a_source_is_remembered():
    class Asynchronous:
        async def __contains__(self, origin):
            return True

    for wrong, code in ((Store, "E321"), (Asynchronous(), "E322"), ({APP: True}, "E103"), (None, "E103")):
        with pytest.raises(PolicyError) as error:
            RememberedOrigins(wrong, ttl=60)
        assert codes_of(error.value) == [code]
    for wrong in ([APP], "*"):
        with pytest.raises(TypeError, match="is a list"):
            RememberedOrigins(wrong, ttl=60)


def test_django_asks_a_slow_store_beside_its_event_loop():
    class Slow:
        """
        A store whose answer waits for the event loop, which would never come if it waited for the answer.
        """

        def __contains__(self, origin):
            loop.call_soon_threadsafe(release.set)
            return release.wait(PATIENCE) and threading.current_thread() is not threading.main_thread()

    release = threading.Event()
    policy = {"allow_origins": RememberedOrigins(Slow(), ttl=60)}
    loop = asyncio.new_event_loop()

    async def get():
        return await AsyncClient().get("/api/async-hello", headers={"Origin": APP})

    try:
        with override_settings(CORSGUARD=policy):
            response = loop.run_until_complete(get())
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    assert response.headers["Access-Control-Allow-Origin"] == APP


def test_django_asks_a_snapshot_on_its_event_loop():
    asked_in = []

    class Watched(RefreshingOrigins):
        def __contains__(self, origin):
            asked_in.append(threading.current_thread())
            return super().__contains__(origin)

    async def get():
        return await AsyncClient().get("/api/async-hello", headers={"Origin": APP})

    with Watched(Origins(APP), every=NEVER) as source, override_settings(CORSGUARD={"allow_origins": source}):
        response = asyncio.run(get())
    assert response.headers["Access-Control-Allow-Origin"] == APP
    # To start a thread for it would take more than ten times what all the rest does.
    assert asked_in == [threading.main_thread()]
    assert Policy(allow_origins=source).may_block is False
    assert Policy(allow_origins=remember(source)[0]).may_block is True


# Copies.


def test_a_source_is_kept_by_identity(keep):
    for source in (keep(Origins(APP)), remember(Store(APP))[0]):
        assert copy.copy(source) is source
        assert copy.deepcopy(source) is source
        assert copy.deepcopy({"allow_origins": source}) == {"allow_origins": source}


def test_a_source_cannot_be_pickled_and_says_what_to_do(keep):
    for source in (keep(Origins(APP)), remember(Store(APP))[0]):
        name = type(source).__name__
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError) as error:
                pickle.dumps(source, protocol)
            assert str(error.value) == (
                f"Expected a policy that lists its origins, got {name}, which cannot be pickled: it loads or asks in "
                f"the process that made it. Make the {name} again in the process that needs it, from what configures "
                "it."
            )


# What changes while requests come in.


@pytest.fixture
def restless():
    """
    Let Python change threads as often as it can.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("restless")
def test_a_request_finds_the_old_origins_or_the_new_ones_whole(keep):
    # Listed in one, covered by a wildcard in the other: so it is in both, and in nothing between them.
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
