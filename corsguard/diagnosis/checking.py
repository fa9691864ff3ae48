"""
Checks one fetch of a page: plays it against a server or an application, and says what is wrong.
"""

import shlex
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from corsguard.browser import Application, LiveTransport, Reason, origin_of
from corsguard.browser.collecting import Patience
from corsguard.browser.confidential import PUBLIC_HEADERS, Secrets, secrets_of, without_parameters
from corsguard.browser.cookies import ATTRIBUTES
from corsguard.browser.evidence import MOST_NAMES, as_shown, url_of, without_password
from corsguard.browser.exchanges import SECRET_HEADERS, on_the_wire, shown
from corsguard.browser.fetching import Mode, RedirectMode
from corsguard.browser.page import HeadersInit
from corsguard.browser.transports import serving
from corsguard.browser.urls import Url, is_trustworthy, named_in, of_handshake
from corsguard.browser.wire import Header, Transport
from corsguard.names import is_forbidden_request_header
from corsguard.origin import NULL
from corsguard.policy import Policy

from . import har
from .bodies import unreadable
from .checklist import (
    Row,
    checklist,
    compare,
    further_faults,
    repeated,
    resolved_space,
    shares,
    strangers,
    with_stale,
)
from .commands import curl, shown_url
from .guarded import Guarded, framework_of, guard_of, is_known, lines_for_tagged_views
from .inside import Inside, Raised, host_refused
from .objects import load_application, names_object
from .pages import assumed_page, page_named
from .playing import UNREADABLE, Fault, Fetch, Outcome, lines_of, play
from .predecessors import is_inactive, predecessor_of
from .refused import look_alike
from .rehearsal import Rehearsal, rehearse, staged

