"""
The kit for users' own tests: assertions that explain themselves, realistic attacks, and the fixture.
"""

import asyncio
import re

import flask
import pytest
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.test import Client, override_settings
from django.urls import path
from fastapi import FastAPI
from starlette.testclient import TestClient

from corsguard import CORSMiddleware, CrossOriginProtection, Origin, asgi
from corsguard.browser import Browser, Unreachable
from corsguard.testing import assert_not_shared, assert_shared, assert_shared_with_no_attacker, attack_origins
from corsguard_flask import CORSGuard

APP = "https://app.example.com"
ITEMS = "https://api.example.com/items"
POLICY = {"allow_origins": [APP], "allow_methods": ["GET", "PUT"], "allow_headers": ["Content-Type"]}

pytest_plugins = ["pytester"]


def bare(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Total", "7")])
    return [b"content"]


def elsewhere(environ, start_response):
    start_response("302 Found", [("Access-Control-Allow-Origin", "*"), ("Location", "/")])
    return [b""]


def guarded(**changes):
    return CORSMiddleware(bare, {**POLICY, **changes})


def careless(allows):
    """
    Return an application with hand-written headers. It shares with every origin for which *allows* is true.
    """

    def app(environ, start_response):
        origin = environ.get("HTTP_ORIGIN")
        lines = [] if origin is None or not allows(origin) else [("Access-Control-Allow-Origin", origin)]
        start_response("200 OK", [("Content-Type", "text/plain"), *lines])
        return [b"content"]

    return app


def failure_of(assertion, *arguments, **keywords):
    with pytest.raises(AssertionError) as error:
        assertion(*arguments, **keywords)
    return str(error.value)


def test_a_shared_response_is_returned():
    response = assert_shared(guarded(), page=APP, method="PUT", url=ITEMS, json={"a": 1})
    assert (response.status, response.text()) == (200, "content")
    assert assert_shared(guarded(), page=APP, url=ITEMS).status == 200
    assert assert_shared(Browser(guarded()), page=APP, url=ITEMS).status == 200


def test_a_response_that_is_not_shared_is_an_assertion_error_with_the_reason():
    error = assert_not_shared(guarded(), page="https://evil.example", method="PUT", url=ITEMS)
    assert error.reason == "preflight_missing_allow_origin"


@pytest.mark.parametrize(
    ("changes", "call", "line"),
    [
        ({}, {"method": "PUT", "url": ITEMS, "headers": {"X-Token": "1"}}, 'allow_headers=["Content-Type", "X-Token"]'),
        ({"allow_headers": []}, {"method": "PUT", "url": ITEMS, "json": {}}, 'allow_headers=["Content-Type"]'),
        ({}, {"method": "DELETE", "url": ITEMS}, 'allow_methods=["GET", "PUT", "DELETE"]'),
        ({"allow_origins": ["https://www.example.com"]}, {"url": ITEMS}, f'"{APP}"'),
        ({"allow_origins": "*"}, {"url": ITEMS, "credentials": "include"}, f'allow_origins=["{APP}"]'),
        ({}, {"url": ITEMS, "credentials": "include"}, "allow_credentials=True"),
    ],
)
def test_a_mistake_in_the_policy_is_reported_with_the_line_to_change(changes, call, line):
    told = failure_of(assert_shared, guarded(**changes), page=APP, **call)
    named = " ".join([call[key] for key in ("method", "url") if key in call])
    assert told.startswith(f"{APP} may not read {named}.")
    assert line in told
    assert "has been blocked by CORS policy" in told


def test_unexpected_sharing_is_reported_with_its_cause():
    told = failure_of(assert_not_shared, careless(bool), page="https://evil.example", url=ITEMS)
    assert told == (
        f"https://evil.example may read {ITEMS}: the server answered 200 with Access-Control-Allow-Origin: "
        "'https://evil.example'."
    )
    told = failure_of(assert_not_shared, bare, page=ITEMS, url=ITEMS)
    assert told == f"https://api.example.com may read {ITEMS}: it is the page's own origin."


def test_an_assertion_that_proves_nothing_does_not_pass():
    def down(request):
        raise Unreachable("nobody listens")

    told = failure_of(assert_not_shared, down, page=APP, url=ITEMS)
    assert "proves nothing" in told
    assert "nobody listens" in told
    assert "proves nothing" in failure_of(assert_not_shared, bare, page=APP, method="TRACE", url=ITEMS)
    assert "proves nothing" in failure_of(assert_not_shared, bare, page=APP, url="http://api.example.com/")
    assert "opaque" in failure_of(assert_not_shared, bare, page=APP, url=ITEMS, mode="no-cors")
    for app, kind, init in (
        (bare, "opaque", {"mode": "no-cors"}),
        (elsewhere, "opaqueredirect", {"redirect": "manual"}),
    ):
        told = failure_of(assert_shared, app, page=APP, url=ITEMS, **init)
        assert told == f"{APP} may not read {ITEMS}: the response is {kind}, as the page wanted."


ASSERTIONS = [
    (assert_shared, {"page": APP}),
    (assert_not_shared, {"page": APP}),
    (assert_shared_with_no_attacker, {"origin": APP}),
]


@pytest.mark.parametrize(("assertion", "who"), ASSERTIONS, ids=lambda it: getattr(it, "__name__", ""))
@pytest.mark.parametrize(
    ("url", "meant"),
    [
        (f"PUT {ITEMS}", f"method='PUT', url='{ITEMS}'"),
        (f" PUT  {ITEMS}", f"method='PUT', url='{ITEMS}'"),
        ("/items", "url='https://api.example.com/items'"),
        ("api.example.com/items", "url='https://api.example.com/items'"),
        ("", "url='https://api.example.com/items'"),
    ],
)
def test_a_url_that_is_not_complete_is_an_error_and_not_a_failed_assertion(assertion, who, url, meant):
    # It would be read as a URL of the page's own server, and prove nothing.
    with pytest.raises(ValueError, match="Expected the whole URL") as error:
        assertion(bare, url=url, **who)
    assert str(error.value).endswith(f"got url={url!r}. Write {meant}.")


@pytest.mark.parametrize(("assertion", "who"), ASSERTIONS, ids=lambda it: getattr(it, "__name__", ""))
@pytest.mark.parametrize(
    ("call", "kind", "told"),
    [
        ({"url": ITEMS, "method": f"PUT {ITEMS}"}, ValueError, "is not a method name: write one such as 'PUT'"),
        ({"url": ITEMS, "method": None}, TypeError, "method=None is not a str: write one such as 'PUT'"),
        ({"url": None}, TypeError, "got url=None. Write url='https://api.example.com/items'"),
        ({"url": ITEMS, "to": ITEMS}, TypeError, "unexpected keyword argument 'to'"),
        ({"to": ITEMS}, TypeError, "missing 1 required keyword-only argument: 'url'"),
        ({"method": "PUT"}, TypeError, "missing 1 required keyword-only argument: 'url'"),
    ],
)
def test_arguments_that_describe_no_request_are_refused(assertion, who, call, kind, told):
    with pytest.raises(kind, match=re.escape(told)):
        assertion(bare, **who, **call)


ORIGINS = [
    APP,
    "https://example.com",
    "http://localhost:3000",
    "https://shop.github.io",
    "https://app.example.co.uk:8443",
    "http://[::1]:3000",
    "http://127.0.0.1",
    "capacitor://localhost",
    "https://a.b.c.example.com.",
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_attacks_are_what_they_say(origin):
    attacks = attack_origins(origin)
    texts = [attack.origin for attack in attacks]
    assert len(texts) == len(set(texts))
    assert origin not in texts
    assert len(attacks) > 40
    for attack in attacks:
        assert attack.is_sent == (attack.origin == "null" or Origin.parse(attack.origin) is not None)
        assert str(attack).isprintable()
        assert str(attack).startswith(f"{attack.name}: ")


# The attacks on one origin: those that browsers send, and those that only other clients send.
ATTACKS = r"""
any origin is reflected: https://attacker.example
any origin is reflected, with a port: https://attacker.example:8443
null is trusted: null
the end is not compared: https://www.app.example.com.attacker.example:8443
the end is not compared, without a dot: https://www.app.example.comattacker.example:8443
- ends the comparison: https://www.app.example.com-.attacker.example:8443
- ends the comparison, without a dot: https://www.app.example.com-attacker.example:8443
_ ends the comparison: https://www.app.example.com_.attacker.example:8443
_ ends the comparison, without a dot: https://www.app.example.com_attacker.example:8443
the end is not compared, below a subdomain: https://attacker.example.com.attacker.example:8443
only the beginning of the site is compared: https://example.com.attacker.example:8443
the beginning is not compared: https://attackerwww.app.example.com:8443
the beginning is not compared, after a hyphen: https://attacker-www.app.example.com:8443
the host may be anywhere in the origin: https://attackerwww.app.example.com.attacker.example:8443
the beginning is not compared: https://attackerexample.com:8443
the beginning is not compared, after a hyphen: https://attacker-example.com:8443
the host may be anywhere in the origin: https://attackerexample.com.attacker.example:8443
a part of the origin is enough: https://www.app.example.co:8443
a part of the origin is enough: https://www.app.example.c:8443
a part of the origin is enough: https://www.app.example.:8443
a part of the origin is enough: https://www.app.example:8443
a part of the origin is enough: https://www.app.exampl:8443
a part of the origin is enough: https://www.app:8443
every top-level domain is trusted: https://www.app.example.bid:8443
every top-level domain is trusted: https://www.app.example.ws:8443
every country is trusted: https://www.app.example.com.sb:8443
every country is trusted: https://www.app.example.co.bw:8443
the text between a subdomain and the site is not compared: https://www.app.attackerexample.com:8443
a dot may be absent: https://wwwapp.example.com:8443
a dot may be absent: https://www.appexample.com:8443
a dot may be absent: https://www.app.examplecom:8443
three letters before the site are not compared: https://wwwexample.com:8443
a letter before the name is not compared: https://hexample.com:8443
a letter before the name is not compared: https://hwww.app.example.com:8443
a part of the host is enough: https://xample.com:8443
www. is removed from the middle of a name: https://www.app.exawww.mple.com:8443
the text behind the site's name is not compared: https://www.app.exampleattacker.com:8443
the text behind the site's name is not compared: https://www.app.example7.com:8443
the text in front of the name is not compared: https://attacker--www.app.example.com:8443
every name with the same structure is trusted: https://www-attacker.app.example.com:8443
every name of the same form is trusted: https://jjj.app.example.com:8443
every name of the same form is trusted: https://www.dww.example.com:8443
every name of the same form is trusted: https://www.app.bkdtwsb.com:8443
a dot stands for any character: https://wwwxapp.example.com:8443
a dot stands for any character: https://www.appxexample.com:8443
a dot stands for any character: https://www.app.examplexcom:8443
a dot stands for any character: https://wwwxappxexample.com:8443
every subdomain is trusted: https://attacker.www.app.example.com:8443
every subdomain of the site is trusted: https://attacker.example.com:8443
the site is trusted like its subdomains: https://example.com:8443
every name below the same host is trusted: https://attacker.app.example.com:8443
the scheme is not compared: http://www.app.example.com:8443
the scheme is not compared: chrome-extension://www.app.example.com
the port is not compared: https://www.app.example.com
the port is not compared: https://www.app.example.com:1
the port is not compared: https://www.app.example.com:8497
the port is not compared: https://www.app.example.com:65535
a trailing dot is dropped: https://www.app.example.com.:8443
a name that looks the same: https://www.xn--80a6aa.xn--ml-6kctd8d6a.com:8443

upper case is folded: HTTPS://WWW.APP.EXAMPLE.COM:8443
upper case is folded: https://WWW.APP.EXAMPLE.COM:8443
NULL is read as null: NULL
everything before @ is read as the host: https://www.app.example.com:8443@attacker.example
everything before @ is ignored: https://attacker.example@www.app.example.com:8443
/ does not end the host: https://attacker.example/.www.app.example.com:8443
what follows / is ignored: https://www.app.example.com:8443/attacker
? does not end the host: https://attacker.example?.www.app.example.com:8443
what follows ? is ignored: https://www.app.example.com:8443?attacker
# does not end the host: https://attacker.example#.www.app.example.com:8443
what follows # is ignored: https://www.app.example.com:8443#attacker
\ does not end the host: https://attacker.example\\.www.app.example.com:8443
what follows \ is ignored: https://www.app.example.com:8443\\attacker
a trailing slash is dropped: https://www.app.example.com:8443/
a default port is dropped: https://www.app.example.com:443
an empty port is dropped: https://www.app.example.com:
unprintable characters are dropped: https://www.app.example.com:844 3
what follows an unprintable character is ignored: https://www.app.example.com:8443 attacker.example
unprintable characters are dropped: https://www.app.example.com:844\t3
what follows an unprintable character is ignored: https://www.app.example.com:8443\tattacker.example
unprintable characters are dropped: https://www.app.example.com:844\x003
what follows an unprintable character is ignored: https://www.app.example.com:8443\x00attacker.example
unprintable characters are dropped: https://www.app.example.com:844\x0b3
what follows an unprintable character is ignored: https://www.app.example.com:8443\x0battacker.example
unprintable characters are dropped: https://www.app.example.com:844\x7f3
what follows an unprintable character is ignored: https://www.app.example.com:8443\x7fattacker.example
unprintable characters are dropped: https://www.app.example.com:844\xa03
what follows an unprintable character is ignored: https://www.app.example.com:8443\xa0attacker.example
a list is searched: https://www.app.example.com:8443, https://attacker.example
a list is searched: https://attacker.example, https://www.app.example.com:8443
a list is searched: https://attacker.example https://www.app.example.com:8443
a wildcard is matched backwards: *
a wildcard is matched backwards: https://*
the scheme may be absent: www.app.example.com:8443
the scheme may be absent: //www.app.example.com:8443
the host may be absent: https://
an empty origin is a part of every one:
"""


def test_an_origin_has_these_attacks():
    sent, unsent = ([line for line in half.splitlines() if line] for half in ATTACKS.split("\n\n"))
    attacks = attack_origins("https://www.app.example.com:8443")
    assert [str(attack).rstrip() for attack in attacks if attack.is_sent] == sent
    assert [str(attack).rstrip() for attack in attacks if not attack.is_sent] == unsent


@pytest.mark.parametrize(
    ("origin", "attacks"),
    [
        ("https://example.com", ["every name under the same suffix is trusted: https://attacker.com"]),
        (
            "https://pr-5--shop.netlify.app",
            [
                "every name with the same structure is trusted: https://attacker--shop.netlify.app",
                "every name with the same structure is trusted: https://pr-5--attacker.netlify.app",
                "every name with the same structure is trusted: https://pr-attacker.netlify.app",
                "every name with the same structure is trusted: https://attacker-shop.netlify.app",
            ],
        ),
        (
            "https://deploy-12--a1b2c3.netlify.app",
            [
                "every name of the same form is trusted: https://deploy-445--a1b2c3.netlify.app",
                "every name of the same form is trusted: https://deploy-12--d4e5f6.netlify.app",
                "every name of the same form is trusted: https://abwsvl-12--a1b2c3.netlify.app",
            ],
        ),
        # Names at shared hosting have one owner each, and the host has no other name below it.
        (
            "https://shop.z6.web.core.windows.net",
            ["every name under the same suffix is trusted: https://attacker.z6.web.core.windows.net"],
        ),
        ("https://shop.co.nz", ["every country is trusted: https://shop.co.bw"]),
        ("http://a.example:3000", ["the end of the port is not compared: http://a.example:30000"]),
        (
            "https://my-app.grey-heron.example:8443",
            ["a hyphen may be absent: https://my-app.greyheron.example:8443"],
        ),
        ("https://a-b.ngrok-free.app", ["a hyphen may be absent: https://ab.ngrok-free.app"]),
        ("https://t.co", ["a part of the origin is enough: https://t", "the scheme is not compared: http://t.co"]),
        (
            "http://a.example",
            ["the scheme is not compared: https://a.example", "the port is not compared: http://a.example:7531"],
        ),
        ("http://a.example", ["a default port is dropped: http://a.example:80"]),
        ("https://a.example.", ["every subdomain is trusted: https://attacker.a.example."]),
        (
            "http://[::1]:3000",
            ["an empty port is dropped: http://[::1]:", "a default port is dropped: http://[::1]:80"],
        ),
        ("capacitor://localhost", ["the scheme is not compared: https://localhost"]),
    ],
)
def test_attacks_depend_on_the_origin(origin, attacks):
    assert set(attacks) <= {str(attack) for attack in attack_origins(origin)}


# Each careless comparison, and an attack that finds it. Others made these mistakes (class 1A).
CARELESS = {
    "any origin is reflected": lambda origin: True,
    "null is trusted": lambda origin: origin in {APP, "null"},
    "the end is not compared": lambda origin: origin.startswith(APP),
    "- ends the comparison": lambda origin: re.match(r"https://app\.example\.com\b", origin),
    "the beginning is not compared": lambda origin: origin.endswith("example.com"),
    "the host may be anywhere in the origin": lambda origin: "app.example.com" in origin,
    "a part of the origin is enough": lambda origin: origin in APP,
    "a dot stands for any character": lambda origin: re.fullmatch("https://app.example.com", origin),
    "a dot may be absent": lambda origin: re.fullmatch(r"https://app\.?example\.com", origin),
    "a letter before the name is not compared": lambda origin: re.sub("^[htps:/]*", "", origin) == APP[8:],
    "www. is removed from the middle of a name": lambda origin: origin.replace("www.", "") == APP,
    "a part of the host is enough": lambda origin: APP.endswith(origin.removeprefix("https://")),
    "the text between a subdomain and the site is not compared": lambda origin: re.fullmatch(
        r"https://app[.].*example\.com|https://app\.example\.com", origin
    ),
    "the text behind the site's name is not compared": lambda origin: re.sub(r"\d", "", origin) == APP,
    "every subdomain is trusted": lambda origin: origin == APP or origin.endswith(".app.example.com"),
    "every subdomain of the site is trusted": lambda origin: re.fullmatch(r"https://(\w+\.)*example\.com", origin),
    "the site is trusted like its subdomains": lambda origin: origin in {APP, "https://example.com"},
    "the scheme is not compared": lambda origin: origin.partition("://")[2] == "app.example.com",
    "the port is not compared": lambda origin: re.fullmatch(r"https://app\.example\.com(:\d+)?", origin),
    "a trailing dot is dropped": lambda origin: origin.rstrip(".") == APP,
    "a name that looks the same": lambda origin: origin == APP or ".xn--" in origin,
    "upper case is folded": lambda origin: origin.lower() == APP,
    "NULL is read as null": lambda origin: origin in {APP, "NULL"},
    "everything before @ is ignored": lambda origin: origin.rpartition("@")[2] in {APP, "app.example.com"},
    "a trailing slash is dropped": lambda origin: origin.rstrip("/") == APP,
    "a default port is dropped": lambda origin: origin.removesuffix(":443") == APP,
    "unprintable characters are dropped": lambda origin: "".join(c for c in origin if "!" <= c <= "~") == APP,
    "a list is searched": lambda origin: APP in re.split("[ ,]+", origin),
    "an empty origin is a part of every one": lambda origin: origin in {APP, ""},
}


@pytest.mark.parametrize("mistake", CARELESS)
def test_every_mistake_is_found_and_named(mistake):
    told = failure_of(assert_shared_with_no_attacker, careless(CARELESS[mistake]), origin=APP, url=ITEMS)
    assert f"\n{mistake}" in told


def test_a_careful_application_shares_with_no_attacker():
    assert_shared_with_no_attacker(guarded(), origin=APP, method="PUT", url=ITEMS, json={})
    assert_shared_with_no_attacker(Browser(guarded()), origin=APP, url=ITEMS)
    assert_shared_with_no_attacker(
        guarded(allow_origins=["https://*.example.com"]), origin=APP, url=ITEMS, allowed=["https://*.example.com"]
    )
    assert_shared_with_no_attacker(
        guarded(allow_origins=["http://localhost:3000"]), origin="http://localhost:3000", url="http://localhost:8000/"
    )
    assert_shared_with_no_attacker(
        guarded(allow_credentials=True), origin=APP, url="https://example.com/items", credentials="include"
    )


def test_sharing_with_nobody_proves_nothing():
    told = failure_of(assert_shared_with_no_attacker, careless(lambda origin: False), origin=APP, url=ITEMS)
    assert told.startswith(f"{APP} may not read {ITEMS}.")


def test_origins_that_no_browser_sends_are_marked():
    told = failure_of(assert_shared_with_no_attacker, careless(CARELESS["upper case is folded"]), origin=APP, url=ITEMS)
    assert "upper case is folded: HTTPS://APP.EXAMPLE.COM (no browser sends this)" in told
    told = failure_of(assert_shared_with_no_attacker, careless(CARELESS["null is trusted"]), origin=APP, url=ITEMS)
    assert f"{ITEMS} is shared with origins other than {APP} (1):\nnull is trusted: null\n" in told


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "null", "https://*.example.com"])
def test_a_text_that_is_not_an_origin_has_no_attacks(origin):
    with pytest.raises(ValueError, match="Expected a serialized origin"):
        attack_origins(origin)


