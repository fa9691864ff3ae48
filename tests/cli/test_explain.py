# ruff: noqa: E501 - what a console prints in one line stands here in one
"""
`corsguard explain` reads its options, and says what happens to a request, or what a message of a console means.
"""

import re
import shlex

import pytest
from kit.checking import in_process
from kit.explaining import API, APP, BLOCKED, CHECK, MESSAGES, REFUSED, document, run

from corsguard.diagnosis.consoles import LONGEST_MESSAGE
from corsguard.names import EXAMPLE_ORIGIN as PAGE


def test_a_request_header_is_shown_without_its_value(tmp_path):
    file = tmp_path / "cors.toml"
    file.write_text(f'allow_origins = ["{APP}"]\nallow_headers = ["X-Pin", "Content-Type"]\n', encoding="utf-8")
    found = run(str(file), "--page", APP, "-H", "X-Pin: 789", "-H", "Content-Type: application/json").stdout
    assert "   > X-Pin: (not shown)\n" in found
    assert "   > Content-Type: application/json\n" in found


@pytest.mark.parametrize(
    ("framework", "line"),
    [
        ("wsgi", 'WSGI:    CORSMiddleware(application, {..., "allow_headers": ["X-Token"]})'),
        ("asgi", 'ASGI:    CORSMiddleware(app, {..., "allow_headers": ["X-Token"]})'),
        ("fastapi", 'FastAPI: CORSGuard(app, {..., "allow_headers": ["X-Token"]})'),
        ("flask", 'Flask:   CORSGuard(app, {..., "allow_headers": ["X-Token"]})'),
        ("django", 'Django:  CORSGUARD = {..., "allow_headers": ["X-Token"]}'),
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
    assert all_of_them.count('"X-Token"') == 6


@pytest.mark.parametrize(
    "text", ["Preflight response is not successful. Status code: 401", "TypeError: Failed to fetch", "net::ERR_FAILED"]
)
def test_a_placeholder_for_an_unnamed_server_is_explained(text):
    """
    The message names no server, so the output says what stands for it.
    """
    assert (
        "https://api.example.com/ stands for the URL, which the message does not name: replace it with the URL of the request"
        in run(text).stdout
    )


def test_blacked_out_values_and_missing_values_are_reported_as_such():
    text = "XMLHttpRequest cannot load http://...... Cannot use wildcard in Access-Control-Allow-Origin when"
    shown = run(text).stdout
    assert (
        "http://api.example.com/ stands for the URL, which the message hides: replace it with the URL of the request"
        in shown
    )
    # A page of https could not request it.
    assert "http://app.example.com stands for the page, which the message does not name: set it with --page" in shown
    (said,) = document(text)["messages"]
    assert (said["assumed"], said["redacted"]) == (["url", "page"], ["url"])


@pytest.mark.parametrize(
    "text",
    [
        "XMLHttpRequest cannot load XXXXXX. Cannot use wildcard in Access-Control-Allow-Origin when",
        "XMLHttpRequest cannot load (the url). Response for preflight is invalid (redirect)",
        "A cookie associated with a cross-site resource at <URL> was set without the `SameSite` attribute.",
        "Refused to display 'https://DOMAIN/x' in a frame because it set 'X-Frame-Options' to 'DENY'.",
        "Failed to load [my api]: No 'Access-Control-Allow-Origin' header is present",
    ],
)
def test_a_word_in_place_of_a_url_means_that_it_is_blacked_out(text):
    (said,) = document(text)["messages"]
    assert said["redacted"] == ["url"]


@pytest.mark.parametrize(
    ("rest", "stands"),
    [
        # The text names no method. The command has POST or PUT, and the policy has METHOD.
        ("Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response.", ""),
        ("Response to preflight request doesn't pass access control check: It does not have HTTP ok status.", "POST"),
        ("Did not find method in CORS header 'Access-Control-Allow-Methods'", "METHOD"),
    ],
)
def test_a_placeholder_for_a_method_is_only_explained_if_it_is_shown(rest, stands):
    shown = run(f"{BLOCKED}{rest}").stdout
    assert shown.count("set it with -X") == bool(stands)
    assert f"{stands} stands for" in shown or not stands


def test_no_scheme_is_invented_for_a_host():
    text = "Access to fetch at 'bar.example/api' from origin 'foo.example' has been blocked by CORS policy: "
    shown = run(f"{text}No 'Access-Control-Allow-Origin' header is present on the requested resource.").stdout
    assert shown.startswith("Chromium: bar.example/api failed: ")
    for stands in ("https://bar.example/api stands for the URL", "https://foo.example stands for the page"):
        assert f"{stands}, which the message does not name in full: " in shown


def test_an_option_adds_what_a_message_does_not_name():
    text = f"{REFUSED}Did not find method in CORS header \u2018Access-Control-Allow-Methods\u2019)."
    shown = run(text).stdout
    assert "METHOD stands for the method, which the message does not name: set it with -X" in shown
    assert f"{PAGE} stands for the page, which the message does not name: set it with --page" in shown
    known = run(
        text, "--page", "http://localhost:3000", "--method", "PUT", "-H", "x-a: secret7", "--credentials"
    ).stdout
    assert "stands for" not in known
    assert '"PUT"' in known
    assert f"corsguard check {API} --page http://localhost:3000 -X PUT -H 'x-a: ...' --credentials" in known
    assert "secret7" not in known


@pytest.mark.parametrize("browser", ["Chromium", "Firefox", "Safari"])
def test_the_browser_of_the_message_is_named(browser):
    text = {"Chromium": MESSAGES[0][0], "Firefox": MESSAGES[3][0], "Safari": MESSAGES[5][0]}[browser]
    assert run(text).stdout.startswith(f"{browser}: ")
    assert document(text)["messages"][0]["browser"] == browser


def test_a_message_comes_as_one_argument_as_words_or_from_stdin():
    text = MESSAGES[0][0]
    whole = run(text)
    assert run(*text.split(" ")).stdout == whole.stdout
    assert run("-", input=text).stdout == whole.stdout
    assert run(input=text).stdout == whole.stdout
    assert "Name the page that sends the request" in run(input="").stderr
    assert run("net::ERR_BLOCKED_BY_ORB").stdout.startswith("Chromium: Not CORS but Opaque Response Blocking")


@pytest.mark.parametrize(("sent", "written"), [("x-csrftoken", "X-CSRFToken"), ("x-shop-id", "X-Shop-Id")])
def test_a_header_to_allow_has_its_usual_spelling(sent, written):
    """
    Browsers name it in lower case.
    """
    line = f"Access to fetch at '{API}' from origin 'http://localhost:3000' has been blocked by CORS policy: "
    line += f"Request header field {sent} is not allowed by Access-Control-Allow-Headers in preflight response."
    assert f"Access-Control-Allow-Headers: {written}\n" in run(line).stdout


@pytest.mark.parametrize("text", ["something else entirely", "-", "Access to nothing"])
def test_an_unknown_message_is_a_usage_error_that_says_what_was_searched_for(text):
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
def test_no_text_of_a_message_reaches_a_terminal_or_a_shell_unescaped(text):
    done = run(text)
    assert done.exit_code == 1
    assert all(char.isprintable() or char == "\n" for char in done.stdout)
    assert len(done.stdout) < 20_000
    shlex.split(document(text)["messages"][0]["next"])
    assert "$(reboot)" not in document(text)["messages"][0]["next"].replace("'$(reboot)'", "")


TOML = """\
allow_origins = ["https://app.example.com"]
allow_methods = ["GET", "POST"]

[environments.production]
allow_headers = ["X-A"]

[environments.open]
allow_headers = ["X-Token"]
"""


def test_a_policy_next_to_a_message_says_whether_it_would_grant_it(here):
    (here / "cors.toml").write_text(TOML)
    text = (
        f"{BLOCKED}Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response."
    )
    refused = run(text, "--policy", "cors.toml", "--env", "production")
    assert "cors.toml does not grant it:\n  header x-token: It is not one of X-A.\n" in refused.stdout
    assert 'Change cors.toml, line 5\n    allow_headers = ["X-A", "x-token"]\n' in refused.stdout
    granted = run(text, "--policy", "cors.toml", "--env", "open")
    assert "cors.toml grants it: so the answer came from something else" in granted.stdout
    assert granted.exit_code == 1
    (said,) = document(text, "--policy", "cors.toml", "--env", "open")["messages"]
    assert said["under_policy"]["shared"] is True


def test_the_cause_and_the_line_to_change_come_first(here):
    (here / "cors.toml").write_text(TOML)
    shown = run("cors.toml", "--env", "production", "--page", APP, "-X", "PUT", "-H", "X-Token: sekret-1").stdout
    assert shown.split("\n")[:9] == [
        f"BLOCKED  PUT https://api.example.com/ failed for a page on {APP}: the answer to the preflight does not allow the method PUT.",
        "  method PUT: It is not one of GET, POST.",
        "  header x-token: It is not one of X-A.",
        "",
        "Change cors.toml, line 2",
        '    allow_methods = ["GET", "POST", "PUT"]',
        "",
        "Change cors.toml, line 5",
        '    allow_headers = ["X-A", "X-Token"]',
    ]
    assert "Chromium says: Access to fetch at 'https://api.example.com/' from origin" in shown
    assert "     NO  method      PUT: It is not one of GET, POST." in shown
    assert "   < Access-Control-Allow-Methods: GET, POST" in shown
    assert "sekret" not in shown


def test_the_value_of_a_header_is_shown_nowhere(here):
    (here / "cors.toml").write_text('allow_origins = "*"\n')
    for value in ("sekret-1", "sekret-\u20ac", "sekret-\n"):
        done = run("cors.toml", "--page", APP, "-H", f"X-A: {value}", "--path", "/sekret-1")
        assert "sekret-" not in done.output
    # It is not shown either if another value contains it.
    shown = run("cors.toml", "--page", APP, "-H", "X-A: sekret-1", "--path", "/sekret-1").stdout
    assert "> OPTIONS /(not shown)" in shown
    refused = run("cors.toml", "--page", APP, "-H", "X-A: sekret-\u20ac")
    assert refused.exit_code == 2
    assert "the value of X-A has a line end, NUL or a character that is not a byte" in refused.stderr


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
    done = in_process("explain", "shop", "--page", APP)
    # On a slow machine, the command says what takes long.
    assert done.stderr in {"", "Loading the policy\n"}
    assert done.returncode == 1
    first, second, third, *_ = done.stdout.split("\n")
    assert first.startswith("BLOCKED  ")
    assert second == "  W901 The middleware is not in MIDDLEWARE, so nothing is shared."
    assert third.startswith('       fix: MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]')


def test_a_change_that_the_policy_refuses_is_reported_with_the_reason(here):
    (here / "cors.toml").write_text('allow_origins = ["https://app.example.com"]\nallow_credentials = true\n')
    shown = run("--page", "http://b.example").stdout
    assert (
        'Change cors.toml, line 1\n    allow_origins = ["https://app.example.com", "http://b.example"]\n    but E302: '
        in shown
    )
    (change,) = document("--page", "http://b.example")["changes"]
    assert [problem["code"] for problem in change["problems"]] == ["E302"]


def test_a_path_without_a_policy_is_reported(here):
    (here / "cors.toml").write_text('[paths]\n"/api" = { allow_origins = "*" }\n')
    done = run("--page", APP, "--path", "/apiary")
    assert done.exit_code == 1
    assert "No policy guards this path" in done.stdout
    assert "Give /apiary a policy: under paths or hosts, or with @cors on its view." in done.stdout
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
def test_the_reason_why_a_path_has_no_policy_is_reported(here, path, said):
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


def test_a_page_with_the_origin_of_the_placeholder_asks_another_server(here):
    (here / "cors.toml").write_text('allow_origins = ["https://app.example.com"]\n')
    done = run("--page", "https://api.example.com")
    assert done.exit_code == 1
    assert "(https://server.example.com stands for the server.)" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["cors.toml"], ["--page https://app.example.com", "a message from a console", "mysite.settings"]),
        (["cors.toml", "--page", "https://a b"], ["--page", "Expected one origin"]),
        (
            ["cors.toml", "--page", "https://*.example.com"],
            ['A page has one origin, and "https://*.example.com" is a pattern'],
        ),
        (["cors.toml", "--page", "app.example.com"], ["does not begin with a scheme"]),
        (["cors.toml", "--page", APP, "--path", "items"], ['"items" is not a path: write, for example, /items']),
        (["cors.toml", "--page", APP, "-X", "P T"], ["is not a method name"]),
        (["cors.toml", "--page", APP, "-H", "X A"], ["'X A' is not a header name"]),
        (["cors.toml", "--page", APP, "--framework", "flask"], ["are only for a message"]),
        (["cors.toml", "--page", APP, "--policy", "cors.toml"], ["are only for a message"]),
        (["cors.toml", "--page", APP, "--env", "production"], ["has no environments"]),
        (["corse.toml", "--page", APP], ["There is no file corse.toml", "Did you mean cors.toml?"]),
        (["https://api.example.com/items"], ["corsguard check https://api.example.com/items"]),
    ],
)
def test_a_wrong_request_is_a_usage_error_with_the_fix(here, arguments, said):
    (here / "cors.toml").write_text('allow_origins = "*"\n')
    done = run(*arguments)
    assert done.exit_code == 2
    for words in said:
        assert words in done.stderr


