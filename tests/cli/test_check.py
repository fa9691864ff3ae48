"""
`corsguard check` reads its options, prints the cause first, and shows no secret.
"""

import json
import sys
import threading

import pytest
from fastapi import FastAPI
from flask import Flask
from flask_cors import CORS
from kit.checking import API, PAGE, PUT, TOKEN, Server, allow, data, in_process, run
from starlette.middleware.cors import CORSMiddleware as StarletteMiddleware

from corsguard import CORSMiddleware, asgi, cors
from corsguard.cli.printing import Progress
from corsguard.diagnosis import LoadError, har, replaying
from corsguard.diagnosis.linting import lint
from corsguard_flask import CORSGuard

SECRET = "s3cr3t/\u00e9 value"
ECHOED = f"{SECRET} t0ken-abc c00kie"
# Only the beginning of a long value is shown. It may end within a secret.
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
def test_no_secret_is_shown_if_a_server_echoes_it(serve, tmp_path, header, value, more):
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


def test_a_value_too_short_to_be_searched_for_is_not_shown_in_its_own_place(serve, tmp_path):
    file = tmp_path / "saved.har"
    arguments = [serve(Server((204, allow(headers="x-pin")))), "--page", PAGE, "--header", "X-Pin: 789", "--har", file]
    for more in [], ["--json"], ["--curl"]:
        assert "789" not in run(*arguments, *more).stdout + file.read_text()


def test_a_value_that_is_not_secret_is_shown(serve):
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


def test_the_cause_comes_first_and_then_the_line_to_change(serve):
    server = Server((405, [("Server", "nginx")]))
    found = run(serve(server), *PUT, *TOKEN, "--url", "/items/1")
    assert found.exit_code == 1
    assert found.stdout.split("\n\n") == [
        "BLOCKED: PUT https://api.example.com/items/1, requested by a page on https://app.example.com",
        """\
1. The answer to the preflight (405) has no Access-Control-Allow-Origin.
   Status 405. OPTIONS reaches the router, which has no route for it, or none for this path: the CORS layer has to \
answer preflights first. \
If a proxy in front refuses OPTIONS, let the proxy pass it on. \
Put the CORS layer outermost (CORSMiddleware around everything, or first in MIDDLEWARE).
       send:   Access-Control-Allow-Origin: https://app.example.com
       send:   Vary: Origin
       policy: allow_origins=["https://app.example.com"]
   When the page is allowed, the answer also needs this:
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
Not checked: PUT was not sent, because no browser sends it before that is fixed. Its answer may have further \
faults: check again after the fix.""",
        """\
Checked:
  ok  reachable        https://api.example.com/items/1 answers (Server: nginx)
  ok  preflight        sent, because of the method PUT and the header x-token
  NO    status         405, from nginx
  NO    Allow-Origin   absent
  NO    Allow-Methods  absent
  NO    Allow-Headers  absent
  --    Max-Age        absent: browsers send the preflight again after 5 s
  --  response         not checked
  --  credentials      not asked for (--credentials)
  ok  one layer        no CORS header came twice""",
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


def test_a_verdict_agrees_with_its_fix(serve):
    corp = Server(response=(200, [("Cross-Origin-Resource-Policy", "same-origin")]))
    found = run(serve(corp), "--page", PAGE, "--mode", "no-cors").stdout
    assert found.startswith("FAILED, AND THIS IS NOT CORS: ")
    assert "\n   Not CORS: the page fetched with mode no-cors" in found
    assert "     < cross-origin-resource-policy: same-origin\n" in found.lower()
    assert run(serve(Server()), "--page", PAGE).stdout.startswith("BLOCKED: ")


def test_a_sent_request_is_shown_once_in_text_and_in_data(serve):
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


def test_one_change_is_reported_once(serve):
    server = Server(response=(302, [("Location", "/next")]), by_path={"/next": (302, [("Location", "/last")])})
    server.by_path["/last"] = (200, [])
    found = run(serve(server), "--page", PAGE).stdout
    assert found.count("send:   Access-Control-Allow-Origin") == 1
    assert found.count("Firefox: ") == 1
    third = (
        "\n3. After a redirect to https://api.example.com/last: the response (200) has no Access-Control-Allow-Origin."
    )
    assert f"{third}\n   The server does not list the origin" in found
    found = run(serve(Server((204, []))), "--page", PAGE, *TOKEN).stdout
    assert "\n2. The response (200) has no Access-Control-Allow-Origin.\n   The change is the same as above.\n" in found


def test_without_a_terminal_there_is_no_colour_and_only_json(serve):
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
        "warnings",
        "changes",
        "unseen",
        "look_alike",
        "predecessor",
        "console",
        "checked",
        "exchanges",
        "curl",
    ]


