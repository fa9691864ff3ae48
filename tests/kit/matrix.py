"""
Cases for real browsers: answers of servers combined with requests of pages, in pairs, so that any two choices are
together in one case.

They are generated, and always the same, in the schema of the vectors with three more members: `frame` (the page is in a
page of origin `embedder`: as `page`, or with an opaque origin as `sandbox` or `data`), `embedder_policy`, and an answer
`"outage"` (the server closes the connection). Every case has URLs of its own, whose first segment is its id, so no case
finds data of another. Expectations are not here: the model and the browsers find them out, independently.
"""

import json
import random
from itertools import combinations, product

PAGE = "https://app.site.test"
PORT = "https://app.site.test:8443"
SIBLING = "https://api.site.test"
STRANGER = "https://api.other.test"
FELLOW = "https://www.other.test"
DOWN = "https://down.site.test"
PLAIN_PAGE = "http://app.site.test"
PLAIN_SIBLING = "http://api.site.test"
PLAIN_STRANGER = "http://api.other.test"
ODD_PAGE = "https://my_app.xn--lve-6lad.test:4430"

# All hosts have these under both schemes from the beginning. The last one is for hosts with https.
COOKIES = ["plain=1; Path=/", "lax=1; Path=/; SameSite=Lax", "strict=1; Path=/; SameSite=Strict"]
SECURE_COOKIES = ["none=1; Path=/; SameSite=None; Secure"]

CREDENTIALS = ["same-origin", "include", "omit"]
ALLOW_ORIGIN = "Access-Control-Allow-Origin"
ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials"
ALLOW_METHODS = "Access-Control-Allow-Methods"
ALLOW_HEADERS = "Access-Control-Allow-Headers"
EXPOSE_HEADERS = "Access-Control-Expose-Headers"
MAX_AGE = "Access-Control-Max-Age"
RESOURCE_POLICY = "Cross-Origin-Resource-Policy"

# Each is the lines of one header. {o} is the page's origin.
ORIGIN_LINES = [
    ["{o}"],
    ["*"],
    [],
    ["{o}/"],
    ["{o}", "{o}"],
    ["https://wrong.test"],
    ["null"],
    ["{o}, {o}"],
    ["*", "{o}"],
    ["*, *"],
    [""],
    [" \t{o} "],
    ["{O}"],
    ["{o} https://wrong.test"],
    ["https://*.site.test"],
    ["{host}"],
    ["{o}:443"],
    ["{o}?"],
    ["{other scheme}"],
    ['"{o}"'],
    ["\x0b{o}"],
    ["{o}\xff"],
    ["wrong"],
    ["{o},"],
]
TRUE_LINES = [["true"], [], ["True"], ["false"], ["true", "true"], ["true,"], [""], [" true\t"], ['"true"'], ["*"]]


def paired(**choices):
    """
    Yield dicts with one of each of *choices*, until any two values of different choices have been together.
    """
    names = sorted(choices)
    rng = random.Random(len(names))
    missing = {
        ((one, i), (other, j))
        for one, other in combinations(names, 2)
        for i, j in product(range(len(choices[one])), range(len(choices[other])))
    }
    row = {}

    def meetings(item):
        return sum(tuple(sorted((item, other))) in missing for other in row.items())

    while missing:
        row = dict(min(missing))
        for name in names:
            if name not in row:
                every = [(name, i) for i in range(len(choices[name]))]
                row |= [max(rng.sample(every, len(every)), key=meetings)]
        missing -= set(combinations(sorted(row.items()), 2))
        yield {name: choices[name][i] for name, i in sorted(row.items())}


def lines(name, values, origin=PAGE):
    """
    Return one header line for each of *values*. Names in braces are replaced by values of *origin*.
    """
    scheme, _, host = origin.partition("://")
    other = {"http": "https", "https": "http"}.get(scheme, "")
    parts = {"{o}": origin, "{O}": origin.upper(), "{host}": host, "{other scheme}": f"{other}://{host}"}
    filled = []
    for value in values:
        for part, text in parts.items():
            value = value.replace(part, text)  # noqa: PLW2901 - one part after the other
        filled.append([name, value])
    return filled


