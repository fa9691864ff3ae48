# ruff: noqa: E501, RUF001 - what people paste in one line stands here in one, in any language
"""
Lines of consoles as people paste them, by kind: how they are read, with the URL and the page that they name.

A `~` as the URL or the page means that the line does not name it, or blacks it out.
"""

import json
from pathlib import Path
from typing import NamedTuple

A = "https://api.example.com/x"
P = "http://localhost:3000"
LOCAL = "http://127.0.0.1:1920/api/health"
APP = "https://app.example.com"
AT = f"Access to fetch at '{A}' from origin '{P}' has been blocked by CORS policy"
NO_HEADER = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
FIREFOX = "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "


# Words of Firefox's lines about something else.
UNRELATED = [
    "Účet byl zablokován, viz https://example.com/pomoc",
    "Používateľ je zablokovaný",
    "Osoby innego pochodzenia: https://example.com/x",
    "Solicitud de origen cruzado en https://example.com/x",
    "Запрос из постороннего источника",
    "1. Open the page\n2. Click on the button\n3. Nothing happens",
    "la solicitud fue bloqueada por el firewall https://example.com/x",
    "Safari: https://example.com/x (see `axios`: `Access-Control-Allow-Origin` is there)",
    # Exceptions of Firefox's own functions, none of which requests anything.
    '[Exception... "Component returned failure code: 0x80004005 (NS_ERROR_FAILURE) [nsIURI.host]" location: "JS frame :: resource://a.jsm :: b :: line 82"]',
    "NS_ERROR_FAILURE: Failure (847 out of range 551)",
]

# Lines of public issues, each in another form: how they are read (None if they are not), and the URL, the page and the
# method that they name. Hosts that identify somebody have other names here.
FOUND = json.loads(Path(__file__).with_name("found_lines.json").read_text(encoding="utf-8"))


class Line(NamedTuple):
    kind: str
    text: str
    name: str
    url: str = "~"
    page: str = "~"
    # What the fix says, and what it must not say. Then its policy.
    says: str = ""
    never: str = ""
    # The URL in the text that may be another request.
    elsewhere: str = ""


