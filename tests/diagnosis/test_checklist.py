"""
The list of checks says where to look. It also finds faults next to CORS: caches, cookies, and headers that are not
exposed.
"""

import socket

import pytest
from kit.checking import API, PAGE, PUT, TOKEN, Server, allow, by_origin, data

from corsguard.browser import LiveTransport, Unreachable, WireResponse
from corsguard.diagnosis import check
from corsguard.diagnosis.checklist import compare, further_faults, resolved_space
from corsguard.diagnosis.playing import Fetch, play

PERMISSION = "Chromium asks the user for permission (Local Network Access), which no header can give."
EXPOSED = [("X-Total", "3"), ("Access-Control-Expose-Headers", "*")]
TWICE = "came twice, most likely from two layers: remove it from all except one"
ROWS = {
    "Max-Age, and the browsers that use less": (
        Server((204, [*allow(methods="PUT"), ("Access-Control-Max-Age", "86400")])),
        PUT,
        ("--", "Max-Age", "86400 s; Chromium keeps it 7200 s at most, Safari keeps it 600 s at most"),
    ),
    "Max-Age that is not a number": (
        Server((204, [*allow(methods="PUT"), ("Access-Control-Max-Age", "1 day")])),
        PUT,
        ("--", "Max-Age", "not a number: browsers send the preflight again after 5 s"),
    ),
    "a list in two lines": (
        Server((204, [*allow(methods="PUT"), ("Access-Control-Allow-Methods", "GET")])),
        PUT,
        ("--", "one layer", "access-control-allow-methods came in several lines, which browsers join to one list"),
    ),
    "two layers": (
        Server(response=(200, [*allow(), *allow()])),
        [],
        ("NO", "one layer", f"access-control-allow-origin {TWICE}"),
    ),
    "two layers, whose second header does not matter": (
        Server((204, [*allow(methods="PUT"), *[("Access-Control-Max-Age", "60")] * 2]), (200, allow())),
        PUT,
        ("??", "one layer", f"access-control-max-age {TWICE}"),
    ),
    "a cookie that waits for the preflight": (
        Server((403, [])),
        [*PUT, "--cookie", "sid=12345"],
        ("--", "cookies", "not sent: the request itself was not, and a preflight carries none"),
    ),
    "the reason for a preflight": (Server(), TOKEN, ("ok", "preflight", "sent, because of the header x-token")),
    "no preflight is needed": (Server(response=(200, allow())), [], ("--", "preflight", "not needed")),
    "the page's own origin": (
        Server(),
        ["--url", f"{PAGE}/items"],
        ("--", "CORS", "the page's own origin: nothing has to be shared"),
    ),
    "cookies of another site": (
        Server(response=(200, allow("https://other.example", credentials="true"))),
        ["--page", "https://other.example", "--set-cookie", "sid=12345; SameSite=None; Secure"],
        (
            "??",
            "cookies",
            (
                "sent by a browser that lets third-party cookies pass; Safari and a new profile of Debian's Chromium "
                "block them, and Firefox keeps separate ones for each site"
            ),
        ),
    ),
    "a private network": (
        Server(response=(200, allow())),
        ["--url", "http://192.168.1.1/", "--page", "http://app.example.com"],
        (
            "--",
            "network",
            f"http://192.168.1.1/ is in a less public network than the page: {PERMISSION}",
        ),
    ),
    "credentials that the preflight allows, and the answer to the PUT": (
        Server((204, allow(methods="PUT", credentials="true")), (200, allow(credentials="true"))),
        [*PUT, "--credentials"],
        ("ok", "credentials", "Access-Control-Allow-Credentials: true"),
    ),
    "an unshared GET": (Server(), [], ("NO", "Allow-Origin", "absent")),
}


@pytest.mark.parametrize(("server", "arguments", "row"), ROWS.values(), ids=ROWS.keys())
def test_the_list_says_where_to_look(serve, server, arguments, row):
    page = [] if "--page" in arguments else ["--page", PAGE]
    found, _ = data(serve(server), *page, *arguments)
    assert row in [(one["mark"], one["name"], one["text"]) for one in found["checked"]]