# Frameworks, and their own test clients next to the kit.


def flask_app():
    app = flask.Flask("kit")
    app.testing = True
    CORSGuard(app, POLICY)

    @app.get("/items")
    def items():
        return {"items": []}

    return app


def items(request):
    return JsonResponse({"items": []})


urlpatterns = [path("items", items)]
DJANGO = {"ROOT_URLCONF": __name__, "CORSGUARD": POLICY, "ALLOWED_HOSTS": ["api.example.com", "testserver"]}


def test_the_test_client_of_flask_stays_usable():
    app = flask_app()
    assert assert_shared(app, page=APP, url=ITEMS).json() == {"items": []}
    assert app.test_client().get("/items", headers={"Origin": APP}).headers["Access-Control-Allow-Origin"] == APP


def test_the_test_client_of_django_stays_usable():
    with override_settings(**DJANGO):
        assert assert_shared(get_wsgi_application(), page=APP, url=ITEMS).json() == {"items": []}
        response = Client().get("/items", headers={"Origin": APP})
        assert response.headers["Access-Control-Allow-Origin"] == APP


def starlette_guarded():
    app = FastAPI()
    asgi.CORSGuard(app, POLICY)
    return app


def starlette_wrapped():
    return asgi.CORSMiddleware(FastAPI(), POLICY)


