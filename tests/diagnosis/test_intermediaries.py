"""
A software that answered in place of the application is named if a header or the body shows it. Guesses come after that.
"""

import ssl
import threading

import pytest
import trustme
from kit.checking import API, PAGE, Server, allow, data, run, served_http

from corsguard import diagnosis

BEARER = ("WWW-Authenticate", 'Bearer realm="s3cr3t"')
VARIES = ("Vary", "Origin")
SEEN = {
    "a login": (
        401,
        [BEARER, VARIES],
        "Status 401, WWW-Authenticate: Bearer. The request carries no login that the server accepts",
    ),
    "a limit": (
        429,
        [("Retry-After", "30"), VARIES],
        "Status 429, Retry-After: 30. The server limits how often it is called",
    ),
    "Cloudflare": (403, [("Server", "cloudflare"), ("CF-Mitigated", "challenge")], "Cloudflare refuses the request"),
    "Akamai": (403, [("Server", "AkamaiGHost")], "Status 403, Server: AkamaiGHost. Akamai refuses the request"),
    "AWS": (403, [("Server", "awselb/2.0"), VARIES], "A load balancer of AWS refuses the request"),
    "object storage": (403, [("Server", "AmazonS3")], "Object storage answers (Server: AmazonS3): the CORS rules of"),
    "object storage without rules": (200, [("x-goog-storage-class", "STANDARD")], "the CORS rules of the bucket"),
    "API Gateway": (
        403,
        [("x-amz-apigw-id", "a="), ("x-amzn-errortype", "MissingAuthenticationTokenException")],
        "Amazon API Gateway answers by itself, before any application: it has no method GET for this URL",
    ),
    "API Gateway, for another reason": (
        429,
        [("apigw-requestid", "a="), ("x-amzn-errortype", "TooManyRequestsException")],
        "Amazon API Gateway answers by itself, before any application: its log says why.",
    ),
    "Lambda, behind API Gateway": (403, [("x-amz-apigw-id", "a=")], "The application itself answers so"),
    "a misspelt name": (
        200,
        [("Access-Control-Allow-Origins", "*"), VARIES],
        "The answer has Access-Control-Allow-Origins, which no browser reads: the name is Access-Control-Allow-Origin.",
    ),
    "a name with underscores": (200, [("access_control_allow_origin", "*")], "which no browser reads: the name is"),
    "another name of CORS": (200, [("Access-Control-Allow-Methods", "GET"), VARIES], "The answer varies on Origin"),
    "quotation marks": (
        200,
        [("Access-Control-Allow-Origin", f'"{PAGE}"')],
        f"The value is in quotation marks: send it without them ({PAGE}).",
    ),
    "a variable of Apache": (
        200,
        [("Access-Control-Allow-Origin", "(null)")],
        "or a configuration variable is not set. Apache writes (null) for a variable that no SetEnvIf sets",
    ),
    "a variable of Go": (200, [("Access-Control-Allow-Origin", "<nil>")], "or a configuration variable is not set."),
    "no origin at all": (
        200,
        [("Access-Control-Allow-Origin", "%{ORIGIN}e")],
        "%{ORIGIN}e is not an origin: that is the scheme, the host, and the port if the URL has one.",
    ),
    "a comma": (200, [("Access-Control-Allow-Origin", f"{PAGE},")], "has a comma too many: send the origin alone."),
    # Their lines are in each answer, also in those of the application.
    "Imperva": (403, [("X-Iinfo", "1-2-3")], "Imperva is in front (X-Iinfo: 1-2-3): its log says whether it refused."),
    "Cloudflare in front": (403, [("CF-Ray", "8a-FRA")], "Cloudflare is in front (CF-Ray: 8a-FRA): its log says"),
    "Zscaler": (
        403,
        [("Server", "Zscaler/6.2")],
        "Zscaler refuses the request before the application sees it. Ask those",
    ),
    "AirPlay": (403, [("Server", "AirTunes/690.7.1")], "AirPlay Receiver of macOS refuses the request before the"),
    "a cache, by its age": (200, [("Age", "120"), VARIES], "comes from a cache (Age: 120), so it was made for another"),
    "a cache, by its name": (200, [("X-Cache", "Hit from cloudfront")], "a cache (X-Cache: Hit from cloudfront)"),
    "a cache of Cloudflare": (200, [("CF-Cache-Status", "HIT")], "a cache (CF-Cache-Status: HIT)"),
    "a cache, by the standard": (200, [("Cache-Status", "Nginx; hit; ttl=3")], "a cache (Cache-Status: "),
    "a cache with the answer for another origin": (
        200,
        [("Access-Control-Allow-Origin", "https://other.example"), ("Age", "9")],
        "This is another origin, and the answer comes from a cache (Age: 9): it was stored for a page there.",
    ),
}


