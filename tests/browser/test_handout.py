"""
The page to hand out, in Chromium: it says what was found, hides secrets, and shows hostile strings as text.
"""

import json
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from kit import hars
from kit.audited import ALLOW, APP, CREDENTIALS, FAST, URL, VARY, answering, audited, listing, origin_of, served
from kit.sharing import share

from corsguard import diagnosis
from corsguard.audit.handouts import handout as of_audit
from corsguard.browser.confidential import Secrets, secrets_of, without_parameters
from corsguard.browser.drawing import Drawn
from corsguard.browser.exchanges import Shown
from corsguard.browser.handout import Handout, Instruction, Section
from corsguard.cli.audit import audit
from corsguard.cli.check import check
from corsguard.diagnosis.handouts import handout as of_check
from corsguard.diagnosis.handouts import handout_of_har as of_har

HOSTILE = (
    """</p></style></title><script>document.title = "run"</script><img src="https://evil.example/x" onerror="x">"""
)
# They change the direction of writing, end lines, and are far too long for a phone.
ODD = "\u202egnp.exe\n`<b>`\x07" + "w" * 300
SECRET = "swordfish"


def shown(words, status=200):
    return Shown(
        method="GET",
        url=f"https://api.example.com/{words}",
        is_preflight=False,
        request_headers=(("Origin", words),),
        more_request_headers=2,
        status=status,
        response_headers=((words, words),),
        more_response_headers=0,
    )


def hostile():
    """
    Return a page on which every string is hostile.
    """
    words = f"{HOSTILE}{ODD}{SECRET}"
    drawn = Drawn(words, words, words, (shown(f"{HOSTILE}{ODD}"), shown(ODD, None)), words, failed=1, is_refused=True)
    section = Section(words, (words,), (Instruction(words, words), Instruction(words, words, is_code=False)), drawn)
    section = section._replace(parts=(section,))
    page = Handout(words, words, "bad", (section, section), (words,))
    return page.html(lambda text: text.replace(SECRET, "(not shown)"))


def lax(environ):
    origin = origin_of(environ)
    return [VARY, *([(ALLOW, origin), CREDENTIALS] if origin.startswith(APP) else [])]


def refusing(environ, start_response):
    is_preflight = environ["REQUEST_METHOD"] == "OPTIONS"
    granted = [(ALLOW, APP), ("Access-Control-Allow-Methods", "GET"), VARY]
    start_response("204 No Content" if is_preflight else "200 OK", granted)
    return []


def checked(**about):
    return diagnosis.check(refusing, page=APP, url="https://api.example.com/items", **about)


def recorded(name):
    """
    Return the HAR file that the program called *name* wrote.
    """
    return Path(hars.__file__).parent / f"{name}.har"


PAGES = {
    "hostile": hostile,
    "audit": lambda: of_audit(audited(answering(lax))),
    "clean audit": lambda: of_audit(audited(listing(APP))),
    "blocked": lambda: of_check(checked(method="PUT", headers=[("Authorization", f"Bearer {SECRET}")], body=b"1")),
    "readable": lambda: of_check(checked()),
    "a HAR": lambda: of_har(diagnosis.read_har(recorded("playwright"))),
    "a HAR of Firefox": lambda: of_har(diagnosis.read_har(recorded("firefox"))),
    "audits": lambda: of_audit(
        audited(answering(lax)), audited(listing(APP)), unanswered=["https://gone.example/: nothing listens there."]
    ),
}


@pytest.fixture(params=share(PAGES))
def opened(browser, request, tmp_path):
    """
    Open the page as a file in a tab with the width of a phone. Return the tab, all that it requests, and its source.
    """
    source = PAGES[request.param]()
    file = tmp_path / "page.html"
    file.write_text(source, encoding="utf-8")
    with browser.new_context(viewport={"width": 390, "height": 844}) as context:
        tab, asked, said = context.new_page(), [], []
        tab.on("request", lambda one: asked.append(one.url))
        tab.on("console", lambda line: said.append(line.text))
        tab.goto(file.as_uri())
        yield tab, asked, said, source
        assert asked == [file.as_uri()]
        assert said == []