def starlette_added():
    app = FastAPI()
    app.add_middleware(asgi.CORSMiddleware, policy=POLICY)
    return app


def routes_of(app):
    """
    Return *app* as it is served. It has two routes: one answers, and one raises.
    """
    routed = getattr(app, "app", app) if isinstance(app, asgi.CORSMiddleware) else app

    @routed.put("/items")
    def items():
        return {"items": []}

    @routed.get("/broken")
    def broken():
        raise RuntimeError("broken on purpose")

    return app


@pytest.mark.parametrize("make", [starlette_guarded, starlette_wrapped, starlette_added])
def test_a_fastapi_application_is_taken_in_each_way_that_it_is_guarded_in(make):
    """
    Its own client stays usable.
    """
    app = routes_of(make())
    assert assert_shared(app, page=APP, url=ITEMS, method="PUT", json={}).json() == {"items": []}
    assert assert_shared(app, page=APP, url=f"{ITEMS}/nowhere").status == 404
    assert_not_shared(app, page="https://evil.example", url=ITEMS, method="PUT", json={})
    assert_shared_with_no_attacker(app, origin=APP, url=ITEMS, method="PUT", json={})
    answer = TestClient(app).put("/items", headers={"Origin": APP})
    assert answer.headers["Access-Control-Allow-Origin"] == APP


