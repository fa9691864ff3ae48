"""
A fetch as a sequence diagram between a page, the browser and a server: HTML that scales, prints and can be read aloud.
The browser's preflight cache is a column of its own if one of the exchanges is a Recall.

Pure: exchanges in, HTML out. Every message is text, in the order of time. Only the arrows are drawn, so nothing is lost
without a picture. Everything that is shown goes through `text`, so a string from the network stays a string.
"""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final, Literal, NamedTuple

from corsguard.quoting import printable

from .exchanges import Shown
from .wire import Header

_Way = Literal["page-browser", "browser-server", "server-browser", "browser-page", "browser-cache", "cache-browser"]
_WAYS: Final[dict[_Way, str]] = {
    "page-browser": "Page to browser",
    "browser-server": "Browser to server",
    "server-browser": "Server to browser",
    "browser-page": "Browser to page",
    "browser-cache": "Browser to preflight cache",
    "cache-browser": "Preflight cache to browser",
}

STYLE: Final = """
figure { margin: 1rem 0; }
figcaption { font-weight: 600; margin-bottom: .5rem; }
.actors { display: flex; }
.actors span { flex: 1 1 0; min-width: 0; text-align: center; padding: .4rem .3rem; margin: 0 .2rem;
  border: 1px solid var(--line); border-radius: .4rem; font-weight: 600; }
.actors small { display: block; font-weight: 400; }
.sequence { list-style: none; margin: 0; padding: .5rem 0 1rem; background:
  linear-gradient(var(--line), var(--line)) 16.667% 0 / 2px 100% no-repeat,
  linear-gradient(var(--line), var(--line)) 50% 0 / 2px 100% no-repeat,
  linear-gradient(var(--line), var(--line)) 83.333% 0 / 2px 100% no-repeat; }
.message { padding: .5rem 0; break-inside: avoid; }
.said { background: var(--paper); border: 1px solid var(--line); border-radius: .4rem; padding: .4rem .6rem; }
.said p { margin: 0; }
.way { font-size: .85rem; color: var(--quiet); }
.said summary { cursor: pointer; }
.lines { list-style: none; margin: .3rem 0 0; padding: 0; font-family: ui-monospace, monospace; font-size: .85rem; }
.arrow { position: relative; height: 0; margin-top: .6rem; border-top: 2px solid var(--ink); width: 33.333%; }
.arrow::after { content: ""; position: absolute; top: -7px; border: 6px solid transparent; }
.page-browser .arrow, .browser-page .arrow { margin-left: 16.667%; }
.browser-server .arrow, .server-browser .arrow { margin-left: 50%; }
.page-browser .arrow::after, .browser-server .arrow::after {
  right: -2px; border-left-color: var(--ink); border-right: 0; }
.server-browser .arrow::after, .browser-page .arrow::after {
  left: -2px; border-right-color: var(--ink); border-left: 0; }
.fails .said { border: 2px solid var(--bad); }
.fails .arrow { border-top: 2px dashed var(--bad); }
.server-browser.fails .arrow::after, .browser-page.fails .arrow::after { border-right-color: var(--bad); }
.mark { color: var(--bad); font-weight: 700; }
.sequence.cached { background:
  linear-gradient(var(--line), var(--line)) 12.5% 0 / 2px 100% no-repeat,
  linear-gradient(var(--line), var(--line)) 37.5% 0 / 2px 100% no-repeat,
  linear-gradient(var(--line), var(--line)) 62.5% 0 / 2px 100% no-repeat,
  linear-gradient(var(--line), var(--line)) 87.5% 0 / 2px 100% no-repeat; }
.cached .arrow { margin-left: 37.5%; width: 25%; }
.cached .page-browser .arrow, .cached .browser-page .arrow { margin-left: 12.5%; }
.cached .browser-server .arrow, .cached .server-browser .arrow { margin-left: 37.5%; width: 50%; }
.browser-cache .arrow::after { right: -2px; border-left-color: var(--ink); border-right: 0; }
.cache-browser .arrow::after { left: -2px; border-right-color: var(--ink); border-left: 0; }
@media (min-width: 44rem) {
  .page-browser .said, .browser-page .said, .browser-cache .said, .cache-browser .said { width: 62%; }
  .browser-server .said, .server-browser .said { margin-left: 38%; }
  .browser-cache .said, .cache-browser .said { margin-left: 19%; }
}
"""


