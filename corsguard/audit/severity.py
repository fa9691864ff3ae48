"""
The severity of an allowed origin: it depends on who can use the origin, and on what can be read.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

EVERY_BROWSER: Final = "Chromium, Firefox, Safari"
NO_BROWSER: Final = "none"


class Severity(IntEnum):
    """
    The severity of a finding; INFO is not a fault.
    """

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def score(self) -> float:
        """
        The middle of the range that CVSS gives to the same word, from 0 to 10.
        """
        return _SCORES[self]


_SCORES: Final[Mapping[Severity, float]] = MappingProxyType(
    {Severity.INFO: 0.0, Severity.LOW: 2.0, Severity.MEDIUM: 5.4, Severity.HIGH: 7.9, Severity.CRITICAL: 9.5}
)


class Reach(StrEnum):
    """
    Who can use an origin that is allowed.
    """

    ANYONE = "E1"
    REGISTRANT = "E2"
    ADDRESS = "E2a"
    FEW_BROWSERS = "E2s"
    NETWORK = "E3"
    EXTENSION = "E3e"
    NEIGHBOUR = "E4"
    DEVICE = "E4d"
    PLACE = "E4p"
    APP = "E4a"
    NOBODY = "E5"


WHO: Final[Mapping[Reach, str]] = MappingProxyType(
    {
        Reach.ANYONE: "anyone, from any page",
        Reach.REGISTRANT: "anyone who registers the name",
        Reach.ADDRESS: "anyone who rents a server with such an address",
        Reach.FEW_BROWSERS: "anyone who registers the name, in some browsers only",
        Reach.NETWORK: "anyone who controls the network, or a program on the visitor's device",
        Reach.EXTENSION: "anyone whose extension the visitor has installed",
        Reach.NEIGHBOUR: "anyone who takes over another host or service of the same owner",
        Reach.DEVICE: "any program on the visitor's device",
        Reach.PLACE: "anyone who has that address in the visitor's network",
        Reach.APP: "anyone whose app the visitor has installed",
        Reach.NOBODY: "no browser sends it; other clients may",
    }
)

# The severity with credentials; without; and without, if only an internal network can reach the server.
_BY_REACH: Final[Mapping[Reach, tuple[Severity, Severity, Severity]]] = MappingProxyType(
    {
        Reach.ANYONE: (Severity.CRITICAL, Severity.LOW, Severity.HIGH),
        Reach.REGISTRANT: (Severity.CRITICAL, Severity.LOW, Severity.HIGH),
        Reach.ADDRESS: (Severity.CRITICAL, Severity.LOW, Severity.HIGH),
        Reach.FEW_BROWSERS: (Severity.HIGH, Severity.LOW, Severity.HIGH),
        Reach.NETWORK: (Severity.HIGH, Severity.LOW, Severity.HIGH),
        Reach.EXTENSION: (Severity.HIGH, Severity.LOW, Severity.HIGH),
        Reach.NEIGHBOUR: (Severity.MEDIUM, Severity.INFO, Severity.MEDIUM),
        Reach.DEVICE: (Severity.MEDIUM, Severity.INFO, Severity.MEDIUM),
        Reach.PLACE: (Severity.MEDIUM, Severity.INFO, Severity.MEDIUM),
        Reach.APP: (Severity.MEDIUM, Severity.INFO, Severity.MEDIUM),
        Reach.NOBODY: (Severity.INFO, Severity.INFO, Severity.INFO),
    }
)


def severity_of(reach: Reach, *, with_credentials: bool, is_internal: bool) -> Severity:
    """
    Return the severity if *reach* can read.
    """
    credentialed, public, internal = _BY_REACH[reach]
    return credentialed if with_credentials else internal if is_internal else public
