"""
What to change where something else than the CORS layer answers: the order of the layers, the settings of a web server,
a protection against CSRF, or a list of hosts.
"""

from typing import Final

from .evidence import as_shown, url_of
from .failures import Failure
from .intermediaries import csrf_fails, order_seen, web_server_seen
from .wire import WireResponse

_OUTERMOST: Final = "Put the CORS layer outermost"
_IN_PYTHON: Final = "CORSMiddleware around everything, or first in MIDDLEWARE"
_TRUST: Final = "trust the page's origin there, too (Django: CSRF_TRUSTED_ORIGINS)"
_PROOF: Final = "send a valid token (Django: the cookie csrftoken, and the same in the header X-CSRFToken)"
# By the check that fails.
_OF_CSRF: Final = {
    "origin": f"It does not trust the origin: {_TRUST}. Then the request needs a token, too: {_PROOF}",
    "token": f"A token is missing, or not valid: {_PROOF}",
    "": f"Either it does not trust the origin, or a token is missing or not valid: {_TRUST}, and {_PROOF}",
}


def outermost(failure: Failure) -> str:
    """
    Return where the CORS layer belongs, in the words of what answers, as far as it shows what it is. A web server that
    answers by itself has to be changed, because no layer of an application sees the request.
    """
    answer = None if failure.exchange is None else failure.exchange.response
    if (server := None if answer is None else web_server_seen(answer)) is not None:
        name, setting = server
        if failure.is_preflight:
            return f"{name} itself answers so: let it pass OPTIONS on, or answer it"
        return f"{name} itself answers so: let it add the CORS headers to such answers, too ({setting})"
    order = None if answer is None else order_seen(answer)
    where = _IN_PYTHON if order is None else order
    return f"{_OUTERMOST} ({where})" if where else _OUTERMOST


def of_csrf(answer: WireResponse) -> str:
    """
    Return what to change about *answer*, with which a protection against CSRF refuses.
    """
    why = f"The server's protection against CSRF refuses the request. {_OF_CSRF[csrf_fails(answer)]}."
    return f"{why} Or exempt views that need no cookies."


def of_hosts(url: str, said: str) -> str:
    """
    Return what to change about an answer that refuses the host of *url*, as it *said*.
    """
    target = url_of(url)
    host = "this host" if target is None else as_shown(target.host)
    return (
        f'The server serves only the hosts in its list, and {host} is not one of them. It says: "{said}". Add it there '
        "(Vite: server.allowedHosts; webpack: devServer.allowedHosts; Django: ALLOWED_HOSTS; Starlette: allowed_hosts "
        "of TrustedHostMiddleware; Rails: config.hosts), or let the page request a host of the list. Then check again."
    )
