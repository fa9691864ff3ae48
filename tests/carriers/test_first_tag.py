"""
Tags cost nothing before the first one exists, and the first one is noticed. Each test is a process of its own, because
a process has a first tag only once.
"""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def run(program, path=TESTS):
    command = [sys.executable, "-W", "error", "-c", program]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=path)
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


FLASK = """
import flask
from kit.flask_requests import APP, OTHER, ask
from corsguard import cors
from corsguard.adapters import tags_made
from corsguard_flask import CORSGuard

app = flask.Flask("first")
app.add_url_rule("/", "index", lambda: "index")
guard = CORSGuard(app, {{"allow_origins": [APP]}})

def says():
    return "shared" if ("access-control-allow-origin", OTHER) in ask(app, origin=OTHER).cors else "refused"

print(says(), tags_made())
{swap}
cors(allow_origins=[OTHER])(app.view_functions["index"])
print(says(), tags_made())
{swap}
print(says())
"""


@pytest.mark.parametrize("swap", ["", 'guard.policy = {"allow_origins": [APP]}'])
def test_flask_notices_the_first_tag(swap):
    """
    The policy may be swapped before and after it.
    """
    assert run(FLASK.format(swap=swap)) == ["refused", "0", "shared", "1", "shared"]


DJANGO = """
import sys
import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    CORSGUARD={"allow_origins": ["https://app.example.com"]},
    MIDDLEWARE=["corsguard_django.middleware.CORSMiddleware", *{inner}],
    ROOT_URLCONF="views",
)
django.setup()

from django.test import Client
from corsguard.adapters import tags_made

assert "views" not in sys.modules
for origin in ("https://app.example.com", "https://other.example.net"):
    response = Client(headers={"Origin": origin}).get("/")
    print(response.status_code, response.headers.get("Access-Control-Allow-Origin"), tags_made())
"""

VIEWS = """
from django.http import HttpResponse
from django.urls import path
from corsguard_django import cors

def index(request):
    return HttpResponse("index")

urlpatterns = [path("", index)]
"""

LOGIN = """
from django.http import HttpResponse

def asked(get_response):
    return lambda request: HttpResponse("who are you?", status=401)
"""


@pytest.mark.parametrize("asks_first", [False, True], ids=["the view answers", "a layer before it answers"])
@pytest.mark.parametrize("is_tagged", [False, True], ids=["untagged", "tagged"])
def test_django_notices_a_tag_that_the_first_request_imports(tmp_path, asks_first, is_tagged):
    tag = '@cors(allow_origins=["https://other.example.net"])\ndef index'
    (tmp_path / "views.py").write_text(VIEWS.replace("def index", tag) if is_tagged else VIEWS)
    (tmp_path / "login.py").write_text(LOGIN)
    program = DJANGO.replace("{inner}", '["login.asked"]' if asks_first else "[]")
    status, made = ("401" if asks_first else "200"), str(int(is_tagged))
    yes = "https://other.example.net" if is_tagged else "https://app.example.com"
    answers = [["None", yes], [yes, "None"]][not is_tagged]
    assert run(program, tmp_path) == [status, answers[0], made, status, answers[1], made]
