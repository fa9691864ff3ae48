"""
The answers of a server are read as a browser reads them: each sign is seen, and nothing is seen without one.
"""

from urllib.parse import parse_qs

import pytest
from kit.audited import (
    ALLOW,
    APP,
    CREDENTIALS,
    HOST,
    VARY,
    Served,
    answering,
    faults,
    found,
    lines_for,
    listing,
    origin_of,
)
from kit.sharing import share

from corsguard.audit import RULES, Reach, Severity, audit
from corsguard.audit.answers import Answer, PageFetch
from corsguard.audit.probes import Probe
from corsguard.audit.stages import OF_A_RESPONSE, OF_ALLOWED_NAMES, OF_NEIGHBOURS_OF_CORS, OF_UNREADABLE, OF_VARY
from corsguard.browser import WireRequest, WireResponse
from corsguard.browser.handshakes import opening
from corsguard.origin import NULL


@pytest.mark.parametrize(
    ("value", "credentials"),
    [
        ("http://evil.com:8443", "true"),
        ("http://evil.com/", "true"),
        ("https://evil.com", "true"),
    ],
)
def test_a_constant_that_resembles_an_attacker_is_not_a_reflection(value, credentials):
    app = answering(lambda _: [(ALLOW, value), ("Access-Control-Allow-Credentials", credentials)])
    assert not {name for name in faults(app) if name.startswith("CG-A")}


@pytest.mark.parametrize(
    "mangled",
    [
        lambda origin: origin + ".au",
        lambda origin: origin + "/",
        lambda origin: origin.encode("latin-1").upper().decode("latin-1"),
        lambda origin: f"{origin}:443",
        lambda origin: f"{origin}, {APP}",
        lambda origin: f'"{origin}"',
        lambda origin: origin.partition("://")[2],
    ],
)
def test_an_origin_that_comes_back_changed_lets_nobody_in(mangled):
    app = answering(lambda environ: [VARY, (ALLOW, mangled(origin_of(environ))), CREDENTIALS])
    assert not {name for name in faults(app) if name.startswith("CG-A")}


@pytest.mark.parametrize("credentials", ["True", "TRUE", "true, true", "1", "false"])
def test_only_true_makes_a_reflection_one_with_credentials(credentials):
    lines = ("Access-Control-Allow-Credentials", credentials)
    reflected = found(answering(lambda environ: [VARY, (ALLOW, origin_of(environ)), lines]))["CG-A001"]
    assert (reflected["severity"], reflected["with_credentials"]) == ("low", False)


def test_two_lines_of_allow_origin_are_a_fault_and_not_a_reflection():
    app = answering(lambda environ: [VARY, (ALLOW, origin_of(environ)), (ALLOW, origin_of(environ)), CREDENTIALS])
    assert faults(app) == {"CG-B004"}


def test_sharing_with_everyone_without_credentials_is_not_a_fault():
    assert faults(answering(lambda _: [(ALLOW, "*")])) == set()


@pytest.mark.parametrize(
    ("transport_security", "severity"),
    [
        (None, "HIGH"),
        ("max-age=600", "HIGH"),
        ("max-age=31536000; includeSubDomains", "HIGH"),
        ("max-age=31536000; includeSubDomains; preload", "MEDIUM"),
    ],
)
def test_preloaded_hsts_makes_an_http_origin_less_severe(transport_security, severity):
    def carry(request):
        origin = dict(request.headers).get("Origin", "")
        shared = [(ALLOW, origin), CREDENTIALS] if origin.endswith("://app.example.com") else []
        strict = [] if transport_security is None else [("Strict-Transport-Security", transport_security)]
        return WireResponse(200, (VARY, *shared, *strict))

    report = audit(f"https://{HOST}/items", app=carry, trusted=[APP])
    (finding,) = [found for found in report.findings if found.rule.id == "CG-A011"]
    assert (finding.severity, finding.reach) == (Severity[severity], Reach.NETWORK)


def chosen(line, **about):
    return answering(lambda _: [line], **about)


NEXT_TO_IT = {
    "CG-A021": answering(
        lambda environ: [
            VARY,
            ("Content-Security-Policy", "default-src 'self'; connect-src https://cdn.partner.example"),
            *(
                [(ALLOW, origin_of(environ)), CREDENTIALS]
                if origin_of(environ) == "https://cdn.partner.example"
                else []
            ),
        ]
    ),
    "CG-E005": chosen(VARY, body=b'<cross-domain-policy><allow-access-from domain="*"/></cross-domain-policy>'),
    "CG-I001": chosen(("Cross-Origin-Resource-Policy", "same-origin, same-site")),
    "CG-V004": answering(lambda environ: [("Age", "7"), (ALLOW, APP), CREDENTIALS]),
}


@pytest.mark.parametrize("rule", NEXT_TO_IT)
def test_a_fault_next_to_it_is_found(rule):
    assert faults(NEXT_TO_IT[rule]) == {rule}


@pytest.mark.parametrize(
    ("parameter", "demanded"),
    [
        *((name, {}) for name in ("callback", "jsonp", "fn", "$callback", "method", "successCallback", "json.wrf")),
        *((name, {}) for name in ("jsonpcallback", "jsonCallback", "callbackName", "_cb", "_jqjsp")),
        ("json.wrf", {"wt": "json"}),
        # Only together with a second parameter.
        ("callback", {"format": "jsonp"}),
        ("callback", {"alt": "json-in-script"}),
        ("jsonp", {"format": "jsonp"}),
        ("$callback", {"$format": "json"}),
    ],
)
def test_a_response_that_can_be_loaded_as_a_script_is_found(parameter, demanded):
    def app(environ, start_response):
        query = parse_qs(environ["QUERY_STRING"])
        is_script = parameter in query and all(query.get(name) == [value] for name, value in demanded.items())
        start_response("200 OK", [("Content-Type", "text/javascript" if is_script else "text/plain"), NOSNIFF])
        return [f"{query[parameter][0]}([1, 2])".encode() if is_script else b"[1, 2]"]

    assert faults(app) == {"CG-E004"}


