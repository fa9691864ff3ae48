"""
Where an engine does not do what the standard says: one row for each cause.

A row takes the model's expectation for a step, and returns what the engine makes of it. The result is compared, to the
last member, with the observation. A row that changes nothing is dead, and the test says so.
"""

import re
from urllib.parse import urlsplit

from .matrix import COOKIES, SECURE_COOKIES
from .playing import page_of, steps_of

ROWS = {"chromium": [], "firefox": []}

_QUOTES = ("\N{LEFT SINGLE QUOTATION MARK}", "\N{RIGHT SINGLE QUOTATION MARK}")

KEPT = sorted(line.partition("=")[0] for line in COOKIES + SECURE_COOKIES)


def row(*engines):
    """
    Enter a function into the tables of *engines*. Its docstring is the cause.

    It is called with the case, the number of the step, the model's expectation and the observation. It returns the
    members of the expectation that differ in the engine, or None.
    """

    def enter(function):
        for engine in engines:
            ROWS[engine].append(function)
        return function

    return enter


def diverged(engine, case, number, expected, seen):
    """
    Return what *engine* makes of *expected*, and the names of the rows that changed something.
    """
    names = []
    for function in ROWS[engine]:
        changes = function(case, number, expected, seen) or {}
        if any(expected[member] != value for member, value in changes.items()):
            expected = {**expected, **changes}
            names.append(function.__name__)
    return expected, names


def _asked(case, number):
    return steps_of(case)[number]["request"]


def _mode(case, number):
    return _asked(case, number).get("mode", "cors")


def _values(answer, name):
    headers = answer["headers"] if isinstance(answer, dict) else []
    return [value for other, value in headers if other.lower() == name.lower()]


def _range(case, number):
    return dict(map(tuple, _asked(case, number)["headers"])).get("Range", "")


def _location(case):
    return _values(case["server"][0]["response"], "Location") if case["kind"] == "redirect" else []


def _site(url):
    return ".".join((urlsplit(url).hostname or "").split(".")[-2:])


def _is_foreign(case, url):
    """
    Return whether *url* is of another site than the top-level page, whatever the scheme.
    """
    return _site(url) != _site(page_of(case))


def _preflighted(case, number, expected, *names):
    """
    Return the expectation that a preflight for the headers *names* comes first, and passes.
    """
    if not expected["requests"] or expected["requests"][0]["preflight"]:
        return None
    first = expected["requests"][0]
    preflight = {name: first[name] for name in ("url", "origin", "referrer")}
    preflight |= {"method": "OPTIONS", "preflight": True, "cookies": []}
    preflight |= {"acrm": first["method"], "acrh": ",".join(sorted(set(names))) or None}
    return {"requests": [preflight, *expected["requests"]]}


def _blocked(expected, sent):
    """
    Return the expectation that nothing follows the first *sent* requests.
    """
    nothing = {"outcome": "blocked", "response_type": "error", "status": 0, "exposed_headers": [], "line": ""}
    return {**nothing, "requests": expected["requests"][:sent]}


def _parted(expected, seen, sent):
    """
    Return the expectation that after the first *sent* requests everything is as observed.
    """
    members = ("outcome", "response_type", "status", "exposed_headers")
    requests = expected["requests"][:sent] + seen["requests"][sent:]
    return {**{member: seen[member] for member in members}, "line": "", "requests": requests}


@row("chromium", "firefox")
def authorization_is_covered_by_a_wildcard(case, number, expected, seen):
    """
    Both let `Access-Control-Allow-Headers: *` cover `Authorization`, with a warning (whatwg/fetch#1919).
    """
    if (expected["reason"], expected["value"]) == ("header_not_allowed", "authorization"):
        preflight = steps_of(case)[number].get("preflight_response")
        return _parted(expected, seen, 1) if "*" in _values(preflight, "Access-Control-Allow-Headers") else None
    return None