STARRED = (204, allow(credentials="true", methods="*"))
MISSPELT = [*allow(), ("Access-Control-Allow-Header", "x-token")]
CHANGES = {
    "* in methods, with credentials": (
        Server(STARRED),
        [*PUT, "--credentials"],
        "* never counts with credentials: list the methods. A list takes the place of *, so every other method that",
        "Access-Control-Allow-Methods: GET, HEAD, POST, PUT",
    ),
    "* in exposed headers, with credentials": (
        Server(response=(200, [*allow(credentials="true"), *EXPOSED])),
        ["--read", "X-Total", "--credentials"],
        "* never counts with credentials: list the names.",
        "Access-Control-Expose-Headers: X-Total",
    ),
    "a misspelt name in a preflight": (
        Server((204, MISSPELT), (200, allow())),
        TOKEN,
        "Listed: none. The answer has Access-Control-Allow-Header, which no browser reads: the name is",
        "Access-Control-Allow-Headers: X-Token",
    ),
    "a misspelt name for credentials": (
        Server(response=(200, [*allow(), ("Access-Control-Allow-Credential", "true")])),
        ["--credentials"],
        "The answer has Access-Control-Allow-Credential, which no browser reads: the name is",
        f"Access-Control-Allow-Origin: {PAGE}",
    ),
}


@pytest.mark.parametrize(("server", "arguments", "words", "send"), CHANGES.values(), ids=CHANGES.keys())
def test_what_the_answer_lists_and_how_it_is_spelt_is_used(serve, server, arguments, words, send):
    page = [] if "--page" in arguments else ["--page", PAGE]
    (fault, *_) = data(serve(server), *page, *arguments)[0]["faults"]
    assert words in fault["fix"]["words"]
    assert fault["fix"]["send"][0] == send


STRANGER = "https://stranger.example"
CACHES = {
    "echoed, and never varied": (by_origin(lambda origin: origin), "Vary: Origin is missing in every answer"),
    "echoed, and varied to itself only": (
        by_origin(lambda origin: origin, [PAGE]),
        "Vary: Origin is missing in the answer to a page elsewhere and to a request without Origin",
    ),
    "sent only where there is an Origin": (
        by_origin(lambda origin: origin and "*", [PAGE, STRANGER]),
        "Vary: Origin is missing in the answer to a request without Origin",
    ),
    "listed, and varied": (by_origin(lambda origin: origin == PAGE and origin, [PAGE, STRANGER, ""]), None),
    "a constant": (by_origin(lambda _: "*"), None),
    "never stored": (by_origin(lambda origin: origin, lines=[("Cache-Control", "private, no-store")]), None),
    "any request header": (by_origin(lambda origin: origin, lines=[("Vary", "*")]), None),
}


@pytest.mark.parametrize(("app", "said"), CACHES.values(), ids=CACHES.keys())
def test_an_answer_that_depends_on_the_origin_has_to_vary(serve, app, said):
    found, _ = data(serve(app), "--page", PAGE)
    (row,) = [row for row in found["checked"] if row["name"] == "Vary"]
    if said is None:
        assert (found["faults"], row["mark"]) == ([], "ok")
    else:
        (fault,) = found["faults"]
        assert (fault["code"], row["mark"]) == ("cache", "NO")
        assert said in fault["cause"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (429, "got 429 a moment later. The server limits how often it is called. If a page fails only sometimes,"),
        (503, "got 503 a moment later. The server restarts, or is overloaded. If a page fails only sometimes,"),
        (500, "a request without Origin got 500 a moment later"),
    ],
)
@pytest.mark.parametrize("ends", [1, 2])
def test_another_status_is_no_evidence_for_a_cache(status, said, ends):
    """
    The first answers are those of the application, which varies. What answers later does not.
    """
    asked = []

    def app(environ, start_response):
        asked.append(environ)
        is_served = len(asked) <= ends
        start_response("200 OK" if is_served else f"{status} Later", allow() if is_served else [])
        return []

    found = check(app, page=PAGE)
    assert (found.faults, found.verdict) == ((), "readable")
    (row,) = (row for row in found.rows if row.name == "repeated")
    assert said in row.text
    assert row.text.startswith("this page got the status 200, and a")
    assert row.mark == ("--" if status == 500 else "??")


def test_an_answer_that_only_an_origin_breaks_is_told():
    def app(environ, start_response):
        start_response("500 Failed" if "HTTP_ORIGIN" in environ else "200 OK", [])
        return []

    (row,) = (row for row in check(app, page=PAGE).rows if row.name == "repeated")
    assert row.text == (
        "this page got the status 500, and a request without Origin got 200 a moment later. The Origin makes the "
        "difference, so it may fail in a browser, and work in curl"
    )


