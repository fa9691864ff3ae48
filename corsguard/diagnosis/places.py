"""
Tells who answers a URL: an application, the settings of a service, object storage, the app that shows the page, or
somebody else's server.

Only an application has a policy. For the others, this says what they need instead.
"""

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Final, Literal, NamedTuple

from corsguard.browser import Failure, Reason, origin_of
from corsguard.browser.advice import BEFORE_ANY_LAYER, NO_COOKIES
from corsguard.browser.evidence import (
    as_shown,
    is_led_to_login,
    is_within_site,
    net_error_of,
    redirect_target,
    status_of,
    url_of,
)
from corsguard.browser.notes import is_of_extension
from corsguard.browser.reasons import CORS_CHECK, OF_STATUS, PREFLIGHT_ONLY, REASONS
from corsguard.browser.redirect_advice import GO_THERE
from corsguard.browser.urls import HTTP_SCHEMES, SOCKET_SCHEMES, Url, address_space, is_same_origin
from corsguard.fixes import Fix
from corsguard.names import is_forbidden_request_header
from corsguard.origin import NULL

from .messages import URL, Message

# Where the page has to request something else.
_FOR_PAGES: Final = frozenset({"app", "nobody", "page"})
LOOK_IN_CODE: Final = ("the code of the page: where does it call this URL?",)
# Where a login gives tokens, the body of the request names the client, and so the origins with which it shares.
_TOKENS: Final = re.compile(r"https?://[^/?#]+/(?:[^?#]*/)?(?:oauth2?(?:/v[\d.]+)?|openid-connect)/token/?(?:[?#]|$)")
# Google Apps Script answers no preflight, and a check sends nothing else that stands for a POST.
_SCRIPTS: Final = re.compile(r"https://script\.google\.com/")
_STAND_IN: Final = URL.partition("//")[2].rstrip("/")
ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - what pages request
_LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]", ANY_ADDRESS})
# Schemes of what nobody answers.
_WITHOUT_SERVER: Final = frozenset(
    "about blob chrome chrome-extension data edge file javascript moz-extension ms-appx ms-appx-web".split()
)


class Responder(NamedTuple):
    """
    Who answers the *urls*, and in *words* what to do.

    *who* is `app` for an app that answers by a scheme of its own, `nobody` if the page made the URL from what it does
    not have, and `page` if the page has to request something else; `files` and `others` for public services, `bucket`
    for object storage, `settings` for what has a list of its own, none of which has a policy; and `front` for what is
    in front of an application, or a `router` that answers without it.
    """

    who: Literal["app", "nobody", "page", "files", "others", "bucket", "settings", "front", "router"]
    urls: re.Pattern[str]
    words: str

    @property
    def is_public_service(self) -> bool:
        return self.who in {"files", "others"}


def _hosts(names: str) -> re.Pattern[str]:
    """
    Return a pattern for URLs on the hosts *names*, and below them.
    """
    either = "|".join(map(re.escape, names.split()))
    return re.compile(rf"[a-z]+://(?:[^/?#@]*\.)?(?P<domain>{either})(?::\d+)?(?:[/?#]|$)")


