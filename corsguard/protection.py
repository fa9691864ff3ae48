"""
May this request run at all? Total and pure: no string makes it raise, and nothing outside is asked.

CORS decides who may read a response. Nothing of it keeps a page from opening a WebSocket: browsers ask no server before
they do so, and send the user's cookies along. So whether a handshake may go on is decided here, and CORS has no part
in it. This room knows no headers of CORS and no carrier.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from .audience import is_plain_http
from .origin import DEFAULT_PORTS, NULL, Origin
from .policy import Policy

VerdictReason = Literal[
    "trusted-origin", "same-origin", "own-origin", "no-browser", "no-credentials", "malformed-origin", "other-origin"
]

_LONGEST_UPGRADE: Final = 256
# What is sent in place of the application. It is the same for everyone, and no script can read it.
REFUSAL_BODY: Final = b"CORS: this origin may not open a WebSocket here.\n"
REFUSAL_HEADERS: Final = (("Content-Type", "text/plain"), ("Content-Length", str(len(REFUSAL_BODY))))


class Verdict(NamedTuple):
    """
    Whether a request is *allowed* to run, None if that depends on the origin source of the policy, and the *reason*.
    """

    allowed: bool | None
    reason: VerdictReason


def is_handshake(environ: Mapping[str, Any]) -> bool:
    """
    Return whether *environ* describes a WebSocket handshake (RFC 6455, 4.2.1).
    """
    upgrade = environ.get("HTTP_UPGRADE")
    if not isinstance(upgrade, str) or environ.get("REQUEST_METHOD") != "GET":
        return False
    # Nobody writes a longer list; where somebody does, a server may find the word that is not looked for here.
    return len(upgrade) > _LONGEST_UPGRADE or "websocket" in (name.strip() for name in upgrade.lower().split(","))


def judge_handshake(policy: Policy | None, environ: Mapping[str, Any]) -> Verdict:
    """
    Return whether the WebSocket handshake that *environ* describes may go on, under the *policy* of its path.

    Reads `HTTP_ORIGIN`, `HTTP_SEC_FETCH_SITE`, `HTTP_HOST` and `wsgi.url_scheme`. Every handshake of a browser has an
    `Origin`, and carries cookies. So the policy lets in whom it shares with only if it has credentials, which `"*"`
    never has. Without a policy only pages of the own origin, and clients that are not browsers, are let in.
    """
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if "HTTP_ORIGIN" not in environ:
        if site is None:
            return Verdict(allowed=True, reason="no-browser")
        # Something on the way took the Origin out; where the page is from, the browser says all the same.
        return Verdict(True, "same-origin") if site == "same-origin" else Verdict(False, "other-origin")
    origin = environ["HTTP_ORIGIN"]
    parsed = Origin.parse(origin) if isinstance(origin, str) else None
    if parsed is None and origin != NULL:
        return Verdict(allowed=False, reason="malformed-origin")
    covered = policy is not None and policy.audience.covers(origin)
    has_credentials = policy is not None and policy.allow_credentials
    if covered and has_credentials:
        return Verdict(allowed=True, reason="trusted-origin")
    if site == "same-origin":
        return Verdict(allowed=True, reason="same-origin")
    if parsed is None:
        return Verdict(allowed=False, reason="other-origin")
    if is_own_origin(parsed, environ):
        return Verdict(allowed=True, reason="own-origin")
    if covered is None and has_credentials:
        return Verdict(allowed=None, reason="other-origin")
    is_listed = covered and policy is not None and not policy.audience.is_everyone
    # With credentials plain http would be refused all the same.
    return Verdict(False, "no-credentials" if is_listed and not is_plain_http(parsed) else "other-origin")


def is_own_origin(origin: Origin, environ: Mapping[str, Any]) -> bool:
    """
    Return whether *origin* is that of the request itself: host and port are those of `Host`.

    https in *origin* and http in the request is a proxy that ends TLS; the other way round, anyone on the network may
    have written the page. Whether `Host` is a name of this server is for the server to check.
    """
    default, host = DEFAULT_PORTS.get(origin.scheme), environ.get("HTTP_HOST")
    if origin.scheme not in ("http", "https") or not isinstance(host, str):
        return False
    if origin.scheme == "http" and environ.get("wsgi.url_scheme") == "https":
        return False
    port = default if origin.port is None else origin.port
    return host.lower() in (f"{origin.host}:{port}", *([origin.host] if port == default else []))
