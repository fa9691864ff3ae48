"""
Reads exchanges that people paste as text (curl -i and -v, requests with their answers), and judges them as a browser.

Only what an answer shows is judged: a server that lists origins may leave out all headers if no Origin was sent.
"""

import re
import shlex
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Final, NamedTuple

from corsguard.browser import Failure, Reason, WireRequest, WireResponse
from corsguard.browser.evidence import url_of
from corsguard.browser.headers import get, get_decode_and_split, values_of
from corsguard.browser.urls import HTTP_SCHEMES
from corsguard.browser.wire import Header
from corsguard.names import ALLOW_ORIGIN, is_token

from .commands import url_meant
from .consoles import LONGEST_MESSAGE
from .har import Archive, Entry
from .messages import URL, Known, Message
from .named import NamedPage, as_url, page_sent
from .pages import assumed_page
from .pasted import without_carets
from .playing import is_preflight
from .replaying import replays

_MOST_EXCHANGES: Final = 20
_MOST_HEADERS: Final = 200
# A command over several lines, with what an issue or a terminal puts before it.
_CURL: Final = re.compile(r"^[`$>#% \t]{0,8}(curl(?:\.exe)?\s(?:\\\r?\n|[^\n]){1,8192})", re.MULTILINE)
_VALUED: Final = frozenset(
    "-A -b -c -d -e -F -H -m -o -u -w -x -X --cacert --cert --connect-timeout --connect-to --cookie --data --data-raw "
    "--header --key --max-time --output --proxy --referer --request --resolve --user --user-agent".split()
)
# What follows in a pipe or after a semicolon is another command.
_NEXT: Final = frozenset("| || && ; > 2>&1".split())
# The marks of curl -v.
_MARK: Final = re.compile(r"^[ \t]*[<>] ?(?=\S|$)")
_REQUEST: Final = re.compile(r"([A-Z]{3,10}) (/\S*|https?://\S+|\*)(?: HTTP/[\d.]{1,3})?")
_STATUS: Final = re.compile(r"HTTP/[\d.]{1,3} ([1-5]\d\d)\b.{0,200}")
_HEADER: Final = re.compile(r"([A-Za-z][\w-]{0,100}): ?(.{0,8192})")
# A line of an answer that was copied without the others. A message about a policy goes on in words.
_POLICY: Final = re.compile(
    r"(?:content-security-policy(?:-report-only)?: ?(?:[a-z]{3,10}-src|base-uri|frame-ancestors|sandbox|upgrade-)|"
    r"cross-origin-(?:embedder|opener|resource)-policy: ?[a-z-]{1,40}$|x-frame-options: ?(?:deny|sameorigin)\b).*",
    re.IGNORECASE,
)
# A row of a Network panel, in Chromium and Safari: each field with its value, in one line or two.
_FIELD: Final = re.compile(
    r"(?:(?:Request )?(?P<url>URL)|(?:Request |:)(?P<method>method)|(?P<status>Status)(?: Code)?): ?"
    r"(?P<value>\S.{0,8192})",
    re.IGNORECASE,
)
_WITHOUT_VALUE: Final = re.compile(
    r"^[ \t]*([A-Za-z][\w -]{0,100}:)[ \t]*\r?\n[ \t]*(?=[^\s:][^\n:]{0,8192}$|https?:)", re.MULTILINE
)
_SECTION: Final = re.compile(r"(?P<name>Request|Response)(?: Headers)?(?: \(\d+\))?", re.IGNORECASE)
# Of several addresses of a host, curl tries one after the other.
_ATTEMPT: Final = re.compile(r"^[ \t]*\*?[ \t]*(?:connect to \S{1,100} port \d|Immediate connect fail for )")
_CONNECTED: Final = re.compile(r"^[ \t]*\*?[ \t]*Connected to |^[ \t]*< HTTP/", re.MULTILINE)
_LETTERS: Final = re.compile(r"-[A-Za-z]+")
_OPTIONS_OF_HEAD: Final = frozenset({"-I", "--head"})


class _Asked(NamedTuple):
    method: str
    url: str
    headers: tuple[Header, ...]


def read_heads(text: str, known: Known) -> list[Message]:
    """
    Return what a browser refuses in the exchanges in *text*, without duplicates; if that is nothing, the errors that
    they show, and what it would refuse with credentials.
    """
    found = dict[tuple[str, str], Message]()
    text = text[:LONGEST_MESSAGE]
    for asked, answer in islice([*_in_panels(text)] or _exchanges(text), _MOST_EXCHANGES):
        message = _judged(asked, answer, known)
        if message is not None:
            found.setdefault((message.name, message.url), message)
    # A cause tells more than an error, or than what may yet fail.
    telling = [message for message in found.values() if message.failure is not None]
    return telling or [*found.values()]


