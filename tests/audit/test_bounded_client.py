"""
An audit contacts no other server, and does not contact its own server too often.
"""

import itertools
import json
import re

import pytest
from kit.audited import (
    APP,
    HOST,
    URL,
    VARY,
    Served,
    answering,
    audited,
    busy,
    everybody,
    lines_for,
    listing,
    origin_of,
    run,
)

from corsguard.audit import Severity
from corsguard.audit.answers import PageFetch
from corsguard.audit.bounded_client import BoundedClient, SpentError
from corsguard.audit.calls import run as run_stages
from corsguard.audit.probes import Meant
from corsguard.audit.session import Session
from corsguard.browser import Unreachable, WireResponse
from corsguard.browser.confidential import Secrets
from corsguard.browser.evidence import as_shown


def test_the_budget_is_kept_and_omissions_are_reported():
    one = Served(listing(APP))
    report = audited(one, budget=24)
    assert len(one.asked) == report.sent <= report.budget == 24
    # Only some of its questions were asked.
    assert report.left_out[0] == "the closest relatives of trusted origins (partly)"
    assert "preflights" in report.left_out
    assert report.notes[0].startswith(
        "Left out, because all 24 requests of the budget were sent, except 4 that are kept to ask again: "
    )


def test_no_question_is_asked_twice_and_questions_keep_their_order():
    times, pauses = [0.0], []

    def pause(seconds):
        pauses.append(seconds)
        times[0] += seconds

    sent = []
    client = BoundedClient(
        lambda request: sent.append(request) or WireResponse(200),
        URL,
        label="0123abcd",
        budget=8,
        rate=10,
        clock=lambda: times[0],
        pause=pause,
    )
    first = client.ask(PageFetch(URL, APP))
    assert client.ask(PageFetch(URL, APP)) is first
    for port in range(5000, 5005):
        client.ask(PageFetch(URL, f"{APP}:{port}"))
    assert (len(sent), client.sent) == (6, 6)
    assert pauses == pytest.approx([0.1] * 5)
    # Two are kept for asking again about findings.
    with pytest.raises(SpentError, match="all 8 requests of the budget were sent"):
        client.ask(PageFetch(URL, "null"))
    client.reserve = 0
    client.ask(PageFetch(URL, "null"))


def test_only_the_one_origin_is_contacted():
    client = BoundedClient(pytest.fail, URL, label="0123abcd", budget=8, rate=1e6)
    for url in ("http://other.example.com/", f"https://{HOST}/items", f"http://{HOST}:8080/items"):
        with pytest.raises(ValueError, match="nothing else is contacted"):
            client.ask(PageFetch(url))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST", "XNEW"])
def test_no_request_that_changes_something_is_sent(method):
    """
    Within its own origin, a browser would send the request itself, without a preflight.
    """
    own = f"http://{HOST}"
    client = BoundedClient(pytest.fail, URL, label="0123abcd", budget=8, rate=1e6)
    with pytest.raises(SpentError, match=f"it needs {method}, and only GET, HEAD, OPTIONS are sent"):
        client.ask(PageFetch(URL, own, method))
    assert client.sent == 0
    sent = []
    active = BoundedClient(
        lambda request: sent.append(request.method) or WireResponse(200),
        URL,
        label="0123abcd",
        budget=8,
        rate=1e6,
        may_post=True,
    )
    if method == "POST":
        active.ask(PageFetch(URL, own, method))
    else:
        with pytest.raises(SpentError, match="only GET, HEAD, OPTIONS, POST are sent"):
            active.ask(PageFetch(URL, own, method))
    assert sent == ["POST"] * (method == "POST")


