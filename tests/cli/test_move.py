"""
`corsguard move` prints a translation of another CORS library in an application, and the printed code builds.
"""

import importlib
import json
import os
import subprocess
import sys

import flask_cors
import pytest
from click.testing import CliRunner
from fastapi import FastAPI
from flask import Flask
from flask_cors import CORS, cross_origin
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware as StarletteCORS

from corsguard import CORSMiddleware as Ours
from corsguard.browser import Browser, NetworkError
from corsguard.cli.group import group

APP = "https://app.example.com"
OTHER = "https://other.example"
API = "https://api.example.com"


def run(*arguments):
    result = CliRunner().invoke(group, ["move", *arguments], prog_name="corsguard")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def moves(target, code=0):
    """
    Return the findings in *target*, as data.
    """
    result = run(target, "--json")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


def printed(target):
    """
    Return what is printed for *target*, which is loaded again.
    """
    sys.modules.pop(target.partition(":")[0])
    return run(target).stdout


def pasted(code, app):
    """
    Run the printed *code* in the place of *app*, and return `app` afterwards.
    """
    namespace = {"app": app}
    exec(code, namespace)
    return namespace["app"]


def readers(app, path):
    """
    Return which of two pages may read *path*.
    """
    found = []
    for origin in (APP, OTHER):
        try:
            Browser(app).open(origin).fetch(API + path)
        except NetworkError:
            continue
        found.append(origin)
    return found


FLASK = """
from flask import Blueprint, Flask
from flask_cors import CORS, cross_origin

app = Flask("shop")


@app.get("/")
def home():
    return "home"


@app.get("/public")
def public():
    return "public"
"""
BY_MODE = """
import os
cors = CORS(origins=os.environ.get("ORIGINS", "https://app.example.com").split(","))
cors.init_app(app)
"""
FACTORY = """
def create_app():
    CORS(app, origins=["https://app.example.com"], max_age=60)
    return app
"""
ROUND = """
from werkzeug.middleware.proxy_fix import ProxyFix
CORS(app, origins=["https://app.example.com"])
"""


def flask():
    """
    Return the application of FLASK, without a guard.
    """
    namespace = {}
    exec(FLASK, namespace)
    return namespace["app"]


@pytest.mark.parametrize(
    ("code", "target"),
    [
        ('CORS(app, origins=["https://app.example.com"])', "app"),
        ('cors = CORS(origins=["https://app.example.com"])\ncors.init_app(app, max_age=60)', "app"),
        ('app.config["CORS_ORIGINS"] = ["https://app.example.com"]\nCORS(app)', "app"),
        (FACTORY, "create_app()"),
        (f"{ROUND}wrapped = ProxyFix(app)", "wrapped"),
        (f"{ROUND}def wrapped(environ, start_response):\n    return app(environ, start_response)", "wrapped"),
    ],
)
def test_the_translation_of_flask_cors_is_printed_and_builds(module, code, target):
    module.write_text(FLASK + code)
    (found,) = moves(f"{module.stem}:{target}")["moves"]
    assert found["library"] == "flask-cors"
    app = pasted(found["code"], flask())
    assert readers(app, "/") == [APP]
    text = printed(f"{module.stem}:{target}")
    assert found["code"] in text
    exec(text, {"app": flask()})


@pytest.mark.parametrize("is_before", [True, False])
def test_the_config_is_read_as_it_is_at_the_call(module, is_before):
    """
    flask-cors reads the config when it is called. A later value has no effect, and the output says so.
    """
    lines = ['app.config["CORS_ORIGINS"] = ["https://app.example.com"]', 'CORS(app, methods=["GET"])']
    module.write_text(FLASK + "\n".join(lines if is_before else reversed(lines)))
    (found,) = moves(f"{module.stem}:app")["moves"]
    assert ("CORS_ORIGINS in the config: set after CORS(...)" in found["code"]) is not is_before
    assert readers(pasted(found["code"], flask()), "/") == ([APP] if is_before else [APP, OTHER])


