# ruff: noqa: E501 - what a console prints in one line stands here in one
"""
A message is recognized: which failure it is about, and which details it names.

The messages are those of real consoles. The model's messages, which are copies of them, are read back too.
"""

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kit.explaining import API, APP, BLOCKED, CHECK, LOAD, MESSAGES, OLD, REDIRECTED, REFUSED, SAFARI
from kit.failures import FEED, LINES, SOCKET_LINES
from kit.pasted_lines import AT, FOUND, NO_HEADER, A, P
from kit.pasted_lines import LINES as PASTED
from kit.sharing import share

from corsguard.browser import Failure, Reason
from corsguard.diagnosis.consoles import LONGEST_MESSAGE, read
from corsguard.diagnosis.cores import CORES, VAGUE
from corsguard.diagnosis.lookalikes import LOOKALIKES
from corsguard.diagnosis.messages import SOCKET_URL, URL, Known
from corsguard.diagnosis.pasted import plain

ROOT = Path(__file__).parents[2]
CONSOLE_LINES = ROOT / "tests" / "kit" / "console_lines.json"
NOBODY = Known()
ROWS = (*CORES, *VAGUE)


@pytest.mark.parametrize(("text", "name", "page"), MESSAGES)
def test_a_message_is_recognized_with_its_page(text, name, page):
    (message,) = read(text, NOBODY)
    assert (message.name, message.origin) == (name, page)
    assert message.url in {API, URL} or API not in text
    assert ("websocket" in text.lower() or "wss://" in text) <= message.url.startswith(("ws", API))


def test_every_core_has_a_message_and_every_lookalike_a_row():
    pasted = (*(line.text for line in PASTED), *(line["line"] for line in FOUND))
    flat = [plain(text) for text in (*(text for text, *_ in MESSAGES), *pasted, *MORE)]
    assert [row.core.pattern for row in ROWS if not any(row.core.search(text) for text in flat)] == []
    # No line says these, only an answer that was pasted.
    assert {row.means for row in ROWS} - {*Reason} == {*LOOKALIKES} - {
        "no_credentials_only",
        "options_alone",
        "preflight_passes",
    }


# Further forms, for rows that no message above needs.
MORE = [
    "TypeError: Window.fetch: Invalid request method TRACE.",
    f"{LOAD}BAD_SSL_CLIENT_AUTH_CERT",
    f"{LOAD}INVALID_REDIRECT",
    f"{LOAD}CACHE_MISS",
    f"{LOAD}INCOMPLETE_CHUNKED_ENCODING",
    f"{LOAD}UNSAFE_REDIRECT",
    f"{LOAD}BLOCKED_BY_RESPONSE.NotSameSite",
    'Fetch API cannot load foo://x/. URL scheme "foo" is not supported.',
    "Header Access-Control-Allow-Headers has an invalid value: A B",
    "Security Error: Content at https://app.example.com/ may not load or link to file:///x.",
    "Security Error: Content at https://app.example.com/ may not load data from foo://x/.",
    'Fetch API cannot load https://x/. Request mode is "no-cors" but the redirect mode is not "follow".',
    "[blocked] The page at https://a was not allowed to display insecure content from http://b.",
    "Not same-origin",
]
# Details that a line does not have, or has in another form than the model.
OTHERWISE = {
    "missing_allow_origin": {"redirect_unparsable", "unreachable"},
    "multiple_allow_origin": {"allow_origin_mismatch"},
    "preflight_redirect": {"allow_credentials_not_true", "missing_allow_origin"},
    "allow_headers_unparsable": {"method_not_allowed"},
    "redirect_bad_scheme": {"bad_scheme", "unreachable", "not_told", "same_origin_mode", "same_origin_load"},
    "same_origin_mode": {"same_origin_load"},
}
SILENT = {"not_told", "unreachable"}


@pytest.mark.parametrize("line", [pytest.param(line, id=f"{index}") for index, line in enumerate(LINES)])
def test_a_line_of_the_model_is_read_back(line):
    failure, chromium, firefox = line
    (ours,), (theirs,) = read(chromium, NOBODY), read(firefox, NOBODY)
    others = OTHERWISE.get(failure.code, set())
    assert ours.name in {failure.code, "not_told", *others}
    # Firefox says the same about a preflight and about the response itself.
    assert theirs.name in {failure.code, failure.reason, *SILENT, *others}


