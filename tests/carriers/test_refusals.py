"""
Refusals are events, in every place that the library runs. Every listener gets each of them, whatever a client sends.
"""

import asyncio
import logging
import threading
from contextlib import ExitStack

import flask
import pytest
from django.http import HttpResponse
from django.test import override_settings
from django.urls import re_path
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from kit.adapters import ASGIHandler, Outcome, WSGIHandler, environ_of, scope_of, serve, serve_asgi
from kit.cases import APP, EVIL, LISTED, Request, get, preflight, request

import corsguard_django
import corsguard_flask
from corsguard import CORSMiddleware, Event, Policy, asgi
from corsguard.adapters import Journal
from corsguard_flask import CORSGuard, cors

POLICY = Policy(**LISTED)
NO_ALLOW_ORIGIN = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]


class BrokenSource:
    def __contains__(self, origin):
        raise LookupError("the store is gone")


class Place:
    """
    One place where the library runs: `guard` starts it, `send` sends it a request, and `listen` connects to its events.

    Its answers carry *headers*. *debug* is its switch for development, and *name* that of its policy.
    """

    name = "policy"

    def __init__(self, cleanup):
        self.cleanup = cleanup
        self.headers = []
        self.hooks = []

    def events(self):
        events = []
        self.listen(events.append)
        return events


class WSGI(Place):
    def guard(self, policy):
        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain"), *self.headers])
            return [b"content"]

        self.app = CORSMiddleware(app, policy, on_event=self.listener)

    def listener(self, event):
        for hook in self.hooks:
            hook(event)

    def listen(self, hook):
        self.hooks.append(hook)

    def send(self, request, path="/orders"):
        status, headers, body = serve(self.app, environ_of(request, path))
        return Outcome(status, headers, ran=True, body=body)


class ASGI(WSGI):
    def guard(self, policy):
        async def app(scope, receive, send):
            lines = [("content-type", "text/plain"), *self.headers]
            headers = [(name.encode(), value.encode()) for name, value in lines]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"content"})

        self.app = asgi.CORSMiddleware(app, policy, on_event=self.listener)

    def send(self, request, path="/orders"):
        status, headers, body = asyncio.run(serve_asgi(self.app, scope_of(request, path)))
        return Outcome(status, headers, ran=True, body=body)


class Flask(WSGI):
    def guard(self, policy):
        self.flask = flask.Flask("refusals")
        self.flask.add_url_rule(
            "/<path:path>", view_func=self.tagged(policy), methods=METHODS, provide_automatic_options=False
        )
        self.extend(policy)
        self.app = self.flask

    def tagged(self, policy):
        return self.view

    def view(self, path):
        return flask.Response("content", headers=self.headers)

    def extend(self, policy):
        CORSGuard(self.flask, policy)

    def listen(self, hook):
        def receiver(sender, *, event):
            assert sender is self.flask
            return hook(event)

        corsguard_flask.cors_event.connect(receiver, weak=False)
        self.cleanup.callback(corsguard_flask.cors_event.disconnect, receiver)

    def debug(self, value):
        self.flask.debug = value


class TaggedFlask(Flask):
    name = "view"

    def tagged(self, policy):
        # A function, because a method takes no tag.
        @cors(policy)
        def view(path):
            return self.view(path)

        return view

    def extend(self, policy):
        CORSGuard(self.flask)


class Django(Place):
    handler = WSGIHandler

    def guard(self, policy):
        place = self

        class Urls:
            urlpatterns = (re_path("(?s:.*)", place.view()),)

        middleware = ["corsguard_django.middleware.CORSMiddleware"]
        self.cleanup.enter_context(override_settings(CORSGUARD=policy, MIDDLEWARE=middleware, ROOT_URLCONF=Urls))
        self.app = self.handler()

    def view(self):
        return lambda request: HttpResponse("content", headers=dict(self.headers))

    def listen(self, hook):
        def receiver(*, event, **_):
            return hook(event)

        corsguard_django.cors_event.connect(receiver, weak=False)
        self.cleanup.callback(corsguard_django.cors_event.disconnect, receiver)

    def debug(self, value):
        self.cleanup.enter_context(override_settings(DEBUG=value))

    def send(self, request, path="/orders"):
        status, headers, body = serve(self.app, environ_of(request, path))
        return Outcome(status, headers, ran=True, body=body)


