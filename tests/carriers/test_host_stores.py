"""
An object that is asked about hosts, through every carrier: what it says, what it raises, and where it is asked.
"""

import asyncio
import gc
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import trio
import trio.lowlevel
from django.test import override_settings
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from kit.adapters import (
    ADAPTERS,
    ASGI_ADAPTERS,
    MIDDLEWARE,
    Application,
    ASGIApplication,
    environ_of,
    scope_of,
    serve,
    serve_asgi,
)
from kit.cases import APP, EVIL, OK, PREFLIGHT_VARY, VARY, Reply, Request, allow, preflight, request
from kit.naming import steady
from kit.tenants import TENANT_OF
from werkzeug.exceptions import BadHost

from corsguard import CORSMiddleware, Policies, Policy, PolicyError, explain
from corsguard import asgi as carrier
from corsguard.hosts import HostQuestion, StoredHosts
from corsguard_django.middleware import policy_for
from corsguard_flask import CORSGuard

CARRIERS = {name: adapter for name, adapter in ADAPTERS.items() if "decorator" not in name}
AWAITING = {name: adapter for name, adapter in CARRIERS.items() if name in ASGI_ADAPTERS or "django" in name}
OWN = Reply(200, (("Access-Control-Allow-Origin", "https://own.example"),))
UNTOUCHED = [("access-control-allow-origin", "https://own.example")]


class Tenants:
    """
    A store with one policy for each host. It records each question and its thread.
    """

    def __init__(self):
        self.policies = {"a.example": Policy(allow_origins=[APP]), "b.example:8443": Policy(allow_origins=[EVIL])}
        self.asked = []
        self.threads = set()

    def policy_of(self, host):
        self.asked.append(host)
        self.threads.add(threading.get_ident())
        return self.policies.get(host)


class AwaitedTenants(Tenants):
    """
    The same store, awaited.
    """

    async def policy_of(self, host):
        await asyncio.sleep(0)
        return super().policy_of(host)


class Broken:
    def policy_of(self, host):
        raise ConnectionError("the store is gone")


class AwaitedBroken:
    async def policy_of(self, host):
        raise ConnectionError("the store is gone")


def to(host, asked):
    return Request(asked.method, {**asked.headers, "Host": host})


def lines(headers):
    return sorted((name.lower(), value) for name, value in headers.items())


def through(store, awaited):
    """
    Parametrize with every carrier and *store*, and with the carriers that can await and *awaited*.
    """
    plain = {name: (adapter, store) for name, adapter in CARRIERS.items()}
    rows = plain | {f"{name}, awaited": (adapter, awaited) for name, adapter in AWAITING.items()}
    return pytest.mark.parametrize(("adapter", "store"), rows.values(), ids=rows.keys())


@through(Tenants, AwaitedTenants)
def test_a_store_says_which_policy_guards_a_host(adapter, store):
    ask = adapter({"hosts": store()}, OWN)
    for host in ("a.example", "A.example:443"):
        assert ask(to(host, request("GET", APP))).of_cors == lines({**allow(APP), **VARY})
        assert ask(to(host, request("GET", EVIL))).of_cors == lines(VARY)
    assert ask(to("b.example:8443", request("GET", EVIL))).of_cors == lines({**allow(EVIL), **VARY})
    refused = ask(to("a.example", preflight(EVIL, "PUT")))
    assert (refused.status, refused.ran, refused.of_cors) == (403, False, lines(PREFLIGHT_VARY))
    # A host that the store does not know is closed.
    for host in ("c.example", "b.example", "x.a.example"):
        assert ask(to(host, request("GET", APP))).of_cors == []
        assert ask(to(host, preflight(APP, "PUT"))).ran


@through(Tenants, AwaitedTenants)
def test_a_store_is_asked_about_valid_hosts_only(adapter, store):
    """
    Other texts are not touched, and the store never gets them.
    """
    tenants = store()
    ask = adapter({"hosts": tenants}, OWN)
    for host in ("a.example.", "a.example,a.example", "user@a.example", "a.example:", "a..example", "y" * 1000):
        # An exception leaves Quart, and the guard lets it pass.
        with suppress(BadHost):
            outcome = ask(to(host, request("GET", APP)))
            assert outcome.of_cors == (UNTOUCHED if outcome.ran else [])
    # Each carrier has been asked once without a Host, or with that of the server.
    assert {*tenants.asked} <= {"127.0.0.1"}