@pytest.mark.parametrize(("status", "lines", "said"), SEEN.values(), ids=SEEN.keys())
def test_an_observed_intermediary_comes_before_guesses(status, lines, said):
    (fault, *_) = diagnosis.check(Server(response=(status, lines)), page=PAGE).faults
    assert said in str(fault.fix)
    assert "s3cr3t" not in str(fault.fix)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([("X-Powered-By", "Express")], "outermost (Express: app.use(cors(...)) before the routes)."),
        ([("Server", "Kestrel")], "outermost (ASP.NET: app.UseCors(...) before "),
        ([("X-Powered-By", "PHP/8.3")], "Put the CORS layer outermost."),
        ([], "outermost (CORSMiddleware around everything, or first in MIDDLEWARE)."),
    ],
)
def test_the_place_of_the_cors_layer_is_told_in_the_words_of_what_answers(lines, said):
    (fault, *_) = diagnosis.check(Server((404, lines)), page=PAGE, method="PUT").faults
    assert said in fault.fix.words


def saying(status, body, lines=()):
    def app(environ, start_response):
        start_response(f"{status} Status", [*lines])
        return [body]

    return app


NGINX = b"<html>\r\n<head><title>429 Too Many</title></head>\r\n<body>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>"
APACHE = b'<!DOCTYPE HTML PUBLIC "-//%s//EN">\n<html><head>\n<title>404 Not Found</title>\n</head><body>\n'
HAPROXY = b"<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n"
OPENRESTY = NGINX.replace(b"nginx/1.22.1", b"openresty")


@pytest.mark.parametrize(
    ("server", "body", "name"),
    [
        ("nginx/1.22.1", NGINX, "nginx"),
        ("openresty", OPENRESTY, "nginx"),
        ("Apache/2.4.71 (Debian)", APACHE % b"IETF//DTD HTML 2.0", "Apache"),
        ("Apache", APACHE % b"W3C//DTD HTML 4.01", "Apache"),
        ("", HAPROXY, "HAProxy"),
        ("nginx/1.22.1", b"<html><title>404</title>", ""),
        ("gunicorn", NGINX, ""),
        ("Apache", b"<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>", ""),
        ("", HAPROXY.replace(b"\n", b""), ""),
    ],
)
@pytest.mark.parametrize("status", [401, 404, 413, 418, 429])
def test_a_web_server_that_answers_by_itself_is_to_be_changed(server, body, name, status):
    """
    In front of an application in Python, no middleware changes its answer.
    """
    lines = [("Server", server)] if server else []
    for method, words in (
        ("GET", "let it add the CORS headers to such"),
        ("PUT", "let it pass OPTIONS on, or answer it"),
    ):
        (fault, *_) = diagnosis.check(saying(status, body, lines), page=PAGE, method=method).faults
        assert (f"{name} itself answers so: {words}" in fault.fix.words) is bool(name)
        assert ("first in MIDDLEWARE" in fault.fix.words) is not bool(name)
    redirect = saying(308, body, [*lines, ("Location", "/b"), *allow(methods="PUT")])
    (fault, *_) = diagnosis.check(redirect, page=PAGE, method="PUT").faults
    assert (f"{name} itself answers so" in fault.fix.words) is bool(name)
    assert fault.fix.words.endswith("because preflights are answered before anything redirects.")