def test_a_cache_that_cannot_be_checked_is_not_a_fault():
    answers = iter([WireResponse(200, tuple(allow()))])

    def answer(request):
        for response in answers:
            return response
        raise Unreachable("it has gone")

    asked = Fetch(page=PAGE, url=API)
    outcome = play(asked, answer)
    assert compare(asked, outcome, answer) is None
    assert [*further_faults(asked, outcome, [], None, str)] == []


READ = {
    "X-Other": "    send:   X-Other: ...",
    "Set-Cookie": "Send this information in the body.",
    "X-Total": (
        '    send:   Access-Control-Expose-Headers: X-Seen, X-Total\n    policy: expose_headers=["X-Seen", "X-Total"]'
    ),
}


@pytest.mark.parametrize("name", READ)
def test_a_header_that_a_page_reads_has_to_be_exposed(serve, name):
    exposed = ("Access-Control-Expose-Headers", "X-Seen, *")
    lines = [*allow("https://app.example.com", credentials="true"), exposed, ("X-Total", "3"), ("X-Seen", "1")]
    server = Server(response=(200, [*lines, ("Set-Cookie", "a=1; SameSite=None; Secure")]))
    found, _ = data(serve(server), "--page", PAGE, "--credentials", "--read", "X-Seen", "--read", name)
    (fault,) = found["faults"]
    assert fault["cause"].startswith(f"{name} cannot be read: ")
    assert fault["fix"]["text"].endswith(READ[name])


def test_a_header_that_is_absent_has_to_be_sent_and_exposed(serve):
    server = Server(response=(200, allow()))
    found, _ = data(serve(server), "--page", PAGE, "--read", "X-Total", "--read", "Set-Cookie", "--read", "Expires")
    absent, never, safelisted = (fault["fix"] for fault in found["faults"])
    assert absent["send"] == ["X-Total: ...", "Access-Control-Expose-Headers: X-Total"]
    assert never["text"] == "Send this information in the body."
    assert safelisted["send"] == ["Expires: ..."]


SPACES = [
    ("https://api.corp.example/", PAGE, ["10.0.0.7"], "api.corp.example is at 10.0.0.7: a page from a public network"),
    ("https://api.corp.example/", PAGE, ["192.0.2.7"], None),
    ("https://api.corp.example/", "http://localhost:3000", ["10.0.0.7"], None),
    ("https://10.0.0.7/", PAGE, ["10.0.0.7"], None),
]


@pytest.mark.parametrize(("url", "page", "addresses", "said"), SPACES)
def test_a_public_name_with_a_private_address_needs_permission(url, page, addresses, said):
    row = resolved_space(url, page, addresses)
    assert row is None if said is None else row.text.startswith(said)


def test_the_name_of_a_live_server_is_looked_up(monkeypatch):
    def answer(self, request):
        return WireResponse(200, tuple(allow()))

    monkeypatch.setattr(LiveTransport, "__call__", answer)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("172.16.0.1", 0))])
    found, _ = data(API, "--page", PAGE)
    assert found["checked"][-1]["text"].startswith("api.example.com is at 172.16.0.1: ")

    def fail(*_, **__):
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    found, code = data(API, "--page", PAGE)
    assert (code, "network" in {row["name"] for row in found["checked"]}) == (0, False)


def test_without_a_response_nothing_is_said_about_credentials():
    found, _ = data("http://127.0.0.1:2/", "--page", PAGE, "--credentials")
    row = {"mark": "--", "name": "credentials", "text": "no response says whether they are allowed"}
    assert row in [{name: one[name] for name in row} for one in found["checked"]]


LOOK_ALIKES = [
    (403, b"<h1>CSRF verification failed</h1>", "protection against CSRF"),
    (403, b"<h1>CSRF verification failed</h1>", "Either it does not trust the origin, or a token is missing"),
    (403, b"CSRF Failed: Origin checking failed - https://a.example", "It does not trust the origin: trust the page's"),
    (
        403,
        b"<p>CSRF</p><p>Referer checking failed - no Referer.</p> CSRF token missing",
        "It does not trust the origin:",
    ),
    (403, b"CSRF Failed: CSRF token missing.", "A token is missing, or not valid: send a valid token"),
    (403, b"<p>CSRF cookie not set.</p>", "A token is missing, or not valid"),
    (403, b"The CSRF session token is missing.", "A token is missing, or not valid"),
    (403, b"<p>CSRF</p> The form has a valid CSRF token. After a login it may not match", "Either it does not trust"),
    (401, b"", "Most likely, the user is not logged in"),
    (404, b"", "there is nothing at this URL"),
    (405, b"", "The server does not serve this method there"),
    (503, b"", "a proxy, the server, or the application itself"),
    (413, b"", "The body is larger"),
    (500, b"", "the server's log"),
    (200, b"", ""),
]


