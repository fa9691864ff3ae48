# ruff: noqa: E501 - what a console prints in one line stands here in one
"""
`corsguard explain` says what becomes of a request under a policy, and what a console's message means.

The messages are those that real consoles print; the model's, which are copied from them, are read back, too.
"""

import itertools
import json
import os
import re
import shlex
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from browser.test_console import LINES
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from corsguard import Policy
from corsguard.browser import Failure, Reason
from corsguard.cli.group import group
from corsguard.diagnosis.guarded import load_guarded
from corsguard.diagnosis.lookalikes import LOOKALIKES
from corsguard.diagnosis.meaning import with_value
from corsguard.diagnosis.messages import CORES, LONGEST_MESSAGE, URL, Known, read
from corsguard.diagnosis.rehearsal import rehearse, staged
from corsguard.explanation import explain as explain_request
from corsguard.names import EXAMPLE_ORIGIN as PAGE

ROOT = Path(__file__).parents[2]
CONSOLE_LINES = ROOT / "tests" / "kit" / "console_lines.json"
APP = "https://app.example.com"
API = "https://api.example.net/items"
NOBODY = Known()
NAMES = (f"explained_{number}" for number in itertools.count())


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    return tmp_path


def run(*arguments, **options):
    return CliRunner().invoke(group, ["explain", *arguments], **options)


def document(*arguments):
    return json.loads(run(*arguments, "--json").stdout)


# Messages: which failure they tell of

BLOCKED = f"Access to fetch at '{API}' from origin '{APP}' has been blocked by CORS policy: "
CHECK = f"{BLOCKED}Response to preflight request doesn't pass access control check: "
REDIRECTED = BLOCKED.replace(" from", f" (redirected from '{APP}/old') from", 1)
XHR = BLOCKED.replace("fetch", "XMLHttpRequest", 1)
VALID = " Have the server send the header with a valid value."
OPAQUE = (
    " If an opaque response serves your needs, set the request's mode to 'no-cors' to fetch the resource with CORS "
    "disabled."
)
REFUSED = (
    f"Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at {API}. (Reason: "
)
QUOTED = REFUSED.replace(API, f"\u2018{API}\u2019")
SAFARI = f"\nFetch API cannot load {API} due to access control checks."
OLD = f"XMLHttpRequest cannot load {API}. "
LOAD = "Failed to load resource: net::ERR_"

