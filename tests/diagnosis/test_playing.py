"""
A fetch is played so that every fault is named at once. Nothing is sent that a browser would not send.
"""

import pytest
from kit.checking import API, PAGE, PUT, TOKEN, Server, allow, data, run, served_http

from corsguard import CORSMiddleware, Policy
from corsguard.browser import LiveTransport, Unreachable, WireRequest, WireResponse
from corsguard.diagnosis import check
from corsguard.diagnosis.playing import Fetch, play

FAULTS = {
    "nothing is wrong": (Server(response=(200, allow())), ["--page", PAGE], []),
    "no layer of CORS": (Server(), ["--page", PAGE], ["missing_allow_origin"]),
    "all faults of a preflight": (
        Server((405, [])),
        [*PUT, *TOKEN, "--credentials"],
        [
            "preflight_missing_allow_origin",
            "preflight_allow_credentials_not_true",
            "preflight_status",
            "method_not_allowed",
            "header_not_allowed",
        ],
    ),
    "a wildcard that has no effect": (
        Server((200, allow("*", credentials="True", methods="*", headers="*"))),
        [*PUT, *TOKEN, "--credentials"],
        [
            "preflight_wildcard_with_credentials",
            "preflight_allow_credentials_not_true",
            "method_not_allowed",
            "header_not_allowed",
        ],
    ),
    "invalid lists": (
        Server((204, allow("null", methods="GET POST", headers='"x-token"'))),
        [*PUT, *TOKEN],
        [
            "preflight_allow_origin_mismatch",
            "allow_methods_unparsable",
            "allow_headers_unparsable",
            "method_not_allowed",
        ],
    ),
    "one header of two": (
        Server((204, allow(headers="x-token"))),
        ["--page", PAGE, *TOKEN, "--header", "X-Other: hidden-away"],
        ["header_not_allowed", "missing_allow_origin"],
    ),
    "a redirect of the preflight": (
        Server((301, [("Location", "/items/"), *allow(methods="PUT")])),
        PUT,
        ["preflight_redirect"],
    ),
    "the preflight, and then the response": (
        Server((204, []), (200, [])),
        ["--page", PAGE, *TOKEN],
        ["preflight_missing_allow_origin", "header_not_allowed", "missing_allow_origin"],
    ),
    "each hop": (
        Server(response=(302, [("Location", "/next")]), by_path={"/next": (200, allow("https://other.example"))}),
        ["--page", PAGE],
        ["missing_allow_origin", "allow_origin_mismatch"],
    ),
    "two layers": (
        Server(response=(200, [*allow("*"), *allow("*")])),
        ["--page", PAGE],
        ["multiple_allow_origin"],
    ),
    "a header that is not exposed": (
        Server(response=(200, [*allow(expose=""), ("X-Total", "3"), ("Set-Cookie", "a=1")])),
        ["--page", PAGE, "--read", "X-Total", "--read", "Set-Cookie", "--read", "X-Other", "--read", "Cache-Control"],
        ["not_exposed"] * 4,
    ),
    "a cookie that is not sent": (
        Server(response=(200, allow("https://other.example", credentials="true"))),
        ["--page", "https://other.example", "--set-cookie", "sid=12345; SameSite=Lax"],
        ["cookie"],
    ),
    "a response that is opaque": (Server(), ["--page", PAGE, "--mode", "no-cors", "--read", "X-Total"], ["opaque"]),
    "a redirect that is opaque": (
        Server(response=(302, [("Location", "/next"), *allow()])),
        ["--page", PAGE, "--redirect", "manual"],
        ["opaque"],
    ),
    "a circle": (
        Server(response=(302, [("Location", "/"), *allow()])),
        ["--page", PAGE],
        ["too_many_redirects"],
    ),
}


@pytest.mark.parametrize(("server", "arguments", "codes"), FAULTS.values(), ids=FAULTS.keys())
def test_all_faults_are_named_at_once(serve, server, arguments, codes):
    found, code = data(serve(server), *arguments)
    assert [fault["code"] for fault in found["faults"]] == codes
    assert code == (1 if codes else 0)
    assert all(fault["cause"] and fault["fix"] for fault in found["faults"])
    assert not any(fault["chromium"] in found["console"] for fault in found["faults"])