@pytest.mark.browser
def test_the_page_fits_a_phone_a_desktop_and_paper(opened):
    """
    Nothing is wider than the screen. Each arrow goes from under its sender to under its receiver.
    """
    tab, *_ = opened
    for width, media in ((390, "screen"), (1100, "screen"), (390, "print")):
        tab.set_viewport_size({"width": width, "height": 844})
        tab.emulate_media(media=media)
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert tab.evaluate("[...document.querySelectorAll('main *')].every(one => one.scrollWidth <= innerWidth)")
        for way, ends in {"page-browser": (0, 1), "browser-server": (1, 2), "server-browser": (1, 2)}.items():
            for arrow in tab.query_selector_all(f".{way} .arrow"):
                box = arrow.bounding_box()
                actors = [one.bounding_box() for one in tab.query_selector_all("figure:first-of-type .actors span")][:3]
                middles = [actor["x"] + actor["width"] / 2 for actor in actors]
                assert box["x"] == pytest.approx(middles[ends[0]], abs=4)
                assert box["x"] + box["width"] == pytest.approx(middles[ends[1]], abs=4)


@pytest.mark.browser
def test_a_screen_reader_can_read_it(opened):
    """
    There is one heading for the page, a name for each region and list, and no message that is only drawn.
    """
    tab, *_ = opened
    assert tab.get_by_role("heading", level=1).count() == 1
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert tab.evaluate("document.title") == tab.get_by_role("heading", level=1).inner_text()
    sections = tab.query_selector_all("main section[aria-labelledby]")
    named = tab.get_by_role("region").all()
    assert len(named) == len(sections)
    for diagram in tab.get_by_role("list", name="What went over the wire").all():
        messages = diagram.locator(":scope > li").all()
        assert len(messages) >= 2
        assert all(re.match(r"(Page|Browser|Server) to (page|browser|server)\n", one.inner_text()) for one in messages)
    # Decoration is not read.
    assert tab.locator(".arrow:not([aria-hidden=true])").count() == 0


@pytest.mark.browser
def test_strings_from_the_network_are_shown_as_text(browser, tmp_path):
    file = tmp_path / "hostile.html"
    file.write_text(hostile(), encoding="utf-8")
    tab = browser.new_page()
    tab.goto(file.as_uri())
    assert tab.locator("script, img, b, a, iframe, [onerror]").count() == 0
    text = tab.inner_text("main")
    assert tab.title().startswith(HOSTILE)
    assert text.count(HOSTILE) > 10
    assert SECRET not in tab.content()
    assert "\u202e" not in text
    assert "\\u202egnp.exe\\u000a" in text.lower()
    tab.close()


def test_the_step_that_failed_is_marked():
    source = of_check(checked(method="PUT"))
    (failed,) = re.findall(r'<li class="message server-browser fails">.*?</li>\n', source)
    assert "This step failed." in failed
    assert "Access-Control-Allow-Methods: GET" in failed
    assert re.findall(r'<li class="message (\S+)', source)[-1] == "browser-page"
    assert "<code>Access-Control-Allow-Methods: GET, PUT</code>" in source
    assert "The page gets nothing." in source
    assert " fails" not in re.sub("<style>.*</style>", "", of_check(checked()), flags=re.DOTALL)


def test_no_secret_is_on_it():
    header = [("Authorization", f"Bearer {SECRET}")]

    def leaking(environ):
        return [*lax(environ), ("X-Cache", environ.get("HTTP_AUTHORIZATION", ""))]

    assert SECRET not in of_check(checked(headers=header))
    page = of_audit(audited(answering(leaking), headers=header))
    assert SECRET not in page
    assert "<li>X-Cache: (not shown)</li>" in page