# The message, its name, and what it says of page, method, value and header (None where it says nothing).
MESSAGES = [
    (
        f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present on the requested resource.{OPAQUE}",
        "missing_allow_origin",
        APP,
    ),
    (
        f"{CHECK}No 'Access-Control-Allow-Origin' header is present on the requested resource.",
        "preflight_missing_allow_origin",
        APP,
    ),
    (
        f"{OLD}No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin '{APP}' is therefore not allowed access.",
        "missing_allow_origin",
        APP,
    ),
    (
        f"{REFUSED}CORS header \u2018Access-Control-Allow-Origin\u2019 missing). Status code: 200.",
        "missing_allow_origin",
        PAGE,
    ),
    (f"{REFUSED}CORS header 'Access-Control-Allow-Origin' missing).", "missing_allow_origin", PAGE),
    (
        f"Origin {APP} is not allowed by Access-Control-Allow-Origin. Status code: 200{SAFARI}",
        "missing_allow_origin",
        APP,
    ),
    (
        f"{XHR}The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'. The credentials mode of requests initiated by the XMLHttpRequest is controlled by the withCredentials attribute.",
        "wildcard_with_credentials",
        APP,
    ),
    (
        f"{OLD}A wildcard '*' cannot be used in the 'Access-Control-Allow-Origin' header when the credentials flag is true. Origin '{APP}' is therefore not allowed access.",
        "wildcard_with_credentials",
        APP,
    ),
    (
        f"{QUOTED}Credential is not supported if the CORS header \u2018Access-Control-Allow-Origin\u2019 is \u2018*\u2019).",
        "wildcard_with_credentials",
        PAGE,
    ),
    (
        f"Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true.{SAFARI}",
        "wildcard_with_credentials",
        PAGE,
    ),
    (
        f"{BLOCKED}The 'Access-Control-Allow-Origin' header contains multiple values '{APP}, {APP}', but only one is allowed.{VALID}",
        "multiple_allow_origin",
        APP,
    ),
    (
        f"{REFUSED}Multiple CORS header \u2018Access-Control-Allow-Origin\u2019 not allowed).",
        "multiple_allow_origin",
        PAGE,
    ),
    (f"Access-Control-Allow-Origin cannot contain more than one origin.{SAFARI}", "multiple_allow_origin", PAGE),
    (
        f"{CHECK}The 'Access-Control-Allow-Origin' header has a value 'https://b.example' that is not equal to the supplied origin.{VALID}",
        "preflight_allow_origin_mismatch",
        APP,
    ),
    (
        f"{BLOCKED}The 'Access-Control-Allow-Origin' header contains the invalid value 'app.example.com'.{VALID}",
        "allow_origin_mismatch",
        APP,
    ),
    (
        f"{REFUSED}CORS header \u2018Access-Control-Allow-Origin\u2019 does not match \u2018https://b.example\u2019).",
        "allow_origin_mismatch",
        PAGE,
    ),
    (
        f"{CHECK}The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must be 'true' when the request's credentials mode is 'include'.",
        "preflight_allow_credentials_not_true",
        APP,
    ),
    (
        f"{OLD}Credentials flag is 'true', but the 'Access-Control-Allow-Credentials' header is ''. It must be 'true' to allow credentials. Origin '{APP}' is therefore not allowed access.",
        "allow_credentials_not_true",
        APP,
    ),
    (
        f"{REFUSED}expected \u2018true\u2019 in CORS header \u2018Access-Control-Allow-Credentials\u2019).",
        "allow_credentials_not_true",
        PAGE,
    ),
    (
        f'Credentials flag is true, but Access-Control-Allow-Credentials is not "true".{SAFARI}',
        "allow_credentials_not_true",
        PAGE,
    ),
    (f"{CHECK}Redirect is not allowed for a preflight request.", "preflight_redirect", APP),
    (f"{OLD}Response for preflight is invalid (redirect)", "preflight_redirect", PAGE),
    (f"{REFUSED}CORS request external redirect not allowed).", "preflight_redirect", PAGE),
    (f"{CHECK}It does not have HTTP ok status.", "preflight_status", APP),
    (f"{OLD}Response for preflight has invalid HTTP status code 405", "preflight_status", PAGE),
    (f"{REFUSED}CORS preflight response did not succeed). Status code: 401.", "preflight_status", PAGE),
    (f"{REFUSED}CORS preflight channel did not succeed).", "preflight_status", PAGE),
    (f"Preflight response is not successful. Status code: 404{SAFARI}", "preflight_status", PAGE),
    (
        f"{BLOCKED}Cannot parse Access-Control-Allow-Methods response header field in preflight response.",
        "allow_methods_unparsable",
        APP,
    ),
    (
        f"{REFUSED}invalid token \u2018GET PUT\u2019 in CORS header \u2018Access-Control-Allow-Methods\u2019).",
        "allow_methods_unparsable",
        PAGE,
    ),
    (f"Header Access-Control-Allow-Methods has an invalid value: GET PUT{SAFARI}", "allow_methods_unparsable", PAGE),
    (
        f"{BLOCKED}Cannot parse Access-Control-Allow-Headers response header field in preflight response.",
        "allow_headers_unparsable",
        APP,
    ),
    (
        f"{REFUSED}invalid token \u2018X A\u2019 in CORS header \u2018Access-Control-Allow-Headers\u2019).",
        "allow_headers_unparsable",
        PAGE,
    ),
    (
        f"{BLOCKED}Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
        "method_not_allowed",
        APP,
    ),
    (
        f"{REFUSED}Did not find method in CORS header \u2018Access-Control-Allow-Methods\u2019).",
        "method_not_allowed",
        PAGE,
    ),
    (f"Method PUT is not allowed by Access-Control-Allow-Methods.{SAFARI}", "method_not_allowed", PAGE),
    (
        f"{BLOCKED}Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response.",
        "header_not_allowed",
        APP,
    ),
    (
        f"{REFUSED}header \u2018x-token\u2019 is not allowed according to header \u2018Access-Control-Allow-Headers\u2019 from CORS preflight response).",
        "header_not_allowed",
        PAGE,
    ),
    (
        f"{REFUSED}missing token \u2018x-token\u2019 in CORS header \u2018Access-Control-Allow-Headers\u2019 from CORS preflight channel).",
        "header_not_allowed",
        PAGE,
    ),
    (
        f"Request header field X-Token is not allowed by Access-Control-Allow-Headers.{SAFARI}",
        "header_not_allowed",
        PAGE,
    ),
    (
        "Authorization will not be covered by the wildcard symbol (*) in CORS `Access-Control-Allow-Headers` handling.",
        "header_not_allowed",
        PAGE,
    ),
    (
        f"{BLOCKED}Cross origin requests are only supported for protocol schemes: chrome, data, http, https.",
        "bad_scheme",
        APP,
    ),
    (f"{REFUSED}CORS request not http).", "bad_scheme", PAGE),
    (f"Cross origin requests are only supported for HTTP.{SAFARI}", "bad_scheme", PAGE),
    ("Not allowed to load local resource: file:///etc/hosts", "bad_scheme", PAGE),
    (
        f"{BLOCKED}Redirect location 'https://u:p@b.example/' contains a username and password, which is disallowed for cross-origin requests.",
        "redirect_userinfo",
        APP,
    ),
    (f"{BLOCKED}Cross origin requests are not allowed by request mode.", "same_origin_mode", APP),
    (f"GET {API} net::ERR_TOO_MANY_REDIRECTS", "too_many_redirects", PAGE),
    (f"GET {API} net::ERR_CONNECTION_REFUSED", "unreachable", PAGE),
    (f"GET {API} net::ERR_NAME_NOT_RESOLVED", "unreachable", PAGE),
    (f"GET {API} net::ERR_CERT_AUTHORITY_INVALID", "tls", PAGE),
    (f"{REFUSED}CORS request did not succeed). Status code: (null).", "unreachable", PAGE),
    (f"Could not connect to the server.{SAFARI}", "unreachable", PAGE),
    (
        f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but requested an insecure resource 'http://api.example.net/items'. This request has been blocked; the content must be served over HTTPS.",
        "mixed_content",
        APP,
    ),
    ("Blocked loading mixed active content \u201chttp://api.example.net/items\u201d", "mixed_content", PAGE),
    (f"GET {API} net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin 200 (OK)", "corp", PAGE),
    (f"GET {API} net::ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep", "corp", PAGE),
    (
        f"The resource at \u201c{API}\u201d was blocked due to its Cross-Origin-Resource-Policy header (or lack thereof).",
        "corp",
        PAGE,
    ),
    ("Fetch API cannot load https://api.example.net:25/. net::ERR_UNSAFE_PORT", "bad_port", PAGE),
    ("TypeError: Failed to execute 'fetch' on 'Window': 'TRACE' HTTP method is unsupported.", "forbidden_method", PAGE),
    # What is no matter of CORS, and no failure of the model.
    (
        f"{BLOCKED}The request client is not a secure context and the resource is in more-private address space `local`.",
        "insecure_local_network",
        APP,
    ),
    (
        f"{BLOCKED}Permission was denied for this request to access the `loopback` address space.",
        "local_network_access",
        APP,
    ),
    (
        "WebSocket connection to 'wss://192.168.0.1/' failed: net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS",
        "local_network_access",
        PAGE,
    ),
    (
        f"{BLOCKED}Request had a target IP address space of `local` yet the resource is in address space `public`.",
        "target_address_space",
        APP,
    ),
    (
        f"{CHECK}No 'Access-Control-Allow-Private-Network' header was present in the preflight response for this private network request targeting the `local` address space.",
        "private_network_access",
        APP,
    ),
    (f"GET {API} net::ERR_BLOCKED_BY_ORB", "orb", PAGE),
    (
        f"Refused to connect to '{API}' because it violates the following Content Security Policy directive: \"connect-src 'self'\".",
        "csp",
        PAGE,
    ),
    (
        f"Content-Security-Policy: The page\u2019s settings blocked the loading of a resource (connect-src) at {API} because it violates the following directive",
        "csp",
        PAGE,
    ),
    ('response.type is "opaque" and the body is empty', "opaque", PAGE),
    ('Refused to get unsafe header "X-Total"', "not_exposed", PAGE),
    ('response.headers.get("X-Total") is null', "not_exposed", PAGE),
    (
        "Cookie \u201csid\u201d has been rejected because it is in a cross-site context and its \u201cSameSite\u201d is \u201cLax\u201d or \u201cStrict\u201d.",
        "cookies",
        PAGE,
    ),
    (
        "Failed to execute 'toDataURL' on 'HTMLCanvasElement': Tainted canvases may not be exported.",
        "tainted_canvas",
        PAGE,
    ),
    ("Uncaught Script error.", "script_error", PAGE),
    ("403 Forbidden: CSRF verification failed. Origin checking failed", "csrf", PAGE),
    (
        "WebSocket connection to 'wss://api.example.net/' failed: Error during WebSocket handshake: Unexpected response code: 403",
        "websocket",
        PAGE,
    ),
    (f"GET {API} net::ERR_BLOCKED_BY_CLIENT", "blocked_by_client", PAGE),
    (f"{REFUSED}CORS disabled).", "disabled", PAGE),
    (f"{REFUSED}CORS header \u2018Origin\u2019 cannot be added).", "origin_not_added", PAGE),
    (f"OPTIONS {API} 307 Internal Redirect", "hsts", PAGE),
    (f'Blocked a frame with origin "{APP}" from accessing a cross-origin frame.', "frame", APP),
    (
        f"Failed to execute 'postMessage' on 'DOMWindow': The target origin provided ('{API}') does not match the recipient window's origin ('{APP}').",
        "post_message",
        PAGE,
    ),
    (f"Refused to display '{API}' in a frame because it set 'X-Frame-Options' to 'deny'.", "not_framed", PAGE),
    ("it works in Postman and curl", "outside_browsers", PAGE),
    ("it works with Disable cache ticked", "cached", PAGE),
    (f"GET {API} net::ERR_FAILED 200 (OK)", "answered", PAGE),
    ("Failed to load resource: the server responded with a status of 404 (NOT FOUND)", "status", PAGE),
    ("TypeError: Failed to fetch", "not_told", PAGE),
    ("TypeError: NetworkError when attempting to fetch resource.", "not_told", PAGE),
    (f"TypeError: Load failed{SAFARI}", "not_told", PAGE),
]


