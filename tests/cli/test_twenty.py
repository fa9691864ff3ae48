"""
The most common lines of a console: one command on the failing setup names the cause and the line to change.

Each is tried as a new user would try it. The first twelve lines of the output, which are visible without scrolling,
have to say both.
"""

import sys
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from kit import laboratory
from kit.checking import in_process
from kit.laboratory import SAMPLES

from corsguard.cli.group import group

# These fit on the screen below the command.
FIRST_LINES = 12

APP = "http://app.lab.example"
SECURE_APP = "https://app.lab.example"
BLOCKED = "has been blocked by CORS policy: "
CHECK = f"{BLOCKED}Response to preflight request doesn't pass access control check: "
FIREFOX = "Cross-Origin Request Blocked: The Same Origin Policy disallows reading the remote resource at "


class Line(NamedTuple):
    """
    The console's line about the *asked*-th fetch of the laboratory's *sample*, and what the commands have to say about
    it.

    `check` says *cause* and *change*. `explain` only has the line, and says *meaning* and *hint*. *arguments* are what
    the user adds, and *code* is the exit code of `check`. `check` prints *message*, unless it tells nothing.
    """

    sample: str
    asked: int
    message: str
    cause: str
    change: str
    meaning: str
    hint: str
    arguments: tuple[str, ...] = ()
    code: int = 1
    is_printed: bool = True


def blocked(sample, text, scheme="http", lead=BLOCKED):
    host = f"{scheme}://{sample}.lab.example/items"
    return f"Access to fetch at '{host}' from origin '{scheme}://app.lab.example' {lead}{text}"


NO_HEADER = "No 'Access-Control-Allow-Origin' header is present on the requested resource."
VALID = " Have the server send the header with a valid value."
LISTED = f'allow_origins=["{APP}"]'
OUTERMOST = "Put the CORS layer outermost"
WITH_CREDENTIALS = f'allow_origins=["{SECURE_APP}"], allow_credentials=True'
# The placeholder for a page that a line does not name.
SOME_LISTED = 'CORSGuard(app, {..., "allow_origins": ["http://app.example.com"]})'
FLASK_LISTED = f'CORSGuard(app, {{..., "allow_origins": ["{APP}"]}})'

