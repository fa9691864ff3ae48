"""
Reads and writes HAR 1.2 files.

The content of a HAR is untrusted: its size is bounded, and any value may have any type. What an absent field means
depends on the writer: Chromium and WebKit name what the browser refused; Firefox and proxies do not.
"""

import json
import re
import zlib
from base64 import b64decode
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from gzip import BadGzipFile, GzipFile
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from corsguard.browser import Exchange, WireRequest, WireResponse
from corsguard.browser.evidence import LONGEST_READ, url_of
from corsguard.browser.exchanges import without_secrets
from corsguard.browser.handshakes import is_handshake
from corsguard.browser.headers import get
from corsguard.browser.urls import SOCKET_SCHEMES, Url
from corsguard.browser.wire import Header
from corsguard.names import is_token
from corsguard.origin import NULL

_MOST_BYTES: Final = 100_000_000
_MOST_HEADERS: Final = 500

_NO_OCTET: Final = re.compile(r"[\0\r]|[^\0-\xff]")

# The fields in which Chromium, Firefox and Playwright say why there is no response.
_ERRORS: Final = ("_error", "_blocked", "_blockedReason", "_failureText")
# Names of the programs that write HARs (log.creator, or log.browser), in lower case. These say what the browser
# refused: the panels of Chromium and WebKit, and Playwright.
_TELLING_BROWSERS: Final = ("webinspector", "webkit web inspector", "playwright")
# In addition to them, `written` says which request was not answered.
_TELLING: Final = (*_TELLING_BROWSERS, "corsguard")
_SILENT_BROWSERS: Final = ("firefox", "firebug")
# How an archive of files begins.
_ZIP: Final = b"PK\x03\x04"
# How a file begins that gzip packed (RFC 1952, 2.3.1).
_GZIP: Final = b"\x1f\x8b"
# Programs that send requests as a user writes them, with an Origin if the user writes one.
_CLIENTS: Final = tuple("insomnia postman bruno hoppscotch httpie paw rapidapi thunder yaak".split())
# These are between the browser and the server.
_PROXIES: Final = tuple("mitmproxy charles fiddler proxyman browsermob requestly burp zap".split())
# How proxies say that no response came: Charles in a field, Fiddler in its own status text.
_CHARLES: Final = "_charlesStatus"
_CHARLES_IS_DONE: Final = frozenset({"", "COMPLETE"})
_CHARLES_FAILS: Final = 503
# Asks a proxy to pass on a connection, whose content it then does not see (RFC 9110, 9.3.6).
_TUNNEL: Final = "CONNECT"
# Such an answer only confirms the one that is stored (RFC 9111, 4.3.4).
NOT_MODIFIED: Final = 304
_FIDDLER: Final = re.compile(r"Fiddler - (.+)", re.IGNORECASE)


class Malformed(ValueError):
    """
    The file is not a HAR; the message says why.
    """


class Entry(NamedTuple):
    """
    One exchange of a HAR: *response* is None if the browser recorded none; *error* is what it recorded instead.

    *page* is the URL of the page, if the file has it; *origin* is the value of `Origin`; *kind* is the type of the
    request in DevTools. *is_stored* is True if the answer comes from the browser's cache, *is_of_worker* if it comes
    from a service worker, *is_to_come* if the file has only its preflight, and *is_open* if it is a WebSocket with
    messages.
    """

    request: WireRequest
    response: WireResponse | None
    error: str
    page: str
    origin: str
    kind: str
    is_stored: bool = False
    is_of_worker: bool = False
    is_to_come: bool = False
    is_open: bool = False

    @property
    def is_handshake(self) -> bool:
        """
        Whether it asks for a WebSocket. Chromium leaves out the lines of a handshake that it has not sent.
        """
        return Url.parse(self.request.url).scheme in SOCKET_SCHEMES or is_handshake(self.request)

    @property
    def is_tunnel(self) -> bool:
        """
        Whether it asks a proxy to pass on a connection, in which the requests of pages are encrypted.
        """
        return self.request.method == _TUNNEL


class Archive(NamedTuple):
    """
    The content of a HAR: its *entries*, and the name of its *writer*.

    *is_browsers* is True if it has requests that can be judged as those of a browser, *is_proxys* if a proxy recorded
    them, *is_clients* if a program sent them that blocks nothing. *names_refusals* is True if it marks each response
    that the browser refused, and *is_silence_consent* if a response without a mark is one that the page got.
    *unreadable* counts the entries without a method or a URL that can be read.
    """

    entries: list[Entry]
    writer: str
    is_browsers: bool
    is_proxys: bool
    names_refusals: bool
    is_silence_consent: bool = False
    unreadable: int = 0
    is_clients: bool = False


