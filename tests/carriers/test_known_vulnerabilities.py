"""
What went wrong in other libraries, as it was done to them, through every carrier.

Where that takes few lines, the same attack succeeds against a variant that has the fault. `python
tests/carriers/test_known_vulnerabilities.py` writes the list of the manual's page on security again.
"""

import gc
import re
from difflib import unified_diff
from fnmatch import fnmatch
from itertools import groupby
from pathlib import Path
from urllib.parse import unquote_plus, urlsplit

import pytest
from carriers.test_protection import CARRIERS, SET, sent
from kit.adapters import ADAPTERS, Application, environ_of, serve
from kit.cases import ANYONE, APP, EVIL, LISTED, OK, PREFLIGHT_VARY, Reply, Request, preflight, request
from kit.counting import work_of
from kit.recording import records
from kit.vulnerable import KNOWN, Cache, known, reflecting

import corsguard
from corsguard import CORSMiddleware, Policy, PolicyError, negotiate

__all__ = ["records"]

PAGE = Path(corsguard.__file__).parent / "manual" / "security.md"
LIST = re.compile(r"(<!-- known vulnerabilities -->\n).*?(<!-- end -->)", re.DOTALL)

TRUSTING = {"allow_origins": [APP], "allow_methods": ["GET", "PUT"], "allow_credentials": True}
WILD = {**TRUSTING, "allow_origins": ["https://*.example.com"]}
GRANTED = [("access-control-allow-credentials", "true"), ("access-control-allow-origin", APP), ("vary", "Origin")]
REFUSED = (200, [("vary", "Origin")], True)
FORBIDDEN = (403, [("vary", PREFLIGHT_VARY["Vary"])], False)
PERMITTED = [
    ("access-control-allow-credentials", "true"),
    ("access-control-allow-methods", "GET, PUT"),
    ("access-control-allow-origin", APP),
    ("access-control-max-age", "7200"),
    ("vary", PREFLIGHT_VARY["Vary"]),
]


@pytest.fixture(params=ADAPTERS.values(), ids=ADAPTERS.keys())
def adapter(request):
    return request.param


@pytest.fixture(params=CARRIERS.values(), ids=CARRIERS.keys())
def carrier(request):
    return request.param


def seen(outcome):
    return outcome.status, outcome.of_cors, outcome.ran


def granted(ask, origins):
    """
    Return those of *origins* that are named in an answer.
    """
    return [o for o in origins if ask(request("GET", o)).lines("Access-Control-Allow-Origin")]


def assert_refused(adapter, origins, is_allowed=None, policy=TRUSTING):
    """
    Assert that none of *origins* gets anything, and that all of them are granted by what *is_allowed* compares.
    """
    ask = adapter(policy, OK)
    answers = {origin: (seen(ask(request("GET", origin))), seen(ask(preflight(origin, "PUT")))) for origin in origins}
    assert answers == dict.fromkeys(origins, (REFUSED, FORBIDDEN))
    if is_allowed is not None:
        broken = reflecting(is_allowed)
        assert granted(broken, [APP]) == [APP]
        assert granted(broken, origins) == origins
    if policy is TRUSTING:
        assert ask(request("GET", APP)).of_cors == GRANTED


def codes(**keywords):
    """
    Return the codes of what is wrong with a policy of *keywords*.
    """
    with pytest.raises(PolicyError) as error:
        Policy(**keywords)
    return {problem.code for problem in error.value.problems}


def assert_never_starts(adapter, **keywords):
    with pytest.raises(PolicyError):
        adapter(keywords, OK)(request("GET", EVIL))


def of_cors(heard):
    """
    Return the complete `Access-Control-*` and `Vary` of what was *heard*, without what the application varies on.
    """
    lines = sorted((name.lower(), value) for name, value in heard.headers)
    return [(name, value) for name, value in lines if name.startswith("access-control-") or name == "vary"]


# Origins, compared

WHOLE = "The whole origin is compared, byte by byte. A pattern is never a regular expression."


@known("Only the beginning of the origin is compared", WHOLE)
def test_cve_2026_37737_what_follows_a_known_origin(adapter):
    """
    CVE-2026-37737 (sanic-cors), CVE-2017-11173 (rack-cors), Starlette #800: a regular expression did not check the end
    of the origin. An origin that only began like a known one was let in.
    """
    origins = [f"{APP}.attacker.example", f"{APP}-attacker.example", f"{APP}attacker.example", f"{APP}:8080"]
    assert_refused(adapter, [*origins, f"{APP}@attacker.example"], re.compile(re.escape(APP)).match)


@known(
    "Only the beginning of the origin is compared", "A text with more than one origin is not an origin, and is refused."
)
def test_cve_2026_40110_a_second_line_behind_a_known_origin(adapter):
    """
    CVE-2026-40110 (Jupyter Server): the regular expression checked the first line only, and a second line followed.
    """
    origins = [f"{APP}\nhttps://attacker.example", f"{APP}\n"]
    assert_refused(adapter, origins, re.compile(f"{APP}$", re.MULTILINE).match)


