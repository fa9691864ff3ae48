"""
Origin sources that are awaited, and those that may block, on event loops. WSGI and Flask refuse the former.
"""

import asyncio
import contextvars
import functools
import gc
import logging
import re
import socket
import sqlite3
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import trio
import trio.lowlevel
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings
from flask import Flask
from kit.adapters import MIDDLEWARE, environ_of, scope_of, serve, serve_asgi
from kit.cases import APP, EVIL, LISTED, get, preflight
from kit.naming import steady
from kit.serving import EXAMPLES, Server, lines_until, needed, served, started
from kit.storing import until

import corsguard_django
from corsguard import CORSMiddleware, Event, Policies, Policy, PolicyError, RememberedOrigins, asgi, explain, negotiate
from corsguard_flask import CORSGuard, cors

OTHER = "https://other.example"
variable = contextvars.ContextVar("variable", default="outside")


class Awaited:
    """
    An awaited source. It asks *say* if that is given, and otherwise grants only APP.
    """

    def __init__(self, say=None):
        self.asked = []
        self.say = say

    async def allows(self, origin):
        self.asked.append(origin)
        await asyncio.sleep(0)
        if self.say is None:
            return origin == APP
        answer = self.say(origin)
        return await answer if hasattr(answer, "__await__") else answer


class Quick:
    may_block = False

    def __init__(self):
        self.threads = []

    def __contains__(self, origin):
        self.threads.append(threading.current_thread())
        return origin == APP


class Blocking(Quick):
    may_block = True


async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"content"})


def raising(error):
    def say(origin):
        raise error

    return say


def answer(guarded, asked):
    return asyncio.run(serve_asgi(guarded, scope_of(asked, "/")))


def shares(guarded, origin):
    """
    Return whether *guarded* shares with *origin*. The response and the preflight must agree.
    """
    answers = [answer(guarded, asked) for asked in (get(origin), preflight(origin, "PUT"))]
    granted = {("access-control-allow-origin", origin) in headers for _, headers, _ in answers}
    assert [status for status, _, _ in answers] == ([200, 204] if granted == {True} else [200, 403])
    return granted == {True}


def test_an_asgi_guard_awaits_a_source():
    source = Awaited()
    guarded = asgi.CORSMiddleware(hello, {"allow_origins": source})
    assert shares(guarded, APP)
    assert not shares(guarded, EVIL)
    assert source.asked == [APP, APP, EVIL, EVIL]
    assert Policy(allow_origins=source).must_await
    assert not Policy(allow_origins=source).may_block


def test_a_source_is_not_asked_if_the_answer_is_known():
    source = Awaited(raising(AssertionError))
    guarded = asgi.CORSMiddleware(hello, {"allow_origins": source, "allow_credentials": True})
    for origin in ("null", "not an origin", "http://app.example.com", f"https://{'a' * 400}.example", ""):
        assert not shares(guarded, origin)
    assert answer(guarded, get())[1] == [("vary", "Origin")]
    assert source.asked == []


@pytest.mark.parametrize("said", [1, "yes", [True], None, object()], ids=steady)
def test_only_true_grants(said):
    for source in (Awaited(lambda origin: said), RememberedOrigins(Awaited(lambda origin: said), ttl=60)):
        assert not shares(asgi.CORSMiddleware(hello, {"allow_origins": source}), APP)


def test_a_coroutine_in_place_of_an_answer_means_no():
    """
    The source forgot to await.
    """

    async def granted():
        return True

    class Forgetful:
        async def allows(self, origin):
            return granted()

    for source in (Forgetful(), RememberedOrigins(Forgetful(), ttl=60)):
        # Python warns about the forgotten coroutine.
        with pytest.warns(RuntimeWarning, match="granted' was never awaited"):
            assert not shares(asgi.CORSMiddleware(hello, {"allow_origins": source}), APP)


class NoException(BaseException):
    pass


