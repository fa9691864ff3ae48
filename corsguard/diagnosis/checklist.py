"""
The steps in which a person debugs, as a list: what is correct, what is wrong, and what does not matter here.

The model decides what is correct (its faults are given). This module shows the values. In addition to CORS, it checks
what the model does not: caches in between, headers that a page wants to read, cookies that are not sent.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from secrets import token_hex
from typing import Final, Literal, NamedTuple

from corsguard.browser import Exchange, Failure, Reason, Transport, Unreachable, WireResponse
from corsguard.browser.evidence import (
    LONGEST_READ,
    MOST_NAMES,
    FailureWords,
    as_shown,
    misspelt_for,
    url_of,
    without_password,
)
from corsguard.browser.exchanges import veiled
from corsguard.browser.headers import get, is_safelisted_method, seconds_of, values_of
from corsguard.browser.intermediaries import cache_seen
from corsguard.browser.preflights import DEFAULT_MAX_AGE
from corsguard.browser.reasons import OF_STATUS, REASONS, reasons_about
from corsguard.browser.urls import address_space, is_same_origin, is_same_site
from corsguard.fixes import Fix
from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    CHROMIUM_MAX_AGE,
    EXPOSE_HEADERS,
    FIREFOX_MAX_AGE,
    FORBIDDEN_RESPONSE_HEADERS,
    MAX_AGE,
    OWNED_PREFIX,
    SAFARI_MAX_AGE,
    SAFELISTED_RESPONSE_HEADERS,
)

from .playing import OPAQUE, Fault, Fetch, Outcome

# Correct, wrong, not important here, and not known.
Mark = Literal["ok", "NO", "--", "??"]

_LONGEST_MAX_AGES: Final = {"Chromium": CHROMIUM_MAX_AGE, "Firefox": FIREFOX_MAX_AGE, "Safari": SAFARI_MAX_AGE}

# Nobody owns this name (RFC 2606), so the server answers it like any unknown origin.
_STRANGER: Final = "https://stranger.example"

# Responses that the page cannot read, why, and what to write instead.
_OPAQUE: Final[Mapping[str, tuple[str, Fix]]] = {
    "opaque": (
        'the page fetched with mode: "no-cors", so it does not get the status, the headers or the body',
        Fix(words="No server can change that, and it is not a way around CORS.", page=('mode: "cors"',)),
    ),
    "opaqueredirect": (
        'the page fetched with redirect: "manual", so it learns that there is a redirect, but not where it leads',
        Fix(words="No server can change that.", page=('redirect: "follow"',)),
    ),
}

_THIRD_PARTY: Final = (
    "Safari and a new profile of Debian's Chromium block them, and Firefox keeps separate ones for each site"
)

# What statuses mean that end by themselves.
_PASSING: Final[Mapping[int, str]] = {
    429: "The server limits how often it is called. If a page fails only sometimes, this may be why",
    503: "The server restarts, or is overloaded. If a page fails only sometimes, this may be why",
}
_OF_PROXIES: Final = 407
_NO_COOKIES: Final = "none to send (--cookie)"
_NOBODY: Final = "a request without Origin"
_FIRST_REFUSAL: Final = 400

# What browsers join if it comes in several lines, and the reasons why they refuse two lines of anything else.
_LISTS: Final = frozenset(map(str.lower, (ALLOW_METHODS, ALLOW_HEADERS, EXPOSE_HEADERS)))
_OF_TWO_LAYERS: Final = frozenset({Reason.MULTIPLE_ALLOW_ORIGIN, Reason.ALLOW_CREDENTIALS_NOT_TRUE})
# The headers of a preflight's answer that are checked, and their names in the list.
_SHORT: Final = {ALLOW_ORIGIN: "Allow-Origin", ALLOW_METHODS: "Allow-Methods", ALLOW_HEADERS: "Allow-Headers"}


class Row(NamedTuple):
    """
    One line of the list; *is_part* is True if it belongs to the line before it.
    """

    mark: Mark
    name: str
    text: str
    is_part: bool = False

    def data(self) -> dict[str, str]:
        """
        Return the same as plain data.
        """
        return {"mark": self.mark, "name": self.name, "text": self.text}


def _request_of(outcome: Outcome) -> Exchange | None:
    return next((exchange for exchange in outcome.exchanges if not exchange.is_preflight), None)


class Compared(NamedTuple):
    """
    The answer to the page, to the same request of a page elsewhere, and without an origin; *fresh* is the answer past
    all caches, if a cache may be at fault.
    """

    own: WireResponse
    stranger: WireResponse
    nobody: WireResponse
    fresh: WireResponse | None

    @property
    def answers(self) -> dict[str, WireResponse]:
        """
        The answers, by who got them.
        """
        return {"this page": self.own, "a page elsewhere": self.stranger, _NOBODY: self.nobody}

    @property
    def alike(self) -> dict[str, WireResponse]:
        """
        Those with the status of the first one. Another status has a cause of its own: a limit, a restart.
        """
        return {who: answer for who, answer in self.answers.items() if answer.status == self.own.status}


def compare(asked: Fetch, outcome: Outcome, transport: Transport) -> Compared | None:
    """
    Send up to three more requests through *transport*, by GET or HEAD; None if there is nothing to compare.
    """
    exchange = _request_of(outcome)
    if exchange is None or exchange.response is None or exchange.request.method not in {"GET", "HEAD"}:
        return None
    if not values_of(exchange.request.headers, "Origin"):
        return None
    lines = tuple(line for line in exchange.request.headers if line[0].lower() != "origin")
    try:
        return Compared(
            exchange.response,
            transport(replace(exchange.request, headers=(*lines, ("Origin", _STRANGER)))),
            transport(replace(exchange.request, headers=lines)),
            transport(replace(exchange.request, url=_fresh(exchange.request.url)))
            if cache_seen(exchange.response.headers) and not shares(exchange.response, asked.page_origin)
            else None,
        )
    except Unreachable:
        return None


def _fresh(url: str) -> str:
    """
    Return *url* with a query that was never used before, so that no cache has an answer.
    """
    return f"{url}{'&' if '?' in url else '?'}cg={token_hex(4)}"


def shares(answer: WireResponse, origin: str) -> bool:
    """
    Whether *answer* names *origin*, or everyone.
    """
    return get(answer.headers, ALLOW_ORIGIN) in {origin, "*"}


def with_stale(asked: Fetch, compared: Compared | None, faults: Sequence[Fault]) -> Iterator[Fault]:
    """
    Yield *faults*, after the fault of a cache that hides from the page an answer that the server itself shares with it.
    The answer of the cache needs the same change, and no list does.
    """
    if compared is None or compared.fresh is None or not shares(compared.fresh, asked.page_origin):
        yield from faults
        return
    cache = Fault(
        code="cache",
        cause=f"A cache gave an answer that was not made for this page ({cache_seen(compared.own.headers)}): past the "
        "cache, the page may read.",
        fix=Fix(
            words="The same URL with a new query is shared with this page. Clear the cache, and send the line on every "
            "answer, also to other origins and without an Origin.",
            send=("Vary: Origin",),
        ),
    )
    yield cache
    for fault in faults:
        failure = fault.failure
        is_of_cache = failure is not None and not failure.is_preflight and failure.url == failure.first_url
        yield replace(fault, fix=cache.fix) if is_of_cache else fault


def strangers(compared: Compared | None, audit: str) -> Iterator[Row]:
    """
    Yield a row if any page may read; *audit* is the command or the call that says what that means.
    """
    if compared is not None and get(compared.stranger.headers, ALLOW_ORIGIN) == _STRANGER:
        how = " with the cookies of its user" if get(compared.stranger.headers, ALLOW_CREDENTIALS) == "true" else ""
        yield Row("??", "strangers", f"a page on {_STRANGER} may also read it{how}. To see what that means: {audit}")


def repeated(compared: Compared | None) -> Iterator[Row]:
    """
    Yield a row for each other status that the repeated request got: what makes the difference may be the cause.
    """
    if compared is None:
        return
    own = compared.own.status
    others: dict[int, list[str]] = {}
    for who, answer in compared.answers.items():
        if answer.status != own:
            others.setdefault(answer.status, []).append(who)
    for status, several in others.items():
        why = _PASSING.get(status, "")
        if status < _FIRST_REFUSAL <= own and _NOBODY in several:
            why = "The Origin makes the difference, so it may fail in a browser, and work in curl"
        text = f"this page got the status {own}, and {' and '.join(several)} got {status} a moment later"
        yield Row("??" if why else "--", "repeated", f"{text}. {why}" if why else text)


def further_faults(
    asked: Fetch, outcome: Outcome, read: Sequence[str], compared: Compared | None, hide: Callable[[str], str]
) -> Iterator[Fault]:
    """
    Yield the faults that the model does not find: caches, headers that cannot be read, cookies.
    """
    fault = None if compared is None else _cache(compared, hide)
    if fault is not None:
        yield fault
    if outcome.is_readable and outcome.response is not None and outcome.response.status == _OF_PROXIES:
        yield Fault(
            code="proxy_status",
            cause="The status is 407, which only a proxy of the browser may send: Chromium ends the request with "
            "net::ERR_UNEXPECTED_PROXY_AUTH.",
            fix=Fix(words="Let the server answer 401 or 403."),
        )
    if (fault := opaque(outcome)) is not None:
        yield fault
    else:
        yield from _unreadable(asked, outcome, read, hide)
    for note in outcome.console:
        if note.kind == "cookie" and asked.credentials == "include":
            yield Fault(
                code="cookie", cause=f"{hide(note.what)}.", fix=Fix(words=f"This is not CORS: {hide(note.change)}.")
            )


def opaque(outcome: Outcome) -> Fault | None:
    """
    Return the fault that the page asked for an answer that it cannot read, in any case; None if it did not.
    """
    if outcome.response is None or outcome.response.type not in _OPAQUE:
        return None
    cause, fix = _OPAQUE[outcome.response.type]
    return Fault(code=OPAQUE, cause=f"The response is opaque: {cause}.", fix=fix)


def _cache(compared: Compared, hide: Callable[[str], str]) -> Fault | None:
    answers = compared.alike
    shared = {who: get(answer.headers, ALLOW_ORIGIN) for who, answer in answers.items()}
    careless = [who for who, answer in answers.items() if not _varies(answer) and not _is_unstored(answer)]
    if len(set(shared.values())) == 1 or not careless:
        return None
    said = ", ".join(f"{_value(hide, value)} to {who}" for who, value in shared.items())
    where = "every answer" if len(careless) == len(answers) else f"the answer to {' and to '.join(careless)}"
    return Fault(
        code="cache",
        cause=f"Access-Control-Allow-Origin depends on the Origin, but Vary: Origin is missing in {where}.",
        fix=Fix(
            words="A cache (the browser's own, a CDN) gives one page's answer to another, which is then blocked, but "
            f"only sometimes. The server sent {said}. Send Vary: Origin on every answer, also to other origins and "
            "without an Origin.",
            send=("Vary: Origin",),
        ),
        notes=('If it fails only sometimes, and never with "Disable cache" in DevTools, this is why.',),
    )


def _value(hide: Callable[[str], str], value: str | None) -> str:
    return "nothing" if value is None else as_shown(hide(value))


def _varies(answer: WireResponse) -> bool:
    names = (get(answer.headers, "Vary") or "")[:LONGEST_READ].lower()
    return not {"origin", "*"}.isdisjoint(name.strip() for name in names.split(","))


def _is_unstored(answer: WireResponse) -> bool:
    return "no-store" in (get(answer.headers, "Cache-Control") or "")[:LONGEST_READ].lower()


def _unreadable(asked: Fetch, outcome: Outcome, read: Sequence[str], hide: Callable[[str], str]) -> Iterator[Fault]:
    if outcome.response is None:
        return
    final = outcome.exchanges[-1].response
    for name in read:
        if name in outcome.response.headers:
            continue
        if name.lower() in FORBIDDEN_RESPONSE_HEADERS:
            cause = "no page may read this header, whatever is exposed."
            fix = Fix(words="Send this information in the body.")
        else:
            headers = () if final is None else final.headers
            listed = [item.strip() for item in (get(headers, EXPOSE_HEADERS) or "")[:LONGEST_READ].split(",")]
            names = [*[as_shown(hide(item)) for item in listed if item not in {"", "*"}][:MOST_NAMES], name]
            cause = "it is not exposed, so the page gets null instead."
            words = "Expose it, on the response itself and not on the preflight's."
            if "*" in listed and asked.with_credentials:
                words = "* never counts with credentials: list the names."
            fix = Fix(
                words=f"{misspelt_for(EXPOSE_HEADERS, headers)} {words}".lstrip(),
                send=(f"{EXPOSE_HEADERS}: {', '.join(names)}",),
                policy={"expose_headers": names},
            )
            if not values_of(headers, name):
                is_known = "*" in listed or name.lower() in {*map(str.lower, listed), *SAFELISTED_RESPONSE_HEADERS}
                cause, absent = "the response does not have it.", Fix(words="Let the server send it.")
                fix = absent if is_known else replace(fix, words=f"{absent.words} And expose it.")
                fix = replace(fix, send=(f"{name}: ...", *fix.send))
        yield Fault(code="not_exposed", cause=f"{name} cannot be read: {cause}", fix=fix)


def checklist(  # noqa: PLR0913, PLR0917 - what is known about a fetch
    asked: Fetch,
    outcome: Outcome,
    faults: Sequence[Fault],
    hide: Callable[[str], str],
    compared: Compared | None = None,
    other_layer: str = "",
) -> Iterator[Row]:
    """
    Yield the rows, in the order in which a person checks; *faults* are all faults, and *other_layer* is a library that
    shares next to the guard of an application.
    """
    wrong = _Wrong(faults)
    # Secrets are removed before anything is shortened.
    outcome = replace(outcome, exchanges=[veiled(exchange, hide) for exchange in outcome.exchanges])
    preflight, request = (wrong.or_last(outcome, is_preflight=is_preflight) for is_preflight in (True, False))
    yield _reached(asked, outcome, wrong)
    if not outcome.exchanges:
        return
    if asked.is_handshake:
        yield from _handshake_rows(outcome.exchanges[-1], wrong)
        yield from _cookies(asked, outcome, wrong)
        yield from _networks(outcome)
        return
    if is_same_origin(asked.page_origin, asked.server_origin):
        yield Row("--", "CORS", "the page's own origin: nothing has to be shared")
    yield _needed(asked, outcome, preflight)
    if preflight is not None and preflight.response is not None:
        yield from _preflight_rows(preflight, preflight.response, wrong)
    if request is not None and request.response is not None:
        yield from _request_rows(outcome, request, request.response, wrong)
    elif outcome.unseen:
        yield Row("--", "response", "not checked")
    yield _credentials(asked, outcome, wrong)
    yield from _layers(outcome, other_layer, wrong)
    yield from _vary(_request_of(outcome), wrong, compared)
    yield from _cookies(asked, outcome, wrong)
    yield from _networks(outcome)


class _Wrong:
    """
    The *failures* that the model found, and the *codes* of all faults. Each hop of a redirect has its own.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.codes = {fault.code for fault in faults}
        self.failures = [fault.failure for fault in faults if fault.failure is not None]
        self.everything = {failure.reason for failure in self.failures}

    def about(self, exchange: Exchange) -> set[Reason]:
        """
        Return the reasons why the answer of *exchange* is refused.
        """
        return {failure.reason for failure in self.failures if _is_of(failure, exchange)}

    def or_last(self, outcome: Outcome, *, is_preflight: bool) -> Exchange | None:
        """
        Return the first preflight, or else request, whose answer is refused; if none is, the last one.
        """
        sent = [exchange for exchange in outcome.exchanges if exchange.is_preflight == is_preflight]
        return next(filter(self.about, sent), sent[-1] if sent else None)


