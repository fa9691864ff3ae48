"""
Lines about the CORS headers of an answer, in consoles and in Network panels.

It comes first, because a line that names a CORS header is about CORS, whatever else it says.
"""

from typing import Final

from corsguard.browser import Reason

from .core import ERRNO, Core, core, named

# In the lines of Internet Explorer: one of the CORS headers, and another name.
_OWN: Final = r"Access-Control-[A-Za-z-]{1,20}"
_NAME: Final = r"(?!Access-Control-)[A-Za-z][A-Za-z0-9-]{0,100}"
_REDIRECT: Final = (
    r"Redirect (?:at|from) origin '(?P<url2>[^']{1,2048})'(?P<target3>) has been blocked from loading[^:]{0,80}: No "
    r"'Access-Control-Allow-Origin'|"
    r"Redirect from '(?P<url>[^'\s]{1,2048})'? (?:to '(?P<target>[^']{1,2048})' |(?P<target2>))has been blocked"
    r"[^:]{0,80}: "
    r"(?:Response to preflight request doesn't pass access control check: )?No 'Access-Control-Allow-Origin'"
)

SHARING: Final[tuple[Core, ...]] = (
    # Chromium, Firefox and Safari, which go on without it, whatever else the line says.
    core(
        r"\bload source ?map\b(?:.{0,40}?(?:content for|from) (?P<url>[^\s'\"]{1,2048}?):? )?|"
        r"\bSource ?map error: .{0,200}?(?:Resource URL: (?P<url2>[^\s'\"]{1,2048})|$)",
        "source_map",
    ),
    # The pages of the browser itself: the page that a new tab shows, the settings.
    core(
        r"SEC7120: \[CORS\] [^']{0,80}'(?P<origin>ms-appx(?:-web)?:[^']{1,2048})'"
        r"(?:.{0,600}?'(?!(?P=origin)')(?P<url>[a-z][a-z0-9+.-]*:[^']{1,2048})')?|"
        r"Access to [\w ]{1,40} at '(?P<url2>[^']{1,2048})' from origin "
        r"'(?P<origin2>(?:chrome|chrome-search|edge|ms-appx-web)://[^']{1,253})'",
        "browser_page",
    ),
    core(r"Access to [\w ]{1,40} at '(?P<url>data:[^']{0,2048})' from origin 'null'.{0,80}?: Invalid resp", "data_url"),
    core(r"Not allowed to load local resource: '?(?P<url>blob:[^\s'*]{1,2048})", "blob_url"),
    # A file cannot be fetched, whatever else the line says.
    core(
        r"(?:cannot load|Failed to load) '?(?P<url>file:[^\s']{1,2048})|"
        r"Access to [\w ]{1,40} at '(?P<url2>file:[^']{1,2048})'(?! \(redirected)|"
        r"from origin 'file://' has been blocked from|Same Origin Policy.{0,200}?['\"](?P<url4>file:[^'\"]{1,2048})|"
        r"Module source URI is not allowed in this document: ['\"](?P<url3>file:[^'\"]{1,2048})|"
        r"Not allowed to load local resource: '?(?P<url5>file:[^\s']{1,2048})|"
        r"Origin 'null' is therefore not allowed access\. (?P<url6>file:///\S{1,2048})",
        Reason.BAD_SCHEME,
    ),
    # The proxies of development servers (webpack-dev-server, Create React App, Vite, Next.js), and refusals of these
    # servers.
    core(
        r"Error occurred while (?:trying to )?proxy(?:ing)?\b.{0,2048}? to (?P<url>https?://[^\s(]{1,2048})"
        rf" [\[(](?P<value>{ERRNO})|Could not proxy request .{{0,2048}}? to (?P<url2>https?://[^\s(]{{1,2048}})"
        rf"(?:.{{0,140}}?\((?P<value2>{ERRNO})\))?|Failed to proxy (?P<url3>https?://\S{{1,2048}})",
        "dev_proxy",
    ),
    core(
        r"\b(?:http|ws) proxy (?:socket )?error\b"
        rf"(?:.{{0,2048}}?(?P<value>{ERRNO}(?: (?:[\d.]{{7,15}}|[\da-f:]{{2,39}}):\d{{1,5}})?))?|"
        r"Error occurred while (?:trying to )?proxy|Could not proxy request",
        "dev_proxy",
    ),
    core(
        r"cross.origin request (?:detected )?(?:to Next\.js dev resource \S{1,200} )?from ['\"]?"
        r"(?P<value>\d{1,3}(?:\.\d{1,3}){3}|[\w.-]{1,253})['\"]?.{0,20}?(?:/_next/|\. ?Cross-origin access to Next)|"
        r"Blocked request\. This host \(?['\"]?(?P<value2>[\w.-]{1,253})['\"]?\)? is not allowed|"
        r"allowedDevOrigins|Invalid Host/Origin header",
        "dev_host",
    ),
    core(r"Cross-origin requests for classic scripts must be made with CORS", "dev_script"),
    # Chromium words a manifest like any other load. A proxy with a login redirects the request, because it has no
    # cookies.
    core(
        # If a manifest is redirected to another manifest, as from a domain to its www, no login is the cause.
        r"Access to manifest at '(?P<value>(?![^'?]*manifest[\w.-]*['?])[^']{1,2048})' "
        r"\(redirected from '(?P<url>[^']{1,2048})'\)|"
        r"Access to internal resource at '(?P<value2>(?![^'?]*manifest[\w.-]*['?])[^']{1,2048})' "
        r"\(redirected from '(?P<url2>[^']{1,2048}manifest[^'/]{0,80})'\)|"
        # Both are redacted.
        r"Access to manifest at '?(?:[Xx]{2,}|\*{2,}|\.{2,}|[\[{<][^\]}>]{1,200}[\]}>])'? ?\(redirected from ",
        "manifest_login",
    ),
    core(_REDIRECT, Reason.MISSING_ALLOW_ORIGIN),
    core(
        r"must not be the wildcard|value of the 'Access-Control-Allow-Origin' header in|"
        r"Credential is not supported if|Cannot use wildcard|"
        r"wildcard '?.?'? cannot be used in the '?Access-Control-Allow-Origin|"
        # From older versions of Firefox, without words for credentials.
        r"Access-Control-Allow-Origin'? does not match '\*'|\bSEC7121\b|"
        r"Wildcard in Access-Control-Allow-Origin not allowed",
        Reason.WILDCARD_WITH_CREDENTIALS,
        "*",
    ),
    core(r"contains multiple values '(?P<value>[^']*)'", Reason.MULTIPLE_ALLOW_ORIGIN),
    core(r"does not match '(?P<value>[^',]{0,2048},[^']*)'", Reason.MULTIPLE_ALLOW_ORIGIN),
    core(
        r"Multiple CORS header|cannot contain more than one origin|Access-Control-Allow-Origin'? header contains "
        r"mult|\bSEC7128\b|Multiple Access-Control-Allow-Origin headers",
        Reason.MULTIPLE_ALLOW_ORIGIN,
    ),
    core(r"Allow-Credentials'? header(?: in the response)? is '(?P<value>[^']*)'", Reason.ALLOW_CREDENTIALS_NOT_TRUE),
    core(
        r"value of the 'Access-Control-Allow-Credentials|expected '?true'? in CORS header|"
        r"Allow-Credentials'? is not [\"']?true|Allow-Credentials'? header in the "
        r"response is|\bSEC71(?:22|29)\b|Allow-Credentials was not present or was not",
        Reason.ALLOW_CREDENTIALS_NOT_TRUE,
    ),
    core(r"307 Internal Redirect|Non-Authoritative-Reason: HSTS", "hsts"),
    core(
        r"redirected to '(?P<value>[^']{1,2048})', which is disallowed for cross-origin requests that require|"
        r"disallowed for cross-origin requests that require preflight|"
        r"Redirect from '[^']{1,2048}' to '(?P<value2>[^']{1,2048})' has been blocked[^:]{0,80}: Request requires "
        r"preflight, which is disallowed to follow|requires preflight, which is disallowed to follow",
        "redirect_with_preflight",
    ),
    core(
        r"Redirect is not allowed for|external redirect not allowed|Response for preflight is invalid "
        r"\(redirect\)|\bSEC7126\b",
        Reason.PREFLIGHT_REDIRECT,
    ),
    core(
        r"does not have HTTP ok|control check: It does not|"
        r"preflight (?:response|channel) did not succeed|Preflight response is not "
        r"successful|preflight has invalid HTTP status(?: code)?:? ?(?P<status>\d{3})?|"
        r"cannot load \S{1,2048} Invalid HTTP status code (?P<status2>\d{3})|"
        r"\bOPTIONS (?:\S{1,2048} )?(?P<status3>[45]\d\d) \(|Method OPTIONS not allowed\b|"
        r"\bOPTIONS \S{1,2048} (?:\S{1,2} )?(?:HTTP )?(?P<status6>[45]\d\d) [A-Z]|"
        r"\bOPTIONS \S{1,2048} HTTP/[\d.]{1,3}['\"] (?P<status4>[45]\d\d)\b|"
        # A row of Firefox's console.
        r"\bOPTIONS https?://\S{1,2048} \[HTTP/[\d.]{1,3} (?P<status5>[45]\d\d)\b",
        Reason.PREFLIGHT_STATUS,
    ),
    core(r"Cannot parse Access-Control-Allow-Methods", Reason.ALLOW_METHODS_UNPARSABLE),
    core(
        r"invalid token '(?P<value>[^']*)' in CORS header '?Access-Control-Allow-Methods",
        Reason.ALLOW_METHODS_UNPARSABLE,
    ),
    core(r"Access-Control-Allow-Methods has an invalid value: (?P<value>\S.{0,200})", Reason.ALLOW_METHODS_UNPARSABLE),
    core(r"Cannot parse Access-Control-Allow-Headers", Reason.ALLOW_HEADERS_UNPARSABLE),
    core(
        r"invalid token '(?P<value>[^']*)' in CORS header '?Access-Control-Allow-Headers",
        Reason.ALLOW_HEADERS_UNPARSABLE,
    ),
    core(r"Access-Control-Allow-Headers has an invalid value: (?P<value>\S.{0,200})", Reason.ALLOW_HEADERS_UNPARSABLE),
    core(
        r"\b(?!method\b|it\b)(?P<method>[A-Za-z]+)'? is not allowed by '?Access-Control-Allow-Methods?\b|"
        r"not allowed by '?Access-Control-Allow-Methods?\b|"
        # Cut off.
        r"policy: Method (?P<method2>[A-Z]{3,10}) is n[\w -]{0,32}(?:\.{3})?$",
        Reason.METHOD_NOT_ALLOWED,
    ),
    core(r"Did not find method in CORS header", Reason.METHOD_NOT_ALLOWED),
    core(r"Authorization will not be covered|'?Authorization'? header is not covered", Reason.HEADER_NOT_ALLOWED, "*"),
    core(
        r"header(?: field)? '?(?!field\b)(?P<header>[^\s']+)'? is not allowed by '?Access-Control-Allow-Headers?\b|"
        r"(?:^|[ '])(?!field\b|header\b|it\b)(?P<header2>[\w-]+)'? is not allowed by '?Access-Control-Allow-Headers?\b|"
        # Cut off.
        r"Request header field (?P<header3>[^\s']+) is n[\w -]{0,32}(?:\.{3})?$",
        Reason.HEADER_NOT_ALLOWED,
    ),
    core(
        r"header '?(?P<header>[^\s']+)'? is not allowed according to header|"
        r"Reason: header '(?P<header2>(?!Access-)[\w-]{1,100})' is not allowed\b",
        Reason.HEADER_NOT_ALLOWED,
    ),
    core(r"missing token '?(?P<header>[^\s']+)'? in CORS header", Reason.HEADER_NOT_ALLOWED),
    # From jsdom.
    core(r"\bHeaders (?P<header>[\w-]{1,100}) forbidden", Reason.HEADER_NOT_ALLOWED),
    core(
        r"No '?Access-Control-Allow-Origin'? header|"
        r"Access-Control-Allow-Origin ?'?(?: header)?(?: is)? (?:missing|not (?:set|present))|"
        r"(?:missing|lacks|without|does not (?:have|include|contain)) (?:the |an? )?'?Access-Control-Allow-Origin\b|"
        # Cut off.
        r"header '?Access-Control-Allow-Origin'? m[isng]{0,6}(?:\.{3})?$|"
        r"(?:policy|check): No '?A(?:c(?:c(?:e(?:s(?:s[\w-]{0,20})?)?)?)?)?(?:\.{3})?$",
        Reason.MISSING_ALLOW_ORIGIN,
    ),
    core(r"header has a value '(?P<value>[^']*)'", Reason.ALLOW_ORIGIN_MISMATCH),
    # Chromium 31 to 33.
    core(r"'Access-Control-Allow-Origin' [w]hitelists only '(?P<value>[^']*)'", Reason.ALLOW_ORIGIN_MISMATCH),
    core(r"contains the invalid value '(?P<value>[^']*)'", Reason.ALLOW_ORIGIN_MISMATCH),
    core(r"Access-Control-Allow-Origin'? does not match '(?P<value>[^']*)'", Reason.ALLOW_ORIGIN_MISMATCH),
    core(
        r"that is not equal to the supplied origin|Access-Control-Allow-Origin'? header contains the invalid",
        Reason.ALLOW_ORIGIN_MISMATCH,
    ),
    # Internet Explorer, and Edge before it was a Chromium: the number is the same in every language.
    core(
        r"The origin '(?P<origin>[^']+)' did not find '[^']*' in the Access-C|"
        r"SEC7120: \[CORS\] [^']{0,80}'(?P<origin3>[a-z][a-z0-9+.-]*:[^']{1,2048})'"
        r"(?:.{0,600}?'(?!(?P=origin3)')(?P<url>[a-z][a-z0-9+.-]*:[^']{1,2048})')?|"
        r"SEC7120: (?:\S{1,80} ){1,4}?(?P<origin2>[a-z][a-z0-9+.-]*://\S{1,2048})",
        Reason.MISSING_ALLOW_ORIGIN,
    ),
    core(r"\bSEC7120\b|\bCSS311[57]\b", Reason.MISSING_ALLOW_ORIGIN),
    core(r"header '?(?P<header>[^\s']+)'? was not present in the \S+-Allow-Headers", Reason.HEADER_NOT_ALLOWED),
    core(r"method '?(?P<method>[^\s']+)'? was not present in the \S+-Allow-Methods", Reason.METHOD_NOT_ALLOWED),
    # In another language, the name is between quotation marks, or it is the only word in Latin letters.
    core(
        rf"\bSEC7123: (?:[^A-Za-z]{{0,80}}(?:{_OWN}[^A-Za-z]{{1,80}})?"
        rf"(?P<header>{_NAME})(?![A-Za-z0-9-])(?! ?[A-Za-z])|"
        rf"[^'\"]{{0,160}}['\"](?P<header2>{_NAME})['\"])|\bSEC7123\b",
        Reason.HEADER_NOT_ALLOWED,
    ),
    core(
        rf"\bSEC7124: (?:[^A-Za-z]{{0,80}}(?:{_OWN}[^A-Za-z]{{1,80}})?"
        rf"(?P<method>{_NAME})(?![A-Za-z0-9-])(?! ?[A-Za-z])|"
        rf"[^'\"]{{0,160}}['\"](?P<method2>{_NAME})['\"])|\bSEC7124\b",
        Reason.METHOD_NOT_ALLOWED,
    ),
    core(r"\bSEC7127\b|Redirect was blocked for CORS request", "redirect_blocked"),
    # After its notes, the error that a script is given says that the request failed.
    core(r"\bSEC711[89]\b.{0,2048}?\bSCRIPT7002\b", "not_told"),
    core(r"\bSEC711[89]\b", "cors_used"),
    core(r"\bSEC711[23]\b", "wrong_type"),
    # SuperAgent and Swagger UI, which list all possible causes.
    core(r"Request has been terminated.{1,40}Possible causes|Failed to fetch.{1,40}Possible Reasons", "not_told"),
    # An exception of a server.
    core(
        r"\b(?:HTTP\w{1,40}|\w{1,40}Exception): [^']{0,80}\bOrigin '?(?P<origin>[^\s']+)'? is not allowed by",
        "refused_by_server",
        "origin",
    ),
    core(
        r"\bOrigin (?:'?(?P<origin>\[[^\]]{1,100}\]|[^\s']+)'? )?is not allowed by '?Access-Control-Allow-Origin|"
        # From jsdom, Office and TestCafe.
        r"Error: Cross origin (?P<origin2>\S+) forbidden|validCORSHeaders|No valid origin in response|"
        r"RequestMock: CORS validation",
        Reason.MISSING_ALLOW_ORIGIN,
    ),
    core(
        r"contains a username and password|redirection URL \S+ has credentials|redirected to URLs? "
        r"containing credentials",
        Reason.REDIRECT_USERINFO,
    ),
    # Not a redirect.
    core(
        r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE) (?P<url>(?!https?:)[a-z][a-z0-9+.-]*:\S{1,2048}) "
        r"net::ERR_UNKNOWN_URL_SCHEME",
        Reason.BAD_SCHEME,
    ),
    core(
        r"redirection with non CORS scheme|ERR_UNSAFE_REDIRECT|ERR_UNKNOWN_URL_SCHEME|Redirecting to data: URI|"
        r"\(redirected from '[^']*'\) .{0,300}only supported for protocol schemes",
        Reason.REDIRECT_BAD_SCHEME,
    ),
    core(
        r"only support(?:ed)?(?: for| by)? (?:prot|HTTP)|CORS request not http|scheme must be .{0,24}for CORS request|"
        r"CORS requests are made on supported schemes",
        Reason.BAD_SCHEME,
    ),
    core(r"Cannot make any requests from (?P<origin>null)", "no_origin"),
    core(
        r"(?:Content at (?P<origin>\S{1,2048}) )?may not load or link to "
        r"(?P<url>(?!https?:|file:)[a-z][a-z0-9+.-]*:[^\s'\"]{1,2048})|"
        r"downloadable font: download .{0,400}? source: (?P<url2>(?!https?:|file:|data:)[a-z][a-z0-9+.-]*:\S{1,2048})",
        "not_linkable",
    ),
    core(r"downloadable font: download .{0,400}? source: (?P<url>file:\S{1,2048})", Reason.BAD_SCHEME),
    core(r"may not load or link to(?: (?P<url>file:[^\s'\"]{1,2048}))?", Reason.BAD_SCHEME),
    core(
        r"Unsafe attempt to load URL (?P<url>(?!file:)\S{1,2048}?)"
        r"(?: from frame with URL (?P<origin>\S{1,2048}?))?\.?(?: |$)",
        "same_origin_load",
    ),
    core(r"Unsafe attempt to load URL|may not load data from", Reason.SAME_ORIGIN_MODE),
    # Of a request whose mode is "no-cors". A service worker may get another one.
    core(r"(?<!whose )redirect mode is not [\"']follow[\"']", Reason.NO_CORS_REDIRECT_MODE),
    core(
        r"URL scheme [\"'](?P<value>[^\"']*)[\"'] is not supported|Not allowed to load local resource",
        Reason.BAD_SCHEME,
    ),
    core(
        r"not allowed by request mode|Request mode is [\"']same-origin[\"']|fetched with same-origin request mode",
        Reason.SAME_ORIGIN_MODE,
    ),
    core(r"'(?P<method>[A-Za-z]+)' HTTP method is unsupported", Reason.FORBIDDEN_METHOD),
    core(r"Invalid request method (?P<method>[A-Za-z]+)", Reason.FORBIDDEN_METHOD),
    # From the Issues panel.
    core(
        r"nor allowed by the Access-Control-Allow-Headers(?:.{0,600}?Disallowed header:? (?P<header>[\w-]{1,100}))?",
        Reason.HEADER_NOT_ALLOWED,
    ),
    core(
        r"nor allowed by the Access-Control-Allow-Methods(?:.{0,600}?Disallowed method:? (?P<method>[A-Z]{1,20}))?",
        Reason.METHOD_NOT_ALLOWED,
    ),
    core(
        r"configured to include credentials and the Access-Control-Allow-Origin", Reason.WILDCARD_WITH_CREDENTIALS, "*"
    ),
    core(r"configured to include credentials and the Access-Control-Allow-Cred", Reason.ALLOW_CREDENTIALS_NOT_TRUE),
    # The names in Network panels, and the titles in Chromium's Issues panel.
    named(
        "WildcardOriginNotAllowed", "NotSupportingCredentials NoAllowCredentials", Reason.WILDCARD_WITH_CREDENTIALS, "*"
    ),
    core(r"credentialed requests aren't sent to CORS resources", Reason.WILDCARD_WITH_CREDENTIALS, "*"),
    named(
        "MultipleAllowOriginValues",
        "MultipleAllowOriginNotAllowed MultipleOriginNotAllowed",
        Reason.MULTIPLE_ALLOW_ORIGIN,
    ),
    named("MissingAllowOriginHeader", "MissingAllowOrigin", Reason.MISSING_ALLOW_ORIGIN),
    named("AllowOriginMismatch InvalidAllowOriginValue", "AllowOriginNotMatchingOrigin", Reason.ALLOW_ORIGIN_MISMATCH),
    core(r"CORS request includes only allowed headers", Reason.HEADER_NOT_ALLOWED),
    core(r"CORS request uses allowed method", Reason.METHOD_NOT_ALLOWED),
    core(r"no-cors requests configure redirect mode follow", Reason.NO_CORS_REDIRECT_MODE),
    core(r"CORS requesting origin matches", Reason.ALLOW_ORIGIN_MISMATCH),
    named("InvalidAllowCredentials", "MissingAllowCredentials", Reason.ALLOW_CREDENTIALS_NOT_TRUE),
    core(r"CORS requests include credentials only when allowed", Reason.ALLOW_CREDENTIALS_NOT_TRUE),
    named("PreflightDisallowedRedirect", "ExternalRedirectNotAllowed", Reason.PREFLIGHT_REDIRECT),
    named("PreflightInvalidStatus", "PreflightDidNotSucceed", Reason.PREFLIGHT_STATUS),
    core(r"Ensure preflight responses are valid", Reason.PREFLIGHT_STATUS),
    named("InvalidAllowMethodsPreflightResponse", "InvalidAllowMethod", Reason.ALLOW_METHODS_UNPARSABLE),
    named("InvalidAllowHeadersPreflightResponse", "InvalidAllowHeader", Reason.ALLOW_HEADERS_UNPARSABLE),
    named("MethodDisallowedByPreflightResponse", "MethodNotFound", Reason.METHOD_NOT_ALLOWED),
    named(
        "HeaderDisallowedByPreflightResponse",
        "MissingAllowHeaderFromPreflight MissingAllowHeader",
        Reason.HEADER_NOT_ALLOWED,
    ),
    named("CorsDisabledScheme", "RequestNotHttp NotHttp", Reason.BAD_SCHEME),
    named("DisallowedByMode", "", Reason.SAME_ORIGIN_MODE),
    core(r"\bNot same-origin$", Reason.SAME_ORIGIN_MODE),
    named("RedirectContainsCredentials", "", Reason.REDIRECT_USERINFO),
    named("", "OriginHeaderNotAdded OriginHeaderMissing", "origin_not_added"),
)