def test_a_server_that_has_gone_is_not_asked_again():
    def carry(request):
        raise Unreachable("nothing listens")

    client = BoundedClient(carry, URL, label="0123abcd", budget=100, rate=1e6)
    for number in range(1, 6):
        assert client.ask(PageFetch(URL, f"{APP}:{number + 8000}")).status == 0
    with pytest.raises(SpentError, match="5 requests in a row got no answer"):
        client.ask(PageFetch(URL, "null"))
    with pytest.raises(Unreachable, match="nothing listens"):
        BoundedClient(carry, URL, label="0123abcd", budget=100, rate=1e6).first(PageFetch(URL))


def test_credentials_are_sent_with_requests_and_not_with_preflights():
    one = Served(listing(APP))
    audited(one, headers=[("Authorization", "Bearer abc123"), ("Cookie", "sid=xyz789; theme=dark")])
    for method, _, _, names in one.asked:
        credentials = (names.get("HTTP_AUTHORIZATION"), names.get("HTTP_COOKIE"))
        if method == "OPTIONS":
            assert credentials == (None, None)
        else:
            # The condition that is tried is added to it.
            assert "Bearer abc123" in credentials[0]
            assert "sid=xyz789; theme=dark" in credentials[1]


@pytest.mark.parametrize(
    ("url", "own", "sent"),
    [
        (URL, (), "gzip, deflate"),
        (URL.replace("http:", "https:"), (), "gzip, deflate, br, zstd"),
        (URL, (("accept-encoding", "br"), ("user-agent", "mine")), "br"),
    ],
)
def test_a_header_of_browsers_is_sent_once_with_their_value_or_the_one_that_was_given(url, own, sent):
    one = Served(listing(APP))
    audited(one, url=url, headers=own)
    requests = [names for method, *_, names in one.asked if method != "OPTIONS"]
    # What reads the body asks for one that is not compressed.
    assert {names["HTTP_ACCEPT_ENCODING"] for names in requests} == {sent, "identity"}
    usual = "mine" if own else "Mozilla/5.0 (corsguard)"
    assert {names["HTTP_USER_AGENT"] for names in requests if "Phone" not in names["HTTP_USER_AGENT"]} == {usual}
    # Those are not sent with preflights.
    preflights = [names["HTTP_ACCEPT_ENCODING"] for method, *_, names in one.asked if method == "OPTIONS"]
    assert all(value.startswith("gzip, deflate") for value in preflights)


def test_a_port_that_browsers_block_is_not_asked():
    one = Served(listing(APP))
    with pytest.raises(Unreachable, match="no browser connects"):
        audited(one, url=f"http://{HOST}:6000/")
    assert one.asked == []


def test_only_the_beginning_of_a_download_is_read():
    block, sent = b"x" * 65536, []

    def download():
        for _ in range(4096):
            sent.append(block)
            yield block

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "application/octet-stream"), *everybody(environ)])
        return download()

    result, one = run(app, "--budget", "12", "--json")
    assert "CG-A001" in {finding["id"] for finding in json.loads(result.stdout)["findings"]}
    # Bytes on their way are in the buffers of the two sockets.
    assert len(sent) < 256 * len(one.asked)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_the_report_on_a_busy_server_recommends_a_lower_rate(status):
    report = audited(answering(lambda _: [], status=status), budget=20)
    assert any("503 Service Unavailable: use a lower --rate" in note for note in report.notes)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_server_that_asks_to_stop_is_not_asked_again(status):
    """
    Only what was answered before is sent again. If most of the questions were left out, nothing is judged.
    """
    report = audited(busy(status, lambda number: number >= 8))
    assert any("6 requests in a row got no answer, 429 or 503" in note for note in report.notes)
    assert any("use a lower --rate" in note for note in report.notes)
    assert report.sent == 8 + 6
    assert not report.is_judged
    assert "The URL was not judged, because it gave no more answers after the first questions." in report.notes
    assert audited(busy(status, lambda number: number >= 220)).is_judged


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize("also", ["", r"|https://[a-z]+\.github\.io"])
def test_a_status_that_depends_on_the_origin_does_not_end_the_audit(status, also):
    trusted = re.compile(rf"https://app\.example\.com{also}")

    def app(environ, start_response):
        origin = origin_of(environ)
        is_asked = origin in {"", f"http://{HOST}"} or trusted.fullmatch(origin)
        sound = listing(origin if trusted.fullmatch(origin) else APP)
        return (sound if is_asked else answering(lambda _: [], status=status))(environ, start_response)

    report = audited(app)
    assert {finding.rule.id for finding in report.faults} == ({"CG-A009"} if also else set())
    assert report.is_judged
    assert report.left_out == ()
    assert any("it depends on the origin" in note for note in report.notes)
    assert not any("--rate" in note for note in report.notes)