def _is_of(failure: Failure, exchange: Exchange) -> bool:
    return (failure.is_preflight, failure.url) == (exchange.is_preflight, exchange.request.url)


def _mark(is_wrong: object) -> Mark:
    return "NO" if is_wrong else "ok"


def _reached(asked: Fetch, outcome: Outcome, wrong: _Wrong) -> Row:
    where = as_shown(asked.url)
    if not outcome.exchanges:
        return Row("NO" if wrong.everything else "--", "reachable", f"nothing was sent to {where}")
    first = outcome.exchanges[0].response
    server = None if first is None else get(first.headers, "Server")
    words = f" (Server: {as_shown(server)})" if server else ""
    is_silent = first is None or any(REASONS[reason].kind == "no response" for reason in wrong.everything)
    return Row(_mark(is_silent), "reachable", f"{where} {'did not answer' if is_silent else 'answers'}{words}")


def _at(outcome: Outcome, exchange: Exchange) -> str:
    """
    Return the URL of *exchange* if a redirect led there.
    """
    url = exchange.request.url
    return "" if url == outcome.exchanges[0].request.url else f" {as_shown(without_password(url))}"


def _needed(asked: Fetch, outcome: Outcome, preflight: Exchange | None) -> Row:
    why = [] if is_safelisted_method(asked.method) else [f"the method {as_shown(asked.method)}"]
    if preflight is None:
        return Row("--", "preflight", "not needed")
    asked_for = get(preflight.request.headers, "Access-Control-Request-Headers") or ""
    why += [f"the header {as_shown(name)}" for name in asked_for.split(",")[:MOST_NAMES] if name]
    at = _at(outcome, preflight)
    sent = f"sent{' to' * bool(at)}{at}, because of {' and '.join(why) or 'the page'}"
    is_answered = preflight.response is not None
    return Row(_mark(not is_answered), "preflight", sent if is_answered else f"{sent}, and not answered")


