"""
What to change where an answer redirects: to a login, to https, for a slash, or elsewhere.
"""

from .evidence import as_shown, headers_of, is_login, is_redirected_to_login, redirect_target, url_of
from .failures import Failure
from .headers import values_of
from .urls import Url, is_trustworthy


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
    if is_redirected_to_login(failure):
        return f"The server redirects to what looks like a login page, {to}: answer 401 to scripts instead."
    if target.href == source.href.replace("http://", "https://", 1):
        return f"The server redirects to https: let the page request {to}."
    if _without_slash(target.href) == _without_slash(source.href):
        return f"The server redirects for a slash at the end: let the page request {to}."
    if is_login(target.href):
        return f"The server redirects to what looks like a login page, {to}: open it in a tab, not by a script."
    if failure.page_origin.startswith("https:") and not is_trustworthy(target.origin):
        # Mixed Content, "should fetching request be blocked as mixed content?"
        return f"The server redirects to {to}: no page of https may request that by plain http. Redirect to https."
    return f"The server redirects to {to}: the page can request that URL instead."


def _without_slash(href: str) -> str:
    path, mark, query = href.partition("?")
    return f"{path.rstrip('/')}{mark}{query}"
