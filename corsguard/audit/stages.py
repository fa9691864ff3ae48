"""
The requests of an audit, the most important first: strangers, then relatives of trusted origins, then other conditions.

A stage sends requests, and passes the answers to the signs of the rules about them. It does not judge: it only chooses
the next requests.
"""

import re
from collections.abc import Callable, Collection
from itertools import product
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from corsguard.browser.evidence import REDIRECTS
from corsguard.browser.headers import is_forbidden_header, unsafe_names
from corsguard.browser.urls import is_schemelessly_same_site, is_trustworthy
from corsguard.browser.wire import Header
from corsguard.names import ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN
from corsguard.origin import NULL, Origin
from corsguard.suffixes import owned_name

from .answers import Answer, PageFetch, target_of
from .bounded_client import PLAIN, with_query
from .probes import Probe, imitation, joined_name, lax, relatives, special, strangers, usual
from .session import Session
from .severity import EVERY_BROWSER, NO_BROWSER, Reach, Severity
from .signs import is_from_cache, is_slow

# The parts that only run if the user asks for them.
Permission = Literal["active"]

# The rules of one line all check the same answers.
OF_A_RESPONSE: Final = ("CG-B001", "CG-B002", "CG-B003", "CG-B006", "CG-B007")
OF_UNREADABLE: Final = ("CG-B004", "CG-B005")
OF_ALLOWED_NAMES: Final = ("CG-P001", "CG-P007")
OF_VARY: Final = ("CG-V001", "CG-V002")
OF_NEIGHBOURS_OF_CORS: Final = ("CG-I002", "CG-I006", "CG-I007")

_MOST_CANDIDATES: Final = 6
# So many are enough: if all the usual origins are trusted, the same comparison allows them.
_MOST_USUAL: Final = 2
_CLOSEST: Final = 12
_MOST_REGISTERED: Final = 6
_MOST_THIRD_PARTIES: Final = 4
_MOST_FAILED: Final = 4
_FAILS_ALWAYS: Final = 4

_PRIVATE_NETWORK: Final = ("Access-Control-Request-Private-Network", "true")
# The methods whose preflights a route may answer in its own way; the other preflights are for PUT.
_CHANGING: Final = ("DELETE", "PATCH", "POST")
# Where servers behind a proxy read their own name (RFC 7239: `Forwarded`), and what else they believe of a proxy.
_NAMING_HOSTS: Final = {
    "X-Forwarded-Host": "{}",
    "Forwarded": "host={}",
    "X-Original-Host": "{}",
    "X-Host": "{}",
    "X-Forwarded-Server": "{}",
    "X-HTTP-Host-Override": "{}",
}
_OF_PROXIES: Final = (
    *_NAMING_HOSTS,
    *"X-Forwarded-For X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Prefix X-Real-IP X-Client-IP".split(),
    *"True-Client-IP CF-Connecting-IP X-Original-URL X-Rewrite-URL".split(),
)
# CSP 3, 2.3.1: a host may have no scheme, which then is the one of the page. A word without a dot may be a directive.
_CSP_SOURCE: Final = re.compile(
    r"(?<![^\s;,])(?:https?://[a-z0-9._:-]+|[a-z0-9-]+(?:\.[a-z0-9-]+)+(?=[\s;,/:]|$)(?::\d{1,5})?)", re.IGNORECASE
)
_POLICIES: Final = "Content-Security-Policy", "Content-Security-Policy-Report-Only"