@known("A name is read as a regular expression", WHOLE)
def test_cve_2022_1996_a_name_is_found_anywhere(adapter):
    """
    CVE-2022-1996 (go-restful): an allowed name was a regular expression, and it could match anywhere in the origin.
    """
    origins = ["https://app.example.com.attacker.example", "https://attacker.example/?app.example.com"]
    assert_refused(adapter, [*origins, "https://attackerapp.example.com"], re.compile("app.example.com").search)


@known("A name is read as a regular expression", WHOLE)
def test_cve_2026_25478_a_dot_is_a_dot(adapter):
    """
    CVE-2026-25478 (Litestar): the dots of allowed origins were not escaped, so each dot stood for any character.
    """
    origins = ["https://appxexample.com", "https://app-example.com", "https://app.examplexcom"]
    assert_refused(adapter, origins, re.compile(APP).fullmatch)


@known(
    "Only the end of the origin is compared",
    "A wildcard stands for whole labels, or for a part of one label. So `evilexample.com` is not below `example.com`.",
)
def test_cve_2024_27302_the_end_of_a_name(adapter):
    """
    CVE-2024-27302 (go-zero), CVE-2023-36829 (Sentry): an origin was let in if it ended like an allowed name. Anyone can
    register such a name.
    """
    origins = ["https://attackerexample.com", "https://attacker-example.com", "http://attackerexample.com"]
    assert_refused(adapter, origins, lambda origin: origin.endswith("example.com"), WILD)
    assert adapter(WILD, OK)(request("GET", APP)).of_cors == GRANTED


@known("The origin only has to contain a name", WHOLE)
def test_a_known_origin_within_another_one(adapter):
    """
    Many applications let an origin in if an allowed name is anywhere in it.
    """
    origins = ["https://app.example.com.attacker.example", "https://attacker.example?app.example.com"]
    assert_refused(adapter, origins, lambda origin: "app.example.com" in origin)


@known(
    "The origin only has to contain a name", "A string instead of a list is refused when the policy is built (E102)."
)
def test_an_origin_within_the_configuration(adapter):
    """
    Starlette accepts a string instead of a list of origins. Then each part of the string is an allowed origin.
    """
    assert_refused(adapter, [APP[:-1], APP[:-3], "https://app", "h", "https://"], APP.__contains__)
    assert codes(allow_origins=APP) == {"E102"}
    assert_never_starts(adapter, allow_origins=APP)


@known("Wildcards", "A pattern has no path, and no star in the last label of a host.")
def test_cve_2019_25211_a_star_behind_a_name(adapter):
    """
    CVE-2019-25211 (gin-contrib/cors): `https://example.com/*` let in `https://example.community`.
    """
    assert codes(allow_origins=["https://example.com/*"]) == {"E203"}
    assert_never_starts(adapter, allow_origins=["https://example.com/*"])
    policy = {**TRUSTING, "allow_origins": ["https://example.com"]}
    origins = ["https://example.community", "https://example.com.attacker.example", "https://example.community/x"]
    assert_refused(adapter, origins, lambda origin: origin == APP or fnmatch(origin, "https://example.com*"), policy)


@known("Wildcards", "A host of http or https has at most one star, and never in its last label.")
@pytest.mark.parametrize(
    "pattern",
    ["h*", "https://*", "https://*example.com*", "https://example.*", "https://*.com*", "*://app.example.com", "*.com"],
)
def test_a_star_that_stands_for_nearly_everything(adapter, pattern):
    """
    rs/cors #197: `h*` let in every origin. Each star that can stand for a dot has the same fault.
    """
    assert fnmatch(EVIL, "h*")
    assert_never_starts(adapter, allow_origins=[pattern], allow_credentials=True)


@known("Wildcards", "Each pattern is compared by itself, label by label.")
def test_ghsa_vhxv_fg4m_p2w8_two_names_make_no_third(adapter):
    """
    GHSA-vhxv-fg4m-p2w8 (jub0bs/cors), GHSA-v84h-653v-4pq9 (jub0bs/fcors): a policy with `https://foo.com` and
    `https://bar.com` also let in `https://barfoo.com`.
    """
    policy = {**TRUSTING, "allow_origins": ["https://foo.com", "https://bar.com", "https://*.a.com", "https://*.b.com"]}
    origins = ["https://barfoo.com", "https://foobar.com", "https://b.foo.com", "https://a.com", "https://x.ab.com"]
    assert_refused(adapter, origins, policy=policy)
    merged = re.compile(r"https://(app\.example\.com|(bar|foo)*\.com)").fullmatch
    assert granted(reflecting(merged), origins[:2]) == origins[:2]


@known("Wildcards", "A pattern has a small grammar of its own, and is never read as a regular expression.")
def test_a_glob_is_not_an_expression(adapter):
    """
    Flask-CORS 6.0.5 reads `https://*.example.com` as a regular expression. It covers no subdomain, but it covers the
    origins of strangers.
    """
    origins = ["https://xexample.com.attacker.example", "https:///example.com", "https://xexample.com"]
    assert_refused(adapter, origins, policy=WILD)
    assert re.match("https://*.example.com", origins[0])
    assert re.match("https://*.example.com", APP) is None
    assert adapter(WILD, OK)(request("GET", APP)).of_cors == GRANTED


