"""
Who sees how long a response took: the model of a browser (Fetch, "TAO check") and real browsers, with guarded
applications.
"""

import pytest
from kit import engines
from kit.cases import ANYONE, APP, EVIL, LISTED, SHOP, TIMED, TIMED_ANYONE, TIMED_SHOP

from corsguard import CORSMiddleware
from corsguard.browser import Browser, WireResponse, origin_of
from corsguard.browser.transports import transport_for

API = "https://api.example.net"
POLICIES = {
    "/listed": LISTED,
    "/timed": TIMED,
    "/shop": SHOP,
    "/timed-shop": TIMED_SHOP,
    "/anyone": ANYONE,
    "/timed-anyone": TIMED_ANYONE,
}
# A page on each of these origins sees the timings. It sees no timings of what it may not read.
SEEN = {APP: {"/timed", "/timed-shop", "/timed-anyone"}, EVIL: {"/timed-anyone"}}


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
    return [b"content"]


def guarded():
    return CORSMiddleware(application, POLICIES)


@pytest.mark.parametrize("origin", SEEN)
def test_the_model_sees_the_timings_that_the_policy_shares(origin):
    page = Browser({API: guarded()}).open(f"{origin}/")
    seen = {path for path in POLICIES if page.fetch(f"{API}{path}", mode="no-cors").timing_allowed}
    # Without CORS there is no Origin, so only headers on every response count.
    assert seen == {"/timed-anyone"}
    readable = {*POLICIES} if origin == APP else {"/anyone", "/timed-anyone"}
    assert {path for path in readable if page.fetch(f"{API}{path}").timing_allowed} == SEEN[origin]


# The entry comes after the response.
_TIMED = """
    async ([url, init]) => {
        const entry = new Promise((resolve) => {
            new PerformanceObserver((list) => {
                for (const entry of list.getEntries()) if (entry.name === url) resolve(entry);
            }).observe({ type: "resource", buffered: true });
        });
        await fetch(url, init).then((response) => response.text()).catch(() => {});
        const { startTime, requestStart, responseStart } = await entry;
        return { startTime, details: [requestStart, responseStart] };
    }
"""


@pytest.mark.browser
@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_a_browser_shows_the_timings_that_the_policy_shares(engine):
    answer = transport_for(guarded())

    def web(request):
        if origin_of(request.url) == API:
            return answer(request)
        return WireResponse(200, (("Content-Type", "text/html"),), b"<!doctype html>")

    with engines.proxied(web) as port, getattr(engines, engine)(port) as tab:
        for origin, seen in SEEN.items():
            tab.visit(f"{origin}/")
            for mode, expected in {"cors": seen, "no-cors": {"/timed-anyone"}}.items():
                for path in POLICIES:
                    entry = tab.call(_TIMED, [f"{API}{path}?{mode}", {"mode": mode}])
                    assert entry["startTime"] > 0
                    is_seen = path in expected
                    assert [detail > 0 for detail in entry["details"]] == [is_seen] * 2, (origin, mode, path)
