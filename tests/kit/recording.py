"""
The records in the log of corsguard.
"""

import logging

import pytest


class Listener(logging.Handler):
    def __init__(self):
        super().__init__()
        self.records = []

    def emit(self, record):
        self.records.append(record)


@pytest.fixture
def records(caplog):
    caplog.set_level(logging.INFO, logger="corsguard")
    listener = Listener()
    logger = logging.getLogger("corsguard")
    logger.addHandler(listener)
    yield listener.records
    logger.removeHandler(listener)
