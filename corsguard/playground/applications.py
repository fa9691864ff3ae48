"""
Applications outside of the playground, under one policy, which its second view shows side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(kw_only=True)
class Applications:
    """
    The origin of each application by its title, which may be added later, and the origin of the *page* that fetches
    from them (empty: that of the playground's own pages).

    *policy* has the keywords to show, for the *environment* if there is one. *differing* says for a row of the view, or
    for all rows (`*`), what should happen under that policy, and why.
    """

    origins: dict[str, str] = field(default_factory=dict[str, str])
    page: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict[str, Any])
    environment: str = ""
    differing: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
