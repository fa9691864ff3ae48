"""
The hosts under which anyone can register a name.

This module knows the public suffix list, and our own list of shared hosting that is missing there. It decides nothing
about them. Reading the list takes about forty milliseconds, so it is read on first use: when a wildcard is configured,
never during a request.
"""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

# Hosts that give subdomains, with scripts, to anyone, and are not on the public suffix list (checked 2026-11). Each has
# the page on which its operator says so, or, if none was found, a public page that names sites of other people there.
# An entry too many only refuses a wildcard that nobody except the operator needs. The syntax is that of the public
# suffix list: `*.` is one more label, such as a region.
SHARED_HOSTING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "*.azurecontainerapps.io": "https://learn.microsoft.com/en-us/Azure/container-apps/connect-apps",
        "*.cdn.digitaloceanspaces.com": (
            "https://docs.digitalocean.com/reference/ansible/reference/modules/cdn_endpoints_info/"
        ),
        "*.cloudapp.azure.com": (
            "https://github.com/MicrosoftDocs/azure-docs/blob/014bcff1b6be45da9d913bb24e2aa4d1d823fee5/"
            "articles/virtual-network/ip-services/public-ip-addresses.md"
        ),
        "*.devtunnels.ms": "https://learn.microsoft.com/en-in/azure/developer/dev-tunnels/get-started",
        "*.gitpod.io": "https://www.gitpod.io/docs/index.html",
        "*.web.core.windows.net": (
            "https://github.com/MicrosoftDocs/azure-docs/blob/main/"
            "articles/storage/blobs/storage-blob-static-website.md"
        ),
        "app.github.dev": (
            "https://github.com/github/docs/blob/0c4564acdc9f8af1ae60f88e629476bbe88fc4e5/content/codespaces/"
            "developing-in-a-codespace/default-environment-variables-for-your-codespace.md"
        ),
        "b-cdn.net": "https://docs.bunny.net/cdn/quickstart.md",
        "cdn.ampproject.org": "https://amp.dev/documentation/examples/guides/using_the_google_amp_cache/",
        "cdpn.io": "https://blog.codepen.io/2019/10/03/changed-domains-for-iframe-previews/",
        "codepen.io": "https://blog.codepen.io/2019/10/03/changed-domains-for-iframe-previews/",
        "codesandbox.io": "https://github.com/codesandbox/codesandbox-client/issues/3751",
        "digitaloceanspaces.com": (
            "https://docs.digitalocean.com/reference/terraform/reference/data-sources/spaces_bucket"
        ),
        "force.com": (
            "https://developer.salesforce.com/docs/platform/apex-ref/"
            "references/apex-ref/apex-class-system-domaincreator.html"
        ),
        "gitpod.io": "https://www.gitpod.io/docs/index.html",
        "glitch.me": "https://github.com/publicsuffix/list/pull/769",
        "godaddysites.com": (
            "https://github.com/sublime-security/static-files/blob/eb76f5269e9646116a20527c94397b494ad39232/"
            "free_subdomain_hosts.txt"
        ),
        "gradio.live": "https://gradio.app/guides/sharing-your-app",
        "jimdofree.com": "https://help.jimdo.com/hc/en-us/articles/115005536323-How-do-I-cancel-my-Creator-subscription",
        "jimdosite.com": (
            "https://github.com/sherlock-project/sherlock/blob/4e2a4f6b66433849abe46cae76ed557c6c8313c8/"
            "sherlock_project/resources/data.json"
        ),
        "jimdoweb.com": "https://help.jimdo.com/hc/en-us/articles/115005536323-How-do-I-cancel-my-Creator-subscription",
        "jsbin.com": (
            "https://github.com/jsbin/learn/blob/7afb1727317c2f7ad7f9ebc92417351614727b07/content/help/vanity-urls.md"
        ),
        "jsfiddle.net": "https://github.com/jsfiddle/jsfiddle-users/issues/1602",
        "jshell.net": "https://github.com/jsfiddle/jsfiddle-users/issues/1602",
        "koyeb.app": "https://github.com/koyeb/example-expressjs",
        "lhr.life": "https://huggingface.co/aimutation05/sd-webui-tunnels/blob/main/scripts/ssh_tunnel.py",
        "lhr.rocks": (
            "https://github.com/localhost-run/site/blob/2bf69f81acd0cd902ca4ce7e51392c632d70cd57/docs/custom-domains.md"
        ),
        "lightning.force.com": (
            "https://developer.salesforce.com/docs/platform/apex-ref/"
            "references/apex-ref/apex-class-system-domaincreator.html"
        ),
        "loca.lt": "https://github.com/localtunnel/localtunnel",
        "localtunnel.me": "https://github.com/localtunnel/localtunnel",
        "modal.run": "https://modal.com/docs/guide/webhook-urls",
        "my.salesforce.com": (
            "https://developer.salesforce.com/docs/platform/apex-ref/"
            "references/apex-ref/apex-class-system-domaincreator.html"
        ),
        "my.salesforce-sites.com": (
            "https://developer.salesforce.com/docs/"
            "atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_site.htm"
        ),
        "my.site.com": "https://help.salesforce.com/apex/HTViewHelpDoc?id=domain_name_overview.htm&language=en_us",
        "neocities.org": (
            "https://github.com/neocities/neocities/blob/071300df2fb9cd25f8378b8c2307c809d0109095/views/api.erb"
        ),
        "nip.io": "https://nip.io/",
        "on.aws": "https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html",
        "pens.io": "https://blog.codepen.io/docs/live-view",
        "powerappsportals.cn": (
            "https://raw.githubusercontent.com/microsoft/power-platform-skills/main/"
            "plugins/power-pages/skills/activate-site/SKILL.md"
        ),
        "powerappsportals.com": (
            "https://raw.githubusercontent.com/microsoft/power-platform-skills/main/"
            "plugins/power-pages/skills/activate-site/SKILL.md"
        ),
        "railway.app": "https://docs.railway.com/cli/domain.md",
        "secure.force.com": (
            "https://github.com/forcedotcom/sfdx-core/blob/026d6447951ade012223d303e0a6ac5b8644bc37/src/util/sfdcUrl.ts"
        ),
        "serveo.net": "https://serveo.net/",
        "sharepoint.com": "https://learn.microsoft.com/de-de/powershell/module/sharepoint-online/start-spotenantrename",
        "square.online": "https://github.com/publicsuffix/list/pull/2969",
        "sslip.io": "https://github.com/cunnie/sslip.io",
        "stackblitz.io": (
            "https://github.com/stackblitz/docs/blob/084d296b7e01cb2e3ad91fbc5eba0314b2eed541/"
            "docs/platform/webcontainers/browser-config.md"
        ),
        "storage.googleapis.com": "https://cloud.google.com/storage/docs/reference-uris",
        "strikingly.com": (
            "https://github.com/strikingly/blog/blob/d7c60867f5667f96e4048e69ce54c6ba06021449/"
            "source/_posts/arthur-joins-strikingly.md"
        ),
        "surge.sh": "https://github.com/sintaxi/surge",
        "trinket.io": (
            "https://github.com/trinketapp/trinket-oss/blob/624928ae4a381c26802c613cd544961e59200a94/"
            "lib/controllers/courses.js"
        ),
        "tumblr.com": "https://www.tumblr.com/docs/en/api/v2",
        "up.railway.app": "https://docs.railway.com/cli/domain.md",
        "vf.force.com": (
            "https://developer.salesforce.com/docs/platform/apex-ref/"
            "references/apex-ref/apex-class-system-domaincreator.html"
        ),
        "webcontainer.io": (
            "https://github.com/stackblitz/docs/blob/084d296b7e01cb2e3ad91fbc5eba0314b2eed541/"
            "docs/platform/webcontainers/browser-config.md"
        ),
        "webnode.page": "https://your-domain6.webnode.page/assign",
        "webnode.sk": "https://www.webnode.com/sk/support/webove-stranky/",
        "weebly.com": "https://www.weebly.com/pricing",
        "weeblysite.com": (
            "https://github.com/OpnForm/OpnForm/blob/e713f1a915517ade4e0c5125613e70d8e0a6407a/"
            "api/tests/Unit/Service/Forms/FormSpamContentAnalyzerTest.php"
        ),
        "wordpress.com": "https://wordpress.com/support/changing-site-address/",
        "wpcomstaging.com": "https://wordpress.com/support/changing-site-address/",
        "z01.azurefd.net": "https://learn.microsoft.com/en-US/Azure/frontdoor/endpoint",
    }
)
# Top-level names that nobody can register: RFC 2606, RFC 6761, RFC 6762, RFC 7686, RFC 9476, and `internal`, which
# ICANN has reserved for private use.
_RESERVED: Final = frozenset({"alt", "example", "internal", "invalid", "local", "localhost", "onion", "test"})