CLASS = """
from flask.views import MethodView
class Login(MethodView):
    decorators = [cross_origin(origins=["https://app.example.com"])]
    def get(self):
        return "home"
app.add_url_rule("/login", view_func=Login.as_view("login"))
"""
FUNCTION = """
app.add_url_rule("/login", view_func=cross_origin(origins=["https://app.example.com"])(home), endpoint="login")
"""
ABOVE = """
@cross_origin(origins=["https://app.example.com"])
@app.get("/login")
def login():
    return "home"
"""
BELOW = """
@app.get("/login")
@cross_origin({})
def login():
    return "home"
"""
METHOD = """
from flask.views import MethodView
class Login(MethodView):
    @cross_origin(origins=["https://app.example.com"])
    def get(self):
        return "home"
app.add_url_rule("/login", view_func=Login.as_view("login"))
"""
PREFLIGHTS = """
@app.route("/login", methods=["OPTIONS"])
@cross_origin(origins=["https://app.example.com"], methods=["PUT"])
def asked():
    return ""
@app.get("/login")
@cross_origin(origins=["https://app.example.com"], supports_credentials=True)
def login():
    return "home"
"""
UNNAMED = '"https://app.example.com", max_age=60'
# What flask-cors does with it, and whether a page of APP that sends a header of its own then reads the answer.
ODD_VIEWS = [
    (CLASS, "login: flask-cors gave the preflights of a class", False),
    (FUNCTION, "", True),
    (METHOD, "get: @cross_origin(...) is on a method of a class of views.", False),
    (PREFLIGHTS, "/login: asked and login share this path.", False),
    (ABOVE, "login: @cross_origin(...) is above the route, so it had no effect.", False),
    (
        BELOW.format(UNNAMED),
        'login: @cross_origin(...) has an argument without a name, "https://app.example.com",',
        True,
    ),
    (BELOW.format("origins='*'"), "", True),
]


@pytest.mark.parametrize(("code", "hint", "reads"), ODD_VIEWS)
def test_unintended_effects_of_flask_cors_on_a_view_are_reported(module, code, hint, reads):
    module.write_text(FLASK + code)
    hints = moves(f"{module.stem}:app")["hints"]
    assert [one.startswith(hint) for one in hints] == ([True] if hint else [])
    sys.modules.pop(module.stem)
    browser = Browser(importlib.import_module(module.stem).app).open(APP)
    if reads:
        assert browser.fetch(f"{API}/login", headers={"X-One": "1"}).text() == "home"
    else:
        with pytest.raises(NetworkError):
            browser.fetch(f"{API}/login", headers={"X-One": "1"})


SPLIT = """
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
class Split:
    def __init__(self, app):
        self.app = CORSMiddleware(app, allow_origins=["https://app.example.com"])
    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
app = FastAPI()
app.add_middleware(Split)
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (FLASK + 'if __name__ == "__main__":\n    CORS(app)\n', "imports flask_cors, and nothing of it was found."),
        (SPLIT, "imports fastapi.middleware.cors, and nothing of it was found."),
    ],
)
def test_a_call_that_is_not_executed_is_reported(module, code, said):
    """
    These are calls below `if __name__ == "__main__"`, and in a class that is made with the first request.
    """
    module.write_text(code)
    (hint,) = moves(f"{module.stem}:app", code=1)["hints"]
    assert f"{module.name}, line 3, {said}" in hint


OF_BLUEPRINT = """
items = Blueprint("items", __name__, url_prefix="/items")
CORS(items, origins=["https://app.example.com"], max_age=60)
@items.get("/all")
def all_items():
    return "items"
app.register_blueprint(items)
"""


@pytest.mark.parametrize(
    ("resources", "says"), [("{'/public': {'origins': 'https://other.example'}}", False), ("'/*'", True)]
)
def test_several_calls_are_one_guard(module, resources, says):
    """
    Several calls are printed as one guard, and the guard has a note where they cover the same paths.
    """
    module.write_text(f"{FLASK}{OF_BLUEPRINT}CORS(app, resources={resources}, origins=['https://other.example'])\n")
    (found,) = moves(f"{module.stem}:app")["moves"]
    first = len(FLASK.splitlines()) + 3
    assert all(f"{module.name}, line {line}" in found["place"] for line in (first, first + 5))
    assert ("flask-cors asked the innermost blueprint first" in " ".join(found["code"].split("\n# "))) is says
    guarded = flask()
    guarded.add_url_rule("/items/all", "items", lambda: "items")
    guarded = pasted(found["code"], guarded)
    assert readers(guarded, "/items/all") == [APP]
    assert readers(guarded, "/public") == [OTHER]
    assert readers(guarded, "/") == ([OTHER] if says else [])


def test_views_with_the_same_options_are_printed_once(module):
    decorated = """
