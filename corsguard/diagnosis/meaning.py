"""
The meaning of a console message: the cause, the fix, what to look at, and the command that finds out more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from corsguard.browser import Failure, Reason, origin_of
from corsguard.browser.advice import BEFORE_ANY_LAYER
from corsguard.browser.advice import fix as fix_of
from corsguard.browser.evidence import as_shown, is_led_to_login, is_redirected_to_login, status_of, url_of
from corsguard.browser.headers import normalize_method
from corsguard.browser.notes import OF_EXTENSIONS, is_of_extension, on_this_computer
from corsguard.browser.notes import notes as notes_on
from corsguard.browser.page import HeadersInit
from corsguard.browser.reasons import (
    CORS_CHECK,
    EXCEPTION,
    IN_ITS_TAB,
    OF_STATUS,
    OPTIONS_ROW,
    REASONS,
    REQUEST_ROW,
    SPELLING,
)
from corsguard.browser.report import cause
from corsguard.browser.urls import HTTP_SCHEMES, SOCKET_SCHEMES, Url, address_space, is_same_origin, is_trustworthy
from corsguard.fixes import Fix
from corsguard.origin import NULL
from corsguard.policies import PoliciesLike

from .asking import (
    LONGEST_URL,
    can_be_checked,
    command,
    is_without_host,
    placeholders,
    staged_of,
)
from .consoles import read
from .guarded import Guarded, guarded_by
from .heads import read_heads, without_other_headers
from .lookalike_fixes import fix_of_lookalike
from .lookalikes import LOOKALIKES
from .messages import OLD_MICROSOFT, OLD_WEBKIT, Known, Message, answered
from .named import is_same
from .pages import page_named
from .places import (
    ANY_ADDRESS,
    LOOK_IN_CODE,
    fix_at_place,
    has_no_application,
    look_at_place,
    must_request_another,
    one_server,
    responder_of,
)
from .playing import lines_of
from .rehearsal import Rehearsal, rehearse

# The engines whose consoles use the same words for a preflight's answer and for the response itself.
_ALIKE: Final = frozenset({"Firefox", "Safari", OLD_WEBKIT})
# The engines that use the same words for an absent Access-Control-Allow-Origin and for another origin in it.
_EITHER: Final = frozenset({"Safari", OLD_WEBKIT, OLD_MICROSOFT, "Edge up to 18", "jsdom", "Office", "TestCafe"})
# What is said of text that has an exchange in it.
_OF_EXCHANGES: Final = frozenset({"outside_browsers", "request_alone", "status"})
# Marks where a console, or a person, has shortened a URL, or hidden a part of its path.
_CUT: Final = re.compile(
    r"\.{3}|\*{3}|(?<=[^/]/)[^?#]*[{<]|<|%[A-Z_]{3,}%|\$\{?[A-Z_]{3,}|X{3}|(?<=[^:/]/)\S*?(?i:x{3}|redacted)|"
    r"\[(?:[^\[\]]* [^\[\]]*|(?i:redacted|removed|hidden|masked))\]|\b(?:my|your)-[\w-]{0,40}-here\b"
)
# What a template or a build replaces by a value.
_VARIABLE: Final = re.compile(r"%[A-Z_]{3,}%|\$\{?[A-Z_]{3,}\}?|(?:\$|\{)\{[\w.-]{1,60}\}+")
# Lines that do not say what failed, about what a server answered.
_ANSWERED: Final = frozenset("answered cut_off not_exposed orb preflight_cut_off service_worker unexplained".split())
# Lines that say what a browser noted, reported or will block later.
_NOTED: Final = frozenset("cookies_warned cors_used csp_noted csp_reported mixed_content_warned source_map".split())
# Lines about a page that reached a less public network.
_OF_NETWORKS: Final = frozenset(
    {"insecure_local_network", "less_public_network", "local_network_access", "private_network_access"}
)
_IN_SAFARI: Final = Fix(
    words="Not CORS: Safari lets a page of https request no plain http, not even from this computer. Let the server "
    "speak TLS with a certificate that this computer trusts, or use another browser."
)
_REDIRECTED_AWAY: Final = (
    "The page's own server redirects this request to another origin. If it does not have to (a wrong address in its "
    "settings, a proxy that does not follow redirects), let it answer itself: then no CORS is needed."
)
_IN_JSDOM: Final = Fix(
    words="The document of the test has no URL, so its origin is null. Give it one (Jest: testEnvironmentOptions.url), "
    "and let the server, or the mock, share with its origin."
)
_LOOK_IN_JSDOM: Final = (
    "the URL of the document in the test: does it have an origin that the server lists?",
    "the test: is it meant to reach a server at all, or does a mock answer?",
)


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """
    The meaning of one *message*, together with what the user says is *known*; *rehearsal* is the result of its request
    under a policy, if one was given.
    """

    message: Message
    known: Known
    rehearsal: Rehearsal | None = None

    @property
    def is_cors(self) -> bool:
        return self.message.is_cors

    @property
    def is_blocked(self) -> bool:
        """
        Whether something has failed.
        """
        return self.message.name not in _NOTED and not self.message.is_warning

    @property
    def is_about_layers(self) -> bool:
        """
        Whether the cause is the position of the CORS layer among other layers.
        """
        failure = self.message.failure
        is_elsewhere = failure is not None and (is_led_to_login(failure) or has_no_application(failure))
        return failure is not None and failure.reason in OF_STATUS and not is_elsewhere and bool(self.fix.send)

    @property
    def is_about_star(self) -> bool:
        """
        Whether a `*` is wrong, so that the new value takes its place.
        """
        failure = self.message.failure
        return failure is not None and failure.reason is Reason.WILDCARD_WITH_CREDENTIALS

    @property
    def is_about_two(self) -> bool:
        """
        Whether two layers send the same header, so that one of them has to stop.
        """
        failure = self.message.failure
        return failure is not None and failure.reason is Reason.MULTIPLE_ALLOW_ORIGIN

    @property
    def title(self) -> str:
        """
        The meaning, in one sentence.
        """
        message = self.message
        if message.failure is None:
            return LOOKALIKES[message.lookalike].title
        if message.is_warning:
            where = f" about {as_shown(message.url, LONGEST_URL)}" if message.is_named else ""
            return (
                f"Only a warning{where}, and nothing has failed yet: Access-Control-Allow-Headers: * does not cover "
                "the request header Authorization."
            )
        # Few lines name the method, and GET stands for a method that is not named.
        unnamed = (*message.assumed, "method") if message.method == "GET" else message.assumed
        told = cause(message.failure, unnamed)
        if message.engine in _EITHER and message.failure.reason is Reason.MISSING_ALLOW_ORIGIN:
            return f"{told.removesuffix('.')}, or one that names another origin."
        return told

    @property
    def subject(self) -> str:
        """
        The URL and the page that a message names, if its title does not say them; empty if it names none.
        """
        message = self.message
        if message.failure is not None:
            return ""
        url = as_shown(message.url, LONGEST_URL) if message.is_named else ""
        url = url.partition("://")[2] if "url_scheme" in message.assumed else url
        page = f"a page on {as_shown(message.origin)}" if message.origin != NULL else "the origin null"
        page = "" if "page" in message.assumed else page
        return f"This is about {' and '.join(filter(None, (url, page)))}." if url or page else ""

    @property
    def look_at(self) -> tuple[str, ...]:
        """
        What to look at, in order.
        """
        failure = self.message.failure
        if failure is None:
            row = LOOKALIKES[self.message.lookalike]
            return LOOK_IN_CODE if must_request_another(self.message) else row.look
        if self.message.engine == "jsdom":
            return _LOOK_IN_JSDOM
        return look_at_place(failure, tuple(_look(failure)))

    @property
    def fix(self) -> Fix:
        message = self.message
        if message.failure is not None:
            return _fix_of_failure(message, message.failure)
        target = message.target if message.is_named else "the origin of the resource"
        scheme = message.url.partition(":")[0]
        if scheme not in {*HTTP_SCHEMES, *SOCKET_SCHEMES}:
            # CSP, "scheme-source": what has no host of its own.
            target = f"{scheme}:"
        page = None if "page" in message.assumed else message.origin
        fix = fix_of_lookalike(message.lookalike, page, target, message.header, message.value, url=message.url)
        is_told = message.lookalike in _ANSWERED or must_request_another(message)
        responder = responder_of(message.url) if message.is_named and is_told else None
        if responder is None or (message.lookalike == "orb" and not responder.is_public_service):
            return fix
        if responder.who == "nobody":
            return Fix(words=responder.words)
        return replace(fix, words=f"{fix.words} {responder.words}")

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(_notes(self.message))

    @property
    def stand_ins(self) -> dict[str, str]:
        """
        The placeholders for the URLs, the page or the method that the message does not name, as far as the result shows
        them.
        """
        message, fix = self.message, self.fix
        if self.next_command:
            return placeholders(message, self.known)
        # Without a command, only what a server has to send for the page names one.
        is_page_named = message.failure is not None and bool(fix.send or fix.policy)
        return {"page": message.origin} if is_page_named and "page" in message.assumed else {}

    @property
    def next_command(self) -> str:
        """
        The command that plays the browser against the server that the message names; empty if there is none to ask.
        """
        return command(self.message, self.known)

    @property
    def apart_from_url(self) -> tuple[object, ...]:
        """
        What two meanings have in common if they differ in the URL only.
        """
        message = self.message
        said = (message.engine, message.name, message.origin, message.method, message.header, message.value)
        status = "" if message.failure is None else status_of(message.failure)
        return *said, message.assumed, status, self.fix, self.look_at, self.notes, self.rehearsal

    def data(self) -> dict[str, Any]:
        """
        Return the same as plain data.
        """
        message = self.message
        return {
            "browser": message.engine or None,
            "name": message.name,
            "is_cors": self.is_cors,
            "url": as_shown(message.url, LONGEST_URL),
            "origin": as_shown(message.origin),
            "method": as_shown(message.method),
            "header": None if message.header is None else as_shown(message.header),
            "value": as_shown(message.value),
            "assumed": [*message.assumed],
            "redacted": [*message.redacted],
            "possible_status": message.possible_status or None,
            "meaning": self.title,
            "fix": self.fix.data(),
            "look_at": [*self.look_at],
            "notes": [*self.notes],
            "next": self.next_command or None,
            "under_policy": None if self.rehearsal is None else self.rehearsal.data(),
        }


def read_message(  # noqa: PLR0913 - what a message may leave out
    text: str,
    *,
    page: str | None = None,
    method: str | None = None,
    headers: HeadersInit = (),
    credentials: bool = False,
    policy: Guarded | PoliciesLike | str | None = None,
    environment: str | None = None,
) -> list[Meaning]:
    """
    Return the meaning of each message in *text*, copied from a browser's console, or of what a browser refuses in a
    request and its answer, copied from curl; empty if none of them is known.

    *page*, *method*, *headers* and *credentials* describe the request, if the message does not. With a *policy*, the
    result also says what it grants for that request. It is a Policy, what `Policies` takes, or the name of one (a TOML
    file, `module:attribute`, a settings module), with an *environment* of the file.

    Raises ValueError if these do not describe a request, and LoadError or PolicyError if the policy cannot be loaded.
    """
    pairs = lines_of(headers)
    known = Known(None if page is None else page_named(page), method, pairs, credentials)
    guarded = None if policy is None else guarded_by(policy, environment)
    return [
        Meaning(
            message=message,
            known=known,
            rehearsal=None if guarded is None else rehearse(guarded, staged_of(message, known, guarded)),
        )
        for message in _found(text, known)
    ]


def _found(text: str, known: Known) -> list[Message]:
    """
    Return the messages in *text*. If these only say that there is a request, an exchange in *text* says more. An
    exchange with another URL than theirs failed, too.
    """
    found, shown = read(without_other_headers(text), known), read_heads(text, known)
    if _OF_EXCHANGES.issuperset(message.name for message in found):
        return shown or found
    if not all(message.is_named for message in found):
        return found
    others = (one for one in shown if one.is_named and (one.failure is not None or one.name == "status"))
    return [*found, *(one for one in others if not any(is_same(one.url, message.url) for message in found))]


def _fix_of_failure(message: Message, failure: Failure) -> Fix:
    if message.engine == "jsdom" and failure.page_origin == NULL:
        return _IN_JSDOM
    if _is_of_this_computer_in_safari(message):
        return _IN_SAFARI
    fix = fix_of(failure, message.assumed)
    if status := message.possible_status:
        exchange = answered(failure.reason, status, failure.url, is_preflight=failure.is_preflight)
        likely = fix_of(replace(failure, exchange=exchange), message.assumed).words
        words = f"Another line has the status {status}, but names no URL. If it belongs to this request: {likely}"
        fix = replace(fix, words=f"{fix.words} {words}")
    fix = fix_at_place(failure, fix, message.assumed)
    near = _near(message) if message.is_cors else ""
    return replace(fix, words=f"{near} Otherwise: {fix.words}") if near else fix


def _is_of_this_computer_in_safari(message: Message) -> bool:
    return message.engine == "Safari" and message.name == Reason.MIXED_CONTENT and is_trustworthy(message.target)


def _near(message: Message) -> str:
    if {"page", "url"} & {*message.assumed}:
        return ""
    failure, first = message.failure, "" if message.failure is None else message.failure.first_url
    if failure is not None and first != message.url and is_same_origin(message.origin, origin_of(first)):
        return "" if is_led_to_login(failure) else _REDIRECTED_AWAY
    return one_server(message.origin, message.url)


def _look(failure: Failure) -> Iterator[str]:
    """
    Yield what to look at, as far as it is not said already.
    """
    if is_led_to_login(failure) or is_redirected_to_login(failure):
        yield "the redirect in the Network panel: where does it lead, and is the user still logged in?"
        return
    is_in_front = status_of(failure) in map(str, BEFORE_ANY_LAYER)
    # No policy changes what is answered in front of it.
    for line in islice(REASONS[failure.reason].look, 1 if is_in_front else None):
        if line == REQUEST_ROW and failure.is_preflight:
            yield OPTIONS_ROW
        elif (line == IN_ITS_TAB and failure.mode == "websocket") or (
            line == SPELLING and normalize_method(failure.method.lower()) == failure.method
        ):
            continue
        elif line != EXCEPTION or status_of(failure) in ({"500"} if failure.is_preflight else {"", "500"}):
            yield line


def _notes(message: Message) -> Iterator[str]:
    yield from _notes_on_url(message)
    if is_without_host(message.origin) and can_be_checked(message):
        yield "The page's origin has no host. Let the app have one: the command below takes localhost."
    if (near := _near(message)) and not message.is_cors:
        yield near
    url = url_of(message.url) if message.is_named else None
    if url is not None and url.host == ANY_ADDRESS:
        yield "0.0.0.0 is an address to listen at, not one to request: let the page use localhost."
    if message.failure is None:
        yield from _notes_on_networks(message, url) if message.lookalike in _OF_NETWORKS else ()
        return
    if message.failure.first_url != message.url:
        where = "there" if message.is_named else "to a URL that the message does not show"
        yield f"The page requested {as_shown(message.failure.first_url, LONGEST_URL)}, which redirected {where}."
    if not _is_of_this_computer_in_safari(message):
        yield from notes_on(message.failure, with_safari=False, engine=message.engine)
    yield from _notes_on_engine(message.engine, message.failure)


def _notes_on_url(message: Message) -> Iterator[str]:
    if message.elsewhere:
        where = as_shown(message.elsewhere, LONGEST_URL)
        yield f"{where} stands elsewhere in the text, so it may be the URL of another request."
    is_checked = message.is_named and can_be_checked(message)
    if is_checked and _CUT.search(message.url):
        yield "The URL is cut, or a part of it is hidden: for the command below, copy it from the Network panel."
        if (variable := _VARIABLE.search(message.url)) is not None:
            yield f"If the panel shows {variable[0]}, too, the page requests that: nothing replaced it by its value."
    elif is_checked and message.url == message.target:
        # Browsers print a path, so a bare origin is what somebody, or an old browser, left of a URL.
        yield "The URL has no path: if the request had one, copy the whole URL from the Network panel."


def _notes_on_networks(message: Message, url: Url | None) -> Iterator[str]:
    if url is not None and address_space(url.host) == "loopback":
        yield on_this_computer(url)
    if is_of_extension(message.origin):
        yield OF_EXTENSIONS


def _notes_on_engine(engine: str, failure: Failure) -> Iterator[str]:
    if engine in _ALIKE and failure.reason in CORS_CHECK and not failure.is_preflight:
        yield f"In {engine}, the line is the same for a preflight: is there an OPTIONS row, and did it fail?"
    if engine in _EITHER and failure.reason is Reason.MISSING_ALLOW_ORIGIN and not has_no_application(failure):
        yield (
            f"{engine} prints the same line if the header is absent and if it names another origin. The command below "
            "shows which one it is."
        )