@known("Wildcards", "The whole host is validated before a wildcard is compared.")
def test_a_wildcard_stays_within_the_host(adapter):
    """
    Starlette's example `https://.*\\.example\\.com` and the globs of wsgicors let in
    `https://attacker.example/.example.com`. They also let in values where a `?` or a `#` ends the host.
    """
    origins = [f"https://attacker.example{end}.example.com" for end in ("/", "?", "#", "\\", ":1@x")]
    assert_refused(adapter, origins, re.compile(r"https://.*\.example\.com").fullmatch, WILD)


@known(
    "Wildcards",
    "A label may have the letters a to z, digits, `-` and `_`. An origin with another character is refused.",
)
def test_signs_that_some_browsers_allow_in_a_host(adapter):
    """
    A comparison that stops at the first special character lets in hosts such as `app.example.com{.attacker.example`.
    Safari sends such hosts.
    """
    origins = [f"{APP}{sign}.attacker.example" for sign in "_-!$&'()*+,;=~{}\"`"]
    assert_refused(adapter, origins, re.compile(rf"{APP}(?![a-z0-9.])").match)


@known(
    "Wildcards",
    "A wildcard under a shared suffix is refused with credentials (E303), and a warning without them (W107).",
)
@pytest.mark.parametrize("suffix", ["github.io", "co.uk", "herokuapp.com", "surge.sh", "example.s3.amazonaws.com"])
def test_a_wildcard_under_which_anyone_can_register(adapter, suffix):
    """
    `https://*.github.io` with credentials trusts everyone who registers a name there.
    """
    pattern = f"https://*.{suffix}" if suffix != "example.s3.amazonaws.com" else "https://*.s3.amazonaws.com"
    assert_never_starts(adapter, allow_origins=[pattern], allow_credentials=True)


@known("Schemes and ports", "The scheme, the host and the port are compared.")
def test_the_scheme_is_compared(adapter):
    """
    django-cors-headers #259: the scheme was not compared. Anyone who controls the network can change a page of plain
    http, and this page was let in.
    """
    origins = ["http://app.example.com", "ftp://app.example.com", "app://app.example.com"]
    assert_refused(adapter, origins, lambda origin: urlsplit(origin).netloc == "app.example.com")
    assert codes(allow_origins=["app.example.com"]) == {"E202"}


@known("Schemes and ports", "The scheme, the host and the port are compared.")
def test_the_port_is_compared(adapter):
    """
    Often only the host of an origin is compared. Then every service on every port of this host is trusted.
    """
    origins = [f"{APP}:8443", f"{APP}:1", f"{APP}:443", f"{APP}:0443", f"{APP}:"]
    assert_refused(adapter, origins, policy=WILD)
    assert_refused(adapter, origins, lambda origin: urlsplit(origin).hostname == "app.example.com")


@known("Schemes and ports", "A value with a user name, a path or a query is not an origin, and is refused.")
def test_user_information_and_paths_are_not_dropped(adapter):
    """
    golang/go #78563, django-cors-headers 4.9.0: the user name, the path and the query were removed before the
    comparison.
    """
    origins = [f"https://attacker@{APP[8:]}", f"{APP}/", f"{APP}/path?x=1", f"{APP}#x", f"{APP}?x"]
    assert_refused(adapter, origins, policy=WILD)
    assert_refused(adapter, origins, lambda origin: urlsplit(origin).hostname == "app.example.com")


@known("Schemes and ports", "A pattern with `file:` is refused when the policy is built (E213).")
def test_file_urls_are_not_origins(adapter):
    """
    jub0bs/cors 0.12: patterns with the scheme `file` were accepted, although browsers send `null` for files.
    """
    for pattern in "file://", "file://*", "file:///", "file://localhost":
        assert_never_starts(adapter, allow_origins=[pattern])
    assert_refused(adapter, ["file://", "file:///etc/passwd", "file://localhost"])


@known("Upper case and spaces", "Bytes are compared. Upper and lower case are never made equal.")
def test_cases_are_not_folded(adapter):
    """
    Flask-CORS 6.0.5 ignores case in a way that makes `https://claßic.com` equal to `https://classic.com`.
    """
    origins = ["https://APP.example.com", "HTTPS://app.example.com", "https://app.e\u00df.example.com"]
    assert_refused(adapter, origins)
    assert granted(reflecting(lambda origin: origin.casefold() == APP), origins[:2]) == origins[:2]
    policy = {**TRUSTING, "allow_origins": ["https://classic.com"]}
    assert "https://cla\u00dfic.com".casefold() == "https://classic.com"
    assert_refused(adapter, ["https://cla\u00dfic.com"], policy=policy)


@known("Upper case and spaces", "Nothing is removed from `Origin` before the comparison.")
def test_tabs_and_spaces_are_not_dropped(adapter):
    """
    django-cors-headers 4.9.0 removes tabs and line ends before it compares, and then sends back the value with them.
    """
    origins = ["https://app.exa\tmple.com", f" {APP}", "https://app.example.com\t", f"\x01{APP}"]
    assert_refused(adapter, origins, policy=WILD)
    assert_refused(
        adapter, origins, lambda origin: urlsplit(origin).netloc == "app.example.com" or origin == origins[2]
    )


