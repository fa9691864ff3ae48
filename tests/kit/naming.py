"""
Names of cases from their values. They are the same in every process, so a case can be found again.
"""

import re


def steady(value):
    """
    Return *value* as `repr` shows it, but cut, without addresses, and with its sets sorted.
    """
    return re.sub(" at 0x[0-9a-f]+", "", _in_order(value))[:100]


def _in_order(value):
    match value:
        case dict():
            return f"{{{', '.join(f'{key!r}: {_in_order(item)}' for key, item in value.items())}}}"
        case set() | frozenset():
            return f"{type(value).__name__}({', '.join(sorted(map(repr, value)))})"
        case _:
            return repr(value)
