"""
A name on the command line becomes an application or a guard, or an error that says what to write instead.
"""

import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from django.test import override_settings
from flask import Flask

from corsguard import CORSMiddleware, Policy, PolicyError
from corsguard.configuration.positions import Positions
from corsguard.diagnosis import LoadError, check
from corsguard.diagnosis.guarded import Place, load_guarded
from corsguard.diagnosis.objects import load_application, place_of
from corsguard_django.middleware import find, policy_for
from corsguard_flask import CORSGuard, cors

ROOT = Path(__file__).parents[2]
APP = "https://app.example.com"
NAMES = (f"loaded_{number}" for number in itertools.count())

MODULE = """
from corsguard import CORSMiddleware, Policy, cors
from corsguard.configuration import Configuration
from corsguard_flask import CORSGuard
from flask import Flask
from pathlib import Path
from types import ModuleType
from werkzeug.middleware.proxy_fix import ProxyFix

def wsgi(environ, start_response):
    start_response("200 OK", [])
    return [b""]

async def asgi(scope, receive, send):
    pass

def transport(request):
    pass

def needs(config):
    pass

KEYWORDS = {"allow_origins": ["https://app.example.com"]}
POLICY = Policy(**KEYWORDS)
PATHS = {"/api": POLICY, "/closed": None}
CONFIGURATION = Configuration.from_mapping(KEYWORDS)
guarded = CORSMiddleware(wsgi, PATHS)
outer = ProxyFix(guarded)
bound = guarded.__call__
bare = Flask(__name__)

class Shop:
    application = guarded

def create_app(config=None):
    app = Flask(__name__)

    @app.get("/tagged")
    @cors(None)
    def closed():
        return "x"

    @app.put("/tagged")
    @cors(allow_origins=["https://tag.example.com"], allow_methods=["PUT"])
    def tagged():
        return "x"

    CORSGuard(app, PATHS)
    return app

def wrapped():
    app = Flask(__name__)
    app.wsgi_app = CORSMiddleware(app.wsgi_app, POLICY)
    return app

def refused():
    return Policy(allow_origins=["app.example.com"])

def breaks():
    raise RuntimeError("no database")

def leaves():
    raise SystemExit("usage: shop")
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    return tmp_path


@pytest.fixture
def module(here):
    """
    The name of MODULE, in the current directory.
    """
    name = next(NAMES)
    (here / f"{name}.py").write_text(MODULE)
    yield name
    sys.modules.pop(name, None)


def environ(path="/", method="GET", **more):
    return {"REQUEST_METHOD": method, "PATH_INFO": path, **more}


def preflight(path, method):
    return environ(path, "OPTIONS", HTTP_ORIGIN=APP, HTTP_ACCESS_CONTROL_REQUEST_METHOD=method)


@pytest.mark.parametrize("attribute", ["wsgi", "asgi", "guarded", "create_app()", "Shop.application"])
def test_an_application_is_found_by_its_name(module, attribute):
    assert callable(load_application(f"{module}:{attribute}"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{}", ["is not the name of an application", "shop.wsgi:application"]),
        ("{}:wsgy", ["the module {} has no wsgy", "Did you mean wsgi?"]),
        ("{}:qqqq", ["the module {} has no qqqq. It has KEYWORDS, POLICY, PATHS, guarded, outer, bare,"]),
        ("{}:Shop.aplication", ["has no aplication", "Did you mean application?"]),
        ("{}:KEYWORDS", ["is a dict, not a WSGI or ASGI application"]),
        ("{}:POLICY", ["is not an application", "Expected a WSGI application"]),
        ("{}:create_app", ["is not an application", "write '{}:create_app()'"]),
        ("{}:transport", ["takes one argument"]),
        ("{}:Shop", ["is a class: name an application, which is an instance. It has KEYWORDS, POLICY"]),
        ("{}:needs", ["takes one argument", "write a function without arguments that calls it, and name that one"]),
        ("{}:needs()", ["TypeError: needs() missing 1 required positional argument: 'config'"]),
        ("{}:KEYWORDS()", ["KEYWORDS is a dict and cannot be called", "Leave out the parentheses"]),
        ("{}:breaks()", ["RuntimeError: no database", "{}.py, line "]),
        ("{}:leaves()", ["SystemExit: usage: shop"]),
        ("{}x:app", ["There is no module {}x", "Did you mean {}?"]),
        ("{}.web:app", ["There is no module {}.web"]),
    ],
)
def test_an_object_that_is_not_an_application_is_refused_with_the_fix(module, name, said):
    with pytest.raises(LoadError) as caught:
        load_application(name.format(module))
    for words in said:
        assert words.format(module) in str(caught.value)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nowhere_to_be_found\n", "was found, but imports nowhere_to_be_found, which is not installed."),
        ("\n\nx = 1 / 0\n", "ZeroDivisionError: division by zero"),
        ("\n\ndef broken(:\n", "SyntaxError"),
        ("\n\nraise SystemExit(3)\n", "SystemExit: 3"),
    ],
)
def test_a_failing_module_is_reported_with_file_and_line(here, source, said):
    name = next(NAMES)
    (here / f"{name}.py").write_text(source)
    with pytest.raises(LoadError) as caught:
        load_application(f"{name}:app")
    assert said in str(caught.value)
    assert f"{name}.py, line {1 if source.startswith('import') else 3}" in str(caught.value)


def test_the_current_directory_is_searched(here, monkeypatch):
    name = next(NAMES)
    (here / f"{name}.py").write_text("def app(environ, start_response): ...\n")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in {"", str(here)}])
    assert load_application(f"{name}:app")


@pytest.mark.parametrize(
    ("attribute", "path", "place"),
    [
        ("POLICY", "/anything", ("{}:POLICY", "wsgi")),
        ("KEYWORDS", "/anything", ("{}:KEYWORDS", "wsgi")),
        ("CONFIGURATION", "/anything", ("{}:CONFIGURATION", "wsgi")),
        ("PATHS", "/api/x", ("{}:PATHS", "wsgi")),
        ("guarded", "/api/x", ("{}:guarded", "wsgi")),
        ("bound", "/api/x", ("{}:bound", "wsgi")),
        ("outer", "/api/x", ("{}:outer", "wsgi")),
        ("create_app()", "/api/x", ("{}:create_app()", "flask")),
        ("wrapped()", "/anything", ("{}:wrapped()", "wsgi")),
    ],
)
def test_a_guard_knows_the_policy_of_a_request_and_where_it_is_written(module, attribute, path, place):
    guard = load_guarded(f"{module}:{attribute}")
    there = guard.find(environ(path))
    assert there.policy is not None
    assert there.policy.allow_origins == (APP,)
    table = ("paths", "/api") if path == "/api/x" else ()
    assert guard.place_of(there, "allow_origins") == Place(place[0].format(module), place[1], table)
    assert guard.find(environ("/closed/x")).policy is None or path == "/anything"


def test_a_path_is_read_as_a_server_passes_it(module):
    guard = load_guarded(f"{module}:guarded")
    assert guard.find(environ("/api/\xc3\xa9")).policy is not None
    assert guard.find(environ("/closed")).policy is None


def test_the_policy_of_a_tagged_view_takes_the_place_of_that_of_its_path(module):
    guard = load_guarded(f"{module}:create_app()")
    for request in (environ("/tagged", "PUT"), preflight("/tagged", "PUT")):
        there = guard.find(request)
        assert there.policy.allow_origins == ("https://tag.example.com",)
        assert guard.place_of(there, "allow_headers") == Place("view tagged", "view")
    assert guard.find(preflight("/tagged", "GET")).policy is None
    assert "view tagged: allow_headers" in [problem.field for problem in guard.problems]


def test_the_policies_of_flask_are_listed_by_application(monkeypatch):
    one, two, three = Flask("one"), Flask("two"), Flask("three")
    guard = CORSGuard()
    guard.init_app(one, {"allow_origins": [APP]})
    guard.init_app(two, {"allow_origins": "*"})
    module = ModuleType("several_flasks")
    module.one, module.two, module.three = one, two, three
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert load_guarded("several_flasks:one").find(environ()).policy.allow_origins == (APP,)
    assert load_guarded("several_flasks:two").find(environ()).policy.allow_origins == "*"
    with pytest.raises(LoadError, match="several_flasks:three is a Flask application that nothing guards"):
        load_guarded("several_flasks:three")


def test_the_policies_of_wsgi_are_listed_with_the_tags_of_its_views():
    app = Flask("tagged")
    middleware = CORSMiddleware(app.wsgi_app, {"allow_origins": [APP]})
    assert middleware.policy_for(environ()).allow_origins == (APP,)
    CORSGuard(app, {"allow_origins": [APP]})
    app.get("/closed")(cors(None)(lambda: "x"))
    assert app.wsgi_app.__self__.policy_for(environ("/closed")) is None
    assert app.wsgi_app.__self__.find(environ("/closed")).name == "<lambda>"


def test_the_policies_of_django_are_listed_with_the_tags_of_its_views():
    settings = {"ROOT_URLCONF": "kit.django_tagged_urls", "CORSGUARD": {"allow_origins": [APP]}}
    with override_settings(**settings):
        assert policy_for(environ("/untagged")).allow_origins == (APP,)
        assert policy_for(environ("/closed")) is None
        assert policy_for({"PATH_INFO": "/nowhere"}).allow_origins == (APP,)
        names = [find(environ(path)).name for path in ("/untagged", "/closed", "/nowhere")]
        assert names == ["policy", "kit.django_tagged_urls.closed", "policy"]
    with override_settings(ROOT_URLCONF="kit.django_urls"):
        assert policy_for(environ("/other")) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{}:bare", ["a Flask application that nothing guards", "CORSGuard(app, {{"]),
        ("{}:wsgi", ["is a function, and what guards it is not known", "CORSMiddleware(application, {{"]),
        ("{}:create_app", ["write '{}:create_app()'"]),
        ("{}:Path", ["does not guard anything"]),
        ("{}:Shop.__name__", ["is a str, and does not guard anything", "cors.toml", "mysite.settings"]),
        ("{}.py", ["is a Python file", "{}:NAME, with the name in it.", "For Django settings, write {}."]),
        ("./{}.py:POLICY", ["is a Python file", "{}:POLICY."]),
        ("what-is-this", ["is not the name of a policy", "cors.toml", "module:attribute", "mysite.settings"]),
        ("{}x", ["There is no module {}x"]),
    ],
)
def test_an_object_that_guards_nothing_is_refused_with_the_fix(module, name, said):
    with pytest.raises(LoadError) as caught:
        load_guarded(name.format(module))
    for words in said:
        assert words.format(module) in str(caught.value)


def test_a_refused_policy_is_not_a_usage_error_and_names_its_place(module):
    with pytest.raises(PolicyError) as caught:
        load_guarded(f"{module}:refused()")
    file, line = place_of(caught.value)
    assert Path(file).name == f"{module}.py"
    assert MODULE.split("\n")[line - 1].strip() == 'return Policy(allow_origins=["app.example.com"])'


def test_a_django_application_is_guarded_by_its_settings(here):
    name = next(NAMES)
    (here / f"{name}.py").write_text(
        "from django.core.handlers.wsgi import WSGIHandler\n"
        "from django.core.handlers.asgi import ASGIHandler\n"
        "wsgi, asgi = WSGIHandler(), ASGIHandler()\n"
    )
    settings = {"ROOT_URLCONF": "kit.django_tagged_urls", "CORSGUARD": {"allow_origins": [APP]}}
    with override_settings(**settings):
        for handler in ("wsgi", "asgi"):
            guard = load_guarded(f"{name}:{handler}")
            there = guard.find(environ("/untagged"))
            assert there.policy.allow_origins == (APP,)
            assert guard.place_of(there, "max_age") == Place(f"{name}:{handler}", "django")
            tagged = guard.find(environ("/tagged"))
            assert guard.place_of(tagged, "max_age") == Place("view kit.django_tagged_urls.tagged", "view")


MISPLACED = """
from corsguard_django import cors
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.urls import path
from django.views import View

