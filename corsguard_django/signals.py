"""
What the middleware tells a Django project: signals, to be connected to like Django's own.
"""

from typing import Final

from django.dispatch import Signal

# Sent with `event=Event(...)` for what a WSGI middleware calls `on_refusal` with; what a receiver raises is logged.
cors_refused: Final = Signal()
