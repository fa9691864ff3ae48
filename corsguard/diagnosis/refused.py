"""
What refuses a request whose answer the page may read, or can read after the fix: that often looks like CORS.

A status only suggests a cause, so what the answer says, and what a redirect changed, comes before that.
"""

from collections.abc import Callable
from typing import Final

from corsguard.browser import Exchange, WireResponse
from corsguard.browser.evidence import as_shown, without_password
from corsguard.browser.exchanges import SECRET_HEADERS, veiled
from corsguard.browser.intermediaries import (
    csrf_seen,
    firewall_seen,
    host_refused_seen,
    origin_judged,
    protection_seen,
    text_seen,
)
from corsguard.browser.order_advice import of_csrf, of_hosts
from corsguard.browser.wire import WireRequest
from corsguard.names import NON_WILDCARD_REQUEST_HEADER
from corsguard.protection import REMEDIES

from .playing import Outcome

# Statuses that may be due to a missing login, or to a method without its body.
_OF_LOGINS: Final = frozenset({401, 403})
_OF_METHODS: Final = frozenset({400, 404, 405, 411, 415, 422, 501})
_WITH_LOGIN: Final = "The server does not accept the login that was sent, or the user is not allowed."
_WITHOUT_LOGIN: Final = "Most likely, the user is not logged in: send the login with --cookie or --header."
_NO_REASON: Final = "Look at the body of the answer, and at the server's log."
_BY_STATUS: Final = (
    ({404}, "Most likely, there is nothing at this URL: check it. Some servers also answer so without a login."),
    ({410}, "There is nothing at this URL any more."),
    ({405, 501}, "The server does not serve this method there: check the route."),
    ({429}, "The server limits how often it is called: try again later, and less often."),
    ({407}, "Only a proxy of the browser answers so: let the server answer 401 or 403."),
    ({413}, "The body is larger than the server, or a proxy in front, accepts."),
    (
        {502, 503, 504},
        "What answers (a proxy, the server, or the application itself) gets no answer, or is overloaded: see its log.",
    ),
)


def look_alike(outcome: Outcome, hide: Callable[[str], str]) -> str:
    """
    If the page may read the answer and still fails, return what refuses it, which often looks like CORS; otherwise
    empty. *hide* removes secrets from a text.
    """
    response = outcome.response
    if response is None or not 400 <= response.status <= 599:
        return ""
    start = f"This is not CORS: the page may read the answer, and its status is {response.status}. "
    if outcome.is_blocked:
        start = f"After the fix, the page gets the status {response.status}. That is not CORS. "
    if reason := protection_seen(WireResponse(response.status, body=response.body)):
        return f"{start}Cross-origin protection refuses the request ({reason}). {REMEDIES[reason].fix}"
    sent = [exchange.response for exchange in outcome.exchanges if exchange.response is not None]
    if (firewall := next(filter(None, map(firewall_seen, sent)), None)) is not None:
        name, sign, cure = firewall
        # What blocks the page has said so already.
        return "" if outcome.is_blocked else f"{start}{name} refuses the request ({sign}). {cure}"
    if (refused := next(filter(csrf_seen, sent), None)) is not None:
        return "" if outcome.is_blocked else f"{start}{of_csrf(refused)}"
    if outcome.is_blocked and any(map(origin_judged, sent)):
        # What allows the page does not refuse it any more.
        return ""
    # Secrets are removed before anything is shortened.
    exchanges = [veiled(exchange, hide) for exchange in outcome.exchanges if not exchange.is_preflight]
    return start + _why(exchanges[0].request, exchanges[-1])


def _why(first: WireRequest, exchange: Exchange) -> str:
    """
    Return why the server refuses the last *exchange*, to which the *first* request led.
    """
    last, answer = exchange.request, exchange.response
    if answer is None:
        return _NO_REASON
    if said := host_refused_seen(answer):
        return of_hosts(last.url, said)
    text = text_seen(answer)
    says = f'It says: "{text}". ' if text else ""
    if changed := _changed(answer.status, first, last):
        return says + changed
    if answer.status in _OF_LOGINS:
        return says + (_WITH_LOGIN if SECRET_HEADERS & _names(last) else _WITHOUT_LOGIN)
    for statuses, why in _BY_STATUS:
        if answer.status in statuses:
            return says + why
    return f"{says}Look at the server's log." if text else _NO_REASON


def _changed(status: int, first: WireRequest, last: WireRequest) -> str:
    """
    Return what redirects changed between the *first* request and the *last* one, if *status* may be due to that.
    """
    url = as_shown(without_password(last.url))
    if status in _OF_LOGINS and NON_WILDCARD_REQUEST_HEADER in _names(first) - _names(last):
        return (
            "The page sent Authorization, but after a redirect to another origin, a browser leaves it out (Fetch, "
            f'"HTTP-redirect fetch"). Let the page request {url} itself, or let the server redirect to a signed URL.'
        )
    if status in _OF_METHODS and first.method != last.method:
        return (
            f'A redirect changed {as_shown(first.method)} to {last.method}, without the body (Fetch, "HTTP-redirect '
            f'fetch"). Let the page request {url} itself, or let the server redirect with 307 or 308.'
        )
    return ""


def _names(request: WireRequest) -> set[str]:
    return {name.lower() for name, _ in request.headers}
