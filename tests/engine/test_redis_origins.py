"""
One set of origins in a real Redis: what is loaded and when, and what happens while Redis does not work as it should.
"""

import asyncio
import gc
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from kit.django_sending import APP, EVIL
from kit.sourcing import PREVIEW, Clock, grants
from kit.storing import ADD, KEY, connect, redis_server, until, with_both_clients

import corsguard
from corsguard import Policy, PolicyError, RedisOrigins, redis_origins

pytestmark = pytest.mark.server
__all__ = ["connect", "redis_server"]

NEVER = 3600


@pytest.fixture
def keep(connect, monkeypatch):
    """
    Return a function that makes sources. They are closed at the end of the test.
    """
    # Closing waits this long.
    monkeypatch.setattr(redis_origins, "_HEARTBEAT", 0.05)
    monkeypatch.setattr(redis_origins, "_RETRY", 0.1)
    sources = []

    def make(every=NEVER, connect=connect, **more):
        sources.append(RedisOrigins(connect, every=every, **more))
        return sources[-1]

    yield make
    for source in sources:
        source.close()


def listening(source, server, count=1):
    """
    Return *source* once it receives all messages from now on.
    """
    assert EVIL not in source
    until(lambda: server.listeners() == count)
    # This load follows the subscription.
    until(lambda: server.loads() == count + 1)
    return source


@with_both_clients
def test_a_change_is_seen_within_a_second_of_its_message(redis_server, keep):
    redis_server.write(APP, "https://*.example.com")
    source = keep()
    policy = Policy(allow_origins=source, allow_credentials=True)
    assert not policy.may_block
    assert not policy.must_await
    assert grants(policy, APP)
    assert grants(policy, PREVIEW)
    assert not grants(policy, EVIL)
    listening(source, redis_server)
    redis_server.add("https://new.example")
    assert until(lambda: grants(policy, "https://new.example")) < 1
    redis_server.write(PREVIEW)
    assert until(lambda: not grants(policy, APP)) < 1
    assert grants(policy, PREVIEW)


def test_a_change_between_the_first_load_and_the_first_question_is_seen(redis_server, keep):
    redis_server.write(APP)
    source = keep()
    redis_server.write(PREVIEW)
    assert APP in source
    until(lambda: PREVIEW in source)


def test_without_a_message_the_set_is_polled(redis_server, keep):
    source = keep(every=0.2)
    with redis_server.client() as client:
        client.sadd(KEY, APP)
        until(lambda: APP in source)
        redis_server.add(PREVIEW)
        until(lambda: PREVIEW in source)
        client.srem(KEY, APP, PREVIEW)
        until(lambda: APP not in source)
    assert PREVIEW not in source


def test_only_the_origin_that_a_message_names_is_looked_up(redis_server, keep):
    """
    The message does not say whether the set has it.
    """
    redis_server.write(APP, "https://*.example.com")
    source = listening(keep(), redis_server)
    loads = redis_server.loads()
    with redis_server.client() as client:
        client.sadd(KEY, "https://unsaid.example")
        client.publish(KEY, EVIL)
    redis_server.add("https://new.example")
    until(lambda: "https://new.example" in source)
    redis_server.remove("https://*.example.com")
    until(lambda: PREVIEW not in source)
    assert APP in source
    redis_server.remove(APP)
    until(lambda: APP not in source)
    assert "https://new.example" in source
    assert EVIL not in source
    assert "https://unsaid.example" not in source
    assert redis_server.loads() == loads
    # A bad entry that is added and removed again.
    redis_server.add("https://new.example/")
    until(lambda: source.last_error is not None)
    redis_server.remove("https://new.example/")
    until(lambda: source.last_error is None)
    assert "https://new.example" in source
    assert redis_server.loads() == loads
    redis_server.remove("https://new.example")
    until(lambda: "https://new.example" not in source)