def test_one_line_to_change_is_printed_once(serve):
    server = Server((302, [("Location", "/elsewhere")]))
    said = run(serve(server), *PUT, "--credentials").stdout.splitlines()
    assert sum(line.strip().startswith("policy: allow_origins=") for line in said) == 1


def test_a_whole_url_is_read_as_its_origin(serve):
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
def test_the_most_likely_page_is_assumed_and_named(serve, url, page):
    found, _ = data(serve(Server()), "--url", url)
    assert (found["origin"], found["assumed"]) == (page, [f"a page on {page} (change it with --page)"])


@pytest.mark.parametrize(
    ("url", "policy", "page"),
    [
        ("https://api.example.com/", ["https://www.shop.example"], "https://www.shop.example"),
        ("wss://api.example.com/feed", ["https://www.shop.example"], "https://www.shop.example"),
        ("https://api.example.com/", ["https://*.shop.example", "http://localhost:3000"], "http://localhost:3000"),
        # A page with https may not ask http, and a page of the server's own origin needs no grant.
        ("http://api.example.com/", ["https://www.shop.example"], "http://app.example.com"),
        ("https://api.example.com/", ["https://api.example.com", "https://b.example"], "https://b.example"),
        ("https://api.example.com/", ["https://*.shop.example"], "https://app.example.com"),
        ("https://api.example.com/", "*", "https://app.example.com"),
        ("https://api.example.com/closed", ["https://www.shop.example"], "https://app.example.com"),
    ],
)
def test_a_page_that_the_policy_lists_is_assumed(serve, url, policy, page):
    """
    An option can name another one.
    """
    guarded = CORSMiddleware(Server(), {"/": {"allow_origins": policy}, "/closed": None})
    found, _ = data(serve(guarded), "--url", url)
    assert found["origin"] == page
    assert any(line.startswith(f"a page on {page}") for line in found["assumed"])


BEARER = ["--page", PAGE, "--method", "POST", "--header", "Authorization: Bearer hidden-away"]


def test_a_request_that_browsers_let_pass_is_a_warning(serve):
    """
    No browser stops for Authorization under *, so the request is sent. The standard forbids it, and the output says so.
    """
    server = Server((204, allow("*", headers="*")), (200, allow("*")))
    result = run(serve(server), *BEARER)
    assert (result.exit_code, server.seen) == (0, ["OPTIONS /", "POST /"])
    assert result.stdout.startswith("READABLE: POST")
    assert "Warning: The standard does not count Authorization among *" in result.stdout
    assert 'policy: allow_headers=["*", "Authorization"]' in result.stdout
    found, code = data(serve(server), *BEARER)
    assert (code, found["faults"], [one["code"] for one in found["warnings"]]) == (0, [], ["header_not_allowed"])


def test_a_request_that_browsers_refuse_is_a_fault(serve):
    """
    That is so with credentials, for another header, and if the answer to the request is at fault.
    """
    starred = Server((204, allow("*", headers="*")), (200, []))
    found, code = data(serve(starred), *BEARER)
    assert (code, [one["code"] for one in found["faults"]]) == (1, ["missing_allow_origin"])
    assert starred.seen == ["OPTIONS /", "POST /"]
    credentials = Server((204, allow(PAGE, headers="*", credentials="true")), (200, allow(PAGE)))
    found, code = data(serve(credentials), *BEARER, "--credentials")
    assert (code, found["faults"][0]["code"], credentials.seen) == (1, "header_not_allowed", ["OPTIONS /"])
    named = Server((204, allow("*", headers="X-Other")), (200, allow("*")))
    found, code = data(serve(named), *BEARER)
    assert (code, found["faults"][0]["code"], found["warnings"]) == (1, "header_not_allowed", [])


