"""
Real servers under constant load, while policies are swapped, origins change, Redis goes and returns, sources block and
raise, foreign origins flood them, and processes are restarted. Every answer is right, and none is lost.

python -m pytest -m long -s tests/carriers/test_load.py

loads each of these servers for 40 seconds, and prints the figures of the manual's page on reliability.
"""

import sqlite3
import subprocess
import time
from contextlib import closing
from itertools import cycle
from statistics import linear_regression, median

import pytest
from kit.loaded_app import STEADY
from kit.loading import Ask, Ledger, Load, Swapped, Tenants, World, front_of, resident, serving
from kit.storing import redis_server, until

pytestmark = pytest.mark.server
__all__ = ["redis_server"]

SYNC = ("--worker-class=sync", "--threads=1")
WORLDS = {
    "threads: gunicorn, Flask": World("gunicorn", "flask", ("--worker-class=gthread",), 1, reloads=True),
    "threads: waitress, WSGI": World("waitress", "wsgi"),
    "processes: gunicorn, Django": World("gunicorn", "django", (*SYNC, "--workers=3", "--preload"), 3, reloads=True),
    "event loops: uvicorn, Starlette": World("uvicorn", "starlette", ("--workers=2",), 2),
    "event loop: Hypercorn, ASGI": World("hypercorn", "asgi"),
    "event loop: uvicorn, Django": World("uvicorn", "django-asgi"),
    "gevent: gunicorn, WSGI": World("gunicorn", "wsgi", ("--worker-class=gevent", "--preload"), 1, reloads=True),
    "gevent: uWSGI, Django": World(
        "uwsgi", "django", ("--master", "--gevent=50", "--gevent-monkey-patch"), 1, reloads=True
    ),
}
# Only in the long form.
MORE_WORLDS = {
    "threads: uWSGI, WSGI": World("uwsgi", "wsgi", ("--master", "--processes=2", "--threads=4"), 2, reloads=True),
    "processes: gunicorn, WSGI": World("gunicorn", "wsgi", (*SYNC, "--workers=2"), 2, reloads=True),
    "event loop: Granian, Starlette": World("granian", "starlette"),
    "event loop: Daphne, Django": World("daphne", "django-asgi"),
}
EVERY_WORLD = WORLDS | MORE_WORLDS
# This is more memory, in blocks, than each process fills at first with modules and bounded memories.
MOST_BLOCKS_AT_FIRST = 25_000
# More blocks for each answer than this are not chance. An object that is kept for each question or each swap takes
# more.
MOST_BLOCKS = 5
SECONDS = 40
# The number of answers for each asker in each state.
FEW, MANY = 6, 30


class Redis:
    """
    The origins in a Redis that does not work as it should, as the *ledger* has them.
    """

    def __init__(self, server, ledger):
        self._server = server
        self._ledger = ledger
        self._number = 0
        ledger.say(STEADY, is_granted=True)
        server.write(STEADY)

    def disturb(self, load, how, count):
        """
        Do *how*, with a number of answers for each asker in each state. Then add an origin and remove an earlier one.

        Return how many seconds it took until each process had seen it.
        """
        getattr(self, how)(load, count)
        self._number += 1
        origin = f"https://n{self._number}.example"
        self._ledger.say(origin, is_granted=None)
        self._server.add(origin)
        seconds = [self._told(load, origin, is_granted=True)]
        for earlier in {*self._ledger.granted} - {STEADY, origin}:
            self._ledger.say(earlier, is_granted=None)
            self._server.remove(earlier)
            seconds.append(self._told(load, earlier, is_granted=False))
        load.go_on(count)
        return seconds

    def reload(self, load):
        """
        Restart the processes of the server.
        """
        # Processes that are forked from a parent that loaded long ago start with its origins, until they have
        # connected.
        new = {*self._ledger.granted} - {STEADY} if load.world.is_preloaded else set()
        for origin in new:
            self._ledger.say(origin, is_granted=None)
        load.reload()
        for origin in new:
            self._told(load, origin, is_granted=True)

    def _told(self, load, origin, *, is_granted):
        seconds = load.seen_by_all(Ask("/redis", origin), is_granted=is_granted)
        self._ledger.say(origin, is_granted=is_granted)
        return seconds

    def _restart(self):
        self._server.kill()
        self._server.start()

    def gone(self, load, count):
        self._server.kill()
        load.go_on(count)
        self._server.start()
        self._server.write(*self._ledger.granted)

    def empty(self, load, count):
        self._restart()
        load.go_on(count)
        self._server.write(*self._ledger.granted)

    def slow(self, load, count):
        self._restart()
        self._server.write(*self._ledger.granted)
        self._server.pause(500)
        load.go_on(count)

    def unheard(self, load, count):
        self._server.cut_channels()


