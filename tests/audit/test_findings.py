"""
A sign is asked for again before it is reported. What a worse finding implies is not reported.
"""

import re

import pytest
from kit.audited import (
    ALLOW,
    APP,
    CREDENTIALS,
    HOST,
    URL,
    VARY,
    answering,
    audited,
    busy,
    everybody,
    faults,
    found,
    origin_of,
)
from kit.sharing import share

from corsguard.audit import RULES, Reach, Severity, audit
from corsguard.audit.answers import Answer
from corsguard.audit.bounded_client import BoundedClient
from corsguard.audit.calls import QUICK_BUDGET
from corsguard.audit.calls import run as run_stages
from corsguard.audit.findings import Observations
from corsguard.audit.probes import Meant, Probe
from corsguard.audit.session import Session
from corsguard.browser import WireResponse
from corsguard.browser.confidential import Secrets
from corsguard.browser.evidence import as_shown
from corsguard.browser.handshakes import is_handshake, opening


def test_an_origin_that_no_browser_sends_is_never_more_than_information():
    def lines(environ):
        origin = origin_of(environ)
        return [VARY, *([(ALLOW, origin), CREDENTIALS] if origin.lower().rstrip("/") == APP else [])]

    lax_parser = found(answering(lines))["CG-A020"]
    assert (lax_parser["severity"], lax_parser["class"], lax_parser["browsers"]) == ("info", "E5", "none")
    assert f"{APP}/" in lax_parser["origins"]


def test_a_reflection_implies_the_narrower_faults():
    """
    They are not asked about.
    """
    report = audited(answering(everybody))
    (reflected,) = report.faults
    assert (reflected.rule.id, reflected.severity, reflected.confidence) == ("CG-A001", Severity.CRITICAL, "high")
    assert "null" in reflected.origins
    assert "other relatives" in report.subsumed
    assert report.sent < 40


def test_a_finding_has_its_exchange_as_proof():
    (exchange,) = found(answering(everybody))["CG-A001"]["proof"]
    sent = dict(exchange["request"]["headers"])
    got = dict(exchange["response"]["headers"])
    assert exchange["request"]["method"] == "GET"
    assert exchange["request"]["url"].startswith(f"{URL}?cg=")
    assert got[ALLOW] == sent["Origin"] != ""
    assert got["Access-Control-Allow-Credentials"] == "true"
    assert exchange["response"]["status"] == 200


def test_an_origin_that_is_allowed_once_but_not_again_is_not_reported():
    asked = set()

    def lines(environ):
        # A cache that answers for the origin of the last request.
        fresh = environ["QUERY_STRING"].startswith("cg=")
        asked.add(origin_of(environ))
        return [VARY, *([] if fresh else everybody(environ)[1:])]

    report = audited(answering(lines))
    assert "CG-A001" not in {finding.rule.id for finding in report.findings}
    assert any("allowed once, but not again" in note for note in report.notes)


def test_a_finding_that_changes_at_the_second_question_is_less_sure():
    def lines(environ):
        exposed = "X-CSRF-Token" if environ["QUERY_STRING"].startswith("cg=") else "X-CSRF-Token, X-Total"
        return [(ALLOW, APP), CREDENTIALS, ("Access-Control-Expose-Headers", exposed)]

    assert found(answering(lines))["CG-B006"]["confidence"] == "medium"
    assert found(answering(lambda _: lines({"QUERY_STRING": ""})))["CG-B006"]["confidence"] == "high"


def test_any_scheme_is_named_next_to_http():
    confirmed = found(matching(r"[a-z-]+://app\.example\.com"), url=f"https://{HOST}/items")
    assert confirmed["CG-A011"]["subsumes"] == ["CG-A017"]


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize(
    "is_busy", share([*(lambda n, k=k: n >= k for k in (3, 8, 20)), *(lambda n, k=k: n % k == 1 for k in (2, 3, 5))], 2)
)
def test_a_server_that_is_too_busy_has_no_faults_because_of_that(status, is_busy):
    assert found(busy(status, is_busy)).keys() <= {"CG-I001", "CG-I007"}