def test_a_cookie_that_is_sent_with_every_request_is_reported():
    lines = [(ALLOW, APP), CREDENTIALS, ("Set-Cookie", "sid=12345678; SameSite=None; Secure")]
    assert found(answering(lambda _: lines))["CG-B007"]["severity"] == "info"


@pytest.mark.parametrize(("control", "severity"), [("public, max-age=60", "medium"), ("no-store", "low"), ("", "low")])
def test_a_missing_vary_is_as_severe_as_the_response_is_cacheable(control, severity):
    def lines(environ):
        return [("Cache-Control", control), *([(ALLOW, APP), CREDENTIALS] if origin_of(environ) == APP else [])]

    assert found(answering(lines))["CG-V001"]["severity"] == severity


@pytest.mark.parametrize(
    ("name", "control", "severity"),
    [
        ("CDN-Cache-Control", "public, max-age=600", "medium"),
        ("Cloudflare-CDN-Cache-Control", "max-age=600", "medium"),
        ("surrogate-control", "max-age=600", "medium"),
        # The other caches obey Cache-Control.
        ("CDN-Cache-Control", "no-store", None),
        ("Surrogate-Control", 'content="ESI/1.0"', None),
        ("X-Cache-Control", "public, max-age=600", None),
    ],
)
@pytest.mark.parametrize(("usual", "otherwise"), [("no-store", "low"), ("public, max-age=60", "medium")])
def test_what_only_shared_caches_obey_decides_whether_they_store(name, control, severity, usual, otherwise):
    def lines(environ):
        shared = [(ALLOW, APP), CREDENTIALS] if origin_of(environ) == APP else []
        return [("Cache-Control", usual), (name, control), ("Last-Modified", "Tue, 1 Dec 2026 00:00:00 GMT"), *shared]

    finding = found(answering(lines))["CG-V001"]
    assert finding["severity"] == (severity or otherwise)
    shown = dict(finding["proof"][0]["response"]["headers"])
    assert (shown.get(name) == control) is (name != "X-Cache-Control")


def without_head(environ, start_response):
    status = "405 Method Not Allowed" if environ["REQUEST_METHOD"] == "HEAD" else "200 OK"
    return answering(lines_for(APP) if status == "200 OK" else lambda _: [VARY], status=status)(environ, start_response)


def refusing(environ, start_response):
    status = "200 OK" if origin_of(environ) in {"", APP} else "403 Forbidden"
    return answering(lines_for(APP), status=status)(environ, start_response)


def by_the_application(environ, start_response):
    start_response("200 OK", [("Allow", "GET"), ("Content-Length", "5"), *lines_for(APP)(environ)])
    return [b"hello"]


SOUND = {
    "several origins": listing(APP, "https://www.example.com", "https://example.com"),
    "its own origin": listing(f"http://{HOST}"),
    "no CORS": answering(lambda _: []),
    "Vary: *": answering(lambda environ: [("Vary", "*"), *lines_for(APP)(environ)[1:]]),
    "Vary in another case": answering(lambda environ: [("Vary", "accept, ORIGIN"), *lines_for(APP)(environ)[1:]]),
    "HEAD is not supported": without_head,
    "foreign origins get 403": refusing,
    "OPTIONS is answered by the application": by_the_application,
    "one origin for all": answering(lambda _: [(ALLOW, APP), CREDENTIALS]),
    "everyone, with cookies that are not read": answering(lambda _: [(ALLOW, "*"), ("Set-Cookie", "sid=1; Path=/")]),
    "everyone, by a cache": answering(lambda _: [(ALLOW, "*"), ("Age", "31"), ("X-Cache", "HIT")]),
    "everyone, and false": answering(lambda _: [(ALLOW, "*"), ("Access-Control-Allow-Credentials", "false")]),
    "always true": answering(lambda environ: [VARY, CREDENTIALS, *lines_for(APP)(environ)[1:2]]),
    "a load balancer's cookie": answering(lines_for(APP, more=[("Set-Cookie", "AWSALB=1; Path=/")])),
    "upper case is folded": answering(
        lambda environ: [VARY, *([(ALLOW, origin_of(environ))] if origin_of(environ).lower() == APP else [])]
    ),
    "a policy that names its own site": answering(
        lines_for(
            APP, "https://www.example.com", more=[("Content-Security-Policy", "connect-src https://www.example.com")]
        )
    ),
}


@pytest.mark.parametrize("name", share(SOUND, 2))
def test_a_sound_server_has_no_findings(name):
    assert faults(SOUND[name]) == set()


def caching(environ, *, vary=()):
    header = next((name for name in environ if name.startswith("HTTP_X_")), "")
    body = f"for {environ.get(header, '')}".encode()
    asked = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
    name = header.removeprefix("HTTP_").replace("_", "-").lower() or "x"
    head = [*lines_for(APP)(environ), ("Cache-Control", "max-age=60"), ("Access-Control-Allow-Headers", asked)]
    return body, [*head, *((line, value.format(name)) for line, value in vary)]


@pytest.mark.parametrize(("vary", "is_found"), [([], True), ([("Vary", "{}")], False), ([("Vary", "*")], False)])
def test_a_header_that_gets_into_a_cache_is_found_unless_the_cache_separates_it(vary, is_found):
    def app(environ, start_response):
        body, head = caching(environ, vary=vary)
        start_response("200 OK", [("Content-Length", str(len(body))), *head])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    assert ("CG-V006" in found(app, active=True)) is is_found
    # Without permission, only the headers of proxies are sent, which have the name of a host.
    assert ("CG-V006" in found(app)) is is_found


