# ruff: noqa: E501, RUF001 - what a console prints in one line stands here in one
"""
A message is explained: its cause, its fix, and the command that finds out more.
"""

import json
import shlex

import pytest
from kit.explaining import API, APP, BLOCKED, CHECK, MESSAGES, OLD, REFUSED, SAFARI, document, run

from corsguard import Policy
from corsguard.browser.urls import is_trustworthy
from corsguard.diagnosis.lookalikes import LOOKALIKES
from corsguard.diagnosis.messages import OLD_MICROSOFT, OLD_WEBKIT
from corsguard.names import EXAMPLE_ORIGIN as PAGE


@pytest.mark.parametrize(("text", "name", "page"), MESSAGES)
def test_a_message_is_explained_with_cause_fix_and_the_next_command(text, name, page):
    done = run(text)
    assert done.exit_code == (0 if "Only a warning" in done.stdout else 1)
    (said,) = document(text)["messages"]
    assert said["name"] == name
    assert said["meaning"]
    assert said["fix"]["words"]
    assert said["look_at"]
    assert said["meaning"] in done.stdout
    if (name in LOOKALIKES and not LOOKALIKES[name].check_helps) or name == "bad_scheme":
        assert said["next"] is None
        assert "Next: " not in done.stdout
        return
    command = shlex.split(said["next"])
    assert command[:2] == ["corsguard", "check"]
    assert command[3:5] == ["--page", page]
    assert done.stdout.rstrip().endswith(said["next"])


@pytest.mark.parametrize(
    ("text", "is_checked"),
    [
        ("Access to script at 'x' from origin 'null' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: http, data, https.", False),
        ("Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at file:///x.json. (Reason: CORS request not http).", False),
        ("Failed to construct 'Worker': Script at 'file:///w.js' cannot be accessed from origin 'null'.", False),
        ("Failed to construct 'Worker': Script at 'http://localhost:3000/w.js' cannot be accessed from origin 'http://localhost:3001'.", False),
        ("Access to fetch at 'https://ntp.example/' from origin 'chrome-search://local-ntp' has been blocked by CORS policy", False),
        ("Access to fetch at 'chrome-extension://abc/x' from origin 'https://app.example.com' has been blocked by CORS policy", False),
        (f"{BLOCKED.replace(APP, 'chrome-extension://abcdef')}No 'Access-Control-Allow-Origin' header is present", True),
        (f"{BLOCKED.replace(APP, 'null')}No 'Access-Control-Allow-Origin' header is present", True),
        ("Failed to load resource: Cannot make any requests from null.", True),
        ("Cross-Origin-Opener-Policy policy would block the window.closed call.", False),
        ('Blocked a frame with origin "https://a.example.com" from accessing a cross-origin frame.', False),
        ("Cypress detected a cross origin error happened on page load: > Blocked a frame with origin 'http://localhost:3000'", False),
        ("SharedArrayBuffer will require cross-origin isolation as of M92. See https://developer.chrome.com/blog/x/", False),
    ],
)  # fmt: skip
def test_no_command_follows_where_no_server_can_be_checked(text, is_checked):
    (said,) = document(text)["messages"]
    assert (said["next"] is not None) is is_checked
    assert ("Next: " in run(text).stdout) is is_checked


@pytest.mark.parametrize(
    "text",
    ["Origin is not allowed by Access-Control-Allow-Origin", "origin is not allowed by access-control-allow-origin"],
)
def test_a_line_of_webkit_is_printed_for_another_origin_too(text):
    (said,) = document(text)["messages"]
    assert said["meaning"] == "The response has no Access-Control-Allow-Origin, or one that names another origin."


def test_firefox_up_to_62_prints_null_in_parentheses_for_several_headers():
    text = f"{REFUSED}CORS header ‘Access-Control-Allow-Origin’ does not match ‘(null)’)."
    (said,) = document(text)["messages"]
    assert said["name"] == "multiple_allow_origin"
    assert "two layers add it" in said["fix"]["words"]
    (told,) = document(f"{text}\nAccess-Control-Allow-Origin: https://b.example")["messages"]
    assert told["name"] == "allow_origin_mismatch"


@pytest.mark.parametrize(
    ("url", "is_bucket"),
    [
        ("https://storage.googleapis.com/my-bucket/", True),
        ("https://firebasestorage.googleapis.com/v0/b/a/o", True),
        ("https://my-bucket.s3.eu-west-1.amazonaws.com/a", True),
        ("https://acc.blob.core.windows.net/a", True),
        ("https://abc.execute-api.us-east-1.amazonaws.com/dev", False),
        ("https://s3.example.com/", False),
    ],
)
def test_a_bucket_is_told_from_an_application(url, is_bucket):
    told = run(f"{REFUSED}CORS header ‘Access-Control-Allow-Origin’ missing).".replace(API, url)).stdout
    assert ("This is object storage" in told) is is_bucket
    assert ("Add it to what the policy lists" in told) is not is_bucket
    assert "send:   Access-Control-Allow-Origin: https://app.example.com" in told


def test_a_bucket_in_another_region_is_requested_by_its_own_url():
    url = "https://my-bucket.s3.amazonaws.com/a"
    told = run(f"{CHECK}Redirect is not allowed for a preflight request.".replace(API, url)).stdout
    assert "Let the page request the URL with the region in it" in told
    assert "outermost" not in told
    assert "send: " not in told


def test_a_bucket_needs_no_application_for_a_value_that_is_wrong():
    text = (
        f"{BLOCKED}The 'Access-Control-Allow-Origin' header contains multiple values '*, *', but only one is allowed."
    )
    told = run(text.replace(API, "https://my-bucket.s3.amazonaws.com/a")).stdout
    assert "Two layers add the header" in told
    assert "This is object storage" in told
    assert "Add it to what the policy lists" not in told