def matching(pattern):
    return answering(
        lambda environ: [
            VARY,
            *([(ALLOW, origin_of(environ)), CREDENTIALS] if re.fullmatch(pattern, origin_of(environ)) else []),
        ]
    )


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [
        (r"https://app\.example\.com(:\d+)?", "CG-A013"),
        (r"https://app\.example\.com|http://localhost:\d+", "CG-A014"),
        (r"https://[a-z0-9.-]+\.example\.com", "CG-A012"),
        (r"https?://app\.example\.com", "CG-A011"),
    ],
)
def test_a_pattern_that_is_too_wide_is_named(pattern, rule):
    assert faults(matching(pattern), url=f"https://{HOST}/items") == {rule}


@pytest.mark.parametrize(
    ("pattern", "severities"),
    [
        # The end of a host below the site: a neighbour, and the network.
        (r".*app\.example\.com", {"CG-A004": "medium", "CG-A011": "high"}),
        (r"https://app\.example\.com|.*[/-]app\.example\.com", {"CG-A004": "medium", "CG-A011": "high"}),
        # Any scheme is implied by http, which is worse.
        (r"[a-z-]+://app\.example\.com", {"CG-A011": "high"}),
        # The beginning, or anywhere: a country after it is the same fault.
        (r"https://app\.example\.com.*", {"CG-A003": "critical"}),
        (r"https://app\.example\..*", {"CG-A003": "critical", "CG-A022": "critical"}),
        # What follows has to end like most names.
        (r"https://app\.example\.com(\.[a-z0-9-]+)+\.(com|net|io)", {"CG-A003": "critical"}),
        (r"https://app\.example\.com.*\.com", {"CG-A003": "critical"}),
        (r".*app\.example\.com.*", {"CG-A005": "critical"}),
        # The end of the site: anybody, which is worse than the network.
        (r".*example\.com", {"CG-A004": "critical"}),
    ],
)
def test_a_fault_does_not_hide_a_worse_one(pattern, severities):
    confirmed = found(matching(pattern), url=f"https://{HOST}/items")
    assert {rule: one["severity"] for rule, one in confirmed.items() if one["severity"] != "info"} == severities
    for one in confirmed.values():
        assert not {*one["subsumes"]} & confirmed.keys()