def answer(status=200, *headers):
    return {"status": status, "headers": [list(header) for header in headers]}


def shared(origin, *headers, status=200):
    """
    Return an answer that shares with *origin*, credentials or not.
    """
    return answer(status, [ALLOW_ORIGIN, origin], [ALLOW_CREDENTIALS, "true"], *headers)


def permitted(origin, *headers):
    """
    Return the answer to a preflight that shares with *origin* and permits what *headers* say.
    """
    return shared(origin, *headers, status=204)


def request(url, method="GET", headers=(), credentials="same-origin", **members):
    return {"url": url, "method": method, "headers": [list(h) for h in headers], "credentials": credentials, **members}


def fetch(page, request, response, preflight_response=None, **members):
    return {
        "kind": "fetch",
        "page_origin": page,
        "request": request,
        "preflight_response": preflight_response,
        "response": response,
        **members,
    }


def redirect(page, request, server, **members):
    return {"kind": "redirect", "page_origin": page, "request": request, "server": server, **members}


def sequence(page, *steps, **members):
    return {"kind": "sequence", "page_origin": page, "steps": list(steps), **members}


def step(request, response, preflight_response=None, at=0):
    return {"at": at, "request": request, "preflight_response": preflight_response, "response": response}


def allow_origin():
    for row in paired(
        value=ORIGIN_LINES,
        true=[["true"], [], ["True"]],
        credentials=CREDENTIALS,
        way=[
            (PAGE, SIBLING),
            (PAGE, STRANGER),
            (PAGE, PORT),
            (ODD_PAGE, STRANGER),
            (PLAIN_PAGE, PLAIN_SIBLING),
            (PLAIN_PAGE, STRANGER),
            (PORT, PAGE),
        ],
        status=[200, 404, 204, 401, 403, 500, 302, 304],
        method=["GET", "POST", "HEAD"],
        spelling=[str, str.lower, str.upper],
    ):
        page, target = row["way"]
        headers = lines(row["spelling"](ALLOW_ORIGIN), row["value"], page)
        headers += lines(row["spelling"](ALLOW_CREDENTIALS), row["true"])
        yield fetch(
            page, request(f"{target}/~", row["method"], credentials=row["credentials"]), answer(row["status"], *headers)
        )


def allow_credentials():
    for row in paired(value=TRUE_LINES, credentials=CREDENTIALS, target=[SIBLING, STRANGER], preflight=[False, True]):
        asked = request(f"{row['target']}/~", "PUT" if row["preflight"] else "GET", credentials=row["credentials"])
        faulty = answer(200, [ALLOW_ORIGIN, PAGE], [ALLOW_METHODS, "PUT"], *lines(ALLOW_CREDENTIALS, row["value"]))
        yield fetch(PAGE, asked, *((shared(PAGE), faulty) if row["preflight"] else (faulty,)))


def preflight_answer():
    redirecting = [(status, True) for status in (301, 302, 303, 307, 308)]
    plain = [(status, False) for status in (204, 200, 206, 299, 302, 304, 400, 401, 403, 404, 405, 500, 503)]
    for row in paired(
        value=ORIGIN_LINES[:10],
        status=plain + redirecting,
        true=[["true"], []],
        credentials=CREDENTIALS,
        way=[(PAGE, SIBLING), (PAGE, STRANGER), (PLAIN_PAGE, PLAIN_STRANGER)],
        method=["PUT", "GET"],
    ):
        (page, target), (status, redirects) = row["way"], row["status"]
        headers = lines(ALLOW_ORIGIN, row["value"], page) + lines(ALLOW_CREDENTIALS, row["true"])
        headers += [[ALLOW_METHODS, "PUT"], [ALLOW_HEADERS, "X-A"]]
        headers += [["Location", f"{target}/~/elsewhere"]] * redirects
        yield fetch(
            page,
            request(f"{target}/~", row["method"], [["X-A", "1"]], row["credentials"]),
            shared(page),
            answer(status, *headers),
        )