@pytest.mark.parametrize("line", [pytest.param(line, id=f"{index}") for index, line in enumerate(SOCKET_LINES)])
def test_a_line_of_the_model_about_a_websocket_is_read_back(line):
    """
    Chromium's line names the failure with its details. Firefox's line is the same for all failures.
    """
    failure, chromium, firefox = line
    (ours,), (theirs,) = read(chromium, NOBODY), read(firefox, NOBODY)
    found = ours.failure
    assert (ours.name, found.mode, found.url, ours.is_handshake) == (failure.code, "websocket", failure.url, True)
    if failure.reason is Reason.HANDSHAKE_INVALID:
        assert found.value == failure.value
    if failure.reason is Reason.HANDSHAKE_REFUSED:
        assert found.exchange.response.status == failure.exchange.response.status
    # For one failure Firefox has a line without a URL.
    assert (theirs.name, theirs.url) in {("websocket", FEED), ("insecure_call", URL)}


HTTPS_PAGE = (
    "Mixed Content: The page at 'https://app.example.com/' was loaded over HTTPS, but attempted to connect to the "
    "insecure WebSocket endpoint"
)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("WebSocket opening handshake timed out", SOCKET_URL),
        ("SecurityError: The operation is insecure.", URL),
        (f"{HTTPS_PAGE} 'ws://api.example.com/feed'. This request has been blocked", "ws://api.example.com/feed"),
    ],
)
def test_a_websocket_has_a_url_with_its_own_scheme(text, url):
    (message,) = read(text, NOBODY)
    assert (message.url, "url" in message.assumed) == (url, url in {URL, SOCKET_URL})


def test_websockets_pasted_together_are_separated():
    # Each has a different URL, because a second line on one URL would only repeat the first.
    chromium = [line.replace("/feed", f"/{number}") for number, (_, line, _) in enumerate(SOCKET_LINES[::2][:2])]
    firefox = "Firefox can\u2019t establish a connection to the server at wss://other.example/."
    left = "The connection to wss://other.example/ was interrupted while the page was loading."
    found = read("\n".join([*chromium, firefox, left]), NOBODY)
    assert [message.name for message in found] == ["handshake_refused", "unreachable", "websocket", "interrupted"]


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_the_recorded_lines_of_real_consoles_are_recognized(engine):
    """
    They come from the laboratory.
    """
    rows = [row for row in json.loads(CONSOLE_LINES.read_text()) if row["engine"] == engine]
    assert rows
    for row in rows:
        (message,) = read(row["text"], NOBODY)
        reason = row["reason"]
        # Only Chromium says why a connection broke off, and not through a proxy.
        broken_off = {"unreachable"} if reason in {"tls", "too_many_redirects", "redirect_userinfo"} else set()
        alike = {reason.removeprefix("preflight_")} if engine == "firefox" else set()
        otherwise = OTHERWISE.get(reason, OTHERWISE.get(reason.removeprefix("preflight_"), set()))
        assert message.name in {reason, *alike, *broken_off, *otherwise}, row
        assert message.url in row["text"] if ".lab.example" in row["text"] else message.url == URL, row


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
@pytest.mark.parametrize("distance", [1, 40, pytest.param(7, marks=pytest.mark.long)])
def test_each_of_two_recorded_lines_is_read_as_if_it_were_alone(engine, distance):
    recorded = json.loads(CONSOLE_LINES.read_text(encoding="utf-8"))
    lines = [line["text"] for line in recorded if line["engine"] == engine]
    read_alone = {line: read(line, NOBODY) for line in lines}
    for one, other in zip(lines, [*lines[distance:], *lines[:distance]], strict=True):
        alone = [*read_alone[one], *read_alone[other]]
        if len({message.url for message in alone}) == len(alone):
            together = read(f"{one}\n{other}", NOBODY)
            assert [(told.name, told.url) for told in together] == [(told.name, told.url) for told in alone]


def test_words_in_a_url_say_nothing_about_the_failure():
    for word in ("preflight", "csrf", "websocket", "samesite", "curl", "address space", "CORB", "no-cors"):
        url = f"https://{word.replace(' ', '-')}.example/{word.replace(' ', '%20')}"
        (message,) = read(f"GET {url} net::ERR_CONNECTION_REFUSED", NOBODY)
        assert (message.name, message.url) == ("unreachable", url)
        (message,) = read(MESSAGES[0][0].replace(API, url), NOBODY)
        assert (message.name, message.url) == ("missing_allow_origin", url)