@pytest.mark.parametrize(
    ("trusted", "pattern", "faults"),
    share(
        [
            # A number, a random word, and a word, each free in its own class of characters.
            ("tenant42.saas.example", r"tenant\d+\.saas\.example", {"CG-A023": "medium"}),
            ("tenant421.saas.example", r"tenant\d{3}\.saas\.example", {"CG-A023": "medium"}),
            ("ab12.saas.example", r"[0-9a-f]+\.saas\.example", {"CG-A023": "medium"}),
            ("eu-west.acme.saas.example", r"[a-z]{2}-[a-z]{4}\.acme\.saas\.example", {"CG-A023": "medium"}),
            ("shop-a1b2c3d4e-acme.vercel.app", r"shop-[a-z0-9]{9}-acme\.vercel\.app", {"CG-A023": "critical"}),
            ("pr-7--shop.netlify.app", r"pr-\d+--shop\.netlify\.app", {"CG-A023": "critical"}),
            ("shop-git-main-acme.vercel.app", r"shop-git-[a-z]+-acme\.vercel\.app", {"CG-A023": "critical"}),
            ("main.d1abcdefghij.amplifyapp.com", r"main\.[a-z0-9]+\.amplifyapp\.com", {"CG-A023": "critical"}),
            ("ab12cd34.shop.pages.dev", r"[0-9a-f]{8}\.shop\.pages\.dev", {"CG-A023": "medium"}),
            # The public suffix list does not have these services.
            ("bold-cat-3000.app.github.dev", r"[a-z-]+-3000\.app\.github\.dev", {"CG-A023": "critical"}),
            ("acme.z6.web.core.windows.net", r"[a-z0-9]+\.z\d+\.web\.core\.windows\.net", {"CG-A009": "critical"}),
            # Names below free names are the same fault.
            ("acme.s3.eu-west-1.amazonaws.com", r"[a-z0-9.-]+\.s3\.eu-west-1\.amazonaws\.com", {"CG-A009": "critical"}),
            # Under a registry, the end of a name is enough, and a dot is not the cause. At a service it is built.
            ("my-shop.example", r".*-shop\.example", {"CG-A004": "critical"}),
            ("my-shop.co.uk", r".*-shop\.co\.uk", {"CG-A004": "critical"}),
            ("my-shop.vercel.app", r".*-shop\.vercel\.app", {"CG-A023": "critical", "CG-A012": "medium"}),
            ("www.my-shop.vercel.app", r".*-shop\.vercel\.app", {"CG-A004": "critical"}),
            # An open end explains names under a country.
            ("acme.shop.app", r"acme\.shop\.(app|com).*", {"CG-A003": "critical"}),
            ("www.my-shop.example", r"(.*\.)?www.my-shop\.example", {"CG-A007": "critical", "CG-A012": "medium"}),
            ("shop.example.com", r"shop\.example\.(com|co\.[a-z]{2})", {"CG-A022": "critical"}),
            ("shop.example.com", r"shop\.example\.com(\.[a-z]{2})?", {"CG-A022": "critical"}),
            # Short parts, of the same length: one or two digits or letters.
            (
                "deploy-preview-12--shop.netlify.app",
                r"deploy-preview-\d{2}--shop\.netlify\.app",
                {"CG-A023": "critical"},
            ),
            ("shop-pr-8.onrender.com", r"shop-pr-\d{1,2}\.onrender\.com", {"CG-A023": "critical"}),
            ("shop-pr-97.onrender.com", r"shop-pr-[1-9]\d?\.onrender\.com", {"CG-A023": "critical"}),
            ("app1.shop.example", r"app\d\.shop\.example", {"CG-A023": "medium"}),
            ("eu9.app.saas.example", r"eu\d\.app\.saas\.example", {"CG-A023": "medium"}),
            ("1.app.saas.example", r"\d\.app\.saas\.example", {"CG-A023": "medium"}),
            ("de.app.shop.example", r"[a-z]{2}\.app\.shop\.example", {"CG-A023": "medium"}),
            ("q.app.shop.example", r"[a-z]\.app\.shop\.example", {"CG-A023": "medium"}),
            # A dot may be absent, or a few letters in front are free.
            ("app.example.com", r"(app|www|)\.?example\.com", {"CG-A007": "critical"}),
            ("app.shop.co.uk", r"app\.?shop\.?co\.uk", {"CG-A007": "critical"}),
            ("example.com", r".?example\.com", {"CG-A004": "critical"}),
            ("example.com", r"(.{3})?example\.com", {"CG-A004": "critical"}),
            # Text inside a name is free: in front of the site, behind its name, or digits anywhere.
            ("app.example.com", r"(app|admin)[.-].*example\.com", {"CG-A004": "critical"}),
            ("app.example.com", r"app\..*example\.com", {"CG-A004": "critical"}),
            ("app.example.com", r"app\.example[a-z]*\.com", {"CG-A023": "critical"}),
            ("app.example.com", r"\d*a\d*p\d*p\d*\.\d*example\d*\.com", {"CG-A023": "critical"}),
            # The beginning is enough, which explains it.
            ("app.example.com", r"app\..*", {"CG-A003": "critical", "CG-A022": "critical"}),
            # Letters of `https://` are removed, `www.` is removed anywhere, and a part of a listed host is enough.
            ("example.com", r"[htps]*example\.com", {"CG-A004": "critical"}),
            ("app.example.com", r"[htps]*app\.example\.com", {"CG-A004": "medium"}),
            ("example.com", r"(exawww\.mpl|exampl)e\.com", {"CG-A023": "critical"}),
            ("app.example.com", r"app\.(exawww\.mpl|exampl)e\.com", {"CG-A023": "critical"}),
            ("app.saltmarsh.org", r"app\.(sa(l(t(m(a(r(s(h(\.org)?)?)?)?)?)?)?)?)?", {"CG-A006": "critical"}),
            ("example.io", r"e?x?a?mple\.io", {"CG-A006": "critical"}),
            # The lists of these are exact.
            ("app.example.com", r"(app|www)\.example\.com", {}),
            ("example.com", r"(www\.)?example\.com", {}),
            ("app2.saas.example", r"app[0-4]\.saas\.example", {}),
            ("tenant42.saas.example", r"tenant(41|42|43|44)\.saas\.example", {}),
            ("app1.saas.example", r"app[1-9]\.saas\.example", {}),
            ("de.saas.example", r"(de|fr|uk|us|bh)\.saas\.example", {}),
        ]
    ),
)
def test_a_free_part_of_a_name_is_named_by_who_can_own_it(trusted, pattern, faults):
    confirmed = found(matching(f"https://{pattern}"), url=f"https://{HOST}/items", origin=f"https://{trusted}")
    assert {rule: one["severity"] for rule, one in confirmed.items() if one["severity"] != "info"} == faults


