"""
A browser judges a response by its head. So a body that never ends, or an application that never answers, blocks
nothing.
"""

import asyncio
import contextlib
import signal
import socket
import sys
import threading
import time
from weakref import WeakSet

import pytest
from kit.asking import get, listening
from kit.checking import PAGE, data, in_process, serve  # noqa: F401 - a fixture

from corsguard import diagnosis
from corsguard.audit import audit
from corsguard.browser import Browser, LiveTransport, NetworkError, Unreachable, collecting
from corsguard.browser.collecting import Patience
from corsguard.browser.transports import transport_for
from corsguard.testing import assert_cannot_act, assert_not_shared, assert_shared

SHARED = [("Access-Control-Allow-Origin", PAGE), ("Vary", "Origin")]
EVENTS = [*SHARED, ("Content-Type", "text/event-stream")]
NEVER = threading.Event()
SOON = Patience(5, 0.05, apart=True)


def asgi_lines(lines):
    return [(name.lower().encode(), value.encode()) for name, value in lines]


def sends_for_ever(environ, start_response):
    start_response("200 OK", SHARED)
    return iter(lambda: b"x" * 65536, None)


def sends_now_and_then(environ, start_response):
    start_response("200 OK", SHARED)
    while True:
        yield b"x"
        time.sleep(0.01)


def sends_once_and_waits(environ, start_response):
    start_response("200 OK", SHARED)
    yield b"x"
    NEVER.wait()


def waits_before_the_body(environ, start_response):
    start_response("200 OK", EVENTS)
    NEVER.wait()
    yield b""


def sends_nothing_for_ever(environ, start_response):
    start_response("200 OK", SHARED)
    while True:
        yield b""
        time.sleep(0.01)


async def begins(send, lines=SHARED):
    await send({"type": "http.response.start", "status": 200, "headers": asgi_lines(lines)})


async def sends_for_ever_in_asgi(scope, receive, send):
    await begins(send)
    while True:
        await send({"type": "http.response.body", "body": b"x", "more_body": True})


async def sends_now_and_then_in_asgi(scope, receive, send):
    await begins(send, EVENTS)
    while True:
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(0.01)


async def waits_for_ever_in_asgi(scope, receive, send):
    await begins(send)
    await asyncio.Event().wait()


async def waits_for_the_client_in_asgi(scope, receive, send):
    await begins(send)
    while (await receive())["type"] != "http.disconnect":
        pass
    raise OSError("the client has left")


async def blocks_in_asgi(scope, receive, send):
    await begins(send)
    NEVER.wait()


async def is_not_cancelled_in_asgi(scope, receive, send):
    await begins(send)
    for _ in range(20):
        try:
            await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)


ENDLESS = [
    sends_for_ever,
    sends_now_and_then,
    sends_once_and_waits,
    waits_before_the_body,
    sends_nothing_for_ever,
    sends_for_ever_in_asgi,
    sends_now_and_then_in_asgi,
    waits_for_ever_in_asgi,
    waits_for_the_client_in_asgi,
    blocks_in_asgi,
    is_not_cancelled_in_asgi,
]


@pytest.mark.parametrize("app", ENDLESS)
def test_a_body_without_end_is_abandoned(app, caplog):
    response = transport_for(app, SOON)(get())
    assert (response.status, response.headers[0][1]) == (200, PAGE)
    assert caplog.records == []


@pytest.mark.parametrize("app", ENDLESS)
def test_a_body_without_end_is_abandoned_by_the_thread_of_the_caller(app, caplog):
    response = transport_for(app, Patience(0.05, 0.05))(get())
    assert (response.status, response.headers[0][1]) == (200, PAGE)
    assert caplog.records == []


def test_an_application_that_ends_runs_in_the_thread_of_the_caller():
    seen = []

    class Body(list):
        def __iter__(self):
            seen.append(threading.get_ident())
            return super().__iter__()

        def close(self):
            seen.append(threading.get_ident())

    def app(environ, start_response):
        start_response("200 OK", [])
        return Body([b"x"])

    assert transport_for(app)(get()).body == b"x"
    assert seen == [threading.get_ident()] * 2


