"""
Many clients ask one server at the same time, and know for each answer whether it is right.

The server runs `loaded_app.py`. An answer is right if, header by header, it is that of one of the versions that were
active while it was made. A request is lost if no complete answer comes.
"""

import http.client
import os
import random
import re
import signal
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from kit.loaded_app import AWAITED, HOST, STEADY, TURNS, turn
from kit.serving import Server, lines_until, needed, served, started
from kit.storing import until

TESTS = Path(__file__).parents[1]
# After this time, an answer is not expected any more. Servers give a request half of it before they end its worker.
_PATIENCE = 60
_PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class World(NamedTuple):
    """
    A server with *processes* processes that serves a *carrier*. *reloads* says whether SIGHUP makes new processes.
    """

    server: str
    carrier: str
    options: tuple[str, ...] = ()
    processes: int = 1
    reloads: bool = False

    @property
    def is_awaited(self):
        return self.carrier in AWAITED

    @property
    def is_preloaded(self):
        return "--preload" in self.options


@contextmanager
def serving(world, **environment):
    """
    Serve the application. Yield the Server. An error contains the last lines that it wrote.
    """
    with _started(world, **environment) as server:
        try:
            yield server
        except AssertionError as error:
            with suppress(ProcessLookupError):
                os.killpg(server.process.pid, signal.SIGKILL)
            error.add_note(f"The server wrote last:\n{server.process.stdout.read()[-4000:]}")
            raise


@contextmanager
def _started(world, **environment):
    environment = {"CARRIER": world.carrier, "PYTHONPATH": str(TESTS), **environment}
    application = "kit.loaded_app:application"
    for name in ("waitress", "gevent"):
        if name == world.server or any(name in option for option in world.options):
            needed(name)
    if world.server == "waitress":
        with started(TESTS / "kit" / "loaded_app.py", **environment) as process:
            port = lines_until("serving at", process)[-1].split()[-1]
            yield Server(int(port), process)
        return
    more = {
        "gunicorn": ["--access-logfile=/dev/null"],
        "uvicorn": ["--no-access-log"],
        "uwsgi": ["--disable-logging", f"--pythonpath={TESTS}"],
    }.get(world.server, [])
    with served(world.server, application, *world.options, *more, **environment) as server:
        yield server


class Ask(NamedTuple):
    """
    A request for *path* at *host*. It is a preflight if *is_preflight*.
    """

    path: str
    origin: str | None
    host: str = HOST
    is_preflight: bool = False

    @property
    def headers(self):
        lines = {"Host": self.host}
        if self.origin is not None:
            lines["Origin"] = self.origin
        return lines | ({"Access-Control-Request-Method": "PUT"} if self.is_preflight else {})


def made(draw, path, origin, host):
    return Ask(path, origin, host, origin is not None and draw.random() < 0.3)


def expected(ask, number, *, is_granted):
    """
    Return the CORS headers in an answer of version *number* of a policy.
    """
    vary = [("vary", _PREFLIGHT_VARY if ask.is_preflight else "Origin")]
    if not is_granted:
        return vary
    allow = [("access-control-allow-credentials", "true"), ("access-control-allow-origin", ask.origin)]
    if ask.is_preflight:
        lists = [
            ("access-control-allow-headers", f"Content-Type, X-Version-{number}"),
            ("access-control-allow-methods", "GET, PUT"),
            ("access-control-max-age", str(number % 7000)),
        ]
        return sorted([*allow, *lists, *vary])
    return sorted([*allow, ("access-control-expose-headers", f"X-Version-{number}"), *vary])


class Ledger:
    """
    What is granted, as far as every process knows. None while a process may not know it yet.
    """

    def __init__(self):
        self._said = {}

    def __getitem__(self, name):
        return self._said.get(name, (0, False))

    def __iter__(self):
        return iter([*self._said])

    def say(self, name, *, is_granted):
        self._said[name] = (self[name][0] + 1, is_granted)

    @property
    def granted(self):
        return [name for name, (_, is_granted) in self._said.items() if is_granted]


def grants_between(before, after):
    """
    Return the possible answers, if a Ledger said *before* and *after*.
    """
    return {before[1]} if before == after and before[1] is not None else {True, False}


def snapshot_of(loads):
    """
    Return which load is in use after *count* loads, of which each fifth fails.
    """
    return loads if loads % 5 else loads - 1


