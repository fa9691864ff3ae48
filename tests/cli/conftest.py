"""
Fixtures that these tests share with the tests of the diagnosis.
"""

from kit.checking import serve
from kit.explaining import here, module

__all__ = ["here", "module", "serve"]
