"""
Which console line means which failure: one row for each core.

Browsers change the rest of a line between releases, and people change quotation marks, so a core is as short as it can
be.
"""

from typing import Final

from .connections import BLOCKED, CONNECTIONS, VAGUE
from .core import Core, first_core, without_urls
from .rules import RULES
from .servers import LOGS, SERVERS
from .sharing import SHARING

__all__ = ["BLOCKED", "CORES", "LOGS", "VAGUE", "Core", "first_core", "without_urls"]

# The first core that matches counts, so the more specific cores come first.
CORES: Final = (*SHARING, *SERVERS, *RULES, *CONNECTIONS, *LOGS)