class Swapped:
    """
    Questions and possible answers while versions of policies are swapped.
    """

    def __init__(self, ledger, *, is_awaited):
        self._paths = "/swapped /swapped /loaded /hung /asked /slow /redis /closed /nowhere".split()
        self._paths += ["/awaited"] if is_awaited else []
        self.ledger = ledger

    def ask(self, draw):
        path = draw.choice(self._paths)
        made_up = f"https://s{draw.randrange(10**6)}.evil.example"
        listed = turn(draw.choice("vw"), draw.randrange(TURNS))
        origin = draw.choice([STEADY, made_up, None, listed, listed, "null", "https://a b"])
        origins = {
            "/loaded": [STEADY, turn("r", draw.randrange(TURNS))],
            "/asked": ["https://raises.example", "https://odd.example", origin],
            "/slow": [STEADY, f"https://raises{draw.randrange(10)}.example", made_up],
            "/redis": [made_up, *self.ledger],
        }.get(path, [origin])
        host = draw.choice([HOST, HOST, HOST, "x.load.example", f"h{draw.randrange(10**6)}.evil.example"])
        path = f"/nowhere/{draw.randrange(10**6)}" if path == "/nowhere" else path
        return made(draw, path, draw.choice(origins), host)

    def before(self, ask):
        return self.ledger[ask.origin]

    def right(self, ask, before, between):
        """
        Yield each right answer to *ask*, with the knowledge *before*, made *between* those changes.
        """
        done, begun, loads_before, loads_after = between
        for number in range(done, begun + 1):
            if (
                ask.path == "/closed"
                or ask.path.startswith("/nowhere")
                or (number % 2 == 0 and not ask.host.endswith(".load.example"))
            ):
                yield []
            else:
                for is_granted in self._grants(ask, number, before, loads_before, loads_after):
                    yield expected(ask, number, is_granted=is_granted)

    def _grants(self, ask, number, before, loads_before, loads_after):
        if ask.path == "/swapped":
            letter = "v" if number % 2 or ask.host == HOST else "w"
            return {ask.origin in {STEADY, turn(letter, number)}}
        if ask.path == "/loaded":
            # A load is stored before the next one begins.
            loads = {snapshot_of(loads) for loads in range(max(loads_before - 1, 1), loads_after + 1)}
            return {ask.origin in {STEADY, turn("r", number)} for number in loads}
        if ask.path == "/redis":
            return grants_between(before, self.ledger[ask.origin])
        return {ask.origin == STEADY}


class Tenants:
    """
    The same while a store says who the tenants are. Its Ledger has each tenant by its host.
    """

    def __init__(self, ledger):
        self.ledger = ledger

    def ask(self, draw):
        hosts = [*self.ledger]
        host, other = draw.choice(hosts), draw.choice(hosts)
        made_up = f"h{draw.randrange(10**6)}.evil.example"
        origin = draw.choice([front_of(host), front_of(host), front_of(other), front_of(made_up), None])
        host = draw.choice([host, host, host, host.upper(), made_up, "raises.load.example", "slow.load.example"])
        return made(draw, "/tenant", origin, host)

    def before(self, ask):
        return self.ledger[ask.host.lower()]

    def right(self, ask, before, between):
        host = ask.host.lower()
        if True in (known := grants_between(before, self.ledger[host])):
            yield expected(ask, number_of(host), is_granted=ask.origin == front_of(host))
        if False in known:
            yield []


def front_of(host):
    return f"https://front.{host}"


def number_of(host):
    return int(re.match(r"t?(\d*)", host)[1] or 0)


class Asker:
    """
    A client that sends one request after the other. It goes on after a *wrong* answer or a *lost* request.
    """

    def __init__(self, load, seed, *, keeps):
        self.answers = self.reopened = 0
        self.wrong, self.lost = [], []
        # How often policies had been swapped, by process.
        self.swaps = {}
        self._load = load
        self._draw = random.Random(seed)
        self._keeps = keeps
        self._connection = None
        self.thread = threading.Thread(target=self._go_on)

    def _go_on(self):
        while not self._load.is_over.is_set():
            ask = self._load.questions.ask(self._draw)
            before = self._load.questions.before(ask)
            try:
                status, headers, _ = self.send(ask)
            except (OSError, http.client.HTTPException) as error:
                self.lost.append((ask, repr(error)))
                continue
            self._judge(ask, before, status, headers)
        if self._connection is not None:
            self._connection.close()

    def _judge(self, ask, before, status, headers):
        cors = sorted(line for line in headers if line[0].startswith("access-control-") or line[0] == "vary")
        said = dict(headers).get("x-between", "").split()
        if not said:
            self.wrong.append((ask, status, headers))
            return
        process, *between = map(int, said)
        self.swaps[process] = between[1]
        right = [*self._load.questions.right(ask, before, between)]
        is_refused = ask.is_preflight and cors == [("vary", _PREFLIGHT_VARY)]
        is_granted = ask.is_preflight and len(cors) > 1
        statuses = {204} if is_granted else {403} if is_refused else {200}
        if cors not in right or status not in statuses:
            self.wrong.append((ask, said, status, cors, right[:4]))
        self.answers += 1

    def send(self, ask):
        """
        Return the status, headers and body of the answer to *ask*.

        A server may end an idle connection just when a client writes to it (RFC 9112, 9.3.1 and 9.6). A request without
        an answer there is sent again, as browsers do.
        """
        if self._connection is not None:
            try:
                return self._exchange(ask)
            except (ConnectionError, http.client.RemoteDisconnected):
                self._connection.close()
                self._connection = None
                self.reopened += 1
        self._connection = http.client.HTTPConnection("127.0.0.1", self._load.server.port, timeout=_PATIENCE)
        try:
            return self._exchange(ask)
        except BaseException:
            self._connection.close()
            self._connection = None
            raise

    def _exchange(self, ask):
        more = {} if self._keeps else {"Connection": "close"}
        method = "OPTIONS" if ask.is_preflight else "GET"
        self._connection.request(method, ask.path, headers=ask.headers | more)
        response = self._connection.getresponse()
        answer = response.status, [(name.lower(), value) for name, value in response.getheaders()], response.read()
        if response.will_close or not self._keeps:
            self._connection.close()
            self._connection = None
        return answer