LINES = {
    "no header": Line(
        "nothing-shared",
        0,
        blocked("nothing-shared", NO_HEADER),
        "has no Access-Control-Allow-Origin",
        LISTED,
        "has no Access-Control-Allow-Origin",
        FLASK_LISTED,
    ),
    "no header, in Firefox": Line(
        "nothing-shared",
        0,
        f"{FIREFOX}http://nothing-shared.lab.example/items. (Reason: CORS header "
        "\u2018Access-Control-Allow-Origin\u2019 missing). Status code: 200.",
        "has no Access-Control-Allow-Origin",
        LISTED,
        "(200) has no Access-Control-Allow-Origin",
        SOME_LISTED,
    ),
    "net::ERR_FAILED 200": Line(
        "nothing-shared",
        0,
        "GET http://nothing-shared.lab.example/items net::ERR_FAILED 200 (OK)",
        "has no Access-Control-Allow-Origin",
        LISTED,
        "did not give the answer to the page",
        "is not listed, or the CORS layer does not guard",
        is_printed=False,
    ),
    "a preflight without the header, for authentication": Line(
        "authentication-first",
        1,
        blocked("authentication-first", NO_HEADER, lead=CHECK),
        "Authentication runs before CORS",
        OUTERMOST,
        "the answer to the preflight has no",
        FLASK_LISTED,
    ),
    "a preflight without the header, for no route": Line(
        "no-route-for-options",
        1,
        f"{FIREFOX}http://no-route-for-options.lab.example/items. (Reason: CORS header "
        "\u2018Access-Control-Allow-Origin\u2019 missing). Status code: 404.",
        "OPTIONS reaches the router, which has no route for it",
        OUTERMOST,
        "(404) has no Access-Control-Allow-Origin",
        OUTERMOST,
    ),
    "a preflight that fails, in Safari": Line(
        "no-route-for-options",
        1,
        "Preflight response is not successful. Status code: 404",
        "OPTIONS reaches the router, which has no route for it",
        OUTERMOST,
        "preflight was answered with 404",
        'MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]',
    ),
    "no ok status": Line(
        "nginx-files",
        1,
        blocked("nginx-files", "It does not have HTTP ok status.", lead=CHECK),
        "OPTIONS reaches the router, which has no route for it",
        "send:   204 No Content",
        "a status that is not between 200 and 299",
        "application = CORSMiddleware(application, {...})",
    ),
    "a redirect of the preflight": Line(
        "flask-cors-slash",
        0,
        blocked("flask-cors-slash", "Redirect is not allowed for a preflight request.", lead=CHECK),
        "redirects for a slash at the end",
        'page:   fetch("http://flask-cors-slash.lab.example/items/")',
        "the preflight was answered with a redirect",
        OUTERMOST,
    ),
    "content-type": Line(
        "header-not-listed",
        1,
        blocked(
            "header-not-listed",
            "Request header field content-type is not allowed by Access-Control-Allow-Headers in preflight response.",
        ),
        "A JSON body adds the header Content-Type",
        'allow_headers=["Content-Type"]',
        "does not allow the request header content-type",
        'allow_headers = ["Content-Type"]',
    ),
    "authorization": Line(
        "header-not-listed",
        2,
        blocked(
            "header-not-listed",
            "Request header field authorization is not allowed by Access-Control-Allow-Headers in preflight response.",
        ),
        "does not allow the request header authorization",
        'allow_headers=["Authorization"]',
        "does not allow the request header authorization",
        'allow_headers = ["Authorization"]',
    ),
    "a method": Line(
        "method-not-listed",
        1,
        blocked(
            "method-not-listed",
            "Method PATCH is not allowed by Access-Control-Allow-Methods in preflight response.",
        ),
        "does not allow the method PATCH",
        '"PATCH"]',
        "does not allow the method PATCH",
        'allow_methods = ["GET", "HEAD", "POST", "PATCH"]',
    ),
    "a wildcard with credentials": Line(
        "wildcard-with-credentials",
        1,
        blocked(
            "wildcard-with-credentials",
            "The value of the 'Access-Control-Allow-Origin' header in the response must not be the wildcard '*' when "
            "the request's credentials mode is 'include'.",
            "https",
        ),
        "* never counts with credentials",
        WITH_CREDENTIALS,
        "shares with *, but the request has credentials",
        f'"allow_origins": ["{SECURE_APP}"], "allow_credentials": True',
    ),
    "credentials that are not true": Line(
        "credentials-not-allowed",
        1,
        blocked(
            "credentials-not-allowed",
            "The value of the 'Access-Control-Allow-Credentials' header in the response is '' which must be 'true' "
            "when the request's credentials mode is 'include'.",
            "https",
        ),
        "Access-Control-Allow-Credentials is absent",
        WITH_CREDENTIALS,
        "does not allow credentials",
        f'"allow_origins": ["{SECURE_APP}"], "allow_credentials": True',
    ),
    "two layers": Line(
        "two-layers",
        0,
        blocked(
            "two-layers",
            "The 'Access-Control-Allow-Origin' header contains multiple values '*, http://app.lab.example', but only "
            f"one is allowed.{VALID}",
        ),
        "Two layers add the header",
        "and remove it from the others",
        "more than one value",
        "and remove it from the others",
    ),
    "a slash at the end": Line(
        "slash-at-the-end",
        0,
        blocked(
            "slash-at-the-end",
            f"The 'Access-Control-Allow-Origin' header has a value '{APP}/' that is not equal to the supplied "
            f"origin.{VALID}",
        ),
        "An origin has no trailing slash",
        LISTED,
        "An origin has no trailing slash",
        FLASK_LISTED,
    ),
    "the origin of another page, in Firefox": Line(
        "another-origin",
        0,
        f"{FIREFOX}http://another-origin.lab.example/items. (Reason: CORS header "
        "\u2018Access-Control-Allow-Origin\u2019 does not match \u2018http://www.lab.example\u2019).",
        "another origin: the header is a constant",
        f'allow_origins=["http://www.lab.example", "{APP}"]',
        'shares with "http://www.lab.example"',
        'allow_origins = ["http://www.lab.example", "http://app.example.com"]',
    ),
    "an error without headers": Line(
        "starlette-error",
        0,
        f"{FIREFOX}http://starlette-error.lab.example/items. (Reason: CORS header "
        "\u2018Access-Control-Allow-Origin\u2019 missing). Status code: 500.",
        "there was an unhandled exception",
        "Look at the server's log",
        "(500) has no Access-Control-Allow-Origin",
        "Look at the server's log",
    ),
    "nothing listens": Line(
        "not-listening",
        0,
        "GET http://not-listening.lab.example/items net::ERR_CONNECTION_REFUSED",
        "nothing listens at not-listening.lab.example",
        "Is the server running, at this host and this port?",
        "no response came, which is not a matter of CORS",
        "Is the server running, at this host and this port?",
        code=3,
        is_printed=False,
    ),
    "no response, in Firefox": Line(
        "hangs-up",
        0,
        f"{FIREFOX}http://hangs-up.lab.example/items. (Reason: CORS request did not succeed). Status code: (null).",
        "No response came, which is not a matter of CORS",
        "look at its log",
        "no response came, which is not a matter of CORS",
        "look at its log",
        code=3,
    ),
    "mixed content": Line(
        "mixed-content",
        0,
        "Mixed Content: The page at 'https://app.lab.example/' was loaded over HTTPS, but requested an insecure "
        "resource 'http://mixed-content.lab.example/items'. This request has been blocked; the content must be served "
        "over HTTPS.",
        "Not CORS: request it over https",
        "page:   request https://mixed-content.lab.example/items",
        "a page loaded over https may not request a URL that is not secure",
        "page:   request https://mixed-content.lab.example/items",
    ),
    "a header that is null": Line(
        "header-not-exposed",
        0,
        'Refused to get unsafe header "X-Total"',
        "X-Total cannot be read: it is not exposed",
        'expose_headers=["X-Total"]',
        "this response header is not exposed",
        'expose_headers = ["X-Total"]',
        arguments=("--read", "X-Total"),
        is_printed=False,
    ),
    "a cookie that is not sent": Line(
        "cookie-stays-home",
        0,
        'This Set-Cookie didn\'t specify a "SameSite" attribute and was defaulted to "SameSite=Lax"',
        "it is SameSite=Lax and the request is cross-site",
        "SameSite=None; Secure",
        "Not CORS: the cookie was not stored, or not sent with the request",
        "SameSite=None; Secure",
        is_printed=False,
    ),
    "an opaque response": Line(
        "asked-without-cors",
        0,
        'the response has type: "opaque"',
        'the page fetched with mode: "no-cors"',
        'page:   mode: "cors"',
        'The page fetched with mode: "no-cors"',
        'leave out mode: "no-cors"',
        is_printed=False,
    ),
}


