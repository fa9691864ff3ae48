"""
What is asked: by whom, of what, in which order, and what only if it is agreed to.
"""

import re
from pathlib import Path

import pytest
from kit.audited import (
    ALLOW,
    APP,
    CREDENTIALS,
    HOST,
    URL,
    VARY,
    Served,
    answering,
    audited,
    everybody,
    faults,
    found,
    listing,
    origin_of,
)

from corsguard import CORSMiddleware, CrossOriginProtection, Policy
from corsguard.audit import RULES, Severity, audit, probes, session, stages
from corsguard.audit.calls import QUICK_BUDGET
from corsguard.audit.stages import STAGES


def test_an_http_origin_is_no_danger_to_http():
    """
    An http origin is no danger to what is served by http.
    """
    assert faults(listing("http://app.example.com"), origin="http://app.example.com") == set()


def test_loopback_is_no_stranger_to_loopback():
    """
    An origin on loopback is no stranger to a server on loopback.
    """
    app = listing("http://localhost:3000")
    assert faults(app, url="http://localhost/items", origin=None) == set()
    assert faults(app, origin=None) == {"CG-A014"}


def test_a_pattern_that_is_meant_is_not_reported():
    app = CORSMiddleware(
        answering(lambda _: []), Policy(allow_origins=["https://*.example.com"], allow_credentials=True)
    )
    assert faults(app, origin=None) == set()
    assert found(app, origin="https://app.example.com")["CG-A012"]["severity"] == "medium"
    assert "CG-A012" not in found(app, origin="https://*.example.com")


def test_any_host_is_a_danger_only_inside():
    app = listing(APP)
    assert faults(app) == set()
    assert faults(app, is_internal=True) == {"CG-E003"}


def test_only_safe_methods_are_sent_unless_asked():
    one = Served(answering(everybody))
    audited(one)
    assert {method for method, *_ in one.asked} == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("own", [f"http://{HOST}", f"https://{HOST}", f"https://{HOST}:8443"])
@pytest.mark.parametrize("trusted", [[], [APP], ["https://*.example.com"]])
def test_a_page_of_the_server_itself_makes_it_send_nothing_else(own, trusted, active):
    """
    A browser sends no preflight within an origin, so nothing that needs one is asked in its name.
    """
    one = Served(listing(own))
    report = audit(f"{own}/items", app=one, trusted=[own, *trusted], active=active)
    methods = [method for method, *_ in one.asked]
    assert {*methods} == {"GET", "HEAD", "OPTIONS", *(["POST"] if active else [])}
    assert methods.count("POST") == 2 * active
    assert report.faults == []
    assert not [cause for cause in report.notes if "are sent" in cause]


def test_a_stranger_posts_a_form_and_json_if_asked():
    """
    The two posts are those of a page: its Origin, what the browser says of the fetch, and types without a preflight.
    """
    seen = []

    def app(environ, start_response):
        if environ["REQUEST_METHOD"] == "POST":
            names = ("CONTENT_TYPE", "HTTP_ORIGIN", "HTTP_SEC_FETCH_SITE", "HTTP_SEC_FETCH_MODE", "HTTP_SEC_FETCH_DEST")
            seen.append(([environ.get(name) for name in names], environ["wsgi.input"].read()))
        return listing(APP)(environ, start_response)

    report = audited(app, url=URL.replace("http:", "https:"), active=True, headers=[("Cookie", "sid=hunter2")])
    (form, text) = seen
    origin = form[0][1]
    assert form == (
        ["application/x-www-form-urlencoded", origin, "cross-site", "navigate", "document"],
        b"corsguard=1",
    )
    assert text == (["text/plain;charset=UTF-8", origin, "cross-site", "no-cors", "empty"], b'{"corsguard": 1}')
    (finding,) = report.faults
    assert (finding.rule.id, finding.severity) == ("CG-E001", Severity.MEDIUM)
    assert (
        finding.detail
        == "The POST requests of a foreign page were answered: the form got 200 and the JSON text got 200."
    )
    # Nothing is posted once more to be sure.
    assert len(seen) == 2


def test_without_tls_no_browser_says_where_a_post_comes_from():
    one = Served(listing(APP))
    audited(one, active=True)
    (names, _) = [names for method, *_, names in one.asked if method == "POST"]
    assert not any(name.startswith("HTTP_SEC_FETCH") for name in names)


