"""
Connections that do not stand, WebSockets above all, and lines that say too little to tell what failed.

Another line, or the command that plays the browser, tells more.
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
    "outside_browsers": Lookalike(
        "curl and Postman do not do CORS: that they can read it says nothing about a page.",
        ("the same request with an Origin header, and the preflight before it",),
        Fix(words="Let the command below play the browser."),
    ),
    "cut_off": Lookalike(
        "Blocked by CORS, and the line does not say why: it ends before the reason, or its browser gives none.",
        (
            "the rest of the line, behind the last colon: copy it whole",
            "the row of the request in the Network panel: its status, and the Access-Control-* lines of the response",
        ),
        Fix(words="Paste the whole line, or let the command below play the browser."),
        is_cors=True,
    ),
    "preflight_cut_off": Lookalike(
        "Blocked by CORS in the preflight; the line ends before the reason.",
        (
            "the rest of the line, behind the last colon: copy it whole",
            "the OPTIONS row in the Network panel: its status, and the Access-Control-* lines of the response",
        ),
        Fix(words="Paste the whole line, or let the command below play the browser."),
        is_cors=True,
    ),
    "cors_used": Lookalike(
        "Internet Explorer only notes that the request is one of CORS. Nothing failed by this line.",
        ("the lines after it: SEC7120 and higher, and SCRIPT7002, tell of failures",),
        Fix(words="Nothing, if no other line follows."),
        is_cors=True,
    ),
    "native_fetch": Lookalike(
        "A fetch that is not the browser's own says only that something failed. A native app has no CORS.",
        (
            "a native app (React Native): the address (10.0.2.2 from an emulator of Android), http without TLS",
            'in a browser: the other lines of the console ("blocked by CORS policy")',
        ),
        Fix(words="In a native app, look at the network. In a browser, let the command below play it."),
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