# `[` makes many URL parsers raise, and a port that is not a number others. No origin is so long or has such bytes.
_MALFORMED: Final = (
    "https://[",
    "https://a.example:b",
    "https://\xe9\xff.example",
    f"https://{'a' * 5000}.example",
)
# Python's servers leave one or the other of these in a header's value.
_LINE_ENDS: Final = {"A line feed": "\n", "A carriage return": "\r", "A folded line": "\r\n "}
_COMMAS: Final = "," * 4096
# The most common names of JSONP's parameter, and all other common names. Some servers refuse these together, and some
# want a second parameter, such as those of Google's services, of Solr and of OData.
_CALLBACKS: Final = (
    (("callback",), ""),
    (
        "jsonp cb jsonpCallback jsoncallback jsonp_callback json_callback _callback func jcb json.wrf callback".split(),
        "&format=jsonp&alt=json-in-script&wt=json",
    ),
    # Other common meanings of these, other spellings, or names that few servers know: OData has `$callback`, and a
    # plug-in of jQuery `_jqjsp`.
    (
        "fn method cbk successCallback _jsonp $callback jsonpcallback jsonCallback jsonp_cb jsonpcb _cb cbfunc "
        "callbackName callback_name callbackFunction jscallback _jqjsp".split(),
        "&$format=json",
    ),
)
# What a form of any page sends, and what a script sends with `mode: "no-cors"`: JSON with a Content-Type that needs no
# preflight.
_FORGED: Final = (
    ("application/x-www-form-urlencoded", "navigate", "document", b"corsguard=1"),
    ("text/plain;charset=UTF-8", "no-cors", "empty", b'{"corsguard": 1}'),
)
# What browsers send for a document, and for an EventSource.
_OF_A_DOCUMENT: Final = "text/html,application/xhtml+xml,application/xml;q=0.9,text/event-stream,*/*;q=0.8"
_OF_A_PHONE: Final = "Mozilla/5.0 (iPhone; Android) Mobile (corsguard)"
# A page needs no permission for what browsers send by themselves.
_OF_BROWSERS: Final = frozenset({"user-agent", "cache-control"})
# RFC 9110, 15.5.22: a server's status for a plain GET if it requires another protocol.
_UPGRADE_REQUIRED: Final = 426


def _ask_strangers(session: Session) -> None:
    first_origin, second_origin = session.strangers
    # The first request goes past all caches, which may have the response to an earlier visitor.
    first = session.client.ask(PageFetch(session.client.fresh(session.url), first_origin))
    session.foreign = first
    second = session.get(second_origin)
    if first.lets_in and not second.lets_in:
        second = session.again_past_cache(second)
    for origin, answer in (first_origin, first), (second_origin, second):
        if session.observed.let_in(Probe("CG-A001", Reach.ANYONE, origin, "any origin is reflected"), answer):
            session.reflects = True
            session.trust(origin)
    session.look(OF_A_RESPONSE, first)
    if first.is_open_to_all and first.is_of_resource:
        session.observed.note(f"{ALLOW_ORIGIN}: * lets every page read the response, without credentials.")
    if session.is_internal:
        session.look(["CG-A010"], first)
    rule = "CG-A001" if session.reflects else "CG-A002"
    session.try_each([Probe(rule, Reach.ANYONE, NULL, "null is trusted")])


def _ask_candidates(session: Session) -> None:
    """
    Find out which origins the server trusts: those that should be trusted, its own, and those that its policies name.
    """
    own = session.client.origin
    for origin in session.meant.samples():
        answer = session.get(origin)
        if not answer.shares(with_credentials=False):
            answer = session.again_past_cache(answer)
        if session.lets_in(origin):
            session.trust(origin)
        elif session.is_judged and answer.is_told and not answer.shares(with_credentials=False):
            why = ", most likely because a cache has stored the response to another origin" * is_from_cache(answer)
            session.observed.note(f"{{}} should be trusted, but may not read{why}.", origin)
        session.candidates.append(origin)
        session.look((*OF_A_RESPONSE, *OF_UNREADABLE), answer)
    session.candidates.append(own)
    if session.names(own):
        session.trust(own)
    _ask_usual(session)
    _note_redirect(session)
    if not session.reflects:
        _ask_third_parties(session)
    told = session.foreign.get(ALLOW_ORIGIN)
    for answer in session.client.answers_at(session.url):
        # Guessed origins that get something else than strangers.
        is_guessed = answer.fetch.origin not in {None, NULL, own, *session.strangers, *session.meant.samples()}
        if is_guessed and answer.get(ALLOW_ORIGIN) != told:
            session.look((*OF_A_RESPONSE, *OF_UNREADABLE), answer)
    # What strangers get, and requests without an origin, matters less if the own pages may read.
    reader = None if session.trusted in {None, own} else session.get(session.trusted or own)
    session.look(OF_UNREADABLE, session.foreign, reader)
    session.look(OF_UNREADABLE, session.base, reader)