def _preflight_rows(exchange: Exchange, answer: WireResponse, wrong: _Wrong) -> Iterator[Row]:
    reasons, server = wrong.about(exchange), get(answer.headers, "Server")
    by = f", from {as_shown(server)}" if server and answer.status in {401, 403, 404, 405, 501} else ""
    is_bad = bool(reasons & OF_STATUS)
    yield Row(_mark(is_bad), "status", f"{answer.status}{by}", is_part=True)
    for name in _SHORT:
        value, wanted = get(answer.headers, name), reasons_about(name)
        is_needed = name == ALLOW_ORIGIN or _is_needed(exchange, name)
        mark: Mark = _mark(reasons & wanted) if is_needed or reasons & wanted else "--"
        yield Row(mark, _SHORT[name], _shown(value), is_part=True)
    yield _max_age(answer)


def _is_needed(exchange: Exchange, name: str) -> bool:
    asked = exchange.request.headers
    if name == ALLOW_METHODS:
        return not is_safelisted_method(get(asked, "Access-Control-Request-Method") or "GET")
    return get(asked, "Access-Control-Request-Headers") is not None


def _shown(value: str | None) -> str:
    return "absent" if value is None else as_shown(value) or '""'


def _max_age(answer: WireResponse) -> Row:
    seconds = seconds_of(answer.headers, MAX_AGE)
    if seconds is None:
        what = "absent" if get(answer.headers, MAX_AGE) is None else "not a number"
        return Row(
            "--", "Max-Age", f"{what}: browsers send the preflight again after {DEFAULT_MAX_AGE} s", is_part=True
        )
    caps = [f"{name} keeps it {cap} s at most" for name, cap in _LONGEST_MAX_AGES.items() if seconds > cap]
    return Row("--", "Max-Age", f"{seconds} s" + (f"; {', '.join(caps)}" if caps else ""), is_part=True)


