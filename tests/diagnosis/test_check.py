"""
`corsguard check` names every fault at once, sends nothing that a browser would hold back, and shows no secret.
"""

import json
import shlex
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import trustme
from click.testing import CliRunner
from kit import laboratory
from kit.laboratory import SAMPLES

from corsguard import CORSMiddleware, Policy
from corsguard.browser import LiveTransport, Unreachable, WireRequest, WireResponse
from corsguard.cli.group import group
from corsguard.cli.printing import Progress
from corsguard.diagnosis import har
from corsguard.diagnosis.checklist import beside, resolved_space
from corsguard.diagnosis.commands import curl
from corsguard.diagnosis.playing import Fetch, play

PAGE = "https://app.example.com"
API = "https://api.example.com/items"


def run(*arguments):
    result = CliRunner().invoke(group, ["check", *map(str, arguments)], prog_name="corsguard")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def data(*arguments):
    result = run(*arguments, "--json")
    return json.loads(result.stdout), result.exit_code


@pytest.fixture
def serve(monkeypatch):
    """
    Return what makes a WSGI application the target `served:app`.
    """

    def served(app):
        holder = type(sys)("served")
        holder.app = app
        monkeypatch.setitem(sys.modules, "served", holder)
        return "served:app"

    return served


class Server:
    """
    An application that answers what it is told, and remembers what it was asked.

    *preflight* and *response* are a status and header lines; *by_path* are responses of other paths.
    """

    def __init__(self, preflight=(204, ()), response=(200, ()), by_path=None):
        self.preflight, self.response, self.by_path = preflight, response, by_path or {}
        self.seen = []

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.seen.append(f"{method} {path}")
        status, lines = self.preflight if method == "OPTIONS" else self.by_path.get(path, self.response)
        start_response(f"{status} Status", [*lines])
        return [] if method == "HEAD" or status == 204 else [b"{}"]


def allow(origin=PAGE, **more):
    lines = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
    return [*lines, *((f"Access-Control-Allow-{name.title()}", value) for name, value in more.items())]


PUT = ["--page", PAGE, "--method", "PUT"]
TOKEN = ["--header", "X-Token: hidden-away"]

FAULTS = {
    "nothing is wrong": (Server(response=(200, allow())), ["--page", PAGE], []),
    "no layer at all": (Server(), ["--page", PAGE], ["missing_allow_origin"]),
    "everything about the preflight": (
        Server((405, [])),
        [*PUT, *TOKEN, "--credentials"],
        [
            "preflight_missing_allow_origin",
            "preflight_allow_credentials_not_true",
            "preflight_status",
            "method_not_allowed",
            "header_not_allowed",
        ],
    ),
    "a wildcard that never counts": (
        Server((200, allow("*", credentials="True", methods="*", headers="*"))),
        [*PUT, *TOKEN, "--credentials"],
        [
            "preflight_wildcard_with_credentials",
            "preflight_allow_credentials_not_true",
            "method_not_allowed",
            "header_not_allowed",
        ],
    ),
    "lists that are none": (
        Server((204, allow("null", methods="GET POST", headers='"x-token"'))),
        [*PUT, *TOKEN],
        [
            "preflight_allow_origin_mismatch",
            "allow_methods_unparsable",
            "allow_headers_unparsable",
            "method_not_allowed",
        ],
    ),
    "one header of two": (
        Server((204, allow(headers="x-token"))),
        ["--page", PAGE, *TOKEN, "--header", "X-Other: hidden-away"],
        ["header_not_allowed", "missing_allow_origin"],
    ),
    "a redirect of the preflight": (
        Server((301, [("Location", "/items/"), *allow(methods="PUT")])),
        PUT,
        ["preflight_redirect"],
    ),
    "the preflight, and then the response": (
        Server((204, []), (200, [])),
        ["--page", PAGE, *TOKEN],
        ["preflight_missing_allow_origin", "header_not_allowed", "missing_allow_origin"],
    ),
    "each hop": (
        Server(response=(302, [("Location", "/next")]), by_path={"/next": (200, allow("https://other.example"))}),
        ["--page", PAGE],
        ["missing_allow_origin", "allow_origin_mismatch"],
    ),
    "two layers": (
        Server(response=(200, [*allow("*"), *allow("*")])),
        ["--page", PAGE],
        ["multiple_allow_origin"],
    ),
    "a header that is not exposed": (
        Server(response=(200, [*allow(expose=""), ("X-Total", "3"), ("Set-Cookie", "a=1")])),
        ["--page", PAGE, "--read", "X-Total", "--read", "Set-Cookie", "--read", "X-Other", "--read", "Cache-Control"],
        ["not_exposed"] * 4,
    ),
    "a cookie that stays at home": (
        Server(response=(200, allow("https://other.example", credentials="true"))),
        ["--page", "https://other.example", "--set-cookie", "sid=12345; SameSite=Lax"],
        ["cookie"],
    ),
    "a response that is opaque": (Server(), ["--page", PAGE, "--mode", "no-cors", "--read", "X-Total"], ["opaque"]),
    "a redirect that is opaque": (
        Server(response=(302, [("Location", "/next"), *allow()])),
        ["--page", PAGE, "--redirect", "manual"],
        ["opaque"],
    ),
    "a circle": (
        Server(response=(302, [("Location", "/"), *allow()])),
        ["--page", PAGE],
        ["too_many_redirects"],
    ),
}