def test_a_protection_against_csrf_is_named_first():
    found = diagnosis.check(saying(403, b"<p>CSRF token missing</p>"), page=PAGE, method="POST")
    assert found.faults[0].fix.words.startswith("Status 403, and the body names CSRF. The server's protection against")
    assert found.look_alike == ""


@pytest.mark.parametrize(
    ("status", "body", "lines", "method", "send"),
    [
        (400, b"Disallowed CORS method", allow(methods="GET"), "PUT", "Access-Control-Allow-Methods: GET, PUT"),
        (400, b"Disallowed CORS headers", allow(), "GET", "Access-Control-Allow-Headers: X-Token"),
        (400, b"Disallowed CORS origin", [], "GET", f"Access-Control-Allow-Origin: {PAGE}"),
        (403, b"Invalid CORS request", [], "PUT", f"Access-Control-Allow-Origin: {PAGE}"),
    ],
)
def test_a_cors_layer_that_refuses_by_itself_has_not_to_be_moved(status, body, lines, method, send):
    app, headers = saying(status, body, lines), [("X-Token", "1")] if method == "GET" else []
    (fault, *_) = diagnosis.check(app, page=PAGE, method=method, headers=headers).faults
    assert f'itself refuses, so nothing has to be moved. It says: "{body.decode()}"' in fault.fix.words
    assert "outermost" not in fault.fix.words
    assert fault.fix.send[0] == send


REFUSED_HOSTS = {
    "Vite": (403, b'Blocked request. This host ("api.example.com") is not allowed.\nTo allow this host, add it.'),
    "webpack": (403, b"Invalid Host header"),
    "Starlette": (400, b"Invalid host header"),
    "Werkzeug": (400, b"<h1>Bad Request</h1><p>Host &#39;api.example.com&#39; is not trusted.</p>"),
    "Django": (400, b"<pre>Invalid HTTP_HOST header: &#x27;api.example.com&#x27;. You may need to add it.</pre>"),
    "Rails": (403, b"<h1>Blocked hosts: api.example.com</h1>"),
    "HTTP.sys": (400, b"<h2>Bad Request - Invalid Hostname</h2>"),
}


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(("status", "body"), REFUSED_HOSTS.values(), ids=REFUSED_HOSTS.keys())
def test_a_host_that_is_not_in_the_list_of_the_server_is_the_cause(status, body, method):
    found = diagnosis.check(saying(status, body), page=PAGE, method=method)
    (fault, *_) = found.faults
    assert "only the hosts in its list, and api.example.com is not one of them. It says: " in fault.fix.words
    assert "<" not in fault.fix.words
    assert "&#" not in fault.fix.words
    assert (fault.fix.send, fault.fix.policy, found.look_alike) == ((), {}, "")
    shared = diagnosis.check(saying(status, body, allow()), page=PAGE)
    assert "This is not CORS" in shared.look_alike
    assert "api.example.com is not one of them" in shared.look_alike


def test_a_host_that_is_not_in_the_list_is_the_cause_of_a_refused_handshake():
    app = saying(*REFUSED_HOSTS["Vite"])
    (fault,) = diagnosis.check(app, page=PAGE, url="wss://api.example.com/hmr").faults
    assert fault.fix.words.startswith("Not CORS. The server serves only the hosts in its list, and api.example.com is")
    assert fault.fix.policy == {}