def test_a_post_is_not_sent_again_to_learn_why_no_answers_come():
    sent = []

    def carry(request):
        sent.append(request.method)
        return WireResponse(503 if "busy" in request.url else 200)

    client = BoundedClient(carry, URL, label="0123abcd", budget=100, rate=1e6, may_post=True)
    client.ask(PageFetch(URL, APP))
    client.ask(PageFetch(URL, APP, "POST"))
    for number in range(6):
        client.ask(PageFetch(f"{URL}?busy={number}", APP))
    assert sent[:2] == ["GET", "POST"]
    assert {*sent[2:]} == {"GET"}


def test_a_post_that_was_not_answered_is_not_sent_again():
    sent = []
    client = BoundedClient(
        lambda request: sent.append(request.method) or WireResponse(503),
        URL,
        label="0123abcd",
        budget=100,
        rate=1e6,
        may_post=True,
    )
    client.ask(PageFetch(URL, APP, "POST"))
    client.ask(PageFetch(URL, APP))
    assert sent == ["POST", "GET", "GET"]


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize("first", [0, 1, 2, 3])
def test_a_question_that_a_busy_server_did_not_answer_is_asked_again(status, first):
    """
    Whichever question it was, the fault is found, and no cache is made responsible.
    """
    count = itertools.count()

    def app(environ, start_response):
        sound = listing("null", APP) if next(count) % 4 != first else answering(lambda _: [], status=status)
        return sound(environ, start_response)

    report = audited(app)
    assert ("CG-A002", Severity.CRITICAL) in {(one.rule.id, one.severity) for one in report.faults}
    assert not any("cache" in note for note in report.notes)
    assert "strangers and null" in report.tried


@pytest.mark.parametrize("status", [503, 429, 0])
def test_what_was_never_answered_is_named(status):
    """
    One origin never gets an answer, so nothing is known about it.
    """

    def carry(request):
        if dict(request.headers).get("Origin") != "null":
            return WireResponse(200, (VARY,))
        if status:
            return WireResponse(status)
        raise Unreachable("it hangs up")

    client = BoundedClient(carry, URL, label="0123abcd", budget=320, rate=1e9, pause=bool)
    report = run_stages(Session(URL, client, Meant([APP]), show=as_shown), Secrets())
    # The other question about null is a preflight.
    assert report.left_out == ("strangers and null (partly)", "preflights (partly)")
    assert not {"strangers and null", "preflights"} & {*report.tried}
    assert report.verdict == "Nothing was found, but not everything was tried."


def test_a_limit_after_answers_that_depend_on_the_origin_is_told():
    asked = []

    def app(environ, start_response):
        asked.append(origin_of(environ))
        is_answered = asked[-1] in {"", APP} and len(asked) < 60
        sound = listing(APP) if is_answered else answering(lambda _: [], status="429 Too Many Requests")
        return sound(environ, start_response)

    report = audited(app)
    assert report.left_out
    assert any("use a lower --rate" in note for note in report.notes)


