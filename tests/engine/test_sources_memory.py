"""
What is remembered of a slow store: how long, how much, and that concurrent questions become one.
"""

import asyncio
import concurrent.futures
import threading
from datetime import timedelta

import pytest
from django.test import AsyncClient, override_settings
from kit.django_sending import APP, EVIL
from kit.sourcing import NEVER, PATIENCE, Clock, Origins, Store, Timeout, codes_of, grants, remember

from corsguard import Policy, PolicyError, negotiate
from corsguard.sources import RefreshingOrigins, RememberedOrigins


@pytest.mark.parametrize(("origin", "answer"), [(APP, True), (EVIL, False)])
def test_an_answer_is_remembered_for_its_time(origin, answer):
    store = Store(APP)
    source, clock = remember(store, timedelta(minutes=1))
    policy = Policy(allow_origins=source)
    assert [grants(policy, origin) for _ in range(3)] == [answer] * 3
    clock.now += 59.9
    assert grants(policy, origin) is answer
    assert store.asked == [origin]
    # A question does not make an answer last longer.
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


def test_hostile_origins_do_not_displace_granted_ones():
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


def test_an_answer_that_is_remembered_again_is_the_youngest():
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


def test_an_error_counts_as_no_and_is_not_remembered():
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
    # A remembered answer is given although the store is down.
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
    A store that answers when a test releases it. It sets *entered* when it is asked.
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
    Return a semaphore. Each thread that begins to wait for another's question releases it.
    """
    begun, result = threading.Semaphore(0), concurrent.futures.Future.result

    def counted(self, timeout=None):
        begun.release()
        return result(self, timeout)

    monkeypatch.setattr(concurrent.futures.Future, "result", counted)
    return begun


def ask_at_once(store, source, waiting, count):
    """
    Return the answers that *count* threads get. All but the first wait for its answer.
    """
    told = []

    def ask():
        try:
            told.append(APP in source)
        except BaseException as error:  # noqa: BLE001 - SystemExit is one of the cases
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
def test_concurrent_questions_ask_the_store_once(waiting, granted):
    store = Held(*([APP] if granted else ()))
    source, _ = remember(store)
    assert ask_at_once(store, source, waiting, 8) == [granted] * 8
    assert (APP in source) is granted
    assert store.asked == [APP]


def test_an_answer_that_arrived_in_between_is_used():
    store, clock = Store(APP), Clock()

    class Interrupted(Clock):
        """
        Lets another question be asked and answered between the two lookups in the memory.
        """

        def __call__(self):
            self.calls = getattr(self, "calls", 0) + 1
            if self.calls == 2:
                assert APP in source
            return clock.now

    source = RememberedOrigins(store, ttl=60, clock=Interrupted())
    assert APP in source
    assert store.asked == [APP]


def test_concurrent_questions_get_one_error(waiting):
    store = Held()
    store.error = ConnectionError("gone")
    assert ask_at_once(store, remember(store)[0], waiting, 8) == [store.error] * 8
    assert store.asked == [APP]


def test_nobody_waits_for_a_thread_that_was_stopped(waiting):
    store = Held()
    store.error = SystemExit()
    source, _ = remember(store)
    told = ask_at_once(store, source, waiting, 3)
    assert told.count(store.error) == 1
    # It is an Exception, so it counts as no.
    assert sum(isinstance(error, concurrent.futures.CancelledError) for error in told) == 2
    store.error = None
    assert APP not in source


def test_a_time_out_that_is_a_base_exception_reaches_all_who_wait(waiting):
    store = Held()
    store.error = Timeout()
    source, _ = remember(store)
    assert ask_at_once(store, source, waiting, 3) == [store.error] * 3
    assert store.asked == [APP]
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
def test_ttl_has_to_be_a_time(ttl):
    with pytest.raises(ValueError, match=r"Expected ttl to be a number of seconds or a timedelta, got .* Write ttl=60"):
        RememberedOrigins(Store(), ttl=ttl)


@pytest.mark.parametrize("maxsize", [0, -1, 1.5, "10", None, True])
def test_maxsize_has_to_be_a_number(maxsize):
    with pytest.raises(ValueError, match="Write maxsize=10_000"):
        RememberedOrigins(Store(), ttl=60, maxsize=maxsize)


def test_only_a_source_can_be_remembered():
    class Asynchronous:
        async def __contains__(self, origin):
            return True

    for wrong, code in ((Store, "E321"), (Asynchronous(), "E322"), ({APP: True}, "E103"), (None, "E103")):
        with pytest.raises(PolicyError) as error:
            RememberedOrigins(wrong, ttl=60)
        assert codes_of(error.value) == [code]
    for wrong in ([APP], "*"):
        with pytest.raises(TypeError, match="a list that needs no memory"):
            RememberedOrigins(wrong, ttl=60)


def test_django_asks_a_slow_store_outside_of_its_event_loop():
    class Slow:
        """
        A store whose answer comes from the event loop. If the loop waited for the answer, it would never come.
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
    # A thread for it would take more than ten times as long as all the rest.
    assert asked_in == [threading.main_thread()]
    assert Policy(allow_origins=source).may_block is False
    assert Policy(allow_origins=remember(source)[0]).may_block is True