def allow_methods():
    forms = [["{m}"], [], ["*"], ["GET, {m}"], ["GET", "{m}"], ["{upper}"], ["{lower}"], ["{m},,"], [""], ["GET {m}"]]
    forms += [['"{m}"'], ["{m};PUT"], ["*, {m}"], ["[{m}]"], ["GET,HEAD,POST,PUT,DELETE,PATCH,OPTIONS"], ["\t{m} "]]
    for row in paired(
        method="PUT GET POST DELETE PATCH patch put Patch OPTIONS CHICKEN chicken PROPFIND M-SEARCH HEAD".split(),
        value=forms,
        credentials=CREDENTIALS,
        headers=[[], [["X-A", "1"]]],
    ):
        method = row["method"]
        texts = [
            value.replace("{m}", method).replace("{upper}", method.upper()).replace("{lower}", method.lower())
            for value in row["value"]
        ]
        preflight = permitted(PAGE, *lines(ALLOW_METHODS, texts), [ALLOW_HEADERS, "x-a"])
        asked = request(f"{SIBLING}/~", method, row["headers"], row["credentials"])
        yield fetch(PAGE, asked, shared(PAGE), preflight)


def allow_headers():
    sets = [
        [["X-A", "1"]],
        [["Authorization", "Bearer 1"]],
        [["X-B", "2"], ["Authorization", "Bearer 1"], ["X-A", "1"]],
        [["Content-Type", "application/json"]],
        [["x-a", "1"], ["X-A", "2"]],
        [["Cache-Control", "no-cache"]],
        [["If-None-Match", '"1"']],
        [["Range", "bytes=-5"]],
        [["Access-Control-Allow-Origin", "*"]],
        [["X-Requested-With", "XMLHttpRequest"], ["X-CSRF-Token", "1"]],
        [["X-!#$%&'*+-.^_`|~", "1"]],
        [["Accept", "a" * 129]],
    ]
    forms = [["{n}"], [], ["*"], ["{upper}"], ["{first}"], ["{n}", "x-unused"], ["{n},,"], [""], ["*", "{n}"]]
    forms += [["*, Authorization"], ["{n} x"], ['"{n}"'], ["{n};q=1"], ["x-unused"], ["\t{n} "]]
    for row in paired(headers=sets, value=forms, credentials=CREDENTIALS, method=["GET", "POST", "PUT"]):
        names = [name for name, _ in row["headers"]]
        texts = [
            value.replace("{n}", ", ".join(names)).replace("{upper}", names[-1].upper()).replace("{first}", names[0])
            for value in row["value"]
        ]
        preflight = permitted(PAGE, *lines(ALLOW_HEADERS, texts), [ALLOW_METHODS, "PUT"])
        asked = request(f"{SIBLING}/~", row["method"], row["headers"], row["credentials"])
        yield fetch(PAGE, asked, shared(PAGE), preflight)


def forbidden_headers():
    names = """
        Accept-Charset Accept-Encoding Access-Control-Request-Headers Access-Control-Request-Method Connection
        Content-Length Cookie Date DNT Expect Host Keep-Alive Origin Referer Set-Cookie TE Trailer Transfer-Encoding
        Upgrade Via Proxy-X Sec-X Set-Cookie2 User-Agent Last-Event-ID Save-Data Downlink Width
    """.split()
    headers = [(name, "1") for name in names]
    headers += [("X-HTTP-Method-Override", value) for value in ("TRACE", "PUT", "put, track", '"TRACE"')]
    for name, value in headers:
        asked = request(f"{SIBLING}/~", headers=[[name, value]])
        yield fetch(PAGE, asked, shared(PAGE), permitted(PAGE, [ALLOW_HEADERS, name]))


_CONTENT_TYPES = (
    "|text/plain|TEXT/PLAIN|text/plain;charset=utf-8|text/plain;|text/plain ;x|application/json|text/html|text/plain,"
    '|application/x-www-form-urlencoded|multipart/form-data; boundary=x|multipart/form-data; boundary="x"|text|text/'
    "|text/plain, text/html|text/ plain|text/plain/x|/plain|text/plain; x=ü|text/plain x"
)
_RANGES = (
    "bytes=0-|bytes=0-9|bytes=5-3|bytes=-5|bytes=0-1,3-4|bytes = 0-1|bytes=0 -1|bytes=0- 1|Bytes=0-1|items=0-1|bytes=-"
    "|bytes=00-01|bytes=99999999999999999999-|bytes=0-99999999999999999999|bytes=|bytes=0|0-1"
)