def failure_in(text, known=NOBODY):
    (message,) = read(text, known)
    assert isinstance(message.failure, Failure)
    return message.failure


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (f"{BLOCKED}Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.", {"method": "PUT", "value": "PUT", "is_preflight": True}),
        (f"{BLOCKED}Request header field X-Token is not allowed by Access-Control-Allow-Headers in preflight response.", {"value": "x-token", "is_preflight": True}),
        (f"{BLOCKED}The 'Access-Control-Allow-Origin' header has a value 'https://b.example' that is not equal to the supplied origin.", {"value": "https://b.example", "is_preflight": False, "with_credentials": False}),
        (f"{BLOCKED}The value of the 'Access-Control-Allow-Credentials' header in the response is 'True' which must be 'true'", {"value": "True", "with_credentials": True}),
        (f"{BLOCKED}The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must be 'true'", {"value": None}),
        (f"{REDIRECTED}No 'Access-Control-Allow-Origin' header is present", {"url": API, "first_url": f"{APP}/old"}),
        (f"{OLD}No 'Access-Control-Allow-Origin' header is present", {"url": API}),
        (f"{BLOCKED.replace(APP, 'null')}No 'Access-Control-Allow-Origin' header is present", {"page_origin": "null", "sent_origin": "null"}),
        (f"PATCH {API} net::ERR_CONNECTION_RESET", {"method": "PATCH", "value": "CONNECTION_RESET"}),
        ("Fetch API cannot load https://api.example.net:25/. net::ERR_UNSAFE_PORT", {"value": "25"}),
    ],
)  # fmt: skip
def test_the_details_in_a_message_reach_the_model(text, names):
    failure = failure_in(text)
    assert {name: getattr(failure, name) for name in names} == names


def test_messages_pasted_together_are_separated_and_duplicates_are_dropped():
    one = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present on the requested resource."
    two = f"{BLOCKED}Method PUT is not allowed by Access-Control-Allow-Methods in preflight response."
    three = f"{REFUSED}CORS request did not succeed). Status code: (null)."
    text = f"app.js:7 {one}\napi:1 {LOAD}FAILED\nUncaught TypeError: Failed to fetch\n{two}\n{one}\n{three}"
    assert [message.name for message in read(text, NOBODY)] == ["missing_allow_origin", "method_not_allowed"]
    safari = f"Preflight response is not successful. Status code: 404{SAFARI}\nTypeError: Load failed"
    assert [message.name for message in read(safari, NOBODY)] == ["preflight_status"]
    two = f"[Error] {safari.partition(SAFARI)[0]}\n[Error] Origin https://app.example.com is not allowed by Access-Control-Allow-Origin"
    assert [message.name for message in read(two, NOBODY)] == ["preflight_status", "missing_allow_origin"]


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        # A script may print what it was given anywhere, and a page may be tried in two browsers.
        (f"{REFUSED}CORS request did not succeed).\nError: Failed to fetch data", "Firefox"),
        (f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present.\nError: Load failed", "Chromium"),
        (f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present.\nIE: CSS3117: @font-face failed", "Chromium"),
        ("TypeError: Failed to fetch", "Chromium"),
        ("Origin https://app.example.com is not allowed by Access-Control-Allow-Origin.", "Safari"),
        (
            "x Origin https://app.example.com is not allowed by Access-Control-Allow-Origin",
            "Chromium up to 30 or Safari",
        ),
        (
            f"[Error] XMLHttpRequest cannot load {API}. Origin {APP} is not allowed by Access-Control-Allow-Origin.",
            "Safari",
        ),
        (
            f"XMLHttpRequest cannot load {API}. Origin {APP} is not allowed by Access-Control-Allow-Origin. (app, line 0)",
            "Safari",
        ),
    ],
)
def test_the_browser_is_the_one_whose_words_are_the_nearest(text, engine):
    assert read(text, NOBODY)[0].engine == engine


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        ('Refused to set unsafe header "{}"<br>', ["user-agent, x-b"]),
        ('Refused to get unsafe header "{}"', ["user-agent, x-b"]),
        (f"{BLOCKED}Request header field {{}} is not allowed by Access-Control-Allow-Headers", ["user-agent", "x-b"]),
    ],
)
def test_each_named_header_is_reported(line, headers):
    found = read("\n".join(map(line.format, ("user-agent", "x-b", "user-agent"))), NOBODY)
    assert [told.header for told in found] == headers