FAILURES = ["gone", "empty", "slow", "unheard"]
CASES = {
    f"{name}, Redis {failure}": (WORLDS[name], failure) for name, failure in zip(WORLDS, cycle(FAILURES), strict=False)
}


@pytest.mark.parametrize(("world", "failure"), CASES.values(), ids=CASES.keys())
def test_every_answer_is_right_and_none_is_lost(redis_server, world, failure):
    ledger = Ledger()
    redis = Redis(redis_server, ledger)
    with serving(world, REDIS_URL=redis_server.url) as server:
        with Load(server, world, Swapped(ledger, is_awaited=world.is_awaited)) as load:
            load.go_on(FEW)
            blocks = load.blocks()
            redis.disturb(load, failure, FEW)
            assert load.blocks() < blocks + MOST_BLOCKS_AT_FIRST * world.processes
            if world.reloads:
                redis.reload(load)
                load.go_on(FEW)
        load.check()
        load.end()


@pytest.mark.long
@pytest.mark.parametrize("world", EVERY_WORLD.values(), ids=EVERY_WORLD.keys())
def test_every_answer_is_right_for_a_long_time(redis_server, world):
    ledger = Ledger()
    redis = Redis(redis_server, ledger)
    with serving(world, REDIS_URL=redis_server.url) as server:
        with Load(server, world, Swapped(ledger, is_awaited=world.is_awaited), askers=8) as load:
            # No process starts while Redis is down.
            load.go_on(FEW)
            load.processes()
            told = Told(load)
            for failure in cycle(FAILURES):
                told.seen += redis.disturb(load, failure, MANY)
                if told.is_over():
                    break
            for _ in range(3 if world.reloads else 0):
                redis.reload(load)
                load.go_on(MANY)
                told.reloads += 1
        load.check()
        told.print(load.end())


@pytest.mark.long
@pytest.mark.parametrize(
    ("variant", "finding"),
    {
        # A swap in two steps.
        "mixing": r"X-Version",
        # A source that grants an origin that nobody listed.
        "granting": r"allow-origin', 'https://s\d+\.evil",
        # A source that keeps all that it is asked.
        "leaking": r"assert \d+ < \(\d+ \+",
        # A worker that ends in the middle of a request.
        "dying": r"RemoteDisconnected|ConnectionResetError",
    }.items(),
)
def test_a_broken_guard_is_found(redis_server, variant, finding):
    ledger = Ledger()
    redis = Redis(redis_server, ledger)
    world = WORLDS["threads: gunicorn, Flask"]

    def run():
        with serving(world, REDIS_URL=redis_server.url, VARIANT=variant) as server:
            with Load(server, world, Swapped(ledger, is_awaited=False)) as load:
                load.go_on(FEW)
                blocks = load.blocks()
                # Only an asker sees the mixture that asks about the origin taken over from another version.
                redis.disturb(load, "unheard", 10 * MANY if variant == "mixing" else MANY)
                assert load.blocks() < blocks + MOST_BLOCKS_AT_FIRST
            load.check()

    with pytest.raises(AssertionError, match=finding):
        run()


@pytest.mark.long
def test_a_server_that_does_not_end_is_found(redis_server):
    world = WORLDS["threads: gunicorn, Flask"]
    with serving(world, REDIS_URL=redis_server.url, VARIANT="stubborn") as server:
        load = Load(server, world, Swapped(Ledger(), is_awaited=False))
        load.processes()
        with pytest.raises(subprocess.TimeoutExpired):
            load.end()


class Database:
    """
    The tenants in a database, as the *ledger* has them.
    """

    def __init__(self, path, ledger):
        self._path = path
        self._ledger = ledger
        self._number = 0
        self._run("CREATE TABLE tenant (host TEXT PRIMARY KEY, origin TEXT, number INTEGER)")
        for _ in range(40):
            self._ledger.say(self._add(), is_granted=True)

    def _run(self, command, values=()):
        with closing(sqlite3.connect(self._path, timeout=30)) as database, database:
            database.execute(command, values)

    def _add(self):
        self._number += 1
        host = f"t{self._number}.load.example"
        self._run("INSERT INTO tenant VALUES (?, ?, ?)", [host, front_of(host), self._number])
        return host

    def change(self, load):
        """
        Add one tenant and remove one. Return how many seconds it took until each process had seen it.
        """
        self._ledger.say(f"t{self._number + 1}.load.example", is_granted=None)
        new = self._add()
        seconds = [load.seen_by_all(Ask("/tenant", front_of(new), new), is_granted=True)]
        self._ledger.say(new, is_granted=True)
        old = self._ledger.granted[0]
        self._ledger.say(old, is_granted=None)
        self._run("DELETE FROM tenant WHERE host = ?", [old])
        began = time.monotonic()
        seconds.append(load.seen_by_all(Ask("/tenant", front_of(old), old), is_granted=False))
        # An answer of the store is remembered for this long, also one that another thread got before.
        until(lambda: time.monotonic() - began > 1)
        self._ledger.say(old, is_granted=False)
        return seconds