def safelist():
    values = {
        "Accept": ["", "a" * 128, "a" * 129],
        "Accept-Language": ["", "a" * 128, "a" * 129],
        "Content-Language": ["", "a" * 128, "a" * 129],
        "Content-Type": _CONTENT_TYPES.split("|"),
        "Range": _RANGES.split("|"),
    }
    punctuation = [chr(byte) for byte in range(0x21, 0x7F) if not chr(byte).isalnum()]
    for byte in [*punctuation, "\x01", "\t", "\x0b", "\x1f", " ", "\x7f", "\x80", "\xe9", "\xff"]:
        for name, text in {"Accept": "a{}b", "Accept-Language": "a{}b", "Content-Type": "text/plain;a{}b"}.items():
            values[name].append(text.format(byte))
    for name, texts in values.items():
        for text in texts:
            asked = request(f"{SIBLING}/~", headers=[[name, text]])
            yield fetch(PAGE, asked, shared(PAGE), permitted(PAGE, [ALLOW_HEADERS, name]))
    many = [[name, "a" * 128] for name in ("Accept", "Accept-Language", "Content-Language")]
    for doubled in (1, 2):
        asked = request(f"{SIBLING}/~", headers=many * doubled)
        yield fetch(PAGE, asked, shared(PAGE), permitted(PAGE, [ALLOW_HEADERS, ", ".join(name for name, _ in many)]))


def expose_headers():
    forms = [
        ["X-A"],
        [],
        ["*"],
        ["x-a, X-B"],
        ["X-A", "X-B"],
        ["X-A,,X-B,"],
        [""],
        ["X-A X-B"],
        ['"X-A"'],
        ["X-A", "b d"],
    ]
    forms += [
        ["*, X-A"],
        ["Set-Cookie, X-A"],
        ["X-A;X-B"],
        ["X-Absent"],
        ["X-A\x0b"],
        ["Date, ETag, Location"],
        ["é, X-A"],
    ]
    for row in paired(
        value=forms,
        credentials=CREDENTIALS,
        way=[(PAGE, SIBLING), (PAGE, STRANGER), (PAGE, PAGE)],
        status=[200, 404, 204],
        mode=["cors", "cors", "no-cors"],
    ):
        page, target = row["way"]
        own = [["X-A", "1"], ["x-b", "2"], ["X-B", "3"], ["ETag", '"1"'], ["Cache-Control", "no-store"]]
        own += [["Content-Type", "text/plain"], ["Content-Language", "en"], ["Last-Modified", "x"], ["Pragma", "x"]]
        own += [["Expires", "x"], ["Set-Cookie", "seen=1; Max-Age=0"], ["Date", "x"], ["*", "star"], ["Vary", "Origin"]]
        asked = request(f"{target}/~", credentials=row["credentials"], mode=row["mode"])
        yield fetch(page, asked, shared(page, *own, *lines(EXPOSE_HEADERS, row["value"]), status=row["status"]))


