"""
The laboratory is what it says: each of its pages gets what it should, in the model and in real browsers.

`PYTHONPATH=tests python tests/audit/test_laboratory.py` writes what the browsers' consoles say about its failures to
`kit/console_lines.json`.
"""

import json
import re
import ssl
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from kit import engines
from kit.laboratory import SAMPLES, SITE, running
from kit.laboratory.hosting import PAGE
from kit.playing import _FRAME, _PLAY

from corsguard.browser import Browser, LiveTransport, NetworkError, WireRequest, WireResponse

CONSOLE_LINES = Path(__file__).parents[1] / "kit" / "console_lines.json"

# The lines of each console that give a reason. Others only say that something failed, or follow a line with the reason.
TELLING = {
    "chromium": re.compile(r"blocked by CORS policy|net::ERR_(?!FAILED\b)|^Mixed Content"),
    "firefox": re.compile(r"^Cross-Origin Request|^Blocked loading mixed|Cross-Origin-Resource-Policy"),
}

# Differences between an engine and the model: the sample, the number of the fetch, and the reason.
DIVERGENCES = {
    "chromium": {
        ("authorization-under-a-wildcard", 1): "reads: a wildcard still covers Authorization (whatwg/fetch#1919)",
        ("not-listening", 0): "says ERR_EMPTY_RESPONSE: the proxy listens, and hangs up",
        ("wrong-certificate", 0): "says ERR_EMPTY_RESPONSE: the proxy's certificate is taken, and it hangs up",
    },
    "firefox": {
        ("authorization-under-a-wildcard", 1): "reads: a wildcard still covers Authorization (whatwg/fetch#1919)",
    },
}

# With a body of more than one byte.
_FETCH = _PLAY.replace("new Uint8Array([120])", """'{"name": "pen"}'""")
# Browsers ask no proxy for pages of this machine, so no server would answer.
_WITHOUT_PROXY = "localhost"
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


@contextmanager
def live(laboratory):
    """
    Yield the transport to the servers of *laboratory*.
    """
    context = ssl.create_default_context(cafile=laboratory.cacert)
    with LiveTransport(verify=context, connect_to=laboratory.addresses) as transport:
        yield transport


@pytest.fixture(scope="module")
def servers():
    with running() as laboratory, live(laboratory) as transport:
        yield transport


# By default each browser visits another sixth of the servers.
VISITS = [
    ("chromium", [*SAMPLES][::6]),
    ("firefox", [*SAMPLES][1::6]),
    pytest.param(("chromium", [*SAMPLES]), marks=pytest.mark.long),
    pytest.param(("firefox", [*SAMPLES]), marks=pytest.mark.long),
]


@pytest.fixture(scope="module", params=VISITS, ids=["chromium", "firefox", "chromium, all", "firefox, all"])
def seen(request, servers):
    engine, names = request.param
    asked = fetches(names)
    return engine, asked, played(engine, servers, asked)


def fetches(names):
    """
    Return all fetches from the servers with these *names*, by the name of the sample and the number of the fetch.

    Real browsers open WebSockets in `carriers/test_websocket_servers.py`.
    """
    return {
        (name, number): asked
        for name in names
        for number, asked in enumerate(SAMPLES[name].asked)
        if not SAMPLES[name].url.startswith("ws:")
    }


def modelled(transport, name, asked):
    """
    Return the Response that a page of the model gets, or the NetworkError.
    """
    page, url = Browser(transport).open(asked.page), SAMPLES[name].url
    try:
        return page.websocket(url) if url.startswith("ws:") else page.fetch(url, **asked.init)
    except NetworkError as error:
        return error


def played(engine, transport, every):
    """
    Return the results of *every* fetch in *engine*: what the script got, and the console's lines that give a reason.
    """
    seen = {}
    with engines.proxied(_web(transport)) as port, getattr(engines, engine)(port) as tab:
        visited, heard = None, 0
        for (name, number), asked in sorted(every.items(), key=lambda item: item[1].page):
            is_framed = asked.page.startswith("data:")
            page = f"{SAMPLES[name].origin}/" if is_framed else asked.page
            if urlsplit(page).hostname == _WITHOUT_PROXY:
                continue
            if page != visited:
                tab.visit(page)
                visited = page
            last = f"{urlsplit(page).scheme}://nowhere.test/{len(seen)}."
            frame = {"url": asked.page + quote(_FRAME), "sandbox": False} if is_framed else None
            (result,) = tab.call(_FETCH, {"asked": [_request(name, asked)], "frame": frame, "last": last})
            tab.wait_for_console(last)
            lines, heard = tab.console[heard:], len(tab.console)
            said = [line for line in lines if TELLING[engine].search(line) and "//nowhere.test/" not in line]
            seen[name, number] = {**result, "said": said}
    return seen


def _web(transport):
    """
    Return a transport that answers for all pages, and forwards the rest to *transport*.
    """

    def carry(request):
        url = urlsplit(request.url)
        if url.hostname == "nowhere.test":
            return WireResponse(501)
        if url.path == "/":
            return WireResponse(200, (("Content-Type", "text/html"),), PAGE)
        response = transport(request)
        lines = tuple(line for line in response.headers if line[0].lower() not in _HOP_BY_HOP)
        return WireResponse(response.status, lines, response.body)

    return carry