@pytest.mark.parametrize(("status", "body", "said"), LOOK_ALIKES)
def test_a_shared_refusal_is_not_a_matter_of_cors(serve, status, body, said):
    def app(environ, start_response):
        start_response(f"{status} Status", allow("*"))
        return [body]

    found, code = data(serve(app), "--page", PAGE)
    assert (found["is_readable"], code) == (True, 0)
    assert said in found["look_alike"]
    assert found["look_alike"].startswith("This is not CORS") is bool(said)


def moving(status, final, elsewhere="https://files.example"):
    """
    Return an application that redirects with *status* to another place, which answers with the status *final*.
    """

    def app(environ, start_response):
        lines = allow("*", headers="Authorization", methods="PUT")
        if environ["PATH_INFO"] == "/b" or environ["REQUEST_METHOD"] == "OPTIONS":
            start_response("200 OK" if environ["REQUEST_METHOD"] == "OPTIONS" else f"{final} Status", lines)
        else:
            start_response(f"{status} Status", [*lines, ("Location", f"{elsewhere}/b")])
        return []

    return app


LOGIN = [("Authorization", "Bearer s3cr3t")]
LEFT_OUT = "The page sent Authorization, but after a redirect to another origin, a browser leaves it out"
MOVED = [
    (moving(302, 401), "GET", LOGIN, f"{LEFT_OUT} (Fetch"),
    (moving(307, 403), "GET", LOGIN, "Let the page request https://files.example/b itself"),
    (moving(302, 401, ""), "GET", LOGIN, "does not accept the login that was sent, or the user is not allowed."),
    (moving(302, 401), "GET", [], "Most likely, the user is not logged in"),
    (moving(302, 404), "GET", LOGIN, "there is nothing at this URL"),
    (moving(301, 405, ""), "POST", [], "A redirect changed POST to GET, without the body"),
    (moving(303, 404, ""), "PUT", [], "redirect with 307 or 308"),
    (moving(308, 405, ""), "POST", [], "The server does not serve this method there"),
    (moving(301, 429, ""), "POST", [], "limits how often it is called"),
]


@pytest.mark.parametrize(("app", "method", "headers", "said"), MOVED)
def test_what_a_redirect_changed_is_told_if_the_last_answer_may_be_due_to_it(app, method, headers, said):
    found = check(app, page=PAGE, url="https://api.example.com/a", method=method, headers=headers)
    assert said in found.look_alike
    assert (LEFT_OUT in found.look_alike) is (LEFT_OUT in said or "files.example" in said)
    assert "s3cr3t" not in found.look_alike


def test_a_blocked_response_is_not_called_readable(serve):
    found, _ = data(serve(Server(response=(500, []))), "--page", PAGE)
    assert found["look_alike"].startswith("After the fix, the page gets the status 500. That is not CORS")


ALLOWED = ("Access-Control-Allow-Origin", PAGE)


@pytest.mark.parametrize(
    ("app", "options", "row"),
    [
        (Server((204, allow(methods="PUT")), (200, [ALLOWED])), PUT, ("--", "absent; not compared")),
        (Server((204, allow(methods="PUT")), (200, allow())), PUT, ("ok", "Origin")),
        (Server(response=(200, [])), ["--page", PAGE], ("--", "absent; not compared")),
        (Server(response=(200, [("Access-Control-Allow-Origin", "*")])), ["--page", PAGE], ("ok", "absent")),
        (Server(response=(200, [ALLOWED])), ["--page", PAGE], ("ok", "absent")),
        (by_origin(lambda origin: origin), ["--page", PAGE], ("NO", "absent")),
    ],
)
def test_vary_is_only_judged_where_it_was_checked(serve, app, options, row):
    found, _ = data(serve(app), *options)
    assert [(one["mark"], one["text"]) for one in found["checked"] if one["name"] == "Vary"][-1] == row