_APPLICATION_URL: Final = "https://api.example.com/"
# The attributes of a cookie that a browser sends to other sites, and how long to wait for a server.
_ACROSS_SITES: Final = "; SameSite=None; Secure"
_TIMEOUT: Final = 10.0
# What to do in place of a header that only a browser sets.
_INSTEAD: Final = {
    "origin": "use --page (from Python: page)",
    "referer": "use --page (from Python: page)",
    "cookie": "use --cookie (from Python: cookies)",
    "set-cookie": "use --set-cookie (from Python: set_cookies)",
    "host": "write the host in the URL, and use --connect-to for another server",
    "access-control-request-": "leave it out, because a preflight has it if it needs one",
    "content-length": "leave it out, because it follows from the body",
}
# Chromium's name for a certificate whose authority is not known.
_UNKNOWN_AUTHORITY: Final = "CERT_AUTHORITY_INVALID"
# Only the beginning of a body is read.
_BODY_TIMEOUT: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """
    What is wrong with a fetch, and what to change: every fault in the order in which a browser meets them.

    *rows* say what was checked, *assumed* what the caller did not say. *rehearsal* is what the policy of an application
    says about the request, if it blocks the request. *beginning* are the lines that an application without a policy
    needs first. *predecessor* says which other library guards it, and how to translate its settings. *is_failing* is
    True if an exception left the application. *secrets* and the
    values of headers whose names (in lower case) are in *secret_headers* are not shown: `data()` does not contain them,
    and `repr()` leaves out what may contain them.
    """

    asked: Fetch = field(repr=False)
    outcome: Outcome = field(repr=False)
    faults: tuple[Fault, ...]
    rows: tuple[Row, ...]
    assumed: tuple[str, ...]
    rehearsal: Rehearsal | None = field(repr=False)
    beginning: tuple[str, ...]
    predecessor: str
    is_failing: bool
    secrets: Secrets
    secret_headers: frozenset[str]
    connect_to: Mapping[str, str]

    @property
    def verdict(self) -> str:
        outcome = self.outcome
        if outcome.is_unreachable:
            return "no response"
        if outcome.faults:
            return outcome.faults[0].verdict
        if outcome.socket is not None:
            return "open, but with faults" if self.faults else "open"
        if outcome.response is None:
            return "the preflight passes" if outcome.exchanges else "it needs no preflight"
        if not outcome.is_readable:
            return UNREADABLE
        return "readable, but with faults" if self.faults else "readable"

    @property
    def look_alike(self) -> str:
        """
        What refuses a request whose answer the page may read, or can read after the fix, which is not CORS. Empty if
        nothing refuses it, or if the fix is about that.
        """
        is_repaired = self.outcome.is_blocked and (self.is_failing or not self.faults[0].fix.send)
        return "" if is_repaired else look_alike(self.outcome, self.secrets.hidden)

    def curl(self, cacert: str | None = None) -> list[str]:
        """
        Return each request as a curl command that trusts the authorities in the file *cacert*.
        """
        options = () if cacert is None else ("--cacert", cacert)
        return [
            self.secrets.hidden(curl(one.request, self.secret_headers, connect_to=self.connect_to, options=options))
            for one in self.outcome.exchanges
        ]

    def har(self) -> dict[str, Any]:
        """
        Return the exchanges as a HAR 1.2 log, without secrets and without the bodies of responses.
        """
        exchanges, secrets = self.outcome.exchanges, self.secrets
        return har.written(exchanges, self.secret_headers, lambda text: without_parameters(secrets.hidden(text)))

    def on_the_wire(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """
        Yield for each exchange its title and its lines.
        """
        return on_the_wire(self.outcome.exchanges, secrets=self.secret_headers, hide=self.secrets.hidden)

    def data(self) -> dict[str, Any]:
        """
        Return the same as plain data, without secrets.
        """
        asked, outcome = self.asked, self.outcome
        data = {
            "verdict": self.verdict,
            "is_readable": outcome.is_readable,
            "page": shown_url(asked.page),
            "origin": asked.page_origin,
            "url": shown_url(asked.url),
            "method": asked.method,
            "credentials": asked.credentials,
            "assumed": self.assumed,
            "faults": [fault.data() for fault in self.faults],
            "warnings": [fault.data() for fault in self.outcome.warnings],
            "changes": [] if self.rehearsal is None else [edit.data() for edit in self.rehearsal.edits],
            "unseen": outcome.unseen,
            "look_alike": self.look_alike,
            "predecessor": self.predecessor,
            "console": outcome.console,
            "checked": [row.data() for row in self.rows],
            "exchanges": [
                shown(one, secrets=self.secret_headers, hide=self.secrets.hidden).data for one in outcome.exchanges
            ],
        }
        clean: dict[str, Any] = self.secrets.clean(data)
        return clean


def check(  # noqa: PLR0913 - the options of a fetch, and how its server is reached
    target: str | Application,
    *,
    page: str | None = None,
    url: str | None = None,
    method: str | None = None,
    headers: HeadersInit = (),
    body: bytes | str | None = None,
    credentials: bool = False,
    cookies: Iterable[str] = (),
    set_cookies: Iterable[str] = (),
    mode: Mode = "cors",
    redirect: RedirectMode = "follow",
    read: Sequence[str] = (),
    protocols: Sequence[str] = (),
    preflight_only: bool = False,
    connect_to: Mapping[str, str] = MappingProxyType({}),
    verify: ssl.SSLContext | bool = True,
    timeout: float = _TIMEOUT,
    name: str = "the application",
    on_request: Callable[[int], None] = lambda _: None,
) -> Diagnosis:
    """
    Play a browser against *target*, and return a Diagnosis with all faults of the fetch at once.

    *target* is a URL, or an application: the object, or its name `module:attribute`. *page* is the origin or the URL of
    the page that sends the request, or `null`. Without it, the most likely page is assumed and named. *url* is the URL
    to request, for an application. *cookies* are pairs `name=value` that the browser sends, also to other sites.
    *set_cookies* are lines of `Set-Cookie`. Both imply *credentials*. *read* are the response headers that the page
    reads.

    With a URL of `ws:` or `wss:`, the handshake of a WebSocket is played. It offers *protocols*. A page cannot choose
    anything else in a handshake, so leave out *method*, *headers*, *body*, *mode*, *redirect*, *read* and
    *preflight_only*.

    *connect_to*, *verify* and *timeout* (in seconds) are those of a LiveTransport. *timeout* is also for an
    application, which runs in a thread of its own. *name* is the name of an application in texts. *on_request* is
    called with the number of each request before it is sent. The requests are those that a browser sends. After a
    preflight that a browser would refuse, only GET, HEAD and OPTIONS are sent.

    Raises ValueError if the arguments do not describe a request, and LoadError if an application cannot be loaded.
    """
    application: Application | None = None
    if not isinstance(target, str):
        application = target
    elif names_object(target):
        application, name = load_application(target, timeout), target
    pairs = lines_of(headers)
    cookies, set_cookies = tuple(cookies), tuple(set_cookies)
    secrets = Secrets(confidential(pairs, [*cookies, *set_cookies]))
    _refuse_forbidden(pairs)
    try:
        where = asked_of_application(url, application) if application is not None else _checked_url(target, url)
        guarded = None if application is None else guard_of(name, application)
        asked, assumed = _asked(
            where,
            page,
            () if guarded is None else _listed(guarded, where),
            method=method or ("GET" if body is None else "POST"),
            headers=pairs,
            body=body,
            credentials="include" if credentials or cookies or set_cookies else "same-origin",
            mode=mode,
            redirect=redirect,
            cookies=(*(_cross_site_cookie(pair, where) for pair in cookies), *set_cookies),
            protocols=tuple(protocols),
        )
        asked = _checked_handshake(asked, can_be_said=not (read or preflight_only))
        with ExitStack() as stack:
            raised = stack.enter_context(Raised())
            if application is None:
                live = LiveTransport(verify=verify, timeout=timeout, body_timeout=_BODY_TIMEOUT, connect_to=connect_to)
                transport: Transport = stack.enter_context(live)
            else:
                patience = Patience(timeout, min(timeout, _BODY_TIMEOUT), apart=True)
                transport, problem = stack.enter_context(serving(application, patience))
                if problem:
                    assumed.append(
                        f"that the application runs, although its startup failed: {as_shown(without_password(problem))}"
                    )
            outcome = play(asked, transport, preflight_only=preflight_only, hide=secrets.hidden, on_request=on_request)
            # What follows is asked by us, and no page sees it.
            errors, broken = tuple(raised.errors) if application is not None else (), dict(raised.broken)
            compared = None if preflight_only or asked.is_handshake else compare(asked, outcome, transport)
            faults = (
                *with_stale(asked, compared, [*map(_with_trust, outcome.faults)]),
                *further_faults(asked, outcome, read, compared, secrets.hidden),
                *filter(None, [unreadable(outcome, broken if application is None else {}, secrets.hidden)]),
            )
    except ValueError as error:
        raise ValueError(without_password(secrets.hidden(str(error)))) from None
    if application is not None and url is None:
        assumed.insert(0, f"a request for {where} (change it with --url)")
    other_layer = "" if guarded is None else guarded.other_layer
    rows = [*checklist(asked, outcome, faults, secrets.hidden, compared, other_layer)]
    rows += repeated(compared)
    where = shown_url(asked.url)
    rows += strangers(
        compared,
        f"corsguard audit {shlex.quote(where)}"
        if application is None
        else f'corsguard.audit.audit("{where}", app=...)',
    )
    rows += _unused(connect_to, asked, outcome)
    if application is None and not connect_to:
        space = resolved_space(asked.url, asked.page_origin, _addresses(asked.url))
        rows += [] if space is None else [space]
    predecessor = None if guarded is not None or not faults else predecessor_of(application, name)
    rehearsal = _rehearsed(guarded, asked) if outcome.is_blocked else None
    inside = Inside(
        application=application,
        guarded=guarded,
        rehearsal=rehearsal,
        predecessor=predecessor,
        errors=errors,
        is_listed=any(one.response and shares(one.response, asked.page_origin) for one in outcome.exchanges),
    )
    rows += inside.rows()
    return Diagnosis(
        asked=asked,
        outcome=outcome,
        faults=tuple(map(inside.with_cause, faults) if application is not None else faults),
        rows=tuple(row._replace(text=secrets.hidden(row.text)) for row in rows),
        assumed=tuple(map(secrets.hidden, assumed)),
        rehearsal=rehearsal,
        beginning=_beginning(application, faults)
        if guarded is None and not (predecessor or is_inactive(application))
        else (),
        predecessor="" if predecessor is None else predecessor.advice,
        is_failing=bool(errors),
        secrets=secrets,
        secret_headers=SECRET_HEADERS | {name.lower() for name, _ in _confidential_headers(pairs)},
        connect_to=dict(connect_to),
    )


def _with_trust(fault: Fault) -> Fault:
    """
    Return *fault* with a note on how to continue if the user trusts the authority of the server's certificate.
    """
    if fault.failure is None or fault.failure.net_error != _UNKNOWN_AUTHORITY:
        return fault
    note = "If you trust the authority of the certificate, name it: --cacert FILE (from Python: verify=)."
    return replace(fault, notes=(*fault.notes, note))


def asked_of_application(url: str | None, application: Application | None = None) -> str:
    """
    Return *url* as the complete URL of a request to *application*, with a default host that it serves if *url* has
    none. Raises ValueError.
    """
    base = url_of(_APPLICATION_URL)
    if base is not None and (served := host_refused(application, base.host)):
        base = url_of(f"https://{served}/")
    whole = url_of(url or "", base)
    if whole is None:
        raise ValueError(f"Expected a URL, such as {_APPLICATION_URL}items, got {url!r}.")
    return whole.href


def _checked_url(target: object, url: str | None) -> str:
    """
    Return *target*. Raises ValueError if it is not a URL, and if *url* is given and different.
    """
    if not isinstance(target, str) or url_of(target) is None:
        raise ValueError(f"Expected a URL, an application or its name (module:app), got target={target!r}.")
    if url is not None:
        raise ValueError(f"Expected no url next to a target that is a URL, got url={url!r}.")
    return target


def _refuse_forbidden(headers: Iterable[Header]) -> None:
    """
    Raise ValueError if one of the *headers* is one that only the browser sets: it would be left out, and the answer
    would be that to another request.
    """
    for name in (name.lower() for name, _ in headers if is_forbidden_request_header(name)):
        instead = next((instead for start, instead in _INSTEAD.items() if name.startswith(start)), "leave it out")
        raise ValueError(
            f"A page cannot set the request header {as_shown(name.title())}, only the browser does: {instead}."
        )


def confidential(headers: Iterable[Header], cookies: Iterable[str] = ()) -> Iterator[str]:
    """
    Yield what must not be shown of a page's *headers* and *cookies*, in every form.
    """
    pairs = [("Cookie", cookie.partition(";")[0]) for cookie in cookies]
    return secrets_of([*_confidential_headers(headers), *pairs])


def _confidential_headers(headers: Iterable[Header]) -> list[Header]:
    return [(name, value) for name, value in headers if name.lower() not in PUBLIC_HEADERS]


def _asked(
    url: str,
    page: str | None,
    listed: Sequence[str],
    **more: Any,  # noqa: ANN401 - what a Fetch takes
) -> tuple[Fetch, list[str]]:
    """
    Return what the page asks for, and what was not said and therefore assumed; *listed* are pages that may ask.
    """
    if page is None:
        assumed = assumed_page(url, listed)
        why = ", which the policy lists" if assumed in listed else ""
        return Fetch(page=assumed, url=url, **more), [f"a page on {origin_of(assumed)}{why} (change it with --page)"]
    origin = page_named(page)
    return Fetch(page=assumed_page(url) if origin == NULL else origin, origin=origin, url=url, **more), []


def _listed(guarded: Guarded, url: str) -> tuple[str, ...]:
    """
    Return the origins that the policy of *url* lists one by one.
    """
    target = of_handshake(Url.parse(url))
    path = target.href.removeprefix(target.origin).partition("?")[0]
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "HTTP_HOST": target.origin.partition("://")[2],
    }
    policy = guarded.find(environ).policy
    patterns = policy.patterns if isinstance(policy, Policy) else ()
    return tuple(str(pattern) for pattern in patterns if "*" not in str(pattern))