def read(path: str) -> Archive:
    """
    Return the content of the HAR file *path*. Raises Malformed, and OSError if it cannot be read.
    """
    content = _bytes(path)
    if content.startswith(_ZIP):
        raise Malformed(f"{path} is a zip archive: unpack it, and check the HAR file in it.")
    if not content.strip():
        raise Malformed(f"{path} is empty: export it again from the Network panel.")
    try:
        # It finds out which encoding of Unicode the bytes have: PowerShell writes UTF-16.
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{path} is not JSON ({_sentence(error)}): export it again from the Network panel.") from None
    log = _dict(_dict(document).get("log"))
    entries = log.get("entries")
    if not isinstance(entries, list):
        raise Malformed(f"{path} is not a HAR: it has no log.entries. Export it from the browser's Network panel.")
    pages = _pages(log.get("pages"), entries)
    writer = next((name for key in ("creator", "browser") if (name := _text(_dict(log.get(key)), "name"))), "")
    raw = [_dict(entry) for entry in cast("list[object]", entries)]
    is_proxys, is_clients = (writer.lower().startswith(names) for names in (_PROXIES, _CLIENTS))
    is_written_by_browser = writer.lower().startswith((*_TELLING, *_SILENT_BROWSERS))
    read_entries = [_entry(one, pages, is_proxys=is_proxys) for one in raw]
    found = [entry for entry in read_entries if entry is not None]
    places = (place for one in raw for place in (one, _dict(one.get("response"))))
    is_named = not is_proxys and any(key in place for place in places for key in _ERRORS)
    return Archive(
        entries=found,
        writer=writer,
        # A request that a client imported from a browser has the headers of that browser, but no browser sent it.
        is_browsers=is_written_by_browser
        or any(entry.origin if is_clients else _is_of_a_browser(entry) for entry in found),
        is_proxys=is_proxys,
        is_clients=is_clients,
        names_refusals=is_named or writer.lower().startswith(_TELLING),
        is_silence_consent=writer.lower().startswith(_TELLING_BROWSERS),
        unreadable=len(raw) - len(found),
    )


def _pages(pages: object, entries: list[object]) -> dict[str, str]:
    """
    Return the URL of each page by its id. Browsers use the URL as the title; Playwright writes what the user sees as
    the title.
    """
    found = {_text(_dict(page), "id"): _text(_dict(page), "title") for page in _list(pages)}
    for entry in map(_dict, entries):
        request = _dict(entry.get("request"))
        page = _text(entry, "pageref")
        if url_of(found.get(page, "")) is None and is_navigation(_lines(request.get("headers"))):
            found[page] = _text(request, "url")
    return found


def is_navigation(headers: tuple[Header, ...]) -> bool:
    """
    Return whether a request with *headers* loads a document. No other one asks for more secure URLs in it.
    """
    return "1" in {get(headers, "Upgrade-Insecure-Requests"), get(headers, "Sec-Fetch-User")}


def _bytes(path: str) -> bytes:
    with Path(path).open("rb") as file:
        is_packed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
        try:
            found = (GzipFile(fileobj=file) if is_packed else file).read(_MOST_BYTES + 1)
        except (EOFError, BadGzipFile, zlib.error) as error:
            raise Malformed(f"{path} cannot be unpacked ({_sentence(error)}): export it again.") from None
    if len(found) > _MOST_BYTES:
        raise Malformed(
            f"Expected a file of at most {_MOST_BYTES} bytes, got more in {path}. Clear the Network panel, reproduce "
            "the failure, and export again."
        )
    return found


def _is_of_a_browser(entry: Entry) -> bool:
    headers = entry.request.headers
    if entry.origin or any(name.lower().startswith("sec-fetch-") for name, _ in headers):
        return True
    agent = get(headers, "User-Agent")
    # Every browser calls itself Mozilla.
    return bool(entry.page or entry.kind) if agent is None else agent.startswith("Mozilla/")


def _sentence(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".")


def _dict(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Mapping[str, Any], key: str) -> str:
    found = value.get(key)
    return found[:LONGEST_READ] if isinstance(found, str) else ""


def _lines(value: object) -> tuple[Header, ...]:
    pairs = [(_text(_dict(item), "name"), _text(_dict(item), "value")) for item in _list(value)[:_MOST_HEADERS]]
    # Names such as `:method` are fields of HTTP/2 that are not headers. DevTools joins several Set-Cookie lines with
    # line ends.
    return tuple(
        (name, _NO_OCTET.sub("?", line)) for name, value in pairs if is_token(name) for line in value.split("\n")
    )