def _request_rows(outcome: Outcome, exchange: Exchange, answer: WireResponse, wrong: _Wrong) -> Iterator[Row]:
    refused = 400 <= answer.status <= 599
    asked = f"{exchange.request.method}{_at(outcome, exchange)}"
    yield Row("--" if refused else "ok", "response", f"{asked} is answered with {answer.status}")
    value = get(answer.headers, ALLOW_ORIGIN)
    if values_of(exchange.request.headers, "Origin"):
        mark = _mark(wrong.about(exchange) & reasons_about(ALLOW_ORIGIN))
        yield Row(mark, _SHORT[ALLOW_ORIGIN], _shown(value), is_part=True)


def _handshake_rows(exchange: Exchange, wrong: _Wrong) -> Iterator[Row]:
    yield Row("--", "CORS", "a WebSocket has no preflight, and CORS headers do not count")
    yield Row("--", "Origin", f"{_shown(get(exchange.request.headers, 'Origin'))}: a server may decide by this header")
    answer = exchange.response
    if answer is None:
        return
    yield Row(_mark(Reason.HANDSHAKE_REFUSED in wrong.everything), "status", str(answer.status))
    if answer.status == 101:
        faulty = next((FailureWords(failure)["field_fault"] for failure in wrong.failures), None)
        is_right = "Upgrade, Connection, Sec-WebSocket-Accept and the subprotocol are correct"
        yield Row(_mark(faulty), "answer", faulty or is_right)


