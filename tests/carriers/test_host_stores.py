"""
An object that is asked about hosts, through every carrier: what it says, what it raises, and where it is asked.
"""

import asyncio
import logging
import threading
from contextlib import suppress

import pytest
from django.test import override_settings
from kit.adapters import (
    ADAPTERS,
    MIDDLEWARE,
    Application,
    ASGIApplication,
    environ_of,
    scope_of,
    serve,
    serve_asgi,
)
from kit.cases import APP, EVIL, OK, PREFLIGHT_VARY, VARY, Reply, Request, allow, preflight, request
from kit.tenants import TENANT_OF
from werkzeug.exceptions import BadHost

from corsguard import CORSMiddleware, Policies, Policy, PolicyError, explain
from corsguard import asgi as carrier
from corsguard.hosts import StoredHosts

CARRIERS = {name: adapter for name, adapter in ADAPTERS.items() if "decorator" not in name}
OWN = Reply(200, (("Access-Control-Allow-Origin", "https://own.example"),))
UNTOUCHED = [("access-control-allow-origin", "https://own.example")]


class Tenants:
    """
    A store with one policy for each host, which notes what it is asked, and by which thread.
    """

    def __init__(self):
        self.policies = {"a.example": Policy(allow_origins=[APP]), "b.example:8443": Policy(allow_origins=[EVIL])}
        self.asked = []
        self.threads = set()

    def policy_of(self, host):
        self.asked.append(host)
        self.threads.add(threading.get_ident())
        return self.policies.get(host)


class Broken:
    def policy_of(self, host):
        raise ConnectionError("the store is gone")


def to(host, asked):
    return Request(asked.method, {**asked.headers, "Host": host})


def lines(headers):
    return sorted((name.lower(), value) for name, value in headers.items())


@pytest.fixture(params=CARRIERS.values(), ids=CARRIERS.keys())
def adapter(request):
    return request.param


def test_a_store_says_which_policy_guards_a_host(adapter):
    ask = adapter({"hosts": Tenants()}, OWN)
    for host in ("a.example", "A.example:443"):
        assert ask(to(host, request("GET", APP))).of_cors == lines({**allow(APP), **VARY})
        assert ask(to(host, request("GET", EVIL))).of_cors == lines(VARY)
    assert ask(to("b.example:8443", request("GET", EVIL))).of_cors == lines({**allow(EVIL), **VARY})
    refused = ask(to("a.example", preflight(EVIL, "PUT")))
    assert (refused.status, refused.ran, refused.of_cors) == (403, False, lines(PREFLIGHT_VARY))
    # A host that it does not know is closed.
    for host in ("c.example", "b.example", "x.a.example"):
        assert ask(to(host, request("GET", APP))).of_cors == []
        assert ask(to(host, preflight(APP, "PUT"))).ran


def test_a_store_is_asked_about_hosts_only(adapter):
    """
    What names no host is not touched, and the store never hears of it.
    """
    tenants = Tenants()
    ask = adapter({"hosts": tenants}, OWN)
    for host in ("a.example.", "a.example,a.example", "user@a.example", "a.example:", "a..example", "y" * 1000):
        # An exception leaves Quart, which the guard lets pass.
        with suppress(BadHost):
            outcome = ask(to(host, request("GET", APP)))
            assert outcome.of_cors == (UNTOUCHED if outcome.ran else [])
    # In these tests each carrier has been asked once without a Host, or with that of the server.
    assert {*tenants.asked} <= {"127.0.0.1"}


def test_a_store_that_fails_closes_the_host_and_says_so(adapter, caplog):
    caplog.set_level(logging.ERROR, "corsguard")
    ask = adapter({"hosts": Broken()}, OWN)
    for _ in range(2):
        assert ask(to("a.example", request("GET", APP))).of_cors == []
        assert ask(to("a.example", preflight(APP, "PUT"))).ran
    said = [record for record in caplog.records if record.exc_info and "a.example" in record.getMessage()]
    assert said
    assert isinstance(said[0].exc_info[1], ConnectionError)


@pytest.mark.parametrize("said", ["*", {"allow_origins": "*"}, True, 7, Policy])
def test_what_is_no_policy_closes_the_host(said):
    events = []

    class Odd:
        def policy_of(self, host):
            return said

    app = Application(OWN)
    guarded = CORSMiddleware(app, {"hosts": Odd()}, on_event=events.append)
    _, headers, _ = serve(guarded, environ_of(to("a.example", request("GET", APP))))
    assert not [name for name, _ in headers if name.lower().startswith("access-control-")]
    assert [(event.reason, event.policy, event.name) for event in events][:1] == [("source", None, "a.example")]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_the_process_passes_through(stop):
    class Stopping:
        def policy_of(self, host):
            raise stop

    guarded = CORSMiddleware(Application(OK), {"hosts": Stopping()})
    with pytest.raises(stop):
        serve(guarded, environ_of(to("a.example", request("GET", APP))))


def test_an_event_loop_asks_in_a_thread():
    tenants = Tenants()
    app = carrier.CORSMiddleware(ASGIApplication(OK), {"hosts": tenants})
    for _ in range(2):
        asyncio.run(serve_asgi(app, scope_of(to("a.example", request("GET", APP)), "/")))
    assert tenants.asked == ["a.example"]
    assert threading.get_ident() not in tenants.threads


