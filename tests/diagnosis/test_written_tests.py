"""
A test that is written for a request runs. It passes if that happens, and fails if the opposite happens.
"""

import pytest

from corsguard import CORSMiddleware, Policy
from corsguard.diagnosis.playing import Fetch
from corsguard.diagnosis.written_tests import as_test

PAGE = "https://app.example.com/"
POLICY = Policy(
    allow_origins=["https://app.example.com"],
    allow_methods=["GET", "PUT"],
    allow_headers=["X-A"],
    allow_credentials=True,
)
ASKED = [
    Fetch(page=PAGE, url="https://api.example.com/items"),
    Fetch(
        page=PAGE,
        url="https://api.example.com/items",
        method="PUT",
        headers=(("X-A", '"1"\\ é'), ("x-a", "2")),
        body=b"\x00\xff",
        credentials="include",
    ),
    Fetch(
        page=PAGE, url="https://api.example.com/up", method="PUT", body="a\nb", upload_listener=True, redirect="error"
    ),
    Fetch(page=PAGE, url="wss://api.example.com/feed", credentials="include", protocols=("chat",)),
    Fetch(page=PAGE, origin="null", url="https://api.example.com/items", headers=(("X-A", "1"),)),
]


def application(environ, start_response):
    from corsguard.browser import WireRequest
    from corsguard.browser.handshakes import opening

    key = environ.get("HTTP_SEC_WEBSOCKET_KEY")
    if key is None:
        start_response("200 OK", [])
    else:
        start_response(
            "101 Switching Protocols", [*opening(WireRequest("GET", "", (("Sec-WebSocket-Key", key),)), "chat").headers]
        )
    return [b""]


def run(text, policy):
    """
    Run the one test that *text* defines on an application under *policy*.
    """
    names = {}
    exec(text, names)  # we wrote it
    (test,) = [value for name, value in names.items() if name.startswith("test_")]
    test(CORSMiddleware(application, policy))


@pytest.mark.parametrize("asked", ASKED[:4], ids=["get", "put", "upload", "websocket"])
def test_a_test_of_a_readable_response_passes_and_fails(asked):
    text = as_test(asked, is_readable=True)
    run(text, POLICY)
    with pytest.raises(Exception, match=r"may not read|blocked by CORS|failed for a page"):
        run(text, Policy(allow_origins=["https://other.example.com"]))


@pytest.mark.parametrize("asked", ASKED, ids=["get", "put", "upload", "websocket", "sandboxed"])
def test_a_test_of_a_blocked_response_passes_and_fails(asked):
    text = as_test(asked, is_readable=False)
    run(text, Policy(allow_origins=["https://other.example.com"]))
    allowing = Policy(allow_origins="*", allow_methods="*", allow_headers=["X-A"]) if asked.origin else POLICY
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run(text, allowing)


def test_default_arguments_are_left_out():
    assert as_test(ASKED[0], is_readable=True) == (
        "from corsguard.testing import assert_shared\n\n\n"
        "def test_the_page_can_read_the_answer(app):\n"
        "    assert_shared(\n"
        "        app,\n"
        '        page="https://app.example.com/",\n'
        '        url="https://api.example.com/items",\n'
        "    )"
    )