class Shop(View):
    @cors(allow_origins="*")
    def get(self, request): return HttpResponse()

urlpatterns = [path("x", Shop.as_view()), path("y", lambda request: HttpResponse())]
app = WSGIHandler()
"""


def test_an_error_of_the_django_checks_is_a_refusal_with_all_messages(here):
    name = next(NAMES)
    (here / f"{name}.py").write_text(MISPLACED)
    with override_settings(CORSGUARD={"allow_origins": [APP]}):
        handler = load_guarded(f"{name}:app")
        assert handler.find(environ("/x")).policy.allow_origins == (APP,)
        with override_settings(ROOT_URLCONF=name, MIDDLEWARE=[]), pytest.raises(PolicyError) as caught:
            load_guarded(f"{name}:app")
    assert [problem.code for problem in caught.value.problems] == ["E901", "W901"]


def test_a_misplaced_tag_hides_no_guard(here):
    """
    Django serves in spite of an error in a view. So the policy is shown, together with the error.
    """
    name = next(NAMES)
    (here / f"{name}.py").write_text(MISPLACED)
    stranger = "https://stranger.example"
    with override_settings(CORSGUARD={"allow_origins": [APP]}, ROOT_URLCONF=name):
        for path, page, reason in (("x", APP, "The path is closed"), ("y", stranger, "It is not listed.")):
            found = check(f"{name}:app", page=page, url=f"/{path}")
            assert (found.beginning, found.rehearsal is not None) == ((), True)
            assert reason in found.rehearsal.reasons[0]
            assert [problem.code for problem in found.rehearsal.around] == ["E901"]


def test_other_django_settings_are_not_loaded_over_the_active_ones(module):
    # The tests themselves have configured Django.
    with pytest.raises(LoadError, match="other Django settings are loaded already"):
        load_guarded(module)


TOML = """\
allow_origins = ["https://app.example.com"]