TEXT = ("Content-Type", "text/plain; charset=utf-8")
JSON = ("Content-Type", "application/problem+json")
ANSWERED = {
    "a text in JSON": (
        404,
        b'"Your plan has no API access."',
        [TEXT],
        'The answer says: "Your plan has no API access".',
    ),
    "a message in JSON": (400, b'{"title": 7, "detail": "units: unknown"}', [JSON], 'says: "units: unknown".'),
    "an error in JSON": (400, b'{"error": {"code": 3, "message": "No units"}}', [JSON], 'says: "No units".'),
    "JSON without a message": (400, b'{"detail": [{"loc": 1}]}', [JSON], ""),
    "JSON that is cut off": (400, b'{"detail": "' + b"a" * 9000 + b'"}', [JSON], ""),
    "JSON that is nested": (400, b'{"a":' * 1600, [JSON], ""),
    "a text": (
        404,
        b"Your plan has no API access.\nSee /plans",
        [TEXT],
        'Status 404. The answer says: "Your plan has no',
    ),
    "a text without a type": (400, b"units is missing", [], 'Status 400. The answer says: "units is missing".'),
    "a text with a rare status": (418, b"Only tea here", [TEXT], 'says: "Only tea here". The server answers with an'),
    "the words of the status": (404, b"404 Not Found\n", [TEXT], ""),
    "a page": (404, b"<p>Your plan has no API access.</p>", [], ""),
    "data": (404, b'{"plan": "none"}', [], ""),
    "a page by its type": (404, b"Your plan", [("Content-Type", "text/html")], ""),
    "bytes": (404, b"\x00\x01\x02", [], ""),
    "nothing": (404, b"", [], ""),
}


@pytest.mark.parametrize(("status", "body", "lines", "said"), ANSWERED.values(), ids=ANSWERED.keys())
def test_a_text_that_refuses_is_quoted(status, body, lines, said):
    (fault, *_) = diagnosis.check(saying(status, body, lines), page=PAGE).faults
    assert said in fault.fix.words
    assert ("The answer says" in fault.fix.words) is bool(said)
    shared = diagnosis.check(saying(status, body, [*lines, *allow()]), page=PAGE).look_alike
    assert ("It says" in shared) is bool(said)


JUDGED = [
    (400, b'"https://app.example.com is not an accepted origin."', [TEXT]),
    (403, b"Origin https://app.example.com not allowed", []),
    (403, b'{"error": {"message": "Invalid origin"}}', [JSON, *allow(credentials="true")[2:]]),
    (403, b"The origin 'https://app.example.com' is forbidden.", [TEXT]),
    (400, b"Request from unauthorized origin: https://app.example.com", [TEXT]),
    (403, b"Origin header isn't allowed", [TEXT]),
]


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize(("status", "body", "lines"), JUDGED)
def test_a_server_that_judges_the_origin_by_itself_is_to_be_told(status, body, lines, method):
    found = diagnosis.check(saying(status, body, lines), page=PAGE, method=method)
    (fault, *_) = found.faults
    assert f"Status {status}. What answers judges the origin by itself, and says:" in fault.fix.words
    assert "cors_allowed_origins" in fault.fix.words
    assert "outermost" not in fault.fix.words
    assert (fault.fix.policy, found.look_alike) == ({}, "")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b"The country of origin is missing"),
        (404, b"origin not known"),
        (400, b"not a date"),
        (400, b'{"message": "Unknown origin airport: XXX"}'),
        (400, b'{"error": "Invalid origin address"}'),
        (400, b'{"detail": "origin must be under 50 characters"}'),
        (400, b"The origin warehouse is not valid until the discount ends"),
    ],
)
def test_another_word_about_an_origin_judges_none(status, body):
    lines = [JSON if body.startswith(b"{") else TEXT]
    (fault, *_) = diagnosis.check(saying(status, body, lines), page=PAGE).faults
    assert "judges the origin" not in fault.fix.words