def _request(name, asked):
    """
    Return the arguments of a fetch in the form of the player.
    """
    init = dict(asked.init)
    headers, has_body = [*init.pop("headers", {}).items()], init.pop("json", None) is not None
    if has_body:
        headers.append(("Content-Type", "application/json"))
    return {"url": SAMPLES[name].url, "headers": headers, "has_body": has_body, **init}


def recorded(engine, every, seen):
    """
    Return the recorded lines of *engine*: for each of *every* fetch that fails, the line with the reason.
    """
    lines = []
    for (name, number), asked in every.items():
        said = seen.get((name, number), {"said": ()})["said"]
        if asked.reason and said:
            # Chromium's console has a URL next to some lines. It is not part of them.
            text = re.sub(r" https?://\S+$", "", said[0]) if engine == "chromium" else said[0]
            lines.append({"sample": name, "engine": engine, "reason": asked.reason, "text": text})
    return lines


def test_there_are_enough_samples_of_each_kind():
    kinds = Counter(sample.kind for sample in SAMPLES.values())
    assert len(SAMPLES) >= 40
    assert kinds["look-alike"] >= 10
    assert sum(name.startswith("corsguard-") for name in SAMPLES) >= 6
    assert all(SAMPLES[name].kind == "safe" for name in SAMPLES if name.startswith("corsguard-"))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_what_its_kind_says(name):
    sample = SAMPLES[name]
    assert urlsplit(sample.url).hostname in {f"{name}.{SITE}", "10.1.2.3"}
    assert all(re.fullmatch(r"CG-[A-Z]\d{3}", finding) for finding in sample.finds)
    assert {"fault": bool(sample.finds), "safe": not sample.finds}.get(sample.kind, True)
    if sample.kind == "look-alike":
        # There has to be something to report.
        assert any(asked.cause or asked.fix for asked in sample.asked)


@pytest.mark.server
@pytest.mark.parametrize("name", SAMPLES)
def test_the_model_gets_what_is_expected_and_names_cause_and_fix(servers, name):
    for asked in SAMPLES[name].asked:
        got = modelled(servers, name, asked)
        if asked.reason is None:
            assert not isinstance(got, NetworkError), str(got)
        else:
            assert isinstance(got, NetworkError), got
            assert got.reason == asked.reason
            assert asked.cause in str(got).lower()
            assert asked.fix in str(got.fix)


@pytest.mark.server
@pytest.mark.parametrize(
    "name",
    [name for name, one in SAMPLES.items() if one.kind != "look-alike" and not one.url.startswith("ws:")],
)
def test_a_server_has_its_items_and_nothing_else(servers, name):
    assert servers(WireRequest("GET", SAMPLES[name].url)).status == 200
    assert servers(WireRequest("HEAD", SAMPLES[name].url)).body == b""
    assert servers(WireRequest("GET", f"{SAMPLES[name].url}/nowhere")).status == 404


@pytest.mark.server
def test_only_the_requested_samples_run():
    with running(["reflected"]) as laboratory:
        assert f"reflected.{SITE}" in laboratory.addresses
        assert not {f"nginx-map.{SITE}", f"django-regex.{SITE}", f"starlette-string.{SITE}"} & {*laboratory.addresses}


@pytest.mark.server
def test_afterwards_no_server_listens_any_more():
    names = ["reflected", "nginx-map", "starlette-string", "django-regex"]
    with running(names) as laboratory, live(laboratory) as transport:
        for name in names:
            assert transport(WireRequest("GET", SAMPLES[name].url)).status == 200
    with LiveTransport(connect_to=laboratory.addresses) as transport:
        for name in names:
            error = modelled(transport, name, SAMPLES[name].asked[0])
            assert error.failure.value == f"nothing listens at {name}.{SITE}"


@pytest.mark.browser
@pytest.mark.server
def test_a_real_browser_gets_what_the_model_gets(servers, seen):
    engine, every, results = seen
    disagreeing, diverging = [], set()
    for key, result in results.items():
        got = modelled(servers, key[0], every[key])
        if isinstance(got, NetworkError):
            line, agrees = getattr(got, engine), result["outcome"] == "blocked"
            agrees = agrees and any(line in text for text in result["said"])
        else:
            line, agrees = None, (result["response_type"], result["status"]) == (got.type, got.status)
            agrees = agrees and not result["said"]
        if key in DIVERGENCES[engine]:
            diverging |= set() if agrees else {key}
        elif not agrees:
            disagreeing.append(f"{key}: {line} | {result}")
    assert not disagreeing, "the model | the browser\n" + "\n".join(disagreeing)
    assert diverging == DIVERGENCES[engine].keys() & every.keys()


@pytest.mark.browser
@pytest.mark.server
def test_the_recorded_lines_are_those_of_the_consoles(seen):
    engine, every, results = seen
    names = {name for name, _ in every}
    lines = json.loads(CONSOLE_LINES.read_text(encoding="utf-8"))
    of_these = [line for line in lines if line["engine"] == engine and line["sample"] in names]
    assert of_these == recorded(engine, every, results)


def write():
    """
    Write the lines of the consoles.
    """
    with running() as laboratory, live(laboratory) as transport:
        every = fetches(SAMPLES)
        lines = [line for engine in TELLING for line in recorded(engine, every, played(engine, transport, every))]
    CONSOLE_LINES.write_text(json.dumps(lines, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