class AsyncDjango(Django):
    handler = ASGIHandler

    def view(self):
        async def view(request):
            return HttpResponse("content", headers=dict(self.headers))

        return view

    def send(self, request, path="/orders"):
        status, headers, body = asyncio.run(serve_asgi(self.app, scope_of(request, path)))
        return Outcome(status, headers, ran=True, body=body)


class Starlette(ASGI):
    def guard(self, policy):
        async def view(path):
            return PlainTextResponse("content", headers=dict(self.headers))

        self.app = FastAPI()
        self.app.add_api_route("/{path:path}", view, methods=METHODS)
        asgi.CORSGuard(self.app, policy, on_event=self.listener)

    def debug(self, value):
        self.app.debug = value


FRAMEWORKS = [Flask, TaggedFlask, Django, AsyncDjango]


@pytest.fixture(params=[WSGI, ASGI, *FRAMEWORKS])
def place(request):
    with ExitStack() as cleanup:
        yield request.param(cleanup)


framework = pytest.mark.parametrize("place", FRAMEWORKS, indirect=True)
developing = pytest.mark.parametrize("place", [Starlette, *FRAMEWORKS], indirect=True)
by_path = pytest.mark.parametrize("place", [WSGI, ASGI, Flask, Django, AsyncDjango], indirect=True)
on_django = pytest.mark.parametrize("place", [Django, AsyncDjango], indirect=True)


def said(caplog):
    return [record for record in caplog.records if record.name == "corsguard"]


def test_a_refused_request_is_one_event(place):
    place.guard(POLICY)
    events = place.events()
    assert place.send(request("POST", EVIL)).status == 200
    assert events == [Event("origin", POLICY, place.name, "POST", "/orders", EVIL)]
    # The name tells two equal policies apart.
    assert events[0].policy is POLICY


def test_a_refused_preflight_is_one_event(place):
    place.guard(POLICY)
    events = place.events()
    assert place.send(preflight(EVIL, "PUT")).status == 403
    assert events == [Event("origin", POLICY, place.name, "OPTIONS", "/orders", EVIL)]


@pytest.mark.parametrize("asked", [get(APP, Sec_Fetch_Site="same-origin"), preflight(APP, "PUT")], ids=["GET", "pre"])
def test_a_failing_source_is_one_event_for_each_kind_of_request(place, asked, caplog):
    policy = Policy(allow_origins=BrokenSource())
    place.guard(policy)
    events = place.events()
    place.send(asked)
    place.send(asked)
    assert events == [Event("source", policy, place.name, asked.method, "/orders", APP)] * 2
    (record,) = said(caplog)
    assert (record.levelno, record.exc_info[0]) == (logging.ERROR, LookupError)


@pytest.mark.parametrize("origin", [None, APP, EVIL])
def test_the_first_response_with_headers_of_another_layer_is_one_event(place, origin, caplog):
    place.guard(POLICY)
    events = place.events()
    place.send(get(APP))
    place.headers = [("Access-Control-Allow-Origin", "*")]
    for path in ("/orders", "/other"):
        place.send(get(origin, Sec_Fetch_Site="same-origin"), path)
    assert events == [Event("two-layers", POLICY, place.name, "GET", "/orders", origin or "")]
    (record,) = said(caplog)
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("There are two layers of CORS: the response to 'GET' '/orders' already had")
    assert record.cors_event == events[0]


def test_a_refused_request_to_two_layers_is_two_events(place):
    place.guard(POLICY)
    events = place.events()
    place.headers = [("Access-Control-Allow-Origin", "*")]
    place.send(get(EVIL))
    place.send(get(EVIL))
    assert [event.reason for event in events] == ["origin", "two-layers", "origin"]


@by_path
@pytest.mark.parametrize("asked", [get(APP), preflight(APP, "PUT")], ids=["GET", "preflight"])
def test_a_path_that_leads_to_several_policies_is_one_event(place, asked, caplog):
    caplog.set_level(logging.INFO, "corsguard")
    place.guard({"/": POLICY, "/api": Policy(allow_origins=["https://other.example"])})
    events = place.events()
    for _ in range(2):
        outcome = place.send(asked, "/api/../orders")
        assert (outcome.status, outcome.body, outcome.of_cors) == (200, b"content", [("vary", "Origin")])
    place.send(get(), "/api/../orders")
    assert events == [Event("odd-path", None, "", asked.method, "/api/../orders", APP)] * 2
    (record,) = said(caplog)
    assert (record.levelno, record.cors_event) == (logging.INFO, events[0])


