"""
The manual is true. The code of each page runs from top to bottom and prints what the page shows. Its tables are made
from the code, its links lead to existing pages, and a question leads to its page.
"""

import os
import re
import tomllib
from unittest import mock

import pytest
from code_pages import PAGES as CODE_PAGES
from code_pages import page
from documents import MANUAL, PAGES, README, ROOT, SESSION, Document, play, tables, tables_in, text_of
from kit.serving import needed

from corsguard import Policies, Policy, negotiate
from corsguard.configuration import Configuration
from corsguard.manual import CONTENTS, page_of, part_of_code, part_of_link, pointed_to, search, topics

# These pages are also about packages of the extra `around`.
AROUND = [pytest.mark.around, pytest.mark.filterwarnings("ignore:jsonschema:DeprecationWarning")]
ALL = [pytest.param(path, marks=AROUND) if path.stem in {"frameworks", "recipes"} else path for path in PAGES]
# Modules of an extra that a block needs. They come at the end of a page, so that all earlier blocks run without them.
OF_EXTRAS = {"channels": "servers", **dict.fromkeys(("ninja", "connexion", "pydantic_settings"), "around")}
OF_EXTRAS |= dict.fromkeys(("flask_limiter", "django_ratelimit"), "around")
IMPORTED = re.compile(rf"^(?:from|import) ({'|'.join(OF_EXTRAS)})\b", re.MULTILINE)
LINK = re.compile(r"\[[^]]*\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
SESSIONS = [(path, *found) for path in (README, *PAGES) for found in SESSION.findall(text_of(path))]
FILES = [code for path in (README, *PAGES) for language, code, _ in Document(path).blocks if language == "toml"]


def need_extras(code):
    for name in IMPORTED.findall(code):
        needed(name, OF_EXTRAS[name])


@mock.patch.dict(os.environ)
@pytest.mark.parametrize("path", [README, *ALL], ids=lambda path: path.stem)
def test_the_code_of_a_page_prints_what_the_page_shows(path):
    for code, shown, printed in Document(path).run(before=need_extras):
        assert printed == shown, code


@pytest.mark.parametrize(("path", "command", "output"), SESSIONS, ids=lambda part: getattr(part, "stem", None))
def test_every_command_prints_what_the_page_shows(path, command, output):
    assert play(command) == output, f"{path.name}: python tests/house/documents.py writes it anew"


def test_the_most_useful_commands_are_in_the_manual():
    assert {command.split()[1] for _, command, _ in SESSIONS} >= {"check", "explain", "audit"}


@pytest.mark.parametrize("content", FILES)
def test_every_shown_file_is_read_without_a_warning(content):
    said = tomllib.loads(content)
    for environment in said.get("environments", [None]):
        configuration = Configuration.from_mapping(said, environment)
        assert configuration.warnings == ()
        assert Policies(configuration)


@pytest.mark.parametrize("name", CODE_PAGES)
def test_the_pages_of_codes_are_made_from_the_code(name):
    assert text_of(MANUAL / f"{name}.md") == page(name), "python tests/house/documents.py writes it anew"


def test_the_tables_are_made_from_the_code():
    written = {name: body for path in (README, *PAGES) for name, body in tables_in(text_of(path)).items()}
    for name, made in tables().items():
        assert written[name] == made, "python tests/house/documents.py writes it anew"


def test_the_contents_list_every_page_once():
    assert sorted(topics()) == [path.stem for path in PAGES]
    assert len(set(topics())) == len(topics())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_begins_with_what_the_reader_can_do_after_it(path):
    first = text_of(path).split("\n\n")[1]
    assert first.startswith("After this page ") or path.stem in {CONTENTS, "questions"}, first


def anchors_of(path):
    """
    Return the anchors of *path*: the texts that may follow `#` in a link, as GitHub makes them of headings.
    """
    text = re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


DOCUMENTS = [README, *PAGES, *(ROOT / name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"))]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_link_leads_to_an_existing_page_and_heading(path):
    text = re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL)
    for target, anchor in LINK.findall(text):
        if target.startswith(("https://", "mailto:")):
            continue
        found = path.parent / target if target else path
        assert found.exists(), target
        assert not anchor or anchor in anchors_of(found), f"{target}#{anchor}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_named_file_exists(path):
    for name in re.findall(r"`((?:examples|tests|corsguard)/[\w./-]+)`", text_of(path)):
        assert (ROOT / name).exists(), name


QUESTIONS = {
    "cookies are not sent": {"questions", "start"},
    "swagger try it out": {"questions"},
    "429 without headers": {"questions", "recipes"},
    "works in Postman": {"questions"},
    "preflight 401": {"questions"},
    "OPTIONS returns 405": {"questions"},
    "500 error has no cors headers": {"questions", "wsgi"},
    "localhost port 5173 vite": {"questions"},
    "allow all subdomains": {"policy", "questions"},
    "regular expression": {"questions", "policy", "moving"},
    "csrf verification failed patch": {"start", "questions"},
    "authorization bearer token": {"start", "questions"},
    "origins from a database": {"origins", "questions"},
    "move from flask-cors": {"moving", "questions"},
    "nginx in front": {"gateways", "questions"},
    "download file name content-disposition": {"start"},
    "websocket 403": {"websockets", "questions"},
    "capacitor app": {"questions", "policy"},
    "how do I test cors": {"testing", "questions"},
    "rate limit by origin": {"recipes"},
    "prometheus metrics": {"refusals", "recipes"},
    "multiple values Access-Control-Allow-Origin": {"questions", "blocked"},
    "different policy for one view": {"policies", "flask", "django", "asgi"},
    "environment variables": {"configuration"},
    "write an adapter": {"adapters"},
    "csrf attacks": {"protection", "questions"},
    "my login works locally but not in production": {"start", "questions"},
    "safari does not keep me logged in": {"start", "questions"},
    "TypeError Failed to fetch": {"questions", "blocked"},
    "preflight request doesn't pass access control check": {"questions", "blocked"},
    "strict-origin-when-cross-origin": {"questions"},
    "fetch returns opaque response no-cors": {"questions"},
    "why are there two requests OPTIONS and GET": {"questions", "policy"},
    "allow every origin for a public api": {"questions", "policy"},
    "different settings for staging and production": {"configuration", "questions"},
    "only protect /api not the html pages": {"policies", "questions"},
    "docker container hostname": {"questions"},
    "does it work with gunicorn workers": {"reliability", "questions"},
    "how fast is it": {"questions", "reliability", "inside"},
    "report to sentry": {"refusals", "questions"},
    "axios delete request blocked": {"questions", "policy"},
    "access my api from file:// html": {"questions"},
    "react app on port 3000": {"questions"},
    "wildcard subdomain with cookies": {"questions", "policy"},
    "which python version is supported": {"start", "questions"},
    "cookie is set but not saved": {"start", "questions"},
    "which error codes are there": {"errors"},
    "missing Access-Control-Allow-Origin on error pages": {"asgi", "gateways", "questions", "wsgi"},
    "logging level": {"refusals"},
    "why does OPTIONS not have an authorization header": {"questions", "start"},
    "cors not working": {"blocked", "questions", "start"},
    "fastapi add_middleware cors order": {"asgi"},
    "frontend sends jwt but request is blocked": {"questions", "start"},
    "Access-Control-Allow-Headers star authorization does not work": {"policy", "questions", "start"},
    "django rest framework patch 403": {"questions", "start"},
    "flask blueprint own origins": {"flask", "policies"},
    "header appears twice nginx and app": {"blocked", "gateways", "headers-by-hand", "questions"},
    "cloudflare caches response for wrong origin": {"gateways", "questions", "reliability"},
    "cdn vary origin": {"gateways", "questions", "reliability"},
    "reload allowed origins without restart": {"origins", "questions"},
    "update origins on all servers redis": {"origins"},
    "one api for many customers with their own domains": {"questions", "tenants"},
    "vercel preview url": {"policy", "questions"},
    "what does E301 mean": {"errors"},
    "list of all warnings": {"errors"},
    "which reasons can a NetworkError have": {"reasons"},
    "how do I turn on debug logs": {"refusals"},
    "alert when an origin is blocked": {"questions", "refusals"},
    "pytest fixture": {"testing"},
    "test without a running server": {"testing"},
    "check a staging server from the command line": {"commands", "diagnosis"},
    "har file": {"commands", "diagnosis"},
    "pre-commit hook": {"commands", "gateways"},
    "sarif github code scanning": {"audit", "commands"},
    "pentest my api": {"audit"},
    "haproxy config": {"gateways"},
    "s3 bucket cors": {"gateways", "questions"},
    "envoy cors filter": {"gateways"},
    "502 from proxy no cors header": {"gateways", "questions"},
    "gevent deadlock": {"reliability"},
    "gunicorn preload stale origins": {"reliability"},
    "memory leak": {"reliability"},
    "connection closed after preflight 204": {"policy", "reliability"},
    "what happens if redis is down": {"origins", "reliability"},
    "socket.io cors_allowed_origins": {"websockets"},
    "django channels AllowedHostsOriginValidator": {"websockets"},
    "websocket closes with code 1006": {"reasons", "websockets"},
    "payment provider form post is refused": {"protection"},
    "saml callback 403": {"protection"},
    "samesite none cookie": {"questions", "start"},
    "dns rebinding": {"protection", "websockets"},
    "content security policy connect-src": {"neighbours"},
    "corp coep coop": {"neighbours"},
    "SharedArrayBuffer needs crossOriginIsolated": {"neighbours"},
    "transferSize is 0 resource timing": {"neighbours", "policy"},
    "is flask-cors vulnerable": {"security"},
    "CVE-2024-6221": {"security"},
    "starlette allow_origin_regex": {"moving"},
    "CORS_ALLOWED_ORIGINS": {"django", "moving"},
    "after_request sets headers manually": {"headers-by-hand"},
    "use it with sanic or aiohttp": {"adapters", "asgi"},
    "django ninja": {"frameworks"},
    "flask-restx decorators": {"frameworks"},
    "mcp server": {"protection", "recipes"},
    "fonts are blocked": {"questions", "recipes"},
    "toml config file example": {"configuration"},
    "allowed origins from docker env vars": {"configuration"},
    "cache preflight longer": {"policy", "questions"},
    "EventSource withCredentials": {"start"},
    "try a policy in my own browser": {"playground"},
    "angular app gets 0 unknown error": {"blocked", "diagnosis", "questions"},
    "why is my POST sent twice": {"policy", "questions"},
    "allow origin for chrome extension": {"policy", "questions"},
    "server sent events blocked": {"questions", "start"},
    "login redirects and the browser complains about preflight redirect": {"blocked", "questions", "reasons"},
    "starlette 500 no headers add_middleware": {"asgi", "questions"},
    "hypercorn http2": {"reliability"},
    "does it work with uwsgi gevent": {"origins", "reliability"},
    "how do I protect against csrf without tokens": {"protection", "questions"},
    "exempt webhook path": {"protection"},
    "only report, do not block yet": {"protection"},
    "close one endpoint": {"asgi", "flask", "policies", "questions"},
    "fastapi different origins for one route": {"asgi", "policies"},
    "flask MethodView decorator": {"flask", "frameworks"},
    "use jwt with django rest framework": {"questions", "start"},
    "csrf token cookie other domain": {"django", "questions", "start"},
    "read Content-Disposition in javascript": {"questions", "start"},
    "opentelemetry": {"recipes", "refusals"},
    "unit test that a stranger can't read": {"testing"},
    "is it thread safe": {"reliability"},
    "cache poisoning": {"findings", "reliability", "security"},
    "nginx proxy_cache_key": {"reliability"},
    "export to caddy": {"commands", "gateways"},
    "istio or traefik": {"gateways"},
    "explain a firefox console message in german": {"commands", "diagnosis"},
    "scan all urls of my site": {"audit"},
    "what does CG-A012 mean": {"findings"},
    "W902 middleware order": {"django", "errors"},
    "which browsers limit max age": {"policy", "questions"},
    "allow http origin with cookies": {"errors", "policy", "questions"},
    "ip address as origin": {"policy", "questions"},
    "sqlalchemy async origins": {"asgi", "origins", "tenants"},
    "tenant store database host": {"tenants"},
    "proxy changes host header": {"gateways", "protection", "tenants", "websockets"},
    "replace flask-cors resources dict": {"moving"},
    "remove old cors middleware": {"django", "headers-by-hand", "moving"},
    "image blocked by ORB": {"diagnosis", "neighbours", "questions", "reasons"},
    "pydantic settings list of origins": {"frameworks"},
    "benchmark against other libraries": {"inside", "questions"},
    "public and internal import what may I import": {"inside"},
    "svelte dev server cannot fetch": {"questions"},
    "my header is missing in javascript response": {"questions", "start"},
    "how to log only refusals": {"refusals"},
    "uvicorn reload lost requests": {"reliability"},
    "varnish cache vary": {"gateways", "reliability"},
    "kubernetes ingress cors": {"gateways"},
    "add a tenant at runtime": {"tenants"},
    "which test helper fails when shared with attackers": {"testing"},
    "django admin form 403 null origin": {"errors", "protection"},
    "referrer policy no-referrer": {"errors", "neighbours", "protection"},
    "who may open a websocket": {"websockets"},
    "litestar or quart": {"asgi", "start"},
    "django channels": {"websockets"},
    "overlapping prefixes which policy wins": {"policies"},
    "encoded slash in path": {"policies", "reliability"},
    "options of the check command": {"commands"},
    "exit code of lint": {"commands"},
    "share timing": {"errors", "neighbours", "policy"},
    "expose all headers": {"policy", "questions"},
    "what is a preflight": {"policy", "questions"},
    "different policy for admin": {"asgi", "django", "flask", "policies"},
    "websocket who can connect": {"websockets"},
    "allow all headers": {"policy"},
    "nginx duplicate header allow origin": {"blocked", "gateways", "headers-by-hand", "questions"},
    "why 403 on options": {"blocked", "questions"},
    "decorator order flask": {"flask"},
    "allow_orgins": {"policy"},
    "which policy wins, the decorator or the global one": {"adapters", "asgi", "django", "flask", "policies"},
    "flask decorator for one route": {"flask", "moving", "policies", "questions"},
    "django decorator class based view": {"django", "frameworks", "policies"},
    "websocket allowed origins": {"asgi", "websockets"},
    "allow all methods": {"policy"},
    "custom response header is undefined in javascript": {"policy", "questions", "start"},
    "preflight returns 403": {"blocked", "questions"},
    "haproxy strips the origin header": {"gateways"},
    "redis origins are not refreshed": {"origins", "reliability"},
    "django settings example": {"configuration", "django", "start"},
    "fastapi exception handler 500 no headers": {"asgi", "questions"},
    "starlette websocket policy": {"asgi", "websockets"},
    "where do I see why a request was refused": {"blocked", "questions", "refusals"},
    "different origins by host name": {"policies", "tenants"},
    "credentials with a wildcard are not possible": {"errors", "playground", "policy", "questions", "reasons"},
    "subdomain takeover": {"audit", "errors", "findings", "policy", "questions", "security"},
    "copy a request as curl": {"commands", "diagnosis", "playground"},
    "allow private network access": {"errors", "questions"},
    "lambda api gateway": {"gateways", "questions"},
    "apache config export": {"gateways"},
    "test a flask app with pytest": {"testing"},
    "new customer domain without deploy": {"origins", "questions", "tenants"},
    "preflight cache duration": {"policy", "questions"},
    "allow_credentails": {"errors", "policy", "questions", "start"},
    "django-cors-headers setting names": {"django", "moving"},
    "null origin iframe sandbox": {"errors", "playground", "policy", "questions"},
    "electron app origin": {"policy", "questions"},
    "block cross origin post without a token": {"protection", "questions"},
    "toml file with hosts and paths": {"configuration", "policies", "tenants"},
    "flask socketio cors": {"websockets"},
    "400 bad request invalid host header": {"protection"},
    "cookie shows up in devtools but is not sent": {"questions"},
    "works in curl but the browser says 401": {"questions"},
    "csrf token missing or incorrect after login": {"questions", "start"},
    "ASGI callable returned without completing handshake": {"websockets"},
    "app.localhost and api.localhost cookies": {"start"},
    "OPTIONS request fails before my auth middleware": {"questions"},
    "log shows nothing when a request is blocked": {"questions", "refusals"},
    "chrome blocks third-party cookies": {"questions", "start"},
    "works on http but not on https": {"questions"},
    "do I need cors on the same domain with a different port": {"questions"},
    "two frontends with different permissions": {"questions"},
    "change allowed origins at runtime": {"questions"},
    "vue dev server proxy": {"questions"},
    "render or heroku deployment url": {"questions"},
    "allow all origins but with login": {"questions"},
    "why is a preflight sent on every request": {"questions"},
    "flask session does not persist in react": {"questions"},
    "cookies work in firefox but not in chrome": {"questions"},
    "net::ERR_FAILED 200 (OK)": {"questions"},
    "which headers are sent": {"policy", "questions"},
    "allow only GET": {"questions"},
    "401 response has no cors headers": {"questions"},
    "logout does not delete the cookie": {"questions"},
    "is * safe for a public api": {"questions"},
    "same-site or same-origin": {"questions"},
    "cookies between localhost ports": {"questions", "start"},
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_leads_to_its_page(question):
    assert search(question)[0].page in QUESTIONS[question], [(part.page, part.title) for part in search(question)[:4]]


def test_a_search_stays_within_a_page():
    assert {part.page for part in search("vary", within="gateways")} == {"gateways"}


@pytest.mark.parametrize("query", ["", "xyzzy", "how do I", "\x1b[2J", 10_000 * "a "])
def test_a_question_without_content_finds_nothing(query):
    assert search(query) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("e203", ("errors", "E203")),
        ("corsguard.E203", ("errors", "E203")),
        ("W902", ("errors", "corsguard.W902")),
        # It is a code of Flask and of Django.
        ("W908", ("errors", "W908")),
        ("corsguard.W908", ("errors", "corsguard.W908")),
        ("CG-A001", ("findings", "CG-A001")),
        ("two-layers", ("reasons", "two-layers")),
        ("missing_allow_origin", ("reasons", "missing_allow_origin")),
    ],
)
def test_a_code_has_a_part(code, found):
    part = part_of_code(code)
    assert part is not None
    assert (part.page, part.title) == found


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("start.md#flask", "Flask"),
        ("start#flask", "Flask"),
        ("asgi.md#why-not-appadd_middleware", "Why not app.add_middleware"),
        ("policy.md", "The policy"),
        ("start.md#nowhere", None),
        ("nowhere.md", None),
    ],
)
def test_a_link_names_a_part(link, found):
    part = part_of_link(link)
    assert (part and part.title) == found


