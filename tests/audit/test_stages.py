"""
The questions of an audit: from which origin, about what, in which order, and which ones need a permission.
"""

import gzip
import itertools
import re
from pathlib import Path
from urllib.parse import parse_qs

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
    lines_for,
    listing,
    origin_of,
)
from kit.sharing import share

from corsguard import CORSMiddleware, CrossOriginProtection, Policy
from corsguard.audit import RULES, Severity, audit, probes, session, stages
from corsguard.audit.calls import QUICK_BUDGET
from corsguard.audit.stages import STAGES


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        (URL, "http://app.example.com"),
        (URL, APP),
        ("http://localhost:8000/items", "https://localhost:3000"),
        ("https://localhost:8000/items", "https://localhost:3000"),
        ("https://api.shop.localhost/items", "https://app.shop.localhost"),
    ],
)
def test_an_http_origin_is_no_danger_without_https_or_without_a_network(url, origin):
    pages = (origin.replace("https:", "http:"), origin)
    assert faults(listing(*pages), url=url, origin=origin) == set()


def test_an_origin_on_loopback_is_not_foreign_to_a_server_on_loopback():
    app = listing("http://localhost:3000")
    assert faults(app, url="http://localhost/items", origin=None) == set()
    assert faults(app, origin=None) == {"CG-A014"}


@pytest.mark.parametrize(
    ("own", "trusted"),
    [
        # Each is what a wrong comparison would accept as the trusted one.
        ("http://localhost", "http://localhost:5173"),
        ("https://app.example.com:8443", APP),
        ("https://app.example.com", "https://app.example.com:8443"),
        ("http://app.example.com", APP),
        ("https://attacker.example.com", APP),
        ("https://codepen.io", APP),
        ("http://localhost:3000", APP),
    ],
)
def test_the_origin_of_the_server_is_not_a_stranger(own, trusted):
    """
    Its pages read without CORS, so nothing is tried in their name, and an answer without headers does not matter.
    """
    one = Served(listing(trusted))
    report = audit(f"{own}/items", app=one, trusted=[trusted])
    assert report.faults == []
    # It is asked once, to learn whether the server names it.
    assert [names.get("HTTP_ORIGIN") for *_, names in one.asked].count(own) <= 1


def test_a_pattern_of_the_operator_is_not_reported():
    app = CORSMiddleware(
        answering(lambda _: []), Policy(allow_origins=["https://*.example.com"], allow_credentials=True)
    )
    assert faults(app, origin=None) == set()
    assert found(app, origin="https://app.example.com")["CG-A012"]["severity"] == "medium"
    assert "CG-A012" not in found(app, origin="https://*.example.com")


def test_any_host_is_only_a_danger_inside_a_network():
    app = listing(APP)
    assert faults(app) == set()
    assert faults(app, is_internal=True) == {"CG-E003"}


def test_only_safe_methods_are_sent_without_permission():
    one = Served(answering(everybody))
    audited(one)
    assert {method for method, *_ in one.asked} == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    ("active", "own", "trusted"),
    share(
        [
            *itertools.product(
                [False, True],
                [f"http://{HOST}", f"https://{HOST}", f"https://{HOST}:8443"],
                [[], [APP], ["https://*.example.com"]],
            )
        ],
        2,
    ),
)
def test_with_the_origin_of_the_server_only_simple_requests_are_sent(active, own, trusted):
    """
    A browser sends no preflight within an origin. So nothing that needs one is sent in its name.
    """
    one = Served(listing(own))
    report = audit(f"{own}/items", app=one, trusted=[own, *trusted], active=active)
    methods = [method for method, *_ in one.asked]
    assert {*methods} == {"GET", "HEAD", "OPTIONS", *(["POST"] if active else [])}
    assert methods.count("POST") == 2 * active
    assert report.faults == []
    assert not [cause for cause in report.notes if "are sent" in cause]