@pytest.mark.parametrize(("text", "name", "page"), MESSAGES)
def test_a_message_is_recognized_with_its_page(text, name, page):
    (message,) = read(text, NOBODY)
    assert (message.name, message.origin) == (name, page)
    assert message.url in {API, URL} or API not in text


@pytest.mark.parametrize(("text", "name", "page"), MESSAGES)
def test_a_message_is_explained_with_cause_fix_and_the_next_command(text, name, page):
    done = run(text)
    assert done.exit_code == 1
    (said,) = document(text)["messages"]
    assert said["name"] == name
    assert said["meaning"]
    assert said["fix"]["words"]
    assert said["look_at"]
    assert said["meaning"] in done.stdout
    command = shlex.split(said["next"])
    assert command[:2] == ["corsguard", "check"]
    assert command[3:5] == ["--page", page]
    assert done.stdout.rstrip().endswith(said["next"])


def test_every_row_is_met_by_a_message_and_every_lookalike_by_a_row():
    flat = [re.sub(r"\s+", " ", text.translate(STRAIGHT)) for text in (*(text for text, *_ in MESSAGES), *MORE)]
    assert [row.core.pattern for row in CORES if not any(row.core.search(text) for text in flat)] == []
    assert {row.means for row in CORES} - {*Reason} == {*LOOKALIKES}


# Further forms, for rows that no message above needs.
MORE = [
    "TypeError: Window.fetch: Invalid request method TRACE.",
    f"{LOAD}BAD_SSL_CLIENT_AUTH_CERT",
    f"{LOAD}INVALID_REDIRECT",
    f"{LOAD}UNSAFE_REDIRECT",
    f"{LOAD}BLOCKED_BY_RESPONSE.NotSameSite",
    'Fetch API cannot load foo://x/. URL scheme "foo" is not supported.',
    "Header Access-Control-Allow-Headers has an invalid value: A B",
    "Security Error: Content at https://app.example.com/ may not load or link to file:///x.",
    "Security Error: Content at https://app.example.com/ may not load data from foo://x/.",
    'Fetch API cannot load https://x/. Request mode is "no-cors" but the redirect mode is not "follow".',
    "[blocked] The page at https://a was not allowed to display insecure content from http://b.",
]
STRAIGHT = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")

