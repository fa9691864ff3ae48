"""
Stores of origins that change while a test runs.
"""

import time

# That of a machine that does other work, too.
PATIENCE = 30


def until(condition, patience=PATIENCE):
    """
    Wait until *condition* is fulfilled, and return how many seconds it took.
    """
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience
        time.sleep(0.002)
    return time.monotonic() - began
