"""
A WebSocket is checked as its page would open it. A line about it is explained, under a policy too.
"""

import pytest
from fastapi import FastAPI, WebSocket
from kit.cases import APP, EVIL
from kit.checking import data, run
from kit.explaining import document
from kit.explaining import run as explain

from corsguard import CORSMiddleware, Policy, asgi, cors, diagnosis

FEED = "wss://api.example.com/feed"
LISTED = Policy(allow_origins=[APP], allow_credentials=True)
READERS = Policy(allow_origins=[APP])


async def opens(scope, receive, send):
    await receive()
    chosen = (scope["subprotocols"] or [None])[0]
    await send({"type": "websocket.accept", "subprotocol": chosen})


def missing(environ, start_response):
    start_response("404 Not Found", [])
    return []


def stale(environ, start_response):
    """
    Answer as a cache does, which does not know the key.
    """
    accept = ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    start_response("101 Switching Protocols", [("Upgrade", "websocket"), ("Connection", "Upgrade"), accept])
    return []


def answering(status, *lines):
    def app(environ, start_response):
        start_response(f"{status} Status", [*lines])
        return []

    return app


UPGRADED = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
SUBPROTOCOL = "Firefox still opens the WebSocket if the answer names no subprotocol"


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (answering(301, ("Location", "/feed/")), "The server redirects to wss://api.example.com/feed/, and a"),
        (answering(502), "a proxy or a gateway in front answers so because the application does not"),
        (answering(404), "Is there a WebSocket at this path?"),
        (stale, 'Sec-WebSocket-Accept is "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", which does not fit this handshake.'),
        (answering(101, *UPGRADED), "but Sec-WebSocket-Accept is missing in the answer."),
        (answering(101, *UPGRADED[:1] * 2), "but Upgrade came 2 times."),
    ],
)
def test_the_answer_to_a_handshake_says_what_is_wrong(app, said):
    (fault,) = diagnosis.check(app, page=APP, url=FEED, protocols=["v1"]).faults
    assert said in f"{fault.cause} {fault.fix.words}"
    assert not any(SUBPROTOCOL in note for note in fault.notes)


async def without_subprotocol(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})


def test_a_note_on_subprotocols_is_only_for_them():
    (fault,) = diagnosis.check(without_subprotocol, page=APP, url=FEED, protocols=["v1"]).faults
    assert any(SUBPROTOCOL in note for note in fault.notes)


GUARDED = asgi.CORSMiddleware(opens, {"/": LISTED, "/readers": READERS, "/open": "unguarded"})
PASSED = asgi.CORSMiddleware(opens, None, websockets="pass")


@pytest.mark.parametrize(
    ("app", "page", "url", "codes"),
    [
        (opens, EVIL, FEED, []),
        (GUARDED, APP, FEED, []),
        (GUARDED, "https://api.example.com", FEED, []),
        (GUARDED, EVIL, f"{FEED}/open", ["handshake_refused"]),
        (GUARDED, EVIL, "wss://api.example.com/open", []),
        (PASSED, EVIL, FEED, []),
        (missing, APP, FEED, ["handshake_refused"]),
        (stale, APP, FEED, ["handshake_invalid"]),
        (opens, APP, "ws://api.example.com/feed", ["mixed_content"]),
    ],
)
def test_a_handshake_is_checked(serve, app, page, url, codes):
    verdict, code = ("failed, and this is not CORS", 1) if codes else ("open", 0)
    found = diagnosis.check(app, page=page, url=url)
    assert (found.verdict, [fault.code for fault in found.faults]) == (verdict, codes)
    told, exit_code = data(serve(app), "--page", page, "--url", url)
    assert (told["verdict"], exit_code, told["is_readable"]) == (verdict, code, not codes)
    assert (told["url"], told["method"], told["credentials"]) == (url, "GET", "include")
    assert all(len(told["exchanges"]) == (fault["code"] != "mixed_content") for fault in told["faults"])
    shown = run(serve(app), "--page", page, "--url", url).stdout
    assert shown.startswith(f"{verdict.upper()}: GET {url}, requested by a page on {page}\n")
    for fault in found.faults:
        assert f"Chromium: {fault.chromium}\n" in shown
        assert f"Firefox:  {fault.firefox}\n" in shown
        assert fault.cause in shown