# What a line cannot tell, or tells otherwise than the model knows it.
OTHERWISE = {
    "missing_allow_origin": {"redirect_unparsable", "unreachable"},
    "multiple_allow_origin": {"allow_origin_mismatch"},
    "preflight_redirect": {"allow_credentials_not_true", "missing_allow_origin"},
    "allow_headers_unparsable": {"method_not_allowed"},
    "redirect_bad_scheme": {"bad_scheme", "unreachable", "not_told", "same_origin_mode"},
}
SILENT = {"not_told", "unreachable"}


@pytest.mark.parametrize("line", [pytest.param(line, id=f"{index}") for index, line in enumerate(LINES)])
def test_what_the_model_prints_is_read_back(line):
    failure, chromium, firefox = line
    (ours,), (theirs,) = read(chromium, NOBODY), read(firefox, NOBODY)
    others = OTHERWISE.get(failure.code, set())
    assert ours.name in {failure.code, "not_told", *others}
    # Firefox says the same of a preflight and of the response itself.
    assert theirs.name in {failure.code, failure.reason, *SILENT, *others}


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_what_real_consoles_print_of_the_laboratory_is_recognized(engine):
    rows = [row for row in json.loads(CONSOLE_LINES.read_text()) if row["engine"] == engine]
    assert rows
    for row in rows:
        (message,) = read(row["text"], NOBODY)
        reason = row["reason"]
        # What stands behind a connection that breaks off, only Chromium tells, and not through a proxy.
        broken_off = {"unreachable"} if reason in {"tls", "too_many_redirects", "redirect_userinfo"} else set()
        alike = {reason.removeprefix("preflight_")} if engine == "firefox" else set()
        otherwise = OTHERWISE.get(reason, OTHERWISE.get(reason.removeprefix("preflight_"), set()))
        assert message.name in {reason, *alike, *broken_off, *otherwise}, row
        assert message.url in row["text"] if ".lab.example" in row["text"] else message.url == URL, row


def test_words_in_a_url_say_nothing_of_what_failed():
    for word in ("preflight", "csrf", "websocket", "samesite", "curl", "address space", "CORB", "no-cors"):
        url = f"https://{word.replace(' ', '-')}.example/{word.replace(' ', '%20')}"
        (message,) = read(f"GET {url} net::ERR_CONNECTION_REFUSED", NOBODY)
        assert (message.name, message.url) == ("unreachable", url)
        (message,) = read(MESSAGES[0][0].replace(API, url), NOBODY)
        assert (message.name, message.url) == ("missing_allow_origin", url)


def test_firefox_and_safari_do_not_tell_a_preflight_from_the_response():
    assert "Note: Firefox says the same of a preflight" in run(MESSAGES[3][0]).stdout
    assert "Note: Safari says the same of a preflight" in run(MESSAGES[5][0]).stdout
    assert "says the same of a preflight" not in run(MESSAGES[0][0]).stdout


@pytest.mark.parametrize(
    ("text", "is_cors"),
    [
        (MESSAGES[0][0], True),
        (f"GET {API} net::ERR_CONNECTION_REFUSED", False),
        (f"GET {API} net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin", False),
        ("Tainted canvases may not be exported", False),
    ],
)
def test_a_message_is_cors_if_its_reason_is(text, is_cors):
    (found,) = json.loads(run("--json", text).stdout)["messages"]
    assert found["is_cors"] == is_cors
    assert found["fix"]["words"].startswith("Not CORS") <= (not is_cors)


def test_of_a_request_header_it_is_shown_that_it_was_sent_and_not_what_it_says(tmp_path):
    file = tmp_path / "cors.toml"
    file.write_text(f'allow_origins = ["{APP}"]\nallow_headers = ["X-Pin", "Content-Type"]\n', encoding="utf-8")
    found = run(str(file), "--page", APP, "-H", "X-Pin: 789", "-H", "Content-Type: application/json").stdout
    assert "   > X-Pin: (not shown)\n" in found
    assert "   > Content-Type: application/json\n" in found


# Messages: what they name


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
def test_what_a_message_names_is_what_the_model_is_told(text, names):
    failure = failure_in(text)
    assert {name: getattr(failure, name) for name in names} == names


@pytest.mark.parametrize(
    ("rest", "fix"),
    [
        ("No 'Access-Control-Allow-Origin' header is present on the requested resource.", {"allow_origins": [APP]}),
        ("Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.", {"allow_methods": ["GET", "HEAD", "POST", "PUT"]}),
        ("Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response.", {"allow_headers": ["X-Token"]}),
        ("The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when", {"allow_origins": [APP], "allow_credentials": True}),
    ],
)  # fmt: skip
def test_the_fix_is_made_of_what_the_message_names(rest, fix):
    (said,) = document(f"{BLOCKED}{rest}")["messages"]
    assert said["fix"]["policy"] == fix
    assert Policy(**{"allow_origins": [APP], **fix})


@pytest.mark.parametrize(
    ("framework", "line"),
    [
        ("wsgi", 'WSGI:   CORSMiddleware(application, {..., "allow_headers": ["X-Token"]})'),
        ("flask", 'Flask:  CORSGuard(app, {..., "allow_headers": ["X-Token"]})'),
        ("django", 'Django: CORSGUARD = {..., "allow_headers": ["X-Token"]}'),
    ],
)
def test_the_fix_is_in_the_words_of_the_framework(framework, line):
    text = (
        f"{BLOCKED}Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response."
    )
    one, all_of_them = run("--framework", framework, text).stdout, run(text).stdout
    assert line in one
    assert line in all_of_them
    assert one.count('"X-Token"') == 1
    assert all_of_them.count('"X-Token"') == 4