def test_a_possibly_endless_application_is_closed_once_it_has_ended():
    closed = []

    class Body:
        def __iter__(self):
            return iter([b"one", b"two"])

        def close(self):
            closed.append(True)

    def app(environ, start_response):
        start_response("200 OK", [])
        return Body()

    assert transport_for(app)(get()).body == b"onetwo"
    assert closed == [True]


def answers(environ, start_response):
    start_response("200 OK", [])
    return []


def never_answers(environ, start_response):
    NEVER.wait()


def never_begins(environ, start_response):
    NEVER.wait()
    yield b""


async def never_answers_in_asgi(scope, receive, send):
    await asyncio.Event().wait()


async def blocks_before_it_answers_in_asgi(scope, receive, send):
    NEVER.wait()


SILENT = [never_answers, never_begins, never_answers_in_asgi, blocks_before_it_answers_in_asgi]


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("app", SILENT)
def test_an_application_that_never_answers_is_unreachable(app, apart, caplog):
    with pytest.raises(Unreachable, match=r"the application did not answer within 0\.05 s"):
        transport_for(app, Patience(0.05, 0.05, apart=apart))(get())
    assert caplog.records == []


@pytest.mark.parametrize("app", SILENT)
def test_an_assertion_on_an_application_that_never_answers_ends(app):
    with pytest.raises(AssertionError, match=r"the application did not answer within 0\.05 s"):
        assert_shared(Browser(app, timeout=0.05), page=PAGE, url="https://api.example.com/")
    with pytest.raises(AssertionError, match=r"the application did not answer within 0\.05 s"):
        assert_not_shared(Browser(app, timeout=0.05), page=PAGE, url="https://api.example.com/")
    with pytest.raises(AssertionError, match="Nothing answered"):
        assert_cannot_act(Browser(app, timeout=0.05), page=PAGE, url="https://api.example.com/")


@pytest.mark.parametrize("app", SILENT)
def test_an_assertion_within_an_event_loop_ends(app):
    async def ask():
        with pytest.raises(AssertionError, match=r"the application did not answer within 0\.05 s"):
            assert_shared(Browser(app, timeout=0.05), page=PAGE, url="https://api.example.com/")

    asyncio.run(ask())


def test_an_alarm_that_comes_before_the_waiting_ends_does_not_become_a_500(monkeypatch, caplog):
    monkeypatch.setattr(collecting, "_GRACE", -0.04)
    with pytest.raises(Unreachable, match=r"the application did not answer within 0\.05 s"):
        transport_for(never_begins, Patience(0.05, 0.05))(get())
    assert caplog.records == []


def busy(*_):
    ends = time.monotonic() + 0.3
    while time.monotonic() < ends:
        pass


def never_answers_after_a_destructor(environ, start_response):
    class Slow:
        def __del__(self):
            busy()

    slow = Slow()
    del slow
    NEVER.wait()


def never_answers_after_a_weak_reference(environ, start_response):
    class Slow:
        pass

    class Discarding(set):
        discard = busy

    slow, kept = Slow(), WeakSet()
    kept.data = Discarding()
    kept.add(slow)
    del slow
    NEVER.wait()


@pytest.mark.parametrize("app", [never_answers_after_a_destructor, never_answers_after_a_weak_reference])
def test_an_alarm_in_a_destructor_is_not_lost(app):
    """
    Python ignores, with a warning, what is raised there.
    """
    with pytest.raises(Unreachable, match=r"the application did not answer within 0\.05 s"):
        transport_for(app, Patience(0.05, 0.05))(get())


def test_an_alarm_that_an_application_ignores_comes_again():
    """
    As one does that comes at the moment at which a thread blocks.
    """

    def app(environ, start_response):
        with contextlib.suppress(BaseException):
            NEVER.wait()
        NEVER.wait()

    with pytest.raises(Unreachable, match=r"the application did not answer within 0\.05 s"):
        transport_for(app, Patience(0.05, 0.05))(get())