def _networks(outcome: Outcome) -> Iterator[Row]:
    yield from (
        Row("--", "network", as_shown(note, LONGEST_READ)) for note in outcome.console if note.kind == "network"
    )


def _credentials(asked: Fetch, outcome: Outcome, wrong: _Wrong) -> Row:
    if asked.credentials != "include":
        return Row("--", "credentials", "not asked for (--credentials)")
    values = [
        get(exchange.response.headers, ALLOW_CREDENTIALS)
        for exchange in outcome.exchanges
        if exchange.response is not None
    ]
    if not values:
        return Row("--", "credentials", "no response says whether they are allowed")
    # The preflight and the request after it usually have the same value, and "true, true" would look like two layers.
    said = dict.fromkeys("absent" if value is None else as_shown(value) for value in values)
    text = f"{ALLOW_CREDENTIALS}: {', '.join(said)}"
    return Row(_mark(Reason.ALLOW_CREDENTIALS_NOT_TRUE in wrong.everything), "credentials", text)


def _layers(outcome: Outcome, other_layer: str, wrong: _Wrong) -> Iterator[Row]:
    twice: dict[str, None] = {}
    for exchange in outcome.exchanges:
        names = [name.lower() for name, _ in exchange.response.headers] if exchange.response else []
        twice |= {name: None for name in names if name.startswith(OWNED_PREFIX) and names.count(name) > 1}
    lists, single = (
        ", ".join(as_shown(name) for name in [*twice][:MOST_NAMES] if (name in _LISTS) is is_list)
        for is_list in (True, False)
    )
    if single:
        text = f"{single} came twice, most likely from two layers: remove it from all except one"
        yield Row("NO" if wrong.everything & _OF_TWO_LAYERS else "??", "one layer", text)
    elif other_layer:
        yield Row("NO", "one layer", f"{other_layer} is there, too: the guard replaces what it sets, so remove it")
    elif lists:
        # RFC 9110, 5.3, and Fetch, "extract header list values".
        yield Row("--", "one layer", f"{lists} came in several lines, which browsers join to one list")
    elif any(exchange.response for exchange in outcome.exchanges):
        yield Row("ok", "one layer", "no CORS header came twice")