def first_lines(text):
    return "\n".join(text.splitlines()[:FIRST_LINES])


def arguments_of(line):
    """
    Return the arguments of a user who knows what the page does.
    """
    asked = SAMPLES[line.sample].asked[line.asked]
    arguments = ["check", SAMPLES[line.sample].url, "--page", asked.page]
    for name, value in asked.init.items():
        match name:
            case "headers":
                arguments += [word for header in value.items() for word in ("--header", ": ".join(header))]
            case "json":
                arguments += ["--json-body", '{"name": "pen"}']
            case "credentials":
                arguments += ["--credentials"]
            case _:
                arguments += [f"--{name}", value]
    return [*arguments, *line.arguments]


@pytest.fixture(scope="module")
def connected():
    """
    Return the arguments that let a command find the laboratory.
    """
    with laboratory.running({line.sample for line in LINES.values()}) as running:
        there = [f"--connect-to={host}={address}" for host, address in running.addresses.items()]
        yield [*there, f"--cacert={running.cacert}"]


def test_there_are_at_least_twenty_lines():
    assert len({line.message for line in LINES.values()}) >= 20


@pytest.mark.server
@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_one_command_on_the_failing_setup_names_the_cause_and_the_line_to_change(connected, line):
    done = CliRunner().invoke(group, [*arguments_of(line), *connected])
    assert done.exit_code == line.code, done.output
    said = first_lines(done.stdout)
    assert line.cause in said
    assert line.change in said
    if line.is_printed:
        # The sample is what this line is about.
        assert line.message in done.stdout


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
def test_the_line_alone_is_explained(line):
    done = CliRunner().invoke(group, ["explain", line.message])
    assert done.exit_code == 1, done.output
    said = first_lines(done.stdout)
    assert line.meaning in said
    assert line.hint in said
    assert "Next: corsguard check " in done.stdout


# The user's own applications: the place to change is known, and all that has to be there.

FLASK = """\
from flask import Blueprint, Flask, abort

from corsguard_flask import CORSGuard

api = Blueprint("api", __name__, url_prefix="/api")


@api.get("/items")
def items():
    return {}


@api.put("/items/<int:number>")
def change(number):
    return {}


def create_app():
    app = Flask(__name__)
    CORSGuard(app, {"allow_origins": ["http://localhost:3000"], "allow_methods": ["GET"]})
    app.register_blueprint(api)
    return app


unguarded = Flask(__name__)
unguarded.register_blueprint(api)
"""
SETTINGS = """\
SECRET_KEY = "x"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "site_urls"
CORSGUARD = {"allow_origins": ["https://app.example.com"]}
"""
FILES = {
    "shop.py": FLASK,
    "plain.py": """\
from corsguard import CORSMiddleware


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b""]


app = CORSMiddleware(application, {"allow_origins": ["https://app.example.com"]})
""",
    "site_urls.py": """\
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("items/", lambda request: HttpResponse())]
""",
    "site_settings.py": f"""\
{SETTINGS}
MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"]
""",
    "bare_settings.py": f"{SETTINGS}\nMIDDLEWARE = []\n",
    "cors.toml": """\
allow_methods = ["GET", "PUT"]
allow_headers = ["Content-Type"]

[environments.production]
allow_origins = ["https://app.example.com"]

[environments.development]
allow_origins = ["http://localhost:3000"]
""",
    **{
        f"{name}_wsgi.py": f"""\
import os

from django.core.wsgi import get_wsgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "{name}_settings"
application = get_wsgi_application()
"""
        for name in ("site", "bare")
    },
}