@pytest.mark.parametrize("make", [starlette_guarded, starlette_wrapped])
def test_the_500_of_an_exception_is_a_response(make, caplog):
    app = routes_of(make())
    assert assert_shared(app, page=APP, url="https://api.example.com/broken").status == 500
    (record,) = caplog.records
    assert "the response was sent before that" in record.getMessage()
    assert "broken on purpose" in str(record.exc_info[1])


def test_a_500_without_the_headers_is_not_shared():
    told = failure_of(assert_shared, routes_of(starlette_added()), page=APP, url="https://api.example.com/broken")
    assert "has no Access-Control-Allow-Origin" in told


def test_an_asynchronous_test_may_use_the_assertions():
    async def ask():
        return assert_shared(routes_of(starlette_guarded()), page=APP, url=ITEMS, method="PUT", json={}).status

    assert asyncio.run(ask()) == 200


USES = """
def test_items(cors_browser):
    page = cors_browser.open("https://app.example.com")
    assert page.fetch("https://api.example.com/items").json() == {"items": []}
"""
APP_FIXTURE = f"""
import pytest
from corsguard_flask import CORSGuard
from flask import Flask


@pytest.fixture
def app():
    app = Flask("kit")
    CORSGuard(app, {POLICY})
    app.get("/items")(lambda: {{"items": []}})
    return app
"""
PROJECT = f"""
from django.http import JsonResponse
from django.urls import path

SECRET_KEY = "tests only"
ALLOWED_HOSTS = ["api.example.com"]
ROOT_URLCONF = "project"
MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"]
CORSGUARD = {POLICY}
urlpatterns = [path("items", lambda request: JsonResponse({{"items": []}}))]
"""


