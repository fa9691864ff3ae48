"""
A browser's cookies (RFC 6265bis): what a response may store, what a request carries, and why not.

Every cookie that is refused or not sent gets a reason in words, for the page's console. If a fetch succeeds and the
user is still not logged in, this is most often the cause, and CORS is not. The jar knows only requests for
subresources. The caller says whether they are same-site, and decides about credentials.
"""

import itertools
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Final, Literal, NamedTuple

from ada_url import URL, check_url

from corsguard.suffixes import registrable_domain

from .console import Note
from .urls import is_trustworthy, site_of

# RFC 6265bis, 5.6 and 5.7: name and value together, one attribute's value, and how long a cookie may last.
_MOST_OCTETS: Final = 4096
_MOST_ATTRIBUTE_OCTETS: Final = 1024
_MOST_SECONDS: Final = 400 * 24 * 60 * 60
# Chromium keeps this many cookies for one site; RFC 6265bis asks for at least 50.
_MOST_OF_ONE_SITE: Final = 180
_LONGEST_QUOTE: Final = 80

# Control characters other than the tab, and characters that are not octets.
_NOT_IN_A_COOKIE: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_SECONDS: Final = re.compile(r"-?[0-9]+")

# RFC 6265bis, 5.1.1: the grammar of cookie-date.
_DATE_DELIMITERS: Final = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE_PARTS: Final = {
    "time": re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])"),
    "day": re.compile(r"([0-9]{1,2})(?![0-9])"),
    "month": re.compile(rf"({'|'.join(_MONTHS)})", re.IGNORECASE | re.ASCII),
    "year": re.compile(r"([0-9]{2,4})(?![0-9])"),
}

