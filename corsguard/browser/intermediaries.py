"""
Recognizes who answered in place of the application: a cache, a firewall, a login page.

Only what the answer contains counts: a status alone does not show who answered.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from corsguard.guard import PROTECTED_BODIES
from corsguard.protection import VerdictReason

from .evidence import LONGEST_READ, as_shown
from .headers import get, seconds_of
from .wire import Header, WireResponse


class _Telltale(NamedTuple):
    """
    A header that shows by its *name* who answered, if its value *matches*.
    """

    name: str
    matches: re.Pattern[str]


def _telltale(name: str, pattern: str = "") -> _Telltale:
    return _Telltale(name, re.compile(pattern, re.IGNORECASE))


# Headers that show that an answer was stored (RFC 9211, and older ones).
_STORED: Final = (
    _telltale("Cache-Status", r";\s*hit\b"),
    _telltale("X-Cache", r"\bhit\b"),
    _telltale("X-Cache-Status", r"^\s*(hit|stale|updating|revalidated)"),
    _telltale("X-Cache-Hits", r"[1-9]"),
    _telltale("X-Proxy-Cache", r"\bhit\b"),
    _telltale("CF-Cache-Status", r"^\s*(hit|stale|updating|revalidated)"),
    _telltale("X-Vercel-Cache", r"^\s*(hit|stale|prerender)"),
    _telltale("X-Nextjs-Cache", r"^\s*(hit|stale)"),
    _telltale("X-Varnish", r"^\s*\d+\s+\d+"),
)
# For a refusal: the firewall, or the service in front, that it comes from.
_FIREWALLS: Final[Mapping[str, tuple[_Telltale, ...]]] = {
    "Cloudflare": (_telltale("CF-Mitigated"), _telltale("CF-Ray"), _telltale("Server", "^cloudflare")),
    "Akamai": (_telltale("Server", "^AkamaiGHost"),),
    "AWS WAF": (_telltale("X-AMZN-WAF-Action"),),
    "CloudFront": (_telltale("X-Cache", "^Error from cloudfront"), _telltale("Server", "^CloudFront")),
    "an AWS load balancer": (_telltale("Server", "^awselb/"),),
    "Imperva": (_telltale("X-Iinfo"), _telltale("X-CDN", "Imperva|Incapsula")),
    "Sucuri": (_telltale("X-Sucuri-ID"), _telltale("Server", "^Sucuri")),
    "F5": (_telltale("Server", "^BIG-?IP"), _telltale("X-WA-Info")),
    "Azure Front Door": (_telltale("X-Azure-Ref"),),
    "DataDome": (_telltale("X-DataDome"),),
    "ModSecurity": (_telltale("Server", "Mod_?Security"),),
    "DDoS-Guard": (_telltale("Server", "^ddos-guard"),),
    "Vercel": (_telltale("X-Vercel-Mitigated"),),
}
# The body of the 400 with which nginx, Apache, Go, lighttpd, Tomcat and others answer http at their port for TLS.
_WANTS_TLS: Final = re.compile(
    rb"plain HTTP request was sent to HTTPS|HTTP request to an HTTPS server|speaking plain HTTP to an SSL|"
    rb"combination of host and port requires TLS|requires? (?:TLS|HTTPS)",
    re.IGNORECASE,
)


def _seen(headers: Iterable[Header], signs: Iterable[_Telltale]) -> str:
    """
    Return the first of *signs* that *headers* have, as a line; empty if none.
    """
    lines = tuple(headers)
    found = ((sign, (get(lines, sign.name) or "")[:LONGEST_READ]) for sign in signs)
    return next((_line(sign.name, value) for sign, value in found if value and sign.matches.search(value)), "")


def _line(name: str, value: str) -> str:
    return f"{name}: {as_shown(value)}"


def cache_seen(headers: Iterable[Header]) -> str:
    """
    Return the line that shows that an answer with *headers* comes from a cache (RFC 9111, 5.1); empty if none.
    """
    lines = tuple(headers)
    return f"Age: {seconds}" if (seconds := seconds_of(lines, "Age")) else _seen(lines, _STORED)


def firewall_seen(answer: WireResponse) -> tuple[str, str] | None:
    """
    Return the firewall, or the service in front, that refuses with *answer*, and the line that shows it; None if
    nothing does.
    """
    if answer.status != 403:
        return None
    found = ((name, _seen(answer.headers, signs)) for name, signs in _FIREWALLS.items())
    return next(((name, line) for name, line in found if line), None)


def login_seen(answer: WireResponse) -> str:
    """
    Return the line by which *answer* asks for a login (RFC 9110, 11.6.1 and 11.7.1); empty if none.
    """
    name = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}.get(answer.status, "")
    value = get(answer.headers, name) if name else None
    # Only the scheme is shown: the rest may be anything.
    return "" if value is None else _line(name, value.split(" ")[0].rstrip(","))


def limit_seen(answer: WireResponse) -> str:
    """
    Return the line by which *answer* says when to try again (RFC 6585, 4); empty if none.
    """
    value = get(answer.headers, "Retry-After") if answer.status in {429, 503} else None
    return "" if value is None else _line("Retry-After", value)


def protection_seen(answer: WireResponse) -> VerdictReason | None:
    """
    Return the reason why corsguard's protection refuses with *answer*; None if *answer* does not equal, byte for byte,
    what this version sends. Another version of corsguard may use other words.
    """
    if answer.status != 403:
        return None
    return next((reason for reason, body in PROTECTED_BODIES.items() if body == answer.body), None)


def wants_tls(answer: WireResponse) -> bool:
    """
    Return whether *answer*, to a request over http, says that the port speaks TLS.
    """
    return answer.status == 400 and _WANTS_TLS.search(answer.body[:LONGEST_READ]) is not None
