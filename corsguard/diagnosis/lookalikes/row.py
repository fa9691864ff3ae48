"""
One row of the lookalikes.
"""

from typing import Final, NamedTuple

from corsguard.fixes import Fix

NO_HEADER_HELPS: Final = "No response header helps."


class Lookalike(NamedTuple):
    """
    A failure that looks like CORS and is something else: what it is, what to *look* at, in order, and the *fix*.
    *detail* is put before the words of the fix if the line names a `{value}`. *is_cors* marks lines that are about
    CORS, but do not name one failure. *check_helps* is False where no answer of the server would tell more.
    """

    title: str
    look: tuple[str, ...]
    fix: Fix
    detail: str = ""
    is_cors: bool = False
    check_helps: bool = True
