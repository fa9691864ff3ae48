"""
URLs, and the parts of them that browsers compare: origins, sites, ports, address spaces.

A library parses URLs exactly as the URL standard says; this module has the definitions of Fetch and HTML about them. An
origin is represented by its serialization. `null` stands for every opaque origin, and is not the same origin as any
other.
"""

import re
from collections.abc import Collection
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, Literal, NamedTuple

from ada_url import URL

from corsguard.origin import NULL, Origin
from corsguard.suffixes import registrable_domain

HTTP_SCHEMES: Final = frozenset({"http", "https"})
# The schemes of WebSockets, each with that of the handshake.
SOCKET_SCHEMES: Final = {"ws": "http", "wss": "https"}

# Fetch, "bad port".
BAD_PORTS: Final = frozenset(
    map(
        int,
        """
        0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119
        123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989 990
        993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080
        """.split(),
    )
)

# Local Network Access, "IP address spaces". All other addresses are public.
_LOOPBACK: Final = tuple(map(ip_network, "127.0.0.0/8 ::1/128 0.0.0.0/32 ::/128 198.18.0.0/15".split()))
_PRIVATE_NAME: Final = re.compile(r"(?:^|\.)(?:local|test|internal|home\.arpa)$|^[^.]+$")
_LOCAL: Final = tuple(
    map(
        ip_network,
        """
        10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 100.64.0.0/10 0.0.0.0/8 fc00::/7 fe80::/10 fec0::/10
        2001:db8::/32 3fff::/20
        """.split(),
    )
)

AddressSpace = Literal["public", "local", "loopback"]


class Url(NamedTuple):
    """
    A parsed URL: *href* is its serialization without fragment, user and password, which are not sent; *port* is None if
    it is the scheme's default.
    """

    href: str
    scheme: str
    host: str
    port: int | None
    origin: str
    has_userinfo: bool

    @staticmethod
    def parse(text: str, base: "Url | None" = None) -> "Url":
        """
        Return the URL that *text* spells, relative to *base* (URL, "basic URL parser"). Raises ValueError.
        """
        return _parsed(text, None if base is None else base.href)


# Each step of a fetch asks about the same few URLs.
_remembered: Final = lru_cache(maxsize=256)


@_remembered
def _parsed(text: str, base: str | None) -> Url:
    parsed = URL(text, base=base) if base else URL(text)
    scheme = parsed.protocol.removesuffix(":")
    port = int(parsed.port) if parsed.port else None
    has_userinfo = bool(parsed.username or parsed.password)
    if has_userinfo:
        parsed.username = parsed.password = ""
    href = parsed.href.partition("#")[0]
    return Url(href, scheme, parsed.hostname, port, parsed.origin, has_userinfo)


def of_handshake(url: Url) -> Url:
    """
    Return the URL of the request that opens a WebSocket at *url* (WebSockets, "establish a WebSocket connection").
    """
    scheme = SOCKET_SCHEMES.get(url.scheme)
    return url if scheme is None else Url.parse(url.href.replace(url.scheme, scheme, 1))


def authority(url: Url) -> str:
    """
    Return host and port of *url*, without a port that is the scheme's default.
    """
    return url.host if url.port is None else f"{url.host}:{url.port}"


def named_in(hosts: Collection[str], url: Url) -> str:
    """
    Return which of *hosts* means the server of *url*: one with its port before one without a port, which means all
    ports; empty if none does.
    """
    port = url.port or (443 if url.scheme in {"https", "wss"} else 80)
    return next((host for host in (f"{url.host}:{port}", url.host) if host in hosts), "")


def origin_of(text: str, base: str | None = None) -> str:
    """
    Return the serialized origin of the URL *text* (URL, "origin"; HTML, "ASCII serialization of an origin").

    Raises ValueError if *text* is not a URL.
    """
    return Url.parse(text, None if base is None else Url.parse(base)).origin


def page_origin(url: Url) -> str:
    """
    Return the origin of a document at *url*. Documents of extensions and app shells have one, although URL calls it
    opaque.
    """
    # URL calls these opaque, but their embedders send them (`chrome-extension://<id>`, `capacitor://localhost`).
    if url.origin == NULL and url.host and url.scheme != "blob":
        origin = f"{url.scheme}://{url.host}" + ("" if url.port is None else f":{url.port}")
        return NULL if Origin.parse(origin) is None else origin
    return url.origin


def is_same_origin(one: str, other: str) -> bool:
    """
    Return whether two serialized origins are the same (HTML, "same origin").
    """
    return one == other != NULL


@_remembered
def site_of(origin: str) -> str:
    """
    Return the site of a serialized origin as its scheme and registrable domain (HTML, "obtain a site").
    """
    scheme, _, rest = origin.partition("://")
    host = _host_of(rest)
    return f"{scheme}://{registrable_domain(host)}" if host else NULL


def is_same_site(one: str, other: str) -> bool:
    """
    Return whether two serialized origins are same site (HTML).
    """
    return site_of(one) == site_of(other) != NULL


def is_schemelessly_same_site(one: str, other: str) -> bool:
    """
    Return whether two serialized origins are schemelessly same site (HTML).
    """
    return one != NULL and site_of(one).partition(":")[2] == site_of(other).partition(":")[2]


@_remembered
def is_trustworthy(origin: str) -> bool:
    """
    Return whether *origin* is potentially trustworthy (Secure Contexts).
    """
    scheme, _, rest = origin.partition("://")
    return scheme == "https" or _is_loopback_host(_host_of(rest))


@_remembered
def address_space(host: str) -> AddressSpace:
    """
    Return the address space of *host*, as far as its name alone tells (Local Network Access, "IP address space").
    """
    if _is_loopback_host(host):
        return "loopback"
    try:
        address: IPv4Address | IPv6Address = ip_address(host.strip("[]"))
    except ValueError:
        # No public name is one of these (RFC 6761, RFC 6762, RFC 8375), or has no dot.
        return "local" if _PRIVATE_NAME.search(host.removesuffix(".")) else "public"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in _LOOPBACK):
        return "loopback"
    return "local" if any(address in network for network in _LOCAL) else "public"


def host_to_connect(host: str) -> str:
    """
    Return the name to look up for *host*. Browsers know that every name below `localhost` is this machine (RFC 6761,
    6.3), and many resolvers do not.
    """
    return "localhost" if host.endswith(".localhost") else host


def _host_of(authority: str) -> str:
    # The scheme does not matter here: a page may have an origin that no browser has.
    try:
        return URL(f"http://{authority}").hostname
    except ValueError:
        return ""


def _is_loopback_host(host: str) -> bool:
    # A last label that is a number means IPv4 (URL, "ends in a number"), so `127.example.com` is an ordinary name.
    is_ipv4, name = host.rpartition(".")[2].isdigit(), host.removesuffix(".")
    return (
        name == "localhost" or name.endswith(".localhost") or (is_ipv4 and host.startswith("127.")) or host == "[::1]"
    )
