"""
A page to write a policy and compare what a real browser does under it with what the model says.

This process serves everything on loopback, and nothing leaves the machine.
"""

from .applications import Applications as Applications
from .opening import DEFAULT_PORT as DEFAULT_PORT
from .opening import opened as opened
from .opening import sample_named as sample_named

__all__ = ["DEFAULT_PORT", "Applications", "opened", "sample_named"]