# RFC 6265bis, 5.6, and CHIPS.
ATTRIBUTES: Final = frozenset("domain expires httponly max-age partitioned path samesite secure".split())
_SAME_SITE: Final[dict[str, Literal["Strict", "Lax", "None"]]] = {"strict": "Strict", "lax": "Lax", "none": "None"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """
    One stored cookie; `str()` is the `Set-Cookie` value that would store it again.

    *host_only* is True if `Domain` was not given; *same_site* is None if `SameSite` was not given or is unknown, which
    means Lax. *expires* is in seconds since the epoch, None for a session cookie; *partition* is the top-level site of
    a `Partitioned` cookie. *order* counts up in the order of creation.
    """

    name: str
    value: str
    domain: str
    host_only: bool
    path: str
    secure: bool
    http_only: bool
    same_site: Literal["Strict", "Lax", "None"] | None
    expires: float | None
    partition: str | None
    order: int

    @property
    def pair(self) -> str:
        """
        The cookie as it is in `Cookie` (RFC 6265bis, 5.8.3).
        """
        return f"{self.name}={self.value}" if self.name else self.value

    def __str__(self) -> str:
        attributes = (
            (not self.host_only, f"Domain={self.domain}"),
            (True, f"Path={self.path}"),
            (self.expires is not None, f"Expires={formatdate(self.expires, usegmt=True)}"),
            (self.secure, "Secure"),
            (self.http_only, "HttpOnly"),
            (self.same_site, f"SameSite={self.same_site}"),
            (self.partition, "Partitioned"),
        )
        return "; ".join((self.pair, *(text for given, text in attributes if given)))


class CookieJar:
    """
    The cookies of one browser, empty at first; iterating shows what it holds, in the order of creation.

    *clock* returns seconds since the epoch. *third_party* False blocks third-party cookies, as Safari always does, and
    Firefox and Chromium if set so: in cross-site requests, only `Partitioned` cookies are kept and sent. It may be
    changed at any time.

    In all methods *url* is an absolute http or https URL, *same_site* says whether the request is same-site (RFC
    6265bis, 5.2), and *top_level_site* is the site of the page in the address bar, `https://example.com`.
    """

    def __init__(self, clock: Callable[[], float] = time.time, *, third_party: bool = True) -> None:
        self.third_party = third_party
        self._clock = clock
        self._count = itertools.count()
        # The cookies that were sent or stored last are at the end.
        self._cookies: dict[_Key, Cookie] = {}

    def __iter__(self) -> Iterator[Cookie]:
        now = self._clock()
        kept = [cookie for cookie in self._cookies.values() if not _is_expired(cookie, now)]
        return iter(sorted(kept, key=lambda cookie: cookie.order))

    def set(self, url: str, line: str, *, top_level: str | None = None) -> None:
        """
        Store a cookie as if a page at *url* had been visited and its response had the `Set-Cookie` value *line*.

        For a log-in beforehand: `browser.cookies.set("https://api.example.com", "session=1; SameSite=None; Secure")`.
        *top_level* is the URL in the address bar (default: *url*); it matters for `Partitioned` cookies. Raises
        ValueError if *url* or *top_level* is not a URL, or with the reason if a browser would refuse the cookie.
        """
        page = url if top_level is None else top_level
        for text in (url, page):
            if not check_url(text) or URL(text).protocol not in {"http:", "https:"}:
                raise ValueError(f'{text!r} is not an absolute http or https URL, such as "https://api.example.com".')
        # HTML, "cookie": what a script sets is encoded as UTF-8.
        isomorphic = line.encode("utf-8", "replace").decode("latin-1")
        for reason in self.receive(url, [isomorphic], same_site=True, top_level_site=site_of(URL(page).origin)):
            raise ValueError(reason)

    def clear(self) -> None:
        """
        Forget all cookies.
        """
        self._cookies.clear()

    def receive(self, url: str, lines: Iterable[str], *, same_site: bool, top_level_site: str) -> list[Note]:
        """
        Store the cookies of a response from *url* and return why some were refused, in words.

        *lines* are the values of its `Set-Cookie` lines, isomorphic strings (RFC 6265bis, 5.6 and 5.7).
        """
        reasons: list[Note] = []
        for line in lines:
            given = _parse(line)
            try:
                _check_octets(line, given)
                self._store(given, URL(url), same_site=same_site, top_level_site=top_level_site)
            except _Refused as refused:
                reasons.append(Note("cookie", f"{_named(given.name)} was refused: {refused.what}", refused.change))
        return reasons

    def cookies_for(self, url: str, *, same_site: bool, top_level_site: str) -> tuple[str | None, list[Note]]:
        """
        Return the value of `Cookie` for a request to *url*, None if there is none, and in words why cookies of that
        host are not sent (RFC 6265bis, 5.8.3).
        """
        target, now = URL(url), self._clock()
        sent: list[Cookie] = []
        reasons: list[Note] = []
        for cookie in sorted(self._cookies.values(), key=lambda cookie: (-len(cookie.path), cookie.order)):
            if target.hostname != cookie.domain and (cookie.host_only or not _matches(target.hostname, cookie.domain)):
                continue
            reason = self._why_not_sent(cookie, target, same_site=same_site, site=top_level_site, now=now)
            if reason is None:
                sent.append(cookie)
                self._cookies[_key(cookie)] = self._cookies.pop(_key(cookie))
            else:
                what, change = reason
                reasons.append(Note("cookie", f"{_named(cookie.name)} was not sent: {what}", change))
        self._forget_expired(now)
        return "; ".join(cookie.pair for cookie in sent) or None, reasons

    def _why_not_sent(
        self, cookie: Cookie, url: URL, *, same_site: bool, site: str, now: float
    ) -> tuple[str, str] | None:
        if _is_expired(cookie, now):
            return "it has expired", "log in again, or set it with a longer Max-Age"
        if not _path_matches(url.pathname, cookie.path):
            path = _quoted(url.pathname)
            return f"its Path is {_quoted(cookie.path)}, but the request goes to {path}", "set it with Path=/"
        if cookie.secure and not is_trustworthy(url.origin):
            return f"it is Secure, but the request goes to {url.origin}", "use https"
        if not same_site and cookie.same_site != "None":
            return self._not_across_sites(cookie.same_site)
        if cookie.partition is not None and cookie.partition != site:
            return (
                f"it is Partitioned and belongs to pages under {cookie.partition}, not {site}"
            ), "set it on this page too"
        if not same_site and not self.third_party and cookie.partition is None:
            return "third-party cookies are blocked", f"set it with {self._across_sites}"
        return None

    @property
    def _across_sites(self) -> str:
        return "SameSite=None; Secure" if self.third_party else "SameSite=None; Secure; Partitioned"

    def _not_across_sites(self, same_site: str | None) -> tuple[str, str]:
        what = "has no valid SameSite, which means Lax," if same_site is None else f"is SameSite={same_site}"
        return f"it {what} and the request is cross-site", f"set it with {self._across_sites}"

    def _store(self, given: "_Given", url: URL, *, same_site: bool, top_level_site: str) -> None:
        """
        RFC 6265bis, 5.7: its steps in its order. Raises _Refused.
        """
        now, attributes = self._clock(), given.attributes
        domain, path = _domain_of(given, url.hostname), attributes.get("path", "")
        cookie = Cookie(
            name=given.name,
            value=given.value,
            domain=domain or url.hostname,
            host_only=not domain,
            path=path if path.startswith("/") else _default_path(url.pathname),
            secure="secure" in attributes,
            http_only="httponly" in attributes,
            same_site=_SAME_SITE.get(attributes.get("samesite", "").lower()),
            expires=_expiry(attributes, now),
            partition=top_level_site if "partitioned" in attributes else None,
            order=next(self._count),
        )
        if not is_trustworthy(url.origin):
            if cookie.secure:
                raise _Refused("it is Secure, but came over plain http", "serve it over https")
            if any(_overlays(cookie, old, now) for old in self._cookies.values()):
                raise _Refused(
                    "it came over plain http and would hide a Secure cookie of the same name", "serve it over https"
                )
        if not same_site and cookie.same_site != "None":
            raise _Refused(*self._not_across_sites(cookie.same_site))
        if cookie.same_site == "None" and not cookie.secure:
            raise _Refused("it is SameSite=None without Secure", "add Secure")
        _check_prefix(cookie, path_given="path" in attributes)
        if cookie.partition is not None and not cookie.secure:
            raise _Refused("it is Partitioned without Secure", "add Secure")
        if not same_site and not self.third_party and cookie.partition is None:
            raise _Refused("third-party cookies are blocked", f"set it with {self._across_sites}")
        old = self._cookies.pop(_key(cookie), None)
        self._cookies[_key(cookie)] = cookie if old is None else replace(cookie, order=old.order)
        self._forget_expired(now)
        self._forget_excess(registrable_domain(cookie.domain))

    def _forget_expired(self, now: float) -> None:
        for key in [key for key, cookie in self._cookies.items() if _is_expired(cookie, now)]:
            del self._cookies[key]

    def _forget_excess(self, domain: str) -> None:
        if len(self._cookies) > _MOST_OF_ONE_SITE:
            keys = [key for key, cookie in self._cookies.items() if registrable_domain(cookie.domain) == domain]
            # Sorting is stable: cookies that are not Secure are removed first, and among these the one used longest
            # ago.
            keys.sort(key=lambda key: self._cookies[key].secure)
            for key in keys[: max(0, len(keys) - _MOST_OF_ONE_SITE)]:
                del self._cookies[key]


class _Refused(Exception):
    """
    Why a cookie is not stored, and what to change. It never leaves this module.
    """

    def __init__(self, what: str, change: str) -> None:
        super().__init__(what, change)
        self.what = what
        self.change = change


class _Key(NamedTuple):
    """
    What makes two cookies the same one.
    """

    name: str
    domain: str
    host_only: bool
    path: str
    partition: str | None


class _Given(NamedTuple):
    """
    What a `Set-Cookie` line says; *attributes* have their names in lower case.
    """

    name: str
    value: str
    attributes: Mapping[str, str]


def _parse(line: str) -> _Given:
    """
    RFC 6265bis, 5.6. Of an attribute given twice, the last valid one counts.
    """
    pair, *rest = line.split(";")
    name, equals, value = pair.partition("=")
    if not equals:
        name, value = "", pair
    attributes: dict[str, str] = {}
    for item in rest:
        attribute, _, argument = (part.strip(" \t") for part in item.partition("="))
        if len(argument) <= _MOST_ATTRIBUTE_OCTETS and _is_valid(attribute.lower(), argument):
            attributes[attribute.lower()] = argument
    return _Given(name.strip(" \t"), value.strip(" \t"), attributes)


def _is_valid(attribute: str, value: str) -> bool:
    if attribute == "expires":
        return parse_date(value) is not None
    return attribute != "max-age" or _SECONDS.fullmatch(value) is not None


def _check_octets(line: str, given: _Given) -> None:
    """
    Raise _Refused if neither a script nor a server may set such a cookie (RFC 6265bis, 5.6 and 5.7).
    """
    if _NOT_IN_A_COOKIE.search(line):
        raise _Refused("it has a control character, or one that is not an octet", "encode the value")
    if not given.name and not given.value:
        raise _Refused("it has neither name nor value", "write name=value")
    octets = len(given.name) + len(given.value)
    if octets > _MOST_OCTETS:
        raise _Refused(
            f"its name and value have {octets} octets, and a browser keeps {_MOST_OCTETS}", "store less in it"
        )


def _domain_of(given: _Given, host: str) -> str:
    """
    Return the domain that a cookie from *host* is for; empty means this host only.
    """
    domain = given.attributes.get("domain", "").removeprefix(".").lower()
    if not domain.isascii():
        raise _Refused(f"its Domain is {_quoted(domain)}", "write it in ASCII, with xn--")
    if domain and domain != host and not _matches(host, domain):
        raise _Refused(f"its Domain is {_quoted(domain)}, which does not cover {_quoted(host)}", "leave Domain out")
    below = f"x.{domain.removesuffix('.')}"
    if registrable_domain(below) == below:
        # A public suffix: the names below it belong to different owners.
        if domain != host:
            raise _Refused(f"its Domain is {_quoted(domain)}, under which anyone can register", "leave Domain out")
        return ""
    return domain


def _check_prefix(cookie: Cookie, *, path_given: bool) -> None:
    """
    Raise _Refused if the cookie does not have the attributes that the prefix of its name promises (RFC 6265bis, 4.1.3).
    """
    name = cookie.name.lower()
    if not name and cookie.value.lower().startswith(("__secure-", "__host-")):
        raise _Refused("it has no name, and the server would read the start of its value as a prefix", "name it")
    if name.startswith("__secure-") and not cookie.secure:
        raise _Refused("its name begins with __Secure-", "add Secure")
    is_bound = cookie.secure and cookie.host_only and path_given and cookie.path == "/"
    if name.startswith("__host-") and not is_bound:
        raise _Refused("its name begins with __Host-", "set it with Path=/; Secure and without Domain")


def _overlays(new: Cookie, old: Cookie, now: float) -> bool:
    """
    RFC 6265bis, 5.7: "leave secure cookies alone".
    """
    return (
        old.secure
        and old.name == new.name
        and not _is_expired(old, now)
        and (old.domain == new.domain or _matches(old.domain, new.domain) or _matches(new.domain, old.domain))
        and _path_matches(new.path, old.path)
    )


def _expiry(attributes: Mapping[str, str], now: float) -> float | None:
    if "max-age" in attributes:
        return now + max(0, min(int(attributes["max-age"]), _MOST_SECONDS))
    expires = parse_date(attributes.get("expires", ""))
    return None if expires is None else min(expires, now + _MOST_SECONDS)


def _is_expired(cookie: Cookie, now: float) -> bool:
    return cookie.expires is not None and cookie.expires <= now


def _key(cookie: Cookie) -> _Key:
    return _Key(cookie.name, cookie.domain, cookie.host_only, cookie.path, cookie.partition)


def _matches(host: str, domain: str) -> bool:
    """
    RFC 6265bis, 5.1.3, for two that are not identical.
    """
    is_address = host.rpartition(".")[2].isdecimal()
    return bool(domain) and host.endswith(f".{domain}") and not is_address


def _path_matches(path: str, cookie_path: str) -> bool:
    """
    RFC 6265bis, 5.1.4.
    """
    return path == cookie_path or path.startswith(cookie_path.removesuffix("/") + "/")


def _default_path(path: str) -> str:
    """
    RFC 6265bis, 5.1.4: up to the last slash.
    """
    return path[: path.rfind("/")] or "/"


def _named(name: str) -> str:
    return f"Cookie {_quoted(name)}" if name else "A cookie without a name"


def _quoted(text: str) -> str:
    # ASCII, so that a string from the network cannot forge a line.
    return json.dumps(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "...")


def parse_date(text: str) -> float | None:
    """
    Return the seconds since the epoch that *text*, a cookie-date, means, or None if it is not a date.

    RFC 6265bis, 5.1.1: each word between delimiters is read as the first missing part of a date that it can be.
    """
    found: dict[str, list[int]] = {}
    for word in _DATE_DELIMITERS.split(text):
        for part, pattern in _DATE_PARTS.items():
            if part not in found and (match := pattern.match(word)):
                found[part] = [_number(digits) for digits in match.groups()]
                break
    if len(found) < len(_DATE_PARTS):
        return None
    (year,), (month,), (day,), (hour, minute, second) = (found[part] for part in ("year", "month", "day", "time"))
    year += 1900 if 70 <= year <= 99 else 2000 if year <= 69 else 0
    if year < 1601:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        # There is no such date, or no such time of day.
        return None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else _MONTHS.index(text.lower()) + 1
