"""
Fixtures that the tests of the command line share with those of what judges for it.
"""

from kit.checking import serve
from kit.explaining import here, module

__all__ = ["here", "module", "serve"]