def test_a_request_without_cors_does_not_name_the_url_of_one_with_cors():
    text = (
        f"[console.error] Failed to load resource: Origin {APP} is not allowed by Access-Control-Allow-Origin. Status "
        f"code: 200\n[console.error] Cancelled load to {API} because it violates the resource's "
        "Cross-Origin-Resource-Policy response header.\n[pageerror] /items due to access control checks."
    )
    assert [(told.name, told.url) for told in read(text, NOBODY)] == [("missing_allow_origin", URL), ("corp", API)]


def test_a_failure_at_a_host_of_documentation_is_told_next_to_another_one():
    one, wiki = (
        f"[console.error] Origin {APP} is not allowed by Access-Control-Allow-Origin. Status code: {status}\n"
        f"[requestfailed] {url} :: Origin {APP} is not allowed by Access-Control-Allow-Origin. Status code: {status}\n"
        for url, status in ((API, 401), ("https://en.wikipedia.org/w/api.php?a=b", 200))
    )
    urls = [told.url for told in read(f"{one}{wiki}", NOBODY)]
    assert urls == [API, "https://en.wikipedia.org/w/api.php?a=b"]


def test_items_of_a_list_are_separated():
    """
    Each item is a message of its own. Only one of them names the URL, and nobody knows whether the others have it, too.
    """
    items = [
        BLOCKED.partition(": ")[0],
        "CORS header 'Access-Control-Allow-Origin' missing",
        "Request header field X-A is not allowed by Access-Control-Allow-Headers",
    ]
    for text in (
        "".join(f'- \u274c "{item}"\n' for item in items),
        "".join(f"{n}. {item}\n" for n, item in enumerate(items)),
    ):
        found = read(text, NOBODY)
        assert [(told.name, told.url) for told in found] == [
            ("cut_off", API),
            ("missing_allow_origin", URL),
            ("header_not_allowed", URL),
        ]