@pytest.mark.parametrize("count", [900, 3_000])
def test_many_messages_lead_to_few_loads(redis_server, keep, count):
    source = listening(keep(), redis_server)
    with redis_server.client() as client, client.pipeline() as pipe:
        for number in range(count):
            pipe.eval(ADD, 1, KEY, f"https://t{number}.example")
        pipe.execute()
        until(lambda: all(f"https://t{number}.example" in source for number in range(count)))
        statistics = client.info("commandstats")
    assert statistics["cmdstat_smembers"]["calls"] < 20
    assert statistics.get("cmdstat_smismember", {"calls": 0})["calls"] < 20


def test_a_slow_load_does_not_undo_a_newer_lookup(redis_server, connect, keep):
    entered, go = threading.Event(), threading.Event()

    def connect_slowly():
        client = connect()
        if threading.current_thread().name == "slow":
            close = client.close
            client.close = lambda: (entered.set(), go.wait(30), close())
        return client

    redis_server.write(APP)
    source = listening(keep(connect=connect_slowly), redis_server)
    slow = threading.Thread(target=source.refresh, name="slow")
    slow.start()
    assert entered.wait(30)
    redis_server.add(PREVIEW)
    until(lambda: PREVIEW in source)
    go.set()
    slow.join()
    assert PREVIEW in source
    redis_server.add("https://new.example")
    until(lambda: "https://new.example" in source)
    assert PREVIEW in source


def test_the_key_can_be_chosen(redis_server, keep):
    with redis_server.client() as client:
        client.sadd("app:origins", APP)
    assert APP in keep(key="app:origins")
    assert APP not in keep()


def test_the_documented_command_is_the_tested_one():
    manual = Path(corsguard.__file__).parent / "manual" / "origins.md"
    for text in (manual.read_text("utf-8"), RedisOrigins.__doc__):
        assert f'redis-cli EVAL "{ADD}" 1 ' in text


@with_both_clients
def test_the_set_can_be_refreshed_by_hand_on_an_event_loop(redis_server, keep):
    async def main():
        source = keep()
        redis_server.write(APP)
        return source.refresh(), APP in source

    assert asyncio.run(main()) == (True, True)


