"""
Real servers, each in a process of its own, and requests to them byte by byte.

A server gets a socket that already listens, so no test waits for a port: a client that connects early is answered late.
"""

import importlib
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PAGE_ORIGIN = "http://localhost:8000"

_PATIENCE = 30


def missing(reason):
    """
    Skip the test because this machine does not have something, or fail it in CI.
    """
    if os.environ.get("CORSGUARD_CI") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def needed(name, extra="servers"):
    """
    Return the module *name* of an *extra*, or skip the test.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        missing(f"{name} is not installed: pip install -e '.[{extra}]'")


class Reply(NamedTuple):
    """
    An HTTP response as it was received.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def cors(self):
        """
        Return the headers of CORS and Vary in order, with names in lower case, and repeated ones repeated.
        """
        lowered = [(name.lower(), value) for name, value in self.headers]
        return sorted(pair for pair in lowered if pair[0].startswith("access-control-") or pair[0] == "vary")


class Server:
    """
    A process that serves on *port*.
    """

    def __init__(self, port, process):
        self.port = port
        self.process = process

    def send(self, raw):
        """
        Send the bytes *raw* and return all bytes that come back until the server closes.
        """
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE) as connection:
                connection.sendall(raw)
                return b"".join(iter(lambda: connection.recv(65536), b""))
        except OSError as error:
            _end(self.process)
            raise AssertionError(f"{error}; the server wrote:\n{self.process.stdout.read()}") from error

    def exchange(self, method, path, *lines, host="localhost"):
        """
        Send one request with the header *lines*, bytes or text without the line end. Return the Reply.

        Its status is 0 if the server ends the connection without an answer.
        """
        head = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *lines, "", ""]
        raw = b"\r\n".join(line if isinstance(line, bytes) else line.encode("latin-1") for line in head)
        head, _, body = self.send(raw).partition(b"\r\n\r\n")
        if not head:
            return Reply(0, [], b"")
        first, *rest = head.decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in rest]
        return Reply(int(first.split()[1]), [(name, value.strip()) for name, _, value in pairs], body)

    def lines_until(self, text):
        """
        Return the output of the process up to the first line with *text*, including that line.
        """
        return lines_until(text, self.process)


def lines_until(text, process):
    """
    Return the output of *process* up to the first line with *text*, including that line.
    """
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if text in line:
            return lines
    raise AssertionError(f"it ended without {text!r}:\n" + "\n".join(lines))


class Drained:
    """
    The lines of *stream*, read as they come, because a server would block if nobody read its log.
    """

    def __init__(self, stream):
        self._stream = stream
        self._lines = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._take)
        self._thread.start()

    def _take(self):
        for line in self._stream:
            self._lines.put(line)
        self._lines.put(None)

    def __iter__(self):
        while (line := self._lines.get()) is not None:
            yield line
        # For callers who ask again.
        self._lines.put(None)

    def read(self):
        return "".join(self)

    def close(self):
        self._thread.join()
        self._stream.close()


@contextmanager
def started(*command, **environment):
    """
    Run Python with *command*. Yield the process, and end it with all that it started.
    """
    with running(sys.executable, *command, **environment) as process:
        yield process


@contextmanager
def running(*command, patience=4 * _PATIENCE, **environment):
    """
    Run the program *command*. Yield the process. End it with all that it started, after *patience* seconds at the
    latest.
    """
    with tempfile.TemporaryDirectory() as home:
        # Servers may keep their files there.
        variables = {**os.environ, "PYTHONUNBUFFERED": "1", "HOME": home, **environment}
        with subprocess.Popen(
            command,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            close_fds=False,
            start_new_session=True,
        ) as process:
            process.stdout = Drained(process.stdout)
            # So a reader of the output of a process that hangs reaches its end.
            watchdog = threading.Timer(patience, _end, [process])
            watchdog.start()
            try:
                yield process
            finally:
                watchdog.cancel()
                _end(process)


def said(process):
    """
    Return all that *process* writes until it ends by itself.
    """
    text = process.stdout.read()
    process.wait(_PATIENCE)
    return text


def _end(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def wait_for(port):
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
            # If nothing listens there yet, a connection may get the same port as its own end, and connect to itself.
            if connection.getsockname() != connection.getpeername():
                return
        time.sleep(0.05)


@contextmanager
def served(name, application, *options, **environment):
    """
    Serve an *application* of the examples with the server *name* and its *options*. Yield the Server.
    """
    program = Path(sys.executable).with_name(name)
    if not program.exists():
        missing(f"{name} is not installed: pip install -e '.[dev,servers]'")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        port, fd = listening.getsockname()[1], listening.fileno()
        module = [sys.executable, "-m", name]
        command = {
            "gunicorn": [*module, "--bind", f"fd://{fd}", "--threads=4", "--chdir", EXAMPLES, "--access-logfile=-"],
            "uvicorn": [*module, "--fd", str(fd), "--app-dir", EXAMPLES, "--lifespan=off"],
            "hypercorn": [*module, "--bind", f"fd://{fd}"],
            "daphne": [*module, "--fd", str(fd)],
            "granian": [*module, "--interface=asgi", f"--port={port}", f"--working-dir={EXAMPLES}"],
            "uwsgi": [program, "--http-socket", f"fd://{fd}", "--home", sys.prefix, "--die-on-term", "--module"],
        }[name]
        settings = {"PAGE_ORIGIN": PAGE_ORIGIN, **environment}
        if name in {"hypercorn", "daphne"}:
            # They have no option for it.
            settings["PYTHONPATH"] = os.pathsep.join([str(EXAMPLES), environment.get("PYTHONPATH", "")])
        if name == "granian":
            # It takes no listening socket. So it has to listen on the same port, and reports before it does.
            listening.close()
        with running(*command, application, *options, **settings) as process:
            # From now on only the server listens. When it ends, connections are refused.
            listening.close()
            if name == "granian":
                wait_for(port)
            yield Server(port, process)
