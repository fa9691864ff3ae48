"""
The page loads or reads something in the wrong way: an element without `crossorigin`, a call that no server can allow.

The page has to change first. Then the server has to share what the page loads with CORS.
"""

from collections.abc import Mapping
from typing import Final

from corsguard.fixes import Fix

from .row import NO_HEADER_HELPS, Lookalike

ELEMENTS: Final[Mapping[str, Lookalike]] = {
    "orb": Lookalike(
        "Not CORS but Opaque Response Blocking (in older browsers: CORB): a request without CORS, by an element "
        '(<img>, <script>, ...) or by fetch() with mode: "no-cors", got a response that it cannot use. Old versions of '
        "Chromium also say so next to a line about CORS.",
        (
            "the other lines of the console: if one says CORS, begin there",
            "the URL in its own tab: is it what the element needs, or JSON or HTML, such as an error or a login page?",
        ),
        Fix(
            words="For an element, send what it needs, with its Content-Type, or load it with CORS: crossorigin. For "
            'data, use fetch() without mode: "no-cors". With CORS, the server has to share (a policy of corsguard '
            "does)."
        ),
        detail="The response has the type {value}.",
    ),
    "opaque": Lookalike(
        'The page fetched with mode: "no-cors", so it gets an opaque response: no status, no headers, an empty body.',
        ('the options of fetch(): mode: "no-cors" is not a way around CORS',),
        Fix(
            words="Let the server share the response (a policy of corsguard does).", page=('leave out mode: "no-cors"',)
        ),
    ),
    "not_exposed": Lookalike(
        "The response is shared, but this response header is not exposed to scripts.",
        ("Access-Control-Expose-Headers of the response (not of the preflight's)",),
        Fix(words="Expose it."),
    ),
    "never_exposed": Lookalike(
        "No script may read the Set-Cookie header of a response, whatever the server exposes.",
        ("the cookies of the browser: the cookie was stored there, if the browser accepted it",),
        Fix(
            words="No header exposes it. Read the cookie on the server, or send the value in another header or in the "
            "body."
        ),
    ),
    "forbidden_header": Lookalike(
        "The page sets a request header that this browser lets no page set, so the browser leaves it out. The request "
        "is still sent.",
        ("the code of the page, or a library in it: who sets the header?",),
        Fix(words="No server can allow it.", page=("leave out the request header {header}",)),
        check_helps=False,
    ),
    "forbidden_cookie": Lookalike(
        "The page sets the header Cookie, which only the browser may set, so the browser leaves it out.",
        ("the code of the page, or a library in it: who sets the header?", "the cookie: SameSite=None; Secure"),
        Fix(
            words="Leave the header out, and let the browser send its cookies.",
            page=('credentials: "include" (XMLHttpRequest: withCredentials = true)',),
        ),
    ),
    "cookies": Lookalike(
        "Not CORS: the cookie was not stored, or not sent with the request. If it holds the session, the user looks "
        "logged out.",
        (
            'the page: credentials: "include" (XMLHttpRequest: withCredentials)',
            "the cookie: SameSite=None; Secure, if page and API are different sites",
            "the browser: it may block all third-party cookies (Safari always does)",
        ),
        Fix(words="Set the cookie with SameSite=None; Secure, or serve page and API from one site."),
    ),
    "cookies_warned": Lookalike(
        "Not CORS, and only a warning: a later version of the browser will not store or not send this cookie.",
        ("the cookie: SameSite and Secure", "who sets it: your server, or another one that the page uses?"),
        Fix(
            words="Nothing has failed yet. Before it does: set the cookie with SameSite=None; Secure, if it has to be "
            "sent to another site, otherwise with SameSite=Lax."
        ),
        detail="The cookie is {value}.",
        check_helps=False,
    ),
    "tainted_canvas": Lookalike(
        "The image, or the video, was loaded without CORS, so scripts may not use its pixels: they can neither read a "
        "canvas on which it was drawn, nor make a texture of it.",
        ("the element: does it have crossorigin?", "then Access-Control-Allow-Origin of the file"),
        Fix(
            words="Let its server send Access-Control-Allow-Origin for it (a policy of corsguard does).",
            page=(
                '<{element} crossorigin="anonymous" src="...">',
                '{element}.crossOrigin = "anonymous"; {element}.src = "..."',
            ),
        ),
    ),
    "tainted_audio": Lookalike(
        "The audio was loaded without CORS, so scripts may not process it, and it is silent.",
        ("the element: <audio crossorigin>, <video crossorigin>", "then Access-Control-Allow-Origin of the audio"),
        Fix(
            words="Let the server send Access-Control-Allow-Origin for the audio (a policy of corsguard does).",
            page=('<audio crossorigin="anonymous" src="...">',),
        ),
    ),
    "text_track": Lookalike(
        "The subtitles are on another origin. A browser loads them only if the video itself is loaded with CORS.",
        ("the element: <video crossorigin>, not <track>", "then Access-Control-Allow-Origin of video and subtitles"),
        Fix(
            words="Let the server send Access-Control-Allow-Origin for the video and the subtitles (a policy of "
            "corsguard does).",
            page=('<video crossorigin="anonymous"><track src="..."></video>',),
        ),
    ),
    "font": Lookalike(
        "A font could not be loaded: either its URL does not answer with it, or the server does not share it. Browsers "
        "load every font with CORS.",
        ("the URL in its own tab: does it answer with the font?", "then Access-Control-Allow-Origin of the font"),
        Fix(words="Correct the URL, or let its server send Access-Control-Allow-Origin with the font."),
        is_cors=True,
    ),
    "font_blocked": Lookalike(
        "Not CORS: the browser blocked the font itself, without asking its server.",
        (
            "the URL of the font: http:, on a page of https?",
            "the Content-Security-Policy of the page: font-src",
            "a window without extensions",
        ),
        Fix(
            words="Let the page load the font over https. Or add its origin to font-src of the page's policy, if it "
            f"has one. Or switch the blocker off (an extension, or a setting of the browser). {NO_HEADER_HELPS}"
        ),
        check_helps=False,
    ),
    "script_error": Lookalike(
        'The script was loaded without CORS, so window.onerror only gets "Script error."',
        ("the element: <script crossorigin>", "then Access-Control-Allow-Origin of the script"),
        Fix(
            words="Let the server send Access-Control-Allow-Origin for scripts (a policy of corsguard does).",
            page=('<script crossorigin="anonymous" src="...">',),
        ),
    ),
    "stylesheet_rules": Lookalike(
        "The stylesheet was loaded without CORS, so scripts may not read its rules.",
        ("the element: <link crossorigin>", "then Access-Control-Allow-Origin of the stylesheet"),
        Fix(
            words="Let the server send Access-Control-Allow-Origin for stylesheets (a policy of corsguard does).",
            page=('<link rel="stylesheet" crossorigin="anonymous" href="...">',),
        ),
    ),
    "wrong_type": Lookalike(
        "Not CORS: the response for a script, a stylesheet, a font or WebAssembly is of another type.",
        ("the URL in its own tab: is it the file, or an error page?", "Content-Type of the response"),
        Fix(
            words="Let the URL answer with the file and its type (text/javascript, text/css, font/woff2, "
            "application/wasm). A compressed file also needs its Content-Encoding (gzip, br)."
        ),
        detail="The response has the type {value}.",
    ),
    "integrity": Lookalike(
        "The element has an integrity attribute but was loaded without CORS, so the browser may not check the content.",
        ("the element: crossorigin", "then Access-Control-Allow-Origin of the resource"),
        Fix(
            words="Let the server send Access-Control-Allow-Origin for it (a policy of corsguard does).",
            page=('<script crossorigin="anonymous" integrity="..." src="...">',),
        ),
    ),
    "integrity_mismatch": Lookalike(
        "Not CORS: the content does not match the integrity attribute, so the browser does not use it.",
        ("the file that is served: is it another version, or does a proxy or a CDN change it?",),
        Fix(words="Name one version in the URL, and compute integrity again from the file that is served."),
        check_helps=False,
    ),
    "worker_script": Lookalike(
        "Not CORS: the script of a worker must come from the page's own origin, without a redirect.",
        ("the URL of the script: a CDN, another port, a redirect?", "the address bar: a file has no origin"),
        Fix(
            words="Serve the script from the page's origin. A worker that is not a service worker can also import it.",
            page=("new Worker(URL.createObjectURL(new Blob(['importScripts(\"https://...\")'])))",),
        ),
        check_helps=False,
    ),
    "worker_import": Lookalike(
        "Not CORS by itself: a worker could not import a script, and this line does not say why. importScripts() needs "
        "no CORS header.",
        (
            "the URL in its own tab: does it answer with the script, and with the type text/javascript?",
            "the other lines of the console, and the row of the script in the Network panel: its status",
            "the Content-Security-Policy, and the Cross-Origin-Embedder-Policy, of the worker's own script",
        ),
        Fix(
            words="Let the URL answer with the script (status 200, text/javascript). If the worker's script has "
            "Cross-Origin-Embedder-Policy, a script of another origin also needs Cross-Origin-Resource-Policy: "
            "cross-origin."
        ),
        check_helps=False,
    ),
    "worker_redirected": Lookalike(
        "Not CORS: the script of a service worker may not be redirected.",
        ("the URL of the script in a private window: where does it lead?", "a login in front of the page"),
        Fix(words="Let the server answer this URL itself. A login in front has to let it pass."),
        check_helps=False,
    ),
    "service_worker": Lookalike(
        'The service worker answered with a response that it may not use, most likely one of mode: "no-cors".',
        ("the service worker: what does it pass to respondWith?", "its cache: was it filled without CORS?"),
        Fix(
            words="Let the service worker fetch with CORS, and let the server share the response (a policy of "
            "corsguard does).",
            page=("event.respondWith(fetch(event.request))",),
        ),
    ),
    "service_worker_failed": Lookalike(
        "Not CORS by itself: the service worker of the page was asked for this, and its code, or a request of its own, "
        "failed.",
        (
            "the other lines of the console: which request of the service worker failed?",
            "DevTools, Application, Service workers: does it work after Unregister, or with Bypass for network?",
        ),
        Fix(
            words="Correct what failed. Let the service worker handle the error (catch, and answer from its cache), or "
            "leave this URL to the browser (no respondWith)."
        ),
        check_helps=False,
    ),
    "service_worker_redirected": Lookalike(
        "Not CORS: the service worker answered with a response that had followed a redirect, and the browser accepts "
        "none for this request (that of a whole page, for example).",
        (
            "the URL in a private window: where is it redirected (a login, a slash at the end)?",
            "the service worker: what does it pass to respondWith? Its cache: was it filled through a redirect?",
        ),
        Fix(
            words="Let the service worker answer with a new response, as below, or not answer this request at all; and "
            "let it request, and store, the last URL. If the redirect leads to a login, the user has to log in, or the "
            "login has to let the file pass.",
            page=("new Response(response.body, response)",),
        ),
        check_helps=False,
    ),
    "url_credentials": Lookalike(
        "Not CORS: the URL has a user name and a password in it, and fetch() does not accept such a URL.",
        ("the URL of the call", "the address bar: a relative URL inherits the part before the @"),
        Fix(
            words="Leave them out of the URL, or of the address of the page if the URL is relative. Send the header "
            "instead, and allow it in the policy.",
            page=('headers: {{"Authorization": "Basic ..."}}',),
        ),
        check_helps=False,
    ),
    "manifest_login": Lookalike(
        "The manifest was redirected to a login: a browser fetches a manifest without cookies, so the user is not "
        "logged in.",
        ("the first URL, without a cookie: does it redirect?", "the <link> of the manifest in the page"),
        Fix(
            words="Let the page send its cookies for the manifest. The login server has nothing to change.",
            page=('<link rel="manifest" crossorigin="use-credentials" href="...">',),
        ),
        is_cors=True,
    ),
    "pdf_viewer": Lookalike(
        "Not CORS but a rule of PDF.js: its viewer opens only files from its own origin.",
        ("the parameter file of the viewer's URL: which origin does it have?",),
        Fix(
            words="Serve the viewer and the file from one origin. Or list the viewer's origin in your copy "
            "(HOSTED_VIEWER_ORIGINS), and let the server share the file (a policy of corsguard does)."
        ),
        check_helps=False,
    ),
    "insecure_call": Lookalike(
        "Firefox refused a call of the script, and this line does not say which: reading a canvas, localStorage while "
        'cookies are blocked, or new WebSocket("ws://...") on an https page.',
        ("the line of the script that the console names: what does it call?",),
        Fix(
            words="A canvas: load its images with CORS, and let their server share them. A WebSocket: use wss.",
            page=('<img crossorigin="anonymous" src="...">', 'new WebSocket("wss://...")'),
        ),
        check_helps=False,
    ),
}