@with_both_clients
def test_one_source_works_in_two_event_loops(redis_server, keep):
    redis_server.write(APP)
    source = listening(keep(), redis_server)
    answers = []

    async def ask():
        answers.append(APP in source)

    threads = [threading.Thread(target=lambda: asyncio.run(ask())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True, True]
    assert redis_server.listeners() == 1


def test_a_bad_entry_keeps_the_last_good_origins_and_is_logged(redis_server, keep, caplog):
    redis_server.write(APP)
    source = listening(keep(), redis_server)
    for entry in ("https://one.example/", "null", b"https://one\xff.example"):
        caplog.clear()
        redis_server.write(PREVIEW, entry)
        until(lambda: caplog.records)
        assert isinstance(source.last_error, PolicyError)
        assert APP in source
        assert PREVIEW not in source
        (record,) = caplog.records
        assert record.levelno == logging.ERROR
        assert str(source.last_error) in record.getMessage()
        redis_server.write(APP)
        until(lambda: len(caplog.records) == 2)
        assert source.last_error is None


def test_a_first_load_that_fails_is_an_error(redis_server, connect):
    redis_server.write("*")
    with pytest.raises(PolicyError):
        RedisOrigins(connect)
    with redis_server.client() as client:
        client.set("text", "no set")
        with pytest.raises(Exception, match="WRONGTYPE"):
            RedisOrigins(connect, "text")
    redis_server.kill()
    with pytest.raises(Exception, match="connecting to"):
        RedisOrigins(connect)
    redis_server.start()


async def asynchronous():
    pass


@pytest.mark.parametrize("function", [None, "redis://localhost", asynchronous])
def test_connect_has_to_be_a_function(function):
    with pytest.raises(TypeError, match=r"Expected connect to be a plain function .* Write connect=lambda: redis"):
        RedisOrigins(function)


@pytest.mark.parametrize("key", [None, "", b"key"])
def test_key_has_to_be_a_name(key):
    with pytest.raises(TypeError, match=r"Expected key to be the name of a set in Redis, got .* Write key="):
        RedisOrigins(list, key)


# Redis goes away and comes back.


@with_both_clients
def test_while_redis_is_gone_the_last_good_origins_stay(redis_server, keep, caplog):
    """
    The log says so once.
    """
    redis_server.write(APP)
    source = listening(keep(every=0.2), redis_server)
    redis_server.kill()
    until(lambda: caplog.records)
    before = source.last_error
    # More loads fail, and more attempts to subscribe.
    until(lambda: source.last_error is not before)
    assert APP in source
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert 'The set "corsguard:origins" in Redis failed' in record.getMessage()
    redis_server.start()
    redis_server.write(APP, PREVIEW)
    until(lambda: len(caplog.records) == 2)
    assert PREVIEW in source
    assert source.last_error is None
    assert "returned origins again; they are <RedisOrigins: 2 patterns" in caplog.records[1].getMessage()
    until(lambda: redis_server.listeners() == 1)
    assert len(caplog.records) == 2


def test_a_redis_that_restarts_empty_has_lost_its_data(redis_server, keep, caplog):
    """
    A Redis that is emptied by a command is believed.
    """
    redis_server.write(APP)
    source = listening(keep(), redis_server)
    redis_server.kill()
    redis_server.start()
    until(lambda: isinstance(source.last_error, LookupError))
    assert APP in source
    assert "Add them again: redis-cli SADD" in str(source.last_error)
    assert len(caplog.records) == 1
    redis_server.write(PREVIEW)
    until(lambda: APP not in source)
    assert PREVIEW in source
    # It is emptied by a command, not by a restart.
    redis_server.write()
    until(lambda: PREVIEW not in source)
    assert source.last_error is None
    # Now there is nothing that can be lost.
    redis_server.kill()
    redis_server.start()
    assert source.refresh()


@pytest.mark.parametrize(("named", "loads"), [(APP, 2), (PREVIEW, 1)])
def test_a_restart_between_a_message_and_its_lookup_is_noticed(redis_server, connect, keep, named, loads):
    """
    The empty Redis is not confused with the one that was loaded from.
    """
    restarts = []

    def connect_after_a_restart():
        if restarts:
            restarts.pop()
            redis_server.kill()
            redis_server.start()
        return connect()

    redis_server.write(APP)
    source = listening(keep(connect=connect_after_a_restart), redis_server)
    restarts.append("now")
    redis_server.add(named)
    until(lambda: isinstance(source.last_error, LookupError))
    # A lookup that finds nothing leads to one load. Subscribing again leads to another.
    until(lambda: redis_server.listeners() == 1 and redis_server.loads() >= loads)
    assert isinstance(source.last_error, LookupError)
    assert APP in source


@with_both_clients
def test_no_question_waits_for_a_redis_that_hangs(redis_server, keep, caplog, monkeypatch):
    """
    The connection to it is given up.
    """
    monkeypatch.setattr(redis_origins, "_SILENCE", 0.3)
    redis_server.write(APP)
    source = listening(keep(), redis_server)
    redis_server.hang()
    try:
        # No load comes because of the time, so it is the channel whose silence was noticed.
        until(lambda: source.last_error is not None)
        assert APP in source
        assert EVIL not in source
    finally:
        redis_server.go_on()
    redis_server.write(PREVIEW)
    until(lambda: PREVIEW in source)
    until(lambda: len(caplog.records) == 2)


def test_a_load_that_redis_refuses_is_soon_repeated(redis_server, keep, caplog):
    """
    Redis refuses commands while it reads its data, though the subscription works.
    """
    redis_server.write(APP)
    source = listening(keep(), redis_server)
    with redis_server.client() as client:
        client.acl_setuser("default", enabled=True, nopass=True, commands=["-smembers"])
        client.sadd(KEY, PREVIEW)
        client.publish(KEY, "")
        until(lambda: source.last_error is not None)
        # A lookup of this origin alone would succeed, and would miss the other.
        redis_server.add("https://new.example")
        client.acl_setuser("default", enabled=True, nopass=True, commands=["+smembers"])
    until(lambda: "https://new.example" in source)
    assert PREVIEW in source
    assert redis_server.listeners() == 1
    until(lambda: len(caplog.records) == 2)


def test_a_silent_channel_is_not_taken_for_lost(redis_server, keep, monkeypatch):
    monkeypatch.setattr(redis_origins, "_SILENCE", 0.2)
    source = listening(keep(), redis_server)
    loads = redis_server.loads()
    with redis_server.client() as client:
        # One comes after each heartbeat, so they take more than twice the allowed silence.
        until(lambda: client.info("commandstats").get("cmdstat_ping", {"calls": 0})["calls"] > 10)
    assert redis_server.loads() == loads
    assert source.last_error is None


@with_both_clients
def test_a_lost_channel_is_subscribed_again(redis_server, keep, caplog):
    """
    Changes during the loss are seen at once, and nothing is logged. All is loaded once for each loss.
    """
    redis_server.write(APP)
    source = listening(keep(), redis_server)
    loads = redis_server.loads()
    for number in range(3):
        redis_server.cut_channels()
        redis_server.add(f"https://t{number}.example")
        assert until(lambda number=number: f"https://t{number}.example" in source) < 1
        until(lambda: redis_server.listeners() == 1)
    # A last change, which is looked up alone.
    redis_server.add("https://last.example")
    until(lambda: "https://last.example" in source)
    assert redis_server.loads() == loads + 3
    assert caplog.records == []


def test_without_the_right_to_subscribe_the_set_is_polled(redis_server, keep, caplog):
    """
    The log says so once.
    """
    redis_server.write(APP)
    with redis_server.client() as client:
        client.acl_setuser("default", enabled=True, nopass=True, reset_channels=True)
        source = keep(every=0.2)
        assert APP in source
        client.sadd(KEY, PREVIEW)
        until(lambda: PREVIEW in source)
        loads = redis_server.loads()
        until(lambda: redis_server.loads() > loads + 2)
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert "does not work, so a change of its origins is seen only within 0.2 seconds" in record.getMessage()
        client.acl_setuser("default", enabled=True, nopass=True, channels=["*"])
    until(lambda: redis_server.listeners() == 1)
    until(lambda: len(caplog.records) == 2)
    assert "works again" in caplog.records[1].getMessage()
    assert source.last_error is None


def test_a_stale_source_answers_no(redis_server, keep):
    redis_server.write(APP)
    clock = Clock()
    source = keep(every=60, stale_after=600, clock=clock)
    redis_server.kill()
    clock.now += 599
    assert APP in source
    clock.now += 2
    assert APP not in source
    redis_server.start()
    redis_server.write(APP)
    assert source.refresh()
    assert APP in source


# The thread of the source.


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "corsguard origins"]