@pytest.mark.parametrize(
    ("listed", "read", "is_found"),
    [
        ("X-Forwarded-Host", "HTTP_X_FORWARDED_HOST", True),
        ("Content-Type, Forwarded", "HTTP_FORWARDED", True),
        ("X-Host", "HTTP_X_HOST", True),
        # No page can send it, or the body has the origin.
        ("Content-Type", "HTTP_X_FORWARDED_HOST", False),
        ("X-Host", "HTTP_X_FORWARDED_HOST", False),
        ("X-Forwarded-Host", "HTTP_ORIGIN", False),
    ],
)
def test_a_host_that_gets_into_a_cache_is_found_if_pages_may_name_it(listed, read, is_found):
    def app(environ, start_response):
        head = [*lines_for(APP)(environ), ("Access-Control-Allow-Headers", listed), ("Cache-Control", "public")]
        is_bare = environ["REQUEST_METHOD"] in {"OPTIONS", "HEAD"}
        body = b"" if is_bare else f'<link rel="canonical" href="{environ.get(read, "")}">'.encode()
        start_response("200 OK", [("Content-Length", str(len(body))), *head])
        return [body]

    one = Served(app)
    assert ("CG-V006" in found(one)) is is_found
    # No visitor gets such a body from a cache.
    queries = [query for method, _, query, names in one.asked if method == "GET" and read in names]
    assert read == "HTTP_ORIGIN" or ("" not in queries and len({*queries}) == len(queries))


# The example of each row is seen by the sign of that row, and by no other sign that looks at the same answers.
TOGETHER = [(*OF_A_RESPONSE, *OF_UNREADABLE), OF_ALLOWED_NAMES, OF_VARY, OF_NEIGHBOURS_OF_CORS]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_an_example_shows_its_row(rule):
    sign = rule.sign(*rule.example)
    assert sign.proof
    assert "{" not in sign.detail.format(*sign.values)
    assert sign.severity is None or isinstance(sign.severity, Severity)


@pytest.mark.parametrize("rule", [rule for group in TOGETHER for rule in group])
def test_an_example_shows_no_other_row(rule):
    (group,) = [group for group in TOGETHER if rule in group]
    assert [other for other in group if RULES[other].sign(*RULES[rule].example)] == [rule]


def seen(*headers, origin=APP, method="GET", names=(), is_upload=False, more=(), **about):
    return Answer.of(PageFetch(f"https://{HOST}/items", origin, method, names, is_upload, more), *headers, **about)


ASKED = WireRequest("GET", f"https://{HOST}/feed")


def handshake(status, *headers):
    """
    Return the answer to a handshake, and its probe.
    """
    fetch = PageFetch(ASKED.url, NULL, is_handshake=True)
    return Answer.of(fetch, *headers, status=status), Probe("CG-E006", Reach.ANYONE, NULL, "null is trusted")


GRANT = (ALLOW, APP)
PROBE = Probe("CG-A001", Reach.ANYONE, APP, "any origin is reflected")
HTTP = Probe("CG-A011", Reach.NETWORK, "http://app.example.com", "the scheme is not compared")
NEW = "x-0123abcd"
OTHER = (ALLOW, "https://other.example.com")
PUTS, SAFE = (("Access-Control-Allow-Methods", methods) for methods in ("PUT", "GET, HEAD, POST"))
PRIVATE = ("Access-Control-Allow-Private-Network", "true")
OWN = f"https://{HOST}"
NOSNIFF = ("X-Content-Type-Options", "nosniff")
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTYifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1r"
EXPOSED = ("Access-Control-Expose-Headers", "X-CSRF-Token")
SLOW, FAST_ONE = seen(method="PUT", seconds=3), seen(method="PUT", seconds=1)