@by_path
def test_a_closed_path_is_an_event_only_if_the_application_shares(place, caplog):
    place.guard({"/": POLICY, "/closed": None, "/own": "unguarded"})
    events = place.events()
    assert place.send(get(EVIL), "/closed").of_cors == []
    assert events == []
    place.headers = [("Access-Control-Allow-Origin", "*"), ("Vary", "Cookie")]
    own = [("access-control-allow-origin", "*"), ("vary", "Cookie")]
    assert place.send(get(EVIL), "/own").of_cors == own
    assert events == []
    for _ in range(2):
        assert place.send(get(EVIL), "/closed").of_cors == [("vary", "Cookie")]
    assert events == [Event("two-layers", None, "/closed", "GET", "/closed", EVIL)]


def test_no_other_request_is_an_event(place, caplog):
    caplog.set_level(logging.INFO, "corsguard")
    place.guard(POLICY)
    events = place.events()
    for sent in (
        get(),
        get(APP),
        request("OPTIONS", APP),
        preflight(APP, "PUT", "x-token"),
        # Browsers send Origin on same-origin POST requests too.
        request("POST", EVIL, Sec_Fetch_Site="same-origin"),
        request("POST", "null", Sec_Fetch_Site="same-origin"),
    ):
        place.send(sent)
    assert events == []
    assert said(caplog) == []


@pytest.mark.parametrize(
    "text",
    ["\r\nforged", "\x1b[31m", "\x00", "\xe9l\xe8ve", "%s %(name)s {}", "\\", "'\"", "x" * 1_000_000, "\n" * 1_000_000],
    ids=lambda text: ascii(text[:12]),
)
@pytest.mark.parametrize("kind", [get, lambda origin: preflight(origin, origin)], ids=["GET", "preflight"])
def test_what_a_client_sends_is_bounded_and_printable(place, text, kind, caplog):
    caplog.set_level(logging.INFO, "corsguard")
    place.guard(POLICY)
    events = place.events()
    # Flask looks for a view and finds none for some of these paths. Django's tagged place gets its policy from the
    # view.
    place.send(kind(text), "/orders" if isinstance(place, TaggedFlask) else f"/{text}")
    (event,), (record,) = events, said(caplog)
    for value in (event.method, event.path, event.origin):
        assert value.isascii()
        assert value.isprintable()
        assert len(value) <= 200
    assert (event.reason, event.origin) == ("origin", ascii(text[:200])[1:-1][:200])
    assert record.getMessage().isprintable()
    assert len(record.getMessage()) < 700


def test_every_method_is_printable_in_the_event(place):
    place.guard(POLICY)
    events = place.events()
    for method in ("BREW", "get", "x" * 1_000_000, "\xe9\r\n"):
        place.send(Request(method, {"Origin": EVIL}))
    # Under ASGI, Django writes the method in upper case.
    change = str.upper if isinstance(place, AsyncDjango) else str
    expected = [ascii(change(method))[1:-1] for method in ("BREW", "get", "x" * 200, "\xe9\r\n")]
    assert [event.method for event in events] == expected


@pytest.mark.parametrize("place", [WSGI, Flask, TaggedFlask], indirect=True)
def test_a_lone_surrogate_is_written_as_an_escape(place):
    place.guard(POLICY)
    events = place.events()
    place.send(get("\ud800"))
    assert [event.origin for event in events] == [r"\ud800"]


def answered(outcome):
    return outcome.status, sorted(outcome.headers), outcome.body


@pytest.mark.parametrize("asked", [get(EVIL), preflight(EVIL, "PUT")], ids=["GET", "preflight"])
def test_a_failing_listener_is_logged_and_stops_nobody(place, asked, caplog):
    def fail(event):
        raise ZeroDivisionError(event.path)

    place.headers = [("Access-Control-Allow-Origin", "*")]
    place.guard(POLICY)
    before = answered(place.send(asked))
    place.listen(fail)
    caplog.clear()
    assert answered(place.send(asked)) == before
    assert [(record.levelno, record.exc_info[0]) for record in caplog.records] == [(logging.ERROR, ZeroDivisionError)]


