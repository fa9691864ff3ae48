"""
What is left of flask-cors in the config of a guarded application is reported, once.
"""

import pytest
from flask import Flask
from flask_cors import CORS
from flask_cors.core import CONFIG_OPTIONS
from kit.recording import records

from corsguard_flask import CORSGuard
from corsguard_flask.predecessor import THEIRS, left_over

APP = "https://app.example.com"
__all__ = ["records"]


def guarded(**config):
    app = Flask("shop")
    app.config.update(config)
    CORSGuard(app, {"allow_origins": [APP]})
    return app


def test_the_names_are_those_of_flask_cors():
    assert {*CONFIG_OPTIONS} <= THEIRS


@pytest.mark.parametrize("name", sorted(THEIRS))
def test_a_config_of_theirs_is_reported(name):
    problem = left_over(guarded(**{name: "x"}))
    assert problem is not None
    assert (problem.code, problem.field) == ("W908", name)


@pytest.mark.parametrize(
    "config", [{}, {"CORS_ORIGINS": None}, {"CORS_ALLOWED_ORIGINS": APP}, {"CORS_HEADERS": "x"}, {"cors_origins": "x"}]
)
def test_what_flask_cors_does_not_read_is_not_reported(config):
    assert left_over(guarded(**config)) is None


def test_what_flask_cors_reads_is_not_left_over():
    """
    Where flask-cors itself is in use, its config is not ignored.
    """
    app = guarded(CORS_ORIGINS=APP)
    CORS(app)
    assert left_over(app) is None


def test_what_is_left_is_logged_once(records):
    """
    The first request says what is left, whenever the config was written; later ones say nothing.
    """
    app = guarded()
    app.config["CORS_ORIGINS"] = [APP]
    for _ in range(3):
        app.test_client().get("/", headers={"Origin": APP})
    said = [record for record in records if "W908" in record.getMessage()]
    assert len(said) == 1
    assert "CORS_ORIGINS" in said[0].getMessage()