class Recall(NamedTuple):
    """
    What the browser *asked* its preflight cache, and the *answer* that it found.
    """

    asked: str
    answer: str


class Drawn(NamedTuple):
    """
    What is drawn of one fetch: a page of the origin *page* makes the *call*. *exchanges* are sent, or the preflight
    cache makes them unnecessary.

    *failed* is the index of the exchange with the wrong answer, or None. *mark* is the text shown there. *end* says
    what the page gets, and *is_refused* is True if it gets nothing.
    """

    page: str
    server: str
    call: str
    exchanges: tuple[Shown | Recall, ...]
    end: str
    failed: int | None = None
    mark: str = "This step failed."
    is_refused: bool = False


def text(value: str) -> str:
    """
    Return *value* as HTML that shows it, whatever is in it.
    """
    return escape(printable(value))


def sequence(drawn: Drawn, title: str, *, is_folded: bool = False) -> str:
    """
    Return the diagram as HTML, with the title *title*; the page has to contain STYLE.

    If *is_folded*, the headers of a message are shown only after a click, except those of a failed message.
    """
    caches = any(isinstance(one, Recall) for one in drawn.exchanges)
    actors = [("Page", drawn.page), ("Browser", ""), ("Preflight cache", ""), ("Server", drawn.server)]
    boxes = "".join(
        f"<span>{name}{f'<small>{text(who)}</small>' if who else ''}</span>"
        for name, who in actors
        if caches or name != "Preflight cache"
    )
    messages = "".join(_message(one, is_folded=is_folded) for one in _messages(drawn))
    return (
        f"<figure><figcaption>{text(title)}</figcaption>\n"
        f'<div class="actors">{boxes}</div>\n'
        f'<ol class="sequence{" cached" * caches}" aria-label="{text(title)}">\n{messages}</ol></figure>\n'
    )


class _Arrow(NamedTuple):
    way: _Way
    title: str
    lines: tuple[str, ...] = ()
    mark: str = ""


def _messages(drawn: Drawn) -> Iterator[_Arrow]:
    yield _Arrow("page-browser", drawn.call)
    for number, one in enumerate(drawn.exchanges):
        if isinstance(one, Recall):
            yield _Arrow("browser-cache", one.asked)
            yield _Arrow("cache-browser", one.answer)
            continue
        asked = _lines(one.request_headers, one.more_request_headers)
        answered = _lines(one.response_headers, one.more_response_headers)
        status = "no response" if one.status is None else str(one.status)
        yield _Arrow("browser-server", one.title, (*asked,))
        yield _Arrow("server-browser", status, (*answered,), drawn.mark if number == drawn.failed else "")
    yield _Arrow("browser-page", drawn.end, (), "The page gets nothing." if drawn.is_refused else "")


def _lines(headers: Iterable[Header], more: int) -> Iterator[str]:
    yield from (f"{name}: {value}" for name, value in headers)
    if more:
        yield f"... {more} more"


def _message(one: _Arrow, *, is_folded: bool) -> str:
    items = "".join(f"<li>{text(line)}</li>" for line in one.lines)
    lines = f'<ul class="lines">{items}</ul>' if items else ""
    title = f"<strong>{text(one.title)}</strong>"
    shown = f"<p>{title}</p>{lines}"
    if lines and is_folded:
        shown = f"<details{' open' * bool(one.mark)}><summary>{title}</summary>{lines}</details>"
    mark = f'<p class="mark"><span aria-hidden="true">\N{BALLOT X} </span>{text(one.mark)}</p>' if one.mark else ""
    return (
        f'<li class="message {one.way}{" fails" * bool(one.mark)}"><div class="said">'
        f'<p class="way">{_WAYS[one.way]}</p>{shown}{mark}</div>'
        f'<div class="arrow" aria-hidden="true"></div></li>\n'
    )