@on_django
def test_after_a_failing_receiver_the_others_still_get_the_event(place):
    place.guard(POLICY)
    place.listen(lambda event: 1 / 0)
    events = place.events()
    place.send(get(EVIL))
    assert len(events) == 1


@framework
@pytest.mark.parametrize("asked", [get(EVIL), preflight(EVIL, "PUT")], ids=["GET", "preflight"])
def test_a_receiver_that_connects_late_gets_events_at_once(place, asked):
    place.guard(POLICY)
    for _ in range(150):
        place.send(asked)
    events = place.events()
    place.send(asked)
    assert len(events) == 1


@pytest.mark.parametrize("asked", [get(EVIL), preflight(EVIL, "PUT")], ids=["GET", "preflight"])
def test_a_source_that_begins_to_fail_late_is_logged_at_once(place, asked, caplog):
    class Source:
        breaks = False

        def __contains__(self, origin):
            return 1 / 0 if self.breaks else False

    source = Source()
    place.guard(Policy(allow_origins=source, allow_methods=["PUT"]))
    for _ in range(150):
        place.send(asked)
    caplog.clear()
    source.breaks = True
    place.send(asked)
    assert [record.exc_info[0] for record in caplog.records] == [ZeroDivisionError]


@pytest.mark.parametrize("place", [Flask], indirect=True)
def test_a_log_that_is_switched_on_late_is_written_within_500_refusals(place, caplog):
    place.guard(POLICY)
    for _ in range(150):
        place.send(get(EVIL))
    caplog.set_level(logging.INFO, "corsguard")
    for _ in range(501):
        place.send(get(EVIL))
    assert len(said(caplog)) == 1


@framework
def test_a_disconnected_receiver_gets_no_more_events(place):
    place.guard(POLICY)
    events = place.events()
    place.send(get(EVIL))
    place.cleanup.close()
    place.guard(POLICY)
    place.send(get(EVIL))
    assert len(events) == 1


@pytest.mark.parametrize("place", [Flask], indirect=True)
def test_a_receiver_may_belong_to_one_application(place):
    place.guard(POLICY)
    heard = []

    def receiver(sender, event):
        heard.append(sender)

    another = flask.Flask("another")
    with corsguard_flask.cors_event.connected_to(receiver, another):
        place.send(get(EVIL))
        assert heard == []
    with corsguard_flask.cors_event.connected_to(receiver, place.flask):
        place.send(get(EVIL))
    assert heard == [place.flask]


@pytest.mark.parametrize("place", [AsyncDjango], indirect=True)
@pytest.mark.parametrize(
    ("asked", "headers"),
    [
        (get(EVIL), []),
        (preflight(EVIL, "PUT"), []),
        (get(APP), [("Access-Control-Allow-Origin", "*")]),
    ],
    ids=["GET", "preflight", "two-layers"],
)
def test_a_receiver_may_block_and_may_be_asynchronous(place, asked, headers):
    heard = []

    def blocking(*, event, **_):
        heard.append((event, threading.current_thread() is threading.main_thread()))

    async def asynchronous(*, event, **_):
        await asyncio.sleep(0)
        heard.append((event, "awaited"))

    place.guard(POLICY)
    place.headers = headers
    with ExitStack() as connected:
        for receiver in (blocking, asynchronous):
            corsguard_django.cors_event.connect(receiver)
            connected.callback(corsguard_django.cors_event.disconnect, receiver)
        place.send(asked)
    # The event loop runs in the main thread.
    assert [how for _, how in heard] == [False, "awaited"]
    assert heard[0][0] == heard[1][0]


@pytest.mark.parametrize("asked", [get(EVIL), preflight(EVIL, "PUT")], ids=["GET", "preflight"])
def test_without_listeners_only_a_few_of_many_refusals_are_looked_at(place, asked, monkeypatch):
    looked_at = []
    record = Journal.record
    monkeypatch.setattr(Journal, "record", lambda self, *given: looked_at.append(given) or record(self, *given))
    # The other places have a listener once somebody connects.
    place.listener = None
    place.guard(POLICY)
    # A hundred in a row, and one more after the next five hundred.
    for _ in range(700):
        place.send(asked)
    assert len(looked_at) == 101