_APP: Final = Responder(
    "app",
    # By their scheme, `_is_of_app` tells them.
    re.compile("(?!)"),
    "No server answers this URL: the app itself does, by a scheme of its own. Load the page by that scheme, too (not "
    "from a development server), or let the app read the file by its own functions (Capacitor: the plugin Filesystem).",
)
_OF_BUCKET: Final = (
    "This is object storage: its CORS rules belong to the bucket (on Azure, to the storage account), not to an "
    "application."
)
_NOT_YOURS: Final = "If the server is not yours, let a server of yours request it, and let the page ask that one."
_HEADER_NOT_YOURS: Final = (
    "If the server is not yours, let the page not send this header (it may be a default of a library, or an option), "
    "or let a server of yours request it."
)
_PREFLIGHT_NOT_YOURS: Final = (
    "If the server is not yours, let the page leave out what needs a preflight (a header of its own, which may be a "
    "default of a library), or let a server of yours request it."
)
_STOPPED: Final = (
    "Not CORS, and no header helps. A public service most likely answers, so something stops the request: an extension "
    "(an ad blocker), tracking protection, or the network. Try a window without extensions, and another network."
)
_OF_OTHERS: Final = (
    "{domain} is a public service, whose operator decides which pages may read its answers. Look for a way in its "
    "documentation (a setting of your account, a library for pages). Otherwise let a server of yours request it, and "
    "let the page ask that one."
)
_REDIRECTED: Final = (
    "The service redirects. Let the page request the last URL: often it only has https, another host, or a slash at "
    "the end."
)
_FILE_WITHOUT_CORS: Final = (
    "An element without crossorigin and integrity needs no CORS (a font or a module always does, and an image that a "
    "script draws into WebGL or reads from a canvas)."
)
_FILE_WITHOUT_PREFLIGHT: Final = (
    "The service gives the file to every page that requests it without a preflight, and a file needs none: no header "
    "of the page's own (Authorization, Cache-Control, Pragma), and no method other than GET."
)
_NULL_SENT: Final = (
    "The browser sent Origin: null. Either the page is a file, or in a sandboxed frame: load it from a server. Or it "
    "requested another URL, whose server redirected to this one: let that server answer 401 to scripts, if it wants a "
    "login."
)
# How many characters of a URL are shown in a sentence. A part of a URL is of no use.
_LONGEST_NAME: Final = 2048
# What says nothing about the origin: a browser judges it first.
_AFTER_ORIGIN: Final = frozenset(
    {Reason.ALLOW_CREDENTIALS_NOT_TRUE, Reason.HEADER_NOT_ALLOWED, Reason.METHOD_NOT_ALLOWED}
)
# The first one counts.
_RESPONDERS: Final = (
    Responder(
        "page",
        # RFC 6749, 3.1, in the forms of the usual login servers.
        re.compile(
            r"(?!.*\.well-known)https?://[^/?#]+/(?:[^?#]*/)?"
            r"(?:(?:oauth2?(?:/v[\d.]+)?/auth(?:orize)?|openid-connect/auth)/?(?:[?#]|$)|"
            r"authorize/?\?(?:[^#]*&)?(?:client_?id|response_type)=)"
        ),
        f"A login begins at this URL: it answers with a page for the user, which no script may read: {GO_THERE}.",
    ),
    Responder(
        "page",
        re.compile(r"https?://(?:www\.)?github\.com/(?P<repository>[^/?#]+/[^/?#]+)/(?:blob|raw)/(?P<file>[^?#]+)"),
        "GitHub answers with a page about the file, or redirects. Let the page request the file itself, which is "
        "shared with every origin if the repository is public: https://raw.githubusercontent.com/{repository}/{file}",
    ),
    Responder(
        "nobody",
        re.compile(r"[a-z]+://(?P<word>undefined|null|nan)(?:(?<=undefined)\.|[:/?#]|$)", re.IGNORECASE),
        'The host has the name "{word}", so the page made this URL from a variable that has no value. Set it: most '
        "often it is a variable of the environment in which the page is built.",
    ),
    Responder(
        "nobody",
        re.compile(r"webpack(?:-internal)?:"),
        "No server answers this URL: the bundler of the page wrote it in place of a real one. Correct how the bundler "
        "handles this file (webpack: output.publicPath, the loader for fonts or images).",
    ),
    Responder(
        "nobody",
        re.compile(r"android-webview-video-poster:"),
        "No server answers this URL: Android's WebView shows it in place of the poster that a video does not have. The "
        "video itself is not affected. Give the element <video> a poster of its own, or leave out its crossorigin.",
    ),
    Responder(
        "nobody",
        re.compile(r"about:"),
        "No server answers this URL: the page, or an extension of the browser, wrote it in place of a real one. Try a "
        "window without extensions.",
    ),
    Responder(
        "page",
        re.compile(r"https?://s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com/?(?:[?#]|$)"),
        "This URL names no bucket: it lists the buckets of an account, and no rule shares that with a page. Name the "
        "bucket, or let a server of yours request the list.",
    ),
    Responder(
        "bucket",
        re.compile(
            r"[a-z]+://(?:[^/?#]*\.)?(?:(?:firebase)?storage\.googleapis\.com|s3[\w.-]*\.amazonaws\.com|"
            r"blob\.core\.windows\.net|r2\.cloudflarestorage\.com|digitaloceanspaces\.com|backblazeb2\.com|"
            r"s3[\w.-]*\.scw\.cloud|oss[\w-]*\.aliyuncs\.com|cos[\w.-]*\.myqcloud\.com|obs[\w.-]*\.myhuaweicloud\.com|"
            r"linodeobjects\.com|vultrobjects\.com|storage\.yandexcloud\.net|your-objectstorage\.com)(?:[:/?#]|$)|"
            # A URL that was signed for the page.
            r"https?://[^?#]*\?(?:[^#]*&)?(?:X-Amz-Signature|AWSAccessKeyId|X-Goog-Signature)=",
        ),
        _OF_BUCKET,
    ),
    Responder(
        "files",
        _hosts(
            "ajax.googleapis.com cdn.bootcss.com cdn.skypack.dev cdnjs.cloudflare.com code.jquery.com esm.sh "
            "fontawesome.com fonts.googleapis.com fonts.gstatic.com bootstrapcdn.com jsdelivr.net "
            "raw.githubusercontent.com themes.googleusercontent.com unpkg.com "
            "use.typekit.net"
        ),
        "{domain} serves files to every page. So the URL is wrong, or the service fails, or something on the way "
        "changes its answer (an extension such as an ad blocker, a proxy): try a window without extensions. Correct "
        "the URL, use another such service, or serve the file yourself.",
    ),
    Responder(
        "settings",
        _hosts("auth0.com"),
        "Auth0 decides by its settings: add the page's origin to Allowed Origins (CORS) and Allowed Web Origins of the "
        "application.",
    ),
    Responder(
        "settings",
        _hosts("okta.com okta-emea.com oktapreview.com"),
        "Okta decides by its settings: add the page's origin to Trusted Origins, with CORS (Security, API).",
    ),
    Responder(
        "page",
        re.compile(
            r"https?://(?:[^/?#]*\.)?(?:b2clogin\.com|ciamlogin\.com|login\.microsoftonline\.com)/[^#]*"
            r"(?:\.well-known/openid-configuration|/discovery/(?:[^?#]*/)?(?:instance|keys)\b)"
        ),
        "Microsoft's login shares this document with every page, but not the error in its place. Most likely, the URL "
        "is wrong: open it in a tab, and correct the tenant, the policy or the authority.",
    ),
    Responder(
        "others",
        _hosts("b2clogin.com ciamlogin.com login.microsoftonline.com"),
        "Microsoft's login shares its metadata and keys with every page: such a URL is wrong (the tenant, the policy, "
        "the authority). In all other cases the registration of the application decides: list the page's redirect URI "
        "there, under Single-page application (not Web). The library MSAL then requests what pages may request.",
    ),
    Responder(
        "settings",
        re.compile(
            r"https?://[^/?#]+/(?:auth/)?(?:realms/[^/?#]+/"
            r"(?:protocol|broker|account|login-actions|clients-registrations|\.well-known)|admin/realms/[^/?#]+)"
            r"(?:[/?#]|$)"
        ),
        "This is Keycloak: add the page's origin to Web origins of the client that the page logs in to.",
    ),
    Responder(
        "settings",
        re.compile(r"https?://(?:[^/?#]+\.supabase\.co|[^/?#]+:54321)/functions/"),
        "This is an Edge Function of Supabase: let it answer OPTIONS itself, before anything else, and send the "
        "CORS headers with each of its answers, errors included.",
    ),
    Responder(
        "settings",
        _hosts("cloud.appwrite.io"),
        "Appwrite decides by the platforms of the project: add a Web platform with the host name of the page.",
    ),
    Responder(
        "settings",
        _hosts("hasura.app"),
        "Hasura has a list of its own: HASURA_GRAPHQL_CORS_DOMAIN, in the settings of the project.",
    ),
    Responder(
        "settings",
        re.compile(r"[a-z]+://[^/?#]+/(?:[^?#]*/)?api/(?:kernels|sessions|terminals)/[\da-f-]{36}(?:[/?#]|$)"),
        "This is Jupyter, which has an origin, or a pattern of origins, of its own: ServerApp.allow_origin, "
        "ServerApp.allow_origin_pat (older: NotebookApp).",
    ),
    Responder(
        "settings",
        re.compile(r"[a-z]+://[^/?#]+/(?:[^?#]*/)?socket\.io/"),
        "This is Socket.IO, which has a list of origins of its own (in Python, cors_allowed_origins; in Node, "
        "cors.origin).",
    ),
    Responder(
        "settings",
        re.compile(r"[a-z]+://[^/?#]+/\.well-known/mercure(?:[/?#]|$)"),
        "This is a Mercure hub, which has a list of origins of its own: cors_origins.",
    ),
    Responder(
        "settings",
        re.compile(r"http://[^/?#]+:11434(?:[/?#]|$)"),
        "This is the port of Ollama, which has a list of origins of its own: OLLAMA_ORIGINS.",
    ),
    Responder(
        "settings",
        re.compile(r"https?://[^/?#]+:9200(?:[/?#]|$)"),
        "This is the port of Elasticsearch, which has settings of its own: http.cors.enabled, http.cors.allow-origin, "
        "http.cors.allow-headers.",
    ),
    Responder(
        "settings",
        re.compile(r"https?://[^/?#]+:5984(?:[/?#]|$)"),
        "This is the port of CouchDB, which has settings of its own: enable_cors in the section chttpd, and the "
        "section cors.",
    ),
    Responder(
        "settings",
        _hosts("salesforce.com force.com"),
        "Salesforce has a list of its own: Setup, CORS. Its login has a switch of its own there, for OAuth endpoints.",
    ),
    Responder(
        "others",
        _hosts("script.google.com script.googleusercontent.com"),
        "This is a web app of Google Apps Script, which answers no preflight, and shares neither its errors nor its "
        "login. Deploy it for everyone, and send the request without what needs a preflight: Content-Type: text/plain "
        "for the JSON, and no other headers.",
    ),
    Responder(
        "settings",
        re.compile(
            r"https?://[^/?#]+/(?:[^?#]*/)?(?:@vite|@id|@fs|node_modules/\.vite|__webpack_hmr|sockjs-node|_next/webpack-hmr)"
            # The port of Vite, and sources that only a development server answers with.
            r"(?:[/?#]|$)|http://[^/?#]+:(?:5173(?:[/?#]|$)|\d+/(?:[^?#]*\.(?:tsx|jsx|vue|svelte)|src/[^?#]*\.[cm]?ts)(?:[?#]|$))"
        ),
        "This is a development server: allow the page's origin there (Vite, Nuxt: server.cors; webpack: "
        "devServer.headers; Next.js: allowedDevOrigins), or open the page at the address of that server.",
    ),
    Responder(
        "front",
        re.compile(r"https?://[^/?#]+\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:[:/?#]|$)"),
        "API Gateway may answer OPTIONS, and its own errors (403, 429, 5xx), before your code: switch CORS on there "
        "(in a REST API, also for the gateway responses), then deploy.",
    ),
    Responder(
        "front",
        re.compile(r"https?://[^/?#]+\.lambda-url\.[a-z0-9-]+\.on\.aws(?:[:/?#]|$)"),
        "The function URL has CORS settings of its own: use them or your code, not both.",
    ),
    Responder(
        "router",
        _hosts("fly.dev herokuapp.com netlify.app onrender.com railway.app vercel.app"),
        "If the app does not run, or has no such route, the router of {domain} answers in its place, without CORS "
        "headers (404, 405, 502, 503): look at the app's log.",
    ),
    Responder(
        "front",
        _hosts("ngrok.app ngrok.dev ngrok.io ngrok-free.app ngrok-free.dev"),
        "The free plan of ngrok answers browsers with a page of its own, without CORS headers: let the page send the "
        "header ngrok-skip-browser-warning, and allow it.",
    ),
    Responder(
        "front",
        _hosts("app.github.dev gitpod.io"),
        "The port that Codespaces or Gitpod forwards has to be public. Otherwise it redirects to a login, also for a "
        "preflight.",
    ),
    Responder(
        "front",
        _hosts("cloudfront.net"),
        "CloudFront has to pass OPTIONS and the header Origin on (an origin request policy), or to add the headers "
        "itself (a response headers policy). Then invalidate what it has stored.",
    ),
    Responder(
        "front",
        _hosts("cloudfunctions.net run.app"),
        "If the function is not public, Google answers 401 or 403 before it, also to a preflight.",
    ),
    Responder(
        "front",
        _hosts("azurewebsites.net"),
        "Azure has CORS settings of its own for the app, which come before those of your code: use one of the two.",
    ),
    Responder(
        "front",
        _hosts("azure-api.net"),
        "API Management answers before your code: it needs a cors policy in its inbound section.",
    ),
    Responder(
        "others",
        re.compile(
            r"https?://(?:appsync|cognito-identity|cognito-idp|dynamodb|kinesis|lambda|rekognition|sns|sqs|ssm|sts)"
            r"\.[a-z0-9-]+\.(?P<domain>amazonaws\.com)(?:[:/?#]|$)"
        ),
        _OF_OTHERS,
    ),
    Responder(
        "others",
        re.compile(
            r"https?://(?:(?:checkout|billing)\.stripe\.com|"
            r"www\.(?:sandbox\.)?paypal\.com/(?:checkoutnow|cgi-bin/webscr|webapps/hermes))(?:[/?#]|$)"
        ),
        "This is a page on which the user pays, and no script may read it. Let the browser go there (a link, a form, "
        "location.assign(url)), and not fetch() or XMLHttpRequest: answer these with the URL instead of a redirect. "
        '(Hotwire Turbo sends forms by fetch(): data-turbo="false".)',
    ),
    Responder(
        "others",
        _hosts(
            "adyen.com airtable.com alchemy.com alphavantage.co amazon-adsystem.com anthropic.com apple.com "
            "arcgis.com atlassian.com atlassian.net binance.com bing.com braintreegateway.com cloudflare.com "
            "cloudflareinsights.com "
            "cloudinary.com coingecko.com coinmarketcap.com datadoghq.com deepseek.com discord.com doubleclick.net "
            "dropbox.com etherscan.io facebook.com facebook.net fbcdn.net github.com gitlab.com google-analytics.com "
            "google.com googleapis.com googlesyndication.com googletagmanager.com googleusercontent.com "
            "graph.microsoft.com groq.com gstatic.com hcaptcha.com hotjar.com hubspot.com huggingface.co "
            "infura.io instagram.com intercom.io klarna.com linkedin.com live.com mailchimp.com mapbox.com "
            "medium.com mistral.ai mixpanel.com myshopify.com newsapi.org notion.com office.com openai.com "
            "openstreetmap.org openweathermap.org outlook.com paypal.com pinterest.com razorpay.com reddit.com "
            "riotgames.com segment.com segment.io sendgrid.com sentry.io shopify.com slack.com spotify.com "
            "squareup.com steampowered.com stripe.com svc.ms telegram.org tiktok.com trello.com twilio.com "
            "twitch.tv twitter.com wikimedia.org wikipedia.org x.com yahoo.com youtube.com zoom.us"
        ),
        _OF_OTHERS,
    ),
)


