"""
The three calls from Python return data, and the command line prints the same.
"""

import json
import ssl

import pytest
from kit.checking import API, PAGE, PUT, Server, allow, data, served_http
from kit.explaining import MESSAGES, document

from corsguard import CORSMiddleware, Policy, PolicyError, diagnosis
from corsguard.diagnosis import LoadError, Malformed
from corsguard.diagnosis.pages import page_named

SECRET = "s3cr3t-value"


def test_check_returns_what_the_command_prints(serve):
    server = Server((405, []))
    found = diagnosis.check(server, page=PAGE, method="PUT", name="served:app")
    printed, _ = data(serve(server), *PUT)
    assert json.loads(json.dumps(found.data())) == printed
    assert found.verdict == "blocked"
    assert found.faults[0].code == "preflight_missing_allow_origin"


def test_an_application_is_checked_by_its_name(serve):
    found = diagnosis.check(serve(Server(response=(200, allow()))), page=PAGE)
    assert (found.verdict, found.data()["faults"]) == ("readable", [])
    assert found.assumed == ("a request for https://api.example.com/ (change it with --url)",)


def test_a_live_server_is_checked():
    page = "http://app.example.com"
    with served_http(Server(response=(200, allow(page)))) as port:
        found = diagnosis.check(
            "http://api.example.com/items",
            page=page,
            connect_to={"api.example.com": f"127.0.0.1:{port}"},
            verify=ssl.create_default_context(),
            timeout=5,
        )
    assert found.verdict == "readable"
    headers = [
        "Accept-Language: en-US,en;q=0.9",
        "User-Agent: Mozilla/5.0 (corsguard)",
        f"Referer: {page}/",
        f"Origin: {page}",
    ]
    told = " ".join(f"-H '{header}'" for header in headers)
    assert found.curl() == [
        f"curl -i http://api.example.com/items {told} --connect-to api.example.com::127.0.0.1:{port}"
    ]
    assert [entry["request"]["url"] for entry in found.har()["log"]["entries"]] == ["http://api.example.com/items"]


@pytest.mark.parametrize(
    ("others", "unused"),
    [([], 0), (["api.example.com:80"], 0), (["api.exmaple.com"], 1), (["api.example.com:8080"], 1)],
)
def test_an_address_that_was_not_used_is_reported(others, unused):
    page = "http://app.example.com"
    with served_http(Server(response=(200, allow(page)))) as port:
        places = dict.fromkeys(["api.example.com", *others], f"127.0.0.1:{port}")
        found = diagnosis.check("http://api.example.com/items", page=page, connect_to=places, verify=False)
    said = [f"not used for {other}, because no request went there: is it spelt right?" for other in others]
    assert [row.text for row in found.rows if row.name == "connect-to"] == said[:unused]


def test_a_blocked_application_is_reported_with_the_line_of_its_policy():
    policy = Policy(allow_origins=["https://other.example"])
    found = diagnosis.check(CORSMiddleware(Server(), policy), page=PAGE)
    (change,) = found.data()["changes"]
    assert change["keywords"] == {"allow_origins": ["https://other.example", PAGE]}
    assert change["place"] == "the application"


def test_no_secret_is_in_data_or_repr():
    """
    Values of headers and cookies are in neither, even if the server sends them back.
    """
    server = Server((405, [("Server", SECRET)]))
    found = diagnosis.check(
        server,
        page=PAGE,
        url=f"/items?token={SECRET}",
        method="PUT",
        headers={"X-Token": SECRET},
        cookies=[f"sid={SECRET}-1"],
        set_cookies=[f"tid={SECRET}-2; SameSite=None; Secure"],
    )
    shown = [json.dumps(found.data()), repr(found), json.dumps(found.har()), *found.curl(), str(found.faults)]
    assert [text for text in shown if SECRET in text] == []
    with pytest.raises(ValueError, match="header") as caught:
        diagnosis.check(server, headers=[("X-Token", f"{SECRET}\r\nx")])
    assert SECRET not in str(caught.value)


COOKIES = [
    ("https://api.other.example/", {"cookies": ["sid=12345"]}, True),
    ("https://api.other.example/", {"set_cookies": ["sid=12345"]}, False),
    ("https://api.other.example/", {"set_cookies": ["sid=12345; SameSite=None; Secure"]}, True),
    ("http://localhost:8000/", {"cookies": ["sid=12345"]}, True),
    ("http://app.example.com:81/", {"cookies": ["sid=12345"]}, True),
]


