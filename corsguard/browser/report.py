"""
The full report of a failed fetch: first the cause and the line to change, then the console lines, then the wire.

Neither cookies nor passwords are shown.
"""

from collections.abc import Collection, Iterable, Iterator

from corsguard.origin import NULL

from .advice import fix
from .console import chromium, firefox
from .evidence import FailureWords
from .exchanges import on_the_wire
from .failures import Failure
from .notes import notes
from .reasons import REASONS
from .wire import Exchange


def cause(failure: Failure, unnamed: Collection[str] = ()) -> str:
    """
    Return in one sentence what failed, for whom and why. *unnamed* (`url`, `url_scheme`, `page` or `method`) is left
    out of it.
    """
    words = FailureWords(failure)
    if "url_scheme" in unnamed:
        words["url"] = words["url"].partition("://")[2]
    if "page" in unnamed:
        words["sent_origin"] = "the origin of the page"
    bare = REASONS[failure.reason].message.format_map(words)
    # Of null, it is not known whether the page has it, or a redirect made it.
    page = f"a page on {words['page_origin']}" if failure.page_origin != NULL else "the origin null"
    if "url" in unnamed:
        return f"{bare[0].upper()}{bare[1:]}" if "page" in unnamed else f"A request of {page} failed: {bare}"
    method = "" if "method" in unnamed else f"{words['method']} "
    return f"{method}{words['url']} failed{'' if 'page' in unnamed else f' for {page}'}: {bare}"


def bare_cause(failure: Failure) -> str:
    """
    Return what failed and why, as the second half of a sentence.
    """
    return REASONS[failure.reason].message.format_map(FailureWords(failure))


def report(failure: Failure, exchanges: Iterable[Exchange]) -> str:
    """
    Return the full report: what failed and what to change, what the consoles say, and what went over the wire.

    Values of `Cookie`, `Authorization` and `Set-Cookie`, and passwords in a `Location`, are not shown.
    """
    return "\n".join(
        [
            cause(failure),
            "",
            str(fix(failure)),
            "",
            f"{failure.code}: {failure.clause}",
            *(f"Chromium: {line}" for line in filter(None, [chromium(failure)])),
            *(f"Firefox:  {line}" for line in filter(None, [firefox(failure)])),
            *(f"Note: {note}" for note in notes(failure)),
            "",
            *_wire(list(exchanges)),
        ]
    )


def _wire(exchanges: Collection[Exchange]) -> Iterator[str]:
    yield "On the wire:" if exchanges else "Nothing was sent."
    for title, lines in on_the_wire(exchanges):
        yield title
        yield from lines