@pytest.mark.parametrize(("server", "arguments", "codes"), FAULTS.values(), ids=FAULTS.keys())
def test_all_faults_are_named_at_once(serve, server, arguments, codes):
    found, code = data(serve(server), *arguments)
    assert [fault["code"] for fault in found["faults"]] == codes
    assert code == (1 if codes else 0)
    assert all(fault["cause"] and fault["fix"] for fault in found["faults"])
    assert not any(fault["chromium"] in found["console"] for fault in found["faults"])


def test_what_a_missing_layer_leaves_out_is_one_change():
    """
    A layer that refuses the page says nothing else either, so what follows may go by itself.
    """
    policy = Policy(allow_origins=["https://other.example"], allow_methods=["PUT"])
    guarded = CORSMiddleware(Server(), policy)
    outcome = play(Fetch(page=PAGE, url=API, method="PUT"), transport(guarded))
    assert [(fault.code, fault.follows) for fault in outcome.faults] == [
        ("preflight_missing_allow_origin", False),
        ("preflight_status", True),
        ("method_not_allowed", True),
    ]
    server = Server((405, allow(methods="GET")))
    outcome = play(Fetch(page=PAGE, url=API, method="PUT"), transport(server))
    assert [fault.follows for fault in outcome.faults] == [False, False]


def transport(app):
    from corsguard.browser.transports import transport_for

    return transport_for(app)


# What is sent.

SENT = {
    "a GET, and twice more for caches": (Server(response=(200, allow())), [], ["GET /", "GET /", "GET /"]),
    "nothing after a preflight that fails": (Server((403, [])), ["--method", "DELETE"], ["OPTIONS /"]),
    "a POST of JSON neither": (Server((403, [])), ["--json-body", "{}"], ["OPTIONS /"]),
    "what a preflight permits": (Server((204, allow(methods="PUT"))), ["--method", "PUT"], ["OPTIONS /", "PUT /"]),
    "no more than the preflight, when told": (
        Server((204, allow(methods="PUT"))),
        ["--method", "PUT", "--preflight-only"],
        ["OPTIONS /"],
    ),
    "nothing at all, when told": (Server(), ["--preflight-only"], []),
    "a POST without a preflight": (Server(), ["--data", "text"], ["POST /"]),
    "a GET after a preflight that fails": (Server((204, [])), TOKEN, ["OPTIONS /", *["GET /"] * 3]),
    "no POST after a redirect that is refused": (
        Server(response=(307, [("Location", "/next")])),
        ["--data", "text"],
        ["POST /"],
    ),
    "a GET after a redirect that is refused": (
        Server(response=(303, [("Location", "/next")]), by_path={"/next": (200, [])}),
        ["--data", "text"],
        ["POST /", "GET /next"],
    ),
    "nothing to another host after a redirect that is refused": (
        Server(response=(302, [("Location", "https://api.example.org/next")])),
        [],
        ["GET /", "GET /", "GET /"],
    ),
    "a redirect to another host, as a browser": (
        Server(
            response=(302, [("Location", "https://app.example.com/next"), *allow()]), by_path={"/next": (200, allow())}
        ),
        [],
        ["GET /", "GET /next", "GET /", "GET /"],
    ),
}


@pytest.mark.parametrize(("server", "arguments", "seen"), SENT.values(), ids=SENT.keys())
def test_nothing_is_sent_that_a_browser_holds_back_and_nothing_twice(serve, server, arguments, seen):
    server.seen.clear()
    run(serve(server), "--page", PAGE, *arguments)
    assert server.seen == seen


def test_what_was_not_looked_at_is_said(serve):
    held, _ = data(serve(Server((403, []))), *PUT)
    assert held["unseen"].startswith("PUT was not sent, for no browser sends it before that is mended")
    away = Server(response=(302, [("Location", "https://api.example.org/next")]))
    assert "redirect to another host was not followed" in data(serve(away), "--page", PAGE)[0]["unseen"]
    only, code = data(serve(Server((204, allow(methods="PUT")))), *PUT, "--preflight-only")
    assert (only["unseen"], only["verdict"], code) == (
        "PUT was not sent, as --preflight-only says.",
        "the preflight passes",
        0,
    )


def test_a_circle_is_asked_anew_each_time():
    """
    The same request twice in one fetch is two requests; in the next round it is none.
    """
    answers = iter([("/items", ()), ("/items", ()), (None, ())])
    seen = []

    def answer(request):
        seen.append(request)
        location, lines = next(answers)
        where = () if location is None else (("Location", location),)
        return WireResponse(302 if where else 200, (*where, *lines))

    outcome = play(Fetch(page=PAGE, url=API), answer)
    assert [fault.code for fault in outcome.faults] == ["missing_allow_origin"] * 3
    assert len(seen) == len(outcome.exchanges) == 3
    assert outcome.response.status == 200


# Secrets.