def test_the_log_has_one_of_many_refusals_together_with_its_event(place, caplog):
    caplog.set_level(logging.INFO, "corsguard")
    place.guard(POLICY)
    for sent in (get(EVIL), preflight(EVIL, "PUT"), get("https://other.example")):
        place.send(sent)
    (record,) = said(caplog)
    assert record.levelno == logging.INFO
    assert record.getMessage() == "The policy of 'GET' '/orders' does not share with 'https://evil.example'."
    assert record.cors_event == Event("origin", POLICY, place.name, "GET", "/orders", EVIL)


def test_refusals_are_logged_only_if_the_logger_is_at_info(place, caplog):
    place.guard(POLICY)
    place.send(get(EVIL))
    place.send(preflight(EVIL, "PUT"))
    assert said(caplog) == []


@developing
@pytest.mark.parametrize(
    ("asked", "says", "fix"),
    [
        (
            get(EVIL),
            NO_ALLOW_ORIGIN,
            'allow_origins=["https://app.example.com", "https://evil.example"]',
        ),
        (
            preflight(EVIL, "GET"),
            f"Response to preflight request doesn't pass access control check: {NO_ALLOW_ORIGIN}",
            'allow_origins=["https://app.example.com", "https://evil.example"]',
        ),
        (
            preflight(APP, "PUT"),
            "Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
            'allow_methods=["GET", "HEAD", "POST", "PUT"]',
        ),
        (
            preflight(APP, "GET", "x-token"),
            "Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response.",
            'allow_headers=["x-token"]',
        ),
    ],
    ids=["request", "preflight", "method", "header"],
)
def test_in_development_each_refusal_of_the_browser_is_explained(place, asked, says, fix, caplog):
    place.guard(POLICY)
    place.debug(True)
    for _ in range(3):
        place.send(asked)
    place.debug(False)
    place.send(asked)
    first, *others = said(caplog)
    assert len(others) == 2
    assert {first.levelno, *(record.levelno for record in others)} == {logging.WARNING}
    assert {record.getMessage() for record in others} == {first.getMessage()}
    lines = first.getMessage().split("\n")
    assert lines[0] == f"{asked.method} /orders is blocked by CORS."
    assert f"fix: {fix}" in [line.strip() for line in lines]
    assert lines[-1] == f"The browser blocks it and says: {says}"


@developing
def test_in_development_nothing_that_the_browser_lets_pass_is_explained(place, caplog):
    caplog.set_level(logging.INFO, "corsguard")
    place.guard(Policy(allow_origins=[APP], allow_methods=["PUT"], allow_headers=["Content-Type"]))
    place.debug(True)
    for sent in (
        get(),
        get(APP),
        preflight(APP, "GET"),
        preflight(APP, "PUT", "content-type"),
        request("OPTIONS", APP),
        request("POST", EVIL, Sec_Fetch_Site="same-origin"),
    ):
        place.send(sent)
    assert said(caplog) == []


@developing
def test_in_development_refused_preflights_under_a_policy_for_everyone_are_explained(place, caplog):
    place.guard(Policy(allow_origins="*"))
    place.debug(True)
    place.send(preflight(EVIL, "PUT"))
    place.send(preflight(EVIL, "GET"))
    assert ["Method PUT is not allowed" in record.getMessage() for record in said(caplog)] == [True]


@developing
def test_in_development_listeners_get_the_same_events(place):
    place.guard(POLICY)
    place.debug(True)
    events = place.events()
    for sent in (get(EVIL), get(EVIL), preflight(EVIL, "PUT"), preflight(APP, "PUT")):
        place.send(sent)
    assert [event.method for event in events] == ["GET", "GET", "OPTIONS"]


@developing
def test_in_development_a_blocking_source_is_asked_once_and_in_a_thread(place, caplog):
    """
    It is not asked again for the explanation.
    """
    asked = []

    class Store:
        def __contains__(self, origin):
            asked.append(origin)
            with pytest.raises(RuntimeError, match="no running event loop"):
                asyncio.get_running_loop()
            return origin == APP

    place.guard(Policy(allow_origins=Store()))
    place.debug(True)
    for sent in (get(APP), preflight(APP, "GET"), get(EVIL), preflight(EVIL, "GET")):
        place.send(sent)
    assert [record.levelno for record in said(caplog)] == [logging.WARNING] * 2
    for record in said(caplog):
        assert "The origin source did not return True for it." in record.getMessage()
    assert asked == [APP, APP, EVIL, EVIL]
