"""
Values of flask-cors in the config of a guarded application are reported once.
"""

import pytest
from flask import Flask
from flask_cors import CORS
from flask_cors.core import CONFIG_OPTIONS
from kit.recording import records

from corsguard.diagnosis.guarded import guard_of
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
def test_a_config_of_flask_cors_is_reported(name):
    problem = left_over(guarded(**{name: "x"}))
    assert problem is not None
    assert (problem.code, problem.field) == ("W908", name)


@pytest.mark.parametrize(
    "config", [{}, {"CORS_ORIGINS": None}, {"CORS_ALLOWED_ORIGINS": APP}, {"CORS_HEADERS": "x"}, {"cors_origins": "x"}]
)
def test_a_value_that_flask_cors_does_not_read_is_not_reported(config):
    assert left_over(guarded(**config)) is None


def test_a_config_that_flask_cors_still_reads_is_not_reported():
    """
    flask-cors is in use there, so its config has an effect.
    """
    app = guarded(CORS_ORIGINS=APP)
    CORS(app)
    assert left_over(app) is None


LISTED = {"allow_origins": [APP]}


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ({"CORS_GUARD": LISTED}, {}, {"CORS_GUARD": "W909"}),
        ({"corsguard": LISTED}, {}, {"corsguard": "W909"}),
        # FLASK_CORSGARD__ALLOW_ORIGINS and FLASK_CORSGARD_ALLOW_ORIGINS give these values.
        ({"CORSGARD": {"ALLOW_ORIGINS": [APP]}}, {}, {"CORSGARD": "W909"}),
        ({"CORSGARD_ALLOW_ORIGINS": [APP]}, {}, {"CORSGARD_ALLOW_ORIGINS": "W909"}),
        ({}, {"CORSGUARD": LISTED}, {"CORSGUARD": "W910"}),
        ({}, {"CORSGUARD": {"ALLOW_ORIGINS": [APP]}}, {"CORSGUARD": "W910"}),
        ({"CORSGUARD": LISTED}, {"CORSGUARD": {}}, {}),
        ({"CORSGUARD": LISTED, "CORS_GUARD": LISTED}, {}, {}),
        ({"SECRET_KEY": "x", "CORSO": 1, "CORS_HEADERS": "x", "GUARD": 1}, {}, {}),
    ],
)
def test_a_config_without_a_reader_is_reported(records, before, after, codes):
    """
    The guard has no policy, and says which part of the config was probably meant.
    """
    app = Flask("shop")
    app.config.update(before)
    CORSGuard(app)
    app.config.update(after)
    for _ in range(2):
        app.test_client().get("/", headers={"Origin": APP})
    said = [record.getMessage().split(":")[0] for record in records]
    assert said == [f"{code} {name}" for name, code in codes.items()]
    assert {problem.field: problem.code for problem in guard_of("shop:app", app).problems} == codes


def test_a_guard_with_a_policy_reports_no_other_name(records):
    """
    The project may use a name of its own for the value that it gives to the guard.
    """
    app = guarded(CORS_GUARD=LISTED)
    app.test_client().get("/", headers={"Origin": APP})
    assert records == []


def test_the_old_config_is_logged_once(records):
    """
    The first request logs it, whenever the config was written. Later requests do not.
    """
    app = guarded()
    app.config["CORS_ORIGINS"] = [APP]
    for _ in range(3):
        app.test_client().get("/", headers={"Origin": APP})
    said = [record for record in records if "W908" in record.getMessage()]
    assert len(said) == 1
    assert "CORS_ORIGINS" in said[0].getMessage()
