"""
A configuration in place of a policy: in a guard, in a tag, in Flask and in Django.
"""

import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit.configuring import APP, ONE, SEVERAL, hello
from werkzeug.test import Client

from corsguard import CORSMiddleware, Policies, Policy, PolicyError, explain
from corsguard.configuration import Configuration


def asked(application, path="/", origin=APP):
    """
    Return `Access-Control-Allow-Origin` of the answer of *application*, or None.
    """
    return Client(application).get(path, headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin")


def test_a_guard_takes_a_configuration(file, caplog):
    one, several = Configuration.from_file(file(ONE), "production"), Configuration.from_file(file(SEVERAL), "live")
    assert Policies(one).policy is one.policies["policy"]
    assert asked(CORSMiddleware(hello, one)) == APP
    guard = CORSMiddleware(hello, None)
    guard.policy = several
    assert (asked(guard, "/api"), asked(guard, "/api/open"), asked(guard, "/admin")) == (APP, "*", None)
    assert "W403 cors.toml: policies.open.allow_origins" in caplog.text
    assert guard.policy_for({"PATH_INFO": "/admin"}) is None
    assert explain(several, {"REQUEST_METHOD": "GET", "PATH_INFO": "/api", "HTTP_ORIGIN": APP}).headers


def test_a_policy_of_a_configuration_tags_a_view_and_can_be_pickled(file):
    from corsguard import cors
    from corsguard.adapters import tag_of

    policy = Configuration.from_file(file(SEVERAL), "live").policies["partner"]
    assert tag_of(cors(policy)(lambda: "view")).policy is policy
    assert pickle.loads(pickle.dumps(policy)) == policy


def test_flask_takes_a_configuration_as_a_policy_and_from_its_config(file):
    from flask import Flask

    from corsguard_flask import CORSGuard

    configuration = Configuration.from_file(file(ONE), "production")
    app = Flask("configured")
    CORSGuard(app, configuration)
    assert asked(app) == APP
    app = Flask("configured")
    app.config["CORSGUARD"] = configuration
    # The application's own config is not the policy of the guard.
    assert CORSGuard(app).policy is None
    assert policy_in(app) is configuration.policies["policy"]


def policy_in(app):
    """
    Return the policy that guards the Flask application *app*.
    """
    return app.wsgi_app.__self__.policy


PREFIXED = {
    "text with commas": {"ALLOW_ORIGINS": "https://a.example,https://b.example"},
    "a list in JSON": {"ALLOW_ORIGINS": '["https://a.example", "https://b.example"]'},
    "the keyword itself, in JSON": {"allow_origins": '["https://a.example", "https://b.example"]'},
}


@pytest.mark.parametrize("variables", PREFIXED.values(), ids=PREFIXED.keys())
def test_flask_reads_what_from_prefixed_env_put_into_its_config(monkeypatch, variables):
    from flask import Flask

    from corsguard_flask import CORSGuard

    for name, value in variables.items():
        monkeypatch.setenv(f"FLASK_CORSGUARD__{name}", value)
    capitals = all(map(str.isupper, variables))
    monkeypatch.setenv("FLASK_CORSGUARD__MAX_AGE" if capitals else "FLASK_CORSGUARD__max_age", "600")
    monkeypatch.setenv(
        "FLASK_CORSGUARD__ALLOW_CREDENTIALS" if capitals else "FLASK_CORSGUARD__allow_credentials", "true"
    )
    app = Flask("prefixed")
    app.config.from_prefixed_env()
    CORSGuard(app)
    assert policy_in(app) == Policy(
        allow_origins=["https://a.example", "https://b.example"], max_age=600, allow_credentials=True
    )


MISTAKEN_CONFIGS = {
    "misspelled": (
        {"CORSGUARD__ALLOW_ORIGIN": "https://a.example"},
        (
            'E817 CORSGUARD__ALLOW_ORIGIN: There is no variable "CORSGUARD__ALLOW_ORIGIN".\n'
            "    fix: CORSGUARD__ALLOW_ORIGINS"
        ),
    ),
    "one underscore": (
        {"CORSGUARD_ALLOW_ORIGINS": "https://a.example"},
        (
            'E817 CORSGUARD_ALLOW_ORIGINS: There is no variable "CORSGUARD_ALLOW_ORIGINS".\n'
            "    fix: CORSGUARD__ALLOW_ORIGINS"
        ),
    ),
    "one underscore next to two": (
        {"CORSGUARD__ALLOW_ORIGINS": "*", "CORSGUARD_MAX_AGE": "60"},
        'E817 CORSGUARD_MAX_AGE: There is no variable "CORSGUARD_MAX_AGE".\n    fix: CORSGUARD__MAX_AGE',
    ),
    "next to a keyword": (
        {"CORSGUARD__allow_origins": '["https://a.example"]', "CORSGUARD__MAX_AGE": "60"},
        (
            'E817 CORSGUARD__allow_origins: There is no variable "CORSGUARD__allow_origins".\n'
            "    fix: CORSGUARD__ALLOW_ORIGINS"
        ),
    ),
    "a number for a bool": (
        {"CORSGUARD__ALLOW_ORIGINS": "https://a.example", "CORSGUARD__ALLOW_CREDENTIALS": "1"},
        (
            "E701 CORSGUARD__ALLOW_CREDENTIALS: Expected a bool (true or false), got 1. No other value is converted, "
            "because "
            'the text "false" could then count as true.\n    fix: CORSGUARD__ALLOW_CREDENTIALS=true'
        ),
    ),
}


@pytest.mark.parametrize(("variables", "told"), MISTAKEN_CONFIGS.values(), ids=MISTAKEN_CONFIGS.keys())
def test_a_mistake_in_prefixed_variables_is_reported_by_flask(monkeypatch, variables, told):
    from flask import Flask

    from corsguard_flask import CORSGuard

    for name, value in variables.items():
        monkeypatch.setenv(f"FLASK_{name}", value)
    app = Flask("prefixed")
    app.config.from_prefixed_env()
    with pytest.raises(PolicyError) as error:
        CORSGuard(app)
    assert str(error.value).split("\n")[1:-1] == told.split("\n")
    assert error.value.__notes__ == ["This is app.config['CORSGUARD'] of 'prefixed'."]


def test_django_takes_a_configuration_as_its_setting(file, tmp_path):
    file(ONE)
    (tmp_path / "project.py").write_text(
        "import os\n"
        "from corsguard.configuration import Configuration\n"
        'SECRET_KEY = "only a test"\n'
        'CORSGUARD = Configuration.from_file("cors.toml", os.environ.get("APP_ENV"))\n'
        'MIDDLEWARE = ["corsguard_django.middleware.CORSMiddleware"]\n'
        'INSTALLED_APPS = ["corsguard_django"]\n'
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "APP_ENV"))}

    def check(**more):
        return subprocess.run(
            [sys.executable, "-m", "django", "check", "--settings=project", "--pythonpath=."],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(Path(__file__).parents[2]), **more},
            capture_output=True,
            text=True,
            check=False,
        )

    assert check(APP_ENV="production").returncode == 0
    told = check().stderr
    assert "E814 cors.toml: environments: None is not an environment. Known: development, staging, production." in (
        told
    )
    (tmp_path / "cors.toml").write_text(
        ONE.replace("[environments.production]", '[environments.production]\nallow_origins = ["http://localhost"]')
    )
    told = check(APP_ENV="production").stderr
    assert re.search(r"CORSGUARD: cors.toml: environments.production.allow_origins: \(corsguard.W401\)", told)