def without_other_headers(text: str) -> str:
    """
    Return *text* without those headers of its answers that are not about CORS, and without the addresses that refused
    the connection before another one accepted it: the words in them are not messages.
    """
    kept, is_answer = list[str](), False
    connected = max((found.start() for found in _CONNECTED.finditer(text)), default=0)
    place = 0
    for line in text.splitlines(keepends=True):
        is_tried = place < connected and _ATTEMPT.match(line) is not None
        place += len(line)
        if is_tried:
            continue
        bare = _MARK.sub("", line).strip().strip("`")
        header = _HEADER.fullmatch(bare)
        if _POLICY.fullmatch(bare) is not None:
            continue
        begins = _STATUS.fullmatch(bare) is not None or (header is not None and _is_answers(header[1]))
        is_answer = bool(bare) and (is_answer or begins)
        if not is_answer or header is None or "-" not in header[1] or _is_answers(header[1]):
            kept.append(line)
    return "".join(kept)


def _judged(asked: _Asked, answer: WireResponse, known: Known) -> Message | None:
    whole = as_url(asked.url, None)
    # What is blacked out of a host is in no URL.
    url = url_of(whole)
    is_named = url is not None and url.scheme in HTTP_SCHEMES
    target = url.href if url is not None and is_named else URL
    named = NamedPage(known.origin) if known.origin else page_sent(get(asked.headers, "Origin") or "")
    # A part of it is hidden in the text only.
    origin = named.origin or named.hidden or None
    page = origin or assumed_page(target)
    lines = [(name, value) for name, value in asked.headers if name.lower() != "origin"]
    request = WireRequest(asked.method, target, (("Origin", page), *lines))
    told = _told(request, answer, origin)
    if not told:
        return None
    failure, lookalike = (None, told) if isinstance(told, str) else (told, "")
    unnamed = {"url": not is_named, "page": named.origin is None, "method": told == "options_alone"}
    return Message(
        engine="",
        failure=failure,
        lookalike=lookalike,
        url=target if failure is None else failure.url,
        origin=page if failure is None else failure.page_origin,
        method=_method(asked, told) if failure is None else failure.method,
        header=None if failure is None else _header(failure),
        value=str(answer.status) if lookalike == "status" else "",
        assumed=tuple(name for name, is_unnamed in unnamed.items() if is_unnamed),
        redacted=(*(["url"] if asked.url and not is_named else []), *(["page"] if named.is_redacted else [])),
        requested=tuple(filter(is_token, get_decode_and_split(asked.headers, "Access-Control-Request-Headers"))),
    )


def _method(asked: _Asked, told: Failure | str) -> str:
    if told == "preflight_passes":
        return get(asked.headers, "Access-Control-Request-Method") or "GET"
    return "GET" if told == "options_alone" else asked.method


def _told(request: WireRequest, answer: WireResponse, origin: str | None) -> Failure | str:
    """
    Return what a browser refuses in *answer*, the name of what it shows otherwise, or an empty string. *origin* is the
    page's, None if it is not known.
    """
    several = values_of(answer.headers, ALLOW_ORIGIN)
    is_error = answer.status >= HTTPStatus.BAD_REQUEST
    if request.method == "OPTIONS" and not is_preflight(request):
        return "options_alone" if is_error or not several else ""
    # These do not depend on the page.
    if origin is None and several != ["*"] and "," not in ", ".join(several):
        return "status" if is_error and not several else ""
    failure = _failure(request, answer)
    if failure is not None:
        return failure
    with_cookie = WireRequest(request.method, request.url, (*request.headers, ("Cookie", "...")))
    if is_error or _failure(with_cookie, answer) is not None:
        return "status" if is_error else "no_credentials_only"
    return "preflight_passes" if is_preflight(request) else ""


def _failure(request: WireRequest, answer: WireResponse) -> Failure | None:
    page = get(request.headers, "Origin") or ""
    entry = Entry(request, answer, "", page, page, "preflight" if is_preflight(request) else "fetch")
    archive = Archive([entry], "", is_browsers=True, is_proxys=False, names_refusals=False)
    return next((fault.failure for replay in replays(archive) for fault in replay.outcome.faults), None)


def _header(failure: Failure) -> str | None:
    return failure.value if failure.reason is Reason.HEADER_NOT_ALLOWED else None


