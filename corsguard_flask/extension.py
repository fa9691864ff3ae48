"""
The Flask extension: the WSGI carrier, put around `app.wsgi_app`.

It uses no hooks and no subclassing of Flask, so errors, redirects and aborted requests have the headers too, and a
preflight never reaches Flask. This module knows which applications are guarded, and keeps none of them alive.
"""

from collections.abc import Mapping
from functools import partial
from threading import Lock
from typing import Any, Final, Never, cast
from weakref import ReferenceType, WeakKeyDictionary, ref

from blinker import Namespace
from flask import Blueprint, Flask, got_request_exception, request_started

from corsguard import (
    CORSMiddleware,
    CrossOriginProtection,
    Event,
    Policies,
    PoliciesLike,
    PolicyError,
    ProtectionLike,
)
from corsguard.adapters import (
    Guarding,
    InForce,
    Journal,
    WebSockets,
    guard_of,
    read_websockets,
    refuse_awaited,
    refuse_keywords,
)

from .predecessor import KEY
from .views import EXTENSION, Views, warn_of_lost_tag, warn_of_passed_exception

# An application sends it with `event=Event(...)`, whenever the WSGI middleware would call `on_event`.
cors_event: Final = Namespace().signal("cors-event")

# Disconnected as soon as the process guards an application, so that requests do not pay for it.
request_started.connect(warn_of_lost_tag)
got_request_exception.connect(warn_of_passed_exception)