def test_a_missing_server_is_not_a_matter_of_cors():
    found = diagnosis.check({"https://other.example": opens}, page=APP, url=FEED)
    assert (found.verdict, found.faults[0].code) == ("no response", "unreachable")


@pytest.mark.parametrize(
    ("app", "rows"),
    [
        (opens, [("ok", "status", "101"), ("ok", "answer", "Upgrade, Connection, Sec-WebSocket-Accept and")]),
        (missing, [("NO", "status", "404")]),
        (stale, [("ok", "status", "101"), ("NO", "answer", 'Sec-WebSocket-Accept is "')]),
    ],
)
def test_these_parts_of_a_handshake_are_checked(app, rows):
    found = [row for row in diagnosis.check(app, page=APP, url=FEED).rows if row.name in {"status", "answer"}]
    assert [(row.mark, row.name) for row in found] == [row[:2] for row in rows]
    assert all(row.text.startswith(told) for row, (*_, told) in zip(found, rows, strict=True))


@pytest.mark.parametrize(
    ("app", "page", "place", "change"),
    [
        (GUARDED, EVIL, "asgi", {"allow_origins": [APP, EVIL], "allow_credentials": True}),
        (CORSMiddleware(missing, READERS), APP, "wsgi", {"allow_credentials": True}),
        (
            CORSMiddleware(missing, {"allow_origins": "*"}),
            APP,
            "wsgi",
            {"allow_origins": [APP], "allow_credentials": True},
        ),
    ],
)
def test_the_line_of_the_policy_is_named(app, page, place, change):
    (edit,) = diagnosis.check(app, page=page, url=FEED).rehearsal.edits
    assert (edit.place.form, edit.fix.policy, edit.problems) == (place, change, ())


def test_the_tag_of_a_starlette_endpoint_is_used():
    from starlette.applications import Starlette
    from starlette.routing import Route, WebSocketRoute

    @cors(allow_origins=[APP])
    async def feed(websocket):
        await websocket.accept()

    @cors(allow_origins=[EVIL], allow_methods=["PUT"])
    async def items(request):
        raise AssertionError(request)

    app = Starlette(routes=[WebSocketRoute("/feed", feed), Route("/items", items, methods=["PUT"])])
    asgi.CORSGuard(app, LISTED)
    (edit,) = diagnosis.check(app, page=APP, url=FEED).rehearsal.edits
    assert (edit.place.form, edit.fix.policy) == ("view", {"allow_credentials": True})
    (edit,) = diagnosis.check(app, page=APP, url="https://api.example.com/items", method="PUT").rehearsal.edits
    assert edit.fix.policy == {"allow_origins": [EVIL, APP]}


def test_a_handshake_that_the_guard_does_not_judge_needs_no_policy():
    async def closes(scope, receive, send):
        await send({"type": "websocket.close"})

    for app in (asgi.CORSMiddleware(closes, READERS, websockets=["/feed"]), asgi.CORSMiddleware(closes, LISTED)):
        found = diagnosis.check(app, page=APP, url=FEED)
        assert ([fault.code for fault in found.faults], found.rehearsal) == (["handshake_refused"], None)


def test_subprotocols_are_offered(serve):
    sent = []

    async def app(scope, receive, send):
        sent.append(scope["subprotocols"])
        await opens(scope, receive, send)

    told, code = data(serve(app), "--url", FEED, "--protocol", "chat", "--protocol", "other")
    assert (sent, code) == ([["chat", "other"]], 0)
    assert ["Sec-WebSocket-Protocol", "chat"] in told["exchanges"][0]["response_headers"]
    with pytest.raises(ValueError, match="protocols with a URL of ws: or wss: only"):
        diagnosis.check(app, protocols=["chat"])


def test_cookies_are_sent_and_not_shown(serve):
    shown = run(serve(opens), "--url", FEED, "--cookie", "sid=s3cr3t", "--curl").stdout
    assert "> Cookie: (not shown)\n" in shown
    assert "curl -i --http1.1 --max-time 5 https://api.example.com/feed" in shown
    assert "s3cr3t" not in shown
    told, code = data(serve(opens), "--url", FEED, "--page", EVIL, "--set-cookie", "sid=1; SameSite=Lax; Secure")
    assert (told["verdict"], [fault["code"] for fault in told["faults"]], code) == (
        "open, but with faults",
        ["cookie"],
        1,
    )