@known("The origin null", "`null` is refused in `allow_origins` (E212), and never has credentials.")
def test_cve_2024_47165_null_is_anyone(adapter):
    """
    CVE-2024-47165 (Gradio), CVE-2021-39185 (http4s): `null` was allowed. Every sandboxed frame sends it, so every site
    can.
    """
    assert_refused(adapter, ["null", "NULL", "Null"], lambda origin: origin == APP or origin.lower() == "null")
    assert_never_starts(adapter, allow_origins=["null"])
    assert_never_starts(adapter, allow_origins=[APP], allow_unsafe_origins={"null": "why"}, allow_credentials=True)


# Everyone

NEVER_BOTH = "A wildcard together with credentials is refused when the policy is built (E301). No option allows it."


@known("Everyone, with credentials", NEVER_BOTH)
def test_cve_2018_20744_everyone_never_has_credentials(adapter):
    """
    CVE-2018-20744 (rs/cors), CVE-2024-25124 (Fiber), CVE-2026-54290 (Hono), CVE-2025-34291 (Langflow), CVE-2024-8183
    (Prefect), CVE-2024-41657 (Casdoor), CVE-2024-41659 (Memos), CVE-2026-30924 (qui), CVE-2026-44184 (Cleanuparr),
    Starlette #3137: every origin was sent back, with credentials. So every site could read what the user may read.
    """
    for origins in "*", ["*"], {"*"}:
        assert_never_starts(adapter, allow_origins=origins, allow_credentials=True)
    for keyword in "allow_methods", "allow_headers", "expose_headers":
        assert_never_starts(adapter, **{**TRUSTING, keyword: "*"})
    assert granted(reflecting(lambda origin: True), [EVIL, "null"]) == [EVIL, "null"]


@known("Everyone, with credentials", "There are no default origins. A policy without origins is refused (E101).")
def test_cve_2023_49803_there_is_no_default(adapter):
    """
    CVE-2023-49803 (@koa/cors), CVE-2020-28481 (Socket.IO), CVE-2025-53092 (Strapi), CVE-2018-8014 (Tomcat): without
    configuration, every origin was allowed.
    """
    assert codes() == {"E101"}
    assert_never_starts(adapter, allow_credentials=True)
    assert_never_starts(adapter, allow_origins=[])


@known("Everyone, with credentials", "The header has a value of the policy, or an origin that the policy covers.")
def test_cve_2017_20146_nothing_is_reflected(adapter):
    """
    CVE-2017-20146 (gorilla/handlers): Access-Control-Allow-Origin had the value that the request had.
    """
    ask = adapter(ANYONE, OK)
    for origin in EVIL, "null", "what is this", f"{EVIL}, {APP}", "https://a\tb":
        assert seen(ask(request("GET", origin))) == (200, [("access-control-allow-origin", "*")], True)
        assert granted(reflecting(lambda origin: True), [origin]) == [origin]


@known("A fix that is too strict", "The grammar accepts all hosts that real pages have, also with `_` and `--`.")
def test_no_origin_of_the_policy_is_refused(adapter):
    """
    jub0bs/cors 0.12.1, 1.0.2: fixes refused origins that were allowed. After such a fix, teams often allow every
    origin.
    """
    origins = [
        "https://v2--shop.netlify.app",
        "https://a_b.example.com",
        "https://1.example.com:8443",
        "http://[::1]:3000",
    ]
    origins += [
        "https://-a.example.com",
        "https://app.example.com.",
        "capacitor://localhost",
        "https://xn--bcher-kva.example",
    ]
    ask = adapter({"allow_origins": origins}, OK)
    for origin in origins:
        assert ask(request("GET", origin)).of_cors == [("access-control-allow-origin", origin), ("vary", "Origin")]
        assert ask(preflight(origin, "PUT")).status == 204


# What must have no part in it

DEPENDS = "Only the origin and the policy decide."


@known("Other headers decide, too", DEPENDS)
@pytest.mark.parametrize(
    "more",
    [
        {"Cookie": "session=1"},
        {"Authorization": "Bearer 1"},
        {"Host": "testserver"},
        {"X_Forwarded_Host": "testserver"},
        {"X_Forwarded_Host": "testserver", "X_Forwarded_Proto": "https", "Forwarded": "host=testserver"},
        {"Referer": f"{APP}/"},
        {"X_Requested_With": "XMLHttpRequest"},
    ],
    ids=", ".join,
)
def test_cve_2024_47084_no_other_header_grants(adapter, more):
    """
    CVE-2024-47084 (Gradio): the origin was not checked if the request had a cookie. Gradio #13594, CVE-2026-55430
    (Coder): the origin was compared with Host or X-Forwarded-Host, which an attacker can choose.
    """
    ask, stranger = adapter(TRUSTING, OK), "https://testserver"
    for asked, expected in ((request("GET", stranger), REFUSED), (preflight(stranger, "PUT"), FORBIDDEN)):
        named = {name.replace("_", "-"): value for name, value in more.items()}
        assert seen(ask(asked._replace(headers={**asked.headers, **named}))) == expected
    assert ask(request("GET", APP, **more)).of_cors == GRANTED


