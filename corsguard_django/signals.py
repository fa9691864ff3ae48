"""
What the middleware tells a Django project: a signal, to be connected to like Django's own.
"""

from collections.abc import Callable
from typing import Any, Final

from django.dispatch import Signal


class _Signal(Signal):
    """
    A signal that calls *on_connect*, because a guard that nobody listened to may have stopped to look.
    """

    on_connect: Callable[[], object] | None = None

    def connect(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - what Django's takes
        super().connect(*arguments, **options)
        if self.on_connect is not None:
            self.on_connect()


# Sent with `event=Event(...)` for what the WSGI middleware calls `on_event` with; what a receiver raises is logged.
cors_event: Final = _Signal()
