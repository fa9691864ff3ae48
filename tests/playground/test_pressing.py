"""
What a user presses in the playground, and what a foreign page tries, in a real Chromium.
"""

import re
from types import SimpleNamespace

import pytest
from kit.playground import (
    AGREE,
    BLOCKED,
    READABLE,
    READY_TO_USE,
    RUN,
    THIRD_PARTY,
    Calls,
)

from corsguard.browser.reasons import REASONS, Reason
from corsguard.playground import opened
from corsguard.playground.examples import Sample
from corsguard.playground.serving import LoopbackServer

pytestmark = pytest.mark.browser

EXPLAINED = "Your browser and the model differ for a known reason."


@pytest.fixture
def visit(browser):
    """
    A visit to a playground: its page, its console, and its errors.
    """
    with browser.new_context() as context:

        def visit(address):
            page = context.new_page()
            console, errors, origins = [], [], set()
            page.on("console", lambda message: console.append(message.text))
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("request", lambda request: origins.add(re.match(r"data:|\w+://[^/]+", request.url)[0]))
            page.goto(address)
            page.evaluate(READY_TO_USE)
            run = lambda *pair: page.evaluate(RUN, [*pair, None, None][:2])  # noqa: E731 - one line says it
            return SimpleNamespace(page=page, console=console, errors=errors, origins=origins, context=context, run=run)

        yield visit


@pytest.fixture(scope="module")
def address():
    with opened(0) as address:
        yield address


def test_a_browser_that_blocks_third_party_cookies_is_explained(visit, address):
    """
    In a private tab, Chromium sends no third-party cookies. The playground says that this is the difference.
    """
    visited = visit(address)
    seen = [visited.run(*pair) for pair in THIRD_PARTY]
    assert {one["agreement"] for one in seen} == {EXPLAINED}
    assert (
        visited.page.locator("#result").inner_text().count("This browser keeps the cookies of other sites apart") == 1
    )
    assert visited.errors == []


def test_a_new_user_sees_why_everyone_and_cookies_are_refused(visit, address):
    visited = visit(address)
    page = visited.page
    blocked = visited.run()
    assert (blocked["verdict"], blocked["agreement"]) == (BLOCKED, AGREE)
    assert "must not be the wildcard '*' when the request's credentials mode is 'include'" in blocked["console"]
    assert blocked["happened"] == [
        (
            "The browser sent the request with the cookie, the server answered, and the browser hides the answer from "
            "the page."
        ),
        REASONS[Reason.WILDCARD_WITH_CREDENTIALS].why,
    ]
    origin = page.input_value("[name=page]")
    lines = ["status 200", "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: not there"]
    assert blocked["decided"] == [f"Origin: {origin}", "Cookie: sent", *lines]
    begun = page.input_value("#policy")
    page.click("text=Change the policy and run")
    page.wait_for_selector("#result .outcome.good")
    seen = visited.run()
    assert seen["verdict"] == READABLE
    # They are not folded, and the result is next to the request.
    assert page.locator(".decided").is_visible()
    lines = ["status 200", f"Access-Control-Allow-Origin: {origin}", "Access-Control-Allow-Credentials: true"]
    assert seen["decided"] == [f"Origin: {origin}", "Cookie: sent", *lines]
    # Both together are refused.
    page.fill("#policy", begun)
    page.fill("#policy", page.input_value("#policy") + "allow_credentials = true\n")
    page.wait_for_selector("#problems li.error")
    assert 'Error E301: "*" cannot be used together with allow_credentials=True' in page.inner_text("#problems")
    assert page.locator("#lines li.error").all_inner_texts() == ["4"]
    assert visited.run()["verdict"].startswith("The policy is refused, so nothing was sent.")
    page.click("#problems button.fix")
    page.wait_for_selector("#problems li", state="detached")
    assert 'allow_origins = ["https://app.example.com"]' in page.input_value("#policy")
    assert visited.run()["verdict"] == BLOCKED
    page.click("text=Change the policy and run")
    page.wait_for_selector("#result .outcome.good")
    assert page.inner_text("#result .outcome strong") == READABLE
    assert '{"user": "Ada"}' in page.inner_text("#result")