# Answers that only look like the example of the row.
LOOK_ALIKES = [
    ("CG-A001", seen((ALLOW, "*")), PROBE),
    ("CG-A001", seen((ALLOW, f"{APP}/")), PROBE),
    ("CG-A001", seen(), PROBE),
    ("CG-A009", seen((ALLOW, "*")), PROBE),
    ("CG-A011", seen(GRANT, origin=HTTP.origin), HTTP),
    ("CG-A017", seen((ALLOW, "*")), PROBE),
    ("CG-A010", seen(GRANT)),
    ("CG-A010", seen((ALLOW, "*"), status=302)),
    ("CG-B001", seen((ALLOW, "*"))),
    ("CG-B002", seen(GRANT, CREDENTIALS)),
    ("CG-B002", seen(GRANT)),
    ("CG-B002", seen((ALLOW, "*"), ("Access-Control-Allow-Credentials", "True"))),
    ("CG-B003", seen(GRANT, CREDENTIALS)),
    ("CG-B003", seen()),
    ("CG-B004", seen(GRANT, CREDENTIALS)),
    ("CG-B005", seen((ALLOW, "null"))),
    ("CG-B005", seen((ALLOW, "https://other.example.com"))),
    ("CG-B006", seen(GRANT, ("Access-Control-Expose-Headers", "X-Total-Count"))),
    ("CG-B006", seen(GRANT, ("Access-Control-Expose-Headers", "X-Next-Page-Token, X-Amz-Request-Id"))),
    ("CG-B006", seen(GRANT, ("Access-Control-Expose-Headers", "X-RateLimit-Session, X-Sync-Token"))),
    ("CG-B006", seen(GRANT, ("Access-Control-Expose-Headers", "ETag"), ("ETag", '"eyJ1"'), ("X-Id", TOKEN))),
    ("CG-B006", seen(GRANT, ("Access-Control-Expose-Headers", "X-Id"), ("X-Id", "MARKIAIOSFODNN7EXAMPLE"))),
    ("CG-B006", seen(GRANT, CREDENTIALS, ("X-Session", "1"))),
    ("CG-B006", seen((ALLOW, "null"), EXPOSED)),
    ("CG-B006", seen(EXPOSED, origin=OWN)),
    ("CG-B006", seen(GRANT, ("Access-Control-Expose-Headers", "*"))),
    ("CG-B006", seen((ALLOW, "*"), ("Access-Control-Expose-Headers", "*"), ("X-Total", "3"))),
    ("CG-B007", seen(("Set-Cookie", "sid=1; SameSite=None; Secure"), origin=OWN)),
    ("CG-B007", seen(GRANT, CREDENTIALS, ("Set-Cookie", "sid=SameSite=None; SameSite=Lax"))),
    ("CG-B007", seen(GRANT, ("Set-Cookie", "sid=1; SameSite=None; Secure"))),
    ("CG-P001", seen(GRANT, ("Access-Control-Allow-Headers", "*"), names=(NEW,))),
    ("CG-P001", seen(("Access-Control-Allow-Headers", NEW), names=(NEW,))),
    ("CG-P002", seen(GRANT, ("Access-Control-Allow-Methods", "GET, PUT"), method="X0123ABCD")),
    ("CG-P002", seen(GRANT, ("Access-Control-Allow-Methods", "*"), method="X0123ABCD")),
    ("CG-P002", seen(("Access-Control-Allow-Methods", "X0123ABCD"), method="X0123ABCD")),
    ("CG-P010", seen(GRANT, CREDENTIALS, method="PUT"), seen(GRANT, CREDENTIALS), set()),
    ("CG-P010", seen(GRANT, method="PUT"), seen(GRANT), set()),
    ("CG-P010", seen((ALLOW, "*"), CREDENTIALS, method="PUT"), seen(GRANT), set()),
    ("CG-P010", seen(GRANT, CREDENTIALS, method="PUT"), seen(GRANT, status=401), set()),
    ("CG-P010", seen(GRANT, CREDENTIALS, method="PUT"), seen(), set()),
    ("CG-P010", seen((ALLOW, "*"), SAFE, method="PUT"), seen(GRANT, CREDENTIALS), set()),
    ("CG-P010", seen(OTHER, PUTS, method="PUT"), seen(GRANT, CREDENTIALS), set()),
    ("CG-P010", seen(PUTS, method="PUT"), seen(GRANT, CREDENTIALS), set()),
    ("CG-P003", seen(GRANT, method="PUT"), seen(GRANT)),
    ("CG-P003", seen(GRANT, method="PUT"), seen(status=400)),
    ("CG-P003", seen(GRANT, method="PUT"), seen(status=401)),
    ("CG-P003", seen((ALLOW, "*"), method="PUT"), seen()),
    # It allows only what needs no permission, or everybody reads anyway, or nobody, which is another fault.
    ("CG-P003", seen((ALLOW, "*"), SAFE, method="PUT"), seen()),
    ("CG-P003", seen((ALLOW, "*"), PUTS, method="PUT"), seen((ALLOW, "*"))),
    ("CG-P003", seen(GRANT, CREDENTIALS, PUTS, method="PUT"), seen(GRANT, GRANT)),
    ("CG-P003", seen(GRANT, CREDENTIALS, PUTS, method="PUT"), seen((ALLOW, f"{APP}/"))),
    ("CG-P003", seen(OTHER, CREDENTIALS, PUTS, method="PUT"), seen()),
    ("CG-P003", seen(GRANT, method="PUT"), seen(status=307)),
    ("CG-P003", seen(GRANT, method="PUT"), seen(status=503)),
    ("CG-P004", seen(is_upload=True, status=204), seen(GRANT)),
    ("CG-P004", seen(is_upload=True, status=405), seen()),
    ("CG-P005", seen(("Access-Control-Max-Age", "7200"), method="PUT")),
    ("CG-P005", seen(method="PUT")),
    ("CG-P006", seen(GRANT, ("Access-Control-Allow-Private-Network", "1"), method="PUT"), {APP}),
    ("CG-P007", seen(GRANT, ("Access-Control-Allow-Headers", "*, Authorization"), names=(NEW,))),
    ("CG-P007", seen(GRANT, ("Access-Control-Allow-Headers", f"{NEW}, *"), names=(NEW,))),
    ("CG-P007", seen(GRANT, ("Access-Control-Allow-Headers", "X-Other"), names=(NEW,))),
    ("CG-P007", seen(GRANT, CREDENTIALS, PUTS, ("Access-Control-Allow-Headers", "X-Other"), names=(NEW,))),
    ("CG-P007", seen(GRANT, ("Access-Control-Allow-Methods", "*"), names=(NEW,))),
    ("CG-P007", seen(CREDENTIALS, ("Access-Control-Allow-Methods", "*"), names=(NEW,))),
    ("CG-P008", seen(GRANT, method="PUT", body=b"[1, 2]"), seen(body=b"[3, 4]")),
    ("CG-P008", seen(GRANT, method="PUT", body=b"[1, 2]", status=404), seen(body=b"[1, 2]")),
    ("CG-P008", seen(GRANT, method="PUT", body=b"{}"), seen(body=b"{}")),
    # A session or a load balancer sets cookies, and no application runs.
    ("CG-P008", seen(GRANT, ("Set-Cookie", "sid=1"), method="PUT"), seen()),
    ("CG-P009", seen(status=503), seen(GRANT, method="PUT")),
    ("CG-P009", seen(GRANT, status=401), seen(GRANT, method="PUT")),
    ("CG-P009", seen(), seen(GRANT, method="PUT")),
    ("CG-P009", seen()),
    ("CG-P009", seen(status=503)),
    ("CG-P009", seen((ALLOW, "null"), status=404)),
    ("CG-P009", seen(status=404, origin=OWN)),
    ("CG-P009", seen(status=401), seen(method="PUT")),
    ("CG-V001", seen(GRANT, VARY), [seen(origin=None)]),
    ("CG-V001", seen((ALLOW, "*")), [seen((ALLOW, "*"), origin=None)]),
    ("CG-V001", seen(), [seen((ALLOW, "*"), origin=None)]),
    ("CG-V001", seen(GRANT), [seen(origin=None, status=429)]),
    ("CG-V001", seen(GRANT), [seen(origin=None, status=502)]),
    ("CG-V002", seen(GRANT, VARY), [seen(origin=None, status=500)]),
    ("CG-V002", seen(GRANT, VARY), [seen(VARY, origin=None)]),
    ("CG-V003", seen(VARY), seen(origin=None), seen()),
    ("CG-V003", seen((ALLOW, "null")), seen(origin=None), seen(GRANT)),
    ("CG-V003", seen(status=0), seen(origin=None), seen(GRANT)),
    ("CG-V004", seen(GRANT, VARY, ("Age", "7"), method="PUT")),
    ("CG-V004", seen(GRANT, ("X-Cache", "MISS"), method="PUT")),
    ("CG-V004", seen((ALLOW, "*"), ("Age", "7"), method="PUT")),
    ("CG-V004", seen(GRANT, ("Age", "0"), method="PUT")),
    ("CG-V004", seen(GRANT, ("Cache-Status", "cdn; fwd=uri-miss"), method="PUT")),
    # The answer for the same page, for all pages, or for a page that may not read.
    ("CG-V004", seen(GRANT, VARY, ("Age", "7"), method="PUT"), seen(GRANT)),
    ("CG-V004", seen(OTHER, VARY, ("Age", "7"), method="PUT"), None, seen(OTHER, method="PUT")),
    ("CG-V004", seen(OTHER, VARY, ("Age", "7"), method="PUT"), None, seen(method="PUT", status=503)),
    ("CG-V004", seen(OTHER, VARY, method="PUT"), seen(GRANT), seen(method="PUT")),
    ("CG-V004", seen(VARY, ("Age", "7"), method="PUT"), seen()),
    ("CG-V005", seen(VARY, more=(("Vary", NEW),))),
    ("CG-V006", seen(("Cache-Control", "no-store"), body=b"for mark", more=((NEW, "mark"),)), "mark"),
    ("CG-V006", seen(("Cache-Control", "public"), ("Vary", NEW), body=b"for mark", more=((NEW, "mark"),)), "mark"),
    ("CG-V006", seen(("Cache-Control", "public"), ("Vary", "*"), body=b"for mark", more=((NEW, "mark"),)), "mark"),
    ("CG-V006", seen(("Cache-Control", "public"), body=b"for nobody", more=((NEW, "mark"),)), "mark"),
    ("CG-X001", seen(), "A line feed", NEW, {"access-control-allow-origin"}),
    ("CG-X002", seen(status=500), seen(status=500), seen(status=500)),
    ("CG-X002", seen(), seen(status=500), seen()),
    ("CG-X002", seen(status=500), seen(status=200), seen()),
    ("CG-X003", FAST_ONE, SLOW, seen(method="PUT", seconds=0.2)),
    ("CG-X003", seen(method="PUT", seconds=3, status=0), SLOW, seen(method="PUT")),
    ("CG-X003", SLOW, SLOW, FAST_ONE),
    ("CG-X003", SLOW, FAST_ONE, seen(method="PUT", seconds=0.2)),
    ("CG-E001", seen(method="POST", status=403), seen(method="POST", status=415)),
    ("CG-E002", *handshake(403)),
    ("CG-E002", *handshake(200, *opening(ASKED).headers)),
    ("CG-E006", *handshake(101)),
    ("CG-E006", *handshake(101, *opening(WireRequest("GET", "", (("Sec-WebSocket-Key", "other"),))).headers)),
    ("CG-E003", seen(more=(("Host", "0123abcd.com"),), status=400), seen()),
    ("CG-E003", seen(more=(("Host", "0123abcd.com"),), status=404), seen(status=404)),
    ("CG-E003", seen(more=(("Host", "0123abcd.com"),)), seen(status=301)),
    ("CG-E004", seen(("Content-Type", "application/json"), NOSNIFF, body=b"cb([1, 2])"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"[1, 2]"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"run('cb([1])')"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"window.run('cb(1)')"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"window.cb = [1, 2]"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"other.cb([1])"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"cbs([1])"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"// cb([1])"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"// a\n// cb([1])\n[1]"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"https://cb.example\ncb([1])"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"//" * 4000 + b"cb([1])"), {"callback": "cb"}),
    ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"//\n" * 2700 + b"x"), {"callback": "cb"}),
    *(
        ("CG-E004", seen(("Content-Type", "text/javascript"), body=b"cb([1])", status=status), {"callback": "cb"})
        for status in (401, 404, 302)
    ),
    ("CG-E005", seen(body=b'<allow-access-from domain="app.example.com"/>')),
    ("CG-I001", seen(("Cross-Origin-Resource-Policy", "same-origin"))),
    ("CG-I001", seen(("Cross-Origin-Resource-Policy", "cross-origin"))),
    ("CG-I001", seen(("Cross-Origin-Resource-Policy", "same-site")), seen(GRANT, CREDENTIALS)),
    ("CG-I001", seen((ALLOW, "*"), ("Cross-Origin-Resource-Policy", "cross-origin"))),
    ("CG-I001", seen(("Cross-Origin-Resource-Policy", "cross-origin")), seen(GRANT)),
    (
        "CG-E005",
        seen(body=b'<!-- until 2014: <allow-access-from domain="*"/> --><allow-access-from domain="*.a.com"/>'),
    ),
    ("CG-E005", seen(body=b'<!-- one <!-- <allow-access-from domain="*"/>')),
    ("CG-E005", seen(body=b'<allow-access-from domain="*"/>', status=404)),
    ("CG-I002", seen(("Content-Type", "application/json"))),
    ("CG-I002", seen(("Content-Type", "text/html"), ("Cross-Origin-Opener-Policy", "same-origin"))),
    ("CG-I006", seen(("Timing-Allow-Origin", "https://other.example.com"))),
    ("CG-I007", seen(("X-Content-Type-Options", "NoSniff"))),
]


