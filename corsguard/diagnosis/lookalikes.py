"""
What is taken for CORS and is something else: one row each, with what to look at and the fix.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from corsguard.fixes import Fix


class Lookalike(NamedTuple):
    """
    What is taken for CORS and is something else: what it is, what to *look* at, in order, and the *fix*. *detail*
    stands before the words of the fix where the line names a `{value}`. *is_cors* marks what is CORS, but is not one
    failure of it.
    """

    title: str
    look: tuple[str, ...]
    fix: Fix
    detail: str = ""
    is_cors: bool = False


_NO_HEADER_HELPS: Final = "No response header helps."

# By name; the names are stable.
LOOKALIKES: Final[Mapping[str, Lookalike]] = {
    "insecure_local_network": Lookalike(
        "Local Network Access: a page loaded by plain http asks for an address in a private network.",
        ("the address bar: is the page loaded by http?",),
        Fix(words=f"Load the page by https (or from localhost). {_NO_HEADER_HELPS}"),
        detail="The address is in the address space {value}.",
    ),
    "local_network_access": Lookalike(
        "Local Network Access: the user, or a rule, does not let this site reach the local network.",
        (
            "the icon left of the address: Site settings, Local network access: Allow",
            'a page in a frame: does the frame say allow="local-network-access"?',
            "a managed browser: the enterprise policy LocalNetworkAccessAllowedForUrls",
            "a VPN (100.64.0.0/10, Tailscale): its names count as local, whatever their certificate",
        ),
        Fix(words=f"Let the user allow it, or serve the data from the page's own origin. {_NO_HEADER_HELPS}"),
        detail="The line names the address space: {value}.",
    ),
    "target_address_space": Lookalike(
        "Local Network Access: the page promised another address space than the one it reached.",
        ("the option targetAddressSpace of fetch()", "what the name resolves to: nslookup HOST"),
        Fix(
            words=f'"loopback" for 127.0.0.1. {_NO_HEADER_HELPS}', page=('fetch(url, {{targetAddressSpace: "local"}})',)
        ),
        detail="The page promised {value}.",
    ),
    "private_network_access": Lookalike(
        "Private Network Access, which browsers have given up: Chromium up to 137 warned of it and blocked nothing.",
        ("the version of the browser", "the other lines of the console: what was blocked has one of its own"),
        Fix(words="Nothing for browsers of today; they ask the user instead (Local Network Access)."),
    ),
    "orb": Lookalike(
        "Not CORS but Opaque Response Blocking: an element (<img>, <script>, ...) got a type that it cannot use.",
        ("the Content-Type of the response: is it JSON or HTML, such as an error or a login page?",),
        Fix(words="Send the Content-Type that the element needs; or load it with CORS: crossorigin, and a policy."),
        detail="What came is of the type {value}.",
    ),
    "csp": Lookalike(
        "Not CORS but the page's own Content Security Policy: the page forbids itself to load this.",
        ("the Content-Security-Policy header, or <meta>, of the page (not of the API)",),
        Fix(
            words="Add the origin to the directive that the message names, in the page's policy: {directive} 'self' "
            "{target}"
        ),
    ),
    "opaque": Lookalike(
        'The page asked with mode: "no-cors", so it gets an opaque response: no status, no headers, an empty body.',
        ('the options of fetch(): mode: "no-cors" is not a way around CORS',),
        Fix(words="Let the server share the response with a policy.", page=('leave out mode: "no-cors"',)),
    ),
    "not_exposed": Lookalike(
        "The response is shared, but this response header is not exposed to scripts.",
        ("Access-Control-Expose-Headers of the response (not of the preflight's)",),
        Fix(words="Expose it."),
    ),
    "cookies": Lookalike(
        "Not CORS: the cookie was not stored or not sent, so the user looks logged out.",
        (
            'the page: credentials: "include" (XMLHttpRequest: withCredentials)',
            "the cookie: SameSite=None; Secure, if page and API are different sites",
            "the browser: third-party cookies may be blocked altogether (Safari always)",
        ),
        Fix(words="Set the cookie with SameSite=None; Secure, or bring page and API under one site."),
    ),
    "tainted_canvas": Lookalike(
        "The image was loaded without CORS, so that scripts may not read the canvas it was drawn on.",
        ("the element: <img crossorigin>", "then Access-Control-Allow-Origin of the image"),
        Fix(words="Let the server share images with a policy.", page=('<img crossorigin="anonymous" src="...">',)),
    ),
    "tainted_audio": Lookalike(
        "The audio was loaded without CORS, so that scripts may not process it, and it is silent.",
        ("the element: <audio crossorigin>, <video crossorigin>", "then Access-Control-Allow-Origin of the audio"),
        Fix(words="Let the server share audio with a policy.", page=('<audio crossorigin="anonymous" src="...">',)),
    ),
    "script_error": Lookalike(
        'The script was loaded without CORS, so that window.onerror is told nothing but "Script error."',
        ("the element: <script crossorigin>", "then Access-Control-Allow-Origin of the script"),
        Fix(words="Let the server share scripts with a policy.", page=('<script crossorigin="anonymous" src="...">',)),
    ),
    "csrf": Lookalike(
        "Not CORS but protection against CSRF: the request came through, and the framework refused it.",
        ("the answer's body: which check failed", "the list of trusted origins", "the token: cookie and header"),
        Fix(
            words="Add {origin} to the origins that the framework trusts, or send its token with the request and allow "
            "the token's header in the policy."
        ),
    ),
    "csrf_django": Lookalike(
        "Not CORS but Django's protection against CSRF: the request came through, and Django refused it.",
        ("the answer's body: which check failed", "CSRF_TRUSTED_ORIGINS", "the token: the cookie and X-CSRFToken"),
        Fix(words="Add {origin} to CSRF_TRUSTED_ORIGINS; and send X-CSRFToken, which the policy has to allow."),
    ),
    "csrf_flask": Lookalike(
        "Not CORS but Flask-WTF's protection against CSRF: the request came through, and Flask-WTF refused it.",
        ("the answer's body: which check failed", "the token: the session's cookie and X-CSRFToken"),
        Fix(words="Send X-CSRFToken, and allow it in the policy; or exempt the view, if it needs no cookies."),
    ),
    "websocket": Lookalike(
        "A WebSocket could not be opened, and this line does not say why: no server, a refusal, or a wrong answer.",
        (
            "the row of the handshake in the Network panel: its status, and the Origin that was sent",
            "the log of the server: did the handshake come, and who refused it?",
            "a proxy in front: does it pass Upgrade, Connection, Origin and Host on?",
            "the same page in Chromium, whose console says more",
        ),
        Fix(
            words="Let the command below play the browser. If the server answers with 403, it judges Origin: add "
            "{origin} to its list, with credentials."
        ),
    ),
    "websocket_left": Lookalike(
        "Not CORS: the page itself gave the WebSocket up before it was open, or was left or loaded again meanwhile.",
        (
            "the page: what calls close() so early (in development, React runs each effect twice)?",
            "a script or a link that loads the page again",
        ),
        Fix(words="No server can change that. Close a WebSocket only after its open event, or ignore the line."),
    ),
    "websocket_closed": Lookalike(
        "The WebSocket was closed before this line, or never opened: the page sends into nothing.",
        ("the lines before this one: they say why it is closed",),
        Fix(words="Send in the open event, and open it again in the close event."),
    ),
    "websocket_frame": Lookalike(
        "Not CORS: the WebSocket was open, and then something came that is not a frame as RFC 6455 has it.",
        (
            "a proxy in front: does it leave an open connection alone (no compression, no rewriting)?",
            "the server: does something write to the connection past the WebSocket library?",
        ),
        Fix(words="Let only the WebSocket library of the server write to the connection."),
    ),
    "websocket_call": Lookalike(
        "Not CORS: the call new WebSocket(url, protocols) is wrong, so nothing was sent.",
        ("the call: a URL of wss:// without #, and subprotocols that are names, each of them once",),
        Fix(words="Write the call as below.", page=('new WebSocket("wss://api.example.com/feed", ["chat"])',)),
    ),
    "insecure_call": Lookalike(
        "Firefox refused a call of the script, and this line does not say which: one that reads a canvas, localStorage "
        'where cookies are blocked, or new WebSocket("ws://...") on a page of https.',
        ("the line of the script that the console names: what does it call?",),
        Fix(
            words="A canvas: load its images with CORS, and let their server share them. A WebSocket: serve it by wss.",
            page=('<img crossorigin="anonymous" src="...">', 'new WebSocket("wss://...")'),
        ),
    ),
    "blocked_by_client": Lookalike(
        "Not CORS: an extension of the browser (an ad blocker), or its administrator, blocked the request.",
        ("a window without extensions", "the URL: names with ads, track or analytics are on block lists"),
        Fix(words=f"Switch the blocker off for this page, or name the resource otherwise. {_NO_HEADER_HELPS}"),
    ),
    "hsts": Lookalike(
        "The browser itself redirected to https (Strict-Transport-Security), and a preflight may not be redirected.",
        ("the URL that the page asks: does it begin with http:?",),
        Fix(words="The page has to change.", page=("ask by https.",)),
    ),
    "disabled": Lookalike(
        "CORS is switched off in this browser (Firefox: content.cors.disable), so nothing is ever shared.",
        ("about:config: content.cors.disable",),
        Fix(words="Set content.cors.disable to false."),
    ),
    "origin_not_added": Lookalike(
        "Firefox could not add the Origin header; an extension stands in the way, most likely.",
        ("a window without extensions",),
        Fix(words="Switch the extension off for this page."),
    ),
    "frame": Lookalike(
        "Not CORS: one window may not look into another of a different origin.",
        ("which of the two frames reads the other",),
        Fix(words="Let the two talk with window.postMessage, and let the receiver compare event.origin."),
    ),
    "post_message": Lookalike(
        "Not CORS: postMessage was addressed to another origin than the one that the window has.",
        ("the second argument of postMessage", "was the window still at about:blank, or redirected?"),
        Fix(words="Name the origin that the window has by then.", page=('postMessage(data, "{recipient}")',)),
    ),
    "not_framed": Lookalike(
        "Not CORS: the page does not let itself be framed.",
        ("X-Frame-Options, and frame-ancestors in Content-Security-Policy, of the framed page",),
        Fix(
            words="Add {origin} to frame-ancestors in the Content-Security-Policy of the framed page, and send no "
            "X-Frame-Options with it."
        ),
    ),
    "outside_browsers": Lookalike(
        "curl and Postman do not do CORS: that they can read it says nothing about a page.",
        ("the same request with an Origin header, and the preflight before it",),
        Fix(words="Let the command below play the browser."),
    ),
    "cached": Lookalike(
        "A cache gave out a response that was made for another origin, or for none.",
        ("Vary of the response: is Origin in it, also where no Origin was sent?", "Age and X-Cache: which cache it is"),
        Fix(words="Send Vary: Origin with every response of the resource (a policy does), and empty the cache once."),
    ),
    "cut_off": Lookalike(
        "Blocked by CORS; the line ends before the reason.",
        (
            "the rest of the line, behind the last colon: copy it whole",
            "the row of the request in the Network panel: its status, and the Access-Control-* lines of the response",
        ),
        Fix(words="Paste the whole line, or let the command below play the browser."),
        is_cors=True,
    ),
    "no_origin": Lookalike(
        "The page has no origin of its own: it is a file, or in a sandboxed frame, and may ask for nothing.",
        ("the address bar: file://?", "a frame: its attribute sandbox"),
        Fix(words="Load the page from a server.", page=('a frame: sandbox="allow-scripts allow-same-origin"',)),
    ),
    "manifest_login": Lookalike(
        "The manifest was redirected to a login: a browser fetches a manifest without cookies, so nobody is logged in.",
        ("the first URL, without a cookie: does it redirect?", "the <link> of the manifest in the page"),
        Fix(
            words="Let the page send its cookies for the manifest. The login server has nothing to change.",
            page=('<link rel="manifest" crossorigin="use-credentials" href="...">',),
        ),
        is_cors=True,
    ),
    "refused_by_server": Lookalike(
        "The server's own CORS library refused the request, and says so.",
        ("what the library lists", "the Origin that was sent", "a proxy in front: does it pass Host on?"),
        Fix(
            words="List {origin}, with the method and the headers that the page asks for, where the server lists them."
        ),
        detail="It refused: {value}.",
        is_cors=True,
    ),
    "never_exposed": Lookalike(
        "No script may read Set-Cookie of a response, whatever the server exposes.",
        ("the cookies of the browser: it was stored there, if it may be",),
        Fix(
            words="No header exposes it. Read the cookie on the server, or send the value under another name, or in "
            "the body."
        ),
    ),
    "forbidden_header": Lookalike(
        "The page sets a request header that only the browser may set, so the browser leaves it out.",
        ("the code of the page, or a library in it: who sets the header?",),
        Fix(words="No server can allow it.", page=("leave out the request header {header}",)),
    ),
    "forbidden_cookie": Lookalike(
        "The page sets the header Cookie, which only the browser may set, so the browser leaves it out.",
        ("the code of the page, or a library in it: who sets the header?", "the cookie: SameSite=None; Secure"),
        Fix(
            words="Leave the header out, and let the browser send its cookies.",
            page=('credentials: "include" (XMLHttpRequest: withCredentials = true)',),
        ),
    ),
    "stylesheet_rules": Lookalike(
        "The stylesheet was loaded without CORS, so that scripts may not read its rules.",
        ("the element: <link crossorigin>", "then Access-Control-Allow-Origin of the stylesheet"),
        Fix(
            words="Let the server share stylesheets with a policy.",
            page=('<link rel="stylesheet" crossorigin="anonymous" href="...">',),
        ),
    ),
    "event_stream_type": Lookalike(
        "Not CORS: the answer to EventSource is not a stream of events, so most likely an error or a login page.",
        ("the URL in a tab of its own: what does it answer?", "Content-Type of the response: text/event-stream"),
        Fix(
            words="Let this URL answer with Content-Type: text/event-stream.", send=("Content-Type: text/event-stream",)
        ),
        detail="What came is of the type {value}.",
    ),
    "event_source": Lookalike(
        "An EventSource or a WebSocket did not connect: the network, or CORS for an EventSource. This line does not "
        "say which.",
        (
            'the other lines of the console: "Cross-Origin Request Blocked" says that it is CORS',
            "the row of the request in the Network panel: its status, and the Access-Control-* lines of the response",
            "a proxy in front: does it buffer, or close what takes long?",
        ),
        Fix(
            words="Let the command below play the browser. If it reads the answer, look at the server and at its proxy."
        ),
    ),
    "coep_frame": Lookalike(
        "Not CORS: the page has Cross-Origin-Embedder-Policy, and each page that it frames needs one, too.",
        ("Cross-Origin-Embedder-Policy of the framed page",),
        Fix(
            words="Send it with the framed page, or load that in <iframe credentialless>.",
            send=("Cross-Origin-Embedder-Policy: require-corp",),
        ),
    ),
    "wrong_type": Lookalike(
        "Not CORS: a script, a stylesheet or a font came as something else, so it is most likely an error page.",
        ("the URL in a tab of its own: what does it answer?", "Content-Type of the response"),
        Fix(words="Let the URL answer with the file, and with its type (text/javascript, text/css, font/woff2)."),
        detail="What came is of the type {value}.",
    ),
    "integrity": Lookalike(
        "The element has an integrity attribute and was loaded without CORS, so nothing may compare what came.",
        ("the element: crossorigin", "then Access-Control-Allow-Origin of the resource"),
        Fix(
            words="Let the server share the resource with a policy.",
            page=('<script crossorigin="anonymous" integrity="..." src="...">',),
        ),
    ),
    "integrity_mismatch": Lookalike(
        "Not CORS: what came is not what the integrity attribute was computed from, so the browser does not use it.",
        ("the file that is served: is it of another version, or does a proxy or a CDN change it?",),
        Fix(words="Name one version in the URL, and compute integrity anew from the file that is served."),
    ),
    "worker_script": Lookalike(
        "Not CORS: a worker begins with a script of the page's own origin, and with no redirect.",
        ("the URL of the script: a CDN, another port, a redirect?", "the address bar: a file has no origin at all"),
        Fix(
            words="Serve the script from the page's origin. A worker that is not a service worker may import it.",
            page=("new Worker(URL.createObjectURL(new Blob(['importScripts(\"https://...\")'])))",),
        ),
    ),
    "service_worker": Lookalike(
        'The service worker of the page answered with what it may not, most likely a response of mode: "no-cors".',
        ("the service worker: what does it give to respondWith?", "its cache: was it filled without CORS?"),
        Fix(
            words="Let the service worker ask with CORS, and the server share the response with a policy.",
            page=("event.respondWith(fetch(event.request))",),
        ),
    ),
    "url_credentials": Lookalike(
        "Not CORS: the URL has a user name and a password in it, and fetch() takes no such URL.",
        ("the URL of the call", "the address bar: a relative URL takes over what stands before the @"),
        Fix(
            words="Leave them out of the URL, and send the header instead, which the policy has to allow.",
            page=('headers: {{"Authorization": "Basic ..."}}',),
        ),
    ),
    "dev_proxy": Lookalike(
        "Not CORS: the proxy of the development server got no answer that it could read from the backend.",
        ("is the backend running, at this host and port?", "localhost may be ::1: write 127.0.0.1 as the target"),
        Fix(words=f"Start the backend, or correct the target of the proxy. {_NO_HEADER_HELPS}"),
        detail="It says {value}.",
    ),
    "dev_host": Lookalike(
        "Not CORS but a rule of the development server: it answers only to names that it knows.",
        ("the address bar: which host does the page come from?",),
        Fix(
            words="List it: allowedDevOrigins (Next.js), server.allowedHosts (Vite), devServer.allowedHosts (webpack)."
        ),
        detail="The name is {value}.",
    ),
    "redirect_blocked": Lookalike(
        "The request was redirected, and the redirect was blocked; this line does not say why.",
        ("the row of the request: its Location", "the Access-Control-* lines of the redirect itself"),
        Fix(words="Let the page ask the last URL at once: by https, and with or without the slash at the end."),
        is_cors=True,
    ),
    "cors_used": Lookalike(
        "Internet Explorer only notes that the request is one of CORS. Nothing failed by this line.",
        ("the lines after it: SEC7120 and higher, and SCRIPT7002, tell of failures",),
        Fix(words="Nothing, if no other line follows."),
        is_cors=True,
    ),
    "storage": Lookalike(
        "Not CORS: the browser keeps its storage (localStorage, cookies) from this page.",
        (
            "the settings of the browser: are cookies blocked, or those of third parties?",
            "a frame: its attribute sandbox; a frame with srcdoc or a data: URL",
        ),
        Fix(
            words=f"Let the page work without its storage; or serve the framed page from a server. {_NO_HEADER_HELPS}",
            page=('a frame: sandbox="allow-scripts allow-same-origin"',),
        ),
    ),
    "pdf_viewer": Lookalike(
        "Not CORS but a rule of PDF.js: its viewer opens only files of its own origin.",
        ("the parameter file of the viewer's URL: which origin is it of?",),
        Fix(
            words="Serve the viewer and the file from one origin; or list the viewer's origin in your copy "
            "(HOSTED_VIEWER_ORIGINS), and let the file's server share it with a policy."
        ),
    ),
    "spa_registration": Lookalike(
        "Not CORS but a rule of Microsoft's login (Entra ID): the application is registered for another platform.",
        ("the registration, under Authentication: for which platform is the redirect URI listed?",),
        Fix(words=f"List the redirect URI under Single-page application, and nowhere else. {_NO_HEADER_HELPS}"),
    ),
    "opener_policy": Lookalike(
        "Not CORS: Cross-Origin-Opener-Policy of one of the two windows cuts them off from each other.",
        ("Cross-Origin-Opener-Policy of the page, and of the window that it opens",),
        Fix(
            words="Send it with the page that opens a window of another origin (a login).",
            send=("Cross-Origin-Opener-Policy: same-origin-allow-popups",),
        ),
    ),
    "isolation": Lookalike(
        "Not CORS: the page has to be isolated from other origins for what it uses.",
        ("crossOriginIsolated in the console of the page", "the two headers below, of the page itself"),
        Fix(
            words="Send both with the page. Each resource of another origin then needs CORS, or "
            "Cross-Origin-Resource-Policy.",
            send=("Cross-Origin-Opener-Policy: same-origin", "Cross-Origin-Embedder-Policy: require-corp"),
        ),
    ),
    "cypress": Lookalike(
        "Not CORS but a rule of Cypress: one test stays on one origin.",
        ("the URL that cy.visit() or a click leads to",),
        Fix(words="Put what happens on the other origin into cy.origin()."),
    ),
    "native_fetch": Lookalike(
        "A fetch that is not the browser's own says only that something failed. A native app has no CORS.",
        (
            "a native app (React Native): the address (10.0.2.2 from an emulator of Android), http without TLS",
            'in a browser: the other lines of the console ("blocked by CORS policy")',
        ),
        Fix(words="In a native app, look at the network. In a browser, let the command below play it."),
    ),
    "aborted": Lookalike(
        "Not CORS: the browser gave the request up, as the page was left, or the script or the server ended it.",
        ("the page: does a form or a link load it again?", "the script: AbortController"),
        Fix(words="Keep the page until the answer is there (event.preventDefault() in a form's submit)."),
    ),
    "answered": Lookalike(
        "The server answered well, and the browser kept the answer from the page: a CORS header is missing or wrong.",
        (
            'the other lines of the console: "blocked by CORS policy" says which header',
            "the row of the request in the Network panel: the Access-Control-* lines of the response",
        ),
        Fix(words="Most likely {origin} is not listed, or the CORS layer does not guard this path."),
    ),
    "status": Lookalike(
        "Not CORS by itself: the server answered with an error.",
        (
            "the URL and the method: does the server have a route for them?",
            "the server's log",
            'the other lines of the console: "blocked by CORS policy" says that the answer has no CORS headers, too',
        ),
        Fix(
            words="Fix the error first. (To a preflight, an OPTIONS row, the CORS layer has to answer before any route "
            "does.)"
        ),
    ),
    "not_told": Lookalike(
        "This line says only that something failed: pages are never told why.",
        (
            'the other lines of the console: "blocked by CORS policy", "Cross-Origin Request Blocked", net::ERR_...',
            "the Network panel: the row of the request, and the OPTIONS row before it",
        ),
        Fix(words="Paste the other line here, or let the command below play the browser."),
    ),
}
