"""
The command line: `corsguard explain`, `check`, `lint`, `audit`, `export`, `move` and `manual`.

It reads arguments, asks the engine or the model of a browser, and prints what they say; it decides nothing itself.
"""

from .group import main as main

__all__ = ["main"]