@row("chromium", "firefox")
def upload_listeners_permit_no_method(case, number, expected, seen):
    """
    Both check the method if `Access-Control-Allow-Methods` is absent, though only a listener made them ask.
    """
    asked = _asked(case, number)
    if asked.get("force_preflight") and asked["method"] != "POST" and expected["requests"][0]["preflight"]:
        listed = _values(case["preflight_response"], "Access-Control-Allow-Methods")
        return None if listed else _blocked(expected, 1)
    return None


@row("chromium", "firefox")
def numbers_of_a_range_are_bounded(case, number, expected, seen):
    """
    Both take a `Range` for unsafe if its numbers need more than 64 bits.
    """
    return _preflighted(case, number, expected, "range") if "9" * 20 in _range(case, number) else None


@row("chromium", "firefox")
def modes_are_looked_at_first(case, number, expected, seen):
    """
    Both consoles name the mode `same-origin` where mixed content or a bad port forbids the request in any case.
    """
    is_other = expected["reason"] in {"mixed_content", "bad_port"} and _mode(case, number) == "same-origin"
    return {"line": ""} if is_other else None


@row("chromium")
def servers_that_hang_up_are_told_apart(case, number, expected, seen):
    """
    Chromium's console shows how a connection failed.
    """
    return {"line": "net::ERR_EMPTY_RESPONSE"} if expected["reason"] == "unreachable" else None


@row("chromium")
def user_agent_cannot_be_set(case, number, expected, seen):
    """
    Chromium drops a `User-Agent` that a page sets.
    """
    if _asked(case, number)["headers"] == [["User-Agent", "1"]]:
        return {"requests": [{**expected["requests"][-1], "headers": {}}]}
    return None


@row("chromium")
def client_hints_are_safelisted(case, number, expected, seen):
    """
    Chromium treats the client hints that it may send by itself as safelisted.
    """
    hints = {"Downlink", "Width"} & {name for name, _ in _asked(case, number)["headers"]}
    return {"requests": expected["requests"][-1:]} if hints else None


@row("chromium")
def ranges_are_normalized(case, number, expected, seen):
    """
    Chromium sends a `Range` as its parser understood it: `bytes=0-1` for `Bytes = 00-01`.
    """
    value = _range(case, number)
    match = re.fullmatch(r"bytes=0*(\d+)-0*(\d*)", value.replace(" ", "").lower())
    if match and f"bytes={match[1]}-{match[2]}" != value:
        # A header that is not sent as the page wrote it is not a header of the page.
        return {"requests": [*expected["requests"][:-1], {**expected["requests"][-1], "headers": {}}]}
    return None


@row("chromium")
def lines_are_measured_together(case, number, expected, seen):
    """
    Chromium joins headers of one name before it measures them, so two of 128 bytes are unsafe.
    """
    headers = [[name.lower(), value] for name, value in _asked(case, number)["headers"]]
    doubled = [name for name, value in headers if headers.count([name, value]) == 2 and len(value) == 128]
    return _preflighted(case, number, expected, *doubled) if doubled else None


@row("chromium")
def permissions_outlive_a_failure(case, number, expected, seen):
    """
    Chromium remembers what a preflight permitted although the request itself then failed.
    """
    is_second = number and case["steps"][0]["response"]["headers"] == []
    if is_second and len(expected["requests"]) == 2 and not seen["requests"][0]["preflight"]:
        return {"requests": expected["requests"][1:]}
    return None


@row("chromium")
def every_redirect_taints_without_cors(case, number, expected, seen):
    """
    Chromium sends `Origin: null` after the first redirect of a no-cors request to another origin, not after the second
    one.
    """
    origins = {urlsplit(request["url"]).netloc for request in expected["requests"]}
    if case["kind"] == "redirect" and _mode(case, number) == "no-cors" and len(origins) == 2:
        first, last = expected["requests"]
        return {"requests": [first, {**last, "origin": last["origin"] and "null"}]}
    return None


@row("chromium")
def cookies_go_on_without_cors(case, number, expected, seen):
    """
    Chromium passes cookies on if a no-cors request begins at the page's own origin, and not with `include` only.
    """
    asked, page = _asked(case, number), page_of(case)
    if _mode(case, number) == "no-cors" and asked["credentials"] == "same-origin" and len(expected["requests"]) == 2:
        first, last = expected["requests"]
        if first["url"].startswith(page) and _is_foreign(case, last["url"]):
            return {"requests": [first, {**last, "cookies": ["none"]}]}
    return None


