"""
A share of the rows of a test is played by default, and the rest in the long form. So it is with values that are drawn.
"""

import pytest
from hypothesis import HealthCheck, settings


def share(rows, every=3):
    """
    Return *rows* for `parametrize`: all but each *every*-th one have the mark `long`.
    """
    return [row if number % every == 0 else _long(row) for number, row in enumerate(rows)]


def tried(times):
    """
    Return the settings of a property that is tried *times* times in the long form, and a third of that by default.

    The time of one try depends on the machine, so it has no deadline.
    """
    slow = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    is_long = settings.get_current_profile_name() == "long"
    return settings(max_examples=times if is_long else times // 3, deadline=None, suppress_health_check=slow)


def _long(row):
    values = row if isinstance(row, tuple) else (row,)
    return pytest.param(*values, marks=pytest.mark.long)