@with_both_clients
def test_close_ends_the_thread_and_the_connection(redis_server, keep):
    redis_server.write(APP)
    source = listening(keep(), redis_server)
    assert len(threads()) == 1
    source.close()
    assert threads() == []
    until(lambda: redis_server.listeners() == 0)
    assert APP in source
    with redis_server.client() as client:
        # No load leaves a connection open: this client has the only one.
        until(lambda: len(client.client_list()) == 1)


def test_a_source_without_references_ends_its_thread(redis_server, connect):
    source = listening(RedisOrigins(connect), redis_server)
    (thread,) = threads()
    del source
    gc.collect()
    thread.join(30)
    assert not thread.is_alive()
    until(lambda: redis_server.listeners() == 0)


def test_a_source_can_be_closed_while_redis_is_gone(redis_server, keep):
    source = listening(keep(), redis_server)
    redis_server.kill()
    until(lambda: source.last_error is not None)
    source.close()
    assert threads() == []
    redis_server.start()


def test_a_process_that_listens_ends_without_output(redis_server):
    redis_server.write(APP)
    program = f"""
import redis.asyncio
from corsguard import RedisOrigins

source = RedisOrigins(lambda: redis.asyncio.Redis.from_url({redis_server.url!r}))
print({APP!r} in source, flush=True)
input()
"""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        until(lambda: redis_server.listeners() == 1)
        assert process.communicate("\n", timeout=30) == ("True\n", "")
    assert process.returncode == 0