def test_a_developer_changes_one_line_and_sees_it_pass(visit, tmp_path):
    """
    A developer reproduces a blocked request of a page on a port of their own, and changes one line.
    """
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    own = Sample(
        "cors.toml",
        "",
        f'allow_origins = ["http://localhost:{port}"]  # the shop\nallow_headers = ["Content-Type"]\n',
        page=f"http://localhost:{port}",
    )
    with opened(0, own) as address:
        visited = visit(address)
        page = visited.page
        blocked = visited.run(None, "PUT with a token")
        assert (blocked["verdict"], blocked["agreement"]) == (BLOCKED, AGREE)
        assert "Method PUT is not allowed" in blocked["console"]
        assert blocked["ways"].count("Browser to preflight cache") == 1
        page.click("text=Change the policy and run")
        page.wait_for_selector("#result .outcome.good")
        assert page.inner_text("#result .outcome strong") == READABLE
        # What was not at fault stays as it was written.
        assert f'allow_origins = ["http://localhost:{port}"]  # the shop\n' in page.input_value("#policy")
        # The preflight is remembered, and the diagram says so.
        page.click("#again")
        page.wait_for_selector("text=Yes, an earlier preflight said so.")
        assert page.locator("#result > figure").inner_text().count("OPTIONS") == 0
        assert f"http://localhost:{port}" in visited.origins


def test_the_request_is_shown_as_javascript(visit, address):
    page = visit(address).page
    server = page.inner_text("#code").partition('"')[2].partition("/me")[0]
    page.click('text="PUT with a token"')
    assert page.inner_text("#code") == (
        f'fetch("{server}/items", {{\n  method: "PUT",\n  headers: {{\n    "Authorization": "Bearer 1234-abcd",\n'
        '    "Content-Type": "application/json",\n  },\n  body: "{\\"name\\": \\"Ada\\"}",\n})'
    )
    page.click('text="WebSocket"')
    assert page.inner_text("#code") == f'new WebSocket("{server.replace("http", "ws")}/feed")'
    page.click('text="File upload"')
    assert 'request.upload.addEventListener("progress", show);' in page.inner_text("#code")


def test_a_page_that_is_not_served_here_is_answered_by_the_model(visit, address):
    visited = visit(address)
    page = visited.page
    for origin in ("capacitor://localhost", "chrome-extension://abcdefgh", "https://app.example.com"):
        page.fill("[name=page]", origin)
        assert visited.run(None, None)["agreement"] == "This is the model's answer."
        assert f"Not run in your browser. The playground has no page on {origin}." in page.inner_text("#result")
    assert page.locator("#stage iframe").count() == 0


def test_a_link_contains_the_state_and_not_the_token(visit, address):
    visited = visit(address)
    page = visited.page
    visited.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate(RUN, ["Gateway", "JSON POST"])
    page.fill("[name=body]", "Zażółć \N{SNOWMAN}")
    page.click("#link")
    page.wait_for_selector("text=Link copied.")
    link = page.evaluate("navigator.clipboard.readText()")
    token = address.rstrip("/").rpartition("/")[2]
    assert token not in link
    policy = page.input_value("#policy")
    page.goto("about:blank")
    page.goto(link)
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.input_value("[name=body]") == "Zażółć \N{SNOWMAN}"
    assert (page.input_value("#policy"), page.input_value("[name=path]")) == (policy, "/api/items")
    assert page.input_value("#sample") == "Gateway"
    # In another place the token is unknown.
    with visited.context.browser.new_context() as stranger:
        other = stranger.new_page()
        other.goto(link)
        other.wait_for_selector("text=Open the address that the terminal shows")


