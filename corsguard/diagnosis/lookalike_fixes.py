"""
What to change about a failure that looks like CORS, with the page and the server that a line names.
"""

from dataclasses import replace

from corsguard.browser.evidence import as_shown
from corsguard.fixes import Fix
from corsguard.names import EXPOSE_HEADERS
from corsguard.origin import NULL

from .lookalikes import LOOKALIKES


def fix_of_lookalike(name: str, origin: str | None, target: str, header: str | None, value: str = "") -> Fix:
    """
    Return what to change about the lookalike *name*. The page is on *origin* (None if not known) and requests *target*.
    *header* and *value* are those that the line names.
    """
    row = LOOKALIKES[name]
    shown = as_shown(value)
    if name == "not_exposed":
        exposed = as_shown(header or "X-Total-Count")
        policy = {"expose_headers": exposed.split(", ")}
        return replace(row.fix, send=(f"{EXPOSE_HEADERS}: {exposed}",), policy=policy)
    if name == "worker_script" and origin == NULL:
        words = "The page is a file, or in a sandboxed frame, and no script is of its origin. Load it from a server."
        return Fix(words=words, page=("load the page from a server (python -m http.server), not from the disk",))
    blanks = {
        "origin": "the page's origin" if origin is None else as_shown(origin),
        "target": as_shown(target),
        "header": as_shown(header or ""),
        "value": shown,
        "directive": shown or "connect-src",
        "recipient": shown or "https://...",
        # A URL without its scheme is a relative one.
        "last": shown if "://" in shown else "https://...",
    }
    detail = f"{row.detail.format_map(blanks)} " if row.detail and value else ""
    policy = row.fix.policy if origin is None or name != "answered" else {"allow_origins": [blanks["origin"]]}
    names = as_shown(header or "").split(", ")
    page = tuple(dict.fromkeys(line.format_map({**blanks, "header": name}) for line in row.fix.page for name in names))
    return replace(row.fix, words=f"{detail}{row.fix.words.format_map(blanks)}", page=page, policy=policy)