@pytest.mark.parametrize("status", ["403 Forbidden", "406 Not Acceptable", "302 Found", "500 Internal Server Error"])
@pytest.mark.parametrize("first", [2, 5, 20, 60, 200])
def test_a_wall_that_refuses_everything_is_not_judged(status, first):
    """
    No fault is found in the answers of a firewall, and what only it answered is named.
    """
    report = audited(busy(status, lambda number: number >= first))
    assert report.findings == () or first == 200
    assert report.faults == []
    assert report.verdict != "Nothing was found."
    assert report.is_judged is (first == 200)
    assert report.left_out[-1] == "what no browser sends"
    assert first != 2 or report.left_out[0] == "strangers and null (partly)"
    said = f"Left out, because after request {first}, every answer was {status[:3]}, also to what was answered before: "
    assert report.notes[0].startswith(said)
    assert report.notes[1].startswith("Most likely a firewall or a limit refused these requests")
    # No trusted origin is said to be refused.
    assert not any(APP in note for note in report.notes)


CHALLENGE = answering(lambda _: [("Cache-Control", "no-store")], kind="text/html; charset=UTF-8", body=b"<p>Wait</p>")


@pytest.mark.parametrize("first", [2, 5, 20, 38, 60, 200])
@pytest.mark.parametrize("kind", ["application/json", "text/plain; charset=utf-8"])
def test_a_page_of_another_type_that_answers_everything_is_a_wall(first, kind):
    numbers = itertools.count()
    sound = answering(lines_for(APP), kind=kind)

    def app(environ, start_response):
        return (CHALLENGE if next(numbers) >= first else sound)(environ, start_response)

    report = audited(app)
    assert report.faults == []
    assert report.is_judged is (first == 200)
    assert report.left_out[-1] == "what no browser sends"
    assert ", every answer was another page with status 200, also to what was answered before: " in report.notes[0]
    assert report.sent <= first + 16
    assert report.notes[1].startswith("Most likely a firewall or a limit refused these requests")
    assert not any(APP in note for note in report.notes)


@pytest.mark.parametrize(
    "is_other",
    [
        lambda environ: environ["REQUEST_METHOD"] == "OPTIONS",
        lambda environ: origin_of(environ) not in {"", APP},
        lambda environ: "text/html" in environ.get("HTTP_ACCEPT", ""),
        lambda environ: environ["PATH_INFO"] != "/items",
        lambda environ: "callback=" in environ["QUERY_STRING"],
        lambda environ: environ["REQUEST_METHOD"] == "HEAD",
    ],
)
def test_a_page_of_another_type_in_between_is_no_wall(is_other):
    sound, other = answering(lines_for(APP)), answering(lines_for(APP), kind="text/html")
    report = audited(lambda environ, start: (other if is_other(environ) else sound)(environ, start))
    assert (report.faults, report.left_out, report.is_judged) == ([], (), True)
    assert report.sent <= audited(sound).sent + 8


@pytest.mark.parametrize("wall", [answering(lambda _: [], status="403 Forbidden"), CHALLENGE])
def test_what_was_allowed_in_front_of_a_wall_is_found(wall):
    numbers = itertools.count()

    def app(environ, start_response):
        return (wall if next(numbers) >= 20 else listing(APP, f"{APP}.attacker.example"))(environ, start_response)

    report = audited(app)
    assert [(one.rule.id, one.severity, one.confidence) for one in report.faults] == [
        ("CG-A003", Severity.CRITICAL, "low")
    ]
    assert report.left_out[0] == "the closest relatives of trusted origins (partly)"


@pytest.mark.parametrize("first", [None, 100, 180])
def test_refusals_of_strangers_are_no_wall(first):
    """
    A few requests are enough to distinguish them, also if a wall comes later.
    """
    numbers = itertools.count()

    def app(environ, start_response):
        number = next(numbers)
        is_asked = origin_of(environ) in {"", APP} and (first is None or number < first)
        sound = listing(APP) if is_asked else answering(lambda _: [VARY], status="403 Forbidden")
        return sound(environ, start_response)

    report = audited(app)
    assert report.faults == []
    assert (report.left_out == ()) is (first is None)
    assert report.sent < audited(listing(APP)).sent + 12