def test_the_fixture_uses_the_app_fixture(pytester):
    pytester.makepyfile(APP_FIXTURE + USES)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_fixture_finds_the_django_project(pytester, monkeypatch):
    pytester.makepyfile(project=PROJECT, test_items=USES)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "project")
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_the_fixture_without_an_application_says_what_to_do(pytester):
    pytester.makepyfile(USES)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*cors_browser found no application. Define a fixture `app` *"])


@pytest.mark.parametrize(
    ("app", "init"),
    [
        (careless(bool), {"mode": "no-cors"}),
        (lambda environ, start_response: 1 / 0, {}),
        (
            lambda environ, start_response: (
                start_response("302 Found", [("Location", "/again"), ("Access-Control-Allow-Origin", "*")]) and []
            ),
            {},
        ),
    ],
)
def test_an_error_of_another_kind_proves_nothing(app, init):
    assert failure_of(assert_not_shared, app, page=APP, url=ITEMS, **init)


def test_the_fixture_does_not_hide_a_mistake_in_the_app_fixture(pytester):
    pytester.makepyfile("import pytest\n\n\n@pytest.fixture\ndef app(nonexistent):\n    pass\n" + USES)
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(["*fixture 'nonexistent' not found*"])


def test_a_response_that_protection_refuses_is_not_shared():
    """
    The 403 can be read, but nothing ran. The assertion fails, and says what lets the page act.
    """
    policy = {"allow_origins": [APP]}
    refusing = CORSMiddleware(bare, policy, protection=CrossOriginProtection())
    assert_shared(refusing, page=APP, url=ITEMS)
    with pytest.raises(AssertionError, match=r"the 403 of cross-origin protection \(same-site\)") as caught:
        assert_shared(refusing, page=APP, url=ITEMS, method="POST")
    assert "allow_credentials=True" in str(caught.value)
    trusting = CORSMiddleware(bare, policy | {"allow_credentials": True}, protection=CrossOriginProtection())
    assert_shared(trusting, page=APP, url=ITEMS, method="POST")
