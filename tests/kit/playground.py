"""
The opened playground, and its page driven in a browser: what a user would press, and what the page then shows.
"""

import json
import urllib.error
import urllib.request
from contextlib import contextmanager

from corsguard.playground import opened
from corsguard.playground.examples import READY, SAMPLES

PAIRS = [(sample.title, ready.title) for sample in SAMPLES for ready in READY]

# Results for a page, in the words of the playground.
BLOCKED = "Blocked: the page gets only an error."
OPEN = "Open: the page talks to the server."
READABLE = "Readable: the page gets status 200."

# The readable or open requests under each policy. All others are blocked.
SHARED = {
    "Public API": {"JSON POST", "File upload", "Download", "Sandboxed frame", "Redirect"},
    "Single-page application with cookies": {
        "Cookie",
        "JSON POST",
        "PUT with a token",
        "File upload",
        "Download",
        "WebSocket",
    },
    "Tenants": {"Cookie", "JSON POST", "PUT with a token", "File upload", "Download", "WebSocket"},
    "Mobile web view": {"JSON POST", "PUT with a token", "File upload", "Download"},
    "Gateway": {"Cookie", "JSON POST", "PUT with a token", "File upload", "Download", "WebSocket"},
}
# The page of a tenant is of another site than the desk that frames it. These send a cookie in spite of that.
THIRD_PARTY = {("Tenants", "Cookie"), ("Tenants", "WebSocket")}

AGREE = "Your browser and the model agree."

# Chooses a policy and a request, presses Run, and returns what is shown.
RUN = """
    async ([sample, ready]) => {
        const at = (id) => document.getElementById(id);
        const change = (element, value) => {
            element.value = value;
            element.dispatchEvent(new Event("change", { bubbles: true }));
        };
        if (sample) change(at("sample"), sample);
        if (ready) [...at("ready").children].find((one) => one.textContent === ready).click();
        const idle = new Promise((resolve) => {
            const look = () => at("result").ariaBusy === "false" && resolve();
            new MutationObserver(look).observe(at("result"), { attributes: true });
        });
        at("run").click();
        await idle;
        const texts = (selector) => [...document.querySelectorAll(`#result ${selector}`)].map((one) => one.textContent);
        return {
            verdict: texts(".outcome strong")[0] ?? texts("p")[0],
            agreement: texts(".outcome .agreement")[0],
            differences: texts("> ul:not(.steps) > li"),
            console: texts("pre.bad")[0] ?? "",
            ways: texts("> figure .way"),
            titles: texts("> figure .said strong"),
            happened: texts(".outcome p:not(.agreement)"),
            decided: texts(".decided dd"),
            status: at("status").textContent,
        };
    }
"""
# Waits until the page has loaded everything.
READY_TO_USE = """
    () => new Promise((resolve) => {
        const root = document.documentElement;
        const look = () => "ready" in root.dataset && resolve(true);
        new MutationObserver(look).observe(root, { attributes: true });
        look();
    })
"""


def expected(sample, ready):
    """
    Return the result of the ready request *ready* under the policy *sample*.
    """
    if ready not in SHARED[sample]:
        return BLOCKED
    return OPEN if ready == "WebSocket" else READABLE


def assert_like_the_model(tab, address, pairs):
    """
    Assert that in *tab* each of *pairs* gives the result that this file expects, and that of the model. Return the
    results.
    """
    tab.visit(address)
    tab.call(READY_TO_USE)
    seen = {pair: tab.call(RUN, pair) for pair in pairs}
    assert {pair: one["differences"] for pair, one in seen.items()} == {pair: [] for pair in pairs}
    assert {pair: one["verdict"] for pair, one in seen.items()} == {pair: expected(*pair) for pair in pairs}
    assert {one["agreement"] for one in seen.values()} == {AGREE}
    return seen


# Writes a policy and the fields of a request.
WRITE = """
    ([policy, fields]) => {
        document.getElementById("policy").value = policy;
        const form = document.getElementById("request");
        for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
    }
"""
FIELDS = {
    "page": ["http://localhost:{pages}", "http://127.0.0.1:{pages}", "http://a.tenants.localhost:{pages}", "null"],
    "call": ["fetch", "fetch", "fetch", "upload", "websocket"],
    "path": ["/items", "/me", "/moved", "/elsewhere", "/report", "/api/me", "/api/elsewhere"],
    "method": ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "put", "patch", "FOO", "OPTIONS"],
    "credentials": ["omit", "same-origin", "include"],
    "redirect": ["follow", "follow", "error", "manual"],
    "kind": ["none", "none", "json", "text", "file"],
    "body": ["x"],
    "headers": [
        "",
        "X-A: 1",
        "Authorization: Bearer a",
        "Range: bytes=0-",
        "X-B: 2\nOrigin: https://a.example",
        "Content-Type: a/b",
    ],
}
LINES = [
    ['allow_origins = ["http://localhost:{pages}", "http://*.tenants.localhost:*"]\nallow_credentials = true'] * 2
    + ['allow_origins = ["http://localhost:{pages}"]', 'allow_origins = "*"'],
    ['allow_methods = ["GET", "PUT", "DELETE"]', 'allow_methods = ["GET", "POST", "PATCH", "FOO"]', ""],
    ['allow_headers = ["Content-Type", "X-A", "Authorization"]', 'allow_headers = ["X-B"]', ""],
    ['expose_headers = ["Content-Disposition"]', ""],
    ["preflight_status = 200", "", "[protection]", '[protection]\nmethods = "all"'],
]


