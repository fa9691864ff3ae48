"""
What the translation of django-cors-headers says about the files of the settings, tried on projects with real files.
"""

import os
import subprocess
import sys
from textwrap import dedent
from types import SimpleNamespace

import pytest
from kit.sharing import share

from corsguard import Policy
from corsguard.names import CHROMIUM_MAX_AGE

COMMON = """
    import os
    SECRET_KEY = "tests only"
    ROOT_URLCONF = "shop.urls"
    INSTALLED_APPS = ["corsheaders", "corsguard_django"]
    MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware", "django.middleware.common.CommonMiddleware"]
"""
URLS = "urlpatterns = []\n"


@pytest.fixture
def project(tmp_path):
    """
    Return a function that writes the files of a project below *tmp_path*, and returns their folder.
    """

    def write(**files):
        for name, text in {"urls": URLS, "__init__": "", **files}.items():
            path = (
                tmp_path / "shop" / f"{name.replace('__init__', '..').replace('__', '/').replace('..', '__init__')}.py"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        return tmp_path

    return write


def run(here, settings, *arguments, **variables):
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": settings, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    environ.pop("PYTHONPATH", None)
    command = [sys.executable, *(arguments or ("-m", "django", "check"))]
    return subprocess.run(command, cwd=here, env=environ, capture_output=True, text=True, timeout=60, check=False)


def printed(done):
    """
    Return the code that the check printed, and its notes as one line.
    """
    code = done.stderr.partition("HINT: ")[2].partition("\n\n")[0]
    assert "CORSGUARD = {" in code, done.stderr
    return code, " ".join(line.strip().removeprefix("# ") for line in code.splitlines())


def value_of(code, **names):
    """
    Return CORSGUARD as *code* defines it in a module that has *names*.
    """
    scope = {"MIDDLEWARE": [], "INSTALLED_APPS": [], **names}
    exec(code, scope)
    return scope["CORSGUARD"]


def test_a_single_settings_file_is_named(project):
    here = project(settings=COMMON + '    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]\n')
    _, told = printed(run(here, "shop.settings"))
    assert "at the end of shop/settings.py." in told


def test_the_file_that_has_the_settings_is_named(project):
    """
    The file in use only imports it. The translation belongs into the imported one.
    """
    here = project(
        settings__base=COMMON + '    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]\n',
        settings__production="from .base import *\nDEBUG = False\n",
    )
    code, told = printed(run(here, "shop.settings.production"))
    assert "at the end of shop/settings/base.py." in told
    base = here / "shop" / "settings" / "base.py"
    base.write_text(base.read_text().replace("CORS_ALLOWED", "OLD_ALLOWED") + code)
    assert "corsguard.E9" not in run(here, "shop.settings.production").stderr


def test_other_files_with_settings_are_named(project):
    """
    Settings of other environments are named with their lines, because nothing reads them next to ours.
    """
    here = project(
        settings__base=COMMON
        + '    CORS_ALLOWED_ORIGINS = ["http://localhost:3000"]\n    CORS_ALLOW_CREDENTIALS = True\n',
        settings__production='from .base import *\n\nCORS_ORIGIN_WHITELIST = ["https://shop.example"]\n',
    )
    _, told = printed(run(here, "shop.settings.base"))
    assert "shop/settings/production.py, line 3 (CORS_ORIGIN_WHITELIST)" in told


def test_settings_in_several_files_belong_into_the_last_one(project):
    here = project(
        settings__base=COMMON + "    CORS_ALLOW_CREDENTIALS = True\n",
        settings__production='from .base import *\nCORS_ALLOWED_ORIGINS = ["https://shop.example"]\n',
    )
    code, told = printed(run(here, "shop.settings.production"))
    assert "of shop/settings/production.py, shop/settings/base.py, at the end of shop/settings/production.py." in told
    assert value_of(code)["allow_credentials"] is True


def test_a_later_place_of_middleware_is_named(project):
    """
    MIDDLEWARE gets its value after the file that the translation belongs into.
    """
    here = project(
        settings__cors='CORS_ALLOWED_ORIGINS = ["https://app.example.com"]\n',
        settings__all="from .cors import *\n" + dedent(COMMON),
    )
    _, told = printed(run(here, "shop.settings.all"))
    assert "The lines about MIDDLEWARE belong where it is set: shop/settings/all.py, line 7." in told


def test_a_middleware_that_is_removed_by_name_is_named(project):
    here = project(
        settings__base=COMMON + '    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]\n',
        settings__testing="""
            from .base import *
            if "corsheaders.middleware.CorsMiddleware" in MIDDLEWARE:
                MIDDLEWARE.remove("corsheaders.middleware.CorsMiddleware")
            MIDDLEWARE.insert(0, "x")
        """,
    )
    _, told = printed(run(here, "shop.settings.base"))
    assert "shop/settings/testing.py, line 3 (corsheaders.middleware.CorsMiddleware), line 4" in told
    assert "base.py, line 6 (corsheaders" not in told


def test_uses_of_the_old_settings_are_named(project):
    """
    They fail once the settings are deleted, or django-cors-headers is uninstalled.
    """
    here = project(
        settings=COMMON
        + """
    from corsheaders.defaults import default_headers
    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    CORS_ALLOW_HEADERS = [*default_headers, "x-token"]
    CSRF_TRUSTED_ORIGINS = CORS_ALLOWED_ORIGINS
    """,
        urls="""
            from django.conf import settings
            from corsheaders.signals import check_request_enabled
            pages = settings.CORS_ALLOWED_ORIGINS
            more = getattr(settings, "CORS_ALLOW_ALL_ORIGINS", False)
            urlpatterns = []
        """,
    )
    code, told = printed(run(here, "shop.settings"))
    assert "shop/settings.py, line 8 (corsheaders.defaults), line 11 (CORS_ALLOWED_ORIGINS)" in told
    assert "shop/urls.py, line 3 (corsheaders.signals), line 4 (CORS_ALLOWED_ORIGINS), line 5 (CORS_ALLOW_ALL" in told
    assert value_of(code)["allow_headers"][-1] == "x-token"


def test_a_project_without_source_is_translated_and_no_file_is_named(project):
    here = project(settings=COMMON + '    CORS_ALLOWED_ORIGINS = os.environ["PAGES"].split(",")\n')
    program = (
        "import os, py_compile as c; c.compile('shop/settings.py', 'shop/settings.pyc'); os.remove('shop/settings.py')"
    )
    assert run(here, "x", "-c", program).returncode == 0
    code, told = printed(run(here, "shop.settings", PAGES="https://app.example.com"))
    assert "at the end of the settings." in told
    assert value_of(code)["allow_origins"] == ["https://app.example.com"]


@pytest.mark.parametrize(
    "expression",
    share(
        [
            'os.environ["PAGES"].split(",")',
            '[page.strip() for page in os.environ["PAGES"].split(",")]',
            "ours(os.environ)",
            "list(map(str.strip, os.environ['PAGES'].split(',')))",
            "Environment().pages",
        ],
        2,
    ),
)
def test_an_expression_is_printed_in_place_of_its_value(project, expression):
    """
    The values come from the environment, so the expression is printed, not its value in this process.
    """
    more = """
    def ours(environ):
        return environ["PAGES"].split(",")
    class Environment:
        pages = ours(os.environ)
    """
    here = project(settings=f"{COMMON}{more}\n    CORS_ALLOWED_ORIGINS = {expression}\n")
    code, told = printed(run(here, "shop.settings", PAGES="https://app.example.com"))
    assert "CORS_ALLOWED_ORIGINS (shop/settings.py, line 13)" in told
    settings = here / "shop" / "settings.py"
    settings.write_text(settings.read_text().replace("CORS_ALLOWED", "OLD_ALLOWED") + code)
    program = "from django.conf import settings; print(settings.CORSGUARD['allow_origins'])"
    assert run(here, "shop.settings", "-c", program, PAGES="https://b.example").stdout == "['https://b.example']\n"


@pytest.mark.parametrize(
    "lines",
    share(
        [
            'PAGES = ["https://app.example.com"]\n    CORS_ALLOWED_ORIGINS = PAGES + []',
            'CORS_ALLOWED_ORIGINS = "https://app.example.com".split(",")',
            'CORS_ALLOWED_ORIGINS = []\n    CORS_ALLOWED_ORIGINS += ["https://app.example.com"]',
            'CORS_ALLOWED_ORIGINS = [f"https://{name}.example.com" for name in ("app",)]',
            "from .pages import PAGES\n    CORS_ALLOWED_ORIGINS = tuple(PAGES)",
            "from . import pages\n    CORS_ALLOWED_ORIGINS = pages.PAGES",
        ],
        2,
    ),
)
def test_a_value_that_is_the_same_in_each_process_is_printed(project, lines):
    here = project(settings=f"{COMMON}\n    {lines}\n", pages='PAGES = ["https://app.example.com"]\n')
    code, told = printed(run(here, "shop.settings"))
    assert '"allow_origins": ["https://app.example.com"],' in code
    assert "CORS_ALLOWED_ORIGINS" not in told


def test_an_expression_that_is_not_taken_unchanged_is_in_the_note(project):
    """
    An entry had to be changed, so the code has the values and the note has the expression.
    """
    here = project(settings=COMMON + '    CORS_ALLOWED_ORIGINS = os.environ["PAGES"].split(",")\n')
    code, told = printed(run(here, "shop.settings", PAGES="https://app.example.com/,https://b.example"))
    assert value_of(code)["allow_origins"] == ["https://app.example.com", "https://b.example"]
    assert "os.environ['PAGES'].split(',')" in told


def test_an_expression_that_needs_the_old_names_is_only_in_the_note(project):
    here = project(
        settings=COMMON
        + """
    from corsheaders.defaults import default_headers
    CORS_ALLOWED_ORIGINS = os.environ["PAGES"]
    CORS_ALLOWED_ORIGINS = CORS_ALLOWED_ORIGINS.split(",")
    CORS_ALLOW_HEADERS = [*default_headers, *os.environ["HEADERS"].split(",")]
    """
    )
    code, told = printed(run(here, "shop.settings", PAGES="https://app.example.com", HEADERS="x-token"))
    policy = value_of(code)
    assert policy["allow_origins"] == ["https://app.example.com"]
    assert policy["allow_headers"][-1] == "x-token"
    assert "CORS_ALLOW_HEADERS (shop/settings.py, line 11) may differ" in told
    assert "CORS_ALLOWED_ORIGINS (shop/settings.py, line 10) may differ" in told
    assert "CORS_* settings too" not in told


def test_names_of_variables_and_of_parts_are_no_settings(project):
    """
    A variable may have the name of a setting, and a part of a setting a name like theirs. Only a name that nothing uses
    has no effect.
    """
    here = project(
        settings=COMMON
        + """
    class Env(dict):
        pass
    CORS_EXTRA_PAGES = os.environ["CORS_ALLOWED_ORIGINS"].split(",")
    CORS_ALLOWED_ORIGINS = [*CORS_EXTRA_PAGES]
    CSRF_TRUSTED_ORIGINS = Env(CORS_ALLOWED_ORIGINS=[])
    CORS_ALLOWED_HEADERS = []
    """
    )
    _, told = printed(run(here, "shop.settings", CORS_ALLOWED_ORIGINS="https://app.example.com"))
    assert "These use" not in told
    assert "CORS_ALLOWED_HEADERS: unknown" in told


DEBUG = 'DEBUG = os.environ.get("DEBUG") == "1"'
CONDITIONS = [
    "CORS_ALLOW_ALL_ORIGINS = DEBUG\n    CORS_ALLOWED_ORIGINS = ['https://app.example.com']",
    "if DEBUG:\n        CORS_ALLOW_ALL_ORIGINS = True\n    else:\n        CORS_ALLOWED_ORIGINS = ['https://app.example.com']",
    "CORS_ALLOWED_ORIGINS = ['https://app.example.com']\n    if DEBUG:\n        CORS_ALLOW_ALL_ORIGINS = True",
]


@pytest.mark.parametrize("lines", share(CONDITIONS, 2))
@pytest.mark.parametrize("debug", ["0", "1"])
def test_everyone_in_development_keeps_its_condition(project, lines, debug):
    """
    A setting that lets everyone in on a developer's machine is printed with its condition.
    """
    here = project(settings=f"{COMMON}    {DEBUG}\n    {lines}\n")
    code, _ = printed(run(here, "shop.settings", DEBUG=debug))
    assert value_of(code, DEBUG=True)["allow_origins"] == "*"
    assert value_of(code, DEBUG=False)["allow_origins"] in (["https://app.example.com"], [])


def test_origins_of_development_keep_their_condition(project):
    here = project(
        settings=f"""{COMMON}    {DEBUG}
    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    if DEBUG:
        CORS_ALLOWED_ORIGINS += ["http://localhost:3000"]
    """
    )
    code, _ = printed(run(here, "shop.settings", DEBUG="1"))
    assert value_of(code, DEBUG=True)["allow_origins"] == ["https://app.example.com", "http://localhost:3000"]
    assert value_of(code, DEBUG=False)["allow_origins"] == ["https://app.example.com"]


def test_expressions_of_development_keep_their_condition(project):
    """
    They are printed next to a list that has a condition of its own.
    """
    here = project(
        settings=f"""{COMMON}    {DEBUG}
    CORS_ALLOWED_ORIGINS = os.environ["PAGES"].split(",")
    if DEBUG:
        CORS_ALLOWED_ORIGIN_REGEXES = [r"^http://localhost(:\\d+)?$"]
    """
    )
    code, _ = printed(run(here, "shop.settings", DEBUG="1", PAGES="https://app.example.com"))
    names = {"os": SimpleNamespace(environ={"PAGES": "https://b.example"})}
    assert value_of(code, DEBUG=True, **names)["allow_origins"] == ["https://b.example", "http://localhost:*"]
    assert value_of(code, DEBUG=False, **names)["allow_origins"] == ["https://b.example"]


def test_a_proposed_pattern_is_a_comment_next_to_the_values(project):
    """
    The values of this process are the list.
    """
    here = project(
        settings=COMMON
        + """
    CORS_ALLOWED_ORIGINS = os.environ["PAGES"].split(",")
    CORS_ALLOWED_ORIGIN_REGEXES = [r"^https://\\w+\\.example\\.com$"]
    """
    )
    code, told = printed(run(here, "shop.settings", PAGES="https://b.example"))
    assert '# "https://*.example.com",' in code
    assert value_of(code)["allow_origins"] == ["https://b.example"]
    assert "the source says os.environ['PAGES'].split(',')" in told


def test_a_condition_that_is_not_an_expression_is_in_the_note(project):
    """
    A value that depends on an exception is printed as it is in this process.
    """
    here = project(
        settings=f"""{COMMON}
    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    try:
        from .local import *
    except ImportError:
        pass
    """,
        local='CORS_ALLOWED_ORIGINS = ["http://localhost:3000"]\n',
    )
    code, told = printed(run(here, "shop.settings"))
    assert value_of(code)["allow_origins"] == ["http://localhost:3000"]
    assert "shop/local.py, line 1 only if this try succeeds" in told


def test_credentials_and_max_age_are_written_as_expressions(project):
    here = project(
        settings=COMMON
        + """
    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    CORS_ALLOW_CREDENTIALS = os.environ.get("COOKIES") == "1"
    CORS_PREFLIGHT_MAX_AGE = int(os.environ.get("AGE", "600"))
    """
    )
    code, _ = printed(run(here, "shop.settings"))
    policy = value_of(code, os=SimpleNamespace(environ={"COOKIES": "1", "AGE": "60"}))
    assert (policy["allow_credentials"], policy["max_age"]) == (True, 60)


def test_what_is_empty_or_no_bool_in_this_process_is_said(project):
    here = project(
        settings=COMMON
        + """
    CORS_ALLOWED_ORIGINS = os.environ.get("PAGES", "").split()
    CORS_ALLOW_CREDENTIALS = os.environ.get("COOKIES", "false")
    globals().update(CORS_ALLOW_METHODS=["GET"], CORS_PREFLIGHT_MAX_AGE=60)
    """
    )
    code, told = printed(run(here, "shop.settings"))
    assert "It is empty in this process. Without an origin, this policy is refused: set it, or write" in told
    assert "os.environ.get('PAGES', '').split()," in code
    assert "CORS_ALLOW_CREDENTIALS (shop/settings.py, line 9) may differ in other processes" in told
    assert "Set in a way that the source does not show: CORS_ALLOW_METHODS, CORS_PREFLIGHT_MAX_AGE." in told


def test_a_conditional_setting_has_its_default_otherwise(project):
    """
    django-cors-headers uses its default where a setting does not exist. The expression does the same.
    """
    here = project(
        settings=f"""{COMMON}    {DEBUG}
    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]
    if not DEBUG:
        CORS_ALLOW_CREDENTIALS = True
        CORS_ALLOW_METHODS = ["GET"]
        CORS_EXPOSE_HEADERS = ["ETag"]
        CORS_PREFLIGHT_MAX_AGE = 60
    """
    )
    code, _ = printed(run(here, "shop.settings"))
    policies = [Policy(**value_of(code, DEBUG=debug)) for debug in (False, True)]
    assert [policy.allow_credentials for policy in policies] == [True, False]
    assert [policy.allow_methods for policy in policies] == [("GET",), ("DELETE", "GET", "PATCH", "POST", "PUT")]
    assert [policy.expose_headers for policy in policies] == [("ETag",), ()]
    assert [policy.max_age for policy in policies] == [60, CHROMIUM_MAX_AGE]


def test_a_derived_middleware_is_removed_and_named(project):
    """
    Next to ours it would be a second middleware, and no server would start.
    """
    here = project(
        settings=COMMON.replace("corsheaders.middleware.", "shop.middleware.")
        + '    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]\n',
        middleware="""
            import corsheaders.middleware
            class CorsMiddleware(corsheaders.middleware.CorsMiddleware):
                pass
        """,
    )
    code, told = printed(run(here, "shop.settings"))
    assert "shop.middleware.CorsMiddleware is a class of its own: what it changes is not read." in told
    assert "no middleware of django-cors-headers" not in told
    scope = {"MIDDLEWARE": ["shop.middleware.CorsMiddleware", "another"], "INSTALLED_APPS": []}
    exec(code, scope)
    assert scope["MIDDLEWARE"] == ["corsguard_django.middleware.CORSMiddleware", "another"]


def test_settings_without_a_middleware_had_no_effect(project):
    """
    No middleware read them, so the translation shares more, and says so. The app is removed under each of its names.
    """
    here = project(
        settings=COMMON.replace('"corsheaders.middleware.CorsMiddleware", ', "").replace(
            '"corsheaders",', '"corsheaders.apps.CorsHeadersAppConfig",'
        )
        + '    CORS_ALLOWED_ORIGINS = ["https://app.example.com"]\n'
    )
    code, told = printed(run(here, "shop.settings"))
    assert "MIDDLEWARE has no middleware of django-cors-headers, so these settings had no effect" in told
    scope = {"MIDDLEWARE": [], "INSTALLED_APPS": ["corsheaders.apps.CorsHeadersAppConfig", "another"]}
    exec(code, scope)
    assert scope["INSTALLED_APPS"] == ["corsguard_django", "another"]


CLASSES = {
    "common": """
        from configurations import Configuration
        class Common(Configuration):
            SECRET_KEY = "tests only"
            ROOT_URLCONF = "shop.urls"
            INSTALLED_APPS = ["corsheaders", "corsguard_django"]
            MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]
            CORS_ALLOW_CREDENTIALS = True
    """,
    "settings": """
        from configurations import values
        from .common import Common
        class Development(Common):
            CORS_ALLOWED_ORIGINS = ["http://localhost:3000"]
        class Production(Common):
            CORS_ALLOWED_ORIGINS = values.ListValue(["https://app.example.com"])
            @property
            def CORS_EXPOSE_HEADERS(self):
                return ["ETag"]
    """,
}
MANAGE = "from configurations.management import execute_from_command_line as run; run(['manage.py', 'check'])"


def test_settings_of_a_class_are_named_with_the_class(project):
    """
    The translation belongs into the class in use. Its bases and the other classes are named.
    """
    here = project(**CLASSES)
    code, told = printed(run(here, "shop.settings", "-c", MANAGE, DJANGO_CONFIGURATION="Production"))
    assert "at the end of class Production in shop/settings.py." in told
    assert "class Common in shop/common.py" in told
    assert "shop/settings.py, line 5 (CORS_ALLOWED_ORIGINS in class Development)" in told
    assert "CORS_ALLOWED_ORIGINS (shop/settings.py, line 7) may differ" in told
    path = here / "shop" / "settings.py"
    lines = path.read_text().replace("CORS_", "OLD_") + "".join(f"    {line}\n" for line in code.splitlines())
    path.write_text(lines)
    common = here / "shop" / "common.py"
    common.write_text(common.read_text().replace("CORS_", "OLD_"))
    done = run(here, "shop.settings", "-c", MANAGE, DJANGO_CONFIGURATION="Production")
    assert "corsguard.E" not in done.stderr
    assert "Traceback" not in done.stderr
    assert "identified 1 issue " in done.stderr, "W904 alone, because the values have credentials"


def test_the_lists_of_another_class_are_changed_there(project):
    """
    A class with the CORS settings alone does not see the MIDDLEWARE of another class.
    """
    middleware = '            MIDDLEWARE = ["corsheaders.middleware.CorsMiddleware"]\n'
    shared = '        class Sharing:\n            CORS_ALLOWED_ORIGINS = ["https://app.example.com"]\n'
    common = CLASSES["common"].replace("            CORS_ALLOW_CREDENTIALS = True\n", "")
    first, second = common.split("        class Common(Configuration):\n")
    here = project(
        common=f"{first}{shared}        class Common(Sharing, Configuration):\n{second}",
        settings="from .common import Common\nclass Production(Common):\n    pass\n",
    )
    assert middleware in second
    code, told = printed(run(here, "shop.settings", "-c", MANAGE, DJANGO_CONFIGURATION="Production"))
    assert "at the end of class Sharing in shop/common.py." in told
    assert "The lines about MIDDLEWARE belong where it is set: class Common in shop/common.py, line 9." in told
    assert "for name in MIDDLEWARE if" in code


# No settings at all.


def test_a_receiver_without_settings_is_found(project):
    """
    A project that decides only in a receiver of check_request_enabled gets advice about how to move.
    """
    here = project(
        settings=COMMON.replace('"corsheaders",', '"corsheaders", "shop.apps.Shop",'),
        apps="""
            from corsheaders.signals import check_request_enabled
            from django.apps import AppConfig
            def allow(sender, request, **_):
                return True
            class Shop(AppConfig):
                name = "shop"
                def ready(self):
                    check_request_enabled.connect(allow)
        """,
    )
    done = run(here, "shop.settings")
    code, told = printed(done)
    assert "corsguard.E902" in done.stderr
    assert "check_request_enabled, with shop.apps.allow" in told
    assert value_of(code)["allow_origins"] == []
    start = "from django.core.wsgi import get_wsgi_application as start; start()"
    assert run(here, "shop.settings", "-c", start).returncode == 0
    settings = here / "shop" / "settings.py"
    settings.write_text(settings.read_text() + 'MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"]\n')
    stopped = run(here, "shop.settings", "-c", start)
    assert "E902 check_request_enabled (shop.apps.allow)" in stopped.stderr