def test_the_lines_of_a_missing_layer_are_one_change():
    """
    A layer that refuses the page says nothing else either. So the rest may disappear with it.
    """
    policy = Policy(allow_origins=["https://other.example"], allow_methods=["PUT"])
    guarded = CORSMiddleware(Server(), policy)
    outcome = play(Fetch(page=PAGE, url=API, method="PUT"), transport(guarded))
    assert [(fault.code, fault.follows) for fault in outcome.faults] == [
        ("preflight_missing_allow_origin", False),
        ("preflight_status", True),
        ("method_not_allowed", True),
    ]
    server = Server((405, allow(methods="GET")))
    outcome = play(Fetch(page=PAGE, url=API, method="PUT"), transport(server))
    assert [fault.follows for fault in outcome.faults] == [False, False]


def transport(app):
    from corsguard.browser.transports import transport_for

    return transport_for(app)


SENT = {
    "a GET, and two more for caches": (Server(response=(200, allow())), [], ["GET /", "GET /", "GET /"]),
    "nothing after a preflight that fails": (Server((403, [])), ["--method", "DELETE"], ["OPTIONS /"]),
    "no POST of JSON after a preflight that fails": (Server((403, [])), ["--json-body", "{}"], ["OPTIONS /"]),
    "a request that a preflight permits": (
        Server((204, allow(methods="PUT"))),
        ["--method", "PUT"],
        ["OPTIONS /", "PUT /"],
    ),
    "only the preflight, with the option": (
        Server((204, allow(methods="PUT"))),
        ["--method", "PUT", "--preflight-only"],
        ["OPTIONS /"],
    ),
    "nothing, with the option": (Server(), ["--preflight-only"], []),
    "a POST without a preflight": (Server(), ["--data", "text"], ["POST /"]),
    "a GET after a preflight that fails": (Server((204, [])), TOKEN, ["OPTIONS /", *["GET /"] * 3]),
    "no POST after a redirect that is refused": (
        Server(response=(307, [("Location", "/next")])),
        ["--data", "text"],
        ["POST /"],
    ),
    "a GET after a redirect that is refused": (
        Server(response=(303, [("Location", "/next")]), by_path={"/next": (200, [])}),
        ["--data", "text"],
        ["POST /", "GET /next"],
    ),
    "nothing to another host after a redirect that is refused": (
        Server(response=(302, [("Location", "https://api.example.org/next")])),
        [],
        ["GET /", "GET /", "GET /"],
    ),
    "a redirect to another host, as a browser follows it": (
        Server(
            response=(302, [("Location", "https://app.example.com/next"), *allow()]), by_path={"/next": (200, allow())}
        ),
        [],
        ["GET /", "GET /next", "GET /", "GET /"],
    ),
}


@pytest.mark.parametrize(("server", "arguments", "seen"), SENT.values(), ids=SENT.keys())
def test_only_these_requests_are_sent(serve, server, arguments, seen):
    """
    Nothing is sent that a browser withholds, and nothing twice.
    """
    server.seen.clear()
    run(serve(server), "--page", PAGE, *arguments)
    assert server.seen == seen


def test_checks_that_were_left_out_are_named(serve):
    held, _ = data(serve(Server((403, []))), *PUT)
    assert held["unseen"].startswith("PUT was not sent, because no browser sends it before that is fixed")
    away = Server(response=(302, [("Location", "https://api.example.org/next")]))
    assert "redirect to another host was not followed" in data(serve(away), "--page", PAGE)[0]["unseen"]
    only, code = data(serve(Server((204, allow(methods="PUT")))), *PUT, "--preflight-only")
    assert (only["unseen"], only["verdict"], code) == (
        "PUT was not sent, because of --preflight-only.",
        "the preflight passes",
        0,
    )


def moved(environ, start_response):
    """
    Redirect to a resource whose preflight fails.
    """
    path, is_preflight = environ["PATH_INFO"], environ["REQUEST_METHOD"] == "OPTIONS"
    lines = allow(methods="GET" if path == "/z" else "DELETE", headers="x-token")
    start_response(
        "204 No Content" if is_preflight else "308 Moved", [*lines, *[("Location", "/z")] * (not is_preflight)]
    )
    return []


def test_each_hop_of_a_redirect_has_its_own_url_and_values(serve):
    found, _ = data(serve(moved), "--page", PAGE, "--method", "DELETE", "--url", "/items")
    (fault,) = found["faults"]
    assert fault["cause"].startswith("After a redirect to https://api.example.com/z: the answer to the preflight does")
    assert found["unseen"].startswith("DELETE was not sent to https://api.example.com/z, because no browser")
    rows = [(row["mark"], row["name"], row["text"]) for row in found["checked"]]
    assert ("ok", "preflight", "sent to https://api.example.com/z, because of the method DELETE") in rows
    assert ("NO", "Allow-Methods", "GET") in rows
    assert ("ok", "response", "DELETE is answered with 308") in rows