def max_age():
    first = {"method": "PUT", "headers": [["X-A", "1"]]}
    seconds = {
        "same": first,
        "another listed method": {**first, "method": "DELETE"},
        "an unlisted method": {**first, "method": "PATCH"},
        "a safelisted method": {**first, "method": "GET"},
        "no header": {**first, "headers": []},
        "a listed header": {**first, "headers": [["x-b", "1"]]},
        "an unlisted header": {**first, "headers": [["X-C", "1"]]},
        "Authorization": {**first, "headers": [["Authorization", "1"]]},
        "another query": {**first, "url": "?2"},
    }
    for row in paired(
        value=[
            ["600"],
            [],
            ["0"],
            ["-1"],
            ["5.5"],
            ["600", "600"],
            ["600, 600"],
            ["x"],
            [""],
            ["99999999999999999999"],
        ],
        second=list(seconds),
        credentials=[("same-origin",) * 2, ("include",) * 2, ("include", "same-origin"), ("same-origin", "include")],
        listed=["names", "names", "*"],
        shared=[True, True, True, False],
    ):
        wild = row["listed"] == "*"
        lists = [[ALLOW_METHODS, "*" if wild else "PUT, DELETE"], [ALLOW_HEADERS, "*" if wild else "X-A, X-B"]]
        preflight = permitted(PAGE, *lists, *lines(MAX_AGE, row["value"]))
        asked = [first, seconds[row["second"]]]
        steps = [
            step(
                request(f"{SIBLING}/~{asking.get('url', '')}", asking["method"], asking["headers"], credentials),
                shared(PAGE) if row["shared"] else answer(200),
                preflight,
            )
            for asking, credentials in zip(asked, row["credentials"], strict=True)
        ]
        yield sequence(PAGE, *steps)
    for value in (["1"], ["0"], ["600"]):
        preflight = permitted(PAGE, [ALLOW_METHODS, "PUT"], *lines(MAX_AGE, value))
        asked = request(f"{SIBLING}/~", "PUT")
        yield sequence(PAGE, *(step(asked, shared(PAGE), preflight, at) for at in (0, 2)))


def redirect_chain():
    chains = [
        [PAGE, SIBLING],
        [SIBLING, SIBLING],
        [SIBLING, STRANGER],
        [SIBLING, PAGE],
        [PAGE, PAGE, STRANGER],
        [PAGE, STRANGER, SIBLING],
        [STRANGER, STRANGER, PAGE],
        [PAGE, STRANGER, PAGE],
        [STRANGER, SIBLING, STRANGER],
        [PAGE, PAGE],
        [PORT, PAGE, PORT],
    ]
    headers = [
        [],
        [["X-A", "1"]],
        [["Authorization", "Bearer 1"]],
        [["Content-Type", "application/json"], ["X-A", "1"]],
        [["Content-Type", "text/plain"], ["Content-Language", "en"], ["Accept", "x/y"]],
        [["Authorization", "Bearer 1"], ["Range", "bytes=0-1"]],
    ]
    for row in paired(
        chain=chains,
        status=[302, 301, 303, 307, 308],
        method=["GET", "POST", "PUT", "HEAD", "DELETE"],
        headers=headers,
        credentials=CREDENTIALS,
        hop=[PAGE, PAGE, "*", PAGE, "null", None],
        last=[PAGE, "null", "*", "null", None],
        preflight=["as the answer", "as the answer", "missing at last"],
    ):
        chain, server = row["chain"], []
        for i, origin in enumerate(chain):
            is_last = i == len(chain) - 1
            value = row["last" if is_last else "hop"]
            sharing = [] if value is None else [[ALLOW_ORIGIN, value], [ALLOW_CREDENTIALS, "true"]]
            location = [] if is_last else [["Location", f"{chain[i + 1]}/~/{i + 1}"]]
            lists = [[ALLOW_METHODS, "PUT, DELETE"], [ALLOW_HEADERS, "X-A, Authorization, Content-Type"]]
            spoiled = is_last and row["preflight"] == "missing at last"
            server.append(
                {
                    "url": f"{origin}/~/{i}",
                    "preflight_response": answer(204, *sharing, *([] if spoiled else lists)),
                    "response": answer(200 if is_last else row["status"], *sharing, *location),
                }
            )
        body = {"has_body": True} if row["method"] in {"POST", "PUT"} else {}
        asked = request(server[0]["url"], row["method"], row["headers"], row["credentials"], **body)
        yield redirect(PAGE, asked, server)