def test_an_item_of_a_list_has_the_url_of_one_that_reports_nothing():
    safari = "XMLHttpRequest cannot load {} due to access control checks."
    for named in (f"URL: {A}", f"Request URL: {A}", safari.format(A)):
        (told,) = read(f"- {named}\n- CORS Missing Allow Origin", NOBODY)
        assert (told.name, told.url) == ("missing_allow_origin", A)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            f"Failed to execute 'toDataURL' on 'HTMLCanvasElement': Tainted canvases may not be exported.\n'xxx' has been blocked by CORS policy: {NO_HEADER}",
            [("tainted_canvas", URL), ("missing_allow_origin", URL)],
        ),
        (
            f"{REFUSED}CORS request did not succeed). Status code: (null).\nBlocked loading mixed active content \u201chttp://b.example/\u201d",
            [("unreachable", API), ("mixed_content", "http://b.example/")],
        ),
        (
            "".join(f"The resource at \u201chttps://{host}.example/x.png\u201d was blocked by OpaqueResponseBlocking. Reason: \u201cafter sniff: sniffing fails\u201d.\n" for host in "abc"),
            [("orb", f"https://{host}.example/x.png") for host in "abc"],
        ),
        (
            "".join(f'downloadable font: download failed (font-family: "F" src index:2): bad URI or cross-site access not allowed source: https://{host}.example/x.ttf?1\n' for host in "ab"),
            [("font", f"https://{host}.example/x.ttf?1") for host in "ab"],
        ),
        (
            f"{AT}: {NO_HEADER}\nCross-Origin Read Blocking (CORB) blocked cross-origin response {A} with MIME type text/html.",
            [("missing_allow_origin", A)],
        ),
        (
            "[blocked] The page at https://my-server/?x was not allowed to run insecure content from ws://my-server:60.\nMixed Content: The page at 'https://my-server/?x' was loaded over HTTPS, but attempted to connect to the insecure WebSocket endpoint 'ws://my-server:60/'.",
            [("mixed_content", "ws://my-server:60")],
        ),
        (
            "Refused to display 'https://a.example/x' in a frame because it set 'X-Frame-Options' to 'DENY'.\n\nSandbox access violation: Blocked a frame at \"https://a.example\" from accessing a frame at \"https://a.example\".",
            [("not_framed", "https://a.example/x"), ("frame", "https://a.example")],
        ),
        (
            "[Error] Failed to load resource: the server responded with a status of 404 () (bg.jpg, line 0)\n"
            + "".join(
                f"[Error] Origin {APP} is not allowed by Access-Control-Allow-Origin. Status code: {status}\n[Error] Fetch API cannot load https://a.example/{name} due to access control checks.\n[Error] Failed to load resource: Origin {APP} is not allowed by Access-Control-Allow-Origin. Status code: {status} ({name}, line 0)\n"
                for status, name in ((200, "index.json"), (403, "other/"))
            ),
            [("missing_allow_origin", "https://a.example/index.json"), ("missing_allow_origin", "https://a.example/other/")],
        ),
        (
            f"{AT}: The 'Access-Control-Allow-Origin' header contains multiple values '*, *', but only one is allowed.\n\nWebSocket connection to 'wss://localhost/app' failed: Error in connection establishment: net::ERR_CONNECTION_CLOSED".replace(f"at '{A}' ", ""),
            [("multiple_allow_origin", URL), ("unreachable", "wss://localhost/app")],
        ),
        (
            f"{AT}\n\nWebSocket Connection Failure: WebSocket connection to 'wss://b.example/x' failed: WebSocket is closed before the connection is established.",
            [("cut_off", A), ("websocket_left", "wss://b.example/x")],
        ),
        (
            f"- {AT}: Response to preflight request doesn't pass access control check\n- Manual curl -X OPTIONS returns 204 with Access-Control-Allow-Headers: Content-Type",
            [("preflight_cut_off", A)],
        ),
        (
            f"{REFUSED}CORS request did not succeed). Status code: (null).\nNone of the \u201csha512\u201d hashes in the integrity attribute match the content of the subresource at \u201c{API}\u201d. The computed hash is \u201cz4Ph\u201d.",
            [("unreachable", API)],
        ),
        (
            f'[loadingFailed] {{"url":"{A}","method":"POST","corsError":"PreflightMissingAllowOriginHeader"}}\n{AT}: Response to preflight request doesn\'t pass access control check: {NO_HEADER}',
            [("preflight_missing_allow_origin", A)],
        ),
        (
            f"{AT}: Response to preflight request doesn't pass access control check: Disallowed CORS origin\nRequest Headers: Origin: {P}, Access-Control-Request-Method: GET",
            [("refused_by_server", A)],
        ),
        (
            "GET https://a.example/x net::ERR_CONNECTION_CLOSED\nFailed to load resource: net::ERR_CONNECTION_CLOSED (at https://b.example/y)",
            [("unreachable", "https://a.example/x"), ("unreachable", "https://b.example/y")],
        ),
        (
            f"{AT}: {NO_HEADER} If an opaque response serves your needs, set the request's mode to 'no-cors' to fetch the resource\nwith CORS disabled.\nThe FetchEvent for \"{A}\" resulted in a network error response: the promise was rejected.",
            [("missing_allow_origin", A)],
        ),
        (
            f"{AT}: {NO_HEADER}\nGET https://c.example/y 403 (Forbidden)\nGET {A} net::ERR_FAILED 200",
            [("missing_allow_origin", A), ("status", "https://c.example/y")],
        ),
        (
            f"{REFUSED}CORS header 'Access-Control-Allow-Origin' does not match '').\n{REFUSED}CORS request did not succeed). Status code: (null).\ndownloadable font: download failed (font-family: \"F\"): bad URI or cross-site access not allowed source: {API}",
            [("allow_origin_mismatch", API)],
        ),
        (
            f"{REFUSED}CORS request did not succeed).\n\n### CORS - Method DELETE is not allowed\n{AT}: Method DELETE is not allowed by Access-Control-Allow-Methods in preflight response.",
            [("unreachable", API), ("method_not_allowed", A)],
        ),
        (
            f"{REFUSED}CORS header 'Access-Control-Allow-Origin' missing).\nXHROPTIONShttps://b.example/y [HTTP/1.1 405 Method Not Allowed 12ms]",
            [("missing_allow_origin", API), ("preflight_status", "https://b.example/y")],
        ),
        (
            "Refused to evaluate a string as JavaScript because 'unsafe-eval' is not an allowed source of script in the following Content Security Policy directive: \"script-src 'nonce-x'\".\nRefused to apply inline style because it violates the following Content Security Policy directive: \"default-src 'none'\".",
            [("csp_inline", URL), ("csp_inline", URL)],
        ),
        (
            f"- net::ERR_CONNECTION_REFUSED\n- {REFUSED.replace(API, 'xxx')}CORS header 'Access-Control-Allow-Origin' missing).",
            [("unreachable", URL), ("missing_allow_origin", URL)],
        ),
        (
            f"{REFUSED}CORS request did not succeed).\nLoading failed for the <script> with source \u201chttps://b.example/ad.js\u201d.",
            [("unreachable", API), ("not_loaded", "https://b.example/ad.js")],
        ),
        (
            f"//Cross-Origin Request Blocked: \n//The Same Origin Policy disallows reading the remote resource at \n//{API}. \n//(Reason: CORS request did not succeed). Status code: (null).",
            [("unreachable", API)],
        ),
        (
            f"How to resolve Cross-Origin Request Blocked:\n{REFUSED}CORS request did not succeed). Status code: (null)",
            [("unreachable", API)],
        ),
        (
            f"Refused to connect to '{A}' because it violates the following Content Security Policy directive: \"connect-src 'self'\".\nUncaught DOMException: Failed to execute 'open' on 'XMLHttpRequest': Refused to connect to '{A}' because it violates the document's Content Security Policy.",
            [("csp", A)],
        ),
        (
            f"{AT}: Response to preflight request doesn't pass access control check: {NO_HEADER}\n{REFUSED.replace(API, A)}CORS header 'Access-Control-Allow-Origin' missing).",
            [("preflight_missing_allow_origin", A)],
        ),
        (
            f"GET {A}/1 404 (Not Found)\n{AT}: {NO_HEADER}",
            [("missing_allow_origin", A), ("status", f"{A}/1")],
        ),
        (
            f"GET https://cdn.example/ net::ERR_CONNECTION_REFUSED\n{AT.replace(A, 'https://cdn.example/lib/a.js')}: {NO_HEADER}",
            [("unreachable", "https://cdn.example/"), ("missing_allow_origin", "https://cdn.example/lib/a.js")],
        ),
        (
            f"{AT}: {NO_HEADER}\n{AT.replace(P, APP)}: {NO_HEADER}",
            [("missing_allow_origin", A), ("missing_allow_origin", A)],
        ),
        (
            f"GET https://other.example/a net::ERR_FAILED\n{AT}: {NO_HEADER}\nGET {A} net::ERR_FAILED",
            [("missing_allow_origin", A), ("not_told", "https://other.example/a")],
        ),
        (
            f"Access to fetch at 'https://b.example/a' (redirected from '{A}') from origin '{P}' has been blocked by CORS policy: {NO_HEADER}\nGET {A} net::ERR_FAILED",
            [("missing_allow_origin", "https://b.example/a")],
        ),
        (
            f"Access to fetch at 'https://b.example/a?long=1...&end=2' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}\nGET https://b.example/a?long=1&more=3&end=2 net::ERR_FAILED",
            [("missing_allow_origin", "https://b.example/a?long=1...&end=2")],
        ),
        # Without a URL, another header or method is another failure, even if a person quotes it.
        *(
            (
                f"Failed to load {A}: Request header field X-A is not allowed by Access-Control-Allow-Headers in preflight response.\n{quoted}Request header field X-B is not allowed by Access-Control-Allow-Headers in preflight response.",
                [("header_not_allowed", A), ("header_not_allowed", URL)],
            )
            for quoted in ("", "I use axios. And I get this error: ")
        ),
        (
            f"{AT}: Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.\nMethod DELETE is not allowed by Access-Control-Allow-Methods in preflight response.",
            [("method_not_allowed", A), ("method_not_allowed", URL)],
        ),
        (
            f"{AT}: Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.\nI get: Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
            [("method_not_allowed", A)],
        ),
        # A block is repeated with other URLs, in lines that say nothing alone.
        (
            "\n".join(f"{n}:31 a.js:46 Failed to get rules from: https://b.example/{n}.css\nSecurityError: Failed to read the 'rules' property from 'CSSStyleSheet': Cannot access rules" for n in range(3)),
            [("stylesheet_rules", f"https://b.example/{n}.css") for n in range(3)],
        ),
    ],
)  # fmt: skip
def test_no_failure_is_left_out_and_none_is_counted_twice(text, told):
    assert [(message.name, message.url if message.is_named else URL) for message in read(text, NOBODY)] == told