SECRET = "s3cr3t/\u00e9 value"
ECHOED = f"{SECRET} t0ken-abc c00kie"
# Of what is long only the beginning is shown, which may end within a secret.
LONG = f"{'x' * 190}{SECRET}"
ECHOES = {
    "Access-Control-Allow-Origin": [ECHOED, LONG],
    "Access-Control-Allow-Credentials": [LONG],
    "Access-Control-Expose-Headers": [LONG],
    "Location": [f"/next?token={ECHOED}", f"/{ECHOED}"],
    "Server": [ECHOED, LONG],
    "Vary": [ECHOED, LONG],
    "Set-Cookie": [f"sid={ECHOED}; Path=/"],
    "X-Echo": [ECHOED, LONG],
}


@pytest.mark.parametrize(("header", "value"), [(header, value) for header in ECHOES for value in ECHOES[header]])
@pytest.mark.parametrize("more", [[], ["--json"], ["--curl"]], ids=["text", "JSON", "curl"])
def test_no_secret_is_shown_even_where_a_server_echoes_it(serve, tmp_path, header, value, more):
    file = tmp_path / "saved.har"
    server = Server((405, [(header, value)]), (302 if header == "Location" else 200, [(header, value)]))
    arguments = ["--page", PAGE, "--credentials", "--read", "X-Echo", "--har", file, *more]
    secrets = [
        "--header",
        f"X-Token: {SECRET}",
        "--header",
        "Authorization: Bearer t0ken-abc",
        "--cookie",
        "sid=c00kie",
    ]
    for method in "GET", "PUT":
        result = run(serve(server), "--method", method, *arguments, *secrets)
        shown = result.stdout + result.stderr + file.read_text()
        for part in "s3cr3t", "t0ken", "c00kie":
            assert part not in shown, shown
        assert "(not shown)" in shown


def test_a_value_too_short_to_be_looked_for_is_not_shown_where_it_stands(serve, tmp_path):
    file = tmp_path / "saved.har"
    arguments = [serve(Server((204, allow(headers="x-pin")))), "--page", PAGE, "--header", "X-Pin: 789", "--har", file]
    for more in [], ["--json"], ["--curl"]:
        assert "789" not in run(*arguments, *more).stdout + file.read_text()


def test_what_is_no_secret_stays(serve):
    found = run(serve(Server((204, allow(methods="PUT")))), *PUT, "--header", "X-Flag: true", "--credentials").stdout
    assert "Access-Control-Allow-Credentials: true" in found
    found = run(serve(Server((204, []))), "--page", PAGE, "--header", "Content-Type: text/special").stdout
    assert "> Content-Type: text/special\n" in found


def test_a_bad_value_is_not_shown_in_an_error(serve):
    result = run(serve(Server()), "--header", "X-Token: s3cr3t\r\nvalue")
    assert (result.exit_code, "s3cr3t" in result.output) == (2, False)
    result = run(serve(Server()), "--header", "s3cr3t")
    assert (result.exit_code, "s3cr3t" in result.output) == (2, False)
    result = run("https://user:s3cr3t@api.example.com/")
    assert (result.exit_code, "s3cr3t" in result.output) == (2, False)


# What is printed.


def test_the_cause_comes_first_and_then_the_line_to_change(serve):
    server = Server((405, [("Server", "nginx")]))
    found = run(serve(server), *PUT, *TOKEN, "--url", "/items/1")
    assert found.exit_code == 1
    assert found.stdout.split("\n\n") == [
        "BLOCKED: PUT https://api.example.com/items/1, asked by a page on https://app.example.com",
        """\
1. The answer to the preflight (405) has no Access-Control-Allow-Origin.
   Status 405. OPTIONS reaches the router, which has no route for it: the CORS layer has to answer preflights first. \
If a proxy in front refuses it, that one has to let it through. \
Put the CORS layer outermost (CORSMiddleware around everything, or first in MIDDLEWARE).
       send:   Access-Control-Allow-Origin: https://app.example.com
       send:   Vary: Origin
       policy: allow_origins=["https://app.example.com"]
   What lets the page in then has to say this, too:
       send:   204 No Content
       send:   Access-Control-Allow-Methods: GET, HEAD, POST, PUT
       policy: allow_methods=["GET", "HEAD", "POST", "PUT"]
       send:   Access-Control-Allow-Headers: X-Token
       policy: allow_headers=["X-Token"]
   Chromium: Access to fetch at 'https://api.example.com/items/1' from origin 'https://app.example.com' has been \
blocked by CORS policy: Response to preflight request doesn't pass access control check: No \
'Access-Control-Allow-Origin' header is present on the requested resource.
   Firefox:  Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at \
https://api.example.com/items/1. (Reason: CORS header \u2018Access-Control-Allow-Origin\u2019 missing). \
Status code: 405.
   Safari:   Preflight response is not successful. Status code: 405""",
        """\
Not looked at: PUT was not sent, for no browser sends it before that is mended; what answers it may have faults of its \
own. Check again then.""",
        """\
Checked:
  ok  reachable        https://api.example.com/items/1 answers (Server: nginx)
  ok  preflight        sent, because of the method PUT and the header x-token
  NO    status         405, from nginx
  NO    Allow-Origin   absent
  NO    Allow-Methods  absent
  NO    Allow-Headers  absent
  --    Max-Age        absent: browsers ask again after 5 s
  --  response         not looked at
  --  credentials      not asked for (--credentials)
  ok  one layer        no header of CORS came twice""",
        """\
On the wire:
  1. OPTIONS https://api.example.com/items/1 (preflight)
     > Access-Control-Request-Method: PUT
     > Access-Control-Request-Headers: x-token
     > Origin: https://app.example.com
     < 405
     < Server: nginx
""",
    ]