def _note_redirect(session: Session) -> None:
    trusted, url = session.trusted, session.first_url
    if trusted is None or trusted == session.client.origin or url == session.url:
        return
    # Fetch, "HTTP fetch": the CORS check comes before a redirect is followed.
    redirect = session.get(trusted, url=url)
    if redirect.status in REDIRECTS and not redirect.grants_origin(with_credentials=False):
        text = "{} may not read {}: browsers do not follow its redirect, which does not allow that origin."
        session.observed.note(text, trusted, url)


def _ask_usual(session: Session) -> None:
    """
    If the user has not said which origins should be trusted, try the usual ones.
    """
    if session.reflects or session.meant.samples():
        return
    origins = usual(session.client.origin)
    trusted = [origin for origin in origins if session.lets_in(origin)]
    for origin in trusted:
        session.trust(origin)
    session.candidates[:0] = trusted[:_MOST_USUAL]
    # A name that tenants often have.
    session.try_each(
        Probe(
            "CG-A012",
            Reach.NEIGHBOUR,
            origin.replace("://app.", f"://{session.label}.app."),
            "every subdomain is trusted",
        )
        for origin in origins
        if "://app." in origin
    )
    own = session.client.origin
    trusted += [own] if session.names(own) else []
    is_by_name = any(session.get(origin).is_open_to_all for origin in origins)
    session.observed.note(
        "Without --origin, only these origins, and names that a wrong comparison accepts as one of them, were tried: "
        "{}. The server allows {}. With --origin, the same is tried for that origin.",
        ", ".join((own, *origins)),
        ", ".join(trusted) or f"none of these origins{' by name' if is_by_name else ''}",
    )


def _ask_third_parties(session: Session) -> None:
    own = session.client.origin
    named = [source for name in _POLICIES for source in _CSP_SOURCE.findall(session.base.get(name) or "")]
    scheme = urlsplit(own).scheme
    origins = dict.fromkeys((text if "://" in text else f"{scheme}://{text}").lower().rstrip(":") for text in named)
    third = [text for text in origins if Origin.parse(text) is not None and not session.meant.covers(text)]
    for origin in [text for text in third if text != own][:_MOST_THIRD_PARTIES]:
        answer = session.get(origin)
        if session.lets_in(origin):
            session.candidates.append(origin)
            session.trust(origin)
        if not is_schemelessly_same_site(origin, own):
            session.observed.let_in(Probe("CG-A021", Reach.NEIGHBOUR, origin, "a third party is trusted"), answer)


def _ask_closest(session: Session) -> None:
    # The relatives of trusted origins matter, and perhaps those of the resource's own origin.
    candidates = dict.fromkeys(session.candidates[:_MOST_CANDIDATES])
    known = [(origin, session.names(origin)) for origin in candidates]
    # Without https, an http origin reads nothing that https protects.
    is_protected = urlsplit(session.url).scheme == "https"
    similar = relatives(sorted(known, key=_is_refused), session.meant)
    session.relatives = [probe for probe in similar if is_protected or probe.rule != "CG-A011"]
    session.try_each(session.relatives[:_CLOSEST])
    registered = [probe for probe in _others(session) if probe.reach is Reach.REGISTRANT]
    session.try_each(registered[:_MOST_REGISTERED])


def _is_refused(candidate: tuple[str, bool]) -> bool:
    return not candidate[1]