def responder_of(url: str, *, is_first: bool = True) -> Responder | None:
    """
    Return who answers *url*, with the words for this URL; None if it may be any application. If *url* is not the
    *first* one, redirects led there, and the page did not request it.
    """
    for place in _RESPONDERS:
        found = place.urls.match(url)
        if found is not None and (place.who not in _FOR_PAGES or is_first):
            named = {name: as_shown(text, _LONGEST_NAME) for name, text in found.groupdict().items() if text}
            return place._replace(words=place.words.format_map(named))
    return None


def place_of(failure: Failure) -> Responder | None:
    """
    Return who answers the URL of *failure*, if the failure is one of CORS, or its list of origins refused a WebSocket;
    None if it may be any application, or the login of one.
    """
    if is_led_to_login(failure):
        return None
    if _is_of_app(failure):
        return _APP
    if failure.reason is Reason.HANDSHAKE_REFUSED:
        # Socket.IO answers 400, too.
        may_judge = status_of(failure) in {"", "403", *(["400"] if "/socket.io/" in failure.url else [])}
        place = responder_of(failure.url) if may_judge else None
        return place if place is not None and place.who == "settings" else None
    # Where the answer lists methods or headers, it is not a page for people.
    is_first = failure.url == failure.first_url and failure.reason not in _AFTER_ORIGIN
    place = responder_of(failure.url, is_first=is_first)
    is_cors = REASONS[failure.reason].kind == "cors"
    return place if place is not None and (is_cors or place.who == "nobody") else None