HTML = ("Content-Type", "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("body", "lines", "is_page"),
    [
        (b'<!DOCTYPE html><html><div id="root"></div>', [HTML], True),
        (b"\n<html lang=en>", [HTML], True),
        (b"plain words", [HTML], False),
        (b"<html>", [TEXT], False),
        (b"<html>", [HTML, VARIES], False),
    ],
)
def test_a_page_in_place_of_data_is_told_as_such(body, lines, is_page):
    (fault, *_) = diagnosis.check(saying(200, body, lines), page=PAGE).faults
    assert fault.fix.words.startswith("The answer is an HTML page. If the page wants data, this URL") is is_page


BACK = "https://gate.other.example/start?to=https%3A%2F%2Fapi.example.com%2Fitems&n=4"


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("to", [BACK, BACK.replace("other.example", "example.com")])
def test_a_redirect_that_leads_back_is_not_one_of_the_application(to, method):
    app = saying(302, b"", [("Location", to)])
    (fault, *_) = diagnosis.check(app, page=PAGE, method=method, url="/items").faults
    assert "with the requested URL in it: most likely a gateway of the network" in fault.fix.words
    assert "let api.example.com through" in fault.fix.words
    assert (fault.fix.page, fault.fix.send) == ((), ())


@pytest.mark.parametrize(
    ("to", "is_same"),
    [
        ("https://notices.other.example/blocked?category=12", False),
        ("https://www.other.example/items", True),
        ("https://assets.example.com/items/9", True),
        ("https://api.example.com/v2?to=https://api.example.com/items", True),
        # What is in the query is another resource.
        ("https://images.other.example/?url=https://api.example.com/raw/cat.png&w=200", False),
    ],
)
def test_a_page_is_sent_elsewhere_only_for_the_same_resource(to, is_same):
    found = diagnosis.check(saying(302, b"", [("Location", to)]), page=PAGE, method="PUT", url="/items")
    fix = found.faults[0].fix
    assert ("if it is the same resource. If it is a page for people" in fix.words) is not is_same
    assert bool(fix.page) is is_same


@pytest.mark.parametrize("lines", [[], allow(headers="x-token")])
def test_a_text_that_is_quoted_has_no_secret(lines):
    app = saying(403, b"The key %s is not known." % (b"s3cr3t-k3y" * 3), [TEXT, *lines])
    found = diagnosis.check(app, page=PAGE, headers=[("X-Token", "s3cr3t-k3y" * 3)])
    told = f"{found.look_alike} {[str(fault.fix) for fault in found.faults]}"
    assert 'ays: "The key (not shown) is not known' in told
    assert "s3cr3t" not in told


def stored(status, path, body=b"", lines=()):
    """
    Return an application that redirects to object storage.
    """

    def app(environ, start_response):
        if environ["HTTP_HOST"] == "api.example.com":
            start_response("302 Found", [*allow(), ("Location", f"https://bucket.example{path}")])
            return []
        start_response(f"{status} Status", [("Server", "AmazonS3"), *lines])
        return [body]

    return app


def test_a_redirect_to_object_storage_makes_the_origin_null():
    (fault,) = diagnosis.check(stored(200, "/9.pdf"), page=PAGE).faults
    assert fault.cause.startswith("After a redirect to https://bucket.example/9.pdf: ")
    assert f"makes the Origin null, and a rule that lists {PAGE} does not count for null." in fault.fix.words
    assert (fault.fix.send, fault.fix.policy) == ((), {})


def test_the_bucket_says_itself_what_is_wrong():
    body = b"<Error><Message>CORSResponse: CORS is not enabled for this bucket.</Message></Error>"
    refusing = saying(403, body, [("Server", "AmazonS3")])
    (fault, *_) = diagnosis.check(refusing, page=PAGE, method="PUT").faults
    assert 'The body says: "CORSResponse: CORS is not enabled for this bucket."' in fault.fix.words
    assert "Is there such an object" not in fault.fix.words
    assert "after that" not in fault.fix.words


def test_an_error_of_a_bucket_that_is_not_about_its_rules_stays():
    body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    (fault, *_) = diagnosis.check(saying(403, body, [("Server", "AmazonS3")]), page=PAGE).faults
    assert 'The body says: "Request has expired". The page gets this error also after that' in fault.fix.words