LINES = [
    # Cut off before the reason.
    Line("cut off", AT, "cut_off", A, P),
    Line("cut off", f"{AT}:", "cut_off", A, P),
    Line("cut off", f"{AT}: Respon...", "cut_off", A, P),
    Line("cut off", f"Access to XMLHttpRequest at '{A}' from origin '{P}' has been blocked by CORS policy: Response to preflight request doesn't pass access", "preflight_cut_off", A, P),
    Line("cut off", f"{FIREFOX}{A}.", "cut_off", A),
    Line("cut off", f"{FIREFOX}{A}. (Reaso", "cut_off", A),
    Line("cut off", "has been blocked by CORS policy", "cut_off"),
    Line("cut off", "CORS error", "cut_off"),
    Line("cut off", f"Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen der externen Ressource auf {A}.", "cut_off", A),
    # Firefox in other languages; `console_languages.json` has what real ones print.
    Line("languages", "Blocage d’une requête multiorigine (Cross-Origin Request) : la politique « Same Origin » ne permet pas de consulter la ressource distante située sur https://api.example.com/v2. Raison : échec de la requête CORS. Code d’état : (null).", "unreachable", "https://api.example.com/v2"),
    Line("languages", f"Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen der externen Ressource auf {A}. (Grund: CORS-Preflight-Kanal war nicht erfolgreich).", "preflight_status", A),
    Line("languages", f"已拦截跨源请求：同源策略禁止读取位于 {A} 的远程资源。（原因：CORS 头缺少 'Access-Control-Allow-Origin'）。状态码：200。", "missing_allow_origin", A),
    Line("languages", f"Solicitud de origen cruzado bloqueada: La política de mismo origen no permite la lectura de recursos remotos en {A}. (Razón: Solicitud CORS sin éxito).", "unreachable", A),
    Line("languages", f"クロスオリジン要求をブロックしました: 同一生成元ポリシーにより、{A} にあるリモートリソースの読み込みは拒否されます (理由: CORS ヘッダー 'Access-Control-Allow-Origin' が足りない)。", "missing_allow_origin", A),
    # A language without a row, recognized by the name of the header.
    Line("languages", f"Zxqv: brulo {A}. (Zol: CORS zol ‘Access-Control-Allow-Methods’).", "method_not_allowed", A),
    Line("languages", f"Zxqv: brulo {A}. (Zol: CORS zol ‘Access-Control-Allow-Origin’ zol ‘https://b.example’).", "allow_origin_mismatch", A),
    # Changed by frameworks.
    Line("frameworks", "Http failure response for https://api.example.com/files: 0 Unknown Error", "not_told", "https://api.example.com/files"),
    Line("frameworks", "Http failure response for (unknown url): 0 Unknown Error", "not_told"),
    Line("frameworks", 'HttpErrorResponse {"headers":{"normalizedNames":{},"lazyUpdate":null},"status":0,"statusText":"Unknown Error","url":"https://api.example.com/x","ok":false,"name":"HttpErrorResponse"}', "not_told", A),
    Line("frameworks", "Error: ClientException: XMLHttpRequest error., uri=https://api.example.com/wiki", "not_told", "https://api.example.com/wiki"),
    Line("frameworks", "Error: XMLHttpRequest error.", "not_told"),
    Line("frameworks", "AxiosError: Network Error", "not_told"),
    Line("frameworks", '{"message":"Network Error","name":"AxiosError","code":"ERR_NETWORK","status":null}', "not_told"),
    Line("frameworks", '{"message":"Network Error","code":"ERR_NETWORK","config":{"url":"https://api.example.com/x","method":"put"}}', "not_told", A),
    Line("frameworks", "Unhandled Rejection (TypeError): NetworkError when attempting to fetch resource.", "not_told"),
    Line("frameworks", "[TypeError: Network request failed]", "native_fetch"),
    Line("frameworks", '{"status":"FETCH_ERROR","error":"TypeError: Failed to fetch"}', "not_told"),
    Line("frameworks", "UnityWebRequest failed: Unknown Error", "not_told"),
    Line("frameworks", "Curl error 7: Cannot connect to destination host", "unreachable"),
    Line("frameworks", "Error: Request has been terminated Possible causes: the network is offline, Origin is not allowed by Access-Control-Allow-Origin, the page is being unloaded, etc.", "not_told"),
    Line("frameworks", "Cypress detected a cross-origin error happened on page load: > Blocked a frame with origin", "cypress"),
    Line("frameworks", 'Failed to fetch. Possible Reasons: CORS Network Failure URL scheme must be "http" or "https" for CORS request.', "not_told"),
    Line("frameworks", "TypeError: Failed to fetch dynamically imported module: https://cdn.example.com/a.js", "not_told", "https://cdn.example.com/a.js"),
    # Headers that no page may set or read.
    *(
        Line("unsafe headers", f'Refused to set unsafe header "{name}"', "forbidden_header", says=f"leave out the request header {name}", never="allow_headers")
        for name in ("Origin", "Referer", "Host", "User-Agent", "Connection", "content-length")
    ),
    Line("unsafe headers", 'Refused to set unsafe header "Cookie"', "forbidden_cookie", says='credentials: "include"'),
    Line("unsafe headers", "Attempt to set a forbidden header was denied: Referer", "forbidden_header", says="leave out the request header Referer"),
    Line("unsafe headers", 'Refused to get unsafe header "set-cookie"', "never_exposed", says="another header", never="expose_headers"),
    Line("unsafe headers", 'Refused to get unsafe header "Set-Cookie2"', "never_exposed", never="expose_headers"),
    Line("unsafe headers", "response.headers.get('Set-Cookie') is null", "never_exposed", never="expose_headers"),
    Line("unsafe headers", "Refused to get unsafe header “X-Total”", "not_exposed", says="X-Total"),
    # Elements whose loads are not CORS.
    Line("elements", "SecurityError: Failed to read the 'cssRules' property from 'CSSStyleSheet': Cannot access rules", "stylesheet_rules", says="crossorigin"),
    Line("elements", "DOMException: CSSStyleSheet.cssRules getter: Not allowed to access cross-origin stylesheet", "stylesheet_rules", says="crossorigin"),
    Line("elements", "SecurityError: Failed to execute 'getImageData' on 'CanvasRenderingContext2D': The canvas has been tainted by cross-origin data.", "tainted_canvas", says="crossorigin"),
    Line("elements", "EventSource's response has a MIME type (\"text/html\") that is not \"text/event-stream\". Aborting the connection.", "event_stream_type", says="text/html"),
    Line("elements", "EventSource's response has a MIME type (\"application/json\") that is not \"text/event-stream\". Aborting the connection.", "event_stream_type", says="application/json"),
    Line("elements", "Firefox can’t establish a connection to the server at https://api.example.com/events.", "event_source", "https://api.example.com/events"),
    Line("elements", "Failed to load resource: Cannot make any requests from null.", "no_origin", "~", "null"),
    # Panels.
    *(
        Line("panels", text, name)
        for text, name in (
            ("CORS Missing Allow Origin", "missing_allow_origin"),
            ("CORS Failed", "unreachable"),
            ("CORS Did Not Succeed", "unreachable"),
            ("CORS Allow Origin Not Matching Origin", "allow_origin_mismatch"),
            ("CORS Preflight Did Not Succeed", "preflight_status"),
            ("CORS Missing Allow Credentials", "allow_credentials_not_true"),
            ("CORS Not Supporting Credentials", "wildcard_with_credentials"),
            ("CORS Multiple Allow Origin Not Allowed", "multiple_allow_origin"),
            ("CORS Method Not Found", "method_not_allowed"),
            ("CORS Missing Allow Header From Preflight", "header_not_allowed"),
            ("CORS Invalid Allow Method", "allow_methods_unparsable"),
            ("CORS Invalid Allow Header", "allow_headers_unparsable"),
            ("CORS External Redirect Not Allowed", "preflight_redirect"),
            ("CORS Request Not Http", "bad_scheme"),
            ("CORS Origin Header Not Added", "origin_not_added"),
            ("CORS Disabled", "disabled"),
            ("CORSMissingAllowOrigin", "missing_allow_origin"),
            ("Cross-Origin Resource Sharing error: MissingAllowOriginHeader", "missing_allow_origin"),
            ("Cross-Origin Resource Sharing error: PreflightMissingAllowOriginHeader", "preflight_missing_allow_origin"),
            ("CORS error: PreflightInvalidStatus", "preflight_status"),
            ("HeaderDisallowedByPreflightResponse", "header_not_allowed"),
            ("MethodDisallowedByPreflightResponse", "method_not_allowed"),
            ("PreflightDisallowedRedirect", "preflight_redirect"),
            ("Ensure CORS requests include credentials only when allowed", "allow_credentials_not_true"),
            ("Ensure preflight responses are valid", "preflight_status"),
            ("Ensure CORS requests are made on supported schemes", "bad_scheme"),
            ("(blocked:mixed-content)", "mixed_content"),
            ("(blocked:csp)", "csp"),
            ("(blocked:other)", "blocked_by_client"),
            ("NS_ERROR_CONNECTION_REFUSED", "unreachable"),
            ("NS_ERROR_NET_RESET", "unreachable"),
        )
    ),
    # Marks that pasting adds, changes or removes.
    Line("marks", f"... A wildcard '_' cannot be used in the 'Access-Control-Allow-Origin' header when the credentials flag is true. Origin '{P}' is therefore not allowed access.", "wildcard_with_credentials", "~", P),
    Line("marks", f"A wildcard '' cannot be used in the 'Access-Control-Allow-Origin' header when the credentials flag is true. Origin '{P}' is therefore not allowed access.", "wildcard_with_credentials", "~", P),
    Line("marks", f"{AT.replace(chr(39), '`')}: {NO_HEADER.replace(chr(39), '`')}", "missing_allow_origin", A, P),
    Line("marks", f"`{AT}: {NO_HEADER}`", "missing_allow_origin", A, P),
    Line("marks", f"> **{AT}: {NO_HEADER}**", "missing_allow_origin", A, P),
    Line("marks", f"```\n{AT}: {NO_HEADER}\n```", "missing_allow_origin", A, P),
    Line("marks", f"{AT.replace(A, f'[{A}]({A})')}: {NO_HEADER}", "missing_allow_origin", A, P),
    Line("marks", f"{AT.replace(A, f'<{A}>')}: {NO_HEADER}", "missing_allow_origin", A, P),
    Line("marks", f"{AT}: {NO_HEADER}".replace("'", "&#39;"), "missing_allow_origin", A, P),
    Line("marks", f"{AT}: {NO_HEADER}".replace("'", "&#x27;"), "missing_allow_origin", A, P),
    Line("marks", f"<code>{AT}: {NO_HEADER}</code>", "missing_allow_origin", A, P),
    Line("marks", f"{AT}: {NO_HEADER}".replace("'", "’"), "missing_allow_origin", A, P),
    Line("marks", f"{AT}: {NO_HEADER}".replace("'", "“"), "missing_allow_origin", A, P),
    Line("marks", f"{AT}: {NO_HEADER}".replace("'", ""), "missing_allow_origin", A, P),
    Line("marks", f"{AT}: {NO_HEADER}".replace("'", "\\'"), "missing_allow_origin", A, P),
    Line("marks", f"{AT}: {NO_HEADER}".replace("'", "\\u0027"), "missing_allow_origin", A, P),
    Line("marks", f'{{"level":"SEVERE","message":"https://app.example.com/main.js 12:34 \\"{AT}: {NO_HEADER}\\""}}', "missing_allow_origin", A, P),
    Line("marks", f"main.a1b2.js:2:14013 {AT}: {NO_HEADER}", "missing_allow_origin", A, P),
    Line("marks", f"[Error] (index):1 {AT}: {NO_HEADER}", "missing_allow_origin", A, P),
    Line("marks", f"{AT}:\n   {NO_HEADER.replace('header', chr(10) + 'header')}", "missing_allow_origin", A, P),
    Line("marks", f"{AT}: {NO_HEADER}\\nGET {A} net::ERR_FAILED 200 (OK)", "missing_allow_origin", A, P),
    Line("marks", f"{FIREFOX}{A}. (Reason: CORS header \u00e2missing).", "cut_off", A),
    # Older releases, and other words.
    Line("older", f"Font from origin 'https://assets.example.com' has been blocked from loading by Cross-Origin Resource Sharing policy: {NO_HEADER} Origin 'https://page.example.com' is therefore not allowed access.", "missing_allow_origin", "https://assets.example.com", "https://page.example.com", says="https://page.example.com", never="https://assets"),
    Line("older", f"Image from origin 'https://assets.example.com' has been blocked from loading by Cross-Origin Resource Sharing policy: {NO_HEADER} Origin 'https://page.example.com' is therefore not allowed access.", "missing_allow_origin", "https://assets.example.com", "https://page.example.com"),
    Line("older", f"Redirect at origin 'https://a.example.com' has been blocked from loading by Cross-Origin Resource Sharing policy: {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", "https://a.example.com", P),
    Line("older", f"Access to Font at '{A}' from origin '{P}' has been blocked by CORS policy: {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", A, P),
    Line("older", f"{FIREFOX}http://localhost:3000/api. (Reason: CORS request failed).", "unreachable", "http://localhost:3000/api"),
    Line("older", f"XMLHttpRequest cannot load {A}. Origin {P} is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", A, P),
    Line("older", f"Failed to load {A}: Response to preflight request doesn't pass access control check: {NO_HEADER} Origin '{P}' is therefore not allowed access. The response had HTTP status code 403.", "preflight_missing_allow_origin", A, P),
    Line("older", f"Failed to load {A}: Request header field x-a is not allowed by Access-Control-Allow-Headers in preflight response.", "header_not_allowed", A),
    # Effects of a redirect.
    Line("redirects", f"Failed to load http://localhost:8080/api/tags/: Redirect from 'http://localhost:8080/api/tags/' to 'http://localhost:8080/api/tags' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "http://localhost:8080/api/tags/", "~", says="redirects for a slash at the end: let the page request http://localhost:8080/api/tags."),
    Line("redirects", f"Redirect from 'http://api.example.com/x' to 'https://api.example.com/x' has been blocked by CORS policy: {NO_HEADER} Origin '{APP}' is therefore not allowed access.", "missing_allow_origin", "http://api.example.com/x", APP, says="redirects to https"),
    Line("redirects", f"Access to fetch at 'https://login.example.com/signin' (redirected from '{A}') from origin '{APP}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://login.example.com/signin", APP, says="401"),
    Line("redirects", f"Access to manifest at 'https://team.cloudflareaccess.example/cdn-cgi/access/login/home.example.site?redirect_url=%2Fmanifest.json' (redirected from 'https://home.example.site/manifest.json') from origin 'https://home.example.site' has been blocked by CORS policy: {NO_HEADER}", "manifest_login", "https://home.example.site/manifest.json", "https://home.example.site", says='crossorigin="use-credentials"', never="401"),
    # A name in the line is never replaced.
    Line("names", f"Access to fetch at 'https://api.example.com/login' from origin 'app://.' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://api.example.com/login", "app://.", never=APP),
    Line("names", f"Access to fetch at '{A}' from origin 'app://obsidian.md' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A, "app://obsidian.md", says="app://obsidian.md"),
    Line("names", f"Access to fetch at '{A}' from origin 'file://' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A, "file://"),
    Line("names", f"Access to fetch at '{A}' from origin 'chrome-extension://abcdefghijklmnop' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A, "chrome-extension://abcdefghijklmnop"),
    Line("names", f"{A}: POST {A} net::ERR_CONNECTION_REFUSED", "unreachable", A),
    Line("names", "Access to image [image file path] from origin 'null' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: http, data, isolated-app, chrome-extension, chrome-untrusted, https, edge.", "bad_scheme", "~", "null", says="from a server", never="not of https"),
    Line("names", "Access to script at 'file:///C:/app/main.js' from origin 'null' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: http, data, chrome, chrome-extension, https.", "bad_scheme", "file:///C:/app/main.js", "null", says="from a server"),
    # Blacked out.
    *(
        Line("blacked out", f"XMLHttpRequest cannot load {url} Cannot use wildcard in Access-Control-Allow-Origin when credentials flag is true.", "wildcard_with_credentials")
        for url in ("http://......", "{server}", "[my url]", "https://xxxx", "http://***/x.")
    ),
    *(
        Line("blacked out", f"Access to fetch at '{url}' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "~", P)
        for url in ("https://...", "{server}", "<url>", "https://<host>/api", "https://…", "http://xxx.xxx/x", "[image path]", "***", "https://[redacted]/x")
    ),
    Line("blacked out", f"Access to fetch at '{A}' from origin 'https://...' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A, "~"),
    # Values with a cause of their own.
    Line("values", f"{FIREFOX}https://api.example.com/list. (Reason: CORS header ‘Access-Control-Allow-Origin’ does not match ‘*, *’).", "multiple_allow_origin", "https://api.example.com/list", says="Two layers"),
    Line("values", f"{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ does not match ‘https://a.example, https://b.example’).", "multiple_allow_origin", A, says="Only one origin"),
    Line("values", f"{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ does not match ‘(null)’).", "multiple_allow_origin", A, says="two layers add it"),
    Line("values", "Failed to load https://api.example.com/s: The 'Access-Control-Allow-Origin' header contains the invalid value ''", "allow_origin_mismatch", "https://api.example.com/s", says="The header is empty: the server found no origin to send", never="quotation mark"),
    Line("values", f"{AT}: The 'Access-Control-Allow-Origin' header contains the invalid value 'undefined'.", "allow_origin_mismatch", A, P, says="found no origin to send"),
    # Several lines of one request.
    Line("several", f"[Error] Origin {P} is not allowed by Access-Control-Allow-Origin. Status code: 200\n[Error] Fetch API cannot load http://127.0.0.1:3101/config due to access control checks.\n[Error] Failed to load resource: Origin {P} is not allowed by Access-Control-Allow-Origin. Status code: 200 (config, line 0)", "missing_allow_origin", "http://127.0.0.1:3101/config", P),
    Line("several", "[Error] Preflight response is not successful. Status code: 405\n[Error] XMLHttpRequest cannot load https://api.example.com/x due to access control checks.\n[Error] Failed to load resource: Preflight response is not successful. Status code: 405 (x, line 0)", "preflight_status", A),
    Line("several", f"{AT}: {NO_HEADER}\nx:1  Failed to load resource: net::ERR_FAILED\nUncaught (in promise) TypeError: Failed to fetch\n    at main.js:12:3", "missing_allow_origin", A, P),
    Line("several", f"Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen der externen Ressource auf {A}. (Grund: CORS-Anfrage schlug fehl). Statuscode: (null).\nTypeError: NetworkError when attempting to fetch resource.", "unreachable", A),
    # What is not CORS keeps the words of the line.
    Line("not CORS", "Mixed Content: The page at '...' was loaded over HTTPS, but requested an insecure manifest '/auth-switch'. This request has been blocked; the content must be served over HTTPS.", "mixed_content", never="fetch("),
    Line("not CORS", f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but requested an insecure image 'http://cdn.example.com/a.png'. This content should also be served over HTTPS.", "mixed_content_warned", "http://cdn.example.com/a.png", APP, says="over https", never="fetch("),
    Line("not CORS", f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but requested an insecure XMLHttpRequest endpoint 'http://api.example.com/x'. This request has been blocked; the content must be served over HTTPS.", "mixed_content", "http://api.example.com/x", APP, says="request https://api.example.com/x"),
    Line("not CORS", f"[blocked] The page at {APP}/ was not allowed to run insecure content from http://api.example.com/x.", "mixed_content", "http://api.example.com/x", APP),
    Line("not CORS", "Failed to load resource: net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin", "corp", says="same-site if the page and the resource share a site"),
    Line("not CORS", f"GET {A} net::ERR_BLOCKED_BY_RESPONSE.NotSameSite 200 (OK)", "corp", A),
    Line("not CORS", "Cancelled load to https://cdn.example.com/a.png because it violates the resource's Cross-Origin-Resource-Policy response header.", "corp", "https://cdn.example.com/a.png"),
    Line("not CORS", "Cross-Origin Read Blocking (CORB) blocked cross-origin response https://www.example.com/m?x=1 with MIME type text/html. See https://www.chromestatus.com/feature/5629709824032768 for more details.", "orb", "https://www.example.com/m?x=1", says="text/html"),
    Line("not CORS", "Refused to load the image 'http://cdn.example.com/a.png' because it violates the following Content Security Policy directive: \"img-src 'self'\".", "csp", "http://cdn.example.com/a.png", says="add http://cdn.example.com to img-src"),
    Line("not CORS", f"Connecting to '{A}' violates the following Content Security Policy directive: \"connect-src 'self'\". The action has been blocked.", "csp", A, says="add https://api.example.com to connect-src"),
    Line("not CORS", f"Refused to frame '{A}' because an ancestor violates the following Content Security Policy directive: \"frame-ancestors 'none'\".", "not_framed", A),
    Line("not CORS", f"{AT}: Permission was denied for this request to access the `loopback` address space.", "local_network_access", A, P, says="loopback"),
    Line("not CORS", f"GET {A} net::ERR_BLOCKED_BY_CLIENT", "blocked_by_client", A),
    Line("not CORS", f"GET {A} net::ERR_ABORTED", "aborted", A),
    Line("not CORS", f"GET {A} net::ERR_ABORTED 404 (Not Found)", "status", A),
    Line("not CORS", "net::ERR_ABORTED", "not_told"),
    Line("not CORS", "Referer checking failed - no Referer.", "csrf_django", says="CSRF_TRUSTED_ORIGINS"),
    Line("not CORS", "400 Bad Request: The CSRF token is missing.", "csrf_flask", never="DJANGO"),
    Line("not CORS", "419 CSRF token mismatch.", "csrf", never="CSRF_TRUSTED_ORIGINS"),
    Line("not CORS", "Disallowed CORS origin", "refused_by_server", says="origin"),
    Line("not CORS", "Invalid CORS request", "refused_by_server"),
    Line("not CORS", "GET https://api.example.com/x net::ERR_BLOCKED_BY_RESPONSE.CoepFrameResourceNeedsCoepHeader", "coep_frame", A),
    # Found in public issues, shortened.
    Line("cut off", f"Access to XMLHttpRequest at '{A}' from origin has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A),
    Line("cut off", "This can be fixed by moving the resource to the same domain or enabling CORS. Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at https://api.example.com/x.", "unexplained", A),
    Line("languages", f"Запрос из постороннего источника заблокирован: Политика одного источника запрещает чтение удаленного ресурса на {A}. Это может быть исправлено путем перемещения ресурса в тот же домен или включением CORS.", "cut_off", A),
    Line("languages", f"Запрос из постороннего источника заблокирован: Политика одного источника запрещает чтение удаленного ресурса на {A}. (Причина: заголовок CORS 'Access-Control-Allow-Origin' не совпадает с 'http://localhost:8888/').", "allow_origin_mismatch", A),
    Line("languages", f"Requisição cross-origin bloqueada: A política de mesma origem (Same Origin Policy) impede a leitura do recurso remoto em {A}. (Motivo: o cabeçalho CORS 'Access-Control-Allow-Origin' não está presente).", "missing_allow_origin", A),
    Line("several", "1. XMLHttpRequest cannot load www.example.com due to access control checks.\n2. Request header field API-KEY is not allowed by Access-Control-Allow-Headers.", "header_not_allowed", "https://www.example.com", says="API-KEY".title()),
    Line("several", f"[Error] Origin XXXXX is not allowed by Access-Control-Allow-Origin.\n[Error] XMLHttpRequest cannot load {A} due to access control checks.\n[Error] Error: error getting config from url: https://api.example.com/./x\n\t(anonymous function) (programs:91)\n[Error] Failed to load resource: Origin XXXXX is not allowed by Access-Control-Allow-Origin. (x, line 0)", "missing_allow_origin", A),
    Line("several", f"[Error] XMLHttpRequest cannot load {A} due to access control checks.\n\tajax (lib.js:3053)\n\txdr (lib.js:2931)", "not_told", A),
    Line("several", f"{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing).\nXMLHttpRequest cannot load {A}. {NO_HEADER} Origin 'null' is therefore not allowed access.", "missing_allow_origin", A, "null"),
    Line("blacked out", f"[Error] XMLHttpRequest cannot load {A}. Origin [website] is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", A),
    Line("older", "origin is not allowed by access-control-allow-origin", "missing_allow_origin"),
    Line("older", "Access to fetch at 'http://127.0.0.1:1920/api/health'\nfrom origin 'https://app.example.com'\nhas been blocked by CORS policy:\nRequest had a target IP address space of `local`\nyet the resource is in address space `loopback`.", "target_address_space", LOCAL, APP, says='targetAddressSpace: "loopback"'),
    Line("frameworks", "Request path : [GET] 'https://api.example.com/x'\nError message : XMLHttpRequest error.\nDioError [DioErrorType.RESPONSE]: XMLHttpRequest error.", "not_told", A),
    Line("frameworks", "Error: Cross origin http://localhost forbidden", "missing_allow_origin", "~", "http://localhost"),
    Line("frameworks", f"POST {A} net::ERR_FAILED 502 (Bad Gateway)", "status", A),
    Line("frameworks", "api.example.com/x:1  Failed to load resource: net::ERR_FAILED", "not_told", A),
    *(
        Line("panels", text, name)
        for text, name in (
            ("Ensure credentialed requests aren’t sent to CORS resources with origin wildcards", "wildcard_with_credentials"),
            ("Ensure CORS requesting origin matches resource’s allowed origin", "allow_origin_mismatch"),
            ("Ensure CORS requests aren’t redirected to URLs containing credentials", "redirect_userinfo"),
            ("Ensure CORS request includes only allowed headers", "header_not_allowed"),
            ("Ensure CORS request uses allowed method", "method_not_allowed"),
            ("Ensure no-cors requests configure redirect mode follow", "no_cors_redirect_mode"),
            ("Ensure only same-origin resources are fetched with same-origin request mode", "same_origin_mode"),
            ("Ensure that local network requests are compatible with restrictions", "local_network_access"),
            ("Ensure private network requests are only made from secure contexts", "insecure_local_network"),
            ("Specify a Cross-Origin Resource Policy to stop a resource from being blocked", "corp"),
            ("Specify a more permissive Cross-Origin Resource Policy to stop a resource from being blocked", "corp"),
            ("Specify a Cross-Origin Embedder Policy to stop this frame from being blocked", "coep_frame"),
            ("CORS error: WildcardOriginNotAllowed", "wildcard_with_credentials"),
            ("RedirectContainsCredentials", "redirect_userinfo"),
            ("DisallowedByMode", "same_origin_mode"),
        )
    ),
    Line("elements", 'Failed to load module script: Expected a JavaScript module script but the server responded with a MIME type of "text/html". Strict MIME type checking is enforced for module scripts per HTML spec.', "wrong_type", says="text/html"),
    Line("elements", "Refused to execute script from 'https://cdn.example.com/x.js' because its MIME type ('text/html') is not executable, and strict MIME type checking is enabled.", "wrong_type", "https://cdn.example.com/x.js"),
    Line("elements", "Subresource Integrity: The resource 'https://cdn.example.com/a.js' has an integrity attribute, but the resource requires the request to be CORS enabled to check the integrity, and it is not.", "integrity", "https://cdn.example.com/a.js", says="crossorigin"),
    # No server answers the poster of Android's WebView.
    Line("apps", f"Access to image at 'android-webview-video-poster:default_video_poster/-55' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "android-webview-video-poster:default_video_poster/-55", P, says="a poster of its own", never="Access-Control-Allow-Origin:"),
    Line("status", '"Failed to load resource: the server responded with a status of 403 (Forbidden)" from https://cdn.example.com/stacks/a.vtt', "status", "https://cdn.example.com/stacks/a.vtt"),
    Line("status", '"Failed to load resource: the server responded with a status of 404 (Not Found)" for https://cdn.example.com/stacks/...', "status", "https://cdn.example.com/stacks/..."),
    # Safari, with the URL within the line.
    Line("status", f"Failed to load {A} resource: the server responded with a status of 401 (Unauthorized)\nFailed to load {A} resource: Origin {P} is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", A, P, says="Status 401"),
    Line("status", f"GET {A} 501 (Not Implemented)\n{AT}: {NO_HEADER}", "missing_allow_origin", A, P, says="does not support what the request asks for", never="No route"),
    Line("status", f"OPTIONS {A} 501 (Not Implemented)\n{AT}: Response to preflight request doesn't pass access control check: {NO_HEADER}", "preflight_missing_allow_origin", A, P, says="does not support OPTIONS"),
    # The redirect itself failed the check; between which origins it leads, the line does not say.
    Line("redirects", "[Error] Cross-origin redirection to http://cdn.example.com/a.mp3 denied by Cross-Origin Resource Sharing policy: Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 302\n[Error] Failed to load resource: Cross-origin redirection to http://cdn.example.com/a.mp3 denied by Cross-Origin Resource Sharing policy: Origin https://app.example.com is not allowed by Access-Control-Allow-Origin. Status code: 302 (a.mp3, line 0)", "missing_allow_origin", "~", APP, says="so that redirects get CORS headers too", never="null"),
    Line("redacted", f"Failed to load https://api.example.com/a?id=[my id]&to=http%3A%2F%2F[my ip]&b=1: {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", "https://api.example.com/a?id=[my id]&to=http%3A%2F%2F[my ip]&b=1", P),
    # The case of the URL was changed by hand.
    Line("firefox", f"{FIREFOX}https://api.example.com/Org/x. (Reason: header ‘content-type’ is not allowed according to header ‘Access-Control-Allow-Headers’ from CORS preflight response).\n{FIREFOX}https://api.example.com/org/x. (Reason: CORS request did not succeed).", "header_not_allowed", "https://api.example.com/Org/x"),
    Line("panels", "`cdn.example.com/a.js` gets blocked with `NS_ERROR_DOM_CORP_FAILED`", "corp", "https://cdn.example.com/a.js"),
    Line("panels", "I do not know why 'request.headers' is blocked: NS_ERROR_DOM_CORP_FAILED", "corp", never="https://request"),
    Line("frameworks", "- ERROR_MSG: The connection errored: The XMLHttpRequest onError callback was called.\n- URL: https://api.example.com/v1/a\n- METHOD: GET", "not_told", "https://api.example.com/v1/a"),
    Line("elements", f"Unsafe attempt to load URL https://cdn.example.com/a.vtt from frame with URL {P}/video. Domains, protocols and ports must match.", "same_origin_load", "https://cdn.example.com/a.vtt", P, says="<video crossorigin>"),
    # Two rules begin with the same words, and the rest of the text tells which one it is.
    Line("not CORS", "A site requested a resource from a network that it could only access because of its users' privileged network position. Chrome will require non-public subresources to opt-into being accessed with a preflight request.", "private_network_access"),
    Line("not CORS", "A site requested a resource from a network that it could only access because of its users' privileged network position. Chrome requires the user's permission for it.", "local_network_access"),
    # Old words of Chromium: what it displayed, or let run, was not blocked.
    Line("not CORS", "[blocked] The page at 'https://app.example.com/' was loaded over HTTPS, but ran insecure content from 'http://cdn.example.com/a.js': this content should also be loaded over HTTPS.", "mixed_content", "http://cdn.example.com/a.js", APP),
    Line("not CORS", "[blocked] The page at https://app.example.com/ ran insecure content from http://cdn.example.com/a.js.", "mixed_content", "http://cdn.example.com/a.js", APP),
    Line("not CORS", "The page at 'https://app.example.com/' was loaded over HTTPS, but displayed insecure content from 'http://cdn.example.com/a.png': this content should also be loaded over HTTPS.", "mixed_content_warned", "http://cdn.example.com/a.png", APP),
    Line("not CORS", "Uncaught DOMException: Failed to execute 'importScripts' on 'WorkerGlobalScope': The script at 'https://cdn.example.com/a.js' failed to load.", "worker_import", "https://cdn.example.com/a.js"),
    Line("not CORS", 'NetworkError: WorkerGlobalScope.importScripts: Failed to load worker script at "https://cdn.example.com/a.js" (nsresult = 0x805303f4)', "worker_import", "https://cdn.example.com/a.js"),
    # The line about the type says more.
    Line("not CORS", "Refused to execute script from 'https://cdn.example.com/a.js' because its MIME type ('text/html') is not executable.\nFailed to execute 'importScripts' on 'WorkerGlobalScope': The script at 'https://cdn.example.com/a.js' failed to load.", "wrong_type", "https://cdn.example.com/a.js"),
    Line("not CORS", "SecurityError: Failed to read the 'contentDocument' property from 'HTMLIFrameElement': Blocked a frame with or...", "frame"),
    Line("not CORS", "DOMException: Failed to read a named property 'document' from 'Window'...", "frame"),
    Line("not CORS", "GET https://api.example.com/x NS_ERROR_INTERCEPTION_FAILED", "service_worker_failed", A),
    Line("not CORS", "Unable to complete SSL connection - https://api.example.com/x", "tls", A),
    Line("not CORS", "Curl error 60: Cert verify failed. Certificate has expired. UNITYTLS_X509VERIFY_FLAG_EXPIRED", "tls"),
    # An exception of a function of Firefox that requests something, and one of its Network panel.
    Line("not told", '[Exception... "Component returned failure code: 0x80004005 (NS_ERROR_FAILURE) [nsIXMLHttpRequest.send]" nsresult: "0x80004005 (NS_ERROR_FAILURE)"]', "not_told"),
    Line("not told", "GET https://api.example.com/x NS_ERROR_FAILURE", "not_told", A),
    # What is in the text for another reason is not what taints.
    Line("elements", "Failed to execute 'getImageData' on 'CanvasRenderingContext2D': The canvas has been tainted by cross-origin data. The script is at https://game.example.com/js/game.js?4", "tainted_canvas"),
    Line("elements", "Tainted canvases may not be exported, as on https://game.example.com/", "tainted_canvas"),
    Line("elements", "Tainted canvases may not be exported (https://images.example.com/?url=a.example/a.png)", "tainted_canvas", "https://images.example.com/?url=a.example/a.png"),
    Line("elements", "Tainted canvases may not be exported (https://game.example.com/a.png)", "tainted_canvas", "https://game.example.com/a.png"),
    Line("unsafe headers", 'Refused to get unsafe header "X-A", "X-B" and "X-C"', "not_exposed", says="X-A, X-B, X-C"),
    Line("unsafe headers", 'Refused to set unsafe header "Origin" and "Host"', "forbidden_header", says="leave out the request header Host"),
    Line("not CORS", "A site requested a resource from a network that it could only access because of its users' privileged network position. These requests expose devices and servers to the internet, increasing the risk of a cross-site request forgery (CSRF) attack, and/or information leakage.", "less_public_network", says='allow="local-network-access"'),
    Line("not CORS", "Cross-Origin-Opener-Policy policy would block the window.postMessage call.", "opener_policy"),
    Line("not CORS", "SharedArrayBuffer will require cross-origin isolation as of M92", "isolation"),
    Line("not CORS", "Cookie “sid” has been rejected for invalid domain.", "cookies"),
    Line("not CORS", f"A cookie associated with a cross-site resource at {A} was set without the `SameSite` attribute. It has been blocked, as Chrome now only delivers cookies with cross-site requests if they are set with `SameSite=None` and `Secure`.", "cookies", A),
    # Warnings about a change in a later release.
    *(
        Line("not CORS", text, "cookies_warned", url, says="Nothing has failed yet")
        for text, url in (
            ("A cookie associated with a cross-site resource at <URL> was set without the `SameSite` attribute. A future release of Chrome will only deliver cookies with cross-site requests if they are set with `SameSite=None` and `Secure`. You can see more details at <URL> and <URL>.", "~"),
            (f"A cookie associated with a cross-site resource at {A} was set without the `SameSite` attribute. A future release of Chrome will only deliver cookies with cross-site requests if they are set with `SameSite=None`.", A),
            ("Cookie “sid” will be soon rejected because it has the “SameSite” attribute set to “None” without the “secure” attribute.", "~"),
            ("Cookie “sid” does not have a proper “SameSite” attribute value. Soon, cookies without the “SameSite” attribute or with an invalid value will be treated as “Lax”.", "~"),
            ("Third-party cookie will be blocked in future Chrome versions as part of Privacy Sandbox.", "~"),
        )
    ),
    Line("languages", "Avertissement de requête multiorigine (Cross-Origin Request) : la politique « Same Origin » ne permettra bientôt plus de consulter la ressource distante située sur https://api.example.com/x (motif : quand la valeur d’« Access-Control-Allow-Headers » est « * », l’en-tête « Authorization » n’est pas traité. Pour que l’en-tête « Authorization » soit inclus, il doit être explicitement listé dans l’en-tête CORS « Access-Control-Allow -Headers »).", "header_not_allowed", A, says="['*', 'Authorization']"),
    Line("languages", f"Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen der externen Ressource auf {A}. (Grund: Kopfzeile 'authorization' ist nicht zugelassen entsprechend der Kopfzeile 'Access-Control-Allow-Headers' der CORS-Preflight-Antwort).", "header_not_allowed", A, says="The server does not list it", never="* never"),
    # Lines about the server alone, or about the page alone.
    Line("languages", f" * Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen der externen Ressource \n * auf {A}. \n * (Grund: CORS-Kopfzeile 'Access-Control-Allow-Origin' stimmt nicht mit 'https://api.example.com' überein)", "allow_origin_mismatch", A, says="the server's own origin", never="another site"),
    Line("values", f"{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ does not match ‘https://b.example’).", "allow_origin_mismatch", A, says="the page has another origin", never="another site"),
    *(
        Line("files", text, "missing_allow_origin", url, "null", says="outside of a sandboxed frame", never="allow-same-origin")
        for text, url in (
            ("[Error] Origin null is not allowed by Access-Control-Allow-Origin.\n[Error] Failed to load resource: Origin null is not allowed by Access-Control-Allow-Origin.\n[Error] TypeError: Cross-origin script load denied by Cross-Origin Resource Sharing policy.", "~"),
            (f"Access to font at '{A}' from origin 'null' has been blocked by CORS policy: {NO_HEADER}\n\nx:1 Failed to load resource: net::ERR_FAILED", A),
        )
    ),
    Line("files", "Blocage d’une requête multiorigines (Cross-Origin Request) : la politique « Same Origin » ne permet pas de consulter la ressource distante située sur file:///C:/Users/████████/a.html. Raison : la requête CORS n’utilise pas http.", "bad_scheme", "file:///C:/Users/.../a.html", says="python -m http.server"),
    *(Line("panels", text, "corp", says="Cross-Origin-Resource-Policy: cross-origin") for text in ("`net::ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep 200`", "Specify a Cross-Origin Resource Policy to stop a resource from being blocked")),
    *(
        Line("not CORS", text, "framed_twice", url, says="The values are DENY, SAMEORIGIN.")
        for text, url in (
            (f"Refused to display '{A}' in a frame because it set 'X-Frame-Options' to 'DENY, SAMEORIGIN'.", A),
            ("Refused to display 'https://DOMAIN/x' in a frame because it set 'X-Frame-Options' to 'DENY, SAMEORIGIN'.", "~"),
            (f"Multiple 'X-Frame-Options' headers with conflicting values ('DENY, SAMEORIGIN') encountered when loading '{A}'. Falling back to 'DENY'.", A),
            (f"Invalid X-Frame-Options header was found when loading “{A}”: “DENY, SAMEORIGIN” is not a valid directive.", A),
        )
    ),
    Line("not CORS", "Error during WebSocket handshake: Unexpected response code: 302", "handshake_refused", says="a handshake follows no redirect"),
    Line("older", "SEC7120: [CORS] The origin 'http://localhost:3000' did not find 'http://localhost:3000' in the Access-Control-Allow-Origin response header for cross-origin  resource at 'https://api.example.com/x'.", "missing_allow_origin", A, P),
    Line("older", "SEC7123: Request header X-Token was not present in the Access-Control-Allow-Headers list.", "header_not_allowed", says="X-Token"),
    Line("older", "SEC7124: Request method PUT was not present in the Access-Control-Allow-Methods list.", "method_not_allowed", says="PUT"),
    Line("elements", "SecurityError: Failed to execute 'texImage2D' on 'WebGLRenderingContext': The image element contains cross-origin data, and may not be loaded.", "tainted_canvas"),
    Line("names", "Unsafe attempt to load URL https://api.example.com/x from frame with URL https://app.example.com/a. Domains, protocols and ports must match.", "same_origin_load", A, APP),
    Line("panels", "A cross-origin resource sharing (CORS) request was blocked because of invalid or missing response headers.", "issue_heading"),
    Line("panels", "Ensure CORS response header values are valid", "issue_heading", says="the line of the console"),
    # Development servers: their proxies, and their refusals.
    Line("development", "[webpack-dev-server] [HPM] Error occurred while proxying request localhost:4200/api/x to http://localhost:8080/ [ECONNREFUSED] (https://nodejs.org/api/errors.html#errors_common_system_errors)", "dev_proxy", "http://localhost:8080/", says="ECONNREFUSED"),
    Line("development", "Failed to proxy http://127.0.0.1:8000/api/x Error: connect ECONNREFUSED 127.0.0.1:8000", "dev_proxy", "http://127.0.0.1:8000/api/x"),
    Line("development", "[vite] ws proxy error:\nError: connect ECONNREFUSED 127.0.0.1:8000", "dev_proxy", says="ECONNREFUSED 127.0.0.1:8000"),
    Line("development", "[vite] ws proxy socket error:\nError: read ECONNRESET", "dev_proxy", says="ECONNRESET"),
    Line("development", "Error occurred while trying to proxy to: localhost:4200/api/x", "dev_proxy"),
    Line("development", 'Blocked request. This host ("app.example.com") is not allowed.\nTo allow this host, add "app.example.com" to `server.allowedHosts` in vite.config.js.', "dev_host", says="app.example.com"),
    Line("development", "Invalid Host/Origin header", "dev_host"),
    # Internet Explorer and the old Edge, in any language. The second line is about a page of Edge itself.
    Line("older", f"SEC7120: [CORS] 原点“{P}”未在“{A}”的 cross-origin xmlhttprequest 资源的 Access-Control-Allow-Origin 响应头中找到“{P}”", "missing_allow_origin", A, P),
    Line("older", f"SEC7120: [CORS] L’origine « {P} » n’a pas trouvé « {P} » dans l’en-tête de réponse Access-Control-Allow-Origin pour la ressource cross-origin fetch à « {A} ».", "missing_allow_origin", A, P),
    Line("older", "SEC7120: [CORS] 原点“ms-appx-web://microsoft.microsoftedge”无法支持“ms-appx-web:///assets/Fonts/A.ttf#B C D”的 cross-origin font 资源", "browser_page", "ms-appx-web:///assets/Fonts/A.ttf#B C D", "ms-appx-web://microsoft.microsoftedge", says="harmless"),
    Line("older", "SEC7120: [CORS] El origen 'ms-appx-web://microsoft.microsoftedge' no encontró 'ms-appx-web://microsoft.microsoftedge' en el encabezado de respuesta Access-Control-Allow-Origin para el recurso font cross-origin en 'ms-appx-web:///a.ttf'", "browser_page", "ms-appx-web:///a.ttf", "ms-appx-web://microsoft.microsoftedge"),
    Line("older", f"Access to image at '{A}' from origin 'chrome://new-tab-page' has been blocked by CORS policy: {NO_HEADER}", "browser_page", A, "chrome://new-tab-page", never="allow_origins"),
    # Chromium printed the same line for a redirect of the preflight and of the request itself.
    *(
        Line("older", text, "redirect_with_preflight", A, page, says=says)
        for text, page, says in (
            (f"XMLHttpRequest cannot load {A}. The request was redirected to 'https://api.example.com/y', which is disallowed for cross-origin requests that require preflight.", "~", 'fetch("https://api.example.com/y")'),
            (f"Redirect from '{A}' to 'https://api.example.com/y' has been blocked by CORS policy: Request requires preflight, which is disallowed to follow cross-origin redirect.", "~", 'fetch("https://api.example.com/y")'),
            (f"Fetch API cannot load {A}. Request requires preflight, which is disallowed to follow cross-origin redirect. Origin '{P}' is therefore not allowed access.", P, "the last URL"),
        )
    ),
    Line("older", f"SEC7120: El origen {APP} no se encuentra en el encabezado Access-Control-Allow-Origin.", "missing_allow_origin", "~", APP),
    Line("older", "SEC7120: 在 Access-Control-Allow-Origin 标头中找不到源", "missing_allow_origin"),
    *(
        Line("older", text, name)
        for text, name in (
            ("SEC7119: XMLHttpRequest required CORS preflight.", "cors_used"),
            ("SEC7121: Wildcard in Access-Control-Allow-Origin not allowed when credentials flag is set to true.", "wildcard_with_credentials"),
            ("SEC7122: El indicador de credenciales", "allow_credentials_not_true"),
            ("SEC7126: Redirects are not allowed for CORS preflight requests.", "preflight_redirect"),
            ("SEC7127: Redirect was blocked for CORS request.", "redirect_blocked"),
            ("Redirect was blocked for CORS request", "redirect_blocked"),
            ("SEC7128: Multiple Access-Control-Allow-Origin headers are not allowed for CORS response.", "multiple_allow_origin"),
            ("SEC7129: Multiple Access-Control-Allow-Credentials headers are not allowed for CORS response.", "allow_credentials_not_true"),
            ("SEC7113: CSS was ignored due to mime type mismatch", "wrong_type"),
        )
    ),
    # URLs with a password, which is not repeated.
    Line("passwords", "TypeError: Window.fetch: https://u:p@api.example.com/x is an url with embedded credentials.", "url_credentials", A, says="Authorization", never="u:p"),
    Line("passwords", "TypeError: URL is not valid or contains user credentials.", "url_credentials"),
    Line("passwords", "Subresource requests whose URLs contain embedded credentials (e.g. `https://user:pass@host/`) are blocked. See https://www.chromestatus.com/feature/5669008342777856 for more details.", "url_credentials"),
    # Workers and service workers.
    Line("workers", f"SecurityError: Failed to construct 'SharedWorker': Script at 'https://cdn.example.com/w.js' cannot be accessed from origin '{P}'.", "worker_script", "https://cdn.example.com/w.js", P, never="allow_origins"),
    Line("workers", f'The FetchEvent for "{A}" resulted in a network error response: an "opaque" response was used for a request whose type is not no-cors', "service_worker", A, says="fetch(event.request)"),
    Line("elements", "None of the “sha384” hashes in the integrity attribute match the content of the subresource at “https://cdn.example.com/a.js”. The computed hash is “x”.", "integrity_mismatch", "https://cdn.example.com/a.js"),
    Line("elements", "Cannot load script https://cdn.example.com/a.js. Failed integrity metadata check. Content length: 12, Expected content length: 12", "integrity_mismatch", "https://cdn.example.com/a.js"),
    Line("elements", f"MediaElementAudioSource outputs zeroes due to CORS access restrictions for {A}", "tainted_audio", A, says="<audio crossorigin"),
    # Files, whatever else the line says about them.
    *(
        Line("files", text, "bad_scheme", "file:///C:/a/x.js", page)
        for text, page in (
            ("Access to script at 'file:///C:/a/x.js' from origin 'null' has b", "null"),
            ("Access to script at 'file:///C:/a/x.js' from origin 'null' has been blocked by CORS policy: Invalid response. Origin 'null' is therefore not allowed access.", "null"),
            ("XMLHttpRequest cannot load file:///C:/a/x.js. Preflight response is not successful", "~"),
            ("Failed to load file:///C:/a/x.js: Cross origin requests are only supp", "~"),
            ("Failed to execute 'send' on 'XMLHttpRequest': Failed to load 'file:///C:/a/x.js'.", "~"),
            ("Module source URI is not allowed in this document: “file:///C:/a/x.js”.", "~"),
        )
    ),
    Line("cut off", f"Access to fetch at '{A}' (redirected from 'http://api.ex", "cut_off", A),
    Line("cut off", f"Access to fetch at '{A}' from origin '{P}' has b", "cut_off", A, P),
    Line("cut off", "it is blocked by CORS", "cut_off"),
    Line("cut off", f"{AT.replace(P, P[:16] + '...')}: {NO_HEADER}", "missing_allow_origin", A),
    Line("cut off", "X-Token is not allowed by Access-Control-Allow-Headers in preflight response", "header_not_allowed", says="X-Token"),
    Line("cut off", "Method is not allowed by Access-Control-Allow-Methods", "method_not_allowed"),
    Line("values", f"{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ does not match ‘https://*.example.net’).", "allow_origin_mismatch", A, says="Browsers do not match patterns"),
    Line("values", f"{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ does not match ‘*’).", "wildcard_with_credentials", A),
    Line("values", f"{AT}: The 'Access-Control-Allow-Origin' header contains multiple values '*, *.example.org, example.net', but only one is allowed.", "multiple_allow_origin", A, P, says="Only one origin may be sent"),
    Line("values", f"XMLHttpRequest cannot load {A}. {NO_HEADER} Origin '{P}' is therefore not allowed access. The response had HTTP status code 502.", "missing_allow_origin", A, P, says="Status 502"),
    Line("frameworks", f"OPTIONS {A} 405 (Method Not Allowed)", "preflight_status", A, says="Status 405"),
    Line("frameworks", f"PUT {A} 405 (Method Not Allowed)", "status", A),
    Line("frameworks", "getaddrinfo ENOTFOUND api.example.com", "unreachable"),
    Line("frameworks", "localhost:8080/x:1  Failed to load resource: net::ERR_FAILED", "not_told", "http://localhost:8080/x"),
    Line("frameworks", "api.example.com:8443/x:1  Failed to load resource: net::ERR_FAILED", "not_told", "https://api.example.com:8443/x"),
    Line("blacked out", f"Access to fetch at '{A}' from origin 'https://***.example.com' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A),
    Line("blacked out", f"Access to fetch at 'PATH' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "~", P),
    Line("panels", "CORS error: InsecurePrivateNetwork", "insecure_local_network"),
    Line("not CORS", "SecurityError: The operation is insecure. context.getImageData", "tainted_canvas"),
    Line("not CORS", "Failed to execute 'postMessage' on 'DOMWindow': The target origin provided ('https://a.example') does not match the recipient window's origin ('https://b.example').", "post_message", says='"https://b.example"'),
    Line("not CORS", f"CSRF Failed: Origin checking failed - {APP} does not match any trusted origins.", "csrf_django", "~", APP, says=APP),
    Line("not CORS", f"Mixed Content: The page at '{APP}/a?b' was loaded over HTTPS, but requested an insecure script ''. This request has been blocked", "mixed_content", "~", APP),
    Line("not CORS", "SecurityError: Failed to set the 'cookie' property on 'Document': The document is sandboxed and lacks the 'allow-same-origin' flag.", "storage", says="srcdoc", never="allow_origins"),
    Line("not CORS", "Failed to read the 'sessionStorage' property from 'Window': The document is sandboxed and lacks the 'allow-same-origin' flag.", "storage"),
    Line("not CORS", "file origin does not match viewer's", "pdf_viewer", says="HOSTED_VIEWER_ORIGINS"),
    Line("not CORS", f"invalid_request: AADSTS9002326: Cross-origin token redemption is permitted only for the 'Single-Page Application' client-type. Request origin: '{P}'.", "spa_registration", "~", P),
    Line("not CORS", 'downloadable font: rejected by sanitizer (font-family: "A" style:normal weight:400 stretch:100 src index:0) source: https://cdn.example.com/a.woff2', "wrong_type", "https://cdn.example.com/a.woff2", says="font/woff2"),
    # Logs of servers.
    Line("frameworks", "websocket: request origin not allowed by Upgrader.CheckOrigin", "refused_by_server", says="origin"),
    Line("frameworks", f"Request origin not allowed: {P}", "refused_by_server", "~", P, says=P),
    Line("frameworks", f"[W NotebookApp] Blocking Cross Origin WebSocket Attempt.  Origin: {P}, Host: 127.0.0.1:8888", "refused_by_server", "~", P, says=P),
    # About images, the first browsers named the origin of the image, and not the page.
    Line("elements", f"Image from origin '{A.rpartition('/')[0]}' has been blocked from loading by Cross-Origin Resource Sharing policy: {NO_HEADER}", "missing_allow_origin", A.rpartition("/")[0]),
    Line("cut off", f"Access to fetch at '{A}?q=1&...&z=2' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", f"{A}?q=1&...&z=2", P),
    # Windows paths are not escapes, and a place in a script is not a requested URL.
    Line("cut off", f"Failed to load {A}?file=C:\\a\\node_modules\\b: {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", f"{A}?file=C:\\a\\node_modules\\b", P),
    Line("not CORS", 'DOMException [SecurityError: "The operation is insecure." code: 18 nsresult: 0x80530012 location: http://a.example/x.js:2]', "insecure_call"),
    # A fence without a line of its own removes no word, and a part of a host may be blacked out.
    Line("blacked out", f"```{AT}: {NO_HEADER}```", "missing_allow_origin", A, P),
    Line("blacked out", f"```js\n{AT}: {NO_HEADER}\n```", "missing_allow_origin", A, P),
    Line("blacked out", f"{AT.replace(A, 'https://{MY ORG}.example.com/x')}: {NO_HEADER}", "missing_allow_origin", "~", P),
    Line("blacked out", f"{AT.replace(A, 'https://xxxx.example.com/x')}: {NO_HEADER}", "missing_allow_origin", "~", P),
    Line("blacked out", f"{AT.replace(P, 'https://app.xxxxxx')}: {NO_HEADER}", "missing_allow_origin", A),
    Line("blacked out", f"{AT.replace(A, 'https://xbox.example.com/xxxx')}: {NO_HEADER}", "missing_allow_origin", "https://xbox.example.com/xxxx", P),
    # All names in the Network panel of Firefox 153.
    *(
        Line("panels", text, name)
        for text, name in (
            ("CORS Not HTTP", "bad_scheme"),
            ("CORS Multiple Origin Not Allowed", "multiple_allow_origin"),
            ("CORS No Allow Credentials", "wildcard_with_credentials"),
            ("CORS Origin Header Missing", "origin_not_added"),
            ("CORS Missing Allow Header", "header_not_allowed"),
            ("CSP Content Blocked", "csp"),
            ("Blocked by DevTools", "blocked_by_client"),
            ("Blocked By Extension", "blocked_by_client"),
            ("Response body is not available to scripts (Reason: CORS No Allow Credentials)", "wildcard_with_credentials"),
            ("(blocked:devtools)", "blocked_by_client"),
        )
    ),
    Line("panels", f"OPTIONS {A} → CORS Missing Allow Header", "header_not_allowed", A),
    Line("panels", f"HROPTIONS\n{A}\nCORS Missing Allow Origin\n\nBlocage d’une requête multiorigines (Cross-Origin Request) : la politique « Same Origin » ne permet pas de consulter la ressource distante située sur {A}. Raison : l’en-tête CORS « Access-Control-Allow-Origin » est manquant. Code d’état : 405.", "preflight_missing_allow_origin", A, says="Status 405"),
    Line("panels", f"XHRPOST{A}\nCORS Failed", "unreachable", A),
    # Lines of CSP since Chromium 142, and lines about code in the page itself.
    Line("not CORS", f"Connecting to '{A}' violates the following Content Security Policy directive: \"connect-src 'self'\". The action has been blocked.", "csp", A, says="add https://api.example.com to connect-src"),
    Line("not CORS", f"Connecting to '{A}' violates the CSP directive\n  \"connect-src 'self'\". The action has been blocked.\nTypeError: Failed to fetch", "csp", A),
    Line("not CORS", "Creating a worker from 'blob:https://app.example.com/1' violates the following Content Security Policy directive: \"script-src 'self'\".", "csp", "blob:https://app.example.com/1"),
    *(
        Line("not CORS", text, "csp_inline", says="script-src", never="Add the origin")
        for text in (
            "Executing inline script violates the following Content Security Policy directive 'script-src 'self''. The action has been blocked.",
            "Refused to execute inline script because it violates the following Content Security Policy directive: \"script-src 'self'\".",
            "Refused to evaluate a string as JavaScript because 'unsafe-eval' is not an allowed source of script in the following Content Security Policy directive: \"script-src 'self'\".",
            "Content-Security-Policy: The page’s settings blocked an inline script (script-src-elem) from being executed because it violates the following directive: “script-src 'self'”",
        )
    ),
    # Mixed content with only a warning.
    *(
        Line("not CORS", text, "mixed_content_warned", url, page, says="over https")
        for text, url, page in (
            (f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but requested an insecure XMLHttpRequest endpoint 'http://api.example.com/x'. This content should also be served over HTTPS.", "http://api.example.com/x", APP),
            (f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but requested an insecure element 'http://api.example.com/x'. This request was automatically upgraded to HTTPS", "http://api.example.com/x", APP),
            ("Loading mixed (insecure) display content “http://api.example.com/x” on a secure page", "http://api.example.com/x", "~"),
            ("Mixed Content: Upgrading insecure display request ‘http://api.example.com/x’ to use ‘https’", "http://api.example.com/x", "~"),
        )
    ),
    # A URL in the value of a header is not the requested one.
    Line("values", "has been blocked by CORS policy: The 'Access-Control-Allow-Origin' header contains multiple values 'http://localhost:3000, https://b.example, http://localhost:3000, https://b.example', but only one is allowed.", "multiple_allow_origin", says="Two layers"),
    Line("values", "The 'Access-Control-Allow-Origin' header has a value 'https://b.example' that is not equal to the supplied origin.", "allow_origin_mismatch"),
    Line("values", f"{AT}: The 'Access-Control-Allow-Origin' header contains the invalid value 'null'.", "allow_origin_mismatch", A, P, says="do not list the origin"),
    # Statuses of software in front of the application.
    Line("frameworks", f"{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 302.", "missing_allow_origin", A, says="The server redirects", never="The origin is not listed"),
    Line("frameworks", f"{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 524.", "missing_allow_origin", A, says="Fix that first", never="The origin is not listed"),
    Line("frameworks", f"OPTIONS {A} 404 (Not Found)\n\n{AT.replace('blocked by', 'blocked >by')}: Response to preflight request doesn't pass access control check: It does not have HTTP ok status.", "preflight_status", A, P, says="Status 404"),
    Line("frameworks", '{"status":"PARSING_ERROR","originalStatus":200,"data":"<p>","error":"SyntaxError: Unexpected token"}', "answer_unreadable"),
    # The preflight, without its reason.
    Line("cut off", f"Access to fetch at ... from origin '{P}' has been blocked by CORS policy: Response to preflight request doesn't pass access control check", "preflight_cut_off", "~", P),
    Line("cut off", f"❌ {AT}\n❌ Response to preflight request doesn't pass access control check", "preflight_cut_off", A, P),
    Line("cut off", f"{AT.replace(A, 'https://api.example.com/...')}: {NO_HEADER}", "missing_allow_origin", "https://api.example.com/...", P),
    # A message of Firefox over several lines, without its URL, or only with its first words.
    Line("languages", f"Bloccata richiesta multiorigine (cross-origin): {A}\nMotivo: richiesta CORS non riuscita. Codice di stato: (null)", "unreachable", A),
    Line("languages", f"已封鎖跨來源請求: 同源政策不允許讀取 {A} 的遠端資源。\n（原因: 缺少 CORS 'Access-Control-Allow-Origin' 檔頭）。\n狀態代碼: 404。", "missing_allow_origin", A, says="Status 404"),
    Line("languages", f"Solicitud de origen cruzado bloqueada: La misma política de origen no permite la lectura de recursos remotos en {A}. (Razón: Solicitud CORS no exitosa)", "unreachable", A),
    Line("languages", f'Zablokowano żądanie do zasobu innego pochodzenia: zasady „Same Origin Policy" nie pozwalają wczytywać zdalnych zasobów z „{A}" (nagłówek CORS „Access-Control-Allow-Origin" nie pasuje do „https://b.example, *").', "multiple_allow_origin", A),
    Line("languages", "Blocage d’une requête multiorigines (Cross-Origin Request) : la politique « Same Origin » ne permet pas de consulter la ressource distante située Raison : l’en-tête CORS « Access-Control-Allow-Origin » est manquant.", "missing_allow_origin"),
    Line("languages", "Çapraz Kaynak İsteği Engellendi: Aynı Kaynak İlkesi, ‘.../x’ uzaktaki kaynağı okumayı engelliyor. (Sebep: Kimlik belgesi 'Access-Control-Allow-Origin' ' *' olarak ayarlanamaz.)", "wildcard_with_credentials"),
    Line("languages", f'已封鎖跨來源請求: 同源政策不允許讀取 [{A}]({A} "{A}") 的遠端資源。（原因: CORS 請求未成功）。', "unreachable", A),
    Line("languages", "교차 원본 요청 차단 : 동일 출처 정책으로 인해 [요청한 도메인]에 있는 원격 자원을 읽을 수 없습니다. 자원을 같은 도메인으로 이동시키거나 CORS를 활성하여 해결할 수 있습니다.", "cut_off"),
    *(Line("languages", text, "cut_off") for text in ("已拦截跨源请求", "クロスオリジン要求をブロックしました", "Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen ...")),
    Line("languages", "Pedido de origen cruzado bloqueado: La política de mismo origen no permite leer el recurso remoto en file:", "bad_scheme"),
    # Only a file requests a file.
    Line("files", f"{FIREFOX}file:///C:/a/x.js. (Reason: CORS request not http).", "bad_scheme", "file:///C:/a/x.js", says="python -m http.server"),
    *(
        Line("blacked out", f"{AT.replace(P, page)}: {NO_HEADER}", "missing_allow_origin", A)
        for page in ("https://yourwebsiteURL", "http://10.0.0.x:5045", "http://192.168.xx.xx")
    ),
    Line("blacked out", f"{AT.replace(P, 'https://yourstory.example.com')}: {NO_HEADER}", "missing_allow_origin", A, "https://yourstory.example.com"),
    Line("panels", f"XHROPTIONS{A} [HTTP/1.1 405 Method Not Allowed 12ms]", "preflight_status", A, says="Status 405"),
    Line("panels", f"XHRGET{A} [HTTP/2 500 12ms]", "status", A),
    *(
        Line("panels", text, name)
        for text, name in (
            ("(blocked:NotSameOrigin)", "corp"),
            ("(blocked:NotSameSite)", "corp"),
            ("(blocked:NotSameOriginAfterDefaultedToSameOriginByCoep)", "corp"),
            ("(blocked:integrity)", "integrity_mismatch"),
            ("(blocked:extension)", "blocked_by_client"),
            ("x.js (canceled) script", "aborted"),
        )
    ),
    Line("frameworks", f"ClientException with SocketException: Failed host lookup: 'api.example.com' (OS Error: No address associated with hostname, errno = 7), uri={A}", "unreachable", A),
    Line("frameworks", "TypeError: fetch failed\n    at node:internal/deps/undici/undici:12345:11", "native_fetch"),
    Line("frameworks", "Application Error\nnet::ERR_CLEARTEXT_NOT_PERMITTED (http://api.example.com/x)", "cleartext", "http://api.example.com/x"),
    Line("files", "Not allowed to load local resource: file:///C:/a/x.js", "bad_scheme", "file:///C:/a/x.js"),
    Line("panels", "CORS Missing Allow Headers", "header_not_allowed"),
    Line("not CORS", "Content Security Policy: The page’s settings blocked the loading of a resource at inline (“script-src”).", "csp_inline", says="script-src"),
    *(
        Line("not CORS", text, "csp_reported", url, never="allow_origins")
        for text, url in (
            (f"[Report Only] Refused to load the script '{A}' because it violates the following Content Security Policy directive: \"script-src 'self'\".", A),
            (f"Loading the script '{A}' violates the following Content Security Policy directive: \"script-src 'self'\". The policy is report-only, so the violation has been logged but no further action has been taken.", A),
            (f"Content-Security-Policy: (Report-Only policy) The page’s settings would block a script (script-src-elem) at {A} from being executed because it violates the following directive: “script-src 'self'”", A),
        )
    ),
    # About a manifest, and about requests that the browser's protection against tracking blocks.
    Line("elements", f"Access to manifest at 'https://www.example.com/manifest.json' (redirected from 'https://example.com/manifest.json') from origin 'https://example.com' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://www.example.com/manifest.json", "https://example.com"),
    Line("not CORS", "The resource at “https://cdn.example.com/a.js” was blocked because Enhanced Tracking Protection is enabled.", "blocked_by_client", "https://cdn.example.com/a.js"),
    Line("not CORS", "Request to access cookie or storage on “https://cdn.example.com/a.js” was blocked because we are blocking all third-party storage access requests and Enhanced Tracking Protection is enabled.", "storage", "https://cdn.example.com/a.js"),
    Line("not CORS", "An SSL certificate error occurred when fetching the script.", "tls"),
    Line("not CORS", f"Mixed Content: The page at '{APP}/' was loaded over a secure connection, but contains a form that targets an insecure endpoint 'http://api.example.com/x'. This endpoint should be made available over a secure connection.", "mixed_content_warned", "http://api.example.com/x", APP),
    # Local Network Access: the first address space is the one that the page announced, and the second one is that of
    # the resource.
    *(
        Line("older", f"{AT.replace(A, LOCAL)}: Request had a target IP address space of `{announced}` yet the resource is in address space `{space}`.", "target_address_space", LOCAL, P, says=says, never=f'"{announced}"')
        for announced, space, says in (
            ("local", "loopback", 'targetAddressSpace: "loopback"'),
            ("loopback", "local", 'targetAddressSpace: "local"'),
            ("loopback", "unknown", "leave out targetAddressSpace"),
        )
    ),
    *(
        Line("older", f"{AT.replace(A, LOCAL)}: {text}", "private_network_access", LOCAL, P, says="local, and the page announced none", never="targetAddressSpace")
        for text in (
            "Request had no target IP address space, yet the resource is in address space `local`.",
            "Request had to target IP address space, yet the resource is in address space 'local'''",
        )
    ),
    Line("older", f"{AT.replace(A, LOCAL)}: Request had no target IP address sp", "private_network_access", LOCAL, P, never="targetAddressSpace"),
    # Safari: the redirecting answer failed the check, and the target was never requested.
    *(
        Line("frameworks", f"Cross-origin redirection to http://www.example.com/ denied by Cross-Origin Resource Sharing policy: {reason}{more}", name, url, page, says="The server redirects to http://www.example.com/: the page can request that URL", never="plain http")
        for reason, name, page in ((f"Origin {P} is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", P),)
        for more, url in (("", "~"), (f"\nXMLHttpRequest cannot load {A} due to access control checks.", A))
    ),
    Line("frameworks", 'Cross-origin redirection to http://www.example.com/ denied by Cross-Origin Resource Sharing policy: Credentials flag is true, but Access-Control-Allow-Credentials is not "true".', "allow_credentials_not_true"),
    Line("frameworks", f"Cross-origin redirection to http://www.example.com/ denied by Cross-Origin Resource Sharing policy: Origin {APP} is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", "~", APP, says="Redirect to https", never="can request that URL"),
    Line("frameworks", f"Cross-origin redirection to [our dev API] denied by Cross-Origin Resource Sharing policy: Origin {P} is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", "~", P, says="The server redirects.", never="our dev"),
    # Each value between marks of its own.
    Line("languages", f"교차 출처 요청 차단: 동일 출처 정책으로 인해 {A} 에 있는 원격 자원을 차단했습니다. (원인: ‘Access-Control-Allow-Origin` CORS 헤더가 ‘http://b.example', ‘http://b.example'와 일치하지 않음).", "multiple_allow_origin", A, says="Two layers"),
    Line("values", f"{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ does not match ‘http://b.example’, ‘http://b.example’).", "multiple_allow_origin", A, says="Two layers"),
    # Double quotation marks in place of all single ones.
    *(
        Line("blacked out", f"{AT}: {text}".replace("'", '"'), name, A, P, says=says, never="empty")
        for text, name, says in (
            (NO_HEADER, "missing_allow_origin", ""),
            ("The 'Access-Control-Allow-Origin' header has a value 'https://b.example' that is not equal to the supplied origin.", "allow_origin_mismatch", "https://b.example"),
            ("The 'Access-Control-Allow-Origin' header contains multiple values 'https://b.example, https://b.example', but only one is allowed.", "multiple_allow_origin", "Two layers"),
            ("Response to preflight request doesn't pass access control check: The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.", "preflight_wildcard_with_credentials", ""),
            ("Request header field 'x-a' is not allowed by 'Access-Control-Allow-Headers' in preflight response.", "header_not_allowed", "X-A"),
        )
    ),
    Line("blacked out", f'{FIREFOX}{A}. (Reason: CORS header "Access-Control-Allow-Origin" does not match "https://b.example").', "allow_origin_mismatch", A, says="https://b.example"),
    # Firefox's line about its protection against tracking before that had a name.
    *(
        Line("not CORS", text, "blocked_by_client", A, says="Firefox's tracking protection")
        for text in (
            f'The resource at "{A}" was blocked because content blocking is enabled.',
            f'[JavaScript Warning: "{FIREFOX}{A}. (Reason: CORS request did not succeed)."]\n[JavaScript Warning: "The resource at {A} was blocked because content blocking is enabled." {{file: "{P}/" line: 0}}]',
            f"The resource at {A} was blocked because content blocking is enabled.\n{FIREFOX}{A}. (Reason: CORS request did not succeed).",
        )
    ),
    *(Line("blacked out", f"{AT.replace(P, page)}: {NO_HEADER}", "missing_allow_origin", A) for page in ("https://------.-----.dynamics.example", "https://app.-----.example:8443")),
    Line("blacked out", f"{AT.replace(A, 'https://----.example.com/x')}: {NO_HEADER}", "missing_allow_origin", "~", P),
    Line("blacked out", f"{AT.replace(A, 'https://xn--a--b.example.com/x')}: {NO_HEADER}", "missing_allow_origin", "https://xn--a--b.example.com/x", P),
    *(
        Line("languages", f"Requisição cross-origin bloqueada: A política de mesma origem (Same Origin Policy) impede a leitura do recurso remoto em {A}. (Motivo: {reason}).", "preflight_status", A)
        for reason in ("a pré-conexão CORS falhou", "o canal de pré-conexão CORS não teve sucesso")
    ),
    # A page of an app, whose origin has no host.
    *(
        Line("older", f"{AT.replace(P, page)}: {NO_HEADER}", "missing_allow_origin", A, page)
        for page in ("capacitor://", "ionic://")
    ),
    # The stack of an app of React Native identifies it.
    *(
        Line("frameworks", f'{{"message": "Network Error", "name": "AxiosError", "stack": "AxiosError: Network Error\\n    at handleError (http://192.168.0.2:8081/node_modules/expo-router/entry.bundle//&platform={system}&dev=true:2:35)"}}', name)
        for system, name in (("android", "native_fetch"), ("ios", "native_fetch"), ("web", "not_told"))
    ),
    # Unknown details are not reported as facts.
    Line("frameworks", f"Redirect from '{A}' to 'https://api.example.com/y' has been blocked by CORS policy: {NO_HEADER} Origin 'null' is therefore not allowed access.", "missing_allow_origin", A, "null", says="redirect between two origins", never="The page has no origin of its own"),
    # What is true of a file is not said of a page from a server, and a relative URL does not fix it.
    Line("older", "Cross origin requests are only supported for HTTP.\nFetch API cannot load file:///data/cache/a.ogg due to access control checks.", "bad_scheme", "file:///data/cache/a.ogg", says="If the page is a file, too", never="The page is a file"),
    Line("older", "Failed to construct 'Worker': Script at 'file:///C:/app/worker.js' cannot be accessed from origin 'null'.", "worker_script", "file:///C:/app/worker.js", "null", says="python -m http.server", never="importScripts"),
    Line("older", "XMLHttpRequest cannot load api.example.com/redirect. The request was redirected to 'b.example/page', which is disallowed for cross-origin requests that require preflight", "redirect_with_preflight", "https://api.example.com/redirect", never='fetch("b.example'),
    Line("older", f"XMLHttpRequest cannot load {A}. Request header field X-DevTools-Emulate-Network-Conditions-Client-Id is not allowed by Access-Control-Allow-Headers in preflight response.", "header_not_allowed", A, says="developer tools", never="Access-Control-Allow-Headers"),
    Line("not CORS", "TypeError: Failed to execute 'fetch' on 'Window': Request cannot be constructed from a URL that includes credentials: ../rpc transmission", "url_credentials", says="of the address of the page if the URL is relative"),
    *(
        Line("not CORS", f"Refused to {load} because it violates the following Content Security Policy directive: \"default-src 'none'\". Note that '{directive}' was not explicitly set, so 'default-src' is used as a fallback.", "csp_fallback", url, says=f"Add {directive}, with the sources of default-src (except 'none') and ", never="If the policy")
        for load, directive, url in (("load the font '<URL>'", "font-src", "~"), (f"connect to '{A}'", "connect-src", A), (f"load the script '{A}'", "script-src-elem", A))
    ),
    Line("not CORS", "Refused to load the font 'https://b.example/a.woff' because it violates the following Content Security Policy directive: \"font-src 'self'\".", "csp", "https://b.example/a.woff", says="add https://b.example to font-src", never="default-src"),
    Line("not CORS", "Refused to load the script 'https://b.example/a.js' because it violates the following Content Security Policy directive: \"script-src 'self'\". Note that 'script-src-elem' was not explicitly set, so 'script-src' is used as a fallback.", "csp", "https://b.example/a.js", says="add https://b.example to script-src.", never="script-src-elem"),
    Line("not CORS", "Content-Security-Policy: The page\u2019s settings blocked a script (script-src-elem) at https://b.example/a.js from being executed because it violates the following directive: \u201cscript-src 'self'\u201d", "csp", "https://b.example/a.js", says="add https://b.example to script-src.", never="script-src-elem"),
    Line("not CORS", "Content-Security-Policy: The page\u2019s settings blocked the loading of a resource (font-src) at https://b.example/a.woff because it violates the following directive: \u201cdefault-src 'self'\u201d", "csp_fallback", "https://b.example/a.woff", says="Add font-src, with the sources of default-src"),
    Line("not CORS", f"GET {A} net::ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByDip", "document_isolation", A, says="isolate-and-credentialless", never="Embedder"),
    # Where a redirect leads to a login, or nobody can see where to.
    Line("login", "XMLHttpRequest cannot load {MY_SERVICE_PATH}. The request was redirected to 'https://login.example.com/v2.3/dialog/oauth?client_id=4934&respon…irthday', which is disallowed for cross-origin requests that require preflight.", "redirect_with_preflight", says="answer 401", never="fetch("),
    Line("login", f"XMLHttpRequest cannot load {A}. The request was redirected to '{APP}/accounts/login/?next=/x', which is disallowed for cross-origin requests that require preflight.", "redirect_with_preflight", A, says="answer 401", never="fetch("),
    Line("redacted", f"XMLHttpRequest cannot load {A}. The request was redirected to 'http://LOCALHOST_IP:3000/done?auth_token=.....', which is disallowed for cross-origin requests that require preflight.", "redirect_with_preflight", A, says="Let the page request the last URL", never="fetch("),
    Line("redacted", f"XMLHttpRequest cannot load {A}. The request was redirected to 'https://b.example/very/lo...ng', which is disallowed for cross-origin requests that require preflight.", "redirect_with_preflight", A, says="Let the page request the last URL", never="fetch("),
    Line("login", f"Access to fetch at 'http://10.0.0.9:8001/oauth2/start' (redirected from '{P}/auth/user') from origin '{P}' has been blocked by CORS policy: Response to preflight request doesn't pass access control check: Redirect is not allowed for a preflight request.", "preflight_redirect", "http://10.0.0.9:8001/oauth2/start", P, says="answer 401", never="No Location"),
    # The line does not say why, so nothing is said as if it were certain.
    Line("not told", f"{FIREFOX}{A}. (Reason: CORS request did not succeed). Status code: (null).", "unreachable", A, says="an extension, tracking protection", never="nothing answers"),
    Line("not told", "WebSocket connection to 'wss://api.example.com/feed' failed: Error during WebSocket handshake: Unexpected response code: 403", "handshake_refused", "wss://api.example.com/feed", says="or a proxy refused the handshake", never="the server judges"),
    # No server should trust null.
    Line("null", "Bad request: Origin and Referer header don't match. Origin: null, Referer: https://app.example.com/", "csrf", page="null", says="which no server should trust", never="Add null"),
    Line("null", "Origin null is not allowed by CORS", "refused_by_server", page="null", never="list null"),
    # Not only elements load without CORS.
    Line("blocked", f"Cross-Origin Read Blocking (CORB) blocked cross-origin response {A} with MIME type application/json. See https://www.chromestatus.com/feature/5629709824032768 for more details.", "orb", A, says='fetch() without mode: "no-cors"'),
    # Who answers, and what a status means there.
    Line("status", f"[Error] Preflight response is not successful. Status code: 400\n[Error] Fetch API cannot load {A} due to access control checks.", "preflight_status", A, says="if it does not list the origin"),
    Line("status", f"// Network Tab: {AT}: Response to preflight request doesn't pass access control check: {NO_HEADER} // OPTIONS /x \u2014 HTTP 401 Unauthorized", "preflight_status", A, P, says="Authentication runs before CORS"),
    Line("status", "aiohttp.web_exceptions.HTTPForbidden: CORS policy error: Origin 'http://localhost:3000' is not allowed by Access-Control-Allow-Origin.", "refused_by_server", page=P),
    Line("status", "OPTIONS https://acc.blob.core.windows.net/c/file.json Status: 403 Forbidden\nx-ms-error-code: CORSOriginNotFound", "refused_by_server", "https://acc.blob.core.windows.net/c/file.json"),
    Line("app", f"[Error] Origin {P} is not allowed by Access-Control-Allow-Origin.\n[Error] Fetch API cannot load capacitor://localhost/_capacitor_file_/a.txt due to access control checks.", "missing_allow_origin", "capacitor://localhost/_capacitor_file_/a.txt", P, says="the app itself does", never="allow_origins"),
    Line("app", f'[1:INFO:CONSOLE(0)] "XMLHttpRequest cannot load {A}. Response for preflight has invalid HTTP status code 404", source: chrome-extension://abcdefgh/index.html#/login (0)', "preflight_status", A, "chrome-extension://abcdefgh"),
    Line("app", f"Access to XMLHttpRequest at 'chrome-extension://<extension Id>/a.html' from origin '{APP}' has been blocked by CORS policy: Cross-origin requests are only supported for protocol schemes: http, data, chrome, https.", "bad_scheme", "chrome-extension://<extension Id>/a.html", APP, says="web_accessible_resources", never="http and https"),
    Line("app", "Failed to load file:///android_asset/a.html: \nCross origin requests are only supported for protocol schemes: http, data, chrome, https.", "bad_scheme", "file:///android_asset/a.html", says="WebViewAssetLoader"),
    Line("schemes", "XMLHttpRequest cannot load file://http://api.example.com/x. Cross origin requests are only supported for protocol schemes: http, data, https.", "bad_scheme", "file://http://api.example.com/x", says="two schemes", never="The page is a file"),
    Line("schemes", "`Cross origin requests are only supported for protocol schemes: http, data, chrome, https.`", "bad_scheme", says="Or the URL has no scheme", never="The page is a file, or"),
    Line("schemes", 'SecurityError: Blocked a frame with origin "http://localhost:3000" from accessing a cross-origin frame.\n    at setWindowDocumentProps (http://localhost:3000/__cypress/runner/cypress_runner.js:1:2)', "cypress", page=P, url="~", says="cy.origin()"),
    # A header that has the page's origin, and still does not match.
    Line("values", f"Access to video at '{A}' (redirected from 'https://first.example/v') from origin '{P}' has been blocked by CORS policy: The 'Access-Control-Allow-Origin' header has a value '{P}' that is not equal to the supplied origin.", "allow_origin_mismatch", A, P, says="the page sent Origin: null", never="patterns"),
    Line("values", f"Failed to load {A}: The 'Access-Control-Allow-Origin' header contains the invalid value '*.example.com'. Origin '{P}' is therefore not allowed access.", "allow_origin_mismatch", A, P, says="Browsers do not match patterns", never="whole labels"),
    Line("values", "Multiple CORS header 'Access-Control-Allow-Origin' not allowed,", "multiple_allow_origin", says="because two layers add it"),
    Line("values", f"{AT}: The 'Access-Control-Allow-Origin' header contains multiple values '*, *', but only one is allowed.", "multiple_allow_origin", A, P, says="Access-Control-Allow-Origin: *"),
    Line("values", f"Access to fetch at '{A}' from origin 'null' has been blocked by CORS policy", "cut_off", A, "null", says="a sandboxed frame, a file"),
    Line("values", "XMLHttpRequest cannot load http://api.example.com/x. Request header field Accept-Encoding is not allowed by Access-Control-Allow-Headers.", "header_not_allowed", "http://api.example.com/x", says="Access-Control-Allow-Headers: Accept-Encoding", never="allow_headers"),
    Line("values", "Access to XMLHttpRequest at 'http://api.example.com/x' from origin 'http://app.example.com' has been blocked by CORS policy: The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.", "wildcard_with_credentials", "http://api.example.com/x", "http://app.example.com", says="and let it request https, too"),
    # Redirects whose first or last URL is redacted, or not there.
    Line("redirects", "Access to manifest at xxx(redirected from xxx) has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present on the requested resource.", "manifest_login", says="The login server has nothing to change"),
    Line("redirects", "Access to fetch at 'https://login.microsoftonline.com/t/oauth2/v2.0/authorize?a=b' (redirected from 'xxx') from origin 'yyyy' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present on the requested resource.", "missing_allow_origin", "https://login.microsoftonline.com/t/oauth2/v2.0/authorize?a=b", says="answer 401"),
    Line("redirects", f"Redirect from '{A}' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin '{P}' is therefore not allowed access.", "missing_allow_origin", A, P, says="The server redirects"),
    Line("redirects", f"Access to script at '{A}' from origin '{P}' has been blocked by CORS policy: Redirect is not allowed for a preflight request.", "preflight_redirect", A, P, says="Or let the page request the last URL"),
    # A path with spaces, and the method or the status of another URL.
    Line("names", "Failed to load 'https://tiles.example/fonts/Noto Sans Regular/0-255.pbf'. A ServiceWorker passed a promise to FetchEvent.respondWith() that rejected with 'TypeError: NetworkError when attempting to fetch resource.'.", "service_worker_failed", "https://tiles.example/fonts/Noto Sans Regular/0-255.pbf"),
    Line("names", f"{FIREFOX}https://tiles.example/fonts/Noto Sans Regular/0-255.pbf. (Reason: CORS header 'Access-Control-Allow-Origin' missing).", "missing_allow_origin", "https://tiles.example/fonts/Noto Sans Regular/0-255.pbf"),
    Line("names", 'downloadable font: download failed (font-family: "Open Sans" style:normal weight:400 stretch:100 src index:2): bad URI or cross-site access not allowed source: https://cdn.example/a.woff?v=3 @ https://cdn.example/a.css', "font", "https://cdn.example/a.woff?v=3"),
    Line("not CORS", "The request client is not a secure context.", "insecure_local_network", page="~"),
    Line("not CORS", "Failed to load resource: An SSL error has occurred and a secure connection to the server cannot be made.", "tls"),
    Line("not CORS", "Permission was denied for this request to access the `unknown` address space.", "local_network_access", says="Let the user allow it"),
    Line("not CORS", f"{AT.replace(A, LOCAL)}: Request had a target IP address space of `unknown` yet the resource is in address space `public`.", "private_network_access", LOCAL, P, never="targetAddressSpace"),
    Line("not CORS", "[blocked] The page at https://app.example.com/ requested insecure content from http://api.example.com/x. This content was blocked and must be served over HTTPS.", "mixed_content", "http://api.example.com/x", APP),
    Line("not CORS", "The page at https://app.example.com/ requested insecure content from http://api.example.com/x. This content was automatically upgraded and should be served over HTTPS.", "mixed_content_warned", "http://api.example.com/x", APP),
    Line("not CORS", "Failed to load resource: net::ERR_BLOCKED_BY_ADBLOCKER", "blocked_by_client"),
    Line("not CORS", "SCRIPT7002: XMLHttpRequest: Network Error 0x2efd, Could not complete the operation due to error 00002efd.", "unreachable"),
    Line("not CORS", "SCRIPT7002: XMLHttpRequest: Network Error 0x2ee7, Could not complete the operation due to error 00002ee7.", "unreachable"),
    Line("not CORS", "[Error] A server with the specified hostname could not be found.\n[Error] Fetch API cannot load http://backend:8000/user due to access control checks.", "unreachable", "http://backend:8000/user"),
    Line("not CORS", "[Error] Failed to load resource: The network connection was lost.", "unreachable"),
    Line("not CORS", "The resource from \u201chttps://app.example.com/a.js\u201d was blocked due to MIME type (\u201ctext/html\u201d) mismatch (X-Content-Type-Options: nosniff).", "wrong_type", "https://app.example.com/a.js", says="text/html"),
    Line("not CORS", "WebSocket connection to 'ws://localhost:3000/' failed: Error in connection establishment: net::ERR_SOCKET_NOT_CONNECTED", "unreachable", "ws://localhost:3000/"),
    Line("app", "Access to script at 'inplan-plugin://bundle/renderer.js' from origin 'file://' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: chrome, data, http, https.", "bad_scheme", "inplan-plugin://bundle/renderer.js", "file://", says="corsEnabled", never="fetch("),
    Line("app", "Cannot load image efxasset://localhost/Users/me/a.png?v=1 due to access control checks.", "not_told", "efxasset://localhost/Users/me/a.png?v=1"),
    # Chromium does not say that a redirect between two foreign origins made the Origin null.
    Line("redirects", "Access to fetch at 'http://localhost:8999/hello' (redirected from 'https://first.example/a') from origin 'https://app.example.com' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present on the requested resource.", "missing_allow_origin", "http://localhost:8999/hello", APP, says="makes the Origin null", never="Access-Control-Allow-Origin: https://app.example.com"),
    Line("redirects", f"Access to fetch at '{A}' (redirected from '{APP}/a') from origin '{APP}' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present on the requested resource.", "missing_allow_origin", A, APP, says="Access-Control-Allow-Origin: https://app.example.com"),
    Line("redirects", "Cross-origin redirection to https://cdn.example/a.json denied by Cross-Origin Resource Sharing policy: Origin [IP ADDRESS:port] is not allowed by Access-Control-Allow-Origin. Status code: 301", "missing_allow_origin", says="The server redirects to https://cdn.example/a.json"),
    # What is around the name of a URL, and what is cut out of it.
    Line("names", "It does not have HTTP ok status: Response to preflight request doesn't pass access control check\n<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", "preflight_status"),
    Line("names", "WebSocket connection to 'ws://10.1.2.3:3000/api/hassio_ingress/ ... /api/live/ws' failed", "websocket", "ws://10.1.2.3:3000/api/hassio_ingress/ ... /api/live/ws"),
    Line("names", f"{FIREFOX}(http://[::1]:5173/@vite/client) CORS-header \u2018Access-Control-Allow-Origin\u2019 is missing)", "missing_allow_origin", "http://[::1]:5173/@vite/client"),
    Line("names", "Access to the script at 'https://api.example.com/x' from the origin 'http://192.168.33.3:8000' has been blocked due to CORS policy: The requested resource does not have an 'Access-Control-Allow-Origin' header.", "missing_allow_origin", A, "http://192.168.33.3:8000"),
    Line("names", "file:///C:/a/earthmap.jpg' from origin 'null' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: http, data, https.", "bad_scheme", "file:///C:/a/earthmap.jpg", "null"),
    Line("not CORS", "Failed to construct 'Worker': Access to the script at 'blob:http://localhost:8100/x' is denied by the document's Content Security Policy.", "csp", "blob:http://localhost:8100/x", says="add blob: to worker-src"),
    Line("not CORS", "Content Security Policy: Ignoring \u2018x-frame-options\u2019 because of \u2018frame-ancestors\u2019 directive.", "csp_noted"),
    Line("not CORS", "Content Security Policy: The page\u2019s settings blocked the loading of a resource at data:font/woff;base64,d09GRgAB (\u201cfont-src\u201d).", "csp", "data:font/woff;base64,d09GRgAB", says="add data: to font-src"),
    Line("not CORS", "Failed to register a ServiceWorker for scope ('https://app.example.com/') with script ('https://app.example.com/sw.js'): The script resource is behind a redirect, which is disallowed.", "worker_redirected", "https://app.example.com/sw.js", never="new Worker"),
    Line("not CORS", "[blocked] The page at https://app.example.com/ was not allowed to display insecure content from ipc://localhost/x.", "mixed_content", "ipc://localhost/x", APP, says="does not count ipc as secure"),
    Line("not CORS", "Uncaught SecurityError: Failed to execute 'texImage2D' on 'WebGLRenderingContext': The cross-origin image at \"image address\" may not be loaded.", "tainted_canvas"),
    Line("not CORS", "Refused to execute script from 'http://localhost/a.js.gz' because its MIME type ('application/octet-stream') is not executable, and strict MIME type checking is enabled.", "wrong_type", "http://localhost/a.js.gz", says="Content-Encoding"),
    Line("schemes", f"{FIREFOX}node:fs. (Reason: CORS request not http).", "bad_scheme", "node:fs", says="a module of Node", never="register"),
    Line("schemes", f"Access to script at 'url: /hacsfiles/x.js' from origin '{P}' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: chrome, data, http, https.", "bad_scheme", "url: /hacsfiles/x.js", P),
    Line("schemes", f"Access to font at 'hottps://fonts.gstatic.com/s/x.woff2' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "hottps://fonts.gstatic.com/s/x.woff2", P, never="the app itself"),
    Line("redirects", "Redirect at origin 'https://a.tile.example' has been blocked from loading by Cross-Origin Resource Sharing policy: No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin 'null' is therefore not allowed access.", "missing_allow_origin", "https://a.tile.example", "null", says="A redirect between two origins made the Origin null"),
    Line("redirects", f"Redirect from 'http://localhost:8181/uaa/oauth/authorize?client_id=a' to 'http://localhost:8181/uaa/login' has been blocked by CORS policy: {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", "http://localhost:8181/uaa/oauth/authorize?client_id=a", P, says="let the browser go there", never="the page can request"),
    Line("redacted", f"from origin 'https://website URL' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", never="https://website"),
    Line("redacted", f"Access to fetch at 'https://my server/x' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P, never="https://my"),
    Line("names", f"origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P),
    Line("names", "Cross-Origin-Anfrage blockiert: Die Same-Origin-Regel verbietet, die externe Ressource auf https://api.example.com/x zu lesen. Dies kann gel\u00f6st werden, indem die Ressource auf dieselbe Domain verschoben oder CORS aktiviert wird.", "cut_off", A),
    Line("cut off", f"XMLHttpRequest cannot load {A}.", "not_told", A),
    Line("cut off", f"Fetch API cannot load {A}. Response to preflight", "not_told", A),
    Line("cut off", f"Failed to load {A}: Response to pre", "not_told", A),
    # What is left of a line that was shortened, wrapped, translated or marked.
    *(
        Line("cut off", f"Refused to {words} '{A}'", "csp", A, says=f"add https://api.example.com to {directive}")
        for words, directive in (("connect to", "connect-src"), ("frame", "frame-src"), ("load the font", "font-src"), ("load the image", "img-src"), ("load media from", "media-src"), ("load script from", "script-src"), ("load the stylesheet", "style-src"))
    ),
    Line("cut off", f"Refused to connect to '{A}' because it violates CSP\nAxiosError: Network Error", "csp", A, says="connect-src"),
    Line("cut off", f"Refused to load '{A}' because it violates CSP directive: \"connect-src ...\".", "csp", A, says="connect-src"),
    Line("cut off", "[blocked] The page at https://app.example.com/x requested insecure content from http://api.example.com/x\nXMLHttpRequest cannot load http://api.example.com/x due to access control checks.", "mixed_content", "http://api.example.com/x", APP),
    Line("wrapped", f"Access to fetch at '{A}' from origin '{P}' has been blocked by CORS policy: No 'Access-Control-\nAllow-Origin' header is present on the requested resource.", "missing_allow_origin", A, P),
    Line("wrapped", f"- Access to fetch at '{A}' from origin '{P}' has been blocked by CORS policy: Cross origin requests are only supported for\n- protocol schemes: http, data, https.", "bad_scheme", A, P),
    Line("wrapped", f"{FIREFOX}https://api.example.com/x?b=1&\n    key=2. (Reason: CORS header \u2018Access-Control-Allow-Origin\u2019 missing).", "missing_allow_origin", "https://api.example.com/x?b=1&key=2"),
    Line("wrapped", f"XMLHttpRequest cannot load http://s3-eu-west-   1.amazonaws.com/x.jpg. Origin {P} is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", page=P),
    *(
        Line("redacted", f"Access to fetch at '{url}' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P, never="https://www.mini")
        for url in ("https://www.miniXXXX.com/x", "https://www.minixxxx.com/x", "https://XXX-api.azurewebsites.net/x", "http://host/api", "https://hostname:8080/x", "http://ip/x")
    ),
    Line("redacted", f"Access to fetch at 'http://localhost:PORT/plain' from origin 'http://front:port' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", never="PORT"),
    Line("names", f"{FIREFOX}localhost:5001/api/vote. (Reason: CORS header 'Access-Control-Allow-Origin' missing). Status code: 500.", "missing_allow_origin", "http://localhost:5001/api/vote", says="Status 500", never="the app itself"),
    Line("older", "Cross-origin request blocked: The same origin policy prevents the remote resource from being read. (Reason: the CORS header 'Access-Control-Allow-Origin' is not present).", "missing_allow_origin"),
    Line("older", "XMLHttpRequest cannot load data:image/png;base64,xyz. Cross origins requests are only supported by http.", "bad_scheme", "data:image/png;base64,xyz", says="redirected to a data: URL", never="http and https"),
    Line("not CORS", "WebSocket connection to 'wss://api.example.com/s' failed: Error in connection establishment: net::ERR_CERT_AUTHORITY_INVALID", "tls", "wss://api.example.com/s", says="open https://api.example.com in a tab"),
    Line("not CORS", "WebSocket connection to 'ws://localhost:17523/' failed: Error in connection establishment: net::ERR_CONNECTION_REFUSED", "unreachable", "ws://localhost:17523/", never="in its own tab"),
    Line("not CORS", "Refused to connect to 'ws://localhost:8000/' because it violates the following Content Security Policy directive: \"connect-src chrome://resources chrome://theme 'self'\".", "browser_page", "ws://localhost:8000/"),
    Line("status", f"{AT}: {NO_HEADER} The response had HTTP status code 426.", "missing_allow_origin", A, P, says="new WebSocket"),
    Line("status", f"{AT}: {NO_HEADER} The response had HTTP status code 422.", "missing_allow_origin", A, P, says="Status 422. The server answers with an error"),
    Line("values", f"{AT}: Request header field 0 is not allowed by Access-Control-Allow-Headers in preflight response.", "header_not_allowed", A, P, says="write an object", never="Access-Control-Allow-Headers: 0"),
    Line("panels", "A cross-origin resource sharing (CORS) request was blocked because it contained request headers that were neither CORS-safelisted (Accept, ...) nor allowed by the Access-Control-Allow-Headers response header of the associated preflight request.\n\nDisallowed header: content-type", "header_not_allowed", says="Access-Control-Allow-Headers: Content-Type"),
    Line("panels", "A cross-origin resource sharing (CORS) request was blocked because it used a method that was neither CORS-safelisted (GET, HEAD, or POST) nor allowed by the Access-Control-Allow-Methods response header of the associated preflight request.\n\nDisallowed method: PUT", "method_not_allowed", says="Access-Control-Allow-Methods"),
    Line("panels", "A cross-origin resource sharing (CORS) request was blocked because it was configured to include credentials and the Access-Control-Allow-Origin response header of the request or the associated preflight request was set to a wildcard *.", "wildcard_with_credentials"),
    Line("panels", "A cross-origin resource sharing (CORS) request was blocked because it was configured to include credentials and the Access-Control-Allow-Credentials response header of the request or the associated preflight request was not set to true.", "allow_credentials_not_true"),
    Line("names", "`MediaElementAudioSource outputs zeroes due to CORS access restrictions for https://cdn.example.org/a.mp3`", "tainted_audio", "https://cdn.example.org/a.mp3"),
    Line("redirects", f"(redirected from 'http://localhost:8080/a') from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P),
    Line("redirects", f"redirected from 'http://localhost:8080/a' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P),
    Line("wrapped", f"{AT}: {NO_HEADER} If an opaque response serves your needs, set the request's mode to 'no-cors' to fetch the resource with\nCORS disabled.", "missing_allow_origin", A, P),
    Line("wrapped", f"{AT}: Response to preflight request doesn't pass access control check: No 'Access - Control - Allow - Origin' header is present on the requested resource.", "preflight_missing_allow_origin", A, P),
    Line("values", "The 'Access-Control-Allow-Origin' header has a value that is not equal to the supplied origin", "allow_origin_mismatch", says="names another origin", never="is empty"),
    Line("names", "[GSI_LOGGER]: The given origin is not allowed for the given client ID. client:74:89\nStorage access automatically granted for origin \u201chttps://accounts.google.com\u201d on \u201chttp://localhost:8000\u201d.", "login_origin", never="accounts.google.com to"),
    Line("names", "### WebSocket Connection Fails\nError: CORS policy: Response to preflight request doesn't pass access control check", "preflight_cut_off"),
    Line("not CORS", "Refused to apply style from 'http://172.19.0.14:8080/a.css' because its MIME type ('') is not a supported stylesheet MIME type", "wrong_type", "http://172.19.0.14:8080/a.css"),
    Line("not CORS", "Refused to apply style from http://127.0.0.1:5500/a.css because its MIME type (text/html) is not a supported stylesheet MIME type", "wrong_type", "http://127.0.0.1:5500/a.css", says="text/html"),
    Line("not CORS", "Refused to set unsafe header origin", "forbidden_header"),
    # Cut off within the reason.
    *(
        Line("cut off", f"{AT}: {reason}", name, A, P, says=says)
        for reason, name, says in (
            ("Response to preflight request doesn't pass access control check: It does not have HTTP ok stat", "preflight_status", "outermost"),
            ("Response to preflight request doesn't pass access control check: It does n", "preflight_cut_off", "If the line goes on"),
            ("Response to preflight request doesn't pass access control check: Redirect is not allowed for a pre", "preflight_redirect", "redirects"),
            ("Request header field x-trace is not allo", "header_not_allowed", "X-Trace"),
            ("Method PUT is not allowed by Acc...", "method_not_allowed", "PUT"),
            ("The 'Access-Control-Allow-Origin' header contains multi", "multiple_allow_origin", "twice"),
            ("The 'Access-Control-Allow-Origin' header has a value 'https://b.example' that is n", "allow_origin_mismatch", "https://b.example"),
            ("The value of the 'Access-Control-Allow-Origin' header in the resp", "wildcard_with_credentials", "* never counts"),
            ("The value of the 'Access-Control-Allow-Credentials' head", "allow_credentials_not_true", "not exactly"),
        )
    ),
    Line("cut off", f"{FIREFOX}http://localhost:5001/... (Reason: expected ‘true’ in CORS header ‘Access-Control-Allow-Credentials’).", "allow_credentials_not_true", "http://localhost:5001/..."),
    Line("cut off", f"{FIREFOX}http://localhost:5001/api.... (Reason: CORS header ‘Access-Control-Allow-Origin’ missing).", "missing_allow_origin", "http://localhost:5001/api..."),
    # Hidden within the path.
    Line("redacted", "VM24:1 PUT https://storage.googleapis.com/[rest of generated key] net::ERR_FAILED", "not_told", "https://storage.googleapis.com/[rest of generated key]"),
    # One line in two.
    Line("wrapped", "Cookie “a” will be soon rejected because it has the “sameSite” attribute set to\n“none” or an invalid value, without the “secure” attribute.\nTo know more about the “sameSite“ attribute,\nread https://developer.mozilla.org/docs/Web/HTTP/Cookies", "cookies_warned"),
    Line("panels", f"XHROPTIONS{A}CORS Missing Allow Origin\n{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 404.\n{FIREFOX}{A}. (Reason: CORS request did not succeed). Status code: (null).", "preflight_missing_allow_origin", A, says="OPTIONS reaches the router"),
    Line("panels", "XHROPTIONShttps://x/api\nCORS Missing Allow Origin\nCross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at https://x/api. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing).", "preflight_missing_allow_origin"),
    Line("names", f"Access to fetch at 'https://masked-xxxxxx.vercel.app/a' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}\nPOST https://proxy.vercel.app/a net::ERR_FAILED", "missing_allow_origin", "https://proxy.vercel.app/a", P),
    Line("names", "Response to preflight request doesn't pass access control check: No 'Access-Control-Allow-Origin' header is present on the requested resource.\nOPTIONS /a HTTP/1.1\nAccess-Control-Request-Method:PUT\nHost:acc.blob.core.windows.net\nOrigin:http://localhost:3000", "preflight_missing_allow_origin", "https://acc.blob.core.windows.net/a", P, says="object storage"),
    # A cause that the line does not prove.
    Line("status", f"{FIREFOX}{A}. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 403.", "missing_allow_origin", A, says="Some CORS layers"),
    Line("status", f"{AT}: {NO_HEADER}\nGET {A} net::ERR_FAILED 504 (Gateway Timeout)", "missing_allow_origin", A, P, says="no CORS layer within the application adds headers"),
    Line("values", f"XMLHttpRequest cannot load {A}. {NO_HEADER} Origin 'null' is therefore not allowed access.", "missing_allow_origin", A, "null", says="or a redirect from one origin to another"),
    Line("values", f"{FIREFOX}{A}. (Reason: missing token ‘accept’ in CORS header ‘Access-Control-Allow-Headers’ from CORS preflight channel).", "header_not_allowed", A, says="only because of its value"),
    # No response.
    Line("not CORS", "WebSocket connection to 'ws://locahost:3000/s' failed: Error in connection establishment: net::ERR_NAME_NOT_RESOLVED", "unreachable", "ws://locahost:3000/s", says="spelt right", never="Is the server running"),
    Line("not CORS", "GET http://localhost:8888/a net::ERR_CONNECTION_REFUSED", "unreachable", "http://localhost:8888/a", says="nothing listens", never="extension"),
    Line("not CORS", "t::ERR_NAME_NOT_RESOLVED\n(anonymous) @ app.js:1", "unreachable", says="spelt right"),
    Line("not CORS", f"{FIREFOX}http://kong_my-project:8000/auth. (Reason: CORS request did not succeed). Status code: (null)", "unreachable", "http://kong_my-project:8000/auth", says="a service of Docker"),
    Line("not CORS", f"{FIREFOX}https://localhost:9001/a. (Reason: CORS request did not succeed). Status code: (null).", "unreachable", "https://localhost:9001/a", says="trust its certificate"),
    # Rules of others.
    Line("not CORS", "client:745 WebSocket connection to 'ws://localhost:3000/_nuxt/?token=hbttnGO2POq9' failed: \ncreateConnection @ client:745\nconnect @ client:412", "hot_reload", "ws://localhost:3000/_nuxt/?token=hbttnGO2POq9", says="server.hmr"),
    Line("not CORS", "Firefox can’t establish a connection to the server at ws://localhost:4200/_next/webpack-hmr.\nThe connection to ws://localhost:4200/_next/webpack-hmr was interrupted while the page was loading.", "hot_reload", "ws://localhost:4200/_next/webpack-hmr"),
    Line("not CORS", "WebSocket connection to 'ws://localhost:5173/?token=hbttnGO2POq9' failed: ", "hot_reload", "ws://localhost:5173/?token=hbttnGO2POq9"),
    Line("not CORS", "WebSocket connection to 'ws://localhost:8080/graphql' failed: ", "websocket", "ws://localhost:8080/graphql"),
    Line("not CORS", "Error: Unauthorized request from http://172.16.1.16:8081. This may happen because of a conflicting browser extension to intercept HTTP requests.", "refused_by_server", page="http://172.16.1.16:8081", says="Expo"),
    Line("not CORS", "The following ImageCodecException was thrown resolving an image codec:\nFailed to load network image.\nImage URL:\nhttps://cdn.example.org/a.png\nTrying to load an image from another domain? Find answers at:\nhttps://flutter.dev/docs/development/platform-integration/web-images", "not_told", "https://cdn.example.org/a.png"),
    Line("not CORS", "403: Cross-site POST form submissions are forbidden", "csrf_sveltekit", says="ORIGIN"),
    Line("not CORS", "[Error] Refused to connect to https://a.example/crossdomain.xml because it does not appear in the connect-src directive of the Content Security Policy.", "csp", "https://a.example/crossdomain.xml", says="to connect-src"),
    Line("not CORS", "DOMException: Failed to execute 'texImage2D' on 'WebGLRenderingContext': The video element contains cross-origin data, and may not be loaded", "tainted_canvas", says="<video crossorigin"),
    Line("not CORS", "DOMException: Failed to execute 'texImage2D' on 'WebGLRenderingContext': The image element contains cross-origin data, and may not be loaded", "tainted_canvas", says="<img crossorigin"),
    Line("not CORS", "GET https://api.example.com/a 429 (Too Many Requests)", "status", "https://api.example.com/a", says="limits how often", never="route"),
    # Wrapped lines of a change.
    Line("wrapped", "+Fetch API cannot load http://localhost:8080/good-beers. No 'Access-Control-Allow-Origin' \n+header is present on the requested resource. Origin 'http://localhost:4200' is therefore \n+not allowed access. The response had HTTP status code 403.", "missing_allow_origin", "http://localhost:8080/good-beers", "http://localhost:4200", says="Status 403"),
    Line("wrapped", f"Access to fetch at 'https ://api.example.com/x' from origin 'http ://localhost:3000' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A, P),
    Line("languages", "Запрос из постороннего источника заблокирован: Политика одного источника запрещает чтение удаленного ресурса на https://api.example.com/x. (Причина: заголовок CORS 'Access-Control-Allow-Origin' не совпадает с 'http://localhost:8888/').\", хотя на сервере у меня 'foo'.", "allow_origin_mismatch", A, says="http://localhost:8888/"),
    Line("languages", "Ich bekomme immer dieselbe Fehlermeldung (\"Grund: CORS-Kopfzeile 'Access-Control-Allow-Origin' fehlt\").", "missing_allow_origin"),
    Line("languages", "Firefox no puede establecer una conexión con el servidor en ws://localhost:3000/ws.", "websocket", "ws://localhost:3000/ws"),
    Line("languages", "Firefox は、サーバー wss://chat.example.com/s への接続を確立できませんでした。", "websocket", "wss://chat.example.com/s"),
    Line("names", "Failed to load resource: No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin 'null' is therefore not allowed access. file:///Users/me/main.html", "bad_scheme", "file:///Users/me/main.html", "null", says="from a server"),
    Line("names", "Access to fetch at 'https://media.example.com/a(1)/b(video=0,format=x)' from origin 'http://localhost:3000' has been blocked by CORS policy: Request header field range is not allowed by Access-Control-Allow-Headers in preflight response.", "header_not_allowed", "https://media.example.com/a(1)/b(video=0,format=x)", P),
    Line("names", "Refused to connect to ipc://localhost/plugin because it does not appear in the connect-src directive of the Content Security Policy.", "csp", "ipc://localhost/plugin", says="add ipc: to connect-src"),
    Line("cut off", f"{FIREFOX}https://firestore.googleapis.com/Listen/channel?database=projects...", "cut_off", "https://firestore.googleapis.com/Listen/channel?database=projects...", says="googleapis.com is a public service"),
    Line("status", f"{A} 404 (Not Found)\n{AT}: Response to preflight request doesn't pass access control check: It does not have HTTP ok status.", "preflight_status", A, P, says="Status 404"),
    Line("status", f"{AT}: {NO_HEADER} The response had HTTP status code 413.", "missing_allow_origin", A, P, says="larger than the server"),
    Line("not CORS", "The resource at “https://static.example.org/a.png” was blocked by OpaqueResponseBlocking. Reason: “after sniff: content-type declares image/video/audio, but sniffing fails”.", "orb", "https://static.example.org/a.png", says="its content is something else"),
    Line("not CORS", "Cross-Origin Read Blocking (CORB) blocked cross-origin response https://maps.googleapis.com/maps/api/place/json?key=XXX with MIME type application/json.", "orb", "https://maps.googleapis.com/maps/api/place/json?key=XXX", says="a public service"),
    Line("not CORS", "Mixed Content: The page at 'https://app.example.com/' was loaded over HTTPS, but requested an insecure XMLHttpRequest endpoint 'http://localhost:3000/x'.", "mixed_content", "http://localhost:3000/x", APP, says="Update the browser"),
    Line("values", f"Access to image at '{A}' from origin 'null' has been blocked by CORS policy: The 'Access-Control-Allow-Origin' header has a value 'null' that is not equal to the supplied origin.", "allow_origin_mismatch", A, "null", says="does not accept it"),
    Line("values", f"{AT}: Request header field x-stainless-timeout is not allowed by Access-Control-Allow-Headers in preflight response.", "header_not_allowed", A, P, says="Most likely, a library"),
    Line("redirects", "Redirect from 'https://sse.example.net/' to 'https://other.example.org/x' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin 'https://app.example.com' is therefore not allowed access.", "missing_allow_origin", "https://sse.example.net/", APP, says="the browser sends Origin: null", never="outermost"),
    # Translated by a machine.
    Line("wrapped", f"Access to fetch at '{A}' from origin '{P}' has been blocked by CORS policy: Response to preflight request does not pass access control check: No `Access Control Allow Origin` header is present", "preflight_missing_allow_origin", A, P),
    Line("wrapped", f"Failed to load https://login.example.com/tenant/oauth2/v2.0/token?\np=policy&client=1/v2.0/.well-known/openid-configuration: No 'Access-Control-Allow-Origin' \nheader is present on the requested resource. Origin '{P}' is therefore not allowed \naccess.", "missing_allow_origin", "https://login.example.com/tenant/oauth2/v2.0/token?p=policy&client=1/v2.0/.well-known/openid-configuration", P),
    Line("redacted", f"{FIREFOX}http:///signalr/negotiate?a=1. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing).", "missing_allow_origin"),
    Line("redacted", "OPTIONS [...] 415 (Unsupported Media Type) jquery-2.0.3.js:7845\nXMLHttpRequest cannot load [...]. No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin 'http://localhost:3000' is therefore not allowed access.", "preflight_missing_allow_origin", page=P, says="Status 415"),
    Line("redacted", f"Access to fetch at '{A}' from origin 'http://my_beutiful_ip:3000' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A),
    Line("redacted", "Cross-Origin Read Blocking (CORB) blocked cross-origin response https://MY-APP-DOMAIN.auth0.com/login?a=1 with MIME type text/html.", "orb", says="redirects to a login", never="Allowed Origins"),
    Line("names", "WebSocket connection to 'wss:/chat.example.com/socket.io/?EIO=3' failed: Error during WebSocket handshake: Unexpected response code: 400\nDevTools failed to parse SourceMap: https://other.example.com/socket.io.js.map", "handshake_refused", "wss://chat.example.com/socket.io/?EIO=3", says="cors_allowed_origins"),
    Line("names", f'{FIREFOX}https://dav.example.com/a/. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 401.\nLogin failed, error: {{"message":"Network Error","config":{{"url":"https://dav.example.com/a/","method":"propfind"}}}}', "missing_allow_origin", "https://dav.example.com/a/"),
    Line("panels", "[Error] Preflight response is not successful\n[Error] XMLHttpRequest cannot load https://xxxx.ui.nabu.casa/api/2x021?a=1 due to access control checks.\n[Error] Failed to load resource: Preflight response is not successful (2021, line 0)", "preflight_status"),
    Line("values", f"{AT}: Request header field authorizarion is not allowed by Access-Control-Allow-Headers in preflight response.", "header_not_allowed", A, P, says="misspelt Authorization"),
    Line("values", f"{AT}: Request header field x-requestid is not allowed by Access-Control-Allow-Headers in preflight response.", "header_not_allowed", A, P, says="X-Requestid", never="misspelt"),
    Line("not CORS", f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but requested an insecure resource 'http://172.17.0.4:8096/public'.", "mixed_content", "http://172.17.0.4:8096/public", APP, says="in Chromium from 142 on, it may if the user allows it), and nobody certifies a private address", never="fetch("),
    Line("not CORS", f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but requested an insecure resource 'http://files.example.org/public'.", "mixed_content", "http://files.example.org/public", APP, says="the server redirects to http", never="certifies"),
    Line("not CORS", "A cookie associated with a cross-site resource at http://api.example.org/ was set without the `SameSite` attribute. It has been blocked.", "cookies", "http://api.example.org/", says="counts as SameSite=Lax"),
    # Said in prose, or next to words of another alphabet.
    Line("names", "[BUG] Origin is not allowed by Access-Control-Allow-Origin. Status code: 504\nCalls result in a cross-origin access control error. Here is the site: https://front.example.org.", "missing_allow_origin", says="a proxy or a gateway"),
    Line("languages", "报错Origin http://42.121.56.72:3000 is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", page="http://42.121.56.72:3000"),
    Line("values", "XMLHttpRequest cannot load http://localhost:3000/x. The 'Access-Control-Allow-Origin' header has a value 'http:/localhostz:8000' that is not equal to the supplied origin. Origin 'http://localhost:8000' is therefore not allowed access.", "allow_origin_mismatch", "http://localhost:3000/x", "http://localhost:8000", never="http://localhostz:8000"),
    Line("values", f"Failed to load {A}: Method PATCH is not allowed by Access-Control-Allow-Methods in preflight response\nAccess-Control-Allow-Methods:GET,HEAD,PUT,POST,DELETE\nAccess-Control-Allow-Origin:*", "method_not_allowed", A, says="GET, HEAD, PUT, POST, DELETE, PATCH"),
    Line("values", f"{AT}: Request header field x-b is not allowed by Access-Control-Allow-Headers in preflight response.\nAccess-Control-Allow-Headers: X-A, Content-Type", "header_not_allowed", A, P, says="X-A, Content-Type, X-B"),
    Line("redirects", "XMLHttpRequest cannot load http://192.168.1.7/api/auth/login/. Redirect from 'http://192.168.1.7/api/auth/login/' to 'http://192.168.1.7/en/api/auth/login/' has been blocked by CORS policy: Request requires preflight, which is disallowed to follow cross-origin redirect.", "redirect_with_preflight", "http://192.168.1.7/api/auth/login/", never="401"),
    Line("not CORS", "Unsafe attempt to load URL https://cdn.example.org/icons.svg from frame with URL https://front.example.org/a. Domains, protocols and ports must match.", "same_origin_load", "https://cdn.example.org/icons.svg", "https://front.example.org", says="Serve the file from the origin of the page"),
    Line("not CORS", "ERROR:engineio.server:null is not an accepted origin. (further occurrences of this error will be logged with level INFO)", "refused_by_server", page="null", says="sandboxed frame"),
    Line("not CORS", "websocket: request origin not allowed by Upgrader.CheckOrigin", "refused_by_server", says="the origins that its WebSocket accepts"),
    Line("frameworks", "Error: Cross origin null forbidden\n    at dispatchError (node_modules/jsdom/lib/jsdom/living/xhr/xhr-utils.js:63:19)", "missing_allow_origin", page="null", says="testEnvironmentOptions.url", never="*"),
    Line("not CORS", f"{FIREFOX}https://play.google.com/log. (Reason: CORS request did not succeed). Status code: (null).", "unreachable", "https://play.google.com/log", says="something stops the request"),
    # Whatever the reason: the login answered, not the server.
    *(
        Line("redirects", f"Access to fetch at '{login}' (redirected from '{APP}/api/me') from origin '{APP}' has been blocked by CORS policy: {reason}", name, "~" if "<" in login else login, APP, says="answer 401 to scripts", never="Access-Control-Allow-Headers:")
        for login in ("https://idp.example.org/as/authorization.oauth2?response_type=code", "https://<issuer>/oauth2/authorize?client_id=a")
        for name, reason in (
            ("header_not_allowed", "Request header field content-type is not allowed by Access-Control-Allow-Headers in preflight response."),
            ("preflight_status", "Response to preflight request doesn't pass access control check: It does not have HTTP ok status."),
            ("wildcard_with_credentials", "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'."),
        )
    ),
    Line("redirects", "Access to fetch at 'https://www.example.org/a' from origin 'https://example.org' has been blocked by CORS policy: Response to preflight request doesn't pass access control check: Redirect is not allowed for a preflight request.", "preflight_redirect", "https://www.example.org/a", "https://example.org", says="request a relative URL", never="Open the page at"),
    # Of a hidden URL, only the hidden part is replaced.
    Line("redacted", f"Access to fetch at '{A}' from origin 'http://<front>' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A, says="Access-Control-Allow-Origin: http://app.example.com"),
    # Typed by hand.
    Line("wrapped", f"access to fetch at {A} from origin {P} has been blocked by cors policy no access control allow origin header is present on the requested resource", "missing_allow_origin", A, P, says="does not list the origin"),
    Line("values", f"{AT}: {NO_HEADER}\nGET {A} net::ERR_FAILED 502 (Bad Gateway)", "missing_allow_origin", A, P, says="Fix that first", never="allow_origins"),
    Line("values", "Access to fetch at 'https://a.herokuapp.com/x' from origin 'http://localhost:3000' has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header\nFailed to load resource: the server responded with a status of 503 ()", "missing_allow_origin", "https://a.herokuapp.com/x", P, says="If it belongs to this request", never="look at the app's log. If"),
    Line("names", "GET https://undefined/api/users net::ERR_NAME_NOT_RESOLVED", "unreachable", "https://undefined/api/users", says="a variable that has no value"),
    Line("names", "WebSocket connection to 'wss://undefined/socket' failed: ", "websocket", "wss://undefined/socket", says="a variable that has no value"),
    Line("not CORS", "Mixed Content: The page at 'https://app.example.com/' was loaded over HTTPS, but requested an insecure stylesheet 'http://192.168.1.20:8080/a.css'. This request has been blocked; the content must be served over HTTPS.", "mixed_content", "http://192.168.1.20:8080/a.css", APP),
    Line("elements", "CSS3117: @font-face failed cross-origin request. Resource access is restricted. fontawesome-webfont.woff", "missing_allow_origin", says="does not list the origin"),
    Line("names", "CORS policy rejected origin https://app.example.com", "refused_by_server", page=APP, never="check https://app.example.com"),
    Line("names", "Disallowed CORS origin https://app.example.com", "refused_by_server", page=APP, never="check https://app.example.com"),
    Line("names", f"Failed to load 127.0.0.1:8000/api: {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", "http://127.0.0.1:8000/api", P),
    Line("redirects", f"Access to fetch at 'https://shop.example.com/catalog-index.json' (redirected from 'https://shop.example.com/catalog') from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://shop.example.com/catalog-index.json", P, never="login page"),
    Line("redirects", f"Access to fetch at 'https://shop.example.com/users/sign_in' (redirected from 'https://shop.example.com/me') from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://shop.example.com/users/sign_in", P, says="looks like a login page"),
    Line("not CORS", "[blocked] The page at https://map.example.org/#map=1 requested insecure content from http://127.0.0.1:8111/load?a=1. This content was blocked and must be served over HTTPS.", "mixed_content", "http://127.0.0.1:8111/load?a=1", "https://map.example.org", says="Safari lets a page of https request no plain http", never="Update the browser"),
    Line("redacted", f"Access to XMLHttpRequest at 'https://******/auth/realms/*****/protocol/openid-connect/token' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P, says="This is Keycloak"),
    Line("redacted", f"Access to fetch at 'https://[host]/auth/realms/[realm]/protocol/openid-connect/token' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P, says="This is Keycloak"),
    Line("values", "Access to fetch at 'https://api.transport.example/v1/graphql' from origin 'http://localhost:3000' has been blocked by CORS policy: Request header field x-apollo-tracing is not allowed by Access-Control-Allow-Headers in preflight response.", "header_not_allowed", "https://api.transport.example/v1/graphql", P, says="let the page not send this header"),
    Line("redirects", f"[Error] Preflight response is not successful. Status code: 301\n[Error] XMLHttpRequest cannot load {A} due to access control checks.", "preflight_status", A, says="Let the page request the last URL"),
    Line("redirects", f"Access to fetch at 'http://target.example/a' (redirected from '{P}/proxy/a') from origin '{P}' has been blocked by CORS policy: Response to preflight request doesn't pass access control check: Redirect is not allowed for a preflight request.", "preflight_redirect", "http://target.example/a", P, says="The page's own server redirects this request to another origin"),
    Line("values", f"The 'Access-Control-Allow-Origin' header has a value '{APP}/' that is not equal to the supplied origin.", "allow_origin_mismatch", says="Access-Control-Allow-Origin: https://app.example.com"),
    Line("values", "The 'Access-Control-Allow-Origin' header has a value 'https://shop.example.org/' that is not equal to the supplied origin.", "allow_origin_mismatch", says="Access-Control-Allow-Origin: https://shop.example.org"),
    Line("values", f"{AT}: Response to preflight request doesn't pass access control check: It does not have HTTP ok status.\nOPTIONS {A} 404 (Not Found)", "preflight_status", A, P, says="or none for this path"),
    # Cut off, at the end or at the beginning.
    *(
        Line("cut off", f"{AT}: Response to preflight request doesn't pass access control check: {rest}", "preflight_missing_allow_origin", A, P)
        for rest in ("No 'Acc", "No 'A", "No 'Access...", "No 'Access-Control-Allow-Or")
    ),
    *(
        Line("cut off", f"{FIREFOX}{A}. (Reason: CORS header \u2018Access-Control-Allow-Origin\u2019 {rest}", "missing_allow_origin", A)
        for rest in ("missi", "missing", "mis...")
    ),
    Line("cut off", f"{AT}: Response to preflight request doesn't pass access control check: {NO_HEADER}\nOST {A} net::ERR_FAILED", "preflight_missing_allow_origin", A, P),
    Line("markup", f"_{AT}: The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.\nmain.js:1 POST {A} net::ERR_FAILED_", "wildcard_with_credentials", A, P),
    # A part of the URL, or the page, is hidden.
    Line("redacted", f"{FIREFOX}https://[my server URL]/api/v1/login. (Reason: CORS preflight response did not succeed). Status code: 405.", "preflight_status"),
    Line("redacted", f"{FIREFOX}https://<my server>/api/v1/login. (Reason: CORS preflight response did not succeed). Status code: 405.", "preflight_status"),
    Line("redacted", f"Access to fetch at 'https://sso.DOMAIN/.well-known/openid-configuration' from origin 'https://app.DOMAIN' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", never="app.domain"),
    Line("redacted", f"Access to fetch at 'https://sso.domain.tld/a' from origin 'https://app.domain.tld' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin"),
    Line("redacted", "Font from origin 'http://cdn.example.com' has been blocked from loading by Cross-Origin Resource Sharing policy: The 'Access-Control-Allow-Origin' header contains multiple values '*, *', but only one is allowed. Origin '[MY SITE]' is therefore not allowed access.", "multiple_allow_origin", "http://cdn.example.com", says="Two layers"),
    # Rows without a number of a line.
    Line("names", "13:09:37.369 api.example.com/rates/eth Failed to load resource: net::ERR_NAME_NOT_RESOLVED", "unreachable", "https://api.example.com/rates/eth", says="has no address"),
    # A service that gives a file to each page.
    Line("names", f"Access to fetch at 'https://fonts.gstatic.com/s/a/v48/b.woff2' from origin '{P}' has been blocked by CORS policy: Request header field pragma is not allowed by Access-Control-Allow-Headers in preflight response.", "header_not_allowed", "https://fonts.gstatic.com/s/a/v48/b.woff2", P, says="leave out the request header pragma", never="Correct the URL"),
    Line("names", f"Access to font at 'webpack:///a/b.ttf' from origin '{P}' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: http, data, chrome, https.", "bad_scheme", "webpack:///a/b.ttf", P, says="the bundler of the page wrote it"),
    Line("names", f"{FIREFOX}https://sso.example.com/realms/a/protocol/openid-connect/auth?client_id=b. (Reason: CORS request did not succeed). Status code: (null).", "unreachable", "https://sso.example.com/realms/a/protocol/openid-connect/auth?client_id=b", says="A login begins at this URL"),
    Line("names", f"{AT}: Permission was denied for this request to access the `local` address space.".replace(P, "chrome-extension://" + 32 * "a"), "local_network_access", A, "chrome-extension://" + 32 * "a"),
    Line("values", f"[Error] Failed to load resource: Origin {APP} is not allowed by Access-Control-Allow-Origin. Status code: 421", "missing_allow_origin", page=APP, says="does not serve this host", never="allow_origins"),
    Line("values", "GET https://api.example.com/x net::ERR_NETWORK_CHANGED", "unreachable", A, says="Repeat the request", never="Is the server running"),
    # Source maps, which no page needs.
    Line("not CORS", "DevTools failed to load source map: Could not load content for chrome-extension://" + 32 * "a" + "/content.js.map: System error: net::ERR_BLOCKED_BY_CLIENT", "source_map", "chrome-extension://" + 32 * "a" + "/content.js.map", says="Nothing has to change"),
    Line("not CORS", "DevTools failed to load SourceMap: Could not load content for https://cdn.example.com/a.js.map: HTTP error: status code 404, net::ERR_HTTP_RESPONSE_CODE_FAILURE", "source_map", "https://cdn.example.com/a.js.map", says="Nothing has to change"),
    Line("not CORS", "Source map error: Error: request failed with status 404\n\nResource URL: https://cdn.example.com/a.js\nSource Map URL: a.js.map", "source_map", "https://cdn.example.com/a.js", says="Nothing has to change"),
    Line("not CORS", "[Error] Did not parse stylesheet at 'http://localhost:3000/a.css' because non CSS MIME types are not allowed in strict mode.", "wrong_type", "http://localhost:3000/a.css", says="text/css"),
    Line("panels", "Because your site has the Cross-Origin Embedder Policy (COEP) enabled, each resource must specify a suitable Cross-Origin Resource Policy (CORP). This behavior prevents a document from loading cross-origin resources which don\u2019t explicitly grant permission to be loaded.", "corp", says="Cross-Origin-Resource-Policy: cross-origin"),
    Line("not CORS", 'Uncaught Error: [Vite] Cross-origin requests for classic scripts must be made with CORS mode enabled. Make sure to set the "crossorigin" attribute on your <script> tag.', "dev_script", says="crossorigin"),
    Line("frameworks", "The following NetworkImageLoadException was thrown resolving an image stream completer:\nHTTP request failed, statusCode: 0,\nhttps://cdn.example.com/a.jpg", "not_told", "https://cdn.example.com/a.jpg"),
    # Rows of Network panels, copied with their fields.
    Line("panels", "General\nRequest URL: https://api.example.com/login\nRequest Method: OPTIONS\nStatus Code: 403 Forbidden\nReferrer Policy: strict-origin-when-cross-origin\nResponse Headers\ncontent-length: 20\nserver: nginx\nRequest Headers\naccess-control-request-headers: authorization\naccess-control-request-method: POST\norigin: https://app.example.com", "preflight_missing_allow_origin", "https://api.example.com/login", APP),
    Line("panels", "Request URL:\nhttps://api.example.com/login\nRequest Method:\nGET\nStatus Code:\n200 OK\nRemote Address:\n192.0.2.1:443\naccess-control-allow-origin:\nhttps://other.example\ncontent-type:\napplication/json\nRequest Headers\norigin:\nhttps://app.example.com", "allow_origin_mismatch", "https://api.example.com/login", APP, says="other.example"),
    Line("panels", "Summary\nURL: https://api.example.com/pulls?owner=a\nStatus: 421\nSource: Network\nAddress: 192.0.2.1:443\nInitiator: \nmain.js:33\n\nRequest\n:method: GET\n:scheme: https\n:authority: api.example.com\n:path: /pulls?owner=a\nAccept: */*", "status", "https://api.example.com/pulls?owner=a", says="The status is 421"),
    # What the browser announces has not failed.
    *(
        Line("values", f"{AT}: {NO_HEADER}\n{notice}", "missing_allow_origin", A, P)
        for notice in (
            "Chrome is moving towards a new experience that allows users to choose to browse without third-party cookies.",
            "Third-party cookie will be blocked. Learn more in the Issues tab.",
            "DevTools failed to load source map: Could not load content for https://cdn.example.com/a.js.map: HTTP error: status code 404, net::ERR_HTTP_RESPONSE_CODE_FAILURE",
        )
    ),
    Line("values", f"{FIREFOX}http://localhost:8888/. (Reason: CORS header 'Access-Control-Allow-Origin' does not match 'http://localhost:8888/').", "allow_origin_mismatch", "http://localhost:8888/", says="the server's own origin", never="Origin: http://localhost:8888"),
    Line("redacted", f"XMLHttpRequest cannot load https://files-staging.s3.amazonaws.com/...\n{NO_HEADER} Origin 'chrome-extension://...' is therefore not allowed access. The response had HTTP status code 403.", "missing_allow_origin", "https://files-staging.s3.amazonaws.com/...", says="object storage"),
    *(
        Line("redacted", f"Access to fetch at 'http://{host}/items' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P)
        for host in ("serverurlhere", "Server-ip:3000", "server_ip", "backend-url")
    ),
    *(
        Line("values", f"Access to fetch at 'http://{host}/items' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", f"http://{host}/items", P)
        for host in ("hostnames.example.org", "serverip.example.org", "server.example.org", "backend:8000")
    ),
    Line("redirects", "[Error] Cross-origin redirection to https://login.microsoftonline.com/a/oauth2/v2.0/authorize?client_id=b denied by Cross-Origin Resource Sharing policy: Origin null is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", page="null", says="answer 401 to scripts", never="share with everyone"),
    Line("names", '{"type":"error","error":{"type":"authentication_error","message":"CORS requests must set \'anthropic-dangerous-direct-browser-access\' header"}}', "header_wanted", says="Let a server of yours request it"),
    Line("names", f"Access to XMLHttpRequest at 'http://www.api.github.com/users' from origin '{P}' has been blocked by CORS policy: Response to preflight request doesn't pass access control check: Redirect is not allowed for a preflight request", "preflight_redirect", "http://www.api.github.com/users", P, says="Let the page request the last URL"),
    Line("names", f"Access to fetch at 'https://cloud.appwrite.io/v1/account' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://cloud.appwrite.io/v1/account", P, says="add a Web platform", never="allow_origins"),
    Line("names", f"{FIREFOX}https://raw.githubusercontent.com/a/b/main/c.json. (Reason: CORS request did not succeed). Status code: (null).", "unreachable", "https://raw.githubusercontent.com/a/b/main/c.json", says="A public service most likely answers", never="Is the server running"),
    Line("names", "System.InvalidOperationException: The CORS protocol does not allow specifying a wildcard (any) origin and credentials at the same time.", "refused_configuration", says="WithOrigins"),
    Line("rules", f'The FetchEvent for "{A}" resulted in a network error response: a redirected response was used for a request whose redirect mode is not "follow".', "service_worker_redirected", A, says="Let the service worker answer with a new response", never="no-cors"),
    Line("rules", f"Failed to load ‘{A}’. A ServiceWorker passed a redirected Response to FetchEvent.respondWith() while RedirectMode is not ‘follow’.", "service_worker_redirected", A, says="If the redirect leads to a login"),
    Line("rules", "Safari can't open the page. The error is: \"Response served by service worker has redirections\" (WebKitInternal:0)", "service_worker_redirected"),
    Line("rules", 'Fetch API cannot load https://api.example.com/x. Request mode is "no-cors" but the redirect mode is not "follow".', "no_cors_redirect_mode", A),
    Line("elements", f"XMLHttpRequest cannot load {A}. Cannot make any requests from null.", "no_origin", A, "null", says="request the last URL", never="may not fetch anything"),
    # Words between backticks in prose do not belong to a line of a browser.
    *(
        Line("values", f'downloadable font: download failed (font-family: "a" style:normal weight:normal stretch:normal src index:2): bad URI or cross-site access not allowed source: {A}\n{said}', "font", A, says="Access-Control-Allow-Origin", never="curl")
        for said in (
            "However, testing with `curl -I` the CDN seems to be sending `Access-Control-Allow-Origin`.",
            "But `curl` shows `Access-Control-Allow-Origin`, so I am lost.",
            "My `nginx` sends the `Access-Control-Allow-Origin` header.",
        )
    ),
    Line("values", f"I request {A} and `nginx` should send `Access-Control-Allow-Origin`, it is blocked by CORS policy", "cut_off", A, never="nginx"),
    *(
        Line("elements", f'downloadable font: download failed (font-family: "Keyrune" style:normal weight:normal stretch:normal src index:1): content blocked source: {url}', "font_blocked", url, says="over https", never="Correct the URL")
        for url in ("http://cdn.example.org/a.woff2?v=3.0.1", "https://fonts.gstatic.com/s/a.woff2")
    ),
    Line("elements", f'downloadable font: download not allowed (font-family: "a" style:normal weight:normal stretch:normal src index:1): bad URI or cross-site access not allowed source: {A}', "font", A),
    # A document without a client, so no registration of one decides.
    *(
        Line("names", f"Access to XMLHttpRequest at '{url}' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", url, P, says="correct the tenant", never="redirect URI")
        for url in (
            "https://login.microsoftonline.com/tfp/a.onmicrosoft.com/b2c_1_signin/v2.0/.well-known/openid-configuration",
            "https://a.b2clogin.com/a.onmicrosoft.com/oauth2/v2.0/authorize?p=b2c_1_a/v2.0/.well-known/openid-configuration",
            "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration",
        )
    ),
    Line("names", f"Access to XMLHttpRequest at 'https://login.microsoftonline.com/common/oauth2/v2.0/token' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://login.microsoftonline.com/common/oauth2/v2.0/token", P, says="redirect URI"),
    Line("rules", "SharedArrayBuffers are gated behind cross-origin isolated contexts. Please ensure that this page opts-into cross-origin isolation by setting Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy appropriately.", "isolation", says="Cross-Origin-Embedder-Policy: require-corp", never="allow-popups"),
    Line("rules", "The page needs `Cross-Origin-Opener-Policy`, `Cross-Origin-Embedder-Policy`", "isolation", never="allow-popups"),
    Line("rules", "Cross-Origin-Opener-Policy policy would block the window.closed call.", "opener_policy", says="allow-popups"),
    Line("values", "origin is not allowed by access-control-allow-origin", "missing_allow_origin"),
    *(
        Line("elements", f"Access to {kind} at 'data:text;charset=utf-8,' from origin 'null' has been blocked by CORS policy: Invalid response. Origin 'null' is therefore not allowed access.", "data_url", "data:text;charset=utf-8", "null", says="Switch the extension off", never="load the page from a server")
        for kind in ("CSS stylesheet", "Script")
    ),
    Line("names", f"Access to fetch at 'https://www.youtube.com/a' (redirected from 'https://youtube.com/a') from origin 'https://www.youtube.com' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://www.youtube.com/a", "https://www.youtube.com", says='fetch("https://www.youtube.com/a")', never="nothing to change"),
    Line("names", f"Access to fetch at 'https://accounts.youtube.com/a' from origin 'https://www.youtube.com' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://accounts.youtube.com/a", "https://www.youtube.com", says="nothing to change"),
    Line("words", f"Cross-Origin Request blocked: the policy « Same Origin » does not permit to consult the distant resource on {A}. Reason : header CORS « Access-Control-Allow-Origin » is missing.", "missing_allow_origin", A),
    Line("words", "error meesage is \" origin 'null' has been blocked by cors policy: cross origin requests are only support protocol schemes: http ,data,chrome,https\"", "bad_scheme", page="null", says="load the page from a server"),
    Line("names", f"Access to fetch at 'https://checkout.stripe.com/c/pay/cs_1' (redirected from '{P}/checkouts') from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://checkout.stripe.com/c/pay/cs_1", P, says="location.assign(url)", never="documentation"),
    Line("names", f"Access to fetch at 'https://www.paypal.com/checkoutnow?token=1' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://www.paypal.com/checkoutnow?token=1", P, says="location.assign(url)"),
    Line("names", f"Access to fetch at 'https://api.stripe.com/v1/x' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://api.stripe.com/v1/x", P, says="documentation"),
    Line("names", f"Access to fetch at 'https://api.infura.io/v1/x' from origin 'chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://api.infura.io/v1/x", "chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn", says="The page belongs to an extension"),
    Line("names", f"Access to font at 'https://cdnjs.cloudflare.com/a.woff2' from origin '{P}' has been blocked by CORS policy: {NO_HEADER} The response had HTTP status code 522.", "missing_allow_origin", "https://cdnjs.cloudflare.com/a.woff2", P, says="the service itself fails"),
    Line("names", f"Access to font at 'https://cdnjs.cloudflare.com/a.woff2' from origin '{P}' has been blocked by CORS policy: {NO_HEADER} The response had HTTP status code 404.", "missing_allow_origin", "https://cdnjs.cloudflare.com/a.woff2", P, says="its body may say why", never="Try again later"),
    Line("elements", "TypeError: WebAssembly: Response has unsupported MIME type 'text/plain' expected 'application/wasm'", "wrong_type", says="The response has the type text/plain"),
    Line("elements", "Failed to execute 'compile' on 'WebAssembly': Incorrect response MIME type. Expected 'application/wasm'.", "wrong_type", says="application/wasm", never="The response has the type"),
    Line("elements", "Unhandled Promise Rejection: TypeError: WebAssembly: Unexpected response MIME type. Expected 'application/wasm'", "wrong_type", says="application/wasm"),
    Line("rules", "Loading the font 'https://assets.example.org/a.woff2'\nviolates … \"font-src 'self' data:\". The action has been blocked.", "csp", "https://assets.example.org/a.woff2", says="add https://assets.example.org to font-src"),
    Line("rules", "Loading the stylesheet 'https://assets.example.org/a.css' violates ... \"style-src 'self'\". The action has been blocked.", "csp", "https://assets.example.org/a.css", says="to style-src"),
    Line("elements", "Security Error: Content at about:reps may not load or link to resource://jid1-4-at-jetpack/a.woff.", "not_linkable", "resource://jid1-4-at-jetpack/a.woff", "null", says="web_accessible_resources"),
    Line("elements", f"Security Error: Content at {P}/a may not load or link to moz-extension://ab-cd/a.png.", "not_linkable", "moz-extension://ab-cd/a.png", P, says="web_accessible_resources", never="write it with http"),
    Line("elements", f"Security Error: Content at {P}/a may not load or link to file:///a.png.", "bad_scheme", "file:///a.png", P, says="Serve the file"),
    Line("elements", "Unsafe attempt to load URL http://cdn.example.org/a.svg from frame with URL http://app.example.org/. Domains, protocols and ports must match.", "same_origin_load", "http://cdn.example.org/a.svg", "http://app.example.org", says="Serve the file from the origin of the page", never='mode: "cors"'),
    Line("elements", "Unsafe attempt to load URL file:///tmp/a.svg from frame with URL file:///tmp/a.html. 'file:' URLs are treated as unique security origins.", "same_origin_mode", "file:///tmp/a.svg", "null"),
    Line("languages", f"{FIREFOX}http://files.example.org/a. (Reason: CORS request failed).", "unreachable", "http://files.example.org/a", says="Is the page loaded over https?"),
    Line("languages", f"{FIREFOX}http://files.example.org/a. (Reason: CORS header ‘Access-Control-Allow-Origin’ missing). Status code: 401.", "missing_allow_origin", "http://files.example.org/a", says="a preflight never does", never="is not logged in"),
    Line("words", f"[Report Only] Refused to connect to '{A}' because it violates the following Content Security Policy directive: \"connect-src 'self'\".", "csp_reported", A, says="Nothing has to change now"),
    Line("elements", 'downloadable font: download failed (font-family: "a" style:normal weight:normal stretch:normal src index:1): bad URI or cross-site access not allowed source: file:///home/a/fonts/a.ttf', "bad_scheme", "file:///home/a/fonts/a.ttf", says="load the files from a server", never="Access-Control-Allow-Origin"),
    Line("elements", 'downloadable font: download not allowed (font-family: "a" style:normal weight:normal stretch:normal src index:1): bad URI or cross-site access not allowed source: resource://jid1-4-at-jetpack/a.woff', "not_linkable", "resource://jid1-4-at-jetpack/a.woff", says="web_accessible_resources"),
    Line("rules", "The Cross-Origin-Opener-Policy header has been ignored, because the URL's origin was untrustworthy. It was defined either in the final response or a redirect. Please deliver the response using the HTTPS protocol. You can also use the 'localhost' origin instead. See https://www.w3.org/TR/powerful-features/#potentially-trustworthy-origin and https://html.spec.whatwg.org/#the-cross-origin-opener-policy-header.", "isolation_ignored", says="load it over https", never="allow-popups"),
    Line("rules", f"The Cross-Origin-Opener-Policy header has been ignored, because the URL's origin was untrustworthy.\n{AT}: {NO_HEADER}", "missing_allow_origin", A, P),
    Line("rules", "Send Cross-Origin-Embedder-Policy/Cross-Origin-Opener-Policy", "isolation", never="allow-popups"),
    Line("values", f"{FIREFOX}{A} (see `curl`, which prints `Access-Control-Allow-Origin`)", "cut_off", A, never="curl"),
    # A URL that stands elsewhere in the text may be another request, and a link is not a request.
    *(
        Line("elsewhere", f"{NO_HEADER} Origin '{P}' is therefore not allowed access.\n\n{rest}", "missing_allow_origin", page=P, says="The server does not list the origin", never="raw.githubusercontent.com")
        for rest in (
            "Cause: https://tickets.acme.example/browse/API-12",
            "You can reproduce it at https://jsfiddle.net/abc12/",
            "Demo: https://demo.acme.example/app",
            "Repository: https://github.com/acme/app",
            "I set it here:\nhttps://github.com/acme/api/blob/main/server.js#L12",
            "The same as in https://gitlab.com/acme/app/-/issues/3.",
            "See also https://docs.acme.example/cors",
            "With :  http://code.jquery.com/jquery-1.7.1rc1.min.js\nand Chrome : 15.0.874.121 m",
            "import { a } from 'https://esm.example/a'",
        )
    ),
    *(
        Line("elsewhere", f"{NO_HEADER} Origin '{P}' is therefore not allowed access.\n\n{rest}", "missing_allow_origin", page=P, never="If the server is not yours", elsewhere=A)
        for rest in (A, f"Our server is behind nginx. It also has {A}", f"const client = create({{ baseURL: '{A}' }})", f"More than one: {A}/ and {A}")
    ),
    Line("elsewhere", f"Origin null is not allowed by Access-Control-Allow-Origin.\n\nThe server logs {A}", "missing_allow_origin", page="null", elsewhere=A),
    Line("elsewhere", f"CORS error\n\nmy backend is at {A}", "cut_off", elsewhere=A),
    # Another port is another server than that of the page.
    Line("elsewhere", f"{NO_HEADER} Origin 'http://localhost:300' is therefore not allowed access.\n\nThe server logs http://localhost:3000/a", "missing_allow_origin", page="http://localhost:300", elsewhere="http://localhost:3000/a"),
    Line("elsewhere", f"CORS error when the page requests {A}", "cut_off", A),
    Line("elsewhere", f"Error: Network Error\n\nenv: REACT_APP_API={A}", "not_told", elsewhere=A),
    Line("elsewhere", f"{NO_HEADER} Is it because of {A}?", "missing_allow_origin", elsewhere=A),
    # What is requested is said by a call in the code, by a command, by words of a person, or by the sentence.
    *(
        Line("elsewhere", text, "missing_allow_origin", A, P)
        for text in (
            f"I request {A} from my page and get: {NO_HEADER} Origin '{P}' is therefore not allowed access.",
            f"When I call {A} from React, it fails. {NO_HEADER} Origin '{P}' is therefore not allowed access.",
            f"fetch('{A}').then(a => a.json())\n\n{NO_HEADER} Origin '{P}' is therefore not allowed access.\n\nDemo: https://demo.example/",
            f"$.getJSON('{A}')\n\n{NO_HEADER} Origin '{P}' is therefore not allowed access.\n\nhttps://other.example/a",
            f"{NO_HEADER} Origin '{P}' is therefore not allowed access.\n\ncurl -H 'Origin: {P}' {A}",
            f"{A}. {NO_HEADER} Origin '{P}' is therefore not allowed access.",
            f"[Error] Failed to load resource: Origin {P} is not allowed by Access-Control-Allow-Origin. (x, line 0)  {A}",
        )
    ),
    Line("elsewhere", f"I call:\n{A}/\n\naxios.get('{A}')\n\nThe error: Request header field authorization is not allowed by Access-Control-Allow-Headers in preflight response.", "header_not_allowed", A, says="If the server is not yours"),
    Line("elsewhere", f"SEC7118: XMLHttpRequest for {A} required Cross Origin Resource Sharing (CORS).\n\nFound this:\n\nhttp://blogs.msdn.com/b/ie/archive/2012/02/09/cors-for-xhr-in-ie10.aspx", "cors_used", A),
    # A page is never the URL of its own request.
    Line("elsewhere", f"Access to XMLHttpRequest URL-TO-Wellknown from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P),
    Line("elsewhere", f"Access to fetch at API_URL from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P),
    Line("elsewhere", f"Access to XMLHttpRequest from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P),
    Line("elsewhere", f"I open {P}/orders and get: {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", page=P),
    Line("elsewhere", "Font from origin 'https://cdn.example.com' has been blocked from loading by Cross-Origin Resource Sharing policy: No 'Access-Control-Allow-Origin' header is present on the requested resource. Origin 'http://localhost:3000' is therefore not allowed access.", "missing_allow_origin", "https://cdn.example.com", P),
    # The words before "at" do not matter.
    Line("elsewhere", f"Request at 'https://login.example.com/authorize?client_id=1' (redirected from '{APP}/api/me') from origin '{APP}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://login.example.com/authorize?client_id=1", APP, says="answer 401 to scripts"),
    # The host that a proxy asks for, and what a server itself requests, is not what the page requests.
    Line("elsewhere", "Blocking Cross Origin API request.  Referer: http://hub.example/hub/spawn-pending/a, Host: 172.16.253.15:8600/hub/\n\nLog:\n[D 2023-02-10 17:32:05.269 JupyterHub proxy:765] Proxy: Fetching GET http://127.0.0.1:8001/api/routes", "refused_by_server", page="http://hub.example", says="hub.example"),
    # The server that was started serves the path in its log.
    Line("elsewhere", 'INFO:     Uvicorn running on http://127.0.0.1:8001 (Press CTRL+C to quit)\nINFO:     127.0.0.1:56612 - "OPTIONS /release_task HTTP/1.1" 405 Method Not Allowed', "preflight_status", "http://127.0.0.1:8001/release_task"),
    # curl tries one address after the other.
    Line("elsewhere", f"$ curl -v -H 'Origin: {P}' http://localhost:2703/version\n*   Trying ::1...\n* connect to ::1 port 2703 failed: Connection refused\n*   Trying 127.0.0.1...\n* Connected to localhost (127.0.0.1) port 2703 (#0)\n> GET /version HTTP/1.1\n> Host: localhost:2703\n> Origin: {P}\n>\n< HTTP/1.1 200 OK\n< access-control-allow-origin: {P}\n< access-control-allow-credentials: true", "outside_browsers", "http://localhost:2703/version", P),
    # A font on a disk.
    Line("elsewhere", "XMLHttpRequest cannot load http:/api.example.com/x. Response for preflight is invalid (redirect)", "preflight_redirect", "http://api.example.com/x"),
    Line("redacted", f"Access to fetch at '{A}' from origin 'REDACTED' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A),
    Line("redacted", "[W NotebookApp] Blocking Cross Origin API request for /api/contents.  Origin: http://ec2-xx-xx-xx-xx.compute-1.amazonaws.com, Host: localhost:8000", "refused_by_server", never="ec2-xx"),
    # A link in the next sentence, also in brackets, is not the request.
    *(
        Line("elsewhere", f"{NO_HEADER} Origin '{P}' is therefore not allowed access.\n\n{rest}", "missing_allow_origin", page=P, elsewhere=url)
        for rest, url in (
            ("I used one of your articles (https://pouch.example/start.html), and I enabled CORS.", "https://pouch.example/start.html"),
            ("I followed the steps [https://flask.example/quickstart/] of my team.", "https://flask.example/quickstart/"),
        )
    ),
    Line("elsewhere", f"{NO_HEADER.rstrip('.')} ({A})", "missing_allow_origin", A),
    Line("rules", "Specify a Cross-Origin Resource Policy to prevent a resource from being blocked", "corp"),
    Line("app", f"{FIREFOX}chrome-extension://28341ab5/font/a.woff2. (Reason: CORS request not http).", "bad_scheme", "chrome-extension://28341ab5/font/a.woff2", says="runtime.getURL()"),
    Line("files", "Not allowed to load local resource: blob:null/288470a8-ae84-4891-a545-7752a7387bc3", "blob_url", "blob:null/288470a8-ae84-4891-a545-7752a7387bc3", says="load the page from a server", never="http and https"),
    Line("elements", "toDataURL() throws a security exception(The operation is insecure.) for map canvas.", "tainted_canvas", never="wss"),
    Line("rules", "Refused to display 'https://accounts.example/o/oauth2/auth' in a frame because it set 'X-Frame-Options' to 'sameorigin'.", "not_framed", "https://accounts.example/o/oauth2/auth", says="If that page is not yours"),
    # What a browser says while it reads a policy of the page.
    *(
        Line("noted", text, "csp_noted", never="frame-ancestors")
        for text in (
            "The source list for Content Security Policy directive 'frame-ancestors' contains an invalid source: ''none''. It will be ignored. Note that 'none' has no effect unless it is the only expression in the source list.",
            "The source list for the Content Security Policy directive 'script-src' contains an invalid source: ''unsafe''. It will be ignored.",
            "The Content Security Policy directive 'frame-ancestors' is ignored when delivered via a <meta> element.",
            "Unrecognized Content-Security-Policy directive 'frame-ancestor'.",
            "Ignoring duplicate Content-Security-Policy directive 'connect-src'.",
            "The Content-Security-Policy directive name 'connect-src:' contains one or more invalid characters. Only ASCII alphanumeric characters or dashes '-' are allowed in directive names.",
            "Error while parsing the 'sandbox' Content Security Policy directive: 'allow-all' is an invalid sandbox flag.",
            "The Content Security Policy 'default-src 'self'' was delivered in report-only mode, but does not specify a 'report-uri'; the policy will have no effect.",
            "X-Frame-Options may only be set via an HTTP header sent along with a document. It may not be set inside <meta>.",
            "Invalid 'X-Frame-Options' header encountered when loading 'https://api.example.com/x': 'ALLOW-FROM https://app.example.com' is not a recognized directive. The header will be ignored.",
        )
    ),
    # What stands for a URL may have a colon in it.
    *(
        Line("redacted", f"XMLHttpRequest cannot load {hidden} {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", page=P, never="scheme")
        for hidden in ("[stream:url]", "[api:url]", "<my:url>", "{base:path}")
    ),
    Line("app", f"Access to fetch at 'my-backend:url' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "my-backend:url", P, never="a scheme of its own"),
    Line("elements", "downloadable font: download failed (font-family: 'A' style:normal weight:400): bad URI or cross-site access not allowed source: https://cdn.example.com/a.woff2cdn.example.com:21:14", "font", "https://cdn.example.com/a.woff2"),
    # Where a login begins.
    *(
        Line("login", f"Access to XMLHttpRequest at '{last}' (redirected from '{first}') from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", last, P, says=says, never=never)
        for first, last, says, never in (
            (f"{APP}/api/me", "https://id.example.com/connect/authorize?response_type=code&client_id=x", "answer 401 to scripts", "location.assign"),
            (f"{APP}/api/me", "https://id.example.com/authorize?client_id=x&response_type=code", "answer 401 to scripts", "location.assign"),
            (f"{APP}/api/me", "https://sts.example.com/adfs/ls/?wtrealm=x", "answer 401 to scripts", "location.assign"),
            (f"{APP}/oauth2/authorization/google", "https://accounts.google.com/o/oauth2/auth?client_id=x", "location.assign", "answer 401"),
            (f"{APP}/login", "https://id.example.com/connect/authorize?client_id=x", "location.assign", "answer 401"),
        )
    ),
    Line("login", f"redirected from '{APP}/oauth2/authorization/google' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P, says="most likely to a login page", never="allow_origins"),
    Line("login", f"XMLHttpRequest cannot load {APP}/auth/google. The request was redirected to 'https://accounts.google.com/o/oauth2/auth?client_id=x', which is disallowed for cross-origin requests that require preflight.", "redirect_with_preflight", f"{APP}/auth/google", says="location.assign", never="request the last URL"),
    # Old versions of Chromium print null, which a redirect made.
    Line("redirected", f"Access to fetch at '{A}' (redirected from '{APP}/a') from origin 'null' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A),
    Line("spaces", f"Access to fetch at '{A}' from origin 'http: // localhost: 8080' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A, "http://localhost:8080"),
    Line("spaces", f"Access to fetch at 'https : // api.example.com: 8443/x' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://api.example.com:8443/x", P),
    Line("misspelt", "Content-Type is not allowed by Access-Control-Allow-Header", "header_not_allowed", says="JSON"),
    Line("misspelt", "Method PUT is not allowed by Access-Control-Allow-Method in preflight response.", "method_not_allowed"),
    # From the Network panel.
    Line("panels", "To use this resource from a different origin, the server needs to specify a cross-origin resource policy in the response headers.", "corp", says="credentialless"),
    Line("panels", "To use this resource from a different origin, the server may relax the cross-origin resource policy response header.", "corp"),
    Line("panels", "To use this resource from a different site, the server may relax the cross-origin resource policy response header.", "corp"),
    Line("panels", "To embed this frame in your document, the response needs to enable the cross-origin embedder policy by specifying the following response header.", "coep_frame"),
    Line("panels", f"- Request URL: {A}\n- Request Method: POST\n- Status Code: 500 Internal Server Error\n- origin: {P}", "status", A),
    Line("panels", "CORS Missing Allow Headers", "header_not_allowed", says="Access-Control-Request-Headers"),
    Line("values", f"The 'Access-Control-Allow-Origin' header contains multiple values '{P}, *', but only one is allowed. Origin '{P}' is therefore not allowed access.", "multiple_allow_origin", page=P, says="an extension of the browser"),
    Line("local", f"{FIREFOX}http://localhost:8000/a. (Reason: CORS request did not succeed). Status code: (null).", "unreachable", "http://localhost:8000/a", says="the device of the person"),
    Line("redirected", f"Cross-origin redirection to https://other.example.com/ denied by Cross-Origin Resource Sharing policy: Origin {P} is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", page=P, says="can request that URL", never="Access-Control-Allow-Origin:"),
    Line("files", f"Access to fetch at 'https://fonts.gstatic.com/a.woff2' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://fonts.gstatic.com/a.woff2", P, says="without extensions"),
    Line("elements", 'The FetchEvent for "https://app.example.com/a" resulted in a network error response: the promise was rejected.', "service_worker_failed", f"{APP}/a", says="respondWith"),
    Line("elements", "Failed to load 'https://app.example.com/a'. A ServiceWorker passed a promise to FetchEvent.respondWith() that rejected with 'TypeError: NetworkError when attempting to fetch resource.'.", "service_worker_failed", f"{APP}/a"),
    Line("elements", f"Access to fetch at '{A}' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}\nThe FetchEvent for \"<URL>\" resulted in a network error response: the promise was rejected.", "missing_allow_origin", A, P),
    *(
        Line("elements", f"[Error] Cross-origin {kind} load denied by Cross-Origin Resource Sharing policy.", "file_denied", says=f"loaded as {kind}.")
        for kind in ("script", "stylesheet")
    ),
    Line("elements", f"[Error] Origin {P} is not allowed by Access-Control-Allow-Origin. Status code: 200\n[Error] Failed to load resource: Origin {P} is not allowed by Access-Control-Allow-Origin. Status code: 200 (a.js, line 0) {A}\n[Error] Cross-origin script load denied by Cross-Origin Resource Sharing policy.", "missing_allow_origin", A, P),
    Line("servers", f"Access to script at 'http://localhost:5174/src/main.ts' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "http://localhost:5174/src/main.ts", P, says="server.cors"),
    # A source map, whatever else the line says.
    Line("noted", "DevTools failed to load source map: Could not load content for chrome-extension://fheoggkfdfchfphceeifdbepaooicaho/a.map: HTTP error: status code 404, net::ERR_UNKNOWN_URL_SCHEME", "source_map", "chrome-extension://fheoggkfdfchfphceeifdbepaooicaho/a.map"),
    Line("schemes", "GET myapp://open/x net::ERR_UNKNOWN_URL_SCHEME", "bad_scheme", "myapp://open/x", never="Redirect"),
    Line("schemes", f"GET {A} net::ERR_UNKNOWN_URL_SCHEME", "redirect_bad_scheme", A),
    *(
        Line("elements", f'The FetchEvent for "{A}" resulted in a network error response: {why}', "service_worker_failed", A, never="no-cors")
        for why in (
            "an object that was not a Response was passed to respondWith().",
            "the promise was resolved with an error response object.",
            "preventDefault() was called without calling respondWith().",
            'a Response whose "bodyUsed" is "true" cannot be used to respond to a request.',
            'an "error" response was passed to respondWith().',
        )
    ),
    Line("elements", f'The FetchEvent for "{A}" resulted in a network error response: an "opaque" response was used for a request whose type is not no-cors', "service_worker", A),
    Line("elements", f"Failed to load '{A}'. A ServiceWorker passed a promise to FetchEvent.respondWith() that resolved with non-Response value 'undefined'.", "service_worker_failed", A),
    # Chromium up to 33.
    Line("values", f"XMLHttpRequest cannot load {A}. The 'Access-Control-Allow-Origin' whitelists only 'https://other.example.com'. Origin '{P}' is not in the list, and is therefore not allowed access.", "allow_origin_mismatch", A, P),
    # A service to which a login, or a file, leads.
    Line("login", f"XMLHttpRequest cannot load https://login.microsoftonline.com. {NO_HEADER} Origin 'null' is therefore not allowed access.", "missing_allow_origin", "https://login.microsoftonline.com", "null", says="redirected to this one"),
    Line("files", f"Access to script at 'https://netdna.bootstrapcdn.com/a.js' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://netdna.bootstrapcdn.com/a.js", P, says="serves files to every page"),
    Line("heads", f"Request URL:{A}\nRequest Method:OPTIONS\nStatus Code:204 No Content\n\nResponse Headers\nAccess-Control-Allow-Headers:content-type\nAccess-Control-Allow-Methods:POST\nAccess-Control-Allow-Origin:{P}\n\nRequest Headers\nAccess-Control-Request-Headers:content-type\nAccess-Control-Request-Method:POST\nOrigin:{P}", "preflight_passes", A, P),
    Line("heads", f"Request URL:{A}\nRequest Method:OPTIONS\nStatus Code:204 No Content\n\nResponse Headers\nAccess-Control-Allow-Credentials:true\nAccess-Control-Allow-Headers:content-type\nAccess-Control-Allow-Methods:POST\nAccess-Control-Allow-Origin:{P}\n\nRequest Headers\nAccess-Control-Request-Headers:content-type\nAccess-Control-Request-Method:POST\nOrigin:{P}", "preflight_passes", A, P),
    # The name of a script is not what failed.
    Line("places", f"WebSocketXhr.amd.js:230 POST {A} 502 (Bad Gateway)", "status", A),
    Line("places", f"websocket.js:12 GET {A} 404 (Not Found)", "status", A),
    Line("places", f"cors-anywhere.js?v=2:12 GET {A} 404 (Not Found)", "status", A),
    Line("places", f"mixed-content.js:3 Access to fetch at '{A}' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A, P),
    Line("noted", "(3): HTTP GET moz-extension://fae0d687-f6e0-5142-aa45-0a7192845659/a.json debug.js:87:11\nSome cookies are misusing the recommended \u201cSameSite\u201c attribute 9", "cookies_warned"),
    Line("redacted", f"Failed to load {A}: {NO_HEADER} Origin 'localhost//4200' (OR website address) is therefore not allowed access.", "missing_allow_origin", A),
    Line("redirected", f"Failed to load {A}: Redirect from '{A} to 'https://other.example.com/' has been blocked by CORS policy: {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", A, P, says="other.example.com"),
    Line("lists", f"XMLHttpRequest cannot load {A}. Request header field Accept-Encoding is not allowed by Access-Control-Allow-Headers.", "header_not_allowed", A, never="let the page not send this header"),
    Line("preflights", f"Access to fetch at '{A}' from origin '{P}' has been blocked by CORS policy: Response to preflight request doesn't pass access control check: It does not have HTTP ok status.", "preflight_status", A, P, says="leave out what needs a preflight"),
    Line("schemes", "XMLHttpRequest cannot load file://api.giphy.com/v1/random?tag=cats. Cross origin requests are only supported for protocol schemes: http, data, chrome, https.", "bad_scheme", "file://api.giphy.com/v1/random?tag=cats", says='fetch("https://api.giphy.com/v1/random?tag=cats")'),
    # What an element loads.
    *(
        Line("elements", f"Access to {kind} at '{url}' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", url, P, says=says, never=never)
        for kind, url, says, never in (
            ("image", A, "An element without crossorigin", "answer 401"),
            ("script", A, "An element without crossorigin", "answer 401"),
            ("CSS stylesheet", A, "An element without crossorigin", "answer 401"),
            ("image", "https://bucket.s3.amazonaws.com/a.png", "An element without crossorigin", "answer 401"),
            ("font", A, "does not list the origin", "An element without crossorigin"),
            ("fetch", A, "does not list the origin", "An element without crossorigin"),
        )
    ),
    Line("elements", f"Image from origin 'https://cdn.example.com' has been blocked from loading by Cross-Origin Resource Sharing policy: {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", "https://cdn.example.com", P, says="An element without crossorigin"),
    # The value of a header is not what was requested.
    *(
        Line("values", f"access-control-allow-methods{mark}GET, POST\naccess-control-allow-origin{mark}https://tetr.io\n\nError: CORS missing allow origin", "missing_allow_origin")
        for mark in ("\t", ": ", " ")
    ),
    Line("values", f"{NO_HEADER} Referer {A}", "missing_allow_origin"),
    *(
        Line("services", f"Failed to load {url}: {NO_HEADER} Origin '{P}' is therefore not allowed access.", "missing_allow_origin", url, P, says="correct the tenant", never="registration")
        for url in ("https://login.microsoftonline.com/common/discovery/keys", "https://login.microsoftonline.com/common/discovery/v2.0/keys")
    ),
    Line("languages", "Blocage d\u2019une requ\u00eate multiorigines (Cross-Origin Request) :\nla politique \u00ab Same Origin \u00bb ne permet pas de consulter la ressource\ndistante situ\u00e9e sur https://api.example.com/x", "cut_off", A),
    Line("libraries", '{error: "invalid_token", errorDescription: "Request has been terminated\\nPossible causes: the network is offline, Origin is not allowed by Access-Control-Allow-Origin, the page is being unloaded, etc."}', "not_told"),
    Line("libraries", f'Error: missing response (requestBody="a", requestMethod="POST", serverError={{}}, url="{A}", code=SERVER_ERROR, version=web/5.0.2)', "not_told", A),
    Line("rules", "Blocked loading mixed active content: 'http://api.example.com/x'", "mixed_content", "http://api.example.com/x"),
    Line("schemes", "Fetch API cannot load. URL scheme 'app' is not supported.", "bad_scheme", says="not of app"),
    Line("services", f"The 'Access-Control-Allow-Origin' header contains multiple values '*, *', but only one is allowed. https://use.fontawesome.com/a.woff2 Origin '{P}' is therefore not allowed access.", "multiple_allow_origin", page=P, elsewhere="https://use.fontawesome.com/a.woff2"),
    Line("cut off", "Access to XMLHttpRequest at 'https://maps.googleapis.com/maps/api/place/autocomplete/json?&input", "cut_off", "https://maps.googleapis.com/maps/api/place/autocomplete/json?&input"),
    Line("redacted", "[Error] XMLHttpRequest cannot load XXX.m3u8 due to access control checks.", "not_told"),
    Line("wrapped", "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at https://api.example.com/a?id=b8b5670f-ce85-\n4c50-bb30;limit=2000.", "cut_off", "https://api.example.com/a?id=b8b5670f-ce85-4c50-bb30;limit=2000"),
    Line("services", f"Access to fetch at 'https://merchant-ui-api.stripe.com/a' from origin 'https://js.stripe.com' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://merchant-ui-api.stripe.com/a", "https://js.stripe.com", says="your key"),
    Line("noted", f"Mixed Content: The page at '{APP}/' was loaded over HTTPS, but attempted to connect to the insecure WebSocket endpoint 'ws://api.example.com/x'. This endpoint should be available via WSS. Insecure access is deprecated.", "mixed_content_warned", "ws://api.example.com/x", APP),
    Line("files", "Access to XMLHttpRequest at 'file://test.pdf/' from origin 'file://' has been blocked by CORS policy: Cross origin requests are only supported for protocol schemes: http, data, chrome, chrome-extension, https.", "bad_scheme", "file://test.pdf/", "file://", never="https://test.pdf"),
    Line("preflights", f"Failed to load {A}: {NO_HEADER} Origin '{P}' is therefore not allowed access.\n\nRequest URL: {A}\nRequest Method: OPTIONS\nStatus Code: 200 OK\nAccess-Control-Allow-Origin: {P}", "missing_allow_origin", A, P, never="200"),
    # Marks at a URL, and within one.
    Line("markup", f"*Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen der externen Ressource auf <{A}>.*", "cut_off", A),
    Line("markup", f"_{FIREFOX}<{A}_y.json>._", "cut_off", f"{A}_y.json"),
    Line("markup", f"We see *{FIREFOX}{A}.* and nothing else", "cut_off", A),
    Line("markup", f"*{AT}: The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when the request's credentials mode is 'include'.*", "wildcard_with_credentials", A, P),
    Line("markup", f"[Error] XMLHttpRequest cannot load https://**files.oss-cn-shenzhen.aliyuncs.com**/a.xlsx due to **access control checks.**\n[Error] Origin {P} is not allowed by Access-Control-Allow-Origin.", "missing_allow_origin", "https://files.oss-cn-shenzhen.aliyuncs.com/a.xlsx", P, says="belong to the bucket"),
    Line("markup", f"Access to fetch at 'https://**api.example.com:8443**/x' from origin 'http://**www.shop.example**' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://api.example.com:8443/x", "http://www.shop.example"),
    Line("markup", f"Access to fetch at '**{A}**' from origin '**{P}**' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", A, P),
    Line("markup", f"Access to fetch at 'https://api.example.com**/x/y**' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", "https://api.example.com/x/y", P),
    Line("markup", f"Access to fetch at 'https://**hidden**/x' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P),
    Line("markup", f"Access to fetch at '[{A}.png](https://api.example.com/old/x.png?...    from origin '[{P}]({P}/?...)' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", f"{A}.png", P),
    # The heading of a group of lines, and its lines.
    Line("groups", f"18 Cross-Origin Read Blocking (CORB) blocked cross-origin response <URL> with MIME type text/html. See <URL> for more details.\nCross-Origin Read Blocking (CORB) blocked cross-origin response {A}.svg with MIME type text/html. See https://www.chromestatus.com/feature/5629709824032768 for more details.", "orb", f"{A}.svg"),
    Line("groups", f"2Access to fetch at '<URL>' from origin '<URL>' has been blocked by CORS policy: {NO_HEADER}\nindex.js:5 {AT}: {NO_HEADER}", "missing_allow_origin", A, P),
    # A browser prints an IP address in full.
    Line("redacted", f"p://111:888/chat' from origin 'http://117:8081' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", never="0.0.0.117"),
    Line("redacted", f"Access to fetch at 'http://192.168:3000/chat' from origin 'http://10.0.0.5:8081' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page="http://10.0.0.5:8081"),
    Line("redacted", f"Access to image at 'https://my_bucket/a.jpg' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", page=P),
    # A page that is a file.
    Line("files", "[ERROR] XMLHttpRequest cannot load file:///data/a/tab.html. Cross origin requests are only supported for protocol schemes: http, data, chrome, https. On line 0 of file:///data/a/index.html", "bad_scheme", "file:///data/a/tab.html", "null", never="If the page is a file"),
    Line("files", f"file:///usr/share/a/widgets.js:18:17: CONSOLE ERROR XMLHttpRequest cannot load {A} due to access control checks.", "not_told", A, "null"),
    Line("apps", "Not allowed to request resource     sendIpcMessage — user-script:274:83\nFetch API cannot load ipc://localhost/read_token\n    due to access control checks.   sendIpcMessage — user-script:274:83", "app_call", "ipc://localhost/read_token", says="connect-src"),
    Line("frameworks", 'ERROR  Error loading a list: [AxiosError: Network Error]\nLOG  {"baseURL": "http://10.0.2.2:3001", "isDev": true, "platform": "android"}', "native_fetch"),
    Line("frameworks", "AxiosError: Network Error\n    at async tenantOf (src/lib/tenant.ts:7:16)\n    at async middleware (src/middleware.ts:37:25)", "native_fetch", says="on a server"),
    Line("older", f"Access to Font at '{A}.woff' from origin '{P}' has been blocked by CORS policy: Invalid response. Origin '{P}' is therefore not allowed access.", "not_told", f"{A}.woff", P),
    Line("older", f"Access to Font at 'about:blank' from origin '{P}' has been blocked by CORS policy: Invalid response. Origin '{P}' is", "not_told", "about:blank", P, says="an extension"),
    Line("services", f"[Error] Cross-origin redirection to https://developers.example.com/ denied by Cross-Origin Resource Sharing policy: Origin {P} is not allowed by Access-Control-Allow-Origin. Status code: 301\n[Error] XMLHttpRequest cannot load https://apis.google.com/a due to access control checks.", "missing_allow_origin", "https://apis.google.com/a", P, says="redirects to https://developers.example.com/"),
    *(
        Line("services", f"Access to fetch at 'https://{host}/a.png' from origin '{P}' has been blocked by CORS policy: {NO_HEADER}", "missing_allow_origin", f"https://{host}/a.png", P, says="belong to the bucket")
        for host in ("s3.fr-par.scw.cloud/files", "files-12.cos.ap-guangzhou.myqcloud.com", "files.obs.cn-north-4.myhuaweicloud.com", "files.eu-central-1.linodeobjects.com", "storage.yandexcloud.net/files")
    ),
    # A host of documentation, if a line says that its request failed.
    *(
        Line("links", f"{lead}https://{host}/w/api.php?a=b{rest}", name, f"https://{host}/w/api.php?a=b")
        for host in ("en.wikipedia.org", "docs.example.com")
        for lead, rest, name in (("[requestfailed] ", " :: Failed to fetch", "not_told"), ("REQUEST FAILED ", " net::ERR_FAILED", "not_told"), ("reqfailed: ", " net::ERR_TIMED_OUT", "unreachable"))
    ),
    Line("cut off", "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource\nReason: header ‘x-token’ is not allowed", "header_not_allowed", says="The server does not list it."),
    Line("cut off", "Blocage d'une requête multiorigine (Cross-Origin Request) : \nla politique « Same Origin » ne permet pas de consulter la ressource distante\nRaison : l'en-tête « x-token » n'est pas autorisé", "header_not_allowed"),
    Line("cut off", f"Blocage d’une requête multiorigine (Cross-Origin Request) : la politique « Same Origin » ne permet pas de consulter la ressource distante située sur {A}. Raison : l’en-tête CORS « Allow-Origin » est manquant.", "cut_off", A),
    Line("cut off", f"Quellübergreifende (Cross-Origin) Anfrage blockiert: Die Gleiche-Quelle-Regel verbietet das Lesen der externen Ressource auf {A}. (Grund: CORS-Anfrage schlug fehl). Mein Grund: Ich nutze 'axios'.", "unreachable", A),
]  # fmt: skip
