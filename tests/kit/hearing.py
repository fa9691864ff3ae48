"""
What a carrier does with one request, and what its listener gets: for tests of answers in place of the application.
"""

from contextlib import ExitStack
from typing import NamedTuple

from django.test import override_settings

import corsguard_django
from corsguard import Event
from corsguard_flask import cors_event

from .adapters import MIDDLEWARE, environ_of, serve


class Heard(NamedTuple):
    """
    What was sent, whether the application ran, and the events.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    ran: bool
    events: list[Event]

    @property
    def named(self):
        return {name.lower(): value for name, value in self.headers}


def heard_of_flask(app, request, path, ran):
    """
    Return what *app* does with *request*. Its views append to *ran*.
    """
    events = []

    def hear(_, event):
        events.append(event)

    with cors_event.connected_to(hear, app):
        status, headers, body = serve(app, environ_of(request, path))
    return Heard(status, headers, body, bool(ran), events)


def heard_of_django(urlconf, settings, ran, ask):
    """
    Return what Django does with the request that *ask* sends, under *settings*. The views of *urlconf* append to *ran*.
    """
    events = []
    ran.clear()

    def hear(event, **_):
        events.append(event)

    with ExitStack() as stack:
        stack.enter_context(
            override_settings(MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=urlconf, ALLOWED_HOSTS=["*"], **settings)
        )
        corsguard_django.cors_event.connect(hear)
        stack.callback(corsguard_django.cors_event.disconnect, hear)
        status, headers, body = ask()
    return Heard(status, headers, body, bool(ran), events)