def test_an_application_may_catch_every_exception():
    def app(environ, start_response):
        try:
            NEVER.wait()
        except Exception:  # noqa: BLE001 - as a framework does
            start_response("500 Internal Server Error", [])
        return []

    with pytest.raises(NetworkError, match="did not answer"):
        Browser(app, timeout=0.05).open(PAGE).fetch("https://api.example.com/")


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no alarms")
def test_an_alarm_of_the_caller_is_not_touched():
    """
    pytest-timeout sets such an alarm. No alarm of ours is left.
    """
    heard = []
    before = signal.signal(signal.SIGALRM, lambda *_: heard.append(True))
    try:
        transport_for(answers)(get())
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
        signal.setitimer(signal.ITIMER_REAL, 60)
        transport_for(answers)(get())
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
        signal.raise_signal(signal.SIGALRM)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert heard == [True]


def test_a_debugger_does_not_run_into_the_timeout():
    tracer = sys.gettrace()

    def app(environ, start_response):
        sys.settrace(lambda *_: None)
        try:
            NEVER.wait(0.3)
        finally:
            sys.settrace(tracer)
        start_response("200 OK", [])
        return []

    assert transport_for(app, Patience(0.02, 0.05))(get()).status == 200


@pytest.mark.parametrize("app", SILENT)
def test_a_handshake_that_is_never_answered_is_unreachable(app):
    found = diagnosis.check(app, url="wss://api.example.com/", page=PAGE, timeout=0.05)
    assert (found.verdict, found.faults[0].code) == ("no response", "unreachable")


def test_the_timeout_of_check_holds_in_process(serve):  # noqa: F811 - the fixture
    found, code = data(serve(never_answers), "--page", PAGE, "--timeout", "0.05")
    assert (code, found["verdict"]) == (3, "no response")
    assert "did not answer within 0.05 s" in found["faults"][0]["cause"]
    assert "What does it wait for" in found["faults"][0]["fix"]["words"]


def test_check_judges_by_the_headers():
    assert diagnosis.check(sends_for_ever, page=PAGE, timeout=0.05).verdict == "readable"


def test_a_stream_of_events_is_asserted_on():
    begun = time.monotonic()
    assert assert_shared(waits_before_the_body, page=PAGE, url="https://api.example.com/").status == 200
    assert time.monotonic() - begun < 5


def test_a_stream_of_events_is_audited():
    report = audit("https://api.example.com/", app=sends_for_ever_in_asgi, budget=8, timeout=0.02)
    assert (report.sent, report.unanswered) == (6, 0)


def test_a_process_ends_even_if_an_application_does_not(tmp_path):
    """
    It prints nothing about the abandoned application.
    """
    (tmp_path / "shop.py").write_text(
        "import asyncio\n"
        "async def app(scope, receive, send):\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    while True:\n"
        "        try:\n"
        "            await asyncio.sleep(0.01)\n"
        "        except BaseException:\n"
        "            pass\n"
    )
    done = in_process("check", "shop:app", "--page", PAGE, "--timeout", "0.05", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("kind", [b"text/event-stream", b"text/plain"])
@pytest.mark.parametrize("pause", [0, 30])
def test_a_live_body_without_end_is_abandoned(caplog, kind, pause):
    left = threading.Event()

    def serve_for_ever(connection):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n\r\n: first\n\n")
        try:
            while not left.wait(pause):
                connection.sendall(b": still here\n\n")
        except OSError:
            pass
        connection.shutdown(socket.SHUT_RDWR)
        connection.close()

    with listening(serve_for_ever) as port, LiveTransport(timeout=5, body_timeout=0.05) as transport:
        try:
            response = transport(get(f"http://127.0.0.1:{port}/"))
        finally:
            left.set()
    assert response.body.startswith(b": first\n\n")
    assert caplog.records == []
