"""
Real browsers attack applications that use cookies. Each attack succeeds without protection, and fails with it.
"""

from queue import Queue
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import flask
import pytest
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path as django_path
from fastapi import FastAPI, Request, WebSocket
from kit import engines
from kit.adapters import MIDDLEWARE
from starlette.responses import HTMLResponse

from corsguard.asgi import CORSGuard as ASGIGuard
from corsguard.browser import WireResponse, origin_of
from corsguard.browser.transports import transport_for
from corsguard_flask import CORSGuard

TRUSTED = "https://app.partner.example"
POLICY = {"allow_origins": [TRUSTED], "allow_methods": ["POST", "PUT"], "allow_credentials": True}
COOKIE = "sid=1; Secure; SameSite=None; Path=/"


class Acted(NamedTuple):
    """
    The attack that ran, and whether it carried the cookie of the user.
    """

    attack: str
    has_cookie: bool


ran: list[Acted] = []


def note(attack, cookies):
    ran.append(Acted(attack, "sid" in cookies))


def flask_application(protection):
    app = flask.Flask("attacked")

    @app.route("/", methods=["GET", "POST", "PUT"])
    def index():
        if flask.request.method != "GET":
            note(flask.request.args["by"], flask.request.cookies)
        return flask.Response("<!doctype html>", headers={"Set-Cookie": COOKIE})

    CORSGuard(app, POLICY, protection=protection)
    return app


def fastapi_application(protection):
    app = FastAPI()

    @app.api_route("/", methods=["GET", "POST", "PUT"])
    async def index(request: Request):
        if request.method != "GET":
            note(request.query_params["by"], request.cookies)
        return HTMLResponse("<!doctype html>", headers={"Set-Cookie": COOKIE})

    ASGIGuard(app, POLICY, protection=protection)
    return app


def django_view(request):
    if request.method != "GET":
        note(request.GET["by"], request.COOKIES)
    return HttpResponse("<!doctype html>", headers={"Set-Cookie": COOKIE})


urlpatterns = [django_path("", django_view)]


def django_application(protection):
    settings = {} if protection is None else {"CORSGUARD_PROTECTION": protection}
    overridden = override_settings(
        CORSGUARD=POLICY, MIDDLEWARE=MIDDLEWARE, ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], **settings
    )

    def app(environ, start_response):
        with overridden:
            return get_wsgi_application()(environ, start_response)

    return app


SITE, PLAIN_SITE = "https://api.example.com", "http://api.example.com"
APPLICATIONS = {"flask": flask_application, "django": django_application, "fastapi": fastapi_application}

# Each is called in a page with the URL as its argument, and sends one request that may act.
_FORM = """
    (url, enctype) => {
        const form = Object.assign(document.createElement("form"), { method: "post", action: url, enctype });
        form.append(Object.assign(document.createElement("input"), { name: "amount", value: "1000" }));
        const frame = Object.assign(document.createElement("iframe"), { name: `to${Math.random()}` });
        form.target = frame.name;
        document.documentElement.append(frame, form);
        form.submit();
    }
"""
_FRAME = """
    (url, html, sandbox) => {
        const frame = document.createElement("iframe");
        if (sandbox) frame.sandbox = "allow-scripts allow-forms";
        const form = `<form method=post action="${url}"></form><script>document.forms[0].submit()</script>`;
        if (html === "srcdoc") frame.srcdoc = form;
        else frame.src = `data:text/html,${encodeURIComponent(form)}`;
        document.documentElement.append(frame);
    }
"""
_NO_REFERRER = """
    () => {
        const meta = Object.assign(document.createElement("meta"), { name: "referrer", content: "no-referrer" });
        document.head.append(meta);
    }
"""
_OPEN = """
    (url) => new Promise((resolve) => {
        const socket = new WebSocket(url);
        for (const kind of ["open", "close"]) socket.addEventListener(kind, () => resolve(kind));
    })
"""
ATTACKS = {
    "form": f'(url) => ({_FORM})(url, "application/x-www-form-urlencoded")',
    "multipart form": f'(url) => ({_FORM})(url, "multipart/form-data")',
    "text form": f'(url) => ({_FORM})(url, "text/plain")',
    "form through a redirect": f"(url) => ({_FORM})(`/redirect?to=${{encodeURIComponent(url)}}`)",
    "fetch": '(url) => { fetch(url, { method: "POST", mode: "no-cors", credentials: "include" }); }',
    "beacon": '(url) => { navigator.sendBeacon(url, "{}"); }',
    "sandboxed frame": f'(url) => ({_FRAME})(url, "srcdoc", true)',
    "data frame": f'(url) => ({_FRAME})(url, "data", false)',
}
STRANGER = "https://evil.example/"
# A sibling and another port are foreign too. Their requests differ only in Origin and site.
PAGES = {
    STRANGER: [*ATTACKS],
    "https://b.example.com/": ["form", "fetch"],
    f"{SITE}:8443/": ["form", "fetch"],
    # Anyone on the network may have written a page of plain http.
    f"{PLAIN_SITE}/": ["form", "fetch"],
}