@cache
def _suffixes() -> tuple["PublicSuffixList", "PublicSuffixList", dict[str, str]]:
    """
    Return the public list, our own list, and for each host above a suffix one such suffix.
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
    Return the suffix at or below *host* under which anyone can register a name, or None.

    `com`, `github.io` and `surge.sh` are such suffixes. `amazonaws.com` has some below it, which a wildcard directly
    under it would cover. An unknown top-level name counts as a suffix too, because it may be registered one day.
    Reserved names (`localhost`, `internal`) do not.
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


def is_registry(host: str) -> bool:
    """
    Return whether a registry sells the names directly under *host*: `com` and `co.uk`, but not `github.io`.
    """
    return "." not in host or _registries().is_public(host)


@cache
def _registries() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList(accept_unknown=False, only_icann=True)


def are_same_site(host: str, other: str) -> bool:
    """
    Return whether two hosts belong to one site, without regard to schemes (HTML, "schemelessly same site").
    """
    return registrable_domain(host) == registrable_domain(other)


def registrable_domain(host: str) -> str:
    """
    Return the registrable domain of *host*, or *host* itself if it has none (an address, `localhost`, a suffix).
    """
    host = host.removesuffix(".")
    if host.startswith("[") or host.rpartition(".")[2].isdigit():
        return host
    # The default rule of the list: an unlisted last label is a suffix, too.
    return _suffixes()[0].privatesuffix(host, accept_unknown=True) or host


def owned_name(host: str) -> str:
    """
    Return the part of *host* that has one owner: the name directly under the closest suffix of either list.

    Browsers only know the public list, so this may be longer than the registrable domain.
    """
    shared = _suffixes()[1].privatesuffix(host.removesuffix("."))
    return max(registrable_domain(host), shared or "", key=len)
