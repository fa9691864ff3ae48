"""
Protection in a file and in environment variables.
"""

import tomllib

import pytest
from flask import Flask
from kit.configuring import APP, file, hello, refusal  # noqa: F401 - a fixture is imported by its name

from corsguard import CORSMiddleware, CrossOriginProtection, Policies, explain
from corsguard.configuration import Configuration
from corsguard_flask import CORSGuard

ONE = f"""
allow_origins = ["{APP}"]

[protection]
mode = "report"
exempt = ["/webhooks"]

[environments.staging]

[environments.production.protection]
mode = "enforce"
"""
NAMED = f"""
[policies.app]
allow_origins = ["{APP}"]

[paths]
"/api" = "app"

[protection]
"""


def test_a_file_can_switch_protection_on(file):  # noqa: F811 - the fixture
    written = file(ONE)
    assert Configuration.from_file(written, "staging").protection == CrossOriginProtection(
        mode="report", exempt=["/webhooks"]
    )
    assert Configuration.from_file(written, "production").protection == CrossOriginProtection(exempt=["/webhooks"])
    assert Configuration.from_file(file(NAMED)).protection == CrossOriginProtection()
    assert Configuration.from_mapping({"allow_origins": [APP]}).protection is None
    alone = {"allow_origins": [APP], "environments": {"live": {"protection": {"methods": "all"}}, "test": {}}}
    assert Configuration.from_mapping(alone, "live").protection == CrossOriginProtection(methods="all")
    assert Configuration.from_mapping(alone, "test").protection is None


@pytest.mark.parametrize(("content", "environment"), [(ONE, "staging"), (ONE, "production"), (NAMED, None)])
def test_a_shown_file_has_the_same_protection(file, content, environment):  # noqa: F811 - the fixture
    shown = Configuration.from_file(file(content), environment)
    again = Configuration.from_mapping(tomllib.loads(str(shown)))
    assert (again.protection, again.policies) == (shown.protection, shown.policies)


def test_every_carrier_of_the_configuration_protects(file):  # noqa: F811 - the fixture
    configuration = Configuration.from_file(file(NAMED))
    assert CORSMiddleware(hello, configuration).guard.protection == CrossOriginProtection()
    assert CORSMiddleware(hello, Policies(configuration)).guard.protection == CrossOriginProtection()
    stranger = {"REQUEST_METHOD": "POST", "HTTP_SEC_FETCH_SITE": "cross-site"}
    assert explain(configuration, stranger).may_act is False
    app = Flask("shop")
    app.config["CORSGUARD"] = configuration
    CORSGuard(app)
    assert app.test_client().post("/", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


MISTAKES = {
    "protection, misspelled": (
        f'allow_origins = ["{APP}"]\n[protecton]',
        'E812 cors.toml: protecton: "protecton" is not a known key here.\n    fix: protection',
    ),
    "not a table": (
        f'allow_origins = ["{APP}"]\nprotection = true',
        (
            "E813 cors.toml: protection: Expected a table of keys and values, got True (a bool).\n"
            '    fix: { mode = "report" }'
        ),
    ),
    "a keyword, misspelled": (
        f'allow_origins = ["{APP}"]\n[protection]\nexmept = []',
        'E812 cors.toml: protection.exmept: "exmept" is not a known key here.\n    fix: exempt',
    ),
    "two mistakes": (
        f'allow_origins = ["{APP}"]\n[protection]\nmode = "on"\n[environments.live.protection]\nexempt = ["/"]',
        (
            'E806 cors.toml: protection.mode: Expected "enforce" or "report", got "on" (a str).\n    fix: "enforce"\n'
            'E807 cors.toml: environments.live.protection.exempt: "/" exempts every path, so nothing is protected.\n'
            '    fix: "/webhooks"'
        ),
    ),
}


@pytest.mark.parametrize(("content", "told"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_about_protection_in_a_file_is_reported(file, content, told):  # noqa: F811 - the fixture
    assert refusal(Configuration.from_file, file(content)) == told


def variables(**more):
    return {f"CORSGUARD_{name}": value for name, value in {"ALLOW_ORIGINS": APP, **more}.items()}


def test_variables_can_switch_protection_on():
    said = Configuration.from_variables(variables(PROTECTION_MODE="report", PROTECTION_EXEMPT="/webhooks, /saml"))
    assert said.protection == CrossOriginProtection(mode="report", exempt=["/webhooks", "/saml"])
    assert Configuration.from_variables(variables(PROTECTION_METHODS="all")).protection == CrossOriginProtection(
        methods="all"
    )
    assert Configuration.from_variables(variables()).protection is None


def test_mistakes_about_protection_in_variables_are_reported():
    told = refusal(Configuration.from_variables, variables(PROTECTION_MODE="on", PROTECTION="report"))
    assert told == (
        'E817 CORSGUARD_PROTECTION: There is no variable "CORSGUARD_PROTECTION".\n'
        "    fix: Move its value to CORSGUARD_PROTECTION_MODE, and remove it.\n"
        'E806 CORSGUARD_PROTECTION_MODE: Expected "enforce" or "report", got "on" (a str).\n    fix: enforce'
    )
    told = refusal(Configuration.from_variables, variables(PROTECTION_EXEMPT="/a,"))
    assert told.startswith("E816 CORSGUARD_PROTECTION_EXEMPT")