@pytest.mark.parametrize("page", [PAGE, "https://stranger.example"])
def test_an_exception_that_leaves_flask_is_not_a_fault_of_the_policy(serve, page):
    """
    The output does not say to list the origin, because it is listed. The debugger answers outside of the guard.
    """
    app = Flask("raising")
    app.debug = True
    app.add_url_rule("/", view_func=lambda: 1 / 0)
    CORSGuard(app, {"allow_origins": [PAGE]})
    found, code = data(serve(app), "--page", page)
    fix = found["faults"][0]["fix"]
    assert code == 1
    assert 'app.config["PROPAGATE_EXCEPTIONS"] = False' in fix["words"]
    assert (fix["policy"] == {}) is (page == PAGE)
    # Over the network, the layer is unknown. The output says which ones it may be.
    found, _ = data(serve(Server(response=(500, []))), "--page", PAGE)
    assert 'app.config["PROPAGATE_EXCEPTIONS"] = False' in found["faults"][0]["fix"]["words"]


def two_layers_of_flask():
    app = Flask("twice")
    app.add_url_rule("/", view_func=lambda: "content")
    CORS(app)
    CORSGuard(app, {"allow_origins": [PAGE]})
    return app


def two_layers_of_starlette():
    app = FastAPI()
    app.add_middleware(StarletteMiddleware, allow_origins=["*"])
    asgi.CORSGuard(app, {"allow_origins": [PAGE]})
    return app


@pytest.mark.parametrize(
    ("make", "library"), [(two_layers_of_flask, "flask-cors"), (two_layers_of_starlette, "Starlette's CORSMiddleware")]
)
def test_a_second_layer_is_reported_though_the_guard_replaces_it(serve, make, library):
    """
    Both check and lint name it.
    """
    name = serve(make())
    shown = run(name, "--page", PAGE).stdout
    assert f"{library} is there, too" in shown
    assert "ok  one layer" not in shown
    (problem,) = [problem for problem in lint(name).problems if problem.code == "W602"]
    assert library in problem.message


def tagged_flask():
    app = Flask("tagged")
    app.add_url_rule("/", view_func=cors(allow_origins=[PAGE])(lambda: "content"))
    return app


def tagged_fastapi():
    app = FastAPI()

    @app.get("/")
    @cors(allow_origins=[PAGE])
    def read() -> str:
        return "content"

    return app


@pytest.mark.parametrize("make", [tagged_flask, tagged_fastapi])
def test_tags_without_a_guard_only_need_the_guard(serve, make):
    """
    A policy for the whole application would share more than was tagged.
    """
    name = serve(make())
    shown = run(name, "--page", PAGE).stdout
    assert "    CORSGuard(app)  # its views have policies of their own by @cors\n" in shown
    assert "CORSGuard(app, {" not in shown
    with pytest.raises(LoadError, match=r"CORSGuard\(app\)  # its views"):
        lint(name)


def test_a_closed_path_is_called_closed_on_purpose(serve):
    guarded = CORSMiddleware(Server(), {"/": {"allow_origins": [PAGE]}, "/closed": None})
    shown = run(serve(guarded), "--url", "/closed/x", "--page", PAGE).stdout
    assert "The path is closed (None)" in shown
    assert shown.count("If pages of other origins may read /closed/x, write a policy in place of None.") == 1
    for guess in "a policy: under paths", "is not listed", "does not guard":
        assert guess not in shown


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


