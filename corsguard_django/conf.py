"""
Which policies guard this process: those of `settings.CORSGUARD`, until `set_policy` puts others in their place.

Every handler of the process asks this one holder at each request, so that a swap reaches them all, as does
`override_settings`. Without CORSGUARD only decorated views share.
"""

from typing import Any, Final

from django.conf import settings
from django.core.signals import setting_changed

from corsguard import Guarded, Journal, PathPolicies, Policy, PolicyError, policies_of, read_guarded

SETTING: Final = "CORSGUARD"

_ABSENT: Final = object()
# The settings that django-cors-headers reads, and those that it read once.
THEIRS: Final = frozenset(
    """
    CORS_ALLOWED_ORIGINS CORS_ALLOWED_ORIGIN_REGEXES CORS_ALLOW_ALL_ORIGINS CORS_ALLOW_CREDENTIALS CORS_ALLOW_HEADERS
    CORS_ALLOW_METHODS CORS_ALLOW_PRIVATE_NETWORK CORS_EXPOSE_HEADERS CORS_MODEL CORS_ORIGIN_ALLOW_ALL
    CORS_ORIGIN_REGEX_WHITELIST CORS_ORIGIN_WHITELIST CORS_PREFLIGHT_MAX_AGE CORS_REPLACE_HTTPS_REFERER CORS_URLS_REGEX
    """.split()
)


def read_settings() -> Policy | PathPolicies | None:
    """
    Return what CORSGUARD says, or None if there is no such setting.

    Raises PolicyError with every problem of every policy at once. None as the setting is a mistake like any other, and
    so are the settings of django-cors-headers without CORSGUARD; the fix is what they mean.
    """
    setting: Any = getattr(settings, SETTING, _ABSENT)
    if setting is _ABSENT:
        if not THEIRS.isdisjoint(dir(settings)):
            # Loaded only where the server does not start anyway.
            from .translation import problem

            raise PolicyError([problem()])
        return None
    try:
        return read_guarded(setting)
    except PolicyError as error:
        error.add_note(f"This is {SETTING} in the settings.")
        raise


class _Holder:
    """
    The policies of this process.
    """

    def __init__(self) -> None:
        self._is_read = False
        self._guarded: Policy | PathPolicies | None = None
        # The policy if there is only one, so that most projects pay for no call.
        self.everywhere: Policy | None = None

    def read(self) -> None:
        """
        Read the settings, if nothing has been put here yet.
        """
        if not self._is_read:
            self.put(read_settings())

    def put(self, guarded: Policy | PathPolicies | None) -> None:
        Journal().warn_of(policies_of(guarded))
        # In this order each request finds the old policies or the new ones, whole.
        self._guarded = guarded
        self.everywhere = guarded if isinstance(guarded, Policy) else None
        self._is_read = True

    def policy_for(self, path: str) -> Policy | None:
        guarded = self._guarded
        return guarded.policy_for(path) if isinstance(guarded, PathPolicies) else guarded


holder: Final = _Holder()


def set_policy(policy: Guarded | None) -> None:
    """
    Let *policy* guard this process from now on, in place of `settings.CORSGUARD`; None leaves decorated views only.

    *policy* is what `read_guarded` takes. It is validated first; requests in flight finish under the old one, and
    each worker process swaps for itself. A later change of the setting, such as by `override_settings`, wins.

    Raises PolicyError if *policy* is refused; the old one stays.
    """
    holder.put(None if policy is None else read_guarded(policy))


def _read_again(*, setting: str, **_: object) -> None:
    if setting == SETTING:
        holder.put(read_settings())


setting_changed.connect(_read_again)