@pytest.mark.parametrize(("rule", "answers"), [(rule, answers) for rule, *answers in LOOK_ALIKES])
def test_a_look_alike_shows_no_row(rule, answers):
    assert RULES[rule].sign(*answers) is None


def test_every_row_has_a_look_alike():
    same = {rule.id for rule in RULES.values() if rule.sign is RULES["CG-A001"].sign} - {"CG-A001"}
    assert {rule for rule, *_ in LOOK_ALIKES} == RULES.keys() - same


PRELOADED = ("Strict-Transport-Security", "max-age=31536000; preload")
WHOLE = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
STRICT = ("Strict-Transport-Security", "max-age=31536000; includeSubDomains; preload")

# The severity for each answer. None is the severity of the row.
SEVERITIES = [
    ("CG-A011", "HIGH", seen((ALLOW, HTTP.origin), CREDENTIALS, origin=HTTP.origin), HTTP),
    ("CG-A011", "HIGH", seen((ALLOW, HTTP.origin), CREDENTIALS, PRELOADED, origin=HTTP.origin), HTTP),
    ("CG-A011", "HIGH", seen((ALLOW, HTTP.origin), CREDENTIALS, WHOLE, origin=HTTP.origin), HTTP),
    ("CG-A011", "MEDIUM", seen((ALLOW, HTTP.origin), CREDENTIALS, STRICT, origin=HTTP.origin), HTTP),
    ("CG-B001", "INFO", seen((ALLOW, "*"), ("Access-Control-Allow-Credentials", "false"))),
    ("CG-B002", "INFO", seen(GRANT, ("Access-Control-Allow-Credentials", "False"))),
    ("CG-B004", None, seen((ALLOW, f"{APP}, {APP}"))),
    # It matters less if another page may read.
    *(
        (rule, severity, seen((ALLOW, value), origin=origin), seen(*lines))
        for rule, value in (("CG-B004", f"{APP}, {APP}"), ("CG-B005", "undefined"), ("CG-B005", ""))
        for origin in ("https://0123abcd.example", None)
        for severity, lines in (("INFO", [GRANT, CREDENTIALS]), ("INFO", [GRANT]), (None, [OTHER]), (None, []))
    ),
    ("CG-B004", None, seen((ALLOW, "null null"))),
    ("CG-B004", None, seen(GRANT, (ALLOW, ""))),
    ("CG-B006", "INFO", seen(GRANT, CREDENTIALS, ("Access-Control-Expose-Headers", "*"))),
    ("CG-B006", None, seen((ALLOW, "*"), ("Access-Control-Expose-Headers", "*"), ("X-Api-Key", "1"))),
    ("CG-B006", None, seen(GRANT, ("Access-Control-Expose-Headers", "X-Id"), ("X-Id", TOKEN))),
    ("CG-B006", None, seen(GRANT, ("Access-Control-Expose-Headers", "X-Id"), ("X-Id", "sk_live_51Habcdefgh"))),
    *(
        ("CG-B006", None, seen(GRANT, ("Access-Control-Expose-Headers", "X-Debug"), ("X-Debug", value)))
        for value in ("key=AKIAIOSFODNN7EXAMPLE", f"user 1, {TOKEN}; ok", '{"auth": "Bearer 0123456789"}')
    ),
    ("CG-P003", "MEDIUM", seen(GRANT, CREDENTIALS, method="PUT"), seen()),
    ("CG-P003", "MEDIUM", seen(GRANT, CREDENTIALS, method="PUT"), seen(OTHER)),
    ("CG-P003", "LOW", seen(GRANT, CREDENTIALS, method="PUT"), seen(), Severity.LOW),
    ("CG-P003", "LOW", seen(GRANT, method="PUT"), seen()),
    ("CG-P003", "LOW", seen((ALLOW, "*"), PUTS, method="DELETE"), seen()),
    ("CG-P003", "LOW", seen((ALLOW, "*"), CREDENTIALS, PUTS, method="PUT"), seen(OTHER)),
    ("CG-P003", "LOW", seen((ALLOW, "*"), SAFE, ("Access-Control-Allow-Headers", NEW), method="PUT"), seen()),
    ("CG-P010", "LOW", seen((ALLOW, "*"), PUTS, method="PUT"), seen(GRANT, CREDENTIALS), {APP}),
    ("CG-P010", "LOW", seen(GRANT, PUTS, names=(NEW,)), seen(GRANT, CREDENTIALS), set()),
    ("CG-P007", None, seen(GRANT, ("Access-Control-Allow-Headers", "*"), names=(NEW,))),
    ("CG-P007", "LOW", seen(GRANT, CREDENTIALS, ("Access-Control-Allow-Headers", "*"), names=(NEW,))),
    ("CG-P007", "LOW", seen(GRANT, CREDENTIALS, ("Access-Control-Allow-Headers", "*, Authorization"), names=(NEW,))),
    ("CG-P007", "LOW", seen(GRANT, CREDENTIALS, ("Access-Control-Allow-Methods", "*"), names=(NEW,))),
    ("CG-E005", None, seen(body=b"<allow-access-from domain='*' to-ports='*'/>")),
    ("CG-E005", None, seen(body=b'<!-- a --><!-- b --><allow-access-from\ndomain="*"/><!-- c')),
    ("CG-E005", None, seen(body=b'<allow-access-from secure="false" domain = "*"/>')),
    ("CG-P010", "LOW", seen(GRANT, CREDENTIALS, method="PUT"), seen(GRANT), set()),
    ("CG-P010", "MEDIUM", seen(GRANT, CREDENTIALS, method="PUT"), seen(GRANT), {APP}),
    ("CG-E001", "INFO", seen(method="POST"), seen(method="POST")),
    ("CG-E001", "INFO", seen(method="POST", status=303), seen(method="POST", status=403)),
    ("CG-E004", None, seen(("Content-Type", "application/json"), body=b"/**/ cb([1])"), {"jsonp": "cb"}),
    ("CG-E004", None, seen(body=b"typeof cb === 'function' && cb([1])"), {"jsonp": "cb"}),
    *(
        ("CG-E004", None, seen(("Content-Type", "application/javascript"), body=body), {"jsonp": "cb"})
        for body in (
            b"window.cb([1]);",
            b'window["cb"]([1]);',
            b"self.cb ([1])",
            b"/**/window.cb && window.cb([1]);",
            b"/**/;parent.window.cb([1])",
            b"try{window.cb([1])}catch(e){}",
            b"if (typeof cb == 'function') { cb([1]) }",
            b"void cb([1])",
            b"!(cb([1]))",
            b"typeof(cb)==='function'&&cb([1])",
            b"(typeof window.cb === 'function') && window.cb([1])",
            b"// API callback\ncb([1])",
            b"// API callback\r\n\r\n// for cb\r/* cb */ // cb\n  cb([1])",
            b"//\ntypeof cb === 'function' && cb([1])",
            b"<!-- a page\ncb([1])\n//-->",
            b"\xef\xbb\xbf/**/cb([1])",
            b"+cb([1])",
        )
    ),
    ("CG-P005", "INFO", seen(("Access-Control-Max-Age", "86400"), method="PUT")),
    ("CG-P005", None, seen(("Access-Control-Max-Age", "86401"), method="PUT")),
    ("CG-P006", "INFO", seen(GRANT, PRIVATE, method="PUT"), {"https://0123abcd.example"}),
    ("CG-P006", "INFO", seen(PRIVATE, method="PUT"), {APP}),
    ("CG-P008", "INFO", seen(GRANT, method="PUT", body=b"[1, 2]"), seen(body=b"[1, 2]")),
    ("CG-P008", None, seen(GRANT, ("Access-Control-Allow-Methods", "PUT"), body=b"[1, 2]"), seen(body=b"[1, 2]")),
    ("CG-P008", None, seen(GRANT, ("Access-Control-Allow-Headers", NEW), body=b"[1, 2]"), seen(body=b"[1, 2]")),
    ("CG-P008", "INFO", seen(("Access-Control-Allow-Methods", "PUT"), method="PUT", body=b"[1]"), seen(body=b"[1]")),
    ("CG-P009", None, seen(status=400)),
    ("CG-P009", None, seen(status=404)),
    ("CG-V004", None, seen(GRANT, ("X-Cache", "HIT from cdn"), method="PUT")),
    ("CG-V004", None, seen(GRANT, ("Cache-Status", "cdn; hit"), ("Age", "0"), method="PUT")),
    ("CG-V004", None, seen(VARY, ("Age", "7"), method="PUT"), seen(GRANT)),
    ("CG-V004", None, seen(OTHER, VARY, ("Age", "7"), method="PUT"), seen(GRANT)),
    ("CG-V004", None, seen(OTHER, VARY, ("Age", "7"), method="PUT"), None, seen(method="PUT")),
    ("CG-V006", None, seen(("Age", "1"), body=b"for mark", more=(("Forwarded", "host=mark"),)), "mark"),
    ("CG-V001", "MEDIUM", seen(GRANT, ("Cache-Control", "max-age=60")), [seen(origin=None)]),
    ("CG-V001", "LOW", seen(GRANT), [seen(origin=None)]),
    ("CG-V001", "LOW", seen(GRANT, status=500), [seen(origin=None, status=500)]),
    ("CG-V001", "LOW", seen(GRANT, ("Cache-Control", "public"), ("Set-Cookie", "sid=1")), [seen(origin=None)]),
    ("CG-V001", "LOW", seen(GRANT, ("Cache-Control", "private, max-age=60")), [seen(origin=None)]),
    ("CG-V002", "MEDIUM", seen(GRANT, VARY, ("Age", "1")), [seen(origin=None)]),
    ("CG-I001", "INFO", seen()),
    ("CG-I001", "INFO", seen((ALLOW, "*"), ("Cross-Origin-Resource-Policy", "same-origin"))),
    ("CG-I001", "INFO", seen(("Cross-Origin-Resource-Policy", "cross-origin")), seen(GRANT, CREDENTIALS)),
    ("CG-I001", "LOW", seen(*[("Cross-Origin-Resource-Policy", "same-site")] * 2)),
    ("CG-I006", "INFO", seen(GRANT, ("Timing-Allow-Origin", APP))),
]