def has_no_application(failure: Failure) -> bool:
    """
    Whether something other than an application answers, for certain.
    """
    place = place_of(failure)
    return place is not None and place.who not in {"front", "router"}


def must_request_another(message: Message) -> bool:
    """
    Whether the page has to request something else, whatever a server answers.
    """
    failure = message.failure
    if failure is None:
        place = responder_of(message.url)
        return place is not None and place.who == "nobody"
    place = place_of(failure)
    return place is not None and place.who in _FOR_PAGES


def serves_files(message: Message) -> bool:
    """
    Whether a service answers that serves files to every page, for which no page needs a preflight.
    """
    place = responder_of(message.url)
    return place is not None and place.who == "files"


def is_beyond_a_check(message: Message) -> bool:
    """
    Whether a check sends nothing that the URL answers as it answers the page.
    """
    failure = message.failure
    is_of_answer = failure is not None and not failure.is_preflight and failure.reason in CORS_CHECK
    return (is_of_answer and _TOKENS.match(message.url) is not None) or _SCRIPTS.match(message.url) is not None


def fix_at_place(failure: Failure, fix: Fix, assumed: Collection[str]) -> Fix:
    """
    Return *fix*, with what the place needs, or what takes its place where no application answers.
    """
    is_unexplained = failure.reason is Reason.UNREACHABLE and net_error_of(failure) == "CONNECTION_FAILED"
    known = responder_of(failure.url) if is_unexplained else None
    if known is not None and known.is_public_service:
        return Fix(words=_STOPPED)
    if known is not None and known.who == "page":
        return replace(fix, words=f"{known.words} {fix.words}")
    place = place_of(failure)
    fix = _fix_at(place, failure, fix, assumed)
    if _may_load_without_cors(failure, place):
        return replace(fix, words=f"{fix.words} {_FILE_WITHOUT_CORS}")
    return fix