class Source:
    def __init__(self):
        self.asked = []

    def __contains__(self, *asked):
        self.asked.append(asked)
        return asked == (APP,)


@known("Other headers decide, too", "An origin source only gets the origin, and `Vary: Origin` is always sent.")
def test_a_source_sees_the_origin_only(adapter):
    """
    rs/cors #157, go-chi/cors #23: a function of the operator used other headers for its decision, and `Vary` did not
    name them.
    """
    source = Source()
    cached = Cache(adapter({"allow_origins": source, "allow_credentials": True}, OK))
    for _ in range(2):
        assert cached(request("GET", EVIL, Cookie="a=b")).of_cors == [("vary", "Origin")]
        assert cached(request("GET", APP)).of_cors == GRANTED
        assert cached(request("GET")).of_cors == [("vary", "Origin")]
    assert source.asked == [(EVIL,), (APP,)]


@known("Other headers decide, too", "The library never sends Access-Control-Allow-Private-Network.")
def test_cve_2024_6221_no_private_network_is_opened(adapter):
    """
    CVE-2024-6221 (Flask-CORS): the answer to preflights allowed pages of the internet to reach a private network.
    """
    for policy, origin in ((ANYONE, EVIL), (TRUSTING, APP), (TRUSTING, EVIL)):
        asked = preflight(origin, "PUT")
        private = Request("OPTIONS", {**asked.headers, "Access-Control-Request-Private-Network": "true"})
        ask = adapter(policy, OK)
        assert seen(ask(private)) == seen(ask(asked))
        assert [name for name, _ in ask(private).of_cors if "private" in name] == []
    assert codes(allow_origins=[APP], allow_private_network=True) == {"E106"}


@known("Other headers decide, too", "`Vary` never depends on the request.")
def test_ghsa_q7jf_gf43_6x6p_vary_is_not_taken_from_the_request(adapter):
    """
    GHSA-q7jf-gf43-6x6p (Hono): the `Vary` of the request was sent back, so the client chose the keys of caches.
    """
    ask = adapter(TRUSTING, OK)
    assert ask(request("GET", APP, Vary="Cookie, *")).of_cors == GRANTED
    asked = preflight(APP, "PUT")
    assert ask(Request("OPTIONS", {**asked.headers, "Vary": "Cookie, *"})).of_cors == PERMITTED


# Headers that are long, or are not what they seem


def spent(ask, asked):
    return work_of(lambda: ask(asked))


@known(
    "Requests that cost much time or memory",
    "The answer to a preflight is always the same, so Access-Control-Request-Headers is not read.",
)
@pytest.mark.parametrize("names", ["," * 1_000_000, " " * 100_000, "x-a," * 100_000, ", \t" * 100_000])
def test_cve_2025_47908_a_long_list_of_headers_takes_no_work(adapter, names):
    """
    CVE-2025-47908 (rs/cors): a megabyte of commas took 121 MB of memory. CVE-2026-69207 (Hono): with twice as many
    spaces, a request took four times as long.
    """
    ask = adapter(TRUSTING, OK)
    assert seen(ask(preflight(APP, "PUT", names))) == (204, PERMITTED, False)
    # Django and Falcon look at each header once; what they do does not depend on its length.
    less, more = spent(ask, preflight(APP, "PUT", ",")), spent(ask, preflight(APP, "PUT", names))
    assert more <= 1.1 * less + 50

    def reads_names():
        return {name.strip().lower() for name in names[:50_000].split(",")}

    assert names.strip() == "" or work_of(reads_names) > less


@known("Requests that cost much time or memory", "A policy has no regular expressions (E211).")
def test_an_expression_that_backtracks_is_refused(adapter):
    """
    Flask-CORS and django-cors-headers compare `Origin` with regular expressions of the operator. With one such as
    `([a-z0-9]+-?)*`, each additional letter doubles the time.
    """
    expression = r"^https://([a-z0-9]+-?)*\.example\.com$"
    assert_never_starts(adapter, allow_origins=[expression])
    ask = adapter(WILD, OK)
    less, more = (spent(ask, request("GET", f"https://{'a' * length}!")) for length in (4, 300))
    assert more <= 1.1 * less + 50


@known("Exceptions", "No string from the network causes an exception.")
def test_malformed_origins_are_refused_without_an_error(adapter):
    """
    django-cors-headers #701: `https://example.com].evil.com` made `urlsplit` raise, and the server answered 500.
    """
    origins = ["https://app.example.com].evil.example", "https://[", "https://\u2100.example.com", "https://\ud800", ""]
    assert_refused(adapter, origins)
    assert_refused(adapter, ["https://" + "a" * 70_000])
    with pytest.raises(ValueError, match="IPv6"):
        urlsplit(origins[0])


@known("Injection", "Only a valid origin is sent, and a valid origin has no control characters.")
def test_line_ends_reach_no_header(adapter):
    """
    uWSGI, wsgiref and cheroot pass some line ends on to the application. A library that sends `Origin` back then sends
    a header of the attacker.
    """
    origins = [f"{APP}\r\n X-Injected: 1", f"{APP}\nX-Injected: 1", f"{APP}\rX-Injected: 1", f"{APP}\x00"]
    assert_refused(adapter, origins, policy=WILD)
    assert_refused(adapter, origins, lambda origin: origin[: len(APP)] == APP)
    ask = adapter(TRUSTING, OK)
    for method in "PUT\r\nX-Injected: 1", "PUT\nX-Injected: 1":
        assert ask(preflight(APP, method, "x-a\r\nX-Injected: 1")).of_cors == PERMITTED