@through(Broken, AwaitedBroken)
def test_a_store_that_fails_closes_the_host_and_logs_it(adapter, store, caplog):
    caplog.set_level(logging.ERROR, "corsguard")
    ask = adapter({"hosts": store()}, OWN)
    for _ in range(2):
        assert ask(to("a.example", request("GET", APP))).of_cors == []
        assert ask(to("a.example", preflight(APP, "PUT"))).ran
    said = [record for record in caplog.records if record.exc_info and "a.example" in record.getMessage()]
    assert said
    assert isinstance(said[0].exc_info[1], ConnectionError)


SENDING = {
    "wsgi": (CORSMiddleware, Application, lambda app, asked: serve(app, environ_of(asked))),
    "asgi": (
        carrier.CORSMiddleware,
        ASGIApplication,
        lambda app, asked: asyncio.run(serve_asgi(app, scope_of(asked, "/"))),
    ),
}


def answered(kind, store, asked):
    """
    Return the CORS headers that a carrier of *kind* sends, and the events.
    """
    events, (guard, application, send) = [], SENDING[kind]
    headers = send(guard(application(OWN), {"hosts": store}, on_event=events.append), asked)[1]
    return [name for name, _ in headers if name.lower().startswith("access-control-")], events


def awaited(store):
    """
    Return *store* as an awaited one.
    """

    class Waiting:
        async def policy_of(self, host):
            await asyncio.sleep(0)
            return store.policy_of(host)

    return Waiting()


class NoException(BaseException):
    pass


class Saying:
    """
    A store that says *said* about every host, or raises it.
    """

    def __init__(self, said):
        self.said = said

    def policy_of(self, host):
        if isinstance(self.said, BaseException):
            raise self.said
        return self.said


ASKED_HOW = pytest.mark.parametrize(("kind", "how"), [("wsgi", Saying), ("asgi", Saying), ("asgi", awaited)])


@ASKED_HOW
@pytest.mark.parametrize(
    "said",
    ["*", {"allow_origins": "*"}, True, 7, Policy, LookupError("gone"), TimeoutError(), NoException()],
    ids=steady,
)
def test_an_answer_that_is_not_a_policy_closes_the_host_and_is_recorded(kind, how, said, caplog):
    store = how(said) if how is Saying else how(Saying(said))
    ours, events = answered(kind, store, to("a.example", request("GET", APP)))
    assert ours == []
    # The event about the header of the application comes after it.
    assert [(event.reason, event.policy, event.name) for event in events][:1] == [("source", None, "a.example")]
    record = caplog.records[0]
    assert isinstance(record.exc_info[1], type(said) if isinstance(said, BaseException) else TypeError)


@pytest.mark.parametrize("kind", ["wsgi", "asgi"])
def test_a_coroutine_in_place_of_an_answer_closes_the_host(kind, caplog):
    """
    The store forgets to await, or hides that it has to be awaited.
    """

    async def policy():
        return Policy(allow_origins=[APP])

    class Forgetful:
        def policy_of(self, host):
            return policy()

    class AwaitedForgetful:
        async def policy_of(self, host):
            return policy()

    def answered_and_forgotten(store):
        try:
            return answered(kind, store, to("a.example", request("GET", APP)))
        finally:
            gc.collect()

    # The record keeps its subject.
    caplog.set_level(logging.CRITICAL, "corsguard")
    for store in (Forgetful(), AwaitedForgetful()) if kind == "asgi" else (Forgetful(),):
        # Python warns about the forgotten coroutine.
        with pytest.warns(RuntimeWarning, match="policy' was never awaited"):
            ours, events = answered_and_forgotten(store)
        assert (ours, [event.reason for event in events][:1]) == ([], ["source"])


@ASKED_HOW
@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=steady)
def test_exceptions_that_end_the_process_are_not_caught(kind, how, stop):
    store = how(stop) if how is Saying else how(Saying(stop))
    # GeneratorExit closes a coroutine, so asyncio does not pass it on from a task.
    passed = (type(stop), RuntimeError) if isinstance(stop, GeneratorExit) else type(stop)
    try:
        with pytest.raises(passed):
            answered(kind, store, to("a.example", request("GET", APP)))
    finally:
        gc.collect()