@pytest.mark.parametrize(
    ("rule", "severity", "answers"), [(rule, severity, answers) for rule, severity, *answers in SEVERITIES]
)
def test_the_severity_depends_on_the_answer(rule, severity, answers):
    sign = RULES[rule].sign(*answers)
    assert sign.severity == (None if severity is None else Severity[severity])


# The texts about the examples.
DETAILS = {
    "CG-A001": "https://0123abcd.example is allowed: any origin is reflected.",
    "CG-A010": "https://app.example.com may read a resource inside an internal network.",
    "CG-B001": "Access-Control-Allow-Credentials: true next to *.",
    "CG-B002": "Access-Control-Allow-Credentials: True.",
    "CG-B003": "Access-Control-Allow-Credentials: true without Access-Control-Allow-Origin.",
    "CG-B004": "Access-Control-Allow-Origin: https://app.example.com, https://app.example.com, in 2 lines.",
    "CG-B005": "Access-Control-Allow-Origin: https://app.example.com/ is not an origin.",
    "CG-B006": "The response exposes X-CSRF-Token.",
    "CG-B007": "The cookie sid is SameSite=None.",
    "CG-P001": "The invented header x-0123abcd is allowed.",
    "CG-P002": "The invented method X0123ABCD is allowed.",
    "CG-P003": (
        "The preflight of https://app.example.com is allowed, with credentials. The response to the same page has no "
        "Access-Control-Allow-Origin."
    ),
    "CG-P004": "The preflight was answered with 405.",
    "CG-P005": "Access-Control-Max-Age: 31536000.",
    "CG-P006": "Access-Control-Allow-Private-Network: true, for any origin.",
    "CG-P007": "Access-Control-Allow-Headers: *. It does not cover Authorization.",
    "CG-P008": "The preflight's answer has the same body as the response to GET.",
    "CG-P009": "The response with status 401 has no Access-Control-Allow-Origin.",
    "CG-P010": (
        "The preflight of https://app.example.com allows credentials, but the response does not: cookies are sent."
    ),
    "CG-V001": "GET /items has no Vary: Origin.",
    "CG-V002": "GET /items has no Vary: Origin in the response to a request without Origin.",
    "CG-V003": "The response to a request without Origin was given to the next one.",
    "CG-V004": "The preflight's answer comes from a cache, and has no Vary: Origin.",
    "CG-V005": "Vary: x-0123abcd came back.",
    "CG-V006": "x-0123abcd: mark is in the body.",
    "CG-X001": "A line feed in Origin ended a header line of the response, and x-0123abcd: 1 became a header.",
    "CG-X002": "Origin: https://[ was answered with 500.",
    "CG-X003": "4096 commas took 3.00 s, one name 0.01 s.",
    "CG-E001": "The POST requests of a foreign page were answered: the form got 200 and the JSON text got 415.",
    "CG-E002": "https://0123abcd.com is allowed: any origin is allowed.",
    "CG-E006": "null is allowed: null is trusted.",
    "CG-E003": "Host: 0123abcd.com was answered with 200.",
    "CG-E004": "?callback=c0123abcd0 is called in a response of type text/javascript.",
    "CG-E005": 'The file has <allow-access-from domain="*">.',
    "CG-I001": "same-origin, same-site is not one of same-origin, same-site, cross-origin.",
    "CG-I006": "Timing-Allow-Origin: *.",
}