def test_the_lines_of_one_console_are_about_one_page():
    text = f"GET {A} net::ERR_CONNECTION_REFUSED\nAccess to fetch at 'https://other.example/x' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}"
    assert [(message.origin, message.assumed) for message in read(text, NOBODY)] == [(P, ()), (P, ())]
    other = (
        f"Access to fetch at 'https://third.example/x' from origin '{APP}' has been blocked by CORS policy: {NO_HEADER}"
    )
    assert [message.assumed for message in read(f"{text}\n{other}", NOBODY)] == [("page",), (), ()]
    # These are not about the page that the other lines are about.
    for stranger in (
        "Blocked a frame with origin 'https://ads.example' from accessing a cross-origin frame.",
        "Access to resource at 'chrome://theme/colors.css' from origin 'chrome://new-tab-page' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: http.",
    ):
        found = read(f"{stranger}\n{REFUSED}CORS header 'Access-Control-Allow-Origin' missing).", NOBODY)
        assert [message.assumed for message in found if message.failure] == [("page",)]


def test_a_page_from_another_line_does_not_hide_that_a_redirect_made_the_origin_null():
    text = f"Access to fetch at '{A}' (redirected from 'https://first.example/a') from origin 'https://.....' has been blocked by CORS policy: {NO_HEADER}\n{AT.replace(A, 'https://b.example/y')}: {NO_HEADER}"
    assert [(told.origin, told.failure.sent_origin) for told in read(text, NOBODY)] == [(P, "null"), (P, P)]


