"""
The Flask extension: the WSGI wrapper, put around `app.wsgi_app`.

It takes part in nothing that Flask does (no hooks, no subclassing), so errors, redirects and aborted requests carry
the headers too, and a preflight never reaches Flask. This room keeps which applications are guarded, and holds none.
"""

from collections.abc import Mapping
from functools import partial
from threading import Lock
from typing import Final, cast
from weakref import WeakSet

from blinker import Namespace
from flask import Flask

from corsguard import (
    CORSMiddleware,
    Event,
    Guarded,
    Journal,
    PathPolicies,
    Policy,
    PolicyError,
    read_guarded,
)

from .views import Views

_CONFIG_KEY: Final = "CORSGUARD"
_EXTENSION: Final = "corsguard"

# Sent by an application, with `event=Event(...)`, for what a WSGI middleware calls `on_refusal` with.
cors_refused: Final = Namespace().signal("cors-refused")


class CORSGuard:
    """
    Guards Flask applications: *app* at once, or each one that `init_app` is given.

    *policy* is a Policy, a mapping of its keywords, or a mapping from path prefix to these or None. Without one, each
    application's `config["CORSGUARD"]` is read; with neither, only views tagged with `@cors` share anything. The
    policy of a tagged view is that of its tag.

    Raises PolicyError if a policy is refused, and RuntimeError if *app* is guarded already.
    """

    def __init__(self, app: Flask | None = None, policy: Guarded | None = None) -> None:
        self._given = None if policy is None else read_guarded(policy)
        self._policy = self._given
        self._middlewares: WeakSet[CORSMiddleware] = WeakSet()
        # An application that is guarded while the policy is swapped gets the new one, before or after.
        self._lock = Lock()
        if app is not None:
            self.init_app(app)

    @property
    def policy(self) -> Policy | PathPolicies | None:
        """
        What guards the applications; if they have policies of their own, that of the one guarded last.

        Assigning takes what the constructor takes, validates it first, and swaps it for all of them. Requests in
        flight finish under the old policy. Each process assigns for itself.
        """
        return self._policy

    @policy.setter
    def policy(self, policy: Guarded | None) -> None:
        guarded = None if policy is None else read_guarded(policy)
        with self._lock:
            self._given = self._policy = guarded
            for middleware in self._middlewares:
                middleware.policy = guarded

    def init_app(self, app: Flask, policy: Guarded | None = None) -> None:
        """
        Guard *app* with *policy*, else with the guard's own, else with what its config says.

        Raises PolicyError if the policy is refused, and RuntimeError if *app* is guarded already; *app* then stays as
        it was.
        """
        if not isinstance(cast("object", app), Flask):
            raise TypeError(f"{app!r} is no Flask application. Guard a blueprint by its prefix: {{'/api': policy}}.")
        if _EXTENSION in app.extensions:
            raise RuntimeError(f"{app.name!r} is guarded already. To change what guards it, assign guard.policy.")
        with self._lock:
            guarded = self._given if policy is None else read_guarded(policy)
            if guarded is None:
                guarded = _read_config(app)
            middleware = CORSMiddleware(app.wsgi_app, guarded)
            is_debug = partial(app.config.get, "DEBUG")
            middleware.journal = Journal(partial(_send, app), cors_refused.receivers.__len__, is_debug)
            cors_refused.receiver_connected.connect(middleware.journal.listen)
            self._middlewares.add(middleware)
            self._policy = guarded
        middleware.look_for_tags(Views(app, middleware).look)
        # The method, because calling the instance would cost a preflight a tenth more.
        app.wsgi_app = middleware.__call__  # type: ignore[method-assign] # what Flask documents for middleware
        app.extensions[_EXTENSION] = self


def _send(app: Flask, event: Event) -> None:
    cors_refused.send(app, event=event)


def _read_config(app: Flask) -> Policy | PathPolicies | None:
    variables = _variables(app)
    try:
        if variables:
            from corsguard.configuration import Configuration

            return Configuration.from_variables(variables, prefix=f"{_CONFIG_KEY}__").guarded
        return read_guarded(app.config[_CONFIG_KEY]) if _CONFIG_KEY in app.config else None
    except PolicyError as error:
        error.add_note(f"This is app.config[{_CONFIG_KEY!r}] of {app.name!r}.")
        raise


def _variables(app: Flask) -> dict[str, object]:
    """
    Return what `from_prefixed_env` left in the config, under the names that the variables have behind `FLASK_`.

    No keyword has capitals, so these come from the environment. One underscore too few is a mistake to be named.
    """
    nested = app.config.get(_CONFIG_KEY)
    variables = {key: value for key, value in app.config.items() if key.startswith(f"{_CONFIG_KEY}_")}
    if isinstance(nested, Mapping) and any(str(key).isupper() for key in nested):
        variables |= {f"{_CONFIG_KEY}__{key}": value for key, value in nested.items()}
    return variables
