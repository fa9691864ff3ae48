"""
The hosts under which anyone can register a name.
"""

import pytest

from corsguard.suffixes import SHARED_HOSTING, are_same_site, open_suffix, registrable_domain

OPEN = {
    # host: the suffix at or above it
    "com": "com",
    "co.uk": "co.uk",
    "github.io": "github.io",
    "vercel.app": "vercel.app",
    "pages.dev": "pages.dev",
    "web.app": "web.app",
    "herokuapp.com": "herokuapp.com",
    "s3.amazonaws.com": "s3.amazonaws.com",
    "ngrok-free.app": "ngrok-free.app",
    "foo.ck": "foo.ck",
    "com.": "com",
    "github.io.": "github.io",
    # These are not on the public list, though anyone can register there.
    "surge.sh": "surge.sh",
    "codepen.io": "codepen.io",
    "railway.app": "railway.app",
    "up.railway.app": "up.railway.app",
    "my.salesforce.com": "my.salesforce.com",
    "my.salesforce-sites.com": "my.salesforce-sites.com",
    "pens.io": "pens.io",
    "lhr.rocks": "lhr.rocks",
    "app.github.dev": "app.github.dev",
    "nip.io": "nip.io",
    "cdn.ampproject.org": "cdn.ampproject.org",
    # A region of a hosting service is as open as the service.
    "ws-eu1.gitpod.io": "ws-eu1.gitpod.io",
    "eastus.cloudapp.azure.com": "eastus.cloudapp.azure.com",
    "cloudapp.azure.com": "cloudapp.azure.com",
    "z6.web.core.windows.net": "z6.web.core.windows.net",
    "storage.googleapis.com": "storage.googleapis.com",
}


@pytest.mark.parametrize(("host", "suffix"), OPEN.items())
def test_a_suffix_that_anyone_can_register_under_is_open(host, suffix):
    assert open_suffix(host) == suffix


@pytest.mark.parametrize(
    "host", ["amazonaws.com", "salesforce.com", "salesforce-sites.com", "windows.net", "github.dev"]
)
def test_a_host_above_an_open_suffix_is_as_open(host):
    suffix = open_suffix(host)
    assert suffix is not None
    assert suffix.endswith(f".{host}")


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "fly.io",
        "shop.example.co.uk",
        "me.github.io",
        "me.surge.sh",
        "www.ck",
        "a.foo.ck",
        "a.up.railway.app",
        "me.ws-eu1.gitpod.io",
        "me.eastus.cloudapp.azure.com",
        "me.z6.web.core.windows.net",
        "me.storage.googleapis.com",
    ],
)
def test_a_registered_name_is_not_open(host):
    assert open_suffix(host) is None


@pytest.mark.parametrize(
    "host", ["localhost", "internal", "local", "test", "app.internal", "app.corp", "127.0.0.1", "[::1]"]
)
def test_a_name_of_a_private_network_is_not_a_suffix(host):
    assert open_suffix(host) is None


@pytest.mark.parametrize("host", ["corp", "lan", "unknown", "unknown.", "x1"])
def test_an_unreserved_top_level_name_is_open(host):
    assert open_suffix(host) == host.removesuffix(".")


def test_each_host_of_our_own_list_is_open():
    for rule in SHARED_HOSTING:
        host = rule.replace("*", "region")
        assert open_suffix(host) == host
        assert rule == rule.lower().strip(".")
        assert "." in rule.removeprefix("*.")


def test_each_host_of_our_own_list_has_a_source():
    assert {host for host, source in SHARED_HOSTING.items() if not source.startswith("https://")} == set()


@pytest.mark.parametrize(
    ("host", "domain"),
    {
        "example.com": "example.com",
        "a.b.example.com": "example.com",
        "a.b.example.com.": "example.com",
        "a.example.co.uk": "example.co.uk",
        "a.me.github.io": "me.github.io",
        "github.io": "github.io",
        "com": "com",
        "localhost": "localhost",
        "a.localhost": "a.localhost",
        "a.b.localhost": "b.localhost",
        "a.b.internal": "b.internal",
        "127.0.0.1": "127.0.0.1",
        "10.1.2.3": "10.1.2.3",
        "[::1]": "[::1]",
        "[::ffff:1.2.3.4]": "[::ffff:1.2.3.4]",
        "com.": "com",
    }.items(),
)
def test_the_registrable_domain_is_the_site(host, domain):
    assert registrable_domain(host) == domain
    assert are_same_site(host, domain)
    assert not are_same_site(host, "elsewhere.test")