WRONG = {
    "no scheme": (["localhost:8000/items"], "A URL begins with its scheme: http://localhost:8000/items"),
    "no scheme, and no port": (["api.example.com/items"], "https://api.example.com/items"),
    "no URL": (["https://"], "is not a URL"),
    "no page": ([API, "--page", "app.example.com"], "does not begin with a scheme"),
    "no origin": ([API, "--page", "a\nb"], "Expected one origin"),
    "a pattern": ([API, "--page", "https://*.example.com"], "A page has one origin, and"),
    "a cookie with attributes": ([API, "--cookie", "sid=12345; Secure"], "Expected a cookie name=value"),
    "two cookies": ([API, "--cookie", "sid=12345; theme=dark"], "Expected one cookie, got several: write --cookie"),
    "a cookie without a name": ([API, "--cookie", "12345"], "Expected a cookie name=value"),
    "a header without a colon": ([API, "--header", "X-Token"], 'Write --header "X-Token: 1"'),
    "no header name": ([API, "--header", "X Token: 1"], "'X Token' is not a header name"),
    "not a method": ([API, "--method", "P T"], "is not a method name"),
    "not JSON": ([API, "--json-body", "{"], "it is not JSON"),
    "two bodies": ([API, "--json-body", "{}", "--data", "a"], "Expected --json-body or --data, got both"),
    "a body of a GET": ([API, "--method", "GET", "--data", "a"], "A GET has no body"),
    "a URL in place of an address": ([API, "--url", API], "Leave out --url"),
    "not an address": ([API, "--connect-to", "8000"], "is not [HOST=]ADDRESS:PORT"),
    "a port that does not exist": ([API, "--connect-to", "127.0.0.1:99999"], "is not [HOST=]ADDRESS:PORT"),
    "an address without its brackets": ([API, "--connect-to", "::1:8000"], "is not [HOST=]ADDRESS:PORT"),
    "an address for an application": (["served:app", "--connect-to", "127.0.0.1:80"], "Leave out --connect-to"),
    "a URL of a wrong application": (["served:app", "--url", "http://["], "Expected a URL"),
    "not an application": (["served:thing"], "an ASGI 3 application (scope, receive, send)"),
    "no attribute": (["served:nope"], "has no nope"),
    "no certificates": ([API, "--cacert", __file__], "has no certificates"),
    "a certificate file that is missing": ([API, "--cacert", "missing.pem"], "No such file"),
    "not a time": ([API, "--timeout", "0"], "not in the range"),
    "a cookie that no browser stores": ([API, "--set-cookie", "sid=12345; SameSite=None"], "add Secure"),
    "a file that cannot be written": (["served:app", "--har", "missing/x.har"], "cannot be written"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_option_is_a_usage_error_with_its_fix(serve, arguments, said):
    serve(Server())
    sys.modules["served"].thing = object()
    result = run(*arguments)
    assert (result.exit_code, said in result.stderr) == (2, True), result.output


def test_of_many_lines_only_some_are_shown(serve):
    lines = [("Access-Control-Allow-Headers", f"x-{number}") for number in range(40)]
    found = run(serve(Server(response=(200, lines))), "--page", PAGE).stdout
    assert "     < Access-Control-Allow-Headers: x-23\n     < ... 16 more\n" in found


def test_a_wait_is_announced(serve, monkeypatch):
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


def test_a_saved_har_gives_the_same_result(serve, tmp_path):
    file = tmp_path / "saved.har"
    server = Server((204, allow(methods="GET")))
    found, _ = data(serve(server), *PUT, *TOKEN, "--har", file)
    entries = json.loads(file.read_text())["log"]["entries"]
    assert [entry["request"]["method"] for entry in entries] == ["OPTIONS"]
    server = Server((204, allow(headers="x-token", methods="PUT")), (200, allow("https://other.example")))
    found, _ = data(serve(server), *PUT, *TOKEN, "--har", file)
    (replay,) = replaying.replays(har.read(str(file)))
    assert [fault.code for fault in replay.outcome.faults] == [fault["code"] for fault in found["faults"]]
    assert replay.outcome.faults[0].chromium == found["faults"][0]["chromium"]


def test_the_module_that_makes_a_refused_policy_is_named(tmp_path):
    text = "from corsguard import Policy\nPolicy(allow_origins='*', allow_credentials=True)\n"
    (tmp_path / "shop.py").write_text(text)
    done = in_process("check", "shop:app", "--page", PAGE, cwd=tmp_path)
    assert (done.returncode, "Usage" in done.stderr) == (2, False)
    assert "shop was found, and makes a policy that is refused (" in done.stderr
    assert "shop.py, line 2): this policy has 1 problem\nE301 " in done.stderr


def test_the_command_runs_as_a_process(tmp_path):
    (tmp_path / "shop.py").write_text(
        "def app(environ, start_response):\n    start_response('200 OK', [])\n    return []\n"
    )
    done = in_process("check", "shop:app", "--page", PAGE, "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout)["faults"][0]["code"] == "missing_allow_origin"