def test_the_fix_allows_credentials_if_the_user_says_that_the_page_sends_them():
    text = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present on the requested resource."
    (said,) = document(text, "--credentials")["messages"]
    assert said["fix"]["policy"] == {"allow_origins": [APP], "allow_credentials": True}


def test_a_line_alone_claims_nothing_of_the_answer():
    # What is listed, which status came and which header was spelled wrong, the console of the browser may not say.
    for text, *_ in MESSAGES:
        shown = run(text).stdout
        assert "Listed are: none" not in shown
        assert "Status ." not in shown
        assert '""' not in shown
        assert " ()" not in shown


def test_the_status_that_another_line_names_tells_who_answered():
    text = f"{CHECK}No 'Access-Control-Allow-Origin' header is present.\nPUT {API} net::ERR_FAILED 404 (Not Found)\n"
    (said,) = document(text)["messages"]
    assert said["fix"]["words"].startswith("Status 404. OPTIONS reaches the router, which has no route for it")
    assert said["method"] == "PUT"
    assert said["next"] == f"corsguard check {API} --page {APP} -X PUT"


def test_several_messages_pasted_together_are_told_one_by_one_and_the_same_once():
    one = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present on the requested resource."
    two = f"{BLOCKED}Method PUT is not allowed by Access-Control-Allow-Methods in preflight response."
    three = f"{REFUSED}CORS request did not succeed). Status code: (null)."
    text = f"app.js:7 {one}\napi:1 {LOAD}FAILED\nUncaught TypeError: Failed to fetch\n{two}\n{one}\n{three}"
    assert [message.name for message in read(text, NOBODY)] == ["missing_allow_origin", "method_not_allowed"]
    safari = f"Preflight response is not successful. Status code: 404{SAFARI}\nTypeError: Load failed"
    assert [message.name for message in read(safari, NOBODY)] == ["preflight_status"]


@pytest.mark.parametrize(
    ("text", "more"),
    [
        (f"{CHECK}It does not have HTTP ok status.", " -X PUT --preflight-only"),
        (f"{CHECK}Redirect is not allowed for a preflight request.", " -X PUT --preflight-only"),
        (f"{REFUSED}CORS preflight response did not succeed). Status code: 405.", " -X PUT --preflight-only"),
        (
            f"{REFUSED}Did not find method in CORS header \u2018Access-Control-Allow-Methods\u2019).",
            " -X PUT --preflight-only",
        ),
        (f"{BLOCKED}Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.", " -X PUT"),
        (
            f"{BLOCKED}Request header field x-a is not allowed by Access-Control-Allow-Headers in preflight response.",
            " -H 'x-a: ...'",
        ),
        (f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present on the requested resource.", ""),
    ],
)
def test_the_next_command_has_the_preflight_that_failed(text, more):
    assert document(text)["messages"][0]["next"].endswith(f" --page {PAGE}{more}")


@pytest.mark.parametrize(
    "text", ["Preflight response is not successful. Status code: 401", "TypeError: Failed to fetch", "net::ERR_FAILED"]
)
def test_a_server_that_no_message_names_is_said_to_stand_for_it(text):
    assert "https://api.example.com/ stands for what the message does not name: write the request's" in run(text).stdout


def test_safari_is_known_by_its_first_line_alone():
    line = f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200"
    assert document(line)["messages"][0]["browser"] == "Safari"


def test_the_user_says_what_a_message_does_not_name():
    text = f"{REFUSED}Did not find method in CORS header \u2018Access-Control-Allow-Methods\u2019)."
    shown = run(text).stdout
    assert "METHOD stands for what the message does not name: --method says it" in shown
    assert f"{PAGE} stands for what the message does not name: --page says it" in shown
    known = run(
        text, "--page", "http://localhost:3000", "--method", "PUT", "-H", "x-a: secret7", "--credentials"
    ).stdout
    assert "stands for" not in known
    assert '"PUT"' in known
    assert f"corsguard check {API} --page http://localhost:3000 -X PUT -H 'x-a: ...' --credentials" in known
    assert "secret7" not in known


@pytest.mark.parametrize("browser", ["Chromium", "Firefox", "Safari"])
def test_it_is_said_whose_console_it_is(browser):
    text = {"Chromium": MESSAGES[0][0], "Firefox": MESSAGES[3][0], "Safari": MESSAGES[5][0]}[browser]
    assert run(text).stdout.startswith(f"{browser}: ")
    assert document(text)["messages"][0]["browser"] == browser


def test_a_message_comes_as_an_argument_as_words_or_from_stdin():
    text = MESSAGES[0][0]
    whole = run(text)
    assert run(*text.split(" ")).stdout == whole.stdout
    assert run("-", input=text).stdout == whole.stdout
    assert run("net::ERR_BLOCKED_BY_ORB").stdout.startswith("Chromium: Not CORS but Opaque Response Blocking")


@pytest.mark.parametrize("text", ["something else entirely", "-", "Access to nothing"])
def test_what_is_not_known_is_a_usage_error_that_says_what_was_looked_for(text):
    done = run(text, input="")
    assert done.exit_code == 2
    assert "blocked by CORS policy" in done.stderr
    assert "Cross-Origin Request Blocked" in done.stderr
    assert done.stdout == ""


def test_a_message_is_bounded():
    done = run("-", input="x " * LONGEST_MESSAGE)
    assert done.exit_code == 2
    assert "more than 65536 characters" in done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "Access to fetch at 'http://[' from origin 'http://[' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header",
        f"Access to fetch at 'https://{'a' * 60000}' from origin '\x1b[31m\u202e' has been blocked by CORS policy: contains the invalid value '\x1b[31m'",
        "Access to fetch at 'https://\x1b[31m\u202e' from origin 'https://app.example.com' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header",
        "Request header field \x1b[31m\u202e is not allowed by Access-Control-Allow-Headers",
        "Method $(reboot) is not allowed by Access-Control-Allow-Methods",
        "not allowed to display insecure content from http://b.example.",
    ],
)  # fmt: skip
def test_nothing_of_a_message_reaches_a_terminal_or_a_shell_as_it_is(text):
    done = run(text)
    assert done.exit_code == 1
    assert all(char.isprintable() or char == "\n" for char in done.stdout)
    assert len(done.stdout) < 20_000
    shlex.split(document(text)["messages"][0]["next"])
    assert "$(reboot)" not in document(text)["messages"][0]["next"].replace("'$(reboot)'", "")