def test_protection_stops_what_is_forged():
    policy = Policy(allow_origins=[APP], allow_credentials=True)
    guarded = CORSMiddleware(answering(lambda _: []), policy, protection=CrossOriginProtection())
    report = audited(guarded, url=URL.replace("http:", "https:"), active=True)
    assert "CG-E001" not in {finding.rule.id for finding in report.findings}
    assert "Neither forged post was carried out: the form got 403, the JSON text got 403." in report.notes


def test_a_poisoned_cache_is_confirmed_if_asked():
    kept = {}

    def app(environ, start_response):
        # A cache that knows nothing of Vary, before an application that does what it should.
        key = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"])
        if key not in kept:
            kept[key] = origin_of(environ) == APP
        start_response("200 OK", [VARY, *([(ALLOW, APP), CREDENTIALS] if kept[key] else [])])
        return [b""]

    confirmed = found(app, active=True)
    assert confirmed["CG-V003"]["severity"] == "high"
    assert "CG-V003" not in found(listing(APP), active=True)


def test_only_a_redirect_within_is_followed():
    """
    A redirect to another origin is not followed and one within is.
    """

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/items":
            start_response("308 Permanent Redirect", [("Location", "/items/")])
        elif environ["PATH_INFO"] == "/items/" and environ["HTTP_HOST"] == HOST:
            return answering(everybody)(environ, start_response)
        else:
            start_response("302 Found", [("Location", "http://login.example.com/")])
        return []

    one = Served(app)
    report = audited(one)
    assert report.url == f"{URL}/"
    assert f"The server redirects to {URL}/: that URL was audited." in report.notes
    assert "CG-A001" in {finding.rule.id for finding in report.findings}
    assert {names["HTTP_HOST"] for *_, names in one.asked} == {HOST}
    one = Served(app)
    report = audited(one, url=f"http://{HOST}/login")
    assert any("redirects to http://login.example.com, which was not contacted" in note for note in report.notes)
    assert {names["HTTP_HOST"] for *_, names in one.asked} == {HOST}
    assert report.faults == []


def test_a_small_budget_finds_the_worst():
    def lines(environ):
        origin = origin_of(environ)
        return [VARY, *([(ALLOW, origin), CREDENTIALS] if origin.startswith(APP) else [])]

    report = audited(answering(lines), budget=QUICK_BUDGET)
    assert report.sent <= QUICK_BUDGET
    (worst, *_) = report.findings
    assert (worst.rule.id, worst.severity, worst.confidence) == ("CG-A003", Severity.CRITICAL, "high")


def test_a_small_budget_is_spent_on_what_anyone_can_register():
    """
    After strangers and those who are meant, the first questions are about names that are for sale or free.
    """
    one = Served(listing(APP))
    audited(one, budget=QUICK_BUDGET)
    first = [names.get("HTTP_ORIGIN", "") for *_, names in one.asked][6:24]
    suffixes = (".attacker.example", "attacker.example", ".bid", ".github.io", ".vercel.app", ".netlify.app", ".com")
    assert all(origin.endswith((*suffixes, ".co", "-attacker.example")) for origin in first), first
    assert not [origin for origin in first if origin.endswith(".example.com")]
    assert {origin.partition(".")[2] for origin in first} >= {"github.io", "vercel.app", "netlify.app"}


def test_an_origin_meant_and_refused_is_noted():
    assert f"{APP} should be trusted, but may not read." in audited(listing()).notes


@pytest.mark.parametrize("budget", [1, 2, 3])
def test_a_redirect_that_the_budget_ends_at_is_said(budget):
    app = answering(lambda environ: [("Location", f"/x{environ['PATH_INFO']}")], status="302 Found")
    report = audited(app, budget=budget)
    assert "where the server redirects to" in report.left_out
    assert report.sent == budget


def test_a_stage_needs_a_permission_or_none():
    assert [stage.name for stage in STAGES if stage.needs] == ["injection, poisoned caches, long lists", "forged posts"]
    assert {*audited(listing(APP)).tried} == {stage.name for stage in STAGES if not stage.needs}


def test_every_rule_is_looked_at():
    """
    Every rule is named by a stage, or by a probe that a stage tries.
    """
    sources = [Path(module.__file__).read_text(encoding="utf-8") for module in (stages, session, probes)]
    assert {rule for source in sources for rule in re.findall(r"CG-[A-Z]\d{3}", source)} == RULES.keys()