[environments.staging]
allow_headers = ["X-Token"]
[environments.production]
"""
NAMED = """\
[policies.app]
allow_origins = ["https://app.example.com"]
[paths]
"/api" = "app"
"/open" = { allow_origins = "*" }
[environments.production.policies.app]
max_age = 60
"""


def test_a_file_has_the_line_that_decides(here):
    (here / "cors.toml").write_text(TOML)
    guard = load_guarded("cors.toml", "staging")
    there = guard.find(environ())
    assert guard.name == "cors.toml"
    assert guard.place_of(there, "allow_headers") == Place("cors.toml, line 4", "toml", ("environments", "staging"))
    assert guard.place_of(there, "allow_origins") == Place("cors.toml, line 1", "toml")
    assert guard.place_of(there, "max_age") == Place("cors.toml, at the top", "toml")


def test_a_file_with_named_policies_has_the_line_of_the_policy(here):
    (here / "cors.toml").write_text(NAMED)
    guard = load_guarded("cors.toml", "production")
    app, everyone = guard.find(environ("/api")), guard.find(environ("/open"))
    assert guard.place_of(app, "max_age") == Place(
        "cors.toml, line 7", "toml", ("environments", "production", "policies", "app")
    )
    assert guard.place_of(app, "allow_headers") == Place("cors.toml, below line 1", "toml", ("policies", "app"))
    assert guard.place_of(everyone, "allow_origins") == Place("cors.toml, line 5", "toml", ("paths", "/open"))
    assert guard.find(environ("/")).policy == "unguarded"
    assert [guard.find(environ(path)).name for path in ("/api/x", "/open", "/")] == ["app", "/open", ""]


@pytest.mark.parametrize(
    ("text", "environment", "said"),
    [
        (TOML, None, "has the environments staging, production, and none is chosen. Write --env staging."),
        (TOML, "prodution", 'and none is called "prodution". Write --env production.'),
        ('allow_origins = "*"\n', "production", "has no environments. Leave out --env production."),
    ],
)
def test_an_environment_is_chosen_by_its_name(here, text, environment, said):
    (here / "cors.toml").write_text(text)
    with pytest.raises(LoadError) as caught:
        load_guarded(None, environment)
    assert said in str(caught.value)


def test_only_a_file_has_environments(module):
    with pytest.raises(LoadError, match="--env staging chooses an environment of a TOML file"):
        load_guarded(f"{module}:POLICY", "staging")


def test_without_a_name_the_file_in_this_folder_is_used(here):
    """
    Without a file, the error shows the four forms.
    """
    with pytest.raises(LoadError) as caught:
        load_guarded()
    for form in ("There is no cors.toml", "module:attribute", "create_app()", "mysite.settings"):
        assert form in str(caught.value)
    # Some commands without the option print this too.
    assert "--env" not in str(caught.value)
    (here / "cors.toml").write_text('allow_origins = "*"\n')
    assert load_guarded().name == "cors.toml"


SETTINGS = """
SECRET_KEY = "tests only"
MIDDLEWARE = {middleware}
CORSGUARD = {{"allow_origins": ["https://app.example.com"]}}
"""
ASK = """
from corsguard.diagnosis.guarded import load_guarded
guard = load_guarded({name!r})
there = guard.find({{"REQUEST_METHOD": "GET", "PATH_INFO": "/"}})
policy = there.policy
is_guarded = policy != "unguarded"
print(guard.name, [problem.code for problem in guard.problems], policy.allow_origins if is_guarded else policy)
if is_guarded:
    print(*guard.place_of(there, "max_age")[:2])