@pytest.mark.parametrize(
    "given",
    [
        ["-X", "PUT"],
        ["-X", "GET"],
        ["-H", "X-A: 1"],
        ["--data", "a"],
        ["--json-body", "1"],
        ["--mode", "no-cors"],
        ["--redirect", "manual"],
        ["--read", "X-A"],
        ["--preflight-only"],
    ],
)
def test_a_request_that_no_page_can_make_is_refused(serve, given):
    for arguments in ([serve(opens), "--url", FEED], [FEED]):
        result = run(*arguments, *given)
        assert result.exit_code == 2
        assert "A page can only choose the URL and the subprotocols: leave out --" in " ".join(result.output.split())


@pytest.mark.parametrize(
    "given", [{"method": "PUT"}, {"headers": {"X-A": "1"}}, {"body": b""}, {"read": ["X-A"]}, {"preflight_only": True}]
)
def test_a_request_that_no_page_can_make_is_a_value_error(given):
    with pytest.raises(ValueError, match="Expected only cookies and protocols for a WebSocket"):
        diagnosis.check(opens, url=FEED, **given)


def test_only_a_websocket_has_subprotocols(serve):
    result = run(serve(opens), "--protocol", "chat")
    assert (result.exit_code, "write wss://" in result.output) == (2, True)


@pytest.mark.server
def test_a_live_server_is_checked():
    from threading import Thread

    from websockets.sync.server import serve

    with serve(lambda ws: None, "127.0.0.1", 0, origins=["http://localhost:3000"]) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}/feed"
        assert data(url)[0]["verdict"] == "open"
        told, code = data(url, "--page", "http://localhost:4000")
        assert (code, told["faults"][0]["code"]) == (1, "handshake_refused")
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "wss://api.example.com/feed",
            "no route for a WebSocket fits /feed, and Starlette and FastAPI answer that with",
        ),
        ("wss://api.example.com/feed", "In this application, WebSockets are at /ws/feed, /sub/private: let the page"),
        ("wss://api.example.com/sub/feed", "no route for a WebSocket fits /sub/feed"),
        ("wss://api.example.com/items", "no route for a WebSocket fits /items"),
        ("wss://api.example.com/sub/private", "private, a dependency of it, or a middleware around it closes"),
        ("wss://api.example.com/other/feed", "other, a dependency of it, or a middleware around it closes"),
    ],
)
def test_an_endpoint_that_does_not_exist_is_not_a_matter_of_the_origin(url, words):
    app, sub = FastAPI(), FastAPI()

    @app.websocket("/ws/feed")
    async def feed(socket: WebSocket):
        await socket.accept()

    @sub.websocket("/private")
    async def private(socket: WebSocket):
        await socket.close()

    async def other(scope, receive, send):
        await receive()
        await send({"type": "websocket.close"})

    app.get("/items")(list)
    app.mount("/sub", sub)
    app.mount("/other", other)
    (fault,) = diagnosis.check(app, page=APP, url=url).faults
    assert words in fault.fix.words
    assert fault.fix.policy == {}


def test_what_the_guard_refuses_is_not_searched_for_in_the_endpoints():
    (fault,) = diagnosis.check(GUARDED, page=EVIL, url="wss://api.example.com/feed").faults
    assert "List the origin" in fault.fix.words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b"Failed to open a WebSocket connection: invalid Origin header: https://x.example.\n",
            "invalid Origin header: ",
        ),
        (
            b"Cross origin websockets not allowed",
            'It judges the Origin, and says: "Cross origin websockets not allowed".',
        ),
        (b"", "It may also want a login, or this path has no WebSocket"),
        (b"<html><p>The origin is down</p>", "It may also want a login"),
        (b"The original URL", "It may also want a login"),
    ],
)
def test_a_server_that_names_the_origin_judges_it(body, words):
    def refuses(environ, start_response):
        start_response("403 Forbidden", [])
        return [body]

    (fault,) = diagnosis.check(refuses, page=APP, url=FEED).faults
    assert words in fault.fix.words
    assert "List the origin where the WebSocket is served" in fault.fix.words


