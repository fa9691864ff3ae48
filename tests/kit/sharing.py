"""
A share of the rows of a test is played by default, and the rest in the long form.
"""

import pytest


def share(rows, every=3):
    """
    Return *rows* for `parametrize`: all but each *every*-th one have the mark `long`.
    """
    return [row if number % every == 0 else _long(row) for number, row in enumerate(rows)]


def _long(row):
    values = row if isinstance(row, tuple) else (row,)
    return pytest.param(*values, marks=pytest.mark.long)