@pytest.mark.parametrize(
    ("trusted", "ports", "faults"),
    [
        # Another port is on the list, or any is free, perhaps only at the end.
        ("", "(:8443)?", set()),
        (":8443", "(:8443)?", set()),
        (":3000", ":300[0-9]", set()),
        ("", r"(:\d{4})?", {"CG-A013"}),
        (":4000", r":4\d{3}", {"CG-A013"}),
        (":3000", r":30\d\d", {"CG-A013"}),
        (":12345", r":\d+", {"CG-A013"}),
    ],
)
def test_only_a_port_that_nobody_lists_proves_that_every_port_is_trusted(trusted, ports, faults):
    report = audited(matching(rf"https://app\.example\.com{ports}"), origin=f"{APP}{trusted}", url=f"https://{HOST}/")
    assert {finding.rule.id for finding in report.faults} == faults


@pytest.mark.parametrize(
    ("pattern", "rule", "severity"),
    share(
        [
            # Extensions and panels have identifiers, each browser in its own form.
            (r"chrome-extension://[a-p]{32}", "CG-A017", "high"),
            (r"moz-extension://[0-9a-f-]{36}", "CG-A017", "high"),
            (r"(moz|safari-web)-extension://[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "CG-A017", "high"),
            (r"safari-web-extension://[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab].*", "CG-A017", "high"),
            (r"vscode-webview://[0-9a-v]{52}", "CG-A017", "high"),
            (r"(ionic|tauri)://localhost", "CG-A017", "medium"),
            (r"http://tauri\.localhost", "CG-A017", "medium"),
            (r"https?://[a-z]+\.localhost(:\d+)?", "CG-A014", "medium"),
            (r"http://(?!tauri)[a-z]+\.localhost", "CG-A014", "medium"),
            (r"https?://localhost:4200", "CG-A014", "medium"),
            (r"http://127\.0\.0\.1:8000", "CG-A014", "medium"),
            (r"https://localhost:\d+", "CG-A014", "medium"),
            (r"http://\[::1\]:\d+", "CG-A014", "medium"),
            (r"http://localhost.*", "CG-A014", "critical"),
            (r"https?://172\.(1[6-9]|2\d|3[01])\.\d+\.\d+(:\d+)?", "CG-A015", "medium"),
            (r"http://192\.168\.1\.\d+(:\d+)?", "CG-A015", "medium"),
            (r"https://172\.(1[6-9]|2\d|3[01])\.\d+\.\d+", "CG-A015", "medium"),
            (r"https://192\.168\.\d+\.\d+(:\d+)?", "CG-A015", "medium"),
            (r"https://10(\.\d+){3}", "CG-A015", "medium"),
            (r"http://192\.168\.\d+\.\d+:3000", "CG-A015", "medium"),
            (r"http://\[f[cd].*", "CG-A015", "medium"),
            (r"http://10\..*", "CG-A015", "critical"),
            # The address is complete, and the end is not compared.
            (r"http://192\.168\.\d+\.\d+.*", "CG-A015", "critical"),
            (r"https?://192\.168\.0\.1.*", "CG-A015", "critical"),
            (r"https?://172\.(1[6-9]|2\d|3[01])\..*", "CG-A015", "critical"),
            (r"https://10\.\d+\.\d+\.\d+.*", "CG-A015", "critical"),
            (r"http://169\.254\..*", "CG-A015", "critical"),
            (r"http://127\.0\.0\.1.*", "CG-A014", "critical"),
            (r"https://localhost.*", "CG-A014", "critical"),
            (r"https?://.*localhost.*", "CG-A014", "critical"),
            # Public addresses, too.
            (r"https?://\d+\.\d+\.\d+\.(?!1$)\d+", "CG-A015", "critical"),
            (r"http://\[[f2].*\]", "CG-A015", "critical"),
            # Any website, if it has a port, or no TLS.
            (r"https?://[^/]+:\d+", "CG-A001", "critical"),
            (r"http://.*", "CG-A001", "critical"),
            (r"http://[a-z0-9-]+(:\d+)?", "CG-A014", "medium"),
            (r"https://[a-z]+\.github\.io", "CG-A009", "critical"),
            (r"https://.*\.translate\.goog", "CG-A009", "critical"),
            (r"https://[a-z0-9]+\.z\d+\.web\.core\.windows\.net", "CG-A009", "critical"),
            (r"https://.*\.app\.github\.dev", "CG-A009", "critical"),
            (r"https://app\.example\.com\.?(?![a-z0-9:._-]).*", "CG-A008", "high"),
            (r"https://app\.example\.com\.\{.*", "CG-A008", "high"),
            (r"https://(null\.)?jsbin\.com", "CG-A016", "critical"),
            # A part of what begins like it is public; names that devices choose; names that have an address.
            (r"http://100\.\d+\.\d+\.\d+(:\d+)?", "CG-A015", "critical"),
            (r"https?://100\.64\.\d+\.\d+", "CG-A015", "medium"),
            (r"https?://[a-z-]+\.local(:\d+)?", "CG-A015", "medium"),
            (r"https?://.*\.nip\.io(:\d+)?", "CG-A009", "critical"),
        ]
    ),
)
def test_what_is_often_trusted_by_mistake_is_asked_in_the_form_that_it_has(pattern, rule, severity):
    confirmed = found(matching(f"https://app\\.example\\.com|{pattern}"), url=f"https://{HOST}/items")
    above = {name: one["severity"] for name, one in confirmed.items() if one["severity"] != "info"}
    assert above == {rule: severity}


@pytest.mark.parametrize(
    ("trusted", "pattern", "rule", "fix", "reach"),
    [
        # The fix names the suffix or the scheme that was accepted, and no other.
        (APP, r"https://[a-z]+\.netlify\.app", "CG-A009", "https://your-name.netlify.app", Reach.REGISTRANT),
        (APP, r"https://[a-z]+\.s3\.amazonaws\.com", "CG-A009", "https://your-name.s3.amazonaws.com", Reach.REGISTRANT),
        # Every name of a registry: no dot is the cause.
        ("https://shop.co.uk", r"https://.*\.co\.uk", "CG-A009", "https://shop.co.uk", Reach.REGISTRANT),
        ("https://www.shop.co.uk", r"https://.*\.co\.uk", "CG-A009", "https://www.shop.co.uk", Reach.REGISTRANT),
        ("https://www.shop.dev:8443", r".*\.dev:8443", "CG-A009", "https://www.shop.dev:8443", Reach.REGISTRANT),
        (APP, r"chrome-extension://.*", "CG-A017", "chrome-extension://your-extension-id", Reach.EXTENSION),
        (APP, r"capacitor://localhost", "CG-A017", "capacitor://your-own-host-name", Reach.APP),
        (APP, r"http://tauri\.localhost", "CG-A017", APP, Reach.APP),
        (APP, r"https://[a-z]+\.app\.example\.com", "CG-A012", APP, Reach.NEIGHBOUR),
        # Only the beginning is compared: no dot is the cause.
        ("https://shop-7.netlify.app", r"https://shop-.*", "CG-A003", "https://shop-7.netlify.app", Reach.REGISTRANT),
    ],
)
def test_a_fix_names_what_was_accepted_and_no_stranger(trusted, pattern, rule, fix, reach):
    report = audited(matching(f"{re.escape(trusted)}|{pattern}"), origin=trusted, url=f"https://{HOST}/items")
    (finding,) = [one for one in report.faults if one.rule.id == rule]
    assert (finding.fix.policy, finding.reach) == ({"allow_origins": [fix]}, reach)
    assert "CG-A007" not in {one.rule.id for one in report.findings}


@pytest.mark.parametrize("scheme", ["moz-extension", "safari-web-extension", "vscode-webview"])
def test_an_id_that_nobody_can_write_down_is_not_asked_for(scheme):
    fix = found(matching(f"{re.escape(APP)}|{scheme}://.*"), url=f"https://{HOST}/items")["CG-A017"]["fix"]
    assert fix["header"] == fix["policy"]
    assert fix["policy"].startswith(f"no origin with {scheme}, ")


def test_a_finding_names_the_browsers_of_all_its_origins():
    finding = found(matching(f"{re.escape(APP)}|(safari-web|chrome|moz)-extension://.*"), url=f"https://{HOST}/items")
    assert finding["CG-A017"]["browsers"] == "Chromium, Firefox, Safari"


def test_only_what_was_tried_is_said_to_be_allowed():
    finding = found(matching(r"https://[^/]+:8443"), url=f"https://{HOST}/items", origin=f"{APP}:8443")["CG-A001"]
    assert "any name is allowed with https and port 8443." in finding["detail"]


def test_a_fix_names_all_trusted_origins():
    told = [APP, "https://*.partner.example"]
    app = matching(rf"{re.escape(APP)}.*|https://[a-z]+\.partner\.example")
    (finding,) = audit(f"https://{HOST}/items", app=app, trusted=told).faults
    assert finding.policy == 'allow_origins=["https://app.example.com", "https://*.partner.example"]'


def test_the_end_of_one_site_does_not_hide_another():
    app = matching(r"https?://app\.example\.com|https://.*shop\.example")
    report = audit(f"https://{HOST}/items", app=app, trusted=[APP, "https://www.shop.example"])
    assert {finding.rule.id for finding in report.faults} == {"CG-A004", "CG-A011"}


def test_a_trailing_dot_is_sent_by_browsers_and_belongs_to_the_same_owner():
    finding = found(matching(r"https://app\.example\.com\.?"), url=f"https://{HOST}/items")["CG-A020"]
    assert (finding["severity"], finding["browsers"]) == ("info", "Chromium, Firefox, Safari")
    assert "No browser" not in finding["message"]


@pytest.mark.parametrize("rule", ["CG-E005", "CG-P006"])
def test_what_browsers_no_longer_read_is_not_said_to_concern_them(rule):
    assert "Firefox" not in RULES[rule].browsers


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_what_can_be_pasted_has_no_name_of_an_example(rule):
    own = "https://pages.mine.test"
    assert "example.com" not in f"{rule.header_for(own)} {rule.policy_for(own)}"


def test_a_text_that_everybody_is_told_is_not_called_a_comparison():
    report = audited(answering(lambda _: [(ALLOW, f"{APP}/"), CREDENTIALS]))
    assert {finding.rule.id for finding in report.findings} >= {"CG-B005"}
    assert "CG-A020" not in {finding.rule.id for finding in report.findings}


def test_a_name_that_nobody_can_register_is_no_danger():
    app = matching(r"https://app\.zebra\.io?")
    finding = found(app, url=f"https://{HOST}/items", origin="https://app.zebra.io")["CG-A006"]
    assert (finding["severity"], finding["browsers"]) == ("info", "none")


@pytest.mark.parametrize("origin", [APP, None])
@pytest.mark.parametrize(
    ("pattern", "rules"),
    [
        (r"https://app\.example\.com.*", {"CG-A003"}),
        (r".*example\.com", {"CG-A004"}),
        (r".*example\.com.*", {"CG-A003", "CG-A004", "CG-A005"}),
        (r"https://app.example.com", {"CG-A007"}),
        (r".*\.github\.io", {"CG-A009"}),
        (r".*\.netlify\.app", {"CG-A009", "CG-A023"}),
        (r".*\.vercel\.app", {"CG-A009", "CG-A023"}),
        (r".*localhost.*", {"CG-A014"}),
    ],
)
def test_the_most_important_requests_find_the_most_frequent_mistakes(pattern, rules, origin):
    report = audited(
        matching(f"https://app\\.example\\.com|{pattern}"), url=f"https://{HOST}/", origin=origin, budget=QUICK_BUDGET
    )
    (worst, *_) = report.faults
    assert worst.rule.id in rules
    assert (worst.severity, worst.confidence) == (Severity.CRITICAL, "high")
    assert report.sent <= QUICK_BUDGET


def test_what_is_kept_to_ask_again_is_used_if_nothing_is_found():
    report = audited(matching("https://app\\.example\\.com"), url=f"https://{HOST}/", budget=QUICK_BUDGET)
    assert report.faults == []
    assert report.sent == QUICK_BUDGET - 4


@pytest.mark.parametrize(("slow", "is_found"), [(2, True), (1, False)])
def test_a_long_list_has_to_be_slow_twice(slow, is_found):
    now, times = 0.0, 0

    def carry(request):
        nonlocal now, times
        if any(value.startswith(",,,") for _, value in request.headers):
            times += 1
            now += 3 if times <= slow else 0
        now += 0.01
        return WireResponse(204, (VARY,))

    client = BoundedClient(carry, URL, label="0123abcd", budget=300, rate=1e9, clock=lambda: now, pause=bool)
    report = run_stages(Session(URL, client, Meant([APP]), show=as_shown), Secrets(), active=True)
    assert ("CG-X003" in {finding.rule.id for finding in report.findings}) is is_found


def test_a_server_that_fails_for_all_origins_is_not_blamed_for_a_malformed_one():
    assert "CG-X002" not in faults(busy("500 Internal Server Error", lambda number: number >= 30))


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_the_example_of_a_row_is_reported_as_that_row(rule):
    """
    The server has to say the same when it is asked again.
    """
    said = {answer.fetch.origin: answer.response for answer in rule.example if isinstance(answer, Answer)}

    def carry(request):
        origin = dict(request.headers).get("Origin")
        # The answer to a WebSocket only fits one key.
        return opening(request) if is_handshake(request) and origin in said else said.get(origin, WireResponse(200))

    client = BoundedClient(carry, "https://api.example.com/items", label="0123abcd", budget=9, rate=1e9, pause=bool)
    observed = Observations(client, control="https://control.example", meant=[APP], is_internal=False, show=as_shown)
    if isinstance(rule.example[-1], Probe):
        answer, probe = rule.example
        assert observed.let_in(probe, answer)
    else:
        assert observed.look(rule.id, *rule.example)
    (finding,) = observed.confirmed_findings()
    assert finding.rule is rule
    assert finding.detail
    assert finding.header
    assert finding.policy
