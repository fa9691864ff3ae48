"""
Tells who answers a URL: an application, object storage, the app that shows the page, somebody else's server, or a page
for people.

Only an application has a policy. For the others, this says what they need instead.
"""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from corsguard.browser import Failure, Reason
from corsguard.browser.evidence import is_within_site, url_of
from corsguard.browser.reasons import CORS_CHECK, OF_STATUS, PREFLIGHT_ONLY, REASONS
from corsguard.browser.urls import HTTP_SCHEMES, SOCKET_SCHEMES, address_space
from corsguard.fixes import Fix
from corsguard.origin import NULL

# Schemes of what nobody answers.
WITHOUT_SERVER: Final = frozenset(
    "about blob chrome chrome-extension data edge file javascript moz-extension ms-appx ms-appx-web".split()
)
# Hosts of object storage.
_BUCKET: Final = re.compile(
    r"(?:^|\.)(?:(?:firebase)?storage\.googleapis\.com|s3[\w.-]*\.amazonaws\.com|blob\.core\.windows\.net|"
    r"r2\.cloudflarestorage\.com|digitaloceanspaces\.com|backblazeb2\.com)$"
)
_OF_APP: Final = (
    "No server answers this URL: the app itself does, by a scheme of its own. Load the page by that scheme, too (not "
    "from a development server), or let the app read the file by its own functions (Capacitor: the plugin Filesystem)."
)
_OF_BUCKET: Final = (
    "This is object storage: its CORS rules belong to the bucket, and no application of yours answers there."
)
# URLs that answer with a page for people, and what a script does instead.
_FOR_PEOPLE: Final = (
    (
        # RFC 6749, 3.1, in the forms of the usual login servers.
        re.compile(
            r"https?://[^/?#]+/(?:[^?#]*/)?"
            r"(?:oauth2?(?:/v[\d.]+)?/auth(?:orize)?|openid-connect/auth|authorize)/?(?:[?#].*)?"
        ),
        (
            "A login begins at this URL: it answers with a page for the user, which no script may read. Let the "
            "browser go there (location.assign(url), a link), and not fetch() or XMLHttpRequest."
        ),
    ),
    (
        re.compile(r"https?://(?:www\.)?github\.com/([^/?#]+/[^/?#]+)/(?:blob|raw)/([^?#]+).*"),
        (
            "GitHub answers with a page about the file. Let the page request the file itself, which is shared with "
            r"every origin: https://raw.githubusercontent.com/\1/\2"
        ),
    ),
)


def is_without_application(failure: Failure) -> bool:
    """
    Whether something other than an application answers, for certain.
    """
    return _is_of_bucket(failure) or is_of_app(failure) or is_for_people(failure)


def is_for_people(failure: Failure) -> bool:
    """
    Whether the page requested what is a page for people.
    """
    return bool(_instead(failure))


def _instead(failure: Failure) -> str:
    """
    Return what a script does in place of requesting a page for people; empty if *failure* is not about one.
    """
    is_of_rule = failure.reason in CORS_CHECK or failure.reason in PREFLIGHT_ONLY
    if not is_of_rule or failure.url != failure.first_url:
        return ""
    matches = ((pattern.fullmatch(failure.url), words) for pattern, words in _FOR_PEOPLE)
    return next((match.expand(words) for match, words in matches if match is not None), "")


def fix_at_place(failure: Failure, fix: Fix) -> Fix:
    """
    Return *fix*, or what takes its place where no application answers.
    """
    if is_of_app(failure):
        return Fix(words=_OF_APP)
    if words := _instead(failure):
        return Fix(words=words)
    return _fix_of_bucket(failure, fix) if _is_of_bucket(failure) else fix


def look_at_place(failure: Failure, look: tuple[str, ...]) -> tuple[str, ...]:
    """
    Return what to look at: *look*, or what takes its place where no application answers.
    """
    if is_of_app(failure):
        return ("the address bar, or the start of the app: by which scheme is the page loaded?",)
    if is_for_people(failure):
        return ("the code of the page: where does it call this URL?",)
    if _is_of_bucket(failure):
        return ("the CORS rules of the bucket: origins, methods, headers", look[0])
    return look


def may_be_of_others(failure: Failure, assumed: Collection[str]) -> bool:
    """
    Whether the URL is on a public host that is not known to be the page's.
    """
    url = url_of(failure.url)
    is_public = url is not None and url.scheme in HTTP_SCHEMES and address_space(url.host) == "public"
    is_within = "page" not in assumed and is_within_site(failure)
    return REASONS[failure.reason].kind == "cors" and is_public and "url" not in assumed and not is_within


def is_of_app(failure: Failure) -> bool:
    """
    Return whether no server answers the URL of *failure*, but an app itself, by a scheme of its own.
    """
    scheme = failure.url.partition(":")[0].lower()
    is_of_rule = failure.reason in CORS_CHECK or failure.reason in PREFLIGHT_ONLY
    host = failure.url.partition("://")[2].partition("/")[0]
    # A name with dots belongs to a server, so the scheme is misspelt.
    is_own = scheme not in {*HTTP_SCHEMES, *SOCKET_SCHEMES, *WITHOUT_SERVER} and "." not in host.strip(".")
    return is_of_rule and is_own


def _is_of_bucket(failure: Failure) -> bool:
    url = url_of(failure.url)
    return url is not None and REASONS[failure.reason].kind == "cors" and _BUCKET.search(url.host) is not None


def _fix_of_bucket(failure: Failure, fix: Fix) -> Fix:
    """
    Return *fix* without what only an application can do, because the storage answers from the rules of its bucket.
    """
    words = f"{_OF_BUCKET} The rules have to list the origin, the method, and the headers that the page sends."
    if failure.reason is Reason.PREFLIGHT_REDIRECT:
        words = (
            "Object storage redirects to the region of the bucket. Let the page request the URL with the region in it "
            "(S3: bucket.s3.REGION.amazonaws.com)."
        )
    elif failure.sent_origin == NULL or failure.reason not in {Reason.MISSING_ALLOW_ORIGIN, *OF_STATUS}:
        words = f"{fix.words} {_OF_BUCKET}"
    send = () if failure.reason in OF_STATUS else fix.send
    return replace(fix, words=words, send=send, policy={})