@pytest.mark.parametrize(
    "core", sorted({row.core.pattern[:40] for row in CORES} | {"Access to a at '", "cannot load a:", "Origin a"})
)
def test_reading_takes_no_time_whatever_is_repeated(core):
    text = (core + " ") * (LONGEST_MESSAGE // len(core))
    started = time.process_time()
    read(text, NOBODY)
    read(text.replace(" ", ""), NOBODY)
    assert time.process_time() - started < 2


@given(st.lists(st.sampled_from([text for text, *_ in MESSAGES]) | st.text(max_size=60), max_size=6).map(" ".join))
def test_reading_never_raises(text):
    for message in read(text, NOBODY):
        assert message.name


# Messages under a policy

TOML = """\
allow_origins = ["https://app.example.com"]
allow_methods = ["GET", "POST"]

[environments.production]
allow_headers = ["X-A"]

[environments.open]
allow_headers = ["X-Token"]
"""


def test_a_policy_beside_a_message_says_whether_it_would_grant_it(here):
    (here / "cors.toml").write_text(TOML)
    text = (
        f"{BLOCKED}Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response."
    )
    refused = run(text, "--policy", "cors.toml", "--env", "production")
    assert "cors.toml does not grant it:\n  header x-token: It is not among X-A.\n" in refused.stdout
    assert 'Change cors.toml, line 5\n    allow_headers = ["X-A", "x-token"]\n' in refused.stdout
    granted = run(text, "--policy", "cors.toml", "--env", "open")
    assert "cors.toml grants it: so the answer came from elsewhere" in granted.stdout
    assert granted.exit_code == 1
    (said,) = document(text, "--policy", "cors.toml", "--env", "open")["messages"]
    assert said["under_policy"]["shared"] is True


# A policy

# What the policy says, what is asked, the reason, and what is to be changed (for each line of the file).
UNDER = [
    ({}, {}, None, {}),
    ({}, {"origin": "https://www.example.com"}, "missing_allow_origin", {"allow_origins": [APP, "https://www.example.com"]}),
    ({}, {"method": "PUT"}, "method_not_allowed", {"allow_methods": ["GET", "HEAD", "POST", "PUT"]}),
    ({}, {"method": "POST", "headers": ["Content-Type"]}, "header_not_allowed", {"allow_headers": ["Content-Type"]}),
    ({}, {"method": "POST", "headers": ["content-type: text/plain"]}, None, {}),
    ({}, {"headers": ["X-A", "X-B: 1"]}, "header_not_allowed", {"allow_headers": ["X-A", "X-B"]}),
    ({}, {"credentials": True}, "allow_credentials_not_true", {"allow_credentials": True}),
    (
        {"allow_headers": ["X-A"]},
        {"origin": "https://b.example", "method": "PUT", "headers": ["X-A", "X-B"], "credentials": True},
        "preflight_missing_allow_origin",
        {
            "allow_origins": [APP, "https://b.example"],
            "allow_methods": ["GET", "HEAD", "POST", "PUT"],
            "allow_headers": ["X-A", "X-B"],
            "allow_credentials": True,
        },
    ),
    ({"allow_origins": "*"}, {"credentials": True}, "wildcard_with_credentials", {"allow_origins": [APP], "allow_credentials": True}),
    (
        {"allow_origins": "*", "allow_headers": "*"},
        {"credentials": True},
        "wildcard_with_credentials",
        {"allow_origins": [APP], "allow_credentials": True, "allow_headers": ["Content-Type", "Authorization"]},
    ),
    ({"allow_origins": "*", "allow_headers": "*"}, {"headers": ["Authorization"]}, "header_not_allowed", {"allow_headers": ["*", "Authorization"]}),
    ({"allow_origins": "*"}, {"origin": "null"}, None, {}),
    ({}, {"origin": "null"}, "missing_allow_origin", {"allow_origins": "*"}),
    ({"allow_credentials": True}, {"origin": "http://b.example"}, "missing_allow_origin", None),
    ({}, {"method": "patch"}, "method_not_allowed", {"allow_methods": ["GET", "HEAD", "POST", "PATCH"]}),
    (
        {"allow_origins": ["https://*.github.io", "https://b.example"]},
        {"origin": "https://me.github.io", "credentials": True},
        "allow_credentials_not_true",
        {"allow_origins": ["https://b.example", "https://me.github.io"], "allow_credentials": True},
    ),
    ({"allow_origins": ["http://b.example"]}, {"origin": "http://b.example", "credentials": True}, "allow_credentials_not_true", None),
    (
        {"allow_unsafe_origins": {"http://b.example": "a kiosk"}},
        {"origin": "null"},
        "missing_allow_origin",
        {"allow_origins": "*", "allow_unsafe_origins": {}},
    ),
    ({}, {"method": "TRACE"}, "forbidden_method", None),
]  # fmt: skip


def asked_of(asked):
    headers = [with_value(*map(str.strip, text.split(":"))) for text in asked.get("headers", ())]
    credentials = asked.get("credentials", False)
    return staged(asked.get("origin", APP), "/items", asked.get("method", "GET"), headers, with_credentials=credentials)


@pytest.fixture
def module(here):
    name = next(NAMES)
    yield here / f"{name}.py"
    sys.modules.pop(name, None)


@pytest.mark.parametrize(("keywords", "asked", "reason", "fix"), UNDER)
def test_a_request_is_rehearsed_and_its_fix_grants_it(module, keywords, asked, reason, fix):
    said = {"allow_origins": [APP], **keywords}
    module.write_text(f"API = {said!r}\n")
    asked = asked_of(asked)
    told = rehearse(load_guarded(f"{module.stem}:API"), asked)
    assert (told.error.reason if told.error else None) == reason
    changed = {keyword: value for change in told.edits for keyword, value in change.fix.policy.items()}
    assert fix is None or changed == fix
    assert fix is None or not [problem for change in told.edits for problem in change.problems]
    if changed and fix is not None:
        mended = replace(Policy(**said), **changed)
        environ = {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": asked.page_origin}
        outcome = explain_request(mended, environ)
        assert outcome.goes_on_with_credentials if asked.with_credentials else outcome.goes_on


@pytest.mark.parametrize(("keywords", "asked", "reason", "fix"), UNDER)
def test_a_request_is_told_in_text_and_as_json(module, keywords, asked, reason, fix):
    module.write_text(f"API = { ({'allow_origins': [APP]} | keywords)!r}\n")
    arguments = ["--page", asked.get("origin", APP), "-X", asked.get("method", "GET"), "--path", "/items"]
    arguments += [word for text in asked.get("headers", ()) for word in ("-H", text)]
    arguments += ["--credentials"] * asked.get("credentials", False)
    done = run(f"{module.stem}:API", *arguments)
    assert done.exit_code == (0 if reason is None else 1)
    assert done.stdout.startswith("SHARED  " if reason is None else "BLOCKED  ")
    data = document(f"{module.stem}:API", *arguments)
    assert (data["shared"], data["reason"]) == (reason is None, reason)
    assert data["verdict"] in done.stdout
    for change in data["changes"]:
        assert "\n    ".join([f"Change {change['place']}", *change["lines"]]) in done.stdout


def test_the_cause_and_the_line_to_change_come_first(here):
    (here / "cors.toml").write_text(TOML)
    shown = run("cors.toml", "--env", "production", "--page", APP, "-X", "PUT", "-H", "X-Token: sekret-1").stdout
    assert shown.split("\n")[:9] == [
        f"BLOCKED  PUT https://api.example.com/ failed for a page on {APP}: the answer to the preflight does not allow the method PUT.",
        "  method PUT: It is not among GET, POST.",
        "  header x-token: It is not among X-A.",
        "",
        "Change cors.toml, line 2",
        '    allow_methods = ["GET", "POST", "PUT"]',
        "",
        "Change cors.toml, line 5",
        '    allow_headers = ["X-A", "X-Token"]',
    ]
    assert "Chromium says: Access to fetch at 'https://api.example.com/' from origin" in shown
    assert "     NO  method      PUT: It is not among GET, POST." in shown
    assert "   < Access-Control-Allow-Methods: GET, POST" in shown
    assert "sekret" not in shown


def test_the_value_of_a_header_is_shown_nowhere(here):
    (here / "cors.toml").write_text('allow_origins = "*"\n')
    for value in ("sekret-1", "sekret-\u20ac", "sekret-\n"):
        done = run("cors.toml", "--page", APP, "-H", f"X-A: {value}", "--path", "/sekret-1")
        assert "sekret-" not in done.output
    # Not even where something else says it.
    shown = run("cors.toml", "--page", APP, "-H", "X-A: sekret-1", "--path", "/sekret-1").stdout
    assert "> OPTIONS /(not shown)" in shown
    refused = run("cors.toml", "--page", APP, "-H", "X-A: sekret-\u20ac")
    assert refused.exit_code == 2
    assert "the value of X-A has a line end, NUL or a character that is no byte" in refused.stderr


def test_both_the_preflight_and_the_request_are_shown(here):
    (here / "cors.toml").write_text('allow_origins = "*"\nallow_methods = ["PUT"]\n')
    shown = run("cors.toml", "--page", APP, "--method", "PUT").stdout
    assert re.findall(r"^\d\. .*|^ {3}[<>] (?:[A-Z]+ /|\d+)$", shown, re.MULTILINE) == [
        "1. The preflight",
        "   > OPTIONS /",
        "   < 204",
        "2. The request",
        "   > PUT /",
        "   < 200",
    ]


def test_a_file_may_have_a_space_in_its_name(here):
    (here / "my cors.toml").write_text('allow_origins = "*"\n')
    assert run("my cors.toml", "--page", APP).exit_code == 0


SETTINGS = """
SECRET_KEY = "tests only"
MIDDLEWARE = []
CORSGUARD = {"allow_origins": ["https://app.example.com"]}
"""


def test_settings_without_the_middleware_share_nothing_and_the_line_is_named(here):
    (here / "shop.py").write_text(SETTINGS)
    variables = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-m", "corsguard", "explain", "shop", "--page", APP],
        capture_output=True,
        text=True,
        check=False,
        env={**variables, "PYTHONPATH": os.pathsep.join([str(ROOT), variables.get("PYTHONPATH", "")])},
    )
    assert done.stderr == ""
    assert done.returncode == 1
    first, second, third, *_ = done.stdout.split("\n")
    assert first.startswith("BLOCKED  ")
    assert second == "  W901 The middleware is not in MIDDLEWARE, so nothing is shared."
    assert third.startswith('       fix: MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]')


def test_what_policy_has_against_a_change_is_said_beside_it(here):
    (here / "cors.toml").write_text('allow_origins = ["https://app.example.com"]\nallow_credentials = true\n')
    shown = run("--page", "http://b.example").stdout
    assert (
        'Change cors.toml, line 1\n    allow_origins = ["https://app.example.com", "http://b.example"]\n    but E302: '
        in shown
    )
    (change,) = document("--page", "http://b.example")["changes"]
    assert [problem["code"] for problem in change["problems"]] == ["E302"]


def test_a_path_that_no_policy_guards_is_said(here):
    (here / "cors.toml").write_text('[paths]\n"/api" = { allow_origins = "*" }\n')
    done = run("--page", APP, "--path", "/apiary")
    assert done.exit_code == 1
    assert "No policy guards this path" in done.stdout
    assert "Give /apiary a policy: under paths, or with @cors on its view." in done.stdout
    assert run("--page", APP, "--path", "/api/x").exit_code == 0


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/api/closed", "The path is closed (None)"),
        ("/api/open", "No policy guards this path"),
        ("/api//closed", "The path can be read in several ways"),
        ("/api%252Fclosed", "The path can be read in several ways"),
    ],
)
def test_why_a_path_has_no_policy_is_said(here, path, said):
    paths = '"/api" = { allow_origins = "*" }\n"/api/closed" = "none"\n"/api/open" = "unguarded"\n'
    (here / "cors.toml").write_text(f"[paths]\n{paths}")
    done = run("--page", APP, "--path", path)
    assert done.exit_code == 1
    assert said in done.stdout


