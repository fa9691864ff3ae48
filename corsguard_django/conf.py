"""
The guard of this process. The policies are those of `settings.CORSGUARD`, until `set_policy` replaces them.
`settings.CORSGUARD_WEBSOCKETS` says which WebSocket handshakes are judged, and `settings.CORSGUARD_PROTECTION` says
which requests may act.

Every handler of the process uses this one guard, so `set_policy` and `override_settings` reach all of them. Without
CORSGUARD only decorated views share.
"""

import logging
from typing import Any, Final

from django.conf import settings
from django.core.signals import setting_changed

from corsguard import CrossOriginProtection, Event, Policies, PoliciesLike, PolicyError, Problem
from corsguard.adapters import Guard, Journal, WebSockets, read_websockets

from .predecessor import configuration, left_over, two_layers
from .signals import cors_event

SETTING: Final = "CORSGUARD"
WEBSOCKETS: Final = "CORSGUARD_WEBSOCKETS"
PROTECTION: Final = "CORSGUARD_PROTECTION"

logger: Final = logging.getLogger("corsguard")

_ABSENT: Final = object()


def read_settings() -> Policies:
    """
    Return the policies of CORSGUARD. Without the setting there are none.

    Raises PolicyError with every problem of every policy at once. None as the setting is refused like any other
    mistake. A configuration of django-cors-headers without CORSGUARD is refused too, and its translation is the fix.
    """
    setting: Any = getattr(settings, SETTING, _ABSENT)
    if setting is _ABSENT:
        if configuration():
            raise PolicyError([_moving()])
        return Policies()
    try:
        return Policies({"paths": None} if setting is None else setting)
    except PolicyError as error:
        error.add_note(f"This is {SETTING} in the settings.")
        raise


def websockets_setting() -> WebSockets:
    """
    Return the value of CORSGUARD_WEBSOCKETS. Without the setting, all handshakes are judged. Raises PolicyError.
    """
    setting: WebSockets = getattr(settings, WEBSOCKETS, "guard")
    try:
        read_websockets(setting)
    except PolicyError as error:
        error.add_note(f"This is {WEBSOCKETS} in the settings.")
        raise
    return setting


def protection_setting() -> CrossOriginProtection | None:
    """
    Return the protection of CORSGUARD_PROTECTION. Without the setting, or with None, only a Configuration may add
    protection. Raises PolicyError.
    """
    setting: Any = getattr(settings, PROTECTION, None)
    if setting is None:
        return None
    try:
        return CrossOriginProtection.of(setting)
    except PolicyError as error:
        error.add_note(f"This is {PROTECTION} in the settings.")
        raise


class _Process:
    """
    The guard of this process. It gets the policies of the settings on first use.
    """

    # The middleware, once it is imported.
    sender: type | None = None

    def __init__(self) -> None:
        self._is_read = False
        self._guard = Guard(Policies(), _journal(), can_await=True)

    @property
    def guard(self) -> Guard:
        """
        Raises PolicyError if a setting is refused, or MIDDLEWARE has another CORS middleware.
        """
        if not self._is_read:
            _look_for_predecessor()
            self._guard.websockets = read_websockets(websockets_setting())
            self._guard.protect(protection_setting())
            self.put(read_settings())
        return self._guard

    def put(self, policy: PoliciesLike | None) -> None:
        self._guard.swap(policy)
        self._is_read = True

    def read_again(self) -> None:
        """
        Start again with the current settings and a new journal.
        """
        policies, websockets = read_settings(), read_websockets(websockets_setting())
        protection = protection_setting()
        self._guard.journal, self._guard.websockets = _journal(), websockets
        self._guard.protect(protection)
        self.put(policies)

    def listen(self) -> None:
        self._guard.journal.listen()


def _look_for_predecessor() -> None:
    doubled = two_layers()
    if doubled is not None:
        is_unmoved = not hasattr(settings, SETTING) and configuration()
        raise PolicyError([*([_moving()] if is_unmoved else []), doubled])
    warning = left_over()
    if warning is not None:
        logger.warning("%s", warning)


def _moving() -> Problem:
    # Loaded only if the server does not start.
    from .translation import problem

    return problem()


def _journal() -> Journal:
    return Journal(_send, lambda: cors_event.receivers, lambda: settings.DEBUG)


def _send(event: Event) -> None:
    cors_event.send_robust(sender=process.sender, event=event)


process: Final = _Process()
cors_event.on_connect = process.listen


def set_policy(policy: PoliciesLike | None) -> None:
    """
    Guard this process with *policy* from now on, instead of `settings.CORSGUARD`. With None, only decorated views
    share.

    *policy* has any form that Policies takes. It is validated first. Requests that are running finish with the old
    policy. Each worker process needs its own call. A later change of the setting, such as by `override_settings`, wins.

    Raises PolicyError if *policy* is refused; the old one stays.
    """
    process.put(policy)


def _read_again(*, setting: str, **_: object) -> None:
    if setting in (SETTING, WEBSOCKETS, PROTECTION):
        process.read_again()


setting_changed.connect(_read_again)