# For a browser, pages of another scheme are of another site.
OTHER_SITES = {STRANGER, f"{PLAIN_SITE}/"}


class Web:
    """
    All servers that a browser can reach: the application at SITE, and an empty page everywhere else.
    """

    def __init__(self):
        self.arrived = Queue()
        self.serve = None

    def __call__(self, request):
        url = urlsplit(request.url)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if origin_of(request.url) in {SITE, PLAIN_SITE}:
            response = self.serve(request)
            if request.method == "POST":
                self.arrived.put(query["by"])
            return response
        if url.path == "/redirect":
            return WireResponse(307, (("Location", query["to"]), ("Content-Length", "0")))
        return WireResponse(200, (("Content-Type", "text/html"),), b"<!doctype html>")

    def attack(self, tab, attack, site=None):
        """
        Return what ran after *attack* by the page in *tab* on *site*, once the server has answered.
        """
        ran.clear()
        name = attack.replace(" ", "-")
        tab.call(ATTACKS[attack], f"{site or SITE}/?by={name}")
        assert self.arrived.get(timeout=60) == name
        return [*ran]


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def visitor(request):
    """
    The name of an engine, a tab of it, and its Web. All tests use it, because a start takes longer than most of them.
    """
    web = Web()
    with engines.proxied(web) as port, getattr(engines, request.param)(port) as tab:
        yield request.param, tab, web


@pytest.mark.browser
@pytest.mark.parametrize("parts", [3, pytest.param(1, marks=pytest.mark.long)])
def test_protection_stops_all_that_a_browser_can_forge(visitor, parts):
    """
    Pages of foreign sites, siblings and other ports act only without protection. The site and the listed page act with
    it.

    Each of the three applications is attacked in one of so many *parts* of all ways, and each in another part.
    """
    engine, tab, web = visitor
    ways = [(page, attack) for page, attacks in PAGES.items() for attack in attacks]
    for number, (name, make) in enumerate(APPLICATIONS.items()):
        bare, protected = (transport_for(make(protection)) for protection in (None, {}))
        web.serve = bare
        tab.visit(f"{SITE}/")
        for page, attack in ways[number % parts :: parts]:
            tab.visit(page)
            web.serve = bare
            (acted,) = web.attack(tab, attack)
            # Within a page of another site, Firefox partitions the cookies of the site.
            assert acted.has_cookie or (engine == "firefox" and page in OTHER_SITES), (name, page, attack)
            web.serve = protected
            assert web.attack(tab, attack) == [], (name, page, attack)
        for page in f"{TRUSTED}/", f"{SITE}/":
            tab.visit(page)
            assert web.attack(tab, "form"), (name, page)


@pytest.mark.browser
def test_on_plain_http_the_origin_alone_is_judged(visitor):
    """
    Browsers send no Sec-Fetch-Site to plain http. There, a page of the site without a referrer is refused. With https
    the browser says that it is of the same site, so it is let in.
    """
    _, tab, web = visitor
    bare, protected = (transport_for(flask_application(protection)) for protection in (None, {}))
    for attack in "form", "fetch":
        tab.visit("http://evil.example/")
        web.serve = bare
        assert web.attack(tab, attack, PLAIN_SITE), attack
        web.serve = protected
        assert web.attack(tab, attack, PLAIN_SITE) == [], attack
    for site in SITE, PLAIN_SITE:
        tab.visit(f"{site}/")
        assert web.attack(tab, "form", site), site
        tab.call(_NO_REFERRER)
        assert bool(web.attack(tab, "form", site)) is (site == SITE)


@pytest.mark.browser
def test_protection_refuses_a_foreign_websocket(visitor):
    """
    Without protection, no policy judges a handshake on a path without a policy.
    """
    _, tab, web = visitor
    seen = []
    for protection in None, {}:
        app = FastAPI()
        app.add_api_route("/", lambda: HTMLResponse("<!doctype html>"))

        @app.websocket("/feed")
        async def feed(websocket: WebSocket):
            await websocket.accept()

        ASGIGuard(app, {"/api": POLICY}, protection=protection)
        web.serve = transport_for(app)
        for page in STRANGER, f"{SITE}/":
            tab.visit(page)
            seen.append(tab.call(_OPEN, f"{SITE.replace('https', 'wss')}/feed"))
    assert seen == ["open", "open", "close", "open"]