class CORSGuard:
    """
    Guards Flask applications: *app* at once, or each one that `init_app` is given.

    *policy* is a Policy, a mapping of its keywords, or a mapping from path prefix to these or None. Without one, each
    application's `config["CORSGUARD"]` is read. If there is neither, only views tagged with `@cors` share anything. A
    tagged view has the policy of its tag.

    *websockets* says which WebSocket handshakes are judged: `"guard"` all, `"pass"` none, a list of path prefixes all
    others. *protection*, a CrossOriginProtection or a mapping of its keywords, refuses requests with which an untrusted
    page could act. They are answered with 403 before Flask sees them.

    Raises PolicyError if a policy, *websockets* or *protection* is refused. Raises TypeError for the keywords of a
    policy, which belong in a mapping, and RuntimeError if *app* is guarded already.
    """

    def __init__(
        self,
        app: Flask | None = None,
        policy: PoliciesLike | None = None,
        *,
        websockets: WebSockets = "guard",
        protection: ProtectionLike | None = None,
        **keywords: Never,
    ) -> None:
        refuse_keywords("CORSGuard", keywords)
        refuse_awaited(policy)
        # Checked here, so that an error is raised before there is an application.
        read_websockets(websockets)
        self._websockets: WebSockets = websockets
        self._protection = None if protection is None else CrossOriginProtection.of(protection)
        self._policies = Policies.of(policy)
        self._has_policy = policy is not None
        # Both references are weak, because the guard of an application refers to the application.
        self._middlewares: WeakKeyDictionary[Flask, ReferenceType[CORSMiddleware]] = WeakKeyDictionary()
        self._lock = Lock()
        if app is not None:
            self.init_app(app)

    @property
    def policy(self) -> InForce:
        """
        The guard's own policy or policies, or None. Applications that got their own, from `init_app` or from their
        config, do not use it: call `set_policy` for them.

        Assign a new one in any form that the constructor takes. It is validated first, and changes for all applications
        that use it. Requests that are running finish with the old policy. Each process assigns for itself.
        """
        return self._policies.policy

    @policy.setter
    def policy(self, policy: PoliciesLike | None) -> None:
        refuse_awaited(policy)
        self._policies.policy = policy
        self._has_policy = policy is not None
        with self._lock:
            middlewares = [reference() for reference in self._middlewares.values()]
        for middleware in middlewares:
            if middleware is not None:
                middleware.guard.adopt()

    def set_policy(self, app: Flask, policy: PoliciesLike | None) -> None:
        """
        From now on, guard only *app* with *policy*, in any form that the constructor takes.

        Raises PolicyError if the policy is refused, and RuntimeError if this guard does not guard *app*.
        """
        guard = self._middleware_of(app).guard
        refuse_awaited(policy)
        guard.policies = Policies.of(policy)
        guard.adopt()

    def policy_for(self, app: Flask, environ: Mapping[str, Any]) -> Guarding:
        """
        Return the policy that guards the request *environ* of *app*; None means closed, `"unguarded"` that the
        guard does nothing. For people and tests. The tag of a view counts.

        Raises RuntimeError if this guard does not guard *app*.
        """
        return self._middleware_of(app).policy_for(environ)

    def _middleware_of(self, app: Flask) -> CORSMiddleware:
        with self._lock:
            reference = self._middlewares.get(app)
        middleware = None if reference is None else reference()
        if middleware is None:
            raise RuntimeError(f"This guard does not guard {app.name!r}. Call init_app(app, policy) first.")
        return middleware

    def init_app(self, app: Flask, policy: PoliciesLike | None = None) -> None:
        """
        Guard *app* with *policy*. Without it, use the guard's own policy, or else that of the config of *app*.

        Raises PolicyError if the policy is refused, and RuntimeError if *app* is guarded already; *app* then stays as
        it was.
        """
        if not isinstance(cast("object", app), Flask):
            other = (
                guard_of(app, "django", "starlette")
                or "`CORSMiddleware(app, policy)` for any other WSGI application, and serve the result"
            )
            line = (
                "Guard a blueprint by its prefix: {'/api': policy}" if isinstance(app, Blueprint) else f"Write {other}"
            )
            raise TypeError(f"Expected a Flask application, got {app!r}. {line}.")
        if EXTENSION in app.extensions:
            raise RuntimeError(
                f"{app.name!r} is guarded already. To change its policy, assign guard.policy, or call "
                "guard.set_policy(app, policy)."
            )
        if policy is not None:
            policies = Policies.of(policy)
        else:
            policies = self._policies if self._has_policy else _read_config(app) or self._policies
        journal = Journal(partial(_send, app), cors_event.receivers.__len__, partial(app.config.get, "DEBUG"))
        middleware = CORSMiddleware(
            app.wsgi_app, policies, websockets=self._websockets, protection=self._protection, journal=journal
        )
        middleware.views = Views(app, middleware.guard)
        cors_event.receiver_connected.connect(journal.listen)
        with self._lock:
            self._middlewares[app] = ref(middleware)
        # The method, because calling the instance makes a preflight 10 % slower.
        app.wsgi_app = middleware.__call__  # type: ignore[method-assign] # what Flask documents for middleware
        app.extensions[EXTENSION] = self
        request_started.disconnect(warn_of_lost_tag)


def _send(app: Flask, event: Event) -> None:
    cors_event.send(app, event=event)


def _read_config(app: Flask) -> Policies | None:
    variables = _variables(app)
    try:
        if variables:
            from corsguard.configuration import Configuration

            return Configuration.from_variables(variables, prefix=f"{KEY}__").guarded
        if KEY not in app.config:
            return None
        value = app.config[KEY]
        # None as the value is a mistake like any other.
        return Policies({"paths": None} if value is None else value)
    except PolicyError as error:
        error.add_note(f"This is app.config[{KEY!r}] of {app.name!r}.")
        raise


def _variables(app: Flask) -> dict[str, object]:
    """
    Return what `from_prefixed_env` put into the config, under the names of the variables without `FLASK_`.

    No keyword has capitals, so these come from the environment. Names with one underscore too few are included, so that
    the mistake is reported.
    """
    nested = app.config.get(KEY)
    variables = {key: value for key, value in app.config.items() if key.startswith(f"{KEY}_")}
    if isinstance(nested, Mapping) and any(str(key).isupper() for key in nested):
        variables |= {f"{KEY}__{key}": value for key, value in nested.items()}
    return variables