FLASK = """
from corsguard_flask import CORSGuard, cors
from flask import Flask

app = Flask(__name__)

@app.put("/tagged")
@cors(allow_origins=["https://app.example.com"], allow_methods=["PUT"])
def tagged():
    return "x"

CORSGuard(app, {"allow_origins": ["https://b.example"]})
"""


def test_a_tagged_view_is_changed_where_it_is_tagged(module):
    module.write_text(FLASK)
    name = f"{module.stem}:app"
    assert run(name, "--page", APP, "-X", "PUT", "--path", "/tagged").exit_code == 0
    shown = run(name, "--page", APP, "-X", "PUT", "--path", "/tagged", "-H", "X-A").stdout
    assert 'Change view tagged\n    @cors(..., allow_headers=["X-A"])' in shown
    shown = run(name, "--page", APP, "--path", "/").stdout
    assert f'Change {name}\n    CORSGuard(app, {{..., "allow_origins": ["https://b.example", "{APP}"]}})' in shown


def test_a_page_on_the_origin_that_stands_for_the_server_asks_another(here):
    (here / "cors.toml").write_text('allow_origins = ["https://app.example.com"]\n')
    done = run("--page", "https://api.example.com")
    assert done.exit_code == 1
    assert "(https://server.example.com stands for the server.)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cors.toml"], ["--page https://app.example.com", "taken for a message", "mysite.settings"]),
        (["cors.toml", "--page", f"{APP} "], ["--page", "has a space"]),
        (["cors.toml", "--page", "https://*.example.com"], ["is a pattern; a page has one origin"]),
        (["cors.toml", "--page", "app.example.com"], ["does not begin with a scheme"]),
        (["cors.toml", "--page", APP, "--path", "items"], ['"items" is no path: write /items']),
        (["cors.toml", "--page", APP, "-X", "P T"], ["is no method name"]),
        (["cors.toml", "--page", APP, "-H", "X A"], ["'X A' is no header name"]),
        (["cors.toml", "--page", APP, "--framework", "flask"], ["go with a message"]),
        (["cors.toml", "--page", APP, "--policy", "cors.toml"], ["go with a message"]),
        (["cors.toml", "--page", APP, "--env", "production"], ["has no environments"]),
        (["corse.toml", "--page", APP], ["There is no file corse.toml", "Did you mean cors.toml?"]),
        (["https://api.example.com/items"], ["corsguard check https://api.example.com/items"]),
    ],
)
def test_what_is_no_request_is_a_usage_error_with_the_fix(here, arguments, said):
    (here / "cors.toml").write_text('allow_origins = "*"\n')
    done = run(*arguments)
    assert done.exit_code == 2
    for words in said:
        assert words in done.stderr