@pytest.mark.parametrize(
    "other",
    [
        f"GET {A}/1 404 (Not Found)",
        "allx:1 Failed to load resource: the server responded with a status of 500 ()",
        "PUT https://other.example/y 404 (Not Found)",
        "y:1 Failed to load resource: the server responded with a status of 500 (Internal Server Error)",
        "Failed to load resource: the server responded with a status of 500 (Internal Server Error) https://other.example/y",
        "https://other.example/y Failed to load resource: the server responded with a status of 500 ()",
        "The preflight looks fine to me.",
    ],
)
def test_nothing_is_taken_from_a_line_about_another_url(other):
    (message,) = (told for told in read(f"{AT}: {NO_HEADER}\n{other}", NOBODY) if told.url == A)
    assert (message.name, message.method) == ("missing_allow_origin", "GET")
    assert message.failure.exchange is None


def test_a_status_without_a_url_is_not_taken_among_several_urls():
    text = f"Failed to load resource: the server responded with a status of 404 ()\n{AT}: {NO_HEADER}\n{AT.replace(A, 'https://b.example/y')}: {NO_HEADER}"
    assert [message.failure.exchange for message in read(text, NOBODY)] == [None, None]


@pytest.mark.parametrize(
    "own",
    [
        "x:1 Failed to load resource: the server responded with a status of 500 (Internal Server Error)",
        f"{A} Failed to load resource: the server responded with a status of 500 ()",
        f"GET {A} net::ERR_FAILED 500 (Internal Server Error)",
        f"GET {A.replace('https', 'http')} net::ERR_FAILED 500 (Internal Server Error)",
        "Request Method:GET Status Code:500 Internal Server Error",
    ],
)
def test_the_status_is_taken_from_a_line_about_the_same_url(own):
    (message,) = read(f"{AT}: {NO_HEADER}\n{own}", NOBODY)
    assert message.failure.exchange.response.status == 500


def test_a_general_line_without_a_url_is_dropped_next_to_one_with_a_url():
    """
    Both only say that something failed.
    """
    url = "Fetch API cannot load https://{}.example/x due to access control checks."
    found = read(f"{url.format('a')}\n{url.format('b')}\nUnhandled Promise Rejection: TypeError: Load failed", NOBODY)
    assert [told.url for told in found] == ["https://a.example/x", "https://b.example/x"]