def _checked_handshake(asked: Fetch, *, can_be_said: bool) -> Fetch:
    """
    Return *asked*, with credentials if it is a handshake, because every handshake has them. Raises ValueError if it
    has options that a page cannot choose.
    """
    if not asked.is_handshake:
        if asked.protocols:
            raise ValueError(f"Expected protocols with a URL of ws: or wss: only, got protocols={asked.protocols}.")
        return asked
    plain = Fetch(page=asked.page, url=asked.url)
    said = (asked.method, asked.headers, asked.body, asked.mode, asked.redirect)
    if said != (plain.method, plain.headers, plain.body, plain.mode, plain.redirect) or not can_be_said:
        raise ValueError(
            "Expected only cookies and protocols for a WebSocket, because a page cannot choose anything else in the "
            "handshake. Leave out method, headers, body, mode, redirect, read and preflight_only."
        )
    return replace(asked, credentials="include")


def _cross_site_cookie(pair: str, url: str) -> str:
    """
    Return the `Set-Cookie` line for the cookie *pair* with which it is also sent from other sites, as far as browsers
    allow it.
    """
    name, equals, value = pair.partition("=")
    if not name.strip() or not equals or ";" in value:
        # The value is a secret, so it is not in the message.
        more = [part.partition("=")[0].strip().lower() for part in value.split(";")[1:]]
        if more and not ATTRIBUTES.intersection(more):
            raise ValueError("Expected one cookie, got several: write --cookie (from Python: one of cookies) for each.")
        raise ValueError(
            'Expected a cookie name=value. A line with attributes, such as "a=1; Secure", is a Set-Cookie line.'
        )
    return f"{pair}{_ACROSS_SITES}" if is_trustworthy(of_handshake(Url.parse(url)).origin) else pair


