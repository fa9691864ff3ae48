"""
The sites of `gateways/test_caches.py`. The host chooses the policies, and the path says how long an answer is kept.

A path is `/FOLDER/KIND/NAME`. FOLDER chooses the policy if the host has several, and KIND is one of KINDS.
"""

import itertools
from collections import defaultdict

from corsguard import CORSMiddleware, CrossOriginProtection, Policy

PARTNER = "https://partner.example"
FRIEND = "https://friend.example"

BOTH = Policy(
    allow_origins=[PARTNER, FRIEND],
    allow_credentials=True,
    allow_methods=["GET", "POST", "PUT"],
    expose_headers=["X-Total"],
)
# The first number is in seconds. The rest is for caches that obey it.
KINDS = {
    "fresh": [("Cache-Control", "public, max-age=600")],
    "short": [("Cache-Control", "public, max-age=1")],
    "grace": [("Cache-Control", "public, max-age=1, stale-while-revalidate=600, stale-if-error=600")],
    "checked": [("Cache-Control", "public, max-age=0, must-revalidate")],
    # Each answer except the first is an error.
    "failing": [("Cache-Control", "public, max-age=1, stale-if-error=600")],
    "missing": [("Cache-Control", "public, max-age=600")],
    "moved": [("Cache-Control", "public, max-age=600"), ("Location", "/elsewhere")],
    "varied": [("Cache-Control", "public, max-age=600"), ("Vary", "Accept-Encoding")],
}
STATUSES = {"missing": "404 Not Found", "moved": "302 Found"}
ETAG = '"one"'
BODY = b"application\n" * 30

_asked = defaultdict(itertools.count)


def bare(environ, start_response):
    """
    Answer with a storable response, or with 304 if the client or a cache already has it.
    """
    # An answer to POST is not stored, and an odd spelling may have no KIND.
    kind, _, name = environ["PATH_INFO"].rpartition("/")
    kind = kind.rpartition("/")[2]
    status = STATUSES.get(kind, "200 OK")
    headers = [("X-Total", "1"), ("ETag", ETAG), *KINDS.get(kind, KINDS["fresh"])]
    if kind == "failing" and next(_asked[name]):
        status, headers = "503 Service Unavailable", []
    elif environ.get("HTTP_IF_NONE_MATCH") == ETAG and status == "200 OK":
        start_response("304 Not Modified", headers)
        return []
    start_response(status, [*headers, ("Content-Type", "text/plain"), ("Content-Length", str(len(BODY)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else BODY]


def layered(environ, start_response):
    """
    Answer as an application with a CORS layer of its own, which shares with everyone.
    """

    def respond(status, headers):
        start_response(status, [*headers, ("Access-Control-Allow-Origin", "*")])

    return bare(environ, respond)


events = []
SITES = {
    "folders.example": CORSMiddleware(bare, {"/list": BOTH, "/open": Policy(allow_origins="*"), "/closed": None}),
    "whole.example": CORSMiddleware(bare, BOTH),
    "friends.example": CORSMiddleware(bare, Policy(allow_origins=[FRIEND])),
    "layered.example": CORSMiddleware(layered, BOTH, on_event=events.append),
    "protected.example": CORSMiddleware(bare, BOTH, protection=CrossOriginProtection()),
    "private.example": CORSMiddleware(bare, BOTH, protection=CrossOriginProtection(methods="all")),
}


def application(environ, start_response):
    """
    Answer for one of SITES. A request without a site gets the first one.
    """

    def respond(status, headers, error=None):
        # The guard has logged these by now.
        reasons = ("X-Events", " ".join(dict.fromkeys(event.reason for event in events)))
        return start_response(status, [*headers, reasons])

    host = environ.get("HTTP_HOST", "").partition(":")[0]
    return SITES.get(host, SITES["folders.example"])(environ, respond)
