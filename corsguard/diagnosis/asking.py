"""
The request that a message is about: as the command that sends it to the server, and as what a policy is asked.

What the message does not name is chosen so that a browser would send the same, and so that nothing changes on a server.
"""

import re
import shlex
from typing import Final

from corsguard.browser import Failure, Reason
from corsguard.browser.connection_advice import has_private_address, with_scheme_of_page
from corsguard.browser.evidence import as_shown, url_of
from corsguard.browser.urls import HTTP_SCHEMES, SOCKET_SCHEMES
from corsguard.browser.wire import Header
from corsguard.names import (
    OWNED_PREFIX,
    SAFELISTED_METHODS,
    UPPER_CASE_METHODS,
    is_forbidden_request_header,
)
from corsguard.origin import NULL

from .guarded import Guarded
from .lookalikes import LOOKALIKES
from .messages import METHOD, Known, Message
from .named import with_scheme
from .places import is_beyond_a_check, must_request_another, serves_files
from .playing import Fetch
from .rehearsal import staged, staged_handshake

LONGEST_URL: Final = 2048
# The value that is assumed if only the name of a header is known: one that needs a preflight (Fetch,
# "CORS-safelisted request-header").
_VALUES: Final = {
    "accept": 'application/json; v="1"',
    "accept-language": "en_GB",
    "content-language": "en_GB",
    "content-type": "application/json",
    "range": "bytes=-500",
}
_MIXED: Final = frozenset({Reason.MIXED_CONTENT, "mixed_content_warned"})
_READING: Final = frozenset({"GET", "HEAD"})


def command(message: Message, known: Known) -> str:
    """
    Return the command that plays the browser against the server that *message* names; empty if there is none to ask.
    """
    if not can_be_checked(message):
        return ""
    words = ["corsguard", "check", shlex.quote(as_shown(url_to_check(message), LONGEST_URL))]
    # The model has no page without a host.
    host = "localhost" if is_without_host(message.origin) else ""
    words += ["--page", shlex.quote(as_shown(f"{message.origin}{host}"))]
    if message.is_handshake:
        # A page cannot choose anything else.
        return " ".join(words)
    if message.failure is not None and message.failure.mode == "no-cors":
        words += ["--mode", "no-cors"]
    method = _method_sent(message, known)
    if method != "GET":
        words += ["-X", shlex.quote(as_shown(method))]
    for name in _headers_to_send(message, known) or filter(None, [assumed_header(message, known)]):
        words += ["-H", shlex.quote(f"{as_shown(name)}: {_VALUES.get(name, '...')}")]
    if message.lookalike == "not_exposed" and message.header:
        for name in message.header.split(", "):
            words += ["--read", shlex.quote(as_shown(name))]
    if message.lookalike == "cookies" or _has_credentials(message.failure, known):
        words.append("--credentials")
    is_preflight = message.failure is not None and message.failure.is_preflight
    # Nothing is changed on a server to see what its preflight answers.
    if method != message.method or (is_preflight and method not in _READING):
        words.append("--preflight-only")
    return " ".join(words)


def placeholders(message: Message, known: Known) -> dict[str, str]:
    """
    Return the placeholders in the command for the parts of the request that *message* does not name.
    """
    # A redirect is followed from where the page began.
    is_redirected = message.failure is not None and message.failure.first_url != message.url
    url, method = url_to_check(message), _method_sent(message, known)
    parts = {
        "first" if is_redirected else "url": url,
        "page": message.origin,
        "method": METHOD if message.method == METHOD else method,
    }
    # Without an option, the command sends GET.
    assumed = {name.removesuffix("_scheme") for name in message.assumed}
    found = {name: word for name, word in parts.items() if name in assumed and word != "GET"}
    header = assumed_header(message, known)
    return {**found, "header": ": ".join(with_value(header))} if header else found


def staged_of(message: Message, known: Known, guarded: Guarded) -> Fetch:
    """
    Return the request that *message* is about, as far as the message describes it. If the policy depends on the host,
    it has the host in the message.
    """
    if message.is_handshake:
        return staged_handshake(message.origin, message.url)
    url = url_of(message.url)
    assumed = filter(None, [assumed_header(message, known)])
    return staged(
        message.origin,
        "/" if url is None or url.origin == NULL else url.href.removeprefix(url.origin),
        asked_method(message, known),
        [*(with_value(name) for name in _header_names(message, Known()) or assumed), *known.headers],
        with_credentials=_has_credentials(message.failure, known),
        host=guarded.host_in(url),
    )


