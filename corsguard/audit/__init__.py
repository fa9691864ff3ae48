"""
Finds what an attacker would find at a URL: with a bounded number of requests, judged by the model of a browser, and
confirmed by a second request.

One call, `audit`. What it returns, a Report, has a `data()` that JSON can hold.
"""

from .calls import audit as audit
from .findings import Finding as Finding
from .report import Report as Report
from .rules import RULES as RULES
from .rules import Weakness as Weakness
from .severity import Reach as Reach
from .severity import Severity as Severity

__all__ = ["RULES", "Finding", "Reach", "Report", "Severity", "Weakness", "audit"]
