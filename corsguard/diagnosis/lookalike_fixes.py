"""
What to change about a failure that looks like CORS, with the page and the server that a line names.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from corsguard.browser.evidence import as_shown, is_login, starts_login
from corsguard.browser.redirect_advice import GO_THERE
from corsguard.browser.urls import is_trustworthy
from corsguard.fixes import Fix
from corsguard.names import EXPOSE_HEADERS
from corsguard.origin import NULL

from .lookalikes import LOOKALIKES
from .named import as_url

# Those that may be fixed by listing the page's origin.
_LISTING: Final = frozenset(
    "answered csrf csrf_django cut_off framed_twice login_origin no_credentials_only not_framed preflight_cut_off "
    "refused_by_server websocket".split()
)
# What to do where the value that a line names says more.
_OF_VALUES: Final[Mapping[tuple[str, str], Fix]] = {
    ("cookies", "no SameSite"): Fix(
        words="The cookie has no SameSite, so it counts as SameSite=Lax: it is neither stored nor sent in a request to "
        "another site. Set it with SameSite=None; Secure, or serve page and API from one site."
    ),
    ("csp", "sandbox"): Fix(
        words="In the page's policy, or in the attribute sandbox of its frame, add the allow-... that it needs."
    ),
    ("orb", "no media"): Fix(
        words="The response says that it is an image, a video or audio, but its content is something else: look at the "
        "body (is it empty, an error, or changed by a proxy or an extension?). CORS does not help."
    ),
    ("orb", "text/html"): Fix(
        words="The response has the type text/html, as an error or a login has. If the page wants something else, open "
        "the URL in its own tab: it is wrong, or the server redirects to a login or fails."
    ),
    # The line names no address space, but a header.
    ("private_network_access", ""): Fix(
        words=f"{LOOKALIKES['private_network_access'].fix.words} For the old ones, the answer to the preflight needs "
        "Access-Control-Allow-Private-Network: true."
    ),
    ("refused_configuration", "every origin, together with credentials"): Fix(
        words="The library of the server refuses settings that let every origin read with credentials. List the "
        "origins (ASP.NET: WithOrigins; Spring: allowedOrigins), or switch the credentials off."
    ),
    ("status", "429"): Fix(
        words="The status is 429: the server limits how often it is called. Try again later, and less often."
    ),
}
# The policy of the page lists sources.
_OF_POLICIES: Final = frozenset({"csp", "csp_fallback"})
_FALLBACK: Final = (
    "If the policy does not have this directive yet, begin it with the sources of default-src, whose place it takes."
)


def fix_of_lookalike(  # noqa: PLR0913 - what a line names
    name: str, origin: str | None, target: str, header: str | None, value: str = "", *, url: str = ""
) -> Fix:
    """
    Return what to change about the lookalike *name*. The page is on *origin* (None if not known) and requests *url* on
    *target*. *header* and *value* are those that the line names.
    """
    if (name, value) in _OF_VALUES:
        return _OF_VALUES[name, value]
    row = LOOKALIKES[name]
    shown = as_shown(value)
    if name == "not_exposed":
        exposed = as_shown(header or "X-Total-Count")
        policy = {"expose_headers": exposed.split(", ")}
        return replace(row.fix, send=(f"{EXPOSE_HEADERS}: {exposed}",), policy=policy)
    if name == "worker_script" and origin == NULL:
        words = "The page is a file, or in a sandboxed frame, and no script is of its origin. Load it from a server."
        return Fix(words=words, page=("load the page from a server (python -m http.server), not from the disk",))
    if name == "redirect_with_preflight" and is_login(value, url):
        words = f"The redirect leads to what looks like a login page, {shown}"
        if starts_login(url):
            return Fix(words=f"{words}, which no script may read: {GO_THERE}.")
        words = f"{words}: answer 401 to scripts instead of a redirect."
        return Fix(words=words, send=("401 Unauthorized, with the CORS headers and no Location",))
    is_mixed = target.startswith("http://") and not is_trustworthy(target) and (origin or "").startswith("https:")
    if name in _OF_POLICIES and is_mixed:
        fix = fix_of_lookalike(name, origin, target.replace("http:", "https:", 1), header, value)
        return replace(fix, words=f"A page of https loads nothing by plain http: let it request https. {fix.words}")
    if origin == NULL and name in _LISTING:
        words = (
            "The page sent Origin: null, which no server should trust, because any sandboxed frame sends it. It comes "
            "from a sandboxed frame, a file, or a redirect (that of a form also from Referrer-Policy: no-referrer)."
        )
        return Fix(words=words, page=("load the page from a server, and outside of a sandboxed frame",))
    blanks = {
        "origin": "the page's origin" if origin is None else as_shown(origin),
        "target": as_shown(target),
        "header": as_shown(header or ""),
        "value": shown,
        "directive": shown or "the directive for this kind of load (connect-src, script-src, img-src, font-src)",
        "element": shown or "img",
        "recipient": shown or "https://...",
        # A URL without its scheme is a relative one.
        "last": shown if "://" in shown else "https://...",
    }
    detail = f"{row.detail.format_map(blanks)} " if row.detail and value else ""
    policy = row.fix.policy if origin is None or name != "answered" else {"allow_origins": [blanks["origin"]]}
    names = as_shown(header or "").split(", ")
    # Nobody can request a URL of which a part is hidden or cut off.
    is_whole = name != "redirect_with_preflight" or (as_url(value, None) != "" and "..." not in value)
    pages = row.fix.page if is_whole else ()
    page = tuple(dict.fromkeys(line.format_map({**blanks, "header": name}) for line in pages for name in names))
    more = f" {_FALLBACK}" if name == "csp" and not value else ""
    return replace(row.fix, words=f"{detail}{row.fix.words.format_map(blanks)}{more}", page=page, policy=policy)