def test_an_event_loop_asks_in_a_thread():
    tenants = Tenants()
    app = carrier.CORSMiddleware(ASGIApplication(OK), {"hosts": tenants})
    for _ in range(2):
        asyncio.run(serve_asgi(app, scope_of(to("a.example", request("GET", APP)), "/")))
    assert tenants.asked == ["a.example"]
    assert threading.get_ident() not in tenants.threads


@pytest.mark.parametrize("store", [Tenants, AwaitedTenants])
def test_a_handshake_waits_for_the_answer_of_a_store(store):
    """
    The store is asked in a thread, or awaited.
    """
    tenants, opened = store(), []
    tenants.policies["a.example"] = Policy(allow_origins=[APP], allow_credentials=True)

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
    # A store that may block is asked in another thread, and an awaited one in this thread.
    assert (threading.get_ident() in tenants.threads) == (store is AwaitedTenants)


def test_asynchronous_django_asks_in_a_thread():
    from django.core.handlers.asgi import ASGIHandler

    tenants = Tenants()
    with override_settings(CORSGUARD={"hosts": tenants}, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.django_urls"):
        asked = scope_of(to("a.example", request("GET", APP)), "/api/hello")
        _, headers, _ = asyncio.run(serve_asgi(ASGIHandler(), asked))
    assert ("Access-Control-Allow-Origin", APP) in headers
    assert threading.get_ident() not in tenants.threads


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Asked:
    """
    The memory of *store*. `tell` returns what the store says about a host, and asks it if necessary.
    """

    def __init__(self, store):
        self.clock = Clock()
        self.hosts = StoredHosts(
            store, lambda host, said, error: (host, error or said), lambda there: there[1] is not None, self.clock
        )

    def tell(self, sent):
        there = self.hosts.look_up(sent)
        assert self.hosts.find(sent) is (None if isinstance(there, HostQuestion) else there)
        return there.ask() if isinstance(there, HostQuestion) else there


def test_an_answer_is_remembered_for_half_a_second():
    tenants = Tenants()
    asked = Asked(tenants)
    for _ in range(3):
        assert asked.tell("a.example") == ("a.example", tenants.policies["a.example"])
        assert asked.tell("c.example") == ("c.example", None)
    assert tenants.asked == ["a.example", "c.example"]
    # One tenant is added, and one removed.
    tenants.policies = {"c.example": Policy(allow_origins=[EVIL])}
    asked.clock.now = 0.4
    assert asked.tell("a.example")[1] is not None
    asked.clock.now = 0.6
    assert asked.hosts.find("a.example") is None
    assert asked.tell("a.example") == ("a.example", None)
    assert asked.tell("c.example") == ("c.example", tenants.policies["c.example"])
    assert asked.tell("c.example") is asked.hosts.find("c.example")
    # Known answers are not asked for again.
    tenants.asked.clear()
    asked.tell("a.example")
    asked.tell("c.example")
    assert tenants.asked == []


def test_the_time_counts_from_the_question():
    """
    A slow store is not trusted for longer.
    """

    class Slow(Tenants):
        def policy_of(self, host):
            asked.clock.now += 0.4
            return super().policy_of(host)

    tenants = Slow()
    asked = Asked(tenants)
    asked.tell("a.example")
    asked.clock.now += 0.2
    asked.tell("a.example")
    assert tenants.asked == ["a.example"] * 2


def test_a_failure_is_not_remembered():
    tenants = Broken()
    asked = Asked(tenants)
    for _ in range(2):
        assert isinstance(asked.tell("a.example")[1], ConnectionError)
        assert asked.hosts.find("a.example") is None


def test_made_up_hosts_displace_no_good_host():
    tenants = Tenants()
    asked = Asked(tenants)
    asked.tell("a.example")
    for number in range(3000):
        asked.tell(f"{number}.evil.example")
    tenants.asked.clear()
    assert asked.tell("a.example")[1] is not None
    assert tenants.asked == []
    # They are forgotten one after the other.
    asked.tell("0.evil.example")
    assert tenants.asked == ["0.evil.example"]


def test_made_up_spellings_displace_no_good_host():
    """
    However a host is spelled, it is asked about and remembered once.
    """
    tenants = Tenants()
    tenants.policies |= {"tenant-with-a-name.example": Policy(allow_origins=[EVIL])}
    asked = Asked(tenants)
    asked.tell("a.example")
    letters = "tenant-with-a-name"
    for number in range(2000):
        spelled = "".join(letter.upper() if number >> place & 1 else letter for place, letter in enumerate(letters))
        assert asked.tell(f"{spelled}.example:443")[1] is not None
    asked.tell("a.example")
    assert tenants.asked == ["a.example", "tenant-with-a-name.example"]


@pytest.mark.parametrize("sent", [host for host, tenant in TENANT_OF.items() if tenant is None])
def test_no_odd_host_raises(sent):
    tenants = Tenants()
    assert (Asked(tenants).tell(sent) is None) == (tenants.asked == [])


class Generating:
    async def policy_of(self, host):
        yield None


@pytest.mark.parametrize("hosts", [Tenants, AwaitedTenants, Generating()])
def test_an_object_that_cannot_be_asked_is_refused(hosts):
    for build in (
        Policies,
        lambda policy: CORSMiddleware(Application(OK), policy),
        lambda policy: carrier.CORSMiddleware(ASGIApplication(OK), policy),
    ):
        with pytest.raises(PolicyError) as refusal:
            build({"hosts": hosts})
        assert [(problem.code, problem.field) for problem in refusal.value.problems] == [("E810", "hosts")]


def test_wsgi_and_flask_refuse_an_awaited_store():
    """
    They refuse it when they are built, and when their policy is swapped.
    """
    policy, listed = {"hosts": AwaitedTenants()}, Policy(allow_origins=[APP])
    app = Flask("x")
    guard, middleware = CORSGuard(app, listed), CORSMiddleware(Application(OK), listed)
    config = Flask("config")
    config.config["CORSGUARD"] = policy
    for build in (
        lambda: CORSMiddleware(Application(OK), policy),
        lambda: CORSMiddleware(Application(OK), Policies(policy)),
        lambda: setattr(middleware, "policy", policy),
        lambda: CORSGuard(policy=policy),
        lambda: CORSGuard(Flask("y"), policy),
        lambda: CORSGuard(config),
        lambda: setattr(guard, "policy", policy),
        lambda: guard.set_policy(app, policy),
    ):
        with pytest.raises(PolicyError) as refused:
            build()
        assert [(problem.code, problem.field) for problem in refused.value.problems] == [("E804", "hosts")]
        assert "(`async def policy_of`), and this server cannot await" in str(refused.value)
        assert "def policy_of(self, host: str) -> Policy | None:" in str(refused.value)
    assert middleware.policy == guard.policy == listed


def test_an_awaited_store_that_reaches_wsgi_closes_the_host(caplog):
    """
    This happens if Policies are shared with a guard that can await.
    """
    policies = Policies(Policy(allow_origins=[APP]))
    middleware = CORSMiddleware(Application(OWN), policies)
    policies.policy = {"hosts": AwaitedTenants()}
    headers = serve(middleware, environ_of(to("a.example", request("GET", APP))))[1]
    assert not [name for name, _ in headers if name.lower().startswith("access-control-")]
    assert "This server cannot await a store of hosts" in str(caplog.records[0].exc_info[1])


@pytest.mark.parametrize("hosts", [None, 7, object(), ["a.example"]])
def test_a_value_that_is_neither_a_mapping_nor_a_store_is_refused(hosts):
    with pytest.raises(PolicyError) as refusal:
        Policies({"hosts": hosts})
    assert [(problem.code, problem.field) for problem in refusal.value.problems] == [("E801", "hosts")]


@pytest.mark.parametrize("store", [Tenants, AwaitedTenants])
def test_a_store_can_be_read_back_and_explained(store):
    tenants = store()
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
    scope = scope_of(to("a.example", request("GET", APP)), "/")
    guarded = carrier.CORSMiddleware(ASGIApplication(OK), policies)
    assert guarded.policy_for(scope) == tenants.policies["a.example"]
    with override_settings(CORSGUARD=policies, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.django_urls"):
        assert policy_for(environ_of(to("a.example", request("GET", APP)))) == tenants.policies["a.example"]


def test_a_store_that_does_not_block_is_asked_on_the_event_loop():
    tenants = Tenants()
    tenants.may_block = False
    app = carrier.CORSMiddleware(ASGIApplication(OK), {"hosts": tenants})
    asyncio.run(serve_asgi(app, scope_of(to("a.example", request("GET", APP)), "/")))
    assert tenants.threads == {threading.get_ident()}


def test_a_store_that_blocks_delays_no_other_host():
    entered, gate = threading.Event(), threading.Event()

    class Slow(Tenants):
        def policy_of(self, host):
            if host == "a.example":
                entered.set()
                assert gate.wait(30)
            return super().policy_of(host)

    async def serve_two():
        guarded = carrier.CORSMiddleware(ASGIApplication(OK), {"hosts": Slow()})
        slow = asyncio.create_task(serve_asgi(guarded, scope_of(to("a.example", request("GET", APP)), "/")))
        await asyncio.to_thread(entered.wait)
        other = scope_of(to("b.example:8443", request("GET", EVIL)), "/")
        assert ("access-control-allow-origin", EVIL) in (await serve_asgi(guarded, other))[1]
        assert not slow.done()
        gate.set()
        assert ("access-control-allow-origin", APP) in (await slow)[1]

    asyncio.run(serve_two())


class Gated(AwaitedTenants):
    """
    An awaited store that waits for *gate* before it answers. It says when it has been asked a given number of times.
    """

    def __init__(self, gate, count):
        super().__init__()
        self.gate = gate
        self.count = count
        self.is_asked = asyncio.Event()

    async def policy_of(self, host):
        self.asked.append(host)
        if len(self.asked) == self.count:
            self.is_asked.set()
        await self.gate.wait()
        return self.policies.get(host)


def test_concurrent_questions_about_a_host_ask_once():
    """
    A client that disconnects before the answer takes no answer from the others, and its application never runs.
    """

    async def main():
        gate = asyncio.Event()
        tenants, app = Gated(gate, 1), ASGIApplication(OK)
        guarded = carrier.CORSMiddleware(app, {"hosts": tenants})
        asked = scope_of(to("a.example", request("GET", APP)), "/")
        requests = [asyncio.create_task(serve_asgi(guarded, dict(asked))) for _ in range(5)]
        await tenants.is_asked.wait()
        # It was the first to ask.
        requests[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await requests[0]
        assert not app.ran
        gate.set()
        for answer in await asyncio.gather(*requests[1:]):
            assert ("access-control-allow-origin", APP) in answer[1]
        assert tenants.asked == ["a.example"]

    asyncio.run(main())


def test_threads_that_ask_about_a_host_ask_once():
    gate, waiting = threading.Event(), threading.Semaphore(0)

    class Slow(Tenants):
        def policy_of(self, host):
            waiting.release()
            assert gate.wait(30)
            return super().policy_of(host)

    tenants = Slow()
    guarded = CORSMiddleware(Application(OK), {"hosts": tenants})
    with ThreadPoolExecutor(4) as executor:
        environ = environ_of(to("a.example", request("GET", APP)))
        answers = [executor.submit(serve, guarded, environ.copy()) for _ in range(4)]
        assert waiting.acquire(timeout=30)
        gate.set()
        for answer in answers:
            assert ("Access-Control-Allow-Origin", APP) in answer.result()[1]
    assert tenants.asked == ["a.example"]


def test_each_loop_asks_for_itself():
    tenants = AwaitedTenants()
    guarded = carrier.CORSMiddleware(ASGIApplication(OK), {"hosts": tenants})
    scope, barrier = scope_of(to("a.example", request("GET", APP)), "/"), threading.Barrier(4)

    def serve_together():
        async def main():
            await asyncio.to_thread(barrier.wait)
            return await asyncio.gather(*(serve_asgi(guarded, dict(scope)) for _ in range(3)))

        return asyncio.run(main())

    with ThreadPoolExecutor(4) as executor:
        for answers in [executor.submit(serve_together) for _ in range(4)]:
            for answer in answers.result():
                assert ("access-control-allow-origin", APP) in answer[1]
    assert 1 <= len(tenants.asked) <= 4


def test_ten_thousand_made_up_hosts_at_once_are_bounded_and_closed(caplog):
    async def main():
        gate = asyncio.Event()
        tenants = Gated(gate, 1_000)
        guarded = carrier.CORSMiddleware(ASGIApplication(OWN), {"hosts": tenants})
        requests = [
            asyncio.create_task(
                serve_asgi(guarded, scope_of(to(f"a{number}.example", request("GET", APP)), "/")),
            )
            for number in range(10_000)
        ]
        await tenants.is_asked.wait()
        gate.set()
        answers = await asyncio.gather(*requests)
        assert len(tenants.asked) == 1_000
        assert {name for _, headers, _ in answers for name, _ in headers if name.startswith("access-control-")} == set()
        # Afterwards, questions are accepted again.
        asked = scope_of(to("a.example", request("GET", APP)), "/")
        assert ("access-control-allow-origin", APP) in (await serve_asgi(guarded, asked))[1]

    asyncio.run(main())
    assert "1,000 others already wait for an answer" in caplog.text


def test_a_store_is_asked_under_trio():
    class OnTrio(Tenants):
        async def policy_of(self, host):
            await trio.lowlevel.checkpoint()
            return super().policy_of(host)

    for tenants in (OnTrio(), Tenants()):
        guarded, sent = carrier.CORSMiddleware(ASGIApplication(OK), {"hosts": tenants}), []

        async def send(message, sent=sent):
            sent.append(message)

        for _ in range(2):
            trio.run(guarded, scope_of(to("a.example", request("GET", APP)), "/"), None, send)
        granted = (b"access-control-allow-origin", APP.encode())
        assert [granted in message["headers"] for message in sent[::2]] == [True, True]
        assert tenants.asked == ["a.example"]


def test_a_cancelled_scope_of_trio_is_not_caught():
    class Hanging:
        async def policy_of(self, host):
            await trio.sleep_forever()

    async def main():
        with trio.move_on_after(0.01) as scope:
            guarded = carrier.CORSMiddleware(ASGIApplication(OK), {"hosts": Hanging()})
            await guarded(scope_of(to("a.example", request("GET", APP)), "/"), None, None)
        assert scope.cancelled_caught

    trio.run(main)


# No tenant's origin is granted on the host of another tenant.

TENANTS = [f"{name}.example" for name in ("a", "b", "x.a", "a-b")] + ["a.example:8443"]
FRONT_ENDS = [f"https://{number}.front.example" for number in range(len(TENANTS))]
SPELLED = st.sampled_from(TENANTS).flatmap(
    lambda host: st.sampled_from([host, host.upper(), host.title(), f"{host}.", f"{host}:443", f"x.{host}", f"{host} "])
)


@given(
    st.lists(st.tuples(SPELLED, st.sampled_from(FRONT_ENDS), st.booleans()), min_size=1, max_size=8),
    st.lists(st.sampled_from(TENANTS), unique=True),
)
def test_no_origin_of_one_tenant_is_granted_on_the_host_of_another(requests, known):
    """
    Any hosts and origins may come, in any order, and any of them may be remembered.
    """
    tenants = AwaitedTenants()
    own = dict(zip(TENANTS, FRONT_ENDS, strict=True))
    tenants.policies = {host: Policy(allow_origins=[own[host]]) for host in known}
    plain = Tenants()
    plain.policies = tenants.policies
    guards = [CORSMiddleware(Application(OK), {"hosts": plain})]
    guards.append(carrier.CORSMiddleware(ASGIApplication(OK), {"hosts": tenants}))

    async def main():
        for host, origin, asks in requests:
            asked = to(host, preflight(origin, "PUT") if asks else request("GET", origin))
            name = host.lower()
            name = name.removesuffix(":443") if name.count(":") == 1 else name
            expected = name in known and own[name] == origin
            for headers in (
                serve(guards[0], environ_of(asked))[1],
                (await serve_asgi(guards[1], scope_of(asked, "/")))[1],
            ):
                granted = [value for name, value in headers if name.lower() == "access-control-allow-origin"]
                assert granted == ([origin] if expected else [])

    asyncio.run(main())


def test_the_warnings_of_a_stored_policy_are_logged_once(caplog):
    """
    They are logged once for each host, although each is asked about repeatedly, and for at most 256 hosts.
    """
    risky = Policy(allow_origins=["https://*.front.example"], allow_credentials=True)
    assert risky.warnings

    class Risky:
        def policy_of(self, host):
            return risky

    guarded = CORSMiddleware(Application(OK), {"hosts": Risky()})
    for _ in range(2):
        for number in range(300):
            serve(guarded, environ_of(to(f"t{number}.example", request("GET", APP))))
        # All is forgotten by then.
        guarded.policy = {"hosts": Risky()}
    said = [record.getMessage() for record in caplog.records]
    assert [message.split(":")[0] for message in said[:256]] == [
        f'{risky.warnings[0].code} hosts["t{number}.example"].allow_origins' for number in range(256)
    ]
    assert said[256:] == ["The store of hosts has more policies with warnings. Those are not logged."]