def _may_load_without_cors(failure: Failure, place: Responder | None) -> bool:
    """
    Return whether an element may have loaded a file for which it needs no CORS.
    """
    is_element = failure.initiator != "fetch" or (place is not None and place.who == "files")
    is_of_answer = failure.reason in {Reason.MISSING_ALLOW_ORIGIN, Reason.ALLOW_ORIGIN_MISMATCH}
    is_page = place is not None and place.who in _FOR_PAGES
    return is_element and is_of_answer and not (is_page or failure.is_preflight or is_led_to_login(failure))


def _fix_at(place: Responder | None, failure: Failure, fix: Fix, assumed: Collection[str]) -> Fix:
    if place is None:
        may_be = _may_be_of_others(failure, assumed) and not is_led_to_login(failure)
        more = _not_yours(failure)
        return replace(fix, words=f"{fix.words} {more}") if may_be else fix
    if place.who in _FOR_PAGES:
        return Fix(words=place.words)
    if place.is_public_service and _is_sent_home(failure, assumed):
        return Fix(words=_REDIRECTED, page=fix.page)
    if place.is_public_service:
        return _fix_of_others(failure, place, assumed)
    if place.who == "bucket":
        return _fix_of_bucket(failure, fix)
    if place.who == "settings":
        return _fix_of_settings(failure, place, fix)
    return _fix_in_front(failure, place, fix)