def _ask_preflights(session: Session) -> None:
    stranger, header = session.strangers[0], f"x-{session.label}"
    foreign = session.preflight(stranger, names=("authorization", header), more=(_PRIVATE_NETWORK,))
    session.look(["CG-P006"], foreign, session.strangers)
    session.look(["CG-B001"], foreign)
    _look_at_pair(session, foreign, session.get(stranger))
    if not session.reflects:
        _ask_preflights_of_others(session, header)
    trusted = session.asking
    if trusted is None:
        return
    answer = session.get(trusted)
    plain = session.preflight(trusted, method="GET", is_upload=True)
    is_moved = session.url != session.first_url
    first = session.preflight(trusted, url=session.first_url) if is_moved else plain
    session.look(["CG-P004"], first, answer)
    _note_refused(session, first, answer)
    # If any origin is allowed, no other trusted one is asked about.
    for other in [] if session.reflects else session.meant.samples():
        if other not in {trusted, session.client.origin}:
            preflight = session.preflight(other, url=session.first_url, method="GET", is_upload=True)
            _note_refused(session, preflight, session.get(other))
    listed = session.preflight(trusted, names=("authorization", header), more=(_PRIVATE_NETWORK,))
    _look_at_pair(session, listed, answer)
    session.look(["CG-P006"], listed, session.strangers)
    named = session.preflight(trusted, method="GET", names=(header,))
    invented = session.preflight(trusted, method=f"X{session.label.upper()}")
    session.look(OF_ALLOWED_NAMES, named)
    session.look(["CG-P002"], invented)
    session.look(["CG-P005"], listed)
    session.look(["CG-P008"], session.client.plain(plain), session.client.plain(session.base))
    _note_listed(session, listed)
    session.look(["CG-V004"], listed, answer)
    if is_from_cache(listed):
        later = session.preflight(session.strangers[1], names=("authorization", header))
        session.look(["CG-V004"], later, None, foreign)
    # Each asks for something else than those before it. What comes from a cache for a header or a method that nobody
    # has does so for others, too.
    stored = [one for one in (listed, named) if is_from_cache(one)]
    if is_from_cache(named):
        stored.append(session.preflight(trusted, method="GET", names=("authorization", "content-type")))
    if is_from_cache(invented):
        stored.append(session.preflight(trusted))
    for one in stored:
        if session.look(["CG-V004"], one, None, None, session.client.again(one)):
            return


def _note_refused(session: Session, preflight: Answer, answer: Answer) -> None:
    is_refused = not preflight.has_bad_status and not preflight.grants_origin(with_credentials=False)
    if preflight.is_told and is_refused and answer.lets_in and not session.reflects:
        text = "{} may read, but its preflight is refused, so its pages cannot send JSON, PUT, DELETE or Authorization."
        session.observed.note(text, answer.fetch.origin or "")


def _note_listed(session: Session, preflight: Answer) -> None:
    listed = [name for name in _OF_PROXIES if preflight.lists(ALLOW_HEADERS, name)]
    # What allows every header is a finding.
    if listed and preflight.grants_origin(with_credentials=False) and not preflight.shares(with_credentials=False):
        text = "Pages may send {}. Many servers believe that only a proxy sets that, so a proxy should replace it."
        session.observed.note(text, ", ".join(listed))
    methods = [name.strip() for name in (preflight.get(ALLOW_METHODS) or "").split(",")]
    # Fetch, "CORS-preflight fetch": the list is not normalized. A safelisted method needs no entry.
    unusable = [name for name in methods if name.upper() in {"PUT", "DELETE", "PATCH"} - {*methods}]
    if unusable and preflight.grants_origin(with_credentials=False):
        text = "A preflight allows {}, but methods are compared with upper and lower case, so no page can send {}."
        session.observed.note(text, ", ".join(unusable), ", ".join(map(str.upper, unusable)))


def _ask_preflights_of_others(session: Session, header: str) -> None:
    """
    Find an origin whose preflight is allowed, although its page may not read the response.
    """
    for origin, method in (*((session.strangers[0], method) for method in _CHANGING), (NULL, "PUT")):
        preflight = session.preflight(origin, method=method, names=(header,))
        if session.look(["CG-P003"], preflight, session.get(origin)):
            return
    similar = [probe for probe in session.relatives if probe.rule == "CG-A011"][:1]
    joined = joined_name(session.nearest)
    if joined is not None and session.preflight(joined).echoes and not session.lets_in(joined):
        # Which comparison it is, and who can use it.
        similar = session.relatives[:_CLOSEST] + similar
        similar.append(Probe("CG-P003", Reach.NEIGHBOUR, joined, "the beginning or the end is not compared"))
    for probe in similar:
        most = Severity.LOW if probe.reach is Reach.NEIGHBOUR else Severity.MEDIUM
        session.look(["CG-P003"], session.preflight(probe.origin), session.get(probe.origin), most)


