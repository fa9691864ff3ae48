"""
Plays cases, in a real browser or in the model, against one server that gives the chosen answers and records the
requests.

The record of a step always has the same shape, so two players can be compared: what the script saw, what was sent, and
what the console said.
"""

import re
import time
from collections import defaultdict
from urllib.parse import quote, urlsplit

from corsguard.browser import Browser, NetworkError, Unreachable, WireResponse
from corsguard.browser.transports import data_response
from corsguard.browser.urls import origin_of

from .matrix import COOKIES, SECURE_COOKIES

# Plays a batch, several at a time, in the document or in a frame of it. A fetch that never ends would end the batch.
_PLAY = """
async ({ asked, frame, last }) => {
    const play = async ({ asked, last }) => {
        const sorted = (names) => [...new Set(names)].sort();
        const failed = { outcome: "blocked", response_type: "error", status: 0, exposed_headers: [] };
        const send = ({ url, method, headers, credentials }, body) => new Promise((resolve) => {
            const request = new XMLHttpRequest();
            request.open(method, url);
            request.withCredentials = credentials === "include";
            headers.forEach(([name, value]) => request.setRequestHeader(name, value));
            request.upload.addEventListener("progress", () => {});
            request.onerror = () => resolve(failed);
            request.onload = () => {
                const lines = request.getAllResponseHeaders().split("\\r\\n").filter(Boolean);
                const names = sorted(lines.map((line) => line.split(":")[0].toLowerCase()));
                resolve({ outcome: "ok", response_type: null, status: request.status, exposed_headers: names });
            };
            request.send(body);
        });
        const one = async ({ force_preflight, has_body, ...request }) => {
            const body = has_body ? new Uint8Array([120]) : undefined;
            if (force_preflight) return send(request, body);
            try {
                const response = await fetch(request.url, { ...request, body });
                await response.arrayBuffer();
                const { type, status, headers } = response;
                return { outcome: "ok", response_type: type, status, exposed_headers: sorted(headers.keys()) };
            } catch (error) {
                return { ...failed, thrown: String(error) };
            }
        };
        const results = [];
        const queue = [...asked.entries()];
        const work = async () => {
            for (let next; (next = queue.shift()); ) results[next[0]] = await one(next[1]);
        };
        await Promise.all(Array.from({ length: 16 }, work));
        await one({ url: last });
        return results;
    };
    if (!frame) return play({ asked, last });
    return new Promise((resolve) => {
        const element = document.createElement("iframe");
        onmessage = ({ data }) => {
            if (data !== "ready") return resolve(data);
            element.contentWindow.postMessage({ asked, last, play: String(play) }, "*");
        };
        if (frame.sandbox) element.sandbox = "allow-scripts";
        element.src = frame.url;
        document.body.append(element);
    });
}
"""

_PAGE = "<!doctype html><link rel=icon href='data:,'><body>"
_FRAME = """
    <script>
        onmessage = async ({ data }) => parent.postMessage(await eval(data.play)(data), "*");
        parent.postMessage("ready", "*");
    </script>
"""


_KEY = re.compile(r"[a-z]+(?:-[a-z]+)*-\d{3}\b")


class Server:
    """
    Gives each URL the chosen answer, and records requests by the first segment of the path.
    """

    def __init__(self):
        self.answers = {}
        self.came = defaultdict(list)

    def __call__(self, request):
        if request.url.startswith("data:"):
            return data_response(request.url)
        url = urlsplit(request.url)
        if url.path in {"/", "/frame"}:
            headers = [("Content-Type", "text/html"), ("Cross-Origin-Embedder-Policy", url.query or "unsafe-none")]
            if url.path == "/frame":
                return WireResponse(200, tuple(headers), _FRAME.encode())
            headers += [("Set-Cookie", line) for line in COOKIES + SECURE_COOKIES * (url.scheme == "https")]
            return WireResponse(200, tuple(headers), _PAGE.encode())
        self.came[key_of(request.url)].append(request)
        names = {name.lower() for name, _ in request.headers}
        is_preflight = request.method == "OPTIONS" and "access-control-request-method" in names
        answers = self.answers.get(request.url)
        answer = answers and answers["preflight_response" if is_preflight else "response"]
        if answer == "outage":
            raise Unreachable("hung up")
        if not answer:
            return WireResponse(501)
        return WireResponse(answer["status"], tuple((name, value) for name, value in answer["headers"]))

    def prepare(self, step):
        """
        Answer from now on as *step* says, and forget the requests of its case.
        """
        asked = step["request"]["url"]
        for entry in step.get("server") or [{**step, "url": asked}]:
            self.answers[entry["url"].partition("#")[0]] = entry
        self.came.pop(key_of(asked), None)

    def wire(self, step):
        """
        Return the requests of *step*: of each, the parts that the standard decides, and not the engine.
        """
        author = defaultdict(list)
        for name, value in step["request"]["headers"]:
            author[name.lower()].append(value.strip("\t\n\r "))
        seen = []
        for request in self.came[key_of(step["request"]["url"])]:
            headers = defaultdict(list)
            for name, value in request.headers:
                headers[name.lower()].append(value)
            joined = {name: ", ".join(values) for name, values in headers.items()}
            cookies = sorted(pair.partition("=")[0] for pair in joined.get("cookie", "").split("; ") if pair)
            one = {
                "url": request.url,
                "method": request.method,
                "preflight": request.method == "OPTIONS" and "access-control-request-method" in headers,
                "origin": joined.get("origin"),
                # The model knows the origin of a page, and not its path.
                "referrer": joined.get("referer") and origin_of(joined["referer"]),
                "cookies": cookies,
            }
            if one["preflight"]:
                one["acrm"] = joined["access-control-request-method"]
                one["acrh"] = joined.get("access-control-request-headers")
            else:
                one["headers"] = {
                    name: joined[name] for name, values in author.items() if joined.get(name) == ", ".join(values)
                }
            seen.append(one)
        return seen