def redirect_location():
    locations = [
        ["{t}/~/1"],
        ["/~/1"],
        ["1"],
        ["//api.other.test/~/1"],
        ["{t}/~/1#fragment"],
        [],
        [""],
        ["https://["],
        ["https://api.other.test:99999/"],
        ["https://user:secret@api.other.test/~/1"],
        ["https://user@api.other.test/~/1"],
        ["https://user@app.site.test/~/1"],
        ["https://:@api.other.test/~/1"],
        ["https://@api.other.test/~/1"],
        ["data:text/plain,/~"],
        ["ftp://api.other.test/~/1"],
        ["mailto:a@other.test?/~"],
        ["about:blank?/~"],
        ["custom://x/~"],
        ["http://api.other.test/~/1"],
        ["https://api.other.test:6000/~/1"],
        ["{t}/~/1", "{t}/~/1"],
        ["{t}/~/1", "{t}/~/2"],
    ]
    for row in paired(
        location=locations,
        first=[SIBLING, PAGE, STRANGER],
        mode=["cors", "no-cors", "same-origin"],
        status=[302, 307, 301],
    ):
        first = row["first"]
        shares = [[ALLOW_ORIGIN, "*"]]
        located = [["Location", value.replace("{t}", first)] for value in row["location"]]
        server = [
            {
                "url": f"{first}/~/0",
                "preflight_response": None,
                "response": answer(row["status"], *shares, *located),
            }
        ]
        server += [
            {"url": f"{origin}/~/{i}", "preflight_response": None, "response": answer(200, *shares)}
            for origin in (PAGE, SIBLING, STRANGER)
            for i in (1, 2)
        ]
        yield redirect(PAGE, request(f"{first}/~/0", mode=row["mode"]), server)


def redirect_mode():
    for row in paired(
        redirect=["manual", "error"],
        mode=["cors", "no-cors", "same-origin"],
        first=[SIBLING, PAGE, STRANGER],
        status=[302, 200, 307, 304, 303],
        shared=[True, False],
        method=["GET", "POST", "PUT"],
    ):
        if row["mode"] == "no-cors" and row["method"] == "PUT":
            continue
        sharing = [[ALLOW_ORIGIN, "*"]] if row["shared"] else []
        server = [
            {
                "url": f"{row['first']}/~/0",
                "preflight_response": answer(204, *sharing, [ALLOW_METHODS, "PUT"]),
                "response": answer(row["status"], *sharing, ["Location", f"{PAGE}/~/1"]),
            },
            {"url": f"{PAGE}/~/1", "preflight_response": None, "response": answer(200)},
        ]
        asked = request(f"{row['first']}/~/0", row["method"], mode=row["mode"], redirect=row["redirect"])
        yield redirect(PAGE, asked, server)


def redirect_limit():
    for first, hops in product([PAGE, SIBLING], [20, 21]):
        server = [
            {
                "url": f"{first}/~/{i}",
                "preflight_response": None,
                "response": answer(302, [ALLOW_ORIGIN, "*"], ["Location", f"{first}/~/{i + 1}"]),
            }
            for i in range(hops)
        ]
        server.append({"url": f"{first}/~/{hops}", "preflight_response": None, "response": shared(PAGE)})
        yield redirect(PAGE, request(f"{first}/~/0"), server)


def _embedder_policy(row):
    return {"embedder_policy": row["embedder_policy"]} if row["embedder_policy"] else {}