@pytest.mark.parametrize(
    "beside",
    [
        f"GET {API} net::ERR_FAILED 200 (OK)",
        "Failed to load resource: the server responded with a status of 404 (NOT FOUND)",
        "TypeError: Failed to fetch",
    ],
)
def test_a_line_that_says_only_that_something_failed_stands_back(beside):
    told = f"{CHECK}It does not have HTTP ok status."
    assert [message.name for message in read(f"{beside}\n{told}", NOBODY)] == ["preflight_status"]
    assert [message.name for message in read(f"{told}\n{beside}", NOBODY)] == ["preflight_status"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('Refused to get unsafe header "X-Total"', "--read X-Total"),
        ('This Set-Cookie was blocked because it has the "SameSite=Lax" attribute', "--credentials"),
        ("GET http://localhost:3000/items net::ERR_CONNECTION_REFUSED", "--page http://localhost:5173"),
        ("GET http://127.0.0.1:5000/items net::ERR_CONNECTION_REFUSED", "--page http://localhost:3000"),
        ("GET http://api.example.com/items net::ERR_CONNECTION_REFUSED", "--page http://app.example.com"),
    ],
)
def test_the_next_command_asks_as_the_page_did(text, words):
    (said,) = document(text)["messages"]
    assert words in said["next"]


def test_a_status_of_a_preflight_is_no_matter_of_keywords():
    text = f"{CHECK}It does not have HTTP ok status."
    done = run(text, "--framework", "django")
    assert "MIDDLEWARE = [" in done.stdout
    assert "preflight_status" not in done.stdout
    assert "CORSGuard" not in done.stdout
