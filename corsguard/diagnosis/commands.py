"""
Requests as commands to paste into a shell: curl, and `corsguard check`. Shell variables stand for secrets.
"""

import re
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from corsguard.browser import WireRequest
from corsguard.browser.confidential import PUBLIC_HEADERS
from corsguard.browser.evidence import LONGEST_READ, as_shown, in_ascii, url_of, without_password
from corsguard.browser.handshakes import is_handshake
from corsguard.browser.urls import address_space
from corsguard.origin import NULL, is_misspelt

from .playing import Fetch

# Characters that curl reads as a list of URLs, and headers that it sends by default.
_BRACKETS: Final = frozenset("[]{}")
_SENT_ANYWAY: Final = ("Accept", "*/*")
# Headers that browsers add to each request themselves.
_OF_BROWSERS: Final = frozenset({"accept", "accept-language"})
# A scheme without exactly two slashes, or without its colon.
_SCHEME_MEANT: Final = re.compile(r"(?i:(https?|wss?)(?::/*|//+)(?=\D))(.*)", re.DOTALL)
# What is copied together with a URL: the word of a command or a method before it, quotation marks around it.
_AROUND: Final = re.compile(
    r"(?P<before>(?:(?:curl|wget|GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)\s+)?[\"'<\u2018-\u201f\u00ab]*)(?P<url>\S+)"
)
_QUOTES: Final = "\"'>\u2018\u2019\u201c\u201d\u00bb"
_PORT: Final = re.compile(r":\d+$")
_NO_VARIABLE: Final = re.compile(r"[^A-Z0-9_]")


def curl(
    request: WireRequest, secrets: Collection[str], *, connect_to: Mapping[str, str], options: Iterable[str] = ()
) -> str:
    """
    Return the command that sends *request* and shows the answer's head. Shell variables stand for the values of headers
    whose names are in *secrets* (in lower case). *options* are further options of curl.
    """
    return " ".join(["curl", *_words(request, secrets, connect_to), *map(shlex.quote, options)])


def check_command(asked: Fetch) -> str:
    """
    Return the `corsguard check` command for the fetch *asked*; it sends nothing that changes data.
    """
    page = NULL if asked.page_origin == NULL else shown_url(asked.page)
    words = ["corsguard check", shlex.quote(shown_url(asked.url)), "--page", shlex.quote(page)]
    if asked.method != "GET":
        words += ["--method", shlex.quote(asked.method)]
    for name, value in asked.headers:
        if name.lower() not in _OF_BROWSERS:
            is_public = name.lower() in PUBLIC_HEADERS
            line = shlex.quote(f"{name}: {as_shown(value)}") if is_public else _with_variable(name)
            words += ["--header", line]
    if asked.mode != "cors":
        words += ["--mode", asked.mode]
    if asked.with_credentials and not asked.is_handshake:
        words.append("--credentials")
    return " ".join([*words, *(["--preflight-only"] if asked.method not in {"GET", "HEAD"} else [])])


def is_miswritten(text: str) -> bool:
    """
    Return whether *text* is a URL with something around it, or with a scheme of HTTP or WebSockets that is not spelt
    well, or has no two slashes after it.
    """
    scheme, mark, _ = text.partition("://")
    is_without_slashes = _SCHEME_MEANT.match(text) is not None and "://" not in text[:8]
    return is_without_slashes or (bool(mark) and (_bare(text) != text or is_misspelt(scheme.lower())))


def _bare(text: str) -> str:
    """
    Return *text* without what is around a URL.
    """
    around = _AROUND.fullmatch(text.strip())
    # A URL may end with a quotation mark of its own.
    if around is None or not around["before"]:
        return text
    return around["url"].rstrip(_QUOTES) or text


def url_meant(text: str) -> str:
    """
    Return the complete URL that *text* most likely means, safe to print: `localhost:8000/me`, `http:/localhost`,
    `//api.example.com`, `:8000`, a path, a misspelt scheme.
    """
    text = _bare(text)
    scheme, mark, rest = text.partition("://")
    if mark and is_misspelt(scheme.lower()):
        text = f"http{'s' * ('s' in scheme.lower())}://{rest}"
    match = _SCHEME_MEANT.match(text)
    scheme, rest = ("", text) if match is None else match.groups()
    rest = rest.replace("\\", "/").lstrip("/") if scheme or rest.startswith("//") else rest
    if rest.startswith((":", "/", ".")) or not rest:
        rest = f"localhost{rest}" if rest.startswith(":") else f"localhost:8000{rest.lstrip('.')}"
    if not scheme:
        target = url_of(f"http://{rest}")
        scheme = "https" if target is None or address_space(target.host) == "public" else "http"
    return shown_url(f"{scheme}://{rest}")


def shown_url(text: str) -> str:
    """
    Return the URL *text* without its password, safe to print.
    """
    return as_shown(without_password(text), LONGEST_READ)


def _with_variable(name: str) -> str:
    """
    Return the line of the header *name*, quoted; a variable of the shell stands for its value.
    """
    variable = _NO_VARIABLE.sub("_", name.upper())
    return f'{shlex.quote(f"{name}: ")}"${f"H_{variable}" if name[:1].isdigit() else variable}"'


def _how_to_ask(request: WireRequest) -> Iterator[str]:
    yield "--head" if request.method == "HEAD" else "-i"
    if is_handshake(request):
        # HTTP/2 opens WebSockets in another way (RFC 8441), and curl would wait until the server closes the WebSocket.
        yield "--http1.1 --max-time 5"
    if request.method not in {"GET", "HEAD"}:
        yield f"-X {shlex.quote(request.method)}"


def _words(request: WireRequest, secrets: Collection[str], connect_to: Mapping[str, str]) -> Iterator[str]:
    yield from _how_to_ask(request)
    if not _BRACKETS.isdisjoint(request.url):
        yield "--globoff"
    yield shlex.quote(request.url)
    for name, value in request.headers:
        if (name, value) == _SENT_ANYWAY:
            continue
        if name.lower() in secrets:
            yield f"-H {_with_variable(name)}"
        elif value:
            yield f"-H {shlex.quote(in_ascii(f'{name}: {value}'))}"
        else:
            # This is how curl sends a header without a value.
            yield f"-H {shlex.quote(f'{name};')}"
        if name.lower() == "accept-encoding" and value != "identity":
            yield "--compressed"
    if request.body:
        # The other data options of curl read a value that begins with @ as the name of a file.
        yield f"--data-raw {shlex.quote(in_ascii(request.body.decode('utf-8', 'replace'), keep=chr(10)))}"
    for host, address in connect_to.items():
        # For curl, a host without a port means all ports, too.
        separator = ":" if _PORT.search(host) else "::"
        yield f"--connect-to {shlex.quote(f'{host}{separator}{address}')}"