def test_everything_can_be_done_with_the_keyboard_and_has_a_name(visit, address):
    visited = visit(address)
    page = visited.page
    page.focus("#policy")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#result .outcome.bad")
    assert page.inner_text("#status") == f"{BLOCKED} {AGREE}"
    assert page.get_attribute("#status", "role") == "status"
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("input, select, textarea, button, iframe, summary, section, figure")]
            .filter((one) => !(one.labels?.length || one.textContent.trim() || one.title || one.ariaLabel))
            .map((one) => one.outerHTML)"""
    )
    assert nameless == []
    # From the first to the last one, Tab reaches everything that can be pressed.
    reached = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name || ''"))
    assert {"link", "sample", "policy", "page", "call", "path", "method", "run", "again"} <= reached


@pytest.mark.parametrize("width", [360, 1600, pytest.param(1000, marks=pytest.mark.long)])
def test_the_page_fits_every_width_in_light_and_dark(visit, address, width):
    visited = visit(address)
    page = visited.page
    page.set_viewport_size({"width": width, "height": 900})
    visited.run("Single-page application with cookies", "PUT with a token")
    for summary in page.locator("#conversions summary").all():
        summary.click()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    papers = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        papers.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert papers == ["rgb(255, 255, 255)", "rgb(22, 25, 29)"]


@pytest.mark.parametrize(
    ("width", "columns"),
    [(390, 1), (1000, 2), (1200, 3), pytest.param(1400, 3, marks=pytest.mark.long)],
)
def test_in_a_wide_window_the_result_is_next_to_the_request(visit, address, width, columns):
    page = visit(address).page
    page.set_viewport_size({"width": width, "height": 900})
    lefts = page.locator("main > section").evaluate_all("all => all.map((one) => one.getBoundingClientRect().left)")
    assert len({*lefts}) == columns
    # In columns, the button is visible without scrolling.
    assert columns == 1 or page.locator("#run").evaluate("one => one.getBoundingClientRect().bottom < innerHeight")


HOSTILE = """
    async ([desk, token, frame]) => {
        const tried = {};
        const attempt = async (name, run) => {
            try { tried[name] = await run(); } catch (error) { tried[name] = error.name; }
        };
        const read = async (url, init) => (await (await fetch(url, init)).text()).length;
        const body = JSON.stringify({});
        // Even to a stranger who knows the token.
        await attempt("reads the door", () => read(desk));
        await attempt("reads the page", () => read(`${desk}/${token}/`));
        await attempt("calls", () => read(`${desk}/${token}/start`, { method: "POST", body }));
        const start = `${desk}/${token}/start`, post = { method: "POST", body };
        await attempt("calls with cookies", () => read(start, { ...post, credentials: "include" }));
        await attempt("calls without reading", async () => (await fetch(start, { ...post, mode: "no-cors" })).type);
        const framed = (src) => new Promise((resolve) => {
            const made = Object.assign(document.createElement("iframe"), { src, onload: () => resolve(made) });
            document.body.append(made);
        });
        await attempt("looks into a frame", async () => {
            const made = await framed(`${desk}/${token}/`);
            return made.contentDocument?.title ?? "nothing";
        });
        // A page of the playground sends for the desk only, in a frame and in a window.
        const drive = async (there) => {
            let driven = "silent";
            for (let i = 0; i < 100 && driven === "silent"; i += 1) {
                const { port1, port2 } = new MessageChannel();
                port1.onmessage = () => { driven = "driven"; };
                const words = { call: "fetch", url: "/", headers: [], method: "GET", kind: "none" };
                there.postMessage(words, "*", [port2]);
                await fetch("/nowhere");
            }
            return driven;
        };
        await attempt("drives a frame", async () => drive((await framed(frame)).contentWindow));
        await attempt("drives a window", () => drive(open(frame)));
        const opened = open(`${desk}/${token}/`);
        await attempt("looks into a window", async () => {
            while (!opened.closed && opened.document) await fetch("/nowhere");
            return "closed";
        });
        return tried;
    }
"""


def nothing(environ, start_response):
    """
    Answer with a page of a foreign origin, without any CORS headers.
    """
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"<!doctype html><title>A stranger</title>"]


def test_a_hostile_page_can_neither_read_nor_control_it(browser):
    """
    A page of another origin can neither read the desk nor start anything, even if it knows the token.
    """
    with opened(0) as address, LoopbackServer(0, nothing) as server, browser.new_context() as context:
        desk, _, token = address.rstrip("/").rpartition("/")
        calls = Calls(address)
        first = calls("run", {"policy": 'allow_origins = "*"\n', "request": calls.request()})
        stranger, answers = context.new_page(), []
        stranger.on(
            "response", lambda response: answers.append((response.request.method, response.url, response.status))
        )
        stranger.goto(f"http://localhost:{server.start().port}/")
        tried = stranger.evaluate(HOSTILE, [desk, token, first["frame"]])
        # It counts its runs, so a run that another page started would show here.
        second = calls("run", {"policy": 'allow_origins = "*"\n', "request": calls.request()})
    # It is cut off. Until then it is a page of another origin.
    assert tried.pop("looks into a window") in {"closed", "SecurityError"}
    assert tried == {
        "reads the door": "TypeError",
        "reads the page": "TypeError",
        "calls": "TypeError",
        "calls with cookies": "TypeError",
        "calls without reading": "opaque",
        "looks into a frame": "nothing",
        "drives a frame": "silent",
        "drives a window": "silent",
    }
    assert int(second["run"]) == int(first["run"]) + 1
    # Each call reached the server, and our own protection refused it.
    assert {status for method, url, status in answers if url.startswith(desk) and method == "POST"} == {403}
