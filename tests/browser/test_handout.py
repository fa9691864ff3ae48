"""
The page to hand on: it says what was found, hides what is secret, and shows hostile strings as strings, in Chromium.
"""

import re

import pytest
from click.testing import CliRunner
from kit.audited import ALLOW, APP, CREDENTIALS, FAST, URL, VARY, answering, audited, listing, origin_of, served
from kit.engines import CHROMIUM_ARGUMENTS, installed, playwright_chromium

from corsguard import diagnosis
from corsguard.audit.handing_on import handout as of_audit
from corsguard.browser.drawing import Drawn
from corsguard.browser.exchanges import Shown
from corsguard.browser.handout import Handout, Instruction, Section
from corsguard.cli.audit import audit
from corsguard.cli.check import check
from corsguard.diagnosis.handing_on import handout as of_check

HOSTILE = (
    """</p></style></title><script>document.title = "run"</script><img src="https://evil.example/x" onerror="x">"""
)
# Turns the direction of writing, ends lines, and is far too long for a phone.
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


PAGES = {
    "hostile": hostile,
    "audit": lambda: of_audit(audited(answering(lax))),
    "clean audit": lambda: of_audit(audited(listing(APP))),
    "blocked": lambda: of_check(checked(method="PUT", headers=[("Authorization", f"Bearer {SECRET}")], body=b"1")),
    "readable": lambda: of_check(checked()),
}


@pytest.fixture(scope="module")
def browser():
    executable = installed("chromium")
    with playwright_chromium() as launcher:
        chromium = launcher.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(params=PAGES)
def opened(browser, request, tmp_path):
    """
    The page as a file, in a tab of a phone's width; all that it asks for; and its source.
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
def test_it_fits_a_phone_a_desk_and_paper(opened):
    """
    Nothing is wider than the screen, and each arrow goes from under its sender to under its receiver.
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
def test_it_can_be_read_aloud(opened):
    """
    One heading for the page, a name for each region and list, and no message that is only drawn.
    """
    tab, *_ = opened
    assert tab.get_by_role("heading", level=1).count() == 1
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert tab.evaluate("document.title") == tab.get_by_role("heading", level=1).inner_text()
    sections = tab.query_selector_all("main > section[aria-labelledby]")
    named = tab.get_by_role("region").all()
    assert len(named) == len(sections)
    for diagram in tab.get_by_role("list", name="What went over the wire").all():
        messages = diagram.locator(":scope > li").all()
        assert len(messages) >= 2
        assert all(re.match(r"(Page|Browser|Server) to (page|browser|server)\n", one.inner_text()) for one in messages)
    # What is only to be seen is not read.
    assert tab.locator(".arrow:not([aria-hidden=true])").count() == 0


@pytest.mark.browser
def test_strings_from_the_network_stay_strings(browser, tmp_path):
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


def test_the_commands_write_it(tmp_path):
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
