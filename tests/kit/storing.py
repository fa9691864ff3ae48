"""
A real Redis that is started, killed and stopped from answering, and what is written to it.
"""

import importlib
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from kit.serving import lines_until, missing, needed

KEY = "corsguard:origins"
ADD = "redis.call('SADD',KEYS[1],ARGV[1]); redis.call('PUBLISH',KEYS[1],ARGV[1])"
# Seconds on a machine that does other work too.
PATIENCE = 30


class RedisServer:
    """
    A Redis on a socket in *path*. It stores nothing on disk, so it is empty after each start.
    """

    def __init__(self, path):
        self._path = path
        self.url = f"unix://{path / 'redis'}"
        self._process = self._reader = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        program = shutil.which("redis-server")
        if program is None:
            missing("redis-server is not installed")
        options = {
            "port": "0",
            "unixsocket": self._path / "redis",
            "dir": self._path,
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
        }
        command = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines_until("ready to accept connections", self._process)
        # It continues to write, even if nobody reads.
        self._reader = threading.Thread(target=self._process.stdout.read)
        self._reader.start()

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def hang(self):
        """
        Stop answering, and keep all connections open.
        """
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self._process.send_signal(signal.SIGCONT)

    def pause(self, milliseconds):
        """
        Delay each answer from now on.
        """
        with self.client() as client:
            client.client_pause(milliseconds)

    def client(self):
        return needed("redis", "redis").Redis.from_url(self.url)

    def write(self, *origins):
        """
        Replace the content of the set by *origins* in one step, and publish it.
        """
        with self.client() as client, client.pipeline() as pipe:
            pipe.delete(KEY)
            for begin in range(0, len(origins), 10_000):
                pipe.sadd(KEY, *origins[begin : begin + 10_000])
            pipe.publish(KEY, "")
            pipe.execute()

    def add(self, origin):
        """
        Run the command of the manual.
        """
        with self.client() as client:
            client.eval(ADD, 1, KEY, origin)

    def remove(self, origin):
        with self.client() as client:
            client.eval(ADD.replace("SADD", "SREM"), 1, KEY, origin)

    def listeners(self):
        with self.client() as client:
            return len(client.client_list(_type="pubsub"))

    def cut_channels(self):
        with self.client() as client:
            client.client_kill_filter(_type="pubsub")

    def loads(self):
        """
        Return how often the set was loaded.
        """
        with self.client() as client:
            return client.info("commandstats").get("cmdstat_smembers", {"calls": 0})["calls"]


@pytest.fixture
def redis_server(tmp_path):
    """
    Return a Redis that runs.
    """
    needed("redis", "redis")
    with RedisServer(tmp_path) as server:
        yield server


@pytest.fixture
def connect(request, redis_server):
    """
    Return a function that makes a client, synchronous or as the test asks.
    """
    module = importlib.import_module(getattr(request, "param", "redis"))
    return lambda: module.Redis.from_url(redis_server.url, socket_timeout=0.5)


with_both_clients = pytest.mark.parametrize("connect", ["redis", "redis.asyncio"], indirect=True)


def until(condition, patience=PATIENCE):
    """
    Wait until *condition* is true, and return how many seconds it took.
    """
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience
        time.sleep(0.002)
    return time.monotonic() - began


def shared(server, origin):
    """
    Return whether *server* shares with *origin*, and the process that answered.
    """
    reply = server.exchange("GET", "/orders", f"Origin: {origin}")
    granted = ("access-control-allow-origin", origin) in reply.cors()
    assert granted == (("access-control-allow-credentials", "true") in reply.cors())
    assert ("vary", "Origin") in reply.cors()
    return granted, int(re.search(rb'"process": (\d+)', reply.body)[1])


def ask_until(server, origin, expected, processes):
    """
    Ask until each of *processes* processes has answered as *expected*. Each notices at its own time.
    """
    deadline = time.monotonic() + PATIENCE
    answers = {}
    while len(answers) < processes or set(answers.values()) != {expected}:
        assert time.monotonic() < deadline, answers
        granted, process = shared(server, origin)
        answers[process] = granted