def no_cors():
    headers = [
        [],
        [["X-A", "1"], ["Content-Type", "text/plain"]],
        [["Content-Type", "application/json"], ["Accept", "a/b"]],
        [["Authorization", "1"], ["Range", "bytes=0-1"], ["Content-Language", "en"]],
    ]
    policies = [[], ["same-origin"], ["same-site"], ["cross-origin"], ["Same-Origin"], ["same-site, same-origin"]]
    policies += [["same-origin", "same-origin"], ["wrong"], [""], ["same-origin "], ["cross-origin", "same-origin"]]
    for row in paired(
        policy=policies,
        way=[
            (PAGE, SIBLING),
            (PAGE, STRANGER),
            (PAGE, PAGE),
            (PAGE, PORT),
            (PLAIN_PAGE, SIBLING),
            (PLAIN_PAGE, PLAIN_SIBLING),
            (PLAIN_PAGE, STRANGER),
        ],
        embedder_policy=[None, None, "require-corp", "credentialless"],
        method=["GET", "POST", "HEAD"],
        headers=headers,
        credentials=["include", "same-origin", "omit"],
        mode=["no-cors", "no-cors", "no-cors", "cors"],
        status=[200, 404],
    ):
        page, target = row["way"]
        asked = request(f"{target}/~", row["method"], row["headers"], row["credentials"], mode=row["mode"])
        headers = lines(RESOURCE_POLICY, row["policy"])
        open_preflight = permitted(page, [ALLOW_HEADERS, "X-A, Content-Type, Authorization"])
        yield fetch(page, asked, shared(page, *headers, status=row["status"]), open_preflight, **_embedder_policy(row))
    for row in paired(
        chain=[[PAGE, STRANGER], [SIBLING, STRANGER], [STRANGER, PAGE], [STRANGER, STRANGER]],
        policy=[(None, "same-origin"), ("same-origin", None), ("same-site", "cross-origin"), (None, None)],
        method=["GET", "POST"],
        embedder_policy=[None, "require-corp"],
        credentials=["include", "omit"],
    ):
        one, two = row["chain"]
        first, last = ([] if value is None else [[RESOURCE_POLICY, value]] for value in row["policy"])
        located = answer(307, ["Location", f"{two}/~/1"], *first)
        server = [
            {"url": f"{one}/~/0", "preflight_response": None, "response": located},
            {"url": f"{two}/~/1", "preflight_response": None, "response": answer(200, *last)},
        ]
        asked = request(f"{one}/~/0", row["method"], credentials=row["credentials"], mode="no-cors")
        yield redirect(PAGE, asked, server, **_embedder_policy(row))


def same_origin():
    for row in paired(
        target=[PAGE, SIBLING, STRANGER, PORT, PLAIN_PAGE],
        mode=["same-origin", "cors"],
        method=["GET", "POST", "PUT", "patch", "OPTIONS"],
        headers=[[], [["X-A", "1"], ["Authorization", "1"]], [["Content-Type", "application/json"]]],
        credentials=CREDENTIALS,
        status=[200, 403],
    ):
        if row["mode"] == "cors" and row["target"] != PAGE:
            continue
        asked = request(f"{row['target']}/~", row["method"], row["headers"], row["credentials"], mode=row["mode"])
        yield fetch(PAGE, asked, answer(row["status"], ["X-A", "1"], ["Set-Cookie", "unseen=1; Max-Age=0"]))


def opaque_page():
    for row in paired(
        frame=["sandbox", "data"],
        way=[(PAGE, PAGE), (PAGE, SIBLING), (PAGE, STRANGER), (PLAIN_PAGE, PLAIN_STRANGER)],
        value=[["null"], ["*"], [], ["{embedder}"], ["NULL"], ["null", "null"]],
        true=[["true"], []],
        credentials=CREDENTIALS,
        asked=[("GET", []), ("POST", []), ("PUT", []), ("GET", [["X-A", "1"]])],
        mode=["cors", "cors", "no-cors", "same-origin"],
    ):
        method, headers = row["asked"]
        if row["mode"] == "no-cors" and method == "PUT":
            continue
        page, target = row["way"]
        values = [value.replace("{embedder}", page) for value in row["value"]]
        shares = lines(ALLOW_ORIGIN, values) + lines(ALLOW_CREDENTIALS, row["true"])
        yield fetch(
            "null",
            request(f"{target}/~", method, headers, row["credentials"], mode=row["mode"]),
            answer(200, *shares, ["X-A", "1"]),
            answer(204, *shares, [ALLOW_METHODS, "PUT"], [ALLOW_HEADERS, "x-a"]),
            frame=row["frame"],
            embedder=page,
        )


def framed_page():
    for row in paired(
        way=[(PAGE, STRANGER, STRANGER), (PAGE, STRANGER, FELLOW), (PAGE, STRANGER, PAGE), (PAGE, SIBLING, PAGE)],
        credentials=["include", "same-origin", "omit"],
        asked=[("GET", "cors"), ("PUT", "cors"), ("POST", "no-cors")],
        attributes=["SameSite=None; Secure", "SameSite=None; Secure; Partitioned", "Secure", "SameSite=Strict"],
        shared=[True, True, False],
    ):
        (top, page, target), (method, mode) = row["way"], row["asked"]
        setting = [["Set-Cookie", f"fresh=1; {row['attributes']}"]]
        response = shared(page, *setting) if row["shared"] else answer(200, *setting)
        url = f"{target}/~/0"
        first = step(
            request(url, method, credentials=row["credentials"], mode=mode),
            response,
            permitted(page, [ALLOW_METHODS, "PUT"]),
        )
        yield sequence(page, first, step(request(url, credentials="include"), shared(page)), frame="page", embedder=top)