def _look_at_pair(session: Session, preflight: Answer, answer: Answer) -> None:
    """
    Check a preflight and the response after it.
    """
    is_stored = is_from_cache(answer) and not answer.lets_in
    session.look(["CG-P003"], preflight, session.client.again(answer) if is_stored else answer)
    session.look(["CG-P009"], answer, preflight)
    session.look(["CG-P010"], preflight, answer, session.strangers)


def _ask_caches(session: Session) -> None:
    stranger, trusted = session.strangers[0], session.trusted
    session.look(["CG-V005"], session.get(stranger, more=(("Vary", f"x-{session.label}"),)))
    if trusted is None:
        return
    usually = session.get(trusted)
    readers = [session.get(origin) for origin in _other_readers(session, usually)]
    for url, method in ((session.url, "GET"), (session.missing, "GET"), (session.url, "HEAD")):
        allowed = session.get(trusted, url=url, method=method)
        others = [session.client.ask(PageFetch(url, None, method))]
        if not session.reflects:
            others.append(session.get(stranger, url=url, method=method))
        if allowed is usually:
            # Two of them may get different values, although all others get the value of one.
            others += readers
            for reader in readers:
                session.observed.look("CG-V001", reader, [*others, usually])
        for rule in OF_VARY:
            session.observed.look(rule, allowed, others, is_partial=allowed is not usually and usually.varies)
        if url == session.missing:
            session.look(["CG-P009"], allowed)


def _other_readers(session: Session, usually: Answer) -> list[str]:
    """
    Return other origins that may read. If strangers get the same value as the trusted origin, whose answer is
    *usually*, it may be the one for all that are not listed, so the usual origins are asked, too.
    """
    known = [*session.meant.samples(), *session.candidates]
    if not session.reflects and session.get(session.strangers[0]).get(ALLOW_ORIGIN) == usually.fetch.origin:
        known += usual(session.client.origin)
    others = [origin for origin in dict.fromkeys(known) if origin not in {usually.fetch.origin, session.client.origin}]
    return [origin for origin in others if session.names(origin)]


def _ask_relatives(session: Session) -> None:
    session.try_each(session.relatives[_CLOSEST:])


class Condition(NamedTuple):
    """
    What opens the resource to any origin if it is wrong: the request header *line*, or, if it has none, the URL or the
    method. *mistake* says it in words.
    """

    rule: str
    mistake: str
    line: Header | None = None


def _ask_conditions(session: Session) -> None:
    """
    Send requests of a stranger that the server may accept because of another header, a credential, the path or the
    method.
    """
    stranger = session.strangers[1]
    host = urlsplit(stranger).netloc
    named = with_query(session.url, f"origin={stranger}&domain={host}")
    _ask_host_names(session, stranger, host)
    visited = imitation(session.nearest, session.label) or stranger
    # Those that are asked together are each asked alone, if they are accepted.
    for origin, *conditions in (
        (stranger, Condition("CG-A019", "Authorization comes with the request", ("Authorization", "Bearer corsguard"))),
        (
            stranger,
            Condition("CG-A019", "Accept asks for HTML, XML or an event stream", ("Accept", _OF_A_DOCUMENT)),
            Condition("CG-A019", "User-Agent is the one of a phone", ("User-Agent", _OF_A_PHONE)),
        ),
        (
            stranger,
            Condition("CG-A019", "Accept is application/json", ("Accept", "application/json")),
            Condition("CG-A019", "Range asks for a part", ("Range", "bytes=0-9")),
            # Browsers send that if a page asks for `cache: "reload"`.
            Condition("CG-A019", "Cache-Control is no-cache", ("Cache-Control", "no-cache")),
        ),
        (
            visited,
            # A page has any path behind its origin, and browsers send it if the page agrees.
            Condition("CG-A018", "Referer names it, or a trusted origin", ("Referer", f"{visited}/{session.nearest}/")),
            Condition("CG-A019", "a cookie comes with the request", ("Cookie", "corsguard=1")),
            Condition("CG-A019", "X-Requested-With comes with the request", ("X-Requested-With", "XMLHttpRequest")),
        ),
    ):
        _ask_together(session, origin, conditions)
    for condition, url, method in (
        (Condition("CG-A018", "the query names it"), named, "GET"),
        (Condition("CG-A019", "the path is unknown"), session.missing, "GET"),
        (Condition("CG-A019", "the method is HEAD"), session.url, "HEAD"),
    ):
        _look_at_condition(session, condition, session.get(stranger, url=url, method=method))