def test_a_verdict_says_what_its_fix_says(serve):
    corp = Server(response=(200, [("Cross-Origin-Resource-Policy", "same-origin")]))
    found = run(serve(corp), "--page", PAGE, "--mode", "no-cors").stdout
    assert found.startswith("FAILED, AND THIS IS NOT CORS: ")
    assert "\n   Not CORS: the page asked with mode no-cors" in found
    assert "     < cross-origin-resource-policy: same-origin\n" in found.lower()
    assert run(serve(Server()), "--page", PAGE).stdout.startswith("BLOCKED: ")


def test_what_was_sent_is_shown_once_in_text_and_in_data(serve):
    circle = Server(response=(302, [*allow(), ("Location", "/next")]), by_path={})
    text = run(serve(circle), "--page", PAGE).stdout
    assert "\n      ... 13 more ...\n" in text
    found, _ = data(serve(circle), "--page", PAGE, "--header", "X-Pin: 789")
    (first, *_) = found["exchanges"]
    assert ["Access-Control-Request-Headers", "x-pin"] in first["headers"]
    assert {name.lower() for name, _ in first["headers"]} <= {
        "access-control-request-headers",
        "access-control-request-method",
        "origin",
    }


def test_the_same_change_is_told_once(serve):
    server = Server(response=(302, [("Location", "/next")]), by_path={"/next": (302, [("Location", "/last")])})
    server.by_path["/last"] = (200, [])
    found = run(serve(server), "--page", PAGE).stdout
    assert found.count("send:   Access-Control-Allow-Origin") == 1
    assert found.count("Firefox: ") == 1
    assert "\n3. The response (200) has no Access-Control-Allow-Origin.\n   The origin is not listed" in found
    found = run(serve(Server((204, []))), "--page", PAGE, *TOKEN).stdout
    assert "\n2. The response (200) has no Access-Control-Allow-Origin.\n   The change is the same as above.\n" in found


def test_without_a_terminal_there_is_no_colour_and_json_stands_alone(serve):
    assert "\x1b" not in run(serve(Server())).stdout
    found, _ = data(serve(Server()), "--curl")
    assert [*found] == [
        "verdict",
        "is_readable",
        "page",
        "origin",
        "url",
        "method",
        "credentials",
        "assumed",
        "faults",
        "changes",
        "unseen",
        "look_alike",
        "console",
        "checked",
        "exchanges",
        "curl",
    ]