def test_with_permission_a_foreign_page_posts_a_form_and_json():
    """
    The two requests are those of a page: its Origin, the browser's Sec-Fetch headers, and types without a preflight.
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
    assert finding.detail == (
        "The POST requests of a foreign page were answered: the form got 200 and the JSON text got 200. Whether a "
        "browser sends the given cookie with a form depends on its SameSite: with None all do, without SameSite "
        "Firefox and Safari do, and Chromium within two minutes after it was set, with Lax or Strict none does. With "
        "the JSON text, browsers that block cookies of third parties send none."
    )
    # A POST is not repeated for confirmation.
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("location", "confidence"), [("/items?done=1", "low"), ("/", "low"), ("/login?next=/items", None), ("/sso", None)]
)
@pytest.mark.parametrize("with_cookie", [True, False])
def test_a_form_that_is_answered_with_a_redirect_was_executed_unless_that_leads_to_a_login(
    location, confidence, with_cookie
):
    def app(environ, start_response):
        if environ["REQUEST_METHOD"] == "POST":
            start_response("303 See Other", [("Location", location)])
            return []
        return listing(APP)(environ, start_response)

    report = audited(app, active=True, headers=[("Cookie", "sid=hunter2")] if with_cookie else [])
    severity = "medium" if with_cookie else "info"
    told = {one.rule.id: (one.severity.word, one.confidence) for one in report.findings if one.rule.id == "CG-E001"}
    assert told == ({"CG-E001": (severity, confidence)} if confidence else {})


@pytest.mark.parametrize(
    ("status", "more", "severity", "with_credentials"),
    [
        ("200 OK", [CREDENTIALS], "critical", True),
        ("200 OK", [], "low", False),
        # An error has no data, and who refuses the text may read others.
        ("400 Bad Request", [CREDENTIALS], "low", True),
        ("403 Forbidden", [CREDENTIALS], "low", True),
    ],
)
def test_who_may_read_the_answer_to_a_forged_post_is_judged(status, more, severity, with_credentials):
    posted = []

    def app(environ, start_response):
        if environ["REQUEST_METHOD"] != "POST":
            return listing(APP)(environ, start_response)
        posted.append(origin_of(environ))
        lines = [VARY, (ALLOW, origin_of(environ)), *more]
        return answering(lambda _: lines, status=status)(environ, start_response)

    report = audited(app, active=True)
    (fault,) = report.faults
    assert (fault.rule.id, fault.severity.word, fault.confidence) == ("CG-A019", severity, "medium")
    assert fault.detail == f"{posted[0]} is allowed: any origin is allowed if the method is POST."
    assert fault.with_credentials is with_credentials
    assert len(posted) == 2
    assert faults(app) == set()
    # Everybody may read anyway.
    assert faults(answering(everybody), active=True) == {"CG-A001"}


def test_without_tls_no_browser_says_where_a_post_comes_from():
    one = Served(listing(APP))
    audited(one, active=True)
    (names, _) = [names for method, *_, names in one.asked if method == "POST"]
    assert not any(name.startswith("HTTP_SEC_FETCH") for name in names)


def test_protection_stops_forged_requests():
    policy = Policy(allow_origins=[APP], allow_credentials=True)
    guarded = CORSMiddleware(answering(lambda _: []), policy, protection=CrossOriginProtection())
    report = audited(guarded, url=URL.replace("http:", "https:"), active=True)
    assert "CG-E001" not in {finding.rule.id for finding in report.findings}
    assert "Neither forged post was carried out: the form got 403, the JSON text got 403." in report.notes


def test_with_permission_a_poisoned_cache_is_confirmed():
    kept = {}

    def app(environ, start_response):
        # A cache that ignores Vary, in front of a correct application.
        key = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"])
        if key not in kept:
            kept[key] = origin_of(environ) == APP
        start_response("200 OK", [VARY, *([(ALLOW, APP), CREDENTIALS] if kept[key] else [])])
        return [b""]

    confirmed = found(app, active=True)
    assert confirmed["CG-V003"]["severity"] == "high"
    assert "CG-V003" not in found(listing(APP), active=True)


def test_only_a_redirect_within_the_origin_is_followed():
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/items":
            start_response("308 Permanent Redirect", [("Location", "/items/")])
        elif environ["PATH_INFO"] == "/items/" and environ["HTTP_HOST"] == HOST:
            return answering(everybody)(environ, start_response)
        else:
            start_response("302 Found", [("Location", "http://other.example.com/")])
        return []

    one = Served(app)
    report = audited(one)
    assert report.url == f"{URL}/"
    assert f"The server redirects to {URL}/: that URL was audited." in report.notes
    assert "CG-A001" in {finding.rule.id for finding in report.findings}
    assert {names["HTTP_HOST"] for *_, names in one.asked} == {HOST}
    one = Served(app)
    report = audited(one, url=f"http://{HOST}/login")
    assert any("redirects to http://other.example.com, which was not contacted" in note for note in report.notes)
    assert {names["HTTP_HOST"] for *_, names in one.asked} == {HOST}
    assert report.faults == []


def test_a_redirect_without_end_leads_to_no_audited_url():
    number = itertools.count()
    app = answering(lambda _: [("Location", f"/items?n={next(number)}")], status="302 Found")
    report = audited(app)
    assert not report.is_judged
    assert not any("was audited" in note for note in report.notes)
    (note,) = [note for note in report.notes if "redirects" in note]
    assert note.startswith("The server redirects again and again, last to ")


FORM = b"<form action=/session method=post><input name=name><input name=secret type='password'></form>"


@pytest.mark.parametrize(
    ("location", "body", "is_judged"),
    share(
        [
            ("/login?next=/items", FORM, False),
            ("/login", b"", False),
            ("/sign-in", b"", False),
            # A page with another name asks for a password, or leads back.
            ("/welcome", FORM, False),
            ("/anmelden", FORM, False),
            ("/start?weiter=%2Fitems", b"", False),
            ("/items/login", b"", False),
            # The same resource under another URL.
            ("/items/", b"[]", True),
            ("/Items", FORM, True),
            ("/v2/items", b"[]", True),
            ("/v2/items", b"<!-- old: " + FORM + b" -->", True),
        ]
    ),
)
@pytest.mark.parametrize("is_in_between", [False, True])
def test_a_login_in_place_of_the_resource_is_not_judged(location, body, is_judged, is_in_between):
    def app(environ, start_response):
        at = environ["PATH_INFO"]
        if at in {"/items", "/moved"}:
            start_response("302 Found", [("Location", "/moved" if is_in_between and at == "/items" else location)])
            return []
        return answering(lambda _: [], body=body, kind="text/html")(environ, start_response)

    report = audited(app)
    assert report.faults == []
    assert report.is_judged is is_judged
    looks = [note for note in report.notes if "looks like a login" in note]
    assert len(looks) == (not is_judged)


@pytest.mark.parametrize(
    ("location", "is_login"),
    [
        ("https://sso.example.com/oauth2/authorize?client_id=x&state=hunter2", True),
        ("https://id.example.net/?return_to=%2Fitems", True),
        ("https://accounts.example.net/", True),
        (f"https://{HOST}/items", False),
        ("https://cdn.example.net/items", False),
    ],
)
def test_a_login_at_another_origin_needs_a_login(location, is_login):
    """
    It is not contacted, whatever it is.
    """
    report = audited(answering(lambda _: [("Location", location)], status="303 See Other"))
    assert not report.is_judged
    assert any("Add a login" in note for note in report.notes) is is_login
    assert any("audit it separately" in note for note in report.notes) is not is_login
    assert "hunter2" not in str(report.notes)


def test_a_login_is_judged_if_it_was_asked_for():
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/login":
            start_response("302 Found", [("Location", "/login/form")])
            return []
        return answering(everybody, body=FORM, kind="text/html")(environ, start_response)

    report = audited(app, url=f"http://{HOST}/login/")
    assert report.is_judged
    assert "CG-A001" in {finding.rule.id for finding in report.faults}


def test_a_small_budget_finds_the_worst_fault():
    def lines(environ):
        origin = origin_of(environ)
        return [VARY, *([(ALLOW, origin), CREDENTIALS] if origin.startswith(APP) else [])]

    report = audited(answering(lines), budget=QUICK_BUDGET)
    assert report.sent <= QUICK_BUDGET
    (worst, *_) = report.findings
    assert (worst.rule.id, worst.severity, worst.confidence) == ("CG-A003", Severity.CRITICAL, "high")


def test_a_small_budget_is_spent_on_names_that_anyone_can_register():
    """
    After unrelated origins and trusted ones, the first questions are about names that are for sale or free.
    """
    one = Served(listing(APP))
    audited(one, budget=QUICK_BUDGET)
    first = [names.get("HTTP_ORIGIN", "") for *_, names in one.asked][6:24]
    suffixes = (
        ".attacker.example",
        "attacker.example",
        ".bid",
        ".com.sb",
        ".github.io",
        ".vercel.app",
        ".netlify.app",
        ".com",
    )
    assert all(origin.endswith((*suffixes, ".co", "-attacker.example")) for origin in first), first
    assert not [origin for origin in first if origin.endswith(".example.com")]
    assert {origin.partition(".")[2] for origin in first} >= {"github.io", "vercel.app", "netlify.app"}


def asked_for(environ):
    return environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD", "")


def named_by_query(name, scheme=""):
    def lines(environ):
        (value,) = parse_qs(environ["QUERY_STRING"]).get(name, [""])
        return [(ALLOW, f"{scheme}{value}"), CREDENTIALS] if value else []

    return lines


ONLY_SOMETIMES = [
    *(("CG-P003", lambda environ, m=m: everybody(environ) * (asked_for(environ) == m)) for m in ("PUT", "DELETE")),
    *(("CG-P003", lambda environ, m=m: everybody(environ) * (asked_for(environ) == m)) for m in ("PATCH", "POST")),
    ("CG-P003", lambda environ: everybody(environ) * (origin_of(environ) == "null") * bool(asked_for(environ))),
    *(
        ("CG-P003", lambda environ, t=t: everybody(environ) * t(origin_of(environ)) * bool(asked_for(environ)))
        for t in (
            lambda origin: origin.endswith("example.com"),
            lambda origin: origin.startswith(APP),
            lambda origin: "app.example.com" in origin,
            lambda origin: origin.endswith(".example.com"),
        )
    ),
    ("CG-P003", lambda environ: [(ALLOW, "*"), ("Access-Control-Allow-Methods", "PUT")] * bool(asked_for(environ))),
    # The response names another origin.
    ("CG-P003", lambda environ: everybody(environ) if asked_for(environ) else [(ALLOW, APP), CREDENTIALS]),
    ("CG-B001", lambda environ: [(ALLOW, "*"), CREDENTIALS] * bool(asked_for(environ))),
    *(
        ("CG-A019", lambda environ, t=t: everybody(environ) * (t in environ.get("HTTP_ACCEPT", "")))
        for t in ("text/html", "application/json", "application/xml", "application/xhtml+xml", "text/event-stream")
    ),
    ("CG-A018", named_by_query("origin")),
    ("CG-A018", named_by_query("domain", "http://")),
]


@pytest.mark.parametrize(("rule", "lines"), share(ONLY_SOMETIMES, 2))
def test_what_only_some_requests_get_is_found(rule, lines):
    def added(environ):
        listed = origin_of(environ) == APP and not asked_for(environ)
        return [VARY, *([(ALLOW, APP), CREDENTIALS] if listed else lines(environ))]

    assert faults(answering(added)) >= {rule}


def opened_by(name, value, answer_preflights=None):
    """
    Return what an application answers that lets any origin in if the header *name* has *value* in it.
    *answer_preflights* are the lines for the preflight of any origin.
    """

    def lines(environ):
        if asked_for(environ):
            allowed = [("Access-Control-Allow-Headers", name), ("Access-Control-Allow-Methods", "PUT")]
            return [] if answer_preflights is None else [(ALLOW, origin_of(environ)), *allowed, *answer_preflights]
        sent = environ.get(f"HTTP_{name.upper().replace('-', '_')}", "")
        return everybody(environ)[1:] if value.format(origin_of(environ).partition("://")[2]) in sent else []

    return lines


@pytest.mark.parametrize(
    ("rule", "lines", "severity", "browsers"),
    [
        # A page needs a preflight for these, which the server refuses, grants, or grants without credentials.
        *share(
            [
                (rule, opened_by(name, value, preflights), severity, browsers)
                for rule, name, value in (
                    ("CG-A018", "X-Forwarded-Host", "{}"),
                    ("CG-A018", "Forwarded", "host={}"),
                    ("CG-A018", "X-Original-Host", "{}"),
                    ("CG-A019", "Authorization", "Bearer"),
                    ("CG-A019", "X-Requested-With", "XMLHttpRequest"),
                )
                for preflights, severity, browsers in (
                    (None, "info", "none"),
                    ([CREDENTIALS], "critical", "Chromium, Firefox, Safari"),
                    ([], "low", "Chromium, Firefox, Safari"),
                )
            ],
            2,
        ),
        # Browsers send these with every request.
        ("CG-A001", opened_by("Referer", "://{}/"), "critical", "Chromium, Firefox, Safari"),
        ("CG-A001", opened_by("Accept-Language", "en"), "critical", "Chromium, Firefox, Safari"),
        ("CG-A001", opened_by("User-Agent", "Mozilla/5.0"), "critical", "Chromium, Firefox, Safari"),
        # A page can send these without a preflight.
        ("CG-A018", opened_by("Referer", APP), "critical", "Chromium, Firefox, Safari"),
        ("CG-A018", opened_by("Referer", f"/{APP}"), "critical", "Chromium, Firefox, Safari"),
        ("CG-A019", opened_by("Cookie", "corsguard"), "critical", "Chromium, Firefox, Safari"),
        ("CG-A019", opened_by("Accept", "text/html"), "critical", "Chromium, Firefox, Safari"),
        ("CG-A019", opened_by("Range", "bytes=0"), "critical", "Chromium, Firefox, Safari"),
        ("CG-A019", opened_by("Cache-Control", "no-cache"), "critical", "Chromium, Firefox, Safari"),
        ("CG-A019", opened_by("User-Agent", "Mobile"), "critical", "Chromium, Firefox, Safari"),
        # The response has no body.
        (
            "CG-A019",
            lambda environ: everybody(environ) * (environ["REQUEST_METHOD"] == "HEAD"),
            "low",
            "Chromium, Firefox, Safari",
        ),
        # Something is there.
        (
            "CG-A019",
            lambda environ: everybody(environ) * ("/corsguard-" in environ["PATH_INFO"]),
            "critical",
            "Chromium, Firefox, Safari",
        ),
    ],
)
def test_a_condition_is_as_bad_as_what_a_page_can_send(rule, lines, severity, browsers):
    def added(environ):
        return [VARY, *([(ALLOW, APP), CREDENTIALS] if origin_of(environ) == APP else lines(environ))]

    finding = found(answering(added))[rule]
    assert (finding["severity"], finding["browsers"]) == (severity, browsers)


def test_an_error_of_an_unknown_path_has_no_data():
    def app(environ, start_response):
        is_there = environ["PATH_INFO"] == "/items"
        lines = listing(APP) if is_there else answering(everybody, status="404 Not Found")
        return lines(environ, start_response)

    assert found(app)["CG-A019"]["severity"] == "low"


def compressing(app, more=lambda environ: []):
    """
    Return *app* behind something that compresses for browsers, and then adds the lines that *more* returns.
    """

    def answer(environ, start_response):
        is_accepted = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")

        def start(status, lines):
            kept = [line for line in lines if line[0] != "Content-Length"]
            start_response(status, [*kept, ("Content-Encoding", "gzip"), *more(environ)] if is_accepted else lines)

        body = b"".join(app(environ, start))
        return [gzip.compress(body) if is_accepted else body]

    return answer


def test_the_copy_that_browsers_get_is_judged():
    assert faults(compressing(answering(lambda _: [VARY]), everybody)) == {"CG-A001"}


def called_back(environ, start_response):
    (name,) = parse_qs(environ["QUERY_STRING"]).get("callback", ["none"])
    return answering(lambda _: [], body=f"{name}({{}})".encode(), kind="text/javascript")(environ, start_response)


def named_in_body(environ, start_response):
    body = f"at {environ.get('HTTP_X_FORWARDED_HOST', HOST)}".encode()
    about = [("Cache-Control", "public, max-age=60"), ("Access-Control-Allow-Headers", "X-Forwarded-Host")]
    return answering(lines_for(APP, more=about), body=body)(environ, start_response)


@pytest.mark.parametrize(("rule", "app"), [("CG-E004", called_back), ("CG-V006", named_in_body)])
def test_what_is_compressed_is_read_too(rule, app):
    assert rule in faults(app)
    assert rule in faults(compressing(app))


def test_a_compressed_login_is_a_login():
    form = answering(lambda _: [], body=b'<input type="password">', kind="text/html")
    moved = answering(lambda _: [("Location", "/start")], status="302 Found")
    app = compressing(lambda environ, start: (form if environ["PATH_INFO"] == "/start" else moved)(environ, start))
    assert any("looks like a login" in note for note in audited(app).notes)


def stored(app, key, kept=("Cache-Control", "public, max-age=60")):
    """
    Return *app* behind a cache that ignores Vary: it has one answer for each value of *key*, a function of the environ.
    """
    answers = {}

    def answer(environ, start_response):
        if environ["REQUEST_METHOD"] == "OPTIONS":
            return app(environ, start_response)
        name = (environ["REQUEST_METHOD"], environ["PATH_INFO"], key(environ))
        is_stored = name in answers
        if not is_stored:
            head = []
            body = b"".join(app(environ, lambda *begun: head.extend(begun)))
            answers[name] = (*head, body)
        status, lines, body = answers[name]
        start_response(status, [*lines, kept, ("X-Cache", "HIT" if is_stored else "MISS")])
        return [body]

    return answer


@pytest.mark.parametrize("with_vary", [True, False])
@pytest.mark.parametrize(
    "key",
    [
        lambda environ: environ["QUERY_STRING"],
        lambda environ: (environ["QUERY_STRING"], "HTTP_ORIGIN" in environ),
    ],
)
def test_a_cache_that_gives_a_trusted_page_the_response_to_another_is_found(key, with_vary):
    app = answering(lambda environ: lines_for(APP)(environ)[not with_vary :])
    report = audited(stored(app, key))
    (fault,) = report.faults
    assert (fault.rule.id, fault.severity, fault.confidence) == ("CG-V003", Severity.HIGH, "medium")
    assert fault.detail == f"{APP} got a stored response that does not allow it. A new response does."
    # What the server sends already does not help.
    assert ("which ignores Vary: Origin" in fault.header) is with_vary


def test_what_only_a_cache_answers_is_no_fault_of_the_preflight():
    report = audited(stored(listing(APP), lambda environ: ""))
    assert report.faults == []
    assert any(
        f"{APP} should be trusted, but may not read, most likely because a cache" in note for note in report.notes
    )


@pytest.mark.parametrize("first", ["https://x.example", APP])
def test_a_cache_that_answers_all_preflights_alike_is_found(first):
    """
    The answers have Vary, and the cache does not obey it. The first one in it is refused, or the trusted one.
    """
    kept = []

    def lines(environ):
        answer = lines_for(APP)(environ)
        if not asked_for(environ) or (first == APP and not kept and origin_of(environ) != APP):
            return answer
        if not kept:
            kept.append(answer)
            return answer
        return [*kept[0], ("Age", "40"), ("X-Cache", "Hit from cdn")]

    report = audited(answering(lines))
    assert "CG-V004" in {finding.rule.id for finding in report.faults}
    assert any(f"{APP} may read, but its preflight is refused" in note for note in report.notes) is (first != APP)


@pytest.mark.parametrize("with_star", [True, False])
@pytest.mark.parametrize(
    ("keyed_by", "is_found"),
    [
        (("ORIGIN",), True),
        (("ORIGIN", "ACCESS_CONTROL_REQUEST_HEADERS"), True),
        (("ORIGIN", "ACCESS_CONTROL_REQUEST_METHOD"), True),
        (("ORIGIN", "ACCESS_CONTROL_REQUEST_METHOD", "ACCESS_CONTROL_REQUEST_HEADERS"), False),
    ],
)
def test_a_cache_that_answers_the_preflight_of_another_method_or_header_is_found(keyed_by, is_found, with_star):
    """
    The server allows what each preflight asks for, out of a list.
    """
    kept = {}

    def lines(environ):
        if not asked_for(environ):
            return [(ALLOW, "*")] if with_star else lines_for(APP)(environ)
        key = (environ["QUERY_STRING"], *(environ.get(f"HTTP_{name}") for name in keyed_by))
        if key in kept:
            return [*kept[key], ("Age", "40"), ("X-Cache", "HIT")]
        names = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        origin = "*" if with_star else APP
        granted = [(ALLOW, origin)] if with_star or origin_of(environ) == APP else []
        method = asked_for(environ) if asked_for(environ) in {"GET", "PUT", "DELETE"} else "GET"
        listed = [name for name in names.split(",") if name == "authorization"]
        kept[key] = [
            VARY,
            *granted,
            ("Access-Control-Allow-Methods", method),
            *((("Access-Control-Allow-Headers", ", ".join(listed)),) if listed else ()),
        ]
        return kept[key]

    told = [one.detail for one in audited(answering(lines)).faults if one.rule.id == "CG-V004"]
    assert [one.partition(" comes from ")[2] for one in told] == [
        "a cache, and is the one for another method or header."
    ] * is_found


@pytest.mark.parametrize(
    ("listed", "allowed", "needed"),
    [
        ("get, post, put, delete", "put, delete", "PUT, DELETE"),
        ("GET, Patch , HEAD", "Patch", "PATCH"),
        ("GET, PUT, put, post, options, report", "", ""),
        ("GET, PUT, DELETE", "", ""),
    ],
)
def test_methods_in_lower_case_are_named(listed, allowed, needed):
    app = answering(lines_for(APP, more=[("Access-Control-Allow-Methods", listed)]))
    said = f"allows {allowed}, but methods are compared with upper and lower case, so no page can send {needed}."
    assert [said in note for note in audited(app).notes if "upper and lower case" in note] == [True] * bool(allowed)


@pytest.mark.parametrize(
    ("lines", "is_noted"),
    [
        (lambda environ: [], True),
        (lambda environ: [(ALLOW, "https://other.example.com")], True),
        (lambda environ: [(ALLOW, "*")], False),
        (lines_for(APP), False),
    ],
)
@pytest.mark.parametrize("origin", [APP, None])
def test_a_redirect_that_a_trusted_page_may_not_follow_is_noted(lines, is_noted, origin):
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/items":
            moved = answering(lambda environ: [("Location", "/v2/items"), *lines(environ)], status="301 Moved")
            return moved(environ, start_response)
        return listing(APP)(environ, start_response)

    report = audited(app, url=f"https://{HOST}/items", origin=origin)
    assert report.url == f"https://{HOST}/v2/items"
    said = "browsers do not follow its redirect, which does not allow that origin."
    assert (f"{APP} may not read https://{HOST}/items: {said}" in report.notes) is is_noted


@pytest.mark.parametrize(
    ("preflights", "is_noted"), [([], True), ([(ALLOW, APP)], False), ([(ALLOW, "*")], False), (None, False)]
)
def test_a_trusted_page_whose_preflight_is_refused_is_named(preflights, is_noted):
    def app(environ, start_response):
        if preflights is None or not asked_for(environ):
            return listing(APP)(environ, start_response)
        return answering(lambda _: [VARY, *preflights])(environ, start_response)

    assert any("its preflight is refused" in note for note in audited(app).notes) is is_noted


@pytest.mark.parametrize("answered", [(APP,), ("https://www.example.com",), (APP, "https://www.example.com")])
@pytest.mark.parametrize("is_constant", [True, False])
def test_each_trusted_page_whose_preflight_is_refused_is_named(answered, is_constant):
    pages = (APP, "https://www.example.com")

    def app(environ, start_response):
        sound = listing(*(answered if asked_for(environ) else pages))
        constant = answering(lambda _: [VARY, (ALLOW, answered[0]), CREDENTIALS])
        is_one = is_constant and len(answered) == 1 and asked_for(environ)
        return (constant if is_one else sound)(environ, start_response)

    notes = audit(URL, app=app, trusted=pages).notes
    for page in pages:
        assert any(f"{page} may read, but its preflight is refused" in note for note in notes) is (page not in answered)


def test_a_resource_that_everybody_may_only_get_needs_no_preflight():
    report = audited(answering(lambda environ: [] if asked_for(environ) else [(ALLOW, "*")]))
    assert not any("its preflight is refused" in note for note in report.notes)


@pytest.mark.parametrize(
    ("listed", "named"),
    [
        ("Content-Type, x-forwarded-host, X-Real-IP", "X-Forwarded-Host, X-Real-IP"),
        ("Content-Type, X-HTTP-Method-Override", ""),
    ],
)
def test_headers_of_proxies_that_pages_may_send_are_named(listed, named):
    lines = [("Access-Control-Allow-Headers", listed)]
    report = audited(answering(lines_for(APP, more=lines)))
    noted = [note for note in report.notes if "only a proxy" in note]
    assert noted == [note for note in noted if f"Pages may send {named}. Many" in note]
    assert len(noted) == bool(named)


@pytest.mark.parametrize(
    ("is_bad", "origin", "browsers"),
    [
        (lambda origin: origin == "null", "null", "Chromium, Firefox, Safari"),
        (lambda origin: "://" not in origin, "null", "Chromium, Firefox, Safari"),
        # The second label, an address, and a scheme that the parser does not know.
        (lambda origin: origin.startswith("http://localhost"), "http://localhost", "Chromium, Firefox, Safari"),
        (lambda origin: "[::1]" in origin, "http://[::1]", "Chromium, Firefox, Safari"),
        (lambda origin: origin.startswith("tauri:"), "tauri://localhost", "Chromium, Firefox, Safari"),
        (lambda origin: "@" in origin, "https://...@", "none"),
        (lambda origin: not origin.isascii(), "https://", "none"),
    ],
)
def test_whatever_origin_makes_a_server_fail_is_found(is_bad, origin, browsers):
    def app(environ, start_response):
        is_broken = origin_of(environ) and is_bad(origin_of(environ))
        return (answering(lambda _: [], status="500 No") if is_broken else listing(APP))(environ, start_response)

    (fault,) = audited(app).faults
    assert (fault.rule.id, fault.browsers) == ("CG-X002", browsers)
    assert fault.detail.startswith(f"Origin: {origin}")


def test_a_server_that_fails_sometimes_is_not_said_to_fail_for_an_origin():
    numbers = itertools.count()

    def app(environ, start_response):
        broken = answering(lambda _: [], status="500 No")
        return (broken if next(numbers) % 7 == 5 else listing(APP))(environ, start_response)

    report = audited(app)
    assert "CG-X002" not in {finding.rule.id for finding in report.faults}
    assert report.sent < audited(listing(APP)).sent + 24


@pytest.mark.parametrize(
    ("origin", "pattern", "is_found"),
    [
        ("https://grey-heron.example", "https://grey*?heron[.]example", True),
        ("https://www.grey-heron.example", "https://www[.]grey-?heron[.]example", True),
        ("https://grey-heron.example", "https://grey-heron[.]example", False),
        ("https://greyheron.example", "https://grey-?heron[.]example", False),
    ],
)
def test_a_name_without_its_hyphen_is_another_name(origin, pattern, is_found):
    def lines(environ):
        is_in = origin_of(environ) == origin or re.fullmatch(pattern, origin_of(environ))
        return [VARY, *(everybody(environ)[1:] if is_in else [])]

    one = Served(answering(lines))
    told = found(one, origin=origin)
    assert ("CG-A007" in told) is is_found
    if is_found:
        bare = origin.replace("-", "")
        assert told["CG-A007"]["detail"] == f"{bare} is allowed: a hyphen may be absent."
        assert told["CG-A007"]["severity"] == "critical"


def test_a_port_that_is_not_a_number_must_not_make_a_server_fail():
    def app(environ, start_response):
        is_bad = re.fullmatch(r"https://[a-z.]+:[^0-9]+", origin_of(environ))
        return (answering(lambda _: [], status="500 No") if is_bad else listing(APP))(environ, start_response)

    assert faults(app) == {"CG-X002"}


def test_the_preflights_of_http_origins_are_asked_too():
    def lines(environ):
        origin = origin_of(environ)
        is_in = origin == APP or (origin == "http://app.example.com" and asked_for(environ))
        return [VARY, *([(ALLOW, origin), CREDENTIALS] if is_in else [])]

    assert found(answering(lines), url=f"https://{HOST}/items")["CG-P003"]["severity"] == "medium"


def test_a_preflight_that_only_other_hosts_of_the_owner_get_is_less_severe():
    def lines(environ):
        origin = origin_of(environ)
        is_in = origin == APP or (origin.endswith(".example.com") and asked_for(environ))
        return [VARY, *([(ALLOW, origin), CREDENTIALS] if is_in else [])]

    assert found(answering(lines))["CG-P003"]["severity"] == "low"


def test_a_refusal_that_names_its_origin_is_not_the_resource():
    """
    A page reads only that it is refused. What is let in by a comparison is still found.
    """

    def refusing(is_in):
        def app(environ, start_response):
            status = "200 OK" if not origin_of(environ) or is_in(origin_of(environ)) else "403 Forbidden"
            return answering(everybody, status=status)(environ, start_response)

        return app

    (note,) = [note for note in audited(refusing(lambda origin: origin == APP)).notes if "refused" in note]
    assert "may read that it is refused with 403, and nothing else" in note
    for origin in (APP, None):
        assert faults(refusing(lambda origin: origin == APP), origin=origin) == set()
        assert "CG-A014" in faults(refusing(lambda origin: origin == APP or "localhost" in origin), origin=origin)
    # Everybody is refused here, for want of a login.
    assert "CG-A001" in faults(answering(everybody, status="403 Forbidden"))


@pytest.mark.parametrize(("count", "number"), [(4, 3), (6, 5), (8, 7)])
def test_answers_that_change_are_not_called_a_comparison(count, number):
    """
    One of several servers lets every origin in.
    """
    numbers = itertools.count()

    def lines(environ):
        is_open = next(numbers) % count == number
        return [VARY, *([(ALLOW, origin_of(environ)), CREDENTIALS] if is_open or origin_of(environ) == APP else [])]

    report = audited(answering(lines))
    (finding,) = report.faults
    assert (finding.rule.id, finding.severity, finding.confidence) == ("CG-A019", Severity.CRITICAL, "medium")
    assert "is allowed by some answers to the same request, and refused by others." in finding.detail
    assert report.notes[0].startswith("The answers change from one request to the next")


def test_a_third_party_that_a_policy_only_reports_on_is_asked_too():
    def lines(environ):
        named = ("Content-Security-Policy-Report-Only", "frame-src https://widget.partner.example")
        is_in = origin_of(environ) in {APP, "https://widget.partner.example"}
        return [VARY, named, *(everybody(environ)[1:] if is_in else [])]

    assert faults(answering(lines)) == {"CG-A021"}


@pytest.mark.parametrize("name", ["Content-Security-Policy", "Content-Security-Policy-Report-Only"])
@pytest.mark.parametrize(
    ("policy", "origin"),
    [
        ("script-src 'self' chat.partner.example; frame-ancestors 'none'", "https://chat.partner.example"),
        ("script-src chat.partner.example", "https://chat.partner.example"),
        ("default-src 'self'; img-src data: CDN.partner.example/logos/;", "https://cdn.partner.example"),
        ("connect-src chat.partner.example:8443", "https://chat.partner.example:8443"),
        ("connect-src chat.partner.example:*", "https://chat.partner.example"),
        ("default-src 'none', connect-src chat.partner.example, img-src *", "https://chat.partner.example"),
        ("connect-src http://chat.partner.example", "http://chat.partner.example"),
        ("connect-src 'nonce-a.b' *.partner.example; report-uri /a.b/partner.example", None),
        ("upgrade-insecure-requests; sandbox allow-scripts", None),
    ],
)
def test_a_third_party_that_a_policy_names_is_asked_with_or_without_a_scheme(name, policy, origin):
    own = (
        "https://api.example.com",
        "https://example.com",
        APP,
        "https://www.example.com",
        "https://admin.example.com",
    )

    def lines(environ):
        is_in = (
            origin_of(environ).endswith((".partner.example", ".partner.example:8443")) and origin_of(environ) == origin
        )
        return [VARY, (name, policy), *(everybody(environ)[1:] if is_in or origin_of(environ) in own else [])]

    one = Served(answering(lines))
    report = audit("https://api.example.com/items", app=one, trusted=own)
    assert {finding.rule.id for finding in report.faults} - {"CG-A011"} == ({"CG-A021"} if origin else set())
    asked = {names.get("HTTP_ORIGIN", "") for *_, names in one.asked}
    assert {text for text in asked if text.endswith("partner.example")} <= {origin}


@pytest.mark.parametrize(
    ("faulty", "rule", "severity"),
    [
        (lambda origin: [(ALLOW, origin), (ALLOW, origin), CREDENTIALS], "CG-B004", "medium"),
        (lambda origin: [(ALLOW, f"{origin}/"), CREDENTIALS], "CG-B005", "medium"),
        (lambda origin: [(ALLOW, origin), CREDENTIALS, CREDENTIALS], "CG-B002", "low"),
        (lambda origin: [(ALLOW, "*"), CREDENTIALS], "CG-B001", "medium"),
        (
            lambda origin: [(ALLOW, origin), CREDENTIALS, ("Access-Control-Expose-Headers", "X-Auth-Token")],
            "CG-B006",
            "medium",
        ),
    ],
)
@pytest.mark.parametrize("name", ["www", "admin", "chat.partner"])
def test_what_a_guessed_origin_gets_is_checked_like_what_a_given_one_gets(name, faulty, rule, severity):
    """
    If another origin may read, that does not make it better for this one.
    """
    guessed = f"http://{name}.example" if "." in name else f"http://{name}.example.com"
    policy = ("Content-Security-Policy", "connect-src http://chat.partner.example")

    def lines(environ):
        origin = origin_of(environ)
        listed = [(ALLOW, origin), CREDENTIALS] if origin == "http://app.example.com" else []
        return [VARY, policy, *(faulty(origin) if origin == guessed else listed)]

    told = [found(answering(lines), origin=origin)[rule]["severity"] for origin in (None, guessed)]
    assert told == [severity, severity]


def test_a_trusted_origin_that_is_refused_is_noted():
    told = f"{APP} should be trusted, but may not read."
    assert told in audited(listing()).notes
    # Nobody may read a login in place of the resource.
    for status in ("302 Found", "401 Unauthorized", "404 Not Found"):
        assert told not in audited(answering(lambda _: [("Location", "/login")], status=status)).notes


@pytest.mark.parametrize("budget", [1, 2, 3])
def test_a_redirect_at_the_end_of_the_budget_is_reported(budget):
    app = answering(lambda environ: [("Location", f"/x{environ['PATH_INFO']}")], status="302 Found")
    report = audited(app, budget=budget)
    assert "where the server redirects to" in report.left_out
    assert report.sent == budget


def test_each_stage_needs_its_permission():
    assert [stage.name for stage in STAGES if stage.needs] == ["injection, poisoned caches, long lists", "forged posts"]
    assert {*audited(listing(APP)).tried} == {stage.name for stage in STAGES if not stage.needs}


def test_every_rule_is_used_by_a_stage_or_a_probe():
    sources = [Path(module.__file__).read_text(encoding="utf-8") for module in (stages, session, probes)]
    assert {rule for source in sources for rule in re.findall(r"CG-[A-Z]\d{3}", source)} == RULES.keys()
