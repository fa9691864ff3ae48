"""
A software that answered in place of the application is named if a header or the body shows it. Guesses come after that.
"""

import ssl

import pytest
import trustme
from kit.checking import API, PAGE, Server, allow, data, run, served_http

from corsguard import diagnosis

BEARER = ("WWW-Authenticate", 'Bearer realm="s3cr3t"')
VARIES = ("Vary", "Origin")
SEEN = {
    "a login": (401, [BEARER, VARIES], "Status 401, WWW-Authenticate: Bearer. The user is not logged in"),
    "a login of a proxy": (407, [("Proxy-Authenticate", "Basic")], "Status 407, Proxy-Authenticate: Basic."),
    "a limit": (
        429,
        [("Retry-After", "30"), VARIES],
        "Status 429, Retry-After: 30. The server limits how often it is called",
    ),
    "a server that is busy": (503, [("Retry-After", "30")], "Status 503, Retry-After: 30."),
    "Cloudflare": (403, [("Server", "cloudflare"), ("CF-Mitigated", "challenge")], "Cloudflare refuses the request"),
    "Akamai": (403, [("Server", "AkamaiGHost")], "Status 403, Server: AkamaiGHost. Akamai refuses the request"),
    "AWS": (403, [("Server", "awselb/2.0"), VARIES], "an AWS load balancer refuses the request"),
    "Imperva": (403, [("X-Iinfo", "1-2-3")], "Imperva refuses the request"),
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


UNSEEN = {
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
        == "A cache gave an answer that was made for another page (Age: 60): past the cache, the page may read."
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