TENANTS_WORLDS = {
    "threads: gunicorn, WSGI": World("gunicorn", "wsgi", ("--worker-class=gthread",), 1, reloads=True),
    "processes: gunicorn, Flask": World("gunicorn", "flask", (*SYNC, "--workers=3", "--preload"), 3, reloads=True),
    "event loops: uvicorn, Starlette": WORLDS["event loops: uvicorn, Starlette"],
}
MORE_TENANTS_WORLDS = {"gevent: uWSGI, Django": WORLDS["gevent: uWSGI, Django"]}
EVERY_TENANTS_WORLD = TENANTS_WORLDS | MORE_TENANTS_WORLDS


@pytest.mark.parametrize("world", TENANTS_WORLDS.values(), ids=TENANTS_WORLDS.keys())
def test_no_tenant_reads_from_another(tmp_path, world):
    ledger = Ledger()
    database = Database(tmp_path / "tenants", ledger)
    with serving(world, TENANTS=str(tmp_path / "tenants")) as server:
        with Load(server, world, Tenants(ledger)) as load:
            load.go_on(FEW)
            database.change(load)
            load.go_on(FEW)
        load.check()
        load.end()


@pytest.mark.long
def test_a_tenant_who_reads_from_another_is_found(tmp_path):
    ledger = Ledger()
    Database(tmp_path / "tenants", ledger)
    world = TENANTS_WORLDS["threads: gunicorn, WSGI"]

    def run():
        with (
            serving(world, TENANTS=str(tmp_path / "tenants"), VARIANT="strange") as server,
            Load(server, world, Tenants(ledger)) as load,
        ):
            load.go_on(MANY)

    with pytest.raises(AssertionError, match=r"host='h\d+\.evil"):
        run()


@pytest.mark.long
@pytest.mark.parametrize("world", EVERY_TENANTS_WORLD.values(), ids=EVERY_TENANTS_WORLD.keys())
def test_no_tenant_reads_from_another_for_a_long_time(tmp_path, world):
    ledger = Ledger()
    database = Database(tmp_path / "tenants", ledger)
    with serving(world, TENANTS=str(tmp_path / "tenants")) as server:
        with Load(server, world, Tenants(ledger), askers=8) as load:
            told = Told(load)
            while not told.is_over():
                told.seen += database.change(load)
                load.go_on(MANY)
            for _ in range(3 if world.reloads else 0):
                load.reload()
                load.go_on(MANY)
                told.reloads += 1
        load.check()
        told.print(load.end())


class Told:
    """
    The figures of a run that the manual shows.
    """

    def __init__(self, load):
        self._load = load
        self._began = time.monotonic()
        self._memory = []
        self.seen = []
        self.reloads = 0

    def is_over(self):
        """
        Record how much memory the processes have, and return whether the run has been long enough.
        """
        now = time.monotonic() - self._began
        kilobytes = sum(map(resident, self._load.processes())) / 1024
        self._memory.append((now, self._load.total("answers"), self._load.blocks(), kilobytes))
        return now > SECONDS

    def print(self, shutdown):
        load = self._load
        # At first, bounded memories fill up.
        warm = self._memory[len(self._memory) // 2 :]
        seconds, answers, blocks, kilobytes = zip(*warm, strict=True)
        per_answer = linear_regression(answers, blocks).slope
        per_minute = linear_regression(seconds, kilobytes).slope * 60
        told = {
            "answers": f"{load.total('answers'):,}",
            "swaps": f"{load.swaps:,}",
            "wrong": len(load.wrong),
            "lost": len(load.lost),
            "kept connections ended": f"{load.total('reopened'):,}",
            "reloads": self.reloads,
            "blocks an answer": f"{per_answer:+.2f}",
            "KB a minute": f"{per_minute:+,.0f} of {kilobytes[-1]:,.0f}",
            "shutdown": f"{shutdown:.1f} s",
            "changes": len(self.seen),
            "seen": f"{median(self.seen):.2f} s, at most {max(self.seen):.2f} s",
        }
        print(f"\n{load.world}: {told}")
        assert per_answer < MOST_BLOCKS
