"""
Something else answered in place of the resource: protection against CSRF, a library, a proxy, a cache, a login.

The request reached it, so its answer says why. CORS is at most one part of the problem.
"""

from collections.abc import Mapping
from typing import Final

from corsguard.browser.advice import NO_COOKIES
from corsguard.fixes import Fix

from .row import NO_HEADER_HELPS, Lookalike

ANSWERS: Final[Mapping[str, Lookalike]] = {
    "csrf": Lookalike(
        "Not CORS but protection against CSRF: the request came through, and the framework refused it.",
        (
            "the answer's body: which check failed",
            "the list of trusted origins",
            "the token: cookie and header",
            "a proxy in front: does it forward Host and X-Forwarded-Host?",
        ),
        Fix(
            words="Add {origin} to the origins that the framework trusts, or send its token with the request and allow "
            "the token's header in the policy."
        ),
    ),
    "csrf_sveltekit": Lookalike(
        "Not CORS but SvelteKit's protection against CSRF: the request came through, and SvelteKit refused it, because "
        "its Origin is not that of the server.",
        (
            "the address bar, and the address that the server thinks it has",
            "a proxy in front: which host does it send?",
        ),
        Fix(
            words="Tell the server its own address: the variable ORIGIN (adapter-node), or PROTOCOL_HEADER and "
            "HOST_HEADER behind a proxy. If {origin} is another one of yours, list it in csrf.trustedOrigins."
        ),
        check_helps=False,
    ),
    "csrf_django": Lookalike(
        "Not CORS but Django's protection against CSRF: the request came through, and Django refused it.",
        ("the answer's body: which check failed", "CSRF_TRUSTED_ORIGINS", "the token: the cookie and X-CSRFToken"),
        Fix(words="Add {origin} to CSRF_TRUSTED_ORIGINS. Send X-CSRFToken, and allow it in the policy."),
    ),
    "csrf_cookie": Lookalike(
        "Not CORS but Django's protection against CSRF: the request came without the cookie of CSRF.",
        (
            "the row of the request in the Network panel: its Cookie line",
            "the Set-Cookie line of an earlier response: did Django set csrftoken, and with which SameSite?",
        ),
        Fix(
            words="Let the page get the cookie first (a view with ensure_csrf_cookie), and send it with the request. "
            'To another site, the cookie needs CSRF_COOKIE_SAMESITE = "None", CSRF_COOKIE_SECURE = True and '
            "allow_credentials. A view that uses no cookies can be exempt (csrf_exempt).",
            page=('credentials: "include"',),
        ),
    ),
    "csrf_flask": Lookalike(
        "Not CORS but Flask-WTF's protection against CSRF: the request came through, and Flask-WTF refused it.",
        ("the answer's body: which check failed", "the token: the session's cookie and X-CSRFToken"),
        Fix(words="Send X-CSRFToken, and allow it in the policy. Or exempt the view, if it does not use cookies."),
    ),
    "csrf_apollo": Lookalike(
        "Not CORS but Apollo Server's protection against CSRF: the request came through, and Apollo Server refused it.",
        ("the request's Content-Type: a form's type, or none", "a plain GET, or an upload: does it have the header?"),
        Fix(
            words="Send one of the headers that the line names, and allow it in the policy.",
            page=('headers: {{"Apollo-Require-Preflight": "true"}}',),
            policy={"allow_headers": ["Apollo-Require-Preflight"]},
        ),
    ),
    "refused_by_server": Lookalike(
        "The server refused the origin, or another part of the request, and says so.",
        (
            "the list of the server, or of the library that it uses",
            "the Origin that was sent",
            "a proxy in front: does it forward Host?",
        ),
        Fix(
            words="In the list of the server (its CORS settings, or the origins that its WebSocket accepts), add "
            "{origin}; for CORS, also the method, and the headers that the page sends."
        ),
        detail="It refused: {value}.",
        is_cors=True,
    ),
    "header_wanted": Lookalike(
        "The server answers a page only if its requests have a header with which the page accepts the danger: everyone "
        "who loads the page can read the key in it.",
        ("the page: does it have a key of yours in it?",),
        Fix(
            words="Let a server of yours request it, and keep the key there. Only if each user types a key of their "
            "own, send the header.",
            page=('headers: {{"{header}": "true"}}',),
        ),
        is_cors=True,
        check_helps=False,
    ),
    "refused_configuration": Lookalike(
        "The server's own CORS library does not accept its settings: the server does not start, or answers with 500.",
        (
            "the server's settings of CORS: which one does the line name?",
            "the lines before it: which code calls the library",
        ),
        Fix(
            words="Correct the setting that the line names. An origin is written in full (scheme://host:port), and a "
            "wildcard never stands together with credentials."
        ),
        detail="It does not accept {value}.",
        is_cors=True,
        check_helps=False,
    ),
    "cors_proxy": Lookalike(
        "Not CORS but a rule of a public proxy (CORS Anywhere): it answers scripts of pages, but not the address bar.",
        ("the request: was the proxy's URL opened in a tab, or requested by a server?",),
        Fix(
            words="Call the proxy from a script of a page on another origin. Better: use no such proxy, because it can "
            "read everything. Let the server share the resource (a policy of corsguard does)."
        ),
    ),
    "amp_header": Lookalike(
        "Not the CORS of browsers but AMP's own rule: AMP requires an additional header in the response.",
        (
            "AMP-Access-Control-Allow-Source-Origin of the response: is it there, and is it the page's origin?",
            "Access-Control-Expose-Headers: does it list that header?",
        ),
        Fix(
            words="If the parameter __amp_source_origin names one of your origins, send that origin in "
            "AMP-Access-Control-Allow-Source-Origin, and expose this header.",
            policy={"expose_headers": ["AMP-Access-Control-Allow-Source-Origin"]},
        ),
    ),
    "cached": Lookalike(
        "A cache gave a response that was made for another origin, or for a request without Origin.",
        ("Vary of the response: is Origin in it, also where no Origin was sent?", "Age and X-Cache: which cache it is"),
        Fix(
            words="Send Vary: Origin with every response of the resource (a policy of corsguard does), and empty the "
            "cache once."
        ),
    ),
    "event_stream_type": Lookalike(
        "Not CORS: the answer to EventSource is not a stream of events. Most likely it is an error or a login page.",
        ("the URL in its own tab: what does it answer?", "Content-Type of the response: text/event-stream"),
        Fix(
            words="If it is a login page, log in again, and let the server answer 401 in its place. Otherwise let this "
            "URL answer with Content-Type: text/event-stream.",
            send=("Content-Type: text/event-stream",),
        ),
        detail="The response has the type {value}.",
    ),
    "answer_unreadable": Lookalike(
        "Not CORS: the page was given the answer and its status, but could not read the body.",
        ("the body in the Network panel: is it whole, and is it JSON?",),
        Fix(words="Let the server answer with whole JSON; or tell the library to read the body as text."),
    ),
    "dev_proxy": Lookalike(
        "Not CORS: the proxy of the development server got no valid answer from the backend.",
        ("is the backend running, at this host and port?", "localhost may be ::1: write 127.0.0.1 as the target"),
        Fix(words=f"Start the backend, or correct the target of the proxy. {NO_HEADER_HELPS}"),
        detail="It says {value}.",
    ),
    "dev_host": Lookalike(
        "Not CORS but a rule of the development server: it only accepts host names that it knows.",
        ("the address bar: which host does the page come from?",),
        Fix(
            words="List it: allowedDevOrigins (Next.js), server.allowedHosts (Vite), devServer.allowedHosts (webpack)."
        ),
        detail="The name is {value}.",
        check_helps=False,
    ),
    "redirect_blocked": Lookalike(
        "The request was redirected, and the browser blocked the redirect. This line does not say why.",
        ("the row of the request: its Location", "the Access-Control-* lines of the redirect itself"),
        Fix(words="Let the page request the last URL directly: over https, and with or without the slash at the end."),
        is_cors=True,
    ),
    "redirect_with_preflight": Lookalike(
        "The server answered the preflight or the request itself with a redirect. Old versions of Chromium print this "
        "line for both, and followed neither, because the request needs a preflight.",
        ("the OPTIONS row of the Network panel: does it have a Location?", "if not, the row of the request itself"),
        Fix(
            words="Let the page request the last URL: current browsers follow the redirect of the request itself, but "
            "not that of the preflight. Or let the server answer both without a redirect.",
            page=('fetch("{last}")',),
        ),
        detail="The redirect leads to {value}.",
        is_cors=True,
    ),
    "spa_registration": Lookalike(
        "Not CORS but a rule of Microsoft's login (Entra ID): the application is registered for another platform.",
        ("the registration, under Authentication: for which platform is the redirect URI listed?",),
        Fix(words=f"List the redirect URI under Single-page application, and nowhere else. {NO_HEADER_HELPS}"),
        check_helps=False,
    ),
    "login_origin": Lookalike(
        "Not CORS but a rule of the login service: this page is not registered there for the application.",
        (
            "the application's settings at the login service: its origins, or its domains",
            "the address bar: is it exactly the same scheme, host and port? localhost is not 127.0.0.1",
        ),
        Fix(words=f"Add {{origin}} to the origins of the application at the login service. {NO_HEADER_HELPS}"),
        check_helps=False,
    ),
    "answered": Lookalike(
        "The server answered with success, but the browser did not give the answer to the page: most likely, a CORS "
        "header is missing or wrong.",
        (
            'the other lines of the console: "blocked by CORS policy" says which header',
            "the row of the request in the Network panel: the Access-Control-* lines of the response",
        ),
        Fix(words="Most likely {origin} is not listed, or the CORS layer does not guard this path."),
    ),
    "no_credentials_only": Lookalike(
        "Browsers share this answer with the page if the request has no credentials, and block it otherwise.",
        (
            'the page: does it send credentials: "include", or withCredentials?',
            "the row of the request in the Network panel: does it have a Cookie line?",
        ),
        Fix(
            words="If the page needs no cookies, leave out the credentials. Otherwise name {origin} in "
            "Access-Control-Allow-Origin, not *, and send Access-Control-Allow-Credentials: true.",
            page=(NO_COOKIES,),
        ),
        is_cors=True,
    ),
    "status": Lookalike(
        "Not CORS by itself: the server answered with an error.",
        (
            "the URL and the method: does the server have a route for them?",
            "the server's log",
            'the other lines of the console: "blocked by CORS policy" means that the error has no CORS headers, either',
        ),
        Fix(
            words="Fix the error first. (To a preflight, an OPTIONS row, the CORS layer has to answer before any route "
            "does.)"
        ),
        detail="The status is {value}.",
    ),
}