def _ask_host_names(session: Session, stranger: str, host: str) -> None:
    """
    Name the *host* of a *stranger* in the headers of proxies. Such an answer must not get into a cache, so each request
    has its own query.
    """
    lines = [(name, form.format(host)) for name, form in _NAMING_HOSTS.items()]
    conditions = [Condition("CG-A018", f"{line[0]} names it", line) for line in lines]
    answer, asking = _ask_together(session, stranger, conditions, is_fresh=True), session.asking
    if asking is None or host.encode() not in session.client.plain(answer).response.body:
        return
    for line in lines:
        # The answer to a stranger may have its name for another reason.
        answer = session.get(asking, url=session.client.fresh(session.url), more=(line, PLAIN))
        is_shown = host.encode() in answer.response.body
        if is_shown and session.preflight(asking, method="GET", names=(line[0],)).shares(with_credentials=False):
            session.look(["CG-V006"], answer, host)


def _ask_together(
    session: Session, origin: str, conditions: Collection[Condition], *, is_fresh: bool = False
) -> Answer:
    """
    Send the lines of all *conditions*, and each one alone if they are accepted. Return the answer to all.
    """

    def ask(*lines: Header) -> Answer:
        return session.get(origin, url=session.client.fresh(session.url) if is_fresh else "", more=lines)

    lines = [one.line for one in conditions if one.line is not None]
    together = ask(*lines)
    # What is let in without the condition is another fault.
    if together.lets_in and not session.get(origin).lets_in:
        for condition, line in zip(conditions, lines, strict=True):
            _look_at_condition(session, condition, ask(line))
    return together


def _is_set_by_pages(name: str) -> bool:
    return name not in _OF_BROWSERS and not is_forbidden_header(name, "")


def _look_at_condition(session: Session, condition: Condition, answer: Answer) -> None:
    """
    Keep that *condition* opens the resource, if so. A page can use it only as far as a preflight lets it send the
    header. A response to HEAD has no body, and an error has no data.
    """
    if not answer.lets_in or answer.fetch.origin is None:
        return
    reach, browsers, most = Reach.ANYONE, EVERY_BROWSER, Severity.CRITICAL
    mistake = f"any origin is allowed if {condition.mistake}"
    is_other = answer.fetch.method == "POST" or answer.fetch.url.startswith(session.missing)
    is_error = answer.status >= 400 and is_other
    if answer.fetch.method == "HEAD" or is_error:
        most = Severity.LOW
    elif names := [name for name in unsafe_names(answer.fetch.more) if _is_set_by_pages(name)]:
        preflight = session.preflight(answer.fetch.origin, method="GET", names=tuple(names))
        if not preflight.shares(with_credentials=False):
            reach, browsers = Reach.NOBODY, NO_BROWSER
            mistake += ", but no preflight lets a page send that"
        elif not preflight.is_read_with_credentials:
            most = Severity.LOW
    probe = Probe(condition.rule, reach, answer.fetch.origin, mistake, browsers, most=most)
    session.observed.let_in(probe, answer)


def _ask_malformed(session: Session) -> None:
    for text in _MALFORMED:
        session.get(text)
    _look_at_failures(session)


def _look_at_failures(session: Session) -> None:
    """
    Find an origin, of all that were asked so far, that makes the server fail.
    """
    if session.base.status >= 500:
        return
    failed = [
        answer
        for answer in session.client.answers_at(session.url)
        if answer.status >= 500 and answer.is_told and answer.fetch == PageFetch(answer.fetch.url, answer.fetch.origin)
    ]
    for answer in failed[:_MOST_FAILED]:
        # Some servers fail from time to time, whatever they are asked.
        again = [answer]
        while again[-1].status >= 500 and len(again) < _FAILS_ALWAYS:
            again.append(session.client.again(answer))
        if again[-1].status >= 500:
            # If other requests still get answers, the origin is the cause.
            session.look(["CG-X002"], answer, again[-1], session.client.again(answer, session.observed.control))
            return


def _ask_others(session: Session) -> None:
    session.try_each(_others(session))