def upload_listener():
    for row in paired(
        target=[SIBLING, STRANGER, PAGE],
        method=["POST", "PUT", "patch", "POST"],
        value=[["POST"], [], ["*"], ["PUT, patch"], [""]],
        headers=[[], [["X-A", "1"]], [["Content-Type", "text/plain"]]],
        credentials=["same-origin", "include"],
        shared=[True, True, False],
    ):
        asked = request(f"{row['target']}/~", row["method"], row["headers"], row["credentials"])
        preflight = permitted(PAGE, *lines(ALLOW_METHODS, row["value"]), [ALLOW_HEADERS, "X-A"])
        response = shared(PAGE, ["Content-Language", "en"]) if row["shared"] else answer(200)
        yield fetch(PAGE, asked | {"force_preflight": True, "has_body": True}, response, preflight)


def set_cookie():
    attributes = ["SameSite=None; Secure", "", "SameSite=Lax; Secure", "SameSite=Strict", "Secure; HttpOnly"]
    attributes += ["Domain=site.test", "Domain=wrong.test", "SameSite=None", "SameSite=None; Secure; Partitioned"]
    for row in paired(
        attributes=attributes,
        way=[(PAGE, SIBLING), (PAGE, STRANGER), (PAGE, PAGE), (PLAIN_PAGE, PLAIN_SIBLING)],
        credentials=["include", "same-origin", "omit"],
        shared=[True, False],
        mode=["cors", "no-cors"],
    ):
        page, target = row["way"]
        setting = [["Set-Cookie", f"fresh=1; {row['attributes']}"]]
        response = shared(page, *setting) if row["shared"] else answer(200, *setting)
        url = f"{target}/~/0"
        first = step(request(url, credentials=row["credentials"], mode=row["mode"]), response)
        second = step(request(url, credentials="include"), shared(page))
        yield sequence(page, first, second)


def network():
    for row in paired(
        url=[
            f"{PLAIN_STRANGER}/~",
            f"{PLAIN_PAGE}/~",
            f"{SIBLING}:6000/~",
            f"{PAGE}:25/~",
            "ftp://api.site.test/~",
            "custom://api.site.test/~",
            "data:text/plain,/~",
        ],
        mode=["cors", "no-cors", "same-origin"],
        asked=[("GET", []), ("POST", [["X-A", "1"]])],
    ):
        yield fetch(PAGE, request(row["url"], *row["asked"], mode=row["mode"]), shared(PAGE), permitted(PAGE))
    # No other case asks this host: browsers retry on a connection that was used before.
    for method, mode in (("GET", "cors"), ("PUT", "cors"), ("POST", "no-cors")):
        yield fetch(PAGE, request(f"{DOWN}/~", method, mode=mode), "outage", "outage")
    for method in ("TRACE", "connect", "Track"):
        yield fetch(PAGE, request(f"{SIBLING}/~", method), shared(PAGE), permitted(PAGE, [ALLOW_METHODS, "*"]))


FAMILIES = [
    allow_origin,
    allow_credentials,
    preflight_answer,
    allow_methods,
    allow_headers,
    forbidden_headers,
    safelist,
    expose_headers,
    max_age,
    redirect_chain,
    redirect_location,
    redirect_mode,
    redirect_limit,
    no_cors,
    same_origin,
    opaque_page,
    framed_page,
    upload_listener,
    set_cookie,
    network,
]


def cases():
    """
    Return all cases by their ids, each of which is the family and a number.
    """
    every = {}
    for family in FAMILIES:
        name = family.__name__.replace("_", "-")
        for number, case in enumerate(family()):
            key = f"{name}-{number:03}"
            every[key] = {"id": key, **json.loads(json.dumps(case).replace("/~", f"/{key}"))}
    return every