@pytest.mark.parametrize(
    "error", [LookupError("gone"), TimeoutError(), NoException(), StopAsyncIteration()], ids=steady
)
def test_an_error_of_a_source_means_no_and_is_recorded(error, caplog):
    events = []
    guarded = asgi.CORSMiddleware(hello, {"allow_origins": Awaited(raising(error))}, on_event=events.append)
    assert not shares(guarded, APP)
    assert [event.reason for event in events] == ["source", "source"]
    assert isinstance(events[0], Event)
    (record,) = caplog.records
    assert (record.levelno, record.exc_info[1]) == (logging.ERROR, error)


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=steady
)
@pytest.mark.parametrize("kind", ["asked", "remembered"])
def test_exceptions_that_end_the_process_or_cancel_the_task_are_not_caught(error, kind):
    source = Awaited(raising(error))
    if kind == "remembered":
        source = RememberedOrigins(source, ttl=60)
    guarded = asgi.CORSMiddleware(hello, {"allow_origins": source})
    # GeneratorExit closes a coroutine, so asyncio does not pass it on from a task.
    expected = RuntimeError if kind == "remembered" and isinstance(error, GeneratorExit) else type(error)
    try:
        with pytest.raises((expected, type(error))):
            answer(guarded, get(APP))
    finally:
        gc.collect()


def test_an_answer_that_cannot_be_awaited_means_no(caplog):
    class Decorated:
        @functools.wraps(Awaited.allows)
        def allows(self, origin):
            return True

    guarded = asgi.CORSMiddleware(hello, {"allow_origins": Decorated()})
    assert not shares(guarded, APP)
    assert caplog.records[0].exc_info[0] is TypeError


def test_a_source_sees_the_context_of_the_request():
    seen = []

    class Source(Blocking):
        def __contains__(self, origin):
            seen.append(variable.get())
            return True

    class Awaiting:
        async def allows(self, origin):
            seen.append(variable.get())
            return True

    async def request(source):
        variable.set("of the request")
        await serve_asgi(asgi.CORSMiddleware(hello, {"allow_origins": source}), scope_of(get(APP), "/"))

    for source in (Source(), Awaiting(), RememberedOrigins(Awaiting(), ttl=60), RememberedOrigins(Source(), ttl=60)):
        asyncio.run(request(source))
    assert seen == ["of the request"] * 4


def test_a_client_that_disconnects_cancels_only_its_own_request():
    ran = []

    async def app(scope, receive, send):
        ran.append(scope)

    async def serve_and_go():
        source = Awaited(lambda origin: asyncio.Event().wait())
        guarded = asgi.CORSMiddleware(app, {"allow_origins": source})
        request = asyncio.create_task(guarded(scope_of(get(APP), "/"), None, None))
        await asyncio.sleep(0.01)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        assert source.asked == [APP]

    asyncio.run(serve_and_go())
    assert ran == []


def test_a_swap_during_a_question_does_not_change_that_request():
    async def serve_and_swap():
        gate = asyncio.Event()

        async def late(origin):
            await gate.wait()
            return True

        guarded = asgi.CORSMiddleware(hello, {"allow_origins": Awaited(late), "expose_headers": ["X-Old"]})
        request = asyncio.create_task(serve_asgi(guarded, scope_of(get(APP), "/")))
        await asyncio.sleep(0.01)
        guarded.policy = {"allow_origins": [OTHER], "expose_headers": ["X-New"]}
        gate.set()
        _, headers, _ = await request
        assert dict(headers)["access-control-expose-headers"] == "X-Old"
        assert ("access-control-allow-origin", APP) not in (await serve_asgi(guarded, scope_of(get(APP), "/")))[1]

    asyncio.run(serve_and_swap())


def test_a_source_that_may_block_is_asked_in_a_thread_and_a_snapshot_on_the_loop():
    for source, is_here in ((Quick(), True), (Blocking(), False)):
        guarded = asgi.CORSMiddleware(hello, {"allow_origins": source})
        assert shares(guarded, APP)
        assert not shares(guarded, EVIL)
        assert {thread is threading.main_thread() for thread in source.threads} == {is_here}
        assert len(source.threads) == 4


def test_a_source_that_blocks_delays_no_other_request():
    entered, gate = threading.Event(), threading.Event()

    class Slow(Blocking):
        def __contains__(self, origin):
            entered.set()
            return gate.wait(30)

    async def serve_two():
        guarded = asgi.CORSMiddleware(hello, {"allow_origins": Slow()})
        slow = asyncio.create_task(serve_asgi(guarded, scope_of(get(APP), "/")))
        await asyncio.to_thread(entered.wait)
        assert (await serve_asgi(guarded, scope_of(get(), "/")))[0] == 200
        assert not slow.done()
        gate.set()
        assert ("access-control-allow-origin", APP) in (await slow)[1]

    asyncio.run(serve_two())