@app.get("/{0}")
@cross_origin(origins="{1}")
def {0}():
    return "1"
"""
    module.write_text(FLASK + "".join(decorated.format(*each) for each in (("a", APP), ("b", OTHER), ("c", APP))))
    found = moves(f"{module.stem}:app")["moves"]
    assert [[name for name in "abc" if f"{name} (" in one["place"]] for one in found] == [["a", "c"], ["b"]]
    code = found[0]["code"] + '\ndef view():\n    return "1"\n'
    app = flask()
    namespace = {"app": app}
    exec(code, namespace)
    app.add_url_rule("/a", "a", namespace["view"])
    assert (readers(app, "/a"), readers(app, "/")) == ([APP], [])


def test_flask_cors_works_as_before_while_it_is_recorded(module):
    before = flask_cors.CORS.init_app, flask_cors.cross_origin, flask_cors.decorator.cross_origin
    module.write_text(
        FLASK + "CORS(app, origins=['https://app.example.com'])\nassert len(app.after_request_funcs) == 1\n"
    )
    assert moves(f"{module.stem}:app")["moves"]
    module.write_text("raise SystemExit(1)")
    sys.modules.pop(module.stem)
    assert run(f"{module.stem}:app").exit_code == 2
    assert before == (flask_cors.CORS.init_app, flask_cors.cross_origin, flask_cors.decorator.cross_origin)


def test_calls_made_before_the_recording_are_reported(serve):
    """
    The exit code says that not all is read.
    """
    app = Flask("shop")
    CORS(app)
    app.add_url_rule("/a", "a", cross_origin()(lambda: "1"))
    found = moves(serve(app), code=1)
    assert (found["moves"], len(found["unread"])) == ([], 2)
    assert "a: " in run(serve(app)).stdout


def test_the_source_of_what_the_extension_was_made_with_is_read(module):
    module.write_text(FLASK + BY_MODE)
    (found,) = moves(f"{module.stem}:app")["moves"]
    assert "\"allow_origins\": os.environ.get('ORIGINS', 'https://app.example.com').split(',')," in found["code"]


def test_a_guard_for_a_blueprint_stands_where_the_application_is_made(module):
    """
    The file of a blueprint often does not know the application.
    """
    module.write_text(FLASK + OF_BLUEPRINT)
    (found,) = moves(f"{module.stem}:app")["moves"]
    assert found["place"].startswith("Where the application is made, in place of CORS(...) of the blueprint")


def test_calls_for_another_application_are_reported_as_that(module):
    module.write_text(FLASK + "other = Flask('other')\nCORS(other)\nunused = Blueprint('unused', 'x')\nCORS(unused)\n")
    found = moves(f"{module.stem}:app")
    of_other, of_unused = found["moves"]
    assert found["hints"] == []
    assert "other" in of_other["place"]
    assert "unused" in of_unused["place"]


ASGI = """
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

shop = FastAPI()


@shop.get("/items")
def items():
    return []
"""
ADDED = 'shop.add_middleware(CORSMiddleware, allow_origins=["https://app.example.com"])\n'


@pytest.mark.parametrize(
    ("code", "path"),
    [
        (f"{ADDED}app = shop", "/items"),
        ('app = CORSMiddleware(app=shop, allow_origins=["https://app.example.com"])', "/items"),
        ('app = CORSMiddleware(shop, allow_origin_regex=r"https://app\\.example\\.com")', "/items"),
        (f"{ADDED}app = FastAPI()\napp.mount('/shop', shop)", "/shop/items"),
        (f"{ADDED}from starlette.middleware.gzip import GZipMiddleware\napp = GZipMiddleware(shop)", "/items"),
    ],
)
def test_the_translation_of_starlettes_middleware_is_printed_and_builds(module, code, path):
    module.write_text(ASGI + code)
    (found,) = moves(f"{module.stem}:app")["moves"]
    bare = FastAPI()
    bare.add_api_route(path, list)
    assert readers(pasted(found["code"], bare), path) == [APP]
    exec(printed(f"{module.stem}:app"), {"app": FastAPI()})


VARIABLES = """
import os
from starlette.middleware import Middleware