def _others(session: Session) -> list[Probe]:
    own = Origin.parse(session.client.origin)
    is_loopback = own is not None and own.is_loopback
    # Previews are often named after the site, or after a trusted origin.
    hosts = [Origin.parse(text) for text in (session.client.origin, session.nearest)]
    names = [owned_name(one.host).partition(".")[0] for one in hosts if one is not None]
    return strangers(session.label, is_loopback=is_loopback, meant=session.meant, names=filter(str.isalpha, names))


def _ask_next_to_cors(session: Session) -> None:
    client, label, stranger = session.client, session.label, session.strangers[0]
    answer = session.get(stranger)
    session.look(OF_NEIGHBOURS_OF_CORS, answer)
    session.look(["CG-I001"], answer, None if session.trusted is None else session.get(session.trusted))
    for names, more in _CALLBACKS:
        # A valid name for a function; a different one for each parameter, so that the response shows which one was
        # used.
        called = {name: f"c{label}{number}" for number, name in enumerate(names)}
        query = "&".join(f"{name}={value}" for name, value in called.items())
        url = with_query(session.url, f"{query}{more}")
        if session.look(["CG-E004"], client.ask(PageFetch(url, more=(PLAIN,))), called):
            break
    session.look(["CG-E005"], client.ask(PageFetch(f"{client.origin}/crossdomain.xml", more=(PLAIN,))))
    if session.base.status == _UPGRADE_REQUIRED or session.base.lists("Upgrade", "websocket"):
        session.observed.note("There is a WebSocket at this URL, which was not opened: audit {}.", session.socket_url)
    if session.is_internal:
        other = session.get(session.strangers[1], more=(("Host", f"{label}.com"),))
        session.look(["CG-E003"], other, session.base)


# Stages that need the user's agreement.


def _ask_actively(session: Session) -> None:
    _inject(session)
    _poison(session)
    _ask_slowly(session)


def _inject(session: Session) -> None:
    if session.raw is None:
        return
    header = f"x-{session.label}"
    # What is only compared with the first line is sent back for a trusted origin alone.
    for origin, (what, end) in product(dict.fromkeys((session.strangers[0], session.nearest)), _LINE_ENDS.items()):
        session.client.turn()
        sent_back = session.raw.names_sent_back(target_of(session.url), f"{origin}{end}{header}: 1")
        if session.look(["CG-X001"], session.get(origin), what, header, sent_back):
            return


def _poison(session: Session) -> None:
    """
    Fill a cache under a URL that nobody else uses, and check what it gives to others.
    """
    client, trusted = session.client, session.trusted
    if trusted is None:
        return
    # Some caches only distinguish whether there is an Origin.
    for first, second in ((trusted, None), (None, trusted), (session.strangers[0], trusted)):
        url = client.fresh(session.url)
        primed, served = client.ask(PageFetch(url, first)), client.ask(PageFetch(url, second))
        expected = client.ask(PageFetch(client.fresh(session.url), second))
        if session.look(["CG-V003"], served, primed, expected):
            return
    _ask_header_in_cache(session)


def _ask_header_in_cache(session: Session) -> None:
    header, mark, asking = f"x-{session.label}", f"mark{session.label}", session.asking
    if asking is None:
        return
    granted = session.preflight(asking, method="GET", names=(header,))
    if granted.shares(with_credentials=False):
        url = session.client.fresh(session.url)
        session.look(["CG-V006"], session.client.ask(PageFetch(url, asking, more=((header, mark), PLAIN))), mark)


def _ask_slowly(session: Session) -> None:
    origin = session.asking or session.strangers[0]
    short = session.preflight(origin, names=("x-a",))
    long = session.preflight(origin, more=(("Access-Control-Request-Headers", _COMMAS),))
    if is_slow(long, short):
        session.look(["CG-X003"], long, session.client.again(long), short)