@row("chromium")
def an_empty_location_is_none(case, number, expected, seen):
    """
    Chromium treats a redirect with an empty `Location` as the response.
    """
    return _parted(expected, seen, 1) if _location(case) == [""] else None


@row("chromium")
def no_subresource_has_userinfo(case, number, expected, seen):
    """
    Chromium follows no redirect to a URL with a user in it, whatever the mode.
    """
    has_user = any(re.match(r"https://\w+(:\w+)?@", value) for value in _location(case))
    return _blocked(expected, 1) if has_user and len(expected["requests"]) > 1 else None


@row("firefox")
def third_parties_have_a_jar_per_site(case, number, expected, seen):
    """
    Firefox partitions the cookies of a third party by top-level site (Total Cookie Protection).
    """
    is_framed = _is_foreign(case, case["page_origin"])
    requests = [
        {**request, "cookies": [name for name in request["cookies"] if name not in KEPT]}
        if is_framed or _is_foreign(case, request["url"])
        else request
        for request in expected["requests"]
    ]
    return {"requests": requests}


@row("firefox")
def cookies_of_third_parties_need_no_attribute(case, number, expected, seen):
    """
    Firefox treats a cookie without `SameSite` as one with `SameSite=None`.
    """
    first, asked = steps_of(case)[0], _asked(case, number)
    plain = any(line in {"fresh=1; Secure", "fresh=1; "} for line in _values(first.get("response"), "Set-Cookie"))
    if number and plain and first["request"]["credentials"] == "include" and _is_foreign(case, asked["url"]):
        return {"requests": [{**request, "cookies": ["fresh"]} for request in expected["requests"]]}
    return None


@row("firefox")
def sites_have_no_scheme(case, number, expected, seen):
    """
    Firefox compares sites without their schemes for `SameSite`.
    """
    if not page_of(case).startswith("http:"):
        return None
    requests = [
        {**request, "cookies": KEPT} if request["cookies"] == ["none"] else request for request in expected["requests"]
    ]
    return {"requests": requests}


@row("firefox")
def redirects_through_other_sites_are_cross_site(case, number, expected, seen):
    """
    Firefox withholds `SameSite` cookies after a redirect through another site.
    """
    requests, is_cross_site = [], False
    for request in expected["requests"]:
        is_cross_site = is_cross_site or _is_foreign(case, request["url"])
        cookies = [name for name in request["cookies"] if not (is_cross_site and name in {"lax", "strict"})]
        requests.append({**request, "cookies": cookies})
    return {"requests": requests}


@row("firefox")
def more_bytes_are_unsafe(case, number, expected, seen):
    """
    Firefox treats bytes from 0x80 on as unsafe, and commas in the parameters of a `Content-Type`.
    """
    for name, value in _asked(case, number)["headers"]:
        has_comma = name == "Content-Type" and "," in value.partition(";")[2]
        if name in {"Accept", "Content-Type"} and (has_comma or not value.isascii()):
            return _preflighted(case, number, expected, name.lower())
    return None


@row("firefox")
def names_are_asked_for_as_often_as_set(case, number, expected, seen):
    """
    Firefox repeats a name in `Access-Control-Request-Headers` that the page set twice, in different case.
    """
    if [name for name, _ in _asked(case, number)["headers"]] == ["x-a", "X-A"]:
        return {"requests": [{**one, "acrh": "x-a,x-a"} if one["preflight"] else one for one in expected["requests"]]}
    return None


def _asked_again(case, number, expected):
    return _preflighted(case, number, expected, *(name.lower() for name, _ in _asked(case, number)["headers"]))


def _permission(case, name):
    return _values(case["steps"][0]["preflight_response"], f"Access-Control-{name}")


@row("firefox")
def wildcards_are_not_remembered(case, number, expected, seen):
    """
    Firefox remembers a `*` as a method and a header of that name.
    """
    return _asked_again(case, number, expected) if number and _permission(case, "Allow-Methods") == ["*"] else None


