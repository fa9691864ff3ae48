"""
Which policies guard this process: those of `settings.CORSGUARD`, until `set_policy` puts others in their place; which
WebSocket handshakes are judged, which `settings.CORSGUARD_WEBSOCKETS` says; and which requests may act, which
`settings.CORSGUARD_PROTECTION` says.

Every handler of the process carries this one guard, so that a swap reaches them all, as does `override_settings`.
Without CORSGUARD only decorated views share.
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
    Return what CORSGUARD says; without the setting no policies.

    Raises PolicyError with every problem of every policy at once. None as the setting is a mistake like any other, and
    so is the configuration of django-cors-headers without CORSGUARD; the fix is what it means.
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
    Return what CORSGUARD_WEBSOCKETS says; without the setting all handshakes are judged. Raises PolicyError.
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
    Return what CORSGUARD_PROTECTION says; without the setting, or with None, there is no protection but what a
    Configuration says. Raises PolicyError.
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
    The guard of this process, which has the policies of the settings once somebody has asked for it.
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
        Begin again with the settings as they are now, and with a journal that has said nothing yet.
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
    # Loaded only where the server does not start anyway.
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
    Let *policy* guard this process from now on, in place of `settings.CORSGUARD`; None leaves decorated views only.

    *policy* is what Policies takes. It is validated first; requests in flight finish under the old one, and each
    worker process swaps for itself. A later change of the setting, such as by `override_settings`, wins.

    Raises PolicyError if *policy* is refused; the old one stays.
    """
    process.put(policy)


def _read_again(*, setting: str, **_: object) -> None:
    if setting in (SETTING, WEBSOCKETS, PROTECTION):
        process.read_again()


setting_changed.connect(_read_again)