@pytest.mark.parametrize("rule", DETAILS)
def test_an_example_has_this_text(rule):
    sign = RULES[rule].sign(*RULES[rule].example)
    assert sign.detail.format(*sign.values) == DETAILS[rule]


@pytest.mark.parametrize(
    ("shared", "policy", "value"),
    [
        ([(ALLOW, "*")], None, "cross-origin"),
        ([(ALLOW, "*")], "same-origin", "cross-origin"),
        ([GRANT, CREDENTIALS], None, "same-origin"),
        ([GRANT, CREDENTIALS], "cross-origin", "same-origin"),
        ([GRANT], None, "same-origin"),
        ([], None, "same-origin"),
    ],
)
def test_the_recommended_resource_policy_depends_on_who_may_read(shared, policy, value):
    """
    The table says which Cross-Origin-Resource-Policy fits what CORS says about the resource.
    """

    def lines(environ):
        is_shared = shared == [(ALLOW, "*")] or origin_of(environ) == APP
        embedding = [("Cross-Origin-Resource-Policy", policy)] if policy else []
        return [VARY, *embedding, *(shared if is_shared else [])]

    finding = found(answering(lines))["CG-I001"]
    assert finding["severity"] == "info"
    assert finding["fix"]["header"] == f"Cross-Origin-Resource-Policy: {value}, once"


