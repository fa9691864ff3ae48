"""
A page where somebody writes a policy and watches what a real browser does under it, next to what the model says.

Everything is served on loopback by this process, and nothing leaves the machine.
"""

from .applications import Applications as Applications
from .opening import DEFAULT_PORT as DEFAULT_PORT
from .opening import opened as opened
from .opening import sample_named as sample_named

__all__ = ["DEFAULT_PORT", "Applications", "opened", "sample_named"]
