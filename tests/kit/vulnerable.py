"""
Faults that other libraries had, each in the smallest code that has it. The attacks of the tests succeed against them.
"""

from collections.abc import Callable
from typing import NamedTuple

from .adapters import Asked, Outcome
from .cases import Request


class Vulnerability(NamedTuple):
    """
    A fault that a library had: its *kind*, *why* it cannot happen here, and the *test*, whose docstring says what
    happened.
    """

    kind: str
    why: str
    test: Callable[..., None]

    @property
    def item(self) -> str:
        """
        The vulnerability as an item of a list in Markdown.
        """
        told = " ".join((self.test.__doc__ or "").split())
        return f"* {told}\n  * Here: {self.why}\n  * Test: `{self.test.__name__}`\n"


KNOWN: list[Vulnerability] = []


def known(kind: str, why: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """
    Return a decorator that lists the test of a vulnerability.
    """

    def listed(test: Callable[..., None]) -> Callable[..., None]:
        KNOWN.append(Vulnerability(kind, why, test))
        return test

    return listed


VARY = [("Vary", "Origin")]


def reflecting(is_allowed: Callable[[str], object], vary: list[tuple[str, str]] = VARY) -> Asked:
    """
    Return a library that echoes every origin for which *is_allowed* is true, with credentials.
    """

    def ask(request: Request) -> Outcome:
        origin = request.headers.get("Origin")
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        granted = [("Access-Control-Allow-Credentials", "true")]
        lines = [("Access-Control-Allow-Origin", origin), *granted] if origin and is_allowed(origin) else []
        return Outcome(204 if is_preflight else 200, [*lines, *vary], not is_preflight, b"")

    return ask


class Cache:
    """
    A shared cache by RFC 9111, section 4.1, in front of *ask*: the headers that `Vary` names are part of the key.
    """

    def __init__(self, ask: Asked) -> None:
        self.ask = ask
        self.stored: list[tuple[Request, Outcome]] = []

    def __call__(self, request: Request) -> Outcome:
        for stored, outcome in self.stored:
            names = [name.strip() for line in outcome.lines("Vary") for name in line.split(",")]
            if all(stored.headers.get(name) == request.headers.get(name) for name in names):
                return outcome
        outcome = self.ask(request)
        self.stored.append((request, outcome))
        return outcome