@pytest.mark.parametrize(
    ("url", "instead"),
    [
        ("https://login.microsoftonline.com/common/oauth2/v2.0/authorize?client_id=1", "location.assign(url)"),
        ("https://tenant.eu.auth0.com/authorize?response_type=code", "location.assign(url)"),
        ("https://accounts.google.com/o/oauth2/v2/auth?client_id=1", "location.assign(url)"),
        ("https://sso.example.com/auth/realms/a/protocol/openid-connect/auth?scope=openid", "location.assign(url)"),
        ("https://github.com/login/oauth/authorize?client_id=1", "location.assign(url)"),
        ("https://github.com/a/b/blob/main/data/c.json?raw=true", "https://raw.githubusercontent.com/a/b/main/data/c.json"),
        ("https://github.com/a/b/raw/main/c.json", "https://raw.githubusercontent.com/a/b/main/c.json"),
        ("https://api.example.com/authorized", ""),
        ("https://api.example.com/v1/auth", ""),
    ],
)  # fmt: skip
def test_a_page_for_people_is_not_requested_by_a_script(url, instead):
    missing = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present".replace(APP, "https://front.test")
    (said,) = document(missing.replace(API, url))["messages"]
    assert (instead or "The server does not list the origin") in said["fix"]["words"]
    assert (said["next"] is None, "If the server is not yours" in said["fix"]["words"]) == (bool(instead), not instead)
    redirected = missing.replace(f"'{API}'", f"'{url}' (redirected from 'https://api.example.com/me')")
    assert not instead or instead not in document(redirected)["messages"][0]["fix"]["words"]


MISSING = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present".replace(APP, "https://front.test")


@pytest.mark.parametrize(
    ("url", "words", "has_policy"),
    [
        ("https://undefined.s3.amazonaws.com/a", "a variable that has no value", False),
        ("https://undefined/api", "a variable that has no value", False),
        ("https://api.undefined.example/", "The server does not list the origin", True),
        ("https://files.example.com/a?X-Amz-Date=1&X-Amz-Signature=2", "object storage", False),
        ("https://cdn.jsdelivr.net/npm/a.js", "jsdelivr.net serves files" , False),
        ("https://notunpkg.com/a.js", "The server does not list the origin", True),
        ("https://tenant.eu.auth0.com/oauth/token", "Allowed Origins (CORS)", False),
        ("https://dev-1.okta.com/oauth2/v1/token", "Trusted Origins", False),
        ("https://tenant.b2clogin.com/a/oauth2/v2.0/token", "Single-page application", False),
        ("https://sso.example.com/admin/realms/a/users", "Web origins of the client", False),
        ("http://127.0.0.1:54321/functions/v1/hello", "answer OPTIONS itself", False),
        ("http://localhost:5173/renderer.ts", "server.cors", False),
        ("http://127.0.0.1:3000/src/App.tsx", "server.cors", False),
        ("http://127.0.0.1:8080/live/segment1.ts", "The server does not list the origin", True),
        ("https://sso.example.com/auth/realms/a/protocol/openid-connect/token", "Web origins of the client", False),
        ("https://abc.supabase.co/functions/v1/hello", "answer OPTIONS itself", False),
        ("https://abc.supabase.co/rest/v1/items", "The server does not list the origin", True),
        ("https://chat.example.com/socket.io/?EIO=4", "Socket.IO", False),
        ("http://127.0.0.1:11434/api/tags", "OLLAMA_ORIGINS", False),
        ("http://[::1]:5173/@vite/client", "server.cors", False),
        ("https://abc.execute-api.us-east-1.amazonaws.com/dev", "API Gateway may answer OPTIONS", True),
        ("https://abc.lambda-url.us-east-1.on.aws/", "not both", True),
        ("http://localhost:9200/_search", "http.cors.enabled", False),
        ("http://localhost:5984/db", "enable_cors", False),
        ("https://acme.my.salesforce.com/services/data", "Setup, CORS", False),
        ("https://script.google.com/macros/s/AKfy/exec", "Google Apps Script", False),
        ("https://demo.herokuapp.com/a", "the router of herokuapp.com", True),
        ("https://abc.ngrok-free.app/a", "ngrok-skip-browser-warning", True),
        ("https://x-8000.app.github.dev/a", "has to be public", True),
        ("https://d111111abcdef8.cloudfront.net/a", "CloudFront", True),
        ("https://us-central1-a.cloudfunctions.net/f", "not public", True),
        ("https://app.azurewebsites.net/api", "Azure", True),
        ("https://api.azure-api.net/a", "cors policy", True),
        ("https://api.stripe.com/v1/charges", "stripe.com is a public service", False),
        ("https://api.github.com/repos/a/b", "github.com is a public service", False),
        ("https://storage.googleapis.com/b/a", "object storage", False),
        ("https://dynamodb.eu-west-1.amazonaws.com/", "amazonaws.com is a public service", False),
        ("https://stripe.com.example/", "The server does not list the origin", True),
    ],
)  # fmt: skip
def test_who_answers_a_url_decides_what_has_to_change(url, words, has_policy):
    told = run(MISSING.replace(API, url)).stdout
    assert words in told
    assert ("Add it to what the policy lists" in told) is has_policy
    # A login decides by a body that no check sends, and Apps Script has an answer for nothing that stands for a POST.
    is_in_vain = "a variable that has no value" in words or url.endswith("/token") or "script.google" in url
    assert (f"Next: corsguard check {shlex.quote(url)} --page https://front.test" in told) is not is_in_vain


MISMATCH = f"{BLOCKED}The 'Access-Control-Allow-Origin' header has a value 'https://other.example' that is not equal to the supplied origin."
REFUSED_HEADER = (
    f"{BLOCKED}Request header field x-b is not allowed by Access-Control-Allow-Headers in preflight response."
)
SOCKET = "WebSocket connection to '{}' failed: Error during WebSocket handshake: Unexpected response code: {}"