BODIES = {
    "Cloudflare": b"<title>Attention Required! | Cloudflare</title>",
    "Akamai": b"<p>https://errors.edgesuite.net/18.2d</p>",
    "CloudFront": b"<pre>\nGenerated by cloudfront (CloudFront)\nRequest ID: x</pre>",
    "Imperva": b'<iframe src="/_Incapsula_Resource?CWUDNSAI=9"></iframe>',
    "F5": b"The requested URL was rejected. Please consult with your administrator.<br>Your support ID is: 1",
    "ModSecurity": b"This error was generated by Mod_Security.",
}


@pytest.mark.parametrize("name", BODIES)
def test_a_firewall_is_named_by_its_own_page(name):
    def refusing(environ, start_response):
        start_response("403 Forbidden", [("Content-Type", "text/html")])
        return [BODIES[name]]

    found = diagnosis.check(refusing, page=PAGE)
    (fault, *_) = found.faults
    assert f"the body is its page. {name} refuses the request before the application sees it." in str(fault.fix)
    # No line of the application helps, and the user is not asked to log in.
    assert "send:" not in str(fault.fix)
    assert found.look_alike == ""


IN_FRONT = {
    407: "Only a proxy of the browser may answer so, because it wants a login. If the browser uses none",
    408: "The server, or a proxy, waited too long for the request.",
    431: "longer than the server, or a proxy in front, accepts",
    502: "Most often, a proxy or a gateway in front answers so",
    503: "The server is overloaded, or under maintenance.",
    504: "Most often, a proxy or a gateway in front answers so",
    521: "Cloudflare, in front of the server, answers so",
}
ITSELF = "The application itself answers so, outside of its CORS layer: put the CORS layer outermost"


@pytest.mark.parametrize("status", IN_FRONT)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_no_header_is_advised_where_no_application_answered(status, method):
    page = "http://localhost:3000"
    with served_http(Server((status, []), (status, []))) as port:
        (fault, *_) = diagnosis.check(f"http://127.0.0.1:{port}/", page=page, method=method).faults
    assert fault.fix.words.startswith(f"Status {status}.")
    assert IN_FRONT[status] in fault.fix.words
    assert (fault.fix.send, fault.fix.policy) == ((), {})


@pytest.mark.parametrize("status", [*IN_FRONT, 403])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_nothing_is_in_front_of_an_application_in_this_process(status, method):
    found = diagnosis.check(Server((status, []), (status, [])), page=PAGE, method=method)
    fault, *more = found.faults
    assert fault.fix.words.startswith(f"Status {status}. {ITSELF}")
    assert (fault.fix.send[0], fault.fix.policy) == (f"Access-Control-Allow-Origin: {PAGE}", {"allow_origins": [PAGE]})
    assert [one.fix.send for one in more if one.code == "preflight_status"] == [("204 No Content",)] * (method == "PUT")
    assert "Spring" not in str(found.data())


def test_an_application_that_does_not_answer_has_no_firewall():
    def silent(environ, start_response):
        threading.Event().wait(2)
        return []

    (fault,) = diagnosis.check(silent, page=PAGE, timeout=0.1).faults
    assert "the application does not answer in time" in fault.fix.words
    assert "firewall" not in fault.fix.words


def test_a_status_that_only_proxies_answer_with_is_a_fault():
    found = diagnosis.check(Server(response=(407, allow())), page=PAGE)
    (fault,) = found.faults
    assert (fault.code, found.verdict) == ("proxy_status", "readable, but with faults")
    assert "net::ERR_UNEXPECTED_PROXY_AUTH" in fault.cause


