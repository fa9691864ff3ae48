"""
Lines about other rules of the browser: networks, mixed content, CSP, CORP, ORB, elements, cookies, CSRF.

No row here is about a CORS header, and each is more specific than the rows for a failed connection.
"""

from typing import Final

from corsguard.browser import Reason

from .core import Core, core

# Further names, as people list them.
_MORE: Final = r"(?:['\"](?:,|,? and) ?['\"][\w-]{1,100}){0,20}"

RULES: Final[tuple[Core, ...]] = (
    core(r"ERR_TOO_MANY_REDIRECTS", Reason.TOO_MANY_REDIRECTS),
    core(
        r"not a secur\w+ context\W.{0,60}more-private address space '?(?P<value>\w+)?|"
        r"request client is not a secure context|"
        r"(?:private|local) network requests are (?:only )?made from secure contexts|"
        r"ERR_INSECURE_PRIVATE_NETWORK_REQUEST|Insecure(?:Local|Private)Network\b",
        "insecure_local_network",
    ),
    core(r"local network requests are compatible with restrictions", "local_network_access"),
    core(r"(?<!Request-)Private-Network", "private_network_access"),
    # What the Issues panel says of both rules. The rest of its text tells which one it is.
    core(r"privileged network position.{0,600}?(?:opt-into|preflight)", "private_network_access"),
    core(
        r"privileged network position.{0,600}?(?:permission|Local Network Access)|"
        r"(?:permission|Local Network Access).{0,600}?privileged network position",
        "local_network_access",
    ),
    core(r"privileged network position", "less_public_network"),
    # Some repeat it with a "to".
    core(
        r"Request had (?:no|to) target\b"
        r"(?:.{0,40}?resource is in address space '?(?P<value>public|local|loopback|private)\b)?",
        "private_network_access",
    ),
    core(
        # A request that announces none.
        r"target IP address space of '?unknown'?,? yet the resource is in address space "
        r"'?(?P<value>public|local|loopback|private)\b",
        "private_network_access",
    ),
    core(
        r"target IP address space of '?\w+'?,? yet the resource is in address space "
        r"'?(?P<value>public|local|loopback|private)\b",
        "target_address_space",
    ),
    core(r"target IP address space", "target_address_space"),
    core(
        r"to access the '?(?P<value>unknown|local|loopback|private)'?(?: IP)? address space|address space|"
        r"BLOCKED_BY_(?:LOCAL|PRIVATE)_NETWORK_ACCESS_CHECKS|Local Network Access detected|"
        r"(?:Local|Private) ?Network ?Acces{2,3} ?Permission",
        "local_network_access",
    ),
    # Chromium before 81 blocked images and media only in words, and later versions ask for them over https.
    core(
        # Up to 42, it said "ran" of a script that the user let run.
        r"(?<!\[blocked\] )The page at (?:'(?P<origin>[^']{1,2048})'|\S{1,2048}) (?:was loaded over HTTPS, but )?"
        r"(?:displayed|ran) insecure content from '?(?P<url5>[^\s']{1,2048})|"
        r"insecure [^']{1,80}?'(?P<url>[^']{1,2048})'\. This (?:content should also be served over HTTPS|request was "
        r"automatically upgraded)|(?:Loading mixed \(insecure\) display content|Upgrading insecure (?:display )?"
        r"request) ['\"](?P<url2>[^'\"]{1,2048})|This content should also be served over HTTPS|"
        r"requested insecure content from '?(?P<url4>[^\s']{1,2048}?)'?\.? This content was automatically upgraded|"
        r"insecure (?:WebSocket )?endpoint '(?P<url3>[^']{1,2048})'\. This endpoint should be (?:made )?available",
        "mixed_content_warned",
    ),
    core(
        r"(?:requested|loaded) an insecure [a-z]+.{0,60}?'(?P<url>[^']+)'|"
        r"connect to the insecure .{0,80}?'(?P<url2>[^']+)'|"
        r"mixed (?:active |passive |display )?content:? [\"'](?P<url3>[^\"']+)[\"']|"
        r"\[blocked\] The page at '?(?P<origin>[^\s']+)'? was not allowed to (?:run|request|display) insecure "
        r"content from '?(?P<url4>[^\s']+)|The page at '?(?P<origin2>[^\s']+)'? requested insecure content from "
        r"'?(?P<url5>[^\s']+)|"
        r"\[blocked\] The page at ['\"]?(?P<origin3>[^\s'\"]+)['\"]? (?:was loaded over HTTPS, but )?(?:displayed|ran) "
        r"insecure content from '?(?P<url6>[^\s']+)",
        Reason.MIXED_CONTENT,
    ),
    core(
        r"Mixed Content|not allowed to (?:run|display|request) insecure content|insecure WebSocket connection may not|"
        r"blocked:mixed-content|\bMixed Block",
        Reason.MIXED_CONTENT,
    ),
    core(
        r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE) \S{1,2048} net::ERR_ABORTED(?! [45]\d\d)|NS_BINDING_ABORTED|"
        r"\(canceled\)",
        "aborted",
    ),
    core(
        r"Refused to display '(?P<url>[^']{1,2048})' in a frame because it set 'X-Frame-Options' to "
        r"'(?P<value>[^',]{1,200},[^']{1,200})'|Multiple 'X-Frame-Options' headers with conflicting values "
        r"\('(?P<value2>[^']{1,200})'\)(?: encountered when loading '(?P<url2>[^']{1,2048})')?|"
        r"Invalid X-Frame-Options header was found when loading ['\"](?P<url3>[^'\"]{1,2048})['\"]: "
        r"['\"](?P<value3>[^'\",]{1,200},[^'\"]{1,200})['\"]",
        "framed_twice",
    ),
    # What a browser says while it reads a policy of the page. It goes on with the rest of it.
    core(
        r"Content[ -]Security[ -]Policy: (?:Ignoring|Couldn't (?:parse|process)|Directive|Duplicate|Interpreting|Not "
        r"supporting|The directive|Upgrading)\b|"
        r"source list for (?:the )?Content[ -]Security[ -]Policy directive|"
        r"(?:Unrecognized|Ignoring duplicate) Content[ -]Security[ -]Policy directive|"
        r"Content[ -]Security[ -]Policy directive (?:name )?'[^']{1,100}' (?:is|contains|has been|should)\b|"
        r"(?:value for (?:the )?|while parsing the '[^']{1,60}' )Content[ -]Security[ -]Policy directive|"
        r"Content[ -]Security[ -]Policy '.{0,2048}?' was delivered (?:in report-only mode, but|via a <meta>)|"
        r"X-Frame-Options may only be set via|X-Frame-Options'? header (?:was found|encountered) when loading "
        r"['\"][^'\"]{1,2048}['\"]:? (?:failed|['\"][^'\",]{0,200}['\"] is not a)",
        "csp_noted",
    ),
    core(r"X-Frame-Options|frame-ancestors|ERR_BLOCKED_BY_RESPONSE(?![.\w])", "not_framed"),
    core(
        r"\[Report[ -]Only\] .{0,2200}?Content[ -]Security|Content[ -]Security[ -]Policy.{0,2200}?(?:policy is "
        r"report-only|Report-Only policy)",
        "csp_reported",
    ),
    # The page of a new tab.
    core(r"Content Security Policy directive: .{0,200}\bchrome://(?:resources|theme)\b", "browser_page"),
    core(
        r"(?:(?:execute|evaluate|run|apply|execution of|eval|blocked an|Executing|Evaluating|Running|Applying) "
        r"(?:an? |the )?(?:inline|string|JavaScript)|resource at (?:inline|eval)|"
        r"'unsafe-(?:eval|inline)' is not an allowed source).{0,600}?"
        r"\b(?P<value>(?:default|script|style)-src(?:-elem|-attr)?)\b",
        "csp_inline",
    ),
    core(
        r"Access to the script at '(?P<url>[^']{1,2048})' is denied by the document's Content Security Policy",
        "csp",
        "worker-src",
    ),
    # From Safari.
    core(
        r"does not appear in the (?P<value>[a-z]{3,10}-src(?:-elem)?) directive of the Content Security Policy", "csp"
    ),
    # CSP, "fallback": the policy has no directive of its own for this.
    core(
        r"directive: ['\"]default-src\b.{0,1200}?Note that '(?P<value>[a-z]{3,10}-src(?:-elem)?)' was not explicitly|"
        r"resource \((?P<value2>[a-z]{3,10}-src(?:-elem)?)\) at .{1,2200}? directive: ['\"]default-src\b",
        "csp_fallback",
    ),
    # Somebody shortened it.
    core(r"\bviolates (?:\.{3}|\u2026) ?['\"](?P<value>[a-z]{3,10}-src(?:-elem)?)\b", "csp"),
    core(r"violates the following directive: ['\"](?P<value>[a-z]{3,10}-src(?:-elem)?)\b", "csp"),
    core(
        r"(?:Content[ -]Security[ -]Policy|violates (?:the following|(?:the )?CSP)|violated directive|blocked:csp)"
        r".{0,600}?"
        r"\b(?P<value>(?:default|connect|img|script|style|font|frame|child|media|manifest|worker|object)-src"
        r"(?:-elem|-attr)?|form-action|base-uri|sandbox)\b",
        "csp",
    ),
    core(
        r"Content[ -]Security[ -]Policy|blocked:csp|BLOCKED_BY_CSP|"
        r"\bCSP (?:No Data Protocol|Web Extension|Content ?Blocked|Data Document|Web Browser|Preload)\b",
        "csp",
    ),
    # Only a Content Security Policy makes Chromium say so, if the rest was not copied.
    *(
        core(rf"Refused to {words} '(?P<url>[^']{{1,2048}})", "csp", directive)
        for words, directive in (
            ("connect to", "connect-src"),
            ("frame", "frame-src"),
            (r"load (?:the )?font", "font-src"),
            (r"load (?:the )?image", "img-src"),
            (r"load (?:the )?media from", "media-src"),
            (r"load (?:the )?script(?: from)?", "script-src"),
            (r"load (?:the )?stylesheet", "style-src"),
        )
    ),
    core(
        r"CoepFrameResourceNeedsCoepHeader|Specify a Cross-Origin Embedder Policy to stop this frame|"
        r"embed this frame in your document, the response needs to enable the cross-origin embedder policy",
        "coep_frame",
    ),
    core(
        r"Specify a Cross-Origin Resource Policy to (?:stop|prevent) a resource|"
        r"each resource must specify a suitable Cross-Origin Resource Policy|"
        # From the Network panel.
        r"server needs to specify a cross-origin resource policy",
        Reason.CORP,
    ),
    core(r"from a different site, the server may relax the cross-origin resource policy", Reason.CORP, "same-site"),
    core(
        r"Specify a more permissive Cross-Origin Resource Policy|server may relax the cross-origin resource policy",
        Reason.CORP,
        "same-origin",
    ),
    core(r"NotSameOriginAfterDefaultedToSameOriginByDip", "document_isolation"),
    core(r"NotSameOriginAfterDefaultedToSameOriginBy(?:CoepAndDip|Coep)", Reason.CORP),
    core(r"(?:BLOCKED_BY_RESPONSE\.|corp\.?|blocked:)NotSameSite", Reason.CORP, "same-site"),
    core(
        r"(?:BLOCKED_BY_RESPONSE\.|corp\.?|blocked:)NotSameOrigin|Cross-Origin-Resource-Policy|"
        r"NS_ERROR_DOM_CORP_FAILED",
        Reason.CORP,
        "same-origin",
    ),
    core(
        r"resource at ['\"](?P<url>https?://[^\"']{1,2048})['\"] was blocked by OpaqueResponseBlocking\..{0,80}?"
        r"content-type declares image/video/audio, but sniffing fails",
        "orb",
        "no media",
    ),
    core(
        r"(?:blocked cross-origin response|\band(?= https?:)) (?P<url>\S{1,2048}) with MIME type "
        r"(?P<value>[\w.+-]+/[\w.+-]*\w)|"
        r"is blocked by OpaqueResponseBlocking.{0,300}?[\"'](?P<url2>https?://[^\"']{1,2048})[\"']",
        "orb",
    ),
    core(r"BLOCKED_BY_ORB|NS_\w*ORB|OpaqueResponseBlocking|Cross-Origin Read Blocking|\bCORB\b", "orb"),
    core(r"The (?P<value>video) element contains cross-origin data", "tainted_canvas"),
    core(
        r"Tainted canvas|tainted by cross-origin data|contains cross-origin data, and may not be|"
        r"canvas (?:as it is|is|has been|was) tainted|"
        r"The cross-origin image at (?:'[^']{1,2048}'|\"[^\"]{1,2048}\"|(?P<url>\S{1,2048})) may not be|"
        r"operation is insecure.{0,200}(?:toDataURL|toBlob|getImageData|texImage)|"
        r"(?:toDataURL|toBlob|getImageData|texImage).{0,80}(?i:operation is insecure|security ?(?:error|exception))",
        "tainted_canvas",
    ),
    core(
        r"outputs zeroe?s due to CORS(?: access restrictions for (?P<url>\S{1,2048}))?|createMediaElementSource",
        "tainted_audio",
    ),
    core(
        r"cssRules|CSSStyleSheet.{0,80}(?:access rules|insecure)|Not allowed to access cross-origin stylesheet",
        "stylesheet_rules",
    ),
    core(r"Refused to get unsafe header ['\"](?P<header>Set-Cookie2?)['\"]", "never_exposed"),
    core(r"headers\.get\([\"'](?P<header>Set-Cookie2?)[\"']\)", "never_exposed"),
    core(rf"Refused to get unsafe header ['\"](?P<header>[^\"']+{_MORE})['\"]", "not_exposed"),
    core(r"parent of track element does not have a 'crossorigin'", "text_track"),
    core(r"Unknown CORS\serror|from a JavaScript file served from a different origin", "script_error"),
    core(r"Access-Control-Expose-Headers must include \"(?P<header>[\w-]{1,100})\"", "not_exposed"),
    core(r"Could not read the (?P<header>[\w-]{1,100}) header", "not_exposed"),
    core(r"headers\.get\([\"'](?P<header>[^\"']+)[\"']\)", "not_exposed"),
    core(
        r"Refused to set unsafe header ['\"]?(?P<header>Cookie2?)\b|Attempt to set a forbidden header was denied: "
        r"(?P<header2>Cookie2?)\b",
        "forbidden_cookie",
    ),
    core(
        rf"Refused to set unsafe header ['\"]?(?P<header>[^\"'\s]{{1,100}}{_MORE})|"
        r"Attempt to set a forbidden header was denied: "
        r"(?P<header2>[\w-]{1,100})",
        "forbidden_header",
    ),
    core(
        r"EventSource(?:'s)? response has a MIME type \(['\"](?P<value>[^\"']{0,100})['\"]\)|"
        r"EventSource's response has a (?:charset|MIME)",
        "event_stream_type",
    ),
    core(
        r"(?:module script|Refused to (?:execute script|apply style)|Loading module from).{0,2200}?MIME type "
        r"(?:of )?(?:\(?['\"](?P<value>[^\"']{0,100})['\"]|\((?P<value4>[\w.+/-]{1,100})\))|"
        r"Failed to register a ServiceWorker.{0,2200}? with script \('(?P<url>[^']{1,2048})'\): The script has an "
        r"unsupported MIME type \('(?P<value2>[^']{0,100})'|"
        r"Failed to decode downloaded font: (?P<url2>[^\s'\"]{1,2048})|OTS parsing error|"
        r"downloadable font: rejected by sanitizer|"
        r"The resource from '(?P<url3>[^']{1,2048})' was blocked due to MIME type \('(?P<value3>[^']{0,100})'\) mis|"
        r"Did not parse stylesheet at '(?P<url4>[^']{1,2048})' because non CSS MIME|"
        r"\bWebAssembly\b.{0,200}?\bMIME type(?: '(?P<value5>[^']{0,100})' expected)?",
        "wrong_type",
    ),
    core(r"to check the integrity|eligible for integrity checks", "integrity"),
    core(
        r"valid digest in the 'integrity' attribute(?: for resource '(?P<url>[^']{1,2048})')?|"
        r"hashes in the integrity attribute match.{0,60}? at [\"'](?P<url2>[^\"']{1,2048})|Failed integrity metadata|"
        r"blocked:integrity",
        "integrity_mismatch",
    ),
    core(
        r"Failed to register a ServiceWorker(?:.{0,2200}? with script \('(?P<url>[^']{1,2048})'\))?.{0,200}?"
        r"behind a redirect",
        "worker_redirected",
    ),
    core(
        r"Failed to construct '(?:Shared)?Worker'?: Script at '?(?P<url>[^\s']{1,2048})'? cannot be accessed|"
        r"Failed to register a ServiceWorker.{0,4200}?origin of the provided scriptURL \('(?P<url2>[^']{1,2048})'",
        "worker_script",
    ),
    core(
        r"'importScripts' on '\w{1,40}': The script at '(?P<url>[^']{1,2048})'? failed to load|"
        r"WorkerGlobalScope\.importScripts: Failed to load worker script at ['\"]?(?P<url2>[^\s'\"]{1,2048})",
        "worker_import",
    ),
    # Chromium, Firefox and Safari.
    core(
        r"(?:FetchEvent for [\"'](?P<url>[^\"']{1,2048})[\"'] resulted in a network error response: )?"
        r"a redirected response was used for a request whose redirect mode|"
        r"(?:Failed to load '(?P<url2>[^']{1,2048})'\. )?A ServiceWorker passed a redirected Resp|"
        r"served by (?:the )?service worker has redirections",
        "service_worker_redirected",
    ),
    core(
        r"(?:FetchEvent for [\"'](?P<url>[^\"']{1,2048})[\"'] resulted in a network error response: )?"
        r"an? [\"']?(?:opaque|cors)[\"']? (?:type )?response was used for a request whose|"
        r"(?:Failed to load '(?P<url2>[^']{1,2048})'\. A )?ServiceWorker passed an opaque|"
        r"served by service worker is opaque",
        "service_worker",
    ),
    core(
        r"FetchEvent for [\"'](?P<url>[^\"']{1,2048})[\"'] resulted in a network error response: |"
        r"Failed to load '(?P<url2>[^']{1,2048})'\. A ServiceWorker (?:passed|intercepted)|"
        r"NS_ERROR_INTERCEPTION_FAILED",
        "service_worker_failed",
    ),
    core(
        r"constructed from a URL that includes credentials(?:: (?P<url>\S{1,2048}))?|"
        r" is an url with embedded credentials|contains user credentials|"
        r"URLs contain embedded credentials",
        "url_credentials",
    ),
    core(
        r"SharedArrayBuffer.{0,80}(?:cross-?origin ?isolat|not defined)|cross-origin isolation|variable: SharedArrayB|"
        r"Cross-Origin-(?:Opener|Embedder)-Policy\W{1,4}(?:and\W{1,2})?Cross-Origin-(?:Opener|Embedder)-Policy",
        "isolation",
    ),
    core(r"Cross-Origin-(?:Opener|Embedder)-Policy['\"]? header has been ignored", "isolation_ignored"),
    core(r"Cross-Origin-Opener-Policy", "opener_policy"),
    core(
        r"Cypress detected a cross.origin|cy\.origin\(|cy\.visit\(\)'? failed|"
        # Cypress itself accesses the window of the page.
        r"Blocked a frame with origin.{0,2048}?/__cypress/",
        "cypress",
    ),
    core(
        r"cookie associated with a (?:cross-site )?resource at (?P<url>https?://\S{1,2048}) was set without"
        r".{0,120}?future|"
        r"(?:future|upcoming|next) (?:release|version)s? of (?:Chrome|the browser).{0,80}cookies|"
        r"Cookie ['\"](?P<value>.{1,200}?)['\"] (?:will be soon|will soon be) (?:rejected|treated)|"
        r"Chrome is moving towards a new experience|Third-party cookie will be blocked|"
        r"Soon, cookies without the ['\"]SameSite|cookies are misusing the recommended ['\"]SameSite|"
        r"cookies? (?:in cross-site context |in a cross-site context )?will be blocked in (?:a )?future",
        "cookies_warned",
    ),
    core(
        r"SameSite['\"]? attribute (?:was|is) not set|(?:set|stored) without the ['\"]?SameSite|"
        r"didn't specify a ['\"]?SameSite",
        "cookies",
        "no SameSite",
    ),
    core(r"(?<!about the ['\"])SameSite|third-party cookie|Cookie ['\"].{1,200}?['\"] has been rejected", "cookies"),
    core(r"checking failed - (?P<origin>\S{1,2048}) does not match any trusted", "csrf_django"),
    core(r"Cross-site \w+ form submissions are forbidden", "csrf_sveltekit"),
    core(r"CSRF cookie not set", "csrf_cookie"),
    core(
        r"(?:Origin|Referer) checking failed|CSRF verification failed|CSRF Failed:|"
        r"CSRF_TRUSTED_ORIGINS",
        "csrf_django",
    ),
    core(r"The CSRF (?:session )?token|CSRF tokens do not match|The referrer does not match the host", "csrf_flask"),
    core(r"apollo-require-preflight", "csrf_apollo"),
    core(r"AMP-Access-Control-Allow-Source-Origin", "amp_header"),
    core(
        r"\bCSRF|VerifyCsrfToken|InvalidAuthenticityToken|"
        # From Gorilla, qBittorrent, Rails, Next.js and Go.
        r"\borigin invalid\b|(?:Origin|Referer) header & Target origin mismatch|"
        r"\bOrigin and Referer headers? (?:do(?:es)?n't|do(?:es)? not) match|"
        r"HTTP Origin header .{0,300}?didn't match|"
        r"x-forwarded-host'? header .{0,600}?does not match 'origin'(?: header with value '(?P<origin>[^'/]{1,253})')?|"
        r"Invalid Server Actions request|"
        r"cross-origin request detected(?:,| from Sec-Fetch-Site)",
        "csrf",
    ),
)