class settings:
    origins = os.environ.get("MOVED_ORIGINS", "https://app.example.com").split(",")
    headers = os.environ.get("MOVED_HEADERS", "X-Token").split(",")
    origin = os.environ.get("MOVED_ORIGIN", "https://app.example.com")
    everyone = os.environ.get("MOVED_EVERYONE", "*").split(",")
    credentials = bool(os.environ.get("MOVED_CREDENTIALS", "1"))
    expression = os.environ.get("MOVED_EXPRESSION", r"https://.*\\.example\\.com")


LISTED = ["https://app.example.com"]
"""
ADD = "shop.add_middleware(CORSMiddleware, {})"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (ADD.format("allow_origins=settings.origins"), ['"allow_origins": settings.origins,']),
        (ADD.format("allow_origins=[settings.origin]"), ['"allow_origins": [settings.origin],']),
        (ADD.format("allow_origins=LISTED"), ['"allow_origins": ["https://app.example.com"],']),
        (
            "shop = FastAPI(middleware=[Middleware(CORSMiddleware, allow_origins=settings.origins)])",
            ['"allow_origins": settings.origins,'],
        ),
        ("shop = CORSMiddleware(shop, allow_origins=settings.origins)", ['"allow_origins": settings.origins,']),
        # Positional arguments are read like the others.
        (f"if settings:\n    {ADD.format('settings.origins')}", ["settings.origins,", "runs only if settings"]),
        (
            ADD.format("allow_origins=settings.origins if settings.credentials else ['*']"),
            ["settings.origins if settings.credentials else '*',"],
        ),
        # A list that gets more names, and one that means everyone here.
        (
            ADD.format("allow_origins=LISTED, allow_methods=['POST'], allow_headers=settings.headers"),
            ["[*settings.headers, 'Content-Type']"],
        ),
        (
            ADD.format(
                "allow_origins=LISTED, allow_methods=['PUT'], allow_headers=['X'] if settings.headers else ['*']"
            ),
            ['"X",', '"Content-Type",', "in this process"],
        ),
        (ADD.format("allow_origins=settings.everyone"), ["settings.everyone", "in this process", '": "*",']),
        (
            ADD.format("allow_origins=LISTED, allow_credentials=settings.credentials"),
            ['"allow_credentials": settings.credentials,'],
        ),
        (
            ADD.format("allow_origins=settings.origins, allow_origin_regex=r'https://.*\\.example\\.com'"),
            ["*settings.origins", "https://*.example.com"],
        ),
        (ADD.format("allow_origin_regex=settings.expression"), ["settings.expression", '"https://*.example.com"']),
        # A value in a mapping is not followed, and the output says so.
        (ADD.format("**{'allow_origins': settings.origins}"), ['["https://app.example.com"]', "write that"]),
    ],
)
def test_a_variable_in_starlettes_middleware_stays_a_variable(module, code, says):
    module.write_text(f"{ASGI}{VARIABLES}{code}\n")
    (found,) = moves(f"{module.stem}:shop")["moves"]
    assert [text for text in says if text not in found["code"]] == [], found["code"]
    assert ("write that" in found["code"]) == ("**" in code)
    bare = FastAPI()
    bare.add_api_route("/items", list)
    namespace = vars(sys.modules[module.stem]) | {"app": bare}
    exec(found["code"], namespace)
    assert APP in readers(namespace["app"], "/items")


def test_starlette_works_as_before_while_it_is_recorded(module):
    before = StarletteCORS.__init__, Middleware.__init__
    module.write_text(f"{ASGI}{ADDED}")
    assert moves(f"{module.stem}:shop")["moves"]
    module.write_text("raise SystemExit(1)")
    sys.modules.pop(module.stem)
    assert run(f"{module.stem}:shop").exit_code == 2
    assert before == (StarletteCORS.__init__, Middleware.__init__)


def test_several_libraries_are_printed_separately_with_a_hint(module):
    mounted = "from asgiref.wsgi import WsgiToAsgi\nshop.mount('/old', WsgiToAsgi(app))\n"
    module.write_text(f"{FLASK}CORS(app)\n{ASGI}{ADDED}{mounted}")
    found = moves(f"{module.stem}:shop")
    assert [one["library"] for one in found["moves"]] == ["flask-cors", "Starlette's CORSMiddleware"]
    assert len(found["hints"]) == 1


def guarded():
    return Ours(flask(), {"allow_origins": [APP]})


@pytest.mark.parametrize(("make", "is_guarded"), [(flask, False), (FastAPI, False), (guarded, True)])
def test_an_application_without_a_library_is_reported_with_what_was_searched_for(serve, make, is_guarded):
    found = moves(serve(make()), code=1)
    assert (found["moves"], found["unread"], found["is_guarded"]) == ([], [], is_guarded)
    text = run(serve(make())).stdout
    for name in ("flask-cors", "django-cors-headers", "Starlette", "headers-by-hand"):
        assert name in text


@pytest.mark.parametrize(
    "target", ["nowhere:app", "nowhere.settings", "shop.py", "https://api.example.com/", "shop:", ""]
)
def test_an_object_that_cannot_be_loaded_is_a_usage_error(here, target):
    result = run(target)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


# Django has its settings once in a process.

SETTINGS = """
SECRET_KEY = "x" * 60
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "mysite.urls"
INSTALLED_APPS = ["corsheaders"]
MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware"]
CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
"""
SITE = {
    "__init__.py": "",
    "settings.py": SETTINGS,
    "urls.py": "urlpatterns = []\n",
    "wsgi.py": """
