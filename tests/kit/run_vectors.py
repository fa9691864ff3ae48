"""
Test vectors, played by the model of a browser: `python tests/kit/run_vectors.py DIR`.

It takes any folder of JSON files in the schema that `vectors/README.md` describes. It prints the vectors that fail with
the differences, and ends with a line `N passed, N failed`. It exits with 1 if one failed, and with 2 if there was none.
"""

import json
import sys
from pathlib import Path

from ada_url import URL

from corsguard.browser import (
    Browser,
    NetworkError,
    Unreachable,
    WireResponse,
    is_forbidden_method,
    may_append,
    normalize_method,
    origin_of,
)

# The model's browser adds these by itself. The vectors only have the headers of the page.
OWN_HEADERS = {
    *("accept", "accept-language", "user-agent", "referer", "origin", "cookie"),
    *("sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"),
}


def vectors_in(folder):
    """
    Yield every vector of the JSON files in *folder*, in order.
    """
    for path in sorted(Path(folder).rglob("*.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        yield from content["vectors"] if isinstance(content, dict) else content


def play(vector):
    """
    Return the result of the model for *vector*, in the shape of its `expected`.
    """
    return _PLAYERS[vector["kind"]](vector)


def differences(vector):
    """
    Return a line for each member of *vector*'s expectation that the model does not meet.
    """
    if vector["kind"] == "sequence":
        pairs = zip(vector["steps"], play(vector), strict=True)
        return [
            f"step {number}: {line}"
            for number, (step, found) in enumerate(pairs, 1)
            for line in _compare(step["expected"], found)
        ]
    return _compare(vector["expected"], play(vector))


def _compare(expected, found):
    lines = []
    for key, value in expected.items():
        if key == "exposed_includes":
            lines += [f"{name} is not exposed" for name in value if name not in found["exposed_headers"]]
        elif key == "exposed_excludes":
            lines += [f"{name} is exposed" for name in value if name in found["exposed_headers"]]
        elif found[key] != (_serialized(value) if key == "requests" else value):
            lines.append(f"{key} is {found[key]!r}, expected {value!r}")
    return lines


def _serialized(requests):
    """
    Return *requests* with their URLs as browsers serialize them. The text of a `Location` may differ.
    """
    return [{**request, "url": _href(request["url"])} for request in requests]


def _href(url):
    parsed = URL(url)
    if parsed.hostname:
        parsed.username = parsed.password = ""
    return parsed.href.partition("#")[0]


class Clock:
    """
    A clock that only moves when a test sets it.
    """

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Server:
    """
    A transport that gives the chosen answers.
    """

    def __init__(self):
        self.answers = {}

    def told(self, case):
        """
        Answer from now on as *case* says, which has `server`, or `preflight_response` and `response`.
        """
        entries = case.get("server") or [{**case, "url": case["request"]["url"]}]
        self.answers = {_href(entry["url"]): entry for entry in entries}

    def __call__(self, request):
        entry = self.answers.get(request.url, {})
        requested = {name.lower() for name, _ in request.headers}
        is_preflight = request.method == "OPTIONS" and "access-control-request-method" in requested
        answer = entry.get("preflight_response" if is_preflight else "response")
        if answer is None:
            raise Unreachable(f"the vector has no answer for {request.method} {request.url}")
        return WireResponse(answer["status"], tuple((name, value) for name, value in answer["headers"]))


def page_of(browser, origin, partition=None):
    """
    Open the page of a vector. `null` is a sandboxed one.
    """
    top_level = None if partition is None else f"https://{partition}.example"
    if origin == "null":
        return browser.open("http://sandboxed.test", origin="null", top_level=top_level)
    return browser.open(origin, top_level=top_level)


def fetched(page, request):
    """
    Return the result of *request*, made by *page*, in the shape of a vector's `expected`.
    """
    before = len(page.network)
    reason, response = None, None
    try:
        response = page.fetch(
            request["url"],
            method=request["method"],
            headers=[tuple(pair) for pair in request["headers"]],
            credentials=request["credentials"],
            mode=request["mode"],
            redirect=request.get("redirect") or "follow",
            upload_listener=bool(request.get("force_preflight")),
        )
    except NetworkError as error:
        reason = error.reason
    exchanges = page.network[before:]
    preflights = [exchange for exchange in exchanges if exchange.is_preflight]
    others = [exchange for exchange in exchanges if not exchange.is_preflight]
    decisive = (others or preflights)[-1:]
    return {
        "outcome": "ok" if response else "blocked",
        "reason": reason,
        "response_type": response.type if response else "error",
        "status": response.status if response else 0,
        "exposed_headers": sorted(response.headers) if response else [],
        "preflight_sent": bool(preflights),
        "acrm": _sent(preflights[0], "access-control-request-method") if preflights else None,
        "acrh": _sent(preflights[0], "access-control-request-headers") if preflights else None,
        "origin_header": _sent(decisive[0], "origin") if decisive else None,
        "credentials_included": bool(decisive) and decisive[0].with_credentials,
        "requests": [_requested(exchange, request) for exchange in exchanges],
    }


def _requested(exchange, request):
    own = OWN_HEADERS - {name.lower() for name, _ in request["headers"]}
    told = {
        "url": exchange.request.url,
        "method": exchange.request.method,
        "preflight": exchange.is_preflight,
        "origin": _sent(exchange, "origin"),
        "credentials": exchange.with_credentials,
    }
    if exchange.is_preflight:
        requested = {name: _sent(exchange, f"access-control-request-{word}") for name, word in _REQUESTED.items()}
        return {**told, **requested}
    return {**told, "headers": [name.lower() for name, _ in exchange.request.headers if name.lower() not in own]}


_REQUESTED = {"acrm": "method", "acrh": "headers"}


def _sent(exchange, name):
    return next((value for other, value in exchange.request.headers if other.lower() == name), None)


def _play_fetch(vector):
    server = Server()
    server.told(vector)
    return fetched(page_of(Browser(server), vector["page_origin"]), vector["request"])


def _play_sequence(vector):
    server, clock = Server(), Clock()
    browser, results = Browser(server, clock=clock), []
    for step in vector["steps"]:
        clock.now = float(step["at"])
        server.told(step)
        page = page_of(browser, vector["page_origin"], step.get("partition"))
        results.append(fetched(page, step["request"]))
    return results


def _play_tao(vector):
    answer = {"status": 200, "headers": vector["headers"]}
    request = {"url": vector["url"], "method": "GET", "headers": [], "credentials": "same-origin", "mode": "no-cors"}
    server = Server()
    server.told({"request": request, "response": answer})
    response = page_of(Browser(server), vector["page_origin"]).fetch(vector["url"], mode="no-cors")
    return {"pass": response.timing_allowed}


_PLAYERS = {
    "fetch": _play_fetch,
    "redirect": _play_fetch,
    "sequence": _play_sequence,
    "tao": _play_tao,
    "header_guard": lambda vector: {"allowed": may_append([], vector["name"], vector["value"], vector["guard"])},
    "method": lambda vector: {
        "normalized": normalize_method(vector["input"]),
        "forbidden": is_forbidden_method(vector["input"]),
    },
    "origin_of_url": lambda vector: {"origin": origin_of(vector["input"], vector["base"])},
}


def main(arguments):
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    passed = failed = 0
    for vector in vectors_in(arguments[0]):
        try:
            lines = differences(vector)
        except Exception as error:  # noqa: BLE001 - one vector that cannot be played must not hide the others
            lines = [f"{type(error).__name__}: {error}"]
        if lines:
            failed += 1
            print("\n    ".join([vector["id"], *lines]))
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0 if passed else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