def _not_yours(failure: Failure) -> str:
    """
    Return what to do if the server of *failure* belongs to somebody else.
    """
    if failure.reason is Reason.HEADER_NOT_ALLOWED:
        # What the browser itself adds, no page can leave out.
        return _NOT_YOURS if is_forbidden_request_header(failure.value or "") else _HEADER_NOT_YOURS
    return _PREFLIGHT_NOT_YOURS if failure.reason is Reason.PREFLIGHT_STATUS else _NOT_YOURS


def _fix_in_front(failure: Failure, place: Responder, fix: Fix) -> Fix:
    # What has the header comes from the application, as does a redirect.
    if place.who == "router" and redirect_target(failure) is not None:
        return fix
    may_answer = place.who == "front" or status_of(failure) in {"", "404", "405", "502", "503"}
    is_without = failure.reason is Reason.MISSING_ALLOW_ORIGIN or (failure.reason in OF_STATUS and may_answer)
    return replace(fix, words=f"{fix.words} {place.words}") if is_without else fix


def _fix_of_settings(failure: Failure, place: Responder, fix: Fix) -> Fix:
    words = f"{fix.words} {place.words}"
    if failure.reason in {Reason.MISSING_ALLOW_ORIGIN, Reason.ALLOW_ORIGIN_MISMATCH, *OF_STATUS}:
        words = place.words
    elif failure.reason in _AFTER_ORIGIN:
        words = fix.words
    return replace(fix, words=words, send=_sendable(fix.send), policy={})