@pytest.mark.parametrize(
    ("page", "feed", "words", "never"),
    [
        ("http://app.example.com", "ws://api.example.com/feed", 'to open new WebSocket("wss://api.example.com', "null"),
        ("http://app.example.com", FEED, "does not list one.", "It then has"),
        ("null", FEED, "Do not list null", "List the origin"),
    ],
)
def test_what_no_policy_lists_another_server_may_list(page, feed, words, never):
    (fault,) = diagnosis.check(answering(403), page=page, url=feed).faults
    assert words in fault.fix.words
    assert never not in fault.fix.words
    assert ("List the origin where" in fault.fix.words, fault.fix.policy) == (page != "null", {})


REFUSED = f"WebSocket connection to '{FEED}' failed: Error during WebSocket handshake: Unexpected response code: 403"


@pytest.mark.parametrize(
    ("policy", "page", "reason", "change"),
    [
        (LISTED, APP, None, {}),
        (LISTED, "https://api.example.com", None, {}),
        (READERS, APP, "the policy does not allow credentials", {"allow_credentials": True}),
        ({"/feed": LISTED, "/": READERS}, APP, None, {}),
        (Policy(allow_origins="*"), APP, "list the origins", {"allow_origins": [APP], "allow_credentials": True}),
        (LISTED, EVIL, "It is not listed", {"allow_origins": [APP, EVIL], "allow_credentials": True}),
        ({"/other": LISTED}, EVIL, None, {}),
        ({"/feed": None, "/": LISTED}, APP, "it is closed", {}),
        ({"/feed": None, "/": LISTED}, "https://api.example.com", None, {}),
        ({"/feed": "unguarded", "/": LISTED}, EVIL, None, {}),
    ],
)
def test_a_line_is_judged_under_a_policy(policy, page, reason, change):
    (meaning,) = diagnosis.read_message(REFUSED, page=page, policy=policy)
    rehearsal = meaning.rehearsal
    if reason is None:
        assert rehearsal.error is None
        assert rehearsal.verdict == f"{FEED} opens for a page on {page}."
    else:
        assert rehearsal.error.failure.url == FEED
        assert reason in " ".join(rehearsal.reasons)
        assert {keyword: value for edit in rehearsal.edits for keyword, value in edit.fix.policy.items()} == change


def test_mixed_content_is_not_a_matter_of_a_policy():
    text = REFUSED.replace("wss:", "ws:")
    (meaning,) = diagnosis.read_message(text, page=APP, policy=LISTED)
    assert meaning.rehearsal.error is None


def test_a_line_is_explained_in_the_command(tmp_path):
    file = tmp_path / "cors.toml"
    file.write_text(f'allow_origins = ["{APP}"]\n')
    shown = explain("--policy", str(file), "--page", APP, REFUSED)
    assert shown.exit_code == 1
    assert "does not grant it:\n" in shown.stdout
    assert "\n    allow_credentials = true\n" in shown.stdout
    assert shown.stdout.rstrip().endswith(f"corsguard check {FEED} --page {APP}")
    (said,) = document("--policy", str(file), "--page", APP, REFUSED)["messages"]
    assert (said["is_cors"], said["url"], said["browser"]) == (False, FEED, "Chromium")
    assert said["under_policy"]["shared"] is False


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "the handshake has no login that the server accepts"),
        (404, "the status is 404"),
        (500, "the status is 500"),
        (403, "List the origin"),
    ],
)
def test_each_status_has_its_own_fix(status, words):
    text = REFUSED.replace("403", str(status))
    if status == 401:
        text = f"WebSocket connection to '{FEED}' failed: HTTP Authentication failed; no valid credentials available"
    (said,) = document(text)["messages"]
    assert words in said["fix"]["words"]
    assert ("allow_credentials" in said["fix"]["policy"]) == (status == 403)


def test_the_next_command_has_no_option_that_a_websocket_refuses():
    for text in (REFUSED, f"Firefox can\u2019t establish a connection to the server at {FEED}."):
        (said,) = document(text, "--credentials", "-X", "PUT", "-H", "X-A")["messages"]
        assert said["next"] == f"corsguard check {FEED} --page {APP}"