@row("firefox")
def permissions_are_kept_by_credentials(case, number, expected, seen):
    """
    Firefox does not reuse the permission of a request with credentials for one without them.
    """
    modes = {step["request"]["credentials"] for step in steps_of(case)}
    return _asked_again(case, number, expected) if number and _permission(case, "Max-Age") and len(modes) == 2 else None


@row("firefox")
def safelisted_methods_have_to_be_listed(case, number, expected, seen):
    """
    Firefox asks again for a safelisted method unless the answer that it remembers lists it.
    """
    if number and _asked(case, number)["method"] == "GET" and "PUT, DELETE" in _permission(case, "Allow-Methods"):
        return _asked_again(case, number, expected)
    return None


@row("firefox")
def only_numbers_are_ages(case, number, expected, seen):
    """
    Firefox remembers nothing if `Access-Control-Max-Age` is not a number. By the standard it remembers for five
    seconds.
    """
    ages = _permission(case, "Max-Age") if number else []
    return _asked_again(case, number, expected) if ages and not (len(ages) == 1 and ages[0].isdigit()) else None


@row("firefox")
def preflights_name_the_page_after_redirects(case, number, expected, seen):
    """
    Firefox has the page's origin in a preflight after a tainting redirect, and `null` in the request itself.
    """
    for sent, (one, other) in enumerate(zip(expected["requests"], seen["requests"], strict=False)):
        if one["preflight"] and one["origin"] == "null" and other == {**one, "origin": case["page_origin"]}:
            return _parted(expected, seen, sent)
    return None


@row("firefox")
def redirects_ask_for_what_they_drop(case, number, expected, seen):
    """
    Firefox decides about the preflight of a redirect before it drops `Authorization` and the headers of a body.
    """
    drops = {name.lower() for name, _ in _asked(case, number)["headers"]} & {"authorization", "content-type"}
    for sent, (one, other) in enumerate(zip(expected["requests"], seen["requests"], strict=False)):
        if one != other:
            return _parted(expected, seen, sent) if sent and drops and other["preflight"] else None
    return None


@row("firefox")
def data_urls_have_a_length(case, number, expected, seen):
    """
    Firefox gives the response of a `data:` URL a `Content-Length`.
    """
    if _asked(case, number)["url"].startswith("data:") and expected["outcome"] == "ok":
        return {"exposed_headers": sorted({*expected["exposed_headers"], "content-length"})}
    return None


@row("firefox")
def unknown_resource_policies_permit(case, number, expected, seen):
    """
    Firefox treats an invalid `Cross-Origin-Resource-Policy` as permission, under `require-corp` too.
    """
    if expected["reason"] == "corp" and "embedder_policy" in case and case["kind"] == "fetch":
        value = ", ".join(_values(case["response"], "Cross-Origin-Resource-Policy")).strip()
        known = {"same-origin", "same-site", "cross-origin", ""}
        return None if value in known else _parted(expected, seen, 1)
    return None


@row("firefox")
def opaque_pages_say_so_without_cors(case, number, expected, seen):
    """
    Firefox sends `Origin: null` with a no-cors GET of an opaque page, with credentials, to the site of its embedder.
    """
    asked = _asked(case, number)
    is_included = _mode(case, number) == "no-cors" and asked["credentials"] == "include"
    if case["page_origin"] == "null" and is_included and not _is_foreign(case, asked["url"]):
        return {"requests": [{**request, "origin": "null"} for request in expected["requests"]]}
    return None


@row("firefox")
def lines_are_counted_as_spelled(case, number, expected, seen):
    """
    Firefox's console counts only the lines of `Access-Control-Allow-Origin` with this spelling.
    """
    text = "Multiple CORS header {}Access-Control-Allow-Origin{} not allowed".format(*_QUOTES)
    instead = "CORS header {0}Access-Control-Allow-Origin{1} does not match {0}{2}{1}".format(
        *_QUOTES, expected["value"]
    )
    if text in (expected["line"] or "") and "Access-Control-Allow-Origin" not in str(case):
        return {"line": expected["line"].replace(text, instead)}
    return None