def test_only_the_hop_that_fails_is_marked(serve):
    server = Server(response=(302, [("Location", "/next"), *allow()]), by_path={"/next": (200, [])})
    found, _ = data(serve(server), "--page", PAGE)
    rows = [(row["mark"], row["name"], row["text"]) for row in found["checked"]]
    assert ("ok", "response", "GET https://api.example.com/next is answered with 200") in rows
    assert ("NO", "Allow-Origin", "absent") in rows


def test_a_circle_is_asked_again_each_time():
    """
    The same request twice in one fetch is two requests. In the next round it is not sent again.
    """
    answers = iter([("/items", ()), ("/items", ()), (None, ())])
    seen = []

    def answer(request):
        seen.append(request)
        location, lines = next(answers)
        where = () if location is None else (("Location", location),)
        return WireResponse(302 if where else 200, (*where, *lines))

    outcome = play(Fetch(page=PAGE, url=API), answer)
    assert [fault.code for fault in outcome.faults] == ["missing_allow_origin"] * 3
    assert len(seen) == len(outcome.exchanges) == 3
    assert outcome.response.status == 200


SAFARI = {
    "preflight status before all else": (
        Server((404, [])),
        PUT,
        "Preflight response is not successful. Status code: 404",
    ),
    "missing": (
        Server(),
        [],
        "Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 200",
    ),
    "a list": (
        Server(response=(200, allow("https://a.example, https://b.example"))),
        [],
        "Access-Control-Allow-Origin cannot contain more than one origin.",
    ),
    "a list without commas": (
        Server(response=(200, allow("https://a.example https://b.example"))),
        [],
        "Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 200",
    ),
    "a status of 404": (
        Server(response=(404, [])),
        [],
        "Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 404",
    ),
    "a method": (
        Server((204, allow())),
        PUT,
        "Method PUT is not allowed by Access-Control-Allow-Methods.",
    ),
    "Authorization under a wildcard, which passes": (
        Server((204, allow("*", headers="*")), (200, allow("*"))),
        ["--header", "Authorization: Bearer 12345"],
        "",
    ),
}


@pytest.mark.parametrize(("server", "arguments", "line"), SAFARI.values(), ids=SAFARI.keys())
def test_safari_has_its_own_words(serve, server, arguments, line):
    found, _ = data(serve(server), "--page", PAGE, *arguments)
    assert [*found["faults"], *found["warnings"]][0]["safari"] == line


def test_a_preflight_that_passed_shows_that_the_origin_is_listed(serve):
    """
    A gateway answers preflights, and the application behind it sends nothing. Vary does not mislead.
    """
    gateway = Server((204, allow(methods="PUT")), (200, [("Vary", "Origin")]))
    (fault,) = data(serve(gateway), *PUT)[0]["faults"]
    assert fault["fix"]["words"].startswith("The preflight allowed this origin, so it is listed. ")
    (fault,) = data(serve(gateway), "--page", PAGE)[0]["faults"]
    assert "does not list this origin" in fault["fix"]["words"]
    for status in (400, 403, 404, 500):
        refusing = Server((204, allow(methods="PUT")), (status, []))
        with served_http(refusing) as port:
            page, url = "http://localhost:3000", f"http://127.0.0.1:{port}/"
            refusing.preflight = (204, allow(page, methods="PUT"))
            (fault,) = check(url, page=page, method="PUT").faults
        assert fault.fix.words.startswith(f"Status {status}. ")
        assert "in their list" not in fault.fix.words
        assert (fault.fix.send[0], fault.fix.policy) == (f"Access-Control-Allow-Origin: {page}", {})


def test_no_page_is_told_to_request_a_login_page(serve):
    server = Server((302, [("Location", "https://sso.example.com/login")]))
    redirect, *_ = data(serve(server), *PUT)[0]["faults"]
    assert redirect["code"] == "preflight_redirect"
    assert "fetch(" not in redirect["fix"]["text"]


def test_a_cause_ends_with_one_stop():
    def broken(_):
        raise Unreachable("the server said nothing.")

    outcome = play(Fetch(page=PAGE, url=API), broken)
    assert outcome.faults[0].cause.endswith("nothing.")
    assert not outcome.faults[0].cause.endswith("..")


def test_a_transport_may_be_asked_directly():
    with served_http(Server(response=(200, allow()))) as port, LiveTransport() as live:
        url = f"http://127.0.0.1:{port}/"
        outcome = play(Fetch(page="https://other.example", url=url), live)
    assert [fault.code for fault in outcome.faults] == ["allow_origin_mismatch"]
    assert [exchange.request for exchange in outcome.exchanges] == [
        WireRequest("GET", url, outcome.exchanges[0].request.headers)
    ]