def with_value(name: str, value: str = "") -> Header:
    """
    Return the header *name* with its *value*, or with one that needs a preflight if none is known.
    """
    return name, value or _VALUES.get(name.lower(), "1")


def can_be_checked(message: Message) -> bool:
    """
    Return whether an answer of the server would tell more, and there is a page that could ask for it: not if one of
    them is a file, or belongs to the browser.
    """
    is_bad = message.failure is not None and message.failure.reason is Reason.BAD_SCHEME
    is_of_file = message.origin == NULL and is_bad
    is_elsewhere = url_to_check(message).partition(":")[0].lower() not in {*HTTP_SCHEMES, *SOCKET_SCHEMES}
    is_uncertified = message.name in _MIXED and has_private_address(message.url)
    is_elsewhere = is_elsewhere or is_uncertified or must_request_another(message) or is_beyond_a_check(message)
    is_unnamed = is_bad and not (message.is_named and with_scheme(message.url) != message.url)
    helps = message.failure is not None or LOOKALIKES[message.lookalike].check_helps
    return helps and not (is_of_file or is_elsewhere or is_unnamed)


def is_without_host(origin: str) -> bool:
    return origin.endswith("://") and origin != "file://"


def url_to_check(message: Message) -> str:
    """
    Return the URL that the page has to request in place of that of *message*, if it has to request another one.
    """
    failure = message.failure
    # A redirect is followed from where the page began.
    url = message.url if failure is None else failure.first_url
    if failure is not None and failure.reason is Reason.BAD_SCHEME and with_scheme(url) != url:
        return with_scheme_of_page(failure)
    if message.name in _MIXED:
        return re.sub("^(http|ws):", r"\1s:", url)
    return url


def asked_method(message: Message, known: Known) -> str:
    """
    Return the method of *message*. If a preflight failed and nothing says why it was needed, return the method of most
    requests that need one: JSON is sent by POST. Each other method than these may be one that the server is right to
    refuse.
    """
    if message.method == METHOD:
        # Only a method that is not safelisted can be refused (Fetch, "CORS-preflight fetch").
        return "PUT"
    is_unknown = "method" in message.assumed and not _headers_to_send(message, known)
    return "POST" if is_unknown and not serves_files(message) else message.method


def _method_sent(message: Message, known: Known) -> str:
    if message.name == Reason.METHOD_NOT_ALLOWED and message.method.upper() in UPPER_CASE_METHODS:
        # Fetch, "normalize a method": the page has to write it like this.
        return message.method.upper()
    # A preflight that followed a redirect cannot be asked for alone.
    is_first = message.failure is None or message.failure.first_url == message.url
    return asked_method(message, known) if is_first else message.method


def assumed_header(message: Message, known: Known) -> str:
    """
    Return the header that stands for the one that needed a preflight; empty if none is needed. A browser sends no
    preflight for a safelisted method alone.
    """
    # Of a preflight, the lines that are cut off name no method either.
    is_preflight = "method" in message.assumed or (message.failure is not None and message.failure.is_preflight)
    is_needed = is_preflight and not (_headers_to_send(message, known) or message.is_handshake or serves_files(message))
    return "content-type" if is_needed and _method_sent(message, known) in SAFELISTED_METHODS else ""


def _headers_to_send(message: Message, known: Known) -> list[str]:
    """
    Return the headers of *message* and the *known* ones, without those that the page has to leave out.
    """
    if serves_files(message):
        return []
    return [name for name in _header_names(message, known) if not name.startswith(OWNED_PREFIX)]


def _header_names(message: Message, known: Known) -> list[str]:
    refused = [message.header] if message.header and message.failure is not None else []
    named = [name.lower() for name in (*refused, *message.requested)]
    # No page can send what the browser itself sends.
    named = [name for name in named if not is_forbidden_request_header(name)]
    return [*dict.fromkeys([*named, *(name.lower() for name, _ in known.headers)])]


def _has_credentials(failure: Failure | None, known: Known) -> bool:
    return known.with_credentials or (failure is not None and failure.with_credentials)