@known("Injection", "The names of headers and methods are always those of the policy.")
def test_requested_headers_and_methods_are_not_echoed(adapter):
    """
    Starlette, Flask-CORS and wsgicors send back the names that a preflight asks for, also if they are not valid names.
    """
    ask = adapter(TRUSTING, OK)
    for method, names in (("DELETE", "x-injected, authorization"), ("TRACE", '<b>"x'), ("\xff", "x\nSet-Cookie: a=b")):
        assert ask(preflight(APP, method, names)).of_cors == PERMITTED


@known("Injection", "Values of a request are logged in printable ASCII, and are cut.")
def test_cve_2024_1681_a_request_forges_no_line_of_the_log(carrier, records):
    """
    CVE-2024-1681 (Flask-CORS): the path was logged unchanged, so a line end in it began a forged line.
    """
    forged = "x\r\nCRITICAL forged\x1b[31m\x85"
    policies = {"/": TRUSTING, "/odd": None}
    carrier(policies, sent("GET", f"{APP}{forged}"), "/a")
    carrier(policies, sent("GET", EVIL), f"/odd/../{forged}")
    asked = {"Access_Control_Request_Method": forged, "Access_Control_Request_Headers": forged}
    carrier(policies, sent("OPTIONS", EVIL, **asked), f"/{forged}")
    lines = [record.getMessage() for record in records]
    assert lines
    assert [line for line in lines if re.search(r"[\r\x1b\x85]|\n ?CRITICAL", line)] == []
    assert re.search(r"[\r\x1b\x85]|\n ?CRITICAL", f"Request to {forged!s}")


# Caches


@known("Caches", "Every response of a policy that lists origins has `Vary: Origin`, also if the origin is refused.")
@pytest.mark.parametrize("first", [None, EVIL, APP, "null"])
def test_cve_2017_7674_a_cache_keeps_origins_apart(adapter, first):
    """
    CVE-2017-7674 (Tomcat): `Vary: Origin` was missing. A cache then sent the answer for one origin to another one.
    """
    cached = Cache(adapter(TRUSTING, OK))
    cached(request("GET", first))
    assert cached(request("GET", APP)).of_cors == GRANTED
    assert cached(request("GET", EVIL)).of_cors == [("vary", "Origin")]
    poisoned = Cache(reflecting(lambda origin: origin == APP, vary=[]))
    poisoned(request("GET", first))
    assert granted(poisoned, [APP, EVIL]) == ([APP, EVIL] if first == APP else [])


@known("Caches", "Only the policy sets the headers of CORS, and `Vary` keeps the names of the application.")
def test_two_layers_send_one_answer(adapter):
    """
    Two layers of CORS sent Access-Control-Allow-Origin twice, which browsers refuse. Or one layer replaced the `Vary`
    of the other (rs/cors #10, Hono #2932).
    """
    reply = Reply(200, (("Access-Control-Allow-Origin", "*"), ("Access-Control-Max-Age", "1"), ("Vary", "Cookie")))
    ask = adapter(TRUSTING, reply)
    assert ask(request("GET", APP)).of_cors == [*GRANTED[:2], ("vary", "Cookie, Origin")]
    assert ask(request("GET", EVIL)).of_cors == [("vary", "Cookie, Origin")]


# Paths

NOTHING = [("vary", "Cookie")]
ONE_READING = "If a path can be read in two ways, and the two have different policies, nothing is shared."


def is_open(path):
    """
    Tell what Flask-CORS before 6.0 makes of *path* where `/public.*` is open.
    """
    return re.match("/public", unquote_plus(path), re.IGNORECASE)


def assert_closed(carrier, policies, paths, lines=(NOTHING, [("vary", "Cookie, Origin")])):
    for path in paths:
        heard = carrier(policies, sent("GET", APP), path)
        assert of_cors(heard) in lines, path
        heard = carrier(policies, sent("OPTIONS", APP, Access_Control_Request_Method="PUT"), path)
        assert not [name for name, _ in of_cors(heard) if name.startswith("access-control-")], path


@known("Paths", ONE_READING)
def test_cve_2020_25032_dot_segments_lead_to_no_other_policy(carrier):
    """
    CVE-2020-25032 (Flask-CORS), CVE-2019-18978 (rack-cors): `/public/../admin` had the policy of `/public`.
    """
    paths = [
        "/public/../admin",
        "/public/./../admin",
        "/public//../admin",
        "/public/%2e%2e/admin",
        "/public\\..\\admin",
    ]
    assert_closed(carrier, {"/public": TRUSTING, "/admin": None}, paths)
    assert all(map(is_open, paths))