"""


@pytest.mark.parametrize(
    ("middleware", "name", "printed"),
    [
        (["corsguard_django.middleware.CORSMiddleware"], None, "shop [] ('https://app.example.com',)\nshop django\n"),
        (["corsguard_django.middleware.CORSMiddleware"], "shop", "shop [] ('https://app.example.com',)\nshop django\n"),
        # Settings without the middleware guard nothing, whatever they say.
        ([], "shop", "shop ['W901'] unguarded\n"),
    ],
)
def test_django_settings_are_loaded_with_the_results_of_the_checks(here, middleware, name, printed):
    (here / "shop.py").write_text(SETTINGS.format(middleware=middleware))
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "shop"}
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(name=name)], capture_output=True, text=True, check=True, env=variables
    )
    assert done.stdout == printed


LINES = '''\
# allow_origins = ["https://c.example"]
allow_origins = ["https://a.example", # "https://c.example"
  "https://b.example" ]
max_age = 1.5
[policies."my app"]
allow_headers = ["X-A"]
other = { a = 1, b.c = ["q", { d = "e" }] }
[environments.production.policies]
app = { allow_origins = ["z"] }
[[x.y]]
k = """a
[no.table]
b"""
[paths]
"/api" = "app"
'/open' = 'none'
[environments.dev]

[environments.prod]
allow_methods = [
  "GET",
  "patch",
]
'''


@pytest.mark.parametrize(
    ("place", "value", "line"),
    [
        (("allow_origins",), None, 2),
        (("allow_origins",), "https://b.example", 3),
        (("allow_origins",), "https://c.example", 2),
        (("allow_origins",), 7, 2),
        (("max_age",), None, 4),
        (("policies", "my app", "allow_headers"), "X-A", 6),
        (("policies", "my app", "other", "b", "c"), "e", 7),
        (("environments", "production", "policies", "app", "allow_origins"), None, 9),
        (("x", "y", "k"), None, 11),
        (("no", "table"), None, None),
        (("paths", "/api"), None, 15),
        (("paths", "/open"), None, 16),
        (("environments", "dev", "allow_origins"), None, 17),
        (("environments", "prod", "allow_methods"), "patch", 22),
        (("nowhere",), None, None),
        ((), None, None),
    ],
)
def test_the_line_of_a_key_is_found_in_the_text_of_a_file(place, value, line):
    assert Positions(LINES).line_of(place, value) == line


def test_a_line_is_exact_or_that_of_the_enclosing_table():
    assert Positions(LINES).line_of(("environments", "dev", "max_age")) == 17
    assert Positions(LINES).line_of(("environments", "dev", "max_age"), exact=True) is None


@pytest.mark.parametrize("text", ["", "=", "a = [=]", "[[", "a = {", "]}", "a = [ } ]", '"', "[a.b"])
def test_the_search_for_a_line_ends_for_every_text(text):
    assert Positions(text).line_of(("x",)) is None


def test_the_loaded_policy_is_the_named_one(module):
    assert isinstance(load_guarded(f"{module}:POLICY").find(environ()).policy, Policy)