def _exchanges(text: str) -> Iterator[tuple[_Asked, WireResponse]]:
    """
    Yield each answer in *text* with the request before it, as far as the text has one.
    """
    asked, status, lines = _Asked("GET", "", ()), 0, list[Header]()
    for one in _read(text):
        if isinstance(one, tuple) and not isinstance(one, _Asked) and (status or _is_answers(one[0])):
            # The headers of an answer were copied without its status.
            status = status or HTTPStatus.OK
            lines.append(one)
            continue
        if status:
            yield asked, WireResponse(status, tuple(lines[:_MOST_HEADERS]))
        status, lines = one if isinstance(one, int) else 0, []
        if isinstance(one, _Asked):
            is_again = one.method == asked.method and _path(asked.url).endswith(_path(one.url))
            # The request line repeats what the command before it says.
            asked = asked if is_again and not one.headers else one
        elif isinstance(one, tuple):
            asked = _with_header(asked, *one)
    if status:
        yield asked, WireResponse(status, tuple(lines[:_MOST_HEADERS]))


def _in_panels(text: str) -> Iterator[tuple[_Asked, WireResponse]]:
    """
    Yield each exchange that *text* has as the row of a Network panel: fields, then headers under their headings.
    """
    asked, status, lines, section = _Asked("GET", "", ()), 0, list[Header](), "response"
    for line in _WITHOUT_VALUE.sub(r"\1 ", text).splitlines():
        # Somebody made a list of them.
        bare = line.strip().strip("`").lstrip("-* ")
        field, heading, header = _FIELD.fullmatch(bare), _SECTION.fullmatch(bare), _HEADER.fullmatch(bare)
        if field is not None and field["url"]:
            if status and asked.url:
                yield asked, WireResponse(status, tuple(lines[:_MOST_HEADERS]))
            asked, status, lines, section = _Asked("GET", field["value"], ()), 0, [], "response"
        elif field is not None and field["method"]:
            asked = asked._replace(method=field["value"])
        elif field is not None and field["value"][:3].isdigit():
            status = int(field["value"][:3])
        elif heading is not None:
            section = heading["name"].lower()
        elif header is not None and section == "request":
            asked = _with_header(asked, header[1], header[2].strip())
        elif header is not None:
            lines.append((header[1], header[2].strip()))
    if status and asked.url:
        yield asked, WireResponse(status, tuple(lines[:_MOST_HEADERS]))


def _is_answers(name: str) -> bool:
    return name.lower().startswith("access-control-allow-")


def _path(target: str) -> str:
    return target.partition("?")[0]


def _read(text: str) -> Iterator[_Asked | int | Header]:
    """
    Yield what the lines of *text* say, in order: requests, statuses (0 at an empty line), and headers.
    """
    text = without_carets(text)
    commands = {found.start(): found[1] for found in _CURL.finditer(text)}
    place = 0
    for line in text.splitlines(keepends=True):
        command = _commanded(commands[place]) if place in commands else None
        place += len(line)
        bare = _MARK.sub("", line).strip().strip("`")
        if command is not None:
            yield command
        elif not bare:
            yield 0
        elif (begun := _STATUS.fullmatch(bare)) is not None:
            yield int(begun[1])
        elif (request := _REQUEST.fullmatch(bare)) is not None:
            yield _Asked(request[1], request[2], ())
        elif (header := _HEADER.fullmatch(bare)) is not None:
            yield header[1], header[2].strip()


def _with_header(asked: _Asked, name: str, value: str) -> _Asked:
    if len(asked.headers) == _MOST_HEADERS or not is_token(name):
        return asked
    url = asked.url
    if name.lower() == "host" and url.startswith("/"):
        # curl -v prints the path only.
        url = url_meant(f"{value}{url}")
    others = tuple(line for line in asked.headers if line[0].lower() != name.lower())
    return asked._replace(url=url, headers=(*others, (name, value)))


def _commanded(command: str) -> _Asked | None:
    """
    Return the request of a *command* of curl, None if it names no URL.
    """
    try:
        words = shlex.split(command.replace("\\\r\n", " ").replace("\\\n", " "))
    except ValueError:
        return None
    method, url, headers = "", "", list[Header]()
    has_body = False
    rest = iter(words[1:])
    for word in rest:
        if word in _NEXT:
            break
        # One dash may come before several letters: -sI, -vX.
        option = f"-{word[-1]}" if _LETTERS.fullmatch(word) and not word.startswith("-X") else word
        if option in _VALUED or (word.startswith("--data") and "=" not in word):
            value = next(rest, "")
            if option in {"-X", "--request"}:
                method = value
            elif option in {"-H", "--header"} and (header := _HEADER.fullmatch(value)) is not None:
                headers.append((header[1], header[2].strip()))
            has_body = has_body or option in {"-d", "-F"} or word.startswith("--data")
        elif word.startswith("-X") and len(word) > len("-X"):
            method = word.removeprefix("-X")
        elif option in _OPTIONS_OF_HEAD:
            method = method or "HEAD"
        elif not word.startswith("-") and not url:
            url = word.partition("|")[0]
    method = method or ("POST" if has_body else "GET")
    return _Asked(method, url, tuple(headers)) if url and is_token(method) else None
