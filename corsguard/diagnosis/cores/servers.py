"""
Lines of servers that refuse requests themselves: of CORS libraries, storage and logins, in answers and in logs.

Each server has its own words, so the rows of `LOGS` recognize the grammar: who was refused, and a word for the refusal.
They come after everything that a browser prints.
"""

from typing import Final

from .core import Core, core

# Up to six words of a sentence.
_WORDS: Final = r"(?:\S{1,300} ){0,6}?"
# An origin in a sentence: Git remotes and servers behind a CDN are called origins, too.
_NAMED: Final = r"(?:(?:['\"(\[]\S{0,300}|[a-z][a-z0-9+.-]*:\S{1,300}|null|[\w-]{1,63}[.:]\S{1,300}) )?"
_REFUSED: Final = (
    r"(?:not (?:allowed(?! access)|permitted|authori[sz]ed|white-?list\w*|trusted|accepted|"
    r"(?:found |included |listed |present )?(?:in|on|among) (?:the |its |our |your )?(?:list of )?"
    r"(?:allow|white|cors|trusted|permitted)\w*)|"
    r"disallowed|rejected|denied|refused|forbidden|unauthori[sz]ed|mismatch(?:ed)?)\b"
)

SERVERS: Final[tuple[Core, ...]] = (
    core(r"Disallowed CORS (?P<value>origin|method|headers?)\b", "refused_by_server"),
    core(
        r"Invalid CORS request|CORS origin (?:check )?(?:denied|rejected)|CORSResponse|CorsPreflightFailure|"
        r"CORSOriginNotFound|"
        r"Preflight aborted: (?:request(?:ed)? )?(?P<value>headers?|method) (?:'(?P<method>[A-Z]{3,10})')?",
        "refused_by_server",
    ),
    core(
        r"Not allowed by CORS\b(?::? [\"'(]?(?P<origin>https?://[^\s'\"/)]{1,253})/?(?![^\s'\").,;]))?|"
        r"(?P<origin2>\b[a-z][a-z0-9+.-]{1,30}://[^\s'\"/<]{1,253}) is not a valid origin\b",
        "refused_by_server",
        "origin",
    ),
    # Of Expo's development server.
    core(
        r"Unauthorized request from (?P<origin>https?://[^\s/]{1,253}?)\. This may happen because of a conflicting",
        "refused_by_server",
        "origin (Expo's development server: open the page at the address that it prints)",
    ),
    # Of python-socketio, which has a list of its own.
    core(r"\bCORS requests must set '(?P<header>[\w-]{1,100})' header", "header_wanted"),
    core(r"is not an accepted origin\b", "refused_by_server", "origin (Socket.IO's own list, cors_allowed_origins)"),
    core(r"\bheaders? requested (?:is|are) not allowed\b", "refused_by_server", "headers"),
    # In the logs of Spring, Jupyter, Django Channels, Rails, Go, Koa, copyparty, Phoenix, ASP.NET and ComfyUI.
    core(
        r"Blocking (?:Cross Origin (?:API request|WebSocket Attempt)|request from unknown origin)|"
        r" is not a valid origin\b(?! for)|"
        r"cors-reject [A-Z]{1,20} because request-header Origin='(?P<origin4>[^']{1,2048})|rejected by cors-check|"
        r"request (?:to )?origin not allowed\b(?:: (?P<origin>https?://\S{1,2048}))?|"
        r"WebSocket connection denied: origin '(?P<origin2>[^']{1,2048})' not allowed|"
        r"DefaultCorsProcessor.{0,40}?: Reject: '(?P<origin3>[^']{1,2048})' origin is not allowed|"
        r"Could not check origin for|non matching host and origin|request specifies an origin different than|"
        r"CORS policy execution failed|no headers added: origin",
        "refused_by_server",
        "origin",
    ),
    # Libraries that refuse to start with such a configuration: Spring, ASP.NET, Go, Rust.
    core(
        r"allowCredentials is true, allowed\w+ cannot|specifying a wildcard \(any\) origin and credentials|"
        r"Cannot combine '?Access-Control-Allow-Credentials|all origins are allowed\. AllowOriginFunc|"
        r"Insecure setup, 'AllowCredentials'",
        "refused_configuration",
        "every origin, together with credentials",
    ),
    core(
        r"corsheaders\.E\d{3}\b.{0,40}?\borigin ['\"]?\S['\"]? in\b",
        "refused_configuration",
        "a text where a list belongs: it reads each letter as an origin",
    ),
    core(
        r"corsheaders\.E\d{3}|bad origin: origins must contain|conflict settings: all origins disabled|"
        r"Invalid CORS configuration|Invalid origin (?:format|provided) in configuration|\bpanic.{0,400}\bcors\b",
        "refused_configuration",
    ),
    # CORS Anywhere.
    core(r"Must specify one of: origin", "cors_proxy"),
    core(r"AADSTS9002326\b", "spa_registration"),
    core(r"Not a valid origin for the client: (?P<origin>[a-z][a-z0-9+.-]*://\S{1,2048}) has not been", "login_origin"),
    core(
        r"Not a valid origin for the client|origin is not allowed for the given client|\borigin_mismatch\b|"
        r"idpiframe_initialization_failed|auth/unauthorized-domain|domain is not authorized to run this operation|"
        r"domain of this URL isn't included in the app's domains",
        "login_origin",
    ),
    # A library of the page, not a server: a URL with a path is the one that was requested.
    core(r"CORS request rejected: (?P<url>https?://[^\s/]{1,253}/\S{0,2048})", "not_told"),
)

LOGS: Final[tuple[Core, ...]] = (
    core(
        rf"\bCORS\b\]?:? {_WORDS}(?:{_REFUSED}|block(?:ed|ing)\b(?! by| because| due)|not (?:enabled|configured)\b|"
        r"violation\b)|"
        r"\b(?:rejected|denied|refused|disallowed|failed) by (?:the )?(?:server's )?CORS\b|"
        r"\b(?:rejected|denied|refused|disallowed|rejecting|denying|refusing) (?:a )?(?:CORS|cross[- ]origin)\b|"
        rf"\bcross[- ]origin (?:requests?|access) (?:was |is |are |has been )?{_REFUSED}",
        "refused_by_server",
    ),
    core(
        rf"(?<![-\w])(?<!cross )(?<!of )(?<!remote )origin(?: header)?\b:? {_NAMED}(?:is |was |has been )?"
        rf"(?:{_REFUSED}|(?:validation|check|verification) failed\b)"
        r"(?::? ['\"(\[]?(?P<origin>[a-z][a-z0-9+.-]*://[^\s'\"/,;)\]]{1,253})/?(?![^\s'\",;)\]]))?|"
        r"\b(?:invalid|unauthori[sz]ed|disallowed|forbidden|untrusted|rejected) (?:request )?origin\b(?! server)|"
        rf"\b(?:refus|reject|block|deny|deni)\w{{0,3}} {_WORDS}(?:from|with:?|for) (?:the )?origin\b",
        "refused_by_server",
        "origin",
    ),
)
