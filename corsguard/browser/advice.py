"""
What to change after a failure, on the server or in the page.

Every fix names the header to send and the keyword of a policy, ready to paste. A policy is proposed only if Policy
accepts it.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from corsguard.errors import PolicyError
from corsguard.explanation import Step, explain, nearest
from corsguard.fixes import Fix
from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    FORBIDDEN_METHODS,
    OWNED_PREFIX,
    SAFELISTED_METHODS,
    UPPER_CASE_METHODS,
    WELL_KNOWN_HEADERS,
    is_forbidden_request_header,
    is_token,
)
from corsguard.origin import NULL, Origin
from corsguard.policy import Policy
from corsguard.protection import REMEDIES
from corsguard.validation import problems_of

from .evidence import (
    ABSENT,
    LONGEST_NAME,
    LONGEST_READ,
    MOST_NAMES,
    REDIRECTS,
    as_shown,
    bad_item,
    headers_of,
    in_ascii,
    is_led_to_login,
    is_login,
    is_within_site,
    redirect_target,
    refused_headers,
    scheme_of,
    status_of,
    tokens_listed,
    url_of,
    words_of,
)
from .failures import Failure
from .headers import get, values_of
from .intermediaries import cache_seen, firewall_seen, limit_seen, login_seen, protection_seen, wants_tls
from .reasons import Reason
from .urls import HTTP_SCHEMES, Url, is_trustworthy


def fix(failure: Failure, unnamed: Collection[str] = ()) -> Fix:
    """
    Return what is wrong and what to change: header lines of the response, the matching keywords of a Policy, and what
    the page has to write.

    *unnamed* contains `url` or `page` if *failure* has only a placeholder for it. Nothing is concluded from a
    placeholder.
    """
    # Without a value, the cause of CORP is known: the page has Cross-Origin-Embedder-Policy, and the resource has no
    # header.
    is_vague = bool(unnamed and failure.value) if failure.reason is Reason.CORP else "url" in unnamed
    if is_vague and failure.reason in _UNNAMED:
        return _UNNAMED[failure.reason]
    if failure.reason in _OF_NAMED:
        return _OF_NAMED[failure.reason](failure, unnamed)
    return _FIXES[failure.reason](failure)


_OUTERMOST: Final = "Put the CORS layer outermost (CORSMiddleware around everything, or first in MIDDLEWARE)"
_NO_COOKIES: Final = 'leave out credentials: "include", if it needs no cookies (a bearer token is not a cookie)'

# Who answers with this status instead of the CORS layer: to a preflight, and to the request itself.
_BY_STATUS: Final = {
    **dict.fromkeys(
        (401, 407),
        (
            "Authentication runs before CORS, but a preflight never carries cookies, Authorization or a certificate.",
            "The user is not logged in or not allowed, and this answer comes from outside the CORS layer.",
        ),
    ),
    403: (
        (
            "The server, or a firewall in front of it, refuses the preflight, which never carries cookies, "
            "Authorization or a certificate."
        ),
        (
            "The server, or a firewall in front of it, refuses the request outside the CORS layer. Perhaps the user is "
            "not logged in or not allowed."
        ),
    ),
    **dict.fromkeys(
        (404, 405, 501),
        (
            (
                "OPTIONS reaches the router, which has no route for it: the CORS layer has to answer preflights first. "
                "If a proxy in front refuses OPTIONS, let the proxy pass it on."
            ),
            "No route, or no guarded one, fits this request. Compare the URL, the method and the guarded paths.",
        ),
    ),
    **dict.fromkeys(
        REDIRECTS,
        (
            "The server redirects (to a login, to https, or for a slash), and a preflight follows no redirect.",
            (
                "The server redirects (to a login, to https, or for a slash), and the redirect itself is not shared. "
                "Let the page request the last URL; answer 401 to scripts instead of a redirect to a login."
            ),
        ),
    ),
    # 520 to 530 are those of Cloudflare, if it gets no answer from the server.
    **dict.fromkeys(
        (408, 413, 414, 429, 431, 502, 503, 504, *range(520, 531)),
        ("A proxy or the server itself answers with this status. Fix that first.",) * 2,
    ),
    500: (
        "The server fails on the preflight: look at its log.",
        (
            "There was an unhandled exception, and a middleware, a debugger or the server answered it outside the CORS "
            "layer. Look at the server's log. In debug mode, Flask lets its debugger answer, unless you write "
            'app.config["PROPAGATE_EXCEPTIONS"] = False. If the CORS layer is not outermost, that is the reason.'
        ),
    ),
}
# What a status other than 101 says about a WebSocket handshake.
_OF_HANDSHAKES: Final = {
    "401": (
        "the user is not logged in. A script cannot set headers of a handshake. Use cookies: a handshake carries them."
    ),
    **dict.fromkeys(
        map(str, REDIRECTS),
        (
            "the status is {status}. The server redirects (to a login, to https, or for a slash), and a handshake "
            "follows no redirect. Let the page request the last URL, over wss if it leads to https. If it leads to a "
            "login, the user is not logged in: a handshake carries cookies, but no header that a script sets."
        ),
    ),
}
_NO_WEBSOCKET: Final = (
    "the status is {status}. Is there a WebSocket at this path? If there is a proxy in front, let it forward the "
    "upgrade (nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "
    "upgrade)."
)
_NO_AGREEMENT: Final = (
    "Not CORS: the page has Cross-Origin-Embedder-Policy, which requires each resource to agree, and this resource has "
    "no Cross-Origin-Resource-Policy. Send it. Or load the resource with CORS (an element: crossorigin), and let the "
    "server share it."
)
# What a program writes into the header if it has no origin.
_UNSET: Final = frozenset({"", ABSENT, "undefined", "none", "nil", "false", "true", "[object object]"})
_WHY_SILENT: Final = (
    "Is the server running? Are the host and the port right? Does this request make it crash (look at its log)? If the "
    "URL answers in its own tab, the browser stopped the request: an extension, tracking protection, or because the "
    "user left the page."
)
_HTTP_ONLY: Final = "Not CORS. Scripts can only fetch URLs of http and https"
# For a page without an origin, and for one that is not known but requests a file: the cause, and what to do.
_OF_FILES: Final = {
    True: (
        (
            "Not CORS. The page is a file, or in a sandboxed frame: it has no origin, and a relative URL in it leads "
            "to a file, too. Serve both."
        ),
        "load the page from a server (python -m http.server), not from the disk",
    ),
    False: (
        (
            "Not CORS. If the page is a file, too (file: in the address bar), serve both. Any other page has to "
            "request a URL of http or https."
        ),
        "load the files from a server (python -m http.server), not from the disk",
    ),
}
# Misspelt, too, these belong to a response.
_ENDS_OF_RESPONSES: Final = ("allow-origin", "allow-headers", "allow-methods", "allow-credentials")
_LIBRARY_HEADERS: Final = frozenset(
    "baggage sentry-trace traceparent tracestate x-b3-traceid x-datadog-trace-id x-requested-with".split()
)


def _change(why: str, *send: str, policy: dict[str, Any] | None = None, page: str = "") -> Fix:
    lines = (in_ascii(page),) if page else ()
    return Fix(words=in_ascii(why), send=tuple(map(in_ascii, send)), policy=policy or {}, page=lines)


def _share(failure: Failure, why: str, *kept: str, page: str = "") -> Fix:
    """
    Return the change that shares with the page's origin, and with each of the *kept* origins that a policy accepts.
    """
    origin, credentials = failure.sent_origin, failure.with_credentials
    if Origin.parse(origin) is None and origin != NULL:
        return _share_with_unlistable(failure, why)
    if origin == NULL:
        return _share_with_none(failure, why)
    if credentials and not _is_sound(origin, credentials=True):
        origin = origin.replace("http://", "https://", 1)
        why += " With credentials, load the page over https: anyone in the network can impersonate a page on http."
        page = f"load it from {origin}"
    send = [f"{ALLOW_ORIGIN}: {origin}", *([f"{ALLOW_CREDENTIALS}: true"] if credentials else []), "Vary: Origin"]
    listed = [other for other in dict.fromkeys(kept) if _is_sound(other, credentials=credentials)]
    if not (listed and _origin_step(listed, origin).passed):
        listed.append(origin)
    policy: dict[str, Any] = {"allow_origins": listed, **({"allow_credentials": True} if credentials else {})}
    return _change(why, *send, policy=policy, page=page)


def _share_with_none(failure: Failure, why: str) -> Fix:
    if failure.page_origin != NULL:
        cause = "The redirect between two foreign origins makes the Origin null. Let the page request the last URL"
        page = f'fetch("{as_shown(failure.url)}")'
    else:
        cause = "The page has no origin of its own (a sandboxed frame, a file, a data: URL). Load it over https"
        if redirect_target(failure) is not None and not status_of(failure):
            # A console does not say whose null it is.
            cause = f"A redirect between two origins made the Origin null, or else {cause[0].lower()}{cause[1:]}"
        page = "load it from a server, and outside of a sandboxed frame"
    if failure.with_credentials:
        return _change(f"{why} {cause}: null is never shared with credentials.", page=page)
    cause += "; or, if the data are public, share with everyone."
    return _change(f"{why} {cause}", f"{ALLOW_ORIGIN}: *", policy={"allow_origins": "*"}, page=page)


def _share_with_unlistable(failure: Failure, why: str) -> Fix:
    cause = f"No policy can list {as_shown(failure.sent_origin)}"
    if failure.with_credentials:
        return _change(f"{why} {cause}. Load the page from an origin that can be listed.")
    return _change(f"{why} {cause}; if the data are public, share with everyone.", policy={"allow_origins": "*"})


def _origin_step(patterns: list[str], origin: str) -> Step:
    return explain(Policy(allow_origins=patterns), {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}).steps[0]


def _is_another_site(pattern: str, origin: str) -> bool:
    parsed = Origin.parse(origin)
    return parsed is not None and not nearest(Policy(allow_origins=[pattern]), parsed)


def _is_sound(origin: str, *, credentials: bool) -> bool:
    return not problems_of({"allow_origins": [origin], "allow_credentials": credentials})


def _answer_401(failure: Failure) -> Fix:
    return _change(
        f"The server redirected to what looks like a login page, {as_shown(failure.url)}: answer 401 to scripts "
        "instead of a redirect.",
        "401 Unauthorized, with the CORS headers and no Location",
    )


def _missing(failure: Failure) -> Fix:
    if is_led_to_login(failure):
        return _answer_401(failure)
    seen = _seen_in_answer(failure)
    if seen is None and "origin" in (get(headers_of(failure), "Vary") or "").lower():
        return _share(failure, "The answer varies on Origin, so a CORS layer is there and does not list this origin.")
    return _share(failure, seen or _likely_bypass(failure))


def _seen_in_answer(failure: Failure) -> str | None:
    """
    Return the software that answered in place of the CORS layer, if a header or the body shows it. Evidence comes
    before guesses.
    """
    answer = None if failure.exchange is None else failure.exchange.response
    if answer is None:
        return None
    what = "the preflight" if failure.is_preflight else "the request"
    if failure.url.startswith("http://") and wants_tls(answer):
        return f"This port speaks TLS: let the page request {as_shown(failure.url.replace('http://', 'https://', 1))}."
    if line := login_seen(answer):
        why = _BY_STATUS[answer.status][0 if failure.is_preflight else 1]
        return f"Status {answer.status}, {line}. {why} {_OUTERMOST}."
    if line := limit_seen(answer):
        return (
            f"Status {answer.status}, {line}. The server limits how often it is called, and this answer comes from "
            f"outside the CORS layer. Try again later. {_OUTERMOST}."
        )
    if reason := protection_seen(answer):
        return f"Status 403. Cross-origin protection refuses {what} ({reason}). {REMEDIES[reason].fix}"
    if (firewall := firewall_seen(answer)) is not None:
        name, line = firewall
        return f"Status {answer.status}, {line}. {name} refuses {what} before the application sees it. Allow it there."
    if line := cache_seen(answer.headers):
        return (
            f"The answer comes from a cache ({line}), so it was made for another page, or for a request without "
            "Origin. Send Vary: Origin on every answer, and clear the cache. If the answer is still the same, this "
            "origin is not listed."
        )
    return None


def _likely_bypass(failure: Failure) -> str:
    """
    Return the software that answered in place of the CORS layer, or what is likely if the status does not show it.
    """
    return _seen_in_status(failure) or "The origin is not listed, or the CORS layer does not guard this path."


def _seen_in_status(failure: Failure) -> str | None:
    """
    Return the software that answered in place of the CORS layer, if the status shows it.
    """
    status = 0 if failure.exchange is None or failure.exchange.response is None else failure.exchange.response.status
    if redirect_target(failure) is not None:
        return f"{_why_redirected(failure)} {_OUTERMOST}, so that redirects get CORS headers too."
    if (seen := _seen_in_answer(failure)) is not None:
        return seen
    if status not in _BY_STATUS:
        return None
    return f"Status {status}. {_BY_STATUS[status][0 if failure.is_preflight else 1]} {_OUTERMOST}."


def _why_redirected(failure: Failure) -> str:
    target, source = redirect_target(failure), url_of(failure.url)
    if not isinstance(target, Url) or source is None:
        return "The server redirects."
    to = as_shown(target.href)
    if is_login(target.href, source.href):
        return f"The server redirects to what looks like a login page, {to}: answer 401 to scripts instead."
    if target.href == source.href.replace("http://", "https://", 1):
        return f"The server redirects to https: let the page request {to}."
    if _without_slash(target.href) == _without_slash(source.href):
        return f"The server redirects for a slash at the end: let the page request {to}."
    if failure.page_origin.startswith("https:") and not is_trustworthy(target.origin):
        # Mixed Content, "should fetching request be blocked as mixed content?"
        return f"The server redirects to {to}: no page of https may request that by plain http. Redirect to https."
    return f"The server redirects to {to}: the page can request that URL instead."


def _without_slash(href: str) -> str:
    path, mark, query = href.partition("?")
    return f"{path.rstrip('/')}{mark}{query}"


def _wildcard(failure: Failure) -> Fix:
    why = (
        "* never counts with credentials: name the origin. A list takes the place of *, so every other origin that "
        "reads today has to be listed, too. For a public API, leave out the credentials."
    )
    return _share(failure, why, page=_NO_COOKIES)


def _multiple(failure: Failure) -> Fix:
    value = (failure.value or "")[:LONGEST_READ]
    items = re.split(r"[\s,]+", value.strip(" \t,"))
    lines = values_of(headers_of(failure), ALLOW_ORIGIN)
    # Nobody writes `*` and one origin into one list on purpose, either.
    if len(lines) > 1 or len(set(items)) < len(items) or ("*" in items and len(items) == 2):
        why = (
            f'Two layers add the header ("{as_shown(value)}"): a proxy or a web server in front and the application, '
            "or two middlewares. Remove it from all except one."
        )
        return _share(failure, why)
    return _share(failure, "Only one origin may be sent: the one in the Origin of the request.", *items[:MOST_NAMES])


def _why_unset(value: str) -> str:
    if value == ABSENT:
        return "Firefox prints (null) if the response has no such header, or none came; or else the server"
    said = f'"{as_shown(value)}"' if value else "empty"
    return f"The header is {said}: the server"


def _mismatch(failure: Failure, unnamed: Collection[str] = ()) -> Fix:
    value, origin = (failure.value or "")[:LONGEST_READ], failure.sent_origin
    if value.strip().lower() in _UNSET:
        return _share(
            failure,
            f"{_why_unset(value)} found no origin to send. Its list does not contain this origin, or a configuration "
            "variable is not set.",
        )
    if failure.value is None and failure.exchange is None:
        return _share(failure, "The header names another origin than the page's.")
    if origin == NULL:
        return _share(failure, f'The header says "{as_shown(value)}", the page sent Origin: null.')
    if value == NULL:
        return _share(
            failure,
            'The header is "null", which some servers send if they do not list the origin. Do not list null: it is '
            "what sandboxed frames of any site send.",
        )
    if "url" not in unnamed and value == _server(failure):
        return _share(failure, "This is the server's own origin. The header has to name the origin of the page.")
    if "page" in unnamed and Origin.parse(value) is not None:
        return _share(failure, f"The header names {as_shown(value)}, and the page has another origin.", value)
    try:
        step = _origin_step([value], origin)
    except PolicyError as error:
        return _share(failure, error.problems[0].message)
    if step.passed or "*" in value:
        return _share(failure, "Browsers do not match patterns. Match on the server, and send the origin.", value)
    if not _is_another_site(value, origin):
        return _share(failure, step.reason, value)
    return _share(failure, _of_another_site(failure), value)


def _of_another_site(failure: Failure) -> str:
    if line := cache_seen(headers_of(failure)):
        why = f"This is another site's origin, and the answer comes from a cache ({line}): it was stored for that site."
        return f"{why} Send Vary: Origin on every answer, and clear the cache."
    cached = (
        "" if "origin" in (get(headers_of(failure), "Vary") or "").lower() else ", or a cache gave another's answer"
    )
    return f"This is another site's origin: the header is a constant{cached}."


def _credentials(failure: Failure) -> Fix:
    value = failure.value
    if failure.exchange is None and value is None:
        why = 'Access-Control-Allow-Credentials is absent, or not exactly "true".'
    elif value is None:
        why = "Access-Control-Allow-Credentials is absent."
    elif "," in value:
        why = "Two layers add Access-Control-Allow-Credentials: remove it from all except one."
    elif value.strip().lower() == "true":
        why = f'"{as_shown(value)}" does not count: it has to be "true", in lower case.'
    else:
        why = f'"{as_shown(value)}" does not count: it has to be "true".'
    return _share(failure, why, page=_NO_COOKIES)


def _preflight_redirect(failure: Failure) -> Fix:
    if is_led_to_login(failure):
        return _answer_401(failure)
    target, source = redirect_target(failure), url_of(failure.url)
    page = ""
    if isinstance(target, Url) and source is not None and not is_login(target.href, source.href):
        page = f'fetch("{as_shown(target.href)}")'
    why = f"{_why_redirected(failure)} {_OUTERMOST}: it answers preflights before anything redirects."
    return _change(why, "204 No Content, with the Access-Control-* headers, and no Location", page=page)


def _preflight_status(failure: Failure) -> Fix:
    why = _seen_in_status(failure)
    if why is None:
        status = f"Status {status_of(failure)}. " if failure.exchange is not None else ""
        why = f"{status}{_OUTERMOST}: it answers preflights itself."
    # No keyword is proposed: a policy answers with this status anyway, once the preflight reaches it.
    return _change(why, "204 No Content")


def _methods_unparsable(failure: Failure) -> Fix:
    return _allow_methods(failure, _unlike(failure, "method", "methods"))


def _headers_unparsable(failure: Failure) -> Fix:
    return _allow_headers(failure, _unlike(failure, "header name", "names"), refused_headers(failure))


def _unlike(failure: Failure, one: str, many: str) -> str:
    item = "One item" if failure.exchange is None and failure.value is None else f'"{bad_item(failure)}"'
    return f"{item} is not a {one}: write {many} separated by commas, without quotation marks."


def _method(failure: Failure) -> Fix:
    method, listed = failure.value or "", tokens_listed(failure, ALLOW_METHODS)
    upper = method.upper()
    if method != upper and upper in UPPER_CASE_METHODS:
        why = f"Methods are case-sensitive, and the page wrote {as_shown(method)}."
        allowed = upper in listed or ("*" in listed and not failure.with_credentials)
        return (
            _change(why, page=f'method: "{upper}"') if allowed else _allow_methods(failure, why, f'method: "{upper}"')
        )
    if "*" in listed:
        return _allow_methods(failure, "* never counts with credentials: list the methods.", _NO_COOKIES)
    if upper in map(str.upper, listed):
        return _allow_methods(failure, f"Methods are case-sensitive, and the server does not list {method}.")
    if upper in (get(headers_of(failure), "Allow") or "").upper():
        return _allow_methods(failure, "The Allow header lists it, but CORS does not read that header.")
    return _allow_methods(failure, _what_is_listed(failure, listed))


def _allow_methods(failure: Failure, why: str, page: str = "") -> Fix:
    asked = (*(tokens_listed(failure, ALLOW_METHODS) or sorted(SAFELISTED_METHODS)), failure.method)
    spelled = (method.upper() if method.upper() in UPPER_CASE_METHODS else method for method in asked)
    names = [name for name in dict.fromkeys(spelled) if is_token(name) and name.upper() not in FORBIDDEN_METHODS]
    return _list(why, ALLOW_METHODS, [name for name in names if name != "*"], page)


def _header(failure: Failure) -> Fix:
    refused, listed = refused_headers(failure) or [failure.value or ""], tokens_listed(failure, ALLOW_HEADERS)
    responses = [name for name in refused if name.startswith(OWNED_PREFIX) or name.endswith(_ENDS_OF_RESPONSES)]
    if responses:
        names = ", ".join(map(as_shown, responses))
        why = f"{names}: these are response headers, and the page sends them."
        rest = [name for name in refused if name not in responses]
        page = f"leave out the request header {names}"
        return _allow_headers(failure, why, rest, page) if rest else _change(why, page=page)
    if "*" in listed and failure.with_credentials:
        return _allow_headers(failure, "* never counts with credentials: list the names.", refused, _NO_COOKIES)
    if "*" in listed:
        why = "* never covers Authorization: list it, too."
        return _change(why, f"{ALLOW_HEADERS}: *, Authorization", policy={"allow_headers": ["*", "Authorization"]})
    if refused == ["content-type"]:
        return _allow_headers(failure, "A JSON body adds the header Content-Type.", refused)
    if all(name.startswith("x-devtools-") for name in refused):
        return _change("The browser's developer tools add it: switch it off there. The server has nothing to change.")
    if _LIBRARY_HEADERS.issuperset(refused):
        return _allow_headers(failure, "A library in the page adds it: allow it, or switch it off there.", refused)
    return _allow_headers(failure, _what_is_listed(failure, listed), refused)


def _what_is_listed(failure: Failure, listed: Sequence[str]) -> str:
    if failure.exchange is None:
        return "The server does not list it."
    return f"Listed: {as_shown(', '.join(listed)) or 'none'}."


def _allow_headers(failure: Failure, why: str, refused: Sequence[str], page: str = "") -> Fix:
    usual = (WELL_KNOWN_HEADERS.get(name, name.title()) for name in refused)
    named = {name.lower(): name for name in (*usual, *tokens_listed(failure, ALLOW_HEADERS)) if name != "*"}
    order = dict.fromkeys((*map(str.lower, tokens_listed(failure, ALLOW_HEADERS)), *refused))
    names = [named[name] for name in order if name in named and _may_be_allowed(name)]
    return _list(why, ALLOW_HEADERS, names, page)


def _may_be_allowed(name: str) -> bool:
    return is_token(name) and not is_forbidden_request_header(name) and not name.startswith(OWNED_PREFIX)


def _list(why: str, header: str, names: list[str], page: str) -> Fix:
    # What was asked for is last, so it is kept when a list is too long to be shown. Policy accepts `*` only alone,
    # and a browser reads a `*` in a list as a name.
    short = [name for name in names if len(name) <= LONGEST_NAME and "*" not in name][-MOST_NAMES:]
    if not short:
        return _change(why, page=page)
    keyword = {ALLOW_METHODS: "allow_methods", ALLOW_HEADERS: "allow_headers"}[header]
    return _change(why, f"{header}: {', '.join(short)}", policy={keyword: short}, page=page)


def _corp(failure: Failure) -> Fix:
    if not failure.value:
        return _change(_NO_AGREEMENT, "Cross-Origin-Resource-Policy: cross-origin", page='mode: "cors"')
    why = "Not CORS: the page fetched with mode no-cors, and the resource does not allow other sites to embed it"
    share = "same-site" if failure.value == "same-origin" and is_within_site(failure) else "cross-origin"
    why = f'{why}. Allow it to be embedded. To read it instead, leave out mode: "no-cors" and let the server share it.'
    return _change(why, f"Cross-Origin-Resource-Policy: {share}", page='mode: "cors"')


def _bad_scheme(failure: Failure, unnamed: Collection[str] = ()) -> Fix:
    scheme = scheme_of(failure)
    if failure.page_origin == NULL:
        why, page = _OF_FILES["page" not in unnamed or scheme != "file"]
        return _change(why, page=page)
    if scheme == "file":
        return _change("Not CORS. Serve the file: a page may not fetch from the disk.", page='fetch("https://...")')
    if "." in scheme or scheme == "localhost":
        why = f'Not CORS. The URL has no scheme, so the browser reads "{as_shown(scheme)}" as one.'
        return _change(why, page=f'fetch("http://{as_shown(failure.url)}")')
    if scheme in {"", "http", "https"}:
        return _change(f"{_HTTP_ONLY}: check the requested URL and the address bar.")
    return _change(f"{_HTTP_ONLY}, not of {as_shown(scheme)}.", page='fetch("https://...")')


def _unreachable(failure: Failure) -> Fix:
    if failure.speaks:
        return _other_protocol(failure)
    where = _server(failure)
    if failure.is_preflight:
        return _change(
            f"Not CORS, and no header helps: {where} does not answer the preflight. Does it answer a GET? Then a proxy "
            "or a firewall in front drops OPTIONS: let it pass OPTIONS on. If not: is the server running, and are the "
            "host and the port right?"
        )
    if failure.net_error == "CONNECTION_TIMED_OUT":
        return _change(
            f"Not CORS, and no header helps: {where} does not answer in time. What does it wait for? Look at its log, "
            "and at the services that it calls. A firewall may also drop what is sent to this host and port."
        )
    return _change(f"Not CORS, and no header helps: no response came from {where}. {_WHY_SILENT}")


def _other_protocol(failure: Failure) -> Fix:
    if failure.speaks in HTTP_SCHEMES:
        return _other_scheme(failure)
    return _change(
        f"Not CORS, and no header helps: the server at {_server(failure)} does not speak HTTP, but seems to speak "
        f"{failure.speaks}. Check the host and the port: the page has to request the port of the HTTP server. Browsers "
        "speak only HTTP."
    )


def _server(failure: Failure) -> str:
    target = url_of(failure.url)
    return as_shown(failure.url if target is None else target.origin)


def _other_scheme(failure: Failure) -> Fix:
    """
    Return what to change if the port speaks TLS and the request did not, or the other way round.
    """
    is_socket = failure.mode == "websocket"
    scheme = failure.speaks.replace("http", "ws") if is_socket else failure.speaks
    url = as_shown(f"{scheme}:{failure.url.partition(':')[2]}")
    page = f'new WebSocket("{url}")' if is_socket else f'fetch("{url}")'
    why = f"Not CORS: the URL has the wrong scheme. Let the page request {url}."
    if failure.speaks == "https":
        why += " If the server also answers http there, this request makes it crash: look at its log."
    return _change(why, page=page)


def _tls(failure: Failure) -> Fix:
    if failure.speaks:
        return _other_protocol(failure)
    return _change(
        f"Not CORS, and no header helps: open {as_shown(failure.url)} in its own tab and look at the certificate "
        "(self-signed, expired, for another host?), or use http if the server does not speak TLS."
    )


def _client_certificate(failure: Failure) -> Fix:
    if failure.is_preflight:
        return _change(
            "Not CORS: a preflight never carries a client certificate. Let the server ask for it without requiring it "
            "(nginx: ssl_verify_client optional), and check it after the CORS layer."
        )
    return _change(
        "Not CORS: the server requires a client certificate. The user needs one, and a browser sends it only with "
        "credentials.",
        page='credentials: "include"',
    )


def _mixed(failure: Failure) -> Fix:
    if failure.mode == "websocket":
        page = f'new WebSocket("{as_shown(failure.url.replace("ws://", "wss://", 1))}")'
        return _change("Not CORS: serve it over wss.", page=page)
    if not failure.url.startswith("http://"):
        return _UNNAMED[Reason.MIXED_CONTENT]
    url = as_shown(failure.url.replace("http://", "https://", 1))
    return _change(
        "Not CORS: serve it over https.", page=f"load it from {url}" if failure.mode == "no-cors" else f'fetch("{url}")'
    )


def _handshake(failure: Failure) -> Fix:
    """
    Return what to change if a WebSocket handshake was not answered with 101.
    """
    status, origin = status_of(failure), failure.sent_origin
    if status not in {"", "403"}:
        return _change(f"Not CORS: {_OF_HANDSHAKES.get(status, _NO_WEBSOCKET).format(status=status)}")
    why = "Not CORS: the server or a proxy refused the handshake. It may want a login; most often it judges the Origin."
    if not _is_sound(origin, credentials=True):
        return _change(f"{why} {as_shown(origin)} cannot be listed with credentials: load the page over https.")
    return _change(
        f"{why} List the origin, with credentials.", policy={"allow_origins": [origin], "allow_credentials": True}
    )


def _invalid_handshake(failure: Failure) -> Fix:
    """
    Return what to change if the answer to a WebSocket handshake has the status 101, but not the fields that belong to
    it.
    """
    match failure.value:
        case "Upgrade" | "Connection" as field:
            value = "websocket" if field == "Upgrade" else "Upgrade"
            return _change(
                f"Not CORS: a proxy in front removes or changes {field}. Let the proxy forward it.", f"{field}: {value}"
            )
        case "Sec-WebSocket-Extensions":
            return _change(
                "Not CORS: the server chose an extension that the browser does not offer. Switch it off in the "
                "server's WebSocket library."
            )
        case "Sec-WebSocket-Protocol":
            return _change(
                "Not CORS: the server has to name one of the subprotocols that the page offers in "
                "Sec-WebSocket-Protocol, and to leave this header out if the page offers none.",
                page=f'new WebSocket("{as_shown(failure.url)}", ["the subprotocol of the server"])',
            )
        case _:
            return _change(
                "Not CORS: Sec-WebSocket-Accept is made from the Sec-WebSocket-Key of this handshake. This answer was "
                "made without that key, or computed wrongly: let the server's WebSocket library answer."
            )


def _redirect_userinfo(failure: Failure) -> Fix:
    target = redirect_target(failure)
    to = as_shown(target.href) if isinstance(target, Url) else "https://..."
    return _change("Remove the user and the password from the Location.", f"Location: {to}")


def _always(why: str, *, send: str = "", page: str = "") -> Callable[[Failure], Fix]:
    return lambda failure: _change(
        why.format_map(words_of(failure)), *([send] if send else []), page=page.format_map(words_of(failure))
    )


_FIXES: Final[Mapping[Reason, Callable[[Failure], Fix]]] = {
    Reason.FORBIDDEN_METHOD: _always(
        "Not CORS. Use another method: no server can allow {value}.", page='method: "POST"'
    ),
    Reason.BAD_PORT: _always("Not CORS: browsers block this port. Serve on another one, such as 8000 or 443."),
    Reason.MIXED_CONTENT: _mixed,
    Reason.SAME_ORIGIN_MODE: _always("The page itself forbids requests to other origins.", page='mode: "cors"'),
    Reason.NO_CORS_REDIRECT_MODE: _always(
        "The page asked for a combination of options that does not exist.", page='redirect: "follow"'
    ),
    Reason.BAD_SCHEME: _bad_scheme,
    Reason.UNREACHABLE: _unreachable,
    Reason.TLS: _tls,
    Reason.TLS_CLIENT_CERTIFICATE: _client_certificate,
    Reason.PREFLIGHT_REDIRECT: _preflight_redirect,
    Reason.MISSING_ALLOW_ORIGIN: _missing,
    Reason.WILDCARD_WITH_CREDENTIALS: _wildcard,
    Reason.MULTIPLE_ALLOW_ORIGIN: _multiple,
    Reason.ALLOW_ORIGIN_MISMATCH: _mismatch,
    Reason.ALLOW_CREDENTIALS_NOT_TRUE: _credentials,
    Reason.PREFLIGHT_STATUS: _preflight_status,
    Reason.ALLOW_METHODS_UNPARSABLE: _methods_unparsable,
    Reason.ALLOW_HEADERS_UNPARSABLE: _headers_unparsable,
    Reason.METHOD_NOT_ALLOWED: _method,
    Reason.HEADER_NOT_ALLOWED: _header,
    Reason.CORP: _corp,
    Reason.REDIRECT_MODE_ERROR: _always(
        "Not CORS. Let the page request the last URL, or follow.", page='redirect: "follow"'
    ),
    Reason.REDIRECT_UNPARSABLE: _always(
        'Not CORS. The Location is "{value}": send one valid URL, in one line.', send="Location: https://..."
    ),
    Reason.REDIRECT_BAD_SCHEME: _always("Redirect to http or https only.", send="Location: https://..."),
    Reason.TOO_MANY_REDIRECTS: _always(
        "Not CORS. There are more than 20 redirects, so most likely they form a loop: a login that never succeeds "
        "because its cookie is not sent, or two rules that undo each other (a slash, www., https). Answer 401 to "
        "scripts instead of a redirect."
    ),
    Reason.REDIRECT_USERINFO: _redirect_userinfo,
    Reason.REDIRECT_STREAM_BODY: _always(
        "Not CORS. Let the page request the last URL, or send the body as one value instead of a stream.",
        send="303 See Other, if GET is meant from there",
    ),
    Reason.HANDSHAKE_REFUSED: _handshake,
    Reason.HANDSHAKE_INVALID: _invalid_handshake,
}


# What concludes less if the URL or the page is not known.
_OF_NAMED: Final[Mapping[Reason, Callable[[Failure, Collection[str]], Fix]]] = {
    Reason.ALLOW_ORIGIN_MISMATCH: _mismatch,
    Reason.BAD_SCHEME: _bad_scheme,
}
# The advice for these reasons if the URL or the page is not known.
_UNNAMED: Final[Mapping[Reason, Fix]] = {
    Reason.MIXED_CONTENT: _change(
        "Not CORS: serve it over https. If the page uses https already, the server redirects to http: let it redirect "
        "to https (behind a proxy, tell the application that the proxy speaks TLS)."
    ),
    Reason.UNREACHABLE: _change(f"Not CORS, and no header helps. {_WHY_SILENT}"),
    Reason.TLS: _change(
        "Not CORS, and no header helps: open the URL in its own tab and look at the certificate (self-signed, expired, "
        "for another host?), or use http if the server does not speak TLS."
    ),
    Reason.CORP: _change(
        "Not CORS: the resource does not allow other sites to embed it, or the page's Cross-Origin-Embedder-Policy "
        "requires each resource to agree. Allow it: with same-site if the page and the resource share a site, "
        'otherwise with cross-origin; or, to read it, leave out mode: "no-cors" and let the server share it.',
        page='mode: "cors"',
    ),
}