@known("Paths", "A path is not decoded again. If another layer may decode it again, all readings of the path count.")
def test_cve_2024_6844_a_path_is_not_decoded_twice(carrier):
    """
    CVE-2024-6844 (Flask-CORS): the path was decoded a second time, and a `+` became a space.
    """
    policies = {"/public": TRUSTING, "/public/a b": None, "/admin": None}
    paths = ["/public/a%20b", "/public%2F..%2Fadmin", "/public/%2e%2e/admin", "/public/a%2520b"]
    assert_closed(carrier, policies, paths)
    assert of_cors(carrier(policies, sent("GET", APP), "/public/a+b")) == [*GRANTED[:2], ("vary", "Cookie, Origin")]
    assert unquote_plus("/public/a+b") == "/public/a b"


@known("Paths", "Upper and lower case in a path are different, as in servers and frameworks.")
def test_cve_2024_6866_paths_have_cases(carrier):
    """
    CVE-2024-6866 (Flask-CORS): the case of paths was ignored, so `/ADMIN` had the policy of `/admin`.
    """
    policies = {"/": None, "/public": TRUSTING}
    assert_closed(carrier, policies, ["/Public", "/PUBLIC", "/PUBLIC/x"])
    assert of_cors(carrier(policies, sent("GET", APP), "/public")) == [*GRANTED[:2], ("vary", "Cookie, Origin")]
    assert is_open("/PUBLIC")


@known("Paths", "The longest prefix of whole segments counts, in any order of the configuration.")
def test_cve_2024_6839_the_most_specific_path_wins(carrier):
    """
    CVE-2024-6839 (Flask-CORS): the longest regular expression counted, and not the one that fits the path best.
    """
    rows = [("/", TRUSTING), ("/api", ANYONE), ("/api/private/x", TRUSTING), ("/api/private", None)]
    for policies in dict(rows), dict(reversed(rows)):
        assert_closed(carrier, policies, ["/api/private", "/api/private/", "/api/private/y", "/api/private/xy"])
        assert of_cors(carrier(policies, sent("GET", APP), "/apiary")) == [*GRANTED[:2], ("vary", "Cookie, Origin")]
        everyone = [("access-control-allow-origin", "*"), ("vary", "Cookie")]
        assert of_cors(carrier(policies, sent("GET", EVIL), "/api/privately")) == everyone
    longest = max((r"/api/[a-z0-9\-_/]*", "/api/private"), key=len)
    assert re.match(longest, "/api/private")
    assert longest != "/api/private"


# Policies and preflights


@known(
    "Preflights", "A preflight gets the policy of the path, and of the view that serves the method that it asks for."
)
def test_cve_2015_9236_a_preflight_says_what_the_response_says(carrier):
    """
    CVE-2015-9236 (hapi): preflights got the defaults of the server, although the route was closed.
    """
    policies = {"/": TRUSTING, "/open": ANYONE, "/closed": None, "/listed": LISTED}
    for path in "/", "/open", "/closed", "/listed", "/closed/x":
        for origin in APP, EVIL, "null":
            response = dict(of_cors(carrier(policies, sent("GET", origin), path)))
            asked = sent("OPTIONS", origin, Access_Control_Request_Method="PUT")
            answer = dict(of_cors(carrier(policies, asked, path)))
            for name in "access-control-allow-origin", "access-control-allow-credentials":
                assert response.get(name) == answer.get(name), (path, origin)


@known("Preflights", "A guarded preflight never reaches the application.")
def test_a_preflight_runs_nothing(adapter):
    """
    Hono #692: the handler ran before the preflight was answered.
    """
    ask = adapter(TRUSTING, OK)
    for origin in APP, EVIL, "null":
        assert not ask(preflight(origin, "PUT")).ran
    assert ask(request("OPTIONS", APP)).ran


@known("Policies", "A policy inherits nothing from another path.")
def test_cve_2015_9243_no_policy_widens_another(carrier):
    """
    CVE-2015-9243 (hapi): the defaults of the server were added to the policy of a route, and opened the route.
    """
    narrow = {"allow_origins": [APP]}
    policies = {"/": {**ANYONE, "allow_methods": "*", "allow_headers": "*", "expose_headers": "*"}, "/narrow": narrow}
    asked = sent("OPTIONS", APP, Access_Control_Request_Method="PUT")
    assert of_cors(carrier(policies, asked, "/narrow")) == [
        ("access-control-allow-methods", "GET, HEAD, POST"),
        ("access-control-allow-origin", APP),
        ("access-control-max-age", "7200"),
        ("vary", PREFLIGHT_VARY["Vary"]),
    ]
    assert of_cors(carrier(policies, sent("GET", EVIL), "/narrow")) == [("vary", "Cookie, Origin")]
    merged = {**policies["/"], **narrow}
    assert merged["allow_methods"] == "*"


@known("Policies", "A policy never changes, and each response gets its own list of headers.")
def test_changed_headers_change_no_policy():
    """
    jub0bs/cors #14, rs/cors #198: an outer layer changed the headers of one response. All other responses shared these
    lists, so they changed too.
    """
    policy = Policy(**TRUSTING)
    guarded = CORSMiddleware(Application(Reply(200, SET)), policy)

    def spoiled(environ):
        def start_response(status, headers, exc_info=None):
            found.append(list(headers))
            headers.append(("Access-Control-Allow-Methods", "*"))
            headers[0] = ("Access-Control-Allow-Origin", EVIL)

        found = []
        list(guarded(environ, start_response))
        return found

    for asked in sent("GET", APP), sent("GET", EVIL), preflight(APP, "PUT"), preflight(EVIL, "PUT"):
        environ = environ_of(asked)
        before = negotiate(policy, environ)
        assert spoiled(environ) == spoiled(environ)
        assert negotiate(policy, environ) == before
        with pytest.raises(AttributeError):
            before.headers.append(("Access-Control-Allow-Origin", EVIL))