def look_at_place(failure: Failure, look: tuple[str, ...]) -> tuple[str, ...]:
    """
    Return what to look at: *look*, or what takes its place where no application answers.
    """
    place = place_of(failure)
    match None if place is None else place.who:
        case "app":
            return ("the address bar, or the start of the app: by which scheme is the page loaded?",)
        case "nobody" | "page":
            return LOOK_IN_CODE
        case "files":
            return ("the URL in its own tab: does it answer with the file?", *look[:1])
        case "others":
            return ("the documentation of the service: may pages request this URL?", *look[:1])
        case "bucket":
            is_of_header = failure.reason is Reason.HEADER_NOT_ALLOWED
            return ("the CORS rules of the bucket: origins, methods, headers", *(look if is_of_header else look[:1]))
        case "settings" if failure.reason not in _AFTER_ORIGIN:
            return ("that server, or its settings: does it share with the page's origin?", *look[:1])
        case _:
            return look


def one_server(origin: str, requested: str) -> str:
    """
    Return how a page on *origin* needs no CORS, if it and the URL *requested* are most likely on one server; empty if
    not.
    """
    page, url = url_of(origin), url_of(requested)
    if page is None or url is None or url.host == ANY_ADDRESS:
        return ""
    target = as_shown(url.origin)
    is_of_port = (page.scheme, page.port) == (url.scheme, url.port)
    if {page.host, url.host} <= _LOCAL_HOSTS and page.host != url.host and is_of_port:
        return (
            f"Page and URL have the same port on this machine, so most likely one server has two names. Open the page "
            f"at {target}, or request a relative URL: then no CORS is needed."
        )
    if page.host.removeprefix("www.") == url.host.removeprefix("www.") and page.host != url.host and is_of_port:
        return (
            "Page and URL differ only by www, so most likely one of the two redirects to the other. Let the page "
            "request a relative URL: then no CORS is needed."
        )
    if page.host != url.host or page.port is not None or url.port is not None:
        return ""
    if (page.scheme, url.scheme) == ("http", "https"):
        return f"Page and URL differ only by https. Load the page over https, too ({target}): then no CORS is needed."
    if (page.scheme, url.scheme) == ("https", "http"):
        return (
            f"Page and URL differ only by https, so they are most likely one server. Let the page request a relative "
            f"URL, or {as_shown(origin)}: then no CORS is needed. If the application writes the URL, and a proxy in "
            "front speaks TLS, tell the application so (X-Forwarded-Proto)."
        )
    return ""


def _may_be_of_others(failure: Failure, assumed: Collection[str]) -> bool:
    """
    Whether the URL is on a public host that is not known to be the page's.
    """
    url = url_of(failure.url)
    is_public = url is not None and url.scheme in HTTP_SCHEMES and address_space(url.host) == "public"
    is_within = "page" not in assumed and is_within_site(failure)
    is_known = "url" not in assumed or (url is not None and url.host != _STAND_IN)
    return REASONS[failure.reason].kind == "cors" and is_public and is_known and not is_within


def _is_sent_home(failure: Failure, assumed: Collection[str]) -> bool:
    """
    Return whether a redirect led from another origin to that of the page, which the page can request without CORS.
    """
    is_redirected = failure.url != failure.first_url and not {"page", "url"} & {*assumed}
    return is_redirected and is_same_origin(failure.page_origin, origin_of(failure.url))


def _is_of_app(failure: Failure) -> bool:
    """
    Return whether no server answers the URL of *failure*, but an app itself, by a scheme of its own.
    """
    scheme = failure.url.partition(":")[0].lower()
    is_of_rule = failure.reason in CORS_CHECK or failure.reason in PREFLIGHT_ONLY
    host = failure.url.partition("://")[2].partition("/")[0]
    # A name with dots belongs to a server, so the scheme is misspelt.
    is_own = scheme not in {*HTTP_SCHEMES, *SOCKET_SCHEMES, *_WITHOUT_SERVER} and "." not in host.strip(".")
    return is_of_rule and is_own and "://" in failure.url