def _entry(entry: Mapping[str, Any], pages: Mapping[str, str], *, is_proxys: bool) -> Entry | None:
    request, response = _dict(entry.get("request")), _dict(entry.get("response"))
    written, method = _text(request, "url"), _text(request, "method")
    # Proxies write only the host and the port of a tunnel, or also a scheme.
    url = url_of(f"https://{written.rpartition('://')[2]}" if method == _TUNNEL else written)
    if url is None or not is_token(method):
        return None
    headers = _lines(request.get("headers"))
    status = response.get("status")
    error = _error(entry, response) or (_error_of_proxy(response) if is_proxys else "")
    answered = isinstance(status, int) and 100 <= status <= 599 and not (is_proxys and error)
    body = _text(_dict(request.get("postData")), "text").encode("utf-8", "replace")
    origin = get(headers, "Origin") or ""
    referer = get(headers, "Referer") or pages.get(_text(entry, "pageref"), "")
    page = origin if origin not in {"", NULL} else referer
    return Entry(
        request=WireRequest(method, url.href, headers, body),
        response=WireResponse(
            cast("int", status), _lines(response.get("headers")), _body(_dict(response.get("content")))
        )
        if answered
        else None,
        error=error,
        page=page if url_of(page) is not None else "",
        origin=origin,
        kind=_text(entry, "_resourceType"),
        is_stored=status == NOT_MODIFIED or bool(_text(entry, "_fromCache")),
        is_of_worker=True in (place.get("_fetchedViaServiceWorker") for place in (entry, response)),
        is_open=bool(_list(entry.get("_webSocketMessages"))),
    )


def _body(content: Mapping[str, Any]) -> bytes:
    """
    Return the beginning of the body of a response, which a file may lack.
    """
    text = _text(content, "text")
    if content.get("encoding") != "base64":
        return text.encode("utf-8", "replace")
    try:
        return b64decode(text)
    except ValueError:
        return b""


def _error(entry: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    """
    Return what the browser says about a response that the page did not get.
    """
    said = (_text(place, key) for place in (response, entry) for key in _ERRORS)
    return next((text for text in said if text), "")


def _error_of_proxy(response: Mapping[str, Any]) -> str:
    """
    Return what a proxy recorded in place of a response; empty if nothing.
    """
    status, own = _text(response, _CHARLES), _FIDDLER.match(_text(response, "statusText"))
    # Charles invents a 503 if there is no response. Any other response began, and ended with an exception.
    has_begun = bool(response.get("headers")) and response.get("status") != _CHARLES_FAILS
    if status.upper() not in _CHARLES_IS_DONE and not has_begun:
        return status
    return "" if own is None else own[1]


def written(exchanges: Iterable[Exchange], secrets: Collection[str], hide: Callable[[str], str]) -> dict[str, Any]:
    """
    Return *exchanges* as a HAR 1.2 log. It does not contain the values of headers whose names are in *secrets* (in
    lower case), what *hide* removes from a text, and the bodies of responses.
    """
    # Times were not measured, but a HAR has to have some.
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {
        "log": {
            "version": "1.2",
            "creator": {"name": "corsguard", "version": version("corsguard")},
            "entries": [
                _written(without_secrets(exchange, secrets=secrets, hide=hide), hide, moment) for exchange in exchanges
            ],
        }
    }


def _written(exchange: Exchange, hide: Callable[[str], str], moment: str) -> dict[str, Any]:
    def lines(headers: Iterable[Header]) -> list[dict[str, str]]:
        return [{"name": name, "value": value} for name, value in headers]

    request, response = exchange.request, exchange.response
    answer = WireResponse(0) if response is None else response
    kind = get(answer.headers, "Content-Type") or ""
    body = {
        "mimeType": get(request.headers, "Content-Type") or "",
        "text": hide(request.body.decode("utf-8", "replace")),
    }
    return {
        "startedDateTime": moment,
        "time": 0,
        "request": {
            "method": request.method,
            "url": request.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": lines(request.headers),
            "queryString": [],
            **({"postData": body} if request.body else {}),
            "headersSize": -1,
            "bodySize": len(request.body),
        },
        "response": {
            "status": answer.status,
            "statusText": "",
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": lines(answer.headers),
            "content": {"size": len(answer.body), "mimeType": kind, "comment": "left out"},
            "redirectURL": get(answer.headers, "Location") or "",
            "headersSize": -1,
            "bodySize": len(answer.body),
            **({} if response is not None else {"_error": "no response"}),
        },
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": 0},
        **({"_resourceType": "preflight"} if exchange.is_preflight else {"_resourceType": "fetch"}),
    }
