"""
Connections that fail, WebSockets above all, and lines that do not say what failed.

Another line, or the command that plays the browser, says more.
"""

from collections.abc import Mapping
from typing import Final

from corsguard.fixes import Fix

from .row import Lookalike

CONNECTIONS: Final[Mapping[str, Lookalike]] = {
    "websocket": Lookalike(
        "A WebSocket could not be opened, and this line does not say why: no server, a refusal, or a wrong answer.",
        (
            "the row of the handshake in the Network panel: its status, and the Origin that was sent",
            "the log of the server: did the handshake arrive, and who refused it?",
            "a proxy in front: does it forward Upgrade, Connection, Origin and Host?",
            "wss: does the browser trust the certificate (open the host with https in a tab)?",
            "in Firefox or Safari: the same page in Chromium, whose console often says more",
        ),
        Fix(
            words="Let the command below ask as a browser does. If the server answers with 403, it judges Origin: add "
            "{origin} to its list, with credentials."
        ),
    ),
    "websocket_left": Lookalike(
        "Not CORS: the page closed the WebSocket before it was open, or the page was left or reloaded before that.",
        (
            "the page: what calls close() so early (in development, React runs each effect twice)?",
            "a script or a link that loads the page again",
        ),
        Fix(words="Change the page, not the server: close a WebSocket only after its open event. Or ignore the line."),
        check_helps=False,
    ),
    "interrupted": Lookalike(
        "Not CORS: a WebSocket or an EventSource was cut. The page was left or closed it, or the server or a proxy "
        "dropped it; this line does not say which.",
        (
            "the page: was it left or reloaded at that moment, or does it call close()?",
            "the log of the server, and a proxy in front: does it close long or idle connections?",
        ),
        Fix(words="If nobody left the page, let the server and the proxy keep the connection open, and open it again."),
        check_helps=False,
    ),
    "broken_off": Lookalike(
        "Not CORS: the browser got the status and the headers of the response, but not its whole body.",
        (
            "the log of the server: does it fail while it writes the body?",
            "a proxy in front: a limit of time or size, HTTP/2, Content-Length, Content-Encoding",
        ),
        Fix(
            words="Look for what ends the body: an exception in the server, a limit of a proxy, a wrong Content-Length "
            "or Content-Encoding, or a network that was lost. No header of CORS helps."
        ),
        detail="The browser says {value}.",
    ),
    "net_error": Lookalike(
        "Not CORS: the browser ended the request for a reason of its own, or of the network.",
        ("the name of the error: chrome://network-errors lists all of them",),
        Fix(words="Search for this name. No header of CORS helps."),
        detail="The browser says {value}.",
    ),
    "websocket_closed": Lookalike(
        "The WebSocket was closed before this line, or never opened, so the message of the page is lost.",
        ("the lines before this one: they say why it is closed",),
        Fix(words="Send in the open event, and open it again in the close event."),
        check_helps=False,
    ),
    "websocket_frame": Lookalike(
        "Not CORS: the WebSocket was open, and then the browser received data that is not a frame of RFC 6455.",
        (
            "a proxy in front: does it forward an open connection unchanged (no compression, no rewriting)?",
            "the server: does any code other than the WebSocket library write to the connection?",
        ),
        Fix(words="Let only the WebSocket library of the server write to the connection."),
        check_helps=False,
    ),
    "websocket_call": Lookalike(
        "Not CORS: the call new WebSocket(url, protocols) is wrong, so nothing was sent.",
        ("the call: a URL of wss:// without #, and names of subprotocols, each of them once",),
        Fix(words="Write the call as below.", page=('new WebSocket("wss://api.example.com/feed", ["chat"])',)),
        check_helps=False,
    ),
    "event_source": Lookalike(
        "An EventSource or a WebSocket did not connect: the network, or CORS for an EventSource. This line does not "
        "say which.",
        (
            'the other lines of the console: "Cross-Origin Request Blocked" says that it is CORS',
            "the row of the request in the Network panel: its status, and the Access-Control-* lines of the response",
            "a proxy in front: does it buffer, or close long connections?",
        ),
        Fix(
            words="Let the command below ask as a browser does. If it can read the answer, look at the server and its "
            "proxy."
        ),
    ),
    "outside_browsers": Lookalike(
        "curl and Postman do not apply CORS: a response that they can read may still be blocked for a page.",
        ("the same request with an Origin header, and the preflight before it",),
        Fix(words="Let the command below ask as a browser does."),
    ),
    "options_alone": Lookalike(
        "This OPTIONS request is not a preflight, because it has no Access-Control-Request-Method: a server may answer "
        "a preflight in another way.",
        ("the request: a browser sends Origin, Access-Control-Request-Method, and the names of further headers",),
        Fix(words="Let the command below send the preflight of a browser."),
        is_cors=True,
    ),
    "preflight_passes": Lookalike(
        "This preflight passes: its answer allows the origin, the method and the headers for which it asks.",
        ("the row of the request itself, after the OPTIONS row: its status, and its Access-Control-* lines",),
        Fix(
            words="Nothing has to change in this answer. If the page still fails, the answer to the request itself, or "
            "to another one, is the cause: paste that row, or the line of the console."
        ),
        is_cors=True,
    ),
    "request_alone": Lookalike(
        "This is a request without its answer, so it does not show what failed, or whether anything did.",
        ("the headers of the response, in the Network panel", "the line of the console"),
        Fix(words="Paste the answer, too, or let the command below ask as a browser does."),
    ),
    "cut_off": Lookalike(
        "Blocked by CORS, and this line does not say why.",
        (
            "the rest of the line, if it goes on: copy all of it",
            "the row of the request in the Network panel: its status, and the Access-Control-* lines of the response",
        ),
        Fix(words="If the line goes on, paste all of it; or let the command below ask as a browser does."),
        is_cors=True,
    ),
    "file_denied": Lookalike(
        "Blocked by CORS: the page loads a file with CORS, and the server of the file does not share it with the page.",
        ("the row of the file in the Network panel: its status, and the Access-Control-* lines of the response",),
        Fix(
            words="Let the server of the file send Access-Control-Allow-Origin, or leave out crossorigin. "
            "(A module always needs CORS.)"
        ),
        is_cors=True,
        detail="It was loaded as {value}.",
    ),
    "unexplained": Lookalike(
        "Blocked by CORS. Old versions of Firefox (up to 35) did not say why.",
        ("the row of the request in the Network panel: its status, and the Access-Control-* lines of the response",),
        Fix(words="Let the command below ask as a browser does, or open the page in a newer browser."),
        is_cors=True,
    ),
    "postman": Lookalike(
        "Postman in a browser has the limits of a page: the server does not share the answer with Postman's page.",
        ("the agent of Postman, at the bottom: the browser's, or the desktop agent?",),
        Fix(
            words="Send the request by Postman's desktop agent, or by its app, which have no CORS. That says nothing "
            "about what your page may read: let the command below ask as a browser does."
        ),
        is_cors=True,
    ),
    "hot_reload": Lookalike(
        "Not CORS: the page could not open the WebSocket by which a development server reloads it. The page does "
        "not need it.",
        (
            "the development server: is it running at this host and this port?",
            "a proxy in front (nginx, Docker, a tunnel): does it forward Upgrade and Connection?",
        ),
        Fix(
            words="Let the page reach it: Vite and Nuxt, server.hmr (protocol, host, clientPort); webpack, "
            "devServer.client.webSocketURL; Next.js, allowedDevOrigins, and a proxy that forwards the upgrade. In "
            "production, the page does not open it."
        ),
        check_helps=False,
    ),
    "issue_heading": Lookalike(
        "A CORS header of a response is missing or not valid. This heading of Chromium's Issues panel does not say "
        "which.",
        (
            "the issue, unfolded: its table names the request, the header and the value",
            "the other lines of the console: a blocked request has its own line",
        ),
        Fix(words="Paste the line of the console, or let the command below ask as a browser does."),
        is_cors=True,
    ),
    "preflight_cut_off": Lookalike(
        "Blocked by CORS in the preflight, and this line does not say why.",
        (
            "the rest of the line, if it goes on: copy all of it",
            "the OPTIONS row in the Network panel: its status, and the Access-Control-* lines of the response",
        ),
        Fix(words="If the line goes on, paste all of it; or let the command below ask as a browser does."),
        is_cors=True,
    ),
    "cors_used": Lookalike(
        "Only a note that this is a CORS request. It does not mean that the request failed.",
        ("the lines after it: SEC7120 and higher, and SCRIPT7002, tell of failures",),
        Fix(words="Nothing has to change, if no other line follows."),
        is_cors=True,
    ),
    "not_loaded": Lookalike(
        "A script or a stylesheet could not be loaded. Firefox does not say why: no answer, an error, or an extension.",
        ("the row of the request in the Network panel: its status", "a window without extensions"),
        Fix(words="Let the URL answer with the file, or look at the other lines of the console."),
        check_helps=False,
    ),
    "app_call": Lookalike(
        "Not CORS: the page called its own app by the scheme ipc, which no server answers. Most likely, the app or "
        "its Content-Security-Policy refused.",
        (
            "the capabilities of the app (Tauri): do they allow this command for this window?",
            "the Content-Security-Policy of the app: does connect-src list ipc: and http://ipc.localhost?",
        ),
        Fix(words="Allow the command in the capabilities, and list both in connect-src. No header of a server helps."),
        check_helps=False,
    ),
    "native_fetch": Lookalike(
        "A fetch function that is not the browser's only says that something failed. Neither a native app nor a "
        "server has CORS.",
        (
            "a native app (React Native): the address (localhost is the device; from an emulator of Android, 10.0.2.2)",
            "a native app: http without TLS, or a certificate that the device does not trust",
            "code on a server (a middleware of Next.js): the address, as that server has to see it",
            'in a browser: the other lines of the console ("blocked by CORS policy")',
        ),
        Fix(
            words="In a native app, or on a server, look at the network. For a browser, let the command below ask as "
            "one."
        ),
    ),
    "not_told": Lookalike(
        "This line says only that something failed: browsers do not tell a page why.",
        (
            'the other lines of the console: "blocked by CORS policy", net::ERR_... (Chromium)',
            'in Firefox "Cross-Origin Request Blocked", in Safari "not allowed by Access-Control-Allow-Origin"',
            "the Network panel: the row of the request, and the OPTIONS row before it",
        ),
        Fix(words="Paste the lines around it, too, or let the command below ask as a browser does."),
    ),
}
