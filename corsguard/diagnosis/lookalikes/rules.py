"""
Rules of the browser that are not CORS: networks, windows and frames, storage, isolation, settings that disable CORS.

CORS headers do not help here. The page, its own headers, or a setting of its user has to change.
"""

from collections.abc import Mapping
from typing import Final

from corsguard.fixes import Fix

from .row import NO_HEADER_HELPS, Lookalike

_OWN_POLICY: Final = "Not CORS but the page's own Content Security Policy: the page forbids itself to load this."
_LOOK_AT_POLICY: Final = (
    "the Content-Security-Policy header, or <meta>, of the page (not of the API)",
    "a page of an extension: content_security_policy in its manifest",
)

RULES: Final[Mapping[str, Lookalike]] = {
    "insecure_local_network": Lookalike(
        "Local Network Access: a page loaded by plain http requests an address in a private network.",
        ("the address bar: is the page loaded over http?",),
        Fix(
            words="Load the page over https (or from localhost). Chromium then asks the user for permission. Other "
            "browsers then block plain http as mixed content, Safari even to this computer. For a name (no address, "
            'and not in the domain "local") Chromium does so, too, unless fetch() has targetAddressSpace: "local". '
            f"{NO_HEADER_HELPS}"
        ),
        detail="The address is in the address space {value}.",
        check_helps=False,
    ),
    "local_network_access": Lookalike(
        "Local Network Access: the user, or an enterprise policy, does not let this site reach the local network.",
        (
            "the icon to the left of the address: Site settings, Local network access: Allow",
            'a page in a frame: does the frame say allow="local-network-access"?',
            "a managed browser: the enterprise policy LocalNetworkAccessAllowedForUrls",
            "a VPN (100.64.0.0/10, Tailscale): its hosts count as local, whatever their certificate",
        ),
        Fix(words=f"Let the user allow it, or serve the data from the page's own origin. {NO_HEADER_HELPS}"),
        detail="The line names the address space: {value}.",
        check_helps=False,
    ),
    "target_address_space": Lookalike(
        "Local Network Access: the page announced a different address space than the one that it reached.",
        ("the option targetAddressSpace of fetch()", "what the name resolves to: nslookup HOST"),
        Fix(
            words=f"Announce the address space where the resource is, or none at all. {NO_HEADER_HELPS}",
            page=("leave out targetAddressSpace",),
        ),
        detail='Write targetAddressSpace: "{value}", because the resource is in that address space.',
        check_helps=False,
    ),
    "private_network_access": Lookalike(
        "Private Network Access, which browsers have abandoned: Chromium up to 137 asked for a header of its own.",
        ("the version of the browser", "the row of the request: did it fail? Some versions only warned"),
        Fix(
            words="Update the browser (or Electron): current ones need no such header, and ask the user instead (Local "
            "Network Access)."
        ),
        detail="The resource is in the address space {value}, and the page announced none.",
        check_helps=False,
    ),
    "less_public_network": Lookalike(
        "Not CORS but a rule about networks: the page requested an address in a less public one (a private network, or "
        "this computer). Chromium's Issues panel has these words for two rules, and they do not say which.",
        (
            "the version of the browser: 142 and later have Local Network Access, up to 137 Private Network Access",
            "the icon to the left of the address: Site settings, Local network access: Allow",
            'a page in a frame: does the frame say allow="local-network-access"?',
            "a managed browser: the enterprise policy LocalNetworkAccessAllowedForUrls",
            "the row of the request: did it fail? Some versions only warned",
        ),
        Fix(
            words="Local Network Access: let the user allow it (and let a page that frames this one delegate it: "
            'allow="local-network-access"). No header replaces that. Private Network Access: update the browser; for '
            "the old ones, the answer to the preflight needs Access-Control-Allow-Private-Network: true."
        ),
        check_helps=False,
    ),
    "mixed_content_warned": Lookalike(
        "Not CORS but mixed content, and only a warning: this line does not say that the request was blocked.",
        ("the URL that the page requests: does it begin with https: (a WebSocket: wss:)?",),
        Fix(words="Let the page request {target} over https, before a browser blocks it."),
    ),
    "cleartext": Lookalike(
        "Not CORS but a rule of Android: the app may not request http URLs.",
        ("the URL that the app asks: http:?", "the manifest of the app: usesCleartextTraffic, networkSecurityConfig"),
        Fix(
            words=f"Let the app request https URLs, or allow this host in its networkSecurityConfig. {NO_HEADER_HELPS}"
        ),
        check_helps=False,
    ),
    "csp_reported": Lookalike(
        "Not CORS but the page's own Content Security Policy, and only a report: nothing was blocked.",
        ("Content-Security-Policy-Report-Only of the page: which of its directives does the line name?",),
        Fix(words="Nothing has to change now. Add the origin to the directive before the policy is enforced."),
        check_helps=False,
    ),
    "csp_noted": Lookalike(
        "Not CORS, but a remark of the browser about a policy of the page (Content-Security-Policy, X-Frame-Options): "
        "nothing was blocked.",
        ("the header, or the <meta> of the page: which directive does the line name?",),
        Fix(words="Nothing has to change for a request. Correct the policy, if it does not do what you want."),
        check_helps=False,
    ),
    "csp_inline": Lookalike(
        "Not CORS but the page's own Content Security Policy: it forbids code in the page itself, or in a string.",
        ("the code: is it a <script>, a <style>, an attribute (onclick), a URL (javascript:), or eval?",),
        Fix(
            words="Move the code into a file of its own. A <script> or a <style> may also have a nonce or a hash in "
            "{directive} of the page's policy; an attribute (onclick), and code in a string (eval), may not."
        ),
        check_helps=False,
    ),
    "csp": Lookalike(
        _OWN_POLICY,
        _LOOK_AT_POLICY,
        Fix(words="In the page's policy, add {target} to {directive}."),
        check_helps=False,
    ),
    "csp_fallback": Lookalike(
        _OWN_POLICY,
        _LOOK_AT_POLICY,
        Fix(
            words="The page's policy has no {directive}, so its default-src counts. Add {directive}, with the sources "
            "of default-src (except 'none') and {target}."
        ),
        check_helps=False,
    ),
    "blocked_by_client": Lookalike(
        "Not CORS: a browser extension (an ad blocker), the tracking protection of the browser, its DevTools, or the "
        "administrator, blocked the request.",
        (
            "a window without extensions",
            "Firefox: the shield to the left of the address",
            "DevTools: request blocking",
            "the URL: names with ads, track or analytics are on block lists",
        ),
        Fix(
            words="Switch the blocker (or Firefox's tracking protection) off for this page. If the resource is yours, "
            f"rename it; if not, the page has to work without it. {NO_HEADER_HELPS}"
        ),
    ),
    "hsts": Lookalike(
        "The browser itself redirected to https (Strict-Transport-Security), and a preflight may not be redirected.",
        ("the URL that the page requests: does it begin with http:?",),
        Fix(words="The page has to change.", page=("use https.",)),
    ),
    "disabled": Lookalike(
        "CORS is disabled in this browser (Firefox: content.cors.disable), so it never shares anything.",
        ("about:config: content.cors.disable",),
        Fix(words="Set content.cors.disable to false."),
        check_helps=False,
    ),
    "origin_not_added": Lookalike(
        "Firefox could not add the Origin header. Most likely an extension prevents it.",
        ("a window without extensions",),
        Fix(words="Switch the extension off for this page."),
    ),
    "frame": Lookalike(
        "Not CORS: a window may not access a window of another origin.",
        (
            "which of the two frames accesses the other",
            "a frame with the attribute sandbox: without allow-same-origin, its origin is null",
        ),
        Fix(words="Let the two talk with window.postMessage, and let the receiver compare event.origin."),
        check_helps=False,
    ),
    "post_message": Lookalike(
        "Not CORS: postMessage named an origin that the receiving window does not have.",
        ("the second argument of postMessage", "was the window still at about:blank, or redirected?"),
        Fix(words="Name the origin that the window has at that moment.", page=('postMessage(data, "{recipient}")',)),
        check_helps=False,
    ),
    "not_framed": Lookalike(
        "Not CORS: the page does not allow other pages to frame it.",
        ("X-Frame-Options, and frame-ancestors in Content-Security-Policy, of the framed page",),
        Fix(
            words="Add {origin} to frame-ancestors in the Content-Security-Policy of the framed page, and do not "
            "send X-Frame-Options. If that page is not yours (a login, for example), no page can change this: open it "
            "in a tab or a window of its own."
        ),
        check_helps=False,
    ),
    "no_origin": Lookalike(
        "The browser sent Origin: null, and the answer does not share with it: only * does, and only without "
        "credentials.",
        (
            "the address bar: file://?",
            "a frame: its attribute sandbox",
            "the row of the request in the Network panel: was it redirected?",
        ),
        Fix(
            words="A page from a file, or in a sandboxed frame: load it from a server, and outside of the frame. A "
            "request that was redirected from one origin to another: let the page request the last URL. If the "
            "resource is for everyone, its server may also share it with *.",
        ),
        is_cors=True,
    ),
    "same_origin_load": Lookalike(
        "Not CORS: the browser loads this from the origin of the page only, as an SVG file in <use>, XSLT, the script "
        'of a frame, the <track> of a video without crossorigin, and what is requested with mode: "same-origin".',
        ("the element, or the options of fetch(), that loads it", "the URL: is it the right host? Was it redirected?"),
        Fix(
            words="Serve the file from the origin of the page. Or let a script fetch() it with CORS, and put it into "
            "the page (an SVG file: as <svg> in the page, then <use> with #id only). A <track>: write <video "
            "crossorigin>, and let the servers of the video and of the track share them."
        ),
        check_helps=False,
    ),
    "not_linkable": Lookalike(
        "Not CORS: Firefox does not let this page load a URL of this scheme. Most likely, it is a file of an extension "
        "or of the browser itself.",
        ("the page: is it of the extension, of the web, or of the browser (about:)?",),
        Fix(
            words="An extension lists the files that pages may load in web_accessible_resources of its manifest. A "
            "font or an image can also be a data: URL in the stylesheet."
        ),
        check_helps=False,
    ),
    "blob_url": Lookalike(
        "Not CORS: a blob: URL belongs to the origin whose script made it, and is valid until it is revoked or that "
        "page is closed. This page may not load it.",
        (
            "the URL behind blob: is the origin that made it, and null is a file, or a sandboxed frame",
            "the address bar",
        ),
        Fix(
            words="Make the blob in the page that loads it, and revoke it afterwards. If it begins with blob:null, "
            "load the page from a server, and outside of a sandboxed frame."
        ),
        check_helps=False,
    ),
    "data_url": Lookalike(
        "Most likely not CORS: no server answers a data: URL. An extension of the browser (an ad blocker) puts one in "
        "place of a file that it blocks.",
        ("a window without extensions", "the row of the request in the Network panel: which URL did the page request?"),
        Fix(
            words="Switch the extension off for this page. If the file is yours, rename it; if not, the page has to "
            f"work without it. {NO_HEADER_HELPS}"
        ),
        check_helps=False,
    ),
    "framed_twice": Lookalike(
        "Not CORS: the page does not allow other pages to frame it. It sends X-Frame-Options twice.",
        ("X-Frame-Options of the framed page: which layer sends which line (the application, a proxy)?",),
        Fix(
            words="Two layers add the header: remove it from all except one. To be framed by {origin}, send no "
            "X-Frame-Options, and add {origin} to frame-ancestors in the Content-Security-Policy of the framed page."
        ),
        detail="The values are {value}. If they differ, no page at all may frame it.",
        check_helps=False,
    ),
    "browser_page": Lookalike(
        "A page of the browser itself could not load this. Your page and your server are not involved.",
        ("the line: the page has a scheme of the browser",),
        Fix(words=f"Nothing has to change: the line is harmless. {NO_HEADER_HELPS}"),
        check_helps=False,
    ),
    "document_isolation": Lookalike(
        "Not CORS: the page has Document-Isolation-Policy, which requires each resource of another origin to agree, "
        "and this one has no Cross-Origin-Resource-Policy.",
        ("Document-Isolation-Policy of the page", "Cross-Origin-Resource-Policy of the response"),
        Fix(
            words="Send it with the resource, or load the resource with CORS (an element: crossorigin), and let the "
            "server share it. Or let the page send isolate-and-credentialless, if the resource needs no cookies.",
            send=("Cross-Origin-Resource-Policy: cross-origin",),
        ),
        check_helps=False,
    ),
    "coep_frame": Lookalike(
        "Not CORS: the page has Cross-Origin-Embedder-Policy, so each page that it frames needs one, too.",
        ("Cross-Origin-Embedder-Policy of the framed page",),
        Fix(
            words="Send it with the framed page, or load the framed page in <iframe credentialless>.",
            send=("Cross-Origin-Embedder-Policy: require-corp",),
        ),
        check_helps=False,
    ),
    "storage": Lookalike(
        "Not CORS: the browser does not give this page access to storage (localStorage, cookies).",
        (
            "the settings of the browser: are cookies blocked, or third-party cookies?",
            "a frame: its attribute sandbox; a frame with srcdoc or a data: URL",
        ),
        Fix(
            words="Let the page work without storage. Or serve the framed page from an origin of its own, and add "
            "allow-same-origin to its sandbox. Never do that for a page on the origin of the outer page, or for "
            f"srcdoc: together with allow-scripts, it removes the sandbox. {NO_HEADER_HELPS}",
        ),
        check_helps=False,
    ),
    "opener_policy": Lookalike(
        "Not CORS: Cross-Origin-Opener-Policy of one of the two windows cuts them off from each other.",
        ("Cross-Origin-Opener-Policy of the page, and of the window that it opens",),
        Fix(
            words="Send it with the page that opens a window of another origin (a login).",
            send=("Cross-Origin-Opener-Policy: same-origin-allow-popups",),
        ),
        check_helps=False,
    ),
    "isolation": Lookalike(
        "Not CORS: the page uses a feature for which it has to be isolated from other origins.",
        ("crossOriginIsolated in the console of the page", "the two headers of the page itself"),
        Fix(
            words="Send both with the page. Each resource of another origin then needs CORS, or "
            "Cross-Origin-Resource-Policy.",
            send=("Cross-Origin-Opener-Policy: same-origin", "Cross-Origin-Embedder-Policy: require-corp"),
        ),
        check_helps=False,
    ),
    "isolation_ignored": Lookalike(
        "Not CORS, but a remark about a header of the page itself, which the browser ignores, because the page is "
        "loaded by plain http: nothing was blocked.",
        ("the address bar: https:, or localhost?",),
        Fix(
            words="Nothing has to change for a request. If the page needs the header, load it over https, or from "
            "localhost."
        ),
        check_helps=False,
    ),
    "cypress": Lookalike(
        "Not CORS but a rule of Cypress: one test stays on one origin.",
        ("the URL that cy.visit() or a click leads to",),
        Fix(words="Put the commands for the other origin into cy.origin()."),
        check_helps=False,
    ),
    "dev_script": Lookalike(
        "Not CORS but a rule of Vite's development server: it refuses scripts that a page of another origin loads "
        "without CORS.",
        ('the element: <script>, without crossorigin and without type="module"?',),
        Fix(
            words="Load the script with CORS, and list the page's origin in server.cors of Vite.",
            page=('<script crossorigin src="...">',),
        ),
        check_helps=False,
    ),
    "source_map": Lookalike(
        "Not CORS: a source map could not be loaded. Only the developer tools use it, and the page is not affected.",
        ("the file of the script or the stylesheet, at its end: which URL does sourceMappingURL name?",),
        Fix(words="Nothing has to change for the page. To get the map, serve it at that URL, or remove the comment."),
        check_helps=False,
    ),
    "aborted": Lookalike(
        "Not CORS: the request was cancelled. Most likely, the page was left, or the script or the server ended it.",
        ("the page: does a form or a link load it again?", "the script: AbortController"),
        Fix(words="Stay on the page until the answer is there (event.preventDefault() in a form's submit)."),
    ),
}
