"""
The playground, opened, and its page driven in a browser: what one would press, and what it then shows.
"""

import json
import urllib.error
import urllib.request
from contextlib import contextmanager

from corsguard.playground import opened
from corsguard.playground.examples import READY, SAMPLES

PAIRS = [(sample.title, ready.title) for sample in SAMPLES for ready in READY]

# What a page gets, as the playground says it.
BLOCKED = "Blocked: the page gets nothing but an error."
OPEN = "Open: the page talks to the server."
READABLE = "Readable: the page gets status 200."

# Under each policy: which of the requests are readable, or open. All others are blocked.
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
# The page of a tenant is of another site than the desk that frames it, and these send a cookie all the same.
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
            agreement: texts(".outcome span")[0],
            differences: texts("> ul:not(.steps) > li"),
            console: texts("pre.bad")[0] ?? "",
            ways: texts("> figure .way"),
            titles: texts("> figure .said strong"),
            status: at("status").textContent,
        };
    }
"""
# Waits until the page has everything that it begins with.
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
    Return what the page gets of the request *ready* under the policy *sample*.
    """
    if ready not in SHARED[sample]:
        return BLOCKED
    return OPEN if ready == "WebSocket" else READABLE


def assert_like_the_model(tab, address, pairs):
    """
    Assert that in the browser's *tab* each of *pairs* is what this file expects, and what the model says; return what
    was seen.
    """
    tab.visit(address)
    tab.call(READY_TO_USE)
    seen = {pair: tab.call(RUN, pair) for pair in pairs}
    assert {pair: one["differences"] for pair, one in seen.items()} == {pair: [] for pair in pairs}
    assert {pair: one["verdict"] for pair, one in seen.items()} == {pair: expected(*pair) for pair in pairs}
    assert {one["agreement"] for one in seen.values()} == {AGREE}
    return seen


class Calls:
    """
    What the page of a playground at *address* calls, called without a browser.
    """

    def __init__(self, address):
        self.address = address

    def __call__(self, name, said, **headers):
        """
        Return what is answered to a call, as data; raises ValueError with what is said if it is refused.
        """
        request = urllib.request.Request(self.address + name, json.dumps(said).encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise ValueError(f"{error.code} {error.read().decode()}") from None

    def request(self, ready="Cookie", sample="Public API", **more):
        """
        Return the fields of a request that is ready, on the page of a *sample*, and *more* of them.
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
