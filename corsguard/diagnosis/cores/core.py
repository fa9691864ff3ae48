"""
One core, and what makes it.

It is searched in the text that `pasted` returns: typographic quotation marks and backticks are straight single ones
there.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from corsguard.browser import Reason

_ANY_URL: Final = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,30}://[^\s'\"]+|"
    # The place of a line in a script.
    r"(?<![\w.$@/-])[\w.$@-]{1,100}\.(?:[cm]?[jt]sx?|html?|svelte|vue)(?:\?\S{0,400})?:\d{1,7}\b",
    re.IGNORECASE,
)
# Node's codes for errors of a connection or of its HTTP parser.
ERRNO: Final = r"(?-i:E[A-Z]{3,}|HPE_[A-Z_]+)"


class Core(NamedTuple):
    """
    The *core* of a message, and what it means. Its groups: `value`, `method`, `header`, `status`, `origin`, `url`,
    `first` (where a redirect began) and `target` (where one leads).
    """

    core: re.Pattern[str]
    means: Reason | str
    # The value at fault, if the core itself implies it.
    value: str | None = None


def core(text: str, means: Reason | str, value: str | None = None) -> Core:
    # A word in another alphabet may be next to a message without a space, so only Latin letters make a word.
    return Core(re.compile(text, re.IGNORECASE | re.ASCII), means, value)


def named(chromium: str, firefox: str, means: Reason | str, value: str | None = None) -> Core:
    """
    Return the core for names in Network panels: Chromium's names, and Firefox's names, which it splits into words after
    "CORS".
    """
    spaced = "|".join(" ?".join(re.findall(r"[A-Z][a-z]*", name)) for name in firefox.split())
    own = "|".join(chromium.split())
    either = [rf"\bCORS ?(?:{spaced})(?:\d|s)?\b"] if spaced else []
    return core("|".join([*either, *([rf"\b(?:Preflight)?(?:{own})\b"] if own else [])]), means, value)


def without_urls(text: str) -> str:
    """
    Return *text* with a zero character for each character of its URLs, and of the names of scripts: their words do not
    say what failed.
    """
    return _ANY_URL.sub(lambda url: "\0" * len(url[0]), text)


def first_core(cores: Iterable[Core], text: str) -> tuple[Core, re.Match[str]] | None:
    """
    Return the first of *cores* that is in *text*, and where.
    """
    bare = without_urls(text)
    for row in cores:
        for match in row.core.finditer(text):
            if bare[match.start() : match.start() + 1] != "\0":
                return row, match
    return None