@pytest.mark.parametrize(
    ("text", "url", "never"),
    [
        (MISSING, "https://api.acme.com/payments/authorize", "A login begins"),
        (REFUSED_HEADER, "https://sso.acme.com/oauth2/authorize?client_id=1", "A login begins"),
        (MISSING, "https://games.acme.com/realms/eu/players", "Keycloak"),
        (MISSING, "https://nan.acme.com/x", "has no value"),
        (REFUSED_HEADER, "http://localhost:11434/api", "OLLAMA_ORIGINS"),
        (MISMATCH, "https://abc.ngrok-free.app/a", "a page of its own"),
        (MISMATCH, "https://x-8000.app.github.dev/a", "has to be public"),
        (MISSING, "https://redacted-tools.com/x", "stands for the URL, which the message hides"),
        (MISSING, "https://api.acme.com/click-here", "a part of it is hidden"),
        (MISSING, "http://0.0.0.0:3000/x", "Open the page at http://0.0.0.0"),
        (SOCKET.format(API, 403), "wss://abc-ats.iot.us-east-1.amazonaws.com/mqtt?X-Amz-Signature=ab", "object storage"),
        (f"WebSocket connection to '{API}' failed: ", "wss://api.acme.com/?token=abcdefgh12345", "development server"),
        (f"GET {API} net::ERR_INTERNET_DISCONNECTED", "https://api.openai.com/v1", "an ad blocker"),
    ],
)  # fmt: skip
def test_a_place_says_only_what_is_true_of_it(text, url, never):
    told = run(text.replace(API, url).replace("https://front.test", "http://localhost:3000")).stdout
    assert shlex.quote(url).strip("'") in told
    assert never not in told


def test_what_a_url_puts_into_a_sentence_is_escaped():
    (said,) = document(MISSING.replace(API, "https://github.com/a/b/blob/main/\x1b[31mred"))["messages"]
    assert "raw.githubusercontent.com/a/b/main" in said["fix"]["words"]
    assert "\x1b" not in said["fix"]["words"]


def test_storage_after_a_redirect_is_requested_by_its_own_url():
    text = MISSING.replace(
        f"'{API}'", "'https://b.s3.amazonaws.com/k?X-Amz-Signature=a' (redirected from 'https://api.acme.com/dl')"
    )
    words = document(text)["messages"][0]["fix"]["words"]
    assert "Let the page request the last URL" in words
    assert "load it from a server" not in words


@pytest.mark.parametrize(
    ("names", "allowed"),
    [
        ("x-authorization", ["X-Authorization"]),
        ("x-content-type", ["X-Content-Type"]),
        ("authorisation", ["Authorization"]),
    ],
)
def test_only_a_misspelt_header_is_taken_for_another_one(names, allowed):
    (said,) = document(REFUSED_HEADER.replace("x-b", names))["messages"]
    assert said["fix"]["policy"] == {"allow_headers": allowed}


@pytest.mark.parametrize("listed", ["Access-Control-Allow-Headers: X-A, X-B", "Access-Control-Allow-Headers: x-b,x-c"])
def test_a_list_that_has_the_header_is_of_another_answer(listed):
    (said,) = document(f"{REFUSED_HEADER}\n{listed}")["messages"]
    assert "Listed" not in said["fix"]["words"]


def test_a_framework_without_websockets_has_no_policy_for_one():
    text = SOCKET.format("wss://api.example.com/feed", 403)
    told = run("--framework", "flask", text).stdout
    assert "WSGI has no WebSockets" in told
    assert "Add it to what the policy lists" not in told


def test_what_has_the_header_comes_from_the_application():
    text = (
        f"{BLOCKED}The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*'"
    )
    assert "the router of" not in run(text.replace(API, "https://demo.herokuapp.com/a")).stdout


def test_the_list_of_buckets_is_not_a_bucket():
    (said,) = document(MISSING.replace(API, "https://s3.us-west-1.amazonaws.com/"))["messages"]
    assert "names no bucket" in said["fix"]["words"]
    assert said["next"] is None


def test_a_page_without_an_origin_needs_a_rule_for_every_origin():
    text = MISSING.replace(API, "https://my-bucket.s3.amazonaws.com/a").replace("https://front.test", "null")
    words = document(text)["messages"][0]["fix"]["words"]
    assert "only * in the rules counts" in words
    assert "outermost" not in words


def test_another_page_s_answer_of_a_public_service_was_stored():
    text = f"{BLOCKED}The 'Access-Control-Allow-Origin' header has a value 'https://other.example' that is not equal to the supplied origin."
    words = document(text.replace(API, "https://unpkg.com/a.ttf"))["messages"][0]["fix"]["words"]
    assert "stored for a page of another origin" in words