def _vary(request: Exchange | None, wrong: _Wrong, compared: Compared | None) -> Iterator[Row]:
    if request is None or request.response is None or not values_of(request.request.headers, "Origin"):
        return
    value = get(request.response.headers, "Vary")
    text = "absent" if value is None else as_shown(value)
    if "cache" in wrong.codes:
        yield Row("NO", "Vary", text)
    elif "origin" in (value or "").lower() or get(request.response.headers, ALLOW_ORIGIN) == "*":
        yield Row("ok", "Vary", text)
    else:
        # A cache stores only what there is to keep.
        is_compared = compared is not None and len(compared.alike) > 1 and get(request.response.headers, ALLOW_ORIGIN)
        yield Row("ok", "Vary", text) if is_compared else Row("--", "Vary", f"{text}; not compared")


def _cookies(asked: Fetch, outcome: Outcome, wrong: _Wrong) -> Iterator[Row]:
    if asked.credentials != "include":
        return
    if "cookie" in wrong.codes:
        yield Row("NO", "cookies", "some are not sent or are refused, see above")
    elif any(exchange.with_credentials for exchange in outcome.exchanges):
        near = is_same_site(asked.page_origin, asked.server_origin)
        text = "sent" if near else f"sent by a browser that lets third-party cookies pass; {_THIRD_PARTY}"
        yield Row("ok" if near else "??", "cookies", text)
    else:
        text = "not sent: the request itself was not, and a preflight carries none" if asked.cookies else _NO_COOKIES
        yield Row("--", "cookies", text)


def resolved_space(url: str, page_origin: str, addresses: Iterable[str]) -> Row | None:
    """
    Return the row about a public page that requests a server with a public name and a private address.
    """
    target, page = url_of(url), url_of(page_origin)
    if target is None or page is None or address_space(target.host) != "public" or address_space(page.host) != "public":
        return None
    inner = next((address for address in addresses if address_space(address) != "public"), None)
    if inner is None:
        return None
    return Row(
        "--",
        "network",
        f"{as_shown(target.host)} is at {inner}: a page from a public network needs the user's permission for it "
        "(Local Network Access, Chromium 142 and later), which no header can give",
    )
