"""
What a sample is, how pages ask it, and the register of all samples.

A sample is data. The module that registers it also serves it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

SITE = "lab.example"
ORIGIN = f"http://app.{SITE}"
SECURE_ORIGIN = f"https://app.{SITE}"
# A page that no sample trusts on purpose.
STRANGER = "http://stranger.example/"
SECURE_STRANGER = "https://stranger.example/"

Kind = Literal["fault", "look-alike", "safe"]


class Asked(NamedTuple):
    """
    One fetch of the sample's URL by the page at *page*. *init* has the other arguments of `Page.fetch`.

    *reason* is that of the NetworkError, or None if the page may read. *cause* has words that must be in the report, in
    lower case, and *fix* is a part of the line to change. Both are "" if there is nothing to say.
    """

    page: str
    init: Mapping[str, Any]
    reason: str | None
    cause: str
    fix: str


class Sample(NamedTuple):
    """
    A server at *url* with one mistake, *title*. The host NAME.lab.example belongs to the sample NAME.

    *finds* are the ids of the findings above "info" in reports about it: the planted fault, without what a worse
    finding implies. (A server that reflects any origin also trusts `null`, and a comparison of the beginning also
    ignores the port.) *origin* is one that the server trusts, or should trust.
    """

    name: str
    title: str
    url: str
    finds: frozenset[str]
    origin: str
    asked: tuple[Asked, ...]
    kind: Kind = "fault"


SAMPLES: dict[str, Sample] = {}


def sample(  # noqa: PLR0913 - the parts of a sample
    name: str,
    title: str,
    *asked: Asked,
    finds: Iterable[str] = (),
    kind: Kind = "fault",
    origin: str = ORIGIN,
    url: str = "",
) -> str:
    """
    Register a sample, and return its host. Its URL has the scheme of *origin*, unless *url* says otherwise.
    """
    host = f"{name}.{SITE}"
    address = url or f"{origin.partition(':')[0]}://{host}/items"
    assert name not in SAMPLES, name
    SAMPLES[name] = Sample(name, title, address, frozenset(finds), origin, asked, kind)
    return address.split("/")[2]


def reads(page: str = f"{ORIGIN}/", cause: str = "", fix: str = "", **init: Any) -> Asked:
    """
    A fetch whose response the page may read. *cause* is what the report should still say.
    """
    return Asked(page, init, None, cause, fix)


# The page may read these, but a cache may give them to others, or withhold them.
UNVARIED = reads(cause="vary: origin", fix="Vary: Origin", credentials="include")


def fails(reason: str, cause: str, fix: str, *, page: str = f"{ORIGIN}/", **init: Any) -> Asked:
    """
    A fetch that fails.
    """
    return Asked(page, init, reason, cause, fix)


def refused(page: str = STRANGER, **init: Any) -> Asked:
    """
    A fetch by a page that is not listed, as it should be.
    """
    reason = "preflight_missing_allow_origin" if "method" in init else "missing_allow_origin"
    return fails(reason, "no access-control-allow-origin", "", page=page, **init)


def attacked(page: str, **init: Any) -> Asked:
    """
    A fetch by an attacker's page, with the user's cookies, which may read the response.
    """
    return reads(page, credentials="include", **init)