@pytest.mark.parametrize(
    ("text", "page", "words"),
    [
        (f"{BLOCKED}The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*'", APP, 'leave out credentials: "include"'),
        (f"{BLOCKED}Request header field x-a is not allowed by Access-Control-Allow-Headers in preflight response.", APP, "leave out the request header x-a"),
        (f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present", "https://js.stripe.com", "has nothing to change"),
        (f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present\nGET {API} net::ERR_FAILED 500", APP, "Status 500: the answer is an error"),
    ],
)  # fmt: skip
def test_a_page_can_do_little_about_a_public_service(text, page, words):
    (said,) = document(text.replace(APP, page).replace(API, "https://r.stripe.com/0"))["messages"]
    assert words in " ".join([said["fix"]["words"], *said["fix"]["page"]])
    assert (said["fix"]["policy"], said["fix"]["send"]) == ({}, [])


@pytest.mark.parametrize(("head", "words"), [(BLOCKED, "An element without crossorigin"), (CHECK, "a file needs none")])
def test_a_file_of_a_public_service_needs_no_preflight(head, words):
    text = f"{head}No 'Access-Control-Allow-Origin' header is present".replace(API, "https://unpkg.com/a.js")
    assert words in document(text)["messages"][0]["fix"]["words"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://abcXXXX.execute-api.eu-west-2.amazonaws.com/prod/me", "https://example.execute-api.eu-west-2.amazonaws.com/prod/me"),
        ("https://<tenant>.okta.com/oauth2/v1/userinfo", "https://example.okta.com/oauth2/v1/userinfo"),
        ("https://xxx.yyy.zzz/a/b", "https://api.example.com/a/b"),
        ("https://www.xxx.com/a", "https://www.example.com/a"),
        ("xxxx/api/login", "https://api.example.com/api/login"),
        ("https://SHOP_NAME.myshopify.com/api", "https://example.myshopify.com/api"),
        ("https://bucket-redacted.account_id.r2.cloudflarestorage.com/a.png", "https://example.r2.cloudflarestorage.com/a.png"),
        ("https://xxx.com/me", "https://api.example.com/me"),
        ("https://hass.xxxx.duckdns.org/api", "https://hass.example.duckdns.org/api"),
        ("https://MY-APP-DOMAIN.auth0.com/userinfo", "https://example.auth0.com/userinfo"),
        ("http://xxx:8080/me?a=1", "http://api.example.com:8080/me?a=1"),
        ("https://<host>/a/<id>/b", "https://api.example.com/a/example/b"),
        ("https://***/a/b...", "https://api.example.com/a"),
        ("https://192.168.x.x/a", "https://api.example.com/a"),
        ("https://...", "https://api.example.com/"),
    ],
)  # fmt: skip
def test_of_a_hidden_url_the_rest_counts(url, shown):
    (said,) = document(f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present".replace(API, url))["messages"]
    assert (said["url"], said["redacted"]) == (shown, ["url"])
    told = run(f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present".replace(API, url)).stdout
    assert f"{shown} stands for the URL, which the message hides" in told
    assert told.startswith(f"Chromium: A request of a page on {APP} failed: ")


@pytest.mark.parametrize(
    ("path", "is_hidden", "variable"),
    [
        ("/xxx/js/a.json", True, ""),
        ("/idxxx/privacy", True, ""),
        ("/users/REDACTED/place", True, ""),
        ("/v3/%API_KEY%", True, "%API_KEY%"),
        ("/v3/$API_KEY", True, "$API_KEY"),
        ("/v3/${API_KEY}/a", True, "${API_KEY}"),
        ("/r?json=1&rapi=$GH", False, ""),
        ("/users/maxx/place", False, ""),
        ("/items", False, ""),
    ],
)
def test_a_part_of_the_path_may_be_hidden_or_not_replaced(path, is_hidden, variable):
    text = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present".replace("/items", path)
    notes = document(text)["messages"][0]["notes"]
    assert ("hidden" in " ".join(notes)) is is_hidden
    assert (f"If the panel shows {variable}, too," in " ".join(notes)) is bool(variable)


def test_a_word_in_place_of_the_page_hides_it():
    text = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present".replace(APP, "REDACTED")
    assert document(text)["messages"][0]["redacted"] == ["page"]


@pytest.mark.parametrize("place", ["URL-TO-Wellknown", "at API_URL", "at <MY SERVER>/a"])
def test_a_word_in_place_of_the_url_hides_it(place):
    text = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present".replace(f"at '{API}'", place)
    assert document(text)["messages"][0]["redacted"] == ["url"]


@pytest.mark.parametrize(
    "text",
    [
        "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at <MY SERVER>/a/b?c=1. This can be fixed by moving the resource to the same domain or enabling CORS.",
        f"Access to XMLHttpRequest at\n.../a/b?c=1' from origin '{APP}' has been blocked by CORS policy: It fails.",
    ],
)  # fmt: skip
def test_the_path_after_a_hidden_host_counts(text):
    (said,) = document(text)["messages"]
    assert (said["url"], said["redacted"][:1]) == ("https://api.example.com/a/b?c=1", ["url"])


def test_a_status_of_a_command_is_not_that_of_the_page():
    text = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present.\n\nBut `curl -I {API}`\n\nHTTP/1.1 200 OK\nAccess-Control-Allow-Origin: *"
    assert "(200)" not in document(text)["messages"][0]["meaning"]


def test_a_hidden_redirect_to_a_login_is_seen():
    url = "http://xxx:8080/realms/a/protocol/openid-connect/auth?b=1' (redirected from 'http://xxx:8081/cities"
    told = run(MISSING.replace(f"'{API}'", f"'{url}')")).stdout
    assert "answer 401 to scripts" in told
    assert "http://api.example.com:8081/cities stands for the URL before the redirect, which the message hides" in told
    safari = "Cross-origin redirection to https://<server>/oauth/authorize?a=<b> denied by Cross-Origin Resource Sharing policy: Origin http://localhost:3000 is not allowed by Access-Control-Allow-Origin."
    assert "answer 401 to scripts" in run(safari).stdout


@pytest.mark.parametrize(
    ("row", "is_sure"),
    [
        ("Failed to load resource: the server responded with a status of 404 (Not Found)", False),
        ("HTTP404: NOT FOUND", False),
        (f"GET {API} 404 (Not Found)", True),
        ("items:1 Failed to load resource: the server responded with a status of 404 (Not Found)", True),
    ],
)
def test_a_status_without_a_url_may_be_of_another_request(row, is_sure):
    (said,) = document(f"{row}\n{BLOCKED}No 'Access-Control-Allow-Origin' header is present")["messages"]
    assert ("(404)" in said["meaning"]) is is_sure
    assert said["possible_status"] == (None if is_sure else "404")
    assert said["fix"]["words"].startswith("Status 404. ") is is_sure
    assert ("If it belongs to this request: Status 404. " in said["fix"]["words"]) is not is_sure


@pytest.mark.parametrize(
    ("page", "url", "is_one"),
    [
        ("http://127.0.0.1:8000", "http://localhost:8000/a", True),
        ("http://0.0.0.0:8000", "http://localhost:8000/a", True),
        ("http://localhost:3000", "http://127.0.0.1:8000/a", False),
        ("http://app.test:8000", "http://localhost:8000/a", False),
    ],
)
def test_one_server_with_two_names_is_recognized(page, url, is_one):
    for text in (
        f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present",
        f"{BLOCKED}The request client is not a secure context and the resource is in more-private address space `local`.",
    ):
        (said,) = document(text.replace(APP, page).replace(API, url))["messages"]
        told = " ".join([said["fix"]["words"], *said["notes"]])
        assert ("Open the page at http://localhost:8000" in told) is is_one


@pytest.mark.parametrize(
    ("page", "url", "words"),
    [
        ("https://www.shop.example", "https://shop.example/api", "differ only by www"),
        ("https://shop.example", "https://www.shop.example/api", "differ only by www"),
        ("https://shop.example", "http://shop.example/api", "differ only by https"),
        ("http://shop.example", "https://shop.example/api", "Load the page over https, too"),
        ("https://shop.example", "http://shop.example:8080/api", ""),
        ("https://shop.example", "https://api.shop.example/", ""),
    ],
)
def test_a_page_on_the_same_server_needs_no_cors(page, url, words):
    missing = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present".replace(APP, page).replace(API, url)
    told = document(missing)["messages"][0]["fix"]["words"]
    assert ("then no CORS is needed" in told) is bool(words)
    assert words in told


def test_an_address_to_listen_at_is_not_one_to_request():
    told = run(f"{REFUSED}CORS request did not succeed). Status code: (null).".replace(API, "https://0.0.0.0:3002/x"))
    assert "let the page use localhost" in told.stdout


@pytest.mark.parametrize(
    "url", ["https://acc.blob.core.windows.net/a", "http://10.0.0.2:8082/socket.io/?EIO=3", "http://10.0.0.2:8082/x"]
)
def test_only_a_policy_refuses_a_page_of_http(url):
    text = f"{BLOCKED}The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'."
    (said,) = document(text.replace(APP, "http://10.0.0.1:3000").replace(API, url))["messages"]
    assert "Access-Control-Allow-Origin: http://10.0.0.1:3000" in said["fix"]["send"]
    assert said["fix"]["policy"] == {}
    assert "leave out credentials" in said["fix"]["page"][0]


def test_the_visitor_s_computer_is_not_the_server():
    told = run(MISSING.replace(API, "http://127.0.0.1:4200/a").replace("front.test", "front.com")).stdout
    assert "127.0.0.1 is the computer of the person who opens the page" in told


@pytest.mark.parametrize(
    ("text", "command"),
    [
        (f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but requested an insecure XMLHttpRequest endpoint 'http://api.example.net/a'.", f"corsguard check https://api.example.net/a --page {APP}"),
        ("Access to XMLHttpRequest at 'domain.com:7777/a' from origin 'http://domain.com' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: http, https.", "corsguard check http://domain.com:7777/a --page http://domain.com"),
        ("[blocked] The page at https://app.example.com/ was not allowed to display insecure content from ipc://test.", None),
        (f"{REFUSED}missing token ‘accept’ in CORS header ‘Access-Control-Allow-Headers’ from CORS preflight channel).", f"corsguard check {API} --page https://app.example.com -H 'accept: application/json; v=\"1\"'"),
    ],
)  # fmt: skip
def test_the_next_command_asks_what_the_page_has_to_ask(text, command):
    assert document(text)["messages"][0]["next"] == command


@pytest.mark.parametrize(
    ("text", "seen", "unseen"),
    [
        (f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present", "the status: a 500", "the OPTIONS row"),
        (f"{CHECK}No 'Access-Control-Allow-Origin' header is present", "the OPTIONS row", "the status: a 500"),
        (f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present\nGET {API} 404 (Not Found)", "the row of the request", "the status: a 500"),
        (f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present\nGET {API} 500 (Internal Server Error)", "the status: a 500", "the OPTIONS row"),
        ("Error: Cross origin http://localhost forbidden\n    at Object.validCORSHeaders", "the URL of the document", "Network panel"),
    ],
)  # fmt: skip
def test_nothing_is_looked_at_that_is_said_already(text, seen, unseen):
    look = " ".join(document(text)["messages"][0]["look_at"])
    assert seen in look
    assert unseen not in look


def test_of_two_layers_one_has_to_stop():
    text = (
        f"{BLOCKED}The 'Access-Control-Allow-Origin' header contains multiple values '*, *', but only one is allowed."
    )
    told = run(text).stdout
    assert "If corsguard is the one that sends it:" in told
    assert "Add it to what the policy lists" not in told


@pytest.mark.parametrize(("method", "is_in_doubt"), [("PATCH", True), ("PUT", False)])
def test_only_some_methods_may_be_spelt_wrongly(method, is_in_doubt):
    text = f"{BLOCKED}Method {method} is not allowed by Access-Control-Allow-Methods in preflight response."
    assert ("PATCH, not patch" in run(text).stdout) is is_in_doubt


def test_only_a_policy_of_asgi_guards_a_websocket():
    told = run(
        "WebSocket connection to 'wss://api.example.com/feed' failed: Error during WebSocket handshake: Unexpected response code: 403"
    ).stdout
    assert "    ASGI:" in told
    assert "    WSGI:" not in told


def test_several_failures_are_numbered():
    told = run(f"{MISSING}\nGET https://other.example/a net::ERR_FAILED").stdout
    assert told.startswith("1 of 2\n")
    assert "\n2 of 2\n" in told
    assert "1 of" not in run(MISSING).stdout


def test_a_script_of_the_stack_tells_where_the_page_most_likely_is():
    text = "Error: XMLHttpRequest error.\n at https://api.example.net/negotiate\n at f (http://localhost:63192/dart_sdk.js:4362:12)"
    (said,) = document(text)["messages"]
    assert (said["origin"], "page" in said["assumed"]) == ("http://localhost:63192", True)


@pytest.mark.parametrize(
    ("values", "page"),
    [
        ("https://shop.example, https://shop.example", "https://shop.example"),
        ("null, null", "null"),
        ("*, *", PAGE),
        ("https://shop.example, *", PAGE),
        ("https://shop.example, https://other.example", PAGE),
    ],
)
def test_an_origin_that_is_sent_twice_stands_for_the_page(values, page):
    text = f"The 'Access-Control-Allow-Origin' header contains multiple values '{values}', but only one is allowed."
    (said,) = document(text)["messages"]
    assert (said["origin"], said["assumed"]) == (page, ["url", "page"])


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        (
            f"{BLOCKED}Permission was denied for this request to access the `loopback` address space.",
            f"This is about {API} and a page on {APP}.",
        ),
        (f"Cross-Origin Read Blocking (CORB) blocked cross-origin response {API} with MIME type text/html.", f"This is about {API}."),
        ("Blocked a frame with origin 'https://a.example' from accessing a cross-origin frame.", "This is about a page on https://a.example."),
        ("Tainted canvases may not be exported.", ""),
        (f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present", ""),
    ],
)  # fmt: skip
def test_what_a_line_names_is_said_once(text, subject):
    told = run(text).stdout
    assert told.count("This is about") == bool(subject)
    assert subject in told


@pytest.mark.parametrize(
    ("page", "is_extension"),
    [
        ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", True),
        ("moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc", True),
        ("https://app.example.com", False),
    ],
)
def test_an_extension_may_read_without_cors(page, is_extension):
    told = run(f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present".replace(PAGE, page)).stdout
    assert ("host_permissions" in told) is is_extension


@pytest.mark.parametrize(("origin", "is_letter"), [("h", True), ("localhost:3000", False)])
def test_a_setting_that_is_read_letter_by_letter_is_named(origin, is_letter):
    told = run(f"?: (corsheaders.E013) Origin '{origin}' in CORS_ALLOWED_ORIGINS is missing scheme or netloc").stdout
    assert ("it reads each letter as an origin" in told) is is_letter


def test_the_next_command_has_a_header_where_the_method_needs_no_preflight():
    text = f"POST {API} net::ERR_FAILED\n{CHECK}No 'Access-Control-Allow-Origin' header is present"
    assert document(text)["messages"][0]["next"].endswith(
        " -X POST -H 'content-type: application/json' --preflight-only"
    )
    assert "content-type: application/json stands for the header, which the message does not name" in run(text).stdout


def test_a_redirect_to_a_login_is_not_repaired_by_the_order_of_layers():
    text = (
        "Access to fetch at 'https://login.microsoftonline.com/common/oauth2/authorize?x=1' (redirected from "
        "'https://app.example.com/api/me') from origin 'https://app.example.com' has been blocked by CORS policy: "
        "Response to preflight request doesn't pass access control check: Redirect is not allowed for a preflight "
        "request."
    )
    told = run(text).stdout
    assert "send:   401 Unauthorized" in told
    assert "outermost" not in told


@pytest.mark.parametrize(("path", "is_socket_io"), [("/socket.io/?EIO=4", True), ("/feed", False)])
def test_the_list_of_socket_io_is_named(path, is_socket_io):
    text = f"WebSocket connection to 'wss://api.example.com{path}' failed: Error during WebSocket handshake: Unexpected response code: 403"
    assert ("cors_allowed_origins" in run(text).stdout) is is_socket_io


def test_firefox_and_safari_do_not_distinguish_a_preflight_from_the_response():
    assert "Note: In Firefox, the line is the same for a preflight" in run(MESSAGES[3][0]).stdout
    assert "Note: In Safari, the line is the same for a preflight" in run(MESSAGES[5][0]).stdout
    assert "the line is the same for a preflight" not in run(MESSAGES[0][0]).stdout


def test_safari_does_not_distinguish_an_absent_header_from_another_origin():
    assert "or one that names another origin." in run(MESSAGES[5][0]).stdout
    assert "or one that names another origin." not in run(MESSAGES[0][0]).stdout


def test_a_redirect_is_checked_from_where_the_page_began():
    text = f"Access to fetch at '{API}' (redirected from '{APP}/old') from origin '{APP}' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present"
    told = run(text).stdout
    assert f"Note: The page requested {APP}/old, which redirected there." in told
    assert told.rstrip().endswith(f"corsguard check {APP}/old --page {APP}")


@pytest.mark.parametrize(("page", "is_bare"), [("capacitor://", True), ("app://.", False), (APP, False)])
def test_a_page_without_a_host_is_explained(page, is_bare):
    told = run(MESSAGES[0][0].replace(APP, page)).stdout
    assert ("Note: The page's origin has no host" in told) is is_bare
    assert told.rstrip().endswith(f"--page {page}{'localhost' if is_bare else ''}")


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


@pytest.mark.parametrize(
    ("rest", "fix"),
    [
        ("No 'Access-Control-Allow-Origin' header is present on the requested resource.", {"allow_origins": [APP]}),
        ("Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.", {"allow_methods": ["GET", "HEAD", "POST", "PUT"]}),
        ("Request header field x-token is not allowed by Access-Control-Allow-Headers in preflight response.", {"allow_headers": ["X-Token"]}),
        ("The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when", {"allow_origins": [APP], "allow_credentials": True}),
    ],
)  # fmt: skip
def test_the_fix_is_built_from_what_the_message_names(rest, fix):
    (said,) = document(f"{BLOCKED}{rest}")["messages"]
    assert said["fix"]["policy"] == fix
    assert Policy(**{"allow_origins": [APP], **fix})


def test_the_fix_allows_credentials_if_the_user_says_that_they_are_sent():
    text = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present on the requested resource."
    (said,) = document(text, "--credentials")["messages"]
    assert said["fix"]["policy"] == {"allow_origins": [APP], "allow_credentials": True}


def test_a_line_alone_makes_no_claim_about_the_answer():
    # The console may not say which origins are listed, which status came, or which header was misspelled.
    for text, *_ in MESSAGES:
        shown = run(text).stdout
        assert "Listed: none" not in shown
        assert "Status ." not in shown
        assert '""' not in shown
        assert " ()" not in shown


def test_the_status_in_another_line_is_used():
    """
    It says who answered.
    """
    text = f"{CHECK}No 'Access-Control-Allow-Origin' header is present.\nPUT {API} net::ERR_FAILED 404 (Not Found)\n"
    (said,) = document(text)["messages"]
    assert said["fix"]["words"].startswith("Status 404. OPTIONS reaches the router, which has no route for it")
    assert said["method"] == "PUT"
    assert said["next"] == f"corsguard check {API} --page {APP} -X PUT --preflight-only"


JSON_SENT = " -X POST -H 'content-type: application/json' --preflight-only"


@pytest.mark.parametrize(
    ("text", "more"),
    [
        # Most requests that need a preflight send JSON.
        (f"{CHECK}It does not have HTTP ok status.", JSON_SENT),
        (f"{CHECK}Redirect is not allowed for a preflight request.", JSON_SENT),
        (f"{REFUSED}CORS preflight response did not succeed). Status code: 405.", JSON_SENT),
        (CHECK.rstrip(), JSON_SENT),
        # The page has to leave it out.
        (
            REFUSED_HEADER.replace("x-b", "access-control-allow-origin"),
            JSON_SENT,
        ),
        # Only a method that is not safelisted can be refused.
        (
            f"{REFUSED}Did not find method in CORS header \u2018Access-Control-Allow-Methods\u2019).",
            " -X PUT --preflight-only",
        ),
        (
            f"{BLOCKED}Method PUT is not allowed by Access-Control-Allow-Methods in preflight response.",
            " -X PUT --preflight-only",
        ),
        (
            f"{BLOCKED}Request header field x-a is not allowed by Access-Control-Allow-Headers in preflight response.",
            " -H 'x-a: ...'",
        ),
        (f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present on the requested resource.", ""),
    ],
)
def test_the_next_command_has_the_failed_preflight(text, more):
    assert document(text)["messages"][0]["next"].endswith(f" --page {PAGE}{more}")


@pytest.mark.parametrize(
    ("text", "browser"),
    [
        (f"{OLD}Origin {PAGE} is not allowed by Access-Control-Allow-Origin.", OLD_WEBKIT),
        (f"XMLHttpRequest cannot load [...] Origin {PAGE} is not allowed by Access-Control-Allow-Origin.", OLD_WEBKIT),
        (f"{OLD}Origin {PAGE} is not allowed by Access-Control-Allow-Origin.{SAFARI}", "Safari"),
        (f"[Error] Origin {PAGE} is not allowed by Access-Control-Allow-Origin.", "Safari"),
        ("SEC7120: [CORS] 原点", "Edge up to 18"),
        ("SEC7120: Origin http://a.example not found in Access-Control-Allow-Origin header.", OLD_MICROSOFT),
    ],
)
def test_a_browser_is_only_named_if_the_line_identifies_it(text, browser):
    (said,) = document(text)["messages"]
    assert said["browser"] == browser


WARNING = "When the `Access-Control-Allow-Headers` is `*`, the `Authorization` header is not covered."


@pytest.mark.parametrize(
    "text",
    [
        f"Cross-Origin Request Warning: The Same Origin Policy will disallow reading the remote resource at {API} soon. (Reason: {WARNING})",
        "Authorization will not be covered by the wildcard symbol (*) in CORS `Access-Control-Allow-Headers` handling.",
        f"Avertissement de requête multiorigine (Cross-Origin Request) : {API} (motif : quand la valeur d’« Access-Control-Allow-Headers » est « * », l’en-tête « Authorization » n’est pas traité).",
    ],
)  # fmt: skip
def test_a_warning_is_not_a_failure(text):
    (said,) = document(text)["messages"]
    assert said["meaning"].startswith("Only a warning")
    assert "failed for" not in said["meaning"]
    assert said["fix"]["policy"] == {"allow_headers": ["*", "Authorization"]}


def test_safari_is_recognized_by_its_first_line_alone():
    line = f"Origin {PAGE} is not allowed by Access-Control-Allow-Origin. Status code: 200"
    assert document(line)["messages"][0]["browser"] == "Safari"


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
def test_the_next_command_sends_what_the_page_sent(text, words):
    (said,) = document(text)["messages"]
    assert words in said["next"]


ELSEWHERE = [
    *[text for text, name, page in MESSAGES if name in LOOKALIKES and page == PAGE and PAGE not in text],
    "Invalid CORS request",
    "Disallowed CORS origin",
    "WebSocket connection to 'wss://api.example.com/feed' failed",
    "Invalid CSRF token",
]


@pytest.mark.parametrize("text", ELSEWHERE)
def test_without_a_page_there_is_no_advice_about_it(text):
    (said,) = document(text)["messages"]
    assert "page" in said["assumed"]
    assert said["origin"] not in json.dumps(said["fix"])


@pytest.mark.parametrize("text", ["Invalid CORS request", f"GET {API} net::ERR_FAILED 200 (OK)"])
def test_advice_is_about_the_named_page(text):
    (said,) = document(text, "--page", APP)["messages"]
    assert APP in said["fix"]["words"]


@pytest.mark.parametrize(
    "text",
    [
        "net::ERR_INSECURE_PRIVATE_NETWORK_REQUEST",
        "GET http://192.168.1.5/x net::ERR_INSECURE_PRIVATE_NETWORK_REQUEST",
        "CORS error: InsecurePrivateNetwork",
        "The request client is not a secure context and the resource is in more-private address space `local`.",
    ],
)
def test_a_page_that_is_called_insecure_is_assumed_to_be_plain_http(text):
    (said,) = document(text)["messages"]
    assert said["name"] == "insecure_local_network"
    assert not is_trustworthy(said["origin"])


def test_failures_that_differ_in_the_url_only_are_explained_once():
    line = f"{REFUSED}CORS header 'Access-Control-Allow-Origin' missing). Status code: {{}}.\n"
    urls = [f"https://api.example.net/{name}" for name in "abc"]
    text = "".join(line.replace(API, url).format(502) for url in urls) + line.format(500)
    told = run(text).stdout
    assert told.count("failed: the response (502)") == 1
    assert told.count("failed: the response (500)") == 1
    assert told.count("The same is true of:") == 1
    assert f"The same is true of:\n  {urls[1]}\n  {urls[2]}\n" in told
    assert len(document(text)["messages"]) == 4


def test_a_policy_among_the_headers_of_an_answer_is_no_message():
    text = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present\n\ncontent-security-policy: default-src 'self' https://cdn.example.com\nx-frame-options: DENY"
    assert [said["name"] for said in document(text)["messages"]] == ["missing_allow_origin"]


def test_jsdom_is_told_how_to_give_the_document_an_origin():
    assert "testEnvironmentOptions.url" in run("Error: Cross origin null forbidden").stdout
    assert "testEnvironmentOptions.url" not in run("Error: Cross origin http://localhost forbidden").stdout


def test_a_list_of_headers_is_not_doubled():
    (said,) = document('Refused to get unsafe header "x-a, x-b"')["messages"]
    assert said["fix"]["send"] == ["Access-Control-Expose-Headers: x-a, x-b"]


def test_what_to_look_at_depends_on_who_answers():
    missing = f"{BLOCKED}No 'Access-Control-Allow-Origin' header is present"
    bucket = run(missing.replace(API, "https://my-bucket.s3.amazonaws.com/a")).stdout
    app = run(missing.replace(API, "capacitor://localhost/a.txt")).stdout
    assert "1. the CORS rules of the bucket" in bucket
    assert "by which scheme is the page loaded?" in app
    assert "PROPAGATE_EXCEPTIONS" not in bucket + app
    assert "PROPAGATE_EXCEPTIONS" in run(missing).stdout


@pytest.mark.parametrize(
    ("named", "has_fallback"),
    [(" directive: \"connect-src 'self'\".", False), (' directive: "base-uri', False), ("", True)],
)
def test_what_default_src_means_is_said_where_the_line_names_no_directive(named, has_fallback):
    text = f"Refused to load '{API}' because it violates the following Content Security Policy{named}"
    assert ("default-src" in run(text).stdout) is has_fallback


def test_the_next_command_sends_no_header_that_only_a_browser_sends():
    told = run(f"{BLOCKED}Request header field content-length is not allowed by Access-Control-Allow-Headers").stdout
    assert "The browser itself adds it" in told
    assert "-H 'content-length" not in told


ABSENT = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
UNSHARED = f"from origin 'http://localhost:3000' has been blocked by CORS policy: {ABSENT}"
SHOWN = {
    "what a check cannot answer": (
        f"{BLOCKED}Permission was denied for this request to access the `local` address space.",
        "whatever their certificate\n",
    ),
    "no stand-in for a file": (
        f"{CHECK}It does not have HTTP ok status.".replace(API, "https://unpkg.com/a.js"),
        f"Next: corsguard check https://unpkg.com/a.js --page {APP}\n",
    ),
    "the headers of a preflight that was pasted": (
        (
            "OPTIONS /me HTTP/1.1\nHost: api.example.com\nOrigin: https://app.example.com\n"
            "Access-Control-Request-Method: GET\nAccess-Control-Request-Headers: X-Requested-With\n\nHTTP/1.1 405 Not\n"
        ),
        "-H 'x-requested-with: ...'",
    ),
    "a load that has no CORS": (
        "GET https://api.example.com/a.png net::ERR_BLOCKED_BY_RESPONSE.NotSameSite",
        "--mode no-cors",
    ),
    "an extension of Firefox": (
        f"push moz-extension://cd44e713-e733-45ad-adb0-51a4914310b2/background.js:1:1\n{REFUSED}CORS header \u2018Access-Control-Allow-Origin\u2019 missing).",
        "host_permissions",
    ),
    "a method without its first letter": (
        f"{CHECK}It does not have HTTP ok status.\nATCH {API} net::ERR_FAILED",
        " -X PATCH --preflight-only",
    ),
    "the path after a server in brackets": (
        f"{REFUSED.replace(API, 'https://[my server URL]/api/v1/login')}CORS preflight response did not succeed).",
        "https://api.example.com/api/v1/login stands for the URL, which the message hides",
    ),
    "an extension that reaches for the local network": (
        f"{BLOCKED}Permission was denied for this request to access the `local` address space.".replace(
            APP, f"chrome-extension://{32 * 'a'}"
        ),
        "host_permissions",
    ),
    "a WebSocket in no tab": (
        "WebSocket connection to 'ws://127.0.0.1:3101/ws' failed: The network connection was lost.",
        "in this order:\n  1. the server: is it running",
    ),
    "everyone in place of a list": (
        "EventSource cannot load http://127.0.0.1:7000/. Origin null is not allowed by Access-Control-Allow-Origin.",
        "Write it in place of a list of origins:",
    ),
    "a router that answers for an app that does not run": (
        f"{CHECK}It does not have HTTP ok status.".replace(API, "https://test.up.railway.app/login"),
        "If the app does not run, or has no such route, the router of railway.app answers in its place",
    ),
    "one name for one server": (
        (BLOCKED + ABSENT)
        .replace(f"'{API}'", "'https://a.example/login' (redirected from 'https://<me>/sync')")
        .replace(APP, "https://<me>"),
        "Next: corsguard check https://api.example.com/sync --page https://api.example.com\n",
    ),
    "an extension of which the identifier is cut": (
        'curl http://localhost:11434/api -H "Origin: chrome-extension://bpoad..f"\n\nHTTP/1.1 403 Forbidden\n\n',
        f"--page chrome-extension://{32 * 'a'}",
    ),
    "a hidden page of a request": (
        'curl https://api.example.com/me -H "Origin: https://<my-domain>"\n\nHTTP/1.1 403 Forbidden\n\n',
        "https://app.example.com stands for the page, which the message hides",
    ),
    "a colon after a hidden URL": (
        "Http failure response for https://api.xxxxxx:5000/api/files: 0 Unknown Error",
        "corsguard check https://api.example.com:5000/api/files --page",
    ),
    "the scheme of a hidden host": (
        f"Access to fetch at 'http://*****/api/profile' {UNSHARED}",
        "http://api.example.com/api/profile stands for the URL, which the message hides",
    ),
    "the host of a hidden port": (
        f"Access to fetch at 'https://api.mysite.example.org:PORT/asd' {UNSHARED}",
        "https://api.mysite.example.org/asd stands for the URL, which the message hides",
    ),
    "the URL before a hidden one": (
        f"Access to fetch at 'https://<issuer>/x' (redirected from 'https://a.example/me') {UNSHARED}",
        "The page requested https://a.example/me, which redirected to a URL that the message does not show.",
    ),
    "a method in lower case": (
        f"{BLOCKED}Method patch is not allowed by Access-Control-Allow-Methods in preflight response.",
        " -X PATCH --preflight-only",
    ),
    "this computer": (
        (
            "Access to fetch at 'http://localhost:8000/x' from origin 'http://203.0.113.7:8080' has been blocked by "
            "CORS policy: The request client is not a secure context and the resource is in more-private address space "
            "`local`."
        ),
        "localhost is the computer of the person who opens the page, not the server of the page.",
    ),
    "an error that is not about the list": (
        f"Access to fetch at '{API}' {UNSHARED}\nGET {API} net::ERR_FAILED 404 (Not Found)",
        "Add it to what the policy lists, if it is missing there:",
    ),
}


@pytest.mark.parametrize(("text", "said"), SHOWN.values(), ids=SHOWN.keys())
def test_what_is_printed_keeps_to_what_the_line_says(text, said):
    assert said in run(text).stdout


@pytest.mark.parametrize(
    "text",
    [
        "GET https://undefined/api/users net::ERR_NAME_NOT_RESOLVED",
        "WebSocket connection to 'wss://undefined/socket' failed: ",
        "GET http://undefined/api net::ERR_FAILED",
        (
            "Mixed Content: The page at 'https://app.example.com/' was loaded over HTTPS, but requested an insecure "
            "script 'http://192.168.1.20:8080/a.js'. This request has been blocked; the content must be served over "
            "HTTPS."
        ),
    ],
)
def test_no_command_asks_what_cannot_answer(text):
    told = run(text).stdout
    assert "Look at, in this order:" in told
    assert "Next:" not in told