@pytest.mark.parametrize(("url", "cookies", "is_sent"), COOKIES)
def test_a_cookie_is_sent_and_a_set_cookie_is_stored(url, cookies, is_sent):
    """
    A pair is sent wherever the browser may send it. A Set-Cookie line says itself where.
    """
    page = "http://app.example.com" if url.startswith("http:") else PAGE
    found = diagnosis.check(Server(response=(200, allow(page, credentials="true"))), page=page, url=url, **cookies)
    assert found.asked.with_credentials
    assert found.outcome.exchanges[0].with_credentials is is_sent


PAGES = [
    ("https://app.example.com", "https://app.example.com"),
    ("https://APP.example.com:443/a?b#c", "https://app.example.com"),
    ("null", "null"),
    ("file:///home/me/page.html", "null"),
    ("capacitor://localhost", "capacitor://localhost"),
    (
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop/page.html",
        "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
    ),
]


@pytest.mark.parametrize(("text", "origin"), PAGES)
def test_a_page_may_be_given_by_its_origin(text, origin):
    assert page_named(text) == origin
    assert diagnosis.check(Server(), page=text, url=API).asked.page_origin == origin


@pytest.mark.parametrize("text", ["localhost:3000", "app.example.com", "https://*.example.com", "", "https://"])
def test_a_text_that_is_not_a_page_is_refused(text):
    with pytest.raises(ValueError, match=r"Write|the pattern"):
        page_named(text)


WRONG = [
    ({"target": "api.example.com"}, "Expected a URL, an application or its name"),
    ({"target": "https://u:s3cr3t@"}, r"got target='https://\.\.\.@'"),
    ({"target": API, "url": API}, "Expected no url next to a target"),
    ({"target": Server(), "url": "http://["}, "Expected a URL"),
    ({"target": Server(), "page": "app.example.com"}, "does not begin with a scheme"),
    ({"target": Server(), "method": "P T"}, "is not a method name"),
    ({"target": Server(), "cookies": ["12345"]}, "Expected a cookie name=value"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_a_wrong_request_raises_value_error(given, said):
    with pytest.raises(ValueError, match=said):
        diagnosis.check(**given)


def test_an_application_that_cannot_be_loaded_raises_load_error():
    with pytest.raises(LoadError, match="There is no module nowhere"):
        diagnosis.check("nowhere:app")
    with pytest.raises(LoadError, match=r"There is no file nowhere\.toml"):
        diagnosis.read_message(MESSAGES[0][0], policy="nowhere.toml")
    with pytest.raises(PolicyError):
        diagnosis.read_message(MESSAGES[0][0], policy={"allow_origins": []})


def test_read_message_returns_what_the_command_prints():
    text = f"{MESSAGES[0][0]}\n{MESSAGES[30][0]}"
    found = [meaning.data() for meaning in diagnosis.read_message(text, headers={"x-a": "1"}, credentials=True)]
    assert json.loads(json.dumps(found)) == document(text, "-H", "x-a", "--credentials")["messages"]
    assert diagnosis.read_message("something else entirely") == []


def test_read_message_asks_the_given_policy():
    (refused,) = diagnosis.read_message(MESSAGES[0][0], policy={"allow_origins": ["https://other.example"]})
    (granted,) = diagnosis.read_message(MESSAGES[0][0], policy=Policy(allow_origins=[PAGE]))
    assert (refused.data()["under_policy"]["shared"], granted.data()["under_policy"]["shared"]) == (False, True)


def test_read_har_returns_what_the_command_prints(tmp_path):
    file = tmp_path / "failed.har"
    file.write_text(json.dumps(diagnosis.check(Server(), page=PAGE).har()))
    told = []
    reading = diagnosis.read_har(file, on_entry=lambda done, of: told.append((done, of)))
    printed, code = data(file)
    assert json.loads(json.dumps(reading.data())) == printed
    assert (reading.entries, reading.is_fine, code, told) == (1, False, 1, [(0, 1)])
    file.write_text("{}")
    with pytest.raises(Malformed, match="is not a HAR"):
        diagnosis.read_har(str(file))