class Load:
    """
    A number of askers of *server*. Every second one keeps its connection.
    """

    def __init__(self, server, world, questions, askers=4, seed=13):
        self.server = server
        self.questions = questions
        self.is_over = threading.Event()
        self.world = world
        self._visitor = Asker(self, seed, keeps=False)
        self.askers = [Asker(self, seed + number, keeps=number % 2 == 0) for number in range(1, askers + 1)]

    def __enter__(self):
        for asker in self.askers:
            asker.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for asker in self.askers:
            asker.thread.join()

    def total(self, name):
        return sum(getattr(asker, name) for asker in self.askers)

    @property
    def swaps(self):
        """
        How often policies were swapped, in all processes.
        """
        return sum(max(asker.swaps.get(process, 0) for asker in self.askers) for process in self._met)

    @property
    def _met(self):
        """
        All processes that have ever answered.
        """
        return {process for asker in self.askers for process in asker.swaps}

    @property
    def wrong(self):
        return [wrong for asker in self.askers for wrong in asker.wrong]

    @property
    def lost(self):
        return [lost for asker in self.askers for lost in asker.lost]

    def go_on(self, count):
        """
        Wait until each asker has *more* more answers. Return at once if one is wrong or lost.
        """
        before = [asker.answers for asker in self.askers]

        def is_done():
            more = [asker.answers - old for asker, old in zip(self.askers, before, strict=True)]
            return min(more) >= count or self.wrong or self.lost

        until(is_done, _PATIENCE)
        self.check()

    def check(self):
        assert not self.wrong, (len(self.wrong), self.wrong[:3])
        assert not self.lost, (len(self.lost), self.lost[:3])

    def visit(self, ask):
        """
        Return the status, headers and body of the answer to *ask*, sent outside of the load.
        """
        return self._visitor.send(ask)

    def processes(self):
        """
        Return the processes that answer now.
        """
        found = set()

        def are_all_seen():
            found.add(int(dict(self.visit(Ask("/nowhere", None))[1])["x-between"].split()[0]))
            return len(found) == self.world.processes

        until(are_all_seen)
        return found

    def blocks(self):
        """
        Return how many blocks of memory Python has in all processes together.
        """
        found = {}

        def are_all_counted():
            process, blocks = self.visit(Ask("/memory", None))[2].split()
            found[process] = int(blocks)
            return len(found) == self.world.processes

        until(are_all_counted)
        return sum(found.values())

    def seen_by_all(self, ask, *, is_granted):
        """
        Wait until each process grants *ask*, or does not. Return how many seconds it took.
        """
        answers = {}

        def are_all_told():
            headers = dict(self.visit(ask)[1])
            answers[headers["x-between"].split()[0]] = headers.get("access-control-allow-origin") == ask.origin
            return len(answers) == self.world.processes and {*answers.values()} == {is_granted}

        return until(are_all_told)

    def reload(self):
        """
        Let the server make new processes, and wait until the old ones are gone. Until then, old ones accept
        connections.
        """
        old = self.processes()
        os.kill(self.server.process.pid, signal.SIGHUP)
        until(lambda: not any(map(_is_there, old)))

    def end(self):
        """
        Let the server end, and return how many seconds that takes. No process of it is left.
        """
        began = time.monotonic()
        self.server.process.terminate()
        # Servers end their workers by force only later.
        self.server.process.wait(20)
        took = time.monotonic() - began
        until(lambda: not any(map(is_running, self._met)))
        return took


def is_running(process):
    with suppress(FileNotFoundError):
        return Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    return False


def resident(process):
    """
    Return how many bytes of memory *process* uses alone or shares.
    """
    return int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _is_there(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
