"""
One HTML page to send to others: what a check or an audit found, what went over the wire, and what to change.

Self-contained: no script, no other resources, everything escaped. The callers choose the content.
"""

import re
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Final, Literal, NamedTuple

from .confidential import without_parameters
from .drawing import STYLE, Drawn, sequence, text
from .exchanges import Shown

Mood = Literal["good", "warning", "bad"]

_STYLE: Final = """
:root { --paper: #fff; --ink: #1c2024; --quiet: #5a6270; --line: #c9ced6; --bad: #b3261e; --warning: #8a5a00;
  --good: #146c2e; --code: #f3f5f8; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --paper: #16191d; --ink: #e8eaed; --quiet: #a9b1bd; --line: #474e59;
  --bad: #ff8a80; --warning: #f3c26b; --good: #81c995; --code: #23282f; } }
@media print { :root { --paper: #fff; --ink: #000; --quiet: #444; --line: #999; --bad: #b3261e; --warning: #8a5a00;
  --good: #146c2e; --code: #f3f5f8; } section { break-inside: auto; } h2 { break-after: avoid; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere; }
main, footer { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; }
h2 { font-size: 1.2rem; margin-top: 2rem; border-top: 1px solid var(--line); padding-top: 1rem; }
h3, h4 { font-size: 1rem; margin-bottom: .3rem; }
.verdict { font-size: 1.1rem; font-weight: 600; border-left: .3rem solid; padding-left: .7rem; }
.bad { color: var(--bad); } .warning { color: var(--warning); } .good { color: var(--good); }
dl { margin: 0; } dt { font-weight: 600; } dd { margin: 0 0 .6rem; }
dd code { display: block; background: var(--code); border: 1px solid var(--line); border-radius: .3rem;
  padding: .4rem .6rem; white-space: pre-wrap; }
code { font-family: ui-monospace, monospace; font-size: .9rem; }
footer { color: var(--quiet); font-size: .9rem; }
"""
_CODE: Final = re.compile(r"`([^`]+)`")
# So even a mistake of ours cannot load or run anything.
_CLOSED: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


class Instruction(NamedTuple):
    """
    One thing to change: *where*, and the *line* to write there, code if it *is_code*.
    """

    where: str
    line: str
    is_code: bool = True


class Section(NamedTuple):
    """
    One finding, or one request: its *heading*, text about it, the fetch that shows it, what to change, and the *parts*
    that have their own sections.
    """

    heading: str
    texts: tuple[str, ...]
    changes: tuple[Instruction, ...] = ()
    drawn: Drawn | None = None
    parts: tuple["Section", ...] = ()


class Handout(NamedTuple):
    """
    The content of the page: its *title*, the *verdict* in a sentence and its *mood*, *sections*, and *notes*.
    """

    title: str
    verdict: str
    mood: Mood
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()

    def html(self, hide: Callable[[str], str]) -> str:
        """
        Return the page; *hide* removes secrets from each text, in addition to those in URLs.
        """

        def hidden(one: str) -> str:
            return without_parameters(hide(one))

        title = text(hidden(self.title))
        body = _sections(self.sections, "finding", 2, hidden)
        notes = f"<section><h2>Notes</h2><ul>{_items(map(hidden, self.notes))}</ul></section>\n" if self.notes else ""
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_CLOSED}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
            f"<title>{title}</title>\n<style>{_STYLE}{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
            f'<p class="verdict {self.mood}">{text(hidden(self.verdict))}</p>\n{body}{notes}</main>\n'
            "<footer>Written by corsguard. This page does not contain the values of cookies and headers that were "
            "given, nor of parameters of URLs whose names say that they are secret (token, code, signature)."
            "</footer>\n</body>\n</html>\n"
        )


def _sections(sections: Iterable[Section], name: str, level: int, hide: Callable[[str], str]) -> str:
    """
    Return *sections* as HTML, with headings of this *level* and ids that begin with *name*.
    """
    return "".join(_section(section, f"{name}-{number}", level, hide) for number, section in enumerate(sections, 1))


def _section(section: Section, name: str, level: int, hide: Callable[[str], str]) -> str:
    said = "".join(f"<p>{_prose(hide(one))}</p>\n" for one in section.texts)
    by_place = groupby(section.changes, key=lambda change: change.where)
    changes = "".join(
        f"<dt>{text(hide(where))}</dt>{''.join(_change(one, hide) for one in there)}" for where, there in by_place
    )
    below = f"h{level + 1}"
    listed = f"<{below}>What to change</{below}>\n<dl>{changes}</dl>\n" if changes else ""
    drawn = "" if section.drawn is None else sequence(_hidden(section.drawn, hide), "What went over the wire")
    heading = f'<h{level} id="{name}">{text(hide(section.heading))}</h{level}>'
    parts = _sections(section.parts, name, level + 1, hide)
    return f'<section aria-labelledby="{name}">{heading}\n{said}{listed}{drawn}{parts}</section>\n'


def _change(change: Instruction, hide: Callable[[str], str]) -> str:
    line = hide(change.line)
    return f"<dd>{f'<code>{text(line)}</code>' if change.is_code else _prose(line)}</dd>\n"


def _prose(line: str) -> str:
    """
    Return *line* as HTML, code in backticks as code.
    """
    return _CODE.sub(r"<code>\1</code>", text(line))


def _hidden(drawn: Drawn, hide: Callable[[str], str]) -> Drawn:
    # Given secrets were removed from the exchanges before they were shortened, but those in URLs were not.
    exchanges = tuple(one.hidden(hide) if isinstance(one, Shown) else one for one in drawn.exchanges)
    page, server, call, end = map(hide, (drawn.page, drawn.server, drawn.call, drawn.end))
    return drawn._replace(page=page, server=server, call=call, end=end, exchanges=exchanges)


def _items(texts: Iterable[str]) -> str:
    return "".join(f"<li>{_prose(one)}</li>" for one in texts)
