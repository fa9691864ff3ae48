"""
What to change where an answer redirects: to a login, to https, for a slash, or elsewhere.
"""

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import unquote

from corsguard.fixes import Fix

from .connection_advice import change
from .evidence import (
    as_shown,
    headers_of,
    is_login,
    is_redirected_to_login,
    is_tainted,
    redirect_target,
    starts_login,
    url_of,
)
from .failures import Failure
from .headers import values_of
from .urls import Url, is_schemelessly_same_site, is_trustworthy

NO_LOGIN: Final = "401 Unauthorized, with the CORS headers and no Location"
GO_THERE: Final = "let the browser go there (location.assign(url), a link), and not fetch() or XMLHttpRequest"
# Fetch, "redirect-tainted origin".
TAINTED: Final = (
    "After a redirect from one foreign origin to another, the browser sends Origin: null, which no list should have."
)
_FOR_PEOPLE: Final = (
    "If it is a page for people (a login, or the notice of a firewall), let those who run it allow the request."
)
_LED_BACK: Final = (
    "The answer redirects to {}, with the requested URL in it: most likely a gateway of the network (a proxy, a "
    "firewall) or a login, and not the application. No script can use that page. Open the requested URL in a tab and "
    "sign in, or ask those who run the gateway to let {} through. If the application itself redirects so, let it "
    "answer 401 to scripts."
)


def why_redirected(failure: Failure) -> str:
    """
    Return where the answer redirects and why, and what the page or the server does instead.
    """
    target, source = redirect_target(failure), url_of(failure.url)
    if not isinstance(target, Url) or source is None:
        if any(map(is_login, values_of(headers_of(failure), "Location"))):
            return "The server redirects to what looks like a login page: answer 401 to scripts instead."
        return "The server redirects."
    to = as_shown(target.href)
    if is_redirected_to_login(failure) and not starts_login(source.href):
        return f"The server redirects to what looks like a login page, {to}: answer 401 to scripts instead."
    if target.href == source.href.replace("http://", "https://", 1):
        return f"The server redirects to https: let the page request {to}."
    if _without_slash(target.href) == _without_slash(source.href):
        return f"The server redirects for a slash at the end: let the page request {to}."
    if is_login(target.href):
        return f"The server redirects to what looks like a login page, {to}, which no script may read: {GO_THERE}."
    if failure.page_origin.startswith("https:") and not is_trustworthy(target.origin):
        # Mixed Content, "should fetching request be blocked as mixed content?"
        return f"The server redirects to {to}: no page of https may request that by plain http. Redirect to https."
    there = f"The server redirects to {to}: the page can request that URL instead"
    return f"{there}, if it is the same resource. {_FOR_PEOPLE}" if leads_elsewhere(failure) else f"{there}."


def leads_elsewhere(failure: Failure) -> bool:
    """
    Return whether the answer redirects to another path of another site, which may be another resource.
    """
    target, source = redirect_target(failure), url_of(failure.url)
    if not isinstance(target, Url) or source is None or is_schemelessly_same_site(target.origin, source.origin):
        return False
    return _path_of(target) != _path_of(source)


def why_led_back(failure: Failure) -> str:
    """
    Return what to do if the answer redirects to another server with the requested URL in the query, so that it can lead
    back there; empty if it does not.
    """
    target, source = redirect_target(failure), url_of(failure.url)
    if not isinstance(target, Url) or source is None or target.origin == source.origin or is_login(target.href):
        return ""
    host = source.origin.partition("://")[2]
    requested = f"//{host}{_path_of(source)}"
    asks, asked = (f"{unquote(url.href.partition('?')[2])}&" for url in (target, source))
    if not re.search(rf"{re.escape(unquote(requested))}/?[?#&]", asks) or host in asked:
        return ""
    return _LED_BACK.format(as_shown(target.href), as_shown(host))


def _path_of(url: Url) -> str:
    return url.href.removeprefix(url.origin).partition("?")[0].rstrip("/")


def _without_slash(href: str) -> str:
    path, mark, query = href.partition("?")
    return f"{path.rstrip('/')}{mark}{query}"


def answer_401(failure: Failure, unnamed: Collection[str]) -> Fix:
    """
    Return what to change about *failure*, if redirects led to a login; *unnamed* contains `url` if its URL is a
    placeholder.
    """
    is_named = "url" not in unnamed
    to = f"to what looks like a login page, {as_shown(failure.url)}" if is_named else "most likely to a login page"
    if starts_login(failure.first_url):
        return change(
            f"The server redirected {to}, which no script may read. If the page begins a login, {GO_THERE}. Otherwise "
            "the session has ended: log in again."
        )
    return change(
        f"The server redirected {to}: answer 401 to scripts instead of a redirect. "
        "If a login in front of it redirects (oauth2-proxy, Cloudflare Access), most likely the session has ended: "
        "load the page again.",
        NO_LOGIN,
    )


def taints(failure: Failure) -> bool:
    """
    Return whether the answer redirects so that the Origin of the next request is null.
    """
    target = redirect_target(failure)
    return isinstance(target, Url) and is_tainted(failure.page_origin, failure.url, target.href)
