"""
The origins that are tried: each belongs to a rule, none is a trusted one, and the worst come first.
"""

import re

import pytest
from kit.audited import APP, HOST

from corsguard.audit import RULES, Reach
from corsguard.audit.probes import Meant, imitation, joined_name, lax, relatives, special, strangers, usual, wider
from corsguard.audit.severity import NO_BROWSER
from corsguard.browser.urls import Url
from corsguard.origin import Origin
from corsguard.suffixes import is_known_suffix
from corsguard.testing import attack_origins


def test_every_probe_belongs_to_a_rule_and_is_what_it_says():
    meant = Meant([APP])
    candidates = [(APP, True), (f"https://{HOST}", True), ("http://app.example.com:8080", True)]
    probes = [
        *relatives(candidates, meant),
        *strangers("0123abcd", is_loopback=False, meant=meant),
        *special(APP, "0123abcd"),
        *lax(APP),
    ]
    for probe in probes:
        assert probe.rule in RULES
        assert probe.origin != APP
        assert not meant.covers(probe.origin)
        # A common browser sends origins that Origin can read. Some browsers also send the rest.
        if probe.rule not in {"CG-A008", "CG-A020"}:
            assert Origin.parse(probe.origin) is not None
    assert len(probes) == len({probe.origin for probe in probes})


def test_every_mistake_of_the_testing_kit_is_tried_or_left_to_others():
    named = {probe.mistake for probe in [*relatives([(APP, True)], Meant([])), *lax(APP)]}
    left = {attack.name for attack in attack_origins(APP)} - named
    assert left == {
        "any origin is reflected",
        "any origin is reflected, with a port",
        "null is trusted",
        "the site is trusted like its subdomains",
        "a name that looks the same",
        "/ does not end the host",
        "what follows / is ignored",
        "? does not end the host",
        "what follows ? is ignored",
        "# does not end the host",
        "what follows # is ignored",
        "\\ does not end the host",
        "what follows \\ is ignored",
        "an empty port is dropped",
        "unprintable characters are dropped",
        "what follows an unprintable character is ignored",
        "a wildcard is matched backwards",
        "the host may be absent",
        "an empty origin is a part of every one",
    }


def test_the_worst_origins_are_tried_first():
    """
    Names that anyone can register come first, for the origin that is trusted.
    """
    own = f"https://{HOST}"
    first = relatives([(APP, True), (own, False)], Meant([]))[:14]
    assert [probe.rule for probe in first[:6]] == ["CG-A003", "CG-A004", "CG-A005", "CG-A007", "CG-A006", "CG-A022"]
    assert {probe.reach for probe in first} == {Reach.REGISTRANT}
    assert not [probe.origin for probe in first if "api" in probe.origin]


def test_every_hosting_service_that_is_asked_for_gives_names_to_anyone():
    hosts = [
        probe.origin.partition(".")[2]
        for probe in strangers("0123abcd", is_loopback=False, meant=Meant([]))
        if probe.rule == "CG-A009"
    ]
    assert len(hosts) >= 60
    assert [host for host in hosts if not is_known_suffix(host)] == []


def test_an_identifier_has_the_form_that_its_browser_makes():
    """
    An extension or a panel has its own: 32 letters, a UUID, or 52 digits of base 32.
    """
    forms = {
        "chrome-extension": r"[a-p]{32}",
        "moz-extension": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        "safari-web-extension": r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
        "vscode-webview": r"[0-9a-v]{52}",
    }
    asked = dict(probe.origin.split("://") for probe in strangers("0f9e8d7c", is_loopback=False, meant=Meant([])))
    for scheme, form in forms.items():
        assert re.fullmatch(form, asked[scheme])


def test_text_after_a_port_is_not_a_host():
    assert {probe.origin for probe in special(f"{APP}:8443", "0")} >= {f"{APP}!.0.com:8443", f"{APP}$.0.com:8443"}


@pytest.mark.parametrize(
    "origin",
    [APP, f"{APP}:8443", "http://10.0.0.1:8000", "http://[::1]:3000", "http://[2001:db8:9:1::2]", "https://localhost"],
)
def test_what_a_browser_is_said_to_send_is_the_origin_of_a_url(origin):
    tried = [*relatives([(origin, True)], Meant([])), *special(origin, "0")]
    tried += strangers("0123abcd", is_loopback=False, meant=Meant([]))
    tried += [longer for probe in tried for longer in wider(probe, "0123abcd")]
    for text in (
        *(probe.origin for probe in tried if probe.browsers != NO_BROWSER and probe.origin.startswith("http")),
        *filter(None, (imitation(origin, "0123abcd"), joined_name(origin))),
    ):
        assert Url.parse(text).origin == text


@pytest.mark.parametrize(
    ("own", "origins"),
    [
        ("https://api.example.com", ["example.com", "www.example.com", "app.example.com", "admin.example.com"]),
        ("https://app.example.co.uk:8443", ["example.co.uk", "www.example.co.uk", "app.example.co.uk"]),
        ("http://localhost:8000", []),
        ("http://10.0.0.1", []),
        ("http://[::1]:3000", []),
        ("http://intranet", []),
    ],
)
def test_where_pages_usually_are(own, origins):
    scheme = own.partition(":")[0]
    assert usual(own)[: len(origins) or None] == [f"{scheme}://{host}" for host in origins]


@pytest.mark.parametrize("origin", ["https://a!b.example", "nonsense", "http://10.0.0.1:8000", "http://[::1]:3000"])
def test_a_host_has_related_names_or_none(origin):
    for probe in [*relatives([(origin, True)], Meant([])), *special(origin, "0"), *lax(origin)]:
        assert probe.origin


@pytest.mark.parametrize(
    ("trusted", "parts"),
    [
        # `.co` and `.sa` are suffixes, `.i` is not, and nobody can have a suffix itself. One beginning is enough.
        (APP, {"https://app.example.co": Reach.REGISTRANT, "https://xample.com": Reach.REGISTRANT}),
        (
            "https://app.saltmarsh.io",
            {"https://app.sa": Reach.REGISTRANT, "https://altmarsh.io": Reach.REGISTRANT},
        ),
        (
            "https://co.ukulele.io",
            {"https://co.ukulele.i": Reach.NOBODY, "https://kulele.io": Reach.REGISTRANT},
        ),
        ("https://t.io", {"https://t.i": Reach.NOBODY}),
    ],
)
def test_only_registrable_names_are_open_to_registrants(trusted, parts):
    tried = {one.origin: one.reach for one in relatives([(trusted, True)], Meant([])) if one.rule == "CG-A006"}
    assert tried == parts
    # What is refused itself is not allowed as a part of another name.
    others = [one.origin for one in relatives([(trusted, False)], Meant([])) if one.rule == "CG-A006"]
    assert others == [*parts][:1]