def _unused(connect_to: Mapping[str, str], asked: Fetch, outcome: Outcome) -> Iterator[Row]:
    """
    Yield the row about the hosts in *connect_to* to which no request went.
    """
    urls = (asked.url, *(one.request.url for one in outcome.exchanges))
    unused = [host for host in connect_to if not any(named_in({host}, Url.parse(url)) for url in urls)]
    if unused:
        hosts = ", ".join(map(as_shown, unused[:MOST_NAMES]))
        yield Row("??", "connect-to", f"not used for {hosts}, because no request went there: is it spelt right?")


def _addresses(url: str) -> list[str]:
    target = url_of(url)
    if target is None:
        return []
    try:
        found = socket.getaddrinfo(target.host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for *_, address in found]


def _rehearsed(guarded: Guarded | None, asked: Fetch) -> Rehearsal | None:
    """
    Return what the policy of *guarded* says about a blocked request, if it refuses the request.
    """
    url = url_of(asked.url)
    if guarded is None or url is None or asked.mode != "cors":
        return None
    if asked.is_handshake:
        again = replace(asked, cookies=())
    else:
        path = url.href.removeprefix(url.origin)
        again = staged(
            asked.page_origin,
            path,
            asked.method,
            asked.headers,
            with_credentials=asked.with_credentials,
            host=guarded.host_in(url),
        )
    rehearsal = rehearse(guarded, again)
    return None if rehearsal.error is None else rehearsal


def _beginning(application: Application | None, faults: Sequence[Fault]) -> tuple[str, ...]:
    """
    Return the lines that an application of a known framework still needs, if it has no CORS yet.
    """
    form = framework_of(application) if application is not None and is_known(application) else None
    failure = faults[0].failure if faults else None
    if form is None or failure is None or failure.reason is not Reason.MISSING_ALLOW_ORIGIN:
        return ()
    fix = faults[0].fix
    return lines_for_tagged_views(application) or (tuple(replace(fix, form=form).begun()) if fix.policy else ())
