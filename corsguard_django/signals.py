"""
The signal with which the middleware reports events to a Django project. Connect to it like to Django's own signals.
"""

from collections.abc import Callable
from typing import Any, Final

from django.dispatch import Signal


class _Signal(Signal):
    """
    A signal that calls *on_connect*, because a guard without listeners may have stopped checking for them.
    """

    on_connect: Callable[[], object] | None = None

    def connect(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - what Django's takes
        super().connect(*arguments, **options)
        if self.on_connect is not None:
            self.on_connect()


# Sent with `event=Event(...)`, whenever the WSGI middleware would call `on_event`. Exceptions in receivers are logged.
cors_event: Final = _Signal()
