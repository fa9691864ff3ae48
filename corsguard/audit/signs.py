"""
Detects weaknesses in answers: one pure function for each rule, from answers to a Sign, or to None if there is none.

Nothing is sent here, and earlier requests do not matter: the same answers give the same Sign.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, NamedTuple

from corsguard.browser.evidence import LONGEST_READ, REDIRECTS, is_login
from corsguard.browser.headers import is_safelisted_method, seconds_of
from corsguard.browser.urls import HTTP_SCHEMES
from corsguard.fixes import Fix
from corsguard.names import (
    ALLOW_CREDENTIALS,
    ALLOW_HEADERS,
    ALLOW_METHODS,
    ALLOW_ORIGIN,
    CHROMIUM_MAX_AGE,
    EXPOSE_HEADERS,
    FIREFOX_MAX_AGE,
    FORBIDDEN_RESPONSE_HEADERS,
    MAX_AGE,
    OWNED_PREFIX,
    SAFELISTED_RESPONSE_HEADERS,
)
from corsguard.origin import NULL, Origin
from corsguard.suffixes import is_registry

from .answers import Answer, target_of
from .probes import Probe
from .severity import EVERY_BROWSER, Reach, Severity, severity_of

Confidence = Literal["high", "medium", "low"]

_ALLOW_PRIVATE_NETWORK: Final = "Access-Control-Allow-Private-Network"
_RESOURCE_POLICY: Final = "Cross-Origin-Resource-Policy"
_TIMING_ALLOW_ORIGIN: Final = "Timing-Allow-Origin"

# By the name, and by the form of the value: a JSON web token, a bearer token, or a key of a well-known service.
_SENSITIVE: Final = re.compile(
    r"authorization|authentication-info|x-auth.*|.*(csrf|xsrf|api-?key|access-?key|private-?key|session|token|secret"
    r"|passw|credential|jwt).*"
)
# Positions in a list and rate limits are not secret.
_NOT_SENSITIVE: Final = re.compile(r".*(continuation|next|page|paging|cursor|sync|rate-?limit|remaining).*")
_SECRET_VALUE: Final = re.compile(
    r"(?<!\w)(?:eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|bearer \S{8,}|[rs]k_live_\w{8,}|gh[pousr]_\w{16,}"
    r"|xox[abprs]-[\w-]{8,}|AKIA\w{12,})",
    re.IGNORECASE,
)
# What a script may begin with before it calls the given callback: the mark of UTF-8, comments (servers add one against
# other attacks; ECMAScript, B.1.1, has the one of HTML, too), operators, a block, and a check whether the callback is
# there. Then the names of the global object.
_BEFORE_CALL: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|[;!(+~-]|/\*.*?\*/|(?://|<!--)[^\r\n]*[\r\n]|void\b|try\s{0,9}\{|if\s{0,9}\([^()]*\)\s{0,9}\{?)*"
    rb"(?:\(?(?:typeof\s{0,9}\(?)?[\w.$]+\)?\s{0,9}(?:===?\s{0,9}['\"]function['\"]\s{0,9})?\)?\s{0,9}&&[\s(]*)?",
    re.DOTALL,
)
_GLOBAL: Final = rb"(?:(?:window|self|globalThis|this|top|parent)(?:\.|\[['\"]))*"
_RESOURCE_POLICIES: Final = frozenset({"same-origin", "same-site", "cross-origin"})
_OPEN_TO_PLUGINS: Final = re.compile(rb"<allow-access-from\s[^<>]*domain\s{0,9}=\s{0,9}[\"']\*[\"']")
# The lists in which * may stand for everything: the keyword of a Policy, and what most pages need.
_COVERING: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    ALLOW_METHODS: ("allow_methods", ("GET", "HEAD", "POST", "PUT", "DELETE")),
    ALLOW_HEADERS: ("allow_headers", ("Authorization", "Content-Type")),
}
# RFC 9111, 3: these allow or forbid a shared cache to store the response.
_NOT_STORED: Final = re.compile(r"\b(no-store|private|no-cache)\b", re.IGNORECASE)
_STORED: Final = re.compile(r"\b(public|s-maxage=[1-9]|max-age=[1-9])", re.IGNORECASE)
# RFC 9211, and what caches sent before it.
_OF_CACHES: Final = "Cache-Status", "X-Cache", "X-Cache-Status", "CF-Cache-Status", "X-Proxy-Cache"
# The ends of the names of what only such caches obey: each service has its own, and the first one is of RFC 9213.
OF_SHARED_CACHES: Final = "cdn-cache-control", "surrogate-control"
_SHOWN_OF_AN_ORIGIN: Final = 60
# The schemes of extensions whose id is the same for everybody.
_WITH_A_FIXED_ID: Final = frozenset({"chrome-extension"})
_SLOW: Final = 10.0
_SLOW_AT_LEAST: Final = 0.25


class Sign(NamedTuple):
    """
    Shows that a rule is broken: the *proof*, whose first answer shows it, and what was seen.

    *detail* is a format string. Its placeholders are for *values*, which come from the network and are not safe to
    print yet. *severity*, *fix* and *browsers* are given if they differ from those of the rule.
    """

    proof: tuple[Answer, ...]
    detail: str = ""
    values: tuple[str, ...] = ()
    severity: Severity | None = None
    confidence: Confidence = "high"
    fix: Fix | None = None
    browsers: str | None = None


# Which origins may read.


def let_in(answer: Answer, probe: Probe, *, is_internal: bool = False) -> Sign | None:
    """
    Detect that the origin of *probe* may read; *is_internal* is True if only an internal network can reach the server.
    """
    if not answer.lets_in:
        return None
    with_credentials = answer.is_read_with_credentials
    severity = min(probe.most, severity_of(probe.reach, with_credentials=with_credentials, is_internal=is_internal))
    return Sign((answer,), "{} is allowed: {}.", (probe.origin, probe.mistake), severity)


def let_in_by_http(answer: Answer, probe: Probe, *, is_internal: bool = False) -> Sign | None:
    """
    Detect that an http origin may read. A browser that has preloaded the site's HSTS never loads that origin.
    """
    sign = let_in(answer, probe, is_internal=is_internal)
    transport = (answer.get("Strict-Transport-Security") or "").lower()
    if sign is None or sign.severity is None or "preload" not in transport or "includesubdomains" not in transport:
        return sign
    return sign._replace(severity=min(sign.severity, Severity.MEDIUM))


def let_in_under_suffix(answer: Answer, probe: Probe, *, is_internal: bool = False) -> Sign | None:
    """
    Detect that an origin may read because of the suffix of its name. At a hosting service, the fix names that suffix.
    """
    sign = let_in(answer, probe, is_internal=is_internal)
    suffix = probe.origin.partition(".")[2].partition(":")[0]
    # A registry's suffix is the one of the own origin, which the rule's fix names.
    if sign is None or is_registry(suffix):
        return sign
    return sign._replace(fix=Fix(policy={"allow_origins": [f"https://your-name.{suffix}"]}))


def let_in_by_scheme(answer: Answer, probe: Probe, *, is_internal: bool = False) -> Sign | None:
    """
    Detect that an origin may read because of its scheme. The fix has the same scheme.
    """
    sign = let_in(answer, probe, is_internal=is_internal)
    scheme = probe.origin.partition("://")[0]
    if sign is None or probe.reach not in {Reach.EXTENSION, Reach.APP} or scheme in HTTP_SCHEMES:
        return sign
    if probe.reach is Reach.EXTENSION and scheme not in _WITH_A_FIXED_ID:
        words = f"no origin with {scheme}, because each installation or panel has another id: check a token instead"
        return sign._replace(fix=Fix(words=words))
    own = "your-extension-id" if probe.reach is Reach.EXTENSION else "your-own-host-name"
    return sign._replace(fix=Fix(policy={"allow_origins": [f"{scheme}://{own}"]}))


def shared_inside(answer: Answer) -> Sign | None:
    """
    Detect that an origin may read a resource that only the network protects.
    """
    if not answer.is_open_to_all:
        return None
    return Sign((answer,), "{} may read a resource inside an internal network.", (answer.fetch.origin or "",))


# The headers of a response.


def star_with_credentials(answer: Answer) -> Sign | None:
    credentials = answer.get(ALLOW_CREDENTIALS)
    if _allowed(answer) != "any" or credentials is None:
        return None
    severity = Severity.INFO if credentials.lower() == "false" else None
    return Sign((answer,), f"{ALLOW_CREDENTIALS}: {{}} next to *.", (credentials,), severity)


def bad_credentials(answer: Answer) -> Sign | None:
    credentials = answer.get(ALLOW_CREDENTIALS)
    if _allowed(answer) != "one" or credentials is None or credentials == "true":
        return None
    # Many write "false" if they do not want credentials.
    severity = Severity.INFO if credentials.lower() == "false" else None
    return Sign((answer,), f"{ALLOW_CREDENTIALS}: {{}}.", (credentials,), severity)


def credentials_alone(answer: Answer) -> Sign | None:
    credentials = answer.get(ALLOW_CREDENTIALS)
    if _allowed(answer) != "none" or credentials is None:
        return None
    return Sign((answer,), f"{ALLOW_CREDENTIALS}: {{}} without {ALLOW_ORIGIN}.", (credentials,))


def several_origins(answer: Answer, reader: Answer | None = None) -> Sign | None:
    """
    Detect several values. If *reader*, the answer to another page, can be read, only others are concerned.
    """
    if _allowed(answer) != "several":
        return None
    count = len(answer.all(ALLOW_ORIGIN))
    where = "one line" if count == 1 else f"{count} lines"
    return _unreadable(answer, f"{ALLOW_ORIGIN}: {{}}, in {where}.", reader)


def no_origin(answer: Answer, reader: Answer | None = None) -> Sign | None:
    """
    Detect a value that is not an origin. If *reader*, the answer to another page, can be read, only others are
    concerned.
    """
    if _allowed(answer) != "invalid":
        return None
    value = answer.get(ALLOW_ORIGIN) or ""
    is_empty = not value.strip()
    what = "is empty" if is_empty else "{} is not an origin"
    if not value.isascii():
        what += ", because browsers send a name in its ASCII form (xn--...)"
    return _unreadable(answer, f"{ALLOW_ORIGIN}{' ' if is_empty else ': '}{what}.", reader)


def _unreadable(answer: Answer, detail: str, reader: Answer | None) -> Sign:
    """
    Return the sign of an Allow-Origin with which no page may read *answer*.
    """
    value = () if "{}" not in detail else (answer.get(ALLOW_ORIGIN) or "",)
    if reader is None or not _is_read(reader):
        return Sign((answer,), detail, value)
    detail += " Only what others get has this value: {} may read."
    return Sign((answer,), detail, (*value, reader.fetch.origin or ""), Severity.INFO)


def exposed(answer: Answer) -> Sign | None:
    if answer.get(ALLOW_ORIGIN) is None or not _is_read(answer):
        return None
    names = [name.strip() for name in (answer.get(EXPOSE_HEADERS) or "").split(",")]
    if "*" in names and answer.shares(with_credentials=False):
        names += [name for name, _ in answer.lines if not name.lower().startswith(OWNED_PREFIX)]
    sensitive = [name for name in dict.fromkeys(names) if _is_sensitive(name.lower(), answer.get(name) or "")]
    if sensitive:
        return Sign((answer,), "The response exposes {}.", (", ".join(sensitive),))
    if "*" in names and answer.is_read_with_credentials:
        return Sign((answer,), "* exposes nothing if credentials are sent.", severity=Severity.INFO)
    return None


def _is_sensitive(name: str, value: str) -> bool:
    if name in SAFELISTED_RESPONSE_HEADERS | FORBIDDEN_RESPONSE_HEADERS:
        return False
    by_name = _SENSITIVE.fullmatch(name) and not _NOT_SENSITIVE.fullmatch(name)
    return bool(by_name) or _SECRET_VALUE.search(value[:LONGEST_READ]) is not None


def cookie_for_all_sites(answer: Answer) -> Sign | None:
    if answer.get(ALLOW_ORIGIN) is None or not answer.is_read_with_credentials:
        return None
    for cookie in answer.all("Set-Cookie"):
        attributes = [part.strip().lower() for part in cookie.split(";")[1:]]
        if "samesite=none" in attributes:
            return Sign((answer,), "The cookie {} is SameSite=None.", (cookie.partition("=")[0],))
    return None


# The answers to preflights.


def any_header(preflight: Answer) -> Sign | None:
    """
    Detect that a header is allowed that nobody uses.
    """
    name = preflight.fetch.names[-1]
    if not preflight.lists(ALLOW_HEADERS, name) or not preflight.shares(with_credentials=False):
        return None
    return Sign((preflight,), f"The invented header {name} is allowed.")


def any_method(preflight: Answer) -> Sign | None:
    """
    Detect that a method is allowed that nobody uses.
    """
    method = preflight.fetch.method
    if not preflight.lists(ALLOW_METHODS, method) or not preflight.shares(with_credentials=False):
        return None
    return Sign((preflight,), f"The invented method {method} is allowed.")


def granted_and_refused(preflight: Answer, answer: Answer, most: Severity = Severity.MEDIUM) -> Sign | None:
    """
    Detect that the preflight allows a page that may not read the response. The severity is at *most* this one.
    """
    # A request that gets an error is not carried out, and a response that nobody can read is another fault.
    is_done = answer.is_told and answer.status < 400 and answer.status not in REDIRECTS
    # A cache says nothing about the server, and the request has no effects.
    is_done = is_done and not is_from_cache(answer)
    if not is_done or _is_read(answer) or _allowed(answer) in {"several", "invalid"} or not _is_granted(preflight):
        return None
    with_credentials = preflight.grants_origin(with_credentials=True)
    allowed = answer.get(ALLOW_ORIGIN)
    # Without credentials, any program can send the same request.
    severity = min(most, Severity.MEDIUM if with_credentials else Severity.LOW)
    return Sign(
        (preflight, answer),
        f"The preflight of {{}} is allowed, {'with' if with_credentials else 'without'} credentials. "
        f"The response to the same page has {f'no {ALLOW_ORIGIN}' if allowed is None else f'{ALLOW_ORIGIN}: {{}}'}.",
        (preflight.fetch.origin or "", *(() if allowed is None else (allowed,))),
        severity,
    )


def credentials_disputed(preflight: Answer, answer: Answer, strangers: Collection[str]) -> Sign | None:
    """
    Detect that only one of the preflight and the response to the same page allows credentials.
    """
    origin = preflight.fetch.origin or ""
    if not answer.is_told or answer.status >= 400 or not answer.shares(with_credentials=False):
        return None
    is_promised, is_kept = preflight.grants_origin(with_credentials=True), answer.is_read_with_credentials
    if is_promised and not is_kept:
        severity = Severity.MEDIUM if origin in strangers else Severity.LOW
        detail = "The preflight of {} allows credentials, but the response does not: cookies are sent."
        return Sign((preflight, answer), detail, (origin,), severity)
    if is_kept and not is_promised and _is_granted(preflight):
        detail = "The response to {} allows credentials, but the preflight does not: no cookies are sent."
        return Sign((preflight, answer), detail, (origin,), Severity.LOW)
    return None


def bad_status(preflight: Answer, answer: Answer) -> Sign | None:
    """
    Check the status of the simplest preflight; *answer* is the response to the same page.
    """
    if not _is_read(answer) or not preflight.has_bad_status:
        return None
    location = preflight.get("Location")
    where, values = ("", ()) if location is None else (", to {}", (location,))
    return Sign((preflight,), f"The preflight was answered with {preflight.status}{where}.", values)


def kept_too_long(preflight: Answer) -> Sign | None:
    seconds = seconds_of(preflight.lines, MAX_AGE) or 0
    if seconds <= CHROMIUM_MAX_AGE:
        return None
    severity = None if seconds > FIREFOX_MAX_AGE else Severity.INFO
    return Sign((preflight,), f"{MAX_AGE}: {seconds}.", severity=severity)


def private_network(preflight: Answer, strangers: Collection[str]) -> Sign | None:
    if preflight.get(_ALLOW_PRIVATE_NETWORK) != "true":
        return None
    origin = preflight.fetch.origin or ""
    if origin in strangers and preflight.grants_origin(with_credentials=False):
        return Sign((preflight,), f"{_ALLOW_PRIVATE_NETWORK}: true, for any origin.")
    return Sign((preflight,), f"{_ALLOW_PRIVATE_NETWORK}: true, for {{}}.", (origin,), Severity.INFO)


def star_is_a_name(preflight: Answer) -> Sign | None:
    """
    Detect * where it does not stand for everything: with credentials it is only a name, and it never covers
    Authorization.
    """
    starred = [name for name in _COVERING if preflight.lists(name, "*")]
    if not starred or any_header(preflight):
        return None
    seen, values = " ".join(f"{name}: {{}}." for name in starred), tuple(preflight.get(name) or "" for name in starred)
    if preflight.grants_origin(with_credentials=True):
        detail = f"{seen} If a page sends credentials, * is only a name, and covers nothing."
        fix = Fix(
            send=tuple(f"{name}: {', '.join(_COVERING[name][1])}" for name in starred),
            policy={_COVERING[name][0]: [*_COVERING[name][1]] for name in starred},
        )
        return Sign((preflight,), detail, values, Severity.LOW, fix=fix)
    if ALLOW_HEADERS not in starred or preflight.lists(ALLOW_HEADERS, "Authorization"):
        return None
    detail = f"{ALLOW_HEADERS}: {{}}. It does not cover Authorization."
    return Sign((preflight,), detail, (preflight.get(ALLOW_HEADERS) or "",))


def executed(preflight: Answer, answer: Answer) -> Sign | None:
    body = preflight.response.body
    if len(body.strip()) > 2 and body == answer.response.body and 200 <= preflight.status <= 299:
        # A server that lists nothing does not know preflights, and grants nothing that it would not do anyway.
        is_meant = preflight.get(ALLOW_METHODS) is not None or preflight.get(ALLOW_HEADERS) is not None
        severity = None if is_meant and preflight.grants_origin(with_credentials=False) else Severity.INFO
        return Sign((preflight,), "The preflight's answer has the same body as the response to GET.", severity=severity)
    return None


def unshared_error(answer: Answer, preflight: Answer | None = None) -> Sign | None:
    """
    Detect an error response that a page may not read; *preflight* is the one before it, if there was one.
    """
    if not answer.is_told or answer.status < 400 or answer.get(ALLOW_ORIGIN) is not None or answer.lets_in:
        return None
    if preflight is not None and not _is_mismatch(preflight, answer):
        return None
    return Sign((answer,), f"The response with status {answer.status} has no {ALLOW_ORIGIN}.")


# Caches.


def no_vary(allowed: Answer, others: Iterable[Answer], *, is_partial: bool = False) -> Sign | None:
    """
    Detect that a cache may give the response for an *allowed* origin to *others*, which get another one from the same
    URL. *is_partial* is True if other responses of the server vary.
    """
    different = _different(allowed, others)
    if not different or not _lacks_vary(allowed) or is_partial:
        return None
    detail = f"{allowed.fetch.method} {{}} has no Vary: Origin."
    target = target_of(allowed.fetch.url)
    return Sign((allowed, different[0]), detail, (target,), _severity_in_cache(allowed))


def no_vary_for_others(allowed: Answer, others: Iterable[Answer], *, is_partial: bool = False) -> Sign | None:
    """
    Detect that a cache may give a response for *others* to an *allowed* origin. *is_partial* is True if other responses
    of the server vary.
    """
    target, is_lacking = target_of(allowed.fetch.url), _lacks_vary(allowed)
    if is_lacking and not is_partial:
        return None
    for other in _different(allowed, others):
        if is_lacking:
            detail = f"{allowed.fetch.method} {{}}, with status {allowed.status}, has no Vary: Origin. Others have it."
            return Sign((allowed, other), detail, (target,), _severity_in_cache(allowed))
        if not other.varies:
            who = "an origin that is refused"
            if other.fetch.origin is None or other.lets_in:
                who = "a request without Origin" if other.fetch.origin is None else "another origin"
            detail = f"{allowed.fetch.method} {{}} has no Vary: Origin in the response to {who}."
            return Sign((other, allowed), detail, (target,), _severity_in_cache(allowed))
    return None


def poisoned(served: Answer, primed: Answer | None, expected: Answer) -> Sign | None:
    """
    Detect that the *served* answer is the one that the request before it *primed* the cache with, and not the
    *expected* one. Without *primed*, the cache itself says that it had stored the answer.
    """
    allowed = served.get(ALLOW_ORIGIN)
    is_stored = is_from_cache(served) if primed is None else allowed == primed.get(ALLOW_ORIGIN)
    is_wrong = is_stored and allowed != expected.get(ALLOW_ORIGIN)
    if not is_wrong or not all(answer.is_told for answer in (primed or served, served, expected)):
        return None
    fix = (
        Fix(words="a copy for each Origin in the cache, which ignores Vary: Origin; then empty the cache")
        if served.varies
        else None
    )
    if primed is None:
        detail, origin = "{} got a stored response that does not allow it. A new response does.", served.fetch.origin
        return Sign((served, expected), detail, (origin or "",), confidence="medium", fix=fix)
    if primed.fetch.origin is None:
        return Sign((served,), "The response to a request without Origin was given to the next one.", fix=fix)
    return Sign((served,), "The response to {} was given to the next one.", (primed.fetch.origin,), fix=fix)


def cached_preflight(
    preflight: Answer, answer: Answer | None = None, earlier: Answer | None = None, new: Answer | None = None
) -> Sign | None:
    """
    Detect that a cache answers preflights for the wrong origin, method or header. *answer* is the response to the same
    page, *earlier* the answer to another page that is not trusted either, and *new* the one to the same preflight past
    all caches.
    """
    allowed = preflight.get(ALLOW_ORIGIN)
    if new is not None and _is_for_another_question(preflight, new):
        detail = "The answer to the preflight of {} comes from a cache, and is the one for another method or header."
        return Sign((preflight, new), detail, (preflight.fetch.origin or "",))
    # An answer that is the same for everybody needs no Vary.
    if not is_from_cache(preflight) or allowed == "*":
        return None
    if not preflight.varies:
        return Sign((preflight,), "The preflight's answer comes from a cache, and has no Vary: Origin.")
    # Some caches do not obey Vary.
    is_read = answer is not None and _is_read(answer)
    is_different = earlier is not None and earlier.is_told and earlier.get(ALLOW_ORIGIN) != allowed
    if allowed == preflight.fetch.origin or not (is_read or is_different):
        return None
    detail = "The answer to the preflight of {} comes from a cache, and is the one for another page."
    return Sign((preflight,), detail, (preflight.fetch.origin or "",))


def _is_for_another_question(stored: Answer, new: Answer) -> bool:
    is_same = (
        not is_from_cache(new) and new.status == stored.status and new.get(ALLOW_ORIGIN) == stored.get(ALLOW_ORIGIN)
    )
    return is_from_cache(stored) and is_same and any(_items(stored, name) != _items(new, name) for name in _COVERING)


def _items(answer: Answer, name: str) -> set[str]:
    return {item.strip().lower() for item in (answer.get(name) or "").split(",")}


def is_from_cache(answer: Answer) -> bool:
    """
    Return whether a cache on the way says that the answer is a stored one.
    """
    # An age of 0 may be the one of a new response.
    is_old = bool((answer.get("Age") or "").strip(" 0"))
    return is_old or any("hit" in (answer.get(name) or "").lower() for name in _OF_CACHES)


def chosen_vary(answer: Answer) -> Sign | None:
    """
    Detect that the `Vary` of the request came back.
    """
    name = dict(answer.fetch.more)["Vary"]
    return Sign((answer,), f"Vary: {name} came back.") if answer.lists("Vary", name) else None


def header_in_cache(answer: Answer, mark: str) -> Sign | None:
    """
    Detect that *mark*, from the additional request header, is in a body that a cache may store.
    """
    (header, value), *_ = answer.fetch.more
    # With Vary for this header, a cache gives the body only to requests with the same header.
    is_kept_apart = answer.lists("Vary", header) or answer.lists("Vary", "*")
    if mark.encode() not in answer.response.body or not _is_cacheable(answer) or is_kept_apart:
        return None
    return Sign((answer,), f"{header}: {value} is in the body.")


# What the server does with its input.


def ended_line(answer: Answer, what: str, header: str, sent_back: Iterable[str]) -> Sign | None:
    """
    Detect that *header*, which was sent after a line end in Origin, is one of the response headers *sent_back*.
    """
    if header not in sent_back:
        return None
    return Sign((answer,), f"{what} in Origin ended a header line of the response, and {header}: 1 became a header.")


def failed(answer: Answer, again: Answer, control: Answer) -> Sign | None:
    """
    Detect that an origin makes the server fail, twice, but that a *control* request does not.
    """
    if answer.status < 500 or again.status < 500 or control.status >= 500:
        return None
    origin = answer.fetch.origin or ""
    is_sent = origin == NULL or Origin.parse(origin) is not None
    return Sign(
        (answer,),
        f"Origin: {{}} was answered with {answer.status}.",
        (origin[:_SHOWN_OF_AN_ORIGIN],),
        browsers=EVERY_BROWSER if is_sent else None,
    )


def slow(long: Answer, again: Answer, short: Answer) -> Sign | None:
    """
    Detect that a long list took far more time than a *short* one, twice, because anything may be slow once.
    """
    if not is_slow(long, short) or not is_slow(again, short):
        return None
    seconds = min(long.seconds, again.seconds)
    detail = f"4096 commas took {seconds:.2f} s, one name {short.seconds:.2f} s."
    return Sign((long,), detail, confidence="low")


def is_slow(long: Answer, short: Answer) -> bool:
    return long.came and long.seconds > max(_SLOW_AT_LEAST, _SLOW * short.seconds)


# What CORS does not cover.


def carried_out(form: Answer, text: Answer) -> Sign | None:
    """
    Detect that the server executed a *form* and a JSON *text* from a page of another site.
    """
    posted = {"the form": form, "the JSON text": text}
    ran = {what: answer for what, answer in posted.items() if 200 <= answer.status <= 299}
    # A redirect follows an accepted form, but also a missing login.
    moved = {
        what: answer
        for what, answer in posted.items()
        if answer.status in {302, 303} and not is_login(answer.get("Location") or "", answer.fetch.url)
    }
    if not ran and not moved:
        return None
    said = [f"{what} got {answer.status}" for what, answer in posted.items()]
    detail = f"The POST requests of a foreign page were answered: {' and '.join(said)}."
    severity = Severity.INFO
    if any(name.lower() == "cookie" for name, _ in form.request.headers):
        severity = Severity.MEDIUM
        # Only Chromium reads a cookie without SameSite as Lax, and only after two minutes.
        detail += (
            " Whether a browser sends the given cookie with a form depends on its SameSite: with None all do, without "
            "SameSite Firefox and Safari do, and Chromium within two minutes after it was set, with Lax or Strict none "
            "does. With the JSON text, browsers that block cookies of third parties send none."
        )
    return Sign((*ran.values(), *moved.values()), detail, severity=severity, confidence="high" if ran else "low")


def opened_socket(answer: Answer, probe: Probe, *, is_internal: bool = False) -> Sign | None:
    """
    Detect that the origin of *probe* opens a WebSocket.
    """
    sign = let_in(answer, probe, is_internal=is_internal)
    if sign is None or sign.severity is None:
        return None
    # SameSite cookies are not sent, and from outside nobody can see whether the server checks cookies.
    return sign._replace(severity=min(sign.severity, Severity.HIGH))


def any_host(answer: Answer, base: Answer) -> Sign | None:
    """
    Detect that the answer to another `Host` is the same as that to the right one, *base*.
    """
    host = dict(answer.fetch.more)["Host"]
    if not 200 <= answer.status <= 299 or answer.status != base.status:
        return None
    return Sign((answer,), f"Host: {host} was answered with {answer.status}.")


def script(answer: Answer, called: Mapping[str, str]) -> Sign | None:
    """
    Detect that the response calls the function that a parameter names; *called* has the value of each parameter.
    """
    kind = (answer.get("Content-Type") or "no type").lower()
    # HTML, "fetch a classic script": a response with another status is not run.
    if not 200 <= answer.status <= 299 or ("script" not in kind and sniffed(answer) is None):
        return None
    body = _BEFORE_CALL.sub(b"", answer.response.body[:LONGEST_READ], count=1)
    for name, callback in called.items():
        if re.match(_GLOBAL + re.escape(callback.encode()) + rb"(?:['\"]\])?\s*\(", body):
            return Sign((answer,), f"?{name}={callback} is called in a response of type {{}}.", (kind,))
    return None


def without_comments(body: bytes) -> bytes:
    """
    Return *body*, XML or HTML, without its comments. One that does not end hides the rest.
    """
    first, *others = body.split(b"<!--")
    return first + b"".join(other.partition(b"-->")[2] for other in others)


def open_to_plugins(answer: Answer) -> Sign | None:
    if not 200 <= answer.status <= 299 or not _OPEN_TO_PLUGINS.search(without_comments(answer.response.body)):
        return None
    return Sign((answer,), 'The file has <allow-access-from domain="*">.')


# Headers next to CORS.


def resource_policy(answer: Answer, trusted: Answer | None = None) -> Sign | None:
    """
    Compare which sites may embed the response with which may read it; *answer* is the response to a stranger.
    """
    policies = answer.all(_RESOURCE_POLICY)
    with_credentials = any(one is not None and one.is_read_with_credentials for one in (answer, trusted))
    is_public = not with_credentials and answer.is_open_to_all
    fix = Fix(send=(f"{_RESOURCE_POLICY}: {'cross-origin' if is_public else 'same-origin'}",))
    if not policies:
        return Sign((answer,), "It is absent.", severity=Severity.INFO, fix=fix)
    (policy, *more) = policies
    if more or policy not in _RESOURCE_POLICIES:
        detail = "{} is not one of same-origin, same-site, cross-origin."
        return Sign((answer,), detail, (", ".join(policies),), Severity.LOW, fix=fix)
    if is_public and policy != "cross-origin":
        detail = f"Every page may read the response with fetch, but {policy} forbids other sites to embed it."
        return Sign((answer,), detail, severity=Severity.INFO, fix=fix)
    if with_credentials and policy == "cross-origin":
        detail = "The response is shared with credentials, and every site may embed it, which reading does not need."
        return Sign((answer,), detail, severity=Severity.INFO, fix=fix)
    return None


def no_opener_policy(answer: Answer) -> Sign | None:
    is_document = (answer.get("Content-Type") or "").lower().startswith("text/html")
    return Sign((answer,)) if is_document and answer.get("Cross-Origin-Opener-Policy") is None else None


def shared_timing(answer: Answer) -> Sign | None:
    value = answer.get(_TIMING_ALLOW_ORIGIN) or ""
    if not {part.strip() for part in value.split(",")} & {"*", answer.fetch.origin}:
        return None
    # A page that may read the response learns nothing new from its timing.
    severity = Severity.INFO if answer.shares(with_credentials=False) else Severity.LOW
    return Sign((answer,), f"{_TIMING_ALLOW_ORIGIN}: {{}}.", (value,), severity)


def sniffed(answer: Answer) -> Sign | None:
    return Sign((answer,)) if (answer.get("X-Content-Type-Options") or "").lower() != "nosniff" else None


def _allowed(answer: Answer) -> Literal["none", "several", "any", "one", "invalid"]:
    """
    Return what `Access-Control-Allow-Origin` holds.
    """
    allowed = answer.get(ALLOW_ORIGIN)
    if allowed is None:
        return "none"
    if len(answer.all(ALLOW_ORIGIN)) > 1 or "," in allowed or " " in allowed.strip():
        return "several"
    if allowed == "*":
        return "any"
    is_one = allowed in {NULL, answer.fetch.origin} or Origin.parse(allowed) is not None
    return "one" if is_one else "invalid"


def _is_read(answer: Answer) -> bool:
    return answer.shares(with_credentials=False) or answer.is_read_with_credentials


def _is_granted(preflight: Answer) -> bool:
    """
    Whether the preflight allows the origin by name, or something that needs a preflight for every origin.
    """
    if preflight.get(ALLOW_ORIGIN) != "*":
        return preflight.grants_origin(with_credentials=False)
    methods = [name.strip() for name in (preflight.get(ALLOW_METHODS) or "").split(",") if name.strip()]
    lists_more = bool(preflight.get(ALLOW_HEADERS)) or not all(map(is_safelisted_method, methods))
    return lists_more and preflight.grants_origin(with_credentials=False)


def _is_mismatch(preflight: Answer, answer: Answer) -> bool:
    """
    Whether the preflight allows the origin by name, and the response to the same origin has no Allow-Origin.
    """
    if not answer.is_told or preflight.get(ALLOW_ORIGIN) == "*" or not _is_granted(preflight):
        return False
    return answer.get(ALLOW_ORIGIN) is None and answer.status not in REDIRECTS


def _different(allowed: Answer, others: Iterable[Answer]) -> list[Answer]:
    if not allowed.is_told:
        return []
    # The error of a server or a gateway says nothing about other responses.
    told = [other for other in others if other.is_told and (other.status < 500 or other.status == allowed.status)]
    return [other for other in told if other.get(ALLOW_ORIGIN) != allowed.get(ALLOW_ORIGIN)]


def _lacks_vary(allowed: Answer) -> bool:
    return allowed.get(ALLOW_ORIGIN) is not None and not allowed.varies


def _severity_in_cache(answer: Answer) -> Severity:
    return Severity.MEDIUM if _is_cacheable(answer) else Severity.LOW


def _is_cacheable(answer: Answer) -> bool:
    """
    Whether a shared cache is likely to store the response (RFC 9111, 3 and 4.2.2).
    """
    if answer.get("Set-Cookie") is not None:
        return False
    # RFC 9213, 2.2: a cache that a field names obeys it in place of Cache-Control, and all others obey Cache-Control.
    targeted = [value for name, value in answer.lines if name.lower().endswith(OF_SHARED_CACHES)]
    if any(_STORED.search(value) and not _NOT_STORED.search(value) for value in targeted):
        return True
    control = answer.get("Cache-Control") or ""
    signs = ("Age", "X-Cache", "CF-Cache-Status", "Expires", "Last-Modified")
    is_likely = bool(_STORED.search(control)) or any(answer.get(sign) is not None for sign in signs)
    return is_likely and not _NOT_STORED.search(control)