def test_a_value_that_only_others_get_is_not_said_to_concern_the_own_pages():
    def lines(environ):
        return [VARY, CREDENTIALS, (ALLOW, APP if origin_of(environ) == APP else "undefined")]

    finding = found(answering(lines))["CG-B005"]
    assert finding["severity"] == "info"
    assert f"Only what others get has this value: {APP} may read." in finding["detail"]
    assert found(answering(lambda _: [(ALLOW, ""), CREDENTIALS]))["CG-B005"]["detail"] == f"{ALLOW} is empty."


def test_a_name_with_other_letters_is_said_to_need_its_ascii_form():
    name = "https://gr\u00fcn.example".encode().decode("latin-1")
    assert "its ASCII form (xn--...)" in RULES["CG-B005"].sign(seen((ALLOW, name))).detail
    assert "ASCII" not in RULES["CG-B005"].sign(seen((ALLOW, f"{APP}/"))).detail


def test_what_a_request_without_origin_gets_is_read_too():
    """
    Some libraries join their list there, and refuse each entry of it.
    """
    app = answering(lambda environ: [] if origin_of(environ) else [(ALLOW, f"{APP}, https://www.example.com")])
    assert found(app)["CG-B004"]["severity"] == "medium"


@pytest.mark.parametrize(
    ("told", "others", "vary"),
    [
        ([APP, "https://www.example.com"], APP, []),
        (["https://www.example.com", APP], APP, []),
        ([APP], APP, []),
        ([APP], "https://www.example.com", []),
        ([], APP, []),
        ([APP, "https://www.example.com"], APP, [VARY]),
    ],
)
def test_what_all_others_get_is_not_a_constant_if_another_origin_gets_its_own(told, others, vary):
    """
    One of the two may be what everybody else gets, and then only the other one shows that the answer varies.
    """

    def lines(environ):
        mine = origin_of(environ) if origin_of(environ) in {APP, "https://www.example.com"} else others
        return [*vary, *([(ALLOW, mine), CREDENTIALS] if mine else [])]

    report = audit(f"https://{HOST}/items", app=answering(lines), trusted=told)
    assert {finding.rule.id for finding in report.faults} == (set() if vary else {"CG-V001"})


def test_a_missing_vary_of_errors_only_is_called_so():
    def app(environ, start_response):
        is_found = environ["PATH_INFO"] == "/items"
        lines = [line for line in lines_for(APP)(environ) if is_found or line != VARY]
        return answering(lambda _: lines, status="200 OK" if is_found else "404 Not Found")(environ, start_response)

    (rule,) = faults(app)
    assert rule == "CG-V002"
    assert "with status 404, has no Vary: Origin. Others have it." in found(app)["CG-V002"]["detail"]


def test_the_fix_of_a_star_that_is_a_name_has_no_star():
    starred = [("Access-Control-Allow-Methods", "*"), ("Access-Control-Allow-Headers", "*")]
    fix = found(answering(lines_for(APP, more=starred)))["CG-P007"]["fix"]
    assert "*" not in f"{fix}"
    assert fix["policy"].startswith('allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"], allow_headers=["Auth')


def test_a_poisoned_cache_names_the_origin_of_the_stored_answer():
    sign = RULES["CG-V003"].sign(seen(GRANT, origin=None), seen(GRANT), seen(origin=None))
    assert sign.detail.format(*sign.values) == f"The response to {APP} was given to the next one."