API = "https://api.example.com"
WWW = "https://www.example.com"
SHOP = ["check", "shop:create_app()", "--url"]

# The command, its exit code, and what its first lines say.
OWN = [
    (
        [*SHOP, f"{API}/api/items", "--page", "http://127.0.0.1:3000"],
        1,
        [
            '"http://localhost:3000" is listed, but localhost and 127.0.0.1 are different hosts.',
            'CORSGuard(app, {..., "allow_origins": ["http://localhost:3000", "http://127.0.0.1:3000"]})',
        ],
    ),
    (
        [*SHOP, f"{API}/api/items/1", "--page", "http://localhost:3000", "-X", "PUT", "--json-body", "{}"],
        1,
        [
            "method PUT: It is not one of GET.",
            'CORSGuard(app, {..., "allow_methods": ["GET", "PUT"], "allow_headers": ["Content-Type"]})',
        ],
    ),
    (
        ["check", "shop:unguarded", "--url", f"{API}/api/items"],
        1,
        [
            "corsguard does not guard shop:unguarded yet. Begin with",
            'CORSGuard(app, {"allow_origins": ["https://app.example.com"]})',
        ],
    ),
    (
        ["check", "plain:app", "--page", WWW],
        1,
        [
            f"a request for {API}/ (change it with --url)",
            'CORSMiddleware(application, {..., "allow_origins": ["https://app.example.com", "https://www.example.com"]})',
        ],
    ),
    (
        ["check", "site_wsgi:application", "--url", f"{API}/items/", "-X", "PUT"],
        1,
        ["Change site_settings", 'CORSGUARD = {..., "allow_methods": ["GET", "HEAD", "POST", "PUT"]}'],
    ),
    (
        ["check", "bare_wsgi:application", "--url", f"{API}/items/"],
        1,
        [
            "The middleware is not in MIDDLEWARE, so nothing is shared.",
            'MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware", *MIDDLEWARE]',
        ],
    ),
    (
        ["explain", "site_settings", "--page", WWW],
        1,
        [
            "It is not listed.",
            'CORSGUARD = {..., "allow_origins": ["https://app.example.com", "https://www.example.com"]}',
        ],
    ),
    (
        ["explain", "cors.toml", "--env", "production", "--page", "http://localhost:3000"],
        1,
        ["cors.toml, line 5", 'allow_origins = ["https://app.example.com", "http://localhost:3000"]'],
    ),
    (["check", "plain.py"], 2, ["write the name of its module, plain:app."]),
    (["check", "./plain.py:app"], 2, ["write the name of its module, plain:app."]),
    (["check", "shop"], 2, ["shop is a module, not an application.", "'shop:create_app()'"]),
    (["check", "shop", "--url", "/items"], 2, ["shop is a module, not an application."]),
    (["check", "shop.app"], 2, ["write shop:app."]),
    (["check", "shop.py:app"], 2, ["Did you mean shop?"]),
    (["check", "shop:app:x", "--url", "/items"], 2, ["neither a URL, nor an application"]),
    (["check", "shop:create_app"], 2, ["If it makes the application, write 'shop:create_app()'."]),
    (["check", "cors.toml"], 2, ["is a policy", "corsguard explain cors.toml --page https://app.example.com"]),
    (["check", f"No {BLOCKED}"], 2, ['corsguard explain "..." says what it means']),
    (["check", "plain:app", "--page", "app.example.com"], 2, ['Write "https://app.example.com"']),
    (["explain", f"{API}/items"], 2, [f"corsguard check {API}/items"]),
    (["explain", "cor.toml", "--page", WWW], 2, ["There is no file cor.toml", "Did you mean cors.toml?"]),
    (["lint", "shop"], 2, ["shop is a module without any Django setting.", "'shop:create_app()'"]),
]


@pytest.fixture
def own(tmp_path, monkeypatch):
    """
    The user's own project, in the current directory. Its modules are forgotten afterwards.
    """
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def needs_a_process(arguments):
    """
    Return whether the command loads the settings of Django, which belong to a process.
    """
    return "lint" in arguments or any("site_" in word or "bare_" in word for word in arguments)


@pytest.mark.parametrize(("arguments", "code", "said"), OWN)
def test_the_first_lines_about_the_users_own_project_name_cause_and_change(own, arguments, code, said):
    if needs_a_process(arguments):
        done = in_process(*arguments)
        exit_code = done.returncode
    else:
        done = CliRunner().invoke(group, arguments)
        exit_code = done.exit_code
    assert exit_code == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    shown = first_lines(done.stderr if code == 2 else done.stdout)
    for words in said:
        assert words in shown
