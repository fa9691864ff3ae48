"""
How the page loads or reads something: an element without `crossorigin`, a call that no server can allow.

The page changes first; what it then loads by CORS, the server has to share.
"""

from collections.abc import Mapping
from typing import Final

from corsguard.fixes import Fix

from .row import Lookalike

ELEMENTS: Final[Mapping[str, Lookalike]] = {
    "orb": Lookalike(
        "Not CORS but Opaque Response Blocking: an element (<img>, <script>, ...) got a type that it cannot use.",
        ("the Content-Type of the response: is it JSON or HTML, such as an error or a login page?",),
        Fix(words="Send the Content-Type that the element needs; or load it with CORS: crossorigin, and a policy."),
        detail="What came is of the type {value}.",
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
    "text_track": Lookalike(
        "Subtitles of another origin: a browser loads them only if the video itself is loaded with CORS.",
        ("the element: <video crossorigin>, not <track>", "then Access-Control-Allow-Origin of video and subtitles"),
        Fix(
            words="Let the server share the video and the subtitles with a policy.",
            page=('<video crossorigin="anonymous"><track src="..."></video>',),
        ),
    ),
    "script_error": Lookalike(
        'The script was loaded without CORS, so window.onerror only gets "Script error."',
        ("the element: <script crossorigin>", "then Access-Control-Allow-Origin of the script"),
        Fix(words="Let the server share scripts with a policy.", page=('<script crossorigin="anonymous" src="...">',)),
    ),
    "stylesheet_rules": Lookalike(
        "The stylesheet was loaded without CORS, so that scripts may not read its rules.",
        ("the element: <link crossorigin>", "then Access-Control-Allow-Origin of the stylesheet"),
        Fix(
            words="Let the server share stylesheets with a policy.",
            page=('<link rel="stylesheet" crossorigin="anonymous" href="...">',),
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
        Fix(words="Name one version in the URL, and compute integrity again from the file that is served."),
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
    "manifest_login": Lookalike(
        "The manifest was redirected to a login: a browser fetches a manifest without cookies, so nobody is logged in.",
        ("the first URL, without a cookie: does it redirect?", "the <link> of the manifest in the page"),
        Fix(
            words="Let the page send its cookies for the manifest. The login server has nothing to change.",
            page=('<link rel="manifest" crossorigin="use-credentials" href="...">',),
        ),
        is_cors=True,
    ),
    "pdf_viewer": Lookalike(
        "Not CORS but a rule of PDF.js: its viewer opens only files of its own origin.",
        ("the parameter file of the viewer's URL: which origin is it of?",),
        Fix(
            words="Serve the viewer and the file from one origin; or list the viewer's origin in your copy "
            "(HOSTED_VIEWER_ORIGINS), and let the file's server share it with a policy."
        ),
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
}
