"""
A process that serves requests loads none of the tools of migration. A process that asks for a translation gets it.
"""

import subprocess
import sys

import corsguard_flask

# A worker could load these by accident: the package, and the adapters' own files about other libraries.
OURS = """
import sys
print(*(name for name in sys.modules if name.startswith("corsguard")))
"""

FLASK = """
from flask import Flask
from corsguard_flask import CORSGuard, cors

app = Flask("shop")
CORSGuard(app, {"allow_origins": ["https://*.example.com"]})

@app.get("/tagged")
@cors(allow_origins="*")
def tagged():
    return "hello"

answer = app.test_client().get("/tagged", headers={"Origin": "https://app.example.com"})
assert answer.headers["Access-Control-Allow-Origin"] == "*"
"""

DJANGO = """
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import path
from corsguard_django import cors

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["corsguard_django"],
    MIDDLEWARE=["corsguard_django.middleware.CORSMiddleware"],
    ROOT_URLCONF=__name__,
    CORS_REGION="a setting of the project's own",
    SECRET_KEY="x" * 60,
    **CORSGUARD,
)
django.setup()
urlpatterns = [path("tagged", cors(allow_origins="*")(lambda request: HttpResponse()))]

from django.core.checks import run_checks
from django.test import Client

run_checks()
answer = Client().get("/tagged", headers={"Origin": "https://app.example.com"})
assert answer.headers["Access-Control-Allow-Origin"] == "*"
"""


def migration_loaded_by(code):
    """
    Return our modules of migration that *code* loads in a fresh interpreter.
    """
    command = [sys.executable, "-P", "-c", code + OURS]
    names = subprocess.run(command, capture_output=True, check=True, text=True, timeout=60).stdout.split()
    assert "corsguard.policy" in names
    return [name for name in names if any(word in name for word in ("moving", "translation", "regexes"))]


def test_a_flask_worker_loads_no_tools_of_migration():
    assert migration_loaded_by(FLASK) == []


def test_a_django_worker_loads_no_tools_of_migration():
    assert migration_loaded_by('CORSGUARD = {"CORSGUARD": {"allow_origins": ["https://*.example.com"]}}' + DJANGO) == []


def test_a_django_worker_without_a_policy_of_its_own_loads_no_tools_of_migration():
    assert migration_loaded_by("CORSGUARD = {}" + DJANGO) == []


def test_a_process_that_asks_for_a_translation_gets_it():
    asked = "from corsguard_flask import translate, translate_view"
    assert "corsguard.moving.translation" in migration_loaded_by(asked)
    assert {"CORSGuard", "cors", "translate", "translate_view"} <= {*dir(corsguard_flask)}
    assert corsguard_flask.translate.__module__ == "corsguard_flask.translation"
