"""
What to change where something else than the CORS layer answers: the order of the layers, the settings of a web server,
a protection against CSRF, a list of hosts or of origins, or a page in place of data.
"""

from typing import Final

from .evidence import as_shown, url_of
from .failures import Failure
from .intermediaries import csrf_fails, order_seen, origin_judged, page_seen, refusal_seen, web_server_seen
from .wire import WireResponse

_OUTERMOST: Final = "Put the CORS layer outermost"
_IN_PYTHON: Final = "CORSMiddleware around everything, or first in MIDDLEWARE"
_TRUST: Final = "trust the page's origin there, too (Django: CSRF_TRUSTED_ORIGINS)"
_PROOF: Final = "send a valid token (Django: the cookie csrftoken, and the same in the header X-CSRFToken)"
_NOT_SEEN: Final = (
    "The server does not list the origin, or has no CORS layer on this path, or something in front of it answers (a "
    "login, a router, a proxy)."
)
_A_PAGE: Final = (
    "The answer is an HTML page. If the page wants data, this URL does not lead to the API: a web server, or a router, "
    "answers a path that it does not know with its start page or a login (is a rule of the proxy missing?). Otherwise, "
    "the server does not list the origin, or has no CORS layer on this path."
)
_OF_ORIGIN: Final = (
    'What answers judges the origin by itself, and says: "{}". List the page there (python-socketio: '
    "cors_allowed_origins; other servers have a list, too). Another CORS layer around it does not change that."
)
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


def of_refusal(answer: WireResponse) -> str:
    """
    Return what to change about *answer*, which refuses the origin, or is that of a CORS layer that refuses; empty if it
    is neither.
    """
    if said := origin_judged(answer):
        return f"Status {answer.status}. {_OF_ORIGIN.format(said)}"
    if said := refusal_seen(answer):
        return f'Status {answer.status}. The CORS layer itself refuses, so nothing has to be moved. It says: "{said}".'
    return ""


def judges_origin(failure: Failure) -> bool:
    """
    Whether what answers judges the origin by itself, and no CORS layer around it helps.
    """
    answer = None if failure.exchange is None else failure.exchange.response
    return answer is not None and bool(origin_judged(answer))


def why_unseen(failure: Failure) -> str:
    """
    Return why the answer may have no CORS headers, if neither its headers nor its status show it.
    """
    answer = None if failure.exchange is None else failure.exchange.response
    return _A_PAGE if answer is not None and page_seen(answer) else _NOT_SEEN
