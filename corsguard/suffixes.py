"""
Which hosts anyone can register a name under.

This room knows the public suffix list and our own list of shared hosting that it lacks; it decides nothing about them.
Reading the list takes some forty milliseconds, so it is read at the first question: when a wildcard is configured,
never when a request comes in.
"""

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

# Hosts that hand out subdomains to anybody, with scripts, and are not on the public suffix list (looked up 2026-11).
# Written as that list writes its rules: `*.` is one more label, such as a region.
SHARED_HOSTING: Final = frozenset(
    """
    *.azurecontainerapps.io *.cloudapp.azure.com *.devtunnels.ms *.gitpod.io app.github.dev b-cdn.net cdpn.io
    codepen.io codesandbox.io digitaloceanspaces.com fly.io force.com gitpod.io glitch.me godaddysites.com gradio.live
    jimdosite.com jsbin.com jsfiddle.net jshell.net koyeb.app lhr.life loca.lt modal.run my.salesforce.com my.site.com
    neocities.org nip.io on.aws powerappsportals.com railway.app salesforce-sites.com serveo.net sharepoint.com sslip.io
    stackblitz.io storage.googleapis.com strikingly.com surge.sh trinket.io tumblr.com up.railway.app webcontainer.io
    webnode.page weebly.com weeblysite.com wordpress.com
    """.split()
)
# Top-level names that nobody can register: RFC 2606, RFC 6761, RFC 6762, RFC 7686, RFC 9476, and `internal`, which
# ICANN has reserved for private use.
_RESERVED: Final = frozenset({"alt", "example", "internal", "invalid", "local", "localhost", "onion", "test"})


@cache
def _suffixes() -> tuple["PublicSuffixList", "PublicSuffixList", dict[str, str]]:
    """
    Return the public list, our own, and for each host above a suffix one such suffix.
    """
    from publicsuffixlist import PSLFILE, PublicSuffixList

    with open(PSLFILE, encoding="utf-8") as file:
        lines = file.read().splitlines()
    below: dict[str, str] = {}
    rules = (line.split()[0] for line in lines if line and not line.startswith(("//", "!")))
    for rule in (*rules, *SHARED_HOSTING):
        name = rule if rule.isascii() else rule.encode("idna").decode()
        host = name
        while "." in host:
            host = host.partition(".")[2]
            below.setdefault(host, name)
    public, shared = (PublicSuffixList(rules, accept_unknown=False) for rules in (lines, SHARED_HOSTING))
    return public, shared, below


def open_suffix(host: str) -> str | None:
    """
    Return the suffix at or below *host* that anyone can register a name under, or None.

    `com`, `github.io` and `surge.sh` are themselves such suffixes; `amazonaws.com` has some below it, which a
    wildcard directly under it would reach. A top-level name that is not known may be handed out one day, and counts as
    such a suffix; names that are reserved (`localhost`, `internal`) do not.
    """
    host = host.removesuffix(".")
    public, shared, below = _suffixes()
    if public.is_public(host) or shared.is_public(host):
        return host
    is_unknown = host.isidentifier() and "." not in host and host not in _RESERVED and host not in below
    return host if is_unknown else below.get(host)


def is_known_suffix(host: str) -> bool:
    """
    Return whether *host* is on one of the lists: anyone can register a name under it today.
    """
    public, shared, _ = _suffixes()
    return bool(public.is_public(host) or shared.is_public(host))


def are_same_site(host: str, other: str) -> bool:
    """
    Return whether two hosts are of one site, whatever their schemes (HTML, "schemelessly same site").
    """
    return registrable_domain(host) == registrable_domain(other)


def registrable_domain(host: str) -> str:
    """
    Return the registrable domain of *host*, or *host* itself where it has none (an address, `localhost`, a suffix).
    """
    host = host.removesuffix(".")
    if host.startswith("[") or host.rpartition(".")[2].isdigit():
        return host
    # The list's own default: whatever stands last is a suffix, whether it is listed or not.
    return _suffixes()[0].privatesuffix(host, accept_unknown=True) or host
