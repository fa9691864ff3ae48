"""
What the middleware tells a Django project: signals, to be connected to like Django's own.
"""

from typing import Any, Final
from weakref import WeakSet

from django.dispatch import Signal

from corsguard import Journal


class _Signal(Signal):
    """
    A signal that lets the journals behind it know of who connects, which may have stopped to look.
    """

    def __init__(self) -> None:
        super().__init__()
        self.journals: WeakSet[Journal] = WeakSet()

    def connect(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - what Django's takes
        super().connect(*arguments, **options)
        for journal in self.journals:
            journal.listen()


# Sent with `event=Event(...)` for what a WSGI middleware calls `on_refusal` with; what a receiver raises is logged.
cors_refused: Final = _Signal()