def test_lines_that_are_not_about_cors_are_separated():
    csp = "Content Security Policy: The page's settings blocked the loading of a resource at http://a.example/{} ('img-src'). "
    assert [told.url[-1] for told in read(csp.format("x") + csp.format("y"), NOBODY)] == ["x", "y"]
    frame = "Blocked a frame with origin 'http://a.example' from accessing a cross-origin frame. "
    display = "Refused to display 'http://b.example/' in a frame because it set 'X-Frame-Options' to 'DENY'."
    assert [told.name for told in read(frame + display, NOBODY)] == ["frame", "not_framed"]
    violates = "violates the following Content Security Policy directive: \"script-src 'self'\". "
    for inline, load in (
        ("Refused to execute inline script because it ", "Refused to load the image 'http://a.example/x' because it "),
        ("Executing inline script ", "Loading the image 'http://a.example/x' "),
    ):
        found = read(f"{inline}{violates}\n\n{load}{violates}", NOBODY)
        assert [(told.name, told.is_named) for told in found] == [("csp_inline", False), ("csp", True)]


@pytest.mark.parametrize(
    ("before", "known", "method"),
    [
        ("POST {url} 400 (Bad Request)", None, "POST"),
        ("tsdav.js:581 PROPFIND {url} net::ERR_FAILED", None, "PROPFIND"),
        ("POST {url} 400 (Bad Request)", "PATCH", "PATCH"),
        ("POST {url}/other 400 (Bad Request)", None, "GET"),
        ("POST {url} 400 (Bad Request)\nPUT {url} 400 (Bad Request)", None, "GET"),
    ],
)
def test_the_line_before_gives_the_method(before, known, method):
    """
    It says how a URL was requested. The next line says why that failed.
    """
    found = read(f"{before.format(url=API)}\n{BLOCKED}No 'Access-Control-Allow-Origin' header", Known(method=known))
    assert [message.method for message in found if message.url == API] == [method]


def repeated(core, longest):
    """
    Return three texts of up to *longest* characters that repeat *core*: with spaces, without, and in lines.
    """
    text = (core + " ") * (longest // len(core))
    return text, text.replace(" ", ""), text.replace(" ", "\n")


@pytest.mark.parametrize("core", sorted({row.core for row in ROWS}, key=lambda core: core.pattern))
def test_a_core_is_searched_in_linear_time_in_a_text_that_repeats_it(core):
    # The largest size: if twice as much takes four times as long, this takes many seconds.
    started = time.process_time()
    for text in repeated(core.pattern[:40], LONGEST_MESSAGE):
        for _ in core.finditer(text):
            pass
    assert time.process_time() - started < 1


# With all cores: an eighth of the largest text shows work that grows with the square, and
# takes minutes. Less shows what grows faster.
@pytest.mark.parametrize(("part", "seconds"), [pytest.param(8, 1, marks=pytest.mark.long), (32, 0.5)])
@pytest.mark.parametrize(
    "core",
    share(sorted({row.core.pattern[:40] for row in ROWS} | {"Access to a at '", "cannot load a:", "Origin a"}), 12),
)
def test_reading_a_repeated_text_takes_linear_time(core, part, seconds):
    started = time.process_time()
    for text in repeated(core, LONGEST_MESSAGE // part):
        read(text, NOBODY)
    assert time.process_time() - started < seconds


@pytest.mark.parametrize("part", share(["[a", "a.", "{a", "x.", "-"], 2))
def test_a_long_url_is_bounded_before_it_is_compared(part):
    started = time.process_time()
    read(f"CORS policy blocked https://{part * 20000}", NOBODY)
    assert time.process_time() - started < 2


@given(st.lists(st.sampled_from([text for text, *_ in MESSAGES]) | st.text(max_size=60), max_size=6).map(" ".join))
def test_reading_never_raises(text):
    for message in read(text, NOBODY):
        assert message.name


@pytest.mark.parametrize(
    "beside",
    [
        f"GET {API} net::ERR_FAILED 200 (OK)",
        "Failed to load resource: the server responded with a status of 404 (NOT FOUND)",
        "TypeError: Failed to fetch",
    ],
)
def test_a_line_that_only_says_that_something_failed_is_dropped(beside):
    told = f"{CHECK}It does not have HTTP ok status."
    assert [message.name for message in read(f"{beside}\n{told}", NOBODY)] == ["preflight_status"]
    assert [message.name for message in read(f"{told}\n{beside}", NOBODY)] == ["preflight_status"]