def key_of(url):
    """
    Return the id of the case that *url* belongs to, if any.
    """
    return re.split(r"[/?#]", url.partition("//")[2] + "/")[1] if "//" in url else url.rpartition("/")[2]


def steps_of(case):
    return case["steps"] if case["kind"] == "sequence" else [case]


def _rounds(cases):
    """
    Yield cases that may be played together, the number of their step, and its time in seconds after the first step.

    The steps of a case follow quickly, with few other cases between them: Firefox remembers a hundred preflights.
    """
    together = defaultdict(list)
    for case in cases:
        together[tuple(step.get("at", 0) for step in steps_of(case))].append(case)
    for times, every in together.items():
        size = len(every) if len(times) == 1 else 50
        for start in range(0, len(every), size):
            for number, at in enumerate(times):
                yield every[start : start + size], number, at


def played(tab, server, cases):
    """
    Return what *tab*, a real browser in front of *server*, sees in each step of each of *cases*.
    """
    seen = {case["id"]: [] for case in cases}
    for origin in sorted({origin for case in cases for origin in _origins(case)}):
        tab.visit(f"{origin}/")
    began, batch_number, heard = 0, 0, 0
    for together, i, at in _rounds(cases):
        began = began if i else time.monotonic()
        # Two seconds in all: the clock of a browser cannot be moved.
        time.sleep(max(0, began + at - time.monotonic()))
        batches = defaultdict(list)
        for case in together:
            step = steps_of(case)[i]
            server.prepare(step)
            batches[page_of(case), case.get("frame"), case["page_origin"]].append((case, step))
        for (page, frame, origin), batch in batches.items():
            tab.visit(page)
            batch_number += 1
            last = f"{urlsplit(page).scheme}://nowhere.test/{batch_number}."
            asked = [step["request"] for _, step in batch]
            results = tab.call(_PLAY, {"asked": asked, "frame": _framed(frame, origin), "last": last})
            tab.wait_for_console(last)
            said = defaultdict(list)
            for line in tab.console[heard:]:
                for key in set(_KEY.findall(line)):
                    said[key].append(line)
            heard = len(tab.console)
            for (case, step), result in zip(batch, results, strict=True):
                lines = [result.pop("thrown", ""), *said[case["id"]]]
                seen[case["id"]].append({**result, "requests": server.wire(step), "said": lines})
    return seen


def _framed(frame, origin):
    """
    Return the content of an iframe.
    """
    match frame:
        case "data":
            return {"url": "data:text/html," + quote(_FRAME), "sandbox": False}
        case "sandbox":
            return {"url": "/frame", "sandbox": True}
        case "page":
            return {"url": f"{origin}/frame", "sandbox": False}
    return None


def page_of(case):
    """
    Return the URL of the top-level page.
    """
    origin, policy = case.get("embedder", case["page_origin"]), case.get("embedder_policy")
    return f"{origin}/?{policy}" if policy else f"{origin}/"


def _origins(case):
    """
    Return the origins that *case* asks.
    """
    urls = [step["request"]["url"] for step in steps_of(case)]
    urls += [entry["url"] for step in steps_of(case) for entry in step.get("server", ())]
    return {url[: url.index("/", 8)] for url in urls if re.match(r"https?://(?!.*:(25|6000)/)", url)}


def modelled(case):
    """
    Return what the model sees in each step of *case*, and the NetworkErrors that it raised, by step.
    """
    now = [0.0]
    server = Server()
    browser = Browser(server, clock=lambda: now[0])
    for origin in sorted(_origins(case)):
        for line in COOKIES + SECURE_COOKIES * origin.startswith("https:"):
            browser.cookies.set(f"{origin}/", line)
    seen, errors = [], []
    for step in steps_of(case):
        now[0] = float(step.get("at", 0))
        server.prepare(step)
        framed = case.get("frame")
        page = browser.open(
            f"{case['page_origin']}/frame" if framed == "page" else page_of(case),
            origin="null" if framed in {"data", "sandbox"} else None,
            top_level=page_of(case),
            embedder_policy=case.get("embedder_policy", "unsafe-none"),
        )
        asked = dict(step["request"])
        listens = asked.pop("force_preflight", False)
        body = b"x" if asked.pop("has_body", False) else None
        try:
            response = page.fetch(asked.pop("url"), **asked, body=body, upload_listener=listens)
        except NetworkError as error:
            result = {"outcome": "blocked", "response_type": "error", "status": 0, "exposed_headers": []}
            errors.append(error)
        else:
            result = {
                "outcome": "ok",
                # XMLHttpRequest does not show it.
                "response_type": None if listens else response.type,
                "status": response.status,
                "exposed_headers": sorted(response.headers),
            }
            errors.append(None)
        seen.append({**result, "requests": server.wire(step)})
    return seen, errors
