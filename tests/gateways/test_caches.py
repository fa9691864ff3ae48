"""
Real caches in front of the guard: a stored answer gives no grant that the guard would not give, and withholds none.

Two allowed origins, a foreign one and a navigation ask in turn for the same URL, while the stored answer is fresh,
stale or revalidated. `kit/caches.py` has a row for each setting with a fault, with the reason. A row without a use
fails. `python -m pytest -m long -rA tests/gateways/test_caches.py` plays 500 rounds of each setting.
"""

import itertools
import random
import ssl
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from kit.cached_app import ETAG, FRIEND, KINDS, PARTNER
from kit.caches import BARE_304, CACHES, FOREIGN, JUDGED, NO_GRANT, NO_VARY, TWICE
from kit.checking import run
from kit.serving import served, wait_for

pytestmark = pytest.mark.server

TESTS = Path(__file__).parents[1]
STRANGER = "https://stranger.example"
OWN = "https://protected.example"
ROUNDS = 16
MANY_ROUNDS = 500
# Not every machine has these, so they are only in the long form.
RARE = ["squid", "traffic_server"]
PATIENCE = 30
LONG_PATIENCE = 3_600

# The key under which a URL is stored, by its host and folder. For a key without a host, one path on several hosts is
# one URL.
PLACES = [
    ("folders.example", "/list"),
    ("folders.example", "/open"),
    ("folders.example", "/closed"),
    ("friends.example", "/items"),
    ("whole.example", "/items"),
    ("private.example", "/items"),
    ("layered.example", "/items"),
    ("protected.example", "/items"),
]
CASES = [*itertools.product(PLACES, KINDS)]
# A cache may take these for "/list/fresh/NAME".
ODD = [
    "//list/fresh/{}",
    "/x/../list/fresh/{}",
    "/./list/fresh/{}",
    "/list//fresh/{}",
    "/list/./fresh/{}",
    "/%6cist/fresh/{}",
]


class Sent(NamedTuple):
    """
    A request for one URL, except its origin.
    """

    host: str
    path: str
    method: str = "GET"
    lines: tuple[tuple[str, str], ...] = ()


PREFLIGHT = ("OPTIONS", (("Access-Control-Request-Method", "PUT"),))
WAYS = [
    ("GET", ()),
    ("GET", (("If-None-Match", ETAG),)),
    ("GET", (("Accept-Encoding", "gzip"),)),
    ("HEAD", ()),
    PREFLIGHT,
]


class Received(NamedTuple):
    """
    The compared parts of an answer, and all of its headers.
    """

    status: int
    of_cors: list[tuple[str, str]]
    varies: bool
    headers: dict[str, str]


class Asker:
    """
    A client that keeps its connection to *port*. It uses TLS if it has an *authority*.
    """

    def __init__(self, port, authority=None):
        if authority is None:
            self._connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        else:
            context = ssl.create_default_context()
            authority.configure_trust(context)
            self._connection = HTTPSConnection("localhost", port, timeout=PATIENCE, context=context)
        self.close = self._connection.close

    def ask(self, sent, origin):
        try:
            return self._ask(sent, origin)
        except ConnectionError:
            # The server has closed a connection that was not used for a while.
            self.close()
            return self._ask(sent, origin)

    def _ask(self, sent, origin):
        self._connection.putrequest(sent.method, sent.path, skip_host=True, skip_accept_encoding=True)
        for name, value in (("Host", sent.host), *sent.lines, *([("Origin", origin)] if origin else [])):
            self._connection.putheader(name, value)
        self._connection.endheaders()
        with self._connection.getresponse() as reply:
            reply.read()
        headers = [(name.lower(), value) for name, value in reply.getheaders()]
        vary = ",".join(value for name, value in headers if name == "vary").lower()
        of_cors = sorted(pair for pair in headers if pair[0].startswith("access-control-"))
        return Received(reply.status, of_cors, "origin" in vary.replace(" ", "").split(","), dict(headers))


def wrongs(received, guarded):
    """
    Yield what is wrong with *received*, if *guarded* is the answer of the guard.
    """
    origins, allowed = (
        [value for name, value in one.of_cors if name == "access-control-allow-origin"] for one in (received, guarded)
    )
    if received.status == 304 and "x-total" not in received.headers:
        yield BARE_304
        return
    if len(origins) > 1:
        yield TWICE
    elif origins and received.of_cors != guarded.of_cors:
        yield FOREIGN
    elif allowed and not origins:
        yield NO_GRANT
    if guarded.varies and not received.varies:
        yield NO_VARY
    if (received.status == 403) != (guarded.status == 403):
        yield JUDGED


