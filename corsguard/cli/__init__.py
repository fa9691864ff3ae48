"""
The command line: `corsguard explain`, `check`, `lint`, `audit`, `export`, `move` and `manual`.

It reads arguments, calls the engine or the model of a browser, and prints the result. It does not decide anything.
"""

from .group import main as main

__all__ = ["main"]