class OnTrio:
    async def allows(self, origin):
        await trio.lowlevel.checkpoint()
        return origin == APP


@pytest.mark.parametrize(
    "make",
    [
        OnTrio,
        lambda: RememberedOrigins(OnTrio(), ttl=60),
        Quick,
        Blocking,
        lambda: RememberedOrigins(Blocking(), ttl=60),
    ],
)
def test_sources_are_asked_under_trio(make):
    source = make()
    guarded = asgi.CORSMiddleware(hello, {"allow_origins": source})
    sent = []

    async def send(message):
        sent.append(message)

    for origin in (APP, EVIL, APP):
        trio.run(guarded, scope_of(get(origin), "/"), None, send)
    granted = [(b"access-control-allow-origin", APP.encode()) in message.get("headers", ()) for message in sent[::2]]
    assert granted == [True, False, True]
    if isinstance(source, Blocking):
        assert threading.main_thread() not in source.threads


def test_a_cancelled_scope_of_trio_is_not_caught():
    class Hanging:
        async def allows(self, origin):
            await trio.sleep_forever()

    async def main():
        with trio.move_on_after(0.01) as scope:
            guarded = asgi.CORSMiddleware(hello, {"allow_origins": Hanging()})
            await guarded(scope_of(get(APP), "/"), None, None)
        assert scope.cancelled_caught

    trio.run(main)


def test_without_a_loop_a_source_is_asked_directly():
    source = Blocking()
    guarded = asgi.CORSMiddleware(hello, {"allow_origins": source})
    sent = []

    async def send(message):
        sent.append(message)

    with pytest.raises(StopIteration):
        guarded(scope_of(get(APP), "/"), None, send).send(None)
    assert source.threads == [threading.current_thread()]
    assert (b"access-control-allow-origin", APP.encode()) in sent[0]["headers"]


def counting(gate=None):
    """
    Return a source that waits for *gate* if there is one, and the memory of its answers.
    """

    async def say(origin):
        if gate is not None:
            await gate.wait()
        return origin == APP

    source = Awaited(say)
    return source, RememberedOrigins(source, ttl=60, maxsize=100)


def test_the_memory_of_an_awaited_source_is_awaited_too():
    source, remembered = counting()
    policy = Policy(allow_origins=remembered)
    assert policy.must_await
    assert isinstance(remembered, RememberedOrigins)
    for _ in range(3):
        assert shares(asgi.CORSMiddleware(hello, policy), APP)
        assert not shares(asgi.CORSMiddleware(hello, policy), EVIL)
    assert source.asked == [APP, EVIL]
    remembered.forget()
    assert shares(asgi.CORSMiddleware(hello, policy), APP)
    assert source.asked == [APP, EVIL, APP]


def test_a_remembered_answer_expires():
    now = [0.0]
    source = Awaited()
    remembered = RememberedOrigins(source, ttl=10, clock=lambda: now[0])
    for now[0], count in ((0, 1), (9, 1), (11, 2)):
        assert asyncio.run(remembered.allows(APP)) is True
        assert len(source.asked) == count


def test_concurrent_questions_ask_the_source_once():
    """
    If one of them is cancelled, the others go on.
    """

    async def main():
        gate = asyncio.Event()
        source, remembered = counting(gate)
        askers = [asyncio.create_task(remembered.allows(APP)) for _ in range(5)]
        await asyncio.sleep(0.01)
        # It was the first to ask.
        askers[0].cancel()
        askers[3].cancel()
        await asyncio.sleep(0.01)
        gate.set()
        results = await asyncio.gather(*askers, return_exceptions=True)
        assert [getattr(result, "__class__", None) for result in results] == [
            asyncio.CancelledError,
            bool,
            bool,
            asyncio.CancelledError,
            bool,
        ]
        assert {result for result in results if isinstance(result, bool)} == {True}
        assert source.asked == [APP]
        assert await remembered.allows(APP)
        assert source.asked == [APP]

    asyncio.run(main())


def test_an_answer_is_remembered_even_if_all_who_asked_are_gone():
    async def main():
        gate = asyncio.Event()
        source, remembered = counting(gate)
        asker = asyncio.create_task(remembered.allows(APP))
        await asyncio.sleep(0.01)
        asker.cancel()
        await asyncio.sleep(0.01)
        gate.set()
        await asyncio.sleep(0.01)
        assert await remembered.allows(APP)
        assert source.asked == [APP]

    asyncio.run(main())