class Rounds:
    """
    The requests to all settings of *cache*, and the faults, by setting.
    """

    def __init__(self, cache, direct, askers):
        self.cache, self.askers = cache, askers
        self.wrong = {name: Counter() for name in askers}
        self.examples = {}
        self.seen = set()
        self.asked = 0
        self._direct = direct
        self._random = random.Random(0)
        self._known = {}

    def play(self, number, place, kind):
        """
        Request one URL of each setting for each origin, some of them twice, in a random order.
        """
        for name in self.askers:
            self._play(name, number, place, kind)

    def _play(self, name, number, place, kind):
        host, folder = place
        last = f"{name.replace(' ', '-').replace(',', '')}-{number}"
        path = f"{folder}/{kind}/{last}"
        origins = [PARTNER, FRIEND, STRANGER, None]
        if (place, kind) == CASES[0]:
            for spelling, odd in enumerate(ODD):
                # The allowed origin asks, because Vary does not help against it.
                self._ask(name, Sent(host, odd.format(f"{last}-{spelling}")), PARTNER, judged=False)
                for origin in (PARTNER, STRANGER):
                    self._ask(name, Sent(host, f"{path}-{spelling}"), origin)
        if host == "protected.example":
            for origin in [*origins, OWN]:
                self._ask(name, Sent(host, path, "POST", (("Content-Length", "0"),)), origin)
        # If protection judges reads too, a foreign origin comes after the allowed ones.
        if host != "private.example":
            self._random.shuffle(origins)
        for origin in origins:
            self._ask(name, Sent(host, path), origin)
        for origin in self._random.choices(origins, k=3):
            self._ask(name, Sent(host, path, *self._random.choice(WAYS)), origin)

    def _ask(self, name, sent, origin, *, judged=True):
        received = self.askers[name].ask(sent._replace(path=self.cache.settings[name].prefix + sent.path), origin)
        self.asked += 1
        self.seen.update(sign for sign in self.cache.signs if sign in received.headers.get(self.cache.header, ""))
        guarded = self.guarded(sent, origin) if judged else received
        for what in wrongs(received, guarded):
            self.wrong[name][what] += 1
            self.examples.setdefault((name, what), (sent, origin, received, guarded))

    def guarded(self, sent, origin):
        # The grant depends on the path, not on what is stored there.
        asked = sent._replace(path=f"{sent.path.rpartition('/')[0]}/direct")
        if (asked, origin) not in self._known:
            self._known[asked, origin] = self._direct.ask(asked, origin)
        return self._known[asked, origin]


@contextmanager
def playing(name, directory, patience):
    """
    Run the guarded application and the cache *name* with all of its settings. Yield Rounds and the ports.
    """
    cache, authority, pem = CACHES[name], trustme.CA(), directory / "tls.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(pem)
    with ExitStack() as stack:
        options = (f"--pythonpath={TESTS}", "--keep-alive=30", "--access-logfile=/dev/null")
        behind = stack.enter_context(served("gunicorn", "kit.cached_app:application", *options, patience=patience))
        ports = stack.enter_context(cache.start(directory, behind.port, cache.settings, pem, patience=patience))
        for port in ports.values():
            wait_for(port)
        tls = {setting: authority if cache.settings[setting].tls else None for setting in ports}
        askers = {setting: Asker(port, tls[setting]) for setting, port in ports.items()}
        direct = Asker(behind.port)
        for asker in (direct, *askers.values()):
            stack.callback(asker.close)
        yield Rounds(cache, direct, askers), ports


def play(rounds, times):
    """
    Play a number of rounds, and then go on until the cache has done all that it can do.
    """
    order = random.Random(1)
    # Requests that every row with a fault needs come first.
    first = [(place, "fresh") for place in PLACES]
    later = [one for one in CASES if one not in first]
    order.shuffle(later)
    cases = [*first, *later]
    for turn in range(times):
        # There are few URLs, so stored answers become stale in between.
        rounds.play(turn // len(cases) % 2, *cases[turn % len(cases)])
    deadline = time.monotonic() + PATIENCE
    for kind in itertools.cycle(["short", "failing", "grace", "checked"]):
        if rounds.seen == {*rounds.cache.signs}:
            break
        assert time.monotonic() < deadline, rounds.seen
        rounds.play(0, PLACES[4], kind)


def check_found(rounds):
    found = {name: {*wrong} for name, wrong in rounds.wrong.items()}
    assert found == {name: {*setting.faults} for name, setting in rounds.cache.settings.items()}, rounds.examples


@pytest.mark.parametrize("name", [name for name in CACHES if name not in RARE])
def test_a_stored_answer_has_the_grants_of_the_guard(name, tmp_path):
    with playing(name, tmp_path, 4 * PATIENCE) as (rounds, ports):
        play(rounds, ROUNDS)
        check_found(rounds)
        # The guard reports the layer that it replaces.
        guarded = rounds.guarded(Sent("layered.example", "/items/fresh/told"), PARTNER)
        assert "two-layers" in guarded.headers["x-events"].split()
        # The guard cannot see a layer in front of it, so `check` reports what that layer does.
        address = f"http://127.0.0.1:{ports['second layer']}/list/fresh/checked"
        told = run(address, "--page", PARTNER, "--credentials").stdout
        assert told.startswith("BLOCKED")
        assert ("Two layers add the header" in told) == (TWICE in rounds.wrong["second layer"])


@pytest.mark.long
@pytest.mark.parametrize("name", CACHES)
def test_in_the_long_form_a_stored_answer_has_the_grants_of_the_guard(name, tmp_path):
    with playing(name, tmp_path, LONG_PATIENCE) as (rounds, _):
        play(rounds, MANY_ROUNDS)
        print(f"{name}: {MANY_ROUNDS} rounds of {len(rounds.askers)} settings, {rounds.asked} requests")
        for setting, wrong in rounds.wrong.items():
            print(f"  {setting}: {dict(wrong)}")
        check_found(rounds)