@pytest.mark.parametrize(
    "name", ["access_token", "password", "code", "X-Amz-Signature", "AWSAccessKeyId", "SAMLResponse", "ticket", "state"]
)
def test_no_secret_parameter_of_a_url_is_on_it(name):
    def redirecting(environ, start_response):
        start_response("302 Found", [("Location", f"https://b.example/#{name}={SECRET}&page=2"), (ALLOW, APP)])
        return []

    url = f"https://api.example.com/items?page=1&{name}={SECRET}"
    found = diagnosis.check(redirecting, page=APP, url=url)
    source = of_check(found)
    assert SECRET not in source
    assert SECRET not in json.dumps(found.har())
    assert f"?page=1&amp;{name}=(not shown)" in source
    assert f"#{name}=(not shown)&amp;page=2" in source
    nested = f"https://api.example.com/?return_to=https%3A%2F%2Fa.example%2F%3F{name}%3D{SECRET}%26b%3D1"
    source = of_check(diagnosis.check(redirecting, page=APP, url=nested))
    assert SECRET not in source
    assert "%26b%3D1" in source
    jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    assert "eyJ" not in of_check(diagnosis.check(redirecting, page=APP, url=f"https://api.example.com/cb/{jwt}"))
    audited_page = of_audit(audited(answering(lax), url=f"{URL}?{name}={SECRET}"))
    assert SECRET not in audited_page


def test_a_parameter_that_is_hidden_already_is_not_hidden_again():
    hidden = "https://a.example/?token=(not shown)&page=2"
    assert without_parameters("https://a.example/?token=s3cr3t-t0ken&page=2") == hidden
    assert without_parameters(hidden) == hidden


def test_a_secret_is_hidden_in_base64_too():
    assert Secrets(secrets_of([("X-Api-Key", "s3cr3t/k3y=")])).hidden("czNjcjN0L2szeT0=") == "(not shown)="


@pytest.mark.parametrize("part", ["eyJaaaaaaaaa-", "a=b&", "%3Fa%3D", "?"])
def test_hiding_parameters_takes_linear_time(part):
    started = time.process_time()
    without_parameters(part * 20000)
    assert time.process_time() - started < 2


def test_the_commands_write_the_page(tmp_path):
    file = tmp_path / "page.html"
    with served(answering(lax)) as one:
        where = ["--connect-to", one.address, "--html", str(file)]
        done = CliRunner().invoke(audit, [URL, "--origin", APP, *FAST, *where], catch_exceptions=False)
        assert done.exit_code == 1
        assert '<h2 id="finding-1">Critical: Only the beginning' in file.read_text(encoding="utf-8")
        own = URL.removesuffix("/items")
        done = CliRunner().invoke(check, [URL, "--page", own, *where], catch_exceptions=False)
        assert done.exit_code == 0
        assert '<p class="verdict good">Readable.</p>' in file.read_text(encoding="utf-8")
        done = CliRunner().invoke(check, [URL, "--page", APP, *where[:2], "--html", str(tmp_path)])
        assert done.exit_code == 2
        assert "--html" in done.stderr


def headings(page, level=2):
    return re.findall(rf"<h{level} id=[^>]*>(.*?)</h{level}>", page)


def test_a_har_has_a_section_for_each_request_with_a_problem(tmp_path):
    file = tmp_path / "page.html"
    done = CliRunner().invoke(check, [str(recorded("playwright")), "--html", str(file)], catch_exceptions=False)
    assert done.exit_code == 1
    page = file.read_text(encoding="utf-8")
    reading = diagnosis.read_har(recorded("playwright"))
    assert reading.verdict in page
    *bad, fine = headings(page)
    assert fine == "Readable"
    assert len(bad) == sum(not replay.is_fine for replay in reading.requests) == page.count("<figure")
    assert bad[-1] == f"GET {reading.requests[-1].asked.url}: failed, and this is not CORS"
    assert reading.requests[-1].outcome.faults[0].cause in page
    assert "corsguard check http" in page


def test_a_preflight_that_is_not_in_a_har_is_not_drawn(tmp_path):
    """
    It is assumed to have passed, but nobody saw it.
    """
    file = tmp_path / "some.har"
    asked = [("Origin", APP), ("X-One", "1")]
    file.write_text(archive("PUT", "https://api.example.com/a", asked, 200, []), encoding="utf-8")
    page = of_har(diagnosis.read_har(file))
    assert "The preflight is not in the file" in page
    assert page.count('class="message server-browser') == 1
    assert "OPTIONS" not in page


