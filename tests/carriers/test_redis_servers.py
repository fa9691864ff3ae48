"""
One set of origins in a real Redis, shared by the processes of several servers, while Redis does not work as it should.
"""

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import pytest
from kit.serving import EXAMPLES, Server, lines_until, needed, served, started
from kit.storing import PATIENCE, RedisServer, ask_until, redis_server, shared, until

pytestmark = pytest.mark.server
__all__ = ["redis_server"]

ONE = "https://one.example"
TWO = "https://two.example"
EVIL = "https://evil.example"
TESTS = str(Path(__file__).parents[1])
MANY = [f"https://t{number}.tenants.example" for number in range(100_000)]
# Each row stands for a machine: a server with a number of processes.
MACHINES = [
    ("gunicorn", "redis_origins:application", {"GUNICORN_CMD_ARGS": "--workers=2"}, 2),
    ("gunicorn", "redis_origins:application", {"GUNICORN_CMD_ARGS": "--preload --worker-class=gevent"}, 1),
    ("uvicorn", "kit.redis_app:application", {"PYTHONPATH": TESTS}, 1),
]


@contextmanager
def machines(redis_server):
    """
    Serve the same origins with each of the servers. Yield them with the number of their processes.
    """
    needed("gevent")
    with ExitStack() as stack:
        yield [
            (stack.enter_context(served(server, application, REDIS_URL=redis_server.url, **more)), processes)
            for server, application, more, processes in MACHINES
        ]


def seen(servers, origin, expected):
    """
    Wait until every process of *servers* answers as *expected*. Return how many seconds it took.
    """
    began = time.monotonic()
    for server, processes in servers:
        ask_until(server, origin, expected, processes)
    return time.monotonic() - began


class Asking:
    """
    Asks *server* all the time, and expects that ONE is granted and EVIL is not.
    """

    def __init__(self, server, executor):
        self.answers = 0
        self._server = server
        self._stop = threading.Event()
        self._done = executor.submit(self._ask)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._done.result()

    def _ask(self):
        while not self._stop.is_set():
            for origin, expected in ((ONE, True), (EVIL, False), (MANY[self.answers % 1_000], True)):
                assert shared(self._server, origin)[0] is expected, origin
                self.answers += 1

    def go_on(self, count):
        """
        Wait until *more* answers have come, each of which was right.
        """
        before = self.answers
        until(lambda: self.answers >= before + count or self._done.done())
        if self._done.done():
            self._done.result()


def fail_over(redis_server, servers, rounds):
    """
    Kill Redis, start it empty, let it hang and cut its channels, for *rounds* rounds, while the servers are asked.

    Return how many answers came, and how many seconds it took until every process had seen the change after it.
    """
    times = []
    with ExitStack() as stack:
        executor = stack.enter_context(ThreadPoolExecutor(len(servers)))
        askers = [stack.enter_context(Asking(server, executor)) for server, _ in servers]

        def more():
            # So each server is asked in each state.
            for asker in askers:
                asker.go_on(6)

        for number in range(rounds):
            redis_server.kill()
            more()
            redis_server.start()
            more()
            redis_server.write(ONE, *MANY, f"https://back{number}.example")
            times.append(seen(servers, f"https://back{number}.example", expected=True))
            redis_server.hang()
            more()
            redis_server.go_on()
            redis_server.add(f"https://slow{number}.example")
            times.append(seen(servers, f"https://slow{number}.example", expected=True))
            redis_server.cut_channels()
            redis_server.add(f"https://cut{number}.example")
            times.append(seen(servers, f"https://cut{number}.example", expected=True))
            more()
    return sum(asker.answers for asker in askers), times


def test_servers_share_one_set_whatever_redis_does(redis_server):
    """
    All processes of all servers see a change. No failure of Redis costs a request or a grant.
    """
    redis_server.write(ONE, *MANY)
    with machines(redis_server) as servers:
        seen(servers, ONE, expected=True)
        seen(servers, TWO, expected=False)
        redis_server.add(TWO)
        seen(servers, TWO, expected=True)
        redis_server.write(ONE, *MANY)
        seen(servers, TWO, expected=False)
        fail_over(redis_server, servers, 1)
        for server, processes in servers:
            for _ in range(processes):
                assert "failed, so its origins" in server.lines_until("failed, so its origins")[-1]


@pytest.mark.long
def test_all_processes_see_a_change_within_a_second(redis_server):
    """
    That is true after each of many failures too.
    """
    redis_server.write(ONE, *MANY)
    with machines(redis_server) as servers:
        seen(servers, ONE, expected=True)
        until(lambda: redis_server.listeners() == sum(processes for _, processes in servers))
        redis_server.add(TWO)
        seen(servers, TWO, expected=True)
        plain = []
        for number in range(20):
            redis_server.add(f"https://new{number}.example")
            plain.append(seen(servers, f"https://new{number}.example", expected=True))
        answers, times = fail_over(redis_server, servers, 10)
    for what, seconds in (("a change", plain), ("a change after a failure", times)):
        print(f"{what}: {median(seconds):.2f} s, at most {max(seconds):.2f} s")
    print(f"{answers:,} answers")
    assert max(plain) < 1
    assert max(times) < PATIENCE


def test_a_process_does_not_start_without_redis(tmp_path):
    needed("redis", "redis")
    environment = {"PORT": "0", "REDIS_URL": RedisServer(tmp_path).url}
    with started(EXAMPLES / "redis_origins.py", **environment) as process:
        assert "connecting to" in lines_until("ConnectionError", process)[-1]


def test_the_example_starts_as_its_docstring_says(redis_server):
    with started(EXAMPLES / "redis_origins.py", PORT="0", REDIS_URL=redis_server.url) as process:
        port = int(re.search(r"http://localhost:(\d+)", lines_until("http://", process)[-1])[1])
        server = Server(port, process)
        assert shared(server, ONE)[0] is False
        until(lambda: redis_server.listeners() == 1)
        redis_server.add(ONE)
        until(lambda: shared(server, ONE)[0])


@pytest.mark.parametrize("options", [["--enable-threads"], ["--gevent=50", "--gevent-monkey-patch"]])
def test_each_process_listens_after_a_fork_without_hooks(redis_server, options):
    """
    uWSGI forks without a notice to Python.
    """
    redis_server.write(ONE)
    options = ["--master", "--processes=2", *options, f"--pythonpath={EXAMPLES}"]
    with served("uwsgi", "redis_origins:application", *options, REDIS_URL=redis_server.url) as server:
        ask_until(server, ONE, True, 2)
        until(lambda: redis_server.listeners() == 2)
        redis_server.add(TWO)
        ask_until(server, TWO, True, 2)