UNSEEN = {
    "an application behind Cloudflare": (403, [("CF-Ray", "8a-FRA"), ("X-Powered-By", "Express")], "before the app"),
    "a cache that had to ask": (200, [("X-Cache", "Miss from cloudfront"), ("Age", "0")], "cache"),
    "a cache that did not store": (200, [("CF-Cache-Status", "DYNAMIC")], "cache"),
    "a 403 without a sign of its author": (403, [("Server", "gunicorn")], "refuses the request, before"),
    "Cloudflare, which lets the request through": (200, [("Server", "cloudflare"), ("CF-Ray", "1")], "Cloudflare"),
}


@pytest.mark.parametrize(("status", "lines", "not_said"), UNSEEN.values(), ids=UNSEEN.keys())
def test_an_intermediary_without_a_sign_is_not_named(status, lines, not_said):
    (fault, *_) = diagnosis.check(Server(response=(status, lines)), page=PAGE).faults
    assert not_said not in str(fault.fix)


@pytest.mark.parametrize(
    ("status", "lines", "is_said"), [(401, [], True), (401, [BEARER, VARIES], True), (403, [], False), (404, [], False)]
)
def test_authentication_before_cors_is_only_named_if_it_was_observed(status, lines, is_said):
    (fault, *_) = diagnosis.check(Server((status, lines)), page=PAGE, method="PUT").faults
    assert ("Authentication runs before CORS" in str(fault.fix)) is is_said


@pytest.mark.parametrize(
    "body",
    [
        b"<center>The plain HTTP request was sent to HTTPS port</center>",
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
        b"Bad Request\r\nThis combination of host and port requires TLS.\r\n",
    ],
)
def test_a_tls_port_that_answers_in_http_is_recognized(body):
    def app(environ, start_response):
        start_response("400 Bad Request", [])
        return [body]

    page = "http://localhost:3000"
    (fault, *_) = diagnosis.check(app, page=page, url="http://localhost:8443/me").faults
    assert "This port speaks TLS: let the page request https://localhost:8443/me." in str(fault.fix)


def test_a_tls_port_that_answers_nothing_is_recognized(tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with served_http(Server(response=(200, allow())), context) as port:
        result = run(f"http://localhost:{port}/me")
        assert result.exit_code == 3
        assert f'page:   fetch("https://localhost:{port}/me")' in result.stdout
        untrusted = run(f"https://localhost:{port}/me")
    assert "name it: --cacert FILE" in untrusted.stdout


def cached(environ, start_response):
    """
    Answer with what is stored for everyone. The page only gets its own answer past the cache.
    """
    is_fresh = "cg=" in environ["QUERY_STRING"]
    start_response("200 OK", allow(environ.get("HTTP_ORIGIN", "*")) if is_fresh else [("Age", "60")])
    return []


def test_a_fresh_query_shows_that_a_cache_is_at_fault():
    found = diagnosis.check(cached, page=PAGE, url="/items?a=1")
    assert [fault.code for fault in found.faults] == ["cache", "missing_allow_origin"]
    assert (
        found.faults[0].cause
        == "A cache gave an answer that was not made for this page (Age: 60): past the cache, the page may read."
    )
    assert found.verdict == "blocked"


def echoes(environ, start_response):
    start_response("200 OK", allow(environ.get("HTTP_ORIGIN", "*"), credentials="true"))
    return []


def test_a_server_that_lets_foreign_origins_in_is_recommended_an_audit(serve):
    found, _ = data(serve(echoes), "--page", PAGE, "--url", API)
    (row,) = [row for row in found["checked"] if row["name"] == "strangers"]
    assert row["text"].endswith(f'To see what that means: corsguard.audit.audit("{API}", app=...)')
    with served_http(echoes) as port:
        url = f"http://127.0.0.1:{port}/items"
        assert f"To see what that means: corsguard audit {url}\n" in run(url, "--page", "http://localhost:3000").stdout


def test_a_response_for_everyone_is_not_recommended_an_audit():
    server = Server(response=(200, [("Access-Control-Allow-Origin", "*")]))
    assert "strangers" not in {row.name for row in diagnosis.check(server, page=PAGE).rows}