def archive(method, url, asked, status, answered):
    def pairs(lines):
        return [{"name": name, "value": value} for name, value in lines]

    request = {"method": method, "url": url, "headers": pairs(asked)}
    entry = {"request": request, "response": {"status": status, "headers": pairs(answered)}}
    return json.dumps({"log": {"creator": {"name": "Firefox"}, "entries": [entry]}})


@pytest.mark.parametrize(
    ("query", "asked", "answered"),
    [
        (f"?access_token={SECRET}", (), ()),
        (f"?a=1&X-Amz-Signature={SECRET}", (), ()),
        ("", [("Authorization", f"Bearer {SECRET}")], [("X-Cache", f"for {SECRET}")]),
        ("", [("Cookie", f"sid={SECRET}")], [("Access-Control-Allow-Headers", SECRET)]),
        ("", (), [("Set-Cookie", f"sid={SECRET}; Secure"), ("Location", f"https://x.example/{SECRET}")]),
    ],
)
def test_no_secret_of_a_har_is_on_the_page(tmp_path, query, asked, answered):
    file = tmp_path / "some.har"
    lines = [("Origin", APP), *asked]
    file.write_text(archive("GET", f"https://api.example.com/a{query}", lines, 200, answered), encoding="utf-8")
    page = of_har(diagnosis.read_har(file))
    assert "https://api.example.com/a" in page
    assert SECRET not in page
    assert "(not shown)" in page


def test_a_har_without_anything_to_judge_says_so(tmp_path):
    file = tmp_path / "some.har"
    file.write_text(archive("GET", "https://api.example.com/a", (), 200, ()).replace("Firefox", "curl"))
    reading = diagnosis.read_har(file)
    page = of_har(reading)
    assert '<p class="verdict warning">There is nothing to judge' in page
    assert headings(page) == []


def test_an_audit_of_several_urls_has_a_section_for_each(tmp_path):
    file, urls = tmp_path / "page.html", tmp_path / "urls.txt"
    with served(answering(lax)) as bad, served(listing(APP)) as good:
        asked = [f"http://{one.address}/items" for one in (bad, good)]
        urls.write_text("\n".join([*asked, "http://127.0.0.1:1/x"]))
        command = ["--urls", str(urls), "--origin", APP, *FAST, "--html", str(file)]
        done = CliRunner().invoke(audit, command, catch_exceptions=False)
    assert done.exit_code == 1
    page = file.read_text(encoding="utf-8")
    assert "1 of them has findings." in page
    first, second, third = headings(page)
    assert first.startswith(f"{asked[0]}: ")
    assert second == f"{asked[1]}: Nothing was found."
    assert third.startswith("http://127.0.0.1:1/x: ")
    assert any(heading.startswith("Critical: ") for heading in headings(page, 3))


def test_an_audit_without_any_answer_has_a_page(tmp_path):
    file = tmp_path / "page.html"
    command = ["--urls", "-", *FAST, "--html", str(file)]
    done = CliRunner().invoke(audit, command, input="http://127.0.0.1:1/x", catch_exceptions=False)
    assert done.exit_code == 3
    assert '<p class="verdict warning">0 of them have findings.</p>' in file.read_text(encoding="utf-8")


def test_results_that_are_not_a_fault_of_cors_are_on_the_page_too():
    """
    These are a readable refusal, what was not checked, and what an application begins with.
    """
    url = "https://api.example.com/items"

    def refused(environ, start_response):
        start_response("403 Forbidden", [(ALLOW, APP), VARY])
        return []

    page = of_check(diagnosis.check(refused, page=APP, url=url))
    assert '<p class="verdict warning">Readable.</p>' in page
    assert "This is not CORS: the page may read the answer, and its status is 403." in page
    found = checked(method="PUT")
    assert found.outcome.unseen
    assert f"<li>Not checked: {found.outcome.unseen}</li>" in of_check(found)
    bare = diagnosis.check(Flask("bare"), page=APP, url=url)
    assert bare.beginning
    assert "The application, which corsguard does not guard yet" in of_check(bare)