def test_a_list_in_place_of_a_star_is_explained():
    """
    It closes a public API to all others, and the output says so.
    """
    line = (
        f"Access to fetch at 'https://api.example.com/items' from origin '{APP}' has been blocked by CORS policy: The "
        "value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the "
        "request's credentials mode is 'include'."
    )
    shown = run(line).stdout
    assert "Write it in place of *:" in shown
    assert "every other origin that reads today has to be listed, too" in shown
    assert "Add it to what the policy lists" not in shown


def test_a_wrong_status_of_a_preflight_has_no_fix_by_keywords():
    text = f"{CHECK}It does not have HTTP ok status."
    done = run(text, "--framework", "django")
    assert "MIDDLEWARE = [" in done.stdout
    assert "preflight_status" not in done.stdout
    assert "CORSGuard" not in done.stdout


@pytest.mark.parametrize(
    "name",
    [
        "blocked:csp",
        "ERR_CERT_DATE_INVALID",
        "net::ERR_FAILED",
        "(failed)net::ERR_FAILED",
        "HeaderDisallowedByPreflightResponse",
    ],
)
def test_the_name_of_a_failure_is_a_message_in_one_word(name):
    told = run(name)
    assert (told.exit_code, told.stderr) == (1, "")
    assert "Look at, in this order:" in told.stdout


@pytest.mark.parametrize(
    "text",
    [
        f"SEC7118: XMLHttpRequest for {API} required Cross Origin Resource Sharing (CORS).",
        f"[Report Only] Refused to connect to '{API}' because it violates the following Content Security Policy directive: \"connect-src 'self'\".",
    ],
)
def test_what_a_browser_only_notes_is_not_blocked(text):
    assert run(text).exit_code == 0
    assert run(f"{text}\n{CHECK}It does not have HTTP ok status.").exit_code == 1


def test_another_request_of_a_network_panel_is_reported_too():
    panel = "General\nRequest URL:https://api.example.net/other\nRequest Method:GET\nStatus Code:522\n\nResponse Headers\nserver:nginx"
    told = run(f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present.\n\n{panel}").stdout
    assert "2 of 2" in told
    assert "The status is 522." in told
    own = panel.replace("/other", "/items")
    assert "1 of" not in run(f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present.\n\n{own}").stdout


def test_a_module_with_the_name_of_a_failure_is_a_policy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "blocked.py").write_text("csp = {'allow_origins': ['https://app.example.com']}\n")
    assert "It is not listed." in run("blocked:csp", "--page", "https://b.example").stdout