def test_an_error_reaches_all_who_ask_and_is_not_remembered(caplog):
    """
    asyncio does not log it either.
    """

    async def main():
        source = Awaited(raising(LookupError("gone")))
        remembered = RememberedOrigins(source, ttl=60)
        askers = [asyncio.create_task(remembered.allows(APP)) for _ in range(3)]
        alone = asyncio.create_task(RememberedOrigins(source, ttl=60).allows(APP))
        await asyncio.sleep(0)
        alone.cancel()
        results = await asyncio.gather(*askers, alone, return_exceptions=True)
        assert [type(result) for result in results] == [LookupError] * 3 + [asyncio.CancelledError]
        source.say = lambda origin: True
        assert await remembered.allows(APP)

    asyncio.run(main())
    gc.collect()
    assert caplog.records == []


def test_each_loop_asks_for_itself_and_all_share_what_is_remembered():
    source, remembered = counting()
    barrier = threading.Barrier(4)

    async def main():
        await sync_to_async(barrier.wait, thread_sensitive=False)()
        return await asyncio.gather(*(remembered.allows(origin) for origin in (APP, EVIL) * 3))

    results = []
    threads = [threading.Thread(target=lambda: results.append(asyncio.run(main()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[True, False] * 3] * 4
    assert 2 <= len(source.asked) <= 8
    before = len(source.asked)
    assert asyncio.run(remembered.allows(APP))
    assert len(source.asked) == before


def test_ten_thousand_made_up_origins_at_once_are_bounded_and_refused(caplog):
    async def main():
        gate = asyncio.Event()
        source, remembered = counting(gate)
        guarded = asgi.CORSMiddleware(hello, {"allow_origins": remembered})
        requests = [
            asyncio.create_task(serve_asgi(guarded, scope_of(get(f"https://a{number}.example"), "/")))
            for number in range(10_000)
        ]
        await asyncio.sleep(0.1)
        assert len(source.asked) == 1_000
        gate.set()
        answers = await asyncio.gather(*requests)
        assert {tuple(headers) for _, headers, _ in answers} == {(("vary", "Origin"),)}
        # Afterwards, questions are accepted again.
        assert ("access-control-allow-origin", APP) in (await serve_asgi(guarded, scope_of(get(APP), "/")))[1]

    asyncio.run(main())
    assert "1,000 others already wait for an answer" in caplog.text


def test_loops_at_the_bound_do_not_disturb_each_other():
    """
    Loops that may not ask any more questions at the same time fail for no other reason.
    """
    held, go, refused = threading.Event(), threading.Event(), []

    class Source:
        async def allows(self, origin):
            if origin.startswith("https://held"):
                held.set()
                await sync_to_async(go.wait, thread_sensitive=False)()
            await asyncio.sleep(0)
            return True

    remembered = RememberedOrigins(Source(), ttl=1e-9)

    async def ask(name, count, times):
        for turn in range(times):
            asked = [remembered.allows(f"https://{name}-{turn}-{number}.example") for number in range(count)]
            refused.extend(await asyncio.gather(*asked, return_exceptions=True))

    threads = [threading.Thread(target=lambda: asyncio.run(ask("held", 996, 1)))]
    threads += [threading.Thread(target=lambda n=n: asyncio.run(ask(f"quick{n}", 8, 150))) for n in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads[0].start()
        assert held.wait(30)
        for thread in threads[1:]:
            thread.start()
        for thread in threads[1:]:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
        go.set()
        threads[0].join()
    told = {str(error) for error in refused if error is not True}
    assert told == {"The question was not asked, because 1,000 others already wait for an answer."}


def test_questions_of_a_closed_loop_are_not_counted_any_more():
    source, remembered = counting(gate := asyncio.Event())
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(remembered.allows(f"https://a{number}.example")) for number in range(1_000)]
    loop.run_until_complete(asyncio.sleep(0.01))
    assert len(source.asked) == 1_000
    gate.set()
    # Nobody waits for the tasks, as when a server is torn down.
    loop.close()
    assert asyncio.run(remembered.allows(APP))
    for task in [*tasks, *asyncio.all_tasks(loop)]:
        task._log_destroy_pending = False  # noqa: SLF001 - the warnings of a loop that is torn down are not what this test is about
        task.get_coro().close()


def test_the_memory_is_freed_with_its_source():
    _, remembered = counting()
    asyncio.run(remembered.allows(APP))
    gone = weakref.ref(remembered)
    del remembered
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("source", [Awaited, lambda: RememberedOrigins(Awaited(), ttl=60)])
@pytest.mark.parametrize("stack", ["sync", "async"])
def test_django_asks_on_both_stacks(stack, source):
    asked = [get(APP), get(EVIL), preflight(APP, "PUT"), preflight(EVIL, "PUT")]
    statuses, granted = [], []
    policy = {"allow_origins": source()}
    with override_settings(CORSGUARD=policy, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.awaited_urls"):
        for request in asked:
            if stack == "sync":
                status, headers, _ = serve(WSGIHandler(), environ_of(request))
            else:
                status, headers, _ = asyncio.run(serve_asgi(ASGIHandler(), scope_of(request, "/")))
            statuses.append(status)
            granted.append(any(name.lower() == "access-control-allow-origin" for name, _ in headers))
    assert statuses == [200, 200, 204, 403]
    assert granted == [True, False, True, False]


@pytest.mark.parametrize("stack", ["sync", "async"])
def test_an_error_of_a_source_under_django_means_no_and_is_recorded(stack, caplog):
    policy = {"allow_origins": Awaited(raising(LookupError("gone")))}
    with override_settings(CORSGUARD=policy, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.awaited_urls"):
        if stack == "sync":
            status, headers, _ = serve(WSGIHandler(), environ_of(get(APP)))
        else:
            status, headers, _ = asyncio.run(serve_asgi(ASGIHandler(), scope_of(get(APP), "/")))
    assert (status, [value for name, value in headers if name == "Vary"]) == (200, ["Origin"])
    assert [record.exc_info[0] for record in caplog.records] == [LookupError]


def test_the_sync_stack_of_django_inside_a_loop_says_no_and_why(caplog):
    # An asynchronous test that uses the synchronous client does this.
    async def main():
        return serve(WSGIHandler(), environ_of(get(APP)))

    policy = {"allow_origins": Awaited()}
    with override_settings(CORSGUARD=policy, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.awaited_urls"):
        status, headers, _ = asyncio.run(main())
    assert (status, ("Vary", "Origin") in headers) == (200, True)
    assert caplog.records[0].exc_info[0] is RuntimeError


def test_django_takes_an_awaited_source_while_it_runs():
    with override_settings(CORSGUARD=LISTED, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF="kit.awaited_urls"):
        corsguard_django.set_policy({"allow_origins": Awaited()})
        headers = serve(WSGIHandler(), environ_of(get(APP)))[1]
    assert ("Access-Control-Allow-Origin", APP) in headers


def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b"content"]


GIVEN = {
    "policy": ({"allow_origins": Awaited()}, ["allow_origins"]),
    "remembered": ({"allow_origins": RememberedOrigins(Awaited(), ttl=60)}, ["allow_origins"]),
    "paths": (
        {"/": LISTED, "/a": {"allow_origins": Awaited()}, "/b": None, "/c": {"allow_origins": Awaited()}},
        ['paths["/a"].allow_origins', 'paths["/c"].allow_origins'],
    ),
    "policies": (Policies({"allow_origins": Awaited()}), ["allow_origins"]),
}
given = pytest.mark.parametrize(("policy", "fields"), GIVEN.values(), ids=GIVEN.keys())


@given
def test_wsgi_and_flask_refuse_an_awaited_source(policy, fields):
    """
    They refuse it when they are built, and when their policy is swapped.
    """
    app = Flask("x")
    guard, middleware = CORSGuard(app, LISTED), CORSMiddleware(wsgi, LISTED)
    config = Flask("config")
    config.config["CORSGUARD"] = policy
    for build in (
        lambda: CORSMiddleware(wsgi, policy),
        lambda: setattr(middleware, "policy", policy),
        lambda: CORSGuard(policy=policy),
        lambda: CORSGuard(Flask("y"), policy),
        lambda: CORSGuard().init_app(Flask("z"), policy),
        lambda: CORSGuard(config),
        lambda: setattr(guard, "policy", policy),
        lambda: guard.set_policy(app, policy),
    ):
        with pytest.raises(PolicyError) as refused:
            build()
        assert [(problem.code, problem.field) for problem in refused.value.problems] == [("E804", f) for f in fields]
        assert "this server cannot await" in str(refused.value)
        assert "def __contains__(self, origin: str) -> bool:" in str(refused.value)
    assert middleware.policy == guard.policy == guard.policy_for(app, environ_of(get())) == Policy(**LISTED)


def test_an_awaited_source_that_reaches_wsgi_grants_nobody_and_is_recorded(caplog):
    policies = Policies(LISTED)
    middleware = CORSMiddleware(wsgi, policies)
    # The policies are shared with a guard that can await.
    policies.policy = {"allow_origins": Awaited()}
    assert serve(middleware, environ_of(get(APP)))[1] == [("Vary", "Origin")]
    assert "This server cannot await an origin source" in str(caplog.records[0].exc_info[1])


def test_a_tag_with_an_awaited_source_shares_nothing_under_flask(caplog):
    app = Flask("tagged")
    app.add_url_rule("/", view_func=cors(allow_origins=Awaited())(lambda: "hello"))
    CORSGuard(app)
    headers = serve(app, environ_of(get(APP)))[1]
    assert [value for name, value in headers if name == "Vary"] == ["Origin"]
    assert not [name for name, _ in headers if name.startswith("Access-Control")]
    assert "This server cannot await an origin source" in str(caplog.records[0].exc_info[1])


def test_negotiate_and_explain_ask_in_a_loop_of_their_own():
    policy = Policy(allow_origins=Awaited())
    for origin, goes_on in ((APP, True), (EVIL, False)):
        environ = environ_of(get(origin))
        assert (negotiate(policy, environ).refusal is None) is goes_on
        assert explain(policy, environ).goes_on is goes_on


def test_inside_a_loop_negotiate_says_no_and_why():
    async def main():
        return negotiate(Policy(allow_origins=Awaited()), environ_of(get(APP)))

    decision = asyncio.run(main())
    assert (decision.refusal, type(decision.error)) == ("origin", TypeError)


TESTS = str(Path(__file__).parents[1])


@pytest.mark.server
@pytest.mark.parametrize("server", ["uvicorn", "hypercorn", "daphne", "granian"])
def test_a_client_that_disconnects_takes_no_answer_from_others(server):
    with served(server, "kit.held_source_app:application", PYTHONPATH=TESTS) as running:

        def asked():
            return running.exchange("GET", "/asked").body.split()[0]

        assert asked() == b"0"
        with socket.create_connection(("127.0.0.1", running.port)) as gone:
            gone.sendall(f"GET /gone HTTP/1.1\r\nHost: localhost\r\nOrigin: {APP}\r\n\r\n".encode())
            while asked() != b"1":
                pass
        with ThreadPoolExecutor(1) as askers:
            reply = askers.submit(running.exchange, "GET", "/stays", f"Origin: {APP}")
            while running.exchange("GET", "/release").status != 200:
                pass
            assert ("access-control-allow-origin", APP) in reply.result().cors()
        assert asked() == b"1"


@pytest.mark.server
def test_the_example_asks_a_database(tmp_path):
    """
    It uses SQLAlchemy's asynchronous engine, and sees rows that are added and deleted.
    """
    needed("sqlalchemy", "test")
    database = tmp_path / "tenants.sqlite3"
    environment = {"DATABASE_URL": f"sqlite+aiosqlite:///{database}", "REMEMBER_SECONDS": "0.1", "PORT": "0"}
    with started(EXAMPLES / "sqlalchemy_origins.py", **environment) as process:
        port = int(re.search(r"http://localhost:(\d+)", lines_until("http://", process)[-1])[1])
        server = Server(port, process)

        def is_shared(origin):
            reply = server.exchange("GET", "/orders", f"Origin: {origin}")
            assert reply.status == 200
            return ("access-control-allow-origin", origin) in reply.cors()

        # The table exists once the server answers.
        assert not is_shared(APP)
        with closing(sqlite3.connect(database)) as store:
            store.execute("INSERT INTO tenants VALUES (?)", [APP])
            store.commit()
            until(lambda: is_shared(APP))
            assert not is_shared(EVIL)
            store.execute("DELETE FROM tenants")
            store.commit()
            until(lambda: not is_shared(APP))
            # A database without the table raises, which counts as no.
            store.execute("DROP TABLE tenants")
            store.commit()
        assert not is_shared(OTHER)
        assert "The origin source failed" in server.lines_until("The origin source failed")[-1]
