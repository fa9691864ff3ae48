"""
One row of the lookalikes.
"""

from typing import Final, NamedTuple

from corsguard.fixes import Fix

NO_HEADER_HELPS: Final = "No response header helps."


class Lookalike(NamedTuple):
    """
    What is taken for CORS and is something else: what it is, what to *look* at, in order, and the *fix*. *detail*
    stands before the words of the fix where the line names a `{value}`. *is_cors* marks what is CORS, but is not one
    failure of it.
    """

    title: str
    look: tuple[str, ...]
    fix: Fix
    detail: str = ""
    is_cors: bool = False