def assert_differences_are_explained(tab, address, draw, count):
    """
    Assert that in *tab* a number of requests that *draw* chooses, each under a policy that it chooses, do what the
    model says, or differ for a known reason.
    """
    pages = Calls(address)("start", {})["samples"][0]["page"].rpartition(":")[2]
    tab.visit(address)
    tab.call(READY_TO_USE)
    agreeing, unexplained = 0, []
    for _ in range(count):
        policy = "\n".join(map(draw.choice, LINES)).replace("{pages}", pages)
        fields = {name: draw.choice(values).replace("{pages}", pages) for name, values in FIELDS.items()}
        tab.call(WRITE, [policy, fields])
        seen = tab.call(RUN, [None, None])
        agreeing += seen.get("agreement") == AGREE
        if seen.get("agreement") == "Your browser and the model do not agree.":
            unexplained.append((policy, fields, seen["differences"]))
    assert unexplained == []
    # Most of the others are not valid requests: a GET has no body.
    assert agreeing > count / 2


# Writes a policy, presses each of the buttons as soon as it appears, and returns the final policy.
PRESS = """
    async ([policy, labels]) => {
        const at = (id) => document.getElementById(id);
        const fixes = () => [...document.querySelectorAll("button.fix:enabled")];
        const button = (label) => fixes().find((one) => one.textContent === label);
        const shown = (label) => new Promise((resolve) => {
            const look = () => button(label) && resolve(button(label));
            new MutationObserver(look).observe(at("problems"), { childList: true });
            look();
        });
        at("policy").value = policy;
        at("policy").dispatchEvent(new Event("input"));
        const texts = [];
        let stale = 0;
        for (const label of labels) {
            (await shown(label)).click();
            texts.push(at("policy").value);
            stale += fixes().length;
        }
        document.execCommand("undo");
        return { texts, stale, undone: at("policy").value };
    }
"""
PRESSED = """\
allow_origins = "*"
allow_credentials = true
max_age: 5
nonsense = 1  # what is this
"""
BUTTONS = {
    "Or make line 3 a comment": PRESSED.replace("max", "# max"),
    "Fix: remove it  # or write one of allow_origins, allow_methods, allow_headers, expose_headers, "
    "allow_credentials, max_age, preflight_status, share_timing, allow_unsafe_origins": PRESSED.replace(
        "max", "# max"
    ).replace("non", "# non"),
    "Or, for public data: allow_credentials = false": PRESSED.replace("max", "# max")
    .replace("non", "# non")
    .replace("true", "false"),
}


def assert_buttons_correct_the_policy(tab, address):
    """
    Assert that in *tab* each button puts its fix into the policy, and that this can be undone.
    """
    tab.visit(address)
    tab.call(READY_TO_USE)
    seen = tab.call(PRESS, [PRESSED, [*BUTTONS]])
    assert seen["texts"] == [*BUTTONS.values()]
    assert seen["undone"] == seen["texts"][-2]
    # The text of a second button would be that of the old policy.
    assert seen["stale"] == 0


class Calls:
    """
    Makes the calls of the page of a playground at *address*, without a browser.
    """

    def __init__(self, address):
        self.address = address

    def __call__(self, name, said, **headers):
        """
        Return the answer to a call, as data. Raises ValueError with the message if it is refused.
        """
        request = urllib.request.Request(self.address + name, json.dumps(said).encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(f"{error.code} {error.read().decode()}") from None

    def request(self, ready="Cookie", sample="Public API", **more):
        """
        Return the fields of a ready request on the page of a *sample*, with *more* fields.
        """
        start = self("start", {})
        there = next(one for one in start["samples"] if one["title"] == sample)
        says = next(one["request"] for one in start["ready"] if one["title"] == ready)
        return {"page": there["page"], **says, "path": there["base"] + says["path"], **more}


@contextmanager
def calls(own=None):
    """
    Open a playground and yield the Calls to it.
    """
    with opened(0, own) as address:
        yield Calls(address)
