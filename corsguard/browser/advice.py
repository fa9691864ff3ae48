"""
What to change after a failure, on the server or in the page.

Every fix names the header to send and the keyword of a policy, ready to paste. A policy is proposed only if Policy
accepts it.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from http import HTTPStatus
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

from .connection_advice import (
    BEHIND_A_PROXY,
    BETTER_OVER_HTTPS,
    WITH_CORS,
    bad_scheme,
    change,
    client_certificate,
    corp,
    handshake,
    invalid_handshake,
    is_sound,
    mixed,
    over_https,
    server_of,
    tls,
    unreachable,
)
from .evidence import (
    LONGEST_NAME,
    LONGEST_READ,
    MOST_NAMES,
    REDIRECTS,
    FailureWords,
    as_shown,
    bad_item,
    headers_of,
    is_led_to_login,
    is_login,
    is_redirected_to_login,
    method_is_allowed,
    misspelt_for,
    redirect_target,
    refused_headers,
    starts_login,
    status_of,
    tokens_listed,
    url_of,
    why_sent,
)
from .failures import Failure
from .headers import get, values_of
from .intermediaries import (
    api_gateway_seen,
    cache_seen,
    csrf_seen,
    firewall_seen,
    host_refused_seen,
    in_front_seen,
    limit_seen,
    login_seen,
    protection_seen,
    refusal_seen,
    storage_seen,
    text_seen,
    wants_tls,
)
from .order_advice import judges_origin, of_csrf, of_hosts, of_refusal, outermost, why_unseen
from .reasons import REASONS, Reason
from .redirect_advice import NO_LOGIN, TAINTED, answer_401, leads_elsewhere, taints, why_led_back, why_redirected
from .storage_advice import LOAD_FROM_SERVER, of_api_gateway, of_storage
from .urls import Url


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
    # Where a login begins, a redirect leads to its page, whatever is hidden of the URL.
    is_begun = is_vague and failure.url != failure.first_url and starts_login(failure.first_url)
    if REASONS[failure.reason].kind == "cors" and (is_begun or is_led_to_login(failure)):
        return answer_401(failure, unnamed)
    if failure.reason in _OF_NAMED:
        return _OF_NAMED[failure.reason](failure, unnamed)
    return _FIXES[failure.reason](failure)


_NOT_NAMED: Final = "{} does not list it. Access-Control-Request-Headers in the OPTIONS row names it."
_TWO_LAYERS: Final = "two middlewares, or an extension of the browser that adds *"
_UNGUARDED: Final = (
    "The preflight allowed this origin, so it is listed. The answer to the request itself has no CORS headers: a "
    "gateway or a proxy answers only preflights, or the CORS layer does not guard this method or view."
)
_REFUSED_OUTSIDE: Final = (
    "The preflight allowed this origin, so it is listed: the server, or a firewall in front of it, refuses the request "
    "outside the CORS layer. Its body may say why."
)
# For these, the words about a status doubt that the origin is listed.
_MAY_BE_UNLISTED: Final = frozenset({400, 403})
NO_COOKIES: Final = (
    'leave out credentials: "include" (XMLHttpRequest: withCredentials; an element: crossorigin="use-credentials"), if '
    "it needs no cookies (a bearer token is not a cookie)"
)

_LARGE_BODY: Final = (
    "The body is larger than the server, or a proxy in front, accepts: send less, or raise its limit (nginx: "
    "client_max_body_size)."
)
_LONG_HEAD: Final = (
    "The URL or the headers are longer than the server, or a proxy in front, accepts: send less (cookies count, too), "
    "or raise its limit."
)
_OF_PROXIES: Final = (
    "Only a proxy of the browser may answer so, because it wants a login. If the browser uses none, let the server "
    "answer 401 or 403."
)
_BEHIND_A_PROXY: Final = f"{BEHIND_A_PROXY}: no CORS layer within the application adds headers to this answer."
_MISDIRECTED: Final = (
    "The server does not serve this host over this connection (RFC 9110, 15.5.20). Does the proxy in front, or its "
    "certificate, know the host? No CORS layer adds headers to this answer."
)
# Who answers with this status instead of the CORS layer: to a preflight, and to the request itself.
_BY_STATUS: Final = {
    401: (
        "Authentication runs before CORS, but a preflight never carries cookies, Authorization or a certificate.",
        (
            "The request carries no login that the server accepts (a preflight never does), and this answer comes "
            "from outside the CORS layer."
        ),
    ),
    407: (_OF_PROXIES,) * 2,
    400: (
        (
            "The CORS layer of Starlette and FastAPI answers 400 if it does not list the origin, the method or a "
            "header, and says so in the body. Any other server refuses the preflight before the CORS layer sees it."
        ),
        (
            "The server refuses the request, or the preflight before it: the body says why. Starlette and FastAPI "
            "answer a preflight with 400 if they do not list the origin, the method or a header."
        ),
    ),
    403: (
        (
            "Some CORS layers (of Spring, for example) answer 403 if they do not list the origin, the method or a "
            "header. Otherwise the server, or a firewall in front of it, refuses the preflight, which never carries "
            "cookies, Authorization or a certificate."
        ),
        (
            "Some CORS layers (of Spring or Go, for example) answer 403 if the origin is not in their list. "
            "Otherwise the server, or a firewall in front of it, refuses the request outside the CORS layer: perhaps "
            "the user is not logged in or not allowed."
        ),
    ),
    **dict.fromkeys(
        (404, 405),
        (
            (
                "OPTIONS reaches the router, which has no route for it, or none for this path: the CORS layer has to "
                "answer preflights first. "
                "If a proxy in front refuses OPTIONS, let the proxy pass it on."
            ),
            "No route, or no guarded one, fits this request. Compare the URL, the method and the guarded paths.",
        ),
    ),
    501: (
        (
            "The server, or what is in front of it, does not support OPTIONS (RFC 9110, 15.6.2): the CORS layer has to "
            "answer preflights first. If a proxy or a filter in front refuses OPTIONS, let it pass OPTIONS on."
        ),
        (
            "The server, or what is in front of it, does not support what the request asks for (RFC 9110, 15.6.2), "
            "most likely its method: its log, or that of the proxy or the filter in front, says more."
        ),
    ),
    **dict.fromkeys(
        REDIRECTS,
        (
            (
                "The server redirects (to a login, to https, or for a slash), and a preflight follows no redirect. Let "
                "the page request the last URL."
            ),
            (
                "The server redirects (to a login, to https, or for a slash), and the redirect itself is not shared. "
                "Let the page request the last URL; answer 401 to scripts instead of a redirect to a login."
            ),
        ),
    ),
    408: ("The server, or a proxy, waited too long for the request. Fix that first.",) * 2,
    413: (_LARGE_BODY,) * 2,
    **dict.fromkeys(
        (414, 431),
        (_LONG_HEAD,) * 2,
    ),
    **dict.fromkeys((502, 504), (_BEHIND_A_PROXY,) * 2),
    503: (f"The server is overloaded, or under maintenance. {_BEHIND_A_PROXY}",) * 2,
    **dict.fromkeys(
        range(520, 531),
        ("Cloudflare, in front of the server, answers so if it gets no answer from there. Fix that first.",) * 2,
    ),
    421: (_MISDIRECTED,) * 2,
    426: (
        "A server that only speaks another protocol (WebSocket) answers at this URL: is it the right one?",
        (
            "A server that only speaks another protocol answers at this URL, most likely WebSocket: let the page open "
            "it with new WebSocket, or correct the URL."
        ),
    ),
    429: (
        "The server limits how often it is called, and counts preflights, too. Try again later, and less often.",
        "The server limits how often it is called, and this answer comes from outside the CORS layer. Try again later.",
    ),
    500: (
        "The server fails on the preflight: look at its log.",
        (
            "Most likely, there was an unhandled exception, and a middleware, a debugger or the server answered it "
            "outside the CORS layer. Look at the server's log. In debug mode, Flask lets its debugger answer, unless "
            'you write app.config["PROPAGATE_EXCEPTIONS"] = False. If the CORS layer is not outermost, that is the '
            "reason."
        ),
    ),
}
# No order of layers within an application changes these.
BEFORE_ANY_LAYER: Final = frozenset({407, 408, 414, 421, 431, 502, 503, 504, *range(520, 531)})
_OF_STAR: Final = (
    "* never counts with credentials: list the {0}s. A list takes the place of *, so every other {0} that pages use "
    "has to be listed, too."
)
# The problem of an entry that has no form of an origin.
_NO_PATTERN: Final = "E211"
_NO_ORIGIN: Final = "{} is not an origin: that is the scheme, the host, and the port if the URL has one."
_OF_EXPRESSIONS: Final = re.compile(r"[\^|\\]|\$$|[\])}.][*+?]")
# A variable of nginx, of a shell or of a template that nothing has replaced.
_VARIABLE: Final = re.compile(r"\$\{?\w{1,80}\}?|\{\{[^{}]{0,80}\}\}")
_NO_PATTERNS: Final = "Browsers do not match patterns. Match on the server, and send the origin."
# What a program writes into the header if it has no origin.
_UNSET: Final = frozenset(
    {"", "undefined", "none", "nil", "<nil>", "(nil)", "(null)", "false", "true", "[object object]"}
)
_UNSET_BY: Final = {"(null)": " Apache writes (null) for a variable that no SetEnvIf sets: is its name spelt right?"}
_OFTEN_MISSPELT: Final = ("authorization", "content-type", "x-requested-with")
# Misspelt, too, these belong to a response.
_ENDS_OF_RESPONSES: Final = ("allow-origin", "allow-headers", "allow-methods", "allow-credentials")


def _share(failure: Failure, why: str, *kept: str, page: str = "") -> Fix:
    """
    Return the change that shares with the page's origin, and with each of the *kept* origins that a policy accepts.
    """
    origin, credentials = failure.sent_origin, failure.with_credentials
    if Origin.parse(origin) is None and origin != NULL:
        return _share_with_unlistable(failure, why)
    if origin == NULL:
        return _share_with_none(failure, why)
    is_listable = is_sound(origin, credentials=credentials)
    if not is_listable and origin.startswith("http://"):
        why = f"{why} {BETTER_OVER_HTTPS}"
        page = f"{page}, or {over_https(failure)}" if page else over_https(failure)
    send = [
        f"{ALLOW_ORIGIN}: {origin}",
        *([f"{ALLOW_CREDENTIALS}: true"] if credentials else []),
        "Vary: Origin",
    ]
    if not is_listable:
        return change(why, *send, page=page)
    listed = [other for other in dict.fromkeys(kept) if is_sound(other, credentials=credentials)]
    if not (listed and origin_step(listed, origin).passed):
        listed.append(origin)
    policy: dict[str, Any] = {"allow_origins": listed, **({"allow_credentials": True} if credentials else {})}
    return change(why, *send, policy=policy, page=page)


def shared(failure: Failure, why: str) -> Fix:
    """
    Return the change of which *why* is the reason: what the answer needs, whatever its status is.
    """
    return change(why, "204 No Content") if failure.reason is Reason.PREFLIGHT_STATUS else _share(failure, why)


def _share_with_none(failure: Failure, why: str) -> Fix:
    if failure.page_origin != NULL:
        cause = "The redirect between two foreign origins makes the Origin null. Let the page request the last URL"
        page = f'fetch("{as_shown(failure.url)}")'
    else:
        cause = f"The page has no origin of its own (a sandboxed frame, a file, a data: URL). {LOAD_FROM_SERVER}"
        # A console does not say whose null it is.
        if redirect_target(failure) is not None and not status_of(failure):
            cause = f"A redirect between two origins made the Origin null, or else {cause[0].lower()}{cause[1:]}"
        elif failure.exchange is None or not failure.exchange.request.headers:
            cause = (
                "The page has no origin of its own (a sandboxed frame, a file, a data: URL), or a redirect from one "
                "origin to another made the Origin null. Load the page from a server; after a redirect, let it request "
                "the last URL"
            )
        page = "load it from a server, and outside of a sandboxed frame"
    if failure.with_credentials:
        return change(f"{why} {cause}: null is never shared with credentials.", page=page)
    cause += "; or, if the data are public, share with everyone."
    return change(f"{why} {cause}", f"{ALLOW_ORIGIN}: *", policy={"allow_origins": "*"}, page=page)


def _share_with_unlistable(failure: Failure, why: str) -> Fix:
    cause = f"No policy can list {as_shown(failure.sent_origin)}"
    page = "load it from a server, not from the disk" if failure.sent_origin == "file://" else ""
    if failure.with_credentials:
        return change(f"{why} {cause}. Load the page from an origin that can be listed.", page=page)
    words = f"{why} {cause}; if the data are public, share with everyone."
    return change(words, policy={"allow_origins": "*"}, page=page)


def origin_step(patterns: Sequence[str], origin: str) -> Step:
    """
    Return what a policy with these *patterns* says about *origin*.
    """
    return explain(Policy(allow_origins=patterns), {"REQUEST_METHOD": "GET", "HTTP_ORIGIN": origin}).steps[0]


def _is_another_site(pattern: str, origin: str) -> bool:
    parsed = Origin.parse(origin)
    return parsed is not None and not nearest(Policy(allow_origins=[pattern]), parsed)


def fix_of_listed(failure: Failure) -> Fix:
    """
    Return what to change about a response without CORS headers, if the preflight before it allowed the origin: nothing
    in a list.
    """
    found, status = fix(failure), int(status_of(failure) or 0)
    if 200 <= status <= 299:
        return Fix(words=_UNGUARDED, send=found.send)
    if status in _MAY_BE_UNLISTED and not (_seen_in_front(failure) or _seen_in_answer(failure)):
        found = replace(found, words=f"Status {status}. {_REFUSED_OUTSIDE} {outermost(failure)}.")
    return replace(found, policy={})


def _missing(failure: Failure, unnamed: Collection[str] = ()) -> Fix:
    if in_front := _seen_in_front(failure):
        return change(in_front)
    if misspelt := misspelt_for(ALLOW_ORIGIN, headers_of(failure)):
        return _share(failure, misspelt)
    why = _seen_in_answer(failure, is_named="url" not in unnamed)
    if why is not None and (is_redirected_to_login(failure) or taints(failure)):
        return change(why, *([NO_LOGIN] if is_redirected_to_login(failure) else []))
    if why is not None and judges_origin(failure):
        # It shares by itself with what its list has.
        return replace(_share(failure, why), policy={})
    if why is None and "origin" in (get(headers_of(failure), "Vary") or "").lower():
        why = (
            "The answer varies on Origin, so a CORS layer is there. Most likely it does not list this origin. Or a "
            "proxy in front does not pass Origin on, or removes the header."
        )
    return _share(failure, why or _seen_in_status(failure) or why_unseen(failure))


def _seen_in_front(failure: Failure) -> str:
    """
    Return who answered before any application did, as the answer shows it: no header of an application helps. Empty if
    it does not show that.
    """
    answer = None if failure.exchange is None else failure.exchange.response
    if answer is None:
        return ""
    if why := why_led_back(failure):
        return why
    if failure.url.startswith("http://") and wants_tls(answer):
        return f"This port speaks TLS: let the page request {as_shown(failure.url.replace('http://', 'https://', 1))}."
    if line := host_refused_seen(answer):
        return of_hosts(failure.url, line)
    what = "the preflight" if failure.is_preflight else "the request"
    if (firewall := firewall_seen(answer)) is not None:
        name, sign, cure = firewall
        return f"Status {answer.status}, {sign}. {name} refuses {what} before the application sees it. {cure}"
    if line := api_gateway_seen(answer):
        return f"Status {answer.status}, {line}. {of_api_gateway(failure, line)}"
    if (line := storage_seen(answer)) and not (cache_seen(answer.headers) or limit_seen(answer)):
        return of_storage(failure, answer, line)
    if answer.status in BEFORE_ANY_LAYER:
        return f"Status {answer.status}. {_BY_STATUS[answer.status][0 if failure.is_preflight else 1]}"
    return ""


def _seen_in_answer(failure: Failure, *, is_named: bool = True) -> str | None:
    """
    Return why the CORS layer did not answer, or not for this page, if a header or the body shows it. Evidence comes
    before guesses. If the URL is not *is_named*, nobody knows between which origins it redirects.
    """
    answer = None if failure.exchange is None else failure.exchange.response
    if redirect_target(failure) is not None:
        why = why_redirected(failure)
        if is_named and taints(failure):
            return f"{TAINTED} {why}"
        return f"{why} {outermost(failure)}, so that redirects get CORS headers too."
    if answer is None:
        return None
    if line := login_seen(answer):
        why = _BY_STATUS[answer.status][0 if failure.is_preflight else 1]
        return f"Status {answer.status}, {line}. {why} {outermost(failure)}."
    if line := limit_seen(answer):
        return (
            f"Status {answer.status}, {line}. The server limits how often it is called, and this answer comes from "
            f"outside the CORS layer. Try again later. {outermost(failure)}."
        )
    if csrf_seen(answer):
        return f"Status {answer.status}, and the body names CSRF. {of_csrf(answer)}"
    if why := of_refusal(answer):
        return why
    if reason := protection_seen(answer):
        what = "the preflight" if failure.is_preflight else "the request"
        return f"Status 403. Cross-origin protection refuses {what} ({reason}). {REMEDIES[reason].fix}"
    if line := cache_seen(answer.headers):
        return (
            f"The answer comes from a cache ({line}), so it was made for another page, or for a request without "
            "Origin. Send Vary: Origin on every answer, and clear the cache. If the answer is still the same, this "
            "origin is not listed."
        )
    return None


def _seen_in_status(failure: Failure) -> str | None:
    """
    Return why the CORS layer did not answer, if the status shows it.
    """
    answer = None if failure.exchange is None else failure.exchange.response
    status = 0 if answer is None else answer.status
    if answer is None or (status < HTTPStatus.BAD_REQUEST and status not in _BY_STATUS):
        return None
    text = text_seen(answer)
    said = f'Status {status}. The answer says: "{text}".' if text else f"Status {status}."
    if status not in _BY_STATUS:
        return (
            f"{said} The server answers with an error{'' if text else ': look at its body'}. Either this answer comes "
            f"from outside the CORS layer, or the origin is not listed. {outermost(failure)}."
        )
    why = f"{said} {_BY_STATUS[status][0 if failure.is_preflight else 1]}"
    if status == HTTPStatus.FORBIDDEN and (service := in_front_seen(answer)) is not None:
        why += f" {service[0]} is in front ({service[1]}): its log says whether it refused."
    return f"{why} {outermost(failure)}."


def _wildcard(failure: Failure) -> Fix:
    why = (
        "* never counts with credentials: name the origin. A list takes the place of *, so every other origin that "
        "reads today has to be listed, too. For a public API, leave out the credentials."
    )
    return _share(failure, why, page=NO_COOKIES)


def _multiple(failure: Failure) -> Fix:
    value = (failure.value or "")[:LONGEST_READ]
    items = re.split(r"[\s,]+", value.strip(" \t,"))
    if not value:
        return _share(
            failure,
            "The response has it twice, because two layers add it, or it lists several origins. "
            "Only one layer may send it, and only the origin in the Origin of the request.",
        )
    if len(items) == 1:
        return _share(failure, f'"{as_shown(value)}" has a comma too many: send the origin alone.')
    lines = values_of(headers_of(failure), ALLOW_ORIGIN)
    # Nobody writes `*` and one origin into one list on purpose, either.
    if len(lines) > 1 or len(set(items)) < len(items) or ("*" in items and len(items) == 2):
        why = (
            f'Two layers add the header ("{as_shown(value)}"): a proxy or a web server in front and the application, '
            f"{_TWO_LAYERS if '*' in items else 'or two middlewares'}. Let one of them send it, and remove it from the "
            "others."
        )
        if set(items) == {"*"} and not failure.with_credentials:
            return change(why, f"{ALLOW_ORIGIN}: *", policy={"allow_origins": "*"})
        return _share(failure, why)
    return _share(failure, "Only one origin may be sent: the one in the Origin of the request.", *items[:MOST_NAMES])


def _mismatch(failure: Failure, unnamed: Collection[str] = ()) -> Fix:
    value, origin = (failure.value or "")[:LONGEST_READ], failure.sent_origin
    if failure.value is None and failure.exchange is None:
        return _share(failure, "The header names another origin than the page's.")
    if value.strip().lower() in _UNSET or _VARIABLE.fullmatch(value):
        said = f'"{as_shown(value)}"' if value else "empty"
        return _share(
            failure,
            f"The header is {said}: the server found no origin to send. Its list does not contain this origin, or a "
            f"configuration variable is not set.{_UNSET_BY.get(value.strip(), '')}",
        )
    if origin == NULL:
        sent = "and this browser does not accept it" if value == NULL else "the page sent Origin: null"
        return _share(failure, f'The header says "{as_shown(value)}", {sent}.')
    if value == NULL:
        return _share(
            failure,
            'The header is "null", which some servers send if they do not list the origin. Do not list null: it is '
            "what sandboxed frames of any site send.",
        )
    if "url" not in unnamed and value.rstrip("/") == server_of(failure):
        return _share(failure, "This is the server's own origin. The header has to name the origin of the page.")
    if "page" in unnamed and Origin.parse(value) is not None:
        return _share(failure, f"The header names {as_shown(value)}, and the page has another origin.", value)
    try:
        step = origin_step([value], origin)
    except PolicyError as error:
        return _share(failure, _NO_PATTERNS if "*" in value else _why_invalid(value, error))
    if step.passed or "*" in value:
        return _share(failure, _NO_PATTERNS, value)
    if not _is_another_site(value, origin):
        return _share(failure, step.reason, value)
    return _share(failure, _of_another_site(failure), value)


def _why_invalid(value: str, error: PolicyError) -> str:
    bare = value.strip("\"'")
    if bare != value:
        return f"The value is in quotation marks: send it without them ({as_shown(bare)})."
    if error.problems[0].code == _NO_PATTERN:
        # Its message has the grammar of a policy, and this is a header.
        return _NO_PATTERNS if _OF_EXPRESSIONS.search(value) else _NO_ORIGIN.format(as_shown(value))
    return error.problems[0].message


def _of_another_site(failure: Failure) -> str:
    if line := cache_seen(headers_of(failure)):
        why = f"This is another origin, and the answer comes from a cache ({line}): it was stored for a page there."
        return f"{why} Send Vary: Origin on every answer, and clear the cache."
    cached = (
        "" if "origin" in (get(headers_of(failure), "Vary") or "").lower() else ", or a cache gave another's answer"
    )
    return f"This is another origin: the header is a constant{cached}."


def _credentials(failure: Failure) -> Fix:
    value = failure.value
    if failure.exchange is None and value is None:
        why = 'Access-Control-Allow-Credentials is absent, or not exactly "true".'
    elif value is None:
        why = misspelt_for(ALLOW_CREDENTIALS, headers_of(failure)) or "Access-Control-Allow-Credentials is absent."
    elif "," in value:
        why = "Two layers add Access-Control-Allow-Credentials: remove it from all except one."
    elif value.strip().lower() == "true":
        why = f'"{as_shown(value)}" does not count: it has to be "true", in lower case.'
    else:
        why = f'"{as_shown(value)}" does not count: it has to be "true".'
    return _share(failure, why, page=NO_COOKIES)


def _preflight_redirect(failure: Failure) -> Fix:
    if why := why_led_back(failure):
        return change(why)
    target, source = redirect_target(failure), url_of(failure.url)
    page = ""
    is_readable = source is not None and not leads_elsewhere(failure)
    if is_readable and isinstance(target, Url) and not is_login(target.href, failure.url):
        page = f'fetch("{as_shown(target.href)}")'
    why = f"{why_redirected(failure)} {outermost(failure)}, because preflights are answered before anything redirects."
    if target is None:
        why += " Or let the page request the last URL: often it only has https, or a slash at the end, or none."
    return change(why, "204 No Content, with the Access-Control-* headers, and no Location", page=page)


def _preflight_status(failure: Failure) -> Fix:
    if in_front := _seen_in_front(failure):
        return change(in_front)
    why = _seen_in_answer(failure) or _seen_in_status(failure)
    answer = None if failure.exchange is None else failure.exchange.response
    if why is not None and answer is not None and (said := refusal_seen(answer)):
        # It answers with this status as long as it refuses anything, and may say what.
        if said.endswith(" origin"):
            return _share(failure, why)
        if not method_is_allowed(failure):
            return _allow_methods(failure, f"{why} {_what_is_listed(failure, ALLOW_METHODS)}")
        return _allow_headers(failure, why, refused_headers(failure))
    if why is None:
        status = f"Status {status_of(failure)}. " if failure.exchange is not None else ""
        why = f"{status}{outermost(failure)}, so that preflights get an answer of their own."
    # No keyword is proposed: a policy answers with this status anyway, once the preflight reaches it.
    return change(why, "204 No Content")


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
        if failure.exchange is None:
            return change(f"{why} If {upper} is refused, too, the server has to allow it.", page=f'method: "{upper}"')
        return change(why, page=f'method: "{upper}"') if allowed else _allow_methods(failure, why, f'method: "{upper}"')
    if "*" in listed:
        return _allow_methods(failure, _OF_STAR.format("method"), NO_COOKIES)
    if upper in map(str.upper, listed):
        return _allow_methods(failure, f"Methods are case-sensitive, and the server does not list {method}.")
    if upper in (get(headers_of(failure), "Allow") or "").upper():
        return _allow_methods(failure, "The Allow header lists it, but CORS does not read that header.")
    return _allow_methods(failure, _what_is_listed(failure, ALLOW_METHODS))


def _allow_methods(failure: Failure, why: str, page: str = "") -> Fix:
    listed = [name for name in tokens_listed(failure, ALLOW_METHODS) if name != "*"]
    asked = (*(listed or sorted(SAFELISTED_METHODS)), failure.method)
    spelled = (method.upper() if method.upper() in UPPER_CASE_METHODS else method for method in asked)
    names = [name for name in dict.fromkeys(spelled) if is_token(name) and name.upper() not in FORBIDDEN_METHODS]
    return _list(why, ALLOW_METHODS, names, page)


def _header(failure: Failure) -> Fix:
    refused, listed = refused_headers(failure) or [failure.value or ""], tokens_listed(failure, ALLOW_HEADERS)
    responses = [name for name in refused if name.startswith(OWNED_PREFIX) or name.endswith(_ENDS_OF_RESPONSES)]
    if all(map(str.isdigit, refused)):
        # Fetch, "fill a Headers object": an array, or a text, has numbers for names.
        why = "A name that is a number comes from headers that are an array or a text: write an object."
        return change(why, page='headers: {"Name": "value"}')
    if not responses and all(map(is_forbidden_request_header, refused)):
        # Old versions of WebKit asked for headers that they add themselves.
        why = "The browser itself adds it, so the page cannot leave it out: allow it, or update the browser."
        return change(why, f"{ALLOW_HEADERS}: {', '.join(as_shown(name.title()) for name in refused)}")
    if responses:
        names = ", ".join(map(as_shown, responses))
        why = f"The page sends {names}, which belongs to a response."
        rest = [name for name in refused if name not in responses]
        page = f"leave out the request header {names}"
        return _allow_headers(failure, why, rest, page) if rest else change(why, page=page)
    if "*" in listed and failure.with_credentials:
        return _allow_headers(failure, _OF_STAR.format("name"), refused, NO_COOKIES)
    if "*" in listed:
        why = "* never covers Authorization: list it, too."
        return change(why, f"{ALLOW_HEADERS}: *, Authorization", policy={"allow_headers": ["*", "Authorization"]})
    if all(name.startswith("x-devtools-") for name in refused):
        return change("The browser's developer tools add it: switch it off there. The server has nothing to change.")
    misspelt = {name: well for name in refused if (well := _misspelt(name))}
    if meant := dict.fromkeys(misspelt.values()):
        why = (
            f"Is this a misspelt {', '.join(map(WELL_KNOWN_HEADERS.__getitem__, meant))}? Then correct it in the page."
        )
        return _allow_headers(
            failure, why, [*dict.fromkeys((*meant, *(name for name in refused if name not in misspelt)))]
        )
    why = why_sent(refused, is_seen=failure.exchange is not None) or _what_is_listed(failure, ALLOW_HEADERS)
    return _allow_headers(failure, why, refused)


def _misspelt(name: str) -> str:
    """
    Return the header that *name* most likely means; empty if it may be one of its own.
    """
    near = [] if name in WELL_KNOWN_HEADERS else get_close_matches(name, _OFTEN_MISSPELT, n=1, cutoff=0.85)
    return near[0] if near and near[0] not in name else ""


def _what_is_listed(failure: Failure, name: str) -> str:
    if failure.exchange is None:
        return "The server does not list it." if failure.value else _NOT_NAMED.format(name)
    listed = f"Listed: {as_shown(', '.join(tokens_listed(failure, name))) or 'none'}."
    return f"{listed} {misspelt_for(name, headers_of(failure))}".rstrip()


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
        return change(why, page=page)
    keyword = {ALLOW_METHODS: "allow_methods", ALLOW_HEADERS: "allow_headers"}[header]
    return change(why, f"{header}: {', '.join(short)}", policy={keyword: short}, page=page)


def _redirect_userinfo(failure: Failure) -> Fix:
    target = redirect_target(failure)
    to = as_shown(target.href) if isinstance(target, Url) else "https://..."
    return change("Remove the user and the password from the Location.", f"Location: {to}")


def _always(why: str, *, send: str = "", page: str = "") -> Callable[[Failure], Fix]:
    return lambda failure: change(
        why.format_map(FailureWords(failure)), *([send] if send else []), page=page.format_map(FailureWords(failure))
    )


_FIXES: Final[Mapping[Reason, Callable[[Failure], Fix]]] = {
    Reason.FORBIDDEN_METHOD: _always(
        "Not CORS. Use another method: no server can allow {value}.", page='method: "POST"'
    ),
    Reason.BAD_PORT: _always("Not CORS: browsers block this port. Serve on another one, such as 8000 or 443."),
    Reason.SAME_ORIGIN_MODE: _always(
        "The page itself forbids requests to other origins. Other loads (an SVG file in <use>, XSLT, "
        "the script of a frame) work within one origin only: serve the file from the origin of the page.",
        page='mode: "cors"',
    ),
    Reason.NO_CORS_REDIRECT_MODE: _always(
        "The page asked for a combination of options that does not exist.", page='redirect: "follow"'
    ),
    Reason.TLS: tls,
    Reason.TLS_CLIENT_CERTIFICATE: client_certificate,
    Reason.WILDCARD_WITH_CREDENTIALS: _wildcard,
    Reason.MULTIPLE_ALLOW_ORIGIN: _multiple,
    Reason.ALLOW_CREDENTIALS_NOT_TRUE: _credentials,
    Reason.PREFLIGHT_REDIRECT: _preflight_redirect,
    Reason.PREFLIGHT_STATUS: _preflight_status,
    Reason.ALLOW_METHODS_UNPARSABLE: _methods_unparsable,
    Reason.ALLOW_HEADERS_UNPARSABLE: _headers_unparsable,
    Reason.METHOD_NOT_ALLOWED: _method,
    Reason.HEADER_NOT_ALLOWED: _header,
    Reason.CORP: corp,
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
    Reason.HANDSHAKE_REFUSED: handshake,
    Reason.HANDSHAKE_INVALID: invalid_handshake,
}


# What concludes less if the URL or the page is not known.
_OF_NAMED: Final[Mapping[Reason, Callable[[Failure, Collection[str]], Fix]]] = {
    Reason.ALLOW_ORIGIN_MISMATCH: _mismatch,
    Reason.BAD_SCHEME: bad_scheme,
    Reason.MISSING_ALLOW_ORIGIN: _missing,
    Reason.UNREACHABLE: unreachable,
    Reason.MIXED_CONTENT: mixed,
}
# The advice for these reasons if the URL or the page is not known.
_UNNAMED: Final[Mapping[Reason, Fix]] = {
    Reason.TLS: change(
        "Not CORS, and no header helps: open the URL in its own tab and look at the certificate (self-signed, expired, "
        "for another host?), or use http if the server does not speak TLS."
    ),
    Reason.CORP: change(
        "Not CORS: the resource does not allow other sites to embed it, or the page's Cross-Origin-Embedder-Policy "
        "requires each resource to agree. Allow it: with same-site if the page and the resource share a site, "
        'otherwise with cross-origin; or, to read it, leave out mode: "no-cors" and let the server share it.',
        "Cross-Origin-Resource-Policy: cross-origin",
        page=WITH_CORS,
    ),
}