PERMISSION = "Chromium asks the user for permission (Local Network Access), which no header can give."
ROWS = {
    "Max-Age, and who keeps it less long": (
        Server((204, [*allow(methods="PUT"), ("Access-Control-Max-Age", "86400")])),
        PUT,
        ("--", "Max-Age", "86400 s; Chromium keeps it 7200 s at most, Safari keeps it 600 s at most"),
    ),
    "Max-Age that is no number": (
        Server((204, [*allow(methods="PUT"), ("Access-Control-Max-Age", "1 day")])),
        PUT,
        ("--", "Max-Age", "no number: browsers ask again after 5 s"),
    ),
    "two layers that agree in part": (
        Server((204, [*allow(methods="PUT"), ("Access-Control-Allow-Methods", "GET")])),
        PUT,
        ("NO", "one layer", "two layers answer: access-control-allow-methods came twice; take it out of all but one"),
    ),
    "what a preflight is for": (Server(), TOKEN, ("ok", "preflight", "sent, because of the header x-token")),
    "no preflight is needed": (Server(response=(200, allow())), [], ("--", "preflight", "none: it needs none")),
    "the page's own origin": (
        Server(),
        ["--url", f"{PAGE}/items"],
        ("--", "CORS", "the page's own origin: nothing has to be shared"),
    ),
    "cookies of another site": (
        Server(response=(200, allow("https://other.example", credentials="true"))),
        ["--page", "https://other.example", "--set-cookie", "sid=12345; SameSite=None; Secure"],
        ("ok", "cookies", "sent; not where a browser blocks third-party cookies (Safari always does)"),
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
    "an unshared GET": (Server(), [], ("NO", "Allow-Origin", "absent")),
}


@pytest.mark.parametrize(("server", "arguments", "row"), ROWS.values(), ids=ROWS.keys())
def test_the_list_says_where_to_look(serve, server, arguments, row):
    page = [] if "--page" in arguments else ["--page", PAGE]
    found, _ = data(serve(server), *page, *arguments)
    assert row in [(one["mark"], one["name"], one["text"]) for one in found["checked"]]


SAFARI = {
    "preflight status, whatever else": (
        Server((404, [])),
        PUT,
        "Preflight response is not successful. Status code: 404",
    ),
    "missing": (
        Server(),
        [],
        "Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 200",
    ),
    "a list": (
        Server(response=(200, allow("https://a.example, https://b.example"))),
        [],
        "Access-Control-Allow-Origin cannot contain more than one origin.",
    ),
    "a list without commas": (
        Server(response=(200, allow("https://a.example https://b.example"))),
        [],
        "Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 200",
    ),
    "a response that is none": (
        Server(response=(404, [])),
        [],
        "Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 404",
    ),
    "a method": (
        Server((204, allow())),
        PUT,
        "Method PUT is not allowed by Access-Control-Allow-Methods.",
    ),
    "Authorization under a wildcard, which passes": (
        Server((204, allow("*", headers="*"))),
        ["--header", "Authorization: Bearer 12345"],
        "",
    ),
}


@pytest.mark.parametrize(("server", "arguments", "line"), SAFARI.values(), ids=SAFARI.keys())
def test_safari_words_it_in_its_own_way(serve, server, arguments, line):
    found, _ = data(serve(server), "--page", PAGE, *arguments)
    assert found["faults"][0]["safari"] == line


# Beside CORS.


def by_origin(allowed, varies=(), lines=()):
    """
    Return an application that shares with those *allowed* and sends `Vary: Origin` to those in *varies*; "" is nobody.
    """

    def app(environ, start_response):
        origin = environ.get("HTTP_ORIGIN", "")
        shared = [("Access-Control-Allow-Origin", allowed(origin))] if allowed(origin) else []
        start_response("200 OK", [*shared, *([("Vary", "Accept, Origin")] if origin in varies else []), *lines])
        return []

    return app


STRANGER = "https://stranger.example"
CACHES = {
    "echoed, and never varied": (by_origin(lambda origin: origin), "no answer has Vary: Origin"),
    "echoed, and varied to itself only": (
        by_origin(lambda origin: origin, [PAGE]),
        "the answer to a page elsewhere and to no Origin lacks Vary: Origin",
    ),
    "sent only where there is an Origin": (
        by_origin(lambda origin: origin and "*", [PAGE, STRANGER]),
        "the answer to no Origin lacks Vary: Origin",
    ),
    "listed, and varied": (by_origin(lambda origin: origin == PAGE and origin, [PAGE, STRANGER, ""]), None),
    "a constant": (by_origin(lambda _: "*"), None),
    "never stored": (by_origin(lambda origin: origin, lines=[("Cache-Control", "private, no-store")]), None),
    "any request header": (by_origin(lambda origin: origin, lines=[("Vary", "*")]), None),
}


@pytest.mark.parametrize(("app", "said"), CACHES.values(), ids=CACHES.keys())
def test_what_depends_on_the_origin_has_to_vary(serve, app, said):
    found, _ = data(serve(app), "--page", PAGE)
    (row,) = [row for row in found["checked"] if row["name"] == "Vary"]
    if said is None:
        assert (found["faults"], row["mark"]) == ([], "ok")
    else:
        (fault,) = found["faults"]
        assert (fault["code"], row["mark"]) == ("cache", "NO")
        assert said in fault["cause"]


def test_a_cache_that_cannot_be_looked_for_is_no_fault():
    answers = iter([WireResponse(200, tuple(allow()))])

    def answer(request):
        for response in answers:
            return response
        raise Unreachable("it has gone")

    asked = Fetch(page=PAGE, url=API)
    assert [*beside(asked, play(asked, answer), [], answer, str)] == []


READ = {
    "X-Other": "    send:   X-Other: ...",
    "Set-Cookie": "Put into the body what the page has to know.",
    "X-Total": (
        '    send:   Access-Control-Expose-Headers: X-Seen, X-Total\n    policy: expose_headers=["X-Seen", "X-Total"]'
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_a_page_reads_has_to_be_exposed(serve, name):
    exposed = ("Access-Control-Expose-Headers", "X-Seen, *")
    lines = [*allow("https://app.example.com", credentials="true"), exposed, ("X-Total", "3"), ("X-Seen", "1")]
    server = Server(response=(200, [*lines, ("Set-Cookie", "a=1; SameSite=None; Secure")]))
    found, _ = data(serve(server), "--page", PAGE, "--credentials", "--read", "X-Seen", "--read", name)
    (fault,) = found["faults"]
    assert fault["cause"].startswith(f"{name} cannot be read: ")
    assert fault["fix"]["text"].endswith(READ[name])


SPACES = [
    ("https://api.corp.example/", PAGE, ["10.0.0.7"], "api.corp.example is at 10.0.0.7: a page from a public network"),
    ("https://api.corp.example/", PAGE, ["192.0.2.7"], None),
    ("https://api.corp.example/", "http://localhost:3000", ["10.0.0.7"], None),
    ("https://10.0.0.7/", PAGE, ["10.0.0.7"], None),
]


@pytest.mark.parametrize(("url", "page", "addresses", "said"), SPACES)
def test_a_public_name_of_a_private_address_needs_permission(url, page, addresses, said):
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


LOOK_ALIKES = [
    (403, b"<h1>CSRF verification failed</h1>", "protection against CSRF"),
    (401, b"", "not logged in, or not allowed"),
    (404, b"", "Nothing is there"),
    (405, b"", "The method is not served there"),
    (503, b"", "A proxy or the server itself says so"),
    (500, b"", "the server's log"),
    (200, b"", ""),
]


@pytest.mark.parametrize(("status", "body", "said"), LOOK_ALIKES)
def test_what_is_shared_and_refused_is_no_matter_of_cors(serve, status, body, said):
    def app(environ, start_response):
        start_response(f"{status} Status", allow("*"))
        return [body]

    found, code = data(serve(app), "--page", PAGE)
    assert (found["is_readable"], code) == (True, 0)
    assert said in found["look_alike"]
    assert found["look_alike"].startswith("This is not CORS") is bool(said)


def test_what_is_blocked_is_not_said_to_be_readable(serve):
    found, _ = data(serve(Server(response=(500, []))), "--page", PAGE)
    assert found["look_alike"].startswith("And once the page may read the answer, its status is 500, which is not CORS")


def test_a_preflight_that_let_the_page_in_shows_that_the_origin_is_listed(serve):
    """
    A gateway answers preflights, and what stands behind it sends nothing; Vary does not mislead.
    """
    gateway = Server((204, allow(methods="PUT")), (200, [("Vary", "Origin")]))
    (fault,) = data(serve(gateway), *PUT)[0]["faults"]
    assert fault["fix"]["words"].startswith("The preflight let this origin in, so it is listed: ")
    (fault,) = data(serve(gateway), "--page", PAGE)[0]["faults"]
    assert "does not list this origin" in fault["fix"]["words"]
    failing = Server((204, allow(methods="PUT")), (500, []))
    (fault,) = data(serve(failing), *PUT)[0]["faults"]
    assert fault["fix"]["words"].startswith("Status 500. ")


def test_no_page_is_told_to_ask_a_login_page(serve):
    server = Server((302, [("Location", "https://sso.example.com/login")]))
    redirect, *_ = data(serve(server), *PUT)[0]["faults"]
    assert redirect["code"] == "preflight_redirect"
    assert "fetch(" not in redirect["fix"]["text"]


def test_a_line_to_change_is_said_once(serve):
    server = Server((302, [("Location", "/elsewhere")]))
    said = run(serve(server), *PUT, "--credentials").stdout.splitlines()
    assert sum(line.strip().startswith("policy: allow_origins=") for line in said) == 1


def test_a_cause_ends_with_one_stop():
    def broken(_):
        raise Unreachable("the server said nothing.")

    outcome = play(Fetch(page=PAGE, url=API), broken)
    assert outcome.faults[0].cause.endswith("nothing.")
    assert not outcome.faults[0].cause.endswith("..")


# What is assumed.


def test_a_whole_url_is_taken_for_its_origin(serve):
    found, _ = data(serve(Server()), "--page", "http://localhost:3000/items?a=1", "--url", API)
    assert (found["origin"], found["page"]) == ("http://localhost:3000", "http://localhost:3000")
    assert found["assumed"] == []


PAGES = [
    ("https://api.example.org/", "https://app.example.com"),
    ("http://api.example.org/", "http://app.example.com"),
    ("http://localhost:8000/", "http://localhost:3000"),
    ("http://localhost:3000/", "http://localhost:5173"),
    ("http://192.168.0.7/", "http://localhost:3000"),
]


@pytest.mark.parametrize(("url", "page"), PAGES)
def test_the_page_that_most_likely_asks_is_assumed_and_named(serve, url, page):
    found, _ = data(serve(Server()), "--url", url)
    assert (found["origin"], found["assumed"]) == (page, [f"a page on {page} (--page says which)"])


def test_a_body_is_posted_and_a_cookie_brings_credentials(serve):
    found, _ = data(serve(Server((204, allow(headers="content-type")), (200, allow()))), "--json-body", '{"a":  1}')
    request = found["exchanges"][-1]
    assert (found["method"], ["Content-Type", "application/json"] in request["headers"]) == ("POST", True)
    found, _ = data(serve(Server()), "--data", "a", "--method", "PATCH", "--header", "content-type: text/css")
    assert (found["method"], found["faults"][-1]["code"]) == ("PATCH", "header_not_allowed")
    assert data(serve(Server()), "--cookie", "sid=12345")[0]["credentials"] == "include"


def test_a_sandboxed_page_has_no_origin(serve):
    found, _ = data(serve(Server(response=(200, allow()))), "--page", "null")
    assert found["faults"][0]["code"] == "allow_origin_mismatch"
    assert ["Origin", "null"] in found["exchanges"][0]["headers"]


# Usage.

WRONG = {
    "no scheme": (["localhost:8000/items"], "A URL begins with its scheme: http://localhost:8000/items"),
    "no scheme, and no port": (["api.example.com/items"], "https://api.example.com/items"),
    "no URL": (["https://"], "is no URL"),
    "no page": ([API, "--page", "app.example.com"], "does not begin with a scheme"),
    "no origin": ([API, "--page", "a\nb"], "has a space"),
    "a pattern": ([API, "--page", "https://*.example.com"], "is a pattern; a page has one origin"),
    "a cookie with attributes": ([API, "--cookie", "sid=12345; Secure"], "Expected a cookie name=value"),
    "a cookie without a name": ([API, "--cookie", "12345"], "Expected a cookie name=value"),
    "a header without a colon": ([API, "--header", "X-Token"], 'Write --header "X-Token: 1"'),
    "no header name": ([API, "--header", "X Token: 1"], "'X Token' is no header name"),
    "no method": ([API, "--method", "P T"], "is no method name"),
    "no JSON": ([API, "--json-body", "{"], "it is no JSON"),
    "two bodies": ([API, "--json-body", "{}", "--data", "a"], "are two bodies"),
    "a body of a GET": ([API, "--method", "GET", "--data", "a"], "A GET has no body"),
    "a URL for a URL": ([API, "--url", API], "Leave out --url"),
    "no address": ([API, "--connect-to", "8000"], "is not [HOST=]ADDRESS:PORT"),
    "no port that there is": ([API, "--connect-to", "127.0.0.1:99999"], "is not [HOST=]ADDRESS:PORT"),
    "an address without its brackets": ([API, "--connect-to", "::1:8000"], "is not [HOST=]ADDRESS:PORT"),
    "an address for an application": (["served:app", "--connect-to", "127.0.0.1:80"], "Leave out --connect-to"),
    "a URL of an application that is none": (["served:app", "--url", "http://["], "is no URL"),
    "no attribute": (["served:nope"], "has no nope"),
    "no certificates": ([API, "--cacert", __file__], "has no certificates"),
    "a certificate file that is missing": ([API, "--cacert", "missing.pem"], "No such file"),
    "no time": ([API, "--timeout", "0"], "not in the range"),
    "a cookie that no browser keeps": ([API, "--set-cookie", "sid=12345; SameSite=None"], "add Secure"),
    "a file that cannot be written": (["served:app", "--har", "missing/x.har"], "cannot be written"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_asked_is_a_usage_error_that_names_the_fix(serve, arguments, said):
    serve(Server())
    result = run(*arguments)
    assert (result.exit_code, said in result.stderr) == (2, True), result.output


# Curl.


def test_curl_commands_are_quoted_for_a_shell_and_secrets_are_variables(serve):
    server = Server(
        (204, allow(methods="P'T", headers="x-$token`id`, content-type", credentials="true")), (200, allow())
    )
    url = "/it's?[a]=$HOME`id`"
    body = '{"a": "it\'s $HOME"}'
    arguments = ["--method", "P'T", "--json-body", body, "--cookie", "sid=c00kie", "--header", "X-$token`id`: s3cr3t"]
    found, _ = data(serve(server), "--page", PAGE, "--url", url, *arguments, "--curl")
    preflight, request = (arguments_of(line, X__TOKEN_ID_="s3cr3t", COOKIE="sid=c00kie") for line in found["curl"])
    assert preflight[:5] == ["-i", "-X", "OPTIONS", "--globoff", f"https://api.example.com{url}"]
    assert preflight[-8:-6] == ["-H", "Origin: https://app.example.com"]
    assert request[:3] == ["-i", "-X", "P'T"]
    pairs = [request[place + 1] for place, word in enumerate(request) if word == "-H"]
    assert {"X-$token`id`: s3cr3t", "Cookie: sid=c00kie", "Content-Type: application/json"} <= {*pairs}
    assert request[-2:] == ["--data-raw", body]


def arguments_of(command, **variables):
    script = 'curl() { for word in "$@"; do printf "%s\\0" "$word"; done; }; ' + command
    done = subprocess.run(["sh", "-c", script], env=variables, capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


def test_curl_sends_what_is_empty_and_trusts_whom_the_check_trusts():
    request = WireRequest("GET", API, (("Accept", "*/*"), ("X-Empty", ""), ("1-X", "s3cr3t")))
    line = curl(request, {"1-x"}, connect_to={}, cacert="my ca.pem")
    words = [API, "-H", "X-Empty;", "-H", "1-X: s3cr3t", "--cacert", "my ca.pem"]
    assert arguments_of(line, H_1_X="s3cr3t") == ["-i", *words]


def test_of_many_lines_a_part_is_shown(serve):
    lines = [("Access-Control-Allow-Headers", f"x-{number}") for number in range(40)]
    found = run(serve(Server(response=(200, lines))), "--page", PAGE).stdout
    assert "     < Access-Control-Allow-Headers: x-23\n     < ... 16 more\n" in found


def test_curl_connects_where_the_check_does():
    with served_http(Server(response=(200, allow()))) as port:
        url = "http://api.example.com/items"
        found, code = data(url, "--page", PAGE, "--connect-to", f"127.0.0.1:{port}", "--curl", "--method", "HEAD")
    assert (code, found["faults"][0]["code"]) == (1, "mixed_content")
    with served_http(Server(response=(200, allow("http://app.example.com")))) as port:
        arguments = ["--page", "http://app.example.com", "--connect-to", f"127.0.0.1:{port}", "--curl"]
        found, code = data(url, *arguments, "--method", "HEAD")
    assert (code, found["verdict"]) == (0, "readable")
    assert shlex.split(found["curl"][0]) == [
        *["curl", "--head", url, "-H", "Origin: http://app.example.com"],
        *["--connect-to", f"api.example.com:80:127.0.0.1:{port}"],
    ]


# Live servers.


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def served_http(app, context=None):
    """
    Serve *app* on loopback, and yield the port.
    """
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def test_a_live_server_is_asked_as_its_page_would(serve):
    server = Server((204, allow("http://localhost:3000", methods="PUT")), (200, allow("http://localhost:3000")))
    with served_http(server) as port:
        found, code = data(f"http://127.0.0.1:{port}/items", "--method", "PUT")
    assert (code, server.seen) == (0, ["OPTIONS /items", "PUT /items"])
    assert found["checked"][0]["text"].startswith(f"http://127.0.0.1:{port}/items answers (Server: WSGIServer")


def test_tls_is_verified_with_the_certificates_that_are_given(tmp_path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.example.com").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    with served_http(Server(response=(200, allow())), context) as port:
        arguments = [API, "--page", PAGE, "--connect-to", f"127.0.0.1:{port}"]
        found, code = data(*arguments)
        assert (code, found["verdict"], found["faults"][0]["code"]) == (3, "no response", "tls")
        assert data(*arguments, "--cacert", file)[1] == 0
        other = [f"{API.replace('api', 'other')}", *arguments[1:], "--cacert", file]
        assert "not valid for 'other.example.com'" in data(*other)[0]["faults"][0]["cause"]


def test_no_response_is_no_matter_of_cors():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = run(f"http://127.0.0.1:{port}/")
    assert result.exit_code == 3
    assert result.stdout.startswith("NO RESPONSE: GET http://127.0.0.1")
    assert "no matter of CORS: nothing listens at" in result.stdout


def test_a_wait_is_told(serve, monkeypatch):
    told = threading.Event()

    class Told(Progress):
        def _write(self, text):
            super()._write(text)
            if "Requests sent: 1" in text:
                told.set()

    def app(environ, start_response):
        assert told.wait(30)
        start_response("200 OK", allow())
        return []

    monkeypatch.setattr("corsguard.cli.printing._PATIENCE", 0)
    monkeypatch.setattr("corsguard.cli.printing._PAUSE", 0.001)
    monkeypatch.setattr("corsguard.cli.printing.Progress", Told)
    result = run(serve(app), "--page", PAGE, "--json")
    assert json.loads(result.stdout)["verdict"] == "readable"
    assert "Requests sent: 1" in result.stderr


def test_a_saved_har_tells_the_same_again(serve, tmp_path):
    file = tmp_path / "saved.har"
    server = Server((204, allow(methods="GET")))
    found, _ = data(serve(server), *PUT, *TOKEN, "--har", file)
    entries = json.loads(file.read_text())["log"]["entries"]
    assert [entry["request"]["method"] for entry in entries] == ["OPTIONS"]
    server = Server((204, allow(headers="x-token", methods="PUT")), (200, allow("https://other.example")))
    found, _ = data(serve(server), *PUT, *TOKEN, "--har", file)
    (replay,) = har.replays(har.read(str(file)))
    assert [fault.code for fault in replay.outcome.faults] == [fault["code"] for fault in found["faults"]]
    assert replay.outcome.faults[0].chromium == found["faults"][0]["chromium"]


def test_a_transport_that_is_asked_by_hand():
    with served_http(Server(response=(200, allow()))) as port, LiveTransport() as live:
        url = f"http://127.0.0.1:{port}/"
        outcome = play(Fetch(page="https://other.example", url=url), live)
    assert [fault.code for fault in outcome.faults] == ["allow_origin_mismatch"]
    assert [exchange.request for exchange in outcome.exchanges] == [
        WireRequest("GET", url, outcome.exchanges[0].request.headers)
    ]


def test_as_a_process_of_its_own(tmp_path):
    (tmp_path / "shop.py").write_text(
        "def app(environ, start_response):\n    start_response('200 OK', [])\n    return []\n"
    )
    command = [sys.executable, "-m", "corsguard", "check", "shop:app", "--page", PAGE, "--json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["faults"][0]["code"] == "missing_allow_origin"


# The laboratory.

BESIDE = {"cache", "cookie", "not_exposed", "opaque"}


@pytest.fixture(scope="module")
def lab():
    with laboratory.running() as running:
        yield running


ASKED = [
    pytest.param(sample, asked, id=f"{name}-{number}")
    for name, sample in SAMPLES.items()
    for number, asked in enumerate(sample.asked)
]


@pytest.mark.server
@pytest.mark.parametrize(("sample", "asked"), ASKED)
def test_the_laboratory_is_told_apart(lab, sample, asked):
    arguments = [sample.url, "--page", asked.page, "--cacert", lab.cacert, *as_arguments(asked.init)]
    for host, address in lab.addresses.items():
        arguments += ["--connect-to", f"{host}={address}"]
    if asked.cause == "x-total":
        arguments += ["--read", "X-Total"]
    found, code = data(*arguments)
    reasons = [fault["code"] for fault in found["faults"] if fault["code"] not in BESIDE]
    assert reasons[:1] == ([asked.reason] if asked.reason else [])
    text = run(*arguments).stdout
    assert asked.cause in text.lower()
    assert asked.fix in text
    if asked.reason in {"unreachable", "tls"}:
        assert code == 3
    elif sample.kind == "safe":
        assert code == (1 if asked.reason else 0)


def as_arguments(init):
    words = {"method": "--method", "mode": "--mode"}
    for name, value in init.items():
        if name in words:
            yield from (words[name], value)
        elif name == "json":
            yield from ("--json-body", json.dumps(value))
        elif name == "headers":
            for header, line in value.items():
                yield from ("--header", f"{header}: {line}")
        else:
            assert (name, value) == ("credentials", "include")
            yield "--credentials"


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
def test_vary_is_in_order_only_where_it_was_looked_at(serve, app, options, row):
    found, _ = data(serve(app), *options)
    assert [(one["mark"], one["text"]) for one in found["checked"] if one["name"] == "Vary"][-1] == row