def _fix_of_others(failure: Failure, place: Responder, assumed: Collection[str]) -> Fix:
    """
    Return what a page can do about a public service.
    """
    words, page = place.words, ""
    if is_of_extension(failure.page_origin):
        words = (
            "The page belongs to an extension, which can read this without CORS if its manifest and its user allow it "
            f"(see the note). {words}"
        )
    elif "page" not in assumed and is_within_site(failure):
        words = (
            "Page and server belong to the same public service, so most often a user of it has nothing to change. With "
            "the status 4xx, your key or settings may be the cause."
        )
    elif failure.reason in {Reason.WILDCARD_WITH_CREDENTIALS, Reason.ALLOW_CREDENTIALS_NOT_TRUE}:
        page = NO_COOKIES
    elif failure.sent_origin == NULL and failure.url == failure.first_url:
        words = f"{_NULL_SENT} {words}"
    elif failure.reason is Reason.PREFLIGHT_REDIRECT:
        words = f"{_REDIRECTED} {words}"
    elif failure.reason is Reason.MULTIPLE_ALLOW_ORIGIN:
        words = (
            f"The service sends the header twice, or something on the way adds one: a proxy, an antivirus program, an "
            f"extension of the browser. Try without them.{'' if place.who == 'files' else f' {words}'}"
        )
    elif failure.reason is Reason.ALLOW_ORIGIN_MISMATCH:
        words = (
            'The answer was most likely stored for a page of another origin: does it fail with "Disable cache" ticked, '
            f"too? If not, the service does not send Vary: Origin. {words}"
        )
    elif place.who == "files":
        words, page = _of_file(failure, words)
    elif failure.reason is Reason.HEADER_NOT_ALLOWED and failure.value:
        page = f"leave out the request header {as_shown(failure.value)}"
    return Fix(words=f"{_why_error(status_of(failure))}{_redirect_of(failure)}{words}", page=(page,) if page else ())


def _redirect_of(failure: Failure) -> str:
    target = redirect_target(failure)
    if not isinstance(target, Url) or failure.reason is Reason.PREFLIGHT_REDIRECT:
        return ""
    return f"The service redirects to {as_shown(target.href, _LONGEST_NAME)}. "


def _why_error(status: str) -> str:
    if status < "400":
        return ""
    why = "the answer is an error, and its body may say why."
    if status >= "500" and int(status) in BEFORE_ANY_LAYER:
        why = "the service itself fails. Try again later. If it still fails then:"
    return f"Status {status}: {why} "


def _of_file(failure: Failure, words: str) -> tuple[str, str]:
    """
    Return what to do about a file that a public service gives to every page, and what the page writes.
    """
    if not failure.is_preflight:
        return words, ""
    refused = f" {as_shown(failure.value)}" if failure.reason is Reason.HEADER_NOT_ALLOWED and failure.value else ""
    others = "" if refused else "s that the page, its service worker, or a library adds"
    return _FILE_WITHOUT_PREFLIGHT, f"leave out the request header{refused}{others}"


def _fix_of_bucket(failure: Failure, fix: Fix) -> Fix:
    """
    Return *fix* without what only an application can do, because the storage answers from the rules of its bucket.
    """
    words = f"{_OF_BUCKET} The rules have to list the origin, the method, and the headers that the page sends."
    if failure.reason is Reason.PREFLIGHT_REDIRECT:
        words = (
            "Object storage redirects to the region of the bucket. Let the page request the URL with the region in it "
            "(S3: bucket.s3.REGION.amazonaws.com)."
        )
    elif failure.reason is Reason.PREFLIGHT_STATUS:
        words = (
            f"{_OF_BUCKET} Its status, and the body of the OPTIONS row, say why: a bucket that does not exist, or has "
            "another name, is one reason (404); rules that do not list the origin, the method or a header are another "
            "one (403)."
        )
    elif failure.sent_origin == NULL and failure.url != failure.first_url:
        words = (
            f"The redirect from another origin made the Origin null, so only * in the rules counts. Let the page "
            f"request the last URL. {_OF_BUCKET}"
        )
    elif failure.sent_origin == NULL and failure.reason in {Reason.MISSING_ALLOW_ORIGIN, *OF_STATUS}:
        words = f"{words} For a page without an origin (null), only * in the rules counts: load it from a server."
    elif failure.reason not in {Reason.MISSING_ALLOW_ORIGIN, *OF_STATUS}:
        words = f"{fix.words} {_OF_BUCKET}"
    send = () if failure.reason in OF_STATUS else _sendable(fix.send)
    return replace(fix, words=words, send=send, policy={})


def _sendable(send: tuple[str, ...]) -> tuple[str, ...]:
    """
    Return *send* without Vary, which no settings have: a server of others sends it by itself.
    """
    return tuple(line for line in send if not line.startswith("Vary"))
