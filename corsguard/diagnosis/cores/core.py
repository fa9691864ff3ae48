"""
One core, and what makes it.

It is looked for in the text that `pasted` makes: single quotation marks are straight, and so are backticks.
"""

import re
from typing import Final, NamedTuple

from corsguard.browser import Reason

# What Node calls an error of a connection, or of its parser of HTTP.
ERRNO: Final = r"(?-i:E[A-Z]{3,}|HPE_[A-Z_]+)"


class Core(NamedTuple):
    """
    The *core* of a message, and what it means. Its groups: `value`, `method`, `header`, `status`, `origin`, `url`,
    `first` (where a redirect began) and `target` (where one leads).
    """

    core: re.Pattern[str]
    means: Reason | str
    # The value at fault, if the core itself tells it.
    value: str | None = None


def core(text: str, means: Reason | str, value: str | None = None) -> Core:
    return Core(re.compile(text, re.IGNORECASE), means, value)


def named(chromium: str, firefox: str, means: Reason | str, value: str | None = None) -> Core:
    """
    Return the core of what Network panels show: Chromium its own names, Firefox the words of its names after CORS.
    """
    spaced = "|".join(" ?".join(re.findall(r"[A-Z][a-z]*", name)) for name in firefox.split())
    own = "|".join(chromium.split())
    either = [rf"\bCORS ?(?:{spaced})(?:\d|s)?\b"] if spaced else []
    return core("|".join([*either, *([rf"\b(?:Preflight)?(?:{own})\b"] if own else [])]), means, value)