@known("Policies", "The library keeps no list of policies or layers.")
def test_cve_2026_41135_policies_that_are_built_per_request_are_not_kept():
    """
    CVE-2026-41135 (free5GC): each request added another layer of CORS, until the memory was full.
    """

    def count():
        gc.collect()
        return sum(type(one) in (Policy, CORSMiddleware) for one in gc.get_objects())

    def ask():
        policy = Policy(**TRUSTING)
        serve(CORSMiddleware(Application(OK), policy), environ_of(request("GET", APP)))
        serve(CORSMiddleware(Application(OK), {"/": policy, "/a": None}), environ_of(request("GET", EVIL), "/a/../b"))
        return policy

    ask()
    before = count()
    for _ in range(500):
        ask()
    assert count() <= before
    kept = [ask() for _ in range(500)]
    assert count() >= before + len(kept)


# Requests that act

GUARDED = {"allow_origins": [APP], "allow_methods": ["GET", "POST"], "allow_credentials": True}
OWN = "https://api.example.com"


@known("Pages that act", "`protection` refuses requests of pages that the policy does not trust.")
def test_cve_2021_32677_a_form_is_not_let_through(carrier):
    """
    CVE-2021-32677 (FastAPI), CVE-2017-18903 (Mattermost), CVE-2026-42091 (goshs), CVE-2022-4147 (Quarkus): the
    developers relied on CORS as a protection. A POST of another site that needs no preflight was executed.
    """
    for headers in {"Sec_Fetch_Site": "cross-site"}, {}:
        form = sent("POST", EVIL, Content_Type="text/plain", Cookie="session=1", **headers)
        heard = carrier(GUARDED, form, protection={})
        assert (heard.status, of_cors(heard), heard.ran) == (403, [("vary", "Origin")], False)
        assert carrier(GUARDED, form).ran


@known("Pages that act", "Requests of the site's own pages are executed, also with `Origin: null`.")
@pytest.mark.parametrize(
    ("origin", "headers"),
    [(OWN, {}), (OWN, {"Sec_Fetch_Site": "same-origin"}), ("null", {"Sec_Fetch_Site": "same-origin"}), (None, {})],
)
def test_the_fix_of_cve_2022_4147_refuses_no_page_of_the_own_origin(carrier, origin, headers):
    """
    Quarkus #29542, #31631: the fix of CVE-2022-4147 refused the application's own POST requests, also with `Origin:
    null`.
    """
    assert carrier(GUARDED, sent("POST", origin, **headers), protection={}).ran


@known("Pages that act", "A trusted origin includes its scheme: `http://` and `https://` are different origins.")
def test_cve_2025_47909_plain_http_is_not_trusted_for_https(carrier):
    """
    CVE-2025-47909 (gorilla/csrf): trusted origins were compared without their scheme.
    """
    plain = APP.replace("https", "http")
    heard = carrier(GUARDED, sent("POST", plain), protection={})
    assert (heard.status, of_cors(heard), heard.ran) == (403, [("vary", "Origin")], False)
    assert carrier(GUARDED, sent("POST", APP), protection={}).ran
    assert urlsplit(plain).netloc == urlsplit(APP).netloc


@known("Pages that act", "An exemption is for whole segments, and never for a path that can be read in several ways.")
def test_cve_2025_47910_an_exemption_is_no_way_around(carrier):
    """
    CVE-2025-47910 (Go net/http): exempt patterns also exempted paths that only redirect to an exempt path.
    """
    for path in "/hooks/../account", "/hooksx", "//hooks", "/hooks//x", "/x/../hooks", "/hooks%2f..%2faccount":
        heard = carrier(GUARDED, sent("POST", EVIL), path, {"exempt": ["/hooks"]})
        assert (heard.status, heard.ran) == (403, False), path
    assert carrier(GUARDED, sent("POST", EVIL), "/hooks/x", {"exempt": ["/hooks"]}).ran


# The list of the manual


def written(text):
    kinds = groupby(KNOWN, key=lambda vulnerability: vulnerability.kind)
    chapters = (f"### {kind}\n\n{''.join(vulnerability.item for vulnerability in those)}\n" for kind, those in kinds)
    return LIST.sub(lambda match: f"{match[1]}\n{''.join(chapters)}{match[2]}", text)


def test_the_manual_has_the_list():
    """
    The list of the manual is made from the tests of this file.
    """
    text = PAGE.read_text(encoding="utf-8")
    assert [*unified_diff(text.splitlines(), written(text).splitlines(), lineterm="")] == []
    tests = [name for name in globals() if name.startswith("test_")]
    assert [vulnerability.test.__name__ for vulnerability in KNOWN] == tests[:-1]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