def test_an_event_loop_asks_in_a_thread_about_a_handshake():
    tenants = Tenants()
    tenants.policies["a.example"] = Policy(allow_origins=[APP], allow_credentials=True)
    opened = []

    async def app(scope, receive, send):
        opened.append(dict(scope["headers"])[b"origin"])

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        pass

    guarded = carrier.CORSMiddleware(app, {"hosts": tenants})
    for origin in (APP, EVIL):
        scope = {**scope_of(to("a.example", request("GET", origin)), "/"), "type": "websocket", "scheme": "ws"}
        asyncio.run(guarded(scope, receive, send))
    assert opened == [APP.encode()]
    assert threading.get_ident() not in tenants.threads


def test_asynchronous_django_asks_in_a_thread():
    from django.core.handlers.asgi import ASGIHandler

    tenants = Tenants()
    with override_settings(CORSGUARD={"hosts": tenants}, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.django_urls"):
        asked = scope_of(to("a.example", request("GET", APP)), "/api/hello")
        _, headers, _ = asyncio.run(serve_asgi(ASGIHandler(), asked))
    assert ("Access-Control-Allow-Origin", APP) in headers
    assert threading.get_ident() not in tenants.threads


# What is remembered.


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_what_a_store_says_is_remembered_for_a_second():
    tenants, clock = Tenants(), Clock()
    hosts = StoredHosts(tenants, lambda host, said, error: (host, said), clock)
    for _ in range(3):
        assert hosts.ask("a.example") == ("a.example", tenants.policies["a.example"])
        assert hosts.ask("c.example") == ("c.example", None)
    assert tenants.asked == ["a.example", "c.example"]
    assert not hosts.must_ask("a.example")
    # A tenant that comes, and one that goes.
    tenants.policies = {"c.example": Policy(allow_origins=[EVIL])}
    clock.now = 0.9
    assert hosts.ask("a.example")[1] is not None
    clock.now = 1.1
    assert hosts.must_ask("a.example")
    assert hosts.find("a.example") is None
    assert hosts.ask("a.example") == ("a.example", None)
    assert hosts.ask("c.example") == ("c.example", tenants.policies["c.example"])
    assert hosts.ask("c.example") is hosts.find("c.example")
    # What is known by now is not asked again.
    tenants.asked.clear()
    hosts.ask("a.example")
    hosts.ask("c.example")
    assert tenants.asked == []


def test_a_failure_is_not_remembered():
    asked = []

    class Failing:
        def policy_of(self, host):
            asked.append(host)
            raise OSError

    hosts = StoredHosts(Failing(), lambda host, said, error: error, Clock())
    assert isinstance(hosts.ask("a.example"), OSError)
    assert isinstance(hosts.ask("a.example"), OSError)
    assert asked == ["a.example"] * 2


def test_hosts_that_clients_make_up_push_no_good_one_out():
    tenants = Tenants()
    hosts = StoredHosts(tenants, lambda host, said, error: (host, said), Clock())
    hosts.ask("a.example")
    for number in range(3000):
        hosts.ask(f"{number}.evil.example")
    tenants.asked.clear()
    assert hosts.ask("a.example")[1] is not None
    assert tenants.asked == []
    # Those are forgotten one after the other.
    hosts.ask("0.evil.example")
    assert tenants.asked == ["0.evil.example"]


@pytest.mark.parametrize("sent", [host for host, tenant in TENANT_OF.items() if tenant is None])
def test_no_odd_host_raises(sent):
    tenants = Tenants()
    hosts = StoredHosts(tenants, lambda host, said, error: (host, said), Clock())
    must_ask, there = hosts.must_ask(sent), hosts.ask(sent)
    assert must_ask == (there is not None)
    assert (there is None) == (tenants.asked == [])


# How it is given.


class Awaited:
    async def policy_of(self, host):
        return None


class Generating:
    async def policy_of(self, host):
        yield None


@pytest.mark.parametrize("hosts", [Tenants, Awaited(), Generating()])
def test_what_cannot_be_asked_is_refused(hosts):
    for build in (Policies, lambda policy: CORSMiddleware(Application(OK), policy)):
        with pytest.raises(PolicyError) as refusal:
            build({"hosts": hosts})
        assert [(problem.code, problem.field) for problem in refusal.value.problems] == [("E810", "hosts")]


@pytest.mark.parametrize("hosts", [None, 7, object(), ["a.example"]])
def test_what_is_neither_a_mapping_nor_a_store_is_refused(hosts):
    with pytest.raises(PolicyError) as refusal:
        Policies({"hosts": hosts})
    assert [(problem.code, problem.field) for problem in refusal.value.problems] == [("E801", "hosts")]


def test_a_store_is_given_back_and_asked_by_people():
    tenants = Tenants()
    policies = Policies({"hosts": tenants})
    assert policies.policy == {"hosts": tenants}
    assert Policies(policies.policy).policy == {"hosts": tenants}
    assert policies.named == {}
    assert policies.policy_for("/", "a.example") == tenants.policies["a.example"]
    assert policies.policy_for("/", "c.example") is None
    assert policies.policy_for("/", "a.example.") == policies.policy_for("/") == "unguarded"
    environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": APP, "HTTP_HOST": "a.example"}
    assert explain(policies, environ).goes_on
    assert not explain(policies, {**environ, "HTTP_HOST": "c.example"}).goes_on
