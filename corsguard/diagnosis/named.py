"""
Finds what a message names: the URL, the page, the method, the status and a header of the response.

Each counts only where the form of the line says so. What belongs to another URL, such as the method in the row of
another resource, is not taken.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final, NamedTuple

from corsguard.browser.urls import address_space
from corsguard.origin import NULL

from .cores import without_urls
from .loose import LONGEST_WORD, USERINFO, loose_urls
from .pages import origin_named

# In brackets, what somebody wrote in place of a part of the URL.
_REST_OF_URL: Final = r"(?>\[[^\[\]'\"]{1,80}\]|[^\s'\"])"
_QUOTED_URL: Final = rf"['\"]?(?P<url>[a-z][a-z0-9+.-]*:{_REST_OF_URL}+)"
# Where a line names the URL. A text between quotation marks counts even if it is redacted.
_URLS: Final = (
    re.compile(
        r"\bat '(?P<url>[^']{1,4096})'(?: \(redirected from '(?P<first>[^']{1,4096})'\))? from origin ",
        re.IGNORECASE,
    ),
    re.compile(
        r"Access to [\w ]{1,40}? at '?(?P<url>(?:[a-z]|\.{3}/)[^\s']+)'?"
        r"(?: \(redirected from '?(?P<first>[^\s')]+)'?\))? from origin ",
        re.IGNORECASE,
    ),
    # A path may have spaces.
    re.compile(r"(?:cannot load|Failed to load) '(?P<url>https?://[^']{1,2048})'"),
    re.compile(r"remote resource at '?(?P<url>https?://[^']{1,2048}?(?:\.{3})?)'?(?:\. ?|(?<=\.{3}) )\((?=\w)"),
    # The place in the stylesheet may follow without a space.
    re.compile(
        r"downloadable font: .{0,400}? source: ?(?P<url>(?:https?|file)://"
        r"(?:[^\s'\"]{1,2048}?\.(?:eot|otf|ttf|woff2?)(?=[\w.-]{1,253}(?:/\S{0,2048})?:\d{1,7}:\d{1,7}\b)|"
        r"[^\s'\"]{1,2048}))"
    ),
    re.compile(r"\b[A-Z]\w{0,30}(?: [a-z]{1,20})? (?:from|at) origin '(?P<url>[^']{1,2048})' has been blocked from "),
    # What people write in place of a URL that they do not want to show.
    re.compile(
        r"Access to [\w ]{1,40}? (?:at )?(?P<url>[\[{<][^\]}>]{1,200}[\]}>](?:/[^\s'\"]{0,2048})?|\.{3,}|"
        r"[A-Z][A-Z_-]{2,}[\w-]{0,40}) from origin "
    ),
    re.compile(
        r"(?:can ?not load|Failed to load|resource at|connection to) "
        r"(?P<url>X{3,}|\*{3,}|['\"]?(?:\[[^\[\]]{1,200}\]|<[^<>]{1,200}>|\{[^{}]{1,200}\}|\([^()]{1,200}\))"
        r"(?:/[^\s'\"]{0,2048}?)?)"
        r"['\"]?(?=[.:,]? |[.:,]?$)"
    ),
    # A long URL may have been wrapped.
    re.compile(
        r"remote resource at '?(?P<url>[^'\s]+?(?:(?<=[/&=?_-]) [^'\s]{1,2048}?)?(?:\.{3})?)'?\.? ?(?:soon\. )?(?:\(|$)"
    ),
    re.compile(
        r"(?:cannot load|Failed to load) "
        # A line ends within the query.
        r"(?P<url>(?:[a-z][a-z0-9+.-]*:|[\[{<]|[\w-]+\.[\w-])"
        r"(?>\[[^\[\]'\"]{1,80}\]|[^\s'\"]|(?<=[?&=]) (?=[\w%.-]{1,200}[=&/]))+?(?:\.{3})?)[.:]? (?=[A-Z]|due )"
    ),
    re.compile(rf"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) {_QUOTED_URL}"),
    re.compile(r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<url>[\[{<][^\]}>]{1,80}[\]}>])(?= net::)"),
    re.compile(r"(?:connection to|server at) '(?P<url>wss?://[^']{1,2048})'"),
    re.compile(r"(?:connection to|server at) [\"']?(?P<url>wss?://[^\s'\"]+)"),
    re.compile(
        rf"(?:Http failure response for|uri=|\burl[\"']?:|load stylesheet at|loading the \w+) ?{_QUOTED_URL}",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?:connect(?:ing)? to|resource at|content from|Cancelled load to|module:?|load|fetch) "
        rf"[\"']?(?P<url>[a-z][a-z0-9+.-]*://{_REST_OF_URL}+)",
        re.IGNORECASE,
    ),
    re.compile(r"Refused to \w+(?: \w+){0,2} '(?P<url>[^']+)' (?:in a frame )?because"),
    re.compile(r"\b[A-Z]\w{1,20}ing(?: \w{1,20}){0,3} '(?P<url>[^']{1,2048})' violates the "),
    re.compile(r"attempt to load URL (?P<url>[^\s']+) from frame"),
    re.compile(
        r"annot load (?:audio|font|image|media|script|stylesheet|video) (?P<url>[a-z][a-z0-9+.-]*://\S{1,2048})"
    ),
    # Behind the line that a person quotes.
    re.compile(r"\b[1-5]\d\d \([A-Z][\w' -]{1,40}\)'?\"? (?:at|for|from) ['\"]?(?P<url>https?://[^\s'\"]{1,2048})"),
    # A URL that a person names.
    re.compile(r"'(?P<url>[\w-]{1,63}(?:\.[\w-]{1,63}){1,10}[:/][^\s']{0,2048})' (?:gets|got|is|was) blocked\b"),
    re.compile(r"resource at (?P<url>(?:blob|data|filesystem):[^\s'\"]{1,2048})"),
    re.compile(r"Access to [\w ]{1,40} at '\[(?P<url>https?:[^'\s\]]+)\] ", re.IGNORECASE),
    re.compile(r"Access to [\w ]{1,40} at '(?P<url>[^']{1,2048}?) ?'", re.IGNORECASE),
    # The first quotation mark was not copied.
    re.compile(r"(?:^| )(?P<url>(?:https?|file)://[^\s']{1,2048})' from origin "),
)
# In WebKit, the answer that redirects failed the check. The URL that follows was never requested.
_REDIRECTION: Final = re.compile(
    r"Cross-origin redirection to (?P<target>\[[^\[\]]{1,200}\]|<[^<>]{1,200}>|\S{1,2048}) denied by "
)
# The rest of a URL whose first letters were not copied.
_REST: Final = re.compile(r"^'?[htp]{0,4}?(?:(?P<secure>s)|p)://(?P<rest>[^\s']{1,2048})'?(?= from origin )")
# The path in a line of a server's log, or in a request line.
_LOGGED: Final = re.compile(
    r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<path>/[^\s'\"]{0,2048})(?=[ '\"]|$)|"
    r"\bpath=['\"](?P<path2>/[^\s'\"]{0,2048})['\"]|"
    # Django's.
    r"\bForbidden \([^()]{1,200}\): (?P<path3>/[^\s'\"]{0,2048})"
)
# A request of HTTP/2 has its URL in parts.
_PSEUDO: Final = re.compile(r"(?<!\S):(authority|path|scheme): ?(\S{1,2048})")
# The header of a response, as pasted next to a message.
_SENT: Final = re.compile(
    r"\bAccess-Control-Allow-Origin: ?((?:\*|null|[a-z][a-z0-9+.-]{1,30}://[^\s,'\"]{1,253})"
    r"(?:, ?(?:\*|null|[a-z][a-z0-9+.-]{1,30}://[^\s,'\"]{1,253}))*)",
    re.IGNORECASE,
)
# Not a URL, because the line does not say where the redirect leads.
_NOWHERE: Final = "http://["
# In the place of a line that Chromium adds, the URL has no scheme.
_PLACED: Final = re.compile(
    r"(?:^| )(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d{1,5})?/\S{0,2048}?"
    r"(?=(?::\d+)? Failed to load resource| [45]\d\d \([A-Z]|' from origin ')"
)
# What Firefox says about a page of the web that links to a file.
_OF_WEB_PAGES: Final = re.compile(r"Not allowed to load local resource|may not (?:load|link)")
# Where a line names the page.
_ORIGINS: Final = (
    re.compile(r"\borigin '(?P<origin>[^']{1,2048})' has been blocked by"),
    re.compile(r"from (?:the )?origin '(?P<origin>[^']+)'(?! has been blocked from loading)"),
    re.compile(
        r"(?:from origin|[Rr]equest origin|with origin|(?<!Allow-)Origin(?: header| of the request)?):? [\"']?"
        r"(?P<origin>(?:[a-z][a-z0-9+.-]*://[^\s'\"]+(?![^\s'\"])|null\b))(?!'? has been blocked from loading)"
    ),
    re.compile(
        r"(?<![\w-])(?<!target )(?<!allowed )(?<!expected )(?<!granted for )(?:request_?)?origin"
        r"(?:[\"']?\s?[:=]\s?(?:Some\()?[\"']?(?P<origin>[a-z][a-z0-9+.-]*://[^\s'\",;)\]}]+|(?<=[\"'(])null\b)|"
        r" [\"'\[](?P<origin2>[a-z][a-z0-9+.-]*://[^\s'\"\]]+|null)[\"'\]](?! has been blocked))",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<![\w-])(?<!target )(?<!allowed )(?<!expected )(?<!granted for )origin "
        r"(?P<origin>https?://[^\s'\"/,;)]+)/?(?= (?:is|was|not)\b|$)",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?P<origin>\b[a-z][a-z0-9+.-]{1,30}://[^\s'\"/]{1,253}|\bnull) is not an? (?:accepted|valid) origin\b"
    ),
    re.compile(r"\bOrigin '(?P<origin>[^']{1,2048})' (?:\([^()]{1,100}\) )?is therefore "),
    re.compile(r"Content at (?P<origin>[a-z][a-z0-9+.-]*://\S{1,2048}) may not (?:load|link)"),
    re.compile(r"\) does not match the page \((?P<origin>[^\s()]+)\)"),
    # The console of an app, in the log of the app.
    re.compile(r"['\"], source: (?P<origin>[a-z][a-z0-9+.-]*://[^\s'\"]{1,2048}?\.html?)\b"),
    re.compile(r"from frame with URL '?(?P<origin>[a-z][a-z0-9+.-]*://[^\s'\"]+)"),
    re.compile(r"(?:The page at |current origin \()'?(?P<origin>[a-z][a-z0-9+.-]*://[^\s'\"]+)"),
    re.compile(r"\breferr?er(?: header)?[\"']?[:=]\s?[\"']?(?P<origin>https?://[^\s'\",)\]}]+)", re.IGNORECASE),
)
# The place of a line in the console of a page that is a file.
_IN_FILE: Final = re.compile(
    r"\bon line \d{1,7} of file:///|(?<!\S)file:///\S{1,2048}?:\d{1,7}(?::\d{1,7})?: CONSOLE\b", re.IGNORECASE
)
# A URL or an origin that somebody has redacted: its host, or a part of it, has no letters except x, or has brackets.
_REDACTED: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]*:)?(?://)?[.*x_?\-]{2,}(?:[/:].*)?|https?:/*|"
    r"(?:[a-z]+://)?[^/?#]*(?:[\[{<][a-z][^\]}>:]*[\]}>]|\.\.|\*\*)[^/?#]*(?:[/?#].*)?|.*[\u2580-\u259f].*|"
    r"(?:[a-z]+://)?(?=[\d.]*x)[\dx]{1,9}(?:\.[\dx]{1,9}){3}(?:[:/].*)?|[a-z]+://[^/?#]*\bxx[.-]xx\b.*|[a-z]+://your[\w-]*(?:[:/].*)?|"
    r"(?:[a-z]+://)?[^/?#]*[{<].*|[a-z]+://(?:[^/?#]*\.)?(?:x{3,}\.|[^/?#]*x{4,}).*|\([^()]*\)|"
    r"[a-z]+://(?:[^/?#]*\.)?[_-]{2,}(?:[.:/?#].*)?|[^\s#]*#{3,}.*|"
    # Without a scheme.
    r"(?-i:[\w.-]{0,60}?XXX[\w.-]{0,60})(?:[/?#].*)?|"
    # A space ended the line within the brackets.
    r"[a-z]+://[^/?#]*[(<\[{][^/?#)>\]}]*|"
    # No host ends with a hyphen, and a port is a number.
    r"https?://[^/?#]*-(?:[:/?#].*)?|"
    r"[a-z]+://[^/?#@\[]*:[a-z_][^/?#@]*(?:[/?#].*)?|"
    # A browser prints a host in lower case.
    r"[a-z]+://(?-i:[A-Z][A-Z_-]+|[^/?#]*XXX[^/?#]*|(?:[^/?#]*\.)?[A-Z]+[_-][A-Z_-]*[A-Z]\.[^/?#]*|"
    r"(?:[^/?#]*\.)?(?:(?:MY|YOUR)?DOMAIN|HOST(?:NAME)?|SERVER|COMPANY|SITE|TLD)(?:\.[^/?#]*)?)(?:[:/?#].*)?|"
    # It prints an IP address in full.
    r"[a-z]+://\d{1,3}(?:\.\d{1,3}){0,2}(?:[:/?#].*)?|"
    # What people write in place of a host.
    r"[a-z]+://(?:hostname|domain|(?:host|ip|url)(?!:\d)|[a-z]|(?:[^/?#]*[.-])?redacted\d?(?:\.[^/?#]*)?|[^/?#:]*\.tld|"
    r"(?:the|my|your|our)?[-_]?(?:server|host|backend|machine)[-_]?(?:ip|url|address|name)(?:[-_]?here)?|"
    r"(?:my|our)[_-]\w{0,20}?(?:bucket|ip|host|hostname|domain|url|address))(?:[:/?#].*)?|https?:///.*",
    re.IGNORECASE,
)
_BRACKETED: Final = re.compile(r"[(<\[{]((?:https?|wss?)://[^\s<>{}]{1,2048})[)>\]}]")
_BLACK: Final = re.compile(r"[\u2580-\u259f]+")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HOST_ONLY: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+(?::\d+)?(?:/\S*)?", re.IGNORECASE)
_SOCKET_URL: Final = re.compile(r"\bwss?://", re.IGNORECASE)
# With those of WebDAV.
_VERBS: Final = "GET|HEAD|POST|PUT|PATCH|DELETE|PROPFIND|PROPPATCH|MKCOL|REPORT"
_METHODS: Final = re.compile(
    rf"\b(?P<method>{_VERBS}) ['\"]?(?:(?P<at>https?:{_REST_OF_URL}{{0,2048}})|[\[{{</])|"
    r"(?<![\w-])[\"']?method[\"']?: ?[\"'](?P<method2>[A-Za-z]{3,10})[\"']|"
    # A call in the code.
    rf"\.(?P<method6>delete|get|head|patch|post|put)(?:JSON)?\(['\"](?P<at6>https?:{_REST_OF_URL}{{0,2048}})|"
    r"\b(?i:Access-Control-Request-Method)[\"']?: ?[\"']?(?P<method3>[A-Za-z]{3,10})\b|"
    r"(?<!\S)(?::method|METHOD): ?(?P<method4>[A-Z]{3,10})\b|"
    r"\bcurl\b.{0,2048}? (?:-X|--request) ?['\"]?(?P<method5>GET|HEAD|POST|PUT|PATCH|DELETE)\b"
)
# Elements only send GET.
_OF_ELEMENT: Final = re.compile(
    r"Access to (?:audio|CSS stylesheet|font|image|link|manifest|script|style|video)\w* (?:at|from) ", re.IGNORECASE
)
# What an element loads that may be loaded without CORS.
_ELEMENT: Final = re.compile(
    r"\bAccess to (?P<kind>audio|CSS stylesheet|image|script|video) (?:at|from) |"
    r"\b(?P<old>Image|Script|Stylesheet) from origin ",
    re.IGNORECASE,
)
_REQUESTS: Final = re.compile(
    rf"\b(?P<method>{_VERBS}) (?P<url>https?://[^\s'\"]{{1,2048}})|"
    # The settings of Axios.
    r"['\"]url['\"]: ?['\"](?P<url2>https?://[^\s'\"]{1,2048})['\"], ?"
    r"['\"]method['\"]: ?['\"](?P<method2>[A-Za-z]{3,10})['\"]|"
    r"['\"]method['\"]: ?['\"](?P<method3>[A-Za-z]{3,10})['\"], ?"
    r"['\"]url['\"]: ?['\"](?P<url3>https?://[^\s'\"]{1,2048})['\"]"
)
# A row of a preflight that failed.
_PREFLIGHT_ROWS: Final = re.compile(
    r"\bOPTIONS (?P<url>https?://[^\s'\"]{1,2048}|\[[^\[\]]{1,80}\]|<[^<>]{1,80}>) "
    r"(?:\S{1,2} )?(?:\[?HTTP/[\d.]{1,3} )?"
    r"(?:CORS [A-Z]|(?P<status>[45]\d\d)\b)"
)
_STATUSES: Final = re.compile(
    r"net::ERR_(?:FAILED|ABORTED) (?P<a>\d{3})\b|\b[Ss]tatus(?: ?[Cc]ode|kod)?(?::| |: )'?(?P<b>[1-5]\d\d)\b|"
    r"status of (?P<c>\d{3})\b|\bHTTP/[\d.]+ (?P<d>\d{3})\b|HTTP status code (?P<e>\d{3})\b"
)
# The answer to a command is not the answer that the browser got.
_OF_COMMAND: Final = re.compile(r"\bcurl(?:\.exe)? [^\0]{1,8192}?\bHTTP/[\d.]{1,3} \d{3}\b")
# A row of a panel, or of the console, with its status.
_ROWS: Final = re.compile(
    r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<url>https?://[^\s'\"]{1,2048}) (?:\S{1,2} )?"
    r"(?:(?:\[?HTTP/[\d.]{1,3}|net::ERR_[A-Z_]{1,40}) )?(?P<status>[1-5]\d\d)\b|"
    # Of Internet Explorer.
    r"\bHTTP(?P<status3>[45]\d\d): [A-Z](?:[^:]{0,200}? (?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) - "
    r"(?P<url4>https?://[^\s'\"]{1,2048}))?|"
    # Of Firebug.
    r"\bNetworkError: (?P<status5>[45]\d\d) [A-Za-z][A-Za-z ]{0,40}- (?P<url6>https?://[^\s'\"]{1,2048})|"
    # Its method was not copied.
    r"(?<!\S)(?P<url5>https?://[^\s'\"]{1,2048}) (?P<status4>[45]\d\d) \([A-Z]|"
    r"(?:(?<!\S)(?P<place>[^\s'\"]{1,2048}):\d{1,6} )?(?:(?P<url2>https?://[^\s'\"]{1,2048}) )?"
    r"Failed to load (?:(?P<url7>https?://[^\s'\"]{1,2048}) )?resource: "
    r"the server responded with a status of (?P<status2>\d{3})(?: \([^()]{0,40}\))?"
    r"(?: (?P<url3>https?://[^\s'\"]{1,2048})| \((?P<place2>[^\s'\"()]{1,2048}?)(?:, line \d{1,6})?\))?"
)
_STATUS_GROUPS: Final = ("status", "status2", "status3", "status4", "status5")
_URL_GROUPS: Final = ("url", "url2", "url3", "url4", "url5", "url6", "url7")
_WITHOUT_SCHEME: Final = re.compile(r"(localhost|[\w-]+(?:\.[\w-]+)+)(?::\d{1,5})?(?:[/?#]|$)")
# Where a stack says that a script of a development server is, or one of an extension of Firefox.
_SCRIPTS: Final = re.compile(
    r"\bhttp://(?:localhost|127\.0\.0\.1)(?::\d{1,5})?(?=/[^\s'\"?()]{0,400}\.(?:[cm]?[jt]sx?|vue|svelte)\b)"
)
_EXTENSION_SCRIPTS: Final = re.compile(r"\bmoz-extension://[\da-f-]{36}(?=/[^\s'\"?()]{0,400}\.m?js\b)")
_LISTS: Final = re.compile(
    r"(?<![\w'\"-])(?P<name>Access-Control-Allow-(?:Methods|Headers)): ?"
    r"(?P<list>[\w*-]{1,60}(?:, ?[\w*-]{1,60}){1,40})",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(
    r"\bAccess-Control-Request-Headers[\"']?: ?[\"']?(?P<list>[\w-]{1,60}(?:, ?[\w-]{1,60}){0,20})", re.IGNORECASE
)
# The URL that failed was not copied, only the one that redirected to it.
_ONLY_FIRST: Final = re.compile(r"\s?\(?redirected from '(?P<first>[^']{1,2048})")
_WRAP: Final = re.compile(r"(?<=[/&=?_-]) (?=\w)")
_HTTP: Final = re.compile(r"^https?://")
_PATH: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://[^/?#]*|<[^<>]*>|\{[^{}]*\}|\[[^\[\]]*\]|\.{3,4}|x{3,}|\*{3,})"
    r"/((?:(?!\.{3}|\*{3})[^\s'\"<>{}\[\]\u2580-\u259f])+)"
)
# A whole part of a path of which nothing is shown.
_HIDDEN_PART: Final = re.compile(r"(?<=[^/:])/(?:\*{2,}|x{3,}|<[^<>/]*>|\{[^{}/]*\}|\[[^\[\]/]*\])(?=/)", re.IGNORECASE)
_HIDDEN_HOST: Final = re.compile(
    r"(?P<scheme>https?|wss?)://(?P<host>[^/?#]*?)(?P<port>:\d{1,5})?(?::[^/?#:]*)?(?=[/?#]|$)"
)
# What stands for an extension, by its scheme.
_EXTENSIONS: Final = {
    "chrome-extension": f"chrome-extension://{'a' * 32}",
    "moz-extension": "moz-extension://00000000-0000-4000-8000-000000000000",
    "safari-web-extension": "safari-web-extension://00000000-0000-4000-8000-000000000000",
}
_IDENTIFIER: Final = re.compile(r"[\w-]+(?:[:/].*)?")
# A part of a host of which nothing is hidden.
_LABEL: Final = re.compile(
    r"(?![a-z0-9-]*(?:x{3}|xx-xx|redacted|your|example)|tld\b|(?!www\b)([a-z])\1{2,}(?:\.|$))[a-z0-9-]+"
)
# More than a name below a top-level domain.
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?<!\.\d)\.[a-z]{2,20}")
# What a server refuses, by two headers of the request.
_REFUSED: Final = re.compile(r"\b(?:Origin|Referer): ?\S{1,2048}, ?Host: ?\S")
# Where a server that was started says that it listens.
_SERVING: Final = re.compile(
    r"(?i:\b(?:running|listening|serving|started|available|ready)(?: at| on):? )(?P<server>https?://[^\s/'\"]{1,253})"
)
# The host in the lines of a request.
_HOST: Final = re.compile(r"(?<![\w-])Host: ?(?P<host>[\w-]+(?:\.[\w-]+)+|localhost)(?P<port>:\d{1,5})?(?![\w.])")


def methods_by_url(text: str) -> dict[str, tuple[str, ...]]:
    """
    Return for each URL the methods that *text* names: Chromium prints them in a line before the line about the failure.
    """
    methods: dict[str, tuple[str, ...]] = {}
    for found in _REQUESTS.finditer(text):
        url = found["url"] or found["url2"] or found["url3"]
        method = found["method"] or (found["method2"] or found["method3"]).upper()
        before = methods.setdefault(url, ())
        methods[url] = (*before, method) if method not in before else before
    return methods


def status_in_rows(text: str, url: str, *, is_alone: bool) -> tuple[str, bool]:
    """
    Return the status that the rows of *url* in *text* have, before or after the line about the failure (empty if there
    is none, or several), and whether such a row names *url*. A row without a URL counts if *url* *is_alone* in the
    text.
    """
    rows = [row for row in _ROWS.finditer(text) if _is_row_of(row, url, is_alone=is_alone)]
    statuses = {next(filter(None, (row[name] for name in _STATUS_GROUPS))) for row in rows}
    return (statuses.pop(), any(map(_place_of, rows))) if len(statuses) == 1 else ("", False)


def preflights_by_url(text: str) -> dict[str, str | None]:
    """
    Return for each URL the status of its preflight, if *text* has a row for one that failed (None without a status).
    """
    return {found["url"]: found["status"] for found in _PREFLIGHT_ROWS.finditer(text)}


def names_socket(text: str) -> bool:
    return "websocket" in without_urls(text).lower() or _SOCKET_URL.search(text) is not None


def names_file(url: str, text: str) -> bool:
    """
    Whether only a page that is a file itself requests *url*.
    """
    return url.startswith("file:") and not _OF_WEB_PAGES.search(text)


def allow_origin_named(text: str) -> str:
    """
    Return the Access-Control-Allow-Origin of a response whose headers are in *text*; empty if there is none.
    """
    sent = _SENT.search(text)
    return "" if sent is None else sent[1]


def headers_requested(text: str) -> tuple[str, ...]:
    """
    Return the names of the headers for which a preflight asks whose header lines are in *text*.
    """
    asked = _ASKED.search(text)
    return () if asked is None else tuple(name.strip().lower() for name in asked["list"].split(","))


def lists_named(text: str) -> list[tuple[str, str]]:
    """
    Return the lists of methods and headers of a response whose header lines are in *text*, those with `*` excepted.
    """
    return [(found["name"], found["list"]) for found in _LISTS.finditer(text) if "*" not in found["list"]]


def redirection_named(text: str) -> re.Match[str] | None:
    """
    Return where *text* says that a redirect leads, in the words of WebKit, as the group `target`.
    """
    return _REDIRECTION.search(text)


def location_named(target: str) -> str:
    """
    Return *target*, to which a redirect leads, or what is not a URL if it is redacted or not known.
    """
    target = target[:LONGEST_WORD]
    return f"{_NOWHERE}{target}" if not target or _REDACTED.fullmatch(target) else target


def path_logged(text: str) -> str:
    """
    Return the path that the lines of a server's log name; empty if there is none, or several.
    """
    paths = [next(filter(None, logged.groups())) for logged in _LOGGED.finditer(text)]
    return paths[0] if len({path.partition("?")[0] for path in paths}) == 1 else ""


def method_named(text: str, url: str) -> str | None:
    """
    Return the method of the request of *url* that *text* names.
    """
    if _OF_ELEMENT.search(text):
        return "GET"
    places = ((found, found["at"] or found["at6"]) for found in _METHODS.finditer(text))
    named = [found for found, at in places if not at or is_same(at, url)]
    if not named:
        return None
    # A preflight names the method of the request that follows it.
    said_by = next((found for found in named if found["method3"]), named[0])
    method = next(said_by[f"method{number}"] for number in ("", 2, 3, 4, 5, 6) if said_by[f"method{number}"])
    # Axios, for example, has methods in lower case in its settings, and sends them in upper case.
    return method.upper() if said_by["method2"] or said_by["method6"] else method


def element_named(text: str) -> str:
    """
    Return what an element of the page loads, as Chromium names it in *text*; empty if it names none, or if that is
    never loaded without CORS.
    """
    found = _ELEMENT.search(text)
    return "" if found is None else (found["kind"] or found["old"]).lower()


def status_named(text: str, url: str) -> str:
    """
    Return the status of the answer of *url* that *text* names; empty if there is none.
    """
    text = _OF_COMMAND.sub("", text)
    found = _STATUSES.search(_ROWS.sub(lambda row: row[0] if _is_row_of(row, url, is_alone=True) else "", text))
    return next((status for status in found.groups() if status), "") if found else ""


def is_same(one: str, other: str) -> bool:
    """
    Whether *one* and *other* are the same URL; one of them may be cut off, and people confuse http and https.
    """
    (one, rest), (other, other_rest) = map(_bared, (one, other))
    if rest is not None and other_rest is not None:
        return one.startswith(other) or other.startswith(one)
    if rest is not None:
        return other.startswith(one) and other.endswith(rest)
    return one == other if other_rest is None else one.startswith(other) and one.endswith(other_rest)


def _bared(url: str) -> tuple[str, str | None]:
    """
    Return *url* without its scheme and a slash at its end, or what is before and behind the place where it is cut.
    """
    # People change the case where they hide a part.
    head, mark, rest = _HTTP.sub("", url).lower().partition("...")
    rest = rest.strip("./")
    return (head, rest) if mark else (head.rstrip("./"), None)


def _is_row_of(row: re.Match[str], url: str, *, is_alone: bool) -> bool:
    if not _place_of(row):
        return is_alone
    named = next(filter(None, (row[name] for name in _URL_GROUPS)), None)
    # Chromium and Safari write the last part of the path, before or after their own line.
    place = (row["place"] or row["place2"] or "").rpartition("/")[2]
    return (named is None or is_same(named, url)) and place in {"", url.rstrip("/").rpartition("/")[2]}


def _place_of(row: re.Match[str]) -> str:
    """
    Return the URL, or the part of it, that a row names; empty if none.
    """
    return next(filter(None, (row[name] for name in (*_URL_GROUPS, "place", "place2"))), "")


def with_scheme(url: str) -> str:
    """
    Return *url* with the scheme that a host and a port without one most likely have.
    """
    found = _WITHOUT_SCHEME.match(url)
    return url if found is None else f"{'https' if address_space(found[1]) == 'public' else 'http'}://{url}"


class NamedUrl(NamedTuple):
    """
    The *url* that a message names, and the *first* one before all redirects; empty if it names none, or hides it. If
    a part of one is hidden, *shown* and *first_shown* are the rest of it, with a name of ours in place of the host, or
    without a host.
    """

    url: str = ""
    first: str = ""
    is_redacted: bool = False
    shown: str = ""
    first_shown: str = ""
    elsewhere: str = ""


def url_named(
    text: str, said: Mapping[str, str], origin: str | None, core: tuple[int, int], *, is_cors: bool
) -> NamedUrl:
    """
    Return the URL that *text* names, relative to a page on *origin*; the core of the message, which is at *core*, may
    have *said* one.
    """
    if (only := _ONLY_FIRST.match(text)) is not None:
        return NamedUrl("", as_url(only["first"], origin))
    # The host that a proxy asks for is not the one that the page requests.
    if _REFUSED.search(text):
        return NamedUrl()
    is_shown, before, rests = False, "", ("", "")
    for url, first in [(said["url"], "")] if "url" in said else _urls_in(text):
        whole = as_url(url, origin)
        if whole:
            return NamedUrl(whole, as_url(first, origin) if first else whole, first_shown=_rest_of(first))
        # A relative URL is not blacked out.
        is_shown = is_shown or not url.startswith(("/", "./", "../"))
        if not any(rests):
            before, rests = as_url(first, origin), (_rest_of(url), _rest_of(first))
    if not is_shown:
        pages = {found.start(found.lastindex or 0) for pattern in _ORIGINS for found in pattern.finditer(text)}
        loose = [one for one in loose_urls(text, core) if one.start not in pages]
        loose = [
            one
            for one in loose
            if not _REDACTED.fullmatch(one.url) and not _is_of_page(one.url, origin, is_cors=is_cors)
        ]
        tied = {one.url.rstrip("/"): one.url for one in loose if one.is_tied}
        if len(tied) == 1:
            return NamedUrl(url := tied.popitem()[1], url)
        others = {one.url.rstrip("/"): one.url for one in loose if not _is_of_page(one.url, origin, is_cors=True)}
        if not tied and len(others) == 1:
            return NamedUrl(elsewhere=others.popitem()[1])
    return NamedUrl("", before, is_shown, *rests)


def _is_of_page(url: str, origin: str | None, *, is_cors: bool) -> bool:
    """
    Return whether *url* is the page itself, or one that a page on *origin* requests without CORS.
    """
    if origin is None or not url.startswith(origin):
        return False
    rest = url.removeprefix(origin)
    return rest in {"", "/"} or (is_cors and rest.startswith("/"))


def _urls_in(text: str) -> list[tuple[str, str]]:
    """
    Return each URL that *text* names, and the one before all redirects (empty if it names none); the likeliest first.
    """
    pseudo = dict(_PSEUDO.findall(text))
    named = []
    if "authority" in pseudo:
        named.append((f"{pseudo.get('scheme', 'https')}://{pseudo['authority']}{pseudo.get('path', '/')}", ""))
    matches = (pattern.search(text) for pattern in _URLS)
    named += [(found["url"], found.groupdict().get("first") or "") for found in matches if found is not None]
    if (rest := _REST.match(text)) is not None:
        named.append((f"http{'s' if rest['secure'] else ''}://{rest['rest']}", ""))
    if (placed := _PLACED.search(text)) is not None:
        named.append((placed[0].strip(), ""))
    if not named and "Access-Control-Request-" in text and (host := _HOST.search(text)) is not None:
        named.append((f"{host['host']}{host['port'] or ''}{path_logged(text) or '/'}", ""))
    servers = {found["server"] for found in _SERVING.finditer(text)}
    if not named and len(servers) == 1 and (path := path_logged(text)):
        named.append((f"{servers.pop()}{path}", ""))
    return named


def _rest_of(url: str) -> str:
    """
    Return what is shown of *url*, a part of which is hidden.
    """
    return f"{_server_of(url)}{_path_of(url)}"


def _path_of(url: str) -> str:
    """
    Return what follows the host of *url*, as far as nothing of it is hidden.
    """
    url = _HIDDEN_PART.sub("/example", url[:LONGEST_WORD])
    found = _PATH.match(url)
    if found is None:
        return ""
    if url.startswith("...", found.end()):
        # The last part is not whole.
        return found[1].partition("?")[0] if "?" in found[1] else found[1].rpartition("/")[0]
    return found[1].rstrip(".,:;")


def _server_of(url: str, unknown: str = "api.example.com") -> str:
    """
    Return the scheme, the host and the port of *url*, with a name of ours in place of what is hidden of the host
    (*unknown*, if all is); empty if its form is another one.
    """
    found = _HIDDEN_HOST.match(url[:LONGEST_WORD])
    if found is None:
        return ""
    labels = [label if _LABEL.fullmatch(label) else "example" for label in found["host"].split(".")]
    shown = ".".join(label for label, _ in groupby(labels))
    host = shown if _DOMAIN.fullmatch(shown) else unknown
    return f"{found['scheme']}://{host}{found['port'] or ''}/"


def as_url(text: str, origin: str | None) -> str:
    """
    Return *text* as a URL, relative to a page on *origin*; empty if it is not one.
    """
    whole = text[:LONGEST_WORD]
    if (within := _BRACKETED.fullmatch(whole)) is not None:
        whole = within[1]
    # A URL that was wrapped.
    whole = _WRAP.sub("", whole)
    if whole.startswith(("http", "ws")) and " " in whole.strip().partition("://")[2].partition("/")[0]:
        # What stands for a host.
        return ""
    # A password is secret, and fetch() does not accept one.
    bare = whole.rstrip(".,:;'" if "(" in whole else ".,:;)'")
    is_cut = whole.startswith("...", len(bare)) and "/" in bare.partition("://")[2]
    text = USERINFO.sub("", f"{bare}..." if is_cut else bare.strip())
    if text.startswith("file:///"):
        # The scheme says what failed, whatever is blacked out of the path.
        return _BLACK.sub("...", text)
    if any(_REDACTED.fullmatch(word) for word in (whole, text)) or not text:
        return ""
    if text.startswith("/"):
        return "" if origin in {None, NULL} else f"{origin}{text}"
    # A scheme cannot be distinguished from a host with a port: the browser read localhost: as a scheme.
    if _SCHEME.match(text):
        return text
    # Without a scheme, it is a host, a path of an unknown page, or a placeholder for the URL.
    return text if _HOST_ONLY.fullmatch(text) else ""


class NamedPage(NamedTuple):
    """
    The *origin* of the page that a message names, None if it names none, or hides it; *hidden* is then what takes its
    place, if something of it is shown.
    """

    origin: str | None
    is_redacted: bool = False
    hidden: str = ""


def page_sent(word: str, unknown: str = "app.example.com") -> NamedPage:
    """
    Return the page whose origin is *word*; *unknown* is the host, if nothing of it is shown.
    """
    scheme, _, host = word.partition("://")
    extension = _EXTENSIONS.get(scheme)
    is_hidden = extension is not None and _IDENTIFIER.fullmatch(host) is None
    origin = None if is_hidden or _REDACTED.fullmatch(word) else origin_named(word)
    if origin is not None or not word:
        return NamedPage(origin)
    if _HOST_ONLY.fullmatch(word) and not _REDACTED.fullmatch(with_scheme(word)):
        return NamedPage(None, hidden=with_scheme(word))
    # A browser prints an origin, so anything else stands for one.
    return NamedPage(None, is_redacted=True, hidden=extension or _server_of(word, unknown).rstrip("/"))


def page_in(text: str, said: Mapping[str, str]) -> NamedPage:
    """
    Return the page that *text* names; the core of the message may have *said* one.
    """
    named = [said["origin"]] if "origin" in said else []
    # A server behind a proxy names the host alone.
    named = [f"https://{word}" if _HOST_ONLY.fullmatch(word) else word for word in named]
    is_shown, hidden = False, ""
    for word in [*named, *_origins(text)]:
        if " " in word.strip():
            # What stands for an origin.
            return NamedPage(None, is_redacted=True)
        # One name stands for one server.
        is_server = f"redirected from '{word.rstrip('/')}/" in text
        page = page_sent(word, "api.example.com" if is_server else "app.example.com")
        if page.origin is not None:
            return page
        is_shown, hidden = is_shown or page.is_redacted, hidden or page.hidden
    return (
        NamedPage(NULL) if "requests from null" in text or _IN_FILE.search(text) else NamedPage(None, is_shown, hidden)
    )


def script_origin_in(text: str, url: str) -> str:
    """
    Return the one origin on this machine from which the scripts in *text* come, if that is not where *url* leads: most
    likely, the page is there, too. Empty if there is none, or several.
    """
    origins = {found[0] for found in _SCRIPTS.finditer(text)}
    return origins.pop() if len(origins) == 1 and not url.startswith(tuple(origins)) else ""


def extensions_in(text: str) -> set[str]:
    """
    Return the origins of the extensions of Firefox whose scripts are in *text*.
    """
    return {found[0] for found in _EXTENSION_SCRIPTS.finditer(text)}


def _origins(text: str) -> Iterator[str]:
    for pattern in _ORIGINS:
        for found in pattern.finditer(text):
            word = next(filter(None, found.groups()))[:LONGEST_WORD]
            # The host of app://. is a dot; several dots stand for what was cut off.
            yield word if word.endswith(("://.", "..")) else word.rstrip(".,)")