import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
application = get_wsgi_application()
""",
}
OUR_MIDDLEWARE = 'MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"]\n'
MOVED = OUR_MIDDLEWARE + 'CORSGUARD = {"allow_origins": ["https://app.example.com"]}\n'


def in_site(tmp_path, settings, *arguments):
    folder = tmp_path / "mysite"
    folder.mkdir()
    for name, text in {**SITE, "settings.py": settings}.items():
        (folder / name).write_text(text)
    environ = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "corsguard", "move", *arguments, "--json"]
    environ["PYTHONDONTWRITEBYTECODE"] = "1"
    ran = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=120, check=False)
    return ran.returncode, json.loads(ran.stdout) if ran.stdout else ran.stderr


@pytest.mark.parametrize("target", ["mysite.settings", "mysite.wsgi:application"])
@pytest.mark.parametrize("settings", [SETTINGS, SETTINGS + OUR_MIDDLEWARE])
def test_the_translation_of_django_cors_headers_is_printed_and_builds(tmp_path, target, settings):
    """
    It is printed too if our middleware is already there and refuses to start without its setting.
    """
    code, found = in_site(tmp_path, settings, target)
    assert code == 0, found
    (one,) = found["moves"]
    assert (one["library"], "mysite/settings.py" in one["place"]) == ("django-cors-headers", True)
    namespace = {"MIDDLEWARE": ["corsheaders.middleware.CorsMiddleware"], "INSTALLED_APPS": ["corsheaders"]}
    exec(one["code"], namespace)
    assert namespace["CORSGUARD"]["allow_origins"] == [APP]


def test_the_old_middleware_next_to_ours_is_found(tmp_path):
    """
    No server starts with both.
    """
    settings = SETTINGS + "MIDDLEWARE += ['corsguard_django.middleware.CORSMiddleware']\nCORSGUARD = {'paths': {}}\n"
    code, found = in_site(tmp_path, settings, "mysite.wsgi:application")
    assert (code, len(found["moves"]), found["is_guarded"]) == (0, 1, False)


def test_old_settings_next_to_ours_are_printed(tmp_path):
    """
    Nothing reads them any more, but they may be the right ones.
    """
    settings = SETTINGS.replace('"corsheaders.middleware.CorsMiddleware", ', "") + MOVED
    code, found = in_site(tmp_path, settings, "mysite.settings")
    assert (code, [one["library"] for one in found["moves"]]) == (0, ["django-cors-headers"])


def test_a_moved_django_project_has_nothing_left(tmp_path):
    settings = "".join(line for line in SETTINGS.splitlines(keepends=True) if "cors" not in line.lower()) + MOVED
    code, found = in_site(tmp_path, settings, "mysite.wsgi:application")
    assert (code, found["moves"], found["is_guarded"]) == (1, [], True)


def test_a_module_without_settings_is_reported(tmp_path):
    code, said = in_site(tmp_path, SETTINGS, "mysite.urls")
    assert code == 2
    assert "mysite.urls" in said
