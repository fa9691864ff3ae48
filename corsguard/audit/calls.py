"""
The one call of an audit: its limits, all its stages, and the confirmed findings.
"""

import secrets as randomness
import shlex
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

from corsguard.browser import Application, LiveTransport, Transport
from corsguard.browser.collecting import Patience
from corsguard.browser.confidential import Secrets, secrets_of
from corsguard.browser.evidence import without_password
from corsguard.browser.transports import transport_for
from corsguard.browser.urls import (
    HTTP_SCHEMES,
    SOCKET_SCHEMES,
    Url,
    address_space,
    authority,
    host_to_connect,
    named_in,
    of_handshake,
)
from corsguard.browser.wire import Header
from corsguard.names import OWNED_PREFIX

from .bounded_client import BoundedClient, SpentError
from .probes import Meant
from .raw_connection import RawConnection
from .report import Report, shown
from .session import Session, find_resource
from .stages import HANDSHAKE_STAGES, STAGES, Stage

BUDGET: Final = 320
QUICK_BUDGET: Final = 32
RATE: Final = 10.0
TIMEOUT: Final = 10.0
# How many bytes of a body are read: it may be a download, and an audit sends a hundred requests.
_MAX_BODY: Final = 262_144
# What to do if the URL only answered with a status of these. An audit sends nothing that could change something.
_LOGIN: Final = "Add a login, as a header or a cookie."
_NEEDED: Final = "Add what the resource needs to answer GET, such as a query."
_NEXT_STEPS: Final[Mapping[int, str]] = MappingProxyType(
    {
        400: _NEEDED,
        401: _LOGIN,
        403: _LOGIN,
        404: "Check the path: nothing may be there, or it is hidden without a login.",
        405: "Audit a URL that answers GET.",
        422: _NEEDED,
    }
)
_BODY_TIMEOUT: Final = 0.3
# The headers that the audit itself sets in each request.
_OURS: Final = frozenset({"origin", "host", "content-length", "transfer-encoding", "connection"})


def is_ours(name: str) -> bool:
    """
    Return whether the audit itself sets the request header *name*.
    """
    return name.lower() in _OURS or name.lower().startswith(OWNED_PREFIX)


def audit(  # noqa: PLR0913 - all limits and options, as keywords
    url: str,
    *,
    trusted: Iterable[str] = (),
    app: Application | None = None,
    headers: Iterable[Header] = (),
    budget: int = BUDGET,
    rate: float = RATE,
    active: bool = False,
    is_internal: bool | None = None,
    connect_to: Mapping[str, str] = MappingProxyType({}),
    verify: ssl.SSLContext | bool = True,
    timeout: float = TIMEOUT,
    proxy: str | None = None,
    on_request: Callable[[int], object] = bool,
) -> Report:
    """
    Send the requests of an attacker to the server at *url*, and return a Report. Audit only servers that you are
    allowed to audit.

    With a *url* of `ws:` or `wss:`, WebSockets are opened, and closed at once.

    *trusted* are the origins and patterns that the server should trust. Similar names are tried. *app*, an application,
    gets the requests in place of a server, without a network and without pauses. *headers* are sent with every request
    except preflights, and their values are not shown.

    At most *budget* requests are sent, *rate* in a second, and only GET, HEAD and OPTIONS. With *active*, line ends in
    Origin, a cache with a query that nobody else uses, and 4 KiB of commas are tried, too. It also sends two POST
    requests that a page of another site can send: a form and a JSON text. *is_internal* says whether the server can be
    reached only from an internal network; if None, the address decides. *connect_to*, *verify*, *timeout* (in seconds)
    and *proxy* are those of a LiveTransport. *timeout* is also for *app*, which runs in a thread of its own. Line ends
    in Origin cannot pass a proxy, so they are left out with one. *on_request* is called with the number of each
    request.

    Raises ValueError if *url* is not a URL of http, https, ws or wss, if the audit itself sends one of *headers*, and
    if *active* is given for a WebSocket. Raises PolicyError if one of *trusted* is not an origin pattern, and
    Unreachable if there is no response.
    """
    given = Url.parse(url)
    target, is_handshake = of_handshake(given), given.scheme in SOCKET_SCHEMES
    lines = tuple(headers)
    if target.scheme not in HTTP_SCHEMES or given.has_userinfo:
        raise ValueError(f"{shown(url, Secrets())} is not a URL of http, https, ws or wss without a user name.")
    if is_handshake and active:
        raise ValueError("Expected active=False for a WebSocket, got active=True.")
    if any(is_ours(name) for name, _ in lines):
        raise ValueError(
            "The audit itself sets Origin, Host, Access-Control-* and the headers that frame a message: leave them out "
            "of headers."
        )
    address = connect_to.get(named_in(connect_to, target))
    meant, secrets = Meant(trusted), Secrets(secrets_of(lines))
    with ExitStack() as stack:
        raw = None
        carry: Transport
        if app is None:
            tls = verify if isinstance(verify, ssl.SSLContext) else _trust(is_checked=verify)
            live = LiveTransport(
                verify=tls,
                timeout=timeout,
                body_timeout=_BODY_TIMEOUT,
                max_body=_MAX_BODY,
                connect_to=connect_to,
                proxy=proxy,
            )
            carry = stack.enter_context(live)
            raw = None if proxy else _raw(target, tls, timeout, address, lines)
        else:
            carry = transport_for(app, Patience(timeout, min(timeout, _BODY_TIMEOUT), apart=True))
        client = BoundedClient(
            carry,
            target.href,
            label=randomness.token_hex(4),
            budget=budget,
            rate=rate,
            headers=lines,
            may_post=active,
            on_sent=on_request,
            pause=time.sleep if app is None else bool,
        )
        if is_internal is None:
            # An application is asked without a network, so only the URL says where it will be.
            is_internal = _is_internal(target.host, address, is_looked_up=app is None)
        if proxy and active:
            left_out = SpentError("a proxy is in between")
            client.leave_out("line ends in Origin", left_out)
        show = partial(shown, secrets=secrets)
        session = Session(
            target.href, client, meant, show=show, is_internal=is_internal, is_handshake=is_handshake, raw=raw
        )
        report = run(session, secrets, active=active)
        return replace(
            report,
            secret_headers=frozenset(name.lower() for name, _ in lines),
            connect_to=connect_to,
            curl_options=(
                *(("--insecure",) if verify is False else ()),
                *(("--proxy", _in_a_shell(proxy)) if proxy else ()),
            ),
        )