def _post(session: Session) -> None:
    """
    Send one form and one JSON text as a page of another site can, without a preflight.
    """
    answers: list[Answer] = []
    for kind, mode, destination, body in _FORGED:
        fetched = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": destination}
        # Browsers send these headers only to trustworthy URLs.
        metadata = fetched.items() if is_trustworthy(session.client.origin) else ()
        more = (("Content-Type", kind), *metadata)
        answers.append(session.client.ask(PageFetch(session.url, session.strangers[0], "POST", more=more, body=body)))
        if not session.get(session.strangers[0]).lets_in:
            _look_at_condition(session, Condition("CG-A019", "the method is POST"), answers[-1])
    if not session.look(["CG-E001"], *answers):
        statuses = [str(answer.status) if answer.came else "no response" for answer in answers]
        session.observed.note("Neither forged post was carried out: the form got {}, the JSON text got {}.", *statuses)


# The stages for a WebSocket.


def _open_as_strangers(session: Session) -> None:
    for origin in session.strangers:
        probe = Probe("CG-E002", Reach.ANYONE, origin, "any origin is allowed")
        if session.observed.let_in(probe, session.get(origin)):
            session.reflects = True
            session.trust(origin)
    rule = "CG-E002" if session.reflects else "CG-E006"
    session.observed.let_in(Probe(rule, Reach.ANYONE, NULL, "null is trusted"), session.get(NULL))


def _open_as_candidates(session: Session) -> None:
    for origin in session.meant.samples():
        answer = session.get(origin)
        if answer.lets_in:
            session.trust(origin)
        elif answer.is_told:
            session.observed.note("{} should be trusted, but may not open the WebSocket.", origin)
        session.candidates.append(origin)
    own = session.client.origin
    session.candidates.append(own)
    if session.get(own).lets_in:
        session.trust(own)
    _ask_usual(session)
    if session.trusted is None and not session.base.lets_in:
        session.observed.note(
            "The WebSocket did not open without Origin (the answer was {}), and not for an origin that should be "
            "trusted. If it needs a cookie, a token or a subprotocol, add it as a header.",
            str(session.base.status),
        )


# The last stages.


def _ask_special(session: Session) -> None:
    longer = imitation(session.nearest, session.label)
    if longer is not None:
        # Some patterns for what follows demand one of the most common endings, as the special characters have it.
        session.try_each([Probe("CG-A003", Reach.REGISTRANT, longer, "the end is not compared")])
    if not session.observed.has_let_in("CG-A003"):
        session.try_each(special(session.nearest, session.label))


def _ask_lax(session: Session) -> None:
    # What everybody gets was not compared.
    constant = session.get(session.strangers[0]).get(ALLOW_ORIGIN)
    session.try_each(probe for probe in lax(session.nearest) if probe.origin != constant)
    _look_at_failures(session)


class Stage(NamedTuple):
    """
    A part of an audit. If *is_subsumed*, it cannot find more when any origin is allowed. *needs* names the permission
    that it needs, if any.
    """

    name: str
    ask: Callable[[Session], None]
    is_subsumed: bool = False
    needs: Permission | None = None


STAGES: Final = (
    Stage("strangers and null", _ask_strangers),
    Stage("who is trusted", _ask_candidates),
    Stage("the closest relatives of trusted origins", _ask_closest, is_subsumed=True),
    Stage("preflights", _ask_preflights),
    Stage("caches", _ask_caches),
    Stage("other relatives", _ask_relatives, is_subsumed=True),
    Stage("other conditions", _ask_conditions, is_subsumed=True),
    Stage("malformed origins", _ask_malformed),
    Stage("loopback, shared hosting, apps, playgrounds", _ask_others, is_subsumed=True),
    Stage("next to CORS", _ask_next_to_cors),
    Stage("injection, poisoned caches, long lists", _ask_actively, needs="active"),
    Stage("forged posts", _post, needs="active"),
    Stage("special characters", _ask_special, is_subsumed=True),
    Stage("what no browser sends", _ask_lax, is_subsumed=True),
)

# The stages if pages open a WebSocket at the URL.
HANDSHAKE_STAGES: Final = (
    Stage("strangers and null", _open_as_strangers),
    Stage("who is trusted", _open_as_candidates),
    Stage("the closest relatives of trusted origins", _ask_closest, is_subsumed=True),
    Stage("other relatives", _ask_relatives, is_subsumed=True),
    Stage("loopback, shared hosting, apps, playgrounds", _ask_others, is_subsumed=True),
    Stage("special characters", _ask_special, is_subsumed=True),
    Stage("what no browser sends", _ask_lax, is_subsumed=True),
)
