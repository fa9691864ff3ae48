"""
Fixtures that the tests of the engine share.
"""

from kit.configuring import file
from kit.recording import records
from kit.sourcing import keep

__all__ = ["file", "keep", "records"]