def run(session: Session, secrets: Secrets, *, active: bool = False) -> Report:
    """
    Run all stages, until everything is sent or no more may be sent, and return the report of confirmed findings.
    """
    client, observed = session.client, session.observed
    find_resource(session)
    permitted = {None, *(["active"] if active else [])}
    stages = [stage for stage in (HANDSHAKE_STAGES if session.is_handshake else STAGES) if stage.needs in permitted]
    tried, subsumed = _asked(session, stages)
    if client.has_stopped:
        observed.forget_after(client.answered)
    findings = observed.confirmed_findings()
    # Who can read the answers is judged, even if all are refusals.
    has_faults = any(finding.is_fault and finding.reach is not None for finding in findings)
    # A server that gives no more answers after the first questions has hardly been asked.
    is_cut_short = client.has_stopped and len(tried) < len(stages) / 2
    is_judged = has_faults or (session.is_judged and not is_cut_short)
    if not is_judged and session.is_judged:
        observed.note("The URL was not judged, because it gave no more answers after the first questions.")
    elif not is_judged:
        asked = [answer for answer in client.answers_at(session.url) if not answer.fetch.is_preflight]
        statuses = sorted({answer.status for answer in asked if answer.came})
        steps = dict.fromkeys(_NEXT_STEPS[status] for status in statuses if status in _NEXT_STEPS)
        observed.note(
            f"The URL was not judged, because all its answers had the status {', '.join(map(str, statuses))}."
            f"{''.join(f' {step}' for step in steps)}"
        )
    return Report(
        url=session.socket_url if session.is_handshake else session.url,
        findings=tuple(findings),
        is_judged=is_judged,
        sent=client.sent,
        budget=client.budget,
        rate=client.rate,
        unanswered=client.unanswered,
        tried=tuple(tried),
        subsumed=tuple(subsumed),
        left_out=tuple(name for names in client.left_out.values() for name in names),
        notes=(*client.warnings(), *observed.notes),
        secrets=secrets,
    )


def _asked(session: Session, stages: Iterable[Stage]) -> tuple[list[str], list[str]]:
    """
    Ask the questions of all *stages*. Return the names of those that were tried, and of those that cannot find more.
    """
    client = session.client
    asked: list[tuple[str, int, SpentError | None]] = []
    unanswered: list[str] = []
    subsumed: list[str] = []
    for stage in stages:
        if stage.is_subsumed and session.reflects:
            subsumed.append(stage.name)
            continue
        sent, still_open, end = client.sent, client.open, None
        try:
            stage.ask(session)
        except SpentError as error:
            end = error
        if end is None and client.open > still_open:
            unanswered.append(stage.name)
        asked.append((stage.name, sent, end))
    client.reserve = 0
    client.ask_for_a_usual_answer()
    if client.refuses_origins:
        # Such an answer is a refusal of the origin.
        unanswered = []
    last = client.answered if client.refuses_all else client.sent
    tried: list[str] = []
    for (name, sent, end), following in zip(asked, [*(one[1] for one in asked[1:]), client.sent], strict=True):
        cause = end or (client.refuses_all if following > last else None)
        if cause is not None:
            client.leave_out(name if min(following, last) <= sent else f"{name} (partly)", cause)
        elif name in unanswered:
            client.leave_out(f"{name} (partly)", SpentError("some questions got no answer, 429 or 503"))
        # If the budget is spent, a stage may not have anything to send.
        elif sent < client.budget:
            tried.append(name)
    return tried, subsumed


def _in_a_shell(proxy: str) -> str:
    """
    Return *proxy* as a word for a shell. A variable stands for one with a password.
    """
    return shlex.quote(proxy) if proxy == without_password(proxy) else '"$PROXY"'


def _raw(
    url: Url, tls: ssl.SSLContext, timeout: float, address: str | None, headers: tuple[Header, ...]
) -> RawConnection:
    host = url.host.strip("[]")
    default = f"{host_to_connect(host)}:{url.port or (443 if url.scheme == 'https' else 80)}"
    where, _, port = (address or default).rpartition(":")
    context = tls if url.scheme == "https" else None
    return RawConnection(host, authority(url), (where.strip("[]"), int(port)), context, timeout, headers)


def _trust(*, is_checked: bool) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not is_checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_internal(host: str, address: str | None, *, is_looked_up: bool = True) -> bool:
    """
    Whether the address is in a private network. Loopback does not count, because servers under test are there.
    """
    if address_space(host) != "public" or address is not None or not is_looked_up:
        return address_space(host) == "local"
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        return False
    hosts = {str(place[0]).partition("%")[0] for *_, place in found}
    return {address_space(f"[{text}]" if ":" in text else text) for text in hosts} == {"local"}
