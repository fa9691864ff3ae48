"""
What servers say that refuse by themselves: their CORS libraries, their storage, their logins, in answers and in logs.

Who wrote the server words it, so the rows of `LOGS` tell a refusal by its grammar: who was refused, and a word that says
so. They come after all that a browser prints.
"""

from typing import Final

from .core import Core, core

# A few words of a sentence, such as an origin between its quotation marks.
_WORDS: Final = r"(?:\S{1,300} ){0,6}?"
_REFUSED: Final = (
    r"(?:not (?:allowed(?! access)|permitted|authori[sz]ed|whitelisted|trusted|accepted|in (?:the )?(?:allow|white|cors)\w*)|"
    r"disallowed|rejected|denied|refused|forbidden|unauthori[sz]ed|mismatch(?:ed)?)\b"
)

SERVERS: Final[tuple[Core, ...]] = (
    core(r"Disallowed CORS (?P<value>origin|method|headers?)\b", "refused_by_server"),
    core(
        r"Invalid CORS request|CORS origin (?:check )?(?:denied|rejected)|CORSResponse|CorsPreflightFailure|"
        r"Preflight aborted: (?:request(?:ed)? )?(?P<value>headers?|method) (?:'(?P<method>[A-Z]{3,10})')?",
        "refused_by_server",
    ),
    core(r"Not allowed by CORS\b", "refused_by_server", "origin"),
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
    # Libraries that do not start with such a configuration: Spring, ASP.NET, Go, Rust.
    core(
        r"allowCredentials is true, allowed\w+ cannot|specifying a wildcard \(any\) origin and credentials|"
        r"Cannot combine '?Access-Control-Allow-Credentials|all origins are allowed\. AllowOriginFunc|"
        r"Insecure setup, 'AllowCredentials'",
        "refused_configuration",
        "every origin, together with credentials",
    ),
    core(
        r"\(?corsheaders\.E\d{3}\)?|bad origin: origins must contain|Invalid CORS configuration",
        "refused_configuration",
    ),
    core(r"AADSTS9002326\b", "spa_registration"),
    core(r"Not a valid origin for the client: (?P<origin>[a-z][a-z0-9+.-]*://\S{1,2048}) has not been", "login_origin"),
    core(
        r"Not a valid origin for the client|origin is not allowed for the given client|\borigin_mismatch\b|"
        r"idpiframe_initialization_failed|auth/unauthorized-domain|domain is not authorized to run this operation|"
        r"domain of this URL isn't included in the app's domains",
        "login_origin",
    ),
    # A library of the page, not a server: what has a path is what it asked for.
    core(r"CORS request rejected: (?P<url>https?://[^\s/]{1,253}/\S{0,2048})", "not_told"),
)

LOGS: Final[tuple[Core, ...]] = (
    core(
        rf"\bCORS\b:? {_WORDS}(?:{_REFUSED}|not (?:enabled|configured)\b|reject\b|deny\b|violation\b)|"
        r"\b(?:rejected|denied|refused|disallowed|failed) by (?:the )?(?:server's )?CORS\b|"
        r"\b(?:rejected|denied|refused|disallowed|rejecting|denying|refusing) (?:a )?(?:CORS|cross[- ]origin)\b|"
        r"\bcross[- ]origin (?:requests?|access) (?:was |is |are |has been )?(?:rejected|denied|refused|forbidden|not allowed)",
        "refused_by_server",
    ),
    core(
        rf"(?<![-\w])(?<!cross )origin(?: header)?\b:? {_WORDS}(?:is |was |has been )?{_REFUSED}|"
        r"\b(?:invalid|unauthori[sz]ed|disallowed|forbidden|untrusted|unknown|rejected|bad|disallowed) (?:request )?origin\b",
        "refused_by_server",
        "origin",
    ),
)