def test_a_part_that_only_refers_to_another_says_which():
    (part,) = [part for part in search("public api") if part.title == "A public API: allow every origin"]
    assert pointed_to(part) == part_of_link("policy.md#keywords")
    # A part that says more is complete by itself.
    (part,) = [part for part in search("OPTIONS 401") if part.title == "The page gets 401 for OPTIONS"]
    assert pointed_to(part) is None


@pytest.mark.parametrize("code", ["E000", "", "Errors and warnings", "corsguard."])
def test_an_unknown_code_has_no_part(code):
    assert part_of_code(code) is None


def test_a_page_is_read_whole():
    assert page_of("start") == text_of(MANUAL / "start.md")


def rows(heading):
    text = text_of(MANUAL / "policy.md").partition(heading)[2]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_keywords_names_them_all_in_order():
    named = [row[0].strip("`") for row in rows("## Keywords")]
    assert named == [name for name, field in Policy.__dataclass_fields__.items() if field.init]


@pytest.mark.parametrize("row", rows("## Origin patterns"), ids=lambda row: row[0].split("`")[1])
def test_a_pattern_covers_the_origins_in_its_row(row):
    pattern = re.findall("`(.*?)`", row[0])[0]
    policy = Policy(allow_origins=[pattern])
    covered = [pattern] if row[1] == "exactly that origin" else re.findall("`(.*?)`", row[1])
    others = re.findall("`(.*?)`", row[2])
    assert covered
    assert others
    for origin in covered:
        assert negotiate(policy, {"HTTP_ORIGIN": origin}).refusal is None
    for origin in others:
        assert negotiate(policy, {"HTTP_ORIGIN": origin}).refusal is not None
